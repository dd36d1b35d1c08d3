"""
What is missing, organisation by organisation: it follows from the record (`following.py`), and is weighed.

What was done is counted entry by entry; what stands open of the batteries that entries touch is put in place
of what stood. `weigh` says who is under suspicion, when there is something new or another day: pages read
what it found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.lifecycle import Battery
from voltrail.lifecycle.missing import (
    Case,
    Sighting,
    asks_entries,
    asks_life,
    cases_of,
    day_of,
    deeds_of,
    late_case,
)
from voltrail.regimes import RULES, Rules
from voltrail.regimes.missing import (
    KINDS,
    MONTHS,
    TERMS,
    Suspicion,
    Tally,
    Term,
    months,
    opened_by,
    suspicions,
)
from voltrail.registry import rows
from voltrail.registry.following import (
    LOCK,
    Copy,
    Entry,
    Key,
    Known,
    Row,
    Step,
    Sums,
    Table,
    Then,
    difference,
)
from voltrail.registry.world import World

MAX_PAGE: Final = 1_000
MAX_TERM_DAYS: Final = 3_650
MAX_SIGHTINGS: Final = 5_000  # of one file
MAX_WORDS: Final = 500

TABLE: Final = Table(
    "missing_case",
    {
        "code": "text",
        "kind": "text",
        "seq": "int8",
        "other": "text",
        "organisation": "text",
        "at": "date",
    },
    key=4,
    by="code",
)
SUMS: Final = Sums(
    "missing_count",
    {"kind": "text", "organisation": "text", "other": "text", "month": "date"},
    ("cases", "done"),
)
OPEN: Final = " and kind <> 'late'"  # follows from how a battery stands
LATE: Final = " and kind = 'late'"  # from an entry, and stays
_SIDES: Final = {"own": "organisation", "sender": "organisation", "receiver": "other"}


class Chosen(msgspec.Struct, frozen=True):
    """A term as it is used: ours, or with whoever chose it, why and when."""

    term: Term
    why: str | None = None
    chosen_at: datetime | None = None
    chosen_by: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """Which cases a list is of: of a kind, of one organisation on its side, from a day to a day."""

    kind: str
    organisation: str | None = None
    side: str = "own"
    since: date | None = None
    until: date | None = None

    def check(self) -> None:
        """Raise UsageError for what no case can be."""
        for name, value, known in (("kind", self.kind, KINDS), ("side", self.side, tuple(_SIDES))):
            if value not in known:
                raise UsageError(
                    "usage.choice", f"There is no {name} {value[:40]!r}.", f"Use one of {', '.join(known)}."
                )
        if "\0" in (self.organisation or ""):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")


class Missing(Copy):
    """What is missing by the record of one database; threads and servers may share it."""

    upto = "missing_upto"

    def __init__(self, database: Database, authorities: frozenset[str], rules: Rules = RULES) -> None:
        super().__init__(database, authorities)
        self._rules = rules

    # ------------------------------------------------------------- following

    def bring_up(self, step: Step) -> None:
        """Count what was done by a step, and put what stands open of the batteries it touches in place."""
        late = [row for one in step.entries if (row := late_of(one)) is not None]
        done = done_by(step.entries, step.known, self._rules)
        self._put(step.connection, step.known, step.touched, late, done)

    def _put(
        self,
        connection: Connection,
        known: Known,
        codes: Sequence[str],
        late: Sequence[Row],
        done: Counter[Key],
    ) -> None:
        """Put what stands open of batteries in place of what stood, what was late added; count both."""
        open_ = open_of(connection, known, codes, self._rules)
        gone, new = TABLE.put(connection, codes, open_, OPEN)
        further = TABLE.put(connection, [row[0] for row in late], late, LATE, keep=True)[1]
        SUMS.add(connection, difference(gone, {*new, *further}, count_key), done)

    # -------------------------------------------------------------- weighing

    def weigh(self, today: date | None = None, *, anyway: bool = False) -> bool:
        """
        Say who is under suspicion by a day, today in China if none; return whether it had to be done.

        `anyway` does it although neither the record nor the day has changed.
        """
        today = today or day_of(datetime.now(UTC))
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            upto, weighed, on = rows.one(connection, "select upto, weighed, weighed_on from missing_upto")
            if upto == weighed and on == today and not anyway:
                return False
            found = self._weighed(connection, today)
            connection.execute("delete from suspicion")
            with connection.cursor().copy(
                "copy suspicion (kind, organisation, side, cases, done, others, silent_since) from stdin"
            ) as target:
                for one in found:
                    target.write_row(msgspec.structs.astuple(one))
            connection.execute("update missing_upto set weighed = upto, weighed_on = %s", (today,))
        return True

    def _weighed(self, connection: Connection, today: date) -> list[Suspicion]:
        record, terms = World(connection, self._authorities), _terms(connection)
        days = terms["not_received"].term.term_days

        @cache
        def last(organisation: str) -> date | None:
            row = connection.execute(
                "select received_ms from event where report = (select id from report"
                " where organisation = %s order by id desc limit 1) limit 1",
                (organisation,),
            ).fetchone()
            return None if row is None else day_of(datetime.fromtimestamp(row[0] / 1000, UTC))

        def silent_since(organisation: str) -> date | None:
            day = last(organisation)
            if day is None:
                return date.min
            return day if (today - day).days > days else None

        return suspicions(
            _tallies(connection, terms, today),
            {kind: one.term for kind, one in terms.items()},
            is_known=lambda name: record.organisation(name) is not None,
            silent_since=silent_since,
        )

    def suspicions(self, organisation: str | None = None) -> tuple[list[Suspicion], date | None]:
        """Return who was under suspicion when it was weighed last, most cases first, and by which day."""
        with self._database.pool.connection() as connection:
            (on,) = rows.one(connection, "select weighed_on from missing_upto")
            found = connection.execute(
                "select kind, organisation, side, cases, done, others, silent_since from suspicion"
                " where %(organisation)s::text is null or organisation = %(organisation)s"
                " order by cases desc, kind, organisation",
                {"organisation": organisation},
            ).fetchall()
        return [Suspicion(*row) for row in found], on

    # --------------------------------------------------------------- reading

    def counts(self, today: date) -> dict[str, int]:
        """Return how many cases of each kind are open on a day."""
        counted = {}
        with self._database.pool.connection() as connection:
            for kind, one in _terms(connection).items():
                end = opened_by(one.term, today)
                row = connection.execute(
                    "select coalesce((select sum(cases) from missing_count"
                    " where kind = %(kind)s and cases > 0 and month < %(month)s), 0)::bigint"
                    " + (select count(*) from missing_case"
                    " where kind = %(kind)s and at >= %(month)s and at <= %(end)s)",
                    {"kind": kind, "month": end.replace(day=1), "end": end},
                ).fetchone()
                counted[kind] = int(row[0]) if row else 0
        return counted

    def page(
        self, wanted: Wanted, today: date, after: str | None = None, limit: int = 50
    ) -> tuple[list[Case], str | None]:
        """Return open cases, the oldest first, and the `after` of the next page or None."""
        wanted.check()
        day, code, seq = _place(after)
        with self._database.pool.connection() as connection:
            until = opened_by(_terms(connection)[wanted.kind].term, today)
            conditions = [
                "kind = %(kind)s",
                "at <= %(until)s",
                "(at, code, seq) > (%(day)s, %(code)s, %(seq)s)",
            ]
            if wanted.kind == "not_received" and wanted.side == "receiver":
                conditions[0] = "kind = 'not_received'"  # so that the index for receivers is taken
            if wanted.organisation:
                conditions.append(f"{_SIDES[wanted.side]} = %(organisation)s")
            if wanted.since:
                conditions.append("at >= %(since)s")
            found = connection.execute(
                f"select kind, code, organisation, other, at, seq from missing_case"  # noqa: S608 - our words
                f" where {' and '.join(conditions)} order by at, code, seq limit %(limit)s",
                {
                    "kind": wanted.kind,
                    "organisation": wanted.organisation,
                    "since": wanted.since,
                    "until": min(until, wanted.until or until),
                    "day": day,
                    "code": code,
                    "seq": seq,
                    "limit": min(limit, MAX_PAGE) + 1,
                },
            ).fetchall()
        cases = [Case(*row) for row in found[:limit]]
        last = cases[-1] if len(found) > limit else None
        return cases, None if last is None else f"{last.at}/{last.code}/{last.index}"

    def all(self, wanted: Wanted, today: date) -> Iterator[list[Case]]:
        """Yield all open cases that are wanted, in runs: what is in memory is one run."""
        after: str | None = None
        while True:
            found, after = self.page(wanted, today, after, MAX_PAGE)
            yield found
            if after is None:
                return

    # ----------------------------------------------------------------- terms

    def terms(self) -> dict[str, Chosen]:
        """Return the terms as they are used, by kind."""
        with self._database.pool.connection() as connection:
            return _terms(connection)

    def choose(self, term: Term, why: str, by: str) -> None:
        """Use another term from now on. Raises UsageError for one that is none, or without a reason."""
        ours = TERMS.get(term.kind)
        if ours is None:
            raise UsageError(
                "usage.choice", f"There is no kind {term.kind[:40]!r}.", f"Use one of {', '.join(TERMS)}."
            )
        if not 0 <= term.term_days <= MAX_TERM_DAYS:
            raise UsageError("missing.term", "A term is from 0 to 3,650 days.", "Write a number of days.")
        if (term.tolerance is None) != (ours.tolerance is None) or not 0 < (term.tolerance or 0.5) < 1:
            raise UsageError(
                "missing.tolerance",
                "A share is more than 0 % and less than 100 %.",
                "Write a number of percent.",
            )
        if not why.strip() or len(why) > MAX_WORDS or "\0" in why:
            raise UsageError(
                "missing.why", "A term that was chosen needs its reason, of up to 500 characters.",
                "Write on what it stands: a decision, its date and number.",
            )  # fmt: skip
        with self._database.pool.connection() as connection:
            connection.execute(
                "insert into missing_term (kind, term_days, tolerance, why, chosen_by)"
                " values (%s, %s, %s, %s, %s) on conflict (kind) do update"
                " set term_days = excluded.term_days, tolerance = excluded.tolerance, why = excluded.why,"
                " chosen_by = excluded.chosen_by, chosen_at = now()",
                (term.kind, term.term_days, term.tolerance, why.strip(), by),
            )

    # ------------------------------------------------------------- sightings

    def take_sightings(self, sightings: Sequence[Sighting], by: str) -> int:
        """Take what others saw, and hold it against the record; return how many were new."""
        if len(sightings) > MAX_SIGHTINGS:
            raise UsageError(
                "missing.sightings",
                f"These are more than {MAX_SIGHTINGS:,} sightings.",
                "Send them in several files.",
            )
        new = 0
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            for one in sightings:
                new += connection.execute(
                    "insert into sighting (code, vin, seen_at, source, taken_by) values (%s, %s, %s, %s, %s)"
                    " on conflict do nothing",
                    (one.code, one.vin, one.seen_at, one.source, by),
                ).rowcount
            codes = sorted({one.code for one in sightings})
            known = Known(connection, self._authorities)
            known.load("battery:" + code for code in codes)
            self._put(connection, known, codes, (), Counter())
        return new

    def sightings(self, code: str) -> list[Sighting]:
        """Return what others saw of a battery, the newest first."""
        with self._database.pool.connection() as connection:
            return _sightings(connection, [code]).get(code, [])


def done_by(entries: Iterable[Entry], known: Known, rules: Rules = RULES) -> Counter[Key]:
    """Return what entries add to what was done, by kind, organisation, other side and month."""
    done: Counter[Key] = Counter()
    for one in entries:
        recorded = one.recorded
        reporter = known.organisation_at(recorded.reporter, recorded.index)
        for deed in deeds_of(recorded, one.findings, reporter, rules):
            month = day_of(recorded.event.occurred_at).replace(day=1)
            done[deed.kind, deed.organisation, deed.other, month] += deed.number
    return done


def open_of(
    connection: Connection, known: Known, codes: Sequence[str], rules: Rules = RULES
) -> Iterator[Row]:
    """Yield what stands open of batteries, as rows; but for what was late."""
    seen = _sightings(connection, codes)
    states = [known.state("battery:" + code) for code in codes]
    found = [state for state in states if isinstance(state, Battery)]
    _read_for(known, found, seen)
    for battery in found:
        then = Then(known, known.slot("battery:" + battery.code).last)
        cases = map(_row, cases_of(battery, then, rules, seen.get(battery.code, ())))
        yield from {row[: TABLE.key]: row for row in cases}.values()


def late_of(entry: Entry) -> Row | None:
    """Return that an entry was reported late, as a row; None where it was not."""
    case = late_case(entry.recorded, entry.findings)
    return None if case is None else _row(case)


def count_key(row: Row) -> Key:
    """
    Return where a case is counted: by its other side only where that is an organisation that may be the
    one.
    """
    _, kind, _, other, organisation, at = row
    return (kind, organisation, other if kind == "not_received" else "", at.replace(day=1))


def _row(case: Case) -> Row:
    return (case.code, case.kind, case.index, case.other, case.organisation, case.at)


def _read_for(known: Known, batteries: Sequence[Battery], seen: Collection[str]) -> None:
    """Read at once what the cases of batteries are found in: vehicles, and chains where they are needed."""
    claims = [claim for battery in batteries for claim in battery.claims]
    vehicles = {f"vehicle:{one.vin}" for one in claims if one.place == "in_vehicle" and one.vin}
    known.load({*vehicles, *(f"organisation:{one.to}" for one in claims if one.to)})
    scrapped = [name for name in vehicles if getattr(known.state(name), "scrapped_at", None) is not None]
    known.read_entries(index for one in batteries for index in asks_entries(one))
    lives = ["battery:" + one.code for one in batteries if asks_life(one) or one.code in seen]
    known.read_chains([*scrapped, *lives])


def _terms(connection: Connection) -> dict[str, Chosen]:
    found: dict[str, Chosen] = {kind: Chosen(term) for kind, term in TERMS.items()}
    query = "select kind, term_days, tolerance, why, chosen_at, chosen_by from missing_term"
    for kind, days, tolerance, why, at, by in connection.execute(query):
        if kind in found:
            found[kind] = Chosen(Term(kind, days, tolerance), why, at, by)
    return found


def _tallies(connection: Connection, terms: dict[str, Chosen], today: date) -> Iterator[Tally]:
    """Yield what is weighed: by month where two organisations stand against each other, else in sum."""
    for kind, one in terms.items():
        if one.term.tolerance is None:
            continue
        first, last = months(one.term, today)
        by_month = kind == "not_received"
        query = (
            "select kind, organisation, other, month, cases, done from missing_count"
            " where kind = %s and month between %s and %s"
            if by_month
            else "select kind, organisation, '', min(month), sum(cases)::bigint, sum(done)::bigint"
            " from missing_count where kind = %s and month between %s and %s"
            " group by 1, 2 having sum(cases) > 0"
        )
        for row in connection.execute(query, (kind, first, last)):
            yield Tally(*row)


def _sightings(connection: Connection, codes: Iterable[str]) -> dict[str, list[Sighting]]:
    found: dict[str, list[Sighting]] = {}
    query = (
        "select code, vin, seen_at, source from sighting where code = any(%s)"
        " order by code, seen_at desc limit 10000"
    )
    for row in connection.execute(query, (list(codes),)):
        found.setdefault(row[0], []).append(Sighting(*row))
    return found


def _place(after: str | None) -> tuple[date, str, int]:
    """Return where a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return date.min, "", -2
    day, _, rest = after.partition("/")
    code, _, seq = rest.rpartition("/")
    if "\0" not in after:
        with suppress(ValueError):
            number = int(seq)
            if -2 <= number < 1 << 62:
                return date.fromisoformat(day), code, number
    raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")


def window(term: Term, today: date) -> tuple[date, date]:
    """Return the first and the last day of what is weighed by a day."""
    first, last = months(term, today)
    end = (last + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first, min(end, opened_by(term, today))


__all__ = ["MONTHS", "Case", "Chosen", "Missing", "Sighting", "Wanted", "window"]
