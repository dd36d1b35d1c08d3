"""
Production lines: the steps that they reported, and how lots, cells, modules and packs hang together.

Tables behind the log (`following.py`). A step's row says where its line stands and not what it says: figures
are read from the line that counts. What a line reported is its organisation's own, so all that is asked here
is asked of one organisation; where a part is now, whatever it was built into, is public.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Texts
from voltrail.errors import NotFound
from voltrail.events.kinds import Corrected, CreditSpent, StepReported, batteries, subjects
from voltrail.lifecycle import Battery, Recorded, decode_state
from voltrail.lifecycle.fold import effective_events, last_corrections
from voltrail.lifecycle.lots import takings
from voltrail.recycling.record import lots_made
from voltrail.registry.following import Copy, Known, Row, Step, Table
from voltrail.registry.holdings import level_by_letter
from voltrail.registry.lots import read_event, read_runs
from voltrail.technology.line import MOST_POINTS, Reading, Worked

MOST_LINES: Final = 500
MOST_PARTS: Final = 5_000  # batteries and lots that one search goes through
_DEEP: Final = 12  # from a lot to the lots made of it, from a part to what it is in
_ASKED: Final = frozenset({"step_reported", "corrected"})

STEPS: Final = Table(
    "line_step",
    {
        "seq": "int8",
        "subject": "text",
        "says": "int8",
        "at": "timestamptz",
        **dict.fromkeys(("reporter", "line", "step", "lot"), "text"),
    },
    key=1,
    by="subject",
)
BATTERIES: Final = Table("line_battery", {"code": "text", "seq": "int8"}, key=2, by="code")

_LISTED: Final = """
select reporter, line, count(*), count(distinct step), min(at), max(at) from line_step
where %(of)s::text is null or reporter = %(of)s group by 1, 2 order by 1, 2 limit %(most)s
"""
_COUNTED: Final = "select count(*) from line_step where reporter = %(of)s and line = %(line)s"
_TOLD: Final = """
select s.seq, e.line from line_step s join event e on e.seq = s.says
where s.reporter = %(of)s and s.line = %(line)s and (%(since)s::timestamptz is null or s.at >= %(since)s)
order by s.at desc, s.seq desc limit %(most)s
"""
_OF_BATTERIES: Final = """
select distinct s.lot from line_battery b join line_step s using (seq)
where b.code = any(%(codes)s) and s.reporter = %(of)s and s.lot is not null
"""
_CREDITED: Final = """
select distinct unnest(r.takes) from lot_battery b join lot_run r using (seq)
where b.code = any(%(codes)s) and r.reporter = %(of)s
"""
_OF_LOTS: Final = """
select distinct b.code from line_step s join line_battery b using (seq)
where s.lot = any(%(lots)s) and s.reporter = %(of)s order by 1 limit %(most)s
"""
_SPENT: Final = """
select distinct b.code from lot_run r join lot_battery b using (seq) join event e on e.seq = r.says
where r.takes && %(lots)s and r.reporter = %(of)s and e.kind = 'credit_spent' order by 1 limit %(most)s
"""
_TAKING: Final = """
select r.seq, r.reporter, r.says, r.at from lot_run r where r.takes && %(lots)s and r.reporter = %(of)s
"""
_MAKING: Final = """
select r.seq, r.reporter, r.says, r.at from lot_run r
where r.seq in (select made from lot where lot = any(%(lots)s)) and r.reporter = %(of)s
"""
_ABOUT: Final = """
with about as (
    select seq from line_step where lot = any(%(lots)s)
    union select seq from line_battery where code = any(%(codes)s)
)
select s.seq, s.at, s.step, s.lot, s.line, e.line,
    array(select code from line_battery b where b.seq = s.seq and code = any(%(codes)s) order by 1)
from about join line_step s using (seq) join event e on e.seq = s.says
where s.reporter = %(of)s order by s.at, s.seq limit %(most)s
"""
_STATES: Final = "select id, state from subject where id = any(%s)"


class Listed(msgspec.Struct, frozen=True):
    """A line: how many reports of how many steps there are, the first and the last."""

    organisation: str
    line: str
    reports: int
    steps: int
    first: datetime
    last: datetime


class Told(msgspec.Struct, frozen=True):
    """A report of a step as it counts: its first entry, and what it says."""

    index: int
    event: StepReported


class Part(msgspec.Struct, frozen=True):
    """A battery in a search: its level (from its code), its model, and what it is built into now."""

    code: str
    level: str | None
    model: str | None
    parent: str | None


class Done(msgspec.Struct, frozen=True):
    """A step that a lot or batteries of a search went through."""

    index: int
    at: datetime
    line: str
    step: str
    lot: str | None
    codes: tuple[str, ...]
    event: StepReported


class Tree(msgspec.Struct, frozen=True):
    """
    What hangs together with a lot or a battery, by what one organisation reported.

    `lots` has for each lot those that went into it. `outer` are the batteries that are in no other now:
    each with how many of the parts found are in it. `whole` is False where there is more than was followed.
    """

    lots: dict[str, tuple[str, ...]]
    parts: dict[str, Part]
    outer: dict[str, int]
    steps: tuple[Done, ...]
    whole: bool


class Lines(Copy):
    """The production lines of one database; threads and servers may share it."""

    upto = "line_upto"

    def kinds(self, connection: Connection) -> Collection[str]:  # noqa: ARG002 - others ask the database
        """Return the kinds of event that it asks for."""
        return _ASKED

    def bring_up(self, step: Step) -> None:
        """Write the steps of lines that some entries tell of."""
        entries = [one for one in step.entries if one.recorded.event.kind in _ASKED]
        known, connection = step.known, step.connection
        told = [one.recorded for one in entries if isinstance(one.recorded.event, StepReported)]
        STEPS.put(connection, {subjects(one.event)[0] for one in told}, map(_row, told), keep=True)
        codes = {code for one in told for code in batteries(one.event)}
        BATTERIES.put(connection, codes, _pairs(told), keep=True)
        corrected = {
            name for one in entries if isinstance(one.recorded.event, Corrected) for name in one.subjects
        }
        if corrected:
            known.read_chains(corrected)
            STEPS.put(connection, corrected, steps_of(known, corrected))
            codes = {name[8:] for name in corrected if name.startswith("battery:")}
            BATTERIES.put(connection, codes, batteries_of(known, codes))

    # ------------------------------------------------------------------ reading

    def all(self, of: str | None = None) -> list[Listed]:
        """Return the lines of an organisation, or all, at most `MOST_LINES`, in order."""
        with self._database.pool.connection() as connection:
            found = connection.execute(_LISTED, {"of": of, "most": MOST_LINES}).fetchall()
        return [Listed(*row) for row in found]

    def told(
        self, of: str, line: str, since: datetime | None = None, most: int = MOST_POINTS
    ) -> tuple[list[Told], int]:
        """
        Return the last reports of a line, in the order of time, and how many there are in all.

        Raises NotFound for a line of which nothing is on record.
        """
        values = {"of": of, "line": line, "since": since, "most": most}
        with self._database.pool.connection() as connection:
            (number,) = connection.execute(_COUNTED, values).fetchall()[0]
            found = connection.execute(_TOLD, values, binary=True).fetchall() if number else []
        if not number:
            raise NotFound(
                "line.unknown",
                f"{of} has reported no step of a line {line[:90]!r}.",
                "/technology/lines lists those that you may see; a step is reported as step_reported.",
            )
        return [Told(seq, read_event(text)) for seq, text in reversed(found)], number

    def trace(self, of: str, start: str) -> Tree:
        """
        Return what hangs together with a lot (its name has a slash) or a battery's code.

        From a lot up: the lots made of it, the batteries that they went into, and what those are in. From a
        battery down: its parts, the lots that went into them, and the lots that those were made of. Raises
        NotFound where the organisation reported nothing of it.
        """
        with self._database.pool.connection() as connection:
            search = _Search(connection, of)
            if "/" in start:
                search.up(start)
            else:
                search.down(start)
            return search.tree(start)


class _Search:
    """Goes from a lot up, or from a battery down, and notes what it meets; within bounds."""

    def __init__(self, connection: Connection, of: str) -> None:
        self._connection, self._of = connection, of
        self._lots: dict[str, set[str]] = {}
        self._states: dict[str, Battery] = {}
        self._marked: set[str] = set()  # the batteries that the lots went into
        self._whole = True

    def up(self, lot: str) -> None:
        """Follow a lot to the batteries that hold it."""
        fresh = self._note({lot: ()})
        for _ in range(_DEEP):
            runs = read_runs(self._connection, _TAKING, self._values(lots=fresh)) if fresh else []
            made: dict[str, list[str]] = defaultdict(list)
            for run in runs:
                if not isinstance(run.event, CreditSpent):
                    taken = [name for name, _ in takings(run.event) if name in self._lots]
                    for one in lots_made(run):
                        made[one.lot] += taken
            fresh = self._note(made)
        for query in (_OF_LOTS, _SPENT):
            self._marked.update(code for (code,) in self._execute(query, lots=self._lots))
        self._read(self._marked)
        outer = set(self._states)
        for _ in range(_DEEP):
            outer = {
                parent for code in outer if (parent := self._parent(code)) and parent not in self._states
            }
            self._read(outer)

    def down(self, code: str) -> None:
        """Follow a battery to the lots in it."""
        fresh = {code}
        for _ in range(_DEEP):
            self._read(fresh)
            parts = {part for one in fresh if one in self._states for part in self._states[one].parts}
            fresh = parts - self._states.keys()
        self._marked = {one for one, state in self._states.items() if not state.parts}
        lots = {lot for q in (_OF_BATTERIES, _CREDITED) for (lot,) in self._execute(q, codes=self._states)}
        asked = self._note(dict.fromkeys(lots, ()))
        for _ in range(_DEEP):
            runs = read_runs(self._connection, _MAKING, self._values(lots=asked)) if asked else []
            found: dict[str, tuple[str, ...]] = {}
            for run in runs:
                taken = tuple(name for name, _ in takings(run.event))
                for one in lots_made(run):
                    if one.lot in self._lots:
                        self._lots[one.lot].update(taken)
                found |= dict.fromkeys(taken, ())
            asked = self._note(found)

    def tree(self, start: str) -> Tree:
        """Return what was found. Raises NotFound for nothing."""
        steps = self._steps()
        if not steps and not self._marked.difference({start}) and not self._lots.keys() - {start}:
            raise NotFound(
                "line.nothing",
                f"{self._of} has reported nothing of {start[:90]!r} that a line could tell.",
                "Look for a lot (ORGANISATION/NAME) or a battery's code that its steps name.",
            )
        parts = {code: _part(state) for code, state in sorted(self._states.items())}
        outer: dict[str, int] = {}
        for code in sorted(self._marked & parts.keys()):
            top = self._top(code)
            outer[top] = outer.get(top, 0) + 1
        named = {lot: tuple(sorted(taken)) for lot, taken in sorted(self._lots.items())}
        return Tree(named, parts, outer, steps, self._whole)

    # ------------------------------------------------------------------ steps of the way

    def _note(self, lots: Mapping[str, Iterable[str]]) -> set[str]:
        """Note lots with those that went into each; return the new ones."""
        fresh = {lot for lot in lots if lot not in self._lots}
        for lot, taken in lots.items():
            if len(self._lots) >= MOST_PARTS and lot not in self._lots:
                self._whole = False
                break
            self._lots.setdefault(lot, set()).update(taken)
        return fresh & self._lots.keys()

    def _read(self, codes: Iterable[str]) -> None:
        """Read the states of batteries, as many as there is room for."""
        wanted = sorted(set(codes) - self._states.keys())
        room = MOST_PARTS - len(self._states)
        if len(wanted) > room:
            self._whole, wanted = False, wanted[:room]
        if not wanted:
            return
        names = Texts("battery:" + code for code in wanted)
        for name, data in self._connection.execute(_STATES, (names,), binary=True):
            state = decode_state(name, bytes(data))
            if isinstance(state, Battery):
                self._states[state.code] = state

    def _parent(self, code: str) -> str | None:
        state = self._states.get(code)
        where = None if state is None else state.whereabouts
        return where.parent if where is not None and where.place == "in_parent" else None

    def _top(self, code: str) -> str:
        """Return the outermost battery that a part is in, as far as it was followed."""
        for _ in range(_DEEP):
            parent = self._parent(code)
            if parent is None or parent not in self._states:
                break
            code = parent
        return code

    def _steps(self) -> tuple[Done, ...]:
        found = self._execute(_ABOUT, lots=self._lots, codes=self._states)
        return tuple(
            Done(seq, at, line, step, lot, tuple(codes), read_event(text))
            for seq, at, step, lot, line, text, codes in found
        )

    def _execute(self, query: str, **asked: Iterable[str]) -> list[tuple[Any, ...]]:
        found = self._connection.execute(query, self._values(**asked), binary=True).fetchall()
        if len(found) >= MOST_PARTS:
            self._whole = False
        return found[:MOST_PARTS]

    def _values(self, **asked: Iterable[str]) -> dict[str, Any]:
        return {
            "of": self._of,
            "most": MOST_PARTS,
            **{name: Texts(sorted(values)) for name, values in asked.items()},
        }


def worked(told: Iterable[Told]) -> list[Worked]:
    """Return reports as `technology.line` reckons with them; `at` are seconds since 1970."""
    return [
        Worked(
            at=one.event.occurred_at.timestamp(),
            step=one.event.step,
            unit=one.event.unit,
            entered=one.event.entered,
            good=one.event.good,
            scrapped=one.event.scrapped,
            readings=[Reading(it.quantity, it.mean, it.sd, it.number) for it in one.event.readings],
            index=one.index,
            lot=one.event.lot,
        )
        for one in told
    ]


def traced(tree: Tree) -> dict[str, Any]:
    """Return a search as programs get it."""
    return {
        "lots": tree.lots,
        "parts": list(tree.parts.values()),
        "outer": tree.outer,
        "steps": [
            {
                "entry": one.index,
                "occurred_at": one.at,
                "line": one.line,
                "step": one.step,
                "lot": one.lot,
                "codes": one.codes,
                "readings": [msgspec.to_builtins(it) for it in one.event.readings],
            }
            for one in tree.steps
        ],
        "whole": tree.whole,
    }


# ------------------------------------------------------------- what follows


def steps_of(known: Known, names: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of the steps that are first about some subjects, whose chains are read."""
    for name in names:
        chain = known.with_corrected({one.index: one for one, _ in known.chain(name)})
        last = last_corrections({one.index: one for one in chain})
        for one in effective_events(chain, name):
            if isinstance(one.event, StepReported) and subjects(one.event)[0] == name:
                correction = last.get(one.index)
                yield _row(one, one.index if correction is None else correction.index)


def batteries_of(known: Known, codes: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of some batteries, whose chains are read."""
    for code in codes:
        told = (one for one in known.events("battery:" + code) if isinstance(one.event, StepReported))
        yield from (row for row in _pairs(told) if row[0] == code)


def has_steps(events: Iterable[Recorded]) -> bool:
    """Return whether anything of these tables may follow from the entries of a subject."""
    return any(one.event.kind in _ASKED for one in events)


def _pairs(told: Iterable[Recorded]) -> Iterator[Row]:
    return ((code, one.index) for one in told for code in batteries(one.event))


def _row(recorded: Recorded, says: int | None = None) -> Row:
    event: Any = recorded.event
    return (
        recorded.index,
        subjects(event)[0],
        recorded.index if says is None else says,
        event.occurred_at,
        recorded.reporter,
        event.production_line,
        event.step,
        event.lot,
    )


def _part(state: Battery) -> Part:
    where = state.whereabouts
    parent = where.parent if where is not None and where.place == "in_parent" else None
    return Part(state.code, level_by_letter(state.code), state.model_id, parent)
