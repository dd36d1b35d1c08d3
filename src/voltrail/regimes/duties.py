"""
Events in, duties out: what an organisation must report by when, and whether it did.

Most deadlines are for the report of the event itself, so they are met, in time or late, as soon as the record
knows of them. Others begin with one event and are met by another: those may stand open, and pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.events.kinds import STRUCTS
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.rules import Rule, Rules

Standing = Literal["due", "overdue", "met", "met late"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Step(msgspec.Struct, frozen=True, gc=False):
    """
    One event of a subject's life that counts: its index, the event, who reported it, when it was received.

    `phase` is that of the battery before it, or None where it is none.
    """

    index: int
    event: Any
    reporter: str
    received_ms: int
    phase: str | None = None


class Duty(msgspec.Struct, frozen=True, gc=False):
    """
    What one organisation must report of one subject under one rule.

    It has run since `since`, by the entry `opened`, and is in time until the end of `due_on`, a day in China.
    `met` is the entry that met it, received at `met_ms` (milliseconds since 1970), or None.
    """

    rule: str
    organisation: str
    opened: int
    since: datetime
    due_on: date
    met: int | None = None
    met_ms: int | None = None

    def standing(self, today: date) -> Standing:
        """Return how it stands on a day in China."""
        if self.met_ms is not None:
            return "met late" if _day(self.met_ms) > self.due_on else "met"
        return "overdue" if today > self.due_on else "due"


class Meeting(msgspec.Struct, frozen=True, gc=False):
    """What one event began under a rule, and by which event it was met: maybe itself, None so far."""

    rule: Rule
    opened: Step
    by: Step | None


HasRole = Callable[[Step, tuple[str, ...]], bool]
RulesOf = Callable[[str], Rules]


def bearer(kind: str) -> str:
    """Return the kind of subject to which the duties of a kind of event belong, so that none counts twice."""
    members = STRUCTS[kind].__struct_fields__
    return next((what for what, name in _ABOUT if name in members), "battery")


_ABOUT: Final = (("battery", "code"), ("vehicle", "vin"), ("model", "model_id"))


def duties(subject: str, steps: Iterable[Step], rules_of: RulesOf, has_role: HasRole) -> list[Duty]:
    """
    Return the duties that one subject's events open, in the order in which they do.

    `rules_of` gives the rules for a reporter, `has_role` says whether that of a step has one of some roles.
    `subject` is named as in `battery:CODE`; `steps` are its events
    after corrections, in the order of (`occurred_at`, index). A deadline that another event meets is met by
    the first that was received; a second event like the one that opened it does not open it again.
    Corrections reopen what they undo, since what they make void is not among the steps.
    """
    found: list[Duty] = []
    for one in meetings(subject, steps, rules_of, has_role):
        rule, step = one.rule, one.opened
        if rule.value is None or (since := triggered_at(rule, step.event)) is None:
            continue
        duty = Duty(rule.id, step.reporter, step.index, since, rules_of(step.reporter).due(rule, since))
        if one.by is not None:
            duty = msgspec.structs.replace(duty, met=one.by.index, met_ms=one.by.received_ms)
        found.append(duty)
    return found


def meetings(subject: str, steps: Iterable[Step], rules_of: RulesOf, has_role: HasRole) -> Iterator[Meeting]:
    """
    Yield what a subject's events begin under each rule and what meets it, whether its term is known or not.

    This alone says which events meet a duty: lists of what is due, files for each rule and what is handed to
    the national platform go by it. Takes what `duties` takes.
    """
    life, about = tuple(steps), subject.partition(":")[0]
    opened: set[str] = set()
    for step in life:
        if bearer(step.event.kind) != about:
            continue
        for rule in rules_of(step.reporter).deadlines(step.event.kind, step.event.occurred_at):
            if not _speaks_of(rule, step, has_role):
                continue
            if not rule.met_by:
                yield Meeting(rule, step, step)
            elif rule.id not in opened and triggered_at(rule, step.event) is not None:
                opened.add(rule.id)
                yield Meeting(rule, step, _meeting(rule, life))


def _meeting(rule: Rule, life: tuple[Step, ...]) -> Step | None:
    """Return the first event received that meets a deadline."""
    meeting = [step for step in life if step.event.kind in rule.met_by and _meets(rule, step.event)]
    return min(meeting, key=lambda step: step.index, default=None)


def _meets(rule: Rule, event: Any) -> bool:
    if rule.purposes and event.purpose not in rule.purposes:
        return False
    return rule.needs is None or getattr(event, rule.needs, None) not in {None, (), ""}


def _speaks_of(rule: Rule, step: Step, has_role: HasRole) -> bool:
    """Return whether a rule speaks of this event, its reporter and the battery's phase."""
    event = step.event
    if rule.reasons and getattr(event, "reason", None) not in rule.reasons:
        return False
    if rule.phases and event.kind not in BY_WASTE and step.phase not in rule.phases:
        return False
    return not rule.roles or has_role(step, rule.roles)


BY_WASTE: Final = frozenset({"collected", "handed_over"})
"""Kinds that say themselves that the battery is waste."""


def triggered_at(rule: Rule, event: Any) -> datetime | None:
    """Return since when a deadline has run; a day counts from its end, so any moment of it will do."""
    trigger = getattr(event, rule.trigger, None)
    if isinstance(trigger, datetime):
        return trigger
    if isinstance(trigger, str):
        try:
            return datetime.combine(date.fromisoformat(trigger), time(12), CHINA)
        except ValueError:
            return None
    return None


def _day(milliseconds: int) -> date:
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(CHINA).date()
