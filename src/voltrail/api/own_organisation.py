"""/account/organisation: roles, keys and sites of one's own organisation, and changes of them to sign."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.accounts import Person
from voltrail.api.access import applications_of, signed_in
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.errors import UnknownOrganisation, UsageError, VoltrailError
from voltrail.organisations.statements import key_added, key_of, line_of, midnight, site_registered
from voltrail.registry.membership import sites_of
from voltrail.swap.catalogue import INTERFACES
from voltrail.web.statements import read_lines

SITE_TYPES: Final = ("plant", "outlet", "station", "depot", "storage")
_TYPED: Final = ("key", "old", "since", "site", "name", "region", "site_type")
_OF_OUTLETS: Final = ("address", "phone", "hours", "makers", "latitude", "longitude")
_OF_STATIONS: Final = ("interfaces", "bays", "slots", "chargers", "charger_kw")


@get("/account/organisation", sync_to_thread=True, summary="My organisation")
def own_page(request: Asked) -> Response[bytes]:
    """Return the roles, keys and sites of who is signed in for, with the forms that prepare a change."""
    return _answer(request, signed_in(request))


@get("/account/organisation/sign", sync_to_thread=True, summary="A change to be signed")
def change_page(
    request: Asked,
    do: Annotated[str, QueryParameter(description="what to prepare: add, rotate, revoke or site")] = "",
    key: Annotated[str, QueryParameter(description="the new public key, NAME+ID+KEY")] = "",
    host_may_sign: Annotated[str, QueryParameter(description="yes: the host may sign beside the key")] = "",
    old: Annotated[str, QueryParameter(description="the key that is revoked")] = "",
    since: Annotated[str, QueryParameter(description="since when it was in others' hands, a day")] = "",
    site: Annotated[str, QueryParameter(description="the site's identifier, a GLN or one's own")] = "",
    name: Annotated[str, QueryParameter(description="the site's name")] = "",
    region: Annotated[str, QueryParameter(description="its region, six digits of GB/T 2260")] = "",
    site_type: Annotated[str, QueryParameter(description="plant, outlet, station, depot or storage")] = "",
    address: Annotated[str, QueryParameter(description="an outlet's address")] = "",
    phone: Annotated[str, QueryParameter(description="its telephone number")] = "",
    hours: Annotated[str, QueryParameter(description="when it is open")] = "",
    makers: Annotated[
        str, QueryParameter(description="for whom it takes back too: identifiers, with spaces between")
    ] = "",
    latitude: Annotated[str, QueryParameter(description="where it is, in degrees north")] = "",
    longitude: Annotated[str, QueryParameter(description="where it is, in degrees east")] = "",
    interfaces: Annotated[
        str, QueryParameter(description="a swap station's interfaces: ids, with spaces between")
    ] = "",
    bays: Annotated[str, QueryParameter(description="how many vehicles it swaps at once")] = "",
    slots: Annotated[str, QueryParameter(description="how many packs it has room for")] = "",
    chargers: Annotated[str, QueryParameter(description="how many packs it charges at once")] = "",
    charger_kw: Annotated[str, QueryParameter(description="the power of one charger, in kW")] = "",
) -> Response[bytes]:
    """Return the lines of a change, in words and as they are, for the browser to sign; it records nothing."""
    person = signed_in(request)
    organisation, now = person.organisation, datetime.now(UTC)
    try:
        if do in {"add", "rotate"}:
            new = key_of(organisation, key)
            lines = [key_added(new, now, host_may_sign=host_may_sign == "yes")]
            if do == "rotate":
                lines.append(_revoked(organisation, now, old, ""))
        elif do == "revoke":
            lines = [_revoked(organisation, now, old, since)]
        elif do == "site":
            more: dict[str, Any] = {
                "address": address.strip(),
                "phone": phone.strip(),
                "hours": hours.strip(),
                "makers": makers.split(),
                "latitude": _degrees(latitude),
                "longitude": _degrees(longitude),
                "interfaces": interfaces.split(),
                "bays": _count(bays),
                "slots": _count(slots),
                "chargers": _count(chargers),
                "charger_kw": _number(charger_kw, "usage.power", "power in kW", "300"),
            }
            about = (site.strip(), name.strip(), region.strip(), site_type)
            lines = [site_registered(organisation, now, *about, **more)]
        else:
            raise UsageError("usage.change", f"There is no change {do[:40]!r}.", "Use a form of this page.")
    except VoltrailError as error:
        return _answer(request, person, error)
    return as_page(
        page_for(request),
        "own_change",
        lines=read_lines(lines),
        origin=registry_of(request).origin,
        signer=organisation,
        held=key.strip() if do == "rotate" else None,
    )


def _degrees(text: str) -> float | None:
    """Return degrees of a field; none where it is empty. Raises UsageError."""
    degrees = _number(text, "usage.point", "number of degrees", "31.23")
    return degrees if degrees is None else round(degrees, 6)


def _count(text: str) -> int | None:
    """Return the whole number of a field; none where it is empty. Raises UsageError."""
    if text.strip() and not (text.strip().isascii() and text.strip().isdigit() and len(text) < 20):
        raise UsageError("usage.count", f"{text[:20]!r} is no whole number.", "Write it as 8.")
    return int(text) if text.strip() else None


def _number(text: str, rule: str, what: str, example: str) -> float | None:
    try:
        number = float(text) if text.strip() else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise UsageError(rule, f"{text[:20]!r} is no {what}.", f"Write it as {example}.")
    return number


def _revoked(organisation: str, now: datetime, key_id: str, since: str) -> bytes:
    return line_of(
        "key_revoked",
        now,
        organisation=organisation,
        key_id=key_id,
        compromised_since=midnight(since) if since else None,
    )


def _answer(request: Asked, person: Person, error: VoltrailError | None = None) -> Response[bytes]:
    tell_programs(request, error)
    registry, page = registry_of(request), page_for(request)
    page.path = "/account/organisation"
    try:
        organisation: dict[str, Any] | None = registry.organisation(person.organisation)
    except UnknownOrganisation:
        organisation = None
    keys = organisation["keys"] if organisation else []
    indices = [key[name] for key in keys for name in ("added_at_index", "revoked_at_index")]
    applications = applications_of(request)
    applied = [applications.settle(one)[0] for one in reversed(applications.of(person.organisation))]
    return as_page(
        page,
        "own_organisation",
        200 if error is None else status_of(error),
        error=error,
        organisation=organisation,
        identifier=person.organisation,
        keys=keys,
        valid=[key["key_id"] for key in keys if key["revoked_at_index"] is None],
        by_host=any(key["host_may_sign"] for key in keys if key["revoked_at_index"] is None),
        received_at=registry.received_at([index for index in indices if index is not None]),
        evidence={
            role.role: role.evidence for one in applied if one.state == "approved" for role in one.asked.roles
        },
        waiting=[one for one in applied if one.state == "waiting"],
        sites=sites_of(registry, person.organisation),
        site_types=SITE_TYPES,
        interfaces=INTERFACES,
        typed=dict.fromkeys((*_TYPED, *_OF_OUTLETS, *_OF_STATIONS), "") | dict(page.query),
    )


ROUTES: Final = (own_page, change_page)
