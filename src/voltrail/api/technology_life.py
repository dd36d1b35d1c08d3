"""/technology/life: how long a battery lasts under a duty, by the law of its chemistry; what is not known."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.answers import Asked, as_json, as_page, page_for, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.take_away import take_away, taken
from voltrail.errors import UsageError
from voltrail.registry.snapshot import Snapshot
from voltrail.technology.catalogue import SOURCES, TECHNOLOGIES
from voltrail.technology.cell import CELLS
from voltrail.technology.duty import DUTIES, duty_of, months_of
from voltrail.technology.life import LAWS, Life, chemistry_of, claimed_cycles, law_of
from voltrail.technology.life import life as life_of
from voltrail.web import Page
from voltrail.web import technology_life as shown
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Sheet

_KEPT: Final = 64  # lives, of some 10 kB each
_BESIDE: Final = ("private-car", "taxi", "truck-swap")  # drawn beside the duty that is asked, two of them
_DEFAULTS: Final = {"cell": "LFP", "duty": "private-car", "then": "second-life", "place": "shanghai"}
_NUMBERS: Final = {"temperature_c": None, "km": None, "to": 80.0, "second_to": 60.0}

CellAsked = Annotated[
    str | None, QueryParameter(max_length=60, description="a chemistry or the id of a cell; at first LFP")
]
DutyAsked = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        description="what it does: private-car, taxi, truck-swap, truck-charged, storage or second-life",
    ),
]
ThenAsked = Annotated[
    str | None, QueryParameter(max_length=40, description="what it does in its second life, likewise")
]
PlaceAsked = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        description="where: beijing, guangzhou, harbin, shanghai, chongqing, urumqi, kunming or berlin",
    ),
]
TemperatureAsked = Annotated[
    str | None,
    QueryParameter(max_length=20, description="how warm the air is all the year, °C, in place of a place"),
]
KmAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="kilometres a year, in place of the duty's")
]
ToAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="% of its capacity at the end of the first life")
]
SecondToAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="% of its capacity at the end of the second life")
]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: names as they are known, numbers as they were read; fractions of 1 for the ends."""

    cell: str
    duty: str
    then: str
    place: str
    temperature_c: float | None
    km: float | None
    to: float
    second_to: float


@get("/technology/life", sync_to_thread=True, summary="How long a battery lasts")
def technology_life(
    request: Asked,
    cell: CellAsked = None,
    duty: DutyAsked = None,
    then: ThenAsked = None,
    place: PlaceAsked = None,
    temperature_c: TemperatureAsked = None,
    km: KmAsked = None,
    to: ToAsked = None,
    second_to: SecondToAsked = None,
) -> Response[bytes]:
    """
    Return capacity over years, when the first life ends and how long a second one lasts, with intervals.

    `life` is null for cells of which no law of ageing is public: solid electrolytes and metal anodes. Of
    these there are only cycle lives that makers claim, in `claimed`.
    """
    typed = _typed(cell, duty, then, place, temperature_c, km, to, second_to)
    error, found, beside = None, None, []
    try:
        question = _read(typed)
        found = _known(question)
        if found is not None and wants_page(request):
            others = [one for one in _BESIDE if one != question.duty][:2]
            beside = [
                _life(msgspec.structs.replace(question, duty=one, km=None, then=question.then))
                for one in others
            ]
    except UsageError as raised:
        error = raised
    tell_programs(request, error)
    if not wants_page(request):
        return as_json(
            {
                "asked": question,
                "life": None if found is None else found.as_json(),
                "law": [] if found is None else list(law_of(found.chemistry).rows.values()),
                "claimed": claimed_cycles(),
            }
        )
    page = page_for(request)
    return as_page(
        page,
        "technology_life",
        200 if error is None else status_of(error),
        error=error,
        found=found,
        typed=typed,
        chemistries=list(LAWS),
        cells=list(CELLS.values()),
        named=CELLS[typed["cell"]].name if typed["cell"] in CELLS else typed["cell"],
        drawn=None if found is None else shown.draw([found, *beside], page),
        beside=beside,
        rows=[] if found is None else list(law_of(found.chemistry).rows.values()),
        claimed=[(TECHNOLOGIES[one.technology], one, SOURCES.get(one.source)) for one in claimed_cycles()],
        words=shown,
        duties=DUTIES,
    )


@taken("/technology/life", summary="How long a battery lasts, as a file")
def technology_life_files(
    request: Asked,
    cell: CellAsked = None,
    duty: DutyAsked = None,
    then: ThenAsked = None,
    place: PlaceAsked = None,
    temperature_c: TemperatureAsked = None,
    km: KmAsked = None,
    to: ToAsked = None,
    second_to: SecondToAsked = None,
) -> Stream:
    """Return what is left of the capacity by year, as a file."""
    question = _read(_typed(cell, duty, then, place, temperature_c, km, to, second_to))
    found = _life(question)

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of no record
        bands = (*found.capacity.tolist(), found.by_calendar[0].tolist())
        parts = zip(found.years.tolist(), *bands, strict=True)
        more = [None] * len(found.years) if found.resistance is None else found.resistance[0].tolist()
        rows = [(found.chemistry, found.duty, *one, grown) for one, grown in zip(parts, more, strict=True)]
        return Sheet("life", page.say("How long it lasts"), _COLUMNS, [rows], stands="beside")

    return take_away(request, making)


_COLUMNS: Final = (
    Column("chemistry", heading=later("Chemistry")),
    Column("duty", heading=later("Duty")),
    Column("years", "number", later("Years")),
    Column("capacity", "number", later("Capacity, share")),
    Column("low", "number", later("Low")),
    Column("high", "number", later("High")),
    Column("by_calendar", "number", later("Lost by the calendar, share")),
    Column("resistance", "number", later("Resistance grown by, share")),
)


def _typed(*given: str | None) -> dict[str, str]:
    """Return what was typed by its name, with what is taken where nothing was."""
    typed = {name: (text or "").strip() for name, text in zip((*_DEFAULTS, *_NUMBERS), given, strict=True)}
    return typed | {name: typed[name] or text for name, text in _DEFAULTS.items()}


def _read(typed: dict[str, str]) -> Question:
    """Return what is asked. Raises UsageError for what is no number."""
    numbers: dict[str, Any] = dict(_NUMBERS)
    for name in _NUMBERS:
        if not typed[name]:
            continue
        try:
            numbers[name] = float(typed[name])
        except ValueError:
            numbers[name] = math.nan
        if not math.isfinite(numbers[name]):
            raise UsageError(
                "life.number", f"{name}: {typed[name]!r} is no number.", "Write digits, with a point."
            )
    numbers |= {name: numbers[name] / 100 for name in ("to", "second_to")}
    return msgspec.convert({**typed, **numbers}, Question)


def _known(question: Question) -> Life | None:
    """Return the life; None for cells of which no law is public. Raises UsageError for all else."""
    try:
        chemistry_of(question.cell)
    except UsageError as error:
        if error.rule == "life.unknown":
            return None
        raise
    return _life(question)


@lru_cache(_KEPT)
def _life(question: Question) -> Life:
    return life_of(
        chemistry_of(question.cell),
        duty_of(question.duty) if question.km is None else duty_of(question.duty, km_a_year=question.km),
        months_of(question.place if question.temperature_c is None else question.temperature_c),
        then=duty_of(question.then),
        end_first=question.to,
        end_second=question.second_to,
    )


ROUTES: Final = (technology_life, *technology_life_files)
