"""
The data points of battery passports: one catalogue, to which rule sets and outputs refer by name.

    >>> POINTS["rated_capacity_ah"].unit
    'Ah'

A model's maker declares what is the same for each of its batteries; what changes is measured; and what the
record itself decides, such as who answers for a battery and what became of it, nobody can say otherwise.
`audience` names a row of the access table (`organisations/access.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from voltrail.codes.digital_link import is_gtin
from voltrail.events import reading

Value = float | int | str

MAX_TEXT: Final = 2_000
_URI: Final = re.compile(r"(?:https?://[^\s/?#<>\"\\^`{|}]+|urn:[a-z0-9-]{2,32}:)[^\s<>\"\\^`{|}]*")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One data point: its type, unit and bounds; whether it is of a model or of a battery; whether it changes;
    and by whom it is said: declared by a maker, measured, or following from the record alone.

    `en` and `zh` are what pages call it.
    """

    name: str
    type: Literal["number", "integer", "text", "uri", "email", "day", "moment", "gtin", "choice"]
    of: Literal["model", "battery"]
    changes: Literal["static", "dynamic"]
    by: Literal["declared", "measured", "record"]
    audience: Literal["public", "detail", "evidence", "condition"]
    en: str
    zh: str
    unit: str | None = None
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()

    def wrong(self, value: Any) -> str | None:
        """Return what is wrong with a value of this point, in words that follow its name, or None."""
        if self.type in {"number", "integer"}:
            return self._wrong_number(value)
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or value != value.strip():
            return f"is {value!r:.60}, and should be a text of 1 to {MAX_TEXT:,} characters"
        if self.choices and value not in self.choices:
            return f"is {value[:60]!r}, and should be one of {', '.join(self.choices)}"
        if self.type not in _READS or _READS[self.type](value):
            return None
        return f"is {value[:60]!r}, and should be {_SHOULD[self.type]}"

    def _wrong_number(self, value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            return f"is {value!r:.60}, and should be a number"
        if self.type == "integer" and value != int(value):
            return f"is {value}, and should be a whole number"
        low, high = self.min, self.max
        if (low is not None and value < low) or (high is not None and value > high):
            return f"is {value:g}{self._unit}, and lies between {low:g} and {high:g}{self._unit}"
        return None

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number larger than any float
        return False


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_READS: Final = {
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "day": _is_day,
    "moment": _is_moment,
    "gtin": is_gtin,
}
_SHOULD: Final = {
    "uri": "an address that begins with https:// or urn:",
    "email": "an e-mail address",
    "day": "a day as 2026-04-21",
    "moment": "a time with its zone, as 2026-04-21T09:00:00+08:00",
    "gtin": "14 digits, the last of which checks the others; a shorter GTIN with zeros before it",
}

POINTS: Final[Mapping[str, Point]] = {
    one.name: one
    for one in msgspec.json.decode(
        files(__package__).joinpath("points.json").read_bytes(), type=tuple[Point, ...]
    )
}


def check_points(points: Mapping[str, Value], *, of_battery: bool) -> None:
    """
    Raise EventError for a point that is none, or one that cannot have this value.

    Of a battery (`of_battery`) only what is measured is said, of a model what is declared.
    """
    for name, value in points.items():
        point = POINTS.get(name)
        if point is None:
            raise reading.value(
                f"There is no data point {name[:60]!r}.", "See docs/points.md for their names."
            )
        if point.by != ("measured" if of_battery else "declared"):
            raise reading.value(f"The data point {name} is not {_SAID[of_battery]}.", _WHERE[point.by])
        if (said := point.wrong(value)) is not None:
            raise reading.value(f"{name} {said}.", f"Write it in {point.unit or 'the form that is named'}.")


_SAID: Final = {True: "measured", False: "declared for a model"}
_WHERE: Final = {
    "declared": "Declare it for the model, in `points_declared`.",
    "measured": "Say it of the battery, in `measured` or `manufactured`.",
    "record": "Leave it out: it follows from the events that are reported.",
}

_HEAD: Final = """\
# Data points

Printed from `voltrail/events/points.py`; do not edit.

What a battery passport may say, and by whom: *declared* by a model's maker (`points_declared`), *measured*
(`points` of `measured` and `manufactured`), or following from the *record* alone. `audience`: *public*
everybody; *detail* who has a legitimate interest, and authorities; *evidence* authorities, auditors and the
operator; *condition* who has a legitimate interest in that battery, and not EU authorities.

| Name | What | 中文 | Type | Unit | Range | Of | By | Audience |
|---|---|---|---|---|---|---|---|---|
"""


def document() -> str:
    """Return docs/points.md."""
    return _HEAD + "".join(map(_row, POINTS.values()))


def _row(point: Point) -> str:
    bounds = "" if point.min is None else f"{point.min:g} to {point.max:g}"
    cells = (
        point.name, point.en, point.zh, point.type, point.unit or "", bounds or ", ".join(point.choices),
        f"{point.of}, {point.changes}", point.by, point.audience,
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"
