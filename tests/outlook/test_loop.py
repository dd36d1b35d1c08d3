"""The loop of policy, adoption, cost and exports: what holds in every draw, and its fit to history."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.outlook import calibrate_loop, markets
from voltrail.outlook.book import book
from voltrail.outlook.classes import FIRST, GROUPS, HISTORY, LAST, SEGMENTS, YEARS
from voltrail.outlook.costs import Prices, saved
from voltrail.outlook.fits import MEMBERS, fits, written
from voltrail.outlook.loop import Course, Past, adopted, drifted, of_groups, play
from voltrail.outlook.parameters import draw, parameters
from voltrail.outlook.run import run
from voltrail.outlook.scenario import Scenario, named, names

TRUCK = GROUPS.index("truck")


@cache
def past() -> Past:
    return markets.past(book())


def played(draws: int = 40, **given: float) -> Course:
    return play(past(), draw({name.replace("__", "."): one for name, one in given.items()}, draws, 1))


def test_shares_are_shares_and_segments_sum_to_their_group() -> None:
    """
    No draw sells more new-energy vehicles than vehicles, and cars that plug in are cars.
    """
    course = played(200)
    drawn = draw({}, 200, 1)
    assert np.all((course.share >= 0) & (course.share <= 1))
    market = np.stack([drawn[f"{group}.market_million"] for group in GROUPS], axis=1)[:, None] * 1e6
    ahead = slice(HISTORY, None)
    assert np.allclose(of_groups(course.vehicles)[:, ahead], course.share[:, ahead] * market)
    assert np.allclose(course.mix.sum(axis=3), 1)
    assert np.all((course.swap >= 0) & (course.swap <= 1))
    assert all(np.isfinite(each).all() for each in course)


def test_output_is_what_stays_and_what_leaves() -> None:
    """
    What China makes is fitted at home or leaves, and the world's output never shrinks.
    """
    course = played()
    home = (course.vehicles * course.energy_kwh).sum(axis=2) / 1e6
    assert np.allclose(course.output_gwh, home + course.exported_gwh)
    assert np.all(np.diff(course.made_gwh, axis=1) > 0)


def test_history_is_history_in_every_draw() -> None:
    """
    No parameter changes what was sold and paid up to 2025.
    """
    course = played()
    assert np.all(course.vehicles[:, :HISTORY] == past().vehicles)
    assert np.all(course.share[:, :HISTORY] == past().share)
    assert np.all(course.price_usd[:, :HISTORY] == past().price_usd)


def test_the_first_draw_is_the_middle() -> None:
    """
    Draw 0 is what comes of each parameter's own value, so that a chart's middle line can be told in words.
    """
    alone = play(past(), {name: np.array([one.value]) for name, one in parameters().items()})
    for one, of_many in zip(alone, played(), strict=True):
        assert np.allclose(one[0], of_many[0])


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("learning_percent", 10, 25), ("price.surprise_percent", 30, 0), ("world.demand_2030_gwh", 1200, 2300)],
)
def test_prices_fall_faster_with_more_learning_and_more_output(name: str, low: float, high: float) -> None:
    """
    A higher learning rate, dearer materials or a larger world move prices the way that they must, each year.
    """
    at_low, at_high = (
        play(past(), draw({name: value}, 40, 1)).price_usd[:, HISTORY:] for value in (low, high)
    )
    assert np.all(at_high <= at_low + 1e-9)
    assert np.any(at_high < at_low - 0.5)


@pytest.mark.parametrize(
    ("name", "worse", "better"),
    [
        ("truck.bonus_yuan", 0, 140_000),
        ("policy.tax_percent_2028", 10, 0),
        ("learning_percent", 0, 25),
        ("energy.fuel_yuan_litre_2030", 6, 9),
        ("energy.power_yuan_kwh_2030", 1.2, 0.6),
        ("truck.goal_2030_percent", 0, 60),
        ("adoption.surprise", -0.2, 0.2),
    ],
)
def test_what_helps_never_lowers_adoption(name: str, worse: float, better: float) -> None:
    """
    More support, cheaper power and cells, dearer fuel: no group sells fewer electric vehicles in any year.
    """
    less, more = (play(past(), draw({name: value}, 40, 1)).share for value in (worse, better))
    assert np.all(more >= less - 1e-9)
    assert np.any(more > less + 0.01)


def test_without_feedback_the_loop_is_open() -> None:
    """
    Where falling prices reach nobody, neither learning nor the world's need moves what is sold or exported.
    """
    open_loop: dict[str, Any] = {"price__pass_on_percent": 0, "world__elasticity": 0}
    slow = played(learning_percent=5, **open_loop)
    fast = played(learning_percent=25, **open_loop)
    assert np.allclose(slow.share, fast.share)
    assert np.allclose(slow.exported_gwh, fast.exported_gwh)
    assert np.any(slow.price_usd != fast.price_usd)
    closed = played(learning_percent=25)
    assert np.all(closed.share[0] >= fast.share[0] - 1e-9)
    assert closed.share[0, -1, 0] > fast.share[0, -1, 0] + 0.001


def test_exports_feed_back_on_prices() -> None:
    """
    Where the world makes its own, dearer, fewer are needed, and packs stay dearer everywhere.
    """
    closed, usual = played(exports__share_2035_percent=5), played(exports__share_2035_percent=60)
    assert np.all(closed.exported_gwh[:, -1] < usual.exported_gwh[:, -1])
    assert np.all(closed.price_usd >= usual.price_usd - 1e-9)


def test_a_goal_is_reached_by_support_that_is_counted() -> None:
    """
    Money brings trucks to a goal or to all who can be won, and a goal that comes by itself costs nothing.
    """
    course = played(200, truck__goal_2027_percent=50, truck__ceiling_percent=90)
    reached = course.share[:, 2027 - FIRST, TRUCK]
    assert np.mean(reached >= 0.4999) > 0.9
    assert np.all(course.support_yuan >= 0)
    assert course.support_yuan[:, 2026 - FIRST].max() > 1e9
    assert not played(truck__goal_2030_percent=20, adoption__surprise=0).support_yuan.any()


def test_swapping_falls_by_default_as_it_does_in_the_figures() -> None:
    """
    The share of trucks that swap fell since 2022; nothing but a lever makes it rise again.
    """
    shares = markets.swap_shares(book())
    assert [shares[one] for one in ("2021", "2022", "2023", "2024", "2025-10")] == [
        45.31,
        62.4,
        56.8,
        42.5,
        28.86,
    ]
    default = played(200).swap[:, LAST - FIRST :]
    assert np.all(default <= default[:, :1] + 1e-9)
    assert np.all(np.diff(default[0]) <= 1e-9)
    revived = played(truck__swap_percent=45, truck__swap_stations_2030=3000).swap
    assert np.allclose(revived[:, 2035 - FIRST], 0.45)
    built = played(truck__swap_stations_2030=3000).swap
    assert np.all(built >= played(truck__swap_stations_2030=1400).swap - 1e-9)


@given(st.floats(0, 1), st.floats(0.001, 1), st.floats(0.001, 1), st.floats(0.01, 3))
@settings(max_examples=200, deadline=None)
def test_adoption_goes_towards_the_willing_and_not_past(
    share: float, willing: float, more: float, speed: float
) -> None:
    """
    In a year a share comes nearer to those who are willing, and more of them never give a smaller share.
    """

    def after(of: float) -> float:
        return float(adopted(np.array([share]), np.array([of]), np.array([speed]))[0])

    assert min(share, willing) - 1e-9 <= after(willing) <= max(share, willing) + 1e-9
    assert after(max(more, willing)) >= after(min(more, willing)) - 1e-9


def test_adoption_is_the_solution_of_its_equation() -> None:
    """
    The closed form is what small steps of ds/dt = speed (p + s / w) (w - s) come to.
    """
    share, willing, speed = 0.05, 0.6, 0.8
    stepped = share
    for _ in range(100_000):
        stepped += speed * (0.02 + stepped / willing) * (willing - stepped) / 100_000
    closed = adopted(np.array([share]), np.array([willing]), np.array([speed]))
    assert closed[0] == pytest.approx(stepped, abs=1e-4)


def test_saving_is_reckoned_as_it_is_written() -> None:
    """
    A car's saving by hand: 140,000 yuan and a tenth of tax and six years of fuel, against pack and power.
    """
    one = np.ones((1, 1))
    prices = Prices(7.3 * one, 0.9 * one, 0 * one, 0.1 * one)
    gap = saved(100 * one, np.full(4, 50.0), np.zeros((1, 4)), prices)[0, 0]
    fossil = 140e3 * 1.1 + 14e3 * 6 / 100 * 7 * 7.3
    electric = (140e3 - 15e3 + 50 * 100 * 94 / 115 * 7.1) * 1.1 + 14e3 * 6 / 100 * 15 * 0.9
    assert gap == pytest.approx((fossil - electric) / fossil)


def test_drift_goes_on_fading_after_history() -> None:
    """
    Vehicles that got better each year go on to, ever less, and not after 2035.
    """
    assert (drifted(2020), drifted(2025)) == (0, 5)
    steps = np.diff([drifted(int(year)) for year in YEARS[HISTORY - 1 :]])
    assert np.all(np.diff(steps) <= 0)
    assert drifted(2035) == drifted(2050) == 10


def test_the_stored_fits_are_those_of_history() -> None:
    """
    Fitting again gives what stands in fits.csv: it was made from these figures, by this seed.

    Another processor may round so that a member or two at an edge is its neighbour.
    """
    again = calibrate_loop.calibrated(past())
    for group in GROUPS:
        assert fits()[group].shape == (MEMBERS, 4)
        same = np.isclose(fits()[group], again[group], atol=1e-4).all(axis=1)
        assert same.mean() > 0.97, f"{group}: write fits.csv anew, see fits.py"
    assert written(again).startswith("group,speed,middle,width,drift\ncar,")


def test_fits_follow_history() -> None:
    """
    From its first year on, the middle of the fits to cars and trucks comes near the share of 2025.
    """
    gaps = calibrate_loop.gaps_of(past())
    for group, near in (("car", 0.08), ("truck", 0.06)):
        column, first = GROUPS.index(group), calibrate_loop.FROM[group]
        ceiling = parameters()[f"{group}.ceiling_percent"].value / 100
        share = past().share[first - FIRST, column]
        shares = calibrate_loop.played(share, first, gaps[first - FIRST :, column], ceiling, fits()[group])
        assert np.median(shares[-1]) == pytest.approx(past().share[-1, column], abs=near)


def test_a_hindcast_knows_nothing_later() -> None:
    """
    What the loop says after 2019 stays the same when fewer vehicles, of other kinds, with larger and dearer
    packs came after it.
    """
    later = np.arange(FIRST, LAST + 1)[:, None] > 2019
    fewer = np.array([0.5 if segment == "car_bev" else 0.3 for segment in SEGMENTS])
    part = of_groups(past().vehicles * fewer) / np.maximum(of_groups(past().vehicles), 1)
    vehicles = np.where(later, past().vehicles * fewer, past().vehicles)
    other = past()._replace(
        price_usd=np.where(later[:, 0], 999.0, past().price_usd),
        share=np.where(later, past().share * part, past().share),
        vehicles=vehicles,
        energy_kwh=np.where(later, past().energy_kwh * 3, past().energy_kwh),
    )
    told, blind = (calibrate_loop.hindcast(one, 2019, 50) for one in (past(), other))
    assert np.allclose(told.said, blind.said)
    assert not np.allclose(told.came, blind.came)


def test_errors_of_a_hindcast_are_its_own() -> None:
    """
    The errors that are printed are the mean distances of what was said and what came, no change beside.
    """
    looked = calibrate_loop.hindcast(past(), 2021, 60)
    assert list(looked.years) == [2022, 2023, 2024, 2025]
    assert looked.errors()[0] == pytest.approx(
        np.mean([abs(s - c) for s, c in zip(looked.said[:, 0], looked.came[:, 0], strict=True)])
    )
    stays = past().share[2021 - FIRST, 0] * 100
    assert looked.errors_of_no_change(past())[0] == pytest.approx(np.abs(looked.came[:, 0] - stays).mean())
    assert looked.errors()[0] < looked.errors_of_no_change(past())[0]


def test_the_learning_rate_is_that_of_the_published_prices() -> None:
    """
    Prices in dollars of 2025 over all that was made fall by about a fifth with each doubling.
    """
    assert calibrate_loop.learned_percent(past(), 2024) == pytest.approx(20.2, abs=1)
    assert past().price_usd[0] == pytest.approx(899 * 1.27, rel=0.03)


def test_the_same_seed_gives_the_same_course() -> None:
    """
    A scenario is replayed by its seed, and another seed is another one.
    """
    first, again, other = (play(past(), draw({}, 30, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.share, again.share)
    assert not np.array_equal(first.share, other.share)


@pytest.mark.parametrize("name", names())
def test_each_scenario_says_what_it_asks_and_runs(name: str) -> None:
    """
    All scenarios that come along can be read, have a note, and give an outcome without gaps.
    """
    scenario = named(name)
    assert scenario is not None
    assert scenario.note.endswith(("?", "."))
    outcome = run(Scenario(given=scenario.given, draws=8))
    assert np.isfinite(outcome.course.output_gwh).all()
    assert outcome.course.vehicles.shape == (8, len(YEARS), len(SEGMENTS))


def test_an_earlier_vintage_plays_too() -> None:
    """
    Who asks as of 2025 gets an outlook from what was known then, without the figures of the whole year.
    """
    then = markets.past(book(), "2025-06")
    course = play(then, draw({}, 20, 1))
    assert all(np.isfinite(each).all() for each in course)
    assert then.share[-1, TRUCK] == pytest.approx(0.136)


def test_the_guide_prints_what_hindcasts_say() -> None:
    """
    The table and the coverage in the guide are those that come of the figures now, and not better ones.
    """
    guide = (Path(__file__).parents[2] / "docs/guides/outlook.md").read_text(encoding="utf-8")
    columns = [0, 1, 2, 4]
    looked = calibrate_loop.hindcast(past(), 2019)
    for row, year in enumerate(looked.years):
        cells = (
            f"{looked.said[row, at]:.0f} ({looked.low[row, at]:.0f} to {looked.high[row, at]:.0f}), "
            f"came {looked.came[row, at]:.0f}"
            for at in columns
        )
        assert f"| {year} | {' | '.join(cells)} |" in guide
    for name, errors in (
        ("mean error", looked.errors()),
        ("of no change", looked.errors_of_no_change(past())),
    ):
        assert f"| {name} | {' | '.join(f'{errors[at]:.1f}' for at in columns)} |" in guide
    backward = [calibrate_loop.hindcast(past(), year) for year in range(2016, 2024)]
    held = 100 * np.mean([((one.low <= one.came) & (one.came <= one.high)).mean(0) for one in backward], 0)
    assert (
        f"held of cars {held[0]:.0f} %, of vans {held[1]:.0f} %, of buses {held[2]:.0f} %, "
        f"of prices {held[4]:.0f} %"
    ) in guide
