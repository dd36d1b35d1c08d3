"""How many are spread, over bands of something: the middle as a line in the band of its quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

WIDTH: Final = 960
HEIGHT: Final = 260
_STEPS: Final = (0.05, 0.1)  # of the scale: the finer one where there is room
_ROOM: Final = 0.3
MOST_LABELS: Final = 8


class Mark(NamedTuple):
    """A band with its middle: where it is, and how many are in it."""

    x: float
    y: float
    group: int
    batteries: int
    middle: float


class Picture(NamedTuple):
    """What the template draws into a field of `WIDTH` by `HEIGHT`, y downwards; `scale` are (y, per cent)."""

    marks: list[Mark]
    line: str
    band: str
    scale: list[tuple[float, int]]
    labels: list[tuple[float, int]]


def bounds(rows: Iterable[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Return from where to where a scale goes that has all quantiles, and in what steps."""
    told = [row for row in rows if row["middle"] is not None]
    low = min((row["low"] for row in told), default=0.9)
    high = max((row["high"] for row in told), default=1.0)
    step = _STEPS[high - low > _ROOM]
    first, last = math.floor(low / step - 1e-9), math.ceil(high / step + 1e-9)
    return max(0, first) * step, last * step, step


def draw(rows: Sequence[Mapping[str, Any]], step: int = 1) -> Picture | None:
    """
    Return the picture of rows with `group` (whole steps), `batteries`, `low`, `middle`, `high`.

    A row without figures leaves a gap. None where none has them.
    """
    told = [row for row in rows if row["middle"] is not None]
    if not told:
        return None
    low, high, part_of_scale = bounds(told)
    first, last = (end(row["group"] // step for row in rows) for end in (min, max))
    width = WIDTH / (last - first + 1)

    def across(row: Mapping[str, Any]) -> float:
        return float(round(width * (row["group"] // step - first + 0.5), 1))

    def down(value: float) -> float:
        return round(HEIGHT * (high - value) / (high - low), 1)

    marks = [
        Mark(across(row), down(row["middle"]), row["group"], row["batteries"], row["middle"]) for row in told
    ]
    line = band = ""
    for _, run in groupby(enumerate(told), lambda one: one[1]["group"] // step - one[0]):
        part = [row for _, row in run]
        line += _path((across(row), down(row["middle"])) for row in part)
        edge = [(across(row), down(row["high"])) for row in part]
        edge += [(across(row), down(row["low"])) for row in reversed(part)]
        band += _path(edge) + "Z"
    every = -(-(last - first + 1) // MOST_LABELS)
    labels = [
        (round(width * (place + 0.5), 1), (first + place) * step)
        for place in range(0, last - first + 1, every)
    ]
    steps = range(round((high - low) / part_of_scale) + 1)
    scale = [(down(value), round(value * 100)) for value in (low + part_of_scale * at for at in steps)]
    return Picture(marks, line, band, scale, labels)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
