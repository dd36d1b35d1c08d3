"""The estimate of what should have retired: a Weibull over the years in which packs were made."""

import math
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from voltrail.lifecycle.retirement import LIVES, cohort_fraction, expected, retired_fraction, summed

TODAY = date(2026, 11, 30)


@given(st.floats(0.5, 8), st.floats(1, 30))
def test_at_the_scale_what_is_left_is_one_in_e(shape, scale):
    """Whatever the shape: that is what the scale means; nothing has retired before it was made."""
    assert math.isclose(retired_fraction(scale, shape, scale), 1 - 1 / math.e)
    assert retired_fraction(0, shape, scale) == retired_fraction(-1, shape, scale) == 0


@given(st.integers(2000, 2026), st.floats(1, 6), st.floats(2, 20))
def test_older_years_and_shorter_lives_have_retired_more(year, shape, scale):
    """And a share is a share, that of a year which has just begun included."""
    one = cohort_fraction(year, TODAY, shape, scale)
    assert 0 <= one <= 1
    assert cohort_fraction(year - 1, TODAY, shape, scale) >= one
    assert cohort_fraction(year, TODAY, shape, scale * 2) <= one
    assert cohort_fraction(2027, TODAY, shape, scale) == 0


def test_the_year_as_a_whole_lies_between_its_ends():
    """Packs of 2020 are as those made in its middle, but for the bend of the curve."""
    life = LIVES["B"]
    middle = retired_fraction((TODAY - date(2020, 7, 1)).days / 365.2425, life.shape, life.years)
    assert math.isclose(cohort_fraction(2020, TODAY, life.shape, life.years), middle, rel_tol=0.02)


def test_what_has_no_parameters_is_left_out_and_said():
    """Its packs are told with no number beside them, and are in no sum."""
    found = expected({(2018, "B"): (100, 7), (2018, "Z"): (50, 1), (0, ""): (3, 0)}, TODAY)
    assert [one.likely is None for one in found] == [True, False, True]
    whole = summed(found)
    assert (whole.packs, whole.retired) == (100, 7)
    assert whole.low < whole.likely < whole.high < 100


def test_every_parameter_has_its_source_and_standing():
    """A number without either is not used."""
    for life in LIVES.values():
        assert life.source.startswith("https://")
        assert life.status == "verified"
        assert life.short_years <= life.years <= life.long_years
