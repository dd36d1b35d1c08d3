"""
From packs to metals, for one element: how much of it went from what it came in, through what, to where it is.

Each run mixes its inputs and shares them among its outputs by what these hold. What came out beyond what went
in has no origin, and is told as such.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, TypeAlias

from voltrail.events.kinds import CreditSpent, LotCreated
from voltrail.events.masses import MG_PER_KG
from voltrail.lifecycle.lots import takings
from voltrail.recycling.record import Material, Run, lots_made

UNEXPLAINED: Final = "unexplained"
ELSEWHERE: Final = "elsewhere"
IN_BATTERIES: Final = "in_batteries"
LOST: Final = "lost"
WASTE: Final = "waste"

Way: TypeAlias = tuple[str, str, str]
"""
What it came in: a chemistry (`unknown` where a model says none), the origin of a lot that came from outside,
`elsewhere` where the run that made it is not among those looked at, or `unexplained`; the substance of the
first lot; and where it is: the substance of the lot, `in_batteries`, `waste` or `lost`.
"""
_Origin: TypeAlias = tuple[str, str]
_Kg: TypeAlias = dict[_Origin, float]


def ways(material: Material, element: str) -> dict[Way, float]:
    """Return kg of an element by its way through a material; runs are taken in their order."""
    left: dict[str, _Kg] = {}
    found: dict[Way, float] = defaultdict(float)
    for run in material.runs:
        came = _came(material, run, element, left)
        if isinstance(run.event, CreditSpent):
            _end(found, came, IN_BATTERIES)
            continue
        made = {lot.lot: _holds(material, lot.lot, element) for lot in lots_made(run)}
        whole, out = sum(came.values()), sum(made.values())
        for name, kg in made.items():
            substance = material.lots[name].substance
            own: _Kg = defaultdict(float)
            for (origin, first), amount in came.items():
                own[origin, first or substance] += amount * kg / max(out, whole) if kg else 0
            if out > whole and kg:
                origin = run.event.origin if isinstance(run.event, LotCreated) else UNEXPLAINED
                own[origin, substance] += kg * (1 - whole / out)
            left[name] = own
        if whole > out:
            _end(found, {key: kg * (1 - out / whole) for key, kg in came.items()}, LOST)
    for name, own in left.items():
        lot = material.lots[name]
        _end(found, own, WASTE if lot.waste else lot.substance)
    return {way: kg for way, kg in found.items() if kg > 0}


def _came(material: Material, run: Run, element: str, left: dict[str, _Kg]) -> _Kg:
    came: _Kg = defaultdict(float)
    if not isinstance(run.event, CreditSpent | LotCreated):
        for model, count in run.models.items():
            known = material.models.get(model or "")
            if known is not None and known.elements_kg:
                came[known.chemistry or "unknown", ""] += known.elements_kg.get(element, 0) * count
    for lot, taken_mg in takings(run.event):
        if lot not in material.lots:
            continue
        part = min(taken_mg / material.lots[lot].mass_mg, 1) if material.lots[lot].mass_mg else 0
        holds = _holds(material, lot, element) * part
        own = left.setdefault(
            lot, {(ELSEWHERE, material.lots[lot].substance): _holds(material, lot, element)}
        )
        whole = sum(own.values())
        share = min(holds / whole, 1) if whole else 0
        for key, kg in own.items():
            came[key] += kg * share
            own[key] = kg * (1 - share)
    return came


def _holds(material: Material, name: str, element: str) -> float:
    lot = material.lots[name]
    return sum(one.fraction for one in lot.assays if one.element == element) * lot.dry_mg / MG_PER_KG


def _end(found: dict[Way, float], own: _Kg, where: str) -> None:
    for (origin, first), kg in own.items():
        found[origin, first or where, where] += kg
