"""
The log as everybody may have it: tiles, entries and proofs under the published checkpoint.

What is not published, because it is not anchored yet, is not given here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, RegistryError, UsageError
from voltrail.ledger import merkle, tiles
from voltrail.ledger.entries import event_entry
from voltrail.ledger.keys import Signer, Verifier
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.tiles import ENTRIES, Tile
from voltrail.ledger.tlog_proof import tlog_proof
from voltrail.registry.logs import Stretch

Published = tuple[str, Checkpoint]


class PublicLog:
    """
    Reads one log for the public; indices here are places in this log, as C2SP has them.

    `published` gives its checkpoint, or raises why there is none; one of `keys` signed that.
    """

    def __init__(
        self, database: Database, place: Stretch, keys: Sequence[Verifier], published: Callable[[], Published]
    ) -> None:
        self.database, self.place, self.keys, self.published = database, place, keys, published

    def tile(self, tile: Tile) -> bytes:
        """Return a tile or bundle; NotFound when the published log does not have all of it."""
        size = self.published()[1].size
        if not tiles.is_in(tile, size):
            raise _beyond(tile.path, size)
        with self.database.pool.connection() as connection:
            return self.read_tile(connection, tile)

    def consistency_proof(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the log of `size` entries only adds to that of `old` (RFC 6962, 2.1.2)."""
        self._check_size(size)
        if not 0 <= old <= size:
            raise UsageError(
                "log.sizes",
                f"A log of {size:,} entries does not follow one of {old:,}.",
                "Give the smaller size as old.",
            )
        with self.database.pool.connection() as connection:
            nodes = self.place.nodes(connection, merkle.consistency_nodes(old, size))
        return merkle.consistency_proof(old, size, nodes)

    def entry_proof(self, index: int) -> str:
        """Return the text that proves the entry at an index (C2SP tlog-proof); the entry is in it."""
        note, checkpoint = self.published()
        if not 0 <= index < checkpoint.size:
            raise _beyond(f"entry {index:,}", checkpoint.size)
        with self.database.pool.connection() as connection:
            (entry,) = self._read_entries(connection, index, index + 1)
            nodes = self.place.nodes(connection, merkle.inclusion_nodes(index, checkpoint.size))
        return tlog_proof(index, merkle.inclusion_proof(index, checkpoint.size, nodes), note, entry)

    def growth(self, samples: int) -> list[tuple[int, int]]:
        """
        Return how the published log grew: pairs of a time in Unix milliseconds and how many entries it had.

        The first and the last entry are among the samples, evenly spaced over the log: each is one look
        into the index. An entry that is no event stands with the time of the event before it.
        """
        size = self.published()[1].size
        indices = sorted({at * (size - 1) // max(samples - 1, 1) for at in range(samples)})
        with self.database.pool.connection() as connection:
            return connection.execute(
                "select before.received_ms, sampled + 1 from unnest(%s::bigint[]) sampled, lateral"
                " (select received_ms from event where seq <= sampled + %s order by seq desc limit 1) before"
                " order by sampled",
                (indices, self.place.base),
            ).fetchall()

    def root(self, size: int) -> bytes:
        """Return the root that the log had at a size."""
        self._check_size(size)
        positions = merkle.peaks_of(size)
        with self.database.pool.connection() as connection:
            nodes = self.place.nodes(connection, positions)
        return merkle.root_of([nodes[position] for position in positions])

    def _check_size(self, size: int) -> None:
        published = self.published()[1].size
        if size > published:
            raise _beyond(f"a size of {size:,}", published)

    def read_tile(self, connection: Connection, tile: Tile) -> bytes:
        """Return the bytes of a tile or bundle from the database."""
        if tile.level == ENTRIES:
            return tiles.encode_bundle(self._read_entries(connection, tile.start, tile.stop))
        return tiles.cut(tile, self.place.nodes(connection, tile.positions()))

    def _read_entries(self, connection: Connection, start: int, stop: int) -> list[bytes]:
        """Return the entries from one place up to another: events made again, all others as they are kept."""
        start, stop = self.place.base + start, self.place.base + stop
        found = {
            seq: event_entry(received_ms, c, links)
            for seq, received_ms, c, links in connection.execute(
                "select seq, received_ms, c, links from event where seq >= %s and seq < %s",
                (start, stop),
                binary=True,
            )
        }
        found |= dict(
            connection.execute(
                "select seq, entry from mark where seq >= %s and seq < %s", (start, stop), binary=True
            ).fetchall()
        )
        missing = [index for index in range(start, stop) if index not in found]
        if missing:
            raise RegistryError(
                "log.entry_missing",
                f"The database does not hold the entry {missing[0]:,}, which the log has.",
                "Stop writing and run `voltrail log audit`; see the operator's manual.",
            )
        return [found[index] for index in range(start, stop)]


class SecondSignature:
    """
    The log's ML-DSA-44 signature, put beside the first on checkpoints that are published.

    Not on those of receipts: each of them, and each row of `checkpoint`, would be 3,300 bytes longer, and a
    receipt is signed with the first key anyway. The last one is kept, so each checkpoint is signed once.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._last = ("", "")

    def beside(self, note: str, checkpoint: Checkpoint) -> str:
        """Return the note with this signature too."""
        signed, line = self._last
        if signed != note:
            line = self._signer.signature_line(checkpoint.text)
            self._last = (note, line)
        return note + line


def _beyond(what: str, size: int) -> NotFound:
    return NotFound(
        "log.beyond",
        f"The published log has {size:,} entries: {what} is beyond it.",
        "Ask for what the last checkpoint covers; it is at /log/checkpoint.",
    )
