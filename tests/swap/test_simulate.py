"""The two simulators of a station are one, and both are right where theory is exact."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.swap import kernel
from voltrail.swap.draws import CHARGES, Stream, later
from voltrail.swap.engine import Life
from voltrail.swap.simulate import simulate
from voltrail.swap.station import Fleet, Law, Open, Station, packs_never_short

LAWS = st.builds(
    Law, st.sampled_from(["fixed", "exponential", "uniform"]), st.sampled_from([0.0, 0.5, 5.0, 45.0])
)
STATIONS = st.builds(
    Station,
    packs=st.integers(1, 9),
    chargers=st.integers(1, 9),
    charge=LAWS,
    bays=st.integers(1, 3),
    swap=LAWS,
    hand_over=st.sampled_from(["arrival", "swap"]),
)
DEMAND = st.one_of(
    st.builds(Open, st.sampled_from([0.1, 2.0, 30.0])),
    st.builds(
        Open,
        st.sampled_from([0.01, 2.0, 30.0]),
        st.lists(st.sampled_from([0.0, 0.5, 1.0, 7.0]), min_size=24, max_size=24).filter(any).map(tuple),
    ),
    st.builds(Fleet, st.integers(1, 12), LAWS.filter(lambda law: law.mean_min > 0)),
)


@settings(max_examples=150, deadline=None)
@given(STATIONS, DEMAND, st.integers(0, 2**64 - 1))
def test_the_compiled_simulator_is_the_readable_one(station, demand, seed):
    """Whatever the station and whoever comes, both give the same waits, swap for swap, to the last bit."""
    swaps = 400
    waits, sums, bins = np.empty(swaps), np.zeros(kernel.SUMS), np.zeros(kernel.BINS, np.int64)
    compiled = kernel.Life(station, demand, seed)
    compiled.swaps(1, np.zeros(kernel.SUMS), bins, waits)
    compiled.swaps(swaps - 1, sums, bins, waits[1:])

    life = Life(station, demand, seed)
    lived = list(islice(life.swaps(), swaps))

    assert [one.began_min - one.arrived_min for one in lived] == waits.tolist()
    assert lived[-1].began_min - lived[0].began_min == pytest.approx(sums[kernel.SPAN])
    assert bins.sum() == swaps


@given(STATIONS, DEMAND, st.integers(0, 99))
def test_no_pack_is_made_or_lost(station, demand, seed):
    """At each swap there is a bay and a full pack for it, and trucks are served in the order they came."""
    life = Life(station, demand, seed)
    lived = list(islice(life.swaps(), 200))
    arrived = [one.arrived_min for one in lived]
    assert arrived == sorted(arrived)
    assert all(one.arrived_min <= one.began_min <= one.ended_min for one in lived)
    for number, one in enumerate(lived):
        busy = sum(other.ended_min > one.began_min for other in lived[:number])
        assert busy < station.bays


def test_as_many_packs_as_a_bay_needs():
    """At fixed times a bay that is never idle waits for no pack from the number on that the bound names."""
    needed = packs_never_short(45, 5)
    waits = {}
    for packs in (needed - 1, needed):
        station = Station(
            packs=packs, chargers=packs, charge=Law("fixed", 45), swap=Law("fixed", 5), hand_over="swap"
        )
        life = Life(station, Fleet(40, Law("fixed", 0.001)), 1)
        lived = list(islice(life.swaps(), 200))
        waits[packs] = max(b.began_min - a.ended_min for a, b in pairwise(lived[20:]))
    assert needed == 10
    assert waits[needed] == pytest.approx(0)
    assert waits[needed - 1] > 1


def test_the_share_who_wait_longest_is_told():
    """The 95th percentile of the wait is that of the waits themselves, to one part in fifty."""
    station, demand = Station(packs=3, chargers=3, charge=Law("exponential", 45), hand_over="swap"), Open(3)
    told = simulate(station, demand, 200_000, seed=2)
    waits, bins = np.empty(220_000), np.zeros(kernel.BINS, np.int64)
    kernel.Life(station, demand, 2).swaps(waits.size, np.zeros(kernel.SUMS), bins, waits)
    assert told.wait_p95_min.mean == pytest.approx(np.quantile(waits[20_000:], 0.95), rel=0.01)


def test_one_who_watches_hears_of_every_swap():
    """What is told on the way adds up to all that was simulated, so a bar reaches its end."""
    heard = []
    simulate(Station(packs=8, chargers=8, charge=Law("fixed", 45)), Open(6), 10_000, told=heard.append)
    assert sum(heard) == 11_000


@given(
    st.floats(0, 1e6),
    st.floats(0, 1e4),
    st.lists(st.sampled_from([0.0, 1e-9, 0.1, 3.0]), min_size=24, max_size=24).filter(any),
)
def test_as_many_come_as_their_rates_say(now, trucks, per_min):
    """Between now and the next arrival the rates, hour by hour, add up to what was drawn for it."""
    then = later(now, trucks, per_min)
    edges = [now, *(60.0 * hour for hour in range(int(now // 60) + 1, int(now // 60) + 26)), math.inf]
    days, rest = divmod(then - now, 1440)
    seen = days * 60 * sum(per_min)
    for begins, ends in pairwise(edges):
        if begins < now + rest:
            seen += per_min[int(begins // 60) % 24] * (min(ends, now + rest) - begins)
    assert then >= now
    assert seen == pytest.approx(trucks, rel=1e-6, abs=1e-6 * max(per_min) * max(now, 1))


def test_streams_are_even():
    """Draws fill their range evenly, so no law of times leans to one side."""
    stream = Stream(1, CHARGES)
    shares = np.array([stream.share() for _ in range(20_000)])
    counts, _ = np.histogram(shares, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-squared, 19 degrees of freedom, 1 in 1,000
    assert shares.min() > 0
    assert shares.max() <= 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Station(packs=0, chargers=1, charge=Law("fixed", 45)),
        lambda: Station(packs=1, chargers=10**9, charge=Law("fixed", 45)),
        lambda: Law("fixed", -1),
        lambda: Law("fixed", math.nan),
        lambda: Law("normal", 1),
        lambda: Open(0),
        lambda: Open(math.inf),
        lambda: Open(1e-9),
        lambda: Open(6, (1.0,) * 23),
        lambda: Open(6, (0.0,) * 24),
        lambda: Open(6, (*(1.0,) * 23, -1.0)),
        lambda: Open(6, (*(1.0,) * 23, math.nan)),
        lambda: Fleet(0, Law("fixed", 1)),
        lambda: simulate(Station(packs=8, chargers=4, charge=Law("fixed", 45)), Open(6), swaps=100_000),
        lambda: simulate(Station(packs=8, chargers=8, charge=Law("fixed", 45)), Open(6), swaps=10),
    ],
)
def test_what_cannot_be_simulated_is_told(make):
    """No packs, times that are none, more trucks than can ever be served: an error says what to change."""
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.rule == "swap.number"
