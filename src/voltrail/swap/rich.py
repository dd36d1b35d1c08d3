"""
A station's life with all its particulars, in plain Python: packs one by one, chargers that fail, a grid that
bounds them, a policy that says when they charge, trucks that drive on.

It lives as `engine` does where there are no particulars: the same draws, the same swaps. Between two events
everything goes on evenly: each pack that charges takes so many kW, and what it takes changes at steps of the
charge curve, at another event or when the policy is asked again. Nothing is approximated in between.
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush
from typing import Final, NamedTuple

from voltrail.errors import UsageError
from voltrail.swap.ageing import cycle_loss, rest_loss
from voltrail.swap.charging import INFINITE, LOOK_MIN, Policy
from voltrail.swap.draws import ARRIVALS, CHARGES, SWAPS, Stream, later
from voltrail.swap.rules import Rules, Timetable, steps_of
from voltrail.swap.scenario import AgeingPart
from voltrail.swap.station import ONE, Fleet, Law, between, rates

QUARTERS: Final = 96
FAILURES: Final = 3  # a stream of draws, after those of `draws`
MOST_EVENTS: Final = 20_000_000
_NEXT_TO_NONE: Final = 1e-9  # of a charge
AWAY_MIN: Final = (
    120.0  # an assumption: a pack that went out with a truck unknown by name comes back after that
)


class Pack:
    """A pack: what is known of it at `seen_min`."""

    __slots__ = ("charge", "full_min", "health", "number", "seen_min", "throughput_kwh")

    def __init__(self, number: int, charge: float, now_min: float) -> None:
        self.number, self.charge, self.seen_min = number, charge, now_min
        self.health, self.throughput_kwh = 1.0, 0.0
        self.full_min = -1.0  # of this charge, once it is drawn


class Truck:
    """A truck at the station or on the road, and the pack in it; None while it stands without one."""

    __slots__ = ("brought", "came_min", "charge", "found", "number", "pack")

    def __init__(self, number: int | None, pack: Pack | None) -> None:
        self.number, self.pack = number, pack
        self.came_min, self.charge, self.brought, self.found = 0.0, 0.0, -1, False


class Charger:
    """A charger and the pack at it: how far that is from the next step of the curve, and when it is there."""

    __slots__ = ("ends_min", "full_kw", "left_min", "number", "pack", "rate", "since_min", "step", "works")

    def __init__(self, number: int) -> None:
        self.number, self.works = number, True
        self.pack: Pack | None = None
        self.step, self.rate = 1.0, 0.0
        self.left_min = self.since_min = self.full_kw = 0.0
        self.ends_min = INFINITE


class Exchange(NamedTuple):
    """
    One swap: when the truck came, when it began and ended, in which bay; numbers of truck and packs.

    `found` says whether a pack stood ready for it when it came.
    """

    came_min: float
    began_min: float
    ended_min: float
    bay: int
    truck: int | None
    charge: float
    brought: int
    took: int
    found: bool


class Refused(NamedTuple):
    """A truck that drove on: when it came, how full it was, and what it brought."""

    came_min: float
    truck: int | None
    charge: float
    brought: int


class Life:
    """
    A station from midnight on, when all its packs are full; each `step()` is one event.

    `drawn_kwh` is what came from the grid in each quarter of an hour since. `worn` is the health that packs
    lost at the station, in whole packs. Raises UsageError (`swap.number`) when it never ends.
    """

    def __init__(self, rules: Rules, policy: Policy, seed: int) -> None:
        self.rules, self.policy, self.now_min = rules, policy, 0.0
        self.station, self.pack_part = rules.station, rules.scenario.pack
        self.ageing = rules.scenario.ageing or AgeingPart()
        self.grid_kw = rules.scenario.station.grid_kw or INFINITE
        self.steps = steps_of(rules.scenario)
        self.goes_out_from = min(rules.scenario.charging.goes_out_from or 1.0, self.pack_part.leaves_at)
        self.exchanges: list[Exchange] = []
        self.refused: list[Refused] = []
        self.drawn_kwh: list[float] = [0.0]
        self.power_kw = self.worn = self.driving_min = 0.0
        self.packs_made = self.replaced = self.events = 0
        self.full = deque(self._new_pack(self.pack_part.leaves_at) for _ in range(self.station.packs))
        self.depleted: deque[Pack] = deque()
        self.chargers = [Charger(number) for number in range(self.station.chargers)]
        self.plugged: list[Charger] = []  # in the order in which their packs came to them
        self.queue: deque[Truck] = deque()
        self.swapping: list[tuple[float, int, int, Truck, Pack]] = []
        self.road: deque[tuple[Pack, float]] = deque()
        self._draws = {stream: Stream(seed, stream) for stream in (ARRIVALS, CHARGES, SWAPS, FAILURES)}
        self._free = list(range(self.station.chargers))
        self._bays = list(range(self.station.bays))
        self._arrivals: list[tuple[float, int, Truck]] = []
        self._turns: list[tuple[float, int]] = []  # when which charger fails or works again
        self._look_min, self._count, self._power_since = LOOK_MIN, 0, 0.0
        self._begin()

    def _begin(self) -> None:
        demand = self.rules.demand
        if isinstance(demand, Fleet):
            for number in range(demand.trucks):
                self._set_out(Truck(number, self._new_pack(self.pack_part.leaves_at)), 0.0)
        else:
            self._set_out(Truck(None, None), 0.0)
        if self.rules.scenario.failures:
            for charger in self.chargers:
                heappush(self._turns, (self._lasts(charger), charger.number))

    def run(self, until_min: float) -> None:
        """Live until then."""
        while self.next_min() <= until_min:
            self.step()
        self._count_power(until_min)
        self.now_min = until_min

    def next_min(self) -> float:
        """Return when the next thing happens."""
        return min(when for when, _ in self._ahead())

    def _ahead(self) -> tuple[tuple[float, int], ...]:
        """Return when what may happen next; of several at once the first of these."""
        return (
            (self.swapping[0][0] if self.swapping else INFINITE, 0),
            (min((charger.ends_min for charger in self.plugged), default=INFINITE), 1),
            (self._arrivals[0][0] if self._arrivals else INFINITE, 2),
            (self._turns[0][0] if self._turns else INFINITE, 3),
            (self._look_min, 4),
        )

    def step(self) -> float:
        """Let the next thing happen, and return when."""
        self.events += 1
        if self.events > MOST_EVENTS:
            raise UsageError(
                "swap.number",
                f"More than {MOST_EVENTS:,} things happen at this station.",
                "Give fewer days or trucks, or simulate it without particulars.",
            )
        self.now_min, what = min(self._ahead())
        (self._end_swap, self._reach_step, self._arrive, self._turn, self._look)[what]()
        self._plug_in()
        while self.queue and len(self.swapping) < self.station.bays and (pack := self._take_out()):
            self._begin_swap(self.queue.popleft(), pack)
        self._plug_in()
        self._share_power()
        return self.now_min

    # What happens

    def _end_swap(self) -> None:
        _, _, bay, truck, took = heappop(self.swapping)
        heappush(self._bays, bay)
        if self.station.hand_over == "swap":
            self._take_in(truck)
        truck.pack = took
        if isinstance(self.rules.demand, Fleet):
            self._set_out(truck, self.now_min)
        else:
            self.road.append((took, self.now_min))

    def _reach_step(self) -> None:
        """Let a pack go on to the next step of the curve, or be full."""
        charger = min(self.plugged, key=lambda one: one.ends_min)
        self._settle(charger)
        pack = charger.pack
        assert pack is not None  # noqa: S101
        gained = charger.step - pack.charge
        if charger.left_min == 0 and gained:  # it took no time
            self.drawn_kwh[-1] += self._grid_kwh(pack, gained)
            self._charged(pack, gained, 0.0)
        pack.charge = charger.step
        if pack.charge >= self.pack_part.leaves_at:
            self._fill(self._unplug(charger))
        else:
            self._go_on(charger, pack)

    def _fill(self, pack: Pack) -> None:
        pack.full_min = -1.0
        self.full.append(pack)

    def _arrive(self) -> None:
        _, number, truck = heappop(self._arrivals)
        demand = self.rules.demand
        truck.came_min, truck.charge = self.now_min, self.pack_part.arrives_at
        if isinstance(demand, Timetable) and demand.charges:
            truck.charge = demand.charges[number % len(demand.charges)]
        pack = truck.pack or self._from_road()
        self._rest(pack, (pack.charge + truck.charge) / 2, here=False)
        pack.charge, truck.pack, truck.brought = truck.charge, pack, pack.number
        truck.found = self.ready > len(self.queue)
        patience = self.rules.scenario.balking.patience_min if self.rules.scenario.balking else INFINITE
        if self.expected_wait_min() > patience:
            self.refused.append(Refused(self.now_min, truck.number, truck.charge, pack.number))
            if isinstance(demand, Fleet):
                self._set_out(truck, self.now_min)
            else:
                self.road.append((pack, self.now_min))
        else:
            self.queue.append(truck)
            if self.station.hand_over == "arrival":
                self._take_in(truck)
        if not isinstance(demand, Fleet):
            self._set_out(Truck(None, None), self.now_min)

    def _turn(self) -> None:
        """Let a charger fail, or work again; the pack at it is the next to be charged elsewhere."""
        _, number = heappop(self._turns)
        charger = self.chargers[number]
        charger.works = not charger.works
        if charger.works:
            heappush(self._free, number)
        elif charger.pack is None:
            self._free.remove(number)
            self._free.sort()
        else:
            pack = self._unplug(charger)
            if self.pack_part.leaves_at - pack.charge > _NEXT_TO_NONE:
                self.depleted.appendleft(pack)
            else:  # it failed at the moment when its pack was full
                self._fill(pack)
        heappush(self._turns, (self.now_min + self._lasts(charger), number))

    def _look(self) -> None:
        self._look_min += LOOK_MIN

    # Trucks

    def _set_out(self, truck: Truck, now: float) -> None:
        """Draw when the next truck comes, or when this one comes back."""
        demand, draws = self.rules.demand, self._draws[ARRIVALS]
        number = self._count
        self._count += 1
        if isinstance(demand, Fleet):
            drive = draws.time(demand.drive)
            self.driving_min += drive
            heappush(self._arrivals, (now + drive, number, truck))
        elif isinstance(demand, Timetable):
            period, at = divmod(number, len(demand.times))
            heappush(self._arrivals, (period * demand.period_min + demand.times[at], number, truck))
        elif demand.by_hour:
            heappush(self._arrivals, (later(now, draws.time(ONE), rates(demand)), number, truck))
        else:
            heappush(self._arrivals, (now + draws.time(between(demand)), number, truck))

    def _from_road(self) -> Pack:
        """Return the pack that was longest away; a new one when none was long enough."""
        if self.road and self.now_min - self.road[0][1] >= AWAY_MIN:
            return self.road.popleft()[0]
        return self._new_pack(self.pack_part.leaves_at)

    def expected_wait_min(self) -> float:
        """Return how long one who comes now must expect to wait, as all goes on as it does now."""
        place = len(self.queue) + 1
        bays = (place - len(self._bays)) / self.station.bays * self.station.swap.mean_min
        lacking = place - self.ready
        if lacking <= 0:
            return max(0.0, bays)
        ahead = sorted(minutes for charger in self.plugged if (minutes := self._minutes_left(charger)) > 0)
        if lacking <= len(ahead):
            return max(0.0, bays, ahead[lacking - 1])
        rounds = math.ceil((lacking - len(ahead)) / self.station.chargers)
        return max(0.0, bays, (ahead[-1] if ahead else 0.0) + rounds * self.station.charge.mean_min)

    def _begin_swap(self, truck: Truck, pack: Pack) -> None:
        bay = heappop(self._bays)
        ends = self.now_min + self._draws[SWAPS].time(self.station.swap)
        heappush(self.swapping, (ends, len(self.exchanges), bay, truck, pack))
        self.exchanges.append(
            Exchange(
                truck.came_min,
                self.now_min,
                ends,
                bay,
                truck.number,
                truck.charge,
                truck.brought,
                pack.number,
                truck.found,
            )
        )

    # Packs

    @property
    def ready(self) -> int:
        """How many packs may go out now."""
        return len(self.full) + sum(self.charge_at(charger) >= self.goes_out_from for charger in self.plugged)

    @property
    def waiting(self) -> int:
        """How many trucks wait for a pack or a bay."""
        return len(self.queue)

    def needs_kwh(self) -> list[float]:
        """Return what each pack that is not full still takes from the grid, those at chargers first."""
        full = self.pack_part.leaves_at
        plugged = [
            self._grid_kwh(charger.pack, full - self.charge_at(charger))
            for charger in self.plugged
            if charger.pack
        ]
        return plugged + [self._grid_kwh(pack, full - pack.charge) for pack in self.depleted]

    def charge_at(self, charger: Charger) -> float:
        """Return the charge of the pack at a charger now."""
        pack = charger.pack
        if pack is None:
            return 0.0
        done = (self.now_min - charger.since_min) * charger.rate
        share = min(1.0, done / charger.left_min) if charger.left_min else 0.0
        return pack.charge + share * (charger.step - pack.charge)

    def packs(self) -> list[Pack]:
        """Return all packs there are: at the station, in its bays, and in trucks."""
        trucks = [truck for _, _, truck in self._arrivals] + list(self.queue)
        trucks += [truck for *_, truck, _ in self.swapping]
        return [
            *self.full,
            *self.depleted,
            *(charger.pack for charger in self.plugged if charger.pack),
            *(pack for *_, pack in self.swapping),
            *(truck.pack for truck in trucks if truck.pack),
            *(pack for pack, _ in self.road),
        ]

    def _new_pack(self, charge: float) -> Pack:
        self.packs_made += 1
        return Pack(self.packs_made, charge, self.now_min)

    def _take_in(self, truck: Truck) -> None:
        """Take a truck's pack; one that is worn out goes, and a new one charged as much comes for it."""
        pack = truck.pack
        assert pack is not None  # noqa: S101
        truck.pack = None
        if self.rules.scenario.ageing and pack.health <= self.ageing.health_floor:
            self.replaced += 1
            pack = self._new_pack(pack.charge)
        if pack.charge >= self.pack_part.leaves_at:
            self.full.append(pack)
        else:
            self.depleted.append(pack)
        pack.seen_min = self.now_min

    def _take_out(self) -> Pack | None:
        """Return the pack that was full first, or the fullest that may go, or None."""
        if self.full:
            pack = self.full.popleft()
        else:
            charger = max(self.plugged, key=self.charge_at, default=None)
            if charger is None or self.charge_at(charger) < self.goes_out_from:
                return None
            pack = self._unplug(charger)
            pack.full_min = -1.0
        self._rest(pack, pack.charge)
        return pack

    def _plug_in(self) -> None:
        while self.depleted and self._free:
            pack, charger = self.depleted.popleft(), self.chargers[heappop(self._free)]
            self._rest(pack, pack.charge)
            if pack.full_min < 0:
                pack.full_min = self._draws[CHARGES].time(self.station.charge) * pack.health
            charger.pack, charger.since_min, charger.rate = pack, self.now_min, 0.0
            self.plugged.append(charger)
            self._go_on(charger, pack)

    def _unplug(self, charger: Charger) -> Pack:
        """Take the pack from a charger, which is free then if it works."""
        self._settle(charger)
        pack = charger.pack
        assert pack is not None  # noqa: S101
        charger.pack, charger.ends_min = None, INFINITE
        self.plugged.remove(charger)
        if charger.works:
            heappush(self._free, charger.number)
        return pack

    def _go_on(self, charger: Charger, pack: Pack) -> None:
        """Begin the next step of the curve."""
        charger.step, share = next(step for step in self.steps if step[0] > pack.charge)
        part = self.pack_part
        charger.left_min = (charger.step - pack.charge) / (part.leaves_at - part.arrives_at) * pack.full_min
        charger.left_min /= share
        kwh = self._grid_kwh(pack, charger.step - pack.charge)
        charger.full_kw = 60 * kwh / charger.left_min if charger.left_min else 0.0
        charger.since_min = self.now_min
        charger.ends_min = self.now_min + charger.left_min / charger.rate if charger.rate else INFINITE

    def _settle(self, charger: Charger) -> None:
        """Write down what a pack took since its power last changed."""
        pack = charger.pack
        assert pack is not None  # noqa: S101
        charge, minutes = self.charge_at(charger), self.now_min - charger.since_min
        self._rest(pack, (charge + pack.charge) / 2)
        if gained := charge - pack.charge:
            self._charged(pack, gained, 60 * gained / minutes)
        pack.charge = charge
        charger.left_min = max(0.0, charger.left_min - minutes * charger.rate)
        charger.since_min = self.now_min

    # Power

    def _share_power(self) -> None:
        """Ask the policy what may be drawn, and let each pack take its part."""
        allowed = self.policy.allow(self.now_min, self)
        left = min(allowed.kw, self.grid_kw)
        wanted = [charger.full_kw for charger in self.plugged]
        if sum(wanted) <= left * (1 + 1e-12):
            given = wanted
        elif allowed.even:
            given = _evenly(wanted, left)
        else:
            given = []
            for kw in wanted:
                given.append(min(kw, left))
                left -= given[-1]
        self._count_power(self.now_min)
        self.power_kw = math.fsum(given)
        for charger, kw in zip(self.plugged, given, strict=True):
            rate = kw / charger.full_kw if charger.full_kw else 1.0
            if rate != charger.rate:
                self._settle(charger)
                charger.rate = rate
                charger.ends_min = self.now_min + charger.left_min / rate if rate else INFINITE

    def _count_power(self, now: float) -> None:
        """Count what was drawn until now, by quarters of an hour."""
        at = self._power_since
        while at < now:
            quarter = int(at // LOOK_MIN)
            end = min(now, (quarter + 1) * LOOK_MIN)
            while len(self.drawn_kwh) <= quarter:
                self.drawn_kwh.append(0.0)
            self.drawn_kwh[quarter] += self.power_kw * (end - at) / 60
            at = end
        self._power_since = now

    def _grid_kwh(self, pack: Pack, charge: float) -> float:
        return charge * self.rules.pack_kwh * pack.health / self.pack_part.efficiency

    def _minutes_left(self, charger: Charger) -> float:
        """Return in how many minutes a pack may go out, at the power of now or, if it gets none, at full."""
        pack, charge = charger.pack, self.charge_at(charger)
        assert pack is not None  # noqa: S101
        depth, minutes = self.pack_part.leaves_at - self.pack_part.arrives_at, 0.0
        for end, share in self.steps:
            if charge < end <= self.goes_out_from:
                minutes += (end - charge) / depth * pack.full_min / share
                charge = end
        return minutes / (charger.rate or 1.0)

    # Wear

    def _charged(self, pack: Pack, gained: float, rate_per_h: float) -> None:
        pack.throughput_kwh += gained * self.rules.pack_kwh * pack.health
        self._lose(pack, cycle_loss(self.ageing, gained, rate_per_h), here=True)

    def _rest(self, pack: Pack, charge: float, *, here: bool = True) -> None:
        """Count the time since the pack was last seen, at this charge on average."""
        self._lose(pack, rest_loss(self.ageing, self.now_min - pack.seen_min, charge), here=here)
        pack.seen_min = self.now_min

    def _lose(self, pack: Pack, health: float, *, here: bool) -> None:
        if here:
            self.worn += health
        if self.rules.scenario.ageing:
            pack.health = max(0.0, pack.health - health)

    def _lasts(self, charger: Charger) -> float:
        """Draw how long a charger works, or how long its repair takes."""
        part = self.rules.scenario.failures
        assert part is not None  # noqa: S101
        mean = 1440 * part.days_between if charger.works else 60 * part.repair_hours
        return self._draws[FAILURES].time(Law("exponential", mean))


def _evenly(wanted: list[float], left: float) -> list[float]:
    """Return as much for each as for all others, but to none more than it wants."""
    given = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for place, at in enumerate(order):
        given[at] = min(wanted[at], left / (len(order) - place))
        left -= given[at]
    return given
