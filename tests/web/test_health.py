"""Health as it is drawn: higher is up, all is in the field, and where nothing is known no line is drawn."""

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from voltrail.health.capacity import REFUSALS
from voltrail.web.health import Estimate, capacities, field, life, plot, refusal
from voltrail.web.page import Page

DAY_MS = 86_400_000
NUMBERS = re.compile(r"-?\d+\.?\d*")


def month(number, soh, doubt=0.01):
    return {
        "month": date(2026, number, 1),
        "soh_fraction": soh,
        "soh_low": None if soh is None else soh - doubt,
        "soh_high": None if soh is None else soh + doubt,
    }


def event(kind, day, **members):
    return {"kind": kind, "occurred_at": f"2026-{day}T08:00:00+00:00", "members": members, "index": 1}


def test_a_month_without_a_figure_breaks_the_line():
    """Nothing is drawn through what is not known; a month that stands alone has a bar in place of a band."""
    found = life([month(1, 0.97), month(2, 0.96), month(3, None), month(5, 0.95)], [])
    assert [one.count(" L") for one in found.plot.lines] == [1]
    assert len(found.plot.bands) == 1
    assert found.plot.dots.count("M") == 3
    assert found.plot.bars.count("M") == 1


def test_higher_is_up_and_what_the_record_says_lies_on_the_same_axis():
    """A month and an event that say the same are drawn at the same height; events stand in their lanes."""
    events = [
        event("measured", "02-15", soh_fraction=0.97),
        event("serviced", "03-01"),
        event("made", "01-01"),
    ]
    found = life([month(1, 0.97), month(2, 0.90)], events)
    first, second = (float(one.split()[1]) for one in re.findall(r"M([\d. ]+)h0", found.plot.dots))
    assert first < second
    assert NUMBERS.findall(found.measured[0].dot)[1] == NUMBERS.findall(found.plot.dots)[1]
    assert [len(marks) for _, marks in found.lanes] == [0, 1, 0, 0, 0]


def test_where_nobody_knows_there_is_no_picture():
    """Events alone are a list, not a plot."""
    assert life([], [event("installed", "01-01")]) is None
    assert life([month(1, None)], []) is None
    assert capacities([{"began_at": None, "capacity_ah": None, "capacity_sd_ah": None}]) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 3_000), st.floats(0, 300), st.floats(0, 50)).map(
            lambda one: Estimate(one[0] * DAY_MS, one[1], one[1] - one[2], one[1] + one[2])
        ),
        min_size=1,
        max_size=40,
    )
)
def test_all_of_it_lies_in_the_field(estimates):
    """Whatever was reckoned, nothing is drawn outside, and the scale holds every value in even steps."""
    estimates.sort()
    over = field((one.at_ms for one in estimates), (edge for one in estimates for edge in one[2:]), 1)
    assert over.scale[0] >= max(one.high for one in estimates) - 1e-6
    assert over.scale[-1] <= min(one.low for one in estimates) + 1e-6
    assert 2 <= len(over.scale) <= 8
    drawn = plot(over, estimates, 46 * DAY_MS)
    for path in (*drawn.bands, *drawn.lines, drawn.bars, drawn.dots):
        assert all(0 <= float(one) <= 100 for one in NUMBERS.findall(path.replace("h0", "")))


def test_every_refusal_of_health_has_words_in_both_languages():
    """None is shown by its rule alone."""
    for language in ("en", "zh"):
        said = {refusal(Page(language), one.rule).message for one in REFUSALS}
        assert len(said) == len(REFUSALS)
        assert not {one.rule for one in REFUSALS} & said
