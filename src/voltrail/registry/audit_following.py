"""
The part of an audit about what follows from the record (`following.py`): each row as it must be by now.

Rows of subjects are computed from their chains and states, which the audit holds against the lines, by the
same functions that write them. They are compared where all that they follow from was followed already: what
is further on may be there or not. What is counted entry by entry is counted again (`Tally`) and compared in a
temporary table, so that memory stays the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection
from voltrail.errors import VoltrailError
from voltrail.lifecycle import Battery
from voltrail.lifecycle.flows import needed_for
from voltrail.registry import (
    duties,
    fleet,
    flows,
    holdings,
    issued,
    lines,
    lots,
    missing,
    outlets,
    rows,
    station_rows,
)
from voltrail.registry.difference import Difference
from voltrail.registry.following import Entry, Key, Known, Row, Table
from voltrail.registry.rulebook import read_book

AT_ONCE: Final = 500  # subjects
UNREADABLE: Final = (VoltrailError, msgspec.MsgspecError, LookupError, TypeError, ValueError)

_UPTO: Final = """
select h.upto, d.upto, o.upto, f.upto, m.upto, p.upto, l.upto, t.upto, s.upto, n.upto
from holding_upto h, duty_upto d, outlet_upto o, flow_upto f, missing_upto m, passport_upto p, lot_upto l,
    fleet_upto t, station_upto s, line_upto n
"""
TALLIES: Final = "create temporary table audit_tally (name text, key text[], number bigint)"
_TALLIED: Final = """
select key, counted.number, kept.number
from (select key, sum(number)::bigint as number from audit_tally where name = '{name}' group by 1) counted
full join (select array[{keys}]::text[] as key, {number} as number from {name}) kept using (key)
where coalesce(counted.number, 0) <> coalesce(kept.number, 0) order by 1
"""
_SUMMED: Final = """
select array[{named}]::text[], counted.number, kept.number
from (select {keys}, count(*) as number from {source} group by {keys}) counted
full join (select {keys}, {number} as number from {name}) kept using ({keys})
where coalesce(counted.number, 0) <> coalesce(kept.number, 0) order by 1
"""
# What is counted of the rows that stand, and where: by the names of the keys.
_CASES: Final = (
    "(select kind, organisation, case when kind = 'not_received' then other else '' end as other,"
    " date_trunc('month', at)::date as month from missing_case) cases"
)
_SUMS: Final = (
    (holdings.SUMS, "number", "holding"),
    (duties.SUMS, "open", "duty where met is null"),
    *((sums, "number", "flow") for sums in flows.COUNTS),
    (missing.SUMS, "cases", _CASES),
    (station_rows.HOURLY, "number", "(select station, date_trunc('hour', at) as hour from swap) hours"),
)
_OF_NOBODY: Final = """
select distinct {by} from {name} t where not exists (select from subject s where s.id = '{prefix}' || t.{by})
order by 1
"""
_TABLES: Final = (
    (holdings.TABLE, "battery:"),
    (duties.TABLE, ""),
    (outlets.TABLE, "site:"),
    (flows.TABLE, "battery:"),
    (fleet.TABLE, "battery:"),
    (missing.TABLE, "battery:"),
    (issued.TABLE, "battery:"),
    (lots.LOTS, "lot:"),
    (lots.BATTERIES, "battery:"),
    (lots.RUNS, ""),
    (station_rows.STATIONS, "site:"),
    (station_rows.SWAPS, "vehicle:"),
    (station_rows.PACKS, "battery:"),
    (station_rows.TOLD, "battery:"),
    (lines.STEPS, ""),
    (lines.BATTERIES, "battery:"),
)


class Chain(msgspec.Struct, frozen=True):
    """
    A subject as it is stored (k, h, seq, latest_us, state), with its events in the order of the log.

    There is one at least when it is held against what follows.
    """

    name: str
    row: Sequence[Any]
    entries: list[Entry]

    @property
    def code(self) -> str | None:
        """The code of a battery."""
        return self.name[8:] if self.name.startswith("battery:") else None


class Tally(msgspec.Struct, frozen=True):
    """What the entries of a block, which begins at `start`, add to what is counted entry by entry."""

    start: int
    sales: dict[Key, int]
    done: dict[Key, int]
    makers: dict[str, str]


class Uptos(msgspec.Struct, frozen=True):
    """Up to which entry each was followed."""

    holdings: int
    duties: int
    outlets: int
    flows: int
    missing: int
    issued: int
    lots: int
    fleet: int
    stations: int
    lines: int


class Following:
    """What must follow from subjects and entries, against what stands: seen through one connection."""

    def __init__(self, connection: Connection, authorities: frozenset[str]) -> None:
        self._connection, self._authorities = connection, authorities
        self._upto = Uptos(*rows.one(connection, _UPTO))
        self._book = read_book(connection, authorities)
        self._kinds = duties.kinds_that_count(self._book.every())

    # ------------------------------------------------------------ entries

    def tally(self, start: int, entries: Sequence[Entry]) -> Tally:
        """Return what entries add to what is counted; of those that cannot be read, nothing."""
        try:
            return self._tally(start, entries)
        except UNREADABLE:
            found = Tally(start, Counter(), Counter(), {})
            for one in entries if len(entries) > 1 else ():
                more = self.tally(start, [one])
                for kept, added in ((found.sales, more.sales), (found.done, more.done)):
                    for key, number in added.items():
                        kept[key] += number
                for maker, organisation in more.makers.items():
                    found.makers.setdefault(maker, organisation)
            return found

    def _tally(self, start: int, entries: Sequence[Entry]) -> Tally:
        known = Known(self._connection, self._authorities)
        known.add(one.recorded for one in entries)
        known.load({"organisation:" + one.recorded.reporter for one in entries})
        sold = [one.recorded for one in self._below(entries, self._upto.outlets)]
        return Tally(
            start,
            outlets.sales_of(sold, known),
            missing.done_by(self._below(entries, self._upto.missing), known),
            flows.makers_of(self._below(entries, self._upto.flows)),
        )

    @staticmethod
    def _below(entries: Iterable[Entry], upto: int) -> Iterator[Entry]:
        return (one for one in entries if one.recorded.index < upto)

    # ------------------------------------------------------------ subjects

    def subjects(self, chains: Sequence[Chain]) -> Iterator[Difference]:
        """Compare the rows of some subjects; what of them cannot be read is named."""
        try:
            yield from list(self._subjects(chains))
        except UNREADABLE:
            if len(chains) == 1:
                yield Difference("state", chains[0].name, "What follows from it cannot be computed.")
                return
            for one in chains:
                yield from self.subjects([one])

    def _subjects(self, chains: Sequence[Chain]) -> Iterator[Difference]:
        if not chains:
            return
        known = Known(self._connection, self._authorities)
        for one in chains:
            known.know(one.name, one.row, [entry.recorded for entry in one.entries])
        states = {
            one.code: state
            for one in chains
            if one.code is not None and isinstance(state := known.state(one.name), Battery)
        }
        vehicles = {name for state in states.values() for name in _vehicles(state)}
        known.load({*vehicles, *chain.from_iterable(map(needed_for, states.values()))})

        def still(code: str, upto: int) -> bool:
            """Whether a battery and its vehicles are where they were when they were followed."""
            named = ("battery:" + code, *_vehicles(states[code]))
            return all(known.slot(name).last < upto for name in named)

        upto = self._upto
        codes = [code for code in states if known.slot("battery:" + code).last < upto.holdings]
        yield from self._compare(holdings.TABLE, codes, holdings.rows_of(known, codes))
        names = [one.name for one in chains if known.slot(one.name).last < upto.duties]
        bearers = list(duties.bearing(names, self._kinds))
        yield from self._compare(duties.TABLE, names, duties.duties_of(known, bearers, self._book))
        sites = [
            one.name
            for one in chains
            if one.name.startswith("site:") and known.slot(one.name).last < upto.outlets
        ]
        found = (row for name in sites if (row := outlets.outlet_of(known.state(name))) is not None)
        yield from self._compare(outlets.TABLE, [name.removeprefix("site:") for name in sites], found)
        codes = [code for code in states if known.slot("battery:" + code).last < upto.issued]
        yield from self._compare(issued.TABLE, codes, issued.passports_of(known, codes))
        yield from self._lots(known, chains)
        yield from self._stations(known, chains)
        yield from self._lines(known, chains)
        codes = [code for code in states if still(code, upto.flows)]
        packs = map(msgspec.structs.astuple, flows.flows_of(known, codes))
        yield from self._compare(flows.TABLE, codes, packs)
        codes = [code for code in states if still(code, upto.fleet)]
        yield from self._compare(fleet.TABLE, codes, fleet.packs_of(known, codes))
        codes = [code for code in states if still(code, upto.missing)]
        cases = missing.open_of(self._connection, known, codes)
        yield from self._compare(missing.TABLE, codes, cases, missing.OPEN)
        entries = (entry for one in chains if one.code in states for entry in one.entries)
        late = (missing.late_of(entry) for entry in self._below(entries, upto.missing))
        own = {row for row in late if row is not None and row[0] in states}
        yield from self._compare(missing.TABLE, list(states), own, missing.LATE)

    def _lots(self, known: Known, chains: Sequence[Chain]) -> Iterator[Difference]:
        """Compare the lots and runs of some subjects; most have none, and nothing is computed for them."""
        names = [one.name for one in chains if known.slot(one.name).last < self._upto.lots]
        having = {one.name for one in chains if lots.has_runs(entry.recorded for entry in one.entries)}
        own = [name.removeprefix("lot:") for name in names if name.startswith("lot:")]
        yield from self._compare(lots.LOTS, own, lots.lots_of(known, own))
        yield from self._compare(lots.RUNS, names, lots.runs_of(known, having.intersection(names)))
        codes = [name[8:] for name in names if name.startswith("battery:")]
        with_runs = (code for code in codes if "battery:" + code in having)
        yield from self._compare(lots.BATTERIES, codes, lots.batteries_of(known, with_runs))

    def _lines(self, known: Known, chains: Sequence[Chain]) -> Iterator[Difference]:
        """Compare the steps of lines that some subjects went through; most went through none."""
        names = [one.name for one in chains if known.slot(one.name).last < self._upto.lines]
        having = {one.name for one in chains if lines.has_steps(entry.recorded for entry in one.entries)}
        yield from self._compare(lines.STEPS, names, lines.steps_of(known, having.intersection(names)))
        codes = [name[8:] for name in names if name.startswith("battery:")]
        with_steps = (code for code in codes if "battery:" + code in having)
        yield from self._compare(lines.BATTERIES, codes, lines.batteries_of(known, with_steps))

    def _stations(self, known: Known, chains: Sequence[Chain]) -> Iterator[Difference]:
        """Compare the stations, swaps and packs of some subjects."""
        names = [one.name for one in chains if known.slot(one.name).last < self._upto.stations]
        sites = [name.removeprefix("site:") for name in names if name.startswith("site:")]
        found = (
            row for one in sites if (row := station_rows.station_of(known.state("site:" + one))) is not None
        )
        yield from self._compare(station_rows.STATIONS, sites, found)
        vins = [name.removeprefix("vehicle:") for name in names if name.startswith("vehicle:")]
        yield from self._compare(station_rows.SWAPS, vins, station_rows.swaps_of(known, vins))
        codes = [name[8:] for name in names if name.startswith("battery:")]
        swapped = {code for code in codes if station_rows.was_swapped(known.events("battery:" + code))}
        packs = list(station_rows.packs_of(known, codes, swapped))
        yield from self._compare(station_rows.PACKS, codes, packs)
        yield from self._compare(
            station_rows.TOLD, codes, station_rows.told_of(known, [row[0] for row in packs])
        )

    def _compare(
        self, table: Table, subjects: Collection[str], follow: Iterable[Row], of: str = ""
    ) -> Iterator[Difference]:
        """Compare the rows that stand of some subjects with those that must follow from them."""
        stand, must = (
            {row[: table.key]: row for row in found}
            for found in (table.read(self._connection, subjects, of), follow)
        )
        for key in sorted({*stand, *must}):
            if stand.get(key) != must.get(key):
                yield _difference(table, key, stand.get(key), must.get(key))


def write_tally(connection: Connection, tally: Tally) -> None:
    """Keep what a block adds, in a temporary table (`TALLIES`)."""
    with connection.cursor().copy("copy audit_tally from stdin") as target:
        for sums, changes in ((outlets.SUMS, tally.sales), (missing.SUMS, tally.done)):
            for key, number in changes.items():
                target.write_row((sums.name, [str(one) for one in key], number))


def compare_sums(connection: Connection, makers: dict[str, tuple[int, str]]) -> Iterator[Difference]:
    """
    Compare what is counted of rows, and of entries as they were tallied; name what belongs to no subject.

    `makers` are those of the blocks, each with where its block begins.
    """
    for table, prefix in _TABLES:
        query = _OF_NOBODY.format(by=table.by, name=table.name, prefix=prefix)
        for (subject,) in connection.execute(query):
            yield Difference(table.name, subject, "It stands there, and is not in the record.")
    for sums, number, source in _SUMS:
        keys, named = ", ".join(sums.keys), ", ".join(f"{name}::text" for name in sums.keys)
        query = _SUMMED.format(keys=keys, named=named, number=number, name=sums.name, source=source)
        yield from _sums(connection, query, sums.name, number)
    for sums, number in ((outlets.SUMS, "number"), (missing.SUMS, "done")):
        keys = ", ".join(f"{name}::text" for name in sums.keys)
        yield from _sums(
            connection, _TALLIED.format(keys=keys, number=number, name=sums.name), sums.name, number
        )
    stand = dict(connection.execute("select maker, organisation from flow_maker").fetchall())
    must = {maker: organisation for maker, (_, organisation) in makers.items()}
    for maker in sorted({*stand, *must}):
        if stand.get(maker) != must.get(maker):
            yield Difference("flow_maker", maker, _said(stand.get(maker), must.get(maker)))


def add_makers(makers: dict[str, tuple[int, str]], tally: Tally) -> None:
    """Note who was the first to make batteries, whatever the order of the blocks."""
    for maker, organisation in tally.makers.items():
        makers[maker] = min(makers.get(maker, (tally.start, organisation)), (tally.start, organisation))


def _sums(connection: Connection, query: str, name: str, number: str) -> Iterator[Difference]:
    for key, must, stands in connection.execute(query):
        where = "/".join(part or "-" for part in key)
        yield Difference(name, where, f"{number}: {_said(stands, must)}")


def _difference(table: Table, key: Key, stands: Row | None, must: Row | None) -> Difference:
    names = list(table.columns)
    told = {
        name: tuple(None if row is None else row[place] for row in (stands, must))
        for place, name in enumerate(names)
        if place >= table.key
    }
    where = "/".join(str(part) for part in key if part != "")
    if stands is None or must is None:
        row = stands or must or ()
        what = ", ".join(f"{name} {_text(value)}" for name, value in zip(names, row, strict=True))
        return Difference(
            table.name,
            where,
            f"It is missing: {what}." if stands is None else f"It stands there without reason: {what}.",
        )
    wrong = [f"{name}: {_said(*both)}" for name, both in told.items() if both[0] != both[1]]
    return Difference(table.name, where, " ".join(wrong))


def _said(stands: Any, must: Any) -> str:
    return f"{_text(stands)} stands there, and it must be {_text(must)}."


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _vehicles(battery: Battery) -> list[str]:
    return [f"vehicle:{one.vin}" for one in battery.claims if one.vin is not None]
