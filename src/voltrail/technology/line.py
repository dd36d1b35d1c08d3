"""
A pilot line by what its steps reported: yield, scrap, and whether a reading drifts.

    >>> told = [Worked(at=day, step="sealing", unit="pieces", entered=10, good=9, scrapped={"leak": 1})
    ...         for day in range(5)]
    >>> found = line_yield(told)
    >>> round(found.steps[0].fraction.middle, 2), round(found.rolled.low, 2)
    (0.9, 0.79)

Steps that lines usually have are data (`steps.csv`, and `readings.csv` for what is measured at them); one
that is not there is taken as reported and stands after those that are. Their order follows the usual
descriptions of the process (PEM of RWTH Aachen and VDMA, "Lithium-ion battery cell production process" and
"Production of all-solid-state battery cells"), recalled.

Nothing here knows a clock: a report's `at` may be any number that rises, as seconds.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Final, Literal

import msgspec

from voltrail.errors import UsageError

Z: Final = 1.959964  # of a normal distribution, for intervals of 95 %
BASELINE: Final = 25  # points from which limits are reckoned: as many as textbooks of control charts ask for
MOST_POINTS: Final = 5_000
SMOOTHING: Final = 0.2  # of the moving average: the weight of the newest point
WIDTH: Final = 3.6
"""
Of the limits of the moving average, in its own deviations. With known limits 2.9 would do (Lucas and
Saccucci, Technometrics 32, 1990); here centre and spread come from 25 points, which makes false alarms many
times as frequent (Jones, Champ and Rigdon, Technometrics 43, 2001). By simulation, of steps in which nothing
changed 4 in 100 ever count as drifting within 50 further points; a shift of two sigmas is found after 6
points (median) and within 15 in 95 of 100 cases, one of three sigmas after 3 and within 6.
"""
_D2: Final = 1.128379  # mean range of two draws in their deviations: 2 / sqrt(pi)
_OTHER: Final = 1_000  # the place of a step that is not in the table

Unit = Literal["pieces", "kg", "m"]
Rule = Literal[1, 2, 3, 4]


class Step(msgspec.Struct, frozen=True):
    """A usual step: its place, for which electrolyte (any, liquid, solid), what it counts, its names."""

    step: str
    order: int
    electrolyte: str
    unit: str
    en: str
    zh: str


class Quantity(msgspec.Struct, frozen=True):
    """What is usually measured at a step, its unit as people write it, its names."""

    quantity: str
    step: str
    unit: str
    en: str
    zh: str


def _rows(name: str) -> list[dict[str, str]]:
    text = files("voltrail.technology").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


STEPS: Final = {row["step"]: msgspec.convert(row, Step, strict=False) for row in _rows("steps.csv")}
QUANTITIES: Final = {row["quantity"]: msgspec.convert(row, Quantity) for row in _rows("readings.csv")}


class Reading(msgspec.Struct, frozen=True):
    """What was measured of the units of a report: the mean, and how it spread, where that is known."""

    quantity: str
    mean: float
    sd: float | None = None
    number: int | None = None


class Worked(msgspec.Struct, frozen=True, kw_only=True):
    """
    One report of a step. `index` is where it stands on record, `lot` what it was about.

    `scrapped` None: nothing was said of scrap, so that what is not good is lost; otherwise what is neither
    good nor scrapped is still in the step.
    """

    at: float
    step: str
    unit: Unit
    entered: float
    good: float
    scrapped: Mapping[str, float] | None = None
    readings: Sequence[Reading] = ()
    index: int = 0
    lot: str | None = None

    @property
    def done(self) -> float:
        """Return how many units came out, one way or the other."""
        if self.scrapped is None:
            return self.entered
        return min(self.entered, self.good + sum(self.scrapped.values()))


class Share(msgspec.Struct, frozen=True):
    """A share from 0 to 1 and where it lies with 95 %; both None where too little is known to say."""

    middle: float
    low: float | None
    high: float | None


class StepYield(msgspec.Struct, frozen=True):
    """What became of the units of a step; `waiting` are still in it, `fraction` is None where none is out."""

    step: str
    unit: Unit
    reports: int
    entered: float
    good: float
    lost: float
    waiting: float
    fraction: Share | None


class LineYield(msgspec.Struct, frozen=True):
    """Steps in the order of the line, and the product of their yields; None where nothing came out yet."""

    steps: tuple[StepYield, ...]
    rolled: Share | None


class Reason(msgspec.Struct, frozen=True):
    """Why units of a step were scrapped: how many, which share of all lost in this unit, and so far."""

    step: str
    reason: str | None
    unit: Unit
    amount: float
    share: float
    so_far: float


class Point(msgspec.Struct, frozen=True):
    """One mean on a chart; `average` is the moving average there, `rules` are those that it breaks."""

    at: float
    index: int
    lot: str | None
    value: float
    average: float
    rules: tuple[Rule, ...]


class Drift(msgspec.Struct, frozen=True):
    """
    A stretch in which the moving average was beyond its limits.

    `since` is the point after which it last was on the other side of the centre, `found` the first beyond the
    limit, `until` the first back within, None while it lasts: places on the chart. `by` is how far the
    points from `since` on lie from the centre on average, in their unit, and `sigmas` in deviations.
    """

    since: int
    found: int
    until: int | None
    by: float
    sigmas: float


class Chart(msgspec.Struct, frozen=True):
    """
    A control chart of one reading of one step.

    `centre` and `sigma` are of the first `BASELINE` points; `low` and `high` are three sigmas off, `near` and
    `far` where the moving average counts as off.
    """

    step: str
    quantity: str
    centre: float
    sigma: float
    low: float
    high: float
    near: float
    far: float
    points: tuple[Point, ...]
    drifts: tuple[Drift, ...]

    @property
    def flagged(self) -> tuple[Point, ...]:
        """Return the points that break a rule."""
        return tuple(one for one in self.points if one.rules)

    @property
    def drift(self) -> Drift | None:
        """Return the drift that lasts."""
        return next((one for one in self.drifts if one.until is None), None)


# ------------------------------------------------------------------------- yield


def place(step: str) -> tuple[int, str]:
    """Return where a step stands in a line; steps that no table knows come last, by name."""
    known = STEPS.get(step)
    return (_OTHER if known is None else known.order, step)


def wilson(good: float, number: float) -> Share:
    """
    Return a share of counted units with its interval (Wilson, JASA 22, 1927): it stays within 0 and 1.

    `good` of `number`, which is more than 0.
    """
    share, z = min(1.0, good / number), Z * Z / number
    middle = (share + z / 2) / (1 + z)
    half = Z / (1 + z) * math.sqrt(max(0.0, share * (1 - share)) / number + z / (4 * number))
    return Share(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def line_yield(told: Iterable[Worked]) -> LineYield:
    """
    Return what became of the units at each step, and the rolled throughput yield.

    Pieces have the interval of Wilson. Of kilograms and metres nobody knows how many independent units they
    are: there the reports are the sample, and fewer than five give no interval. A step that reports in
    several units stands once for each.
    """
    groups: dict[tuple[str, Unit], list[Worked]] = defaultdict(list)
    for one in told:
        groups[one.step, one.unit].append(one)
    steps = tuple(
        _step_yield(step, unit, found)
        for (step, unit), found in sorted(groups.items(), key=lambda one: (place(one[0][0]), one[0][1]))
    )
    return LineYield(steps, rolled([one.fraction for one in steps if one.fraction is not None]))


def _step_yield(step: str, unit: Unit, told: Sequence[Worked]) -> StepYield:
    entered, good = (math.fsum(getattr(one, name) for one in told) for name in ("entered", "good"))
    done = math.fsum(one.done for one in told)
    fraction = None
    if done > 0:
        fraction = wilson(good, done) if unit == "pieces" else _of_amounts(told, good, done)
    lost, waiting = max(0.0, done - good), max(0.0, entered - done)
    return StepYield(step, unit, len(told), entered, good, lost, waiting, fraction)


def _of_amounts(told: Sequence[Worked], good: float, done: float) -> Share:
    """Return a ratio of sums, its interval by how the reports differ (Cochran, Sampling Techniques, 6.4)."""
    share, number = min(1.0, good / done), len(told)
    if number < 5:
        return Share(share, None, None)
    squares = math.fsum((one.good - share * one.done) ** 2 for one in told)
    half = Z * math.sqrt(number / (number - 1) * squares) / done
    return Share(share, max(0.0, share - half), min(1.0, share + half))


def rolled(shares: Sequence[Share]) -> Share | None:
    """
    Return the product of shares, with an interval from theirs; None for none.

    On the scale of logarithms distances to each bound add up as squares (the MOVER method: Zou and Donner,
    Statistics in Medicine 27, 2008). It has none where one of the shares has none.
    """
    if not shares:
        return None
    product = math.prod(one.middle for one in shares)
    lows, highs = [one.low for one in shares], [one.high for one in shares]
    if None in lows or None in highs:
        return Share(product, None, None)
    if product <= 0:
        return Share(0.0, 0.0, min(one.high or 0.0 for one in shares if one.middle <= 0))
    below = math.hypot(*(_apart(one.middle, one.low or 0.0) for one in shares))
    above = math.hypot(*(_apart(one.high or 0.0, one.middle) for one in shares))
    return Share(product, product * math.exp(-below), min(1.0, product * math.exp(above)))


def _apart(high: float, low: float) -> float:
    return math.inf if low <= 0 else math.log(high / low)


def pareto(told: Iterable[Worked]) -> dict[Unit, tuple[Reason, ...]]:
    """
    Return why units were lost, the most frequent reason first, for each unit by itself.

    What was lost at a step that gives no reasons has the reason None.
    """
    amounts: dict[Unit, dict[tuple[str, str | None], float]] = defaultdict(lambda: defaultdict(float))
    for one in told:
        for reason, amount in (one.scrapped or {}).items():
            amounts[one.unit][one.step, reason] += amount
        if one.scrapped is None:
            amounts[one.unit][one.step, None] += max(0.0, one.entered - one.good)
    return {
        unit: tuple(_ranked(unit, found)) for unit, found in sorted(amounts.items()) if any(found.values())
    }


def _ranked(unit: Unit, found: Mapping[tuple[str, str | None], float]) -> Iterable[Reason]:
    total, so_far = math.fsum(found.values()), 0.0
    for (step, reason), amount in sorted(found.items(), key=lambda one: (-one[1], str(one[0]))):
        if amount > 0:
            so_far = min(total, so_far + amount)
            yield Reason(step, reason, unit, amount, amount / total, so_far / total)


# ------------------------------------------------------------------------- drift


def measured(told: Iterable[Worked]) -> dict[tuple[str, str], list[tuple[Worked, float]]]:
    """Return the means of each reading of each step, in the order of the line and of time."""
    found: dict[tuple[str, str], list[tuple[Worked, float]]] = defaultdict(list)
    for one in sorted(told, key=lambda one: (one.at, one.index)):
        for reading in one.readings:
            found[one.step, reading.quantity].append((one, reading.mean))
    return dict(sorted(found.items(), key=lambda one: (place(one[0][0]), one[0][1])))


def control(step: str, quantity: str, points: Sequence[tuple[Worked, float]]) -> Chart:
    """
    Return the control chart of the means of a reading, in the order of time.

    The first 25 points are the baseline. Its spread is reckoned from how far each mean lies from the one
    before (the moving range; NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2): so it holds what
    differs from lot to lot, which the spread within a lot does not know. Rules are the zone tests of the
    Western Electric Statistical Quality Control Handbook (1956): 1 a point beyond three sigmas; 2 two of
    three beyond two, 3 four of five beyond one, 4 eight in a row, each on the same side. They mark points;
    that a step drifts is said by the moving average (EWMA) alone. The rules are not asked of the baseline.

    Raises UsageError for fewer than 26 points, for more than `MOST_POINTS`, and for values that cannot be
    reckoned with: a baseline that does not vary at all.
    """
    if not BASELINE < len(points) <= MOST_POINTS:
        raise UsageError(
            "line.points",
            f"{quantity} of {step} was reported {len(points)} times; a control chart takes "
            f"{BASELINE + 1} to {MOST_POINTS}.",
            f"The first {BASELINE} give its limits. Go on reporting, or ask for a shorter time.",
        )
    values = [value for _, value in points]
    first = values[:BASELINE]
    centre = math.fsum(first) / BASELINE
    sigma = math.fsum(abs(b - a) for a, b in pairwise(first)) / (BASELINE - 1) / _D2
    if not math.isfinite(sigma) or not math.isfinite(centre) or sigma <= 1e-12 * abs(centre):
        raise UsageError(
            "line.still",
            f"{quantity} of {step} does not vary in its first {BASELINE} reports, so it has no limits.",
            "Report what was measured, with as many digits as the instrument has.",
        )
    # The average of later points against a centre that is itself an average of 25.
    reach = WIDTH * sigma * math.sqrt(SMOOTHING / (2 - SMOOTHING) + 1 / BASELINE)
    averages = _averages(values, centre)
    zones = [(value - centre) / sigma for value in values]
    return Chart(
        step,
        quantity,
        centre,
        sigma,
        centre - 3 * sigma,
        centre + 3 * sigma,
        centre - reach,
        centre + reach,
        tuple(
            Point(told.at, told.index, told.lot, value, averages[at], _broken(zones, at))
            for at, (told, value) in enumerate(points)
        ),
        tuple(_drifts(values, averages, centre, sigma, reach)),
    )


def _averages(values: Sequence[float], centre: float) -> list[float]:
    """Return the moving average at each point; within the baseline it stands at the centre."""
    found, average = [centre] * BASELINE, centre
    for value in values[BASELINE:]:
        average += SMOOTHING * (value - average)
        found.append(average)
    return found


def _broken(zones: Sequence[float], at: int) -> tuple[Rule, ...]:
    """Return the rules that a point breaks, none in the baseline; runs begin after it."""
    if at < BASELINE:
        return ()
    rules: list[Rule] = []
    side = math.copysign(1.0, zones[at])
    back = [side * zone for zone in zones[max(BASELINE, at - 7) : at + 1]]
    if back[-1] > 3:
        rules.append(1)
    if back[-1] > 2 and sum(zone > 2 for zone in back[-3:]) >= 2:
        rules.append(2)
    if back[-1] > 1 and sum(zone > 1 for zone in back[-5:]) >= 4:
        rules.append(3)
    if len(back) == 8 and min(back) > 0:
        rules.append(4)
    return tuple(rules)


def _drifts(
    values: Sequence[float], averages: Sequence[float], centre: float, sigma: float, reach: float
) -> Iterable[Drift]:
    """Yield the stretches in which the moving average is off, on one side at a time."""
    at = BASELINE
    while at < len(values):
        off = averages[at] - centre
        if abs(off) <= reach:
            at += 1
            continue
        since = at
        while since > BASELINE and (averages[since - 1] - centre) * off > 0:
            since -= 1
        until = at
        while until < len(values) and (averages[until] - centre) * math.copysign(1.0, off) > reach:
            until += 1
        by = math.fsum(values[since:until]) / (until - since) - centre
        yield Drift(since, at, until if until < len(values) else None, by, by / sigma)
        at = until
