"""Rolling backtests: nothing from after a cut is seen, intervals hold what they say, losses are told."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.outlook.adoption import MODELS, with_policies
from voltrail.outlook.backtest import (
    LEAST,
    MEDIAN,
    NO_CHANGE,
    Forecast,
    Model,
    Point,
    backtest,
    forecast,
    odds_of,
    share_of,
)

ALL = (*MODELS, with_policies([2016.5, 2021.25], 1))
shares = st.floats(0, 1, allow_subnormal=False)


def points_of(values, first=2010):
    return [Point(first + place, share) for place, share in enumerate(values)]


def world(rng, years=20):
    """Return a share whose truth is known: a logistic curve, its log odds walking at random about it."""
    ceiling, rate, half = rng.uniform(0.4, 0.95), rng.uniform(0.3, 0.8), rng.uniform(8, 16)
    at = np.arange(years)
    odds = odds_of(ceiling / (1 + np.exp(-rate * (at - half)))) + np.cumsum(rng.normal(0, 0.12, years))
    return points_of(share_of(odds).tolist())


@settings(max_examples=20, deadline=None)
@given(
    before=st.lists(shares, min_size=6, max_size=12),
    after=st.lists(shares, min_size=1, max_size=5),
    instead=st.lists(shares, min_size=1, max_size=5),
)
def test_nothing_after_a_cut_is_seen(before, after, instead):
    """Whatever comes after a cut, what was said at it, by which model and how surely, stays the same."""
    last = 2010 + len(before) - 1
    one, other = (backtest(points_of(before + more), ALL, first_cut=2010) for more in (after, instead))
    told = [[each for each in found.made if each.cut <= last] for found in (one, other)]
    assert len(told[0]) == len(before) - LEAST + 1
    for first, second in zip(*told, strict=False):
        assert (first.cut, first.model) == (second.cut, second.model)
        for name in ("middle", "low", "high"):
            assert getattr(first, name) == pytest.approx(getattr(second, name), abs=1e-9)


def test_a_restated_figure_changes_no_forecast_made_before():
    """A vintage published later is not known at an earlier cut, neither to the models nor to their choice."""
    first = points_of([0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.42])
    restated = [one._replace(share=one.share * 1.2) for one in first]
    told = backtest(restated, MODELS, 2014, known=lambda cut: first if cut < 2017 else restated)
    then, now = backtest(first, MODELS, 2014), backtest(restated, MODELS, 2014)
    for place, one in enumerate(told.made):
        if one.cut < 2017:
            assert one == then.made[place]
        else:
            assert one.others["trend"] == pytest.approx(now.made[place].others["trend"])
    assert [one.came for one in told.trials] == [one.came for one in now.trials]


def test_the_model_is_the_one_that_had_erred_least():
    """Of two models the one that was nearer in what had come due is chosen, and no-change before anything."""
    values = [0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    right = Model("right", lambda at, known, until: 0.1 * (until - 2013))
    wrong = Model("wrong", lambda at, known, until: np.zeros_like(until))
    chosen = [one.model for one in backtest(points_of(values), [wrong, right], 2010).made]
    assert chosen == [NO_CHANGE] + ["right"] * (len(values) - LEAST - 1)


def test_where_models_lose_it_is_told():
    """A share that turns as soon as a model was trusted: each loss stands among the trials and is counted."""
    values = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.4, 0.35, 0.3]
    told = backtest(points_of(values), MODELS, 2010)
    losses = [one for one in told.trials if one.gain < 0]
    score = told.score()
    assert losses
    assert all(one.error > one.no_change_error for one in losses)
    assert score.worse == len(losses)
    assert score.better + score.worse + score.same == score.trials == len(told.trials)
    assert score.error == pytest.approx(sum(abs(one.said - one.came) for one in told.trials) / score.trials)
    assert score.ratio == pytest.approx(score.error / score.no_change_error)


def test_every_cut_and_horizon_has_its_trial():
    """From the first cut on there is a trial for each horizon whose time has come, and none is left out."""
    told = backtest(points_of(np.linspace(0.01, 0.6, 16).tolist()), MODELS, 2019)
    assert [(one.cut, one.steps) for one in told.trials] == [
        (cut, steps) for cut in range(2019, 2025) for steps in range(1, 6) if cut + steps <= 2025
    ]
    assert set(told.errors()) == {one.id for one in MODELS} | {NO_CHANGE, MEDIAN}


def test_years_that_are_missing_are_left_out():
    """A gap makes no trial and stops nothing: horizons are counted in time, not in points."""
    points = [one for one in points_of(np.linspace(0.01, 0.5, 14).tolist()) if one.at != 2018]
    told = backtest(points, MODELS, 2016)
    assert 2018 not in {one.at for one in told.trials} | {one.cut for one in told.made}
    assert all(one.steps == one.at - one.cut for one in told.trials)


def test_intervals_hold_what_they_say():
    """Where the truth is known, intervals of 80 % hold it about 80 times of 100, near and far."""
    rng = np.random.default_rng(7)
    trials = [one for _ in range(60) for one in backtest(world(rng), MODELS, 2016, steps=5).trials]
    for told in (
        trials,
        [one for one in trials if one.steps <= 2],
        [one for one in trials if one.steps > 2],
        [one for one in trials if one.cut < 2020],
        [one for one in trials if one.cut >= 2020],
    ):
        held = [one.held for one in told if one.held is not None]
        assert len(held) > 300
        assert 0.7 <= sum(held) / len(held) <= 0.9


@settings(max_examples=40, deadline=None)
@given(st.lists(shares, min_size=LEAST, max_size=20))
def test_any_share_is_forecast_within_bounds(values):
    """Flat, falling, jumping, nought or all: what is said is a share, within its interval."""
    told = forecast(points_of(values), ALL)
    for one in (told.now, *told.backtest.made):
        for low, middle, high in zip(one.low, one.middle, one.high, strict=True):
            assert 0 <= low <= middle + 1e-9
            assert middle <= high + 1e-9 <= 1 + 1e-9
        assert all(math.isfinite(share) for shares in one.others.values() for share in shares)


@pytest.mark.parametrize(
    ("points", "rule"),
    [
        ([], "outlook.short"),
        (points_of([0.1, 0.2, 0.3, 0.4]), "outlook.short"),
        (points_of([0.1, 0.2, 0.3, 0.4, 1.2]), "outlook.share"),
        (points_of([0.1, 0.2, 0.3, 0.4, -0.1]), "outlook.share"),
        (points_of([0.1, 0.2, 0.3, 0.4, math.nan]), "outlook.share"),
        ([*points_of([0.1, 0.2, 0.3, 0.4, 0.5]), Point(2014, 0.6)], "outlook.same_time"),
    ],
)
def test_what_cannot_be_forecast_is_refused(points, rule):
    """Too few points, what is no share, and a time that stands twice are refused by name."""
    with pytest.raises(UsageError) as refused:
        backtest(points, MODELS)
    assert refused.value.rule == rule


def test_no_forecast_without_its_backtest():
    """A forecast cannot be made, nor read back, without the backtest that says what it is worth."""
    told = forecast(points_of(np.linspace(0.01, 0.5, 14).tolist()), MODELS)
    with pytest.raises(TypeError):
        Forecast(now=told.now)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"now": msgspec.to_builtins(told.now)}, Forecast)
    assert told.backtest.trials
