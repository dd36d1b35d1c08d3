"""
What an outcome says, as one tidy table: pages, commands, files and the report all read it here.

A quantity that is made of parts (segments, chemistries, metals) has a row for the whole and one for each
part. Middles are medians of the draws, so those of parts need not add up to that of the whole.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.classes import CHEMISTRIES, FIRST, GROUPS, METALS, SEGMENTS, UNTIL, YEARS
from voltrail.outlook.run import Outcome, band

FloatArray = npt.NDArray[np.float64]

Parts = Literal["none", "segment", "segment and chemistry", "group", "metal"]


class Quantity(NamedTuple):
    """
    Something that an outcome says for each year.

    `of` returns (D, Y), and after these the parts: (S,), (S, C), groups (G,) or metals (M,). Shares of groups
    have no whole.
    """

    id: str
    unit: str
    word: str
    parts: Parts
    of: Callable[[Outcome], FloatArray]


def _flow(name: str, word: str) -> Quantity:
    return Quantity(
        name, "GWh", word, "segment and chemistry", lambda outcome: getattr(outcome.flows, name) / 1e6
    )


def _metal(name: str, word: str) -> Quantity:
    return Quantity(f"metal_{name}", "t", word, "metal", lambda outcome: getattr(outcome.metals, name))


QUANTITIES: Final = {
    one.id: one
    for one in (
        Quantity(
            "vehicles",
            "thousand",
            "New-energy vehicles registered at home",
            "segment",
            lambda outcome: outcome.course.vehicles / 1e3,
        ),
        Quantity(
            "share",
            "%",
            "New-energy vehicles in sales at home",
            "group",
            lambda outcome: outcome.course.share * 100,
        ),
        Quantity(
            "output",
            "GWh",
            "Power batteries made in China",
            "none",
            lambda outcome: outcome.course.output_gwh,
        ),
        Quantity(
            "price",
            "USD/kWh",
            "Price of a pack, in dollars of 2025",
            "none",
            lambda outcome: outcome.course.price_usd,
        ),
        Quantity(
            "saving",
            "%",
            "What an electric vehicle saves its first owner",
            "group",
            lambda outcome: outcome.course.saved * 100,
        ),
        Quantity(
            "sent_abroad",
            "GWh",
            "Batteries that leave China, in new vehicles and without",
            "none",
            lambda outcome: outcome.course.exported_gwh,
        ),
        Quantity(
            "support",
            "billion yuan",
            "Support that goals for heavy trucks take",
            "none",
            lambda outcome: outcome.course.support_yuan / 1e9,
        ),
        Quantity(
            "swap",
            "%",
            "Trucks that swap, of electric heavy trucks",
            "none",
            lambda outcome: outcome.course.swap * 100,
        ),
        _flow("fitted", "Fitted into new vehicles"),
        _flow("replacements", "Fitted in place of failed batteries"),
        _flow("stock", "In vehicles at the end of the year"),
        _flow("left", "Left vehicles"),
        _flow("exported", "Left the country in used vehicles"),
        _flow("collected", "Collected"),
        _flow("second_life", "Went into a second life"),
        _flow("in_second_life", "In second lives at the end of the year"),
        _flow("processed", "Processed into materials"),
        _metal("needed", "Needed for new batteries"),
        _metal("left", "In batteries that left vehicles"),
        _metal("processed", "In batteries that were processed"),
        _metal("recovered", "Won back"),
    )
}


class Line(NamedTuple):
    """A row of the tidy table; an empty part stands for all. Of a share, `segment` is the group."""

    year: int
    what: str
    segment: str
    chemistry: str
    metal: str
    unit: str
    middle: float
    low: float
    high: float


COLUMNS: Final = Line._fields
_SAME: Final = 0.001  # so much apart is still the same


class Series(NamedTuple):
    """A quantity, or a part of it, over the years; `draws` are (D, Y)."""

    quantity: Quantity
    segment: str
    chemistry: str
    metal: str
    draws: FloatArray

    @property
    def part(self) -> str:
        """Which part of the quantity, empty for the whole."""
        return self.segment or self.chemistry or self.metal


def series(outcome: Outcome, what: Iterable[str] = QUANTITIES) -> Iterator[Series]:
    """Yield all that an outcome says of quantities, the whole before its parts."""
    for name in what:
        quantity = QUANTITIES[name]
        values = quantity.of(outcome)
        match quantity.parts:
            case "none":
                yield Series(quantity, "", "", "", values)
            case "group":
                for at, group in enumerate(GROUPS):
                    yield Series(quantity, group, "", "", values[..., at])
            case "metal":
                for at, metal in enumerate(METALS):
                    yield Series(quantity, "", "", metal, values[..., at])
            case "segment":
                yield Series(quantity, "", "", "", values.sum(axis=2))
                for at, segment in enumerate(SEGMENTS):
                    yield Series(quantity, segment, "", "", values[..., at])
            case _:
                margins = values.reshape(*values.shape[:2], -1) @ _MARGINS
                for at, (segment, chemistry) in enumerate(_PARTS):
                    yield Series(quantity, segment, chemistry, "", margins[..., at])


def lines(outcome: Outcome, what: Iterable[str] = QUANTITIES) -> list[Line]:
    """Return the tidy table of an outcome: by quantity, part and year."""
    every = list(series(outcome, what))
    bands = band(np.stack([one.draws for one in every], axis=1))
    return [
        Line(int(year), one.quantity.id, one.segment, one.chemistry, one.metal, one.quantity.unit, *figures)
        for one, *three in zip(every, *(each.tolist() for each in bands), strict=True)
        for year, *figures in zip(YEARS, *three, strict=True)
    ]


def as_csv(rows: Iterable[Line]) -> str:
    """Return the table as CSV; what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            ("" if math.isnan(cell) else f"{cell:.6g}") if isinstance(cell, float) else cell for cell in row
        )
    return out.getvalue()


class Output(NamedTuple):
    """One number of an outcome, to be asked what it hangs on: `left_2030`, `recovered.Li_2035`."""

    id: str
    quantity: Quantity
    part: str
    year: int

    def values(self, outcome: Outcome) -> FloatArray:
        """Return it for each draw, (D,)."""
        for one in series(outcome, [self.quantity.id]):
            if self.part == one.part:
                return one.draws[:, self.year - FIRST]
        raise AssertionError(self)  # output_of has looked


def output_of(text: str) -> Output:
    """
    Return the output that is named `WHAT_YEAR` or `WHAT.PART_YEAR`.

    Raises UsageError (`outlook.output`).
    """
    name, _, year = text.rpartition("_")
    what, _, part = name.partition(".")
    if what not in QUANTITIES or not (year.isdecimal() and len(year) == 4 and FIRST <= int(year) <= UNTIL):
        raise UsageError(
            "outlook.output",
            f"There is no output {text[:60]!r}.",
            f"Write WHAT_YEAR, as left_2030: one of {', '.join(QUANTITIES)}; a year from {FIRST} to {UNTIL}.",
        )
    quantity = QUANTITIES[what]
    if part not in (parts := parts_of(quantity)):
        raise UsageError(
            "outlook.output",
            f"{what} has no part {part[:60]!r}." if part else f"{what} has no whole.",
            f"Write {what}.PART_{year}: one of {', '.join(filter(None, parts))}."
            if any(parts)
            else f"Write {what}_{year}.",
        )
    return Output(text, quantity, part, int(year))


def parts_of(quantity: Quantity) -> tuple[str, ...]:
    """Return the parts that a quantity has, an empty one for the whole."""
    match quantity.parts:
        case "none":
            return ("",)
        case "group":
            return GROUPS
        case "metal":
            return METALS
        case "segment":
            return ("", *SEGMENTS)
        case _:
            return ("", *SEGMENTS, *CHEMISTRIES)


class Interval(NamedTuple):
    """One number: the median of its draws, and where nine of ten lie."""

    middle: float
    low: float
    high: float


class Difference(NamedTuple):
    """
    How much more another scenario has of a quantity in a year, draw by draw.

    `more` and `less` are the shares of draws in which it has more or less than the first; those that are
    apart by less than a thousandth are the same, and count for neither.
    """

    what: str
    part: str
    unit: str
    year: int
    one: Interval
    other: Interval
    by: Interval
    more: float
    less: float


def differences(
    one: Outcome, other: Outcome, what: Sequence[str], years: Sequence[int]
) -> Iterator[Difference]:
    """
    Yield how two outcomes differ, whole quantities only, or groups and metals where there is no whole.

    Both must be of the same draws and seed: then they differ by what the scenarios set and by nothing else.
    """
    if (one.scenario.draws, one.scenario.seed) != (other.scenario.draws, other.scenario.seed):
        raise UsageError(
            "outlook.pair", "The scenarios have other draws or another seed.", "Give both the same."
        )
    for first, second in zip(series(one, what), series(other, what), strict=True):
        part = first.part
        if part and "" in parts_of(first.quantity):
            continue
        for year in years:
            a, b = first.draws[:, year - FIRST], second.draws[:, year - FIRST]
            apart = (b - a) / np.maximum(np.abs(a), 1e-12)
            more, less = float(np.mean(apart > _SAME)), float(np.mean(apart < -_SAME))
            quantity = first.quantity
            yield Difference(
                quantity.id,
                part,
                quantity.unit,
                year,
                _interval(a),
                _interval(b),
                _interval(b - a),
                more,
                less,
            )


def _interval(draws: FloatArray) -> Interval:
    return Interval(*(float(one) for one in band(draws)))


def _margins() -> tuple[FloatArray, list[tuple[str, str]]]:
    """Return what sums (S * C) into the whole, each segment and each chemistry, and what these are."""
    parts = [("", ""), *((one, "") for one in SEGMENTS), *(("", one) for one in CHEMISTRIES)]
    cells = [(segment, chemistry) for segment in SEGMENTS for chemistry in CHEMISTRIES]
    summed = [
        [segment in ("", of_segment) and chemistry in ("", of_chemistry) for segment, chemistry in parts]
        for of_segment, of_chemistry in cells
    ]
    return np.array(summed, dtype=float), parts


_MARGINS, _PARTS = _margins()
