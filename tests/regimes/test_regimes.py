"""Rules as dated data, and deadlines."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from voltrail.regimes import RULES, deadline, is_late, rules_at


def test_rules_are_those_of_the_day():
    """The provisions of 2018 end where Order 73 begins."""
    before = {rule.id for rule in rules_at(date(2026, 3, 31))}
    after = {rule.id for rule in rules_at(date(2026, 4, 1))}

    assert "t18-11" in before - after
    assert "o73-04" in after - before
    assert not rules_at(date(2017, 1, 1))


def test_only_what_is_supported_is_enforced():
    """Press and mirrors are advisory; what has no value is not configured and makes no finding."""
    for rule in RULES.all:
        if rule.standing == "enforced":
            assert rule.confidence in {"confirmed", "secondary"}
            assert rule.value is not None
            assert rule.article
        else:
            since = datetime.combine(rule.valid_from, time(12), UTC)
            assert all(rule not in RULES.of(kind, since) for kind in rule.kinds)
        assert rule.source
    standings = {rule.id: rule.standing for rule in RULES.all}
    assert standings["o73-02"] == "advisory"
    assert standings["o73-07"] == "not configured"


def test_working_days_leave_out_saturday_and_sunday():
    """From a Friday, one working day on is Monday; five are the next Friday."""
    friday = date(2020, 6, 5)

    assert deadline(friday, 1, "working_day") == date(2020, 6, 8)
    assert deadline(friday, 5, "working_day") == date(2020, 6, 12)
    assert deadline(date(2020, 6, 6), 1, "working_day") == date(2020, 6, 8)


@given(st.dates(date(2018, 1, 1), date(2030, 1, 1)), st.integers(1, 60))
def test_working_days_agree_with_counting(start, days):
    """The closed form gives what counting day by day gives."""
    counted, left = start, days
    while left:
        counted += timedelta(days=1)
        left -= counted.weekday() < 5

    assert deadline(start, days, "working_day") == counted


def test_months_end_with_the_month():
    """Six months after 31 August is the last of February."""
    assert deadline(date(2025, 8, 31), 6, "month") == date(2026, 2, 28)
    assert deadline(date(2026, 1, 15), 6, "month") == date(2026, 7, 15)


def test_days_are_those_of_the_regime():
    """Late by the calendar of China, UTC+8: the last day ends at 16:00 UTC."""
    triggered = datetime(2026, 4, 1, 12, tzinfo=UTC)

    assert not is_late(triggered, datetime(2026, 5, 1, 15, 59, tzinfo=UTC), 30, "day")
    assert is_late(triggered, datetime(2026, 5, 1, 16, 1, tzinfo=UTC), 30, "day")
