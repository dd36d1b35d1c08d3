"""What vehicles say of their batteries, held against a real record: in any order, and whenever it changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.registry import sample
from tests.registry.test_missing import send
from voltrail.errors import UsageError
from voltrail.registry.vehicle_packs import DISCREPANCIES, Login

VIN, OTHER = "LSVAA4187E2184847", "LSVAA4187E2184848"
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def at(day, hour=12):
    return MAY + timedelta(days=day - 1, hours=hour)


def login(vin, when, *codes, source=0):
    return Login(vin, when, source, codes)


def follow(registry):
    while registry.vehicle_packs.follow():
        pass


def verdicts(registry, **asked):
    found, _ = registry.vehicle_packs.page(every=True, limit=1_000, **asked)
    return {(one.vin, one.code): one.verdict for one in found}


def on_record(registry, code, vin=None):
    send(registry, sample.MAKER, *sample.first_life(code))
    if vin is not None:
        send(registry, sample.CARMAKER, *sample.fitted(code, vin))


def test_each_verdict(registry):
    """What agrees is agreed, each contradiction has its name, and makers' own numbers accuse nobody."""
    here, there, loose, unheard, wasted, replaced = (sample.pack(n) for n in range(1, 7))
    for code, vin in (
        (here, VIN),
        (there, OTHER),
        (loose, None),
        (wasted, None),
        (replaced, "LSVAA4187E2184849"),
    ):
        on_record(registry, code, vin)
    send(
        registry,
        sample.CARMAKER,
        sample.line("received", "2026-04-20T10:00:00+08:00", code=wasted, from_=sample.MAKER),
        sample.line("retired", "2026-04-22T10:00:00+08:00", code=wasted, reason="SOH"),
    )
    registry.vehicle_packs.take(
        [
            login(VIN, at(1), here),
            login("LSVAA4187E2184850", at(1), there),
            login("LSVAA4187E2184851", at(1), loose),
            login("LSVAA4187E2184852", at(1), unheard),
            login("LSVAA4187E2184853", at(1), wasted),
            login("LSVAA4187E2184849", at(1), loose),
            login("LSVAA4187E2184854", at(1), "BATT-0001"),
        ]
    )
    found, _ = registry.vehicle_packs.page(every=True)
    told = {one.vin[-2:]: (one.verdict, one.expected, one.other_vin) for one in found}
    assert told == {
        "47": ("agreed", (here,), None),
        "50": ("two_vehicles", (), OTHER),
        "51": ("two_vehicles", (), "LSVAA4187E2184849"),
        "49": ("two_vehicles", (replaced,), "LSVAA4187E2184851"),
        "52": ("unknown_code", (), None),
        "53": ("elsewhere", (), None),
        "54": ("no_code", (), None),
    }
    bad, _ = registry.vehicle_packs.page()
    assert {one.verdict for one in bad} <= set(DISCREPANCIES)
    assert all((one.discrepancy is not None) == (one.verdict in DISCREPANCIES) for one in found)


def test_a_pack_that_nobody_has_reported_elsewhere_is_first_seen(registry):
    """A pack on the way to the car maker and named by one vehicle is no contradiction."""
    code = sample.pack(1)
    on_record(registry, code)
    registry.vehicle_packs.take([login(VIN, at(1), code)])
    assert verdicts(registry) == {(VIN, code): "first_seen"}


def test_a_second_pack_is_not_another_pack(registry):
    """A vehicle that names what the record has in it, and one more, contradicts nothing; one instead does."""
    first, second = sample.pack(1), sample.pack(2)
    on_record(registry, first, VIN)
    on_record(registry, second)
    registry.vehicle_packs.take([login(VIN, at(1), first, second)])
    assert verdicts(registry) == {(VIN, first): "agreed", (VIN, second): "first_seen"}
    registry.vehicle_packs.take([login(VIN, at(2), second)])
    found = {(one.code, one.pack_no): one.verdict for one in registry.vehicle_packs.page(every=True)[0]}
    assert found == {(first, 1): "agreed", (second, 1): "other_pack", (second, 2): "first_seen"}


def test_a_report_that_comes_late_changes_the_verdict(registry):
    """The car maker reports a week later what it fitted: agreed from then on; a void report undoes it."""
    code, before = sample.pack(1), sample.pack(2)
    on_record(registry, code)
    on_record(registry, before, VIN)
    registry.vehicle_packs.take([login(VIN, at(2), code)])
    assert verdicts(registry) == {(VIN, code): "other_pack"}

    swap = [
        sample.line("received", "2026-04-20T10:00:00+08:00", code=code, from_=sample.MAKER),
        sample.line("removed", "2026-04-25T10:00:00+08:00", code=before, vin=VIN, reason="replacement"),
        sample.line("installed", "2026-04-25T11:00:00+08:00", code=code, vin=VIN, reason="replacement"),
    ]
    first = send(registry, sample.CARMAKER, *swap)
    follow(registry)
    assert verdicts(registry) == {(VIN, code): "agreed"}

    void = sample.line(
        "corrected", "2026-04-26T10:00:00+08:00", code=code, vin=VIN, corrects=first + 2, void=True
    )
    send(registry, sample.CARMAKER, void)
    follow(registry)
    assert verdicts(registry) == {(VIN, code): "first_seen"}


def test_a_move_makes_nobody_wrong_who_had_it_before(registry):
    """A pack that goes to another vehicle later was in the first one when that said so."""
    code = sample.pack(1)
    on_record(registry, code, VIN)
    registry.vehicle_packs.take([login(VIN, at(2), code)])
    send(
        registry,
        sample.CARMAKER,
        sample.line("removed", "2026-05-10T10:00:00+08:00", code=code, vin=VIN, reason="replacement"),
        sample.line("installed", "2026-05-11T10:00:00+08:00", code=code, vin=OTHER, reason="replacement"),
    )
    follow(registry)
    registry.vehicle_packs.take([login(OTHER, at(12), code)])
    assert verdicts(registry) == {(VIN, code): "agreed", (OTHER, code): "agreed"}
    registry.vehicle_packs.take([login(VIN, at(13), code)])
    assert verdicts(registry) == {(VIN, code): "two_vehicles", (OTHER, code): "agreed"}
    told = registry.vehicle_packs.of_battery(code)
    assert [(one.vin, one.other_vin) for one in told] == [(VIN, OTHER), (OTHER, None)]


LOGINS = st.lists(
    st.builds(
        lambda vin, day, source, numbers: (vin, day, source, numbers),
        st.sampled_from([VIN, OTHER, "LSVAA4187E2184849"]),
        st.integers(1, 30),
        st.integers(0, 2),
        st.lists(st.integers(0, 3), max_size=2),
    ),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LOGINS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_say_the_same(registry, logins, random):
    """Taken at once, one by one in another order, and some twice: rows and verdicts are the same."""
    codes = [sample.pack(n) for n in (1, 2)] + [sample.pack(77), "OWN-1"]
    if not registry.has_battery(codes[0]):
        on_record(registry, codes[0], VIN)
        on_record(registry, codes[1])
    told = [login(vin, at(day), *(codes[n] for n in numbers), source=by) for vin, day, by, numbers in logins]
    rows = []
    for parts in ([told], [[one] for one in random.sample(told * 2, 2 * len(told))]):
        with registry.database.pool.connection() as connection:
            connection.execute("truncate vehicle_pack")
        for part in parts:
            registry.vehicle_packs.take(part)
        rows.append(registry.vehicle_packs.page(every=True)[0])
    assert rows[0] == rows[1]


def test_a_list_goes_on_from_page_to_page(registry):
    """Pages of three leave nothing out and repeat nothing, whatever a vehicle calls itself or its battery."""
    odd = ["A/B", "A", "9/9/9", "ä\0", "x" * 200, "  "]
    registry.vehicle_packs.take([login(vin, at(1), code) for vin in ("V/1", "V", VIN) for code in odd])
    after, found = None, []
    while True:
        page, after = registry.vehicle_packs.page(every=True, after=after, limit=3)
        found += page
        if after is None:
            break
    assert len(found) == len({(one.vin, one.code) for one in found}) == 3 * 5
    for after in ("x", "\0", "a/1/2", "a/1/-1/x", "a/0/1/x", "a/" + "9" * 30 + "/1/x"):
        with pytest.raises(UsageError):
            registry.vehicle_packs.page(after=after)


def test_spans_follow_logins_and_then_the_record(registry):
    """A battery is in a vehicle from its login until another's; before any login, where the record has it."""
    first, second = sample.pack(1), sample.pack(2)
    on_record(registry, first, VIN)
    on_record(registry, second)
    days = lambda spans: [(one.code, one.begin.day, one.end.day, one.verdict) for one in spans]  # noqa: E731
    assert days(registry.vehicle_packs.spans(VIN, at(1), at(30))) == [(first, 1, 30, "record")]
    assert registry.vehicle_packs.spans(OTHER, at(1), at(30)) == []
    registry.vehicle_packs.take(
        [login(VIN, at(3), first), login(VIN, at(9), first), login(VIN, at(12), second)]
    )
    assert days(registry.vehicle_packs.spans(VIN, at(1), at(30))) == [
        (first, 1, 3, "record"),
        (first, 3, 12, "agreed"),
        (second, 12, 30, "other_pack"),
    ]
    (span, *_) = registry.vehicle_packs.spans(VIN, at(1), at(2))
    assert span.model_id == "S-102"


def test_what_swaps_is_told_by_the_record(registry):
    """Two codes that come crosswise in one place are no span of either, unless the record says which."""
    first, second = sample.pack(1), sample.pack(2)
    on_record(registry, first, VIN)
    on_record(registry, second)
    registry.vehicle_packs.take(
        [login(VIN, at(day), code) for day, code in ((1, first), (5, second), (9, first))]
    )
    assert registry.vehicle_packs.bound(VIN, at(7)) == ((first,), "agreed")
    registry.vehicle_packs.take(
        [login(OTHER, at(day), code) for day, code in ((1, first), (5, second), (9, first))]
    )
    assert registry.vehicle_packs.bound(OTHER, at(7)).verdict == "ambiguous"
    assert registry.vehicle_packs.bound("nobody", at(7)) == ((), "none")
