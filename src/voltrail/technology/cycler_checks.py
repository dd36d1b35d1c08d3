"""
Whether a cycler's file can be believed: units, gaps, sign, counters and the like, each told with its place.

    for check in checks(cycling, course, Stated(capacity_ah=2.9), "NCA"):
        print(check.standing, check.words)

A check that fails says that what is computed from the file is wrong, one that warns that a person should
look. Nothing is repaired. `said` is an English sentence with places for `values`, as pages translate it.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
import numpy as np

from voltrail.technology.cycler import Cycling, Numbers
from voltrail.technology.cycler_cycles import Course, Flags
from voltrail.technology.cycler_results import Stated

Standing = Literal["passed", "warn", "fail"]

WINDOWS_V: Final = {
    "LFP": (1.9, 3.85),
    "NMC": (2.0, 4.55),
    "NCA": (2.0, 4.4),
    "LMO": (2.5, 4.4),
    "LTO": (1.2, 3.0),
    "Na-ion": (1.2, 4.3),
    "NMC-Si": (2.0, 4.55),
    "Li-metal": (1.5, 4.6),
}
"""V of one cell, by chemistry: what lies beyond is another cell or another unit. An assumption of Voltrail's:
the limits of usual data sheets with a margin for abuse tests."""
ANY_V: Final = (0.0, 6.0)

_LINES: Final = 5  # places that are named
_JUMP_V: Final = 0.2


class Check(msgspec.Struct, frozen=True):
    """What was looked at, how it stands, a sentence with its values, and the lines that it is about."""

    about: str
    standing: Standing
    said: str
    values: dict[str, Any] = {}
    lines: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The sentence in English."""
        return self.said.format(**self.values)


def checks(
    cycling: Cycling, course: Course, stated: Stated | None = None, chemistry: str | None = None
) -> tuple[Check, ...]:
    """Return all checks of a file, in the order in which a person would look."""
    capacity_ah = (stated or Stated()).capacity_ah
    return (
        _units(cycling),
        _values(cycling),
        _time(cycling),
        _duplicates(cycling),
        _gaps(cycling, course, capacity_ah),
        _sign(cycling, course),
        _current(course, capacity_ah),
        _voltage(cycling, course, chemistry),
        _jumps(cycling, course),
        *_counters(cycling, course),
        _temperature(cycling),
        _resolution(course),
    )


def standing_of(found: tuple[Check, ...]) -> Standing:
    """Return the worst of checks."""
    order: tuple[Standing, ...] = ("passed", "warn", "fail")
    return max((one.standing for one in found), key=order.index, default="passed")


def _units(cycling: Cycling) -> Check:
    silent = [one.header for one in cycling.columns if not one.stated]
    if silent:
        return Check(
            "units",
            "warn",
            "These headers state no unit; s, V, A, Ah, Wh and °C were taken: {headers}.",
            {"headers": ", ".join(silent)},
        )
    moved = [f"{one.header} × {one.factor:g}" for one in cycling.columns if one.factor != 1]
    if moved:
        return Check(
            "units",
            "passed",
            "Every header states its unit. Converted: {headers}.",
            {"headers": ", ".join(moved)},
        )
    return Check("units", "passed", "Every header states its unit.")


def _values(cycling: Cycling) -> Check:
    lacking = ~(np.isfinite(cycling.time_s) & np.isfinite(cycling.voltage_v) & np.isfinite(cycling.current_a))
    number = int(lacking.sum())
    if not number:
        return Check("values", "passed", "Every row has time, voltage and current.")
    return Check(
        "values",
        "fail" if number > 0.01 * cycling.rows else "warn",
        "{number} rows lack a number for time, voltage or current; they are left out.",
        {"number": number},
        _lines(cycling, lacking),
    )


def _time(cycling: Cycling) -> Check:
    back = np.diff(cycling.time_s, prepend=-np.inf) < 0
    number = int(back.sum())
    if not number:
        return Check("time", "passed", "The time never runs back.")
    return Check(
        "time",
        "fail",
        "The time runs back {number} times: several tests in one file, or a clock that was set.",
        {"number": number},
        _lines(cycling, back),
    )


def _duplicates(cycling: Cycling) -> Check:
    same = np.diff(cycling.time_s, prepend=np.nan) == 0
    number = int(same.sum())
    if not number:
        return Check("duplicates", "passed", "No moment stands there twice.")
    twice = (
        same
        & (np.diff(cycling.voltage_v, prepend=np.nan) == 0)
        & (np.diff(cycling.current_a, prepend=np.nan) == 0)
    )
    return Check(
        "duplicates",
        # Cyclers write the last sample of a step and the first of the next at one time.
        "warn" if twice.any() or number > 0.05 * cycling.rows else "passed",
        "{number} moments stand there twice, of which {same} with the same values.",
        {"number": number, "same": int(twice.sum())},
        _lines(cycling, twice if twice.any() else same),
    )


def _gaps(cycling: Cycling, course: Course, capacity_ah: float | None) -> Check:
    number = int(course.gap.sum())
    if not number:
        return Check("gaps", "passed", "No gap while a current flowed.")
    missing = float(course.missing_ah.sum())
    moved = capacity_ah or float(np.ptp(np.cumsum(course.charge_ah)))
    seconds = np.diff(course.time_s)
    return Check(
        "gaps",
        "fail" if missing > 0.01 * moved else "warn",
        "{number} gaps while a current flowed, the longest of {longest} s: up to {missing} Ah are missing,"
        " and counted nowhere.",
        {"number": number, "longest": _round(float(seconds[course.gap].max())), "missing": _round(missing)},
        tuple(int(one) + cycling.line for one in course.row[1:][course.gap][:_LINES]),
    )


def _sign(cycling: Cycling, course: Course) -> Check:
    if cycling.by_state is not None:
        return Check(
            "sign",
            "warn",
            "The current has no sign in this file; the column {header} says which way it flows.",
            {"header": cycling.by_state},
        )
    if not course.sure:
        return Check(
            "sign",
            "warn",
            "Nothing shows whether a positive current charges or discharges; charging was taken as positive.",
        )
    if course.sign < 0:
        return Check(
            "sign",
            "warn",
            "Discharging is positive in this file: the voltage falls with it."
            " Here charging is shown as positive.",
        )
    return Check("sign", "passed", "Discharging is negative: the voltage rises as the current does.")


def _current(course: Course, capacity_ah: float | None) -> Check:
    largest = float(np.max(np.abs(course.current_a), initial=0.0))
    if largest == 0:
        return Check("current", "warn", "No current flows in the whole file.")
    if capacity_ah is None:
        return Check(
            "current",
            "passed",
            "The largest current is {current} A. State the capacity, and its unit is checked.",
            {"current": _round(largest)},
        )
    share = float(np.ptp(np.cumsum(course.charge_ah))) / capacity_ah
    rate = largest / capacity_ah
    values = {"current": _round(largest), "rate": _round(rate), "share": _round(100 * share)}
    if rate > 100 or share > 100:
        said = (
            "The largest current of {current} A is a rate of {rate} C: mA are read as A,"
            " or the capacity is another."
        )
        return Check("current", "fail", said, values)
    if rate < 0.005:
        said = (
            "The largest current of {current} A is a rate of {rate} C: A are read as mA,"
            " or the capacity is another."
        )
        return Check("current", "fail", said, values)
    if share > 1.3:
        return Check("current", "warn", "{share} % of the capacity stated went one way at a stretch.", values)
    said = "The largest current of {current} A is a rate of {rate} C."
    return Check("current", "passed", said, values)


def _voltage(cycling: Cycling, course: Course, chemistry: str | None) -> Check:
    low, high = WINDOWS_V.get(chemistry or "", ANY_V)
    outside = (course.voltage_v < low) | (course.voltage_v > high)
    number = int(outside.sum())
    values = {
        "low": low,
        "high": high,
        "chemistry": chemistry or "",
        "number": number,
        "from_v": _round(float(np.min(course.voltage_v, initial=np.inf))),
        "to_v": _round(float(np.max(course.voltage_v, initial=-np.inf))),
    }
    if not number:
        said = (
            "From {from_v} to {to_v} V, within what a cell of {chemistry} has."
            if chemistry in WINDOWS_V
            else "From {from_v} to {to_v} V, as one cell has."
        )
        return Check("voltage", "passed", said, values)
    said = (
        "{number} rows lie outside {low} to {high} V, the window of {chemistry}: another cell, several in"
        " series, or mV."
        if chemistry in WINDOWS_V
        else "{number} rows lie outside {low} to {high} V, which one cell has: several in series, or mV."
    )
    places = tuple(int(one) + cycling.line for one in course.row[outside][:_LINES])
    return Check("voltage", "fail", said, values, places)


def _jumps(cycling: Cycling, course: Course) -> Check:
    """Look for steps of the voltage that no current explains, between samples as close as usual."""
    step_s = course.step_s[course.step_s > 0]
    usual = float(np.median(step_s)) if len(step_s) else 0.0
    largest = float(np.max(np.abs(course.current_a), initial=0.0))
    jump = (
        (np.abs(np.diff(course.voltage_v)) > _JUMP_V)
        & (np.abs(np.diff(course.current_a)) < 0.05 * largest)
        & (course.step_s <= 2 * usual)
        & (course.step_s > 0)
    )
    number = int(jump.sum())
    if not number:
        return Check("jumps", "passed", "The voltage never jumps without the current.")
    return Check(
        "jumps",
        "warn",
        "The voltage jumps {number} times by more than 0.2 V while the current stays: a loose contact,"
        " or another file.",
        {"number": number},
        tuple(int(one) + cycling.line for one in course.row[1:][jump][:_LINES]),
    )


def _counters(cycling: Cycling, course: Course) -> tuple[Check, ...]:
    """Compare the cycler's own sums with those of the samples."""
    sums = {
        "charge": np.maximum(course.charge_ah, 0),
        "discharge": np.maximum(-course.charge_ah, 0),
        "net_charge": course.sign * course.charge_ah,
        "charge_energy": np.maximum(course.energy_wh, 0),
        "discharge_energy": np.maximum(-course.energy_wh, 0),
        "net_energy": course.sign * course.energy_wh,
    }
    if not cycling.counters:
        return (Check("counters", "passed", "The file has no counters to compare with."),)
    return tuple(
        _counter(cycling, name, values[course.row], sums[name]) for name, values in cycling.counters.items()
    )


def _counter(cycling: Cycling, name: str, counter: Numbers, ours: Numbers) -> Check:
    """Compare one, over all steps but those in which it was set back to nothing."""
    step = np.diff(counter)
    back = (np.abs(counter[1:]) < 0.05 * np.abs(counter[:-1])) | ~np.isfinite(step)
    theirs = np.where(back, 0.0, step)
    if not name.startswith("net"):
        theirs = np.abs(theirs)  # some count what is discharged downwards
    mine = np.where(back, 0.0, ours)
    total = float(np.sum(np.abs(mine)))
    off = float(np.max(np.abs(np.cumsum(theirs) - np.cumsum(mine)), initial=0.0))
    header = next(one.header for one in cycling.columns if one.quantity == name)
    values = {
        "counter": header,
        "unit": "Wh" if "energy" in name else "Ah",
        "theirs": _round(float(np.sum(theirs))),
        "ours": _round(float(np.sum(mine))),
        "off": _round(100 * off / total if total else 0.0),
    }
    if off <= 0.02 * total:
        said = "{counter} agrees with current over time: {theirs} against {ours} {unit}, at most {off} % off."
        return Check("counters", "passed", said, values)
    standing: Standing = "fail" if off > 0.1 * total else "warn"
    said = (
        "{counter} contradicts current over time: {theirs} against {ours} {unit}. A unit, a sign, or samples"
        " that are missing."
    )
    return Check("counters", standing, said, values)


def _temperature(cycling: Cycling) -> Check:
    told = cycling.temperature_c if cycling.temperature_c is not None else cycling.ambient_c
    known = None if told is None else told[np.isfinite(told)]
    if known is None or not len(known):
        return Check("temperature", "warn", "No temperature was recorded.")
    low, high = float(known.min()), float(known.max())
    values = {"low": _round(low), "high": _round(high)}
    if low < -80 or high > 1000:
        said = "From {low} to {high} °C: no sensor of a cell shows that."
        return Check("temperature", "fail", said, values)
    if low == high and len(known) > 10:
        said = "The temperature is {low} °C in every row: a value that was set, not measured."
        return Check("temperature", "warn", said, values)
    if cycling.temperature_c is None:
        said = "From {low} to {high} °C around the cell; the cell's own was not recorded."
        return Check("temperature", "warn", said, values)
    return Check("temperature", "passed", "From {low} to {high} °C.", values)


def _resolution(course: Course) -> Check:
    steps = course.step_s[course.step_s > 0]
    if not len(steps):
        return Check("resolution", "fail", "No two samples follow each other in time.")
    volts = np.abs(np.diff(course.voltage_v))
    volts = volts[volts > 1e-9]
    values = {
        "median": _round(float(np.median(steps))),
        "millivolts": _round(1e3 * float(volts.min())) if len(volts) else 0.0,
    }
    if not len(volts):
        return Check("resolution", "fail", "The voltage is the same in every row.", values)
    said = "A sample every {median} s at the median; the voltage in steps of {millivolts} mV."
    coarse = values["median"] > 60 or values["millivolts"] > 10
    return Check("resolution", "warn" if coarse else "passed", said, values)


def _lines(cycling: Cycling, where: Flags) -> tuple[int, ...]:
    return tuple(int(one) + cycling.line for one in np.flatnonzero(where)[:_LINES])


def _round(value: float) -> float:
    """Return a value to four digits, as people read it."""
    return float(f"{value:.4g}")
