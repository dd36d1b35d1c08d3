"""/report: the page on which a person hands a report in, and sees what becomes of each line."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody

from voltrail.accounts import Person
from voltrail.api.access import may_report, reader_of
from voltrail.api.answers import Asked, as_page, page_for, registry_of, wants_page
from voltrail.api.failures import status_of
from voltrail.api.reports import MAX_BODY_BYTES, lines_of, plain_lines, taken, taken_from
from voltrail.errors import ReportError, UsageError, VoltrailError
from voltrail.ledger.reports import ReportFile, split_lines
from voltrail.web.outcome import Outcome, read_answers, read_receipt

FORM_BYTES: Final = 65_536  # what a browser puts around the file


@get("/report", sync_to_thread=False, summary="The page for reporting")
def page(request: Asked) -> Response[bytes]:
    """Return the page on which a file is checked, signed in the browser and sent."""
    return _answer(request, {})


@post(
    "/report",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES + FORM_BYTES,
    summary="Report from the page",
)
def send(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[bytes]:
    """
    Take a form with `file`, a signed report file; `do=check` records nothing. Answers with the page.

    From who is signed in, plain lines too: the host signs them. Then `csrf` is as in the page's form.
    """
    try:
        content, checking = _file(data.get("file")), data.get("do") == "check"
        if _is_sheet(data.get("file"), content):
            raise ReportError(
                "report.spreadsheet",
                "This is a spreadsheet; a report has lines.",
                "Sign in, and send it on the page /workspace/files.",
            )
        if _is_plain(content):
            person = may_report(request, str(data.get("csrf", "")))
            if person is None:
                raise plain_lines()
            outcome = (_check_lines if checking else _send_lines)(request, person, content)
        else:
            outcome = (_check if checking else _send)(request, content)
    except VoltrailError as error:
        status = status_of(error)
        if status >= 500 or not wants_page(request):  # not for the sender to mend, or for a program
            raise
        return _answer(request, {"error": error, "text": _line_of(data, error)}, status)
    return _answer(request, {"outcome": outcome})


def _answer(request: Asked, values: dict[str, Any], status: int = 200) -> Response[bytes]:
    shown = {"error": None, "text": None, "outcome": None} | values
    origin, host = registry_of(request).origin, str(request.base_url).rstrip("/")
    return as_page(
        page_for(request), "report", status, origin=origin, host=host, signs=signs(request), **shown
    )


def signs(request: Asked) -> bool:
    """Return whether the host signs for who is signed in, so that the form needs no key."""
    registry, person = registry_of(request), page_for(request).person
    return (
        isinstance(person, Person)
        and person.digest is not None
        and "report" in person.scopes
        and person.organisation not in {*registry.authorities, registry.settings.host}
        and registry.lets_host_sign(person.organisation)
    )


def _check(request: Asked, file: bytes) -> Outcome:
    answers = registry_of(request).check_report(file)
    return read_answers(answers, ReportFile.parse(file).lines)


def _send(request: Asked, file: bytes) -> Outcome:
    return read_receipt(taken(request, file, "valid"), ReportFile.parse(file).lines)


def _check_lines(request: Asked, person: Person, content: bytes) -> Outcome:
    lines = lines_of(request, person, content)
    audience = reader_of(request).audience
    return read_answers(registry_of(request).check(person.organisation, lines, audience), lines)


def _send_lines(request: Asked, person: Person, content: bytes) -> Outcome:
    receipt = taken_from(request, person, content, "valid")
    return read_receipt(receipt, split_lines(content))


def _file(given: Any) -> bytes:
    """Return the bytes of the file that was chosen."""
    content = content_of(given)
    if not content:
        raise UsageError("report.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    return content


def _is_plain(content: bytes) -> bool:
    """Return whether these are lines that nobody has signed."""
    return content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def _is_sheet(given: Any, content: bytes) -> bool:
    """Return whether this is a workbook, or CSV by its name."""
    name = given.filename.lower() if isinstance(given, UploadFile) else ""
    return content.startswith(b"PK\x03\x04") or (name.endswith(".csv") and not _is_plain(content))


def content_of(given: Any) -> bytes:
    """Return the bytes of a file that a form has; none where it has none."""
    if not isinstance(given, UploadFile):
        return b""
    given.file.seek(0)
    return given.file.read()


def _line_of(data: dict[str, Any], error: VoltrailError) -> str | None:
    """Return the line that an error is about, so that it is seen beside its words."""
    if error.line is None:
        return None
    content = content_of(data.get("file"))
    lines = (content if _is_plain(content) else content.split(b"\n\n", 3)[-1]).split(b"\n")
    return lines[error.line - 1].decode(errors="replace")[:2_000] if error.line <= len(lines) else None


ROUTES: Final = (page, send)
