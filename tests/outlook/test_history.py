"""What vehicles, their batteries and their cells were, weighed against what others count."""

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook import history
from voltrail.outlook.book import Row, book
from voltrail.outlook.classes import CHEMISTRIES, FIRST, HISTORY, LAST, SEGMENTS


@pytest.fixture(scope="module")
def past():
    """Vehicles, kWh and mix."""
    return history.vehicles(book()), history.energy_kwh(book()), history.mix(book())


def at(year):
    """The row of a year."""
    return year - FIRST


def test_everything_is_known_and_sound(past):
    """No year of a segment is missing or negative, and the shares of cells make a whole."""
    vehicles, energy, mix = past
    assert vehicles.shape == energy.shape == (HISTORY, len(SEGMENTS))
    assert np.isfinite(vehicles).all()
    assert (vehicles >= 0).all()
    assert ((energy > 5) & (energy < 600)).all()
    assert mix.shape == (HISTORY, len(SEGMENTS), len(CHEMISTRIES))
    assert (mix >= 0).all()
    assert mix.sum(axis=2) == pytest.approx(1)


@pytest.mark.parametrize("year", range(2018, LAST))
def test_energy_sold_is_what_was_installed(past, year):
    """
    Vehicles at home by their kWh are CABIA's installations within 7 %; exports are in the latter, what is
    imported in the former, and IEA rounds to two digits.
    """
    vehicles, energy, _ = past
    ours = (vehicles * energy)[at(year)].sum() / 1e6
    assert ours == pytest.approx(book().yearly("installed", "total")[year], rel=0.07)


def test_the_last_year_is_what_was_installed_less_what_left(past):
    """Of 2025, which is derived, installations less the batteries of exported vehicles, within 10 %."""
    vehicles, energy, _ = past
    figures = book()
    ours = (vehicles * energy)[-1].sum() / 1e6
    abroad = sum(
        figures.yearly("nev_exports", name)[LAST]
        * energy[-1, SEGMENTS.index(segment)]  # millions by kWh are GWh
        for name, segment in (("BEV", "car_bev"), ("PHEV", "car_phev"))
    )
    assert ours == pytest.approx(figures.yearly("installed", "total")[LAST] - abroad, rel=0.1)


@pytest.mark.parametrize("year", range(FIRST, LAST))
def test_energy_sold_is_what_iea_says_was_needed(past, year):
    """By construction, but for heavy trucks from 2023 on, for which another energy is published."""
    vehicles, energy, _ = past
    ours = (vehicles * energy)[at(year)].sum() / 1e6
    said = sum(
        book().yearly("iea_battery_demand", one).get(year, 0) for one in ("cars", "vans", "buses", "trucks")
    )
    assert ours == pytest.approx(said, rel=0.02)


def test_the_last_year_adds_up(past):
    """Of 2025: cars are CAAM's sales at home less commercial vehicles, trucks the registered ones."""
    last = dict(zip(SEGMENTS, past[0][-1], strict=True))
    assert last["car_bev"] + last["car_phev"] == pytest.approx(16.49e6 - 2.615e6 - 0.871e6, abs=1)
    assert last["truck"] + last["swap_truck"] == pytest.approx(231_100)
    assert last["van"] + last["bus"] + last["truck"] + last["swap_truck"] == pytest.approx(871_000)


def test_swapping_falls_in_the_data(past):
    """The share of trucks that swap rises to 2022 and falls from then on, as published."""
    vehicles = past[0]
    share = vehicles[:, SEGMENTS.index("swap_truck")] / np.maximum(vehicles[:, -2:].sum(axis=1), 1)
    assert share[at(2022)] == pytest.approx(0.624)
    assert (np.diff(share[at(2022) :]) < 0).all()
    assert share[at(2019)] == 0


def test_lfp_is_what_was_installed(past):
    """LFP summed over segments is CABIA's share of it in every year for which both are published."""
    vehicles, energy, mix = past
    figures = book()
    lfp, total = figures.yearly("installed", "LFP"), figures.yearly("installed", "total")
    for year in sorted(set(lfp) & set(total)):
        of = (vehicles * energy)[at(year)]
        assert (of * mix[at(year), :, 0]).sum() / of.sum() == pytest.approx(lfp[year] / total[year], abs=0.01)


def test_an_earlier_vintage_knows_less():
    """Before the year was over it is what growth would have made of it; before IEA told, there is nothing."""
    then = history.vehicles(book(), "2025-06")
    assert then[:-1] == pytest.approx(history.vehicles(book())[:-1])
    assert then[-1].sum() != pytest.approx(history.vehicles(book())[-1].sum())
    with pytest.raises(UsageError, match="none says"):
        history.vehicles(book(), "2020")


def test_a_user_s_figure_counts():
    """Who adds IEA's 2025 has it instead of what was derived."""
    row = Row(
        series="iea_ev_sales",
        period=str(LAST),
        segment="cars BEV",
        value=8e6,
        unit="vehicles",
        status="verified",
        vintage="2026-05",
        source="IEA",
    )
    assert history.vehicles(book().with_rows([row]))[-1, 0] == 8e6
