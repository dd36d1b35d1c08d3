"""A published calculation of retired batteries, from its own inputs: it checks the code, not the market."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from voltrail.outlook.stock import turnover
from voltrail.outlook.survival import SHAPE, ages, scale_of, weibull

AGES = 21  # 0 to 20
Told = dict[tuple[str, str, str], float]


@pytest.mark.parametrize(("group", "vehicles"), [("pev", "passenger"), ("cev", "commercial")])
def test_every_year_is_that_of_the_published_calculation(reference: Path, group: str, vehicles: str) -> None:
    """
    Tonnes of every year to 2030, each of 2020 to 2030 among them, are within 0.1 kt of those published.

    GWh cannot be told: the inputs say what a pack weighs and not what it holds.
    """
    folder = reference / "market"
    rows = {int(row["year"]): row for row in _table(folder / "eol_check_bs.csv")}
    shares = json.loads((folder / "eol_check_shares.json").read_text(encoding="utf-8"))[
        f"{group.upper()}_SHARE"
    ]
    told = {
        (row["series"], row["period"], row["segment"]): float(row["value"])
        for row in _table(folder / "lifetime_parameters.csv")
    }
    sales = {year: float(row[f"input_{group}_sales"]) for year, row in rows.items()}
    found = _retired_kt(sales, shares, told, group.upper(), vehicles)
    wanted = {year: float(text) for year, row in rows.items() if (text := row[f"expected_{group}_kt"])}
    assert set(range(2020, 2031)) <= set(wanted)
    for year, tonnes in wanted.items():
        assert found[year] == pytest.approx(tonnes, abs=0.1), year


def _retired_kt(
    sales: dict[int, float], shares: dict[str, list], told: Told, group: str, vehicles: str
) -> dict[int, float]:
    """Return what retires by year, by the functions of the product: all bought at the end of a year."""
    age, found = ages(AGES, "end"), dict.fromkeys(range(2015, 2060), 0.0)
    heavier = sum(
        told["bcev_type_share", "CEV", kind] * told["bcev_mass_factor", "CEV", kind]
        for series, _, kind in told
        if series == "bcev_type_share"
    )
    for year, by_type in zip(shares["index"], shares["data"], strict=True):
        mean = next(
            life
            for (series, period, segment), life in told.items()
            if series == "vehicle_mean_life" and segment == vehicles and _within(year, period)
        )
        vehicle = weibull(age, SHAPE, scale_of(mean, SHAPE))[None]
        for kind, share in zip(shares["columns"], by_type, strict=True):
            shape, scale, mass_kg = (
                told[name, group, kind]
                for name in ("battery_weibull_shape", "battery_weibull_scale", "battery_mass")
            )
            turned = turnover(vehicle, weibull(age, shape, scale)[None], once=True)
            kt = sales[year] * share * mass_kg * (heavier if kind.startswith("BCEV") else 1) / 1e6
            for later, packs in enumerate(np.sum([turned.failed[0], turned.ended[0]], axis=0)):
                found[year + later] += packs * kt
    return found


def _within(year: int, period: str) -> bool:
    first, last = period.removesuffix(" sales").split("-")
    return int(first) <= year <= int(last)


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
