"""
Driving cycles as data: what a range is stated for.

    >>> CYCLES["CLTC"].reconstructed, round(CYCLES["CLTC"].distance_km, 2)
    (True, 14.48)

`cycles/cycles.csv` has a cycle a row: the traces it is made of, by which shares of the way, what part of the
range so driven is stated (the label of the EPA), and how the trace came here. A trace that is reconstructed
meets the characteristics of `cycles/characteristics.csv`, each with how sure it is; second by second it is
not the regulation's, and whoever shows a range by it says so. A cycle of one's own is read by `read_cycle`.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from voltrail.errors import TableError
from voltrail.technology.vehicle import GRAVITY_M_S2, Numbers

LONGEST_S: Final = 36_000  # of a cycle of one's own
FASTEST_KM_H: Final = 250.0
STEEPEST_PERCENT: Final = 30.0
HARDEST_M_S2: Final = 10.0  # speeding up or slowing down; beyond it no vehicle on tyres keeps to the trace
LEAST_M: Final = 100.0
MOST_BYTES: Final = 1 << 20
_KM_H: Final = 3.6


class Cycle(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """
    A cycle second by second: seconds, m/s, rise over run, arrays of one length.

    `weight` is how often the step that begins at each second counts: other than 1 where parts of a cycle
    count by set shares of the way. `driven` is what part of the range driven the procedure states.
    """

    id: str
    name: str
    standing: str
    source: str
    reconstructed: bool = False
    driven: float = 1.0
    time_s: Numbers
    speed_m_s: Numbers
    grade: Numbers
    weight: Numbers

    @property
    def step_s(self) -> Numbers:
        """How long each step lasts, by its weight; (S - 1,)."""
        return np.diff(self.time_s) * self.weight[:-1]

    @property
    def step_speed_m_s(self) -> Numbers:
        """The speed in the middle of each step; (S - 1,)."""
        speeds: Numbers = (self.speed_m_s[1:] + self.speed_m_s[:-1]) / 2
        return speeds

    @property
    def distance_km(self) -> float:
        """How far one drives in it."""
        return float(self.step_s @ self.step_speed_m_s) / 1e3

    @property
    def told(self) -> dict[str, object]:
        """What it is, as programs are told: with how sure it is, without its seconds."""
        return {
            "id": self.id,
            "name": self.name,
            "reconstructed": self.reconstructed,
            "standing": self.standing,
            "source": self.source,
            "distance_km": round(self.distance_km, 3),
            "characteristics": [one for one in CHARACTERISTICS if one.cycle == self.id],
        }

    @property
    def duration_s(self) -> float:
        """How long that takes."""
        return float(self.step_s.sum())

    @property
    def specific_force_m_s2(self) -> Numbers:
        """What each kg needs to climb and, turning parts aside, to speed up: two rows, (2, S - 1)."""
        slope = np.sin(np.arctan((self.grade[1:] + self.grade[:-1]) / 2))
        return np.array([GRAVITY_M_S2 * slope, np.diff(self.speed_m_s) / np.diff(self.time_s)])


class Characteristic(msgspec.Struct, frozen=True, kw_only=True):
    """What is published of a cycle, how far its trace may be from it, and how sure the figure is."""

    cycle: str
    characteristic: str
    value: float
    unit: str
    tolerance: float
    standing: str
    source: str


def read_cycle(text: str, name: str = "own") -> Cycle:
    """
    Return a cycle of one's own from CSV with a header.

    `speed_km_h` is needed; `time_s` may stand beside it, else rows are seconds; `grade_percent` as well, else
    it is level. Steps are taken to 1 Hz by straight lines.

    Raises
    ------
    TableError
        `cycle.*`: it is too long, a column is missing, a number is none or beyond what a road vehicle does.

    """
    if len(text) > MOST_BYTES:
        raise _wrong("size", f"The cycle has {len(text):,} characters.", f"Give at most {MOST_BYTES:,}.")
    rows = [row for row in csv.reader(text.removeprefix("\ufeff").replace("\0", "?").splitlines()) if row]
    header = [one.strip() for one in rows[0]] if rows else []
    if "speed_km_h" not in header or len(set(header)) != len(header):
        raise _wrong(
            "columns",
            "The cycle does not begin with a header that has speed_km_h once.",
            "Name the columns in the first line: speed_km_h, and time_s and grade_percent if there are such.",
        )
    columns: dict[str, list[float]] = {one: [] for one in ("time_s", "speed_km_h", "grade_percent")}
    bounds = {
        "time_s": (0.0, float(LONGEST_S)),
        "speed_km_h": (0.0, FASTEST_KM_H),
        "grade_percent": (-STEEPEST_PERCENT, STEEPEST_PERCENT),
    }
    for line, row in enumerate(rows[1:], 2):
        told = dict(zip(header, row, strict=False))
        for column, (low, high) in bounds.items():
            if column not in header:
                continue
            try:
                value = float(told.get(column, ""))
            except ValueError:
                value = float("nan")
            if not low <= value <= high:
                raise _wrong(
                    "number",
                    f"Row {line} has {told.get(column, '')[:40]!r} as {column}.",
                    f"Give a number from {low:g} to {high:g}.",
                )
            columns[column].append(value)
    speed = np.array(columns["speed_km_h"]) / _KM_H
    given_s = np.array(columns["time_s"] if "time_s" in header else range(len(speed)), dtype=float)
    grade = np.array(columns["grade_percent"]) / 100 if "grade_percent" in header else np.zeros_like(speed)
    if len(speed) < 2 or len(speed) > LONGEST_S + 1:
        raise _wrong("length", f"The cycle has {len(speed):,} rows.", f"Give 2 to {LONGEST_S + 1:,}.")
    if any(later <= earlier for earlier, later in pairwise(given_s)):
        raise _wrong(
            "time", "The times of the cycle do not rise from row to row.", "Sort its rows by time_s."
        )
    time = np.arange(0.0, np.floor(given_s[-1] - given_s[0]) + 1)
    if len(time) < 2:
        raise _wrong("length", "The cycle ends within its first second.", "Give its times in seconds.")
    found = Cycle(
        id=name,
        name=name,
        standing="own",
        source="given with the question",
        time_s=time,
        speed_m_s=np.interp(time, given_s - given_s[0], speed),
        grade=np.interp(time, given_s - given_s[0], grade),
        weight=np.ones_like(time),
    )
    if found.distance_km * 1e3 < LEAST_M:
        raise _wrong(
            "distance",
            f"The cycle is {found.distance_km * 1e3:.0f} m long.",
            f"Give at least {LEAST_M:g} m; speed_km_h is in km/h.",
        )
    hardest = float(np.abs(np.diff(found.speed_m_s)).max())
    if hardest > HARDEST_M_S2:
        raise _wrong(
            "acceleration",
            f"The cycle speeds up or slows down by {hardest:.1f} m/s2.",
            f"No vehicle follows more than {HARDEST_M_S2:g} m/s2: look at its times and its unit of speed.",
        )
    return found


def characteristics(cycle: Cycle) -> dict[str, float]:
    """Return what is published of cycles, as it is of this one; units as in `characteristics.csv`."""
    step, speed = cycle.step_s, cycle.step_speed_m_s
    gain = np.diff(cycle.speed_m_s) / np.diff(cycle.time_s)
    up, down = (gain >= 0.15), (gain <= -0.15)
    stands = cycle.speed_m_s[:-1] * _KM_H < 0.5
    whole = step.sum()
    ends = np.searchsorted(cycle.time_s[:-1], (674.0, 674.0 + 693.0))
    low, medium, high = (float(one.sum()) / 1e3 for one in np.split(step * speed, ends))
    return {
        "duration": float(whole),
        "distance": cycle.distance_km,
        "mean_speed": cycle.distance_km / float(whole) * 3600,
        "top_speed": float(cycle.speed_m_s.max()) * _KM_H,
        "standing": float(step[stands].sum() / whole) * 100,
        "speeding_up": float(step[up].sum() / whole) * 100,
        "slowing_down": float(step[down].sum() / whole) * 100,
        "mean_acceleration": float(gain[up].mean()) if up.any() else 0.0,
        "mean_deceleration": float(gain[down].mean()) if down.any() else 0.0,
        "positive_work": float((np.maximum(gain, 0) * speed) @ step) / cycle.distance_km / 1e3,
        "distance_low": low,
        "distance_medium": medium,
        "distance_high": high,
    }


def _wrong(rule: str, message: str, fix: str) -> TableError:
    return TableError(f"cycle.{rule}", message, fix)


def _read(name: str) -> str:
    return files(__package__).joinpath("cycles", name).read_text("utf-8")


def _trace(name: str) -> Cycle:
    """Return a trace by its file, or a speed in km/h that is held."""
    if name.isdecimal():
        return read_cycle(f"time_s,speed_km_h\n0,{name}\n60,{name}")
    return read_cycle(_read(f"{name}.csv"))


def _cycles() -> dict[str, Cycle]:
    found = {}
    for row in csv.DictReader(_read("cycles.csv").splitlines()):
        parts = [_trace(name) for name in row["traces"].split()]
        shares = [float(one) for one in row["shares"].split()]
        speed = np.concatenate([one.speed_m_s for one in parts])
        whole = sum(one.distance_km for one in parts)
        found[row["cycle"]] = Cycle(
            id=row["cycle"],
            name=row["name"],
            standing=row["standing"],
            source=row["source"],
            reconstructed=row["reconstructed"] == "yes",
            driven=float(row["driven"]),
            time_s=np.arange(len(speed), dtype=float),
            speed_m_s=speed,
            grade=np.concatenate([one.grade for one in parts]),
            weight=np.concatenate(
                [
                    np.full(len(one.time_s), share * whole / one.distance_km)
                    for one, share in zip(parts, shares, strict=True)
                ]
            ),
        )
    return found


CYCLES: Final = _cycles()
CHARACTERISTICS: Final = tuple(
    msgspec.convert(row, Characteristic, strict=False)
    for row in csv.DictReader(_read("characteristics.csv").splitlines())
)
