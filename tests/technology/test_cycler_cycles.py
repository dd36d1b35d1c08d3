"""Cycles of a cycler's file and what they show, held to cells whose numbers are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.technology import cycling
from voltrail.technology.cycler import read
from voltrail.technology.cycler_cycles import course_of, cycles_of, turning_points
from voltrail.technology.cycler_look import as_told, look
from voltrail.technology.cycler_results import Stated, proposed, pulses, rate_of, resistance_ohm, retention
from voltrail.technology.protocols import PROTOCOLS

STATED = Stated(cycling.CAPACITY_AH, 7.0)


def looked(data, stated=STATED):
    """Return the look at a file."""
    return look(read(data), stated)


def test_capacity_and_energy_are_those_of_the_cell():
    """Three full cycles give 2 Ah each, and energies by the voltage under current."""
    found = looked(cycling.bdf())
    table = found.cycles
    assert table.number.tolist() == [1, 2, 3]
    assert table.discharge_ah == pytest.approx([2, 2, 2], rel=0.002)
    assert table.discharge_wh == pytest.approx([2 * (3.55 - cycling.OHM * 2 / 3)] * 3, rel=0.003)
    assert table.coulombic == pytest.approx([1, 1, 1], abs=0.002)
    assert (table.energetic < 1).all()
    assert table.full.all()


def test_cycles_are_counted_where_the_file_does_not_number_them():
    """Halves in one direction make a cycle, and what a drive gives back on its way makes none."""
    drive = [(-2.0, 40), (0.5, 20)] * 55  # down by 1.03 Ah in all, and up and down a hundred times
    time, voltage, current, _ = cycling.course([(1.0, 7200), *drive, (1.0, 3600)], start=0.0)
    found = looked(cycling.csv(cycling.HEADERS[:3], time, voltage, current))
    assert found.cycles.counted
    assert found.cycles.number.tolist() == [1, 2]
    net = float(np.sum(found.course.charge_ah[(time[1:] >= 7200) & (time[1:] < 7200 + 55 * 60)]))
    assert found.cycles.discharge_ah[0] == pytest.approx(-net, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), st.integers(3, 60)), min_size=2, max_size=20
    )
)
def test_no_charge_is_lost_between_cycles(steps):
    """However a file is cut into cycles, their nets add up to what went through the cell."""
    time, voltage, current, _ = cycling.course([(amps, 10 * number) for amps, number in steps], start=0.5)
    course = course_of(read(cycling.csv(cycling.HEADERS[:3], time, voltage, current)))
    table = cycles_of(course)
    assert float(np.sum(table.charge_ah - table.discharge_ah)) == pytest.approx(
        float(np.sum(course.charge_ah)), abs=1e-9
    )
    assert float(np.sum(table.duration_s)) == pytest.approx(float(np.sum(course.step_s)))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_turning_points_turn(values):
    """Between two turns the sum moves by more than a twentieth of its span, in turn up and down."""
    run = np.array(values)
    turns = turning_points(run)
    moves = np.diff(run[turns])
    assert (np.abs(moves) > 0.05 * np.ptp(run) * (1 - 1e-9)).all()
    assert (np.sign(moves[1:]) == -np.sign(moves[:-1])).all()


def test_the_sign_of_the_file_makes_no_difference():
    """A file in which discharging is positive gives the same cycles as its mirror."""
    time, voltage, current, _ = cycling.course([(0, 60), (1.0, 7200), (0, 60), (-1.0, 7200)])
    one, other = (looked(cycling.csv(cycling.HEADERS[:3], time, voltage, sign * current)) for sign in (1, -1))
    assert (one.course.sign, other.course.sign) == (1, -1)
    assert one.cycles.discharge_ah.tolist() == other.cycles.discharge_ah.tolist()


def test_a_rate_has_its_name_only_nearby():
    """1/3 an hour is C/3; 0.42 is none."""
    assert (rate_of(0.34), rate_of(1.02), rate_of(0.42), rate_of(float("nan"))) == ("C/3", "1C", None, None)


def test_pulses_show_the_resistance():
    """Two pulses of 30 s after rests give the 30 mΩ of the cell, and what charge moved meanwhile."""
    steps = [(0.0, 60), (-2.0, 30), (0.0, 60), (2.0, 30), (0.0, 60)]
    time, voltage, current, _ = cycling.course(steps, step_s=1.0, start=0.5)
    found = pulses(course_of(read(cycling.csv(cycling.HEADERS[:3], time, voltage, current))))
    assert {round(one.step_a) for one in found} == {-2, 2}
    assert resistance_ohm(found) == pytest.approx(cycling.OHM, rel=0.1)


def test_what_is_left_after_many_cycles():
    """A cell that loses 1 % of its first capacity a cycle is below four fifths after its 21st."""
    kept = retention(looked(cycling.bdf(cycles=30, c_rate=1.0, fade=0.01)).cycles)
    assert kept.cycles == 30
    assert kept.capacity_fraction == pytest.approx(0.72 / 0.99, rel=0.01)
    assert kept.below_80 == pytest.approx(22, abs=1)


def test_fast_charging_is_timed_from_ten_to_eighty():
    """At 2C it takes 21 minutes, whichever way the cycle begins."""
    found = looked(cycling.bdf(cycles=2, c_rate=2.0))
    assert found.charge.time_s == pytest.approx(0.7 * 1800, rel=0.02)


@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        ("capacity_energy", cycling.bdf()),
        ("rate", cycling.bdf(c_rate=2.0)),
        ("cold_20", cycling.bdf(temperature_c=-20)),
        ("cycle_life", cycling.bdf(cycles=25, c_rate=1.0)),
        ("fast_charge", cycling.bdf(c_rate=2.0)),
    ],
)
def test_proposals_are_what_protocols_ask_for(protocol, data):
    """Every metric of the protocol comes out of its file, and no name that the protocol does not know."""
    found = looked(data)
    results, conditions = proposed(protocol, found.course, found.cycles, STATED)
    assert set(results) == set(PROTOCOLS[protocol].metrics)
    assert set(conditions) <= set(PROTOCOLS[protocol].conditions)
    assert all(PROTOCOLS[protocol].conditions[name].holds(value) for name, value in conditions.items())


def test_other_protocols_are_left_to_people():
    """A file of a cycler says nothing of a crush."""
    found = looked(cycling.bdf())
    assert proposed("crush", found.course, found.cycles, STATED) == ({}, {})


def test_programs_get_nulls_and_no_nan():
    """What a file does not show is null."""
    told = as_told(looked(cycling.csv(cycling.HEADERS[:3], [0, 1, 2], [3.0, 3.1, 3.2], [1, 1, 1])))
    assert told["cycles"][0]["temperature_c"] is None
    assert told["retention"] is None
