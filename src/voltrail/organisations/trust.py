"""
Who may act and sign: roles with their dates, keys with their indices, sites.

Roles hold by date, since reports arrive weeks after the fact and are judged
by the roles of the day. Keys hold by index in the log: nothing a reporter
claims about time, `occurred_at` least of all, decides whether a signature counts.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from voltrail.errors import IdentityError, NoteError
from voltrail.events.table import HOLDING_ROLES, ROLES
from voltrail.events.words import ROLES_ZH
from voltrail.ledger.keys import Verifier

__all__ = [
    "ALGORITHMS",
    "HOLDING_ROLES",
    "ROLES",
    "ROLES_ZH",
    "Key",
    "Organisation",
    "RolePeriod",
    "Site",
    "check_key",
    "has_role",
    "key_for",
    "keys_at",
    "roles_at",
]

ALGORITHMS: Final[dict[str, int]] = {"ed25519": 32, "ecdsa-p256-sha256": 65}
"""Signature algorithms and the length of their raw public keys in bytes."""


class RolePeriod(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A role from a moment, until (not including) another; open when `until` is None."""

    role: str
    since: datetime
    until: datetime | None = None


class Key(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A key counts for entries after the index it was added at, up to the one it was revoked at."""

    key_id: str
    algorithm: str
    public_key: str
    added: int
    host_may_sign: bool = False
    revoked: int | None = None
    compromised_since: datetime | None = None


class Organisation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What the record says of an organisation.

    `former` is the organisation whose successor it is; `mended` are pairs of
    an index and the last correction of it.
    """

    identifier: str
    name: str = ""
    country: str | None = None
    former: str | None = None
    roles: tuple[RolePeriod, ...] = ()
    keys: tuple[Key, ...] = ()
    registered_at: datetime | None = None
    latest: datetime | None = None
    count: int = 0
    mended: tuple[tuple[int, int], ...] = ()
    address: str | None = None

    @property
    def lets_host_sign(self) -> bool:
        """Whether the host may sign for it: it has no valid key of its own, or one of them says so."""
        keys = [key for key in self.keys if key.revoked is None]
        return not keys or any(key.host_may_sign for key in keys)


class Site(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    What the record says of a site: where it is, in degrees (WGS 84); `makers` for whom it takes back.

    A swap station has `interfaces` that it handles, bays, slots for packs, chargers and their power.
    """

    identifier: str
    organisation: str = ""
    name: str | None = None
    region: str | None = None
    site_type: str | None = None
    latest: datetime | None = None
    count: int = 0
    mended: tuple[tuple[int, int], ...] = ()
    makers: tuple[str, ...] = ()
    address: str | None = None
    phone: str | None = None
    hours: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    closed: bool | None = None
    interfaces: tuple[str, ...] = ()
    bays: int | None = None
    slots: int | None = None
    chargers: int | None = None
    charger_kw: float | None = None


def roles_at(organisation: Organisation, when: datetime) -> frozenset[str]:
    """Return the roles an organisation had at a moment."""
    return frozenset(
        period.role
        for period in organisation.roles
        if period.since <= when and (period.until is None or when < period.until)
    )


def has_role(organisation: Organisation, roles: Collection[str], when: datetime) -> bool:
    """Return whether an organisation had one of these roles at a moment. Cheap: the hot path asks."""
    for period in organisation.roles:
        if period.role in roles and period.since <= when and (period.until is None or when < period.until):
            return True
    return False


def keys_at(organisation: Organisation, index: int) -> tuple[Key, ...]:
    """Return the keys that count for the entry at an index."""
    return tuple(
        key
        for key in organisation.keys
        if key.added < index and (key.revoked is None or index <= key.revoked)
    )


def key_for(organisation: Organisation, key_id: str, at_index: int) -> Key | None:
    """Return the key of that name which counts for the entry at an index, or None."""
    return next((key for key in keys_at(organisation, at_index) if key.key_id == key_id), None)


def check_key(algorithm: str, public_key: str) -> bytes:
    """
    Return the raw public key: Ed25519 of 32 bytes, P-256 uncompressed of 65.

    Raise `IdentityError` when the algorithm is unknown, or the text is not
    canonical base64 of a key of that length, or the point is not on the curve.
    """
    length = ALGORITHMS.get(algorithm)
    if length is None:
        raise _bad_key(f"The algorithm {algorithm[:40]!r} is not known.", f"Use {' or '.join(ALGORITHMS)}.")
    try:
        raw = b64decode(public_key, validate=True)
    except ValueError:
        raw = b""
    if b64encode(raw).decode() != public_key or len(raw) != length:
        raise _bad_key(f"The public key is not {length} bytes in base64.", "Give the raw key, padded with =.")
    if length == 65 and raw[0] != 4:
        raise _bad_key("The P-256 key is not uncompressed.", "Its first byte must be 0x04.")
    try:
        Verifier.of("check/key", algorithm, raw)
    except NoteError as error:
        raise _bad_key(
            "The public key is not a point on its curve.", "Give the key as it was made."
        ) from error
    return raw


def _bad_key(message: str, fix: str) -> IdentityError:
    """Return the error for a key that cannot be used."""
    return IdentityError("key.form", message, fix, source="formats.md, Event line")
