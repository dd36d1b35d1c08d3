"""One shape for everything that goes wrong, whoever found it: Voltrail, the router, or nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, wants_page
from voltrail.api.problems import MEDIA_TYPE as PROBLEM_TYPE
from voltrail.api.problems import is_dpp, is_epcis, problem, result
from voltrail.errors import (
    AccessError,
    CodeError,
    LineError,
    NoteError,
    NotFound,
    ProviderError,
    RegistryError,
    UsageError,
    VoltrailError,
)

log = logging.getLogger("voltrail.api")

# The first that fits. What is broken in form is 400, what is understood and not taken 422.
_BY_CLASS: Final[tuple[tuple[type[VoltrailError], int], ...]] = (
    (NotFound, 404),
    (AccessError, 403),
    (ProviderError, 502),
    (RegistryError, 503),
    (UsageError, 400),
    (CodeError, 400),
    (LineError, 400),
    (NoteError, 400),
    (VoltrailError, 422),
)
_BY_RULE: Final = {
    "access.sign_in": 401,
    "access.password": 401,
    "access.token": 401,
    "access.locked": 429,
    "access.busy": 503,
    "provider.slow": 503,
    "provider.unreachable": 503,
    "application.many": 429,
    "file.busy": 409,
    "reservation.key": 409,
    "reservation.held": 409,
    "swap.busy": 503,
    "link.ambiguous": 409,
    "import.too_large": 413,
    "file.too_large": 413,
    "export.many": 429,
    "report.too_large": 413,
    "cycler.large": 413,
    "report.layout": 400,
    "report.note": 400,
    "request.content_type": 415,
    "request.accept": 406,
    "epcis.too_large": 413,
    "epcis.form": 406,
    **dict.fromkeys(
        (
            f"epcis.{name}"
            for name in ("json", "document", "missing", "member", "value", "time", "vocabulary")
        ),
        400,
    ),
    **dict.fromkeys(
        (f"epcis.{name}" for name in ("identifier", "context", "ilmd", "kind", "mapping", "subject")), 400
    ),
    "epcis.unknown_event": 400,
    **dict.fromkeys(
        (f"passport.{name}" for name in ("removal", "decided", "barred", "no_model", "ended")), 409
    ),
    "passport.follows": 501,
}
# What EN 18222 has no 422 for: who may not say it, and what became of the battery since.
_STATUS_OF_UPDATE: Final = {
    **dict.fromkeys(("role.may_not", "role.unregistered", "model.taken", "report.host_may_not"), 403),
    "lifecycle.ended": 409,
}
_LEADS_TO: Final = {"access.sign_in": "/sign-in", "access.change_password": "/account/password"}
_HEADERS: Final[Mapping[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "900"},
    503: {"Retry-After": "5"},
}
_BY_RULE_SENT: Final[Mapping[str, dict[str, str]]] = {"export.many": {"Retry-After": "30"}}
_ROUTER: Final[Mapping[int, tuple[str, str, str]]] = {
    404: ("route.unknown", "There is nothing at this address.", "All addresses are listed at /docs."),
    405: ("route.method", "This address does not take this method.", "The methods are listed at /docs."),
    413: ("request.too_large", "The request is larger than this address takes.", "Send several reports."),
    415: ("request.content_type", "This content type is not taken here.", "The types are listed at /docs."),
}


def status_of(error: VoltrailError) -> int:
    """Return the HTTP status of an error: by its rule, else by its class."""
    if error.rule in _BY_RULE:
        return _BY_RULE[error.rule]
    return next(status for kind, status in _BY_CLASS if isinstance(error, kind))


def answer(request: Asked, error: VoltrailError, status: int, headers: Mapping[str, str]) -> Response[bytes]:
    """Return an error as a page for people, as JSON for programs, in the same words."""
    sent = {**_HEADERS.get(status, {}), **_BY_RULE_SENT.get(error.rule, {}), **headers}
    if wants_page(request):
        return as_page(
            page_for(request),
            "error",
            status,
            sent,
            error=error,
            number=status,
            meant=getattr(error, "suggestion", None),
            sought=_sought(request, error),
        )
    if is_epcis(request.url.path):
        status = 400 if status == 422 else status  # the standard knows no 422
        told = msgspec.json.encode(problem(error, status))
        headers = {**NEGOTIATED, **sent}
        return Response(told, status_code=status, media_type=PROBLEM_TYPE, headers=headers)
    if is_dpp(request.url.path):
        status = _STATUS_OF_UPDATE.get(error.rule, 400) if status == 422 else status
        return as_json(result(error, status), status, sent)
    return as_json(error.as_json(), status, sent)


def voltrail_error(request: Asked, error: VoltrailError) -> Response[Any]:
    """Answer what Voltrail raised on purpose; a page that needs a sign-in leads there."""
    if error.rule in _LEADS_TO and request.method == "GET" and wants_page(request):
        return Redirect(page_for(request).link(_LEADS_TO[error.rule]), status_code=303)
    return answer(request, error, status_of(error), {})


def router_error(request: Asked, error: HTTPException) -> Response[bytes]:
    """Answer what the router found: no such address, a method or a parameter that is not taken."""
    status = error.status_code
    if status >= 500:
        return defect(request, error)
    if status in _ROUTER:
        said = UsageError(*_ROUTER[status])
    else:
        said = UsageError("request.invalid", _invalid(error), "What may be sent is described at /docs.")
    allowed = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return answer(request, said, status, allowed)


def defect(request: Asked, error: Exception) -> Response[bytes]:
    """Answer what nobody foresaw: it is logged here, and nothing of it is told."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    said = VoltrailError(
        "internal.defect",
        "Something went wrong in Voltrail itself.",
        "Try again; if it stays, tell the operator of this registry what you did and when.",
    )
    return answer(request, said, 500, {})


def _sought(request: Asked, error: VoltrailError) -> str | None:
    """Return what the search box of an error's page begins with; None when searching is no help."""
    before, _, typed = request.url.path.partition("/b/")
    if not before and (isinstance(error, CodeError) or error.rule == "battery.unknown"):
        return typed.partition("/")[0]
    return "" if error.rule in {"route.unknown", "organisation.unknown"} else None


def _invalid(error: HTTPException) -> str:
    extra: Any = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        return (
            "; ".join(f"{one.get('key', 'body')}: {one.get('message', 'not valid')}" for one in extra) + "."
        )
    return f"{error.detail.rstrip('.')}."


HANDLERS: Final[ExceptionHandlersMap] = {
    VoltrailError: voltrail_error,
    HTTPException: router_error,
    Exception: defect,
}
