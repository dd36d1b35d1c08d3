"""One sample registry on a real embedded PostgreSQL, behind the application, for all tests of a module."""

import json
import threading
from contextlib import contextmanager
from datetime import date

import pytest
import uvicorn
from litestar.testing import TestClient

import voltrail
from tests.registry import sample
from voltrail.api import create_app
from voltrail.api.wire import BoundedProtocol
from voltrail.codes import build
from voltrail.registry.settings import initialise

PACK = sample.pack(1)
MODULE = build(maker="9ZZ", level="module", battery_type="B", production_date=date(2026, 4, 12), serial=7)
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with a pack that was made, built from a module, shipped, fitted and measured."""
    data = tmp_path_factory.mktemp("api") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        made = [
            sample.line("manufactured", "2026-04-11T10:00:00+08:00", code=MODULE),
            sample.first_life(PACK)[0],
            sample.line("assembled", "2026-04-12T12:00:00+08:00", code=PACK, codes=[MODULE]),
            sample.first_life(PACK)[1],
        ]
        registry.report(sample.report(sample.signer(sample.MAKER), made))
        fitted = [
            *sample.fitted(PACK),
            sample.line(
                "measured", "2026-05-02T10:00:00+08:00", code=PACK, soh_fraction=0.987, note="<b>秘密</b>"
            ),
        ]
        registry.report(sample.report(sample.signer(sample.CARMAKER), fitted))
        registry.enter_heads()  # now, or the application would at some moment of the first tests
        yield registry


@contextmanager
def running(app, port, **options):
    """Serve an application as `voltrail serve` does, on a real port of loopback, until the block ends."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=BoundedProtocol,
        ws="none",
        log_level="critical",
        lifespan="off",
        server_header=False,
        **options,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def app(registry):
    """The application."""
    return create_app(registry)


@pytest.fixture(scope="module")
def client(app):
    """A client that sees answers as they are sent, redirects and failures included."""
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client
