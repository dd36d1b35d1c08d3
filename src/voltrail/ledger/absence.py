"""
Absence: that a subject has no chain, shown by the two heads between which its own would stand.

It is for authorities: the neighbours' places are those of other subjects. Source: formats.md, "Heads".
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from voltrail.errors import ProofError, VerificationError
from voltrail.ledger import merkle
from voltrail.ledger.entries import HeadsEntry, parse_heads
from voltrail.ledger.heads import PLACE, head_place
from voltrail.ledger.notes import Checkpoint, Policy

FORMAT: Final = "voltrail-absence/1"
WORDS: Final = (
    "When the log had {size:,} entries, the record held no event of {subject}; "
    "anyone holding a receipt for one from before can prove it wrong."
)

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Leaf = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


class Neighbour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A leaf of the heads tree with its proof."""

    leaf: Leaf
    proof: list[Hash]


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    That a subject has no chain: the two neighbours between which it would stand.

    `position` is that of `after`, or the number of heads when there is none;
    `before` is null when the subject would be the first.
    """

    format: Literal["voltrail-absence/1"] = FORMAT
    subject: str
    checkpoint: str
    position: Count
    before: Neighbour | None
    after: Neighbour | None
    entry: bytes
    index: Count
    entry_proof: list[Hash]


class VerifiedAbsence(msgspec.Struct, frozen=True):
    """What an absence proves: no event of `subject` in the first `size` entries."""

    subject: str
    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    size: int
    words: str


def verify_absence(data: bytes, policy: Policy) -> VerifiedAbsence:
    """Return what the file of an absence proves; VerificationError or NoteError when it does not hold."""
    try:
        given = msgspec.json.decode(data, type=Absence)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _no_absence(f"The file does not read: {error}.") from error
    if msgspec.json.encode(given) != data.removesuffix(b"\n"):
        raise _no_absence("The file is not laid out as it was written; some byte in it was changed.")
    seen = policy.open(given.checkpoint)
    checkpoint = seen.checkpoint
    try:
        stated = parse_heads(given.entry)
        merkle.verify_inclusion(
            merkle.leaf_hash(given.entry), given.index, checkpoint.size, given.entry_proof, checkpoint.root
        )
        _check_between(given, stated)
    except ProofError as error:
        raise _no_absence(error.message) from error
    words = WORDS.format(size=stated.size, subject=given.subject)
    return VerifiedAbsence(given.subject, checkpoint, seen.witnesses, stated.size, words)


def _check_between(given: Absence, stated: HeadsEntry) -> None:
    """Raise unless the neighbours stand side by side in the tree and the subject's place is between them."""
    place = head_place(given.subject)
    if (given.before is None) != (given.position == 0) or (given.after is None) != (
        given.position == stated.count
    ):
        raise ProofError("absence.position", "A neighbour is missing.")
    for neighbour, position in ((given.before, given.position - 1), (given.after, given.position)):
        if neighbour is not None:
            hashed = merkle.leaf_hash(neighbour.leaf)
            merkle.verify_inclusion(hashed, position, stated.count, neighbour.proof, stated.root)
    if given.before is not None and not given.before.leaf[PLACE] < place:
        raise ProofError("absence.order", "The neighbour before does not stand before the subject.")
    if given.after is not None and not place < given.after.leaf[PLACE]:
        raise ProofError("absence.order", "The neighbour after does not stand after the subject.")


def _no_absence(message: str) -> VerificationError:
    return VerificationError("absence", message, "Ask for the proof again.", source="formats.md, Heads")
