"""/scan: from the label on a battery to its next event, by camera, by photograph, or by typing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import (
    check_form,
    cookie_secret,
    keep_cookie,
    may_report,
    person_of,
    reader_of,
    signed_in,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.batteries import search
from voltrail.api.failures import status_of
from voltrail.api.labels import label_host
from voltrail.api.links import read_scanned
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.steps import line_of, next_steps, sites_for
from voltrail.codes import is_code, parse, tidy
from voltrail.codes.scanned import MAX_PHOTO_BYTES, Scanned, read_label, read_photo
from voltrail.errors import CodeError, NotFound, UnknownBattery, UsageError, VoltrailError
from voltrail.ledger.reports import split_lines
from voltrail.registry.holdings import Wanted
from voltrail.registry.sent import read_report
from voltrail.web.outcome import Outcome, read_receipt
from voltrail.web.reading import read_out, title

MOST_FOUND: Final = 12
SHORTEST_PART: Final = 3

Text = Annotated[str | None, QueryParameter(max_length=1_000, description="what a label says")]
Typed = Annotated[str | None, QueryParameter(max_length=100, description="any part of a code that reads")]

Reported = Annotated[
    str | None, QueryParameter(max_length=64, description="the digest of a report of mine, just sent")
]

_photos: Final = BoundedSemaphore(2)  # each may take a core for a second, and two hundred megabytes


@get("/scan", sync_to_thread=True, summary="Scan a battery")
def scan_page(
    request: Asked, text: Text = None, part: Typed = None, report: Reported = None
) -> Response[Any]:
    """
    Return the page that reads labels. With `text`, what a label says: its battery, and what may come next.

    A label's text is the address on it, a code, or a GS1 Digital Link with one; `host` is whom it names. With
    `part`, the batteries whose codes have it: for a label that is cracked.
    """
    try:
        if text and text.strip():
            return _battery(request, read_scanned(request, text), _outcome(request, report))
        if part and part.strip():
            return _typed(request, part.strip())
    except CodeError as error:
        found = search(request, (text or "")[:100], MOST_FOUND)
        return _scanner(request, error=error, found=_batteries(found), part=part)
    return _scanner(request)


@post(
    "/scan/photo",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_PHOTO_BYTES + 65_536,
    summary="Read the label in a photograph",
)
def scan_photo(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take a form with `photo`: JPEG, PNG or WebP. Answers with what its symbols say, or with the battery.

    The photograph is read and forgotten. Browsers with scripts read it themselves.
    """
    given = data.get("photo")
    try:
        if not isinstance(given, UploadFile):
            raise UsageError("scan.photo", "There is no photograph.", "Choose one, then send it.")
        given.file.seek(0)
        content = given.file.read(MAX_PHOTO_BYTES + 1)
        with _photos:
            texts = read_photo(content)
        if not texts:
            raise UsageError(
                "scan.nothing",
                "No label reads in this photograph.",
                "Take another one, closer, sharp and in good light; or type a part of the code.",
            )
    except VoltrailError as error:
        tell_programs(request, error)
        return _scanner(request, error=error)
    if not wants_page(request):
        return as_json({"texts": texts})
    if len(texts) == 1:
        return Redirect(page_for(request).link("/scan", text=texts[0]), status_code=303)
    return _scanner(request, texts=texts)


@post(
    "/scan/report",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Report the next event of a battery",
)
def report_scanned(request: Asked, data: Form) -> Response[Any]:
    """
    Take `code`, `kind`, what that kind asks, `when` or `scanned_at`, and `csrf`; the host signs the line.

    Sent twice, it is the same line and reported once. With `do=file` nothing is reported: the line comes as a
    file, to be signed with a key.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    given = {name: field(data, name) for name in data}
    kind, outcome, error = given.get("kind", ""), None, None
    try:
        code = parse(given.get("code", "")).text
    except CodeError as wrong:
        tell_programs(request, wrong)
        return _scanner(request, error=wrong)
    try:
        line = line_of(kind, code, given)
        if given.get("do") == "file":
            headers = {"Content-Disposition": f'attachment; filename="{kind}.jsonl"'}
            return Response(line, media_type="application/jsonl", headers=headers)
        may_report(request, given.get("csrf"))
        receipt = taken_from(request, person, line, "valid")
        if not wants_page(request):
            return Response(receipt, media_type="application/json")
        outcome = read_receipt(receipt, split_lines(line))
    except VoltrailError as wrong:
        if status_of(wrong) >= 500:  # not for the sender to mend
            raise
        error = wrong
    tell_programs(request, error)
    response: Response[Any]
    if outcome is not None and outcome.first_index is not None:  # an address that can be loaded again
        response = Redirect(
            page_for(request).link("/scan", text=code, report=outcome.report), status_code=303
        )
    else:
        response = _battery(request, Scanned(code), outcome, error, given)
    if given.get("site", "").isascii():
        keep_cookie(request, response, "site", given.get("site", "").strip()[:64])
    return response


def _outcome(request: Asked, digest: str | None) -> Outcome | None:
    """Return what became of a report that was just sent from here; None where there is no such report."""
    person = person_of(request)
    if not digest or person is None or "read" not in person.scopes:
        return None
    registry = registry_of(request)
    with suppress(NotFound, ValueError):
        sent = bytes.fromhex(digest)
        return read_receipt(*read_report(registry.database, person.organisation, sent, registry.logs))
    return None


def _typed(request: Asked, part: str) -> Response[Any]:
    """Return the batteries whose codes have a part; a whole code leads to its battery."""
    plain = tidy(part)
    if is_code(plain):
        return _battery(request, Scanned(plain))
    found = _batteries(search(request, part, MOST_FOUND))
    person = person_of(request)
    if person is not None and "read" in person.scopes and len(plain) >= SHORTEST_PART:
        holdings = registry_of(request).holdings  # among one's own, any part of a code finds
        held, _ = holdings.page(person.organisation, Wanted(part=plain), MOST_FOUND, None)
        there = {one["code"] for one in found}
        mine = [one.code for one in held if one.code not in there]
        found += [{"code": one, "level": parse(one).level, "match": "part"} for one in mine]
    if not wants_page(request):
        return _told(found=found[:MOST_FOUND])
    return _scanner(request, found=found[:MOST_FOUND], part=part)


def _batteries(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in found if "code" in one]


def _battery(
    request: Asked,
    scanned: Scanned,
    outcome: Outcome | None = None,
    error: VoltrailError | None = None,
    given: dict[str, str] | None = None,
) -> Response[Any]:
    """Return what is known of a scanned battery and what may come next; or what became of a report."""
    registry, parsed = registry_of(request), parse(scanned.code)
    found: dict[str, Any] | None = None
    with suppress(UnknownBattery):
        found = registry.battery(parsed.text, reader=reader_of(request))
        found |= {"recalls": registry.recalls.of_battery(parsed.text)}
    person = person_of(request)
    reports = _reporter(person)
    done = outcome is not None and not outcome.counts["refused"]
    steps = next_steps(request, reports, parsed.text, found) if reports and not done else []
    elsewhere = scanned.host if scanned.host not in {None, label_host(request), _host(request)} else None
    if not wants_page(request):
        follow = [{"kind": one.kind, "asks": [ask.name for ask in one.asks]} for one in steps]
        return _told(scanned, found, follow)
    page = page_for(request)
    page.path = "/scan"
    page.query = [("text", parsed.text)]
    names = {found[name] for name in ("holder", "owner") if found and found.get(name)}
    sites = sites_for(request, reports) if reports and steps else []
    return as_page(
        page,
        "scan_battery",
        200 if error is None else status_of(error),
        code=parsed.text,
        title=title(parsed, page.language),
        parts=read_out(parsed, page.language),
        battery=found,
        names=registry.names(names),
        elsewhere=elsewhere,
        steps=steps,
        sites=sites,
        site=_site(request, sites, given),
        signs=signs(request),
        scanned_at=(given or {}).get("scanned_at") or datetime.now(UTC).isoformat(timespec="seconds"),
        given=given or {},
        outcome=outcome,
        error=error,
        reason=_reason(request, reports),
    )


def _reporter(person: Person | None) -> Person | None:
    """Return who is signed in by a browser, and may report."""
    if person is None or person.must_change or "report" not in person.scopes:
        return None
    return person


def _reason(request: Asked, person: Person | None) -> str:
    """Return the usual reason for taking a battery out: at a dismantler it is scrapping."""
    takes_apart = person is not None and registry_of(request).has_role(
        person.organisation, "vehicle_dismantler"
    )
    return "scrapping" if takes_apart else ""


def _site(request: Asked, sites: list[dict[str, Any]], given: dict[str, str] | None) -> str:
    """Return the site that a form begins with: the one before, or the only one there is."""
    if given and given.get("site"):
        return given["site"]
    kept = cookie_secret(request, "site")
    if kept and (not sites or any(one["site"] == kept for one in sites)):
        return kept
    return str(sites[0]["site"]) if len(sites) == 1 else ""


def _host(request: Asked) -> str:
    return urlsplit(str(request.base_url)).netloc


def _scanner(
    request: Asked,
    error: VoltrailError | None = None,
    found: list[dict[str, Any]] | None = None,
    part: str | None = None,
    texts: list[str] | None = None,
) -> Response[bytes]:
    """Return the page with the camera, and on it what was found or went wrong."""
    tell_programs(request, error)
    if not wants_page(request):
        return _told()
    page = page_for(request)
    page.path = "/scan"
    return as_page(
        page,
        "scan",
        200 if error is None else status_of(error),
        error=error,
        found=found,
        part=part or "",
        texts=[(one, _glimpse(one)) for one in texts or []],
    )


def _told(
    scanned: Scanned | None = None,
    battery: dict[str, Any] | None = None,
    following: Sequence[dict[str, Any]] = (),
    found: Sequence[dict[str, Any]] = (),
) -> Response[bytes]:
    """Return what programs are told: always the same members."""
    return as_json(
        {
            "code": scanned.code if scanned else None,
            "host": scanned.host if scanned else None,
            "battery": battery,
            "next": following,
            "found": found,
        }
    )


def _glimpse(text: str) -> Scanned | None:
    """Return what a scanned text leads to, if it does."""
    with suppress(CodeError):
        return read_label(text)
    return None


ROUTES: Final = (scan_page, scan_photo, report_scanned)
