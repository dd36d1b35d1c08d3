"""
What the record says of one subject, as frozen values that pack into a few bytes.

A state is a function of the subject's own chain and nothing else. What a part
takes from its parent is resolved by readers, with `effective`. The structs
are stored as arrays: new fields are only ever appended, with a default.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from voltrail.events import Event
from voltrail.organisations.trust import Organisation, Site

__all__ = [
    "ENDS",
    "PHASES",
    "PLACES",
    "Battery",
    "Effective",
    "Finding",
    "Issued",
    "Lot",
    "Model",
    "Organisation",
    "Recorded",
    "Said",
    "Site",
    "State",
    "Vehicle",
    "Whereabouts",
    "decode_state",
    "effective",
    "encode_state",
    "from_ms",
]

PLACES: Final = (
    "in_stock",
    "in_transit",
    "in_parent",
    "in_vehicle",
    "in_swap_station",
    "in_storage_system",
    "missing",
    "gone",
)
PHASES: Final = ("original", "re_used", "repurposed", "remanufactured", "waste", "ended")
ENDS: Final = ("dismantled", "recycled", "succeeded", "exported", "destroyed")
MAX_DEPTH: Final = 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(64)
def from_ms(milliseconds: int, zone: tzinfo | None = UTC) -> datetime:
    """
    Return the time of milliseconds since 1970, as a zone has it; remembered, since many come at one time.

    To compare two times of one zone costs a thirtieth of what it costs where their zones differ.
    """
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(zone)


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the log and who reported it when."""

    index: int
    event: Event
    reporter: str
    received_ms: int


class Finding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What does not add up, and which event showed it.

    The message names organisations and vehicles: it is for those who may see
    the event's own members. The public sees `kind` and `rule`, and no breach.
    """

    kind: Literal["gap", "conflict", "late", "breach"]
    rule: str
    message: str
    fix: str = ""
    index: int = -1
    source: str | None = None


class Whereabouts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    One claim of where a battery is.

    `site` is the station for in_swap_station; `to` the receiver for
    in_transit, where `holder` is still the sender.
    """

    place: str
    holder: str | None = None
    vin: str | None = None
    parent: str | None = None
    system: str | None = None
    site: str | None = None
    to: str | None = None
    since: datetime | None = None

    @property
    def identity(self) -> tuple[str | None, ...]:
        """Return what makes two claims the same, whenever they began."""
        return (self.place, self.holder, self.vin, self.parent, self.system, self.site, self.to)


class Issued(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    An EU passport of a battery: its number, when and by whom it was issued, and by which entry.

    `until` and `why` say when it ended and of what, `ended_by` which entry says so.
    """

    number: int
    since: datetime
    by: str
    index: int
    until: datetime | None = None
    why: str | None = None
    ended_by: int | None = None

    @property
    def status(self) -> Literal["active", "inactive", "archived"]:
        """Return whether it is in force; `archived` where the battery has been recycled."""
        if self.until is None:
            return "active"
        return "archived" if self.why == "recycled" else "inactive"


class Battery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What the record says of a battery.

    `claims` holds one whereabouts, more when they are disputed, and none while
    no event that counts says where it is. `latest` and `count` are over all its
    accepted events, those later corrected included. `begun` is the event that
    began the record, or None when it was never reported. `campaigns` are the
    recalls for which the work was not yet reported. `passports` are those that were issued, in their order;
    at most the last is in force.
    """

    code: str
    claims: tuple[Whereabouts, ...] = ()
    phase: str = "original"
    latest: datetime | None = None
    count: int = 0
    begun: str | None = None
    begun_at: datetime | None = None
    model_id: str | None = None
    owner: str | None = None
    operator: str | None = None
    end: str | None = None
    ended_at: datetime | None = None
    soh_fraction: float | None = None
    measured_at: datetime | None = None
    parts: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()
    identified: tuple[str, ...] = ()
    right: str | None = None
    history_before: str | None = None
    decision: str | None = None
    campaigns: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    mended: tuple[tuple[int, int], ...] = ()
    phase_before_end: str | None = None
    passports: tuple[Issued, ...] = ()

    @property
    def place(self) -> str:
        """Return the one place, `disputed` for several, `unrecorded` for none."""
        if len(self.claims) == 1:
            return self.claims[0].place
        return "disputed" if self.claims else "unrecorded"

    @property
    def whereabouts(self) -> Whereabouts | None:
        """Return the one claim, or None when there is none or several."""
        return self.claims[0] if len(self.claims) == 1 else None

    @property
    def holder(self) -> str | None:
        """Return who has the battery, as far as one claim alone says so."""
        return self.claims[0].holder if len(self.claims) == 1 else None


class Vehicle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the record says of a vehicle: the batteries it carries now, and its dates."""

    vin: str
    batteries: tuple[str, ...] = ()
    certified_at: datetime | None = None
    sold_at: datetime | None = None
    exported_at: datetime | None = None
    imported_at: datetime | None = None
    scrapped_at: datetime | None = None
    certificate_no: str | None = None
    buyer_region: str | None = None
    latest: datetime | None = None
    count: int = 0
    findings: tuple[Finding, ...] = ()
    mended: tuple[tuple[int, int], ...] = ()
    swap_interface: str | None = None


class Document(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    A file on a type of battery: what for, its title, its SHA-256 in hex, and the entry that named it.

    `issuer` and `issued_on` say by whom and when it was issued, where that was said.
    """

    purpose: str
    title: str
    digest: str
    index: int
    issuer: str | None = None
    issued_on: str | None = None


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value of a data point, the entry that said it, and the supplier where one answered it."""

    value: float | int | str
    index: int
    by: str | None = None


class Model(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the record says of a type of battery: its maker's declaration and certificates."""

    model_id: str
    maker: str | None = None
    name: str | None = None
    level: str | None = None
    chemistry: str | None = None
    energy_kwh: float | None = None
    mass_kg: float | None = None
    voltage_v: float | None = None
    capacity_ah: float | None = None
    form_factor: str | None = None
    composition: dict[str, float] | None = None
    certificates: tuple[tuple[str, str], ...] = ()
    latest: datetime | None = None
    count: int = 0
    mended: tuple[tuple[int, int], ...] = ()
    documents: tuple[Document, ...] = ()
    points: dict[str, Said] = {}
    swap_pack: str | None = None


class Lot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What the record says of a mass of material, in milligrams.

    `made` is the entry that made it, None while only events that took of it are on record. `assays` are
    (element, share of dry mass, standard uncertainty or None). `takes` are (entry, mass taken, where to: the
    process, or `battery`), the newest; `taken_mg` is the sum of all.
    """

    lot: str
    made: int | None = None
    made_at: datetime | None = None
    maker: str | None = None
    substance: str | None = None
    mass_mg: int = 0
    moisture_fraction: float | None = None
    assays: tuple[tuple[str, float, float | None], ...] = ()
    origin: str | None = None
    waste: bool = False
    waste_code: str | None = None
    holder: str | None = None
    site: str | None = None
    country: str | None = None
    taken_mg: int = 0
    takes: tuple[tuple[int, int, str], ...] = ()
    latest: datetime | None = None
    count: int = 0
    findings: tuple[Finding, ...] = ()
    mended: tuple[tuple[int, int], ...] = ()

    @property
    def left_mg(self) -> int:
        """Return how much of it is left; less than nothing where more was taken than there was."""
        return self.mass_mg - self.taken_mg


State: TypeAlias = Battery | Vehicle | Organisation | Model | Site | Lot

_STRUCTS: Final[dict[str, type]] = {
    "battery": Battery,
    "vehicle": Vehicle,
    "organisation": Organisation,
    "model": Model,
    "site": Site,
    "lot": Lot,
}
_encode = msgspec.msgpack.Encoder().encode
_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    prefix: msgspec.msgpack.Decoder(struct).decode for prefix, struct in _STRUCTS.items()
}


def empty(subject: str) -> State:
    """Return the state of a subject before its first event."""
    prefix, _, name = subject.partition(":")
    return cast("State", _STRUCTS[prefix](name))


def encode_state(state: State) -> bytes:
    """Return the bytes of a state: equal states give equal bytes."""
    return _encode(state)


def decode_state(subject: str, data: bytes) -> State:
    """Return the state of a subject from its bytes; times come back in UTC."""
    return cast("State", _DECODERS[subject.partition(":")[0]](data))


class Effective(msgspec.Struct, frozen=True):
    """Where a battery really is: what it has itself, or takes from what it is built into."""

    place: str
    holder: str | None = None
    vin: str | None = None
    system: str | None = None
    site: str | None = None
    end: str | None = None
    ended_at: datetime | None = None
    through: tuple[str, ...] = ()


def effective(state: Battery, lookup: Callable[[str], Battery | None]) -> Effective:
    """
    Return a battery's place, holder and end, followed up through its parents.

    `through` names the parents from the nearest up. A parent without a state
    ends the way; a battery built into itself is `disputed`.
    """
    through: list[str] = []
    while (claim := state.whereabouts) is not None and claim.place == "in_parent" and claim.parent:
        if claim.parent in (state.code, *through) or len(through) >= MAX_DEPTH:
            return Effective("disputed", through=tuple(through))
        parent = lookup(claim.parent)
        if parent is None or not parent.claims:
            break
        through.append(claim.parent)
        state = parent
    return _own(state, tuple(through))


def _own(state: Battery, through: tuple[str, ...]) -> Effective:
    """Return what a battery says of itself."""
    claim = state.whereabouts
    if claim is None:
        return Effective(state.place, end=state.end, ended_at=state.ended_at, through=through)
    return Effective(
        claim.place, claim.holder, claim.vin, claim.system, claim.site, state.end, state.ended_at, through
    )
