"""
Where packs are, by province, maker, year and status: counts that an authority reads, and the lists behind
them.

It follows from the record (`following.py`). The province is that of the vehicle's buyer as the record has it
now, or that of the site as it was registered when the pack's last event was reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from voltrail.errors import UsageError
from voltrail.lifecycle import Battery
from voltrail.lifecycle.flows import STATUSES, Flow, flow_of, needed_for
from voltrail.registry.following import (
    Copy,
    Entry,
    Key,
    Known,
    Row,
    Step,
    Sums,
    Table,
    Then,
    codes_of,
    difference,
)

MAX_PAGE: Final = 1_000

_COUNTED: Final = "province, maker, year, type, status"
_ORDER: Final = ("status", "province", "maker", "year", "code")
_TYPES: Final = {"year": "int2"}
TABLE: Final = Table(
    "flow", {name: _TYPES.get(name, "text") for name in Flow.__struct_fields__}, key=1, by="code"
)
# Each table of counts by the columns that it has; the first that has all that is asked is read.
COUNTS: Final = tuple(
    Sums(name, {column: TABLE.columns[column] for column in columns})
    for name, columns in (
        ("flow_place_count", ("province", "maker", "status")),
        ("flow_age_count", ("year", "type", "status")),
        ("flow_count", ("province", "maker", "year", "type", "status")),
    )
)
_MAKES: Final = frozenset({"manufactured", "repurposed", "remanufactured"})
_REBORN: Final = 19  # characters of a new code under which a utilisation enterprise brings a battery out


class Wanted(msgspec.Struct, frozen=True):
    """Which packs: of a province, a maker's part of the code, a year, a status; "-" for what is not known."""

    province: str | None = None
    maker: str | None = None
    year: int | None = None
    status: str | None = None

    def check(self) -> None:
        """Raise UsageError for what no pack can be."""
        if self.status is not None and self.status not in STATUSES:
            raise UsageError(
                "usage.choice",
                f"There is no status {self.status[:40]!r}.",
                f"Use one of {', '.join(STATUSES)}.",
            )
        if any("\0" in (text or "") for text in (self.province, self.maker)):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")

    @property
    def condition(self) -> str:
        """The condition in SQL; said only where meant."""
        named = [name for name in ("province", "maker", "year", "status") if getattr(self, name) is not None]
        return "".join(f" and {name} = %({name})s" for name in named)

    @property
    def values(self) -> dict[str, Any]:
        """The values for `condition`."""
        told = msgspec.structs.asdict(self)
        return told | {name: "" for name in ("province", "maker") if told[name] == "-"}


class Flows(Copy):
    """Where the packs of one database are; threads and servers may share it."""

    upto = "flow_upto"

    def bring_up(self, step: Step) -> None:
        """Count anew the packs that a step touches."""
        connection = step.connection
        followed = flows_of(step.known, step.touched)
        gone, new = TABLE.put(connection, step.touched, map(msgspec.structs.astuple, followed))
        for sums in COUNTS:
            sums.add(connection, difference(gone, new, key_of(sums)))
        makers = makers_of(step.entries)
        if makers:
            connection.execute(
                "insert into flow_maker select * from unnest(%s::text[], %s::text[]) on conflict do nothing",
                (list(makers), list(makers.values())),
            )

    def counts(self, wanted: Wanted, *by: str) -> list[tuple[Any, ...]]:
        """
        Return how many of the wanted packs there are by some of province, maker, year, type, status; in
        order.
        """
        return self._counts(wanted, {name: name for name in by})

    def ways(
        self, wanted: Wanted, makers: Sequence[str], provinces: Sequence[str], rest: str
    ) -> list[tuple[tuple[str, ...], int]]:
        """
        Return how many wanted packs went from maker to province to status; others than those named as
        `rest`.
        """
        folded = {
            name: f"case when {name} = any(%({name}s)s) then {name} else %(rest)s end"
            for name in ("maker", "province")
        }
        values = {"makers": list(makers), "provinces": list(provinces), "rest": rest}
        found = self._counts(wanted, folded | {"status": "status"}, values)
        return [(row[:3], row[3]) for row in found]

    def _counts(
        self, wanted: Wanted, by: Mapping[str, str], more: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        wanted.check()
        needed = {*by, *(name for name in TABLE.columns if getattr(wanted, name, None) is not None)}
        table = next(sums.name for sums in COUNTS if needed <= set(sums.keys))
        numbers = ", ".join(map(str, range(1, len(by) + 1)))
        query = (
            f"select {', '.join(by.values())}, sum(number)::bigint from {table}"  # noqa: S608 - our own words
            f" where number > 0{wanted.condition} group by {numbers} order by {numbers}"
        )
        with self._database.pool.connection() as connection:
            return connection.execute(query, wanted.values | dict(more or {})).fetchall()

    def makers(self) -> dict[str, str]:
        """Return which organisation was the first to make batteries under each maker's part of the code."""
        with self._database.pool.connection() as connection:
            return dict(connection.execute("select maker, organisation from flow_maker").fetchall())

    def page(self, wanted: Wanted, limit: int, after: str | None = None) -> tuple[list[Flow], str | None]:
        """
        Return some of the wanted packs, and the `after` of the next page or None.

        In the order of status, province, maker, year and code: an index has them so. What is wanted of one
        value alone is left out of the comparison, so that a page begins where it does and not before.
        """
        wanted.check()
        place = _place(after)
        free = [name for name in _ORDER if getattr(wanted, name, None) is None]
        given = ", ".join(f"%(after_{name})s" for name in free)
        query = (
            f"select code, {_COUNTED} from flow where ({', '.join(free)}) > ({given})"  # noqa: S608
            f"{wanted.condition} order by {', '.join(free)} limit %(limit)s"
        )
        values = wanted.values | place | {"limit": limit + 1}
        with self._database.pool.connection() as connection:
            found = [Flow(*row) for row in connection.execute(query, values)]
        return found[:limit], _name(found[limit - 1]) if len(found) > limit else None

    def all(self, wanted: Wanted) -> Iterator[list[Flow]]:
        """Yield all wanted packs, in runs: what is in memory is one run."""
        after: str | None = None
        while True:
            found, after = self.page(wanted, MAX_PAGE, after)
            yield found
            if after is None:
                return


def flows_of(known: Known, codes: Sequence[str]) -> list[Flow]:
    """Return what packs are counted as; their states are loaded."""
    slots = [slot for code in codes if isinstance((slot := known.slot("battery:" + code)).state, Battery)]
    known.load(name for slot in slots for name in needed_for(cast("Battery", slot.state)))
    found = (flow_of(cast("Battery", slot.state), Then(known, slot.last).state) for slot in slots)
    return [flow for flow in found if flow is not None]


def key_of(sums: Sums) -> Callable[[Row], Key]:
    """Return where a pack is counted in one table of counts."""
    at = [list(TABLE.columns).index(name) for name in sums.keys]
    return lambda row: tuple([row[place] for place in at])


def makers_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return who is the first among these entries to make batteries, by each maker's part of the code."""
    found: dict[str, str] = {}
    for one in entries:
        kind = one.recorded.event.kind
        if kind in _MAKES:
            for code in codes_of(one.subjects):
                if kind == "manufactured" or len(code) == _REBORN:
                    found.setdefault(code[:3], one.recorded.reporter)
    return found


def _name(flow: Flow) -> str:
    return "/".join((flow.status, flow.province, flow.maker, str(flow.year), flow.code))


def _place(after: str | None) -> dict[str, Any]:
    """Return where a page begins. Raises UsageError for what is no `after`."""
    names = ("after_status", "after_province", "after_maker", "after_year", "after_code")
    parts = (after or "///-1/").split("/")
    year = parts[3] if len(parts) == 5 else ""
    if "\0" in (after or "") or not (year.isascii() and year.removeprefix("-").isdigit() and len(year) < 5):
        raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")
    return dict(zip(names, (*parts[:3], int(year), parts[4]), strict=True))
