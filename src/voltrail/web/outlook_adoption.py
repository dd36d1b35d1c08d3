"""The page of adoption: what its series are called; a share over time with what is and was said of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from voltrail.outlook.adoption import Target, Told, period
from voltrail.outlook.backtest import STEPS, Made, Point
from voltrail.web.catalogue import later

WIDTH: Final = 960
HEIGHT: Final = 300
_LABELS: Final = 8
_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)  # of the scale: the finest of which there are at most six


class Words(NamedTuple):
    """What a series is called, and of what it is the share."""

    name: str
    of: str


SERIES: Final = {
    "nev": Words(
        later("New-energy share of all vehicles sold"),
        later("Wholesale with exports, as the makers’ association counts it; at each cut as it stood then."),
    ),
    "passenger": Words(
        later("Battery-electric share of passenger cars"), later("Sold in a year, without plug-in hybrids.")
    ),
    "passenger_quarters": Words(
        later("Battery-electric share of passenger cars, by quarter"),
        later("Sold in the twelve months to each quarter’s end, without plug-in hybrids."),
    ),
    "car": Words(
        later("Electric share of cars"),
        later("Registered at home, battery-electric and plug-in hybrid, without vans."),
    ),
    "van": Words(later("Electric share of vans"), later("Registered at home.")),
    "bus": Words(later("Electric share of buses"), later("Registered at home.")),
    "truck": Words(later("Electric share of trucks"), later("Medium and heavy ones, registered at home.")),
    "heavy_truck": Words(
        later("New-energy share of heavy trucks"),
        later("Registered at home; totals that include exports are not mixed with them."),
    ),
    "heavy_truck_months": Words(
        later("New-energy share of heavy trucks, by month"), later("Registered at home in a month.")
    ),
}
MODELS: Final = {
    "no_change": later("no change"),
    "trend": later("trend"),
    "logistic": later("logistic curve"),
    "gompertz": later("Gompertz curve"),
    "bass": later("Bass curve"),
    "policy": later("logistic curve with policies"),
    "median": later("median of all models"),
}


class Mark(NamedTuple):
    """A point or a target: where it is, and what it says."""

    x: float
    y: float
    when: str
    share: float


class Picture(NamedTuple):
    """
    What the template draws into a field of `WIDTH` by `HEIGHT`, y downwards; `scale` are (y, per cent).

    `line` goes through `points`; `middle` and `band` are what is forecast now, empty where nothing is, and
    `past` what was forecast at each cut, up to five steps ahead; `expected` is what others expect.
    """

    line: str
    points: list[Mark]
    middle: str
    band: str
    past: list[str]
    targets: list[Mark]
    expected: list[Mark]
    scale: list[tuple[float, int]]
    labels: list[tuple[float, str]]


def draw(told: Told, targets: Sequence[Target], expected: Sequence[Point] = ()) -> Picture:
    """Return the picture of a series that has at least one point; targets after its end are left out."""
    now = told.forecast.now if told.forecast else None
    made = told.forecast.backtest.made if told.forecast else ()
    first, end = told.points[0].at, (now.at[-1] if now else told.points[-1].at)
    span = (end - first) or 1
    shown = [one for one in targets if first <= one.year <= end + 1e-9]
    most = max(
        (
            *(one.share for one in told.points),
            *(one.share for one in shown),
            *(one.share for one in expected),
            *(now.high if now else ()),
            *(share for one in made for share in one.middle[:STEPS]),
            0.01,
        )
    )
    step = next((one for one in _STEPS if most / one <= 6), _STEPS[-1])
    top = min(1, math.ceil(most / step - 1e-9) * step)

    def place(at: float, share: float) -> tuple[float, float]:
        return round(WIDTH * (at - first) / span, 1), round(HEIGHT * (1 - share / top), 1)

    def ahead(one: Made, shares: Sequence[float], steps: int | None = None) -> list[tuple[float, float]]:
        return [place(at, share) for at, share in list(zip(one.at, shares, strict=True))[:steps]]

    began = {one.at: place(*one) for one in told.points}
    points = [Mark(*place(*one), period(one.at, told.step), one.share) for one in told.points]
    steps = range(round(top / step) + 1)
    return Picture(
        _path((one.x, one.y) for one in points),
        points,
        _path([began[now.cut], *ahead(now, now.middle)]) if now else "",
        _path([began[now.cut], *ahead(now, now.high), *reversed(ahead(now, now.low))]) + "Z" if now else "",
        [_path([began[one.cut], *ahead(one, one.middle, STEPS)]) for one in made],
        [Mark(*place(one.year, one.share), str(one.year), one.share) for one in shown],
        [Mark(*place(*one), period(one.at, told.step), one.share) for one in expected if one.at <= end],
        [(place(first, step * number)[1], round(100 * step * number)) for number in steps],
        _labels(told, [one.at for one in told.points] + list(now.at if now else ()), first, span),
    )


def _labels(told: Told, times: list[float], first: float, span: float) -> list[tuple[float, str]]:
    every = max(1, -(-len(times) // _LABELS))
    return [(round(WIDTH * (at - first) / span, 1), period(at, told.step)) for at in times[::every]]


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
