"""PyBaMM beside our cells: it runs, says what it cannot know, and sends nothing."""

import os
import subprocess
import sys

import pytest

from voltrail.errors import UsageError
from voltrail.technology.cell import CELLS
from voltrail.technology.physics import discharge, sets, warnings_for


@pytest.mark.timeout(120)
def test_a_discharge_says_what_does_not_follow_the_cold():
    """SPMe of a set gives less in the cold, and names its numbers that have no law of temperature."""
    warm, cold = (discharge("OKane2022", temperature_c=t) for t in (25.0, -20.0))
    assert cold.energy_wh < 0.95 * warm.energy_wh
    assert warm.capacity_ah == pytest.approx(5.0, rel=0.05)
    assert "particle diffusivity" in cold.warnings[0]
    assert "too small" in cold.warnings[0]


@pytest.mark.timeout(120)
def test_a_half_cell_runs_against_lithium():
    """Xu2019 is a nickel-rich electrode against lithium."""
    half = discharge("Xu2019", c_rate=1.0)
    assert half.model == "SPMe half-cell"
    assert 3.5 < half.mean_v < 4.0


def test_a_solid_electrolyte_is_not_what_a_public_set_is_of():
    """No set is shown beside a cell with another electrolyte without a word; a liquid one needs none."""
    assert "liquid" in warnings_for(CELLS["gotion-gemstone"], "OKane2022")[0]
    assert warnings_for(CELLS["nmc-liquid"], "OKane2022") == []


def test_unknown_sets_and_conditions_beyond_are_refused():
    """Nothing is made up for a set that there is not, a rate of 0 or the cold of space."""
    assert "OKane2022" in sets()
    for wrong, rule in (
        ({"parameters": "Nobody2030"}, "technology.physics_set"),
        ({"parameters": "OKane2022", "model": "P2D"}, "technology.physics_set"),
        ({"parameters": "OKane2022", "c_rate": 0.0}, "technology.physics_range"),
        ({"parameters": "OKane2022", "temperature_c": -200.0}, "technology.physics_range"),
        ({"parameters": "OKane2022", "temperature_c": float("nan")}, "technology.physics_range"),
    ):
        with pytest.raises(UsageError) as told:
            discharge(**wrong)
        assert told.value.rule == rule


@pytest.mark.timeout(120)
def test_nothing_is_asked_written_or_sent(tmp_path):
    """Outside tests PyBaMM would ask on the terminal and write to the home folder: it does neither."""
    code = "from voltrail.technology.physics import discharge; print(discharge('Prada2013').capacity_ah > 2)"
    kept = {key: os.environ[key] for key in ("PATH",)}
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "True\n"
    assert "telemetry" not in asked.stderr
    assert not [one for one in tmp_path.rglob("*") if "pybamm" in str(one).lower()]
