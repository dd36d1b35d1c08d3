"""`POST /reports`: signed report files in, receipts out."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from typing import Annotated, Final, cast

import msgspec
from litestar import Response, post
from litestar.params import QueryParameter, RawBody

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, check_right, may_report
from voltrail.api.answers import Asked, registry_of
from voltrail.api.monitoring import metrics_of
from voltrail.errors import AccessError, EventError, ReportError, UsageError, VoltrailError
from voltrail.events import decode
from voltrail.events.epcis import Importing
from voltrail.events.kinds import Corrected
from voltrail.intake import Wanted
from voltrail.intake.sources import form_of, open_source
from voltrail.ledger.reports import MAX_FILE_BYTES, MAX_LINES, MEDIA_TYPE, split_lines
from voltrail.registry.prepare import Mode
from voltrail.web.sheets import MEDIA_TYPES

WITH_A_KEY: Final = frozenset(
    {"organisation_registered", "role_granted", "role_revoked", "key_added", "key_revoked"}
)
LINES_TYPE: Final = "application/jsonl"
MAX_WRONG: Final = 10_000  # rows that an answer names
MAX_BODY_BYTES: Final = MAX_FILE_BYTES + 65_536  # so that a file just too large is answered by its own rule


class _Accepted(msgspec.Struct):
    accepted: list[int]


@post(
    "/reports",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Report what happened",
)
def report(
    request: Asked,
    body: RawBody,
    mode: Annotated[
        str,
        QueryParameter(
            description="valid takes the lines that hold and names the rest; all takes everything or nothing"
        ),
    ] = "valid",
    kind: Annotated[str | None, QueryParameter(max_length=60, description="of all rows")] = None,
    offset: Annotated[str | None, QueryParameter(max_length=6, description="of times, +08:00")] = None,
    sheet: Annotated[str | None, QueryParameter(max_length=200, description="which sheet")] = None,
    columns: Annotated[
        str | None, QueryParameter(max_length=8_000, description="a member for each column, joined by commas")
    ] = None,
) -> Response[bytes]:
    """
    Take a signed report file, answer with its receipt; sent again, it gives the same receipt.

    Plain lines (`application/jsonl`) are taken with a token of the scope `report`: the host signs them. So
    are CSV and workbooks of up to 100,000 rows; `receipt` then stands beside the rows that are wrong.
    """
    chosen = _mode(mode)
    media_type = _media_type(request.headers.get("content-type", ""))
    if media_type == MEDIA_TYPE:
        return Response(taken(request, body, chosen), media_type="application/json")
    person = may_report(request)
    if person is None:
        raise plain_lines()
    if media_type == LINES_TYPE:
        receipt = taken_from(request, person, body, chosen)
    else:
        receipt = _taken_from_sheet(request, person, body, chosen, wanted_of(kind, offset, sheet, columns))
    return Response(receipt, media_type="application/json")


def taken(request: Asked, file: bytes, mode: Mode) -> bytes:
    """Return the receipt of a signed report file that was taken."""
    return _counted(request, registry_of(request).report(file, mode))


def taken_from(request: Asked, person: Person, content: bytes, mode: Mode) -> bytes:
    """Return the receipt of plain lines, which the host signs for the organisation of who is signed in."""
    lines = lines_of(request, person, content)
    digest = sha256(content).digest()
    said = f"{len(lines)} lines, sha256 {digest.hex()}"
    accounts_of(request).note("report.sent", person, address_of(request), said)  # before it can be taken
    return _counted(request, registry_of(request).report_lines(person.organisation, lines, mode, digest))


def lines_of(request: Asked, person: Person, content: bytes) -> list[bytes]:
    """
    Return the lines that a sign-in is enough for. Raises AccessError where it is not, ReportError.

    Who is who is said with a key alone: what a password could say, whoever steals it could, for good.
    """
    registry = registry_of(request)
    check_right(person, "report")
    if len(content) > MAX_FILE_BYTES:
        raise ReportError("report.too_large", f"More than {MAX_FILE_BYTES:,} bytes.", "Send several reports.")
    if person.organisation in {*registry.authorities, registry.settings.host}:
        raise AccessError(
            "access.key",
            "An authority and the host report with their keys alone.",
            "Sign the report: `voltrail report FILE.jsonl --key KEY.pem`",
        )
    lines = split_lines(content)
    for number, line in enumerate(lines, 1):
        if not WITH_A_KEY.isdisjoint(_kinds(line)):
            raise AccessError(
                "access.key",
                "Organisations, roles and keys are reported with a key, not with a sign-in.",
                "Sign the report: `voltrail report FILE.jsonl --key KEY.pem`",
                number,
            )
    return lines


def _kinds(line: bytes) -> set[str]:
    """Return the kind of a line, and of the line that a correction puts in its place; none for no event."""
    kinds: set[str] = set()
    with suppress(VoltrailError):
        event = decode(line)
        kinds.add(event.kind)
        if isinstance(event, Corrected) and event.line is not None:
            kinds |= _kinds(event.line.encode())
    return kinds


def _counted(request: Asked, receipt: bytes) -> bytes:
    """Return a receipt, counted for monitoring."""
    metrics_of(request).accepted.inc(len(msgspec.json.decode(receipt, type=_Accepted).accepted))
    return receipt


def plain_lines() -> AccessError:
    """Return the error for lines that nobody signed."""
    return AccessError(
        "access.sign_in",
        "Plain lines need a sign-in, so that it is known who reports them.",
        "Sign in, or bring a token in the header Authorization: Bearer TOKEN. Or send a signed report file"
        f" instead ({MEDIA_TYPE}): `voltrail report FILE.jsonl --key KEY.pem`",
    )


def _mode(mode: str) -> Mode:
    if mode not in {"all", "valid"}:
        raise UsageError("usage.mode", f"There is no mode {mode[:40]!r}.", "Use all or valid.")
    return cast("Mode", mode)


def _media_type(header: str) -> str:
    """Return what is sent; UsageError for what no report can be read from."""
    media_type = header.partition(";")[0].strip().lower()
    if media_type not in {LINES_TYPE, MEDIA_TYPE, MEDIA_TYPES["csv"], MEDIA_TYPES["xlsx"]}:
        raise UsageError(
            "request.content_type",
            f"A report cannot be read from the content type {media_type[:80] or '(none)'!r}.",
            f"Send a signed report file with the header Content-Type: {MEDIA_TYPE}",
        )
    return media_type


def wanted_of(kind: str | None, offset: str | None, sheet: str | None, columns: str | None) -> Wanted:
    """Return what a sender says of a spreadsheet."""
    return Wanted(
        kind=kind or None,
        offset=offset or None,
        sheet=sheet or None,
        columns=tuple(name.strip() or None for name in columns.split(",")) if columns else None,
    )


def _taken_from_sheet(request: Asked, person: Person, content: bytes, mode: Mode, wanted: Wanted) -> bytes:
    """Return what became of each row of a spreadsheet; with `mode=all` the first wrong row is raised."""
    stream = BytesIO(content)
    source = open_source(stream, form_of("", content[:64]), "", wanted, Importing(person.organisation))
    if source.lacking:
        raise UsageError(
            "file.lacking",
            f"Each row needs {', '.join(source.lacking)}, and no column gives it.",
            "Choose a column for it, or give one value for all rows.",
        )
    wrong, lines, numbers = [], [], []
    for row in source.rows(source.guessed):
        if row.line is not None:
            lines.append(row.line)
            numbers.append(row.number)
        else:
            wrong.append({"row": row.number, "cells": row.cells, "troubles": row.troubles})
        if wrong and mode == "all":
            first = row.troubles[0]
            raise EventError(first.rule, first.message, first.fix, row.number)
        if len(lines) > MAX_LINES or len(wrong) > MAX_WRONG:
            raise ReportError(
                "report.too_long",
                f"The file has more than {MAX_LINES:,} rows, or more than {MAX_WRONG:,} that are wrong.",
                "Send it to /workspace/files.",
            )
    receipt = None
    if lines:
        try:
            receipt = taken_from(request, person, b"".join(b"%b\n" % line for line in lines), mode)
        except VoltrailError as error:
            if error.line is not None and error.line <= len(numbers):
                error.line = numbers[error.line - 1]  # as the spreadsheet counts
            raise
    told = {"receipt": msgspec.Raw(receipt or b"null"), "rows": numbers, "refused": wrong}
    return msgspec.json.encode(told)


ROUTES: Final = (report,)
