"""`voltrail gateway` on the command line: it begins, ends in order, and says who may send."""

import json
import signal
import subprocess
import sys

from click.testing import CliRunner

from tests.gateway.vehicles import VIN, Peer, login, platform_login, report
from tests.registry import sample
from tests.registry.conftest import empty, postgres
from voltrail.cli import main
from voltrail.registry.admission import Admission

__all__ = ["empty", "postgres"]


def test_platforms_and_terminals_are_let_in_and_out(empty):
    """Added with a password that is printed once, listed, ended; a terminal is freed; wrong ones are told."""
    registry = ["--data", str(empty.data), "--database", empty.database.dsn]

    def run(*words, code=0):
        done = CliRunner().invoke(main, ["gateway", *words, *registry])
        assert done.exit_code == code, done.output
        return done.output

    added = json.loads(run("platform", "add", "FLEET1", "--organisation", sample.MAKER, "--json"))
    assert len(added["password"]) == 20
    assert "FLEET1" in run("platform", "list")
    assert added["password"] not in run("platform", "list", "--json")
    assert "another name" in run("platform", "add", "FLEET1", "--organisation", sample.MAKER, code=1)
    assert "12 plain" in run("platform", "add", "FLEET-OF-THE-NORTH", "--organisation", sample.MAKER, code=1)
    run("platform", "end", "FLEET1")
    assert "ended" in run("platform", "list")
    assert "no platform" in run("platform", "end", "FLEET2", code=1)
    assert "No terminal" in run("terminal", "free", VIN, code=1)
    Admission(empty.database.pool, "any").terminal(VIN, "1")
    run("terminal", "free", VIN)


def test_the_gateway_runs_until_it_is_told_to_end(empty):
    """Ctrl-C ends it with 0; what was sent meanwhile is in the archive or its segments."""
    command = [sys.executable, "-m", "voltrail.cli", "gateway", "--listen", "127.0.0.1:0", "--admit", "any"]
    registry = ["--data", str(empty.data), "--database", empty.database.dsn]
    command += registry
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as gateway:
        said = gateway.stderr.readline()
        assert said.startswith("Taking frames on 127.0.0.1:")
        with Peer(int(said.split(":")[1].split()[0])) as vehicle:
            assert vehicle.asked(login()) == (1, 1)
            vehicle.send(report(1))
            assert vehicle.asked(platform_login("nobody", "x")) == (5, 2)
        gateway.send_signal(signal.SIGINT)
        assert gateway.wait(60) == 0
    done = CliRunner().invoke(main, ["gateway", "archive", *registry, "--json"])
    assert json.loads(done.output)["segments"] <= 1
    shown = ["gateway", "rows", VIN, "--from", "2026-11-30", "--to", "2026-12-01", "--data", str(empty.data)]
    assert "2026-11-30 01:00:01" in CliRunner().invoke(main, shown).output


def test_wrong_addresses_and_half_a_certificate_are_told(tmp_path):
    """What cannot be listened on, and a certificate without its key."""
    for words, told in (
        (["--listen", "everywhere"], "no address"),
        (["--listen", "127.0.0.1:99999"], "no address"),
        (["--tls-cert", __file__], "a certificate and its key"),
        (["--organisation", "nobody"], "nobody"),
    ):
        done = CliRunner().invoke(main, ["gateway", *words, "--data", str(tmp_path / "none")])
        assert done.exit_code == 1
        assert told in done.output
