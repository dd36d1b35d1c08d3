"""
The outbox to the EU registry of product passports: what it must be told, and what it was told.

Nothing is queued. What the registry must hold follows from the record (`issued.py`), what it holds stands in
`eu_registration`, and what is to be sent is the difference: a passport to be registered, an operator or a
status that changed, a proof that is older than 90 days. So a correction undoes itself, and whatever stops,
nothing is sent twice or forgotten. How it gets there is an adapter's work (`connections/eu_registry.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.registry.issued import look_again

PROOF_HOLDS: Final = timedelta(days=90)
LEASE: Final = timedelta(seconds=60)
MAX_SAID: Final = 500
MAX_ID: Final = 200

Doing = Literal["register", "update", "renew"]
STATES: Final = ("waiting", "registered", "ended", "refused")

_CLAIM: Final = """
update eu_registration set claimed_until = %(now)s + %(lease)s where (code, number) = (
    select code, number from eu_registration
    where due_at <= %(now)s and refused is null and (claimed_until is null or claimed_until <= %(now)s)
    order by due_at limit 1 for update skip locked)
returning code, number, registration, operator, status, proved_at, doing, key, body, attempts
"""
_COLUMNS: Final = """
select code, number, coalesce(p.status, 'withdrawn'), p.since, p.until, r.registration, r.status, r.hash,
    r.proved_at, r.refused, r.doing, r.failing_since, r.said, coalesce(r.attempts, 0)
"""
_ISSUED: Final = f"{_COLUMNS} from passport p left join eu_registration r using (code, number)"
_TOLD: Final = f"{_COLUMNS} from eu_registration r left join passport p using (code, number)"
_PAGE: Final = """
where {operator} = %(operator)s and (code, number) > (%(code)s, %(number)s){narrowed}
order by code, number limit %(limit)s
"""
_IN_STATE: Final = {
    "waiting": "r.registration is null and r.refused is null and p.status = 'active'",
    "registered": "r.registration is not null and r.status = 'active' and r.refused is null",
    "ended": "r.registration is not null and r.status <> 'active' and r.refused is null",
    "refused": "r.refused is not null",
}


class Registration(msgspec.Struct, frozen=True):
    """
    One passport as its operator sees it: how it stands by the record, and what the registry was told.

    `told` is the status as the registry has it, `proved_at` when it last took a proof, `said` what came of
    attempts that decided nothing.
    """

    code: str
    number: int
    status: str
    since: datetime | None
    until: datetime | None
    registration: str | None
    told: str | None
    hash: str | None
    proved_at: datetime | None
    refused: str | None
    doing: Doing | None
    failing_since: datetime | None
    said: str | None
    attempts: int

    @property
    def proof_due(self) -> datetime | None:
        """When the proof is to be renewed; None where there is none to renew."""
        return self.proved_at + PROOF_HOLDS if self.proved_at is not None and self.told == "active" else None

    @property
    def state(self) -> str:
        """In a word how it stands."""
        if self.refused is not None:
            return "refused"
        if self.registration is None:
            return "waiting" if self.status == "active" else "ended"
        return "registered" if self.told == "active" else "ended"


class Wanted(msgspec.Struct, frozen=True):
    """What the registry is to be told of a passport: to do what, in whose name, in which state."""

    code: str
    number: int
    doing: Doing
    operator: str
    status: str
    registration: str | None


class Content(msgspec.Struct, frozen=True):
    """The bytes of a request, and the hash and time of the document of which they speak."""

    body: bytes
    hash: str
    at: datetime


class Sending(msgspec.Struct, frozen=True):
    """A request to be sent: the same bytes under the same key at every attempt."""

    code: str
    number: int
    doing: Doing
    registration: str | None
    key: str
    body: bytes
    attempt: int


class EuRegistry:
    """The registrations of one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------- for people

    def page(
        self, operator: str, limit: int, state: str | None = None, after: tuple[str, int] = ("", 0)
    ) -> tuple[list[Registration], tuple[str, int] | None]:
        """
        Return passports for which an organisation answers, by code and number, and where to go on.

        Among the refused are those that are on record no more.
        """
        narrowed = "" if state is None else f" and {_IN_STATE[state]}"
        rows, whose = _ISSUED, "p.operator"
        if state == "refused":
            rows, whose = _TOLD, "coalesce(p.operator, r.operator)"
        query = rows + _PAGE.format(operator=whose, narrowed=narrowed)
        values = {"operator": operator, "code": after[0], "number": after[1], "limit": limit + 1}
        with self._database.pool.connection() as connection:
            found = [Registration(*row) for row in connection.execute(query, values)]
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], None if last is None else (last.code, last.number)

    def one(self, code: str, number: int) -> Registration | None:
        """Return a passport as it stands with the registry; None where it was never issued."""
        query = f"{_TOLD} where code = %s and number = %s"
        with self._database.pool.connection() as connection:
            row = connection.execute(query, (code, number)).fetchone()
        return None if row is None else Registration(*row)

    def again(self, operator: str, code: str, number: int) -> None:
        """Let a passport that was refused go again. Raises UsageError where it was not, or is another's."""
        query = (
            "select from eu_registration r left join passport p using (code, number)"
            " where coalesce(p.operator, r.operator) = %s and code = %s and number = %s"
            " and r.refused is not null"
        )
        with self._database.pool.connection() as connection, connection.transaction():
            if connection.execute(query, (operator, code, number)).fetchone() is None:
                raise UsageError(
                    "eu_registry.not_refused",
                    "No passport of yours with this number was refused.",
                    "Load the page again.",
                )
            look_again(connection, {(code, number)})

    # ---------------------------------------------------------------- for who sends

    def claim(self, now: datetime, compose: Callable[[Wanted, datetime], Content]) -> Sending | None:
        """
        Return a request that is due at a moment, for this server to send within a minute; None without any.

        `compose` writes the bytes of a new one; they are kept before anything is sent.
        """
        while True:
            with self._database.pool.connection() as connection, connection.transaction():
                row = connection.execute(_CLAIM, {"now": now, "lease": LEASE}).fetchone()
                if row is None:
                    return None
                wanted = None if row[6] is not None else _wanted(connection, row, now)
                if row[6] is None and wanted is None:
                    self._rest(connection, row, now)
                    continue
            code, number, registration, *_, doing, key, body, attempts = row
            if wanted is not None:
                content, key, doing = compose(wanted, now), secrets.token_hex(16), wanted.doing
                body, attempts = content.body, 0
                self._keep(wanted, key, content)
            with self._database.pool.connection() as connection:
                connection.execute(
                    "update eu_registration set attempts = attempts + 1 where code = %s and number = %s",
                    (code, number),
                )
            return Sending(code, number, doing, registration, key, bytes(body), attempts + 1)

    @staticmethod
    def _rest(connection: Connection, row: tuple[Any, ...], now: datetime) -> None:
        """Look at a registration again when its proof has to be renewed, or else when the record changes."""
        code, number, registration, _, status, proved_at, *_ = row
        holds = registration is not None and status == "active" and proved_at is not None
        connection.execute(
            "update eu_registration set due_at = %s, claimed_until = null where code = %s and number = %s",
            (max(proved_at + PROOF_HOLDS, now) if holds else None, code, number),
        )

    def _keep(self, wanted: Wanted, key: str, content: Content) -> None:
        says = {
            "operator": wanted.operator,
            "status": wanted.status,
            "hash": content.hash,
            "at": content.at.isoformat(),
        }
        with self._database.pool.connection() as connection:
            connection.execute(
                "update eu_registration set doing = %s, key = %s, body = %s, says = %s, attempts = 0"
                " where code = %s and number = %s",
                (
                    *(wanted.doing, key, content.body, msgspec.json.encode(says).decode()),
                    *(wanted.code, wanted.number),
                ),
            )

    def taken(self, sending: Sending, registration: str) -> None:
        """Note that the registry took a request, under which id; what changed meanwhile is due at once."""
        self._end(
            sending,
            "registration = %(registration)s, operator = says->>'operator', status = says->>'status',"
            " hash = says->>'hash', proved_at = (says->>'at')::timestamptz, due_at = 'epoch', refused = null",
            registration=registration[:MAX_ID],
        )

    def refuse(self, sending: Sending, reason: str) -> None:
        """Note that the registry refused a request, and why."""
        self._end(sending, "refused = %(reason)s", reason=_printable(reason)[:MAX_SAID] or "No reason given.")

    def _end(self, sending: Sending, change: str, **values: Any) -> None:
        with self._database.pool.connection() as connection:
            connection.execute(
                f"update eu_registration set {change}, doing = null, key = null, body = null, says = null,"  # noqa: S608
                " attempts = 0, failing_since = null, said = null, claimed_until = null"
                " where code = %(code)s and number = %(number)s and key = %(key)s",
                values | {"code": sending.code, "number": sending.number, "key": sending.key},
            )

    def put_off(self, sending: Sending, said: str, until: datetime) -> None:
        """Note what came of an attempt that decided nothing, and when to try again."""
        with self._database.pool.connection() as connection:
            connection.execute(
                "update eu_registration set said = %s, failing_since = coalesce(failing_since, now()),"
                " due_at = %s, claimed_until = null where code = %s and number = %s and key = %s",
                (_printable(said)[:MAX_SAID], until, sending.code, sending.number, sending.key),
            )


def _wanted(connection: Connection, row: tuple[Any, ...], now: datetime) -> Wanted | None:
    """Return what the registry is to be told now; None where it holds what it must."""
    code, number, registration, told_operator, told_status, proved_at, *_ = row
    standing = connection.execute(
        "select operator, status from passport where code = %s and number = %s", (code, number)
    ).fetchone()
    operator, status = standing or (None, "withdrawn")
    operator = operator or told_operator
    if operator is None or (registration is None and status != "active"):
        return None  # nobody answers for it, or it was over before it was registered
    doing: Doing | None = None
    if registration is None:
        doing = "register"
    elif (operator, status) != (told_operator, told_status):
        doing = "update"
    elif status == "active" and proved_at + PROOF_HOLDS <= now:
        doing = "renew"
    return None if doing is None else Wanted(code, number, doing, operator, status, registration)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "\ufffd" for one in text).strip()


def moment(when: datetime) -> str:
    """Return a time in UTC to the second, as requests and addresses have it."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
