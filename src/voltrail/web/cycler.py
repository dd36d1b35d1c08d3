"""
A cycler's file as its page draws it: voltage, current and charge over time, capacity over cycles.

    fields = over_time(course)
    by_cycle = over_cycles(table)

In a template the macro `fields` of `_cycler.html` shows them one below the other over one axis. Of many
samples the lowest and highest of each place are drawn, so that no peak is lost.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from voltrail.technology.cycler import Numbers
from voltrail.technology.cycler_cycles import Course, Cycles
from voltrail.web.chart import ticks

PLACES: Final = 400  # across a field, each with its lowest and its highest


class Field(NamedTuple):
    """
    One quantity: its path in per cent of the field, y downwards, and the labels of both axes.

    `label` names the quantity, for which the page has its word; `colour` from 1 on.
    """

    label: str
    unit: str
    colour: int
    path: str
    down: list[tuple[float, float]]
    across: list[tuple[float, float]]
    across_unit: str


def over_time(course: Course) -> list[Field]:
    """Return voltage, current and the charge that went in, over hours, or minutes where it took few."""
    spent_s = course.time_s - course.time_s[0]
    scale, unit = (3600.0, "h") if spent_s[-1] > 7200 else (60.0, "min")
    charge_ah = np.concatenate(([0.0], np.cumsum(course.charge_ah)))
    told = (
        ("voltage", "V", course.voltage_v),
        ("current", "A", course.current_a),
        ("charge", "Ah", charge_ah),
    )
    return [
        _field(label, unit_of, colour, spent_s / scale, values, unit)
        for colour, (label, unit_of, values) in enumerate(told, 1)
    ]


def over_cycles(table: Cycles) -> Field | None:
    """Return what was discharged by cycle; None for fewer than three full cycles."""
    full = np.flatnonzero(table.full)
    if len(full) < 3:
        return None
    return _field("discharged", "Ah", 4, table.number[full], table.discharge_ah[full], "", from_zero=True)


def _field(
    label: str,
    unit: str,
    colour: int,
    across: Numbers,
    values: Numbers,
    across_unit: str,
    *,
    from_zero: bool = False,
) -> Field:
    first, last = float(np.min(across)), float(np.max(across))
    low, high = float(np.min(values)), float(np.max(values))
    if high == low:
        low, high = low - 0.5, high + 0.5
    down = ticks(min(0.0, low) if from_zero else low, high, 4)
    width = last - first or 1.0
    x, y = _thinned((across - first) / width, values)
    drawn = 100 * (down[-1] - y) / (down[-1] - down[0])
    path = "M" + "L".join(f"{left:.2f} {top:.2f}" for left, top in zip(100 * x, drawn, strict=True))
    return Field(
        label,
        unit,
        colour,
        path,
        [(100 * (down[-1] - one) / (down[-1] - down[0]), one) for one in down],
        [
            (100 * (one - first) / width, one)
            for one in ticks(first, last)
            if first - 1e-9 <= one <= last + 1e-9
        ],
        across_unit,
    )


def _thinned(share: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """Return points of a line whose places across are shares of 1: all, or the extremes of each place."""
    if len(values) <= 2 * PLACES:
        return share, values
    place = np.minimum((share * PLACES).astype(np.int64), PLACES - 1)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(place) != 0) + 1))
    if len(starts) > 2 * PLACES:  # the time runs to and fro: by rows
        starts = np.arange(0, len(values), -(-len(values) // PLACES))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.repeat(share[starts], 2), np.column_stack((low, high)).ravel()
