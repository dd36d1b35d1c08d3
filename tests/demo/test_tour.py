"""The default sample world in a real registry: each stop of the tour shows what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from voltrail.api import create_app
from voltrail.cli import main
from voltrail.cli.start import DEMO_ORIGIN
from voltrail.demo import World, populate
from voltrail.demo.diary import Life
from voltrail.demo.tour import TOUR_FILE, Tale, Tour, read_tale, write_tale
from voltrail.ledger.notes import Policy
from voltrail.lifecycle import Battery, decode_state
from voltrail.organisations.access import Reader
from voltrail.recycling.trail import follow
from voltrail.registry.lines import worked
from voltrail.registry.lots import Scope
from voltrail.registry.registry import Registry
from voltrail.registry.settings import initialise
from voltrail.technology.line import control, measured

PACKS, SEED = 2_000, 20261  # what `voltrail demo` makes
STOPS = ["life", "vanished", "verify", "correction", "swapped", "conflict", "metal", "content"]
UNLINKED = ["lot", "plant"]  # for who may see them
LAST = ["line"]


@pytest.fixture(scope="module")
def world() -> World:
    """The world that `voltrail demo` makes when nothing else is said."""
    return World(PACKS, SEED)


@pytest.fixture(scope="module")
def registry(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry to which all of it has been reported."""
    data = tmp_path_factory.mktemp("tour") / "data"
    initialise(data, DEMO_ORIGIN, [world.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, world, host=registry.keys.host.verifier)
        registry.enter_heads()
        write_tale(data, Tale(PACKS, SEED, world.tour))
        yield registry


@pytest.fixture(scope="module")
def client(registry: Registry) -> Iterator[TestClient]:
    """A client of a server over it."""
    with TestClient(create_app(registry)) as client:
        yield client


def kinds(registry: Registry, code: str) -> list[str]:
    """Return the kinds of a battery's events, the first first."""
    return [event["kind"] for event in registry.history(code, order="life")["events"]][::-1]


def whole(registry: Registry, code: str) -> dict:
    """Return all that is known of a battery."""
    return registry.battery(code, reader=Reader("authority_cn"))


def test_all_stops_are_there(world: World) -> None:
    """The default world has every stop, in the order of the tour."""
    assert list(world.tour) == STOPS + UNLINKED + LAST


def test_the_pack_to_follow_went_all_the_way(world: World, registry: Registry) -> None:
    """Made, sold, measured, retired, made into a second life of 19 characters, and that recycled."""
    code, new = world.tour["life"]
    life = kinds(registry, code)
    assert life[0] == "manufactured"
    assert [kind for kind in life if kind in {"sold", "retired", "collected", "repurposed"}] == [
        "sold",
        "retired",
        "collected",
        "repurposed",
    ]
    assert "measured" in life
    first, second = whole(registry, code), whole(registry, new)
    assert first["end"] == "succeeded"
    assert first["successors"] == [new]
    assert len(new) == 19
    assert kinds(registry, new)[-1] == "recycled"
    assert "installed" in kinds(registry, new)
    assert second["end"] == "recycled"
    assert not first["findings"]
    assert not second["findings"]


def test_the_pack_that_vanished_left_a_gap(world: World, registry: Registry) -> None:
    """Nobody took it out of the scrapped car; it came up under a number without a code."""
    code, alias = world.tour["vanished"]
    assert alias.startswith("NC-")
    life = kinds(registry, code)
    assert "removed" not in life[life.index("vehicle_scrapped") :]
    assert life.index("vehicle_scrapped") < life.index("collected")
    found = whole(registry, code)
    assert [finding["rule"] for finding in found["findings"]] == ["lifecycle.removal_not_reported"]
    assert found["identified_as"] == [alias]
    assert kinds(registry, alias) == ["enrolled", "identified"]


def test_the_one_to_verify_verifies(world: World, registry: Registry) -> None:
    """Its evidence holds, is complete, and several have signed it; it is on the road without a finding."""
    (code,) = world.tour["verify"]
    proved = voltrail.verify(registry.evidence(code), Policy.parse(registry.policy), [world.authority.vkey])
    assert proved.complete
    assert len({event.reporter for event in proved.events}) >= 4
    battery = whole(registry, code)
    assert battery["place"] == "in_vehicle"
    assert not battery["findings"]


def test_the_correction_replaced_a_line(world: World, registry: Registry) -> None:
    """The slipped digit stands beside its correction, and no longer counts."""
    (code,) = world.tour["correction"]
    events = registry.history(code, reader=Reader("authority_cn"))["events"]
    (wrong,) = [event for event in events if event["corrected_by"] is not None]
    assert wrong["members"]["soh_fraction"] == 0.09
    assert whole(registry, code)["soh_fraction"] > 0.5
    assert not whole(registry, code)["findings"]


def test_the_truck_pack_was_swapped_often(world: World, registry: Registry) -> None:
    """It has gone in and out of many trucks, and is on one now."""
    (code,) = world.tour["swapped"]
    events = registry.history(code, reader=Reader("authority_cn"))["events"]
    trucks = {event["members"]["vin"] for event in events if event["kind"] == "swapped"}
    assert len(trucks) >= 5
    assert kinds(registry, code).count("swapped") >= 15
    assert whole(registry, code)["place"] == "in_vehicle"


def test_the_conflict_stands(world: World, registry: Registry) -> None:
    """It is in two vehicles at once, and so its place is disputed."""
    (code,) = world.tour["conflict"]
    battery = whole(registry, code)
    assert battery["place"] == "disputed"
    assert [finding["rule"] for finding in battery["findings"]] == ["lifecycle.two_places"]


def test_the_pack_that_became_metal_is_in_other_packs(world: World, registry: Registry) -> None:
    """Its metals are in lots, and a share of each in batteries that were made since."""
    (code,) = world.tour["metal"]
    while registry.lots.follow():
        pass
    index = registry.lots.ended(code)
    assert index is not None
    material, is_all = registry.lots.after(index)
    trail = follow(material, index, whole(registry, code)["model"]["model_id"])
    assert is_all
    assert trail is not None
    assert {"black_mass", "solution", "cathode_material", "cells"} <= {
        one.lot.substance for one in trail.shares
    }
    assert any(kg > 0 for kg in trail.in_batteries_kg.values())
    assert all(kg >= -0.05 * trail.composition[element] for element, kg in trail.lost_kg.items())


def test_the_pack_made_of_old_ones_has_its_lot(world: World, registry: Registry) -> None:
    """The lot is on record, with something taken of it; the stops that are lots and plants are there too."""
    code, cells = world.tour["content"]
    assert "credit_spent" in kinds(registry, code)
    (lot,), (site,) = world.tour["lot"], world.tour["plant"]
    for name in (cells, lot):
        known = registry.lots.find(name)
        assert known is not None
        assert known.takes
    assert any(run.site == site for run in registry.lots.material(Scope(site=site)).runs)


def test_the_line_shows_its_drift_and_what_its_lots_went_into(world: World, registry: Registry) -> None:
    """The press that wears is found and no other step; the lot is in its pack; stages are granted."""
    maker = next(one for one in world.organisations if one.maker == "9Z4").identifier
    code, lot = world.tour["line"]
    while registry.lines.follow():
        pass
    told = worked(registry.lines.told(maker, "Pilot 1")[0])
    charts = [control(*named, points) for named, points in measured(told).items()]
    assert [one.quantity for one in charts if one.drift is not None] == ["pressure_mpa"]
    assert code in registry.lines.trace(maker, lot).outer
    assert lot in registry.lines.trace(maker, code).lots
    assert whole(registry, code)["place"] == "in_vehicle"
    with registry.database.connect() as connection:
        row = connection.execute("select count(*) from event where kind = 'stage_granted'").fetchone()
    assert row == (4,)


def test_the_command_names_the_sites_that_claim_too_much(world: World, registry: Registry) -> None:
    """From signed reports to the answer of `voltrail recycling balance`: those planted and no others."""
    asked = CliRunner().invoke(main, ["recycling", "balance", "--json", "--data", str(registry.data)])
    assert asked.exit_code == 0, asked.output
    assert world.claiming
    assert set(json.loads(asked.stdout)["claims_more_than_came_in"]) == world.claiming


def test_the_registry_finds_what_was_meant_and_nothing_else(world: World, registry: Registry) -> None:
    """All findings that stand in a real registry are the world's, battery by battery."""
    with registry.database.connect() as connection:
        rows = connection.execute(
            "select id, state from subject where id like 'battery:%%'", binary=True
        ).fetchall()
    states = [decode_state(name, bytes(state)) for name, state in rows]
    standing = {(one.rule, s.code) for s in states if isinstance(s, Battery) for one in s.findings}
    assert standing == {pair for pair in world.meant if not pair[0].startswith("breach.")}


def test_reports_arrived_when_they_did_in_the_world(world: World, registry: Registry) -> None:
    """The log's times are those of the sample world, so a pack of 2018 was heard of in 2018."""
    code = world.tour["life"][0]
    for event in registry.history(code)["events"]:
        assert event["received_at"][:4] in {event["occurred_at"][:4], str(int(event["occurred_at"][:4]) + 1)}


def test_the_host_signed_for_one_organisation(world: World, registry: Registry) -> None:
    """One outlet reports through the host; another signs with a new key since its first was revoked."""
    clerk = next(member for member in world.organisations if member.by_host)
    careless = next(member for member in world.organisations if member.second is not None)
    with registry.database.connect() as connection:
        signed = connection.execute("select organisation, note from report").fetchall()
    notes = {
        organisation: [note for name, note in signed if name == organisation]
        for organisation in (clerk.identifier, careless.identifier)
    }
    assert all(registry.keys.host.name in note for note in notes[clerk.identifier])
    assert any("/sample-1" in note for note in notes[careless.identifier])
    assert any("/sample-2" in note for note in notes[careless.identifier])
    keys = registry.organisation(careless.identifier)["keys"]
    assert [key["revoked_at_index"] is not None for key in keys] == [True, False]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_front_page_leads_to_every_stop(client: TestClient, world: World, language: str) -> None:
    """Each battery of the tour is linked from the front page, and its page is there."""
    html = client.get("/", headers=HTML | {"Accept-Language": language}).text
    assert html.count("<h3>") == len(STOPS + LAST)
    for stop in STOPS + LAST:
        for code in (one for one in world.tour[stop] if "/" not in one):
            assert f'href="/b/{code}"' in html
            assert client.get(f"/b/{code}", headers=HTML).status_code == 200


def test_without_a_tour_the_front_page_has_none(client: TestClient, registry: Registry) -> None:
    """A registry that is no sample world, and one whose file is damaged, show the page without a tour."""
    file = registry.data / TOUR_FILE
    kept = file.read_bytes()
    for damaged in (None, b"{", json.dumps({"stops": [1]}).encode()):
        file.unlink(missing_ok=True)
        if damaged is not None:
            file.write_bytes(damaged)
        answer = client.get("/", headers=HTML)
        assert answer.status_code == 200
        assert 'class="tour"' not in answer.text
        assert read_tale(registry.data) is None
    file.write_bytes(kept)


def test_a_smaller_world_leaves_out_what_it_has_not() -> None:
    """A world of a few packs has a shorter tour, without empty stops."""
    assert set(World(20, 3).tour) < set(STOPS)
    tour = Tour()
    tour.see(Life())
    assert tour.stops == {}
