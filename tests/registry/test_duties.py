"""Duties on a real record: they open, are met, and come back; by whatever steps the log is followed."""

import json
from datetime import date

import msgspec
import pytest

from tests.registry import sample
from voltrail.regimes import RULES, Rules
from voltrail.regimes.configured import Setting
from voltrail.registry.audit import audit
from voltrail.registry.duties import Duties, kinds_that_count, told
from voltrail.registry.rulebook import Rulebook

VIN = "LSVAA4187E21848{:02}"
TODAY = date(2026, 8, 1)


@pytest.fixture
def followed(registry):
    return registry.duties


def certify(registry, number, day="2026-05-01"):
    line = sample.line(
        "vehicle_certified", f"{day}T10:00:00+08:00", vin=VIN.format(number), codes=[sample.pack(number + 1)]
    )
    return send(registry, line)


def sell(registry, number, day="2026-05-04"):
    line = sample.line(
        "sold", f"{day}T10:00:00+08:00", vin=VIN.format(number), codes=[sample.pack(number + 1)]
    )
    return send(registry, line)


def send(registry, line):
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), [line])))
    assert not receipt["refused"]
    return receipt["first_index"]


def bring_up(followed, most=1_000):
    while followed.follow(most):
        pass


def open_(followed, **asked):
    return [one.subject for one in followed.page(TODAY, **asked)[0]]


def test_a_certificate_stands_open_until_the_sale_is_told(registry, followed):
    """It is overdue, counted once, and gone from the list when the sale comes; a void sale brings it back."""
    opened = certify(registry, 1)
    certify(registry, 2, "2026-07-20")
    bring_up(followed)

    found, _ = followed.page(TODAY)
    assert [one.subject[-2:] for one in found] == ["01", "02"]
    assert (found[0].duty.opened, found[0].duty.organisation) == (opened, sample.CARMAKER)
    assert [(one.rule, one.due, one.overdue) for one in followed.counts(TODAY)] == [("o73-02-sale", 1, 1)]
    assert open_(followed, which="overdue") == [f"vehicle:{VIN.format(1)}"]
    assert open_(followed, which="due", organisation=sample.CARMAKER) == [f"vehicle:{VIN.format(2)}"]
    assert open_(followed, organisation=sample.MAKER) == []

    sale = sell(registry, 1)
    bring_up(followed)
    assert open_(followed) == [f"vehicle:{VIN.format(2)}"]
    assert followed.counts(TODAY)[0].overdue == 0
    void = sample.line(
        "corrected",
        "2026-05-05T10:00:00+08:00",
        vin=VIN.format(1),
        codes=[sample.pack(2)],
        corrects=sale,
        void=True,
    )
    send(registry, void)
    bring_up(followed)
    assert open_(followed) == [f"vehicle:{VIN.format(number)}" for number in (1, 2)]
    assert sum(one.overdue for one in followed.counts(TODAY)) == 1


@pytest.mark.parametrize("steps", [1, 3, 1_000])
def test_any_steps_give_the_same(registry, followed, steps):
    """Followed entry by entry or at once, asked twice or with gaps."""
    for number in range(4):
        certify(registry, number)
        if number % 2:
            sell(registry, number)
        followed.follow(steps)
    bring_up(followed, steps)

    assert open_(followed) == [f"vehicle:{VIN.format(number)}" for number in (0, 2)]
    assert [(one.due, one.overdue) for one in followed.counts(TODAY)] == [(0, 2)]
    assert followed.follow() == 0


def test_pages_leave_out_and_repeat_nothing(registry, followed):
    """Of duties that end on one day, too."""
    for number in range(7):
        certify(registry, number)
    bring_up(followed)
    found, after = [], None
    while True:
        page, after = followed.page(TODAY, limit=3, after=after)
        found += [one.subject for one in page]
        if after is None:
            break
    assert found == [f"vehicle:{VIN.format(number)}" for number in range(7)]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_duties_of_one_subject_and_day_stand_on_one_page_each(registry, followed, limit):
    """Two rules that end on one day for one vehicle: none is lost between two pages, in any list."""
    with registry.database.connect() as connection:
        connection.execute(
            "insert into duty"
            " select 'vehicle:' || car, rule, 'O', opened, now(), date '2026-05-21', null, null"
            " from unnest(array['A', 'B']) car, unnest(array['o73-02', 'o73-02-sale']) rule,"
            " generate_series(1, 2) opened"
        )
        connection.commit()
    for how in ({}, {"organisation": "O"}, {"which": "overdue"}, {"rule": "o73-02"}):
        found, after = [], None
        while True:
            page, after = followed.page(TODAY, limit=limit, after=after, **how)
            found += [(one.subject, one.duty.rule, one.duty.opened) for one in page]
            if after is None:
                break
        assert found == sorted(set(found))
        assert len(found) == (4 if "rule" in how else 8)


def test_a_duty_tells_what_it_stands_on(registry, followed):
    """Article, term, unit, trigger and confidence, and that it is advisory."""
    certify(registry, 1)
    bring_up(followed)
    [one] = followed.page(TODAY)[0]
    said = told(one, followed.rule(one.duty), TODAY)

    assert (said["term"], said["unit"], said["confidence"]) == (20, "day", "press")
    assert (said["standing"], said["due_on"], said["enforced"]) == ("overdue", "2026-05-21", False)
    assert said["trigger"]["kinds"] == ["vehicle_certified"]


def test_webhooks_are_told_before_a_day_passes(registry, followed):
    """Three days before, once for each day and rule, and of nothing that was met, is over or is another's."""
    registry.webhooks.add(sample.CARMAKER, "https://erp.example/hook", ["duty.due"], "clerk")
    registry.webhooks.add(sample.MAKER, "https://maker.example/hook", ["duty.due"], "clerk")
    for number, day in ((1, "2026-05-01"), (2, "2026-05-01"), (3, "2026-05-04"), (4, "2026-04-20")):
        certify(registry, number, day)
    sell(registry, 2)
    bring_up(followed)

    assert followed.remind(date(2026, 5, 17)) == 0
    assert followed.remind(date(2026, 5, 18)) == 1
    assert followed.remind(date(2026, 5, 19)) == 0
    assert followed.remind(date(2026, 5, 21)) == 1
    with registry.database.pool.connection() as connection:
        bodies = connection.execute("select body from webhook_message order by id").fetchall()
    told = [json.loads(body) for (body,) in bodies]
    assert [(one["type"], one["rule"], one["number"]) for one in told] == [("duty.due", "o73-02-sale", 1)] * 2
    assert [one["at"][:10] for one in told] == ["2026-05-21", "2026-05-24"]
    assert len({one["id"] for one in told}) == 2


def test_terms_that_another_server_set_count_at_once(registry, followed):
    """Whatever rules a server has read before: duties follow from those in force when they are computed."""
    other = Duties(registry.database, Rulebook(registry.database, registry.authorities), registry.authorities)
    certify(registry, 1)
    bring_up(other)
    assert [one.duty.due_on for one in followed.page(TODAY)[0]] == [date(2026, 5, 21)]
    setting = Setting(
        rule="o73-02-sale",
        value=5,
        unit="day",
        valid_from=date(2026, 4, 1),
        source="Notice 2026-7",
        enforced=True,
    )
    registry.rulebook.configure(sample.AUTHORITY, "clerk", [setting], [])
    bring_up(other)
    assert [one.duty.due_on for one in followed.page(TODAY)[0]] == [date(2026, 5, 6)]
    assert list(audit(registry)) == []


def test_a_rule_that_speaks_of_a_phase_looks_at_every_kind():
    """What comes late may have changed the phase of a battery before, though it opens and meets nothing."""
    rule = RULES.named("o73-02-sale", TODAY)
    assert "retired" not in kinds_that_count([Rules([rule], RULES.calendar)])
    of_waste = msgspec.structs.replace(rule, phases=("waste",))
    assert "retired" in kinds_that_count([Rules([of_waste], RULES.calendar)])
