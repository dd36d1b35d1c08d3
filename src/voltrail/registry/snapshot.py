"""
The record at one moment, for reading much of it: all rows as they stood there, and the checkpoint of it.

One transaction that reads and nothing else (PostgreSQL, "Repeatable Read"), on a connection of its own. Every
commit of the log leaves the checkpoint of its size, so what a snapshot sees is what one checkpoint covers. It
is given out once that checkpoint is published, which takes the moment between a commit and its anchor.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import RegistryError
from voltrail.ledger.keys import encode64
from voltrail.registry import rows
from voltrail.registry.anchor import Anchor

READ_AT_ONCE: Final = 5_000  # rows
MOST_S: Final = 3_600  # a snapshot that is kept keeps PostgreSQL from clearing up what was replaced since
STALLED_S: Final = 120  # nothing asked of it for so long: whoever reads has gone or is stuck
_ANCHORED_WITHIN_S: Final = 5

_LOG: Final = """
select l.origin, l.base, l.size, l.root, c.note, clock_timestamp(), h.upto
from log l cross join holding_upto h left join checkpoint c on c.upto = l.base + l.size
"""


class Standing(msgspec.Struct, frozen=True):
    """
    What a snapshot stands on: the log, its size and root, the signed checkpoint; and when it was taken.

    `followed` says whether the lists of who has what (`holding`) go as far as the log does; if not,
    they go at least to the entry `followed_to`, which is an index of the record.
    """

    origin: str
    base: int
    size: int
    root: bytes
    note: str | None
    at: datetime
    followed_to: int

    @property
    def root64(self) -> str:
        """The root hash as a checkpoint writes it."""
        return encode64(self.root)

    @property
    def followed(self) -> bool:
        """Whether the lists of who has what are of this very moment."""
        return self.followed_to >= self.base + self.size


class Snapshot:
    """One moment of the record; not to be shared by threads at a time. `standing` says which moment."""

    def __init__(self, database: Database, anchor: Anchor) -> None:
        self._connection = database.connect()
        self._names = count()
        self._until = time.monotonic() + MOST_S
        try:
            self._connection.execute("set transaction isolation level repeatable read, read only")
            self._connection.execute(f"set local idle_in_transaction_session_timeout = '{STALLED_S}s'")
            origin, base, size, root, note, at, followed_to = rows.one(self._connection, _LOG)
            self.standing = Standing(origin, base, size, bytes(root), note, at.astimezone(UTC), followed_to)
            self._wait_until_published(anchor)
        except BaseException:
            self.close()
            raise

    def _wait_until_published(self, anchor: Anchor) -> None:
        """Wait for the anchor to reach this moment. RegistryError when it does not."""
        until = time.monotonic() + _ANCHORED_WITHIN_S
        while self.standing.size:
            anchored = anchor.read()
            if anchored is not None and anchored[1].size >= self.standing.size:
                return
            if time.monotonic() > until:
                raise RegistryError(
                    "export.not_published",
                    "The newest entries of the log are not published yet, so no file can stand on them.",
                    "Try again in a moment; if this stays, run `voltrail doctor`.",
                )
            time.sleep(0.01)

    @property
    def connection(self) -> Connection:
        """The connection, for what is read in one go."""
        return self._connection

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> Iterator[list[tuple[Any, ...]]]:
        """
        Yield the rows of a query in runs of 5,000: what is in memory is one run.

        Raises RegistryError when the snapshot has been kept for an hour.
        """
        with self._connection.cursor(f"rows_{next(self._names)}") as cursor:
            cursor.execute(query, values, binary=True)
            while found := cursor.fetchmany(READ_AT_ONCE):
                self._check_time()
                yield found

    def count(self, query: str, values: Mapping[str, Any], most: int) -> int:
        """Return how many rows a query has, counted up to `most`."""
        counted = f"select count(*) from ({query} limit {most:d}) counted"  # noqa: S608 - a query of ours
        (number,) = self._connection.execute(counted, values).fetchone() or (0,)
        return int(number)

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise RegistryError(
                "export.too_long",
                "This file was read for an hour, which is as long as one moment of the record is kept.",
                "Narrow the list, or read it over a faster line.",
            )

    def close(self) -> None:
        """Let go of the moment."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
