"""The health of a fleet from the command line."""

import json

from tests.cli.test_flow import PACK, begun, postgres, run  # noqa: F401 - fixtures
from tests.gateway.fleets import keep_months
from tests.registry import sample

# ruff: noqa: F811 - fixtures of another module

CODES = [sample.pack(serial) for serial in range(1, 25)]


def test_groups_and_who_stands_out(run, begun, tmp_path):
    """Groups are told in words and as JSON; the broken one is named with how far it is."""
    lines = [line for code in CODES for line in sample.first_life(code)[:1]]
    (tmp_path / "made.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    told = run("report", tmp_path / "made.jsonl", "--key", tmp_path / "maker.pem", touches=True)
    assert told.exit_code == 0, told.output
    empty = run("health", "fleet", touches=True)
    assert empty.exit_code == 0, empty.output
    assert "known of 0 of" in empty.output
    keep_months(tmp_path / "d", CODES, broken=CODES[:1])

    told = run("health", "fleet", "--outliers", "--warranty", touches=True)

    assert told.exit_code == 0, told.output
    assert "known of 24 of" in told.output
    assert "S-102" in told.output
    assert CODES[0] in told.output
    found = json.loads(run("health", "fleet", "--by", "age", "--outliers", "--json", touches=True).output)
    assert found["by"] == "age"
    assert [row["batteries"] for row in found["groups"]] == [24]
    assert [one["code"] for one in found["outliers"]] == CODES[:1]


def test_what_is_no_month_is_told(run, begun):
    """A month that is none ends in words."""
    told = run("health", "fleet", "--month", "october", touches=True)
    assert told.exit_code == 1
    assert "2026-10" in told.output
