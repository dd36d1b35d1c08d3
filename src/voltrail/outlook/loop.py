"""
Policy, adoption, output, cost and exports, and how they feed each other, year by year.

    policy -> adoption -> cumulative output -> cost by learning -> adoption and exports -> output

A year is played in this order, for all draws at once; `y` is the year, 0 the last of history, `s` the share
of a group:

    price      p(y) = max(floor, p(0) * (1 + surprise) * (made(y - 1) / made(-1)) ** log2(1 - learning))
    saving     a(y) = what an electric vehicle saves, see `costs`
    willing    w(y) = ceiling / (1 + exp(-(a(y) + drift * years since 2020 - middle) / width))
    adoption   ds/dt = speed * (INNOVATORS + s / w) * (w - s), solved over the year
    surprise   what no fit foresees: the odds of w and of s in the ceiling times exp(surprise), of w anew each
               year, fading to none after ten
    abroad     r(y) = path of the world without China * (p(y) * dearer / its own price) ** -elasticity
    made       made(y) = made(y - 1) + batteries sold at home + r(y)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from voltrail.outlook.classes import (
    CHEMISTRIES,
    FIRST,
    GROUP_OF,
    GROUPS,
    HISTORY,
    LAST,
    SEGMENTS,
    UNTIL,
    YEARS,
)
from voltrail.outlook.costs import Prices, fossil_yuan, saved
from voltrail.outlook.fits import Fits, chosen, fits
from voltrail.outlook.parameters import parameters
from voltrail.outlook.swapping import Swapping
from voltrail.outlook.trade import Abroad, exported_gwh

FloatArray = npt.NDArray[np.float64]

INNOVATORS: Final = 0.02  # who buys before others did, a year
SURPRISED: Final = 10  # years
MOST_OF_CEILING: Final = 0.98  # no money brings more of those who can be won
HALF_TAX: Final = 0.05  # purchase tax of new-energy vehicles in 2026 and 2027; exempt before
GOAL: Final = re.compile(r"truck\.goal_(20\d\d)_percent")

_GROUP: Final = np.array([GROUPS.index(GROUP_OF[segment]) for segment in SEGMENTS])
_TRUCK: Final = GROUPS.index("truck")
_NONE: Final = np.zeros(0)


class Past(NamedTuple):
    """
    What is known up to the last year of history, for H years, see `history` and `markets`.

    vehicles, energy_kwh (H, S)  new-energy vehicles registered at home, energy of the battery of one
    mix (H, S, C)                share of each chemistry, by energy
    share (H, G)                 of new-energy vehicles in sales at home, 0 to 1
    price_usd (H,)               of a pack, a kWh, in dollars of 2025
    grant_yuan (H, G)            for one vehicle
    rest_gwh, world_gwh (20,)    needed outside China and everywhere, 2011 to 2030 as the IEA has it
    exported_vehicles (H,)       new-energy; 0 where it is not known
    exported_gwh (H,)            batteries exported without a vehicle; 0 where it is not known
    swap (H,)                    share of trucks that swap in electric ones; 0 where it is not known
    """

    vehicles: FloatArray
    energy_kwh: FloatArray
    mix: FloatArray
    share: FloatArray
    price_usd: FloatArray
    grant_yuan: FloatArray
    rest_gwh: FloatArray
    world_gwh: FloatArray
    exported_vehicles: FloatArray
    exported_gwh: FloatArray
    swap: FloatArray


class Course(NamedTuple):
    """
    One course of things a draw, for D draws, Y years, G groups, S segments and C chemistries.

    vehicles (D, Y, S)      new-energy vehicles registered at home
    energy_kwh (D, Y, S)    of the battery of one
    mix (D, Y, S, C)        share of each chemistry, by energy
    share (D, Y, G)         of new-energy vehicles in sales at home, 0 to 1
    output_gwh (D, Y)       power batteries made in China, exports included
    price_usd (D, Y)        of a pack, a kWh, in dollars of 2025
    saved (D, Y, G)         what an electric vehicle saves its first owner, as a share of the fossil's cost
    exported_gwh (D, Y)     batteries that leave China, in vehicles and without
    exported_vehicles (D, Y)
    made_gwh (D, Y)         all that the world made since 2011
    support_yuan (D, Y)     what it takes in money to reach the goals for trucks, a year
    swap (D, Y)             share of trucks that swap in electric ones
    """

    vehicles: FloatArray
    energy_kwh: FloatArray
    mix: FloatArray
    share: FloatArray
    output_gwh: FloatArray
    price_usd: FloatArray
    saved: FloatArray = _NONE
    exported_gwh: FloatArray = _NONE
    exported_vehicles: FloatArray = _NONE
    made_gwh: FloatArray = _NONE
    support_yuan: FloatArray = _NONE
    swap: FloatArray = _NONE


class Terms(NamedTuple):
    """
    What each year is played with, whatever came before.

    speed, middle, width, drift, ceiling (D, G)  see the head of this module
    market (D, Y, G)                       vehicles sold at home, whatever drives them
    grant_yuan (D, Y, G)                   for one new-energy vehicle
    goal (D, Y)                            share of trucks that money shall reach; 0 for none
    battery_kwh (Y, G)                     of a vehicle
    """

    speed: FloatArray
    middle: FloatArray
    width: FloatArray
    drift: FloatArray
    ceiling: FloatArray
    market: FloatArray
    grant_yuan: FloatArray
    goal: FloatArray
    battery_kwh: FloatArray


def play(
    past: Past, drawn: Mapping[str, FloatArray], start: int = HISTORY, own: Fits | None = None
) -> Course:
    """
    Return how things go with each draw of the parameters.

    Years before `start` (an index of YEARS) are history itself. With an earlier start the loop says what it
    would have said then, given the grants and the world's need as they came; `own` are its fits to history.
    """
    terms = _terms(past, drawn, own or fits(), start)
    abroad = Abroad(past, drawn)
    swapping = Swapping(past, drawn)
    course = _begun(past, drawn, start)
    fading = np.clip(1 - (np.arange(len(YEARS)) - start) / SURPRISED, 0, 1)
    vehicles, price, share, made = course.vehicles, course.price_usd, course.share, course.made_gwh
    for y in range(len(YEARS)):
        energy = _energy_prices(drawn, int(YEARS[y]))
        if y >= start:
            price[:, y] = _price(drawn, price[:, start - 1], made[:, y - 1] / made[:, start - 2])
        felt = _felt(drawn, price, y, start)
        course.saved[:, y] = saved(felt, terms.battery_kwh[y], terms.grant_yuan[:, y], energy)
        better = course.saved[:, y] + terms.drift * drifted(int(YEARS[y]))
        if y == start - 1:
            terms = terms._replace(middle=_at_least_now(terms, better, share[:, y]))
        if y < start:
            continue
        better += terms.width * drawn["adoption.surprise"][:, None] * fading[start : y + 1].sum()
        surprise = drawn["adoption.surprise"] * fading[y]
        share[:, y], support = _adoption(terms, share[:, y - 1], better, terms.goal[:, y], surprise)
        sold = share[:, y] * terms.market[:, y]
        course.support_yuan[:, y] = support * fossil_yuan(energy)[:, _TRUCK] * sold[:, _TRUCK]
        course.swap[:, y] = swapping.share(y, sold[:, _TRUCK])
        vehicles[:, y] = _segments(sold, _phev(past, drawn, y, start), course.swap[:, y])
        home = (vehicles[:, y] * course.energy_kwh[:, y]).sum(axis=1) / 1e6
        rest, course.exported_gwh[:, y] = abroad.needs(y, price[:, y])
        course.exported_vehicles[:, y] = course.exported_gwh[:, y] * abroad.vehicles_a_gwh
        course.output_gwh[:, y] = home + course.exported_gwh[:, y]
        made[:, y] = made[:, y - 1] + home + rest
    return course


def adopted(share: FloatArray, willing: FloatArray, speed: FloatArray) -> FloatArray:
    """
    Return the share a year later: the exact solution of ds/dt = speed * (INNOVATORS + s / w) * (w - s).

    Rises or falls towards `willing`, never past it; grows with `share`, `willing` and, below it, `speed`.
    """
    willing = np.maximum(willing, 1e-6)
    before = share / willing
    left = (1 - before) / (INNOVATORS + before) * np.exp(-speed * (1 + INNOVATORS))
    after: FloatArray = willing * (1 - INNOVATORS * left) / (1 + left)
    return after


def surprised(share: FloatArray, ceiling: FloatArray, surprise: FloatArray) -> FloatArray:
    """Return shares with their odds in the ceiling times exp(surprise); at or above the ceiling they stay."""
    part = np.clip(share / ceiling, 1e-9, 1 - 1e-9)
    return np.asarray(np.where(share < ceiling, ceiling * expit(logit(part) + surprise), share))


def drifted(year: int) -> float:
    """
    Return the years of drift up to a year: vehicles and charging got better beside getting cheaper.

    Counted from 2020; after 2025 the drift fades, to nothing in 2035.
    """
    ahead = min(max(year - LAST, 0), 10)
    return min(year, LAST) - 2020 + ahead - ahead**2 / 20


def _willing_for(share: FloatArray, goal: FloatArray, speed: FloatArray, ceiling: FloatArray) -> FloatArray:
    """Return how many must be willing for the goal to be reached in a year, or the most that can be won."""
    low, high = np.full_like(share, 1e-5), MOST_OF_CEILING * ceiling
    for _ in range(30):
        middle = (low + high) / 2
        enough = adopted(share, middle, speed) >= goal
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _at_least_now(terms: Terms, gap: FloatArray, share: FloatArray) -> FloatArray:
    """Return the middles, lower where fewer would be willing than buy today: then the fit errs, not they."""
    part = np.clip(share / terms.ceiling, 1e-6, MOST_OF_CEILING)
    return np.asarray(np.minimum(terms.middle, gap - terms.width * logit(part)))


def _adoption(
    terms: Terms, before: FloatArray, gap: FloatArray, goal: FloatArray, surprise: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the shares (D, G), and the saving that money had to add for a truck to reach the goal (D,)."""
    willing = np.maximum(terms.ceiling * expit((gap - terms.middle) / terms.width), 1e-6)
    share = surprised(adopted(before, willing, terms.speed), terms.ceiling, surprise[:, None])
    short = goal > share[:, _TRUCK]
    if not short.any():
        return share, np.zeros(len(share))
    speed, ceiling = terms.speed[:, _TRUCK], terms.ceiling[:, _TRUCK]
    unaided = surprised(goal, ceiling, -surprise)  # what adoption must give before the surprise
    need = np.maximum(_willing_for(before[:, _TRUCK], unaided, speed, ceiling), willing[:, _TRUCK])
    helped = surprised(adopted(before[:, _TRUCK], need, speed), ceiling, surprise)
    share[:, _TRUCK] = np.where(short, np.maximum(helped, share[:, _TRUCK]), share[:, _TRUCK])
    lifted = logit(need / ceiling) - logit(np.minimum(willing[:, _TRUCK] / ceiling, MOST_OF_CEILING))
    return share, np.where(short, np.maximum(lifted, 0) * terms.width[:, _TRUCK], 0.0)


def _price(drawn: Mapping[str, FloatArray], first: FloatArray, grown: FloatArray) -> FloatArray:
    learned = np.log2(1 - drawn["learning_percent"] / 100)
    floor = np.minimum(drawn["price.floor_usd"], first)
    materials = 1 + drawn["price.surprise_percent"] / 100
    return np.asarray(np.maximum(floor, first * materials * grown**learned))


def _felt(drawn: Mapping[str, FloatArray], price: FloatArray, y: int, start: int) -> FloatArray:
    """Return the price that buyers feel: of what it fell since the start only a part is passed on to them."""
    if y < start:
        return price[:, y, None]
    first = price[:, start - 1]
    return (first + drawn["price.pass_on_percent"] / 100 * (price[:, y] - first))[:, None]


def _energy_prices(drawn: Mapping[str, FloatArray], year: int) -> Prices:
    """Return the prices of a year: energy as the fits took it until 2025, then evenly to what is drawn."""
    on = min(max(year - LAST, 0) / 5, 1)
    until_now = energy_until_now()
    fuel = until_now[0] + on * (drawn["energy.fuel_yuan_litre_2030"] - until_now[0])
    power = until_now[1] + on * (drawn["energy.power_yuan_kwh_2030"] - until_now[1])
    tax = drawn["policy.tax_percent_2028"] / 100
    if year < 2028:
        tax = np.full_like(tax, HALF_TAX if year > LAST else 0.0)
    carbon = on * drawn["policy.carbon_yuan_tonne_2030"]
    return Prices(fuel[:, None], power[:, None], carbon[:, None], tax[:, None])


def energy_until_now() -> tuple[float, float]:
    """Return what a litre of fuel and a kWh of power cost in all of history, yuan."""
    known = parameters()
    return known["energy.fuel_yuan_litre_2030"].value, known["energy.power_yuan_kwh_2030"].value


def _segments(sold: FloatArray, phev: FloatArray, swap: FloatArray) -> FloatArray:
    """Return new-energy vehicles by segment (D, S) of those by group (D, G): the parts sum to the group."""
    ones = np.ones_like(swap)
    parts = {"car_bev": 1 - phev, "car_phev": phev, "truck": 1 - swap, "swap_truck": swap}
    return sold[:, _GROUP] * np.stack([parts.get(segment, ones) for segment in SEGMENTS], axis=1)


def _phev(past: Past, drawn: Mapping[str, FloatArray], y: int, start: int) -> FloatArray:
    bev, phev = (past.vehicles[start - 1, SEGMENTS.index(one)] for one in ("car_bev", "car_phev"))
    return _towards(phev / (bev + phev), drawn["car.phev_percent"] / 100, int(YEARS[y]))


def _towards(first: FloatArray | float, last: FloatArray, year: int) -> FloatArray:
    """Return where a straight line from 2025 to 2035 is in a year, level before and after."""
    return np.asarray(first + (last - first) * np.clip((year - LAST) / 10, 0, 1))


def _terms(past: Past, drawn: Mapping[str, FloatArray], own: Fits, start: int) -> Terms:
    draws, years = len(drawn["learning_percent"]), len(YEARS)
    fitted = np.stack([chosen(own, group, drawn[f"{group}.pace"]) for group in GROUPS], axis=1)
    market = np.zeros((draws, years, len(GROUPS)))
    with np.errstate(divide="ignore", invalid="ignore"):
        market[:, :HISTORY] = np.nan_to_num(of_groups(past.vehicles) / past.share, posinf=0)
    market[:, HISTORY:] = 1e6 * np.stack([drawn[f"{one}.market_million"] for one in GROUPS], axis=1)[:, None]
    grant = np.zeros_like(market)
    grant[:, :HISTORY] = past.grant_yuan
    left = np.clip((2031 - YEARS[HISTORY:]) / 5, 0, 1)
    grant[:, HISTORY:, _TRUCK] = drawn["truck.bonus_yuan"][:, None] * left
    battery = np.zeros((years, len(GROUPS)))
    battery[:HISTORY] = battery_kwh(past)
    battery[start:] = battery[start - 1]
    ceiling = np.stack([drawn[f"{one}.ceiling_percent"] / 100 for one in GROUPS], axis=1)
    speed, middle, width, drift = np.moveaxis(fitted, -1, 0)
    return Terms(speed, middle, width, drift, ceiling, market, grant, _goals(past, drawn), battery)


def _goals(past: Past, drawn: Mapping[str, FloatArray]) -> FloatArray:
    """
    Return the share of trucks that money shall reach (D, Y): straight from goal to goal, then kept.

    Goals are all that is drawn as `truck.goal_YEAR_percent`, of which the table has two; 0 for none.
    """
    goal = np.zeros((len(drawn["learning_percent"]), len(YEARS)))
    year, reached = LAST, np.full(len(goal), past.share[-1, _TRUCK])
    for name in sorted(name for name in drawn if GOAL.fullmatch(name)):
        until, given = int(name.split("_")[1]), drawn[name] / 100
        for on in range(year + 1, UNTIL + 1):
            at = reached + (given - reached) * min((on - year) / (until - year), 1)
            goal[:, on - FIRST] = np.where(given > 0, at, goal[:, on - FIRST])
        year, reached = until, goal[:, until - FIRST]
    return goal


def of_groups(vehicles: FloatArray) -> FloatArray:
    """Return vehicles by group (..., G) of those by segment (..., S)."""
    summed: FloatArray = vehicles @ np.eye(len(GROUPS))[_GROUP]
    return summed


def battery_kwh(past: Past) -> FloatArray:
    """Return the mean battery of a group's vehicles (H, G); of the last year where there was none."""
    sold = of_groups(past.vehicles)
    energy = of_groups(past.vehicles * past.energy_kwh)
    mean = np.divide(energy, sold, out=np.zeros_like(sold), where=sold > 0)
    return np.where(mean > 0, mean, mean[-1])


def _begun(past: Past, drawn: Mapping[str, FloatArray], start: int) -> Course:
    """Return a course that is history before the start, and still empty from there on."""
    draws, years = len(drawn["learning_percent"]), len(YEARS)

    def begun(known: FloatArray) -> FloatArray:
        filled = np.zeros((draws, years, *known.shape[1:]))
        filled[:, :start] = known[:start]
        return filled

    energy = np.concatenate(
        [past.energy_kwh[:start], np.tile(past.energy_kwh[start - 1], (years - start, 1))]
    )
    home = (past.vehicles * past.energy_kwh).sum(axis=1) / 1e6
    exported = exported_gwh(past)
    none = np.zeros(HISTORY)
    return Course(
        begun(past.vehicles),
        np.broadcast_to(energy, (draws, *energy.shape)),
        _mix(past, drawn),
        begun(past.share),
        begun(home + exported),
        begun(past.price_usd),
        begun(past.share * 0),
        begun(exported),
        begun(past.exported_vehicles),
        begun(np.cumsum(past.world_gwh)),
        begun(none),
        begun(past.swap),
    )


def _mix(past: Past, drawn: Mapping[str, FloatArray]) -> FloatArray:
    """
    Return the share of each chemistry by energy (D, Y, S, C).

    The odds of LFP change in each segment by the same factor until all together have the share of 2035.
    """
    lfp = CHEMISTRIES.index("LFP")
    last = past.mix[-1]
    energy = past.vehicles[-1] * past.energy_kwh[-1]
    together = (energy @ last)[lfp] / energy.sum()
    shift = logit(np.clip(drawn["lfp_percent"] / 100, 0.001, 0.999)) - logit(np.clip(together, 0.001, 0.999))
    ahead = np.clip((YEARS[HISTORY:] - LAST) / 10, 0, 1)
    first = logit(np.clip(last[:, lfp], 1e-4, 1 - 1e-4))
    share = expit(first + shift[:, None, None] * ahead[:, None])  # (D, Y, S)
    others = np.where(np.arange(len(CHEMISTRIES)) == lfp, 0.0, last)
    others /= np.maximum(others.sum(axis=1, keepdims=True), 1e-12)
    mix = np.empty((len(shift), len(YEARS), *last.shape))
    mix[:, :HISTORY] = past.mix
    mix[:, HISTORY:] = (1 - share)[..., None] * others
    mix[:, HISTORY:, :, lfp] = share
    return mix
