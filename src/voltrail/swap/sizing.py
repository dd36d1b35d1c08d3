"""
How many packs, chargers and bays do it for the least money a year, for one station or a network of them.

    >>> from voltrail.swap.scenario import DemandPart
    >>> sized = size_quickly(Scenario(demand=DemandPart(swaps_per_day=60)))
    >>> sized.trial.wait_min.high <= 5
    True

More of anything never makes a truck wait longer, swap for swap, since all sizes see the same chance. So what
is dearer than a size that fails may be looked at in the order of its price, from what `bounds` says that no
size can do without; the first that is shown to meet the target is the cheapest. What fails, fails with less
of anything and with more trucks too, which stations of a network tell one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from typing import Any, Final, Literal, NamedTuple

import msgspec

from voltrail.errors import UsageError
from voltrail.swap.bounds import Waits, poisson
from voltrail.swap.draws import Stream
from voltrail.swap.scenario import (
    ChargingPart,
    CostPart,
    NetworkPart,
    Scenario,
    StationPart,
    TargetPart,
    energy_kwh,
    model_of,
)
from voltrail.swap.simulate import simulate
from voltrail.swap.station import MOST, Demand, Fleet, Open, Result, Station, rates

LEVELS: Final = (40_000, 160_000, 640_000, 2_560_000)  # swaps of a size, until its intervals decide
QUICK: Final = LEVELS[:2]
COARSE: Final = (40_000, 80_000)  # for each of many stations
MOST_CHARGERS: Final = 100  # a larger one is several stations; a page must not reckon for ever
FACTORS: Final = (0.25, 0.5, 2.0, 4.0)  # of the target, for the trade-off curve
_SURE: Final = 2.708 / 2.0227  # from 95 to 99 %: many sizes are judged, and few may be misjudged

Progress = Callable[[], object]


class Yearly(msgspec.Struct, frozen=True):
    """What a station costs, yuan a year: what was bought by its share, what the grid asks, and energy."""

    packs: float
    chargers: float
    bays: float
    station: float
    capacity: float
    energy: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.packs + self.chargers + self.bays + self.station + self.capacity + self.energy


class Point(msgspec.Struct, frozen=True):
    """A size on the trade-off curve: none that costs less has trucks wait less."""

    station: StationPart
    yearly: float
    trial: Result


class OneLess(msgspec.Struct, frozen=True):
    """What would come of one pack, charger or bay less; `trial` is None where the queue would never end."""

    what: Literal["packs", "chargers", "bays"]
    saves: float
    trial: Result | None


class Sized(msgspec.Struct, frozen=True):
    """
    The cheapest size that meets the target, and what shows it.

    `binds` is the target that is nearer to being missed. `close` are cheaper sizes that lie so close to the
    target that the swaps simulated could not decide: they count as missing it.
    """

    station: StationPart
    yearly: Yearly
    trial: Result
    seed: int
    binds: Literal["mean", "p95"]
    close: tuple[StationPart, ...]
    one_less: tuple[OneLess, ...] = ()
    curve: tuple[Point, ...] = ()


class Changed(msgspec.Struct, frozen=True):
    """The size and its cost when one thing is other than the scenario says, by a factor."""

    what: str
    factor: float
    station: StationPart
    yearly: float


class NetworkSized(msgspec.Struct, frozen=True):
    """Stations of a network in the order of the scenario, and what they need together."""

    swaps_per_day: tuple[float, ...]
    stations: tuple[Sized, ...]
    packs: int
    chargers: int
    bays: int
    power_kw: float
    yearly: float


def size(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> Sized:
    """
    Return the cheapest station for a scenario's demand and target, with its curve and what one less does.

    Raises UsageError (`swap.size`): what cannot be had, and why; (`swap.number`) for no numbers.
    """
    return Search(scenario, seed, LEVELS, progress).sized(whole=True)


def size_quickly(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> Sized:
    """Return what `size` does, of fewer swaps: for a page whose reader waits. Raises as `size` does."""
    return Search(scenario, seed, QUICK, progress).sized(whole=True)


def sensitivity(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> Iterator[Changed]:
    """Yield what the size becomes when demand, prices and charging are a fifth less or more."""
    search = Search(scenario, seed, QUICK, progress)
    for what, change in CHANGES.items():
        for factor in (0.8, 1.2):
            changed = change(scenario, factor)
            sized = search.of(changed).sized()
            yield Changed(what, factor, sized.station, sized.yearly.total)


def size_network(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> NetworkSized:
    """
    Return the cheapest size of each station of a network.

    They are sized from the least busy on: each knows what failed at those before it, and those alike are one.
    Raises UsageError as `size` does.
    """
    if scenario.network is None:
        raise _cannot("The scenario names no network.", "Give the table [network].")
    demands = shares(scenario.network)
    search = Search(scenario, seed, COARSE, progress)
    sized: dict[float, Sized] = {}
    for swaps_per_day in sorted(set(demands)):
        of = _with(scenario, "demand", swaps_per_day=swaps_per_day, trucks=None, drive_min=None)
        sized[swaps_per_day] = search.of(of).sized()
    stations = tuple(sized[one] for one in demands)
    return NetworkSized(
        swaps_per_day=demands,
        stations=stations,
        packs=sum(one.station.packs for one in stations),
        chargers=sum(one.station.chargers for one in stations),
        bays=sum(one.station.bays for one in stations),
        power_kw=sum(one.station.chargers * one.station.charger_kw for one in stations),
        yearly=sum(one.yearly.total for one in stations),
    )


def shares(network: NetworkPart) -> tuple[float, ...]:
    """Return the swaps a day of each station. Raises UsageError (`swap.size`) where the table tells none."""
    if network.swaps_per_day:
        return network.swaps_per_day
    if network.stations is None or network.total_swaps_per_day is None:
        raise _cannot(
            "The network has no demand.",
            "Give swaps_per_day, one for each station; or stations and total_swaps_per_day.",
        )
    stream = Stream(network.seed, 0)
    drawn = [
        network.weights[math.ceil(stream.share() * len(network.weights)) - 1] for _ in range(network.stations)
    ]
    return tuple(network.total_swaps_per_day * weight / sum(drawn) for weight in drawn)


def yearly_cost(scenario: Scenario, swaps_per_hour: float | None = None) -> Yearly:
    """
    Return what the scenario's station costs a year, charging as soon as it can.

    `swaps_per_hour` is what was simulated; else what the demand says (none of a fleet).
    """
    station, cost = scenario.station, scenario.cost
    share = annuity(cost)
    if swaps_per_hour is None:
        swaps_per_hour = (scenario.demand.swaps_per_day or 0.0) / 24
    by_hour, prices = scenario.demand.by_hour, cost.energy_by_hour
    price = sum(w * p for w, p in zip(by_hour, prices, strict=True)) / sum(by_hour)
    kw = station.chargers * station.charger_kw
    return Yearly(
        packs=share * station.packs * energy_kwh(scenario.pack) * cost.pack_per_kwh,
        chargers=share * kw * cost.charger_per_kw,
        bays=share * station.bays * cost.bay,
        station=share * cost.station,
        capacity=12 * cost.capacity_per_kw_month * min(kw, station.grid_kw or math.inf),
        energy=swaps_per_hour * 8760 * model_of(scenario).grid_kwh * price,
    )


def annuity(cost: CostPart) -> float:
    """Return the share of a price that is paid each year."""
    paid_off = -math.expm1(-cost.years * math.log1p(cost.rate))  # exact also where the rate is tiny
    return cost.rate / paid_off if paid_off else 1 / cost.years


class _Size(NamedTuple):
    """What is chosen, in the order in which sizes are compared; `load` is the trucks that come."""

    load: float
    packs: int
    chargers: int
    bays: int


class Search:
    """
    Looks for the cheapest size, and knows what it has tried.

    Of like stations (`of` another scenario) one knows what the other tried. Not for several threads at once.
    """

    def __init__(
        self, scenario: Scenario, seed: int, levels: tuple[int, ...], progress: Progress | None = None
    ) -> None:
        if scenario.charging != ChargingPart() or scenario.failures or scenario.ageing or scenario.balking:
            raise _cannot(
                "Sizes are tried with charging at once, chargers that never fail, packs that do not age and "
                "trucks that wait.",
                "Leave out [charging], [failures], [ageing] and [balking].",
            )
        self.scenario, self.seed = scenario, seed
        self._levels, self._progress = levels, progress
        self._trials: dict[tuple[Station, Demand], Result] = {}
        self._fails: dict[tuple[Any, ...], list[_Size]] = {}
        self.close: list[StationPart] = []

    def of(self, scenario: Scenario) -> Search:
        """Return a search for another scenario that knows what this one knows."""
        other = Search(scenario, self.seed, self._levels, self._progress)
        other._trials, other._fails = self._trials, self._fails
        return other

    def sized(self, *, whole: bool = False) -> Sized:
        """Return the cheapest size for the scenario's target; if `whole`, with all that is told beside it."""
        target = self.scenario.target
        part = self.cheapest(target)
        close, trial = tuple(self.close), self.trial(part)
        return Sized(
            station=part,
            yearly=self.yearly(part, trial),
            trial=trial,
            seed=self.seed,
            binds=_binds(trial, target),
            close=close,
            one_less=tuple(_one_less(self, part)) if whole else (),
            curve=_curve(self, part) if whole else (),
        )

    def cheapest(self, target: TargetPart) -> StationPart:
        """
        Return the cheapest station that meets a target.

        The heap holds what may be looked at next, cheapest first: all from so many bays on; all with so many
        bays, from so many chargers on; a station. Of what costs the same the larger comes first, since with
        it all the others fail.
        """
        self.close = []
        heap: list[tuple[float, int, int, int, int, StationPart]] = []

        def push(stage: int, part: StationPart) -> None:
            if part.packs <= MOST:
                heappush(heap, (self.fixed_cost(part), stage, -part.bays, -part.chargers, len(heap), part))

        for charger_kw in self.scenario.sizing.charger_kw or (self.scenario.station.charger_kw,):
            push(0, self._least(charger_kw, target))
        while heap:
            *_, part = popped = heappop(heap)
            stage = popped[1]
            if stage == 0:
                push(1, part)
                if part.bays < self._useful(part)[1]:
                    push(0, _more(part, bays=part.bays + 1))
            elif stage == 1:
                push(2, _more(part, packs=max(part.packs, self._fewest(part, target))))
                if part.chargers < self._useful(part)[0]:
                    push(1, _more(part, chargers=part.chargers + 1))
            elif self._meets(part, target):
                return self._least_of_free(part, target)
            else:
                fails = part.packs if stage == 2 else self._last_to_fail(part, target)
                push(3, _more(part, packs=fails + 1))
        raise _none(target)

    def _last_to_fail(self, part: StationPart, target: TargetPart) -> int:
        """Return with how many packs a station that fails still fails, found in leaps; MOST at most."""
        fails, leap = part.packs, 1
        while fails < MOST and not self._meets(_more(part, packs=min(fails + leap, MOST)), target):
            fails, leap = min(fails + leap, MOST), 2 * leap
        return fails

    def _least_of_free(self, part: StationPart, target: TargetPart) -> StationPart:
        """Return a station without the bays and chargers that cost nothing and are not needed."""
        cost = self.scenario.cost
        prices = {"bays": cost.bay, "chargers": cost.charger_per_kw + cost.capacity_per_kw_month}
        for name in (name for name, price in prices.items() if price == 0):
            while getattr(part, name) > 1:
                less = _more(part, **{name: getattr(part, name) - 1})
                if not self._meets(less, target):
                    break
                part = less
        return part

    def trial(self, part: StationPart, swaps: int = 0) -> Result:
        """Return what a size shows: what is known, or of so many swaps. Raises as `simulate` does."""
        model = model_of(_with_station(self.scenario, part))
        key = model.station, model.demand
        known = self._trials.get(key)
        if known is None or known.swaps < swaps:
            known = self._trials[key] = simulate(*key, max(swaps, self._levels[0]), self.seed)
            if self._progress is not None:
                self._progress()
        return known

    def yearly(self, part: StationPart, trial: Result) -> Yearly:
        """Return what a size costs a year; how often a fleet comes is what was simulated."""
        fleet = self.scenario.demand.trucks is not None
        return yearly_cost(_with_station(self.scenario, part), trial.swaps_per_hour.mean if fleet else None)

    def _meets(self, part: StationPart, target: TargetPart) -> bool:
        """Tell whether a size is shown to meet a target; or by `bounds` might, where nothing is tried."""
        if not self._levels:
            return True
        station, demand = self._model(part)
        load = demand.trucks if isinstance(demand, Fleet) else demand.trucks_per_hour
        this = _Size(load, station.packs, station.chargers, station.bays)
        fails = self._fails.setdefault((station.charge, station.swap, station.hand_over, target), [])
        if any(_no_worse(one, this) for one in fails):
            return False
        told = self._verdict(part, target)
        if told is None:
            self.close.append(part)
        if not told:
            fails[:] = [one for one in fails if not _no_worse(this, one)]
            fails.append(this)
        return bool(told)

    def _verdict(self, part: StationPart, target: TargetPart) -> bool | None:
        for swaps in self._levels:
            try:
                told = verdict(self.trial(part, swaps), target)
            except UsageError:  # its queue grows for ever
                return False
            if told is not None:
                break
        return told

    def _model(self, part: StationPart) -> tuple[Station, Demand]:
        model = model_of(_with_station(self.scenario, part))
        return model.station, model.demand

    def _least(self, charger_kw: float, target: TargetPart) -> StationPart:
        """Return what no station can do without, whatever it has of the rest."""
        part = msgspec.structs.replace(self.scenario.station, charger_kw=charger_kw)
        station, demand = self._model(part)
        swap_min, charge_min = station.swap.mean_min, station.charge.mean_min
        per_min = _least_per_min(demand, swap_min, target)
        away_min = charge_min + swap_min  # of a pack handed over after the swap
        late = station.hand_over == "swap"
        part = _more(
            part,
            packs=int(per_min * away_min) + 1 if late else 1,
            chargers=int(per_min * charge_min) + 1,
            bays=int(per_min * swap_min) + 1,
        )
        self._check(part)
        if isinstance(demand, Open):
            waits = _of(target, demand)
            while Waits(per_min, swap_min, part.bays).fewest(*waits) > part.bays:
                part = _more(part, bays=part.bays + 1)
            while late and Waits(per_min, away_min, part.packs).fewest(*waits) > part.packs:
                part = _more(part, packs=part.packs + 1)  # packs as servers, each away for so long
        while not self._meets(_never_short(part), target):
            part = _more(part, bays=part.bays + 1)
            if part.bays > MOST_CHARGERS:
                raise _none(target)
        return part

    def _fewest(self, part: StationPart, target: TargetPart) -> int:
        """Return the fewest packs with which so many chargers can do."""
        station, demand = self._model(part)
        late = station.hand_over == "swap"  # then no more packs are charged than there are
        if isinstance(demand, Fleet):
            return station.chargers if late else 1
        waits = Waits(demand.trucks_per_hour / 60, station.charge.mean_min, station.chargers)
        fewest = waits.fewest(*_of(target, demand))
        return max(fewest, station.chargers) if late else fewest

    def _check(self, part: StationPart) -> None:
        most = self._most_chargers(part.charger_kw)
        if part.chargers > most:
            raise _cannot(
                f"The trucks need {part.chargers:,} chargers of {part.charger_kw:g} kW at least, "
                f"and there can be {most}.",
                "Give more grid_kw, stronger chargers, or fewer trucks to one station.",
            )
        if part.bays > MOST_CHARGERS or part.packs > MOST:
            raise _cannot(
                f"The trucks need {part.bays:,} bays and {part.packs:,} packs at least.",
                "Give fewer trucks to one station.",
            )

    def _useful(self, part: StationPart) -> tuple[int, int]:
        """Return how many chargers and bays can be of use: trucks never come so thick that there are more."""
        most = self._most_chargers(part.charger_kw)
        station, demand = self._model(part)
        if isinstance(demand, Fleet):
            return min(most, demand.trucks + part.packs), min(MOST_CHARGERS, demand.trucks)
        per_min = max(rates(demand), default=demand.trucks_per_hour / 60)
        chargers, bays = (poisson(per_min * law.mean_min).size for law in (station.charge, station.swap))
        return min(most, max(chargers, part.chargers)), min(MOST_CHARGERS, max(bays, part.bays))

    def _most_chargers(self, charger_kw: float) -> int:
        grid_kw = self.scenario.station.grid_kw
        return MOST_CHARGERS if grid_kw is None else min(MOST_CHARGERS, max(1, int(grid_kw / charger_kw)))

    def fixed_cost(self, part: StationPart) -> float:
        """Return what a size costs a year but for energy, which all need alike."""
        return yearly_cost(_with_station(self.scenario, part), 0.0).total


CHANGES: Final[dict[str, Callable[[Scenario, float], Scenario]]] = {
    "demand": lambda scenario, factor: _with(
        scenario,
        "demand",
        swaps_per_day=_times(scenario.demand.swaps_per_day, factor),
        trucks=None if scenario.demand.trucks is None else max(1, round(factor * scenario.demand.trucks)),
    ),
    "charger_power": lambda scenario, factor: msgspec.structs.replace(
        _with(scenario, "station", charger_kw=scenario.station.charger_kw * factor),
        sizing=msgspec.structs.replace(
            scenario.sizing, charger_kw=tuple(factor * one for one in scenario.sizing.charger_kw)
        ),
    ),
    "swap_time": lambda s, factor: _with(s, "station", swap_min=s.station.swap_min * factor),
    "pack_price": lambda s, factor: _with(s, "cost", pack_per_kwh=s.cost.pack_per_kwh * factor),
    "charger_price": lambda s, factor: _with(s, "cost", charger_per_kw=s.cost.charger_per_kw * factor),
    "capacity_price": lambda s, factor: _with(
        s, "cost", capacity_per_kw_month=s.cost.capacity_per_kw_month * factor
    ),
    "energy_price": lambda s, factor: _with(
        s, "cost", energy_by_hour=tuple(factor * one for one in s.cost.energy_by_hour)
    ),
}


def verdict(trial: Result, target: TargetPart) -> bool | None:
    """Return whether a trial shows that a target is met, or missed; None where it shows neither."""
    pairs = (
        (trial.wait_min, target.mean_wait_min),
        (trial.wait_p95_min, target.p95_wait_min),
    )
    if all(told.mean + _SURE * told.half_width <= most for told, most in pairs):
        return True
    return False if any(told.mean - _SURE * told.half_width > most for told, most in pairs) else None


def _binds(trial: Result, target: TargetPart) -> Literal["mean", "p95"]:
    mean, p95 = trial.wait_min.mean / target.mean_wait_min, trial.wait_p95_min.mean / target.p95_wait_min
    return "mean" if mean > p95 else "p95"


def _one_less(search: Search, part: StationPart) -> Iterator[OneLess]:
    for what in ("packs", "chargers", "bays"):
        number = getattr(part, what) - 1
        if number == 0:
            continue
        less = _more(part, **{what: number})
        saves = search.fixed_cost(part) - search.fixed_cost(less)
        try:
            yield OneLess(what, saves, search.trial(less))
        except UsageError:
            yield OneLess(what, saves, None)


def _curve(search: Search, part: StationPart) -> tuple[Point, ...]:
    """Return the cheapest sizes for targets that are less and more, each better than all that cost less."""
    target = search.scenario.target
    parts = {part}
    for factor in FACTORS:
        wanted = TargetPart(
            mean_wait_min=factor * target.mean_wait_min, p95_wait_min=factor * target.p95_wait_min
        )
        with suppress(UsageError):  # waits that no station can keep to end the curve
            parts.add(search.cheapest(wanted))
    points: list[Point] = []
    for one in sorted(parts, key=search.fixed_cost):
        trial = search.trial(one)
        if not points or trial.wait_min.mean < points[-1].trial.wait_min.mean:
            points.append(Point(one, search.yearly(one, trial).total, trial))
    return tuple(points)


def _no_worse(one: _Size, other: _Size) -> bool:
    """Tell whether trucks wait no longer at one than at the other, whatever the chance."""
    return (
        one.load <= other.load
        and one.packs >= other.packs
        and one.chargers >= other.chargers
        and one.bays >= other.bays
    )


def _least_per_min(demand: Demand, swap_min: float, target: TargetPart) -> float:
    """Return how many trucks a minute must be served; of a fleet, for its mean wait to be the target."""
    if isinstance(demand, Open):
        return demand.trucks_per_hour / 60
    return demand.trucks / (demand.drive.mean_min + swap_min + target.mean_wait_min)


def _never_short(part: StationPart) -> StationPart:
    """Return a station with so many packs and chargers that trucks wait for bays alone."""
    return _more(part, packs=MOST, chargers=MOST)


def _of(target: TargetPart, demand: Open) -> tuple[float, float | None]:
    """Return the waits to ask `bounds` for: of demand in waves it knows the mean alone."""
    return target.mean_wait_min, None if demand.by_hour else target.p95_wait_min


def _more(part: StationPart, **numbers: int) -> StationPart:
    return msgspec.structs.replace(part, **numbers)


def _with(scenario: Scenario, part: str, **values: Any) -> Scenario:
    """Return a scenario with other values in one of its parts."""
    return msgspec.structs.replace(
        scenario, **{part: msgspec.structs.replace(getattr(scenario, part), **values)}
    )


def _with_station(scenario: Scenario, station: StationPart) -> Scenario:
    return msgspec.structs.replace(scenario, station=station)


def _times(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


def _none(target: TargetPart) -> UsageError:
    return _cannot(
        f"No station with up to {MOST:,} packs keeps waits to {target.mean_wait_min:g} min on average "
        f"and {target.p95_wait_min:g} min for 95 of 100 trucks.",
        "Allow longer waits, stronger chargers, or fewer trucks to one station.",
    )


def _cannot(what: str, fix: str) -> UsageError:
    return UsageError("swap.size", what, fix)
