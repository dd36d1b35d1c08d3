"""
What is said of organisations: the lines by which they, their roles, keys and sites come on record.

Nothing here reports. A line that these functions give is an event in the strict form; whoever may say it
signs it.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import msgspec

from voltrail.errors import EventError, IdentityError
from voltrail.events import decode
from voltrail.ledger.keys import Verifier, encode64
from voltrail.organisations.identifiers import check_gln, check_organisation, check_region
from voltrail.organisations.trust import ALGORITHMS


def line_of(kind: str, occurred_at: datetime, **members: Any) -> bytes:
    """
    Return the line of an event; members that are None are left out, `from_` stands for `from`.

    Raises EventError when it is none.
    """
    named = {"kind": kind, "occurred_at": occurred_at.isoformat(timespec="seconds")}
    given = {name.rstrip("_"): value for name, value in members.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):  # JSON has none: it would be left out
            raise EventError("event.value", f"{name} is {value}, which is no number.", "Give the number.")
    try:
        line = msgspec.json.encode(named | given)
    except UnicodeEncodeError:  # bytes of a command line that are no UTF-8
        raise EventError("event.value", "A text is not UTF-8.", "Type it anew.") from None
    decode(line)
    return line


def check_day(text: str) -> str:
    """Return a day unchanged, written 2026-05-03. Raises EventError (`event.day`)."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise EventError("event.day", f"{text[:40]!r} is no day.", "Write it as 2026-05-03: year, month, day.")


def midnight(day: str) -> str:
    """Return when a day begins in China, by which the record counts days."""
    return f"{check_day(day)}T00:00:00+08:00"


def key_of(organisation: str, vkey: str) -> Verifier:
    """
    Return the public key that an organisation gives, as `voltrail key new` prints it: NAME+ID+KEY.

    Raises NoteError; IdentityError (`key.holder`, `key.form`) for another's key, or one of no use here.
    """
    verifier = Verifier(vkey.strip())
    if verifier.holder != organisation:
        raise IdentityError(
            "key.holder",
            f"This key is named {verifier.name[:120]}; it is not one of {organisation}.",
            f"Make one with the name {organisation}/KEY_ID.",
        )
    if verifier.algorithm not in ALGORITHMS:
        raise IdentityError(
            "key.form", f"Keys of the kind {verifier.algorithm} do not sign reports.", "Make an Ed25519 key."
        )
    return verifier


def key_added(
    key: Verifier, occurred_at: datetime, *, host_may_sign: bool = False, batch: str | None = None
) -> bytes:
    """Return the line by which a key comes on record for the organisation that holds it."""
    return line_of(
        "key_added",
        occurred_at,
        organisation=key.holder,
        key_id=key.name.rpartition("/")[2],
        algorithm=key.algorithm,
        public_key=encode64(key.public_key),
        host_may_sign=host_may_sign or None,
        batch=batch,
    )


def site_registered(
    organisation: str, occurred_at: datetime, site: str, name: str, region: str, site_type: str, **more: Any
) -> bytes:
    """
    Return the line by which a site comes on record; an identifier of 13 digits is a GLN.

    `more` are further members, left out where they are empty. Raises IdentityError (`identity.gln`,
    `identity.region`, `identity.organisation`), EventError.
    """
    for maker in more.get("makers", ()):
        check_organisation(maker)
    if len(site) == 13 and site.isascii() and site.isdigit():
        check_gln(site)
    return line_of(
        "site_registered",
        occurred_at,
        site=site,
        organisation=organisation,
        name=name or None,
        region=check_region(region),
        site_type=site_type,
        **{member: value for member, value in more.items() if value or value == 0},
    )


def same_but_for_time(one: Any, other: Any) -> bool:
    """Return whether two events say the same, whenever that was."""
    return type(one) is type(other) and msgspec.structs.replace(one, occurred_at=other.occurred_at) == other
