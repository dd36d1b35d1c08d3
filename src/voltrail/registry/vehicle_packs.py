"""
Which batteries vehicles say they have, by their logins, held against the record.

A row stands for all logins of a vehicle that named a code in one place: the first, the last. It is the same
whatever order they come in, and however often. Its verdict says how that agrees with the record, as the
record now says it was at the last of these logins: so what is reported a week late is weighed as if it had
come in time, and a pack that is moved later makes nobody wrong who had it before. Verdicts are stored, since
lists are of discrepancies alone; new logins weigh their own rows, and new entries of the log the rows that
they touch (`following.Copy`). Nothing of this is an event: the record is not written by a vehicle's word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args

import msgspec

from voltrail.codes import is_code
from voltrail.database.database import Connection, Database, Texts
from voltrail.errors import Refusal, UsageError
from voltrail.lifecycle import Battery, Model, State, Vehicle, effective, fold
from voltrail.registry.following import LOCK, Copy, Known, Step

Verdict = Literal[
    "agreed", "first_seen", "other_pack", "two_vehicles", "elsewhere", "unknown_code", "no_code"
]
Discrepancy = Literal["other_pack", "two_vehicles", "elsewhere", "unknown_code"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
DISCREPANCIES: Final[tuple[Discrepancy, ...]] = get_args(Discrepancy)

MAX_CODE: Final = 64  # characters; the standard's own have 24
MAX_PAGE: Final = 1_000
AT_ONCE: Final = 500  # rows, so that a page never waits long for the lock
BESIDE: Final = 50  # vehicles with one code that are weighed together: more make it no clearer
OF_VEHICLE: Final = 1_000  # codes of one vehicle, the last that were seen: a vehicle that swaps has many

T = TypeVar("T")

_GONE: Final = frozenset({"in_storage_system", "missing", "gone"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_COLUMNS: Final = (
    "v.vin, v.code, v.pack_no, v.first_at, v.last_at, v.source, v.verdict, v.expected, v.other_vin"
)
_TAKE: Final = """
insert into vehicle_pack as v (vin, code, pack_no, first_at, last_at, source, verdict)
select *, 'first_seen' from unnest(
    %s::text[], %s::text[], %s::smallint[], %s::timestamptz[], %s::timestamptz[], %s::integer[]
)
on conflict (vin, code, pack_no) do update set
    first_at = least(v.first_at, excluded.first_at),
    last_at = greatest(v.last_at, excluded.last_at),
    source = case when (excluded.last_at, excluded.source) > (v.last_at, v.source)
        then excluded.source else v.source end
where excluded.first_at < v.first_at or (excluded.last_at, excluded.source) > (v.last_at, v.source)
returning vin, code
"""
_OF_CODES: Final = f"""
select {_COLUMNS} from unnest(%s::text[]) asked cross join lateral (
    select * from vehicle_pack where code = asked order by last_at desc, vin limit {BESIDE}
) v
"""  # noqa: S608 - our own words
_OF_VINS: Final = f"""
select {_COLUMNS} from unnest(%s::text[]) asked cross join lateral (
    select * from vehicle_pack where vin = asked order by last_at desc, code, pack_no limit {OF_VEHICLE}
) v
"""  # noqa: S608
_OF_BATTERY: Final = f"""
select {_COLUMNS} from vehicle_pack v
where v.code = %(code)s or (v.expected @> array[%(code)s] and v.verdict = any(%(bad)s))
order by v.last_at desc, v.vin, v.code, v.pack_no limit %(limit)s
"""  # noqa: S608
_PAGE: Final = f"""
select {_COLUMNS} from vehicle_pack v where {{conditions}}
order by v.verdict, v.vin, v.code, v.pack_no limit %(limit)s
"""  # noqa: S608
_HELD: Final = """exists (
    select from holding h where h.holder = %(holder)s and (h.code = v.code or h.code = any(v.expected))
)"""

_WORDS: Final = {
    words[0].partition(".")[2]: words
    for words in (
        (
            "vehicle.other_pack",
            "The vehicle says that it has this battery, and the record has another in it.",
            "Report what was taken out and what was put in, or correct what was reported of it.",
        ),
        (
            "vehicle.two_vehicles",
            "Two vehicles have this battery: one says so, the other says so too or has it on record.",
            "Look at the label of both: one code was copied, or a move was not reported.",
        ),
        (
            "vehicle.elsewhere",
            "The vehicle says that it has this battery, and the record has it out of use or elsewhere.",
            "Find out how it came into the vehicle, and report it; tell the authority if it was lost.",
        ),
        (
            "vehicle.unknown_code",
            "The vehicle names a battery of which nobody has reported anything.",
            "Have its maker report it, or enrol it if it is older than the record.",
        ),
    )
}


class Login(NamedTuple):
    """A vehicle's login: the codes it gave, in their order; `source` is who passed it on."""

    vin: str
    at: datetime
    source: int
    codes: Sequence[str]


class VehiclePack(msgspec.Struct, frozen=True):
    """
    A code that a vehicle gives for one of its batteries, and how that agrees with the record.

    `expected` are the batteries that the record has in the vehicle, `other_vin` is the other vehicle of
    `two_vehicles`. Verdicts: `agreed`; `first_seen`, the record says of no other battery in its place, and
    has this one in none; `no_code`, the maker's own number and no code of GB/T 34014, of which nothing can be
    said; and DISCREPANCIES.
    """

    vin: str
    code: str
    pack_no: int
    first_at: datetime
    last_at: datetime
    source: int
    verdict: Verdict
    expected: tuple[str, ...] = ()
    other_vin: str | None = None

    @property
    def discrepancy(self) -> Refusal | None:
        """What does not agree, and what to do; None where nothing does."""
        if self.verdict not in DISCREPANCIES:
            return None
        return Refusal(*_WORDS[self.verdict])


class Span(NamedTuple):
    """
    From when until when a battery was in a vehicle, and what the record says of its model.

    `verdict` is the vehicle's, or `record` where the record alone says it. Of a discrepancy nothing should be
    concluded.
    """

    code: str
    begin: datetime
    end: datetime
    verdict: str
    model_id: str | None = None
    chemistry: str | None = None
    capacity_ah: float | None = None
    energy_kwh: float | None = None


class Bound(NamedTuple):
    """
    The batteries that were in a vehicle at a time, and their verdict.

    It is `record` where the record alone says it, `none` where nobody does, `ambiguous` where the vehicle
    names several in one place.
    """

    codes: tuple[str, ...]
    verdict: str


class VehiclePacks(Copy):
    """What the vehicles of one database say of their batteries; threads and servers may share it."""

    upto = "vehicle_pack_upto"

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        super().__init__(database, authorities)

    def bring_up(self, step: Step) -> None:
        """Weigh the rows that a step touches."""
        connection = step.connection
        if not connection.execute("select from vehicle_pack limit 1").fetchall():
            return
        vins = sorted(
            {name[8:] for one in step.entries for name in one.subjects if name.startswith("vehicle:")}
        )
        for codes in _parts(step.codes):
            self._weigh(connection, step.known, (), codes)
        for part in _parts(vins):
            self._weigh(connection, step.known, part, ())

    def take(self, logins: Iterable[Login]) -> None:
        """Keep what logins say, and weigh it; said again, in any order, it makes no difference."""
        told: dict[tuple[str, str, int], tuple[datetime, datetime, int]] = {}
        for vin, at, source, codes in logins:
            for number, given in enumerate(codes, 1):
                key = _text(vin), _text(given), number
                if key[1]:
                    first, last, by = told.get(key, (at, at, source))
                    told[key] = min(first, at), *max((last, by), (at, source))
        for part in _parts(sorted(told.items())):
            rows = [(*key, *value) for key, value in part]
            with self._database.pool.connection() as connection, connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
                changed = connection.execute(_TAKE, list(map(list, zip(*rows, strict=True)))).fetchall()
                known = Known(connection, self._authorities)
                vins = sorted({vin for vin, _ in changed})
                self._weigh(connection, known, vins, sorted({code for _, code in changed}))

    def of_battery(self, code: str, limit: int = 20) -> list[VehiclePack]:
        """Return the vehicles that name a battery, and those that should and name another; the last first."""
        asked = {"code": code, "bad": list(DISCREPANCIES), "limit": limit}
        with self._database.pool.connection() as connection:
            return _rows(connection, _OF_BATTERY, asked)

    def page(
        self,
        *,
        verdict: str | None = None,
        every: bool = False,
        vin: str | None = None,
        holder: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[list[VehiclePack], str | None]:
        """
        Return discrepancies by vehicle, or rows of one verdict, or `every` one; and the next `after` or None.

        Of a vehicle by its VIN; with `holder` what touches a battery that this organisation has. Raises
        UsageError.
        """
        if verdict is not None and verdict not in VERDICTS:
            raise UsageError(
                "usage.choice", f"There is no verdict {verdict[:40]!r}.", f"Use one of {', '.join(VERDICTS)}."
            )
        if "\0" in (vin or ""):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")
        place = _place(after)
        conditions = [
            said
            for said, meant in (
                ("v.verdict = any(%(verdicts)s)", True),
                ("v.vin = %(of)s", vin),
                ("(v.verdict, v.vin, v.code, v.pack_no) > (%(verdict)s, %(vin)s, %(code)s, %(no)s)", place),
                (_HELD, holder),
            )
            if meant
        ]
        verdicts = [verdict] if verdict else list(VERDICTS if every else DISCREPANCIES)
        limit = min(limit, MAX_PAGE)
        values = {"verdicts": verdicts, "of": vin, "holder": holder, "limit": limit + 1, **place}
        with self._database.pool.connection() as connection:
            found = _rows(connection, _PAGE.format(conditions=" and ".join(conditions)), values)
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], f"{last.verdict}/{last.pack_no}/{len(last.vin)}/{last.vin}{last.code}"

    def bound(self, vin: str, when: datetime) -> Bound:
        """Return which batteries were in a vehicle at a time."""
        with self._database.pool.connection() as connection:
            rows = _rows(connection, _OF_VINS, ([vin],))
            past = _Past(Known(connection, self._authorities))
            return bound(rows, past.carried(vin, when), when)

    def spans(self, vin: str, start: datetime, stop: datetime) -> list[Span]:
        """
        Return which batteries were in a vehicle from a time until another, in the order of time.

        Several packs give several spans of the same time. Where neither logins nor the record say what was
        in it, or a vehicle names several codes in one place, there is none.
        """
        with self._database.pool.connection() as connection:
            rows = _rows(connection, _OF_VINS, ([vin],))
            known = Known(connection, self._authorities)
            past = _Past(known)
            later = known.slot("vehicle:" + vin).latest_us > (start - _EPOCH) // _MICROSECOND
            events = [one.event.occurred_at for one in known.events("vehicle:" + vin)] if later else []
            logins = [when for row in rows for when in (row.first_at, row.last_at)]
            cuts = sorted({start, stop, *(when for when in (*events, *logins) if start < when < stop)})
            found: list[Span] = []
            for begin, end in pairwise(cuts):
                codes, verdict = bound(rows, past.carried(vin, begin), begin)
                for code in codes if verdict != "ambiguous" else ():
                    last = next((at for at in reversed(range(len(found))) if found[at].code == code), None)
                    if last is not None and (found[last].end, found[last].verdict) == (begin, verdict):
                        found[last] = found[last]._replace(end=end)
                    else:
                        found.append(Span(code, begin, end, verdict, *_of_model(known, code)))
        return sorted(found, key=lambda one: (one.begin, one.code))

    def _weigh(
        self, connection: Connection, known: Known, vins: Collection[str], codes: Collection[str]
    ) -> None:
        """Weigh the rows of these vehicles and codes, and write what has changed."""
        rows = set(_rows(connection, _OF_VINS, (Texts(vins),))) if vins else set()
        rows |= set(_rows(connection, _OF_CODES, (Texts(filter(is_code, codes)),)))
        if not rows:
            return
        beside = _rows(connection, _OF_CODES, (Texts({row.code for row in rows if is_code(row.code)}),))
        of_vehicles = _rows(connection, _OF_VINS, (Texts({row.vin for row in rows}),))
        by_code, by_vin = _grouped(beside, "code"), _grouped(of_vehicles, "vin")
        known.load("battery:" + row.code for row in rows if is_code(row.code))
        known.load("vehicle:" + row.vin for row in rows)
        past = _Past(known)
        changed: list[tuple[Any, ...]] = []
        for row in rows:
            weighed = weigh(row, past, by_vin.get(row.vin, ()), by_code.get(row.code, ()))
            if weighed != row:
                changed.append(
                    (
                        weighed.verdict,
                        list(weighed.expected),
                        weighed.other_vin,
                        row.vin,
                        row.code,
                        row.pack_no,
                    )
                )
        changed.sort(key=lambda one: one[3:])
        with connection.cursor() as cursor:
            cursor.executemany(
                "update vehicle_pack set verdict = %s, expected = %s::text[], other_vin = %s"
                " where vin = %s and code = %s and pack_no = %s",
                changed,
            )


class _Past:
    """The record as it now says that things were at a time."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def at(self, subject: str, when: datetime) -> State | None:
        slot = self._known.slot(subject)
        if slot.state is None or slot.latest_us <= (when - _EPOCH) // _MICROSECOND:
            return slot.state
        return fold(subject, [one for one in self._known.events(subject) if one.event.occurred_at <= when])

    def battery(self, code: str, when: datetime) -> Battery | None:
        state = self.at("battery:" + code, when)
        return state if isinstance(state, Battery) else None

    def knows(self, code: str) -> bool:
        return self._known.state("battery:" + code) is not None

    def carried(self, vin: str, when: datetime) -> tuple[str, ...]:
        state = self.at("vehicle:" + vin, when)
        return state.batteries if isinstance(state, Vehicle) else ()


def weigh(
    row: VehiclePack, past: _Past, of_vehicle: Sequence[VehiclePack], of_code: Sequence[VehiclePack]
) -> VehiclePack:
    """
    Return a row as it stands against the record at its last login.

    `of_vehicle` are the rows of the vehicle, `of_code` those of the code, in other vehicles too.
    """
    expected = past.carried(row.vin, row.last_at)
    verdict, other = _verdict(row, past, expected, of_vehicle, of_code)
    return msgspec.structs.replace(row, verdict=verdict, expected=expected, other_vin=other)


def _verdict(
    row: VehiclePack,
    past: _Past,
    expected: Sequence[str],
    of_vehicle: Sequence[VehiclePack],
    of_code: Sequence[VehiclePack],
) -> tuple[Verdict, str | None]:
    if not is_code(row.code):
        return "no_code", None
    if not past.knows(row.code):
        return "unknown_code", None
    state = past.battery(row.code, row.last_at)
    vins = _vehicles(state, past, row.last_at)
    if row.vin in vins:
        return "agreed", None
    if vins:
        return "two_vehicles", min(vins)
    if state is not None and (state.place in _GONE or state.phase in {"waste", "ended"}):
        return "elsewhere", None
    others = {
        one.vin
        for one in of_code
        if one.vin != row.vin and one.first_at <= row.last_at and row.first_at <= one.last_at
    }
    if others:
        return "two_vehicles", min(others)
    named = {one.code for one in of_vehicle if one.first_at <= row.last_at <= one.last_at}
    return ("first_seen" if named.issuperset(expected) else "other_pack"), None


def _vehicles(state: Battery | None, past: _Past, when: datetime) -> set[str]:
    """Return the vehicles in which the record has a battery: one, or several that dispute it."""
    if state is None:
        return set()
    where = effective(state, lambda code: past.battery(code, when))
    return {vin for vin in (where.vin, *(claim.vin for claim in state.claims)) if vin is not None}


def told_of_pack(pack: VehiclePack) -> dict[str, object]:
    """Return what a vehicle says of a battery for programs, with what to do where it does not agree."""
    told: dict[str, object] = msgspec.structs.asdict(pack)
    return told | {"discrepancy": pack.discrepancy}


def bound(rows: Sequence[VehiclePack], recorded: Sequence[str], when: datetime) -> Bound:
    """
    Return which batteries were in a vehicle at a time, by its rows, or the record where those say nothing.

    A code is believed from its first login until another is given in its place. Where the logins of two
    codes in one place lie crosswise, the vehicle swaps: then the record says which.
    """
    told = [
        row
        for row in rows
        if row.verdict != "no_code"
        and row.first_at <= when
        and not any(row.last_at < one.first_at <= when and one.pack_no == row.pack_no for one in rows)
    ]
    if not told:
        return Bound(tuple(recorded), "record" if recorded else "none")
    if len({row.pack_no for row in told}) < len(told):
        chosen = [row for row in told if row.code in recorded]
        if not chosen or len({row.pack_no for row in chosen}) < len(chosen):
            return Bound(tuple(sorted({row.code for row in told})), "ambiguous")
        told = chosen
    codes = tuple(dict.fromkeys(row.code for row in sorted(told, key=lambda row: row.pack_no)))
    return Bound(codes, min((row.verdict for row in told), key=_worst))


def _worst(verdict: Verdict) -> int:
    """Return where a verdict stands among them, discrepancies first."""
    return (*DISCREPANCIES, "first_seen", "agreed").index(verdict)


def _of_model(known: Known, code: str) -> tuple[str | None, str | None, float | None, float | None]:
    battery = known.state("battery:" + code)
    if not isinstance(battery, Battery) or battery.model_id is None:
        return None, None, None, None
    model = known.state("model:" + battery.model_id)
    if not isinstance(model, Model):
        return battery.model_id, None, None, None
    capacity_ah = model.capacity_ah
    if capacity_ah is None and "rated_capacity_ah" in model.points:  # as the passport has it
        capacity_ah = float(model.points["rated_capacity_ah"].value)
    return battery.model_id, model.chemistry, capacity_ah, model.energy_kwh


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE))


def _text(given: str) -> str:
    """Return what a vehicle sent as text that the database can hold."""
    return given[:MAX_CODE].replace("\0", "\ufffd").strip()


def _rows(connection: Connection, query: str, values: Any) -> list[VehiclePack]:
    return [_pack(row) for row in connection.execute(query, values)]


def _pack(row: Sequence[Any]) -> VehiclePack:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return VehiclePack(*values)


def _grouped(rows: Iterable[VehiclePack], by: str) -> dict[str, list[VehiclePack]]:
    found: dict[str, list[VehiclePack]] = {}
    for row in rows:
        found.setdefault(getattr(row, by), []).append(row)
    return found


def _place(after: str | None) -> dict[str, object]:
    """Return behind which row a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return {}
    with suppress(ValueError):
        verdict, number, length, names = after.split("/", 3)
        if "\0" not in after and 0 < int(number) < 1_000 and 0 <= int(length) < 1_000:
            vin, code = names[: int(length)], names[int(length) :]
            return {"verdict": verdict, "vin": vin, "no": int(number), "code": code}
    raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")
