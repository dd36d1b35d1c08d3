"""`POST /checks`: may I? Nothing is recorded."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, post
from litestar.params import JSONBody
from msgspec import Meta

from voltrail.api.answers import Asked, as_json, registry_of
from voltrail.organisations.identifiers import check_organisation

MAX_CHECKED: Final = 1_000
_UNTOLD: Final = {
    "message": "The record says otherwise of this battery.",
    "fix": "Look at its page for what is public; its holder can be told more.",
}


class Intentions(msgspec.Struct, forbid_unknown_fields=True):
    """What an organisation means to report: event lines, each as its exact text or as an object."""

    organisation: str
    lines: Annotated[list[str | dict[str, Any]], Meta(min_length=1, max_length=MAX_CHECKED)]


@post("/checks", sync_to_thread=True, status_code=200, summary="Ask whether something may be done")
def check(request: Asked, data: JSONBody[Intentions]) -> Response[bytes]:
    """
    Answer for each line whether the organisation may do this now, and if not why and what to do.

    Whoever asks has not signed in, so what names a holder or a vehicle is left out.
    """
    organisation = check_organisation(data.organisation)
    lines = [line.encode() if isinstance(line, str) else msgspec.json.encode(line) for line in data.lines]
    answers = registry_of(request).check(organisation, lines)
    return as_json({"checks": [_for_public(answer) for answer in answers]})


def _for_public(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the public may have it: of findings only kind and rule, and no breach."""
    hidden = {finding["rule"] for finding in answer["findings"] if finding["kind"] in {"gap", "conflict"}}
    findings = [
        {"kind": finding["kind"], "rule": finding["rule"]}
        for finding in answer["findings"]
        if finding["kind"] != "breach"
    ]
    told = _UNTOLD if answer["rule"] in hidden else {}
    return answer | {"findings": findings} | told


ROUTES: Final = (check,)
