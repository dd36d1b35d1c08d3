"""
What a caller names a passport or its battery by: an address of its page, on whatever host, or the code alone.

    >>> read("https://registry.example/b/9ZZPB240000003G4C0221953/passport/2")
    Named(code='9ZZPB240000003G4C0221953', number=2)
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from voltrail.codes import parse
from voltrail.errors import UsageError
from voltrail.events.epcis.identifiers import unescape

MAX_CHARACTERS: Final = 500
_ADDRESS: Final = re.compile(
    r"https?://[^/?#\s]+/b/(?P<code>[^/?#]+)(?:/passport(?:/(?P<number>[^/?#]+))?)?/?"
)
_SHORT: Final = re.compile(r"(?P<code>[^/?#]+)(?:/(?P<number>[^/?#]+))?")
_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")


class Named(msgspec.Struct, frozen=True):
    """A battery by its code, and the number of its passport where one was given."""

    code: str
    number: int | None = None


def read(text: str) -> Named:
    """
    Return what an identifier names: `https://HOST/b/CODE`, that with `/passport/N`, `CODE/N`, or `CODE`.

    It may be percent-encoded as a whole. Raises CodeError for a code that is none, UsageError for the rest.
    """
    if len(text) > MAX_CHARACTERS:
        raise _wrong(text)
    try:
        plain = unescape(text)
    except ValueError:
        raise _wrong(text) from None
    found = (_ADDRESS if "://" in plain else _SHORT).fullmatch(plain)
    if found is None:
        raise _wrong(text)
    number = found["number"]
    if number is not None and not _NUMBER.fullmatch(number):
        raise _wrong(text)
    return Named(parse(found["code"]).text, None if number is None else int(number))


def _wrong(text: str) -> UsageError:
    return UsageError(
        "passport.identifier",
        f"{text[:80]!r} names no passport and no battery of a registry like this.",
        "Write https://HOST/b/CODE, that with /passport/N, CODE/N or CODE, percent-encoded where it stands in"
        " an address.",
    )
