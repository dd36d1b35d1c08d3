"""The rows of a file: mended in place or left out, and what there is of them to take away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Stream

from voltrail.api.access import check_form, check_right, signed_in
from voltrail.api.answers import Asked, as_json, page_for, registry_of, tell_programs
from voltrail.api.failures import status_of
from voltrail.api.files import PART_LINES, AfterRow, Id, Rule, file_page, reporting, worker_of
from voltrail.api.sign_in import Form, field
from voltrail.errors import NotFound, UsageError, VoltrailError
from voltrail.events.epcis import MEDIA_TYPE, Importing
from voltrail.events.epcis.source import read_json, write_json
from voltrail.events.tables import Row
from voltrail.intake import Job, Jobs, ToMend
from voltrail.intake.sources import again_of, without_remarks
from voltrail.registry.epcis import host_of, importing
from voltrail.registry.sent import read_report
from voltrail.web import Page
from voltrail.web.files import remark_of
from voltrail.web.sheets import MEDIA_TYPES, Column, Sheet, write_csv, write_xlsx

MAX_MEND_BYTES: Final = 8 << 20
MAX_AT_ONCE: Final = 200  # rows of one form
MAX_LISTED: Final = 1_000
_CELL: Final = re.compile(r"cell\.(\d{1,18})\.(\d{1,4})")


@post(
    "/workspace/files/{number:str}/mend",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_MEND_BYTES,
    summary="Mend rows of a file",
)
def mend(request: Asked, number: Id, data: Form) -> Response[Any]:
    """Take cells as `cell.ROW.COLUMN`, and `csrf`; the rows that were changed are read again at once."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    check_right(person, "report")
    jobs = worker_of(request).jobs
    job = jobs.read(person.organisation, number)
    rule = field(data, "rule") or None
    after = int(field(data, "after") or 0) if field(data, "after").isdecimal() else 0
    try:
        registry = registry_of(request)
        rows = _mended(jobs, job, data, importing(registry, person.organisation, host_of(registry)))
        if not rows:
            raise UsageError(
                "file.unchanged", "No cell was changed.", "Change what is wrong, then read it again."
            )
        jobs.mend(job, rows)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        tell_programs(request, error)
        return file_page(request, job, rule, after, error=error)
    right = sum(row.line is not None for row in rows)
    where = page_for(request).link(
        f"/workspace/files/{number}", rule=rule, after=after or None, mended=right, still=len(rows) - right
    )
    return Redirect(where, status_code=303)


@post(
    "/workspace/files/{number:str}/leave-out",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_MEND_BYTES,
    summary="Leave rows of a file out",
)
def leave_out(request: Asked, number: Id, data: Form) -> Response[Any]:
    """Take `row`, or `all` (with `rule`, all of that rule), and `csrf`; those rows are not put on record."""
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    check_right(person, "report")
    jobs = worker_of(request).jobs
    job, rule, row = jobs.read(person.organisation, number), field(data, "rule") or None, field(data, "row")
    after = field(data, "after") if field(data, "after").isdecimal() else None
    if field(data, "all"):
        jobs.leave_out(job, None, rule)
        rule = after = None
    elif row.isdecimal() and len(row) < 19:
        jobs.leave_out(job, [int(row)])
    return Redirect(
        page_for(request).link(f"/workspace/files/{number}", rule=rule, after=after), status_code=303
    )


@get("/workspace/files/{number:str}/refused", sync_to_thread=True, summary="The refused rows of a file")
def refused(
    request: Asked,
    number: Id,
    rule: Rule = None,
    after: AfterRow = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LISTED, description="at most so many")] = 100,
) -> Response[bytes]:
    """Return refused rows with their cells, and for each cell that is wrong, rule, message and fix."""
    person = reporting(request)
    jobs = worker_of(request).jobs
    job = jobs.read(person.organisation, number)
    rows, following = jobs.rows(job, "refused", rule or None, after, limit)
    told = [{"row": one.number, "cells": one.cells, "troubles": one.troubles} for one in rows]
    return as_json({"header": job.about and job.about.header, "rows": told, "next": following})


@get("/workspace/files/{number:str}/refused.csv", sync_to_thread=True, summary="Refused rows, as CSV")
def refused_csv(request: Asked, number: Id) -> Stream:
    """Return the refused rows under their heads, with a column that says what is wrong; to be sent again."""
    job, sheet = _sheet(request, number)
    return _download(MEDIA_TYPES["csv"], job, "csv", write_csv(sheet, None, page_for(request)))


@get("/workspace/files/{number:str}/refused.xlsx", sync_to_thread=True, summary="Refused rows, as a workbook")
def refused_xlsx(request: Asked, number: Id) -> Stream:
    """Return the same as a workbook for Excel or WPS."""
    job, sheet = _sheet(request, number)
    return _download(MEDIA_TYPES["xlsx"], job, "xlsx", write_xlsx(sheet, None, page_for(request)))


@get("/workspace/files/{number:str}/refused.jsonl", sync_to_thread=True, summary="Refused lines")
def refused_lines(request: Asked, number: Id) -> Stream:
    """Return the refused lines of a file of lines, as they were sent."""
    job = _own(request, number)
    texts = (one.cells[0] for run in _runs(worker_of(request).jobs, job) for one in run if one.cells)
    if job.form == "epcis":
        return _download(MEDIA_TYPE, job, "jsonld", _as_document(texts))
    return _download("application/jsonl", job, "jsonl", (text.encode() + b"\n" for text in texts))


@get("/workspace/files/{number:str}/lines.jsonl", sync_to_thread=True, summary="A file's lines, to be signed")
def lines(
    request: Asked,
    number: Id,
    part: Annotated[int, QueryParameter(ge=0, le=10_000, description="from 0: 50,000 lines each")] = 0,
) -> Stream:
    """Return the lines that are right and not on record yet, to be signed with a key."""
    job, worker = _own(request, number), worker_of(request)
    if job.is_working:
        raise UsageError("file.busy", "The file is being worked on.", "Look at its page again.")
    found = islice(worker.lines(job), part * PART_LINES, (part + 1) * PART_LINES)
    headers = {
        "Content-Disposition": f'attachment; filename="lines-{part + 1}.jsonl"',
        "Cache-Control": "no-store",
    }
    return Stream((line + b"\n" for line in found), media_type="application/jsonl", headers=headers)


@get("/workspace/files/{number:str}/receipts.jsonl", sync_to_thread=True, summary="A file's receipts")
def receipts(request: Asked, number: Id) -> Stream:
    """Return the receipts of all reports that a file's rows went into, one a line."""
    job, registry = _own(request, number), registry_of(request)
    batches = [one for one in worker_of(request).jobs.batches(job) if one.taken]

    def each() -> Iterator[bytes]:
        for one in batches:
            yield read_report(registry.database, job.organisation, one.report, registry.logs)[0] + b"\n"

    headers = {"Content-Disposition": 'attachment; filename="receipts.jsonl"', "Cache-Control": "no-store"}
    return Stream(each(), media_type="application/jsonl", headers=headers)


def _own(request: Asked, number: str) -> Job:
    return worker_of(request).jobs.read(reporting(request).organisation, number)


def _mended(jobs: Jobs, job: Job, data: dict[str, Any], asks: Importing) -> list[Row]:
    """Return the rows of a form that were changed, read again."""
    changes: dict[int, dict[int, str]] = {}
    for name, value in data.items():
        if (found := _CELL.fullmatch(name)) and isinstance(value, str):
            changes.setdefault(int(found[1]), {})[int(found[2])] = value
    if len(changes) > MAX_AT_ONCE:
        raise UsageError("request.form", "These are too many rows at once.", f"Send at most {MAX_AT_ONCE}.")
    again, rows = again_of(job, asks), []
    width = len(job.about.header) if job.about is not None else 1
    for number, cells in changes.items():
        row = jobs.row(job, number)
        if row is None:
            continue
        new = [*row.cells, *[""] * max(0, width - len(row.cells))]
        for column, text in cells.items():
            if column < len(new) and new[column].split() != text.split():
                new[column] = text
        if tuple(new[: len(row.cells)]) != row.cells or any(new[len(row.cells) :]):
            rows.append(again(number, new))
    return rows


def _as_document(events: Iterator[str]) -> Iterator[bytes]:
    """Yield one EPCIS document of events, each of which has its context; those of one document share it."""
    between = b""
    for text in events:
        try:
            event = read_json(text.encode())
        except VoltrailError:  # mended until it was no JSON any more
            continue
        context = event.pop("@context", [])
        if not between:
            head = {"@context": context, "type": "EPCISDocument", "schemaVersion": "2.0"}
            made = {"creationDate": datetime.now(UTC).isoformat(timespec="milliseconds")}
            yield write_json(head | made)[:-1] + b',"epcisBody":{"eventList":['
        yield between + write_json(event)
        between = b",\n"
    yield b"]}}" if between else b"{}"


def _sheet(request: Asked, number: str) -> tuple[Job, Sheet]:
    job, page = _own(request, number), page_for(request)
    if job.about is None or not job.has_columns:
        raise NotFound("file.no_sheet", "This file has no table.", "Take its lines.")
    head = without_remarks(job.about.header)
    width = len(head)

    def runs() -> Iterator[list[tuple[str, ...]]]:
        for run in _runs(worker_of(request).jobs, job):
            yield [_with_remark(page, job, one, width) for one in run]

    columns = [Column(one, heading=one or " ") for one in head]
    wrong = Column("remark", heading=page.say("What is wrong"))
    return job, Sheet(f"refused-{job.id}", job.name, (*columns, wrong), runs())


def _with_remark(page: Page, job: Job, row: ToMend, width: int) -> tuple[str, ...]:
    cells = (*row.cells, *[""] * width)[:width]
    return (*cells, remark_of(page, job, row))


def _runs(jobs: Jobs, job: Job) -> Iterator[list[ToMend]]:
    after: int | None = 0
    while after is not None:
        rows, after = jobs.rows(job, "refused", None, after, MAX_LISTED)
        if rows:
            yield rows


def _download(media_type: str, job: Job, ending: str, content: Iterator[bytes]) -> Stream:
    name = f"refused-{job.id}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(content, media_type=media_type, headers=headers)


ROUTES: Final = (mend, leave_out, refused, refused_csv, refused_xlsx, refused_lines, lines, receipts)
