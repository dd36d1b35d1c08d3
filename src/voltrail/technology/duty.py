"""
What a battery does in a year: how much it cycles, how deep, how fast it is charged, how warm it is.

    >>> taxi = DUTIES["taxi"]
    >>> round(taxi.full_a_year)
    263

`duties.csv` has those that come with Voltrail, each number with how sure it is; `places.csv` how warm it is
outside, month by month. All of them are assumptions or from memory, so take your own.
"""

from __future__ import annotations

import csv
import math
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import UsageError

Numbers = NDArray[np.float64]

DAYS: Final = 365.25  # in a year
COLDEST_C: Final = -40.0
HOTTEST_C: Final = 60.0
MONTHS: Final = 12


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """
    A year of a battery; everything about its capacity is told of what it had when new.

    Either `km_a_year` with `km_a_charge`, the kilometres of a full new battery, or `cycles_a_day`. `depth` is
    of a cycle, `rest_soc` the mean state of charge, `fast_share` the share of charging at `fast_c`, the rest
    is at `slow_c` (C-rates). It is `warmer_k` warmer than the air; while it cycles it is kept between
    `warm_low_c` and `warm_high_c`, at rest too if `kept_at_rest`.
    """

    id: str
    depth: float
    rest_soc: float
    fast_share: float
    slow_c: float
    fast_c: float
    warmer_k: float
    warm_low_c: float
    warm_high_c: float
    kept_at_rest: bool = False
    km_a_year: float | None = None
    km_a_charge: float | None = None
    cycles_a_day: float | None = None

    @property
    def full_a_year(self) -> float:
        """Return the equivalent full cycles of a year, of the capacity when new."""
        if self.km_a_year is not None and self.km_a_charge is not None:
            return self.km_a_year / self.km_a_charge
        return (self.cycles_a_day or 0.0) * self.depth * DAYS


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `duties.csv`: a number, its unit, how sure it is and why."""

    duty: str
    parameter: str
    value: float
    unit: str
    standing: str
    source: str


_BOUNDS: Final = {
    "depth": (0.01, 1.0),
    "rest_soc": (0.0, 1.0),
    "fast_share": (0.0, 1.0),
    "slow_c": (0.01, 10.0),
    "fast_c": (0.01, 10.0),
    "warmer_k": (0.0, 30.0),
    "warm_low_c": (COLDEST_C, HOTTEST_C),
    "warm_high_c": (COLDEST_C, HOTTEST_C),
    "km_a_year": (0.0, 500_000.0),
    "km_a_charge": (20.0, 3_000.0),
    "cycles_a_day": (0.0, 20.0),
}


def duty_of(name: str, **other: float) -> Duty:
    """
    Return a duty that comes with Voltrail, with what is `other` about it.

    Raises UsageError (`life.duty`, `life.number`).
    """
    found = DUTIES.get(name)
    if found is None:
        raise UsageError("life.duty", f"There is no duty {name[:40]!r}.", f"Take one of {', '.join(DUTIES)}.")
    for key, value in other.items():
        low, high = _BOUNDS[key]
        if not low <= value <= high:  # false for what is no number
            raise UsageError(
                "life.number",
                f"{key}: {value:g} cannot be taken.",
                f"Give a number from {low:g} to {high:g}.",
            )
    if "km_a_year" in other and found.km_a_charge is None:
        raise UsageError(
            "life.number", f"{name} is no duty of kilometres.", "Give cycles_a_day, or take another duty."
        )
    if "cycles_a_day" in other:
        other = {**other, "km_a_year": None, "km_a_charge": None}  # type: ignore[dict-item]
    return msgspec.structs.replace(found, **other)


def months_of(place: str | float) -> Numbers:
    """
    Return the temperature of the air by month, (12,) °C: of a place, or of a number all the year.

    Raises UsageError (`life.place`, `life.number`).
    """
    if isinstance(place, str):
        found = PLACES.get(place)
        if found is None:
            raise UsageError(
                "life.place",
                f"How warm it is in {place[:40]!r} is not known.",
                f"Take one of {', '.join(PLACES)}, or give a temperature.",
            )
        return np.array(found)
    if not (math.isfinite(place) and COLDEST_C <= place <= HOTTEST_C):
        raise UsageError(
            "life.number",
            f"temperature_c: {place:g} cannot be taken.",
            f"Give a number from {COLDEST_C:g} to {HOTTEST_C:g}.",
        )
    return np.full(MONTHS, float(place))


def _read() -> tuple[dict[str, Duty], tuple[Parameter, ...], dict[str, tuple[float, ...]]]:
    here = files(__package__)
    found: dict[str, dict[str, Any]] = {}
    parameters = []
    for row in csv.DictReader(here.joinpath("duties.csv").read_text("utf-8").splitlines()):
        one = msgspec.convert(row, Parameter, strict=False)
        parameters.append(one)
        found.setdefault(one.duty, {})[one.parameter] = one.value
    duties = {
        name: Duty(**{"id": name, **values, "kept_at_rest": bool(values["kept_at_rest"])})
        for name, values in found.items()
    }
    places = {
        row["place"]: tuple(float(value) for value in list(row.values())[1 : MONTHS + 1])
        for row in csv.DictReader(here.joinpath("places.csv").read_text("utf-8").splitlines())
    }
    return duties, tuple(parameters), places


DUTIES, PARAMETERS, PLACES = _read()
