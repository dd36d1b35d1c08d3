"""
How many of what was new at age 0 are still there later: Weibull, normal, log-normal, fixed, or as observed.

Ages and lives are in years, answers shares from 0 to 1; all arrays broadcast, so lives may differ from draw
to draw. Below age 0 everything is there. Weibull with shape 3.5 is how the published calculation has the
lives of vehicles and packs (`series/lifetimes.csv`); normal is how MATILDA has them.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import erf, gamma, ndtr

from voltrail.errors import UsageError

FloatArray = npt.NDArray[np.float64]
Bought = Literal["start", "middle", "end"]
Law = Literal["weibull", "normal", "lognormal"]
"""How lives spread about their mean."""

SHAPE: Final = 3.5
"""Of lives of vehicles and batteries where nothing else is known: the published calculation's."""

_AGE: Final[dict[Bought, float]] = {"start": 1.0, "middle": 0.5, "end": 0.0}


def ages(years: int, bought: Bought = "middle") -> FloatArray:
    """
    Return how old what is bought in a year is at the end of that year and of those after it: (years,).

    All of a year's sales are taken as bought at one time in it. In the middle is right for sales that are
    spread over the year; the published calculation has them at the end.
    """
    return np.arange(float(years)) + _AGE[bought]


def weibull(age: FloatArray, shape: float | FloatArray, scale: float | FloatArray) -> FloatArray:
    """Return the share that lives longer than each age; see `scale_of` for the scale of a mean life."""
    survived: FloatArray = np.exp(-((np.maximum(age, 0) / scale) ** shape))
    return survived


def scale_of(mean: float | FloatArray, shape: float | FloatArray) -> FloatArray:
    """Return the scale of the Weibull distribution with this mean, in years."""
    scale: FloatArray = mean / gamma(1 + 1 / np.asarray(shape))
    return scale


def normal(age: FloatArray, mean: float | FloatArray, deviation: float | FloatArray) -> FloatArray:
    """
    Return the share that lives longer, by the normal distribution cut off at age 0 (what is left sums to 1).

    `mean` and `deviation` are those before cutting. flodym does not cut: it lets the lives below 0 end in
    the first year, which `untruncated` does.
    """
    survived: FloatArray = untruncated(np.maximum(age, 0), mean, deviation) / untruncated(
        np.zeros(()), mean, deviation
    )
    return survived


def untruncated(age: FloatArray, mean: float | FloatArray, deviation: float | FloatArray) -> FloatArray:
    """Return the share that lives longer, by the normal distribution; a few are gone at age 0."""
    survived: FloatArray = ndtr((mean - age) / np.asarray(deviation))
    return survived


def folded(age: FloatArray, mean: float | FloatArray, deviation: float | FloatArray) -> FloatArray:
    """Return the share that lives longer, where lives below 0 are taken as above it; before folding."""
    age, root = np.maximum(age, 0), np.sqrt(2.0) * np.asarray(deviation)
    survived: FloatArray = 1 - (erf((age + mean) / root) + erf((age - mean) / root)) / 2
    return survived


def lognormal(age: FloatArray, mean: float | FloatArray, deviation: float | FloatArray) -> FloatArray:
    """Return the share that lives longer; `mean` and `deviation` are those of the lives, not of their log."""
    spread = np.sqrt(np.log1p((np.asarray(deviation) / mean) ** 2))
    middle = np.log(mean) - spread**2 / 2
    with np.errstate(divide="ignore"):
        survived: FloatArray = ndtr((middle - np.log(np.maximum(age, 0))) / spread)
    return survived


def fixed(age: FloatArray, life: float | FloatArray) -> FloatArray:
    """Return 1 up to the life, 0 from it on."""
    return np.where(age < life, 1.0, 0.0)


def empirical(age: FloatArray, known_ages: FloatArray, known_shares: FloatArray) -> FloatArray:
    """
    Return the share that lives longer by a table of ages and shares, such as Kaplan-Meier gives.

    Between two ages of the table it falls in a straight line from 1 at age 0. Beyond the last, what is left
    ends as by the Weibull distribution of `SHAPE` that passes through the table's last point: a share that
    nobody observed. Raises UsageError for a table that rises, or that says nothing.
    """
    known_ages, known_shares = np.asarray(known_ages, float), np.asarray(known_shares, float)
    if (
        known_ages.ndim != 1
        or known_ages.shape != known_shares.shape
        or not known_ages.size
        or not np.isfinite([known_ages, known_shares]).all()
        or (np.diff(known_ages, prepend=0) < 0).any()
        or (np.diff(known_shares, prepend=1) > 0).any()
        or known_shares[-1] < 0
        or known_ages[-1] <= 0
    ):
        raise UsageError(
            "outlook.survival",
            "A table of survival has ages that rise and shares that fall, from 1 to 0.",
            "Give one share for each age, in order.",
        )
    age = np.maximum(age, 0)
    inside = np.interp(age, np.r_[0, known_ages], np.r_[1, known_shares])
    last, share = known_ages[-1], known_shares[-1]
    if share in {0.0, 1.0}:  # nobody is left, or nobody ended: no curve passes through it
        return inside
    return np.where(age > last, share ** ((age / last) ** SHAPE), inside)


def ends(survived: FloatArray) -> FloatArray:
    """
    Return the share that ends in each year, of what is there at the end of each, the year of sale first.

    The first of it ended in the year of sale. With shares at ages 0, 1, 2, ... ("end") it is 0, and the
    next ones are those that end in (a - 1, a] for a = 1, 2, ...
    """
    before = np.concatenate([np.ones_like(survived[..., :1]), survived[..., :-1]], axis=-1)
    return before - survived
