"""EPCIS 2.0, for the systems of others: the events of a table as a JSON-LD document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from voltrail.errors import UsageError
from voltrail.events.epcis import StandsOn, write_document
from voltrail.web.page import Page
from voltrail.web.sheets.about import About
from voltrail.web.sheets.sheet import Sheet

PIECE_BYTES: Final = 1 << 18


def write_epcis(sheet: Sheet, about: About, page: Page) -> Iterator[bytes]:  # noqa: ARG001 - in no language
    """Yield an EPCISDocument in pieces of some 256 KiB, under the checkpoint on which it stands."""
    if sheet.log is None:
        raise UsageError("usage.events", "This table has no events.", "Take CSV, Excel or Parquet.")
    standing = about.standing
    stands_on = StandsOn(standing.origin, standing.size, standing.root64, standing.at)
    host = standing.origin.partition("/")[0]
    kept, size = [], 0
    for piece in write_document(sheet.log.events, host, stands_on, sheet.log.hidden):
        kept.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(kept)
            kept, size = [], 0
    yield b"".join(kept)
