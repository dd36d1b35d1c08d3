"""How much is still there at each age: the laws that every distribution of lives must keep."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.outlook.survival import (
    ages,
    empirical,
    ends,
    fixed,
    folded,
    lognormal,
    normal,
    scale_of,
    untruncated,
    weibull,
)

AGE = np.linspace(0, 60, 601)
MEANS, SPREADS = st.floats(1, 30), st.floats(0.5, 8)


@given(MEANS, SPREADS)
def test_everything_is_there_at_first_and_never_comes_back(mean: float, spread: float) -> None:
    """Whatever the lives, all survive age 0, shares only fall, and those that end sum to what is gone."""
    for there in (
        weibull(AGE, spread, scale_of(mean, spread)),
        normal(AGE, mean, spread),
        folded(AGE, mean, spread),
        lognormal(AGE, mean, spread),
        fixed(AGE, mean),
        empirical(AGE, [mean / 2, mean], [0.7, 0.2]),
    ):
        assert there[0] == pytest.approx(1)
        assert (np.diff(there) <= 1e-12).all()
        assert (there >= 0).all()
        assert ends(there).sum() == pytest.approx(1 - there[-1])


def test_lives_are_those_of_the_named_distributions() -> None:
    """Each law gives what scipy's distribution of the same mean and spread does."""
    np.testing.assert_allclose(weibull(AGE, 3.5, 9.5), scipy.stats.weibull_min.sf(AGE, 3.5, scale=9.5))
    np.testing.assert_allclose(
        normal(AGE, 6, 4), scipy.stats.truncnorm.sf(AGE, -1.5, np.inf, 6, 4), atol=1e-14
    )
    np.testing.assert_allclose(untruncated(AGE, 6, 4), scipy.stats.norm.sf(AGE, 6, 4), atol=1e-14)
    np.testing.assert_allclose(folded(AGE, 6, 4), scipy.stats.foldnorm.sf(AGE, 1.5, scale=4), atol=1e-14)
    spread = np.sqrt(np.log1p((4 / 6) ** 2))
    of_scipy = scipy.stats.lognorm.sf(AGE, spread, scale=6 / np.exp(spread**2 / 2))
    np.testing.assert_allclose(lognormal(AGE, 6, 4), of_scipy, atol=1e-14)


@given(MEANS, st.floats(1, 8))
def test_a_mean_life_is_the_mean(mean: float, shape: float) -> None:
    """`scale_of` gives the Weibull whose mean is the one asked for."""
    of = scipy.stats.weibull_min(shape, scale=scale_of(mean, shape))
    assert of.mean() == pytest.approx(mean)


def test_draws_lie_side_by_side() -> None:
    """Lives that differ by draw give the same as one draw after the other."""
    means = np.array([5.0, 9, 14])
    together = weibull(AGE, 3.5, scale_of(means, 3.5)[:, None])
    for row, mean in zip(together, means, strict=True):
        np.testing.assert_array_equal(row, weibull(AGE, 3.5, scale_of(mean, 3.5)))


def test_when_in_the_year_things_are_bought() -> None:
    """What is bought at the end of a year is new then; what is bought at its start is a year old."""
    assert ages(3, "end").tolist() == [0, 1, 2]
    assert ages(3, "middle").tolist() == [0.5, 1.5, 2.5]
    assert ages(3, "start").tolist() == [1, 2, 3]


def test_beyond_what_was_observed_a_curve_goes_on() -> None:
    """A table is followed exactly where it says something, and beyond goes on falling without a jump."""
    known, shares = [2.0, 4, 6], [0.95, 0.8, 0.5]
    np.testing.assert_allclose(empirical(np.array([1, 2, 3, 6.0]), known, shares), [0.975, 0.95, 0.875, 0.5])
    beyond = empirical(np.array([6.0001, 9, 40]), known, shares)
    assert beyond[0] == pytest.approx(0.5, abs=1e-3)
    assert 0 <= beyond[2] < 1e-9 < beyond[1] < 0.1
    assert empirical(np.array([7.0, 20]), [2, 5], [0.5, 0]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("known", "shares"),
    [
        ([], []),
        ([1, 2], [0.9]),
        ([2, 1], [0.9, 0.8]),
        ([1, 2], [0.8, 0.9]),
        ([1, 2], [1.2, 0.9]),
        ([1, 2], [0.9, -0.1]),
        ([1, 2], [0.9, float("nan")]),
        ([-1, 2], [0.9, 0.8]),
        ([0], [0.5]),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(known: list[float], shares: list[float]) -> None:
    """A table that rises, has gaps or goes below 0 is refused with what to do, not followed."""
    with pytest.raises(UsageError, match="rise"):
        empirical(AGE, known, shares)
