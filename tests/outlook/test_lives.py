"""Lives of a record: a known law is found again, though most still run and some came late."""

from __future__ import annotations

import numpy as np
import pytest

from voltrail.errors import UsageError
from voltrail.outlook.lives import FEWEST, Seen, curve_of, kinds_of, overrides
from voltrail.outlook.scenario import scenario_of
from voltrail.outlook.survival import empirical, weibull

SHAPE, SCALE = 3.5, 9.5


def seen(batteries: int, *, late: float, window: float = 12.0, seed: int = 1) -> Seen:
    """Batteries fitted over some years and looked at then; some came to be known only on the way."""
    random = np.random.default_rng(seed)
    life = SCALE * random.weibull(SHAPE, batteries)
    age = random.uniform(0, window, batteries)
    entry = np.where(random.random(batteries) < late, random.uniform(0, age), 0.0)
    there = life > entry  # who ended before is not on the record
    until = np.minimum(life, age)
    return Seen(entry, until, life <= age, np.full(batteries, 60.0)).of(there)


def test_a_known_law_is_found_again() -> None:
    """Most batteries still run and a third came late; the law is found within its interval all the same."""
    found = curve_of(seen(4_000, late=0.35))
    assert found.batteries > 2 * found.ended > 0
    assert found.shape.low < SHAPE < found.shape.high
    assert found.mean_years.low < 8.548 < found.mean_years.high  # scale times Gamma(1 + 1 / shape)
    assert found.mean_years.high - found.mean_years.low < 0.6
    true = weibull(found.ages, SHAPE, SCALE)
    inside = found.ages <= 10
    assert (np.abs(found.share - true)[inside] < 0.04).all()
    assert ((found.low <= found.share) & (found.share <= found.high)).all()


def test_late_ones_do_not_make_lives_longer() -> None:
    """Taken as known from the start, batteries enrolled late would seem to last longer than they do."""
    those = seen(6_000, late=0.9)
    right, wrong = curve_of(those), curve_of(those._replace(entry=np.zeros_like(those.entry)))
    assert right.mean_years.low < 8.548 < right.mean_years.high
    assert wrong.mean_years.low > right.mean_years.high


@pytest.mark.parametrize("ends", [0, FEWEST - 1])
def test_a_few_ends_say_nothing(ends: int) -> None:
    """With fewer ends than are needed nothing is told of any battery; the error says how many there are."""
    ended = np.arange(100) < ends
    few = Seen(np.zeros(100), np.full(100, 3.0), ended, np.full(100, 60.0))
    with pytest.raises(UsageError, match=f"{ends} have ended"):
        curve_of(few)


def test_a_scenario_takes_what_the_record_says() -> None:
    """The lives become settings of a scenario, by kind of vehicle, and within what one may say."""
    cars = seen(3_000, late=0.2)
    sooner = Seen(cars.entry / 8, cars.until / 8, cars.ended, cars.energy_kwh + 200)
    both = Seen._make(np.concatenate(pair) for pair in zip(cars, sooner, strict=True))
    kinds = kinds_of(both)
    assert {name: len(one.ended) for name, one in kinds.items()} == dict.fromkeys(kinds, len(cars.ended))
    given = overrides({name: curve_of(one) for name, one in kinds.items()})
    assert given["car.battery_years"] == pytest.approx(8.55, abs=0.4)
    assert given["commercial.battery_years"] == 2  # shorter than a scenario may say
    assert scenario_of(given).given == given


def test_a_curve_can_be_gone_on_with() -> None:
    """What Kaplan-Meier gives is a table that the stock can take, beyond its last age too."""
    found = curve_of(seen(3_000, late=0.2, window=7.0))
    table = empirical(np.arange(0.5, 40), found.ages[1:], found.share[1:])
    assert (np.diff(table) <= 0).all()
    assert table[-1] < 1e-3


def test_one_that_came_early_and_ended_soon_does_not_stand_for_all() -> None:
    """Where all came late the curve begins where enough are known, at what the law says is left by then."""
    random = np.random.default_rng(1)
    entry = np.r_[0.5, random.uniform(3, 5, 99)]
    until = np.r_[0.6, random.uniform(5, 9, 99)]
    found = curve_of(Seen(entry, until, np.ones(100, bool), np.full(100, 60.0)))
    assert found.ages[0] == 4
    assert 0.8 < found.share[0] < 1
    assert (np.diff(found.share) <= 0).all()
    assert np.isfinite([found.share, found.low, found.high]).all()


def test_lives_that_no_curve_goes_through_are_refused() -> None:
    """Where one lot has ended before the next is known of, that is said in words."""
    entry, until = np.r_[np.zeros(40), np.full(40, 6.0)], np.r_[np.full(40, 3.0), np.full(40, 9.0)]
    with pytest.raises(UsageError, match="no curve"):
        curve_of(Seen(entry, until + np.arange(80) / 1000, np.ones(80, bool), np.full(80, 60.0)))
