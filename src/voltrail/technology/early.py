"""
How many cycles a cell will last, from its first hundred.

Between cycle 10 and cycle 100 the curve of discharge, charge over voltage, moves. The variance of that
difference over the voltages foretells cycle life, by a line between their logarithms (Severson et al. 2019,
doi 10.1038/s41560-019-0356-8, the model of one feature).

    >>> early = np.linspace(0, 1.1, 1000)
    >>> round(predict_cycle_life(early, early - 0.02 * early).middle)
    1216
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voltrail.errors import UsageError
from voltrail.technology.life import Interval

Numbers = NDArray[np.float64]

_NINETY: Final = 1.6448536269514722
_FEWEST: Final = 20  # voltages of a curve
_LONGEST: Final = 100_000  # cycles that are told


class Line(NamedTuple):
    """log10(cycles) = intercept + slope log10(variance / Ah2), with the spread of what is left over."""

    intercept: float
    slope: float
    spread: float


TRAINED: Final = Line(1.3461, -0.3958, 0.0707)
"""
On the 41 cells that the authors trained on: LFP with graphite of 1.1 Ah, charged fast, at 30 °C, their end at
80 % of it; curves from 3.6 to 2.0 V. For other cells fit a line of their own.
"""


def variance_of(q10_ah: ArrayLike, q100_ah: ArrayLike) -> float:
    """
    Return the variance, Ah2, of what changed in the discharge curve from cycle 10 to cycle 100.

    Both are (N,), charge at the same evenly spaced voltages. Raises UsageError (`life.curve`).
    """
    early, late = (np.asarray(one, dtype=np.float64) for one in (q10_ah, q100_ah))
    if early.ndim != 1 or early.shape != late.shape or early.size < _FEWEST:
        raise UsageError(
            "life.curve",
            f"Curves of {early.size} and {late.size} points cannot be compared.",
            f"Give both at the same voltages, at least {_FEWEST} of them.",
        )
    variance = float(np.var(late - early))
    if not (np.isfinite(variance) and variance > 0):
        raise UsageError(
            "life.curve",
            "The two curves do not differ, or have points that are no numbers.",
            "Give the discharge of cycle 10 and that of cycle 100, every point a number.",
        )
    return variance


def fit(variances: ArrayLike, cycles: ArrayLike) -> Line:
    """Return the line through cells of which the cycle life is known, by least squares of the logarithms."""
    x, y = np.log10(np.asarray(variances)), np.log10(np.asarray(cycles))
    slope, intercept = np.polyfit(x, y, 1)
    left = y - intercept - slope * x
    return Line(float(intercept), float(slope), float(np.sqrt(np.sum(left**2) / (x.size - 2))))


def predict_cycle_life(q10_ah: ArrayLike, q100_ah: ArrayLike, line: Line = TRAINED) -> Interval:
    """
    Return how many cycles a cell lasts, and where nine of ten such cells lie.

    That of a cell like those of the line, cycled on as in its first hundred cycles. Raises UsageError
    (`life.curve`).
    """
    middle = line.intercept + line.slope * np.log10(variance_of(q10_ah, q100_ah))
    low, high = middle - _NINETY * line.spread, middle + _NINETY * line.spread
    return Interval(*(float(min(10.0 ** min(one, 9.0), _LONGEST)) for one in (middle, low, high)))
