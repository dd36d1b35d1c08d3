"""
The loop's adoption fitted to history, with how unsure that is: importance resampling, seeded.

Many sets of speed, middle, width and drift are drawn; each plays adoption from its group's first year on,
with the prices and grants as they came; those that come near to history are kept more often. Near is meant on
a scale that is even for small shares and logarithmic for large ones, later years counting more. The best
fit's own error says how near is near enough, and since years hang together, two count as one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import qmc

from voltrail.outlook.classes import FIRST, GROUPS, LAST
from voltrail.outlook.costs import Prices, saved
from voltrail.outlook.fits import MEMBERS, Fits
from voltrail.outlook.loop import Past, adopted, battery_kwh, drifted, energy_until_now, play
from voltrail.outlook.parameters import draw, parameters

FloatArray = npt.NDArray[np.float64]

TRIED: Final = 2**15
SEED: Final = 12
FROM: Final = {"car": 2011, "van": 2014, "bus": 2011, "truck": 2021}
"""The first year that is fitted. Heavy trucks are counted apart from medium ones only since 2021."""
WITHIN: Final = {"speed": (0.1, 3.0), "middle": (-0.4, 0.8), "width": (0.05, 0.5), "drift": (0.0, 0.1)}
TO: Final = {"car": LAST, "van": LAST - 1, "bus": LAST - 1, "truck": LAST}
"""The last year that is fitted: of vans and buses in 2025 no share was read."""
HALVES: Final = 5  # years after which a year counts half
APART: Final = 2  # so many years count as one that is independent
LEAST: Final = 2  # years after the first, for a fit to be one; with fewer all that is tried stays
SMALL: Final = 0.02  # shares below are compared evenly, those above by their ratio


def calibrated(past: Past, until: int = LAST, seed: int = SEED) -> Fits:
    """Return fits to the years up to `until` alone, of each group from the slowest to the fastest to come."""
    gaps = gaps_of(past)
    return {group: _fitted(past, gaps[:, g], g, until, seed) for g, group in enumerate(GROUPS)}


def gaps_of(past: Past) -> FloatArray:
    """Return what an electric vehicle saved in each year of history, with energy as dear as now: (H, G)."""
    fuel, power = (np.array([[one]]) for one in energy_until_now())
    nothing = np.zeros((1, 1))
    prices = Prices(fuel, power, nothing, nothing)
    return saved(past.price_usd[:, None], battery_kwh(past), past.grant_yuan, prices)


def played(share: float, year: int, gaps: FloatArray, ceiling: float, members: FloatArray) -> FloatArray:
    """Return shares (years, M) of M fits (M, 4), from a share in a year on, at the savings of each year."""
    speed, middle, width, drift = members.T
    shares = [np.full(len(members), share)]
    for later, gap in enumerate(gaps[1:], year + 1):
        better = gap + drift * drifted(later)
        shares.append(adopted(shares[-1], ceiling * expit((better - middle) / width), speed))
    return np.array(shares)


def _fitted(past: Past, gaps: FloatArray, group: int, until: int, seed: int) -> FloatArray:
    name = GROUPS[group]
    ceiling = parameters()[f"{name}.ceiling_percent"].value / 100
    start, stop = FROM[name] - FIRST, min(until, TO[name]) - FIRST + 1
    rng = np.random.default_rng((seed, group))
    low, high = np.array(list(WITHIN.values())).T
    tried = qmc.scale(qmc.Sobol(4, rng=rng).random(TRIED), low, high)
    later = np.full(10, gaps[stop - 1])
    to_come = played(past.share[stop - 1, group], FIRST + stop - 1, later, ceiling, tried).sum(axis=0)
    order = np.argsort(to_come, kind="stable")
    at = (np.arange(MEMBERS) + 0.5) / MEMBERS
    if stop - 1 - start < LEAST:
        return np.asarray(tried[order][(at * TRIED).astype(int)])
    seen = past.share[start:stop, group]
    error = _apart(played(seen[0], FROM[name], gaps[start:stop], ceiling, tried), seen)
    weight = 0.5 ** ((stop - 1 - np.arange(start, stop)) / HALVES)
    square = (weight[:, None] * error**2).sum(axis=0) / weight.sum()
    chance = np.exp(-0.5 * (stop - start) / APART * (square / square.min() - 1))
    reached = np.cumsum(chance[order])
    return np.asarray(tried[order][np.searchsorted(reached / reached[-1], at)])


def _apart(shares: FloatArray, seen: FloatArray) -> FloatArray:
    return np.arcsinh(shares / SMALL) - np.arcsinh(seen / SMALL)[:, None]


def learned_percent(past: Past, until: int = LAST) -> float:
    """Return by how much prices fell with each doubling of all that was made until the year before."""
    stop = until - FIRST + 1
    made, price = np.log2(np.cumsum(past.world_gwh))[: stop - 1], np.log2(past.price_usd[1:stop])
    return float(100 * (1 - 2 ** np.polyfit(made, price, 1)[0]))


class Hindcast(NamedTuple):
    """
    What the loop would have said after a year, and what came, for the years (Y,) after it.

    said, came (Y, G + 1)   shares of the groups in percent, and dollars a kWh; `low` and `high` hold nine of
                            ten draws
    known (G + 1,)          whether there was enough history to fit
    """

    years: npt.NDArray[np.int64]
    said: FloatArray
    low: FloatArray
    high: FloatArray
    came: FloatArray
    known: npt.NDArray[np.bool_]

    def errors(self) -> FloatArray:
        """Return the mean absolute errors (G + 1,), in percentage points and dollars."""
        return np.asarray(np.abs(self.said - self.came).mean(axis=0))

    def errors_of_no_change(self, past: Past) -> FloatArray:
        """Return the errors of who says that all stays as it is (G + 1,)."""
        before = int(self.years[0]) - FIRST - 1
        stays = np.append(past.share[before] * 100, past.price_usd[before])
        return np.asarray(np.abs(stays - self.came).mean(axis=0))


def hindcast(past: Past, after: int, draws: int = 400, seed: int = SEED) -> Hindcast:
    """
    Return what the loop would have said after a year, fitted to nothing later.

    Told as they came are only grants, how many vehicles were sold whatever drives them, and what the world
    outside China needed. Ceilings and what vehicles and energy cost are those of now, which nobody knew then.
    """
    drawn = draw({}, draws, seed)
    now = parameters()["learning_percent"].value
    drawn["learning_percent"] = drawn["learning_percent"] - now + learned_percent(past, after)
    first, stop = after + 1 - FIRST, LAST + 1 - FIRST
    course = play(past, drawn, first, calibrated(past, after, seed))
    told = np.concatenate([course.share * 100, course.price_usd[..., None]], axis=2)[:, first:stop]
    came = np.concatenate([past.share * 100, past.price_usd[:, None]], axis=1)[first:stop]
    low, high = np.quantile(told, (0.05, 0.95), axis=0)
    known = np.array([after - FROM[group] >= LEAST for group in GROUPS] + [True])
    return Hindcast(np.arange(after + 1, LAST + 1), np.median(told, axis=0), low, high, came, known)
