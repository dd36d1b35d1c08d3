"""
Passports as the BatteryPass data model 1.2 has them: seven payloads, by one table (`batterypass_1_2.json`).

Its names are as published, the misspelt ones too. A shape in the table may have a word after it, such as the
name of a member or a part of the battery. Source: BatteryPass data model 1.2.0, the schema of each payload.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from voltrail.passport import members
from voltrail.passport.compose import Known
from voltrail.passport.members import Shape
from voltrail.passport.told import Told

MEMBERS: Final = members.read("batterypass_1_2.json")


def written(told: Told) -> dict[str, Any]:
    """Return the payloads by name, as JSON has them; `withheld` names the paths that are not seen."""
    document, hidden = members.write(MEMBERS, _SHAPES, told.values, told.withheld)
    if told.withheld:
        document["withheld"] = list(dict.fromkeys(hidden))
    return document


def _dated(known: Known, **values: Any) -> dict[str, Any]:
    """Return these with when they were measured."""
    return values if known.at is None else {**values, "lastUpdate": known.at.isoformat()}


def _at_charge(percent: int, known: Known) -> dict[str, Any]:
    return {"atSoC": percent, "powerCapabilityAt": known.value}


def _power_now(percent: int, known: Known) -> dict[str, Any]:
    value = _at_charge(percent, known)
    if known.at is not None:
        value["rPCLastUpdated"] = known.at.isoformat()
    return _dated(known, remainingPowerCapabilityValue=value)


_STATUSES: Final = {"re_used": "Reused"}

# For shapes that have a word after them.
_WORDED: Final[dict[str, Callable[..., Any]]] = {
    "stage": lambda word, known: {"lifecycleStage": word, "carbonFootprint": known.value},
    "recycled": lambda word, pre, post: {
        "recycledMaterial": word,
        "preConsumerShare": pre.value,
        "postConsumerShare": post.value,
    },
    "label": lambda word, known: {"labelingSubject": word, "labelingSymbol": known.value},
    "material": lambda word, known: {
        "batteryMaterialName": known.value,
        "batteryMaterialLocation": {"componentName": word},
    },
    "resistance": lambda word, known: {"batteryComponent": word, "ohmicResistance": known.value},
    "dated": lambda word, known: _dated(known, **{word: known.value}),
    "power": lambda word, known: _at_charge(int(word), known),
    "power_now": lambda word, known: _power_now(int(word), known),
}


def _worded(as_: str) -> Shape:
    shape, _, word = as_.partition(" ")
    return lambda *known: _WORDED[shape](word, *known)


_SHAPES: Final[dict[str, Shape]] = {
    "text": lambda known: known.value,
    "number": lambda known: known.value,
    # The schema wants a moment: a day is its midnight, in UTC.
    "day": lambda known: f"{known.value}T00:00:00Z",
    "status": lambda known: _STATUSES.get(known.value, known.value.capitalize()),
    "manual": lambda known: {"documentType": "DismantlingManual", "documentURL": known.value},
    "source": lambda known: {"supplierWebAddress": known.value},
    "critical": lambda known: {"batteryMaterialName": known.value, "isCriticalRawMaterial": True},
    "hazard": lambda known, effects: {
        "hazardousSubstanceName": known.value,
        "hazardousSubstanceImpact": [effects.value],
    },
    "increase": lambda known: _dated(
        known, batteryComponent="pack", internalResistanceIncreaseValue=known.value
    ),
    **{member.as_: _worded(member.as_) for member in MEMBERS if " " in member.as_},
}
