"""
Metals in what is fitted, leaves and is processed; what is won back, its worth, what it covers.

What is not known is not a number, and adds nothing to a sum: `lacking` says of which chemistries a metal's
content is unknown, so that whoever shows a sum says what it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.health.policy import read_rows
from voltrail.outlook.book import Book
from voltrail.outlook.classes import CHEMISTRIES, METALS
from voltrail.outlook.stock import Flows
from voltrail.recycling.contents import CONTENTS
from voltrail.recycling.targets import TARGETS

FloatArray = npt.NDArray[np.float64]

PROCESSES: Final = {
    "hydrometallurgy": "Hydrometallurgy",
    "pyrometallurgy": "Pyrometallurgy",
    "direct": "Direct",
    "leading_plant": "China leading plant 2024",
    "norm": "",
}
"""How metals are won back, with its name in the figures; the norm's rates are in `recycling.targets`."""

_NORM: Final = "cn24-"
_PRICED: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al")


class Metals(NamedTuple):
    """Tonnes of each metal a year: each (D, Y, M); `recovered` is not a number where the rate is unknown."""

    needed: FloatArray  # in new batteries
    left: FloatArray  # in batteries that left vehicles
    processed: FloatArray  # in batteries that were processed
    recovered: FloatArray  # won back

    @property
    def covered(self) -> FloatArray:
        """The share of what new batteries need that is won back: (D, Y, M)."""
        share: FloatArray = np.divide(
            self.recovered, self.needed, out=np.full_like(self.needed, np.nan), where=self.needed > 0
        )
        return share


def kg_per_kwh() -> FloatArray:
    """Return what a kWh of each chemistry holds, kg: (C, M); what is not known is not a number."""
    known = CONTENTS.kg_per_kwh
    return np.array([[known[one].get(metal, np.nan) for metal in METALS] for one in CHEMISTRIES])


def lacking() -> dict[str, tuple[str, ...]]:
    """Return of which chemistries it is not known how much of a metal they hold, by metal."""
    unknown = np.isnan(kg_per_kwh())
    found = {
        metal: tuple(one for one, row in zip(CHEMISTRIES, unknown, strict=True) if row[column])
        for column, metal in enumerate(METALS)
    }
    return {metal: names for metal, names in found.items() if names}


def metals(flows: Flows, recovery: FloatArray) -> Metals:
    """Return the metals of flows in kWh; `recovery` is the share won back, (M,) or (D, M)."""
    held = np.nan_to_num(kg_per_kwh()) / 1000

    def tonnes(flow: FloatArray) -> FloatArray:
        return np.asarray(flow.sum(axis=2) @ held)

    processed = tonnes(flows.processed)
    return Metals(
        tonnes(flows.fitted + flows.replacements - flows.reused),
        tonnes(flows.left),
        processed,
        processed * np.atleast_2d(recovery)[:, None],
    )


def recovery_of(drawn: Mapping[str, FloatArray]) -> FloatArray:
    """Return the share of each metal that is won back, by the draws of the parameters: (D, M)."""
    return np.stack([drawn[f"recovery.{metal}_percent"] / 100 for metal in METALS], axis=1)


def recovery_by(process: str, book: Book) -> FloatArray:
    """
    Return the share of each metal that a process wins back: (M,), not a number where nobody says.

    Raises UsageError for a process that is none of `PROCESSES`.
    """
    if process not in PROCESSES:
        raise UsageError(
            "outlook.process", f"There is no process {process!r}.", f"Take one of {', '.join(PROCESSES)}."
        )
    if process == "norm":
        rates = {
            one.element: one.value / 100
            for one in TARGETS
            if one.id.startswith(_NORM) and one.metric == "recovery" and one.element is not None
        }
    else:
        rates = {
            "C" if element == "Graphite" else element: row.value
            for row in book.of("recycling_efficiency")
            if row.period == PROCESSES[process] and row.value is not None
            for element in row.segment.split("/")
        }
    return np.array([rates.get(metal, np.nan) for metal in METALS])


def worth(won: Metals, drawn: Mapping[str, FloatArray]) -> FloatArray:
    """Return what is won back is worth, million dollars a year: (D, Y, M); graphite has no price here."""
    nothing = np.full(len(won.recovered), np.nan)
    prices = np.stack([drawn.get(f"metal.{metal}_usd_per_kg", nothing) for metal in METALS], axis=1)
    return np.asarray(won.recovered * prices[:, None] / 1000)


def prices_in(text: str) -> dict[str, float]:
    """
    Return the prices of metals in a table with the columns of `voltrail recycling policy`, as parameters.

    Rows of it that are no metals are of no matter here. Raises UsageError, TableError.
    """
    rows = [row for row in read_rows(text) if row.name.startswith("metal.")]
    if not rows:
        raise UsageError(
            "outlook.prices",
            "The table has no price of a metal.",
            "Give rows such as metal.Li with the unit USD/kg.",
        )
    for row in rows:
        if row.unit != "USD/kg":
            raise UsageError(
                "outlook.prices", f"{row.name} is in {row.unit[:20]!r}.", "Give prices of metals in USD/kg."
            )
    return {f"{row.name}_usd_per_kg": row.value for row in rows if row.value is not None}
