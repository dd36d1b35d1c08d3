"""Recovery over time as it is drawn: higher is up, what misses its target is marked, all is in the field."""

from hypothesis import given
from hypothesis import strategies as st

from voltrail.web.rates import HEIGHT, WIDTH, over_time

TOLD = [("2024-11", 0.80, 0.01, None), ("2024-12", 0.85, 0.01, 0.9), ("2025-01", 0.95, 0.01, 0.9)]


def test_higher_is_up_and_below_the_target_is_marked():
    """Beyond two standard uncertainties; without a target nothing is missed."""
    picture = over_time(TOLD)
    assert picture.marks[0].y > picture.marks[1].y > picture.marks[2].y
    assert [one.missed for one in picture.marks] == [False, True, False]
    assert picture.target.count("M") == 1
    assert picture.target.startswith("M320.0")


def test_one_month_is_no_picture():
    """A single rate is told in words."""
    assert over_time(TOLD[:1]) is None
    assert over_time([]) is None


@given(
    st.lists(st.tuples(st.just("x"), st.floats(0, 3), st.floats(0, 0.5), st.none()), min_size=2, max_size=60)
)
def test_all_of_it_lies_in_the_field(told):
    """Whatever plants claim, no mark is drawn outside."""
    picture = over_time(told)
    assert all(0 <= one.x <= WIDTH and 0 <= one.y <= HEIGHT for one in picture.marks)
    assert all(0 <= y <= HEIGHT for y, _ in picture.scale)
    assert len(picture.labels) <= 8
