"""
Processes that work on a registry and are ended by SIGKILL on the way: after some calls, or after some time.

Run as a program it reads the code once, then forks one process after the other: each costs little.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path

import psycopg

import voltrail
from voltrail.connections import watched
from voltrail.connections.sources import Asked
from voltrail.connections.watched import Watch

PATIENCE_S = 120
NAME = "killed"


class Killer:
    """Begins such processes on one registry; knows what an unharmed report takes, in calls and seconds."""

    def __init__(self, data, dsn):
        self._dsn = dsn
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.registry.killed", data, dsn],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PGAPPNAME": NAME},
        )
        self.calls, self.seconds = 0, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._program:
            self._program.stdin.close()
            self._program.wait(PATIENCE_S)

    def measure(self, content):
        """Let a process report, unharmed, and keep what it took."""
        self.calls, self.seconds = self.report(content)

    def report(self, content, calls=None, seconds=None):
        """Report in a process; return what it took, None if it was ended before it was through."""
        return self._run({"content": b64encode(content).decode(), "calls": calls}, seconds)

    def send(self, folder, calls=None, seconds=None):
        """Send a queue in a process."""
        return self._run({"folder": str(folder), "calls": calls}, seconds)

    def _run(self, work, seconds):
        self._program.stdin.write(json.dumps(work).encode() + b"\n")
        self._program.stdin.flush()
        pid = self._heard()["ready"]
        if seconds is not None and not select.select([self._program.stdout], [], [], seconds)[0]:
            os.kill(pid, signal.SIGKILL)
        took = None
        while "ended" not in (heard := self._heard()):
            took = heard["took"]
        assert heard["ended"] in {0, signal.SIGKILL}
        self._wait_for_database()
        return took

    def _heard(self):
        line = b""  # byte by byte: `select` has to see what comes after it
        while not line.endswith(b"\n"):
            more = os.read(self._program.stdout.fileno(), 1)
            assert more, "the program has ended"
            line += more
        return json.loads(line)

    def _wait_for_database(self):
        """Wait until the database has noticed: what it had begun to commit is on record then, or is not."""
        query = "select count(*) from pg_stat_activity where application_name = %s"
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            until = time.monotonic() + PATIENCE_S
            while connection.execute(query, (NAME,)).fetchone()[0]:
                assert time.monotonic() < until
                time.sleep(0.002)


def serve(data, dsn):
    """Fork a process for each line of what is to be done, one after the other."""
    import voltrail.registry.registry  # noqa: F401 - before it forks

    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                work(data, dsn, **json.loads(line))
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        tell(ended=status)


def work(data, dsn, calls, content=None, folder=None):
    """Report, or send a queue, and end by SIGKILL at so many calls of functions."""
    watched.STEADY_S = 0
    begun, made = False, 0

    def count(frame, event, arg):
        nonlocal made
        if begun:
            made += 1
            if made == calls:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(count)
    sys.setprofile(count)
    with voltrail.open(Path(data), dsn) as registry:
        tell(ready=os.getpid())
        began, begun = time.monotonic(), True
        if content is not None:
            registry.report(b64decode(content))
        else:
            with Watch(Path(folder), Target(registry), Asked(None), "valid", lambda one: None) as watch:
                watch.step()
                watch.step()
        begun = False
        tell(took=(made, time.monotonic() - began))
        os._exit(0)


class Target:
    """Where the queue goes."""

    def __init__(self, registry):
        self._registry = registry

    def send(self, content, mode):
        """Report to the registry itself."""
        return self._registry.report(content, mode)


def tell(**what):
    """Write a line, whole: the forked and the program write to one pipe."""
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve(*sys.argv[1:])
