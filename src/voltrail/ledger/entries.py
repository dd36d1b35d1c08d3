"""
Entries of the log, and the chain that binds each subject's events in it.

Source: formats.md, "Log entry".
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from voltrail.ledger import merkle

NO_HEAD = bytes(32)


def link_blinds(secret: bytes, line: int, subjects: Sequence[str]) -> list[bytes]:
    """Return SHA-256(t ‖ subject) for each subject of a line (from 0): the part known before the lock."""
    prefix = b"voltrail.link" + secret + line.to_bytes(4, "big")
    return [
        sha256(sha256(prefix + place.to_bytes(4, "big")).digest()[:16] + subject.encode()).digest()
        for place, subject in enumerate(subjects)
    ]


def links_root(blinds: Sequence[bytes], ks: Sequence[int], heads: Sequence[bytes]) -> bytes:
    """Return L: the root over one link for each subject: its k for this event, and its head before."""
    return merkle.root(
        [
            merkle.leaf_hash(blind + k.to_bytes(8, "big") + head)
            for blind, k, head in zip(blinds, ks, heads, strict=True)
        ]
    )


def event_entry(received_ms: int, commitment: bytes, links: bytes) -> bytes:
    """Return the 73 bytes of an event in the log."""
    return b"\x01" + received_ms.to_bytes(8, "big") + commitment + links


def chain(head: bytes, entry: bytes) -> bytes:
    """Return the head of a subject's chain after one more entry."""
    return sha256(head + entry).digest()
