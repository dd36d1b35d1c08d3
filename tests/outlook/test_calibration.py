"""Lives from registrations and parc: a known truth is found again, and the figures brought along agree."""

from __future__ import annotations

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook.book import Book, Row, book
from voltrail.outlook.calibration import REGISTERED, _there, calibrate
from voltrail.outlook.classes import FIRST, HISTORY
from voltrail.outlook.parameters import parameters
from voltrail.outlook.run import run
from voltrail.outlook.scenario import scenario_of


def figures(parc: dict[int, tuple[float, str]], sold: list[float], share: float) -> Book:
    def row(series: str, year: int, segment: str, value: float, status: str = "verified") -> Row:
        return Row(
            series=series,
            period=str(year),
            segment=segment,
            value=value,
            unit="million",
            status=status,  # type: ignore[arg-type]
            vintage="",
            source="computed",
        )

    rows = [row("nev_parc", year, "all", *told) for year, told in parc.items()]
    for year, value in enumerate(sold, FIRST):
        rows.append(row("nev_sales", year, "all incl. exports", value + 0.1))
        rows.append(row("nev_exports", year, "all", 0.1))
        rows.append(row("nev_registrations", year, "new", value * share))
    return Book(rows)


def test_a_known_life_is_found_again() -> None:
    """From vehicles that last as long as we say, seen exactly over years, that life comes back."""
    sold = list(np.linspace(5, 9, HISTORY))
    there, _ = _there(np.array(sold), np.array(sold) * 0.95, np.zeros(HISTORY))
    life = 24  # 11 years: of vehicles sold at first, most have ended
    parc = {FIRST + year: (float(there[life, 0, year]), "verified") for year in range(4, HISTORY)}
    found = calibrate(figures(parc, sold, 0.95))
    assert found.by_parc_alone.low <= 11 <= found.by_parc_alone.high
    assert found.by_parc_alone.high - found.by_parc_alone.low < 1.5


def test_what_is_only_recalled_weighs_less() -> None:
    """The same figures leave more room where they are recalled than where they are verified."""
    sold = list(np.linspace(5, 9, HISTORY))
    there, _ = _there(np.array(sold), np.array(sold), np.zeros(HISTORY))

    def room(status: str) -> float:
        parc = {FIRST + year: (float(there[28, 0, year]), status) for year in range(4, HISTORY)}
        found = calibrate(figures(parc, sold, 1.0)).by_parc_alone
        return found.high - found.low

    assert room("verified") < room("derived") < room("recalled_unverified")


def test_the_parameters_are_what_calibration_finds() -> None:
    """`parameters.csv` has the life of cars that the series give, with its spread."""
    found, told = calibrate(book()).vehicle_years, parameters()["car.vehicle_years"]
    assert told.value == pytest.approx(found.middle, abs=0.6)
    assert told.low == pytest.approx(found.low, abs=1)
    assert told.high == pytest.approx(found.high, abs=1.5)


def test_the_fit_meets_the_parc() -> None:
    """Every verified figure of the parc is met within 2 %, and wholesale is not taken as registered."""
    found = calibrate(book())
    assert {one.year for one in found.parc} == set(range(2018, 2026))
    for one in found.parc:
        if one.status == "verified":
            assert one.fitted.middle == pytest.approx(one.published, rel=0.02)
    assert REGISTERED[0] < found.registered.low < found.registered.high < 1
    assert found.vehicle_years.high - found.vehicle_years.low < (
        found.by_parc_alone.high - found.by_parc_alone.low
    )


def test_too_few_figures_are_refused() -> None:
    """With hardly any figure of the parc nothing is fitted; the error says how many there are."""
    sold = [1.0] * HISTORY
    with pytest.raises(UsageError, match="2 yearly"):
        calibrate(figures({2018: (2.6, "verified"), 2019: (3.8, "verified")}, sold, 1.0))
    parc = dict.fromkeys(range(2018, 2024), (3.0, "verified"))
    with pytest.raises(UsageError, match="in 2022 was not known"):
        calibrate(figures(parc, sold[:11], 1.0))


def test_what_the_outlook_has_on_the_road_is_the_parc() -> None:
    """The outlook's own vehicles, as far as they were registered, are those on the road, within 5 %."""
    found, there = calibrate(book()), run(scenario_of({}, draws=1)).flows.vehicles[0].sum(axis=1)
    for one in found.parc:
        on_the_road = there[one.year - FIRST] * found.registered.middle / 1e6
        assert on_the_road == pytest.approx(one.published, rel=0.05), one.year
