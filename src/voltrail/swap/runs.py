"""
Many runs of a life with particulars: each figure with its interval, and policies side by side.

A run is a life of its own, with a seed drawn from the one given; its first day is not counted. Runs do not
depend on each other, so their spread gives the interval (Student's t). Policies are compared over the same
trucks, at the same minutes, with the same failures: the interval of a difference is that of the differences.
Source: Law, Simulation Modeling and Analysis, 5th ed., 9.4 and 11.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np

from voltrail.errors import UsageError
from voltrail.swap.ageing import yuan_per_health
from voltrail.swap.charging import (
    INFINITE,
    LOOK_MIN,
    AsSoonAsPossible,
    Held,
    Planned,
    Policy,
    ValleyOnly,
)
from voltrail.swap.draws import begin
from voltrail.swap.rich import QUARTERS, Life
from voltrail.swap.rules import DAY_MIN, Rules, rules_of, trucks_by_hour
from voltrail.swap.scenario import POLICIES, ChargingPart, Scenario
from voltrail.swap.simulate import check_stable
from voltrail.swap.station import LEAST_PER_HOUR, Fleet, Interval, Open

RUNS: Final = 10
MOST_DAYS: Final = 366
MOST_SWAPS: Final = 2_000_000
_T: Final = 2.2622  # Student's t of 9 degrees of freedom, 97.5 %
_TRIED: Final = 1 << 40  # a stream far from those of runs
_TRIED_DAYS: Final = 7
_TRIED_TRUCKS: Final = 1_100  # a busy station shows in fewer days how it goes
_PEAKS: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # shares of what the chargers may draw
_READY: Final = (0.25, 0.5, 0.75, 1.0, 1.5)  # shares of the time until a pack is ready
_FIRST_RUN: Final = 16  # seeds of runs come after the streams of draws


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one run shows. Yuan are those of a day: energy by tariff, capacity for the highest quarter of an hour
    of the run, wear for the health that packs lost at the station.

    `found` is the share of trucks for which a pack stood ready when they came, `drove_on` the share that
    drove on, `availability` the share of their time that a fleet's trucks drive. `health` is that of all
    packs in the end, `replaced` how many a year were worn out.
    """

    swaps_per_day: float
    wait_min: float
    wait_p95_min: float
    found: float
    drove_on: float
    energy_kwh: float
    energy_yuan: float
    capacity_yuan: float
    wear_yuan: float
    peak_kw: float
    charger_use: float
    availability: float
    health: float
    replaced: float

    @property
    def yuan(self) -> float:
        """All three together."""
        return self.energy_yuan + self.capacity_yuan + self.wear_yuan


MEASURES: Final = (*Figures.__struct_fields__, "yuan")


class RichResult(msgspec.Struct, frozen=True):
    """What `runs` of so many days show, by name as in `Figures`, `yuan` among them; `seed` gives it again."""

    policy: str
    seed: int
    runs: int
    days: int
    figures: dict[str, Interval]


class Comparison(msgspec.Struct, frozen=True):
    """Policies over the same runs; `more` is what each has more of than the first, by name."""

    results: tuple[RichResult, ...]
    more: tuple[dict[str, Interval], ...]


def needs_rich(scenario: Scenario) -> bool:
    """Return whether the compiled simulator cannot tell all of it."""
    plain = ChargingPart()
    timed = scenario.demand.times is not None or scenario.demand.file is not None
    parts = (scenario.failures, scenario.ageing, scenario.balking)
    charging = msgspec.structs.replace(scenario.charging, chance=plain.chance)
    return timed or charging != plain or any(part is not None for part in parts)


def simulate_rich(
    scenario: Scenario, days: int = 30, seed: int = 1, done: Callable[[], None] = lambda: None
) -> RichResult:
    """
    Return what ten runs of so many days show; `done` is called after each.

    Raises UsageError: `swap.scenario` for one that contradicts itself, `swap.number` for too many swaps.
    """
    return _result(scenario, days, seed, _runs(scenario, days, seed, done))


def compare(
    scenario: Scenario, days: int = 30, seed: int = 1, done: Callable[[], None] = lambda: None
) -> Comparison:
    """Return what each policy shows over the same runs. Raises as `simulate_rich` does."""
    results, all_runs = [], []
    for name in POLICIES:
        charging = msgspec.structs.replace(scenario.charging, policy=name)
        other = msgspec.structs.replace(scenario, charging=charging)
        all_runs.append(_runs(other, days, seed, done))
        results.append(_result(other, days, seed, all_runs[-1]))
    return Comparison(
        results=tuple(results),
        more=tuple(
            {
                name: _interval(
                    [getattr(a, name) - getattr(b, name) for a, b in zip(runs, all_runs[0], strict=True)]
                )
                for name in MEASURES
            }
            for runs in all_runs
        ),
    )


def _runs(scenario: Scenario, days: int, seed: int, done: Callable[[], None]) -> list[Figures]:
    rules = rules_of(scenario)
    _check(rules, days)
    runs = []
    for run in range(RUNS):
        runs.append(one_run(rules, days, begin(seed, _FIRST_RUN + run), policy_of(rules)))
        done()
    return runs


def policy_of(rules: Rules) -> Policy:
    """Return the policy of a scenario, anew for each life: it may remember what it planned."""
    name = rules.scenario.charging.policy
    if name == "planned":
        return Planned(rules, learn(rules))
    return ValleyOnly(rules.scenario.cost.energy_by_hour) if name == "valley_only" else AsSoonAsPossible()


@lru_cache(maxsize=64)
def learn(rules: Rules) -> Held:
    """
    Return what plans had best keep to: the cheapest of some, of those that keep the chance.

    They are tried on up to a week of its own, which no seed gives again: never on the days that are reported.
    """
    station, chance = rules.scenario.station, rules.scenario.charging.chance
    most = min(station.chargers * station.charger_kw, station.grid_kw or INFINITE)
    within_min = rules.station.charge.mean_min + LOOK_MIN  # in which a pack that begins now is ready
    days = max(2, min(_TRIED_DAYS, int(_TRIED_TRUCKS / sum(trucks_by_hour(rules)))))
    best, least = Held(most, _READY[-1] * within_min), INFINITE
    ready = iter(_READY)
    # The less is drawn, the longer packs must be held ready, so neither goes back.
    share = next(ready)
    for peak in _PEAKS:
        while True:
            held = Held(peak * most, share * within_min)
            told = one_run(rules, days, begin(0, _TRIED), Planned(rules, held))
            if told.found >= chance:
                break
            longer = next(ready, None)
            if longer is None:
                return best
            share = longer
        if told.yuan < least:
            best, least = held, told.yuan
    return best


def one_run(rules: Rules, days: int, seed: int, policy: Policy) -> Figures:
    """Return what one life shows from its second day on."""
    life = Life(rules, policy, seed)
    life.run(DAY_MIN)
    worn, drove, replaced = life.worn, life.driving_min, life.replaced
    life.run((days + 1) * DAY_MIN)
    swaps = [one for one in life.exchanges if one.came_min >= DAY_MIN]
    waits = [one.began_min - one.came_min for one in swaps]
    waits += [life.now_min - one.came_min for one in life.queue if one.came_min >= DAY_MIN]
    refused = sum(one.came_min >= DAY_MIN for one in life.refused)
    cost, station = rules.scenario.cost, rules.scenario.station
    quarters = life.drawn_kwh[QUARTERS : (days + 1) * QUARTERS]
    peak_kw = 4 * max(quarters)
    worth = yuan_per_health(life.ageing, cost.pack_per_kwh * rules.pack_kwh)
    packs = life.packs()
    trucks = rules.demand.trucks if isinstance(rules.demand, Fleet) else 0
    return Figures(
        swaps_per_day=len(swaps) / days,
        wait_min=sum(waits) / len(waits) if waits else 0.0,
        wait_p95_min=percentile(waits, 0.95),
        found=sum(one.found for one in swaps) / len(swaps) if swaps else 1.0,
        drove_on=refused / (len(waits) + refused) if refused else 0.0,
        energy_kwh=sum(quarters) / days,
        energy_yuan=sum(kwh * cost.energy_by_hour[at // 4 % 24] for at, kwh in enumerate(quarters)) / days,
        capacity_yuan=peak_kw * cost.capacity_per_kw_month / 30,
        wear_yuan=(life.worn - worn) * worth / days,
        peak_kw=peak_kw,
        charger_use=sum(quarters) / days / (24 * station.chargers * station.charger_kw),
        availability=(life.driving_min - drove) / (days * DAY_MIN * trucks) if trucks else 1.0,
        health=sum(pack.health for pack in packs) / len(packs),
        replaced=(life.replaced - replaced) * 365 / days,
    )


def _check(rules: Rules, days: int) -> None:
    """Raise UsageError when it would take minutes, or more trucks come than can ever be served."""
    if not 1 <= days <= MOST_DAYS:
        raise UsageError("swap.number", f"{days} days cannot be simulated.", f"Give from 1 to {MOST_DAYS}.")
    trucks = sum(trucks_by_hour(rules))
    if RUNS * days * trucks > MOST_SWAPS:
        raise UsageError(
            "swap.number",
            f"{RUNS} runs of {days} days with {trucks:,.0f} trucks each are too many.",
            f"Give fewer days: from {MOST_SWAPS:,} swaps on it would take long.",
        )
    if isinstance(rules.demand, Fleet) or rules.scenario.balking:
        return
    check_stable(rules.station, Open(max(LEAST_PER_HOUR, trucks / 24)))
    pack, grid_kw = rules.scenario.pack, rules.scenario.station.grid_kw or INFINITE
    kw = trucks * rules.pack_kwh * (pack.leaves_at - pack.arrives_at) / pack.efficiency / 24
    if kw >= grid_kw:
        raise UsageError(
            "swap.number",
            f"The trucks that come need {kw:,.0f} kW day and night, and the grid gives {grid_kw:,.0f}.",
            "Give more grid_kw or fewer trucks: this queue would grow for ever.",
        )


def percentile(values: list[float], share: float) -> float:
    """Return the least value that this share does not exceed; 0 of no values."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def _result(scenario: Scenario, days: int, seed: int, runs: Sequence[Figures]) -> RichResult:
    figures = {name: _interval([getattr(run, name) for run in runs]) for name in MEASURES}
    return RichResult(scenario.charging.policy, seed, len(runs), days, figures)


def _interval(values: Sequence[float]) -> Interval:
    means = np.array(values)
    return Interval(float(means.mean()), _T * float(means.std(ddof=1)) / math.sqrt(len(means)))
