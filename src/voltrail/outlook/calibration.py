"""
How long vehicles last, by how many were registered and how many are still on the road.

The parc counts vehicles with a valid registration, not batteries: it says when vehicles end, used exports
among the ends, and nothing of packs that were replaced in between. What came in is registrations where they
were published, else what the makers sold (wholesale) less exports; of that not all came to be registered in
time, so the share that did is fitted as well. Both are weighed on a grid: by how well the parc of each year
is met, and by what was published of lives. Commercial vehicles are too few for the parc to tell their lives;
theirs are taken as the parameters have them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.book import Book
from voltrail.outlook.classes import FIRST, HISTORY, LAST
from voltrail.outlook.parameters import parameters
from voltrail.outlook.stock import improvement, lasting, turnover
from voltrail.outlook.survival import ages

FloatArray = npt.NDArray[np.float64]

ERROR: Final = {"verified": 0.01, "derived": 0.015}
"""By how much of its value a figure of the parc may be wrong, one standard deviation, by status."""
ERROR_ELSE: Final = 0.04  # recalled, compiled, estimated: such figures weigh a sixteenth of verified ones
LIVES: Final = np.linspace(5, 40, 141)  # mean years of a car sold in 2025
REGISTERED: Final = np.linspace(0.8, 1.1, 121)
PUBLISHED: Final = (12.0, 16.0)
"""Mean years of a car: the calculation whose lives `lifetimes.csv` has, of 2025, and MATILDA."""
_PRIOR: Final = 0.25  # standard deviation of the log of a mean life, about what was published
_LEAST: Final = 4  # figures of the parc


class Interval(NamedTuple):
    """The middle, and between which nine of ten lie."""

    middle: float
    low: float
    high: float


class Parc(NamedTuple):
    """Vehicles at the end of a year, million: as published, and as the fit has them."""

    year: int
    published: float
    status: str
    fitted: Interval


class Calibration(NamedTuple):
    """
    What registrations and parc say.

    vehicle_years   mean life of a car sold in 2025, with what was published of lives
    by_parc_alone   the same without: how much, or little, the parc itself tells
    registered      share of wholesale less exports that was registered
    deregistered    vehicles that ended in the last of those years, million
    parc            each figure that was used
    """

    vehicle_years: Interval
    by_parc_alone: Interval
    registered: Interval
    deregistered: Interval
    parc: tuple[Parc, ...]


def calibrate(figures: Book, known_at: str = "9999") -> Calibration:
    """Fit lives and the registered share. Raises UsageError where the figures are too few."""
    published = {
        int(row.period): row
        for row in figures.of("nev_parc", "all", known_at=known_at)
        if row.period.isdigit() and row.value is not None and FIRST <= int(row.period) <= LAST
    }
    if len(published) < _LEAST:
        raise UsageError(
            "outlook.calibration",
            f"Of the vehicles on the road {len(published)} yearly figures were known.",
            f"Take a vintage that knows {_LEAST} or more.",
        )
    sold, registered = _sold(figures, known_at), _registered(figures, known_at)
    last = max(published)
    missing = np.flatnonzero((np.isnan(sold) & np.isnan(registered))[: last - FIRST + 1]) + FIRST
    if missing.size:
        raise UsageError(
            "outlook.calibration",
            f"What was sold or registered in {missing[0]} was not known.",
            "Take a vintage that knows every year up to the last figure of the vehicles on the road.",
        )
    there, ended = _there(sold, registered, _commercial(figures, known_at))
    years = np.array(sorted(published)) - FIRST
    values = np.array([published[FIRST + year].value for year in years], float)
    errors = np.array([ERROR.get(published[FIRST + year].status, ERROR_ELSE) for year in years])
    misfit = (((there[..., years] / values - 1) / errors) ** 2).sum(axis=-1)
    alone = np.exp(-(misfit - misfit.min()) / 2)
    middle = np.log(PUBLISHED).mean()
    both = alone * np.exp(-(((np.log(LIVES) - middle) / _PRIOR) ** 2) / 2)[:, None]
    return Calibration(
        vehicle_years=_interval(LIVES[:, None], both),
        by_parc_alone=_interval(LIVES[:, None], alone),
        registered=_interval(REGISTERED, both),
        deregistered=_interval(ended[..., last - FIRST], both),
        parc=tuple(
            Parc(
                FIRST + int(year),
                float(value),
                published[FIRST + year].status,
                _interval(there[..., year], both),
            )
            for year, value in zip(years, values, strict=True)
        ),
    )


def _sold(figures: Book, known_at: str) -> FloatArray:
    """
    Return what makers sold at home in each year of history, million: wholesale, less exports.

    Not a number where that was not known; before exports were counted apart there were few.
    """
    sales = figures.yearly("nev_sales", "all incl. exports", known_at=known_at)
    exports = figures.yearly("nev_exports", "all", known_at=known_at)
    years = range(FIRST, LAST + 1)
    return np.array([sales.get(year, np.nan) - exports.get(year, 0.0) for year in years])


def _registered(figures: Book, known_at: str) -> FloatArray:
    """Return the new registrations of each year of history, million; not a number where not published."""
    told = figures.yearly("nev_registrations", "new", known_at=known_at)
    return np.array([told.get(year, np.nan) for year in range(FIRST, LAST + 1)])


def _commercial(figures: Book, known_at: str) -> FloatArray:
    """Return the share of commercial vehicles in each year's sales; the last known one goes on."""
    cars, others = np.zeros(HISTORY), np.zeros(HISTORY)
    for kind in ("cars", "vans", "buses", "trucks"):
        for drive in ("BEV", "PHEV"):
            for year, value in figures.yearly("iea_ev_sales", f"{kind} {drive}", known_at=known_at).items():
                if FIRST <= year <= LAST:
                    (cars if kind == "cars" else others)[year - FIRST] += value
    known = np.flatnonzero(cars)
    share = others[known] / (cars + others)[known]
    return np.interp(np.arange(HISTORY), known, share) if known.size else np.zeros(HISTORY)


def _there(sold: FloatArray, registered: FloatArray, commercial: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what is there at each year's end and what ended in it: (lives, shares registered, years)."""
    table, age = parameters(), ages(HISTORY)
    longer = improvement()[:2, :HISTORY]
    replaced = table["replaced_percent"].value / 100
    cars, others = (
        turnover(
            lasting(age, mean * row),
            lasting(age, np.array([table[f"{kind}.battery_years"].value])),
            replaced,
        ).there
        for mean, row, kind in (
            (LIVES[:, None], longer[0], "car"),
            (np.array([[table["commercial.vehicle_years"].value]]), longer[1], "commercial"),
        )
    )
    came = np.nan_to_num(np.where(np.isnan(registered), sold * REGISTERED[:, None], registered))
    there = np.zeros((len(LIVES), len(REGISTERED), HISTORY))
    for sale in range(HISTORY):
        rest = slice(0, HISTORY - sale)
        kept = cars[:, sale, rest] * (1 - commercial[sale]) + others[:, sale, rest] * commercial[sale]
        there[..., sale:] += kept[:, None] * came[:, sale, None]
    return there, came - np.diff(there, axis=-1, prepend=0)


def _interval(values: FloatArray, weights: FloatArray) -> Interval:
    """Return the weighted interval of values on the grid."""
    each, where = np.unique(np.broadcast_to(values, weights.shape), return_inverse=True)
    weight = np.bincount(where.ravel(), weights.ravel())
    below = np.cumsum(weight) - weight / 2
    low, middle, high = np.interp(np.array([0.05, 0.5, 0.95]) * weight.sum(), below, each)
    return Interval(float(middle), float(low), float(high))
