"""What a report breaks by the dated rules: deadlines passed, and what may not be done (`gates`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from voltrail.events import Event
from voltrail.lifecycle.gates import CHECKS, Deed, is_private
from voltrail.lifecycle.shipping import country_of
from voltrail.lifecycle.state import Battery, Finding
from voltrail.lifecycle.world import World
from voltrail.organisations.trust import Organisation, has_role
from voltrail.regimes.countries import is_among
from voltrail.regimes.deadlines import CHINA, Calendar, is_late
from voltrail.regimes.duties import BY_WASTE, triggered_at
from voltrail.regimes.rules import Rule, Rules


def rule_findings(
    event: Event,
    organisation: Organisation,
    received: datetime,
    rules: Rules,
    batteries: Sequence[Battery],
    world: World,
) -> Iterator[Finding]:
    """Yield what one event is late for or breaches; `batteries` are the states before it."""
    for rule in rules.of(event.kind, event.occurred_at):
        if not _speaks_of(rule, event, organisation, batteries):
            continue
        if rule.about == "deadline":
            yield from _late(rule, event, received, rules.calendar)
        else:
            yield from CHECKS[rule.about](rule, Deed(event, organisation, world))


def rule_of(finding: Finding, event: Event, rules: Rules) -> Rule:
    """Return the rule that a finding or a warning of this event is by."""
    return rules.named(finding.rule.partition(".")[2], event.occurred_at.astimezone(CHINA).date())


def warnings(
    event: Event,
    organisation: Organisation,
    rules: Rules,
    batteries: Sequence[Battery],
    world: World,
    *,
    public: bool = False,
) -> Iterator[Finding]:
    """
    Yield what an event would be found to do against advisory rules, if they counted.

    `public` passes over those whose answer tells what is not: they are not even looked into.
    """
    for rule in rules.advice(event.kind, event.occurred_at):
        if public and is_private(rule, event):
            continue
        if _speaks_of(rule, event, organisation, batteries):
            yield from CHECKS[rule.about](rule, Deed(event, organisation, world))


def _speaks_of(rule: Rule, event: Any, organisation: Organisation, batteries: Sequence[Battery]) -> bool:
    """Return whether a rule speaks of this event, reporter and phase."""
    if rule.roles and not has_role(organisation, rule.roles, event.occurred_at):
        return False
    if rule.reasons and event.reason not in rule.reasons:
        return False
    if rule.within and not is_among(country_of(organisation), rule.within, event.occurred_at.date()):
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
