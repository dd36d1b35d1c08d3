"""What a report breaks by the dated rules: deadlines passed, handovers and uses that are barred."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from voltrail.events import Event
from voltrail.lifecycle.state import Battery, Finding
from voltrail.organisations.trust import Organisation, has_role
from voltrail.regimes.deadlines import Calendar, is_late
from voltrail.regimes.duties import BY_WASTE, triggered_at
from voltrail.regimes.rules import Rule, Rules

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Lookup = Callable[[str], Organisation | None]


@lru_cache(16)
def from_ms(milliseconds: int) -> datetime:
    """Return the time of milliseconds since 1970, in UTC; remembered, since many events come at one time."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def rule_findings(
    event: Event,
    organisation: Organisation,
    received: datetime,
    rules: Rules,
    batteries: Sequence[Battery],
    lookup: Lookup,
) -> Iterator[Finding]:
    """Yield what one event is late for or breaches; `batteries` are the states before it."""
    for rule in rules.of(event.kind, event.occurred_at):
        if not _speaks_of(rule, event, organisation, batteries):
            continue
        if rule.about == "deadline":
            yield from _late(rule, event, received, rules.calendar)
        elif rule.about == "handover":
            yield from _handover(rule, event, lookup)
        else:
            yield from _use(rule, event)


def _speaks_of(rule: Rule, event: Any, organisation: Organisation, batteries: Sequence[Battery]) -> bool:
    """Return whether a rule speaks of this event, reporter and phase."""
    if rule.roles and not has_role(organisation, rule.roles, event.occurred_at):
        return False
    if rule.reasons and event.reason not in rule.reasons:
        return False
    if not rule.phases or event.kind in BY_WASTE:
        return True
    return any(battery.phase in rule.phases for battery in batteries)


def _late(rule: Rule, event: Event, received: datetime, calendar: Calendar) -> Iterator[Finding]:
    """Yield a finding when the report came after its deadline."""
    if not isinstance(rule.value, int) or rule.unit is None:
        return
    triggered = triggered_at(rule, event)
    if triggered is not None and is_late(triggered, received, rule.value, rule.unit, calendar):
        yield Finding(
            "late",
            f"duty.{rule.id}",
            f"{event.kind} was due within {rule.value} {rule.unit.replace('_', ' ')}s: {rule.duty}.",
            "Nothing needs to be reported again; report the next one in time.",
            source=rule.article,
        )


def _handover(rule: Rule, event: Any, lookup: Lookup) -> Iterator[Finding]:
    """Yield a finding when waste goes to an organisation in none of the lawful roles."""
    lawful = rule.value if isinstance(rule.value, tuple) else ()
    receiver = lookup(event.to)
    if receiver is not None and has_role(receiver, lawful, event.occurred_at):
        return
    why = "has none of the roles" if receiver is not None else "is not registered, so has none of the roles"
    yield Finding(
        "breach",
        f"breach.{rule.id}",
        f"Waste batteries went to {event.to}, which {why} {', '.join(sorted(lawful))}.",
        "Hand waste batteries to a utilisation enterprise or to an outlet of their maker.",
        source=rule.article,
    )


def _use(rule: Rule, event: Any) -> Iterator[Finding]:
    """Yield a finding when batteries are made ready for a use that is barred."""
    barred = rule.value if isinstance(rule.value, tuple) else ()
    use = (event.use or "").strip().lower().replace("_", " ")
    if any(use in {word, word + "s"} for word in barred):
        yield Finding(
            "breach",
            f"breach.{rule.id}",
            f"{event.kind} for the use {event.use!r}: {rule.duty}.",
            "Choose another use.",
            source=rule.article,
        )
