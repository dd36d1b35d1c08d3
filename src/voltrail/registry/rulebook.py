"""The rules that count here: those of the regimes, with the terms and years that somebody set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.regimes import RULES, Rules
from voltrail.regimes.configured import Setting, SetYear, with_settings
from voltrail.regimes.deadlines import Year
from voltrail.registry.following import LOCK

FRESH_S: Final = 5.0  # so soon other servers count with what was set
MAX_SETTINGS: Final = 200  # in force, of one organisation

_COLUMNS: Final = "rule, value, words, unit, valid_from, source, valid_to, article, enforced"
# Settings are added and taken back, never changed.
_VERSION: Final = """
select concat_ws(' ', (select concat_ws(' ', max(id), count(ended_at)) from configured_rule),
    (select max(set_at) from configured_year))
"""
_RESTART: Final = "truncate duty, duty_count; update duty_upto set upto = 0"


class Set(msgspec.Struct, frozen=True):
    """A setting on record: its number, what it says, of whom, by whom, when, and when it was taken back."""

    id: int
    setting: Setting
    organisation: str
    set_by: str
    set_at: Any
    ended_at: Any


class Book(msgspec.Struct, frozen=True):
    """The rules that count for everybody, and those of each organisation that set something for itself."""

    common: Rules
    own: dict[str, Rules]
    version: str | None = None

    def rules_of(self, organisation: str) -> Rules:
        """Return the rules with what an organisation set for itself."""
        return self.own.get(organisation, self.common)

    def every(self) -> list[Rules]:
        """Return all rules that count for somebody."""
        return [self.common, *self.own.values()]


class Rulebook:
    """
    The rules of one database; threads and servers may share it.

    What an authority sets counts for all within seconds, for reports from then on; what was taken before is
    not judged again. Duties that stand open are computed anew.
    """

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        self._database, self._authorities = database, authorities
        self._book, self._read_at = Book(RULES, {}), float("-inf")

    def rules(self, connection: Connection | None = None) -> Rules:
        """Return the rules that count for everybody."""
        return self._fresh(connection).common

    def rules_of(self, organisation: str) -> Rules:
        """Return the rules with what an organisation set for itself."""
        return self._fresh(None).rules_of(organisation)

    def _fresh(self, connection: Connection | None) -> Book:
        if time.monotonic() - self._read_at <= FRESH_S:
            return self._book
        if connection is not None:
            return self.read(connection)
        with self._database.pool.connection() as one:
            return self.read(one)

    def read(self, connection: Connection) -> Book:
        """Return the rules as they are set now, however lately they were read."""
        self._book = read_book(connection, self._authorities, self._book)
        self._read_at = time.monotonic()
        return self._book

    def configure(
        self, organisation: str, login: str, settings: Sequence[Setting], years: Sequence[SetYear]
    ) -> int:
        """
        Set terms and years, all of them or, where one cannot be, none; return how many.

        Raises UsageError. Years are for authorities.
        """
        own = organisation not in self._authorities
        for setting in settings:
            setting.check(RULES, own=own)
        for year in years:
            if own:
                raise UsageError(
                    "rule.year_authority",
                    "The working days of a year are set by an authority.",
                    "Leave them out.",
                )
            year.check()
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 15))", (organisation,))
            (number,) = connection.execute(
                "select count(*) from configured_rule where organisation = %s and ended_at is null",
                (organisation,),
            ).fetchone() or (0,)
            if number + len(settings) > MAX_SETTINGS:
                raise UsageError(
                    "rule.too_many", f"More than {MAX_SETTINGS} would be set.", "Take some back first."
                )
            for one in settings:
                connection.execute(
                    f"insert into configured_rule (organisation, set_by, {_COLUMNS})"  # noqa: S608
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    (organisation, login, *_row(one)),
                )
            for year in years:
                connection.execute(
                    "insert into configured_year values (%s, %s, %s, %s, %s) on conflict (year) do update"
                    " set days_off = excluded.days_off, days_worked = excluded.days_worked,"
                    " source = excluded.source, set_by = excluded.set_by, set_at = now()",
                    (year.year, list(year.off), list(year.work), year.source, login),
                )
            self._restart(connection, {one.rule for one in settings}, years=bool(years), own=own)
        self._read_at = float("-inf")
        return len(settings) + len(years)

    def end(self, organisation: str, number: int) -> str:
        """Take a setting back; return its rule. Raises NotFound for one that is not set, or another's."""
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "update configured_rule set ended_at = now()"
                " where id = %s and organisation = %s and ended_at is null returning rule",
                (number, organisation),
            ).fetchone()
            if row is None:
                raise NotFound(
                    "rule.not_set",
                    "There is nothing such to take back.",
                    "The rule's page lists what you set.",
                )
            self._restart(connection, {row[0]}, own=organisation not in self._authorities)
        self._read_at = float("-inf")
        return str(row[0])

    def settings(self, organisation: str | None, rule: str | None = None) -> list[Set]:
        """Return what authorities set, and what an organisation did for itself, the newest first."""
        query = (
            f"select id, organisation, set_by, set_at, ended_at, {_COLUMNS} from configured_rule"  # noqa: S608
            " where (organisation = any(%s) or organisation = %s) and (%s::text is null or rule = %s)"
            " order by id desc limit 500"
        )
        values = (sorted(self._authorities), organisation or "", rule, rule)
        with self._database.pool.connection() as connection:
            return [
                Set(number, _setting(row), whose, by, at, ended)
                for number, whose, by, at, ended, *row in connection.execute(query, values)
            ]

    def years(self) -> dict[int, str]:
        """Return the years of which an authority set the working days, and who says so."""
        with self._database.pool.connection() as connection:
            found = connection.execute("select year, source from configured_year order by year")
            return dict(found.fetchall())

    @staticmethod
    def _restart(connection: Connection, rules: set[str], *, own: bool, years: bool = False) -> None:
        """Have the duties computed anew where what was set concerns some that are kept."""
        kept = {one.id for one in RULES.all if one.met_by}
        if own or years or rules & kept:
            connection.execute(
                "select pg_advisory_xact_lock(%s)", (LOCK,)
            )  # else a step goes on from its end
            connection.execute(_RESTART)


def read_book(connection: Connection, authorities: frozenset[str], known: Book | None = None) -> Book:
    """Return the rules as they are set in a database; the `known` ones, if nothing was set since."""
    (version,) = connection.execute(_VERSION).fetchone() or (None,)
    if known is not None and known.version == version:
        return known
    found = connection.execute(
        f"select organisation, {_COLUMNS} from configured_rule where ended_at is null order by id"  # noqa: S608
    ).fetchall()
    years = {
        year: Year(tuple(off), tuple(work))
        for year, off, work in connection.execute("select year, days_off, days_worked from configured_year")
    }
    settings = [(organisation, _setting(row)) for organisation, *row in found]
    own: dict[str, list[Setting]] = {}
    for organisation, one in settings:
        if organisation not in authorities:
            own.setdefault(organisation, []).append(one)
    common = with_settings(RULES, [one for whose, one in settings if whose in authorities], years)
    return Book(common, {name: with_settings(common, mine) for name, mine in own.items()}, version)


def _setting(row: Sequence[Any]) -> Setting:
    rule, value, words, unit, valid_from, source, valid_to, article, enforced = row
    return Setting(
        rule=rule,
        value=value if words is None else tuple(words),
        unit=unit,
        valid_from=valid_from,
        source=source,
        valid_to=valid_to,
        article=article,
        enforced=enforced,
    )


def _row(one: Setting) -> tuple[Any, ...]:
    term, words = (None, list(one.value)) if isinstance(one.value, tuple) else (one.value, None)
    return (
        one.rule, term, words, one.unit, one.valid_from, one.source, one.valid_to, one.article, one.enforced,
    )  # fmt: skip
