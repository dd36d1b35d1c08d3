"""
What entered the runs of a cell and what left them: sums by source, in which what was made and used cancels.

A cell is what is balanced: a site over a period, a batch, one stage of either. Nothing that stayed inside has
an uncertainty, since it is the same material on both sides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from voltrail.recycling.contents import SORTS
from voltrail.recycling.flows import ADDITION, BATTERY, EMISSION, LOT, PARTS, Flows
from voltrail.recycling.sources import ASSAY, BY_FEED, UNKNOWN, Bools, Floats, Ints

FED, ADDED, PRODUCT, CARRIED, UNFINISHED, LOST = range(6)
ROLES: Final = ("fed", "added", "product", "carried", "unfinished", "lost")
_LEAST_KG: Final = 5e-7  # half a milligram: below, it is the noise of sums
_SORT: Final = {"product": PRODUCT, "powder": CARRIED, "unfinished": UNFINISHED, "residue": LOST}


class Net:
    """
    Rows by cell and source: what role it has (FED, …), how much of the source came out (up) or went in
    (down), the mass as it lay there, and the first run that says so.

    `passes_on` says whether powders go on to the next stage; within refining what is left of them is
    unfinished.
    """

    def __init__(
        self, flows: Flows, chosen: Bools, cell_of_batch: Ints, count: int, *, passes_on: bool
    ) -> None:
        self.flows, self.count = flows, count
        total = len(flows.sources.kin)
        items = np.flatnonzero(chosen[flows.item_batch])
        cells = cell_of_batch[flows.item_batch[items]]
        keys = (cells * total + flows.item_source[items]) * 8 + flows.item_role[items]
        keys, first, place = np.unique(keys, return_index=True, return_inverse=True)
        units: Floats = np.bincount(place, flows.item_units[items], len(keys)).astype(np.float64)
        mg: Ints = np.zeros(len(keys), np.int64)
        np.add.at(mg, place, flows.item_mg[items])
        index: Ints = flows.item_index[items][first]
        kept = (np.abs(units) > _LEAST_KG) | (mg != 0)
        keys, units = keys[kept], units[kept]
        self.mg: Ints = mg[kept]
        self.index: Ints = index[kept]
        self.units = units
        self.kind: Ints = keys % 8
        self.cell: Ints = keys // 8 // total
        self.row: Ints = keys // 8 % total
        sorts = np.array(
            [LOST if lot.waste else _SORT[SORTS[lot.substance]] for lot in flows.lots]
            + [UNFINISHED] * (total - len(flows.lots)),
            np.int64,
        )[self.row]
        if not passes_on:
            sorts = np.where(sorts == CARRIED, UNFINISHED, sorts)
        self.role: Ints = np.select(
            [
                self.kind == BATTERY,
                self.kind == ADDITION,
                self.kind == EMISSION,
                self.kind == PARTS,
                units < 0,
            ],
            [FED, ADDED, LOST, UNFINISHED, FED],
            sorts,
        )

    @property
    def comes_in(self) -> Bools:
        """Return whether a row is what went in, and not what came out or, of that, went on as parts."""
        return np.isin(self.role, (FED, ADDED))

    @property
    def content(self) -> Floats:
        """Return the mass of each row by column in kilograms: what came out up, what went in down."""
        return self.units[:, None] * self.flows.sources.content[self.row]

    @property
    def basis(self) -> Ints:
        """Return on what the content of each row rests, by column."""
        return self.flows.sources.basis[self.row].astype(np.int64)

    @property
    def unknown_kg(self) -> Floats:
        """Return by row and column the mass of unknown content; reagents are taken to hold nothing."""
        return self._mass_where(self.basis == UNKNOWN)

    @property
    def doubtful_kg(self) -> Floats:
        """Return by row and column the mass of content unknown, or guessed from the plant's other reports."""
        return self._mass_where((self.basis == UNKNOWN) | (self.basis >= BY_FEED))

    def _mass_where(self, which: Bools) -> Floats:
        kg = np.abs(self.units) * self.flows.sources.unit_kg[self.row]
        kg = np.where((self.kind == PARTS) | (self.kind == ADDITION), 0.0, kg)
        found: Floats = kg[:, None] * which
        return found

    @property
    def is_claimed(self) -> Bools:
        """Return by row and column what its maker says came out: by assay, or as sold under a formula."""
        measured = (self.basis >= ASSAY) & (self.basis <= ASSAY + 2)
        found: Bools = measured | (self.kind != LOT)[:, None] | (self.units < 0)[:, None]
        return found

    def entry_of(self, place: int) -> int | None:
        """Return the entry that says what a row holds: the lot's own, the model's, or else that of a run."""
        flows = self.flows
        lot, model = flows.name_of(int(self.row[place]))
        if model is not None:
            return flows.material.models[model].index
        if lot is not None and lot in flows.material.lots:
            return flows.material.lots[lot].index
        return int(self.index[place])

    def rows_of(self, cell: int) -> slice:
        """Return where the rows of a cell are; they stand together."""
        first, last = np.searchsorted(self.cell, (cell, cell + 1))
        return slice(int(first), int(last))
