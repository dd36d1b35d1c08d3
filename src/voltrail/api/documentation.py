"""/docs: every route on one page of our own, from the description that programs read as OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.status_codes import HTTP_404_NOT_FOUND

from voltrail.api.answers import page_for
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.web.sheets import EVENT_TYPES

_INTENTIONS: Final = (
    '{"organisation": "91000000MA0000000X", "lines": [{"kind": "retired",'
    ' "occurred_at": "2026-05-03T08:00:00Z", "code": "9ZZPB240000003G4C0221953"}]}'
)
_EXAMPLES: Final = {
    ("post", "/reports"): f"curl --data-binary @day.report -H 'Content-Type: {MEDIA_TYPE}' 'HOST/reports'",
    ("post", "/report"): "curl -F file=@day.report -F do=check 'HOST/report'",
    ("post", "/checks"): f"curl -H 'Content-Type: application/json' -d '{_INTENTIONS}' 'HOST/checks'",
    ("get", "/b/{code}/evidence"): "curl -OJ 'HOST/b/9ZZPB240000003G4C0221953/evidence'",
    ("get", "/batteries"): "curl 'HOST/batteries?level=pack&limit=10'",
    ("get", "/search"): "curl 'HOST/search?q=9ZZ'",
    ("get", "/log/consistency"): "curl 'HOST/log/consistency?old=1&size=2'",
}
_SAMPLES: Final = {
    "{code}": "9ZZPB240000003G4C0221953",
    "{identifier}": "91000000MA0000000X",
    "{tile}": "0/000.p/1",
    "{index}": "0",
}


class DocumentationPage(OpenAPIRenderPlugin):
    """The page at /docs; it loads nothing but the style sheet of all pages."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        host = str(request.base_url).rstrip("/")
        return page_for(request).render("docs", operations=operations(openapi_schema, host)).encode()


def only_found(response: Response[Any]) -> Response[Any]:
    """Let the router of descriptions say that nothing is there in the one shape of errors."""
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response


def operations(schema: dict[str, Any], host: str) -> list[dict[str, Any]]:
    """
    Return the routes of a description in order, each with its words, parameters and an example.

    A list has a route for each kind of file; they are told once, with the endings of the others in `also`.
    """
    told = [
        {
            "method": method.upper(),
            "path": path,
            "also": list[str](),
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "parameters": [one for one in operation.get("parameters", []) if one.get("in") != "header"],
            "example": example(method, path, host),
        }
        for path, methods in sorted(schema["paths"].items())
        for method, operation in methods.items()
    ]
    found: list[dict[str, Any]] = []
    for one in told:
        stem, _, ending = one["path"].rpartition(".")
        if found and ending in EVENT_TYPES and found[-1]["path"].rpartition(".")[0] == stem:
            found[-1]["also"].append(f".{ending}")
        else:
            found.append(one)
    return found


def example(method: str, path: str, host: str) -> str:
    """Return a command that calls a route; none where it were the path alone, or a form without fields."""
    if (method, path) in _EXAMPLES:
        return _EXAMPLES[method, path].replace("HOST", host)
    if method != "get" or "{" not in path:
        return ""
    for name, sample in _SAMPLES.items():
        path = path.replace(name, sample)
    return f"curl '{host}{path}'"
