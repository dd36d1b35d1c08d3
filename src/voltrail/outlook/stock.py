"""
Batteries inside vehicles, cohort by cohort: how many are there, why they leave, where they go.

A pack leaves a vehicle when the vehicle ends or when the pack does, whichever is first. A pack that fails in
a vehicle that goes on is replaced, by one of the same size and chemistry that may fail again; or it is not,
and then the vehicle ends with it. What leaves goes abroad with its vehicle, is collected by somebody who
reports, or is not heard of again. What is collected is used again in a vehicle, has a second life
elsewhere, or is processed; a second life ends in processing too.

`tell` is the definition, in NumPy; `stock_kernel` does the same compiled, and `follow` takes that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gamma

from voltrail.outlook.book import book
from voltrail.outlook.classes import CHEMISTRIES, SEGMENTS, YEARS
from voltrail.outlook.loop import Course
from voltrail.outlook.survival import SHAPE, Law, ages, ends, lognormal, normal, scale_of

FloatArray = npt.NDArray[np.float64]

KINDS: Final = ("car", "commercial", "swap")
"""What has lives of its own. Packs that swap have the commercial ones, but less use each."""

KIND_OF: Final = np.array(
    [0 if name.startswith("car") else 2 if name == "swap_truck" else 1 for name in SEGMENTS]
)
SECOND: Final = np.array([1.0 if name == "LFP" else 0.0 for name in CHEMISTRIES])
"""Of each chemistry, how much of the share with a second life applies: nickel is not stored beside people."""

_PUBLISHED: Final = {"car": "passenger", "commercial": "commercial", "swap": "commercial"}
_REFERENCE: Final = 2025  # the year of sale that the parameters of vehicles' lives are about
_DEVIATION: Final = float(np.sqrt(gamma(1 + 2 / SHAPE) / gamma(1 + 1 / SHAPE) ** 2 - 1))
"""Of lives by Weibull's law of SHAPE, as a share of their mean."""
_BY_SEGMENT: Final = ("vehicles", "packs")
_CHUNK: Final = 32  # draws whose tables stay in the cache


class Flows(NamedTuple):
    """
    What flows in each year and what is there at its end, kWh: each (D, Y, S, C) but the last two.

    The three meanings of "retired" are apart: `left` a vehicle for good, `collected` by somebody who reports,
    `processed` into materials. What left and is not collected is not known of.

    fitted         into new vehicles, station pools included
    replacements   into vehicles whose pack had failed, used packs included
    stock          in vehicles and pools
    left           out of vehicles and pools, whatever came then
    exported       out of the country with its vehicle; part of `left`
    collected      of what left and stayed
    reused         into another vehicle; part of `collected` and of `replacements`
    second_life    into a second life; part of `collected`
    in_second_life there at the end of the year
    processed      into materials: collected or back from a second life
    vehicles       vehicles there at the end of the year: (D, Y, S)
    packs          packs that left, of `left`: (D, Y, S)
    """

    fitted: FloatArray
    replacements: FloatArray
    stock: FloatArray
    left: FloatArray
    exported: FloatArray
    collected: FloatArray
    reused: FloatArray
    second_life: FloatArray
    in_second_life: FloatArray
    processed: FloatArray
    vehicles: FloatArray
    packs: FloatArray


class Lives(NamedTuple):
    """
    How long things last and what share of them goes where, from 0 to 1, for each draw.

    Tables of lives say what is there at the end of each year since the sale (`survival.ages`); their axis of
    years of sale may have one row for all. K are `KINDS`.
    """

    vehicle: FloatArray  # (D, K, Y or 1, Y)
    battery: FloatArray  # (D, K, Y or 1, Y)
    second: FloatArray  # (D, Y)
    replaced: FloatArray  # (D, K) of packs that fail in a vehicle that goes on
    exported: FloatArray  # (D,) of vehicles that end otherwise than by their pack
    collected: FloatArray  # (D, Y)
    reused: FloatArray  # (D,) of what is collected from such vehicles, as long as packs are wanted
    second_share: FloatArray  # (D, C) of what is collected and not re-used


class Turnover(NamedTuple):
    """
    What becomes of the pack of one new vehicle, in each year from the sale on: each (..., cohorts, years).

    failed  packs that fail in a vehicle that goes on, or would: those replaced, and those with which it ends
    ended   packs that leave with a vehicle that ends by itself
    there   vehicles that are still there at the end of the year
    """

    failed: FloatArray
    ended: FloatArray
    there: FloatArray


def turnover(
    vehicle: FloatArray, battery: FloatArray, replaced: float | FloatArray = 1.0, *, once: bool = False
) -> Turnover:
    """
    Return what becomes of the packs of vehicles with these lives.

    `vehicle` and `battery` are tables as in `Lives`, (..., cohorts, years); `replaced` (...) is the share of
    failed packs that are replaced. A replacement fails as a pack of its own year of sale does, the last
    cohort's where there are no more. With `once` only the first failure counts, as in the published
    calculation. What ends and fails in the same year leaves with the vehicle.
    """
    vehicle, battery = np.broadcast_arrays(vehicle, battery)
    cohorts, years = vehicle.shape[-2:]
    share = np.broadcast_to(np.asarray(replaced, float)[..., None], vehicle.shape[:-1])
    failing = ends(battery)
    fails = failing.copy()
    if not once:
        for year in range(years):
            for before in range(year):
                row = np.minimum(np.arange(cohorts) + before, cohorts - 1)
                fails[..., year] += share * fails[..., before] * failing[..., row, year - before]
            row = np.minimum(np.arange(cohorts) + year, cohorts - 1)
            fails[..., year] /= 1 - share * failing[..., row, 0]  # a replacement may fail in the same year
    kept = 1 - (1 - share[..., None]) * np.cumsum(fails, axis=-1)  # vehicles that no failure has ended
    kept_before = np.concatenate([np.ones_like(kept[..., :1]), kept[..., :-1]], axis=-1)
    return Turnover(fails * vehicle, ends(vehicle) * kept_before, vehicle * kept)


def tell(fitted: FloatArray, sold: FloatArray, pools: FloatArray, lives: Lives) -> Flows:
    """
    Return what becomes of what is fitted, kWh (D, Y, S, C): the definition, which `follow` does faster.

    `sold` are the vehicles sold (D, Y, S), `pools` the packs at stations for each of them (D, S).
    """
    years = fitted.shape[1]
    told = turnover(lives.vehicle, lives.battery, lives.replaced)
    failed, ended, there = (np.broadcast_to(one, (*one.shape[:2], years, years))[:, KIND_OF] for one in told)
    left_failed, left_ended = np.zeros_like(fitted), np.zeros_like(fitted)
    vehicles, packs = np.zeros_like(sold), np.zeros_like(sold)
    for year in range(years):
        rest = slice(0, years - year)
        failing, ending = (np.swapaxes(one[:, :, year, rest], 1, 2) for one in (failed, ended))
        left_failed[:, year:] += fitted[:, year, None] * failing[..., None]
        left_ended[:, year:] += fitted[:, year, None] * ending[..., None]
        vehicles[:, year:] += sold[:, year, None] * np.swapaxes(there[:, :, year, rest], 1, 2)
        packs[:, year:] += (sold[:, year] * (1 + pools))[:, None] * (failing + ending)
    replacements = left_failed * lives.replaced[:, KIND_OF][:, None, :, None]
    left = left_failed + left_ended
    exported = left_ended * _draws(lives.exported)
    rate = lives.collected[:, :, None, None]
    collected = (left - exported) * rate
    reused = np.minimum(_draws(lives.reused) * rate * (left_ended - exported), replacements)
    second_life = (collected - reused) * lives.second_share[:, None, None, :]
    back = np.zeros_like(fitted)
    over = ends(lives.second)
    for year in range(years):
        back[:, year:] += second_life[:, year, None] * over[:, : years - year, None, None]
    return Flows(
        fitted=fitted,
        replacements=replacements,
        stock=np.cumsum(fitted + replacements - left, axis=1),
        left=left,
        exported=exported,
        collected=collected,
        reused=reused,
        second_life=second_life,
        in_second_life=np.cumsum(second_life - back, axis=1),
        processed=collected - reused - second_life + back,
        vehicles=vehicles,
        packs=packs,
    )


def follow(course: Course, drawn: Mapping[str, FloatArray], law: Law = "weibull") -> Flows:
    """
    Return what becomes of the batteries of a course, with each draw of the lives and rates.

    Ten arrays of 8 bytes for each draw, year, segment and chemistry are much for many draws: whoever wants
    sums alone may follow some draws at a time.
    """
    from voltrail.outlook.stock_kernel import fill

    shape = course.mix.shape
    flows = Flows._make(np.empty(shape[: 3 if name in _BY_SEGMENT else 4]) for name in Flows._fields)
    pools = pools_of(drawn)
    for first in range(0, shape[0], _CHUNK):
        some = slice(first, first + _CHUNK)
        fill(
            course.vehicles[some],
            course.energy_kwh[some],
            course.mix[some],
            pools[some],
            lives_of({name: values[some] for name, values in drawn.items()}, law=law),
            Flows._make(one[some] for one in flows),
        )
    return flows


def pools_of(drawn: Mapping[str, FloatArray]) -> FloatArray:
    """Return the packs at stations for each vehicle of a segment: (D, S)."""
    packs = drawn["pool_packs"]
    return np.stack([packs if name == "swap_truck" else np.zeros_like(packs) for name in SEGMENTS], axis=1)


def lives_of(drawn: Mapping[str, FloatArray], years: int = len(YEARS), law: Law = "weibull") -> Lives:
    """
    Return the lives and rates that drawn parameters mean, over so many years from the first.

    Parameters are mean lives; `law` says how lives spread about them, all with Weibull's deviation.

    A vehicle's mean life is that of one sold in 2025; those of other years last longer or shorter in the
    proportion of the published calculation. A pack that swaps shares its use with those at stations: by use
    it lasts as much longer as there are more packs than trucks, by the calendar it does not.
    """
    commercial, use = drawn["commercial.battery_years"], drawn["swap_use_percent"] / 100
    swap = commercial / (use / (1 + drawn["pool_packs"]) + 1 - use)
    battery = np.stack([drawn["car.battery_years"], commercial, swap], axis=1)
    vehicle = np.stack(
        [drawn[f"{kind}.vehicle_years"] for kind in ("car", "commercial", "commercial")], axis=1
    )
    replaced = drawn["replaced_percent"] / 100
    ramp = np.clip((YEARS[:years] - 2025) / 10, 0, 1)
    first, last = drawn["collection_2025_percent"] / 100, drawn["collection_2035_percent"] / 100
    age = ages(years)
    return Lives(
        vehicle=lasting(age, vehicle[:, :, None] * improvement()[:, :years], law),
        battery=lasting(age, battery[:, :, None], law),
        second=lasting(age, drawn["second_life_years"], law),
        replaced=np.stack([replaced, replaced, np.ones_like(replaced)], axis=1),
        exported=drawn["exported_percent"] / 100,
        collected=first[:, None] + (last - first)[:, None] * ramp,
        reused=drawn["reused_percent"] / 100,
        second_share=(drawn["second_life_percent"] / 100)[:, None] * SECOND,
    )


def lasting(age: FloatArray, mean: FloatArray, law: Law = "weibull") -> FloatArray:
    """Return what is there at each age of lives with these means, on a further axis."""
    mean = mean[..., None]
    match law:
        case "normal":
            return normal(age, mean, mean * _DEVIATION)
        case "lognormal":
            return lognormal(age, mean, mean * _DEVIATION)
        case "weibull":
            there: FloatArray = np.exp(-(age**SHAPE) * scale_of(mean, SHAPE) ** -SHAPE)
            return there  # as `weibull`, with the powers of ages and of scales taken apart, which are fewer


@cache
def improvement() -> FloatArray:
    """
    Return how much longer a vehicle of each year lasts than one sold in 2025: (K, Y).

    From `vehicle_mean_life` of the published calculation, in steps by years of sale; before its first and
    after its last year as in those.
    """
    rows = {kind: np.full(len(YEARS), np.nan) for kind in KINDS}
    for kind, name in _PUBLISHED.items():
        for row in book().of("vehicle_mean_life", name):
            first, last = (int(year) for year in row.period.removesuffix(" sales").split("-"))
            rows[kind][np.isin(YEARS, range(first, last + 1))] = row.value
        known = ~np.isnan(rows[kind])
        rows[kind] = np.interp(YEARS, YEARS[known], rows[kind][known])
    told = np.stack(list(rows.values()))
    relative: FloatArray = told / told[:, YEARS == _REFERENCE]
    return relative


def _draws(values: FloatArray) -> FloatArray:
    return values[:, None, None, None]
