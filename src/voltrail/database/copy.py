"""
Rows for PostgreSQL's binary COPY, built by hand: the row-by-row way costs more than the database's own work.

Source: PostgreSQL manual, COPY, "Binary Format"; array and timestamp layouts as `array_recv` and
`timestamptz_recv` read them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

EVENT_COLUMNS = 14

_BIGINT_OID, _TEXT_OID = 20, 25
_EPOCH_2000_US = 946_684_800_000_000

_length = struct.Struct(">i").pack
_bigint = struct.Struct(">iq").pack
_integer = struct.Struct(">ii").pack
_one_bigint = struct.Struct(">iiiiiiiq").pack
_columns = struct.Struct(">h").pack
_event_of_one = struct.Struct(">h iq iq iq i32s iiiiiiiq iiiiiiiq i32s").pack
_ONE_BIGINT = (32, 1, 0, _BIGINT_OID, 1, 1, 8)


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


def text(value: str | None) -> bytes:
    """One `text` column."""
    return NULL if value is None else blob(value.encode())


def timestamp(unix_us: int) -> bytes:
    """One `timestamptz` column from microseconds since 1970."""
    return _bigint(8, unix_us - _EPOCH_2000_US)


def bigints(values: Sequence[int]) -> bytes:
    """One `bigint[]` column."""
    if len(values) == 1:
        return _one_bigint(32, 1, 0, _BIGINT_OID, 1, 1, 8, values[0])
    body = struct.pack(">iiiii", 1, 0, _BIGINT_OID, len(values), 1) + b"".join(bigint(v) for v in values)
    return blob(body)


def texts(values: Sequence[bytes]) -> bytes:
    """One `text[]` column, from UTF-8."""
    body = struct.pack(">iiiii", 1, 0, _TEXT_OID, len(values), 1) + b"".join(blob(v) for v in values)
    return blob(body)


def event_of_one(
    seq: int, report: int, received_ms: int, links: bytes, k: int, before: int, head: bytes
) -> bytes:
    """The start of the row of an event about one subject, up to what was known before its turn."""
    return _event_of_one(
        EVENT_COLUMNS,
        *(8, seq, 8, report, 8, received_ms, 32, links),
        *(*_ONE_BIGINT, k, *_ONE_BIGINT, before),
        *(32, head),
    )
