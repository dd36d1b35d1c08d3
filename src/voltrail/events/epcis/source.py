"""JSON as EPCIS documents need it read: bounded, no member twice, every number as it was written."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, NoReturn

import msgspec

from voltrail.errors import EventError

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_STRING: Final = 65_536
MAX_NUMBER: Final = 64
SOURCE: Final = "EPCIS 2.0, section 9"

# One that does not end is taken to the end of the text: looking again from each quote takes hours.
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_json(data: bytes) -> Any:
    """
    Return the value that JSON bytes hold; numbers that no int of 64 bits holds are Decimals.

    Raises EventError (`epcis.json`, `epcis.too_large`).
    """
    if len(data) > MAX_BYTES:
        raise EventError(
            "epcis.too_large",
            f"The document has {len(data):,} bytes; at most {MAX_BYTES:,} are read.",
            "Send several documents.",
            source=SOURCE,
        )
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise _bad(f"Byte {error.start + 1} is not valid UTF-8.", "Save the file as UTF-8.") from None
    _check_depth(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise _bad(
            f"The document is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Export it again, or look at that place.",
        ) from None
    except RecursionError:
        raise _too_deep() from None


def write_json(value: Any) -> bytes:
    """Return compact JSON, numbers as they were read."""
    return _encode(value)


def _check_depth(text: str) -> None:
    """Raise for what is nested too deep, before anything goes down there; and for a text that is too long."""
    if len(text) > MAX_STRING and (
        longest := max((len(one[0]) for one in _STRINGS.finditer(text)), default=0)
    ) > (MAX_STRING):
        raise _bad(
            f"A text has {longest:,} characters; {MAX_STRING:,} are the most.", "Refer to it by an address."
        )
    steps = (1 if one in "[{" else -1 for one in _NO_BRACKETS.sub("", _STRINGS.sub("", text)))
    if any(depth > MAX_DEPTH for depth in accumulate(steps)):
        raise _too_deep()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        named = [name for name, _ in pairs]
        twice = next(name for name in found if named.count(name) > 1)
        raise _bad(f"The member {twice[:60]!r} stands twice in one object.", "Keep one of the two.")
    return found


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_NUMBER:
        raise _bad(f"The number {text[:20]}… has {len(text)} characters.", f"{MAX_NUMBER} are the most.")
    return Decimal(text)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < 19 else _decimal(text)


def _constant(text: str) -> NoReturn:
    raise _bad(f"{text} is no number in JSON.", "Leave the member out where there is no value.")


def _too_deep() -> EventError:
    return _bad(f"Values are nested deeper than {MAX_DEPTH} levels.", "Check the program that wrote this.")


def _bad(message: str, fix: str) -> EventError:
    return EventError("epcis.json", message, fix, source=SOURCE)
