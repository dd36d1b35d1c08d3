"""
What an auditor does with the rows of a heads tree: check that each subject stands there once, and sign.

A tree that named one subject twice could show two histories of it. Who holds the rows can see that it
does not, and that every chain continues what it was in the tree before. Source: formats.md, "Heads".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec

from voltrail.errors import ProofError, VerificationError
from voltrail.ledger import merkle
from voltrail.ledger.entries import HeadsEntry, parse_heads
from voltrail.ledger.heads import PLACE, ROW_BYTES, extend
from voltrail.ledger.keys import Signer, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, open_note

FORMAT: Final = "voltrail-heads/1"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Leaves(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The first line of the file that auditors are given; the rows of the tree follow it, 72 bytes each.

    The file shows how many events each subject has to whoever can name it: it is for admitted auditors alone.
    """

    format: Literal["voltrail-heads/1"] = FORMAT
    checkpoint: str
    entry: bytes
    index: Count
    entry_proof: list[Hash]
    secret: Hash


class CheckedLeaves(msgspec.Struct, frozen=True):
    """What an auditor found of one heads tree: `grown` subjects have more events than in the tree before."""

    origin: str
    index: int
    stated: HeadsEntry
    grown: int | None
    new: int | None


def check_leaves(
    header: bytes, rows: Iterable[bytes], policy: Policy, before: Iterable[bytes] | None = None
) -> CheckedLeaves:
    """
    Check a heads tree as an auditor does; VerificationError names the first thing that does not hold.

    Each subject stands there once, the rows lead to the root, and the root's entry is in the log.
    Against the rows of the tree `before`: no subject has vanished, no chain is shorter, and none that is as
    long has another head. `rows` and `before` are joined rows, in pieces of any whole number.
    """
    try:
        given = msgspec.json.decode(header, type=Leaves)
        stated = parse_heads(given.entry)
        checkpoint = policy.open(given.checkpoint).checkpoint
        merkle.verify_inclusion(
            merkle.leaf_hash(given.entry), given.index, checkpoint.size, given.entry_proof, checkpoint.root
        )
    except msgspec.MsgspecError as error:
        raise _bad_leaves(f"The first line of the file does not read: {error}.") from error
    except ProofError as error:
        raise _bad_leaves(error.message) from error
    counted = _Grown() if before is None else _Grown(_each(before))
    size, last = 0, b""
    peaks: tuple[bytes, ...] = ()
    for piece in rows:
        for row in _each([piece]):
            if row[PLACE] <= last:
                raise _bad_leaves(f"Row {size + 1} or one near it is out of order or stands twice.")
            last = row[PLACE]
            counted.meet(row)
        _, peaks = extend(size, peaks, piece, given.secret)
        size += len(piece) // ROW_BYTES
    counted.end()
    if (size, merkle.root_of(peaks)) != (stated.count, stated.root):
        raise _bad_leaves(f"These {size:,} rows are not the {stated.count:,} of which the log has the root.")
    return CheckedLeaves(checkpoint.origin, given.index, stated, counted.grown, counted.new)


class _Grown:
    """Holds each row of a tree against the one before, both ascending."""

    def __init__(self, before: Iterator[bytes] | None = None) -> None:
        self._before = before
        self._old = next(before, None) if before is not None else None
        self.grown = self.new = None if before is None else 0

    def meet(self, row: bytes) -> None:
        """Take the next row of the newer tree."""
        if self._before is None or self.grown is None or self.new is None:
            return
        old, place = self._old, row[PLACE]
        if old is None or place < old[PLACE]:
            self.new += 1
            return
        if old[PLACE] < place:
            self._vanished(old)
        if row[32:40] < old[32:40] or (row[32:40] == old[32:40] and row[40:] != old[40:]):
            raise _bad_leaves(f"The chain at {place.hex()[:16]}… is not a continuation of what it was.")
        self.grown += row[32:40] > old[32:40]
        self._old = next(self._before, None)

    def end(self) -> None:
        """Raise when rows of the older tree are left over."""
        if self._old is not None:
            self._vanished(self._old)

    def _vanished(self, old: bytes) -> None:
        raise _bad_leaves(f"The subject at {old[PLACE].hex()[:16]}… stood in the tree before, and is gone.")


def _each(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) % ROW_BYTES:
            raise _bad_leaves("The file ends in the middle of a row.")
        for at in range(0, len(piece), ROW_BYTES):
            yield piece[at : at + ROW_BYTES]


def note_over(checked: CheckedLeaves, auditor: Signer) -> str:
    """
    Return the auditor's signed note over a heads tree, in checkpoint form.

    Its origin is the log's, `/heads/` and the index of the entry; then the number of subjects and the root.
    """
    origin = f"{checked.origin}/heads/{checked.index}"
    extensions = () if checked.grown is None else ("continues",)
    return auditor.sign(Checkpoint(origin, checked.stated.count, checked.stated.root, extensions).text)


def open_heads_note(note: str, auditors: Iterable[Verifier]) -> Checkpoint:
    """Return what an auditor's note says of a heads tree; NoteError when none of these auditors signed it."""
    return Checkpoint.parse(open_note(note, auditors).text)


def _bad_leaves(message: str) -> VerificationError:
    return VerificationError(
        "heads",
        message,
        "Tell the registry and the authority, and keep the file.",
        source="formats.md, Heads",
    )
