"""/b/{code}/decision, /workspace/decisions: what should become of retired batteries; to put it on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Stream

from voltrail.accounts import Person
from voltrail.api.access import check_form, may_report, person_of, reader_of, signed_in
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.batteries import After, CodeText
from voltrail.api.failures import status_of
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import MAX_FORM_BYTES, Form, field
from voltrail.api.steps import ASSESSING, line_of
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import ON_PAGE, reading
from voltrail.codes import parse
from voltrail.errors import EventError, Refusal, VoltrailError
from voltrail.events.table import KINDS
from voltrail.health.decision import Decision
from voltrail.health.facts import Facts
from voltrail.ledger.reports import split_lines
from voltrail.organisations.access import Reader
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.decisions import WAITING
from voltrail.registry.holdings import holding_of
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web import decision as words
from voltrail.web.outcome import read_receipt
from voltrail.web.sheets import Column, Row, Sheet
from voltrail.web.statements import read_lines

_FIELDS: Final = (*(ask.name for ask in ASSESSING), "when", "scanned_at")
_ASSESSED: Final = "assessed"

_DECISIONS: Final = (
    Column("code", heading="Code"),
    Column("model_id", heading="Model"),
    Column("suggestion", "name", "What should become of it"),
    Column("best", "name", "On what is known now"),
    Column("flip", "number", "Chance that it flips, at most"),
    Column("ahead", "number", "Worth more than the next by"),
    Column("ahead_low", "number", "at least (95 %)"),
    Column("ahead_high", "number", "at most (95 %)"),
    Column("currency", heading="Currency"),
    Column("test_worth", "number", "What a capacity test is worth"),
    Column("test_cost", "number", "What a capacity test costs"),
    Column("missing", "texts", "What is not known"),
)


@get("/b/{code:str}/decision", sync_to_thread=True, summary="What should become of a retired battery")
def decision_page(request: Asked, code: CodeText) -> Response[bytes]:
    """
    Return re-use, second life, recycling, or what is needed first; with gates, worths, doubt and reasons.

    For those who may see how worn the battery is: its holder, owner, who has a grant, authorities.
    """
    return _answer(request, code)


@get("/b/{code:str}/decision/sign", sync_to_thread=True, summary="A decision to be signed")
def sign_page(
    request: Asked,
    code: CodeText,
    decision: Annotated[str, QueryParameter(description="reuse, repurpose or recycle")] = "",
    reasons: Annotated[str, QueryParameter(description="why, a line for each reason")] = "",
    test: Annotated[
        str, QueryParameter(description="none, visual, electrical or capacity: what was done")
    ] = "",
    transport: Annotated[str, QueryParameter(description="what was seen: normal, damaged, critical")] = "",
    soh_low: Annotated[str, QueryParameter(description="state of health in percent, from")] = "",
    soh_high: Annotated[str, QueryParameter(description="state of health in percent, to")] = "",
    life_years_low: Annotated[str, QueryParameter(description="remaining life in years, from")] = "",
    life_years_high: Annotated[str, QueryParameter(description="remaining life in years, to")] = "",
    test_ordered: Annotated[str, QueryParameter(description="capacity: such a test was ordered")] = "",
    when: Annotated[str, QueryParameter(description="when it was decided, if not now")] = "",
) -> Response[bytes]:
    """Return the line of a decision, in words and as it is, for the browser or the host to sign."""
    person = signed_in(request)
    given = {
        "decision": decision,
        "reasons": reasons,
        "test": test,
        "transport": transport,
        "soh_low": soh_low,
        "soh_high": soh_high,
        "life_years_low": life_years_low,
        "life_years_high": life_years_high,
        "test_ordered": test_ordered,
        "when": when,
        "scanned_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = parse(code).text
    try:
        line = line_of(_ASSESSED, text, given, ASSESSING)
        (answer,) = registry_of(request).check(person.organisation, [line.rstrip(b"\n")], "public")
        if not answer["allowed"]:
            refused = msgspec.convert(answer, Refusal)
            raise EventError(refused.rule, refused.message, refused.fix, source=refused.source)
    except VoltrailError as error:
        return _answer(request, code, given, error)
    return as_page(
        page_for(request),
        "decision_sign",
        code=text,
        lines=read_lines(split_lines(line)),
        origin=registry_of(request).origin,
        signer=person.organisation,
        signs=signs(request),
        given=given,
    )


@post(
    "/b/{code:str}/decision/report",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Put a decision on record",
)
def report_decision(request: Asked, code: CodeText, data: Form) -> Response[Any]:
    """
    Take the fields of the page before, `scanned_at` and `csrf`; the host signs the line.

    Sent twice, it is the same line and reported once.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    given = {name: field(data, name) for name in _FIELDS}
    text = parse(code).text
    try:
        line = line_of(_ASSESSED, text, given, ASSESSING)
        may_report(request, field(data, "csrf"))
        outcome = read_receipt(taken_from(request, person, line, "valid"), split_lines(line))
        if outcome.counts["refused"]:
            said = outcome.rows[0].said[0]
            raise EventError(said.rule, said.message, said.fix, source=said.source)
    except VoltrailError as error:
        if status_of(error) >= 500:
            raise
        return _answer(request, code, given, error)
    return Redirect(page_for(request).link(f"/b/{text}/decision"), status_code=303)


@get("/workspace/decisions", sync_to_thread=True, summary="My retired batteries that wait for a decision")
def decisions(request: Asked, after: After = None) -> Response[bytes]:
    """Return an organisation's retired batteries that wait for a decision, and what should become of each."""
    registry = registry_of(request)
    reading(request)
    left = registry.holdings.follow()
    found, following = registry.decisions.waiting(reader_of(request), ON_PAGE, _today(), after)
    if not wants_page(request):
        told = [words.told(decision) for _, decision in found]
        return as_json({"decisions": told, "next": following, "entries_behind": left})
    return as_page(
        page_for(request),
        "work_decisions",
        found=found,
        following=following,
        after=after,
        words=words,
        left=left,
    )


@taken("/workspace/decisions", summary="My retired batteries that wait for a decision, as a file")
def decisions_file(request: Asked) -> Stream:
    """Return all of an organisation's retired batteries that wait, with what should become of each."""
    registry, mine, reader = registry_of(request), reading(request).organisation, reader_of(request)
    query, values = holding_of(mine, WAITING)
    registry.holdings.follow_all()

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        def runs() -> Iterator[list[Row]]:
            for run in snapshot.rows(query, values):
                codes = [str(row[0]) for row in run]
                weighed = registry.decisions.all_of(snapshot.connection, codes, _today(), reader)
                yield [_row(page, *one) for one in weighed if one is not None and one[0].waits]

        title = page.say("My retired batteries that wait for a decision")
        return Sheet("decisions", title, _DECISIONS, runs(), stands="followed")

    return take_away(request, making)


def _row(page: Page, facts: Facts, decision: Decision) -> Row:
    ahead, test = decision.ahead, decision.test
    return (
        facts.code,
        facts.model_id,
        decision.outcome,
        decision.best,
        decision.flip,
        ahead.mean if ahead else None,
        ahead.low if ahead else None,
        ahead.high if ahead else None,
        decision.currency or None,
        test.worth if test else None,
        test.cost if test else None,
        words.missing(page, decision) or None,
    )


def _answer(
    request: Asked, code: str, given: dict[str, str] | None = None, error: VoltrailError | None = None
) -> Response[bytes]:
    """Return the decision on a battery; with what was filled in wrongly, if anything was."""
    tell_programs(request, error)
    registry, reader = registry_of(request), reader_of(request)
    facts, decision = registry.decisions.of(code, _today(), reader)
    if not wants_page(request):
        return as_json(words.told(decision))
    page, last = page_for(request), facts.decided
    page.path = f"/b/{facts.code}/decision"
    return as_page(
        page,
        "decision",
        200 if error is None else status_of(error),
        facts=facts,
        decision=decision,
        words=words,
        bars=words.bars(decision.options),
        reporters=registry.names([last.reporter] if last is not None and last.reporter else []),
        decides=_decides(request, reader) and facts.is_retired and facts.end is None,
        asks=ASSESSING,
        given=given if given is not None else words.proposed(page, decision),
        error=error,
    )


def _decides(request: Asked, reader: Reader) -> bool:
    """Return whether who is signed in by a browser may report what becomes of batteries."""
    person = person_of(request)
    if not isinstance(person, Person) or person.digest is None or "report" not in person.scopes:
        return False
    return not registry_of(request).roles_of(reader.organisation).isdisjoint(KINDS[_ASSESSED].roles)


def _today() -> date:
    return datetime.now(CHINA).date()


ROUTES: Final = (decision_page, sign_page, report_decision, decisions, *decisions_file)
