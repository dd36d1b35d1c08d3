"""What an organisation sent: its reports, the last first, and what became of their lines."""

from __future__ import annotations

from typing import Final

import msgspec

from voltrail.database.database import Database
from voltrail.errors import NotFound
from voltrail.registry.logs import Logs
from voltrail.registry.receipts import receipt_again

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


class _Found(msgspec.Struct):
    line: int


class _Outcome(msgspec.Struct):
    """As much of `receipts.Outcome` as is counted."""

    known: list[msgspec.Raw] = []
    refused: list[msgspec.Raw] = []
    findings: list[_Found] = []


def list_reports(
    database: Database, organisation: str, limit: int, before: int | None = None
) -> tuple[list[Sent], int | None]:
    """
    Return the reports of an organisation, the last first, and the `before` of the next page or None.

    Reports of which no line was taken are not on record, and not here.
    """
    query = (
        "select r.id, r.digest, e.received_ms, r.lines, r.first_seq, r.accepted,"
        " case when length(r.outcome) <= %(bytes)s then r.outcome end"
        " from report r join event e on e.seq = r.first_seq where r.organisation = %(organisation)s"
        " and (%(before)s::bigint is null or r.id < %(before)s) order by r.id desc limit %(limit)s"
    )
    values = {"organisation": organisation, "before": before, "limit": limit + 1, "bytes": MAX_READ_BYTES}
    with database.pool.connection() as connection:
        found = connection.execute(query, values).fetchall()
    reports = [_read(*row) for row in found[:limit]]
    return reports, reports[-1].id if len(found) > limit else None


def read_report(
    database: Database, organisation: str, digest: bytes, logs: Logs
) -> tuple[bytes, list[bytes]]:
    """
    Return the receipt of an organisation's report, and its lines; b"" for one that was not taken.

    NotFound for what that organisation has not sent.
    """
    with database.pool.connection() as connection:
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
