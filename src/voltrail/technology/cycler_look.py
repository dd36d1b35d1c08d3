"""
All that one look at a cycler's file gives: its checks, its cycles and what they show, for pages and programs.

    found = look(read(data), Stated(capacity_ah=2.9), "NCA")
    found.standing, found.rates, as_told(found)
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from voltrail.technology.cycler import Cycling, Numbers
from voltrail.technology.cycler_checks import Check, Standing, checks, standing_of
from voltrail.technology.cycler_cycles import Course, Cycles, course_of, cycles_of
from voltrail.technology.cycler_results import (
    Charge,
    Rate,
    Retention,
    Stated,
    fastest_charge,
    pulses,
    rates,
    resistance_ohm,
    retention,
)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A file, its checks, its cycles, and what they show; None where they show nothing of it."""

    cycling: Cycling
    stated: Stated
    chemistry: str | None
    course: Course
    cycles: Cycles
    checks: tuple[Check, ...]
    rates: tuple[Rate, ...]
    pulses: int
    resistance_ohm: float | None
    retention: Retention | None
    charge: Charge | None

    @property
    def standing(self) -> Standing:
        """The worst of the checks."""
        return standing_of(self.checks)


def look(cycling: Cycling, stated: Stated | None = None, chemistry: str | None = None) -> Look:
    """
    Return all that a file shows.

    Raises TableError (`cycler.empty`) where fewer than two rows have time, voltage and current.
    """
    stated = stated or Stated()
    course = course_of(cycling)
    cycles = cycles_of(course)
    steps = pulses(course)
    return Look(
        cycling=cycling,
        stated=stated,
        chemistry=chemistry,
        course=course,
        cycles=cycles,
        checks=checks(cycling, course, stated, chemistry),
        rates=rates(cycles, stated),
        pulses=len(steps),
        resistance_ohm=resistance_ohm(steps),
        retention=retention(cycles),
        charge=fastest_charge(course, cycles, stated),
    )


def as_told(found: Look, most_cycles: int | None = None) -> dict[str, Any]:
    """Return a look for programs; `null` is what the file does not show."""
    cycling, table = found.cycling, found.cycles
    return {
        "sha256": cycling.digest.hex(),
        "form": cycling.form,
        "rows": cycling.rows,
        "columns": cycling.columns,
        "left_out": cycling.left,
        "standing": found.standing,
        "checks": [
            {"about": one.about, "standing": one.standing, "words": one.words, "lines": one.lines}
            for one in found.checks
        ],
        "cycles_in_all": len(table.number),
        "cycles": rows(table, most_cycles),
        "rates": [
            {
                "rate": one.name,
                "c_rate": one.c_rate,
                "capacity_ah": one.capacity_ah,
                "energy_wh": one.energy_wh,
                "temperature_c": _known(one.temperature_c),
            }
            for one in found.rates
        ],
        "resistance_10s_ohm": found.resistance_ohm,
        "pulses": found.pulses,
        "retention": found.retention,
        "charge_10_80": found.charge,
    }


COLUMNS = (
    "number",
    "start_s",
    "duration_s",
    "charge_ah",
    "discharge_ah",
    "charge_wh",
    "discharge_wh",
    "coulombic",
    "energetic",
    "discharge_a",
    "charge_a",
    "low_v",
    "high_v",
    "temperature_c",
    "full",
)


def rows(table: Cycles, most: int | None = None) -> list[dict[str, Any]]:
    """Return the cycles as rows, at most so many; None is what was not measured."""
    columns = {name: _listed(getattr(table, name)[:most]) for name in COLUMNS}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _listed(values: Numbers) -> list[Any]:
    if values.dtype == np.bool_:
        return list(values.tolist())
    return [_known(one) for one in values.tolist()]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
