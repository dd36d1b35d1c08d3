"""The EU passport from the command line: of one battery, against a rule set, and of all."""

import json

import pytest

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures

# ruff: noqa: F811 - fixtures of another module


@pytest.fixture
def reported(run, begun, tmp_path):
    """A registry with one pack of a model of which nobody declared anything."""
    report = ("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem")
    assert run(*report, touches=True).exit_code == 0


def test_a_document_for_an_audience(run, reported):
    """The operator's is whole; the public's says that it is partial and what is left out."""
    whole = json.loads(
        run("passport", PACK, "--as", "batterypass-ready", "--audience", "operator", touches=True).stdout
    )
    assert "withheld" not in whole
    table = run("passport", PACK, touches=True)
    assert PACK in table.stdout


def test_what_it_lacks_is_named(run, reported):
    """Exit code 1 and each missing point with its number, from the day on which it is needed; 0 before."""
    check = ("passport", PACK, "--check", "eu-guidance-1.0", "--on")
    told = json.loads(run(*check, "2027-03-01", "--json", touches=True).stdout)
    assert told["there"] < told["wanted"]
    assert {"missing"} <= {one["verdict"] for one in told["judgements"]}
    assert all(one["nr"] for one in told["judgements"] if one["verdict"] == "missing")
    assert run(*check, "2027-03-01", touches=True).exit_code == 1
    assert run(*check, "2027-02-17", touches=True).exit_code == 0


@pytest.mark.parametrize("words", [("--on", "yesterday"), ("--as-of", "noon")])
def test_a_day_that_is_none_is_refused_in_words(run, reported, words):
    """And no traceback."""
    said = run("passport", PACK, "--check", "eu-guidance-1.0", *words, touches=True)
    assert said.exit_code != 0
    assert "Traceback" not in said.output


def test_all_of_them_into_a_file(run, reported, tmp_path):
    """A document on each line; the file is there whole or not at all."""
    target = tmp_path / "all.jsonl"
    target.write_text("what stood there before")
    said = run("passports", target, "--as", "batterypass-ready", "--audience", "operator", touches=True)
    assert said.exit_code == 0, said.output
    assert "1 passport" in said.output
    (line,) = target.read_bytes().splitlines()
    one = run("passport", PACK, "--as", "batterypass-ready", "--audience", "operator", touches=True)
    assert json.loads(line) == json.loads(one.stdout)
    told = run("passports", target, "--as", "batterypass-ready", "--model", "none", "--json", touches=True)
    assert json.loads(told.stdout)["passports"] == 0
    assert target.read_bytes() == b""
    assert list(tmp_path.glob("*.part")) == []
