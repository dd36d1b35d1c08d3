"""
Many lines into the record: reports of 10,000, the next made ready while the one before is written.

The lines of a report follow from the lines alone, so whoever is stopped runs again from the beginning with
the same lines, and gets the receipts that were given before.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from voltrail.registry.prepare import Prepared
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

    `rows` is read by another thread, up to two reports ahead of what is written, while PostgreSQL works:
    before, it would only take turns with what is done then.
    Raises what `Registry.report_lines` raises; what was yielded before stays on record.
    """
    coming = iter(rows)

    def next_report() -> Prepared | None:
        lines = list(itertools.islice(coming, report_lines))
        return registry.prepare_lines(organisation, lines, mode, source_digest) if lines else None

    first = 0
    with ThreadPoolExecutor(1, "voltrail-intake") as aside:
        ahead = deque(aside.submit(next_report) for _ in range(2))

        def look_ahead() -> None:
            ahead.append(aside.submit(next_report))

        while (prepared := ahead.popleft().result()) is not None:
            yield Taken(first, len(prepared.lines), registry.take(prepared, meanwhile=look_ahead))
            first += len(prepared.lines)
