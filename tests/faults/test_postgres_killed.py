"""PostgreSQL is killed under load: whoever reports is told, and what was promised is still there."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import count

import psutil
import psycopg
import pytest

import voltrail
from tests import dice
from tests.faults import load
from voltrail.errors import RegistryError


class Load:
    """Threads that report until the database fails them; `received`: receipts, `failed`: what they heard."""

    def __init__(self, registry, first, threads=4):
        self.received, self.failed, self.asked = {}, {}, first
        self._registry, self._numbers, self._door = registry, count(first), threading.Lock()
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _work(self):
        while True:
            with self._door:
                number = self.asked = next(self._numbers)
            file = load.report_of(number)[0]
            try:
                self.received[number] = self._registry.report(file)
            except Exception as error:  # noqa: BLE001 - what it is, the test asserts
                self.failed[number] = error
                return

    def join(self):
        for thread in self._threads:
            thread.join()


def told(error):
    """Assert that an error is what a reporter can act on."""
    assert isinstance(error, RegistryError), repr(error)
    assert error.rule.startswith("database.")
    assert error.message
    assert "again" in error.fix


@pytest.mark.timeout(3600)
def test_postgres_killed_under_load(data, kills):
    """All processes of PostgreSQL killed at random: errors with words, then everything promised is there."""
    chance = random.Random(dice.seed("postgres killed"))
    received, failed, asked = {}, 0, 1
    with voltrail.open(data) as registry:
        received[0] = registry.report(load.report_of(0)[0])
    for _ in range(max(1, kills // 4)):
        with voltrail.open(data) as registry:
            running = Load(registry, asked)
            time.sleep(chance.uniform(0.05, 0.8))
            load.stop(data / "pg", signal.SIGKILL)
            running.join()
        for error in running.failed.values():
            told(error)
        failed += len(running.failed)
        received |= running.received
        asked = running.asked + 1
    with voltrail.open(data) as registry:
        load.check_kept(registry, received)
        for number in sorted(set(range(asked)) - set(received)):
            received[number] = registry.report(load.report_of(number)[0])
        load.check_kept(registry, received)
    print(f"{len(received)} receipts, {failed} reports that heard of it")


def test_a_registry_goes_on_when_its_server_is_back(data):
    """A registry that stood open through it reports again, without being opened anew, once it runs."""
    with voltrail.open(data) as registry:
        received = {0: registry.report(load.report_of(0)[0])}
        load.stop(data / "pg", signal.SIGKILL)
        for _ in range(2):  # the connection that broke, and one that cannot be made
            with pytest.raises(RegistryError) as failed:
                registry.report(load.report_of(1)[0])
            told(failed.value)
        with voltrail.open(data) as again:
            received[1] = again.report(load.report_of(1)[0])
        received[2] = registry.report(load.report_of(2)[0])
        load.check_kept(registry, received)


def test_one_backend_killed(data):
    """PostgreSQL loses one process, ends all sessions and recovers by itself: reports go on after that."""
    with voltrail.open(data) as registry:
        received = {0: registry.report(load.report_of(0)[0])}
        (backend,) = registry._writer.connected().execute("select pg_backend_pid()").fetchone()
        victim = next(one for one in load.server_of(data / "pg") if one.pid == backend)
        victim.kill()
        load.gone([victim])
        with pytest.raises(RegistryError) as failed:
            registry.report(load.report_of(1)[0])
        told(failed.value)
        wait_for(registry.database.dsn)
        received[1] = registry.report(load.report_of(1)[0])
        load.check_kept(registry, received)


def wait_for(dsn):
    """Wait until PostgreSQL takes connections again."""
    for _ in range(1000):
        try:
            psycopg.connect(dsn).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise AssertionError(dsn)


@pytest.mark.parametrize("number", ["zombie", "another"])
def test_a_pid_file_left_by_the_dead(data, number):
    """A pid file whose number is now a zombie's or another program's is not taken for a living server."""
    with voltrail.open(data) as registry:
        received = {0: registry.report(load.report_of(0)[0])}
        load.stop(data / "pg", signal.SIGKILL)
    script = "" if number == "zombie" else "import time; time.sleep(60)"
    stranger = subprocess.Popen([sys.executable, "-c", script])
    try:
        while number == "zombie" and psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        for file in (data / "pg" / "postmaster.pid", *data.glob("pg/.s.PGSQL.*.lock")):
            lines = file.read_text().splitlines(keepends=True)
            owner = file.stat()
            file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
            os.chown(file, owner.st_uid, owner.st_gid)
        with voltrail.open(data) as registry:
            load.check_kept(registry, received)
    finally:
        stranger.kill()
        stranger.wait()
