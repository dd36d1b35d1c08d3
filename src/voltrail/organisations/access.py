"""
Who may see what: one dated table, behind one function that everything uses.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 5, 1, tzinfo=UTC)
    >>> may_see("public", "installed", "code", at), may_see("public", "installed", "vin", at)
    (True, False)

Access is a lattice, not levels: every member of every kind has its own set of
audiences. Public are what the battery is and which steps it went through;
not where it is, whose it is, which vehicle carries it, or how it is worn.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from voltrail.errors import AccessError
from voltrail.events.kinds import STRUCTS, member_names

AUDIENCES: Final = (
    "public",
    "legitimate_interest",
    "authority_cn",
    "authority_eu",
    "auditor",
    "operator",
    "holder",
    "owner",
    "reporter",
)

Audiences = frozenset[str]

EVERYONE: Final[Audiences] = frozenset(AUDIENCES)
# Annex XIII.4: EU authorities do not see individual batteries' data, though legitimate interest may.
CONDITION: Final[Audiences] = EVERYONE - {"public", "authority_eu"}
WHEREABOUTS: Final[Audiences] = CONDITION - {"legitimate_interest"}
CUSTODY: Final[Audiences] = WHEREABOUTS - {"operator"}
INTERNAL: Final[Audiences] = frozenset({"authority_cn", "auditor", "reporter"})


class Reader(msgspec.Struct, frozen=True):
    """Who reads: an audience; and an organisation, which of each event that it reported is the reporter."""

    audience: str = "public"
    organisation: str | None = None

    def of(self, reporter: str) -> str:
        """Return the audience that an event has in this reader, by who reported the event."""
        own = self.audience == "public" and self.organisation is not None and reporter == self.organisation
        return "reporter" if own else self.audience


PUBLIC: Final = Reader()


class Disclosure(msgspec.Struct, frozen=True):
    """One row: who sees a member, and which jurisdictions it may leave to, from a day on."""

    audiences: Audiences
    jurisdictions: frozenset[str]
    valid_from: datetime


_SINCE: Final = datetime(2018, 1, 1, tzinfo=UTC)
_ANYWHERE: Final = frozenset({"CN", "EU"})
_AT_HOME: Final = frozenset({"CN"})

_PUBLIC_MEMBERS: Final = frozenset(
    [
        "kind",
        "occurred_at",
        "code",
        "codes",
        "right",
        "into",
        "use",
        "decision",
        "method",
        "model_id",
        "mass_kg",
        "phase",
        "manufactured_on",
        "basis",
        "process",
        "campaign",
        "risk",
        "country",
        "cleared_at",
        "corrects",
        "void",
        "organisation",
        "name",
        "former",
        "role",
        "until",
        "algorithm",
        "key_id",
        "public_key",
        "host_may_sign",
        "compromised_since",
        "site_type",
        "region",
        "level",
        "chemistry",
        "voltage_v",
        "form_factor",
        "composition",
        "certificate",
        "certified_on",
    ]
)
_CONDITION_MEMBERS: Final = frozenset(
    ["soh_fraction", "cycles", "distance_km", "resistance_mohm", "incident", "severity", "work", "reasons"]
)
_CUSTODY_MEMBERS: Final = frozenset(
    [
        "vin",
        "place",
        "system",
        "station",
        "to",
        "from",
        "carrier",
        "site",
        "odometer_km",
        "taken_out",
        "put_in",
        "photo_digest",
        "how",
        "energy_out_kwh",
        "energy_in_kwh",
        "certificate_no",
        "certificate_date",
        "buyer_region",
    ]
)
_INTERNAL_MEMBERS: Final = frozenset({"batch", "note", "evidence", "line"})

# Where a name does not mean the same in every kind.
_OVERRIDES: Final[dict[tuple[str, str], Audiences]] = {
    ("manufactured", "energy_kwh"): EVERYONE,
    ("model_registered", "energy_kwh"): EVERYONE,
    ("model_registered", "capacity_ah"): EVERYONE,
    ("measured", "energy_kwh"): CONDITION,
    ("measured", "capacity_ah"): CONDITION,
    ("measured", "method"): CONDITION,
    ("installed", "reason"): CONDITION,
    ("removed", "reason"): CONDITION,
    ("retired", "reason"): CONDITION,
    ("destroyed", "reason"): CONDITION,
    ("responsibility_transferred", "to"): EVERYONE,  # the economic operator stands on the label
    ("role_granted", "from"): EVERYONE,
    ("role_revoked", "from"): EVERYONE,
    ("site_registered", "site"): EVERYONE,
    ("site_registered", "name"): EVERYONE,
    ("corrected", "codes"): CUSTODY,  # they may be those of a stocktaking
    ("stocktaken", "codes"): CUSTODY,  # what stands together in one store is its keeper's matter
}


def _audiences(kind: str, member: str) -> Audiences | None:
    """Return who sees a member, or None when the table does not have it."""
    if (kind, member) in _OVERRIDES:
        return _OVERRIDES[kind, member]
    for members, audiences in (
        (_PUBLIC_MEMBERS, EVERYONE),
        (_CONDITION_MEMBERS, CONDITION),
        (_CUSTODY_MEMBERS, CUSTODY),
        (_INTERNAL_MEMBERS, INTERNAL),
    ):
        if member in members:
            return audiences
    return None


def _table() -> dict[tuple[str, str], tuple[Disclosure, ...]]:
    """Return the table: for each kind and member its rows, the latest first."""
    table: dict[tuple[str, str], tuple[Disclosure, ...]] = {}
    for kind in STRUCTS:
        for member in ("kind", *member_names(kind)):
            audiences = _audiences(kind, member)
            if audiences is not None:
                leaves = _ANYWHERE if "legitimate_interest" in audiences else _AT_HOME
                table[kind, member] = (Disclosure(audiences, leaves, _SINCE),)
    return table


TABLE: Final = _table()


def member_audiences(kind: str, member: str, at: datetime | None = None) -> Audiences:
    """
    Return who may see a member of a kind, at a moment or by the latest rows.

    Nobody, for a member that is not in the table: what is new is closed until someone opens it.
    """
    row = _row(kind, member, at)
    return row.audiences if row is not None else frozenset()


def may_see(audience: str, kind: str, member: str, at: datetime | None = None) -> bool:
    """Return whether an audience may see a member of a kind of event, by the rows in force at a moment."""
    if audience not in EVERYONE:
        raise AccessError(
            "access.audience",
            f"There is no audience called {audience[:40]!r}.",
            f"Name one of {', '.join(AUDIENCES)}.",
        )
    return audience in member_audiences(kind, member, at)


def may_leave(jurisdiction: str, kind: str, member: str, at: datetime | None = None) -> bool:
    """Return whether a member of a kind of event may leave to a jurisdiction (CN, EU)."""
    row = _row(kind, member, at)
    return row is not None and jurisdiction in row.jurisdictions


def disclose(audience: str, kind: str, names: Iterable[str], at: datetime | None = None) -> tuple[str, ...]:
    """Return those of the members, in their order, that an audience may see."""
    return tuple(name for name in names if may_see(audience, kind, name, at))


def _row(kind: str, member: str, at: datetime | None) -> Disclosure | None:
    """Return the row in force for a member of a kind."""
    for row in TABLE.get((kind, member), ()):
        if at is None or row.valid_from <= at:
            return row
    return None
