"""Swap networks as rows that follow from the record: stations, swaps, packs, and what was told of packs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from voltrail.events import kinds
from voltrail.lifecycle import Battery, Recorded, State, effective_events
from voltrail.lifecycle.swapping import unfit
from voltrail.organisations.trust import Site
from voltrail.registry.following import Known, Row, Step, Sums, Table

MAX_CHAIN: Final = 64

STATIONS: Final = Table(
    "station",
    {
        **dict.fromkeys(("site", "operator", "name", "region", "address", "phone", "hours"), "text"),
        **dict.fromkeys(("latitude", "longitude"), "float8"),
        "interfaces": "text[]",
        **dict.fromkeys(("bays", "slots", "chargers"), "int4"),
        "charger_kw": "float8",
    },
    key=1,
    by="site",
)
SWAPS: Final = Table(
    "swap",
    {
        "seq": "int8",
        "at": "timestamptz",
        **dict.fromkeys(("operator", "station", "vin", "taken_out", "put_in"), "text"),
        **dict.fromkeys(("energy_out_wh", "energy_in_wh"), "int8"),
        "odometer_km": "float8",
    },
    key=1,
    by="vin",
)
PACKS: Final = Table(
    "swap_pack",
    {
        **dict.fromkeys(("code", "model", "place", "station", "vin"), "text"),
        "since": "timestamptz",
        **dict.fromkeys(("holder", "owner"), "text"),
        "soh": "float8",
        "refused": "text",
    },
    key=1,
    by="code",
)
TOLD: Final = Table(
    "swap_pack_told",
    {"code": "text", "seq": "int8", "at": "timestamptz", "owner": "text", "soh": "float8"},
    key=2,
    by="code",
)

HOURLY: Final = Sums("swap_hour", {"station": "text", "hour": "timestamptz"})

TELLING: Final = frozenset({"ownership_transferred", "measured", "corrected"})


def swaps_standing(step: Step) -> dict[int, Recorded | None]:
    """Return what stands of each swap that a step tells or corrects, by its first entry; None for void."""
    found: dict[int, Recorded | None] = {}
    for one in step.entries:
        event = one.recorded.event
        if isinstance(event, kinds.Swapped):
            found[one.recorded.index] = one.recorded
        elif isinstance(event, kinds.Corrected):
            root, chain = _down(one.recorded, step.known)
            counting = effective_events(chain)
            found[root] = counting[0] if counting else None
    return found


def _down(correction: Recorded, known: Known) -> tuple[int, list[Recorded]]:
    """Return the index of the event that a correction corrects in the end, and all that lies between."""
    chain = [correction]
    index = correction.index
    while isinstance(event := chain[-1].event, kinds.Corrected) and len(chain) <= MAX_CHAIN:
        index = event.corrects
        corrected = known.recorded(index)
        if corrected is None:
            break
        chain.append(corrected)
    return index, chain


def swaps_of(known: Known, vins: Iterable[str]) -> Iterator[Row]:
    """Yield the swaps of vehicles, as rows; their chains are read."""
    for vin in vins:
        rows = map(swap_of, known.events("vehicle:" + vin))
        yield from (row for row in rows if row is not None)


def was_swapped(events: Iterable[Recorded]) -> bool:
    """Return whether a battery was ever swapped, by its events that count."""
    return any(isinstance(one.event, kinds.Swapped) for one in events)


def swap_of(one: Recorded) -> Row | None:
    """Return an event as a row, if it is a swap."""
    event = one.event
    if not isinstance(event, kinds.Swapped):
        return None
    return (
        *(one.index, event.occurred_at.astimezone(UTC), one.reporter, event.station, event.vin),
        *(event.taken_out, event.put_in, _wh(event.energy_out_kwh), _wh(event.energy_in_kwh)),
        event.odometer_km,
    )


def _wh(kwh: float | None) -> int | None:
    """Return whole watt-hours, None for what is not known or no meter shows."""
    return None if kwh is None or kwh > 1e9 else round(kwh * 1_000)


def station_of(state: State | None) -> Row | None:
    """Return a site as a row, if it is a station that is not closed."""
    if not isinstance(state, Site) or state.site_type != "station" or state.closed:
        return None
    return (
        *(state.identifier, state.organisation, state.name, state.region, state.address, state.phone),
        *(state.hours, state.latitude, state.longitude, tuple(getattr(state, "interfaces", ()))),
        *(getattr(state, name, None) for name in ("bays", "slots", "chargers", "charger_kw")),
    )


def packs_of(known: Known, codes: Iterable[str], swapped: Collection[str]) -> Iterator[Row]:
    """Yield the packs of swap networks among batteries, as rows: in a station now, or ever `swapped`."""
    found = [state for code in codes if isinstance(state := known.slot("battery:" + code).state, Battery)]
    standing = {one.code for one in found if _stands(one)}
    known.read_chains("battery:" + code for code in standing)
    for battery in found:
        code, claim = battery.code, battery.whereabouts
        in_station = code in standing
        if not in_station and code not in swapped:
            continue
        yield (
            *(code, battery.model_id, battery.place),
            claim.site if claim is not None and in_station else None,
            claim.vin if claim is not None else None,
            claim.since if claim is not None else None,
            *(battery.holder, battery.owner, battery.soh_fraction),
            unfit(battery, known.events("battery:" + code)) if in_station else None,
        )


def _stands(battery: Battery) -> bool:
    """Return whether a claim has a battery in a station; one that is disputed stands in none."""
    claim = battery.whereabouts
    return claim is not None and claim.place == "in_swap_station"


def told_of(known: Known, codes: Iterable[str]) -> Iterator[Row]:
    """Yield who came to own packs and what was measured of them, as rows; their chains are read."""
    for code in codes:
        for one in known.events("battery:" + code):
            event = one.event
            at = event.occurred_at.astimezone(UTC)
            if isinstance(event, kinds.OwnershipTransferred):
                yield code, one.index, at, event.to, None
            elif isinstance(event, kinds.Measured) and event.soh_fraction is not None:
                yield code, one.index, at, None, event.soh_fraction


def hour_of(row: Row) -> tuple[str, datetime]:
    """Return at which station and in which hour a swap was, by its row."""
    return row[3], row[1].replace(minute=0, second=0, microsecond=0)
