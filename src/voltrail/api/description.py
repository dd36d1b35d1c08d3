"""
What routes take and answer, as the description for programs (OpenAPI) says it.

Routes answer people and programs from one function, and all errors have one shape: neither can be read off
their types, so it is said here. A route that is not named here is described as answering JSON or a page.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from voltrail.api.reports import LINES_TYPE
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.web.sheets import CSV_TYPE, XLSX_TYPE

_JSON, _HTML, _TEXT = "application/json", "text/html", "text/plain"
_WORDS: Final = {"type": "string"}
_BYTES: Final = {"type": "string", "format": "binary"}

# The members that an answer in JSON always has; a `*` stands for routes that answer people with a page, too.
_MEMBERS: Final = {
    "/": "* origin counts",
    "/search": "* found",
    "/b/{code}": "* code level phase withheld events findings",
    "/b/{code}/history": "code events count next",
    "/b/{code}/events/{index}": "* code event report",
    "/b/{code}/genealogy": "* code parts predecessors successors",
    "/b/{code}/evidence": "format subject checkpoint reports events signers",
    "/batteries": "* batteries next",
    "/organisations": "* organisations next",
    "/organisations/{identifier}": "* organisation name roles keys",
    "/models": "* models next",
    "/models/{identifier}": "* model_id batteries",
    "/reports": "format report lines accepted refused findings checkpoint signature",
    "/checks": "scope checks",
    "/log": "* origin closed checkpoint witnesses growth policy",
    "/log/witnesses": "size witnessed_size witnesses",
    "/log/consistency": "old size proof",
    "/log/closed": "logs",
    "/authority/missing": "* suspicions weighed_on open terms months chance entries_behind",
    "/authority/missing/cases": "* cases next",
    "/authority/missing/terms": "* terms",
    "/authority/missing/sightings": "* seen_elsewhere",
    "/authority/flows": "* flows years entries_behind",
    "/authority/flows/batteries": "* batteries next",
    "/authority/flows/retirement": "* estimate cohorts model entries_behind",
    "/healthz": "status origin log_size",
}
_OTHERS: Final = {
    "/log/growth.csv": ("text/csv", _WORDS),
    "/recalls/list": ("text/csv", _WORDS),
    "/workspace/batteries.csv": (CSV_TYPE, _WORDS),
    "/workspace/batteries.xlsx": (XLSX_TYPE, _BYTES),
    "/authority/missing/cases.csv": (CSV_TYPE, _WORDS),
    "/authority/flows.csv": (CSV_TYPE, _WORDS),
    "/authority/flows/batteries.csv": (CSV_TYPE, _WORDS),
    "/authority/flows/retirement.csv": (CSV_TYPE, _WORDS),
    "/log/checkpoint": (_TEXT, _WORDS),
    "/log/checkpoint/witnessed": (_TEXT, _WORDS),
    "/log/policy": (_TEXT, _WORDS),
    "/log/authorities": (_TEXT, _WORDS),
    "/log/proof/{index}": (_TEXT, _WORDS),
    "/log/closed/{number}/checkpoint": (_TEXT, _WORDS),
    "/log/tile/{tile}": ("application/octet-stream", _BYTES),
    "/log/closed/{number}/tile/{tile}": ("application/octet-stream", _BYTES),
    "/metrics": (_TEXT, _WORDS),
}
_PAGES: Final = ("/report", "/sign-in", "/sign-out", "/account", "/accounts")  # for people alone
_FIELDS: Final = {
    "/report": "file do csrf",
    "/sign-in": "login password csrf",
    "/sign-in/link/confirm": "login password csrf",
    "/sign-out": "csrf",
    "/account/password": "old new again csrf",
    "/account/tokens": "name scope days csrf",
    "/account/tokens/revoke": "token csrf",
    "/account/sessions/end": "csrf",
    "/account/identity/end": "issuer csrf",
    "/accounts/add": "login organisation role csrf",
    "/accounts/reset": "login csrf",
    "/accounts/disable": "login csrf",
    "/authority/missing/terms/choose": "kind term_days percent why csrf",
    "/authority/missing/sightings/take": "file csrf",
}
_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/reports": {MEDIA_TYPE: {"schema": _BYTES}, LINES_TYPE: {"schema": _BYTES}},
    "/checks": {
        _JSON: {
            "schema": {
                "type": "object",
                "required": ["organisation", "lines"],
                "additionalProperties": False,
                "properties": {
                    "organisation": _WORDS,
                    "lines": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1_000,
                        "items": {"type": ["string", "object"]},
                    },
                },
            }
        },
        MEDIA_TYPE: {"schema": _BYTES},
    },
}
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["rule", "message", "fix", "line", "source"],
            "additionalProperties": False,
            "properties": {
                "rule": _WORDS,
                "message": _WORDS,
                "fix": _WORDS,
                "line": {"type": ["integer", "null"]},
                "source": {"type": ["string", "null"]},
            },
        }
    },
}


class Description(JsonRenderPlugin):
    """The description for programs, at /docs/openapi.json."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return it as JSON."""
        return self.render_json(request, described(openapi_schema))


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a description with what its routes really take and answer."""
    paths = {
        path: {method: _operation(path, method, operation) for method, operation in methods.items()}
        for path, methods in schema["paths"].items()
    }
    return {**schema, "paths": paths, "components": {"schemas": {"Error": _ERROR}}}


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    answers = {
        "200": {"description": "The answer.", "content": _content(path)},
        "default": {
            "description": "Why not, and what to do.",
            "content": {
                _JSON: {"schema": {"$ref": "#/components/schemas/Error"}},
                _HTML: {"schema": _WORDS},
            },
        },
    }
    if _HTML in answers["200"]["content"]:
        answers["303"] = {"description": "Another address, for people."}
    taken = {"responses": answers}
    if method == "post" and (body := _body(path, operation)) is not None:
        taken["requestBody"] = body
    return {**operation, **taken}


def _content(path: str) -> dict[str, Any]:
    """Return what a route answers when all is well, by media type."""
    if path in _OTHERS:
        kind, schema = _OTHERS[path]
        return {kind: {"schema": schema}}
    if any(path == one or path.startswith(f"{one}/") for one in _PAGES):
        return {_HTML: {"schema": _WORDS}}
    if path not in _MEMBERS:
        return {_JSON: {"schema": {}}, _HTML: {"schema": _WORDS}}
    names = _MEMBERS[path].split()
    told = {_JSON: {"schema": {"type": "object", "required": [name for name in names if name != "*"]}}}
    return told | ({_HTML: {"schema": _WORDS}} if "*" in names else {})


def _body(path: str, operation: dict[str, Any]) -> dict[str, Any] | None:
    if path in _BODIES:
        return {"required": True, "content": _BODIES[path]}
    given: dict[str, Any] | None = operation.get("requestBody")
    if path not in _FIELDS or given is None:
        return given
    fields = {name: _BYTES if name == "file" else _WORDS for name in _FIELDS[path].split()}
    schema = {"type": "object", "properties": fields}
    return {**given, "content": {kind: {"schema": schema} for kind in given["content"]}}
