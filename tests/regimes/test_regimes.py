"""Rules as dated data, and deadlines."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.regimes import HOLIDAYS, RULES, Calendar, deadline, is_late, rules_at
from voltrail.regimes.deadlines import Year
from voltrail.regimes.rules import document


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
            ours = rule.article == "rule of this registry" and rule.confidence == "configured"
            assert ours or rule.confidence in {"confirmed", "secondary"}
            assert rule.value is not None
            assert rule.article
        else:
            since = datetime.combine(rule.valid_from, time(12), UTC)
            assert all(rule not in RULES.of(kind, since) for kind in rule.kinds)
        assert rule.source
    standings = {rule.id: rule.standing for rule in RULES.all}
    assert standings["o73-02"] == "advisory"
    assert standings["o73-07"] == "not configured"


WEEKDAYS = Calendar({})


def test_working_days_leave_out_saturday_and_sunday():
    """From a Friday, one working day on is Monday; five are the next Friday."""
    friday = date(2020, 6, 5)

    assert deadline(friday, 1, "working_day", WEEKDAYS) == date(2020, 6, 8)
    assert deadline(friday, 5, "working_day", WEEKDAYS) == date(2020, 6, 12)
    assert deadline(date(2020, 6, 6), 1, "working_day", WEEKDAYS) == date(2020, 6, 8)


def test_working_days_follow_the_notices():
    """The National Day holiday of 2025 is no working time; the Saturday worked for it is."""
    tuesday = date(2025, 9, 30)

    assert deadline(tuesday, 1, "working_day", RULES.calendar) == date(2025, 10, 9)
    assert deadline(tuesday, 3, "working_day", RULES.calendar) == date(2025, 10, 11)  # a Saturday
    assert RULES.calendar.is_working(date(2025, 10, 11))
    assert not RULES.calendar.is_working(date(2025, 10, 1))


@given(st.dates(date(2018, 1, 1), date(2030, 1, 1)), st.integers(1, 60))
def test_working_days_agree_with_counting(start, days):
    """The search gives what counting day by day gives, holidays and worked weekends included."""
    off, work = (
        {f"{year}-{day}" for year, one in HOLIDAYS.years.items() for day in getattr(one, name)}
        for name in ("off", "work")
    )
    counted, left = start, days
    while left:
        counted += timedelta(days=1)
        left -= counted.isoformat() in work or (counted.weekday() < 5 and counted.isoformat() not in off)

    assert deadline(start, days, "working_day", RULES.calendar) == counted


def test_a_notice_that_contradicts_the_calendar_is_refused():
    """A weekday cannot be a weekend that is worked, nor a Sunday a weekday off."""
    for off, work in ((("10-05",), ()), ((), ("10-06",)), (("02-30",), ())):
        with pytest.raises(ValueError, match=r"day|10-0"):
            Calendar({2025: Year(off, work)})


def test_months_end_with_the_month():
    """Six months after 31 August is the last of February."""
    assert deadline(date(2025, 8, 31), 6, "month", WEEKDAYS) == date(2026, 2, 28)
    assert deadline(date(2026, 1, 15), 6, "month", WEEKDAYS) == date(2026, 7, 15)


def test_days_are_those_of_the_regime():
    """Late by the calendar of China, UTC+8: the last day ends at 16:00 UTC."""
    triggered = datetime(2026, 4, 1, 12, tzinfo=UTC)

    assert not is_late(triggered, datetime(2026, 5, 1, 15, 59, tzinfo=UTC), 30, "day", WEEKDAYS)
    assert is_late(triggered, datetime(2026, 5, 1, 16, 1, tzinfo=UTC), 30, "day", WEEKDAYS)


def test_the_document_is_printed():
    """docs/rules.md is printed, never edited: write document() into it."""
    path = Path(__file__).parents[2] / "docs" / "rules.md"
    assert path.read_text(encoding="utf-8") == document(RULES)


def test_every_rule_says_what_is_not_known():
    """What is not configured names its gap, in both languages; so does what only the press supports."""
    for rule in RULES.all:
        assert (rule.gap is None) == (rule.gap_zh is None)
        assert rule.gap or rule.standing == "enforced" or rule.value is not None
