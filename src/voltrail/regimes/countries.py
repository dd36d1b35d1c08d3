"""Countries, and who was in which group of them when: dated data in countries.json."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from typing import Final

import msgspec

from voltrail.errors import UsageError

__all__ = ["GROUPS", "Group", "check_country", "is_among"]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of countries; each member from a day to a day (both included), open where there is none."""

    id: str
    name: str
    name_zh: str
    source: str
    confidence: str
    members: tuple[tuple[str, date | None, date | None], ...]

    def has(self, country: str, day: date) -> bool:
        """Return whether a country was a member on a day."""
        return any(
            one == country and (since is None or since <= day) and (until is None or day <= until)
            for one, since, until in self.members
        )


class _Countries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    codes: str
    meant: dict[str, str]
    groups: tuple[Group, ...]


_DATA: Final = msgspec.json.decode(
    files(__package__).joinpath("countries.json").read_bytes(), type=_Countries
)
_CODES: Final = frozenset(_DATA.codes.split())
GROUPS: Final = {one.id: one for one in _DATA.groups}


def check_country(text: str) -> str:
    """Return a country's code of two letters, tidied. Raises UsageError for what names none."""
    code = text.strip().upper()
    if code in _CODES:
        return code
    meant = _DATA.meant.get(code)
    raise UsageError(
        "border.country",
        f"{text.strip()[:40]!r} is no country by ISO 3166.",
        f"Write {meant}." if meant else "Write its two letters, such as DE, KR or CN.",
    )


def is_among(country: str | None, words: Iterable[str], day: date) -> bool:
    """
    Return whether a country is meant by these words on a day: codes of countries and of groups.

    Any one of them will do. One with `-` before it means all but those, and each of those must hold; so
    nothing but such words means a country that is not known, too.
    """
    wanted = [word for word in words if not word.startswith("-")]
    barred = [word.removeprefix("-") for word in words if word.startswith("-")]
    if any(_is(country, word, day) for word in barred):
        return False
    return not wanted or any(_is(country, word, day) for word in wanted)


def _is(country: str | None, word: str, day: date) -> bool:
    if country is None:
        return False
    return GROUPS[word].has(country, day) if word in GROUPS else country == word
