"""
What recycling should reach, and from when: the Chinese norm conditions and the EU's Batteries Regulation.

Dated data (`targets.json`): a past date is judged by the targets of that date. The norm conditions are
voluntary, and the formulas and sampling points of their rates are published in none of our sources, which
`gap` says beside each. Only `confirmed` and `secondary` ones count; others are shown.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Final, Literal

import msgspec

from voltrail.regimes.rules import Confidence

Metric = Literal["recovery", "efficiency", "powder_recovery", "powder_impurity", "recycled_content"]
Stage = Literal["separation", "refining", "whole"]


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One target of one regime, from a day to a day (both included), in per cent.

    What is to be reached by the end of a year is a target from the day after on. `stage` is that of the rate
    (`rates`); of recycled content, the mass that the share is of.
    """

    id: str
    regime: Literal["cn", "eu"]
    metric: Metric
    element: str | None
    operator: Literal[">=", "<"]
    value: float
    unit: Literal["%"]
    stage: Stage | Literal["battery", "active_material"]
    valid_from: date
    valid_to: date | None
    article: str
    article_zh: str
    source: str
    confidence: Confidence
    gap: str | None = None
    gap_zh: str | None = None

    @property
    def counts(self) -> bool:
        """Return whether somebody may be judged by it."""
        return self.confidence in {"confirmed", "secondary"}

    def holds(self, day: date) -> bool:
        """Return whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


TARGETS: Final = msgspec.json.decode(
    files(__package__).joinpath("targets.json").read_bytes(), type=tuple[Target, ...]
)


def targets_at(day: date) -> tuple[Target, ...]:
    """Return the targets in force on a day, those that count and those that are only shown."""
    return tuple(one for one in TARGETS if one.holds(day))
