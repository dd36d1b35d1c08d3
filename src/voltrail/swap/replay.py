"""
One day of a station as it can be drawn: who came, which pack went where, how full each was, what was drawn.

Lines are breakpoints: between two of them a charge grows evenly, while power and queue stay as they were at
the earlier one. All times are minutes from midnight, from 0 to 1,440; the day before has warmed the station
up.
"""

from __future__ import annotations

from itertools import count
from typing import Final, Literal

import msgspec

from voltrail.swap.charging import INFINITE
from voltrail.swap.rich import QUARTERS, Exchange, Life, Pack
from voltrail.swap.rules import DAY_MIN, rules_of
from voltrail.swap.runs import percentile, policy_of
from voltrail.swap.scenario import Scenario

Point = tuple[float, float]
_SAME: Final = 5e-4  # of a charge: a point that lies so near the line between its neighbours is left out


class Stay(msgspec.Struct, frozen=True):
    """
    A pack in a slot, counted from 0, from when to when: `points` are minute and charge, the ends included.

    `charger` says from when to when it stood at a charger, which may give it nothing for a while.
    """

    slot: int
    pack: int
    health: float
    from_min: float
    to_min: float
    points: tuple[Point, ...]
    charger: tuple[Point, ...]


class Visit(msgspec.Struct, frozen=True):
    """
    A truck: it came, and its swap began and ended in a bay; `brought` and `took` are numbers of packs.

    One that drove on has no more than `came_min`; one still waiting or in the bay at the end lacks what is to
    come. `truck` is None where trucks come by chance and are not known by name.
    """

    came_min: float
    charge: float
    outcome: Literal["swapped", "drove_on", "there"]
    brought: int
    truck: int | None = None
    bay: int | None = None
    began_min: float | None = None
    ended_min: float | None = None
    took: int | None = None


class Failure(msgspec.Struct, frozen=True):
    """A charger that did not work, from when to when."""

    charger: int
    from_min: float
    to_min: float


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """
    The day. `power` is minute and kW from the grid, `queue` minute and trucks that wait for a bay or a pack.

    `ready` is minute and packs that may go out. `yuan_per_kwh` is the tariff by hour; `wait_min` and
    `p95_wait_min` are those of this day's swaps.
    """

    seed: int
    policy: str
    slots: int
    chargers: int
    bays: int
    charger_kw: float
    grid_kw: float | None
    yuan_per_kwh: tuple[float, ...]
    stays: tuple[Stay, ...]
    visits: tuple[Visit, ...]
    failures: tuple[Failure, ...]
    power: tuple[Point, ...]
    queue: tuple[Point, ...]
    ready: tuple[Point, ...]
    energy_kwh: float
    energy_yuan: float
    swaps: int
    drove_on: int
    wait_min: float
    p95_wait_min: float


def day(scenario: Scenario, seed: int = 1) -> Replay:
    """Return the second day of a life. Raises as `rules_of` and `Life` do."""
    rules = rules_of(scenario)
    life = Life(rules, policy_of(rules), seed)
    life.run(DAY_MIN)
    seen = _Recorder(life)
    while life.next_min() < 2 * DAY_MIN:
        life.step()
        seen.record()
    life.run(2 * DAY_MIN)
    return seen.replay(seed)


class _Stay:
    """A pack in a slot while the day is recorded."""

    def __init__(self, slot: int, pack: Pack, now: float) -> None:
        self.slot, self.pack, self.health, self.since = slot, pack, pack.health, now
        self.points: list[Point] = []
        self.charger: list[list[float]] = []

    def at(self, now: float, charge: float, *, plugged: bool) -> None:
        points = self.points
        if len(points) > 1 and now > points[-2][0]:
            (early, low), (middle, here) = points[-2:]
            if abs(low + (charge - low) * (middle - early) / (now - early) - here) < _SAME:
                points.pop()
        points.append((now, charge))
        if plugged and not (self.charger and self.charger[-1][1] == INFINITE):
            self.charger.append([now, INFINITE])
        elif not plugged and self.charger:
            self.charger[-1][1] = min(self.charger[-1][1], now)

    def ended(self, now: float) -> Stay:
        return Stay(
            slot=self.slot,
            pack=self.pack.number,
            health=round(self.health, 4),
            from_min=_minute(self.since),
            to_min=_minute(now),
            points=tuple((_minute(at), round(charge, 4)) for at, charge in self.points),
            charger=tuple((_minute(begun), _minute(min(end, now))) for begun, end in self.charger),
        )


class _Recorder:
    """Looks at a life after each event of the day, and keeps what has changed."""

    def __init__(self, life: Life) -> None:
        self.life, self.begun = life, life.now_min
        self.here: dict[int, _Stay] = {}
        self.stays: list[Stay] = []
        self.lines: dict[str, list[Point]] = {"power": [], "queue": [], "ready": []}
        self.failing = {charger.number: 0.0 for charger in life.chargers if not charger.works}
        self.failures: list[Failure] = []
        self.record()

    def record(self) -> None:
        """Take down how everything stands now."""
        life, now = self.life, self.life.now_min - self.begun
        standing = {pack.number: (pack, pack.charge, False) for pack in (*life.full, *life.depleted)}
        for charger in life.plugged:
            if charger.pack is not None:
                standing[charger.pack.number] = (charger.pack, life.charge_at(charger), True)
        for number in self.here.keys() - standing.keys():
            stay = self.here.pop(number)
            stay.at(now, stay.pack.charge, plugged=False)
            self.stays.append(stay.ended(now))
        taken = {stay.slot for stay in self.here.values()}
        for number, (pack, charge, plugged) in standing.items():
            if number not in self.here:
                slot = next(slot for slot in count() if slot not in taken)
                taken.add(slot)
                self.here[number] = _Stay(slot, pack, now)
            self.here[number].at(now, charge, plugged=plugged)
        for name, value in (("power", life.power_kw), ("queue", life.waiting), ("ready", life.ready)):
            line = self.lines[name]
            if line and line[-1][0] == _minute(now):
                line.pop()
            if not line or line[-1][1] != round(value, 1):
                line.append((_minute(now), round(value, 1)))
        for charger in life.chargers:
            if charger.works and charger.number in self.failing:
                self.failures.append(Failure(charger.number, self.failing.pop(charger.number), _minute(now)))
            elif not charger.works:
                self.failing.setdefault(charger.number, _minute(now))

    def replay(self, seed: int) -> Replay:
        """Return the day, which has ended."""
        self.record()
        life, scenario = self.life, self.life.rules.scenario
        stays = self.stays + [stay.ended(DAY_MIN) for stay in self.here.values()]
        failures = self.failures + [Failure(number, since, DAY_MIN) for number, since in self.failing.items()]
        swaps = [one for one in life.exchanges if one.ended_min > self.begun]
        began = [one for one in swaps if one.began_min >= self.begun]
        waits = [one.began_min - one.came_min for one in began]
        refused = [one for one in life.refused if one.came_min >= self.begun]
        quarters = life.drawn_kwh[QUARTERS : 2 * QUARTERS]
        tariff = scenario.cost.energy_by_hour
        visits = [self._swapped(one) for one in swaps]
        visits += [
            Visit(_minute(came - self.begun), charge, "drove_on", brought, truck)
            for came, truck, charge, brought in refused
        ]
        visits += [
            Visit(self._day(one.came_min), one.charge, "there", one.brought, one.number) for one in life.queue
        ]
        return Replay(
            seed=seed,
            policy=scenario.charging.policy,
            slots=max(life.station.packs, *(stay.slot + 1 for stay in stays)),
            chargers=life.station.chargers,
            bays=life.station.bays,
            charger_kw=scenario.station.charger_kw,
            grid_kw=scenario.station.grid_kw,
            yuan_per_kwh=tariff,
            stays=tuple(sorted(stays, key=lambda stay: (stay.from_min, stay.slot))),
            visits=tuple(sorted(visits, key=lambda visit: visit.came_min)),
            failures=tuple(failures),
            power=tuple(self.lines["power"]),
            queue=tuple(self.lines["queue"]),
            ready=tuple(self.lines["ready"]),
            energy_kwh=round(sum(quarters), 1),
            energy_yuan=round(sum(kwh * tariff[at // 4] for at, kwh in enumerate(quarters)), 2),
            swaps=len(began),
            drove_on=len(refused),
            wait_min=round(sum(waits) / len(waits), 2) if waits else 0.0,
            p95_wait_min=round(percentile(waits, 0.95), 2),
        )

    def _swapped(self, one: Exchange) -> Visit:
        ended = one.ended_min <= self.begun + DAY_MIN
        return Visit(
            came_min=self._day(one.came_min),
            charge=round(one.charge, 4),
            outcome="swapped" if ended else "there",
            brought=one.brought,
            truck=one.truck,
            bay=one.bay,
            began_min=self._day(one.began_min),
            ended_min=_minute(one.ended_min - self.begun) if ended else None,
            took=one.took,
        )

    def _day(self, at: float) -> float:
        """Return a moment of the life as a minute of the day; what was before is at its beginning."""
        return max(0.0, _minute(at - self.begun))


def _minute(at: float) -> float:
    return round(at, 2)
