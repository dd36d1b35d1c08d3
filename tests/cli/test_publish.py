"""`voltrail log publish` and `proof` say what they did, in words and in JSON, with exit codes for scripts."""

import json

import pytest
from click.testing import CliRunner

from tests.registry.conftest import empty, postgres, registry  # noqa: F401 - fixtures
from voltrail.cli import main
from voltrail.ledger.notes import Policy
from voltrail.ledger.tlog_proof import TlogProof, verify_tlog_proof


@pytest.fixture
def run(registry):  # noqa: F811
    """Run a command of `voltrail log` on the registry."""
    where = ["--data", str(registry.data), "--database", registry.database.dsn]
    return lambda *arguments: CliRunner().invoke(main, ["log", *map(str, arguments), *where])


def test_publish_check_and_mend(run, tmp_path):
    """Publish, check, lose a file, be told what to do, do it."""
    folder = tmp_path / "www"
    assert run("publish", folder, "--check").exit_code == 1
    first = run("publish", folder)
    assert first.exit_code == 0, first.output
    assert "entries" in first.stdout
    assert json.loads(run("publish", folder, "--json").stdout)["written"] == 0
    assert run("publish", folder, "--check").exit_code == 0
    (lost,) = (folder / "tile/0").rglob("*.p/*")
    lost.unlink()
    told = run("publish", folder, "--check")
    assert told.exit_code == 1
    assert f"{lost} is missing." in told.stdout
    assert f"voltrail log publish {folder} --mend" in told.stderr
    faults = json.loads(run("publish", folder, "--check", "--json").stdout)["faults"]
    assert faults == [{"path": lost.relative_to(folder).as_posix(), "message": "is missing"}]
    refused = run("publish", folder)
    assert refused.exit_code == 1
    assert "--mend" in refused.stderr
    assert run("publish", folder, "--mend").exit_code == 0
    assert run("publish", folder, "--check").exit_code == 0
    assert run("publish", folder, "--check", "--mend").exit_code == 1


def test_proof(run, registry):  # noqa: F811
    """The text holds under the printed policy; beyond the log there is none."""
    printed = run("proof", 3)
    policy = Policy.parse(run("policy").stdout)
    assert verify_tlog_proof(printed.stdout, policy).checkpoint.origin == registry.origin
    assert TlogProof.parse(printed.stdout).index == 3
    beyond = run("proof", 100_000)
    assert beyond.exit_code == 1
    assert "beyond" in beyond.stderr


def test_succeed(run, registry, tmp_path):  # noqa: F811
    """The log is closed by its name, in words; what follows has both, and a second time does nothing."""
    assert run("succeed", "other.example/log").exit_code == 1
    told = run("succeed", registry.origin)
    assert told.exit_code == 0, told.output
    assert f"{registry.origin} is closed with" in told.stdout
    assert f"{registry.origin}/2 has begun" in told.stdout
    again = run("succeed", registry.origin)
    assert (again.exit_code, "has closed already" in again.stderr) == (1, True)
    assert run("heads").exit_code == 0
    assert run("publish", tmp_path / "one", "--closed", 1).exit_code == 0
    assert run("publish", tmp_path / "one", "--closed", 1, "--check").exit_code == 0
    assert run("publish", tmp_path / "two").exit_code == 0
    assert run("audit").exit_code == 0
    third = json.loads(run("succeed", f"{registry.origin}/2", "--json").stdout)
    assert (third["origin"], third["lost"]) == (f"{registry.origin}/3", 0)
