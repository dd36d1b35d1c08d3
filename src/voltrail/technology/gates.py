"""
The gates between stages, as data: which protocols, passed on how many samples, by whom, since when.

`gates.csv` has a requirement in each row. Those of custom are Voltrail's own, written down so that they can
be argued about; those in force are asked for by a rule that its source names.
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final

import msgspec

STAGES: Final = ("laboratory", "prototype", "pilot_line", "vehicle_trial", "small_batch", "mass_production")
"""From the laboratory to the line, in this order."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a gate asks for: a protocol passed on so many different samples.

    `by` says who may show it: the `maker` of the model, a `vehicle_maker`, a `lab`: a testing laboratory that
    is not the maker.
    """

    stage: str
    protocol: str
    samples: int
    by: frozenset[str]
    valid_from: date | None
    standing: str
    source: str

    def counts(self, when: datetime) -> bool:
        """Return whether the gate asks for it at a time."""
        return self.valid_from is None or when.date() >= self.valid_from


def _read() -> tuple[Requirement, ...]:
    text = files(__package__).joinpath("gates.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(msgspec.convert(_row(row), Requirement, strict=False) for row in rows)


def _row(row: dict[str, str]) -> dict[str, Any]:
    return {**row, "by": row["by"].split(), "valid_from": row["valid_from"] or None}


GATES: Final = _read()


def asked(stage: str, when: datetime) -> tuple[Requirement, ...]:
    """Return what the gate of a stage asks for at a time, that of the stages before it first."""
    upto = STAGES[: STAGES.index(stage) + 1]
    return tuple(one for at in upto for one in GATES if one.stage == at and one.counts(when))
