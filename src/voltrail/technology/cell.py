"""
Types of cells as a vehicle feels them: energy by mass and volume, resistance, and what the cold leaves.

    >>> cell = CELLS["nmc-liquid"]
    >>> usable_fraction(cell, [25.0, -20.0], 1 / 3).round(2).tolist()
    [1.0, 0.78]
    >>> loss_fraction(cell, [25.0, -20.0], 1 / 3).round(3).tolist()
    [0.009, 0.052]

Of the energy that a cell gives at 25 °C and a third of its capacity an hour, `usable_fraction` can be drawn
at another temperature and rate; the rest stays in the cell and comes back with warmth. Of what is drawn,
`loss_fraction` turns to heat in the cell. The two do not overlap: `delivered_fraction` is what arrives at the
terminals, by both. All three take numbers or arrays, and a type of cell (its middle) or `draw`s of it.

`cells.csv` has each number in a row of its own, with low and high (nine of ten lie between), its standing and
its source. Where a maker states one number, low and high equal it: what is computed of it holds if the claim
does. The cold behaviour of most new cells is not published: those rows are assumptions with a wide spread.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO_C_K: Final = 273.15
WARM_C: Final = 25.0  # at which resistance and nominal energy are stated
NOMINAL_RATE: Final = 1 / 3  # 1/h, at which they are
WARMEST_C: Final = 45.0  # above it the resistance is that at it: no row speaks of more heat
COLDEST_C: Final = -40.0
NINE_OF_TEN: Final = 1.6448536269514722  # standard deviations

Numbers = NDArray[np.float64]
Spread = tuple[float, float, float]
"""Low, middle, high: nine of ten lie between the first and the last."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """
    One row of `cells.csv`: where a number or a word comes from and how sure it is.

    `standing` is `measured_by_maker`, `measured_by_carmaker`, `reported`, `claimed`, `target`, `derived`,
    `recalled` (from general knowledge of the field, without a document at hand) or `assumption` (ours).
    """

    cell: str
    parameter: str
    low: float | None = None
    value: str
    high: float | None = None
    unit: str
    standing: str
    source: str

    @property
    def spread(self) -> Spread:
        """Return low, middle, high of a number."""
        middle = float(self.value)
        return (
            middle if self.low is None else self.low,
            middle,
            middle if self.high is None else self.high,
        )


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The share of its capacity that a cell gives at a temperature and `NOMINAL_RATE` before it is empty."""

    temperature_c: float
    fraction: Spread
    standing: str


class CellType(msgspec.Struct, frozen=True, kw_only=True):
    """
    A type of cell; each number as low, middle, high.

    `technology` is its id in the catalogue, None where it stands for no one's cell. `chemistry` is LFP, NMC,
    NCA, LMO, LTO, Na-ion, NMC-Si or Li-metal, `electrolyte` liquid, hybrid or solid: what it is said to be,
    not what was verified. `resistance_ohm_ah` is that of some tens of seconds to minutes at 25 °C and half
    charge, times the capacity, so that it holds for cells and packs of any size; it grows with the cold by
    exp(activation_k (1/T - 1/298.15 K)). `cold_fraction` rises with temperature up to 1 at 25 °C.
    `parameters` are the rows by their names.
    """

    id: str
    technology: str | None
    name: str
    chemistry: str
    electrolyte: str
    wh_per_kg: Spread
    wh_per_l: Spread
    capacity_ah: float
    voltage_v: float
    resistance_ohm_ah: Spread
    activation_k: Spread
    rate_exponent: Spread
    heat_j_per_kg_k: Spread
    cold_fraction: tuple[Anchor, ...]
    parameters: dict[str, Parameter]


class Draws(msgspec.Struct, frozen=True, kw_only=True):
    """
    Drawn values of a type of cell: arrays of one length, the first of each the middle.

    `cold_fraction` has a row for each of `temperatures_c`, which rise.
    """

    wh_per_kg: Any
    wh_per_l: Any
    voltage_v: Any
    resistance_ohm_ah: Any
    activation_k: Any
    rate_exponent: Any
    heat_j_per_kg_k: Any
    temperatures_c: Numbers
    cold_fraction: Any


def draw(cell: CellType, draws: int, rng: np.random.Generator) -> Draws:
    """
    Return `draws` arrays of what is uncertain in a type of cell; the first draw is the middle of each.

    Each side of the middle is half a normal curve with its 5 % or 95 % at low or high, cut at 1 %. Energy by
    mass and by volume go together, and so do all temperatures of the cold: each draw is a cell, whose usable
    share rises with temperature as it must.
    """
    energy, resistance, activation, rate, heat, cold = np.clip(rng.standard_normal((6, draws)), -2.33, 2.33)
    for each in (energy, resistance, activation, rate, heat, cold):
        each[:1] = 0.0
    return Draws(
        wh_per_kg=_at(cell.wh_per_kg, energy),
        wh_per_l=_at(cell.wh_per_l, energy),
        voltage_v=np.full(draws, cell.voltage_v),
        resistance_ohm_ah=_at(cell.resistance_ohm_ah, resistance),
        activation_k=_at(cell.activation_k, activation),
        rate_exponent=_at(cell.rate_exponent, rate),
        heat_j_per_kg_k=_at(cell.heat_j_per_kg_k, heat),
        temperatures_c=np.array([one.temperature_c for one in cell.cold_fraction]),
        cold_fraction=np.clip([_at(one.fraction, cold) for one in cell.cold_fraction], 0.01, 1),
    )


def usable_fraction(cell: CellType | Draws, temperature_c: ArrayLike, c_rate: ArrayLike) -> Any:
    """
    Return the share of a cell's energy that can be drawn, heat in the cell included; 0 to 1.

    Relative to 25 °C and a third of the capacity an hour (`NOMINAL_RATE`), where it is 1. It rises with
    temperature and falls with the rate: to the power (rate / nominal rate) ** rate_exponent. The cell is held
    at the temperature; one that warms as it works gives more. Temperature, rate (1/h, not negative) and draws
    broadcast against each other.
    """
    temperature_c = np.asarray(temperature_c, float)
    if isinstance(cell, CellType):
        temperatures = [one.temperature_c for one in cell.cold_fraction]
        fractions: Any = [one.fraction[1] for one in cell.cold_fraction]
        exponent: Any = cell.rate_exponent[1]
    else:
        temperatures, fractions = cell.temperatures_c.tolist(), cell.cold_fraction
        exponent = cell.rate_exponent
    share = np.asarray(fractions[0])
    steps = zip(temperatures, temperatures[1:], fractions, fractions[1:], strict=False)
    for colder_c, warmer_c, less, more in steps:
        share = share + (more - less) * np.clip((temperature_c - colder_c) / (warmer_c - colder_c), 0, 1)
    # Never quite nothing: so that colder is always less, whatever the rate.
    rate = np.maximum(np.asarray(c_rate, float), 0) / NOMINAL_RATE
    return np.minimum(share, 1) ** (rate**exponent)


def loss_fraction(cell: CellType | Draws, temperature_c: ArrayLike, c_rate: ArrayLike) -> Any:
    """
    Return the share of the energy drawn that turns to heat in the cell; 0 to less than 1.

    By the resistance at the temperature and a steady rate (1/h); for a trace that goes up and down take the
    root of the mean square of the rate.
    """
    kelvin = np.clip(np.asarray(temperature_c, float), COLDEST_C, WARMEST_C) + ZERO_C_K
    ohm_ah, activation_k = cell.resistance_ohm_ah, cell.activation_k
    if isinstance(cell, CellType):
        ohm_ah, activation_k = ohm_ah[1], activation_k[1]
    colder = np.exp(activation_k * (1 / kelvin - 1 / (WARM_C + ZERO_C_K)))
    drop_v = np.maximum(np.asarray(c_rate, float), 0) * ohm_ah * colder
    return drop_v / (cell.voltage_v + drop_v)


def delivered_fraction(cell: CellType | Draws, temperature_c: ArrayLike, c_rate: ArrayLike) -> Any:
    """Return what arrives at the terminals, as a share of what does at 25 °C and the nominal rate."""
    kept = 1 - loss_fraction(cell, temperature_c, c_rate)
    nominally = 1 - loss_fraction(cell, WARM_C, NOMINAL_RATE)
    return usable_fraction(cell, temperature_c, c_rate) * kept / nominally


def cold_curve(cell: CellType, c_rate: float = NOMINAL_RATE) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return -30 to 30 °C, and low, middle and high of `delivered_fraction` at each, for a chart."""
    temperatures_c = np.arange(-30.0, 31.0)
    share = delivered_fraction(draw(cell, 1001, np.random.default_rng(1)), temperatures_c[:, None], c_rate)
    low, high = np.quantile(share, (0.05, 0.95), axis=1)
    return temperatures_c, low, share[:, 0], high


def _at(spread: Spread, deviations: Numbers) -> Numbers:
    """Return the values so many standard deviations from the middle, each side with its own width."""
    low, middle, high = spread
    width = np.where(deviations < 0, middle - low, high - middle)
    return middle + width * deviations / NINE_OF_TEN


COLD: Final = "usable_at_"


def _read() -> dict[str, CellType]:
    text = files(__package__).joinpath("cells.csv").read_text("utf-8")
    found: dict[str, dict[str, Parameter]] = {}
    for row in csv.DictReader(text.splitlines()):
        stated = {key: value for key, value in row.items() if value or key == "value"}
        parameter = msgspec.convert(stated, Parameter, strict=False)
        found.setdefault(parameter.cell, {})[parameter.parameter] = parameter
    return {name: _cell(name, rows) for name, rows in found.items()}


def _cell(name: str, rows: dict[str, Parameter]) -> CellType:
    anchors = [
        Anchor(temperature_c=float(key.removeprefix(COLD)), fraction=row.spread, standing=row.standing)
        for key, row in rows.items()
        if key.startswith(COLD)
    ]
    numbers = {
        key: row.spread for key, row in rows.items() if row.unit != "text" and not key.startswith(COLD)
    }
    single = {key: numbers[key][1] for key in ("capacity_ah", "voltage_v")}
    words = {key: row.value or None for key, row in rows.items() if row.unit == "text"}
    anchors.sort(key=lambda one: one.temperature_c)
    own = {"id": name, "cold_fraction": tuple(anchors), "parameters": rows}
    return msgspec.convert({**own, **words, **numbers, **single}, CellType)


CELLS: Final = _read()
