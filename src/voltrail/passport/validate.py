"""
What a passport lacks, has too much, or cannot be, by one rule set.

It tells apart: what is missing; what is not required yet; what must be absent; what is implausible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Final, Literal

import msgspec

from voltrail.events.points import POINTS, Value
from voltrail.passport.rulesets import Row, RuleSet

Verdict = Literal["missing", "not_yet", "conditional", "must_be_absent", "implausible"]

COUNTERS: Final = ("cycles", "deep_discharges", "overcharges")


class Judgement(msgspec.Struct, frozen=True):
    """One thing about one point: which it is, the number and source of the row, what is said, what to do."""

    verdict: Verdict
    point: str
    message: str
    fix: str
    nr: int | None = None
    source: str | None = None


def examine(
    values: Mapping[str, Value],
    rules: RuleSet,
    category: str,
    day: date,
    series: Mapping[str, Sequence[float]] | None = None,
) -> list[Judgement]:
    """
    Return what is to be said of a passport's values, row by row and then what is implausible.

    `series` are the values that counters had, in their order: a counter does not fall.
    """
    found: list[Judgement] = []
    barred = rules.bars(category)
    for row in rules.rows:
        found += _of_row(values, row, rules, category, day, barred)
    return found + implausible(values, day, series or {})


def _of_row(
    values: Mapping[str, Value], row: Row, rules: RuleSet, category: str, day: date, barred: frozenset[str]
) -> list[Judgement]:
    applies = row.applies(category)
    found = []
    for point in row.points:
        there = point in values
        told = _teller(point, row, rules)
        if there and point in barred:
            why = row.gap or f"it is not for category {category}"
            found.append(told("must_be_absent", f"stands in it, and must not: {why}", "Leave it out."))
        elif there or applies.status not in {"mandatory", "conditional"}:
            continue
        elif applies.status == "conditional":
            found.append(told("conditional", f"is needed if {applies.if_}", "Give it where that is so."))
        elif day < rules.from_:
            found.append(told("not_yet", f"is missing, and needed from {rules.from_}", _whose(point)))
        else:
            found.append(told("missing", "is missing", _whose(point)))
    return found


def _teller(point: str, row: Row, rules: RuleSet) -> Callable[[Verdict, str, str], Judgement]:
    def told(verdict: Verdict, said: str, fix: str) -> Judgement:
        message = f"{POINTS[point].en} ({point}) {said}."
        return Judgement(verdict, point, message, fix, row.nr, row.source or rules.source)

    return told


def _whose(point: str) -> str:
    return _FROM[POINTS[point].by]


_FROM: Final = {
    "declared": "Declare it for the model: `points_declared`.",
    "measured": "Have it measured: `measured`, with this point.",
    "record": "It follows from the events: report what is missing of them.",
}


def implausible(
    values: Mapping[str, Value], day: date, series: Mapping[str, Sequence[float]]
) -> list[Judgement]:
    """Return what cannot be, whatever the rule set: beyond its bounds, against another point, or falling."""
    found = []
    for name, value in values.items():
        said = POINTS[name].wrong(value)
        if said is not None:
            found.append(_strange(name, said))
    for name, said in _against_each_other(values, day):
        found.append(_strange(name, said))
    for name in COUNTERS:
        counted = series.get(name, ())
        falls = next(((a, b) for a, b in pairwise(counted) if b < a), None)
        if falls is not None:
            found.append(
                _strange(name, f"fell from {falls[0]:g} to {falls[1]:g}, and a counter does not fall")
            )
    return found


def _strange(name: str, said: str) -> Judgement:
    message = f"{POINTS[name].en} ({name}) {said}."
    return Judgement("implausible", name, message, "Look whether it was mistyped, and correct what says so.")


_ORDERED: Final = (
    ("voltage_min_v", "voltage_nominal_v"),
    ("voltage_nominal_v", "voltage_max_v"),
    ("voltage_min_v", "voltage_max_v"),
    ("idle_min_c", "idle_max_c"),
    ("efficiency_half_percent", "efficiency_percent"),
    ("capacity_ah", "rated_capacity_ah"),
    ("energy_kwh", "certified_energy_kwh"),
    ("manufactured_on", "in_service_on"),
)
"""Pairs of which the first is never above the second."""
_METALS: Final = ("nickel", "cobalt", "lithium")


def _against_each_other(values: Mapping[str, Value], day: date) -> list[tuple[str, str]]:
    found = []
    for low, high in _ORDERED:
        one, other = values.get(low), values.get(high)
        if one is not None and other is not None and type(one) is not type(other):
            one, other = _number(one), _number(other)
        if one is not None and other is not None and one > other:  # type: ignore[operator]
            found.append((low, f"is {one}, above {high}, which is {other}"))
    for metal in _METALS:
        shares = [_number(values.get(f"recycled_{metal}_{part}_percent")) for part in ("pre", "post")]
        if None not in shares and sum(share for share in shares if share is not None) > 100:
            found.append(
                (f"recycled_{metal}_pre_percent", "is above 100 % together with that from after use")
            )
    for name in ("manufactured_on", "in_service_on"):
        when = values.get(name)
        if isinstance(when, str) and not "1990-01-01" <= when <= day.isoformat():
            found.append((name, f"is {when}, which is before 1990 or after {day}"))
    return found


def _number(value: Value | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
