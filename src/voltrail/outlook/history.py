"""
What the series say of each segment up to the last year of history: vehicles at home, kWh, mix.

The figures are published for other groups than ours, so that some of it is derived; each function says how.
What is not published but assumed stands in the constants below. `tests/outlook/test_history.py` weighs the
whole against what CABIA counts as installed and what IEA estimates as demand.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.book import Book
from voltrail.outlook.classes import CHEMISTRIES, FIRST, HISTORY, LAST, SEGMENTS, YEARS

FloatArray = npt.NDArray[np.float64]

_IEA: Final = {  # of each segment; buses, vans and trucks with their few plug-in hybrids
    "car_bev": ("cars BEV",),
    "car_phev": ("cars PHEV",),
    "van": ("vans BEV", "vans PHEV"),
    "bus": ("buses BEV", "buses PHEV"),
    "truck": ("trucks BEV", "trucks PHEV"),
}
_DEMAND: Final = {"van": "vans", "bus": "buses", "truck": "trucks"}
_COMMERCIAL_LFP: Final = 0.95  # of vans, buses and trucks, by energy: an assumption, published nowhere
_CARS: Final = [SEGMENTS.index("car_bev"), SEGMENTS.index("car_phev")]
_WORK: Final = [SEGMENTS.index(one) for one in ("van", "bus", "truck", "swap_truck")]
_TRUCK: Final = SEGMENTS.index("truck")
_SWAP: Final = SEGMENTS.index("swap_truck")
_HYBRID: Final = 0.45  # a hybrid's battery beside an electric car's where nothing is published: an assumption
_MONTHS: Final = 12


def vehicles(book: Book, known_at: str = "9999") -> FloatArray:
    """
    Return the new-energy vehicles registered at home: (years of history, segments).

    As IEA counts them, to two digits, as far as it does (2024). The year after is derived: battery-electric
    cars are the sum of twelve months; plug-in hybrid ones what is left of CAAM's sales at home (all less
    exports less commercial ones); heavy trucks are as registered, and stand for all trucks, fuel cells among
    them; buses as the year before (an assumption); vans what is left of commercial vehicles at home. Where
    that is not known yet at `known_at`, the year grows as the one before. Trucks that swap are the counted
    ones to 2021, later the published share of battery-electric heavy trucks.

    Raises UsageError where nothing was known at `known_at`.
    """
    counted = np.full((HISTORY, len(SEGMENTS)), np.nan)
    for segment, names in _IEA.items():
        column = SEGMENTS.index(segment)
        for name in names:
            for year, value in book.yearly("iea_ev_sales", name, known_at=known_at).items():
                if FIRST <= year <= LAST:
                    counted[year - FIRST, column] = np.nan_to_num(counted[year - FIRST, column]) + value
    if np.isnan(counted[:, _CARS[0]]).all():
        raise UsageError(
            "outlook.known_at",
            f"Of the figures that were known at {known_at}, none says how many vehicles were sold.",
            "Take a later vintage: from 2025-05 on, or leave known_at out.",
        )
    counted[:-1] = np.nan_to_num(counted[:-1])
    derived = _last_year(book, known_at, buses=counted[-2, SEGMENTS.index("bus")])
    grown = counted[-2] * np.clip(counted[-2] / np.maximum(counted[-3], 1), 0.5, 2)
    for known in (derived, grown):
        counted[-1] = np.where(np.isnan(counted[-1]), known, counted[-1])
    swapping = _swapping(book, counted[:, _TRUCK], known_at)
    counted[:, _TRUCK] -= swapping
    counted[:, _SWAP] = swapping
    return counted


def energy_kwh(book: Book, known_at: str = "9999") -> FloatArray:
    """
    Return the mean energy of a vehicle's battery, kWh: (years of history, segments).

    IEA's battery demand over its sales. Its demand of cars is parted between battery-electric and plug-in
    hybrid ones as in the year for which the former's energy is published: a hybrid's battery is so many times
    smaller in all years (an assumption). From the year for which the energy of heavy trucks is published on,
    that holds, for trucks that swap too (an assumption). What is not known is as in the nearest year.
    """
    sold = vehicles(book, known_at)
    energy = np.full((HISTORY, len(SEGMENTS)), np.nan)
    for segment, name in _DEMAND.items():
        column = SEGMENTS.index(segment)
        fleet = sold[:, column] + (sold[:, _SWAP] if segment == "truck" else 0)
        for year, gwh in book.yearly("iea_battery_demand", name, known_at=known_at).items():
            if FIRST <= year <= LAST and fleet[year - FIRST]:
                energy[year - FIRST, column] = gwh * 1e6 / fleet[year - FIRST]
    for year, kwh in book.yearly("kwh_per_vehicle", "BE heavy truck", known_at=known_at).items():
        energy[max(year - FIRST, 0) :, _TRUCK] = kwh
    energy[:, _SWAP] = energy[:, _TRUCK]
    whole = book.yearly("iea_battery_demand", "cars", known_at=known_at)
    published = book.yearly("kwh_per_vehicle", "BEV passenger", known_at=known_at)
    smaller = _hybrid(sold, whole, published)
    for year, gwh in whole.items():
        if FIRST <= year <= LAST:
            electric, hybrid = sold[year - FIRST, _CARS]
            energy[year - FIRST, _CARS[0]] = gwh * 1e6 / (electric + smaller * hybrid)
    for year, kwh in published.items():
        if FIRST <= year <= LAST:
            energy[year - FIRST, _CARS[0]] = kwh
    energy[:, _CARS[1]] = energy[:, _CARS[0]] * smaller
    return np.stack([_filled(column) for column in energy.T], axis=1)


def mix(book: Book, known_at: str = "9999") -> FloatArray:
    """
    Return the share of each chemistry, by energy: (years of history, segments, chemistries).

    CABIA publishes LFP of all that is installed, not by segment. Commercial vehicles have LFP but for a
    twentieth (an assumption); cars have what is then left of it. Among ternary cells the kinds are as in the
    shares of battery-electric cars that the end-of-life study takes. Years between are interpolated, those
    before the first are as the first.
    """
    gwh = vehicles(book, known_at) * energy_kwh(book, known_at)
    total = book.yearly("installed", "total", known_at=known_at)
    lfp = np.full(HISTORY, np.nan)
    for year, value in book.yearly("installed", "LFP", known_at=known_at).items():
        if FIRST <= year <= LAST and year in total:
            lfp[year - FIRST] = value / total[year]
    cars, work = gwh[:, _CARS].sum(axis=1), gwh[:, _WORK].sum(axis=1)
    of_cars = np.clip((lfp * (cars + work) - _COMMERCIAL_LFP * work) / cars, 0, 1)
    of_cars = _filled(of_cars)
    kinds = np.stack([_kinds(book, kind, known_at) for kind in CHEMISTRIES[1:]], axis=1)
    kinds /= kinds.sum(axis=1, keepdims=True)
    shares = np.zeros((HISTORY, len(SEGMENTS), len(CHEMISTRIES)))
    for segment in range(len(SEGMENTS)):
        of_lfp = of_cars if segment in _CARS else np.full(HISTORY, _COMMERCIAL_LFP)
        shares[:, segment, 0] = of_lfp
        shares[:, segment, 1:] = (1 - of_lfp)[:, None] * kinds
    return shares


def _last_year(book: Book, known_at: str, buses: float) -> FloatArray:
    def of(series: str, segment: str) -> float:
        return book.yearly(series, segment, known_at=known_at).get(LAST, np.nan) * 1e6

    months = [
        row.value
        for row in book.of("passenger_bev_sales", known_at=known_at)
        if row.period.startswith(f"{LAST}-") and row.value is not None
    ]
    electric = sum(months) if len(months) == _MONTHS else np.nan
    work = of("nev_sales", "commercial vehicles, domestic")
    cars = of("nev_sales", "all incl. exports") - of("nev_exports", "all") - work
    trucks = of("ne_hdt_sales", "all") / 1e6
    derived = {
        "car_bev": electric,
        "car_phev": cars - electric,
        "van": work - trucks - buses,
        "bus": buses if np.isfinite(work) else np.nan,
        "truck": trucks,
    }
    return np.array([derived.get(segment, np.nan) for segment in SEGMENTS])


def _swapping(book: Book, trucks: FloatArray, known_at: str) -> FloatArray:
    swapping = np.zeros(HISTORY)
    shares: dict[int, float] = {}
    for row in book.of("swap_share_of_be_hdt", known_at=known_at):
        if row.value is not None:  # of the last year a month alone is known
            shares.setdefault(int(row.period[:4]), row.value / 100)
    counted = book.yearly("swap_hdt_sales", known_at=known_at)
    first = min((*shares, *counted), default=LAST + 1)
    share = 0.0
    for year in range(first, LAST + 1):
        share = shares.get(year, share)
        at = year - FIRST
        swapping[at] = min(counted.get(year, share * trucks[at]), trucks[at])
    return swapping


def _hybrid(sold: FloatArray, whole: dict[int, float], published: dict[int, float]) -> float:
    """Return how large a hybrid's battery is beside a battery-electric car's."""
    for year in sorted(set(whole) & set(published), reverse=True):
        electric, hybrid = sold[year - FIRST, _CARS]
        return float((whole[year] * 1e6 - electric * published[year]) / hybrid / published[year])
    return _HYBRID


def _kinds(book: Book, kind: str, known_at: str) -> FloatArray:
    del known_at  # published once
    share = np.full(HISTORY, np.nan)
    for year, value in book.yearly("type_share", kind).items():
        if FIRST <= year <= LAST:
            share[year - FIRST] = value
    return _filled(share)


def _filled(values: FloatArray) -> FloatArray:
    """Return the values, interpolated between known years, and outside them as in the nearest."""
    known = np.isfinite(values)
    years = YEARS[:HISTORY]
    return np.interp(years, years[known], values[known])
