"""Control charts of a production line as its page draws them: points, limits, and where a drift began."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from voltrail.technology.line import BASELINE, Chart
from voltrail.web.chart import ticks

DRAWN: Final = 300  # of the newest points, at most
_LABELS: Final = 3


class DrawnPoint(NamedTuple):
    """Where a point is and whether it breaks a rule; its entry on record, its value and the rules."""

    x: float
    y: float
    entry: int
    value: float
    rules: tuple[int, ...]


class Drawn(NamedTuple):
    """
    A chart in per cent of its field, y downwards.

    `line` joins the points, `average` is the moving average; `low`, `centre` and `high` are heights, `near`
    and `far` those of the limits of the average. `since` is where the drift that lasts began, `baseline`
    where the points end that gave the limits. `down` are the labels of the axis, `across` ISO times.
    """

    line: str
    average: str
    points: list[DrawnPoint]
    low: float
    centre: float
    high: float
    near: float
    far: float
    since: float | None
    baseline: float | None
    down: list[tuple[float, float]]
    across: list[tuple[float, str]]


def draw(chart: Chart) -> Drawn:
    """Return the picture of the newest points of a control chart, evenly apart, whenever they were taken."""
    first = max(0, len(chart.points) - DRAWN)
    shown = chart.points[first:]
    values = [one.value for one in shown]
    down = ticks(min(chart.low, *values), max(chart.high, *values), 4)

    def x(at: int) -> float:
        return round(100 * (at - first) / (len(shown) - 1), 2)

    def y(value: float) -> float:
        return round(100 * (down[-1] - value) / (down[-1] - down[0]), 2)

    places = [
        DrawnPoint(x(at), y(one.value), one.index, one.value, one.rules)
        for at, one in enumerate(shown, first)
    ]
    last = first + len(shown) - 1
    drift = chart.drift
    return Drawn(
        _path((one.x, one.y) for one in places),
        _path((x(at), y(one.average)) for at, one in enumerate(shown, first) if at >= BASELINE),
        places,
        y(chart.low),
        y(chart.centre),
        y(chart.high),
        y(chart.near),
        y(chart.far),
        None if drift is None or drift.since < first else x(drift.since),
        x(BASELINE - 1) if first < BASELINE - 1 else None,
        [(y(value), value) for value in down],
        [
            (x(at), datetime.fromtimestamp(chart.points[at].at, UTC).isoformat())
            for at in (first + round(step * (last - first) / (_LABELS - 1)) for step in range(_LABELS))
        ],
    )


def rounded(value: float, by: float) -> float:
    """Return a value with as many digits as are worth anything beside a spread."""
    if by <= 0 or not math.isfinite(by):
        return value
    return round(value, max(0, 1 - math.floor(math.log10(by))))


def _path(points: Iterable[tuple[float, float]]) -> str:
    joined = "L".join(f"{x} {y}" for x, y in points)
    return f"M{joined}" if joined else ""
