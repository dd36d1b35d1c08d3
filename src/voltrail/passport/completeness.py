"""
How complete the data of a model is, point by point, by one rule set: the board that a maker works through.

A model's maker can give what is declared. What is measured of each battery, and what follows from the
record, stand on the board too, so that nobody looks for them elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal

import msgspec

from voltrail.events.points import POINTS
from voltrail.lifecycle import Model
from voltrail.passport.compose import Known
from voltrail.passport.rulesets import Applies, Row, RuleSet

Standing = Literal[
    "there",
    "missing",
    "asked",
    "returned",
    "answered",
    "offered",
    "conditional",
    "optional",
    "pending",
    "unwanted",
    "measured",
    "record",
]
STANDINGS: Final = (
    "missing", "asked", "returned", "answered", "offered", "there", "conditional", "optional", "pending",
    "unwanted", "measured", "record",
)  # fmt: skip


class Asking(msgspec.Struct, frozen=True):
    """
    How a point stands with a supplier: asked in which request, of whom, until when.

    `offered`: it was answered and accepted for another model, and can be taken over.
    """

    request: int
    supplier: str
    due: date
    state: Literal["asked", "returned", "answered", "offered"]

    def is_overdue(self, day: date) -> bool:
        """Return whether the supplier should have answered."""
        return self.state in {"asked", "returned"} and self.due < day


class Line(msgspec.Struct, frozen=True):
    """
    One point of one row: number and source, what the rule set wants of it, how it stands, its value.

    `by` is the supplier who said it, where one did; `asking` how it stands with one.
    """

    nr: int
    point: str
    source: str
    applies: Applies
    standing: Standing
    known: Known | None = None
    by: str | None = None
    asking: Asking | None = None
    overdue: bool = False
    gap: str | None = None
    gap_zh: str | None = None


def category_of(values: Mapping[str, Known]) -> str:
    """Return a model's category, that of vehicles where none is declared."""
    return str(values["category"].value) if "category" in values else "ev"


def board(
    model: Model,
    values: Mapping[str, Known],
    rules: RuleSet,
    asked: Mapping[str, Asking],
    day: date,
) -> list[Line]:
    """Return the board of a model by a rule set, in its order, without what is not for its category."""
    category = category_of(values)
    barred = rules.bars(category)
    found = []
    for row in rules.rows:
        applies = row.applies(category)
        for point in row.points:
            known, asking = values.get(point), asked.get(point)
            if applies.status == "absent" and known is None:
                continue
            standing = _standing(point, applies, known, asking, barred)
            found.append(_line(row, point, rules, applies, standing, model, known, asking, day))
    return found


def _standing(
    point: str, applies: Applies, known: Known | None, asking: Asking | None, barred: frozenset[str]
) -> Standing:
    if known is not None:
        return "unwanted" if point in barred else "there"
    if asking is not None:
        return asking.state
    by = POINTS[point].by
    if by != "declared":
        return by
    if applies.status == "mandatory":
        return "missing"
    return applies.status if applies.status != "absent" else "unwanted"


def _line(
    row: Row,
    point: str,
    rules: RuleSet,
    applies: Applies,
    standing: Standing,
    model: Model,
    known: Known | None,
    asking: Asking | None,
    day: date,
) -> Line:
    said = model.points.get(point)
    return Line(
        row.nr,
        point,
        row.source or rules.source,
        applies,
        standing,
        known,
        said.by if said is not None else None,
        asking,
        asking is not None and asking.is_overdue(day),
        row.gap,
        row.gap_zh,
    )


def counted(lines: Iterable[Line]) -> tuple[int, int]:
    """Return how many of the mandatory points that a maker declares are there, and how many there are."""
    wanted = {
        one.point: one.standing == "there"
        for one in lines
        if one.applies.status == "mandatory" and POINTS[one.point].by == "declared"
    }
    return sum(wanted.values()), len(wanted)
