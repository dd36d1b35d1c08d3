"""/b/{code}/passport: the EU passports of a battery, as pages and as documents."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from voltrail.api.access import reader_of
from voltrail.api.answers import NEGOTIATED, Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import CodeText, Moment, read_moment
from voltrail.codes import parse
from voltrail.events.points import POINTS
from voltrail.passport import FORMS, RULE_SETS, Told, batterypass_ready
from voltrail.passport import form as form_of
from voltrail.web.reading import read_out, title

Form = Annotated[
    str | None, QueryParameter(description="a document in one of its forms, such as batterypass-ready")
]


Number = Annotated[int, PathParameter(ge=1, le=99, description="which passport of the battery, from 1")]


@get("/b/{code:str}/passport", sync_to_thread=True, summary="A battery's EU passport")
def passport(request: Asked, code: CodeText, form: Form = None, as_of: Moment = None) -> Response[bytes]:
    """
    Return what the reader may know of a battery's passport: each point, and from which entries it comes.

    `form` gives the document instead, `as_of` the passport as it stood. What is withheld is named.
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
    chosen = form_of(form) if form is not None else None
    told = registry.passport(parsed.text, reader_of(request), read_moment("as_of", as_of), number)
    if chosen is not None:
        return Response(chosen.document(told), media_type=chosen.media_type, headers=NEGOTIATED)
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
    )


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


ROUTES: Final = (passport, numbered)
