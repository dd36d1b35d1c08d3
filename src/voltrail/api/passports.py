"""/b/{code}/passport: the EU passports of a battery, as pages and documents; what others read them by."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText, Moment, read_moment
from voltrail.api.log import standing
from voltrail.codes import carriers, parse
from voltrail.events.points import POINTS
from voltrail.passport import FORMS, RULE_SETS, Told, batterypass_ready, json_ld, jws
from voltrail.passport import Form as PassportForm
from voltrail.passport import form as form_of
from voltrail.web.language import preferred
from voltrail.web.reading import read_out, title

Form = Annotated[
    str | None, QueryParameter(description="a document in one of its forms, such as batterypass-ready")
]


Number = Annotated[int, PathParameter(ge=1, le=99, description="which passport of the battery, from 1")]


@get("/b/{code:str}/passport", sync_to_thread=True, summary="A battery's EU passport")
def passport(request: Asked, code: CodeText, form: Form = None, as_of: Moment = None) -> Response[bytes]:
    """
    Return what the reader may know of a battery's passport: each point, and from which entries it comes.

    `form` gives the document instead, or an `Accept` that names its media type; `as_of` the passport as it
    stood. What is withheld is named.
    """
    return _passport(request, code, None, form, as_of)


@get("/b/{code:str}/passport/{number:int}", sync_to_thread=True, summary="One of a battery's EU passports")
def numbered(
    request: Asked, code: CodeText, number: Number, form: Form = None, as_of: Moment = None
) -> Response[bytes]:
    """Return one passport of a battery: as it stands, or as it stood when it ended."""
    return _passport(request, code, number, form, as_of)


def _passport(
    request: Asked, code: str, number: int | None, form: str | None, as_of: str | None
) -> Response[bytes]:
    registry, parsed = registry_of(request), parse(code)
    chosen = form_of(form) if form is not None else _accepted(request)
    told = registry.passport(parsed.text, reader_of(request), read_moment("as_of", as_of), number)
    if chosen is not None:
        return Response(chosen.written(told), media_type=chosen.media_type, headers=NEGOTIATED)
    counts = _counts(told)
    if not wants_page(request):
        return as_json(
            {
                "code": parsed.text,
                "category": told.whole.category,
                "passport": told.edition,
                "points": told.values,
                "withheld": told.withheld,
                "rule_sets": {
                    rules.id: {"there": there, "wanted": wanted} for rules, there, wanted in counts
                },
            }
        )
    page = page_for(request)
    return as_page(
        page,
        "passport",
        number=number,
        code=parsed.text,
        parts=read_out(parsed, page.language),
        title=title(parsed, page.language),
        edition=told.edition,
        kept=registry.handed.of(parsed.text),
        sections=_sections(told),
        withheld=[POINTS[name] for name in told.withheld],
        counts=counts,
        forms=FORMS.values(),
        as_of=as_of,
        qr=carriers.encode("qr", json_ld.address_of(told)),
        origin=registry.origin,
        standing=standing(registry),
        told_at=told.by.at.isoformat(),
    )


@get("/points", sync_to_thread=True, summary="The data points of passports")
def points(request: Asked) -> Response[bytes]:
    """Return what a passport may say: the vocabulary of its JSON-LD, each point as the catalogue has it."""
    address = f"https://{registry_of(request).host}{json_ld.VOCABULARY}"
    return as_json({"points": [{"id": address + one.name, "point": one} for one in POINTS.values()]})


@get("/.well-known/jwks.json", sync_to_thread=True, summary="The keys by which credentials verify")
def keys(request: Asked) -> Response[bytes]:
    """Return the public keys of this host that sign passports as credentials (RFC 7517)."""
    return as_json({"keys": [jws.jwk(one) for one in registry_of(request).credential_keys()]})


def _accepted(request: Asked) -> PassportForm | None:
    """Return the form whose media type is liked most, None where a page or our own JSON is."""
    forms = {one.media_type: one for one in FORMS.values() if one.media_type != "application/json"}
    for media_type in preferred(request.headers.get("accept", "")):
        if media_type in forms:
            return forms[media_type]
        if media_type in {"text/html", "application/xhtml+xml", "application/json", "application/*", "*/*"}:
            return None
    return None


def _counts(told: Told) -> list[tuple[Any, int, int]]:
    """Return how many of the mandatory points of each rule set are there, seen by the reader or not."""
    whole = told.whole
    found = []
    for rules in RULE_SETS.values():
        wants = rules.wants(whole.category)
        found.append((rules, len(wants & whole.values.keys()), len(wants)))
    return found


def _sections(told: Told) -> list[tuple[str, list[tuple[Any, Any]]]]:
    """Return the points that are seen by section, each with what is known of it."""
    found: dict[str, list[tuple[Any, Any]]] = {name: [] for name in batterypass_ready.SECTIONS}
    for name, known in told.values.items():
        found[batterypass_ready.section_of(name)].append((POINTS[name], known))
    return [(name, rows) for name, rows in found.items() if rows]


ROUTES: Final = (passport, numbered, points, keys)
