"""
Claim tokens: who shows one is the owner of a sold vehicle. Of tokens only hashes are kept, of owners nothing.

One token counts for a vehicle at a time: making another ends it at once, and so does another sale on record.
"""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from typing import Final

from voltrail.accounts import trail
from voltrail.accounts.accounts import actor_of
from voltrail.accounts.attempts import count_attempt, forget_attempts
from voltrail.accounts.person import Person, digest_of
from voltrail.accounts.trail import Actor
from voltrail.database.database import Connection
from voltrail.errors import AccessError
from voltrail.events.reading import VIN
from voltrail.organisations.access import Claim
from voltrail.registry.registry import Registry

CLAIM_LASTS: Final = timedelta(days=5 * 366)
PREFIX: Final = "owner_"
_LONGEST: Final = 100


class Owners:
    """The claim tokens of one registry; threads and servers may share it."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._database = registry, registry.database

    def make(self, person: Person, vin: str, address: str) -> str:
        """
        Return a new token for a vehicle that a person's organisation has sold; it is shown this once.

        The first of a sale opens where the batteries were from the sale on, a further one from now on: it may
        be for another owner. Raises AccessError (`owner.not_seller`), the same for an unknown vehicle.
        """
        vin = vin.strip().upper()
        sale = self._registry.sale(vin) if VIN.fullmatch(vin) else None
        if sale is None or sale.reporter != person.organisation:
            raise AccessError(
                "owner.not_seller",
                "Your organisation is not on record as the last to have sold this vehicle.",
                "Report its sale (`sold`) first, and check its identification number.",
            )
        with self._database.pool.connection() as connection, connection.transaction():
            _lock(connection, vin)
            before = connection.execute(
                "select 1 from owner_claim where vin = %s and sale = %s limit 1", (vin, sale.index)
            ).fetchone()
            claim = Claim(vin, sale.index, sale.reporter, _now_ms() if before else 0)
            secret = _replace(connection, claim)
            trail.note(connection, "claim.made", actor_of(person, address), vin)
        return secret

    def show(self, secret: str, address: str) -> Claim:
        """
        Return what a token shows. Guessing is counted per address.

        Raises AccessError: `owner.token` for one that is none or has ended, `access.locked` after too many.
        """
        guesser = f"owner {address}"
        with self._database.pool.connection() as connection:
            count_attempt(connection, guesser, address)
            claim = self.by_secret(secret.strip())
            if claim is None:
                trail.note(connection, "claim.failed", Actor(address=address))
                raise _no_claim()
            forget_attempts(connection, guesser, address)
            trail.note(connection, "claim.shown", Actor(address=address), claim.vin)
        return claim

    def by_secret(self, secret: str) -> Claim | None:
        """Return what a token shows, or None when it is none, has ended, or the vehicle was sold again."""
        if not secret.startswith(PREFIX) or len(secret) > _LONGEST or not secret.isascii():
            return None
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select vin, sale, seller, from_ms from owner_claim"
                " where digest = %s and ended_at is null and expires_at > now()",
                (digest_of(secret),),
            ).fetchone()
        claim = Claim(*row) if row is not None else None
        if claim is None or (sale := self._registry.sale(claim.vin)) is None or sale.index != claim.sale:
            return None
        return claim

    def pass_on(self, secret: str, address: str) -> str:
        """Return a token for the next owner; the one shown ends. Raises AccessError when it has already."""
        claim = self.by_secret(secret)
        if claim is None:
            raise _no_claim()
        with self._database.pool.connection() as connection, connection.transaction():
            _lock(connection, claim.vin)
            ended = connection.execute(
                "update owner_claim set ended_at = now() where digest = %s and ended_at is null",
                (digest_of(secret),),
            )
            if not ended.rowcount:  # passed on by somebody else meanwhile
                raise _no_claim()
            passed = _replace(connection, Claim(claim.vin, claim.sale, claim.seller, _now_ms()))
            trail.note(connection, "claim.passed_on", Actor(address=address), claim.vin)
        return passed


def _lock(connection: Connection, vin: str) -> None:
    """Let nobody else make a token of this vehicle until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 8))", (vin,))


def _replace(connection: Connection, claim: Claim) -> str:
    """Return the secret of a new token; the one of this vehicle that counted ends."""
    secret = PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        "update owner_claim set ended_at = now() where vin = %s and ended_at is null", (claim.vin,)
    )
    connection.execute(
        "insert into owner_claim (digest, vin, sale, seller, from_ms, expires_at)"
        " values (%s, %s, %s, %s, %s, now() + %s)",
        (digest_of(secret), claim.vin, claim.sale, claim.seller, claim.from_ms, CLAIM_LASTS),
    )
    return secret


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_claim() -> AccessError:
    return AccessError(
        "owner.token",
        "This token is none, or has ended: another was made, or the vehicle was sold again.",
        "Type it again as it was given to you, or ask who sold you the vehicle for another.",
    )
