"""`voltrail gateway vehicles` and `alarms`: what they list, for people and for programs."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests.registry import sample
from tests.registry.conftest import empty, postgres, registry
from tests.registry.test_missing import send
from voltrail.cli import main
from voltrail.gateway.binding import Binder
from voltrail.gateway.folder import Folder
from voltrail.registry.vehicle_alarms import AlarmRow
from voltrail.registry.vehicle_packs import Login

__all__ = ["empty", "postgres", "registry"]

VIN, OTHER = "LSVAA4187E2184847", "LSVAA4187E2184848"
AT = datetime(2026, 5, 2, 8, tzinfo=UTC)


@pytest.fixture
def ask(registry):
    """Return a function that runs a command of the gateway on the registry."""
    where = ["--data", str(registry.data), "--database", registry.database.dsn]

    def run(*words, code=0):
        result = CliRunner().invoke(main, ["gateway", *words, *where])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in words else result.output

    return run


def test_vehicles_are_listed_with_their_verdicts(registry, ask):
    """All, or what does not agree, or one vehicle's; page by page; what a vehicle sends moves no terminal."""
    assert "No vehicle has named" in ask("vehicles")
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    send(registry, sample.CARMAKER, *sample.fitted(code, VIN))
    registry.vehicle_packs.take([Login(VIN, AT, 0, [code]), Login(OTHER, AT, 0, [code, "[red]\x1b[2J"])])
    everything = ask("vehicles", "--json")["vehicles"]
    assert {(one["vin"], one["verdict"]) for one in everything} == {
        (VIN, "agreed"),
        (OTHER, "two_vehicles"),
        (OTHER, "no_code"),
    }
    printed = ask("vehicles")
    assert "\x1b" not in printed
    assert "[red]" in printed
    (bad,) = ask("vehicles", "--discrepancies", "--json")["vehicles"]
    assert (bad["vin"], bad["other_vin"], bad["discrepancy"]["rule"]) == (OTHER, VIN, "vehicle.two_vehicles")
    assert f"two vehicles ({VIN})" in ask("vehicles", "--discrepancies")
    assert [one["vin"] for one in ask("vehicles", "--vin", VIN, "--json")["vehicles"]] == [VIN]
    assert "Nothing does not agree" in ask("vehicles", "--discrepancies", "--vin", VIN)
    first = ask("vehicles", "--limit", "2", "--json")
    rest = ask("vehicles", "--after", first["next"], "--json")
    assert [*first["vehicles"], *rest["vehicles"]] == everything
    assert "--after" in ask("vehicles", "--limit", "1")
    assert "no `after`" in ask("vehicles", "--after", "nonsense", code=1)


def test_alarms_are_listed_with_what_became_of_them(registry, ask):
    """Waiting, hindered with the line to sign, or on record by its entry."""
    assert "No vehicle has sent" in ask("alarms")
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    send(registry, sample.CARMAKER, *sample.fitted(code, VIN))
    registry.vehicle_alarms.take(
        [AlarmRow(VIN, AT, 3, 1, 2016, 0, AT), AlarmRow(OTHER, AT, 4, 2, 2025, 0, AT)]
    )
    assert "waits until it is over" in ask("alarms")
    Binder(registry, Folder.of(registry.data), sample.CARMAKER).report_alarms(AT + timedelta(hours=1))
    by_vin = {one["vin"]: one for one in ask("alarms", "--json")["alarms"]}
    assert by_vin[OTHER]["hindered"]["rule"] == "alarm.no_battery"
    assert by_vin[VIN]["hindered"]["rule"] == "alarm.own_key"
    assert by_vin[VIN]["alarms"] == ["temperature difference"]
    index = send(registry, sample.CARMAKER, *(line.encode() for line in by_vin[VIN]["lines"]))
    Binder(registry, Folder.of(registry.data), sample.CARMAKER).report_alarms(AT + timedelta(hours=3))
    assert f"on record, entry {index:,}" in ask("alarms")
    first = ask("alarms", "--limit", "1", "--json")
    (rest,) = ask("alarms", "--after", first["next"], "--json")["alarms"]
    assert {first["alarms"][0]["vin"], rest["vin"]} == {VIN, OTHER}
