"""
A map of equal tiles: each province-level region has one, darker the more there is of it. No borders are
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from voltrail.regimes.china.provinces import PROVINCES, TILE_COLUMNS, TILE_ROWS, Province

SIDE: Final = 100
SHADES: Final = 5
WIDTH: Final = TILE_COLUMNS * SIDE
HEIGHT: Final = TILE_ROWS * SIDE


class Tile(NamedTuple):
    """One region: where its tile is, how many there are in it, and its shade from 0 (none) to `SHADES`."""

    province: Province
    x: int
    y: int
    number: int
    shade: int


def draw(numbers: Mapping[str, int]) -> list[Tile]:
    """Return the tiles of all regions, in the order of their codes; `numbers` are by two digits."""
    most = max((numbers.get(code, 0) for code in PROVINCES), default=0)
    found = []
    for code, one in PROVINCES.items():
        number = numbers.get(code, 0)
        shade = -(-number * SHADES // most) if number > 0 and most else 0
        found.append(Tile(one, one.column * SIDE, one.row * SIDE, number, shade))
    return found
