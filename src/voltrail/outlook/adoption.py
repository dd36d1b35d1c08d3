"""
How fast vehicles electrify, told by curves alone: shares as they were published, and models of them.

The curves are fitted as what is most probable: shares scatter by `_NOISE` on the scale of their square roots
(less where they are small, as shares do), and each parameter has a prior, stated beside its curve, which
holds the ceiling where few points say nothing of it. Levenberg-Marquardt from several starts, all cuts of a
series at once. How all this is done was settled on figures until 2018; what came later judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from voltrail.errors import UsageError
from voltrail.outlook.backtest import LEAST, STEPS, Forecast, Model, Point, forecast, odds_of, share_of
from voltrail.outlook.book import Book, Row
from voltrail.outlook.classes import FIRST

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Step = Literal["year", "quarter", "month"]

STEP_YEARS: Final[dict[Step, float]] = {"year": 1.0, "quarter": 0.25, "month": 1 / 12}
AHEAD: Final[dict[Step, int]] = {"year": 16, "quarter": 8, "month": 6}
"""How far a forecast goes: years to 2040, where the last target is dated."""
_NOISE: Final = 0.03


class Prior(NamedTuple):
    """What is held of a curve's parameters before any point is seen: normal, each with its spread."""

    middle: tuple[float, ...]
    spread: tuple[float, ...]


class Curve(NamedTuple):
    """
    A curve of growth with its prior.

    `share` takes parameters (B, P) and years since the cut (B, N), some curves more; the first parameter is
    the log odds of the ceiling. `starts` are where the search for the others begins, (S, P).
    """

    share: Callable[..., FloatArray]
    prior: Prior
    starts: tuple[tuple[float, ...], ...]


def logistic(parameters: FloatArray, since: FloatArray) -> FloatArray:
    """Return a logistic curve: log odds of the ceiling, log of the rate a year, years until half of it."""
    ceiling, rate, half = _columns(parameters)
    grown: FloatArray = expit(ceiling) * expit(_positive(rate) * (since - half))
    return grown


def gompertz(parameters: FloatArray, since: FloatArray) -> FloatArray:
    """Return a Gompertz curve: log odds of the ceiling, log of the rate, years until it turns (37 %)."""
    ceiling, rate, turn = _columns(parameters)
    grown: FloatArray = expit(ceiling) * np.exp(-np.exp(np.clip(-_positive(rate) * (since - turn), -50, 50)))
    return grown


def bass(parameters: FloatArray, since: FloatArray) -> FloatArray:
    """
    Return a Bass curve, as the share that has been reached, from 0 at its begin.

    Parameters: log odds of the ceiling, log of imitation, log of innovation, years from the begin to the cut.
    """
    ceiling, imitation, innovation, age = _columns(parameters)
    p, q = _positive(innovation), _positive(imitation)
    gone = np.exp(-np.clip((p + q) * np.maximum(since + age, 0), 0, 50))
    grown: FloatArray = expit(ceiling) * (1 - gone) / (1 + q / p * gone)
    return grown


CEILING: Final = (1.5, 1.5)  # log odds: nine times of ten from 28 % to 98 %, 82 % in the middle
RATE: Final = (-0.7, 0.6)  # log: 0.5 a year, 9 years from a tenth of the ceiling to nine tenths
CURVES: Final = {
    "logistic": Curve(
        logistic,
        Prior((CEILING[0], RATE[0], 5), (CEILING[1], RATE[1], 10)),
        tuple((ceiling, -0.7, half) for ceiling in (-1.0, 1.5) for half in (-4.0, 0.0, 5.0)),
    ),
    "gompertz": Curve(
        gompertz,
        Prior((CEILING[0], -1.4, 5), (CEILING[1], RATE[1], 10)),
        tuple((ceiling, -1.4, turn) for ceiling in (-1.0, 1.5) for turn in (-4.0, 0.0, 5.0)),
    ),
    "bass": Curve(
        bass,
        Prior((CEILING[0], RATE[0], -6, 10), (CEILING[1], RATE[1], 2, 5)),
        tuple((ceiling, -0.7, begun, 10.0) for ceiling in (-1.0, 1.5) for begun in (-8.0, -5.0, -3.0)),
    ),
}


def fit(curve: Curve, since: FloatArray, share: FloatArray, *more: FloatArray) -> FloatArray:
    """
    Return the most probable parameters of a curve: (B, P).

    `since` are years since the cut (B, N), `share` (B, N) is not a number where nothing is known; `more`
    (B, N, ...) the curve is given beside the years. No row hangs on another: each is followed until it
    stands still by itself.
    """
    rows, starts = len(share), np.array(curve.starts)
    middle, spread = (np.array(one) for one in curve.prior)
    known = np.isfinite(share)
    root = np.repeat(np.sqrt(np.where(known, share, 0)), len(starts), axis=0)
    counts = np.repeat(known, len(starts), axis=0) / _NOISE
    given = [np.repeat(one, len(starts), axis=0) for one in (since, *more)]

    def off(at: FloatArray, rows: IntArray) -> FloatArray:
        curved = (np.sqrt(curve.share(at, *(one[rows] for one in given)) + 1e-12) - root[rows]) * counts[rows]
        return np.concatenate([curved, (at - middle) / spread], axis=1)

    found, cost = _least_squares(off, np.tile(starts, (rows, 1)))
    best = cost.reshape(rows, -1).argmin(axis=1)
    chosen: FloatArray = found.reshape(rows, len(starts), -1)[np.arange(rows), best]
    return chosen


_ROUNDS: Final = 60
_NUDGE: Final = 1e-6
_STILL: Final = 1e-9


def _least_squares(
    off: Callable[[FloatArray, IntArray], FloatArray], at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where many sums of squares are least, each for itself, and how much they are: (B, P), (B,)."""
    at = at.copy()
    width = at.shape[1]
    moving = np.arange(len(at))
    residual = off(at, moving)
    cost = (residual**2).sum(axis=1)
    damping = np.full(len(at), 1e-2)
    for _ in range(_ROUNDS):
        here = at[moving]
        slope = np.stack(
            [(off(here + _NUDGE * one, moving) - residual[moving]) / _NUDGE for one in np.eye(width)], axis=2
        )
        squared = np.einsum("bnp,bnq->bpq", slope, slope)
        against = np.einsum("bnp,bn->bp", slope, residual[moving])
        held = squared + damping[moving, None, None] * np.einsum("bpp,pq->bpq", squared, np.eye(width))
        there = here - np.linalg.solve(held, against[..., None])[..., 0]
        tried = off(there, moving)
        after = (tried**2).sum(axis=1)
        better = after < cost[moving]
        gained = np.where(better, cost[moving] - after, 0)
        taken = moving[better]
        at[taken], residual[taken], cost[taken] = there[better], tried[better], after[better]
        damping[moving] = np.clip(damping[moving] * np.where(better, 0.2, 5), 1e-9, 1e9)
        still = (better & (gained < _STILL * (1 + after))) | (~better & (damping[moving] > 1e6))
        moving = moving[~still]
        if not len(moving):
            break
    return at, cost


def _positive(logarithm: FloatArray) -> FloatArray:
    """Return what has this logarithm, within bounds that a search can leave and no curve needs."""
    bounded: FloatArray = np.exp(np.clip(logarithm, -30, 10))
    return bounded


def _columns(parameters: FloatArray) -> tuple[FloatArray, ...]:
    return tuple(parameters[:, one, None] for one in range(parameters.shape[1]))


def grow(curve: Curve, at: FloatArray, known: FloatArray, until: FloatArray) -> FloatArray:
    """Forecast by a curve fitted to what is known at each cut; see `backtest.Model`."""
    cut = _cuts(at, known)[:, None]
    found = fit(curve, at - cut, known)
    grown: FloatArray = curve.share(found, until - cut)
    return grown


def trend(at: FloatArray, known: FloatArray, until: FloatArray) -> FloatArray:
    """Forecast the last share moved on by the mean change of its log odds over the last five points."""
    ahead = np.empty(until.shape)
    for row, shares in enumerate(known):
        last = np.flatnonzero(np.isfinite(shares))[-LEAST:]
        odds = odds_of(shares[last])
        rate = (odds[-1] - odds[0]) / (at[last[-1]] - at[last[0]])
        ahead[row] = share_of(odds[-1] + rate * (until[row] - at[last[-1]]))
    return ahead


def _cuts(at: FloatArray, known: FloatArray) -> FloatArray:
    """Return the time of the last point that is known in each row."""
    last: FloatArray = np.where(np.isfinite(known), at, -np.inf).max(axis=1)
    return last


POLICIES: Final = {
    "2020-11": ("all", "car", "van", "bus"),
    "2021-10": ("truck",),
    "2025-04": ("truck",),
    "2026-01": ("all", "car", "van", "truck"),
}
"""Which policies of `series/policies.csv`, by their month, may have moved which shares."""


def with_policies(began: Sequence[float], span: float) -> Model:
    """
    Return the logistic model in which each policy moves the log odds once and for good.

    `began` are times in years: 2020.83 is November 2020; `span` is what a point covers, in years. At a cut
    only policies in force before its end count: of others nothing can be seen yet. Each effect is held to
    lie within half a unit of nought, two times of three.
    """

    def ahead(at: FloatArray, known: FloatArray, until: FloatArray) -> FloatArray:
        cut = _cuts(at, known)[:, None]
        all_at = np.concatenate([np.broadcast_to(at, known.shape), until], axis=1)
        force = np.stack(
            [np.clip((all_at + 1 - one) / span, 0, 1) * (one < cut + 1 - 1e-6) for one in began],
            axis=2,
        )
        base = CURVES["logistic"]

        def share(parameters: FloatArray, since: FloatArray, force: FloatArray) -> FloatArray:
            moved: FloatArray = np.einsum("bj,bnj->bn", parameters[:, 3:], force)
            ceiling, rate, half = _columns(parameters[:, :3])
            grown: FloatArray = expit(ceiling) * expit(_positive(rate) * (since - half) + moved)
            return grown

        zeros = (0.0,) * len(began)
        curve = Curve(
            share,
            Prior(base.prior.middle + zeros, base.prior.spread + (0.5,) * len(began)),
            tuple(one + zeros for one in base.starts),
        )
        found = fit(curve, at - cut, known, force[:, : len(at)])
        return share(found, until - cut, force[:, len(at) :])

    return Model("policy", ahead)


MODELS: Final = (Model("trend", trend), *(Model(name, partial(grow, one)) for name, one in CURVES.items()))
"""Those that know nothing but the series; no-change and the median of all stand beside them by themselves."""


LATEST: Final = "9999"

Uses = tuple[tuple[str, str], ...]
Points = Callable[[Book, Uses, str], list[Point]]


class Series(NamedTuple):
    """
    A share that is followed: from which series and segments of the book, each `points` of it.

    `of` is what POLICIES call it, `group` the vehicles it tells most of.
    """

    id: str
    of: str
    step: Step
    points: Points
    uses: Uses
    group: str | None = None

    def known(self, book: Book, known_at: str = LATEST) -> list[Point]:
        """Return the points as they were published until a month."""
        return sorted(self.points(book, self.uses, known_at))

    def rows(self, book: Book) -> list[Row]:
        """Return the figures that the points stand on."""
        yearly = self.points in {_ratio, _percent}
        return [
            row for one in self.uses for row in _counted(book, one, LATEST) if row.period.isdigit() == yearly
        ]


def _ratio(book: Book, uses: Uses, known_at: str) -> list[Point]:
    part, whole = (_yearly(_counted(book, one, known_at)) for one in uses)
    return [Point(year, part[year] / whole[year]) for year in part if year >= FIRST and whole.get(year)]


def _percent(book: Book, uses: Uses, known_at: str) -> list[Point]:
    shares: dict[int, float] = {}
    for one in uses:
        shares |= _yearly(_counted(book, one, known_at))
    return [Point(year, share / 100) for year, share in shares.items()]


def _year_long(every: int) -> Points:
    """Return what gives the share of twelve months, each time that `every` months are over."""

    def points(book: Book, uses: Uses, known_at: str) -> list[Point]:
        part, whole = (_monthly(_counted(book, one, known_at)) for one in uses)
        both = part.keys() & whole.keys()
        ends = [last for last in sorted(both) if last % every == 0 and both.issuperset(_year_to(last))]
        return [
            Point(
                last / 12 - 1,
                sum(part[one] for one in _year_to(last)) / sum(whole[one] for one in _year_to(last)),
            )
            for last in ends
        ]

    return points


def _percent_monthly(book: Book, uses: Uses, known_at: str) -> list[Point]:
    shares = _monthly(_counted(book, uses[0], known_at))
    return [Point(month / 12 - 1, share / 100) for month, share in shares.items()]


_CAAM: Final = (
    ("nev_sales", "all incl. exports"),
    ("vehicle_sales", "all incl. exports"),
)
_CARS: Final = (("passenger_bev_sales", "passenger cars"), ("passenger_sales", "passenger cars"))
_HEAVY: Final = (("ne_hdt_share", "domestic registrations"),)

SERIES: Final = (
    Series("nev", "all", "year", _ratio, _CAAM),
    Series("passenger", "car", "year", _year_long(12), _CARS),
    Series("passenger_quarters", "car", "quarter", _year_long(3), _CARS),
    Series("car", "car", "year", _percent, (("iea_ev_sales_share", "cars"),), "car"),
    Series("van", "van", "year", _percent, (("iea_ev_sales_share", "vans"),), "van"),
    Series("bus", "bus", "year", _percent, (("iea_ev_sales_share", "buses"),), "bus"),
    Series("truck", "truck", "year", _percent, (("iea_ev_sales_share", "trucks"),), "truck"),
    Series("heavy_truck", "truck", "year", _percent, (*_HEAVY, ("ne_hdt_share", "all"))),
    Series("heavy_truck_months", "truck", "month", _percent_monthly, _HEAVY),
)
"""
Heavy trucks have few years: their share is of domestic registrations (82,000 of 2024 are 13.6 % of those, not
of wholesale). Wholesale figures of earlier years include exports and cannot be mixed with them.
"""


class Target(NamedTuple):
    """What a policy wants: a share by the end of a year, of the series it is set for."""

    policy: str
    year: int
    share: float
    of: tuple[str, ...]


TARGETS: Final = (
    Target("2020-11", 2025, 0.20, ("nev",)),
    Target("2024-01", 2027, 0.45, ("nev",)),
    Target("2025-10", 2030, 0.70, ("car",)),
    Target("2025-10", 2040, 0.85, ("car",)),
    Target("2026-05", 2030, 0.40, ("truck", "heavy_truck", "heavy_truck_months")),
)


def targets_of(book: Book, series: Series) -> list[tuple[Target, Row]]:
    """Return the targets of a series, each with the policy that set it."""
    policies = {row.period: row for row in book.of("policy")}
    return [(one, policies[one.policy]) for one in TARGETS if series.id in one.of and one.policy in policies]


def expected(book: Book, series: Series) -> list[tuple[Point, Row]]:
    """Return what the makers' association expects of a series, with the figure of new-energy vehicles."""
    if series.uses != _CAAM:
        return []
    every = {row.period: row.value for row in book.of("caam_forecast", "all vehicles")}
    return [
        (Point(int(row.period), row.value / whole), row)
        for row in book.of("caam_forecast", "NEV sales")
        if row.value is not None and (whole := every.get(row.period))
    ]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A series with its forecast, or why there is none."""

    id: str
    step: Step
    points: tuple[Point, ...]
    forecast: Forecast | None
    refused: UsageError | None = None


def series_of(name: str) -> Series:
    """Return a series by its id. Raises UsageError."""
    for one in SERIES:
        if one.id == name:
            return one
    raise UsageError(
        "outlook.followed",
        f"There is no share {name!r} to forecast.",
        f"Take one of {', '.join(one.id for one in SERIES)}.",
    )


def policies_of(book: Book, series: Series) -> list[Row]:
    """Return the policies that may have moved a share, or will."""
    return [row for row in book.of("policy") if series.of in POLICIES.get(row.period, ())]


def unseen(book: Book, series: Series) -> list[Row]:
    """Return those of them that began after the last point: no figure shows yet what they do."""
    points = series.known(book)
    return [
        row for row in policies_of(book, series) if points and _date(row.period) > points[-1].at + 1 - 1e-6
    ]


def look_ahead(book: Book, series: Series) -> Told:
    """Return a series with its forecast and backtest, from the figures as they were known at each cut."""
    points = series.known(book)
    span = STEP_YEARS[series.step] if series.step == "month" else 1.0
    began = [_date(row.period) for row in policies_of(book, series)]
    models = (*MODELS, with_policies(began, span)) if began else MODELS
    try:
        found = forecast(
            points,
            models,
            step=STEP_YEARS[series.step],
            steps=AHEAD[series.step],
            known=lambda cut: series.known(book, _known_at(cut)),
        )
    except UsageError as error:
        return Told(id=series.id, step=series.step, points=tuple(points), forecast=None, refused=error)
    return Told(id=series.id, step=series.step, points=tuple(points), forecast=found)


def reference(book: Book) -> dict[str, Forecast]:
    """Return what the curves alone say of the share of each group, beside which the loop may be held."""
    told = {one.group: look_ahead(book, one).forecast for one in SERIES if one.group}
    return {group: found for group, found in told.items() if found is not None}


def period(at: float, step: Step) -> str:
    """Return the name of the year, quarter or month that a point or a cut ends with, as series write it."""
    month = round((at + 1) * 12) - 1
    year, month = divmod(month, 12)
    return {"year": f"{year}", "quarter": f"{year}-Q{month // 3 + 1}", "month": f"{year}-{month + 1:02}"}[
        step
    ]


def trials_of(told: Told, most: int = STEPS) -> list[dict[str, Any]]:
    """Return what came of each forecast up to `most` steps ahead, for programs and for files."""
    return [
        {
            "series": told.id,
            "cut": period(one.cut, told.step),
            "steps": one.steps,
            "period": period(one.at, told.step),
            "model": one.model,
            "said": one.said,
            "low": one.low,
            "high": one.high,
            "came": one.came,
            "error": one.error,
            "no_change_error": one.no_change_error,
            "nearer": ("neither", "model", "no_change")[one.gain],
            "held": one.held,
        }
        for one in (told.forecast.backtest.trials if told.forecast else ())
        if one.steps <= most
    ]


def summary_of(told: Told, most: int = STEPS) -> dict[str, Any]:
    """Return a series in short, for programs: its points, what is said now, how such forecasts have done."""
    short: dict[str, Any] = {
        "series": told.id,
        "step": told.step,
        "points": [{"period": period(one.at, told.step), "share": one.share} for one in told.points],
        "refused": told.refused.message if told.refused else None,
        "forecast": None,
        "score": None,
        "errors": {},
    }
    if told.forecast:
        now, tested = told.forecast.now, told.forecast.backtest
        score = tested.score(most=most)
        short["forecast"] = {
            "model": now.model,
            "ahead": [
                {"period": period(at, told.step), "middle": middle, "low": low, "high": high}
                for at, middle, low, high in zip(now.at, now.middle, now.low, now.high, strict=True)
            ],
        }
        short["score"] = score and score._asdict() | {"ratio": score.ratio}
        short["errors"] = tested.errors(most=most)
    return short


def _counted(book: Book, use: tuple[str, str], known_at: str) -> list[Row]:
    """Return the figures that say what was, and not what somebody expects or wants."""
    return [
        row
        for row in book.of(*use, known_at=known_at)
        if row.value is not None and row.status not in {"forecast", "target"}
    ]


def _yearly(rows: Sequence[Row]) -> dict[int, float]:
    return {int(row.period): row.value for row in rows if row.period.isdigit() and row.value is not None}


def _monthly(rows: Sequence[Row]) -> dict[int, float]:
    """Return values by the number of the month: the December of a year has the year after it, times 12."""
    return {
        int(row.period[:4]) * 12 + int(row.period[5:]): row.value
        for row in rows
        if len(row.period) == 7 and row.period[5:].isdigit() and row.value is not None
    }


def _year_to(month: int) -> range:
    """Return the twelve months that end with this one."""
    return range(month - 11, month + 1)


def _date(month: str) -> float:
    """Return a month `2020-11` in years, when it begins."""
    return int(month[:4]) + (int(month[5:7]) - 1) / 12


def _known_at(cut: float) -> str:
    """Return the month until which figures of a cut are published: half a year later."""
    month = round((cut + 1) * 12) + 6
    return f"{(month - 1) // 12}-{(month - 1) % 12 + 1:02}"
