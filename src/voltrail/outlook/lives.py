"""
How long batteries last by a record of them: Kaplan-Meier's curve and a Weibull law beside it.

Most batteries of a record still run, so their lives are only known to be longer (censored), and those that
were enrolled late would not be on it had they ended before (truncated); both are reckoned with. What nobody
reports has not ended, so lives come out too long where ends go unreported.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voltrail.errors import UsageError
from voltrail.outlook.book import book
from voltrail.outlook.calibration import Interval
from voltrail.outlook.parameters import Parameter, parameters
from voltrail.outlook.scenario import Range
from voltrail.outlook.survival import SHAPE, scale_of
from voltrail.technology.life import Interval as Years
from voltrail.technology.life import Life

FloatArray = npt.NDArray[np.float64]

FEWEST: Final = 30
"""Ends below which nothing is said: a few lives show little, and might be recognised."""
AT_RISK: Final = 10  # batteries known at an age, below which no curve begins
OLDEST: Final = 40  # years that are told
HEAVY_KWH: Final = 120.0
"""From so much on a pack is taken as a commercial vehicle's: the record does not say what a vehicle is."""
_PUBLISHED: Final = {
    ("battery_weibull_scale", "BPEV_LFP", ""): "LFP battery of an electric car",
    ("battery_weibull_scale", "BPEV_NCM523", ""): "NMC532 battery of an electric car",
    ("battery_weibull_scale", "HPEV_LFP", ""): "LFP battery of a plug-in hybrid car",
    ("battery_weibull_scale", "BCEV_LFP", ""): "LFP battery of an electric commercial vehicle",
    ("battery_weibull_scale", "BCEV_NCM523", ""): "NMC532 battery of an electric commercial vehicle",
    ("battery_life_normal_mean", "battery", ""): "Battery, worldwide",
    ("vehicle_mean_life", "passenger", "2025-2027 sales"): "Passenger vehicle sold in 2025",
    ("vehicle_mean_life", "commercial", "2025-2027 sales"): "Commercial vehicle sold in 2025",
    ("vehicle_life_normal_mean", "vehicle", ""): "Vehicle, worldwide",
}
_NINETY: Final = 1.6448536269514722


class Seen(NamedTuple):
    """
    Lives as a record has them, each (N,): years since the battery was fitted, or made where it was enrolled.

    entry      age at which it came to be known of, 0 where it was known from the start
    until      age at its end, or up to which it is known to have lasted; above `entry`
    ended      whether it ended then by itself
    energy_kwh of its model; not a number where that is not told
    """

    entry: FloatArray
    until: FloatArray
    ended: npt.NDArray[np.bool_]
    energy_kwh: FloatArray

    def of(self, which: npt.NDArray[np.bool_]) -> Seen:
        """Return some of them."""
        return Seen._make(values[which] for values in self)


class Curve(NamedTuple):
    """
    What lives say: by Kaplan-Meier the share that lasts longer at each whole year, and a Weibull law.

    `mean_years` is that law's. `low` and `high` are where nine of ten such curves lie. Where all batteries
    came late, the curve begins with the age from which enough are known, at the law's share.
    """

    batteries: int
    ended: int
    ages: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    shape: Interval
    mean_years: Interval


def kinds_of(seen: Seen) -> dict[str, Seen]:
    """Return lives by what the outlook tells apart: those of cars' packs, those of commercial vehicles'."""
    return {"car": seen.of(seen.energy_kwh < HEAVY_KWH), "commercial": seen.of(seen.energy_kwh >= HEAVY_KWH)}


def curve_of(seen: Seen) -> Curve:
    """Return the curve of some lives. Raises UsageError where too few ended or are known for one."""
    ended = int(seen.ended.sum())
    if ended < FEWEST:
        raise UsageError(
            "outlook.few_lives",
            f"Of {len(seen.ended):,} batteries {ended} have ended: too few to say how long they last.",
            f"Wait until {FEWEST} have ended, or take the published lives.",
        )
    from lifelines import KaplanMeierFitter, WeibullFitter
    from lifelines.exceptions import StatError, StatisticalWarning

    law = WeibullFitter().fit(seen.until, seen.ended, entry=seen.entry)
    first = _enough_from(seen)
    some = seen.of(seen.until > first)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", StatisticalWarning)
            kaplan = KaplanMeierFitter(alpha=0.1).fit(
                some.until, some.ended, entry=np.maximum(some.entry, first)
            )
    except (StatError, StatisticalWarning) as error:
        raise UsageError(
            "outlook.thin_lives",
            "At some ages hardly any of these batteries are known, so that no curve can be drawn.",
            "Wait until more are known, or take the published lives.",
        ) from error
    ages = np.arange(math.ceil(first), min(math.floor(seen.until.max()), OLDEST) + 1.0)
    band = kaplan.confidence_interval_survival_function_
    at = np.maximum(np.searchsorted(band.index.to_numpy(), ages, side="right") - 1, 0)
    until_then = math.exp(-((first / law.lambda_) ** law.rho_))
    low, high = np.nan_to_num(band.to_numpy()[at].T, nan=1) * until_then
    share = kaplan.survival_function_at_times(ages).to_numpy() * until_then
    shape, mean = _weibull(law)
    return Curve(len(seen.ended), ended, ages, share, low, high, shape, mean)


def _enough_from(seen: Seen) -> float:
    """
    Return the age from which on enough batteries are known for a curve: 0 unless most came late.

    One that came early and ended soon would else stand for all.
    """
    ages = np.unique(seen.entry)
    known = np.searchsorted(np.sort(seen.entry), ages, side="right")
    gone = np.searchsorted(np.sort(seen.until), ages, side="right")
    enough = ages[known - gone >= AT_RISK]
    return float(enough[0]) if enough.size else float(ages[-1])


def overrides(curves: Mapping[str, Curve]) -> dict[str, float]:
    """Return what a scenario sets to go by the lives of a record, by the parameter's id."""
    table = parameters()
    found = {}
    for kind, curve in curves.items():
        one = table[f"{kind}.battery_years"]
        found[one.id] = round(min(max(curve.mean_years.middle, one.least), one.most), 2)
    return found


_SEGMENT: Final = {
    "private-car": "car", "taxi": "car", "truck-swap": "commercial", "truck-charged": "commercial",
}  # fmt: skip


def overrides_of_law(life: Life) -> dict[str, Range]:
    """
    Return what a scenario sets to go by a law of ageing: lives of batteries with their spread, by id.

    The end of the first life is taken as the end in the vehicle, the years after it as the second life's;
    both within what a scenario may set. Raises UsageError (`outlook.duty`) for a duty of no vehicle.
    """
    segment = _SEGMENT.get(life.duty)
    if segment is None:
        raise UsageError(
            "outlook.duty",
            f"{life.duty} is no duty of a vehicle that the outlook follows.",
            f"Take one of {', '.join(_SEGMENT)}.",
        )
    return {
        name: _within(parameters()[name], years)
        for name, years in ((f"{segment}.battery_years", life.first), ("second_life_years", life.second))
    }


def _within(one: Parameter, years: Years) -> Range:
    value, low, high = (round(min(max(year, one.least), one.most), 2) for year in years)
    if low == high:  # all of it beyond what may be set: the narrowest spread at that end
        low, high = max(one.least, low - one.step), min(one.most, high + one.step)
    return Range(value=value, low=low, high=high)


class Published(NamedTuple):
    """A mean life as somebody published it, with its status and source."""

    what: str
    mean_years: float
    status: str
    source: str


def published() -> list[Published]:
    """Return the mean lives of batteries and vehicles as published, from `series/lifetimes.csv`."""
    found = []
    for (series, segment, period), what in _PUBLISHED.items():
        for row in book().of(series, segment):
            if row.value is None or period not in {"", row.period}:
                continue
            scaled = series == "battery_weibull_scale"
            mean = row.value / float(scale_of(1.0, SHAPE)) if scaled else row.value
            found.append(Published(what, mean, row.status, row.source))
    return found


def _weibull(fitted: Any) -> tuple[Interval, Interval]:
    """Return shape and mean life of a fitted law, with intervals by the delta method on their logarithms."""
    scale, shape = float(fitted.lambda_), float(fitted.rho_)
    spread = fitted.variance_matrix_.loc[["lambda_", "rho_"], ["lambda_", "rho_"]].to_numpy()

    def log_mean(scale: float, shape: float) -> float:
        return math.log(scale) + math.lgamma(1 + 1 / shape)

    step = 1e-5 * shape
    slope = np.array(
        [1 / scale, (log_mean(scale, shape + step) - log_mean(scale, shape - step)) / (2 * step)]
    )
    of_mean, of_shape = math.sqrt(slope @ spread @ slope), math.sqrt(spread[1, 1]) / shape
    return _about(shape, of_shape), _about(math.exp(log_mean(scale, shape)), of_mean)


def _about(middle: float, of_log: float) -> Interval:
    return Interval(middle, middle * math.exp(-_NINETY * of_log), middle * math.exp(_NINETY * of_log))
