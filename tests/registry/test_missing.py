"""
What is missing, on a real record: it opens, closes and is weighed; by whatever steps the log is followed.
"""

import json
from datetime import UTC, date, datetime

import pytest

import voltrail
from tests.demo.watch import TODAY, watched
from tests.registry import sample
from voltrail.demo import World, populate
from voltrail.errors import UsageError
from voltrail.lifecycle.missing import Sighting
from voltrail.organisations.identifiers import credit_code
from voltrail.regimes.missing import TERMS, Term
from voltrail.registry.flows import Wanted as WantedFlow
from voltrail.registry.missing import Wanted
from voltrail.registry.settings import initialise

NOW = date(2026, 11, 1)
VIN, OTHER = "LSVAA4187E2184847", "LSVAA4187E2184848"


def send(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"]
    return receipt["first_index"]


def bring_up(registry, most=1_000):
    for one in (registry.missing, registry.flows):
        while one.follow(most):
            pass


def listed(registry, kind, **asked):
    cases, _ = registry.missing.page(Wanted(kind, **asked), NOW)
    return [(one.code, one.organisation, one.other) for one in cases]


def test_what_is_shipped_stands_open_until_it_is_received(registry):
    """Once its term is over; a receipt that comes late closes it, and a void receipt brings it back."""
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    bring_up(registry)
    assert listed(registry, "not_received") == [(code, sample.MAKER, sample.CARMAKER)]
    assert registry.missing.counts(NOW)["not_received"] == 1
    assert registry.missing.counts(date(2026, 5, 1))["not_received"] == 0
    assert listed(registry, "not_received", organisation=sample.CARMAKER, side="receiver")
    assert not listed(registry, "not_received", organisation=sample.CARMAKER, side="sender")

    line = sample.line("received", "2026-04-20T10:00:00+08:00", code=code, from_=sample.MAKER)
    receipt = send(registry, sample.CARMAKER, line)
    bring_up(registry)
    assert listed(registry, "not_received") == []
    assert registry.missing.counts(NOW)["not_received"] == 0

    void = sample.line("corrected", "2026-04-21T10:00:00+08:00", code=code, corrects=receipt, void=True)
    send(registry, sample.CARMAKER, void)
    bring_up(registry)
    assert listed(registry, "not_received") == [(code, sample.MAKER, sample.CARMAKER)]


def test_a_receipt_that_was_passed_over_stays_open(registry):
    """A pack that turns up fitted is where it is; that it was received is still not told, and by whom."""
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    line = sample.line("installed", "2026-04-20T10:00:00+08:00", code=code, vin=VIN, reason="new")
    send(registry, sample.CARMAKER, line)
    bring_up(registry)
    assert listed(registry, "not_received") == [(code, sample.MAKER, sample.CARMAKER)]


def test_a_vehicle_scrapped_without_its_battery(registry):
    """
    The pack is a case of whoever scrapped the vehicle, though the line names no pack; its removal ends
    that.
    """
    code = sample.pack(1)
    authority = sample.authority()
    dismantler = credit_code("91000000MA0000004")
    lines = [*sample.registrations(dismantler, "vehicle_dismantler")]
    assert not json.loads(registry.report(sample.report(authority, lines)))["refused"]
    send(registry, sample.MAKER, *sample.first_life(code))
    send(registry, sample.CARMAKER, *sample.fitted(code, VIN))
    scrapped = sample.line(
        "vehicle_scrapped", "2026-06-01T10:00:00+08:00", vin=VIN, codes=[], certificate_date="2026-06-01"
    )
    index = send(registry, dismantler, scrapped)
    bring_up(registry)
    assert listed(registry, "scrapped_without") == [(code, dismantler, VIN)]

    void = sample.line("corrected", "2026-06-02T10:00:00+08:00", vin=VIN, corrects=index, void=True)
    send(registry, dismantler, void)
    bring_up(registry)
    assert listed(registry, "scrapped_without") == []


def test_what_others_saw_is_held_against_the_record(registry):
    """A login from another vehicle is a case, one from the vehicle on record is none; nobody is accused."""
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    send(registry, sample.CARMAKER, *sample.fitted(code, VIN))
    bring_up(registry)
    seen = [
        Sighting(code, vin, datetime(2026, 8, day, tzinfo=UTC), "telematics, sample")
        for day, vin in ((1, VIN), (2, OTHER))
    ]
    assert registry.missing.take_sightings(seen, "clerk") == 2
    assert registry.missing.take_sightings(seen, "clerk") == 0
    assert listed(registry, "seen_elsewhere") == [(code, "", OTHER)]
    registry.missing.weigh(NOW)
    assert registry.missing.suspicions()[0] == []


def test_terms_are_the_authoritys_choice(registry):
    """Another term opens what ours does not yet; one without a reason, or that is none, is refused."""
    code = sample.pack(1)
    send(registry, sample.MAKER, *sample.first_life(code))
    bring_up(registry)
    early = date(2026, 4, 20)
    assert registry.missing.counts(early)["not_received"] == 0
    registry.missing.choose(Term("not_received", 3, 0.1), "Notice 2026-7", "authority")
    assert registry.missing.counts(early)["not_received"] == 1
    chosen = registry.missing.terms()["not_received"]
    assert (chosen.term.term_days, chosen.why, chosen.chosen_by) == (3, "Notice 2026-7", "authority")
    for term, why in (
        (Term("not_received", 3, 0.1), " "),
        (Term("not_received", -1, 0.1), "x"),
        (Term("not_received", 3, None), "x"),
        (Term("not_received", 3, 1.5), "x"),
        (Term("nothing", 3, 0.1), "x"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError):
            registry.missing.choose(term, why, "authority")


@pytest.mark.parametrize(
    "after", ["x", "2026-01-01", "2026-01-01/x/y", "\0", "2026-01-01/x/99999999999999999999999"]
)
def test_what_is_no_place_of_a_list_is_said(registry, after):
    """Whatever a program sends as `after` is a usage error, not a failure."""
    with pytest.raises(UsageError):
        registry.missing.page(Wanted("late"), NOW, after)
    with pytest.raises(UsageError):
        registry.flows.page(WantedFlow(), 10, after)


@pytest.fixture(scope="module")
def offenders(postgres, tmp_path_factory):
    """A sample world with offenders, in a real registry, and the same in memory."""
    world = World(500, 77, manner="offenders")
    folder = tmp_path_factory.mktemp("offenders") / "data"
    initialise(folder, sample.ORIGIN, [world.authority.vkey])
    with voltrail.open(folder, postgres()) as registry:
        populate(registry, world)
        yield registry, watched(world)


@pytest.mark.timeout(240)
def test_a_registry_finds_what_the_decisions_say(offenders):
    """Cases and suspicions are those of the same world in memory, case for case, in pages that miss none."""
    registry, memory = offenders
    bring_up(registry)
    expected = {(one.code, one.kind, one.organisation, one.other, one.at) for one in memory.cases()}
    found = set()
    far = date(2030, 1, 1)
    for kind in TERMS:
        after = None
        while True:
            page, after = registry.missing.page(Wanted(kind), far, after, limit=7)
            found |= {(one.code, one.kind, one.organisation, one.other, one.at) for one in page}
            if after is None:
                break
    assert found == expected
    assert {kind: n for kind, n in registry.missing.counts(far).items() if n} == {
        kind: sum(one[1] == kind for one in expected) for kind in {one[1] for one in expected}
    }
    assert registry.missing.weigh(TODAY)
    assert not registry.missing.weigh(TODAY)
    key = lambda one: (one.kind, one.organisation, one.side, one.cases, one.of, one.others)  # noqa: E731
    assert sorted(map(key, registry.missing.suspicions()[0])) == sorted(map(key, memory.suspicions()))


@pytest.mark.timeout(240)
def test_any_steps_count_the_same(offenders):
    """
    Followed in steps of 97 entries from the beginning, all counts and lists are those of steps of
    thousands.
    """
    registry, _ = offenders
    bring_up(registry)

    def all_of_it():
        with registry.database.pool.connection() as connection:
            return [
                connection.execute(query).fetchall()
                for query in (
                    "select * from missing_case order by 1, 2, 6, 4",
                    "select * from missing_count where cases <> 0 or done <> 0 order by 1, 2, 3, 4",
                    "select * from flow order by 1",
                    "select * from flow_count where number <> 0 order by 1, 2, 3, 4, 5",
                    "select * from flow_place_count where number <> 0 order by 1, 2, 3",
                    "select * from flow_age_count where number <> 0 order by 1, 2, 3",
                )
            ]

    before = all_of_it()
    with registry.database.pool.connection() as connection:
        counted = ("flow_count", "flow_place_count", "flow_age_count")
        for table in ("missing_case", "missing_count", "flow", *counted):
            connection.execute(f"delete from {table}")
        connection.execute("update missing_upto set upto = 0")
        connection.execute("update flow_upto set upto = 0")
    bring_up(registry, 97)
    assert all_of_it() == before


def test_flows_count_what_the_lists_have(offenders):
    """Each number is that of the list behind it, and together they are all packs of the record."""
    registry, memory = offenders
    bring_up(registry)
    packs = [name for name in memory.states if name.startswith("battery:") and name[11:12] == "P"]
    counts = registry.flows.counts(WantedFlow(), "status", "province")
    aliases = sum(name.startswith("battery:NC-") for name in memory.states)
    assert sum(number for *_, number in counts) == len(packs) + aliases
    for status, province, number in counts:
        wanted = WantedFlow(province=province or "-", status=status)
        after, found = None, []
        while True:
            page, after = registry.flows.page(wanted, 11, after)
            found += page
            if after is None:
                break
        assert len({one.code for one in found}) == len(found) == number
    assert set(registry.flows.makers()) >= {"9Z0", "9Z1", "9Z2"}
