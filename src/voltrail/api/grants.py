"""/grants: what one's organisation lets others see, what it was let see, and who looked."""

from __future__ import annotations

import re
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, check_form, signed_in
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import VoltrailError


@get("/grants", sync_to_thread=True, summary="Grants: who may see batteries of mine")
def grants_page(request: Asked) -> Response[bytes]:
    """Return the last grants that one's organisation gave and was given, and who looked; for people."""
    return _answer(request, signed_in(request))


@post(
    "/grants/give",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Let another organisation see batteries",
)
def give_grant(request: Asked, data: Form) -> Response[Any]:
    """Take `organisation`, `audience`, `purpose`, `codes` (one a line), `days` and `csrf`."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    days, grantee = field(data, "days"), field(data, "organisation").strip()
    codes = [code for code in re.split(r"[\s,;]+", field(data, "codes")) if code]
    try:
        number = registry_of(request).grants.give(
            person.organisation,
            grantee,
            field(data, "audience"),
            field(data, "purpose"),
            codes,
            int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
            person.login,
        )
    except VoltrailError as error:
        return _answer(request, person, error, data)
    said = f"{number}: {len(codes)} batteries to {grantee} as {field(data, 'audience')}, {days} d"
    accounts_of(request).note("grant.given", person, address_of(request), said)
    return Redirect(page_for(request).link("/grants"), status_code=303)


@post(
    "/grants/end",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="End a grant",
)
def end_grant(request: Asked, data: Form) -> Response[Any]:
    """Take `grant`, the number of one that one's organisation gave, and `csrf`; it ends at once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    number = field(data, "grant")
    known = number.isascii() and number.isdigit() and len(number) < 19
    registry_of(request).grants.end(person.organisation, int(number) if known else -1)
    accounts_of(request).note("grant.ended", person, address_of(request), number)
    return Redirect(page_for(request).link("/grants"), status_code=303)


def _answer(
    request: Asked, person: Person, error: VoltrailError | None = None, typed: dict[str, Any] | None = None
) -> Response[bytes]:
    tell_programs(request, error)
    grants, organisation = registry_of(request).grants, person.organisation
    given, received = grants.given(organisation), grants.received(organisation)
    page = page_for(request)
    page.path = "/grants"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "grants",
        200 if error is None else status_of(error),
        given=given,
        received=received,
        uses=grants.uses(organisation),
        names=registry_of(request).names({one.grantee for one in given} | {one.giver for one in received}),
        typed={name: field(typed or {}, name) for name in ("organisation", "purpose", "codes", "days")},
        chosen=field(typed or {}, "audience"),
        error=error,
        authority=organisation in registry_of(request).authorities,
    )


ROUTES: Final = (grants_page, give_grant, end_grant)
