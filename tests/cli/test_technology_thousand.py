"""`voltrail technology thousand` and `claims`: tables for people, JSON for programs, words for errors."""

import json

import pytest
from click.testing import CliRunner

from voltrail.cli.technology import technology
from voltrail.technology.cell import CELLS
from voltrail.technology.claims import all_checks


def run(*arguments):
    """Run a command of `voltrail technology`."""
    return CliRunner().invoke(technology, list(arguments))


def test_the_answer_comes_first():
    """The number of cells and what they carry stands in the first line; a reconstructed trace is named."""
    printed = run("thousand", "--pack-mass", "500")
    assert printed.exit_code == 0
    assert printed.output.startswith("At 23 °C on CLTC, ")
    assert f"of {len(CELLS)} cells carry car-saloon" in printed.output
    assert "reconstructed" in printed.output


def test_programs_get_reach_and_pack_of_each_cell():
    """With the question beside them."""
    told = json.loads(run("thousand", "--temperature", "-20", "--json").output)
    assert [one["reach"]["cell"] for one in told["cells"]] == list(CELLS)
    assert told["temperature_c"] == -20
    assert all(one["needed"]["km"] == 1000 for one in told["cells"])


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("--vehicle", "moon"), "thousand.vehicle"),
        (("--cycle", "moon"), "thousand.cycle"),
        (("--temperature", "nan"), "thousand.temperature"),
        (("--pack-mass", "-1"), "thousand.mass"),
    ],
)
def test_what_has_no_answer_is_refused(arguments, rule):
    """In words, and as JSON with its rule, by exit code 1; what is no number by exit code 2."""
    plain, told = run("thousand", *arguments), run("thousand", *arguments, "--json")
    assert plain.exit_code == told.exit_code == 1
    assert "Traceback" not in plain.output
    assert json.loads(told.output)["error"]["rule"] == rule
    assert run("thousand", "--temperature", "cold").exit_code == 2


def test_claims_are_printed_with_their_arithmetic():
    """Each with verdict, kind and numbers; programs get the same checks."""
    printed = run("claims")
    assert printed.exit_code == 0
    assert "does not add up gac-60ah 400 Wh/kg (claimed)" in " ".join(printed.output.split())
    assert "3,862 mAh/g" in printed.output
    told = json.loads(run("claims", "--json").output)["checks"]
    assert len(told) == len(all_checks())
    assert {"does_not", "only_if", "cannot", "adds_up"} == {one["verdict"] for one in told}
