"""Recovery over time against its target, as a page draws it: marks with their band, the target as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

WIDTH: Final = 960
HEIGHT: Final = 260
LEAST: Final = 0.5  # the scale begins here, or lower where a rate does
STEP: Final = 0.1

Told = tuple[str, float, float, float | None]
"""When, the rate as a fraction, its standard uncertainty, and the target then."""


class Mark(NamedTuple):
    """A rate: where it is, from where to where its band goes (two standard uncertainties), and its label."""

    x: float
    y: float
    top: float
    bottom: float
    when: str
    missed: bool


class Picture(NamedTuple):
    """What the template draws into a field of `WIDTH` by `HEIGHT`, y downwards; `scale` are (y, per cent)."""

    marks: list[Mark]
    line: str
    target: str
    scale: list[tuple[float, int]]
    labels: list[tuple[float, str]]


def over_time(told: Sequence[Told]) -> Picture | None:
    """Return the picture of rates in their order; None for fewer than two."""
    if len(told) < 2:
        return None
    values = [value for _, value, _, _ in told]
    targets = [target for *_, target in told if target is not None]
    low = min(LEAST, int(min(values) / STEP) * STEP)
    high = max(1.0, *values, *targets) + 0.02
    step = WIDTH / len(told)

    def down(value: float) -> float:
        return round(HEIGHT * (high - min(max(value, low), high)) / (high - low), 1)

    marks, reached = [], []
    for place, (when, value, doubt, target) in enumerate(told):
        x = round(step * (place + 0.5), 1)
        missed = target is not None and value + 2 * doubt < target
        marks.append(Mark(x, down(value), down(value + 2 * doubt), down(value - 2 * doubt), when, missed))
        if target is not None:
            begins = "L" if place and told[place - 1][3] is not None else "M"
            reached.append(f"{begins}{round(step * place, 1)} {down(target)}H{round(step * (place + 1), 1)}")
    scale = [
        (down(low + STEP * number), round((low + STEP * number) * 100))
        for number in range(round((high - low) / STEP) + 1)
        if low + STEP * number <= high
    ]
    every = max(1, -(-len(told) // 8))
    labels = [(mark.x, mark.when) for place, mark in enumerate(marks) if place % every == 0]
    line = "M" + " L".join(f"{mark.x} {mark.y}" for mark in marks)
    return Picture(marks, line, "".join(reached), scale, labels)
