"""How often to kill, and registries of their own for what goes wrong."""

import os

import pytest

from tests.faults import load
from tests.registry.conftest import empty, postgres, registry

__all__ = ["empty", "postgres", "registry"]


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, help="how often to kill under load (12)")


@pytest.fixture(scope="session")
def kills(pytestconfig):
    """How often a process is killed: --kills, or VOLTRAIL_KILLS, or 12."""
    return pytestconfig.getoption("--kills", None) or int(os.environ.get("VOLTRAIL_KILLS", "12"))


@pytest.fixture
def data(tmp_path):
    """The data folder of a new registry, whose PostgreSQL is stopped in the end whatever became of it."""
    folder = tmp_path / "data"
    load.begin(folder)
    yield folder
    load.stop(folder / "pg")
