"""Road load: the physics adds up, and goes the way it must."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.technology import vehicle
from voltrail.technology.vehicle import (
    PARAMETERS,
    SPREADS,
    VEHICLES,
    Air,
    Legs,
    air_density,
    energy,
    rolling,
    trace_legs,
)

TRUCK = VEHICLES["tractor-40t"]
MASS_KG = 40_000.0


def legs(km=1.0, kmh=80.0, climb_m=0.0, **members):
    return Legs(np.array([km * 1e3]), np.array([kmh / 3.6]), np.array([climb_m]), **members)


def total(*args, **members):
    return float(energy(TRUCK, *args, **members).total_kwh.sum())


def test_the_example_in_the_docstring_runs():
    """What the module shows is what it does."""
    assert doctest.testmod(vehicle).failed == 0


def test_a_kilometre_by_hand():
    """Level, at 20 °C and sea level: the forces of the textbook, through the drive, and the auxiliaries."""
    v = 80 / 3.6
    density = 101_325 / (287.05 * 293.15)
    force_n = 0.5 * density * 5.3 * v * v + 0.0046 / (1 - 0.006 * 5) * MASS_KG * 9.80665
    by_hand = force_n * 1e3 / 0.88 / 3.6e6 + 4 * (1e3 / v) / 3600
    assert total(MASS_KG, legs()) == pytest.approx(by_hand, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(list(VEHICLES.values())),
    st.floats(10_000, 60_000),
    st.floats(0.1, 50),
    st.floats(5, 120),
    st.floats(-0.08, 0.08),
    st.floats(-40, 45),
    st.floats(0, 5),
)
def test_energy_is_conserved(truck, mass_kg, km, kmh, slope, temperature_c, stops):
    """The parts add up to what leaves the battery; nothing is recovered that was not there."""
    told = energy(truck, mass_kg, legs(km, kmh, slope * km * 1e3, stops=stops), Air(temperature_c))
    aside = told.auxiliary_kwh + told.cabin_kwh
    wheels = told.air_kwh + told.tyres_kwh + told.climb_kwh + told.speed_kwh
    assert told.total_kwh == pytest.approx(wheels + told.drive_kwh + told.brakes_kwh + aside)
    assert (told.drive_kwh >= 0).all()
    assert (told.brakes_kwh >= -1e-9).all()
    assert (told.total_kwh >= told.climb_kwh - 1e-9).all()  # a descent gives back less than the height


def test_cold_air_is_dense_tyres_stiff_and_cabins_heated():
    """Each part of winter has its own place in the sum, and heat in summer too."""
    cold, mild, hot = (energy(TRUCK, MASS_KG, legs(), Air(t)) for t in (-20.0, 20.0, 40.0))
    assert cold.air_kwh > mild.air_kwh > hot.air_kwh
    assert cold.tyres_kwh > mild.tyres_kwh > hot.tyres_kwh
    assert cold.cabin_kwh > hot.cabin_kwh > mild.cabin_kwh == 0
    assert rolling(TRUCK, 25.0) == TRUCK.crr
    assert rolling(TRUCK, -90.0) == rolling(TRUCK, -40.0)


def test_air_as_the_standard_atmosphere_has_it():
    """1.225 kg/m3 at 15 °C and sea level, 1.007 at 2,000 m and 2 °C (ISO 2533)."""
    assert float(air_density(15.0, 0.0)) == pytest.approx(1.225, abs=5e-4)
    assert float(air_density(2.0, 2000.0)) == pytest.approx(1.0066, abs=5e-4)


def test_recovery_has_its_limit():
    """On a slope so steep that the motor cannot hold the truck, the rest is braked away."""
    gentle = energy(TRUCK, MASS_KG, legs(climb_m=-30.0))
    steep = energy(TRUCK, MASS_KG, legs(climb_m=-100.0))
    assert gentle.brakes_kwh == 0
    assert steep.brakes_kwh > 0
    kept = TRUCK.regeneration_kw * 45 / 3600 * TRUCK.regeneration_efficiency
    assert float(steep.total_kwh[0]) == pytest.approx(4 * 45 / 3600 - kept)


def test_wind_from_behind_helps():
    """It can even push."""
    calm, against, behind = (
        float(energy(TRUCK, MASS_KG, legs(kmh=20.0), Air(headwind_m_s=w)).air_kwh[0])
        for w in (0.0, 8.0, -12.0)
    )
    assert behind < 0 < calm < against


def test_a_trace_is_its_legs():
    """A stop driven second by second costs what `stops` says of it, and standing costs the auxiliaries."""
    time_s = np.arange(0.0, 200.0, 0.1)
    speed = np.clip(np.minimum(time_s, 100 - time_s) * vehicle.BRAKES_M_S2, 0, 20)
    told = energy(TRUCK, MASS_KG, trace_legs(time_s, speed))
    kinetic_kwh = 0.5 * MASS_KG * TRUCK.turning * 400 / 3.6e6
    assert float(told.speed_kwh.sum()) == pytest.approx(0, abs=1e-6)
    assert float(np.maximum(told.speed_kwh, 0).sum()) == pytest.approx(kinetic_kwh, rel=1e-3)
    standing = energy(TRUCK, MASS_KG, trace_legs(np.array([0.0, 3600.0]), np.zeros(2)))
    assert float(standing.total_kwh[0]) == pytest.approx(TRUCK.auxiliary_kw, rel=1e-4)


def test_recovery_of_a_stop_is_that_of_its_trace():
    """The closed form for braking evenly within a limit equals the sum over small steps."""
    steps = np.linspace(25.0, 0.0, 100_001)
    middle = (steps[1:] + steps[:-1]) / 2
    dt = -np.diff(steps) / vehicle.BRAKES_M_S2
    power = MASS_KG * vehicle.BRAKES_M_S2 * middle
    kept = np.minimum(power, TRUCK.regeneration_kw * 1e3) @ dt / (power @ dt)
    closed = vehicle._kept_of_stop(TRUCK, MASS_KG, np.array([25.0]))[0]
    assert closed == pytest.approx(kept, rel=1e-6)


def test_many_legs_at_once():
    """Legs together are what they are one by one."""
    together = Legs(np.array([1e3, 2e3]), np.array([20.0, 10.0]), np.array([10.0, -40.0]))
    apart = [total(MASS_KG, legs(1, 72, 10)), total(MASS_KG, legs(2, 36, -40))]
    assert energy(TRUCK, MASS_KG, together).total_kwh.tolist() == pytest.approx(apart)


def test_each_parameter_says_where_it_is_from():
    """No number of a vehicle stands without a source and how sure it is."""
    assert {one.standing for one in PARAMETERS} <= set(SPREADS)
    assert all(one.source and one.unit for one in PARAMETERS)
