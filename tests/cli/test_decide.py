"""What becomes of a retired battery, from the command line: by our policy and by a table of one's own."""

import json

import pytest

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures
from tests.registry import sample

# ruff: noqa: F811 - fixtures of another module


@pytest.fixture
def retired(run, begun, tmp_path):
    """A registry with a pack of known chemistry that its maker made, and retired."""
    day = "2026-04-{:02}T10:00:00+08:00".format
    lines = [
        sample.line(
            "model_registered", day(1), model_id="S-102", chemistry="NCM", energy_kwh=55.0, mass_kg=305.0
        ),
        sample.line("manufactured", day(12), code=PACK, model_id="S-102"),
        sample.line("retired", day(13), code=PACK),
    ]
    (tmp_path / "life.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    report = run("report", tmp_path / "life.jsonl", "--key", tmp_path / "maker.pem", touches=True)
    assert report.exit_code == 0, report.output


def test_it_says_what_is_not_known(run, retired):
    """In words and as JSON: no decision, and each thing that has to be found out."""
    said = run("recycling", "decide", PACK, touches=True)
    assert said.exit_code == 0, said.output
    assert "Cannot be decided yet." in said.stdout
    assert "missing: State of health as an interval" in said.stdout
    assert "Order No. 73, article 22" in said.stdout
    told = json.loads(run("recycling", "decide", PACK, "--json", touches=True).stdout)
    assert told["outcome"] == "undecided"
    assert [one["name"] for one in told["missing"]] == ["damage.not_seen", "soh", "life"]


def test_a_policy_of_ones_own_counts(run, retired, tmp_path):
    """A row of it takes the place of ours, is told as its own, and can bar what ours lets open."""
    (tmp_path / "own.csv").write_text("name,value,unit,source\ngate.age_most,0.1,years,our own rule\n")
    decide = ("recycling", "decide", PACK, "--policy", tmp_path / "own.csv", "--json")
    told = json.loads(run(*decide, touches=True).stdout)
    assert (told["outcome"], told["best"]) == ("recycle", "recycle")
    age = next(one for one in told["gates"] if one["name"] == "age")
    assert (age["result"], age["source"], age["confidence"]) == ("fail", "our own rule", "configured")


def test_the_printed_policy_is_one_that_reads(run, retired, tmp_path):
    """What `policy` prints, given back, decides the same."""
    printed = run("recycling", "policy")
    assert printed.exit_code == 0
    (tmp_path / "same.csv").write_text(printed.stdout)
    ours = json.loads(run("recycling", "decide", PACK, "--json", touches=True).stdout)
    decide = ("recycling", "decide", PACK, "--policy", tmp_path / "same.csv", "--json")
    same = json.loads(run(*decide, touches=True).stdout)
    for told in (ours, same):
        told["rows"] = [{**row, "ours": None} for row in told["rows"]]
    assert same == ours


@pytest.mark.parametrize(
    ("table", "rule", "line"),
    [
        ("", "policy.header", 1),
        ("value,unit\n1,x\n", "policy.header", 1),
        ("name,value,unit,colour\n", "policy.header", 1),
        ("name,value,unit\nflip.moest,0.1,x\n", "policy.unknown", 2),
        ("name,value,unit\nflip.most,little,x\n", "policy.row", 2),
        ("name,value,unit\nflip.most,nan,x\n", "policy.row", 2),
        ("name,value,unit\nflip.most,-1,x\n", "policy.row", 2),
        ("name,value,low,high,unit\nmetal.Li,60,70,80,USD/kg\n", "policy.row", 2),
        ("name,value,low,high,unit\nmetal.Li,60,50,,USD/kg\n", "policy.row", 2),
        ("name,value,unit\nmetal.Li,60,CNY/kg\n", "policy.currency", None),
        ("name,value,unit\ngate.history_gap,perhaps,x\n", "policy.row", 2),
        ("name,value,unit,valid_from\nflip.most,0.1,x,yesterday\n", "policy.row", 2),
        ("name,value,unit\nflip.most,0.1,probability\n1,2,3,4\n", "policy.row", 3),
        ("name,value,unit\nflip.most,0.1\n", "policy.row", 2),
        ("name,value,unit\nmetal.Li,60,USD/t\n", "policy.row", 2),
        ("name,value,unit\npack.LMO,90,kWh\n", "policy.row", 2),
        ("name,value,unit\nflip.most," + "1" * 600 + ",x\n", "policy.row", 2),
        ('name,value,unit\n"flip.most,0.1,x\n', "policy.row", None),
    ],
)
def test_a_table_that_does_not_read_is_refused_in_words(run, begun, tmp_path, table, rule, line):
    """With its line and what to do; a policy that reads by half decides nothing."""
    (tmp_path / "own.csv").write_text(table)
    said = run("recycling", "decide", PACK, "--policy", tmp_path / "own.csv", "--json", touches=True)
    assert said.exit_code == 1
    error = json.loads(said.stdout)["error"]
    assert error["rule"] == rule
    assert error["fix"]
    if line is not None:
        assert error["line"] == line


def test_bytes_that_are_no_text_are_refused(run, begun, tmp_path):
    """A workbook given as a table is said to be none."""
    (tmp_path / "own.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    said = run("recycling", "decide", PACK, "--policy", tmp_path / "own.csv", touches=True)
    assert said.exit_code == 1
    assert "UTF-8" in said.output
