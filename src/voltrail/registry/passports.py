"""Passports from the record: what a reader may see of one, as it stands or as it stood."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

from voltrail.ledger.keys import ED25519, Verifier, decode64
from voltrail.lifecycle import Battery, Model, effective_events
from voltrail.organisations.access import PASSPORT, Eyes
from voltrail.organisations.trust import Site
from voltrail.passport import Issuer, Sources, Told, compose
from voltrail.registry.lookup import Lookup
from voltrail.registry.settings import Keys


def issuer(host: str, keys: Keys, as_of: datetime | None = None) -> Issuer:
    """Return the host as it gives passports now."""
    secret = hmac.digest(keys.host_secret, b"voltrail.passports", "sha256")
    return Issuer(host, keys.host, secret, datetime.now(UTC), as_of)


def issuing_keys(lookup: Lookup, organisation: str, own: Verifier) -> list[Verifier]:
    """Return the keys by which a host's credentials verify: on record and not revoked, and its own."""
    found = lookup.organisation(organisation)
    on_record = {key.key_id: key for key in found.keys if key.algorithm == ED25519} if found else {}
    keys = [
        Verifier.of(f"{organisation}/{name}", key.algorithm, decode64(key.public_key))
        for name, key in on_record.items()
        if key.revoked is None
    ]
    return keys if own.name.rpartition("/")[2] in on_record else [*keys, own]


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
