"""
The logs of the record: which entries and which rows of the tree are whose.

There is one, until it closes and a successor begins (`succession.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from voltrail.database.database import Connection
from voltrail.errors import NotFound
from voltrail.ledger import merkle
from voltrail.ledger.notes import Checkpoint, parse_note
from voltrail.ledger.succession import ClosedLog, number_of
from voltrail.registry import rows

_NEWEST: Final = "select origin, base, first_chunk from log"
_CLOSED: Final = (
    "select origin, base, first_chunk, vkey, size, note, promised, closed_ms from closed_log order by number"
)


class Stretch(msgspec.Struct, frozen=True):
    """Where a log stands in the record: its entry i has the index `base + i`, its nodes begin at a row."""

    origin: str
    base: int = 0
    first_chunk: int = 0

    @property
    def number(self) -> int:
        """The how-manieth log of the record this is."""
        return number_of(self.origin)

    def nodes(self, connection: Connection, positions: Iterable[int]) -> dict[int, bytes]:
        """Return the hashes at these positions of this log's tree, in one query."""
        return rows.read_nodes(connection, positions, self.first_chunk)


class Closed(Stretch, frozen=True, kw_only=True):
    """A closed log: its key, its last checkpoint here, and what it had promised beyond that, if anything."""

    vkey: str
    size: int
    note: str
    promised: str | None
    closed_ms: int

    @property
    def checkpoint(self) -> Checkpoint:
        """What its last checkpoint says."""
        return Checkpoint.parse(parse_note(self.note).text)

    @property
    def lost(self) -> int:
        """How many entries it had promised that are not in the record."""
        if self.promised is None:
            return 0
        return max(0, Checkpoint.parse(parse_note(self.promised).text).size - self.size)


class Logs(msgspec.Struct, frozen=True):
    """The logs of a record: those that are closed, the first one first, and the one that is written."""

    closed: tuple[Closed, ...]
    newest: Stretch

    @classmethod
    def read(cls, connection: Connection) -> Logs:
        """Return the logs as the database has them."""
        closed = tuple(
            Closed(origin, base, chunk, vkey=vkey, size=size, note=note, promised=promised, closed_ms=at)
            for origin, base, chunk, vkey, size, note, promised, at in connection.execute(_CLOSED).fetchall()
        )
        return cls(closed, Stretch(*rows.one(connection, _NEWEST)))

    @property
    def origins(self) -> list[str]:
        """The origins, the newest one last."""
        return [*(log.origin for log in self.closed), self.newest.origin]

    def at(self, index: int) -> Stretch:
        """Return the log in which an index of the record stands."""
        return next((log for log in self.closed if index < log.base + log.size), self.newest)

    def number(self, number: int) -> Closed:
        """Return a closed log by its number; NotFound when there is none."""
        if not 1 <= number <= len(self.closed):
            raise NotFound(
                "log.number",
                f"There is no closed log {number} here.",
                "GET /log/closed lists them; the log that is written is at /log/checkpoint.",
            )
        return self.closed[number - 1]

    def joined(self, connection: Connection, size: int) -> list[ClosedLog]:
        """Return the closed logs as evidence shows them, when the newest has `size` entries."""
        found = []
        ends = [(log, log.size) for log in self.closed[1:]] + [(self.newest, size)]
        for before, (log, entries) in zip(self.closed, ends, strict=False):
            nodes = log.nodes(connection, merkle.inclusion_nodes(0, entries))
            found.append(ClosedLog(before.note, merkle.inclusion_proof(0, entries, nodes)))
        return found
