"""Who asks, once that is known: a person by a session, or a program by a token."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Final, Literal

import msgspec

Role = Literal["administrator", "member"]
Scope = Literal["read", "report"]
ROLES: Final[tuple[Role, ...]] = ("administrator", "member")
SCOPES: Final[tuple[Scope, ...]] = ("read", "report")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """
    An account, and how it was shown that it is this one.

    `digest` is that of the session, None for a token. `scopes` are what it may do: all for a session, none
    while its password is a one-time one (`must_change`).
    """

    account: int
    login: str
    organisation: str
    role: Role
    scopes: frozenset[Scope]
    digest: bytes | None = None
    must_change: bool = False
    csrf: str = ""

    @property
    def administers(self) -> bool:
        """Whether it may look after accounts: by a session only, never by a token."""
        return self.role == "administrator" and self.digest is not None and not self.must_change

    def fits(self, token: str) -> bool:
        """Return whether a form was made for this very session."""
        return bool(self.csrf) and is_same(self.csrf, token)


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret of 256 random bits: too many to guess, so no salt is needed."""
    return sha256(secret.encode()).digest()


def is_same(kept: str, given: str) -> bool:
    """Return whether somebody gave what is kept, in a time that does not tell how much of it was right."""
    return compare_digest(kept.encode(), given.encode(errors="replace"))


def csrf_of(secret: str) -> str:
    """Return the token of the forms made for whoever holds a secret cookie; it leads back to none."""
    return sha256(b"voltrail form\0" + secret.encode()).hexdigest()
