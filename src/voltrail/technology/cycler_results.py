"""
What the cycles of a file show, and what of it a test by a protocol reports: rates, resistance, life, charge.

    results, conditions = proposed("capacity_energy", course, table, Stated(capacity_ah=2.9))

Everything is a proposal: it says what the samples hold, and whoever signs the test says whether it is meant.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from voltrail.technology.cycler_cycles import Course, Cycles

RATES: Final = {
    **{f"C/{hours}": 1 / hours for hours in (20, 10, 5, 3, 2)},
    **{f"{rate}C": float(rate) for rate in (1, 2, 3, 4, 5, 6, 8, 10)},
}
PULSE_S: Final = 10.0  # after which the resistance is read, as IEC 62660-1 has it
END_OF_LIFE: Final = 0.8
WARM_C: Final = 25.0
_NEAR: Final = 0.12  # by how much a rate may lie beside the one it is called by
_MOST_PULSES: Final = 10_000
_MOST_CHARGES: Final = 100  # of the fastest, that are looked at
_FEWEST: Final = 20  # cycles that say something of a life


class Stated(msgspec.Struct, frozen=True):
    """What is stated of the cell: by its capacity rates are named, by both the cold is compared."""

    capacity_ah: float | None = None
    energy_wh: float | None = None


class Rate(msgspec.Struct, frozen=True):
    """What a cell gave at a rate: its name, the rate in 1/h, Ah, Wh, and the temperature at the beginning."""

    name: str
    c_rate: float
    capacity_ah: float
    energy_wh: float
    temperature_c: float


class Pulse(msgspec.Struct, frozen=True):
    """A step of the current that was held: when, its height, and the resistance after `PULSE_S`."""

    time_s: float
    step_a: float
    resistance_ohm: float


def named_ah(table: Cycles, stated: Stated) -> float | None:
    """Return the capacity by which rates are named: as stated, else that of the first full discharge."""
    full = table.discharge_ah[table.full]
    return stated.capacity_ah or (float(full[0]) if len(full) else None)


def rate_of(c_rate: float) -> str | None:
    """Return what a rate is called, None where it is near none that has a name."""
    if not c_rate > 0:
        return None
    name = min(RATES, key=lambda one: abs(np.log(RATES[one] / c_rate)))
    return name if abs(c_rate / RATES[name] - 1) <= _NEAR else None


def rates(table: Cycles, stated: Stated) -> tuple[Rate, ...]:
    """Return what full discharges gave at each rate and temperature, to 5 °C: medians, the slowest first."""
    base = named_ah(table, stated)
    groups: dict[tuple[str, float], list[int]] = {}
    for at in np.flatnonzero(table.full).tolist() if base else ():
        if name := rate_of(float(table.discharge_a[at]) / (base or 1)):
            warmth = float(table.temperature_c[at])
            groups.setdefault((name, round(warmth / 5) * 5 if np.isfinite(warmth) else np.inf), []).append(at)
    found = [
        Rate(
            name,
            *(
                float(np.median(values[places]))
                for values in (
                    table.discharge_a / (base or 1),
                    table.discharge_ah,
                    table.discharge_wh,
                    table.temperature_c,
                )
            ),
        )
        for (name, _), places in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (RATES[one.name], -one.temperature_c)))


def pulses(course: Course) -> list[Pulse]:
    """
    Return steps of the current that were held for 10 s, with the resistance that they show.

    The step is at least a fifth of the largest current, begins from a current as steady, and is looked at
    in the sample at 10 s or up to 2 s later. Source: IEC 62660-1:2018, 7.4 (DC resistance by pulses).
    """
    time_s, current_a = course.time_s, course.current_a
    largest = float(np.max(np.abs(current_a), initial=0.0))
    step_a = np.diff(current_a)
    sudden = (course.step_s > 0) & (course.step_s <= PULSE_S / 5)
    before = np.flatnonzero((np.abs(step_a) > 0.2 * largest) & sudden)[:_MOST_PULSES]
    if not len(before):
        return []
    after = np.searchsorted(time_s, time_s[before] + PULSE_S)
    fits = (after < len(time_s)) & (before >= 1)
    before, after = before[fits], after[fits]
    fits = time_s[after] - time_s[before] <= PULSE_S + 2
    before, after = before[fits], after[fits]
    # Steady: mean and spread of the current over the pulse, by running sums.
    total, squares = (np.concatenate(([0.0], np.cumsum(one))) for one in (current_a, current_a**2))
    number = after - before
    mean = (total[after + 1] - total[before + 1]) / number
    spread = np.sqrt(np.maximum((squares[after + 1] - squares[before + 1]) / number - mean**2, 0))
    change = mean - current_a[before]
    steady = (spread < 0.05 * largest) & (np.abs(change) > 0.2 * largest)
    steady &= np.abs(current_a[before] - current_a[before - 1]) < 0.02 * largest
    resistance = (course.voltage_v[after] - course.voltage_v[before]) / np.where(steady, change, 1.0)
    return [
        Pulse(float(time_s[at]), float(height), float(ohm))
        for at, height, ohm in zip(before[steady], change[steady], resistance[steady], strict=True)
        if ohm > 0
    ]


def resistance_ohm(found: list[Pulse]) -> float | None:
    """Return the middle of what the pulses show; None where there is none."""
    return float(np.median([one.resistance_ohm for one in found])) if found else None


class Retention(msgspec.Struct, frozen=True):
    """How a capacity went with cycles: how many there are, what is left, and in which it fell below 80 %."""

    cycles: float
    capacity_fraction: float
    below_80: float | None


def retention(table: Cycles) -> Retention | None:
    """Return how the capacity went over full discharges at the usual current; None for fewer than 20."""
    usual = float(np.median(table.discharge_a[table.full])) if table.full.any() else 0.0
    same = np.flatnonzero(table.full & (np.abs(table.discharge_a - usual) <= _NEAR * usual))
    if len(same) < _FEWEST:
        return None
    capacity, number = table.discharge_ah[same], table.number[same] - table.number[0] + 1
    first = float(np.median(capacity[:3]))
    # Three in a row: one low value is a discharge that was broken off.
    below = capacity < END_OF_LIFE * first
    ended = np.flatnonzero(below[:-2] & below[1:-1] & below[2:])
    return Retention(
        float(number[-1]),
        float(np.median(capacity[-3:])) / first,
        float(number[ended[0]]) if len(ended) else None,
    )


class Charge(msgspec.Struct, frozen=True):
    """The fastest charge from 10 to 80 %: s, the mean current, and temperatures where they were measured."""

    time_s: float
    current_a: float
    begin_c: float | None
    peak_c: float | None


def fastest_charge(course: Course, table: Cycles, stated: Stated) -> Charge | None:
    """
    Return the fastest charge from 10 to 80 % of the capacity; None where none went so far.

    The charge is counted from where the cycle was emptiest: it says something where it was empty.
    """
    base, best = named_ah(table, stated), None
    if base is None:
        return None
    likely = np.flatnonzero(table.charge_ah > END_OF_LIFE * base)
    likely = likely[np.argsort(-table.charge_a[likely])][:_MOST_CHARGES]
    for at in likely.tolist():
        begin = int(np.searchsorted(course.time_s, table.start_s[at]))
        last = (
            int(np.searchsorted(course.time_s, table.start_s[at + 1]))
            if at + 1 < len(table.start_s)
            else len(course.charge_ah)
        )
        run = np.cumsum(course.charge_ah[begin:last])
        if not len(run):
            continue
        top = int(np.argmax(run - np.minimum.accumulate(run)))
        foot = int(np.argmin(run[: top + 1]))
        level = np.maximum.accumulate(run[foot : top + 1] - run[foot]) / base
        if level[-1] < END_OF_LIFE:
            continue
        clock_s = np.cumsum(course.step_s[begin + foot : begin + top + 1])
        ten, eighty = (int(np.searchsorted(level, share)) for share in (0.1, END_OF_LIFE))
        took_s = float(clock_s[eighty] - clock_s[ten])
        if took_s > 0 and (best is None or took_s < best.time_s):
            warmth = course.temperature_c
            piece = None if warmth is None else warmth[begin + foot + ten : begin + foot + eighty + 1]
            known = piece is not None and len(piece) and bool(np.isfinite(piece).any())
            best = Charge(
                took_s,
                (END_OF_LIFE - 0.1) * base * 3600 / took_s,
                float(piece[np.isfinite(piece)][0]) if known and piece is not None else None,
                float(np.nanmax(piece)) if known and piece is not None else None,
            )
    return best


# ------------------------------------------------------------------- protocols


def proposed(
    protocol: str, course: Course, table: Cycles, stated: Stated
) -> tuple[dict[str, float], dict[str, float]]:
    """
    Return results and conditions of a test by a protocol, by the names of `protocols.toml`.

    Only what the file shows: what it does not is left to who knows it. Of other protocols nothing.
    """
    find = {
        "capacity_energy": _capacity,
        "rate": _rate,
        "cycle_life": _life,
        "fast_charge": lambda *asked: _fast(course, *asked),
    }.get(protocol, _cold if protocol.startswith("cold_") else None)
    results, conditions = find(table, stated) if find else ({}, {})
    return _known(results), _known(conditions)


Found = tuple[dict[str, float | None], dict[str, float | None]]


def _capacity(table: Cycles, stated: Stated) -> Found:
    """Return the mean of the first three full discharges, as usual where a capacity is stated."""
    full = np.flatnonzero(table.full)[:3]
    base = named_ah(table, stated)
    if not len(full) or base is None:
        return {}, {}
    return (
        {
            "capacity_ah": float(np.mean(table.discharge_ah[full])),
            "energy_wh": float(np.mean(table.discharge_wh[full])),
        },
        {
            "temperature_c": float(np.mean(table.temperature_c[full])),
            "c_rate": float(np.mean(table.discharge_a[full])) / base,
        },
    )


def _rate(table: Cycles, stated: Stated) -> Found:
    """Return the fastest discharge against the slowest, or the capacity as stated."""
    found = rates(table, stated)
    warm = [one for one in found if not one.temperature_c < WARM_C - 5]
    if not warm:
        return {}, {}
    slow, fast = warm[0], warm[-1]
    base = slow.capacity_ah if slow is not fast else stated.capacity_ah
    return (
        {"capacity_fraction": fast.capacity_ah / base if base else None},
        {"temperature_c": fast.temperature_c, "c_rate": fast.c_rate},
    )


def _cold(table: Cycles, stated: Stated) -> Found:
    """Return the coldest discharge against that at 25 °C and the same rate, or what is stated."""
    base, full = named_ah(table, stated), np.flatnonzero(table.full)
    heat = table.temperature_c[full]
    cold = full[heat < 0]
    if not len(cold) or base is None:
        return {}, {}
    at = int(cold[np.argmin(table.temperature_c[cold])])
    same = np.abs(table.discharge_a[full] / table.discharge_a[at] - 1) <= _NEAR
    warm = full[(np.abs(heat - WARM_C) <= 5) & same]
    against = (
        (float(np.median(table.discharge_ah[warm])), float(np.median(table.discharge_wh[warm])))
        if len(warm)
        else (stated.capacity_ah, stated.energy_wh)
    )
    return (
        {
            "capacity_fraction": float(table.discharge_ah[at]) / against[0] if against[0] else None,
            "energy_fraction": float(table.discharge_wh[at]) / against[1] if against[1] else None,
        },
        {"temperature_c": float(table.temperature_c[at]), "c_rate": float(table.discharge_a[at]) / base},
    )


def _life(table: Cycles, stated: Stated) -> Found:
    found, base = retention(table), named_ah(table, stated)
    if found is None or base is None:
        return {}, {}
    return (
        {"cycles": found.cycles, "capacity_fraction": found.capacity_fraction},
        {
            "temperature_c": float(np.median(table.temperature_c[table.full])),
            "charge_c_rate": float(np.nanmedian(table.charge_a[table.full])) / base,
            "discharge_c_rate": float(np.median(table.discharge_a[table.full])) / base,
        },
    )


def _fast(course: Course, table: Cycles, stated: Stated) -> Found:
    found = fastest_charge(course, table, stated)
    if found is None:
        return {}, {}
    return (
        {"charge_min": found.time_s / 60, "peak_temperature_c": found.peak_c},
        {"temperature_c": found.begin_c, "from_fraction": 0.1, "to_fraction": END_OF_LIFE},
    )


def _known(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None and np.isfinite(value)}
