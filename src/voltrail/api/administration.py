"""/accounts: for administrators, who may sign in, and the trail of what was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from voltrail.accounts.accounts import actor_of
from voltrail.accounts.trail import Actor
from voltrail.api.access import accounts_of, address_of, administrator, check_form
from voltrail.api.answers import Asked, as_page, page_for, tell_programs
from voltrail.api.batteries import After, Before
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import VoltrailError

ACCOUNTS_ON_PAGE: Final = 50


@get("/accounts", sync_to_thread=True, summary="Who may sign in")
def accounts_page(request: Asked, after: After = None) -> Response[bytes]:
    """Return the accounts in the order of their logins; for administrators."""
    administrator(request)
    return _answer(request, after=after)


@post(
    "/accounts/add",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make an account",
)
def add_account(request: Asked, data: Form) -> Response[bytes]:
    """Take `login`, `organisation`, `role` and `csrf`; the page shows the one-time password this once."""
    organisation, role = field(data, "organisation").strip(), field(data, "role")
    return _with_password(
        request, data, lambda login, actor: accounts_of(request).add(login, organisation, role, actor)
    )


@post(
    "/accounts/reset",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Give an account a new one-time password",
)
def reset_account(request: Asked, data: Form) -> Response[bytes]:
    """Take `login` and `csrf`; sessions and tokens end, and a disabled account opens again."""
    return _with_password(request, data, accounts_of(request).reset)


@post(
    "/accounts/disable",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Disable an account",
)
def disable_account(request: Asked, data: Form) -> Response[Any]:
    """Take `login` and `csrf`; the account is shut out at once, with its sessions and tokens."""
    actor = _actor(request, data)
    try:
        accounts_of(request).disable(field(data, "login"), actor)
    except VoltrailError as error:
        return _answer(request, error=error)
    return Redirect(page_for(request).link("/accounts"), status_code=303)


@get("/accounts/trail", sync_to_thread=True, summary="Who did what, and when")
def trail_page(request: Asked, before: Before = None) -> Response[bytes]:
    """Return the audit trail, the last first; for administrators."""
    administrator(request)
    deeds, following = accounts_of(request).trail(before)
    return as_page(page_for(request), "trail", deeds=deeds, following=following, before=before)


def _with_password(request: Asked, data: Form, act: Callable[[str, Actor], str]) -> Response[bytes]:
    """Do what gives a one-time password, and show it; or say why not."""
    actor, login = _actor(request, data), field(data, "login").strip()
    try:
        return _answer(request, shown=(login, act(login, actor)))
    except VoltrailError as error:
        return _answer(request, error=error)


def _actor(request: Asked, data: Form) -> Actor:
    person = administrator(request)
    check_form(request, person, field(data, "csrf"))
    return actor_of(person, address_of(request))


def _answer(
    request: Asked,
    after: str | None = None,
    shown: tuple[str, str] | None = None,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    found = accounts_of(request).page(after or "", ACCOUNTS_ON_PAGE + 1)
    page = page_for(request)
    page.path = "/accounts"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "accounts",
        200 if error is None else status_of(error),
        found=found[:ACCOUNTS_ON_PAGE],
        following=found[ACCOUNTS_ON_PAGE - 1].login if len(found) > ACCOUNTS_ON_PAGE else None,
        after=after,
        shown=shown,
        error=error,
    )


ROUTES: Final = (accounts_page, add_account, reset_account, disable_account, trail_page)
