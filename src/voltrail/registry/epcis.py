"""
The record as EPCIS reads it: events with their exact lines for those who may see them; what importing asks.

Everything is bounded: a battery's chain is walked from its end, an organisation's reports from the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import merge
from itertools import groupby, takewhile
from typing import Any, Final

import msgspec

from voltrail.codes import parse
from voltrail.database.database import Connection
from voltrail.events import batteries, decode, split
from voltrail.events.epcis import EventInLog, Importing, StandsOn, event_hash, written_event
from voltrail.events.epcis.context import Context, read_context
from voltrail.events.epcis.mapping import OURS, index_in
from voltrail.organisations.access import BATTERY, Reader, Sight
from voltrail.registry.lookup import Lookup
from voltrail.registry.registry import Registry

MAX_LOOKED_AT: Final = 5_000  # events, for one page of an answer
MAX_BATTERIES: Final = 10  # that one question may name

_Row = tuple[int, bytes, int, str, str, datetime]

# Walked from the last one on, and no further than is asked for: nothing sorts it.
_WALK: Final = """
with recursive walk as (
    select e.*, array_position(e.subjects, %(subject)s) as at from event e where e.seq = %(last)s
  union all
    select e.*, array_position(e.subjects, %(subject)s) from walk w join event e on e.seq = w.before[w.at]
)
select w.seq, w.line, w.received_ms, (select organisation from report r where r.id = w.report),
    w.kind, w.occurred_at
from walk w where w.seq < %(before)s limit %(limit)s
"""
_SENT: Final = """
select e.seq, e.line, e.received_ms, r.organisation, e.kind, e.occurred_at from report r
cross join lateral (
    select * from event e where e.seq >= r.first_seq and e.seq < least(r.first_seq + r.accepted, %(before)s)
    order by e.seq desc limit %(limit)s
) e
where r.organisation = %(organisation)s and r.accepted > 0 and r.first_seq < %(before)s
order by r.id desc, e.seq desc limit %(limit)s
"""
_LAST: Final = 2**63 - 1


class Seen(msgspec.Struct, frozen=True):
    """An event, and the names of its members that the reader may not see; `reporter` among them."""

    event: EventInLog
    hidden: frozenset[str]


class Found(msgspec.Struct, frozen=True):
    """Events, the last in the log first, made as they are asked for; `end` the last index if more follow."""

    events: Iterator[Seen]
    end: int | None = None


def host_of(registry: Registry) -> str:
    """Return the host in the addresses of batteries: the one that the log is named by."""
    return registry.origin.partition("/")[0]


def of_batteries(
    registry: Registry, codes: Sequence[str], reader: Reader, before: int | None = None
) -> Found:
    """Return the events of batteries as a reader sees them, each event once; unknown batteries have none."""
    found = [of_battery(registry, code, reader, before) for code in codes]
    end = max((one.end for one in found if one.end is not None), default=None)
    together = merge(*(one.events for one in found), key=lambda seen: -seen.event.index)
    once = (next(same) for _, same in groupby(together, key=lambda seen: seen.event.index))
    return Found(takewhile(lambda seen: end is None or seen.event.index >= end, once), end)


def of_battery(registry: Registry, code: str, reader: Reader, before: int | None = None) -> Found:
    """Return a battery's events as a reader sees them; none for an unknown one."""
    subject = "battery:" + parse(code).text
    with registry.database.pool.connection() as connection:
        rows = _walked(connection, subject, before)
        sight = registry.sights(connection).sight(subject.removeprefix("battery:"), reader)
        return _found(connection, rows, sight)


def life_of(registry: Registry, code: str, reader: Reader) -> Iterator[Seen]:
    """Yield all events of a battery as a reader sees them, however many, the last in the log first."""
    before: int | None = None
    while True:
        found = of_battery(registry, code, reader, before)
        yield from found.events
        if found.end is None:
            return
        before = found.end


def of_organisation(
    registry: Registry, organisation: str, reader: Reader, before: int | None = None
) -> Found:
    """Return the events that an organisation reported, as that organisation sees them."""
    values = {
        "organisation": organisation,
        "before": _LAST if before is None else before,
        "limit": MAX_LOOKED_AT,
    }
    with registry.database.pool.connection() as connection:
        rows = connection.execute(_SENT, values, binary=True).fetchall()
        return _found(connection, rows, Sight(reader))


def at_index(registry: Registry, index: int, reader: Reader) -> Found:
    """Return the event at an index and the corrections of it, as a reader sees them."""
    with registry.database.pool.connection() as connection:
        row = connection.execute("select line from event where seq = %s", (index,), binary=True).fetchone()
    codes = batteries(decode(bytes(row[0]))) if row is not None else ()
    if not codes:
        return Found(iter(()))
    found = of_battery(registry, codes[0], reader)
    return Found(one for one in found.events if _is(one.event, index))


def stands_on(registry: Registry, at: datetime) -> StandsOn:
    """Return what a document written now stands on: the published checkpoint."""
    lines = registry.checkpoint().split("\n")
    return StandsOn(lines[0], int(lines[1]), lines[2], at.astimezone(UTC))


def importing(registry: Registry, organisation: str, host: str) -> Importing:
    """Return how events of EPCIS are read for an organisation, with what the record knows."""

    def corrects(event: dict[str, Any], context: Context, codes: tuple[str, ...]) -> int | None:
        named = str(event.get("eventID", ""))
        index = index_in(named)
        if index is not None:
            return index
        mine = (one for code in codes[:1] for one in _own(registry, code, organisation))
        return next((one.index for one in mine if _matches(one, event, context, host)), None)

    def party(gln: str, _member: str) -> str | None:
        with registry.database.pool.connection() as connection:
            site = Lookup(connection, registry.authorities, None, None).state("site:" + gln)
        owner: str | None = getattr(site, "organisation", None)
        return owner

    return Importing(organisation, corrects, party)


def _own(registry: Registry, code: str, organisation: str) -> Iterator[EventInLog]:
    with registry.database.pool.connection() as connection:
        rows = _walked(connection, "battery:" + code, None)
    for seq, line, received_ms, reporter, kind, _ in rows:
        if reporter == organisation and kind != "corrected":
            yield EventInLog(seq, bytes(line), received_ms, reporter)


def _matches(one: EventInLog, event: dict[str, Any], context: Context, host: str) -> bool:
    """Return whether an event on record is the one that a declaration is about: by its id, or its hash."""
    found = written_event(one, host, in_log=False)
    if found is None:
        return False
    if event.get("eventID") is not None:
        return bool(found.get("eventID") == event["eventID"])
    held = read_context(found["@context"]) if "@context" in found else OURS
    return event_hash(found, held) == event_hash(event, context)


def _walked(connection: Connection, subject: str, before: int | None) -> list[_Row]:
    row = connection.execute("select seq from subject where id = %s", (subject,)).fetchone()
    if row is None:
        return []
    values = {
        "subject": subject,
        "last": row[0],
        "before": _LAST if before is None else before,
        "limit": MAX_LOOKED_AT,
    }
    return sorted(connection.execute(_WALK, values, binary=True).fetchall(), reverse=True)


def _found(connection: Connection, rows: Sequence[_Row], sight: Sight) -> Found:
    """Return events with what is hidden of each; corrections with the event that they are about."""
    events = {row[0]: row for row in rows}
    missing = {_corrects(row[1]) for row in rows if row[4] == "corrected"} - events.keys()
    about = {**events, **{row[0]: row for row in _at(connection, missing)}}
    end = rows[-1][0] if len(rows) == MAX_LOOKED_AT else None
    return Found((_one(row, about, sight) for row in rows), end)


def _one(row: _Row, about: dict[int, _Row], sight: Sight) -> Seen:
    seq, line, received_ms, reporter, kind, occurred_at = row
    eyes = sight.event(kind, seq, int(occurred_at.timestamp() * 1000), reporter)
    names = (member[1 : member.index(b'"', 1)].decode() for member in split(bytes(line)))
    hidden = {name for name in names if name != "kind" and not eyes.see(kind, name)}
    if not eyes.see(BATTERY, "reporter"):
        hidden.add("reporter")
    corrected = None
    wrong = about.get(_corrects(line)) if kind == "corrected" else None
    if wrong is not None and not _one(wrong, {}, sight).hidden - {"reporter"}:  # else its subjects alone
        corrected = EventInLog(wrong[0], bytes(wrong[1]), wrong[2], wrong[3])
    return Seen(EventInLog(seq, bytes(line), received_ms, reporter, corrected), frozenset(hidden))


def _at(connection: Connection, indices: set[int]) -> list[_Row]:
    if not indices:
        return []
    query = (
        "select e.seq, e.line, e.received_ms, r.organisation, e.kind, e.occurred_at"
        " from event e join report r on r.id = e.report where e.seq = any(%s)"
    )
    return connection.execute(query, (list(indices),), binary=True).fetchall()


class _Correction(msgspec.Struct):
    corrects: int


def _corrects(line: bytes) -> int:
    return msgspec.json.decode(bytes(line), type=_Correction).corrects


def _is(event: EventInLog, index: int) -> bool:
    about = event.corrected.index if event.corrected is not None else None
    return index in {event.index, about}
