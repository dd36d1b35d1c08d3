"""`voltrail swap charging`: what it saves to charge at other hours; and `simulate` with particulars."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main

SMALL = """
[station]
packs = 8
chargers = 4
[demand]
swaps_per_day = 40
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def run(*given):
    return CliRunner().invoke(main, ["swap", *map(str, given)])


def test_people_read_what_each_policy_costs(scenario):
    """The table has all three policies, what two of them have more of than the first, and the seed."""
    told = run("charging", scenario, "--days", 1, "--seed", 5)
    assert told.exit_code == 0
    for words in ("as soon as possible", "valley only", "planned", "more than the first", "Seed 5, 10 runs"):
        assert words in told.stdout


def test_programs_read_the_same_again(scenario):
    """The same seed gives the same JSON; differences are of the runs, so the first has none to itself."""
    first, again = (run("charging", scenario, "--days", 1, "--json").stdout for _ in range(2))
    assert first == again
    told = json.loads(first)
    assert [one["policy"] for one in told["results"]] == ["as_soon_as_possible", "valley_only", "planned"]
    assert set(told["more"][0]["yuan"].values()) == {0.0}
    means = [one["figures"]["energy_yuan"]["mean"] for one in told["results"]]
    assert told["more"][1]["energy_yuan"]["mean"] == pytest.approx(means[1] - means[0])


def test_simulate_lives_particulars_by_itself(scenario):
    """One with failing chargers and impatient trucks is simulated with them."""
    scenario.write_text(
        SMALL + "[failures]\ndays_between = 2\n[balking]\npatience_min = 5\n", encoding="utf-8"
    )
    told = run("simulate", scenario, "--days", 10, "--json")
    assert told.exit_code == 0
    result = json.loads(told.stdout)["result"]
    assert (result["runs"], result["days"]) == (10, 10)
    assert result["figures"]["drove_on"]["mean"] > 0
    assert "Trucks that drive on" in run("simulate", scenario, "--days", 10).stdout


def test_measured_times_stand_in_a_file_beside(scenario):
    """The file is found beside the scenario; where it is not, or a line is wrong, the error says which."""
    scenario.write_text("[demand]\nfile = 'came.csv'\n", encoding="utf-8")
    missing = run("simulate", scenario, "--json")
    assert missing.exit_code == 1
    assert json.loads(missing.stdout)["error"]["rule"] == "swap.times"
    (scenario.parent / "came.csv").write_text("minute,charge\n30,0.2\n20,ten\n", encoding="utf-8")
    wrong = run("simulate", scenario, "--json")
    assert json.loads(wrong.stdout)["error"]["line"] == 3
    (scenario.parent / "came.csv").write_text("minute,charge\n30,0.2\n20,0.4\n", encoding="utf-8")
    told = run("simulate", scenario, "--days", 10, "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["result"]["figures"]["swaps_per_day"]["mean"] == 2


def test_a_file_without_end_is_refused(scenario):
    """A device, or a file by mistake: only so much of it is read, and the error says how much."""
    scenario.write_text('[demand]\nfile = "/dev/zero"\n')
    told = CliRunner().invoke(main, ["swap", "charging", str(scenario)])
    assert told.exit_code == 1
    assert "more than 50,000,000 bytes" in told.stderr


def test_what_is_no_scenario_is_refused(scenario):
    """A scenario that contradicts itself ends with 1 and the reason, as JSON where that was asked for."""
    scenario.write_text("[charging]\ncurve = [[0.5, 1.0]]\n", encoding="utf-8")
    told = run("charging", scenario, "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"]["rule"] == "swap.scenario"
    scenario.write_text("[demand]\nfile = 'a\\u0000b'\n".replace("'", '"'), encoding="utf-8")
    assert run("charging", scenario).exit_code == 1
