"""
How long a used battery will last where nobody assessed it: by the law of ageing of its chemistry.

What duty it had, what it is for now, where that is and how much is left at its end are rows of the policy, so
that a decision names them; without them nothing is said.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from voltrail.health.facts import Facts
from voltrail.health.normal import Z95, Normal
from voltrail.health.policy import Table
from voltrail.technology.duty import duty_of, months_of
from voltrail.technology.life import Interval, name_of, remaining

_NINETY: Final = 1.6448536269514722
_ROWS: Final = ("life.first_duty", "life.duty", "life.place", "life.soh_end")
_KEPT: Final = 4_096  # answers, of 0.2 kB


def expected_life(facts: Facts, table: Table) -> Interval | None:
    """
    Return the years that are left, nine of ten times between low and high; None where too little is known.

    More than a new battery's life by the policy (`life.new`) is not counted: no law was measured for so long.
    """
    law, new = name_of(facts.chemistry or ""), table.normal("life.new")
    if facts.soh is None or law is None or new is None or not all(map(table.has, _ROWS)):
        return None
    first, then, place = (" ".join(table.words(name)) for name in _ROWS[:3])
    end = table.normal("life.soh_end")
    assert end is not None  # noqa: S101 - it has the row
    middle, half = (facts.soh.low + facts.soh.high) / 2, (facts.soh.high - facts.soh.low) / 2
    ninety = half * _NINETY / Z95  # an assessment is of 95 %
    found = _remaining(law, first, then, place, middle - ninety, middle + ninety, end.mean)
    return Interval(*(min(one, new.mean) for one in found))


def spread_of(found: Interval) -> Normal:
    """Return years with an interval of 90 % as mean and standard deviation."""
    return Normal((found.low + found.high) / 2, (found.high - found.low) / (2 * _NINETY))


@lru_cache(_KEPT)
def _remaining(
    chemistry: str, first: str, then: str, place: str, low: float, high: float, end: float
) -> Interval:
    return remaining(chemistry, duty_of(first), duty_of(then), months_of(place), soh=(low, high), end=end)
