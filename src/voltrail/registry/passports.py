"""Passports from the record: what a reader may see of one, as it stands or as it stood."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from voltrail.lifecycle import Battery, Model, effective_events
from voltrail.organisations.access import PASSPORT, Eyes
from voltrail.organisations.trust import Site
from voltrail.passport import Known, Sources, Told, compose
from voltrail.passport.compose import of_model
from voltrail.registry.lookup import Lookup


def values_of(lookup: Lookup, model: Model, host: str) -> dict[str, Known]:
    """Return what passports say the same of each battery of a model."""
    return of_model(model, lookup.organisation, host)


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
            host,
        )
    )
    seen = {name: one for name, one in whole.values.items() if eyes.see(PASSPORT, name)}
    return Told(seen, tuple(name for name in whole.values if name not in seen), whole)
