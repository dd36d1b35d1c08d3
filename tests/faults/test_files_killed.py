"""The server is killed while it reads a file, and while it puts it on record: every row is there once."""

import signal
import subprocess
import sys
import time

import httpx
import pytest

import voltrail
from tests.browser.serving import free_port
from tests.faults import load
from tests.registry import sample
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.registry.settings import initialise

ROWS = 40_000  # four reports
PATIENCE_S = 300


class Server:
    """A `voltrail serve` that is killed without a word."""

    def __init__(self, data):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "voltrail.cli", "serve", "--data", str(data), "--port", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_S and self.process.poll() is None:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise RuntimeError("The server did not start.")

    def end(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(60)


@pytest.fixture
def data(tmp_path):
    """A registry with a maker for whom the host signs."""
    folder = tmp_path / "data"
    initialise(folder, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(folder) as registry:
        lines = sample.registrations(sample.MAKER, "battery_maker", host_may_sign=True)
        registry.report(
            sample.report(
                sample.authority(), [*lines, *(folder / "host-trust.jsonl").read_bytes().splitlines()]
            )
        )
    yield folder
    load.stop(folder / "pg")


def test_every_row_is_there_once(data):
    """Killed in the middle of reading and, twice, in the middle of recording, it goes on where it was."""
    with voltrail.open(data) as registry:
        accounts = Accounts(registry.database)
        once = accounts.add("clerk", sample.MAKER, "member", Actor())
        person = accounts.by_session(accounts.sign_in("clerk", once, "setup"))
        secret = accounts.change_password(person, once, "four words nobody guesses", "setup")
        person = accounts.by_session(secret)
        token = accounts.make_token(person, "x", ["report"], 1, "setup")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    rows = [f"2026-04-12 10:00,{sample.pack(serial)},612.5\n" for serial in range(1, ROWS + 1)]
    rows[777] = "2026-04-12 10:00,wrong,612.5\n"
    content = ("Occurred at,Battery code,Mass (kg)\n" + "".join(rows)).encode()

    server = Server(data)
    answer = httpx.post(
        server.url + "/workspace/files?kind=manufactured", content=content, headers=headers, timeout=60
    )
    path = f"/workspace/files/{answer.json()['file']}"
    seen = []

    def wait(until):
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_S:
            told = httpx.get(server.url + path, headers=headers, timeout=60).json()
            if until(told):
                return told
            time.sleep(0.01)
        raise AssertionError(told)

    seen.append(wait(lambda told: told["rows"] > 5_000)["state"])
    server.end()
    server = Server(data)
    told = wait(lambda told: told["state"] == "checked")
    assert (told["rows"], told["ready"], told["refused"]) == (ROWS, ROWS - 1, 1)
    httpx.post(server.url + path + "/record", headers=headers, timeout=60).raise_for_status()
    for taken in (0, 10_000):
        told = wait(lambda told, taken=taken: told["taken"] > taken)
        seen.append(told["state"])
        server.end()
        server = Server(data)
    told = wait(lambda told: told["state"] == "recorded")
    server.end(signal.SIGINT)
    assert (told["taken"], told["known"], told["ready"]) == (ROWS - 1, 0, 0)
    assert "recording" in seen  # it was killed before it was through
    with voltrail.open(data) as registry, registry.database.pool.connection() as connection:
        query = "select count(*), count(distinct line) from event where kind = 'manufactured'"
        assert connection.execute(query).fetchone() == (ROWS - 1, ROWS - 1)
