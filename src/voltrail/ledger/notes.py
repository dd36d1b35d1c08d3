"""
Signed notes, checkpoints, and the policy that says which of them are believed.

Sources: C2SP signed-note, tlog-checkpoint, tlog-policy. Keys are in `keys`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Self

import msgspec

from voltrail.errors import NoteError
from voltrail.ledger.keys import (
    COSIGNATURE,
    ED25519,
    ID_BYTES,
    ML_DSA_44,
    NOTE_SOURCE,
    P256,
    Signer,
    Verifier,
    check_name,
    decode64,
    encode64,
)

__all__ = [
    "ED25519",
    "P256",
    "Checkpoint",
    "Note",
    "Policy",
    "Seen",
    "Signature",
    "Signer",
    "Verifier",
    "open_note",
    "parse_note",
]

MAX_NOTE_BYTES = 1 << 20
MAX_SIGNATURES = 100
NONE = "none"

_CHECKPOINT_SOURCE = "C2SP tlog-checkpoint"
_POLICY_SOURCE = "C2SP tlog-policy"

_note_controls = re.compile(r"[\x00-\x09\x0b-\x1f]").search
_is_size = re.compile(r"0|[1-9][0-9]{0,19}").fullmatch
_policy_controls = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]").search
_items = re.compile(r"[^ \t]+").findall
_is_threshold = re.compile(r"[1-9][0-9]{0,5}").fullmatch


class Signature(msgspec.Struct, frozen=True):
    """One signature line of a note: not yet verified."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note's text and signatures; `verified` holds the keys whose signatures were checked and hold."""

    text: str
    signatures: tuple[Signature, ...]
    verified: tuple[Verifier, ...] = ()


def parse_note(note: str) -> Note:
    """Return a note's text and signatures, without verifying any (C2SP signed-note, "Format")."""
    _check_text(note)
    text, separator, signatures = note.rpartition("\n\n")
    if not text or not separator or not signatures.endswith("\n"):
        raise _malformed("It must be text, an empty line and signature lines, each ending in a newline.")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"It has {len(lines)} signatures; at most {MAX_SIGNATURES} are read.")
    return Note(text + "\n", tuple(_parse_signature(line) for line in lines))


def open_note(note: str, verifiers: Iterable[Verifier]) -> Note:
    """
    Return the note once at least one signature by a known key holds.

    A signature by a known key that does not hold refuses the whole note;
    unknown keys, of which name or id differs, are passed over.
    """
    parsed = parse_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    message, verified = parsed.text.encode(), []
    for signature in parsed.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.holds(message, signature.signature):
            raise NoteError("note.signature", f"The signature of {verifier.name} does not hold.")
        verified.append(verifier)
    if not verified:
        raise NoteError("note.unknown", "No known key signed the note.", source=NOTE_SOURCE)
    return Note(parsed.text, parsed.signatures, tuple(verified))


class Checkpoint(msgspec.Struct, frozen=True):
    """The size and root of a tree, and whose tree it is (C2SP tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), encode64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint that a note's text states; there is one way only to write it."""
        _check_text(text)
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise _no_checkpoint("it has at least three lines, none empty.")
        if not _is_size(lines[1]) or int(lines[1]) >= 1 << 64:
            raise _no_checkpoint("the second line is a size in decimal digits.")
        root = decode64(lines[2])
        if len(root) != 32:
            raise _no_checkpoint("the third line is a hash of 32 bytes in base64.")
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:]))


class Seen(msgspec.Struct, frozen=True):
    """A checkpoint that a policy takes: which log signed it, which of the policy's witnesses cosigned."""

    checkpoint: Checkpoint
    log: Verifier
    witnesses: tuple[str, ...]


class Policy:
    """
    The logs and witnesses someone believes, and the quorum. Made by `parse`.

    `groups` hold, by name, how many of which members it takes; `urls`, by name, where witnesses are asked.
    """

    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: dict[str, Verifier] = {}
        self.urls: dict[str, str] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the policy this text states; NoteError names the line that does not read."""
        if _policy_controls(text):
            message = "The policy has a control character."
            raise NoteError("policy.characters", message, source=_POLICY_SOURCE)
        policy = cls()
        readers: dict[str, Callable[[list[str]], None]] = {
            "log": policy._log,
            "witness": policy._witness,
            "group": policy._group,
            "quorum": policy._quorum,
        }
        for number, line in enumerate(text.split("\n"), 1):
            items = _items(line)
            if not items or items[0].startswith("#"):
                continue
            try:
                readers.get(items[0], policy._unknown)(items)
            except NoteError as error:
                raise NoteError(error.rule, error.message, error.fix, number, _POLICY_SOURCE) from error
        if policy.quorum is None:
            message = "The policy has no quorum line."
            raise NoteError("policy.quorum", message, "Add: quorum none", source=_POLICY_SOURCE)
        return policy

    def check(self, note: str) -> Checkpoint:
        """Return the checkpoint once one of the logs signed it and the quorum of witnesses cosigned it."""
        return self.open(note).checkpoint

    def open(self, note: str) -> Seen:
        """Return the same with who signed; NoteError when the log is unknown or the quorum not met."""
        known = [*self.logs, *self.witnesses.values()]
        opened = open_note(note, known)
        checkpoint = Checkpoint.parse(opened.text)
        signed = (v for v in self.logs if v in opened.verified and v.name == checkpoint.origin)
        log = next(signed, None)
        if log is None:
            message = f"No log of the policy signed for {checkpoint.origin!r}."
            raise NoteError("note.log", message, source=_POLICY_SOURCE)
        seen = tuple(name for name, verifier in self.witnesses.items() if verifier in opened.verified)
        if self.quorum != NONE and not self._met(str(self.quorum), seen):
            by = ", ".join(seen) or "anyone"
            message = f"Not yet witnessed: the quorum {self.quorum!r} is not met by {by}."
            raise NoteError("note.quorum", message, "Ask again for it in a minute.", source=_POLICY_SOURCE)
        return Seen(checkpoint, log, seen)

    def _met(self, name: str, seen: tuple[str, ...]) -> bool:
        if name in self.witnesses:
            return name in seen
        threshold, members = self.groups[name]
        return sum(self._met(member, seen) for member in members) >= threshold

    def _log(self, items: list[str]) -> None:
        verifier = Verifier(_one_of(items, 2, 3)[1])
        if verifier.algorithm == COSIGNATURE:
            raise NoteError("policy.log", "A witness's key cannot sign for a log.")
        if any(verifier.public_key == log.public_key for log in self.logs):
            raise NoteError("policy.duplicate", "The log's key stands twice.")
        self.logs.append(verifier)

    def _witness(self, items: list[str]) -> None:
        name, vkey, *url = _one_of(items, 3, 4)[1:]
        self._check_new(name)
        verifier = Verifier(vkey)
        if verifier.algorithm not in {COSIGNATURE, ML_DSA_44}:
            raise NoteError("policy.witness", f"The key of {name} is not for cosignatures (0x04 or 0x06).")
        if any(verifier.public_key == other.public_key for other in self.witnesses.values()):
            raise NoteError("policy.duplicate", "The witness's key stands twice.")
        self.witnesses[name] = verifier
        if url:
            self.urls[name] = url[0]

    def _group(self, items: list[str]) -> None:
        name, wanted, *members = _one_of(items, 4, 1000)[1:]
        self._check_new(name)
        used = {member for _, group in self.groups.values() for member in group}
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise NoteError("policy.name", f"{member} is not defined above.")
            if member in used:
                raise NoteError("policy.duplicate", f"{member} is a member twice.")
            used.add(member)
        threshold = {"any": "1", "all": str(len(members))}.get(wanted, wanted)
        if not _is_threshold(threshold) or int(threshold) > len(members):
            raise NoteError("policy.threshold", f"{wanted} of {len(members)} members cannot be asked for.")
        self.groups[name] = (int(threshold), tuple(members))

    def _quorum(self, items: list[str]) -> None:
        name = _one_of(items, 2, 2)[1]
        if self.quorum is not None:
            raise NoteError("policy.quorum", "The quorum stands twice.")
        if name not in {NONE, *self.witnesses, *self.groups}:
            raise NoteError("policy.name", f"{name} is not defined above.")
        self.quorum = name

    def _unknown(self, items: list[str]) -> None:
        raise NoteError("policy.line", f"A line cannot begin with {items[0][:40]!r}.")

    def _check_new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise NoteError("policy.duplicate", f"The name {name} is taken.")


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "\u2014":
        raise _malformed("A signature line begins with a long dash.")
    check_name(name)
    data = decode64(encoded)
    if len(data) <= ID_BYTES:
        raise _malformed("A signature is too short.")
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])


def _check_text(text: str) -> None:
    """Raise unless the text is of bounded length, can be UTF-8, and has no control character but newline."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _malformed("It is not UTF-8.") from error
    if size > MAX_NOTE_BYTES:
        raise _malformed(f"It has {size:,} bytes; at most {MAX_NOTE_BYTES:,} are read.")
    if _note_controls(text):
        raise _malformed("It contains a control character.")


def _one_of(items: list[str], fewest: int, most: int) -> list[str]:
    if not fewest <= len(items) <= most:
        raise NoteError("policy.line", f"A line {items[0]!r} does not have {len(items)} items.")
    return items


def _malformed(what: str) -> NoteError:
    return NoteError("note.malformed", f"This is not a signed note. {what}", source=NOTE_SOURCE)


def _no_checkpoint(what: str) -> NoteError:
    return NoteError("note.checkpoint", f"This is not a checkpoint: {what}", source=_CHECKPOINT_SOURCE)
