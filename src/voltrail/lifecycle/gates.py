"""
What may not be done, by the dated rules: one function for each sort of gate.

Each says what an event does against one rule, whatever that rule's standing: a finding where it is
enforced, a word of warning to who asks beforehand where it is advisory. Nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from voltrail.codes import parse
from voltrail.errors import CodeError
from voltrail.lifecycle.scrapping import left_behind
from voltrail.lifecycle.state import Finding
from voltrail.lifecycle.world import World
from voltrail.organisations.trust import Organisation, has_role
from voltrail.regimes.rules import Rule

PRIVATE: Final = frozenset({"scrapping", "papers"})
"""Gates whose answer tells what is not public: what the record has in a vehicle, and grants' evidence."""

_MAKERS: Final = frozenset({"battery_maker", "vehicle_maker", "importer"})


def _handover(rule: Rule, event: Any, world: World) -> Iterator[Finding]:
    """Yield a finding when waste goes to an organisation that is not entitled to it."""
    lawful = _words(rule)
    receiver = world.organisation(event.to)
    if receiver is not None and _is_entitled(receiver, rule, event, world):
        return
    why = "has none of the roles" if receiver is not None else "is not registered, so has none of the roles"
    if receiver is not None and has_role(receiver, lawful, event.occurred_at):
        why = "has no outlet on record, and is entitled to it by none other of the roles"
    yield _breach(
        rule,
        f"Waste batteries went to {event.to}, which {why} {', '.join(sorted(lawful))}.",
        "Hand waste batteries to a utilisation enterprise or to an outlet of their maker.",
    )


def _is_entitled(receiver: Organisation, rule: Rule, event: Any, world: World) -> bool:
    lawful = frozenset(_words(rule))
    if rule.needs != "outlet":
        return has_role(receiver, lawful, event.occurred_at)
    if has_role(receiver, lawful - _MAKERS, event.occurred_at):
        return True
    return has_role(receiver, lawful & _MAKERS, event.occurred_at) and world.has_outlet(receiver.identifier)


def _papers(rule: Rule, event: Any, world: World) -> Iterator[Finding]:
    """Yield a finding when the grant of a receiver's role names no evidence: its papers."""
    receiver = world.organisation(event.to)
    if receiver is None or not has_role(receiver, _words(rule), event.occurred_at):
        return
    for one in world.events("organisation:" + receiver.identifier):
        if _grants_with_evidence(one.event, _words(rule), event.occurred_at):
            return
    yield _breach(
        rule,
        f"The record names no papers by which {event.to} is {' or '.join(_words(rule)).replace('_', ' ')}.",
        "Have it show its approval, environmental assessment and discharge permit;"
        " the authority names them when it grants the role.",
    )


def _grants_with_evidence(event: Any, roles: tuple[str, ...], when: datetime) -> bool:
    """Return whether an event grants one of the roles for a moment, and names what it was granted on."""
    if event.kind != "role_granted" or event.role not in roles or not event.evidence:
        return False
    return (event.from_ or event.occurred_at) <= when and (event.until is None or when < event.until)


def _use(rule: Rule, event: Any, _: World) -> Iterator[Finding]:
    """Yield a finding when batteries are made ready for a use that is barred."""
    if is_barred(event.use or "", _words(rule)):
        yield _breach(rule, f"{event.kind} for the use {event.use!r}: {rule.duty}.", "Choose another use.")


def is_barred(use: str, words: tuple[str, ...]) -> bool:
    """Return whether a use is one of those that words name, however it is written."""
    return any(_plain(use) in {word, word + "s"} for word in map(_plain, words))


def _plain(use: str) -> str:
    return use.strip().lower().replace("_", " ")


def _scrapping(rule: Rule, event: Any, world: World) -> Iterator[Finding]:
    """Yield a finding when a vehicle is scrapped without batteries that it should come with."""
    if left_behind(event, world.events("vehicle:" + event.vin), _words(rule)) is not None:
        yield _breach(
            rule,
            f"The vehicle {event.vin} comes without a battery that it had, so it is incomplete.",
            "Name in `codes` each battery that came with it; where one was replaced, have that reported:"
            " `removed` with its reason, and `installed`.",
        )


def _echelon(rule: Rule, event: Any, _: World) -> Iterator[Finding]:
    """Yield a finding when a product of old batteries does not name what it meets."""
    if rule.needs == "second_life" and not any(map(_is_second_life, event.into)):
        return
    lacking = [name for name in _words(rule) if not getattr(event, name, None)]
    if lacking:
        yield _breach(
            rule,
            f"{event.kind} does not say by which {', '.join(lacking)} the product was made: {rule.duty}.",
            "Name the standard of the intended use in `standard`, by its number.",
        )


def _is_second_life(code: str) -> bool:
    try:
        return parse(code).second_life
    except CodeError:
        return False


def _words(rule: Rule) -> tuple[str, ...]:
    return rule.value if isinstance(rule.value, tuple) else ()


def _breach(rule: Rule, message: str, fix: str) -> Finding:
    return Finding("breach", f"breach.{rule.id}", message, fix, source=rule.article)


CHECKS: Final[dict[str, Callable[[Rule, Any, World], Iterator[Finding]]]] = {
    "handover": _handover,
    "papers": _papers,
    "use": _use,
    "scrapping": _scrapping,
    "echelon": _echelon,
}
"""Each sort of gate that speaks of single events. Outlets and taking back are answered by the register."""
