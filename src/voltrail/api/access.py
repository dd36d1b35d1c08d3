"""
Who asks, and what they may see: found once for each request, before its route.

`reader_of` is the one place where a request gets its audience. Who is not known for certain is the public.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from voltrail.accounts import Accounts, Owners, Person
from voltrail.accounts import Scope as Right
from voltrail.accounts.applications import Applications
from voltrail.accounts.person import csrf_of, is_same
from voltrail.accounts.supplier_requests import SupplierRequests
from voltrail.api.answers import OWNS, WHO, Asked, registry_of
from voltrail.errors import AccessError, VoltrailError
from voltrail.organisations.access import Claim, Reader

CSRF_HEADER: Final = "x-csrf-token"
_LONGEST: Final = 100
_OWN: Final = {"same-origin", "none"}
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


class Identified(ASGIMiddleware):
    """Finds out who asks; a token that is none is an error only where somebody wants to know."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Note who asks and go on; without cookie and token the database is not asked."""
        request: Asked = Request(scope)
        if bearer_of(request) is not None or session_secret(request) is not None:
            scope["state"][WHO] = await sync_to_thread(_identify, request)
        await next_app(scope, receive, send)


def accounts_of(request: Asked) -> Accounts:
    """Return the accounts of the application's registry."""
    return cast("Accounts", request.app.state.accounts)


def applications_of(request: Asked) -> Applications:
    """Return the applications to the application's registry."""
    return cast("Applications", request.app.state.applications)


def person_of(request: Asked) -> Person | None:
    """Return who asks, None when nobody has shown it. Raises AccessError for a token that is none."""
    who = request.scope["state"].get(WHO)
    if isinstance(who, VoltrailError):
        raise who
    return cast("Person | None", who)


def reader_of(request: Asked) -> Reader:
    """
    Return as whom a request may read: the public, an organisation, an authority, an auditor, an owner.

    What an organisation is to a battery, its holder or its owner, is found where the battery is read.
    """
    person, now, claim = person_of(request), datetime.now(UTC), claim_of(request)
    if person is None or "read" not in person.scopes:
        return Reader(claim=claim, at=now)
    registry, organisation = registry_of(request), person.organisation
    audience = "public"
    if organisation in registry.authorities:
        audience = "authority_cn"
    elif registry.has_role(organisation, "auditor"):
        audience = "auditor"
    return Reader(audience, organisation, person.login, claim, now)


def owners_of(request: Asked) -> Owners:
    """Return the claim tokens of the application's registry."""
    return cast("Owners", request.app.state.owners)


def supplier_requests_of(request: Asked) -> SupplierRequests:
    """Return what makers of the application's registry ask of their suppliers."""
    return cast("SupplierRequests", request.app.state.supplier_requests)


def claim_of(request: Asked) -> Claim | None:
    """Return what the cookie of an owner shows, as long as its token counts; pages then say so."""
    secret = cookie_secret(request, "owner")
    claim = owners_of(request).by_secret(secret) if secret is not None else None
    request.scope["state"][OWNS] = claim is not None
    return claim


def signed_in(request: Asked, *, may_be_changing: bool = False) -> Person:
    """
    Return the person of a session. Raises AccessError when there is none.

    Also while the password is a one-time one, but for the pages where it is changed.
    """
    person = person_of(request)
    if person is None or person.digest is None:
        raise AccessError("access.sign_in", "This needs a sign-in.", "Sign in on the page /sign-in.")
    if person.must_change and not may_be_changing:
        raise AccessError(
            "access.change_password",
            "This account still has its one-time password.",
            "Choose one of your own first, on the page /account/password.",
        )
    return person


def administrator(request: Asked) -> Person:
    """Return the administrator whose session asks. Raises AccessError when it is none."""
    person = signed_in(request)
    if not person.administers:
        raise AccessError(
            "access.administrator", "This is for administrators.", "Ask one of this registry's."
        )
    return person


def authority(request: Asked) -> Person:
    """Return the person whose session asks for an authority. Raises AccessError when it is none's."""
    person = signed_in(request)
    if person.organisation not in registry_of(request).authorities:
        raise AccessError(
            "access.authority", "This is for authorities.", "Sign in with an account of the authority."
        )
    return person


def may_report(request: Asked, form: str | None = None) -> Person | None:
    """
    Return who may report plain lines: a token with that scope, or a session with the token of its forms.

    None when nobody is signed in. Raises AccessError for whoever is, and may not.
    """
    person = person_of(request)
    if person is None:
        return None
    if person.digest is not None:
        person = signed_in(request)
        check_form(request, person, request.headers.get(CSRF_HEADER, "") if form is None else form)
    check_right(person, "report")
    return person


def check_right(person: Person, right: Right) -> None:
    """Raise AccessError unless somebody may do this."""
    if right not in person.scopes:
        raise AccessError(
            "access.scope", f"This token may not {right}.", "Make one that may, on the page /account."
        )


def check_form(request: Asked, person: Person, token: str) -> None:
    """Raise AccessError unless a form was made by us for this very session, and sent from our own page."""
    if not is_ours(request) or not person.fits(token):
        raise form_refused()


def is_ours(request: Asked) -> bool:
    """Return whether a browser that says whose page sent a form says that it was ours."""
    return request.headers.get("sec-fetch-site", "none") in _OWN


def form_refused() -> AccessError:
    """Return the error for a form that is not ours, or was made before the last sign-in."""
    return AccessError(
        "access.form", "This form was not made for your session.", "Load the page again, then send it."
    )


def form_secret(request: Asked) -> str:
    """Return what ties a form to a browser that is not signed in: what its cookie holds, or a new one."""
    return cookie_secret(request, "form") or secrets.token_urlsafe(32)


def check_first_form(request: Asked, token: str) -> None:
    """Raise AccessError unless a form was made by us for this very browser, which is not signed in yet."""
    kept = cookie_secret(request, "form")
    if not is_ours(request) or kept is None or not is_same(csrf_of(kept), token):
        raise form_refused()


def keep_cookie(request: Asked, response: Response[Any], name: str, value: str) -> None:
    """Set a cookie of ours that no script reads, until the browser is closed; end it with an empty value."""
    response.set_cookie(
        key=cookie_name(request, name),
        value=value,
        max_age=None if value else 0,
        path="/",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="lax",
    )


def is_private(request: Asked) -> bool:
    """Return whether nobody on the way can read along: TLS, or this machine alone."""
    return request.scope["scheme"] == "https" or _host(request) in _LOOPBACK


def check_private(request: Asked) -> None:
    """Raise AccessError where passwords and tokens would go over the network in the clear."""
    if not is_private(request):
        raise AccessError(
            "access.tls",
            "This page did not come over TLS: whoever is on the way could read your password or token.",
            "Use the https address. The operator's manual says how to serve it.",
        )


def address_of(request: Asked) -> str:
    """Return from which address a request comes; headers are believed only of a proxy on this machine."""
    return request.client.host[:64] if request.client else "unknown"


def cookie_name(request: Asked, name: str) -> str:
    """Return the name of a cookie; with TLS one that only this host itself can have set."""
    return f"__Host-{name}" if request.scope["scheme"] == "https" else name


def cookie_secret(request: Asked, name: str) -> str | None:
    """Return what a cookie of ours holds, if it can be one."""
    found = request.cookies.get(cookie_name(request, name), "")
    return found if 0 < len(found) <= _LONGEST and found.isascii() else None


def session_secret(request: Asked) -> str | None:
    """Return what the cookie of the session holds."""
    return cookie_secret(request, "session")


def _identify(request: Asked) -> Person | VoltrailError | None:
    token, accounts = bearer_of(request), accounts_of(request)
    if token is None:
        secret = session_secret(request)
        return accounts.by_session(secret) if secret is not None else None
    try:
        check_private(request)
    except AccessError as error:
        return error
    person = accounts.by_token(token) if len(token) <= _LONGEST and token.isascii() else None
    return person or AccessError(
        "access.token", "This token is none, or has ended.", "Make another one on the page /account."
    )


def bearer_of(request: Asked) -> str | None:
    """Return the token that a request brings; of a session beside it nothing is taken."""
    given = [value for name, value in request.headers.multi_items() if name.lower() == "authorization"]
    scheme, _, token = (given[0] if given else "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return token.strip() if len(given) == 1 else ""


def _host(request: Asked) -> str | None:
    try:
        return urlsplit("//" + request.headers.get("host", "")).hostname
    except ValueError:
        return None
