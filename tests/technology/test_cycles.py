"""Cycles are what they say they are, and a cycle of one's own is read or refused in words."""

import doctest
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import TableError
from voltrail.technology import cycles
from voltrail.technology.cycles import CHARACTERISTICS, CYCLES, characteristics, read_cycle


def test_the_example_in_the_docstring_runs():
    """What the module shows is what it does."""
    assert doctest.testmod(cycles).failed == 0


@pytest.mark.parametrize("one", CHARACTERISTICS, ids=lambda one: f"{one.cycle}-{one.characteristic}")
def test_a_trace_has_the_published_characteristics(one):
    """A reconstructed trace meets each figure that is published of its cycle, to the tolerance stated."""
    assert characteristics(CYCLES[one.cycle])[one.characteristic] == pytest.approx(
        one.value, abs=one.tolerance + 1e-9
    )


def test_what_is_reconstructed_is_said_to_be():
    """CLTC-P is not the standard's own trace, and says so to programs; WLTC is its regulation's."""
    assert CYCLES["CLTC"].told["reconstructed"] is True
    assert "not that of the standard" in CYCLES["CLTC"].source
    assert not CYCLES["WLTC"].reconstructed


def test_the_parts_of_the_epa_count_by_their_shares_of_the_way():
    """55 % of the way is the city's cycle, 45 % the highway's, whatever their own lengths."""
    epa = CYCLES["EPA"]
    by_second = epa.step_s * epa.step_speed_m_s
    assert by_second[:1370].sum() / by_second.sum() == pytest.approx(0.55, abs=1e-6)
    assert epa.driven == 0.7


def test_the_truck_ends_as_high_as_it_began():
    """Its hills are closed: what a truck uses on it is not a climb or a descent in disguise."""
    truck = CYCLES["truck-80"]
    climb_m = truck.specific_force_m_s2[0] / 9.80665 @ (truck.step_s * truck.step_speed_m_s)
    assert abs(climb_m) < 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=60, max_size=90))
def test_a_cycle_of_ones_own_keeps_its_way(speeds):
    """What is read is as long as what was written, or it is refused in words."""
    text = "speed_km_h\n" + "\n".join(f"{one:.3f}" for one in speeds)
    kept = [round(one, 3) for one in speeds]
    metres = sum((a + b) / 2 / 3.6 for a, b in pairwise(kept))
    try:
        told = read_cycle(text)
    except TableError as error:
        assert error.rule in {"cycle.distance", "cycle.acceleration"}
    else:
        assert told.distance_km * 1e3 == pytest.approx(metres, rel=1e-6)


def test_times_and_grades_may_be_given():
    """Steps of ten seconds become seconds, by straight lines, and a grade goes along."""
    told = read_cycle("time_s,speed_km_h,grade_percent\n0,36,2\n10,36,2\n20,72,2")
    assert len(told.time_s) == 21
    assert told.speed_m_s[15] == pytest.approx(15)
    assert np.allclose(told.grade, 0.02)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "cycle.columns"),
        ("speed\n1\n2", "cycle.columns"),
        ("speed_km_h,speed_km_h\n1,1", "cycle.columns"),
        ("speed_km_h\n50", "cycle.length"),
        ("speed_km_h\n50\nnan", "cycle.number"),
        ("speed_km_h\n50\ninf", "cycle.number"),
        ("speed_km_h\n50\n\0", "cycle.number"),
        ("speed_km_h\n50\n-3", "cycle.number"),
        ("time_s,speed_km_h\n0,50\n0,50", "cycle.time"),
        ("time_s,speed_km_h\n0,50\n0.5,50", "cycle.length"),
        ("time_s,speed_km_h\n0,50", "cycle.length"),
        ("speed_km_h\n0\n200\n0", "cycle.distance"),
        ("speed_km_h\n" + "0\n200\n" * 60, "cycle.acceleration"),
        ("speed_km_h\n0\n0\n0", "cycle.distance"),
        ("speed_km_h\n" + "50\n" * 36_002, "cycle.length"),
        ("x" * (1 << 21), "cycle.size"),
    ],
)
def test_what_is_no_cycle_is_refused_in_words(text, rule):
    """A clerk's slip and an attacker's file get a rule and what to do, never a traceback."""
    with pytest.raises(TableError) as told:
        read_cycle(text)
    assert told.value.rule == rule
    assert told.value.fix
