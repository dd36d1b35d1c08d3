"""/report: the page on which a person hands a report in, and sees what becomes of each line."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody

from voltrail.api.answers import Asked, as_page, page_for, registry_of
from voltrail.api.failures import status_of
from voltrail.api.reports import MAX_BODY_BYTES, plain_lines, taken
from voltrail.errors import UsageError, VoltrailError
from voltrail.ledger.reports import ReportFile
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
    """Take a form with `file`, a signed report file; `do=check` records nothing. Answers with the page."""
    try:
        file = _file(data.get("file"))
        outcome = _check(request, file) if data.get("do") == "check" else _send(request, file)
    except VoltrailError as error:
        status = status_of(error)
        if status >= 500:  # not for the sender to mend
            raise
        return _answer(request, {"error": error, "text": _line_of(data, error)}, status)
    return _answer(request, {"outcome": outcome})


def _answer(request: Asked, values: dict[str, Any], status: int = 200) -> Response[bytes]:
    shown = {"error": None, "text": None, "outcome": None} | values
    origin, host = registry_of(request).origin, str(request.base_url).rstrip("/")
    return as_page(page_for(request), "report", status, origin=origin, host=host, **shown)


def _check(request: Asked, file: bytes) -> Outcome:
    answers = registry_of(request).check_report(file)
    return read_answers(answers, ReportFile.parse(file).lines)


def _send(request: Asked, file: bytes) -> Outcome:
    return read_receipt(taken(request, file, "valid"), ReportFile.parse(file).lines)


def _file(given: Any) -> bytes:
    """Return the bytes of the file that was chosen; a plain one is told to be signed first."""
    content = _content(given)
    if not content:
        raise UsageError("report.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        raise plain_lines()
    return content


def _content(given: Any) -> bytes:
    if not isinstance(given, UploadFile):
        return b""
    given.file.seek(0)
    return given.file.read()


def _line_of(data: dict[str, Any], error: VoltrailError) -> str | None:
    """Return the line that an error is about, so that it is seen beside its words."""
    if error.line is None:
        return None
    lines = _content(data.get("file")).split(b"\n\n", 3)[-1].split(b"\n")
    return lines[error.line - 1].decode(errors="replace")[:2_000] if error.line <= len(lines) else None


ROUTES: Final = (page, send)
