"""
What must hold before a battery gets another life, whatever that would be worth: one function for each gate.

Each says of what is known: it passes, it fails, or what is known does not say. What follows from it stands in
the policy or in the rules of a regime, by their dates.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, Literal, cast

import msgspec

from voltrail.health.facts import Facts
from voltrail.health.policy import Row, Table
from voltrail.lifecycle.gates import is_barred
from voltrail.regimes.rules import Rule

Result = Literal["pass", "unknown", "fail"]
Use = Literal["reuse", "repurpose"]

USES: Final[tuple[Use, ...]] = ("reuse", "repurpose")
_DAYS: Final = 365.2425


class Gate(msgspec.Struct, frozen=True):
    """
    One gate: its name, its result, why (a key for the words), and what that rests on.

    `uses` are those that it bars or leaves open; where `all_uses` is said, not even recycling is decided.
    """

    name: str
    result: Result
    why: str
    values: dict[str, Any] = {}
    uses: tuple[Use, ...] = USES
    source: str = ""
    confidence: str = ""
    all_uses: bool = False


def gates_of(facts: Facts, table: Table, rules: Iterable[Rule], day: date) -> tuple[Gate, ...]:
    """Return the gates in the order in which they are asked."""
    barred = tuple(rule for rule in rules if rule.about == "use" and rule.holds(day))
    return (
        _identity(facts),
        _history(facts, table),
        _age(facts, table, day),
        _recalls(facts),
        _incidents(facts, table),
        _damage(facts, table),
        _use(table, barred),
    )


def _identity(facts: Facts) -> Gate:
    if facts.is_disputed:
        return Gate("identity", "unknown", "identity.disputed", all_uses=True)
    if facts.right is not None:
        return Gate("identity", "unknown", "identity.other_code", {"code": facts.right}, all_uses=True)
    if not facts.has_code:
        return Gate("identity", "unknown", "identity.no_code")
    return Gate("identity", "pass", "identity.known")


def _history(facts: Facts, table: Table) -> Gate:
    if facts.gaps:
        row = table.row("gate.history_gap")
        return _by("history", _said(row), "history.gaps", row, number=facts.gaps)
    if facts.history_before is not None or not facts.begun:
        row = table.row("gate.history_before")
        return _by("history", _said(row), "history.before", row)
    return Gate("history", "pass", "history.complete")


def _age(facts: Facts, table: Table, day: date) -> Gate:
    row = table.row("gate.age_most")
    if facts.made_on is None or row is None or row.value is None:
        return _by("age", "unknown", "age.unknown", row)
    years = (day - facts.made_on).days / _DAYS
    if years > row.value:
        return _by("age", "fail", "age.over", row, years=round(years, 1), most=row.told)
    return _by("age", "pass", "age.within", row, years=round(years, 1), most=row.told)


def _recalls(facts: Facts) -> Gate:
    if facts.campaigns:
        return Gate("recalls", "fail", "recalls.open", {"campaigns": ", ".join(facts.campaigns)})
    return Gate("recalls", "pass", "recalls.none")


def _incidents(facts: Facts, table: Table) -> Gate:
    row = table.row("gate.incidents")
    barring = [one for one in facts.incidents if row is None or one[0] in row.words]
    if barring:
        incident, index = barring[-1]
        return _by("incidents", "fail", "incidents.happened", row, incident=incident, index=index)
    return _by("incidents", "pass", "incidents.none", row)


def _damage(facts: Facts, table: Table) -> Gate:
    row = table.row("gate.damage")
    if row is not None and facts.travels in row.words:
        return _by("damage", "fail", "damage.seen", row, transport=facts.travels)
    if row is None or not facts.looked_at:
        return _by("damage", "unknown", "damage.not_seen", row)
    return _by("damage", "pass", "damage.none", row)


def _use(table: Table, rules: tuple[Rule, ...]) -> Gate:
    """Return whether the use that the policy means is barred; it does not touch going back to the old one."""
    row = table.row("use")
    doubted = table.row(name) if table.has(name := "use.not_confirmed") else None
    uses: tuple[Use, ...] = ("repurpose",)
    if row is None or not row.words:
        return Gate("use", "unknown", "use.not_said", uses=uses)
    use = row.words[0]
    named = [(rule, rule.value) for rule in rules if rule.standing == "enforced"]
    for rule, words in named:
        if isinstance(words, tuple) and is_barred(use, words):
            return Gate("use", "fail", "use.barred", {"use": use}, uses, rule.article or "", rule.confidence)
    if doubted is not None and is_barred(use, doubted.words):
        return Gate(
            "use", "unknown", "use.not_confirmed", {"use": use}, uses, doubted.source, doubted.confidence
        )
    source, confidence = (named[0][0].article or "", named[0][0].confidence) if named else ("", "")
    return Gate("use", "pass", "use.allowed", {"use": use}, uses, source, confidence)


def _said(row: Row | None) -> Result:
    """Return the result that a row of the policy says."""
    found: Any = row.words[0] if row is not None and row.words else "unknown"
    return cast("Result", found)


def _by(name: str, result: Result, why: str, row: Row | None, **values: Any) -> Gate:
    """Return a gate that rests on a row of the policy."""
    source, confidence = ("", "") if row is None else (row.source or row.name, row.confidence)
    return Gate(name, result, why, values, source=source, confidence=confidence)
