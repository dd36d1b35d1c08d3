"""A sample world behind a real `voltrail serve`, and where the pages of that world are."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cached_property

import httpx

import voltrail
from tests.browser.chromium import HOST
from tests.faults.load import stop
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.registry.files import write_private

SHORT = 7  # a word that may stand anywhere
PACKS = 250  # of which all stops of the tour are made
LOGINS = {
    "admin", "registrar", "clerk", "authority", "maker", "cells", "cars", "repairs", "recycler", "outlet",
}  # fmt: skip
PROVIDER = {  # asked by nobody here: it is there so that /sign-in has its button
    "name": "示例身份平台",
    "issuer": "https://id.example",
    "client_id": "voltrail",
    "client_secret": "none",
    "address": "https://registry.example",
}
PATIENCE_S = 100  # for the very first start, which compiles


class Site:
    """A served registry in the folder `data`; `places` are the names that paths may have in braces."""

    def __init__(self, url, places, data):
        self.url, self.places, self.data = url, places, data

    @cached_property
    def session(self):
        """The cookie of an administrator who is signed in, as browsers and Playwright take it."""
        with voltrail.open(self.data) as registry:
            Accounts(registry.database).add("clerk", self.places["identifier"], "member", Actor())
            host = registry.settings.host
        return self.sign_in("registrar", host, "administrator")

    def sign_in(self, login, organisation, role="member"):
        """Make an account with a password of its own, and return the cookie of who signed in with it."""
        with voltrail.open(self.data) as registry:
            accounts = Accounts(registry.database)
            once = accounts.add(login, organisation, role, Actor())
            person = accounts.by_session(accounts.sign_in(login, once, HOST))
            secret = accounts.change_password(person, once, "four words nobody guesses", HOST)
        return {"name": "session", "value": secret, "url": self.url}

    def address(self, path):
        """Return the whole address of a path."""
        return self.url + path.format_map(self.places)


def make(folder):
    """Make the sample world in a folder."""
    _voltrail("demo", "--no-serve", "--packs", str(PACKS), "--data", str(folder))
    write_private(folder / "oidc.json", json.dumps(PROVIDER).encode())


@contextmanager
def sample_site(folder):
    """Serve the sample world in a folder."""
    with served(folder) as url:
        yield Site(url, _places(url), folder)


@contextmanager
def served(folder):
    """Serve the registry in a folder on a free port; yield its address, in the end stop it and PostgreSQL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "voltrail.cli", "serve", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        _wait(server, url)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
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
    """
    Choose what is worth a look: the longest life, one that ended, an organisation, a model, an event.

    `said` is what the record says in both languages at once: names, and words that reporters chose.
    """

    def ask(path):
        return httpx.get(url + path, headers={"Accept": "application/json"}).raise_for_status().json()

    packs = sorted(ask("/batteries?level=pack&limit=1000")["batteries"], key=lambda one: one["events"])
    code, ended = packs[-1]["code"], [one["code"] for one in packs if one["phase"] == "ended"][-1]
    lives = [ask(f"/b/{one}/history")["events"] for one in (code, ended)]
    organisations = ask("/organisations")["organisations"]
    models = ask("/models?limit=1000")["models"]
    recalls = ask("/recalls")["campaigns"]
    recalled = next(one["code"] for one in packs if ask(f"/b/{one['code']}")["recalls"])
    made_of = next(one["code"] for one in packs if ask(f"/b/{one['code']}/recycled-content")["shares"])
    outlets = ask("/outlets")["outlets"]
    stations = ask("/stations")["stations"]
    values = [one.get("name") for one in [*organisations, *models]]
    values += [value for events in lives for event in events for value in event["members"].values()]
    values += [one["title"] for one in ask(f"/models/{models[0]['model_id']}")["documents"]]
    values += [one[name] for one in [*outlets, *stations] for name in ("name", "address")]
    points = ask(f"/b/{code}/passport")["points"].values()
    declared = {one["value"] for one in points if isinstance(one["value"], str) and len(one["value"]) > SHORT}
    values += [one[name] for one in recalls for name in ("title", "risk", "advice")]
    return {
        "code": code,
        "recall": recalls[0]["campaign"],
        "recalled": recalled,
        "made_of": made_of,
        "ended": ended,
        "identifier": organisations[1]["organisation"],
        "model": models[0]["model_id"],
        "outlet": outlets[0]["site"],
        "station": stations[0]["site"],
        "then": lives[0][-2]["occurred_at"][:10] + "T23:59:59Z",
        "index": lives[0][0]["index"],
        "said": {one for one in values if isinstance(one, str) and not one.isascii()}
        | LOGINS
        | {"stationary storage"}
        | declared,
    }


def _voltrail(*words):
    subprocess.run([sys.executable, "-m", "voltrail.cli", *words], check=True, stdout=subprocess.DEVNULL)
