"""Real registries on a real embedded PostgreSQL: one server for all tests, one database for each."""

import json
from itertools import count

import psycopg
import pytest

import voltrail
from tests.registry import sample
from voltrail.database import embedded
from voltrail.database.database import Database
from voltrail.registry.settings import initialise

_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Return a function that makes a database, migrated as yet and otherwise empty, and gives its DSN."""
    server = embedded.start(tmp_path_factory.mktemp("postgres") / "pg")
    Database(None, server.get_uri()).close()  # from here on a template, to which nobody is connected

    def database():
        name = f"test_{next(_numbers)}"
        with psycopg.connect(server.get_uri(database="template1"), autocommit=True) as connection:
            connection.execute(f"create database {name} template postgres")
        return server.get_uri(database=name)

    return database


@pytest.fixture
def empty(tmp_path, postgres):
    """A registry in which nothing has been reported."""
    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "data", postgres()) as registry:
        yield registry


@pytest.fixture
def registry(empty):
    """A registry that knows a maker, a car maker, a recycler and its own host."""
    lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    lines += (empty.data / "host-trust.jsonl").read_bytes().splitlines()
    receipt = json.loads(empty.report(sample.report(sample.authority(), lines)))
    assert not receipt["refused"]
    return empty
