"""
Many lines into the record: reports of 10,000, the next made ready while the one before is written.

The lines of a report follow from the lines alone, so whoever is stopped runs again from the beginning with
the same lines, and gets the receipts that were given before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from voltrail.registry.registry import Registry

REPORT_LINES: Final = 10_000


class Taken(msgspec.Struct, frozen=True):
    """One report that is on record: its lines are those from `first` on, counting from 0."""

    first: int
    lines: int
    receipt: bytes


def take_rows(
    registry: Registry,
    organisation: str,
    rows: Iterable[bytes],
    *,
    mode: str = "valid",
    source_digest: bytes | None = None,
    report_lines: int = REPORT_LINES,
) -> Iterator[Taken]:
    """
    Report lines for an organisation, the host signing; yield each receipt once it is durable.

    Raises what `Registry.report_lines` raises; what was yielded before stays on record.
    """
    first, coming = 0, iter(rows)
    while lines := list(itertools.islice(coming, report_lines)):
        yield Taken(first, len(lines), registry.report_lines(organisation, lines, mode, source_digest))
        first += len(lines)
