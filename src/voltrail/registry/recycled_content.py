"""
Recycled content of batteries, from the rows of lots: only what lies upstream of them is read.

It is kept nowhere: who takes of a lot later, or corrects an assay, changes what it gives to all. So it is
reckoned each time, for batteries that have credits and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from voltrail.database.database import Connection, Texts
from voltrail.events.kinds import CreditSpent
from voltrail.events.masses import kilograms
from voltrail.lifecycle import Battery, Model, decode_state
from voltrail.lifecycle.lots import takings
from voltrail.recycling.content import NOTHING, Content, content
from voltrail.recycling.record import Lot, Material, Run, lots_made
from voltrail.recycling.share import ELEMENTS, BatteryContent, beyond, credits_of, of_battery
from voltrail.registry.holdings import level_by_letter
from voltrail.registry.lots import counted, read_models, read_runs

_SPENT: Final = """
select b.code, b.seq from lot_battery b join lot_run r using (seq)
where b.code = any(%s) and r.takes <> '{}'
"""
# The lots upstream: what went in, and what went into the processes that made it. The runs that share a batch
# are one process. Row by row through indexes, whatever the planner thinks of how many there are.
_UPSTREAM: Final = """
with recursive up(lot) as (
    select unnest(takes) from lot_run where seq = any(%(spent)s)
  union
    select taken.lot from up cross join lateral (
        select unnest(o.takes) as lot
        from lot l join lot_run r on r.seq = l.made
        join lot_run o on o.reporter = r.reporter and o.batch = r.batch
        where l.lot = up.lot offset 0
    ) taken
)
select up.lot, l.made, l.taken_mg from up left join lot l on l.lot = up.lot
"""
_MAKING: Final = """
select o.seq, o.reporter, o.says, o.at from lot_run o join (
    select distinct reporter, batch from lot_run where seq = any(%(made)s)
) r on o.reporter = r.reporter and o.batch = r.batch
union
select seq, reporter, says, at from lot_run where seq = any(%(spent)s)
"""
# Whoever declares something of a lot shares with others that do; the rest matter by their sum alone.
# Lot by lot through the index: of many at once the planner reads the whole table instead.
_DECLARING: Final = """
select distinct r.seq, r.reporter, r.says, r.at
from unnest(%(lots)s::text[]) w(lot) cross join lateral (
    select seq, reporter, says, at from lot_run where takes @> array[w.lot] offset 0
) r cross join lateral (
    select from event where seq = r.says and position('recycled_kg'::bytea in line) > 0 offset 0
) e
"""
_STATES: Final = "select id, state from subject where id = any(%s)"


class Upstream(msgspec.Struct, frozen=True):
    """
    What lies upstream of some credits: its material, the lots that went into it, and how much was taken of
    each lot by all, in milligrams.
    """

    material: Material
    lots: frozenset[str]
    taken: Mapping[str, int]

    def content(self) -> Content:
        """Return its recycled content, of the elements that a battery's is told of."""
        return content(self.material, self.taken, ELEMENTS)


def spent_on(connection: Connection, codes: Iterable[str]) -> dict[str, set[int]]:
    """Return the runs in which something was spent on batteries; without those on which nothing was."""
    found: dict[str, set[int]] = {}
    for code, seq in connection.execute(_SPENT, (Texts(codes),), binary=True):
        found.setdefault(code, set()).add(seq)
    return found


def upstream(connection: Connection, spent: Iterable[int]) -> Upstream:
    """Return what lies upstream of runs in which something was spent."""
    seqs = sorted(set(spent))
    found = connection.execute(_UPSTREAM, {"spent": seqs}, binary=True).fetchall()
    made = sorted({made for _, made, _ in found if made is not None})
    runs = {run.index: run for run in read_runs(connection, _MAKING, {"spent": seqs, "made": made})}
    for run in read_runs(connection, _DECLARING, {"lots": Texts(lot for lot, *_ in found)}):
        if isinstance(run.event, CreditSpent):
            runs.setdefault(run.index, run)
    lots = {lot.lot: lot for run in runs.values() for lot in lots_made(run)}
    taken = {lot: mass for lot, _, mass in found if mass is not None}
    return Upstream(_material(connection, runs.values(), lots), frozenset(lot for lot, *_ in found), taken)


def _material(connection: Connection, runs: Iterable[Run], lots: dict[str, Lot]) -> Material:
    """Return a material with as much of models as recycled content needs: those of batteries that ended."""
    ended = [run for run in runs if not isinstance(run.event, CreditSpent)]
    whole, models = counted(connection, ended)
    others = [run for run in runs if isinstance(run.event, CreditSpent)]
    return Material([*whole, *others], lots, read_models(connection, models))


def parts_of(connection: Connection, battery: Battery) -> set[str]:
    """Return what is built into a battery now, to any depth."""
    found, fresh = set(battery.parts), set(battery.parts)
    while holding := [f"battery:{part}" for part in fresh if level_by_letter(part) != "cell"]:
        fresh = set()
        for name, data in connection.execute(_STATES, (Texts(holding),), binary=True):
            state = decode_state(name, bytes(data))
            fresh |= set(state.parts) - found if isinstance(state, Battery) else set()
        found |= fresh
    return found - {battery.code}


def content_of(
    connection: Connection,
    battery: Battery,
    composition: Mapping[str, float] | None,
    own: Collection[int],
    told: Content | None = None,
) -> BatteryContent | None:
    """
    Return the recycled content of a battery; None where nothing was spent on it.

    Of its own credits those of some entries count; and those of what is built into it. `told` is what is
    known of its own already, where it was read for many batteries at once.
    """
    spent = list(own)
    if battery.parts:
        spent += spent_in_parts(connection, battery.code, parts_of(connection, battery))
    if not spent:
        return None
    if told is None or len(spent) > len(own):
        told = upstream(connection, spent).content()
    return of_battery(credits_of(told, spent), composition)


def contents(connection: Connection, codes: Iterable[str]) -> Content | None:
    """Return what is known of what was spent on many batteries; None where there is nothing."""
    spent = spent_on(connection, codes)
    return upstream(connection, {seq for each in spent.values() for seq in each}).content() if spent else None


def spent_in_parts(connection: Connection, code: str, parts: Collection[str]) -> list[int]:
    """
    Return the runs in which something was spent on parts of a battery: once for each part.

    A part that two batteries say they have counts in the one that it says it is in.
    """
    spent = spent_on(connection, parts)
    above = _parents(connection, spent) if spent else {}
    return [seq for one, seqs in spent.items() if code in above[one] for seq in sorted(seqs)]


def all_spent(connection: Connection, battery: Battery) -> list[int]:
    """Return the runs in which something was spent on a battery or on its parts: once for each of them."""
    own = sorted(spent_on(connection, [battery.code]).get(battery.code, ()))
    if not battery.parts:
        return own
    return own + spent_in_parts(connection, battery.code, parts_of(connection, battery))


def _parents(connection: Connection, codes: Collection[str]) -> dict[str, set[str]]:
    """Return what each part is in by its own account, up to the top."""
    above: dict[str, str | None] = {}
    fresh = set(codes)
    while fresh:
        names = Texts(f"battery:{one}" for one in fresh)
        above |= dict.fromkeys(fresh)
        for name, data in connection.execute(_STATES, (names,), binary=True):
            state = decode_state(name, bytes(data))
            where = state.whereabouts if isinstance(state, Battery) else None
            above[name[8:]] = where.parent if where is not None and where.place == "in_parent" else None
        fresh = {parent for parent in above.values() if parent is not None} - above.keys()
    found: dict[str, set[str]] = {}
    for code in codes:
        parents = found[code] = set()
        at = above[code]
        while at is not None and at not in parents:
            parents.add(at)
            at = above[at]
    return found


# ---------------------------------------------------------------------- one battery, told


class Stage(msgspec.Struct, frozen=True):
    """
    A lot that went into a battery, `steps` processes before it: what of each element in it is recycled, in
    per cent, rounded down.
    """

    lot: Lot
    steps: int
    percent: Mapping[str, float]


class Doubt(msgspec.Struct, frozen=True):
    """What does not add up: a rule, about what, and its two numbers, where it has such."""

    rule: str
    about: str
    element: str | None = None
    said: float | None = None
    counts: float | None = None


class Told(msgspec.Struct, frozen=True):
    """
    What of a battery is recycled, by whose word, the lots that it comes of, the nearest first, and what does
    not add up.
    """

    content: BatteryContent
    makers: frozenset[str]
    stages: tuple[Stage, ...]
    doubts: tuple[Doubt, ...]


def tell(connection: Connection, battery: Battery, model: Model | None) -> Told | None:
    """Return what of a battery is recycled, and from where; None where nothing was spent on it."""
    spent = all_spent(connection, battery)
    if not spent:
        return None
    above, seqs = upstream(connection, spent), set(spent)
    told = above.content()
    found = of_battery(credits_of(told, spent), None if model is None else model.composition)
    stages = []
    for name, steps in sorted(_steps(above.material, seqs).items(), key=lambda one: (one[1], one[0])):
        held, recycled = told.held.get(name, {}), told.recycled.get(name, {})
        if name in above.material.lots:
            percent = {
                element: sum(recycled.get(element, NOTHING)) * 10_000 // amount / 100
                for element, amount in held.items()
                if amount
            }
            stages.append(Stage(above.material.lots[name], steps, percent))
    declared = {} if model is None else {name: said.value for name, said in model.points.items()}
    numbers = {name: value for name, value in declared.items() if isinstance(value, int | float)}
    makers = frozenset(run.reporter for run in above.material.runs if run.index in seqs)
    return Told(found, makers, tuple(stages), tuple(_doubts(above, told, seqs, found, numbers)))


def _steps(material: Material, spent: Collection[int]) -> dict[str, int]:
    """Return how many processes each lot upstream is before the battery."""
    runs = {run.index: run for run in material.runs}
    steps: dict[str, int] = {}
    fresh = {name for index in spent if index in runs for name, _ in takings(runs[index].event)}
    number = 0
    while fresh:
        steps |= dict.fromkeys(fresh, number)
        number += 1
        makers = {material.lots[name].index for name in fresh if name in material.lots}
        batches = {runs[index].batch for index in makers if index in runs}
        found = (
            run for run in material.runs if run.batch in batches and not isinstance(run.event, CreditSpent)
        )
        fresh = {name for run in found for name, _ in takings(run.event)} - steps.keys()
    return steps


def _doubts(
    above: Upstream,
    told: Content,
    spent: Collection[int],
    found: BatteryContent,
    declared: Mapping[str, float],
) -> Iterable[Doubt]:
    for name, (said, shown) in beyond(found.points(), declared).items():
        yield Doubt("declared_beyond", name, None, said, shown)
    for share in found.shares:
        if share.declared is None:
            yield Doubt("no_composition", share.element)
    for lot in sorted(above.lots):
        if lot in told.circular:
            yield Doubt("circular", lot)
        known = above.material.lots.get(lot)
        if known is None:
            yield Doubt("not_made", lot)
        elif above.taken.get(lot, 0) > known.mass_mg:
            yield Doubt("overdrawn", lot, None, kilograms(above.taken[lot]), kilograms(known.mass_mg))
        for element, (said_mg, counts) in told.cut.get(lot, {}).items():
            yield Doubt("cut", lot, element, kilograms(said_mg), kilograms(counts))
    for _, credit in credits_of(told, spent):
        for element, (said_mg, counts) in credit.cut.items():
            yield Doubt("cut", credit.lot, element, kilograms(said_mg), kilograms(counts))
