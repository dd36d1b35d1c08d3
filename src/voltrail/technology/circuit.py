"""
A cell as an equivalent circuit that warms, by current or by power; compiled, many cells at once.

    >>> cell = Circuit(ocv_v=np.linspace(2.9, 4.3, POINTS), capacity_ah=2.8)
    >>> hour = np.arange(3601.0)
    >>> warm, cold = (simulate(cell, hour, np.full(3601, -0.9), ambient_c=t) for t in (25.0, -20.0))
    >>> bool(warm.delivered_wh[0] > cold.delivered_wh[0])
    True

Current is positive when it charges. The voltage at the terminals is

    OCV(surface, T) + I R0 + v1 + v2

R0 is ohmic. v1, the charge transfer, goes towards (2 R T / F) asinh(I / 2 I0): the Butler-Volmer equation
with equal halves, solved for the voltage. v2 is a resistor beside a capacitor. The surface differs from the
mean state of charge by what diffusion lags behind, as in a sphere; so wherever the OCV is steep the lag is
felt, as at the end of a discharge, without a table of resistances. All of them follow the temperature by
Arrhenius, each with its own activation. Where the surface nears empty or full, I0 falls, and the second
resistor rises by the root of that. Of the losses, I (V - OCV), and the entropy, I T dOCV/dT, one mass warms,
which cools to the ambient.

Not in it: hysteresis, self-discharge, gradients within the cell. A step is exact in the state of charge, v1,
v2 and the lag, for a current that is steady over it; temperature and surface are those at its beginning.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from voltrail.errors import UsageError
from voltrail.ledger.lanes import kernel

ZERO_C_K: Final = 273.15
REFERENCE_K: Final = 298.15
FARADAY_V_K: Final = 8.617333262e-5  # R / F
LOW_SOC: Final = -0.1  # OCV tables reach beyond empty and full, where the surface may be
HIGH_SOC: Final = 1.1
POINTS: Final = 601

Numbers = NDArray[np.float64]


class Circuit(msgspec.Struct, frozen=True, kw_only=True):
    """
    The numbers of one cell, at 25 °C; the defaults are those of an 18650 of 3 Ah, roughly.

    `ocv_v` is a table over state of charge, `POINTS` values evenly from `LOW_SOC` to `HIGH_SOC`. `lag_h` is
    by how many hours of a steady current the surface runs ahead of the mean, in the end, and `lag_s` the
    slowest of its times. `low_rise` is by how much of itself 1 / I0 rises at empty, fading with `low_width`
    of state of charge; `high_rise` the same at full. Activations are in kelvin (energy over the gas constant);
    `r2_s` and `lag_s` grow with what they belong to. `least_v` and `most_v` end a run.
    """

    ocv_v: Numbers
    capacity_ah: float
    r0_ohm: float = 0.022
    r0_activation_k: float = 2000.0
    exchange_a: float = 10.0
    exchange_activation_k: float = 8000.0
    exchange_s: float = 1.0
    r2_ohm: float = 0.006
    r2_activation_k: float = 4000.0
    r2_s: float = 1.0
    lag_h: float = 0.06
    lag_activation_k: float = 3500.0
    lag_s: float = 60.0
    low_rise: float = 6.0
    low_width: float = 0.15
    high_rise: float = 1.0
    high_width: float = 0.1
    entropy_v_per_k: float = 0.0
    heat_j_per_k: float = 45.0
    cooling_w_per_k: float = 0.1
    least_v: float = 2.5
    most_v: float = 4.3


NUMBERS: Final = tuple(name for name in Circuit.__struct_fields__ if name != "ocv_v")
(
    _CAPACITY, _R0, _R0_K, _I0, _I0_K, _I0_S, _R2, _R2_K, _R2_S, _LAG, _LAG_K, _LAG_S,
    _RISE, _WIDTH, _HIGH, _HIGH_WIDTH, _ENTROPY, _HEAT, _COOLING, _LEAST, _MOST,
) = range(len(NUMBERS))  # fmt: skip
# Diffusion in a sphere: the surface settles by terms, tan(x) = x for each, shares and times by 1 / x squared.
_ROOTS: Final = np.array([4.493409458, 7.725251837, 10.904121659, 14.066193913])
_, _PACE_2, _PACE_3, _PACE_4 = ((_ROOTS / _ROOTS[0]) ** 2).tolist()
_PART_1, _PART_2, _PART_3, _PART_4 = (_ROOTS**-2 / (_ROOTS**-2).sum()).tolist()
_TRIES: Final = 60  # for a current that gives the power asked for


class Run(msgspec.Struct, frozen=True):
    """
    What cells did: arrays of one row a cell, one column a moment; NaN after a cell's last.

    `heat_w` is what turned to heat, without the reversible heat of entropy. `last` is the last moment of each
    cell, at which it met its least or most voltage, or before it could not give the power; else that of all.
    """

    time_s: Numbers
    voltage_v: Numbers
    current_a: Numbers
    temperature_c: Numbers
    soc: Numbers
    heat_w: Numbers
    last: NDArray[np.int64]

    @property
    def delivered_wh(self) -> Numbers:
        """What each cell gave at its terminals, what it took in taken off."""
        return self._sum(-self.voltage_v * self.current_a)

    @property
    def heat_wh(self) -> Numbers:
        """What each cell turned to heat."""
        return self._sum(self.heat_w)

    @property
    def charge_ah(self) -> Numbers:
        """What each cell gave, what it took in taken off."""
        return self._sum(-self.current_a)

    def _sum(self, rates: Numbers) -> Numbers:
        total: Numbers = np.nansum(rates[:, 1:] * np.diff(self.time_s), axis=1) / 3600
        return total


def simulate(
    cells: Circuit | list[Circuit],
    time_s: ArrayLike,
    current_a: ArrayLike | None = None,
    *,
    power_w: ArrayLike | None = None,
    ambient_c: ArrayLike = 25.0,
    soc: ArrayLike = 1.0,
    temperature_c: ArrayLike | None = None,
) -> Run:
    """
    Return what cells do under a current, or a power, by time; both are positive when they charge.

    What holds at a moment held since the moment before, so the first has no meaning but for the voltage.
    `current_a` and `power_w` are one row for all or a row for each cell; `ambient_c` one number or one a
    moment; `soc` and `temperature_c` (the ambient where it is left out) one number or one a cell, at the
    beginning.

    Raises UsageError (`technology.trace`) where they do not go together, or are not finite numbers with times
    that rise.
    """
    cells = [cells] if isinstance(cells, Circuit) else cells
    if (current_a is None) == (power_w is None):
        raise _unusable("A cell is simulated by a current or by a power, one of them.")
    asked = np.atleast_2d(np.asarray(current_a if power_w is None else power_w, float))
    time_s = np.asarray(time_s, float)
    count, moments = len(cells), len(time_s)
    try:
        asked = np.ascontiguousarray(np.broadcast_to(asked, (count, moments)))
        ambient = np.ascontiguousarray(np.broadcast_to(np.asarray(ambient_c, float), moments))
        began = np.broadcast_to(np.asarray(soc, float), count).copy()
        warmth = ambient[:1] if temperature_c is None else temperature_c
        kelvin = np.broadcast_to(np.asarray(warmth, float), count) + ZERO_C_K
    except ValueError as error:
        raise _unusable(f"Times, currents and temperatures do not go together: {error}.") from error
    if not all(np.isfinite(one).all() for one in (time_s, asked, ambient, began, kelvin)) or moments < 1:
        raise _unusable("There are no moments, or some of the numbers are not finite.")
    if (np.diff(time_s) <= 0).any():
        raise _unusable("Times do not rise.")
    if (kelvin < 150).any() or (ambient < 150 - ZERO_C_K).any():
        raise _unusable("A temperature lies below -123 °C: temperatures are in degrees Celsius.")
    numbers = np.array([[getattr(one, name) for name in NUMBERS] for one in cells])
    tables = np.array([one.ocv_v for one in cells])
    told = np.full((5, count, moments), np.nan)
    last = np.zeros(count, np.int64)
    _simulate(tables, numbers, time_s, asked, power_w is not None, ambient, began, kelvin, told, last)
    volts, amperes, warmth, charge, heat = told
    return Run(time_s, volts, amperes, warmth, charge, heat, last)


def aged(cell: Circuit, capacity_fraction: float, resistance_factor: float = 1.0) -> Circuit:
    """
    Return a cell with less capacity and more resistance; its OCV over state of charge stays.

    Raises UsageError (`technology.aged`) where ageing would make it better, or leave nothing.
    """
    if not (0 < capacity_fraction <= 1 and 1 <= resistance_factor < math.inf):
        raise UsageError(
            "technology.aged",
            f"A cell cannot have aged to {capacity_fraction} of its capacity and {resistance_factor} of its "
            "resistance.",
            "Give a capacity of more than 0 and at most 1, a resistance of 1 or more.",
        )
    return msgspec.structs.replace(
        cell,
        capacity_ah=cell.capacity_ah * capacity_fraction,
        r0_ohm=cell.r0_ohm * resistance_factor,
        r2_ohm=cell.r2_ohm * resistance_factor,
        exchange_a=cell.exchange_a / resistance_factor,
    )


def open_circuit_v(cell: Circuit, soc: ArrayLike) -> Any:
    """Return the OCV at 25 °C by state of charge; beyond `LOW_SOC` and `HIGH_SOC` that of the end."""
    return np.interp(np.asarray(soc, float), np.linspace(LOW_SOC, HIGH_SOC, POINTS), cell.ocv_v)


def _unusable(message: str) -> UsageError:
    return UsageError(
        "technology.trace", message, "Give times in seconds that rise, and a finite number for each."
    )


@njit(inline="always")
def _at(table: Any, soc: Any) -> Any:
    place = (soc - LOW_SOC) * ((POINTS - 1) / (HIGH_SOC - LOW_SOC))
    place = min(max(place, 0.0), POINTS - 1.000001)
    left = int(place)
    return table[left] + (table[left + 1] - table[left]) * (place - left)


@njit(inline="always")
def _towards(now: Any, end: Any, pace: Any) -> Any:
    return end + (now - end) * math.exp(pace)


@njit(inline="always")
def _step(cell: Any, table: Any, state: Any, kelvin: Any, current: Any, dt: Any) -> Any:
    """Return the state after a step (state of charge, v1, v2, lags) and the voltage."""
    soc, v1, v2, lag1, lag2, lag3, lag4 = state
    cold = 1.0 / kelvin - 1.0 / REFERENCE_K
    soc += current * dt / (3600.0 * cell[_CAPACITY])
    surface = soc + lag1 + lag2 + lag3 + lag4
    rise = 1.0 + cell[_RISE] * math.exp(-max(surface, 0.0) / cell[_WIDTH])
    rise += cell[_HIGH] * math.exp(min(surface - 1.0, 0.0) / cell[_HIGH_WIDTH])
    exchange = cell[_I0] * math.exp(-cell[_I0_K] * cold) / rise
    transfer_v = 2.0 * FARADAY_V_K * kelvin * math.asinh(current / (2.0 * exchange))
    v1 = _towards(v1, transfer_v, -dt / cell[_I0_S])
    slow = math.exp(cell[_R2_K] * cold)
    v2 = _towards(v2, current * cell[_R2] * slow * math.sqrt(rise), -dt / (cell[_R2_S] * slow))
    slow = math.exp(cell[_LAG_K] * cold)
    to = current / cell[_CAPACITY] * cell[_LAG] * slow
    pace = -dt / (cell[_LAG_S] * slow)
    lag1 = _towards(lag1, to * _PART_1, pace)
    lag2 = _towards(lag2, to * _PART_2, pace * _PACE_2)
    lag3 = _towards(lag3, to * _PART_3, pace * _PACE_3)
    lag4 = _towards(lag4, to * _PART_4, pace * _PACE_4)
    surface = soc + lag1 + lag2 + lag3 + lag4
    shift = cell[_ENTROPY] * (kelvin - REFERENCE_K)
    r0 = cell[_R0] * math.exp(cell[_R0_K] * cold)
    voltage = _at(table, surface) + shift + current * r0 + v1 + v2
    return (soc, v1, v2, lag1, lag2, lag3, lag4), voltage


@kernel
def _simulate(
    tables: Any,
    numbers: Any,
    time_s: Any,
    asked: Any,
    by_power: Any,
    ambient: Any,
    began: Any,
    kelvins: Any,
    told: Any,
    last: Any,
) -> Any:
    for k in range(len(numbers)):
        cell, table, kelvin = numbers[k], tables[k], kelvins[k]
        state = (began[k], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for i in range(len(time_s)):
            dt = time_s[i] - time_s[i - 1] if i else 0.0
            current = asked[k, i]
            open_v = _at(table, state[0]) + cell[_ENTROPY] * (kelvin - REFERENCE_K)
            possible = True
            if by_power:
                power, current = current, current / open_v
                for _ in range(_TRIES):
                    _, voltage = _step(cell, table, state, kelvin, current, dt)
                    before, current = current, power / max(voltage, 1e-3)
                    possible = abs(current - before) <= 1e-9 * (1.0 + abs(current))
                    if possible:
                        break
            if not possible:
                last[k] = max(i - 1, 0)
                break
            state, voltage = _step(cell, table, state, kelvin, current, dt)
            after_v = _at(table, state[0]) + cell[_ENTROPY] * (kelvin - REFERENCE_K)
            heat = current * (voltage - (open_v + after_v) / 2.0)
            warm = ambient[i] + ZERO_C_K + (heat + current * kelvin * cell[_ENTROPY]) / cell[_COOLING]
            kelvin = warm + (kelvin - warm) * math.exp(-dt * cell[_COOLING] / cell[_HEAT])
            told[0, k, i] = voltage
            told[1, k, i] = current
            told[2, k, i] = kelvin - ZERO_C_K
            told[3, k, i] = state[0]
            told[4, k, i] = heat
            last[k] = i
            if (voltage <= cell[_LEAST] and current < 0.0) or (voltage >= cell[_MOST] and current > 0.0):
                break
            if state[0] <= LOW_SOC or state[0] >= HIGH_SOC:
                break
