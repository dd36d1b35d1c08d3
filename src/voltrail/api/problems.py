"""
What answers of interfaces that others standardised have in common: headers, and errors.

Errors are our one shape, and beside it, for EPCIS 2.0 (section 12) the members of RFC 7807, for passports
those of EN 18222's result.
"""

from __future__ import annotations

from typing import Any, Final

from voltrail.errors import VoltrailError

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "/epcis"
DPP_PREFIX: Final = "/v1"
MAX_CAPTURE_BYTES: Final = 16 * 1024 * 1024
MAX_CAPTURE_EVENTS: Final = 20_000
_VERSION: Final = "2.0.0"

HEADERS: Final = {
    "GS1-EPCIS-Version": _VERSION,
    "GS1-EPCIS-Min": _VERSION,
    "GS1-EPCIS-Max": _VERSION,
    "GS1-CBV-Version": _VERSION,
    "GS1-CBV-Min": _VERSION,
    "GS1-CBV-Max": _VERSION,
    "GS1-EPC-Format": "Never_Translates",
    "GS1-Extensions": "voltrail=urn:voltrail:epcis:",
    "GS1-EPCIS-Capture-Limit": str(MAX_CAPTURE_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_CAPTURE_BYTES),
    "GS1-Capture-Error-Behaviour": "all",
}
"""On every answer, that to OPTIONS among them: versions, and what capture takes."""

_BY_RULE: Final = {
    "epcis.parameter": ("QueryParameterException", "The query cannot be understood"),
    "epcis.token": ("QueryParameterException", "The query cannot be understood"),
    "epcis.query": ("QueryTooLargeException", "The query is too large"),
    "epcis.too_large": ("CaptureLimitExceededException", "More than one capture takes"),
}
_BY_STATUS: Final = {
    400: ("ValidationException", "The request is not valid EPCIS 2.0"),
    401: ("SecurityException", "Nobody is signed in"),
    403: ("SecurityException", "This is not allowed"),
    404: ("NoSuchResourceException", "There is nothing here"),
    405: ("ImplementationException", "This method is not taken"),
    406: ("NotAcceptableException", "This form is not given"),
    413: ("CaptureLimitExceededException", "More than one capture takes"),
    415: ("UnsupportedMediaTypeException", "This form is not taken"),
}


def problem(error: VoltrailError, status: int) -> dict[str, Any]:
    """Return an error in both forms."""
    name, title = _BY_RULE.get(error.rule) or _BY_STATUS.get(
        status,
        ("ImplementationException" if status >= 500 else "ValidationException", "It could not be done"),
    )
    detail = f"{error.message} {error.fix}".strip()
    members = {"type": f"epcisException:{name}", "title": title, "status": status, "detail": detail}
    return {**members, **error.as_json()}


def is_epcis(path: str) -> bool:
    """Return whether an address is one of EPCIS."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


_RESULTS: Final = {
    401: "ClientNotAuthorized",
    403: "ClientForbidden",
    404: "ClientErrorResourceNotFound",
    405: "ClientMethodNotAllowed",
    409: "ClientResourceConflict",
    502: "ServerErrorBadGateway",
}
"""Table 15 of EN 18222; other statuses of ours go by the name of their hundred."""


def result(error: VoltrailError, status: int) -> dict[str, Any]:
    """Return an error in both forms; of what is not offered (501) EN 18222 has no result."""
    if status == 501:
        return error.as_json()
    code = _RESULTS.get(status, "ServerInternalError" if status >= 500 else "ClientErrorBadRequest")
    kind = "Exception" if status >= 500 else "Error"
    said = {"messageType": kind, "text": f"{error.message} {error.fix}".strip(), "code": error.rule}
    return {"statusCode": code, "message": [said], **error.as_json()}


def is_dpp(path: str) -> bool:
    """Return whether an address is one of EN 18222."""
    return path == DPP_PREFIX or path.startswith(f"{DPP_PREFIX}/")
