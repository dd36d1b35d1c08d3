"""
Proofs that one entry stands in the log, as a text that others' programs read too.

Source: C2SP tlog-proof. The entry itself stands in the line `extra`, so that
the text can be checked with a policy and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

import msgspec

from voltrail.errors import NoteError, ProofError
from voltrail.ledger import merkle
from voltrail.ledger.keys import decode64, encode64
from voltrail.ledger.notes import MAX_NOTE_BYTES, Policy, Seen
from voltrail.ledger.tiles import HASH_BYTES

SOURCE = "C2SP tlog-proof"
FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 64

_is_index = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII).fullmatch


class TlogProof(msgspec.Struct, frozen=True):
    """What the text says, nothing of it verified yet: index, hashes, checkpoint, and what is beside them."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        """The text, as it is given to others."""
        lines = [FIRST_LINE]
        lines += [] if self.extra is None else [f"extra {encode64(self.extra)}"]
        lines += [f"index {self.index}", *map(encode64, self.hashes), ""]
        return "".join(f"{line}\n" for line in lines) + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what a text says; ProofError when it is not in the form."""
        head, separator, checkpoint = text.partition("\n\n")
        if not separator or len(text) > MAX_NOTE_BYTES:
            raise _malformed("it is lines, an empty line and a checkpoint")
        first, *lines = head.split("\n")
        if first != FIRST_LINE:
            raise _malformed(f"its first line is {FIRST_LINE}")
        extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else None
        index = lines.pop(0) if lines else ""
        if not index.startswith("index ") or not _is_index(index.removeprefix("index ")):
            raise _malformed("a line `index` gives the place of the entry in decimal digits")
        if len(lines) > MAX_HASHES:
            raise _malformed(f"it has at most {MAX_HASHES} hashes")
        try:
            hashes = tuple(map(decode64, lines))
            beside = None if extra is None else decode64(extra)
        except NoteError as error:
            raise _malformed("hashes and extra are in base64") from error
        if any(len(hashed) != HASH_BYTES for hashed in hashes):
            raise _malformed("each hash has 32 bytes")
        return cls(int(index.removeprefix("index ")), hashes, checkpoint, beside)


def verify_tlog_proof(text: str, policy: Policy, entry: bytes | None = None) -> Seen:
    """
    Return the checkpoint under which the entry stands at the index, with who signed it.

    `entry` is what the log must hold there; None takes the one in the line
    `extra`, which a proof from this registry has. Raises ProofError, and NoteError
    when the policy does not take the checkpoint.
    """
    proof = TlogProof.parse(text)
    entry = proof.extra if entry is None else entry
    if entry is None:
        raise ProofError("proof.entry", "The proof does not hold its entry.", "Give the entry beside it.")
    seen = policy.open(proof.checkpoint)
    checkpoint = seen.checkpoint
    merkle.verify_inclusion(
        merkle.leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root
    )
    return seen


def tlog_proof(index: int, hashes: Sequence[bytes], checkpoint: str, entry: bytes) -> str:
    """Return the text that proves an entry under a checkpoint."""
    return TlogProof(index, tuple(hashes), checkpoint, entry).text


def _malformed(what: str) -> ProofError:
    return ProofError("proof.form", f"This is not a proof of an entry: {what}.", source=SOURCE)
