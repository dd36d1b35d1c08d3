"""/duties: what an organisation must still report, and by when; /rules: under which rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from icalendar import Alarm, Calendar, Event
from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.accounts import Person
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.work import reading
from voltrail.errors import UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.regimes import HOLIDAYS, Rule, Rules
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.duties import told
from voltrail.web import Page

ON_PAGE: Final = 50
MAX_DAYS: Final = 400  # in a calendar: rules and days
WARNED: Final = timedelta(days=3)  # before a date passes
CALENDAR_TYPE: Final = "text/calendar"

Organisation = Annotated[
    str | None, QueryParameter(max_length=64, description="of this organisation; for authorities")
]
Overdue = Annotated[bool | None, QueryParameter(description="only what is overdue, or only what is not")]
OfRule = Annotated[str | None, QueryParameter(max_length=64, description="only under this rule")]
After = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before")]
On = Annotated[date | None, QueryParameter(description="the rules in force on that day; else all")]


@get("/duties", sync_to_thread=True, summary="What is due")
def duties(
    request: Asked,
    organisation: Organisation = None,
    overdue: Overdue = None,
    rule: OfRule = None,
    after: After = None,
) -> Response[bytes]:
    """Return what an organisation must still report, the first due first; an authority sees everybody's."""
    registry, person = registry_of(request), reading(request)
    whose = _whose(request, person, organisation)
    left, today, rules = registry.duties.follow(), _today(), registry.duties.rules
    found, following = registry.duties.page(
        today, whose, overdue=overdue, rule=rule or None, after=after, limit=ON_PAGE
    )
    counts = registry.duties.counts(today, whose)
    shown = [told(one, rules, today) for one in found]
    if not wants_page(request):
        return as_json(
            {
                "on": today.isoformat(),
                "due": sum(one.due for one in counts),
                "overdue": sum(one.overdue for one in counts),
                "duties": shown,
                "next": following,
                "entries_behind": left,
            }
        )
    return as_page(
        page_for(request),
        "duties",
        shown=shown,
        places=registry.duties.places([one.duty.opened for one in found]),
        counts=counts,
        by_rule=_by_rule(counts),
        rules={one.id: one for one in rules.all},
        names=registry.names({one.organisation for one in counts}),
        whose=whose,
        mine=person.organisation,
        oversees=person.organisation in registry.authorities,
        overdue=overdue,
        rule=rule or None,
        after=after,
        following=following,
        left=left,
    )


@get("/duties.ics", sync_to_thread=True, summary="What is due, as a calendar")
def calendar(request: Asked) -> Response[bytes]:
    """Return what an organisation must still report as a calendar (RFC 5545): a day, and how many."""
    registry, person, page = registry_of(request), reading(request), page_for(request)
    registry.duties.follow()
    days = registry.duties.days(person.organisation, _today() - WARNED)[:MAX_DAYS]
    rules = {one.id: one for one in registry.duties.rules.all}
    made = Calendar()
    made.add("prodid", "-//Voltrail//Duties//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"Voltrail {person.organisation}")
    for rule, day, number in days:
        made.add_component(_entry(page, registry.origin, person.organisation, rules[rule], day, number))
    headers = {"Content-Disposition": 'attachment; filename="duties.ics"'}
    return Response(made.to_ical(), media_type=CALENDAR_TYPE, headers=headers)


@get("/rules", sync_to_thread=True, summary="The rules")
def rules(request: Asked, on: On = None) -> Response[bytes]:
    """Return every rule with its dates, term, article, source and standing, or those in force on a day."""
    known: Rules = registry_of(request).duties.rules
    found = known.all if on is None else known.at(on)
    if not wants_page(request):
        return as_json({"rules": found, "holidays": HOLIDAYS})
    return as_page(
        page_for(request),
        "rules",
        found=found,
        on=on,
        today=_today(),
        regimes=_regimes(found),
        holidays=HOLIDAYS,
    )


def _whose(request: Asked, person: Person, organisation: str | None) -> str | None:
    """Return whose duties are asked for; None for everybody's, which an authority alone may see."""
    if person.organisation in registry_of(request).authorities:
        return check_organisation(organisation) if organisation else None
    if organisation not in {None, "", person.organisation}:
        raise UsageError(
            "usage.organisation",
            "What another organisation owes is for authorities.",
            "Leave `organisation` out for your own.",
        )
    return person.organisation


def _by_rule(counts: list[Any]) -> list[tuple[str, int, int]]:
    """Return how many stand open under each rule: due later, and overdue."""
    found: dict[str, tuple[int, int]] = {}
    for one in counts:
        due, overdue = found.get(one.rule, (0, 0))
        found[one.rule] = (due + one.due, overdue + one.overdue)
    return sorted(((rule, *both) for rule, both in found.items()), key=lambda one: (-one[2], -one[1], one[0]))


def _regimes(found: tuple[Rule, ...]) -> list[tuple[str, list[Rule]]]:
    """Return the rules by the regime that their ids begin with, in the order of the data."""
    grouped: dict[str, list[Rule]] = {}
    for rule in found:
        grouped.setdefault(rule.id.partition("-")[0], []).append(rule)
    return list(grouped.items())


def _entry(page: Page, origin: str, organisation: str, rule: Rule, day: date, number: int) -> Event:
    """Return one day of a calendar: what is due under one rule."""
    chinese = page.language == "zh"
    what, article = (rule.duty_zh, rule.article_zh) if chinese else (rule.duty, rule.article)
    entry = Event()
    entry.add("uid", f"{rule.id}.{day}.{organisation}@{origin}")
    entry.add("dtstamp", datetime.now(CHINA))
    entry.add("dtstart", day)
    entry.add("dtend", day + timedelta(days=1))
    entry.add("summary", f"{page.number(number)} × {what}")
    entry.add("description", f"{rule.id} · {article or ''} · {page.name(rule.standing)}")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -WARNED)
    alarm.add("description", what)
    entry.add_component(alarm)
    return entry


def _today() -> date:
    return datetime.now(CHINA).date()


ROUTES: Final = (duties, calendar, rules)
