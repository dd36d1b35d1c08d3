"""
When a report was due, and whether it came later.

Days are those of the regime's own clock (China: UTC+8). Working days are Monday to
Friday: the calendar of public holidays and shifted working days is not
configured, so a deadline in working days may in truth be somewhat later than computed.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

CHINA: Final = timezone(timedelta(hours=8))


def deadline(triggered: date, value: int, unit: str) -> date:
    """Return the last day on which a report is in time."""
    if unit == "working_day":
        return _add_working_days(triggered, value)
    if unit == "month":
        return _add_months(triggered, value)
    return triggered + timedelta(days=value)


def is_late(triggered_at: datetime, received_at: datetime, value: int, unit: str) -> bool:
    """Return whether a report received then came after its deadline."""
    if received_at - triggered_at < timedelta(days=value):
        return False
    due = deadline(triggered_at.astimezone(CHINA).date(), value, unit)
    return received_at.astimezone(CHINA).date() > due


def _add_working_days(start: date, days: int) -> date:
    """Return the day that is so many Mondays to Fridays after a day; the day itself does not count."""
    weekday = min(start.weekday(), 4)
    monday_to_friday = start - timedelta(days=start.weekday() - weekday)
    weeks, rest = divmod(weekday + days, 5)
    return monday_to_friday + timedelta(days=weeks * 7 + rest - weekday)


def _add_months(start: date, months: int) -> date:
    """Return the same day so many months on, or the last of that month."""
    years, month = divmod(start.month - 1 + months, 12)
    for day in range(start.day, 27, -1):
        try:
            return date(start.year + years, month + 1, day)
        except ValueError:
            continue
    return date(start.year + years, month + 1, start.day)
