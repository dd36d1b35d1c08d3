"""
Segments: files to which frames are appended as they came, durable before anybody is answered.

A segment begins with `VTSEG001` and the time it was begun (u64, milliseconds). A record is

    u32 length of the frames | u32 CRC-32 of all that follows | u64 received_ms | u32 source | frames

all big-endian. `source` is the number of the platform that sent the frames (`registry.admission`), 0 for
vehicles that are connected by themselves. The frames of a record stand whole and one after another, each with
a check that held. Whoever writes a segment holds a lock on it; one without a lock is closed, whether its
writer ended it or was killed. What a kill left of a record does not hold its CRC and was acknowledged to
nobody: reading ends before it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from voltrail.errors import FrameError
from voltrail.registry.files import sync

MAGIC: Final = b"VTSEG001"
SUFFIX: Final = ".seg"
MAX_RECORD: Final = 1 << 28
_BEGIN: Final = struct.Struct(">8sQ")
_HEAD: Final = struct.Struct(">IIQI")
_CHECKED: Final = struct.Struct(">QI")
BEGIN_BYTES: Final = _BEGIN.size
HEAD_BYTES: Final = _HEAD.size  # of a record, before its frames


class Record(NamedTuple):
    """Frames that came together from one source; `received_ms` is ours, milliseconds since 1970."""

    received_ms: int
    source: int
    frames: bytes


class Writer:
    """
    Appends records to a new segment, for one thread at a time.

    `append` returns once they are on the disk. Raises OSError when the disk is full or fails: then nothing
    of them was promised, and the segment is to be left and another begun.
    """

    def __init__(self, folder: Path, process: int, begun_ms: int | None = None) -> None:
        """Begin a segment; `begun_ms` is when, if what it will hold did not come now."""
        begun_ms = time.time_ns() // 1_000_000 if begun_ms is None else begun_ms
        self.path = folder / f"{begun_ms:013d}-{process:07d}-{time.monotonic_ns():020d}{SUFFIX}"
        new = self.path.with_suffix(".new")  # it has its name once it is locked: unlocked it would be closed
        self._descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        begin = _BEGIN.pack(MAGIC, begun_ms)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.write(self._descriptor, begin)
            os.fsync(self._descriptor)
            new.rename(self.path)
            sync(folder)
        except OSError:
            os.close(self._descriptor)
            new.unlink(missing_ok=True)
            raise
        self.size = len(begin)

    def append(self, records: Iterable[Record]) -> None:
        """Write records and sync them."""
        parts: list[bytes] = []
        for received_ms, source, frames in records:
            told = _CHECKED.pack(received_ms, source)
            check = zlib.crc32(frames, zlib.crc32(told))
            parts += (_HEAD.pack(len(frames), check, received_ms, source), frames)
        data, before = memoryview(b"".join(parts)), self.size
        try:
            while data:
                written = os.write(self._descriptor, data)
                data = data[written:]
                self.size += written
            os.fdatasync(self._descriptor)
        except OSError:
            with suppress(OSError):  # what is to be written elsewhere need not stand here too
                os.ftruncate(self._descriptor, before)
            raise

    def close(self) -> None:
        """Let others read it."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def closed(folder: Path) -> list[Path]:
    """Return the segments that nobody writes to any more, the oldest first."""
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if not _is_written(path)]


def _is_written(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True  # taken away meanwhile
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read(path: Path) -> Iterator[Record]:
    """
    Yield the records of a segment, up to what a kill left unfinished.

    Raises FrameError (`frame.segment`) for what is no segment.
    """
    with path.open("rb") as file:
        begin = file.read(_BEGIN.size)
        if len(begin) < _BEGIN.size and MAGIC.startswith(begin[: len(MAGIC)]):
            return  # its writer was killed before it had begun
        if not begin.startswith(MAGIC):
            raise FrameError(
                "frame.segment",
                f"{path.name} does not begin as a segment does.",
                "Keep it aside: what it holds was not written by this gateway, or the disk is damaged.",
            )
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, check, received_ms, source = _HEAD.unpack(head)
            if length > MAX_RECORD:
                return
            frames = file.read(length)
            if len(frames) < length or zlib.crc32(frames, zlib.crc32(head[8:])) != check:
                return
            yield Record(received_ms, source, frames)
