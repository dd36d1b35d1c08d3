"""
Where packs are, by province, maker, year and status: counts that an authority reads, and the lists behind
them.

As workspaces are, it is a copy that follows from the record, brought up behind the log and never part of an
append.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import UsageError
from voltrail.lifecycle import Battery
from voltrail.lifecycle.flows import STATUSES, Flow, flow_of, needed_for
from voltrail.registry import rows
from voltrail.registry.world import World

FOLLOWED_AT_ONCE: Final = 2_000  # entries
MAX_PAGE: Final = 1_000

_LOCK: Final = (
    0x566F6C7A  # beside those of migrations, accounts, applications, workspaces, duties and missing
)
_TOUCHED: Final = """
select distinct substr(name, 9) from event, unnest(subjects) name
where event.seq >= %s and event.seq < %s and name like 'battery:%%'
"""
_MAKERS: Final = """
insert into flow_maker
    select distinct on (1) substr(name, 9, 3), r.organisation
    from event e join report r on r.id = e.report, unnest(e.subjects) name
    where e.seq >= %s and e.seq < %s and name like 'battery:%%'
        and (e.kind = 'manufactured' or e.kind in ('repurposed', 'remanufactured') and length(name) = 27)
    order by 1, e.seq
on conflict do nothing
"""
_COUNTED: Final = "province, maker, year, type, status"
# Each table of counts by the columns that it has; the first that has all that is asked is read.
_TABLES: Final = {
    "flow_place_count": ("province", "maker", "status"),
    "flow_age_count": ("year", "type", "status"),
    "flow_count": ("province", "maker", "year", "type", "status"),
}
_ORDER: Final = ("status", "province", "maker", "year", "code")
_TYPES: Final = {"year": "int"}

Key = tuple[str, str, int, str, str]


class Wanted(msgspec.Struct, frozen=True):
    """Which packs: of a province, a maker's part of the code, a year, a status; "-" for what is not known."""

    province: str | None = None
    maker: str | None = None
    year: int | None = None
    status: str | None = None

    def check(self) -> None:
        """Raise UsageError for what no pack can be."""
        if self.status is not None and self.status not in STATUSES:
            raise UsageError(
                "usage.choice",
                f"There is no status {self.status[:40]!r}.",
                f"Use one of {', '.join(STATUSES)}.",
            )
        if any("\0" in (text or "") for text in (self.province, self.maker)):
            raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out.")

    @property
    def condition(self) -> str:
        """The condition in SQL; said only where meant."""
        named = [name for name in ("province", "maker", "year", "status") if getattr(self, name) is not None]
        return "".join(f" and {name} = %({name})s" for name in named)

    @property
    def values(self) -> dict[str, Any]:
        """The values for `condition`."""
        told = msgspec.structs.asdict(self)
        return told | {name: "" for name in ("province", "maker") if told[name] == "-"}


class Flows:
    """Where the packs of one database are; threads and servers may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow(self, most: int = FOLLOWED_AT_ONCE) -> int:
        """Bring up what up to so many further entries touch; return how many entries are left."""
        with self._database.pool.connection() as connection:
            upto, size = _reach(connection)
            if upto >= size:
                return 0
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
                upto, size = _reach(connection)
                stop = min(size, upto + most)
                _bring_up(connection, upto, stop)
                connection.execute("update flow_upto set upto = %s", (stop,))
        return size - stop

    def counts(self, wanted: Wanted, *by: str) -> list[tuple[Any, ...]]:
        """
        Return how many of the wanted packs there are by some of province, maker, year, type, status; in
        order.
        """
        return self._counts(wanted, {name: name for name in by})

    def ways(
        self, wanted: Wanted, makers: Sequence[str], provinces: Sequence[str], rest: str
    ) -> list[tuple[tuple[str, ...], int]]:
        """
        Return how many wanted packs went from maker to province to status; others than those named as
        `rest`.
        """
        folded = {
            name: f"case when {name} = any(%({name}s)s) then {name} else %(rest)s end"
            for name in ("maker", "province")
        }
        values = {"makers": list(makers), "provinces": list(provinces), "rest": rest}
        found = self._counts(wanted, folded | {"status": "status"}, values)
        return [(row[:3], row[3]) for row in found]

    def _counts(
        self, wanted: Wanted, by: Mapping[str, str], more: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        wanted.check()
        needed = {*by, *(name for name in _TABLES["flow_count"] if getattr(wanted, name, None) is not None)}
        table = next(name for name, columns in _TABLES.items() if needed <= set(columns))
        numbers = ", ".join(map(str, range(1, len(by) + 1)))
        query = (
            f"select {', '.join(by.values())}, sum(number)::bigint from {table}"  # noqa: S608 - our own words
            f" where number > 0{wanted.condition} group by {numbers} order by {numbers}"
        )
        with self._database.pool.connection() as connection:
            return connection.execute(query, wanted.values | dict(more or {})).fetchall()

    def makers(self) -> dict[str, str]:
        """Return which organisation was the first to make batteries under each maker's part of the code."""
        with self._database.pool.connection() as connection:
            return dict(connection.execute("select maker, organisation from flow_maker").fetchall())

    def page(self, wanted: Wanted, limit: int, after: str | None = None) -> tuple[list[Flow], str | None]:
        """
        Return some of the wanted packs, and the `after` of the next page or None.

        In the order of status, province, maker, year and code: an index has them so. What is wanted of one
        value alone is left out of the comparison, so that a page begins where it does and not before.
        """
        wanted.check()
        place = _place(after)
        free = [name for name in _ORDER if getattr(wanted, name, None) is None]
        given = ", ".join(f"%(after_{name})s" for name in free)
        query = (
            f"select code, {_COUNTED} from flow where ({', '.join(free)}) > ({given})"  # noqa: S608
            f"{wanted.condition} order by {', '.join(free)} limit %(limit)s"
        )
        values = wanted.values | place | {"limit": limit + 1}
        with self._database.pool.connection() as connection:
            found = [Flow(*row) for row in connection.execute(query, values)]
        return found[:limit], _name(found[limit - 1]) if len(found) > limit else None

    def all(self, wanted: Wanted) -> Iterator[list[Flow]]:
        """Yield all wanted packs, in runs: what is in memory is one run."""
        after: str | None = None
        while True:
            found, after = self.page(wanted, MAX_PAGE, after)
            yield found
            if after is None:
                return


def _bring_up(connection: Connection, start: int, stop: int) -> None:
    """Count anew the packs that these entries are about, as their states stand."""
    codes = [code for (code,) in connection.execute(_TOUCHED, (start, stop))]
    if not codes:
        return
    world = World(connection, ())
    world.load("battery:" + code for code in codes)
    states = [state for code in codes if isinstance(state := world.state("battery:" + code), Battery)]
    world.load(name for state in states for name in needed_for(state))
    found = [flow for state in states if (flow := flow_of(state, world.state)) is not None]
    changes: Counter[Key] = Counter()
    gone = connection.execute(f"delete from flow where code = any(%s) returning {_COUNTED}", (codes,))  # noqa: S608
    for row in gone:
        changes[row] -= 1
    with connection.cursor().copy(f"copy flow (code, {_COUNTED}) from stdin") as target:
        for one in found:
            target.write_row(msgspec.structs.astuple(one))
            changes[one.province, one.maker, one.year, one.type, one.status] += 1
    for table, columns in _TABLES.items():
        _add(connection, table, columns, changes)
    connection.execute(_MAKERS, (start, stop))


def _add(connection: Connection, table: str, columns: tuple[str, ...], changes: Counter[Key]) -> None:
    """Add to one table of counts."""
    places = [_TABLES["flow_count"].index(name) for name in columns]
    sums: Counter[tuple[Any, ...]] = Counter()
    for key, number in changes.items():
        sums[tuple(key[at] for at in places)] += number
    keys = sorted(key for key, number in sums.items() if number)
    if not keys:
        return
    names = ", ".join(columns)
    given = ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in columns)
    connection.execute(
        f"insert into {table} as c ({names}, number) select * from unnest({given}, %s::bigint[])"  # noqa: S608
        f" on conflict ({names}) do update set number = c.number + excluded.number",
        (*map(list, zip(*keys, strict=True)), [sums[key] for key in keys]),
    )


def _reach(connection: Connection) -> tuple[int, int]:
    """Return up to where the record was followed, and how many entries it has."""
    upto, size = rows.one(connection, "select upto, (select base + size from log) from flow_upto")
    return upto, size or 0


def _name(flow: Flow) -> str:
    return "/".join((flow.status, flow.province, flow.maker, str(flow.year), flow.code))


def _place(after: str | None) -> dict[str, Any]:
    """Return where a page begins. Raises UsageError for what is no `after`."""
    names = ("after_status", "after_province", "after_maker", "after_year", "after_code")
    parts = (after or "///-1/").split("/")
    year = parts[3] if len(parts) == 5 else ""
    if "\0" in (after or "") or not (year.isascii() and year.removeprefix("-").isdigit() and len(year) < 5):
        raise UsageError("usage.after", "This is no `after` of such a list.", "Begin with its first page.")
    return dict(zip(names, (*parts[:3], int(year), parts[4]), strict=True))
