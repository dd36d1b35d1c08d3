"""
Whose account a provider's subject is, and sign-ins that are on their way to a provider and back.

No provider makes an account, and what it calls somebody counts for nothing: an e-mail address or a login may
be given to somebody else tomorrow. The subject is linked to an account by whoever has its password, once.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec
from psycopg.errors import UniqueViolation

from voltrail.accounts import trail
from voltrail.accounts.accounts import actor_of, begin_session
from voltrail.accounts.attempts import count_attempt, forget_attempts
from voltrail.accounts.person import Person, digest_of
from voltrail.accounts.trail import Actor
from voltrail.database.database import Database
from voltrail.errors import AccessError

LASTS: Final = timedelta(minutes=10)


class Linked(msgspec.Struct, frozen=True):
    """An identity that signs in to an account; `shown` is only for reading."""

    issuer: str
    shown: str
    made_at: datetime


class Pending(msgspec.Struct, frozen=True):
    """Who has signed in at a provider, and has not yet said whose account it is."""

    issuer: str
    subject: str
    shown: str


class Identities:
    """Identities in one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, issuer: str, address: str) -> str:
        """Return the secret of a sign-in that sets out now. Raises AccessError (`access.locked`)."""
        secret = secrets.token_urlsafe(32)
        with self._database.pool.connection() as connection:
            count_attempt(connection, None, address)
            connection.execute("delete from provider_sign_in where expires_at < now()")
            connection.execute(
                "insert into provider_sign_in (digest, issuer, expires_at) values (%s, %s, now() + %s)",
                (digest_of(secret), issuer, LASTS),
            )
        return secret

    def take(self, secret: str, issuer: str) -> None:
        """End a sign-in that came back. Raises AccessError (`access.errand`) the second time."""
        with self._database.pool.connection() as connection:
            taken = connection.execute(
                "delete from provider_sign_in where digest = %s and issuer = %s and subject is null"
                " and expires_at > now()",
                (digest_of(secret), issuer),
            )
        if not taken.rowcount:
            raise not_under_way()

    def sign_in(self, issuer: str, subject: str, address: str, before: str | None = None) -> str | None:
        """
        Return the secret of a new session of the account that a subject is linked to; None when of none.

        The session `before`, of the same browser, ends. Raises AccessError for an account that is shut.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "select a.id, a.login, a.organisation, a.password,"
                " a.disabled_at is null and (a.one_time_until is null or a.one_time_until > now())"
                " from account_identity i join account a on a.id = i.account"
                " where i.issuer = %s and i.subject = %s",
                (issuer, subject),
            ).fetchone()
            if row is None:
                return None
            account, login, organisation, kept, usable = row
            actor = Actor(account, login, organisation, address)
            secret = begin_session(connection, account, kept, address) if usable else None
            if secret is not None:
                forget_attempts(connection, None, address)
                if before is not None:
                    connection.execute("delete from account_session where digest = %s", (digest_of(before),))
            trail.note(connection, "sign_in.failed" if secret is None else "sign_in.done", actor, issuer)
        if secret is None:
            raise AccessError(
                "access.shut", "This account is shut.", "An administrator can give you a one-time password."
            )
        return secret

    def hold(self, pending: Pending) -> str:
        """Return a secret under which it is kept for some minutes who has come back from a provider."""
        secret = secrets.token_urlsafe(32)
        with self._database.pool.connection() as connection:
            connection.execute(
                "insert into provider_sign_in (digest, issuer, subject, shown, expires_at)"
                " values (%s, %s, %s, %s, now() + %s)",
                (digest_of(secret), pending.issuer, pending.subject, pending.shown, LASTS),
            )
        return secret

    def held(self, secret: str) -> Pending:
        """Return who has come back from a provider. Raises AccessError (`access.errand`)."""
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select issuer, subject, shown from provider_sign_in"
                " where digest = %s and subject is not null and expires_at > now()",
                (digest_of(secret),),
            ).fetchone()
        if row is None:
            raise not_under_way()
        return Pending(*row)

    def link(self, secret: str, person: Person, address: str) -> None:
        """
        Link who has come back from a provider to the account of a person who has just shown its password.

        Raises AccessError when the account or the subject is linked already.
        """
        with self._database.pool.connection() as connection:
            try:
                with connection.transaction():
                    row = connection.execute(
                        "delete from provider_sign_in where digest = %s and subject is not null"
                        " and expires_at > now() returning issuer, subject, shown",
                        (digest_of(secret),),
                    ).fetchone()
                    if row is None:
                        raise not_under_way()
                    made = connection.execute(
                        "insert into account_identity (account, issuer, subject, shown)"
                        " select account, %s, %s, %s from account_session where digest = %s for update",
                        (*row, person.digest),
                    )
                    if not made.rowcount:  # reset or disabled meanwhile
                        raise not_under_way()
                    trail.note(
                        connection, "identity.linked", actor_of(person, address), f"{row[0]}: {row[2]}"
                    )
            except UniqueViolation:
                raise AccessError(
                    "access.linked",
                    "This account is already linked with another identity, or that one with another account.",
                    "End that link on the page /account of that account first.",
                ) from None

    def of(self, person: Person) -> list[Linked]:
        """Return the identities that sign in to an account."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select issuer, shown, made_at from account_identity where account = %s order by issuer",
                (person.account,),
            ).fetchall()
        return [Linked(*row) for row in rows]

    def unlink(self, person: Person, issuer: str, address: str) -> None:
        """End the link of an account with an identity; where there is none, nothing is done."""
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "delete from account_identity where account = %s and issuer = %s returning issuer, shown",
                (person.account, issuer.replace("\0", "")),
            ).fetchone()
            if row is not None:
                trail.note(connection, "identity.ended", actor_of(person, address), f"{row[0]}: {row[1]}")


def not_under_way() -> AccessError:
    """Return the error for a sign-in that was not begun here, took too long, or was finished before."""
    return AccessError(
        "access.errand",
        "This sign-in was not begun in this browser, took too long, or was finished before.",
        "Begin again on the page /sign-in.",
    )
