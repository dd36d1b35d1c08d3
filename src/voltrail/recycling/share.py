"""
Which share of a battery's elements is recycled: what a passport says of it, and from what it was said.

A share is what counts as recycled over what there is of the element: what the model is declared to be made
of, or what was traced into the battery where that is more. So it is never said too high; of an element that
the model does not name nothing is said. Source: Regulation (EU) 2023/1542, article 8: cobalt, lithium and
nickel in active materials, lead in the battery. A composition does not tell active materials apart from the
rest: the share is of all there is, which is less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from voltrail.events.masses import milligrams
from voltrail.recycling.content import NOTHING, Amounts, Content, Credit, sum_of

ELEMENTS: Final = {"Co": "cobalt", "Li": "lithium", "Ni": "nickel", "Pb": "lead"}
BEYOND: Final = 1.0
"""Percentage points by which what a maker declares may lie above what the record shows without a finding."""


class Share(msgspec.Struct, frozen=True):
    """
    What of an element in a battery is recycled, in milligrams: what was traced into it and what counts.

    `declared` is what its model is made of, None where that is not declared of the element.
    """

    element: str
    recycled: Amounts
    traced: int
    declared: int | None

    @property
    def pre_percent(self) -> float | None:
        """The share from manufacturing waste; None where it cannot be said."""
        return self._percent(self.recycled[2])

    @property
    def post_percent(self) -> float | None:
        """The share from waste after use, as it was recycled on this record or declared by a supplier."""
        return self._percent(self.recycled[0] + self.recycled[1])

    @property
    def percent(self) -> float | None:
        """The share in all."""
        return self._percent(sum(self.recycled))

    def _percent(self, amount: int) -> float | None:
        if not self.declared:
            return None
        return amount * 1_000_000 // max(self.declared, self.traced) / 10_000  # rounded down


class BatteryContent(msgspec.Struct, frozen=True):
    """What of a battery is recycled, by element; `entries` are the credits that it rests on."""

    shares: tuple[Share, ...]
    entries: tuple[int, ...]

    def points(self) -> dict[str, float]:
        """Return the values of the passport's points; none of what cannot be said."""
        found: dict[str, float | None] = {}
        for share in self.shares:
            name = ELEMENTS[share.element]
            if share.element == "Pb":
                found["recycled_lead_percent"] = share.percent
            else:
                found[f"recycled_{name}_pre_percent"] = share.pre_percent
                found[f"recycled_{name}_post_percent"] = share.post_percent
        return {name: value for name, value in found.items() if value is not None}


def of_battery(
    credits: Iterable[tuple[int, Credit]], composition: Mapping[str, float] | None
) -> BatteryContent:
    """
    Return what of a battery is recycled, by its credits and its composition (kg).

    A credit that was spent on several of its parts is among them once for each.
    """
    found = list(credits)
    shares = []
    for element in ELEMENTS:
        traced = sum(credit.traced.get(element, 0) for _, credit in found)
        recycled = NOTHING
        for _, credit in found:
            recycled = sum_of(recycled, credit.recycled.get(element, NOTHING))
        kg = (composition or {}).get(element)
        if traced or kg:
            shares.append(Share(element, recycled, traced, None if kg is None else milligrams(kg)))
    return BatteryContent(tuple(shares), tuple(sorted({index for index, _ in found})))


def credits_of(content: Content, indices: Iterable[int]) -> list[tuple[int, Credit]]:
    """Return the credits of these entries, as far as there are such."""
    return [(index, content.credits[index]) for index in indices if index in content.credits]


def beyond(points: Mapping[str, float], declared: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return the points of which a maker declares more than the record shows: (declared, shown)."""
    return {
        name: (declared[name], value)
        for name, value in points.items()
        if name in declared and declared[name] > value + BEYOND
    }
