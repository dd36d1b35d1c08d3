"""Makers from the command line: losses told, the record beside."""

import json

from tests.cli.test_flow import run  # noqa: F401 - a fixture
from tests.cli.test_outlook_lives import lead
from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry  # noqa: F401 - fixtures

# ruff: noqa: F811 - fixtures of another module


def test_the_score_stands_with_the_forecasts(run):
    """Forecasts are printed with how many came nearer than no change and how many did not."""
    words = run("outlook", "makers")
    assert words.exit_code == 0, words.output
    assert "not as near" in words.output
    assert json.loads(run("outlook", "makers", "--json").output)["record"] == []


def test_the_record_tells_packs_and_energy_by_maker(run, registry):
    """Of a record the packs of each maker and their energy are told; none is left out or counted twice."""
    lead(registry, batteries=5, ends=1)
    dsn = registry.database.pool.conninfo
    told = run("outlook", "makers", "--data", registry.data, "--database", dsn, "--json")
    assert told.exit_code == 0, told.output
    [maker] = json.loads(told.output)["record"]
    assert (maker["maker"], maker["packs"], maker["energy_kwh"]) == (sample.MAKER, 5, 300.0)
