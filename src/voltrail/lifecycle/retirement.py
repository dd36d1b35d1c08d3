"""
How many packs should have retired by now: a survival model over the record's own packs.

A pack retires at an age that a Weibull distribution gives: shape and scale by chemistry stand in
`retirement.json`, each with its source and standing. A pack's year is known and not its day, so its age is
taken as evenly spread over that year. The interval is from the longest to the shortest life that the same
source gives to any kind of vehicle, since the record seldom says in which kind a pack is: that is a doubt
about the model, and larger than that of chance. It is an estimate and accuses nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import Final

import msgspec

_STEPS: Final = 24  # of a year of making
_DAYS: Final = 365.2425


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long packs of one battery type last: the shape, and the scale in years, short, likely and long."""

    type: str
    shape: float
    short_years: float
    years: float
    long_years: float
    status: str
    source: str
    note: str


LIVES: Final = {
    one.type: one
    for one in msgspec.json.decode(
        files(__package__).joinpath("retirement.json").read_bytes(), type=tuple[Life, ...]
    )
}


class Expected(msgspec.Struct, frozen=True):
    """
    Of one year of making and one battery type: how many packs, how many retired by the record, and by the
    estimate.

    `likely`, `low` and `high` are None where no parameters are held.
    """

    year: int
    type: str
    packs: int
    retired: int
    likely: float | None = None
    low: float | None = None
    high: float | None = None


def retired_fraction(age_years: float, shape: float, scale_years: float) -> float:
    """Return the share that has retired by an age: the Weibull distribution function."""
    return 0.0 if age_years <= 0 else 1 - math.exp(-((age_years / scale_years) ** shape))


def cohort_fraction(year: int, today: date, shape: float, scale_years: float) -> float:
    """Return the share of packs made in a year, evenly up to today, that has retired by today."""
    first, now = date(year, 1, 1), today.toordinal()
    made = min(date(year + 1, 1, 1).toordinal(), now) - first.toordinal()
    if made <= 0:
        return 0.0
    days = [first.toordinal() + made * (step + 0.5) / _STEPS for step in range(_STEPS)]
    return sum(retired_fraction((now - day) / _DAYS, shape, scale_years) for day in days) / _STEPS


def expected(
    packs: Mapping[tuple[int, str], tuple[int, int]], today: date, lives: Mapping[str, Life] | None = None
) -> list[Expected]:
    """
    Return the estimate for each year and type; `packs` gives how many there are, and how many retired by the
    record.

    Packs that left the country belong to neither.
    """
    lives = LIVES if lives is None else lives
    found = []
    for (year, letter), (number, retired) in sorted(packs.items()):
        life = lives.get(letter)
        if life is None or not year:
            found.append(Expected(year, letter, number, retired))
            continue
        scales = (life.years, life.long_years, life.short_years)
        shares = [number * cohort_fraction(year, today, life.shape, scale) for scale in scales]
        found.append(Expected(year, letter, number, retired, *shares))
    return found


def summed(found: Iterable[Expected]) -> Expected:
    """Return the sum of those for which there are parameters."""
    ours = [one for one in found if one.likely is not None]
    return Expected(
        0,
        "",
        sum(one.packs for one in ours),
        sum(one.retired for one in ours),
        sum(one.likely or 0 for one in ours),
        sum(one.low or 0 for one in ours),
        sum(one.high or 0 for one in ours),
    )
