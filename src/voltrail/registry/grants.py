"""
Grants: what an organisation lets another see of named batteries, for a purpose, until a day.

Not in the log, but in tables of their own: a permission is no fact about a battery. Whoever gives cannot
give more than it has, and when it no longer has it, nor has the other. Each look under a grant is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from voltrail.codes import parse
from voltrail.database.database import Connection, Database
from voltrail.errors import AccessError, NotFound, UnknownOrganisation, UsageError
from voltrail.organisations.identifiers import check_organisation
from voltrail.registry.sights import GRANTED, Sights, Sinces
from voltrail.registry.snapshot import Snapshot

MAX_CODES: Final = 200
MAX_DAYS: Final = 366
MAX_GRANTS: Final = 500  # in force, of one giver
PAGE: Final = 100
_LISTED: Final = """
select id, giver, grantee, audience, purpose,
    array(select code from access_grant_code where grant_id = id order by code),
    given_at, until, ended_at, ended_at is null and until > now() from access_grant
where {column} = %(of)s order by id desc
"""
_USES: Final = """
select u.grant_id, g.grantee, u.login, u.code, u.day, u.at from access_use u
join access_grant g on g.id = u.grant_id where g.giver = %(of)s order by u.at desc
"""


class Grant(msgspec.Struct, frozen=True):
    """A grant, as giver and grantee are shown it."""

    id: int
    giver: str
    grantee: str
    audience: str
    purpose: str
    codes: list[str]
    given_at: datetime
    until: datetime
    ended_at: datetime | None
    in_force: bool


class Use(msgspec.Struct, frozen=True):
    """That somebody looked at a battery under a grant on a day; `at` is the first time."""

    grant: int
    grantee: str
    login: str
    code: str
    day: date
    at: datetime


class Grants:
    """The grants of one database; threads and servers may share it."""

    def __init__(self, database: Database, authorities: frozenset[str], sinces: Sinces) -> None:
        self._database, self._authorities, self._sinces = database, authorities, sinces

    def give(
        self,
        giver: str,
        grantee: str,
        audience: str,
        purpose: str,
        codes: Sequence[str],
        days: int,
        login: str,
    ) -> int:
        """
        Let an organisation see batteries as an audience, for some days; return the number of the grant.

        Raises AccessError (`grant.not_yours`) for what the giver does not have itself, UnknownOrganisation,
        CodeError, IdentityError, UsageError.
        """
        named = _checked(giver, check_organisation(grantee), audience, purpose, codes, days)
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", (giver,))
            self._check_right(connection, giver, grantee, audience, named)
            (number,) = connection.execute(
                "insert into access_grant (giver, grantee, audience, purpose, given_by, until)"
                " values (%s, %s, %s, %s, %s, now() + %s) returning id",
                (giver, grantee, audience, purpose.strip(), login, timedelta(days=days)),
            ).fetchone() or (0,)
            connection.execute(
                "insert into access_grant_code (code, grant_id) select unnest(%s::text[]), %s",
                (named, number),
            )
        return int(number)

    def _check_right(
        self, connection: Connection, giver: str, grantee: str, audience: str, codes: list[str]
    ) -> None:
        sights = Sights(connection, self._authorities, self._sinces)
        if not sights.is_registered(grantee):
            raise UnknownOrganisation(
                "organisation.unknown",
                f"The record does not know an organisation {grantee}.",
                "Only organisations on record can be granted something.",
            )
        (count,) = connection.execute(
            "select count(*) from access_grant where giver = %s and ended_at is null and until > now()",
            (giver,),
        ).fetchone() or (0,)
        if count >= MAX_GRANTS:
            raise UsageError("grant.many", f"{count} grants of yours are in force.", "End one first.")
        for code in codes:
            if audience not in sights.may_give(code, giver):
                raise AccessError(
                    "grant.not_yours",
                    f"You cannot let anybody see {code} as {audience}: you do not yourself.",
                    "Name batteries that you hold, own or answer for now, and no more than you are.",
                )

    def end(self, giver: str, number: int) -> None:
        """End a grant at once; NotFound for one that is another's."""
        with self._database.pool.connection() as connection:
            ended = connection.execute(
                "update access_grant set ended_at = coalesce(ended_at, now()) where id = %s and giver = %s",
                (number, giver),
            )
        if not ended.rowcount:
            raise NotFound("grant.unknown", "You have given no such grant.", "Yours are listed at /grants.")

    def given(self, giver: str) -> list[Grant]:
        """Return the last grants that an organisation gave, the last first."""
        return self._list("giver", giver)

    def received(self, grantee: str) -> list[Grant]:
        """Return the last grants that an organisation was given, the last first."""
        return self._list("grantee", grantee)

    def _list(self, column: str, organisation: str) -> list[Grant]:
        query = _LISTED.format(column=column) + " limit %(limit)s"
        with self._database.pool.connection() as connection:
            rows = connection.execute(query, {"of": organisation, "limit": PAGE}).fetchall()
        return [Grant(*row) for row in rows]

    def uses(self, giver: str) -> list[Use]:
        """Return the last looks under the grants of an organisation, the last first."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(_USES + " limit %(limit)s", {"of": giver, "limit": PAGE}).fetchall()
        return [Use(*row) for row in rows]


def all_grants(snapshot: Snapshot, organisation: str, *, given: bool) -> Iterator[list[Grant]]:
    """Yield all grants that an organisation gave, or was given, the last first."""
    query = _LISTED.format(column="giver" if given else "grantee")
    for run in snapshot.rows(query, {"of": organisation}):
        yield [Grant(*row) for row in run]


def all_uses(snapshot: Snapshot, giver: str) -> Iterator[list[Use]]:
    """Yield all looks under the grants of an organisation, the last first."""
    for run in snapshot.rows(_USES, {"of": giver}):
        yield [Use(*row) for row in run]


def _checked(
    giver: str, grantee: str, audience: str, purpose: str, codes: Sequence[str], days: int
) -> list[str]:
    """Return the codes of a grant, none twice. Raises UsageError, CodeError."""
    if grantee == giver:
        raise UsageError("grant.self", "You would grant it to yourself.", "Name another organisation.")
    if audience not in GRANTED:
        raise UsageError(
            "grant.audience",
            f"Nothing is granted as {audience[:40]!r}.",
            f"Use {', '.join(sorted(GRANTED))}.",
        )
    if not purpose.strip() or len(purpose) > 300 or not purpose.strip().isprintable():
        raise UsageError("grant.purpose", "A grant needs a purpose of up to 300 characters.", "Say what for.")
    if not 1 <= days <= MAX_DAYS:
        raise UsageError("grant.days", f"A grant lasts 1 to {MAX_DAYS} days.", "Choose in between.")
    if not 1 <= len(codes) <= MAX_CODES:
        raise UsageError(
            "grant.codes", f"A grant names 1 to {MAX_CODES} batteries.", "Give several grants for more."
        )
    return sorted({parse(code).text for code in codes})
