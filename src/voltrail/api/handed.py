"""/b/{code}/handed: what another host handed over of a battery, and the proofs of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Response, get

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText
from voltrail.codes import parse
from voltrail.errors import NotFound
from voltrail.events import encode
from voltrail.organisations.access import Sight
from voltrail.registry.handed import Kept
from voltrail.registry.registry import Registry
from voltrail.registry.views import event_view
from voltrail.web.reading import read_out, title


@get("/b/{code:str}/handed", sync_to_thread=True, summary="What another host handed over of a battery")
def handed(request: Asked, code: CodeText) -> Response[bytes]:
    """Return from which log a battery's record was taken over, up to where, and its events there."""
    registry, parsed = registry_of(request), parse(code)
    kept = _kept(registry, parsed.text)
    sight = Sight(reader_of(request))
    events: list[dict[str, Any]] = []
    for one in registry.handed.events(parsed.text):
        kind = one.event.kind
        members, withheld = event_view(kind, encode(one.event), sight.event(kind, -1, 0, ""))
        said = {name: value for name, value in members.items() if value != []}
        events.append({"index": one.index, "kind": kind, "members": said, "withheld": withheld})
    told = msgspec.structs.asdict(kept) | {"code": parsed.text, "told": events}
    if not wants_page(request):
        return as_json(told)
    page = page_for(request)
    return as_page(
        page,
        "handed",
        code=parsed.text,
        parts=read_out(parsed, page.language),
        title=title(parsed, page.language),
        kept=kept,
        events=events,
        goes_on=registry.has_battery(parsed.text),
    )


@get("/b/{code:str}/handed/evidence", sync_to_thread=True, summary="The proofs that were handed over")
def handed_evidence(request: Asked, code: CodeText) -> Response[bytes]:
    """Return the evidence file as it was taken and verified; what the reader may not see is withheld."""
    registry, text = registry_of(request), parse(code).text
    content = registry.handed.evidence(_kept(registry, text), Sight(reader_of(request)))
    return Response(content, media_type="application/json", headers=NEGOTIATED)


def _kept(registry: Registry, code: str) -> Kept:
    kept = registry.handed.of(code)
    if kept is None:
        raise NotFound(
            "handover.none", f"No other host handed {code} over to this one.", f"Its record here: /b/{code}."
        )
    return kept


ROUTES: Final = (handed, handed_evidence)
