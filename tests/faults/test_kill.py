"""The process that writes is killed at any moment: nothing promised is lost, nothing is promised twice."""

import json
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import voltrail
from tests import dice
from tests.faults import load
from tests.faults.reporter import MOMENTS

HOUSE = Path(__file__).parents[2]


class Child:
    """A reporter process; `received` are the receipts that came whole out of its pipe."""

    def __init__(self, data, first, threads, *moment):
        command = [
            sys.executable,
            "-m",
            "tests.faults.reporter",
            str(data),
            str(first),
            str(threads),
            *moment,
        ]
        self.process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.received, self.began, self.words = {}, threading.Event(), b""
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._hear)]
        for reader in self._readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                told = json.loads(line)
                self.received[told["number"]] = told["receipt"].encode()
                self.began.set()
        self.began.set()

    def _hear(self):
        self.words = self.process.stderr.read()

    def kill(self, after=None):
        """Kill it after so many seconds from its first receipt on; wait until it is dead."""
        if after is not None:
            self.began.wait()
            threading.Event().wait(after)
            self.process.kill()
        assert self.process.wait() == -9, self.words.decode()
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.received


def found(data):
    """Report the organisations, so that those who are killed later have something to build on."""
    with voltrail.open(data) as registry:
        return {0: registry.report(load.report_of(0)[0])}


@pytest.mark.timeout(3600)
def test_killed_at_random(data, kills):
    """Killed again and again under load, the record keeps every event of every receipt and stays one log."""
    chance = random.Random(dice.seed("kill"))
    received, asked = found(data), 1
    for _ in range(kills):
        got = Child(data, asked, 6).kill(chance.uniform(0, 0.6))
        assert got
        received |= got
        asked = max(received) + 12
    with voltrail.open(data) as registry:
        load.check_kept(registry, received)
        unanswered = sorted(set(range(max(received) + 12)) - set(received))
        for number in unanswered:  # taken or not when the process was killed: sent again, each gets a receipt
            received[number] = registry.report(load.report_of(number)[0])
        load.check_kept(registry, received)
    print(f"{kills} kills, {len(received)} receipts, {len(unanswered)} of them only when sent again")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("begun", [False, True], ids=["first", "later"])
def test_killed_at_a_moment(data, moment, begun):
    """Killed before commit, between commit and anchor, or before the answer, it goes on from what stands."""
    received = found(data) if begun else {}
    assert Child(data, int(begun), 1, moment).kill() == {}
    with voltrail.open(data) as registry:
        for number in range(4):
            received[number] = registry.report(load.report_of(number)[0])
        load.check_kept(registry, received)


def test_the_server_stops_after_a_kill(data):
    """A process that was killed does not keep the embedded PostgreSQL running for ever."""
    Child(data, 0, 1, "writing").kill()
    script = "import sys, pathlib, voltrail; voltrail.open(pathlib.Path(sys.argv[1])).close()"
    subprocess.run([sys.executable, "-c", script, str(data)], check=True, cwd=HOUSE)
    assert load.server_of(data / "pg") == []
