"""
Material as arrays: what each batch took in and gave, and what is known of the content of each.

Everything that holds elements is a *source*, with one row of contents: a lot (shares of its dry mass), a
model (kg in one battery), a stream. What a run took or gave of it is an *item*: so much of a source, with a
sign. A balance is then a sum of items, and its uncertainty follows from the rows (`spread`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.events.kinds import CreditSpent, Dismantled, LotCreated, LotProcessed, Recycled
from voltrail.events.masses import MG_PER_KG, milligrams
from voltrail.events.structs import Assay, Stream
from voltrail.recycling.contents import ELEMENTS, POWDER_PER_KG, SALTS, SORTS, by_formula, typical
from voltrail.recycling.policy import Policy
from voltrail.recycling.record import Lot, Material, Run
from voltrail.regimes.deadlines import CHINA

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

# What a content rests on; from FORMULA on it is an estimate, from BY_FEED on one from the plant's other reports.
UNKNOWN, NOTHING, ASSAY, COMPOSITION, FORMULA, TABLE, BY_FEED, LIKE_LOTS, LIKE_BATTERIES = range(9)
BASES: Final = (
    "unknown",
    "nothing",
    "assay",
    "composition",
    "formula",
    "table",
    "by_feed",
    "like_lots",
    "like_batteries",
)

COLUMN: Final = {element: place for place, element in enumerate(ELEMENTS)}
MASS: Final = len(ELEMENTS)  # what counts of the mass as won; of a battery its weight, told apart
POWDER: Final = MASS + 1  # electrode powder
COLUMNS: Final = POWDER + 1

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


class Sources:
    """
    The rows: content and standard uncertainty of each column per unit, and on what that rests.

    `kin` groups rows whose errors are alike: a maker's substance, a chemistry, a recycler's batteries. A
    share `common` of a row's variance is one with that of its kin; of estimates all of it is. `unit_kg` is
    the mass of a unit, of which all may be an element where nothing is known.
    """

    def __init__(self, rows: int) -> None:
        self.content: Floats = np.zeros((rows, COLUMNS))
        self.uncertainty: Floats = np.zeros((rows, COLUMNS))
        self.basis: npt.NDArray[np.int8] = np.zeros((rows, COLUMNS), np.int8)
        self.kin: Ints = np.zeros(rows, np.int64)
        self.substance: Ints = np.zeros(rows, np.int64)
        self.common: Floats = np.zeros(rows)
        self.is_weighed: Bools = np.ones(rows, np.bool_)
        self.unit_kg: Floats = np.ones(rows)


class Flows:
    """
    A material as items and sources. Batches stand in the order of their names, whatever came first.

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
        self._items: list[tuple[int, int, int, int, float, int]] = []
        self._streams: list[tuple[Stream, bool]] = []
        self._strangers: list[str] = []  # lots that were taken and never made
        self._outside: list[
            tuple[int, int, int]
        ] = []  # of lots that joined the record, or went into batteries
        self._reporters: dict[str, int] = {}
        self._collect(material)
        self._chemistries(material)
        self._finish()

    # ------------------------------------------------------------ the rows

    @property
    def strangers(self) -> Sequence[str]:
        """Return the lots that were taken and that the record does not know."""
        return self._strangers

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
        self._model = {name: place for place, name in enumerate(self.models)}
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
        known_kg, strange, is_known = 0.0, 0, True
        for model, count in run.models.items():
            place = None if model is None else self._model.get(model)
            if place is None:
                strange += count
                continue
            add((batch, index, _MODELS + place, BATTERY, -count * MG_PER_KG, 0))
            if parts:
                add((batch, index, _MODELS + place, PARTS, count * MG_PER_KG, 0))
            mass = self.material.models[self.models[place]].mass_kg
            known_kg += count * (mass or 0.0)
            is_known = is_known and mass is not None
        weighed = event.mass_kg
        if weighed is None and (strange or not is_known):
            self.batches[batch].is_weighed = False
        mg = milligrams(known_kg if weighed is None else weighed)
        add((batch, index, _DECLARED if weighed is None else _WEIGHED, BATTERY, -mg, -mg))
        out = milligrams(getattr(event, "parts_mass_kg", None) or 0)
        if out:
            add((batch, index, _WEIGHED, PARTS, out, out))
        if strange:
            rest_mg = max(mg - milligrams(known_kg), 0)
            like = self._reporters.setdefault(run.reporter, len(self._reporters))
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
        strangers, models, like = len(self._strangers), len(self.models), len(self._reporters)
        self.first_model = len(self.lots) + strangers
        self.first_like = self.first_model + models
        self.first_stream = self.first_like + like
        weighed = self.first_stream + len(self._streams)
        self.sources = Sources(weighed + 2)
        table = np.array(self._items, dtype=np.float64).reshape(-1, 6)
        rows = table[:, 2].astype(np.int64)
        rows = np.select(
            [rows == _WEIGHED, rows == _DECLARED, rows >= _LIKE, rows >= _MODELS, rows < 0],
            [
                np.full_like(rows, weighed),
                np.full_like(rows, weighed + 1),
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
        self._fill_lots()
        self._fill_models()
        self._fill_streams()
        self._estimate_lots()
        sources = self.sources
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

    def _fill_lots(self) -> None:
        sources, policy, count = self.sources, self.policy, len(self.lots)
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        doubts: list[float] = []
        kin: dict[tuple[str, str, str | None], int] = {}
        substances: dict[str, int] = {}
        for row, lot in enumerate(self.lots):
            _note(lot.assays, row, rows, columns, values, doubts, policy)
            alike = lot.maker, lot.substance, self._lot_chemistry.get(row)
            sources.kin[row] = kin.setdefault(alike, len(kin))
            sources.substance[row] = substances.setdefault(lot.substance, len(substances))
        sources.content[rows, columns] = values
        sources.uncertainty[rows, columns] = doubts
        sources.basis[rows, columns] = ASSAY
        sources.common[:count] = policy.assay_common_share
        sources.content[: self.first_model, MASS] = 1.0
        sources.basis[: self.first_model, MASS] = ASSAY

    def _estimate_lots(self) -> None:
        """
        Say what is in a lot of what nobody assayed in it: as in lots like it, or by its formula, or by what its
        batteries held.

        No two residues or solutions are alike: of those it stays unknown.
        """
        sources, count = self.sources, len(self.lots)
        sorts = np.array([SORTS[lot.substance] for lot in self.lots], dtype=object)
        products, powders = np.flatnonzero(sorts == "product"), np.flatnonzero(sorts == "powder")
        self._like_lots(products)
        self._by_formula()
        self._by_feed(sorts == "powder")
        self._like_lots(powders)
        elements = [COLUMN[one] for one in ELEMENTS if one not in {"C", "Na", "F"}]
        salts = np.flatnonzero(np.array([lot.substance in SALTS for lot in self.lots], np.bool_))
        sources.content[salts, MASS] = sources.content[salts][:, elements].sum(axis=1)
        sources.uncertainty[salts, MASS] = np.sqrt((sources.uncertainty[salts][:, elements] ** 2).sum(axis=1))
        metals = [COLUMN["Cu"], COLUMN["Al"]]
        sources.content[powders, POWDER] = 1 - sources.content[powders][:, metals].sum(axis=1)
        sources.uncertainty[powders, POWDER] = np.sqrt(
            (sources.uncertainty[powders][:, metals] ** 2).sum(axis=1)
        )
        sources.basis[:count, POWDER] = NOTHING
        sources.basis[powders, POWDER] = sources.basis[powders][:, metals].max(axis=1)

    def _by_formula(self) -> None:
        sources = self.sources
        substances = np.array([lot.substance for lot in self.lots], dtype=object)
        for substance in set(substances):
            shares = by_formula(substance)
            if shares is None:
                continue
            ours = np.flatnonzero(substances == substance)
            for element, column in COLUMN.items():
                bare = ours[sources.basis[ours, column] == UNKNOWN]
                share = shares.get(element, 0.0)
                sources.content[bare, column] = share
                sources.uncertainty[bare, column] = share * self.policy.formula_relative
                sources.basis[bare, column] = FORMULA if share else NOTHING

    def _by_feed(self, is_powder: npt.NDArray[Any]) -> None:
        """Take for what was not assayed in powders what went into their batch less what is in its other lots."""
        sources, batches = self.sources, len(self.batches)
        row, units, role = self.item_source, self.item_units, self.item_role
        basis, content = sources.basis[row][:, :MASS], sources.content[row][:, :MASS] * units[:, None]
        powder = (role == LOT) & (units > 0)
        powder[powder] = is_powder[row[powder]]
        bare = powder[:, None] & (basis == UNKNOWN)
        into = ((role == BATTERY) | (role == ADDITION) | (role == LOT)) & (units < 0)
        fed, rest, dry, lacks = (np.zeros((batches, MASS)) for _ in range(4))
        np.add.at(fed, self.item_batch, -content * into[:, None])
        np.add.at(rest, self.item_batch, -content)
        np.add.at(dry, self.item_batch, units[:, None] * bare)
        np.add.at(lacks, self.item_batch, into[:, None] & (basis == UNKNOWN))
        has = np.zeros(batches, np.bool_)
        has[self.item_batch[role == BATTERY]] = True
        known = has[:, None] & (lacks == 0) & (dry > 0)
        item, column = np.nonzero(bare & known[self.item_batch])
        batch, lot = self.item_batch[item], row[item]
        sources.content[lot, column] = np.maximum(rest[batch, column], 0.0) / dry[batch, column]
        sources.uncertainty[lot, column] = (
            self.policy.by_feed_relative * fed[batch, column] / dry[batch, column]
        )
        sources.basis[lot, column] = BY_FEED

    def _like_lots(self, ours: Ints) -> None:
        """Take for what was not assayed in lots the mean, by dry mass, of their kin that were."""
        sources, kinds = self.sources, int(self.sources.kin[: len(self.lots)].max(initial=-1)) + 1
        dry = np.array([self.lots[row].dry_mg for row in ours], np.float64).reshape(-1, 1)
        kin, basis = sources.kin[ours], sources.basis[ours][:, :MASS]
        known = basis == ASSAY
        weight: Floats = np.zeros((kinds, MASS))
        total: Floats = np.zeros((kinds, MASS))
        np.add.at(weight, kin, dry * known)
        np.add.at(total, kin, dry * sources.content[ours][:, :MASS] * known)
        mean = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
        place, column = np.nonzero((basis == UNKNOWN) & (weight > 0)[kin])
        row = ours[place]
        sources.content[row, column] = mean[kin[place], column]
        sources.uncertainty[row, column] = sources.content[row, column] * self.policy.like_lots_relative
        sources.basis[row, column] = LIKE_LOTS

    def _fill_models(self) -> None:
        sources, policy = self.sources, self.policy
        chemistries: dict[str, int] = {}
        for row, name in enumerate(self.models, self.first_model):
            model = self.material.models[name]
            declared, guessed = model.elements_kg or {}, typical(model)
            for element, column in COLUMN.items():
                if element in declared:
                    kg, relative, basis = declared[element], policy.composition_relative, COMPOSITION
                elif element in guessed:
                    kg, relative, basis = guessed[element], policy.table_relative, TABLE
                else:
                    continue
                sources.content[row, column] = kg
                sources.uncertainty[row, column] = kg * relative
                sources.basis[row, column] = basis if kg else NOTHING
            sources.kin[row] = chemistries.setdefault(model.chemistry or "", len(chemistries))
            sources.unit_kg[row] = model.mass_kg or 1_000.0
        first, last = self.first_model, self.first_stream
        sources.common[first:last] = 1.0
        sources.is_weighed[first:last] = False
        sources.basis[first:last, MASS] = NOTHING  # their weight is an item of its own
        self._like_batteries()
        for element, factor in POWDER_PER_KG.items():
            column = COLUMN[element]
            sources.content[first:last, POWDER] += factor * sources.content[first:last, column]
            sources.uncertainty[first:last, POWDER] += factor * sources.uncertainty[first:last, column]
        needed = sources.basis[first:last][:, [COLUMN[one] for one in POWDER_PER_KG]]
        lacks = (needed == UNKNOWN).any(axis=1)
        sources.basis[first:last, POWDER] = np.where(lacks, UNKNOWN, needed.max(axis=1, initial=NOTHING))

    def _like_batteries(self) -> None:
        """Take for a battery of no known model the mean, by mass, of those that its recycler took apart."""
        sources = self.sources
        count: Floats = np.zeros((len(self._reporters), len(self.models)))
        for run in self.material.runs:
            place = self._reporters.get(run.reporter)
            if place is None or not run.models:
                continue
            for model, number in run.models.items():
                if model in self._model and self.material.models[str(model)].mass_kg:
                    count[place, self._model[str(model)]] += number
        rows = slice(self.first_model, self.first_like)
        mass = count @ sources.unit_kg[rows]
        for place, row in enumerate(range(self.first_like, self.first_stream)):
            sources.kin[row] = place
            if not mass[place]:
                continue
            used = np.flatnonzero(count[place]) + self.first_model
            known = (sources.basis[used] != UNKNOWN).all(axis=0)
            known[MASS:] = False
            mean = count[place] @ sources.content[rows] / mass[place]
            sources.content[row, known] = mean[known]
            sources.uncertainty[row, known] = mean[known] * self.policy.like_batteries_relative
            sources.basis[row, known] = LIKE_BATTERIES

    def _fill_streams(self) -> None:
        sources, policy = self.sources, self.policy
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        doubts: list[float] = []
        for row, (stream, is_added) in enumerate(self._streams, self.first_stream):
            if is_added:
                sources.basis[row] = NOTHING
                for element, share in (
                    by_formula(stream.substance) or {} if not stream.assays else {}
                ).items():
                    sources.content[row, COLUMN[element]] = share
                    sources.uncertainty[row, COLUMN[element]] = share * policy.formula_relative
                    sources.basis[row, COLUMN[element]] = FORMULA
            else:
                sources.basis[row, MASS:] = NOTHING
            sources.kin[row] = row
            _note(stream.assays, row, rows, columns, values, doubts, policy)
        sources.content[rows, columns] = values
        sources.uncertainty[rows, columns] = doubts
        sources.basis[rows, columns] = ASSAY


_WEIGHED: Final = 1 << 40  # rows until all are counted; doubles hold them exactly
_DECLARED: Final = _WEIGHED + 1
_LIKE: Final = 1 << 36
_MODELS: Final = 1 << 32


def _day(when: datetime) -> date:
    return when.astimezone(CHINA).date()


def _note(
    assays: Iterable[Assay],
    row: int,
    rows: list[int],
    columns: list[int],
    values: list[float],
    doubts: list[float],
    policy: Policy,
) -> None:
    for one in assays:
        rows.append(row)
        columns.append(COLUMN[one.element])
        values.append(one.fraction)
        doubts.append(one.fraction * policy.assay_relative if one.uncertainty is None else one.uncertainty)


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
