"""/register: anybody applies for an organisation to be put on record, and sees what becomes of it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, PathParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.accounts.accounts import actor_of
from voltrail.accounts.applications import MAX_EVIDENCE, MAX_ROLES, ROLES_ASKED, Asked, RoleAsked, on_record
from voltrail.accounts.person import csrf_of
from voltrail.accounts.trail import Actor
from voltrail.api.access import (
    address_of,
    applications_of,
    check_first_form,
    check_form,
    check_private,
    form_secret,
    is_private,
    keep_cookie,
    person_of,
)
from voltrail.api.answers import Asked as Request
from voltrail.api.answers import as_page, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.errors import UsageError, VoltrailError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.membership import told_of

MAX_APPLICATION_BYTES: Final = 8 << 20  # with its files, of which only the SHA-256 is kept
_FIELDS: Final = ("organisation", "name", "country", "login", "key")
_OF_A_ROLE: Final = ("role", "evidence", "since", "until")

Reference = Annotated[str, PathParameter(description="what the address of an application ends with")]


@get("/register", sync_to_thread=True, summary="The page to apply for an organisation")
def register_page(request: Request) -> Response[bytes]:
    """Return the form; who is signed in applies for further roles and keys of the own organisation."""
    return _form(request, {})


@post(
    "/register/apply",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_APPLICATION_BYTES,
    summary="Apply for an organisation",
)
def apply(request: Request, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `organisation`, `name`, `country`, `login`, `key`, `role-1` with its `evidence-1`, `since-1`, `until-1`, `file-1`, and so on up to 3, and `csrf`.

    Of files the SHA-256 is kept and nothing else. Leads to the address under which the state can be seen.
    """  # noqa: E501
    try:
        check_private(request)
        _check_ours(request, field(data, "csrf"))
        member, address = _member(request), address_of(request)
        actor = actor_of(member, address) if member else Actor(address=address)
        secret = applications_of(request).apply(_asked(request, data, member), actor)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _form(request, data, error)
    return Redirect(page_for(request).link(f"/register/{secret}"), status_code=303)


@get("/register/{reference:str}", sync_to_thread=True, summary="What became of an application")
def application_state(request: Request, reference: Reference) -> Response[bytes]:
    """Return an application to whoever knows its address: waiting, approved, or refused with reasons."""
    return _state(request, reference)


@post(
    "/register/{reference:str}/account",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make the account of an approved application",
)
def applicants_account(request: Request, reference: Reference, data: Form) -> Response[bytes]:
    """Take `login` and `csrf`; the page shows the one-time password this once."""
    applications = applications_of(request)
    application, _ = applications.settle(applications.by_secret(reference))
    login = field(data, "login").strip()
    try:
        check_private(request)
        _check_ours(request, field(data, "csrf"))
        password = applications.make_account(application, login, Actor(address=address_of(request)))
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _state(request, reference, error=error)
    return _state(request, reference, shown=(login, password))


def _asked(request: Request, data: dict[str, Any], member: Person | None) -> Asked:
    """Return what a form applies for; a member's organisation is its own, whatever the form says."""
    typed = "".join(field(data, "organisation").split()).upper()
    organisation = member.organisation if member else typed
    registers = member is None or not _is_on_record(request, organisation)
    roles = tuple(
        RoleAsked(
            field(data, f"role-{number}"),
            _evidence(field(data, f"evidence-{number}").strip(), data.get(f"file-{number}")),
            field(data, f"since-{number}") or datetime.now(CHINA).date().isoformat(),
            field(data, f"until-{number}") or None,
        )
        for number in range(1, MAX_ROLES + 1)
        if field(data, f"role-{number}")
    )
    return Asked(
        organisation=organisation,
        registers=registers,
        name=field(data, "name").strip() if registers else "",
        country=(field(data, "country").strip().upper() or None) if registers else None,
        roles=roles,
        vkey=field(data, "key").strip() or None,
        host_may_sign=field(data, "host_may_sign") == "yes",
        login=None if member else field(data, "login").strip(),
    )


def _evidence(text: str, file: Any) -> str:
    """Return the evidence of a role: its text, and what tells the file apart from every other."""
    if len(text) > MAX_EVIDENCE:
        raise UsageError(
            "application.text",
            f"The evidence is longer than {MAX_EVIDENCE} characters.",
            "Name the certificate and its number; choose the certificate itself as a file.",
        )
    content = file.file.read() if isinstance(file, UploadFile) else b""
    digest = f"sha256:{sha256(content).hexdigest()}" if content else ""
    return " ".join(part for part in (text, digest) if part)


def _member(request: Request) -> Person | None:
    """Return who is signed in for an organisation; not for an authority or the host."""
    person, registry = person_of(request), registry_of(request)
    if person is None or person.digest is None or person.must_change:
        return None
    return person if person.organisation not in {*registry.authorities, registry.settings.host} else None


def _is_on_record(request: Request, organisation: str) -> bool:
    return on_record(told_of(registry_of(request), organisation))


def _check_ours(request: Request, token: str) -> None:
    """Raise AccessError unless the form was made for this session, or browser while there is none."""
    if member := _member(request):
        check_form(request, member, token)
    else:
        check_first_form(request, token)


def _form(request: Request, data: dict[str, Any], error: VoltrailError | None = None) -> Response[bytes]:
    member = _member(request)
    names = [*_FIELDS, *(f"{part}-{number}" for part in _OF_A_ROLE for number in range(1, MAX_ROLES + 1))]
    return _with_form(
        request,
        "register",
        "/register",
        error,
        typed={name: field(data, name)[:2_000] for name in names} | {"host": field(data, "host_may_sign")},
        roles=ROLES_ASKED,
        numbers=range(1, MAX_ROLES + 1),
        member=member,
        known=member is not None and _is_on_record(request, member.organisation),
        today=datetime.now(CHINA).date().isoformat(),
        private=is_private(request),
    )


def _state(
    request: Request,
    reference: str,
    shown: tuple[str, str] | None = None,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    applications = applications_of(request)
    application, _ = applications.settle(applications.by_secret(reference))
    path = f"/register/{reference}"
    return _with_form(
        request,
        "registered",
        path,
        error,
        application=application,
        path=path,
        address=str(request.base_url).rstrip("/") + path,
        shown=shown,
    )


def _with_form(
    request: Request, template: str, at: str, error: VoltrailError | None, **values: Any
) -> Response[bytes]:
    """Return a page with a form that belongs to this session, or browser while there is none."""
    tell_programs(request, error)
    member = _member(request)
    page, secret = page_for(request), form_secret(request)
    csrf = member.csrf if member else csrf_of(secret)
    page.path = at  # also after a form, whose address cannot be asked for again
    status = 200 if error is None else status_of(error)
    response = as_page(page, template, status, error=error, csrf=csrf, **values)
    keep_cookie(request, response, "form", secret)
    return response


ROUTES: Final = (register_page, apply, application_state, applicants_account)
