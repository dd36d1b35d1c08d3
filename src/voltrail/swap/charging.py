"""
When packs charge: two simple policies, and one that plans the hours ahead.

The plan decides how many kWh to draw in each hour so that enough packs are ready at the end of each, at least
cost: energy by tariff, and wear, which rises with the rate and with the time that packs then rest full. What
may be drawn in one hour, and until the end of each at least and at most, bounds hours and their sums from the
first on. Such bounds make a generalised polymatroid, so taking the cheapest kWh first, and of each hour as
many as the rest allows, is not a rule of thumb but the least cost itself, also when each further kWh of an
hour costs more than the one before. Source: Fujishige, Submodular Functions and Optimization, 2nd ed., 3.2
and 8.1. The tests hold it against dynamic programming.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from voltrail.ledger.lanes import kernel
from voltrail.swap.ageing import cycle_loss, rest_loss, yuan_per_health
from voltrail.swap.rules import Rules, trucks_by_hour
from voltrail.swap.scenario import AgeingPart

INFINITE: Final = float("inf")
LOOK_MIN: Final = 15.0  # how often a policy is asked beside after each event
HORIZON_H: Final = 24
_MANY: Final = 400  # from so many on a Poisson count is as good as normal
_STEPS: Final = 4  # by which the wear of an hour's charging rises, each a share of what it could take


class Seen(Protocol):
    """What a policy is shown of a station."""

    @property
    def ready(self) -> int:
        """How many packs may go out now."""

    @property
    def waiting(self) -> int:
        """How many trucks wait, for a pack or a bay."""

    def needs_kwh(self) -> list[float]:
        """Return what each pack that is not full still takes from the grid, those at chargers first."""


class Allowed(NamedTuple):
    """What all chargers may draw together; spread evenly, or in the order in which packs were plugged in."""

    kw: float
    even: bool = False


class Policy(Protocol):
    """Decides what may be drawn. It is asked after each event, and every quarter of an hour."""

    def allow(self, now_min: float, seen: Seen, /) -> Allowed:
        """Return what may be drawn from now on, until it is asked again."""


class AsSoonAsPossible:
    """Each pack charges as soon as there is a charger, as fast as it takes."""

    def allow(self, _now_min: float, _seen: Seen, /) -> Allowed:
        """Allow everything."""
        return Allowed(INFINITE)


class ValleyOnly:
    """Packs charge in the cheapest hours; in others only while a truck waits and no pack is ready."""

    def __init__(self, yuan_per_kwh: Sequence[float]) -> None:
        self._valley = [price == min(yuan_per_kwh) for price in yuan_per_kwh]

    def allow(self, now_min: float, seen: Seen, /) -> Allowed:
        """Allow everything or nothing."""
        charges = self._valley[int(now_min // 60) % 24] or (seen.waiting and not seen.ready)
        return Allowed(INFINITE if charges else 0.0)


class Slot(NamedTuple):
    """
    An hour, or what is left of it: how many kWh may be drawn until its end, from `least` to `most`.

    `steps` are what further kWh of the slot itself cost: so many at so many yuan each, none cheaper than the
    ones before.
    """

    least: float
    most: float
    steps: tuple[tuple[float, float], ...]


def plan(slots: Sequence[Slot]) -> list[float]:
    """
    Return the kWh of each slot that cost least of all, in total as few as suffice.

    What cannot be reached is reached as nearly as it can be.
    """
    room = [sum(kwh for kwh, _ in slot.steps) for slot in slots]
    least, most = bounds([(slot.least, slot.most) for slot in slots], room)
    drawn = np.zeros(len(slots))
    # The sort is stable, so the steps of a slot keep their order.
    steps = [(yuan, at, kwh) for at, slot in enumerate(slots) for kwh, yuan in slot.steps]
    steps.sort(key=itemgetter(0))
    which = np.array([at for _, at, _ in steps], np.int64)
    _draw(which, np.array([kwh for *_, kwh in steps]), np.array(least), np.array(most), drawn)
    kwh: list[float] = drawn.tolist()
    return kwh


def bounds(wanted: Sequence[tuple[float, float]], room: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the least and most of each sum that can all be kept; at the end as few as suffice."""
    least, most = [], [min(high for _, high in wanted[at:]) for at in range(len(wanted))]
    reach = low = 0.0
    for at, (want, _) in enumerate(wanted):
        reach = most[at] = min(most[at], reach + room[at])
        low = max(low, min(want, reach))
        least.append(low)
    for at in range(len(room) - 2, -1, -1):
        least[at] = max(least[at], least[at + 1] - room[at + 1])
    return least, [min(high, least[-1]) for high in most]


@kernel
def _draw(
    which: NDArray[np.int64],
    steps: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
    drawn: NDArray[np.float64],
) -> None:
    """Draw each step in turn, as much of it as lets all bounds still be kept."""
    for step in range(which.size):
        at, before, after = which[step], 0.0, most[-1]
        for k in range(at):
            before = max(least[k], before + drawn[k])
        for k in range(drawn.size - 1, at, -1):
            after = min(most[k], after) - drawn[k]
        drawn[at] += max(0.0, min(steps[step], min(most[at], after) - before - drawn[at]))


def cost(slots: Sequence[Slot], drawn: Sequence[float]) -> float:
    """Return what so many kWh in each slot cost, the cheapest steps of each first."""
    yuan = []
    for slot, left in zip(slots, drawn, strict=True):
        for kwh, price in slot.steps:
            yuan.append(min(left, kwh) * price)
            left -= min(left, kwh)  # noqa: PLW2901
    return math.fsum(yuan)


class Held(NamedTuple):
    """What a plan keeps to: the most to draw, and for how many minutes packs are held ready."""

    peak_kw: float
    ready_min: float


class Planned:
    """
    Each quarter of an hour the least cost of the next day is planned anew, and its first hour is charged.

    At the end of each hour so many packs are to be ready that, with the chance of the scenario, they suffice
    for those who come in the next `held.ready_min`. The station never draws more than `held.peak_kw`.
    """

    def __init__(self, rules: Rules, held: Held) -> None:
        scenario = rules.scenario
        station, pack, tariff = scenario.station, scenario.pack, scenario.cost
        self.held = held
        self._ageing = scenario.ageing or AgeingPart()
        self._station, self._chance = station, scenario.charging.chance
        self._trucks, self._pack_kwh = trucks_by_hour(rules), rules.pack_kwh
        self._tariff, self._efficiency = tariff.energy_by_hour, pack.efficiency
        self._fill_kwh = rules.pack_kwh * (pack.leaves_at - pack.arrives_at) / pack.efficiency
        worth = yuan_per_health(self._ageing, tariff.pack_per_kwh * rules.pack_kwh)
        self._cycle = worth * cycle_loss(self._ageing, pack.efficiency / rules.pack_kwh, 0.0)
        rest = rest_loss(self._ageing, 60, pack.leaves_at) - rest_loss(self._ageing, 60, pack.arrives_at)
        self._rest_h = worth * rest / self._fill_kwh
        self._reserves = [self._reserve(60.0 * hour) for hour in range(24)]
        self._allowed, self._asked = Allowed(0.0, even=True), -1

    def allow(self, now_min: float, seen: Seen, /) -> Allowed:
        """Allow what the plan draws in the first hour, evenly."""
        asked = int(now_min // LOOK_MIN)
        if asked != self._asked:
            self._asked = asked
            hours = self.hours(now_min, seen.ready - seen.waiting, seen.needs_kwh())
            self._allowed = Allowed(plan(hours)[0] / (1 - now_min % 60 / 60), even=True)
        return self._allowed

    def hours(self, now_min: float, ready: int, needs_kwh: list[float]) -> list[Slot]:
        """Return the hours ahead as the plan takes them; `ready` is below 0 when trucks wait."""
        slots, come, hour, held = [], 0.0, int(now_min // 60), sorted(needs_kwh)
        for k in range(HORIZON_H):
            span = 1 - now_min % 60 / 60 if k == 0 else 1.0
            here = self._trucks[(hour + k) % 24] * span
            needed = come + here + self._reserves[(hour + k + 1) % 24] - ready
            most = sum(held) + (come + here / 2) * self._fill_kwh
            steps = self._steps((hour + k) % 24, span, HORIZON_H - k)
            slots.append(Slot(self._until_ready(held, needed), most, steps))
            come += here
        return slots

    def _reserve(self, now_min: float) -> int:
        """Return how many packs suffice, with the chance, for those who come while they are held ready."""
        come, at, until = 0.0, now_min, now_min + self.held.ready_min
        while at < until:
            end = min(until, (at // 60 + 1) * 60)
            come += self._trucks[int(at // 60) % 24] * (end - at) / 60
            at = end
        return min(quantile(come, self._chance), self._station.packs)

    def _until_ready(self, held: list[float], packs: float) -> float:
        """
        Return the kWh until so many more packs are ready, when those at chargers fill evenly side by side.

        While packs that are yet to come fill, others beside them are half full on average.
        """
        if packs <= 0:
            return 0.0
        chargers = self._station.chargers
        if packs <= len(held):
            level = held[math.ceil(packs) - 1]
            return sum(min(need, level) for need in held[:chargers]) + sum(held[chargers : math.ceil(packs)])
        more = packs - len(held)
        return sum(held) + (more + min(more, chargers) / 2) * self._fill_kwh

    def _steps(self, hour: int, span_h: float, hours_left: int) -> tuple[tuple[float, float], ...]:
        """Return what the kWh of an hour cost: energy, cycles, and the rest until the end of the plan."""
        even = self._tariff[hour] + self._cycle + self._rest_h * hours_left
        steps = []
        for step in range(_STEPS):
            # Wear is linear in the rate, its cost a square: a further kWh costs that of twice the rate.
            kw = self.held.peak_kw * (2 * step + 1) / _STEPS
            rate = kw * self._efficiency / self._station.chargers / self._pack_kwh
            yuan = even + self._cycle * self._ageing.rate_wear * rate
            steps.append((self.held.peak_kw * span_h / _STEPS, yuan))
        return tuple(steps)


def quantile(mean: float, chance: float) -> int:
    """Return what a Poisson count of this mean does not exceed, with the chance."""
    if mean > _MANY:
        return math.ceil(mean + math.sqrt(mean) * NormalDist().inv_cdf(chance))
    count, term = 0, math.exp(-mean)
    below = term
    while below < chance:
        count += 1
        term *= mean / count
        below += term
    return count
