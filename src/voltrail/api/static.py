"""The files that pages load, under addresses that change with their content."""

from __future__ import annotations

from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from voltrail.errors import NotFound
from voltrail.web import ASSETS


@get("/static/{digest:str}/{name:str}", sync_to_thread=False, include_in_schema=False)
def static(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Return a file of the pages; it may be kept for ever, since another content has another address."""
    asset = ASSETS.get(name)
    if asset is None or asset.digest != digest:
        raise NotFound("static.unknown", "There is no such file.", "Load the page again.")
    return Response(
        asset.content,
        media_type=asset.media_type,
        headers={"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{asset.digest}"'},
    )


ROUTES: Final = (static,)
