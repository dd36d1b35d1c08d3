"""
Duties that stand open or were met late: what the rules say of the record, brought up behind the log.

As workspaces are, it is a copy that follows from the record: `follow` goes over the entries since the last
time, computes the duties of the subjects that they touched from their chains, and puts them in place of those
that were there. Done twice or by any steps it gives the same. What its own report met leaves no row: where
that was late, it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.events.table import KINDS
from voltrail.lifecycle import Battery, Recorded, effective_events
from voltrail.lifecycle.fold import stages
from voltrail.organisations.trust import has_role
from voltrail.regimes import Duty, Rule, Rules, Step, duties
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.duties import bearer
from voltrail.registry import rows
from voltrail.registry.chains import read_chains
from voltrail.registry.outbox import write_messages
from voltrail.registry.rulebook import Rulebook
from voltrail.registry.world import World

FOLLOWED_AT_ONCE: Final = 20_000  # entries, of which few open or meet anything
MAX_PAGE: Final = 1_000
REMINDED: Final = timedelta(days=3)  # before a date passes

_LOCK: Final = 0x566F6C78  # beside those of migrations, accounts, applications and workspaces
_TOUCHED: Final = """
select distinct name from event, unnest(subjects) name where seq >= %s and seq < %s and kind = any(%s)
"""
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
_COLUMNS: Final = "subject, rule, organisation, opened, since, due_on, met, met_ms"
_TALLY: Final = """
insert into duty_count
    select organisation, rule, due_on, {sign} count(*) from duty where subject = any(%s) and met is null
    group by 1, 2, 3
on conflict (organisation, rule, due_on) do update set open = duty_count.open + excluded.open
"""


Which = Literal["overdue", "due", "late"]
_WHICH: Final[dict[Which | None, str]] = {
    None: "met is null",
    "overdue": "met is null and due_on < %(today)s",
    "due": "met is null and due_on >= %(today)s",
    "late": "met is not null and (to_timestamp(met_ms / 1000.0) at time zone 'Asia/Shanghai')::date > due_on",
}


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


class Duties:
    """The duties of one database; threads and servers may share it."""

    def __init__(self, database: Database, rulebook: Rulebook, authorities: frozenset[str]) -> None:
        self._database, self._rulebook, self._authorities = database, rulebook, authorities

    def follow(self, most: int = FOLLOWED_AT_ONCE) -> int:
        """Bring up the duties that up to so many further entries touch; return how many entries are left."""
        with self._database.pool.connection() as connection:
            upto, size = _reach(connection)
            if upto >= size:
                return 0
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
                upto, size = _reach(connection)
                stop = min(size, upto + most)
                self._bring_up(connection, upto, stop)
                connection.execute("update duty_upto set upto = %s", (stop,))
        return size - stop

    def _bring_up(self, connection: Connection, start: int, stop: int) -> None:
        kinds = kinds_that_count(self._rulebook.every(connection))
        touched = [
            name
            for (name,) in connection.execute(_TOUCHED, (start, stop, sorted(kinds)))
            if _bears(name, kinds)
        ]
        if not touched:
            return
        found = list(self._found(connection, touched))
        connection.execute(_TALLY.format(sign="-"), (touched,))
        connection.execute("delete from duty where subject = any(%s)", (touched,))
        with connection.cursor().copy(f"copy duty ({_COLUMNS}) from stdin") as target:
            for subject, one in found:
                target.write_row(
                    (
                        subject,
                        one.rule,
                        one.organisation,
                        one.opened,
                        one.since,
                        one.due_on,
                        one.met,
                        one.met_ms,
                    )
                )
        connection.execute(_TALLY.format(sign="+"), (touched,))

    def _found(self, connection: Connection, subjects: Sequence[str]) -> Iterator[tuple[str, Duty]]:
        """Yield the duties of subjects that are to be kept."""
        world = World(connection, self._authorities)

        def has(organisation: str, roles: tuple[str, ...], when: datetime) -> bool:
            known = world.organisation(organisation)
            return known is not None and has_role(known, roles, when)

        for subject, chain in read_chains(connection, world, subjects):
            steps = steps_of(subject, chain)
            for one in duties(subject, steps, self._rulebook.rules_of, has):
                if self._is_kept(one):
                    yield subject, one

    def _is_kept(self, duty: Duty) -> bool:
        """
        Return whether a duty is kept: it stands open, or another event met it.

        Of one that its own report met late a finding tells; but not where somebody set the term for himself.
        """
        if duty.met != duty.opened:
            return True
        rule = self.rule(duty)
        return is_own(rule) and duty.standing(date.max) == "met late"

    def rule(self, duty: Duty) -> Rule:
        """Return the rule of a duty, as it was in force for who owes it."""
        day = duty.since.astimezone(CHINA).date()
        return self._rulebook.rules_of(duty.organisation).named(duty.rule, day)

    def counts(self, today: date, organisation: str | None = None) -> list[Count]:
        """Return how many duties stand open, by organisation and rule, the most overdue first."""
        query = (
            "select organisation, rule, coalesce(sum(open) filter (where due_on >= %(today)s), 0)::bigint,"
            " coalesce(sum(open) filter (where due_on < %(today)s), 0)::bigint, min(due_on) from duty_count"
            " where open > 0 and (%(organisation)s::text is null or organisation = %(organisation)s)"
            " group by 1, 2 order by 4 desc, 3 desc, 1, 2"
        )
        with self._database.pool.connection() as connection:
            found = connection.execute(query, {"today": today, "organisation": organisation})
            return [Count(*row) for row in found]

    def remind(self, today: date) -> int:
        """
        Tell the webhooks that want it of what is due within three days, each day and rule once.

        Return how many messages that makes. Whoever subscribes later is not told of what was told before.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            upto, _ = _reach(connection)
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
        day, subject = _place(after)
        conditions = [_WHICH[which], "(due_on, subject) > (%(day)s, %(subject)s)"]
        if organisation is not None:
            conditions.append("organisation = %(organisation)s")
        if rule is not None:
            conditions.append("rule = %(rule)s")
        query = (
            f"select {_COLUMNS} from duty where {' and '.join(conditions)}"  # noqa: S608 - our own words
            " order by due_on, subject limit %(limit)s"
        )
        values = {
            "day": day,
            "subject": subject,
            "organisation": organisation,
            "rule": rule,
            "today": today,
            "limit": min(limit, MAX_PAGE) + 1,
        }
        with self._database.pool.connection() as connection:
            found = [Standing(row[0], Duty(*row[1:])) for row in connection.execute(query, values)]
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], f"{last.duty.due_on}/{last.subject}"


def kinds_that_count(every: Iterable[Rules]) -> frozenset[str]:
    """Return the kinds of event that may open or meet a duty that is kept, corrections among them."""
    found = {"corrected"}
    for rules in every:
        for rule in rules.all:
            if rule.about == "deadline" and rule.value is not None and (rule.met_by or is_own(rule)):
                found |= {*rule.kinds, *rule.met_by}
    return frozenset(found & set(KINDS))


def is_own(rule: Rule) -> bool:
    """Return whether somebody set a term without enforcing it: then its list is all there is of it."""
    return rule.confidence == "configured" and not rule.enforced


def steps_of(subject: str, chain: Sequence[Recorded]) -> Iterator[Step]:
    """Yield a subject's events that count, with the phase of a battery before each."""
    if not subject.startswith("battery:"):
        for one in effective_events(chain, subject):
            yield Step(one.index, one.event, one.reporter, one.received_ms)
        return
    phase = None
    for one, state in stages(subject, chain):
        yield Step(one.index, one.event, one.reporter, one.received_ms, phase)
        phase = state.phase if isinstance(state, Battery) else None


def _bears(subject: str, kinds: frozenset[str]) -> bool:
    """Return whether duties of these kinds may belong to a subject."""
    return subject.partition(":")[0] in {bearer(kind) for kind in kinds - {"corrected"}}


def _reach(connection: Connection) -> tuple[int, int]:
    """Return up to where the record was followed, and how many entries it has."""
    upto, size = rows.one(connection, "select upto, (select base + size from log) from duty_upto")
    return upto, size or 0


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


def _place(after: str | None) -> tuple[date, str]:
    """Return where a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return date.min, ""
    day, _, subject = after.partition("/")
    if "\0" not in after:
        with suppress(ValueError):
            return date.fromisoformat(day), subject
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
