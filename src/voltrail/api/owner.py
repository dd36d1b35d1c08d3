"""/owner: what the owner of a sold vehicle sees, and how it is shown whose it is."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from voltrail.accounts.person import csrf_of, is_same
from voltrail.api.access import (
    address_of,
    check_first_form,
    check_form,
    check_private,
    cookie_secret,
    form_refused,
    form_secret,
    is_ours,
    is_private,
    keep_cookie,
    owners_of,
    reader_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import VoltrailError


@get("/owner", sync_to_thread=True, summary="My car's battery")
def owner_page(request: Asked) -> Response[bytes]:
    """Return the batteries of the vehicle whose token was shown; else the form to show one. For people."""
    return _answer(request)


@post(
    "/owner/show",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Show a claim token",
)
def show_token(request: Asked, data: Form) -> Response[Any]:
    """Take `token` and the form's `csrf`; a cookie keeps the token until the browser is closed."""
    try:
        check_private(request)
        check_first_form(request, field(data, "csrf"))
        secret = field(data, "token").strip()
        owners_of(request).show(secret, address_of(request))
    except VoltrailError as error:
        return _answer(request, error=error)
    response = Redirect(page_for(request).link("/owner"), status_code=303)
    keep_cookie(request, response, "owner", secret)
    return response


@post(
    "/owner/pass-on",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Pass a vehicle on",
)
def pass_on(request: Asked, data: Form) -> Response[bytes]:
    """Take `csrf`; the page shows the next owner's token this once, and the one shown so far ends."""
    secret = _owners_form(request, data)
    passed = owners_of(request).pass_on(secret, address_of(request))
    response = _answer(request, token=passed)
    keep_cookie(request, response, "owner", "")
    return response


@post(
    "/owner/leave",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Forget a claim token in this browser",
)
def leave(request: Asked, data: Form) -> Response[Any]:
    """Take `csrf`; the browser forgets the token, which still counts."""
    _owners_form(request, data)
    response = Redirect(page_for(request).link("/owner"), status_code=303)
    keep_cookie(request, response, "owner", "")
    return response


@post(
    "/owner/tokens",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make a claim token for a vehicle that one has sold",
)
def make_claim(request: Asked, data: Form) -> Response[bytes]:
    """Take `vin` and `csrf`, from who is signed in for its seller; the page shows the token this once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    try:
        token = owners_of(request).make(person, field(data, "vin"), address_of(request))
    except VoltrailError as error:
        return _answer(request, error=error)
    return _answer(request, token=token)


def _owners_form(request: Asked, data: Form) -> str:
    """Return the token that a browser keeps. Raises AccessError unless the form was made for it."""
    secret = cookie_secret(request, "owner")
    if secret is None or not is_ours(request) or not is_same(csrf_of(secret), field(data, "csrf")):
        raise form_refused()
    return secret


def _answer(request: Asked, error: VoltrailError | None = None, token: str | None = None) -> Response[bytes]:
    tell_programs(request, error)
    reader, kept = reader_of(request), form_secret(request)
    owner = cookie_secret(request, "owner")
    claim = reader.claim if token is None else None
    page = page_for(request)
    page.path = "/owner"  # also after a form, whose address cannot be asked for again
    response = as_page(
        page,
        "owner",
        200 if error is None else status_of(error),
        claim=claim,
        batteries=registry_of(request).owned(reader) if claim else [],
        csrf=csrf_of(owner if claim and owner else kept),
        error=error,
        ended=owner is not None and claim is None and token is None and error is None,
        token=token,
        address=f"{str(request.base_url).rstrip('/')}{page.link('/owner')}#{token}" if token else None,
        private=is_private(request),
    )
    if claim is None:
        keep_cookie(request, response, "form", kept)
    return response


ROUTES: Final = (owner_page, show_token, pass_on, leave, make_claim)
