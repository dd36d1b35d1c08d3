"""The front door: what the record holds, and the search."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from litestar.response import Redirect

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import Limit, Words, search
from voltrail.api.tour import read_tour
from voltrail.codes import tidy
from voltrail.errors import NotFound, RegistryClosed
from voltrail.registry.search import looks_like_vin


@get("/", sync_to_thread=True, summary="What the record holds")
def home(request: Asked) -> Response[bytes]:
    """Return how much the record holds: the front page for people, which renews itself; JSON for programs."""
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
        witnessed=registry.metrics()["log_witnessed_size"] or None,
        latest=registry.latest(),
        closed=registry.closed,
        tour=read_tour(registry.data),
    )


@get("/search", sync_to_thread=True, summary="Search by code, identifier or name")
def search_page(request: Asked, q: Words = None, limit: Limit = 20) -> Response[Any]:
    """
    Return what `q` may mean, forgiving how it was typed; a whole code leads a person straight to its battery.

    A vehicle is never found: which vehicle carries a battery is not public.
    """
    text = (q or "").strip()
    found = search(request, text, limit) if text else []
    if not wants_page(request):
        return as_json({"found": found})
    page = page_for(request)
    if len(found) == 1 and found[0].get("code") == tidy(text):
        return Redirect(page.link(f"/b/{found[0]['code']}"), status_code=303)
    vehicle = not found and looks_like_vin(text)
    return as_page(
        page,
        "search",
        q=text,
        found=found,
        vehicle=vehicle,
        more=len(found) == limit,
        following=None,
        level=None,
    )


def _checkpoint(request: Asked) -> list[str]:
    """Return the lines of the last checkpoint, none while the log is empty or when it is closed."""
    try:
        return registry_of(request).checkpoint().split("\n")
    except (NotFound, RegistryClosed):
        return []


ROUTES: Final = (home, search_page)
