"""
What a change of a passport is on record: events. Nothing is set, all is reported.

A model's points are declared of the model, and so of each of its batteries; what was measured is of the
battery alone. What follows from the record nobody sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from voltrail.errors import UsageError
from voltrail.events.points import POINTS, Value, check_points
from voltrail.lifecycle import Model
from voltrail.passport.rulesets import EU_GUIDANCE
from voltrail.passport.told import Told


def changed(said: Mapping[str, Value], told: Told) -> dict[str, Value]:
    """Return what somebody says that is not what they see: a passport read and sent back changes nothing."""
    return {
        name: value
        for name, value in said.items()
        if name not in told.values or told.values[name].value != value
    }


def lines_of(said: Mapping[str, Value], told: Told, model: Model | None, at: datetime) -> list[bytes]:
    """
    Return the lines to report so that a passport says these values, all that differ from what it says.

    Raises UsageError for a point that cannot be said (`passport.decided`, `passport.barred`,
    `passport.no_model`), EventError for a value that cannot be.
    """
    for name in said:
        _check(name, told, model)
    declared = {name: value for name, value in said.items() if POINTS[name].by == "declared"}
    measured = {name: value for name, value in said.items() if POINTS[name].by == "measured"}
    check_points(declared, of_battery=False)
    check_points(measured, of_battery=True)
    when = at.isoformat(timespec="milliseconds")
    lines = []
    if declared and model is not None:
        lines.append(
            {"kind": "points_declared", "occurred_at": when, "model_id": model.model_id, "points": declared}
        )
    if measured:
        lines.append({"kind": "measured", "occurred_at": when, "code": told.whole.code, "points": measured})
    return [msgspec.json.encode(one) for one in lines]


def _check(name: str, told: Told, model: Model | None) -> None:
    point = POINTS[name]
    if point.by == "record":
        raise UsageError(
            "passport.decided",
            f"{name} follows from what was reported, and cannot be set.",
            "Report what happened instead; docs/points.md says where it comes from.",
        )
    if name in EU_GUIDANCE.bars(told.whole.category):
        raise UsageError(
            "passport.barred",
            f"{name} must not stand in a passport of the category {told.whole.category}.",
            "Leave it out.",
            source=EU_GUIDANCE.source,
        )
    if point.by == "declared":
        if model is None:
            raise UsageError(
                "passport.no_model",
                f"{name} is declared of a model, and the battery's is not on record.",
                "Report `model_registered` first.",
            )
        _check_life(name, told, model)


def _check_life(name: str, told: Told, model: Model) -> None:
    """Refuse to declare of a model what an event of this battery says otherwise: it would not be heard."""
    known = told.whole.values.get(name)
    of_model = {said.index for said in model.points.values()} | {one.index for one in model.documents}
    if known is not None and (here := set(known.entries) - of_model):
        raise UsageError(
            "passport.decided",
            f"{name} of this battery stands in entry {min(here)} of the log, whatever its model has.",
            "Correct that event: `corrected`.",
        )
