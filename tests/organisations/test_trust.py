"""Roles hold by date, keys by index."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import get_args

import pytest

from voltrail.errors import IdentityError
from voltrail.events import kinds
from voltrail.ledger.keys import Signer
from voltrail.lifecycle import Recorded, fold
from voltrail.organisations.trust import (
    HOLDING_ROLES,
    ROLES,
    ROLES_ZH,
    check_key,
    has_role,
    key_for,
    roles_at,
)

ORGANISATION = "91000000MA0000000X"
KEY = b64encode(bytes(32)).decode()


def day(number):
    """Return a day of May 2026."""
    return datetime(2026, 5, number, tzinfo=UTC)


def told(*events):
    """Return the organisation after these events, at indices 10, 20, 30, ..."""
    history = [Recorded(10 * n, event, "authority", 0) for n, event in enumerate(events, 1)]
    return fold(f"organisation:{ORGANISATION}", history)


def granted(number, **fields):
    """Return a role granted on a day of May."""
    return kinds.RoleGranted(
        occurred_at=day(number), organisation=ORGANISATION, role="battery_maker", **fields
    )


def test_every_role_has_a_chinese_name():
    """The roles of the events, of the table and of the pages are the same."""
    assert set(ROLES_ZH) == set(get_args(kinds.Role)) == ROLES
    assert "authority" not in HOLDING_ROLES


def test_a_role_holds_from_its_day_until_its_last():
    """From the moment granted, or the one named, until the one named."""
    organisation = told(granted(5), granted(20, from_=day(1), until=day(3)))

    assert roles_at(organisation, day(2)) == {"battery_maker"}
    assert roles_at(organisation, day(3)) == frozenset()
    assert has_role(organisation, frozenset({"battery_maker"}), day(5))


def test_a_role_that_was_revoked_still_held_before():
    """Past deeds are judged by the roles of their day."""
    revoked = kinds.RoleRevoked(occurred_at=day(9), organisation=ORGANISATION, role="battery_maker")
    organisation = told(granted(5), revoked)

    assert roles_at(organisation, day(8))
    assert not roles_at(organisation, day(9))


def test_a_key_counts_after_it_was_added_and_until_it_was_revoked():
    """By index, since nobody can move an index."""
    organisation = told(
        kinds.OrganisationRegistered(occurred_at=day(1), organisation=ORGANISATION, name="示例"),
        kinds.KeyAdded(
            occurred_at=day(1), organisation=ORGANISATION, key_id="k", algorithm="ed25519", public_key=KEY
        ),
        kinds.KeyRevoked(occurred_at=day(2), organisation=ORGANISATION, key_id="k"),
    )

    assert organisation.name == "示例"
    assert key_for(organisation, "k", 20) is None
    assert key_for(organisation, "k", 21).public_key == KEY
    assert key_for(organisation, "k", 30) is not None
    assert key_for(organisation, "k", 31) is None
    assert key_for(organisation, "other", 21) is None


def test_keys_are_checked_by_length_and_form():
    """Raw Ed25519 or uncompressed P-256 in canonical base64, nothing else."""
    assert check_key("ed25519", KEY) == bytes(32)
    point = Signer.generate("A/k", "ecdsa-p256-sha256").verifier.public_key
    assert check_key("ecdsa-p256-sha256", b64encode(point).decode()) == point
    with pytest.raises(IdentityError, match="curve"):
        check_key("ecdsa-p256-sha256", b64encode(b"\x04" + bytes(64)).decode())
    for algorithm, text in [("ed25519", KEY[:-1]), ("ed25519", "A" * 42 + "B="), ("rsa", KEY)]:
        with pytest.raises(IdentityError):
            check_key(algorithm, text)
