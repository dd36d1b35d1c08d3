"""
The rules of witnessing, for both sides: what a witness is asked, when it cosigns, how its answer reads.

A witness cosigns checkpoints of a log that each contain the one before, and no others. So a log that shows
different histories to different people cannot have them all cosigned.

Sources: C2SP tlog-witness, tlog-cosignature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Self

import msgspec

from voltrail.errors import NoteError, ProofError, WitnessError
from voltrail.ledger import merkle
from voltrail.ledger.keys import (
    COSIGNATURE,
    ED25519,
    TIME_BYTES,
    Signer,
    Verifier,
    cosigned,
    decode64,
    encode64,
)
from voltrail.ledger.notes import Checkpoint, Note, open_note, parse_note

MAX_REQUEST_BYTES = 1 << 17  # 63 hashes, and a note with some dozens of signatures
MAX_PROOF = 63
MAX_TIME = (1 << 63) - 1
SIZE_TYPE = "text/x.tlog.size"

STATUS: Mapping[str, int] = {
    "witness.malformed": 400,
    "witness.size": 400,
    "witness.signature": 403,
    "witness.unknown_log": 404,
    "witness.conflict": 409,
    "witness.too_large": 413,
    "witness.proof": 422,
}

_SOURCE = "C2SP tlog-witness"
_is_size = re.compile(r"0|[1-9][0-9]{0,19}").fullmatch


class Request(msgspec.Struct, frozen=True):
    """What `add-checkpoint` asks: cosign this checkpoint, which contains the first `old` entries."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return what a request's body says; WitnessError (`witness.malformed`) when it does not read."""
        if len(body) > MAX_REQUEST_BYTES:
            message = f"The request has more than {MAX_REQUEST_BYTES:,} bytes."
            raise WitnessError("witness.too_large", message, source=_SOURCE)
        try:
            head, separator, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise _malformed("It is not UTF-8.") from error
        if not separator:
            raise _malformed("There is no empty line before the checkpoint.")
        first, *lines = head.split("\n")
        if not first.startswith("old ") or (old := parse_size(first.removeprefix("old "))) is None:
            raise _malformed("The first line is not `old` and a size in decimal digits.")
        if len(lines) > MAX_PROOF:
            raise _malformed(f"It has {len(lines)} proof lines; at most {MAX_PROOF} are taken.")
        try:
            proof = tuple(decode64(line) for line in lines)
        except NoteError as error:
            raise _malformed(error.message) from error
        if any(len(hashed) != 32 for hashed in proof):
            raise _malformed("A proof line is not a hash of 32 bytes.")
        return cls(old, proof, note)

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        lines = [f"old {self.old}", *map(encode64, self.proof)]
        return ("".join(f"{line}\n" for line in lines) + "\n" + self.note).encode()


def parse_size(text: str) -> int | None:
    """Return the size of a tree in decimal digits without leading zeros, or None when it is not that."""
    return int(text) if _is_size(text) and int(text) < 1 << 64 else None


def known_logs(logs: Iterable[Verifier]) -> dict[str, tuple[Verifier, ...]]:
    """Return a witness's logs by origin, which is the name of their keys; a log may have several keys."""
    found: dict[str, tuple[Verifier, ...]] = {}
    for log in logs:
        if log.algorithm == COSIGNATURE:
            raise NoteError("witness.log", f"The key {log.name} is a witness's, not a log's.")
        found[log.name] = (*found.get(log.name, ()), log)
    return found


def open_request(request: Request, logs: Mapping[str, Sequence[Verifier]]) -> Note:
    """Return the checkpoint's note once a known key of its log signed it; WitnessError when not."""
    try:
        origin = Checkpoint.parse(request.note.rpartition("\n\n")[0] + "\n").origin
    except NoteError as error:
        raise _malformed(error.message) from error
    if origin not in logs:
        message = f"The log {origin[:200]!r} is not known here."
        raise WitnessError("witness.unknown_log", message, "Ask this witness's operator to add it.")
    try:
        return open_note(request.note, logs[origin])
    except NoteError as error:
        raise WitnessError("witness.signature", error.message, source=_SOURCE) from error


def check_follows(request: Request, checkpoint: Checkpoint, last: Checkpoint | None) -> None:
    """
    Raise WitnessError unless the checkpoint contains the last one cosigned here, None before the first.

    Whoever calls this and then keeps the checkpoint as the last one does both under one lock.
    """
    size, root = (0, merkle.EMPTY_ROOT) if last is None else (last.size, last.root)
    if request.old > checkpoint.size:
        message = f"The checkpoint has {checkpoint.size} entries, fewer than the {request.old} before it."
        raise WitnessError("witness.size", message, source=_SOURCE)
    if request.old != size:
        message = f"The last checkpoint of {checkpoint.origin} cosigned here has {size} entries."
        raise WitnessError("witness.conflict", message, f"Begin the proof at {size}.", known_size=size)
    if not size and request.proof:
        raise WitnessError("witness.proof", "Nothing has to be proved from an empty tree.", source=_SOURCE)
    if not checkpoint.size and checkpoint.root != merkle.EMPTY_ROOT:
        raise WitnessError("witness.proof", "An empty tree has another root.", source=_SOURCE)
    if not size:
        return
    try:
        merkle.verify_consistency(size, root, checkpoint.size, checkpoint.root, request.proof)
    except ProofError as error:
        message = (
            f"The checkpoint of {checkpoint.size} entries does not contain the one of {size} cosigned here: "
            f"the log has forked, or the proof is wrong. {error.message}"
        )
        raise WitnessError("witness.proof", message, source=_SOURCE) from error


class Cosigner:
    """A witness's key: an Ed25519 key that signs checkpoints with a time, and nothing else."""

    def __init__(self, signer: Signer) -> None:
        if signer.algorithm != ED25519:
            fix = "Make one: `voltrail key new NAME --witness --out FILE`"
            raise NoteError("key.algorithm", "A witness's key is an Ed25519 key.", fix)
        self._signer = signer
        self.verifier = Verifier.of(signer.name, COSIGNATURE, signer.verifier.public_key)
        self.vkey = self.verifier.vkey

    def cosign(self, text: str, time: int) -> str:
        """Return the signature line over a checkpoint's text at a time, Unix seconds."""
        signature = self._signer.sign_bytes(cosigned(time, text.encode()))
        return signature_line(self.verifier, time.to_bytes(TIME_BYTES, "big") + signature)


def signature_line(verifier: Verifier, signature: bytes) -> str:
    """Return a signature as a line of a note (C2SP signed-note, "Format")."""
    return f"\u2014 {verifier.name} {encode64(verifier.key_id + signature)}\n"


def log_lines(note: Note) -> str:
    """Return those signature lines of a note that were verified."""
    verified = {(verifier.name, verifier.key_id): verifier for verifier in note.verified}
    return "".join(
        signature_line(verified[signature.name, signature.key_id], signature.signature)
        for signature in note.signatures
        if (signature.name, signature.key_id) in verified
    )


class Cosignature(msgspec.Struct, frozen=True):
    """A witness's line under a checkpoint, verified, and its time in Unix seconds."""

    line: str
    time: int


def read_answer(body: bytes, text: str, witness: Verifier) -> Cosignature:
    """Return the witness's cosignature over a checkpoint's text; WitnessError when none holds."""
    try:
        note = parse_note(f"{text}\n{body.decode()}")
    except (UnicodeDecodeError, NoteError) as error:
        raise WitnessError("witness.answer", "Its answer is not signature lines.", source=_SOURCE) from error
    if note.text != text:
        raise WitnessError("witness.answer", "Its answer is more than signature lines.", source=_SOURCE)
    for signature in note.signatures:
        if (signature.name, signature.key_id) != (witness.name, witness.key_id):
            continue
        time = int.from_bytes(signature.signature[:TIME_BYTES], "big")
        if not 0 < time <= MAX_TIME or not witness.holds(text.encode(), signature.signature):
            message = "Its cosignature does not hold for the checkpoint it was asked to cosign."
            raise WitnessError("witness.cosignature", message, source=_SOURCE)
        return Cosignature(signature_line(witness, signature.signature), time)
    message = "Its answer has no signature by the key that the policy names for it."
    raise WitnessError("witness.key", message, "Compare the policy's key with the witness's own.")


def origin_hash(origin: str) -> str:
    """Return by what a witness names a log in its addresses: SHA-256 of the origin, in hex."""
    return sha256(origin.encode()).hexdigest()


def _malformed(what: str) -> WitnessError:
    return WitnessError("witness.malformed", f"This is not an add-checkpoint request. {what}", source=_SOURCE)
