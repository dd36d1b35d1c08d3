"""
EPCIS documents of what the record holds, written piece by piece: events in, bytes out.

    >>> stands = StandsOn("voltrail.example/log", 1204978, "…", created_at)
    >>> b"".join(write_document(events, "voltrail.example", stands))

Nothing is held in memory but the event at hand, so a document may be of any length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from voltrail.events.epcis.context import PREFIX, VOLTRAIL
from voltrail.events.epcis.mapping import OURS, event_id, event_of
from voltrail.events.epcis.source import write_json

MEDIA_TYPE: Final = "application/ld+json"
SUFFIX: Final = ".jsonld"
REPORTER: Final = "reporter"


class StandsOn(msgspec.Struct, frozen=True):
    """What a document stands on: the checkpoint under which its events are, and when it was made (aware)."""

    origin: str
    size: int
    root: str
    created_at: datetime


class EventInLog(msgspec.Struct, frozen=True):
    """
    One event as the log has it: its index, its exact line, when it came, who reported it.

    `received_ms` is milliseconds since 1970. `corrected`: of a correction the event that it is about, where
    that is at hand; then the declaration has all that the event said.
    """

    index: int
    line: bytes
    received_ms: int
    reporter: str | None = None
    corrected: EventInLog | None = None


Hidden = Callable[[EventInLog], frozenset[str]]
"""Which members of an event a reader may not see, by their names; with `reporter`, nor who reported it."""


def nothing(_event: EventInLog) -> frozenset[str]:
    """Hide nothing."""
    return frozenset()


def write_document(
    events: Iterable[EventInLog], host: str, stands_on: StandsOn, hidden: Hidden = nothing
) -> Iterator[bytes]:
    """
    Yield the pieces of an EPCISDocument with these events, in their order.

    Members that are hidden are left out, and named in `voltrail:withheld`. Events about neither batteries
    nor vehicles are left out, as those of which nothing may be seen.
    """
    return _written("EPCISDocument", b'"epcisBody":{"eventList":[', b"]}}", events, host, stands_on, hidden)


def write_query_document(
    events: Iterable[EventInLog], host: str, stands_on: StandsOn, hidden: Hidden = nothing
) -> Iterator[bytes]:
    """Yield the pieces of an EPCISQueryDocument, as a query is answered with; else as `write_document`."""
    head = b'"epcisBody":{"queryResults":{"queryName":"SimpleEventQuery","resultsBody":{"eventList":['
    return _written("EPCISQueryDocument", head, b"]}}}}", events, host, stands_on, hidden)


def written_event(
    event: EventInLog, host: str, hidden: Hidden = nothing, *, in_log: bool = True
) -> dict[str, Any] | None:
    """Return one event as EPCIS, with its place in the log; None where nothing of it may be told."""
    about = None
    if event.corrected is not None:
        about = written_event(event.corrected, host, hidden, in_log=False)
    unseen = hidden(event)
    found = event_of(event.line, host, unseen - {REPORTER}, about)
    if found is None:
        return None
    if "eventID" not in found:  # a declaration has that of the event which it is about
        index = found.get("errorDeclaration", {}).get(f"{PREFIX}:corrects", event.index)
        found = {"eventID": event_id(host, int(index)), **found}
    return _placed(found, event, unseen) if in_log else found


def _placed(found: dict[str, Any], event: EventInLog, unseen: frozenset[str]) -> dict[str, Any]:
    """Return an event with what the record says of it, unless its context gives our prefix to others."""
    if any(isinstance(one, dict) and one.get(PREFIX, VOLTRAIL) != VOLTRAIL for one in _contexts(found)):
        return found
    received = datetime.fromtimestamp(event.received_ms / 1000, UTC).isoformat(timespec="milliseconds")
    received = received.removesuffix("+00:00") + "Z"
    placed = found if "recordTime" in found else {"recordTime": received, **found}
    placed = {**placed, f"{PREFIX}:index": event.index, f"{PREFIX}:received_at": received}
    if event.reporter is not None and REPORTER not in unseen:
        placed[f"{PREFIX}:reporter"] = event.reporter
    return placed


def _contexts(event: dict[str, Any]) -> list[Any]:
    given = event.get("@context", [])
    return given if isinstance(given, list) else [given]


def _written(
    sort: str,
    head: bytes,
    tail: bytes,
    events: Iterable[EventInLog],
    host: str,
    stands_on: StandsOn,
    hidden: Hidden,
) -> Iterator[bytes]:
    about = {
        "@context": OURS.written(),
        "type": sort,
        "schemaVersion": "2.0",
        "creationDate": stands_on.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{PREFIX}:checkpoint": {
            f"{PREFIX}:origin": stands_on.origin,
            f"{PREFIX}:size": stands_on.size,
            f"{PREFIX}:root": stands_on.root,
        },
    }
    yield write_json(about)[:-1] + b"," + head
    between = b""
    for event in events:
        found = written_event(event, host, hidden)
        if found is not None:
            yield between + write_json(found)
            between = b","
    yield tail
