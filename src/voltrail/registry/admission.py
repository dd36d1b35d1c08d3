"""
Who may send telemetry: platforms with a password that we drew, and terminals bound to what they first showed.

A terminal is bound to the ICCID of its first login and to the key of its activation: from then on no other
card logs in for that VIN, until an operator frees it. All of it is of this installation, no part of the log.
"""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

import msgspec
from psycopg_pool import ConnectionPool

from voltrail.database.database import Connection
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.organisations.identifiers import check_organisation

NAME_BYTES: Final = 12  # what the login of a platform has room for
PASSWORD_LENGTH: Final = 20
_LETTERS: Final = string.ascii_letters + string.digits

Admit = Literal["recorded", "any"]


class Platform(msgspec.Struct, frozen=True):
    """A platform that passes on what its vehicles send; `number` is the source in the segments."""

    number: int
    name: str
    organisation: str
    added_at: datetime
    ended_at: datetime | None = None


class Terminal(msgspec.Struct, frozen=True):
    """What a terminal is bound to."""

    vin: str
    iccid: str | None = None
    chip_id: str | None = None
    public_key: bytes | None = None


_ALL: Final = "select number, name, organisation, added_at, ended_at from gateway_platform order by number"


class Admission:
    """
    Answers who may send, from the database; threads may share it.

    Every method raises psycopg's OperationalError, or its pool's PoolTimeout, while the database is away.
    """

    def __init__(self, pool: ConnectionPool[Connection], admit: Admit = "recorded") -> None:
        self._pool = pool
        self._admit = admit

    def add_platform(self, name: str, organisation: str) -> str:
        """
        Put a platform on the list; return its password, which is kept nowhere.

        Raises UsageError (`gateway.platform_name`, `gateway.platform_known`), IdentityError.
        """
        organisation = check_organisation(organisation)
        if not 1 <= len(name.encode()) <= NAME_BYTES or not name.isascii() or not name.isprintable():
            raise UsageError(
                "gateway.platform_name",
                f"{name[:40]!r} is no name of a platform: it has up to {NAME_BYTES} plain characters.",
                "Choose a shorter one, of letters and digits.",
                source="GB/T 32960.3, 7.5",
            )
        password = "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))
        with self._pool.connection() as connection:
            added = connection.execute(
                "insert into gateway_platform (name, secret_hash, organisation) values (%s, %s, %s)"
                " on conflict (name) do nothing returning number",
                (name.strip(), _hash(password), organisation),
            ).fetchone()
        if added is None:
            raise UsageError(
                "gateway.platform_known",
                f"There is or was a platform named {name}.",
                "Choose another name: what came under this one keeps its source.",
            )
        return password

    def platforms(self) -> list[Platform]:
        """Return all platforms, those that have ended too, in the order in which they were added."""
        with self._pool.connection() as connection:
            rows = connection.execute(_ALL).fetchall()
        return [Platform(*row) for row in rows]

    def end_platform(self, name: str) -> None:
        """Let a platform log in no more; its connections end within seconds. Raises NotFound."""
        with self._pool.connection() as connection:
            ended = connection.execute(
                "update gateway_platform set ended_at = coalesce(ended_at, now()) where name = %s", (name,)
            )
        if not ended.rowcount:
            raise NotFound(
                "gateway.platform_unknown", f"There is no platform named {name[:40]}.", "List them, and look."
            )

    def free_terminal(self, vin: str) -> None:
        """Forget what a VIN's terminal was bound to: the next that logs in is bound. Raises NotFound."""
        with self._pool.connection() as connection:
            freed = connection.execute("delete from gateway_terminal where vin = %s", (vin,))
        if not freed.rowcount:
            raise NotFound(
                "gateway.terminal_unknown",
                f"No terminal is bound to {vin[:40]}.",
                "Look whether the VIN is right; a terminal is bound at its first login.",
            )

    def platform(self, name: str, password: str) -> Platform | None:
        """Return the platform that may log in with these, None if none may; takes the same time for each."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "select secret_hash, number, name, organisation, added_at, ended_at from gateway_platform"
                " where name = %s and ended_at is null",
                (name,),
            ).fetchone()
        held = bytes(row[0]) if row else bytes(32)
        return Platform(*row[1:]) if hmac.compare_digest(held, _hash(password)) and row else None

    def ended(self, numbers: Sequence[int]) -> list[int]:
        """Return which of these platforms may send no more."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select number from gateway_platform where number = any(%s) and ended_at is not null",
                (list(numbers),),
            ).fetchall()
        return [number for (number,) in rows]

    def terminal(self, vin: str, iccid: str | None) -> Terminal:
        """
        Return the terminal that may log in, bound to this ICCID from now on if it was to none.

        None for a card that cannot be read. Raises AccessError (`gateway.vin_unknown`, `gateway.iccid`).
        """
        with self._pool.connection() as connection, connection.transaction():
            self._check_recorded(connection, vin)
            row = connection.execute(
                "insert into gateway_terminal as held (vin, iccid) values (%s, %s) on conflict (vin)"
                " do update set iccid = coalesce(held.iccid, excluded.iccid)"
                " returning iccid, chip_id, public_key",
                (vin, iccid),
            ).fetchone()
        found = Terminal(vin, *(row or ()))
        if found.iccid != iccid:
            raise AccessError(
                "gateway.iccid",
                f"{vin} is bound to another ICCID.",
                "If its card or terminal was exchanged, free it: `voltrail gateway terminal free VIN`.",
            )
        return found

    def activate(self, vin: str, chip_id: str, public_key: bytes) -> bool:
        """
        Keep the key of an activation whose signature held; return whether it is the first of its VIN.

        The same again is fine. Raises AccessError (`gateway.vin_unknown`; `gateway.chip` for a chip of
        another VIN; `gateway.activated` for a VIN with another chip or key).
        """
        with self._pool.connection() as connection, connection.transaction():
            self._check_recorded(connection, vin)
            connection.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s, 32960))", (chip_id,)
            )  # two VINs that show the same chip at once
            if connection.execute(
                "select 1 from gateway_terminal where chip_id = %s and vin <> %s", (chip_id, vin)
            ).fetchone():
                raise AccessError(
                    "gateway.chip",
                    f"The chip of {vin} was activated in another vehicle.",
                    "If the terminal was moved, free the other one: `voltrail gateway terminal free VIN`.",
                )
            row = connection.execute(
                "insert into gateway_terminal as held (vin, chip_id, public_key, activated_at)"
                " values (%s, %s, %s, now()) on conflict (vin) do update set"
                " chip_id = coalesce(held.chip_id, excluded.chip_id),"
                " public_key = coalesce(held.public_key, excluded.public_key),"
                " activated_at = coalesce(held.activated_at, excluded.activated_at)"
                " returning chip_id, public_key, activated_at = now()",
                (vin, chip_id, public_key),
            ).fetchone()
        if row is None or (row[0], bytes(row[1])) != (chip_id, public_key):
            raise AccessError(
                "gateway.activated",
                f"{vin} was activated with another chip or key.",
                "If the terminal was exchanged, free it: `voltrail gateway terminal free VIN`.",
            )
        return bool(row[2])

    def _check_recorded(self, connection: Connection, vin: str) -> None:
        if (
            self._admit == "recorded"
            and connection.execute("select 1 from subject where id = %s", (f"vehicle:{vin}",)).fetchone()
            is None
        ):
            raise AccessError(
                "gateway.vin_unknown",
                f"No battery on record was ever in a vehicle with the VIN {vin}.",
                "Report the battery as installed in it, or admit any: `voltrail gateway --admit any`.",
            )


def _hash(password: str) -> bytes:
    return sha256(password.encode()).digest()
