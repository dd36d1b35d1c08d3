"""/requests: what one's organisation asks of its suppliers, and the answers that wait for review."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.accounts.accounts import actor_of
from voltrail.accounts.supplier_requests import Asked as Wanted
from voltrail.accounts.supplier_requests import Request, by_state
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_form,
    signed_in,
    supplier_requests_of,
)
from voltrail.api.answers import (
    NEGOTIATED,
    Asked,
    as_json,
    as_page,
    page_for,
    registry_of,
    tell_programs,
    wants_page,
)
from voltrail.api.completeness import lines_of, owned
from voltrail.api.failures import status_of
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import Form, field
from voltrail.api.work import reading
from voltrail.errors import NotFound, UsageError, VoltrailError
from voltrail.events.points import POINTS
from voltrail.passport import EU_GUIDANCE
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.documents import type_of

MAX_FORM_BYTES: Final = 65_536

Number = Annotated[int, PathParameter(description="the number of a request", ge=1, lt=2**62)]
Digest = Annotated[str, PathParameter(description="the file's SHA-256 in hex, as the answer names it")]
ForModel = Annotated[str, QueryParameter(max_length=256, description="a model of yours that has the part")]


@get("/requests", sync_to_thread=True, summary="What suppliers were asked for")
def requests_page(request: Asked) -> Response[bytes]:
    """Return one's organisation's requests: those whose answer waits, those that are open, the others."""
    person = reading(request)
    found = supplier_requests_of(request).of_maker(person.organisation)
    today = datetime.now(CHINA).date()
    if not wants_page(request):
        return as_json({"requests": [_told(one, today) for one in found]})
    return as_page(page_for(request), "requests", groups=by_state(found), today=today)


@get("/requests/new", sync_to_thread=True, summary="The page for asking a supplier")
def new_page(request: Asked, model: ForModel = "") -> Response[bytes]:
    """Return the form by which a supplier is asked for points of a model."""
    return _form(request, signed_in(request), model, {})


@post(
    "/requests/ask",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Ask a supplier for data points",
)
def ask(request: Asked, data: Form) -> Response[bytes]:
    """
    Take `model` and `point` (one or several), `part`, `supplier`, `contact`, `due`, `note` and `csrf`.

    The page shows the link, this once. What is asked already is joined, and what was answered is offered.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    try:
        wanted = _wanted(data)
        opened = supplier_requests_of(request).ask(actor_of(person, address_of(request)), wanted)
    except VoltrailError as error:
        tell_programs(request, error)
        return _form(request, person, (_many(data, "model") or [""])[0], data, error)
    if not wants_page(request):
        return as_json(msgspec.to_builtins(opened) | {"link": _link(request, opened.token)})
    page = page_for(request)
    page.path = "/requests"
    return as_page(page, "request_asked", wanted=wanted, opened=opened, link=_link(request, opened.token),
                   points=POINTS)  # fmt: skip


@get("/requests/{number:int}", sync_to_thread=True, summary="One request to a supplier")
def request_page(request: Asked, number: Number) -> Response[bytes]:
    """Return a request of one's organisation, its answers, and the forms to accept or return the last one."""
    return _answer(request, reading(request), number)


@post(
    "/requests/{number:int}/link",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Make a new link for a request",
)
def new_link(request: Asked, number: Number, data: Form) -> Response[bytes]:
    """Take `csrf`; the page shows the new link this once, and the one before ends."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    token = supplier_requests_of(request).new_link(actor_of(person, address_of(request)), number)
    return _answer(request, person, number, link=_link(request, token))


@post(
    "/requests/{number:int}/withdraw",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Withdraw a request",
)
def withdraw(request: Asked, number: Number, data: Form) -> Response[Any]:
    """Take `csrf`; the link then says that nothing is asked any more."""
    requests = supplier_requests_of(request)
    return _done(request, number, data, lambda actor: requests.withdraw(actor, number))


@post(
    "/requests/{number:int}/return",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Return an answer with a reason",
)
def send_back(request: Asked, number: Number, data: Form) -> Response[Any]:
    """Take `revision`, `reason`, which the supplier is shown, and `csrf`."""
    reason, revision = field(data, "reason").strip(), field(data, "revision")
    known = int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 6 else -1
    requests = supplier_requests_of(request)
    return _done(request, number, data, lambda actor: requests.send_back(actor, number, known, reason))


@post(
    "/requests/{number:int}/accept",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Put an answer on record",
)
def accept(request: Asked, number: Number, data: Form) -> Response[Any]:
    """
    Take `csrf`. The host signs `answer_accepted` for each model of the request that lacks the last answer.

    Who reports with a key alone gets the lines to sign, with `do=line`.
    """
    person, requests = signed_in(request), supplier_requests_of(request)
    check_form(request, person, field(data, "csrf"))
    try:
        lines = requests.lines(person.organisation, number, datetime.now(UTC))
        content = b"".join(line + b"\n" for line in lines)
        if field(data, "do") == "line":
            headers = {"Content-Disposition": f'attachment; filename="answer-{number}.jsonl"'}
            return Response(content, media_type="application/jsonl", headers=headers)
        receipt = msgspec.json.decode(taken_from(request, person, content, "all"))
    except VoltrailError as error:
        return _answer(request, person, number, error)
    requests.settle(number)
    said = f"{number}: {len(lines)} models"
    accounts_of(request).note("supplier.answer_accepted", person, address_of(request), said)
    if wants_page(request):
        return Redirect(page_for(request).link(f"/requests/{number}"), status_code=303)
    return as_json({"report": receipt["report"], "index": receipt["first_index"]})


@get("/requests/{number:int}/files/{digest:str}", sync_to_thread=True, summary="A file of an answer")
def answer_file(request: Asked, number: Number, digest: Digest) -> Response[bytes]:
    """Return a file that a supplier sent with its answer."""
    found = supplier_requests_of(request).mine(reading(request).organisation, number)
    return file_of(request, found, digest)


def file_of(request: Asked, found: Request, digest: str) -> Response[bytes]:
    """Return a file of a request, to be saved. Raises NotFound."""
    if digest not in found.files:
        raise NotFound("answer.no_file", "This request has no such file.", "Its page lists them.")
    content = registry_of(request).documents.read(digest)
    kind = type_of(content) or "application/octet-stream"
    headers = {"Content-Disposition": f'attachment; filename="{digest[:16]}.{kind.partition("/")[2]}"'}
    return Response(content, media_type=kind, headers=NEGOTIATED | headers)


def _done(request: Asked, number: int, data: dict[str, Any], deed: Any) -> Response[Any]:
    """Do what a form asks; show the page again, with what is wrong where something is."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    try:
        deed(actor_of(person, address_of(request)))
    except NotFound:
        raise
    except VoltrailError as error:
        return _answer(request, person, number, error)
    return Redirect(page_for(request).link(f"/requests/{number}"), status_code=303)


def _answer(
    request: Asked, person: Person, number: int, error: VoltrailError | None = None, link: str | None = None
) -> Response[bytes]:
    tell_programs(request, error)
    requests, today = supplier_requests_of(request), datetime.now(CHINA).date()
    found = requests.mine(person.organisation, number)
    left = requests.left(found) if found.state in {"answered", "accepted"} else {}
    if not wants_page(request):
        return as_json(_told(found, today) | {"left": left} | ({"link": link} if link else {}))
    page = page_for(request)
    page.path = f"/requests/{number}"  # also after a form, whose address cannot be asked for again
    return as_page(
        page,
        "request",
        200 if error is None else status_of(error),
        asked=found,
        overdue=found.is_overdue(today),
        left=left,
        before=_before(request, found),
        points=POINTS,
        signs=signs(request),
        link=link,
        error=error,
    )


def _before(request: Asked, found: Request) -> dict[str, Any]:
    """Return what the first model of a request says of its points so far, for comparing."""
    known = registry_of(request).declared(next(iter(found.models), ""))
    values = registry_of(request).model_values(known) if known is not None else {}
    return {point: values[point].value for point in found.points if point in values}


def _form(
    request: Asked, person: Person, model_id: str, typed: dict[str, Any], error: VoltrailError | None = None
) -> Response[bytes]:
    models, _ = registry_of(request).own_models(person.organisation, 200, None)
    chosen = _many(typed, "model") or ([model_id] if model_id else [])
    lines = lines_of(request, owned(request, person, model_id), EU_GUIDANCE) if model_id and not error else []
    asked = {one.point for one in lines if one.asking is not None}
    missing = {one.point for one in lines if one.standing == "missing"}
    page = page_for(request)
    page.path = "/requests/new"
    return as_page(
        page,
        "request_new",
        200 if error is None else status_of(error),
        models=models,
        chosen=chosen,
        ticked=set(_many(typed, "point")),
        missing=missing,
        asked=asked,
        there={one.point for one in lines if one.known is not None},
        points=sorted(
            (one for one in POINTS.values() if one.by == "declared"), key=lambda one: one.name not in missing
        ),
        typed={name: field(typed, name) for name in ("part", "supplier", "contact", "due", "note")},
        today=datetime.now(CHINA).date().isoformat(),
        error=error,
    )


def _wanted(data: dict[str, Any]) -> Wanted:
    try:
        due = date.fromisoformat(field(data, "due"))
    except ValueError as error:
        message = f"{field(data, 'due')[:40]!r} is no day."
        raise UsageError("supplier.due", message, "Write it as 2026-05-03.") from error
    part, supplier, contact, note = (
        " ".join(field(data, name).split()) for name in ("part", "supplier", "contact", "note")
    )
    models, points = tuple(dict.fromkeys(_many(data, "model"))), tuple(dict.fromkeys(_many(data, "point")))
    return Wanted(models, part, supplier, contact, points, due, note or None)


def _many(data: dict[str, Any], name: str) -> list[str]:
    given = data.get(name, [])
    return [str(one).strip() for one in ([given] if isinstance(given, str) else given) if str(one).strip()]


def _link(request: Asked, token: str | None) -> str | None:
    """Return the address that a supplier is sent: what stands behind # goes to no server and no log."""
    return f"{str(request.base_url).rstrip('/')}/answers#{token}" if token is not None else None


def _told(found: Request, today: date) -> dict[str, Any]:
    """Return a request as JSON has it; drafts are the supplier's own matter."""
    return {
        "request": found.id,
        "state": found.state,
        "overdue": found.is_overdue(today),
        "part": found.part,
        "models": found.models,
        "supplier": found.supplier,
        "contact": found.contact,
        "note": found.note,
        "points": found.points,
        "due": found.due,
        "asked_at": found.asked_at,
        "answers": found.sent,
    }


ROUTES: Final = (
    requests_page, new_page, ask, request_page, new_link, withdraw, send_back, accept, answer_file,
)  # fmt: skip
