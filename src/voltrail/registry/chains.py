"""The chains of many subjects at once, for what follows the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from voltrail.database.database import Connection
from voltrail.lifecycle import Recorded
from voltrail.registry.world import World, to_recorded

_CHAINS: Final = """
with recursive walk as (
    select s.id as subject, e.seq, e.report, e.line, e.received_ms,
           e.before[array_position(e.subjects, s.id)] as previous
    from subject s join event e on e.seq = s.seq where s.id = any(%s)
  union all
    select w.subject, e.seq, e.report, e.line, e.received_ms,
           e.before[array_position(e.subjects, w.subject)]
    from walk w join event e on e.seq = w.previous
)
select w.subject, w.seq, w.line, r.organisation, w.received_ms from walk w join report r on r.id = w.report
"""


def read_chains(
    connection: Connection, world: World, subjects: Sequence[str]
) -> Iterator[tuple[str, list[Recorded]]]:
    """Yield each of these subjects with its events, and with what corrections among them correct."""
    chains: dict[str, dict[int, Recorded]] = {}
    for subject, *row in connection.execute(_CHAINS, (list(subjects),), binary=True):
        recorded = to_recorded(row)
        chains.setdefault(subject, {})[recorded.index] = recorded
    for subject, chain in chains.items():
        yield subject, world.with_corrected(chain)
