"""
EPCIS documents in JSON: what they hold, and everything that is wrong with them.

    >>> found = read_document(data)
    >>> [trouble.path for trouble in found.troubles]
    ['$.epcisBody.eventList[0].eventTime']
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from voltrail.errors import EventError
from voltrail.events.epcis.context import Context, ContextError, read_context
from voltrail.events.epcis.source import SOURCE, read_json
from voltrail.events.epcis.validation import Trouble, Validator

MAX_EVENTS: Final = 100_000

_DOCUMENT: Final = (
    "@context",
    "id",
    "type",
    "schemaVersion",
    "creationDate",
    "instanceIdentifier",
    "sender",
    "receiver",
    "epcisHeader",
    "epcisBody",
)


class EventRead(msgspec.Struct, frozen=True):
    """One event of a document: its number from 1, its path, what it says, the context that holds in it."""

    number: int
    path: str
    value: dict[str, Any]
    context: Context


class Document(msgspec.Struct, frozen=True):
    """A document that was read: its events, good and bad, and what is wrong, in order."""

    events: tuple[EventRead, ...]
    troubles: tuple[Trouble, ...]
    by_event: dict[int, tuple[Trouble, ...]] = {}

    @property
    def whole(self) -> tuple[Trouble, ...]:
        """What is wrong with the document itself, for which none of its events can be taken."""
        return tuple(one for one in self.troubles if one.event is None)

    def of(self, number: int) -> tuple[Trouble, ...]:
        """What is wrong with one event, by its number."""
        return self.by_event.get(number, ())


def read_document(data: bytes) -> Document:
    """
    Return what a document holds: an EPCISDocument, an EPCISQueryDocument, or a single event.

    Raises EventError where it cannot be read at all: no JSON, too large, no EPCIS.
    """
    value = read_json(data)
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise EventError(
            "epcis.document",
            "This is no EPCIS document: it has no type.",
            "Send an EPCISDocument, or a single event with its @context.",
            source=SOURCE,
        )
    validator = Validator()
    context = _context(value, validator)
    events = _events(value, validator)
    if len(events) > MAX_EVENTS:
        raise EventError(
            "epcis.too_large",
            f"The document has {len(events):,} events; at most {MAX_EVENTS:,} are read.",
            "Send several documents.",
            source=SOURCE,
        )
    found: list[EventRead] = []
    by_event: dict[int, tuple[Trouble, ...]] = {}
    for number, (path, event) in enumerate(events, 1):
        before = len(validator.troubles)
        inner = validator.check_event(event, path, context, number)
        if len(validator.troubles) > before:
            by_event[number] = tuple(validator.troubles[before:])
        found.append(EventRead(number, path, event if isinstance(event, dict) else {}, inner))
    return Document(tuple(found), tuple(validator.troubles), by_event)


def _context(value: dict[str, Any], validator: Validator) -> Context:
    if "@context" not in value:
        validator.missing("$.@context", "An EPCIS document in JSON", "@context", f"Add it: {_HOW}")
        return Context()
    try:
        context = read_context(value["@context"])
    except ContextError as error:
        validator.fault("$.@context", "epcis.context", str(error), f"Write it as in {_HOW}")
        return Context(foreign=True)
    if not context.standard and not context.foreign:
        validator.fault(
            "$.@context", "epcis.context", "The context of EPCIS is not named.", f"Add it: {_HOW}"
        )
    return context


_HOW: Final = '"https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"'


def _events(value: dict[str, Any], validator: Validator) -> list[tuple[str, Any]]:
    """Return the events of a document with their paths, once its own members are looked through."""
    sort = value["type"]
    if sort not in {"EPCISDocument", "EPCISQueryDocument"}:
        return [("$", value)]
    validator.check_document(value, _DOCUMENT)
    body, path = value.get("epcisBody"), "$.epcisBody"
    if sort == "EPCISQueryDocument":
        for name in ("queryResults", "resultsBody"):
            body, path = (body.get(name) if isinstance(body, dict) else None), f"{path}.{name}"
    found = body.get("eventList") if isinstance(body, dict) else None
    if not isinstance(found, list):
        validator.missing(f"{path}.eventList", sort, "a list of events, eventList")
        return []
    return [(f"{path}.eventList[{at}]", event) for at, event in enumerate(found)]


__all__ = ["Document", "EventRead", "Trouble", "read_document"]
