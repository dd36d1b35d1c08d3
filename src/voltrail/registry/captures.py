"""Capture jobs of EPCIS: what became of each document that an organisation sent."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Database
from voltrail.errors import NotFound

MAX_ERRORS: Final = 1_000  # kept of one job
MAX_JOBS: Final = 1_000  # kept of one organisation: the last
_COLUMNS: Final = "id, created_at, finished_at, behaviour, success, events, taken, report, errors"


class Capture(msgspec.Struct, frozen=True):
    """One job: its errors are problems as EPCIS 2.0 has them; `report` is the digest of what was taken."""

    id: str
    created_at: datetime
    finished_at: datetime | None
    behaviour: str
    success: bool
    events: int
    taken: int
    report: str | None
    errors: list[dict[str, Any]]


def begin(database: Database, organisation: str, behaviour: str, events: int) -> str:
    """Note a job that begins, and return its id; the oldest of an organisation's go."""
    identifier = secrets.token_hex(16)
    with database.pool.connection() as connection:
        connection.execute(
            "insert into epcis_capture (id, organisation, behaviour, events) values (%s, %s, %s, %s)",
            (identifier, organisation, behaviour, events),
        )
        connection.execute(
            "delete from epcis_capture where id in (select id from epcis_capture where organisation = %s"
            " order by created_at desc, id desc offset %s)",
            (organisation, MAX_JOBS),
        )
    return identifier


def finish(
    database: Database,
    identifier: str,
    taken: int,
    report: str | None,
    errors: Sequence[dict[str, Any]],
) -> None:
    """Note how a job ended; of more errors than can be kept the first are."""
    with database.pool.connection() as connection:
        connection.execute(
            "update epcis_capture set finished_at = now(), success = %s, taken = %s, report = %s, errors = %s"
            " where id = %s",
            (
                not errors,
                taken,
                None if report is None else bytes.fromhex(report),
                msgspec.json.encode(errors[:MAX_ERRORS]),
                identifier,
            ),
        )


def read(database: Database, organisation: str, identifier: str) -> Capture:
    """Return a job of an organisation. Raises NotFound."""
    query = f"select {_COLUMNS} from epcis_capture where organisation = %s and id = %s"  # noqa: S608
    with database.pool.connection() as connection:
        row = connection.execute(query, (organisation, identifier)).fetchone()
    if row is None:
        raise NotFound(
            "epcis.capture_unknown",
            "Your organisation has no such capture job; the last 1,000 are kept.",
            "GET /epcis/capture lists them.",
        )
    return _read(*row)


def listed(database: Database, organisation: str, limit: int, before: str | None) -> list[Capture]:
    """Return the jobs of an organisation, the last first, behind one of them."""
    query = (
        f"select {_COLUMNS} from epcis_capture where organisation = %(organisation)s"  # noqa: S608
        " and (%(before)s::text is null or (created_at, id) < (select created_at, id from epcis_capture"
        " where organisation = %(organisation)s and id = %(before)s))"
        " order by created_at desc, id desc limit %(limit)s"
    )
    values = {"organisation": organisation, "before": before, "limit": limit}
    with database.pool.connection() as connection:
        return [_read(*row) for row in connection.execute(query, values).fetchall()]


def _read(
    identifier: str,
    created_at: datetime,
    finished_at: datetime | None,
    behaviour: str,
    success: bool,
    events: int,
    taken: int,
    report: bytes | None,
    errors: bytes,
) -> Capture:
    found = msgspec.json.decode(bytes(errors), type=list[dict[str, Any]])
    digest = None if report is None else bytes(report).hex()
    return Capture(identifier, created_at, finished_at, behaviour, success, events, taken, digest, found)
