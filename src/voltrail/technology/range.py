"""
How far a vehicle drives with a pack, by a cycle and at a temperature, and where the energy goes.

    >>> from voltrail.technology.cell import CELLS
    >>> from voltrail.technology.cycles import CYCLES
    >>> from voltrail.technology.vehicle import VEHICLES
    >>> pack = pack_of(CELLS["nmc-liquid"], energy_kwh=80)
    >>> told = estimate(pack, VEHICLES["car-saloon"], CYCLES["WLTC"], 23.0)
    >>> told.km.low < told.km.middle < told.km.high
    True

At the wheels each second needs air, tyres, climbing and speeding up, a sum of four products: what a draw has
(its drag area, its mass) times what the trace has (v^3, v). So a thousand draws over a cycle are one product
of matrices; what is above 0 is taken from the battery, what is below it given back, within the limit of
regeneration. To that come auxiliaries and the cabin. The pack then gives its gross energy, within its window,
less what stays in it in the cold and what turns to heat in its cells (`cell`).

Uncertain are the vehicle (`Vehicle.spread`), the cell, the pack's mass, and the model: `calibration.csv` has
the few factors that are fitted to all vehicles together, with what of the errors is left (`accuracy`).
Draw 0 of each is the middle. An interval holds nine of ten draws.

Not looked at: wind from the side, rain and snow, slipping, curves, how one driver differs from another, packs
that are warmed from the socket, and ageing: the pack is new.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np

from voltrail.errors import NotFound, UsageError
from voltrail.technology.cell import (
    NINE_OF_TEN,
    NOMINAL_RATE,
    WARM_C,
    CellType,
    Draws,
    draw,
    loss_fraction,
    usable_fraction,
)
from voltrail.technology.cycles import Cycle
from voltrail.technology.pack import Between, Pack, drawn, pack_of
from voltrail.technology.vehicle import (
    GRAVITY_M_S2,
    JOULES,
    Numbers,
    Vehicle,
    air_density,
    cabin,
    heat_from_power,
    rolling,
)

COLDEST_C: Final = -40.0
WARMEST_C: Final = 50.0
LEAST_KWH: Final = 1.0  # of a pack
MOST_DRAWS: Final = 10_000
MOST_WIND_M_S: Final = 30.0
MOST_ALTITUDE_M: Final = 6_000.0
LEAST_KG: Final = 300.0  # of all that moves
MOST_KG: Final = 200_000.0
LOAD_KG: Final = {"car": 100.0, "truck": 0.0}
"""What is on board where nothing else is said; a truck is loaded up to what it may weigh."""
USUAL_KWH: Final = {"car": 80.0, "truck": 600.0}
"""Gross energy of a pack where none is given."""
CHARGES_FULLY_C: Final = 10.0  # warmer cells take back whatever the wheels give
CHARGES_LEAST: Final = 0.2  # of it, at `CHARGES_LEAST_C` and colder; an assumption
CHARGES_LEAST_C: Final = -20.0
WARM_PACK_C: Final = 25.0  # towards which a pack warms while it is driven
PARTS: Final = (
    "air",
    "tyres",
    "climb",
    "speed",
    "brakes",
    "drive",
    "auxiliary",
    "cabin",
    "cells",
    "procedure",
)
"""Where energy goes. `speed` is what is left in motion at the end, `procedure` what a label deducts."""
_ROWS: Final = 32  # driven at once, so that their seconds stay in the cache of a processor


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `calibration.csv`: a factor for all vehicles, its spread, what it was fitted to."""

    factor: str
    value: float
    spread: float
    unit: str
    standing: str
    fitted_on: str
    source: str


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """
    How it is driven: kg on board besides vehicle and pack, warmed before or not, wind from ahead, altitude.

    `load_kg` None is `LOAD_KG`. `cabin` says whether one heats and cools at all.
    """

    load_kg: float | None = None
    preheated: bool = False
    cabin: bool = True
    headwind_m_s: float = 0.0
    altitude_m: float = 0.0


class Range(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """
    A range: km and kWh/100 km as low, middle, high, nine of ten draws between; `draws_km` all draws.

    `kwh_per_100km` is what leaves the cells, heat in them included: `parts` (kWh/100 km, of the middle) add
    up to it. `displayed` is without that heat. `unusable_share` is what stays in the pack because it is cold,
    of what it gives warm; `warm_up_kwh` goes into a cold cabin once. `mass_kg` is what moves.
    """

    km: Between
    kwh_per_100km: Between
    parts: dict[str, float]
    unusable_share: Between
    warm_up_kwh: float
    mass_kg: Between
    draws_km: Numbers

    @property
    def displayed(self) -> float:
        """kWh/100 km at the terminals, as a vehicle displays it, in the middle."""
        return self.kwh_per_100km.middle - self.parts["cells"]

    @property
    def told(self) -> dict[str, Any]:
        """It as programs are told: numbers alone, without the draws."""
        return {
            "km": self.km._asdict(),
            "kwh_per_100km": self.kwh_per_100km._asdict(),
            "parts_kwh_per_100km": self.parts,
            "unusable_share": self.unusable_share._asdict(),
            "warm_up_kwh": self.warm_up_kwh,
            "mass_kg": self.mass_kg._asdict(),
        }


class Drive(msgspec.Struct, frozen=True, eq=False):
    """Joules at the wheels over a cycle, by row: where they go, what is taken and given; J2/s of both."""

    air: Numbers
    tyres: Numbers
    climb: Numbers
    speed: Numbers
    taken: Numbers
    given: Numbers
    kept: Numbers
    taken_squares: Numbers
    kept_squares: Numbers


class Rows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Vehicles to be driven, one a row: each an array of one length, or a number for all."""

    mass_kg: Any
    drag_area_m2: Any
    rolling: Any
    turning: Any
    drive_efficiency: Any
    regeneration_efficiency: Any
    regeneration_w: Any
    auxiliary_w: Any
    cabin_w: Any
    warm_up_j: Any
    temperature_c: Any
    cells_c: Any


def drive(cycle: Cycle, rows: Rows, headwind_m_s: float = 0.0, altitude_m: float = 0.0) -> Drive:
    """Return what a cycle takes at the wheels of each row."""
    v, step = cycle.step_speed_m_s, cycle.step_s
    into = v + headwind_m_s
    climbing, speeding = cycle.specific_force_m_s2
    level = np.sqrt(1 - (climbing / GRAVITY_M_S2) ** 2)
    trace = np.stack([into * np.abs(into) * v, level * v, climbing * v, speeding * v])
    half_density = 0.5 * air_density(rows.temperature_c, altitude_m)
    own = np.stack(
        np.broadcast_arrays(
            half_density * rows.drag_area_m2,
            rows.rolling * rows.mass_kg * GRAVITY_M_S2,
            rows.mass_kg,
            rows.mass_kg * rows.turning,
        ),
        axis=-1,
    )
    count = len(own)
    limit = np.broadcast_to(rows.regeneration_w, count)
    sums = np.empty((5, count))
    for first in range(0, count, _ROWS):
        some = slice(first, first + _ROWS)
        wheels = own[some] @ trace
        taken = np.maximum(wheels, 0)
        given = taken - wheels
        kept = np.minimum(given, limit[some, None])
        sums[0, some], sums[1, some], sums[2, some] = taken @ step, given @ step, kept @ step
        sums[3, some], sums[4, some] = (taken * taken) @ step, (kept * kept) @ step
    air, tyres, climb, speed = own.T * (trace @ step)[:, None]
    return Drive(air, tyres, climb, speed, *sums)


class Told(msgspec.Struct, frozen=True, eq=False):
    """What comes of rows: km, kWh/100 km, its parts, and what stays in the cold pack; arrays by row."""

    km: Numbers
    kwh_per_100km: Numbers
    parts: dict[str, Numbers]
    unusable_share: Numbers


def reach(
    cycle: Cycle,
    rows: Rows,
    cell: CellType | Draws,
    energy_kwh: Any,
    window: Any,
    procedure: Procedure,
) -> Told:
    """Return how far each row gets with a pack of a cell; energies and windows by row, or for all."""
    driven = drive(cycle, rows, procedure.headwind_m_s, procedure.altitude_m)
    metres, seconds = cycle.distance_km * 1e3, cycle.duration_s
    out, back = 1 / rows.drive_efficiency, rows.regeneration_efficiency
    steady = rows.auxiliary_w + rows.cabin_w
    wheels = driven.taken * out - driven.kept * back
    battery = wheels + steady * seconds
    # Downhill all the way nothing is used up: let it be a little, so that a range stays a number.
    battery = np.maximum(battery, 1e-3 * driven.taken + 1.0)
    squares = driven.taken_squares * out**2 + driven.kept_squares * back**2
    squares = squares + 2 * steady * wheels + steady**2 * seconds
    gross_j = energy_kwh * JOULES
    rate = battery / seconds / gross_j * 3600
    # Heat goes with the square of the power: what counts is the rate at which a mean joule is drawn.
    peaks = np.maximum(squares / battery, battery / seconds) / gross_j * 3600
    lost = loss_fraction(cell, rows.cells_c, peaks)
    usable = usable_fraction(cell, rows.cells_c, rate)
    warm = usable_fraction(cell, WARM_C, rate)
    within = gross_j * window / (1 - loss_fraction(cell, WARM_C, NOMINAL_RATE))
    per_m = battery / (1 - lost) / metres
    warm_up = rows.warm_up_j / (1 - lost)
    km = np.maximum(within * usable - warm_up, 0) / per_m / 1e3
    # What a cabin takes once is spread over the way that is left.
    once = np.where(km > 0, warm_up / np.maximum(km * 1e3, 1e-9), 0.0)
    each = 1e5 / JOULES / metres  # from J in a cycle to kWh/100 km
    stated = 1 / cycle.driven
    parts = {
        "air": driven.air * each,
        "tyres": driven.tyres * each,
        "climb": driven.climb * each,
        "speed": driven.speed * each,
        "brakes": (driven.given - driven.kept) * each,
        "drive": (driven.taken * (out - 1) + driven.kept * (1 - back)) * each,
        "auxiliary": rows.auxiliary_w * seconds * each,
        "cabin": rows.cabin_w * seconds * each + once * (1 - lost) * 1e5 / JOULES,
        "cells": (battery / (1 - lost) - battery) * each + once * lost * 1e5 / JOULES,
    }
    total = (per_m + once) * 1e5 / JOULES
    parts["procedure"] = total * (stated - 1)
    shape = km.shape
    return Told(
        km * cycle.driven,
        total * stated,
        {key: np.broadcast_to(value, shape) for key, value in parts.items()},
        np.broadcast_to(1 - usable / warm, shape),
    )


def estimate(
    pack: Pack,
    vehicle: Vehicle,
    cycle: Cycle,
    temperature_c: float,
    *,
    mass_kg: float | None = None,
    draws: int = 1000,
    seed: int = 1,
    procedure: Procedure | None = None,
    factors: Mapping[str, Factor] | None = None,
) -> Range:
    """
    Return the range of a vehicle with a pack, by a cycle, in air of a temperature.

    `mass_kg` is of all that moves. Without it a truck weighs what it may, and else vehicle, pack and load
    are added up. `factors` are those of `calibration.csv` unless others are given.

    Raises
    ------
    UsageError
        `range.*`: a temperature, mass or number of draws with which there is no estimate.

    """
    procedure, factors = procedure or Procedure(), factors or FACTORS
    _check(temperature_c, mass_kg, draws, procedure)
    if not pack.energy_kwh >= LEAST_KWH:
        raise UsageError(
            "range.pack",
            f"A pack of {pack.energy_kwh:g} kWh carries no vehicle.",
            f"Ask for {LEAST_KWH:g} kWh or more.",
        )
    rng = np.random.default_rng(seed)
    cell = draw(pack.cell, draws, rng)
    rows = _rows(vehicle, pack, np.full(1, temperature_c), mass_kg, draws, rng, procedure, factors)
    deviations = _deviations(rng, draws)
    window = np.minimum(pack.usable_fraction_window * (1 + 0.02 * deviations / NINE_OF_TEN), 1)
    told = reach(cycle, rows, cell, pack.energy_kwh, window, procedure)
    return Range(
        km=_between(told.km),
        kwh_per_100km=_between(told.kwh_per_100km),
        parts={key: float(value[0]) for key, value in told.parts.items()},
        unusable_share=_between(told.unusable_share),
        warm_up_kwh=float(rows.warm_up_j[0]) / JOULES,
        mass_kg=_between(rows.mass_kg),
        draws_km=told.km,
    )


def pick(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    """Return the cell, vehicle or cycle of an id. Raises NotFound (`range.unknown`), which names near ids."""
    if name in known:
        return known[name]
    lower = {one.casefold(): one for one in known}
    near = get_close_matches(name[:60].casefold(), lower, n=3, cutoff=0.4) or list(lower)
    raise NotFound(
        "range.unknown",
        f"There is no {kind} {name[:60]!r}.",
        f"Give one of {', '.join(lower[one] for one in near[:3])}; see `voltrail technology range --list`.",
    )


def pack_for(
    cell: CellType, vehicle: Vehicle, energy_kwh: float | None = None, mass_kg: float | None = None
) -> Pack:
    """Return the pack of an energy or a mass; of what is usual for such a vehicle where neither is given."""
    if energy_kwh is None and mass_kg is None:
        energy_kwh = USUAL_KWH[vehicle.kind]
    return pack_of(cell, energy_kwh=energy_kwh, mass_kg=mass_kg)


class ColdMap(msgspec.Struct, frozen=True, eq=False):
    """
    Cells (C) in vehicles (V) at temperatures (T): km, kWh/100 km, and what of a pack the cold keeps.

    All three are of shape (C, V, T).
    """

    temperatures_c: Numbers
    km: Numbers
    unusable_share: Numbers
    kwh_per_100km: Numbers


def cold_map(
    cells: Sequence[CellType],
    vehicles: Sequence[Vehicle],
    cycle: Cycle,
    temperatures_c: Sequence[float] | Numbers,
    *,
    energy_kwh: float | Sequence[float] = 80.0,
    procedure: Procedure | None = None,
) -> ColdMap:
    """
    Return the range of each cell in each vehicle at each temperature, without chance: the middle.

    `energy_kwh` is gross, for all or by vehicle. Raises UsageError as `estimate` does.
    """
    procedure = procedure or Procedure()
    temperatures = np.asarray(temperatures_c, float)
    for one in temperatures:
        _check(float(one), None, 1, procedure)
    energies = np.broadcast_to(energy_kwh, len(vehicles))
    shape = len(cells), len(vehicles), len(temperatures)
    km, share, used = np.empty(shape), np.empty(shape), np.empty(shape)
    for column, vehicle in enumerate(vehicles):
        for row, cell in enumerate(cells):
            pack = pack_of(cell, energy_kwh=float(energies[column]))
            rows = _rows(vehicle, pack, temperatures, None, 1, None, procedure, FACTORS)
            told = reach(cycle, rows, cell, pack.energy_kwh, pack.usable_fraction_window, procedure)
            km[row, column], share[row, column] = told.km, told.unusable_share
            used[row, column] = told.kwh_per_100km
    return ColdMap(temperatures, km, share, used)


def _rows(
    vehicle: Vehicle,
    pack: Pack,
    temperatures_c: Numbers,
    mass_kg: float | None,
    draws: int,
    rng: np.random.Generator | None,
    procedure: Procedure,
    factors: Mapping[str, Factor],
) -> Rows:
    """Return a vehicle's rows: draws at one temperature, or its middle at several."""
    count = max(draws, len(temperatures_c))

    def vary(value: float, spread: float) -> Numbers:
        return value * (1 + spread * _deviations(rng, count) / NINE_OF_TEN)

    def own(name: str) -> Numbers:
        return vary(getattr(vehicle, name), vehicle.spread.get(name, 0.0))

    def factor(name: str) -> Numbers:
        return vary(factors[name].value, factors[name].spread)

    outside = np.broadcast_to(temperatures_c, count)
    warmth = np.clip(factor("pack_warmth"), 0, 1)
    cells_c = outside + warmth * np.maximum(WARM_PACK_C - outside, 0)
    pack_kg = drawn(pack.mass_kg, _deviations(rng, count))
    tare_kg = own("tare_kg")
    load_kg = LOAD_KG[vehicle.kind] if procedure.load_kg is None else procedure.load_kg
    if mass_kg is not None:
        moving = np.full(count, mass_kg)
    elif vehicle.most_kg is not None and procedure.load_kg is None:
        moving = np.full(count, vehicle.most_kg)
    else:
        moving = tare_kg + pack_kg + load_kg
    takes = (cells_c - CHARGES_LEAST_C) / (CHARGES_FULLY_C - CHARGES_LEAST_C)
    takes = np.clip(CHARGES_LEAST + (1 - CHARGES_LEAST) * takes, CHARGES_LEAST, 1)
    cold = np.where(outside < vehicle.comfort_low_c, factor("cabin_cold"), 1.0)
    comfort = cold * vary(1.0, vehicle.spread.get("cabin_kw_per_k", 0.0)) * float(procedure.cabin)
    missing_k = np.maximum(vehicle.comfort_low_c - outside, 0)
    warm_up_j = own("cabin_kj_per_k") * 1e3 * missing_k / heat_from_power(vehicle.heat_pump, outside)
    road = factor(f"road_{vehicle.kind}")
    return Rows(
        mass_kg=moving,
        drag_area_m2=own("drag_area_m2") * road,
        rolling=own("crr") / vehicle.crr * rolling(vehicle, outside) * road,
        turning=vehicle.turning,
        drive_efficiency=np.clip(own("drive_efficiency"), 0.5, 1),
        regeneration_efficiency=vehicle.regeneration_efficiency,
        regeneration_w=vehicle.regeneration_kw * 1e3 * takes,
        auxiliary_w=own("auxiliary_kw") * 1e3,
        cabin_w=comfort * cabin(vehicle, outside) * 1e3,
        warm_up_j=warm_up_j * float(procedure.cabin and not procedure.preheated),
        temperature_c=outside,
        cells_c=cells_c,
    )


def _deviations(rng: np.random.Generator | None, count: int) -> Numbers:
    """Return standard deviations from the middle, the first 0; all 0 without chance."""
    if rng is None:
        return np.zeros(count)
    found = np.clip(rng.standard_normal(count), -2.33, 2.33)
    found[0] = 0
    return found


def _between(values: Numbers) -> Between:
    low, high = np.quantile(values, (0.05, 0.95))
    middle = float(values[0])
    return Between(min(float(low), middle), middle, max(float(high), middle))


def _check(temperature_c: float, mass_kg: float | None, draws: int, procedure: Procedure) -> None:
    if not COLDEST_C <= temperature_c <= WARMEST_C:
        raise UsageError(
            "range.temperature",
            f"There is no estimate at {temperature_c:g} °C.",
            f"Ask for a temperature from {COLDEST_C:g} to {WARMEST_C:g} °C.",
        )
    for kg, least in ((mass_kg, LEAST_KG), (procedure.load_kg, 0.0)):
        if kg is not None and not least <= kg <= MOST_KG:
            raise UsageError(
                "range.mass",
                f"That is no mass of a vehicle: {kg:g} kg.",
                f"Give from {least:,.0f} to {MOST_KG:,.0f} kg.",
            )
    for value, most, name in (
        (procedure.headwind_m_s, MOST_WIND_M_S, "a wind of {:g} m/s"),
        (procedure.altitude_m, MOST_ALTITUDE_M, "an altitude of {:g} m"),
    ):
        if not abs(value) <= most:
            raise UsageError(
                "range.air", f"There is no estimate for {name.format(value)}.", f"Stay within {most:g}."
            )
    if not 1 <= draws <= MOST_DRAWS:
        raise UsageError(
            "range.draws", f"{draws:,} draws are not played.", f"Ask for 1 to {MOST_DRAWS:,} draws."
        )


def read_factors(text: str) -> dict[str, Factor]:
    """Return the factors of a text like `calibration.csv`."""
    rows = csv.DictReader(text.splitlines())
    return {row["factor"]: msgspec.convert(row, Factor, strict=False) for row in rows}


FACTORS: Final = read_factors(files(__package__).joinpath("calibration.csv").read_text("utf-8"))
