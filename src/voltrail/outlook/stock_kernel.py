"""
What `stock.tell` does, compiled: a thousand draws in some tens of milliseconds.

Without the interpreter's lock, so whoever has two cores may give each half of the draws. It starts no threads
of its own: Numba's are not safe where a server's threads call it at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltrail.ledger.lanes import kernel
from voltrail.outlook.stock import KIND_OF, Flows, Lives

FloatArray = npt.NDArray[np.float64]


def fill(
    sold: FloatArray, energy_kwh: FloatArray, mix: FloatArray, pools: FloatArray, lives: Lives, flows: Flows
) -> None:
    """Write into `flows` what becomes of the packs of vehicles sold; see `stock.tell`."""
    _fill(sold, energy_kwh, mix, pools, KIND_OF, *lives, *flows)


@kernel
def _turn(
    vehicle: Any, battery: Any, share: Any, failing: Any, fails: Any, failed: Any, ended: Any, there: Any
) -> None:
    """Write the turnover of one draw and kind; `failing` and `fails` are room to work in."""
    years = vehicle.shape[1]
    rows = battery.shape[0]
    for row in range(rows):
        before = 1.0
        for age in range(years):
            failing[row, age] = before - battery[row, age]
            before = battery[row, age]
    for sale in range(years):
        if rows > 1 or sale == 0:
            for age in range(years - sale):
                found = failing[min(sale, rows - 1), age]
                for first in range(age):
                    found += share * fails[first] * failing[min(sale + first, rows - 1), age - first]
                fails[age] = found / (1 - share * failing[min(sale + age, rows - 1), 0])
        row = min(sale, vehicle.shape[0] - 1)
        kept, alive = 1.0, 1.0
        for age in range(years - sale):
            lives = vehicle[row, age]
            failed[sale, age] = fails[age] * lives
            ended[sale, age] = (alive - lives) * kept
            alive = lives
            kept -= (1 - share) * fails[age]
            there[sale, age] = lives * kept


@kernel
def _fill(
    sold: Any,
    energy: Any,
    mix: Any,
    pools: Any,
    kind_of: Any,
    vehicle: Any,
    battery: Any,
    second: Any,
    replaced: Any,
    exported_share: Any,
    collected_share: Any,
    reused_share: Any,
    second_share: Any,
    fitted: Any,
    replacements: Any,
    stock: Any,
    left: Any,
    exported: Any,
    collected: Any,
    reused: Any,
    second_life: Any,
    in_second_life: Any,
    processed: Any,
    vehicles: Any,
    packs: Any,
) -> None:
    draws, years, segments, chemistries = mix.shape
    kinds = vehicle.shape[1]
    tables = np.empty((3, kinds, years, years))
    failing, fails = np.empty((battery.shape[2], years)), np.empty(years)
    by_failure, with_vehicle = np.empty((years, chemistries)), np.empty((years, chemistries))
    over = np.empty(years)
    for draw in range(draws):
        for kind in range(kinds):
            _turn(
                vehicle[draw, kind],
                battery[draw, kind],
                replaced[draw, kind],
                failing,
                fails,
                tables[0, kind],
                tables[1, kind],
                tables[2, kind],
            )
        before = 1.0
        for age in range(years):
            over[age] = before - second[draw, age]
            before = second[draw, age]
        for segment in range(segments):
            kind = kind_of[segment]
            each = 1 + pools[draw, segment]
            by_failure[:] = 0
            with_vehicle[:] = 0
            for year in range(years):
                vehicles[draw, year, segment] = 0
                packs[draw, year, segment] = 0
            for sale in range(years):
                count = sold[draw, sale, segment]
                energy_sold = count * energy[draw, sale, segment] * each
                for one in range(chemistries):
                    fitted[draw, sale, segment, one] = energy_sold * mix[draw, sale, segment, one]
                for age in range(years - sale):
                    failed, ended = tables[0, kind, sale, age], tables[1, kind, sale, age]
                    vehicles[draw, sale + age, segment] += count * tables[2, kind, sale, age]
                    packs[draw, sale + age, segment] += count * each * (failed + ended)
                    for one in range(chemistries):
                        amount = fitted[draw, sale, segment, one]
                        by_failure[sale + age, one] += amount * failed
                        with_vehicle[sale + age, one] += amount * ended
            for one in range(chemistries):
                there, elsewhere, share = 0.0, 0.0, second_share[draw, one]
                for year in range(years):
                    new = by_failure[year, one] * replaced[draw, kind]
                    gone = by_failure[year, one] + with_vehicle[year, one]
                    abroad = with_vehicle[year, one] * exported_share[draw]
                    rate = collected_share[draw, year]
                    again = min(reused_share[draw] * rate * (with_vehicle[year, one] - abroad), new)
                    kept = ((gone - abroad) * rate - again) * share
                    there += fitted[draw, year, segment, one] + new - gone
                    replacements[draw, year, segment, one] = new
                    left[draw, year, segment, one] = gone
                    exported[draw, year, segment, one] = abroad
                    collected[draw, year, segment, one] = (gone - abroad) * rate
                    reused[draw, year, segment, one] = again
                    second_life[draw, year, segment, one] = kept
                    stock[draw, year, segment, one] = there
                    back = 0.0
                    if share > 0:
                        for sale in range(year + 1):
                            back += second_life[draw, sale, segment, one] * over[year - sale]
                    elsewhere += kept - back
                    in_second_life[draw, year, segment, one] = elsewhere
                    processed[draw, year, segment, one] = (gone - abroad) * rate - again - kept + back
