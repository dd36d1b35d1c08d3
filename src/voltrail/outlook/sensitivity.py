"""
What an outlook hangs on: which parameter or figure would change an output most, which way and how much.

Three ways, all through the same spreads and the same path as a run. `at_ends` moves one thing at a time to
its low and its high end: quick, says direction and size, sees nothing of how two work together. Morris
(SALib) does so from many places; Sobol (SALib) tells how much of the spread each is the reason of, alone and
together with others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.book import Book, book
from voltrail.outlook.doubt import Ground, ground
from voltrail.outlook.parameters import Parameter, at
from voltrail.outlook.run import Outcome, drawn_from, play_through
from voltrail.outlook.scenario import Scenario
from voltrail.outlook.tables import Output, output_of

FloatArray = npt.NDArray[np.float64]

LOW, HIGH = 0.05, 0.95  # the quantiles that are called the low and the high end
BATCH: Final = 500  # draws that are played at once
RUNS_MOST: Final = 200_000

Method = Literal["morris", "sobol"]


class Influence(NamedTuple):
    """
    What an output does with one parameter, or with the error of one figure.

    `low` and `high` are its low and high end (quantiles of 5 and 95 %), `at_low` and `at_high` the output
    there with all else in the middle. `first` and `total` are, by Morris, the mean effect with its sign and
    the mean size of effects, in the unit of the output, from one end to the other; by Sobol the shares of the
    variance, alone and with all it works together with. Each has its half-width of 95 % (Morris: `total`
    alone). None without a method.
    """

    parameter: Parameter
    low: float
    high: float
    at_low: float
    at_high: float
    first: float | None = None
    total: float | None = None
    first_off: float | None = None
    total_off: float | None = None

    @property
    def size(self) -> float:
        """How far apart the output is at both ends."""
        return abs(self.at_high - self.at_low)


class Answer(NamedTuple):
    """What an output hangs on, the most influential first; `middle` is the output in the middle of all."""

    output: Output
    middle: float
    influences: tuple[Influence, ...]
    runs: int
    method: str

    def words(self, most: int = 5) -> list[str]:
        """Return the first few in words."""
        return [
            _said(one, self.output.quantity.unit) for one in self.influences[:most] if one.size or one.total
        ]


def what_matters(scenario: Scenario, output: str, figures: Book | None = None) -> Answer:
    """
    Return what an output hangs on by moving one thing at a time: two runs for each, all in one batch.

    The runs of the last few scenarios are kept, since they serve every output. Raises UsageError
    (`outlook.output`).
    """
    asked = output_of(output)
    figures = figures or book()
    stands_on = ground(figures, scenario.known_at)
    table = drawn_from(scenario, stands_on)
    moved = _free(scenario, table)
    key = msgspec.json.encode((scenario.given, scenario.ranges, scenario.known_at), order="sorted"), figures
    outcome = _kept.get(key)
    if outcome is None:
        outcome = _kept[key] = _at_ends(scenario, stands_on, table, moved)
        while len(_kept) > _KEPT_MOST:
            _kept.popitem(last=False)
    values = asked.values(outcome)
    found = [
        Influence(one, *_ends(one), float(low), float(high))
        for one, low, high in zip(moved, values[1::2], values[2::2], strict=True)
    ]
    return _answer(asked, float(values[0]), found, len(values), "one at a time")


def _untold(done: int, total: int) -> None:
    del done, total


def sensitivity(
    scenario: Scenario,
    output: str,
    method: Method,
    samples: int,
    figures: Book | None = None,
    *,
    progress: Callable[[int, int], None] = _untold,
) -> Answer:
    """
    Return what an output hangs on by Morris, `samples` trajectories, or by Sobol, as many times P + 2 runs.

    Sobol wants a power of two. `progress` hears how many runs are done, and of how many. Raises UsageError
    (`outlook.output`, `outlook.samples`).
    """
    quick = what_matters(scenario, output, figures)
    moved = [one.parameter for one in quick.influences]
    _check(method, samples, len(moved))
    if not moved:
        return quick
    stands_on = ground(figures or book(), scenario.known_at)
    table = drawn_from(scenario, stands_on)
    problem = {
        "num_vars": len(moved),
        "names": [one.id for one in moved],
        "bounds": [[LOW, HIGH]] * len(moved) if method == "morris" else [[0.001, 0.999]] * len(moved),
    }
    sample = _morris_sample if method == "morris" else _sobol_sample
    quantiles = sample(problem, samples, scenario.seed)
    values = np.empty(len(quantiles))
    progress(0, len(quantiles))
    for start in range(0, len(quantiles), BATCH):
        batch = slice(start, min(start + BATCH, len(quantiles)))
        drawn = _middles(scenario, table, batch.stop - start)
        for column, one in enumerate(moved):
            drawn[one.id] = at(one, quantiles[batch, column])
        values[batch] = quick.output.values(play_through(scenario, stands_on, table, drawn))
        progress(batch.stop, len(quantiles))
    if not np.ptp(values) > 0:
        return quick._replace(runs=len(values), method=method)
    analysed = (_morris if method == "morris" else _sobol)(problem, quantiles, values, scenario.seed)
    found = [
        one._replace(first=first, total=total, first_off=first_off, total_off=total_off)
        for one, (first, total, first_off, total_off) in zip(quick.influences, analysed, strict=True)
    ]
    return _answer(quick.output, quick.middle, found, len(values), method)


_KEPT_MOST: Final = 4  # of which each takes 10 MB
_kept: OrderedDict[tuple[bytes, Book], Outcome] = OrderedDict()


def _free(scenario: Scenario, table: dict[str, Parameter]) -> list[Parameter]:
    """Return what has a spread and is not given."""
    return [one for one in table.values() if one.id not in scenario.given and one.low < one.high]


def _ends(one: Parameter) -> tuple[float, float]:
    low, high = at(one, np.array([LOW, HIGH]))
    return float(low), float(high)


def _middles(scenario: Scenario, table: dict[str, Parameter], draws: int) -> dict[str, FloatArray]:
    return {one.id: np.full(draws, scenario.given.get(one.id, one.value)) for one in table.values()}


def _at_ends(
    scenario: Scenario, stands_on: Ground, table: dict[str, Parameter], moved: list[Parameter]
) -> Outcome:
    """Play the middle, and then each thing at its low and at its high end: 1 + 2 P draws."""
    drawn = _middles(scenario, table, 1 + 2 * len(moved))
    for place, one in enumerate(moved):
        drawn[one.id][1 + 2 * place : 3 + 2 * place] = _ends(one)
    return play_through(scenario, stands_on, table, drawn)


def _answer(output: Output, middle: float, found: list[Influence], runs: int, method: str) -> Answer:
    def rank(one: Influence) -> float:
        return one.size if one.total is None else one.total

    return Answer(output, middle, tuple(sorted(found, key=rank, reverse=True)), runs, method)


def _said(one: Influence, unit: str) -> str:
    way = "more" if one.at_high > one.at_low else "less" if one.at_high < one.at_low else "no other"
    return (
        f"{one.parameter.word}: {one.low:.4g} to {one.high:.4g} ({one.parameter.unit}) "
        f"takes it from {one.at_low:,.4g} to {one.at_high:,.4g} {unit} (the higher, the {way})"
    )


def _check(method: Method, samples: int, moved: int) -> None:
    runs = samples * (moved + (1 if method == "morris" else 2))
    if samples < 2 or runs > RUNS_MOST:
        raise UsageError(
            "outlook.samples",
            f"{samples} samples make {runs:,} runs.",
            f"Take from 2 samples to as many as make {RUNS_MOST:,} runs.",
        )
    if method == "sobol" and samples & (samples - 1):
        raise UsageError(
            "outlook.samples",
            f"Sobol with {samples} samples would be uneven.",
            f"Take a power of two: {1 << samples.bit_length() - 1} or {1 << samples.bit_length()}.",
        )


# SALib takes a second to load, with pandas and matplotlib.


def _morris_sample(problem: dict[str, Any], samples: int, seed: int) -> FloatArray:
    from SALib.sample import morris

    drawn: FloatArray = morris.sample(problem, samples, num_levels=4, seed=seed % 2**32)
    return drawn


def _morris(
    problem: dict[str, Any], quantiles: FloatArray, values: FloatArray, seed: int
) -> Iterator[tuple[float, float, float | None, float]]:
    from SALib.analyze import morris

    told = morris.analyze(problem, quantiles, values, num_levels=4, seed=seed % 2**32)
    for first, total, off in zip(told["mu"], told["mu_star"], told["mu_star_conf"], strict=True):
        yield float(first), float(total), None, float(off)


def _sobol_sample(problem: dict[str, Any], samples: int, seed: int) -> FloatArray:
    from SALib.sample import sobol

    drawn: FloatArray = sobol.sample(problem, samples, calc_second_order=False, seed=seed % 2**32)
    return drawn


def _sobol(
    problem: dict[str, Any], quantiles: FloatArray, values: FloatArray, seed: int
) -> Iterator[tuple[float, float, float | None, float]]:
    from SALib.analyze import sobol

    del quantiles
    told = sobol.analyze(problem, values, calc_second_order=False, seed=seed % 2**32)
    for row in zip(told["S1"], told["ST"], told["S1_conf"], told["ST_conf"], strict=True):
        first, total, first_off, total_off = (float(each) for each in row)
        yield first, total, first_off, total_off
