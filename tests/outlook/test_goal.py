"""What a goal for heavy trucks takes."""

from __future__ import annotations

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook.goal import GOALS, Answer, Goal, ask
from voltrail.outlook.scenario import Scenario

SOME = Scenario(draws=100)


def answer(percent: float, year: int, scenario: Scenario = SOME) -> Answer:
    return ask(Goal(percent, year, "asked"), scenario)


def test_a_higher_goal_is_less_sure_and_costs_more() -> None:
    """
    The more is wanted, the less it comes by itself, and the more money and batteries it takes.
    """
    low, high = answer(40, 2027), answer(60, 2027)
    assert low.chance > high.chance
    assert np.array_equal(low.share, high.share)
    assert low.support_total.high < high.support_total.high
    assert low.gwh_helped.middle <= high.gwh_helped.middle
    assert high.chance_helped >= high.chance


def test_a_goal_long_reached_takes_nothing() -> None:
    """
    Where a goal is met in every draw it costs no yuan, and nothing else changes either.
    """
    met = answer(20, 2030, Scenario(draws=100, given={"adoption.surprise": 0}))
    assert (met.chance, met.support_total.high) == (1, 0)
    assert np.array_equal(met.gwh, met.gwh_helped)


def test_more_trucks_retire_later() -> None:
    """
    Trucks that a goal adds in 2027 are those whose batteries retire five and ten years on.
    """
    pushed = answer(60, 2027)
    without, helped = pushed.retired[2032]
    assert helped.middle > without.middle
    assert list(pushed.retired) == [2027, 2032, 2037]


def test_both_readings_of_doubling_are_asked() -> None:
    """
    Doubling by 2027 is of the goal or of what came: both stand beside the plan for 2030.
    """
    assert [(goal.percent, goal.year) for goal in GOALS] == [(40, 2027), (57.78, 2027), (40, 2030)]
    assert GOALS[1].percent == pytest.approx(2 * 28.89)


@pytest.mark.parametrize(("percent", "year"), [(40, 2025), (40, 2050), (0, 2030), (101, 2030)])
def test_goals_that_cannot_be_asked_are_refused(percent: float, year: int) -> None:
    """
    A goal in the past or beyond all trucks is refused with what can be asked.
    """
    with pytest.raises(UsageError, match="No goal"):
        answer(percent, year)
