"""A decision on a battery in words, for pages and for a terminal, and its worths as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from voltrail.health.decision import Decision, Option
from voltrail.health.gates import Gate
from voltrail.web.catalogue import later
from voltrail.web.page import Page

WIDTH: Final = 200  # of the picture, in its own units

OUTCOMES: Final[Mapping[str, str]] = {
    "reuse": later("Re-use: back to its old use"),
    "repurpose": later("Second life: another use"),
    "recycle": later("Recycling"),
    "test": later("First a capacity test"),
    "undecided": later("Cannot be decided yet"),
    "not_retired": later("Nothing to decide: it is not retired"),
    "ended": later("Nothing to decide: its life has ended"),
}
WAYS: Final[Mapping[str, str]] = {
    "reuse": later("Re-use"),
    "repurpose": later("Second life"),
    "recycle": later("Recycling"),
}
GATES: Final[Mapping[str, str]] = {
    "identity": later("Identity"),
    "history": later("Record of its life"),
    "age": later("Age"),
    "recalls": later("Recalls"),
    "incidents": later("Incidents"),
    "damage": later("Damage"),
    "use": later("Use"),
}
RESULTS: Final[Mapping[str, str]] = {
    "pass": later("passes"),
    "fail": later("fails"),
    "unknown": later("not known"),
}
REASONS: Final[Mapping[str, str]] = {
    "identity.known": later("It has a code, and nobody disputes where it is."),
    "identity.disputed": later("Several organisations say to have it: settle that first."),
    "identity.other_code": later("It is the battery {code}: decide under that code."),
    "identity.no_code": later("It has no readable code: find out which it is, and report `identified`."),
    "history.complete": later("On record from the beginning, without an open gap."),
    "history.gaps": later("Steps that were not reported: {number}. Whoever took them has to report them."),
    "history.before": later("The record begins in the middle of its life: what went before is not known."),
    "age.within": later("{years} years old, of {most} at most."),
    "age.over": later("{years} years old: over {most}."),
    "age.unknown": later("Nobody has said when it was made."),
    "recalls.none": later("No recall is open."),
    "recalls.open": later("The work of the recall {campaigns} was not reported."),
    "incidents.none": later("No incident that bars it is on record."),
    "incidents.happened": later("{incident} (entry {index})"),
    "damage.none": later("Looked at, and sound."),
    "damage.seen": later("Looked at: {transport}."),
    "damage.not_seen": later(
        "Nobody has looked at it yet: inspect it, and report `assessed` with `transport`."
    ),
    "use.allowed": later("A second life as {use} is not barred."),
    "use.barred": later("A second life as {use} is barred."),
    "use.not_confirmed": later("Whether a second life as {use} is barred is not confirmed."),
    "use.not_said": later("The policy does not say for what use."),
}
MISSING: Final[Mapping[str, str]] = {
    "soh": later("State of health as an interval: `assessed` with `soh_low` and `soh_high`."),
    "soh_contradicted": later("A measurement since then lies outside the state of health that was assessed."),
    "life": later("Remaining life: `assessed` with `life_years_low` and `life_years_high`."),
    "energy": later("Its energy: its model does not say, nor does its making."),
    "chemistry": later("Its chemistry: its model is not declared."),
    "composition": later("What it is made of: neither its model nor the policy says."),
    "mass": later("Its mass: neither its model nor the policy says."),
}
LEVERS: Final[Mapping[str, str]] = {
    "soh": later("State of health"),
    "life_years": later("Remaining life, years"),
    "price_per_kwh": later("Price of a new kWh"),
    "recycling": later("What recycling is worth"),
}
_NO_ROW: Final = later("The policy has no row {name} for this day.")
_ALREADY: Final = frozenset({"incident", "transport", "use"})  # names of the record, said in the page's words


class Bar(NamedTuple):
    """What a way is worth as a picture draws it: from where to where, the mean, and where nothing is."""

    low: float
    high: float
    mean: float
    zero: float


def reason(page: Page, gate: Gate) -> str:
    """Return in a sentence why a gate has its result."""
    values = {name: page.name(value) if name in _ALREADY else value for name, value in gate.values.items()}
    return page.say(REASONS[gate.why], **values)


def missing(page: Page, decision: Decision) -> list[str]:
    """Return in sentences what is not known."""
    by_gate = {gate.why: gate for gate in decision.gates}
    return [
        reason(page, by_gate[name])
        if name in by_gate
        else page.say(MISSING[name])
        if name in MISSING
        else page.say(_NO_ROW, name=name)
        for name in decision.missing
    ]


def why(page: Page, decision: Decision) -> list[str]:
    """Return in sentences what speaks for the best way: gates that fail, worth, how sure it is, and wear."""
    found = [reason(page, gate) for gate in decision.gates if gate.result == "fail"]
    if decision.rival is not None and decision.ahead is not None and decision.ahead.mean >= 0:
        found.append(
            page.say(
                "{way} is worth {amount} {currency} more than {other} (95 %: {low} to {high}).",
                way=page.say(WAYS[decision.best or "recycle"]),
                other=page.say(WAYS[decision.rival]).lower(),
                currency=decision.currency,
                amount=money(page, decision.ahead.mean),
                low=money(page, decision.ahead.low),
                high=money(page, decision.ahead.high),
            )
        )
    if decision.flip is not None:
        found.append(page.say("The chance that this flips is at most {flip} %.", flip=percent(decision.flip)))
    return found + [
        page.say(
            "{way} needs a state of health of {least} %.",
            way=page.say(WAYS[one.way]),
            least=percent(one.soh_least),
        )
        for one in decision.options
        if one.standing == "worn" and one.soh_least is not None
    ]


def proposed(page: Page, decision: Decision) -> dict[str, str]:
    """Return with what the form of a decision begins: what follows from what is known, and why."""
    return {
        "decision": decision.best or "",
        "reasons": "\n".join(why(page, decision)) if decision.best else "",
        "test_ordered": "capacity" if decision.outcome == "test" else "",
    }


def money(page: Page, amount: float) -> str:
    """Return an amount without what is smaller than its unit."""
    return page.number(round(amount))


def bars(options: Sequence[Option]) -> dict[str, Bar]:
    """Return the picture of each way's worth, all on one scale that has zero on it."""
    amounts = {one.way: one.worth for one in options if one.worth is not None}
    least = min([0.0, *(one.low for one in amounts.values())])
    most = max([0.0, *(one.high for one in amounts.values())])
    scale = WIDTH / (most - least) if most > least else 0.0

    def at(value: float) -> float:
        return round((value - least) * scale, 2)

    return {way: Bar(at(one.low), at(one.high), at(one.mean), at(0.0)) for way, one in amounts.items()}


def percent(share: float) -> str:
    """Return a chance or share in percent, as exactly as its size allows."""
    value = share * 100
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def told(decision: Decision) -> dict[str, Any]:
    """Return a decision for programs: as it is, and why in English."""
    page = Page("en")
    found: dict[str, Any] = msgspec.to_builtins(decision)
    for gate, one in zip(decision.gates, found["gates"], strict=True):
        one["reason"] = reason(page, gate)
    found["missing"] = [
        {"name": name, "what": what}
        for name, what in zip(decision.missing, missing(page, decision), strict=True)
    ]
    if decision.expected is not None:
        found["expected"] = decision.expected._asdict()
    if decision.test is not None:
        found["test"]["pays"] = decision.test.pays
    return found
