"""
Material as arrays: what each batch took in and gave, and what is known of the content of each.

Everything that holds elements is a *source*, with one row of contents: a lot (shares of its dry mass), a
model (kg in one battery), a stream. What a run took or gave of it is an *item*: so much of a source, with a
sign. A balance is then a sum of items, and its uncertainty follows from the rows (`spread`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
import numpy as np

from voltrail.events.kinds import CreditSpent, Dismantled, LotCreated, LotProcessed, Recycled
from voltrail.events.masses import MG_PER_KG, milligrams
from voltrail.events.structs import Stream
from voltrail.recycling.policy import Policy
from voltrail.recycling.record import Lot, Material, Run
from voltrail.recycling.sources import ASSAY, MASS, NOTHING, TABLE, UNIT_KG, UNKNOWN, Floats, Ints, Sources
from voltrail.regimes.deadlines import CHINA

BATTERY, LOT, ADDITION, EMISSION, PARTS = range(5)  # what an item is
SEPARATION, REFINING, MAKING, HANDLING = range(4)  # the stage of a batch, the earliest of its runs

_STAGES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("discharge", "shred", "pyrolyse"), SEPARATION),
    **dict.fromkeys(("smelt", "leach", "precipitate", "refine", "repair"), REFINING),
    **dict.fromkeys(("synthesise", "make_cells"), MAKING),
    **dict.fromkeys(("blend", "split"), HANDLING),
}
MIXED: Final = "mixed"


class Batch(msgspec.Struct):
    """Runs that balance together: it belongs to the period and the site of its last event."""

    reporter: str
    name: str
    site: str
    last: datetime
    stage: int = HANDLING
    batteries: int = 0
    tolerance: float = 0.0
    is_measured: bool = False  # whether it says what came out
    is_weighed: bool = True  # whether the batteries that went in were
    chemistry: str | None = None

    @property
    def day(self) -> date:
        """Return the day of its last event, in China."""
        return _day(self.last)


class Flows:
    """
    A material as items and sources, as far as it was measured and declared; what is in the rest `estimates`
    says. Batches stand in the order of their names, whatever came first.

    `item_*` are columns of one table: the batch, the entry that says it, the source, what it is (LOT, …), how
    much of the source in units (dry kg or batteries; what comes out counts up, what goes in down), and the
    mass as it lay there in milligrams.
    """

    def __init__(self, material: Material, policy: Policy) -> None:
        self.policy = policy
        self.material = material
        self.batches: list[Batch] = _batches(material.runs)
        self.lots: list[Lot] = [material.lots[name] for name in sorted(material.lots)]
        self._row = {lot.lot: place for place, lot in enumerate(self.lots)}
        self.models: list[str] = sorted(material.models)
        self.model_place = {name: place for place, name in enumerate(self.models)}
        self._items: list[tuple[int, int, int, int, float, int]] = []
        self._streams: list[tuple[Stream, bool]] = []
        self._strangers: list[str] = []  # lots that were taken and never made
        self._outside: list[tuple[int, int, int]] = []  # lots that joined the record or went into batteries
        self.recyclers: dict[str, int] = {}  # of batteries of no known model
        self._collect(material)
        self._chemistries(material)
        self._finish()

    # ------------------------------------------------------------ the rows

    def name_of(self, row: int) -> tuple[str | None, str | None]:
        """Return the lot or the model that a row stands for."""
        if row < self.first_model:
            return (
                self.lots[row].lot if row < len(self.lots) else self._strangers[row - len(self.lots)]
            ), None
        if row < self.first_like:
            return None, self.models[row - self.first_model]
        return None, None

    def _collect(self, material: Material) -> None:
        """Turn runs into items; rows of other sources than lots are counted up from -1 and placed later."""
        place_of = {(one.reporter, one.name): place for place, one in enumerate(self.batches)}
        for run in material.runs:
            event = run.event
            if isinstance(event, (CreditSpent, LotCreated)):
                mg = milligrams(event.mass_kg) * (1 if isinstance(event, LotCreated) else -1)
                self._outside.append((self._lot_row(event.lot), mg, _day(event.occurred_at).toordinal()))
            else:
                self._run(place_of[run.batch], run)

    def _lot_row(self, name: str) -> int:
        row = self._row.get(name)
        if row is None:
            row = self._row[name] = len(self.lots) + len(self._strangers)
            self._strangers.append(name)
        return row

    def _run(self, batch: int, run: Run) -> None:
        event: Any = run.event
        index, add = run.index, self._items.append
        parts = isinstance(event, Dismantled) and (bool(event.codes) or bool(event.parts_mass_kg))
        if parts and not event.outputs:
            return  # what it was goes on, whole
        for taken in getattr(event, "inputs", ()):
            row = self._lot_row(taken.lot)
            mg = milligrams(taken.mass_kg)
            add((batch, index, row, LOT, -mg * self._dry(row), -mg))
        for made in event.outputs:
            row = self._lot_row(made.lot)
            mg = milligrams(made.mass_kg)
            add((batch, index, row, LOT, mg * self._dry(row), mg))
            if parts:
                add((batch, index, row, PARTS, -mg * self._dry(row), 0))
        for streams, role, sign in ((event.additions, ADDITION, -1), (event.emissions, EMISSION, 1)):
            for stream in streams:
                mg = sign * milligrams(stream.mass_kg)
                self._streams.append((stream, role == ADDITION))
                add((batch, index, -len(self._streams), role, mg, mg))
        if not isinstance(event, LotProcessed):
            self._batteries(batch, run, parts)

    def _dry(self, row: int) -> float:
        return 1 - (self.lots[row].moisture_fraction or 0) if row < len(self.lots) else 1.0

    def _batteries(self, batch: int, run: Run, parts: bool) -> None:
        """Add the batteries of a run: their content by model, and their mass as it was weighed."""
        event: Any = run.event
        index, add = run.index, self._items.append
        known_kg, strange, unweighed = 0.0, 0, 0
        for model, count in run.models.items():
            place = None if model is None else self.model_place.get(model)
            if place is None:
                strange += count
                continue
            add((batch, index, _MODELS + place, BATTERY, -count * MG_PER_KG, 0))
            if parts:
                add((batch, index, _MODELS + place, PARTS, count * MG_PER_KG, 0))
            mass = self.material.models[self.models[place]].mass_kg
            known_kg += count * (mass or 0.0)
            unweighed += count if mass is None else 0
        weighed = event.mass_kg
        if weighed is None and strange + unweighed:
            self.batches[batch].is_weighed = False
            add((batch, index, _UNWEIGHED, BATTERY, -(strange + unweighed) * MG_PER_KG, 0))
        mg = milligrams(known_kg if weighed is None else weighed)
        add((batch, index, _DECLARED if weighed is None else _WEIGHED, BATTERY, -mg, -mg))
        out = milligrams(getattr(event, "parts_mass_kg", None) or 0)
        if out:
            add((batch, index, _WEIGHED, PARTS, out, out))
        if strange:
            rest_mg = strange * milligrams(UNIT_KG) if weighed is None else max(mg - milligrams(known_kg), 0)
            like = self.recyclers.setdefault(run.reporter, len(self.recyclers))
            add((batch, index, _LIKE + like, BATTERY, -rest_mg, 0))
            if parts:
                add((batch, index, _LIKE + like, PARTS, rest_mg, 0))

    # ---------------------------------------------------------- chemistries

    def _chemistries(self, material: Material) -> None:
        """
        Say of each batch from batteries of which chemistry its material comes, over any number of lots.

        Joined until nothing changes, so that neither the order of runs nor a circle matters.
        """
        of: list[str | None] = [None] * len(self.batches)
        onward: dict[int, set[int]] = defaultdict(set)
        makers: dict[int, list[int]] = defaultdict(list)
        takers: dict[int, list[int]] = defaultdict(list)
        waiting: deque[int] = deque()
        for batch, _, row, role, units, _ in self._items:
            if role == LOT:
                (makers if units > 0 else takers)[row].append(batch)
            elif role == BATTERY and _MODELS <= row < _LIKE:
                chemistry = material.models[self.models[row - _MODELS]].chemistry
                if chemistry is not None:
                    of[batch] = _joined(of[batch], chemistry)
        for row, made in makers.items():
            for batch in made:
                onward[batch].update(takers.get(row, ()))
        waiting.extend(place for place, one in enumerate(of) if one is not None)
        while waiting:
            batch = waiting.popleft()
            for then in onward.get(batch, ()):
                joined = _joined(of[then], of[batch])
                if joined != of[then]:
                    of[then] = joined
                    waiting.append(then)
        for one, chemistry in zip(self.batches, of, strict=True):
            one.chemistry = chemistry
        self._lot_chemistry = {row: of[made[0]] for row, made in makers.items()}

    # ------------------------------------------------------------ as arrays

    def _finish(self) -> None:
        strangers, models, like = len(self._strangers), len(self.models), len(self.recyclers)
        self.first_model = len(self.lots) + strangers
        self.first_like = self.first_model + models
        self.first_stream = self.first_like + like
        weighed = self.first_stream + len(self._streams)
        self.sources = Sources(weighed + 3)
        table = np.array(self._items, dtype=np.float64).reshape(-1, 6)
        rows = table[:, 2].astype(np.int64)
        rows = np.select(
            [
                rows == _WEIGHED,
                rows == _DECLARED,
                rows == _UNWEIGHED,
                rows >= _LIKE,
                rows >= _MODELS,
                rows < 0,
            ],
            [
                np.full_like(rows, weighed),
                np.full_like(rows, weighed + 1),
                np.full_like(rows, weighed + 2),
                rows - _LIKE + self.first_like,
                rows - _MODELS + self.first_model,
                self.first_stream - 1 - rows,
            ],
            rows,
        )
        self.item_batch: Ints = table[:, 0].astype(np.int64)
        self.item_index: Ints = table[:, 1].astype(np.int64)
        self.item_source: Ints = rows
        self.item_role: Ints = table[:, 3].astype(np.int64)
        self.item_units: Floats = table[:, 4] / MG_PER_KG
        self.item_mg: Ints = table[:, 5].astype(np.int64)  # below 10¹⁵, so the doubles held them exactly
        sources = self.sources
        sources.content[: self.first_model, MASS] = 1.0
        sources.basis[: self.first_model, MASS] = ASSAY
        sources.measure_lots(self.lots, self._lot_chemistry, self.policy)
        declared = [self.material.models[name] for name in self.models]
        sources.declare_models(self.first_model, declared, self.policy)
        batteries = slice(self.first_model, self.first_stream)
        sources.common[batteries] = 1.0
        sources.is_weighed[batteries] = False
        sources.basis[batteries, MASS] = NOTHING  # their weight is an item of its own
        sources.measure_streams(self.first_stream, self._streams, self.policy)
        sources.basis[weighed + 2] = NOTHING
        sources.basis[weighed + 2, MASS] = UNKNOWN
        sources.unit_kg[weighed + 2] = UNIT_KG
        for row, relative in ((weighed, 0.0), (weighed + 1, self.policy.table_relative)):
            sources.basis[row] = NOTHING
            sources.basis[row, MASS] = TABLE if relative else ASSAY
            sources.content[row, MASS] = 1.0
            sources.uncertainty[row, MASS] = relative
        self._cap_taken()
        self.days: Ints = np.array([one.day.toordinal() for one in self.batches], np.int64)
        del self._items, self._streams

    def left_mg(self, until: date | None) -> Ints:
        """Return what is left of each lot at the end of a day, in milligrams, whoever has it."""
        last = date.max.toordinal() if until is None else until.toordinal()
        left: Ints = np.zeros(self.first_model, np.int64)
        ours = (self.item_role == LOT) & (self.days[self.item_batch] <= last)
        np.add.at(left, self.item_source[ours], self.item_mg[ours])
        for row, mg, day in self._outside:
            left[row] += mg if day <= last else 0
        return np.maximum(left, 0)

    def _cap_taken(self) -> None:
        """Of what was taken beyond what a lot had, nothing came in: takes of it count in part."""
        made: Ints = np.zeros(self.first_model, np.int64)
        made[: len(self.lots)] = [lot.mass_mg for lot in self.lots]
        taken: Ints = np.zeros(self.first_model, np.int64)
        ours = (self.item_role == LOT) & (self.item_units < 0)
        np.add.at(taken, self.item_source[ours], -self.item_mg[ours])
        over = (taken > made) & (np.arange(len(made)) < len(self.lots))
        part = np.where(over, made / np.maximum(taken, 1), 1.0)
        self.item_units[ours] *= part[self.item_source[ours]]


_WEIGHED: Final = 1 << 40  # rows until all are counted; doubles hold them exactly
_DECLARED: Final = _WEIGHED + 1
_UNWEIGHED: Final = _WEIGHED + 2
_LIKE: Final = 1 << 36
_MODELS: Final = 1 << 32


def _day(when: datetime) -> date:
    return when.astimezone(CHINA).date()


def _batches(runs: Sequence[Run]) -> list[Batch]:
    found: dict[tuple[str, str], Batch] = {}
    sites: dict[tuple[str, str], tuple[bool, datetime, str]] = {}
    for run in runs:
        event: Any = run.event
        if isinstance(event, (LotCreated, CreditSpent)):
            continue
        name = run.batch
        # The last that names a site decides; at one moment the greater name, whatever was reported first.
        site = event.site is not None, event.occurred_at, run.site
        sites[name] = max(sites.get(name, site), site)
        batch = found.get(name)
        if batch is None:
            batch = found[name] = Batch(*name, site=run.site, last=event.occurred_at)
        batch.site, batch.last = sites[name][2], max(batch.last, event.occurred_at)
        recycles = isinstance(event, (Recycled, Dismantled))
        batch.stage = min(batch.stage, SEPARATION if recycles else _STAGES[event.process])
        batch.batteries += sum(run.models.values()) if recycles else 0
        batch.tolerance = max(batch.tolerance, event.tolerance_fraction or 0.0)
        batch.is_measured = batch.is_measured or bool(event.outputs) or bool(event.emissions)
    return [found[name] for name in sorted(found)]


def _joined(one: str | None, other: str | None) -> str | None:
    if one is None or one == other:
        return other
    return one if other is None else MIXED
