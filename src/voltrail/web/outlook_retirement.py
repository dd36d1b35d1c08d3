"""How many batteries retire, as a page shows it: lines with others' figures as marks, a map, metals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Final, Literal, NamedTuple

from voltrail.outlook.classes import CHEMISTRIES, FIRST, LAST, METALS, SEGMENTS, YEARS
from voltrail.outlook.published import OURS, Figure
from voltrail.outlook.retired import DEFINITIONS, Definition, Summary, Unit
from voltrail.outlook.run import Band
from voltrail.web import outlook, tiles
from voltrail.web.catalogue import later
from voltrail.web.page import Page

Shown = Literal["gwh", "kt", "packs"]
SCALES: Final[dict[Shown, tuple[Unit, float, str]]] = {
    "gwh": ("kwh", 1e6, later("GWh a year")),
    "kt": ("tonnes", 1e3, later("kt a year")),
    "packs": ("packs", 1e6, later("million packs a year")),
}
"""The unit of the flows that is shown, by what it is divided, and its words."""

WORDS: Final[dict[Definition, str]] = {
    "left": later("left vehicles"),
    "collected": later("collected"),
    "processed": later("processed"),
}
SEGMENT_WORDS: Final = {
    "car_bev": later("battery-electric cars"),
    "car_phev": later("plug-in hybrid cars"),
    "van": later("vans"),
    "bus": later("buses"),
    "truck": later("trucks that charge"),
    "swap_truck": later("trucks that swap"),
}
METAL_WORDS: Final = {
    "Li": later("lithium"),
    "Ni": later("nickel"),
    "Co": later("cobalt"),
    "Mn": later("manganese"),
    "Cu": later("copper"),
    "Al": later("aluminium"),
    "C": later("graphite"),
}
SINCE, UNTIL = 2015, 2035  # years of the chart: beyond, the bands say little and the marks nothing
_CLOSE: Final = 0.06  # of the scale: marks of a year that are nearer share a label


class Lies(NamedTuple):
    """A number, and where nine of ten draws lie."""

    middle: float
    low: float
    high: float


class Share(NamedTuple):
    """One part of what retires in a year, and its share of the whole."""

    word: str
    amount: Lies
    share: float


class Beside(NamedTuple):
    """A published figure with its letter on the chart, and ours of the same meaning and unit."""

    letter: str
    figure: Figure
    value: float | None  # nobody publishes packs
    ours: float
    times: float | None


class Metal(NamedTuple):
    """A metal in a year; what is not known is None."""

    word: str
    needed_kt: Lies
    retires_kt: Lies
    recovered_kt: Lies | None
    worth_musd: Lies | None
    covered: Lies | None


class Place(NamedTuple):
    """A province: its share, what leaves vehicles there, and plants for that and for what is processed."""

    code: str
    share: float
    left: Lies
    plants_processed: int
    plants_left: int


def at(band: Band, year: int, *, scale: float = 1.0, column: int | None = None) -> Lies:
    """Return a band in one year."""
    rows = (each[year - FIRST] if column is None else each[year - FIRST, column] for each in band)
    return Lies(*(float(one) / scale for one in rows))


def chart(told: Summary, unit: Shown, beside: Sequence[Beside], page: Page) -> outlook.Drawn | None:
    """Return the chart of the three meanings, with what others published as marks."""
    name, scale, word = SCALES[unit]
    years = YEARS[SINCE - FIRST : UNTIL - FIRST + 1]
    lines = [
        outlook.Line(
            page.say(WORDS[one]),
            years,
            *(each[SINCE - FIRST : UNTIL - FIRST + 1] / scale for each in told.whole[name][one]),
        )
        for one in DEFINITIONS
    ]
    return outlook.chart(lines, page.say(word), _marks(beside), LAST)


def compared(told: Summary, figures: Sequence[Figure], unit: Shown) -> list[Beside]:
    """
    Return published figures beside ours of the same meaning: forecasts have letters, what was counted digits.
    """
    name, scale, _ = SCALES[unit]
    letters, digits = iter(ascii_uppercase), iter(range(1, len(figures) + 1))
    found = []
    for one in figures:
        whole = told.whole[name][OURS[one.meaning]]
        since = FIRST if one.meaning == "retired_until" else one.year
        ours = float(whole.middle[since - FIRST : one.year - FIRST + 1].sum()) / scale
        value = {"gwh": one.gwh, "kt": one.kt}.get(unit)
        letter = next(letters) if one.meaning == "retired" else str(next(digits))
        times = None if value is None else value / ours
        found.append(Beside(letter, one, value, ours, times))
    return found


def by_segment(told: Summary, unit: Shown, definition: Definition, year: int, page: Page) -> list[Share]:
    """Return what retires in a year by segment, in their order."""
    name, scale, _ = SCALES[unit]
    words = [page.say(SEGMENT_WORDS[one]) for one in SEGMENTS]
    return _shares(told.segments[name][definition], words, year, scale)


def by_chemistry(told: Summary, unit: Shown, definition: Definition, year: int) -> list[Share]:
    """Return what retires in a year by chemistry, in their order."""
    name, scale, _ = SCALES[unit]
    return _shares(told.chemistries[name][definition], CHEMISTRIES, year, scale)


def metals(told: Summary, year: int, page: Page) -> list[Metal]:
    """Return the metals of a year."""
    parts = told.metals

    def known(name: str, column: int, scale: float = 1.0) -> Lies | None:
        found = at(parts[name], year, column=column, scale=scale)
        return None if math.isnan(found.middle) else found

    return [
        Metal(
            page.say(METAL_WORDS[one]),
            at(parts["needed"], year, column=column, scale=1000),
            at(parts["left"], year, column=column, scale=1000),
            known("recovered", column, 1000),
            known("worth", column),
            known("covered", column),
        )
        for column, one in enumerate(METALS)
    ]


def places(told: Summary, unit: Shown, year: int, weights: Mapping[str, float]) -> list[Place]:
    """Return the provinces, that with most first; plants in whole numbers."""
    name, scale, _ = SCALES[unit]
    left = at(told.whole[name]["left"], year, scale=scale)
    processed, all_left = (at(told.plants[one], year).middle for one in ("processed", "left"))
    found = [
        Place(
            code,
            share,
            Lies(*(one * share for one in left)),
            math.ceil(processed * share - 1e-9),
            math.ceil(all_left * share - 1e-9),
        )
        for code, share in weights.items()
    ]
    return sorted(found, key=lambda one: -one.share)


def tile_map(found: Sequence[Place]) -> list[tiles.Tile]:
    """Return the map of provinces; the number of a tile is its tenth of per cent of the whole."""
    return tiles.draw({one.code: round(one.share * 1000) for one in found})


def _shares(band: Band, words: Sequence[str], year: int, scale: float) -> list[Share]:
    amounts = [at(band, year, column=column, scale=scale) for column in range(len(words))]
    whole = math.fsum(one.middle for one in amounts) or 1.0
    return [Share(word, one, one.middle / whole) for word, one in zip(words, amounts, strict=True)]


def _marks(beside: Sequence[Beside]) -> list[outlook.Mark]:
    """Return marks, labelled with their letters; those close together share one label, and their reach."""
    told = sorted(
        (
            (one.figure.year, float(f"{one.value:.3g}"), one.letter)
            for one in beside
            if one.value is not None
            and one.figure.meaning != "retired_until"
            and SINCE <= one.figure.year <= UNTIL
        ),
        key=lambda one: (one[0], one[1]),
    )
    near = _CLOSE * max((value for _, value, _ in told), default=0.0)
    groups: list[list[tuple[int, float, str]]] = []
    for one in told:
        if groups and groups[-1][-1][0] == one[0] and one[1] - groups[-1][0][1] < near:
            groups[-1].append(one)
        else:
            groups.append([one])
    marks = []
    for group in groups:
        (year, lowest, _), (_, highest, _) = group[0], group[-1]
        label = " ".join(letter for *_, letter in group)
        reach = (lowest, highest) if len(group) > 1 else (None, None)
        marks.append(outlook.Mark(label, year, lowest, *reach))
        marks += [outlook.Mark("", year, value) for _, value, _ in group[1:]]
    return marks
