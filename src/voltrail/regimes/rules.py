"""One rule, and a set of them found by the kind of event they speak of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

import msgspec

from voltrail.regimes.deadlines import CHINA

_FOR_EVER: Final = date(9000, 1, 1)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One rule of one regime, from a day to a day (both included).

    `about` is what it is: a reporting deadline, a handover to others than the
    lawful, a use that is prohibited. `phases` and `reasons`, where given, narrow
    the events it speaks of to batteries in that phase, or with that reason.
    `trigger` names the member the time runs from, `occurred_at` if none.
    Only a rule that is `enforced` makes findings; `advisory` ones are shown;
    one without a value is not configured.
    """

    id: str
    about: Literal["deadline", "handover", "use"]
    duty: str
    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    trigger: str = "occurred_at"
    value: int | tuple[str, ...] | None = None
    unit: Literal["day", "working_day", "month", "role", "use"] | None = None
    valid_from: date
    valid_to: date | None = None
    article: str | None = None
    source: str
    confidence: Literal["confirmed", "secondary", "press", "mirror", "unconfirmed"]
    enforced: bool = False

    @property
    def standing(self) -> str:
        """Return `enforced`, `advisory`, or `not configured`."""
        if self.value is None:
            return "not configured"
        return "enforced" if self.enforced else "advisory"

    def holds(self, day: date) -> bool:
        """Return whether the rule is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Rules:
    """A set of rules; `of` finds those that count for a kind without a search."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.all: tuple[Rule, ...] = tuple(rules)
        self._of: dict[str, tuple[tuple[datetime, datetime, Rule], ...]] = {}
        for rule in self.all:
            if rule.standing == "enforced":
                since, until = _midnight(rule.valid_from), _midnight(rule.valid_to or _FOR_EVER)
                for kind in rule.kinds:
                    self._of[kind] = (*self._of.get(kind, ()), (since, until + timedelta(days=1), rule))

    def of(self, kind: str, when: datetime) -> tuple[Rule, ...]:
        """Return the enforced rules that speak of a kind of event at a moment. Cheap: the hot path asks."""
        dated = self._of.get(kind)
        if dated is None:
            return ()
        return tuple([rule for since, until, rule in dated if since <= when < until])

    def at(self, day: date) -> tuple[Rule, ...]:
        """Return every rule in force on a day, enforced or not."""
        return tuple(rule for rule in self.all if rule.holds(day))


def _midnight(day: date) -> datetime:
    """Return when a day begins in China."""
    return datetime.combine(day, time(), CHINA)


def rules_at(day: date) -> tuple[Rule, ...]:
    """Return every rule of every regime in force on a day, enforced or not."""
    from voltrail.regimes.china import RULES

    return RULES.at(day)
