"""
What a witness remembers: the last checkpoint of each log that it cosigned.

That is all its honesty rests on. Comparing with the last checkpoint and keeping the new one are one
transaction, and it is synced before the cosignature is answered: so a witness that is killed at any moment
has never given out what it does not remember.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from voltrail.errors import RegistryError
from voltrail.ledger.notes import Checkpoint, Note, parse_note
from voltrail.ledger.witness import Cosigner, Request, check_follows, log_lines

BUSY_S = 5  # how long another process may hold the file

_TABLE = """
create table if not exists cosigned (
    origin text    primary key,
    note   text    not null,    -- the checkpoint with its log's signatures and ours
    time   integer not null     -- of our cosignature, Unix seconds
)
"""


class WitnessStore:
    """The store in a folder: one SQLite file. Threads and processes may share it; they take turns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "witness.sqlite"
        self._turn = threading.Lock()  # one connection, one transaction at a time
        self.now_s: Callable[[], int] = lambda: int(time.time())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            # EXTRA syncs the folder too: a commit is not undone by a journal that comes back after a crash.
            self._connection.execute("pragma synchronous = extra")
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise RegistryError(
                "witness.store",
                f"The witness's store {self.path} cannot be used: {error}.",
                "Never put an older copy of it back; a witness that lost its store needs a new key.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()

    def cosign(self, request: Request, opened: Note, cosigner: Cosigner) -> str:
        """
        Return our signature line over a checkpoint that its log signed, once it is kept as the last one.

        Raises WitnessError, and keeps nothing, unless it contains the last one. The time never runs back.
        """
        checkpoint = Checkpoint.parse(opened.text)
        with self._turn:
            self._connection.execute("begin immediate")
            try:
                last = self._last(checkpoint.origin)
                check_follows(request, checkpoint, Checkpoint.parse(parse_note(last).text) if last else None)
                (latest,) = self._connection.execute("select coalesce(max(time), 0) from cosigned").fetchone()
                at = max(self.now_s(), latest, 1)
                line = cosigner.cosign(opened.text, at)
                self._connection.execute(
                    "insert or replace into cosigned values (?, ?, ?)",
                    (checkpoint.origin, f"{opened.text}\n{log_lines(opened)}{line}", at),
                )
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
        return line

    def last(self, origin: str) -> str | None:
        """Return the last checkpoint of a log, with its signatures and ours, or None before the first."""
        with self._turn:  # so that nothing is shown that is not yet durable
            return self._last(origin)

    def _last(self, origin: str) -> str | None:
        row = self._connection.execute("select note from cosigned where origin = ?", (origin,)).fetchone()
        return str(row[0]) if row else None
