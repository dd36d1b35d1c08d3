"""What trucks are said to take for a kilometre, beside what road load gives."""

import csv

import numpy as np
import pytest

from tests.reference.conftest import FOLDER
from voltrail.technology.vehicle import VEHICLES, Legs, energy

PATH = FOLDER / "market" / "swap_facts.csv"
NOTES = [
    row["note"]
    for row in (csv.DictReader(PATH.read_text(encoding="utf-8").splitlines()) if PATH.is_file() else [])
    if "kWh/km nominal" in row["note"]
]
TRACTORS = ("tractor-qiji", "tractor-frame")


def per_km(name, mass_kg, kmh):
    legs = Legs(np.array([1e3]), np.array([kmh / 3.6]), np.zeros(1), stops=0.05)
    return float(energy(VEHICLES[name], mass_kg, legs).total_kwh[0])


@pytest.mark.skipif(not NOTES, reason="the facts are not here")
def test_road_load_lies_in_the_range_of_what_is_stated():
    """Loaded, at 60 to 80 km/h, a tractor takes what stated ranges come to: 1.3 to 2.0 kWh/km."""
    stated = sorted(
        float(part) for note in NOTES for part in note.split(" kWh/km")[0].split("/") if part[0].isdigit()
    )
    assert (stated[0], stated[-1]) == (1.3, 2.0)
    for name in TRACTORS:
        assert stated[0] <= per_km(name, 40_000, 75) <= stated[-1]
        assert stated[0] <= per_km(name, 49_000, 60) <= per_km(name, 49_000, 80) <= stated[-1]
