"""The register of outlets and places of sale, on a real record; and gates asked of it."""

import json
from datetime import date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry import sample
from voltrail.errors import CodeError, IdentityError, NotFound, UsageError
from voltrail.lifecycle import decode_state, encode_state
from voltrail.organisations.access import Reader
from voltrail.organisations.identifiers import credit_code
from voltrail.organisations.regions import PROVINCES, check_area, region_of
from voltrail.organisations.trust import Site
from voltrail.regimes import RULES
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.auditor import _is_stored
from voltrail.registry.outlets import MAX_OPEN, Outlets, Place
from voltrail.registry.world import World

TODAY = date(2026, 8, 1)
VIN = "LSVAA4187E21850{:02}"
BANK = credit_code("91310115MA0000009")  # registered in Pudong, Shanghai


def send(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"]
    return receipt["first_index"]


def site(name, organisation=sample.CARMAKER, **members):
    day = members.pop("day", "2026-05-01")
    about = {"site": name, "organisation": organisation, "site_type": "outlet"} | members
    return sample.line("site_registered", f"{day}T08:00:00+08:00", **about)


def sold(number, region, day="2026-05-04"):
    members = {"buyer_region": region} if region else {}
    return sample.line(
        "sold", f"{day}T10:00:00+08:00", vin=VIN.format(number), codes=[sample.pack(700 + number)], **members
    )


def bring_up(registry, most=1_000):
    while registry.outlets.follow(most):
        pass


def covered(registry, organisation=sample.CARMAKER, today=TODAY):
    bring_up(registry)
    return {one.rule.id: one for one in registry.outlets.coverage(organisation, RULES, today)}


def regions(coverage):
    return [(one.area or one.province, one.sold, one.outlets) for one in coverage.regions]


def names(found):
    return [one.site for one in found]


def test_places_of_sale_are_held_against_outlets(registry):
    """By prefecture for vehicles, from 1 April 2026; what is missing first; no code of a region: apart."""
    send(
        registry,
        sample.CARMAKER,
        sold(1, "320102"),
        sold(2, "320500"),
        sold(3, "320505"),
        sold(4, "310115"),
        sold(5, "苏州"),
        sold(6, None),
        sold(7, "440300", "2026-03-30"),
        site("SU-1", region="320500"),
        site("SH-1", region="310000"),
        site("PLANT", region="320102", site_type="plant"),
    )
    found = covered(registry)

    assert set(found) == {"o73-outlets-vehicle"}
    one = found["o73-outlets-vehicle"]
    assert regions(one) == [("3201", 1, 0), ("3205", 2, 1), ("3100", 1, 1)]
    assert [region.area for region in one.missing] == ["3201"]
    assert one.elsewhere == 2
    assert not covered(registry, today=date(2026, 3, 31))


def test_packs_sold_to_who_uses_them_are_held_against_provinces(registry):
    """Not those sold to vehicle makers, which take back themselves; a buyer's seat is in its code."""
    authority = [*sample.registrations(BANK, "battery_owner")]
    registry.report(sample.report(sample.authority(), authority))
    codes = [sample.pack(number) for number in (801, 802, 803)]
    shipped = [
        sample.line("shipped", "2026-05-03T08:00:00+08:00", code=code, to=to)
        for code, to in zip(codes, (BANK, BANK, sample.CARMAKER), strict=True)
    ]
    send(registry, sample.MAKER, *shipped)

    one = covered(registry, sample.MAKER)["o73-outlets-battery"]
    assert (regions(one), one.elsewhere) == ([("31", 2, 0)], 0)
    send(registry, sample.MAKER, site("M-1", sample.MAKER, region="31"))
    assert regions(covered(registry, sample.MAKER)["o73-outlets-battery"]) == [("31", 2, 1)]


def test_a_correction_takes_back_what_it_corrects(registry):
    """A sale in another place, then none at all: counted once, there, and then nowhere."""
    index = send(registry, sample.CARMAKER, sold(1, "320100"))
    again = sold(1, "330100").decode()
    about = {"vin": VIN.format(1), "codes": [sample.pack(701)]}
    assert regions(covered(registry)["o73-outlets-vehicle"]) == [("3201", 1, 0)]
    mended = send(
        registry,
        sample.CARMAKER,
        sample.line("corrected", "2026-05-09T08:00:00+08:00", **about, corrects=index, line=again),
    )
    assert regions(covered(registry)["o73-outlets-vehicle"]) == [("3301", 1, 0)]
    send(
        registry,
        sample.CARMAKER,
        sample.line("corrected", "2026-05-10T08:00:00+08:00", **about, corrects=mended, void=True),
    )
    assert regions(covered(registry)["o73-outlets-vehicle"]) == []


def test_any_steps_give_the_same(registry):
    """Entry by entry, or all at once: the same outlets, the same sales."""
    send(registry, sample.CARMAKER, *[sold(n, f"32{n:02}00") for n in range(1, 5)], site("A", region="3201"))
    send(registry, sample.CARMAKER, site("A", region="3202", day="2026-05-02"), site("B", region="33"))
    bring_up(registry, most=1)
    slowly = (registry.outlets.page(), regions(covered(registry)["o73-outlets-vehicle"]))
    with registry.database.pool.connection() as connection:
        connection.execute("truncate outlet, sale")
        connection.execute("update outlet_upto set upto = 0")
    bring_up(registry)

    assert (registry.outlets.page(), regions(covered(registry)["o73-outlets-vehicle"])) == slowly
    assert [(one.site, one.area) for one in slowly[0][0]] == [("A", "3202"), ("B", None)]


def test_an_outlet_that_closes_is_in_the_register_no_more(registry):
    """Its last registration counts, as a whole."""
    send(registry, sample.CARMAKER, site("A", region="310000", phone="021 1234 5678"))
    bring_up(registry)
    assert registry.outlets.one("A").phone == "021 1234 5678"
    send(registry, sample.CARMAKER, site("A", region="310000", closed=True, day="2026-05-02"))
    bring_up(registry)

    with pytest.raises(NotFound):
        registry.outlets.one("A")


def test_the_nearest_come_first(registry):
    """By prefecture, province, then distance; makers' own and those that serve them; others not."""
    send(
        registry,
        sample.CARMAKER,
        site("FAR", region="440300", latitude=22.54, longitude=114.06),
        site("SUZHOU", region="320500", latitude=31.3, longitude=120.58),
        site("NANJING", region="320100"),
        site("SHANGHAI", region="310115", latitude=31.22, longitude=121.54),
    )
    send(registry, sample.MAKER, site("SERVES", sample.MAKER, region="330100", makers=[sample.CARMAKER]))
    send(registry, sample.MAKER, site("ELSE", sample.MAKER, region="320500"))
    bring_up(registry)

    def near(**place):
        return names(registry.outlets.near(Place(**place), [sample.CARMAKER], 9))

    assert near(region="320102")[:2] == ["NANJING", "SUZHOU"]
    assert set(near()) == {"FAR", "SUZHOU", "NANJING", "SHANGHAI", "SERVES"}
    found = registry.outlets.near(Place(latitude=31.23, longitude=121.47), [sample.CARMAKER], 3)
    assert names(found) == ["SHANGHAI", "SUZHOU", "FAR"]
    assert [one.km for one in found] == pytest.approx([6.7, 84.9, 1210], rel=0.05)
    for bad in ({"latitude": 1.0}, {"latitude": 91.0, "longitude": 0.0}):
        with pytest.raises(UsageError):
            near(**bad)


def test_who_must_take_a_battery_back_is_told_as_far_as_is_public(registry):
    """The vehicle's maker to who may see it; else the maker of the model; of an unknown battery nobody."""
    code = sample.pack(901)
    model = sample.line("model_registered", "2026-04-01T08:00:00+08:00", model_id="S-102", name="S")
    send(registry, sample.MAKER, model, *sample.first_life(code))
    send(
        registry,
        sample.CARMAKER,
        *sample.fitted(code, VIN.format(50)),
        sample.line("sold", "2026-05-01T10:00:00+08:00", vin=VIN.format(50), codes=[code]),
    )
    everything = Reader("authority_cn", sample.AUTHORITY)

    def told(**asked):
        found = registry.takers(code, **({"today": TODAY} | asked))
        return [(one.role, one.organisation, one.rule.id, one.must) for one in found]

    mine = ("battery_maker", sample.MAKER, "o73-takeback-battery")
    theirs = ("vehicle_maker", sample.CARMAKER, "o73-takeback-vehicle", True)
    assert told() == [(*mine, True)]
    assert told(reader=everything) == [theirs, (*mine, False)]
    transferred = sample.line(
        "ownership_transferred", "2026-05-02T10:00:00+08:00", code=code, to=sample.RECYCLER
    )
    send(registry, sample.CARMAKER, transferred)
    assert told(reader=everything) == [theirs, (*mine, True)]
    assert told(reader=everything, today=date(2026, 3, 31)) == []
    with pytest.raises(CodeError):
        registry.takers("nothing", TODAY)


def test_what_the_authority_found_is_its_last_word(registry):
    """It stands beside the outlet, however often the site is registered anew."""
    send(registry, sample.CARMAKER, site("A", region="310000"))
    bring_up(registry)
    assert registry.outlets.one("A").found is None
    registry.outlets.check("A", "inspector", found=False, note="店已关")
    registry.outlets.check("A", "inspector", found=True, note=None)
    send(registry, sample.CARMAKER, site("A", region="310115", day="2026-05-09"))
    bring_up(registry)

    assert (registry.outlets.one("A").found, registry.outlets.one("A").region) == (True, "310115")
    with pytest.raises(NotFound):
        registry.outlets.check("NOWHERE", "inspector", found=True, note=None)


def test_a_refusal_is_said_once_and_taken_up_once(registry):
    """The same again is none; twenty may wait; the authority takes each up, and it is gone."""
    send(registry, sample.CARMAKER, site("A"))
    bring_up(registry)

    def say(number, words="周三去了，不收", **who):
        registry.outlets.refused("A", sample.pack(number), words, **(who or {"organisation": BANK}))

    say(1)
    say(1, vin=VIN.format(1))
    with pytest.raises(UsageError, match="already"):
        say(1)
    for number in range(2, MAX_OPEN + 1):
        say(number)
    with pytest.raises(UsageError, match="wait"):
        say(MAX_OPEN + 1)
    for bad in ("", "   ", "x" * 1_001, "nul\0"):
        with pytest.raises(UsageError):
            say(99, bad, organisation=sample.MAKER)
    first = registry.outlets.refusals()[0]
    assert (first.site, first.code, first.organisation, first.vin) == ("A", sample.pack(1), BANK, None)
    registry.outlets.take_up(first.id, "inspector")
    say(1)
    with pytest.raises(NotFound):
        registry.outlets.take_up(first.id, "inspector")


def ask(registry, organisation, line, audience="reporter"):
    (answer,) = registry.check(organisation, [line], audience)
    return answer


def test_a_maker_without_an_outlet_is_warned_of(registry):
    """Advisory: a dismantler may hand over to it, and is told; with an outlet on record nothing is said."""
    dismantler = credit_code("91310115MA0000008")
    registry.report(sample.report(sample.authority(), sample.registrations(dismantler, "vehicle_dismantler")))
    code, now = sample.pack(951), datetime.now(CHINA)
    enrolled = sample.line(
        "enrolled", "2026-04-02T08:00:00+08:00", code=code, place="in_stock", basis="label", phase="waste"
    )
    send(registry, dismantler, enrolled)
    line = sample.line("handed_over", now.isoformat(timespec="seconds"), code=code, to=sample.MAKER)

    answer = ask(registry, dismantler, line)
    assert answer["allowed"]
    assert [(one["rule"], one["standing"]) for one in answer["warnings"]] == [("o73-outlet", "advisory")]
    assert answer["warnings"][0]["source"] == "Order No. 73"
    assert [one["rule"] for one in ask(registry, dismantler, line, "public")["warnings"]] == ["o73-outlet"]
    send(registry, sample.MAKER, site("M-1", sample.MAKER, region="310000"))
    bring_up(registry)
    assert ask(registry, dismantler, line)["warnings"] == []


def test_a_vehicle_without_its_pack_is_warned_of(registry):
    """From the vehicle's chain on record, corrections counted; nobody who only asks is told."""
    dismantler = credit_code("91310115MA0000007")
    registry.report(sample.report(sample.authority(), sample.registrations(dismantler, "vehicle_dismantler")))
    code, vin = sample.pack(961), VIN.format(61)
    send(registry, sample.MAKER, *sample.first_life(code))
    index = send(registry, sample.CARMAKER, *sample.fitted(code, vin)) + 1
    now = datetime.now(CHINA)
    line = sample.line(
        "vehicle_scrapped",
        now.isoformat(timespec="seconds"),
        vin=vin,
        codes=[],
        certificate_date=now.date().isoformat(),
    )

    def warned(audience="reporter"):
        return [one["rule"] for one in ask(registry, dismantler, line, audience)["warnings"]]

    assert warned() == ["o73-scrap"]
    assert warned("public") == []
    about = {"code": code, "vin": vin}
    wrong = sample.line(
        "installed", "2026-04-21T10:00:00+08:00", code=code, system="ESS-1", reason="new"
    ).decode()
    send(
        registry,
        sample.CARMAKER,
        sample.line("corrected", "2026-05-01T08:00:00+08:00", **about, corrects=index, line=wrong),
        sample.line("sold", "2026-05-03T08:00:00+08:00", vin=vin, codes=[code]),
        sample.line("removed", "2026-05-04T08:00:00+08:00", code=code, vin=vin, reason="scrapping"),
    )
    assert warned() == []


def test_a_life_is_looked_back_on_with_what_a_report_adds(registry):
    """The lines before in the same transaction are among the events, in their order."""
    code = sample.pack(971)
    send(registry, sample.MAKER, *sample.first_life(code))
    with registry.database.pool.connection() as connection:
        world = World(connection, registry.authorities)
        assert [one.event.kind for one in world.events(f"battery:{code}")] == ["manufactured", "shipped"]
        assert world.events("battery:" + sample.pack(972)) == []


def test_of_a_long_life_the_newest_events_are_looked_at(registry, monkeypatch):
    """However many a vehicle has: the last so many of its chain, in their order."""
    monkeypatch.setattr("voltrail.registry.world.MAX_EVENTS", 3)
    code = sample.pack(981)
    measured = [
        sample.line("measured", f"2026-05-{day:02}T10:00:00+08:00", code=code, soh_fraction=0.9)
        for day in range(1, 9)
    ]
    send(registry, sample.MAKER, *sample.first_life(code), *measured)
    with registry.database.pool.connection() as connection:
        events = World(connection, registry.authorities).events(f"battery:{code}")
    assert [one.event.occurred_at.day for one in events] == [6, 7, 8]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("31", ("31", "3100")),
        ("310115", ("31", "3100")),
        ("32", ("32", None)),
        ("3200", ("32", None)),
        ("320000", ("32", None)),
        ("3201", ("32", "3201")),
        ("320102", ("32", "3201")),
        ("990000", None),
        ("３１", None),
        ("上海", None),
        ("", None),
        (None, None),
        ("321", None),
    ],
)
def test_regions_are_read_by_their_codes(text, region):
    """Two, four or six digits of GB/T 2260; a municipality is one area; a name is no code."""
    assert region_of(text) == region


@given(st.text(max_size=8))
def test_an_area_is_a_code_or_an_error(text):
    """Whatever is typed: unchanged, or the error of an identifier."""
    try:
        assert check_area(text) == text
    except IdentityError:
        return
    assert text[:2] in PROVINCES


def test_there_are_34_provinces():
    """GB/T 2260-2007: each has a name in both languages."""
    assert len(PROVINCES) == 34
    assert all(chinese and english for chinese, english in PROVINCES.values())


def test_a_site_may_not_name_half_a_point_or_nobody(registry):
    """Refused with what to do; nothing of it is on record."""
    for bad, rule in (
        ({"latitude": 31.2}, "event.value"),
        ({"latitude": 131.2, "longitude": 1.0}, "event.value"),
        ({"phone": "call me"}, "event.value"),
        ({"makers": ["X"]}, "identity.organisation"),
        ({"makers": [sample.MAKER, sample.MAKER]}, "event.value"),
    ):
        receipt = json.loads(
            registry.report(sample.report(sample.signer(sample.CARMAKER), [site("BAD", **bad)]))
        )
        assert [one["rule"] for one in receipt["refused"]] == [rule], bad


def test_states_of_an_earlier_version_are_still_the_fold_of_their_events():
    """Fields were appended: what is stored with fewer of them is the same state, and nothing else is."""
    site = Site("A", "91", site_type="outlet", count=1)
    old = msgspec.msgpack.encode(msgspec.to_builtins(site)[:8])
    assert decode_state("site:A", old) == site
    assert _is_stored("site:A", site, old)
    assert _is_stored("site:A", site, encode_state(site))
    other = msgspec.structs.replace(site, address="there")
    assert not _is_stored("site:A", other, old)
    assert not _is_stored("site:A", site, encode_state(other))
    assert not _is_stored("site:A", site, old[:-2])


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60))
def test_no_other_bytes_pass_for_a_state(data):
    """Whatever stands in the column: only a state's own bytes, or those of an earlier version, are its."""
    site = Site("A", "91", site_type="outlet", count=1)
    assert not _is_stored("site:A", site, data) or decode_state("site:A", data) == site


def test_several_servers_may_follow(registry):
    """A second one goes on where the first stopped, and counts nothing twice."""
    send(registry, sample.CARMAKER, *[sold(n, "320100") for n in range(1, 9)])
    other = Outlets(registry.database, registry.authorities)
    while registry.outlets.follow(2) and other.follow(3):
        pass

    assert regions(covered(registry)["o73-outlets-vehicle"]) == [("3201", 8, 0)]
