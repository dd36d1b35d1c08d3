"""
The outbox to the national platform: whether an organisation hands over, how, and what became of each event.

An event that meets a duty is an item under its rule, once; a correction of it is another, which takes its
place. Which events these are says `submissions.py`; in which batches they go, `batches.py`; how they get
there, by an adapter or by hand, `connections/platform.py`.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.rulebook import Rulebook
from voltrail.registry.sent import first_received
from voltrail.registry.submissions import TURNING, kinds_submitted, submissions
from voltrail.registry.webhooks import BOTH_HOLD, is_address

FILES: Final = "files"
"""The adapter that is a clerk: files are taken from the page, and what the platform said is typed in."""
HTTP: Final = "http"
FOLLOWED_AT_ONCE: Final = 5_000  # entries

State = Literal["waiting", "sent", "accepted", "refused", "superseded"]
STATES: Final = ("waiting", "sent", "accepted", "refused")

_LOCK: Final = 0x566F6C7B  # beside those of the others that follow the log
_OUTBOX: Final = "organisation, adapter, url, state, since, upto, former_until, made_by, made_at"
_TOUCHED: Final = """
select distinct name from event e join report r on r.id = e.report, unnest(e.subjects) name
where e.seq >= %(start)s and e.seq < %(stop)s and (e.kind = 'corrected' or e.kind = any(%(turning)s)
    or (e.kind = any(%(kinds)s) and r.organisation = any(%(organisations)s)))
"""
_KNOWN: Final = """
select distinct on (organisation, rule, root) organisation, rule, root, entry, void from platform_item
where organisation = any(%s) and root = any(%s) order by organisation, rule, root, entry desc
"""
_ADD: Final = """
insert into platform_item (organisation, rule, entry, root, void, state)
select *, 'waiting' from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::boolean[])
on conflict do nothing returning organisation, rule, root, entry
"""
# What has a correction that is not sent yet needs no sending itself.
_SUPERSEDE: Final = """
update platform_item i set state = 'superseded', reason = null
from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) n (organisation, rule, root, entry)
where (i.organisation, i.rule, i.root) = (n.organisation, n.rule, n.root) and i.entry < n.entry
    and i.state = %s returning i.organisation, i.rule
"""
_ITEMS: Final = """
select i.id, i.rule, i.entry, i.root, i.void, i.state, i.batch, i.corrects, i.receipt, i.reason, i.decided_at,
    e.kind, e.occurred_at, e.subjects
from platform_item i join event e on e.seq = i.root
"""


class Outbox(msgspec.Struct, frozen=True):
    """
    How an organisation hands over: by which adapter, and whether it does.

    Entries from `since` on may become items, those below `upto` have been looked at.
    """

    organisation: str
    adapter: str
    url: str | None
    state: Literal["on", "off"]
    since: int
    upto: int
    former_until: datetime | None
    made_by: str
    made_at: datetime


class Count(msgspec.Struct, frozen=True):
    """How many items of one rule stand how."""

    rule: str
    waiting: int
    sent: int
    accepted: int
    refused: int


class Item(msgspec.Struct, frozen=True):
    """One item; `kind`, `occurred_at` and `subjects` are those of the event as it was first reported."""

    id: int
    rule: str
    entry: int
    root: int
    void: bool
    state: State
    batch: int | None
    corrects: str | None
    receipt: str | None
    reason: str | None
    decided_at: datetime | None
    kind: str
    occurred_at: datetime
    subjects: list[str]

    @property
    def code(self) -> str | None:
        """The first battery that it is about; None where it is about none."""
        found = (one.removeprefix("battery:") for one in self.subjects if one.startswith("battery:"))
        return next(found, None)

    @property
    def about(self) -> str:
        """The name of what it is about in the first place."""
        return self.subjects[0].partition(":")[2]


class Platform:
    """The outboxes of one database; threads and servers may share it."""

    def __init__(
        self, database: Database, rulebook: Rulebook, authorities: frozenset[str], host_secret: bytes
    ) -> None:
        self._database, self._rulebook, self._authorities = database, rulebook, authorities
        self._host_secret = host_secret

    # ---------------------------------------------------------------- for people

    def outbox(self, organisation: str) -> Outbox | None:
        """Return the outbox of an organisation; None where it was never switched on."""
        query = f"select {_OUTBOX} from platform_outbox where organisation = %s"  # noqa: S608 - our words
        with self._database.pool.connection() as connection:
            row = connection.execute(query, (organisation,)).fetchone()
        return None if row is None else Outbox(*row)

    def switch_on(
        self, organisation: str, login: str, adapter: str, url: str | None = None, since: date | None = None
    ) -> bytes | None:
        """
        Hand over from now on, or what was taken in from a day on; return the key, where one was made.

        One that was on before goes on where it stopped. With a later day, of what lies between only
        corrections of what was handed over become items; with an earlier one, the past does. None does twice.
        """
        url = (url or "").strip() or None
        if adapter == HTTP and not is_address(url or ""):
            raise UsageError(
                "platform.url",
                "This is no address that can be asked.",
                "Give it as https://HOST/PATH, in up to 500 characters, without name, password and #.",
            )
        if adapter != HTTP and url is not None:
            raise UsageError(
                "platform.no_url",
                f"{adapter[:40]} has no address.",
                "Leave the address empty, or choose http.",
            )
        salt = secrets.token_bytes(32)
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))  # no entry is followed meanwhile
            start = None
            if since is not None:
                midnight = datetime.combine(since, time(), CHINA)
                start = first_received(connection, int(midnight.timestamp() * 1000))
            row = connection.execute(
                "select salt from platform_outbox where organisation = %s", (organisation,)
            ).fetchone()
            made = adapter == HTTP and (row is None or row[0] is None)
            connection.execute(
                "insert into platform_outbox (organisation, adapter, url, salt, state, since, upto, made_by)"
                " select %(organisation)s, %(adapter)s, %(url)s, %(salt)s, 'on', coalesce(%(start)s, size),"
                " coalesce(%(start)s, size), %(login)s from (select base + size as size from log) log"
                " on conflict (organisation) do update set adapter = excluded.adapter, url = excluded.url,"
                " state = 'on', salt = coalesce(platform_outbox.salt, excluded.salt),"
                " since = coalesce(%(start)s, platform_outbox.since),"
                " upto = least(%(start)s, platform_outbox.upto),"
                " made_by = excluded.made_by, made_at = now()",
                {
                    "organisation": organisation,
                    "adapter": adapter,
                    "url": url,
                    "salt": salt if made else None,
                    "start": start,
                    "login": login,
                },
            )
        return self.key(salt) if made else None

    def switch_off(self, organisation: str, login: str) -> None:
        """Neither look for items nor send any; what is under way may be answered by hand."""
        self._change(organisation, "state = 'off', made_by = %(login)s, made_at = now()", login=login)

    def rotate(self, organisation: str) -> bytes:
        """Return a new key; for a day the one before signs as well. Raises UsageError where none is used."""
        salt = secrets.token_bytes(32)
        one = self.outbox(organisation)
        if one is None or one.adapter != HTTP:
            raise UsageError("platform.no_secret", "Only http has a secret.", "Choose http first.")
        self._change(
            organisation,
            "former_salt = salt, former_until = now() + %(day)s, salt = %(salt)s",
            day=BOTH_HOLD,
            salt=salt,
        )
        return self.key(salt)

    def _change(self, organisation: str, change: str, **values: Any) -> None:
        query = f"update platform_outbox set {change} where organisation = %(organisation)s"  # noqa: S608
        with self._database.pool.connection() as connection:
            if not connection.execute(query, values | {"organisation": organisation}).rowcount:
                raise NotFound(
                    "platform.none",
                    "Your organisation hands nothing over.",
                    "Switch it on at /workspace/platform.",
                )

    def counts(self, organisation: str) -> list[Count]:
        """Return how many items of each rule stand how."""
        query = (
            "select rule, waiting, sent, accepted, refused from platform_count"
            " where organisation = %s and waiting + sent + accepted + refused > 0 order by rule"
        )
        with self._database.pool.connection() as connection:
            return [Count(*row) for row in connection.execute(query, (organisation,))]

    def behind(self, organisation: str) -> int:
        """Return how many entries of the log an outbox that is on has still to look at."""
        query = "select base + size - upto from platform_outbox, log where organisation = %s and state = 'on'"
        with self._database.pool.connection() as connection:
            (left,) = connection.execute(query, (organisation,)).fetchone() or (0,)
        return int(left)

    def items(
        self,
        organisation: str,
        limit: int,
        *,
        state: State | None = None,
        rule: str | None = None,
        batch: int | None = None,
        after: int = 0,
    ) -> tuple[list[Item], int | None]:
        """Return items in the order in which they came, and the `after` of the next page or None."""
        conditions = ["i.organisation = %(organisation)s", "i.id > %(after)s"]
        conditions += ["i.state = %(state)s"] if state is not None else []
        conditions += ["i.rule = %(rule)s"] if rule is not None else []
        conditions += ["i.batch = %(batch)s"] if batch is not None else []
        query = f"{_ITEMS} where {' and '.join(conditions)} order by i.id limit %(limit)s"
        values = {
            "organisation": organisation,
            "after": after,
            "state": state,
            "rule": rule,
            "batch": batch,
            "limit": limit + 1,
        }
        with self._database.pool.connection() as connection:
            found = [Item(*row) for row in connection.execute(query, values)]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    # ---------------------------------------------------------------- following the log

    def follow(self, most: int = FOLLOWED_AT_ONCE) -> int:
        """
        Make items of what up to so many further entries changed; return how many entries are left.

        Outboxes that have come equally far are brought on together; one that was just switched on for days
        that are past comes after them until it has caught up.
        """
        with self._database.pool.connection() as connection:
            if not _behind(connection):
                return 0
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
                row = _behind(connection)
                if row is None:
                    return 0
                start, following, size = row
                stop = min(start + most, size, following or size)
                since: dict[str, int] = dict(
                    connection.execute(
                        "select organisation, since from platform_outbox where state = 'on' and upto = %s",
                        (start,),
                    ).fetchall()
                )
                self._bring_up(connection, since, start, stop)
                connection.execute(
                    "update platform_outbox set upto = %s where state = 'on' and upto = %s", (stop, start)
                )
        return int(size - stop)

    def _bring_up(self, connection: Connection, since: Mapping[str, int], start: int, stop: int) -> None:
        kinds = kinds_submitted(
            rule for rules in self._rulebook.read(connection).every() for rule in rules.all
        )
        asked = {
            "start": start,
            "stop": stop,
            "turning": list(TURNING),
            "kinds": sorted(kinds),
            "organisations": sorted(since),
        }
        touched = [name for (name,) in connection.execute(_TOUCHED, asked)]
        found = submissions(connection, self._authorities, self._rulebook, touched)
        # What counts by an entry that is not followed yet waits for its turn: items are in the log's order.
        met = {
            (one.organisation, one.rule.id, one.root): one.entry
            for one in found.met
            if one.organisation in since and one.rule.to == "platform"
        }
        roots = {root for _, _, root in met} | found.corrected.keys()
        known = {
            (organisation, rule, root): (entry, void)
            for organisation, rule, root, entry, void in connection.execute(
                _KNOWN, (sorted(since), sorted(roots))
            )
        }
        added = [
            (*key, entry, False)
            for key, entry in met.items()
            if entry < stop and (known[key][0] < entry if key in known else key[2] >= since[key[0]])
        ]
        for key, (entry, void) in known.items():
            last = found.corrected.get(key[2], -1)
            if key not in met and not void and entry < last < stop:
                added.append((*key, last, True))
        _add(connection, sorted(added, key=lambda one: (one[3], one[1])))

    def key(self, salt: bytes) -> bytes:
        """Return the key that signs, of what is kept of it."""
        return hmac.digest(self._host_secret, b"voltrail.platform" + salt, "sha256")


def _behind(connection: Connection) -> tuple[int, int | None, int] | None:
    """Return how far the last outbox has come, how far the next one, and how many entries there are."""
    row: tuple[int, int | None, int] | None = connection.execute(
        "select upto, lead(upto) over (order by upto), base + size"
        " from (select distinct upto from platform_outbox where state = 'on') o, log order by upto limit 1"
    ).fetchone()
    return row if row is not None and row[0] < row[2] else None


def _add(connection: Connection, added: Sequence[tuple[str, str, int, int, bool]]) -> None:
    """Write items (organisation, rule, root, entry, void), each in place of what waits or was refused."""
    if not added:
        return
    for organisation, rule in sorted({one[:2] for one in added}):
        lock_count(connection, organisation, rule)
    organisations, rules, roots, entries, voids = (list(column) for column in zip(*added, strict=True))
    new = connection.execute(_ADD, (organisations, rules, entries, roots, voids)).fetchall()
    changes = Counter((organisation, rule, "waiting") for organisation, rule, *_ in new)
    named = [list(column) for column in zip(*new, strict=True)] or [[], [], [], []]
    for state in ("waiting", "refused"):
        for organisation, rule in connection.execute(_SUPERSEDE, (*named, state)):
            changes[organisation, rule, state] -= 1
    tally(connection, changes)


def lock_count(connection: Connection, organisation: str, rule: str) -> None:
    """Lock how many items of a rule stand how, before any of them is changed."""
    connection.execute(
        "insert into platform_count (organisation, rule) values (%s, %s) on conflict do nothing",
        (organisation, rule),
    )
    connection.execute(
        "select from platform_count where organisation = %s and rule = %s for update", (organisation, rule)
    )


def tally(connection: Connection, changes: Mapping[tuple[str, str, str], int]) -> None:
    """Add to counts, by organisation, rule and state; their rows are locked."""
    for (organisation, rule, state), number in changes.items():
        if number:
            connection.execute(
                f"update platform_count set {state} = {state} + %s where organisation = %s and rule = %s",  # noqa: S608
                (number, organisation, rule),
            )
