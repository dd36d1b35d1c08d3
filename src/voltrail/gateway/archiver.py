"""
The archiver: closed segments become rows of the archive, once in effect, wherever it is killed.

A segment is read in parts; each part's rows are put under a name that follows from the segment's, hooks see
them, and only then the segment moves to `segments/done/`, where it is kept for a week. Killed before that,
the archiver does all of it again: the same names are written over, and what was merged meanwhile is known by
its keys. Hooks are called again too, so they must say the same twice. One that raises holds its segment back.
A segment that cannot be read to its end is put aside in `segments/damaged/`, where nothing is ever removed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
import pyarrow as pa

from voltrail.errors import FrameError, RegistryError
from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import BEGIN_BYTES, HEAD_BYTES, Record, closed, read
from voltrail.registry.files import sync
from voltrail.telematics.gbt32960.batch import Decoder
from voltrail.telematics.signals import Signals, signals_of

KEPT: Final = timedelta(days=7)
PART_BYTES: Final = 1 << 25  # of frames: what is decoded at once and becomes one file of an hour
PAUSE_SECONDS: Final = 1.0
MERGE_SECONDS: Final = 60.0
TROUBLED_SECONDS: Final = 30.0

See = Callable[[dict[str, pa.Table]], None]
log = logging.getLogger(__name__)


class Step(NamedTuple):
    """What one step did; `left_out` counts what is in no table, as `telematics.signals.Signals`."""

    segments: int
    rows: int
    left_out: dict[str, int]
    damaged: int
    held_back: int
    merged: int


class Archiver:
    """
    Turns closed segments of a folder into its archive; only one may at a time.

    `see` are called with the tables of each part of a segment, in the order in which frames came.
    Raises RegistryError (`archive.busy`) where another archiver is at work in the folder.
    """

    def __init__(self, folder: Folder, see: Sequence[See] = ()) -> None:
        self._folder, self._see = folder, see
        self._archive = Archive(folder.archive)
        self._decoder = Decoder()
        self._lock = os.open(folder.archive / "archiver.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RegistryError(
                "archive.busy",
                "Another process is turning segments into the archive.",
                "Let it finish: it does what you ask for. A gateway that runs archives by itself.",
            ) from None

    def step(
        self,
        now: datetime | None = None,
        told: Callable[[int, int], None] | None = None,
        *,
        merge: bool = True,
    ) -> Step:
        """
        Convert all closed segments, merge what can be if asked to, and remove segments done a week ago.

        `told` is called before each segment with how many are done and how many there are in all. Raises
        OSError where the disk is full or fails: nothing is lost, and the next step goes on.
        """
        now = now or datetime.now(UTC)
        found = closed(self._folder.segments)
        done = rows = damaged = held_back = 0
        left_out: Counter[str] = Counter()
        for number, path in enumerate(found):
            if told:
                told(number, len(found))
            try:
                for signals in self._convert(path):
                    rows += sum(map(len, signals.tables.values()))
                    left_out.update(signals.left_out)
            except OSError:
                raise
            except _HeldBack:
                held_back += 1
            except FrameError as why:
                log.warning("Segment %s is put aside: %s", path.name, why)
                self._move(path, "damaged")
                damaged += 1
            except Exception:
                # Kept for a version that can, or for whoever mends it: it must not stop the others.
                log.exception("Segment %s is put aside: it cannot be converted.", path.name)
                self._move(path, "damaged")
                damaged += 1
            else:
                self._move(path, "done")
                done += 1
        if told:
            told(len(found), len(found))
        merged = self._archive.compact(now) if merge else 0
        self._remove_old(now)
        return Step(done, rows, left_out, damaged, held_back, merged)

    def run(self, stop: Event) -> None:
        """Do steps until told to stop; a disk that fails is tried again."""
        merge_at = 0.0
        while not stop.is_set():
            merge = time.monotonic() >= merge_at
            try:
                troubled = self.step(merge=merge).held_back > 0
            except OSError:
                log.exception("The archive could not be written; it is tried again.")
                troubled = True
            if merge:
                merge_at = time.monotonic() + MERGE_SECONDS
            stop.wait(TROUBLED_SECONDS if troubled else PAUSE_SECONDS)

    def close(self) -> None:
        """Let another archive."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _convert(self, path: Path) -> Iterator[Signals]:
        """Convert a segment; yield what each part gave."""
        unread = path.stat().st_size - BEGIN_BYTES
        for number, records in enumerate(_parts(read(path))):
            unread -= sum(HEAD_BYTES + len(record.frames) for record in records)
            signals = self._signals(records)
            self._archive.put(signals.tables, f"{path.stem}-{number:04d}")
            for see in self._see:
                try:
                    see(signals.tables)
                except Exception as why:
                    log.exception("Segment %s is held back: a part of Voltrail could not take it.", path.name)
                    raise _HeldBack from why
            yield signals
        if unread > 0:
            # Begun when a machine stopped, and so promised to nobody; or else the disk is damaged.
            raise FrameError(
                "frame.segment_end",
                f"The last {unread} bytes of {path.name} are no record; what stands before is archived.",
                "If no machine stopped meanwhile, look at the disk, and have the vehicles send again.",
            )

    def _signals(self, records: list[Record]) -> Signals:
        batch = self._decoder.decode(b"".join(record.frames for record in records))
        ends = np.cumsum([len(record.frames) for record in records])
        record_of = np.searchsorted(ends, batch.frames()["offset"], "right")
        received = np.array([record.received_ms for record in records], np.uint64).astype(np.int64)
        sources = np.array([record.source for record in records], np.uint32)
        return signals_of(batch, received[record_of], sources[record_of])

    def _move(self, path: Path, into: str) -> None:
        folder = path.parent / into
        folder.mkdir(exist_ok=True)
        os.utime(path)  # from now on it is kept
        path.rename(folder / path.name)
        sync(folder)
        sync(path.parent)

    def _remove_old(self, now: datetime) -> None:
        for path in (self._folder.segments / "done").glob("*"):
            if now - datetime.fromtimestamp(path.stat().st_mtime, UTC) > KEPT:
                path.unlink()


class _HeldBack(Exception):
    """A hook could not take a segment: it is tried again."""


def _parts(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield records together: as many as have PART_BYTES of frames, the last with what is left."""
    part: list[Record] = []
    held = 0
    for record in records:
        part.append(record)
        held += len(record.frames)
        if held >= PART_BYTES:
            yield part
            part, held = [], 0
    if part:
        yield part
