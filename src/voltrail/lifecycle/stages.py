"""How far a model has come, by a record: what `technology.qualification` needs, found there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol

from voltrail.errors import VoltrailError
from voltrail.events import Event, decode
from voltrail.events.kinds import Corrected, TestReported
from voltrail.lifecycle.state import Model, Organisation, Recorded, State
from voltrail.technology.qualification import Qualification, Unsaid, qualify

MAX_CHAIN: Final = 64


class Record(Protocol):
    """What is asked of a record; `lifecycle.World` is one."""

    def state(self, subject: str, /) -> State | None: ...  # noqa: D102
    def organisation(self, identifier: str, /) -> Organisation | None: ...  # noqa: D102
    def recorded(self, index: int, /) -> Recorded | None: ...  # noqa: D102
    def events(self, subject: str, /) -> Sequence[Recorded]: ...  # noqa: D102


def qualification_of(model_id: str, record: Record) -> Qualification:
    """Return how far a model has come, by its events that count and the failures that were corrected away."""
    subject = "model:" + model_id
    state = record.state(subject)
    mended = state.mended if isinstance(state, Model) else ()
    unsaid = [one for _, last in mended for one in _unsaid(model_id, last, record.recorded)]
    return qualify(model_id, record.events(subject), record.organisation, unsaid)


def _unsaid(model_id: str, last: int, recorded: Callable[[int], Recorded | None]) -> Iterator[Unsaid]:
    """
    Yield the failures of a model that a chain of corrections took back, ending in the entry `last`.

    One that is moved back in time, or to another protocol, is taken back: it would hold no gate any more.
    """
    versions: list[Recorded] = []
    one = recorded(last)
    while one is not None and len(versions) <= MAX_CHAIN:
        versions.insert(0, one)
        one = recorded(one.event.corrects) if isinstance(one.event, Corrected) else None
    said = [_said(one.event) for one in versions]
    for place, (before, after) in enumerate(pairwise(said), 1):
        if isinstance(before, TestReported) and not _says_as_much(after, before, model_id):
            root = versions[0]
            test = Recorded(root.index, before, root.reporter, root.received_ms)
            yield Unsaid(test, tuple(versions[place:]))


def _said(event: Event) -> Event | None:
    """Return what an event says, or the line of a correction; None where that is void."""
    if not isinstance(event, Corrected):
        return event
    try:
        return None if event.line is None else decode(event.line.encode())
    except (VoltrailError, UnicodeError):
        return None


def _says_as_much(after: Event | None, before: TestReported, model_id: str) -> bool:
    """Return whether no less failed than before: by the same protocol, and no earlier than it did."""
    if before.outcome != "failed" or before.model_id != model_id:
        return True
    return (
        isinstance(after, TestReported)
        and after.outcome == "failed"
        and after.model_id == model_id
        and after.protocol == before.protocol
        and after.occurred_at >= before.occurred_at
    )
