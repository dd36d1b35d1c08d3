"""
Publishing: the log as static files, in the layout of C2SP tlog-tiles, for any web server to give out.

Tiles and bundles are written and synced first, the checkpoint last, by a
rename. So at any moment the folder holds a checkpoint and all that it covers;
a run that was stopped anywhere is taken up by the next, from the checkpoint
that stands there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from voltrail.database.database import Connection
from voltrail.errors import NoteError, ProofError, RegistryError, UsageError
from voltrail.ledger import merkle, tiles
from voltrail.ledger.notes import Checkpoint, open_note, parse_note
from voltrail.ledger.tile_check import Fault, check_tiles
from voltrail.ledger.tiles import ENTRIES, Tile
from voltrail.registry.files import sync
from voltrail.registry.public import PublicLog

Progress = Callable[[int, int], None]

CHECKPOINT = "checkpoint"
NEW = ".new"
BATCH_FILES = 256


class Publication(msgspec.Struct, frozen=True):
    """What a run did: the sizes of the log in the folder before and after, and the files it touched."""

    before: int
    size: int
    written: int
    removed: int


def publish(
    log: PublicLog, folder: Path, *, mend: bool = False, progress: Progress | None = None
) -> Publication:
    """
    Bring a folder up to the published checkpoint; write what is missing since the one that stands there.

    `mend` goes through all of it, and writes anew what is missing or is not as in the database. Raises
    UsageError for a folder of something else, RegistryError when folder and database contradict each other,
    when a file at the edge is not as it was written, and when the disk does not take it.
    """
    note, checkpoint = log.published()
    with _told(folder), _alone(folder), log.database.connect() as connection:
        standing = _standing(log, folder)
        before = Checkpoint.parse(parse_note(standing).text).size if standing else 0
        if not mend:
            _check_edge(log, connection, folder, before)
        written = _write_tiles(log, connection, folder, (0 if mend else before, checkpoint.size), progress)
        removed = _remove_partial(folder, before, checkpoint.size)
        if (checkpoint.size, note.count("\n")) > (before, standing.count("\n")):
            _write(folder / CHECKPOINT, note.encode())
            _sync([folder / CHECKPOINT], folder)
    return Publication(before, checkpoint.size, written, removed)


def check_folder(log: PublicLog, folder: Path, progress: Progress | None = None) -> list[Fault]:
    """Return every file of a published folder that is missing or wrong, by the checkpoint in it alone."""
    try:
        note = (folder / CHECKPOINT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "publish.no_checkpoint",
            f"{folder} holds no checkpoint that reads.",
            f"Publish there first: `voltrail log publish {folder}`",
        ) from error
    checkpoint = Checkpoint.parse(open_note(note, log.keys).text)
    total, done = sum(1 for _ in tiles.tiles_between(0, checkpoint.size)), iter(range(1, 1 << 63))

    def one_more() -> None:
        if progress is not None:
            progress(next(done), total)

    with _told(folder):
        return list(check_tiles(checkpoint, lambda tile: _read_tile(folder, tile), one_more))


# ---------------------------------------------------------------- what stands there


def _standing(log: PublicLog, folder: Path) -> str:
    """Return the checkpoint that stands in a folder, of this log and its history; empty before the first."""
    found = _read(folder / CHECKPOINT)
    if found is None:
        if {one.name for one in folder.iterdir()} - {"tile", CHECKPOINT + NEW}:
            raise UsageError(
                "publish.folder",
                f"{folder} holds other files, and no checkpoint of a log.",
                "Name a folder that is empty or new.",
            )
        return ""
    note = found.decode(errors="replace")
    try:
        checkpoint = Checkpoint.parse(open_note(note, log.keys).text)
    except NoteError as error:
        raise UsageError(
            "publish.other_log",
            f"The checkpoint in {folder} is not one of {log.place.origin}. {error.message}",
            "Name another folder: each log has its own.",
        ) from error
    published = log.published()[1].size
    if checkpoint.size > published:
        raise RegistryError(
            "publish.ahead",
            f"{folder} holds {checkpoint.size:,} entries, and this registry has published {published:,}.",
            "Publish with the newest database and anchor; see the operator's manual, After a restore.",
        )
    if log.root(checkpoint.size) != checkpoint.root:
        raise RegistryError(
            "publish.history",
            f"{folder} tells another history of {checkpoint.size:,} entries than the database.",
            "Keep both and find out why: run `voltrail log audit`; see the operator's manual.",
        )
    return note


def _check_edge(log: PublicLog, connection: Connection, folder: Path, size: int) -> None:
    """Raise unless the last tile of each level, which the next ones continue, is as in the database."""
    for level in range(ENTRIES, tiles.MAX_LEVEL + 1):
        count = tiles.count_at(level, size)
        if not count:
            return
        index = (count - 1) // tiles.WIDTH
        tile = Tile(level, index, count - index * tiles.WIDTH)
        stands = _read_tile(folder, tile)
        if stands != log.read_tile(connection, tile):
            what = "is missing" if stands is None else "is not as in the database"
            raise RegistryError(
                "publish.damaged",
                f"{folder / tile.path} {what}.",
                f"Write anew what is missing or wrong: `voltrail log publish {folder} --mend`",
            )


# ---------------------------------------------------------------- writing


def _write_tiles(
    log: PublicLog, connection: Connection, folder: Path, sizes: tuple[int, int], progress: Progress | None
) -> int:
    """Write the tiles between two sizes that do not stand there as they must; synced when this returns."""
    total, done, written = sum(1 for _ in tiles.tiles_between(*sizes)), 0, 0
    wanted = tiles.tiles_between(*sizes)
    while batch := list(islice(wanted, BATCH_FILES)):
        new = []
        for tile in batch:
            data, path = _checked(log, connection, tile), folder / tile.path
            if _read(path) != data:
                _write(path, data)
                new.append(path)
        _sync(new, folder)
        written += len(new)
        done += len(batch)
        if progress is not None:
            progress(done, total)
    return written


def _checked(log: PublicLog, connection: Connection, tile: Tile) -> bytes:
    """Return a tile from the database; of a bundle, once its entries have the hashes that the tree has."""
    data = log.read_tile(connection, tile)
    if tile.level == ENTRIES:
        hashes = log.read_tile(connection, Tile(0, tile.index, tile.width))
        if b"".join(map(merkle.leaf_hash, tiles.entries_in(tile, data))) != hashes:
            raise RegistryError(
                "log.entry_wrong",
                f"Entries {tile.start:,} to {tile.stop - 1:,} of the database are not those in its tree.",
                "Stop writing and run `voltrail log audit`; see the operator's manual.",
            )
    return data


def _remove_partial(folder: Path, before: int, size: int) -> int:
    """
    Remove the partial tiles of which the full ones stand there now; return how many.

    C2SP tlog-tiles allows just that. It is done before the checkpoint is replaced, so that a run stopped in
    between is followed by one that looks at the same tiles.
    """
    removed = 0
    for tile in tiles.tiles_between(before, size):
        partial = (folder / Tile(tile.level, tile.index).path).with_suffix(".p")
        if tile.width == tiles.WIDTH and partial.is_dir():
            for file in partial.iterdir():
                file.unlink()
                removed += 1
            partial.rmdir()
    return removed


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it stands there whole or not at all; not yet synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + NEW)
    new.write_bytes(data)
    new.replace(path)


def _sync(paths: list[Path], folder: Path) -> None:
    """Sync files, and the folders in which they stand up to this one."""
    folders = {parent for path in paths for parent in path.parents if parent.is_relative_to(folder)}
    for path in (*paths, *folders):
        sync(path)


def _read_tile(folder: Path, tile: Tile) -> bytes | None:
    """Return a tile as it stands, or None; a partial one may have gone for its full one."""
    data = _read(folder / tile.path)
    if data is None and tile.width < tiles.WIDTH:
        whole = _read(folder / Tile(tile.level, tile.index).path)
        try:
            return None if whole is None else tiles.narrowed(tile, whole)
        except ProofError:
            return None
    return data


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other runs out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise RegistryError(
            "publish.busy", f"Another run is publishing to {folder}.", "Let it finish; one is enough."
        ) from error
    finally:
        os.close(descriptor)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Tell in words what the disk does not give or take."""
    try:
        yield
    except OSError as error:
        raise RegistryError(
            "publish.disk",
            f"{folder} cannot be used: {error.strerror or error}.",
            "Mend that, and run the same command again: it goes on where it stopped.",
        ) from error
