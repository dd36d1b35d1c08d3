"""/stations/plan and /stations/reservations: a journey over swap stations, and packs held for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import PathParameter, QueryParameter, RawBody
from litestar.response import Redirect
from msgspec import Meta

from voltrail.accounts import Person
from voltrail.api.access import check_form, check_right, may_report, reader_of, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.stations import sees_pack
from voltrail.api.work import reading
from voltrail.errors import AccessError, UsageError, VoltrailError
from voltrail.registry.reservations import ON_PAGE, Reservation, Wanted
from voltrail.swap.catalogue import PACKS, TRUCKS
from voltrail.swap.dispatch import Plan, Request, plan
from voltrail.swap.way import Point
from voltrail.web.journey import draw

MAX_PLAN_BYTES: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

Number = Annotated[int, PathParameter(ge=0, le=2**63 - 1, description="the number of a reservation")]
Held = Annotated[bool, QueryParameter(description="only those that hold something now")]
Before = Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1, description="`next` of the page before")]
Typed = Annotated[str | None, QueryParameter(max_length=100, description="as it is typed into the form")]


_Kind = TypeVar("_Kind")
_EXAMPLE: Final = (
    '{"truck": "tractor-qiji", "pack_type": "qiji-171", "blocks": 3, "load_t": 20, "charge": 0.8,'
    ' "points": [{"latitude": 30.59, "longitude": 114.31}, {"latitude": 34.75, "longitude": 113.63}]}'
)
_WANTED: Final = (
    '{"key": "trip-71", "site": "ST-1", "truck": "tractor-qiji", "vin": "LSVSAMP0000000001",'
    ' "pack_type": "qiji-171", "blocks": 3, "from_at": "2026-05-03T08:00:00+08:00",'
    ' "until_at": "2026-05-03T09:00:00+08:00"}'
)


class Trip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A journey to be planned: as `swap.dispatch.Request`, with its departure as a time.

    `reservations` are those that the truck has: they are planned with, and what became of each is told.
    """

    truck: str
    pack_type: str
    points: tuple[Point, ...]
    blocks: int = 1
    load_t: float = 0.0
    charge: float = 1.0
    reserve: float = 0.1
    speed_kmh: float = 75.0
    temperature_c: float = 20.0
    headwind_kmh: float = 0.0
    departs_at: Annotated[datetime, Meta(tz=True)] | None = None
    reservations: Annotated[tuple[Annotated[int, Meta(ge=0, le=2**63 - 1)], ...], Meta(max_length=100)] = ()


class Changed(msgspec.Struct, frozen=True):
    """What became of a reservation: `kept`, or why the truck should not count on it, or need not."""

    reservation: int
    site: str
    rule: str
    message: str


@post(
    "/stations/plan",
    status_code=200,
    request_max_body_size=MAX_PLAN_BYTES,
    summary="Plan a journey over swap stations",
)
async def planned(request: Asked, body: RawBody) -> Response[bytes]:
    """
    Return where a truck swaps on its way, which packs, when, with which energy; or what stands against it.

    For who is signed in or brings a token that may `read`. Packs are named by code to who may see them;
    others reserve by type, and are told the codes then. Nothing is recorded or held by it. Sent again with
    the `reservations` of the truck, it is planned around them, and `changed` says what became of each.
    """
    return await sync_to_thread(_planned, request, body)


@get("/stations/plan", sync_to_thread=True, summary="Plan a journey over swap stations, as a form")
def form(
    request: Asked,
    start: Typed = None,
    destination: Typed = None,
    via: Typed = None,
    truck: Typed = None,
    pack_type: Typed = None,
    blocks: Typed = None,
    load_t: Typed = None,
    charge_percent: Typed = None,
    reserve_percent: Typed = None,
) -> Response[bytes]:
    """
    Return a plan for `start` and `destination`, each as latitude and longitude; without them the form alone.

    `via` are places between them, in order, apart by semicolons.

    For who is signed in. Programs send more to the same address by POST.
    """
    person = reading(request)
    typed = {
        "start": start or "",
        "destination": destination or "",
        "via": via or "",
        "truck": truck or "tractor-qiji",
        "pack_type": pack_type or "qiji-171",
        "blocks": blocks or "3",
        "load_t": load_t or "20",
        "charge_percent": charge_percent or "80",
        "reserve_percent": reserve_percent or "10",
    }
    return _form(request, person, typed)


@post(
    "/stations/plan/reserve",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Reserve what a plan names",
)
def reserve_form(request: Asked, data: Form) -> Response[Any]:
    """Take `csrf` and what POST /stations/reservations takes, with codes in one field apart by blanks."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    check_right(person, "report")
    texts = {
        name: field(data, name).strip()
        for name in ("key", "site", "truck", "pack_type", "from_at", "until_at")
    }
    codes = field(data, "packs").split()
    blocks = field(data, "blocks")
    given: dict[str, Any] = {
        **texts,
        "vin": field(data, "vin").strip().upper(),
        "packs": codes,
        "pack_type": None,
    }
    if not codes:
        given |= {
            "pack_type": texts["pack_type"],
            "blocks": int(blocks) if blocks.isdecimal() and len(blocks) < 3 else 0,
        }
    try:
        try:
            wanted = msgspec.convert(given, Wanted)
        except msgspec.ValidationError as error:
            raise UsageError(
                "request.invalid", f"The form does not read: {str(error)[:200]}.", "Ask for the plan again."
            ) from None
        made = _make(request, person, wanted)
    except VoltrailError as error:
        return _listed(request, person, error)
    if not wants_page(request):
        return as_json(made)
    return Redirect(page_for(request).link(f"/stations/reservations/{made.id}"), status_code=303)


@post(
    "/stations/reservations",
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Reserve packs at a swap station",
)
async def reserve(request: Asked, body: RawBody) -> Response[bytes]:
    """
    Hold packs for a truck, all or none; return the reservation with their codes.

    From who may report: a token with that right, or a session with the token of its forms in the header
    `X-CSRF-Token`. The same request with the same `key` is the same reservation; another one is refused. It
    ends by itself a quarter of an hour after `until_at`.
    """
    return await sync_to_thread(_reserved, request, body)


@get("/stations/reservations", sync_to_thread=True, summary="My reservations")
def reservations(request: Asked, held: Held = False, before: Before = None) -> Response[bytes]:
    """Return reservations that an organisation made, or at the stations it runs, the last first."""
    return _listed(request, reading(request), held=held, before=before)


@get("/stations/reservations/{number:int}", sync_to_thread=True, summary="One of my reservations")
def reservation(request: Asked, number: Number) -> Response[bytes]:
    """Return a reservation, to who made it or runs the station."""
    person, registry, now = reading(request), registry_of(request), datetime.now(UTC)
    registry.reservations.follow()
    one = registry.reservations.one(person.organisation, number, now)
    if not wants_page(request):
        return as_json(one)
    return as_page(page_for(request), "reservation", one=one, mine=one.organisation == person.organisation)


@post(
    "/stations/reservations/{number:int}/cancel",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Cancel a reservation",
)
def cancel(request: Asked, number: Number, data: Form) -> Response[Any]:
    """Take `csrf` from a session, nothing from a token that may report; the packs are free at once."""
    person = may_report(request, field(data, "csrf")) or signed_in(request)
    registry = registry_of(request)
    registry.reservations.follow()
    one = registry.reservations.cancel(person.organisation, number, datetime.now(UTC))
    if not wants_page(request):
        return as_json(one)
    return Redirect(page_for(request).link(f"/stations/reservations/{number}"), status_code=303)


# ---------------------------------------------------------------------------- answers


def _planned(request: Asked, body: bytes) -> Response[bytes]:
    person = reading(request)
    return as_json(_plan(request, person, _read(body, Trip, _EXAMPLE)))


def _reserved(request: Asked, body: bytes) -> Response[bytes]:
    person = may_report(request)
    if person is None:
        raise AccessError("access.sign_in", "This needs a sign-in.", "Bring a token that may report.")
    return as_json(_make(request, person, _read(body, Wanted, _WANTED)))


def _make(request: Asked, person: Person, wanted: Wanted) -> Reservation:
    registry, now = registry_of(request), datetime.now(UTC)
    registry.stations.follow()
    registry.reservations.follow()
    return registry.reservations.make(
        person.organisation, person.login, wanted, registry.stations.there(now), now, _seen(request)
    )


def _plan(request: Asked, person: Person, trip: Trip) -> dict[str, Any]:
    """Return a plan as programs get it, with what became of the reservations."""
    registry, now = registry_of(request), datetime.now(UTC)
    registry.stations.follow()
    registry.reservations.follow()
    theirs = [registry.reservations.one(person.organisation, number, now) for number in trip.reservations]
    asked = request_of(trip)
    held = registry.reservations.held(now, person.organisation, trip.reservations)
    found = plan(asked, registry.stations.there(now), held, (now - _EPOCH) // _MS)
    seen = _seen(request) | {code for one in theirs for code in one.codes}
    return {
        "planned_at": now.isoformat(timespec="seconds"),
        "changed": list(_changes(found, theirs)),
        **told_of_plan(found, seen, asked.blocks),
    }


def _seen(request: Asked) -> set[str]:
    """Return the packs in stations that one may see."""
    reader, stations = reader_of(request), registry_of(request).stations.all()
    return {pack.code for one in stations for pack in one.packs if sees_pack(reader, pack)}


def request_of(trip: Trip) -> Request:
    """Return a trip as it is planned. Raises UsageError for a number out of its bounds."""
    members = {name: getattr(trip, name) for name in Request.__struct_fields__ if name != "departs_ms"}
    departs = None if trip.departs_at is None else max((trip.departs_at - _EPOCH) // _MS, 0)
    try:
        return msgspec.convert(members | {"departs_ms": departs}, Request, from_attributes=True)
    except msgspec.ValidationError as error:
        raise _unread(error, _EXAMPLE) from None


def told_of_plan(found: Plan, seen: set[str] | None, blocks: int) -> dict[str, Any]:
    """Return a plan for programs, times as such; of packs only the codes in `seen`, all where it is None."""
    told: dict[str, Any] = msgspec.to_builtins(found)
    for journey in filter(None, (told["best"], *told["others"])):
        for stop in (journey, *journey["stops"]):
            for name in [name for name in stop if name.endswith("_ms")]:
                when = _EPOCH + stop.pop(name) * _MS
                stop[f"{name[:-3]}_at"] = when.isoformat(timespec="seconds")
        for stop in journey["stops"]:
            stop["blocks"] = blocks
            stop["packs"] = [code for code in stop["packs"] if seen is None or code in seen]
    return told


def _changes(found: Plan, theirs: Iterable[Reservation]) -> Iterable[Changed]:
    stops = {one.reservation: one for one in (found.best.stops if found.best is not None else ())}
    for one in theirs:
        stop = stops.get(one.id)
        if one.status != "held":
            rule: str = one.status
        elif stop is None:
            rule = "unused"
        else:
            rule = "late" if _EPOCH + stop.starts_ms * _MS > one.until_at else "kept"
        yield Changed(one.id, one.site, rule, _CHANGES[rule])


_CHANGES: Final = {
    "kept": "The plan stops for it within its window.",
    "late": "The truck comes when its window is over: reserve anew.",
    "unused": "The plan does not stop for it: cancel it.",
    "expired": "It has expired: its packs are held no more.",
    "cancelled": "It was cancelled.",
    "swapped": "Its packs have been swapped in.",
    "gone": "One of its packs has left the station.",
}


def _listed(
    request: Asked,
    person: Person,
    error: VoltrailError | None = None,
    *,
    held: bool = False,
    before: int | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    registry, now = registry_of(request), datetime.now(UTC)
    registry.reservations.follow()
    found = registry.reservations.of(person.organisation, now, held=held, before=before)
    following = found[-1].id if len(found) == ON_PAGE else None
    if not wants_page(request):
        return as_json({"reservations": found, "next": following})
    page = page_for(request)
    page.path = "/stations/reservations"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "reservations",
        200 if error is None else status_of(error),
        found=found,
        following=following,
        held=held,
        error=error,
        mine=person.organisation,
    )


def _form(request: Asked, person: Person, typed: dict[str, str]) -> Response[bytes]:
    """Return the form with a plan, where a way is given; what was typed stays."""
    found, error = None, None
    try:
        if typed["start"] or typed["destination"]:
            found = _plan(request, person, _trip(typed))
    except VoltrailError as one:
        tell_programs(request, one)
        error = one
    if not wants_page(request):
        return as_json(found or {"planned_at": None, "changed": [], "best": None})
    return as_page(
        page_for(request),
        "journey",
        200 if error is None else status_of(error),
        typed=typed,
        plan=found,
        picture=draw(found["best"], float(typed["charge_percent"]) / 100, found["km"])
        if found and found["best"]
        else None,
        error=error,
        trucks=TRUCKS.values(),
        packs=[one for one in PACKS.values() if one.energy_kwh is not None],
        key=secrets.token_urlsafe(12),
    )


def _trip(typed: dict[str, str]) -> Trip:
    """Return what was typed as a trip. Raises UsageError that names the field."""
    return Trip(
        truck=typed["truck"],
        pack_type=typed["pack_type"],
        blocks=int(_number(typed, "blocks", 1, 8)),
        points=(_point(typed, "start"), *_via(typed["via"]), _point(typed, "destination")),
        load_t=_number(typed, "load_t", 0, 200),
        charge=_number(typed, "charge_percent", 0, 100) / 100,
        reserve=_number(typed, "reserve_percent", 0, 90) / 100,
    )


def _via(text: str) -> list[Point]:
    """Return the places in a field, apart by semicolons. Raises UsageError."""
    return [read_point(one, "via") for one in text.replace("；", ";").split(";") if one.strip()]


def read_point(text: str, name: str) -> Point:
    """Return a place typed as latitude and longitude, in degrees. Raises UsageError."""
    parts = text.replace("，", ",").replace(",", " ").split()
    try:
        latitude, longitude = (float(one) for one in parts)
        return msgspec.convert({"latitude": latitude, "longitude": longitude}, Point)
    except (ValueError, msgspec.ValidationError):
        raise UsageError(
            "dispatch.place",
            f"{name} does not read as a place: {text[:40]!r}.",
            "Give latitude and longitude in degrees, such as 30.59, 114.31.",
        ) from None


def _point(typed: dict[str, str], name: str) -> Point:
    return read_point(typed[name], name)


def _number(typed: dict[str, str], name: str, low: float, high: float) -> float:
    try:
        value = float(typed[name])
        if low <= value <= high:
            return value
    except ValueError:
        pass
    raise UsageError(
        "dispatch.number", f"{name} is {typed[name][:40]!r}.", f"Give a number from {low} to {high}."
    )


def _read(body: bytes, kind: type[_Kind], example: str) -> _Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise _unread(error, example) from None


def _unread(error: Exception, example: str) -> UsageError:
    return UsageError("request.invalid", f"The body does not read: {str(error)[:200]}.", f"Send {example}.")


ROUTES: Final = (planned, form, reserve_form, reserve, reservations, reservation, cancel)
