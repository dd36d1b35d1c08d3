"""
Recycled content of a whole record, over arrays: what `content` says, to the milligram.

Rows are lots, processes and credits; columns are elements. Numba goes once through the processes, each after
those that it takes from. Whole numbers below 2⁵³ are multiplied and divided exactly (`_part`); where a sum of
masses is beyond that, nine million tonnes in one process, the reference reckons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from voltrail.events.kinds import CreditSpent, LotCreated, LotProcessed
from voltrail.events.masses import milligrams
from voltrail.recycling.content import ORIGINS, Content, Credit, added, content, declares, held_of, processes
from voltrail.recycling.record import Material, Run

EXACT: Final = 2**53
UNSAID: Final = -1

Amounts = NDArray[np.int64]


class Table(msgspec.Struct, frozen=True):
    """
    Recycled content as arrays of milligrams.

    `held` [lot, element]; `recycled` [lot, element, source]. Of what was spent, by `runs`, the entries, of a
    lot each, on so many `batteries`: what came into one of them, `traced` [run, element], and the recycled
    part of it, `counted` [run, element, source]. `circular` are lots that feed themselves.
    """

    elements: Sequence[str]
    lots: Mapping[str, int]
    held: Amounts
    recycled: Amounts
    runs: Sequence[int]
    spent: Amounts
    batteries: Amounts
    traced: Amounts
    counted: Amounts
    circular: frozenset[str]


def table(material: Material) -> Table:
    """Return the recycled content of all lots of a record, and what of it was spent."""
    rows = _Rows(material)
    if not rows.is_exact():
        return rows.by_reference(content(material))
    return rows.reckon()


class _Sparse:
    """Amounts by row and element, as they are read."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.amounts: list[int] = []

    def put(self, row: int, column: int, amount: int) -> None:
        self.rows.append(row)
        self.columns.append(column)
        self.amounts.append(amount)

    def added(self, shape: tuple[int, int], groups: Amounts | None = None) -> Amounts:
        """Return the sums by row, or by the group that a row is of."""
        whole = np.zeros(shape, np.int64)
        rows = np.array(self.rows, np.int64)
        np.add.at(
            whole, (rows if groups is None else groups[rows], np.array(self.columns, np.int64)), self.amounts
        )
        return whole

    def set(self, shape: tuple[int, int]) -> Amounts:
        """Return the amounts, and UNSAID where there is none."""
        whole = np.full(shape, UNSAID, np.int64)
        whole[self.rows, self.columns] = self.amounts
        return whole


class _Rows:
    """A material as rows, and what follows from each row by itself."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.lots = {name: row for row, name in enumerate(material.lots)}
        self.columns: dict[str, int] = {}
        self._read_lots()
        self._read_runs()
        self._settle()

    def _column(self, element: str) -> int:
        return self.columns.setdefault(element, len(self.columns))

    def _read_lots(self) -> None:
        held, origins = _Sparse(), []
        for row, lot in enumerate(self.material.lots.values()):
            for element, amount in held_of(lot).items():
                held.put(row, self._column(element), amount)
            origins.append(UNSAID if lot.origin is None else ORIGINS.get(lot.origin, UNSAID))
        self._held, self._origins = held, np.array(origins, np.int64)
        self.mass = np.array([lot.mass_mg for lot in self.material.lots.values()], np.int64)

    def _read_runs(self) -> None:
        self.runs: list[Run] = []  # the processes
        self.credits: list[Run] = []
        self._in: list[tuple[int, int, int]] = []  # process, lot, milligrams
        self._out: list[tuple[int, int]] = []  # process, lot
        self._spent: list[tuple[int, int, int]] = []  # lot, milligrams, batteries
        self._declared, self._claimed, self._added = _Sparse(), _Sparse(), _Sparse()
        self._of_batteries = _Sparse()
        self._ended: list[int] = []
        self._unknown: list[int] = []  # where not all batteries' models say what they are made of
        for run in self.material.runs:
            event = run.event
            if isinstance(event, CreditSpent):
                self._read_credit(run, event)
            elif not isinstance(event, LotCreated):
                self._read_process(run, event)

    def _read_credit(self, run: Run, event: CreditSpent) -> None:
        row = len(self.credits)
        self.credits.append(run)
        lot = self.lots.get(event.lot, UNSAID)
        self._spent.append((lot, milligrams(event.mass_kg), 1 + len(event.codes)))
        if event.recycled_kg:
            for element, amount in declares(event).items():
                self._claimed.put(row, self._column(element), amount)

    def _read_process(self, run: Run, event: Any) -> None:
        row = len(self.runs)
        self.runs.append(run)
        for made in event.outputs:
            lot = self.lots.get(made.lot, UNSAID)
            if lot != UNSAID and self.material.lots[made.lot].index == run.index:
                self._out.append((row, lot))
                if made.recycled_kg and isinstance(event, LotProcessed):
                    for element, amount in declares(made).items():
                        self._declared.put(lot, self._column(element), amount)
        for element, amount in added(run).items():
            self._added.put(row, self._column(element), amount)
        if isinstance(event, LotProcessed):
            for one in event.inputs:
                if (lot := self.lots.get(one.lot, UNSAID)) != UNSAID:
                    self._in.append((row, lot, milligrams(one.mass_kg)))
            return
        self._ended.append(row)
        for name, number in run.models.items():
            model = self.material.models.get(name) if name is not None else None
            if model is None or model.elements_kg is None:
                self._unknown.append(row)
                continue
            for element, kg in model.elements_kg.items():
                self._of_batteries.put(row, self._column(element), milligrams(kg) * number)

    def _settle(self) -> None:
        """Turn what was read into arrays."""
        shape = len(self.lots), len(self.columns)
        self.held = self._held.added(shape)
        self.declared = self._declared.set(shape)
        self.claimed = self._claimed.set((len(self.credits), len(self.columns)))
        self.into = np.array(self._in, np.int64).reshape(-1, 3)
        self.out = np.array(self._out, np.int64).reshape(-1, 2)
        self.spent = np.array(self._spent, np.int64).reshape(-1, 3)
        self.makers = np.full(len(self.lots), UNSAID, np.int64)
        self.makers[self.out[:, 1]] = self.out[:, 0]
        known = self.spent[self.spent[:, 0] != UNSAID]
        took = np.concatenate([self.into[:, 1:], known[:, :2]])
        self._taken = np.bincount(took[:, 0], took[:, 1].astype(np.float64), minlength=len(self.lots))
        self.taken = np.zeros(len(self.lots), np.int64)
        np.add.at(self.taken, took[:, 0], took[:, 1])
        self.whole = np.maximum(self.mass, self.taken)

    def is_exact(self) -> bool:
        """Return whether no sum of what comes together is beyond what is reckoned exactly."""
        batches = self._batches()
        sums = [
            np.bincount(batches[rows], amounts.astype(np.float64))
            for rows, amounts in (
                (self.into[:, 0], self.into[:, 2]),
                (self.out[:, 0], self.mass[self.out[:, 1]]),
                *(
                    (np.array(one.rows, np.int64), np.array(one.amounts))
                    for one in (self._added, self._of_batteries)
                ),
            )
        ]
        return all(one.max(initial=0) < EXACT / 8 for one in (*sums, self._taken, self.mass))

    def reckon(self) -> Table:
        """Return the content of everything, reckoned here."""
        recycled = np.zeros((*self.held.shape, 3), np.int64)
        from_outside = np.flatnonzero(self._origins != UNSAID)
        recycled[from_outside, :, self._origins[from_outside]] = self.held[from_outside]
        groups, count, circular = self._groups()
        order = np.argsort(groups[self.into[:, 0]], kind="stable")
        into, into_at = self.into[order], _starts(groups[self.into[order, 0]], count)
        order = np.argsort(groups[self.out[:, 0]], kind="stable")
        out, out_at = self.out[order], _starts(groups[self.out[order, 0]], count)
        turns = _turns(into_at, into[:, 1].copy(), self.makers, groups, count, circular)
        shape = count, len(self.columns)
        ended = np.zeros(count, np.int8)
        ended[groups[self._ended]] = 1
        ended[groups[self._unknown]] = 2
        came = self._added.added(shape, groups), self._of_batteries.added(shape, groups)
        lots = into[:, 1].copy(), into[:, 2].copy(), out_at, out[:, 1].copy()
        _spread(turns, into_at, *lots, self.held, self.whole, self.declared, ended, *came, recycled)
        traced, counted = _spend(self.spent, self.claimed, self.held, self.whole, self.taken, recycled)
        names = list(self.lots)
        return self._table(
            recycled,
            traced,
            counted,
            frozenset(names[lot] for row, lot in self._out if circular[groups[row]]),
        )

    def _groups(self) -> tuple[Amounts, int, NDArray[np.bool_]]:
        """Return the process of each run, how many there are, and which feed themselves."""
        groups = self._batches()
        count = int(groups.max(initial=-1)) + 1
        circular = np.zeros(count, np.bool_)
        order = np.argsort(groups[self.into[:, 0]], kind="stable")
        into = self.into[order]
        into_at = _starts(groups[into[:, 0]], count)
        if len(_turns(into_at, into[:, 1].copy(), self.makers, groups, count, circular)) == count:
            return groups, count, circular
        fed, fed_by_themselves = processes(self.material)
        places = {run.index: row for row, run in enumerate(self.runs)}
        for number, runs in enumerate((*fed, *fed_by_themselves)):
            groups[[places[run.index] for run in runs]] = number
        circular = np.arange(len(fed) + len(fed_by_themselves)) >= len(fed)
        return groups, len(circular), circular

    def _batches(self) -> Amounts:
        """Return which batch each run is of."""
        batches: dict[tuple[str, str], int] = {}
        return np.array([batches.setdefault(run.batch, len(batches)) for run in self.runs], np.int64)

    def _table(self, recycled: Amounts, traced: Amounts, counted: Amounts, circular: frozenset[str]) -> Table:
        return Table(
            list(self.columns),
            self.lots,
            self.held,
            recycled,
            [run.index for run in self.credits],
            self.spent[:, 0],
            self.spent[:, 2],
            traced,
            counted,
            circular,
        )

    def by_reference(self, told: Content) -> Table:
        """Return what the reference says, as arrays."""
        recycled = np.zeros((*self.held.shape, 3), np.int64)
        for name, amounts in told.recycled.items():
            for element, amount in amounts.items():
                recycled[self.lots[name], self.columns[element]] = amount
        traced = np.zeros((len(self.credits), len(self.columns)), np.int64)
        counted = np.zeros((*traced.shape, 3), np.int64)
        for row, run in enumerate(self.credits):
            credit: Credit = told.credits[run.index]
            for element, amount in credit.recycled.items():
                traced[row, self.columns[element]] = credit.traced[element]
                counted[row, self.columns[element]] = amount
        return self._table(recycled, traced, counted, told.circular)


def _starts(groups: Amounts, count: int) -> Amounts:
    """Return where the rows of each group begin, which are in the order of groups."""
    return np.searchsorted(groups, np.arange(count + 1)).astype(np.int64)


def _compiled(function: Callable[..., Any]) -> Any:
    """Return a function compiled, without the interpreter's lock; kept on disk where that can be."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither beside the code nor in the user's cache: each process compiles anew
        return njit(nogil=True)(function)


@_compiled
def _part(amount: Any, of: Any, whole: Any) -> Any:
    """
    Return amount times of / whole, rounded down: numbers below 2⁵³, one of the first two at most the whole.

    The double is wrong by at most 2; products wrap around 2⁶⁴, their difference is small and exact.
    """
    if whole == 0:
        return np.int64(0)
    found = np.int64(np.float64(amount) * np.float64(of) / np.float64(whole))
    left = amount * of - found * whole
    while left < 0:
        found -= 1
        left += whole
    while left >= whole:
        found += 1
        left -= whole
    return found


@_compiled
def _turns(into_at: Any, lots: Any, makers: Any, groups: Any, count: Any, circular: Any) -> Any:
    """Return the processes, each after those that it takes from; those in a circle are left out."""
    waits = np.zeros(count, np.int64)
    feeds = np.zeros(count + 1, np.int64)
    for group in range(count):
        for place in range(into_at[group], into_at[group + 1]):
            run = makers[lots[place]]
            if run >= 0 and not circular[groups[run]]:
                waits[group] += 1
                feeds[groups[run] + 1] += 1
    feeds = np.cumsum(feeds)
    fed = np.empty(feeds[count], np.int64)
    at = feeds[:count].copy()
    for group in range(count):
        for place in range(into_at[group], into_at[group + 1]):
            run = makers[lots[place]]
            if run >= 0 and not circular[groups[run]]:
                fed[at[groups[run]]] = group
                at[groups[run]] += 1
    turns = np.empty(count, np.int64)
    first, last = 0, 0
    for group in range(count):
        if waits[group] == 0 and not circular[group]:
            turns[last] = group
            last += 1
    while first < last:
        group = turns[first]
        first += 1
        for place in range(feeds[group], feeds[group + 1]):
            other = fed[place]
            waits[other] -= 1
            if waits[other] == 0 and not circular[other]:
                turns[last] = other
                last += 1
    return turns[:last]


@_compiled
def _spread(
    turns: Any, into_at: Any, into_lot: Any, into_mass: Any, out_at: Any, out_lot: Any, held: Any, whole: Any,
    declared: Any, ended: Any, added: Any, of_batteries: Any, recycled: Any,
) -> None:  # fmt: skip
    """Give what came into each process to what came out of it."""
    through = np.zeros(3, np.int64)
    for group in turns:
        for element in range(held.shape[1]):
            out = np.int64(0)
            for place in range(out_at[group], out_at[group + 1]):
                out += held[out_lot[place], element]
            if out == 0:
                continue
            came = added[group, element]
            through[:] = 0
            for place in range(into_at[group], into_at[group + 1]):
                lot, mass = into_lot[place], into_mass[place]
                if held[lot, element] == 0:
                    continue
                came += _part(held[lot, element], mass, whole[lot])
                for source in range(3):
                    if recycled[lot, element, source]:
                        through[source] += _part(recycled[lot, element, source], mass, whole[lot])
            if ended[group]:
                won = max(out - came, np.int64(0))
                if ended[group] == 1:
                    won = min(won, of_batteries[group, element])
                came += won
                through[0] += won
            all_through = np.int64(0)
            for source in range(3):
                through[source] = _part(through[source], out, max(out, came))
                all_through += through[source]
            if all_through == 0:
                continue
            asked, silent = np.int64(0), np.int64(0)
            for place in range(out_at[group], out_at[group + 1]):
                lot = out_lot[place]
                if declared[lot, element] < 0:
                    silent += held[lot, element]
                else:
                    asked += min(declared[lot, element], held[lot, element])
            left = max(all_through - asked, np.int64(0))
            for place in range(out_at[group], out_at[group + 1]):
                lot = out_lot[place]
                if declared[lot, element] < 0:
                    counted = min(_part(left, held[lot, element], silent), held[lot, element])
                else:
                    mine = min(declared[lot, element], held[lot, element])
                    counted = _part(mine, all_through, max(all_through, asked))
                for source in range(3):
                    recycled[lot, element, source] = _part(through[source], counted, all_through)


@_compiled
def _spend(spent: Any, claimed: Any, held: Any, whole: Any, taken: Any, recycled: Any) -> Any:
    """Return what came into each battery, and the recycled part of it."""
    number, elements = claimed.shape
    traced = np.zeros((number, elements), np.int64)
    counted = np.zeros((number, elements, 3), np.int64)
    asked = np.zeros(held.shape, np.int64)
    speaking = np.zeros(held.shape, np.int64)
    for row in range(number):
        lot, mass = spent[row, 0], spent[row, 1]
        if lot < 0:
            continue
        for element in range(elements):
            traced[row, element] = _part(held[lot, element], mass, whole[lot])
            if claimed[row, element] >= 0:
                speaking[lot, element] += mass
                asked[lot, element] += min(claimed[row, element], traced[row, element])
    pool = np.zeros(3, np.int64)
    for row in range(number):
        lot, mass, batteries = spent[row, 0], spent[row, 1], spent[row, 2]
        if lot < 0:
            continue
        for element in range(elements):
            if claimed[row, element] < 0:
                for source in range(3):
                    share = _part(recycled[lot, element, source], mass, whole[lot])
                    counted[row, element, source] = share // batteries
            else:
                theirs = whole[lot] - (taken[lot] - speaking[lot, element])
                all_pool = np.int64(0)
                for source in range(3):
                    pool[source] = _part(recycled[lot, element, source], theirs, whole[lot])
                    all_pool += pool[source]
                mine = min(claimed[row, element], traced[row, element])
                share = _part(mine, all_pool, max(all_pool, asked[lot, element]))
                for source in range(3):
                    counted[row, element, source] = _part(pool[source], share, all_pool) // batteries
            traced[row, element] //= batteries
    return traced, counted
