"""Models: types of battery as their makers declare them; all of it is public."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After, Limit, listed
from voltrail.api.documents import PURPOSES

BATTERIES_ON_PAGE: Final = 50

Maker = Annotated[str | None, QueryParameter(max_length=256, description="only models of this organisation")]
ModelAfter = Annotated[str | None, QueryParameter(max_length=256, description="`next` of the page before")]


@get("/models", sync_to_thread=True, summary="List models")
def models(
    request: Asked, maker: Maker = None, limit: Limit = 200, after: ModelAfter = None
) -> Response[bytes]:
    """Return the declared models in the order of their ids, of one maker or all."""
    registry = registry_of(request)
    found, following = registry.models(maker or None, limit, after)
    if not wants_page(request):
        return as_json({"models": found, "next": following})
    return as_page(
        page_for(request),
        "models",
        found=found,
        following=following,
        maker=maker,
        names=registry.names(filter(None, {maker, *(one.get("maker") for one in found)})),
    )


@get("/models/{identifier:path}", sync_to_thread=True, summary="One model")
def model(
    request: Asked,
    identifier: Annotated[str, PathParameter(description="the model's id, as batteries name it")],
    after: After = None,
) -> Response[bytes]:
    """Return what a model is, by whom, and how many batteries are of it; its page lists them."""
    registry = registry_of(request)
    found = registry.model(str(identifier).removeprefix("/"))
    if not wants_page(request):
        return as_json(found)
    batteries, following = listed(request, None, BATTERIES_ON_PAGE, after, found["model_id"])
    return as_page(
        page_for(request),
        "model",
        model=found,
        names=registry.names(filter(None, [found.get("maker")])),
        batteries=batteries,
        following=following,
        after=after,
        here={one["sha256"] for one in found["documents"] if registry.documents.has(one["sha256"])},
        adds=_adds(request, found),
        tests=registry.qualifications.is_tested(found["model_id"]),
        purposes=PURPOSES,
    )


def _adds(request: Asked, model: dict[str, Any]) -> bool:
    """Return whether who is signed in may add documents to a model: its maker, or the authority."""
    person, authorities = page_for(request).person, registry_of(request).authorities
    return person is not None and person.organisation in {model.get("maker"), *authorities}


ROUTES: Final = (models, model)
