"""
Recycled content: which part of a lot was won from waste, followed through processes into batteries.

Of each element a lot holds so many milligrams (assay times dry mass), and a part of them is recycled. It is
told apart by where it came from (`SOURCES`): batteries that ended on this record; waste after use, as whoever
brought it in said; what was left over from making. All is in whole milligrams, and divisions round down:
so what arrives is at most what began, whatever was reported in whatever order, and no milligram counts twice.

**A lot** gives to each who takes of it the part that his kilograms are of it, or of all that was taken where
that is more. A battery's maker may say by mass balance how much he makes use of (`recycled_kg` of
`credit_spent`): those who do share what is theirs together with what lies in stock, cut in proportion where
they say more. So nobody loses by what another says.

**A process** gives what came in to what came out. Losses take their part with them: no output is richer than
all that went in. Outputs get it in proportion to what they hold of the element (segregation). Where some
declare `recycled_kg` (mass balance), those come first, cut in proportion where they declare more than came
through, and what is left goes to the others. No output has more than it holds. Runs that share a batch are
one process, unless it would feed itself: then each of its stages is one, or each run.

**Batteries** that end give what came out beyond what else went in, and at most what their models are made of,
where that is on record. Lots that feed themselves have no recycled content.

This module is the reference, by which one battery's figures are told and evidence is held; `content_arrays`
does the same for a whole record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from voltrail.events.kinds import CreditSpent, LotCreated, LotProcessed
from voltrail.events.masses import milligrams
from voltrail.events.structs import Yield
from voltrail.lifecycle.lots import takings
from voltrail.recycling.record import Lot, Material, Run, RunEvent

SOURCES: Final = ("used", "declared", "waste")
"""Where recycled material is from: batteries ended here; waste after use as declared; manufacturing waste."""

Amounts: TypeAlias = tuple[int, int, int]
"""Milligrams of an element that are recycled, by source."""

NOTHING: Final[Amounts] = (0, 0, 0)
ORIGINS: Final = {"post_consumer": 1, "manufacturing_waste": 2}  # which source a lot's origin is


class Credit(msgspec.Struct, frozen=True):
    """
    What one `credit_spent` brought into each of its batteries, in milligrams of each element.

    `traced` is all that came with the lot, `recycled` the part of it that counts. `cut` are the elements of
    which less counts than was declared: (declared, counted), in all its batteries.
    """

    lot: str
    batteries: int
    traced: Mapping[str, int]
    recycled: Mapping[str, Amounts]
    cut: Mapping[str, tuple[int, int]]


class Content(msgspec.Struct, frozen=True):
    """
    What lots hold and which part is recycled, by element, in milligrams; what was spent, by the run's entry.

    `circular` are the lots that feed themselves. `cut` are outputs of which less counts than was declared.
    """

    held: Mapping[str, Mapping[str, int]]
    recycled: Mapping[str, Mapping[str, Amounts]]
    credits: Mapping[int, Credit]
    circular: frozenset[str]
    cut: Mapping[str, Mapping[str, tuple[int, int]]]


def content(
    material: Material, taken: Mapping[str, int] | None = None, elements: Collection[str] | None = None
) -> Content:
    """
    Return the recycled content of all lots, and what of it was spent; of some elements, or of all.

    `taken` says how much was taken of a lot in all, where the material does not hold all who took of it. It
    must hold those who declared something.
    """
    return _Reckoning(material, taken or {}, elements).run()


# -------------------------------------------------------------------- the record


def outputs(run: Run, lots: Mapping[str, Lot]) -> Iterable[tuple[Lot, dict[str, int]]]:
    """Yield the lots that a process made, and what it declares to be recycled of each, in milligrams."""
    event = run.event
    if isinstance(event, CreditSpent | LotCreated):
        return
    for made in event.outputs:
        lot = lots.get(made.lot)
        if lot is not None and lot.index == run.index:
            yield lot, declares(made) if isinstance(event, LotProcessed) else {}


def declares(said: Yield | RunEvent) -> dict[str, int]:
    """Return how much is declared to be recycled, in milligrams of each element."""
    return {element: milligrams(kg) for element, kg in (getattr(said, "recycled_kg", None) or {}).items()}


def held_of(lot: Lot) -> dict[str, int]:
    """Return how much of each element a lot holds, in milligrams."""
    dry = lot.dry_mg
    return {one.element: round(dry * one.fraction) for one in lot.assays}


def added(run: Run) -> dict[str, int]:
    """Return how much of each element was added to a process, in milligrams."""
    sums: dict[str, int] = defaultdict(int)
    for stream in getattr(run.event, "additions", ()):
        for one in stream.assays:
            sums[one.element] += round(milligrams(stream.mass_kg) * one.fraction)
    return sums


def in_batteries(runs: Iterable[Run], material: Material) -> dict[str, int] | None:
    """Return what the batteries that ended were made of, in milligrams; None where that is not on record."""
    sums: dict[str, int] = defaultdict(int)
    for run in runs:
        for name, number in run.models.items():
            model = material.models.get(name) if name is not None else None
            if model is None or model.elements_kg is None:
                return None
            for element, kg in model.elements_kg.items():
                sums[element] += milligrams(kg) * number
    return sums


# -------------------------------------------------------------------- processes


def stages(run: Run) -> tuple[Hashable, ...]:
    """Return what a run balances with: its batch, in that its stage, in that itself."""
    event = run.event
    return run.batch, event.process if isinstance(event, LotProcessed) else event.kind, run.index


def processes(material: Material) -> tuple[list[list[Run]], list[list[Run]]]:
    """
    Return which runs are one process, each after those it takes from; and those that feed themselves.

    The order of the runs decides only which of two comes first that need nothing of each other.
    """
    runs = [run for run in material.runs if not isinstance(run.event, CreditSpent | LotCreated)]
    makers = {lot.lot: place for place, run in enumerate(runs) for lot, _ in outputs(run, material.lots)}
    depth = dict.fromkeys((run.batch for run in runs), 1)
    while True:
        keys = [stages(run)[: depth[run.batch]] for run in runs]
        feeds: dict[Hashable, set[Hashable]] = {key: set() for key in keys}
        for key, run in zip(keys, runs, strict=True):
            feeds[key] |= {keys[makers[lot]] for lot, _ in takings(run.event) if lot in makers}
        found = components(feeds)
        circular = {key for one in found for key in one if len(one) > 1 or key in feeds[key]}
        coarse = {run.batch for key, run in zip(keys, runs, strict=True) if key in circular and len(key) < 3}
        if not coarse:
            break
        for batch in coarse:
            depth[batch] += 1
    members: dict[Hashable, list[Run]] = {key: [] for key in keys}
    for key, run in zip(keys, runs, strict=True):
        members[key].append(run)
    order = [key for one in found for key in one]
    return [members[key] for key in order if key not in circular], [members[key] for key in circular]


def components(feeds: Mapping[Hashable, Iterable[Hashable]]) -> list[list[Hashable]]:
    """
    Return the strongly connected components, each after those that it is fed by.

    Source: R. Tarjan, Depth-first search and linear graph algorithms, 1972; without recursion.
    """
    number: dict[Hashable, int] = {}
    low: dict[Hashable, int] = {}
    stack: list[Hashable] = []
    waiting: set[Hashable] = set()
    found = []
    for root in feeds:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        stack.append(root)
        waiting.add(root)
        path = [(root, iter(feeds[root]))]
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    waiting.add(other)
                    path.append((other, iter(feeds[other])))
                    break
                if other in waiting:
                    low[node] = min(low[node], number[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    found.append(_above(stack, node))
                    waiting.difference_update(found[-1])
    return found


def _above(stack: list[Hashable], node: Hashable) -> list[Hashable]:
    """Take a node and what stands above it from a stack."""
    taken = [stack.pop()]
    while taken[-1] != node:
        taken.append(stack.pop())
    return taken


# -------------------------------------------------------------------- reckoning


def share_out(recycled: Amounts, holds: Sequence[int], declared: Sequence[int | None]) -> list[Amounts]:
    """
    Return what of recycled material each of some has, of which each holds so much and declares so much.

    Those that declare come first, each up to what it holds; more than there is, is cut in proportion. What is
    left goes to the others, in proportion to what they hold and up to that.
    """
    whole = sum(recycled)
    asked = [None if said is None else min(said, held) for said, held in zip(declared, holds, strict=True)]
    all_asked = sum(one for one in asked if one is not None)
    silent = sum(held for held, one in zip(holds, asked, strict=True) if one is None)
    left = max(whole - all_asked, 0)
    counted = [
        min(part(left, held, silent), held) if one is None else part(one, whole, max(whole, all_asked))
        for held, one in zip(holds, asked, strict=True)
    ]
    return [_part(recycled, one, whole) for one in counted]


def part(amount: int, of: int, whole: int) -> int:
    """Return amount times of / whole, rounded down; nothing of nothing."""
    return amount * of // whole if whole else 0


class _Reckoning:
    def __init__(
        self, material: Material, taken: Mapping[str, int], elements: Collection[str] | None
    ) -> None:
        self.material = material
        self.elements = elements
        self.held = {name: self._wanted(held_of(lot)) for name, lot in material.lots.items()}
        self.recycled: dict[str, dict[str, Amounts]] = {name: {} for name in material.lots}
        self.cut: dict[str, dict[str, tuple[int, int]]] = {}
        sums: dict[str, int] = defaultdict(int)
        for run in material.runs:
            for lot, mass in takings(run.event):
                sums[lot] += mass
        self.taken = {name: taken.get(name, sums[name]) for name in material.lots}
        self.whole = {name: max(lot.mass_mg, self.taken[name]) for name, lot in material.lots.items()}

    def _wanted(self, amounts: dict[str, int]) -> dict[str, int]:
        if self.elements is None:
            return amounts
        return {element: amount for element, amount in amounts.items() if element in self.elements}

    def run(self) -> Content:
        """Return the content of everything."""
        for name, lot in self.material.lots.items():
            if lot.origin in ORIGINS:
                self.recycled[name] = {
                    element: _from(ORIGINS[lot.origin], held) for element, held in self.held[name].items()
                }
        fed, circular = processes(self.material)
        for runs in fed:
            self._process(runs)
        return Content(
            self.held,
            self.recycled,
            self._credits(),
            frozenset(lot.lot for runs in circular for one in runs for lot, _ in self._outputs(one)),
            self.cut,
        )

    def _outputs(self, run: Run) -> Iterable[tuple[Lot, dict[str, int]]]:
        return outputs(run, self.material.lots)

    def _process(self, runs: list[Run]) -> None:
        """Give what came into a process to what came out of it."""
        made = [(lot, self._wanted(said)) for run in runs for lot, said in self._outputs(run)]
        ended = [run for run in runs if not isinstance(run.event, LotProcessed)]
        of_batteries = in_batteries(ended, self.material)
        additions = [added(run) for run in runs]
        taken = [(lot, mass) for run in runs for lot, mass in takings(run.event) if lot in self.held]
        for element in {name for lot, said in made for name in (*self.held[lot.lot], *said)}:
            holds = [self.held[lot.lot].get(element, 0) for lot, _ in made]
            out = sum(holds)
            came, recycled = sum(each.get(element, 0) for each in additions), NOTHING
            for name, mass in taken:
                came += part(self.held[name].get(element, 0), mass, self.whole[name])
                recycled = sum_of(
                    recycled, _part(self.recycled[name].get(element, NOTHING), mass, self.whole[name])
                )
            if ended:
                won = max(out - came, 0)
                if of_batteries is not None:
                    won = min(won, of_batteries.get(element, 0))
                came += won
                recycled = sum_of(recycled, _from(0, won))
            through = _part(recycled, out, max(out, came))
            declared = [said.get(element) for _, said in made]
            for (lot, _), said, share in zip(
                made, declared, share_out(through, holds, declared), strict=True
            ):
                if any(share):
                    self.recycled[lot.lot][element] = share
                if said is not None and sum(share) < said:
                    self.cut.setdefault(lot.lot, {})[element] = (said, sum(share))

    def _credits(self) -> dict[int, Credit]:
        spent: dict[str, list[Run]] = defaultdict(list)
        for run in self.material.runs:
            if isinstance(run.event, CreditSpent):
                spent[run.event.lot].append(run)
        return {run.index: credit for lot, runs in spent.items() for run, credit in self._spend(lot, runs)}

    def _spend(self, lot: str, runs: list[Run]) -> Iterable[tuple[Run, Credit]]:
        """Yield what came of a lot into batteries."""
        number = [1 + len(getattr(run.event, "codes", ())) for run in runs]
        masses = [mass for run in runs for _, mass in takings(run.event)]
        held, whole = self.held.get(lot, {}), self.whole.get(lot, 0)
        traced: list[dict[str, int]] = [{} for _ in runs]
        counted: list[dict[str, Amounts]] = [{} for _ in runs]
        cut: list[dict[str, tuple[int, int]]] = [{} for _ in runs]
        said = [self._wanted(declares(run.event)) for run in runs]
        for element in sorted(held.keys() | {name for one in said for name in one}):
            holds = [part(held.get(element, 0), mass, whole) for mass in masses]
            declared = [one.get(element) for one in said]
            recycled = self.recycled.get(lot, {}).get(element, NOTHING)
            shares = self._shares(lot, recycled, masses, holds, declared)
            for place, (share, claimed) in enumerate(zip(shares, declared, strict=True)):
                traced[place][element] = holds[place] // number[place]
                counted[place][element] = _part(share, 1, number[place])
                if claimed is not None and sum(share) < claimed:
                    cut[place][element] = (claimed, sum(share))
        for place, run in enumerate(runs):
            yield run, Credit(lot, number[place], traced[place], counted[place], cut[place])

    def _shares(
        self,
        lot: str,
        recycled: Amounts,
        masses: Sequence[int],
        holds: Sequence[int],
        declared: Sequence[int | None],
    ) -> list[Amounts]:
        """Return what each who spends of a lot has of what is recycled of one element."""
        whole = self.whole.get(lot, 0)
        shares = [_part(recycled, mass, whole) for mass in masses]
        speaking = [place for place, said in enumerate(declared) if said is not None]
        silent = self.taken.get(lot, 0) - sum(masses[place] for place in speaking)
        pool = _part(recycled, whole - silent, whole)
        theirs = share_out(pool, [holds[p] for p in speaking], [declared[p] for p in speaking])
        for place, share in zip(speaking, theirs, strict=True):
            shares[place] = share
        return shares


def _part(amounts: Amounts, of: int, whole: int) -> Amounts:
    used, declared, waste = (part(amount, of, whole) for amount in amounts)
    return used, declared, waste


def sum_of(amounts: Amounts, others: Amounts) -> Amounts:
    """Return both together, by source."""
    used, declared, waste = (one + other for one, other in zip(amounts, others, strict=True))
    return used, declared, waste


def _from(source: int, amount: int) -> Amounts:
    used, declared, waste = (amount if place == source else 0 for place in range(3))
    return used, declared, waste
