"""How the record's rows are written: by COPY, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from voltrail.database import copy
from voltrail.database.database import Connection
from voltrail.errors import RegistryError
from voltrail.ledger import merkle
from voltrail.lifecycle import Battery, State, encode_state
from voltrail.registry.world import Slot

MANY_ROWS = 3_000  # parts of rows: worth a thread of their own
HASH_BYTES = 32
CHUNK_HASHES = 126
CHUNK_BYTES = CHUNK_HASHES * HASH_BYTES

STAGE = "create temp table if not exists stage (like subject, at tid) on commit delete rows"

# By ctid, so that no index is asked a second time. The log's lock is held since the rows were read, and
# nobody else changes them; were a row not there after all, the number of rows would tell.
UPDATE = """
update subject s set k = u.k, h = u.h, seq = u.seq, latest_us = u.latest_us, state = u.state,
    place = u.place, phase = u.phase, holder = u.holder, model = u.model
from stage u where s.ctid = u.at and s.id = u.id
"""
STAGE_PLAN = "set enable_hashjoin = off; set enable_mergejoin = off"


class NewNodes(Mapping[int, bytes]):
    """The nodes that a transaction knows without asking: the peaks before it, and what it added."""

    def __init__(self, size: int, peaks: tuple[bytes, ...], nodes: bytes) -> None:
        self._start = merkle.node_count(size)
        self._peaks = dict(zip(merkle.peaks_of(size), peaks, strict=True))
        self._nodes = nodes

    def __getitem__(self, position: int) -> bytes:
        """Return the hash at a position of the log's tree."""
        if position < self._start:
            return self._peaks[position]
        at = (position - self._start) * HASH_BYTES
        return self._nodes[at : at + HASH_BYTES]

    def __iter__(self) -> Iterator[int]:
        """Go through the positions."""
        yield from self._peaks
        yield from range(self._start, self._start + len(self._nodes) // HASH_BYTES)

    def __len__(self) -> int:
        """Return how many nodes are known."""
        return len(self._peaks) + len(self._nodes) // HASH_BYTES


def copy_in(connection: Connection, table: str, rows: Iterable[bytes]) -> None:
    """Write rows, each as `database.copy` builds them, into a table."""
    with connection.cursor().copy(f"copy {table} from stdin (format binary)") as target:
        target.write(b"".join((copy.HEADER, *rows, copy.TRAILER)))


@contextmanager
def copying_in(connection: Connection, table: str, rows: Sequence[bytes]) -> Iterator[None]:
    """Write rows, while the block does something else if they are many; it leaves the connection alone."""
    if len(rows) < MANY_ROWS:
        copy_in(connection, table, rows)
        yield
        return
    with ThreadPoolExecutor(1, "voltrail-copy") as aside:
        copied = aside.submit(copy_in, connection, table, rows)
        yield
        copied.result()


def rows_of(slots: Iterable[Slot]) -> tuple[list[bytes], list[bytes]]:
    """Return the rows of subjects that changed: of new ones, and of those that the record knows."""
    changed = [slot for slot in slots if slot.dirty]
    new = [_subject_row(slot, 10) for slot in changed if slot.at is None]
    return new, [_subject_row(slot, 11) + copy.blob(slot.at) for slot in changed if slot.at is not None]


def write_subjects(connection: Connection, rows: tuple[list[bytes], list[bytes]]) -> None:
    """Write the rows of subjects that changed: new ones by COPY, others through a staging table."""
    new, known = rows
    if new:
        copy_in(connection, "subject", new)
    if known:
        copy_in(connection, "stage", known)
        if connection.execute(UPDATE).rowcount != len(known):
            raise RegistryError("database.changed", "Rows of subjects were changed by another program.")


def write_nodes(connection: Connection, size: int, nodes: bytes, first_chunk: int) -> None:
    """Append nodes to the tree of `size` entries, kept in rows of 126 hashes: the last is filled first."""
    chunk, filled = divmod(merkle.node_count(size), CHUNK_HASHES)
    chunk += first_chunk
    offset = 0
    if filled:
        offset = min(len(nodes), CHUNK_BYTES - filled * HASH_BYTES)
        connection.execute("update tree set nodes = nodes || %s where chunk = %s", (nodes[:offset], chunk))
        chunk += 1
    further = [
        copy.columns(2) + copy.bigint(number) + copy.blob(nodes[at : at + CHUNK_BYTES])
        for number, at in enumerate(range(offset, len(nodes), CHUNK_BYTES), chunk)
    ]
    if further:
        copy_in(connection, "tree", further)


def read_nodes(connection: Connection, positions: Iterable[int], first_chunk: int) -> dict[int, bytes]:
    """Return the hashes at these positions of the tree that begins at a row, in one query."""
    wanted: dict[int, list[int]] = {}
    for position in set(positions):
        wanted.setdefault(first_chunk + position // CHUNK_HASHES, []).append(position)
    found: dict[int, bytes] = {}
    if wanted:
        rows = connection.execute(
            "select chunk, nodes from tree where chunk = any(%s)", (list(wanted),), binary=True
        )
        for chunk, nodes in rows:
            for position in wanted[chunk]:
                at = position % CHUNK_HASHES * HASH_BYTES
                found[position] = bytes(nodes[at : at + HASH_BYTES])
    return found


def _subject_row(slot: Slot, columns: int) -> bytes:
    state = slot.state
    if state is None:
        raise ValueError(slot.subject)  # every written subject has had an event
    place, phase, holder, model = shown_columns(state)
    return copy.columns(columns) + copy.subject(
        *(slot.subject, slot.k, slot.h, slot.last, slot.latest_us),
        encode_state(state),
        copy.text(place) + copy.text(phase) + copy.text(holder) + copy.text(model),
    )


def shown_columns(state: State) -> tuple[str | None, ...]:
    """Return place, phase, holder and model, by which batteries are listed; of anything else, nothing."""
    if not isinstance(state, Battery):
        return None, None, None, None
    return state.place, state.phase, state.holder, state.model_id


def one(connection: Connection, query: str) -> tuple[Any, ...]:
    """Return the one row of a query; RegistryError when the database holds no log yet."""
    row = connection.execute(query).fetchone()
    if row is None:
        raise RegistryError(
            "registry.empty", "The database holds no log.", "Start it once with `voltrail serve`."
        )
    return row
