"""`voltrail outlook goal` and `hindcast`: plain words, the same figures as JSON, and clear refusals."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    few = tmp_path_factory.mktemp("goal") / "few.toml"
    few.write_text('name = "Few"\ndraws = 60\n', encoding="utf-8")

    def run(*given):
        return CliRunner().invoke(main, ["outlook", *(str(few) if one == "FEW" else one for one in given)])

    return run


def test_known_goals_are_told_in_words(run):
    """Planners read of each goal whether it comes by itself, what it takes, what it means for batteries."""
    told = run("goal", "truck", "--scenario", "FEW")
    assert told.exit_code == 0, told.output
    for words in (
        "28.89 % were",
        "twice the goal of 20 %",
        "twice the 28.89 %",
        "40 % in 2030",
        "Without further policy",
        "billion yuan",
        "Out of trucks in 2032",
        "less sure than they look",
    ):
        assert words in told.stdout


def test_a_goal_of_ones_own_is_answered_as_json(run):
    """Programs get the chance and each band of one goal."""
    told = run("goal", "truck", "--percent", "60", "--year", "2028", "--scenario", "FEW", "--json")
    (goal,) = json.loads(told.stdout)["goals"]
    assert (goal["percent"], goal["year"]) == (60, 2028)
    assert 0 <= goal["chance"] <= goal["chance_with_support"] <= 1
    assert goal["support_yuan"]["low"] <= goal["support_yuan"]["middle"] <= goal["support_yuan"]["high"]
    assert list(goal["left_gwh"]) == ["2028", "2033", "2038"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["car"], "'car' is not"),
        (["truck", "--percent", "40"], "together"),
        (["truck", "--percent", "140", "--year", "2030"], "140"),
        (["truck", "--percent", "40", "--year", "2020"], "2020"),
        (["truck", "--scenario", "nothing"], "no scenario"),
    ],
)
def test_what_cannot_be_asked_is_refused(run, given, says):
    """A slip of the pen is named, and nothing is computed."""
    told = run("goal", *given)
    assert told.exit_code != 0
    assert says in told.output


def test_a_hindcast_prints_what_it_computed(run):
    """What was said, what came and both errors are printed as computed; trucks without a fit are not."""
    plain = run("hindcast", "--after", "2021")
    told = json.loads(run("hindcast", "--after", "2021", "--json").stdout)
    assert plain.exit_code == 0, plain.output
    assert told["years"] == [2022, 2023, 2024, 2025]
    car = told["series"]["car"]
    assert f"{car['error']:.1f}" in plain.stdout
    assert f"{car['error_of_no_change']:.1f}" in plain.stdout
    assert f"came {car['came'][-1]:.0f}" in plain.stdout
    assert not told["series"]["truck"]["fitted"]
    assert "truck, %" not in plain.stdout
