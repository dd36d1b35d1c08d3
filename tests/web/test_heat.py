"""Cells over time in colours: each where it is, what was not measured left out, the weakest found."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voltrail.web.heat import COLUMNS, SHADES, draw

PART = re.compile(r"M(\d+) (\d+)h(\d+)v1H(\d+)z")


def covered(heat):
    """Return which places have a colour, each with how many."""
    found = np.zeros((heat.cells, heat.columns), int)
    for _, path in heat.shades:
        for begin, row, width, back in (map(int, part) for part in PART.findall(path)):
            assert begin == back
            found[row, begin : begin + width] += 1
    return found


def test_the_weakest_is_the_lowest_most_often():
    """Not the one that was lowest once by far, and numbers begin with 1."""
    mv = np.full((50, 4), 3_700.0)
    mv[:, 2] -= 8
    mv[7, 1] -= 500
    heat = draw(np.arange(50, dtype=np.int64), mv)
    assert (heat.weakest.number, heat.weakest.lowest_share) == (3, 0.98)
    assert heat.spread_mv == 8
    assert heat.apart[0].number in {2, 3}


@given(
    arrays(float, st.tuples(st.integers(1, 300), st.integers(2, 12)), elements=st.integers(2_000, 4_500)),
    st.integers(0, 40),
)
def test_each_place_has_one_colour_or_none(mv, lacking):
    """Nothing overlaps, nothing is drawn where nothing was measured, and all else is."""
    rows = len(mv)
    mv[: min(lacking, rows), 0] = np.nan
    heat = draw(np.arange(rows, dtype=np.int64) * 10, mv)
    assert heat.columns <= COLUMNS
    found = covered(heat)
    assert found.max() == 1
    assert found[1:].min() == 1
    assert {shade for shade, _ in heat.shades} <= set(range(-SHADES, SHADES + 1))
    if lacking >= rows:
        assert found[0].max() == 0


def test_without_cells_there_is_no_picture():
    """Nothing measured, or a single cell, which has nothing to differ from."""
    assert draw(np.arange(3, dtype=np.int64), np.full((3, 5), np.nan)) is None
    assert draw(np.arange(3, dtype=np.int64), np.full((3, 1), 3_700.0)) is None
    assert draw(np.zeros(0, np.int64), np.zeros((0, 0))) is None


def test_a_pause_is_left_blank():
    """Columns are of equal length in time: where nothing came, nothing is drawn."""
    at = np.array([0, 1, 2, 100], dtype=np.int64)
    found = covered(draw(at, np.array([[3_700.0, 3_710.0]] * 4)))
    assert found.sum(axis=0).tolist() == [2, 0, 0, 2]
