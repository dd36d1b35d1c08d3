"""
Which batteries an organisation has: a copy of what the states say, in the order of its workspace.

It is brought up behind the log and never within an append, so an event pays nothing for its indexes.
`follow` goes over the entries since the last time and copies the states they touched, as they stand now: done
twice or in any order it gives the same, and whoever reads can bring it up first. Lost as a whole, it is made
again from the record. A part that is built in has no holder of its own, so it is not here; a battery that
several say to have is here for each of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from voltrail.database import copy
from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.lifecycle import Battery, decode_state
from voltrail.lifecycle.state import PHASES, PLACES
from voltrail.registry import rows
from voltrail.registry.outbox import Telling
from voltrail.registry.sights import Sinces

MAX_COUNTED: Final = 10_000  # batteries that a filter leaves; beyond, a page says only that there are more
_FOLLOWED_WITHIN_S: Final = 5
FOLLOWED_AT_ONCE: Final = 1_000  # entries: some tens of milliseconds, for which a page waits
LEVELS: Final = {"pack": "P", "module": "M", "cell": "C"}
WHEREABOUTS: Final = (*PLACES, "disputed")
SORTS: Final = ("code", "last")

_LEVEL_OF: Final = {letter: name for name, letter in LEVELS.items()}
LOCK: Final = 0x566F6C77  # beside those of migrations, accounts and applications
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = "code, holder, bound_for, place, phase, model, findings, since, latest, seq"
_STAGE: Final = "create temp table if not exists holding_stage (like holding) on commit delete rows"
_TOUCHED: Final = """
select substr(id, 9), seq, latest_us, state from subject
where id = any(array(select distinct name from event, unnest(subjects) name
                     where event.seq >= %s and event.seq < %s and name like 'battery:%%'))
"""
_GONE: Final = """
delete from holding h where code = any(%s)
    and not exists (select from holding_stage s where s.code = h.code and s.holder = h.holder)
"""
_KEPT: Final = f"""
insert into holding select {_COLUMNS} from holding_stage
on conflict (code, holder) do update set bound_for = excluded.bound_for, place = excluded.place,
    phase = excluded.phase, model = excluded.model, findings = excluded.findings, since = excluded.since,
    latest = excluded.latest, seq = excluded.seq
"""  # noqa: S608 - names of columns
# What is copied of a subject, as one text for each who has it: the audit holds it against `as_text`.
COPIED: Final = """(
    select string_agg(concat_ws('|',
        holder, coalesce(bound_for, ''), place, phase, coalesce(model, ''), findings,
        coalesce((extract(epoch from since) * 1000000)::bigint, 0),
        (extract(epoch from latest) * 1000000)::bigint, seq), E'\\n' order by holder)
    from holding where code = substr(id, 9) and id like 'battery:%%')"""
_TALLY: Final = """
insert into holding_count
    select holder, place, phase, {sign} count(*) from holding where code = any(%s) group by 1, 2, 3
on conflict (holder, place, phase) do update set number = holding_count.number + excluded.number
"""
# The codes from an index alone, and then what else is told of them.
_PAGE: Final = f"""
select {_COLUMNS} from holding join (
    select code from holding where holder = %(holder)s{{condition}} order by {{order}} limit %(limit)s
) found using (code) where holder = %(holder)s order by {{order}}
"""  # noqa: S608
_AFTER: Final = {
    "code": ("code > %(code)s", "code"),
    "last": ("(seq, code) < (%(seq)s, %(code)s)", "seq desc, code desc"),
}


class Held(msgspec.Struct, frozen=True):
    """One battery in the hands of an organisation; `findings` is how many are open."""

    code: str
    holder: str
    bound_for: str | None
    place: str
    phase: str
    model: str | None
    findings: int
    since: datetime | None
    latest: datetime | None
    seq: int


class Wanted(msgspec.Struct, frozen=True):
    """What somebody looks for among their batteries; `part` is any part of a code."""

    place: str | None = None
    phase: str | None = None
    level: str | None = None
    model: str | None = None
    findings: bool = False
    part: str | None = None
    sort: str = "code"

    def check(self) -> None:
        """Raise UsageError for what no battery can be."""
        for name, value, known in (
            ("place", self.place, WHEREABOUTS),
            ("phase", self.phase, PHASES),
            ("level", self.level, tuple(LEVELS)),
            ("sort", self.sort, SORTS),
        ):
            if value is not None and value not in known:
                raise UsageError(
                    "usage.choice", f"There is no {name} {value[:40]!r}.", f"Use one of {', '.join(known)}."
                )
        if any("\0" in (text or "") for text in (self.model, self.part)):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")

    @property
    def is_kept(self) -> bool:
        """Whether how many there are is kept, and need not be counted."""
        return not (self.level or self.model or self.findings or self.part)

    @property
    def condition(self) -> str:
        """The condition in SQL; said only where meant, so that the right index is taken."""
        return "".join(
            f" and {said}"
            for said, meant in (
                ("place = %(place)s", self.place),
                ("phase = %(phase)s", self.phase),
                ("substr(code, 4, 1) = %(letter)s", self.level),
                ("model = %(model)s", self.model),
                ("findings > 0", self.findings),
                (r"position(%(part)s in code) > 0", self.part),
            )
            if meant
        )

    @property
    def values(self) -> dict[str, Any]:
        """The values for `condition`."""
        return {
            "place": self.place,
            "phase": self.phase,
            "letter": LEVELS.get(self.level or ""),
            "model": self.model,
            "part": self.part,
        }


class Holdings:
    """The batteries that organisations have; threads and servers may share it."""

    def __init__(self, database: Database, authorities: frozenset[str], sinces: Sinces) -> None:
        self._database, self._authorities, self._sinces = database, authorities, sinces

    def follow(self, most: int = FOLLOWED_AT_ONCE) -> int:
        """Copy what up to so many further entries touched; return how many entries are left to follow."""
        with self._database.pool.connection() as connection:
            upto, size = _reach(connection)
            if upto >= size:
                return 0
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
                upto, size = _reach(connection)
                stop = min(size, upto + most)
                telling = Telling(connection, self._authorities, self._sinces, upto, stop)
                copy_touched(connection, upto, stop)
                telling.settle()
                connection.execute("update holding_upto set upto = %s", (stop,))
        return size - stop

    def counts(self, organisation: str) -> list[tuple[str, str, int]]:
        """Return how many batteries an organisation has, by place and phase."""
        query = (
            "select place, phase, number from holding_count where holder = %s and number > 0 order by 1, 2"
        )
        with self._database.pool.connection() as connection:
            return connection.execute(query, (organisation,)).fetchall()

    def count(self, organisation: str, wanted: Wanted, most: int = MAX_COUNTED + 1) -> int:
        """Return how many of an organisation's batteries are wanted; up to `most` where it is not kept."""
        wanted.check()
        if wanted.is_kept:
            return sum(
                number
                for place, phase, number in self.counts(organisation)
                if wanted.place in {None, place} and wanted.phase in {None, phase}
            )
        query = f"""
            select count(*) from
                (select from holding where holder = %(holder)s{wanted.condition} limit %(limit)s) found
            """  # noqa: S608 - made of our own words
        values = wanted.values | {"holder": organisation, "limit": most}
        with self._database.pool.connection() as connection:
            return _number(connection, query, values)

    def page(
        self, organisation: str, wanted: Wanted, limit: int, after: str | None = None
    ) -> tuple[list[Held], str | None]:
        """
        Return some of an organisation's batteries, and the `after` of the next page or None.

        In the order of their codes a page neither leaves out nor repeats any, whatever is reported
        meanwhile. In that of their last events, one that something new happens to is at the front again.
        """
        wanted.check()
        further, order = _AFTER[wanted.sort]
        condition = wanted.condition + (f" and {further}" if after else "")
        query = _PAGE.format(condition=condition, order=order)
        values = wanted.values | _place(after, wanted.sort) | {"holder": organisation, "limit": limit + 1}
        with self._database.pool.connection() as connection:
            found = [Held(*row) for row in connection.execute(query, values)]
        following = _name(found[limit - 1], wanted.sort) if len(found) > limit else None
        return found[:limit], following

    def follow_all(self) -> None:
        """Follow what is left, for five seconds at most: who reads much can wait so long for the newest."""
        until = time.monotonic() + _FOLLOWED_WITHIN_S
        while self.follow(FOLLOWED_AT_ONCE) and time.monotonic() < until:
            pass

    def incoming(
        self, organisation: str, limit: int, after: str | None = None
    ) -> tuple[list[Held], str | None]:
        """Return the batteries on the way to an organisation by their codes, and the next `after`."""
        Wanted(part=after).check()
        query = (
            f"select {_COLUMNS} from holding where bound_for = %s and code > %s"  # noqa: S608
            " order by code limit %s"
        )
        with self._database.pool.connection() as connection:
            found = [Held(*row) for row in connection.execute(query, (organisation, after or "", limit + 1))]
        return found[:limit], found[limit - 1].code if len(found) > limit else None

    def bound(self, organisation: str, codes: Iterable[str]) -> list[Held]:
        """Return those of these batteries that are on the way to an organisation."""
        query = f"select {_COLUMNS} from holding where bound_for = %s and code = any(%s) order by code"  # noqa: S608
        with self._database.pool.connection() as connection:
            wanted = [code for code in codes if "\0" not in code]
            return [Held(*row) for row in connection.execute(query, (organisation, wanted))]

    def count_incoming(self, organisation: str) -> int:
        """Return how many batteries are on the way to an organisation."""
        query = (
            "select count(*) from (select from holding where bound_for = %(holder)s limit %(limit)s) found"
        )
        with self._database.pool.connection() as connection:
            return _number(connection, query, {"holder": organisation, "limit": MAX_COUNTED + 1})


def holding_of(organisation: str, wanted: Wanted, *, incoming: bool = False) -> tuple[str, dict[str, Any]]:
    """
    Return the query for all of an organisation's batteries that are wanted, or for what is on the way to it.

    Its rows are as `Held` has them; they are read in a snapshot. Raises UsageError.
    """
    wanted.check()
    whose = "bound_for" if incoming else "holder"
    order = _AFTER[wanted.sort][1]
    query = f"select {_COLUMNS} from holding where {whose} = %(of)s{wanted.condition} order by {order}"  # noqa: S608
    return query, wanted.values | {"of": organisation}


def copy_touched(connection: Connection, start: int, stop: int) -> None:
    """Copy the states of the batteries that these entries are about, as they stand."""
    touched = connection.execute(_TOUCHED, (start, stop), binary=True).fetchall()
    if not touched:
        return
    connection.execute(_STAGE)
    rows.copy_in(connection, "holding_stage", (_row(held) for row in touched for held in held_of(*row)))
    codes = [code for code, *_ in touched]
    connection.execute(_TALLY.format(sign="-"), (codes,))
    connection.execute(_GONE, (codes,))
    connection.execute(_KEPT)
    connection.execute(_TALLY.format(sign="+"), (codes,))


def held_of(code: str, seq: int, latest_us: int, state: bytes) -> list[Held]:
    """Return who has a battery by its state: nobody, its holder, or each of those who dispute it."""
    battery = decode_state("battery:" + code, state)
    if not isinstance(battery, Battery):
        return []
    found: dict[str, Held] = {}
    for claim in battery.claims:
        if claim.holder is not None:
            found[claim.holder] = Held(
                code,
                claim.holder,
                claim.to,
                battery.place,
                battery.phase,
                battery.model_id,
                len(battery.findings),
                claim.since,
                _EPOCH + timedelta(microseconds=latest_us),
                seq,
            )
    return list(found.values())


def level_of(held: Held) -> str | None:
    """Return whether a battery is a pack, a module or a cell, by its code; None where that does not say."""
    return level_by_letter(held.code)


def level_by_letter(code: str) -> str | None:
    """Return whether a code is one of a pack, a module or a cell, by its letter alone; None for an NC- id."""
    return _LEVEL_OF.get(code[3:4])


def as_text(held: Iterable[Held]) -> str | None:
    """Return what must have been copied of a battery, as `COPIED` reads it."""
    told = (
        (
            *(one.holder, one.bound_for or "", one.place, one.phase, one.model or "", one.findings),
            *(_us(one.since), _us(one.latest), one.seq),
        )
        for one in sorted(held, key=lambda one: one.holder)
    )
    return "\n".join("|".join(map(str, one)) for one in told) or None


def _row(held: Held) -> bytes:
    return b"".join(
        (
            copy.columns(10),
            copy.blob(held.code.encode()),
            *map(copy.text, (held.holder, held.bound_for, held.place, held.phase, held.model)),
            copy.integer(held.findings),
            _when(held.since),
            _when(held.latest),
            copy.bigint(held.seq),
        )
    )


def _when(when: datetime | None) -> bytes:
    return copy.NULL if when is None else copy.timestamp(_us(when))


def _us(when: datetime | None) -> int:
    return 0 if when is None else (when - _EPOCH) // timedelta(microseconds=1)


def _reach(connection: Connection) -> tuple[int, int]:
    """Return up to where the record was followed, and how many entries it has."""
    upto, size = rows.one(connection, "select upto, (select base + size from log) from holding_upto")
    return upto, size or 0


def _number(connection: Connection, query: str, values: dict[str, Any]) -> int:
    (number,) = connection.execute(query, values).fetchone() or (0,)
    return int(number)


def _name(held: Held, sort: str) -> str:
    return held.code if sort == "code" else f"{held.seq}-{held.code}"


def _place(after: str | None, sort: str) -> dict[str, Any]:
    """Return where a page begins. Raises UsageError for what is no `after`."""
    if not after:
        return {}
    seq, _, code = ("0", "", after) if sort == "code" else after.partition("-")
    if "\0" in after or not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")
    return {"seq": int(seq), "code": code}
