"""
The outlook's figures with those that users added: file by file, all of a file or nothing, and taken back.

A figure is never changed. What is wrong is taken back with its whole file, which stays on the books with
who added it and who took it back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec
from psycopg.rows import class_row

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound
from voltrail.outlook.book import COLUMNS, Book, Row, book, numbered
from voltrail.outlook.checks import check

FILES_SHOWN: Final = 200
_LOCK: Final = 0x4F75746C  # "Outl"
_NAME_MOST: Final = 200
_COUNTING: Final = (
    "from outlook_figure join outlook_file on id = file where taken_back_at is null order by file, place"
)
_FILES: Final = (
    "select id, name, added_by, added_at, taken_back_by, taken_back_at, warnings,"
    " (select count(*) from outlook_figure where file = f.id) figures from outlook_file f"
)


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """A file of figures that was added; `warnings` are what somebody should look at."""

    id: int
    name: str
    figures: int
    warnings: list[str]
    added_by: str
    added_at: datetime
    taken_back_by: str | None = None
    taken_back_at: datetime | None = None


class OutlookFigures:
    """The figures of one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(self) -> Book:
        """Return what Voltrail brings along and what users added."""
        with self._database.pool.connection() as connection:
            added = _rows(connection)
        return book().with_rows(added) if added else book()

    def add(self, text: str, name: str, by: str) -> Addition:
        """
        Take a user's CSV, all of it; the same file again is the same addition.

        Raises UsageError that names the line at fault and what to do; then nothing of it is taken.
        """
        given = numbered(text)
        digest = sha256(text.encode()).digest()
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            again = connection.execute(
                "select id from outlook_file where digest = %s and taken_back_at is null", (digest,)
            ).fetchone()
            if again is not None:
                return _addition(connection, again[0])
            standing = book().with_rows(_rows(connection))
            checked = check(given, standing, until=f"{datetime.now(UTC):%Y-%m}")
            added: int = connection.execute(
                "insert into outlook_file (name, digest, warnings, added_by) values (%s, %s, %s, %s)"
                " returning id",
                (name[:_NAME_MOST] or "figures.csv", digest, checked.warnings, by),
            ).fetchall()[0][0]
            with connection.cursor().copy(
                f"copy outlook_figure (file, place, {', '.join(COLUMNS)}) from stdin"
            ) as target:
                for place, row in enumerate(checked.rows, 1):
                    target.write_row((added, place, *(getattr(row, each) for each in COLUMNS)))
            return _addition(connection, added)

    def take_back(self, addition: int, by: str) -> Addition:
        """Let the figures of a file count for nothing from now on. Raises NotFound where it is not there."""
        with self._database.pool.connection() as connection, connection.transaction():
            taken = connection.execute(
                "update outlook_file set taken_back_by = %s, taken_back_at = now()"
                " where id = %s and taken_back_at is null returning id",
                (by, addition),
            ).fetchone()
            if taken is None:
                raise NotFound(
                    "outlook.addition",
                    f"There is no file {addition} whose figures count.",
                    "See the list of files; one that was taken back stays so.",
                )
            return _addition(connection, addition)

    def files(self) -> list[Addition]:
        """Return the files that were added, the last first."""
        with (
            self._database.pool.connection() as connection,
            connection.cursor(row_factory=class_row(Addition)) as cursor,
        ):
            return cursor.execute(f"{_FILES} order by id desc limit %s", (FILES_SHOWN,)).fetchall()


def _rows(connection: Connection) -> list[Row]:
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(f"select {', '.join(COLUMNS)} {_COUNTING}").fetchall()


def _addition(connection: Connection, addition: int) -> Addition:
    with connection.cursor(row_factory=class_row(Addition)) as cursor:
        return cursor.execute(f"{_FILES} where id = %s", (addition,)).fetchall()[0]
