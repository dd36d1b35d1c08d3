"""
Lots of material, and the runs that make and use them: tables behind the log, and what recycling reads.

They follow from the record (`following.py`). A run's row says where its line stands and not what it says:
masses and assays are read from the line that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from voltrail.database.database import Connection, Texts
from voltrail.errors import UsageError
from voltrail.events.kinds import (
    Corrected,
    CreditSpent,
    Dismantled,
    Recycled,
    batteries,
    decode_taken,
    subjects,
)
from voltrail.lifecycle import Recorded, decode_state
from voltrail.lifecycle.fold import effective_events, last_corrections
from voltrail.lifecycle.lots import takings
from voltrail.lifecycle.state import Lot as LotState
from voltrail.lifecycle.state import Model
from voltrail.recycling.record import KINDS, Composition, Material, Run, lots_made
from voltrail.registry.following import Copy, Known, Row, Step, Table

AT_ONCE: Final = 1_000
MOST_AFTER: Final = 2_000  # runs that one battery is followed through

_ASKED: Final = frozenset({*KINDS, "lot_moved", "corrected"})

LOTS: Final = Table(
    "lot",
    {
        "lot": "text",
        "made": "int8",
        "made_at": "timestamptz",
        **dict.fromkeys(("maker", "holder", "site", "country", "substance", "origin"), "text"),
        "waste": "bool",
        "mass_mg": "int8",
        "taken_mg": "int8",
        "findings": "int2",
    },
    key=1,
    by="lot",
)
RUNS: Final = Table(
    "lot_run",
    {
        "seq": "int8",
        "subject": "text",
        "says": "int8",
        "at": "timestamptz",
        "reporter": "text",
        "site": "text",
        "batch": "text",
        "takes": "text[]",
    },
    key=1,
    by="subject",
)
BATTERIES: Final = Table("lot_battery", {"code": "text", "seq": "int8"}, key=2, by="code")

_RUNS: Final = """
select r.seq, r.reporter, e.line from ({wanted}) r join event e on e.seq = r.says order by r.at, r.seq
"""
# A batch is of the period in which its last run was.
_OF_PERIOD: Final = """
select r.seq, r.reporter, r.says, r.at from lot_run r join (
    select reporter, batch from lot_run group by 1, 2
    having (%(start)s::timestamptz is null or max(at) >= %(start)s)
       and (%(end)s::timestamptz is null or max(at) < %(end)s)
) b using (reporter, batch)
where (%(site)s::text is null or r.site = %(site)s)
  and (%(organisation)s::text is null or r.reporter = %(organisation)s)
  and (%(batch)s::text is null or r.batch = %(batch)s)
"""
_NAMED: Final = "select seq, reporter, says, at from lot_run where seq = any(%(seqs)s)"
_AROUND: Final = """
select seq, reporter, says, at from lot_run
where seq = (select made from lot where lot = %(lot)s) or takes @> array[%(lot)s]
"""
_ENDED: Final = """
select b.seq, e.line from lot_battery b join lot_run r using (seq) join event e on e.seq = r.says
where b.code = %s
"""
_LISTED: Final = "lot, made_at, maker, holder, site, substance, origin, waste, mass_mg, taken_mg, findings"
_MAKING: Final = "select distinct made from lot where lot = any(%s) and made is not null"
_COUNTS: Final = """
select b.seq, s.model, count(*) from lot_battery b left join subject s on s.id = 'battery:' || b.code
where b.seq = any(%s) group by 1, 2
"""
_STATE: Final = "select state from subject where id = %s"
_MODELS: Final = "select id, seq, state from subject where id = any(%s)"


class Scope(msgspec.Struct, frozen=True):
    """Of which runs: at a site, of an organisation, of a batch, in a period whose end is not of it."""

    site: str | None = None
    organisation: str | None = None
    batch: str | None = None
    start: datetime | None = None
    end: datetime | None = None


class Wanted(msgspec.Struct, frozen=True):
    """Which lots of a list: those that an organisation has or made, of a substance, with something left."""

    holder: str | None = None
    maker: str | None = None
    substance: str | None = None
    left: bool = False

    @property
    def condition(self) -> str:
        """The condition in SQL."""
        named = [name for name in ("holder", "maker", "substance") if getattr(self, name) is not None]
        left = " and taken_mg < mass_mg" if self.left else ""
        return "".join(f" and {name} = %({name})s" for name in named) + left

    @property
    def values(self) -> dict[str, Any]:
        """The values for `condition`."""
        return msgspec.structs.asdict(self)


class Listed(msgspec.Struct, frozen=True):
    """One lot of a list; its masses in milligrams."""

    lot: str
    made_at: datetime | None
    maker: str | None
    holder: str | None
    site: str | None
    substance: str | None
    origin: str | None
    waste: bool
    mass_mg: int
    taken_mg: int
    findings: int

    @property
    def left_mg(self) -> int:
        """Return how much is left."""
        return self.mass_mg - self.taken_mg


class Lots(Copy):
    """The lots of one database; threads and servers may share it."""

    upto = "lot_upto"

    def kinds(self, connection: Connection) -> Collection[str]:  # noqa: ARG002 - others ask the database
        """Return the kinds of event that it asks for."""
        return _ASKED

    def bring_up(self, step: Step) -> None:
        """Write the lots and runs that a step touches."""
        entries = [one for one in step.entries if one.recorded.event.kind in _ASKED]
        corrected = {
            name for one in entries if isinstance(one.recorded.event, Corrected) for name in one.subjects
        }
        touched = {name for one in entries for name in one.subjects if name.startswith("lot:")}
        known, connection = step.known, step.connection
        known.load(touched)
        named = sorted(name.removeprefix("lot:") for name in touched)
        LOTS.put(connection, named, lots_of(known, named))
        plain = [one.recorded for one in entries if not isinstance(one.recorded.event, Corrected)]
        runs = [run for run in plain if run.event.kind in KINDS]
        RUNS.put(connection, {subjects(run.event)[0] for run in runs}, map(_run, runs), keep=True)
        codes = {code for run in runs for code in used(run.event)}
        BATTERIES.put(connection, codes, _batteries(runs), keep=True)
        if corrected:
            known.read_chains(corrected)
            RUNS.put(connection, corrected, runs_of(known, corrected))
            codes = {name[8:] for name in corrected if name.startswith("battery:")}
            BATTERIES.put(connection, codes, batteries_of(known, codes))

    # ------------------------------------------------------------------ reading

    def material(self, scope: Scope = Scope()) -> Material:  # noqa: B008 - frozen
        """Return the runs of a scope, the lots that they make and use, and the models of their batteries."""
        with self._database.pool.connection() as connection:
            return read_material(connection, _OF_PERIOD, msgspec.structs.asdict(scope))

    def reached(self) -> int:
        """Return up to which entry the tables were followed."""
        with self._database.pool.connection() as connection:
            return int(connection.execute("select upto from lot_upto").fetchall()[0][0])

    def find(self, lot: str) -> LotState | None:
        """Return the state of a lot, None where nothing on record is about it."""
        if "\0" in lot:
            return None  # no name has it, and PostgreSQL takes none that does
        with self._database.pool.connection() as connection:
            return _state(connection, lot)

    def page(self, wanted: Wanted, most: int, after: str | None = None) -> tuple[list[Listed], str | None]:
        """Return lots in the order of their names, after one, and the `after` of the next page or None."""
        if "\0" in (after or ""):
            raise UsageError("usage.after", "U+0000 stands in `after`.", "Use `next` of the page before.")
        values = wanted.values | {"after": after or "", "most": most + 1}
        query = (
            f"select {_LISTED} from lot where lot > %(after)s{wanted.condition} order by lot limit %(most)s"  # noqa: S608
        )
        with self._database.pool.connection() as connection:
            found = [Listed(*row) for row in connection.execute(query, values)]
        return found[:most], found[most - 1].lot if len(found) > most else None

    def all(self, wanted: Wanted) -> Iterator[list[Listed]]:
        """Yield all lots that are wanted, in runs."""
        after: str | None = None
        while True:
            found, after = self.page(wanted, AT_ONCE, after)
            yield found
            if after is None:
                return

    def count(self, wanted: Wanted) -> int:
        """Return how many lots are wanted."""
        query = f"select count(*) from lot where true{wanted.condition}"  # noqa: S608 - our own words
        with self._database.pool.connection() as connection:
            (number,) = connection.execute(query, wanted.values).fetchall()[0]
            return int(number)

    def around(self, lot: str) -> Material:
        """Return the run that made a lot, and those that took of it."""
        with self._database.pool.connection() as connection:
            return read_material(connection, _AROUND, {"lot": lot})

    def ended(self, code: str) -> int | None:
        """Return the run that ended a battery, the last where several say so."""
        with self._database.pool.connection() as connection:
            found = connection.execute(_ENDED, (code,), binary=True).fetchall()
        ending = [seq for seq, line in found if not isinstance(read_event(line), CreditSpent)]
        return max(ending, default=None)

    def after(self, index: int, most: int = MOST_AFTER) -> tuple[Material, bool]:
        """Return a run and those that its lots went into, to any depth; False where there are more."""
        with self._database.pool.connection() as connection:
            seen, fresh = {index}, [index]
            while fresh and len(seen) <= most:
                runs = read_runs(connection, _NAMED, {"seqs": fresh})
                made = Texts(lot.lot for run in runs for lot in lots_made(run))
                found = connection.execute("select seq from lot_run where takes && %s", (made,)).fetchall()
                fresh = [seq for (seq,) in found if seq not in seen]
                seen.update(fresh)
            return read_material(connection, _NAMED, {"seqs": sorted(seen)[:most]}), not fresh

    def of_runs(self, indices: Iterable[int]) -> Material:
        """Return the runs of these entries, the lots that they make and use, and the models."""
        with self._database.pool.connection() as connection:
            return read_material(connection, _NAMED, {"seqs": list(indices)})


def read_material(connection: Connection, wanted: str, values: Mapping[str, Any]) -> Material:
    """Return the material of the runs that a query finds: seq, reporter, says, at."""
    found = read_runs(connection, wanted, values)
    lots = {lot.lot: lot for run in found for lot in lots_made(run)}
    taken = {name for run in found for name, _ in takings(run.event)}
    elsewhere = connection.execute(_MAKING, (Texts(taken - lots.keys()),)).fetchall()
    made = read_runs(connection, _NAMED, {"seqs": [seq for (seq,) in elsewhere]})
    lots |= {
        lot.lot: lot for run in made for lot in lots_made(run) if lot.lot in taken and lot.lot not in lots
    }
    runs, models = counted(connection, found)
    return Material(runs, lots, read_models(connection, models))


def counted(connection: Connection, runs: Collection[Run]) -> tuple[list[Run], set[str]]:
    """Return runs with how many batteries of which model each named, and the models."""
    counts: dict[int, dict[str | None, int]] = {}
    for seq, model, number in connection.execute(_COUNTS, ([run.index for run in runs],), binary=True):
        counts.setdefault(seq, {})[model] = number
    named = {model for models in counts.values() for model in models if model is not None}
    return [msgspec.structs.replace(run, models=counts.get(run.index, {})) for run in runs], named


def read_runs(connection: Connection, wanted: str, values: Mapping[str, Any]) -> list[Run]:
    """Return the runs that a query finds: seq, reporter, says, at; without their models."""
    query = _RUNS.format(wanted=wanted)
    found = connection.execute(query, values, binary=True)
    return [Run(seq, reporter, read_event(line)) for seq, reporter, line in found]


def _state(connection: Connection, lot: str) -> LotState | None:
    row = connection.execute(_STATE, ("lot:" + lot,), binary=True).fetchone()
    state = None if row is None else decode_state("lot:" + lot, bytes(row[0]))
    return state if isinstance(state, LotState) else None


def read_event(line: bytes) -> Any:
    """Return what a line says: of a correction, the line that it puts in the place of another."""
    event = decode_taken(line)
    return decode_taken(event.line.encode()) if isinstance(event, Corrected) and event.line else event


def read_models(connection: Connection, identifiers: Collection[str]) -> dict[str, Composition]:
    """Return what models are made of, as far as they are on record."""
    names = Texts(f"model:{one}" for one in identifiers)
    found: dict[str, Composition] = {}
    for name, seq, data in connection.execute(_MODELS, (names,), binary=True):
        model = decode_state(name, bytes(data))
        if isinstance(model, Model):
            found[model.model_id] = Composition(
                model.model_id, model.chemistry, model.mass_kg, model.energy_kwh, model.composition, seq
            )
    return found


# ------------------------------------------------------------- what follows


def lots_of(known: Known, names: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of some lots, whose states are loaded."""
    for name in names:
        lot = known.state("lot:" + name)
        if isinstance(lot, LotState):
            yield (
                lot.lot,
                lot.made,
                lot.made_at,
                lot.maker,
                lot.holder,
                lot.site,
                lot.country,
                lot.substance,
                lot.origin,
                lot.waste,
                lot.mass_mg,
                lot.taken_mg,
                len(lot.findings),
            )


def runs_of(known: Known, names: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of the runs that are first about some subjects, whose chains are read."""
    for name in names:
        chain = known.with_corrected({one.index: one for one, _ in known.chain(name)})
        last = last_corrections({one.index: one for one in chain})
        for one in effective_events(chain, name):
            if one.event.kind in KINDS and subjects(one.event)[0] == name:
                correction = last.get(one.index)
                yield _run(one, one.index if correction is None else correction.index)


def batteries_of(known: Known, codes: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of some batteries, whose chains are read."""
    for code in codes:
        yield from (row for row in _batteries(known.events("battery:" + code)) if row[0] == code)


def has_runs(events: Iterable[Recorded]) -> bool:
    """Return whether anything of these tables may follow from the entries of a subject."""
    return any(one.event.kind in _ASKED for one in events)


def used(event: Any) -> Sequence[str]:
    """Return the batteries that a run ended, or that a lot was spent on, without parts that go on."""
    if isinstance(event, Dismantled):
        return (event.code,)
    return batteries(event) if isinstance(event, Recycled | CreditSpent) else ()


def _batteries(runs: Iterable[Recorded]) -> Iterator[Row]:
    for run in runs:
        for code in used(run.event):
            yield code, run.index


def _run(recorded: Recorded, says: int | None = None) -> Row:
    event: Any = recorded.event
    return (
        recorded.index,
        subjects(event)[0],
        recorded.index if says is None else says,
        event.occurred_at,
        recorded.reporter,
        getattr(event, "site", None) or recorded.reporter,
        event.batch if event.batch is not None else f"#{recorded.index}",
        tuple(name for name, _ in takings(event)),
    )
