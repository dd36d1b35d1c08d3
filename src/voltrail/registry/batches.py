"""
Batches on their way to the national platform: made of what waits, sent or handed over by hand, answered.

A batch has items of one rule, and one of a rule is under way at a time: so what corrects comes after what it
corrects. It has a key and never changes; whoever sends it again, after whatever stop, sends the same bytes
under the same key. What is in it goes nowhere else until the platform has decided it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.registry.logs import Logs
from voltrail.registry.platform import FILES, Outbox, Platform, lock_count, tally
from voltrail.registry.submissions import counted_line
from voltrail.registry.views import iso_ms

FORMAT: Final = "voltrail-platform-batch/1"
ITEMS_AT_ONCE: Final = 100  # in one request
ITEMS_BY_HAND: Final = 5_000  # in one file
LEASE_S: Final = 60
MAX_RECEIPT: Final = 200
MAX_REASON: Final = 500
MAX_SAID: Final = 500

_BATCH: Final = (
    "id, key, rule, adapter, url, items, state, made_at, done_at, answered_by, attempts, failing_since, said,"
    " not_before, claimed_until > now()"
)
_DECIDED: Final = """
(select count(*) filter (where i.state = 'accepted'), count(*) filter (where i.state = 'refused')
 from platform_item i where i.batch = b.id)
"""
_CLAIM: Final = """
update platform_batch set claimed_until = now() + %(lease)s, attempts = attempts + 1 where id = (
    select b.id from platform_batch b join platform_outbox o using (organisation)
    where b.state = 'open' and o.state = 'on' and b.adapter = o.adapter and b.url is not distinct from o.url
        and b.adapter = any(%(adapters)s) and b.not_before <= now()
        and (b.claimed_until is null or b.claimed_until < now())
    order by b.not_before limit 1 for update of b skip locked)
returning id
"""
_QUEUED: Final = """
select c.organisation, c.rule, o.adapter, o.url
from platform_count c join platform_outbox o using (organisation)
where c.waiting > 0 and o.state = 'on' and o.adapter = any(%s) and not exists (
    select from platform_batch b
    where b.organisation = c.organisation and b.rule = c.rule and b.state = 'open')
limit 1 for update of c skip locked
"""
_WAITING: Final = """
select id, root, void from platform_item
where organisation = %s and rule = %s and state = 'waiting' order by id limit %s
"""
# What the platform holds of an event: the last that it accepted.
_HELD: Final = """
select distinct on (root) root, case when void then null else receipt end from platform_item
where organisation = %s and rule = %s and root = any(%s) and state = 'accepted' order by root, entry desc
"""
_BEGIN: Final = """
insert into platform_batch (key, organisation, rule, adapter, url, items, claimed_until, attempts)
values (%(key)s, %(organisation)s, %(rule)s, %(adapter)s, %(url)s, %(items)s, now() + %(lease)s, %(attempts)s)
on conflict do nothing returning id
"""
_SEND: Final = """
update platform_item i set state = 'sent', batch = %s, corrects = n.corrects, reason = null
from unnest(%s::bigint[], %s::text[]) n (id, corrects) where i.id = n.id
"""
_DECIDE: Final = """
update platform_item i set decided_at = now(), receipt = n.receipt, reason = n.reason,
    state = case when n.receipt is not null then 'accepted' else 'refused' end
from unnest(%s::bigint[], %s::text[], %s::text[]) n (entry, receipt, reason)
where i.batch = %s and i.entry = n.entry and i.state = 'sent' returning i.state
"""
_OVERTAKEN: Final = """
update platform_item i set state = 'superseded', reason = null
where batch = %s and state = 'refused' and exists (
    select from platform_item n
    where (n.organisation, n.rule, n.root) = (i.organisation, i.rule, i.root) and n.entry > i.entry)
"""
_DONE: Final = """
update platform_batch set state = 'done', done_at = now(), claimed_until = null, failing_since = null,
    said = null
where id = %(id)s and not exists (select from platform_item where batch = %(id)s and state = 'sent')
"""
_SENT: Final = """
select i.entry, e.received_ms, i.void, i.corrects, coalesce(first.line, e.line)
from platform_item i join event e on e.seq = i.entry left join event first on first.seq = i.root and i.void
where i.batch = %s order by i.id
"""


class Made(msgspec.Struct, frozen=True):
    """A batch as its organisation sees it; `said` is what came of an attempt that did not decide all."""

    id: int
    key: str
    rule: str
    adapter: str
    url: str | None
    items: int
    state: Literal["open", "done"]
    made_at: datetime
    done_at: datetime | None
    answered_by: str | None
    attempts: int
    failing_since: datetime | None
    said: str | None
    not_before: datetime
    claimed: bool | None
    accepted: int
    refused: int


class Handed(msgspec.Struct, frozen=True):
    """
    One item of a batch: `line` is the event as it counts, or that is withdrawn as it was first reported.

    `corrects` is the platform's receipt of what it corrects or withdraws there.
    """

    log: str
    index: int
    received_ms: int
    void: bool
    corrects: str | None
    line: bytes

    @property
    def do(self) -> Literal["submit", "correct", "withdraw"]:
        """What the platform is to do."""
        if self.void:
            return "withdraw"
        return "submit" if self.corrects is None else "correct"


class Batch(msgspec.Struct, frozen=True):
    """What goes to the platform in one piece: by which way, signed by which keys, and what it says."""

    id: int
    key: str
    organisation: str
    rule: str
    adapter: str
    url: str | None
    keys: list[bytes]
    attempt: int
    items: list[Handed]

    def document(self) -> bytes:
        """Return it as JSON: the same bytes at every attempt. docs/platform.md describes them."""
        said = {
            "format": FORMAT,
            "batch": self.key,
            "organisation": self.organisation,
            "rule": self.rule,
            "items": [
                {
                    "log": one.log,
                    "index": one.index,
                    "do": one.do,
                    "corrects": one.corrects,
                    "received_at": iso_ms(one.received_ms),
                    "event": None if one.void else msgspec.Raw(one.line),
                }
                for one in self.items
            ],
        }
        return msgspec.json.encode(said)


class Answer(msgspec.Struct, frozen=True):
    """What the platform said of an item: its receipt's number, or why it refused it; neither: not now."""

    index: int
    receipt: str | None = None
    reason: str | None = None


class Batches:
    """The batches of one database; threads and servers may share it."""

    def __init__(self, database: Database, platform: Platform) -> None:
        self._database, self._platform = database, platform

    # ---------------------------------------------------------------- for people

    def page(self, organisation: str, limit: int, before: int | None = None) -> tuple[list[Made], int | None]:
        """Return batches, the last first, and the `before` of the next page or None."""
        query = f"""
            select {_BATCH}, d.* from platform_batch b, lateral {_DECIDED} d
            where organisation = %(organisation)s and (%(before)s::bigint is null or id < %(before)s)
            order by id desc limit %(limit)s
            """  # noqa: S608 - our words
        values = {"organisation": organisation, "before": before, "limit": limit + 1}
        with self._database.pool.connection() as connection:
            found = [Made(*row) for row in connection.execute(query, values)]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    def one(self, organisation: str, number: int) -> Made:
        """Return a batch of an organisation; NotFound for one that is another's."""
        query = f"""
            select {_BATCH}, d.* from platform_batch b, lateral {_DECIDED} d
            where organisation = %s and id = %s
            """  # noqa: S608
        with self._database.pool.connection() as connection:
            row = connection.execute(query, (organisation, number)).fetchone()
        if row is None:
            raise _no_batch()
        return Made(*row)

    def content(self, organisation: str, number: int, connection: Connection | None = None) -> Batch:
        """Return what a batch says, as a connection sees it; NotFound for one that is another's."""
        self.one(organisation, number)
        if connection is not None:
            return self._content(connection, number)
        with self._database.pool.connection() as one:
            return self._content(one, number)

    def make(self, organisation: str, rule: str) -> int:
        """Put what waits under a rule into a batch to be handed over by hand; return its number."""
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "select o.adapter, o.state from platform_count c join platform_outbox o using (organisation)"
                " where organisation = %s and rule = %s for update of c",
                (organisation, rule),
            ).fetchone()
            if row is None or row != (FILES, "on"):
                raise UsageError(
                    "platform.by_itself",
                    "Nothing is handed over by files here.",
                    "Switch it on with files at /workspace/platform.",
                )
            number = self._begin(connection, (organisation, rule, FILES, None), ITEMS_BY_HAND)
            if number is None:
                raise UsageError(
                    "platform.nothing",
                    f"Nothing waits under {rule[:40]}, or a batch of it is under way.",
                    "Answer that one first.",
                )
        return number

    def take_back(self, organisation: str, number: int) -> None:
        """Let a batch that never reached the platform wait again. Raises UsageError for one that did."""
        self._check_by_hand(organisation, number)
        with self._database.pool.connection() as connection, connection.transaction():
            rule = self._locked(connection, number)
            untouched = (
                connection.execute(
                    "select from platform_item where batch = %s and state <> 'sent' limit 1", (number,)
                ).fetchone()
                is None
            )
            if rule is None or not untouched:
                raise UsageError(
                    "platform.answered", "Some of it is answered already.", "Answer what is left of it, too."
                )
            back = connection.execute(
                "update platform_item set state = 'waiting', batch = null, corrects = null where batch = %s",
                (number,),
            ).rowcount
            connection.execute("delete from platform_batch where id = %s", (number,))
            tally(connection, {(organisation, rule, "sent"): -back, (organisation, rule, "waiting"): back})

    def answer(self, organisation: str, number: int, answers: Sequence[Answer], login: str) -> int:
        """
        Note what the platform said of a batch that was handed over by hand; return of how many items.

        All of them or, where one is no item of it or was answered before, none. Raises UsageError.
        """
        self._check_by_hand(organisation, number)
        for one in answers:
            _check_answer(one)
        with self._database.pool.connection() as connection, connection.transaction():
            decided = self._decide(connection, number, answers, login)
            if decided != len({one.index for one in answers}):
                raise UsageError(
                    "platform.items",
                    f"Of {len(answers)} entries {decided} wait for an answer in this batch.",
                    "Compare the numbers with the file; name each once. Nothing was noted.",
                )
        return decided

    def open_of(self, organisation: str, number: int) -> list[int]:
        """Return the entries of a batch that somebody may answer. Raises UsageError where nobody may."""
        self._check_by_hand(organisation, number)
        query = "select entry from platform_item where batch = %s and state = 'sent' order by id"
        with self._database.pool.connection() as connection:
            return [entry for (entry,) in connection.execute(query, (number,))]

    def again(self, organisation: str, *, item: int | None = None, rule: str | None = None) -> int:
        """Let a refused item, or all of a rule, be sent again in a batch of its own; return how many."""
        query = (
            "select i.id, i.rule from platform_item i join platform_batch b on b.id = i.batch"
            " where i.organisation = %s and i.state = 'refused' and b.state = 'done'"
            " and (%s::bigint is null or i.id = %s) and (%s::text is null or i.rule = %s) order by i.id"
        )
        with self._database.pool.connection() as connection, connection.transaction():
            found = connection.execute(query, (organisation, item, item, rule, rule)).fetchall()
            moved = Counter[str]()
            for name in sorted({name for _, name in found}):
                lock_count(connection, organisation, name)
                moved[name] = connection.execute(
                    "update platform_item"
                    " set state = 'waiting', batch = null, corrects = null, decided_at = null"
                    " where id = any(%s) and state = 'refused'",
                    ([number for number, of in found if of == name],),
                ).rowcount
            changes = {(organisation, name, "refused"): -number for name, number in moved.items()}
            changes |= {(organisation, name, "waiting"): number for name, number in moved.items()}
            tally(connection, changes)
        if not moved.total():
            raise _not_refused()
        return moved.total()

    def accept(self, organisation: str, item: int, receipt: str) -> None:
        """Note the receipt of a refused item that the platform holds after all, since it came another way."""
        _check_answer(Answer(0, receipt=receipt))
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "select rule from platform_item where id = %s and organisation = %s", (item, organisation)
            ).fetchone()
            if row is None:
                raise _not_refused()
            lock_count(connection, organisation, row[0])
            done = connection.execute(
                "update platform_item set state = 'accepted', receipt = %s, reason = null, decided_at = now()"
                " where id = %s and state = 'refused'",
                (receipt.strip(), item),
            ).rowcount
            if not done:
                raise _not_refused()
            tally(connection, {(organisation, row[0], "refused"): -1, (organisation, row[0], "accepted"): 1})

    def _check_by_hand(self, organisation: str, number: int) -> None:
        batch, outbox = self.one(organisation, number), self._platform.outbox(organisation)
        if batch.state == "done":
            raise UsageError(
                "platform.done", "All of this batch is answered.", "There is nothing to type in."
            )
        if batch.claimed and batch.adapter != FILES:
            raise UsageError("platform.busy", "It is being sent this moment.", "Try again in a minute.")
        if outbox is not None and sends(outbox, batch):
            raise UsageError(
                "platform.by_itself",
                f"This batch is sent by {batch.adapter}, and its answer comes by itself.",
                "Switch the outbox off, or to files, if it never comes.",
            )

    # ---------------------------------------------------------------- for who sends

    def claim(self, adapters: Collection[str]) -> Batch | None:
        """Return a batch that is due, for this server to send within a minute; None without any."""
        lease = timedelta(seconds=LEASE_S)
        with self._database.pool.connection() as connection, connection.transaction():
            row = connection.execute(_CLAIM, {"lease": lease, "adapters": list(adapters)}).fetchone()
            if row is None:
                queued = connection.execute(_QUEUED, (list(adapters),)).fetchone()
                number = None if queued is None else self._begin(connection, queued, ITEMS_AT_ONCE)
                if number is None:
                    return None
                row = (number,)
            return self._content(connection, row[0])

    def _begin(
        self, connection: Connection, queue: tuple[str, str, str, str | None], most: int
    ) -> int | None:
        """Make a batch of what waits in a queue; None where nothing has to be sent. Its count is locked."""
        organisation, rule, adapter, url = queue
        waiting = connection.execute(_WAITING, (organisation, rule, most)).fetchall()
        roots = [root for _, root, _ in waiting]
        held = dict(connection.execute(_HELD, (organisation, rule, roots)).fetchall())
        needless = [number for number, root, void in waiting if void and held.get(root) is None]
        sent = [(number, held.get(root)) for number, root, _ in waiting if number not in set(needless)]
        connection.execute(
            "update platform_item set state = 'superseded' where id = any(%s)", (needless,)
        )  # the platform never had what they withdraw
        changes = {(organisation, rule, "waiting"): -len(needless)}
        number = None
        if sent:
            by_hand = adapter == FILES
            row = connection.execute(
                _BEGIN,
                {
                    "key": secrets.token_hex(16),
                    "organisation": organisation,
                    "rule": rule,
                    "adapter": adapter,
                    "url": url,
                    "items": len(sent),
                    "lease": None if by_hand else timedelta(seconds=LEASE_S),
                    "attempts": 0 if by_hand else 1,
                },
            ).fetchone()
            if row is not None:  # otherwise another server has just begun one
                number = int(row[0])
                connection.execute(
                    _SEND, (number, [one for one, _ in sent], [receipt for _, receipt in sent])
                )
                changes[organisation, rule, "waiting"] -= len(sent)
                changes[organisation, rule, "sent"] = len(sent)
        tally(connection, changes)
        return number

    def _content(self, connection: Connection, number: int) -> Batch:
        key, organisation, rule, adapter, url, attempts, *salts = _row(
            connection,
            "select b.key, b.organisation, b.rule, b.adapter, b.url, b.attempts, o.salt,"
            " case when o.former_until > now() then o.former_salt end"
            " from platform_batch b join platform_outbox o using (organisation) where b.id = %s",
            (number,),
        )
        keys = [self._platform.key(bytes(one)) for one in salts if one is not None]
        logs = Logs.read(connection)  # an index is one of a log: a restore may have given it twice
        items = [
            Handed(
                logs.at(entry).origin, entry, received_ms, void, corrects, counted_line(bytes(line)) or b""
            )
            for entry, received_ms, void, corrects, line in connection.execute(_SENT, (number,), binary=True)
        ]
        return Batch(number, key, organisation, rule, adapter, url, keys, attempts, items)

    def note(self, batch: Batch, answers: Sequence[Answer], wait_s: float, said: str = "") -> int:
        """
        Note what came back of an attempt: what is decided, and when to send the batch again for the rest.

        Answers for what is no item of it, or was decided, change nothing. Return how many were decided.
        """
        final = [_shortened(one) for one in answers if one.receipt or one.reason]
        with self._database.pool.connection() as connection, connection.transaction():
            decided = self._decide(connection, batch.id, final, None)
            connection.execute(
                "update platform_batch"
                " set claimed_until = null, said = %(said)s, not_before = now() + %(wait)s,"
                " failing_since = case when %(decided)s > 0 then null else coalesce(failing_since, now()) end"
                " where id = %(id)s and state = 'open'",
                {
                    "id": batch.id,
                    "said": said[:MAX_SAID],
                    "wait": timedelta(seconds=wait_s),
                    "decided": decided,
                },
            )
        return decided

    def _decide(
        self, connection: Connection, number: int, answers: Sequence[Answer], login: str | None
    ) -> int:
        rule = self._locked(connection, number)
        if rule is None or not answers:
            return 0
        given = (
            [one.index for one in answers],
            [None if one.receipt is None else one.receipt.strip() for one in answers],
            [None if one.reason is None else one.reason.strip() for one in answers],
        )
        ends = Counter(state for (state,) in connection.execute(_DECIDE, (*given, number)))
        overtaken = connection.execute(_OVERTAKEN, (number,)).rowcount
        (organisation,) = _row(
            connection,
            "update platform_batch set answered_by = coalesce(%s, answered_by) where id = %s"
            " returning organisation",
            (login, number),
        )
        connection.execute(_DONE, {"id": number})
        tally(
            connection,
            {
                (organisation, rule, "sent"): -ends.total(),
                (organisation, rule, "accepted"): ends["accepted"],
                (organisation, rule, "refused"): ends["refused"] - overtaken,
            },
        )
        return ends.total()

    @staticmethod
    def _locked(connection: Connection, number: int) -> str | None:
        """Lock an open batch and its rule's count; return the rule, None where the batch is not open."""
        row = connection.execute(
            "select organisation, rule from platform_batch where id = %s and state = 'open' for update",
            (number,),
        ).fetchone()
        if row is None:
            return None
        lock_count(connection, *row)
        return str(row[1])


def _shortened(one: Answer) -> Answer:
    """Return an answer as it is kept: a machine may say more than a page shows."""
    if one.receipt:
        return Answer(one.index, receipt=_printable(one.receipt)[:MAX_RECEIPT])
    return Answer(one.index, reason=_printable(one.reason or "")[:MAX_REASON])


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _check_answer(one: Answer) -> None:
    text, most = (one.receipt, MAX_RECEIPT) if one.receipt is not None else (one.reason or "", MAX_REASON)
    if not 0 < len(text.strip()) <= most or not text.strip().isprintable():
        what = "receipt number" if one.receipt is not None else "reason"
        raise UsageError(
            "platform.answer", f"This is no {what}.", f"Write it in one line of up to {most} characters."
        )


def sends(outbox: Outbox, batch: Made) -> bool:
    """Return whether a server sends a batch; otherwise somebody types what the platform said."""
    way = (outbox.adapter, outbox.url)
    return outbox.state == "on" and outbox.adapter != FILES and way == (batch.adapter, batch.url)


def _no_batch() -> NotFound:
    return NotFound(
        "platform.unknown", "Your organisation has no such batch.", "Yours are listed at /workspace/platform."
    )


def _not_refused() -> UsageError:
    return UsageError(
        "platform.not_refused",
        "Nothing of that was refused, or its batch is not all answered yet.",
        "Load the page again.",
    )


def _row(connection: Connection, query: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the one row that is there."""
    row = connection.execute(query, values).fetchone()
    assert row is not None  # noqa: S101 - the batch is locked, or was made in this transaction
    return row
