"""
The energy that a road vehicle takes from its battery, and where it goes: road load over legs or a trace.

    >>> truck = VEHICLES["tractor-40t"]
    >>> legs = Legs(distance_m=np.array([1000.0]), speed_m_s=np.array([80 / 3.6]), climb_m=np.array([0.0]))
    >>> round(float(energy(truck, 40_000, legs).total_kwh[0]), 2)
    1.13

At the wheels: air, rho/2 CdA (v + wind)^2; tyres, crr m g cos(slope), with crr by temperature as UN R117
(annex 6, 4.2) corrects it; climbing, m g h; speeding up, with the inertia of what turns. What the wheels take
goes through the drive's efficiency; what they give back, within its limit, through that of regeneration. To
that come auxiliaries, and heat or cold for the cabin by what is outside. The air is dry, its pressure that of
the standard atmosphere at the altitude (ISO 2533).

`vehicles.csv` has each parameter in a row of its own, with its source and how sure it is; `bodies.csv` says
what each vehicle is and which other it is like, whose rows hold where it has none of its own. Not looked at
here: the battery's own losses, a charge so full or a cell so cold that it takes nothing back. `range` does.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

GRAVITY_M_S2: Final = 9.80665
GAS_J_KG_K: Final = 287.05
ZERO_C_K: Final = 273.15
TYRES_TESTED_C: Final = 25.0  # at which UN R117 states rolling resistance
CABIN_AIR_C: Final = 45.0  # of the air that a heat pump blows into a cold cabin
CARNOT: Final = 0.35  # what a heat pump of a vehicle reaches of the ideal one; an assumption
SPREADS: Final = {"assumption": 0.10, "recalled": 0.03, "derived": 0.03, "read": 0.02}
"""By which share of itself a parameter may be off where its row does not say, by its standing."""
BRAKES_M_S2: Final = 0.7  # how a driver slows down for a stop; an assumption
JOULES: Final = 3.6e6  # in a kWh

Numbers = NDArray[np.float64]


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """
    What moves and slows a vehicle; kg, m2, kW, degrees Celsius.

    `tare_kg` is with the trailer, without batteries that are swapped; `most_kg` what all may weigh, None
    where nobody limits it here. `crr` is at 25 °C and falls by `crr_per_k` of itself with each degree more.
    `turning` is how much heavier it is to speed up for what turns in it. `regeneration_kw` bounds what the
    wheels give back. `cabin_kw_per_k` is what heat takes for each degree below `comfort_low_c`, and cold, by
    `cooling_kw_per_k`, above `comfort_high_c`. `heat_pump` is the share of heat that comes by one, and
    `cabin_kj_per_k` what a cold cabin takes once to be warm. `spread` says of a parameter by which share of
    itself it may be off, nine times in ten.
    """

    id: str
    name: str
    kind: Literal["car", "truck"]
    tare_kg: float
    most_kg: float | None
    drag_area_m2: float
    crr: float
    crr_per_k: float
    turning: float
    drive_efficiency: float
    regeneration_efficiency: float
    regeneration_kw: float
    auxiliary_kw: float
    cabin_kw_per_k: float
    cooling_kw_per_k: float
    comfort_low_c: float
    comfort_high_c: float
    heat_pump: float = 0.0
    cabin_kj_per_k: float = 0.0
    spread: dict[str, float] = {}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `vehicles.csv`: where a number comes from and how sure it is."""

    vehicle: str
    parameter: str
    value: float | None
    unit: str
    standing: str
    source: str
    spread: float | None = None


class Air(msgspec.Struct, frozen=True):
    """The air on the way: its temperature, how high, and the wind from ahead; each a number or one a leg."""

    temperature_c: float | Numbers = 20.0
    altitude_m: float | Numbers = 0.0
    headwind_m_s: float | Numbers = 0.0


class Legs(msgspec.Struct, frozen=True):
    """
    Parts of a way, arrays of one length: metres, m/s (more than 0), and by how many metres each climbs.

    `gain_m2_s2` is by how much the square of the speed is greater at its end than at its beginning; `stops`
    how often one stops on it and goes on.
    """

    distance_m: Numbers
    speed_m_s: Numbers
    climb_m: Numbers
    gain_m2_s2: float | Numbers = 0.0
    stops: float | Numbers = 0.0


class Energy(msgspec.Struct, frozen=True):
    """
    kWh from the battery for each leg, and where it goes; the parts add up to the total.

    `air`, `tyres`, `climb` and `speed` are at the wheels: what a hill or a higher speed took comes back with
    the opposite sign. `drive` is what is lost between battery and wheels, in both directions, `brakes` what
    the friction brakes turn to heat.
    """

    air_kwh: Numbers
    tyres_kwh: Numbers
    climb_kwh: Numbers
    speed_kwh: Numbers
    drive_kwh: Numbers
    brakes_kwh: Numbers
    auxiliary_kwh: Numbers
    cabin_kwh: Numbers

    @property
    def total_kwh(self) -> Numbers:
        """All of it; less than 0 where more comes back than is taken."""
        parts: Numbers = sum(getattr(self, name) for name in self.__struct_fields__)
        return parts


def air_density(temperature_c: float | Numbers, altitude_m: float | Numbers) -> Any:
    """Return kg/m3 of dry air at the pressure of the standard atmosphere (ISO 2533), up to 11 km."""
    pressure_pa = 101_325.0 * (1 - 2.25577e-5 * np.asarray(altitude_m)) ** 5.25588
    return pressure_pa / (GAS_J_KG_K * (np.asarray(temperature_c) + ZERO_C_K))


def rolling(vehicle: Vehicle, temperature_c: float | Numbers) -> Any:
    """
    Return the coefficient of rolling resistance in air of a temperature.

    UN R117 gives the correction for 20 to 30 °C; beyond that it is carried on, from -40 to 50 °C.
    """
    beyond = np.clip(temperature_c, -40, 50) - TYRES_TESTED_C
    return vehicle.crr / (1 + vehicle.crr_per_k * beyond)


def heat_from_power(heat_pump: float | Numbers, temperature_c: float | Numbers) -> Any:
    """Return the heat for each kW of power: of a share by a heat pump, of the rest by resistance."""
    outside_k = np.asarray(temperature_c) + ZERO_C_K
    lift_k = np.maximum(CABIN_AIR_C + ZERO_C_K - outside_k, 1.0)
    pumped = np.maximum(CARNOT * (CABIN_AIR_C + ZERO_C_K) / lift_k, 1.0)
    return 1 / (np.asarray(heat_pump) / pumped + (1 - np.asarray(heat_pump)))


def cabin(vehicle: Vehicle, temperature_c: float | Numbers) -> Any:
    """Return the kW that keep a cabin warm or cool."""
    outside_c = np.asarray(temperature_c)
    heat_kw = vehicle.cabin_kw_per_k * np.maximum(vehicle.comfort_low_c - outside_c, 0)
    cold_kw = vehicle.cooling_kw_per_k * np.maximum(outside_c - vehicle.comfort_high_c, 0)
    return heat_kw / heat_from_power(vehicle.heat_pump, outside_c) + cold_kw


def energy(vehicle: Vehicle, mass_kg: float, legs: Legs, air: Air | None = None) -> Energy:
    """
    Return the energy for legs; `mass_kg` is of all that moves: vehicle, trailer, batteries, load.

    Each leg is driven at one speed, its forces the same all along it. For a speed trace see `trace_legs`.
    """
    air = air or Air()
    d, v = legs.distance_m, legs.speed_m_s
    slope = np.clip(legs.climb_m / np.maximum(d, 1e-9), -1, 1)
    into = v + np.asarray(air.headwind_m_s)
    density = air_density(air.temperature_c, air.altitude_m)
    drag_j = 0.5 * density * vehicle.drag_area_m2 * into * np.abs(into) * d
    tyres_j = rolling(vehicle, air.temperature_c) * mass_kg * GRAVITY_M_S2 * np.sqrt(1 - slope * slope) * d
    climb_j = mass_kg * GRAVITY_M_S2 * legs.climb_m
    speed_j = 0.5 * mass_kg * vehicle.turning * np.asarray(legs.gain_m2_s2) + np.zeros_like(d)
    wheels_j = drag_j + tyres_j + climb_j + speed_j
    taken_j, given_j = np.maximum(wheels_j, 0), np.maximum(-wheels_j, 0)
    time_s = d / v
    kept_j = np.minimum(given_j, vehicle.regeneration_kw * 1e3 * time_s)
    stop_j = 0.5 * mass_kg * vehicle.turning * v * v * np.asarray(legs.stops)
    kept_stop_j = stop_j * _kept_of_stop(vehicle, mass_kg, v)
    taken_j, kept_j = taken_j + stop_j, kept_j + kept_stop_j
    lost_j = taken_j * (1 / vehicle.drive_efficiency - 1) + kept_j * (1 - vehicle.regeneration_efficiency)
    return Energy(
        air_kwh=drag_j / JOULES,
        tyres_kwh=tyres_j / JOULES,
        climb_kwh=climb_j / JOULES,
        speed_kwh=speed_j / JOULES,
        drive_kwh=lost_j / JOULES,
        brakes_kwh=(given_j + stop_j - kept_j) / JOULES,
        auxiliary_kwh=vehicle.auxiliary_kw * time_s / 3600,
        cabin_kwh=cabin(vehicle, air.temperature_c) * time_s / 3600,
    )


def _kept_of_stop(vehicle: Vehicle, mass_kg: float, speed_m_s: Numbers) -> Numbers:
    """
    Return the share of a stop's energy that the wheels can give back, slowing down evenly.

    The power falls with the speed: from that at which it is within the limit on, all of it is kept.
    """
    within = vehicle.regeneration_kw * 1e3 / np.maximum(mass_kg * BRAKES_M_S2 * speed_m_s, 1e-9)
    within = np.minimum(within, 1)
    return within * (2 - within)


def trace_legs(time_s: Numbers, speed_m_s: Numbers, climb_m: float | Numbers = 0.0) -> Legs:
    """
    Return the legs of a speed trace: from each moment to the next, at the speed between both.

    While the vehicle stands, a leg has a distance of 0 and lasts all the same: auxiliaries go on. `climb_m`
    is of each leg.
    """
    step_s = np.diff(time_s)
    # A standing vehicle has so small a speed that its time, distance by speed, is that of the step.
    mean = np.maximum((speed_m_s[1:] + speed_m_s[:-1]) / 2, 1e-6)
    return Legs(
        distance_m=mean * step_s,
        speed_m_s=mean,
        climb_m=climb_m + np.zeros_like(mean),
        gain_m2_s2=np.diff(speed_m_s**2),
    )


def _rows(name: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(files(__package__).joinpath(name).read_text("utf-8").splitlines()))


def _read() -> tuple[dict[str, Vehicle], tuple[Parameter, ...]]:
    own: dict[str, dict[str, Parameter]] = {}
    for row in _rows("vehicles.csv"):
        told = {key: value or None for key, value in row.items()}
        parameter = msgspec.convert(told, Parameter, strict=False)
        own.setdefault(parameter.vehicle, {})[parameter.parameter] = parameter
    vehicles = {}
    for body in _rows("bodies.csv"):
        rows = {**own.get(body["like"], {}), **own.get(body["id"], {})}
        named = {"id": body["id"], "name": body["name"], "kind": body["kind"]}
        spread = {
            key: SPREADS[one.standing] if one.spread is None else one.spread for key, one in rows.items()
        }
        values = {key: one.value for key, one in rows.items()}
        vehicles[body["id"]] = msgspec.convert({**named, **values, "spread": spread}, Vehicle)
    return vehicles, tuple(one for each in own.values() for one in each.values())


def parameters(vehicle: str) -> dict[str, Parameter]:
    """Return the rows that hold for a vehicle, its own and those of the one it is like."""
    like = next((one["like"] for one in _rows("bodies.csv") if one["id"] == vehicle), "")
    found = {one.parameter: one for one in PARAMETERS if one.vehicle == like}
    return {**found, **{one.parameter: one for one in PARAMETERS if one.vehicle == vehicle}}


VEHICLES, PARAMETERS = _read()
