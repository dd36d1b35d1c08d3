"""Statements of swap networks: the swaps and measurements of a period, read for `swap.settlement`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from voltrail.database.database import Connection, Texts
from voltrail.errors import UsageError
from voltrail.registry.stations import SWAP_COLUMNS
from voltrail.swap.settlement import BILLION, Measured, Settlement, Swap, seen_by, settle

MAX_DAYS: Final = 400
MAX_SWAPS: Final = 500_000

# Of each pack as far back as its last swap and its last measurement before the period.
_PACKS: Final = """
with concerned as (
    select taken_out as code from swap where at >= %(since)s and at < %(until)s and taken_out is not null
    union select put_in from swap where at >= %(since)s and at < %(until)s and put_in is not null
    union select code from swap_pack_told where at >= %(since)s and at < %(until)s and soh is not null
)
select c.code, least(%(since)s::timestamptz,
    (select max(at) from swap_pack_told t where t.code = c.code and t.soh is not null and t.at < %(since)s),
    (select max(at) from swap where taken_out = c.code and at < %(since)s),
    (select max(at) from swap where put_in = c.code and at < %(since)s))
from concerned c
"""
_SWAPS: Final = f"""
select distinct on (s.seq) {SWAP_COLUMNS}
from unnest(%(codes)s::text[], %(froms)s::timestamptz[]) p (code, since)
join swap s on (s.taken_out = p.code or s.put_in = p.code) and s.at >= p.since and s.at < %(until)s
order by s.seq limit %(most)s
"""  # noqa: S608 - our own words
_MEASURED: Final = """
select t.code, t.seq, t.at, t.soh from unnest(%(codes)s::text[], %(froms)s::timestamptz[]) p (code, since)
join swap_pack_told t on t.code = p.code and t.at >= p.since and t.at < %(until)s and t.soh is not null
"""


def check_period(since: datetime, until: datetime) -> None:
    """Raise UsageError for a period that ends before it begins, or that is longer than a year and a bit."""
    if not since < until:
        raise UsageError(
            "settlement.period", "The period ends before it begins.", "Give `from` and a later `until`."
        )
    if (until - since).days > MAX_DAYS:
        raise UsageError(
            "settlement.period",
            f"The period is longer than {MAX_DAYS} days.",
            "Ask for shorter ones: those that meet add up to the long one.",
        )


def read_settlement(
    connection: Connection, since: datetime, until: datetime, organisation: str | None
) -> tuple[Settlement, Settlement, list[Swap]]:
    """
    Return what is settled in a period, what of it is an organisation's (all for None), and the swaps.

    Raises UsageError for a period that cannot be settled, and for more swaps than are settled at once.
    """
    check_period(since, until)
    values: dict[str, object] = {"since": since, "until": until, "most": MAX_SWAPS + 1}
    packs = connection.execute(_PACKS, values).fetchall()
    values |= {"codes": Texts(code for code, _ in packs), "froms": [began for _, began in packs]}
    swaps = [Swap(*row) for row in connection.execute(_SWAPS, values, binary=True)]
    if len(swaps) > MAX_SWAPS:
        raise UsageError(
            "settlement.many",
            f"There are more than {MAX_SWAPS:,} swaps in the period.",
            "Ask for shorter ones: those that meet add up to the long one.",
        )
    measured = list(_measured(connection.execute(_MEASURED, values, binary=True)))
    settlement = settle(_whole(swaps, packs), measured, since, until)
    own = settlement if organisation is None else seen_by(settlement, organisation)
    return settlement, own, swaps


def _whole(swaps: list[Swap], packs: list[tuple[str, datetime]]) -> list[Swap]:
    """Return swaps with only those packs whose history was read as far back: others are beside the point."""
    froms = dict(packs)

    def kept(code: str | None, at: datetime) -> str | None:
        return code if code is not None and code in froms and at >= froms[code] else None

    return [
        msgspec.structs.replace(one, taken_out=kept(one.taken_out, one.at), put_in=kept(one.put_in, one.at))
        for one in swaps
    ]


def _measured(rows: Iterable[tuple[str, int, datetime, float]]) -> Iterable[Measured]:
    return (Measured(code, seq, at, round(soh * BILLION)) for code, seq, at, soh in rows)
