"""/passports/import: a passport that others made, read, and shown as what it would become here."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody

from voltrail.accounts import Person
from voltrail.api.access import may_report, reader_of, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.report_page import FORM_BYTES, content_of, signs
from voltrail.api.reports import LINES_TYPE, taken_from
from voltrail.codes import parse, tidy
from voltrail.errors import AccessError, UnknownBattery, UsageError, VoltrailError
from voltrail.events.points import POINTS, Point, Value
from voltrail.ledger.reports import split_lines
from voltrail.passport.importing import FORMS, Found, read_passport
from voltrail.passport.loading import MAX_BYTES
from voltrail.passport.proposal import Compared, Proposal, propose
from voltrail.web.outcome import read_receipt

MOST_FILES: Final = 20


@get("/passports/import", sync_to_thread=False, summary="Take over a passport made elsewhere")
def import_page(request: Asked) -> Response[bytes]:
    """Return the page that reads passports of others; for programs, the forms that are read."""
    if not wants_page(request):
        return as_json({"forms": [{"form": one.id, "name": one.name} for one in FORMS]})
    signed_in(request)
    return _answer(request, {})


@post(
    "/passports/import",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BYTES + FORM_BYTES,
    summary="Read a passport made elsewhere",
)
def import_passport(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `file` (JSON or a zip; several too), `model_id` and `code` if they are to be others than it names.

    Answers with what was read, from where, what is wrong with it, what the record has otherwise, and the
    lines that it would become. Nothing is recorded; with `do=report` and these `lines` the host signs them,
    with `do=lines` they come as a file. Sessions bring `csrf`, tokens the right to report.
    """
    person = may_report(request, str(data.get("csrf", "")))
    if person is None:
        raise AccessError("access.sign_in", "This needs a sign-in.", "Sign in on the page /sign-in.")
    given = {name: str(data.get(name, "")).strip() for name in ("model_id", "code")}
    do, lines = str(data.get("do", "")), _lines(data)
    try:
        if do == "lines":
            headers = {"Content-Disposition": 'attachment; filename="passport.jsonl"'}
            return Response(lines, media_type=LINES_TYPE, headers=headers)
        if do == "report":
            return _reported(request, person, lines)
        return _read(request, data.get("file"), given)
    except VoltrailError as error:
        if status_of(error) >= 500:  # not for the sender to mend
            raise
        tell_programs(request, error)
        return _answer(request, {"error": error, "given": given}, status_of(error))


def _read(request: Asked, files: Any, given: dict[str, str]) -> Response[Any]:
    """Return what was read of files."""
    read = read_passport(_contents(files))
    code = parse(tidy(given["code"])).text if given["code"] else read.code
    known = _known(request, code)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    proposal = propose(read, known, given["model_id"] or None, code, now)
    if not wants_page(request):
        return as_json(proposal.as_json())
    model_id = proposal.model_id
    return _answer(
        request,
        {
            "proposal": proposal,
            "sections": _sections(proposal),
            "on_record": bool(known),
            "declared": bool(model_id) and registry_of(request).declared(str(model_id)) is not None,
            "given": {"model_id": model_id or "", "code": code or ""},
        },
    )


_Row = tuple[Point, Found, Compared | None]


def _sections(proposal: Proposal) -> list[tuple[str, list[_Row], list[_Row]]]:
    """Return the points by who says them here: those that are new or differ, and those on record already."""
    ours = {one.point: one for one in proposal.compared}
    sections = []
    for by in ("declared", "measured", "record"):
        rows = [(POINTS[name], one, ours.get(name)) for name, one in proposal.read.of(by).items()]
        same = [row for row in rows if row[2] is not None and row[2].agrees]
        if rows:
            sections.append((by, [row for row in rows if row not in same], same))
    return sections


def _known(request: Asked, code: str | None) -> dict[str, Value]:
    """Return what the record has of the battery, as far as the reader may see it; nothing if it has not."""
    if code is None:
        return {}
    with suppress(UnknownBattery):
        told = registry_of(request).passport(code, reader_of(request))
        return {name: one.value for name, one in told.values.items()}
    return {}


def _reported(request: Asked, person: Person, lines: bytes) -> Response[Any]:
    """Put the lines on record that somebody was shown; answer with what became of each."""
    receipt = taken_from(request, person, lines, "valid")
    if not wants_page(request):
        return Response(receipt, media_type="application/json")
    return _answer(request, {"outcome": read_receipt(receipt, split_lines(lines))})


def _contents(given: Any) -> list[tuple[str, bytes]]:
    """Return the files of a form, by name."""
    files = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, UploadFile)]
    if len(files) > MOST_FILES:
        raise UsageError("import.many", f"More than {MOST_FILES} files.", "Put them into one zip.")
    read = [(one.filename[:200] or "file", content_of(one)) for one in files]
    if not any(content for _, content in read):
        raise UsageError("report.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    return read


def _lines(data: dict[str, Any]) -> bytes:
    """Return the lines of a form as a report has them; browsers send their ends as CR LF."""
    text = str(data.get("lines", "")).replace("\r\n", "\n").strip("\n")
    return text.encode(errors="replace") + b"\n" if text else b""


def _answer(request: Asked, values: dict[str, Any], status: int = 200) -> Response[bytes]:
    shown = {"error": None, "proposal": None, "outcome": None, "given": {"model_id": "", "code": ""}} | values
    return as_page(page_for(request), "passport_import", status, forms=FORMS, signs=signs(request), **shown)


ROUTES: Final = (import_page, import_passport)
