"""
Alarms of vehicles, each from its first frame on, and what became of it.

An alarm of level 3 or 4 begins with the first row that has it and goes on while the next comes within GAP; a
thermal event is one of its own beside whatever else was wrong. Rows may come in any order and again: what
stands is the same. Once the lines that report it are made they stand, and what comes later only lengthens the
alarm, so that it is reported once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import Refusal, UsageError
from voltrail.telematics.gbt32960.layout import Edition, Field, layout

GAP: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(minutes=10)  # after that it is reported, though it may go on
AGAIN: Final = timedelta(hours=1)  # after which a report is tried again
LEAST_LEVEL: Final = 3
MOST_LEVEL: Final = 4
THERMAL_EVENT: Final = 1 << 23  # of 2025; GB/T 32960.3-2025, table of general alarms
MAX_PAGE: Final = 1_000
AT_ONCE: Final = 500  # alarms of one transaction

Incident = Literal["fire", "other"]

_LOCK: Final = 0x566F6C61  # merges of alarms take turns
_COLUMNS: Final = (
    "vin, incident, began_at, ended_at, level, flags, edition, source, received_from, received_until, digest,"
    " codes, organisation, lines, index, rule, why, fix, tried_at"
)
_NEAR: Final = f"""
select {_COLUMNS} from vehicle_alarm
where vin = %s and incident = %s and began_at <= %s and ended_at >= %s order by began_at
"""  # noqa: S608 - our own words
_PUT: Final = f"""
insert into vehicle_alarm ({_COLUMNS.partition(", codes")[0]})
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""  # noqa: S608
_DUE: Final = f"""
select {_COLUMNS} from vehicle_alarm
where index is null and (ended_at <= %(over)s or began_at <= %(long)s)
    and (tried_at is null or tried_at <= %(again)s)
order by tried_at nulls first, began_at, vin, incident limit %(limit)s
"""  # noqa: S608
_GROW: Final = """
update vehicle_alarm set ended_at = %s, level = %s, flags = %s, received_from = %s, received_until = %s
where vin = %s and incident = %s and began_at = %s
"""
_DELETE: Final = "delete from vehicle_alarm where vin = %s and incident = %s and began_at = %s"
_THIS: Final = " where vin = %s and incident = %s and began_at = %s"


class AlarmRow(NamedTuple):
    """A report of a vehicle that has an alarm of level 3 or 4; `flags` are the bits of its edition."""

    vin: str
    at: datetime
    level: int
    flags: int
    edition: int
    source: int
    received: datetime

    @property
    def incident(self) -> Incident:
        """What sort of incident it tells of."""
        return "fire" if self.edition == 2025 and self.flags & THERMAL_EVENT else "other"


class Alarm(msgspec.Struct, frozen=True):
    """
    An alarm from its first frame to its last; `level` is the highest, `flags` are all that were set.

    `lines` are what reports it, one for each of `codes`, and `index` the entry of the first; otherwise
    `refusal` says why it is not reported.
    """

    vin: str
    incident: Incident
    began_at: datetime
    ended_at: datetime
    level: int
    flags: int
    edition: int
    source: int
    received_from: datetime
    received_until: datetime
    digest: str | None = None
    codes: tuple[str, ...] | None = None
    organisation: str | None = None
    lines: str | None = None
    index: int | None = None
    rule: str | None = None
    why: str | None = None
    fix: str | None = None
    tried_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What tells it apart."""
        return self.vin, self.incident, self.began_at

    @property
    def names(self) -> list[str]:
        """The alarms by name, in the order of their bits."""
        return names_of(self.edition, self.flags)

    @property
    def refusal(self) -> Refusal | None:
        """Why it is not reported, and what to do; None where it is, or was not looked at yet."""
        return None if self.rule is None else Refusal(self.rule, self.why or "", self.fix or "")


_FROM_FRAMES: Final = Alarm.__struct_fields__[:10]


class VehicleAlarms:
    """The alarms of one database; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, rows: Iterable[AlarmRow]) -> None:
        """Keep what reports say; said again, in any order, it makes no difference."""
        told: dict[tuple[str, Incident], list[AlarmRow]] = {}
        for row in rows:
            if LEAST_LEVEL <= row.level <= MOST_LEVEL:
                told.setdefault((row.vin, row.incident), []).append(row)
        alarms = [one for key in sorted(told) for one in _clusters(_alarm(row) for row in told[key])]
        for at in range(0, len(alarms), AT_ONCE):
            with self._database.pool.connection() as connection, connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
                for alarm in alarms[at : at + AT_ONCE]:
                    _merge(connection, alarm)

    def due(self, now: datetime, limit: int = 100) -> list[Alarm]:
        """Return alarms that are over, or go on for long, and are not reported; what was tried waits."""
        values = {"over": now - GAP, "long": now - LONGEST, "again": now - AGAIN, "limit": limit}
        with self._database.pool.connection() as connection:
            return _read(connection, _DUE, values)

    def keep_frames(self, alarm: Alarm, digest: str) -> None:
        """Note which file holds the frames around an alarm."""
        self._set(alarm, "digest = %s", digest)

    def prepare(self, alarm: Alarm, organisation: str, codes: Sequence[str], lines: str) -> bool:
        """
        Note what will be reported, before it is: from here on it never changes.

        Return False where the alarm has grown meanwhile, or another process was first.
        """
        told = "update vehicle_alarm set organisation = %s, codes = %s::text[], lines = %s"
        query = told + _THIS + " and lines is null and (ended_at, level, flags) = (%s, %s, %s)"
        grown = (alarm.ended_at, alarm.level, alarm.flags)
        with self._database.pool.connection() as connection:
            values = (organisation, list(codes), lines, *alarm.key, *grown)
            return connection.execute(query, values).rowcount == 1

    def settle(self, alarm: Alarm) -> None:
        """Note by which entry an alarm is on record."""
        self._set(alarm, "index = %s, rule = null, why = null, fix = null", alarm.index)

    def refuse(self, alarm: Alarm, why: Refusal, now: datetime) -> None:
        """Note why an alarm is not reported; it is tried again later."""
        self._set(alarm, "rule = %s, why = %s, fix = %s, tried_at = %s", why.rule, why.message, why.fix, now)

    def reporter(self, source: int) -> str | None:
        """Return for which organisation a platform sends; None for one that there is not."""
        with self._database.pool.connection() as connection:
            query = "select organisation from gateway_platform where number = %s"
            row = connection.execute(query, (source,)).fetchone()
        return None if row is None else cast("str", row[0])

    def of_battery(self, code: str, limit: int = 100) -> list[Alarm]:
        """Return the alarms that are reported of a battery, or will be, the last first."""
        query = (
            f"select {_COLUMNS} from vehicle_alarm where codes @> array[%s] order by began_at desc limit %s"  # noqa: S608
        )
        with self._database.pool.connection() as connection:
            return _read(connection, query, (code, limit))

    def page(self, after: str | None = None, limit: int = 50) -> tuple[list[Alarm], str | None]:
        """Return alarms, the last first, and the `after` of the next page or None. Raises UsageError."""
        place = _place(after)
        condition = "where (began_at, vin, incident) < (%(at)s, %(vin)s, %(incident)s)" if place else ""
        limit = min(limit, MAX_PAGE)
        query = (
            f"select {_COLUMNS} from vehicle_alarm {condition}"  # noqa: S608
            " order by began_at desc, vin desc, incident desc limit %(limit)s"
        )
        with self._database.pool.connection() as connection:
            found = _read(connection, query, {"limit": limit + 1, **place})
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], f"{last.began_at.isoformat()}/{last.incident}/{last.vin}"

    def _set(self, alarm: Alarm, what: str, *values: Any) -> None:
        with self._database.pool.connection() as connection:
            connection.execute(f"update vehicle_alarm set {what}{_THIS}", (*values, *alarm.key))  # noqa: S608


def told_of_alarm(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm for programs, with what became of it."""
    told: dict[str, Any] = msgspec.structs.asdict(alarm)
    hidden = ("rule", "why", "fix", "lines", "codes", "tried_at", "received_from", "received_until")
    return {name: value for name, value in told.items() if name not in hidden} | {
        "alarms": alarm.names,
        "codes": list(alarm.codes or ()),
        "lines": (alarm.lines or "").splitlines(),
        "hindered": alarm.refusal,
    }


def names_of(edition: int, flags: int) -> list[str]:
    """Return the names of alarm bits, in their order; a bit without a name is called by its number."""
    bits = _flags(cast("Edition", edition)).bits
    return [str(bits.get(str(bit), f"bit {bit}")) for bit in range(flags.bit_length()) if flags >> bit & 1]


def _flags(edition: Edition) -> Field:
    return next(
        field
        for body in layout(edition).items.values()
        for field in body.fields
        if field.name == "general_alarm_flags"
    )


def _alarm(row: AlarmRow) -> Alarm:
    vin = row.vin.replace("\0", "\ufffd")
    told = (row.level, row.flags, row.edition, row.source, row.received, row.received)
    return Alarm(vin, row.incident, row.at, row.at, *told)


def _clusters(alarms: Iterable[Alarm]) -> Iterator[Alarm]:
    """Yield alarms of one vehicle and sort, those joined that lie within GAP of each other."""
    found: Alarm | None = None
    for one in sorted(alarms, key=lambda one: (one.began_at, one.edition, one.source)):
        if found is None or one.began_at - found.ended_at > GAP:
            if found is not None:
                yield found
            found = one
        else:
            found = _joined(found, one)
    if found is not None:
        yield found


def _joined(first: Alarm, other: Alarm) -> Alarm:
    """Return an alarm made longer by another, which changes nothing of its beginning."""
    return msgspec.structs.replace(
        first,
        ended_at=max(first.ended_at, other.ended_at),
        level=max(first.level, other.level),
        flags=first.flags | other.flags,
        received_from=min(first.received_from, other.received_from),
        received_until=max(first.received_until, other.received_until),
    )


def _merge(connection: Connection, alarm: Alarm) -> None:
    """Put an alarm among those that stand: they may grow together, but never two that are reported."""
    asked = (alarm.vin, alarm.incident, alarm.ended_at + GAP, alarm.began_at - GAP)
    near = _read(connection, _NEAR, asked)
    fixed = [one for one in near if one.lines is not None]
    if fixed:
        whole = _joined(fixed[0], alarm)
        loose = [one for one in near if one.lines is None]
        for one in loose:
            whole = _joined(whole, one)
        if loose or whole != fixed[0]:
            for one in loose:
                connection.execute(_DELETE, one.key)
            came = (whole.received_from, whole.received_until)
            connection.execute(_GROW, (whole.ended_at, whole.level, whole.flags, *came, *whole.key))
        return
    (whole,) = _clusters([*(_bare(one) for one in near), alarm])
    if [whole] == [_bare(one) for one in near]:
        return
    for one in near:
        connection.execute(_DELETE, one.key)
    digest = next((one.digest for one in near if one.digest is not None), None)
    values = (getattr(whole, name) for name in _FROM_FRAMES)
    connection.execute(_PUT, (*values, digest))


def _bare(alarm: Alarm) -> Alarm:
    """Return what frames alone say of an alarm."""
    return Alarm(*(getattr(alarm, name) for name in _FROM_FRAMES))


def _read(connection: Connection, query: str, values: Any) -> list[Alarm]:
    return [_of_row(row) for row in connection.execute(query, values)]


def _of_row(row: Sequence[Any]) -> Alarm:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return Alarm(*values)


def _place(after: str | None) -> dict[str, Any]:
    """Return behind which alarm a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return {}
    when, incident, vin = (*after.split("/", 2), "", "")[:3]
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or "\0" in after:
        raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")
    return {"at": at, "incident": incident, "vin": vin}
