"""The front door: what the record holds, and the search."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from litestar.response import Redirect

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import Limit, Words, search
from voltrail.api.tour import read_tour
from voltrail.errors import NotFound


@get("/", sync_to_thread=True, summary="What the record holds")
def home(request: Asked) -> Response[bytes]:
    """Return how much the record holds: the front page for people, JSON for programs."""
    registry = registry_of(request)
    counts = registry.counts()
    if not wants_page(request):
        return as_json({"origin": registry.origin, "counts": counts})
    return as_page(
        page_for(request),
        "home",
        counts=counts,
        origin=registry.origin,
        checkpoint=_checkpoint(request),
        newest=registry.batteries("pack", None, 5, None),
        tour=read_tour(registry.data),
    )


@get("/search", sync_to_thread=True, summary="Search by the beginning of a code or identifier")
def search_page(request: Asked, q: Words = None, limit: Limit = 20) -> Response[Any]:
    """Return what begins with `q`; a whole code leads a person straight to its battery."""
    text = (q or "").strip()
    found = search(request, text, limit) if text else []
    if not wants_page(request):
        return as_json({"found": found})
    page = page_for(request)
    if len(found) == 1 and found[0].get("code") == text.upper():
        return Redirect(page.link(f"/b/{found[0]['code']}"), status_code=303)
    return as_page(page, "search", q=text, found=found, following=None, level=None)


def _checkpoint(request: Asked) -> list[str]:
    """Return the lines of the last checkpoint, none while the log is empty."""
    try:
        return registry_of(request).checkpoint().split("\n")
    except NotFound:
        return []


ROUTES: Final = (home, search_page)
