"""Packs held for trucks: one truck each, no longer than said, and told apart by the caller's key."""

import json
import threading
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from tests.registry import sample
from tests.registry.swapping import RIVAL, STATION, SWAPPER, begin, send, swapped
from tests.swap.networks import pack, station
from voltrail.errors import EventError, NotFound, UsageError
from voltrail.registry.reservations import GRACE, MOST_HELD, Wanted

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
VIN = "LSVSAMP0000000001"
CODES = [sample.pack(serial) for serial in range(301, 307)]


def wanted(key="trip-1", **changed):
    members = {
        "key": key,
        "site": "site-1",
        "truck": "tractor-qiji",
        "vin": VIN,
        "packs": (CODES[0],),
        "from_at": NOW + HOUR,
        "until_at": NOW + 2 * HOUR,
    }
    return Wanted(**(members | changed))


def network(**changed):
    packs = [pack(code, ready=10.0 * number) for number, code in enumerate(CODES[:4])]
    packs.append(pack(CODES[4], refused="It was recalled."))
    packs.append(pack(CODES[5], pack_type="frame-282"))
    return [station(1, 31.0, packs, **changed)]


def make(registry, asked=None, organisation=RIVAL, now=NOW, stations=None):
    return registry.reservations.make(organisation, "clerk", asked or wanted(), stations or network(), now)


def test_the_same_request_is_the_same_reservation(registry):
    """Sent again, even after it is over, it gives the same answer; another with its key is refused."""
    first = make(registry)
    assert (first.codes, first.status, first.ends_at) == ([CODES[0]], "held", NOW + 2 * HOUR + GRACE)
    assert make(registry) == first
    with pytest.raises(UsageError, match="stands for another request") as refused:
        make(registry, wanted(packs=(CODES[1],)))
    assert refused.value.rule == "reservation.key"
    assert make(registry, wanted(packs=(CODES[1],)), organisation=SWAPPER).codes == [CODES[1]]
    later = make(registry, now=NOW + 5 * HOUR)
    assert (later.id, later.status) == (first.id, "expired")


def test_a_pack_is_held_for_one(registry):
    """Nobody else gets it until it is cancelled or its time is over, and then without anybody's doing."""
    first = make(registry)
    other = wanted("trip-2", from_at=NOW + 5 * HOUR, until_at=NOW + 6 * HOUR)
    with pytest.raises(UsageError, match="is reserved already") as refused:
        make(registry, other, organisation=SWAPPER)
    assert refused.value.rule == "reservation.held"
    assert registry.reservations.held(NOW)[0].codes == (CODES[0],)
    last = first.ends_at - timedelta(seconds=1)
    assert registry.reservations.held(last)
    assert registry.reservations.held(first.ends_at) == []
    second = make(registry, other, organisation=SWAPPER, now=first.ends_at)
    assert second.codes == [CODES[0]]
    assert registry.reservations.one(RIVAL, first.id, first.ends_at).status == "expired"


def test_cancelled_it_is_free_again(registry):
    """Only who made it cancels it; twice is once, and its key goes on to stand for it."""
    first = make(registry)
    with pytest.raises(NotFound):
        registry.reservations.cancel(SWAPPER, first.id, NOW)
    assert registry.reservations.cancel(RIVAL, first.id, NOW).status == "cancelled"
    assert registry.reservations.cancel(RIVAL, first.id, NOW).status == "cancelled"
    assert make(registry).status == "cancelled"
    assert make(registry, wanted("trip-2"), organisation=SWAPPER).status == "held"


def test_many_at_once_get_one_pack_each(registry):
    """Threads that reserve the same packs at the same moment: no pack is held twice, none is left over."""
    stations, got, lost = network(), [], []
    start = threading.Barrier(12)

    def reserve(number):
        start.wait()
        packs = {"packs": (), "pack_type": "qiji-171"} if number % 2 else {"packs": (CODES[number % 4],)}
        try:
            asked = wanted(f"trip-{number}", **packs)
            got.append(make(registry, asked, organisation=stations[0].operator, stations=stations))
        except UsageError as error:
            lost.append(error.rule)

    threads = [threading.Thread(target=reserve, args=(number,)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    held = [code for one in got for code in one.codes]
    assert sorted(held) == sorted(CODES[:4])
    assert lost == ["reservation.held"] * 8


def test_one_key_at_once_is_one_reservation(registry):
    """A caller that sends its request several times at the same moment gets one answer."""
    start, got = threading.Barrier(6), []

    def reserve():
        start.wait()
        got.append(make(registry))

    threads = [threading.Thread(target=reserve) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(got) == 6
    assert len({one.id for one in got}) == 1


def test_the_database_itself_keeps_a_pack_for_one(registry):
    """Even who writes past this code cannot have a second row for a pack."""
    first = make(registry)
    with registry.database.pool.connection() as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("insert into reservation_pack values (%s, %s, now())", (CODES[0], first.id))


def test_all_packs_or_none(registry):
    """A truck that needs three packs and can have two gets none, and the two stay free."""
    first = make(registry, wanted(packs=tuple(CODES[2:4])), organisation=SWAPPER)
    with pytest.raises(UsageError, match="is reserved already"):
        make(registry, wanted("trip-2", packs=tuple(CODES[:3])))
    with pytest.raises(UsageError, match="2 of the 4 packs"):
        make(registry, wanted("trip-3", packs=(), pack_type="qiji-171", blocks=3))
    registry.reservations.cancel(SWAPPER, first.id, NOW)
    make(registry, wanted("trip-4", packs=(CODES[2],)), organisation=SWAPPER)
    three = make(registry, wanted("trip-2", packs=(), pack_type="qiji-171", blocks=3))
    assert three.codes == sorted([CODES[0], CODES[1], CODES[3]])


@pytest.mark.parametrize(
    ("changed", "rule", "says"),
    [
        ({"site": "site-9"}, "reservation.station", "no station"),
        ({"truck": "cart"}, "reservation.truck", "no truck"),
        ({"truck": "tractor-frame"}, "reservation.misfit", "needs"),
        ({"packs": (CODES[4],)}, "reservation.unfit", "It was recalled"),
        ({"packs": (CODES[5],)}, "reservation.unfit", "this is frame-282"),
        ({"packs": (sample.pack(999),)}, "reservation.not_there", "is not in Station 1"),
        ({"packs": (CODES[0], CODES[0])}, "reservation.packs", "twice"),
        ({"packs": ()}, "reservation.packs", "No pack is named"),
        ({"pack_type": "qiji-171"}, "reservation.packs", "and otherwise"),
        ({"packs": (), "pack_type": "frame-282"}, "reservation.no_pack", "this is frame-282"),
        ({"packs": (), "pack_type": "qiji-171", "blocks": 4}, "reservation.packs", "from 1 to 3 packs"),
        ({"key": "trip\0"}, "reservation.key", "characters"),
        ({"until_at": NOW + HOUR}, "reservation.window", "before it begins"),
        ({"from_at": NOW - 2 * HOUR, "until_at": NOW - HOUR}, "reservation.window", "is over"),
        ({"until_at": NOW + 8 * HOUR}, "reservation.window", "longer than 6 hours"),
        ({"from_at": NOW + 48 * HOUR, "until_at": NOW + 49 * HOUR}, "reservation.window", "48 hours"),
        ({"vin": "LSVSAMP00000000IO"}, "identity.vin", "not a vehicle"),
    ],
)
def test_what_cannot_be_held_is_refused(registry, changed, rule, says):
    """Each refusal names its reason, and nothing of it stays."""
    with pytest.raises((UsageError, NotFound, EventError), match=says) as refused:
        make(registry, wanted(**changed))
    assert refused.value.rule == rule
    assert refused.value.fix
    assert registry.reservations.of(RIVAL, NOW) == []


def test_nobody_holds_all_there_is(registry, monkeypatch):
    """An organisation has a bound; what it cancels is free again."""
    monkeypatch.setattr("voltrail.registry.reservations.MOST_HELD", 2)
    assert MOST_HELD > 2
    first = make(registry)
    make(registry, wanted("trip-2", packs=(CODES[1],)))
    with pytest.raises(UsageError, match="2 reservations are held"):
        make(registry, wanted("trip-3", packs=(CODES[2],)))
    registry.reservations.cancel(RIVAL, first.id, NOW)
    assert make(registry, wanted("trip-3", packs=(CODES[2],))).status == "held"


def test_nobody_empties_a_rivals_station(registry):
    """One truck gets its packs; then one holds at most half of what fits, unless it runs the station."""
    first = make(registry, wanted(packs=tuple(CODES[:3])))
    with pytest.raises(UsageError, match="3 packs at Station 1 are held for you; 1 more are over half of 4"):
        make(registry, wanted("trip-2", packs=(CODES[3],)))
    assert make(registry, wanted(packs=(CODES[3],)), organisation=SWAPPER).status == "held"
    registry.reservations.cancel(RIVAL, first.id, NOW)
    for code in CODES[:2]:
        assert make(registry, wanted(code, packs=(code,))).status == "held"
    with pytest.raises(UsageError) as refused:
        make(registry, wanted("trip-3", packs=(CODES[2],)))
    assert refused.value.rule == "reservation.many"
    own = network(operator=RIVAL)
    assert make(registry, wanted("trip-3", packs=(CODES[2],)), stations=own).status == "held"


def test_who_sees_a_reservation(registry):
    """Who made it and who runs the station; nobody else."""
    stations = network(operator=SWAPPER)
    first = make(registry, stations=stations)
    for name in (RIVAL, SWAPPER):
        assert registry.reservations.one(name, first.id, NOW) == first
        assert registry.reservations.of(name, NOW, held=True) == [first]
        assert registry.reservations.of(name, NOW, before=first.id) == []
    assert registry.reservations.of(sample.MAKER, NOW) == []
    with pytest.raises(NotFound):
        registry.reservations.one(sample.MAKER, first.id, NOW)


def test_a_swap_on_record_releases_it(registry):
    """The pack went into the truck for which it was held, or into another: both are told apart."""
    packs = [sample.pack(serial) for serial in range(201, 208)]
    begin(registry, packs)
    follow(registry)
    now = datetime.now(UTC)  # what the record says is followed by the clock
    there = [pack(code) for code in packs[3:6]]
    stations = [station(1, 22.7, there, site=STATION, operator=RIVAL)]
    times = {"site": STATION, "from_at": now, "until_at": now + 5 * HOUR}
    ours, theirs, kept = (
        make(registry, wanted(code, packs=(code,), **times), now=now, stations=stations)
        for code in packs[3:6]
    )
    send(registry, SWAPPER, swapped(1, VIN, packs[0], packs[3]))
    send(registry, SWAPPER, swapped(2, "LSVSAMP0000000002", packs[1], packs[4]))
    follow(registry)
    found = [registry.reservations.one(RIVAL, one.id, now).status for one in (ours, theirs, kept)]
    assert found == ["swapped", "gone", "held"]
    assert [one.id for one in registry.reservations.held(now)] == [kept.id]


def follow(registry):
    while registry.reservations.follow():
        pass


def test_json_and_back():
    """What is asked reads from JSON with times in any zone, and what is unknown is no member."""
    text = json.dumps(
        {"key": "k", "site": "s", "truck": "t", "vin": VIN, "from_at": "2026-05-06T16:00:00+08:00",
         "until_at": "2026-05-06T09:00:00Z"}
    )  # fmt: skip
    assert msgspec.json.decode(text, type=Wanted).from_at == NOW
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace("vin", "win"), type=Wanted)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace("09:00:00Z", "09:00:00"), type=Wanted)
