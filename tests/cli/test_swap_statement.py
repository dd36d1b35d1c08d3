"""`voltrail swap statement` as an accountant types it."""

import json

import pytest
from click.testing import CliRunner

from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from tests.registry.swapping import BANK, RIVAL, STATION, SWAPPER, VINS, at, begin, send, swapped
from voltrail.cli import main

__all__ = ["empty", "postgres", "registry"]

PACKS = [sample.pack(serial) for serial in range(331, 337)]
OUT, _, _, FIRST, SECOND, _ = PACKS
MAY = ("--from", "2026-05-01", "--until", "2026-06-01")


@pytest.fixture
def network(registry):
    """A truck that swapped three times: 400 kWh were used, 90 charged into the pack that was put in again."""
    begin(registry, PACKS)
    registry.swaps = [
        send(registry, SWAPPER, swapped(hours, VINS[0], out, put_in, energy_out_kwh=was, energy_in_kwh=full))
        for hours, out, put_in, was, full in (
            (8, OUT, FIRST, 30, 260),
            (12, FIRST, SECOND, 60, 250),
            (18, SECOND, FIRST, 50, 150),
        )
    ]
    return registry


def run(registry, *args):
    where = ("--data", str(registry.data), "--database", registry.database.dsn)
    return CliRunner().invoke(main, ["swap", "statement", *where, *args])


def told(registry, of, *more):
    """Return the statements by whose they are, and in how many ways they were held against the swaps."""
    found = run(registry, *MAY, "--of", of, "--json", *more)
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["wrong"] == 0
    assert read["proofs"] > 0
    return {one["key"]: one for one in read["statements"]}


def test_a_table_for_people(network):
    """Whose, what it used, and that all of it agrees with the swaps."""
    found = run(network, *MAY)
    assert found.exit_code == 0, found.output
    assert VINS[0] in found.stdout
    assert "400,000" in found.stdout  # 200 kWh by each of two packs
    assert "sums agree with the swaps." in found.stdout
    nothing = run(network, "--from", "2026-01-01", "--until", "2026-02-01")
    assert nothing.exit_code == 0
    assert VINS[0] not in nothing.stdout


def test_each_kind_of_statement_as_json(network):
    """Of the truck, the station and the owner: each has the same watt-hours, and what is open by reason."""
    truck = told(network, "truck")[VINS[0]]
    assert (truck["settled"], truck["used_wh"], truck["charged_wh"]) == (2, 400_000, 0)
    assert truck["open"] == {"no_beginning": 1, "running": 1}
    station = told(network, "station")[STATION]
    assert (station["settled"], station["used_wh"], station["charged_wh"]) == (1, 0, 90_000)
    owner = told(network, "owner")[BANK]
    assert (owner["used_wh"], owner["charged_wh"]) == (400_000, 90_000)
    assert told(network, "owner", "--organisation", RIVAL) == {}
    assert told(network, "owner", "--organisation", SWAPPER) == {BANK: owner}


def test_a_correction_changes_the_statement_and_it_adds_up(network):
    """A meter that was read wrongly is put right, then a swap is void: each time all sums agree."""
    told(network, "truck")  # the copy stands before the correction comes
    line = swapped(12, VINS[0], FIRST, SECOND, energy_out_kwh=70, energy_in_kwh=250).decode()
    about = {"codes": [FIRST, SECOND], "vin": VINS[0], "corrects": network.swaps[1]}
    fixed = send(network, SWAPPER, sample.line("corrected", at(20), **about, line=line))
    assert told(network, "truck")[VINS[0]]["used_wh"] == 390_000
    assert told(network, "station")[STATION]["charged_wh"] == 80_000
    send(network, SWAPPER, sample.line("corrected", at(21), **about | {"corrects": fixed}, void=True))
    truck = told(network, "truck")[VINS[0]]
    assert (truck["settled"], truck["used_wh"]) == (0, 0)
    assert truck["open"] == {"no_beginning": 2, "no_end": 1, "running": 1}


@pytest.mark.parametrize(
    "args",
    [("--from", "2026-06-01", "--until", "2026-05-01"), ("--from", "2024-01-01", "--until", "2026-01-01")],
)
def test_a_period_that_is_none_is_refused(network, args):
    """With what to do, and no table."""
    found = run(network, *args)
    assert found.exit_code == 1
    assert "The period" in found.stderr
    assert found.stdout == ""
