"""
Rule sets: which data points a passport needs, by category and day.

    >>> [row.status("ev") for row in EU_GUIDANCE.rows if row.nr in (11, 17, 25)]
    ['mandatory', 'pending', 'absent']

Each is a table for people to read (`*.json`): it names points of the one catalogue (`events/points.py`), with
the number that the rule set gives them and its source.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date
from functools import cached_property
from importlib.resources import files
from typing import Final, Literal, get_args

import msgspec

Status = Literal["mandatory", "conditional", "optional", "pending", "absent"]
Category = Literal["ev", "lmt", "industrial"]

CATEGORIES: Final[tuple[str, ...]] = get_args(Category)


class Applies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a row applies to a category, and under which condition, in both languages."""

    status: Status
    if_: str | None = msgspec.field(name="if", default=None)
    if_zh: str | None = None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One data point as a rule set counts them: its number, points of the catalogue, and source."""

    nr: int
    points: tuple[str, ...]
    source: str
    ev: Applies | Status
    lmt: Applies | Status
    industrial: Applies | Status
    gap: str | None = None
    gap_zh: str | None = None

    def applies(self, category: str) -> Applies:
        """Return whether it applies to a category, and under which condition."""
        found: Applies | Status = getattr(self, category)
        return found if isinstance(found, Applies) else Applies(found)

    def status(self, category: str) -> Status:
        """Return whether it applies to a category."""
        return self.applies(category).status


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A rule set, which demands what it demands `from` a day on; `gap` says what of it is not known."""

    id: str
    name: str
    name_zh: str
    from_: date = msgspec.field(name="from")
    source: str
    rows: tuple[Row, ...]
    gap: str | None = None
    gap_zh: str | None = None

    def wants(self, category: str) -> frozenset[str]:
        """Return the points that a category must have."""
        return self._wanted[category]

    def bars(self, category: str) -> frozenset[str]:
        """Return the points that a category must not have: barred or pending, and by no other row allowed."""
        return self._barred[category]

    @cached_property
    def _wanted(self) -> dict[str, frozenset[str]]:
        return {one: self._points(one, {"mandatory"}) for one in CATEGORIES}

    @cached_property
    def _barred(self) -> dict[str, frozenset[str]]:
        barred = {"absent", "pending"}
        others = set(get_args(Status)) - barred
        return {one: self._points(one, barred) - self._points(one, others) for one in CATEGORIES}

    def _points(self, category: str, statuses: AbstractSet[str]) -> frozenset[str]:
        return frozenset(
            point for row in self.rows if row.status(category) in statuses for point in row.points
        )


def _read(name: str) -> RuleSet:
    return msgspec.json.decode(files(__package__).joinpath(name).read_bytes(), type=RuleSet)


EU_GUIDANCE: Final = _read("eu_guidance_1_0.json")
SPEC_99100: Final = _read("spec_99100.json")
