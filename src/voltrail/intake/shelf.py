"""
Files as they came, on the disk: streamed there, whole or not at all, readable by the registry alone.

A file's name is its SHA-256 in hex, so that the same file is kept once. Beside it `ID.rows` holds the rows of
one file that are right, ready for the record. What came half is `*.part`, and goes after a day.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from voltrail.errors import RegistryError, UsageError
from voltrail.registry.files import sync

MAX_TEXT_BYTES: Final = 256 << 20  # CSV and lines
MAX_BOOK_BYTES: Final = 64 << 20  # a workbook, which is packed
LEAST_FREE_BYTES: Final = 1 << 30  # of the disk, which the record needs too
_OLD_S: Final = 86_400
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"  # workbooks of before 2007


class Shelf:
    """The folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, name: str) -> Incoming:
        """Return what a file that is coming in is written to. Raises RegistryError when the disk is full."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.check_room()
        return Incoming(self._folder, is_book=name.lower().endswith((".xlsx", ".xlsm", ".xlsb", ".xls")))

    def check_room(self) -> None:
        """Raise RegistryError while the disk is nearly full: the record comes first."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        room = os.statvfs(self._folder)
        if room.f_bavail * room.f_frsize < LEAST_FREE_BYTES:
            raise no_room()

    def open(self, digest: bytes) -> BinaryIO:
        """Return a file that is kept, open for reading. Raises RegistryError when it is not there."""
        try:
            return (self._folder / digest.hex()).open("rb")
        except FileNotFoundError:
            raise _lost() from None

    def remove(self, digest: bytes) -> None:
        """Remove a file; it may be gone already."""
        (self._folder / digest.hex()).unlink(missing_ok=True)

    def has(self, digest: bytes) -> bool:
        """Return whether a file is kept."""
        return (self._folder / digest.hex()).exists()

    def rows(self, intake: str) -> Path:
        """Return where the rows of an intake lie that are right."""
        return self._folder / f"{intake}.rows"

    def append_rows(self, intake: str, at: int) -> BinaryIO:
        """
        Return the file of rows, open at a place; what stood behind it is cut off.

        Raises RegistryError where it does not reach so far.
        """
        descriptor = os.open(self.rows(intake), os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(descriptor).st_size < at:
            os.close(descriptor)
            raise _lost()
        os.ftruncate(descriptor, at)
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.fdopen(descriptor, "wb", 1 << 20)

    def sweep(self) -> None:
        """Remove what came half and was left behind, a day ago or longer."""
        for path in self._folder.glob("*.part"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _OLD_S:
                    path.unlink()


class Incoming:
    """A file that is coming in; left without `keep`, nothing of it stays."""

    def __init__(self, folder: Path, *, is_book: bool) -> None:
        self._folder, self._is_book = folder, is_book
        self._path = folder / f"{secrets.token_hex(16)}.part"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", 0)
        self._hash = sha256()
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Take some bytes. Raises UsageError for more than a file may have, RegistryError for a full disk."""
        if not self.bytes and data.startswith((_ZIP, _OLE)):
            self._is_book = True
        self.bytes += len(data)
        check_size(self.bytes, is_book=self._is_book)
        self._hash.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise no_room() if error.errno in {errno.ENOSPC, errno.EDQUOT} else error from None

    def seal(self) -> bytes:
        """Make durable what has come; return its digest."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise no_room() if error.errno in {errno.ENOSPC, errno.EDQUOT} else error from None
        return self._hash.digest()

    def keep(self) -> None:
        """Put it in its place, under its digest."""
        self._path.replace(self._folder / self._hash.hexdigest())
        sync(self._folder)


def check_size(size: int, *, is_book: bool) -> None:
    """Raise UsageError for a file that is too large."""
    most = MAX_BOOK_BYTES if is_book else MAX_TEXT_BYTES
    if size > most:
        raise UsageError(
            "file.too_large",
            f"The file is larger than {most >> 20} MiB, the most for"
            f" {'a workbook' if is_book else 'CSV and lines'}.",
            "Save the sheet as CSV, or send it in several files.",
        )


def no_room() -> RegistryError:
    """Return the error for a disk that is full."""
    return RegistryError(
        "file.no_room",
        "The registry has no room for files at the moment.",
        "Nothing was kept. Try again later, or tell the operator of this registry.",
    )


def _lost() -> RegistryError:
    return RegistryError("file.lost", "The file is no longer on this registry's disk.", "Send it again.")
