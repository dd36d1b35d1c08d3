"""`voltrail swap plan` as a dispatcher types it."""

import json

from click.testing import CliRunner

from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from tests.registry.swapping import SWAPPER, begin, send, station
from voltrail.cli import main

__all__ = ["empty", "postgres", "registry"]

PACKS = [sample.pack(serial) for serial in range(321, 327)]
WAY = ("--from", "22.6,114.1", "--to", "23.4,114.1", "--blocks", "1", "--charge", "0.7", "--load-t", "20")


def run(registry, *args):
    where = ("--data", str(registry.data), "--database", registry.database.dsn)
    return CliRunner().invoke(main, ["swap", "plan", *where, *args])


def test_a_plan_in_words_and_as_json(registry):
    """Where, when and which pack; exit code 1 where the charge does not last or a place is none."""
    begin(registry, PACKS)
    model = {"model_id": "S-102", "level": "pack", "chemistry": "LFP", "energy_kwh": 171}
    since = "2026-04-02T00:00:00+08:00"
    send(registry, sample.MAKER, sample.line("model_registered", since, **model, swap_pack="qiji-171"))
    send(registry, SWAPPER, station(latitude=22.95, longitude=114.11, interfaces=["qiji"]))
    told = run(registry, *WAY)
    assert told.exit_code == 0, told.output
    assert "1. Station ST-1, km " in told.stdout
    assert any(code in told.stdout for code in PACKS[3:])
    found = json.loads(run(registry, *WAY, "--json").stdout)
    assert [one["site"] for one in found["best"]["stops"]] == ["ST-1"]
    short = run(registry, *WAY, "--to", "26.4,114.1")
    assert short.exit_code == 1
    assert "beside the reserve" in short.stdout
    wrong = run(registry, *WAY, "--to", "Zhengzhou")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("--to does not read")
    assert "latitude and longitude" in wrong.stderr
    wrong = run(registry, *WAY, "--charge", "80")
    assert (wrong.exit_code, "--charge" in wrong.stderr) == (2, True)
