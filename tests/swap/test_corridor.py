"""Stations stand along a road where trucks get through at least cost."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.swap.corridor import Road, cheapest_row, size_corridor
from voltrail.swap.scenario import CorridorPart, SectionPart, read_scenario

SECTIONS = st.lists(
    st.tuples(st.integers(20, 90), st.floats(10, 200), st.floats(0.8, 2.5), st.floats(0.8, 2.5)),
    min_size=1,
    max_size=3,
)


def part_of(sections, **values) -> CorridorPart:
    km, parts = 0.0, []
    for length, trucks, out, back in sections:
        km += length
        parts.append(SectionPart(to_km=km, trucks_per_day=trucks, kwh_per_km=out, kwh_per_km_back=back))
    return CorridorPart(sections=tuple(parts), every_km=20.0, **values)


def cost_of(road: Road):
    """Return a cost that grows with traffic and with what packs lack, as that of stations does, in steps."""
    return lambda km, lacks: (
        (0 if km in road.existing else 1000) + round(road.traffic(km) * (1 + 3 * lacks) / 40) * 40
    )


def by_hand(road: Road, cost) -> float | None:
    """Return what the cheapest row costs, by trying all."""
    best = None
    for count in range(len(road.places) + 1):
        for row in combinations(road.places, count):
            ends = (None, *row, None)
            if not road.musts <= set(row) or not all(road.passes(*pair) for pair in pairwise(ends)):
                continue
            trips = zip(ends, row, ends[2:], strict=False)
            spent = sum(cost(km, road.lacks(before, km, after)) for before, km, after in trips)
            best = spent if best is None else min(best, spent)
    return best


@settings(max_examples=150, deadline=None)
@given(
    SECTIONS,
    st.floats(0, 0.4),
    st.floats(0.5, 1),
    st.sets(st.sampled_from([10.0, 20.0, 35.0]), max_size=2),
    st.sampled_from([(), (15.0,)]),
    st.sampled_from([0.0, 25.0]),
    st.sampled_from([None, 60.0]),
    st.sampled_from([(), ((30.0, 50.0),)]),
)
def test_no_row_of_stations_is_cheaper(sections, reserve, enters_at, existing, musts, least, most, closed):
    """Trying all rows of stations finds none cheaper; and none at all where the road is refused."""
    road = Road(
        part_of(
            sections,
            reserve=reserve,
            enters_at=enters_at,
            existing_km=tuple(km for km in existing if km <= sum(one[0] for one in sections)),
            must_km=musts,
            least_spacing_km=least,
            most_spacing_km=most,
            closed_km=closed,
        ),
        120.0,
        1.0,
    )
    cost = cost_of(road)
    expected = by_hand(road, cost)
    if expected is None:
        with pytest.raises(UsageError) as caught:
            cheapest_row(road, cost)
        assert caught.value.rule == "swap.corridor"
        return
    row = cheapest_row(road, cost)
    ends = (None, *row, None)
    assert all(road.passes(*pair) for pair in pairwise(ends))
    trips = zip(ends, row, ends[2:], strict=False)
    assert sum(cost(km, road.lacks(before, km, after)) for before, km, after in trips) == expected


def test_trucks_get_through_both_ways():
    """Uphill one way, the stretch must be so short that the harder way is made, with the reserve left."""
    text = """
    [pack]
    energy_kwh = 100
    [corridor]
    every_km = 5
    reserve = 0.2
    sections = [{to_km = 200, trucks_per_day = 20, kwh_per_km = 0.5, kwh_per_km_back = 1.0}]
    """
    sized = size_corridor(read_scenario(text))
    assert sized.longest_gap_km <= 80
    assert min(stop.lowest for stop in sized.stops) >= 0.2 - 1e-9
    assert sized.yearly == pytest.approx(sum(one.sized.yearly.total for one in sized.stops))
    assert all(one.swaps_per_day == 40 for one in sized.stops)


def test_a_road_within_reach_needs_no_station():
    """Trucks that get from end to end with what they enter with need none."""
    sized = size_corridor(
        read_scenario("[corridor]\nsections = [{to_km = 50, trucks_per_day = 9, kwh_per_km = 1.3}]")
    )
    assert sized.stops == ()
    assert sized.yearly == 0


@pytest.mark.parametrize(
    ("corridor", "said"),
    [
        ("sections = [{to_km = 500, trucks_per_day = 9, kwh_per_km = 50}]", "from the start none"),
        (
            "closed_km = [[150, 450]]\nsections = [{to_km = 600, trucks_per_day = 9, kwh_per_km = 1.3}]",
            "km 140",
        ),
        ("must_km = [700]\nsections = [{to_km = 600, trucks_per_day = 9, kwh_per_km = 1.3}]", "beyond"),
        ("every_km = 0.1\nsections = [{to_km = 600, trucks_per_day = 9, kwh_per_km = 1.3}]", "every_km"),
        (
            """sections = [
                {to_km = 9, trucks_per_day = 9, kwh_per_km = 1},
                {to_km = 5, trucks_per_day = 9, kwh_per_km = 1}
            ]""",
            "rising",
        ),
        ("closed_km = [[9, 5]]\nsections = [{to_km = 60, trucks_per_day = 9, kwh_per_km = 1}]", "less first"),
        (
            """must_km = [7]
            closed_km = [[5, 9]]
            sections = [{to_km = 60, trucks_per_day = 9, kwh_per_km = 1}]""",
            "where none may",
        ),
    ],
)
def test_a_road_that_cannot_be_served_is_told(corridor, said):
    """Where trucks strand, or what is odd in the table: an error says it and what to change."""
    with pytest.raises(UsageError, match=said) as caught:
        size_corridor(read_scenario(f"[corridor]\n{corridor}"))
    assert caught.value.rule == "swap.corridor"
