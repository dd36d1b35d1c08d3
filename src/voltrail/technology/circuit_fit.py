"""
A circuit fitted to what a cell did: one set of numbers for all runs and temperatures, with how sure each is.

`fit` minimises what voltage and temperature of the cell are off, over all runs together, and how far the
numbers lie from what such cells commonly have (`PRIORS`). So what the runs do not show, as the end of a
discharge that was broken off, is what the chemistry says, and not what a polynomial happens to do: the OCV
is that of two electrodes, slid and stretched against each other, with a small smooth correction where the
runs have something to say. How sure a number is follows from the curvature at the optimum (Laplace), the
residuals of ten seconds counted as one, for they resemble each other.

`cold_table` judges the method on one cell at 25, 0 and -20 °C (Kollmeyer, doi 10.17632/wykht8y7tg.1): fitted
on the first 60 % of each run, judged on the rest, of which only current and ambient are told. The form of the
circuit, the priors and the electrodes were chosen within those first 60 %: fitted to 30, 40 or 50 % of a
run, judged on what follows up to 60 %. The guide says what other electrodes gave.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import UsageError
from voltrail.technology.circuit import HIGH_SOC, LOW_SOC, POINTS, Circuit, simulate

Numbers = NDArray[np.float64]

SECONDS_AS_ONE: Final = 10.0  # neighbouring residuals are one voice
KELVIN: Final = 0.9  # what the cell's temperature may be off, by one that resembles its neighbours
NODES: Final = np.linspace(0.0, 1.0, 11)  # of the correction of the OCV
NODE_V: Final = 0.015
BEND_V: Final = 0.005  # how far a node lies off the line between its neighbours
EVALUATIONS: Final = 120
MOST_FILLED: Final = 0.97  # of a positive electrode: beyond it published curves are what a formula does
LEAST_MOMENTS: Final = 60
BEYOND_K: Final = 2.0  # outside the temperatures seen by more than that a fit is a guess


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell did in one run: a value a moment, current positive when it charges, from full."""

    name: str
    time_s: Numbers
    current_a: Numbers
    voltage_v: Numbers
    temperature_c: Numbers
    ambient_c: float

    def first(self, moments: int) -> Trace:
        """Return its beginning."""
        arrays = {key: getattr(self, key)[:moments] for key in self.__struct_fields__[1:5]}
        return msgspec.structs.replace(self, **arrays)


class Electrodes(msgspec.Struct, frozen=True, kw_only=True):
    """
    Two electrodes: volts against lithium over how full of lithium each is, and where a full cell has them.

    A discharge ends where the negative one runs out of lithium: where an empty cell has it follows from
    `empty_v`, and neither is taken to be emptier than empty or fuller than full. Each of the three places
    with its standard deviation.
    """

    name: str
    negative: Callable[[Any], Any]
    positive: Callable[[Any], Any]
    negative_full: tuple[float, float]
    positive_full: tuple[float, float]
    positive_empty: tuple[float, float]
    empty_v: float
    source: str

    def ocv(self, soc: Any, negative_full: float, positive_full: float, positive_empty: float) -> Any:
        """Return the volts of a cell at states of charge, for where full and empty have its electrodes."""
        few = np.linspace(0.2, 0.0, 2001)
        ends = self.positive(positive_empty) - self.empty_v
        negative_empty = np.interp(ends, self.negative(few), few)
        negative = np.clip(negative_empty + (negative_full - negative_empty) * soc, 0.0, 1.0)
        positive = np.clip(positive_empty + (positive_full - positive_empty) * soc, 0.0, MOST_FILLED)
        return self.positive(positive) - self.negative(negative)


def _graphite(x: Any) -> Any:
    steps = (
        *((0.0351, 0.286, 0.083), (-0.0045, 0.849, 0.119), (-0.035, 0.9233, 0.05), (-0.0147, 0.5, 0.034)),
        *((-0.102, 0.194, 0.142), (-0.022, 0.9, 0.0164), (-0.011, 0.124, 0.0226), (0.0155, 0.105, 0.029)),
    )
    return 0.194 + 1.5 * np.exp(-120 * x) + sum(high * np.tanh((x - at) / wide) for high, at, wide in steps)


def _nca(y: Any) -> Any:
    falling = (
        *(1.638, -2.222, 15.056, -23.488, 81.246, -344.566),
        *(621.3475, -554.774, 264.427, -66.3691, 11.8058),
    )
    return np.polyval(falling, y) - 0.61386 * np.exp(5.8201 * np.minimum(y, 1.0) ** 136.4)


NCA_GRAPHITE: Final = Electrodes(
    name="NCA against graphite",
    negative=_graphite,
    positive=_nca,
    negative_full=(0.85, 0.05),
    positive_full=(0.37, 0.04),
    positive_empty=(0.90, 0.04),
    empty_v=2.5,
    source=(
        "positive: Kim et al. 2011, doi 10.1149/1.3597614; negative: MCMB 2528 of Dualfoil (Newman), as "
        "Marquis et al. 2019 have it, doi 10.1149/2.0341915jes; where full and empty have them is assumed"
    ),
)


class Prior(msgspec.Struct, frozen=True):
    """
    What a number commonly is, and its standard deviation; that of its logarithm where it cannot be negative.

    `per` says what it is scaled by, so that a prior speaks of cells of any size: `ah`, resistance times
    capacity; `a_h`, current by capacity; empty, nothing.
    """

    middle: float
    deviation: float
    logarithm: bool = True
    per: str = ""


PRIORS: Final = {
    "r0_ohm": Prior(0.071, 0.5, per="ah"),
    "r0_activation_k": Prior(1500.0, 1000.0, logarithm=False),
    "exchange_a": Prior(0.53, 1.0, per="a_h"),
    "exchange_activation_k": Prior(5500.0, 1500.0, logarithm=False),
    "exchange_s": Prior(1.0, 1.0),
    "r2_ohm": Prior(0.057, 0.7, per="ah"),
    "r2_activation_k": Prior(3000.0, 1500.0, logarithm=False),
    "r2_s": Prior(30.0, 1.0),
    "lag_h": Prior(0.06, 0.7),
    "lag_activation_k": Prior(4000.0, 1500.0, logarithm=False),
    "lag_s": Prior(600.0, 0.7),
    "low_rise": Prior(6.0, 0.4),
    "low_width": Prior(0.15, 0.4),
    "high_rise": Prior(1.0, 0.7),
    "high_width": Prior(0.1, 0.5),
    "entropy_v_per_k": Prior(0.0, 1e-4, logarithm=False),
}
"""Assumptions, of what liquid cells with a nickel-rich positive commonly show; wide, but for the two ends."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """
    A circuit, and how it came about.

    `numbers` has each number that was fitted as value and standard deviation; `off_v` and `off_k` the root of
    the mean square by which voltage and temperature of each run are off. `temperatures_c` is the span of the
    cell's temperature in the runs, `ambients_c` the ambient of each as it was found to be.
    """

    circuit: Circuit
    numbers: dict[str, tuple[float, float]]
    off_v: dict[str, float]
    off_k: dict[str, float]
    ambients_c: dict[str, float]
    temperatures_c: tuple[float, float]
    converged: bool

    def warning(self, temperature_c: float) -> str | None:
        """Return what to know before it is believed at a temperature; None where the runs covered it."""
        low, high = self.temperatures_c
        if low - BEYOND_K <= temperature_c <= high + BEYOND_K:
            return None
        return (
            f"Fitted between {low:.0f} and {high:.0f} °C: at {temperature_c:g} °C it goes by Arrhenius "
            "alone, beyond what was seen."
        )


def fit(
    traces: Sequence[Trace], electrodes: Electrodes, *, capacity_ah: tuple[float, float], heat_j_per_k: float
) -> Fitted:
    """
    Return a circuit fitted to runs of one cell, each from full and at rest.

    `capacity_ah` is what is known of the capacity beforehand, down to `electrodes.empty_v` at rest, with its
    standard deviation; `heat_j_per_k` about what warms. The ambient of each run is taken to be known to 1 K.

    Raises UsageError (`technology.fit`) for runs that are too short or not of finite numbers, and as
    `simulate`.
    """
    from scipy.optimize import least_squares

    _check(traces)
    problem = _Problem(traces, electrodes, capacity_ah, heat_j_per_k)
    begin = np.zeros(len(problem.names) + len(NODES))
    found = least_squares(problem.residuals, begin, max_nfev=EVALUATIONS)
    spread = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    circuit, values = problem.circuit(found.x)
    numbers = {}
    for name, prior, deviation in zip(problem.names, problem.priors, spread, strict=False):
        width = deviation * prior.deviation * (values[name] if prior.logarithm else 1)
        numbers[name] = (float(values[name]), float(width))
    runs = problem.runs(circuit, values)
    pairs = list(zip(traces, runs, strict=True))
    cell_c = np.concatenate([one.temperature_c for one in traces])
    return Fitted(
        circuit=msgspec.structs.replace(circuit, least_v=electrodes.empty_v, most_v=4.3),
        numbers=numbers,
        off_v={one.name: _rms(volts - one.voltage_v) for one, (volts, _) in pairs},
        off_k={one.name: _rms(warmth - one.temperature_c) for one, (_, warmth) in pairs},
        ambients_c={one.name: float(one.ambient_c + values[_ambient(one)]) for one in traces},
        temperatures_c=(float(cell_c.min()), float(cell_c.max())),
        converged=bool(found.status > 0),
    )


class _Problem:
    """The residuals of a fit, over numbers in standard deviations from their priors."""

    def __init__(
        self, traces: Sequence[Trace], electrodes: Electrodes, capacity_ah: tuple[float, float], heat: float
    ) -> None:
        self.traces, self.electrodes = traces, electrodes
        ah, off_ah = capacity_ah
        scale = {"": 1.0, "ah": 1 / ah, "a_h": ah}
        own = {
            "negative_full": Prior(*electrodes.negative_full, logarithm=False),
            "positive_full": Prior(*electrodes.positive_full, logarithm=False),
            "positive_empty": Prior(*electrodes.positive_empty, logarithm=False),
            "capacity_ah": Prior(ah, off_ah / ah),
            "heat_j_per_k": Prior(heat, 0.15),
            "cooling_w_per_k": Prior(heat / 525, 0.5),
        }
        scaled = {
            name: Prior(one.middle * scale[one.per], one.deviation, one.logarithm)
            for name, one in PRIORS.items()
        }
        ambients = {_ambient(one): Prior(0.0, 1.0, logarithm=False) for one in traces}
        every = own | scaled | ambients
        self.names, self.priors = tuple(every), tuple(every.values())
        self.soc = np.linspace(LOW_SOC, HIGH_SOC, POINTS)

    def circuit(self, x: Numbers) -> tuple[Circuit, dict[str, float]]:
        """Return the circuit of a place in the space of numbers, and these."""
        values = {
            name: prior.middle * np.exp(prior.deviation * at)
            if prior.logarithm
            else prior.middle + prior.deviation * at
            for name, prior, at in zip(self.names, self.priors, x, strict=False)
        }
        ends = [values[name] for name in ("negative_full", "positive_full", "positive_empty")]
        ocv_v = self.electrodes.ocv(self.soc, *ends)
        ocv_v = ocv_v + np.interp(self.soc, NODES, NODE_V * x[len(self.names) :])
        parts = {name: value for name, value in values.items() if name in Circuit.__struct_fields__}
        return Circuit(ocv_v=ocv_v, least_v=-99.0, most_v=99.0, **parts), values

    def runs(self, circuit: Circuit, values: Mapping[str, float]) -> list[tuple[Numbers, Numbers]]:
        """Return voltage and temperature of each run, from its current and ambient alone."""
        told = []
        for one in self.traces:
            run = simulate(
                circuit,
                one.time_s,
                one.current_a,
                ambient_c=one.ambient_c + values[_ambient(one)],
                temperature_c=one.temperature_c[0],
            )
            told.append((run.voltage_v[0], run.temperature_c[0]))
        return told

    def residuals(self, x: Numbers) -> Numbers:
        """Return what is off, each by what it may be off."""
        parts: list[Any] = [x, np.diff(x[len(self.names) :], 2) * NODE_V / BEND_V]
        voices = SECONDS_AS_ONE**0.5
        circuit, values = self.circuit(x)
        for one, (volts, warmth) in zip(self.traces, self.runs(circuit, values), strict=True):
            parts.append((volts - one.voltage_v) / (voices * _expected_v(one.ambient_c)))
            parts.append((warmth - one.temperature_c) / (voices * KELVIN))
        off: Numbers = np.nan_to_num(np.concatenate(parts), nan=30.0, posinf=30.0, neginf=-30.0)
        return off


def _expected_v(ambient_c: float) -> float:
    """Return by how much such a circuit is commonly off: more in the cold, where losses are large."""
    return float(np.interp(ambient_c, [-20.0, 0.0, 25.0], [0.04, 0.02, 0.015]))


def _ambient(trace: Trace) -> str:
    return f"ambient of {trace.name}"


def _check(traces: Sequence[Trace]) -> None:
    for one in traces:
        arrays = (one.time_s, one.current_a, one.voltage_v, one.temperature_c)
        if min(map(len, arrays)) < LEAST_MOMENTS or not all(np.isfinite(each).all() for each in arrays):
            raise UsageError(
                "technology.fit",
                f"{one.name} has fewer than {LEAST_MOMENTS} moments, or numbers that are not finite.",
                "Give times, currents, voltages and temperatures of a whole run.",
            )
    if not traces or len({one.name for one in traces}) < len(traces):
        raise UsageError(
            "technology.fit", "There is no run to fit to, or two have one name.", "Name each run otherwise."
        )


def _rms(off: Numbers) -> float:
    return float(np.sqrt(np.mean(np.square(off))))


class ColdRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far off a prediction of the rest of a run is: its limit, and figures that have none beside it."""

    run: str
    ambient_c: float
    seconds_fitted: float
    seconds_judged: float
    voltage_rmse_mv: float
    limit_mv: float
    voltage_bias_mv: float
    fitted_rmse_mv: float
    temperature_rmse_k: float
    energy_error_percent: float


COLD_RUNS: Final = {
    "us06_25c.csv": (25.0, 30.0),
    "us06_0c.csv": (0.0, 50.0),
    "us06_m20c.csv": (-20.0, 100.0),
}
"""Files of `cold_18650pf`: the ambient, and the limit in mV."""
FITTED_SHARE: Final = 0.6
CELL_AH: Final = (2.9, 0.015)  # its rating; an assumption that this cell meets it
CELL_J_PER_K: Final = 42.0  # 48 g


def cold_table(texts: Mapping[str, str]) -> list[ColdRow]:
    """
    Return how far off the voltage of the last 40 % of each run is, by file name; see the module.

    Raises UsageError (`technology.trace_file`) for a file that is missing or cannot be read.
    """
    whole = [_read(name, texts.get(name), ambient_c) for name, (ambient_c, _) in COLD_RUNS.items()]
    seen = [one.first(int(len(one.time_s) * FITTED_SHARE)) for one in whole]
    fitted = fit(seen, NCA_GRAPHITE, capacity_ah=CELL_AH, heat_j_per_k=CELL_J_PER_K)
    # Down to where it was broken off, however deep: voltages below the least are judged too.
    circuit = msgspec.structs.replace(fitted.circuit, least_v=-99.0)
    rows = []
    for one, part in zip(whole, seen, strict=True):
        ambient_c = fitted.ambients_c[one.name]
        run = simulate(
            circuit, one.time_s, one.current_a, ambient_c=ambient_c, temperature_c=one.temperature_c[0]
        )
        rest = slice(len(part.time_s), None)
        off_v = run.voltage_v[0][rest] - one.voltage_v[rest]
        seconds = np.diff(one.time_s)[len(part.time_s) - 1 :]
        power_w = one.voltage_v[rest] * one.current_a[rest]
        rows.append(
            ColdRow(
                run=one.name,
                ambient_c=one.ambient_c,
                seconds_fitted=float(part.time_s[-1] - part.time_s[0]),
                seconds_judged=float(one.time_s[-1] - part.time_s[-1]),
                voltage_rmse_mv=1e3 * _rms(off_v),
                limit_mv=COLD_RUNS[one.name][1],
                voltage_bias_mv=1e3 * float(off_v.mean()),
                fitted_rmse_mv=1e3 * fitted.off_v[one.name],
                temperature_rmse_k=_rms(run.temperature_c[0][rest] - one.temperature_c[rest]),
                energy_error_percent=100 * float(off_v * one.current_a[rest] @ seconds / (power_w @ seconds)),
            )
        )
    return rows


def _read(name: str, text: str | None, ambient_c: float) -> Trace:
    try:
        rows = list(csv.DictReader((text or "").splitlines()))
        columns = {
            key: np.array([float(row[key]) for row in rows])
            for key in ("time_s", "current_a", "voltage_v", "batt_temp_c")
        }
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise _unreadable(name, f"cannot be read: {error}") from error
    if len(rows) < 2 * LEAST_MOMENTS:
        raise _unreadable(name, "is missing, or has too few rows")
    return Trace(
        name=name,
        time_s=columns["time_s"],
        current_a=columns["current_a"],
        voltage_v=columns["voltage_v"],
        temperature_c=columns["batt_temp_c"],
        ambient_c=ambient_c,
    )


def _unreadable(name: str, what: str) -> UsageError:
    return UsageError(
        "technology.trace_file",
        f"{name} {what}.",
        "Give a CSV file with time_s, voltage_v, current_a and batt_temp_c.",
    )
