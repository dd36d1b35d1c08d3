"""What a workspace lists, as files: batteries, what is on the way, reports and their lines, events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from operator import itemgetter
from typing import Annotated, Any, Final

from litestar.params import QueryParameter
from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, registry_of
from voltrail.api.take_away import hidden_by, take_away, taken
from voltrail.api.work import (
    Digest,
    Findings,
    Level,
    ModelId,
    Part,
    Phase,
    Place,
    Sort,
    digest_of,
    reading,
    sees,
    wanted_of,
)
from voltrail.errors import NotFound, UsageError
from voltrail.organisations.access import Sight
from voltrail.regimes import Rules
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.holdings import Wanted, holding_of, level_by_letter
from voltrail.registry.sent import all_reports, report_in, sent_events
from voltrail.registry.snapshot import Snapshot
from voltrail.registry.submissions import kinds_submitted, under_rule
from voltrail.web import Page
from voltrail.web.outcome import Ended, end_of_lines
from voltrail.web.sheets import EVENT_TYPES, Column, InLog, Row, Sheet
from voltrail.web.sheets.events import event_columns, event_row

MOST_DAYS: Final = 366 * 3  # of events in one file

From = Annotated[str, QueryParameter(name="from", description="the first day, as 2026-05-01; in UTC+8")]
OfRule = Annotated[
    str | None,
    QueryParameter(max_length=64, description="only those that meet this deadline, as they count now"),
]
Until = Annotated[str, QueryParameter(description="the last day, as 2026-05-31; in UTC+8")]

_HELD: Final = (
    Column("code", heading="Code"),
    Column("level", "name", "Level"),
    Column("model_id", heading="Model"),
    Column("place", "name", "Place"),
    Column("phase", "name", "Phase"),
    Column("since", "time", "Since"),
    Column("last_event_at", "time", "Last event"),
    Column("findings", "integer", "Findings"),
    Column("holder", heading="Holder"),
    Column("bound_for", heading="On the way to"),
)
_REPORTS: Final = (
    Column("report", heading="Report"),
    Column("received_at", "time", "Taken in at"),
    Column("first_index", "integer", "First entry"),
    Column("lines", "integer", "Lines"),
    Column("accepted", "integer", "Taken"),
    Column("found", "integer", "With findings"),
    Column("known", "integer", "Known before"),
    Column("refused", "integer", "Refused"),
)
_LINES: Final = (
    Column("number", "integer", "Line"),
    Column("outcome", "name", "What became of it"),
    Column("index", "integer", "Entry"),
    Column("kind", "kind", "Event"),
    Column("occurred_at", "time", "Occurred at"),
    Column("code", heading="Code"),
    Column("rules", "texts", "Rules"),
    Column("messages", "texts", "Why"),
    Column("fixes", "texts", "What to do"),
    Column("text", heading="As it was sent"),
)


@taken("/workspace/batteries", summary="My batteries, as a file")
def batteries_file(
    request: Asked,
    place: Place = None,
    phase: Phase = None,
    level: Level = None,
    model: ModelId = None,
    findings: Findings = False,
    q: Part = None,
    sort: Sort = None,
) -> Stream:
    """Return all batteries of such a list as a file: CSV, a workbook, Parquet."""
    person = reading(request)
    return _held(request, person.organisation, wanted_of(place, phase, level, model, findings, q, sort))


@taken("/workspace/incoming", summary="What is on the way to me, as a file")
def incoming_file(request: Asked) -> Stream:
    """Return all batteries that were shipped or handed over to an organisation and not received."""
    return _held(request, reading(request).organisation, Wanted(), incoming=True)


@taken("/workspace/reports", summary="What I sent, as a file")
def reports_file(request: Asked) -> Stream:
    """Return all reports of an organisation, the last first, with how many lines came to which end."""
    mine = reading(request).organisation

    def rows(snapshot: Snapshot) -> Iterator[list[Row]]:
        for run in all_reports(snapshot, mine):
            yield [
                (
                    one.report,
                    datetime.fromtimestamp(one.received_ms / 1000, CHINA),
                    one.first_index,
                    one.lines,
                    one.accepted,
                    one.found,
                    one.known,
                    one.refused,
                )
                for one in run
            ]

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        return Sheet("reports", page.say("What I sent"), _REPORTS, rows(snapshot))

    return take_away(request, making)


@taken("/workspace/reports/{digest:str}/lines", summary="What became of the lines of a report, as a file")
def lines_file(request: Asked, digest: Digest) -> Stream:
    """Return each line of a report that an organisation sent: where it stands, what was refused and found."""
    registry, mine = registry_of(request), reading(request).organisation

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        receipt, lines = report_in(snapshot.connection, mine, digest_of(digest), registry.logs)
        ends = end_of_lines(receipt, lines)
        title = page.say("Lines of report {report}", report=digest)
        return Sheet(f"report-{digest[:12]}", title, _LINES, ([_line(one) for one in ends],))

    return take_away(request, making)


@taken("/workspace/events", summary="The events that I reported, as a file", types=EVENT_TYPES)
def events_file(request: Asked, first: From, until: Until, rule: OfRule = None) -> Stream:
    """Return the events that an organisation reported, taken in between two days, or those of one rule."""
    mine = reading(request).organisation
    since, last = _day(first), _day(until)
    if not 0 <= (last - since).days < MOST_DAYS:
        raise UsageError(
            "usage.days",
            f"From {since} to {last} is no stretch of days, or one of more than {MOST_DAYS:,}.",
            "Name the earlier day first, and at most three years.",
        )
    registry, sight = registry_of(request), Sight(reader_of(request))
    kinds = _kinds_of(registry.rulebook.rules(), rule) if rule else None
    choose = partial(under_rule, registry.authorities, registry.rulebook, rule) if rule else None

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        begin, end = (datetime.combine(day, time(), CHINA) for day in (since, last + timedelta(days=1)))
        found = sent_events(snapshot, mine, begin, end, kinds, choose)
        columns = event_columns(found.kinds())
        runs = ([event_row(columns, event) for event in registry.told(run, sight)] for run in found.runs())
        title = page.say("Events reported from {first} to {last}", first=since, last=last)
        log = InLog(found.in_log(), hidden_by(sight))
        return Sheet("events", title, columns, runs, found.count, log=log)

    return take_away(request, making)


def _kinds_of(rules: Rules, rule: str) -> frozenset[str]:
    """Return the kinds of event that a deadline speaks of. Raises NotFound for none."""
    found = kinds_submitted(one for one in rules.all if one.id == rule)
    if not found:
        raise NotFound("rule.unknown", f"There is no rule {rule[:40]!r}.", "The page /rules lists them.")
    return found


def _line(one: Ended) -> Row:
    when = one.event.occurred_at
    return (
        one.number,
        one.state,
        one.index,
        one.event.kind,
        _moment(when) if when else None,
        one.event.code,
        [said.rule for said in one.said] or None,
        [said.message for said in one.said] or None,
        [said.fix for said in one.said if said.fix] or None,
        one.text,
    )


def _moment(text: str) -> datetime | None:
    """Return a time that a line gives; None for what is no time, as a refused line may have it."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("usage.day", f"{text[:20]!r} is no day.", "Write 2026-05-03.") from None


def _held(request: Asked, mine: str, wanted: Wanted, *, incoming: bool = False) -> Stream:
    query, values = holding_of(mine, wanted, incoming=incoming)
    left_out = {"bound_for" if incoming else "holder"}  # they are one's own organisation
    left_out |= set() if sees("place") else {"place", "since"}
    left_out |= set() if sees("holder") else {"holder", "bound_for"}
    columns = tuple(column for column in _HELD if column.name not in left_out)
    chosen = itemgetter(*(_HELD.index(column) for column in columns))

    def cells(row: tuple[Any, ...]) -> Row:
        code, holder, bound_for, in_place, in_phase, model, findings, since, latest, _ = row
        whole = (
            *(code, level_by_letter(code), model, in_place, in_phase, since, latest),
            *(findings, holder, bound_for),
        )
        return chosen(whole)  # type: ignore[no-any-return]

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        runs = ([cells(row) for row in run] for run in snapshot.rows(query, values))
        title = page.say("What is on the way to me") if incoming else page.say("My batteries")
        name = "incoming" if incoming else "batteries"
        return Sheet(
            name, title, columns, runs, lambda most: snapshot.count(query, values, most), stands="followed"
        )

    registry_of(request).holdings.follow_all()
    return take_away(request, making)


ROUTES: Final = (*batteries_file, *incoming_file, *reports_file, *lines_file, *events_file)
