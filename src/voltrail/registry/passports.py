"""Passports from the record: what a reader may see of one, as it stands or as it stood."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from voltrail.events.points import Value
from voltrail.lifecycle import Battery, Model, effective_events
from voltrail.organisations.access import PASSPORT, Eyes
from voltrail.organisations.trust import Site
from voltrail.passport import Known, Passport, RuleSet, Sources, compose
from voltrail.registry.lookup import Lookup


class Told(msgspec.Struct, frozen=True):
    """
    A passport as far as a reader sees it; `withheld` names the points that it has and they do not see.

    `whole` is the passport itself, for counting what it lacks.
    """

    values: Mapping[str, Known]
    withheld: tuple[str, ...]
    whole: Passport

    def shown(self, rules: RuleSet) -> dict[str, Value]:
        """Return the values for a document by one rule set: without those that must not stand in it."""
        barred = rules.bars(self.whole.category)
        return {name: one.value for name, one in self.values.items() if name not in barred}

    def hidden(self, rules: RuleSet) -> tuple[str, ...]:
        """Return the points of a rule set that the reader does not see."""
        barred = rules.bars(self.whole.category)
        return tuple(name for name in self.withheld if name not in barred)


def tell(lookup: Lookup, battery: Battery, eyes: Eyes, host: str, until: datetime | None = None) -> Told:
    """Return the passport of a battery for certain eyes; `until` leaves out what happened later."""
    subject = f"battery:{battery.code}"
    events = effective_events(lookup.chain(subject), subject)
    if until is not None:
        events = [one for one in events if one.event.occurred_at <= until]
    model = lookup.state("model:" + battery.model_id) if battery.model_id else None

    def site_of(identifier: str) -> Site | None:
        found: Any = lookup.state("site:" + identifier)
        return found if isinstance(found, Site) else None

    whole = compose(
        Sources(
            battery,
            events,
            model if isinstance(model, Model) else None,
            lookup.organisation,
            site_of,
            f"https://{host}/b/{battery.code}",
        )
    )
    seen = {name: one for name, one in whole.values.items() if eyes.see(PASSPORT, name)}
    return Told(seen, tuple(name for name in whole.values if name not in seen), whole)
