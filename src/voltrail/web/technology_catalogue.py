"""The catalogue of cells as pages and files show it: words of metrics and kinds, the strip, the timeline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from voltrail.technology.catalogue import (
    KINDS,
    SOURCES,
    Figure,
    Kind,
    Step,
    Technology,
    first_day,
    last_day,
)
from voltrail.technology.qualification import STAGES
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.chart import ticks
from voltrail.web.sheets import Column
from voltrail.web.sheets import Row as Cells

METRICS: Final = {
    "specific_energy": later("Specific energy"),
    "energy_density": later("Energy by volume"),
    "energy": later("Energy of a cell"),
    "capacity": later("Capacity of a cell"),
    "areal_capacity": later("Capacity by area"),
    "cycle_life": later("Cycles"),
    "charge_time": later("Charging time"),
    "cold_retention": later("Left in the cold"),
    "cold_gain": later("More in the cold than LFP"),
    "hot_retention": later("Capacity in the heat"),
    "charge_kept": later("Charge kept on standing"),
    "operating_range": later("Works from and to"),
    "hot_box_pass": later("Hot box withstood"),
    "thermal_abuse_pass": later("Heat withstood"),
    "range": later("Range of a vehicle"),
    "road_test": later("Driven in tests"),
    "liquid_share": later("Share of liquid"),
    "electrolyte_conductivity": later("Conductivity of the electrolyte"),
    "maturity": later("Maturity"),
    "line_output": later("Output of the line"),
    "line_yield": later("Yield of the line"),
    "lithium_sulfide_plant": later("Plant for lithium sulfide"),
    "weight_loss": later("Weight loss"),
}
SOUGHT: Final = (
    "specific_energy",
    "energy_density",
    "cycle_life",
    "charge_time",
    "cold_retention",
    "range",
    "weight_loss",
)
"""What one would want to know of any cell; a cell's page says which of them is not stated."""
KIND_WORDS: Final[dict[Kind, str]] = {
    "measured_by_third_party": later("measured by somebody else"),
    "measured_by_maker": later("measured by the maker"),
    "reported": later("reported"),
    "derived": later("computed from claims"),
    "claimed": later("claimed"),
    "target": later("target"),
}
LEVELS: Final = {
    "material": later("material"),
    "electrode": later("electrode"),
    "cell": later("cell"),
    "pack": later("pack"),
    "vehicle": later("vehicle"),
    "line": later("line"),
    "supply": later("supply"),
    "industry": later("industry"),
    "not_stated": later("level not stated"),
}
TYPE_WORDS: Final = {
    "all_solid_state": later("all-solid-state"),
    "solid_state": later("solid-state"),
    "semi_solid": later("semi-solid"),
    "liquid": later("liquid"),
    "not_all_solid_state": later("not all-solid-state"),
    "not_solid_state": later("not solid-state"),
}
EVIDENCE_WORDS: Final = {
    "third_party": later("measured in part by somebody else"),
    "maker": later("measured by the maker only"),
    "words": later("words only"),
    "nothing": later("no figure at all"),
}
UNITS: Final = {  # that have words of their own
    "fraction": "%",
    "cycles": later("cycles"),
    "min": later("min"),
    "level of 9": later("of 9"),
    "GWh/a": later("GWh a year"),
    "t/a": later("t a year"),
}
CONDITION_WORDS: Final = {
    "temperature_c": later("temperature"),
    "c_rate": later("rate"),
    "soc_from": later("charge at the start"),
    "soc_to": later("charge at the end"),
    "pressure_mpa": later("pressure"),
    "duration_h": later("duration"),
    "sample": later("sample"),
    "procedure": later("procedure"),
}
STANDINGS: Final = {
    "reached": later("reached"),
    "said": later("said, not shown"),
    "announced": later("announced"),
}

FIGURE_COLUMNS: Final = (
    Column("technology", heading=later("Technology")),
    Column("organisation", heading=later("Organisation")),
    Column("metric", heading=later("Quantity")),
    Column("value", "number", later("Value")),
    Column("low", "number", later("Least")),
    Column("high", "number", later("Most")),
    Column("bound", heading=later("More or less")),
    Column("unit", heading=later("Unit")),
    Column("level", heading=later("Level")),
    Column("kind", heading=later("Kind of figure")),
    Column("by", heading=later("Measured by")),
    Column("temperature_c", "number", later("Temperature, °C")),
    Column("temperature_high_c", "number", later("Temperature to, °C")),
    Column("c_rate", "number", later("Rate, C")),
    Column("soc_from", "number", later("Charge from")),
    Column("soc_to", "number", later("Charge to")),
    Column("pressure_mpa", "number", later("Pressure, MPa")),
    Column("duration_h", "number", later("Duration, h")),
    Column("sample", heading=later("Sample")),
    Column("procedure", heading=later("Procedure")),
    Column("date", heading=later("Date")),
    Column("source", heading=later("Source")),
    Column("note", heading=later("Note")),
    Column("doubt", heading=later("What speaks against it")),
)
STEP_COLUMNS: Final = (
    Column("technology", heading=later("Technology")),
    Column("organisation", heading=later("Organisation")),
    Column("stage", "name", later("Stage")),
    Column("on", heading=later("When")),
    Column("until", heading=later("Until, perhaps")),
    Column("standing", heading=later("How sure")),
    Column("kind", heading=later("Kind of figure")),
    Column("date", heading=later("Told on")),
    Column("source", heading=later("Source")),
    Column("note", heading=later("Note")),
)


def own(page: Page, thing: object, name: str) -> str:
    """Return a text of the catalogue in the page's language."""
    said = getattr(thing, f"{name}_zh", "") if page.language == "zh" else ""
    return str(said or getattr(thing, name))


def amount(page: Page, one: Figure) -> str:
    """Return a figure as people write it: with its bound and unit, shares in per cent."""
    share = one.unit == "fraction"

    def told(value: float) -> str:
        return page.number(round(100 * value, 6) if share else value).replace("-", "−")

    value = told(one.least)
    if one.value is None:
        value = page.say("{low} to {high}", low=value, high=told(one.most))
    whole = f"{value} {page.say(UNITS.get(one.unit, one.unit))}"
    if one.bound == "more_than":
        return page.say("more than {amount}", amount=whole)
    if one.bound == "at_least":
        return page.say("at least {amount}", amount=whole)
    return page.say("up to {amount}", amount=whole) if one.bound == "up_to" else whole


def conditions(page: Page, one: Figure) -> list[str]:
    """Return the conditions that are stated, each as people write it."""
    told = []
    if one.temperature_c is not None:
        degrees = page.number(one.temperature_c)
        if one.temperature_high_c is not None:
            degrees = page.say("{low} to {high}", low=degrees, high=page.number(one.temperature_high_c))
        told.append(f"{degrees} °C".replace("-", "−"))
    if one.c_rate is not None:
        told.append(f"{page.number(one.c_rate)} C" if one.c_rate >= 1 else f"C/{1 / one.c_rate:.3g}")
    if one.soc_from is not None and one.soc_to is not None:
        told.append(
            page.say("charge {low} to {high} %", low=_percent(one.soc_from), high=_percent(one.soc_to))
        )
    elif one.soc_to is not None:
        told.append(page.say("down to {charge} % of charge", charge=_percent(one.soc_to)))
    if one.pressure_mpa is not None:
        told.append(f"{page.number(one.pressure_mpa)} MPa")
    if one.duration_h is not None:
        told.append(f"{page.number(one.duration_h)} h")
    return told + [said for name in ("sample", "procedure") if (said := own(page, one, name))]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


class Dot(NamedTuple):
    """A value on the strip, in per cent of its width; `row` from the top, `lift` how many lie below it."""

    x: float
    row: int
    lift: int
    hollow: bool
    figure: Figure


class Strip(NamedTuple):
    """Values of one metric on lines, one for each kind that occurs, over a scale of (per cent, value)."""

    unit: str
    kinds: list[Kind]
    scale: list[tuple[float, float]]
    dots: list[Dot]
    height_px: int


ROW_PX: Final = 64  # of the strip; the style sheet knows nothing of it
_NEAR: Final = 2.2  # per cent within which dots would lie upon each other
_APART: Final = 28  # per cent of the height of a lane


def strip(technologies: Iterable[Technology], metric: str) -> Strip | None:
    """Return the strip of a metric; a pair of values is shown by its middle. None where nobody has one."""
    found = [one for each in technologies for one in each.figures if one.metric == metric]
    if not found:
        return None
    scale = ticks(min(one.least for one in found), max(one.most for one in found))
    low, high = scale[0], scale[-1]
    kinds = [kind for kind in KINDS if any(one.kind == kind for one in found)]
    dots: list[Dot] = []
    for one in sorted(found, key=lambda one: one.least + one.most):
        x = round(100 * ((one.least + one.most) / 2 - low) / (high - low), 2)
        row = kinds.index(one.kind)
        lift = sum(other.row == row and abs(other.x - x) < _NEAR for other in dots)
        dots.append(Dot(x, row, lift, one.level != "cell", one))
    places = [(round(100 * (at - low) / (high - low), 2), at) for at in scale]
    return Strip(found[0].unit, kinds, places, dots, ROW_PX * len(kinds))


class Place(NamedTuple):
    """A step on its lane: where, in per cent (two of one time lie apart), and its stage, from 1."""

    x: float
    y: float
    number: int
    step: Step


class Lanes(NamedTuple):
    """All steps over years: labels of years with their places, and the lane of each technology."""

    years: list[tuple[float, int]]
    lanes: list[tuple[Technology, list[Place]]]


def lanes(technologies: Sequence[Technology]) -> Lanes | None:
    """Return steps with a date over years, those of each technology on a lane; None where there is none."""
    dated = [step for one in technologies for step in one.steps if step.on]
    if not dated:
        return None
    first = min(first_day(one.on) for one in dated).year
    last = max(last_day(one.on) for one in dated).year + 1

    def x(step: Step) -> float:
        day = first_day(step.on)
        middle = day + (last_day(step.on) - day) / 2
        return round(100 * (middle.year - first + middle.timetuple().tm_yday / 366) / (last - first), 2)

    def places(one: Technology) -> list[Place]:
        placed: list[Place] = []
        for step in sorted((step for step in one.steps if step.on), key=x):
            here = Place(x(step), 50, STAGES.index(step.stage) + 1, step)
            if placed and here.x - placed[-1].x < _NEAR and placed[-1].y == 50:
                placed[-1], here = placed[-1]._replace(y=_APART), here._replace(y=100 - _APART)
            placed.append(here)
        return placed

    years = [(round(100 * (year - first) / (last - first), 2), year) for year in range(first, last)]
    return Lanes(years, [(one, places(one)) for one in technologies])


def figure_row(page: Page, one: Technology, figure: Figure) -> Cells:
    """Return a figure as a row of the file; kinds, levels and metrics by the names programs know."""
    cells = (getattr(figure, each.name, "") for each in FIGURE_COLUMNS[2:20])
    return (
        one.id,
        own(page, one, "organisation"),
        *cells,
        figure.date,
        source_of(figure.source),
        own(page, figure, "note"),
        own(page, figure, "doubt"),
    )


def step_row(page: Page, one: Technology, step: Step) -> Cells:
    """Return a step as a row of the file."""
    return (
        one.id,
        own(page, one, "organisation"),
        step.stage,
        step.on,
        step.until,
        step.standing,
        step.kind,
        step.date,
        source_of(step.source),
        own(page, step, "note"),
    )


def source_of(name: str) -> str:
    """Return the address of a source, or its name where no address was kept."""
    known = SOURCES.get(name)
    return (known.url or known.publisher) if known else ""


def share(kind: Kind, figures: Sequence[Figure]) -> float:
    """Return the share of figures that are of a kind, in per cent; nought of none."""
    return 100 * sum(one.kind == kind for one in figures) / len(figures) if figures else math.nan
