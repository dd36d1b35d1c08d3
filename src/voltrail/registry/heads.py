"""
The heads of all chains: built from what changed since the last tree, kept as files, entered in the log.

In `heads/` of the data folder, one folder a tree, named by the index of its entry: `rows` (a ‖ k ‖ h,
ascending), `nodes` (the tree in post-order) and `about.json`. The last two are kept. All of it can be
lost without harm to the log: evidence has no head then, until the next tree is built.

Building takes one snapshot and no lock, so that reports go on. If the machine stops before the entry is
committed, the next build begins anew; if it stops after, the files are put in their place when they are
next looked for.
"""

from __future__ import annotations

import fcntl
import mmap
import multiprocessing
import os
import secrets
import shutil
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.ledger import merkle
from voltrail.ledger.entries import heads_entry
from voltrail.ledger.heads import PLACE, ROW_BYTES, SECRET_BYTES, extend, head_place, head_salt
from voltrail.registry.files import sync, write_private

KEPT: Final = 2
BLOCK_LEVEL: Final = 15
BLOCK_ROWS: Final = 1 << BLOCK_LEVEL
NEAR: Final = 32  # rows, to which the place of a subject is guessed
WORKERS: Final = 2

Progress = Callable[[int, int], None]

# One row of the copy: a, k and h as the tree's rows have them, each after its length.
_CHANGED: Final = (
    "copy (select sha256(convert_to('voltrail.head' || id, 'UTF8')), k, h from subject where seq >= {since})"
    " to stdout (format binary)"
)
_COPY_HEADER_BYTES: Final = 19
_COPY_ROW_BYTES: Final = 86


class About(msgspec.Struct, frozen=True):
    """What a tree is over: the log's size then, its own number of subjects, root and secret."""

    size: int
    count: int
    root: bytes
    secret: bytes
    base: int = 0  # entries of the logs before

    @property
    def entry(self) -> bytes:
        """The tree's entry in the log."""
        return heads_entry(self.size, self.count, self.root)

    @property
    def upto(self) -> int:
        """How many entries the record had then."""
        return self.base + self.size


class Head(msgspec.Struct, frozen=True):
    """Where a subject stands in a tree, and what is said of it there."""

    position: int
    k: int
    h: bytes


class Tree:
    """One heads tree on disk, open for reading."""

    def __init__(self, folder: Path, index: int) -> None:
        self.index = index
        self.about = msgspec.json.decode((folder / "about.json").read_bytes(), type=About)
        self.rows_path = folder / "rows"
        self._rows, self._nodes = _map(folder / "rows"), _map(folder / "nodes")

    def row(self, position: int) -> bytes:
        """Return the row at a position."""
        return self._rows[position * ROW_BYTES : (position + 1) * ROW_BYTES]

    def place(self, subject: str) -> int:
        """Return the position at which a subject stands, or would stand."""
        return self._position(head_place(subject))

    def _position(self, wanted: bytes) -> int:
        """
        Return the position of a place.

        Places are hashes, so where one stands can be guessed, and guessed again from what stands there:
        three times bring it to within a few rows. Where that is not so, somebody has chosen the ids.
        """
        count, value = self.about.count, int.from_bytes(wanted[:8], "big")
        guess = value * count >> 64
        for _ in range(3):
            stands = int.from_bytes(self._place_at(guess)[:8], "big")
            guess = min(max(guess + ((value - stands) * count >> 64), 0), count - 1)
        low, high = max(0, guess - NEAR), min(count, guess + NEAR)
        if (low and self._place_at(low - 1) >= wanted) or (high < count and self._place_at(high) < wanted):
            low, high = 0, count
        return bisect_left(range(count), wanted, low, high, key=self._place_at)

    def _place_at(self, position: int) -> bytes:
        at = position * ROW_BYTES
        return self._rows[at : at + 32]

    def find(self, subject: str) -> Head | None:
        """Return a subject's head, or None when the tree has none."""
        return self.find_place(head_place(subject))

    def find_place(self, place: bytes) -> Head | None:
        """Return the head of the subject with this place, or None when the tree has none."""
        position = self._position(place)
        row = self.row(position) if position < self.about.count else b""
        if row[PLACE] != place:
            return None
        return Head(position, int.from_bytes(row[32:40], "big"), row[40:])

    def salt(self, subject: str) -> bytes:
        """Return the salt of a subject's leaf."""
        return head_salt(self.about.secret, head_place(subject))

    def proof(self, position: int) -> list[bytes]:
        """Return the inclusion proof of the leaf at a position."""
        places = merkle.inclusion_nodes(position, self.about.count)
        return merkle.inclusion_proof(
            position, self.about.count, {place: self._nodes[place * 32 : place * 32 + 32] for place in places}
        )


class HeadsStore:
    """The heads trees in a folder. Processes may share it; who builds holds its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[int, Tree] = {}

    def trees(self) -> list[Tree]:
        """Return the trees that stand, the newest first."""
        names = self._indices()[::-1]
        for index in [index for index in self._open if index not in names]:
            del self._open[index]
        found = []
        for index in names[:KEPT]:
            try:
                tree = self._open.get(index) or Tree(self.folder / str(index), index)
            except FileNotFoundError:  # removed since the folder was listed
                continue
            self._open[index] = tree
            found.append(tree)
        return found

    def age_s(self) -> float:
        """Return how long ago the newest tree was built, in seconds; infinity when there is none."""
        newest = next(iter(self._indices()[::-1]), None)
        if newest is None:
            return inf
        return time.time() - (self.folder / str(newest) / "about.json").stat().st_mtime

    def newest(self, upto: int) -> Tree | None:
        """Return the newest tree whose entry is among the record's first `upto`, or None."""
        return next((tree for tree in self.trees() if tree.index < upto), None)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock, so that one process builds at a time."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def forget_from(self, index: int) -> None:
        """Remove the trees whose entries stood at this index or beyond: of entries that are lost."""
        for one in self._indices():
            if one >= index:
                shutil.rmtree(self.folder / str(one))

    @property
    def draft(self) -> Path:
        """The folder of the tree being built."""
        return self.folder / "draft"

    def settle(self, index: int) -> None:
        """Give the draft its name, now that its entry stands at this index; let go of trees too old."""
        target = self.folder / str(index)
        if target.exists():  # built again after its files were lost
            shutil.rmtree(target)
        self.draft.rename(target)
        sync(self.folder)
        for old in self._indices()[:-KEPT]:
            shutil.rmtree(self.folder / str(old))

    def _indices(self) -> list[int]:
        """Return the indices of the trees that stand, ascending."""
        if not self.folder.exists():
            return []
        return sorted(int(item.name) for item in self.folder.iterdir() if item.name.isdigit())

    def recover(self, database: Database) -> None:
        """Settle a draft whose entry was committed before a stop; remove any other."""
        try:
            about = msgspec.json.decode((self.draft / "about.json").read_bytes(), type=About)
        except (FileNotFoundError, msgspec.MsgspecError):
            about = None
        if about is not None:
            with database.pool.connection() as connection:
                row = connection.execute("select seq from mark where entry = %s", (about.entry,)).fetchone()
            if row is not None:
                self.settle(row[0])
                return
        shutil.rmtree(self.draft, ignore_errors=True)

    def build(self, connection: Connection, progress: Progress | None = None) -> About | None:
        """
        Build the next tree as a draft, from what changed since the newest; None when nothing has.

        `progress` is told subjects done and subjects in all. The caller holds the lock, enters
        `About.entry` in the log and settles the draft.
        """
        newest = next(iter(self.trees()), None)
        self.draft.mkdir()
        base, size = _copy_changed(connection, newest.about if newest else None, self.draft / "changed")
        if not (self.draft / "changed").stat().st_size:
            shutil.rmtree(self.draft)
            return None
        count = _merge(newest.rows_path if newest else None, self.draft / "changed", self.draft / "rows")
        (self.draft / "changed").unlink()
        secret = secrets.token_bytes(SECRET_BYTES)
        root = _hash(self.draft, count, secret, progress)
        about = About(size, count, root, secret, base)
        write_private(self.draft / "about.json", msgspec.json.encode(about))
        sync(self.draft)
        return about


# ---------------------------------------------------------------- the steps of a build


def _copy_changed(connection: Connection, newest: About | None, target: Path) -> tuple[int, int]:
    """
    Write the subjects that changed since the newest tree, as the database gives them; nothing when none did.

    Returns the log's base and size at that moment. A successor log has its heads entered even so.
    """
    since = newest.upto if newest else 0
    with connection.transaction(), target.open("wb") as file:
        connection.execute("set transaction isolation level repeatable read, read only")
        base, size, moved = connection.execute(
            "select base, size, exists (select from event where seq >= %s) from log", (since,)
        ).fetchone() or (0, 0, False)
        if moved or (newest is not None and newest.base != base):
            with connection.cursor().copy(_CHANGED.format(since=int(since))) as rows:
                for piece in rows:
                    file.write(piece)
    return int(base), int(size)


def _merge(before: Path | None, changed: Path, target: Path) -> int:
    """
    Write the rows of the tree before with the changed ones in their places; return how many there are.

    Sorted by the first eight bytes of a, then mended where those are equal. Memory: the changed rows
    and some thirty bytes a subject.
    """
    import numpy as np

    length = (changed.stat().st_size - _COPY_HEADER_BYTES) // _COPY_ROW_BYTES
    new = np.memmap(changed, "u1", "r", _COPY_HEADER_BYTES, (length, _COPY_ROW_BYTES))
    old: Any = np.memmap(before, "u1", "r").reshape(-1, ROW_BYTES) if before else new[:0, :ROW_BYTES]

    def rows_at(at: Any) -> Any:
        """Return the rows at these places, counting through the old ones and then the new."""
        found = np.empty((len(at), ROW_BYTES), "u1")
        newer = at >= len(old)
        found[~newer] = old[at[~newer]]
        copied = new[at[newer] - len(old)]
        found[newer] = np.concatenate([copied[:, 6:38], copied[:, 42:50], copied[:, 54:86]], axis=1)
        return found

    keys = np.concatenate([_first_eight(old[:, :8]), _first_eight(new[:, 6:14])])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    keep = np.ones(len(order), bool)
    equal = np.flatnonzero(keys[1:] == keys[:-1])
    for start in range(0, len(equal), BLOCK_ROWS):
        at = equal[start : start + BLOCK_ROWS]
        same = (rows_at(order[at])[:, PLACE] == rows_at(order[at + 1])[:, PLACE]).all(axis=1)
        keep[at[same]] = False  # in the stable order the older one stands first
        for place in at[~same]:
            _mend(keys, order, keep, int(place), rows_at)
    order = order[keep]
    with target.open("wb") as file:
        for start in range(0, len(order), BLOCK_ROWS):
            file.write(rows_at(order[start : start + BLOCK_ROWS]).tobytes())
        file.flush()
        os.fsync(file.fileno())
    return len(order)


def _first_eight(places: Any) -> Any:
    """Return the first eight bytes of each a as one number."""
    import numpy as np

    return np.ascontiguousarray(places).view(">u8").reshape(-1).astype("<u8")


def _mend(keys: Any, order: Any, keep: Any, at: int, rows_at: Callable[[Any], Any]) -> None:
    """
    Put in order, by all of a, the subjects around a place of which the first eight bytes are equal.

    By chance one in 10¹² trees or so; someone who invents ids can bring it about.
    """
    import numpy as np

    start, stop = (int(np.searchsorted(keys, keys[at], side)) for side in ("left", "right"))
    places = [row.tobytes()[PLACE] for row in rows_at(order[start:stop])]
    by_place = sorted(range(stop - start), key=lambda n: (places[n], order[start + n]))
    order[start:stop] = order[start:stop][by_place]
    ordered = [places[n] for n in by_place]
    keep[start:stop] = [here != after for here, after in zip(ordered, [*ordered[1:], b""], strict=True)]


def _hash(folder: Path, count: int, secret: bytes, progress: Progress | None) -> bytes:
    """Write the tree's nodes; return its root. Blocks are hashed by worker processes."""
    (folder / "nodes").write_bytes(b"")
    jobs = [(folder, start, min(BLOCK_ROWS, count - start), secret) for start in range(0, count, BLOCK_ROWS)]
    peaks: tuple[bytes, ...] = ()
    last: tuple[bytes, ...] = ()
    with (folder / "nodes").open("r+b") as nodes:
        for number, block in enumerate(_blocks(jobs)):
            if jobs[number][2] < BLOCK_ROWS:
                last = block
            else:
                above, peaks = merkle.extend(number, peaks, block)
                end = merkle.node_count((number + 1) * BLOCK_ROWS)
                os.pwrite(nodes.fileno(), above, (end - len(above) // 32) * 32)
            if progress is not None:
                progress(min((number + 1) * BLOCK_ROWS, count), count)
        os.fsync(nodes.fileno())
    return merkle.root_of((*peaks, *last))


def _blocks(jobs: list[tuple[Path, int, int, bytes]]) -> Iterator[tuple[bytes, ...]]:
    if len(jobs) < WORKERS:
        yield from map(_hash_block, jobs)
        return
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as workers:
        yield from workers.map(_hash_block, jobs)


def _hash_block(job: tuple[Path, int, int, bytes]) -> tuple[bytes, ...]:
    """Hash a block of rows, write its own nodes, and return its peaks: one for a whole block."""
    folder, start, count, secret = job
    with (folder / "rows").open("rb") as rows:
        rows.seek(start * ROW_BYTES)
        nodes, peaks = extend(0, (), rows.read(count * ROW_BYTES), secret)
    with (folder / "nodes").open("r+b") as file:
        os.pwrite(file.fileno(), nodes, merkle.node_count(start) * 32)
    return peaks


# ---------------------------------------------------------------- files


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
