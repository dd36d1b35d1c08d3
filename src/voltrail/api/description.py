"""
What routes take and answer, as the description for programs (OpenAPI) says it.

Routes answer people and programs from one function, and all errors have one shape: neither can be read off
their types, so it is said here. A route that is not named here is described as answering JSON or a page.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from voltrail.api.dpps import MAX_IDS, NOT_OFFERED, PATCH_TYPES
from voltrail.api.labels import PDF_TYPE, PNG_TYPE, SVG_TYPE, ZIP_TYPE
from voltrail.api.problems import MEDIA_TYPE as PROBLEM_TYPE
from voltrail.api.problems import is_dpp, is_epcis
from voltrail.api.reports import LINES_TYPE
from voltrail.api.vehicles import FRAMES_TYPE
from voltrail.events.epcis import MEDIA_TYPE as LD_TYPE
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.passport.identifiers import MAX_CHARACTERS
from voltrail.web.sheets import EVENT_TYPES, MEDIA_TYPES

_JSON, _HTML, _TEXT = "application/json", "text/html", "text/plain"
_WORDS: Final = {"type": "string"}
_BYTES: Final = {"type": "string", "format": "binary"}
_TABLES: Final = (MEDIA_TYPES["csv"], MEDIA_TYPES["xlsx"])  # that are read

# The members that an answer in JSON always has; a `*` stands for routes that answer people with a page, too.
_MEMBERS: Final = {
    "/": "* origin counts",
    "/search": "* found",
    "/b/{code}": "* code level phase withheld events findings",
    "/b/{code}/history": "code events count next",
    "/b/{code}/events/{index}": "* code event report",
    "/b/{code}/card": "* code links events",
    "/points": "points",
    "/.well-known/jwks.json": "keys",
    "/passports/import": "* forms",
    "/b/{code}/passport": "* code category passport points withheld rule_sets",
    "/b/{code}/passport/{number}": "* code category passport points withheld rule_sets",
    **dict.fromkeys(
        ("/v1/dpps/{dpp_id}", "/v1/dppsByProductId/{product_id}", "/v1/dppsByIdAndDate/{dpp_id}"),
        "digitalProductPassportId uniqueProductIdentifier granularity dppSchemaVersion dppStatus",
    ),
    "/v1/dpps/{dpp_id}/elements/{element_path}": "elementId",
    "/v1/dppsByProductIds": "dppIds unknown",
    "/b/{code}/handed": "* code log size events head complete taken_at",
    "/b/{code}/handed/evidence": "format subject checkpoint reports events signers",
    "/b/{code}/transport": "* code on travels goods packing withheld",
    "/b/{code}/transport/paper": "* code on travels goods packing withheld",
    "/b/{code}/alarms": "* code alarms",
    "/b/{code}/health": "* code months sessions next",
    "/gateway": "* at vehicles connections frames rates refused processes silent",
    "/b/{code}/genealogy": "* code parts predecessors successors",
    "/b/{code}/evidence": "format subject checkpoint reports events signers",
    "/batteries": "* batteries next",
    "/labels": "* carriers sizes most",
    "/scan": "* code host battery next found",
    "/scan/photo": "* texts",
    "/scan/report": "* format report lines accepted refused findings checkpoint signature",
    "/organisations": "* organisations next",
    "/organisations/{identifier}": "* organisation name roles keys",
    "/models": "* models next",
    "/stations/standards": "* packs interfaces trucks limits",
    "/models/{identifier}": "* model_id batteries",
    "/reports": "refused",  # a receipt; of a spreadsheet, `receipt` beside `rows` and what is wrong
    "/workspace/webhooks": "* webhooks",
    "/workspace/webhooks/{number}": "* webhook deliveries",
    "/workspace/platform": "* outbox adapters counts batches next entries_behind",
    "/workspace/platform/items": "* items next",
    "/workspace/platform/batches/{number}": "* batch items next",
    "/workspace/platform/batches/{number}/content.json": "format batch organisation rule items",
    "/workspace/eu-registry": "* told passports next",
    "/checks": "scope checks",
    "/outlets": "* outlets next",
    "/outlets/near": "* code takers must others",
    "/epcis/capture/{capture_id}": "captureID createdAt running success captureErrorBehaviour errors",
    **dict.fromkeys(
        (
            "/epcis/events/{event_name}",
            "/epcis/eventTypes/{event_type}/events",
            "/epcis/epcs/{epc}/events",
            "/epcis/bizSteps/{biz_step}/events",
            "/epcis/dispositions/{disposition}/events",
        ),
        "@context type schemaVersion creationDate epcisBody",
    ),
    "/epcis/eventTypes": "@context type member",
    "/log": "* origin closed checkpoint witnesses growth policy",
    "/log/witnesses": "size witnessed_size witnesses",
    "/log/consistency": "old size proof",
    "/log/closed": "logs",
    "/duties": "* on due overdue duties next entries_behind",
    "/border": "* verdict classes sides",
    "/rules": "* rules holidays years",
    "/rules/{identifier}": "* rule pieces settings",
    "/authority/vehicles": "* vehicles next entries_behind",
    "/workspace/vehicles": "* vehicles next entries_behind",
    "/authority/missing": "* suspicions weighed_on open terms months chance entries_behind",
    "/authority/missing/cases": "* cases next",
    "/authority/missing/terms": "* terms",
    "/authority/missing/sightings": "* seen_elsewhere",
    "/authority/flows": "* flows years entries_behind",
    "/authority/flows/batteries": "* batteries next",
    "/authority/flows/retirement": "* estimate cohorts model entries_behind",
    "/fleet": "* batteries known months groups curves judged outliers warranty limits entries_behind",
    "/fleet/outliers": "* outliers next",
    "/fleet/warranty": "* warranty next",
    "/stations": "* stations next entries_behind",
    "/technology": "* technologies kinds rules sources read_until",
    "/technology/cells/{cell}": "* technology rules sources",
    "/technology/compare": "* technologies sources",
    "/technology/timeline": "* steps sources",
    "/technology/certificate": "format model_id stage evidence",
    "/technology/thousand": "* standing cold truck checks parameters reconstructed",
    "/technology/range": "* cell vehicle cycle pack km parts_kwh_per_100km by_temperature",
    "/technology/tests": "* models next",
    "/technology/tests/{model_id}": "* model_id maker stage next stages grants campaigns",
    "/technology/life": "* asked life law claimed",
    "/technology/lines": "* lines entries_behind",
    "/technology/lines/{organisation}/{line}": "* organisation line yield scrap charts few entries_behind",
    "/technology/lines/{organisation}/{line}/trace": "* of trace entries_behind",
    "/outlook": "* years scenarios differences matters backtest",
    "/outlook/report": "* title language parts",
    "/outlook/series": "* headlines series",
    "/outlook/series/{name}": "* definition figures sources",
    "/outlook/adoption": "* shares of trials",
    "/stations/planning": "* scenario result waits kwh_per_swap kwh_per_year yearly cheapest",
    "/stations/replay": "* scenario day",
    "/stations/statements": "* of from until statements open losses reconciles entries_behind",
    "/stations/{site}": "* station packs swaps next entries_behind",
    "/stations/plan": "* planned_at changed best",
    "/stations/reservations": "*",
    "/stations/{site}/state": "site at queue packs elsewhere",
    "/healthz": "status origin log_size",
}
_OTHERS: Final = {
    "/b/{code}/alarms/{digest}": (FRAMES_TYPE, _BYTES),
    "/b/{code}/label.svg": (SVG_TYPE, _WORDS),
    "/b/{code}/label.png": (PNG_TYPE, _BYTES),
    "/b/{code}/label.pdf": (PDF_TYPE, _BYTES),
    "/log/growth.csv": ("text/csv", _WORDS),
    "/outlook.toml": ("application/toml", _WORDS),
    "/outlook/report.pdf": (PDF_TYPE, _BYTES),
    "/stations/planning.toml": ("application/toml", _WORDS),
    "/duties.ics": ("text/calendar", _WORDS),
    "/documents/{digest}": ("application/pdf", _BYTES),
    "/workspace/files/{number}/refused.jsonl": (LINES_TYPE, _WORDS),
    "/workspace/files/{number}/lines.jsonl": (LINES_TYPE, _WORDS),
    "/workspace/files/{number}/receipts.jsonl": (LINES_TYPE, _WORDS),
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
_SEVERAL: Final = {
    "/01/{gtin}/21/{serial}": ("application/linkset+json", _HTML),
    "/labels/make": (PDF_TYPE, SVG_TYPE, PNG_TYPE, ZIP_TYPE, _HTML),
}
_FILES: Final[dict[str, dict[str, Any]]] = {
    "csv": _WORDS,
    "xlsx": _BYTES,
    "parquet": _BYTES,
    "jsonld": {"type": "object", "required": ["@context", "type", "epcisBody"]},
}
_PAGES: Final = ("/report", "/sign-in", "/sign-out", "/account", "/accounts")  # for people alone
_FIELDS: Final = {
    "/report": "file do csrf",
    "/labels/make": "codes carrier size host link start do",
    "/scan/photo": "photo",
    "/scan/report": "code kind when scanned_at do csrf",
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
    "/rules/set": "rule value unit valid_from valid_to article source enforced csrf",
    "/rules/end": "setting csrf",
    "/rules/file": "file csrf",
    "/stations/plan/reserve": "key site truck vin packs pack_type blocks from_at until_at csrf",
    "/stations/reservations/{number}/cancel": "csrf",
    "/outlets/check": "site found note csrf",
    "/outlets/refused": "site code said csrf",
    "/outlets/refusals/take-up": "refusal csrf",
    "/workspace/platform/on": "adapter url since csrf",
    "/workspace/platform/off": "csrf",
    "/workspace/platform/rotate": "csrf",
    "/workspace/platform/make": "rule csrf",
    "/workspace/platform/answer": "batch receipt refused receipts csrf",
    "/workspace/platform/take-back": "batch sure csrf",
    "/workspace/platform/again": "item rule csrf",
    "/workspace/platform/accept": "item receipt csrf",
    "/workspace/eu-registry/again": "code number csrf",
    "/documents": "file model_id purpose title do csrf",
    "/passports/import": "file model_id code lines do csrf",
    "/authority/missing/terms/choose": "kind term_days percent why csrf",
    "/authority/missing/sightings/take": "file csrf",
    "/outlook/series/add": "file csrf",
    "/outlook/series/take-back": "file csrf",
}
_DEGREES: Final = {
    "latitude": {"type": "number", "minimum": -90, "maximum": 90},
    "longitude": {"type": "number", "minimum": -180, "maximum": 180},
}
_JOURNEY: Final = {
    "type": "object",
    "required": ["truck", "pack_type", "points"],
    "additionalProperties": False,
    "properties": {
        "truck": _WORDS,
        "pack_type": _WORDS,
        "blocks": {"type": "integer", "minimum": 1, "maximum": 8},
        "points": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2_000,
            "items": {
                "type": "object",
                "required": ["latitude", "longitude"],
                "additionalProperties": False,
                "properties": {
                    **_DEGREES,
                    "altitude_m": {"type": ["number", "null"], "minimum": -500, "maximum": 6_000},
                    "speed_kmh": {"type": ["number", "null"], "minimum": 5, "maximum": 120},
                },
            },
        },
        "load_t": {"type": "number", "minimum": 0, "maximum": 200},
        "charge": {"type": "number", "minimum": 0, "maximum": 1},
        "reserve": {"type": "number", "minimum": 0, "maximum": 0.9},
        "speed_kmh": {"type": "number", "minimum": 5, "maximum": 120},
        "temperature_c": {"type": "number", "minimum": -50, "maximum": 55},
        "headwind_kmh": {"type": "number", "minimum": -100, "maximum": 100},
        "departs_at": {"type": ["string", "null"], "format": "date-time"},
        "reservations": {"type": "array", "maxItems": 100, "items": {"type": "integer", "minimum": 0}},
    },
}
_TRIP_EXAMPLE: Final = {
    "truck": "tractor-qiji",
    "pack_type": "qiji-171",
    "blocks": 3,
    "load_t": 20,
    "charge": 0.8,
    "points": [{"latitude": 30.59, "longitude": 114.31}, {"latitude": 34.75, "longitude": 113.63}],
}
_RESERVATION: Final = {
    "type": "object",
    "required": ["key", "site", "truck", "vin", "from_at", "until_at"],
    "additionalProperties": False,
    "properties": {
        "key": {"type": "string", "minLength": 1, "maxLength": 100},
        "site": _WORDS,
        "truck": _WORDS,
        "vin": {"type": "string", "maxLength": 17},
        "packs": {"type": "array", "maxItems": 8, "items": _WORDS},
        "pack_type": {"type": ["string", "null"]},
        "blocks": {"type": ["integer", "null"], "minimum": 1, "maximum": 8},
        "from_at": {"type": "string", "format": "date-time"},
        "until_at": {"type": "string", "format": "date-time"},
    },
}
_RESERVATION_EXAMPLE: Final = {
    "key": "trip-71",
    "site": "ST-1",
    "truck": "tractor-qiji",
    "vin": "LSVSAMP0000000001",
    "pack_type": "qiji-171",
    "blocks": 3,
    "from_at": "2026-05-03T08:00:00+08:00",
    "until_at": "2026-05-03T09:00:00+08:00",
}
_PATCHES: Final = {one: {"schema": {"type": "object"}} for one in PATCH_TYPES}
_BODIES: Final[dict[str, dict[str, Any]]] = {
    "/v1/dpps/{dpp_id}": _PATCHES,
    "/v1/dpps/{dpp_id}/elements/{element_path}": _PATCHES,
    "/v1/dppsByProductIds": {
        _JSON: {
            "schema": {
                "type": "object",
                "required": ["productIds"],
                "additionalProperties": False,
                "properties": {
                    "productIds": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_IDS,
                        "items": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
                    },
                },
            }
        },
    },
    "/epcis/capture": {LD_TYPE: {"schema": _BYTES}},
    "/epcis/events": {LD_TYPE: {"schema": _BYTES}},
    "/reports": {one: {"schema": _BYTES} for one in (MEDIA_TYPE, LINES_TYPE, *_TABLES)},
    "/workspace/files": {
        **{one: {"schema": _BYTES} for one in (*_TABLES, LINES_TYPE)},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"csrf": _WORDS, "file": _BYTES}},
        },
    },
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
    "/stations/plan": {_JSON: {"schema": _JOURNEY, "example": _TRIP_EXAMPLE}},
    "/stations/reservations": {_JSON: {"schema": _RESERVATION, "example": _RESERVATION_EXAMPLE}},
    "/stations/{site}/state": {
        _JSON: {
            "schema": {
                "type": "object",
                "required": ["at", "queue"],
                "additionalProperties": False,
                "properties": {
                    "at": _WORDS | {"format": "date-time"},
                    "queue": {"type": "integer", "minimum": 0, "maximum": 10_000},
                    "packs": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "charge": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                                "ready_at": {"type": ["string", "null"], "format": "date-time"},
                                "slot": {"type": ["integer", "null"], "minimum": 1},
                                "charger": {"type": ["integer", "null"], "minimum": 1},
                            },
                        },
                    },
                },
            }
        },
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
_PROBLEM: Final = {
    **_ERROR,
    "required": ["error", "type", "title", "status", "detail"],
    "properties": {
        "type": _WORDS,
        "title": _WORDS,
        "status": {"type": "integer"},
        "detail": _WORDS,
        **_ERROR["properties"],  # type: ignore[dict-item]
    },
}

_RESULT: Final = {
    **_ERROR,
    "properties": {
        "statusCode": _WORDS,
        "message": {"type": "array", "items": {"type": "object", "required": ["messageType", "text"]}},
        **_ERROR["properties"],  # type: ignore[dict-item]
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
    if _HTML in answers["200"]["content"] and not is_epcis(path):
        answers["303"] = {"description": "Another address, for people."}
    if is_dpp(path):
        answers["default"]["content"] = {_JSON: {"schema": _RESULT}, _HTML: {"schema": _WORDS}}
        if method == "get":
            answers["303"] = {"description": "The page, for people."}
        if (path, method.upper()) in NOT_OFFERED:
            del answers["200"]
            answers["501"] = {**answers["default"], "description": "Not offered; what to report instead."}
    if is_epcis(path):
        answers["default"]["content"] = {PROBLEM_TYPE: {"schema": _PROBLEM}, _HTML: {"schema": _WORDS}}
        if method == "post":
            del answers["200"]
            answers["202" if path == "/epcis/capture" else "201"] = {"description": "Taken; see Location."}
    taken = {"responses": answers}
    if method in {"post", "patch"} and (body := _body(path, operation)) is not None:
        taken["requestBody"] = body
    return {**operation, **taken}


def _content(path: str) -> dict[str, Any]:
    """Return what a route answers when all is well, by media type."""
    if path in _OTHERS:
        kind, schema = _OTHERS[path]
        return {kind: {"schema": schema}}
    if path in _SEVERAL:
        return {kind: {"schema": _BYTES} for kind in _SEVERAL[path]}
    if (ending := path.rpartition(".")[2]) in EVENT_TYPES:
        return {EVENT_TYPES[ending]: {"schema": _FILES[ending]}}
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
    fields = {name: _BYTES if name in {"file", "photo"} else _WORDS for name in _FIELDS[path].split()}
    schema = {"type": "object", "properties": fields}
    return {**given, "content": {kind: {"schema": schema} for kind in given["content"]}}
