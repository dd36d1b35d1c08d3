"""/technology/range: how far a vehicle drives with a pack of a cell, and where the energy goes."""

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
from voltrail.errors import UsageError, VoltrailError
from voltrail.registry.snapshot import Snapshot
from voltrail.technology.cell import CELLS
from voltrail.technology.cycles import CHARACTERISTICS, CYCLES, characteristics
from voltrail.technology.pack import Between, Pack
from voltrail.technology.range import Procedure, Range, estimate, pack_for, pick
from voltrail.technology.vehicle import VEHICLES, parameters
from voltrail.web import Page
from voltrail.web import technology_range as shown
from voltrail.web import technology_thousand as words
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Sheet

CURVE_C: Final = tuple(float(one) for one in range(-30, 45, 5))
CURVE_DRAWS: Final = 200
_KEPT: Final = 128
_FIRST: Final = {"cell": "nmc-liquid", "vehicle": "car-saloon", "cycle": "CLTC", "temperature": "23"}

CellAsked = Annotated[str | None, QueryParameter(max_length=60, description="a cell, by its name")]
VehicleAsked = Annotated[str | None, QueryParameter(max_length=40, description="a vehicle, by its name")]
CycleAsked = Annotated[
    str | None, QueryParameter(max_length=40, description="a driving cycle, such as CLTC, WLTC or truck-80")
]
TemperatureAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="the temperature outside in °C, −40 to 50")
]
EnergyAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="gross energy of the pack in kWh, up to 10,000")
]
MassAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="mass of all that moves in kg, 300 to 200,000")
]
CabinAsked = Annotated[
    str | None, QueryParameter(max_length=20, description="comfort, preheated (at the socket) or off")
]
_COLUMNS: Final = (
    Column("temperature_c", "number", later("Temperature (°C)")),
    Column("km_low", "number", later("Range, at least (km)")),
    Column("km", "number", later("Range (km)")),
    Column("km_high", "number", later("Range, at most (km)")),
    Column("kwh_per_100km", "number", later("kWh/100 km")),
    Column("cell", heading=later("Type of cell")),
    Column("vehicle", heading=later("Vehicle")),
    Column("cycle", heading=later("Cycle")),
    Column("reconstructed", "flag", later("Trace reconstructed")),
    Column("pack_kwh", "number", later("Energy of the pack (kWh)")),
)


class Question(msgspec.Struct, frozen=True):
    """What an address asks for, by ids; None is what is usual."""

    cell: str
    vehicle: str
    cycle: str
    temperature_c: float
    energy_kwh: float | None
    mass_kg: float | None
    cabin: str

    @property
    def pack(self) -> Pack:
        """The pack that is asked for."""
        return pack_for(CELLS[self.cell], VEHICLES[self.vehicle], self.energy_kwh)

    def at(self, temperature_c: float, draws: int) -> Range:
        """Return its range at a temperature."""
        return estimate(
            self.pack,
            VEHICLES[self.vehicle],
            CYCLES[self.cycle],
            temperature_c,
            mass_kg=self.mass_kg,
            draws=draws,
            procedure=Procedure(preheated=self.cabin == "preheated", cabin=self.cabin != "off"),
        )


@lru_cache(_KEPT)
def _told(question: Question) -> Range:
    return question.at(question.temperature_c, 1000)


@lru_cache(_KEPT)
def _curve(question: Question) -> tuple[Range, ...]:
    """Return the range at each of `CURVE_C`; the same chance at each, so that the band does not tremble."""
    return tuple(question.at(one, CURVE_DRAWS) for one in CURVE_C)


@get("/technology/range", sync_to_thread=True, summary="How far a vehicle drives with a cell")
def technology_range(
    request: Asked,
    cell: CellAsked = None,
    vehicle: VehicleAsked = None,
    cycle: CycleAsked = None,
    temperature: TemperatureAsked = None,
    energy_kwh: EnergyAsked = None,
    mass: MassAsked = None,
    cabin: CabinAsked = None,
) -> Response[bytes]:
    """
    Return a range as low, middle and high (nine of ten draws between), and where the energy goes.

    With the range at temperatures from -30 to 40 °C, the pack, and what the cycle stands on: a trace that is
    reconstructed says so. Without a mass a truck weighs what it may; a car is added up with 100 kg of load.
    """
    typed = _typed(cell, vehicle, cycle, temperature, energy_kwh, mass, cabin)
    error: VoltrailError | None = None
    try:
        question = _asked(typed)
        told, curve = _told(question), _curve(question)
    except VoltrailError as raised:
        tell_programs(request, raised)
        error, question = raised, _asked({})
        told, curve = _told(question), _curve(question)
    driven, pack = CYCLES[question.cycle], question.pack
    if not wants_page(request):
        return as_json(
            {
                "cell": question.cell,
                "vehicle": question.vehicle,
                "cycle": driven.told,
                "temperature_c": question.temperature_c,
                "cabin": question.cabin,
                "pack": {"energy_kwh": pack.energy_kwh, "mass_kg": pack.mass_kg._asdict()},
                **told.told,
                "by_temperature": [
                    {"temperature_c": at, "km": one.km._asdict()}
                    for at, one in zip(CURVE_C, curve, strict=True)
                ],
            }
        )
    page = page_for(request)
    return as_page(
        page,
        "technology_range",
        200 if error is None else status_of(error),
        error=error,
        question=question,
        typed=typed,
        told=told,
        pack=pack,
        cycle=driven,
        measured=[
            (one, characteristics(driven)[one.characteristic])
            for one in CHARACTERISTICS
            if one.cycle == driven.id
        ],
        rows=parameters(question.vehicle),
        pieces=shown.bar(told),
        drawn=shown.curve(page, CURVE_C, [one.km for one in curve], (question.temperature_c, told.km)),
        coldest=curve[0].km,
        warm=_warm(question),
        link={
            "cell": question.cell,
            "vehicle": question.vehicle,
            "cycle": question.cycle,
            "temperature": f"{question.temperature_c:g}",
            "energy_kwh": typed.get("energy_kwh") if error is None else None,
            "mass": typed.get("mass") if error is None else None,
            "cabin": question.cabin,
        },
        cells=CELLS,
        vehicles=VEHICLES,
        shown=shown,
        words=words,
    )


@taken("/technology/range", summary="A range by temperature, as a file")
def range_files(
    request: Asked,
    cell: CellAsked = None,
    vehicle: VehicleAsked = None,
    cycle: CycleAsked = None,
    temperature: TemperatureAsked = None,
    energy_kwh: EnergyAsked = None,
    mass: MassAsked = None,
    cabin: CabinAsked = None,
) -> Stream:
    """Return the range from -30 to 40 °C, and at the temperature asked for, as a file."""
    question = _asked(_typed(cell, vehicle, cycle, temperature, energy_kwh, mass, cabin))
    every = {**dict(zip(CURVE_C, _curve(question), strict=True)), question.temperature_c: _told(question)}
    driven = CYCLES[question.cycle]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - nothing of it is on record
        rows: list[Any] = [
            [
                at,
                *(round(value, 1) for value in one.km),
                round(one.kwh_per_100km.middle, 2),
                question.cell,
                question.vehicle,
                question.cycle,
                driven.reconstructed,
                question.pack.energy_kwh,
            ]
            for at, one in sorted(every.items())
        ]
        return Sheet("range", page.say(later("Range by temperature")), _COLUMNS, [rows], stands="beside")

    return take_away(request, making)


def _warm(question: Question) -> Between:
    """Return the range on a mild day: beside it one sees what the temperature takes."""
    return _told(msgspec.structs.replace(question, temperature_c=23.0)).km


def _typed(*values: str | None) -> dict[str, str]:
    names = ("cell", "vehicle", "cycle", "temperature", "energy_kwh", "mass", "cabin")
    return {name: value.strip() for name, value in zip(names, values, strict=True) if value and value.strip()}


def _asked(typed: dict[str, str]) -> Question:
    """Return what is asked for. Raises NotFound and UsageError (`range.*`)."""
    given = {**_FIRST, **typed}
    cabin = given.get("cabin", "comfort")
    if cabin not in shown.CABINS:
        raise UsageError(
            "range.cabin",
            f"There is no cabin {cabin[:40]!r}.",
            "Take comfort, preheated or off.",
        )
    return Question(
        pick("cell", given["cell"], CELLS).id,
        pick("vehicle", given["vehicle"], VEHICLES).id,
        pick("cycle", given["cycle"], CYCLES).id,
        _number(given["temperature"]),
        _number(given["energy_kwh"]) if "energy_kwh" in given else None,
        _number(given["mass"]) if "mass" in given else None,
        cabin,
    )


def _number(text: str) -> float:
    try:
        value = float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(
            "range.number", f"{text[:40]!r} is no number.", "Give digits, with a point before decimals."
        )
    return value


ROUTES: Final = (technology_range, *range_files)
