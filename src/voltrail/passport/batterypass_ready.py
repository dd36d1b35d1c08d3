"""
Passports as BatteryPass-Ready 1.0 has them: its members, each from points of the catalogue by one table.

The table (`batterypass_ready_1_0.json`) gives for each member its path, the points it is of, in which shape
it holds them, and whether the published schema for electric vehicles requires it. No schema is published for
other categories: for them a member is required where the Commission's guidance requires its points, and left
out where it says that they are not for that category.
Source: BatteryPass-Ready 1.0, EV.schema.json (JSON Schema 2020-12).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from voltrail.events.points import Value
from voltrail.passport import members
from voltrail.passport.members import Shape
from voltrail.passport.rulesets import EU_GUIDANCE, Row, RuleSet, Status

NAME: Final = "Battery_Passport"
EXACT: Final = "exactValue"
_SOURCE: Final = "BatteryPass-Ready 1.0"


MEMBERS: Final = members.read("batterypass_ready_1_0.json")
SECTIONS: Final = tuple(dict.fromkeys(member.path.partition("/")[0] for member in MEMBERS))
_SECTION_OF: Final = {
    point: member.path.partition("/")[0] for member in MEMBERS[::-1] for point in member.points
}


def section_of(point: str) -> str:
    """Return the section in which a point stands; one that stands in none is of how the battery performs."""
    return _SECTION_OF.get(point, "PerformanceAndDurability")


def written(values: Mapping[str, Value], withheld: Collection[str] = ()) -> dict[str, Any]:
    """
    Return the document of these values, as JSON has it.

    A member is there if all of its points are. What a reader may not see stands in `withheld`, by its path:
    such a document is partial, and says so.
    """
    found, hidden = members.write(MEMBERS, _SHAPES, values, withheld)
    document: dict[str, Any] = {NAME: found}
    if withheld:
        document["withheld"] = hidden
    return document


# ------------------------------------------------------------------ shapes


def _whole(value: float) -> int:
    """Return the nearest whole number: the schema has no others here."""
    return math.floor(value + 0.5)


def _amount(number: str, unit: str, text: str, *, whole: bool = False) -> Shape:
    """
    Return the shape of a number with its unit; where the schema wants a whole one, it is the nearest.

    What rounding would hide, such as a resistance below half an ohm, stands beside it in a member of ours,
    which the schema leaves room for.
    """

    def amount(value: float) -> dict[str, Any]:
        shown = _whole(value) if whole else _plain(value)
        return {number: shown, unit: text} | ({} if shown == value else {EXACT: value})

    return amount


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _ah_or_mah(value: float) -> dict[str, Any]:
    """Return a capacity in whole Ah, or in mAh where it is no whole number of Ah."""
    exact = value == int(value)
    number = int(value) if exact else _whole(value * 1_000)
    return {"amperehourMiliamperehourValue": number, "ampereHourMiliamperehour": "Ah" if exact else "mAh"}


def _watts(at_80: float, at_20: float) -> dict[str, Any]:
    return {"wattValueAt80SoC": _whole(at_80), "wattValueAt20SoC": _whole(at_20), "watt": "W"}


def _warranty_end(made: str, years: float) -> str:
    """Return the last day of a warranty that begins when the battery was made."""
    begun, months = date.fromisoformat(made), _whole(years * 12)
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    return date(year, month + 1, min(begun.day, 28)).isoformat()


CATEGORIES: Final = {
    "ev": "electric vehicle battery",
    "lmt": "light means of transport battery",
    "industrial": "industrial battery",
}
_PASSPORT_STATUSES: Final = {"draft": "Inactive"}  # the schema has no word for it
STATUSES: Final = {"re_used": "re-used"}
CHEMISTRIES: Final = {
    "LFP": "Li-ion LFP",
    "LCO": "Li-ion LCO",
    "LMO": "Li-ion LMO",
    "NCA": "Li-ion NCA",
    "NCM": "Li-ion NMC",
    "NMC": "Li-ion NMC",
    "sodium-ion": "Na-ion",
    "Na-ion": "Na-ion",
    "NiMH": "Ni-MH",
    "NiCd": "Ni-Cd",
    "Pb": "Pb",
}


def _chemistry(value: str) -> dict[str, str]:
    code = CHEMISTRIES.get(value)
    return {"additionallyPossibleValue": value} if code is None else {"chemicalCodeValue": code}


CO2_PER_KWH: Final = (
    "kgCO2-equivalentPerKilowattHourValue",
    "kgCO2-equivalentPerKilowattHour",
    "kgCO2-eq/kWh",
)

_SHAPES: Final[dict[str, Shape]] = {
    "text": str,
    "number": _plain,
    "integer": int,
    "percent": _amount("percentageValue", "percent", "%"),
    "kg": _amount("gramKgValue", "gramKg", "kg"),
    "ah": _amount("amperehourMiliamperehourValue", "ampereHourMiliamperehour", "Ah", whole=True),
    "ah_or_mah": _ah_or_mah,
    "kwh": _amount("kilowattHourValue", "kilowattHour", "kWh", whole=True),
    "volt": _amount("voltValue", "volt", "V"),
    "watt": _amount("wattValue", "watt", "W", whole=True),
    "watts": _watts,
    "watt_per_wh": _amount("wattPerWattHourValue", "wattPerWattHour", "W/Wh", whole=True),
    "ohm": _amount("ohmValue", "ohm", "Ohm", whole=True),
    "celsius": _amount("celsiusValue", "degreeCelsius", "°C", whole=True),
    "c_rate": _amount("amperePerAmpereHourValue", "amperePerAmpereHour", "A/Ah"),
    "co2_per_kwh": _amount(*CO2_PER_KWH),
    "co2": _amount("kgCO2-equivalentValue", "kgCO2-equivalent", "kgCO2-eq", whole=True),
    "category": lambda value: {"batteryCategoryValue": CATEGORIES[value]},
    "status": lambda value: {"batteryStatusValues": STATUSES.get(value, value)},
    "passport_status": lambda value: {"dppStatusValue": _PASSPORT_STATUSES.get(value, value.capitalize())},
    "chemistry": _chemistry,
    "materials": lambda cathode, anode, electrolyte: (
        f"Cathode: {cathode}; anode: {anode}; electrolyte: {electrolyte}"
    ),
    "warranty_end": _warranty_end,
}

# ------------------------------------------------------------------ as a rule set


def _rules() -> RuleSet:
    rows = tuple(
        Row(
            number,
            member.points,
            f"{_SOURCE}: {member.path}",
            _status(member.required),
            *(_by_guidance(member.points, category) for category in ("lmt", "industrial")),
        )
        for number, member in enumerate(MEMBERS, 1)
    )
    return RuleSet("batterypass-ready-1.0", _SOURCE, _SOURCE, EU_GUIDANCE.from_, _SOURCE, rows)


def _status(needed: bool) -> Status:
    return "mandatory" if needed else "optional"


def _by_guidance(points: Collection[str], category: str) -> Status:
    """Return whether a category without a published schema has a member: as the guidance has its points."""
    if set(points) <= EU_GUIDANCE.wants(category):
        return "mandatory"
    said = {row.status(category) for row in EU_GUIDANCE.rows if not set(row.points).isdisjoint(points)}
    return "absent" if said == {"absent"} else "optional"


RULES: Final = _rules()
