"""Witnesses from the command line: a key, a registry that names them, a doctor that asks, evidence."""

import json

import pytest
from click.testing import CliRunner

from tests.cli.test_flow import begun, run
from tests.connections.witnesses import honest
from tests.registry import sample
from tests.registry.conftest import postgres
from voltrail.cli import main
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Policy

__all__ = ["begun", "postgres", "run"]

PACK = sample.pack(1)


def test_a_witness_key(run, tmp_path):
    """A witness's key has any name, its VKEY is one for cosignatures, and its file is the owner's only."""
    made = run("key", "new", "w.example/1", "--witness", "--out", tmp_path / "w.pem")
    assert Verifier(made.stdout.strip()).algorithm == "cosignature/v1"
    assert (tmp_path / "w.pem").stat().st_mode & 0o777 == 0o600
    assert run("key", "new", "w.example/1", "--witness", "--out", tmp_path / "w.pem").exit_code == 1
    wrong = run(
        "key", "new", "w", "--witness", "--algorithm", "ecdsa-p256-sha256", "--out", tmp_path / "p.pem"
    )
    assert wrong.exit_code == 1
    assert not (tmp_path / "p.pem").exists()


def test_a_witness_needs_logs_and_a_key_of_its_own(run, tmp_path):
    """Without a log, or with a log's key, `voltrail witness` says what is missing and does not listen."""
    run("key", "new", "w.example/1", "--witness", "--out", tmp_path / "w.pem")
    where = ("--key", tmp_path / "w.pem", "--data", tmp_path / "w")
    assert "--policy" in run("witness", *where).output
    log = json.loads(run("key", "new", "a/log", "--out", tmp_path / "log.pem", "--json").stdout)["vkey"]
    own = run("witness", "--key", tmp_path / "log.pem", "--data", tmp_path / "w", "--log", log)
    assert own.exit_code == 1
    assert "cannot witness itself" in own.output


@pytest.mark.parametrize("witness", ["x", "twice", "not a url", "log"])
def test_init_takes_witnesses_that_read(run, tmp_path, witness):
    """A witness that is no witness's key, or stands twice, is refused before a folder is made."""
    vkey = run("key", "new", "w.example", "--witness", "--out", tmp_path / "w.pem").stdout.strip()
    given = {
        "x": ["x"],
        "twice": [vkey, vkey],
        "not a url": [f"{vkey} here"],
        "log": [sample.authority().vkey],
    }[witness]
    named = [word for one in given for word in ("--witness", one)]
    told = run(
        "init", "--origin", "x/log", "--authority", sample.authority().vkey, *named, "--data", tmp_path / "n"
    )
    assert told.exit_code == 1
    assert not (tmp_path / "n").exists()


def test_from_init_to_witnessed_evidence(run, tmp_path, postgres):
    """Evidence that is not yet witnessed exits 1 with a rule of its own; once it is, with 0."""
    vkey = run("key", "new", "w1.example", "--witness", "--out", tmp_path / "w.pem").stdout.strip()
    dsn, data = postgres(), tmp_path / "d"
    where = ("--data", data, "--database", dsn)

    def call(*arguments):
        return CliRunner().invoke(main, [*map(str, arguments), *map(str, where)])

    authority = sample.authority()
    names = ("--origin", sample.ORIGIN, "--authority", authority.vkey, "--witness", vkey)
    assert call("init", *names).exit_code == 0
    assert "quorum witnesses" in (data / "policy.txt").read_text()
    (tmp_path / "a.pem").write_text(authority.pem)
    lines = sample.registrations(sample.AUTHORITY, "battery_maker")[:2]
    lines.append(sample.first_life(PACK)[0])
    (tmp_path / "life.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    assert call("report", tmp_path / "life.jsonl", "--key", tmp_path / "a.pem").exit_code == 0
    verify = ("verify", tmp_path / "e.json", "--policy", data / "policy.txt", "--authority", authority.vkey)
    (tmp_path / "e.json").write_text(call("evidence", PACK).stdout)
    early = run(*verify, "--json")
    assert (early.exit_code, json.loads(early.output)["error"]["rule"]) == (1, "evidence.quorum")
    assert "Not yet witnessed" in run(*verify).output
    without = call("doctor")
    assert without.exit_code == 1
    assert "has no URL" in without.output

    log, _ = Policy.parse((data / "policy.txt").read_text()).logs
    from voltrail.ledger.keys import Signer
    from voltrail.ledger.witness import Cosigner

    key = Cosigner(Signer.from_pem((tmp_path / "w.pem").read_text()))
    with honest(key, tmp_path / "w", log) as url:
        settings = json.loads((data / "settings.json").read_text())
        settings["witnesses"] = [f"{vkey} {url}"]
        (data / "settings.json").write_text(json.dumps(settings))
        told = call("doctor")
        assert told.exit_code == 0, told.output
        assert "w1.example cosigned" in told.output
    (tmp_path / "e.json").write_text(call("evidence", PACK).stdout)
    late = run(*verify)
    assert late.exit_code == 0, late.output
    assert "cosigned by w1.example" in late.output
    away = call("doctor", "--json")
    assert away.exit_code == 1
    assert "cannot be reached" in away.output
