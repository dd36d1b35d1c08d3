"""Charts: what is drawn is what was counted, within its field, on a scale that people read."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.web.chart import draw

DAY_MS = 86_400_000
GROWN = st.lists(
    st.tuples(st.integers(0, 2**41), st.integers(1, 10**9)),
    min_size=2,
    max_size=60,
    unique_by=lambda one: one[0],
).map(
    lambda pairs: list(zip(sorted(at for at, _ in pairs), sorted(count for _, count in pairs), strict=True))
)


def drawn(path):
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


@given(GROWN)
def test_the_line_stays_in_its_field_and_never_goes_down(points):
    """Each count at its share of the time and of the scale: from the left edge to the right."""
    chart = draw(points)
    line = drawn(chart.line)
    assert len(line) == len(points)
    assert (line[0][0], line[-1][0]) == (0, 100)
    assert all(0 <= y <= 100 for _, y in line)
    assert line == sorted(line, key=lambda one: (one[0], -one[1]))
    for (_, count), (_, y) in zip(points, line, strict=True):
        assert y == pytest.approx(100 - count / chart.scale[0] * 100, abs=0.01)


@given(st.integers(1, 10**12))
def test_the_scale_is_even_and_not_much_too_high(highest):
    """From a number that is not below the highest count down to 0, in equal steps, at most four."""
    scale = draw([(0, 1), (1, highest)]).scale
    steps = {above - below for above, below in pairwise(scale)}
    assert len(steps) == 1
    assert len(scale) <= 5
    assert scale[-1] == 0
    assert highest <= scale[0] <= 3 * highest + 3


@pytest.mark.parametrize(
    ("span_ms", "unit"), [(1, "second"), (DAY_MS, "minute"), (2 * DAY_MS, "day"), (900 * DAY_MS, "day")]
)
def test_times_in_the_unit_that_tells_most(span_ms, unit):
    """A chart of one minute has seconds, one of years has days."""
    assert draw([(0, 1), (span_ms, 2)]).unit == unit


@pytest.mark.parametrize("points", [[], [(5, 1)], [(5, 1), (5, 9)]])
def test_no_chart_of_one_moment(points):
    """What has no extent in time is not drawn."""
    assert draw(points) is None
