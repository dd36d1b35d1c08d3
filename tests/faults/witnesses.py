"""Witnesses and logs as processes of their own, started as an operator starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from voltrail.ledger.keys import Signer
from voltrail.ledger.witness import Cosigner

HOUSE = Path(__file__).parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def key_file(folder, number):
    """Write a witness's key; return it and its file."""
    signer = Signer.from_seed(f"w{number}.example", bytes([number]) * 32)
    path = folder / f"w{number}.pem"
    path.write_text(signer.pem)
    return Cosigner(signer), path


class Process:
    """One `voltrail` command that listens; `url` answers when the constructor returns."""

    def __init__(self, folder, *arguments, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True)
        self._words = folder / "stderr.txt"
        command = [sys.executable, "-m", "voltrail.cli", *map(str, arguments), "--port", str(self.port)]
        with self._words.open("ab") as words:
            self.process = subprocess.Popen(command, cwd=HOUSE, stderr=words, stdout=words)
        self._wait()

    def _wait(self):
        while True:
            with suppress(OSError, URLError):
                self.get("/healthz", known=True)
                return
            assert self.process.poll() is None, self.words
            time.sleep(0.05)

    @property
    def words(self):
        """What it has said so far."""
        return self._words.read_text()

    def get(self, path, *, known=False):
        """Return what it answers; `known`: an error status is an answer too."""
        from urllib.error import HTTPError

        try:
            with urlopen(self.url + path, timeout=30) as answer:
                return answer.read().decode()
        except HTTPError as error:
            with error:
                if not known:
                    raise
                return error.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def stop(self, how=signal.SIGINT):
        """End it, in order or at once, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, how)
        self.process.wait()
