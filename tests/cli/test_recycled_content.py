"""Recycled content from the command line: a claim as one file, verified without the registry."""

import json

import pytest

import voltrail
from tests.cli.test_flow import postgres, run  # noqa: F401 - fixtures
from tests.registry import recycled, sample
from voltrail.registry.settings import initialise

# ruff: noqa: F811 - fixtures of another module


@pytest.fixture
def told(run, tmp_path):
    """A registry in which the story of recycled content was told, with heads; return its policy's file."""
    initialise(tmp_path / "d", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "d", run.dsn) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        registry.report(sample.report(sample.authority(), lines))
        recycled.tell(registry)
        registry.enter_heads()
        (tmp_path / "policy.txt").write_text(registry.policy)
    return tmp_path / "policy.txt"


def test_a_claim_is_one_file_that_verifies_offline(run, told, tmp_path):
    """Exit code 0 and the figures; 1 for a changed byte, by its rule."""
    file = tmp_path / "claim.json"
    said = run("recycling", "claim", recycled.NEW[0], "--out", file, touches=True)
    assert said.exit_code == 0, said.output
    again = run("recycling", "claim", recycled.NEW[0], "--out", file, "--json", touches=True)
    assert json.loads(again.stdout) == {"file": str(file), "bytes": file.stat().st_size}
    check = ("recycling", "verify", file, "--policy", told, "--authority", sample.authority().vkey)
    verified = run(*check)
    assert verified.exit_code == 0, verified.output
    assert "Ni: 18.75 % (7.5 kg of batteries on record" in verified.output
    assert json.loads(run(*check, "--json").stdout)["points"] == recycled.SHARES
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"traced":15000000', b'"traced":14000000'))
    assert file.read_bytes() != data
    refused = run(*check, "--json")
    assert (refused.exit_code, json.loads(refused.output)["error"]["rule"]) == (1, "recycled.digest")


def test_of_what_nothing_is_known_no_claim_is_made(run, told, tmp_path):
    """Exit code 1, what to do, and no file."""
    said = run("recycling", "claim", recycled.OLD[0], "--out", tmp_path / "claim.json", touches=True)
    assert said.exit_code == 1
    assert "credit_spent" in said.output
    assert not (tmp_path / "claim.json").exists()
