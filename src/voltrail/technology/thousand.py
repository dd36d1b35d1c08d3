"""
Which cells carry a vehicle 1,000 km, what pack that takes, and what the cold takes away.

    >>> told = reach(Question(vehicle="car-saloon", cycle="CLTC", pack_kg=700), CELLS["chery-assb"], 23.0)
    >>> told.probability
    1.0

Asked forwards, a pack is as heavy as may be, or as large as there is room for, and `reach` says how far one
comes, and in what share of the draws at least 1,000 km. Asked backwards, `needed` looks for the pack that
reaches them: a larger pack is heavier and takes more energy itself, so its energy is a fixed point, which
need not exist. A truck weighs what it may whatever its pack, so what a larger pack costs is payload.

`cold` divides the km that are lost between two temperatures among their causes by the logarithmic mean
(Ang, Energy Policy 33 (2005) 867), which leaves no rest and knows no order of causes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from voltrail.errors import UsageError
from voltrail.technology.cell import CELLS, CellType
from voltrail.technology.cycles import CYCLES
from voltrail.technology.pack import (
    DESIGNS,
    MOST_KWH,
    Between,
    Pack,
    between,
    pack_of,
    per_kwh,
    read_parameters,
)
from voltrail.technology.range import COLDEST_C, WARMEST_C, Range, estimate
from voltrail.technology.vehicle import VEHICLES

KM: Final = 1000.0
TEMPERATURES_C: Final = (23.0, 10.0, 0.0, -10.0, -20.0, -30.0)
TRUCK_KM: Final = (500.0, 800.0, 1000.0)
TRUCK: Final = "tractor-40t"
TRUCK_CYCLE: Final = "truck-80"
PACK_KG: Final = (50.0, 20_000.0)
LIKELY: Final = 0.9
_DRAWS: Final = 100  # of each cell of a page
_STEPS: Final = 20
_FIRST_KWH: Final = 100.0  # with which the search for a pack begins
_CLOSE: Final = 1e-4

BOUNDS: Final = {(one.subject, one.parameter): one for one in read_parameters("bounds.csv")}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: a vehicle, a cycle, the heaviest pack in kg, and its design."""

    vehicle: str = "car-saloon"
    cycle: str = "CLTC"
    pack_kg: float = BOUNDS["car", "pack_kg"].high
    design: str = DESIGNS[0]

    @property
    def room_l(self) -> float:
        """The room that such a vehicle has for its pack."""
        return BOUNDS[VEHICLES[self.vehicle].kind, "pack_l"].middle


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far a cell carries the vehicle, with the largest pack that may be.

    `probability` is the share of draws that reach 1,000 km. `limited_by` is mass or volume: what bounds the
    pack.
    """

    cell: str
    temperature_c: float
    km: Between
    probability: float
    energy_kwh: Between
    pack_kg: float
    limited_by: str

    @property
    def reaches(self) -> bool:
        """Whether the middle does."""
        return self.km.middle >= KM


class Needed(msgspec.Struct, frozen=True, kw_only=True):
    """
    The pack that a distance takes: kWh, kg, l; None where no pack does, however large.

    `payload_kg` is what a truck may still load, None where no gross mass is given; below 0 it is too heavy
    without any.
    """

    cell: str
    km: float
    temperature_c: float
    energy_kwh: Between | None = None
    pack_kg: Between | None = None
    pack_l: Between | None = None
    payload_kg: Between | None = None


class Cause(msgspec.Struct, frozen=True):
    """What the cold takes by one cause: km, less than 0 where it gives."""

    cause: str
    km: float


class Cold(msgspec.Struct, frozen=True, kw_only=True):
    """A range on a warm day and on a cold one with the same pack, and what lies between, cause by cause."""

    cell: str
    energy_kwh: float
    warm_c: float
    cold_c: float
    warm_km: Between
    cold_km: Between
    causes: tuple[Cause, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All cells for one question: each at all temperatures, and the pack it would take at one."""

    question: Question
    temperature_c: float
    rows: tuple[tuple[Reach, ...], ...]
    needed: tuple[Needed, ...]

    def reaching(self, temperature_c: float, probability: float = 0.5) -> int:
        """Return how many cells reach 1,000 km at a temperature in at least such a share of the draws."""
        return sum(
            one.probability >= probability
            for row in self.rows
            for one in row
            if one.temperature_c == temperature_c
        )


def check(question: Question, temperature_c: float) -> None:
    """
    Raise UsageError for a question that has no answer.

    Raises
    ------
    UsageError
        `thousand.*`: no such vehicle, cycle or design, or a mass or temperature that is out of bounds.

    """
    if question.vehicle not in VEHICLES:
        raise UsageError("thousand.vehicle", *_unknown("vehicle", question.vehicle, VEHICLES))
    if question.cycle not in CYCLES:
        raise UsageError("thousand.cycle", *_unknown("cycle", question.cycle, CYCLES))
    if question.design not in DESIGNS:
        raise UsageError("thousand.design", *_unknown("design", question.design, DESIGNS))
    least, most = PACK_KG
    if not least <= question.pack_kg <= most:
        raise UsageError(
            "thousand.mass",
            f"That is no pack for a vehicle: {question.pack_kg:g} kg.",
            f"Ask for {least:,.0f} to {most:,.0f} kg.",
        )
    if not COLDEST_C <= temperature_c <= WARMEST_C:
        raise UsageError(
            "thousand.temperature",
            f"There is no estimate at {temperature_c:g} °C.",
            f"Ask for a temperature from {COLDEST_C:g} to {WARMEST_C:g} °C.",
        )


def cell_of(name: str) -> CellType:
    """Return a type of cell by its id. Raises UsageError `thousand.cell` where there is none."""
    if name not in CELLS:
        raise UsageError("thousand.cell", *_unknown("cell", name, CELLS))
    return CELLS[name]


def standing(
    question: Question, temperature_c: float = 23.0, cells: Sequence[CellType] = tuple(CELLS.values())
) -> Standing:
    """Return how far each cell comes at all temperatures, and the pack it takes at one. Raises as `check`."""
    check(question, temperature_c)
    temperatures = sorted({*TEMPERATURES_C, temperature_c}, reverse=True)
    return Standing(
        question=question,
        temperature_c=temperature_c,
        rows=tuple(tuple(reach(question, cell, one) for one in temperatures) for cell in cells),
        needed=tuple(needed(question, cell, temperature_c) for cell in cells),
    )


def reach(question: Question, cell: CellType, temperature_c: float, draws: int = _DRAWS) -> Reach:
    """Return how far a cell carries the vehicle with the largest pack that the question allows."""
    each = per_kwh(cell, question.design, draws)
    by_mass, by_room = question.pack_kg / each.kg, question.room_l / each.litres
    energies = np.minimum(by_mass, by_room)
    pack = pack_of(cell, energy_kwh=float(energies[0]), design=question.design)
    told = _drive(question, pack, temperature_c, pack.energy_kwh, draws)
    # The energy of a given mass is as uncertain as its cells; a range goes with it.
    km = told.draws_km * energies / energies[0]
    return Reach(
        cell=cell.id,
        temperature_c=temperature_c,
        km=between(km),
        probability=float((km >= KM).mean()),
        energy_kwh=between(energies),
        pack_kg=float(energies[0] * each.kg[0]),
        limited_by="mass" if by_mass[0] <= by_room[0] else "volume",
    )


def needed(
    question: Question, cell: CellType, temperature_c: float, km: float = KM, draws: int = _DRAWS
) -> Needed:
    """Return the pack with which a vehicle comes so far; its mass is not bounded by what is asked."""
    vehicle = VEHICLES[question.vehicle]
    pack = pack_of(cell, energy_kwh=_FIRST_KWH, design=question.design)
    found = _fixed_point(question, pack, temperature_c, km)
    if found is None:
        return Needed(cell=cell.id, km=km, temperature_c=temperature_c)
    energy_kwh, slope = found
    told = _drive(question, pack, temperature_c, energy_kwh, draws)
    # What a km takes of the pack in each draw, at this pack's mass; from there along the slope.
    per_km = energy_kwh / np.maximum(told.draws_km, 1e-9)
    energies = km * (per_km - slope * energy_kwh) / (1 - km * slope)
    each = per_kwh(cell, question.design, draws)
    pack_kg = energies * each.kg
    load = None if vehicle.most_kg is None else between(vehicle.most_kg - vehicle.tare_kg - pack_kg)
    return Needed(
        cell=cell.id,
        km=km,
        temperature_c=temperature_c,
        energy_kwh=between(energies),
        pack_kg=between(pack_kg),
        pack_l=between(energies * each.litres),
        payload_kg=load,
    )


def truck(
    temperature_c: float, design: str = DESIGNS[0], cells: Sequence[CellType] = tuple(CELLS.values())
) -> tuple[tuple[Needed, ...], ...]:
    """Return the packs with which a 40 t truck comes 500, 800 and 1,000 km, a row for each cell."""
    question = Question(vehicle=TRUCK, cycle=TRUCK_CYCLE, pack_kg=PACK_KG[1], design=design)
    check(question, temperature_c)
    return tuple(tuple(needed(question, cell, temperature_c, km) for km in TRUCK_KM) for cell in cells)


def cold(question: Question, cell: CellType, cold_c: float = -20.0, warm_c: float = 23.0) -> Cold:
    """Return what the cold takes of the range of the largest pack, cause by cause; the parts add up."""
    each = per_kwh(cell, question.design, 2)
    energy_kwh = float(min(question.pack_kg / each.kg[0], question.room_l / each.litres[0]))
    pack = pack_of(cell, energy_kwh=energy_kwh, design=question.design)
    before = _drive(question, pack, warm_c, energy_kwh, _DRAWS)
    after = _drive(question, pack, cold_c, energy_kwh, _DRAWS)
    km, kwh = (before.km.middle, after.km.middle), (before.kwh_per_100km.middle, after.kwh_per_100km.middle)
    mean = _logarithmic_mean(*km)
    usable = mean * math.log(_positive(km[1] * kwh[1]) / _positive(km[0] * kwh[0]))
    more = kwh[1] - kwh[0]
    by_use = -mean * math.log(kwh[1] / kwh[0]) / more if more else 0.0
    parts = {key: (after.parts[key] - before.parts[key]) * by_use for key in before.parts}
    named = {key: parts.pop(key) for key in ("cells", "cabin", "air", "tyres")}
    causes = {"unusable": usable, **named, "rest": sum(parts.values())}
    return Cold(
        cell=cell.id,
        energy_kwh=energy_kwh,
        warm_c=warm_c,
        cold_c=cold_c,
        warm_km=before.km,
        cold_km=after.km,
        causes=tuple(Cause(key, value) for key, value in causes.items()),
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    return f"There is no {what} {name[:40]!r}.", f"Ask for one of {', '.join(known)}."


def _drive(question: Question, pack: Pack, temperature_c: float, energy_kwh: float, draws: int) -> Range:
    """Return the range with so much of a pack; what its mass may be otherwise is no part of the question."""
    more = energy_kwh / pack.energy_kwh
    return estimate(
        msgspec.structs.replace(
            pack, energy_kwh=energy_kwh, mass_kg=Between(*(more * pack.mass_kg.middle,) * 3)
        ),
        VEHICLES[question.vehicle],
        CYCLES[question.cycle],
        temperature_c,
        draws=draws,
    )


def _fixed_point(
    question: Question, pack: Pack, temperature_c: float, km: float
) -> tuple[float, float] | None:
    """
    Return the energy with which the middle reaches a distance, and what a km takes more for each kWh of it.

    What a km takes of the pack is nearly a straight line over its energy, since it is one over its mass:
    each step is where the line through the last two points would meet the distance. None where it never does.
    """

    def per_km(energy_kwh: float) -> float:
        told = _drive(question, pack, temperature_c, energy_kwh, 1).km.middle
        return energy_kwh / told if told > 0 else math.inf

    before = pack.energy_kwh
    taken_before = per_km(before)
    energy_kwh, slope = km * taken_before, 0.0
    for _ in range(_STEPS):
        if not 0 < energy_kwh <= MOST_KWH:
            return None
        taken = per_km(energy_kwh)
        if not math.isclose(energy_kwh, before, rel_tol=_CLOSE):
            slope = (taken - taken_before) / (energy_kwh - before)
        if math.isclose(km * taken, energy_kwh, rel_tol=_CLOSE):
            return energy_kwh, slope
        if km * slope >= 1:
            return None
        before, taken_before = energy_kwh, taken
        energy_kwh = km * (taken - slope * energy_kwh) / (1 - km * slope)
    return None


def _logarithmic_mean(one: float, other: float) -> float:
    one, other = _positive(one), _positive(other)
    return one if math.isclose(one, other) else (one - other) / math.log(one / other)


def _positive(value: float) -> float:
    return max(value, 1e-9)
