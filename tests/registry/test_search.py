"""Search: what people type is found, though they type it wrong; by the index, telling only what is public."""

import json
from datetime import date

import pytest

import voltrail
from tests.registry import sample
from voltrail.codes import build
from voltrail.registry.search import _WALK, _WALK_BACK, _misread, looks_like_vin
from voltrail.registry.settings import initialise

PACK = sample.pack(1)
VIN = "LSVAA4187E2184847"


@pytest.fixture(scope="module")
def registry(tmp_path_factory, postgres):
    """A registry with some packs, one of them in a vehicle."""
    data = tmp_path_factory.mktemp("search") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data, postgres()) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        registry.report(sample.report(sample.authority(), lines))
        packs = [one for number in range(1, 30) for one in sample.first_life(sample.pack(number))]
        registry.report(sample.report(sample.signer(sample.MAKER), packs))
        receipt = registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK)))
        assert not json.loads(receipt)["refused"]
        yield registry


def found(registry, text, limit=20):
    return [(one["id"], one["match"]) for one in registry.search(text, limit)]


@pytest.mark.parametrize(
    "typed",
    [
        PACK,
        PACK.lower(),
        f"  {PACK} ",
        f"{PACK[:3]} {PACK[3:7]}.{PACK[7:14]}-{PACK[14:]}",
        f"{PACK[:12]}·{PACK[12:]}",
        "".join(chr(ord(one) + 0xFEE0) for one in PACK),
        f"https://registry.example/b/{PACK}",
    ],
)
def test_the_same_code_however_it_is_written(registry, typed):
    """Spaces, dots, small and full-width letters, and the address in the square on the label."""
    assert found(registry, typed) == [(PACK, "beginning")]


def test_the_beginning_of_a_code(registry):
    """Those that begin so, in order and no more than asked for."""
    codes = [sample.pack(number) for number in range(1, 30)]
    assert found(registry, PACK[:-2], 5) == [(code, "beginning") for code in codes[:5]]


@pytest.mark.parametrize(("right", "typed"), [("0", "O"), ("0", "o"), ("1", "I"), ("1", "l"), ("B", "8")])
def test_characters_that_look_alike(registry, right, typed):
    """Each of them, wherever it stands, and all of them at once; the answer says so."""
    assert right in PACK
    assert found(registry, PACK.replace(right, typed)) == [(PACK, "misread")]
    assert found(registry, PACK.replace(right, typed, 1)) == [(PACK, "misread")]


def test_a_letter_that_is_right_stays_itself(registry):
    """What is on record as it was typed is not taken for something that looks like it."""
    with_o = build(maker="9ZO", level="pack", battery_type="B", production_date=date(2026, 4, 12), serial=1)
    line = sample.line("manufactured", "2026-04-11T10:00:00+08:00", code=with_o)
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))
    assert found(registry, "9ZO") == [(with_o, "beginning")]


@pytest.mark.parametrize("cut", [1, 7, 12, 23])
def test_two_halves_the_other_way_round(registry, cut):
    """A label on two lines, read from the wrong one on; even with an O for a 0."""
    turned = PACK[cut:] + PACK[:cut]
    assert found(registry, turned) == [(PACK, "halves")]
    assert found(registry, turned.replace("0", "O")) == [(PACK, "halves")]


def test_organisations_by_identifier_and_name(registry):
    """In either case; the name is read again when someone is registered."""
    [row] = registry.search(sample.MAKER.lower())
    assert (row["kind"], row["id"], row["match"]) == ("organisation", sample.MAKER, "beginning")
    assert row["name"]
    part = row["name"][2:].swapcase()
    assert (sample.MAKER, "name") in found(registry, part)


def test_a_vehicle_is_not_told(registry):
    """One that is on record and one that is not are answered alike: not at all."""
    assert found(registry, VIN) == found(registry, "LSVAA4187E2184848") == []
    assert looks_like_vin(f" {VIN.lower()} ")
    assert not looks_like_vin(PACK)


@pytest.mark.parametrize("typed", ["", " ", "%", "_", "\\", "'", "·", "9" * 200, "\uffff", "battery:"])
def test_what_is_no_name_is_not_found(registry, typed):
    """Nor is it read as a pattern."""
    assert found(registry, typed) == []


@pytest.mark.parametrize(("walk", "table"), [(_WALK, "subject"), (_WALK_BACK, "code_end")])
def test_no_search_reads_the_whole_record(registry, walk, table):
    """Each step is a look into the index, whatever the planner thinks of the size of the record."""
    values = {"kind": "battery:", "readings": [_misread(one) for one in PACK], "limit": 20}
    with registry.database.pool.connection() as connection:
        plan = "\n".join(row[0] for row in connection.execute("explain (costs off) " + walk, values))
    assert f"Seq Scan on {table}" not in plan
    assert plan.count("Index") >= 2


def test_the_end_of_a_code(registry):
    """
    The last characters, once heads have been entered after it came on record; of a newer one not yet.

    Also when some look alike; fewer than four find nothing; what begins a code is not sought at the end.
    """
    code = build(
        maker="9ZZ", level="pack", battery_type="B", production_date=date(2026, 4, 12), serial=8_120_477
    )
    line = sample.line("manufactured", "2026-04-11T10:00:00+08:00", code=code)
    registry.enter_heads()
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))
    assert found(registry, code[-7:]) == []
    registry.enter_heads()
    assert found(registry, code[-7:]) == found(registry, code[-4:]) == [(code, "end")]
    assert found(registry, code[-4:] + " ") == [(code, "end")]
    assert found(registry, code[-7:].replace("0", "O").replace("1", "I")) == [(code, "end_misread")]
    assert found(registry, code[-3:]) == []
    assert (code, "beginning") in found(registry, code[:8], 100)
    registry.enter_heads()  # with nothing new
    assert (PACK, "end") in found(registry, PACK[-7:])


@pytest.mark.parametrize("size", [4, 11, 23])
def test_ends_are_those_of_every_code(registry, size):
    """Whatever ends so is found, and nothing else: held against all codes of the record."""
    registry.enter_heads()
    codes = [one["code"] for one in registry.batteries(limit=1000)]
    for code in codes:
        wanted = sorted(one for one in codes if one.endswith(code[-size:]))
        rows = found(registry, code[-size:], 100)
        assert rows == [(one, "end") for one in wanted] or rows[0][1] == "beginning"
