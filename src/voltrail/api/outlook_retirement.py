"""/outlook/retirement: how many batteries retire, where, and what is in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.outlook import KnownAt, Of, asked, played
from voltrail.api.take_away import take_away, taken
from voltrail.errors import UsageError
from voltrail.outlook.book import book, sources
from voltrail.outlook.classes import LAST, METALS, UNTIL, YEARS
from voltrail.outlook.materials import PROCESSES, lacking, metals, recovery_by
from voltrail.outlook.parameters import parameters
from voltrail.outlook.provinces import by_population, by_record
from voltrail.outlook.published import Figure, published
from voltrail.outlook.retired import DEFINITIONS, UNITS, Summary, amounts, bys, retired_in, summary
from voltrail.outlook.run import Band
from voltrail.outlook.scenario import Scenario, named, names
from voltrail.regimes.china.provinces import PROVINCES
from voltrail.registry.flows import Wanted as Packs
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page, tiles
from voltrail.web import outlook_retirement as shown
from voltrail.web.outlook_scenario import Named
from voltrail.web.sheets import Column, Row, Sheet

_KEPT: Final = 32  # summaries, of some 100 kB each
_RUN: Final = 1_000  # rows of a file that are made at a time
_YEAR: Final = 2030
_CHOICES: Final = {
    "unit": tuple(shown.SCALES),
    "retired": DEFINITIONS,
    "process": tuple(PROCESSES),
    "where": ("population", "record"),
}

_OTHERS: Final = (*_CHOICES, "year", "by")
_NAMED: Final = ("plant_kt", "car.battery_years")  # parameters whose values the page says

UnitAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="what batteries are counted in: gwh, kt or packs")
]
RetiredAsked = Annotated[
    str | None,
    QueryParameter(max_length=20, description="what retired means: left, collected or processed"),
]
YearAsked = Annotated[int | None, QueryParameter(ge=LAST, le=UNTIL, description="the year to look at")]
ProcessAsked = Annotated[
    str | None,
    QueryParameter(
        max_length=20,
        description="how metals are won back: hydrometallurgy, pyrometallurgy, direct, leading_plant or norm",
    ),
]
WhereAsked = Annotated[
    str | None,
    QueryParameter(
        max_length=20, description="by what batteries are spread over provinces: population or record"
    ),
]


@get("/outlook/retirement", sync_to_thread=True, summary="How many batteries retire")
def retirement(
    request: Asked,
    of: Of = None,
    known_at: KnownAt = None,
    unit: UnitAsked = None,
    retired: RetiredAsked = None,
    year: YearAsked = None,
    process: ProcessAsked = None,
    where: WhereAsked = None,
) -> Response[bytes]:
    """
    Return how many batteries retire, by each meaning of the word, beside what others published.

    With where nine of ten draws lie; by segment, chemistry and province; the metals in them, what is won back
    of these and what it is worth; how many recycling plants that takes.
    """
    del of, known_at  # read by `asked`, which knows the parameters too
    wanted = asked(request, _OTHERS)
    error, told = next(iter(wanted.wrong.values()), None), None
    picked = {name: options[0] for name, options in _CHOICES.items() if name != "process"}
    weights = by_population(book())
    try:
        picked |= _picked({"unit": unit, "retired": retired, "process": process, "where": where})
        if picked["where"] == "record":
            weights = _by_record(registry_of(request))
        if wanted.scenario is not None:
            told = _summary(_in_bytes(wanted.scenario), picked.get("process"))
    except UsageError as raised:
        error, told = raised, None
    tell_programs(request, error)
    if not wants_page(request):
        return as_json(_told(told, weights) if told else {})
    page, chosen = page_for(request), year or _YEAR
    given = wanted.scenario.given if wanted.scenario else {}
    return as_page(
        page,
        "outlook_retirement",
        200 if error is None else status_of(error),
        error=error,
        picked=picked,
        year=chosen,
        years=range(LAST, UNTIL + 1),
        typed=wanted.typed,
        base=wanted.base.id,
        names=[Named(name, found) for name in names() if (found := named(name))],
        asked=wanted.query | {name: picked[name] for name in ("process", "where") if name in picked},
        set_to={name: given.get(name, parameters()[name].value) for name in _NAMED},
        **(_shown(told, picked, chosen, weights, page) if told else {}),
    )


def _shown(
    told: Summary, picked: Mapping[str, str], year: int, weights: Mapping[str, float], page: Page
) -> dict[str, Any]:
    """Return what the template shows of a summary."""
    unit = next(one for one in shown.SCALES if one == picked["unit"])
    definition = next(one for one in DEFINITIONS if one == picked["retired"])
    figures = _published(told)
    beside = shown.compared(told, figures, unit)
    reported = max((one for one in figures if one.meaning == "used_up"), key=lambda one: one.year)
    ours = shown.at(told.whole["tonnes"]["left"], reported.year, scale=1e3).middle
    found = shown.places(told, unit, year, weights)
    return {
        "whole": {
            name: {one: shown.at(told.whole[flow][one], year, scale=scale) for one in DEFINITIONS}
            for name, (flow, scale, _) in shown.SCALES.items()
        },
        "words": shown.WORDS,
        "unit_word": shown.SCALES[unit][2],
        "drawn": shown.chart(told, unit, beside, page),
        "beside": beside,
        "reported": reported if reported.kt > ours else None,
        "reported_ours": ours,
        "sources": sources(),
        "segments": shown.by_segment(told, unit, definition, year, page),
        "chemistries": shown.by_chemistry(told, unit, definition, year),
        "metals": shown.metals(told, year, page),
        "lacking": {page.say(shown.METAL_WORDS[one]): names for one, names in lacking().items()},
        "places": found,
        "tiles": shown.tile_map(found),
        "map_size": (tiles.WIDTH, tiles.HEIGHT, tiles.SIDE),
        "provinces": PROVINCES,
        "kg_per_kwh": float(told.kg_per_kwh[year - int(YEARS[0])]),
    }


@taken("/outlook/retirement", summary="How many batteries retire, as a file")
def retirement_files(
    request: Asked,
    of: Of = None,
    known_at: KnownAt = None,
    by: Annotated[
        str | None,
        QueryParameter(
            max_length=40, description="what is told apart: segment, chemistry, province; some, with commas"
        ),
    ] = None,
    where: WhereAsked = None,
) -> Stream:
    """Return what retires by year and meaning in kWh, tonnes and packs; by segment and chemistry at first."""
    del of, known_at
    told = bys("segment,chemistry" if by is None else by)
    registry, picked = registry_of(request), _picked({"where": where})
    outcome = played(_right(request))

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of no record
        weights = _by_record(registry) if picked.get("where") == "record" else by_population(book())
        rows = (
            (one.year, one.definition, one.segment, one.chemistry, one.province, unit, *one[-3:])
            for unit in UNITS
            for one in amounts(retired_in(unit, outcome), told, DEFINITIONS, weights)
        )
        return Sheet(
            "retirement", page.say("How many batteries retire"), _AMOUNTS, _runs(rows), stands="beside"
        )

    return take_away(request, making)


@taken("/outlook/metals", summary="Metals in what retires, as a file")
def metal_files(
    request: Asked,
    of: Of = None,
    known_at: KnownAt = None,
    process: ProcessAsked = None,
) -> Stream:
    """Return metals by year: needed, in what retires, won back, worth, and the share of what is needed."""
    del of, known_at
    picked = _picked({"process": process})
    told = _summary(_in_bytes(_right(request)), picked.get("process"))

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of no record
        rows = list(_metal_rows(told.metals))
        return Sheet("metals", page.say("Metals in what retires"), _METALS, [rows], stands="beside")

    return take_away(request, making)


_LIES: Final = (
    Column("middle", "number", "Middle"),
    Column("low", "number", "Low"),
    Column("high", "number", "High"),
)
_AMOUNTS: Final = (
    Column("year", "integer", "Year"),
    Column("retired", "text", "What retired means"),
    Column("segment", "text", "Segment"),
    Column("chemistry", "text", "Chemistry"),
    Column("province", "text", "Province"),
    Column("unit", "text", "Unit"),
    *_LIES,
)
_METALS: Final = (
    Column("year", "integer", "Year"),
    Column("metal", "text", "Metal"),
    Column("what", "text", "Quantity"),
    Column("unit", "text", "Unit"),
    *_LIES,
)
_METAL_UNITS: Final = {"worth": "million USD", "covered": "share"}


def _metal_rows(parts: Mapping[str, Band]) -> Iterator[Row]:
    """Yield metals by year; an empty cell is what nobody knows."""
    for name, told in parts.items():
        for place, year in enumerate(YEARS.tolist()):
            for column, metal in enumerate(METALS):
                numbers = (float(each[place, column]) for each in told)
                known = (None if math.isnan(one) else one for one in numbers)
                yield year, metal, name, _METAL_UNITS.get(name, "t"), *known


def _runs(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    while run_of := list(islice(rows, _RUN)):
        yield run_of


def _picked(typed: Mapping[str, str | None]) -> dict[str, str]:
    """Return what was chosen. Raises UsageError for what is no choice."""
    picked = {name: text for name, text in typed.items() if text}
    for name, text in picked.items():
        if text not in _CHOICES[name]:
            raise UsageError(
                "usage.choice", f"{text!r} is no choice.", f"Take one of {', '.join(_CHOICES[name])}."
            )
    return picked


def _right(request: Asked) -> Scenario:
    """Return the scenario that an address asks for. Raises UsageError for the first that is wrong of it."""
    wanted = asked(request, _OTHERS)
    for wrong in wanted.wrong.values():
        raise wrong
    return wanted.scenario or wanted.base.scenario


def _in_bytes(scenario: Scenario) -> bytes:
    return msgspec.json.encode(scenario, order="sorted")


@lru_cache(_KEPT)
def _summary(scenario: bytes, process: str | None) -> Summary:
    outcome = played(msgspec.json.decode(scenario, type=Scenario))
    won = outcome.metals if process is None else metals(outcome.flows, recovery_by(process, book()))
    return summary(outcome, won)


def _published(told: Summary) -> list[Figure]:
    return published(book(), dict(zip(YEARS.tolist(), told.kg_per_kwh.tolist(), strict=True)))


def _by_record(registry: Registry) -> dict[str, float]:
    """Return shares of provinces by the packs in vehicles of the record. Raises UsageError for too few."""
    found = by_record(dict(registry.flows.counts(Packs(status="in_vehicle"), "province")))
    if found is None:
        raise UsageError(
            "outlook.record",
            "The record has too few packs in vehicles to say where they are.",
            "Take the population, or report more of them.",
        )
    return found


def _told(told: Summary, weights: Mapping[str, float]) -> dict[str, Any]:
    """Return a summary for programs; what is not known is null."""
    return {
        "years": YEARS.tolist(),
        "retired": {
            unit: {name: _band(one) for name, one in parts.items()} for unit, parts in told.whole.items()
        },
        "plants": {name: _band(one) for name, one in told.plants.items()},
        "metals": {
            name: {
                metal: _band(Band(*(each[:, column] for each in one))) for column, metal in enumerate(METALS)
            }
            for name, one in told.metals.items()
        },
        "not_known": lacking(),
        "provinces": weights,
        "published": _published(told),
    }


def _band(told: Band) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in told._asdict().items()}


ROUTES: Final = (retirement, *retirement_files, *metal_files)
