"""What follows from the record is held against it: each forged row is named, and an honest one never."""

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

import voltrail
from tests.registry import sample
from voltrail.demo import World, populate
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.audit import audit
from voltrail.registry.settings import initialise

VIN = "LSVAA4187E2184847"


@pytest.fixture(scope="module")
def world(postgres, tmp_path_factory):
    """A sample world with offenders, followed; late events and corrections are in it."""
    drawn = World(300, 78, manner="offenders")
    folder = tmp_path_factory.mktemp("followed") / "data"
    initialise(folder, sample.ORIGIN, [drawn.authority.vkey])
    with voltrail.open(folder, postgres()) as registry:
        populate(registry, drawn)
        while registry.follow():
            pass
        yield registry


def named(registry):
    return [(one.what, one.where) for one in audit(registry)]


def all_of_it(registry):
    """Every row that follows from the record."""
    tables = {
        "holding": "1, 2",
        "holding_count where number <> 0": "1, 2, 3",
        "duty": "1, 2, 4",
        "duty_count where open <> 0": "1, 2, 3",
        "outlet": "1",
        "sale where number <> 0": "1, 2, 3, 4, 5",
        "flow": "1",
        "flow_count where number <> 0": "1, 2, 3, 4, 5",
        "flow_place_count where number <> 0": "1, 2, 3",
        "flow_age_count where number <> 0": "1, 2, 3",
        "flow_maker": "1",
        "fleet": "1",
        "station": "1",
        "swap": "1",
        "swap_hour where number <> 0": "1, 2",
        "swap_pack": "1",
        "swap_pack_told": "1, 2",
        "missing_case": "1, 2, 6, 4",
        "passport": "1, 2",
        "lot": "1",
        "lot_run": "1",
        "lot_battery": "1, 2",
        "line_step": "1",
        "line_battery": "1, 2",
        "missing_count where cases <> 0 or done <> 0": "1, 2, 3, 4",
    }
    with registry.database.pool.connection() as connection:
        return {
            table: connection.execute(f"select * from {table} order by {order}").fetchall()
            for table, order in tables.items()
        }


def empty(registry, *copies):
    """Empty the tables of some nouns, so that they are made again from entry 0."""
    tables = {
        "holding_upto": "holding, holding_count",
        "duty_upto": "duty, duty_count",
        "outlet_upto": "outlet, sale",
        "flow_upto": "flow, flow_count, flow_place_count, flow_age_count, flow_maker",
        "missing_upto": "missing_case, missing_count",
        "passport_upto": "passport",
        "lot_upto": "lot, lot_run, lot_battery",
        "fleet_upto": "fleet",
        "vehicle_pack_upto": "vehicle_pack",
        "reservation_upto": "reservation_pack",
        "line_upto": "line_step, line_battery",
        "station_upto": "station, swap, swap_hour, swap_pack, swap_pack_told",
    }
    with registry.database.pool.connection() as connection:
        for copy in copies:
            connection.execute(f"truncate {tables[copy.upto]}")
            connection.execute(f"update {copy.upto} set upto = 0")


@pytest.mark.timeout(240)
def test_an_honest_record_has_no_difference(world):
    """
    Whoever offended in the world, and what came late or was corrected: what follows is right, and there is
    something of each.
    """
    for table, rows in all_of_it(world).items():
        assert rows, table
    with world.database.pool.connection() as connection:
        late, corrected = connection.execute(
            "select count(*) filter (where findings is not null), count(*) filter (where kind = 'corrected')"
            " from event"
        ).fetchone()
    assert late
    assert corrected
    assert named(world) == []


@pytest.mark.timeout(240)
def test_any_steps_give_the_same(world):
    """
    Made again by steps of any size, all at once or one after another, each row is what it was; and at no time
    does the audit find a difference, though some are behind.
    """
    before = all_of_it(world)
    empty(world, *world.copies)
    world.follow(700)
    world.flows.follow(333)
    world.outlets.follow(5_000)
    assert named(world) == []
    while world.follow(911):
        pass
    assert all_of_it(world) == before
    for copy in world.copies:
        empty(world, copy)
        while copy.follow(1_501):
            pass
    assert all_of_it(world) == before


@pytest.mark.timeout(240)
def test_a_step_that_fails_leaves_nothing(world):
    """Where one table cannot be written, none is, and none is further on; then all goes on from there."""
    before = all_of_it(world)
    empty(world, *world.copies)
    world.follow(500)
    halfway = all_of_it(world)
    with world.database.pool.connection() as connection:
        connection.execute("alter table missing_count rename to elsewhere")
    try:
        with pytest.raises(psycopg.errors.UndefinedTable):
            world.follow(500)
    finally:
        with world.database.pool.connection() as connection:
            connection.execute("alter table elsewhere rename to missing_count")
            reached = {
                connection.execute(f"select upto from {copy.upto}").fetchone()[0] for copy in world.copies
            }
    assert reached == {500}
    assert all_of_it(world) == halfway
    while world.follow():
        pass
    assert all_of_it(world) == before


@pytest.mark.timeout(240)
def test_several_may_follow_at_once(world):
    """Servers and pages take turns, all tables or one: nothing is counted twice, nothing left out."""
    before = all_of_it(world)
    empty(world, *world.copies)

    def go_on(follow):
        while follow(137):
            pass

    ways = [world.follow, world.follow, world.missing.follow, world.flows.follow, world.holdings.follow]
    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(go_on, ways))
    while world.follow():
        pass
    assert all_of_it(world) == before
    assert named(world) == []


@pytest.mark.timeout(240)
def test_who_is_made_again_holds_nobody_up(world):
    """What is up to date stays so while another begins anew: it goes first, and the other steps behind it."""
    empty(world, world.missing)
    left = world.follow(100)
    with world.database.pool.connection() as connection:
        reached = [connection.execute(f"select upto from {copy.upto}").fetchone()[0] for copy in world.copies]
    size = world.counts()["entries"]
    assert left == size - 100
    assert reached == [100 if copy is world.missing else size for copy in world.copies]
    while world.follow():
        pass


FORGED = {
    "holding": (
        "update holding set place = 'missing' where code = (select min(code) from holding)",
        "delete from holding where code = (select min(code) from holding)",
        "insert into holding select min(code), 'X', null, 'gone', 'waste', null, 0, null, null, 1 from flow",
    ),
    "holding_count": (
        "update holding_count set number = number + 1 where number > 0",
        "delete from holding_count where number > 0",
        "insert into holding_count values ('X', 'in_stock', 'original', 1)",
    ),
    "duty": (
        "update duty set due_on = due_on + 1 where subject = (select min(subject) from duty)",
        "delete from duty where subject = (select min(subject) from duty)",
        "insert into duty select subject, 'o73-99', 'X', 1, now(), '2026-05-01', 2, 2 from duty limit 1",
    ),
    "duty_count": (
        "update duty_count set open = open + 1 where open > 0",
        "delete from duty_count where open > 0",
        "insert into duty_count values ('X', 'o73-02-sale', '2026-05-01', 1)",
    ),
    "outlet": (
        "update outlet set makers = makers || 'X'::text where site = (select min(site) from outlet)",
        "delete from outlet where site = (select min(site) from outlet)",
        "insert into outlet (site, organisation, makers) values ('NOWHERE', 'X', '{}')",
    ),
    "sale": (
        "update sale set number = number + 1 where number > 0",
        "delete from sale where number > 0",
        "insert into sale values ('X', 'vehicle', '2026-05-01', '31', '3100', 1)",
    ),
    "flow": (
        "update flow set province = '99' where code = (select min(code) from flow)",
        "delete from flow where code = (select min(code) from flow)",
        "insert into flow values ('NC-X-1', '', '', 0, '', 'in_stock')",
    ),
    "flow_count": (
        "update flow_count set number = number + 1 where number > 0",
        "delete from flow_count where number > 0",
        "insert into flow_count values ('99', '', 0, '', 'in_stock', 1)",
    ),
    "flow_place_count": (
        "update flow_place_count set number = number + 1 where number > 0",
        "delete from flow_place_count where number > 0",
        "insert into flow_place_count values ('99', '', 'in_stock', 1)",
    ),
    "flow_age_count": (
        "update flow_age_count set number = number + 1 where number > 0",
        "delete from flow_age_count where number > 0",
        "insert into flow_age_count values (0, '', 'in_stock', 1)",
    ),
    "flow_maker": (
        "update flow_maker set organisation = 'X' where maker = (select min(maker) from flow_maker)",
        "delete from flow_maker where maker = (select min(maker) from flow_maker)",
        "insert into flow_maker values ('XXX', 'X')",
    ),
    "missing_case": (
        "update missing_case set organisation = 'X' where kind = (select min(kind) from missing_case)",
        "delete from missing_case where kind = 'late'",
        "insert into missing_case select code, 'nowhere', organisation, 'X', at, 0 from missing_case limit 1",
    ),
    "station": (
        "update station set bays = 99 where site = (select min(site) from station)",
        "delete from station where site = (select min(site) from station)",
        "insert into station (site, operator, interfaces) values ('NOWHERE', 'X', '{}')",
    ),
    "swap": (
        "update swap set put_in = taken_out where seq = (select min(seq) from swap)",
        "delete from swap where seq = (select min(seq) from swap)",
        "insert into swap (seq, at, operator, station, vin) values (0, now(), 'X', 'X', 'X')",
    ),
    "swap_hour": (
        "update swap_hour set number = number + 1 where number > 0",
        "delete from swap_hour where number > 0",
        "insert into swap_hour values ('X', '2026-05-01', 1)",
    ),
    "swap_pack": (
        "update swap_pack set owner = 'X' where code = (select min(code) from swap_pack)",
        "delete from swap_pack where code = (select min(code) from swap_pack)",
        "insert into swap_pack (code, place) values ('NC-X-1', 'in_swap_station')",
    ),
    "swap_pack_told": (
        "update swap_pack_told set owner = 'X' where code = (select min(code) from swap_pack_told)",
        "delete from swap_pack_told where code = (select min(code) from swap_pack_told)",
        "insert into swap_pack_told select code, 0, at, 'X', null from swap_pack_told limit 1",
    ),
    "line_step": (
        "update line_step set step = 'X' where seq = (select min(seq) from line_step)",
        "delete from line_step where seq = (select min(seq) from line_step)",
        "insert into line_step select 0, subject, says, at, reporter, line, step, lot from line_step limit 1",
    ),
    "line_battery": (
        "delete from line_battery where seq = (select max(seq) from line_battery)",
        "delete from line_battery where seq = (select min(seq) from line_battery)",
        "insert into line_battery select code, 0 from line_battery limit 1",
    ),
    "passport": (
        "update passport set why = 'X' where code = (select min(code) from passport)",
        "delete from passport where code = (select min(code) from passport)",
        "insert into passport select code, 77, operator, status, since, until, why, 1 from passport limit 1",
    ),
    "missing_count": (
        "update missing_count set done = done + 1 where kind = 'not_received'",
        "delete from missing_count where kind = 'late'",
        "insert into missing_count values ('late', 'X', '', '2026-05-01', 0, 1)",
    ),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", [0, 1, 2], ids=["changed", "deleted", "inserted"])
@pytest.mark.parametrize("table", FORGED)
def test_a_row_that_was_forged_is_named(world, table, way):
    """In each table, whether it was changed, taken away or put there: by its key, and no other row of it."""
    with world.database.connect() as connection:
        connection.execute(f"create temporary table honest as select * from {table}")
        honest = set(map(str, connection.execute(f"select * from {table}")))
        forged = connection.execute(FORGED[table][way]).rowcount
        wrong = honest ^ set(map(str, connection.execute(f"select * from {table}")))
        connection.commit()
        try:
            told = [where for what, where in named(world) if what == table]
        finally:
            connection.execute(f"truncate {table}")
            connection.execute(f"insert into {table} select * from honest")
            connection.commit()
    assert forged > 0
    assert len(set(told)) == forged
    for where in told:
        parts = [part for part in where.split("/") if not part.startswith(("-", "20"))]
        assert any(all(part in row for part in parts) for row in wrong), where


@pytest.mark.timeout(240)
def test_worker_processes_find_the_same(world, monkeypatch):
    """A record that is shared among processes is held as one that is not: what they count comes together."""
    monkeypatch.setattr("voltrail.registry.audit.ALONE_BELOW", 0)
    assert named(world) == []
    with world.database.pool.connection() as connection:
        connection.execute("update sale set number = number + 1 where number > 0")
    try:
        assert {what for what, _ in named(world)} == {"sale"}
    finally:
        with world.database.pool.connection() as connection:
            connection.execute("update sale set number = number - 1 where number > 0")


@pytest.mark.timeout(240)
def test_roles_count_as_they_stood(registry):
    """
    That an organisation is given or loses a role afterwards changes nothing of what was found before; and so
    the rows are the same whenever they are made.
    """
    dismantler = credit_code("91000000MA0000004")
    authority = sample.authority()
    send(registry, authority, *sample.registrations(dismantler, "vehicle_dismantler"))
    codes = [sample.pack(number) for number in (1, 2, 3)]
    maker, carmaker = sample.signer(sample.MAKER), sample.signer(sample.CARMAKER)
    send(registry, maker, *(line for code in codes for line in sample.first_life(code)))
    send(registry, carmaker, *(line for code in codes for line in sample.fitted(code, VIN)[:1]))
    handed = [
        [
            sample.line("retired", f"2026-05-0{day}T08:00:00+08:00", code=code),
            sample.line("handed_over", f"2026-05-0{day}T10:00:00+08:00", code=code, to=dismantler),
        ]
        for day, code in enumerate(codes, 1)
    ]
    since = "2026-01-01T00:00:00+08:00"
    role = {"organisation": dismantler, "role": "utilisation_enterprise"}
    send(registry, carmaker, *handed[0])
    send(registry, authority, sample.line("role_granted", since, **role))
    send(registry, carmaker, *handed[1])
    send(registry, authority, sample.line("role_revoked", since, **role))
    send(registry, carmaker, *handed[2])
    while registry.follow():
        pass
    at_once = all_of_it(registry)
    cases = {row[0]: row[1] for row in at_once["missing_case"]}
    assert [cases[code] for code in codes] == ["nowhere", "not_received", "nowhere"]
    empty(registry, *registry.copies)
    while registry.follow(1):
        assert named(registry) == []
    assert all_of_it(registry) == at_once


def test_a_sale_that_names_no_battery_moves_its_batteries(registry):
    """A pack is counted where its vehicle was sold to, though the line of the sale names no pack."""
    code = sample.pack(1)
    send(registry, sample.signer(sample.MAKER), *sample.first_life(code))
    carmaker = sample.signer(sample.CARMAKER)
    send(registry, carmaker, *sample.fitted(code, VIN))
    while registry.follow():
        pass
    sold = sample.line("sold", "2026-05-03T10:00:00+08:00", vin=VIN, codes=[], buyer_region="320100")
    send(registry, carmaker, sold)
    while registry.follow():
        pass
    assert [row[1] for row in all_of_it(registry)["flow"]] == ["32"]
    assert named(registry) == []


def send(registry, signer, *lines):
    receipt = json.loads(registry.report(sample.report(signer, list(lines))))
    assert not receipt["refused"]
    return receipt["first_index"]
