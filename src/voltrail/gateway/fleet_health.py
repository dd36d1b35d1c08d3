"""
The health of a fleet, reckoned on DuckDB: what was kept of each month, over the batteries of a reader.

What `health.fleet` says is run here. One reckoning at a time in a process: it takes all the cores.
"""

from __future__ import annotations

import tempfile
import threading
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from voltrail.errors import UsageError
from voltrail.gateway.health_job import read_month
from voltrail.gateway.health_store import HealthStore
from voltrail.health.policy import POLICY
from voltrail.health.tables import BATTERIES, MONTHS

if TYPE_CHECKING:
    from voltrail.health.fleet import Limits

MEMORY: Final = "2GB"  # of DuckDB; what needs more is written to a folder beside

_NOTHING: Final[dict[str, Any]] = {"batteries": 0, "low": None, "middle": None, "high": None}
_MADE: Final = ("known", "last")
_turn: Final = threading.Lock()


class Wanted(msgspec.Struct, frozen=True):
    """Which batteries, and up to which month; "-" for what the record does not say."""

    model: str | None = None
    chemistry: str | None = None
    province: str | None = None
    month: str | None = None

    def check(self) -> None:
        """Raise UsageError for what no battery can be, and for what is no month (`health.month`)."""
        if any("\0" in (text or "") for text in (self.model, self.chemistry, self.province)):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")
        if self.month is not None:
            read_month(self.month)

    @property
    def upto(self) -> date | None:
        """The first day of the month."""
        return None if self.month is None else read_month(self.month)

    def among(self, batteries: pa.Table) -> pa.Table:
        """Return those of some batteries (`tables.BATTERIES`)."""
        for name in ("model", "chemistry", "province"):
            value = getattr(self, name)
            if value == "-":
                batteries = batteries.filter(pc.is_null(batteries[name]))
            elif value is not None:
                batteries = batteries.filter(pc.equal(batteries[name], value))
        return batteries


class FleetHealth(msgspec.Struct, frozen=True):
    """
    What is known of a fleet: see `health.fleet` for each table.

    `batteries` is how many the record has of those asked for; `whole` what is told of all whose state of
    health is known. `standings` and `standing_out` count all; `outliers` and `warranty` name those alone that
    the reader may read of one by one. None where they are too few to be counted for somebody who may not.
    """

    batteries: int
    whole: dict[str, Any]
    months: tuple[date, ...]
    groups: dict[str, list[dict[str, Any]]]
    curves: dict[str, list[dict[str, Any]]]
    judged: int
    standing_out: int | None
    outliers: pa.Table
    standings: dict[str, int] | None
    warranty: pa.Table
    limits: Limits


def reckon(store: HealthStore, batteries: pa.Table, wanted: Wanted, day: date) -> FleetHealth:
    """
    Return what is known of the health of batteries (`tables.BATTERIES`), by the policy of a day.

    Raises UsageError for what cannot be asked.
    """
    wanted.check()
    mine, months = wanted.among(batteries), store.known()
    paths = [str(store.file(month)) for month in months if wanted.upto is None or month <= wanted.upto]
    with _turn, tempfile.TemporaryDirectory() as aside:
        limits, queries = _queries(day)
        with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": aside}) as con:
            con.register("batteries", mine)
            if paths:
                con.read_parquet(paths, hive_partitioning=False).create_view("months")
            else:
                con.register("months", MONTHS.empty_table())
            for name in _MADE:  # read several times, so made once
                con.execute(f"create table {name} as {queries[name]}")
            found = {
                name: con.execute(query).to_arrow_table()
                for name, query in queries.items()
                if name not in _MADE
            }
    warranty, outliers = found["warranty"], found["outliers"]
    enough = warranty.num_rows >= limits.group_least or not pc.any(pc.invert(warranty["shown"])).as_py()
    counted = pc.value_counts(warranty["standing"]).to_pylist()
    return FleetHealth(
        mine.num_rows,
        next(iter(found["whole"].to_pylist()), _NOTHING),
        tuple(months),
        {name[3:]: table.to_pylist() for name, table in found.items() if name.startswith("by_")},
        {name[5:]: table.to_pylist() for name, table in found.items() if name.startswith("over_")},
        found["judged"].num_rows,
        outliers.num_rows if enough else None,
        _shown(outliers),
        {one["values"]: one["counts"] for one in counted} if enough else None,
        _shown(warranty),
        limits,
    )


@lru_cache(maxsize=2)
def _queries(day: date) -> tuple[Limits, dict[str, str]]:
    """
    Return the limits of a day, and what to ask in SQL: `known` and `last` of the tables, the others of those.

    Ibis takes 0.7 s to import and a second to compile all of it, which is more than most fleets take to read.
    """
    import ibis

    from voltrail.health import fleet

    limits = fleet.Limits.of(POLICY.at(day))
    months, batteries = (
        ibis.table(ibis.Schema.from_pyarrow(schema), name=name)
        for name, schema in (("months", MONTHS), ("batteries", BATTERIES))
    )
    told = fleet.told(months, batteries)
    known = ibis.table(told.schema(), name="known")
    latest = fleet.latest(known)
    last = ibis.table(latest.schema(), name="last")
    asked = {
        "known": told,
        "last": latest,
        "whole": fleet.whole(last, limits),
        **{f"by_{by}": fleet.grouped(last, by, limits) for by in fleet.BY},
        **{f"over_{over}": fleet.curve(known, over, limits) for over in fleet.OVER},
        "judged": fleet.judged(last, limits).select("code"),
        "outliers": fleet.outliers(last, limits),
        "warranty": fleet.warranty(known, last, limits),
    }
    return limits, {name: str(ibis.to_sql(one, dialect="duckdb")) for name, one in asked.items()}


def _shown(table: pa.Table) -> pa.Table:
    return table.filter(table["shown"]).drop_columns("shown")
