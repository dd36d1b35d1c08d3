"""/sign-in and /sign-out: how a session begins and ends."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect

from voltrail.accounts.person import csrf_of
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_first_form,
    check_form,
    check_private,
    cookie_secret,
    form_secret,
    is_private,
    keep_cookie,
    session_secret,
    signed_in,
)
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.codes import is_code
from voltrail.errors import VoltrailError

MAX_FORM_BYTES: Final = 16_384

SCANNED: Final = (
    "scanned"  # the cookie that holds which battery somebody stood before, until he has signed in
)

Form = URLEncodedBody[dict[str, Any]]
ScannedCode = Annotated[str | None, QueryParameter(max_length=100, description="come back to this battery")]


def field(form: dict[str, Any], name: str) -> str:
    """Return a field of a form; nothing when it is missing or stands there twice."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def begin_session(request: Asked, secret: str) -> Response[Any]:
    """Have the browser keep a session till it is closed, unseen by scripts; lead to what there is to do."""
    person = accounts_of(request).by_session(secret)
    host = registry_of(request).settings.host
    looks_after = person is not None and person.role == "administrator" and person.organisation == host
    page, scanned = page_for(request), cookie_secret(request, SCANNED)
    if scanned is not None and is_code(scanned):
        address = page.link("/scan", text=scanned)
    else:
        address = page.link("/accounts" if looks_after else "/workspace")
    response = Redirect(address, status_code=303)
    keep_cookie(request, response, "session", secret)
    if scanned is not None:
        keep_cookie(request, response, SCANNED, "")
    return response


@get("/sign-in", sync_to_thread=False, summary="The page to sign in")
def sign_in_page(request: Asked, scanned: ScannedCode = None) -> Response[bytes]:
    """
    Return the form; it belongs to this browser, so that nobody signs you in as somebody else.

    With `scanned`, a code, signing in leads back to that battery.
    """
    response = _answer(request, None)
    is_back = scanned is not None and is_code(scanned)
    if is_back or cookie_secret(request, SCANNED) is not None:
        keep_cookie(request, response, SCANNED, (scanned or "") if is_back else "")
    return response


@post(
    "/sign-in",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Sign in",
)
def sign_in(request: Asked, data: Form) -> Response[Any]:
    """Take `login`, `password` and the form's `csrf`; a session begins, and leads to what there is to do."""
    try:
        check_private(request)
        check_first_form(request, field(data, "csrf"))
        secret = accounts_of(request).sign_in(
            field(data, "login"), field(data, "password"), address_of(request), session_secret(request)
        )
    except VoltrailError as error:
        return refused(request, error, field(data, "login"))
    response = begin_session(request, secret)
    keep_cookie(request, response, "form", "")
    return response


@post(
    "/sign-out",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Sign out",
)
def sign_out(request: Asked, data: Form) -> Response[Any]:
    """Take the form's `csrf`; the session ends, here and in the browser."""
    person = signed_in(request, may_be_changing=True)
    check_form(request, person, field(data, "csrf"))
    accounts_of(request).sign_out(person, address_of(request))
    response = Redirect(page_for(request).link("/"), status_code=303)
    keep_cookie(request, response, "session", "")
    return response


def refused(request: Asked, error: VoltrailError, login: str = "") -> Response[bytes]:
    """Return the page to sign in, and on it why this was none."""
    return _answer(request, error, login)


def _answer(request: Asked, error: VoltrailError | None, login: str = "") -> Response[bytes]:
    tell_programs(request, error)
    secret, page, provider = form_secret(request), page_for(request), request.app.state.provider
    page.path = "/sign-in"  # also where another address leads here
    response = as_page(
        page,
        "sign_in",
        200 if error is None else status_of(error),
        error=error,
        login=login[:64],
        csrf=csrf_of(secret),
        private=is_private(request),
        provider=provider.settings if provider else None,
    )
    keep_cookie(request, response, "form", secret)
    return response


ROUTES: Final = (sign_in_page, sign_in, sign_out)
