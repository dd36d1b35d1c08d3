"""
Chance from a seed, the same in both simulators: SplitMix64, a stream for each sort of draw.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from voltrail.swap.station import LAWS, Law

GOLDEN: Final = 0x9E3779B97F4A7C15
FIRST: Final = 0xBF58476D1CE4E5B9
SECOND: Final = 0x94D049BB133111EB
WORD: Final = (1 << 64) - 1
FIXED, EXPONENTIAL, UNIFORM = (LAWS.index(kind) for kind in ("fixed", "exponential", "uniform"))
ARRIVALS, CHARGES, SWAPS = range(3)  # streams; how long trucks drive is drawn from that of arrivals


def later(now: float, trucks: float, per_min: Sequence[float]) -> float:
    """
    Return when so many more trucks are expected to have come, at rates that change by the hour of the day.

    Of a number drawn from the exponential law of mean 1, this makes the next arrival. Compiled by `kernel`.
    Source: Çinlar, Introduction to Stochastic Processes, 4.7 (a Poisson process on another clock).
    """
    per_day = 0.0
    for rate in per_min:
        per_day += 60.0 * rate
    if trucks >= per_day:
        days = math.floor(trucks / per_day)
        now += 1440.0 * days
        trucks = max(trucks - days * per_day, 0.0)
    hour = math.floor(now / 60.0)
    while True:
        rate = per_min[hour % 24]
        ends = 60.0 * (hour + 1)
        if trucks < rate * (ends - now):
            return now + trucks / rate
        trucks -= rate * (ends - now)
        now = ends
        hour += 1


def mixed(state: int) -> int:
    """Return the word that follows from a state."""
    state = (state ^ (state >> 30)) * FIRST & WORD
    state = (state ^ (state >> 27)) * SECOND & WORD
    return state ^ (state >> 31)


def begin(seed: int, stream: int) -> int:
    """Return the state in which a stream begins, far from those of others."""
    return mixed((mixed(seed & WORD) + (stream + 1) * GOLDEN) & WORD)


class Stream:
    """Draws times, one after another; `state` is where it stands."""

    def __init__(self, seed: int, stream: int) -> None:
        self.state = begin(seed, stream)

    def share(self) -> float:
        """Return a number above 0 and up to 1."""
        self.state = (self.state + GOLDEN) & WORD
        return ((mixed(self.state) >> 11) + 1) * 2.0**-53

    def time(self, law: Law) -> float:
        """Return a time by a law, in minutes; what is fixed draws nothing."""
        if law.kind == "fixed":
            return law.mean_min
        if law.kind == "exponential":
            return -math.log(self.share()) * law.mean_min
        return 2 * self.share() * law.mean_min
