"""
What follows from the record: tables that are brought up behind the log and are never part of an append.

`follow` takes the next entries of the log, once for all tables that stand there (`Step`): their lines are
decoded and the states that they touched are read as they stand now. Each noun (`Copy`) says which of its rows
follow from them, and only what differs from what stood is written, in one transaction with how far each table
was followed. So a step done twice, or any steps, give the same; and a table may be made again from entry 0
while the others stay up to date.

For that, what a row says must follow from the record alone and not from when it was followed. A subject that
is touched again is read again; of organisations, models and other batteries that changed since, a row says
what was so at the last entry that touches its own subject (`Known.at`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final

import msgspec

from voltrail.database.database import Connection, Database, Texts
from voltrail.events import batteries
from voltrail.events.kinds import decode_taken
from voltrail.lifecycle import (
    Finding,
    Organisation,
    Recorded,
    State,
    decode_state,
    effective_events,
    fold,
)
from voltrail.registry import rows
from voltrail.registry.world import Slot, World

FOLLOWED_AT_ONCE: Final = 2_000  # entries: a tenth of a second or two, for which a page waits
SPARSELY: Final = 10  # times as many, where only some kinds of event are asked for
LOCK: Final = 0x566F6C77  # beside those of migrations, accounts and applications

# What tells something new of the batteries of a vehicle, whether it names them or not.
_OF_VEHICLES: Final = frozenset({"sold", "vehicle_scrapped", "corrected"})
_ENTRY: Final = """
select e.seq, e.line, r.organisation, e.received_ms, e.subjects, e.findings
from event e join report r on r.id = e.report
"""
_ENTRIES: Final = _ENTRY + "where e.seq >= %s and e.seq < %s order by e.seq"
_OF_KINDS: Final = _ENTRY + "where e.seq >= %s and e.seq < %s and e.kind = any(%s) order by e.seq"
_NAMED: Final = _ENTRY + "where e.seq = any(%s)"
# Entry by entry through the primary key, whatever the planner thinks of a table that has just grown.
_CHAINS: Final = """
with recursive walk as (
    select w.subject, e.*
    from unnest(%s::text[], %s::bigint[]) w(subject, last) cross join lateral (
        select seq, report, line, received_ms, before[array_position(subjects, w.subject)] as previous
        from event where seq = w.last offset 0
    ) e
  union all
    select w.subject, e.*
    from walk w cross join lateral (
        select seq, report, line, received_ms, before[array_position(subjects, w.subject)]
        from event where seq = w.previous offset 0
    ) e
)
select w.subject, w.seq, w.line, r.organisation, w.received_ms from walk w join report r on r.id = w.report
"""
_decode_findings = msgspec.json.Decoder(list[Finding]).decode

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event of the log, its subjects, and what was found at the door."""

    recorded: Recorded
    subjects: list[str]
    findings: list[Finding]


class Known(World):
    """The record as those who follow read it: many chains at a time, subjects as they were at an entry."""

    def __init__(self, connection: Connection, authorities: Iterable[str]) -> None:
        super().__init__(connection, authorities)
        self._entries: dict[int, Recorded | None] = {}
        self._folded: dict[tuple[str, int], State | None] = {}
        self._counting: dict[tuple[str, int], list[Recorded]] = {}

    def add(self, entries: Iterable[Recorded]) -> None:
        """Know these entries without asking."""
        self._entries |= {one.index: one for one in entries}

    def recorded(self, index: int, /) -> Recorded | None:
        """Return the event at an index of the log."""
        if index not in self._entries:
            self._entries[index] = super().recorded(index)
        return self._entries[index]

    def know(self, subject: str, row: Sequence[Any], chain: Sequence[Recorded]) -> None:
        """Know a subject without asking: its row (k, h, seq, latest_us, state) and its chain, not empty."""
        slot = self.slots[subject] = Slot(subject)
        slot.k, slot.h, slot.last, slot.latest_us = row[:4]
        slot.state = decode_state(subject, row[4])
        self.add(chain)
        self._read[subject] = chain[-1].index, [(one, b"") for one in chain]

    def read_entries(self, indices: Iterable[int]) -> None:
        """Read these entries that were not read yet, in one query."""
        wanted = [index for index in set(indices) if index not in self._entries]
        if wanted:
            found = self._connection.execute(_NAMED, (wanted,), binary=True)
            self._entries |= dict.fromkeys(wanted) | {row[0]: _recorded(row) for row in found}

    def read_chains(self, subjects: Iterable[str]) -> None:
        """Read the chains of these subjects that were not read yet, in one query."""
        names = [name for name in subjects if name not in self._read]
        self.load(names)
        wanted = {name: self.slots[name].last for name in names}
        wanted = {name: last for name, last in wanted.items() if last >= 0}
        if not wanted:
            return
        found: dict[str, list[tuple[Recorded, bytes]]] = {name: [] for name in wanted}
        values = (Texts(wanted), list(wanted.values()))
        for name, *row in self._connection.execute(_CHAINS, values, binary=True):
            known = self._entries.get(row[0])
            if known is None:
                known = self._entries[row[0]] = _recorded(row)
            found[name].append((known, row[1]))
        for name, chain in found.items():
            self._read[name] = wanted[name], sorted(chain, key=lambda one: one[0].index)

    def at(self, subject: str, index: int) -> State | None:
        """Return the state of a subject after the entry at an index."""
        slot = self.slot(subject)
        if slot.last <= index:
            return slot.state
        events = self._until(subject, index)
        asked = subject, len(events)
        if asked not in self._folded:
            self._folded[asked] = fold(subject, self.with_corrected(events))
        return self._folded[asked]

    def organisation_at(self, identifier: str, index: int) -> Organisation | None:
        """Return an organisation that was registered at an index, or one of the authorities."""
        state = self.at("organisation:" + identifier, index)
        known = state if isinstance(state, Organisation) and state.registered_at is not None else None
        return self._as_authority(identifier, known) if identifier in self._authorities else known

    def events(self, subject: str, /, upto: int | None = None) -> list[Recorded]:
        """Return all of a subject's events that count, in their order; those that did at an entry."""
        events = self._until(subject, self.slot(subject).last if upto is None else upto)
        asked = subject, len(events)
        if asked not in self._counting:
            self._counting[asked] = effective_events(self.with_corrected(events), subject)
        return self._counting[asked]

    def _until(self, subject: str, index: int) -> dict[int, Recorded]:
        return {one.index: one for one, _ in self.chain(subject) if one.index <= index}


class Then:
    """
    The record as it was at an entry: `lifecycle.missing.Record`.

    But for vehicles, which are as they are now: what is told of one touches its batteries.
    """

    def __init__(self, known: Known, index: int) -> None:
        self._known, self._index = known, index
        self.recorded = known.recorded

    def state(self, subject: str, /) -> State | None:
        """Return the state of a subject."""
        return self._known.at(subject, self._upto(subject))

    def organisation(self, identifier: str, /) -> Organisation | None:
        """Return a registered organisation."""
        return self._known.organisation_at(identifier, self._index)

    def events(self, subject: str, /) -> Sequence[Recorded]:
        """Return a subject's events after corrections, in the order of (`occurred_at`, index)."""
        return self._known.events(subject, self._upto(subject))

    def _upto(self, subject: str) -> int:
        return self._known.slot(subject).last if subject.startswith("vehicle:") else self._index


class Step:
    """
    Some entries of the log, from `start` up to and not including `stop`, read once for all that follow.

    All of them, or those of some `kinds`.
    """

    def __init__(
        self,
        connection: Connection,
        authorities: frozenset[str],
        start: int,
        stop: int,
        kinds: Collection[str] | None = None,
    ) -> None:
        self.connection, self.start, self.stop = connection, start, stop
        query, asked = (_ENTRIES, (start, stop)) if kinds is None else (_OF_KINDS, (start, stop, list(kinds)))
        found = connection.execute(query, asked, binary=True).fetchall()
        self.entries = [Entry(_recorded(row), row[4], findings_of(row[5])) for row in found]
        self.known = Known(connection, authorities)
        self.known.add(one.recorded for one in self.entries)
        self.known.load(self._organisations())

    def _organisations(self) -> Iterator[str]:
        """Yield who reported the entries, and to whom batteries were sent."""
        for one in self.entries:
            yield "organisation:" + one.recorded.reporter
            to = getattr(one.recorded.event, "to", None)
            if isinstance(to, str):
                yield "organisation:" + to

    @cached_property
    def codes(self) -> list[str]:
        """The batteries that the entries are about, in order; all that they are about is loaded."""
        self.known.load(name for one in self.entries for name in one.subjects)
        return sorted({code for one in self.entries for code in codes_of(one.subjects)})

    @cached_property
    def touched(self) -> list[str]:
        """Those, and the batteries of vehicles of which they tell something new, in order; all loaded."""
        codes = self.codes
        vehicles = {
            name
            for one in self.entries
            if one.recorded.event.kind in _OF_VEHICLES
            for name in one.subjects
            if name.startswith("vehicle:")
        }
        self.known.read_chains(vehicles)
        chains = (self.known.chain(name) for name in vehicles)
        found = {code for chain in chains for one, _ in chain for code in batteries(one.event)}
        self.known.load("battery:" + code for code in found)
        return sorted(found.union(codes))


class Copy:
    """A noun whose tables follow from the record; threads and servers may share it."""

    upto: ClassVar[str]
    """The table that says up to which entry they were followed."""

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        self._database, self._authorities = database, authorities

    def kinds(self, connection: Connection) -> Collection[str] | None:  # noqa: ARG002 - others ask the database
        """Return the kinds of event that it asks for; None for all."""
        return None

    def bring_up(self, step: Step) -> None:
        """Write what follows from a step."""
        raise NotImplementedError

    def follow(self, most: int | None = None) -> int:
        """Bring up what up to so many further entries touch; return how many entries are left."""
        return follow(self._database, self._authorities, (self,), most)


def follow(
    database: Database, authorities: frozenset[str], copies: Sequence[Copy], most: int | None = None
) -> int:
    """
    Bring copies up by up to so many further entries; return how many are left for that furthest back.

    Those that stand at the same entry go together. Those in front go first, so that none is held up while
    another is made again.
    """
    with database.pool.connection() as connection:
        reached, size = _reach(connection, copies)
        left = 0
        for upto in sorted({one for one in reached if one < size}, reverse=True):
            together = [copy for copy, one in zip(copies, reached, strict=True) if one == upto]
            beyond = min((one for one in reached if one > upto), default=size)
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
                left = max(left, _step(connection, authorities, together, beyond, most))
    return left


def _step(
    connection: Connection, authorities: frozenset[str], copies: Sequence[Copy], beyond: int, most: int | None
) -> int:
    """
    Bring up those of some copies that stand furthest back; return how many entries are left for them.

    Not past the entry `beyond`, where others stand that will go together with them.
    """
    reached, size = _reach(connection, copies)
    start = min(reached)
    if start >= size:
        return 0
    together = [copy for copy, upto in zip(copies, reached, strict=True) if upto == start]
    asked = [copy.kinds(connection) for copy in together]
    kinds = None if None in asked else {kind for one in asked for kind in one or ()}
    stop = start + (most or FOLLOWED_AT_ONCE * (1 if kinds is None else SPARSELY))
    stop = min(stop, size if beyond <= start else beyond)
    step = Step(connection, authorities, start, stop, kinds)
    for copy in together:
        copy.bring_up(step)
        connection.execute(f"update {copy.upto} set upto = %s", (stop,))  # noqa: S608 - our own words
    return size - stop


def _reach(connection: Connection, copies: Sequence[Copy]) -> tuple[list[int], int]:
    """Return up to where each copy was followed, and how many entries the record has."""
    each = ", ".join(f"(select upto from {copy.upto})" for copy in copies)  # noqa: S608
    *reached, size = rows.one(connection, f"select {each}, (select base + size from log)")  # noqa: S608
    return reached, size or 0


def _recorded(row: Sequence[Any]) -> Recorded:
    """Return the event of a row that begins with seq, line, organisation and received_ms."""
    seq, line, organisation, received_ms = row[:4]
    return Recorded(seq, decode_taken(line), organisation, received_ms)


def codes_of(subjects: Iterable[str]) -> Iterator[str]:
    """Yield the codes of those subjects that are batteries."""
    return (name[8:] for name in subjects if name.startswith("battery:"))


def findings_of(stored: bytes | None) -> list[Finding]:
    """Return the findings that stand with an event."""
    return [] if stored is None else _decode_findings(bytes(stored))


class Table(msgspec.Struct, frozen=True):
    """
    A table of rows that follow from subjects, its columns with their types; the first `key` are its key.

    `by` is the column that says of which subject a row is.
    """

    name: str
    columns: dict[str, str]
    key: int
    by: str

    @property
    def _has_lists(self) -> bool:
        return "text[]" in self.columns.values()

    def read(self, connection: Connection, subjects: Collection[str], of: str = "") -> set[Row]:
        """Return the rows of some subjects; `of` is a further condition."""
        if not subjects:
            return set()
        query = f"select {', '.join(self.columns)} from {self.name} where {self.by} = any(%s){of}"  # noqa: S608
        found = connection.execute(query, (Texts(subjects),), binary=True).fetchall()
        return set(map(_read, found) if self._has_lists else found)

    def put(
        self,
        connection: Connection,
        subjects: Collection[str],
        follow: Iterable[Row],
        of: str = "",
        *,
        keep: bool = False,
    ) -> tuple[set[Row], set[Row]]:
        """
        Put what follows in place of what stands of some subjects; return the rows that are gone and new ones.

        A row that stays as it is costs nothing. `of` is a further condition; with `keep`, none goes.
        """
        before, after = self.read(connection, subjects, of), set(follow)
        gone, new = set() if keep else before - after, after - before
        if gone:
            names = list(self.columns)[: self.key]
            given = ", ".join(f"%s::{self.columns[name]}[]" for name in names)
            connection.execute(
                f"delete from {self.name} where ({', '.join(names)}) in (select * from unnest({given}))",  # noqa: S608
                [list(column) for column in zip(*(row[: self.key] for row in gone), strict=True)],
            )
        if new:
            copied = f"copy {self.name} ({', '.join(self.columns)}) from stdin (format binary)"
            with connection.cursor().copy(copied) as target:
                target.set_types(list(self.columns.values()))
                for row in sorted(new, key=lambda one: one[: self.key]):
                    target.write_row(_written(row) if self._has_lists else row)
        return gone, new


def _read(row: Row) -> Row:
    return tuple([tuple(one) if isinstance(one, list) else one for one in row])


def _written(row: Row) -> Row:
    return tuple([Texts(one) if isinstance(one, tuple) else one for one in row])


class Sums(msgspec.Struct, frozen=True):
    """A table of sums kept beside: its keys with their types, and its numbers."""

    name: str
    keys: dict[str, str]
    numbers: tuple[str, ...] = ("number",)

    def add(self, connection: Connection, *changes: Mapping[Key, int]) -> None:
        """Add to the sums, each number by its changes."""
        keys = sorted({key for one in changes for key, number in one.items() if number})
        if not keys:
            return
        names = ", ".join((*self.keys, *self.numbers))
        given = ", ".join([f"%s::{kind}[]" for kind in self.keys.values()] + ["%s::bigint[]"] * len(changes))
        sums = ", ".join(f"{name} = c.{name} + excluded.{name}" for name in self.numbers)
        connection.execute(
            f"insert into {self.name} as c ({names}) select * from unnest({given})"  # noqa: S608 - our own words
            f" on conflict ({', '.join(self.keys)}) do update set {sums}",
            (
                *map(list, zip(*keys, strict=True)),
                *([one.get(key, 0) for key in keys] for one in changes),
            ),
        )


def difference(gone: Iterable[Row], new: Iterable[Row], key: Callable[[Row], Key | None]) -> Counter[Key]:
    """Return by how much the number of rows of each key changes; a row without a key is not counted."""
    changes: Counter[Key] = Counter()
    for found, sign in ((gone, -1), (new, 1)):
        for row in found:
            counted = key(row)
            if counted is not None:
                changes[counted] += sign
    return changes
