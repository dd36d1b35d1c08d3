"""Flows between three columns as a page draws them: bars, and bands whose width is their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

WIDTH: Final = 960
HEIGHT: Final = 420
BAR: Final = 12
GAP: Final = 9
MOST: Final = 8  # bars of a column; what is smaller is put together
REST: Final = "*"

Way = tuple[Sequence[str], int]


class Bar(NamedTuple):
    """
    One bar: its column from the left, its name (`REST` for all smaller ones), its number, and where it is.
    """

    column: int
    name: str
    number: int
    x: float
    y: float
    height: float


class Band(NamedTuple):
    """One band from a column to the next: between which bars, its number, and its outline."""

    column: int
    left: str
    right: str
    number: int
    path: str


class Sankey(NamedTuple):
    """What the template draws into a field of `WIDTH` by `HEIGHT`, y downwards."""

    bars: list[Bar]
    bands: list[Band]


def draw(ways: Iterable[Way], fixed: Sequence[str] = ()) -> Sankey | None:
    """
    Return the picture of ways through the columns, each with its number; None where there are none.

    Bars stand by their number, the largest first, but those of the last column in the order of `fixed`.
    """
    told = [(tuple(names), number) for names, number in ways if number > 0]
    if not told:
        return None
    columns = len(told[0][0])
    kept = [_largest(told, column, fixed if column == columns - 1 else ()) for column in range(columns)]
    whole = sum(number for _, number in told)
    flows = [
        (tuple(name if name in kept[at] else REST for at, name in enumerate(names)), number)
        for names, number in told
    ]
    bars: dict[tuple[int, str], Bar] = {}
    most = max(len({names[at] for names, _ in flows}) for at in range(columns))
    scale = (HEIGHT - GAP * (most - 1)) / whole
    for column in range(columns):
        sums: dict[str, int] = defaultdict(int)
        for names, number in flows:
            sums[names[column]] += number
        order = [*kept[column], *([REST] if REST in sums else [])]
        x, y = column * (WIDTH - BAR) / (columns - 1), 0.0
        for name in order:
            height = sums[name] * scale
            bars[column, name] = Bar(column, name, sums[name], x, round(y, 1), max(round(height, 1), 1))
            y += height + GAP
    bands = [band for column in range(columns - 1) for band in _bands(column, flows, bars, scale)]
    return Sankey(list(bars.values()), bands)


def _largest(told: Sequence[Way], column: int, fixed: Sequence[str]) -> list[str]:
    """Return the names of a column that have a bar of their own."""
    sums: dict[str, int] = defaultdict(int)
    for names, number in told:
        sums[names[column]] += number
    if fixed:
        return [name for name in fixed if name in sums]
    order = sorted(sums.keys() - {REST}, key=lambda name: (-sums[name], name))
    return largest({name: sums[name] for name in order})


def largest(sums: Mapping[str, int]) -> list[str]:
    """
    Return which names of a column have a bar of their own, of names with their numbers, the largest first.
    """
    order = list(sums)
    return order if len(order) <= MOST else order[: MOST - 1]


def _bands(
    column: int, flows: Sequence[Way], bars: dict[tuple[int, str], Bar], scale: float
) -> Iterable[Band]:
    """Yield the bands between two columns, none crossing another at its bar."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for names, number in flows:
        sums[names[column], names[column + 1]] += number
    place = {key: at for at, key in enumerate(bars)}
    left_used: dict[str, float] = defaultdict(float)
    right_used: dict[str, float] = defaultdict(float)
    for left, right in sorted(sums, key=lambda pair: (place[column, pair[0]], place[column + 1, pair[1]])):
        number = sums[left, right]
        wide = number * scale
        one, other = bars[column, left], bars[column + 1, right]
        y, to = one.y + left_used[left], other.y + right_used[right]
        left_used[left] += wide
        right_used[right] += wide
        x, end = one.x + BAR, other.x
        middle = (x + end) / 2
        path = (
            f"M{x:.0f} {y:.1f}C{middle:.0f} {y:.1f} {middle:.0f} {to:.1f} {end:.0f} {to:.1f}"
            f"V{to + wide:.1f}"
            f"C{middle:.0f} {to + wide:.1f} {middle:.0f} {y + wide:.1f} {x:.0f} {y + wide:.1f}Z"
        )
        yield Band(column, left, right, number, path)
