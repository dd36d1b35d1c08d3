"""The published runs of an 18650PF cell as files of a cycler: believed, and added up as its counters do."""

import pytest

from voltrail.technology.cycler import read
from voltrail.technology.cycler_look import look
from voltrail.technology.cycler_results import Stated, proposed

RUNS = {"us06_25c": (25, 2.586, 8.860), "us06_0c": (0, 2.320, 7.696), "us06_m20c": (-20, 1.740, 5.272)}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_believed_and_adds_up(reference, name):
    """No check speaks against it; Ah and Wh out are the tester's within 0.5 %, the cold as it was set."""
    temperature_c, ah, wh = RUNS[name]
    found = look(
        read((reference / "cells" / "cold_18650pf" / f"{name}.csv").read_bytes()), Stated(2.9), "NCA"
    )
    assert {one.about: one.standing for one in found.checks if one.standing != "passed"} == {}
    assert found.course.sign == 1
    assert found.cycles.discharge_ah.tolist() == pytest.approx([ah], rel=0.002)
    assert found.cycles.discharge_wh.tolist() == pytest.approx([wh], rel=0.005)
    assert found.cycles.temperature_c.tolist() == pytest.approx([temperature_c], abs=1)


def test_the_cold_run_proposes_what_was_left(reference):
    """At −20 °C the run ended at 1.74 Ah, which is 60 % of the capacity stated."""
    data = (reference / "cells" / "cold_18650pf" / "us06_m20c.csv").read_bytes()
    found = look(read(data))
    results, conditions = proposed("cold_20", found.course, found.cycles, Stated(2.9))
    assert results["capacity_fraction"] == pytest.approx(0.6, abs=0.005)
    assert -22 <= conditions["temperature_c"] <= -18
