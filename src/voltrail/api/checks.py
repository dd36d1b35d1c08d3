"""`POST /checks`: may I? Nothing is recorded."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, post
from litestar.params import RawBody
from msgspec import Meta

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, as_json, registry_of
from voltrail.api.reports import MAX_BODY_BYTES
from voltrail.errors import UsageError
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.organisations.identifiers import check_organisation

MAX_CHECKED: Final = 1_000


class Intentions(msgspec.Struct, forbid_unknown_fields=True):
    """What an organisation means to report: event lines, each as its exact text or as an object."""

    organisation: str
    lines: Annotated[list[str | dict[str, Any]], Meta(min_length=1, max_length=MAX_CHECKED)]


@post(
    "/checks",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Ask whether something may be done",
)
def check(request: Asked, body: RawBody) -> Response[bytes]:
    """
    Answer for each line whether the organisation may do this now, and if not why and what to do.

    JSON, `{"organisation": ..., "lines": [...]}`, is answered from what is public (`scope` is `public`).
    A signed report file is answered in full (`scope` is `reporter`): who holds the battery counts too. So is
    JSON from an authority that is signed in. No other sign-in is enough: what a check tells of others'
    batteries leaves no trace.
    """
    registry = registry_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == MEDIA_TYPE:
        return as_json({"scope": "reporter", "checks": registry.check_report(body)})
    try:
        asked = msgspec.json.decode(body, type=Intentions)
        lines = [
            line.encode() if isinstance(line, str) else msgspec.json.encode(line) for line in asked.lines
        ]
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise UsageError(
            "request.invalid",
            f"The body does not read: {str(error)[:200]}.",
            'Send {"organisation": "...", "lines": [{"kind": "retired", ...}]}, or a signed report file.',
        ) from error
    organisation = check_organisation(asked.organisation)
    scope = reader_of(request).audience
    return as_json({"scope": scope, "checks": registry.check(organisation, lines, scope)})


ROUTES: Final = (check,)
