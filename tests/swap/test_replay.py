"""A replayed day shows what happened, and fits into a page."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.swap.test_rich import SCENARIOS
from voltrail.swap.replay import day
from voltrail.swap.rules import DAY_MIN
from voltrail.swap.scenario import BalkingPart, ChargingPart, DemandPart, FailuresPart, Scenario, StationPart


@settings(max_examples=40, deadline=None)
@given(SCENARIOS, st.integers(0, 99))
def test_a_day_hangs_together(scenario, seed):
    """
    In each slot one pack stands at a time, from the moment it came to the moment a truck took it; charges and
    times stay within their bounds, and what the power line draws is the energy that is told.
    """
    told = day(scenario, seed)
    by_slot = {}
    for stay in told.stays:
        by_slot.setdefault(stay.slot, []).append(stay)
        assert 0 <= stay.from_min <= stay.to_min <= DAY_MIN
        times = [at for at, _ in stay.points]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (stay.from_min, stay.to_min)
        assert all(0 <= charge <= 1 for _, charge in stay.points)
        assert all(stay.from_min <= begun <= end <= stay.to_min for begun, end in stay.charger)
    for stays in by_slot.values():
        assert all(a.to_min <= b.from_min for a, b in pairwise(stays))
    assert set(by_slot) <= set(range(told.slots))
    left = {(stay.pack, stay.to_min) for stay in told.stays}
    took = {(visit.took, visit.began_min) for visit in told.visits if visit.began_min}
    assert took <= left
    ends = [at for at, _ in told.power[1:]] + [DAY_MIN]
    drawn = sum(kw * (end - at) / 60 for (at, kw), end in zip(told.power, ends, strict=True))
    assert drawn == pytest.approx(told.energy_kwh, abs=1 + 0.002 * told.energy_kwh)


@pytest.mark.parametrize("policy", ["as_soon_as_possible", "valley_only", "planned"])
def test_a_busy_day_is_small(policy):
    """A day of 150 swaps and 24 packs is less than 300 kB, whatever happens and whatever the policy."""
    scenario = Scenario(
        charging=ChargingPart(policy=policy, curve=((0.8, 1.0), (0.9, 0.6), (1.0, 0.3)), goes_out_from=0.9),
        failures=FailuresPart(days_between=5),
        balking=BalkingPart(patience_min=30),
    )
    told = day(scenario, 3)
    assert len(msgspec.json.encode(told)) < 300_000
    assert told.swaps > 100
    assert told.policy == policy
    assert told.failures
    assert day(scenario, 3) == told


def test_who_drove_on_and_who_waits_is_told():
    """A truck that drove on has no swap; one still there at midnight has no end, and comes again next day."""
    scenario = Scenario(
        station=StationPart(packs=1, chargers=1, swap_min=10),
        demand=DemandPart(times=(700.0, 705.0, 709.0, 1435.0)),
        balking=BalkingPart(patience_min=40),
    )
    visits = day(scenario).visits
    assert [(visit.came_min, visit.outcome) for visit in visits] == [
        (0.0, "swapped"),
        (700.0, "swapped"),
        (705.0, "drove_on"),
        (709.0, "drove_on"),
        (1435.0, "there"),
    ]
    assert (visits[0].began_min, visits[0].ended_min) == (0.0, 5.0)
    assert visits[2].began_min is None
    assert (visits[4].began_min, visits[4].ended_min) == (1435.0, None)
