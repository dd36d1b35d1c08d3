"""
Forks: a checkpoint with the log's own signature that tells another history than the record.

That is what a restore leaves behind when anchor and database were put back together: here nothing is amiss,
and only those who saw the longer log know better. A witness keeps what it saw, signature and all, so it can
prove it. Without such a proof nobody's word closes a log.
"""

from __future__ import annotations

from pathlib import Path

from voltrail.errors import NoteError, RegistryClosed
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, open_note

FORK = "log.fork"


class Forks:
    """The file in which the proof of a fork is kept, and what is said of it."""

    def __init__(self, path: Path, log: Verifier) -> None:
        self.path = path
        self._log = log

    def open(self, note: str) -> Checkpoint:
        """Return what a note with this log's signature says; NoteError when it is not this log's."""
        checkpoint = Checkpoint.parse(open_note(note, [self._log]).text)
        if checkpoint.origin != self._log.name:
            raise NoteError("note.log", f"The checkpoint is that of {checkpoint.origin!r}.")
        return checkpoint

    def keep(self, note: str) -> None:
        """Keep the proof, so that the log stays closed when it is opened again."""
        if not self.path.exists():
            new = self.path.with_suffix(".new")
            new.write_text(note, encoding="utf-8")
            new.replace(self.path)

    def kept(self) -> str | None:
        """Return the proof that is kept, or None."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def closing(self, checkpoint: Checkpoint, size: int) -> RegistryClosed:
        """Return what is told and why the log is closed, when the record has published `size` entries."""
        told = (
            f"of {checkpoint.size:,} entries, and here the log has {size:,}"
            if checkpoint.size > size
            else f"of {checkpoint.size:,} entries that tell another history than the record here"
        )
        return RegistryClosed(
            FORK,
            f"The log has forked: its own key signed a checkpoint {told}. "
            "Database and anchor were put back together, or someone else has the log's key.",
            "Writing has stopped; the proof is in anchor/fork. Put the newest copy of the database and the "
            "anchor back, or close this log and begin its successor; see the operator's manual.",
        )
