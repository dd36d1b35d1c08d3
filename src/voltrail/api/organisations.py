"""Organisations: who they are, their roles and keys; all of it is public."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import Response, get
from litestar.params import PathParameter

from voltrail.api.answers import Asked, as_json, registry_of
from voltrail.api.batteries import After, Limit


@get("/organisations", sync_to_thread=True, summary="List organisations")
def organisations(request: Asked, limit: Limit = 200, after: After = None) -> Response[bytes]:
    """Return the organisations of the record in the order of their identifiers."""
    found = registry_of(request).organisations(limit, after)
    following = found[-1]["organisation"] if len(found) == limit else None
    return as_json({"organisations": found, "next": following})


@get("/organisations/{identifier:path}", sync_to_thread=True, summary="One organisation")
def organisation(
    request: Asked,
    identifier: Annotated[str, PathParameter(description="credit code, LEI, or the host's name")],
) -> Response[bytes]:
    """Return an organisation's name, roles and keys."""
    return as_json(registry_of(request).organisation(str(identifier).lstrip("/")))


ROUTES: Final = (organisations, organisation)
