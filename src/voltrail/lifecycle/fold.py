"""
From events to state: `fold` takes them all, `step` takes the next one.

Both are total: whatever the events, they give a state and never raise. The
order is (occurred_at, index) after corrections, so it does not matter in which
order reports arrive; for organisations it is that of the log. `step` gives what
`fold` would, where `in_order` says so. `Life` gives it too, for events that come late one after another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from voltrail.errors import VoltrailError
from voltrail.events import decode, subjects
from voltrail.events.kinds import Corrected
from voltrail.lifecycle.batteries import turn_battery
from voltrail.lifecycle.others import turn_other
from voltrail.lifecycle.state import Battery, Organisation, Recorded, State, empty, encode_state

__all__ = ["Life", "effective_events", "fold", "in_order", "last_corrections", "stages", "step"]

TRUST: Final = "organisation:"


def step(subject: str, state: State | None, recorded: Recorded) -> State:
    """
    Return the state after one more event, which must be `in_order`.

    The findings it showed have its index. Total: it never refuses.
    """
    if state is None:
        state = empty(subject)
    if isinstance(recorded.event, Corrected):
        return _counted(state, recorded)
    return _turned(state, recorded, counted=True)


def in_order(state: State | None, recorded: Recorded) -> bool:
    """
    Return whether `step` may be used; otherwise the whole chain must be folded again.

    An organisation's events are folded in the order of the log: what a reporter
    claims of their time decides nothing about whom to trust.
    """
    if isinstance(recorded.event, Corrected):
        return False
    if isinstance(state, Organisation):
        return True
    return state is None or state.latest is None or recorded.event.occurred_at >= state.latest


def fold(subject: str, recorded: Iterable[Recorded]) -> State | None:
    """
    Return the state of a subject after all its events, in whatever order they are given.

    None when there are none. Events that are not about the subject may be
    among them: those a correction of this chain corrects, so that a line that
    came to this subject by correction keeps the name of its first reporter.
    """
    everything = sorted(recorded, key=lambda one: one.index)
    chain = [one for one in everything if subject in subjects(one.event)]
    if not chain:
        return None
    state = empty(subject)
    for _, after in stages(subject, everything):
        state = after
    return _tallied(state, chain)


def stages(subject: str, recorded: Iterable[Recorded]) -> Iterator[tuple[Recorded, State]]:
    """Yield each of a subject's events that count, in order, with the state after it, not tallied."""
    state = empty(subject)
    for one in effective_events(recorded, subject):
        state = _turned(state, one, counted=False)
        yield one, state


class Life:
    """
    A subject's events that count, in order, with the state after each of them; `state` is the last, tallied.

    An event that comes late is folded in from where it belongs on, until it makes no difference any more.
    `turns` counts the events that were turned for it: the work, for whoever bounds it.
    """

    def __init__(self, subject: str, recorded: Iterable[Recorded]) -> None:
        everything = sorted(recorded, key=lambda one: one.index)
        self._events = effective_events(everything, subject)
        self._key = _order(subject)
        self._states = [empty(subject)]
        for one in self._events:
            self._states.append(_turned(self._states[-1], one, counted=False))
        self.turns = len(self._events)
        self.state = _tallied(self._states[-1], [one for one in everything if subject in subjects(one.event)])

    @property
    def events(self) -> Sequence[Recorded]:
        """The events that count, in their order."""
        return self._events

    def insert(self, recorded: Recorded) -> State:
        """
        Return the state with one more event, whenever it occurred: what `fold` gives with it.

        The event must be about the subject, the last in the log, and no correction.
        """
        at = bisect_right(self._events, self._key(recorded), key=self._key)
        self._events.insert(at, recorded)
        self._states.insert(at + 1, _turned(self._states[at], recorded, counted=False))
        self.turns += 1
        for place in range(at + 1, len(self._events)):
            after = _turned(self._states[place], self._events[place], counted=False)
            self.turns += 1
            if _same(after, self._states[place + 1]):
                break
            self._states[place + 1] = after
        when = recorded.event.occurred_at
        latest = when if self.state.latest is None else max(self.state.latest, when)
        self.state = replace(
            self._states[-1], count=self.state.count + 1, latest=latest, mended=self.state.mended
        )
        return self.state


def _order(subject: str | None) -> Callable[[Recorded], tuple[datetime, int] | int]:
    """Return by what a subject's events are put in order."""
    if subject is not None and subject.startswith(TRUST):
        return lambda one: one.index
    return lambda one: (one.event.occurred_at, one.index)


def _same(one: State, other: State) -> bool:
    """Return whether two states are the same to the byte; almost always they differ at first sight."""
    return one == other and encode_state(one) == encode_state(other)


def effective_events(recorded: Iterable[Recorded], subject: str | None = None) -> list[Recorded]:
    """
    Return the events that count, in the order of (occurred_at, index).

    Void ones are left out. A replacement stands at its own `occurred_at` with
    the index and the reporter of the event it replaces. With a `subject`, only
    events about it.
    """
    by_index = {one.index: one for one in recorded}
    last = last_corrections(by_index)
    counting = []
    for index, one in by_index.items():
        if not isinstance(one.event, Corrected) and index not in last:
            counting.append(one)
    for root, correction in last.items():
        replaced = _replaced(root, by_index.get(root), correction)
        if replaced is not None:
            counting.append(replaced)
    if subject is not None:
        counting = [one for one in counting if subject in subjects(one.event)]
    return sorted(counting, key=_order(subject))


def last_corrections(by_index: dict[int, Recorded]) -> dict[int, Recorded]:
    """Return for each event that was corrected, by its index, the last correction of its chain."""
    last: dict[int, Recorded] = {}
    for index in sorted(by_index):
        one = by_index[index]
        if isinstance(one.event, Corrected):
            last[_root(one.event.corrects, by_index)] = one
    return last


def _root(index: int, by_index: dict[int, Recorded]) -> int:
    """Return the index at the root of a chain of corrections; a circle ends where it closes."""
    seen: set[int] = set()
    while index in by_index and index not in seen:
        event = by_index[index].event
        if not isinstance(event, Corrected):
            break
        seen.add(index)
        index = event.corrects
    return index


def _replaced(root: int, first: Recorded | None, correction: Recorded) -> Recorded | None:
    """Return what stands in the place of an event that was corrected; None when it is void."""
    event = correction.event
    if not isinstance(event, Corrected) or event.line is None:
        return None
    try:
        line = decode(event.line.encode(errors="replace"))
    except VoltrailError:
        return first if first is None or not isinstance(first.event, Corrected) else None
    if isinstance(line, Corrected):
        return None
    said_by = first if first is not None else correction
    return Recorded(root, line, said_by.reporter, said_by.received_ms)


def _turned(state: State, recorded: Recorded, *, counted: bool) -> State:
    """Return the state after an event that counts; with `counted`, tallied as well."""
    changes = turn_battery(state, recorded) if isinstance(state, Battery) else turn_other(state, recorded)
    if counted:
        when = recorded.event.occurred_at
        changes["count"] = state.count + 1
        if state.latest is None or when > state.latest:  # an organisation's may be earlier
            changes["latest"] = when
    return replace(state, **changes) if changes else state


def _counted(state: State, recorded: Recorded) -> State:
    """Return the state after a correction of which no more is known than that it was."""
    when = recorded.event.occurred_at
    latest = when if state.latest is None else max(state.latest, when)
    return replace(state, count=state.count + 1, latest=latest)


def _tallied(state: State, chain: list[Recorded]) -> State:
    """Return the state with count, latest time and corrections over the whole chain."""
    times = [one.event.occurred_at for one in chain]
    by_index = {one.index: one for one in chain}
    last = last_corrections(by_index)
    for correction in last.values():
        replaced = _replaced(0, None, correction)
        if replaced is not None:
            times.append(replaced.event.occurred_at)
    mended = tuple(sorted((root, one.index) for root, one in last.items()))
    return replace(state, count=len(chain), latest=max(times), mended=mended)
