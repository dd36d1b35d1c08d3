"""Cycle life from a hundred cycles: the line, its interval, and what cannot be compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.technology.early import Line, fit, predict_cycle_life, variance_of

GRID = np.linspace(0, 1.1, 100)


@given(st.floats(1e-4, 0.5), st.floats(1e-4, 0.5))
def test_the_more_a_curve_moves_the_sooner_it_ends(one, other):
    """The forecast falls with the variance, and lies in its interval."""
    little, much = sorted((one, other))
    longer, shorter = (predict_cycle_life(GRID, GRID * (1 - moved)) for moved in (little, much))
    assert shorter.middle <= longer.middle
    assert longer.low < longer.middle < longer.high


def test_a_line_is_found_again():
    """Cells on a line give that line back, with nothing left over."""
    variances = np.logspace(-5, -3, 12)
    found = fit(variances, 10 ** (1.5 - 0.4 * np.log10(variances)))
    assert found == pytest.approx(Line(1.5, -0.4, 0.0), abs=1e-9)


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (GRID, GRID),
        (GRID, GRID[:-1]),
        (GRID[:5], GRID[:5] * 0.9),
        (GRID, np.full_like(GRID, np.nan)),
        (GRID, np.full_like(GRID, np.inf)),
        (GRID.reshape(10, 10), GRID.reshape(10, 10) * 0.9),
        ([], []),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_curves_that_cannot_be_compared_are_refused(early, late):
    """Equal curves, curves of other lengths, too few points and what is no number give no forecast."""
    with pytest.raises(UsageError) as refused:
        variance_of(early, late)
    assert refused.value.rule == "life.curve"
