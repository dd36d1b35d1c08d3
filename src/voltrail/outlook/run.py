"""
A scenario played through: the course of things, the batteries, the metals, with their spread.

Everything is computed in D draws at once, of which the first is the middle: each parameter at its own value,
each figure as published. Two scenarios with the same seed draw the same for all that both leave open, so
their difference is that of what they set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.outlook.book import Book, book
from voltrail.outlook.doubt import Ground, blurred, ground
from voltrail.outlook.loop import Course, play
from voltrail.outlook.materials import Metals, metals, recovery_of
from voltrail.outlook.parameters import Parameter, draw
from voltrail.outlook.scenario import Scenario, parameters_of
from voltrail.outlook.stock import Flows, follow

FloatArray = npt.NDArray[np.float64]


class Outcome(NamedTuple):
    """
    What came of a scenario.

    `parameters` are what it was drawn from: those of the table with the scenario's spreads, and the errors of
    figures (`figures/...`); `drawn` their values in each draw. A flow of 1,000 draws takes 11.5 MB and is
    kept whole: whoever needs a part of many more draws plays them in batches.
    """

    scenario: Scenario
    parameters: dict[str, Parameter]
    drawn: dict[str, FloatArray]
    course: Course
    flows: Flows
    metals: Metals


def run(scenario: Scenario, figures: Book | None = None) -> Outcome:
    """Play a scenario through, from the figures as they were known at its vintage. Raises UsageError."""
    stands_on = ground(figures or book(), scenario.known_at)
    table = drawn_from(scenario, stands_on)
    drawn = draw(scenario.given, scenario.draws, scenario.seed, table)
    return play_through(scenario, stands_on, table, drawn)


def drawn_from(scenario: Scenario, stands_on: Ground) -> dict[str, Parameter]:
    """Return all that is drawn by id: parameters with the scenario's spreads, and errors of figures."""
    return parameters_of(scenario) | {one.parameter.id: one.parameter for one in stands_on.doubts}


def play_through(
    scenario: Scenario, stands_on: Ground, table: dict[str, Parameter], drawn: dict[str, FloatArray]
) -> Outcome:
    """Return what comes of given draws."""
    course = blurred(play(stands_on.past, drawn), stands_on.doubts, drawn)
    flows = follow(course, drawn, scenario.law)
    return Outcome(scenario, table, drawn, course, flows, metals(flows, recovery_of(drawn)))


class Band(NamedTuple):
    """The middle of many draws and where nine of ten lie, by year: each (Y,), or what was asked for."""

    middle: FloatArray
    low: FloatArray
    high: FloatArray


def band(values: FloatArray) -> Band:
    """
    Return the band of (D, ...): the median of the draws and where nine of ten of them lie, each (...).

    As `np.quantile`, and not a number where any draw is none; faster, since each is sorted in one piece.
    """
    ordered = np.sort(np.moveaxis(values, 0, -1), axis=-1)
    last = ordered.shape[-1] - 1

    def quantile(share: float) -> FloatArray:
        below, part = divmod(share * last, 1)
        lower, upper = ordered[..., int(below)], ordered[..., min(int(below) + 1, last)]
        between: FloatArray = (
            lower + (upper - lower) * part + 0 * ordered[..., -1]
        )  # a missing one sorts last
        return between

    return Band(quantile(0.5), quantile(0.05), quantile(0.95))
