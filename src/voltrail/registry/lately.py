"""What happened lately: to batteries that somebody watches, and what did not add up in the newest entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.lifecycle import Finding
from voltrail.regimes.deadlines import CHINA

MAX_NEWS: Final = 20  # events of one battery
ENTRIES: Final = 20_000  # the newest, among which findings are looked for

_NEWS: Final = """
with recursive walk as (
    select e.seq, e.kind, e.occurred_at, e.before[array_position(e.subjects, s.id)] as previous, 1 as number
    from subject s join event e on e.seq = s.seq where s.id = %(subject)s and s.seq >= %(seen)s
  union all
    select e.seq, e.kind, e.occurred_at, e.before[array_position(e.subjects, %(subject)s)], w.number + 1
    from walk w join event e on e.seq = w.previous where w.previous >= %(seen)s and w.number < %(limit)s
)
select seq, kind, occurred_at from walk order by seq desc
"""


class News(msgspec.Struct, frozen=True):
    """An event that is public but for its members: what happened, and when."""

    index: int
    kind: str
    occurred_at: str


class Lately(msgspec.Struct, frozen=True):
    """Findings of one kind in events of one organisation: how many, and the last event."""

    kind: str
    rule: str
    organisation: str
    number: int
    index: int
    subject: str


def read_news(database: Database, code: str, seen: int) -> list[News]:
    """Return the events of a battery from an entry on, the last in the log first; at most twenty."""
    with database.pool.connection() as connection:
        return news_in(connection, code, seen)


def news_in(connection: Connection, code: str, seen: int) -> list[News]:
    """Return the same as a connection sees it."""
    values = {"subject": f"battery:{code}", "seen": seen, "limit": MAX_NEWS}
    rows = connection.execute(_NEWS, values).fetchall()
    return [News(seq, kind, when.astimezone(CHINA).isoformat()) for seq, kind, when in rows]


def find_lately(database: Database, upto: int) -> list[Lately]:
    """Return the findings among the newest entries below an index, the most frequent first."""
    query = (
        "select e.seq, r.organisation, e.findings, e.subjects from event e join report r on r.id = e.report"
        " where e.seq >= %s and e.seq < %s and e.findings is not null order by e.seq"
    )
    with database.pool.connection() as connection:
        rows = connection.execute(query, (upto - ENTRIES, upto)).fetchall()
    found: dict[tuple[str, str, str], Lately] = {}
    for seq, organisation, findings, subjects in rows:
        for kind, rule in _kinds(msgspec.json.decode(bytes(findings), type=list[Finding])):
            before = found.get((kind, rule, organisation))
            number = before.number + 1 if before else 1
            found[kind, rule, organisation] = Lately(kind, rule, organisation, number, seq, subjects[0])
    return sorted(found.values(), key=lambda one: (-one.number, one.kind, one.rule, one.organisation))


def _kinds(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    return {(one.kind, one.rule) for one in findings}
