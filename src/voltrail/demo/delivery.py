"""
From events to reports, in the order they arrive.

At the end of each round every organisation reports what it has. Within a round
the events of a battery or a lot keep their order: who hands it on is heard before who takes
it. So a step stands open only where it was told months late, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from voltrail.demo.cast import Cast, secret
from voltrail.demo.spool import Kept, Spool
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import SECRET_BYTES

MOST: Final = 500


class Report(NamedTuple):
    """One report: whose key signs it, its lines, its secret, when it arrives, and whether by the host."""

    signer: Signer
    lines: list[bytes]
    secret: bytes
    received_ms: int
    by_host: bool


def deliver(spool: Spool, cast: Cast, until: int, seed: int, first_index: int) -> Iterator[Report]:
    """Yield the reports; `first_index` is what the first line gets, from which corrections count."""
    index_of: dict[int, int] = {}
    index, number = first_index, 0
    for end, events in spool.rounds():
        received = min(end, until)
        for batch in _batches(events):
            lines = []
            for one in batch:
                if one.corrected:
                    index_of[one.order] = index
                index += 1
                lines.append(_line(one, index_of))
            member = cast.all[batch[0].rank]
            key = secret(seed, "report", number)[:SECRET_BYTES]
            yield Report(member.signer_at(received), lines, key, received * 1000, member.by_host)
            number += 1


def _line(one: Kept, index_of: dict[int, int]) -> bytes:
    """Return the line of an event, with the index it corrects."""
    if one.corrects is None:
        return one.line
    return b'%b,"corrects":%d}' % (one.line[:-1], index_of[one.corrects])


def _batches(events: Iterable[Kept]) -> Iterator[list[Kept]]:
    """
    Yield what goes into each report of a round.

    Where a battery or a lot passes from one to another within it, the other's report is
    of a later layer; the authority comes first.
    """
    layers: dict[tuple[int, int], list[Kept]] = {}
    last: dict[str, tuple[int, int]] = {}
    for one in events:
        layer = min(one.rank, 1)
        for name in one.about:
            before, rank = last.get(name, (0, one.rank))
            layer = max(layer, before + (rank != one.rank))
        for name in one.about:
            last[name] = (layer, one.rank)
        layers.setdefault((layer, one.rank), []).append(one)
    for _, mine in sorted(layers.items()):
        parts = -(-len(mine) // MOST)
        for part in range(parts):
            yield mine[part * len(mine) // parts : (part + 1) * len(mine) // parts]
