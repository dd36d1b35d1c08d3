"""A pack's cells over time as a page draws them: how far each is from the mean of its moment, in colours."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = 96  # at most
SHADES: Final = 4  # on either side of the mean
TOLD: Final = 5  # cells that are told in words at either end
_LEAST_MV: Final = 5  # that the colours reach to: less is what a meter does
_NICE_MV: Final = (5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000)


class Cell(NamedTuple):
    """A cell by its number from 1: how far it is from the mean on average, and how often it is the lowest."""

    number: int
    mean_mv: float
    lowest_share: float


class Heat(NamedTuple):
    """
    What the template draws into a field of `columns` by `cells`, y downwards.

    `shades` are paths by their shade, from -4 (lower by `reach_mv` or more) to 4; what was not measured is
    left out. `weakest` is the lowest most often; `apart` are those furthest from the mean, the lowest first.
    """

    columns: int
    cells: int
    minutes: float
    reach_mv: int
    shades: list[tuple[int, str]]
    weakest: Cell
    apart: list[Cell]
    spread_mv: float  # median of highest less lowest


def draw(at_s: NDArray[np.int64], cell_mv: NDArray[np.float64]) -> Heat | None:
    """
    Return the picture of a pack's cells; None where no cell was measured.

    Given are the times in seconds, ascending, and a row of millivolts for each, NaN where a cell has none.
    """
    measured = (~np.isnan(cell_mv)).any(axis=1)
    at_s, cell_mv = at_s[measured], cell_mv[measured]
    if not len(at_s) or cell_mv.shape[1] < 2:  # one has nothing to differ from
        return None
    away = cell_mv - np.nanmean(cell_mv, axis=1, keepdims=True)
    binned = _binned(at_s, away)
    reach = _reach(binned)
    cells = _cells(away)
    by_mean = sorted(cells, key=lambda one: one.mean_mv)
    return Heat(
        binned.shape[0],
        binned.shape[1],
        round(float(at_s[-1] - at_s[0]) / 60, 1),
        reach,
        _shades(binned, reach),
        max(cells, key=lambda one: (one.lowest_share, -one.mean_mv)),
        by_mean[:TOLD] + by_mean[max(TOLD, len(by_mean) - TOLD) :],
        round(float(np.median(np.nanmax(cell_mv, axis=1) - np.nanmin(cell_mv, axis=1))), 1),
    )


def _binned(at_s: NDArray[np.int64], away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each cell in each of the columns of equal length that have any row."""
    columns = min(COLUMNS, len(at_s))
    place = (at_s - at_s[0]) * columns // (at_s[-1] - at_s[0] + 1)
    known = ~np.isnan(away)
    sums, counts = np.zeros((columns, away.shape[1])), np.zeros((columns, away.shape[1]))
    np.add.at(sums, place, np.where(known, away, 0))
    np.add.at(counts, place, known)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = sums / counts
    return found


def _reach(binned: NDArray[np.float64]) -> int:
    """Return what the darkest colours stand for: nearly all lies within."""
    most = max(float(np.nanpercentile(np.abs(binned), 99)), _LEAST_MV)
    return next((one for one in _NICE_MV if one >= most), _NICE_MV[-1])


def _shades(binned: NDArray[np.float64], reach: int) -> list[tuple[int, str]]:
    """Return a path for each shade that occurs: rectangles, those side by side in one."""
    with np.errstate(invalid="ignore"):
        shade = np.clip(np.rint(binned / reach * SHADES), -SHADES, SHADES)
    parts: dict[int, list[str]] = {}
    for row, one in enumerate(shade.T):
        begins = np.flatnonzero(np.append(True, one[1:] != one[:-1]))
        for begin, end in zip(begins, [*begins[1:], len(one)], strict=True):
            if not np.isnan(one[begin]):
                parts.setdefault(int(one[begin]), []).append(f"M{begin} {row}h{end - begin}v1H{begin}z")
    return [(number, "".join(paths)) for number, paths in sorted(parts.items())]


def _cells(away: NDArray[np.float64]) -> list[Cell]:
    lowest = np.bincount(np.nanargmin(away, axis=1), minlength=away.shape[1]) / len(away)
    with np.errstate(invalid="ignore"):
        means = np.nansum(away, axis=0) / (~np.isnan(away)).sum(axis=0)
    return [
        Cell(number + 1, round(float(mean), 1), round(float(share), 3))
        for number, (mean, share) in enumerate(zip(means, lowest, strict=True))
        if not np.isnan(mean)
    ]
