"""Gateways of their own, on real sockets and a real database."""

import psycopg
import pytest

from tests.gateway.vehicles import OTHER, VIN
from tests.registry.conftest import empty, postgres, registry
from voltrail.database.database import Database
from voltrail.gateway.folder import Folder
from voltrail.gateway.limits import Limits
from voltrail.gateway.processes import Gateway, Settings
from voltrail.registry.admission import Admission

__all__ = ["empty", "postgres", "registry"]


@pytest.fixture
def database(postgres):
    """A database whose record knows two vehicles."""
    with Database(None, postgres()) as opened:
        with psycopg.connect(opened.dsn, autocommit=True) as connection:
            for vin in (VIN, OTHER):
                connection.execute(
                    "insert into subject (id, k, h, seq, latest_us, state) values (%s, 0, '', 0, 0, '')",
                    (f"vehicle:{vin}",),
                )
        yield opened


@pytest.fixture
def admission(database):
    return Admission(database.pool)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "telemetry")


@pytest.fixture
def start(database, folder):
    """Return a function that starts a gateway with such settings; they end with the test."""
    running = []

    def started(processes=1, admit="recorded", tls=None, dsn=None, **limits):
        settings = Settings(folder.root, dsn or database.dsn, "127.0.0.1", 0, admit, tls, Limits(**limits))
        gateway = Gateway(settings, processes)
        running.append(gateway)
        return gateway.__enter__()

    yield started
    for gateway in running:
        gateway.__exit__()
