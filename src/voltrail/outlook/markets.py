"""What the loop needs of the past beside vehicles: shares, prices, grants, the world's need, exports."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from voltrail.outlook import history
from voltrail.outlook.book import Book
from voltrail.outlook.classes import FIRST, GROUPS, HISTORY, LAST, YEARS
from voltrail.outlook.loop import Past, of_groups

FloatArray = npt.NDArray[np.float64]

_IEA: Final = {"car": "cars", "van": "vans", "bus": "buses", "truck": "trucks"}
_DOMESTIC: Final = 0.69
"""Of heavy trucks sold wholesale so many were registered at home: 603 of 902 thousand in 2024, 800 of 1,137
thousand in 2025. Used for 2021 to 2023, where only the wholesale total is known."""


def past(book: Book, known_at: str = "9999") -> Past:
    """Return all that the loop starts from, as the figures were known at a vintage."""
    vehicles = history.vehicles(book, known_at)
    world = _summed(book, "iea_battery_demand_world", known_at)
    china = _summed(book, "iea_battery_demand", known_at, but="two- and three-wheelers")
    return Past(
        vehicles,
        history.energy_kwh(book, known_at),
        history.mix(book, known_at),
        shares(book, known_at, vehicles),
        prices(book, known_at),
        _grants(book, known_at),
        world - china,
        world,
        _kept_up(_yearly(book, "nev_exports", "all", known_at)) * 1e6,
        _yearly(book, "battery_exports", "power batteries", known_at),
        _kept_up(_swap(book, known_at)),
    )


def shares(book: Book, known_at: str, vehicles: FloatArray) -> FloatArray:
    """
    Return the share of new-energy vehicles in sales at home, 0 to 1: (years of history, groups).

    Until 2024 as the IEA has it. 2025: of cars, sales at home less commercial vehicles; of vans and buses,
    the vehicles of 2025 in the market of 2024, since nothing else was read. Trucks are the IEA's medium and
    heavy ones until 2020 and heavy trucks from 2021 on: other things, and a step between them; those of 2021
    to 2023 are over an estimate of the market, see `_DOMESTIC`.
    """
    share = np.zeros((HISTORY, len(GROUPS)))
    for column, group in enumerate(GROUPS):
        share[:, column] = _yearly(book, "iea_ev_sales_share", _IEA[group], known_at) / 100
    truck = GROUPS.index("truck")
    for year, units in book.yearly("ne_hdt_sales", "all", known_at=known_at).items():
        market = book.yearly("hdt_sales", "wholesale incl. exports", known_at=known_at).get(year)
        if 2021 <= year <= LAST and market:
            share[year - FIRST, truck] = units / (market * _DOMESTIC)
    for segment in ("all", "domestic registrations"):
        for year, percent in book.yearly("ne_hdt_share", segment, known_at=known_at).items():
            share[year - FIRST, truck] = percent / 100
    share[-1, 0] = _cars_of_2025(book, known_at)
    for group in ("car", "van", "bus"):
        column = GROUPS.index(group)
        sold = of_groups(vehicles)[:, column]
        grown = min(share[-2, column] * sold[-1] / max(sold[-2], 1.0), 0.9)
        share[-1, column] = share[-1, column] or grown
    share[-1, truck] = share[-1, truck] or share[-2, truck]
    return share


def prices(book: Book, known_at: str = "9999") -> FloatArray:
    """Return the price of a pack, the mean of all sectors, dollars of 2025 a kWh: (years of history,)."""
    index = _yearly(book, "us_consumer_prices", "1982-84 = 100", "9999")
    price = np.zeros(HISTORY)
    for row in book.of("pack_price", known_at=known_at):
        segment, _, money = row.segment.partition(", ")
        if segment == "all sectors" and row.period.isdigit() and int(row.period) >= FIRST and row.value:
            year = int(row.period)
            of = year if money == "nominal" else int(money.split()[0])
            price[year - FIRST] = row.value * index[-1] / index[of - FIRST]
    return _kept_up(price)


def swap_shares(book: Book, known_at: str = "9999") -> dict[str, float]:
    """Return the share of trucks that swap in battery-electric heavy trucks, %, by year or month."""
    rows = book.of("swap_share_of_be_hdt", known_at=known_at)
    return {row.period: row.value for row in rows if row.value is not None}


def _swap(book: Book, known_at: str) -> FloatArray:
    share = np.zeros(HISTORY)
    for period, percent in swap_shares(book, known_at).items():
        share[int(period[:4]) - FIRST] = percent / 100
    return share


def _cars_of_2025(book: Book, known_at: str) -> float:
    def of(series: str, segment: str) -> float:
        return book.yearly(series, segment, known_at=known_at).get(LAST, np.nan)

    new = of("nev_sales", "all incl. exports") - of("nev_exports", "all")
    new -= of("nev_sales", "commercial vehicles, domestic")
    everything = of("vehicle_sales", "all incl. exports") - of("vehicle_exports", "all")
    commercial = of("nev_sales", "commercial vehicles, domestic") / 0.269  # 26.9 % of them were new-energy
    part = new / (everything - commercial)
    return float(np.nan_to_num(part))  # 0 where something of it is not known yet


def _grants(book: Book, known_at: str) -> FloatArray:
    return np.stack([_yearly(book, "grant", group, known_at) for group in GROUPS], axis=1)


def _kept_up(values: FloatArray) -> FloatArray:
    """Return yearly values where a missing one is as the year before."""
    for year in range(1, len(values)):
        values[year] = values[year] or values[year - 1]
    return values


def _yearly(book: Book, series: str, segment: str, known_at: str) -> FloatArray:
    found = book.yearly(series, segment, known_at=known_at)
    return np.array([found.get(int(year), 0.0) for year in YEARS[:HISTORY]])


def _summed(book: Book, series: str, known_at: str, but: str = "") -> FloatArray:
    """Return the sum over segments for 2011 to 2030, GWh, grown evenly where a year is missing."""
    summed: dict[int, float] = {}
    for row in book.of(series, known_at=known_at):
        if row.segment != but and row.value is not None and row.period.isdigit():
            summed[int(row.period)] = summed.get(int(row.period), 0.0) + row.value
    known = sorted(summed)
    filled = np.interp(np.arange(FIRST, 2031), known, np.log([summed[year] for year in known]))
    return np.asarray(np.exp(filled))
