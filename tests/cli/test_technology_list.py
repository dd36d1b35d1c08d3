"""The catalogue from the command line."""

import json

from click.testing import CliRunner

from voltrail.cli import main
from voltrail.technology.catalogue import TECHNOLOGIES


def run(*words):
    """Return what a command prints; it needs no registry."""
    return CliRunner().invoke(main, words)


def test_the_list_has_all():
    """Every technology is printed with how much of it was measured, and by whom."""
    words = run("technology", "list")
    assert words.exit_code == 0, words.output
    assert all(name in words.output for name in TECHNOLOGIES)
    told = json.loads(run("technology", "list", "--json").output)
    assert len(told["technologies"]) == len(TECHNOLOGIES)


def test_one_has_its_figures():
    """One is printed with the kind of each figure, what is not stated, and its stages."""
    words = run("technology", "list", "donutlab")
    assert words.exit_code == 0, words.output
    assert "measured_by_third_party (VTT)" in words.output
    assert "pressure_mpa" in words.output
    told = json.loads(run("technology", "list", "donutlab", "--json").output)
    [one] = told["technologies"]
    assert one["evidence"] == "third_party"
    assert {step["standing"] for step in one["steps"]} == {"reached", "said"}


def test_an_unknown_one_is_told():
    """A wrong name ends in words and exit code 1, as JSON where asked."""
    words = run("technology", "list", "nothing")
    assert words.exit_code == 1
    assert "voltrail technology list" in words.output
    told = json.loads(run("technology", "list", "nothing", "--json").output)
    assert told["error"]["rule"] == "technology.unknown"
