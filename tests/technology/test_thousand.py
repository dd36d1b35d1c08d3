"""1,000 km: packs that reach them, packs that never do, payload, and the cold cause by cause."""

import math

import msgspec
import pytest

from voltrail.errors import UsageError
from voltrail.technology.cell import CELLS
from voltrail.technology.cycles import CYCLES
from voltrail.technology.pack import pack_of
from voltrail.technology.range import estimate
from voltrail.technology.thousand import (
    BOUNDS,
    TRUCK,
    Question,
    cell_of,
    check,
    cold,
    needed,
    reach,
    standing,
    truck,
)
from voltrail.technology.vehicle import VEHICLES

NMC = CELLS["nmc-liquid"]
CAR = Question()
FEW = [CELLS[one] for one in ("lfp-liquid", "nmc-liquid", "gotion-gemstone", "chery-assb")]


@pytest.mark.parametrize("cell", FEW, ids=lambda one: one.id)
@pytest.mark.parametrize("temperature_c", [23.0, -20.0])
def test_the_pack_that_is_needed_reaches(cell, temperature_c):
    """A vehicle with the pack that was found, as heavy as it is, comes the distance and not further."""
    found = needed(CAR, cell, temperature_c)
    pack = pack_of(cell, energy_kwh=found.energy_kwh.middle)
    told = estimate(pack, VEHICLES[CAR.vehicle], CYCLES[CAR.cycle], temperature_c, draws=1)
    assert told.km.middle == pytest.approx(1000, rel=2e-3)
    assert found.energy_kwh.low < found.energy_kwh.middle < found.energy_kwh.high
    assert found.pack_kg.low < pack.mass_kg.middle < found.pack_kg.high


def test_a_pack_that_carries_only_itself_is_none():
    """As far as no pack of LFP carries a car there is no answer; up to there its mass grows."""
    found = [needed(CAR, CELLS["lfp-liquid"], 23.0, km) for km in (500, 1000, 2000, 20_000)]
    masses = [one.pack_kg.middle for one in found[:3] if one.pack_kg]
    assert masses == sorted(masses)
    assert masses[1] > 2 * masses[0]
    assert found[3].energy_kwh is None
    assert found[3].pack_kg is None


@pytest.mark.parametrize("cell", FEW, ids=lambda one: one.id)
def test_more_by_mass_is_never_worse(cell):
    """A cell that holds more in each kg and litre, and is else the same, comes further with the same pack."""
    better = msgspec.structs.replace(
        cell,
        wh_per_kg=tuple(1.2 * one for one in cell.wh_per_kg),
        wh_per_l=tuple(1.2 * one for one in cell.wh_per_l),
    )
    before, after = reach(CAR, cell, 0.0), reach(CAR, better, 0.0)
    assert after.km.middle > before.km.middle
    assert after.probability >= before.probability
    assert needed(CAR, better, 0.0).pack_kg.middle < needed(CAR, cell, 0.0).pack_kg.middle


def test_colder_is_never_further():
    """Below the comfort of the cabin each colder day takes range from every cell, and probability with it."""
    for row in standing(CAR, cells=FEW).rows:
        assert [one.temperature_c for one in row] == sorted((one.temperature_c for one in row), reverse=True)
        assert [one.km.middle for one in row] == sorted((one.km.middle for one in row), reverse=True)
        chances = [one.probability for one in row]
        assert chances == sorted(chances, reverse=True)


def test_a_heavier_pack_comes_further_until_the_room_is_full():
    """More mass is more range; once the room bounds the pack, it is said, and more mass changes nothing."""
    light, heavy = (reach(Question(pack_kg=kg), NMC, 23.0) for kg in (300, 600))
    assert light.km.middle < heavy.km.middle
    assert (light.limited_by, light.pack_kg) == ("mass", pytest.approx(300))
    full, fuller = (reach(Question(pack_kg=kg), NMC, 23.0) for kg in (5_000, 9_000))
    assert full.limited_by == fuller.limited_by == "volume"
    assert full.energy_kwh.middle == fuller.energy_kwh.middle
    room = pack_of(NMC, energy_kwh=full.energy_kwh.middle).volume_l.middle
    assert room == pytest.approx(BOUNDS["car", "pack_l"].middle)


def test_a_truck_pays_for_its_pack_with_payload():
    """Vehicle, pack and load are 40 t; further takes a heavier pack; LFP leaves less than what holds more."""
    rows = truck(15.0, cells=FEW)
    vehicle = VEHICLES[TRUCK]
    for row in rows:
        for one in row:
            all_kg = vehicle.tare_kg + one.pack_kg.middle + one.payload_kg.middle
            assert all_kg == pytest.approx(vehicle.most_kg)
        packs = [one.pack_kg.middle for one in row]
        assert packs == sorted(packs)
    assert rows[0][-1].payload_kg.middle < rows[-1][-1].payload_kg.middle


@pytest.mark.parametrize("cell", FEW, ids=lambda one: one.id)
@pytest.mark.parametrize("cold_c", [10.0, -20.0, -40.0])
def test_the_causes_of_the_cold_add_up(cell, cold_c):
    """From the warm range the causes lead down to the cold one without a rest, and each has its sign."""
    told = cold(CAR, cell, cold_c)
    fall = sum(one.km for one in told.causes)
    assert told.warm_km.middle + fall == pytest.approx(told.cold_km.middle, abs=0.5)
    by = {one.cause: one.km for one in told.causes}
    assert by["cabin"] < 0
    assert by["air"] < 0
    assert by["tyres"] < 0
    assert by["unusable"] <= 0


def test_nothing_is_lost_between_equal_temperatures():
    """The same day twice takes nothing, and divides by nothing."""
    assert all(one.km == pytest.approx(0, abs=1e-6) for one in cold(CAR, NMC, 23.0).causes)


@pytest.mark.parametrize(
    ("question", "temperature_c", "rule"),
    [
        (Question(vehicle="moon"), 23.0, "thousand.vehicle"),
        (Question(cycle="\0"), 23.0, "thousand.cycle"),
        (Question(design="a" * 10_000), 23.0, "thousand.design"),
        (Question(pack_kg=math.nan), 23.0, "thousand.mass"),
        (Question(pack_kg=math.inf), 23.0, "thousand.mass"),
        (Question(pack_kg=0), 23.0, "thousand.mass"),
        (CAR, math.nan, "thousand.temperature"),
        (CAR, -273.0, "thousand.temperature"),
    ],
)
def test_what_has_no_answer_is_refused(question, temperature_c, rule):
    """In words that say what there is, and that do not grow with what was typed."""
    with pytest.raises(UsageError) as refused:
        check(question, temperature_c)
    assert refused.value.rule == rule
    assert len(str(refused.value)) < 1_000


def test_an_unknown_cell_is_refused():
    """The cells that there are stand in the error."""
    with pytest.raises(UsageError, match="nmc-liquid") as refused:
        cell_of("perpetuum")
    assert refused.value.rule == "thousand.cell"
