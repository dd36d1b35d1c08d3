"""A sample world behind a real `voltrail serve`, and where the pages of that world are."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

from tests.faults.load import stop

PACKS = 200
PATIENCE_S = 100  # for the very first start, which compiles


class Site:
    """A served registry; `places` are the names that paths may have in braces."""

    def __init__(self, url, places):
        self.url, self.places = url, places

    def address(self, path):
        """Return the whole address of a path."""
        return self.url + path.format_map(self.places)


@contextmanager
def sample_site(folder):
    """Make the sample world in a folder and serve it."""
    _voltrail("demo", "--no-serve", "--packs", str(PACKS), "--data", str(folder))
    with served(folder) as url:
        yield Site(url, _places(url))


@contextmanager
def served(folder):
    """Serve the registry in a folder on a free port; yield its address, and in the end stop it and PostgreSQL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "voltrail.cli", "serve", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _wait(server, url)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
        stop(folder / "pg")


def free_port():
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait(server, url):
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S and server.poll() is None:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start: {server.poll()}.")


def _places(url):
    """Choose what is worth a look: the longest life, one that ended, an organisation, an event, a model."""

    def ask(path):
        return httpx.get(url + path, headers={"Accept": "application/json"}).raise_for_status().json()

    packs = ask("/batteries?level=pack&limit=1000")["batteries"]
    longest = max(packs, key=lambda one: (one["events"], one["code"]))["code"]
    organisations = ask("/organisations")["organisations"]
    return {
        "code": longest,
        "ended": max((one for one in packs if one["phase"] == "ended"), key=lambda one: one["events"])["code"],
        "identifier": organisations[1]["organisation"],
        "index": ask(f"/b/{longest}/history")["events"][0]["index"],
        "names": [one["name"] for one in organisations],
    }


def _voltrail(*words):
    subprocess.run([sys.executable, "-m", "voltrail.cli", *words], check=True, stdout=subprocess.DEVNULL)
