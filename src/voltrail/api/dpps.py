"""
/v1: passports as EN 18222 reads and updates them. What is offered, and where, is one table: OPERATIONS.

Paths are of an implementer's contract, for the standard itself was not read; they may differ, so they stand
in that table alone. Identifiers are percent-encoded in an address, as one part of it: `Encoded` keeps that.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from urllib.parse import unquote

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.params import PathParameter, QueryParameter, RawBody
from litestar.response import Redirect
from litestar.types import ASGIApp, Receive, Scope, Send

from voltrail.api.access import accounts_of, address_of, check_right, may_report, person_of, reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, page_for, registry_of, wants_page
from voltrail.api.batteries import read_moment
from voltrail.api.problems import is_dpp
from voltrail.api.reports import taken_from
from voltrail.errors import AccessError, CodeError, NotFound, UsageError
from voltrail.events.points import Value
from voltrail.passport import FORMS, Form, Told, en18223, identifiers, json_ld
from voltrail.passport.patch import changed, lines_of
from voltrail.passport.paths import MAX_CHARACTERS
from voltrail.passport.rulesets import EU_GUIDANCE
from voltrail.web.language import preferred

MAX_BODY_BYTES: Final = 262_144
MAX_IDS: Final = 1_000  # that one question names
MAX_PAGE: Final = 100  # identifiers in one answer; more are not refused, the rest is on the next page
PATCH_TYPES: Final = ("application/json", "application/merge-patch+json")
REPRESENTATIONS: Final = {"compressed": "en18223", "full": "en18223-full"}


class Operation(msgspec.Struct, frozen=True):
    """
    One operation: its name, method and path; its clause, how much it is wanted, and whether it is offered.

    In a path `{...}` is one part, percent-encoded.
    """

    name: str
    method: str
    path: str
    clause: str
    conformance: str
    offered: bool = True

    @property
    def route(self) -> str:
        """The path as the router has it."""
        return self.path.replace("}", ":str}")


OPERATIONS: Final = {
    one.name: one
    for one in (
        Operation("ReadDPPById", "GET", "/v1/dpps/{dpp_id}", "4.2", "shall"),
        Operation("ReadDPPByProductId", "GET", "/v1/dppsByProductId/{product_id}", "4.3", "shall"),
        Operation("ReadDPPVersionByIdAndDate", "GET", "/v1/dppsByIdAndDate/{dpp_id}", "4.4", "should"),
        Operation("ReadDPPIdsByProductIds", "POST", "/v1/dppsByProductIds", "4.5", "shall"),
        Operation("CreateDPP", "POST", "/v1/dpps", "4.6", "should", offered=False),
        Operation("UpdateDPPById", "PATCH", "/v1/dpps/{dpp_id}", "4.7", "shall where others may write"),
        Operation("DeleteDPPById", "DELETE", "/v1/dpps/{dpp_id}", "4.8", "should", offered=False),
        Operation("ReadDataElement", "GET", "/v1/dpps/{dpp_id}/elements/{element_path}", "6.2", "should"),
        Operation(
            "UpdateDataElement",
            "PATCH",
            "/v1/dpps/{dpp_id}/elements/{element_path}",
            "6.3",
            "should where others may write",
        ),
    )
}

NOT_OFFERED: Final = {(one.path, one.method) for one in OPERATIONS.values() if not one.offered}

DppId = Annotated[str, PathParameter(description="a passport: its address, CODE/N or CODE, percent-encoded")]
ProductId = Annotated[str, PathParameter(description="a battery: its address or CODE, percent-encoded")]
ElementPath = Annotated[
    str, PathParameter(description="JSONPath to one element, as `$.battery.mass`, encoded")
]
Representation = Annotated[
    str, QueryParameter(description="compressed, or full: with the type of each element")
]
Date = Annotated[str | None, QueryParameter(description="RFC 3339 with offset, as 2026-05-03T08:00:00Z")]
Most = Annotated[int, QueryParameter(ge=1, description="how many at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=200, description="`nextCursor` of the page before")]


class Encoded:
    """Before the router: an address of this interface stays encoded, so an id with slashes is one part."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] == ScopeType.HTTP:
            raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
            if is_dpp(raw):
                scope["path"] = raw
        await self._app(scope, receive, send)


# ------------------------------------------------------------------ reading

# Of two handlers of one address Litestar registers the first twice, and then no longer waits for its thread:
# so those wait themselves.


@get(OPERATIONS["ReadDPPById"].route, summary="A passport by its identifier (EN 18222)")
async def read_dpp(
    request: Asked, dpp_id: DppId, representation: Representation = "compressed"
) -> Response[Any]:
    """Return what the reader may know of a passport, as EN 18223; what is withheld is named."""
    return await sync_to_thread(_read, request, dpp_id, representation)


@get(
    OPERATIONS["ReadDPPByProductId"].route,
    sync_to_thread=True,
    summary="A battery's passport by the battery's identifier (EN 18222)",
)
def read_by_product(
    request: Asked, product_id: ProductId, representation: Representation = "compressed"
) -> Response[Any]:
    """Return the passport that a battery has now."""
    return _read(request, product_id, representation)


@get(
    OPERATIONS["ReadDPPVersionByIdAndDate"].route,
    sync_to_thread=True,
    summary="A passport as it stood at a date (EN 18222)",
)
def read_by_date(
    request: Asked, dpp_id: DppId, date: Date = None, representation: Representation = "compressed"
) -> Response[Any]:
    """Return the passport as it stood at `date`, which must be given."""
    at = read_moment("date", date)
    if at is None:
        raise UsageError("request.time", "date is missing.", "Add ?date=2026-05-03T08:00:00Z.")
    return _read(request, dpp_id, representation, at)


def _read(request: Asked, text: str, representation: str, at: datetime | None = None) -> Response[Any]:
    named = identifiers.read(unquote(text))
    form = _form(request, representation)
    if form is None:
        return _to_page(request, named, at)
    told = _told(request, named, at)
    return Response(form.written(told), media_type=form.media_type, headers=NEGOTIATED)


def _to_page(request: Asked, named: identifiers.Named, at: datetime | None = None) -> Redirect:
    number = f"/{named.number}" if named.number is not None else ""
    page = page_for(request).link(f"/b/{named.code}/passport{number}", as_of=at and at.isoformat())
    return Redirect(page, status_code=303)


def _told(request: Asked, named: identifiers.Named, at: datetime | None = None) -> Told:
    """Return a passport as the reader sees it. Raises NotFound for what is not there."""
    return registry_of(request).passport(named.code, reader_of(request), at, named.number)


def _form(request: Asked, representation: str) -> Form | None:
    """Return the form that is asked for, None for a page. Raises UsageError for none of ours."""
    form = FORMS[_is_full(representation)]
    if wants_page(request):
        return None
    accepted = preferred(request.headers.get("accept", "")) or ["*/*"]
    for media_type in accepted:
        if media_type == json_ld.MEDIA_TYPE:
            return FORMS["json-ld"]
        if media_type in {"application/json", "application/*", "*/*"}:
            return form
    raise UsageError(
        "request.accept",
        f"A passport is not given as {accepted[0][:60]!r}.",
        f"Ask for application/json, {json_ld.MEDIA_TYPE} or text/html.",
    )


def _is_full(representation: str) -> str:
    if (found := REPRESENTATIONS.get(representation)) is None:
        raise UsageError(
            "request.representation",
            f"There is no representation {representation[:40]!r}.",
            f"Use one of {', '.join(REPRESENTATIONS)}.",
        )
    return found


@get(OPERATIONS["ReadDataElement"].route, summary="One element of a passport (EN 18222)")
async def read_element(
    request: Asked, dpp_id: DppId, element_path: ElementPath, representation: Representation = "compressed"
) -> Response[Any]:
    """
    Return one element, or a section with those that the reader may see.

    The path is a JSONPath (RFC 9535) that can lead to one element alone.
    """
    return await sync_to_thread(_read_element, request, dpp_id, element_path, representation)


def _read_element(request: Asked, dpp_id: str, path: str, representation: str) -> Response[Any]:
    named, found = identifiers.read(unquote(dpp_id)), _find(path)
    if _form(request, representation) is None:
        return _to_page(request, named)
    told = _told(request, named)
    return as_json(_element(request, told, found, full=representation == "full"))


def _find(path: str) -> en18223.Found:
    text = unquote(path)
    if (found := en18223.find(text)) is None:
        raise NotFound(
            "passport.no_element", f"No element is at {text[:80]!r}.", "docs/en18222.md lists the elements."
        )
    return found


def _element(request: Asked, told: Told, found: en18223.Found, *, full: bool) -> dict[str, Any]:
    """Return an element as the reader sees it. Raises AccessError where they see nothing of it, NotFound."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    values, hidden = told.shown(barred), told.hidden(barred)
    if not values.keys().isdisjoint(found.points):
        vocabulary = told.by.address + json_ld.VOCABULARY
        return en18223.element(found, values, hidden, full=full, vocabulary=vocabulary)
    if set(hidden).isdisjoint(found.points):
        raise NotFound(
            "passport.no_value", f"This passport says nothing of {found.element}.", "Nobody has reported it."
        )
    if person_of(request) is None:
        raise AccessError("access.sign_in", f"{found.element} is not public.", "Sign in, or bring a token.")
    raise AccessError(
        "access.point",
        f"You may not see {found.element} of this battery.",
        "docs/access.md says who may; an owner can grant it.",
    )


# ------------------------------------------------------------------ from products to passports


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    product_ids: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=identifiers.MAX_CHARACTERS)], ...],
        msgspec.Meta(min_length=1, max_length=MAX_IDS),
    ] = msgspec.field(name="productIds")


@post(
    OPERATIONS["ReadDPPIdsByProductIds"].route,
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_IDS * 1_024,
    summary="Identifiers of passports by those of batteries (EN 18222)",
)
def ids_by_products(
    request: Asked, body: RawBody, limit: Most = MAX_PAGE, cursor: Cursor = None
) -> Response[bytes]:
    """
    Return the identifiers of the passports of `productIds`; `unknown` names those without one here.
    """
    _check_type(request, PATCH_TYPES[:1])
    try:
        asked = msgspec.json.decode(body, type=_Query)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            "request.body", f"The question does not read: {error}.", 'Send {"productIds": ["...", "..."]}.'
        ) from None
    products = tuple(dict.fromkeys(asked.product_ids))
    start = _start(cursor, products)
    end = start + min(limit, MAX_PAGE)
    found, unknown = [], []
    for one in products[start:end]:
        try:
            told = _told(request, identifiers.read(one))
        except (NotFound, CodeError, UsageError):
            unknown.append(one)
            continue
        found.append(told.whole.values["passport_id"].value)
    answer: dict[str, Any] = {"dppIds": list(dict.fromkeys(found)), "unknown": unknown}
    if end < len(products):
        answer["nextCursor"] = _cursor(end, products)
    return as_json(answer)


def _cursor(at: int, products: Sequence[str]) -> str:
    """Return where the next page begins; it fits the question that it was made for alone."""
    return urlsafe_b64encode(f"{at}.{_digest(products)}".encode()).decode().rstrip("=")


def _start(cursor: str | None, products: Sequence[str]) -> int:
    if cursor is None:
        return 0
    try:
        said, _, digest = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(".")
        at = int(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0
    except (NotBase64, ValueError):
        at, digest = 0, ""
    if digest != _digest(products) or not 0 < at < len(products):
        raise UsageError(
            "request.cursor",
            f"The cursor {cursor[:40]!r} is not of an answer to this question.",
            "Send the same productIds with `nextCursor` as it came, or none.",
        )
    return at


def _digest(products: Sequence[str]) -> str:
    return sha256("\n".join(products).encode("utf-8", "surrogatepass")).hexdigest()[:16]


# ------------------------------------------------------------------ updating


@patch(
    OPERATIONS["UpdateDPPById"].route,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Update a passport (EN 18222)",
)
async def update_dpp(
    request: Asked, body: RawBody, dpp_id: DppId, representation: Representation = "compressed"
) -> Response[Any]:
    """
    Take a merge patch (RFC 7396): what differs is reported, all of it or nothing, and the host signs.

    A model's points are declared by its maker, for all its batteries; others are measured. None is removed.
    """
    return await sync_to_thread(_update_dpp, request, body, dpp_id, representation)


def _update_dpp(request: Asked, body: bytes, dpp_id: str, representation: str) -> Response[Any]:
    form = FORMS[_is_full(representation)]
    told = _update(request, body, dpp_id, en18223.read)
    return as_json(form.write(told))


@patch(
    OPERATIONS["UpdateDataElement"].route,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Update one element of a passport (EN 18222)",
)
async def update_element(
    request: Asked,
    body: RawBody,
    dpp_id: DppId,
    element_path: ElementPath,
    representation: Representation = "compressed",
) -> Response[Any]:
    """Take a data element, as it is read here, and report what differs, as for a whole passport."""
    return await sync_to_thread(_update_element, request, body, dpp_id, element_path, representation)


def _update_element(
    request: Asked, body: bytes, dpp_id: str, path: str, representation: str
) -> Response[Any]:
    _is_full(representation)
    found = _find(path)
    told = _update(request, body, dpp_id, lambda given: en18223.read_element(found, given))
    return as_json(_element(request, told, found, full=representation == "full"))


def _update(request: Asked, body: bytes, dpp_id: str, read: Callable[[Any], Mapping[str, Value]]) -> Told:
    """Report what a body says otherwise than the passport, and return that as it then stands."""
    person = may_report(request)
    if person is None:
        raise AccessError(
            "access.sign_in",
            "An update needs a sign-in, so that it is known who says it.",
            "Bring a token of the scope report in the header Authorization: Bearer TOKEN.",
        )
    check_right(person, "report")
    _check_type(request, PATCH_TYPES)
    registry, named = registry_of(request), identifiers.read(unquote(dpp_id))
    told = _told(request, named)
    if told.edition.ended_at is not None:
        raise UsageError(
            "passport.ended",
            f"The passport {told.edition.id} has ended, and stays as it stood.",
            "Update one that follows it: " + (", ".join(told.edition.next) or "there is none."),
        )
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError("request.body", f"The body is not JSON: {error}.", "Send one JSON object.") from None
    said = changed(read(given), told)
    if not said:
        return told
    known = told.whole.values.get("model_id")
    model = registry.declared(str(known.value)) if known is not None else None
    lines = lines_of(said, told, model, datetime.now(UTC))
    receipt = msgspec.json.decode(taken_from(request, person, b"".join(one + b"\n" for one in lines), "all"))
    detail = f"{named.code} {', '.join(sorted(said))} {receipt['report']}"
    accounts_of(request).note("passport.updated", person, address_of(request), detail[:500])
    return _told(request, named)


def _check_type(request: Asked, taken: Sequence[str]) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in taken:
        raise UsageError(
            "request.content_type",
            f"The content type {media_type[:80] or '(none)'!r} is not taken here.",
            f"Send JSON, with the header Content-Type: {taken[-1]}",
        )


# ------------------------------------------------------------------ what is not offered


@post(OPERATIONS["CreateDPP"].route, sync_to_thread=True, summary="Not offered: create a passport (EN 18222)")
def create_dpp() -> Response[bytes]:
    """Answer 501: a passport begins when a battery is reported as manufactured, or enrolled."""
    raise UsageError(
        "passport.follows",
        "A passport is not created: it begins with its battery.",
        "Report `manufactured` or `enrolled`, POST /reports.",
    )


@delete(
    OPERATIONS["DeleteDPPById"].route, status_code=200, summary="Not offered: delete a passport (EN 18222)"
)
async def delete_dpp(dpp_id: DppId) -> Response[bytes]:  # noqa: ARG001 - it is described
    """Answer 501: a passport ends when its battery is recycled, and what was reported stays on record."""
    raise UsageError(
        "passport.follows",
        "A passport is not deleted: it is archived once its battery is recycled.",
        "Report `recycled`, or what else became of the battery, POST /reports.",
    )


ROUTES: Final = (
    read_dpp,
    read_by_product,
    read_by_date,
    ids_by_products,
    create_dpp,
    update_dpp,
    delete_dpp,
    read_element,
    update_element,
)


# ------------------------------------------------------------------ the document

_HEAD: Final = """\
# Passports by EN 18222

Printed from `voltrail/api/dpps.py`; do not edit.

Programs of others read and update passports here. Neither EN 18222 nor EN 18223 was read: paths, parameters
and shapes are those of an implementer's contract, and stand in one table each, because the text may differ.
Who may see what is [as everywhere](access.md), and so is [signing in](api.md).

| Operation | Method | Path | Clause | Conformance | Offered |
|---|---|---|---|---|---|
"""
_BODY: Final = f"""
## Identifiers

`dpp_id` and `product_id` are percent-encoded, as one part of the address: `https://HOST/b/CODE/passport/N`,
`https://HOST/b/CODE` (on any host, for a passport may move), `CODE/N` or `CODE`. Without a number the last
passport that was issued is meant, or the draft of the first; a number that was not issued is 404. One that
ended is told as it stood before its end, and takes no update: 409.

## Reading

`representation` is `compressed` (key and value; where there is a unit, `{{"value": 412.5, "unit": "kg"}}`)
or `full` (`elements[]`, with the type of each). JSON by default; `application/ld+json` gives the JSON-LD
form, which is one; a browser is led to the page. What the reader may not see is named by its path in
`withheld`. What must not stand in a passport of its category is left out. A passport without an economic
operator on record lacks `economicOperatorId`: nobody is made up.

`ReadDPPVersionByIdAndDate` takes `date`, a time with its offset, and gives the passport as it stood then,
as it is known now. `ReadDPPIdsByProductIds` takes `{{"productIds": [...]}}` and answers `dppIds`, `unknown`
(the products of this page that have no passport here) and, until the end, `nextCursor`, which fits the same
question alone.

`element_path` is a JSONPath to one element of the compressed form, as `$.battery.mass`,
`$['battery']['mass']` or `$.battery.mass.value`; a section gives those of its elements that may be seen.
Paths that may lead to several (`*`, `..`, `?`, slices, lists) are refused. An element that one may not see
is 403, and 401 for who is not signed in.

## Updating

The record only appends, so an update is a report, all of it or nothing: what differs from what the caller
reads is said anew, with a token of the scope `report`, and the host signs, where the organisation lets it.
*Declared* points become `points_declared` of the model, by its maker, and so of **all batteries of that
model**; *measured* ones become `measured` of the battery, by who may measure. Both are in the history, in
the audit trail (`passport.updated`) and in the version before the date. A passport sent back as it was read
changes nothing. A token that may not read the passport's restricted points does not take them away by
leaving them out.

- `null` would remove: 409. What was said wrongly is corrected by an event, `corrected`.
- What follows from the *record*, such as status, operator and day of making: 409, with what to report
  instead. So is what an event of this battery says otherwise than its model, as its mass.
- `If-Match` is not looked at. Who sends back a whole passport that was changed meanwhile gets 409, for its
  `lastUpdated` is another.

## Limits

| What | At most |
|---|---|
| Body of an update | {MAX_BODY_BYTES:,} bytes |
| `productIds` of one question | {MAX_IDS:,}, of {identifiers.MAX_CHARACTERS} characters each |
| Identifiers on one page | {MAX_PAGE}; a larger `limit` is taken as this |
| Path to an element | {MAX_CHARACTERS} characters |

## Status codes

Errors are the `Result` of EN 18222 (`statusCode`, `message`), and beside it our `error` with `rule`,
`message` and `fix`.

| Status | `statusCode` | When |
|---|---|---|
| 200 | | The answer; of an update, what then stands. |
| 303 | | A browser is led to the page. |
| 400 | ClientErrorBadRequest | An identifier, path, date, cursor, body or value does not read. |
| 401 | ClientNotAuthorized | Nobody is signed in, or the token is none. |
| 403 | ClientForbidden | One may not see it, or not say it, or not let the host sign it. |
| 404 | ClientErrorResourceNotFound | No such battery, passport or element; nothing was said of it. |
| 405 | ClientMethodNotAllowed | The path does not take the method. |
| 406, 413, 415 | ClientErrorBadRequest | A form that is not given or taken, or too large. |
| 409 | ClientResourceConflict | It cannot be removed, follows from the record, or the battery has ended. |
| 500, 503 | ServerInternalError | A defect; the registry does not write. |
| 501 | none | Not offered; there is no result, our `error` says what to report instead. |

## What is not done

- `CreateDPP`, `DeleteDPPById`: a passport begins with `manufactured` or `enrolled` and is archived by
  `recycled`; what was reported stays on record. The contract has 501 for what is not supported.
- `RegisterProductDPP` is the EU registry's own.
- XML and `contentSpecificationIds`. `dictionaryReference` leads to the registry's own data points (`GET
  /points`): no dictionary of EN 18223 is known to us.
- A unit is a member `unit` of its element, which the contract does not know, and allows.
- The contract's `DataElement` is one of five shapes that overlap: by JSON Schema alone none of them is the
  only one. Our tests choose by `objectType`, as its `discriminator` says.

## Elements

"""


def document() -> str:
    """Return docs/en18222.md."""
    rows = [
        f"| {one.name} | {one.method} | `{one.path}` | {one.clause} | {one.conformance} |"
        f" {'yes' if one.offered else 'no: 501'} |\n"
        for one in OPERATIONS.values()
    ]
    return _HEAD + "".join(rows) + _BODY + en18223.table()
