"""Lines over years as the outlook draws them: all in its field, labels apart, gaps where nothing is known."""

import math
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voltrail.web.outlook import HEIGHT_PX, Line, Mark, chart

NUMBERS = st.floats(0, 1e9, allow_nan=False)


def numbers(path):
    """Return the points of a path."""
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=7))
def test_everything_lies_in_the_field(values):
    """Whatever the values, no line, band or label leaves the field, and the scale holds them all."""
    lines = [
        Line(f"line {at}", range(2020, 2023), one, [0.5 * v for v in one], one)
        for at, one in enumerate(values)
    ]
    drawn = chart(lines, "GWh")
    for one in drawn.lines:
        assert 1 <= one.colour <= 5
        assert all(-0.01 <= number <= 100.01 for point in numbers(one.path + one.band) for number in point)
    assert drawn.down[0][1] == 0
    assert drawn.down[-1][1] >= max(max(one) for one in values)


def test_labels_keep_apart():
    """Lines that end at one height still have labels that can be read: a line of letters between each."""
    drawn = chart([Line(name, [2020, 2030], [1, 5]) for name in ("one", "two", "three")], "t")
    heights = sorted(one.label_y for one in drawn.lines)
    assert all(b - a >= 100 * 15 / HEIGHT_PX - 0.1 for a, b in pairwise(heights))
    assert heights[-1] <= 100


def test_what_is_no_number_leaves_a_gap():
    """A line stops where nothing is known and goes on after; its table says so too."""
    drawn = chart(
        [Line("", [2020, 2021, 2022, 2023], [1, math.nan, 3, 4])], "t", [Mark("they", 2022, 9, 8, 10)]
    )
    assert drawn.lines[0].path.count("M") == 2
    assert drawn.rows[1] == (2021, [None])
    assert [one.label for one in drawn.named] == ["they"]
    assert drawn.down[-1][1] >= 10


def test_nothing_is_drawn_of_nothing():
    """Without a value, or with a single year, there is no picture; zeros have one."""
    assert chart([], "t") is None
    assert chart([Line("", [2020, 2021], [math.nan, math.nan])], "t") is None
    assert chart([Line("", [2020], [1.0])], "t") is None
    assert chart([Line("", [2020, 2021], [0.0, 0.0])], "t").down[-1][1] == 1
