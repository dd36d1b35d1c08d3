"""Passports as their readers are told them, signed by a host of these tests."""

from datetime import UTC, datetime

from voltrail.ledger.keys import Signer
from voltrail.organisations.access import PASSPORT, may_see
from voltrail.passport import Issuer, Told

AT = datetime(2027, 3, 1, 8, tzinfo=UTC)
HOST = "demo.voltrail.example"
SIGNER = Signer.from_seed(f"{HOST}/log/host/host-1", b"1" * 32)
ISSUER = Issuer(HOST, SIGNER, b"s" * 32, AT)


def told_to(audience, passport, issuer=ISSUER):
    """Return what an audience is told of a passport."""
    seen = {name: one for name, one in passport.values.items() if may_see(audience, PASSPORT, name)}
    return Told(seen, tuple(name for name in passport.values if name not in seen), passport, issuer=issuer)
