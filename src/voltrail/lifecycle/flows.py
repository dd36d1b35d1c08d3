"""
What an authority counts a pack as: where it is by province, who made it and when, and what it is doing now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from voltrail.codes import parse
from voltrail.errors import CodeError
from voltrail.lifecycle.state import ENDS, PLACES, Battery, Site, State, Vehicle
from voltrail.regimes.china.provinces import province_of

STATUSES: Final = (
    *(place for place in PLACES if place != "gone"),
    "disputed",
    "unrecorded",
    "waste",
    *ENDS,
)
# What the parts of a picture are drawn as; each status is of one.
GROUPS: Final = {
    "in_vehicle": "in_use",
    "in_swap_station": "in_use",
    "in_storage_system": "in_use",
    "in_parent": "in_use",
    "in_stock": "on_hand",
    "in_transit": "on_hand",
    "waste": "waste",
    **dict.fromkeys(ENDS, "ended"),
    "missing": "unclear",
    "disputed": "unclear",
    "unrecorded": "unclear",
}


class Flow(msgspec.Struct, frozen=True):
    """One pack as it is counted; "" and 0 for what the record does not say."""

    code: str
    province: str
    maker: str
    year: int
    type: str
    status: str


def flow_of(battery: Battery, state: Callable[[str], State | None]) -> Flow | None:
    """
    Return what a battery is counted as; None for a module or a cell, which its pack stands for.

    Its province is that of the vehicle's buyer, or of the site where it is; on the way and at the end it has
    none.
    """
    try:
        code = parse(battery.code)
    except CodeError:
        return None
    if code.level not in {"pack", "unknown"}:
        return None
    made = code.production_date.year if code.production_date is not None else 0
    return Flow(
        battery.code,
        _province(battery, state),
        code.maker or "",
        made,
        code.battery_type or "",
        _status(battery),
    )


def needed_for(battery: Battery) -> list[str]:
    """Return the subjects whose states say in which province a battery is."""
    claim = battery.whereabouts
    if claim is None:
        return []
    named = (("vehicle", claim.vin), ("site", claim.site))
    return [f"{kind}:{name}" for kind, name in named if name is not None]


def _province(battery: Battery, state: Callable[[str], State | None]) -> str:
    if battery.place in {"gone", "in_transit", "missing"}:
        return ""
    for subject in needed_for(battery):
        found = state(subject)
        if isinstance(found, Vehicle):
            return province_of(found.buyer_region)
        if isinstance(found, Site):
            return province_of(found.region)
    return ""


def _status(battery: Battery) -> str:
    if battery.end is not None:
        return battery.end
    if battery.phase == "waste" and battery.place not in {"missing", "disputed"}:
        return "waste"
    return battery.place if battery.place != "gone" else "unrecorded"
