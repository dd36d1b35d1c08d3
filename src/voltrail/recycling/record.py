"""
What the record says of material, as recycling reads it: runs of processes, the lots between them, the models.

Everything here is worked out from a `Material` alone, so evidence that holds the same events gives the same
figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from voltrail.events.kinds import CreditSpent, Dismantled, LotCreated, LotProcessed, Recycled
from voltrail.events.masses import milligrams
from voltrail.events.structs import Assay, Origin

RunEvent: TypeAlias = Dismantled | Recycled | LotProcessed | LotCreated | CreditSpent
KINDS = frozenset(struct.kind for struct in RunEvent.__args__)
"""The kinds that make or use material; `lot_moved` changes no mass."""


class Run(msgspec.Struct, frozen=True, gc=False):
    """
    An event that made or used material, after corrections: its entry (that of the first report), by whom.

    `models` says how many batteries of which model it named; None for those without a model on record.
    """

    index: int
    reporter: str
    event: RunEvent
    models: Mapping[str | None, int] = {}

    @property
    def batch(self) -> tuple[str, str]:
        """Return what balances together: the runs of a reporter that share a batch, or this one by itself."""
        return self.reporter, self.event.batch if self.event.batch is not None else f"#{self.index}"

    @property
    def site(self) -> str:
        """Return the site, or the reporter where no site was named."""
        return self.event.site or self.reporter


class Lot(msgspec.Struct, frozen=True, gc=False):
    """A mass of material as it was made: by which entry and whom, how much (mg), what is in dry matter."""

    lot: str
    index: int
    maker: str
    substance: str
    mass_mg: int
    moisture_fraction: float | None = None
    assays: tuple[Assay, ...] = ()
    origin: Origin | None = None
    waste: bool = False

    @property
    def dry_mg(self) -> float:
        """Return the mass without moisture, in milligrams."""
        return self.mass_mg * (1 - (self.moisture_fraction or 0))


class Composition(msgspec.Struct, frozen=True, gc=False):
    """
    What a battery of a model is made of, as its maker declared it: kg of each element, by its symbol.

    `index` is the last entry of the model, where that is on record.
    """

    model_id: str
    chemistry: str | None
    mass_kg: float | None
    energy_kwh: float | None
    elements_kg: Mapping[str, float] | None
    index: int | None = None


class Material(msgspec.Struct, frozen=True, gc=False):
    """Runs, in the order of (`occurred_at`, index); the lots that they make and use; the models they name."""

    runs: Sequence[Run]
    lots: Mapping[str, Lot]
    models: Mapping[str, Composition]


def lots_made(run: Run) -> Iterator[Lot]:
    """Yield the lots that a run made."""
    event = run.event
    if isinstance(event, CreditSpent):
        return
    for made in (event,) if isinstance(event, LotCreated) else event.outputs:
        yield Lot(
            made.lot,
            run.index,
            run.reporter,
            made.substance,
            milligrams(made.mass_kg),
            made.moisture_fraction,
            made.assays,
            event.origin if isinstance(event, LotCreated) else None,
            bool(made.waste),
        )
