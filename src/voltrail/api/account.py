"""/account: one's own password, sessions and API tokens."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, check_form, check_private, signed_in
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, begin_session, field
from voltrail.errors import UsageError, VoltrailError


@get("/account", sync_to_thread=True, summary="My account")
def account_page(request: Asked) -> Response[bytes]:
    """Return who is signed in, from where, and with which tokens; for people."""
    return _answer(request, signed_in(request))


@get("/account/password", sync_to_thread=False, summary="The page to change one's password")
def password_page(request: Asked) -> Response[bytes]:
    """Return the form; who signed in with a one-time password is led here first."""
    return _password(request, signed_in(request, may_be_changing=True), None)


@post(
    "/account/password",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Change one's password",
)
def change_password(request: Asked, data: Form) -> Response[Any]:
    """Take `old`, `new`, `again` and the form's `csrf`; all other sessions of the account end."""
    person = signed_in(request, may_be_changing=True)
    try:
        check_private(request)
        check_form(request, person, field(data, "csrf"))
        new = field(data, "new")
        if new != field(data, "again"):
            raise UsageError("account.again", "The two new passwords are not the same.", "Type both again.")
        secret = accounts_of(request).change_password(person, field(data, "old"), new, address_of(request))
    except VoltrailError as error:
        return _password(request, person, error)
    return begin_session(request, secret)


@post(
    "/account/tokens",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make an API token",
)
def make_token(request: Asked, data: Form) -> Response[bytes]:
    """Take `name`, `scope` (read, report or both), `days` and `csrf`; the page shows the token this once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    given = data.get("scope", [])
    scopes = [given] if isinstance(given, str) else [str(one) for one in given]
    days = field(data, "days")
    try:
        secret = accounts_of(request).make_token(
            person,
            field(data, "name"),
            scopes,
            int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
            address_of(request),
        )
    except VoltrailError as error:
        return _answer(request, person, error=error)
    return _answer(request, person, secret=secret)


@post(
    "/account/tokens/revoke",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Revoke an API token",
)
def revoke_token(request: Asked, data: Form) -> Response[Any]:
    """Take `token`, the number of one of your own, and `csrf`; it ends at once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    number = field(data, "token")
    known = number.isascii() and number.isdigit() and len(number) < 19
    accounts_of(request).revoke_token(person, int(number) if known else -1, address_of(request))
    return Redirect(page_for(request).link("/account"), status_code=303)


@post(
    "/account/sessions/end",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Sign out everywhere else",
)
def end_sessions(request: Asked, data: Form) -> Response[Any]:
    """Take `csrf`; all sessions of the account end but this one."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    accounts_of(request).end_others(person, address_of(request))
    return Redirect(page_for(request).link("/account"), status_code=303)


def _answer(
    request: Asked, person: Person, secret: str | None = None, error: VoltrailError | None = None
) -> Response[bytes]:
    tell_programs(request, error)
    accounts, page, provider = accounts_of(request), page_for(request), request.app.state.provider
    page.path = "/account"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "account",
        200 if error is None else status_of(error),
        name=registry_of(request).names([person.organisation]).get(person.organisation),
        sessions=accounts.sessions(person),
        tokens=accounts.tokens(person),
        identities=request.app.state.identities.of(person),
        provider=provider.settings if provider else None,
        secret=secret,
        error=error,
        authority=person.organisation in registry_of(request).authorities,
    )


def _password(request: Asked, person: Person, error: VoltrailError | None) -> Response[bytes]:
    tell_programs(request, error)
    status = 200 if error is None else status_of(error)
    return as_page(page_for(request), "password", status, error=error, must_change=person.must_change)


ROUTES: Final = (account_page, password_page, change_password, make_token, revoke_token, end_sessions)
