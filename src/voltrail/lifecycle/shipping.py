"""What goes on its way, as the rules of borders ask of it: a lot, a battery, and from where."""

from __future__ import annotations

from datetime import date
from typing import Final

from voltrail.lifecycle.state import Battery, Lot, Model
from voltrail.organisations.trust import Organisation
from voltrail.regimes.border import Shipment
from voltrail.regimes.transport import family_of

__all__ = ["country_of", "goods_of_battery", "shipment_of_lot"]

_CREDIT_CODE_CHARACTERS: Final = 18


def shipment_of_lot(
    lot: Lot, day: date, origin: str, destination: str, waste_code: str | None = None
) -> Shipment:
    """Return what goes over a border with a lot, by what the record says of it."""
    return Shipment(
        lot.substance or "other",
        day,
        origin,
        destination,
        lot.waste,
        waste_code or lot.waste_code,
        tuple((element, fraction) for element, fraction, _ in lot.assays),
    )


def goods_of_battery(battery: Battery, model: Model | None) -> str:
    """Return which of `border.BATTERIES` a battery is."""
    family = family_of(battery.code, model.chemistry if model is not None else None)
    return f"{family}_batteries" if family is not None else "batteries"


def country_of(organisation: Organisation) -> str | None:
    """Return in which country an organisation is registered; who has a credit code is in China."""
    if organisation.country is not None:
        return organisation.country
    return "CN" if len(organisation.identifier) == _CREDIT_CODE_CHARACTERS else None
