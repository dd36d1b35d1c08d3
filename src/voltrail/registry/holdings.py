"""
Which batteries an organisation has: a copy of what the states say, in the order of its workspace.

It follows from the record (`following.py`), so an event pays nothing for its indexes, and whoever reads can
bring it up first. A part that is built in has no holder of its own, so it is not here; a battery that several
say to have is here for each of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.lifecycle import Battery, State
from voltrail.lifecycle.state import PHASES, PLACES
from voltrail.registry.following import FOLLOWED_AT_ONCE, Copy, Known, Row, Step, Sums, Table, difference
from voltrail.registry.outbox import Telling
from voltrail.registry.sights import Sinces

MAX_COUNTED: Final = 10_000  # batteries that a filter leaves; beyond, a page says only that there are more
_FOLLOWED_WITHIN_S: Final = 5
LEVELS: Final = {"pack": "P", "module": "M", "cell": "C"}
WHEREABOUTS: Final = (*PLACES, "disputed")
SORTS: Final = ("code", "last")

_LEVEL_OF: Final = {letter: name for name, letter in LEVELS.items()}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = "code, holder, bound_for, place, phase, model, findings, since, latest, seq"
TABLE: Final = Table(
    "holding",
    {
        **dict.fromkeys(("code", "holder", "bound_for", "place", "phase", "model"), "text"),
        "findings": "int4",
        "since": "timestamptz",
        "latest": "timestamptz",
        "seq": "int8",
    },
    key=2,
    by="code",
)
SUMS: Final = Sums("holding_count", dict.fromkeys(("holder", "place", "phase"), "text"))
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


class Holdings(Copy):
    """The batteries that organisations have; threads and servers may share it."""

    upto = "holding_upto"

    def __init__(self, database: Database, authorities: frozenset[str], sinces: Sinces) -> None:
        super().__init__(database, authorities)
        self._sinces = sinces

    def bring_up(self, step: Step) -> None:
        """Copy the states that a step touches, and tell webhooks of it."""
        connection, known = step.connection, step.known
        telling = Telling(connection, self._authorities, self._sinces, step.start, step.stop)
        gone, new = TABLE.put(connection, step.codes, rows_of(known, step.codes))
        SUMS.add(connection, difference(gone, new, lambda row: (row[1], row[3], row[4])))
        telling.settle()

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


def rows_of(known: Known, codes: Iterable[str]) -> Iterator[Row]:
    """Yield who has batteries, as rows."""
    for code in codes:
        slot = known.slot("battery:" + code)
        yield from map(msgspec.structs.astuple, held_of(slot.state, slot.last, slot.latest_us))


def held_of(battery: State | None, seq: int, latest_us: int) -> list[Held]:
    """Return who has a battery by its state: nobody, its holder, or each of those who dispute it."""
    if not isinstance(battery, Battery):
        return []
    found: dict[str, Held] = {}
    for claim in battery.claims:
        if claim.holder is not None:
            found[claim.holder] = Held(
                battery.code,
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
