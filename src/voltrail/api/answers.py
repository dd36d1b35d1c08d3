"""What every route needs: the registry behind it, the page for its reader, and answers in both forms."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.status_codes import HTTP_200_OK

from voltrail.accounts import Person
from voltrail.errors import VoltrailError
from voltrail.registry.registry import Registry
from voltrail.web import THEMES, Page, Theme, choose
from voltrail.web.language import preferred

Asked = Request[Any, Any, Any]
OWNS: Final = "voltrail_owns"  # in a request's state: whether it showed a claim token
WHO: Final = "voltrail_who"  # in a request's state: the person found before its route

NEGOTIATED: Final = {"Vary": "Accept, Accept-Language, Authorization, Cookie, Sec-Fetch-Site"}
_PAGES = {"text/html", "application/xhtml+xml"}


def registry_of(request: Asked) -> Registry:
    """Return the registry that the application serves."""
    registry: Registry = request.app.state.registry
    return registry


def wants_page(request: Asked) -> bool:
    """Return whether a person's browser asks: HTML is named, and no less liked than JSON."""
    for media_type in preferred(request.headers.get("accept", "")):
        if media_type in _PAGES:
            return True
        if media_type in {"application/json", "*/*", "application/*"}:
            return False
    return False


def tell_programs(request: Asked, error: VoltrailError | None) -> None:
    """Raise an error that a page was to show, where no page was asked for: it is told in the one shape."""
    if error is not None and not wants_page(request):
        raise error


def page_for(request: Asked) -> Page:
    """Return the page in the reader's language and theme."""
    language = choose(
        request.query_params.get("lang"),
        request.headers.get("accept-language", ""),
    )
    asked = (request.query_params.get("theme"), request.cookies.get("theme"))
    theme: Theme = next((one for name in asked for one in THEMES if one == name), "auto")
    who = request.scope["state"].get(WHO)
    person = who if isinstance(who, Person) else None
    query = list(request.query_params.multi_items())
    arriving = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
    page = Page(language, request.url.path, query, theme, person, arriving=arriving)
    page.owns = request.scope["state"].get(OWNS, False)
    return page


def as_json(value: Any, status: int = HTTP_200_OK, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return a JSON answer."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers=NEGOTIATED | (headers or {}),
    )


def as_page(
    page: Page, template: str, status: int = HTTP_200_OK, headers: dict[str, str] | None = None, **values: Any
) -> Response[bytes]:
    """Return a page."""
    return Response(
        page.render(template, **values).encode(),
        status_code=status,
        media_type="text/html",
        headers=NEGOTIATED | {"Content-Language": page.tag} | (headers or {}),
    )
