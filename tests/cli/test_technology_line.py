"""`voltrail technology line`: tables for people, JSON for programs, exit codes for a watch."""

import json

import pytest
from click.testing import CliRunner

from tests.registry import making, sample
from tests.registry.conftest import empty, postgres, registry
from tests.registry.making import CELLS, FIRST, LINE, MAKER, OTHER, PACK
from voltrail.cli import main

__all__ = ["empty", "postgres", "registry"]


@pytest.fixture
def call(registry):
    """A function that runs the command on a registry whose line has a press that loses pressure."""
    making.begin(registry)
    making.say(
        registry,
        *(
            making.step(
                "isostatic_pressing",
                10 + number // 10,
                OTHER,
                batch=str(number),
                readings=[{"quantity": "pressure_mpa", "mean": 450 + (-1) ** number - 8 * (number >= 30)}],
            ).replace(b"T10:00", f"T1{number % 10}:00".encode())
            for number in range(40)
        ),
    )

    settings = {"COLUMNS": "200", "VOLTRAIL_DATABASE": registry.database.dsn}

    def run(*words):
        return CliRunner().invoke(
            main, ["technology", "line", *words, "--data", str(registry.data)], env=settings
        )

    return run


def test_yield_is_shown_and_told(call):
    """Each step with its interval, all steps together, the reasons of scrap; the same as JSON."""
    shown = call("yield", MAKER, LINE)
    assert shown.exit_code == 0, shown.output
    assert "isostatic_pressing" in shown.output
    assert "all steps" in shown.output
    assert "Scrapped pieces: leak" in shown.output
    told = json.loads(call("yield", MAKER, LINE, "--json").stdout)
    assert told["yield"]["steps"][0]["step"] == "coating"
    assert told["yield"]["rolled"]["middle"] == pytest.approx(0.96 * 0.9**3)
    later = json.loads(call("yield", MAKER, LINE, "--since", "2027-01-01", "--json").stdout)
    assert later["yield"]["rolled"] is None


def test_drift_ends_with_1(call):
    """A watch sees by the exit code that something drifts, people since when; what has no limits is said."""
    shown = call("drift", MAKER, LINE)
    assert shown.exit_code == 1
    assert "since 2026-04-1" in shown.output
    assert "capacity_ah of grading was reported 1 times" in shown.output
    told = call("drift", MAKER, LINE, "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["charts"][0]["drifts"][0]["until"] is None


def test_genealogy_goes_up_and_down(call):
    """From a lot to the batteries that hold it, from a pack to its lots."""
    told = json.loads(call("genealogy", MAKER, FIRST, "--json").stdout)
    assert told["outer"] == {PACK: 3, CELLS[0]: 1}
    shown = call("genealogy", MAKER, PACK)
    assert FIRST in shown.output.replace("\n", "")
    assert PACK in shown.output


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("yield", MAKER, "none"), "line.unknown"),
        (("drift", sample.CARMAKER, LINE), "line.unknown"),
        (("genealogy", MAKER, f"{MAKER}/none"), "line.nothing"),
    ],
)
def test_what_is_not_there_is_said(call, words, rule):
    """A wrong name ends in words and not in a traceback."""
    done = call(*words)
    assert done.exit_code in {1, 2}
    assert isinstance(done.exception, SystemExit)
    assert rule in done.output or "reported" in done.output
