"""`voltrail swap simulate`: a scenario in, waits and energy out."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.swap.scenario import example


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(example(), encoding="utf-8")
    return path


def run(*given):
    return CliRunner().invoke(main, ["swap", "simulate", *map(str, given)])


def test_people_read_a_table_with_all_that_was_assumed(scenario):
    """The table says station, packs and demand, each figure with its interval, and the seed."""
    told = run(scenario, "--swaps", 40_000, "--seed", 5)
    assert told.exit_code == 0
    for words in (
        "8 of 300 kW",
        "16 of 282 kWh (frame-282)",
        "46%",
        "150 trucks a day",
        "Seed 5, 40,000 swaps",
    ):
        assert words in told.stdout
    assert " ± " in told.stdout
    assert told.stderr == ""


def test_programs_read_json_that_a_seed_gives_again(scenario):
    """The same seed gives the same JSON, another seed another; the scenario comes with it."""
    first, again, other = (
        run(scenario, "--swaps", 4_000, "--seed", seed, "--json").stdout for seed in (1, 1, 2)
    )
    assert first == again != other
    told = json.loads(first)
    assert told["scenario"]["station"]["chargers"] == 8
    assert told["result"]["seed"] == 1
    assert set(told["gwh_per_year"]) == {"mean", "half_width"}


def test_a_fleet_tells_how_much_it_is_on_the_road(tmp_path):
    """Trucks that come back have a share of time on the road; a grid that bounds the chargers is named."""
    path = tmp_path / "fleet.toml"
    path.write_text("demand = {trucks = 20, drive_min = 200}\nstation = {grid_kw = 700}", encoding="utf-8")
    told = run(path, "--swaps", 4_000)
    assert told.exit_code == 0
    assert "Trucks on the road" in told.stdout
    assert "the grid feeds 700 kW at once" in told.stdout
    assert "2 at once" in told.stdout


def test_the_example_is_a_scenario(scenario):
    """What `--example` prints can be simulated as it is, and needs no file to be printed."""
    told = run("--example")
    assert told.exit_code == 0
    scenario.write_text(told.stdout, encoding="utf-8")
    assert run(scenario, "--swaps", 4_000).exit_code == 0


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"[station]\nchargers = 1\n", "swap.number"),
        (b"[station]\nchargers = 'eight'\n", "swap.scenario"),
        (b"\xff\xfe", "swap.scenario"),
        (b"", None),
    ],
)
def test_refusals_are_told_in_words_and_json(scenario, text, rule):
    """What cannot be read or met ends with 1 and the reason; an empty scenario is all defaults."""
    scenario.write_bytes(text)
    told = run(scenario, "--swaps", 4_000, "--json")
    assert told.exit_code == (1 if rule else 0)
    assert (json.loads(told.stdout).get("error") or {"rule": None})["rule"] == rule


@pytest.mark.parametrize(
    "given", [[], ["nowhere.toml"], ["--swaps", "3"], ["--seed", "-1"], ["--swaps", "99999999999999"]]
)
def test_wrong_use_ends_with_2(scenario, given):
    """No file, none that exists, numbers out of range: wrong use."""
    assert run(*(given if not given or "." in given[0] else [scenario, *given])).exit_code == 2


def test_a_long_run_shows_how_far_it_is(scenario):
    """A run of more than a second has a bar on the side of errors, and nothing of it in the table."""
    told = run(scenario, "--swaps", 20_000_000)
    assert told.exit_code == 0
    assert "Swaps" in told.stderr
    assert "100%" in told.stderr


def test_particulars_are_simulated_truck_by_truck(tmp_path):
    """Failures, patience and trucks at given times are not left out, and a seed gives them again."""
    (tmp_path / "times.csv").write_text("minute\n60\n200\n700\n", encoding="utf-8")
    path = tmp_path / "rich.toml"
    path.write_text(
        "demand = {file = 'times.csv'}\nfailures = {days_between = 9}\nbalking = {patience_min = 20}",
        encoding="utf-8",
    )
    told = run(path, "--days", 2, "--seed", 4)
    assert told.exit_code == 0, told.stderr
    for words in (
        "3 trucks at given times",
        "failures, patience",
        "Trucks that drive on",
        "Seed 4, 10 runs of 2",
    ):
        assert words in told.stdout
    first, again = (run(path, "--days", 2, "--json") for _ in range(2))
    assert first.stdout == again.stdout
    assert json.loads(first.stdout)["result"]["days"] == 2
    (tmp_path / "times.csv").unlink()
    assert json.loads(run(path, "--json").stdout)["error"]["rule"] == "swap.times"
