"""/authority: for who is signed in for an authority, what to look at."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from voltrail.api.access import applications_of, authority
from voltrail.api.answers import Asked, as_page, page_for, registry_of
from voltrail.api.followed import read_followed
from voltrail.registry.lately import ENTRIES, find_lately

MOST_WAITING: Final = 50  # counted so far


@get("/authority", sync_to_thread=True, summary="The authority's page")
def authority_page(request: Asked) -> Response[bytes]:
    """Return the authority's search, the batteries it follows, and what did not add up lately; for people."""
    registry, person = registry_of(request), authority(request)
    counts = registry.counts()
    lately = find_lately(registry.database, counts["entries"])
    return as_page(
        page_for(request),
        "authority",
        counts=counts,
        lately=lately,
        looked_at=min(ENTRIES, counts["entries"]),
        names=registry.names({one.organisation for one in lately}),
        followed=read_followed(request, person),
        waiting=len(applications_of(request).waiting(limit=MOST_WAITING)),
        most=MOST_WAITING,
        administers=person.administers,
        suspected=len({one.organisation for one in registry.missing.suspicions()[0]}),
    )


ROUTES: Final = (authority_page,)
