"""
Heads: one tree over the end of every chain, so that leaving an event out can be proved.

Its rows, 72 bytes a subject, are a ‖ k ‖ h, ascending by a. With the tree's secret they become
leaves that tell nobody anything; the log holds only the root.
Source: formats.md, "Heads".
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from voltrail.ledger import merkle

ROW_BYTES: Final = 72
PLACE: Final = slice(0, 32)  # a, by which rows and leaves are sorted
SECRET_BYTES: Final = 32


def head_place(subject: str) -> bytes:
    """Return a, by which the leaves of a heads tree are sorted."""
    return sha256(b"voltrail.head" + subject.encode()).digest()


def head_salt(secret: bytes, place: bytes) -> bytes:
    """Return the salt of the head at this place, in the heads tree with this 32-byte secret."""
    return sha256(b"voltrail.headsalt" + secret + place).digest()[:16]


def head_leaf(place: bytes, salt: bytes, k: int, head: bytes) -> bytes:
    """Return the 64 bytes of a leaf of the heads tree."""
    return place + sha256(salt + k.to_bytes(8, "big") + head).digest()


def leaf_of(row: bytes, secret: bytes) -> bytes:
    """Return the 64 bytes of the leaf over a row."""
    place = row[PLACE]
    return place + sha256(head_salt(secret, place) + row[32:]).digest()


def extend(
    size: int, peaks: tuple[bytes, ...], rows: bytes, secret: bytes
) -> tuple[bytes, tuple[bytes, ...]]:
    """
    Append the leaves over rows, joined, to a heads tree; as `merkle.extend`.

    The hot loop of a heads tree: `leaf_of`, written out.
    """
    hashed, prefix, leaves = sha256, b"voltrail.headsalt" + secret, []
    for at in range(0, len(rows), ROW_BYTES):
        place = rows[at : at + 32]
        salt = hashed(prefix + place).digest()[:16]
        value = hashed(salt + rows[at + 32 : at + ROW_BYTES]).digest()
        leaves.append(hashed(b"\0" + place + value).digest())
    return merkle.extend(size, peaks, leaves)
