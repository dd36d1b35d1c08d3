"""`POST /reports`: signed report files in, receipts out."""

from __future__ import annotations

from typing import Annotated, Final, cast

import msgspec
from litestar import Response, post
from litestar.params import QueryParameter, RawBody

from voltrail.api.answers import Asked, registry_of
from voltrail.api.monitoring import metrics_of
from voltrail.errors import AccessError, UsageError
from voltrail.ledger.reports import MAX_FILE_BYTES, MEDIA_TYPE
from voltrail.registry.prepare import Mode

LINES_TYPE: Final = "application/jsonl"
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
) -> Response[bytes]:
    """Take a signed report file, answer with its receipt; sent again, it gives the same receipt."""
    chosen = _mode(mode)
    _check_content_type(request.headers.get("content-type", ""))
    return Response(taken(request, body, chosen), media_type="application/json")


def taken(request: Asked, file: bytes, mode: Mode) -> bytes:
    """Return the receipt of a report that was taken, counted for monitoring."""
    receipt = registry_of(request).report(file, mode)
    metrics_of(request).accepted.inc(len(msgspec.json.decode(receipt, type=_Accepted).accepted))
    return receipt


def plain_lines() -> AccessError:
    """Return the error for lines that nobody signed."""
    return AccessError(
        "access.sign_in",
        "Plain lines need a sign-in, so that it is known who reports them.",
        f"Send a signed report file instead ({MEDIA_TYPE}): voltrail report FILE.jsonl --key KEY.pem",
    )


def _mode(mode: str) -> Mode:
    if mode not in {"all", "valid"}:
        raise UsageError("usage.mode", f"There is no mode {mode[:40]!r}.", "Use all or valid.")
    return cast("Mode", mode)


def _check_content_type(header: str) -> None:
    media_type = header.partition(";")[0].strip().lower()
    if media_type == LINES_TYPE:
        raise plain_lines()
    if media_type != MEDIA_TYPE:
        raise UsageError(
            "request.content_type",
            f"A report cannot be read from the content type {media_type[:80] or '(none)'!r}.",
            f"Send a signed report file with the header Content-Type: {MEDIA_TYPE}",
        )


ROUTES: Final = (report,)
