"""`voltrail technology life`: what it prints, and that the outlook takes it."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.outlook.parameters import parameters
from voltrail.outlook.scenario import read


def command(*arguments):
    return CliRunner().invoke(main, arguments)


def test_years_are_printed_with_their_interval():
    """The table and its answer come with intervals; with --json all of it."""
    said = command("technology", "life", "--place", "guangzhou", "--draws", "100")
    assert said.exit_code == 0
    assert "80% after" in said.stdout
    assert "to more than 20)" in said.stdout  # not the years that the law is carried on to
    told = json.loads(command("technology", "life", "--place", "guangzhou", "--json").stdout)
    assert told["first"]["low"] < told["first"]["middle"] < told["first"]["high"]


@pytest.mark.parametrize(
    ("duty", "name"), [("private-car", "car.battery_years"), ("truck-swap", "commercial.battery_years")]
)
def test_the_outlook_takes_it(duty, name):
    """What --toml prints is a scenario: lives with their spread, within what may be set."""
    scenario = read(command("technology", "life", "--cell", "NMC", "--duty", duty, "--toml").stdout)
    assert set(scenario.ranges) == {name, "second_life_years"}
    for key, own in scenario.ranges.items():
        assert parameters()[key].least <= own.low <= own.value <= own.high <= parameters()[key].most


def test_storage_is_no_vehicle_of_the_outlook():
    """A duty that the outlook does not follow is refused."""
    said = command("technology", "life", "--duty", "storage", "--toml")
    assert said.exit_code == 1
    assert "no duty of a vehicle" in said.stderr


def test_of_solid_cells_nothing_is_printed():
    """For a cell without a law it ends with an error that says so."""
    said = command("technology", "life", "--cell", "quantumscape-qse5")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "not known" in said.stderr
