"""
Receipts: the log's promise to a reporter.

Source: formats.md, "Receipt". Lines count from 0 in a receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from voltrail.errors import NoteError, ProofError, Refusal, VerificationError
from voltrail.ledger import merkle
from voltrail.ledger.keys import Signer, Verifier, decode64, encode64
from voltrail.ledger.notes import Checkpoint, open_note

FORMAT: Final = "voltrail-receipt/1"
SOURCE = "formats.md, Receipt"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]

_SIGNATURE = b',"signature":"'


class KnownLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that had been accepted before, and where it stands."""

    line: Count
    index: Count


class LinkedSubject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A subject of an accepted event: this is its k-th, and h is the head of its chain after it."""

    subject: str
    k: Count
    h: Hash


class RefusedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a line was not taken."""

    line: Count
    rule: str
    message: str
    fix: str
    source: str | None

    @classmethod
    def of(cls, line: int, refusal: Refusal) -> RefusedLine:
        """Return the refusal of line `line`, counting from 0."""
        return cls(line, refusal.rule, refusal.message, refusal.fix, refusal.source)


class FoundLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What does not add up about a line that was taken: gap, conflict, late or breach."""

    line: Count
    kind: str
    rule: str
    message: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    All of a receipt but its signature.

    `accepted` are the lines that stand from `first_index` on, one entry each;
    `subjects` says for each of them where it stands in its subjects' chains.
    Where nothing was accepted, `first_index` is null and the proof empty. `base`, in a successor log alone,
    is how many entries the logs before it have: the entry at an index is this log's entry `index - base`.
    """

    format: Literal["voltrail-receipt/1"] = FORMAT
    report: str
    lines: Count
    first_index: Count | None
    base: Count | UnsetType = UNSET
    accepted: list[Count]
    known: list[KnownLine]
    subjects: list[list[LinkedSubject]]
    refused: list[RefusedLine]
    findings: list[FoundLine]
    checkpoint: str
    range_proof: list[Hash]


def sign_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """Return the receipt's bytes: the signature is over those before it, closed with a brace."""
    return seal_receipt(receipt, signer.sign_bytes(msgspec.json.encode(receipt)))


def seal_receipt(receipt: Receipt, signature: bytes) -> bytes:
    """Return the receipt's bytes, given the signature over those before it."""
    return msgspec.json.encode(receipt)[:-1] + _SIGNATURE + encode64(signature).encode() + b'"}'


def signature_of(data: bytes) -> bytes:
    """Return the signature at the end of a receipt."""
    return decode64(data.rpartition(_SIGNATURE)[2][:-2].decode())


def parse_receipt(data: bytes) -> Receipt:
    """Return what a receipt says, once its form is exact; the signature is `verify_receipt`'s matter."""
    return _divide(data)[0]


def verify_receipt(data: bytes, log: Verifier, leaf_hashes: Sequence[bytes] | None = None) -> Receipt:
    """
    Return the receipt once the log's key signed it and the checkpoint in it.

    Given the leaf hashes of the accepted entries, also that they stand from
    `first_index` on under that checkpoint.
    """
    receipt, signed, signature = _divide(data)
    if not log.holds(signed, signature):
        raise _refuse("receipt.signature", f"The signature of {log.name} does not hold.")
    try:
        checkpoint = Checkpoint.parse(open_note(receipt.checkpoint, [log]).text)
    except NoteError as error:
        raise _refuse("receipt.checkpoint", error.message) from error
    if checkpoint.origin != log.name:
        raise _refuse("receipt.checkpoint", f"The checkpoint is of {checkpoint.origin!r}.")
    _check_lines(receipt)
    if leaf_hashes is not None:
        _check_range(receipt, checkpoint, leaf_hashes)
    return receipt


def _divide(data: bytes) -> tuple[Receipt, bytes, bytes]:
    """Return the receipt, the bytes that are signed, and the signature; only the exact form reads."""
    before, separator, after = data.removesuffix(b"\n").rpartition(_SIGNATURE)
    if not separator or not after.endswith(b'"}'):
        raise _refuse("receipt.form", "The receipt does not end in a signature.")
    signed = before + b"}"
    try:
        receipt = msgspec.json.decode(signed, type=Receipt)
        signature = decode64(after[:-2].decode())
    except (msgspec.MsgspecError, UnicodeDecodeError, NoteError) as error:
        raise _refuse("receipt.form", f"The receipt does not read: {error}.") from error
    if msgspec.json.encode(receipt) != signed:
        raise _refuse("receipt.form", "The receipt is not in its one exact form.")
    return receipt, signed, signature


def _check_lines(receipt: Receipt) -> None:
    """Raise unless each line is accepted, known or refused, and each accepted one has its subjects."""
    others = [known.line for known in receipt.known] + [refused.line for refused in receipt.refused]
    whole = sorted(receipt.accepted + others) == list(range(receipt.lines))
    if not whole or receipt.accepted != sorted(receipt.accepted):
        raise _refuse("receipt.lines", "Not every line is either accepted, known or refused.")
    if len(receipt.subjects) != len(receipt.accepted):
        raise _refuse("receipt.lines", "Not every accepted line has its subjects.")
    if (receipt.first_index is None) != (not receipt.accepted):
        raise _refuse("receipt.lines", "An index is given exactly when a line was accepted.")


def _check_range(receipt: Receipt, checkpoint: Checkpoint, leaf_hashes: Sequence[bytes]) -> None:
    if len(leaf_hashes) != len(receipt.accepted):
        raise _refuse("receipt.range", "There is not one entry for each accepted line.")
    if receipt.first_index is None:
        return
    first = receipt.first_index - (0 if receipt.base is UNSET else receipt.base)
    try:
        merkle.verify_range(leaf_hashes, first, checkpoint.size, receipt.range_proof, checkpoint.root)
    except ProofError as error:
        raise _refuse("receipt.range", error.message) from error


def _refuse(rule: str, message: str) -> VerificationError:
    return VerificationError(rule, message, source=SOURCE)
