"""
Lines over years as the pages of the outlook draw them: each with its band and its label at its end.

    told = [Line("left vehicles", YEARS, band.middle, band.low, band.high)]
    drawn = chart(told, unit="GWh a year", marks=[Mark("CATARC", 2030, 380)], since=LAST)

In a template the macro `chart` of `_outlook.html` shows it with its table behind it:
`{{ chart(page, t, drawn, title, csv) }}`, `csv` being the address of what it shows, or left out.
Title, labels and units come in the words of the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.web.chart import ticks

COLOURS: Final = 5
HEIGHT_PX: Final = 220  # of the field, as the style sheet has it: labels keep apart by it
_LABEL_PX: Final = 15  # a line of a label
_LETTERS: Final = 13  # in a line of a label; half as many where letters are wide
_LABELS: Final = 5  # on the axis of years, at most

Values = Sequence[float] | npt.NDArray[np.float64]


class Line(NamedTuple):
    """
    A line over `years`, and the band from `low` to `high` around it, where it has one.

    What is no number leaves a gap. Lines take the colours in their order, the sixth that of the first.
    """

    label: str
    years: Sequence[float] | npt.NDArray[np.int_]
    middle: Values
    low: Values | None = None
    high: Values | None = None


class Mark(NamedTuple):
    """A single value in a year, with from where to where it may lie; without a label a dot of history."""

    label: str
    year: float
    value: float
    low: float | None = None
    high: float | None = None


class DrawnLine(NamedTuple):
    """Paths, a label in lines, and the height at which it stands; `colour` from 1 to `COLOURS`."""

    colour: int
    path: str
    band: str
    label: list[str]
    label_y: float


class DrawnMark(NamedTuple):
    """Where a mark is, and from where to where it may lie; `left` where its label stands before it."""

    label: str
    x: float
    y: float
    top: float | None
    bottom: float | None
    left: bool


class Drawn(NamedTuple):
    """
    What the template draws, everything in per cent of the field, y downwards.

    `across` and `down` are the labels of the axes with their places; `since` is where the future begins.
    `rows` has for each year the lines' (middle, low, high), rounded to what the scale lets one tell;
    `labels` their headings. `named` are the marks with labels, as (label, year, value, low, high).
    """

    unit: str
    lines: list[DrawnLine]
    marks: list[DrawnMark]
    across: list[tuple[float, int]]
    down: list[tuple[float, float]]
    since: float | None
    labels: list[str]
    rows: list[tuple[int, list[tuple[float, float | None, float | None] | None]]]
    named: list[Mark]


def chart(
    lines: Sequence[Line], unit: str, marks: Sequence[Mark] = (), since: float | None = None
) -> Drawn | None:
    """Return the picture of lines and marks from zero up, in `unit`; None where there is nothing to show."""
    values = [value for line in lines for value in _finite(line.middle, line.low, line.high)]
    values += [one for mark in marks for one in (mark.value, mark.low, mark.high) if one is not None]
    years = [float(year) for line in lines for year in line.years] + [mark.year for mark in marks]
    if not values or min(years) == max(years):
        return None
    first, last = min(years), max(years)
    down = ticks(min(0.0, *values), max(values) if max(values) > 0 else 1.0)
    digits = max(0, 2 - math.floor(math.log10(max(-down[0], down[-1]))))

    def x(year: float) -> float:
        return round(100 * (float(year) - first) / (last - first), 2)

    def y(value: float) -> float:
        return round(100 * (down[-1] - float(value)) / (down[-1] - down[0]), 2)

    drawn = []
    for place, line in enumerate(lines):
        told = [at for at, value in enumerate(line.middle) if math.isfinite(value)]
        path = band = ""
        for _, group in groupby(enumerate(told), lambda one: one[1] - one[0]):
            run = [at for _, at in group]
            path += _path((x(line.years[at]), y(line.middle[at])) for at in run)
            if line.low is not None and line.high is not None:
                edge = [(x(line.years[at]), y(line.high[at])) for at in run]
                band += _path([*edge, *((x(line.years[at]), y(line.low[at])) for at in reversed(run))]) + "Z"
        if told:
            words = wrap(line.label, _LETTERS if line.label.isascii() else _LETTERS // 2)
            drawn.append(DrawnLine(place % COLOURS + 1, path, band, words, y(line.middle[told[-1]])))
    return Drawn(
        unit,
        _apart(drawn),
        [
            DrawnMark(
                one.label,
                x(one.year),
                y(one.value),
                None if one.high is None else y(one.high),
                None if one.low is None else y(one.low),
                x(one.year) > 60,
            )
            for one in marks
        ],
        [(x(year), year) for year in _round_years(first, last)],
        [(y(value), value) for value in down],
        None if since is None or not first < since < last else x(since),
        [line.label for line in lines],
        [(int(year), [_row(line, year, digits) for line in lines]) for year in sorted(_years_of(lines))],
        [one for one in marks if one.label],
    )


def _finite(*many: Values | None) -> list[float]:
    return [float(one) for values in many if values is not None for one in values if math.isfinite(one)]


def _years_of(lines: Iterable[Line]) -> set[float]:
    return {float(year) for line in lines for year in line.years}


def _row(line: Line, year: float, digits: int) -> tuple[float, float | None, float | None] | None:
    for at, one in enumerate(line.years):
        if one == year and math.isfinite(line.middle[at]):
            low = None if line.low is None else round(float(line.low[at]), digits)
            high = None if line.high is None else round(float(line.high[at]), digits)
            return round(float(line.middle[at]), digits), low, high
    return None


def _apart(lines: list[DrawnLine]) -> list[DrawnLine]:
    """Move labels apart that would stand upon each other: from the top down, then up from the foot."""
    order = sorted(range(len(lines)), key=lambda place: lines[place].label_y)
    line = 100 * _LABEL_PX / HEIGHT_PX
    high = [line * max(len(lines[place].label), 1) for place in order]
    middles = [lines[place].label_y for place in order]
    for at in range(1, len(order)):
        middles[at] = max(middles[at], middles[at - 1] + (high[at - 1] + high[at]) / 2)
    for at in reversed(range(len(order))):
        foot = (
            100 - (high[at] - line) / 2  # its last line stands on the axis
            if at == len(order) - 1
            else middles[at + 1] - (high[at + 1] + high[at]) / 2
        )
        middles[at] = min(middles[at], foot)
    moved = dict(zip(order, middles, strict=True))
    return [one._replace(label_y=round(moved[place], 2)) for place, one in enumerate(lines)]


def _round_years(first: float, last: float) -> list[int]:
    step = next(one for one in (1, 2, 5, 10, 20, 50) if (last - first) / one <= _LABELS)
    return [year for year in range(math.ceil(first), math.floor(last) + 1) if year % step == 0]


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
