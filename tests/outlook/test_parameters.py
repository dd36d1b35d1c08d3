"""What parameters are drawn from: spreads as others compute them, strata, streams of their own."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from voltrail.outlook.parameters import Parameter, at, draw, parameters, strata

NINETY = stats.norm.ppf(0.95)


def parameter(spread, low, value, high):
    return Parameter(
        id="x",
        value=value,
        low=low,
        high=high,
        spread=spread,
        least=-1e9,
        most=1e9,
        step=1,
        unit="",
        source="",
        status="",
        word="X",
    )


@st.composite
def three(draw):
    """Low, value and high, apart by enough for a float."""
    low = draw(st.floats(0.1, 100))
    value = low + draw(st.floats(0.01, 100))
    return low, value, value + draw(st.floats(0.01, 100))


@given(three(), st.floats(0.001, 0.999))
def test_quantiles_are_those_of_scipy(ends, quantile):
    """Uniform and triangular spreads, and each half of (log)normal ones, are the known laws."""
    low, value, high = ends
    half = slice(None, 2) if quantile < 0.5 else slice(1, None)
    deviation = np.diff(ends[half])[0] / NINETY
    log_deviation = np.diff(np.log(ends[half]))[0] / NINETY
    expected = {
        "uniform": stats.uniform(low, high - low),
        "triangular": stats.triang((value - low) / (high - low), low, high - low),
        "normal": stats.norm(value, deviation),
        "lognormal": stats.lognorm(log_deviation, scale=value),
    }
    for spread, law in expected.items():
        assert at(parameter(spread, *ends), np.array([quantile]))[0] == pytest.approx(
            law.ppf(quantile), rel=1e-9
        )


@given(three(), st.sampled_from(["normal", "lognormal"]))
def test_nine_of_ten_lie_between_low_and_high(ends, spread):
    """The ends of a normal or lognormal spread are its quantiles of 5 and 95 %, however crooked it is."""
    told = at(parameter(spread, *ends), np.array([0.05, 0.5, 0.95]))
    assert told == pytest.approx(ends)


@given(st.sampled_from(sorted(parameters())), st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_no_quantile_leaves_what_a_scenario_may_say(name, quantiles):
    """Even quantiles of 0 and 1 stay in the range, and higher quantiles give no lower values."""
    one = parameters()[name]
    drawn = at(one, np.sort(quantiles))
    assert np.isfinite(drawn).all()
    assert (drawn >= one.least).all()
    assert (drawn <= one.most).all()
    assert (np.diff(drawn) >= -1e-9 * abs(one.value)).all()


def test_the_table_holds_together():
    """Each parameter lies between its ends, these in its range, and a spread can be made of them."""
    for one in parameters().values():
        assert one.least <= one.low <= one.value <= one.high <= one.most, one.id
        assert one.low < one.high or one.spread == "uniform", one.id
        assert one.spread != "lognormal" or one.low > 0, one.id
        assert one.word[0].isupper(), one.id


def test_the_first_draw_is_the_middle_and_given_values_stay():
    """Draw 0 is each parameter's own value; what a scenario gives is the same in all draws."""
    drawn = draw({"car.battery_years": 11}, 50, 3)
    assert {name: values[0] for name, values in drawn.items()} == {
        name: one.value for name, one in parameters().items()
    } | {"car.battery_years": 11}
    assert (drawn["car.battery_years"] == 11).all()
    assert all(len(values) == 50 for values in drawn.values())


@given(st.integers(1, 200), st.integers(0, 2**53))
def test_each_stratum_is_drawn_once(draws, seed):
    """Of n equal parts of the range of quantiles, each has exactly one draw."""
    assert sorted(np.floor(strata("x", draws, seed) * draws)) == list(range(draws))


def test_a_parameter_has_its_own_chance():
    """Draws of one parameter do not change with others, so scenarios of one seed are pairs; seeds differ."""
    every = draw({}, 100, 7)
    known = parameters()
    alone = draw({}, 100, 7, {"car.battery_years": known["car.battery_years"]})
    assert (alone["car.battery_years"] == every["car.battery_years"]).all()
    assert (draw({}, 100, 8)["car.battery_years"] != every["car.battery_years"])[1:].any()
    for one, other in (("car.battery_years", "car.vehicle_years"), ("learning_percent", "lfp_percent")):
        assert abs(np.corrcoef(every[one], every[other])[0, 1]) < 0.35


def test_a_spread_of_the_scenario_is_drawn_from():
    """A parameter with other ends is drawn between these."""
    own = msgspec.structs.replace(parameters()["car.market_million"], value=20, low=19, high=21)
    drawn = draw({}, 100, 1, {own.id: own})[own.id]
    assert 19 <= drawn.min() < 19.5
    assert 20.5 < drawn.max() <= 21


def test_no_life_that_a_study_took_is_called_verified() -> None:
    """
    Lives decide what leaves, and none of them was measured: all that are not fitted say that they are taken.
    """
    lives = [one for name, one in parameters().items() if name.endswith("_years")]
    assert len(lives) == 5
    assert not [one.id for one in lives if one.status == "verified"]
