"""
Applications: who asks to be put on record, what for, and what became of it.

An application is approved when the record says so: when an authority has reported its lines, each with
the application's `batch`. No flag that anybody sends decides. It waits, is refused with reasons, or is
approved; then whoever has the secret of its address makes the account, once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.accounts import trail
from voltrail.accounts.accounts import check_login, make_account
from voltrail.accounts.attempts import network_of
from voltrail.accounts.person import digest_of
from voltrail.accounts.trail import Actor
from voltrail.database.database import Connection
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.events import decode
from voltrail.organisations.identifiers import check_organisation
from voltrail.organisations.statements import key_added, key_of, line_of, midnight, same_but_for_time
from voltrail.organisations.trust import ROLES
from voltrail.registry.membership import Told, told_of
from voltrail.registry.registry import Registry
from voltrail.registry.snapshot import Snapshot

ROLES_ASKED: Final = tuple(sorted(ROLES - {"authority"}))
MAX_ROLES: Final = 3
MAX_EVIDENCE: Final = 500
MAX_REASONS: Final = 1_000
PER_ADDRESS: Final = 5
WINDOW: Final = timedelta(hours=1)
MAX_WAITING: Final = 2_000
ACCOUNT_WITHIN: Final = timedelta(days=90)
BY_RECORD: Final = "record"  # where the trail has the address: it was read in the record
_LOCK: Final = 0x566F6C76  # beside those of migrations and accounts

State = Literal["waiting", "approved", "refused"]


class RoleAsked(msgspec.Struct, frozen=True):
    """A role that is applied for: by which evidence, from which day, until which."""

    role: str
    evidence: str
    since: str
    until: str | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is applied for. `registers`: that the organisation joins the record. Without a `login` it is a member
    who asks, whose account is there. `vkey` is the public key to be added.
    """

    organisation: str
    registers: bool
    name: str = ""
    country: str | None = None
    roles: tuple[RoleAsked, ...] = ()
    vkey: str | None = None
    host_may_sign: bool = False
    login: str | None = None


class Application(msgspec.Struct, frozen=True):
    """An application, and what became of it; `account` says whether its account was made."""

    id: int
    digest: bytes
    asked: Asked
    address: str
    made_at: datetime
    approved_at: datetime | None
    refused_at: datetime | None
    refused_because: str | None
    account: bool
    in_time: bool

    @property
    def state(self) -> State:
        """Where it stands. The record counts for more than a refusal."""
        return "approved" if self.approved_at else "refused" if self.refused_at else "waiting"

    @property
    def batch(self) -> str:
        """What its lines are marked with in the record: no other application has it."""
        return f"application-{self.id}-{self.digest.hex()[:16]}"


_COLUMNS: Final = (
    "id, digest, asked, address, made_at, approved_at, refused_at, refused_because, account is not null,"
    " made_at > now() - %(within)s"
)
_WAITING: Final = "approved_at is null and refused_at is null"


def check_asked(asked: Asked) -> None:
    """Raise IdentityError, NoteError, EventError or UsageError for an application that cannot be approved."""
    check_organisation(asked.organisation)
    if asked.registers:
        _check_text("name", asked.name, 200)
    if not asked.roles and asked.vkey is None:
        raise UsageError(
            "application.empty", "Nothing is applied for.", "Choose at least one role, or give a key."
        )
    if len({one.role for one in asked.roles}) < len(asked.roles) or len(asked.roles) > MAX_ROLES:
        raise UsageError(
            "application.roles", f"Each role once, and up to {MAX_ROLES} at a time.", "Apply for more later."
        )
    for one in asked.roles:
        if one.role not in ROLES_ASKED:
            raise UsageError(
                "application.role", f"{one.role[:40]!r} cannot be applied for.", "Choose another."
            )
        _check_text("evidence", one.evidence, MAX_EVIDENCE + 100)
        if one.until is not None and midnight(one.until) <= midnight(one.since):
            raise UsageError("application.dates", "A role ends after it begins.", "Look at the two dates.")
    if asked.login is not None:
        check_login(asked.login)
    all_lines(asked, "application", datetime.now(UTC))


def all_lines(asked: Asked, batch: str, when: datetime) -> list[bytes]:
    """Return the lines that put on record what is asked for. Raises what is wrong with it."""
    about: dict[str, Any] = {"organisation": asked.organisation, "batch": batch}
    lines = []
    if asked.registers:
        lines.append(
            line_of("organisation_registered", when, **about, name=asked.name, country=asked.country)
        )
    for one in asked.roles:
        period = {"from_": midnight(one.since), "until": midnight(one.until) if one.until else None}
        lines.append(line_of("role_granted", when, **about, role=one.role, **period, evidence=one.evidence))
    if asked.vkey is not None:
        key = key_of(asked.organisation, asked.vkey)
        lines.append(key_added(key, when, host_may_sign=asked.host_may_sign, batch=batch))
    return lines


def on_record(told: Iterable[Told]) -> bool:
    """Return whether an organisation was registered by what was reported about it."""
    return any(one.event.kind == "organisation_registered" for one in told)


def taken_otherwise(application: Application, told: Iterable[Told]) -> bool:
    """Return whether an application is to register an organisation that has joined the record without it."""
    joined = [one.event.batch for one in told if one.event.kind == "organisation_registered"]
    return application.asked.registers and bool(joined) and application.batch not in joined


def lines_left(application: Application, told: Sequence[Told], when: datetime) -> list[bytes]:
    """
    Return the lines of an application that no authority has reported yet.

    Of events about an organisation, those by others are by authorities: the record takes no others.
    """
    ours = [one.event for one in told if one.reporter != application.asked.organisation]
    return [
        line
        for line in all_lines(application.asked, application.batch, when)
        if not any(same_but_for_time(decode(line), event) for event in ours)
    ]


class Applications:
    """The applications of one registry; threads and servers may share it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pool = registry.database.pool

    def apply(self, asked: Asked, actor: Actor) -> str:
        """
        Keep an application; return the secret of its address.

        Raises what `check_asked` does, AccessError (`application.many`), and UsageError
        (`application.on_record`).
        """
        check_asked(asked)
        if asked.registers and on_record(told_of(self._registry, asked.organisation)):
            raise UsageError(
                "application.on_record",
                f"{asked.organisation} is on record already.",
                "Sign in for it: then further roles and keys are applied for here, too.",
            )
        secret = secrets.token_urlsafe(32)
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            _check_room(connection, actor.address)
            (number,) = connection.execute(
                "insert into application (digest, organisation, asked, address) values (%s, %s, %s, %s)"
                " returning id",
                (digest_of(secret), asked.organisation, msgspec.json.encode(asked).decode(), actor.address),
            ).fetchone() or (0,)
            trail.note(connection, "application.made", actor, f"{number}: {asked.organisation}")
        return secret

    def by_secret(self, secret: str) -> Application:
        """Return the application whose address this is. NotFound for any other."""
        return self._one("digest = %(key)s", digest_of(secret[:100]))

    def by_id(self, number: int) -> Application:
        """Return an application. NotFound when there is none."""
        return self._one("id = %(key)s", number)

    def waiting(self, after: int = 0, limit: int = 50) -> list[Application]:
        """Return what waits, the oldest first."""
        return self._some(f"{_WAITING} and id > %(key)s order by id limit %(limit)s", after, limit)

    def decided(self, before: int | None = None, limit: int = 50) -> list[Application]:
        """Return what was decided, the last made first."""
        where = f"not ({_WAITING}) and id < %(key)s order by id desc limit %(limit)s"
        return self._some(where, before or 2**62, limit)

    def of(self, organisation: str, limit: int = 50) -> list[Application]:
        """Return the applications for an organisation, the last made first."""
        return self._some("organisation = %(key)s order by id desc limit %(limit)s", organisation, limit)

    def settle(self, application: Application) -> tuple[Application, list[Told]]:
        """Return an application as the record has it by now, and what was reported of its organisation."""
        told = told_of(self._registry, application.asked.organisation)
        if application.approved_at is None and not lines_left(application, told, datetime.now(UTC)):
            self._note_approved(application, told)
            application = self.by_id(application.id)
        return application, told

    def refuse(self, application: Application, reasons: str, actor: Actor) -> None:
        """Refuse an application, with reasons. UsageError when it was decided meanwhile."""
        _check_text("reasons", reasons, MAX_REASONS)
        with self._pool.connection() as connection, connection.transaction():
            done = connection.execute(
                "update application set refused_at = now(), refused_because = %s"
                " where id = %s and approved_at is null and refused_at is null",
                (reasons, application.id),
            )
            if not done.rowcount:
                raise UsageError(
                    "application.decided", "This application was decided meanwhile.", "Load its page again."
                )
            detail = f"{application.id}: {application.asked.organisation}: {reasons}"
            trail.note(connection, "application.refused", actor, detail)

    def make_account(self, application: Application, login: str, actor: Actor) -> str:
        """
        Make the account of an approved application, once; return its one-time password.

        Raises UsageError: `application.account` when it is not approved, too old, or was made before;
        `account.exists` for a login that somebody has: then another may be given.
        """
        with self._pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "select 1 from application where id = %s and approved_at is not null and account is null"
                " and asked->>'login' is not null and made_at > now() - %s for update",
                (application.id, ACCOUNT_WITHIN),
            ).fetchone()
            if row is None:
                raise UsageError(
                    "application.account",
                    "There is no account to be made for this application.",
                    "An administrator of this registry can make one, or give a new one-time password.",
                )
            password = make_account(connection, login, application.asked.organisation, "member", actor)
            connection.execute(
                "update application set account = (select id from account where login = %s) where id = %s",
                (login, application.id),
            )
        return password

    def _note_approved(self, application: Application, told: Sequence[Told]) -> None:
        lines = [one for one in told if one.event.batch == application.batch]
        by = next((one.reporter for one in lines), None)
        entries = ", ".join(str(one.entry) for one in lines)
        with self._pool.connection() as connection, connection.transaction():
            noted = connection.execute(
                "update application set approved_at = now() where id = %s and approved_at is null",
                (application.id,),
            )
            if noted.rowcount:
                actor = Actor(organisation=by, address=BY_RECORD)
                detail = f"{application.id}: {application.asked.organisation}; entries {entries}"
                trail.note(connection, "application.approved", actor, detail)

    def _one(self, where: str, key: Any) -> Application:
        found = self._some(where, key, 1)
        if not found:
            raise NotFound(
                "application.unknown",
                "There is no such application.",
                "Copy the whole address that was shown when you applied.",
            )
        return found[0]

    def _some(self, where: str, key: Any, limit: int) -> list[Application]:
        values = {"key": key, "limit": limit, "within": ACCOUNT_WITHIN}
        with self._pool.connection() as connection:
            rows = connection.execute(
                f"select {_COLUMNS} from application where {where}",  # noqa: S608
                values,
            ).fetchall()
        return [_read(row) for row in rows]


def all_applications(snapshot: Snapshot) -> Iterator[list[Application]]:
    """Yield all applications, the last first."""
    query = f"select {_COLUMNS} from application order by id desc"  # noqa: S608
    for run in snapshot.rows(query, {"within": ACCOUNT_WITHIN}):
        yield [_read(row) for row in run]


def _read(row: tuple[Any, ...]) -> Application:
    return Application(row[0], row[1], msgspec.convert(row[2], Asked), *row[3:])


def _check_room(connection: Connection, address: str) -> None:
    """Raise AccessError when one address, or all together, have applied too often."""
    lately = connection.execute(
        "select address from application where made_at > now() - %s", (WINDOW,)
    ).fetchall()
    own = sum(network_of(one) == network_of(address) for (one,) in lately)
    (waiting,) = connection.execute(
        f"select count(*) from application where {_WAITING}"  # noqa: S608
    ).fetchone() or (0,)
    if own >= PER_ADDRESS or waiting >= MAX_WAITING:
        raise AccessError(
            "application.many",
            "There were too many applications from this address, or too many wait.",
            "Try again in an hour.",
        )


def _check_text(name: str, text: str, most: int) -> None:
    if not text.strip() or len(text) > most or not text.isprintable():
        raise UsageError(
            "application.text",
            f"The {name} is missing, longer than {most} characters, or has signs that cannot be printed.",
            "Write it in plain words, on one line.",
        )
