"""Passports from the record: what a reader may see of one, as it stands or as it stood."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from msgspec.structs import replace

from voltrail.errors import NotFound
from voltrail.lifecycle import Battery, Issued, Model, Recorded, effective_events, fold
from voltrail.lifecycle.passports import Kin, following, passport_id, previous
from voltrail.organisations.access import PASSPORT, Eyes
from voltrail.organisations.trust import Site
from voltrail.passport import Edition, Known, Sources, Told, compose
from voltrail.registry.lookup import Lookup


def tell(
    lookup: Lookup,
    battery: Battery,
    eyes: Eyes,
    host: str,
    until: datetime | None = None,
    number: int | None = None,
) -> Told:
    """
    Return the passport of a battery for certain eyes; `until` leaves out what happened later.

    Without a number it is the last that was issued. One that ended is told as it stood before its end.
    Raises NotFound for one that was not issued.
    """

    @cache
    def kin(code: str) -> Kin | None:
        found = lookup.battery(code) if code != battery.code else battery
        return None if found is None else Kin(found.passports, _events(lookup, code, until))

    events = _events(lookup, battery.code, until)
    issued, then, ended_at = _issued(battery, number), battery, None
    links: list[list[str]] = []
    if issued is not None:
        links = [lead(battery.code, issued.number, kin) for lead in (previous, following)]
        if issued.until is not None:
            events = _before(events, issued.ended_by)
            then, ended_at = _state(battery, events), issued.until
    model = lookup.state("model:" + then.model_id, ended_at) if then.model_id else None

    def site_of(identifier: str) -> Site | None:
        found: Any = lookup.state("site:" + identifier, ended_at)
        return found if isinstance(found, Site) else None

    whole = compose(
        Sources(
            then,
            events,
            model if isinstance(model, Model) else None,
            lookup.organisation,
            site_of,
            host,
            issued,
        )
    )
    whole = replace(whole, values={name: _of_this_log(one) for name, one in whole.values.items()})
    seen = {name: one for name, one in whole.values.items() if eyes.see(PASSPORT, name)}
    return Told(
        seen,
        tuple(name for name in whole.values if name not in seen),
        whole,
        Edition.of(battery.code, issued, *links),
    )


def _events(lookup: Lookup, code: str, until: datetime | None) -> list[Recorded]:
    subject = "battery:" + code
    events = effective_events(lookup.chain(subject), subject)
    return events if until is None else [one for one in events if one.event.occurred_at <= until]


def _issued(battery: Battery, number: int | None) -> Issued | None:
    """Return the passport of a battery that has a number; where none was issued the first is a draft."""
    known = battery.passports
    if number is None or (number == 1 and not known):
        return known[-1] if known else None
    found = next((one for one in known if one.number == number), None)
    if found is None:
        there = ", ".join(str(one.number) for one in known) or "none"
        raise NotFound(
            "passport.unknown",
            f"There is no passport {passport_id(battery.code, number)}.",
            f"Of this battery there were issued: {there}.",
        )
    return found


def _of_this_log(known: Known) -> Known:
    """Return a value with the entries of this log alone: those that were handed over have others."""
    if all(index >= 0 for index in known.entries):
        return known
    return replace(known, entries=tuple(index for index in known.entries if index >= 0))


def _before(events: list[Recorded], index: int | None) -> list[Recorded]:
    place = next((place for place, one in enumerate(events) if one.index == index), len(events))
    return events[:place]


def _state(battery: Battery, events: list[Recorded]) -> Battery:
    found = fold("battery:" + battery.code, events)
    return found if isinstance(found, Battery) else battery
