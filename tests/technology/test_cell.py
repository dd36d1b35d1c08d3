"""Types of cells: each number has its standing, and the laws go the way they must."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.technology import cell as module
from voltrail.technology.cell import (
    CELLS,
    cold_curve,
    delivered_fraction,
    draw,
    loss_fraction,
    usable_fraction,
)

STANDINGS = {
    "measured_by_maker",
    "measured_by_carmaker",
    "reported",
    "claimed",
    "target",
    "derived",
    "recalled",
    "assumption",
}
SOME = st.sampled_from(list(CELLS.values()))


def test_the_example_in_the_docstring_runs():
    """What the module shows is what it does."""
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_each_number_says_where_it_is_from(cell):
    """No number stands without its source and how sure it is, and low, middle, high are in their order."""
    for row in cell.parameters.values():
        assert row.standing in STANDINGS
        assert row.source
        if row.unit != "text":
            low, middle, high = row.spread
            assert low <= middle <= high


def test_a_claim_of_one_number_gets_no_interval_of_ours():
    """An interval around a claim would look like evidence."""
    for cell in CELLS.values():
        row = cell.parameters["wh_per_kg"]
        if row.standing in {"claimed", "target"}:
            assert row.low == float(row.value) == row.high


@settings(max_examples=150, deadline=None)
@given(SOME, st.floats(-60, 60), st.floats(0, 30), st.floats(0, 4), st.floats(0, 2))
def test_cold_and_haste_take_away(cell, temperature_c, warmer, rate, faster):
    """For each draw the usable share is in 0 to 1, rises with warmth, falls with the rate; losses do not."""
    drawn = draw(cell, 50, np.random.default_rng(7))
    for law, sign in ((usable_fraction, 1), (delivered_fraction, 1), (loss_fraction, -1)):
        here = law(drawn, temperature_c, rate)
        assert np.isfinite(here).all()
        assert (here >= 0).all()
        assert (sign * law(drawn, temperature_c + warmer, rate) >= sign * here - 1e-12).all()
        assert (sign * law(drawn, temperature_c, rate + faster) <= sign * here + 1e-12).all()
    assert (usable_fraction(drawn, temperature_c, rate) <= 1).all()
    assert (loss_fraction(drawn, temperature_c, rate) < 1).all()


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_first_draw_is_the_middle(cell):
    """A table and its interval speak of the same cell."""
    drawn = draw(cell, 2000, np.random.default_rng(3))
    assert drawn.wh_per_kg[0] == cell.wh_per_kg[1]
    for law in (usable_fraction, loss_fraction):
        assert law(drawn, -15.0, 0.5)[0] == pytest.approx(law(cell, -15.0, 0.5))
    low, high = np.quantile(drawn.resistance_ohm_ah, (0.05, 0.95))
    assert low == pytest.approx(cell.resistance_ohm_ah[0], rel=0.05)
    assert high == pytest.approx(cell.resistance_ohm_ah[2], rel=0.05)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_nominal_is_nominal(cell):
    """At 25 °C and a third of the capacity an hour a cell gives all of its energy, by definition."""
    assert delivered_fraction(cell, 25.0, module.NOMINAL_RATE) == pytest.approx(1)


def test_a_chart_has_its_middle_within():
    """Low, middle and high are in their order and reach 1 at 25 °C."""
    temperatures_c, low, middle, high = cold_curve(CELLS["lfp-liquid"])
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert middle[temperatures_c == 25.0] == pytest.approx(1)
    assert high[0] - low[0] > 0.1
