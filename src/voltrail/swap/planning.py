"""
What a planner sees at once of one station: how long trucks wait, what it costs a year, what would be cheaper.

Everything is simulated anew for each question, with the same chance, so that two answers differ by what was
changed and not by luck.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec
import numpy as np

from voltrail.errors import UsageError
from voltrail.swap.kernel import BINS, SUMS, Life
from voltrail.swap.scenario import FLAT, Scenario, model_of
from voltrail.swap.simulate import simulate
from voltrail.swap.sizing import Progress, Sized, Yearly, size_quickly, yearly_cost
from voltrail.swap.station import Demand, Result, Station

SWAPS: Final = 200_000
UPTO_MIN: Final = (0, 1, 2, 5, 10, 15, 30, 60)  # bounds of waits that are told apart
# How trucks spread over the hours of a day, from midnight on. Assumptions: no station has published its own.
PROFILES: Final = {
    "even": FLAT,
    "by_day": (0.4,) * 6 + (1.0,) * 3 + (1.4,) * 12 + (0.9,) * 3,
    "two_rushes": (0.4,) * 6 + (2.0,) * 3 + (0.9,) * 8 + (2.0,) * 3 + (0.7,) * 4,
}
_HOURS: Final = 24 * 365
_KEPT: Final = 256  # answers: who moves a number back and forth is answered at once


class Outlook(msgspec.Struct, frozen=True):
    """
    What came out: `waits` are the shares of trucks that wait up to each of `UPTO_MIN`, and longer than all.

    `result` is None where the queue would grow for ever; `refused` then says why.
    """

    result: Result | None
    refused: UsageError | None
    waits: tuple[float, ...]
    kwh_per_swap: float
    kwh_per_year: float
    yearly: Yearly


@lru_cache(_KEPT)
def look_ahead(scenario: Scenario, seed: int = 1) -> Outlook:
    """Return what a scenario comes to, in some hundredths of a second. Raises UsageError for no numbers."""
    model = model_of(scenario)
    result = refused = None
    try:
        result = simulate(model.station, model.demand, SWAPS, seed)
    except UsageError as error:
        refused = error
    return Outlook(
        result=result,
        refused=refused,
        waits=_spread(model.station, model.demand, seed) if result is not None else (),
        kwh_per_swap=model.grid_kwh,
        kwh_per_year=model.grid_kwh * result.swaps_per_hour.mean * _HOURS if result is not None else 0,
        yearly=yearly_cost(scenario),
    )


def cheapest(scenario: Scenario, progress: Progress | None = None) -> Sized:
    """
    Return the cheapest size for a scenario's demand and target.

    It takes from some tenths of a second to a minute, the more the more trucks come and the less evenly;
    `progress` is called on the way, and may raise anything but UsageError to end it. Raises UsageError
    (`swap.size`): what cannot be had.
    """
    return size_quickly(scenario, progress=progress)


def whatever_stands(scenario: Scenario) -> Scenario:
    """Return a scenario without what sizing finds: the same question whichever size a planner looks at."""
    bare = msgspec.structs.replace(scenario.station, packs=1, chargers=1, bays=1)
    return msgspec.structs.replace(scenario, station=bare)


def _spread(station: Station, demand: Demand, seed: int) -> tuple[float, ...]:
    """Return the shares of the trucks by how long they wait; those of the first tenth are not counted."""
    waits = np.empty(SWAPS)
    Life(station, demand, seed).swaps(SWAPS, np.zeros(SUMS), np.zeros(BINS, np.int64), waits)
    places = np.searchsorted(UPTO_MIN, waits[SWAPS // 10 :])
    counts = np.bincount(places, minlength=len(UPTO_MIN) + 1)
    return tuple(float(one) for one in counts / counts.sum())
