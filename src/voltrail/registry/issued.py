"""
Which EU passports were issued: a row for each, behind the log.

It follows from the record (`following.py`). Where a row changes, the registration of that passport with the
EU registry is to be looked at again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from voltrail.database.database import Connection
from voltrail.lifecycle import Battery
from voltrail.lifecycle.passports import answers_for
from voltrail.registry.following import Copy, Known, Row, Step, Table

TABLE: Final = Table(
    "passport",
    {
        "code": "text",
        "number": "int2",
        "operator": "text",
        "status": "text",
        "since": "timestamptz",
        "until": "timestamptz",
        "why": "text",
        "entry": "int8",
    },
    key=2,
    by="code",
)

_LOOK_AGAIN: Final = """
insert into eu_registration (code, number) select * from unnest(%s::text[], %s::smallint[])
on conflict (code, number) do update set due_at = 'epoch', refused = null
"""


class Passports(Copy):
    """The passports of one database; threads and servers may share it."""

    upto = "passport_upto"

    def bring_up(self, step: Step) -> None:
        """Write the passports of the batteries that a step touches."""
        codes = step.codes
        gone, new = TABLE.put(step.connection, codes, passports_of(step.known, codes))
        look_again(step.connection, {(str(row[0]), int(row[1])) for row in gone | new})


def passports_of(known: Known, codes: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of some batteries, whose states are loaded."""
    having = [
        battery
        for code in codes
        if isinstance(battery := known.state("battery:" + code), Battery) and battery.passports
    ]
    known.read_chains("battery:" + one.code for one in having)
    for battery in having:
        events = known.events("battery:" + battery.code)
        for one in battery.passports:
            before = [it for it in events if one.until is None or it.event.occurred_at < one.until]
            operator = answers_for(before)
            yield (
                *(battery.code, one.number, operator, one.status),
                *(one.since, one.until, one.why, one.index),
            )


def look_again(connection: Connection, passports: Collection[tuple[str, int]]) -> None:
    """Have the registrations of some passports looked at again, whatever became of them."""
    if passports:
        connection.execute(_LOOK_AGAIN, list(map(list, zip(*sorted(passports), strict=True))))
