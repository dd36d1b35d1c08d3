"""
Entries of the log, and the chain that binds each subject's events in it.

Source: formats.md, "Log entry".
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from voltrail.errors import ProofError
from voltrail.ledger import merkle

NO_HEAD = bytes(32)
T_BYTES = 16
EVENT_BYTES = 73
HEADS_BYTES = 49


class EventEntry(msgspec.Struct, frozen=True):
    """What an event's entry says: when it came, c, and the root of its links."""

    received_ms: int
    commitment: bytes
    links: bytes


class HeadsEntry(msgspec.Struct, frozen=True):
    """What a heads entry says: the heads of all `count` subjects when the log had `size` entries."""

    size: int
    count: int
    root: bytes


def link_ts(secret: bytes, line: int, subjects: int) -> list[bytes]:
    """Return t for each of the subjects of a line (from 0); evidence shows the one of its own subject."""
    prefix = b"voltrail.link" + secret + line.to_bytes(4, "big")
    return [sha256(prefix + place.to_bytes(4, "big")).digest()[:T_BYTES] for place in range(subjects)]


def link_blind(t: bytes, subject: str) -> bytes:
    """Return SHA-256(t ‖ subject): a subject that only those who know t can recognise."""
    return sha256(t + subject.encode()).digest()


def link_blinds(secret: bytes, line: int, subjects: Sequence[str]) -> list[bytes]:
    """Return SHA-256(t ‖ subject) for each subject of a line (from 0): the part known before the lock."""
    prefix = b"voltrail.link" + secret + line.to_bytes(4, "big")
    if len(subjects) == 1:
        t = sha256(prefix + b"\0\0\0\0").digest()[:T_BYTES]
        return [sha256(t + subjects[0].encode()).digest()]
    return [
        sha256(sha256(prefix + place.to_bytes(4, "big")).digest()[:T_BYTES] + subject.encode()).digest()
        for place, subject in enumerate(subjects)
    ]


def link_leaf(blind: bytes, k: int, head: bytes) -> bytes:
    """Return the leaf hash of a link: a subject's k for this event, and its head before."""
    return sha256(b"\0" + blind + k.to_bytes(8, "big") + head).digest()


def links_root(blinds: Sequence[bytes], ks: Sequence[int], heads: Sequence[bytes]) -> bytes:
    """Return L: the root over one link for each subject."""
    if len(blinds) == len(ks) == len(heads) == 1:
        return sha256(b"\0" + blinds[0] + ks[0].to_bytes(8, "big") + heads[0]).digest()
    return merkle.root([link_leaf(*link) for link in zip(blinds, ks, heads, strict=True)])


def event_entry(received_ms: int, commitment: bytes, links: bytes) -> bytes:
    """Return the 73 bytes of an event in the log."""
    return b"\x01" + received_ms.to_bytes(8, "big") + commitment + links


def parse_event(entry: bytes) -> EventEntry:
    """Return what the entry of an event says."""
    if len(entry) != EVENT_BYTES or entry[0] != 1:
        raise ProofError("entry.event", "This is not the log entry of an event.")
    return EventEntry(int.from_bytes(entry[1:9], "big"), entry[9:41], entry[41:])


def heads_entry(size: int, count: int, root: bytes) -> bytes:
    """Return the 49 bytes that commit to the heads of all subjects when the log had `size` entries."""
    return b"\x02" + size.to_bytes(8, "big") + count.to_bytes(8, "big") + root


def parse_heads(entry: bytes) -> HeadsEntry:
    """Return what a heads entry says."""
    if len(entry) != HEADS_BYTES or entry[0] != 2:
        raise ProofError("entry.heads", "This is not a log entry over heads.")
    return HeadsEntry(int.from_bytes(entry[1:9], "big"), int.from_bytes(entry[9:17], "big"), entry[17:])


def successor_entry(checkpoint: str) -> bytes:
    """Return the first entry of a successor log, given the last checkpoint (the whole note) before it."""
    return b"\x03" + sha256(checkpoint.encode()).digest()


def enter_one(
    blind: bytes, k: int, head: bytes, received_ms: int, commitment: bytes
) -> tuple[bytes, bytes, bytes]:
    """
    Return L, the entry, and the new head of the chain, for an event about one subject.

    The hot path of appending: `links_root`, `event_entry` and `chain`, written into one.
    """
    links = sha256(b"\0" + blind + k.to_bytes(8, "big") + head).digest()
    entry = b"\x01" + received_ms.to_bytes(8, "big") + commitment + links
    return links, entry, sha256(head + entry).digest()


def chain(head: bytes, entry: bytes) -> bytes:
    """Return the head of a subject's chain after one more entry."""
    return sha256(head + entry).digest()
