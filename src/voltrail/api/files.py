"""/workspace/files: a spreadsheet's way into the record, from the upload to the receipts."""

from __future__ import annotations

import re
from collections.abc import Mapping as Fields
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast
from urllib.parse import parse_qs

import msgspec
from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import PathParameter, QueryParameter, RawBody
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import (
    accounts_of,
    address_of,
    check_form,
    check_right,
    may_report,
    person_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.report_page import signs
from voltrail.api.reports import wanted_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.upload import Received, receive
from voltrail.errors import AccessError, UsageError, VoltrailError
from voltrail.events.table import KINDS
from voltrail.events.tables import Mapping, lacking, read_row, template
from voltrail.intake import Job, Jobs, ToMend, Wanted, Worker
from voltrail.intake.jobs import MAX_BYTES, MAX_FILES
from voltrail.intake.shelf import MAX_BOOK_BYTES, MAX_TEXT_BYTES
from voltrail.intake.sources import form_of
from voltrail.registry.views import iso_ms
from voltrail.web.files import Choice, choices_of, columns_of, kinds_of, member_word, shown_rows
from voltrail.web.sheets import MEDIA_TYPES

ON_PAGE: Final = 20
FILES_ON_PAGE: Final = 50
PART_LINES: Final = 50_000  # of a file of lines to sign, half of what a report may have
_ENDINGS: Final = {MEDIA_TYPES["csv"]: ".csv", MEDIA_TYPES["xlsx"]: ".xlsx", "application/jsonl": ".jsonl"}

Id = Annotated[str, PathParameter(description="the file's id, as its address has it")]
After = Annotated[str | None, QueryParameter(max_length=64, description="the `next` of the page before")]
Rule = Annotated[str | None, QueryParameter(max_length=100, description="only rows with this first trouble")]
AfterRow = Annotated[int, QueryParameter(ge=0, le=1 << 62, description="only rows behind this number")]


@get("/workspace/files", sync_to_thread=True, summary="My files")
def files(request: Asked, after: After = None) -> Response[bytes]:
    """Return the files that an organisation sent, the last first, and the form to send one."""
    return _list(request, reporting(request), after)


@post("/workspace/files", status_code=200, request_max_body_size=None, summary="Send a file")
async def send(
    request: Asked,
    name: Annotated[str | None, QueryParameter(max_length=300, description="the file's name")] = None,
    kind: Annotated[str | None, QueryParameter(max_length=60, description="of all rows")] = None,
    offset: Annotated[str | None, QueryParameter(max_length=6, description="of times, +08:00")] = None,
    sheet: Annotated[str | None, QueryParameter(max_length=200, description="which sheet")] = None,
    columns: Annotated[
        str | None, QueryParameter(max_length=8_000, description="a member for each column, joined by commas")
    ] = None,
    constant: Annotated[
        list[str] | None, QueryParameter(description="member=value, the same in all rows; several times")
    ] = None,
) -> Response[Any]:
    """
    Take CSV, a workbook or JSON lines as the body, or a form with `csrf` and then `file`; answer with its id.

    It is kept and read behind the scenes; nothing is recorded before `record`. What is not said is guessed.
    """
    media_type = request.content_type[0]
    received = Received()
    wanted = _wanted(kind, offset, sheet, columns, constant)
    who: list[Person] = []

    def may(fields: Fields[str, str]) -> None:
        form = media_type == "multipart/form-data"
        person = may_report(request, fields.get("csrf", "") if form else None)
        if person is None:
            raise _nobody()
        who.append(person)

    try:
        if media_type not in {*_ENDINGS, "multipart/form-data"}:
            raise UsageError(
                "request.content_type",
                f"A file cannot be read from the content type {media_type[:80] or '(none)'!r}.",
                f"Send one of {', '.join(_ENDINGS)}.",
            )
        worker = worker_of(request)
        await receive(request, worker.shelf, _name(name, media_type), may, received)
        job = await sync_to_thread(_keep, request, who[0], received, wanted)
    except VoltrailError as error:
        if not wants_page(request) or status_of(error) in {401, 500} or not who:
            raise
        return await sync_to_thread(_list, request, who[0], None, error)
    finally:
        if received.incoming is not None:
            received.incoming.__exit__(None, None, None)
    if wants_page(request):
        return Redirect(page_for(request).link(f"/workspace/files/{job.id}"), status_code=303)
    return as_json(told_of(worker.jobs, job))


@get("/workspace/files/templates", sync_to_thread=True, summary="Spreadsheets to fill in")
def templates(request: Asked) -> Response[bytes]:
    """Return the kinds of event that an organisation may report; each has a template, in two languages."""
    person = reporting(request)
    kinds = _kinds(request, person)
    if not wants_page(request):
        return as_json({"kinds": kinds})
    return as_page(page_for(request), "file_templates", kinds=kinds)


@get("/workspace/files/template", sync_to_thread=True, summary="A spreadsheet to fill in")
def one_template(
    request: Asked,
    kind: Annotated[str, QueryParameter(max_length=60, description="the kind of event")],
    language: Annotated[str, QueryParameter(description="zh or en")] = "zh",
    form: Annotated[str, QueryParameter(description="csv or xlsx")] = "xlsx",
) -> Response[bytes]:
    """Return a spreadsheet with a head for each member of a kind of event."""
    reporting(request)
    if kind not in KINDS or language not in {"zh", "en"} or form not in {"csv", "xlsx"}:
        raise UsageError(
            "usage.template", "There is no such template.", "They are listed at /workspace/files/templates."
        )
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{language}.{form}"'}
    content = template(kind, cast("Any", language), cast("Any", form))
    return Response(content, media_type=MEDIA_TYPES[form], headers=headers)


@get("/workspace/files/{number:str}", sync_to_thread=True, summary="One file that I sent")
def file(
    request: Asked,
    number: Id,
    rule: Rule = None,
    after: AfterRow = 0,
    show: Annotated[str, QueryParameter(description="refused, or found: taken with findings")] = "refused",
    mended: Annotated[int | None, QueryParameter(ge=0, le=1 << 31, description="how many just were")] = None,
    still: Annotated[int | None, QueryParameter(ge=0, le=1 << 31, description="how many are not")] = None,
) -> Response[bytes]:
    """Return how far a file has come, and what is to be mended; for programs the same without the rows."""
    person = reporting(request)
    jobs = worker_of(request).jobs
    job = jobs.read(person.organisation, number)
    if not wants_page(request):
        return as_json(told_of(jobs, job))
    if job.state == "mapping":
        return mapping_page(request, job)
    return file_page(request, job, rule or None, after, show, (mended, still))


@get("/workspace/files/{number:str}/mapping", sync_to_thread=True, summary="How a file's columns are read")
def mapping(request: Asked, number: Id) -> Response[bytes]:
    """Return which member each column gives, and the form to say it."""
    person = reporting(request)
    job = worker_of(request).jobs.read(person.organisation, number)
    if not wants_page(request):
        return as_json({"header": job.about and job.about.header, "mapping": job.mapping})
    return mapping_page(request, job)


@post(
    "/workspace/files/{number:str}/read",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES * 4,
    summary="Say how a file's columns are read",
)
def set_mapping(request: Asked, number: Id, data: Form) -> Response[Any]:
    """
    Take `kind`, `offset`, `sheet`, for column n `column.n`, for all rows `constant.MEMBER`, and `csrf`.

    The file is then checked; the same header is read so the next time.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    check_right(person, "report")
    jobs = worker_of(request).jobs
    job = jobs.read(person.organisation, number)
    chosen = job.mapping
    try:
        sheet = field(data, "sheet") or None
        if job.about is None or (job.about.sheet is not None and sheet not in {None, job.about.sheet}):
            jobs.map(job, job.mapping or Mapping(None, ()), _sheet_of(job, sheet))
        else:
            chosen = _chosen(job, data)
            read_row(chosen, 1, ("-",) * len(chosen.columns))  # says what cannot be
            if missing := lacking(chosen):
                raise UsageError(
                    "file.lacking",
                    f"Each row needs {', '.join(missing)}, and no column gives it.",
                    "Choose a column for it, or give one value for all rows.",
                )
            jobs.map(job, chosen)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        tell_programs(request, error)
        return mapping_page(request, job, chosen, error)
    worker_of(request).wake()
    return Redirect(page_for(request).link(f"/workspace/files/{number}"), status_code=303)


@post(
    "/workspace/files/{number:str}/record",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Put a file's rows on record",
)
def record(request: Asked, number: Id, body: RawBody) -> Response[Any]:
    """Have the rows that are right put on record, behind the scenes; from a page, `csrf` comes in a form."""
    is_form = request.content_type[0] == "application/x-www-form-urlencoded"
    fields = parse_qs(body.decode(errors="replace"), max_num_fields=8) if is_form else {}
    person = may_report(request, "".join(fields["csrf"]) if "csrf" in fields else None)
    if person is None:
        raise _nobody()
    worker = worker_of(request)
    job = worker.jobs.read(person.organisation, number)
    try:
        if not host_signs(request, person):
            raise AccessError(
                "access.host_key",
                "Your organisation reports with its own key: the host may not sign for it.",
                "Take the lines as a file, and sign them on the page /report or with `voltrail report`.",
            )
        worker.jobs.record(job)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        tell_programs(request, error)
        return file_page(request, worker.jobs.read(person.organisation, number), error=error)
    note(request, person, "file.recorded", job)
    worker.wake()
    if wants_page(request):
        return Redirect(page_for(request).link(f"/workspace/files/{number}"), status_code=303)
    return as_json(told_of(worker.jobs, worker.jobs.read(person.organisation, number)))


@post(
    "/workspace/files/{number:str}/remove",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Remove a file",
)
def remove(request: Asked, number: Id, data: Form) -> Response[Any]:
    """Take `csrf`; the file is removed, with the rows that were not put on record. The record stays."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    check_right(person, "report")
    jobs = worker_of(request).jobs
    job = jobs.read(person.organisation, number)
    jobs.remove(job)
    note(request, person, "file.removed", job)
    return Redirect(page_for(request).link("/workspace/files"), status_code=303)


# ----------------------------------------------------------------------- what the pages of files share


def worker_of(request: Asked) -> Worker:
    """Return what keeps and works on files."""
    return cast("Worker", request.app.state.files)


def reporting(request: Asked) -> Person:
    """Return who reports for an organisation: a session, or a token that may. Raises AccessError."""
    person = person_of(request)
    if person is None or person.digest is not None:
        person = signed_in(request)
    check_right(person, "report")
    return person


def host_signs(request: Asked, person: Person) -> bool:
    """Return whether the host may sign for an organisation."""
    registry = registry_of(request)
    return person.organisation not in {
        *registry.authorities,
        registry.settings.host,
    } and registry.lets_host_sign(person.organisation)


def note(request: Asked, person: Person, action: str, job: Job) -> None:
    """Add to the trail what somebody did with a file."""
    detail = f"{job.name[:200]}, sha256 {job.digest.hex()}"
    accounts_of(request).note(action, person, address_of(request), detail)


def told_of(jobs: Jobs, job: Job) -> dict[str, Any]:
    """Return a file as programs are told of it."""
    counts = jobs.counts(job)
    return {
        **_short(job),
        "share": job.share,
        "header": job.about and job.about.header,
        "mapping": job.mapping,
        "lacking": lacking(job.mapping) if job.mapping is not None and job.has_columns else (),
        "ready": job.ready - job.sent + counts.mended,
        "refused": counts.refused + job.unkept,
        "rules": counts.rules,
        "left_out": job.left_out,
        "found": job.found,
        "error": job.failure,
        "reports": [
            {
                "report": one.report.hex(),
                "first_row": one.first_row,
                "last_row": one.last_row,
                "rows": one.rows,
                "taken": one.taken,
                "known": one.known,
                "refused": one.refused,
                "found": one.found,
            }
            for one in jobs.batches(job)
        ],
    }


def file_page(
    request: Asked,
    job: Job,
    rule: str | None = None,
    after: int = 0,
    show: str = "refused",
    mended: tuple[int | None, int | None] = (None, None),
    error: VoltrailError | None = None,
) -> Response[bytes]:
    """Return the page of a file: how far it has come, and the rows to look at."""
    jobs, page = worker_of(request).jobs, page_for(request)
    counts = jobs.counts(job)
    state = "found" if show == "found" else "refused"
    rows: list[ToMend] = []
    following: int | None = None
    if not job.is_working:
        rows, following = jobs.rows(job, state, rule, after, ON_PAGE)
    left = job.ready - job.sent + counts.mended
    return as_page(
        page,
        "file",
        status_of(error) if error else 200,
        job=job,
        counts=counts,
        left=left,
        rows=shown_rows(job, rows),
        following=following,
        after=after,
        rule=rule,
        show=state,
        mended=mended[0],
        still=mended[1],
        error=error,
        earlier=jobs.earlier(job),
        batches=jobs.batches(job),
        signs=signs(request),
        parts=range(-(-left // PART_LINES)),
        columns=columns_of(page, job),
    )


def mapping_page(
    request: Asked, job: Job, chosen: Mapping | None = None, error: VoltrailError | None = None
) -> Response[bytes]:
    """Return the page on which it is said how a file's columns are read."""
    page, shown = page_for(request), chosen or job.mapping
    person = reporting(request)
    choices: list[Choice] = choices_of(page, job, shown) if shown is not None else []
    missing = lacking(shown) if shown is not None else ()
    return as_page(
        page,
        "file_mapping",
        status_of(error) if error else 200,
        job=job,
        mapping=shown,
        choices=choices,
        lacking=missing,
        words={name: member_word(page, name) for name in (*missing, *(shown.constants if shown else ()))},
        kinds=_kinds(request, person),
        error=error,
    )


def _list(
    request: Asked, person: Person, after: str | None, error: VoltrailError | None = None
) -> Response[bytes]:
    jobs, page = worker_of(request).jobs, page_for(request)
    found, following = jobs.page(person.organisation, FILES_ON_PAGE, after)
    if not wants_page(request):
        return as_json({"files": [_short(job) for job in found], "next": following})
    return as_page(
        page,
        "files",
        status_of(error) if error else 200,
        found=found,
        following=following,
        after=after,
        error=error,
        most_text=MAX_TEXT_BYTES,
        most_book=MAX_BOOK_BYTES,
        most_files=MAX_FILES,
        most_bytes=MAX_BYTES,
        signs=signs(request),
    )


def _short(job: Job) -> dict[str, Any]:
    return {
        "file": job.id,
        "name": job.name,
        "sha256": job.digest.hex(),
        "bytes": job.bytes,
        "form": job.form,
        "state": job.state,
        "sent_at": iso_ms(int(job.made_at.timestamp() * 1000)),
        "rows": job.checked,
        "taken": job.taken,
        "known": job.known,
    }


def _keep(request: Asked, person: Person, received: Received, wanted: Wanted) -> Job:
    worker = worker_of(request)
    incoming = received.incoming
    if incoming is None:
        raise UsageError("file.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    form = form_of(received.name, received.begins)
    name = received.name[:200] or f"file.{form}"
    worker.jobs.check_room(person.organisation, incoming.bytes)
    job = worker.jobs.add(person.organisation, person.login, name, incoming, form, wanted)
    note(request, person, "file.sent", job)
    worker.wake()
    return job


def _kinds(request: Asked, person: Person) -> list[str]:
    """Return the kinds of event that an organisation's roles may report."""
    roles = registry_of(request).roles_of(person.organisation)
    return kinds_of(roles)


def _wanted(
    kind: str | None,
    offset: str | None,
    sheet: str | None,
    columns: str | None,
    constants: list[str] | None,
) -> Wanted:
    pairs = [one.partition("=") for one in (constants or [])[:100]]
    given = {name.strip(): value for name, _, value in pairs if value}
    return msgspec.structs.replace(wanted_of(kind, offset, sheet, columns), constants=given)


def _chosen(job: Job, data: Form) -> Mapping:
    """Return the mapping that a form says."""
    if job.about is None:
        raise _nobody()
    columns = tuple(field(data, f"column.{at}") or None for at in range(len(job.about.header)))
    constants = {
        name.removeprefix("constant."): value.strip()
        for name, value in data.items()
        if name.startswith("constant.") and isinstance(value, str) and value.strip()
    }
    constants = {name: value for name, value in constants.items() if name not in columns}
    kind = field(data, "kind") or None
    return Mapping(None if "kind" in columns else kind, columns, field(data, "offset") or "+08:00", constants)


def _sheet_of(job: Job, sheet: str | None) -> str | None:
    if job.about is not None and sheet is not None and sheet not in job.about.sheets:
        raise UsageError("file.sheet", "The workbook has no such sheet.", "Choose one of those it has.")
    return sheet


def _name(name: str | None, media_type: str) -> str:
    ending = _ENDINGS.get(media_type, "")
    given = re.sub(r"[/\\\x00-\x1f]", "", name or "")
    if not given:
        return f"{datetime.now(UTC):%Y-%m-%d}{ending}"
    return given if given.lower().endswith((".csv", ".txt", ".xlsx", ".jsonl", ".ndjson")) else given + ending


def _nobody() -> AccessError:
    return AccessError("access.sign_in", "This needs a sign-in.", "Sign in on the page /sign-in.")


# `send` first: Litestar registers the handlers of an address anew with each, and wraps sync ones each time.
ROUTES: Final = (send, files, templates, one_template, file, mapping, set_mapping, record, remove)
