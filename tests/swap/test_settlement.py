"""Settlement: every reading is in one place, nothing is guessed, and statements add up to the swaps."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from voltrail.swap.settlement import BILLION, Measured, Swap, accounts, reconcile, seen_by, settle

START = datetime(2026, 5, 1, tzinfo=UTC)
PACKS, VINS, STATIONS, OWNERS = ("P1", "P2", "P3", "P4"), ("V1", "V2"), ("S1", "S2"), ("BANK", "OTHER")


def hour(number):
    return START + timedelta(hours=number)


def swap(index, out, in_, energy_out=None, energy_in=None, vin="V1", station="S1", owner="BANK", at=None):
    owners = (owner if out else None, owner if in_ else None)
    when = hour(index if at is None else at)
    return Swap(index, when, "OP", station, vin, out, in_, energy_out, energy_in, None, *owners)


def of(swaps, measured=(), since=0, until=1_000):
    return settle(swaps, measured, hour(since), hour(until))


def told(settlement):
    return [(one.pack, one.place, one.wh, one.reason) for one in settlement.stays]


def test_a_truck_used_and_a_station_charged_what_is_between_readings():
    """Put in with 270 kWh and taken out with 40: the truck used 230; then in again with 265: 225 charged."""
    found = of(
        [
            swap(1, None, "P1", energy_in=270_000),
            swap(2, "P1", "P2", 40_000, 260_000),
            swap(3, "P2", "P1", 50_000, 265_000),
        ]
    )
    assert told(found) == [
        ("P1", "station", None, "no_beginning"),
        ("P1", "truck", 230_000, None),
        ("P1", "station", 225_000, None),
        ("P1", "truck", None, "running"),
        ("P2", "station", None, "no_beginning"),
        ("P2", "truck", 210_000, None),
        ("P2", "station", None, "running"),
    ]
    (truck,) = accounts(found, "truck")
    assert (truck.key, truck.used_wh, truck.after_wh) == ("V1", 440_000, 265_000)
    assert all(one.holds for one in reconcile(found, [])[6:])


def test_what_lacks_a_counterpart_is_named():
    """No meter, a reading that cannot be, another vehicle, another station: open, each by its reason."""
    found = of(
        [
            swap(1, None, "P1", energy_in=270_000),
            swap(2, "P1", None, None),
            swap(3, None, "P2", energy_in=200_000),
            swap(4, "P2", None, 210_000),
            swap(5, None, "P3", energy_in=270_000),
            swap(6, "P3", None, 30_000, vin="V2"),
            swap(7, None, "P3", energy_in=270_000, station="S2"),
        ]
    )
    reasons = [(one.pack, one.place, one.where, one.reason) for one in found.stays]
    assert reasons == [
        ("P1", "station", "S1", "no_beginning"),
        ("P1", "truck", "V1", "no_reading"),
        ("P1", "station", "S1", "running"),
        ("P2", "station", "S1", "no_beginning"),
        ("P2", "truck", "V1", "negative"),
        ("P2", "station", "S1", "running"),
        ("P3", "station", "S1", "no_beginning"),
        ("P3", "truck", "V1", "no_end"),
        ("P3", "truck", "V2", "no_beginning"),
        ("P3", "station", "S1", "no_end"),
        ("P3", "station", "S2", "no_beginning"),
        ("P3", "truck", "V1", "running"),
    ]
    assert sum(one.used_wh + one.charged_wh for one in accounts(found, "owner")) == 0


def test_health_is_shared_by_energy_and_adds_up():
    """Three parts of a loss of 100 billionths by equal energy: 34, 33, 33; a gain and an open stay: none."""
    swaps = [
        swap(1, None, "P1", energy_in=100),
        swap(2, "P1", None, 50),
        swap(3, None, "P1", energy_in=100),
        swap(4, "P1", None, 50),
    ]
    measured = [Measured("P1", 90, hour(1.5), BILLION), Measured("P1", 91, hour(4.5), BILLION - 100)]
    (loss,) = of(swaps, measured).losses
    assert [(one.place, ppb) for one, ppb in loss.shares] == [("truck", 34), ("station", 33), ("truck", 33)]
    measured.append(Measured("P1", 92, hour(5), BILLION))
    assert [one.unshared for one in of(swaps, measured).losses] == [None, "gained"]
    assert [one.unshared for one in of(swaps[:1] + swaps[3:], measured[:2]).losses] == [None]
    gap = [swap(1, None, "P1", energy_in=100), swap(2, "P1", None, None)]
    assert [one.unshared for one in of(gap, measured[:2]).losses] == ["open_stay"]


def test_a_pack_that_changed_hands_has_no_single_owner():
    """What was used while a pack was sold is the truck's, and no owner's; it is told as nobody's."""
    found = of([swap(1, None, "P1", energy_in=90), swap(2, "P1", None, 40, owner="OTHER")])
    assert [(one.key, one.used_wh) for one in accounts(found, "owner")] == [
        ("BANK", 0),
        ("OTHER", 0),
        (None, 50),
    ]


def test_everyone_sees_his_own():
    """A bank sees the stays of its packs, an operator those at its stations, a stranger none."""
    found = of([swap(1, None, "P1", energy_in=90), swap(2, "P1", None, 40)])
    assert seen_by(found, "BANK").stays == seen_by(found, "OP").stays == found.stays
    assert seen_by(found, "X").stays == ()


readings = st.none() | st.integers(0, 300_000)
codes = st.none() | st.sampled_from(PACKS)


@st.composite
def histories(draw):
    """Return swaps in any order and number, some not told, some without meters, packs sold meanwhile."""
    made = []
    for index in range(draw(st.integers(0, 25))):
        out, in_ = draw(codes), draw(codes)
        if out == in_:
            continue
        owners = (draw(st.sampled_from(OWNERS)) if one else None for one in (out, in_))
        place = draw(st.sampled_from(STATIONS)), draw(st.sampled_from(VINS))
        at = hour(draw(st.integers(0, 20)))
        made.append(Swap(index, at, "OP", *place, out, in_, draw(readings), draw(readings), None, *owners))
    return made


measurements = st.lists(
    st.builds(
        Measured,
        st.sampled_from(PACKS),
        st.integers(100, 200),
        st.integers(0, 20).map(hour),
        st.integers(BILLION // 2, BILLION),
    ),
    max_size=8,
)


@given(histories(), measurements, st.integers(0, 20), st.integers(0, 20), st.randoms())
def test_statements_add_up_to_the_swaps_whatever_happened(swaps, measured, one, other, rng):
    """Every identity holds for every period, and the order in which swaps were told is nothing."""
    since, until = sorted((one, other))
    found = of(swaps, measured, since, until)
    assert [proof for proof in reconcile(found, swaps) if not proof.holds] == []
    shuffled = rng.sample(swaps, len(swaps))
    assert of(shuffled, measured, since, until) == found


@given(histories(), measurements, st.integers(0, 20))
def test_periods_one_after_another_are_one_period(swaps, measured, middle):
    """What is settled in two periods that meet is what is settled in both together; nothing counts twice."""
    first, second, whole = (
        of(swaps, measured, 0, middle),
        of(swaps, measured, middle, 30),
        of(swaps, measured, 0, 30),
    )
    settled = [[one for one in found.stays if one.reason is None] for found in (first, second, whole)]
    key = repr
    assert sorted(settled[0] + settled[1], key=key) == sorted(settled[2], key=key)
    assert sorted(first.losses + second.losses, key=key) == sorted(whole.losses, key=key)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(100, 300)), min_size=2))
def test_what_a_pack_gained_and_gave_is_between_its_first_and_last_reading(levels):
    """Where all of a pack was told, charged less used is its last reading less its first."""
    swaps = []
    for number, (low, high) in enumerate(levels):
        swaps += [
            swap(2 * number, None, "P1", energy_in=high),
            swap(2 * number + 1, "P1", None, energy_out=low),
        ]
    (account,) = accounts(of(swaps), "owner")
    assert account.charged_wh - account.used_wh == levels[-1][0] - levels[0][1]
    assert account.open == {"no_beginning": 1, "running": 1}
