"""
Rows for PostgreSQL's binary COPY, built by hand: the row-by-row way costs more than the database's own work.

Source: PostgreSQL manual, COPY, "Binary Format"; array and timestamp layouts as `array_recv` and
`timestamptz_recv` read them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

EVENT_COLUMNS = 14

_BIGINT_OID, _TEXT_OID = 20, 25
_EPOCH_2000_US = 946_684_800_000_000

_length = struct.Struct(">i").pack
_bigint = struct.Struct(">iq").pack
_integer = struct.Struct(">ii").pack
_columns = struct.Struct(">h").pack
_event_of_one = struct.Struct(">6s q 28s 32s 28s q 28s q 4s 32s").pack
_when_and_length = struct.Struct(">iqi").pack
_subject = struct.Struct(">iq i32s iq iq i").pack
_one_text = struct.Struct(">iiiiiii").pack
_ONE_BIGINT = struct.pack(">iiiiiii", 32, 1, 0, _BIGINT_OID, 1, 1, 8)
_SEQ = struct.pack(">hi", EVENT_COLUMNS, 8)
_HASH = struct.pack(">i", 32)


def columns(count: int) -> bytes:
    """The start of a row of `count` columns."""
    return _columns(count)


def bigint(value: int) -> bytes:
    """One `bigint` column."""
    return _bigint(8, value)


def integer(value: int) -> bytes:
    """One `integer` column."""
    return _integer(4, value)


def blob(value: bytes | None) -> bytes:
    """One `bytea` (or, given UTF-8, `text`) column."""
    return NULL if value is None else _length(len(value)) + value


@lru_cache(1024)
def text(value: str | None) -> bytes:
    """One `text` column; remembered, since the same few come again and again."""
    return NULL if value is None else blob(value.encode())


def timestamp(unix_us: int) -> bytes:
    """One `timestamptz` column from microseconds since 1970."""
    return _bigint(8, unix_us - _EPOCH_2000_US)


def bigints(values: Sequence[int]) -> bytes:
    """One `bigint[]` column."""
    body = struct.pack(">iiiii", 1, 0, _BIGINT_OID, len(values), 1) + b"".join(bigint(v) for v in values)
    return blob(body)


def texts(values: Sequence[bytes]) -> bytes:
    """One `text[]` column, from UTF-8."""
    body = struct.pack(">iiiii", 1, 0, _TEXT_OID, len(values), 1) + b"".join(blob(v) for v in values)
    return blob(body)


def event_of_one(seq: int, shared: bytes, links: bytes, k: int, before: int, head: bytes) -> bytes:
    """The start of an event's row, of one subject: what its turn decides; `shared` is `event_shared`."""
    return _event_of_one(_SEQ, seq, shared, links, _ONE_BIGINT, k, _ONE_BIGINT, before, _HASH, head)


def event_of_many(
    seq: int, shared: bytes, links: bytes, ks: Sequence[int], before: Sequence[int], heads: bytes
) -> bytes:
    """The same, of an event about several subjects."""
    return b"".join((_SEQ, seq.to_bytes(8, "big"), shared, links, bigints(ks), bigints(before), blob(heads)))


def event_shared(report: int, received_ms: int) -> bytes:
    """What is the same in the rows of one report: its number and time, and the length of what follows."""
    return bigint(report) + bigint(received_ms) + _HASH


def event_end(
    position: int, kind: str, occurred_us: int, line: bytes, commitment: bytes, subjects: Sequence[str]
) -> bytes:
    """The rest of an event's row but for its findings: what was known before its turn."""
    when = _when_and_length(8, occurred_us - _EPOCH_2000_US, len(line))
    if len(subjects) == 1:
        name = subjects[0].encode()
        about = _one_text(24 + len(name), 1, 0, _TEXT_OID, 1, 1, len(name)) + name
    else:
        about = texts([subject.encode() for subject in subjects])
    return b"".join((_integer(4, position), text(kind), when, line, _HASH, commitment, about))


def subject(name: str, k: int, head: bytes, seq: int, latest_us: int, state: bytes, shown: bytes) -> bytes:
    """The columns of a subject; `shown` are the columns place, phase, holder and model."""
    id_ = name.encode()
    fixed = _subject(8, k, 32, head, 8, seq, 8, latest_us, len(state))
    return b"".join((_length(len(id_)), id_, fixed, state, shown))
