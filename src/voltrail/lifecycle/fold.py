"""
From events to state: `fold` takes them all, `step` takes the next one.

Both are total: whatever the events, they give a state and never raise. The
order is (occurred_at, index) after corrections, so it does not matter in which
order reports arrive; for organisations it is that of the log. `step` gives what
`fold` would, where `in_order` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from voltrail.errors import VoltrailError
from voltrail.events import decode, subjects
from voltrail.events.kinds import Corrected
from voltrail.lifecycle.batteries import turn_battery
from voltrail.lifecycle.others import turn_other
from voltrail.lifecycle.state import Battery, Organisation, Recorded, State, empty

__all__ = ["effective_events", "fold", "in_order", "step"]

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
    for one in effective_events(everything, subject):
        state = _turned(state, one, counted=False)
    return _tallied(state, chain)


def effective_events(recorded: Iterable[Recorded], subject: str | None = None) -> list[Recorded]:
    """
    Return the events that count, in the order of (occurred_at, index).

    Void ones are left out. A replacement stands at its own `occurred_at` with
    the index and the reporter of the event it replaces. With a `subject`, only
    events about it.
    """
    by_index = {one.index: one for one in recorded}
    last = _last_corrections(by_index)
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
    if subject is not None and subject.startswith(TRUST):
        return sorted(counting, key=lambda one: one.index)
    return sorted(counting, key=lambda one: (one.event.occurred_at, one.index))


def _last_corrections(by_index: dict[int, Recorded]) -> dict[int, Recorded]:
    """Return for each event that was corrected the last correction of its chain."""
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
    last = _last_corrections(by_index)
    for correction in last.values():
        replaced = _replaced(0, None, correction)
        if replaced is not None:
            times.append(replaced.event.occurred_at)
    mended = tuple(sorted((root, one.index) for root, one in last.items()))
    return replace(state, count=len(chain), latest=max(times), mended=mended)
