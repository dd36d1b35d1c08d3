"""Duties: what events open and close, by the rules of their day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.events import kinds
from voltrail.regimes import RULES, Step, duties
from voltrail.regimes.deadlines import CHINA

MAKER, RECYCLER = "91000000MA0000001X", "91000000MA0000003X"
CODE, VIN = "9ZZPB240000003G4C0221953", "LSVAA4187E2184847"
ROLES = {MAKER: {"vehicle_maker", "battery_maker"}, RECYCLER: {"utilisation_enterprise"}}


def on(day, hour=12):
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), CHINA) + timedelta(hours=hour)


def step(index, event, reporter=MAKER, received=None, phase=None):
    received = received or event.occurred_at
    return Step(index, event, reporter, int(received.timestamp() * 1000), phase)


def has_role(step, roles):
    return not ROLES.get(step.reporter, set()).isdisjoint(roles)


def found(*steps, subject=f"vehicle:{VIN}"):
    return {one.rule: one for one in duties(subject, steps, lambda _: RULES, has_role)}


def certified(day, codes=(CODE,)):
    return kinds.VehicleCertified(occurred_at=on(day), vin=VIN, codes=codes)


def sold(day):
    return kinds.Sold(occurred_at=on(day), vin=VIN, codes=(CODE,))


@pytest.mark.parametrize(
    ("today", "standing"), [("2026-05-20", "due"), ("2026-05-21", "due"), ("2026-05-22", "overdue")]
)
def test_a_certificate_opens_twenty_days_for_the_sale(today, standing):
    """The day before, the last day and the day after: due, due, overdue."""
    duty = found(step(7, certified("2026-05-01")))["o73-02-sale"]

    assert (duty.organisation, duty.opened, duty.due_on) == (MAKER, 7, date(2026, 5, 21))
    assert duty.standing(date.fromisoformat(today)) == standing


def test_the_rules_of_the_day_of_the_certificate_count():
    """On 31 March 2026 the provisions of 2018, with working days; on 1 April Order 73."""
    before = found(step(1, certified("2026-03-31")))
    after = found(step(1, certified("2026-04-01")))

    assert set(before) == {"t18-01"}
    assert before["t18-01"].due_on == date(2026, 4, 22)  # 15 working days; 6 April was a holiday
    assert set(after) == {"o73-02", "o73-02-sale"}
    assert after["o73-02-sale"].due_on == date(2026, 4, 21)


def test_a_sale_meets_it_in_time_or_late():
    """What counts is when the record was told, not when it is said to have happened."""
    opened = step(1, certified("2026-05-01"))
    today = date(2026, 8, 1)

    assert found(opened, step(2, sold("2026-05-10")))["o73-02-sale"].standing(today) == "met"
    late = found(opened, step(2, sold("2026-05-10"), received=on("2026-05-22")))["o73-02-sale"]
    assert (late.met, late.standing(today)) == (2, "met late")


def test_a_certificate_without_codes_leaves_the_codes_due():
    """They are reported once an event on the vehicle names them."""
    bare = step(1, certified("2026-05-01", codes=()))

    assert found(bare)["o73-02"].met is None
    assert found(bare, step(2, sold("2026-05-03")))["o73-02"].met == 2
    assert found(step(1, certified("2026-05-01")))["o73-02"].met == 1


def test_waste_received_by_a_recycler_has_thirty_days():
    """Met by its own report; of a battery that is no waste, or by others, there is no such duty."""
    received = kinds.Received(occurred_at=on("2026-05-01"), code=CODE)

    def found(*steps):
        return {one.rule: one for one in duties(f"battery:{CODE}", steps, lambda _: RULES, has_role)}

    duty = found(step(3, received, RECYCLER, on("2026-06-01"), phase="waste"))["o73-04"]
    assert (duty.due_on, duty.met, duty.standing(date(2027, 1, 1))) == (date(2026, 5, 31), 3, "met late")
    assert (
        found(step(3, received, RECYCLER, on("2026-05-31", 23), phase="waste"))["o73-04"].standing(
            date(2027, 1, 1)
        )
        == "met"
    )
    assert not found(step(3, received, RECYCLER, phase="original"))
    assert not found(step(3, received, MAKER, phase="waste"))


def test_a_day_named_by_the_event_is_what_the_time_runs_from():
    """A scrapped vehicle's time runs from its certificate, an imported one's from its clearance."""
    scrapped = kinds.VehicleScrapped(
        occurred_at=on("2026-03-20"), vin=VIN, codes=(CODE,), certificate_date="2026-03-02"
    )
    ROLES["91000000MA0000004X"] = {"vehicle_dismantler"}
    duty = found(step(1, scrapped, "91000000MA0000004X"))["t18-07"]
    assert duty.since.astimezone(CHINA).date() == date(2026, 3, 2)
    assert duty.due_on == date(2026, 3, 23)


def test_what_is_not_configured_opens_nothing():
    """A swap record has no confirmed term: nobody is ever late with it."""
    ROLES["91000000MA0000005X"] = {"swap_operator"}
    swapped = kinds.Swapped(occurred_at=on("2026-05-01"), codes=(CODE,), put_in=CODE, vin=VIN, station="S-1")
    assert not found(step(1, swapped, "91000000MA0000005X", on("2028-01-01")))


def test_a_vehicle_s_duties_are_not_its_batteries_too():
    """A certificate names both; the duty is of the vehicle alone."""
    assert not found(step(1, certified("2026-05-01")), subject=f"battery:{CODE}")


@given(st.permutations(range(4)), st.integers(0, 3))
def test_nothing_is_counted_twice(order, sales):
    """However often a certificate or a sale is reported, in whatever order: one duty of each rule."""
    events = [certified("2026-05-01"), certified("2026-05-02"), sold("2026-05-05"), sold("2026-05-06")]
    chosen = [step(index, events[number]) for index, number in enumerate(order) if number < 2 + sales]
    life = sorted(chosen, key=lambda one: (one.event.occurred_at, one.index))
    opened = duties(f"vehicle:{VIN}", life, lambda _: RULES, has_role)

    assert sorted(one.rule for one in opened) == ["o73-02", "o73-02-sale"]
    meeting = [one.index for one in life if one.event.kind == "sold"]
    assert next(one for one in opened if one.rule == "o73-02-sale").met == min(meeting, default=None)


def test_moments_are_of_the_day_in_china():
    """A report at 16:01 UTC is of the next day there."""
    opened = step(1, certified("2026-05-01"))
    for minute, standing in ((59, "met"), (0, "met late")):
        hour = 15 if minute else 16
        told = datetime(2026, 5, 21, hour, minute, tzinfo=UTC)
        duty = found(opened, step(2, sold("2026-05-10"), received=told))["o73-02-sale"]
        assert duty.standing(date(2026, 8, 1)) == standing
