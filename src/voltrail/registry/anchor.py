"""
The anchor: the last checkpoint, synced, outside the database.

It is written after the commit and before any answer, and what the log
publishes is what is anchored. So a database that was restored from an older
copy is found out before it can promise anything a second time.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from voltrail.errors import NoteError, RegistryClosed
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, open_note


class Anchor:
    """The anchor file in `folder`. Several processes may share it: it only ever moves forward."""

    def __init__(self, folder: Path, log: Verifier) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "checkpoint"
        self._folder = folder
        self._log = log
        self._seen: tuple[tuple[int, int], str, Checkpoint] | None = None

    def read(self) -> tuple[str, Checkpoint] | None:
        """Return the anchored note and what it says, or None before the first; RegistryClosed if damaged."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        version = (status.st_mtime_ns, status.st_ino)
        if self._seen is None or self._seen[0] != version:
            try:
                note = self.path.read_text(encoding="utf-8")
                checkpoint = Checkpoint.parse(open_note(note, [self._log]).text)
            except (NoteError, UnicodeDecodeError) as error:
                why = error.message if isinstance(error, NoteError) else "it is not text."
                raise RegistryClosed(
                    "anchor.damaged",
                    f"The anchor is not a checkpoint of this log: {why}",
                    "Put the right file back from a copy, or close this log and begin its successor.",
                ) from error
            self._seen = (version, note, checkpoint)
        return self._seen[1], self._seen[2]

    def advance(self, note: str, size: int) -> None:
        """
        Anchor a checkpoint unless a larger one stands already.

        Synced to disk, file and folder, when this returns. If the machine
        stops in between, the older anchor stands, which the database continues.
        """
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            standing = self.read()
            if standing is not None and standing[1].size >= size:
                return
            new = self.path.with_suffix(".new")
            with new.open("w") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
