"""What vehicles of the sample world sent, and what follows from it, in a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import voltrail
from voltrail.demo import World, populate, telemetry
from voltrail.demo.cast import Cast
from voltrail.demo.vehicles import YEAR_S
from voltrail.demo.world import UNTIL
from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.organisations.access import Reader
from voltrail.registry.registry import Registry
from voltrail.registry.settings import initialise

PACKS, SEED = 120, 20261
AUTHORITY = Reader("authority_cn")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A small world, of which four vehicles send for the last 32 days."""
    data = tmp_path_factory.mktemp("telemetry") / "data"
    world = World(PACKS, SEED)
    initialise(data, "telemetry.example/log", [world.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, world)
        yield registry


@pytest.fixture(scope="module")
def chosen(registry: Registry) -> Iterator[telemetry.Chosen]:
    """The vehicles that send, all of whose frames have gone their way."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(telemetry, "VEHICLES", 4)
        small.setattr(telemetry, "DAYS", 32)
        chosen = telemetry.choose(registry.database, UNTIL)
        assert chosen is not None
        assert telemetry.send(registry, Cast(SEED), UNTIL, SEED) == chosen.stories
        yield chosen


@pytest.fixture(scope="module")
def stories(chosen: telemetry.Chosen) -> list[str]:
    """The packs with a weak cell, with another in their place, with an alarm."""
    return chosen.stories


@pytest.fixture
def months(registry: Registry, chosen: telemetry.Chosen) -> dict[str, dict]:
    """What is known of each vehicle's pack for the last month, by the VIN."""
    month = date(2026, 10, 1)
    return {row["vin"]: row for row in HealthStore(Folder.of(registry.data)).month(month).to_pylist()}


@pytest.mark.timeout(300)
def test_health_is_on_record(registry: Registry, months: dict[str, dict]) -> None:
    """Each pack that is known, chemistry and all, has its state of health on record as it was reckoned."""
    known = [row for row in months.values() if row["refusal"] is None]
    assert len(known) >= 2
    for row in known:
        battery = registry.battery(row["code"], reader=AUTHORITY)
        assert battery["soh_fraction"] == round(row["soh_fraction"], 4)
    assert {row["refusal"] for row in months.values()} <= {None, "health.chemistry", "health.battery"}


def test_what_is_reckoned_is_true(chosen: telemetry.Chosen, months: dict[str, dict]) -> None:
    """What a simulated pack can really hold lies within the interval that is given for it."""
    middle = datetime(2026, 10, 15, tzinfo=UTC).timestamp() - (UNTIL.timestamp() - 32 * 86_400)
    for vehicle, _, _ in chosen.members:
        row = months[vehicle.vin]
        if row["refusal"] is None:
            truth = vehicle.soh - vehicle.fade_per_year * middle / YEAR_S
            assert row["soh_low"] < truth < row["soh_high"]
            assert row["soh_fraction"] == pytest.approx(truth, abs=0.01)


def test_the_weak_cell_is_found(stories: list[str], months: dict[str, dict]) -> None:
    """The pack with a weak cell shows which one it is."""
    (row,) = [row for row in months.values() if row["code"] == stories[0]]
    assert row["weakest_cell"] == 17
    assert row["weakest_share"] > 0.9


def test_the_other_pack_is_seen(registry: Registry, stories: list[str]) -> None:
    """A vehicle that names another's pack is a discrepancy; all others agree with the record."""
    with registry.database.pool.connection() as connection:
        found = connection.execute("select verdict, expected from vehicle_pack order by verdict").fetchall()
    assert [verdict for verdict, _ in found] == ["agreed", "agreed", "agreed", "two_vehicles"]
    assert found[-1][1] == [stories[1]]


def test_the_alarm_is_on_record(registry: Registry, stories: list[str]) -> None:
    """The alarm of level 3 is an incident of its pack, with the digest of the frames around it."""
    (alarm,), _ = registry.vehicle_alarms.page()
    assert alarm.codes == (stories[2],)
    assert alarm.index is not None
    assert (Folder.of(registry.data).alarms / f"{alarm.digest}.gbt").exists()
    events = registry.history(stories[2], reader=AUTHORITY)["events"]
    (incident,) = [event for event in events if event["kind"] == "incident_reported"]
    assert incident["members"]["trace_digest"] == alarm.digest


def test_it_can_be_taken_up_again(registry: Registry, stories: list[str]) -> None:
    """Sent again nothing changes: no entry more, no row more."""
    before = registry.counts()["entries"]
    rows = sum(table.num_rows for table in _hours(registry))
    assert telemetry.send(registry, Cast(SEED), UNTIL, SEED) == stories
    assert registry.counts()["entries"] == before
    assert sum(table.num_rows for table in _hours(registry)) == rows > 1_000


def _hours(registry: Registry) -> Iterator[pa.Table]:
    """Yield the reports of each hour."""
    archive = Archive(Folder.of(registry.data).archive)
    return archive.hours("reports", ["vin", "at"], UNTIL - timedelta(days=60), UNTIL)


def test_a_world_with_few_vehicles_sends_nothing(tmp_path: Path) -> None:
    """A world that is too small for the stories has none, and no folder of telemetry."""
    world = World(3, SEED)
    initialise(tmp_path / "data", "small.example/log", [world.authority.vkey])
    with voltrail.open(tmp_path / "data") as registry:
        populate(registry, world)
        assert telemetry.send(registry, Cast(SEED), UNTIL, SEED) == []
        assert not list(Folder.of(registry.data).segments.iterdir())
