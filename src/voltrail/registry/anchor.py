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

from voltrail.errors import NoteError, RegistryClosed, RegistryError
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import NONE, Checkpoint, Policy, open_note
from voltrail.registry.files import sync


class Anchor:
    """The anchor file in `folder`. Several processes may share it: it only ever moves forward."""

    name = "checkpoint"

    def __init__(self, folder: Path, log: Verifier) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / self.name
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
                checkpoint = self._open(note)
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
        Raises RegistryError when the disk does not take it.
        """
        try:
            self._write(note, size)
        except OSError as error:
            raise RegistryError(
                "anchor.not_written",
                f"The disk did not take the checkpoint in {self._folder}: {error.strerror}.",
                "Make room or mend the disk, then send the same report again: it gets its receipt.",
            ) from error

    def _write(self, note: str, size: int) -> None:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            standing = self.read()
            if standing is not None and not self._is_further(note, size, *standing):
                return
            new = self.path.with_suffix(".new")
            with new.open("w") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            sync(self._folder)

    def _open(self, note: str) -> Checkpoint:
        """Return what a note in the file says; NoteError when it may not stand there."""
        return Checkpoint.parse(open_note(note, [self._log]).text)

    def _is_further(self, note: str, size: int, standing: str, checkpoint: Checkpoint) -> bool:  # noqa: ARG002
        """Return whether a note takes the place of the one that stands."""
        return size > checkpoint.size


class Witnessed(Anchor):
    """
    The last checkpoint that a quorum of the policy's witnesses cosigned, in a file beside the anchor.

    In a file for the anchor's reasons: it is not rolled back with the database, and many processes share it.
    It may be lost: it is asked for again. So one that is damaged, or no longer meets the policy, is none.
    """

    name = "witnessed"

    def __init__(self, folder: Path, log: Verifier, policy: Policy) -> None:
        super().__init__(folder, log)
        self._policy = policy

    def read(self) -> tuple[str, Checkpoint] | None:
        """Return the cosigned note and what it says, or None while there is none, or no quorum is asked."""
        if self._policy.quorum == NONE:
            return None
        try:
            return super().read()
        except RegistryClosed:
            return None

    def _open(self, note: str) -> Checkpoint:
        return self._policy.check(note)

    def _is_further(self, note: str, size: int, standing: str, checkpoint: Checkpoint) -> bool:
        """The same, and at the same size more cosignatures take the place of fewer."""
        return (size, note.count("\n")) > (checkpoint.size, standing.count("\n"))
