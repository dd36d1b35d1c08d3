"""
/authority/missing: where batteries go missing, and with whom that is more than chance; for an authority.
"""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, QueryParameter
from litestar.response import Redirect, Stream

from voltrail.accounts import Person
from voltrail.api.access import accounts_of, address_of, authority, check_form, person_of
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.batteries import After
from voltrail.api.failures import status_of
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.codes import parse, tidy
from voltrail.errors import AccessError, CodeError, UsageError, VoltrailError
from voltrail.events.checks import bad_vin
from voltrail.events.reading import VIN
from voltrail.lifecycle.missing import Case, Sighting, day_of
from voltrail.regimes.missing import CHANCE, MONTHS, Suspicion, Term
from voltrail.registry.missing import MAX_SIGHTINGS, Chosen, Wanted, window
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.sheets import Column, Row, Sheet

ON_PAGE: Final = 50
MAX_SIGHTING_BYTES: Final = 1 << 20
MAX_SOURCE: Final = 100

KindAsked = Annotated[str, QueryParameter(description="the kind of case, such as not_received")]
Whose = Annotated[
    str | None, QueryParameter(max_length=256, description="only cases of this organisation, on its `side`")
]
SideAsked = Annotated[
    str, QueryParameter(description="own, or of what was shipped and not received: sender or receiver")
]
Since = Annotated[date | None, QueryParameter(name="from", description="only cases from this day on")]
Until = Annotated[date | None, QueryParameter(description="only cases up to this day")]


_COLUMNS: Final = (
    Column("code", heading="Code"),
    Column("kind", "name", "Kind of case"),
    Column("organisation", heading="Organisation"),
    Column("other", heading="Other side"),
    Column("day", "day", "Day"),
    Column("entry", "integer", "Entry"),
)


@get("/authority/missing", sync_to_thread=True, summary="Where batteries go missing")
def missing(request: Asked) -> Response[bytes]:
    """
    Return with which organisations more is missing than by chance, and how many cases of each kind are
    open.
    """
    registry, _ = registry_of(request), for_authority(request)
    left, today = registry.missing.follow(), day_of(datetime.now(UTC))
    found, on = registry.missing.suspicions()
    counts, terms = registry.missing.counts(today), registry.missing.terms()
    told = [_suspected(one, terms, today) for one in found]
    if not wants_page(request):
        return as_json(
            {
                "suspicions": told,
                "weighed_on": on.isoformat() if on else None,
                "open": counts,
                "terms": [_term(one) for one in terms.values()],
                "months": MONTHS,
                "chance": CHANCE,
                "entries_behind": left,
            }
        )
    return as_page(
        page_for(request),
        "missing",
        found=told,
        weighed_on=on.isoformat() if on else None,
        counts=counts,
        terms=terms,
        names=registry.names({one.organisation for one in found}),
        months=MONTHS,
        left=left,
    )


@get("/authority/missing/cases", sync_to_thread=True, summary="What stands open")
def cases(
    request: Asked,
    kind: KindAsked,
    organisation: Whose = None,
    side: SideAsked = "own",
    since: Since = None,
    until: Until = None,
    after: After = None,
) -> Response[bytes]:
    """
    Return the open cases of a kind, the oldest first, each with its battery; `next` is the `after` of the
    next page.
    """
    registry, _ = registry_of(request), for_authority(request)
    wanted, today = _wanted(kind, organisation, side, since, until), day_of(datetime.now(UTC))
    found, following = registry.missing.page(wanted, today, after, ON_PAGE)
    if not wants_page(request):
        return as_json({"cases": [_told(one) for one in found], "next": following})
    named = {one.organisation for one in found} | {wanted.organisation or ""}
    named |= {one.other for one in found if wanted.kind in {"not_received", "nowhere"}}
    return as_page(
        page_for(request),
        "missing_cases",
        found=[_told(one) for one in found],
        wanted=wanted,
        asked=_asked(wanted),
        following=following,
        after=after,
        names=registry.names(named - {""}),
        term=registry.missing.terms()[wanted.kind],
    )


@taken("/authority/missing/cases", summary="What stands open, as a file")
def case_files(
    request: Asked,
    kind: KindAsked,
    organisation: Whose = None,
    side: SideAsked = "own",
    since: Since = None,
    until: Until = None,
) -> Stream:
    """Return all open cases of a list as a file."""
    registry, _ = registry_of(request), for_authority(request)
    wanted, today = _wanted(kind, organisation, side, since, until), day_of(datetime.now(UTC))

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - of the registry's own books
        runs = ([_cells(one) for one in run] for run in registry.missing.all(wanted, today))
        return Sheet(wanted.kind, page.name(wanted.kind), _COLUMNS, runs, stands="beside")

    return take_away(request, making)


@get("/authority/missing/terms", sync_to_thread=True, summary="From when something counts as missing")
def terms(request: Asked) -> Response[bytes]:
    """
    Return from when each kind of case is open and which share is tolerated: this registry's choice, no law.
    """
    return _terms_page(request, for_authority(request))


@post(
    "/authority/missing/terms/choose",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Choose from when something counts as missing",
)
def choose(request: Asked, data: Form) -> Response[Any]:
    """
    Take `kind`, `term_days`, `percent` (none where a kind accuses nobody), `why` and `csrf`; weighed anew
    at once.
    """
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    try:
        term = _chosen(data)
        missing = registry_of(request).missing
        missing.choose(term, field(data, "why"), person.login)
        accounts_of(request).note(
            "missing.term", person, address_of(request), f"{term.kind} {term.term_days}"
        )
        missing.weigh(anyway=True)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _terms_page(request, person, error)
    return Redirect(page_for(request).link("/authority/missing/terms"), status_code=303)


@get("/authority/missing/sightings", sync_to_thread=True, summary="What others saw")
def sightings(request: Asked) -> Response[bytes]:
    """Return how many sightings contradict the record, and the form for a file of them; for people."""
    return _sightings_page(request, for_authority(request))


@post(
    "/authority/missing/sightings/take",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_SIGHTING_BYTES,
    summary="Take what others saw",
)
def take_sightings(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take a `file`, CSV with code, vin, seen_at and source, at most 5,000 rows, and `csrf`; all of it or
    nothing.

    Each is held against the record: what contradicts it is a case of the kind seen_elsewhere, and accuses
    nobody.
    """
    person = authority(request)
    check_form(request, person, field(data, "csrf"))
    try:
        seen = read_sightings(_file(data))
        new = registry_of(request).missing.take_sightings(seen, person.login)
        accounts_of(request).note("missing.sightings", person, address_of(request), f"{new} of {len(seen)}")
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _sightings_page(request, person, error=error)
    if not wants_page(request):
        return as_json({"taken": len(seen), "new": new})
    return _sightings_page(request, person, taken=(len(seen), new))


def for_authority(request: Asked) -> Person:
    """Return who reads for an authority: a session, or a token that may. Raises AccessError otherwise."""
    person = person_of(request)
    if person is None or person.digest is not None:
        return authority(request)
    person = reading(request)
    if person.organisation not in registry_of(request).authorities:
        raise AccessError("access.authority", "This is for authorities.", "Use a token of the authority's.")
    return person


def read_sightings(text: str) -> list[Sighting]:
    """
    Return the sightings of a CSV file: code, vin, seen_at (with its zone) and source, in any order of
    columns.

    Raises UsageError that names the row for what cannot be read.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    found: list[Sighting] = []
    try:
        columns = {(name or "").strip().lower() for name in reader.fieldnames or ()}
        if not {"code", "vin", "seen_at", "source"} <= columns:
            raise UsageError(
                "missing.columns", "The first row must name the columns code, vin, seen_at and source.",
                "Begin the file with: code,vin,seen_at,source",
            )  # fmt: skip
        for number, row in enumerate(reader, 2):
            if len(found) >= MAX_SIGHTINGS:
                raise UsageError(
                    "missing.sightings",
                    f"These are more than {MAX_SIGHTINGS:,} sightings.",
                    "Send them in several files.",
                )
            found.append(
                _sighting(number, {(name or "").strip().lower(): value for name, value in row.items()})
            )
    except csv.Error as error:
        raise UsageError(
            "missing.csv", f"This is no CSV file: {error}.", "Save it as CSV (UTF-8)."
        ) from error
    return found


def _sighting(number: int, row: dict[str, Any]) -> Sighting:
    given = {name: str(row.get(name) or "").strip() for name in ("code", "vin", "seen_at", "source")}
    why = "seen_at needs its zone, and source a name of up to 100 characters."
    seen_at = _moment(given["seen_at"])
    try:
        code, vin = parse(tidy(given["code"])).text, given["vin"].upper()
        if VIN.fullmatch(vin) is None:
            why = bad_vin(vin).message
        elif seen_at is not None and 0 < len(given["source"]) <= MAX_SOURCE and "\0" not in given["source"]:
            return Sighting(code, vin, seen_at, given["source"])
    except CodeError as error:
        why = error.message
    raise UsageError(
        "missing.row",
        f"Row {number} cannot be read: {why}",
        "Write it as in: 001PB0A1234567G4C0000001,LSVAA4187E2184847,2026-05-03T10:00:00+08:00,telematics",
    )


def _moment(text: str) -> datetime | None:
    """Return a moment with its zone, None for what is none."""
    with suppress(ValueError, OverflowError):
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo is not None else None
    return None


# ------------------------------------------------------------------ the pages


def _terms_page(request: Asked, person: Person, error: VoltrailError | None = None) -> Response[bytes]:
    tell_programs(request, error)
    found = registry_of(request).missing.terms()
    if not wants_page(request):
        return as_json({"terms": [_term(one) for one in found.values()]})
    return as_page(
        page_for(request),
        "missing_terms",
        200 if error is None else status_of(error),
        terms=found,
        error=error,
        may=person.digest is not None,
        months=MONTHS,
    )


def _sightings_page(
    request: Asked,
    person: Person,
    *,
    error: VoltrailError | None = None,
    taken: tuple[int, int] | None = None,
) -> Response[bytes]:
    tell_programs(request, error)
    count = registry_of(request).missing.counts(day_of(datetime.now(UTC)))["seen_elsewhere"]
    if not wants_page(request):
        return as_json({"seen_elsewhere": count})
    return as_page(
        page_for(request),
        "missing_sightings",
        200 if error is None else status_of(error),
        count=count,
        error=error,
        taken=taken,
        most=MAX_SIGHTINGS,
        may=person.digest is not None,
    )


# ------------------------------------------------------------------ what is asked and told


def _wanted(kind: str, organisation: str | None, side: str, since: date | None, until: date | None) -> Wanted:
    wanted = Wanted(kind, organisation or None, side, since, until)
    wanted.check()
    return wanted


def _asked(wanted: Wanted) -> dict[str, Any]:
    """Return a list's filters as an address has them."""
    return {
        "kind": wanted.kind,
        "organisation": wanted.organisation,
        "side": None if wanted.side == "own" else wanted.side,
        "from": wanted.since,
        "until": wanted.until,
    }


def _suspected(one: Suspicion, terms: dict[str, Chosen], today: date) -> dict[str, Any]:
    first, last = window(terms[one.kind].term, today)
    silent = one.silent_since if one.silent_since not in {None, date.min} else None
    if silent is not None and silent > first:
        first = (silent.replace(day=28) + (date(2000, 2, 4) - date(2000, 1, 31))).replace(day=1)
    return {
        "organisation": one.organisation,
        "kind": one.kind,
        "side": one.side,
        "cases": one.cases,
        "of": one.of,
        "others": one.others,
        "silent_since": silent.isoformat() if silent else None,
        "never_reported": one.silent_since == date.min,
        "from": first.isoformat(),
        "until": last.isoformat(),
    }


def _told(case: Case) -> dict[str, Any]:
    told = msgspec.structs.asdict(case)
    index = told.pop("index")
    return told | {"at": case.at.isoformat(), "index": index if index >= 0 else None}


def _term(chosen: Chosen) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(chosen.term),
        "why": chosen.why,
        "chosen_at": chosen.chosen_at.isoformat() if chosen.chosen_at else None,
    }


def _cells(case: Case) -> Row:
    index = case.index if case.index >= 0 else None
    return (case.code, case.kind, case.organisation, case.other, case.at, index)


def _chosen(data: dict[str, Any]) -> Term:
    days, percent = field(data, "term_days").strip(), field(data, "percent").strip().rstrip("%％ ")
    try:
        tolerance = float(percent) / 100 if percent else None
        return Term(cast("Any", field(data, "kind")), int(days), tolerance)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            "missing.term", "A term is from 0 to 3,650 days.", "Write a number of days."
        ) from error


def _file(data: dict[str, Any]) -> str:
    given = data.get("file")
    content = (
        given.file.read(MAX_SIGHTING_BYTES + 1)
        if isinstance(given, UploadFile)
        else str(given or "").encode()
    )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "missing.csv", "This is no CSV file: it is not UTF-8.", "Save it as CSV (UTF-8)."
        ) from error
    if not text.strip():
        raise UsageError("missing.csv", "There is no file, or nothing in it.", "Choose a CSV file.")
    return text


ROUTES: Final = (missing, cases, *case_files, terms, choose, sightings, take_sightings)
