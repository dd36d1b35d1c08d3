"""
One swap station and who comes to it, as numbers: what both simulators take.

    >>> station = Station(packs=8, chargers=6, charge=Law("exponential", 45))
    >>> station.bays, station.hand_over
    (1, 'arrival')

Times are minutes. A truck waits for a bay and for a full pack, in the order of arrival; the swap takes its
time in the bay. Its depleted pack is charged from its `hand_over` on: at the truck's arrival (there is an
open slot for it), or when the swap ends. Packs are those of the station, beside the one in each truck.
"""

from __future__ import annotations

import math
from typing import Final, Literal, get_args

import msgspec

from voltrail.errors import UsageError

LawKind = Literal["fixed", "exponential", "uniform"]
HandOver = Literal["arrival", "swap"]

LAWS: Final[tuple[LawKind, ...]] = get_args(LawKind)
MOST: Final = 10_000  # of packs, chargers, bays and trucks
LEAST_PER_HOUR: Final = 0.001
HOURS: Final = 24


class Law(msgspec.Struct, frozen=True):
    """
    How long something takes: always `mean_min`, exponentially distributed, or uniform from 0 to twice that.

    Raises UsageError (`swap.number`) for a mean that is no time.
    """

    kind: LawKind
    mean_min: float

    def __post_init__(self) -> None:
        if self.kind not in LAWS or not (math.isfinite(self.mean_min) and self.mean_min >= 0):
            raise _wrong(f"A time of {self.mean_min} min, {self.kind}", "Give minutes from 0 on.")


AT_ONCE: Final = Law("fixed", 0)
ONE: Final = Law("exponential", 1)


class Station(msgspec.Struct, frozen=True):
    """A station. Raises UsageError (`swap.number`) unless it has packs, chargers and bays."""

    packs: int
    chargers: int
    charge: Law
    bays: int = 1
    swap: Law = AT_ONCE
    hand_over: HandOver = "arrival"

    def __post_init__(self) -> None:
        for name in ("packs", "chargers", "bays"):
            if not 1 <= getattr(self, name) <= MOST:
                raise _wrong(f"{getattr(self, name)} {name}", f"Give from 1 to {MOST:,}.")


class Open(msgspec.Struct, frozen=True):
    """
    Trucks come by chance, so many an hour on average, whatever happens at the station (Poisson).

    `by_hour` weighs the hours of the day, from midnight on, when the run begins; empty where all are alike.
    """

    trucks_per_hour: float
    by_hour: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.trucks_per_hour) and self.trucks_per_hour >= LEAST_PER_HOUR):
            raise _wrong(f"{self.trucks_per_hour} trucks an hour", f"Give {LEAST_PER_HOUR} or more.")
        if self.by_hour and (
            len(self.by_hour) != HOURS
            or not all(math.isfinite(weight) and weight >= 0 for weight in self.by_hour)
            or not 0 < sum(self.by_hour) < math.inf
        ):
            raise _wrong("These weights of the hours", f"Give {HOURS} of 0 or more, one of them above 0.")


class Fleet(msgspec.Struct, frozen=True):
    """The same trucks come back, each so long after its swap ended; all set out together in the beginning."""

    trucks: int
    drive: Law

    def __post_init__(self) -> None:
        if not 1 <= self.trucks <= MOST:
            raise _wrong(f"{self.trucks} trucks", f"Give from 1 to {MOST:,}.")


Demand = Open | Fleet


def between(demand: Open) -> Law:
    """Return how long it is from one truck to the next, where all hours are alike."""
    return Law("exponential", 60 / demand.trucks_per_hour)


def rates(demand: Open) -> tuple[float, ...]:
    """Return how many trucks come a minute in each hour of the day; empty where all are alike."""
    mean = sum(demand.by_hour) / HOURS
    return tuple(demand.trucks_per_hour / 60 * (weight / mean) for weight in demand.by_hour)


class Interval(msgspec.Struct, frozen=True):
    """A mean and half the width of its interval of 95 %."""

    mean: float
    half_width: float

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half_width

    def times(self, factor: float) -> Interval:
        """Return the interval in another unit."""
        return Interval(self.mean * factor, self.half_width * factor)


class Result(msgspec.Struct, frozen=True):
    """
    What came of a run of so many swaps after the warm-up; `seed` gives it again.

    `availability` is the share of their time that a fleet's trucks are on the road, None for open demand.
    `packs_in_use` are those that are not full and waiting at the station; 95 of 100 trucks wait
    `wait_p95_min` or less.
    """

    seed: int
    swaps: int
    days: float
    wait_min: Interval
    no_wait: Interval
    swaps_per_hour: Interval
    charger_use: Interval
    packs_in_use: Interval
    availability: Interval | None
    wait_p95_min: Interval


def packs_never_short(charge_min: float, swap_min: float) -> int:
    """
    Return from how many packs on a station with one bay never waits for one, at fixed times.

    A pack is away from the end of a swap until it is full, and one is needed a swap.
    """
    return math.ceil((charge_min + swap_min) / swap_min)


def _wrong(what: str, fix: str) -> UsageError:
    return UsageError("swap.number", f"{what} cannot be simulated.", fix)
