"""
Where one battery went: its share of each lot that came of it, element by element.

A run mixes what goes into it, so what is said of one battery is a share: of the run that ended it by what the
models are made of, of each later run by how much of each element came with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec

from voltrail.events.kinds import CreditSpent
from voltrail.events.masses import MG_PER_KG
from voltrail.lifecycle.lots import takings
from voltrail.recycling.record import Lot, Material, Run, lots_made

SHOWN: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "P", "C", "Pb")


class Share(msgspec.Struct, frozen=True):
    """Of a lot, by element: kg that came of the battery when it was made, and how many it still has."""

    lot: Lot
    made_kg: dict[str, float]
    left_kg: dict[str, float]


class Trail(msgspec.Struct, frozen=True):
    """
    The run that ended a battery, what it was made of (kg of each element; None where that is not declared),
    the lots that have a share of it in the order in which they were made, and kg in new batteries by element.
    """

    run: Run
    composition: Mapping[str, float] | None
    shares: list[Share]
    in_batteries_kg: dict[str, float]
    in_waste_kg: dict[str, float]

    @property
    def in_lots_kg(self) -> dict[str, float]:
        """Return by element what lies in lots now that are no waste."""
        held: dict[str, float] = defaultdict(float)
        for share in self.shares:
            for element, kg in share.left_kg.items():
                held[element] += 0 if share.lot.waste else kg
        return held

    @property
    def lost_kg(self) -> dict[str, float]:
        """Return by element what the battery held and no lot, battery or waste on record holds now."""
        held = self.in_lots_kg
        return {
            element: kg
            - held[element]
            - self.in_batteries_kg.get(element, 0)
            - self.in_waste_kg.get(element, 0)
            for element, kg in (self.composition or {}).items()
        }


def elements_kg(lot: Lot) -> dict[str, float]:
    """Return what a lot holds by its assays, in kg of each element."""
    return {one.element: one.fraction * lot.dry_mg / MG_PER_KG for one in lot.assays}


def follow(material: Material, index: int, model: str | None) -> Trail | None:
    """
    Return where a battery of a model went that the run of an entry ended; None where there is no such run.

    `material` has that run and those after it, in their order.
    """
    start = next((run for run in material.runs if run.index == index), None)
    if start is None:
        return None
    known = material.models.get(model or "")
    composition = known.elements_kg if known is not None else None
    held: dict[str, dict[str, float]] = {}
    left: dict[str, dict[str, float]] = {}
    spent: dict[str, float] = defaultdict(float)
    for run in material.runs:
        if run.index == index:
            for lot in lots_made(run):
                own = {e: kg * _share(material, run, e, composition) for e, kg in elements_kg(lot).items()}
                held[lot.lot], left[lot.lot] = own, dict(own)
            continue
        came: dict[str, float] = defaultdict(float)
        whole: dict[str, float] = defaultdict(float)
        for name, taken_mg in takings(run.event):
            if name not in material.lots:
                continue
            source = material.lots[name]
            part = taken_mg / source.mass_mg if source.mass_mg else 0
            for element, kg in elements_kg(source).items():
                whole[element] += kg * part
            for element, kg in held.get(name, {}).items():
                moved = min(kg * part, left[name].get(element, 0))
                left[name][element] -= moved
                came[element] += moved
        if isinstance(run.event, CreditSpent):
            for element, kg in came.items():
                spent[element] += kg
        elif came:
            for lot in lots_made(run):
                own = {
                    e: kg * min(came[e] / whole[e], 1) for e, kg in elements_kg(lot).items() if whole.get(e)
                }
                held[lot.lot], left[lot.lot] = own, dict(own)
    shares = [Share(material.lots[name], held[name], left[name]) for name in held if any(held[name].values())]
    waste: dict[str, float] = defaultdict(float)
    for share in shares:
        if share.lot.waste:
            for element, kg in share.left_kg.items():
                waste[element] += kg
    return Trail(start, composition, shares, dict(spent), dict(waste))


def _share(material: Material, run: Run, element: str, composition: Mapping[str, float] | None) -> float:
    """Return which part of an element in a run came with one battery: by the models, or all alike."""
    number = sum(run.models.values())
    if composition is None:
        return 1 / number if number else 0
    whole = 0.0
    for model, count in run.models.items():
        known = material.models.get(model or "")
        if known is None or known.elements_kg is None:
            return 1 / number
        whole += known.elements_kg.get(element, 0) * count
    return composition.get(element, 0) / whole if whole else 0
