"""The equivalent circuit: it conserves charge and energy, warms, and ages one way."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.technology import circuit as module
from voltrail.technology.circuit import (
    HIGH_SOC,
    LOW_SOC,
    POINTS,
    Circuit,
    aged,
    open_circuit_v,
    simulate,
)

SOC = np.linspace(LOW_SOC, HIGH_SOC, POINTS)
CELL = Circuit(ocv_v=3.0 + 1.0 * SOC + 0.1 * np.tanh(20 * SOC), capacity_ah=2.8)
SECONDS = np.arange(0.0, 1801.0)


def test_the_example_in_the_docstring_runs():
    """What the module shows is what it does."""
    assert doctest.testmod(module).failed == 0


def stored_wh(soc_from, soc_to):
    """The energy between two states of charge, by an integral of its own."""
    soc = np.linspace(soc_to, soc_from, 20_001)
    return float(np.trapezoid(open_circuit_v(CELL, soc), soc) * CELL.capacity_ah)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-6, 3), min_size=1, max_size=6), st.floats(-25, 40), st.floats(0.5, 0.9))
def test_energy_and_charge_are_conserved(currents, ambient_c, soc):
    """What leaves the store arrives at the terminals or turns to heat, and the counter of charge agrees."""
    current = np.repeat(currents, 300)[:1801]
    run = simulate(CELL, SECONDS[: len(current)], current, ambient_c=ambient_c, soc=soc)
    last = run.last[0]
    end = run.soc[0, last]
    assert run.charge_ah[0] == pytest.approx((soc - end) * CELL.capacity_ah, abs=1e-9)
    gone = run.delivered_wh[0] + run.heat_wh[0]
    assert gone == pytest.approx(stored_wh(soc, end), abs=2e-4)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 6), st.floats(-30, 20), st.floats(1, 25))
def test_a_warmer_cell_gives_more(current, ambient_c, warmer):
    """The cold never helps, and losses only warm a cell."""
    hour = np.arange(0.0, 4 * 3600, 10.0)
    draw = np.full(len(hour), -current)
    run = simulate([CELL, CELL], hour, draw, ambient_c=ambient_c, soc=1.0)
    other = simulate(CELL, hour, draw, ambient_c=ambient_c + warmer)
    assert other.delivered_wh[0] >= run.delivered_wh[0] - 1e-9
    assert (run.temperature_c[0, : run.last[0] + 1] >= ambient_c - 1e-9).all()
    assert run.delivered_wh[0] == run.delivered_wh[1]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 1), st.floats(1, 3), st.floats(-20, 30))
def test_ageing_only_lowers(capacity, resistance, ambient_c):
    """An older cell gives no more than it did."""
    hour = np.arange(0.0, 4 * 3600, 10.0)
    cells = [CELL, aged(CELL, capacity, resistance)]
    run = simulate(cells, hour, np.full(len(hour), -1.5), ambient_c=ambient_c)
    assert run.delivered_wh[1] <= run.delivered_wh[0] + 1e-9


def test_a_cell_does_not_get_younger():
    """Ageing that makes it better is refused, in words."""
    for capacity, resistance in ((1.1, 1), (0, 1), (0.9, 0.5), (float("nan"), 1)):
        with pytest.raises(UsageError) as told:
            aged(CELL, capacity, resistance)
        assert told.value.rule == "technology.aged"


def test_by_power_is_by_the_current_that_gives_it():
    """A power asked for is what arrives; the same current gives the same voltages."""
    power = np.where(SECONDS % 120 < 60, -8.0, 4.0)
    run = simulate(CELL, SECONDS, power_w=power, ambient_c=-5.0, soc=0.8)
    assert run.voltage_v[0] * run.current_a[0] == pytest.approx(power, rel=1e-6)
    again = simulate(CELL, SECONDS, run.current_a[0], ambient_c=-5.0, soc=0.8)
    assert again.voltage_v[0] == pytest.approx(run.voltage_v[0], rel=1e-9)


def test_more_than_a_cell_can_give_ends_the_run():
    """No voltage is made up where there is none, nor below the least."""
    asked = np.where(SECONDS < 100, -1.0, -4000.0)
    run = simulate(CELL, SECONDS, power_w=asked, ambient_c=-20.0)
    assert run.last[0] <= 100
    assert np.isnan(run.voltage_v[0, run.last[0] + 1 :]).all()
    empty = simulate(CELL, np.arange(0.0, 20_000.0), np.full(20_000, -2.0))
    assert empty.voltage_v[0, empty.last[0]] <= CELL.least_v
    assert (empty.voltage_v[0, : empty.last[0]] > CELL.least_v).all()


def test_resistance_at_rest_by_hand():
    """The first instant of a step shows R0 and nothing else, at 25 °C and by Arrhenius below it."""
    for ambient_c, factor in ((25.0, 1.0), (-20.0, np.exp(2000 * (1 / 253.15 - 1 / 298.15)))):
        run = simulate(CELL, [0.0, 1e-6], [0.0, -1.0], ambient_c=ambient_c, soc=0.5)
        drop_v = run.voltage_v[0, 0] - run.voltage_v[0, 1]
        assert drop_v == pytest.approx(CELL.r0_ohm * factor, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"current_a": [1.0, 2.0]},
        {"current_a": [0.0] * 3, "time_s": [0.0, 1.0, 1.0]},
        {"current_a": [0.0, np.nan, 0.0]},
        {"current_a": [0.0] * 3, "power_w": [0.0] * 3},
        {},
        {"current_a": [0.0] * 3, "ambient_c": -400.0},
        {"current_a": [], "time_s": []},
    ],
)
def test_what_does_not_go_together_is_refused(wrong):
    """No number comes of times that do not rise, of nothing, or of both a current and a power."""
    time_s = wrong.pop("time_s", [0.0, 1.0, 2.0])
    with pytest.raises(UsageError) as told:
        simulate(CELL, time_s, **wrong)
    assert told.value.rule == "technology.trace"
