"""
Where stations stand along a road so that each truck gets through, both ways, for the least money a year.

Each truck swaps at each station it passes. So what a station costs depends on the traffic there and on how
far off its neighbours are, and the cheapest row of stations is found over pairs of neighbours: the best way
to a station, given the one before it, holds whatever comes after. Places are compared by what `bounds` says
that their stations cost at least, without energy, which trucks need wherever they take it in; then each
station of the row is sized by simulation.

Source: Bellman, Dynamic Programming (1957); Kuby and Lim, Socio-Economic Planning Sciences 39 (2005), for
stations within the range of what passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Final

import msgspec

from voltrail.errors import UsageError
from voltrail.swap.scenario import CorridorPart, DemandPart, Scenario, energy_kwh
from voltrail.swap.sizing import COARSE, Progress, Search, Sized

MOST_PLACES: Final = 500
_STEPS: Final = 100  # charges on arrival are told apart by a hundredth: like stations are sized once
_ROUNDING: Final = 1e-9


class Stop(msgspec.Struct, frozen=True):
    """A station of the row: packs come at a charge of `arrives_at` on average, at least at `lowest`."""

    km: float
    existing: bool
    swaps_per_day: float
    arrives_at: float
    lowest: float
    sized: Sized


class CorridorSized(msgspec.Struct, frozen=True):
    """A road with its stations, from its start on, and what they need together; yuan a year."""

    length_km: float
    stops: tuple[Stop, ...]
    longest_gap_km: float
    packs: int
    chargers: int
    bays: int
    power_kw: float
    yearly: float


def size_corridor(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> CorridorSized:
    """
    Return the cheapest row of stations for a road, each sized.

    Raises UsageError (`swap.corridor`): no row gets trucks through, and where they strand; (`swap.size`) as
    `sizing.size` does.
    """
    road = Road.of(scenario)
    cost = _cost_of(scenario, seed)
    row = cheapest_row(road, lambda km, used: cost(road.traffic(km), used, km in road.existing))
    search = Search(scenario, seed, COARSE, progress)
    stops = tuple(_stops(scenario, road, row, search))
    ends = (0.0, *row, road.length_km)
    return CorridorSized(
        length_km=road.length_km,
        stops=stops,
        longest_gap_km=max(after - before for before, after in pairwise(ends)),
        packs=sum(one.sized.station.packs for one in stops),
        chargers=sum(one.sized.station.chargers for one in stops),
        bays=sum(one.sized.station.bays for one in stops),
        power_kw=sum(one.sized.station.chargers * one.sized.station.charger_kw for one in stops),
        yearly=sum(one.sized.yearly.total for one in stops),
    )


class Road:
    """
    A road as the search sees it: where stations may stand, and what trucks use between two places.

    Charges and uses are shares of a pack.
    """

    def __init__(self, part: CorridorPart, pack_kwh: float, leaves_at: float) -> None:
        self._sections, self._pack_kwh, self.part = part.sections, pack_kwh, part
        self.leaves_at, self.existing = leaves_at, frozenset(part.existing_km)
        self.length_km = part.sections[-1].to_km
        self._check()
        self.places = self._allowed()
        self.musts = frozenset(part.must_km)

    @classmethod
    def of(cls, scenario: Scenario) -> Road:
        """Return the road of a scenario. Raises UsageError (`swap.corridor`): there is none, or it is odd."""
        if scenario.corridor is None:
            raise _cannot("The scenario names no road.", "Give the table [corridor].")
        return cls(scenario.corridor, energy_kwh(scenario.pack), scenario.pack.leaves_at)

    def traffic(self, km: float) -> float:
        """Return how many trucks a day pass, both ways together."""
        return 2 * next(one for one in self._sections if km <= one.to_km).trucks_per_day

    def used(self, begins: float, ends: float, *, back: bool = False) -> float:
        """Return what a truck uses of a pack from one place to another that lies further on, or back."""
        kwh, since = 0.0, 0.0
        for one in self._sections:
            km = max(0.0, min(ends, one.to_km) - max(begins, since))
            kwh += km * (one.kwh_per_km if not back or one.kwh_per_km_back is None else one.kwh_per_km_back)
            since = one.to_km
        return kwh / self._pack_kwh

    def passes(self, begins: float | None, ends: float | None) -> bool:
        """Tell whether trucks get from one station to the next, both ways; None for an end of the road."""
        first, last = 0.0 if begins is None else begins, self.length_km if ends is None else ends
        out = self._leaves(begins) - self.used(first, last)
        back = self._leaves(ends) - self.used(first, last, back=True)
        if min(out, back) < self.part.reserve - _ROUNDING:
            return False
        if begins is None or ends is None:
            return True
        most = self.part.most_spacing_km or math.inf
        return self.part.least_spacing_km <= last - first + _ROUNDING and last - first <= most + _ROUNDING

    def arrivals(self, before: float | None, km: float, after: float | None) -> tuple[float, float]:
        """Return at which charge packs come to a station, on the way out and back."""
        first, last = 0.0 if before is None else before, self.length_km if after is None else after
        return (
            self._leaves(before) - self.used(first, km),
            self._leaves(after) - self.used(km, last, back=True),
        )

    def lacks(self, before: float | None, km: float, after: float | None) -> float:
        """Return what a pack lacks on average when it comes to a station, rounded up."""
        lacks = self.leaves_at - sum(self.arrivals(before, km, after)) / 2
        return max(math.ceil(lacks * _STEPS - _ROUNDING), 1) / _STEPS

    def _leaves(self, place: float | None) -> float:
        return self.part.enters_at if place is None else self.leaves_at

    def _check(self) -> None:
        kms = [0.0, *(one.to_km for one in self._sections)]
        if any(after <= before for before, after in pairwise(kms)):
            raise _cannot("The sections do not follow one another.", "Give them with to_km rising.")
        for km in (*self.part.existing_km, *self.part.must_km):
            if km > self.length_km:
                raise _cannot(
                    f"A station at km {km:g} lies beyond the end of the road at {self.length_km:g}.",
                    "Give kilometres on the road.",
                )
        for begins, ends in self.part.closed_km:
            if begins > ends:
                raise _cannot(f"Closed from km {begins:g} to {ends:g} is no stretch.", "Give the less first.")
        for km in self.part.must_km:
            if self._closed(km) and km not in self.existing:
                raise _cannot(
                    f"A station must stand at km {km:g}, where none may.", "Change must_km or closed_km."
                )
        if self.length_km / self.part.every_km > MOST_PLACES:
            raise _cannot(
                f"There are {self.length_km / self.part.every_km:,.0f} places to choose from.",
                f"Give a longer every_km, for {MOST_PLACES} at most.",
            )

    def _allowed(self) -> tuple[float, ...]:
        steps = math.ceil(self.length_km / self.part.every_km - _ROUNDING)
        places = {step * self.part.every_km for step in range(1, steps)}
        free = {km for km in places if not self._closed(km)}
        return tuple(sorted(free | self.existing | set(self.part.must_km)))

    def _closed(self, km: float) -> bool:
        return any(begins <= km <= ends for begins, ends in self.part.closed_km)


def cheapest_row(road: Road, cost: Callable[[float, float], float]) -> tuple[float, ...]:
    """
    Return where stations stand: of rows that get trucks through the cheapest, of those one with the fewest.

    `cost` is what a station costs at a place whose packs lack so much. Raises UsageError (`swap.corridor`)
    where no row does.
    """
    best: dict[tuple[float | None, float | None], tuple[float, int, tuple[float, ...]]] = {}
    for place in _next(road, None):
        best[None, place] = (0.0, 0, ())
    for km in road.places:
        befores = [(pair[0], value) for pair, value in best.items() if pair[1] == km]
        for after in _next(road, km) if befores else ():
            for before, (spent, count, row) in befores:
                found = (spent + cost(km, road.lacks(before, km, after)), count + 1, (*row, km))
                if (km, after) not in best or found < best[km, after]:
                    best[km, after] = found
        best = {pair: value for pair, value in best.items() if pair[1] != km}
    if not best:
        raise _stranded(road)
    return min(best.values())[2]


def _next(road: Road, km: float | None) -> Iterator[float | None]:
    """Yield where the next station may stand; None where trucks get to the end without."""
    for place in road.places:
        if km is not None and place <= km:
            continue
        if road.passes(km, place):
            yield place
        if place in road.musts:
            return
    if road.passes(km, None):
        yield None


def _stranded(road: Road) -> UsageError:
    """Say how far trucks get."""
    reached: list[float | None] = [None]
    for km in road.places:
        if any(km in set(_next(road, one)) for one in reached):
            reached.append(km)
    last = reached[-1]
    where = "the start" if last is None else f"km {last:g}"
    return _cannot(
        f"No row of stations gets trucks through: from {where} none comes to a next station or the end with "
        f"{road.part.reserve:.0%} left.",
        "Give larger packs, less reserve, more places (every_km, closed_km), or another spacing.",
    )


def _cost_of(scenario: Scenario, seed: int) -> Callable[[float, float, bool], float]:
    """Return what a station costs a year at least, by the trucks a day, what packs lack, and if it stands."""

    @cache
    def cost(trucks: float, lacks: float, existing: bool) -> float:
        search = Search(_of_stop(scenario, trucks, lacks, existing=existing), seed, ())
        return search.fixed_cost(search.cheapest(scenario.target))

    return cost


def _stops(scenario: Scenario, road: Road, row: tuple[float, ...], search: Search) -> Iterator[Stop]:
    known: dict[Scenario, Sized] = {}
    for before, km, after in zip((None, *row), row, (*row[1:], None), strict=False):
        lacks, trucks = road.lacks(before, km, after), road.traffic(km)
        existing = km in road.existing
        of = _of_stop(scenario, trucks, lacks, existing=existing)
        if of not in known:
            known[of] = search.of(of).sized()
        lowest = min(road.arrivals(before, km, after))
        yield Stop(km, existing, trucks, of.pack.arrives_at, lowest, known[of])


def _of_stop(scenario: Scenario, trucks: float, lacks: float, *, existing: bool) -> Scenario:
    change = msgspec.structs.replace
    return change(
        scenario,
        pack=change(scenario.pack, arrives_at=max(0.0, scenario.pack.leaves_at - lacks)),
        demand=DemandPart(swaps_per_day=trucks, by_hour=scenario.demand.by_hour),
        cost=change(scenario.cost, station=0.0) if existing else scenario.cost,
        corridor=None,
    )


def _cannot(what: str, fix: str) -> UsageError:
    return UsageError("swap.corridor", what, fix)
