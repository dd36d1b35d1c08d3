"""What each kind of event does to a vehicle, an organisation, a model or a site; for lots see `lots`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from voltrail.events import kinds
from voltrail.lifecycle.claims import MAX_FINDINGS
from voltrail.lifecycle.lots import turn_lot
from voltrail.lifecycle.state import Document, Finding, Lot, Model, Recorded, Said, State, Vehicle, from_ms
from voltrail.organisations.trust import Key, Organisation, RolePeriod, Site

MAX_BATTERIES: Final = 2_000
MAX_DOCUMENTS: Final = 200  # of a model, the newest


def turn_other(state: State, recorded: Recorded) -> dict[str, Any]:
    """Return what an event changes in the state of a subject that is no battery."""
    if isinstance(state, Lot):
        return turn_lot(state, recorded)
    handler = _HANDLERS.get((type(state), type(recorded.event)))
    return handler(state, recorded) if handler is not None else {}


# ------------------------------------------------------------------- vehicles


def _fit(vehicle: Vehicle, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    codes = (event.code, *event.codes) if isinstance(event, kinds.Installed) else (event.code,)
    return {"batteries": _joined(vehicle.batteries, codes)}


def _enrol(vehicle: Vehicle, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    return _fit(vehicle, recorded) if event.place == "in_vehicle" else {}


def _take(vehicle: Vehicle, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    return {"batteries": _left(vehicle.batteries, (event.code, *event.codes))}


def _swap(vehicle: Vehicle, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    taken = (event.taken_out,) if event.taken_out is not None else ()
    put = (event.put_in,) if event.put_in is not None else ()
    return {"batteries": _joined(_left(vehicle.batteries, taken), put)}


def _state_of_vehicle(vehicle: Vehicle, recorded: Recorded) -> dict[str, Any]:
    """Take the batteries that a vehicle event names; where they differ from the record, that is a finding."""
    event: Any = recorded.event
    changes: dict[str, Any] = {"batteries": event.codes, _DATES[type(event)]: event.occurred_at}
    for name in ("certificate_no", "buyer_region", "swap_interface"):
        if getattr(event, name, None) is not None:
            changes[name] = getattr(event, name)
    known = vehicle.batteries or any(getattr(vehicle, name) is not None for name in _DATES.values())
    if known and set(event.codes) != set(vehicle.batteries):
        changes["findings"] = (*vehicle.findings, _differs(vehicle, recorded))[-MAX_FINDINGS:]
    return changes


def _differs(vehicle: Vehicle, recorded: Recorded) -> Finding:
    """Return the finding that a vehicle carries other batteries than the record has."""
    event: Any = recorded.event
    had = ", ".join(vehicle.batteries[:4]) or "none"
    named = ", ".join(event.codes[:4]) or "none"
    return Finding(
        "gap",
        "vehicle.batteries_differ",
        f"{event.kind} names {named} in vehicle {vehicle.vin}; the record has {had}.",
        "Report what was installed or removed between.",
        recorded.index,
    )


_DATES: Final[dict[type, str]] = {
    kinds.VehicleCertified: "certified_at",
    kinds.Sold: "sold_at",
    kinds.VehicleExported: "exported_at",
    kinds.VehicleImported: "imported_at",
    kinds.VehicleScrapped: "scrapped_at",
}


def _joined(known: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *added)))[:MAX_BATTERIES]


def _left(known: tuple[str, ...], taken: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for code in known if code not in taken)


# -------------------------------------------------------------- organisations


def _register(_: Organisation, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    return {
        "name": event.name,
        "country": event.country,
        "former": event.former,
        "address": event.address,
        "registered_at": event.occurred_at,
    }


def _grant(organisation: Organisation, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    period = RolePeriod(event.role, event.from_ or event.occurred_at, event.until)
    return {"roles": (*organisation.roles, period)}


def _revoke(organisation: Organisation, recorded: Recorded) -> dict[str, Any]:
    """
    End every period of the role from the moment named (`from`, or when it was revoked).

    An authority's ends at once, at the latest: from there on evidence no longer takes its word.
    """
    event: Any = recorded.event
    at = event.from_ or event.occurred_at
    if event.role == "authority":
        at = min(at, from_ms(recorded.received_ms))

    def ended(period: RolePeriod) -> RolePeriod:
        open_then = period.until is None or period.until > at
        return replace(period, until=at) if period.role == event.role and open_then else period

    return {"roles": tuple(map(ended, organisation.roles))}


def _add_key(organisation: Organisation, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    key = Key(event.key_id, event.algorithm, event.public_key, recorded.index, bool(event.host_may_sign))
    return {"keys": (*organisation.keys, key)}


def _revoke_key(organisation: Organisation, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event

    def revoked(key: Key) -> Key:
        if key.key_id != event.key_id or key.revoked is not None:
            return key
        return replace(key, revoked=recorded.index, compromised_since=event.compromised_since)

    return {"keys": tuple(map(revoked, organisation.keys))}


# ----------------------------------------------------------- sites and models


def _register_site(_: Site, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    return {name: getattr(event, name) for name in _SITE_FIELDS}


_SITE_FIELDS: Final = (
    "organisation",
    "name",
    "region",
    "site_type",
    "makers",
    "address",
    "phone",
    "hours",
    "latitude",
    "longitude",
    "closed",
    "interfaces",
    "bays",
    "slots",
    "chargers",
    "charger_kw",
)
_MODEL_FIELDS: Final = (
    "name",
    "level",
    "chemistry",
    "energy_kwh",
    "mass_kg",
    "voltage_v",
    "capacity_ah",
    "form_factor",
    "composition",
    "swap_pack",
)


def _register_model(model: Model, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    changes = {name: getattr(event, name) for name in _MODEL_FIELDS if getattr(event, name) is not None}
    return changes if model.maker is not None else {**changes, "maker": recorded.reporter}


def _certify_model(model: Model, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    return {"certificates": (*model.certificates, (event.certificate, event.certified_on))}


def _add_document(model: Model, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    digest = event.digest.removeprefix("sha256:")
    added = Document(event.purpose, event.title, digest, recorded.index, event.issuer, event.issued_on)
    return {"documents": (*model.documents, added)[-MAX_DOCUMENTS:]}


def _declare_points(model: Model, recorded: Recorded) -> dict[str, Any]:
    event: Any = recorded.event
    by = getattr(event, "supplier_name", None)
    said = {name: Said(value, recorded.index, by) for name, value in event.points.items()}
    return {"points": dict(sorted((model.points | said).items()))}


_HANDLERS: Final[dict[tuple[type, type], Callable[[Any, Recorded], dict[str, Any]]]] = {
    (Vehicle, kinds.Installed): _fit,
    (Vehicle, kinds.Enrolled): _enrol,
    (Vehicle, kinds.Removed): _take,
    (Vehicle, kinds.Swapped): _swap,
    **{(Vehicle, struct): _state_of_vehicle for struct in _DATES},
    (Organisation, kinds.OrganisationRegistered): _register,
    (Organisation, kinds.RoleGranted): _grant,
    (Organisation, kinds.RoleRevoked): _revoke,
    (Organisation, kinds.KeyAdded): _add_key,
    (Organisation, kinds.KeyRevoked): _revoke_key,
    (Site, kinds.SiteRegistered): _register_site,
    (Model, kinds.ModelRegistered): _register_model,
    (Model, kinds.ModelCertified): _certify_model,
    (Model, kinds.DocumentAdded): _add_document,
    (Model, kinds.PointsDeclared): _declare_points,
    (Model, kinds.AnswerAccepted): _declare_points,
}
