"""Plans of swaps: equal to plain enumeration, and honest about what stands in the way."""

from itertools import combinations, product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.swap.networks import HOURLY, NORTH, NOW_MS, SOUTH, networks, pack, station
from voltrail.errors import UsageError
from voltrail.swap.catalogue import TRUCKS
from voltrail.swap.dispatch import DETOUR_MOST_KM, Held, Request, mass_of, plan
from voltrail.swap.forecast import UNKNOWN_MIN, Clock, misfit, ready_min, unfit, usable_kwh
from voltrail.swap.way import Point, Way, apart_km

TRUCK = TRUCKS["tractor-qiji"]


def request(**changed):
    members = {
        "truck": "tractor-qiji",
        "pack_type": "qiji-171",
        "blocks": 2,
        "points": (SOUTH, NORTH),
        "load_t": 20.0,
        "charge": 0.9,
    }
    return Request(**(members | changed))


def enumerated(asked, network, held=()):
    """Return the least (minutes, swaps) over every choice of stations and packs; None where none leads."""
    way = Way(
        asked.truck, mass_of(asked), asked.points, asked.speed_kmh, asked.temperature_c, asked.headwind_kmh
    )
    taken = {code for one in held for code in one.codes}
    places = []
    for one in network:
        at, off = (float(x[0]) for x in way.beside(*(as_array(one.latitude), as_array(one.longitude))))
        packs = [x for x in one.packs if unfit(x, TRUCK) is None and x.code not in taken and usable_kwh(x)]
        if off <= DETOUR_MOST_KM and misfit(one, TRUCK) is None:
            places.append((at, off, one, list(combinations(packs, asked.blocks))))
    places.sort(key=lambda one: one[:2])
    full = 171.0 * asked.blocks
    best = None
    for count in range(len(places) + 1):
        for chosen in combinations(places, count):
            for packs in product(*(one[3] for one in chosen)):
                found = driven(way, asked, chosen, packs, full)
                if found is not None and (best is None or (found, count) < best):
                    best = (found, count)
    return best


def driven(way, asked, chosen, packs, full):
    """Return the minutes until the destination by these swaps, None when the charge does not last."""
    import numpy as np

    now, kwh, at, off = 0.0, asked.charge * full, 0.0, 0.0
    for (to, to_off, there, _), put_in in [
        *zip(chosen, packs, strict=True),
        ((way.length, 0, None, 0), None),
    ]:
        taken = np.interp(to, way.km, way.kwh) - np.interp(at, way.km, way.kwh)
        kwh -= taken + (off + to_off) * way.off_kwh_km
        if kwh < asked.reserve * full - 1e-9:
            return None
        now += np.interp(to, way.km, way.minutes) - np.interp(at, way.km, way.minutes)
        now += (off + to_off) * way.off_min_km
        if there is not None:
            in_bay = now + Clock(there, NOW_MS).wait(now)
            now = max(in_bay, *(ready_min(one, there) for one in put_in)) + there.swap_min
            kwh = full = sum(usable_kwh(one) for one in put_in)
        at, off = to, to_off
    return now


def as_array(value):
    import numpy as np

    return np.array([value])


@settings(max_examples=150, deadline=None)
@given(networks(), st.sampled_from([0.5, 0.9]), st.sampled_from([1, 2]), st.booleans())
def test_a_plan_is_the_best_of_all(network, charge, blocks, some_held):
    """No choice of stations and packs is quicker, or as quick with fewer swaps."""
    held = [Held(id=1, site="site-0", codes=("0-0", "1-1"))] if some_held else []
    asked = request(charge=charge, blocks=blocks)
    best, found = enumerated(asked, network, held), plan(asked, network, held, NOW_MS).best
    assert (found is None) == (best is None)
    if found is not None:
        assert found.arrives_ms - NOW_MS == pytest.approx(best[0] * 60_000, abs=1)
        assert len(found.stops) == best[1]


@settings(max_examples=200, deadline=None)
@given(HOURLY, st.integers(0, 30), st.floats(0, 4000), st.floats(0, 300), st.sampled_from([2.5, 5.0, 20.0]))
def test_who_comes_later_leaves_no_earlier(per_hour, queue, when, later, swap_min):
    """On this rests that labels may be dropped: a wait never shrinks faster than time goes by."""
    there = station(1, 30.0, [], per_hour=per_hour, queue=queue, swap_min=swap_min)
    clock = Clock(there, NOW_MS)
    assert when + clock.wait(when) <= when + later + clock.wait(when + later) + 1e-9
    assert clock.wait(when) >= 0


@settings(max_examples=60, deadline=None)
@given(networks())
def test_what_is_planned_holds(network):
    """Each stop names packs that are there and fit, in its window; the charge stays above the reserve."""
    found = plan(request(), network, [], NOW_MS)
    packs = {(one.site, x.code): x for one in network for x in one.packs}
    for journey in filter(None, (found.best, *found.others)):
        for stop in journey.stops:
            assert all(unfit(packs[stop.site, code], TRUCK) is None for code in stop.packs)
            assert len(stop.packs) == 2
            assert stop.from_ms <= stop.arrives_ms <= stop.starts_ms < stop.leaves_ms < stop.until_ms
            assert stop.left >= 0.1 - 1e-4
            waited = sum(one.minutes for one in stop.reasons)
            assert waited == pytest.approx(stop.wait_min, abs=0.3)
        assert journey.left >= 0.1 - 1e-4


def test_packs_that_others_hold_are_left_to_them():
    """A reservation of others takes its packs out of the plan; one of ours is found again in it."""
    network = [station(1, 30.8, [pack("a"), pack("b"), pack("c", health=0.8)])]
    first = plan(request(), network, [], NOW_MS).best.stops[0]
    assert (first.packs, first.reservation) == (("a", "b"), None)
    held = Held(id=7, site="site-1", codes=("a",))
    assert plan(request(), network, [held], NOW_MS).best.stops[0].packs == ("b", "c")
    ours = Held(id=8, site="site-1", codes=("b", "c"), ours=True)
    stop = plan(request(), network, [ours], NOW_MS).best.stops[0]
    assert (stop.packs, stop.reservation) == (("b", "c"), 8)
    none = plan(request(), network, [held, Held(id=9, site="site-1", codes=("c",))], NOW_MS)
    assert none.best is None
    assert [one.rule for one in none.refused] == ["held"]
    assert "1 of the 2 packs" in none.refused[0].message


@pytest.mark.parametrize(
    ("changed", "packs", "rule", "says"),
    [
        ({"interfaces": ("t-imas-052-1",)}, ["x"], "interface", "needs CATL Qiji"),
        ({}, [], "no_pack", "0 of the 2"),
        ({}, [pack("a", refused="It was recalled."), pack("b")], "unfit", "It was recalled."),
        ({}, [pack("a", pack_type="frame-282"), pack("b")], "unfit", "this is frame-282"),
        ({}, [pack("a", pack_type=None), pack("b")], "unfit", "no standardized pack"),
    ],
)
def test_a_station_of_no_use_says_why(changed, packs, rule, says):
    """Who cannot swap on the way is told which station lacks what."""
    packs = [pack("a"), pack("b")] if packs == ["x"] else packs
    found = plan(request(), [station(1, 30.8, packs, **changed)], [], NOW_MS)
    assert found.best is None
    assert (found.refused[0].rule, says in found.refused[0].message) == (rule, True), found.refused


def test_a_leg_that_is_too_long_is_named():
    """Of a way that cannot be driven it is said from where to where, what it takes and what there is."""
    network = [station(1, 30.9, [pack("a"), pack("b")])]
    asked = request(points=(SOUTH, Point(latitude=34, longitude=114)))
    short = plan(asked, network, [], NOW_MS).short
    assert short.message.startswith("The way from Station 1 to the destination takes")
    assert short.needs_kwh > short.has_kwh > 250
    assert (round(short.from_km), round(short.to_km)) == (125, 556)


def test_silence_is_said_and_counted():
    """A station that never spoke costs half an hour more, and the plan says so."""
    there = station(1, 30.8, [pack("a"), pack("b")])
    silent = msgspec.structs.replace(there, said_ms=None)
    known, unknown = (plan(request(), [one], [], NOW_MS).best for one in (there, silent))
    assert unknown.arrives_ms - known.arrives_ms == UNKNOWN_MIN * 60_000
    assert [one.rule for one in unknown.stops[0].reasons] == ["unknown"]
    assert "never said" in unknown.stops[0].reasons[0].message


def test_a_queue_is_waited_for():
    """Trucks that wait are served one after the other; those that leave the bay meanwhile are not counted."""
    there = station(1, 30.0, [], queue=4)
    assert Clock(there, NOW_MS).wait(0) == 20
    assert Clock(there, NOW_MS).wait(12) == pytest.approx(8)
    assert Clock(there, NOW_MS).wait(60) == 0
    both = station(1, 30.0, [], queue=4, bays=2)
    assert Clock(both, NOW_MS).wait(0) == 10


def test_another_way_avoids_the_first_station():
    """The alternative leaves out the first stop of the best plan."""
    network = [station(n, 30.7 + n / 10, [pack(f"{n}a"), pack(f"{n}b")]) for n in range(3)]
    found = plan(request(), network, [], NOW_MS)
    assert found.others[0].stops[0].site != found.best.stops[0].site
    assert found.others[0].arrives_ms >= found.best.arrives_ms


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"truck": "cart"}, "dispatch.truck"),
        ({"pack_type": "frame-282"}, "dispatch.pack_type"),
        ({"pack_type": "qiji-75"}, "dispatch.energy"),
        ({"blocks": 4}, "dispatch.blocks"),
        ({"load_t": 60.0}, "dispatch.load"),
        ({"points": (SOUTH, Point(latitude=-80, longitude=-60))}, "dispatch.far"),
        ({"departs_ms": NOW_MS + 10**12}, "dispatch.departure"),
    ],
)
def test_what_makes_no_sense_is_refused(changed, rule):
    """Each refusal has its rule and says what to do."""
    with pytest.raises(UsageError) as refused:
        plan(request(**changed), [], [], NOW_MS)
    assert refused.value.rule == rule
    assert refused.value.fix


def test_hills_and_winds_count():
    """A climb and a wind from ahead take energy, a descent gives some back, and the way back differs."""
    points = [Point(latitude=30 + n / 10, longitude=114, altitude_m=100 * n) for n in range(11)]
    up, down = (
        plan(request(points=tuple(x), charge=1.0), [], [], NOW_MS).per_km_kwh for x in (points, points[::-1])
    )
    level = plan(request(points=tuple(map(flat, points)), charge=1.0), [], [], NOW_MS)
    assert down < level.per_km_kwh < up
    against = plan(request(points=tuple(map(flat, points)), headwind_kmh=30.0), [], [], NOW_MS)
    assert against.per_km_kwh > level.per_km_kwh


def flat(point):
    return msgspec.structs.replace(point, altitude_m=0.0)


def test_a_hill_on_the_way_needs_its_charge_on_top():
    """What comes back behind a pass does not help to get over it."""
    shares = (0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0)
    over = tuple(
        Point(latitude=30 + number / 8, longitude=114, altitude_m=2500 * share)
        for number, share in enumerate(shares)
    )
    level = plan(request(points=tuple(map(flat, over)), blocks=1), [], [], NOW_MS)
    assert level.km == pytest.approx(111, abs=1)
    assert plan(request(points=over, blocks=1, charge=1.0, reserve=0.0), [], [], NOW_MS).best is None
    assert plan(request(points=over, blocks=3, charge=1.0), [], [], NOW_MS).best is not None


def test_stations_stand_where_the_way_is_nearest():
    """Across the date line too, and not on the other side of the earth."""
    way = Way(
        "tractor-qiji",
        30_000,
        (Point(latitude=0, longitude=179), Point(latitude=0, longitude=-179)),
        75,
        20,
        0,
    )
    at, off = way.beside(as_array(0.0), as_array(180.0))
    assert at[0] == pytest.approx(way.length / 2)
    assert off[0] == pytest.approx(0, abs=0.01)
    assert way.length == pytest.approx(1.25 * float(apart_km(0, 179, 0, -179)))
    _, off = way.beside(as_array(0.0), as_array(0.0))
    assert off[0] > 10_000
