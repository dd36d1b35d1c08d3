"""Numbers with their uncertainty: means and standard deviations, exact for sums and products."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

Z95: Final = 1.959964
"""How many standard deviations the end of a 95 % interval is away from the middle."""


class Normal(NamedTuple):
    """A number: its mean, and its standard deviation."""

    mean: float
    sd: float = 0.0

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % interval."""
        return self.mean - Z95 * self.sd

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % interval."""
        return self.mean + Z95 * self.sd

    def times(self, factor: float) -> Normal:
        """Return it times what is known exactly."""
        return Normal(self.mean * factor, self.sd * abs(factor))

    def below(self, limit: float) -> float:
        """Return the chance that it is below a limit; where nothing is uncertain, 0 or 1."""
        if self.sd == 0:
            return 1.0 if self.mean < limit else 0.0
        return cdf((limit - self.mean) / self.sd)


def within(low: float, high: float) -> Normal:
    """Return the number that lies in an interval with 95 %."""
    return Normal((low + high) / 2, (high - low) / (2 * Z95))


def add(*terms: Normal) -> Normal:
    """Return the sum of numbers that know nothing of each other."""
    return Normal(sum(one.mean for one in terms), math.sqrt(sum(one.sd**2 for one in terms)))


def multiply(*factors: Normal) -> Normal:
    """
    Return the product of numbers that know nothing of each other: mean and standard deviation are exact.

    The variance is the product of all (mean² + sd²), less the product of all mean² (Goodman 1960).
    """
    mean = math.prod(one.mean for one in factors)
    square = math.prod(one.mean**2 + one.sd**2 for one in factors)
    return Normal(mean, math.sqrt(max(square - mean**2, 0.0)))


def cdf(z: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def pdf(z: float) -> float:
    """Return the standard normal density."""
    return math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
