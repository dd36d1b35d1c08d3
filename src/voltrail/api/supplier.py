"""
/answers: what a supplier was asked for, and how it answers; for whoever has the link.

The link's token stands behind # in an address, which no server sees; a form brings it, and a cookie that no
script reads keeps it. Programs bring it as their bearer token.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post, put
from litestar.concurrency import sync_to_thread
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, PathParameter, RawBody
from litestar.response import Redirect

from voltrail.accounts.person import csrf_of, is_same
from voltrail.accounts.supplier_requests import MAX_FILES_BYTES, Request, no_link
from voltrail.api.access import (
    CSRF_HEADER,
    address_of,
    bearer_of,
    check_first_form,
    check_private,
    cookie_secret,
    form_refused,
    form_secret,
    is_ours,
    is_private,
    keep_cookie,
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
from voltrail.api.failures import status_of
from voltrail.api.report_page import content_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.supplier_requests import file_of
from voltrail.errors import UsageError, VoltrailError
from voltrail.events.points import POINTS, Point
from voltrail.events.tables.cells import text_of as text_of_cell
from voltrail.events.tables.table import open_table
from voltrail.passport.answering import Draft, Entry, by_point, draft_of, text_of, wrong
from voltrail.registry.documents import MAX_BYTES
from voltrail.web import Page
from voltrail.web.sheets import MEDIA_TYPES, Column, Sheet, write_xlsx

COOKIE: Final = "answers"
MAX_ANSWER_BYTES: Final = 262_144
MAX_WORKBOOK_BYTES: Final = 4 << 20
MAX_ROWS: Final = 500
SUPPLIER: Final = "supplier"  # in a workbook, the row of the supplier's own name

Digest = Annotated[str, PathParameter(description="the file's SHA-256 in hex")]


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer as a program or our own script sends it: the text, and who signed it."""

    text: str
    algorithm: str
    public_key: str
    signature: str
    organisation: str | None = None


@get("/answers", summary="What a supplier was asked for")
async def asked_page(request: Asked) -> Response[bytes]:
    """Return what is asked, by whom, until when, and what was typed and sent so far; for who has the link."""
    return await sync_to_thread(_asked, request)  # async, since two more answer at this address


@put("/answers", request_max_body_size=MAX_ANSWER_BYTES, summary="Save an answer, to be signed")
async def save_program(request: Asked, body: RawBody) -> Response[bytes]:
    """Take `supplier` and `points` as JSON; `text` of what comes back is what is to be signed."""
    return await sync_to_thread(_save_json, request, body)


@post(
    "/answers",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_ANSWER_BYTES,
    summary="Send a signed answer",
)
def send(request: Asked, body: RawBody) -> Response[bytes]:
    """Take `text`, `algorithm`, `public_key`, `signature`; `organisation` for a key of one on record."""
    found = _of(request, form=request.headers.get(CSRF_HEADER, ""))
    signed = _json(body, Signed)
    revision = supplier_requests_of(request).send(
        found,
        signed.text,
        signed.algorithm,
        signed.public_key,
        signed.signature,
        signed.organisation or None,
        address_of(request),
    )
    return as_json({"request": found.id, "revision": revision})


@post(
    "/answers/files",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BYTES,
    summary="Send a file that an answer names",
)
def add_file(request: Asked, body: RawBody) -> Response[bytes]:
    """Take a PDF or a zip as the body; `sha256` is what the answer names it by."""
    found = _of(request, form=request.headers.get(CSRF_HEADER, ""))
    return as_json({"sha256": supplier_requests_of(request).keep_file(found, "", body)})


@get("/answers/files/{digest:str}", sync_to_thread=True, summary="A file that was sent with an answer")
def own_file(request: Asked, digest: Digest) -> Response[bytes]:
    """Return a file that came with answers to this request."""
    return file_of(request, _of(request), digest)


@post(
    "/answers/show",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Show the link of a request",
)
def show(request: Asked, data: Form) -> Response[Any]:
    """Take `token` and the form's `csrf`; a cookie keeps the token until the browser is closed."""
    try:
        check_private(request)
        check_first_form(request, field(data, "csrf"))
        token = field(data, "token").strip()
        supplier_requests_of(request).show(token, address_of(request))
    except VoltrailError as error:
        tell_programs(request, error)
        return _closed_page(request, error)
    response = Redirect(page_for(request).link("/answers"), status_code=303)
    keep_cookie(request, response, COOKIE, token)
    return response


@post(
    "/answers/leave",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Forget the link in this browser",
)
def leave(request: Asked, data: Form) -> Response[Any]:
    """Take `csrf`; the browser forgets the link, which still counts."""
    _of(request, form=field(data, "csrf"))
    response = Redirect(page_for(request).link("/answers"), status_code=303)
    keep_cookie(request, response, COOKIE, "")
    return response


@post(
    "/answers/save",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FILES_BYTES + MAX_ANSWER_BYTES,
    summary="Save an answer from its page",
)
def save(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `supplier`, `csrf`, and for each point `value.POINT`, `method.POINT`, `remark.POINT`, `file.POINT`.

    It is kept as it was typed. With `do=sign` the page follows on which it is signed, once nothing is wrong.
    """
    found = _of(request, form=str(data.get("csrf", "")))
    requests = supplier_requests_of(request)
    try:
        draft = _typed(request, found, data)
        requests.save(found, draft)
    except VoltrailError as error:
        tell_programs(request, error)
        return _page(request, found, error, _kept(found, data))
    if data.get("do") == "sign" and not wrong(draft):
        return Redirect(page_for(request).link("/answers/sign"), status_code=303)
    return Redirect(page_for(request).link("/answers"), status_code=303)


@get("/answers/sign", sync_to_thread=True, summary="The page on which an answer is signed")
def sign_page(request: Asked) -> Response[Any]:
    """Return the text of what was saved, to be read and signed; where it is wrong, back to the form."""
    found = _of(request)
    if found.state not in {"asked", "returned"} or wrong(found.draft):
        return Redirect(page_for(request).link("/answers"), status_code=303)
    try:
        text = _text(request, found)
    except VoltrailError as error:
        tell_programs(request, error)
        return _page(request, found, error)
    return as_page(
        page_for(request),
        "answer_sign",
        asked=found,
        text=text,
        answer=found.draft,
        points=POINTS,
        entries={name: one for name, one in found.draft.points.items() if one.value != ""},
        csrf=csrf_of(cookie_secret(request, COOKIE) or ""),
    )


@get("/answers/workbook.xlsx", sync_to_thread=True, summary="The workbook of a request, to be filled in")
def workbook(request: Asked) -> Response[bytes]:
    """Return what is asked as a workbook, with what was typed so far; it is filled in and sent back."""
    found, page = _of(request), page_for(request)
    entries = by_point(found.draft.points, found.points)
    rows = [
        [SUPPLIER, page.say("Name of the supplier"), "", "", found.draft.supplier or found.supplier, "", ""]
    ]
    for name, entry in entries.items():
        point = POINTS[name]
        word = point.zh if page.language == "zh" else point.en
        rows.append(
            [name, word, point.unit or "", _form_of(point), str(entry.value), entry.method, entry.remark]
        )
    sheet = Sheet("answer", found.part, _COLUMNS, [rows])
    content = b"".join(write_xlsx(sheet, None, page))
    headers = {"Content-Disposition": f'attachment; filename="request-{found.id}.xlsx"'}
    return Response(content, media_type=MEDIA_TYPES["xlsx"], headers=NEGOTIATED | headers)


@post(
    "/answers/workbook",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_WORKBOOK_BYTES,
    summary="Take a workbook that was filled in",
)
def fill_in(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """Take `file`, the workbook as it was filled in or the same as CSV, and `csrf`; it is saved, not sent."""
    found = _of(request, form=str(data.get("csrf", "")))
    try:
        draft = _from_workbook(found, data.get("file"))
        supplier_requests_of(request).save(found, draft)
    except VoltrailError as error:
        tell_programs(request, error)
        return _page(request, found, error)
    if not wants_page(request):
        return as_json(_told(request, _of(request)))
    return Redirect(page_for(request).link("/answers"), status_code=303)


# ------------------------------------------------------------------- who answers


def _of(request: Asked, form: str | None = None) -> Request:
    """
    Return the request whose token somebody brings. Raises AccessError.

    What changes something needs the token of our forms beside a cookie (`form`); a bearer token needs none.
    """
    check_private(request)
    bearer = bearer_of(request)
    secret = bearer if bearer is not None else cookie_secret(request, COOKIE)
    if (
        bearer is None
        and form is not None
        and (secret is None or not is_ours(request) or not is_same(csrf_of(secret), form))
    ):
        raise form_refused()
    found = supplier_requests_of(request).by_token(secret) if secret is not None else None
    if found is None:
        raise no_link()
    return found


def _asked(request: Asked) -> Response[bytes]:
    try:
        found = _of(request)
    except VoltrailError as error:
        tell_programs(request, error)
        shown = error if cookie_secret(request, COOKIE) is not None else None
        return _closed_page(request, shown)
    if not wants_page(request):
        return as_json(_told(request, found))
    return _page(request, found)


def _save_json(request: Asked, body: bytes) -> Response[bytes]:
    found = _of(request, form=request.headers.get(CSRF_HEADER, ""))
    draft = draft_of(_json(body, Any), found.points)
    supplier_requests_of(request).save(found, draft)
    return as_json(_told(request, _of(request)))


def _json(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"The body does not read: {error}."
        raise UsageError(
            "answer.form", message, "Send JSON; docs/guides/supplier.md has an example."
        ) from None


def _text(request: Asked, found: Request) -> str:
    """Return the text that the supplier signs for what it saved."""
    return text_of(
        found.draft,
        registry_of(request).origin,
        str(found.id),
        found.maker,
        found.part,
        found.revision,
        datetime.now(UTC),
    )


def _told(request: Asked, found: Request) -> dict[str, Any]:
    """Return a request as a supplier's program has it."""
    maker = registry_of(request).names([found.maker]).get(found.maker)
    told: dict[str, Any] = {
        "request": found.id,
        "state": found.state,
        "asked_by": {"organisation": found.maker, "name": maker},
        "part": found.part,
        "models": list(found.models),
        "due": found.due,
        "note": found.note,
        "points": [_point(POINTS[name]) for name in found.points],
        "draft": found.draft,
        "files": found.files,
        "revision": found.revision,
        "returned_because": found.last.reason if found.last is not None else None,
    }
    if found.state in {"asked", "returned"} and found.draft != Draft():
        faults = wrong(found.draft)
        try:
            told |= {"wrong": faults} if faults else {"text": _text(request, found)}
        except VoltrailError as error:  # too long as a whole
            told["wrong"] = {"": f"{error.message} {error.fix}"}
    return told


def _point(point: Point) -> dict[str, Any]:
    told = {"point": point.name, "en": point.en, "zh": point.zh, "type": point.type, "unit": point.unit}
    told |= {"min": point.min, "max": point.max, "choices": point.choices or None}  # type: ignore[dict-item]
    return {name: value for name, value in told.items() if value is not None}


# -------------------------------------------------------------------- the pages


def _page(
    request: Asked, found: Request, error: VoltrailError | None = None, draft: Draft | None = None
) -> Response[bytes]:
    page = page_for(request)
    page.path = "/answers"  # also after a form, whose address cannot be asked for again
    kept, link_form = draft or found.draft, form_secret(request)
    response = as_page(
        page,
        "answers",
        200 if error is None else status_of(error),
        asked=found,
        draft=kept,
        entries=by_point(kept.points, found.points),
        wrong=wrong(kept) if kept != Draft() else {},
        points=POINTS,
        forms={name: _form_of(POINTS[name]) for name in found.points},
        maker=registry_of(request).names([found.maker]).get(found.maker),
        csrf=csrf_of(cookie_secret(request, COOKIE) or ""),
        link_csrf=csrf_of(link_form),
        error=error,
    )
    keep_cookie(request, response, "form", link_form)  # another link may be opened here
    return response


def _closed_page(request: Asked, error: VoltrailError | None) -> Response[bytes]:
    """Return the page of who has shown no link yet."""
    kept, page = form_secret(request), page_for(request)
    page.path = "/answers"
    response = as_page(
        page,
        "answers_link",
        200 if error is None else status_of(error),
        csrf=csrf_of(kept),
        private=is_private(request),
        error=error,
    )
    keep_cookie(request, response, "form", kept)
    return response


def _form_of(point: Point) -> str:
    """Return in signs that need no language what a value may be: its range or its choices."""
    if point.choices:
        return " | ".join(point.choices)
    return f"{point.min:g} … {point.max:g}" if point.min is not None and point.max is not None else ""


def _kept(found: Request, data: dict[str, Any]) -> Draft:
    """Return what a form holds, as far as it can be shown again."""
    points = {
        name: Entry(
            str(data.get(f"value.{name}", ""))[:2_000],
            str(data.get(f"method.{name}", ""))[:1_000],
            found.draft.points.get(name, Entry()).document,
            str(data.get(f"remark.{name}", ""))[:1_000],
        )
        for name in found.points
    }
    return Draft(str(data.get("supplier", ""))[:256], points)


def _typed(request: Asked, found: Request, data: dict[str, Any]) -> Draft:
    """Return what a form holds, its files kept."""
    points: dict[str, dict[str, str]] = {}
    for name in found.points:
        entry = {one: str(data.get(f"{one}.{name}", "")) for one in ("value", "method", "remark")}
        given, before = data.get(f"file.{name}"), found.draft.points.get(name, Entry()).document
        content = content_of(given)
        if content and isinstance(given, UploadFile):
            entry["document"] = supplier_requests_of(request).keep_file(found, given.filename, content)
        elif before and not data.get(f"drop.{name}"):
            entry["document"] = before
        points[name] = entry
    return draft_of({"supplier": str(data.get("supplier", "")), "points": points}, found.points)


# ------------------------------------------------------------------ the workbook

_COLUMNS: Final = (
    Column("point", heading="Point"),
    Column("what", heading="Data point"),
    Column("unit", heading="Unit"),
    Column("form", heading="Range or choices"),
    Column("value", heading="Value"),
    Column("method", heading="Method"),
    Column("remark", heading="Remark"),
)
_READ: Final = frozenset({"point", "value", "method", "remark"})


def _from_workbook(found: Request, given: Any) -> Draft:
    """Return what a workbook holds, whichever language its headings are in; documents stay as they were."""
    content = content_of(given)
    if not content:
        raise UsageError("report.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    table = open_table(BytesIO(content), given.filename)
    names = {
        column.said(Page(language, "/")): column.name for language in ("en", "zh") for column in _COLUMNS
    }
    columns = {names.get(head.strip()): at for at, head in enumerate(table.header)}
    if not set(columns) >= _READ:
        message = "This is not the workbook of a request: its headings are others."
        raise UsageError(
            "answer.workbook", message, "Take the workbook from this page, and fill in that one."
        )
    supplier, points = found.draft.supplier, {}
    for count, (_, cells) in enumerate(table.rows()):
        if count >= MAX_ROWS:
            raise UsageError("answer.workbook", f"More than {MAX_ROWS} rows.", "Leave the rows as they were.")
        said = {
            name: text_of_cell(cells[at]).strip() if (at := columns[name]) < len(cells) else ""
            for name in _READ
        }
        name = said.pop("point")
        if name == SUPPLIER:
            supplier = said["value"]
        elif name:
            if name in POINTS and POINTS[name].type == "day":
                said["value"] = said["value"][:10]  # a spreadsheet makes a moment of a day
            document = found.draft.points.get(name, Entry()).document
            points[name] = said | {"document": document}
    return draft_of({"supplier": supplier, "points": points}, found.points)


ROUTES: Final = (
    asked_page, save_program, send, add_file, own_file, show, leave, save, sign_page, workbook, fill_in,
)  # fmt: skip
