"""/01/{gtin}/21/{serial}: the GS1 Digital Link of a battery, resolved."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.api.answers import NEGOTIATED, Asked, page_for, registry_of
from voltrail.api.labels import label_host
from voltrail.codes import gs1_url, is_code, parse
from voltrail.codes.digital_link import read_link
from voltrail.codes.scanned import Scanned, read_label
from voltrail.errors import CodeError, IdentityError, NotFound, UsageError
from voltrail.events.epcis.identifiers import escape

LINKSET: Final = "application/linkset+json"
VOCABULARY: Final = "https://gs1.org/voc/"
DEFAULT: Final = ("gs1:defaultLink", "gs1:pip")  # both are the battery's page
ALL: Final = ("all", "linkset")

Gtin = Annotated[str, PathParameter(description="the model's GTIN, 14 digits")]
Serial = Annotated[str, PathParameter(description="the last 20 characters of a code, or a code of 19")]
Head = Annotated[str, QueryParameter(max_length=4, description="the four characters in front of those")]
LinkType = Annotated[str, QueryParameter(name="linkType", description="gs1:pip or all")]


@get("/01/{gtin:str}/21/{serial:str}", sync_to_thread=True, summary="A battery by its GS1 Digital Link")
def resolve(
    request: Asked, gtin: Gtin, serial: Serial, head: Head = "", link_type: LinkType = "gs1:defaultLink"
) -> Response[Any]:
    """
    Lead to the battery's page, or with `linkType=all` return what there is of it as a linkset (RFC 9264).

    With `head` the address says the whole code; without it, the record is asked which of the model's it is.
    """
    link = read_link(f"https://{label_host(request)}/01/{escape(gtin)}/21/{escape(serial)}", short=True)
    item, number = str(link.value("01")), str(link.value("21"))
    code = _code_of(request, item, number, head)
    if link_type in ALL or LINKSET in request.headers.get("accept", ""):
        return _linkset(request, code, item)
    if link_type not in DEFAULT:
        raise NotFound(
            "link.type",
            f"There is no link of type {link_type[:40]!r}.",
            f"Ask for {', '.join((*DEFAULT, *ALL))}.",
        )
    return Redirect(page_for(request).link(f"/b/{code}"), status_code=303)


def read_scanned(request: Asked, text: str) -> Scanned:
    """Return the code that a label carries; for a Digital Link with a part of one, the record is asked."""
    try:
        return read_label(text)
    except CodeError:
        with suppress(IdentityError):
            link = read_link(text.strip(), words=True, short=True)
            found = registry_of(request).linked(link.value("01") or "", link.value("21") or "")
            if len(found) == 1:
                return Scanned(found[0], link.host)
        raise


def _code_of(request: Asked, gtin: str, serial: str, head: str) -> str:
    """Return the one code that a link means. Raises NotFound, UsageError (`link.ambiguous`)."""
    if is_code(whole := head.upper() + serial):
        return whole
    found = registry_of(request).linked(gtin, serial)
    if not found:
        raise NotFound(
            "link.unknown",
            f"No battery on record has the GTIN {gtin} and the serial number {serial}.",
            "Type the code that stands on the label in words.",
        )
    if len(found) > 1:
        raise UsageError(
            "link.ambiguous",
            f"The GTIN {gtin} with the serial number {serial} may be {', '.join(found[:10])}.",
            "Compare them with the code that stands on the label in words.",
        )
    return found[0]


def _linkset(request: Asked, code: str, gtin: str) -> Response[bytes]:
    host = label_host(request)
    page = [{"href": f"https://{host}/b/{code}", "title": code}]
    types = {f"{VOCABULARY}{name.removeprefix('gs1:')}": page for name in DEFAULT}
    anchor = gs1_url(parse(code), gtin, host)
    content = {"linkset": [{"anchor": anchor, **types}]}
    return Response(msgspec.json.encode(content), media_type=LINKSET, headers=NEGOTIATED)


ROUTES: Final = (resolve,)
