"""Registries whose policy names witnesses."""

import json
from contextlib import ExitStack

import pytest

import voltrail
from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from voltrail.registry.settings import initialise

__all__ = ["empty", "postgres", "registry"]


@pytest.fixture
def begin(tmp_path, postgres):
    """Return a function that makes a registry with these witnesses, in which organisations are registered."""
    with ExitStack() as stack:

        def made(witnesses):
            data = tmp_path / "data"
            initialise(data, sample.ORIGIN, [sample.authority().vkey], witnesses)
            registry = stack.enter_context(voltrail.open(data, postgres()))
            lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
            assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
            return registry

        yield made
