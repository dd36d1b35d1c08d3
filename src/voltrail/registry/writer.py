"""
The one writer: reports in, receipts out, in one transaction for all that wait.

Whoever comes while a transaction runs waits for the next, which takes all of
them at once (group commit). Under one advisory lock a transaction reads the
states touched, judges and folds line by line, extends the tree, signs the
checkpoint and commits; then the anchor is synced; only then anyone is answered.
If the machine stops before the commit, nothing of it is there; if it stops
after, the log goes on from what was committed, and a report sent again gets its receipt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import psycopg

from voltrail.database.database import Connection, Database
from voltrail.errors import RegistryClosed, RegistryError, VoltrailError
from voltrail.ledger import merkle
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.reports import ReportNote
from voltrail.ledger.succession import first_origin, number_of
from voltrail.registry import rows
from voltrail.registry.anchor import Anchor
from voltrail.registry.append import Append, HalfTakenError, Log, Ticket, extend_log
from voltrail.registry.prepare import Prepared
from voltrail.registry.recall_rows import read_backlog
from voltrail.registry.rulebook import Rulebook
from voltrail.registry.settings import Keys, Settings
from voltrail.registry.signers import Signers
from voltrail.registry.world import World

APPEND_LOCK = 0x564F4C54  # "VOLT"
MAX_GROUP_LINES = 20_000
CLOSE_S = 3.0
_HASH = 32


class Writer:
    """Appends reports to the record. Threads may call `submit` at once; processes may share a database."""

    def __init__(self, database: Database, settings: Settings, keys: Keys, anchor: Anchor) -> None:
        self._database, self._settings, self._keys, self._anchor = database, settings, keys, anchor
        self._signers = Signers(settings)
        self.rulebook = Rulebook(database, self._signers.authorities)
        self._connection: Connection | None = None
        self._turn = threading.Lock()  # held by whoever runs the transaction
        self._door = threading.Lock()  # guards _waiting
        self._waiting: list[Ticket] = []
        self.now_ms: Callable[[], int] = clock_ms

    def submit(self, prepared: Prepared, meanwhile: Callable[[], None] | None = None) -> bytes:
        """
        Return the receipt of a report once it is durable; raises what refused it as a whole.

        `meanwhile` is called once, when nothing is left to do but to wait for the database.
        """
        (receipt,) = self._submit([Ticket(prepared, meanwhile)])
        return receipt

    def submit_all(self, prepared: Sequence[Prepared]) -> list[bytes]:
        """Return the receipts of reports that go in in this order; raises what refused the first refused."""
        return self._submit(list(map(Ticket, prepared)))

    def _submit(self, tickets: list[Ticket]) -> list[bytes]:
        with self._door:
            self._waiting += tickets
        with self._turn:
            while not all(ticket.done for ticket in tickets):
                self._run(self._next_group())
        for ticket in tickets:
            if ticket.error is not None:
                raise ticket.error
        return [ticket.receipt for ticket in tickets]

    def append_mark(self, entry: bytes) -> int:
        """Append an entry that is no event: heads. Return its index once it is durable and anchored."""
        with self._turn:
            with self._transaction() as connection:
                log = self._read_log(connection)
                self._check_continues(connection, log)
                index = log.base + log.size
                connection.execute("insert into mark values (%s, %s)", (index, entry))
                note, _ = extend_log(connection, log, [entry], self._keys.log)
            self._anchor.advance(note, log.size + 1)
        return index

    def check_open(self) -> None:
        """Raise RegistryClosed when the database is not as far as the anchor, or of another history."""
        with self._database.pool.connection() as connection:
            self._check_anchor(self._read_log(connection))

    def close(self) -> None:
        """
        Give the writer's connection back.

        A report that is being taken is waited for, but not for long: nobody has a receipt of it yet, and with
        the process its transaction ends.
        """
        if not self._turn.acquire(timeout=CLOSE_S):
            return
        try:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        finally:
            self._turn.release()

    def open_log(self) -> None:
        """Make the log's row in a new database, and see that database and anchor agree."""
        with self._turn, self._transaction() as connection:
            connection.execute(
                "insert into log (origin, size, peaks, root, received_ms, trust)"
                " values (%s, 0, '', %s, 0, 0) on conflict do nothing",
                (self._settings.origin, merkle.EMPTY_ROOT),
            )
        with self._turn, self._transaction() as connection:
            log = self._read_log(connection)
            self._check_continues(connection, log)
            read_backlog(connection, self.authorities)
        if not log.size and self._anchor.read() is None:
            # Anchored while empty: so a stop between the first commit and its anchor is no missing anchor.
            empty = Checkpoint(self._settings.origin, 0, log.root)
            self._anchor.advance(self._keys.log.sign(empty.text), 0)
        self._catch_up(log)

    # ------------------------------------------------------------ a transaction

    def _next_group(self) -> list[Ticket]:
        """Take those who wait, up to a bound of lines, in the order they came."""
        with self._door:
            taken, lines = 0, 0
            while taken < len(self._waiting) and (not taken or lines < MAX_GROUP_LINES):
                lines += len(self._waiting[taken].prepared.lines)
                taken += 1
            group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return group

    def _run(self, group: list[Ticket]) -> None:
        try:
            self._commit(group)
        except (psycopg.Error, VoltrailError) as error:
            for ticket in group:
                ticket.error = _as_told(error)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            if len(group) == 1 or not isinstance(error, Exception):
                for ticket in group:
                    ticket.error = error.__cause__ if isinstance(error, HalfTakenError) else error
                return
            for ticket in group:  # a defect that one of them brought out is not the others' fault
                ticket.error = None
                self._run([ticket])
        finally:
            for ticket in group:
                ticket.done = True

    def _commit(self, group: list[Ticket]) -> None:
        with self._transaction() as connection:
            log = self._read_log(connection)
            self._check_continues(connection, log)
            rules = self.rulebook.rules(connection)
            append = Append(connection, log, self._signers, self._keys.log, self.now_ms(), rules)
            append.read(group)
            for ticket in group:
                try:
                    append.take(ticket)
                except VoltrailError as error:
                    ticket.error = error
            note = append.write(partial(_begin_to_wait, group))
        if note is not None:
            self._anchor.advance(note, append.size)
        else:
            self._catch_up(log)
        append.answer()

    def _transaction(self) -> Any:
        """Return a transaction that holds the log's lock; the connection is made anew after a failure."""
        return _Transaction(self)

    def connected(self) -> Connection:
        """Return the writer's connection."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._database.connect()
            self._connection.autocommit = True
            self._connection.execute(rows.STAGE_PLAN)
            self._connection.execute(rows.STAGE)
        return self._connection

    def _read_log(self, connection: Connection) -> Log:
        origin, base, first_chunk, size, peaks, root, received_ms, trust = rows.one(
            connection, "select origin, base, first_chunk, size, peaks, root, received_ms, trust from log"
        )
        if origin != self._settings.origin:
            raise _of_another_log(origin, self._settings.origin)
        hashes = tuple(bytes(peaks[at : at + _HASH]) for at in range(0, len(peaks), _HASH))
        return Log(base, first_chunk, size, hashes, bytes(root), received_ms, trust)

    # ------------------------------------------------------------ the anchor

    def _check_anchor(self, log: Log) -> None:
        """Raise RegistryClosed when the database is behind the anchor, or of another history."""
        anchored = self._anchor.read()
        if anchored is None:
            if log.size:
                raise _closed(f"The database holds {log.size:,} entries, and the anchor file is missing.")
            return
        checkpoint = anchored[1]
        if checkpoint.size > log.size:
            raise _closed(
                f"The log has promised {checkpoint.size:,} entries, and this database holds {log.size:,}: "
                "it was restored from an older copy."
            )
        if checkpoint.size == log.size and checkpoint.root != log.root:
            raise _closed("The database holds another history than the log has promised.")

    def _check_continues(self, connection: Connection, log: Log) -> None:
        """The same, with the root at the anchored size computed from the database."""
        self._check_anchor(log)
        anchored = self._anchor.read()
        if anchored is None or anchored[1].size == log.size:
            return
        positions = merkle.peaks_of(anchored[1].size)
        nodes = rows.read_nodes(connection, positions, log.first_chunk)
        if merkle.root_of([nodes[position] for position in positions]) != anchored[1].root:
            raise _closed("The database holds another history than the log has promised.")

    def _catch_up(self, log: Log) -> None:
        """Anchor what was committed before a stop came between commit and anchor."""
        anchored, upto = self._anchor.read(), log.base + log.size
        if log.size and (anchored is None or anchored[1].size < log.size):
            with self._database.pool.connection() as connection:
                row = connection.execute("select note from checkpoint where upto = %s", (upto,)).fetchone()
            if row is not None:
                self._anchor.advance(row[0], log.size)

    # ------------------------------------------------------------ signatures

    def check_known_signer(self, note: ReportNote) -> None:
        """
        Raise ReportError unless the report is signed by a key that counts now, as far as has been committed.

        Asked before a long report is hashed: nobody without a key can make the registry work.
        """
        with self._database.pool.connection() as connection:
            log = self._read_log(connection)
            self._signers.check(note, World(connection, self.authorities), log.base + log.size)

    @property
    def authorities(self) -> frozenset[str]:
        """The organisations that are authorities before any event says so."""
        return self._signers.authorities


def _begin_to_wait(group: Sequence[Ticket]) -> None:
    for ticket in group:
        ticket.waits()


def clock_ms() -> int:
    """Return the time of this machine."""
    return time.time_ns() // 1_000_000


class _Transaction:
    """One transaction under the log's lock; on a database failure the connection is thrown away."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> Connection:
        self._connection = self._writer.connected()
        self._block = self._connection.transaction()
        self._block.__enter__()
        self._connection.execute("select pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._block.__exit__(kind, error, trace)
        except psycopg.Error:
            self._connection.close()
            raise
        if isinstance(error, psycopg.Error):
            self._connection.close()


def _of_another_log(held: str, named: str) -> RegistryClosed:
    message = f"The database holds the log {held}, the settings name {named}."
    if first_origin(held) == first_origin(named) and number_of(held) > number_of(named):
        fix = f"A successor has begun. End that (`voltrail log succeed {named}`), then start again."
    else:
        fix = "Start with the data folder that belongs to this database."
    return RegistryClosed("log.origin", message, fix)


def _closed(message: str) -> RegistryClosed:
    return RegistryClosed(
        "log.closed",
        message,
        "Writing has stopped so that the log cannot fork. Put the newest copy of the database back, "
        "or close this log and begin its successor: `voltrail log succeed`. See the operator's manual.",
    )


def _as_told(error: BaseException) -> BaseException:
    """Return the error as those who wait shall hear it."""
    if isinstance(error, psycopg.Error):
        told = RegistryError(
            "database.failed",
            f"The database did not take the report: {str(error).strip() or type(error).__name__}.",
            "Send the same report again: if it was taken after all, you get its receipt.",
        )
        told.__cause__ = error
        return told
    return error
