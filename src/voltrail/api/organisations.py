"""Organisations: who they are, their roles and keys; all of it is public."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After, Limit

MODELS_ON_PAGE: Final = 50


@get("/organisations", sync_to_thread=True, summary="List organisations")
def organisations(request: Asked, limit: Limit = 200, after: After = None) -> Response[bytes]:
    """Return the organisations of the record in the order of their identifiers."""
    registry = registry_of(request)
    found = registry.organisations(limit, after)
    following = found[-1]["organisation"] if len(found) == limit else None
    if not wants_page(request):
        return as_json({"organisations": found, "next": following})
    count = registry.counts()["organisations"]
    return as_page(
        page_for(request), "organisations", found=found, following=following, count=count, after=after
    )


@get("/organisations/{identifier:path}", sync_to_thread=True, summary="One organisation")
def organisation(
    request: Asked,
    identifier: Annotated[str, PathParameter(description="credit code, LEI, or the host's name")],
) -> Response[bytes]:
    """Return an organisation's name, roles and keys; its page has its models too."""
    registry = registry_of(request)
    found = registry.organisation(str(identifier).lstrip("/"))
    if not wants_page(request):
        return as_json(found)
    models, more = registry.models(found["organisation"], MODELS_ON_PAGE)
    return as_page(
        page_for(request),
        "organisation",
        organisation=found,
        received_at=registry.received_at(_indices(found)),
        models=models,
        more_models=more,
    )


def _indices(organisation: dict[str, Any]) -> list[int]:
    """Return where in the log the keys of an organisation were added and revoked."""
    given = [key[name] for key in organisation["keys"] for name in ("added_at_index", "revoked_at_index")]
    return [index for index in given if index is not None]


ROUTES: Final = (organisations, organisation)
