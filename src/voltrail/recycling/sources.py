"""
What holds elements, as rows of contents: lots (shares of dry mass), models (kg in one battery), streams.

Here stands what was measured and declared; what nobody said is estimated in `estimates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from voltrail.events.structs import Assay, Stream
from voltrail.recycling.contents import ELEMENTS, POWDER_PER_KG, by_formula, typical
from voltrail.recycling.policy import Policy
from voltrail.recycling.record import Composition, Lot

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

# What a content rests on. From FORMULA on it is an estimate, from BY_FEED on one by the plant's own reports,
# which does not count where a plant is suspected.
UNKNOWN, NOTHING, ASSAY, COMPOSITION, FORMULA, TABLE, BY_FEED, LIKE_LOTS, LIKE_BATTERIES, NOT_NAMED = range(
    10
)
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
    "not_named",
)

COLUMN: Final = {element: place for place, element in enumerate(ELEMENTS)}
MASS: Final = len(ELEMENTS)  # what counts of the mass as won; of a battery its weight, told apart
POWDER: Final = MASS + 1  # electrode powder
COLUMNS: Final = POWDER + 1
UNIT_KG: Final = 1_000.0  # of a battery whose mass nobody says: more than most weigh


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

    def measure_lots(
        self, lots: Sequence[Lot], chemistries: Mapping[int, str | None], policy: Policy
    ) -> None:
        """Fill the first rows from the assays of lots."""
        kin: dict[tuple[str, str, str | None], int] = {}
        substances: dict[str, int] = {}
        for row, lot in enumerate(lots):
            alike = lot.maker, lot.substance, chemistries.get(row)
            self.kin[row] = kin.setdefault(alike, len(kin))
            self.substance[row] = substances.setdefault(lot.substance, len(substances))
        self.common[: len(lots)] = policy.assay_common_share
        self._measure(((row, lot.assays) for row, lot in enumerate(lots)), policy)

    def declare_models(self, first: int, models: Sequence[Composition], policy: Policy) -> None:
        """Fill rows from what makers declare, and what is typical of a chemistry where they do not."""
        chemistries: dict[str, int] = {}
        for row, model in enumerate(models, first):
            declared, guessed = model.elements_kg or {}, typical(model)
            for element, column in COLUMN.items():
                if element in declared:
                    kg, relative, basis = declared[element], policy.composition_relative, COMPOSITION
                elif element in guessed:
                    kg, relative, basis = guessed[element], policy.table_relative, TABLE
                else:
                    continue
                self.content[row, column] = kg
                self.uncertainty[row, column] = kg * relative
                self.basis[row, column] = basis if kg else NOTHING
            self.kin[row] = chemistries.setdefault(model.chemistry or "", len(chemistries))
            self.unit_kg[row] = model.mass_kg or UNIT_KG

    def add_powder(self, rows: Ints) -> None:
        """Say how much electrode powder is in batteries and cells, from the elements of it."""
        for element, factor in POWDER_PER_KG.items():
            column = COLUMN[element]
            self.content[rows, POWDER] += factor * self.content[rows, column]
            self.uncertainty[rows, POWDER] += factor * self.uncertainty[rows, column]
        needed = self.basis[rows][:, [COLUMN[one] for one in POWDER_PER_KG]]
        lacks = (needed == UNKNOWN).any(axis=1)
        self.basis[rows, POWDER] = np.where(lacks, UNKNOWN, needed.max(axis=1, initial=NOTHING))

    def measure_streams(self, first: int, streams: Sequence[tuple[Stream, bool]], policy: Policy) -> None:
        """
        Fill rows from the assays of streams; each comes with whether it was added.

        What was added and has no assay holds what its formula says, or nothing.
        """
        for row, (stream, is_added) in enumerate(streams, first):
            self.kin[row] = row
            if not is_added:
                self.basis[row, MASS:] = NOTHING
                continue
            self.basis[row] = NOTHING
            shares = {} if stream.assays else by_formula(stream.substance) or {}
            for element, share in shares.items():
                column = COLUMN[element]
                self.content[row, column] = share
                self.uncertainty[row, column] = share * policy.formula_relative
                self.basis[row, column] = FORMULA
        self._measure(((row, stream.assays) for row, (stream, _) in enumerate(streams, first)), policy)

    def _measure(self, told: Iterable[tuple[int, tuple[Assay, ...]]], policy: Policy) -> None:
        """Write assays into their rows, all at once."""
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        doubts: list[float] = []
        for row, assays in told:
            for one in assays:
                rows.append(row)
                columns.append(COLUMN[one.element])
                values.append(one.fraction)
                known = one.uncertainty
                doubts.append(one.fraction * policy.assay_relative if known is None else known)
        self.content[rows, columns] = values
        self.uncertainty[rows, columns] = doubts
        self.basis[rows, columns] = ASSAY
