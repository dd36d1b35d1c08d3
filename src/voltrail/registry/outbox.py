"""
What webhooks tell: for each new entry of the log, which organisations it concerns, and in which words.

It is written in the transaction that copies the states of `holding` (holdings.py): who had a battery before
these entries is known then, and who has it after. So each entry is worked in once, whatever stops, and where
nobody subscribes it costs one query a step. An organisation is told kind, code and place of events, which are
public; where the table (organisations/access.py) has it otherwise, what the organisation's own sight shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection
from voltrail.organisations.access import Reader, may_see
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.sights import Sights, Sinces
from voltrail.registry.views import iso_ms

TYPES: Final = ("battery.event", "battery.recalled", "report.taken", "report.finding", "duty.due")
MAX_WAITING: Final = 1_000_000  # messages for one webhook: some 250 MB

_SUBSCRIBED: Final = "select id, organisation, types, since from webhook where state in ('active', 'paused')"
_EVENTS: Final = """
select e.seq, e.kind, e.occurred_at, e.received_ms, e.subjects, e.findings is not null,
    r.organisation, encode(r.digest, 'hex'), r.first_seq, e.line
from event e join report r on r.id = e.report where e.seq >= %s and e.seq < %s order by e.seq
"""
_HOLDERS: Final = """
select code, holder, bound_for from holding
where code = any(%(codes)s) and (holder = any(%(named)s) or bound_for = any(%(named)s))
"""
_WRITE: Final = "insert into webhook_message (webhook, body) select * from unnest(%s::bigint[], %s::text[])"
_COUNT: Final = """
update webhook w set waiting = waiting + n.number
from (select webhook, count(*) number from unnest(%s::bigint[]) webhook group by 1) n where w.id = n.webhook
"""
_FULL: Final = """
update webhook set state = 'off', why = 'full', off_index = %s, off_at = now()
where waiting > %s and state <> 'off'
"""


class Subscription(msgspec.Struct, frozen=True):
    """A webhook as far as it says what is told."""

    id: int
    organisation: str
    types: list[str]
    since: int


class Entry(msgspec.Struct, frozen=True):
    """An event as far as it is told."""

    seq: int
    kind: str
    occurred_at: datetime
    received_ms: int
    subjects: list[str]
    found: bool
    reporter: str
    digest: str
    first_seq: int
    line: bytes

    @property
    def codes(self) -> list[str]:
        """The batteries that it is about."""
        return [one.removeprefix("battery:") for one in self.subjects if one.startswith("battery:")]


class Telling:
    """What is told of some entries; `settle` writes it, once the holders after them are known."""

    def __init__(
        self, connection: Connection, authorities: frozenset[str], sinces: Sinces, start: int, stop: int
    ) -> None:
        self._connection, self._authorities, self._stop = connection, authorities, stop
        self._sights = Sights(connection, authorities, sinces)
        self._by_organisation: dict[str, list[Subscription]] = {}
        for row in connection.execute(_SUBSCRIBED).fetchall():
            one = Subscription(*row)
            self._by_organisation.setdefault(one.organisation, []).append(one)
        self._entries: list[Entry] = []
        if self._by_organisation:
            self._entries = [Entry(*row) for row in connection.execute(_EVENTS, (start, stop)).fetchall()]
        self._codes = list({code for entry in self._entries for code in entry.codes})
        self._concerned = self._holders()
        self._coming: dict[str, set[str]] = {}  # who has it after these entries, and not before

    def _holders(self) -> dict[str, set[str]]:
        """Return for each battery who of those who subscribe has it, or has it on the way."""
        found: dict[str, set[str]] = {}
        if self._codes:
            values = {"codes": self._codes, "named": list(self._by_organisation)}
            for code, *named in self._connection.execute(_HOLDERS, values).fetchall():
                found.setdefault(code, set()).update(one for one in named if one in self._by_organisation)
        return found

    def settle(self) -> None:
        """Write the messages."""
        self._coming = {
            code: named - self._concerned.get(code, set()) for code, named in self._holders().items()
        }
        write_messages(self._connection, [(one.id, body) for one, body in self._messages()], self._stop)

    def _messages(self) -> Iterator[tuple[Subscription, dict[str, Any]]]:
        last = {code: entry.seq for entry in self._entries for code in entry.codes}
        for entry in self._entries:
            if entry.seq == entry.first_seq:
                body = _body("report.taken", entry, None, iso_ms(entry.received_ms))
                yield from self._to(entry.reporter, body)
            if entry.found and entry.codes:
                yield from self._to(entry.reporter, _body("report.finding", entry, entry.codes[0]))
            name = "battery.recalled" if entry.kind == "recalled" else "battery.event"
            for code in entry.codes:
                self._let_come(code, entry, last[code])
                for organisation in sorted(self._concerned.get(code, ())):
                    own = organisation == entry.reporter and name == "battery.event"
                    if not own and self._sees(organisation, entry, code):
                        yield from self._to(organisation, _body(name, entry, code))

    def _let_come(self, code: str, entry: Entry, last: int) -> None:
        """
        Note whom a battery concerns from an event on.

        Who reports of it may have it, if only until another entry of these; who has it in the end has it from
        the event that names him on, at the latest from the last one.
        """
        named = {entry.reporter} & self._by_organisation.keys()
        for one in self._coming.get(code, ()):
            if one.encode() in entry.line or entry.seq == last:
                named.add(one)
        if named:
            self._concerned.setdefault(code, set()).update(named)

    def _to(self, organisation: str, body: dict[str, Any]) -> Iterator[tuple[Subscription, dict[str, Any]]]:
        """Yield a message for each webhook of an organisation that wants such ones."""
        for one in self._by_organisation.get(organisation, ()):
            if body["type"] in one.types and body["index"] >= one.since:
                yield one, body

    def _sees(self, organisation: str, entry: Entry, code: str) -> bool:
        """Return whether an organisation may know that this event is about this battery."""
        if organisation not in self._by_organisation:
            return False
        members = ("kind", "code", "codes")
        if all(may_see("public", entry.kind, one) for one in members if _has(entry.kind, one)):
            return True
        audience = "authority_cn" if organisation in self._authorities else "public"
        sight = self._sights.sight(code, Reader(audience, organisation))
        occurred_ms = int(entry.occurred_at.timestamp() * 1000)
        eyes = sight.event(entry.kind, entry.seq, occurred_ms, entry.reporter)
        return all(eyes.see(entry.kind, one) for one in members if _has(entry.kind, one))


def write_messages(connection: Connection, told: Sequence[tuple[int, dict[str, Any]]], upto: int) -> None:
    """
    Write messages for webhooks, each with its number; `upto` entries of the log are told of then.

    A webhook that has too many of them is switched off.
    """
    if not told:
        return
    numbers = [number for number, _ in told]
    bodies = [msgspec.json.encode(body).decode() for _, body in told]
    connection.execute(_WRITE, (numbers, bodies))
    connection.execute(_COUNT, (numbers,))
    connection.execute(_FULL, (upto, MAX_WAITING))


def _has(kind: str, member: str) -> bool:
    """Return whether anybody sees such a member of a kind: else it has none."""
    return may_see("authority_cn", kind, member)


def _body(name: str, entry: Entry, code: str | None, at: str | None = None) -> dict[str, Any]:
    """Return a message; its members stay what they are. The id is that of the same message, sent again."""
    of_report = name.startswith("report.")
    return {
        "type": name,
        "id": ".".join(filter(None, (str(entry.seq), name, code))),
        "at": at or entry.occurred_at.astimezone(CHINA).isoformat(),
        "index": entry.seq,
        "kind": None if name == "report.taken" else entry.kind,
        "code": code,
        "url": f"/workspace/reports/{entry.digest}" if of_report else f"/b/{code}",
    }
