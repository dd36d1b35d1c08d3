"""
When a report was due, and whether it came later.

Days are those of the regime's own clock (China: UTC+8). Working days are Monday to Friday, but for the days
that the State Council moves: its notices are data, and a year without one counts by weekdays alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Final, Literal

import msgspec

CHINA: Final = timezone(timedelta(hours=8))

Unit = Literal["day", "working_day", "month"]

_MONDAY: Final = date(1, 1, 1).toordinal()  # was one


class Year(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a year's notice says: weekdays off, and days of weekends that are worked, as MM-DD."""

    off: tuple[str, ...]
    work: tuple[str, ...]


class Calendar:
    """
    The working days of a country.

    Raises ValueError for a day that is none, for one off on a weekend, for one worked on a weekday.
    """

    def __init__(self, years: Mapping[int, Year]) -> None:
        self.years: Final = dict(years)
        self._off = sorted(_days(years, "off", range(5)))
        self._work = sorted(_days(years, "work", range(5, 7)))

    def is_working(self, day: date) -> bool:
        """Return whether a day is worked."""
        return self._count(day.toordinal()) > self._count(day.toordinal() - 1)

    def add(self, start: date, days: int) -> date:
        """Return the day that is so many working days after a day; the day itself does not count."""
        wanted = self._count(start.toordinal()) + days
        day = start.toordinal()
        while (lacking := wanted - self._count(day)) > 0:
            day += lacking
        return date.fromordinal(day)

    def _count(self, day: int) -> int:
        """Return how many working days there are up to a day, that one included."""
        weeks, rest = divmod(day - _MONDAY + 1, 7)
        return weeks * 5 + min(rest, 5) + bisect_right(self._work, day) - bisect_right(self._off, day)


def _days(years: Mapping[int, Year], name: str, weekdays: Iterable[int]) -> set[int]:
    days = {
        date.fromisoformat(f"{year:04}-{day}") for year, one in years.items() for day in getattr(one, name)
    }
    for day in days:
        if day.weekday() not in weekdays:
            raise ValueError(f"{day} is among the days {name}, but falls on a {day:%A}.")
    return {day.toordinal() for day in days}


def deadline(triggered: date, value: int, unit: str, calendar: Calendar) -> date:
    """Return the last day on which a report is in time."""
    if unit == "working_day":
        return calendar.add(triggered, value)
    if unit == "month":
        return _add_months(triggered, value)
    return triggered + timedelta(days=value)


def is_late(triggered_at: datetime, received_at: datetime, value: int, unit: str, calendar: Calendar) -> bool:
    """Return whether a report received then came after its deadline."""
    if received_at - triggered_at < timedelta(days=value):
        return False
    due = deadline(triggered_at.astimezone(CHINA).date(), value, unit, calendar)
    return received_at.astimezone(CHINA).date() > due


def _add_months(start: date, months: int) -> date:
    """Return the same day so many months on, or the last of that month."""
    years, month = divmod(start.month - 1 + months, 12)
    for day in range(start.day, 27, -1):
        try:
            return date(start.year + years, month + 1, day)
        except ValueError:
            continue
    return date(start.year + years, month + 1, start.day)
