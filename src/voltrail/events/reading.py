"""What is said when a line in good form is not an event: from msgspec's words to words that teach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import msgspec

from voltrail.errors import EventError

SOURCE: Final = "docs/events.md"
VIN: Final = re.compile("[A-HJ-NPR-Z0-9]{17}")

_UNKNOWN_KIND = re.compile(r"Invalid value '?(.*?)'? - at `\$\.kind`", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"contains unknown field `(.*?)`", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*?)`")
_AT = re.compile(r"^(.*) - at `\$\.?(.*)`$", re.DOTALL)


def explain(line: bytes, error: Exception, structs: Mapping[str, type[msgspec.Struct]]) -> EventError:
    """Return what is wrong with a line that did not decode, and what to do about it."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return EventError("line.json", f"The line is not JSON: {text}", "Write one JSON object a line.")
    kind = _kind(line)
    if match := _UNKNOWN_KIND.search(text):
        return _unknown_kind(match[1], structs)
    if match := _UNKNOWN_FIELD.search(text):
        return _unknown_field(kind, match[1], structs)
    if match := _MISSING.search(text):
        return missing(
            kind or "The event", match[1], f"Add {match[1]}; docs/events.md lists what each kind needs."
        )
    if match := _AT.match(text):
        return value(f"{match[2] or 'The line'}: {_lower(match[1])}.", _hint(match[2], match[1]))
    return value(f"{text}.", "docs/events.md lists the kinds and their members.")


def missing(kind: str, name: str, fix: str) -> EventError:
    """Return the error for a member that is not there."""
    return EventError("event.missing", f"{kind} lacks {name}.", fix, source=SOURCE)


def value(message: str, fix: str) -> EventError:
    """Return the error for a member whose value cannot be."""
    return EventError("event.value", message, fix, source=SOURCE)


def bad_member(name: str, text: str) -> EventError:
    """Return the error for one member, from what msgspec says of its value alone."""
    found = _AT.match(text)
    return value(f"{name}: {_lower(found[1] if found else text)}.", _hint(name, text))


def _kind(line: bytes) -> str | None:
    """Return the kind that a line claims, if it says one."""
    try:
        found = msgspec.json.decode(line, type=dict[str, object]).get("kind")
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, str) else None


def _unknown_kind(kind: str, structs: Iterable[str]) -> EventError:
    """Return the error for a kind that does not exist, with the nearest that do."""
    return EventError(
        "event.unknown_kind",
        f"There is no kind of event called {kind[:60]!r}.",
        _near(kind, structs) or "docs/events.md lists the kinds.",
        source=SOURCE,
    )


def _unknown_field(kind: str | None, name: str, structs: Mapping[str, type[msgspec.Struct]]) -> EventError:
    """Return the error for a member that the kind does not have, with those it has."""
    known = structs[kind].__struct_encode_fields__ if kind is not None and kind in structs else ()
    return EventError(
        "event.unknown_field",
        f"{kind or 'The event'} has no member {name[:60]!r}.",
        _near(name, known) or f"It may have: {', '.join(known)}.",
        source=SOURCE,
    )


def _near(name: str, known: Iterable[str]) -> str:
    """Return a question after the nearest names, or nothing."""
    near = get_close_matches(name, list(known), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def _lower(text: str) -> str:
    """Return msgspec's sentence so that it can follow a colon."""
    return text[:1].lower() + text[1:]


def _hint(path: str, text: str) -> str:
    """Return what usually helps with a value of this name."""
    if path.endswith(("_at", "from", "until", "since")) and ("datetime" in text or "RFC3339" in text):
        return "Give a time that the calendar and the clock have, with its offset: 2026-04-21T09:00:00+08:00."
    if "regex" in text and path.endswith(("_on", "_date")):
        return "Give the day as in 2026-04-21."
    if "regex" in text and path == "country":
        return "Give the country as two capital letters, as in CN or DE."
    return "docs/events.md lists the members of each kind."
