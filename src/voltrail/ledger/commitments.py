"""
Commitments: what stands in the log instead of an event.

A commitment covers the exact bytes of each member under a salt of its own, so
that members can be withheld or erased one by one and the rest still verifies.
Source: formats.md, "Report".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256, shake_256

SALT_BYTES = 16


def salts(secret: bytes, line: int, count: int) -> list[bytes]:
    """Return the 16-byte salts of the `count` members of a line (from 0) of the report with this secret."""
    stream = shake_256(b"voltrail.salt" + secret + line.to_bytes(4, "big")).digest(SALT_BYTES * count)
    return [stream[start : start + SALT_BYTES] for start in range(0, len(stream), SALT_BYTES)]


def member_digest(salt: bytes, member: bytes) -> bytes:
    """Return d, what stands for a member that is withheld."""
    return sha256(salt + member).digest()


def commit(digests: Iterable[bytes]) -> bytes:
    """Return c, the commitment over the digests of an event's members, in order."""
    return sha256(b"voltrail.event" + b"".join(digests)).digest()


def commit_line(secret: bytes, line: int, members: Sequence[bytes]) -> bytes:
    """Return the commitment of one line (from 0), given its members in order."""
    drawn = salts(secret, line, len(members))
    return commit([member_digest(*one) for one in zip(drawn, members, strict=True)])


def commit_lines(secret: bytes, lines: Sequence[Sequence[bytes]], first: int = 0) -> list[bytes]:
    """
    Return the commitment of each line from line `first` on, given the members of each, in order.

    The hot path of intake: the functions above, written into one loop.
    """
    hashed, shaken, joined = sha256, shake_256, b"".join
    prefix, places = b"voltrail.salt" + secret, range(0, 1 << 20, SALT_BYTES)
    found = []
    for number, members in enumerate(lines, first):
        stream = shaken(prefix + number.to_bytes(4, "big")).digest(SALT_BYTES * len(members))
        digests = [
            hashed(stream[at : at + 16] + member).digest()
            for at, member in zip(places, members, strict=False)
        ]
        found.append(hashed(b"voltrail.event" + joined(digests)).digest())
    return found
