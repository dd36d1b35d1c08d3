"""
What a cycler's file holds: charge and energy from sample to sample, and the cycles that these make.

`course_of` turns samples into charge and energy between one and the next (trapezoids), with the current's
sign as here: charging is positive. What cannot be taken is left out of every sum and told by
`cycler_checks.checks`: rows without a number, times that do not rise, gaps under current.

    course = course_of(read(data))
    table = cycles_of(course)

Everything is done by arrays; five million rows take seconds.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import TableError
from voltrail.technology.cycler import Cycling, Numbers

GAP_S: Final = 60.0  # shorter steps are never a gap

_REST: Final = 2e-3  # of the largest current: below it nothing flows
_TURN: Final = 0.05  # of the charge moved in all: smaller turns are no half cycle

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """
    Samples that can be reckoned with, and what went from each to the next (arrays one shorter).

    `row` is where a sample stands in the file, from 0. `sign` is 1 where charging is positive in the file,
    -1 where it is negative; `sure` is False where nothing shows which. `current_a` has charging positive.
    `step_s`, `charge_ah` and `energy_wh` are 0 over gaps, in which `missing_ah` may have flowed.
    """

    row: Places
    time_s: Numbers
    voltage_v: Numbers
    current_a: Numbers
    temperature_c: Numbers | None
    cycle: Numbers | None
    sign: int
    sure: bool
    step_s: Numbers
    charge_ah: Numbers
    energy_wh: Numbers
    gap: Flags
    missing_ah: Numbers
    rest_a: float


class Cycles(msgspec.Struct, frozen=True, kw_only=True):
    """
    Cycles as arrays of one length: Ah, Wh, s, A, V, °C; what was not measured is NaN.

    The temperature is that at which the discharge began; currents are means while one flowed.
    `number` is the cycler's own, or counted from 1 (`counted`): a cycle is then a half in one direction and
    the next in the other, each with its net. `full` are those discharged to the foot of the voltage.
    """

    number: Numbers
    counted: bool
    start_s: Numbers
    duration_s: Numbers
    charge_ah: Numbers
    discharge_ah: Numbers
    charge_wh: Numbers
    discharge_wh: Numbers
    discharge_a: Numbers
    charge_a: Numbers
    low_v: Numbers
    high_v: Numbers
    temperature_c: Numbers
    full: Flags

    @property
    def coulombic(self) -> Numbers:
        """Charge taken out by charge put in; NaN where a cycle is not both."""
        return _efficiency(self.discharge_ah, self.charge_ah)

    @property
    def energetic(self) -> Numbers:
        """Energy taken out by energy put in; NaN where a cycle is not both."""
        both = np.isfinite(self.coulombic)
        return np.where(both, _ratio(self.discharge_wh, self.charge_wh), np.nan)


# ---------------------------------------------------------------------- course


def course_of(cycling: Cycling) -> Course:
    """Return what can be reckoned with of a file. Raises TableError where that is less than two rows."""
    whole = np.isfinite(cycling.time_s) & np.isfinite(cycling.voltage_v) & np.isfinite(cycling.current_a)
    row = np.flatnonzero(whole)
    if len(row) < 2:
        raise TableError(
            "cycler.empty",
            "Fewer than two rows have a number for time, voltage and current.",
            "Choose the file that the cycler exported.",
        )
    time_s, voltage_v, current_a = (
        one[row] for one in (cycling.time_s, cycling.voltage_v, cycling.current_a)
    )
    step_s = np.diff(time_s)
    gap = gaps(step_s, current_a)
    running = (step_s > 0) & ~gap
    used_s = np.where(running, step_s, 0.0)
    mean_a = (current_a[1:] + current_a[:-1]) / 2
    charge_ah = mean_a * used_s / 3600
    sign, sure = _sign(voltage_v, current_a, charge_ah)
    power_w = current_a * voltage_v
    ends_a = np.maximum(np.abs(current_a[1:]), np.abs(current_a[:-1]))
    return Course(
        row=row,
        time_s=time_s,
        voltage_v=voltage_v,
        current_a=sign * current_a,
        temperature_c=_taken(cycling.temperature_c, cycling.ambient_c, row),
        cycle=None if cycling.cycle is None else cycling.cycle[row],
        sign=sign,
        sure=sure,
        step_s=used_s,
        charge_ah=sign * charge_ah,
        energy_wh=sign * (power_w[1:] + power_w[:-1]) / 2 * used_s / 3600,
        gap=gap,
        missing_ah=np.where(gap, ends_a * step_s / 3600, 0.0),
        rest_a=_rest(current_a),
    )


def gaps(step_s: Numbers, current_a: Numbers) -> Flags:
    """
    Return between which samples the cycler did not look for too long while a current flowed.

    Longer than a minute, 20 times the usual step and 5 times that which nine of ten are below.
    """
    rising = step_s[step_s > 0]
    if not len(rising):
        return np.zeros(len(step_s), bool)
    median, ninth = np.percentile(rising, [50, 90])
    flowing = np.maximum(np.abs(current_a[1:]), np.abs(current_a[:-1])) > _rest(current_a)
    found: Flags = (step_s > max(GAP_S, 20 * median, 5 * ninth)) & flowing
    return found


def _rest(current_a: Numbers) -> float:
    return _REST * float(np.max(np.abs(current_a), initial=0.0))


def _sign(voltage_v: Numbers, current_a: Numbers, charge_ah: Numbers) -> tuple[int, bool]:
    """
    Return 1 where a positive current charges, -1 where it discharges, and whether that is sure.

    A cell's resistance is positive: with a step of the current towards charging the voltage rises. Where
    the current has no steps, the voltage rises with the charge that has gone in.
    """
    step_a, step_v = np.diff(current_a), np.diff(voltage_v)
    steps = np.abs(step_a) > 0.05 * np.max(np.abs(current_a), initial=0.0)
    together = _correlation(step_a[steps], step_v[steps])
    if abs(together) < 0.2:
        together = _correlation(np.cumsum(charge_ah), voltage_v[1:] - np.mean(voltage_v), centred=True)
    return (-1 if together < -0.2 else 1), abs(together) >= 0.2


def _correlation(one: Numbers, other: Numbers, *, centred: bool = False) -> float:
    if centred and len(one):
        one, other = one - np.mean(one), other - np.mean(other)
    size = float(np.sqrt(np.sum(one * one) * np.sum(other * other)))
    return float(np.sum(one * other)) / size if size > 0 else 0.0


def _taken(temperature: Numbers | None, ambient: Numbers | None, row: Places) -> Numbers | None:
    """Return the cell's own temperature, or that around it where the cell's was not measured."""
    told = temperature if temperature is not None else ambient
    return None if told is None else told[row]


# ---------------------------------------------------------------------- cycles


def cycles_of(course: Course) -> Cycles:
    """Return the cycles of a file, in their order."""
    label, number, half = _labels(course)
    kinds = len(number)
    flows = np.abs(course.charge_ah) * 3600 > course.rest_a * course.step_s
    # What a drive gives back on its way is no charge: a counted half has one direction, and its net.
    taking = course.charge_ah if half is None else half
    charging, discharging = (taking > 0).astype(float), (taking < 0).astype(float)

    def sums(values: Numbers) -> Numbers:
        return np.bincount(label, values, kinds).astype(float)

    starts = np.searchsorted(label, np.arange(kinds))
    low_v = np.minimum.reduceat(course.voltage_v[1:], starts)
    high_v = np.maximum.reduceat(course.voltage_v[1:], starts)
    charge_ah, discharge_ah = sums(charging * course.charge_ah), -sums(discharging * course.charge_ah)
    span = float(np.ptp(course.voltage_v))
    foot = float(np.min(course.voltage_v)) + 0.15 * span
    return Cycles(
        number=number,
        counted=half is not None,
        start_s=course.time_s[starts],
        duration_s=sums(course.step_s),
        charge_ah=charge_ah,
        discharge_ah=discharge_ah,
        charge_wh=sums(charging * course.energy_wh),
        discharge_wh=-sums(discharging * course.energy_wh),
        discharge_a=_ratio(discharge_ah * 3600, sums(course.step_s * flows * discharging)),
        charge_a=_ratio(charge_ah * 3600, sums(course.step_s * flows * charging)),
        low_v=low_v,
        high_v=high_v,
        temperature_c=_begin_temperature(course, starts, flows & (discharging > 0)),
        full=(low_v <= foot) & (discharge_ah > 0.2 * np.max(discharge_ah, initial=0.0)) & (discharge_ah > 0),
    )


def _labels(course: Course) -> tuple[NDArray[np.intp], Numbers, Numbers | None]:
    """
    Return for each step the cycle it is in, from 0 on; the cycles' numbers; where they were counted, the
    direction of the half that a step is in.
    """
    told = course.cycle
    if told is not None and np.all(np.isfinite(told)):
        of_step = told[1:]
        label = np.concatenate(([0], np.cumsum(np.diff(of_step) != 0)))
        return label, of_step[np.concatenate(([0], np.flatnonzero(np.diff(of_step)) + 1))], None
    run = np.cumsum(course.charge_ah)
    turns = turning_points(run)
    half = np.searchsorted(turns, np.arange(len(run)), side="left")
    ends = np.concatenate(([0.0], run[turns], run[-1:]))
    label = half // 2
    return label, np.arange(1.0, label[-1] + 2), np.sign(np.diff(ends))[half]


def turning_points(charge_ah: Numbers) -> Places:
    """Return where a running sum of charge turns, by more than a twentieth of all that it spans."""
    step = np.sign(np.diff(charge_ah, prepend=0.0))
    moving = np.flatnonzero(step)
    if not len(moving):
        return np.zeros(0, np.int64)
    ends = moving[np.flatnonzero(np.diff(step[moving], append=0.0))]  # the last of each run of one sign
    least = _TURN * float(np.ptp(charge_ah))
    found: list[int] = []
    best, direction = -1, 0
    low = high = 0.0  # the extremes before the first direction is known
    for at, value in zip(ends.tolist(), charge_ah[ends].tolist(), strict=True):
        if direction == 0:
            low, high = min(low, value), max(high, value)
            if value - low > least or high - value > least:
                direction, best = (1 if value - low > least else -1), at
        elif direction * (value - float(charge_ah[best])) >= 0:
            best = at
        elif direction * (float(charge_ah[best]) - value) > least:
            found.append(best)
            direction, best = -direction, at
    return np.array(found, np.int64)


def _begin_temperature(course: Course, starts: Places, discharging: Flags) -> Numbers:
    """Return the temperature at which each cycle's discharge began: a cold cell warms itself from then on."""
    if course.temperature_c is None:
        return np.full(len(starts), np.nan)
    at = np.concatenate((np.flatnonzero(discharging), [len(discharging)]))
    first = at[np.searchsorted(at, starts)]
    following = np.append(starts[1:], len(discharging))
    return np.where(
        first < following, course.temperature_c[np.minimum(first, len(course.temperature_c) - 1)], np.nan
    )


def _efficiency(out: Numbers, into: Numbers) -> Numbers:
    ratio = _ratio(out, into)
    ratio[~((ratio > 0.5) & (ratio < 2))] = np.nan
    return ratio


def _ratio(top: Numbers, bottom: Numbers) -> Numbers:
    ratio = np.full(len(top), np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    return ratio
