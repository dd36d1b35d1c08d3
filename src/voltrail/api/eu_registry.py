"""/workspace/eu-registry: what the EU registry was told of an organisation's passports."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, may_report, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.work import reading
from voltrail.connections.eu_registry import Registrar
from voltrail.errors import UsageError, VoltrailError
from voltrail.registry.eu_registry import STATES, Registration

ON_PAGE: Final = 50
_PLACE: Final = re.compile(r"([0-9A-Z-]{1,60})/([0-9]{1,2})")

OfState = Annotated[
    str | None, QueryParameter(description="only those: `waiting`, `registered`, `ended` or `refused`")
]
After = Annotated[str | None, QueryParameter(max_length=60, description="`next` of the page before")]


@get("/workspace/eu-registry", sync_to_thread=True, summary="My passports in the EU registry")
def eu_registry_page(request: Asked, standing: OfState = None, after: After = None) -> Response[bytes]:
    """Return passports for which an organisation answers: what the EU registry was told, and what is due."""
    return _page(request, reading(request), standing, after)


@post(
    "/workspace/eu-registry/again",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Tell the EU registry again what it refused",
)
def again(request: Asked, data: Form) -> Response[Any]:
    """Take `code`, `number` and `csrf`."""
    person = may_report(request, field(data, "csrf")) or signed_in(request)
    code, number = field(data, "code"), field(data, "number")
    try:
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 0
        registry_of(request).eu_registry.again(person.organisation, code, place)
    except UsageError as error:
        return _page(request, person, "refused", error=error)
    accounts_of(request).note("eu_registry.again", person, address_of(request), f"{code[:60]}/{place}")
    return Redirect(page_for(request).link("/workspace/eu-registry"), status_code=303)


def _page(
    request: Asked,
    person: Person,
    standing: str | None,
    after: str | None = None,
    *,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    state = _state(standing)
    found, following = registry_of(request).eu_registry.page(
        person.organisation, ON_PAGE, state, _place(after)
    )
    told = cast("Registrar", request.app.state.eu_registry).tells
    further = None if following is None else f"{following[0]}/{following[1]}"
    if not wants_page(request):
        return as_json({"told": told, "passports": [_told(one) for one in found], "next": further})
    page = page_for(request)
    page.path = "/workspace/eu-registry"
    return as_page(
        page,
        "eu_registry",
        200 if error is None else status_of(error),
        told=told,
        passports=found,
        following=further,
        after=after,
        state=state,
        states=STATES,
        error=error,
    )


def _told(one: Registration) -> dict[str, Any]:
    return msgspec.structs.asdict(one) | {"state": one.state, "proof_due": one.proof_due}


def _state(text: str | None) -> str | None:
    if text and text not in STATES:
        raise UsageError(
            "usage.choice", f"There is no state {text[:40]!r}.", f"Use one of {', '.join(STATES)}."
        )
    return text or None


def _place(after: str | None) -> tuple[str, int]:
    if not after:
        return "", 0
    found = _PLACE.fullmatch(after)
    if found is None:
        raise UsageError(
            "usage.after", f"{after[:60]!r} is no place in the list.", "Follow the link to the next page."
        )
    return found[1], int(found[2])


ROUTES: Final = (eu_registry_page, again)
