"""
/epcis: the capture and query interfaces of EPCIS 2.0, section 12, over JSON.

Capture turns events into lines, which the host signs; what may be reported is judged as everywhere. A query
goes along the chains of the batteries it names, or through what the reader's own organisation reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import PathParameter, QueryParameter, RawBody

from voltrail.accounts import Person
from voltrail.api.access import may_report, reader_of
from voltrail.api.answers import NEGOTIATED, Asked, registry_of
from voltrail.api.failures import status_of
from voltrail.api.problems import MAX_CAPTURE_BYTES, MAX_CAPTURE_EVENTS, problem
from voltrail.api.reports import plain_lines, taken_from
from voltrail.api.work import reading
from voltrail.errors import EventError, NotFound, UsageError, VoltrailError
from voltrail.events.epcis import Row, lines_of_document, read_document, write_query_document, written_event
from voltrail.events.epcis.mapping import event_id, index_in
from voltrail.events.epcis.query import Query, read_query
from voltrail.events.epcis.source import SOURCE
from voltrail.events.epcis.validation import MEMBERS, Trouble
from voltrail.events.epcis.vocabulary import CONTEXT
from voltrail.organisations.access import Reader
from voltrail.registry import captures
from voltrail.registry.epcis import (
    MAX_BATTERIES,
    Found,
    Seen,
    at_index,
    host_of,
    importing,
    of_batteries,
    of_organisation,
    stands_on,
)
from voltrail.registry.sent import read_report

PAGE: Final = 30
MAX_PAGE: Final = 1_000
_TAKEN: Final = frozenset({"application/json", "application/ld+json"})

PerPage = Annotated[int, QueryParameter(name="perPage", ge=1, le=MAX_PAGE, description="how many at most")]
Token = Annotated[
    str | None,
    QueryParameter(
        name="nextPageToken", max_length=64, description="as the header Link of the page before has it"
    ),
]
EventType = Annotated[str, PathParameter(description="a type of event, as ObjectEvent")]
Word = Annotated[str, PathParameter(description="a word of the Core Business Vocabulary")]
Epc = Annotated[str, PathParameter(description="`urn:voltrail:battery:CODE`, or an EPC URN")]
EventId = Annotated[str, PathParameter(description="an eventID without slashes")]
CaptureId = Annotated[str, PathParameter(description="the id of a capture job")]


# ----------------------------------------------------------------------- capture


@post(
    "/epcis/capture",
    sync_to_thread=True,
    status_code=202,
    request_max_body_size=MAX_CAPTURE_BYTES,
    summary="Capture EPCIS events",
)
def capture(request: Asked, body: RawBody) -> Response[bytes]:
    """
    Take a document of EPCIS 2.0 in JSON with a token of the scope `report`; `Location` is the capture job.

    `GS1-Capture-Error-Behaviour: rollback` (else) takes all events or none, `proceed` those that hold.
    """
    person = _reporting(request)
    behaviour = _behaviour(request)
    rows = _rows(request, person, body)
    registry = registry_of(request)
    job = captures.begin(registry.database, person.organisation, behaviour, len(rows))
    errors = [_problem(one, row) for row in rows for one in row.troubles]
    lines = [row.line for row in rows if row.line is not None]
    taken, report = 0, None
    try:
        if lines and not (errors and behaviour == "rollback"):
            taken, report, refused = _take(request, person, rows, lines, behaviour)
            errors += refused
    except VoltrailError as error:
        if status_of(error) >= 500:  # not for the sender to mend
            captures.finish(registry.database, job, 0, None, [problem(error, status_of(error))])
            raise
        errors.append(_of_line(error.as_json()["error"], rows, _numbers(rows)))
    captures.finish(registry.database, job, taken, report, errors)
    return _answer(b"", 202, {"Location": f"/epcis/capture/{job}"})


# Of two handlers of one address Litestar registers the first twice, and then no longer waits for its thread:
# so these two wait themselves.
@get("/epcis/capture", summary="My capture jobs")
async def capture_jobs(request: Asked, per_page: PerPage = PAGE, token: Token = None) -> Response[bytes]:
    """Return the capture jobs of an organisation, the last first; the last 1,000 are kept."""
    return await sync_to_thread(_listed, request, per_page, token)


def _listed(request: Asked, per_page: int, token: str | None) -> Response[bytes]:
    registry, person = registry_of(request), reading(request)
    found = captures.listed(registry.database, person.organisation, per_page + 1, token)
    following = found[per_page - 1].id if len(found) > per_page else None
    told = [_job(one, None) for one in found[:per_page]]
    return _answer(msgspec.json.encode(told), 200, _link(request, following))


@get("/epcis/capture/{capture_id:str}", sync_to_thread=True, summary="One capture job")
def capture_job(request: Asked, capture_id: CaptureId) -> Response[bytes]:
    """Return what became of a document: whether all of it is on record, what is wrong, and the receipt."""
    registry, person = registry_of(request), reading(request)
    found = captures.read(registry.database, person.organisation, capture_id)
    receipt = None
    if found.report is not None:
        digest = bytes.fromhex(found.report)
        receipt, _ = read_report(registry.database, person.organisation, digest, registry.logs)
    return _answer(msgspec.json.encode(_job(found, receipt)), 200)


@post(
    "/epcis/events",
    sync_to_thread=True,
    status_code=201,
    request_max_body_size=MAX_CAPTURE_BYTES,
    summary="Capture one EPCIS event",
)
def add_event(request: Asked, body: RawBody) -> Response[bytes]:
    """
    Take one event of EPCIS 2.0 with its `@context`, with a token of the scope `report`.

    `Location` is the event; sent again, it is the same. What is refused is told at once.
    """
    person = _reporting(request)
    rows = _rows(request, person, body)
    if len(rows) != 1:
        raise EventError(
            "epcis.document", f"Here {len(rows)} events were sent, not one.", "Send them to /epcis/capture."
        )
    row = rows[0]
    if row.line is None:
        first = row.troubles[0]
        raise EventError(first.rule, f"{first.path}: {first.message}", first.fix, source=row.source)
    receipt = msgspec.json.decode(taken_from(request, person, row.line + b"\n", "all"))
    index = receipt["known"][0]["index"] if receipt["known"] else receipt["first_index"]
    name = event_id(host_of(registry_of(request)), index)
    return _answer(b"", 201, {"Location": f"/epcis/events/{name}"})


def _reporting(request: Asked) -> Person:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _TAKEN:
        raise UsageError(
            "request.content_type",
            f"EPCIS cannot be read from the content type {media_type[:80] or '(none)'!r}.",
            "Send JSON, with the header Content-Type: application/ld+json",
        )
    person = may_report(request)
    if person is None:
        raise plain_lines()
    return person


def _behaviour(request: Asked) -> str:
    said = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    if said not in {"rollback", "proceed"}:
        raise UsageError(
            "epcis.parameter",
            f"GS1-Capture-Error-Behaviour is {said[:40]!r}.",
            "Use rollback (all events or none) or proceed (those that hold).",
        )
    return said


def _rows(request: Asked, person: Person, body: bytes) -> list[Row]:
    """Return what each event of a body is; raise for a body of which nothing can be taken."""
    registry = registry_of(request)
    document = read_document(body)
    if document.whole:
        first = document.whole[0]
        raise EventError("epcis.document", f"{first.path}: {first.message}", first.fix, source=SOURCE)
    if len(document.events) > MAX_CAPTURE_EVENTS:
        raise EventError(
            "epcis.too_large",
            f"The document has {len(document.events):,} events; {MAX_CAPTURE_EVENTS:,} are taken at once.",
            "Send several documents.",
        )
    return lines_of_document(document, importing(registry, person.organisation, host_of(registry)))


class _Refused(msgspec.Struct):
    line: int
    rule: str
    message: str
    fix: str = ""


class _Receipt(msgspec.Struct):
    report: str
    accepted: list[int]
    known: list[dict[str, int]]
    refused: list[_Refused]


def _take(
    request: Asked, person: Person, rows: Sequence[Row], lines: Sequence[bytes], behaviour: str
) -> tuple[int, str | None, list[dict[str, Any]]]:
    """Return how many events are on record now, under which report, and what was refused."""
    content = b"\n".join(lines) + b"\n"
    given = taken_from(request, person, content, "all" if behaviour == "rollback" else "valid")
    receipt = msgspec.json.decode(given, type=_Receipt)
    numbers = _numbers(rows)
    refused = [
        _of_line(
            {"rule": one.rule, "message": one.message, "fix": one.fix, "line": one.line + 1}, rows, numbers
        )
        for one in receipt.refused
    ]
    taken = len(receipt.accepted)
    return taken + len(receipt.known), receipt.report if taken else None, refused


def _numbers(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.line is not None]


def _of_line(error: dict[str, Any], rows: Sequence[Row], sent: Sequence[Row]) -> dict[str, Any]:
    """Return why a line was refused, as a problem of the event that it came from."""
    line = error.get("line")
    row = sent[line - 1] if isinstance(line, int) and 0 < line <= len(sent) else (rows[0] if rows else None)
    path = row.path if row is not None and line is not None else "$"
    number = row.number if row is not None and line is not None else None
    return _problem(Trouble(path, error["rule"], error["message"], error.get("fix") or "", number))


def _problem(trouble: Trouble, row: Row | None = None) -> dict[str, Any]:
    source = None if row is None else row.source
    error = EventError(trouble.rule, trouble.message, trouble.fix, trouble.event, source)
    return {**problem(error, 400), "path": trouble.path}


def _job(found: captures.Capture, receipt: bytes | None) -> dict[str, Any]:
    """Return a job as the standard has it, with how many events it had and took; its receipt, where asked."""
    job: dict[str, Any] = {
        "captureID": found.id,
        "createdAt": found.created_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "running": False,
        "success": found.success and found.finished_at is not None,
        "captureErrorBehaviour": found.behaviour,
        "errors": found.errors,
        "voltrail:events": found.events,
        "voltrail:taken": found.taken,
    }
    if found.finished_at is not None:
        job["finishedAt"] = found.finished_at.astimezone(UTC).isoformat(timespec="milliseconds")
    elif not found.errors:
        job["errors"] = [problem(_STOPPED, 500)]
    if receipt is not None:
        job["voltrail:receipt"] = msgspec.Raw(receipt)
    return job


_STOPPED: Final = VoltrailError(
    "epcis.stopped",
    "The server stopped while it took this document, or still takes it.",
    "Ask again in a minute; else send the document again: nothing is reported twice.",
)


# ------------------------------------------------------------------------- query


@get("/epcis/events", summary="Query EPCIS events")
async def events(request: Asked, per_page: PerPage = PAGE, token: Token = None) -> Response[bytes]:
    """
    Return events as an EPCISQueryDocument, the last in the log first: those of the batteries that
    `MATCH_anyEPC` or `MATCH_epc` names; without them, for who is signed in, those of the own organisation.

    Further parameters of EPCIS 2.0 narrow them: `eventType`, `GE_eventTime`, `EQ_bizStep` and others.
    """
    return await sync_to_thread(_queried, request, {}, per_page, token)


@get("/epcis/events/{event_name:str}", sync_to_thread=True, summary="One EPCIS event")
def event(request: Asked, event_name: EventId) -> Response[bytes]:
    """Return the event with this eventID, and what declares it wrong, as an EPCISQueryDocument."""
    registry, reader = registry_of(request), reader_of(request)
    index = index_in(event_name)
    if index is not None:
        found = at_index(registry, index, reader)
    elif reader.organisation is not None:
        found = of_organisation(registry, reader.organisation, reader)
    else:
        found = Found(iter(()))
    query = Query({} if index is not None else {"EQ_eventID": (event_name,)})
    kept = [seen for seen in found.events if _fits(seen, query, host_of(registry))]
    if not kept:
        raise NotFound(
            "epcis.event_unknown",
            "There is no such event, or it is not among the last that your organisation reported.",
            "Ask for the events of its battery: /epcis/events?MATCH_anyEPC=urn:voltrail:battery:CODE",
        )
    return _document(request, kept, {})


@get("/epcis/eventTypes", sync_to_thread=False, summary="Types of EPCIS events")
def event_types(request: Asked) -> Response[bytes]:
    """Return the types of event that the record gives."""
    _check_form(request)
    told = {"@context": CONTEXT, "type": "Collection", "member": sorted(MEMBERS)}
    return _answer(msgspec.json.encode(told), 200)


@get("/epcis/eventTypes/{event_type:str}/events", sync_to_thread=True, summary="EPCIS events of a type")
def events_of_type(
    request: Asked, event_type: EventType, per_page: PerPage = PAGE, token: Token = None
) -> Response[bytes]:
    """Return events of a type; else as `GET /epcis/events`."""
    return _queried(request, {"eventType": event_type}, per_page, token)


@get("/epcis/epcs/{epc:str}/events", sync_to_thread=True, summary="EPCIS events of a battery")
def events_of_epc(request: Asked, epc: Epc, per_page: PerPage = PAGE, token: Token = None) -> Response[bytes]:
    """Return the events of a battery; else as `GET /epcis/events`."""
    return _queried(request, {"MATCH_anyEPC": epc}, per_page, token)


@get("/epcis/bizSteps/{biz_step:str}/events", sync_to_thread=True, summary="EPCIS events of a step")
def events_of_step(
    request: Asked, biz_step: Word, per_page: PerPage = PAGE, token: Token = None
) -> Response[bytes]:
    """Return events of a business step; else as `GET /epcis/events`."""
    return _queried(request, {"EQ_bizStep": biz_step}, per_page, token)


@get(
    "/epcis/dispositions/{disposition:str}/events", sync_to_thread=True, summary="EPCIS events by disposition"
)
def events_of_disposition(
    request: Asked, disposition: Word, per_page: PerPage = PAGE, token: Token = None
) -> Response[bytes]:
    """Return events that left their batteries in a disposition; else as `GET /epcis/events`."""
    return _queried(request, {"EQ_disposition": disposition}, per_page, token)


def _queried(request: Asked, given: dict[str, str], per_page: int, token: str | None) -> Response[bytes]:
    """Answer a query: the parameters of the address and of its path, from where the page before ended."""
    _check_form(request)
    registry, reader = registry_of(request), reader_of(request)
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in _PAGING]
    query = read_query([*asked, *given.items()], reader.organisation or "")
    found = _candidates(request, query, reader, _token(token))
    wanted = min(per_page, query.limit or per_page)
    kept: list[Seen] = []
    following = found.end
    for seen in found.events:
        if len(kept) == wanted:
            following = kept[-1].event.index
            break
        if _fits(seen, query, host_of(registry)):
            kept.append(seen)
    link = None if following is None or len(kept) == query.limit else str(following)
    return _document(request, kept, _link(request, link))


def _candidates(request: Asked, query: Query, reader: Reader, before: int | None) -> Found:
    """Return the events among which a query looks; never the whole record."""
    registry, codes = registry_of(request), query.batteries
    if len(codes) > MAX_BATTERIES:
        raise UsageError(
            "epcis.query",
            f"The query names {len(codes)} batteries; {MAX_BATTERIES} are the most.",
            "Ask again.",
        )
    if codes:
        return of_batteries(registry, codes, reader, before)
    if reader.organisation is None:
        raise UsageError(
            "epcis.query",
            "A query for everybody's events names batteries.",
            "Add MATCH_anyEPC=urn:voltrail:battery:CODE, or sign in: then without it you are given what your"
            " organisation reported.",
        )
    return of_organisation(registry, reader.organisation, reader, before)


def _fits(seen: Seen, query: Query, host: str) -> bool:
    """Return whether an event is asked for, by what the reader may see of it."""
    shown = written_event(seen.event, host, lambda _: seen.hidden)
    return shown is not None and query.fits(shown, seen.event.received_ms)


def _document(request: Asked, kept: Sequence[Seen], headers: dict[str, str]) -> Response[bytes]:
    registry = registry_of(request)
    hidden = {seen.event.index: seen.hidden for seen in kept}
    pieces = write_query_document(
        (seen.event for seen in kept),
        host_of(registry),
        stands_on(registry, datetime.now(UTC)),
        lambda event: hidden.get(event.index, frozenset()),
    )
    return _answer(b"".join(pieces), 200, headers)


_PAGING: Final = frozenset({"perPage", "nextPageToken"})


def _token(token: str | None) -> int | None:
    if token is None:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= 18):
        raise UsageError(
            "epcis.token", "This nextPageToken is none of ours.", "Take the address in the header Link."
        )
    return int(token)


def _link(request: Asked, following: str | None) -> dict[str, str]:
    """Return the header that leads to the next page, where there is one."""
    if following is None:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
    address = f"{request.url.path}?{urlencode([*query, ('nextPageToken', following)])}"
    return {"Link": f'<{address}>; rel="next"'}


def _check_form(request: Asked) -> None:
    """Refuse who takes XML alone."""
    accepted = request.headers.get("accept", "").lower()
    if "xml" in accepted and not any(one in accepted for one in ("json", "*/*", "application/*", "html")):
        raise UsageError(
            "epcis.form", "EPCIS is given as JSON here, not as XML.", "Accept application/ld+json."
        )


def _answer(content: bytes, status: int, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        content,
        status_code=status,
        media_type="application/json",
        headers={**NEGOTIATED, **(headers or {})},
    )


ROUTES: Final = (  # of one address the GET comes first
    capture_jobs,
    capture,
    capture_job,
    events,
    add_event,
    event,
    event_types,
    events_of_type,
    events_of_epc,
    events_of_step,
    events_of_disposition,
)
