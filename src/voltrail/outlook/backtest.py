"""
Forecasts of shares that are never told without how such forecasts have done: rolling backtests.

At each cut every model sees what was known until then and nothing later. The model whose forecasts that were
due by the cut erred least, all horizons together, makes the forecast of the cut; no-change is always among
those to choose from, and is the one chosen where nothing was due yet. How wide its interval is, its own
errors until the cut say. What a cut says then stands beside what no-change would have said, losses included.

The door is `forecast`: it returns a `Forecast`, which holds its `Backtest`. `backtest` is for those who want
nothing else. Any share will do, of vehicles or of makers: bring points and models, see `adoption.MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from voltrail.errors import UsageError

FloatArray = npt.NDArray[np.float64]

LEAST: Final = 5  # points, before anything is forecast
STEPS: Final = 5  # horizons that count in the choice of a model
LEVEL: Final = 0.8  # of the intervals
_ENOUGH: Final = 3  # errors at a horizon, before its interval is taken from them
NO_CHANGE: Final = "no_change"
MEDIAN: Final = "median"
_SMALL: Final = 0.005  # half a point: what is less hardly counts where errors are held against each other
_SAME: Final = 1e-9  # in time and in errors


class Point(NamedTuple):
    """A share, 0 to 1, of what ended at a time in years: 2025 is the year 2025, 2024.75 a quarter less."""

    at: float
    share: float


class Model(NamedTuple):
    """
    A way to forecast, for many cuts at once.

    `ahead(at, known, until)` takes the times of points (N,), shares as they were known at each of B cuts
    (B, N), not a number where they were not, at least five known in each row, and times (B, H); it returns
    shares (B, H) from 0 to 1. No row may hang on another.
    """

    id: str
    ahead: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was said at a cut: the share by `at`, and between which it lies with 80 %; `others` by model."""

    cut: float
    model: str
    at: tuple[float, ...]
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    others: dict[str, tuple[float, ...]]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast that has come due: what was said at `cut` for `steps` later, and what came."""

    cut: float
    steps: int
    at: float
    model: str
    said: float
    low: float
    high: float
    no_change: float
    came: float

    @property
    def error(self) -> float:
        """How far off it was."""
        return abs(self.said - self.came)

    @property
    def no_change_error(self) -> float:
        """How far off no-change was."""
        return abs(self.no_change - self.came)

    @property
    def gain(self) -> int:
        """1 where it was nearer than no-change, -1 where it was farther, 0 where it was no-change itself."""
        by = self.no_change_error - self.error
        return 0 if abs(by) < _SAME else 1 if by > 0 else -1

    @property
    def held(self) -> bool | None:
        """Whether what came lay in the interval; None where that says nothing, from 0 to 100 %."""
        return self.low <= self.came <= self.high if (self.low, self.high) != (0, 1) else None


class Score(NamedTuple):
    """
    Trials together: mean absolute errors, their `ratio` (below 1 is better than no-change), who won.

    Of `intervals` that say something, so many `held` what came.
    """

    trials: int
    error: float
    no_change_error: float
    better: int
    worse: int
    same: int
    intervals: int
    held: int

    @property
    def ratio(self) -> float | None:
        """The error in errors of no-change; None where no-change was right throughout."""
        return self.error / self.no_change_error if self.no_change_error > _SAME else None


def score_of(trials: Sequence[Trial]) -> Score | None:
    """Return trials together, of one series or of many; None of none."""
    if not trials:
        return None
    gains = [one.gain for one in trials]
    return Score(
        len(trials),
        sum(one.error for one in trials) / len(trials),
        sum(one.no_change_error for one in trials) / len(trials),
        gains.count(1),
        gains.count(-1),
        gains.count(0),
        sum(one.held is not None for one in trials),
        sum(one.held is True for one in trials),
    )


class Backtest(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What was said at each cut from the first one on, and how it came."""

    points: tuple[Point, ...]
    step: float
    made: tuple[Made, ...]

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All that came due, by cut and horizon."""
        came = {round(one.at, 6): one.share for one in self.points}
        return tuple(
            Trial(
                cut=one.cut,
                steps=place + 1,
                at=at,
                model=one.model,
                said=one.middle[place],
                low=one.low[place],
                high=one.high[place],
                no_change=one.others[NO_CHANGE][place],
                came=came[round(at, 6)],
            )
            for one in self.made
            for place, at in enumerate(one.at)
            if round(at, 6) in came
        )

    def score(self, *, most: int = STEPS, steps: int | None = None) -> Score | None:
        """Return how it did up to `most` steps ahead, or at one horizon; None where nothing came due."""
        return score_of(
            [one for one in self.trials if (one.steps <= most if steps is None else one.steps == steps)]
        )

    def errors(self, *, most: int = STEPS) -> dict[str, float]:
        """Return the mean absolute error of each model, had it been taken at every cut: nobody knew then."""
        came = {round(one.at, 6): one.share for one in self.points}
        found: dict[str, list[float]] = {}
        for one in self.made:
            for model, said in one.others.items():
                found.setdefault(model, []).extend(
                    abs(share - came[round(at, 6)])
                    for at, share in zip(one.at[:most], said, strict=False)
                    if round(at, 6) in came
                )
        return {model: sum(errors) / len(errors) for model, errors in found.items() if errors}


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What is said now, after the last point. There is none without its backtest."""

    now: Made
    backtest: Backtest


Known = Callable[[float], Sequence[Point]]


def forecast(
    series: Sequence[Point],
    models: Sequence[Model],
    first_cut: float = 2019,
    *,
    step: float = 1,
    steps: int = STEPS,
    known: Known | None = None,
    least: int = LEAST,
) -> Forecast:
    """Return the forecast of `steps` after the last point; arguments and errors are those of `backtest`."""
    made, told = _all_made(series, models, step, steps, known, least)
    return Forecast(now=made[-1], backtest=_backtest_of(made, told, first_cut, step))


def backtest(
    series: Sequence[Point],
    models: Sequence[Model],
    first_cut: float = 2019,
    *,
    step: float = 1,
    steps: int = STEPS,
    known: Known | None = None,
    least: int = LEAST,
) -> Backtest:
    """
    Return how forecasts have done that were made at each point from `first_cut` to the last but one.

    `step` is the time between points in years, `steps` how many of them are forecast. `known` returns the
    points as they were known at a cut, for series that were restated; without it they are taken as they
    stand now, cut off. Times may be missing. `least` is how many points a cut must have before it: fewer than
    five only where the models need fewer. The median of the models stands to choice beside them.
    Raises UsageError for fewer than `least` points, shares outside 0 to 1 and the same time twice.
    """
    made, told = _all_made(series, models, step, steps, known, least)
    return _backtest_of(made, told, first_cut, step)


def _backtest_of(made: list[Made], points: list[Point], first_cut: float, step: float) -> Backtest:
    return Backtest(
        points=tuple(points), step=step, made=tuple(one for one in made[:-1] if one.cut >= first_cut - _SAME)
    )


def check(series: Sequence[Point], least: int = LEAST) -> list[Point]:
    """Return the points in order. Raises UsageError where nothing can be forecast from them."""
    points = sorted(series)
    if any(not 0 <= one.share <= 1 for one in points):  # what is no number is neither
        raise UsageError(
            "outlook.share", "A share lies outside 0 to 100 %.", "Mend the figure it comes from."
        )
    if any(after.at - before.at < _SAME for before, after in pairwise(points)):
        raise UsageError(
            "outlook.same_time", "A time stands twice in the series.", "Leave one figure of each."
        )
    if len(points) < least:
        raise UsageError(
            "outlook.short",
            f"The series has too few points to forecast from: {len(points)}.",
            f"Add figures until there are {least}, all of the same definition.",
        )
    return points


def _all_made(
    series: Sequence[Point],
    models: Sequence[Model],
    step: float,
    steps: int,
    known: Known | None,
    least: int,
) -> tuple[list[Made], list[Point]]:
    """
    Return what is said at each point that has enough before it, the last one included, and the points.

    Cuts before the first that is told are among them: their errors choose the models of later ones.
    """
    points = check(series, least)
    at = np.array([one.at for one in points])
    cuts = at[least - 1 :]
    seen = _seen(points, cuts, known)
    tested = max(steps, STEPS)
    until = cuts[:, None] + step * np.arange(1, tested + 1)
    said = {one.id: np.clip(one.ahead(at, seen, until), 0, 1) for one in models}
    said[NO_CHANGE] = np.broadcast_to(_last(seen)[:, None], until.shape)
    curves = [shares for model, shares in said.items() if model != NO_CHANGE]
    if len(curves) > 2:
        said[MEDIAN] = np.median(curves, axis=0)
    made = []
    for place, cut in enumerate(cuts):
        due = _due(at, seen[place], until[:place], cut)
        model = _chosen({one: shares[:place] for one, shares in said.items()}, due)
        middle = said[model][place]
        reach = _reach(odds_of(said[model][:place]) - odds_of(due), tested)
        made.append(
            Made(
                cut=float(cut),
                model=model,
                at=tuple(until[place, :steps].tolist()),
                middle=tuple(middle[:steps].tolist()),
                low=tuple(share_of(odds_of(middle) - reach)[:steps].tolist()),
                high=tuple(share_of(odds_of(middle) + reach)[:steps].tolist()),
                others={one: tuple(shares[place, :steps].tolist()) for one, shares in said.items()},
            )
        )
    return made, points


def _seen(points: list[Point], cuts: FloatArray, known: Known | None) -> FloatArray:
    """
    Return the shares as they were known at each cut, nothing later: (B, N).

    The last cut is now: all vintages are known at it.
    """
    seen = np.full((len(cuts), len(points)), np.nan)
    for row, cut in enumerate(cuts):
        told = points if known is None or row == len(cuts) - 1 else known(float(cut))
        then = {round(one.at, 6): one.share for one in told}
        for column, one in enumerate(points):
            if one.at <= cut + _SAME:
                seen[row, column] = then.get(round(one.at, 6), one.share)
    return seen


def _last(seen: FloatArray) -> FloatArray:
    """Return the last share that is known in each row."""
    last = seen.shape[1] - 1 - np.argmax(np.isfinite(seen)[:, ::-1], axis=1)
    found: FloatArray = seen[np.arange(len(seen)), last]
    return found


def _due(at: FloatArray, seen: FloatArray, until: FloatArray, cut: float) -> FloatArray:
    """Return what had come by a cut of what earlier cuts forecast, as it was known at it: (cuts, H)."""
    place = np.clip(np.searchsorted(at, until - 1e-6), 0, len(at) - 1)
    there = (np.abs(at[place] - until) < 1e-6) & (until <= cut + _SAME)
    return np.where(there, seen[place], np.nan)


def _chosen(said: dict[str, FloatArray], due: FloatArray) -> str:
    """Return the model that erred least in what was due, no-change where nothing was."""
    counts = np.isfinite(due[:, :STEPS])
    if not counts.any():
        return NO_CHANGE
    errors = {
        one: float(np.abs(shares[:, :STEPS] - due[:, :STEPS])[counts].mean()) for one, shares in said.items()
    }
    return min(errors, key=lambda one: (round(errors[one], 12), one != NO_CHANGE))


def _reach(errors: FloatArray, steps: int) -> FloatArray:
    """
    Return how far the interval reaches on each side at each horizon, in log odds: (H,).

    Errors are those of the same model at the same horizon, taken to scatter about nought; Student's t widens
    for few of them, and forecasts that overlap count as fewer: `steps` of them as one. Where a horizon has
    fewer than three, the interval grows with it as from the longest that has them. (On invented shares, whose
    truth is known, this held 80 of 100; to trust one or two errors held 78.)
    """
    reach = np.full(steps, np.nan)
    for place in range(steps):
        told = errors[:, place][np.isfinite(errors[:, place])]
        if len(told) >= _ENOUGH or (len(told) and not place):
            free = max(1.0, len(told) / (place + 1))
            spread = float(np.sqrt((told**2).mean() * (1 + 1 / len(told))))
            reach[place] = stdtrit(free, (1 + LEVEL) / 2) * spread
        elif place:
            reach[place] = reach[place - 1] * (place + 1) / place
    return np.maximum.accumulate(np.where(np.isfinite(reach), reach, np.inf))


def odds_of(share: FloatArray) -> FloatArray:
    """Return log odds of a share, drawn in so that those of 0 and 1 are finite."""
    drawn_in: FloatArray = logit((share + _SMALL) / (1 + 2 * _SMALL))
    return drawn_in


def share_of(odds: FloatArray) -> FloatArray:
    """Return the share of such log odds."""
    drawn_out: FloatArray = np.clip(expit(odds) * (1 + 2 * _SMALL) - _SMALL, 0, 1)
    return drawn_out
