"""`voltrail swap size`: a scenario in, the cheapest station, network or road out."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main


@pytest.fixture
def run(tmp_path):
    def run(text, *given):
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return CliRunner().invoke(main, ["swap", "size", str(path), *given])

    return run


def test_a_station_is_told_with_what_it_rests_on(run):
    """People read the size, its cost, waits with intervals, what one less does, and what would change."""
    told = run('name = "Yard"\n[demand]\nswaps_per_day = 60')
    assert told.exit_code == 0
    for words in ("Yard", "yuan a year", "15 allowed", "less saves", "The less they wait", "price of energy"):
        assert words in told.stdout
    assert " ± " in told.stdout
    assert told.stderr == ""


def test_programs_read_json(run):
    """The same in JSON, the same with the same seed."""
    text = "[demand]\nswaps_per_day = 20"
    told = run(text, "--json", "--seed", "4")
    assert told.stdout == run(text, "--json", "--seed", "4").stdout
    read = json.loads(told.stdout)
    assert read["sized"]["seed"] == 4
    assert read["sized"]["station"]["packs"] >= 1
    assert len(read["sensitivity"]) == 14


def test_a_network_is_told_by_station_and_together(run):
    """Each station has a row, and the sums stand above."""
    told = run("[network]\nswaps_per_day = [20, 60]")
    assert told.exit_code == 0
    assert "2 stations:" in told.stdout
    assert "20.0" in told.stdout


def test_a_road_is_drawn(run):
    """A road is a line of kilometres with a mark for each station, and those there already are told apart."""
    told = run(
        "[corridor]\nexisting_km = [150]\nsections = [{to_km = 250, trucks_per_day = 20, kwh_per_km = 1.3}]"
    )
    assert told.exit_code == 0
    assert "----e----" in told.stdout
    assert "e: there already" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[station]\ngrid_kw = 300\n[demand]\nswaps_per_day = 150", "swap.size"),
        ("[corridor]\nsections = [{to_km = 250, trucks_per_day = 20, kwh_per_km = 99}]", "swap.corridor"),
        ("[corridor]\nsections = []", "swap.scenario"),
        (
            """[network]
            swaps_per_day = [1]
            [corridor]
            sections = [{to_km = 2, trucks_per_day = 2, kwh_per_km = 1}]""",
            "swap.size",
        ),
    ],
)
def test_what_cannot_be_sized_ends_with_one(run, text, rule):
    """Where no size does, the command says why and leaves with 1, in JSON too."""
    told = run(text, "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"]["rule"] == rule
