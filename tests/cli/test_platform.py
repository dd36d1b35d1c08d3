"""The stand-in for the national platform from the command line."""

import subprocess
import sys
import time

import httpx

from tests.browser.serving import free_port
from tests.cli.test_flow import begun, run
from tests.registry.conftest import postgres

__all__ = ["begun", "postgres", "run"]


def test_the_stand_in_takes_batches_until_it_is_stopped(tmp_path):
    """It listens on loopback, says what it holds, fails as it is told to, and keeps its file."""
    port, store = free_port(), tmp_path / "taken.sqlite"
    command = [sys.executable, "-m", "voltrail.cli", "platform", "stand-in"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--store", str(store), "--fault", "busy"], stderr=subprocess.PIPE
    )
    item = {
        "log": "x/log",
        "index": 7,
        "do": "submit",
        "corrects": None,
        "received_at": "2026-05-03T00:00:00.000Z",
        "event": {"kind": "manufactured", "occurred_at": "2026-05-03T08:00:00+08:00"},
    }
    batch = {
        "format": "voltrail-platform-batch/1",
        "batch": "k",
        "organisation": "O",
        "rule": "o73-06",
        "items": [item],
    }
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                assert httpx.get(url).json() == {"held": 0, "last": []}
                break
            except httpx.TransportError:
                assert time.monotonic() < until
                time.sleep(0.1)
        answers = [
            httpx.post(f"{url}/batches", json=batch, headers={"webhook-id": name}) for name in ("k", "k", "x")
        ]
        assert [one.status_code for one in answers] == [429, 200, 400]
        assert answers[0].headers["retry-after"] == "1"
        assert answers[1].json()["items"] == [
            {"index": 7, "state": "accepted", "receipt": "STANDIN-00000001"}
        ]
        for body in (b"", b"[]", b"{", b"\xff", b'{"format":1}', b"[" * 100_000):
            assert httpx.post(url, content=body).status_code == 400
        assert httpx.get(url).json()["held"] == 1
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()
    assert store.exists()


def test_what_cannot_be_used_is_said(run, tmp_path):
    """A store that is no file of ours, and a fault that there is not."""
    (tmp_path / "no.sqlite").write_text("not a database, but long enough to be looked at as one " * 10)
    told = run("platform", "stand-in", "--store", tmp_path / "no.sqlite", "--port", "0")
    assert told.exit_code == 1
    assert "--store" in told.output
    assert run("platform", "stand-in", "--fault", "meteor").exit_code == 2
