"""The batteries that an account follows, and up to where in the log it has looked at each."""

from __future__ import annotations

from typing import Final

from voltrail.database.database import Database
from voltrail.errors import UsageError

MAX_FOLLOWED: Final = 50  # so that a page can tell the news of all of them


class Followed:
    """Who follows which batteries; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: int, code: str, seen: int) -> None:
        """Follow a battery, from an entry of the log on. Raises UsageError for too many."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select from account where id = %s for update", (account,))
            (count,) = connection.execute(
                "select count(*) from followed where account = %s and code <> %s", (account, code)
            ).fetchone() or (0,)
            if count >= MAX_FOLLOWED:
                raise UsageError(
                    "followed.many", f"You follow {count} batteries already.", "End one of them first."
                )
            connection.execute(
                "insert into followed (account, code, seen) values (%s, %s, %s) on conflict do nothing",
                (account, code, seen),
            )

    def end(self, account: int, code: str) -> None:
        """Follow a battery no more."""
        with self._database.pool.connection() as connection:
            connection.execute("delete from followed where account = %s and code = %s", (account, code))

    def look(self, account: int, seen: int) -> None:
        """Note that an account has looked at all it follows, up to an entry."""
        with self._database.pool.connection() as connection:
            connection.execute(
                "update followed set seen = greatest(seen, %s) where account = %s", (seen, account)
            )

    def of(self, account: int) -> dict[str, int]:
        """Return the batteries an account follows, each with the first entry it has not looked at."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select code, seen from followed where account = %s order by code", (account,)
            ).fetchall()
        return dict(rows)

    def has(self, account: int, code: str) -> bool:
        """Return whether an account follows a battery."""
        query = "select from followed where account = %s and code = %s"
        with self._database.pool.connection() as connection:
            return connection.execute(query, (account, code)).fetchone() is not None
