"""
Webhooks: to which addresses an organisation has its programs told, what waits for them, what came back.

What is told is written by `outbox.py`; it is sent by `connections/webhooks.py`. A batch is what goes into one
request: once begun it stays the same until it was taken, so its id names it in every attempt. Where a server
stops in between, the same batch is sent again: at least once, and in order.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.registry.following import LOCK
from voltrail.registry.outbox import TYPES

MAX_WEBHOOKS: Final = 10  # of one organisation
MAX_URL: Final = 500
EVENTS_AT_ONCE: Final = 100  # in one request
DELIVERIES: Final = 100  # kept of each webhook
BOTH_HOLD: Final = timedelta(days=1)  # after a rotation
GIVES_UP: Final = timedelta(days=3)  # of failures without a break
LET_GO: Final = timedelta(days=30)  # after it was switched off: what waits is removed
LEASE_S: Final = 60

_SHOWN: Final = (
    "id, organisation, url, types, state, why, off_index, off_at, waiting, attempts, failing_since,"
    " not_before, former_until, made_by, made_at"
)
_CLAIM: Final = """
update webhook set claimed_until = now() + %(lease)s where id = (
    select id from webhook where state = 'active' and waiting > 0 and not_before <= now()
        and (claimed_until is null or claimed_until < now())
    order by not_before limit 1 for update skip locked)
returning id, url, salt, case when former_until > now() then former_salt end, batch_upto, attempts
"""
_BATCH: Final = "select id, body from webhook_message where webhook = %s and id <= %s order by id limit %s"
_TAKEN: Final = """
update webhook set claimed_until = null, batch_upto = null, attempts = 0, failing_since = null,
    not_before = now(), waiting = waiting - %(number)s
where id = %(id)s
"""
_FAILED: Final = """
update webhook set claimed_until = null, attempts = attempts + 1,
    failing_since = coalesce(failing_since, now()), not_before = now() + %(wait)s
where id = %(id)s returning state, failing_since < now() - %(gives_up)s
"""
_OFF: Final = """
update webhook set state = 'off', why = %s, off_at = now(), off_index = (select upto from holding_upto)
where id = %s
"""


class Webhook(msgspec.Struct, frozen=True):
    """A webhook as its organisation sees it; `former_until` is how long the secret before signs as well."""

    id: int
    organisation: str
    url: str
    types: list[str]
    state: str
    why: str | None
    off_index: int | None
    off_at: datetime | None
    waiting: int
    attempts: int
    failing_since: datetime | None
    not_before: datetime
    former_until: datetime | None
    made_by: str
    made_at: datetime


class Batch(msgspec.Struct, frozen=True):
    """What goes into one request: to where, signed by which keys, and what it says."""

    webhook: int
    url: str
    keys: list[bytes]
    id: str
    attempt: int
    upto: int
    bodies: list[str]


class Delivery(msgspec.Struct, frozen=True):
    """One attempt: when, of which batch, and what came back; `status` is None where nothing did."""

    at: datetime
    batch: str
    events: int
    attempt: int
    status: int | None
    said: str
    took_ms: int

    @property
    def taken(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Webhooks:
    """The webhooks of one database; threads and servers may share it."""

    def __init__(self, database: Database, host_secret: bytes) -> None:
        self._database, self._host_secret = database, host_secret

    # ---------------------------------------------------------------- for people

    def add(self, organisation: str, url: str, types: Sequence[str], login: str) -> tuple[int, bytes]:
        """Begin to tell an organisation from the next entry on; return the number and the key."""
        check_url(url)
        _check_types(types)
        salt = secrets.token_bytes(32)
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))  # no entry is followed meanwhile
            count = _one(connection, "select count(*) from webhook where organisation = %s", (organisation,))
            if count >= MAX_WEBHOOKS:
                raise UsageError("webhook.many", f"There are {count} webhooks already.", "Delete one first.")
            number = _one(
                connection,
                "insert into webhook (organisation, url, types, salt, made_by, since)"
                " select %s, %s, %s, %s, %s, base + size from log returning id",
                (organisation, url, list(types), salt, login),
            )
        return int(number), self._key(salt)

    def of(self, organisation: str) -> list[Webhook]:
        """Return the webhooks of an organisation, the first one first."""
        query = f"select {_SHOWN} from webhook where organisation = %s order by id"  # noqa: S608 - our words
        with self._database.pool.connection() as connection:
            return [Webhook(*row) for row in connection.execute(query, (organisation,))]

    def one(self, organisation: str, number: int) -> Webhook:
        """Return a webhook of an organisation; NotFound for one that is another's."""
        found = next((one for one in self.of(organisation) if one.id == number), None)
        if found is None:
            raise NotFound(
                "webhook.unknown",
                "Your organisation has no such webhook.",
                "Yours are listed at /workspace/webhooks.",
            )
        return found

    def deliveries(self, organisation: str, number: int) -> list[Delivery]:
        """Return the last attempts of a webhook, the last first."""
        self.one(organisation, number)
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select at, batch, events, attempt, status, said, took_ms from webhook_delivery"
                " where webhook = %s order by id desc limit %s",
                (number, DELIVERIES),
            ).fetchall()
        return [Delivery(*row) for row in rows]

    def pause(self, organisation: str, number: int) -> None:
        """Send nothing more; what happens meanwhile waits."""
        self._change(organisation, number, "state = 'paused'", "state = 'active'")

    def resume(self, organisation: str, number: int) -> None:
        """
        Send again at once.

        Was it switched off, then what happened meanwhile was not kept: a message says from which entry on.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(
                "select pg_advisory_xact_lock(%s)", (LOCK,)
            )  # messages in the order of their ids
            row = connection.execute(
                "select off_index from webhook where id = %s and organisation = %s and state = 'off'"
                " for update",
                (number, organisation),
            ).fetchone()
            if row is not None:
                connection.execute(
                    "insert into webhook_message (webhook, body) values (%s, %s)",
                    (number, _missed(int(row[0] or 0))),
                )
                connection.execute(
                    "update webhook set waiting = waiting + 1,"
                    " since = greatest(since, (select upto from holding_upto)) where id = %s",
                    (number,),
                )
            connection.execute(
                "update webhook set state = 'active', why = null, off_at = null, off_index = null,"
                " attempts = 0, failing_since = null, not_before = now() where id = %s and organisation = %s",
                (number, organisation),
            )
        self.one(organisation, number)

    def retry(self, organisation: str, number: int) -> None:
        """Send what waits now, and not when its time has come."""
        self._change(organisation, number, "not_before = now()")

    def rotate(self, organisation: str, number: int) -> bytes:
        """Return a new key; for a day the one before signs as well."""
        salt = secrets.token_bytes(32)
        self._change(
            organisation,
            number,
            "former_salt = salt, former_until = now() + %(day)s, salt = %(salt)s",
            day=BOTH_HOLD,
            salt=salt,
        )
        return self._key(salt)

    def delete(self, organisation: str, number: int) -> None:
        """Remove a webhook and all that waits for it."""
        self.one(organisation, number)
        with self._database.pool.connection() as connection:
            connection.execute(
                "delete from webhook where id = %s and organisation = %s", (number, organisation)
            )

    def _change(
        self, organisation: str, number: int, change: str, condition: str = "true", **values: Any
    ) -> None:
        self.one(organisation, number)
        query = f"""
            update webhook set {change} where id = %(id)s and organisation = %(organisation)s and {condition}
            """  # noqa: S608 - made of our own words
        with self._database.pool.connection() as connection:
            connection.execute(query, values | {"id": number, "organisation": organisation})

    # ---------------------------------------------------------------- for who sends

    def test(self, organisation: str, number: int) -> Batch:
        """Return a batch of one message that says nothing, to be sent at once; it is not kept."""
        one = self.one(organisation, number)
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select salt, case when former_until > now() then former_salt end from webhook where id = %s",
                (number,),
            ).fetchone() or (b"", None)
        name = secrets.token_hex(8)
        body = msgspec.json.encode(_body("webhook.test", f"{name}.webhook.test", None)).decode()
        keys = [self._key(bytes(salt)) for salt in row if salt is not None]
        return Batch(number, one.url, keys, f"test_{name}", 1, 0, [body])

    def claim(self) -> Batch | None:
        """Return the batch that is due longest, for this server to send within a minute; None without any."""
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(_CLAIM, {"lease": timedelta(seconds=LEASE_S)}).fetchone()
            if row is None:
                return None
            number, url, salt, former, upto, attempts = row
            last = (1 << 63) - 1 if upto is None else upto
            messages = connection.execute(_BATCH, (number, last, EVENTS_AT_ONCE)).fetchall()
            if not messages:  # counted, and not there: somebody removed them by hand
                connection.execute(
                    "update webhook set waiting = 0, batch_upto = null, claimed_until = null where id = %s",
                    (number,),
                )
                return None
            last = messages[-1][0]
            if upto is None:
                connection.execute("update webhook set batch_upto = %s where id = %s", (last, number))
        keys = [self._key(bytes(one)) for one in (salt, former) if one is not None]
        name = f"wh_{number}_{messages[0][0]}"
        return Batch(number, url, keys, name, attempts + 1, last, [body for _, body in messages])

    def note_taken(self, batch: Batch) -> None:
        """Note that a batch was taken: what comes after it is next."""
        with self._database.pool.connection() as connection, connection.transaction():
            gone = connection.execute(
                "delete from webhook_message where webhook = %s and id <= %s", (batch.webhook, batch.upto)
            ).rowcount
            connection.execute(_TAKEN, {"id": batch.webhook, "number": gone})

    def note_failed(self, batch: Batch, wait_s: float, *, gone: bool) -> None:
        """Note that a batch was not taken; `gone`, or for three days: the webhook is switched off."""
        values = {"id": batch.webhook, "wait": timedelta(seconds=wait_s), "gives_up": GIVES_UP}
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(_FAILED, values).fetchone()
            if row is not None and row[0] != "off" and (gone or row[1]):
                connection.execute(_OFF, ("gone" if gone else "failing", batch.webhook))

    def note_delivery(self, number: int, delivery: Delivery) -> None:
        """Keep an attempt for the page, and no more than the last hundred."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(
                "insert into webhook_delivery (webhook, at, batch, events, attempt, status, said, took_ms)"
                " select id, %s, %s, %s, %s, %s, %s, %s from webhook where id = %s",
                (*msgspec.structs.astuple(delivery), number),
            )
            connection.execute(
                "delete from webhook_delivery where webhook = %s and id <= (select id from webhook_delivery"
                " where webhook = %s order by id desc offset %s limit 1)",
                (number, number, DELIVERIES),
            )

    def let_go(self) -> None:
        """Remove what waits for webhooks that were switched off a month ago."""
        with self._database.pool.connection() as connection, connection.transaction():
            old = connection.execute(
                "update webhook set waiting = 0, batch_upto = null"
                " where state = 'off' and waiting > 0 and off_at < now() - %s returning id",
                (LET_GO,),
            ).fetchall()
            for (number,) in old:
                connection.execute("delete from webhook_message where webhook = %s", (number,))

    def _key(self, salt: bytes) -> bytes:
        return hmac.digest(self._host_secret, b"voltrail.webhook" + salt, "sha256")


def check_url(url: str) -> None:
    """Raise UsageError for what is no address that a webhook may have."""
    if not is_address(url):
        raise UsageError(
            "webhook.url",
            "This is no address that can be told.",
            f"Give it as https://HOST/PATH, in up to {MAX_URL} characters, without name, password and #.",
        )


def is_address(url: str) -> bool:
    """Return whether text is an address that we may be asked to send to; where it leads is not looked at."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    whole = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    plain = not parts.username and not parts.password and not parts.fragment
    return whole and parts.scheme in {"https", "http"} and bool(parts.hostname) and plain


def _check_types(types: Sequence[str]) -> None:
    if not types or any(one not in TYPES for one in types) or len(set(types)) != len(types):
        raise UsageError(
            "webhook.types", "It is not said what is to be told.", f"Choose of {', '.join(TYPES)}."
        )


def _missed(index: int) -> str:
    body = _body("webhook.missed", f"{index}.webhook.missed", index)
    return msgspec.json.encode(body).decode()


def _body(name: str, identifier: str, index: int | None) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {
        "type": name, "id": identifier, "at": at, "index": index,
        "kind": None, "code": None, "url": "/workspace/webhooks",
    }  # fmt: skip


def _one(connection: Connection, query: str, values: Sequence[Any]) -> int:
    (value,) = connection.execute(query, values).fetchone() or (0,)
    return int(value)
