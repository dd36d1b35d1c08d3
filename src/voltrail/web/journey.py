"""The picture of a journey: its charge over the way, a tooth for each swap, in a field for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 120


class Tooth(NamedTuple):
    """A swap: where it stands, with what charge one comes, and which it is."""

    x: float
    y: float
    number: int


class Picture(NamedTuple):
    """What the template draws, y downwards: the charge as a line, where it is swapped, where one arrives."""

    line: str
    teeth: list[Tooth]
    end: float


def draw(journey: Mapping[str, Any], charge: float, km: float) -> Picture:
    """Return the picture of a journey as programs get it, which begins with a charge from 0 to 1."""
    whole = max(journey["km"], km, 1e-6)
    points, teeth = [(0.0, _down(charge))], []
    for number, stop in enumerate(journey["stops"], 1):
        x = round(stop["km"] / whole * WIDTH, 1)
        teeth.append(Tooth(x, _down(stop["left"]), number))
        points += [(x, _down(stop["left"])), (x, _down(1.0))]
    points.append((WIDTH, _down(journey["left"])))
    return Picture("M" + "L".join(f"{x} {y}" for x, y in points), teeth, _down(journey["left"]))


def _down(charge: float) -> float:
    return round((1 - charge) * HEIGHT, 1)
