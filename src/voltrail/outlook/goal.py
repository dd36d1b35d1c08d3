"""A goal for heavy trucks: whether it is met without further policy, and what it takes where it is not."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.book import Book, book
from voltrail.outlook.classes import FIRST, GROUPS, LAST, SEGMENTS, UNTIL
from voltrail.outlook.doubt import ground
from voltrail.outlook.loop import GOAL
from voltrail.outlook.parameters import draw
from voltrail.outlook.run import Band, Outcome, band, drawn_from, play_through
from voltrail.outlook.scenario import Scenario

FloatArray = npt.NDArray[np.float64]

_TRUCK: Final = GROUPS.index("truck")
_TRUCKS: Final = [SEGMENTS.index("truck"), SEGMENTS.index("swap_truck")]
REACHED: Final = 0.05  # percentage points that may be missing


class Goal(NamedTuple):
    """A share of new-energy vehicles in heavy trucks sold at home, %, in a year, and who says so."""

    percent: float
    year: int
    says: str


GOALS: Final = (
    Goal(40, 2027, "twice the goal of 20 % for 2025"),
    Goal(57.78, 2027, "twice the 28.89 % that came in 2025"),
    Goal(40, 2030, "the plan of May 2026"),
)
"""The plan of 2025 wants the share doubled by 2027, and does not say of what: both readings stand here."""


class Answer(NamedTuple):
    """
    What a goal takes. Bands are over the draws, of which each plays the same world with and without.

    chance           of the share being reached without further policy, 0 to 1
    chance_helped    with support as well: money cannot win more than the ceiling
    share, helped    % of trucks sold in the goal's year, without and with
    support_yuan     in the goal's year
    support_total    from 2026 to the goal's year, yuan
    truck_yuan       for each electric truck sold in the goal's year
    gwh, gwh_helped  batteries in trucks sold in the goal's year
    retired          by year: GWh that leave trucks without and with
    """

    goal: Goal
    chance: float
    chance_helped: float
    share: Band
    helped: Band
    support_yuan: Band
    support_total: Band
    truck_yuan: Band
    gwh: Band
    gwh_helped: Band
    retired: dict[int, tuple[Band, Band]]


def ask(goal: Goal, scenario: Scenario, figures: Book | None = None) -> Answer:
    """Return what a goal takes in a scenario, whose own goals for trucks do not count. Raises UsageError."""
    if not LAST < goal.year <= UNTIL - 5:
        raise UsageError("outlook.goal", f"No goal for {goal.year}.", f"Take {LAST + 1} to {UNTIL - 5}.")
    if not 0 < goal.percent <= 100:
        raise UsageError("outlook.goal", f"No goal of {goal.percent:g} %.", "Take from above 0 to 100 %.")
    stands_on = ground(figures or book(), scenario.known_at)
    table = drawn_from(scenario, stands_on)
    free = draw(scenario.given, scenario.draws, scenario.seed, table)
    free |= {name: values * 0 for name, values in free.items() if GOAL.fullmatch(name)}
    wanted = np.full(scenario.draws, goal.percent)
    without = play_through(scenario, stands_on, table, free)
    helped = play_through(scenario, stands_on, table, free | {f"truck.goal_{goal.year}_percent": wanted})

    y = goal.year - FIRST
    share, with_support = (100 * one.course.share[:, y, _TRUCK] for one in (without, helped))
    support = helped.course.support_yuan[:, : y + 1]
    sold = np.maximum(helped.course.vehicles[:, y, _TRUCKS].sum(axis=1), 1)
    return Answer(
        goal,
        float((share >= goal.percent - REACHED).mean()),
        float((with_support >= goal.percent - REACHED).mean()),
        band(share),
        band(with_support),
        band(support[:, y]),
        band(support.sum(axis=1)),
        band(support[:, y] / sold),
        band(_fitted_gwh(without, y)),
        band(_fitted_gwh(helped, y)),
        {
            year: (band(_left_gwh(without, year)), band(_left_gwh(helped, year)))
            for year in (goal.year, goal.year + 5, goal.year + 10)
            if year <= UNTIL
        },
    )


def _fitted_gwh(outcome: Outcome, y: int) -> FloatArray:
    kwh = outcome.course.vehicles[:, y, _TRUCKS] * outcome.course.energy_kwh[:, y, _TRUCKS]
    return np.asarray(kwh.sum(axis=1) / 1e6)


def _left_gwh(outcome: Outcome, year: int) -> FloatArray:
    return np.asarray(outcome.flows.left[:, year - FIRST, _TRUCKS].sum(axis=(1, 2)) / 1e6)
