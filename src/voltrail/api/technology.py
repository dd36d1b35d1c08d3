"""/technology: the catalogue of cells and technologies, what is claimed of them and what was shown."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from voltrail.api.answers import Asked, as_json, as_page, page_for, wants_page


@get("/technology", sync_to_thread=True, summary="Cells and technologies")
def technology(request: Asked) -> Response[bytes]:
    """Return technologies with what is claimed of them and what was shown."""
    if not wants_page(request):
        return as_json({"technologies": []})
    return as_page(page_for(request), "technology")


ROUTES: Final = (technology,)
