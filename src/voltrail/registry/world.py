"""
The record as one transaction sees it: states and chains, read when needed, with what the transaction adds.

Implements `lifecycle.World`, so that judging sees the lines before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from voltrail.database.database import Connection, Texts
from voltrail.events import decode
from voltrail.events.kinds import Corrected
from voltrail.ledger.entries import NO_HEAD
from voltrail.ledger.receipts import LinkedSubject
from voltrail.lifecycle import (
    Life,
    Organisation,
    Recorded,
    State,
    decode_state,
    effective_events,
    in_order,
    step,
)
from voltrail.organisations.trust import RolePeriod

AUTHORITY_SINCE = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = -(1 << 62)
MAX_EVENTS = 500  # of a life, for a gate that looks back: a vehicle that swaps packs has thousands
MAX_OF_MODEL = 20_000  # a stage rests on every test of a model, and on who declared it first

# A chain is walked from its last event back: each event names the one before.
WALK = """
with recursive walk as (
    select e.seq, e.report, e.line, e.received_ms,
           e.before[array_position(e.subjects, %(subject)s)] as previous
    from event e where e.seq = %(last)s
  union all
    select e.seq, e.report, e.line, e.received_ms, e.before[array_position(e.subjects, %(subject)s)]
    from walk w join event e on e.seq = w.previous
)
select w.seq, w.line, r.organisation, w.received_ms from walk w join report r on r.id = w.report
"""

# The same, of the newest events alone, so that a long life costs no more.
WALK_BACK = """
with recursive walk as (
    select e.seq, e.report, e.line, e.received_ms, 1 as steps,
           e.before[array_position(e.subjects, %(subject)s)] as previous
    from event e where e.seq = %(last)s
  union all
    select e.seq, e.report, e.line, e.received_ms, w.steps + 1,
           e.before[array_position(e.subjects, %(subject)s)]
    from walk w join event e on e.seq = w.previous where w.steps < %(most)s
)
select w.seq, w.line, r.organisation, w.received_ms from walk w join report r on r.id = w.report
"""


class Slot:
    """
    A subject's row while a transaction works on it: k events, head h, the last of them, the state.

    `at` is where the row stands in the table (its ctid), None while it is not there. `life` and `lines` are
    made for the first event that comes late, and kept for those that follow. `was` is the state as it
    was read; `refolded` says that not every event of this transaction came in order.
    """

    __slots__ = (
        "at",
        "dirty",
        "h",
        "k",
        "last",
        "latest_us",
        "life",
        "lines",
        "refolded",
        "state",
        "subject",
        "was",
    )

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.k, self.h, self.last, self.latest_us = 0, NO_HEAD, -1, NEVER_US
        self.state: State | None = None
        self.was: State | None = None
        self.refolded = False
        self.at: bytes | None = None
        self.dirty = False
        self.life: Life | None = None
        self.lines: dict[tuple[str, bytes], int] | None = None

    def link(self, k: int, head: bytes, index: int, occurred_us: int) -> LinkedSubject:
        """Take one more event into the chain; return where it stands there."""
        self.k, self.h, self.last, self.dirty = k, head, index, True
        self.latest_us = max(self.latest_us, occurred_us)
        return LinkedSubject(self.subject, k, head)

    def saved(self) -> tuple[int, bytes, int, int, State | None, bool]:
        """Return what `restore` needs to undo all that follows."""
        return self.k, self.h, self.last, self.latest_us, self.state, self.dirty

    def restore(self, saved: tuple[int, bytes, int, int, State | None, bool]) -> None:
        """Undo all since `saved`."""
        self.k, self.h, self.last, self.latest_us, self.state, self.dirty = saved
        self.life = self.lines = None


class Pending(msgspec.Struct, gc=False):
    """An event that this transaction appends."""

    recorded: Recorded
    line: bytes
    subjects: tuple[str, ...]
    before: list[int]


class World:
    """
    What the record says now, seen through one connection.

    `authorities` are those named when the registry began: they are known,
    with the role authority, before any event says so.
    """

    def __init__(self, connection: Connection, authorities: Iterable[str]) -> None:
        self._connection = connection
        self._authorities = frozenset(authorities)
        self.slots: dict[str, Slot] = {}
        self.pending: dict[int, Pending] = {}
        self._read: dict[str, tuple[int, list[tuple[Recorded, bytes]]]] = {}  # chains as committed
        self._events: dict[
            str, tuple[int, list[Recorded]]
        ] = {}  # those that count, up to the last of the chain
        self.turns = 0  # events folded in anew, since they came late or were corrected

    def load(self, subjects: Iterable[str]) -> None:
        """Read the rows of these subjects that have not been read yet, in one query."""
        wanted = [subject for subject in set(subjects) if subject not in self.slots]
        if not wanted:
            return
        for subject in wanted:
            self.slots[subject] = Slot(subject)
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(
                "select id, k, h, seq, latest_us, state, ctid from subject where id = any(%b)",
                (Texts(wanted),),
            )
            for subject, k, h, last, latest_us, state, at in cursor.fetchall():
                slot = self.slots[subject]
                slot.k, slot.h, slot.last, slot.latest_us = k, h, last, latest_us
                slot.state = slot.was = decode_state(subject, state)
                slot.at = at

    def rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        """Return what a query finds through the connection of this world."""
        return self._connection.execute(query, values, binary=True).fetchall()

    def slot(self, subject: str) -> Slot:
        """Return the row of one subject, an empty one if the record does not know it."""
        found = self.slots.get(subject)
        if found is None:
            self.load((subject,))
            found = self.slots[subject]
        return found

    def state(self, subject: str, /) -> State | None:
        """Return the state of a subject."""
        return self.slot(subject).state

    def organisation(self, identifier: str, /) -> Organisation | None:
        """Return a registered organisation, or one of the authorities."""
        state = self.slot("organisation:" + identifier).state
        known = state if isinstance(state, Organisation) and state.registered_at is not None else None
        return self._as_authority(identifier, known) if identifier in self._authorities else known

    def _as_authority(self, identifier: str, known: Organisation | None) -> Organisation:
        found = known or Organisation(identifier, registered_at=AUTHORITY_SINCE)
        return msgspec.structs.replace(found, roles=(*found.roles, RolePeriod("authority", AUTHORITY_SINCE)))

    def recorded(self, index: int, /) -> Recorded | None:
        """Return the event at an index of the log."""
        if index in self.pending:
            return self.pending[index].recorded
        row = self._connection.execute(
            "select e.seq, e.line, r.organisation, e.received_ms"
            " from event e join report r on r.id = e.report where e.seq = %s",
            (index,),
        ).fetchone()
        return None if row is None else to_recorded(row)

    def events(self, subject: str, /) -> list[Recorded]:
        """Return a subject's events that count, in their order, found among the last of its chain."""
        newest = self.slot(subject).last
        known = self._events.get(subject)
        if known is not None and known[0] == newest:
            return known[1]
        last, found = newest, dict[int, Recorded]()
        while last in self.pending:
            one = self.pending[last]
            found[last] = one.recorded
            last = one.before[one.subjects.index(subject)]
        if last >= 0:
            most = MAX_OF_MODEL if subject.startswith("model:") else MAX_EVENTS
            asked = {"subject": subject, "last": last, "most": most}
            rows = self._connection.execute(WALK_BACK, asked, binary=True)
            found |= {row[0]: to_recorded(row) for row in rows}
        self._events[subject] = newest, effective_events(self.with_corrected(found), subject)
        return self._events[subject][1]

    def has_outlet(self, organisation: str, /) -> bool:
        """Return whether the register has an outlet of an organisation, or one that serves it."""
        row = self._connection.execute(
            "select exists (select from outlet where organisation = %(id)s or makers @> array[%(id)s::text])",
            {"id": organisation},
        ).fetchone()
        return bool(row and row[0])

    def chain(self, subject: str) -> list[tuple[Recorded, bytes]]:
        """Return a subject's events with their lines, in log order, this transaction's included."""
        added, last = [], self.slot(subject).last
        while last in self.pending:
            one = self.pending[last]
            added.append((one.recorded, one.line))
            last = one.before[one.subjects.index(subject)]
        if last < 0:
            return added[::-1]
        if self._read.get(subject, (-1, []))[0] != last:
            rows = self._connection.execute(WALK, {"subject": subject, "last": last}, binary=True).fetchall()
            chain = sorted(((to_recorded(row), bytes(row[1])) for row in rows), key=_index)
            self._read[subject] = (last, chain)
        return [*self._read[subject][1], *added[::-1]]

    def fold_in(self, slot: Slot, recorded: Recorded) -> State:
        """Return the state of a subject with one more event, which is in its chain already."""
        if slot.life is None and in_order(slot.state, recorded):
            return step(slot.subject, slot.state, recorded)
        slot.refolded = True
        if slot.life is None or isinstance(recorded.event, Corrected):
            events = {one.index: one for one, _ in self.chain(slot.subject)}
            slot.life = Life(slot.subject, self.with_corrected(events))
            self.turns += slot.life.turns
            return slot.life.state
        before = slot.life.turns
        state = slot.life.insert(recorded)
        self.turns += slot.life.turns - before
        return state

    def life(self, slot: Slot) -> Life:
        """Return a subject's life from its whole chain, this transaction's events included."""
        if slot.life is None:
            events = {one.index: one for one, _ in self.chain(slot.subject)}
            slot.life = Life(slot.subject, self.with_corrected(events))
        return slot.life

    def known_lines(self, slot: Slot) -> dict[tuple[str, bytes], int]:
        """Return the index of each line that a subject's chain holds, by reporter and line."""
        if slot.lines is None:
            slot.lines = {}
            for recorded, line in self.chain(slot.subject):
                slot.lines.setdefault((recorded.reporter, line), recorded.index)
        return slot.lines

    def with_corrected(self, events: dict[int, Recorded]) -> list[Recorded]:
        """Return these events and, of each correction among them, what it corrects, down to the root."""
        found = dict(events)
        wanted = [event.event for event in events.values() if isinstance(event.event, Corrected)]
        while wanted:
            index = wanted.pop().corrects
            if index in found:
                continue
            corrected = self.recorded(index)
            if corrected is not None:
                found[index] = corrected
                if isinstance(corrected.event, Corrected):
                    wanted.append(corrected.event)
        return list(found.values())


def to_recorded(row: Sequence[Any]) -> Recorded:
    """Return the recorded event of a row (seq, line, organisation, received_ms)."""
    seq, line, organisation, received_ms = row[:4]
    return Recorded(seq, decode(bytes(line)), organisation, received_ms)


def _index(pair: tuple[Recorded, bytes]) -> int:
    return pair[0].index
