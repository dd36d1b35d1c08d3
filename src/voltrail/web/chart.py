"""A line over time as a page draws it: paths in percent of the field, labels at even steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

_STEPS: Final = 4  # of the scale, at most
_NICE: Final = (1, 2, 2.5, 5, 10)

Unit = Literal["second", "minute", "day"]
_UNITS: Final[tuple[tuple[Unit, int], ...]] = (("second", 600_000), ("minute", 2 * 86_400_000))


class Chart(NamedTuple):
    """
    What the template draws into a field of 100 by 100, y downwards.

    `scale` are the labels of the y axis from the top down to 0, evenly spaced, and `grid` where their lines
    are; `times` the ISO times at the left, in the middle and at the right.
    """

    line: str
    area: str
    scale: list[int]
    grid: list[float]
    times: list[str]
    unit: Unit  # in which the times tell most: a chart of some minutes has them to the second


def draw(points: Sequence[tuple[int, int]]) -> Chart | None:
    """Return the chart of pairs of a time in Unix milliseconds and a count; None for fewer than two times."""
    if not points or points[0][0] == points[-1][0]:
        return None
    first, last = points[0][0], points[-1][0]
    scale = _scale(max(count for _, count in points))
    placed = [
        f"{(at - first) / (last - first) * 100:.2f} {100 - count / scale[0] * 100:.2f}"
        for at, count in points
    ]
    line = "M" + " L".join(placed)
    return Chart(
        line,
        f"{line} L100 100 L0 100 Z",
        scale,
        [100 / (len(scale) - 1) * step for step in range(len(scale))],
        [_iso(at) for at in (first, (first + last) // 2, last)],
        next((unit for unit, span_ms in _UNITS if last - first < span_ms), "day"),
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers at even steps, about `most`, that hold the lowest and the highest between them."""
    rough = max((high - low) / most, 1e-9)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * number, 9) for number in range(first, max(last, first + 1) + 1)]


def _scale(highest: int) -> list[int]:
    """Return round numbers from one that is not below the highest count, down to 0."""
    rough = max(highest / _STEPS, 1)
    power = 10 ** (len(str(int(rough))) - 1)
    step = next(round(nice * power) for nice in _NICE if nice * power >= rough and (nice * power) % 1 == 0)
    steps = -(-highest // step)
    return [step * number for number in range(steps, -1, -1)]


def _iso(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="seconds")
