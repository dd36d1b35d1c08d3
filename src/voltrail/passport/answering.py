"""What a supplier typed, kept as it was typed, and what can be signed of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from voltrail.errors import LineError, UsageError, VoltrailError
from voltrail.events import split
from voltrail.events.answers import MAX_POINTS, Answer, PointAnswer, read, write
from voltrail.events.points import MAX_TEXT, POINTS, Point, Value

_NUMBERS: Final = {"number", "integer"}
_Typed = Annotated[str, Meta(max_length=MAX_TEXT + 100)]
_Said = Annotated[str, Meta(max_length=1_000)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was typed for one point; empty where nothing was. `document` is a file's SHA-256 in hex."""

    value: _Typed | float | int = ""
    method: _Said = ""
    document: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    remark: _Said = ""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a supplier saved: under which name it answers, and what it typed for each point."""

    supplier: Annotated[str, Meta(max_length=256)] = ""
    points: Annotated[dict[str, Entry], Meta(max_length=MAX_POINTS)] = {}


def draft_of(given: Any, asked: Sequence[str]) -> Draft:
    """Return a draft from JSON values. Raises UsageError for what is none, and for points nobody asked."""
    try:
        draft = msgspec.convert(given, Draft)
    except msgspec.ValidationError as error:
        raise UsageError("answer.form", f"The answer does not read: {error}.", _FORM) from None
    if beyond := set(draft.points) - set(asked):
        message = f"Nobody asked for the data point {min(beyond)[:60]!r}."
        raise UsageError("answer.not_asked", message, f"Asked are: {', '.join(asked)}.")
    return draft


def wrong(draft: Draft) -> dict[str, str]:
    """Return what is wrong with a draft, by point; under an empty name what is wrong with the whole."""
    found = {}
    for name, entry in draft.points.items():
        try:
            _answered(name, entry)
        except VoltrailError as error:
            found[name] = f"{error.message} {error.fix}"
    if not draft.supplier.strip():
        found[""] = "The name of the supplier is missing."
    elif all(entry.value == "" for entry in draft.points.values()):
        found[""] = "No value is filled in."
    return found


def text_of(
    draft: Draft, registry: str, request: str, asked_by: str, part: str, revision: int, at: datetime
) -> str:
    """
    Return the text that a supplier signs for a draft. Raises UsageError, EventError for a wrong one.

    Points without a value are left out: a supplier says what it knows.
    """
    points = tuple(
        answered
        for name in POINTS
        if name in draft.points and (answered := _answered(name, draft.points[name])) is not None
    )
    if not draft.supplier.strip() or not points:
        message = "The name of the supplier is missing, or no value is filled in."
        raise UsageError("answer.empty", message, "Fill in the name and at least one value.")
    when = at.isoformat(timespec="seconds")
    text = write(Answer(1, registry, request, asked_by, part, draft.supplier.strip(), revision, when, points))
    read(text)  # whatever else cannot be, is said here
    return text


def _answered(name: str, entry: Entry) -> PointAnswer | None:
    """Return one point as it will be signed, None for one without a value. Raises UsageError."""
    point = POINTS[name]
    value = read_value(point, entry.value)
    if value is None:
        if entry.method.strip() or entry.remark.strip() or entry.document:
            raise UsageError(
                "answer.value",
                f"{name} has a method, document or remark, and no value.",
                "Fill in the value.",
            )
        return None
    return PointAnswer(
        name,
        value,
        point.unit,
        entry.method.strip() or None,
        entry.document or None,
        entry.remark.strip() or None,
    )


def read_value(point: Point, typed: str | float) -> Value | None:
    """Return a value as it was typed, None where nothing was. Raises UsageError for one that cannot be."""
    value: Value = typed.strip() if isinstance(typed, str) else typed
    if value == "":
        return None
    if point.type in _NUMBERS:
        value = _number(value)
    elif not isinstance(value, str):
        value = f"{value:g}"
    if (said := point.wrong(value)) is not None:
        fix = f"Give it in {point.unit}." if point.unit else "Write it in the form that is named."
        raise UsageError("answer.value", f"{point.name} {said}.", fix)
    try:
        split(msgspec.json.encode({"value": value}))
    except LineError as error:
        raise UsageError("answer.value", f"{point.name}: {error.message}", error.fix) from None
    return int(value) if point.type == "integer" and isinstance(value, float) else value


def _number(value: Value) -> Value:
    """Return a number from its text, and the text itself where it is none."""
    if not isinstance(value, str):
        return value
    text = value.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    try:
        return int(text) if text.lstrip("+-").isdigit() and len(text) < 16 else float(text)
    except ValueError:
        return value


def by_point(points: Mapping[str, Entry], asked: Sequence[str]) -> dict[str, Entry]:
    """Return what was typed for each point that was asked for."""
    return {name: points.get(name, Entry()) for name in asked}


_FORM: Final = 'Send {"supplier": NAME, "points": {POINT: {"value": 1.5, "method": ..., "remark": ...}}}.'
