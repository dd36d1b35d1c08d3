"""
A station simulated for so many swaps, each figure with its interval.

Intervals are those of batch means: the run is cut into batches so long that what one hands on to the next
does not matter, and the spread of their means tells how sure the mean of all is.
Source: Law, Simulation Modeling and Analysis, 5th ed., 9.5.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import UsageError
from voltrail.swap.kernel import AT_ONCE, BINS, CHARGED, DROVE, SPAN, STOCK, SUMS, WAITED, Life, quantile
from voltrail.swap.scenario import Model, Scenario, model_of
from voltrail.swap.station import Demand, Fleet, Interval, Result, Station

BATCHES: Final = 40
MOST_SWAPS: Final = 10**10
_T: Final = 2.0227  # Student's t of 39 degrees of freedom, 97.5 %
_PIECE: Final = 1 << 22
_NONE: Final = np.empty(0)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a scenario: how it was simulated, what was seen, and the energy drawn from the grid."""

    model: Model
    result: Result
    mwh_per_day: Interval
    gwh_per_year: Interval


def simulate_scenario(
    scenario: Scenario, swaps: int = 1_000_000, seed: int = 1, told: Callable[[int], None] | None = None
) -> Outcome:
    """Return what a scenario comes to. Raises UsageError as `model_of` and `simulate` do."""
    model = model_of(scenario)
    result = simulate(model.station, model.demand, swaps, seed, told)
    mwh_per_day = result.swaps_per_hour.times(24 * model.grid_kwh / 1000)
    return Outcome(model, result, mwh_per_day, mwh_per_day.times(365 / 1000))


def simulate(
    station: Station,
    demand: Demand,
    swaps: int = 1_000_000,
    seed: int = 1,
    told: Callable[[int], None] | None = None,
) -> Result:
    """
    Return what so many swaps show, after a tenth as many that are not counted.

    `told` hears now and then how many more have been simulated. Raises UsageError (`swap.number`): fewer
    swaps than 4,000, or demand that the station cannot meet, whose queue would grow for ever.
    """
    if not 100 * BATCHES <= swaps <= MOST_SWAPS:
        raise UsageError(
            "swap.number",
            f"{swaps} swaps cannot be simulated.",
            f"Give from {100 * BATCHES:,} to {MOST_SWAPS:,}.",
        )
    check_stable(station, demand)
    life, per_batch = Life(station, demand, seed), swaps // BATCHES
    sums, bins = np.zeros((BATCHES, SUMS)), np.zeros((BATCHES, BINS), np.int64)
    _live(life, max(swaps // 10, 100), np.zeros(SUMS), np.zeros(BINS, np.int64), told)
    for batch in range(BATCHES):
        _live(life, per_batch, sums[batch], bins[batch], told)
    _check_queue(life, demand, swaps)
    span = sums[:, SPAN]
    trucks = demand.trucks if isinstance(demand, Fleet) else 0
    p95 = _interval(np.array([quantile(one, 0.95) for one in bins]))
    return Result(
        seed=seed,
        swaps=per_batch * BATCHES,
        days=float(span.sum()) / 1440,
        wait_min=_interval(sums[:, WAITED] / per_batch),
        no_wait=_interval(sums[:, AT_ONCE] / per_batch),
        swaps_per_hour=_interval(60 * per_batch / span),
        charger_use=_interval(sums[:, CHARGED] / (span * station.chargers)),
        packs_in_use=_interval(station.packs - sums[:, STOCK] / span),
        availability=_interval(sums[:, DROVE] / (span * trucks)) if trucks else None,
        wait_p95_min=Interval(quantile(bins.sum(axis=0), 0.95), p95.half_width),
    )


def _live(
    life: Life,
    swaps: int,
    sums: NDArray[np.float64],
    bins: NDArray[np.int64],
    told: Callable[[int], None] | None,
) -> None:
    """Let swaps begin, in pieces so short that a person can follow and stop it."""
    for begun in range(0, swaps, _PIECE):
        number = min(swaps - begun, _PIECE)
        life.swaps(number, sums, bins, _NONE)
        if told:
            told(number)


def check_stable(station: Station, demand: Demand) -> None:
    """Raise UsageError (`swap.number`) when more trucks come by than chargers, packs or bays can serve."""
    if isinstance(demand, Fleet):
        return
    away_min = station.charge.mean_min + (station.swap.mean_min if station.hand_over == "swap" else 0)
    # Packs are handed over before the truck has its own: then they bound nothing, chargers and bays do.
    packs = station.packs / away_min if station.hand_over == "swap" and away_min else math.inf
    served = {
        "chargers": station.chargers / station.charge.mean_min if station.charge.mean_min else math.inf,
        "bays": station.bays / station.swap.mean_min if station.swap.mean_min else math.inf,
        "packs": packs,
    }
    short = min(served, key=lambda name: served[name])
    if demand.trucks_per_hour / 60 >= served[short]:
        raise UsageError(
            "swap.number",
            f"{demand.trucks_per_hour:g} trucks an hour come, and the {short} serve {60 * served[short]:g}.",
            f"Give more {short} or fewer trucks: this queue would grow for ever.",
        )


def _check_queue(life: Life, demand: Demand, swaps: int) -> None:
    """Refuse a run that leaves more trucks waiting than chance and the hour of the day explain."""
    if isinstance(demand, Fleet):
        return
    by_hour = 24 * demand.trucks_per_hour if demand.by_hour else 0
    if life.waiting > 4 * math.sqrt(swaps) + by_hour:
        raise UsageError(
            "swap.number",
            f"{demand.trucks_per_hour:g} trucks an hour come; after {swaps:,} swaps {life.waiting:,} wait.",
            "Give more packs, chargers or bays, or fewer trucks: this queue would grow for ever.",
        )


def _interval(means: NDArray[np.float64]) -> Interval:
    return Interval(float(means.mean()), _T * float(means.std(ddof=1)) / math.sqrt(len(means)))
