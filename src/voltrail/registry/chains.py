"""The chains of many subjects at once, for what follows the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from voltrail.database.database import Connection
from voltrail.lifecycle import Recorded
from voltrail.registry.world import World, to_recorded

# Each step looks one entry up for each row: a join would be planned as one over all events where the planner
# does not know how many there are. `limit 1` keeps it from that.
_CHAINS: Final = """
with recursive walk as (
    select id as subject, seq as at from subject where id = any(%s)
  union all
    select w.subject, before.at from walk w cross join lateral (
        select e.before[array_position(e.subjects, w.subject)] as at from event e where e.seq = w.at limit 1
    ) before where before.at >= 0
)
select w.subject, e.seq, e.line, e.organisation, e.received_ms from walk w cross join lateral (
    select e.seq, e.line, r.organisation, e.received_ms
    from event e join report r on r.id = e.report where e.seq = w.at limit 1
) e
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
