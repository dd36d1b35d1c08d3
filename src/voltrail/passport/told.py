"""A passport as one reader sees it: what every output is written from."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

from voltrail.errors import UsageError
from voltrail.events.points import Value
from voltrail.ledger.keys import Signer
from voltrail.lifecycle import Issued
from voltrail.lifecycle.passports import passport_id
from voltrail.passport.compose import Known, Passport


class Issuer(msgspec.Struct, frozen=True):
    """
    Who gives a passport, and when: the host and its key, a secret from which salts follow.

    `as_of` is the time as of which it was asked for; None for the passport as it stands.
    """

    host: str
    signer: Signer
    secret: bytes
    at: datetime
    as_of: datetime | None = None

    @property
    def address(self) -> str:
        """The host's address."""
        return f"https://{self.host}"

    def salts(self, passport: Passport) -> SaltOf:
        """
        Return the salts of a passport's points, which nobody can know without the secret.

        They are the same for every reader of the same passport, and all others once anything in it changes:
        so digests tell nobody that a value which he does not see has stayed, or has come back.
        """
        stands = sha256(msgspec.json.encode((passport.code, passport.values))).digest()
        return SaltOf(hmac.digest(self.secret, b"voltrail.passport" + stands, "sha256"))


class SaltOf(msgspec.Struct, frozen=True):
    """The salts of one passport."""

    key: bytes

    def __call__(self, point: str) -> bytes:
        """Return the salt of a point, 16 bytes."""
        return hmac.digest(self.key, point.encode(), "sha256")[:16]


class Edition(msgspec.Struct, frozen=True):
    """
    Which passport of a battery it is, and how it stands; a draft was not issued yet.

    `why` says what ended one; `previous` and `next` are the ids of those it follows, and that follow it.
    """

    id: str
    number: int
    status: str
    issued_at: datetime | None = None
    ended_at: datetime | None = None
    why: str | None = None
    previous: list[str] = []
    next: list[str] = []

    @classmethod
    def of(cls, code: str, issued: Issued | None, *links: list[str]) -> Edition:
        """Return what is told of a passport and its links; without one, of the first that may be issued."""
        if issued is None:
            return cls(passport_id(code, 1), 1, "draft")
        number = issued.number
        return cls(
            passport_id(code, number), number, issued.status, issued.since, issued.until, issued.why, *links
        )


class Told(msgspec.Struct, frozen=True):
    """
    A passport as far as a reader sees it; `withheld` names the points that it has and they do not see.

    `whole` is the passport itself, for counting what it lacks. `issuer` gives it, and signs what is signed.
    """

    values: Mapping[str, Known]
    withheld: tuple[str, ...]
    whole: Passport
    edition: Edition
    issuer: Issuer | None = None

    def given_by(self, issuer: Issuer) -> Told:
        """Return it as this issuer gives it."""
        return msgspec.structs.replace(self, issuer=issuer)

    @property
    def by(self) -> Issuer:
        """Who gives it. Raises UsageError where nobody does."""
        if self.issuer is None:
            raise UsageError(
                "passport.issuer", "This form names its host, and there is none.", "Ask the host for it."
            )
        return self.issuer

    def shown(self, barred: Collection[str]) -> dict[str, Value]:
        """Return the values for a document, without those that must not stand in it."""
        return {name: one.value for name, one in self.values.items() if name not in barred}

    def hidden(self, barred: Collection[str]) -> tuple[str, ...]:
        """Return the points that the document could have and the reader does not see."""
        return tuple(name for name in self.withheld if name not in barred)
