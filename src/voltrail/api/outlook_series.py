"""/outlook/series: the figures on which the outlook stands, and those that an authority adds."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, PathParameter, QueryParameter
from litestar.response import Redirect, Stream

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, authority, check_form, person_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.take_away import take_away, taken
from voltrail.errors import NotFound, UsageError, VoltrailError
from voltrail.outlook.book import BYTES_MOST, Book, Row, defined, definitions, sources, text_of, vintage_of
from voltrail.outlook.headlines import headlines
from voltrail.registry.outlook_figures import Addition
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.series import picture
from voltrail.web.sheets import Column, Sheet
from voltrail.web.sheets import Row as Cells

KnownAt = Annotated[
    str | None,
    QueryParameter(max_length=20, description="as the figures were known at a month, 2026-01, or a year"),
]
Series = Annotated[str, QueryParameter(max_length=100, description="the name of a series")]
Name = Annotated[str, PathParameter(description="the name of a series")]
Segment = Annotated[str | None, QueryParameter(max_length=200, description="only this segment")]

_COLUMNS: Final = (
    Column("series", heading="Series"),
    Column("period", heading="Period"),
    Column("segment", heading="Segment"),
    Column("value", "number", "Value"),
    Column("unit", heading="Unit"),
    Column("status", heading="How sure"),
    Column("vintage", heading="Published"),
    Column("source", heading="Source"),
    Column("note", heading="Note"),
)


@get("/outlook/series", sync_to_thread=True, summary="The figures of the outlook")
def series(request: Asked, known_at: KnownAt = None) -> Response[bytes]:
    """Return the headline figures, each with what it counts, and which series there are."""
    return _page(request, known_at)


@get("/outlook/series/{name:str}", sync_to_thread=True, summary="A series of figures")
def one_series(
    request: Asked, name: Name, segment: Segment = None, known_at: KnownAt = None
) -> Response[bytes]:
    """
    Return what a series counts, and its figures with their sources; all vintages, or those of `known_at`.

    Raises NotFound for a series that there is none of.
    """
    found = registry_of(request).outlook_figures.book()
    rows = _rows(found, name, segment, known_at)
    meant, known = defined(name, segment or ""), sources()
    told = {row.source: known[row.source] for row in rows if row.source in known}
    if not wants_page(request):
        return as_json({"definition": meant, "figures": rows, "sources": told})
    latest = found.of(name, segment, known_at=vintage_of(known_at)) if known_at else found.of(name, segment)
    others = [each for key, each in definitions().items() if key[0] == name and each != meant]
    return as_page(
        page_for(request),
        "outlook_series",
        name=name,
        meant=meant,
        others=others,
        rows=sorted(rows, key=lambda row: (row.period, row.known), reverse=True),
        segment=segment,
        known_at=known_at,
        sources=told,
        drawn=picture(latest, meant.unit.split(", ")[0]),
    )


@taken("/outlook/series/figures", summary="A series of figures, as a file")
def series_files(
    request: Asked, series: Series = "", segment: Segment = None, known_at: KnownAt = None
) -> Stream:
    """Return the figures of a series, or of all, as a file; all vintages, or those of `known_at`."""
    found = registry_of(request).outlook_figures.book()
    names = [series] if series else found.names()
    rows = [row for each in names for row in _rows(found, each, segment, known_at)]

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - no part of the record
        title = defined(series).name_zh if page.language == "zh" else defined(series).name
        return Sheet(series, title, _COLUMNS, [[_cells(row) for row in rows]], stands="beside")

    def all_of_them(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - no part of the record
        runs = [[_cells(row) for row in rows]]
        return Sheet("outlook", page.say("Figures of the outlook"), _COLUMNS, runs, stands="beside")

    return take_away(request, making if series else all_of_them)


@post(
    "/outlook/series/add",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=BYTES_MOST + MAX_FORM_BYTES,
    summary="Add figures to the outlook",
)
def add(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take a `file`, CSV with the columns of the figures, and `csrf`, for an authority; all of it or nothing.

    The same file again is the same addition.
    """
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    try:
        text, name = _file(data)
        added = registry_of(request).outlook_figures.add(text, name, person.login)
        accounts_of(request).note("outlook.add", person, address_of(request), f"{added.id} {added.name}")
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _page(request, None, error)
    if not wants_page(request):
        return as_json({"file": added})
    return _page(request, None, added=added)


@post(
    "/outlook/series/take-back",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Take figures back from the outlook",
)
def take_back(request: Asked, data: Form) -> Response[Any]:
    """Take the number of an added `file` and `csrf`, for an authority: its figures count for nothing."""
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    given = field(data, "file")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    try:
        gone = registry_of(request).outlook_figures.take_back(number, person.login)
        accounts_of(request).note("outlook.take_back", person, address_of(request), f"{gone.id} {gone.name}")
    except NotFound as error:
        return _page(request, None, error)
    if not wants_page(request):
        return as_json({"file": gone})
    return Redirect(page_for(request).link("/outlook/series"), status_code=303)


def _page(
    request: Asked,
    known_at: str | None,
    error: VoltrailError | None = None,
    added: Addition | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    registry, person = registry_of(request), _of_authority(request)
    found = registry.outlook_figures.book()
    said = headlines(found, vintage_of(known_at)) if known_at else headlines(found)
    meant = [(each, _count(found, each.series)) for (_, part), each in definitions().items() if not part]
    meant = [(each, count) for each, count in meant if count[0]]
    if not wants_page(request):
        return as_json({"headlines": said, "series": [each for each, _ in meant]})
    return as_page(
        page_for(request),
        "outlook_figures",
        200 if error is None else status_of(error),
        headlines=[list(every) for _, every in groupby(said, lambda one: one.name)],
        series=meant,
        known_at=known_at,
        error=error,
        added=added,
        may=person is not None,
        files=registry.outlook_figures.files() if person is not None else [],
    )


def _of_authority(request: Asked) -> Person | None:
    """Return who is signed in for an authority, or None."""
    person = person_of(request)
    if person is None or person.digest is None or person.must_change:
        return None
    return person if person.organisation in registry_of(request).authorities else None


def _count(found: Book, name: str) -> tuple[int, str, str]:
    periods = sorted(row.period for row in found.every(name))
    return (len(periods), periods[0], periods[-1]) if periods else (0, "", "")


def _rows(found: Book, name: str, segment: str | None, known_at: str | None) -> list[Row]:
    try:
        defined(name)
    except UsageError as error:
        raise NotFound(error.rule, error.message, error.fix) from error
    if known_at:
        return found.of(name, segment or None, known_at=vintage_of(known_at))
    return found.every(name, segment or None)


def _cells(row: Row) -> Cells:
    known = sources().get(row.source)
    source = f"{known.title} {known.url}".strip() if known else row.source
    return (
        row.series,
        row.period,
        row.segment,
        row.value,
        row.unit,
        row.status,
        row.vintage,
        source,
        row.note,
    )


def _file(data: dict[str, Any]) -> tuple[str, str]:
    given = data.get("file")
    if isinstance(given, UploadFile):
        return text_of(given.file.read(BYTES_MOST + 1)), given.filename
    return text_of(str(given or "").encode()), ""


ROUTES: Final = (series, one_series, *series_files, add, take_back)
