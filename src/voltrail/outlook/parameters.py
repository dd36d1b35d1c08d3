"""
What an outlook is told: each parameter with its value, how sure it is, and what a scenario may say.

`parameters.csv` is the one table of them: pages make sliders of it, scenarios override its values, Monte
Carlo and the sensitivity draw from its spreads. A row without a value takes it from the row of the tables of
`health.policy` that its source names, so that a price has one home.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from voltrail.health.policy import POLICY

FloatArray = npt.NDArray[np.float64]
_NINETY: Final = 1.6448536269514722  # standard deviations on each side hold 90 %


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """
    A number that an outlook takes, in `unit`.

    With a spread of `triangular` or `uniform` it lies between `low` and `high`; with `normal` or `lognormal`
    nine of ten times, and half the times on each side of `value`. A scenario may set it from `least` to
    `most`.
    """

    id: str
    value: float
    low: float
    high: float
    spread: Literal["triangular", "uniform", "normal", "lognormal"]
    least: float
    most: float
    step: float
    unit: str
    source: str
    status: str
    word: str
    note: str = ""


@cache
def parameters() -> dict[str, Parameter]:
    """Return all of them by id, in the order of the table."""
    text = (files("voltrail.outlook") / "parameters.csv").read_text(encoding="utf-8")
    return {
        row["id"]: msgspec.convert(row if row["value"] else _of_policy(row), Parameter, strict=False)
        for row in csv.DictReader(text.splitlines())
    }


def _of_policy(row: dict[str, str]) -> dict[str, str]:
    """Return a row with the numbers of the one that its source names, and with that one's source."""
    told = next(one for one in reversed(POLICY.rows) if one.name == row["source"])
    times = 100 if row["unit"] == "%" else 1
    numbers = {name: f"{(getattr(told, name) or 0) * times:.12g}" for name in ("value", "low", "high")}
    return {**row, **numbers, "source": told.source or "computed", "status": told.confidence}


def at(parameter: Parameter, quantile: FloatArray) -> FloatArray:
    """Return the values at quantiles from 0 to 1, within what a scenario may say."""
    low, mode, high = parameter.low, parameter.value, parameter.high
    match parameter.spread:
        case "uniform":
            drawn = low + (high - low) * quantile
        case "triangular":
            split = (mode - low) / (high - low)
            drawn = np.where(
                quantile < split,
                low + np.sqrt(quantile * (high - low) * (mode - low)),
                high - np.sqrt((1 - quantile) * (high - low) * (high - mode)),
            )
        case "normal":
            drawn = mode + _two_sided(quantile, mode - low, high - mode)
        case "lognormal":
            drawn = mode * np.exp(_two_sided(quantile, np.log(mode / low), np.log(high / mode)))
    return np.clip(drawn, parameter.least, parameter.most)


def _two_sided(quantile: FloatArray, below: float, above: float) -> FloatArray:
    """Return normal deviations, half of them on each side; nine of ten lie within what they are told."""
    deviation = ndtri(quantile) / _NINETY
    sided: FloatArray = deviation * np.where(deviation < 0, below, above)
    return sided


def draw(
    given: Mapping[str, float], draws: int, seed: int, table: Mapping[str, Parameter] | None = None
) -> dict[str, FloatArray]:
    """
    Return `draws` values of each parameter by Latin hypercube; what is given has that value in all draws.

    The first draw is the middle: each parameter at its own value. Each parameter has its own stream of
    chance: the same seed gives it the same draws whatever else the table holds and a scenario sets.
    """
    return {
        one.id: (
            np.full(draws, float(given[one.id]))
            if one.id in given
            else np.concatenate([[one.value], at(one, strata(one.id, draws - 1, seed))])
        )
        for one in (table or parameters()).values()
    }


def strata(name: str, draws: int, seed: int) -> FloatArray:
    """Return quantiles of one parameter, in (0, 1): one from each of `draws` equal parts, shuffled."""
    chance = np.random.default_rng((seed, zlib.crc32(name.encode())))
    return (chance.permutation(draws) + chance.random(draws)) / max(draws, 1)
