"""`voltrail recycling border`: goods as they are named, and a battery as the record has it."""

import json

import pytest

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures

# ruff: noqa: F811 - fixtures of another module

ASK = ("recycling", "border")


@pytest.fixture
def reported(run, begun, tmp_path):
    """A registry with one pack in a vehicle."""
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem")
    assert run(*report, touches=True).exit_code == 0


def test_goods_are_answered_with_both_sides(run, reported):
    """In words and as JSON: the day before consent, from the day on forbidden."""
    way = ("black_mass", "--from", "de", "--to", "CN", "--on")
    told = json.loads(run(*ASK, *way, "2026-11-09", "--json", touches=True).stdout)
    assert (told["verdict"], told["from"], told["to"], told["on"]) == ("forbidden", "DE", "CN", "2026-11-09")
    assert [side["rule"]["id"] for side in told["sides"]] == ["eu-ban", "cn-black-mass"]
    said = run(*ASK, *way, "2026-11-09", touches=True).stdout
    assert "Forbidden." in said
    assert "Article 39" in said
    assert "not known" in said
    before = json.loads(run(*ASK, *way, "2026-11-08", "--json", touches=True).stdout)
    assert before["sides"][0]["verdict"] == "consent"


def test_a_battery_is_what_the_record_says(run, reported):
    """It is no waste, so no rule speaks of it, unless whoever asks says that it will be."""
    way = (PACK, "--from", "DE", "--to", "IN", "--on", "2026-12-01", "--json")
    assert json.loads(run(*ASK, *way, touches=True).stdout)["verdict"] == "unknown"
    told = json.loads(run(*ASK, *way, "--waste", touches=True).stdout)
    assert (told["verdict"], told["what"]) == ("forbidden", "lithium_batteries")


@pytest.mark.parametrize(
    "words",
    [
        ("gold", "--from", "DE", "--to", "CN"),
        ("black_mass", "--to", "CN"),
        ("black_mass", "--from", "UK", "--to", "CN"),
        ("black_mass", "--from", "DE", "--to", "CN", "--on", "soon"),
        ("black_mass", "--from", "DE", "--to", "CN", "--assays", "much"),
        ("91000000MA0000001R/none", "--from", "DE", "--to", "CN"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(run, reported, words):
    """And no traceback."""
    said = run(*ASK, *words, touches=True)
    assert said.exit_code == 1
    assert "Traceback" not in said.output
