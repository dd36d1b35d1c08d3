"""
A plan of swaps for one journey: where, which packs, when, with how much energy; or what stands in the way.

    plan(request, network, reservations, now_ms) -> Plan

The way is given by points, or by start and destination alone: then it is the great circle, driven as if it
were `ROAD_FACTOR` longer. Stations stand where the way comes nearest to them, and cost a detour there and
back. They are passed in the order of the way; nobody turns round. A swap exchanges all blocks of the truck
for blocks of one type, charged in full.

How long it waits is forecast by `forecast.py`. What is found by `labels.py` has the least time of all plans,
and of those the fewest swaps; `bench/dispatch.py` and the tests hold it against plain enumeration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from voltrail.errors import UsageError
from voltrail.swap.catalogue import PACKS, TRUCKS, Truck
from voltrail.swap.forecast import MINUTE_MS, UNKNOWN_MIN, Clock, Refused, is_silent, offered
from voltrail.swap.labels import Label, Place, Search
from voltrail.swap.network import StationThere
from voltrail.swap.way import Point, Way
from voltrail.technology.vehicle import VEHICLES

DENSITY_KWH_KG: Final = 0.16  # of a pack whose mass is not known: the estimate made for Qiji blocks
DETOUR_MOST_KM: Final = 50.0  # off the way, one way
EARLY_MIN: Final = 15.0  # a window begins before the truck is expected,
LATE_MIN: Final = 45.0  # and ends after the swap
MOST_POINTS: Final = 2_000
MOST_KM: Final = 5_000.0
AHEAD_MS: Final = 7 * 86_400_000  # how long before its departure a journey can be planned
SHOWN_MIN: Final = 0.05  # a shorter wait is none
SEEN: Final = 20  # stations of no use that are named


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is asked: a `truck` of the catalogue with `blocks` packs of a type, charged to `charge`.

    Of each charge `reserve` is kept, at every station and at the destination. It leaves at `departs_ms`
    (milliseconds since 1970), now where that is None or past.
    """

    truck: Annotated[str, Meta(max_length=100)]
    pack_type: Annotated[str, Meta(max_length=100)]
    blocks: Annotated[int, Meta(ge=1, le=8)] = 1
    points: Annotated[tuple[Point, ...], Meta(min_length=2, max_length=MOST_POINTS)]
    load_t: Annotated[float, Meta(ge=0, le=200)] = 0.0
    charge: Annotated[float, Meta(ge=0, le=1)] = 1.0
    reserve: Annotated[float, Meta(ge=0, le=0.9)] = 0.1
    speed_kmh: Annotated[float, Meta(ge=5, le=120)] = 75.0
    temperature_c: Annotated[float, Meta(ge=-50, le=55)] = 20.0
    headwind_kmh: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    departs_ms: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation that holds now: some packs by code at a station; `ours` if it is of who asks, for it."""

    id: int
    site: str
    codes: tuple[str, ...]
    ours: bool = False


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a wait, and why: `bay`, `packs` or `unknown`; `demand` only says something."""

    rule: Literal["bay", "packs", "unknown", "demand"]
    minutes: float
    message: str


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """
    One swap: where, which packs go in, and when.

    `from_ms` and `until_ms` are the window to reserve. `used_kwh` is from the stop before to here, `left` the
    charge on arrival, from 0 to 1 of what the packs that are taken out hold; `put_in_kwh` what those that go
    in hold. `km` is the way behind, detours included.
    """

    site: str
    name: str
    operator: str
    latitude: float
    longitude: float
    packs: tuple[str, ...]
    pack_type: str
    arrives_ms: int
    starts_ms: int
    leaves_ms: int
    from_ms: int
    until_ms: int
    km: float
    detour_km: float
    used_kwh: float
    left: float
    put_in_kwh: float
    wait_min: float
    reasons: tuple[Reason, ...]
    reservation: int | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """Stops in their order, and the arrival: when, after how far, with which charge."""

    stops: tuple[Stop, ...]
    departs_ms: int
    arrives_ms: int
    km: float
    used_kwh: float
    left: float
    waits_min: float


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the way cannot be driven: from and to which km, what it takes and what there is."""

    message: str
    from_km: float
    to_km: float
    needs_kwh: float
    has_kwh: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What came out: `best` and `others`, or `short`; `refused` are the stations by the way that are no use.

    `per_km_kwh` is what the truck takes on this way, by `parts` as in `technology/vehicle.py`; `mass_kg` all
    that moves. `road_factor` is by how much the way given was made longer. `notes` are to be read.
    """

    truck: str
    road_factor: float
    km: float
    mass_kg: float
    per_km_kwh: float
    parts_kwh: dict[str, float]
    reach_km: float
    best: Journey | None
    others: tuple[Journey, ...]
    short: Short | None
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]


def check(request: Request, now_ms: int) -> Truck:
    """Return the truck that is meant. Raises UsageError (`dispatch.*`) for what cannot be planned with."""
    truck = TRUCKS.get(request.truck)
    if truck is None or request.truck not in VEHICLES:
        raise _wrong("truck", f"There is no truck {request.truck!r}", f"Use one of {_list(TRUCKS)}.")
    if request.pack_type not in truck.packs:
        raise _wrong(
            "pack_type", f"{truck.name} takes no packs {request.pack_type!r}", f"Use {_list(truck.packs)}."
        )
    if not truck.blocks_low <= request.blocks <= truck.blocks_high:
        most = f"from {truck.blocks_low} to {truck.blocks_high}" if truck.blocks_high > 1 else "one"
        raise _wrong("blocks", f"{truck.name} takes {most} at once", "Give that many blocks.")
    if PACKS[request.pack_type].energy_kwh is None:
        raise _wrong(
            "energy", f"How much {request.pack_type} holds was never published", "Use another type of pack."
        )
    if request.departs_ms is not None and request.departs_ms > now_ms + AHEAD_MS:
        raise _wrong("departure", "It leaves in more than seven days", "Plan when it is nearer.")
    most_kg = VEHICLES[request.truck].most_kg
    mass_kg = mass_of(request)
    if most_kg is not None and mass_kg > most_kg:
        raise _wrong(
            "load",
            f"With {request.load_t:g} t it weighs {mass_kg / 1e3:.1f} t, and may weigh {most_kg / 1e3:g} t",
            f"Load {max(request.load_t - (mass_kg - most_kg) / 1e3, 0):.1f} t at most.",
        )
    return truck


def _start(request: Request, now_ms: int) -> Label:
    """Return the truck as it leaves."""
    full = (PACKS[request.pack_type].energy_kwh or 0.0) * request.blocks
    leaves = max(((request.departs_ms or 0) - now_ms) / MINUTE_MS, 0.0)
    kwh = request.charge * full
    return Label(leaves, 0, kwh, full, -1, None, request.pack_type, None, leaves, leaves, kwh)


def mass_of(request: Request) -> float:
    """Return kg of all that moves, with the heaviest packs that the truck may get on its way."""
    packs = (PACKS[name] for name in TRUCKS[request.truck].packs if name in PACKS)
    heaviest = max((one.mass_kg or (one.energy_kwh or 0) / DENSITY_KWH_KG for one in packs), default=0.0)
    return VEHICLES[request.truck].tare_kg + request.load_t * 1e3 + request.blocks * heaviest


def plan(
    request: Request, network: Sequence[StationThere], reservations: Iterable[Held], now_ms: int
) -> Plan:
    """
    Return the plan with the least time, of those the one with the fewest swaps, and one that is another.

    `reservations` are those that hold now. What is impossible is no error but a plan with `short`; raises
    UsageError for a request that makes no sense.
    """
    truck = check(request, now_ms)
    mass_kg = mass_of(request)
    way = Way(
        request.truck,
        mass_kg,
        request.points,
        request.speed_kmh,
        request.temperature_c,
        request.headwind_kmh,
    )
    if way.length > MOST_KM:
        raise _wrong(
            "far", f"The way is {way.length:,.0f} km long", f"Plan at most {MOST_KM:,.0f} km at once."
        )
    reservations = list(reservations)
    places, refused = _places(request, truck, network, reservations, way, now_ms)
    start = _start(request, now_ms)
    search = Search(way, places, start, request.reserve)
    found = search.best()
    told = _Telling(request, search, reservations, now_ms)
    others: tuple[Journey, ...] = ()
    short = None
    if found is None:
        short, beyond = _short(search)
        refused = beyond + refused
    elif found.swaps:
        first = search.stops(found)[0].place
        other = search.best(without=first)
        others = () if other is None else (told.journey(other),)
    km = way.length
    per_km = float(way.kwh[-1]) / km if km > 0 else 0.0
    parts = {name: round(float(getattr(way.energy, name).sum()), 2) for name in way.energy.__struct_fields__}
    return Plan(
        truck=truck.id,
        road_factor=way.factor,
        km=round(km, 2),
        mass_kg=mass_kg,
        per_km_kwh=round(per_km, 4),
        parts_kwh=parts,
        reach_km=round(start.full * (1 - request.reserve) / per_km, 1) if per_km > 0 else 0.0,
        best=None if found is None else told.journey(found),
        others=others,
        short=short,
        refused=tuple(refused[:SEEN]),
        notes=_notes(request, way),
    )


def _places(
    request: Request,
    truck: Truck,
    network: Sequence[StationThere],
    reservations: list[Held],
    way: Way,
    now_ms: int,
) -> tuple[list[Place], list[Refused]]:
    """Return the stations that can be used, in the order of the way, and the others near it with why not."""
    at, off = way.beside(
        np.array([one.latitude for one in network]), np.array([one.longitude for one in network])
    )
    ours = {code for one in reservations if one.ours for code in one.codes}
    by_others = {code: one.id for one in reservations if not one.ours for code in one.codes}
    places, refused = [], []
    for number in np.lexsort((off, at)):
        station = network[number]
        if off[number] > DETOUR_MOST_KM:
            continue
        steps, why = offered(station, truck, request.blocks, by_others, ours)
        if why is not None:
            refused.append(why)
            continue
        clock = Clock(station, now_ms)
        places.append(Place(station, float(at[number]), float(off[number]), steps, clock))
    return places, refused


def _short(search: Search) -> tuple[Short, list[Refused]]:
    """Return which leg cannot be driven, and the first stations behind it, which would do."""
    last, to, needs = search.furthest()
    ends = search.places[to].at_km if to < search.end else search.way.length
    where = f"from {search.places[last.place].station.name}" if last.place >= 0 else "from the start"
    whither = f"to {search.places[to].station.name}" if to < search.end else "to the destination"
    has = max(search.usable(last), 0.0)
    short = Short(
        message=f"The way {where} {whither} takes {needs:.0f} kWh beside the reserve; there are {has:.0f}.",
        from_km=round(search.at_km(last), 1),
        to_km=round(ends, 1),
        needs_kwh=round(needs, 1),
        has_kwh=round(has, 1),
    )
    return short, [
        Refused(
            site=one.station.site,
            name=one.station.name,
            rule="too_far",
            message=f"It stands at km {one.at_km:.0f}, {one.off_km:.1f} km off the way.",
        )
        for one in search.places[to : to + 3]
    ]


class _Telling:
    """Turns labels into journeys."""

    def __init__(self, request: Request, search: Search, reservations: list[Held], now_ms: int) -> None:
        self.search, self.now_ms, self.blocks = search, now_ms, request.blocks
        self.ours = {(one.site, code): one.id for one in reservations if one.ours for code in one.codes}

    def journey(self, label: Label) -> Journey:
        """Return the journey that ends with a label at the destination."""
        stops = tuple(map(self._stop, self.search.stops(label)))
        before = label.before
        used = 0.0 if before is None else before.kwh - label.had
        return Journey(
            stops=stops,
            departs_ms=self._ms(self.search.start.leaves),
            arrives_ms=self._ms(label.leaves),
            km=round(self._km(label), 2),
            used_kwh=round(sum(one.used_kwh for one in stops) + used, 1),
            left=round(label.kwh / label.full, 4),
            waits_min=round(sum(one.wait_min for one in stops), 1),
        )

    def _stop(self, label: Label) -> Stop:
        place, before, step = self.search.places[label.place], label.before, label.step
        assert before is not None  # noqa: S101 - a swap comes after something
        assert step is not None  # noqa: S101
        station = place.station
        held = {self.ours.get((station.site, code)) for code in step.codes}
        starts, leaves = self._ms(label.starts), self._ms(label.leaves)
        arrives = self._ms(label.arrives)
        return Stop(
            site=station.site,
            name=station.name,
            operator=station.operator,
            latitude=station.latitude,
            longitude=station.longitude,
            packs=step.codes,
            pack_type=label.pack_type,
            arrives_ms=arrives,
            starts_ms=starts,
            leaves_ms=leaves,
            from_ms=max(arrives - int(EARLY_MIN * MINUTE_MS), self.now_ms),
            until_ms=leaves + int(LATE_MIN * MINUTE_MS),
            km=round(self._km(label), 2),
            detour_km=round(2 * place.off_km, 2),
            used_kwh=round(before.kwh - label.had, 1),
            left=round(label.had / before.full, 4),
            put_in_kwh=round(step.kwh, 1),
            wait_min=round(label.starts - label.arrives, 1),
            reasons=self._reasons(label, place),
            reservation=next(iter(held)) if len(held) == 1 else None,
        )

    def _reasons(self, label: Label, place: Place) -> tuple[Reason, ...]:
        found = []
        station, clock = place.station, place.clock
        waits = clock.wait(label.arrives)
        bay, packs = waits, label.starts - label.arrives - waits
        if is_silent(station, self.now_ms):
            bay -= UNKNOWN_MIN
            last = "never said how it is" if station.said_ms is None else "said nothing for two hours"
            words = f"It has {last}: reckoned with half an hour more."
            found.append(Reason(rule="unknown", minutes=UNKNOWN_MIN, message=words))
        if bay >= SHOWN_MIN:
            words = f"{station.queue} wait there now, {sum(clock.per_hour):.0f} trucks a day are expected."
            found.append(Reason(rule="bay", minutes=round(bay, 1), message=words))
        if packs >= SHOWN_MIN:
            found.append(Reason(rule="packs", minutes=round(packs, 1), message="Until the packs are full."))
        expected = clock.expected(label.arrives)
        if expected + self.blocks > len(station.packs):
            words = (
                f"{expected:.0f} trucks are expected before, {len(station.packs)} packs are there: reserve."
            )
            found.append(Reason(rule="demand", minutes=0.0, message=words))
        return tuple(found)

    def _km(self, label: Label) -> float:
        place = label.place
        at = self.search.at[place] if place < self.search.end else self.search.way.length
        passed = [self.search.places[one.place].off_km for one in self.search.stops(label)]
        if place < self.search.end:
            return at + 2 * sum(passed[:-1]) + passed[-1]
        return at + 2 * sum(passed)

    def _ms(self, minutes: float) -> int:
        return self.now_ms + round(minutes * MINUTE_MS)


def _notes(request: Request, way: Way) -> tuple[str, ...]:
    notes = []
    if way.factor != 1:
        notes.append(
            f"Where points are far apart the way is the great circle, taken longer: {way.factor:.3g} times"
            " in all. Give more points."
        )
    if any(point.altitude_m is None for point in request.points):
        notes.append("Some points have no altitude: the way is taken as level there.")
    return tuple(notes)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _wrong(what: str, message: str, fix: str) -> UsageError:
    return UsageError(f"dispatch.{what}", f"{message}.", fix)
