"""
Duties that stand open or were met late: what the rules say of the record.

They follow from it (`following.py`), from the chains of the subjects that entries of certain kinds touch.
Which roles an organisation has is asked as of the entry that opens a duty. What its own report met leaves no
row: where that was late, it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail import regimes
from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.events.table import KINDS
from voltrail.lifecycle import Battery, Recorded, effective_events
from voltrail.lifecycle.fold import stages
from voltrail.organisations.trust import has_role
from voltrail.regimes import RULES, Duty, Rule, Rules, duties
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.duties import HasRole, bearer
from voltrail.registry import rows
from voltrail.registry.following import LOCK, Copy, Key, Known, Row, Step, Sums, Table, difference
from voltrail.registry.outbox import write_messages
from voltrail.registry.rulebook import Book, Rulebook

MAX_PAGE: Final = 1_000
REMINDED: Final = timedelta(days=3)  # before a date passes

_REMINDED: Final = """
with told as (
    insert into duty_reminded
    select organisation, rule, due_on from duty_count
    where open > 0 and due_on between %(today)s and %(until)s and organisation in (
        select organisation from webhook where state in ('active', 'paused') and 'duty.due' = any(types)
    )
    on conflict do nothing returning organisation, rule, due_on
)
select w.id, rule, due_on, open from told join duty_count using (organisation, rule, due_on)
join webhook w using (organisation)
where w.state in ('active', 'paused') and 'duty.due' = any(w.types) order by due_on, rule, w.id
"""
TABLE: Final = Table(
    "duty",
    {
        **dict.fromkeys(("subject", "rule", "organisation"), "text"),
        "opened": "int8",
        "since": "timestamptz",
        "due_on": "date",
        "met": "int8",
        "met_ms": "int8",
    },
    key=4,
    by="subject",
)
SUMS: Final = Sums("duty_count", {"organisation": "text", "rule": "text", "due_on": "date"}, ("open",))
_COLUMNS: Final = ", ".join(TABLE.columns)

DEADLINES: Final = sorted({one.id for one in RULES.all if one.about == "deadline"})
Which = Literal["overdue", "due", "late"]
_WHICH: Final[dict[Which | None, str]] = {
    None: "met is null",
    "overdue": "met is null and due_on < %(today)s",
    "due": "met is null and due_on >= %(today)s",
    # The day in China on which it was received, in words that an index can be by.
    "late": "due_on < date '1970-01-01' + ((met_ms + 28800000) / 86400000)::integer",
}


_COUNTS: Final = """
select organisation, rule, coalesce(sum(open) filter (where due_on >= %(today)s), 0)::bigint,
    coalesce(sum(open) filter (where due_on < %(today)s), 0)::bigint, min(due_on)
from duty_count where open > 0 and {whose} group by 1, 2 order by 4 desc, 3 desc, 1, 2
"""


class Standing(msgspec.Struct, frozen=True):
    """One duty of one subject, as a list shows it."""

    subject: str
    duty: Duty


class Count(msgspec.Struct, frozen=True):
    """How many duties of one organisation under one rule stand open: `due` and `overdue` by a day."""

    organisation: str
    rule: str
    due: int
    overdue: int
    first_due_on: date


class Duties(Copy):
    """The duties of one database; threads and servers may share it."""

    upto = "duty_upto"

    def __init__(self, database: Database, rulebook: Rulebook, authorities: frozenset[str]) -> None:
        super().__init__(database, authorities)
        self._rulebook = rulebook

    def kinds(self, connection: Connection) -> frozenset[str]:
        """Return the kinds of event that may open or meet a duty that is kept."""
        return kinds_that_count(self._rulebook.read(connection).every())

    def bring_up(self, step: Step) -> None:
        """Put the duties of the subjects that a step touches in place of those that stood."""
        book = self._rulebook.read(step.connection)  # under the lock, so that none is of terms of before
        kinds = kinds_that_count(book.every())
        entries = (one for one in step.entries if one.recorded.event.kind in kinds)
        touched = sorted(bearing({name for one in entries for name in one.subjects}, kinds))
        if touched:
            gone, new = TABLE.put(step.connection, touched, duties_of(step.known, touched, book))
            SUMS.add(step.connection, difference(gone, new, open_key))

    def rule(self, duty: Duty) -> Rule:
        """Return the rule of a duty, as it was in force for who owes it."""
        return _rule_of(duty, self._rulebook.rules_of(duty.organisation))

    def counts(self, today: date, organisation: str | None = None) -> list[Count]:
        """Return how many duties stand open, by organisation and rule, the most overdue first."""
        query = _COUNTS.format(whose="true" if organisation is None else "organisation = %(organisation)s")
        with self._database.pool.connection() as connection:
            found = connection.execute(query, {"today": today, "organisation": organisation})
            return [Count(*row) for row in found]

    def remind(self, today: date) -> int:
        """
        Tell the webhooks that want it of what is due within three days, each day and rule once.

        Return how many messages that makes. Whoever subscribes later is not told of what was told before.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            (upto,) = rows.one(connection, "select upto from duty_upto")
            due = connection.execute(_REMINDED, {"today": today, "until": today + REMINDED}).fetchall()
            told = [(webhook, _reminder(rule, day, number, upto)) for webhook, rule, day, number in due]
            write_messages(connection, told, upto)
        return len(told)

    def days(self, organisation: str, since: date) -> list[tuple[str, date, int]]:
        """Return an organisation's open duties from a day on, as a calendar shows them."""
        query = (
            "select rule, due_on, open from duty_count"
            " where organisation = %s and due_on >= %s and open > 0 order by due_on, rule"
        )
        with self._database.pool.connection() as connection:
            return connection.execute(query, (organisation, since)).fetchall()

    def places(self, indices: Sequence[int]) -> dict[int, str]:
        """Return for entries of the log the first battery that each names, by which its page is found."""
        query = (
            "select seq, (select substr(name, 9) from unnest(subjects) name where name like 'battery:%%'"
            " limit 1)"
            " from event where seq = any(%s)"
        )
        with self._database.pool.connection() as connection:
            found = connection.execute(query, (list(indices),))
            return {index: code for index, code in found if code is not None}

    def page(
        self,
        today: date,
        organisation: str | None = None,
        *,
        which: Which | None = None,
        rule: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Standing], str | None]:
        """
        Return duties, the first due first, and the `after` of the next page or None.

        Without an organisation those of all. `which`: alone those overdue, those due, or those that were met
        late; otherwise all that stand open.
        """
        day, subject, under, opened = _place(after)
        conditions = [
            _WHICH[which],
            "rule = named",
            "(due_on, subject) >= (%(day)s, %(subject)s)",
            "(due_on, subject, rule, opened) > (%(day)s, %(subject)s, %(under)s, %(opened)s)",
        ]
        if organisation is not None:
            conditions.append("organisation = %(organisation)s")
        query = (
            f"select {_COLUMNS} from unnest(%(rules)s::text[]) named cross join lateral ("  # noqa: S608 - ours
            f" select * from duty where {' and '.join(conditions)}"
            " order by due_on, subject, opened limit %(limit)s"
            ") one order by due_on, subject, rule, opened limit %(limit)s"
        )
        values = {
            "day": day,
            "subject": subject,
            "under": under,
            "opened": opened,
            "organisation": organisation,
            "rules": DEADLINES if rule is None else [rule],
            "today": today,
            "limit": min(limit, MAX_PAGE) + 1,
        }
        with self._database.pool.connection() as connection:
            found = [Standing(row[0], Duty(*row[1:])) for row in connection.execute(query, values)]
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        place = (last.duty.due_on, last.duty.opened, last.duty.rule, last.subject)
        return found[:limit], "/".join(map(str, place))


def kinds_that_count(every: Iterable[Rules]) -> frozenset[str]:
    """Return the kinds of event that may open or meet a duty that is kept, corrections among them."""
    found = {"corrected"}
    for rules in every:
        for rule in rules.all:
            if rule.about == "deadline" and rule.value is not None and (rule.met_by or is_own(rule)):
                found |= {*rule.kinds, *rule.met_by}
                if rule.phases:  # what came late may have been of another phase all along
                    found |= set(KINDS)
    return frozenset(found & set(KINDS))


def bearing(subjects: Iterable[str], kinds: frozenset[str]) -> Iterator[str]:
    """Yield those subjects that may bear the duties of some kinds of event."""
    bearers = {bearer(kind) for kind in kinds if kind != "corrected"}
    return (name for name in subjects if name.partition(":")[0] in bearers)


def duties_of(known: Known, subjects: Sequence[str], book: Book) -> Iterator[Row]:
    """Yield the duties of subjects that are to be kept, as rows."""
    known.read_chains(subjects)
    has = roles_in(known)
    for subject in subjects:
        chain = {one.index: one for one, _ in known.chain(subject)}
        steps = steps_of(subject, known.with_corrected(chain))
        for one in duties(subject, steps, book.rules_of, has):
            if _is_kept(one, book.rules_of(one.organisation)):
                yield (subject, *msgspec.structs.astuple(one))


def roles_in(known: Known) -> HasRole:
    """Return whether who reported a step had one of some roles, by what the record said when it came."""

    def has(step: regimes.Step, roles: tuple[str, ...]) -> bool:
        reporter = known.organisation_at(step.reporter, step.index)
        return reporter is not None and has_role(reporter, roles, step.event.occurred_at)

    return has


def open_key(row: Row) -> Key | None:
    """Return where a duty is counted while it stands open."""
    _, rule, organisation, _, _, due_on, met, _ = row
    return (organisation, rule, due_on) if met is None else None


def _is_kept(duty: Duty, rules: Rules) -> bool:
    """
    Return whether a duty is kept: it stands open, or another event met it.

    Of one that its own report met late a finding tells; but not where somebody set the term for himself.
    """
    if duty.met != duty.opened:
        return True
    return is_own(_rule_of(duty, rules)) and duty.standing(date.max) == "met late"


def _rule_of(duty: Duty, rules: Rules) -> Rule:
    return rules.named(duty.rule, duty.since.astimezone(CHINA).date())


def is_own(rule: Rule) -> bool:
    """Return whether somebody set a term without enforcing it: then its list is all there is of it."""
    return rule.confidence == "configured" and not rule.enforced


def steps_of(subject: str, chain: Sequence[Recorded]) -> Iterator[regimes.Step]:
    """Yield a subject's events that count, with the phase of a battery before each."""
    if not subject.startswith("battery:"):
        for one in effective_events(chain, subject):
            yield regimes.Step(one.index, one.event, one.reporter, one.received_ms)
        return
    phase = None
    for one, state in stages(subject, chain):
        yield regimes.Step(one.index, one.event, one.reporter, one.received_ms, phase)
        phase = state.phase if isinstance(state, Battery) else None


def _reminder(rule: str, due_on: date, number: int, upto: int) -> dict[str, Any]:
    """Return a message of what is due on a day; its id is that of the same message, sent again."""
    return {
        "type": "duty.due",
        "id": f"duty.due.{rule}.{due_on}",
        "at": datetime.combine(due_on, time(), CHINA).isoformat(),
        "index": upto,
        "kind": None,
        "code": None,
        "rule": rule,
        "number": number,
        "url": f"/duties?rule={rule}",
    }


def _place(after: str | None) -> tuple[date, str, str, int]:
    """Return after which duty a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return date.min, "", "", -1
    if "\0" not in after:
        with suppress(ValueError):
            day, opened, rule, subject = after.split("/", 3)  # a model's name may hold slashes
            if 0 <= (index := int(opened)) < 2**63:
                return date.fromisoformat(day), subject, rule, index
    raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")


def told(standing: Standing, rule: Rule, today: date) -> dict[str, Any]:
    """Return a duty for programs, with what its rule says."""
    duty = standing.duty
    return {
        "subject": standing.subject,
        "organisation": duty.organisation,
        "rule": rule.id,
        "duty": rule.duty,
        "standing": duty.standing(today),
        "due_on": duty.due_on.isoformat(),
        "since": duty.since.isoformat(),
        "opened": duty.opened,
        "term": rule.value,
        "unit": rule.unit,
        "trigger": {"kinds": list(rule.kinds), "member": rule.trigger},
        "article": rule.article,
        "source": rule.source,
        "confidence": rule.confidence,
        "enforced": rule.enforced,
    }
