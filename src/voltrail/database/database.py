"""A PostgreSQL database with Voltrail's schema: connections for the one writer and for many readers."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg_pool import ConnectionPool

from voltrail.database import copy, embedded
from voltrail.errors import RegistryError, UsageError

Connection = psycopg.Connection[tuple]  # type: ignore[type-arg]


class Texts:
    """Many texts as one parameter, written at once; a list is written by psycopg one by one."""

    def __init__(self, values: Iterable[str]) -> None:
        self.array = copy.texts([value.encode() for value in values])[4:]


class _TextsDumper(Dumper):
    format, oid = Format.BINARY, 1009  # text[]

    def dump(self, obj: Texts) -> bytes:
        return obj.array


psycopg.adapters.register_dumper(Texts, _TextsDumper)

SEND_BYTES = 4 << 20  # on the way to the server, so that a long COPY seldom waits; the system may allow less
MIGRATION_LOCK = 0x566F6C74  # "Volt"


class Database:
    """
    One database, found by a folder (embedded) or a DSN; migrated when opened.

    Readers share a pool; the writer has a connection of its own (`writer`), made anew after a failure.
    """

    def __init__(self, folder: Path | None, dsn: str | None, readers: int = 8) -> None:
        self._server = None
        if dsn is None:
            if folder is None:
                raise UsageError("usage.database", "No database was named.", "Give a folder or a DSN.")
            self._server = embedded.start(folder)
            dsn = self._server.get_uri()
        self.dsn = dsn
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                migrate(connection)
        except psycopg.OperationalError as error:
            raise RegistryError(
                "database.unreachable",
                f"The database does not answer: {str(error).strip()}.",
                "See that it runs and that the DSN is right; then try again.",
            ) from error
        self.pool = ConnectionPool(
            dsn,
            min_size=1,
            max_size=readers,
            open=True,
            kwargs={"autocommit": True},
            check=_check,
        )

    def connect(self) -> Connection:
        """Return a new connection, for the caller to own and close."""
        connection: Connection = psycopg.connect(self.dsn)
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        return connection

    def close(self) -> None:
        """Close the pool; an embedded server stops when its last process ends."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check(connection: Connection) -> None:
    """Ask a connection whether it lives where something came unasked, as when its server ends it."""
    end = select.poll()
    end.register(connection.fileno(), select.POLLIN)
    if end.poll(0):
        ConnectionPool.check_connection(connection)


def migrate(connection: Connection) -> None:
    """Run the numbered migrations this database has not seen; servers starting together take turns."""
    connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
    try:
        connection.execute(
            "create table if not exists migration (number integer primary key, name text not null)"
        )
        done = {number for (number,) in connection.execute("select number from migration")}
        for script in sorted(
            (
                item
                for item in resources.files("voltrail.database.migrations").iterdir()
                if item.name.endswith(".sql")
            ),
            key=lambda item: item.name,
        ):
            number = int(script.name[:4])
            if number not in done:
                with connection.transaction():
                    connection.execute(script.read_bytes())
                    connection.execute("insert into migration values (%s, %s)", (number, script.name))
    finally:
        connection.execute("select pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
