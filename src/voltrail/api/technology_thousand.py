"""/technology/thousand: which cells carry a vehicle 1,000 km, what the cold takes, claims reckoned again."""

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
from voltrail.technology import claims, thousand
from voltrail.technology.catalogue import SOURCES, TECHNOLOGIES
from voltrail.technology.cell import CELLS
from voltrail.technology.cycles import CYCLES
from voltrail.technology.pack import ANCHORS, DESIGNS, PARAMETERS, Between
from voltrail.technology.thousand import (
    BOUNDS,
    LIKELY,
    TRUCK,
    TRUCK_KM,
    Cold,
    Needed,
    Question,
    Standing,
)
from voltrail.technology.vehicle import VEHICLES
from voltrail.web import Page
from voltrail.web import technology_thousand as shown
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Sheet

_CELL: Final = "nmc-liquid"
_WARM_C: Final = 23.0
_COLD_C: Final = -20.0
_KEPT: Final = 64  # answers, of some 50 kB each

VehicleAsked = Annotated[
    str | None, QueryParameter(max_length=40, description="a vehicle, by its name in the answer")
]
CycleAsked = Annotated[
    str | None, QueryParameter(max_length=40, description="a driving cycle, such as CLTC, WLTC or truck-80")
]
TemperatureAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="the temperature outside in °C, −40 to 50")
]
MassAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="the heaviest pack in kg, 50 to 20,000")
]
DesignAsked = Annotated[
    str | None, QueryParameter(max_length=40, description="how the pack is made: cell_to_pack or module")
]
CellAsked = Annotated[
    str | None,
    QueryParameter(max_length=60, description="the cell of which the cold is shown by its causes"),
]

_REACH: Final = (
    Column("cell", heading=later("Type of cell")),
    Column("temperature_c", "number", later("Temperature (°C)")),
    Column("km_low", "number", later("Range, at least (km)")),
    Column("km", "number", later("Range (km)")),
    Column("km_high", "number", later("Range, at most (km)")),
    Column("probability", "number", later("Probability of 1,000 km")),
    Column("pack_kwh", "number", later("Energy of the pack (kWh)")),
    Column("pack_kg", "number", later("Mass of the pack (kg)")),
    Column("limited_by", heading=later("Pack bounded by")),
    Column("needed_kwh", "number", later("Energy for 1,000 km (kWh)")),
    Column("needed_kg", "number", later("Pack for 1,000 km (kg)")),
)
_CLAIMS: Final = (
    Column("technology", heading=later("Technology")),
    Column("rule", heading=later("Check")),
    Column("verdict", heading=later("Verdict")),
    Column("claim", "number", later("Figure")),
    Column("unit", heading=later("Unit")),
    Column("kind", heading=later("Kind of figure")),
    Column("arithmetic", heading=later("Arithmetic")),
    Column("source", heading=later("Source")),
)


class Wanted(msgspec.Struct, frozen=True):
    """What an address asks for, once it is checked."""

    question: Question
    temperature_c: float
    cell: str


@lru_cache(_KEPT)
def _standing(question: Question, temperature_c: float) -> Standing:
    return thousand.standing(question, temperature_c)


@lru_cache(_KEPT)
def _truck(temperature_c: float, design: str) -> tuple[tuple[Needed, ...], ...]:
    return thousand.truck(temperature_c, design)


@lru_cache(_KEPT)
def _cold(question: Question, cell: str, cold_c: float) -> Cold:
    return thousand.cold(question, CELLS[cell], cold_c)


@get("/technology/thousand", sync_to_thread=True, summary="Which cells reach 1,000 km")
def technology_thousand(
    request: Asked,
    vehicle: VehicleAsked = None,
    cycle: CycleAsked = None,
    temperature: TemperatureAsked = None,
    pack_mass: MassAsked = None,
    design: DesignAsked = None,
    cell: CellAsked = None,
) -> Response[bytes]:
    """
    Return how far each cell carries a vehicle at several temperatures, and in what share of draws 1,000 km.

    With the pack that 1,000 km take, packs and payload of a 40 t truck, what the cold takes by cause, and
    every claim that can be checked, with its verdict and the numbers of its arithmetic. Intervals hold nine
    of ten draws.
    """
    typed = _typed(vehicle, cycle, temperature, pack_mass, design, cell)
    wanted, error = _wanted({}), None
    try:
        wanted = _wanted(typed)
    except UsageError as raised:
        tell_programs(request, raised)
        error = raised
    found = _standing(wanted.question, wanted.temperature_c)
    at_cold = min(wanted.temperature_c, _COLD_C)
    fall = _cold(wanted.question, wanted.cell, at_cold)
    lorry = _truck(wanted.temperature_c, wanted.question.design)
    checks = claims.all_checks()
    if not wants_page(request):
        return as_json(
            {
                "standing": found,
                "cold": fall,
                "truck": {"vehicle": TRUCK, "cycle": thousand.TRUCK_CYCLE, "rows": lorry},
                "checks": checks,
                "parameters": {"packs": PARAMETERS, "bounds": list(BOUNDS.values())},
                "reconstructed": CYCLES[wanted.question.cycle].reconstructed,
            }
        )
    return as_page(
        page_for(request),
        "technology_thousand",
        200 if error is None else status_of(error),
        error=error,
        shown=shown,
        wanted=wanted,
        typed=typed,
        found=found,
        temperatures=[one.temperature_c for one in found.rows[0]],
        likely=LIKELY,
        cold_c=_COLD_C,
        fall=fall,
        bars=shown.waterfall(fall),
        lorry=lorry,
        lorry_km=TRUCK_KM,
        lorry_vehicle=TRUCK,
        lorry_most=max(
            (one.pack_kg.high for row in lorry for one in row if one.pack_kg is not None), default=1.0
        ),
        checks=checks,
        verdicts=shown.by_verdict(checks),
        technologies=TECHNOLOGIES,
        sources=SOURCES,
        vehicles=VEHICLES,
        cycles=CYCLES,
        designs=DESIGNS,
        cells=CELLS,
        parameters=[one for one in PARAMETERS if one not in ANCHORS],
        anchors=ANCHORS,
    )


@taken("/technology/thousand", summary="Ranges of all cells, as a file")
def thousand_files(
    request: Asked,
    vehicle: VehicleAsked = None,
    cycle: CycleAsked = None,
    temperature: TemperatureAsked = None,
    pack_mass: MassAsked = None,
    design: DesignAsked = None,
) -> Stream:
    """Return a row for each cell and temperature, with the pack that 1,000 km take at the one asked for."""
    wanted = _wanted(_typed(vehicle, cycle, temperature, pack_mass, design, None))
    found = _standing(wanted.question, wanted.temperature_c)
    rows: list[Any] = [
        [
            one.cell,
            one.temperature_c,
            *(round(km, 1) for km in one.km),
            one.probability,
            round(one.energy_kwh.middle, 1),
            round(one.pack_kg, 1),
            one.limited_by,
            *(_middle(each) for each in (needed.energy_kwh, needed.pack_kg)),
        ]
        for row, needed in zip(found.rows, found.needed, strict=True)
        for one in row
    ]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        return Sheet(
            "thousand", page.say(later("Which cells reach 1,000 km")), _REACH, [rows], stands="beside"
        )

    return take_away(request, making)


@taken("/technology/thousand/claims", summary="Claims against arithmetic, as a file")
def claims_files(request: Asked) -> Stream:
    """Return each claim that was checked with its verdict and its arithmetic in words, as a file."""

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows: list[Any] = [
            [
                check.technology,
                page.say(shown.RULES[check.rule]),
                page.say(shown.VERDICT_WORDS[check.verdict]),
                check.figure.most,
                check.figure.unit,
                check.figure.kind,
                " ".join(shown.arithmetic(page.say, page.number, check)),
                SOURCES[check.figure.source].url if check.figure.source in SOURCES else "",
            ]
            for check in claims.all_checks()
        ]
        return Sheet("claims", page.say(later("Claims against arithmetic")), _CLAIMS, [rows], stands="beside")

    return take_away(request, making)


def _typed(*given: str | None) -> dict[str, str]:
    names = ("vehicle", "cycle", "temperature", "pack_mass", "design", "cell")
    return {name: text.strip() for name, text in zip(names, given, strict=True) if text and text.strip()}


def _wanted(typed: dict[str, str]) -> Wanted:
    """Return what was typed. Raises UsageError `thousand.*` for what has no answer."""
    vehicle = typed.get("vehicle", Question().vehicle)
    kind = VEHICLES[vehicle].kind if vehicle in VEHICLES else "car"
    question = Question(
        vehicle=vehicle,
        cycle=typed.get("cycle", thousand.TRUCK_CYCLE if kind == "truck" else Question().cycle),
        # To the kilogram and the tenth of a degree: nobody asks for less, and answers are kept by it.
        pack_kg=round(_number(typed.get("pack_mass"), BOUNDS[kind, "pack_kg"].high), 0),
        design=typed.get("design", Question().design),
    )
    temperature_c = round(_number(typed.get("temperature"), _WARM_C), 1)
    thousand.check(question, temperature_c)
    return Wanted(question, temperature_c, thousand.cell_of(typed.get("cell", _CELL)).id)


def _number(text: str | None, default: float) -> float:
    """Return a number; what is none is not within any bounds, and is refused with them."""
    if text is None:
        return default
    try:
        return float(text.replace("\u2212", "-"))
    except ValueError:
        return math.nan


def _middle(between: Between | None) -> float | None:
    return None if between is None else round(between.middle, 1)


ROUTES: Final = (technology_thousand, *thousand_files, *claims_files)
