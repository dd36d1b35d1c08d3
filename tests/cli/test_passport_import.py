"""`voltrail passport-import`: a passport of others on the terminal, as JSON, and as lines to report."""

import json

import pytest
from click.testing import CliRunner

from tests.passport.conftest import memory, passports  # noqa: F401 - fixtures
from voltrail.cli import main
from voltrail.events import decode
from voltrail.passport import batterypass_ready


def run(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def file(tmp_path, passports):  # noqa: F811
    """A passport of the sample world, as its host gives it."""
    path = tmp_path / "ev.json"
    one = next(iter(passports.values()))
    path.write_text(json.dumps(batterypass_ready.written(one.plain)))
    return path


def test_a_passport_becomes_lines(file, tmp_path):
    """For voltrail report: events that are known; an existing file is not written over."""
    out = tmp_path / "lines.jsonl"
    said = run("passport-import", file, "--out", out, "--data", tmp_path / "none").stdout
    assert "BatteryPass-Ready 1.0" in said
    assert "2 lines" in said
    assert [type(decode(line)).__name__ for line in out.read_bytes().splitlines()] == [
        "PointsDeclared",
        "Measured",
    ]
    assert "is there already" in run("passport-import", file, "--out", out, code=1).stderr


def test_what_is_left_out_is_said_and_ends_with_1(tmp_path):
    """On the error stream with its place; as JSON among the rest."""
    path = tmp_path / "a.json"
    path.write_text('{"productIdentifier": "P", "batteryMass": "1,450"}')
    said = run("passport-import", path, code=1)
    assert "a.json#/batteryMass (left out): " in said.stderr
    told = json.loads(run("passport-import", path, "--json", code=1).stdout)
    assert [one["said"]["rule"] for one in told["troubles"]] == ["import.ambiguous"]
    assert told["found"]["serial_number"]["where"] == "a.json#/productIdentifier"
    assert told["lines"] == []
    assert "Name the model" in run("passport-import", path, "--out", tmp_path / "b", code=1).stderr


def test_what_is_no_passport_is_refused(tmp_path):
    """In the one shape."""
    path = tmp_path / "a.json"
    path.write_text("{}")
    assert json.loads(run("passport-import", path, "--json", code=1).stdout)["error"]["rule"] == "import.form"
