"""
From cells to a pack: what it weighs and takes up, by its design, with from where to where it may lie.

    >>> pack = pack_of(CELLS["nmc-liquid"], energy_kwh=100)
    >>> pack.mass_kg.low < pack.mass_kg.middle < pack.mass_kg.high
    True

A pack is cells; case, wiring and electronics, by the share of cells in both; cooling, by kWh; and plates
that press solid electrolytes. Whoever presses a volume V with p needs ties of at least p V rho / sigma, of
any shape; plates bend and weigh several times that. All of it grows with the energy, so that a design has
one Wh to the kilogram, whatever its size: what a small pack has of fixed parts is not told apart.

`packs.csv` has each parameter in a row of its own with its source and how sure it is, and below them packs
that were announced (`ANCHORS`), by which tests judge the parameters.
"""

from __future__ import annotations

import csv
import math
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from voltrail.errors import UsageError
from voltrail.technology.cell import NINE_OF_TEN, CellType

DESIGNS: Final = ("cell_to_pack", "module")
MOST_KWH: Final = 10_000.0  # of a pack; a truck's has 1,000
_DRAWS: Final = 1_000
_SEED: Final = 13

Numbers = NDArray[np.float64]


class Between(NamedTuple):
    """A middle, and from where to where it lies in nine of ten cases."""

    low: float
    middle: float
    high: float


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `packs.csv` or `bounds.csv`: where a number comes from and how sure it is."""

    subject: str
    parameter: str
    low: float
    middle: float
    high: float
    unit: str
    standing: str
    source: str

    @property
    def between(self) -> Between:
        """Return its three numbers."""
        return Between(self.low, self.middle, self.high)


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """
    A pack of one type of cell; kWh, kg, l.

    `energy_kwh` is gross, of which `usable_fraction_window` may be used. Cells, structure, cooling and
    pressure hardware add up to the middle of `mass_kg`.
    """

    cell: CellType
    design: str
    energy_kwh: float
    usable_fraction_window: float
    mass_kg: Between
    volume_l: Between
    cells_kg: float
    structure_kg: float
    cooling_kg: float
    pressure_kg: float

    @property
    def wh_per_kg(self) -> float:
        """Gross energy by mass, in the middle."""
        return 1000 * self.energy_kwh / self.mass_kg.middle

    @property
    def wh_per_l(self) -> float:
        """Gross energy by volume, in the middle."""
        return 1000 * self.energy_kwh / self.volume_l.middle


class PerKwh(NamedTuple):
    """What a kWh of a design weighs and takes up, part by part; arrays of draws, the first in the middle."""

    cells_kg: Numbers
    structure_kg: Numbers
    cooling_kg: Numbers
    pressure_kg: Numbers
    litres: Numbers

    @property
    def kg(self) -> Numbers:
        """All of its mass."""
        return self.cells_kg + self.structure_kg + self.cooling_kg + self.pressure_kg


def pack_of(
    cell: CellType,
    *,
    energy_kwh: float | None = None,
    mass_kg: float | None = None,
    volume_l: float | None = None,
    design: str = "cell_to_pack",
) -> Pack:
    """
    Return the pack of a cell that has an energy, or in its middle a mass or a volume: one of the three.

    Raises UsageError for none or several of them, for what is no size of a pack, and for an unknown design.
    """
    each = per_kwh(cell, design)
    kwh = _energy(each, energy_kwh, mass_kg, volume_l)
    return Pack(
        cell=cell,
        design=design,
        energy_kwh=kwh,
        usable_fraction_window=parameter(design, "window").middle,
        mass_kg=between(kwh * each.kg),
        volume_l=between(kwh * each.litres),
        cells_kg=float(kwh * each.cells_kg[0]),
        structure_kg=float(kwh * each.structure_kg[0]),
        cooling_kg=float(kwh * each.cooling_kg[0]),
        pressure_kg=float(kwh * each.pressure_kg[0]),
    )


def per_kwh(cell: CellType, design: str, draws: int = _DRAWS, seed: int = _SEED) -> PerKwh:
    """
    Return what a kWh weighs and takes up in a design, of each draw.

    All cells and designs see the same chance: what is better in every parameter is better in every draw.
    Raises UsageError for an unknown design.
    """
    if design not in DESIGNS:
        raise UsageError(
            "pack.design", f"There is no design of packs {design!r}.", f"Designs are {' and '.join(DESIGNS)}."
        )
    chance = np.clip(np.random.default_rng(seed).standard_normal((7, draws)), -2.33, 2.33)
    chance[:, 0] = 0
    # The cell's own two numbers rise and fall together: they are the same electrodes.
    kg = 1000 / drawn(Between(*cell.wh_per_kg), chance[0])
    litres = 1000 / drawn(Between(*cell.wh_per_l), chance[0])
    mass_ratio = drawn(parameter(design, "mass_ratio"), chance[1])
    volume_ratio = drawn(parameter(design, "volume_ratio"), chance[2])
    pressure_mpa = drawn(parameter(cell.electrolyte, "pressure_mpa"), chance[3])
    plates = drawn(parameter("pressure", "plates"), chance[4])
    steel_mpa = drawn(parameter("pressure", "steel_mpa"), chance[5])
    steel_kg_per_l = parameter("pressure", "steel_kg_per_l").middle
    pressure_kg = plates * pressure_mpa * litres * steel_kg_per_l / steel_mpa
    return PerKwh(
        cells_kg=kg,
        structure_kg=kg * (1 / mass_ratio - 1),
        cooling_kg=drawn(parameter(design, "cooling_kg_per_kwh"), chance[6]),
        pressure_kg=pressure_kg,
        litres=litres / volume_ratio + pressure_kg / steel_kg_per_l,
    )


def drawn(between: Between, deviations: Numbers) -> Numbers:
    """
    Return the values so many standard deviations from the middle, as `cell.draw` does; never below 0.

    Each side of the middle is half a normal curve, with 5 % below low and 5 % above high.
    """
    low, middle, high = between
    width = np.where(deviations < 0, middle - low, high - middle)
    return np.maximum(middle + width * deviations / NINE_OF_TEN, 0)


def parameter(subject: str, name: str) -> Between:
    """Return a parameter of a design, of an electrolyte or of pressure hardware."""
    return _FOUND[subject, name].between


def between(values: Numbers) -> Between:
    """Return where nine of ten draws lie, and the first, which is the middle."""
    low, high = np.quantile(values, (0.05, 0.95))
    return Between(min(float(low), float(values[0])), float(values[0]), max(float(high), float(values[0])))


def _energy(each: PerKwh, energy_kwh: float | None, mass_kg: float | None, volume_l: float | None) -> float:
    asked = [
        value / float(divided)
        for value, divided in ((energy_kwh, 1.0), (mass_kg, each.kg[0]), (volume_l, each.litres[0]))
        if value is not None
    ]
    if len(asked) != 1:
        raise UsageError(
            "pack.size",
            f"{len(asked)} sizes of the pack are given.",
            "Give one of energy_kwh, mass_kg and volume_l.",
        )
    if not (math.isfinite(asked[0]) and 0 < asked[0] <= MOST_KWH):
        raise UsageError(
            "pack.size",
            f"That is no size of a pack: {asked[0]:g} kWh.",
            f"Give one above 0, of at most {MOST_KWH:,.0f} kWh.",
        )
    return asked[0]


def read_parameters(name: str) -> tuple[Parameter, ...]:
    """Return the rows of a table of parameters of this package."""
    text = files(__package__).joinpath(name).read_text("utf-8")
    return tuple(msgspec.convert(row, Parameter, strict=False) for row in csv.DictReader(text.splitlines()))


PARAMETERS: Final = read_parameters("packs.csv")
ANCHORS: Final = tuple(one for one in PARAMETERS if one.subject.startswith("anchor:"))
_FOUND: Final = {(one.subject, one.parameter): one for one in PARAMETERS}
