"""/workspace: what an organisation has, what it has to do, what it sent; for who is signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import (
    check_form,
    check_right,
    may_report,
    person_of,
    signed_in,
    supplier_requests_of,
)
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.batteries import After, Before
from voltrail.api.failures import status_of
from voltrail.api.followed import read_followed
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import Form, field
from voltrail.codes import tidy
from voltrail.errors import UsageError, VoltrailError
from voltrail.ledger.reports import split_lines
from voltrail.lifecycle.state import PHASES
from voltrail.organisations.access import BATTERY, may_see
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.holdings import LEVELS, MAX_COUNTED, WHEREABOUTS, Held, Wanted, level_of
from voltrail.registry.sent import list_reports, read_report
from voltrail.registry.views import iso_ms
from voltrail.web.outcome import Outcome, read_receipt

ON_PAGE: Final = 50
REPORTS_LOOKED_AT: Final = 20  # the last, for what was refused and found in them
MAX_RECEIVE_BYTES: Final = 65_536

Place = Annotated[str | None, QueryParameter(description="only those in this place, such as in_stock")]
Phase = Annotated[str | None, QueryParameter(description="only those in this phase, such as waste")]
Level = Annotated[str | None, QueryParameter(description="pack, module or cell")]
ModelId = Annotated[str | None, QueryParameter(max_length=256, description="only batteries of this model")]
Findings = Annotated[bool, QueryParameter(description="only those with something that does not add up")]
Part = Annotated[str | None, QueryParameter(max_length=100, description="any part of a code")]
Sort = Annotated[str | None, QueryParameter(description="code, or last: the last event first")]
Digest = Annotated[str, PathParameter(description="the report's digest, in hex, as its receipt says")]


@get("/workspace", sync_to_thread=True, summary="My work")
def work(request: Asked) -> Response[Any]:
    """Return how many batteries an organisation has, by place and phase, and what it has to do."""
    registry, person = registry_of(request), reading(request)
    if wants_page(request) and person.organisation in registry.authorities:
        return Redirect(page_for(request).link("/authority"), status_code=303)
    left = registry.holdings.follow()
    mine = person.organisation
    counts = registry.holdings.counts(mine)
    reports, _ = list_reports(registry.database, mine, REPORTS_LOOKED_AT)
    waiting, overdue = supplier_requests_of(request).counts(mine, datetime.now(CHINA).date())
    todo = {
        "incoming": registry.holdings.count_incoming(mine),
        "refused": sum(one.refused or 0 for one in reports),
        "found": registry.holdings.count(mine, Wanted(findings=True)),
        "recalled": sum(one.batteries for one in registry.recalls.notices_for(mine)),
        "answers": waiting,
        "overdue": overdue,
        "platform": sum(one.refused for one in registry.platform.counts(mine)),
    }
    if not wants_page(request):
        told = [{"place": place, "phase": phase, "batteries": number} for place, phase, number in counts]
        return as_json({"organisation": mine, "batteries": told, "todo": todo, "entries_behind": left})
    return as_page(
        page_for(request),
        "work",
        name=registry.names([mine]).get(mine),
        counts={(place, phase): number for place, phase, number in counts},
        places=[place for place in WHEREABOUTS if any(row[0] == place for row in counts)],
        phases=[phase for phase in PHASES if any(row[1] == phase for row in counts)],
        todo=todo,
        reports=[_told(report) for report in reports[:5]],
        looked_at=REPORTS_LOOKED_AT,
        followed=read_followed(request, person),
        month=_this_month(),
        left=left,
        webhooks_off=any(one.state == "off" for one in registry.webhooks.of(mine)),
    )


@get("/workspace/batteries", sync_to_thread=True, summary="My batteries")
def batteries(
    request: Asked,
    place: Place = None,
    phase: Phase = None,
    level: Level = None,
    model: ModelId = None,
    findings: Findings = False,
    q: Part = None,
    sort: Sort = None,
    after: After = None,
) -> Response[bytes]:
    """Return an organisation's batteries, narrowed and sorted; `next` is the `after` of the next page."""
    holdings, person = registry_of(request).holdings, reading(request)
    wanted = wanted_of(place, phase, level, model, findings, q, sort)
    left = holdings.follow()
    found, following = holdings.page(person.organisation, wanted, ON_PAGE, after)
    if not wants_page(request):
        told = [_shown(one) for one in found]
        return as_json({"batteries": told, "next": following, "entries_behind": left})
    filters = msgspec.structs.asdict(wanted) | {"findings": int(wanted.findings) or None}
    filters["sort"] = None if wanted.sort == "code" else wanted.sort
    filters["q"] = filters.pop("part")
    return as_page(
        page_for(request),
        "work_batteries",
        found=[_shown(one) for one in found],
        following=following,
        after=after,
        count=len(found) if following is None and not after else holdings.count(person.organisation, wanted),
        most=None if wanted.is_kept else MAX_COUNTED,
        filters=filters,
        wanted=wanted,
        places=WHEREABOUTS,
        phases=PHASES,
        levels=tuple(LEVELS),
        left=left,
    )


@get("/workspace/incoming", sync_to_thread=True, summary="What is on the way to me")
def incoming(request: Asked, after: After = None) -> Response[bytes]:
    """Return what was shipped or handed over to an organisation and not received: since when, from whom."""
    return _incoming(request, reading(request), after, None)


@post(
    "/workspace/incoming/receive",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_RECEIVE_BYTES,
    summary="Receive what is on the way to me",
)
def receive(request: Asked, data: Form) -> Response[bytes]:
    """
    Take `code` (one or several), `site` and `csrf`; each is reported as received now. Answers with the page.

    With `do=file` nothing is reported: the lines come as a file, to be signed with a key.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    try:
        lines = _received(request, person, data)
        if field(data, "do") == "file":
            return Response(
                lines,
                media_type="application/jsonl",
                headers={"Content-Disposition": 'attachment; filename="received.jsonl"'},
            )
        may_report(request, field(data, "csrf"))
        outcome = read_receipt(taken_from(request, person, lines, "valid"), split_lines(lines))
    except VoltrailError as error:
        if status_of(error) >= 500:  # not for the sender to mend
            raise
        return _incoming(request, person, None, None, error)
    return _incoming(request, person, None, outcome)


@get("/workspace/reports", sync_to_thread=True, summary="What I sent")
def reports(request: Asked, before: Before = None) -> Response[bytes]:
    """Return an organisation's reports, the last first, with how many lines came to which end."""
    registry, person = registry_of(request), reading(request)
    found, following = list_reports(registry.database, person.organisation, ON_PAGE, before)
    told = [_told(report) for report in found]
    if not wants_page(request):
        return as_json({"reports": told, "next": following})
    return as_page(page_for(request), "work_reports", reports=told, following=following, before=before)


@get("/workspace/reports/{digest:str}", sync_to_thread=True, summary="One report that I sent")
def report(request: Asked, digest: Digest) -> Response[bytes]:
    """Return what became of each line of a report that an organisation sent: the page, or the receipt."""
    registry, person = registry_of(request), reading(request)
    receipt, lines = read_report(registry.database, person.organisation, digest_of(digest), registry.logs)
    if not wants_page(request):
        return Response(receipt, media_type="application/json")
    return as_page(page_for(request), "work_report", outcome=read_receipt(receipt, lines))


@get("/workspace/discrepancies", sync_to_thread=True, summary="What does not add up")
def discrepancies(request: Asked, after: After = None) -> Response[bytes]:
    """Return an organisation's batteries with open findings, and its last reports with findings."""
    registry, person = registry_of(request), reading(request)
    left = registry.holdings.follow()
    found, following = registry.holdings.page(person.organisation, Wanted(findings=True), ON_PAGE, after)
    sent, _ = list_reports(registry.database, person.organisation, REPORTS_LOOKED_AT)
    told = [_told(one) for one in sent if one.found or one.refused]
    if not wants_page(request):
        return as_json({"batteries": [_shown(one) for one in found], "next": following, "reports": told})
    return as_page(
        page_for(request),
        "work_discrepancies",
        found=[_shown(one) for one in found],
        following=following,
        after=after,
        count=registry.holdings.count(person.organisation, Wanted(findings=True)),
        reports=told,
        looked_at=REPORTS_LOOKED_AT,
        left=left,
    )


def _this_month() -> tuple[str, str]:
    """Return the first day of this month and today, in China's zone."""
    today = datetime.now(CHINA).date()
    return today.replace(day=1).isoformat(), today.isoformat()


def reading(request: Asked) -> Person:
    """Return who reads for an organisation: a session, or a token that may. Raises AccessError otherwise."""
    person = person_of(request)
    if person is None or person.digest is not None:
        return signed_in(request)
    check_right(person, "read")
    return person


def sees(attribute: str) -> bool:
    """
    Return whether an organisation sees an attribute of what it holds, or of what is on the way to it.

    The one place that says as whom: as the table gives it to a holder.
    """
    return may_see("holder", BATTERY, attribute)


def _shown(held: Held) -> dict[str, Any]:
    """Return what an organisation sees of one of its batteries."""
    told: dict[str, Any] = {
        "code": held.code,
        "level": level_of(held),
        "model_id": held.model,
        "phase": held.phase,
    }
    if sees("place"):
        told |= {"place": held.place, "since": _iso(held.since)}
    if sees("holder"):
        told |= {"holder": held.holder, "bound_for": held.bound_for}
    return told | {"last_event_at": _iso(held.latest), "findings": held.findings}


def _told(report: Any) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.structs.asdict(report)
    return told | {"received_at": iso_ms(told.pop("received_ms"))}


def wanted_of(
    place: str | None,
    phase: str | None,
    level: str | None,
    model: str | None,
    findings: bool,
    part: str | None,
    sort: str | None,
) -> Wanted:
    """Return what a list was asked for; an empty field of a form asks for nothing."""
    wanted = Wanted(
        place or None, phase or None, level or None, model or None, findings, tidy(part or "") or None,
        sort or "code",
    )  # fmt: skip
    wanted.check()
    return wanted


def _incoming(
    request: Asked,
    person: Person,
    after: str | None,
    outcome: Outcome | None,
    error: VoltrailError | None = None,
) -> Response[bytes]:
    registry = registry_of(request)
    left = registry.holdings.follow()
    found, following = registry.holdings.incoming(person.organisation, ON_PAGE, after)
    told = [_shown(one) for one in found]
    if not wants_page(request):
        return as_json({"batteries": told, "next": following, "entries_behind": left})
    page = page_for(request)
    page.path = "/workspace/incoming"  # also after the form, whose address cannot be asked for again
    return as_page(
        page,
        "work_incoming",
        200 if error is None else status_of(error),
        found=told,
        following=following,
        after=after,
        count=registry.holdings.count_incoming(person.organisation),
        names=registry.names(filter(None, {one.get("holder") for one in told})),
        signs=signs(request),
        outcome=outcome,
        error=error,
        left=left,
    )


def _received(request: Asked, person: Person, data: dict[str, Any]) -> bytes:
    """Return the lines that say of chosen batteries, on the way to an organisation, that it received them."""
    given = data.get("code", [])
    chosen = {str(one) for one in ([given] if isinstance(given, str) else given)}
    if not chosen:
        raise UsageError("report.nothing_chosen", "No battery was chosen.", "Tick those that arrived.")
    site, now = field(data, "site").strip(), datetime.now(UTC).isoformat(timespec="seconds")
    holdings = registry_of(request).holdings
    holdings.follow()  # so that what was received since the page was made is not received again
    held = holdings.bound(person.organisation, chosen)
    if len(held) < len(chosen):
        raise UsageError(
            "report.not_incoming",
            "Of the batteries that were chosen, some are not on the way to you any more.",
            "Look at the list again.",
        )
    return b"".join(
        msgspec.json.encode(
            {"kind": "received", "occurred_at": now, "code": one.code, "from": one.holder}
            | ({"site": site} if site else {})
        )
        + b"\n"
        for one in held
    )


def digest_of(digest: str) -> bytes:
    """Return a digest from hex; one that is none is of no report."""
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(CHINA).isoformat()


ROUTES: Final = (
    work, batteries, incoming, receive, reports, report, discrepancies,
)  # fmt: skip
