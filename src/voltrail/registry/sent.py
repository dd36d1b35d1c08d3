"""What an organisation sent: its reports, the last first, and what became of their lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound
from voltrail.events.epcis import EventInLog
from voltrail.registry import rows
from voltrail.registry.logs import Logs
from voltrail.registry.receipts import receipt_again
from voltrail.registry.snapshot import Snapshot

MAX_READ_BYTES: Final = 4 << 20  # of what became of a report; of a longer one lists say only what was taken


class Sent(msgspec.Struct, frozen=True):
    """
    One report: how many of its lines were taken, known before, refused, and taken with findings.

    The last three are None where they are too many to count in passing.
    """

    id: int
    report: str
    received_ms: int
    lines: int
    first_index: int
    accepted: int
    known: int | None
    refused: int | None
    found: int | None


Stored = tuple[int, str, datetime, int, str, bytes, bytes | None]
"""An event as it is read: index, kind, when it happened and came, whose it is, its line, its findings."""

Choose = Callable[[Connection, list[Stored]], list[Stored]]
"""What chooses some of a run of events, and may have them as they count now."""


class _Correction(msgspec.Struct):
    corrects: int


class _Found(msgspec.Struct):
    line: int


class _Outcome(msgspec.Struct):
    """As much of `receipts.Outcome` as is counted."""

    known: list[msgspec.Raw] = []
    refused: list[msgspec.Raw] = []
    findings: list[_Found] = []


_SENT: Final = """
select r.id, r.digest, e.received_ms, r.lines, r.first_seq, r.accepted,
    case when length(r.outcome) <= %(bytes)s then r.outcome end
from report r join event e on e.seq = r.first_seq where r.organisation = %(organisation)s
"""


def list_reports(
    database: Database, organisation: str, limit: int, before: int | None = None
) -> tuple[list[Sent], int | None]:
    """
    Return the reports of an organisation, the last first, and the `before` of the next page or None.

    Reports of which no line was taken are not on record, and not here.
    """
    query = (
        _SENT + " and (%(before)s::bigint is null or r.id < %(before)s) order by r.id desc limit %(limit)s"
    )
    values = {"organisation": organisation, "before": before, "limit": limit + 1, "bytes": MAX_READ_BYTES}
    with database.pool.connection() as connection:
        found = connection.execute(query, values).fetchall()
    reports = [_read(*row) for row in found[:limit]]
    return reports, reports[-1].id if len(found) > limit else None


def all_reports(snapshot: Snapshot, organisation: str) -> Iterator[list[Sent]]:
    """Yield all reports of an organisation, the last first, in runs."""
    values = {"organisation": organisation, "bytes": MAX_READ_BYTES}
    for run in snapshot.rows(_SENT + " order by r.id desc", values):
        yield [_read(*row) for row in run]


def sent_events(
    snapshot: Snapshot,
    organisation: str,
    since: datetime,
    until: datetime,
    kinds: Collection[str] | None = None,
    choose: Choose | None = None,
) -> SentEvents:
    """Return what an organisation sent that was received from a time on and before another, or some of it."""
    start = first_received(snapshot.connection, int(since.timestamp() * 1000))
    stop = first_received(snapshot.connection, int(until.timestamp() * 1000))
    return SentEvents(snapshot, organisation, start, stop, kinds, choose)


class SentEvents:
    """The events of an organisation between two entries of the log, in their order, in one snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        organisation: str,
        start: int,
        stop: int,
        kinds: Collection[str] | None = None,
        choose: Choose | None = None,
    ) -> None:
        self._snapshot, self._choose = snapshot, choose
        self._values: dict[str, Any] = {"organisation": organisation, "start": start, "stop": stop}
        self._values["kinds"] = None if kinds is None else sorted(kinds)

    def count(self, most: int) -> int:
        """Return how many there are at most, up to a number; by reports, so without reading any."""
        query = f"select coalesce(sum(accepted), 0)::bigint {_BETWEEN}"
        (number,) = self._snapshot.connection.execute(query, self._values).fetchone() or (0,)
        return min(most, int(number))

    def kinds(self) -> list[str]:
        """Return the kinds of event among them."""
        query = (
            f"select distinct e.kind from (select id, first_seq, accepted {_BETWEEN}) r"  # noqa: S608
            " join event e on e.seq >= r.first_seq and e.seq < r.first_seq + r.accepted and e.report = r.id"
            " where %(kinds)s::text[] is null or e.kind = any(%(kinds)s)"
        )
        return sorted(kind for (kind,) in self._snapshot.connection.execute(query, self._values))

    def in_log(self) -> Iterator[EventInLog]:
        """Yield them one by one as the log has them; with a correction what it corrects."""
        for run in self.runs():
            for row in run:
                yield in_log(row, self._one)

    def _one(self, index: int) -> Stored | None:
        query = (
            "select e.seq, e.kind, e.occurred_at, e.received_ms, r.organisation, e.line, e.findings"
            " from event e join report r on r.id = e.report where e.seq = %s"
        )
        row: Stored | None = self._snapshot.connection.execute(query, (index,), binary=True).fetchone()
        return row

    def runs(self) -> Iterator[list[Stored]]:
        """Yield them in runs, each as `Registry.history` reads an event."""
        query = f"""
            select e.seq, e.kind, e.occurred_at, e.received_ms, r.organisation, e.line, e.findings
            from (select id, organisation, first_seq, accepted {_BETWEEN} order by id) r
            cross join lateral (
                select seq, kind, occurred_at, received_ms, line, findings from event
                where seq >= r.first_seq and seq < r.first_seq + r.accepted
                    and report = r.id and (%(kinds)s::text[] is null or kind = any(%(kinds)s)) order by seq
            ) e
        """  # noqa: S608
        for run in self._snapshot.rows(query, self._values):
            yield run if self._choose is None else self._choose(self._snapshot.connection, run)


def in_log(row: Stored, find: Callable[[int], Stored | None]) -> EventInLog:
    """Return a stored event for EPCIS; of a correction what it corrects, too, where that is found."""
    index, kind, _, received_ms, reporter, line, _ = row
    corrected = None
    if (
        kind == "corrected"
        and (about := find(msgspec.json.decode(line, type=_Correction).corrects)) is not None
    ):
        corrected = EventInLog(about[0], bytes(about[5]), about[3], about[4])
    return EventInLog(index, bytes(line), received_ms, reporter, corrected)


_BETWEEN: Final = (
    "from report where organisation = %(organisation)s and accepted > 0"
    " and first_seq >= %(start)s and first_seq < %(stop)s"
)


def first_received(connection: Connection, when_ms: int) -> int:
    """Return the first entry that was received at a time or later: times in the log never go back."""
    low, high = 0, rows.one(connection, "select base + size from log")[0]
    while low < high:
        middle = (low + high) // 2
        # An entry that is no event stands in `mark`: the next event tells enough.
        found = connection.execute(
            "select received_ms from event where seq >= %s order by seq limit 1", (middle,)
        ).fetchone()
        if found is None or found[0] >= when_ms:
            high = middle
        else:
            low = middle + 1
    return low


def read_report(
    database: Database, organisation: str, digest: bytes, logs: Logs
) -> tuple[bytes, list[bytes]]:
    """
    Return the receipt of an organisation's report, and its lines; b"" for one that was not taken.

    NotFound for what that organisation has not sent.
    """
    with database.pool.connection() as connection:
        return report_in(connection, organisation, digest, logs)


def report_in(
    connection: Connection, organisation: str, digest: bytes, logs: Logs
) -> tuple[bytes, list[bytes]]:
    """Return the same as a connection sees it."""
    row = connection.execute(
        "select id, lines, first_seq, accepted from report where digest = %s and organisation = %s",
        (digest, organisation),
    ).fetchone()
    receipt = receipt_again(connection, digest, logs) if row is not None else None
    if row is None or receipt is None:
        raise NotFound(
            "report.unknown",
            "Your organisation has not sent such a report.",
            "Yours are listed at /workspace/reports.",
        )
    report, number, first, accepted = row
    taken = connection.execute(
        "select position, line from event where seq >= %s and seq < %s and report = %s",
        (first, first + accepted, report),
        binary=True,
    ).fetchall()
    lines = [b""] * number
    for position, line in taken:
        lines[position] = bytes(line)
    return receipt, lines


def _read(
    number: int, digest: bytes, received_ms: int, lines: int, first: int, accepted: int, outcome: bytes | None
) -> Sent:
    told = None if outcome is None else msgspec.json.decode(bytes(outcome), type=_Outcome)
    return Sent(
        number,
        bytes(digest).hex(),
        received_ms,
        lines,
        first,
        accepted,
        None if told is None else len(told.known),
        None if told is None else len(told.refused),
        None if told is None else len({one.line for one in told.findings}),
    )
