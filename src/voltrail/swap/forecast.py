"""
What a truck finds at a station when it comes: which packs, full by when, and how long it waits for a bay.

A simple forecast, stated here and told with each plan:

    bay      the queue of now, with the trucks that are expected by the hour and those that are served
             meanwhile; beyond that what chance adds by the mean load of the day (Pollaczek-Khinchine)
    packs    until the packs are full, by what the station says of them
    unknown  half an hour where a station has said nothing for two hours, since nobody knows more

All waits are such that whoever comes later leaves no earlier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from voltrail.swap.catalogue import INTERFACES, PACKS, Truck
from voltrail.swap.fitness import SENTENCES
from voltrail.swap.network import HOURS, PackThere, StationThere

SILENT_MIN: Final = 120.0
UNKNOWN_MIN: Final = 30.0
CHARGE_UNKNOWN_MIN: Final = 90.0  # until a pack is full of which nobody knows: an assumption
BUSY: Final = 0.95  # mean load from which on chance adds no more
MINUTE_MS: Final = 60_000
MIDNIGHT_MS: Final = 8 * 3_600_000  # UTC+8


class Step(NamedTuple):
    """Packs of one type that are all full at `ready` (minutes from now), with the most energy until then."""

    ready: float
    kwh: float
    codes: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A station that cannot be used, and why."""

    site: str
    name: str
    rule: Literal["too_far", "off_the_way", "interface", "no_pack", "held", "unfit", "unknown_energy"]
    message: str


class Clock:
    """
    How long whoever comes to a station waits for a bay, by the moment in minutes from now.

    A queue that flows: in by what is expected of the hour, out by what the bays can do.
    """

    def __init__(self, station: StationThere, now_ms: int) -> None:
        self._service = station.swap_min / max(station.bays, 1)
        known = len(station.per_hour) == HOURS
        self.per_hour = station.per_hour if known else (0.0,) * HOURS
        self._start = (now_ms + MIDNIGHT_MS) / MINUTE_MS % (HOURS * 60)
        load = min(sum(self.per_hour) / HOURS / 60 * self._service, BUSY)
        self._always = load * self._service / (2 * (1 - load))
        if is_silent(station, now_ms):
            self._always += UNKNOWN_MIN
        self._moments: list[float] = [0.0]  # between them the queue grows or shrinks evenly
        self._queues: list[float] = [float(station.queue)]

    def _follow(self, until: float) -> None:
        """Follow the queue hour by hour until a moment."""
        now, queue = self._moments[-1], self._queues[-1]
        while now <= until:
            step = 60 - (self._start + now) % 60
            rate = self.per_hour[int((self._start + now) // 60) % HOURS] / 60
            if self._service > 0:
                rate -= 1 / self._service
            elif queue > 0:
                queue = 0.0
            after = queue + rate * step if self._service > 0 else 0.0
            if after < 0 < queue:  # it is gone before the hour is over
                self._note(now + queue / -rate, 0.0)
            now, queue = now + step, max(after, 0.0)
            self._note(now, queue)

    def _note(self, when: float, queue: float) -> None:
        self._moments.append(when)
        self._queues.append(queue)

    def wait(self, when: float) -> float:
        """Return how many minutes whoever arrives then waits."""
        if when >= self._moments[-1]:
            self._follow(when)
        place = bisect_right(self._moments, when) - 1
        low, high = self._moments[place], self._moments[place + 1]
        share = (when - low) / (high - low)
        queue = self._queues[place] + share * (self._queues[place + 1] - self._queues[place])
        return queue * self._service + self._always

    def expected(self, upto: float) -> float:
        """Return how many trucks are expected from now until then."""
        total, now = 0.0, 0.0
        while now < upto:
            step = min(60 - (self._start + now) % 60, upto - now)
            total += self.per_hour[int((self._start + now) // 60) % HOURS] / 60 * step
            now += step
        return total


def is_silent(station: StationThere, now_ms: int) -> bool:
    """Return whether nobody knows how a station is now: it never spoke, or long ago."""
    return station.said_ms is None or now_ms - station.said_ms > SILENT_MIN * MINUTE_MS


def misfit(station: StationThere, truck: Truck) -> str | None:
    """Return why a station cannot swap a truck's packs, None where it can."""
    if truck.interface in station.interfaces:
        return None
    has = _list(INTERFACES[one].name if one in INTERFACES else one for one in station.interfaces)
    return (
        f"It swaps {has or 'nothing that is known'}; {truck.name} needs {INTERFACES[truck.interface].name}."
    )


def unfit(pack: PackThere, truck: Truck) -> str | None:
    """Return why a pack cannot go into a truck, None where it can."""
    if pack.refused is not None:
        return SENTENCES.get(pack.refused, pack.refused)
    if pack.pack_type is None:
        return "Its model names no standardized pack."
    if pack.pack_type not in truck.packs:
        return f"{truck.name} takes {_list(truck.packs)}, and this is {pack.pack_type}."
    return None


def ready_min(pack: PackThere, station: StationThere) -> float:
    """Return in how many minutes a pack is full, as far as anybody knows: else as if it were empty."""
    if pack.ready_min is not None:
        return max(pack.ready_min, 0.0)
    kwh = pack.energy_kwh
    if kwh is not None and station.charger_kw:
        return kwh * (1 - (pack.charge or 0.0)) / station.charger_kw * 60
    return CHARGE_UNKNOWN_MIN


def usable_kwh(pack: PackThere) -> float | None:
    """Return what a full pack holds: its energy when new by its health, where that is known."""
    kwh = pack.energy_kwh
    if kwh is None and pack.pack_type in PACKS:
        kwh = PACKS[pack.pack_type].energy_kwh
    return None if kwh is None else kwh * (1.0 if pack.health is None else min(pack.health, 1.0))


def offered(
    station: StationThere, truck: Truck, blocks: int, held: Mapping[str, int], ours: Collection[str] = ()
) -> tuple[dict[str, tuple[Step, ...]], Refused | None]:
    """
    Return what a station can put into a truck by type of pack, more energy the longer one waits; or why not.

    `held` are the codes that others have reserved, with the number of the reservation; where enough is left
    of what is reserved for the truck itself, `ours`, it is offered nothing else.
    """

    def no(rule: str, message: str) -> tuple[dict[str, tuple[Step, ...]], Refused]:
        return {}, Refused(site=station.site, name=station.name, rule=rule, message=message)  # type: ignore[arg-type]

    why = misfit(station, truck)
    if why is not None:
        return no("interface", why)
    by_type: dict[str, list[tuple[float, float, str]]] = {}
    rules: dict[str, int] = {}
    said: dict[str, str] = {}
    for pack in station.packs:
        why = unfit(pack, truck)
        kwh = usable_kwh(pack)
        if why is not None:
            rule = "unfit"
        elif pack.code in held:
            rule, why = "held", "It is reserved for others."
        elif kwh is None or kwh <= 0:
            rule, why = "unknown_energy", "Nobody knows how much it holds."
        else:
            by_type.setdefault(str(pack.pack_type), []).append((ready_min(pack, station), kwh, pack.code))
            continue
        rules[rule] = rules.get(rule, 0) + 1
        said.setdefault(rule, why or "")
    kept = {name: [one for one in packs if one[2] in ours] for name, packs in by_type.items()}
    if any(len(packs) >= blocks for packs in kept.values()):
        by_type = kept
    steps = {name: _steps(packs, blocks) for name, packs in by_type.items() if len(packs) >= blocks}
    if steps:
        return steps, None
    usable = max(map(len, by_type.values()), default=0)
    needs = f"{usable} of the {blocks} packs that are needed can be had"
    if not rules:
        return no("no_pack", f"{needs}.")
    rule = max(rules, key=lambda one: rules[one])
    more = ", ".join(f"{number} {_WHY[name]}" for name, number in rules.items())
    return no(rule, f"{needs}: {more}. {said[rule]}")


_WHY: Final = {
    "unfit": "do not fit or may not be put in",
    "held": "are reserved for others",
    "unknown_energy": "hold nobody knows how much",
}


def _steps(packs: list[tuple[float, float, str]], blocks: int) -> tuple[Step, ...]:
    """Return which packs hold most of those that are full by a moment, for each from which on it is more."""
    steps: list[Step] = []
    packs = sorted(packs)
    best: list[tuple[float, float, str]] = []  # the `blocks` with the most energy so far, -kwh first
    for place, (ready, kwh, code) in enumerate(packs):
        best = sorted([*best, (-kwh, ready, code)])[:blocks]
        later = place + 1 < len(packs) and packs[place + 1][0] == ready
        if len(best) < blocks or later:
            continue
        total = -sum(one[0] for one in best)
        if not steps or total > steps[-1].kwh + 1e-9:
            steps.append(Step(ready, total, tuple(sorted(one[2] for one in best))))
    return tuple(steps)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
