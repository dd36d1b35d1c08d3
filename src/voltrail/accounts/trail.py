"""The audit trail: who did what, when, from where. It is only ever added to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from voltrail.database.database import Connection
from voltrail.registry.snapshot import Snapshot

PAGE: Final = 50
TERMINAL: Final = "terminal"
_DEEDS: Final = "select id, at, action, login, organisation, address, detail from audit_trail"


class Actor(msgspec.Struct, frozen=True):
    """Who does something: an account, or whoever has the terminal, and from which address."""

    account: int | None = None
    login: str | None = None
    organisation: str | None = None
    address: str = TERMINAL


class Deed(msgspec.Struct, frozen=True):
    """One row of the trail."""

    id: int
    at: datetime
    action: str
    login: str | None
    organisation: str | None
    address: str | None
    detail: str | None


def note(connection: Connection, action: str, actor: Actor, detail: str | None = None) -> None:
    """Add a row to the trail."""
    connection.execute(
        "insert into audit_trail (action, account, login, organisation, address, detail)"
        " values (%s, %s, %s, %s, %s, %s)",
        (action, actor.account, actor.login, actor.organisation, actor.address, detail),
    )


def all_deeds(snapshot: Snapshot) -> Iterator[list[Deed]]:
    """Yield the whole trail, the last first."""
    for run in snapshot.rows(f"{_DEEDS} order by id desc"):
        yield [Deed(*row) for row in run]


def read_trail(connection: Connection, before: int | None = None) -> tuple[list[Deed], int | None]:
    """Return a page of the trail, the last first, and the `before` of the next page."""
    rows = connection.execute(
        f"{_DEEDS} where %(before)s::bigint is null or id < %(before)s order by id desc limit %(limit)s",
        {"before": before, "limit": PAGE + 1},
    ).fetchall()
    deeds = [Deed(*row) for row in rows[:PAGE]]
    return deeds, deeds[-1].id if len(rows) > PAGE else None
