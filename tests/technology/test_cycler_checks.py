"""Checks of a cycler's file: each finds its fault, at its place, and a good file passes them all."""

import numpy as np
import pytest

from tests.technology import cycling
from voltrail.technology.cycler import read
from voltrail.technology.cycler_checks import WINDOWS_V
from voltrail.technology.cycler_look import look
from voltrail.technology.cycler_results import Stated


def checked(data, capacity_ah=None, chemistry=None):
    """Return the checks of a file by what they are about; of several the worst."""
    found = look(read(data), Stated(capacity_ah), chemistry).checks
    order = ("passed", "warn", "fail")
    return {one.about: one for one in sorted(found, key=lambda one: order.index(one.standing))}


def table(time, voltage, current, *more, headers=cycling.HEADERS[:3]):
    """Return a file of these columns."""
    return cycling.csv(headers, time, voltage, current, *more)


@pytest.fixture
def good():
    """Time, voltage, current, temperature of a charge and a discharge."""
    return cycling.course([(0.0, 100), (1.0, 3600), (0.0, 100), (-1.0, 3600), (0.0, 100)], start=0.2)


def test_a_good_file_passes():
    """Nothing is made of nothing."""
    found = checked(cycling.bdf(), 2.0, "NMC")
    assert {one.standing for one in found.values()} == {"passed"}


def test_a_gap_is_told_with_its_length_and_charge(good):
    """600 s under 1 A: 1/6 Ah may be missing, at the line behind it, and no sum holds it."""
    time, voltage, current, _ = good
    kept = (time < 1000) | (time >= 1600)
    data = table(time[kept], voltage[kept], current[kept])
    one = checked(data)["gaps"]
    assert (one.standing, one.values["longest"]) == ("fail", 610)
    assert one.values["missing"] == pytest.approx(610 / 3600, rel=1e-3)
    assert one.lines == (102,)
    assert look(read(data)).cycles.charge_ah[0] == pytest.approx(1 - 610 / 3600, rel=0.01)


def test_a_pause_without_current_is_no_gap(good):
    """Cyclers look seldom while a cell rests."""
    time, voltage, current, _ = good
    later = np.where(time >= 3750, time + 7200, time)
    assert checked(table(later, voltage, current))["gaps"].standing == "passed"


def test_a_clock_that_runs_back(good):
    """The line is named."""
    time, voltage, current, _ = good
    time = time.copy()
    time[50:] -= 300
    one = checked(table(time, voltage, current))["time"]
    assert (one.standing, one.lines) == ("fail", (52,))


def test_rows_that_stand_there_twice(good):
    """The same sample again is told; two steps that meet in one moment are none."""
    time, voltage, current, _ = (np.insert(one, 30, one[30]) for one in good)
    assert checked(table(time, voltage, current))["duplicates"].standing == "warn"
    current[30] += 0.5
    voltage[30] += 0.01
    assert checked(table(time, voltage, current))["duplicates"].standing == "passed"


@pytest.mark.parametrize("factor", [1000, 0.001])
def test_a_current_a_thousand_times_off(good, factor):
    """By the capacity stated it is seen that mA are read as A, or the other way round."""
    time, voltage, current, _ = good
    assert checked(table(time, voltage, current), 2.0)["current"].standing == "passed"
    assert checked(table(time, voltage, factor * current), 2.0)["current"].standing == "fail"


@pytest.mark.parametrize("chemistry", [None, *WINDOWS_V])
def test_millivolts_lie_outside_every_window(good, chemistry):
    """Volts that are a thousand times too many are told with and without a chemistry."""
    time, voltage, current, _ = good
    one = checked(table(time, 1000 * voltage, current), chemistry=chemistry)["voltage"]
    assert (one.standing, one.lines[0]) == ("fail", 2)


def test_another_chemistry_than_stated(good):
    """4.1 V is no cell of lithium titanate."""
    assert checked(table(*good[:3]), chemistry="LTO")["voltage"].standing == "fail"


def test_the_sign_is_found_and_stated(good):
    """Discharging positive is told; so is that nothing shows it."""
    time, voltage, current, _ = good
    assert checked(table(time, voltage, current))["sign"].standing == "passed"
    turned = checked(table(time, voltage, -current))["sign"]
    assert (turned.standing, "positive in this file" in turned.words) == ("warn", True)
    flat = np.full(len(time), 3.7)
    assert "Nothing shows" in checked(table(time, flat, np.ones(len(time))))["sign"].words


def test_a_counter_that_contradicts_the_current(good):
    """One in mAh under a header of Ah is told, one that is set back at each step is not."""
    time, voltage, current, _ = good
    into = np.concatenate(([0], np.cumsum(np.maximum(current[1:] + current[:-1], 0) / 2 * 10 / 3600)))
    headers = (*cycling.HEADERS[:3], "Charging Capacity / Ah")
    again = np.where(time >= 3800, 0, into)
    assert checked(table(time, voltage, current, into, headers=headers))["counters"].standing == "passed"
    assert checked(table(time, voltage, current, again, headers=headers))["counters"].standing == "passed"
    wrong = checked(table(time, voltage, current, 1000 * into, headers=headers))["counters"]
    assert (wrong.standing, wrong.values["counter"]) == ("fail", "Charging Capacity / Ah")


@pytest.mark.parametrize(("told", "standing"), [(25.0, "warn"), (3000.0, "fail"), (None, "warn")])
def test_a_temperature_that_nobody_measured(good, told, standing):
    """A constant, an absurd one, none at all."""
    time, voltage, current, _ = good
    more = [] if told is None else [np.full(len(time), told)]
    headers = (*cycling.HEADERS[:3], cycling.HEADERS[4])[: 3 + len(more)]
    assert checked(table(time, voltage, current, *more, headers=headers))["temperature"].standing == standing


def test_a_voltage_that_jumps_without_the_current(good):
    """A loose contact shows at its line."""
    time, voltage, current, _ = good
    voltage = voltage.copy()
    voltage[100:103] -= 1
    one = checked(table(time, voltage, current))["jumps"]
    assert (one.standing, one.lines) == ("warn", (102, 105))


def test_missing_values_are_counted_and_left_out(good):
    """A hole in the voltage is told with its line."""
    time, voltage, current, _ = good
    voltage = voltage.copy()
    voltage[[20, 40]] = np.nan
    one = checked(table(time, voltage, current))["values"]
    assert (one.standing, one.lines) == ("warn", (22, 42))


def test_headers_without_units_are_told(good):
    """And which."""
    one = checked(table(*good[:3], headers=("Time", "Volts", "Current(A)")))["units"]
    assert (one.standing, one.values["headers"]) == ("warn", "Time, Volts")
