"""The plan of when to charge is the cheapest there is, and policies do what they say."""

import math
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.swap.ageing import cycle_loss, rest_loss, yuan_per_health
from voltrail.swap.charging import Held, Planned, Slot, ValleyOnly, bounds, cost, plan, quantile
from voltrail.swap.rich import Life
from voltrail.swap.rules import DAY_MIN, rules_of
from voltrail.swap.scenario import AgeingPart, DemandPart, Scenario, StationPart

STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=3).map(
    lambda steps: tuple(
        (float(kwh), float(yuan)) for (kwh, _), yuan in zip(steps, sorted(y for _, y in steps), strict=True)
    )
)
SLOTS = st.lists(
    st.builds(
        lambda least, more, steps: Slot(float(least), max(0.0, float(least + more)), steps),
        st.integers(-2, 12),
        st.integers(0, 8),
        STEPS,
    ),
    min_size=1,
    max_size=6,
)


def cheapest(slots):
    """Return the least cost by dynamic programming over whole kWh, within the bounds that can be kept."""
    room = [int(sum(kwh for kwh, _ in slot.steps)) for slot in slots]
    least, most = bounds([(slot.least, slot.most) for slot in slots], room)

    @cache
    def rest(at, drawn):
        if at == len(slots):
            return 0.0
        ways = [
            cost(slots[at : at + 1], [more]) + rest(at + 1, drawn + more)
            for more in range(room[at] + 1)
            if least[at] <= drawn + more <= most[at]
        ]
        return min(ways, default=math.inf)

    return rest(0, 0)


@settings(max_examples=300, deadline=None)
@given(SLOTS)
def test_no_plan_is_cheaper(slots):
    """Whatever the hours cost and whatever binds them, the plan costs what the best of all ways costs."""
    assert cost(slots, plan(slots)) == pytest.approx(cheapest(tuple(slots)), abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.floats(0, 3), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=24
    ),
    st.data(),
)
def test_what_can_be_kept_is_kept(hours, data):
    """Where some way of charging keeps all bounds, the plan keeps them too, and costs no more."""
    some = [kwh for kwh, *_ in hours]
    slots = [
        Slot(
            total - below,
            total + above,
            ((kwh / 2 + spare, price), (kwh / 2, price + 1)),
        )
        for total, (kwh, below, above, spare) in zip(accumulate(some), hours, strict=True)
        for price in [data.draw(st.floats(0, 5))]
    ]
    drawn = plan(slots)
    assert all(kwh >= -1e-9 for kwh in drawn)
    highest = -math.inf
    for total, slot in zip(accumulate(drawn), slots, strict=True):
        highest = max(highest, slot.least)
        assert total >= slot.least - 1e-6
        assert total <= max(slot.most, highest) + 1e-6
    assert cost(slots, drawn) <= cost(slots, some) + 1e-6


@given(SLOTS)
def test_waiting_is_never_dearer_than_at_once(slots):
    """The plan costs no more than the same energy charged as soon as possible."""
    room = [sum(kwh for kwh, _ in slot.steps) for slot in slots]
    least, most = bounds([(slot.least, slot.most) for slot in slots], room)
    soon, drawn = [], 0.0
    for here, high in zip(room, most, strict=True):
        soon.append(max(0.0, min(here, high - drawn)))
        drawn += soon[-1]
    assert drawn == pytest.approx(least[-1] if least[-1] > 0 else 0.0)
    assert cost(slots, plan(slots)) <= cost(slots, soon) + 1e-9


def test_a_plan_waits_for_the_valley():
    """Energy that is needed by the end is drawn in the cheap hour, what is needed before in the dear one."""
    slots = [
        Slot(2.0, 10.0, ((5.0, 1.0),)),
        Slot(2.0, 10.0, ((5.0, 1.0),)),
        Slot(6.0, 10.0, ((5.0, 0.2),)),
    ]
    assert plan(slots) == [2.0, 0.0, 4.0]


@given(st.floats(0.01, 300), st.floats(0.5, 0.999))
def test_so_many_come_with_the_chance(mean, chance):
    """The number is the least that a Poisson count does not exceed with the chance."""
    count = quantile(mean, chance)

    def below(most):
        return math.fsum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(most + 1))

    assert below(count) >= chance - 1e-9
    assert count == 0 or below(count - 1) < chance + 1e-9


def test_many_are_counted_alike():
    """Where the count is taken as normal, it is within one of the exact number's neighbours."""
    assert abs(quantile(400.1, 0.95) - quantile(399.9, 0.95)) <= 1


def test_valley_only_charges_in_the_valley():
    """In dear hours nothing is drawn while packs stand ready or nobody waits."""
    scenario = Scenario(station=StationPart(packs=40), demand=DemandPart(swaps_per_day=30))
    life = Life(rules_of(scenario), ValleyOnly(scenario.cost.energy_by_hour), 1)
    life.run(3 * DAY_MIN)
    dear = [kwh for at, kwh in enumerate(life.drawn_kwh) if at // 4 % 24 >= 8]
    assert sum(dear) == 0
    assert sum(life.drawn_kwh) > 0


def test_a_plan_of_nothing_to_do_draws_nothing():
    """With all packs full and nobody expected, nothing is drawn."""
    rules = rules_of(Scenario(demand=DemandPart(times=(23 * 60.0,))))
    life = Life(rules, Planned(rules, Held(1e3, 30.0)), 1)
    life.run(8 * 60)
    assert sum(life.drawn_kwh) == 0


def test_wear_rises_with_rate_and_fullness():
    """A cycle at 1 C costs a fifth more, resting full 1.6 times half full; the way to the floor, a pack."""
    ageing = AgeingPart()
    assert cycle_loss(ageing, 1, 1) == pytest.approx(1.2 * cycle_loss(ageing, 1, 0))
    assert cycle_loss(ageing, ageing.cycle_life, 0) == pytest.approx(1 - ageing.health_floor)
    assert rest_loss(ageing, 365 * 1440, 0.5) == pytest.approx(ageing.calendar_per_year)
    assert rest_loss(ageing, 1, 1.0) / rest_loss(ageing, 1, 0.5) == pytest.approx(1.593, abs=1e-3)
    assert yuan_per_health(ageing, 1000.0) * (1 - ageing.health_floor) == pytest.approx(1000)
