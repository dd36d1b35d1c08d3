"""
From events to reports, in the order they arrive.

Organisations report together what happened in a span of time. Who hands
batteries on comes before who takes them, mostly: some of what is reported
late, or waits for enough lines, arrives out of order, as in life.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from voltrail.demo.cast import secret
from voltrail.demo.diary import Told
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import SECRET_BYTES

FEWEST: Final = 20
MOST: Final = 500
SPAN: Final = 1_500  # events of all organisations in one span


class Report(NamedTuple):
    """One report: whose key signs it, its lines, and the secret it is committed with."""

    signer: Signer
    lines: list[bytes]
    secret: bytes


def deliver(told: Iterable[Told], seed: int, first_index: int) -> Iterator[Report]:
    """Yield the reports; `first_index` is what the first line gets, from which corrections count."""
    index_of: dict[int, int] = {}
    index = first_index
    for number, batch in enumerate(_batches(told)):
        lines = []
        for one in batch:
            index_of[one.order] = index
            index += 1
            lines.append(_line(one, index_of))
        key = secret(seed, "report", number)[:SECRET_BYTES]
        yield Report(batch[0].reporter.signer, lines, key)


def _line(told: Told, index_of: dict[int, int]) -> bytes:
    """Return the line of an event, with the index it corrects."""
    if told.corrects is None:
        return told.line
    return msgspec.json.encode({**told.members, "corrects": index_of[told.corrects.order]})


def _batches(told: Iterable[Told]) -> Iterator[list[Told]]:
    """Yield what goes into each report, span by span; the authority's come first."""
    events = iter(sorted(told, key=lambda one: (one.arrives, one.order)))
    waiting: dict[int, list[Told]] = {}
    for span in iter(lambda: list(islice(events, SPAN)), []):
        for one in span:
            waiting.setdefault(one.reporter.rank, []).append(one)
        yield from _enough(waiting, FEWEST)
    yield from _enough(waiting, 1)


def _enough(waiting: dict[int, list[Told]], fewest: int) -> Iterator[list[Told]]:
    """Yield the reports of those who have enough to say, by rank."""
    for rank in sorted(waiting):
        mine = waiting[rank]
        if len(mine) < fewest and not any(one.prompt for one in mine):
            continue
        del waiting[rank]
        parts = -(-len(mine) // MOST)
        for part in range(parts):
            yield mine[part * len(mine) // parts : (part + 1) * len(mine) // parts]
