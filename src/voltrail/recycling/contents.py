"""
What is in a battery or a lot where nobody measured it, and what sort of thing a substance is.

By chemistry and energy for batteries, by formula for what is sold as one: `contents.json`, with its sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from voltrail.events.structs import Element, Substance
from voltrail.recycling.record import Composition

ELEMENTS: Final[tuple[str, ...]] = get_args(Element)
METALS: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Pb")
"""Those that are won back, and for which a plant has to answer."""

CHEMISTRY: Final = ("Ni", "Co", "Mn", "Fe", "P")
"""Those that tell one cathode from another."""

Sort: TypeAlias = Literal["product", "powder", "unfinished", "residue"]

SORTS: Final[Mapping[str, Sort]] = {
    **dict.fromkeys(get_args(Substance), "product"),
    **dict.fromkeys(("black_mass", "cathode_powder", "anode_powder", "electrodes"), "powder"),
    **dict.fromkeys(("cells", "solution"), "unfinished"),
    **dict.fromkeys(
        ("slag", "sludge", "residue", "wastewater", "gas", "reagent", "water", "other"), "residue"
    ),
}
"""A product is won; a powder goes from separation to refining; what is unfinished stays within its stage."""

SALTS: Final = frozenset(
    {
        "lithium_carbonate",
        "lithium_hydroxide",
        "lithium_phosphate",
        "nickel_sulfate",
        "cobalt_sulfate",
        "manganese_sulfate",
        "mixed_hydroxide",
        "iron_phosphate",
        "precursor",
        "cathode_material",
    }
)
"""What holds much that no battery brought: of their mass only the elements are won from batteries."""

POWDER_PER_KG: Final = {"Ni": 1.6635, "Co": 1.6608, "Mn": 1.7088, "P": 5.0931, "C": 1.0}
"""
Electrode powder that comes with a kilogram of an element: LiMO2 for Ni, Co and Mn, LiFePO4 for P, graphite.
"""


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What `contents.json` holds: kg of elements per kWh and kg of pack per kWh by chemistry, where a chemistry
    that is named less exactly is `taken_as` another; the formula of a substance and its elements as shares.
    """

    source: str
    kg_per_kwh: dict[str, dict[str, float]]
    pack_kg_per_kwh: dict[str, float]
    taken_as: dict[str, str]
    formula_source: str
    formulas: dict[str, tuple[str, dict[str, float]]]


CONTENTS: Final = msgspec.json.decode(
    files(__package__).joinpath("contents.json").read_bytes(), type=Contents
)


def chemistry_of(name: str | None) -> str | None:
    """
    Return the chemistry of the table that a name means, or None.

    >>> chemistry_of("NCM 811"), chemistry_of("NMC"), chemistry_of("lfp"), chemistry_of("lead acid")
    ('NMC811', 'NMC622', 'LFP', None)
    """
    if name is None:
        return None
    plain = re.sub(r"[^A-Z0-9]", "", name.upper()).replace("NCM", "NMC")
    plain = CONTENTS.taken_as.get(plain, plain)
    return plain if plain in CONTENTS.kg_per_kwh else None


def typical(model: Composition) -> Mapping[str, float]:
    """Return kg of elements in one battery of a model by its chemistry and energy; else by its mass."""
    chemistry = chemistry_of(model.chemistry)
    if chemistry is None:
        return {}
    energy = model.energy_kwh
    if energy is None and model.mass_kg is not None and chemistry in CONTENTS.pack_kg_per_kwh:
        energy = model.mass_kg / CONTENTS.pack_kg_per_kwh[chemistry]
    if energy is None:
        return {}
    return {element: kg * energy for element, kg in CONTENTS.kg_per_kwh[chemistry].items()}


def by_formula(substance: str) -> Mapping[str, float] | None:
    """Return the shares of elements in what is sold under a formula, all others being traces; or None."""
    found = CONTENTS.formulas.get(substance)
    return None if found is None else found[1]
