"""
What may be divided by or added to what, and what a user's own figures are weighed against.

Published figures count at different points (`basis`) and in different places (`scope`): vehicles that left
the works, were sold with exports inside, or were registered at home. A share of one in the other looks
right and is not. `Quantity` carries both along, and refuses to be mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from voltrail.errors import UsageError
from voltrail.outlook.book import Book, Row, defined

STATUSES: Final = (  # from the surest to the least sure
    "verified",
    "compiled",
    "derived",
    "company claim",
    "estimate",
    "target",
    "forecast",
    "recalled_unverified",
    "missing",
)
_FAR: Final = 0.2  # so much may a vintage differ from the one before without a word
_SLIP: Final = 10.0  # so many times its neighbour looks like a slip of the unit
_WHOLES: Final = frozenset({"all", "total", "TOTAL", "all incl. exports", "all vehicles"})
_MOST: Final = {"%": 100.0, "fraction": 1.0}

_WHY: Final = (  # (words of one side, words of the other, why, what to do); the first that fits is said
    (
        {"with_exports"},
        {"home"},
        "exports are inside one and not inside the other",
        "Take the exports off first, or take both with exports.",
    ),
    (
        {"wholesale", "with_exports"},
        {"registration", "home"},
        "wholesale counts what makers sold to dealers and abroad, registrations what got plates at home",
        "Take both as wholesale or both as registrations.",
    ),
    (
        {"usage"},
        {"installation"},
        "SNE counts batteries in vehicles registered in the world, CABIA in vehicles made in China",
        "Take the share within one of them, and put the shares side by side.",
    ),
    (
        {"recycled"},
        {"utilised"},
        "GGII counts what was recycled, production scrap within, MIIT what enterprises report as utilised",
        "Show them side by side; neither is part of the other.",
    ),
    (
        {"modelled retired", "retired in all"},
        {"recycled", "utilised"},
        "what a model says retires is no count of what was collected or taken apart",
        "Show them side by side; a share would be a collection rate that nobody counted.",
    ),
)


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and what it counts: `rows` are the figures that it stands on."""

    value: float
    unit: str
    period: str
    basis: str
    scope: str
    name: str
    rows: tuple[Row, ...]

    @property
    def status(self) -> str:
        """How sure it is: as its least sure row, and no more than derived where it is computed."""
        found = max((row.status for row in self.rows), key=STATUSES.index)
        computed = len(self.rows) > 1 and found in {"verified", "compiled"}
        return "derived" if computed else found


def quantity(row: Row) -> Quantity:
    """Return a figure with what it counts. Raises UsageError where it is missing or not defined."""
    meant = defined(row.series, row.segment)
    if row.value is None:
        raise UsageError(
            "outlook.missing",
            f"{row.series} {row.segment} of {row.period} is missing.",
            "Add it, or take another period.",
        )
    return Quantity(
        value=row.value,
        unit=row.unit,
        period=row.period,
        basis=meant.basis,
        scope=meant.scope,
        name=meant.name,
        rows=(row,),
    )


def share(part: Quantity, whole: Quantity) -> Quantity:
    """
    Return what percent of the whole the part is.

    Raises UsageError `outlook.trap` where they do not count the same: at another point, in another place,
    in another unit or period, or in vintages that were restated in between.
    """
    _agree(part, whole)
    if part.period != whole.period:
        raise _trap(part, whole, f"one is of {part.period}, the other of {whole.period}", "Take one period.")
    _one_vintage(part, whole)
    if not 0 <= part.value <= whole.value or not whole.value:
        raise _trap(part, whole, "the part is larger than the whole", "Look at both figures.")
    return msgspec.structs.replace(
        part,
        value=100 * part.value / whole.value,
        unit="%",
        basis=f"{part.basis} share",
        name=f"{part.name} / {whole.name}",
        rows=(*part.rows, *whole.rows),
    )


def combine(parts: Sequence[Quantity], period: str, name: str) -> Quantity:
    """
    Return the sum of parts that have nothing in common: other months, other makers, other kinds.

    Raises UsageError `outlook.trap` where they do not count the same, or count something twice.
    """
    first = parts[0]
    seen: set[tuple[str, str, str]] = set()
    segments = {row.segment for part in parts for row in part.rows}
    for part in parts:
        _agree(part, first)
        if twice := seen & {row.key for row in part.rows}:
            raise _trap(part, first, f"{' '.join(min(twice))} would be counted twice", "Leave one out.")
        seen |= {row.key for row in part.rows}
    if len(segments) > 1 and segments & _WHOLES:
        raise _trap(
            first, parts[-1], "a whole and its part would be added", "Add parts alone, or take the whole."
        )
    return msgspec.structs.replace(
        first,
        value=sum(part.value for part in parts),
        period=period,
        name=name,
        rows=tuple(row for part in parts for row in part.rows),
    )


def at_home(everything: Quantity, exports: Quantity) -> Quantity:
    """Return what stayed at home of a count that has exports inside. Raises UsageError `outlook.trap`."""
    if (everything.scope, exports.scope) != ("with_exports", "exports") or everything.basis != exports.basis:
        raise _trap(
            everything,
            exports,
            "exports are taken off a count that has them inside, by the same counter",
            "Take a count with exports, and its exports.",
        )
    if (everything.unit, everything.period) != (exports.unit, exports.period):
        raise _trap(everything, exports, "their units or periods differ", "Take one unit and period.")
    return msgspec.structs.replace(
        everything,
        value=everything.value - exports.value,
        scope="home",
        name=f"{everything.name} - {exports.name}",
        rows=(*everything.rows, *exports.rows),
    )


class Checked(NamedTuple):
    """A user's rows that are new, and what somebody should look at before he relies on them."""

    rows: list[Row]
    warnings: list[str]


def check(numbered: Iterable[tuple[int, Row]], book: Book, until: str = "9999-12") -> Checked:
    """
    Return a user's rows, weighed against their definitions and the figures that stand; those that stand
    already are left out.

    `until` is the month of today. Raises UsageError that names the line: an unknown series or unit, a
    negative value, a share over 100 %, a figure twice, another value under a vintage that is there, a
    figure published before its period had ended. What is only odd is a warning.
    """
    new: dict[tuple[str, str, str, str], Row] = {}
    warnings: list[str] = []
    for line, row in numbered:
        _sound(line, row, until)
        key = (*row.key, row.vintage)
        if key in new:
            raise UsageError(
                "outlook.twice",
                f"{' '.join(row.key)} of {row.vintage} is given twice.",
                "Leave one of the two out.",
                line=line,
            )
        standing = book.vintages(*row.key)
        same = next((one for one in standing if one.vintage == row.vintage), None)
        if same is not None and same.value == row.value:
            warnings.append(f"Line {line}: it stands already, and is left out.")
            continue
        if same is not None:
            raise UsageError(
                "outlook.restated",
                f"{' '.join(row.key)} stands as {same.value} with the vintage {row.vintage}.",
                "Give the later vintage that restates it; a published figure is never changed.",
                line=line,
            )
        new[key] = row
        warnings += [f"Line {line}: {odd}" for odd in _odd(row, standing, book)]
    return Checked(list(new.values()), warnings)


def _sound(line: int, row: Row, until: str) -> None:
    def wrong(what: str, fix: str) -> UsageError:
        return UsageError("outlook.row", f"{what}.", fix, line=line)

    try:
        meant = defined(row.series, row.segment)
    except UsageError as error:
        raise wrong(error.message.rstrip("."), error.fix) from error
    units = meant.unit.split(", ")
    if row.unit not in units:
        raise wrong(f"the unit {row.unit!r} is not that of {row.series}", f"Give it in {' or '.join(units)}.")
    if row.value is not None and row.value < 0:
        raise wrong(f"the value {row.value:g} is negative", "No series has negative figures; look at it.")
    if row.value is not None and row.value > _MOST.get(row.unit, row.value):
        raise wrong(f"{row.value:g} {row.unit} is more than the whole", "Look at the figure and its unit.")
    if row.vintage > until:
        raise wrong(f"the vintage {row.vintage} has not come yet", "Say when it was published, as 2026-01.")
    ended = msgspec.structs.replace(row, vintage="").known
    late = f"{row.vintage}-12" if row.vintage.isdigit() else row.vintage
    if ended and late < _month_before(ended):
        raise wrong(
            f"the vintage {row.vintage} is before the end of {row.period}",
            "Give the status forecast or target, or mend the vintage.",
        )


def _odd(row: Row, standing: list[Row], book: Book) -> list[str]:
    odd = []
    value = row.value
    before = next((one for one in reversed(standing) if one.known <= row.vintage and one.value), None)
    if before is not None and before.value and value is not None:
        change = value / before.value - 1
        if abs(change) > _FAR:
            odd.append(f"{value:g} is {change:+.0%} beside {before.value:g} of {before.vintage or 'before'}.")
    of_segment = book.of(row.series, row.segment)
    if not of_segment:
        odd.append(f"{row.series} had no segment {row.segment!r} so far; is it a slip of the name?")
    elif before is None and value and row.period.isdigit():
        by_year = book.yearly(row.series, row.segment)
        near = min(by_year, key=lambda year: abs(year - int(row.period)), default=None)
        if near is not None and by_year[near] and not 1 / _SLIP < value / by_year[near] < _SLIP:
            odd.append(f"{value:g} beside {by_year[near]:g} in {near}: is it in {row.unit}?")
    return odd


def _agree(one: Quantity, other: Quantity) -> None:
    if one.unit != other.unit:
        raise _trap(one, other, f"one is in {one.unit}, the other in {other.unit}", "Bring them to one unit.")
    if (one.basis, one.scope) == (other.basis, other.scope):
        return
    left, right = {one.basis, one.scope}, {other.basis, other.scope}
    for these, those, why, fix in _WHY:
        if (left & these and right & those) or (left & those and right & these):
            raise _trap(one, other, why, fix)
    raise _trap(
        one,
        other,
        f"one counts {one.basis} ({one.scope}), the other {other.basis} ({other.scope})",
        "Take two figures that count the same.",
    )


def _one_vintage(part: Quantity, whole: Quantity) -> None:
    for one in part.rows:
        for other in whole.rows:
            if one.series == other.series and one.vintage != other.vintage:
                raise _trap(
                    part,
                    whole,
                    f"{one.series} was restated: the part is of {one.vintage or 'an unknown vintage'}, "
                    f"the whole of {other.vintage or 'an unknown vintage'}",
                    "Take both as they were known at one time (known_at).",
                )


def _trap(one: Quantity, other: Quantity, why: str, fix: str) -> UsageError:
    return UsageError("outlook.trap", f"“{one.name}” and “{other.name}” do not go together: {why}.", fix)


def _month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"
