"""Batteries by cohort: nothing is lost, and the compiled model is the readable one."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.outlook import stock
from voltrail.outlook.classes import CHEMISTRIES, SEGMENTS, YEARS
from voltrail.outlook.loop import Course
from voltrail.outlook.parameters import draw
from voltrail.outlook.stock import Flows, Lives, follow, lives_of, pools_of, tell, turnover
from voltrail.outlook.survival import SHAPE, ages, empirical, ends, scale_of, weibull

FLOWS = Flows._fields[:-2]


def shares(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(shape))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Lives]:
    """Any sales with any lives, by year of sale or not, and any rates, the extremes among them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    draws, years, rows = draw(st.integers(1, 3)), draw(st.integers(1, 14)), draw(st.booleans())
    sold = random.random((draws, years, len(SEGMENTS))) * draw(st.sampled_from([0, 1, 1e6]))
    energy = random.uniform(1, 400, sold.shape)
    mix = random.dirichlet(np.ones(len(CHEMISTRIES)), sold.shape)
    pools = random.random((draws, len(SEGMENTS))) * draw(st.sampled_from([0, 1.5]))

    def table(rows: int) -> np.ndarray:
        mean = random.uniform(0.3, 20, (draws, len(stock.KINDS), rows, 1))
        return weibull(ages(years), random.uniform(0.8, 6), mean)

    def rate(*shape: int) -> np.ndarray:
        fixed = draw(st.sampled_from([None, 0.0, 1.0]))
        return random.random(shape) if fixed is None else np.full(shape, fixed)

    lives = Lives(
        vehicle=table(years),
        battery=table(years if rows else 1),
        second=weibull(ages(years), 3, random.uniform(0.3, 9, (draws, 1))),
        replaced=rate(draws, len(stock.KINDS)),
        exported=rate(draws),
        collected=rate(draws, years),
        reused=rate(draws),
        second_share=rate(draws, len(CHEMISTRIES)),
    )
    return sold, energy, mix, pools, lives


def told(world: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Lives]) -> Flows:
    sold, energy, mix, pools, lives = world
    return tell((sold * energy * (1 + pools)[:, None])[..., None] * mix, sold, pools, lives)


@given(worlds())
@settings(deadline=None)
def test_nothing_is_lost(world: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Lives]) -> None:
    """What was fitted is there or left; what left is abroad, collected or unheard of; and so on."""
    flows = told(world)
    room = 1e-9 * (1 + flows.fitted.sum())

    def summed(flow: np.ndarray) -> np.ndarray:
        return np.cumsum(flow, axis=1)

    for name in Flows._fields:
        assert (getattr(flows, name) >= -room).all(), name
    came = summed(flows.fitted + flows.replacements)
    np.testing.assert_allclose(came, flows.stock + summed(flows.left), atol=room, rtol=1e-12)
    assert (flows.left - flows.exported - flows.collected >= -room).all()  # the rest is not known of
    assert (flows.collected - flows.reused - flows.second_life >= -room).all()
    assert (flows.replacements - flows.reused >= -room).all()
    back = summed(flows.processed - (flows.collected - flows.reused - flows.second_life))
    np.testing.assert_allclose(summed(flows.second_life), flows.in_second_life + back, atol=room, rtol=1e-12)
    per_vehicle = flows.vehicles.sum(axis=1)
    assert (per_vehicle <= summed(world[0]).sum(axis=1) + room).all()


@given(worlds(), st.floats(0.01, 100))
@settings(deadline=None, max_examples=30)
def test_twice_the_sales_twice_the_batteries(
    world: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Lives], times: float
) -> None:
    """All flows grow with the sales, and but for re-use those of two fleets add up."""
    once, more = told(world), told((world[0] * times, *world[1:]))
    for name in Flows._fields:
        np.testing.assert_allclose(getattr(more, name), times * getattr(once, name), rtol=1e-9, atol=1e-6)
    lives = world[4]._replace(reused=np.zeros_like(world[4].reused))
    other = world[0][:, ::-1]
    each = [told((sold, *world[1:4], lives)) for sold in (world[0], other, world[0] + other)]
    for name in Flows._fields:
        sums = getattr(each[0], name) + getattr(each[1], name)
        np.testing.assert_allclose(getattr(each[2], name), sums, rtol=1e-9, atol=1e-6 * (1 + sums.max()))


@given(worlds())
@settings(deadline=None, max_examples=60)
def test_the_compiled_model_is_the_readable_one(
    world: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Lives],
) -> None:
    """The kernel gives every flow of the definition, to the last digits, for any lives and rates."""
    from voltrail.outlook.stock_kernel import fill

    sold, energy, mix, pools, lives = world
    wanted = told(world)
    flows = Flows(*(np.full_like(one, np.nan) for one in wanted))
    fill(sold, energy, mix, pools, lives, flows)
    for name in Flows._fields:
        room = 1e-12 * (1 + wanted.fitted.sum())
        np.testing.assert_allclose(getattr(flows, name), getattr(wanted, name), rtol=1e-9, atol=room)


def test_a_run_takes_the_lives_of_each_draw() -> None:
    """`follow` cuts the draws into pieces and gives each draw its own lives, pools and rates."""
    drawn = draw({}, 70, 3)
    shape = 70, len(YEARS), len(SEGMENTS)
    random = np.random.default_rng(1)
    vehicles, energy = random.random(shape) * 1e5, random.uniform(20, 300, shape)
    mix = random.dirichlet(np.ones(len(CHEMISTRIES)), shape)
    course = Course(vehicles, energy, mix, np.zeros((70, 40, 4)), np.zeros((70, 40)), np.zeros((70, 40)))
    pools = pools_of(drawn)
    fitted = (vehicles * energy * (1 + pools)[:, None])[..., None] * mix
    wanted, found = tell(fitted, vehicles, pools, lives_of(drawn)), follow(course, drawn)
    for name in Flows._fields:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-9, atol=1e-3)


def test_packs_that_last_for_ever_leave_with_their_vehicles() -> None:
    """Where packs never fail, what leaves follows the vehicles' lives alone."""
    vehicle = weibull(ages(30), SHAPE, scale_of(10, SHAPE))[None]
    found = turnover(vehicle, np.ones_like(vehicle))
    np.testing.assert_allclose(found.ended, ends(vehicle))
    assert not found.failed.any()
    np.testing.assert_array_equal(found.there, vehicle)


def test_packs_fail_as_renewals_do() -> None:
    """In vehicles that last for ever packs of fixed life fail every so many years, and once if so asked."""
    vehicle = np.ones((1, 13))
    battery = np.where(ages(13, "end") < 4, 1.0, 0.0)[None]
    assert turnover(vehicle, battery).failed[0].nonzero()[0].tolist() == [4, 8, 12]
    assert turnover(vehicle, battery, once=True).failed[0].nonzero()[0].tolist() == [4]


def test_a_vehicle_without_a_new_pack_ends_with_the_old() -> None:
    """Where no pack is replaced, one leaves for each vehicle and is there as long as vehicle and pack are."""
    age = ages(60)
    vehicle, battery = weibull(age, 3, 12.0)[None], weibull(age, 3, 9.0)[None]
    found = turnover(vehicle, battery, 0.0)
    np.testing.assert_allclose(found.there, vehicle * battery, atol=1e-12)
    assert (found.failed + found.ended).sum() == pytest.approx(1)
    for share in (0.3, 0.7, 1.0):
        some = turnover(vehicle, battery, share)
        left = (some.failed + some.ended).sum()
        assert left == pytest.approx(1 + share * some.failed.sum())


def test_an_observed_curve_does_what_its_law_does() -> None:
    """A table of shares at whole years, as a record gives it, leads to nearly the same stock as its law."""
    vehicle = weibull(ages(30), SHAPE, scale_of(14, SHAPE))[None]
    observed = empirical(ages(30), np.arange(1.0, 11), weibull(np.arange(1.0, 11), SHAPE, 9.5))[None]
    by_law, by_table = (
        turnover(vehicle, table, 0.7) for table in (weibull(ages(30), SHAPE, 9.5)[None], observed)
    )
    for name in ("failed", "ended", "there"):
        np.testing.assert_allclose(getattr(by_table, name), getattr(by_law, name), atol=0.01)


def test_replacements_last_as_packs_of_their_own_year() -> None:
    """A pack fitted later has the life of packs of that year, not that of the vehicle's year."""
    years = 8
    battery = np.where(ages(years, "end") < np.array([2.0, 2, 5, 5, 5, 5, 5, 5])[:, None], 1.0, 0.0)
    found = turnover(np.ones((years, years)), battery)
    assert found.failed[0].nonzero()[0].tolist() == [2, 7]


def test_the_published_calculation_in_small() -> None:
    """Bought at the end of a year, first failures only: packs fail in vehicles or end with them."""
    age = ages(21, "end")
    vehicle, battery = weibull(age, SHAPE, scale_of(8, SHAPE))[None], weibull(age, SHAPE, 9.5)[None]
    found = turnover(vehicle, battery, once=True)
    fails, dies = -np.diff(battery[0]), -np.diff(vehicle[0])
    np.testing.assert_allclose((found.failed + found.ended)[0, 1:], fails * vehicle[0, 1:] + dies)


def test_trucks_that_swap_have_packs_at_stations() -> None:
    """Packs at stations are fitted with their trucks, count as packs and not as trucks, and last longer."""
    few, many = draw({"pool_packs": 0}, 1, 1), draw({"pool_packs": 1}, 1, 1)
    swaps = SEGMENTS.index("swap_truck")
    sold = np.zeros((1, 40, len(SEGMENTS)))
    sold[:, 5] = 1000
    mix = np.full((1, 40, len(SEGMENTS), len(CHEMISTRIES)), 1 / len(CHEMISTRIES))
    nothing = np.zeros((1, 40))
    course = Course(sold, np.full(sold.shape, 100.0), mix, np.zeros((1, 40, 4)), nothing, nothing)
    alone, pooled = follow(course, few), follow(course, many)
    of = (0, slice(None), swaps)
    assert pooled.fitted[of].sum() == pytest.approx(2 * alone.fitted[of].sum())
    np.testing.assert_array_equal(pooled.vehicles[of], alone.vehicles[of])
    assert pooled.replacements[of].sum() < 2 * alone.replacements[of].sum()
    rest = [one for one in range(len(SEGMENTS)) if one != swaps]
    np.testing.assert_array_equal(pooled.left[:, :, rest], alone.left[:, :, rest])


def test_laws_differ_in_spread_alone() -> None:
    """By every law lives have the mean that the parameters say, and the same deviation."""
    age, mean = np.linspace(0, 80, 8001), np.array([12.0])
    for law in get_args(stock.Law):
        there = stock.lasting(age, mean, law)[0]
        average = np.trapezoid(there, age)
        square = np.trapezoid(2 * age * there, age)
        assert average == pytest.approx(12, rel=0.005), law
        assert np.sqrt(square - average**2) / average == pytest.approx(0.316, abs=0.01), law
    drawn = draw({}, 3, 1)
    tables = [lives_of(drawn, law=law).battery for law in get_args(stock.Law)]
    assert not np.allclose(tables[0], tables[1])
    assert not np.allclose(tables[1], tables[2])


def test_vehicles_last_longer_the_later_they_are_sold() -> None:
    """Lives by year of sale keep the published proportions, with 2025 as the year they are about."""
    longer = stock.improvement()
    assert (longer[:, YEARS == 2025] == 1).all()
    assert (np.diff(longer, axis=1) >= 0).all()
    assert longer[0, 0] == pytest.approx(8 / 12)
    assert longer[1, -1] == pytest.approx(12 / 9)
