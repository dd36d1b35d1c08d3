"""Tests, gates and the certificate from the command line."""

import json

import pytest

import voltrail
from tests.cli.test_flow import postgres, run  # noqa: F401 - fixtures
from tests.registry import qualifying as q
from tests.registry import sample
from voltrail.registry.settings import initialise

# ruff: noqa: F811 - fixtures of another module


@pytest.fixture
def told(run, tmp_path):
    """A registry with a model granted a small batch, with heads; return its policy's file."""
    initialise(tmp_path / "d", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "d", run.dsn) as registry:
        roles = {**sample.ROLES, q.LAB: "testing_lab"}
        lines = [one for name, role in roles.items() for one in sample.registrations(name, role)]
        registry.report(sample.report(sample.authority(), lines))
        registry.report(sample.report(sample.signer(sample.MAKER), q.of_maker()))
        granted = [*q.of_lab(), q.granted("small_batch", ["lab"])]
        assert not json.loads(registry.report(sample.report(sample.signer(q.LAB), granted)))["refused"]
        registry.enter_heads()
        (tmp_path / "policy.txt").write_text(registry.policy)
    return tmp_path / "policy.txt"


def test_a_model_is_qualified_gate_by_gate(run, told):
    """Campaigns, tests and gates; exit code 1 for a stage whose gate is not open, 2 for one there is not."""
    said = run("technology", "qualify", q.MODEL, touches=True)
    assert said.exit_code == 0, said.output
    assert "SSB-1: small batch." in said.output
    assert "mass production: lacks 3" in said.output
    lacks = run("technology", "qualify", q.MODEL, "--stage", "mass_production", touches=True)
    assert lacks.exit_code == 1
    assert "cycle_life: 0 of 5 samples; to be passed by a testing laboratory" in lacks.output
    assert "✓ thermal_propagation: 14 of 2 samples (mass_production)" in lacks.output
    shown = json.loads(run("technology", "qualify", q.MODEL, "--json", touches=True).stdout)
    assert (shown["stage"], shown["next"]) == ("small_batch", "mass_production")
    assert "results" not in shown["campaigns"][0]["tests"][0]
    full = run("technology", "qualify", q.MODEL, "--json", "--audience", "auditor", touches=True)
    assert json.loads(full.stdout)["campaigns"][0]["tests"][0]["results"]
    assert run("technology", "qualify", q.MODEL, "--stage", "moon", touches=True).exit_code == 2
    unknown = run("technology", "qualify", "nothing", touches=True)
    assert unknown.exit_code == 1
    assert "does not know a model" in unknown.output


def test_a_certificate_is_one_file_that_verifies_offline(run, told, tmp_path):
    """Exit code 0 with what it rests on; 1 for a changed byte, or for eyes that do not see the results."""
    file = tmp_path / "certificate.json"
    make = ("technology", "certificate", q.MODEL, "--stage", "small_batch", "--out", file)
    said = run(*make, touches=True)
    assert said.exit_code == 0, said.output
    again = run(*make, "--json", touches=True)
    assert json.loads(again.stdout) == {"file": str(file), "bytes": file.stat().st_size}
    check = ("technology", "verify", file, "--policy", told, "--authority", sample.authority().vkey)
    verified = run(*check)
    assert verified.exit_code == 0, verified.output
    assert "Verified: SSB-1 has reached small batch" in verified.output
    shown = json.loads(run(*check, "--json").stdout)
    assert (shown["verified"], shown["stage"], shown["granted_by"]) == (True, "small_batch", q.LAB)
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"small_batch"', b'"pilot_line"', 1))
    assert run(*check).exit_code == 1
    file.write_bytes(data[:-3])
    broken = run(*check, "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["error"]["rule"] == "certificate.form"
    run(*make, "--audience", "public", touches=True)
    hidden = run(*check)
    assert hidden.exit_code == 1
    assert "not shown whole" in hidden.output
    none = run(*make[:4], "mass_production", *make[5:], touches=True)
    assert none.exit_code == 1
    assert "has not been granted mass_production" in none.output


def test_protocols_and_gates_are_listed(run):
    """Each with what it asks for; a limit that is not confirmed says that it is not configured."""
    said = run("technology", "protocols")
    assert said.exit_code == 0
    assert "not" in said.output
    shown = json.loads(run("technology", "protocols", "--json").stdout)
    assert shown["protocols"]["bottom_impact"]["conditions"]["energy_j"]["low"] == 150
    limits = shown["protocols"]["weight_loss"]["limits"]
    assert {(one["value"], one["standing"]) for one in limits} == {(0.01, "in_force"), (0.005, "draft")}
    assert shown["gates"][0]["stage"] == "laboratory"
