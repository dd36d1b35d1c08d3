"""Ranges: the parts add up, physics goes the way it must, and the interval holds the middle."""

import doctest

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import NotFound, UsageError
from voltrail.technology import range as ranges
from voltrail.technology.cell import CELLS
from voltrail.technology.cycles import CYCLES, read_cycle
from voltrail.technology.pack import pack_of
from voltrail.technology.range import Procedure, cold_map, estimate, pick
from voltrail.technology.vehicle import VEHICLES, Air, energy, heat_from_power, trace_legs

PACK = pack_of(CELLS["nmc-liquid"], energy_kwh=80)
CAR = VEHICLES["car-saloon"]
SHORT = read_cycle("time_s,speed_km_h\n0,0\n20,50\n60,50\n70,20\n90,100\n140,100\n150,0\n160,0")

VEHICLE = st.sampled_from(list(VEHICLES.values()))
CELL = st.sampled_from(list(CELLS.values()))
CYCLE = st.sampled_from([*CYCLES.values(), SHORT])
TEMPERATURE = st.floats(-40, 50)


def km(vehicle=CAR, cycle=SHORT, temperature_c=20.0, **options):
    return estimate(PACK, vehicle, cycle, temperature_c, draws=1, **options).km.middle


def test_the_example_in_the_docstring_runs():
    """What the module shows is what it does."""
    assert doctest.testmod(ranges).failed == 0


@settings(max_examples=60, deadline=None)
@given(VEHICLE, CELL, CYCLE, TEMPERATURE, st.floats(20, 1000), st.booleans())
def test_the_parts_add_up_and_the_interval_holds_the_middle(
    vehicle, cell, cycle, temperature_c, kwh, preheated
):
    """Where the energy goes is all of it; low, middle and high stand in their order; all are numbers."""
    pack = pack_of(cell, energy_kwh=kwh)
    told = estimate(pack, vehicle, cycle, temperature_c, draws=20, procedure=Procedure(preheated=preheated))
    assert sum(told.parts.values()) == pytest.approx(told.kwh_per_100km.middle, rel=1e-9)
    for between in (told.km, told.kwh_per_100km, told.unusable_share, told.mass_kg):
        assert between.low <= between.middle <= between.high
        assert all(np.isfinite(between))
    assert told.km.low >= 0
    assert told.km.middle == told.draws_km[0]


@settings(max_examples=60, deadline=None)
@given(VEHICLE, CYCLE, st.floats(-30, 23), st.floats(2_000, 40_000), st.floats(1, 1.5), st.floats(0, 10))
def test_more_to_carry_colder_or_more_wind_is_never_further(vehicle, cycle, temperature_c, kg, more, wind):
    """Of two journeys that differ by one thing that costs energy, the harder one is not the longer."""
    here = km(vehicle, cycle, temperature_c, mass_kg=kg)
    slack = here * 1e-9 + 1e-9
    assert km(vehicle, cycle, temperature_c, mass_kg=kg * more) <= here + slack
    assert km(vehicle, cycle, temperature_c - 8, mass_kg=kg) <= here + slack
    windy = Procedure(headwind_m_s=wind)
    assert km(vehicle, cycle, temperature_c, mass_kg=kg, procedure=windy) <= here + slack
    assert km(vehicle, cycle, temperature_c, mass_kg=kg, procedure=Procedure(cabin=False)) >= here - slack
    warmed = Procedure(preheated=True)
    assert km(vehicle, cycle, temperature_c, mass_kg=kg, procedure=warmed) >= here - slack


@settings(max_examples=40, deadline=None)
@given(VEHICLE, st.floats(0, 4), st.floats(40, 90))
def test_a_closed_hill_takes_nothing_itself(vehicle, percent, km_h):
    """Up and down again: climbing adds up to nothing, and what a hill costs is losses and brakes."""
    rows = [f"{second},{km_h},{percent if second < 300 else -percent}" for second in (0, 299, 301, 600)]
    hill = read_cycle("\n".join(["time_s,speed_km_h,grade_percent", *rows]))
    level = read_cycle(f"time_s,speed_km_h\n0,{km_h}\n600,{km_h}")
    over, flat = (estimate(PACK, vehicle, one, 20.0, draws=1, mass_kg=3_000) for one in (hill, level))
    assert over.parts["climb"] == pytest.approx(0, abs=1e-6)
    assert over.parts["speed"] == pytest.approx(0, abs=1e-6)
    assert over.km.middle <= flat.km.middle * (1 + 1e-9)


def test_it_is_the_energy_of_the_road_load_second_by_second():
    """The product of matrices takes what `vehicle.energy` takes over the trace, one leg a second."""
    factors = {
        name: msgspec.structs.replace(one, value=1.0) if name.startswith(("road", "cabin")) else one
        for name, one in ranges.FACTORS.items()
    }
    car = msgspec.structs.replace(CAR, cabin_kj_per_k=0.0)
    cycle = CYCLES["WLTC"]
    told = estimate(PACK, car, cycle, 15.0, draws=1, mass_kg=2_000, factors=factors)
    legs = energy(car, 2_000, trace_legs(cycle.time_s, cycle.speed_m_s), Air(15.0))
    by_legs = float(legs.total_kwh.sum()) / cycle.distance_km * 100
    assert told.displayed == pytest.approx(by_legs, rel=1e-3)
    assert told.parts["air"] == pytest.approx(float(legs.air_kwh.sum()) / cycle.distance_km * 100, rel=1e-3)


def test_the_same_seed_draws_the_same_and_wider_doubt_is_wider():
    """An answer can be had again; and a parameter of which less is known widens the interval."""
    one, again = (estimate(PACK, CAR, SHORT, 5.0, seed=3) for _ in range(2))
    assert np.array_equal(one.draws_km, again.draws_km)
    doubtful = msgspec.structs.replace(CAR, spread={**CAR.spread, "drag_area_m2": 0.6})
    wider = estimate(PACK, doubtful, SHORT, 5.0, seed=3)
    assert wider.km.high - wider.km.low > one.km.high - one.km.low


def test_a_cold_map_is_the_middle_of_each_estimate():
    """Many at once tell what one by one tells."""
    cells, vehicles = [CELLS["nmc-liquid"], CELLS["lfp-liquid"]], [CAR, VEHICLES["car-suv"]]
    found = cold_map(cells, vehicles, SHORT, [-20, 10], energy_kwh=[80, 60])
    assert found.km.shape == (2, 2, 2)
    alone = estimate(pack_of(cells[1], energy_kwh=60), vehicles[1], SHORT, -20.0, draws=1)
    assert found.km[1, 1, 0] == pytest.approx(alone.km.middle, rel=1e-12)
    assert found.unusable_share[1, 1, 0] == pytest.approx(alone.unusable_share.middle, rel=1e-12)


def test_a_heat_pump_needs_less_power_and_never_more_than_resistance():
    """Its heat for each kW falls with the cold, down to that of a wire and not below."""
    told = heat_from_power(1.0, np.array([-40.0, -20.0, 0.0, 10.0]))
    assert np.all(np.diff(told) >= 0)
    assert np.all(told >= 1)
    assert heat_from_power(0.0, -20.0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"temperature_c": float("nan")}, "range.temperature"),
        ({"temperature_c": -41.0}, "range.temperature"),
        ({"mass_kg": float("inf")}, "range.mass"),
        ({"mass_kg": 0.0}, "range.mass"),
        ({"procedure": Procedure(load_kg=-1.0)}, "range.mass"),
        ({"procedure": Procedure(headwind_m_s=float("nan"))}, "range.air"),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_words(options, rule):
    """No number stands for a question that has none."""
    with pytest.raises(UsageError) as told:
        km(**options)
    assert told.value.rule == rule


def test_too_many_draws_and_too_small_a_pack_are_refused():
    """Work for one question is bounded, and a pack of nothing is no pack."""
    with pytest.raises(UsageError, match="draws"):
        estimate(PACK, CAR, SHORT, 20.0, draws=100_000)
    with pytest.raises(UsageError, match="carries no vehicle"):
        estimate(pack_of(CELLS["nmc-liquid"], energy_kwh=1e-6), CAR, SHORT, 20.0)


def test_an_id_that_is_not_there_names_those_near_it():
    """Who mistypes reads what may have been meant."""
    with pytest.raises(NotFound) as told:
        pick("vehicle", "bolt-2017", VEHICLES)
    assert "bolt2017" in told.value.fix
    assert told.value.rule == "range.unknown"
