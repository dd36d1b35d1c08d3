"""
Who may see what: one dated table, behind one function that everything uses.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 5, 1, tzinfo=UTC)
    >>> may_see("public", "installed", "code", at), may_see("public", "installed", "vin", at)
    (True, False)

Access is a lattice, not levels: every member of every kind, and every attribute of a battery, has its own
set of audiences. Public are what the battery is and which steps it went through; not where it is, whose it
is, which vehicle carries it, or how it is worn.

A `Reader` is who asks. What it is towards one battery follows from the record: its `Sight`, several
audiences at once, each from a place in the battery's life on. `Eyes` are what it has for one thing: an
event, or the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from voltrail.errors import AccessError
from voltrail.events.kinds import STRUCTS, member_names
from voltrail.events.points import POINTS

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
DETAIL: Final[Audiences] = EVERYONE - {"public"}
EVIDENCE: Final[Audiences] = frozenset({"authority_cn", "authority_eu", "auditor", "operator", "reporter"})
INTERNAL: Final[Audiences] = frozenset({"authority_cn", "auditor", "reporter"})


class Eyes(msgspec.Struct, frozen=True):
    """The audiences that somebody has towards one thing, and when they look (None: by the latest rows)."""

    audiences: Audiences
    at: datetime | None = None

    def see(self, kind: str, member: str) -> bool:
        """Return whether they see a member of a kind of event, or an attribute of a BATTERY."""
        return may_see(self.audiences, kind, member, self.at)


class Claim(msgspec.Struct, frozen=True):
    """
    What a claim token shows: whose vehicle it is, by which entry of the log it was sold, and by whom.

    The owner sees where it was from `from_ms` on (milliseconds since 1970), or from the sale on, if later.
    """

    vin: str
    sale: int
    seller: str
    from_ms: int = 0


class Reader(msgspec.Struct, frozen=True):
    """
    Who reads, and when: what it is towards everything, its organisation, the vehicle it showed to be its own.

    What it is towards one battery depends on the record: see `Sight`. `login` is for the log of uses.
    """

    audience: str = "public"
    organisation: str | None = None
    login: str = ""
    claim: Claim | None = None
    at: datetime | None = None

    @property
    def eyes(self) -> Eyes:
        """What it has towards everything: lists, and batteries it has nothing to do with."""
        return Eyes(frozenset({self.audience}), self.at)


PUBLIC: Final = Reader()


class Since(msgspec.Struct, frozen=True):
    """
    From where in a battery's life something is so: from an entry of the log on, and from a time on.

    `told_ms` is when the record learnt it. Both times are milliseconds since 1970.
    """

    index: int = -1
    from_ms: int = 0
    told_ms: int = 0

    def but_not_before(self, other: Since) -> Since:
        """Return from where on both are so."""
        return Since(
            max(self.index, other.index),
            max(self.from_ms, other.from_ms),
            max(self.told_ms, other.told_ms),
        )

    def covers(self, index: int, occurred_ms: int) -> bool:
        """Return whether an event came, and happened, no earlier; what came late is of the time before."""
        return index >= self.index and occurred_ms >= self.from_ms


class Standing(msgspec.Struct, frozen=True):
    """One audience that a reader has towards a battery; without `since`, for all of its life."""

    audience: str
    since: Since | None = None


class Sight(msgspec.Struct, frozen=True):
    """
    As whom a reader reads one battery: its state, and each of its events.

    Who holds, owns or answers for it sees the state and the events since then as that. What went before
    is seen as by who has a legitimate interest: nobody learns where a battery was by saying that he has it.
    """

    reader: Reader
    standings: tuple[Standing, ...] = ()

    def state(self, at_ms: int | None = None) -> Eyes:
        """Return the eyes for the state: as it is, or as it was at a time (milliseconds since 1970)."""
        return self._eyes(
            standing.audience
            for standing in self.standings
            if (since := standing.since) is None
            or at_ms is None
            or at_ms >= max(since.from_ms, since.told_ms)
        )

    def event(self, kind: str, index: int, occurred_ms: int, reporter: str) -> Eyes:
        """Return the eyes for an event; a correction may speak of any time, so it counts as earlier."""
        audiences = [
            standing.audience
            for standing in self.standings
            if (since := standing.since) is None or (kind != "corrected" and since.covers(index, occurred_ms))
        ]
        if self.reader.organisation is not None and reporter == self.reader.organisation:
            audiences.append("reporter")
        return self._eyes(audiences)

    def _eyes(self, audiences: Iterable[str]) -> Eyes:
        interest = {"legitimate_interest"} if self.standings else ()
        return Eyes(frozenset({self.reader.audience, *interest, *audiences}), self.reader.at)


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
        "standard",
        "decision",
        "method",
        "model_id",
        "campaigns",
        "protocol",
        "protocols",
        "outcome",
        "stage",
        "plan",
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
        "makers",
        "address",
        "phone",
        "hours",
        "latitude",
        "longitude",
        "closed",
        "interfaces",
        "bays",
        "slots",
        "chargers",
        "charger_kw",
        "swap_pack",
        "level",
        "chemistry",
        "voltage_v",
        "form_factor",
        "composition",
        "certificate",
        "certified_on",
        "purpose",
        "title",
        "digest",
        "issuer",
        "issued_on",
        "number",
        "log",
        "events",
        "head",
        "operator",
        "part",
        "supplier_name",
        "supplier_id",
        "signature",
    ]
)
_CONDITION_MEMBERS: Final = frozenset(
    [
        "soh_fraction",
        "cycles",
        "distance_km",
        "resistance_mohm",
        "incident",
        "severity",
        "work",
        "reasons",
        "transport",
        "soh_low",
        "method_version",
        "measured_from",
        "measured_until",
        "sessions",
        "trace_digest",
        "alarm_level",
        "alarms",
        "soh_high",
        "life_years_low",
        "life_years_high",
        "test",
        "test_ordered",
        "results",
        "conditions",
        "data",
        "instrument",
        "calibrated_on",
        "deviations",
        "signed_off_by",
    ]
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
        "packing",
        "consent",
        "site",
        "odometer_km",
        "taken_out",
        "put_in",
        "photo_digest",
        "how",
        "energy_out_kwh",
        "energy_in_kwh",
        "certificate_no",
        "swap_interface",
        "certificate_date",
        "buyer_region",
        "lot",
        "lots",
        "substance",
        "origin",
        "moisture_fraction",
        "assays",
        "waste",
        "waste_code",
        "inputs",
        "outputs",
        "additions",
        "emissions",
        "parts_mass_kg",
        "tolerance_fraction",
        "custody",
        "recycled_kg",
        "from_country",
        "production_line",
        "step",
        "unit",
        "entered",
        "good",
        "scrapped",
        "readings",
        "product",
    ]
)
# `epcis` holds whatever the sender wrote, notes and names of others among it.
_INTERNAL_MEMBERS: Final = frozenset({"batch", "note", "epcis", "evidence", "line"})

# Where a name does not mean the same in every kind.
_OVERRIDES: Final[dict[tuple[str, str], Audiences]] = {
    ("credit_spent", "mass_kg"): CUSTODY,  # how much goes into what is the maker's matter
    **{
        (kind, member): CUSTODY
        for kind in ("lot_created", "lot_processed", "lot_moved")
        for member in ("lot", "mass_kg", "process", "country", "supplier_name", "digest")
    },
    ("manufactured", "energy_kwh"): EVERYONE,
    ("model_registered", "energy_kwh"): EVERYONE,
    ("model_registered", "capacity_ah"): EVERYONE,
    ("measured", "energy_kwh"): CONDITION,
    ("measured", "capacity_ah"): CONDITION,
    ("measured", "method"): CONDITION,
    ("manufactured", "points"): CONDITION,
    ("manufactured", "site"): EVERYONE,  # where it was made stands on the label, and in the passport
    ("measured", "points"): CONDITION,
    ("points_declared", "points"): EVIDENCE,  # point by point they are read in the passport
    ("answer_accepted", "points"): EVIDENCE,
    ("answer_accepted", "answer"): EVIDENCE,
    ("installed", "reason"): CONDITION,
    ("removed", "reason"): CONDITION,
    ("retired", "reason"): CONDITION,
    ("destroyed", "reason"): CONDITION,
    ("passport_ceased", "reason"): EVERYONE,
    ("responsibility_transferred", "to"): EVERYONE,  # the economic operator stands on the label
    ("role_granted", "from"): EVERYONE,
    ("role_revoked", "from"): EVERYONE,
    ("site_registered", "site"): EVERYONE,
    ("site_registered", "name"): EVERYONE,
    ("corrected", "codes"): CUSTODY,  # they may be those of a stocktaking
    ("stocktaken", "codes"): CUSTODY,  # what stands together in one store is its keeper's matter
}


PASSPORT: Final = "passport"
"""In the place of a kind: the data points of passports (`events/points.py`), by Article 77(2)."""

_OF_POINTS: Final = {"public": EVERYONE, "detail": DETAIL, "evidence": EVIDENCE, "condition": CONDITION}

BATTERY: Final = "battery"
"""In the table, in the place of a kind: the attributes of a battery's state."""

ATTRIBUTES: Final[dict[str, Audiences]] = {
    **dict.fromkeys(
        (
            "code",
            "level",
            "chemistry",
            "production_date",
            "model",
            "phase",
            "end",
            "ended_at",
            "parent",
            "operator",
            "history_before",
            "identified_as",
            "predecessors",
            "successors",
            "parts",
            "events",
        ),
        EVERYONE,
    ),
    **dict.fromkeys(("soh_fraction", "measured_at", "transport"), CONDITION),
    **dict.fromkeys(("place", "holder", "vin", "system", "site", "owner", "reporter"), CUSTODY),
    # The words of a finding name organisations and vehicles, of the time before too; its kind is public.
    "findings": frozenset({"authority_cn", "auditor"}),
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
                table[kind, member] = (_row_of(audiences),)
    for attribute, audiences in ATTRIBUTES.items():
        table[BATTERY, attribute] = (_row_of(audiences),)
    for point in POINTS.values():
        table[PASSPORT, point.name] = (_row_of(_OF_POINTS[point.audience]),)
    return table


def _row_of(audiences: Audiences) -> Disclosure:
    """Return the row that stands from the beginning; what few may see does not leave the country."""
    leaves = _AT_HOME if audiences.isdisjoint({"legitimate_interest", "authority_eu"}) else _ANYWHERE
    return Disclosure(audiences, leaves, _SINCE)


TABLE: Final = _table()


def member_audiences(kind: str, member: str, at: datetime | None = None) -> Audiences:
    """
    Return who may see a member of a kind, at a moment or by the latest rows.

    Nobody, for a member that is not in the table: what is new is closed until someone opens it.
    """
    row = _row(kind, member, at)
    return row.audiences if row is not None else frozenset()


def may_see(who: str | Audiences, kind: str, member: str, at: datetime | None = None) -> bool:
    """Return whether an audience, or one of several, may see a member, by the rows in force at a moment."""
    audiences = frozenset({who}) if isinstance(who, str) else who
    if unknown := audiences - EVERYONE:
        raise AccessError(
            "access.audience",
            f"There is no audience called {min(unknown)[:40]!r}.",
            f"Name one of {', '.join(AUDIENCES)}.",
        )
    return not audiences.isdisjoint(member_audiences(kind, member, at))


def may_leave(jurisdiction: str, kind: str, member: str, at: datetime | None = None) -> bool:
    """Return whether a member of a kind of event may leave to a jurisdiction (CN, EU)."""
    row = _row(kind, member, at)
    return row is not None and jurisdiction in row.jurisdictions


def disclose(
    who: str | Audiences, kind: str, names: Iterable[str], at: datetime | None = None
) -> tuple[str, ...]:
    """Return those of the members, in their order, that somebody may see."""
    return tuple(name for name in names if may_see(who, kind, name, at))


def _row(kind: str, member: str, at: datetime | None) -> Disclosure | None:
    """Return the row in force for a member of a kind."""
    for row in TABLE.get((kind, member), ()):
        if at is None or row.valid_from <= at:
            return row
    return None


_HEAD: Final = """\
## The table

Printed from `voltrail/organisations/access.py`; do not edit.

`battery` are the attributes of a battery, `passport` the data points of its EU passport; the others are kinds
of events. What is in no column nobody sees.

"""

_COLUMNS: Final[tuple[tuple[str, Audiences], ...]] = (
    ("Everybody", EVERYONE),
    ("Condition: not the public, nor EU authorities", CONDITION),
    ("Whereabouts: holder, owner, reporter, authority, auditor", CUSTODY),
    ("Reporter, authority, auditor", INTERNAL),
    ("Authority, auditor", ATTRIBUTES["findings"]),
    ("Detail: legitimate interest and authorities", DETAIL),
    ("Evidence: authorities, auditor, operator, reporter", EVIDENCE),
)


def document() -> str:
    """Return the table as it stands at the end of docs/access.md."""
    heads = ["", *(head for head, _ in _COLUMNS)]
    rows = ["| " + " | ".join(heads) + " |\n", "|---" * len(heads) + "|\n"]
    return _HEAD + "".join([*rows, *(_line(kind) for kind in (BATTERY, PASSPORT, *STRUCTS))])


def _line(kind: str) -> str:
    """Return a row of the document: what each set of audiences sees of a kind."""
    seen: dict[Audiences, list[str]] = {audiences: [] for _, audiences in _COLUMNS}
    for of, member in TABLE:
        if of == kind:
            seen[member_audiences(of, member)].append(member)
    return f"| {kind} | " + " | ".join(", ".join(names) for names in seen.values()) + " |\n"
