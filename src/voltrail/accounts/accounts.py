"""The accounts of a registry: who may sign in, how, and what they and their programs hold to show it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, cast

import msgspec

from voltrail.accounts import passwords, trail
from voltrail.accounts.attempts import count_attempt, forget_attempts
from voltrail.accounts.person import ROLES, SCOPES, Person, Role, Scope, csrf_of, digest_of
from voltrail.accounts.trail import Actor, Deed
from voltrail.database.database import Connection, Database
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.registry.snapshot import Snapshot

FIRST_LOGIN: Final = "admin"
LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")
ONE_TIME_LASTS: Final = timedelta(days=7)
SESSION_LASTS: Final = timedelta(hours=12)
SESSION_IDLES: Final = timedelta(hours=2)
TOKEN_PREFIX: Final = "voltrail_"  # noqa: S105 - what secret scanners look for
MAX_TOKEN_DAYS: Final = 366
MAX_TOKENS: Final = 50
_LOCK: Final = 0x566F6C75  # beside that of migrations
_SEEN_EVERY: Final = timedelta(minutes=1)  # so that reading does not write each time


class Account(msgspec.Struct, frozen=True):
    """An account, without its secrets."""

    id: int
    login: str
    organisation: str
    role: str
    made_at: datetime
    disabled_at: datetime | None
    one_time_until: datetime | None


def all_accounts(snapshot: Snapshot) -> Iterator[list[Account]]:
    """Yield all accounts in the order of their logins."""
    for run in snapshot.rows(f"select {_COLUMNS} from account order by login"):  # noqa: S608
        yield [Account(*row) for row in run]


class Session(msgspec.Struct, frozen=True):
    """Where an account is signed in."""

    address: str
    made_at: datetime
    seen_at: datetime
    current: bool


class Token(msgspec.Struct, frozen=True):
    """An API token, without its secret."""

    id: int
    name: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    valid: bool


_COLUMNS: Final = "id, login, organisation, role, made_at, disabled_at, one_time_until"


class Accounts:
    """Accounts in one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------- accounts

    def begin(self, organisation: str) -> str | None:
        """Make the first administrator where there is no account yet; return its one-time password."""
        with self._alone() as connection:
            if connection.execute("select 1 from account limit 1").fetchone():
                return None
            return _add(connection, FIRST_LOGIN, organisation, "administrator", Actor())

    def add(self, login: str, organisation: str, role: str, actor: Actor) -> str:
        """Make an account; return its one-time password. Raises UsageError, IdentityError."""
        with self._database.pool.connection() as connection, connection.transaction():
            return make_account(connection, login, organisation, role, actor)

    def page(self, after: str = "", limit: int = 100) -> list[Account]:
        """Return accounts in the order of their logins, after one."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                f"select {_COLUMNS} from account where login > %s order by login limit %s",  # noqa: S608
                (after.replace("\0", ""), limit),
            ).fetchall()
        return [Account(*row) for row in rows]

    def disable(self, login: str, actor: Actor) -> None:
        """Shut an account out, its sessions, tokens and links too; never the last administrator."""
        with self._alone() as connection:
            account = _find(connection, login)
            (others,) = connection.execute(
                "select count(*) from account where role = 'administrator' and disabled_at is null"
                " and id <> %s",
                (account.id,),
            ).fetchone() or (0,)
            if account.role == "administrator" and not others:
                raise UsageError(
                    "account.last", f"{login} is the last administrator.", "Make another one first."
                )
            connection.execute(
                "update account set disabled_at = coalesce(disabled_at, now()) where id = %s", (account.id,)
            )
            _end_all(connection, account.id)
            trail.note(connection, "account.disabled", actor, login)

    def reset(self, login: str, actor: Actor) -> str:
        """Return a new one-time password; all that opened it ends, and a disabled account opens again."""
        password = passwords.one_time_password()
        kept = passwords.hash_password(password)
        with self._alone() as connection:
            account = _find(connection, login)
            connection.execute(
                "update account set password = %s, one_time_until = now() + %s, disabled_at = null"
                " where id = %s",
                (kept, ONE_TIME_LASTS, account.id),
            )
            _end_all(connection, account.id)
            forget_attempts(connection, login)
            trail.note(connection, "account.reset", actor, login)
        return password

    # ------------------------------------------------------------- sessions

    def sign_in(self, login: str, password: str, address: str, before: str | None = None) -> str:
        """
        Return the secret of a new session; the session `before`, of the same browser, ends.

        Raises AccessError: `access.password` for whatever does not fit, in the same words and after the
        same work; `access.locked` after too many attempts.
        """
        login = login.strip().lower()
        login = login if LOGIN.fullmatch(login) else "?"  # which none can be called
        with self._database.pool.connection() as connection:
            last = count_attempt(connection, login, address)
            row = connection.execute(
                "select id, organisation, password,"
                " disabled_at is null and (one_time_until is null or one_time_until > now())"
                " from account where login = %s",
                (login,),
            ).fetchone()
        account, organisation, kept, usable = row or (None, None, None, False)
        right = passwords.verify_password(kept if usable else None, password)
        actor = Actor(account, login if row else None, organisation, address)
        with self._database.pool.connection() as connection, connection.transaction():
            secret = begin_session(connection, account, kept, address) if right and account else None
            if secret is None:
                trail.note(connection, "sign_in.locked" if last else "sign_in.failed", actor)
            else:
                forget_attempts(connection, login, address)
                if before is not None:
                    connection.execute("delete from account_session where digest = %s", (digest_of(before),))
                trail.note(connection, "sign_in.done", actor)
        if secret is None:
            raise _wrong_password()
        return secret

    def by_session(self, secret: str) -> Person | None:
        """Return whose session this is, or None when it has ended."""
        digest = digest_of(secret)
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select a.id, a.login, a.organisation, a.role, a.one_time_until is not null,"
                " s.seen_at < now() - %s from account_session s join account a on a.id = s.account"
                " where s.digest = %s and s.expires_at > now() and s.seen_at > now() - %s"
                " and a.disabled_at is null",
                (_SEEN_EVERY, digest, SESSION_IDLES),
            ).fetchone()
            if row is None:
                return None
            *who, must_change, to_be_seen = row
            if to_be_seen:
                connection.execute("update account_session set seen_at = now() where digest = %s", (digest,))
        account, login, organisation, role = who
        return Person(
            account=account,
            login=login,
            organisation=organisation,
            role=role,
            scopes=frozenset() if must_change else frozenset(SCOPES),
            digest=digest,
            must_change=must_change,
            csrf=csrf_of(secret),
        )

    def sign_out(self, person: Person, address: str) -> None:
        """End a session."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("delete from account_session where digest = %s", (person.digest,))
            trail.note(connection, "sign_out", actor_of(person, address))

    def end_others(self, person: Person, address: str) -> None:
        """End all sessions of an account but this one."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(
                "delete from account_session where account = %s and digest <> %s",
                (person.account, person.digest),
            )
            trail.note(connection, "session.ended", actor_of(person, address))

    def sessions(self, person: Person) -> list[Session]:
        """Return where an account is signed in, the last seen first."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select address, made_at, seen_at, digest = %s from account_session where account = %s"
                " and expires_at > now() and seen_at > now() - %s order by seen_at desc limit 100",
                (person.digest, person.account, SESSION_IDLES),
            ).fetchall()
        return [Session(*row) for row in rows]

    def change_password(self, person: Person, old: str, new: str, address: str) -> str:
        """
        Change a password; all sessions end, and the secret of a new one is returned.

        The old one is asked for, and guessing it is counted like at the sign-in.
        """
        passwords.check_new(new, person.login)
        if new == old:
            raise UsageError("account.password", "This is the password you have.", "Choose another.")
        with self._database.pool.connection() as connection:
            count_attempt(connection, person.login, address)
            (kept,) = connection.execute(
                "select password from account where id = %s", (person.account,)
            ).fetchone() or (None,)
        if not passwords.verify_password(kept, old):
            with self._database.pool.connection() as connection:
                trail.note(connection, "password.failed", actor_of(person, address))
            raise _wrong_password()
        chosen = passwords.hash_password(new)
        with self._alone() as connection:
            connection.execute(
                "update account set password = %s, one_time_until = null where id = %s and password = %s",
                (chosen, person.account, kept),
            )
            connection.execute("delete from account_session where account = %s", (person.account,))
            secret = begin_session(connection, person.account, chosen, address)
            if secret is None:  # reset or disabled meanwhile
                raise _wrong_password()
            forget_attempts(connection, person.login, address)
            trail.note(connection, "password.changed", actor_of(person, address))
        return secret

    # --------------------------------------------------------------- tokens

    def make_token(self, person: Person, name: str, scopes: Iterable[str], days: int, address: str) -> str:
        """Return a new API token: it is shown this once. Raises UsageError."""
        chosen = sorted(set(scopes))
        if not chosen or not set(chosen) <= set(SCOPES):
            raise UsageError(
                "token.scopes", "A token needs something it may do.", f"Choose of {', '.join(SCOPES)}."
            )
        if not (name := name.strip()) or len(name) > 80 or not name.isprintable():
            raise UsageError("token.name", "A token needs a name of up to 80 characters.", "Say what for.")
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise UsageError("token.days", f"A token lasts 1 to {MAX_TOKEN_DAYS} days.", "Choose in between.")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        with self._alone() as connection:
            (count,) = connection.execute(
                "select count(*) from account_token where account = %s and revoked_at is null"
                " and expires_at > now()",
                (person.account,),
            ).fetchone() or (0,)
            if count >= MAX_TOKENS:
                raise UsageError("token.many", f"There are {count} tokens already.", "Revoke one first.")
            made = connection.execute(
                "insert into account_token (digest, account, name, scopes, expires_at)"
                " select %s, id, %s, %s, now() + %s from account where id = %s and disabled_at is null"
                " and one_time_until is null",
                (digest_of(secret), name, chosen, timedelta(days=days), person.account),
            )
            if not made.rowcount:  # reset or disabled meanwhile
                raise AccessError("access.sign_in", "You are not signed in any more.", "Sign in again.")
            trail.note(
                connection, "token.made", actor_of(person, address), f"{name} ({', '.join(chosen)}; {days} d)"
            )
        return secret

    def revoke_token(self, person: Person, token: int, address: str) -> None:
        """End a token of one's own; NotFound for any other."""
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "update account_token set revoked_at = coalesce(revoked_at, now())"
                " where id = %s and account = %s returning name",
                (token, person.account),
            ).fetchone()
            if row is None:
                raise NotFound("token.unknown", "You have no such token.", "Your tokens are on /account.")
            trail.note(connection, "token.revoked", actor_of(person, address), row[0])

    def tokens(self, person: Person) -> list[Token]:
        """Return the tokens of an account, the last made first."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select id, name, scopes, made_at, expires_at, used_at, revoked_at,"
                " revoked_at is null and expires_at > now() from account_token where account = %s"
                " order by id desc limit 100",
                (person.account,),
            ).fetchall()
        return [Token(*row) for row in rows]

    def by_token(self, secret: str) -> Person | None:
        """Return whose token this is, or None when it never was one or has ended."""
        digest = digest_of(secret)
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select a.id, a.login, a.organisation, a.role, t.scopes,"
                " t.used_at is null or t.used_at < now() - %s"
                " from account_token t join account a on a.id = t.account"
                " where t.digest = %s and t.revoked_at is null and t.expires_at > now()"
                " and a.disabled_at is null and a.one_time_until is null",
                (_SEEN_EVERY, digest),
            ).fetchone()
            if row is None:
                return None
            account, login, organisation, role, scopes, to_be_seen = row
            if to_be_seen:
                connection.execute("update account_token set used_at = now() where digest = %s", (digest,))
        return Person(
            account=account,
            login=login,
            organisation=organisation,
            role=role,
            scopes=cast("frozenset[Scope]", frozenset(scopes)),
        )

    # ------------------------------------------------------------ the trail

    def note(self, action: str, person: Person, address: str, detail: str) -> None:
        """Add to the trail what somebody did elsewhere."""
        with self._database.pool.connection() as connection:
            trail.note(connection, action, actor_of(person, address), detail)

    def trail(self, before: int | None = None) -> tuple[list[Deed], int | None]:
        """Return a page of the audit trail, the last first, and the `before` of the next page."""
        with self._database.pool.connection() as connection:
            return trail.read_trail(connection, before)

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Give a transaction in which no other server changes accounts."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            yield connection


def actor_of(person: Person, address: str) -> Actor:
    """Return a person as the trail names it."""
    return Actor(person.account, person.login, person.organisation, address)


def check_login(login: str) -> None:
    """Raise UsageError unless this can be a login."""
    if not LOGIN.fullmatch(login):
        raise UsageError(
            "account.login",
            f"{login[:64]!r} cannot be a login.",
            "Use 3 to 64 small letters, digits, dots, hyphens and underscores.",
        )


def make_account(connection: Connection, login: str, organisation: str, role: str, actor: Actor) -> str:
    """Make an account in a transaction; return its one-time password. Raises UsageError, IdentityError."""
    check_login(login)
    if role not in ROLES:
        raise UsageError("account.role", f"There is no role {role[:40]!r}.", f"Use {' or '.join(ROLES)}.")
    check_organisation(organisation)
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    if connection.execute("select 1 from account where login = %s", (login,)).fetchone():
        raise UsageError("account.exists", f"There is an account {login}.", "Choose another login.")
    return _add(connection, login, organisation, role, actor)


def _add(connection: Connection, login: str, organisation: str, role: Role, actor: Actor) -> str:
    password = passwords.one_time_password()
    connection.execute(
        "insert into account (login, organisation, role, password, one_time_until)"
        " values (%s, %s, %s, %s, now() + %s)",
        (login, organisation, role, passwords.hash_password(password), ONE_TIME_LASTS),
    )
    trail.note(connection, "account.made", actor, f"{login} ({role}, {organisation})")
    return password


def _find(connection: Connection, login: str) -> Account:
    row = connection.execute(
        f"select {_COLUMNS} from account where login = %s for update",  # noqa: S608
        (login if LOGIN.fullmatch(login) else "?",),
    ).fetchone()
    if row is None:
        raise NotFound(
            "account.unknown", f"There is no account {login[:64]}.", "List them: `voltrail account list`"
        )
    return Account(*row)


def begin_session(connection: Connection, account: int, kept: str | None, address: str) -> str | None:
    """Return the secret of a new session; None when the account was shut or its password changed since."""
    secret = secrets.token_urlsafe(32)
    connection.execute("delete from account_session where expires_at < now()")
    made = connection.execute(
        "insert into account_session (digest, account, address, expires_at)"
        " select %s, id, %s, now() + %s from account"
        " where id = %s and password = %s and disabled_at is null for update",
        (digest_of(secret), address, SESSION_LASTS, account, kept),
    )
    return secret if made.rowcount else None


def _end_all(connection: Connection, account: int) -> None:
    """End what opens an account beside its password: sessions, tokens, and links with identities."""
    connection.execute("delete from account_session where account = %s", (account,))
    connection.execute("delete from account_identity where account = %s", (account,))
    connection.execute(
        "update account_token set revoked_at = coalesce(revoked_at, now()) where account = %s", (account,)
    )


def _wrong_password() -> AccessError:
    return AccessError(
        "access.password",
        "Login and password do not fit together, or the account is shut.",
        "Type both again. An administrator can give you a new one-time password.",
    )
