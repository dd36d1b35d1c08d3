"""/sign-in/provider: signing in through the identity provider that the registry's folder names, if any."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect

from voltrail.accounts.identities import Identities, Pending, not_under_way
from voltrail.accounts.person import csrf_of, is_same
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_form,
    check_private,
    cookie_secret,
    form_refused,
    is_ours,
    keep_cookie,
    session_secret,
    signed_in,
)
from voltrail.api.answers import Asked, as_page, page_for, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, begin_session, field, refused
from voltrail.connections.id_token import Identity
from voltrail.connections.provider import Errand, Provider
from voltrail.connections.provider_settings import BACK
from voltrail.errors import AccessError, NotFound, VoltrailError

MAX_CODE: Final = 4_096
_COOKIE: Final = "errand"


@get("/sign-in/provider", sync_to_thread=True, summary="Sign in through the identity provider")
def to_provider(request: Asked) -> Response[Any]:
    """Lead to the provider; 404 where this registry has none."""
    provider = _provider(request)
    try:
        check_private(request)
        secret = _identities(request).begin(provider.settings.issuer, address_of(request))
        response = Redirect(provider.address_for(Errand.of(secret)), status_code=303)
    except VoltrailError as error:
        return refused(request, error)
    keep_cookie(request, response, _COOKIE, secret)
    return response


@get(BACK, sync_to_thread=True, summary="Where the identity provider sends people back to")
def from_provider(request: Asked) -> Response[Any]:
    """Take `code`, `state` and `iss`, or `error`, from the provider; a session begins, or a link is made."""
    provider = _provider(request)
    try:
        check_private(request)
        identity = _identified(request, provider)
        before = session_secret(request)
        secret = _identities(request).sign_in(identity.issuer, identity.subject, address_of(request), before)
    except VoltrailError as error:
        response: Response[Any] = refused(request, error)
        keep_cookie(request, response, _COOKIE, "")
        return response
    if secret is None:
        held = _identities(request).hold(Pending(identity.issuer, identity.subject, identity.shown))
        response = Redirect(page_for(request).link("/sign-in/link"), status_code=303)
        keep_cookie(request, response, _COOKIE, held)
        return response
    response = begin_session(request, secret)
    keep_cookie(request, response, _COOKIE, "")
    return response


@get("/sign-in/link", sync_to_thread=True, summary="The page to link an identity with an account")
def link_page(request: Asked) -> Response[bytes]:
    """Return the form; who has come back from the provider for the first time is led here."""
    _provider(request)
    try:
        return _link(request, None)
    except AccessError as error:
        return refused(request, error)


@post(
    "/sign-in/link/confirm",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Link an identity with an account",
)
def confirm_link(request: Asked, data: Form) -> Response[Any]:
    """Take `login`, `password` and `csrf`; the provider's identity signs in to this account from now on."""
    _provider(request)
    accounts, identities = accounts_of(request), _identities(request)
    try:
        check_private(request)
        held = cookie_secret(request, _COOKIE)
        if held is None or not is_ours(request) or not is_same(csrf_of(held), field(data, "csrf")):
            raise form_refused()
        identities.held(held)
        address = address_of(request)
        secret = accounts.sign_in(
            field(data, "login"), field(data, "password"), address, session_secret(request)
        )
        person = accounts.by_session(secret)
        if person is None:
            raise not_under_way()
        try:
            identities.link(held, person, address)
        except AccessError:
            accounts.sign_out(person, address)
            raise
    except VoltrailError as error:
        if error.rule in {"access.errand", "access.form", "access.tls"}:
            return refused(request, error)
        return _link(request, error, field(data, "login"))
    response = begin_session(request, secret)
    keep_cookie(request, response, _COOKIE, "")
    return response


@post(
    "/account/identity/end",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="End the link with an identity",
)
def end_link(request: Asked, data: Form) -> Response[Any]:
    """Take `issuer` and `csrf`; that provider no longer signs in to this account."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    _identities(request).unlink(person, field(data, "issuer"), address_of(request))
    return Redirect(page_for(request).link("/account"), status_code=303)


def _identified(request: Asked, provider: Provider) -> Identity:
    """Return who has come back, once it is certain that this browser was sent there, by us, for this."""
    secret = cookie_secret(request, _COOKIE)
    errand = Errand.of(secret or "")
    if secret is None or not is_same(errand.state, _one(request, "state") or ""):
        raise not_under_way()
    _identities(request).take(secret, provider.settings.issuer)
    if (said := _one(request, "error")) is not None:
        named = said if said.isascii() and said.replace("_", "").isalnum() and len(said) < 60 else "an error"
        raise AccessError(
            "access.provider_denied",
            f"The provider has signed nobody in: {named}.",
            "Begin again on the page /sign-in, or sign in with your password.",
        )
    code = _one(request, "code")
    if not code or len(code) > MAX_CODE:
        raise not_under_way()
    return provider.identify(code, _one(request, "iss"), errand)


def _one(request: Asked, name: str) -> str | None:
    """Return a parameter of the address; None when it is missing, nothing when it stands there twice."""
    given = [value for key, value in request.query_params.multi_items() if key == name]
    return given[0] if len(given) == 1 else "" if given else None


def _provider(request: Asked) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFound(
            "provider.none", "This registry has no identity provider.", "Sign in on the page /sign-in."
        )
    return provider


def _identities(request: Asked) -> Identities:
    identities: Identities = request.app.state.identities
    return identities


def _link(request: Asked, error: VoltrailError | None, login: str = "") -> Response[bytes]:
    tell_programs(request, error)
    held = cookie_secret(request, _COOKIE)
    if held is None:
        raise not_under_way()
    page = page_for(request)
    page.path = "/sign-in/link"  # also after the form, whose address cannot be asked for again
    return as_page(
        page,
        "link",
        200 if error is None else status_of(error),
        error=error,
        login=login[:64],
        csrf=csrf_of(held),
        pending=_identities(request).held(held),
        name=_provider(request).settings.name,
    )


ROUTES: Final = (to_provider, from_provider, link_page, confirm_link, end_link)
