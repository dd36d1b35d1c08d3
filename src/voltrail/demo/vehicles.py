"""
Invented vehicles as they drive and charge, in numbers: pure, from a seed, and true to themselves.

Everything is a function of the moment that can be written down: current and speed are sums of waves, the
charge is their integral. So a vehicle asked every second and one asked every minute tell of the same drive,
and what a pack can really hold, and its weakest cell, are known to whoever tests what is reckoned from it.

A day begins at 6:00 in China and has three slots: a drive in the morning, one in the evening, and a charge at
night when the pack is low. Curves, climates and habits are invented: none is a fact about any battery.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.demo.dossier import rated_ah
from voltrail.demo.market import Design

Array = NDArray[Any]

DAY_S: Final = 86_400
YEAR_S: Final = 31_556_952.0
PROBES: Final = 16
_DAY_BEGINS_S: Final = -2 * 3_600  # 6:00 in China, from midnight UTC
_SLOTS_S: Final = (0, 7 * 3_600, 14 * 3_600)  # where the drives and the charge of a day begin
_NO_DRIVE_BELOW: Final = 0.15
_DRIVEN_H: Final = 1.6  # of a day
_TAPER: Final = 0.08  # the last of a charge, over which the current falls to a tenth
_LAST_CURRENT: Final = 0.1

# Waves of the current and of the speed while driving: periods in seconds, sizes as shares of the mean.
_PERIODS_S: Final = np.array([37.0, 97.0, 251.0, 613.0])
_OMEGA: Final = 2 * np.pi / _PERIODS_S
_SURGES: Final = np.array([0.5, 0.7, 0.4, 0.3])
_PACE: Final = 0.4

DRIVE, CHARGE = 1, 2


class _Chemistry(NamedTuple):
    cells: int  # in series
    ocv_v: tuple[float, ...]  # of one cell at rest, at _SOCS


_SOCS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0)
_CHEMISTRIES: Final = {
    "LFP": _Chemistry(104, (2.70, 3.10, 3.20, 3.25, 3.285, 3.295, 3.30, 3.31, 3.33, 3.335, 3.34, 3.36, 3.45)),
    "NCM": _Chemistry(96, (3.00, 3.35, 3.45, 3.55, 3.61, 3.65, 3.70, 3.79, 3.88, 3.98, 4.08, 4.16, 4.20)),
    "NIB": _Chemistry(100, (1.80, 2.20, 2.45, 2.70, 2.85, 2.97, 3.07, 3.17, 3.28, 3.40, 3.55, 3.73, 3.85)),
}
_STEPS: Final = 4_000  # of a curve, so that a cell's voltage is looked up
_CURVES: Final = {
    name: np.interp(np.linspace(0, 1, _STEPS + 1), _SOCS, one.ocv_v).astype(np.float32) * 1_000
    for name, one in _CHEMISTRIES.items()
}
_OHM_AH: Final = 0.1  # a cell's resistance, times its capacity

# Mean temperature of a year and how far summer is above it, °C; longitude and latitude.
_CLIMATES: Final = {
    "11": (12.0, 16.0, 116.4, 39.9),
    "13": (13.0, 15.0, 114.5, 38.0),
    "31": (17.0, 12.0, 121.5, 31.2),
    "32": (16.0, 13.0, 118.8, 32.1),
    "33": (17.0, 12.0, 120.2, 30.3),
    "34": (16.0, 13.0, 117.2, 31.8),
    "35": (20.0, 9.0, 119.3, 26.1),
    "37": (14.0, 14.0, 117.0, 36.7),
    "41": (15.0, 14.0, 113.6, 34.7),
    "42": (17.0, 13.0, 114.3, 30.6),
    "43": (18.0, 12.0, 112.9, 28.2),
    "44": (22.0, 8.0, 113.3, 23.1),
    "45": (22.0, 8.0, 108.3, 22.8),
    "50": (18.0, 11.0, 106.5, 29.6),
    "51": (16.0, 10.0, 104.1, 30.7),
    "61": (14.0, 14.0, 108.9, 34.3),
    "21": (8.0, 18.0, 123.4, 41.8),
}
PROVINCES: Final = tuple(_CLIMATES)
_HOTTEST_DAY: Final = 200


class Alarm(msgspec.Struct, frozen=True):
    """An alarm from a moment on, for some seconds; `flags` are the bits of the general alarms."""

    at_s: int
    seconds: int
    level: int
    flags: int


class Vehicle(msgspec.Struct, frozen=True):
    """
    One vehicle at the beginning of what is told of it.

    `soh` is what its pack can hold then, as a share of what it could when it was new; it loses
    `fade_per_year` of the new capacity in a year. Its cells differ by `spread`, the standard deviation of
    their capacities; the weak one, numbered from 1 (0: none), has `weak_by` less.
    """

    vin: str
    codes: tuple[str, ...] = ()
    province: str = "44"
    soh: float = 1.0
    fade_per_year: float = 0.025
    odometer_km: float = 0.0
    spread: float = 0.003
    weak_cell: int = 0
    weak_by: float = 0.0
    alarm: Alarm | None = None


class Telemetry(NamedTuple):
    """Rows of what vehicles measure, in their units; cells and probes have a column each."""

    vehicle: Array  # the number of the vehicle in its fleet
    at_s: Array  # seconds since 1970
    is_on: Array
    charging_status: Array  # 1 parked charging, 3 not charging, 4 charge complete
    speed_kmh: Array
    odometer_km: Array
    voltage_v: Array
    current_a: Array  # positive while discharging
    soc: Array  # the true share of what the pack can hold
    insulation_kohm: Array
    longitude_deg: Array
    latitude_deg: Array
    alarm_level: Array
    alarm_flags: Array
    cell_mv: Array
    probe_c: Array


class _Plan(NamedTuple):
    """What each vehicle does in each slot of each day: arrays of vehicles, days, slots."""

    kind: Array
    begins_s: Array
    lasts_s: Array
    current_a: Array  # mean of a drive; of a charge while it is constant, as a positive number
    constant_s: Array  # of a charge
    fall_s: Array  # of the current after that, exponential
    speed_kmh: Array
    phases: Array  # of the waves, in the last dimension
    soc: Array  # at the beginning
    odometer_km: Array


class Fleet:
    """
    Vehicles with packs of one design over some days; `since_s` is the day's midnight UTC, seconds since 1970.

    A vehicle tells the same whatever others are beside it: what it does follows from the seed and its VIN.
    It charges when it is low, or every so many nights: the last of each `nights`.
    """

    def __init__(
        self,
        design: Design,
        vehicles: Sequence[Vehicle],
        since_s: int,
        days: int,
        seed: int,
        nights: int | None = None,
    ) -> None:
        self.design = design
        self.vehicles = tuple(vehicles)
        self.since_s = since_s
        self.days = days
        self.rated_ah = rated_ah(design)
        self._curve = _CURVES[design.chemistry]
        self.cells = _CHEMISTRIES[design.chemistry].cells
        self._soh = np.array([one.soh for one in vehicles])
        self._fade = np.array([one.fade_per_year for one in vehicles])
        self._climate = np.array([_CLIMATES.get(one.province, _CLIMATES["44"]) for one in vehicles])
        number = len(self.vehicles)
        self._ratio = np.empty((number, self.cells), np.float32)
        self._ohm = np.empty((number, self.cells), np.float32)
        self._warmer = np.empty((number, PROBES), np.float32)
        drawn = np.empty((number, days, len(_SLOTS_S), 3 + len(_PERIODS_S)))
        self._habits = np.empty((number, 4))
        for index, one in enumerate(self.vehicles):
            dice = np.random.default_rng([seed, zlib.crc32(one.vin.encode())])
            self._habits[index] = dice.random(4)
            capacity = 1 + one.spread * dice.standard_normal(self.cells).clip(-2.5, 2.5)
            ohm = _OHM_AH / self.rated_ah * (1 + 0.05 * dice.standard_normal(self.cells).clip(-3, 3))
            if one.weak_cell:
                capacity[one.weak_cell - 1] = capacity.min() * (1 - one.weak_by)
                ohm[one.weak_cell - 1] *= 1 + 2 * one.weak_by
            self._ratio[index] = capacity.min() / capacity
            self._ohm[index] = ohm
            self._warmer[index] = dice.uniform(-1, 1, PROBES)
            drawn[index] = dice.random(drawn.shape[1:])
        self._plan = self._planned(drawn, nights)

    # ------------------------------------------------------------- the truth

    def capacity_ah(self, at_s: Array, vehicle: Array | int) -> Array:
        """Return what packs can really hold at some moments."""
        return self.rated_ah * self._health(np.asarray(at_s), vehicle)

    def weakest_cell(self, vehicle: int) -> int:
        """Return the cell that is empty first, from 1."""
        return int(self._ratio[vehicle].argmax()) + 1

    def _health(self, at_s: Array, vehicle: Array | int) -> Array:
        return np.asarray(self._soh[vehicle] - self._fade[vehicle] * (at_s - self.since_s) / YEAR_S)

    # --------------------------------------------------------------- moments

    def spans(self, vehicle: int) -> list[tuple[int, int, int]]:
        """Return what a vehicle does, one after another: DRIVE or CHARGE, and from when to when."""
        kind, begins, lasts = (self._plan[field][vehicle].ravel() for field in range(3))
        return [
            (int(what), int(begin), int(begin + last))
            for what, begin, last in zip(kind, begins, lasts, strict=True)
            if what
        ]

    def day_of(self, at_s: Array) -> Array:
        """Return the day, from 0, to which moments belong: a night belongs to the day before it."""
        return ((np.asarray(at_s) - self.since_s - _DAY_BEGINS_S) // DAY_S).astype(np.int64)

    def moments(self, period_s: int, begin_s: int, end_s: int) -> tuple[Array, Array]:
        """
        Return which vehicle reports when: by a period while it drives or charges, and at the end of that.

        Around an alarm it reports every second, from 30 before it to 30 after.
        """
        who, _, _ = np.nonzero(self._plan.kind)
        is_any = self._plan.kind > 0
        begins, lasts = self._plan.begins_s[is_any], self._plan.lasts_s[is_any]
        counts = np.ceil(lasts / period_s).astype(np.int64) + 1
        step = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        at = np.repeat(begins, counts) + np.minimum(step * period_s, np.repeat(lasts, counts))
        vehicle = np.repeat(who, counts)
        for index, one in enumerate(self.vehicles):
            if one.alarm is not None:
                dense = np.arange(one.alarm.at_s - 30, one.alarm.at_s + one.alarm.seconds + 30)
                at = np.concatenate([at, dense])
                vehicle = np.concatenate([vehicle, np.full(len(dense), index)])
        within = (at >= begin_s) & (at < end_s)
        rows = np.unique(np.stack([at[within].astype(np.int64), vehicle[within]], axis=1), axis=0)
        return rows[:, 1], rows[:, 0]

    def underway(self, after_s: float) -> Array:
        """
        Return a moment of each vehicle at which it drives or charges: so long after one that is its own.

        Whoever asks again a second later gets a moment one second on; what lies between drives is left out.
        """
        lasts = self._plan.lasts_s.reshape(len(self.vehicles), -1)
        sums = lasts.cumsum(axis=1)
        passed = (self._habits[:, 0] * sums[:, -1] + after_s) % sums[:, -1]
        slot = (sums <= passed[:, None]).sum(axis=1)
        rows = np.arange(len(self.vehicles))
        begins = self._plan.begins_s.reshape(lasts.shape)[rows, slot]
        return np.asarray(begins + passed - (sums[rows, slot] - lasts[rows, slot]))

    def at(self, vehicle: Array, at_s: Array) -> Telemetry:
        """Return what vehicles, by their numbers, measure at moments of their days: one row for each pair."""
        day = np.clip(self.day_of(at_s), 0, self.days - 1)
        into_s = np.asarray(at_s) - self.since_s - _DAY_BEGINS_S - day * DAY_S
        slot = np.searchsorted(_SLOTS_S, into_s, side="right") - 1
        plan = _Plan(*(field[vehicle, day, np.maximum(slot, 0)] for field in self._plan))
        passed = np.clip(at_s - plan.begins_s, 0, plan.lasts_s)
        busy = (plan.kind > 0) & (at_s >= plan.begins_s) & (passed < plan.lasts_s)
        current = np.where(busy, _current(plan, passed), 0.0)
        capacity = self.capacity_ah(at_s, vehicle)
        soc = np.clip(plan.soc - _charge_as(plan, passed) / 3_600 / capacity, 0, 1)
        driving = busy & (plan.kind == DRIVE)
        speed = np.where(driving, plan.speed_kmh * (1 + _PACE * _wave(plan, passed)), 0.0)
        odometer = plan.odometer_km + np.where(plan.kind == DRIVE, _way_km(plan, passed), 0.0)
        outside = self._outside_c(vehicle, at_s)
        loaded = np.abs(current) / self.rated_ah
        inside = 0.7 * outside + 6.5 + 9 * loaded + 3 * (1 - np.exp(-passed / 1_800)) * (plan.kind > 0)
        probes = np.rint(inside[:, None] + self._warmer[vehicle]).astype(np.int16)
        cells = self._cells_mv(vehicle, soc, current, inside, capacity)
        done = (plan.kind == CHARGE) & (at_s >= plan.begins_s + plan.lasts_s)
        level, flags = self._alarms(vehicle, at_s, soc)
        _, _, longitude, latitude = self._climate[vehicle].T
        return Telemetry(
            vehicle=vehicle,
            at_s=np.asarray(at_s),
            is_on=driving,
            charging_status=np.where(done, 4, np.where(busy & ~driving, 1, 3)).astype(np.uint8),
            speed_kmh=speed,
            odometer_km=odometer,
            voltage_v=cells.sum(axis=1, dtype=np.float64) / 1_000,
            current_a=current,
            soc=soc,
            insulation_kohm=np.where(flags & (1 << 11), 80, 2_400 + 40 * (vehicle % 50)),
            longitude_deg=longitude + 0.1 * np.sin(odometer / 13),
            latitude_deg=latitude + 0.1 * np.cos(odometer / 17),
            alarm_level=level,
            alarm_flags=flags,
            cell_mv=cells,
            probe_c=probes,
        )

    # ---------------------------------------------------------------- inside

    def _planned(self, drawn: Array, nights: int | None) -> _Plan:
        """Plan every slot: each day follows from the charge that the day before left."""
        number, days, slots, _ = drawn.shape
        shape = (number, days, slots)
        plan = _Plan(
            kind=np.zeros(shape, np.int8),
            begins_s=np.zeros(shape, np.int64),
            lasts_s=np.zeros(shape, np.int64),
            current_a=np.zeros(shape),
            constant_s=np.zeros(shape),
            fall_s=np.ones(shape),
            speed_kmh=np.zeros(shape),
            phases=2 * np.pi * drawn[..., 3:],
            soc=np.zeros(shape),
            odometer_km=np.zeros(shape),
        )
        vehicles = np.arange(number)
        soc = 0.5 + 0.45 * self._habits[:, 1]
        odometer = np.array([one.odometer_km for one in self.vehicles])
        kwh_per_km = 1.2 if self.design.name == "TRUCK" else 0.15
        km_per_ah = self.design.energy_kwh.value / self.rated_ah / kwh_per_km
        mean_c = 0.07 + 0.08 * self._habits[:, 2]
        least = _NO_DRIVE_BELOW + 0.15
        if nights is not None:  # some 80 % of a charge until the next
            least = _NO_DRIVE_BELOW + 0.07
            mean_c = (0.74 + 0.1 * self._habits[:, 2]) / (_DRIVEN_H * nights)
        charge_c = 0.15 + 0.08 * self._habits[:, 3]
        for day in range(days):
            midnight = self.since_s + _DAY_BEGINS_S + day * DAY_S
            for slot, begins in enumerate(_SLOTS_S):
                at = (vehicles, day, slot)
                first, second, third = drawn[:, day, slot, :3].T
                plan.begins_s[at] = midnight + begins + np.rint(900 + first * 5_400)
                plan.soc[at], plan.odometer_km[at] = soc, odometer
                capacity = self.capacity_ah(plan.begins_s[at], vehicles)
                if slot < 2:
                    goes = soc > least
                    plan.kind[at] = np.where(goes, DRIVE, 0)
                    plan.lasts_s[at] = np.where(goes, np.rint(1_500 + second * 2_700), 0)
                    plan.current_a[at] = self.rated_ah * mean_c * (0.7 + 0.6 * third)
                    plan.speed_kmh[at] = plan.current_a[at] * km_per_ah
                else:
                    target = 0.92 + 0.08 * third
                    goes = soc < 0.3 + 0.15 * second if nights is None else soc < target - 2 * _TAPER
                    goes = goes & (nights is None or day % nights == nights - 1)
                    plan.kind[at] = np.where(goes, CHARGE, 0)
                    plan.current_a[at] = self.rated_ah * charge_c
                    seconds = 3_600 * capacity / plan.current_a[at]
                    plan.constant_s[at] = (target - _TAPER - soc) * seconds
                    plan.fall_s[at] = _TAPER * seconds / (1 - _LAST_CURRENT)
                    whole = plan.constant_s[at] - plan.fall_s[at] * np.log(_LAST_CURRENT)
                    plan.lasts_s[at] = np.where(goes, np.rint(whole), 0)
                planned = _Plan(*(field[at] for field in plan))
                lasts = plan.lasts_s[at].astype(np.float64)
                soc = np.clip(soc - _charge_as(planned, lasts) / 3_600 / capacity, 0, 1)
                odometer = odometer + np.where(planned.kind == DRIVE, _way_km(planned, lasts), 0.0)
        return plan

    def _cells_mv(self, vehicle: Array, soc: Array, current: Array, inside: Array, capacity: Array) -> Array:
        """Return cell voltages: all are full together, and the one with the least capacity is empty first."""
        left = ((1 - soc) * _STEPS).astype(np.float32)
        steps = _STEPS + 0.5 - left[:, None] * self._ratio[vehicle]
        held = self._curve[steps.astype(np.int32)]
        stiff = (1 + 0.02 * np.maximum(25 - inside, 0)) * (1 + 2 * (1 - capacity / self.rated_ah))
        held -= (1_000 * current * stiff).astype(np.float32)[:, None] * self._ohm[vehicle]
        return np.rint(held).astype(np.uint16)

    def _outside_c(self, vehicle: Array, at_s: Array) -> Array:
        mean, more, _, _ = self._climate[vehicle].T
        year = 2 * np.pi * (at_s / YEAR_S - _HOTTEST_DAY / 365.25)
        hour = 2 * np.pi * ((at_s + 8 * 3_600) % DAY_S / DAY_S - 15 / 24)
        return np.asarray(mean + more * np.cos(year) + 4 * np.cos(hour))

    def _alarms(self, vehicle: Array, at_s: Array, soc: Array) -> tuple[Array, Array]:
        """Return levels and flags: a low charge is one of level 1, all others are those told of a vehicle."""
        low = soc < _NO_DRIVE_BELOW
        level, flags = low.astype(np.uint8), np.where(low, 1 << 4, 0).astype(np.uint32)
        for index, one in enumerate(self.vehicles):
            if one.alarm is not None:
                on = (vehicle == index) & (at_s >= one.alarm.at_s)
                on &= at_s < one.alarm.at_s + one.alarm.seconds
                level[on] = one.alarm.level
                flags[on] |= np.uint32(one.alarm.flags)
        return level, flags


def _wave(plan: _Plan, passed: Array) -> Array:
    """Return the slowest wave: how the pace changes."""
    return np.asarray(np.sin(_OMEGA[-1] * passed + plan.phases[..., -1]))


def _way_km(plan: _Plan, passed: Array) -> Array:
    """Return the way of a drive: the integral of its speed."""
    swing = np.cos(plan.phases[..., -1]) - np.cos(_OMEGA[-1] * passed + plan.phases[..., -1])
    return np.asarray(plan.speed_kmh * (passed + _PACE * swing / _OMEGA[-1]) / 3_600)


def _current(plan: _Plan, passed: Array) -> Array:
    """Return the current of a slot, A, positive while discharging."""
    waves = np.sin(passed[..., None] * _OMEGA + plan.phases) @ _SURGES
    late = np.maximum(passed - plan.constant_s, 0)
    return np.asarray(plan.current_a * np.where(plan.kind == DRIVE, 1 + waves, -np.exp(-late / plan.fall_s)))


def _charge_as(plan: _Plan, passed: Array) -> Array:
    """Return what a slot has taken out so far, A s: the integral of its current."""
    swings = np.cos(plan.phases) - np.cos(passed[..., None] * _OMEGA + plan.phases)
    driven = passed + swings @ (_SURGES / _OMEGA)
    late = np.maximum(passed - plan.constant_s, 0)
    charged = np.minimum(passed, plan.constant_s) + plan.fall_s * (1 - np.exp(-late / plan.fall_s))
    return np.asarray(
        plan.current_a * np.where(plan.kind == DRIVE, driven, np.where(plan.kind == CHARGE, -charged, 0))
    )
