"""How far off the ageing of `life` and the forecast of `early` are, beside what others measured."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltrail.technology.duty import duty_of, months_of
from voltrail.technology.early import fit, predict_cycle_life, variance_of
from voltrail.technology.life import ageing, interval, law_of

Numbers = NDArray[np.float64]

FLEET: Final = "tesla_fleet/TeslaInfo_Model3LR.csv"
SEVERSON: Final = "severson/"
_KM: Final = 1.609344
_BINS_KM: Final = (0, 20e3, 40e3, 60e3, 80e3, 120e3, 180e3, 300e3)
_FEWEST: Final = 30  # cars of a bin
_NEW_KWH: Final = 77.8  # taken with the figures in view, not told; BLAST-Lite divides by 82
_PLACE_C: Final = 16.0  # the mean of where such cars are; not told
_KM_A_CHARGE: Final = 480.0  # likewise


class Row(NamedTuple):
    """A row of the tables: what is compared, what was measured, what is said, and by how much that is off."""

    table: str
    what: str
    number: int
    measured: float
    said: float
    low: float
    high: float
    off: float
    unit: str


def life_tables(texts: Mapping[str, str]) -> list[Row]:
    """
    Return the rows of both tables for the files that are there, by their paths in the reference data.

    `tesla_fleet/TeslaInfo_Model3LR.csv`; of `severson/`, `train_cycle_lives.csv`, `test1_cycle_lives.csv`,
    and the members of both archives as `train/cell1.csv` and so on.
    """
    rows = fleet_rows(texts[FLEET]) if FLEET in texts else []
    if f"{SEVERSON}train_cycle_lives.csv" in texts:
        rows += cycle_rows(*(_cells(texts, name) for name in ("train", "test1")))
    return rows


def fleet_rows(text: str) -> list[Row]:
    """
    Return what owners told of the energy of their packs, by age and mileage, beside the law of NCA.

    Owners chose to tell it, and what a car says of its pack is an estimate of its own. `off` is in points.
    """
    told = [
        (float(row["Mileage"]) * _KM, float(row["kWh"]) / _NEW_KWH, int(float(row["Year"])))
        for row in csv.DictReader(text.splitlines())
    ]
    km, left, age = (np.array(one) for one in zip(*told, strict=True))
    rows = []
    for years in sorted({one[2] for one in told}):
        for low_km, high_km in pairwise(_BINS_KM):
            which = (age == years) & (km >= low_km) & (km < high_km)
            if which.sum() < _FEWEST:
                continue
            mean_km = float(km[which].mean())
            duty = duty_of("private-car", km_a_year=mean_km / years, km_a_charge=_KM_A_CHARGE)
            own = ageing(law_of("NCA"), duty, months_of(_PLACE_C))
            by_time, by_cycles = own.lost(np.full_like(own.z, years))
            said = interval(1 - by_time - by_cycles)
            measured = float(left[which].mean())
            rows.append(
                Row(
                    "fleet", f"{years} years, {mean_km:,.0f} km", int(which.sum()), measured, *said,
                    said.middle - measured, "of new",
                )
            )  # fmt: skip
    return rows


def cycle_rows(train: list[tuple[float, float, str]], test: list[tuple[float, float, str]]) -> list[Row]:
    """
    Return each cell of the test beside what was said of it after a hundred cycles, by a line fitted on train.

    Cells are (cycles, variance, name); `off` is relative. The last two rows are means of its size, over all
    cells and without the one that died first.
    """
    line = fit([one[1] for one in train], [one[0] for one in train])
    rows = []
    for cycles, variance, name in test:
        # A curve of that variance: the line knows no more of a cell.
        curve = np.sqrt(variance) * np.tile([-1.0, 1.0], 10)
        said = predict_cycle_life(np.zeros_like(curve), curve, line)
        rows.append(Row("cycle life", name, 1, cycles, *said, said.middle / cycles - 1, "cycles"))
    first = min(rows, key=lambda one: one.measured)
    others = [one for one in rows if one is not first]
    return [*rows, _mean_of("all", rows), _mean_of("without the one that died first", others)]


def _mean_of(what: str, rows: list[Row]) -> Row:
    """Return the means of rows; of `off` that of its size."""
    measured, said, low, high = (float(one) for one in np.mean([one[3:7] for one in rows], axis=0))
    off = float(np.mean([abs(one.off) for one in rows]))
    return Row("cycle life, mean error", what, len(rows), measured, said, low, high, off, "cycles")


def _cells(texts: Mapping[str, str], name: str) -> list[tuple[float, float, str]]:
    lives = [float(one) for one in texts[f"{SEVERSON}{name}_cycle_lives.csv"].split()]
    return [(cycles, _variance(texts, name, k), f"cell {k}") for k, cycles in enumerate(lives, 1)]


def _variance(texts: Mapping[str, str], name: str, cell: int) -> float:
    """Return the variance of a cell whose file has a column for each cycle from 2 to 100."""
    lines = texts[f"{SEVERSON}{name}/cell{cell}.csv"].split("\n")
    points = [line.split(",") for line in lines if line]
    return variance_of([float(one[8]) for one in points], [float(one[98]) for one in points])
