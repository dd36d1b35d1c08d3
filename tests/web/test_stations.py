"""What pages of swap stations draw: the curve of sizes, a day, a map."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.swap.planning import cheapest, look_ahead, whatever_stands
from voltrail.swap.replay import Replay, Stay, Visit
from voltrail.swap.scenario import DemandPart, Scenario
from voltrail.web import network, planning, replay

NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def a_station(number, latitude, longitude, operator="one", ready=3, queue=0):
    there = {"": ready} if ready is not None else None
    place = {"latitude": latitude, "longitude": longitude}
    return {"site": f"s{number}", "name": None, "operator": operator, "ready": there, "queue": queue, **place}


def test_no_station_has_a_place():
    """Nothing is drawn, rather than a map of nowhere."""
    assert network.draw([a_station(1, None, None)]) is None


degrees = st.tuples(st.floats(-70, 70), st.floats(-170, 170))


@given(st.lists(degrees, min_size=1, max_size=30))
def test_all_stations_are_on_the_map(places):
    """Wherever stations are, each has its mark inside of the map, and north is up."""
    drawn = network.draw([a_station(number, *place) for number, place in enumerate(places)])
    assert len(drawn.marks) == len(places)
    for mark in drawn.marks:
        assert 0 <= mark.x <= network.WIDTH
        assert 0 <= mark.y <= drawn.height
    by_latitude = sorted(drawn.marks, key=lambda one: one.station["latitude"])
    assert [one.y for one in by_latitude] == sorted((one.y for one in drawn.marks), reverse=True)


def test_a_map_keeps_shapes():
    """A hundred kilometres are as long from north to south as from west to east, and as the scale says."""
    west, east, north = (31.0, 117.0), (31.0, 119.0), (32.0, 118.0)
    drawn = network.draw([a_station(number, *place) for number, place in enumerate((west, east, north))])
    a, b, c = drawn.marks
    across = (b.x - a.x) / (2 * 111.32 * 0.8526)  # the cosine of 31.5 degrees
    down = (a.y - c.y) / 111.32
    assert across == pytest.approx(down, rel=0.01)
    assert drawn.scale[0] / drawn.scale[1] == pytest.approx(down, rel=0.01)


def test_a_corridor_is_a_line_and_an_area_is_none():
    """Stations along a road are joined in order, one line for each operator; those of a town are not."""
    road = [a_station(number, 26 + number / 3, 119 - number / 5) for number in (2, 0, 1, 3)]
    town = [a_station(9 + number, 31 + y / 9, 121 + x / 9, "two") for number, (x, y) in enumerate(SQUARE)]
    drawn = network.draw([*road, *town])
    (line,) = drawn.lines
    ys = [float(one) for one in NUMBERS.findall(line)][1::2]
    assert ys == sorted(ys) or ys == sorted(ys, reverse=True)


SQUARE = [(x, y) for x in range(4) for y in (0, 9, 3)]


def test_cities_are_where_they_are():
    """Each city once, on the globe, and those near the stations are shown for orientation."""
    assert len({one.name for one in network.CITIES}) == len(network.CITIES)
    assert all(abs(one.latitude) < 90 and abs(one.longitude) <= 180 for one in network.CITIES)
    drawn = network.draw([a_station(1, 25.4, 118.9), a_station(2, 26.4, 119.8)])
    assert {"Fuzhou", "Ningde"} <= {city.name for _, _, city in drawn.cities}
    assert "Beijing" not in {city.name for _, _, city in drawn.cities}


def test_a_forecast_counts_what_is_full_by_then():
    """Packs ready now count from the first hour on, others from theirs; unknown ones never."""
    hours = network.forecast([0, 30, 90, None], [float(hour) for hour in range(24)], 22)
    assert [one.ready for one in hours[:3]] == [2, 3, 3]
    assert [one.hour for one in hours[:4]] == [22, 23, 0, 1]
    assert hours[3].trucks == 1


def a_day(**values):
    given = {
        "seed": 1,
        "policy": "planned",
        "slots": 2,
        "chargers": 1,
        "bays": 1,
        "charger_kw": 300.0,
        "grid_kw": None,
        "yuan_per_kwh": (0.2,) * 8 + (0.8,) * 16,
        "stays": (Stay(1, 0, 1.0, 60, 180, ((60, 0.3), (120, 1.0), (180, 1.0)), ((60, 120),)),),
        "visits": (Visit(175, 0.3, "swapped", 1, bay=0, began_min=180, ended_min=185, took=0),),
        "failures": (),
        "power": ((0, 0), (60, 300), (120, 0)),
        "queue": ((0, 0), (175, 1), (180, 0)),
        "ready": ((0, 0), (120, 1), (180, 0)),
        "energy_kwh": 300.0,
        "energy_yuan": 60.0,
        "swaps": 1,
        "drove_on": 0,
        "wait_min": 5.0,
        "p95_wait_min": 5.0,
    }
    return Replay(**given | values)


def test_a_pack_darkens_as_it_charges():
    """Between two breakpoints charge grows evenly: each fifth has its part, and they join without a gap."""
    parts = list(replay._fifths(((60, 0.3), (120, 1.0), (180, 1.0))))
    assert [shade for shade, _, _ in parts] == [1, 2, 3, 4]
    assert parts[0][1] == 60
    assert parts[-1][2] == 180
    assert [one[2] for one in parts[:-1]] == pytest.approx([one[1] for one in parts[1:]])
    assert parts[0][2] == pytest.approx(60 + 60 / 7)


def test_a_day_fits_its_picture():
    """Everything drawn lies within the width, and tariffs of one price are one band."""
    drawn = replay.draw(a_day())
    assert [(band.level, round(band.width)) for band in drawn.tariff] == [(0, 320), (2, 640)]
    assert drawn.most_kw == 300
    for path in (drawn.bays, drawn.queue, drawn.power, *(path for _, path in drawn.shades)):
        assert all(float(x) <= replay.WIDTH for x in re.findall(r"[MH](-?[\d.]+)", path))


def test_hours_add_up_to_the_day():
    """The table behind the picture has all trucks and all energy of the day, each in its hour."""
    hours = replay.by_hour(a_day())
    assert [one.kwh for one in hours[:3]] == [0, 300, 0]
    assert (sum(one.came for one in hours), hours[2].came, hours[3].began, hours[2].waited) == (1, 1, 1, 1)


@pytest.fixture(scope="module")
def scenario():
    """A quiet station, sized in no time."""
    return Scenario(demand=DemandPart(swaps_per_day=40))


def test_the_curve_has_the_cheapest_on_it(scenario):
    """The chosen size lies below the target, the line falls as money grows, all of it in the field."""
    sized = cheapest(scenario)
    drawn = planning.draw(sized, scenario.station, 4e6, 3.0, scenario.target.p95_wait_min)
    assert drawn.chosen.y > drawn.target
    assert [one.x for one in drawn.marks] == sorted(one.x for one in drawn.marks)
    for one in (*drawn.marks, drawn.chosen, drawn.here):
        assert 0 <= one.x <= planning.WIDTH
        assert 0 <= one.y <= planning.HEIGHT


def test_a_size_far_above_the_field_is_left_out(scenario):
    """A station at which trucks wait for hours does not squeeze the curve."""
    drawn = planning.draw(cheapest(scenario), scenario.station, 4e6, 900.0, scenario.target.p95_wait_min)
    assert drawn.here is None


def test_the_cheapest_is_asked_for_but_once(scenario):
    """Moving packs, chargers or bays asks for the same size; moving trucks for another."""
    other = Scenario(demand=scenario.demand, station=type(scenario.station)(packs=99, chargers=33, bays=2))
    assert whatever_stands(other) == whatever_stands(scenario)
    assert whatever_stands(Scenario()) != whatever_stands(scenario)


def test_sizing_is_ended_from_outside():
    """Whoever waits for a size may stop waiting: what the callback raises ends the search."""

    class Enough(Exception):
        pass

    def stop():
        raise Enough

    with pytest.raises(Enough):
        cheapest(Scenario(), stop)


def test_shares_of_waits_are_whole(scenario):
    """All trucks are counted by how long they wait, and those that do not wait as the result has them."""
    found = look_ahead(scenario)
    assert sum(found.waits) == pytest.approx(1)
    assert found.waits[0] == pytest.approx(found.result.no_wait.mean, abs=0.01)


def test_demand_that_cannot_be_met_is_told(scenario):
    """The queue that would grow for ever is an answer, with what it costs, and no error."""
    found = look_ahead(Scenario(demand=DemandPart(swaps_per_day=900)))
    assert found.result is None
    assert "grow for ever" in found.refused.fix
    assert found.yearly.total > 0


@given(st.lists(degrees, min_size=2, max_size=40))
def test_names_cover_nothing(places):
    """However close stations are, no name lies over another, over a city or beyond the edge."""
    drawn = network.draw([a_station(number, *place) for number, place in enumerate(places)])
    boxes = [
        (one.name_x, one.name_y - network._LINE / 2, network._width(one.name))
        for one in drawn.marks
        if one.name
    ]
    boxes += [(x, y - network._LINE / 2, network._width(city.name)) for x, y, city in drawn.cities]
    for number, (x, y, width) in enumerate(boxes):
        assert 0 <= x <= network.WIDTH - width
        for other_x, other_y, other_width in boxes[:number]:
            apart = x + width <= other_x + 0.2 or other_x + other_width <= x + 0.2
            assert apart or abs(y - other_y) >= network._LINE - 0.2
