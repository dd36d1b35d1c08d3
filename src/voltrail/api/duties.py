"""/duties: what an organisation must still report, and by when; /rules: under which rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, cast, get_args

from icalendar import Alarm, Calendar, Event
from litestar import Response, get
from litestar.params import QueryParameter

from voltrail.accounts import Person
from voltrail.api.answers import Asked, as_json, as_page, page_for, registry_of, wants_page
from voltrail.api.work import reading
from voltrail.errors import UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.regimes import Rule, Rules
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.duties import Which, told
from voltrail.web import Page

ON_PAGE: Final = 50
MAX_DAYS: Final = 400  # in a calendar: rules and days
WARNED: Final = timedelta(days=3)  # before a date passes
CALENDAR_TYPE: Final = "text/calendar"

Organisation = Annotated[
    str | None, QueryParameter(max_length=64, description="of this organisation; for authorities")
]
Wanted = Annotated[
    str | None, QueryParameter(description="only what is overdue, or due; or what was met late: late")
]
OfRule = Annotated[str | None, QueryParameter(max_length=64, description="only under this rule")]
After = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the page before")]


@get("/duties", sync_to_thread=True, summary="What is due")
def duties(
    request: Asked,
    organisation: Organisation = None,
    standing: Wanted = None,
    rule: OfRule = None,
    after: After = None,
) -> Response[bytes]:
    """Return what an organisation must still report, the first due first; an authority sees everybody's."""
    registry, person = registry_of(request), reading(request)
    whose = _whose(request, person, organisation)
    left, day, which = registry.duties.follow(), today(), _which(standing)
    found, following = registry.duties.page(
        day, whose, which=which, rule=rule or None, after=after, limit=ON_PAGE
    )
    counts = registry.duties.counts(day, whose)
    rules = [registry.duties.rule(one.duty) for one in found]
    shown = [told(one, rule, day) for one, rule in zip(found, rules, strict=True)]
    if not wants_page(request):
        return as_json(
            {
                "on": day.isoformat(),
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
        shown=list(zip(shown, rules, strict=True)),
        places=registry.duties.places([one.duty.opened for one in found]),
        counts=counts,
        by_rule=_by_rule(counts),
        rules=_current(registry.rulebook.rules_of(person.organisation), day),
        names=registry.names({one.organisation for one in counts}),
        whose=whose,
        mine=person.organisation,
        oversees=person.organisation in registry.authorities,
        standing_asked=which,
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
    days = registry.duties.days(person.organisation, today() - WARNED)[:MAX_DAYS]
    rules = _current(registry.rulebook.rules_of(person.organisation), today())
    made = Calendar()
    made.add("prodid", "-//Voltrail//Duties//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"Voltrail {person.organisation}")
    for rule, day, number in days:
        made.add_component(_entry(page, registry.origin, person.organisation, rules[rule], day, number))
    headers = {"Content-Disposition": 'attachment; filename="duties.ics"'}
    return Response(made.to_ical(), media_type=CALENDAR_TYPE, headers=headers)


def _which(standing: str | None) -> Which | None:
    if standing and standing not in get_args(Which):
        raise UsageError(
            "usage.choice",
            f"There is no standing {standing[:40]!r}.",
            f"Use one of {', '.join(get_args(Which))}.",
        )
    return cast("Which | None", standing or None)


def _current(rules: Rules, today: date) -> dict[str, Rule]:
    """Return every rule by its id, as it is now in force or was last."""
    return {one.id: rules.named(one.id, today) for one in rules.all}


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


def today() -> date:
    """Return the day that it is in China."""
    return datetime.now(CHINA).date()


ROUTES: Final = (duties, calendar)
