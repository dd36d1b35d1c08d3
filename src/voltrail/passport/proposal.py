"""
What a passport that others made would become here: against the record, and as lines to report.

What is declared for a model becomes `points_declared`, what was measured of a battery `measured`; what
follows from the record is compared with it, and stands in no line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from voltrail.events.points import Value
from voltrail.passport import batterypass_ready
from voltrail.passport.importing import Found, Imported


class Compared(msgspec.Struct, frozen=True):
    """A point that the record knows as well: what it has, what was read, and whether the two agree."""

    point: str
    ours: Value
    read: Value
    agrees: bool


def compared(read: Imported, known: Mapping[str, Value]) -> list[Compared]:
    """Return the points that the record knows too; numbers agree as far as the form is exact."""
    return [
        Compared(name, known[name], one.value, _agree(name, known[name], one))
        for name, one in read.found.items()
        if name in known
    ]


def _agree(name: str, ours: Value, one: Found) -> bool:
    if isinstance(ours, int | float) and isinstance(one.value, int | float):
        return abs(ours - one.value) <= one.step / 2 + 1e-9 * max(abs(ours), abs(one.value))
    if name == "chemistry":
        codes = batterypass_ready.CHEMISTRIES
        return codes.get(str(ours), ours) == codes.get(str(one.value), one.value)
    return ours == one.value


class Proposal(msgspec.Struct, frozen=True):
    """What a passport would become here: of which model and battery, against the record, and the lines."""

    read: Imported
    model_id: str | None
    code: str | None
    compared: list[Compared]
    lines: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as programs are told."""
        read = self.read
        return {
            "forms": [{"file": file, "form": name} for file, name in read.forms],
            "model_id": self.model_id,
            "code": self.code,
            "found": read.found,
            "troubles": read.troubles,
            "left": [one._asdict() for one in read.left],
            "compared": self.compared,
            "lines": self.lines,
        }


def propose(
    read: Imported, known: Mapping[str, Value], model_id: str | None, code: str | None, now: str
) -> Proposal:
    """
    Return what was read as it would come on record; `known` is what the record has of the battery `code`.

    The model is the one that is named, else that of the battery, else the one that the passport names.
    """
    said = known.get("model_id") or (read.found["model_id"].value if "model_id" in read.found else None)
    model_id = model_id or (str(said) if said is not None else None)
    lines = [one.decode() for one in lines_of(read, model_id, code, now)]
    return Proposal(read, model_id, code, compared(read, known), lines)


def lines_of(read: Imported, model_id: str | None, code: str | None, now: str) -> list[bytes]:
    """
    Return the lines that would put on record what was read.

    What is declared needs a model, what is measured a battery's code; each measured line has the time that
    the document says of its values, else `now`. What follows from the record is in none.
    """
    lines: list[bytes] = []
    declared = {name: one.value for name, one in read.of("declared").items()}
    if model_id and declared:
        lines.append(_line("points_declared", now, model_id=model_id, points=declared))
    if code:
        by_time: dict[str, dict[str, Value]] = {}
        for name, one in read.of("measured").items():
            by_time.setdefault(one.at or now, {})[name] = one.value
        lines += [_line("measured", at, code=code, points=by_time[at]) for at in sorted(by_time)]
    return lines


def _line(kind: str, at: str, **members: Any) -> bytes:
    return msgspec.json.encode({"kind": kind, "occurred_at": at, **members})
