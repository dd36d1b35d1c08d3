"""What is granted now towards one battery, and that somebody looked."""

from __future__ import annotations

import msgspec

from voltrail.database.database import Connection


class InForce(msgspec.Struct, frozen=True):
    """A grant that may open a battery now."""

    id: int
    giver: str
    audience: str


def in_force(connection: Connection, code: str, grantee: str) -> list[InForce]:
    """Return the grants to an organisation that name a battery and have not ended."""
    rows = connection.execute(
        "select g.id, g.giver, g.audience from access_grant_code c join access_grant g on g.id = c.grant_id"
        " where c.code = %s and g.grantee = %s and g.ended_at is null and g.until > now() order by g.id",
        (code, grantee),
    ).fetchall()
    return [InForce(*row) for row in rows]


def note_use(connection: Connection, grant: int, code: str, login: str) -> None:
    """Note that somebody looked at a battery under a grant: once a day is enough."""
    connection.execute(
        "insert into access_use (grant_id, code, login) values (%s, %s, %s) on conflict do nothing",
        (grant, code, login),
    )
