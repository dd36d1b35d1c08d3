"""
What batteries of the sample world are made of, what comes of them, and what a laboratory says of it.

Masses are whole grams, so that every balance is exact; elements are grams as they are.
"""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec

from voltrail.demo.cast import Member
from voltrail.demo.market import Design, Fact

Elements = dict[str, float]

_BATPAC: Final = "BatPaC 5.2 default pack, graphite anode, github.com/pmbusch/USA-EV-Lithium-GHG"
_MATILDA: Final = "Aguilar Lopez et al. 2023, doi.org/10.1016/j.resconrec.2023.106951"
_OWN: Final = "own number: published module fractions are upper values for cars"
_SODIUM: Final = "a sample must show several chemistries; no source held"

# kg of each element per kWh, but for the steel of the case.
PER_KWH: Final[dict[str, dict[str, Fact]]] = {
    "LFP": {
        "Li": Fact(0.089, "verified", _BATPAC),
        "Fe": Fact(0.66, "estimate", "Fe:P = 1:1 in the cathode"),
        "P": Fact(0.369, "derived", _MATILDA),
        "C": Fact(0.9554, "verified", _BATPAC),
        "Cu": Fact(0.5655, "verified", _BATPAC),
        "Al": Fact(1.0, "estimate", _OWN),
    },
    "NCM": {
        "Li": Fact(0.1035, "verified", f"NMC 622, {_BATPAC}"),
        "Ni": Fact(0.512, "verified", f"NMC 622, {_BATPAC}"),
        "Co": Fact(0.1713, "verified", f"NMC 622, {_BATPAC}"),
        "Mn": Fact(0.1598, "estimate", "NMC 622, from its nickel"),
        "C": Fact(0.8529, "verified", f"NMC 622, {_BATPAC}"),
        "Cu": Fact(0.394, "verified", f"NMC 622, {_BATPAC}"),
        "Al": Fact(1.0, "estimate", _OWN),
    },
    "NIB": {
        "Na": Fact(0.45, "invented", _SODIUM),
        "Fe": Fact(0.4, "invented", _SODIUM),
        "Mn": Fact(0.55, "invented", _SODIUM),
        "C": Fact(1.4, "invented", _SODIUM),
        "Al": Fact(1.6, "invented", _SODIUM),
        "Cu": Fact(0.1, "invented", _SODIUM),
    },
}
STEEL: Final = Fact(0.08, "invented", "the share of a pack's mass that is the steel of its case")

MODULES: Final = 8  # in a pack
MODULES_SHARE: Final = 0.8  # of a pack's mass

FE_PER_P: Final = 1.803  # in the cathode, by mass: one atom each
_OXYGEN: Final = 1.55  # mass of a layered oxide to that of its nickel, cobalt and manganese
_PHOSPHATE: Final = 4.868  # mass of iron phosphate to that of its phosphorus
_LEAST: Final = 0.0005  # a share below this is not reported
_FINEST: Final = 0.0001
_LOOKED_FOR: Final = ("Li", "Ni", "Co", "Mn")  # by a laboratory, in whatever may hold some
_MIXED: Final = frozenset({"black_mass", "electrodes", "cells", "solution", "residue"})

PURE: Final[dict[str, Elements]] = {
    "lithium_carbonate": {"Li": 0.1868},
    "nickel_sulfate": {"Ni": 0.2221},
    "cobalt_sulfate": {"Co": 0.2083},
    "manganese_sulfate": {"Mn": 0.3231},
    "iron_phosphate": {"Fe": 0.3682, "P": 0.2042},
    "copper": {"Cu": 0.997},
    "aluminium": {"Al": 0.99},
    "steel": {"Fe": 0.98},
    "graphite": {"C": 0.985},
}
"""Shares of the elements in what is sold, a little below the formula."""

CATHODES: Final[dict[str, Elements]] = {
    "LFP": {"Li": 0.0438, "Fe": 0.3525, "P": 0.1955},
    "NCM": {"Li": 0.0713, "Ni": 0.3618, "Co": 0.1211, "Mn": 0.1129},
}
"""Shares of the elements in cathode material."""

ELECTRODES: Final[dict[str, Elements]] = {
    chemistry: {**{name: share / 2 for name, share in shares.items()}, "C": 0.29, "Cu": 0.125, "Al": 0.085}
    for chemistry, shares in CATHODES.items()
}
"""Shares of the elements in what is cut off when electrodes are made."""


class Lot(msgspec.Struct):
    """
    A lot as its papers say: its name, who has it and where, grams as it lies there, grams of elements.

    `of` is a pack among those that it came of, where there are any.
    """

    name: str
    holder: Member
    site: str
    substance: str
    grams: int
    content: Elements
    made: int
    dry_grams: float
    of: str | None = None


def composition(design: Design) -> dict[str, float]:
    """Return what makers declare of a design: kg of each element in one battery."""
    energy, mass = design.energy_kwh.value, design.mass_kg.value
    found = {element: fact.value * energy for element, fact in PER_KWH[design.chemistry].items()}
    found["Fe"] = found.get("Fe", 0.0) + STEEL.value * mass
    return {element: round(kg, 3) for element, kg in found.items()}


def module_composition(design: Design) -> dict[str, float]:
    """Return what makers declare of the modules of a design: kg of each element in one."""
    whole = composition(design)
    return {element: round(kg / MODULES, 3) for element, kg in less(whole, case(whole)).items()}


def case(content: Elements) -> Elements:
    """Return what of a pack is in no module: a case of aluminium and steel, wiring of copper."""
    steel = content.get("Fe", 0.0) - FE_PER_P * content.get("P", 0.0)
    return {"Al": content["Al"] * 0.5, "Fe": steel * 0.9, "Cu": content["Cu"] * 0.1}


def less(content: Elements, part: Elements) -> Elements:
    """Return the elements without a part of them."""
    left = {name: grams - part.get(name, 0.0) for name, grams in content.items()}
    return {name: grams for name, grams in left.items() if grams > 0}


def powder_grams(content: Elements) -> float:
    """Return what electrode powder with these elements weighs when it is dry."""
    metals = sum(content.get(element, 0.0) for element in ("Ni", "Co", "Mn"))
    others = sum(content.get(element, 0.0) for element in ("Li", "C", "Cu", "Al"))
    return _OXYGEN * metals + _PHOSPHATE * content.get("P", 0.0) + others


def plus(one: Elements, other: Elements) -> Elements:
    """Return the elements of two together."""
    return {element: one.get(element, 0.0) + other.get(element, 0.0) for element in {**one, **other}}


def times(content: Elements, factor: float) -> Elements:
    """Return so many times the elements."""
    return {element: grams * factor for element, grams in content.items()}


def kilograms(grams: int) -> float:
    """Return a mass as it is written."""
    return grams / 1_000


def assays(rng: random.Random, substance: str, content: Elements, dry_grams: float) -> list[dict[str, Any]]:
    """
    Return what a laboratory says of dry matter: each element a little off, by what it says of itself.

    What it looked for and did not find is said too.
    """
    found = []
    for element, grams in content.items():
        share, relative = grams / dry_grams, rng.uniform(0.005, 0.01)
        if share >= _LEAST:
            told = round(min(1.0, share * rng.gauss(1, relative)), 6)
            found.append(_assay(element, told, max(_FINEST, round(share * relative, 6))))
    said = {one["element"] for one in found}
    lacking = _LOOKED_FOR if substance in _MIXED else ()
    return found + [_assay(element, 0.0, _FINEST) for element in lacking if element not in said]


def _assay(element: str, fraction: float, uncertainty: float) -> dict[str, Any]:
    return {"element": element, "fraction": fraction, "uncertainty": uncertainty, "method": "ICP-OES"}
