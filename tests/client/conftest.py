"""A registry behind a real server on loopback, and who reports to it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.api.conftest import running
from tests.browser.serving import free_port
from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.organisations.identifiers import credit_code

__all__ = ["empty", "postgres", "registry"]

SMALL = credit_code("91000000MA0000009")


@pytest.fixture
def url(registry):
    """The address of a registry that knows a maker, a car maker, a recycler."""
    port = free_port()
    with running(create_app(registry), port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def make_token(registry):
    """Return a function that makes a token of an organisation without keys, with these scopes."""
    keyless = sample.registrations(SMALL, "battery_maker")[:2]
    assert not json.loads(registry.report(sample.report(sample.authority(), keyless)))["refused"]

    def made(*scopes, organisation=SMALL):
        accounts = Accounts(registry.database)
        login = f"user-{len(accounts.page())}"
        once = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, once, "setup"))
        secret = accounts.change_password(person, once, "four words nobody guesses", "setup")
        return accounts.make_token(accounts.by_session(secret), "test", scopes, 1, "setup")

    return made


@contextmanager
def serving(answer, port=0):
    """Serve what `answer(handler)` writes on a real port of loopback; give the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        do_POST = do_GET  # noqa: N815 - as http.server calls it

        def say(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
