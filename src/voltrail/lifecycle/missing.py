"""
What is missing of one battery, and what an organisation did of which such cases are a part.

`cases_of` says what stands open of a battery by the record as it is; it is a function of the record alone, so
what was corrected or reported late is no case any more. `deeds_of` counts what one event adds to what was
done. Whether cases count against somebody is decided in `regimes.missing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final, Protocol

import msgspec

from voltrail.events import Event
from voltrail.events.kinds import batteries
from voltrail.events.table import KINDS
from voltrail.lifecycle.fold import stages
from voltrail.lifecycle.state import (
    Battery,
    Finding,
    Model,
    Organisation,
    Recorded,
    State,
    Vehicle,
    Whereabouts,
)
from voltrail.organisations.trust import has_role
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.duties import triggered_at
from voltrail.regimes.rules import Rules

EXCESS: Final = 1.05  # of the mass taken in: what scales and rounding explain
MAX_RELATIVES: Final = 64  # batteries looked at for the mass of one recycled event

_SENDS: Final = frozenset({"shipped", "handed_over"})
_PASSED_ON: Final = "lifecycle.receipt_not_reported"
_CONFLICTS: Final = {
    "lifecycle.two_places": "two_places",
    "lifecycle.two_ends": "two_places",
    "lifecycle.stock_differs": "counted_elsewhere",
}


class Case(msgspec.Struct, frozen=True):
    """
    One thing that stands open of a battery.

    `organisation` is who has to answer for it first, "" for nobody; `other` who stands on the other side.
    `at` is the day in China from which its term runs, `index` the entry that it stands on.
    """

    kind: str
    code: str
    organisation: str
    other: str
    at: date
    index: int


class Deed(msgspec.Struct, frozen=True):
    """What an organisation did of which cases of a kind are a part, and how many times."""

    kind: str
    organisation: str
    other: str
    number: int


class Sighting(msgspec.Struct, frozen=True):
    """That somebody outside the record saw a battery in a vehicle: a telematics login, an inspection."""

    code: str
    vin: str
    seen_at: datetime
    source: str


class Record(Protocol):
    """What the record says."""

    def state(self, subject: str, /) -> State | None:
        """Return the state of a subject."""

    def organisation(self, identifier: str, /) -> Organisation | None:
        """Return a registered organisation."""

    def recorded(self, index: int, /) -> Recorded | None:
        """Return the event at an index of the log."""

    def events(self, subject: str, /) -> Sequence[Recorded]:
        """Return a subject's events after corrections, in the order of (`occurred_at`, index)."""


def cases_of(
    battery: Battery, record: Record, rules: Rules, sightings: Iterable[Sighting] = ()
) -> Iterator[Case]:
    """Yield what stands open of a battery, whatever its term."""
    claim = battery.whereabouts
    if claim is not None and claim.place == "in_transit":
        yield from _sent(battery, claim, -1, record, rules)
    if any(one.rule == _PASSED_ON for one in battery.findings):
        yield from _passed_on(battery, record, rules)
    for one in battery.claims:
        if one.place == "in_vehicle" and one.vin is not None:
            yield from _scrapped(battery, one, record)
    yield from _conflicts(battery, record)
    if battery.end == "recycled":
        yield from _mass(battery, record)
    yield from _seen(battery, record, sightings)


def asks_life(battery: Battery) -> bool:
    """Return whether `cases_of` asks for a battery's events, sightings aside: so that they are read ahead."""
    return battery.end == "recycled" or any(one.rule == _PASSED_ON for one in battery.findings)


def asks_entries(battery: Battery) -> list[int]:
    """Return the indices of the events that `cases_of` asks for."""
    return [one.index for one in battery.findings if one.rule in _CONFLICTS]


def deeds_of(
    recorded: Recorded, findings: Iterable[Finding], reporter: Organisation | None, rules: Rules
) -> Iterator[Deed]:
    """Yield what one event adds to what its reporter did; `findings` are those found at the door."""
    event: Any = recorded.event
    codes, kind, by = batteries(event), event.kind, recorded.reporter
    if kind == "corrected":
        return
    if codes:
        yield Deed("two_places", by, "", len(codes))
    if kind in _SENDS:
        yield Deed("not_received", by, event.to, len(codes))
        yield Deed("nowhere", by, "", len(codes))
    elif kind == "vehicle_scrapped":
        yield Deed("scrapped_without", by, "", max(1, len(codes)))
    elif kind == "recycled":
        yield Deed("mass_above", by, "", len(codes))
    late = any(one.kind == "late" for one in findings)
    if late or _has_deadline(event, reporter, rules):
        yield Deed("late", by, "", 1)


def late_case(recorded: Recorded, findings: Iterable[Finding]) -> Case | None:
    """Return that an event was reported late, as a case of its first battery."""
    codes = batteries(recorded.event)
    if not codes or not any(one.kind == "late" for one in findings):
        return None
    return Case("late", codes[0], recorded.reporter, "", day_of(recorded.event.occurred_at), recorded.index)


def day_of(when: datetime) -> date:
    """Return the day in China."""
    return when.astimezone(CHINA).date()


# ---------------------------------------------------------------- on the way


def _sent(battery: Battery, claim: Whereabouts, index: int, record: Record, rules: Rules) -> Iterator[Case]:
    """
    Yield that a battery was sent and nobody says to have it; waste to no lawful receiver is with the
    sender.
    """
    if claim.since is None or claim.holder is None or claim.to is None:
        return
    receiver, kind = record.organisation(claim.to), "not_received"
    if battery.phase == "waste" and not _may_take_waste(receiver, claim.since, rules):
        kind = "nowhere"
    yield Case(kind, battery.code, claim.holder, claim.to, day_of(claim.since), index)


def _passed_on(battery: Battery, record: Record, rules: Rules) -> Iterator[Case]:
    """
    Yield what was sent and never received, though the battery has turned up since: at somebody else, or
    there.
    """
    showed = {one.index for one in battery.findings if one.rule == _PASSED_ON}
    before = Battery(battery.code)
    for event, state in stages("battery:" + battery.code, record.events("battery:" + battery.code)):
        if event.index in showed:
            claims = [one for one in before.claims if one.place == "in_transit"]
            for claim in claims[-1:]:
                yield from _sent(before, claim, event.index, record, rules)
        before = state if isinstance(state, Battery) else before


def _may_take_waste(receiver: Organisation | None, when: datetime, rules: Rules) -> bool:
    """
    Return whether the rules of that day let an organisation take waste: of days without such a rule, its
    role.
    """
    if receiver is None:
        return False
    lawful = [rule.value for rule in rules.of("handed_over", when) if rule.about == "handover"]
    roles = lawful[0] if lawful and isinstance(lawful[0], tuple) else KINDS["collected"].roles
    return has_role(receiver, roles, when)


# ------------------------------------------------------------------ vehicles


def _scrapped(battery: Battery, claim: Whereabouts, record: Record) -> Iterator[Case]:
    """Yield that a battery's vehicle was scrapped, and nobody has said since that it was taken out."""
    vehicle = record.state(f"vehicle:{claim.vin}")
    if not isinstance(vehicle, Vehicle) or vehicle.scrapped_at is None:
        return
    if claim.since is not None and claim.since > vehicle.scrapped_at:
        return
    for one in reversed(record.events(f"vehicle:{claim.vin}")):
        if one.event.kind == "vehicle_scrapped":
            at = day_of(one.event.occurred_at)
            yield Case("scrapped_without", battery.code, one.reporter, claim.vin or "", at, one.index)
            return


# ----------------------------------------------------------------- conflicts


def _conflicts(battery: Battery, record: Record) -> Iterator[Case]:
    """Yield what has a battery in two places: with whoever reported the second, and was told so."""
    for finding in battery.findings:
        kind = _CONFLICTS.get(finding.rule)
        if kind is None:
            continue
        one = record.recorded(finding.index)
        if one is not None:
            yield Case(kind, battery.code, one.reporter, "", day_of(one.event.occurred_at), one.index)


def _seen(battery: Battery, record: Record, sightings: Iterable[Sighting]) -> Iterator[Case]:
    """Yield that somebody saw a battery in a vehicle while the record had it elsewhere."""
    seen = list(sightings)
    if not seen:
        return
    life = list(stages("battery:" + battery.code, record.events("battery:" + battery.code)))
    for one in seen:
        then = [state for event, state in life if event.event.occurred_at <= one.seen_at]
        claims = then[-1].claims if then and isinstance(then[-1], Battery) else ()
        if not any(claim.place == "in_vehicle" and claim.vin == one.vin for claim in claims):
            yield Case("seen_elsewhere", battery.code, "", one.vin, day_of(one.seen_at), -1)


# ---------------------------------------------------------------------- mass


def _mass(battery: Battery, record: Record) -> Iterator[Case]:
    """
    Yield that more mass came out of a recycled event than its batteries had; where a mass is unknown,
    nothing.
    """
    for one in record.events("battery:" + battery.code):
        event: Any = one.event
        if event.kind != "recycled" or event.mass_kg is None:
            continue
        codes = batteries(event)
        if len(codes) > MAX_RELATIVES:
            return
        known = [mass_of(code, record) for code in codes]
        if None not in known and event.mass_kg > EXCESS * sum(mass or 0 for mass in known):
            yield Case("mass_above", battery.code, one.reporter, "", day_of(event.occurred_at), one.index)


def mass_of(code: str, record: Record, depth: int = 4) -> float | None:
    """
    Return the mass of a battery in kg, as the record has it; None where it does not.

    Its maker said so, or its model does. What came of taking one apart has its share of it; what was made of
    others has theirs.
    """
    battery = record.state("battery:" + code)
    if not isinstance(battery, Battery) or depth == 0:
        return None
    events = record.events("battery:" + code)
    for one in events:
        made: Any = one.event
        if made.kind == "manufactured" and made.mass_kg is not None:
            return float(made.mass_kg)
    model = record.state(f"model:{battery.model_id}") if battery.model_id is not None else None
    if isinstance(model, Model) and model.mass_kg is not None:
        return model.mass_kg
    if battery.predecessors:
        return _of_predecessors(battery, record, depth)
    for one in events:
        event: Any = one.event
        if event.kind == "dismantled" and event.code != code:
            whole = mass_of(event.code, record, depth - 1)
            return None if whole is None else whole / max(1, len(event.codes))
    return None


def _of_predecessors(battery: Battery, record: Record, depth: int) -> float | None:
    total = 0.0
    for code in battery.predecessors[:MAX_RELATIVES]:
        before, mass = record.state("battery:" + code), mass_of(code, record, depth - 1)
        if mass is None or not isinstance(before, Battery):
            return None
        total += mass / max(1, len(before.successors))
    return total


# ------------------------------------------------------------------ deadlines


def _has_deadline(event: Event, organisation: Organisation | None, rules: Rules) -> bool:
    """
    Return whether an enforced deadline speaks of an event of this reporter, in whatever phase the battery
    was.
    """
    for rule in rules.of(event.kind, event.occurred_at):
        if rule.about != "deadline" or triggered_at(rule, event) is None:
            continue
        if rule.reasons and getattr(event, "reason", None) not in rule.reasons:
            continue
        if not rule.roles:
            return True
        if organisation is not None and has_role(organisation, rule.roles, event.occurred_at):
            return True
    return False
