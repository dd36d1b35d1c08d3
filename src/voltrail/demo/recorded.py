"""Vehicles on a registry's record, as they may be simulated."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Final, NamedTuple, cast

from voltrail.database.database import Database
from voltrail.demo.diary import YEAR
from voltrail.demo.market import DESIGNS, LFP, Design
from voltrail.demo.vehicles import Vehicle
from voltrail.lifecycle import Battery, decode_state
from voltrail.lifecycle.state import Vehicle as VehicleState

_KM_PER_YEAR: Final = 16_000
_LOST_PER_YEAR: Final = 0.022  # by a pack of which nobody measured what it can hold
_LEAST_SOH: Final = 0.7


class Recorded(NamedTuple):
    """A vehicle with the one pack in it, the pack's design, and the model that the record has for it."""

    vehicle: Vehicle
    design: Design
    model_id: str | None


def recorded(database: Database, at: datetime, most: int) -> list[Recorded]:
    """
    Return vehicles on the road that have had one pack without a doubt since a moment, by their VINs.

    What their packs can hold is what was measured last, or else what their age lets expect.
    """
    with database.pool.connection() as connection:
        vehicles = [
            cast("VehicleState", decode_state(subject, state))
            for subject, state in connection.execute(
                "select id, state from subject where id > 'vehicle:' and id < 'vehicle;' order by id"
            )
        ]
        on_road = {
            one.batteries[0]: one
            for one in vehicles
            if len(one.batteries) == 1 and one.sold_at and not (one.scrapped_at or one.exported_at)
        }
        packs = [
            cast("Battery", decode_state(subject, state))
            for subject, state in connection.execute(
                "select id, state from subject where id = any(%s) and place = 'in_vehicle'",
                [[f"battery:{code}" for code in on_road]],
            )
        ]
    found = [
        _recorded(on_road[pack.code], pack, at)
        for pack in packs
        if not pack.findings and (where := pack.whereabouts) and where.since and where.since <= at
    ]
    return sorted(found, key=lambda one: one.vehicle.vin)[:most]


def _recorded(state: VehicleState, pack: Battery, at: datetime) -> Recorded:
    begun = pack.begun_at or state.sold_at or at
    years = max((at - begun).total_seconds() / YEAR, 0.0)
    own = zlib.crc32(state.vin.encode()) % 1_000 / 1_000  # so that no two fade alike
    lost = _LOST_PER_YEAR * (0.7 + 0.6 * own)
    soh = 1 - lost * years
    if pack.soh_fraction is not None and pack.measured_at is not None:
        soh = pack.soh_fraction - lost * (at - pack.measured_at).total_seconds() / YEAR
    vehicle = Vehicle(
        state.vin,
        (pack.code,),
        (state.buyer_region or "44")[:2],
        soh=min(max(soh, _LEAST_SOH), 1.0),
        fade_per_year=lost,
        odometer_km=_KM_PER_YEAR * years * (0.8 + 0.4 * own),
    )
    return Recorded(vehicle, _design(pack.model_id), pack.model_id)


def _design(model_id: str | None) -> Design:
    """Return the design whose chemistry and energy a model of the sample world has in its name."""
    for design in DESIGNS:
        if (model_id or "").endswith(f"-{design.chemistry}-{round(design.energy_kwh.value)}"):
            return design
    return LFP
