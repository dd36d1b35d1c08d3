"""`voltrail technology cell`: a table that says what is sure, and clear words for what is not there."""

import json

from click.testing import CliRunner

from voltrail.cli import main


def run(*words):
    return CliRunner().invoke(main, ["technology", "cell", *words])


def test_json_has_each_point_with_its_interval_and_each_number_with_its_source():
    """A program gets what a person does."""
    told = json.loads(run("gotion-gemstone", "--temperature", "-20", "--rate", "0.33", "--json").output)
    (point,) = told["points"]
    assert 0 < point["delivered"]["low"] < point["delivered"]["middle"] < point["delivered"]["high"] < 1
    assert {one["standing"] for one in told["parameters"]} >= {"claimed", "assumption"}
    assert told["warnings"] == []


def test_a_person_reads_standing_and_note():
    """The table says what is assumed."""
    told = run("nmc-liquid", "--temperature", "-20")
    assert told.exit_code == 0
    assert "assumption" in told.output


def test_physics_comes_with_its_warnings():
    """A set of a liquid cell beside a solid one is said to be one."""
    words = ("gotion-gemstone", "--temperature", "-20", "--rate", "0.33", "--physics", "Prada2013", "--json")
    told = json.loads(run(*words).output)
    assert 0.5 < told["points"][0]["physics"] <= 1
    assert any("liquid" in one for one in told["warnings"])
    assert any("follow" in one for one in told["warnings"])


def test_what_is_not_there_is_told():
    """A wrong id, number or set ends with 1 and what to do."""
    for words in (
        ("nobody",),
        ("nmc-liquid", "--rate", "nan"),
        ("nmc-liquid", "--temperature", "1e9"),
        ("nmc-liquid", "--physics", "Nobody2030"),
    ):
        told = run(*words)
        assert told.exit_code == 1
        assert "Give" in told.output or "Sets:" in told.output
        assert "Traceback" not in told.output
