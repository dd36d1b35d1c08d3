"""Swap stations of which theory says exactly how long trucks wait, or of which figures were published."""

import csv
from functools import cache
from itertools import islice

import numpy as np
import pytest

from tests.reference.conftest import FOLDER
from voltrail.swap.corridor import size_corridor
from voltrail.swap.engine import Life
from voltrail.swap.scenario import example, read_scenario
from voltrail.swap.simulate import simulate, simulate_scenario
from voltrail.swap.station import AT_ONCE, Fleet, Law, Open, Result, Station, packs_never_short


def rows(name: str) -> list[dict[str, str]]:
    path = FOLDER / "market" / name
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []


ROWS = rows("swap_analytic_cases.csv")
FACTS = {
    (row["period"], row["segment"]): row["value"]
    for row in rows("swap_facts.csv")
    if row["series"] in {"station", "swap", "trunk line", "truck"}
}
CHARGE = Law("exponential", 45)


@cache
def told_of(case: str) -> Result:
    return simulate(*CASES[case], 20_000_000, seed=20)


def served(bays: int, rate: float, swap: Law) -> tuple[Station, Open]:
    return Station(packs=1000, chargers=1000, charge=AT_ONCE, bays=bays, swap=swap), Open(rate)


CASES = {
    "MMc_1": served(1, 0.8, Law("exponential", 60)),
    "MMc_5": served(5, 4, Law("exponential", 60)),
    "MD1_6": served(1, 6, Law("fixed", 5)),
    "MD1_10": served(1, 10, Law("fixed", 5)),
    "PALM_6_6_0.75": (Station(packs=6, chargers=500, charge=Law("fixed", 45), bays=500), Open(6)),
    "PALM_8_6_0.75": (Station(packs=8, chargers=500, charge=Law("uniform", 45), bays=500), Open(6)),
    "MMcS_8_6_6": (Station(packs=8, chargers=6, charge=CHARGE), Open(6)),
    "CLOSED_20_4_4": (Station(packs=4, chargers=4, charge=CHARGE), Fleet(20, Law("exponential", 120))),
    "MMS_6_6": (Station(packs=6, chargers=6, charge=CHARGE, hand_over="swap"), Open(6)),
    "MMS_8_6": (Station(packs=8, chargers=8, charge=CHARGE, hand_over="swap"), Open(6)),
}
TOLD = {
    "Wq_h": lambda told: (told.wait_min, 60),
    "Wq_min": lambda told: (told.wait_min, 1),
    "mean_wait_min": lambda told: (told.wait_min, 1),
    "P_no_wait": lambda told: (told.no_wait, 1),
    "swaps_per_h": lambda told: (told.swaps_per_hour, 1),
    "truck_availability": lambda told: (told.availability, 1),
    "charger_utilisation": lambda told: (told.charger_use, 1),
}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['case']}-{row['quantity']}" for row in ROWS])
def test_theory(row):
    """Each figure lies within its interval, which is narrower than 1 % of it."""
    expected = float(row["expected"])
    if row["quantity"] == "packs":
        assert packs_never_short(45, 5) == expected
        return
    interval, unit = TOLD[row["quantity"]](told_of(row["case"]))
    assert interval.half_width < 0.01 * interval.mean
    assert interval.low <= expected * unit <= interval.high


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["quantity"] in {"mean_wait_min", "Wq_min", "Wq_h", "P_no_wait"}],
    ids=lambda row: f"{row['case']}-{row['quantity']}",
)
def test_theory_by_the_readable_simulator(row):
    """The readable simulator sees the same, as far as a hundred thousand swaps can tell."""
    waits = lived(row["case"])
    means = ((waits == 0) if row["quantity"] == "P_no_wait" else waits).reshape(20, -1).mean(axis=1)
    unit = 60 if row["quantity"] == "Wq_h" else 1
    half_width = 2.093 * means.std(ddof=1) / 20**0.5
    assert means.mean() == pytest.approx(float(row["expected"]) * unit, abs=2 * half_width)


@cache
def lived(case: str) -> np.ndarray:
    swaps = islice(Life(*CASES[case], 20).swaps(), 110_000)
    return np.array([one.began_min - one.arrived_min for one in swaps])[10_000:]


@pytest.mark.skipif(not FACTS, reason="the facts are not here")
def test_shenzhen():
    """
    The station at Fuyong, from its chargers and its trucks: 150 swaps a day, 9 GWh a year, and all in time.

    Chargers, power, trucks and time of a swap are those published; what a swap draws follows from 9 GWh.
    """
    scenario = read_scenario(example())
    assert scenario.station.chargers == int(FACTS["Shenzhen Fuyong 2021", "chargers"])
    assert scenario.station.charger_kw == float(FACTS["Shenzhen Fuyong 2021", "charger power"])
    assert scenario.station.swap_min == float(FACTS["Shenzhen Fuyong", "swap time"])
    assert scenario.demand.swaps_per_day == float(FACTS["Shenzhen Fuyong 2021", "swaps per day"])

    outcome = simulate_scenario(scenario, 2_000_000, seed=1)

    drawn = float(FACTS["Shenzhen Fuyong 2021", "energy per swap"])
    assert outcome.model.grid_kwh == pytest.approx(drawn, abs=0.5)
    assert outcome.gwh_per_year.mean == pytest.approx(
        float(FACTS["Shenzhen Fuyong 2021", "energy per year"]), rel=0.01
    )
    # Seven packs at most charge at once, since no more leave the one bay in 33 minutes: none is ever short,
    # so trucks wait for the bay alone (Pollaczek and Khinchine), and the chargers work for what is drawn.
    load = 150 / 1440 * 5
    expected = load * 5 / (2 * (1 - load))
    assert outcome.result.wait_min.low <= expected <= outcome.result.wait_min.high
    assert outcome.result.charger_use.mean == pytest.approx(150 * drawn / (24 * 8 * 300), rel=0.01)


@pytest.mark.skipif(not FACTS, reason="the facts are not here")
def test_ningde_xiamen():
    """
    Four stations on 420 km serve trucks of one 171 kWh block and no less; a truck of 513 kWh needs one.

    With a block whose range is 130 km trucks need stations no more than a hundred kilometres apart, once they
    keep a fifth. What was built would serve them; trucks of three blocks get through with fewer, so the four
    stand there for other reasons: traffic, breaks, trucks that join on the way.
    """
    length = float(FACTS["Ningde-Xiamen", "length"])
    stops = {}
    for truck, energy in (("Qiji 171 kWh", 171), ("Qiji 513 kWh", 513)):
        per_km = energy / float(FACTS[truck, "range"])
        road = f"reserve = 0.2\nsections = [{{to_km = {length}, trucks_per_day = 50, kwh_per_km = {per_km}}}]"
        stops[truck] = size_corridor(read_scenario(f"[pack]\nenergy_kwh = {energy}\n[corridor]\n{road}"))
    assert len(stops["Qiji 171 kWh"].stops) == 4
    assert stops["Qiji 171 kWh"].longest_gap_km <= 0.8 * 130
    assert len(stops["Qiji 513 kWh"].stops) == 1


@pytest.mark.skipif(not FACTS, reason="the facts are not here")
def test_linfen_qingdao():
    """
    Trucks of 400 kWh with a range of 200 km need stations less than 200 km apart, as these nine stand.

    The length of the road is not among the facts: 1,000 km, an assumption, takes fewer stations than nine.
    """
    spaced = 200
    road = "reserve = 0.1\nsections = [{to_km = 1000, trucks_per_day = 50, kwh_per_km = 2.0}]"
    sized = size_corridor(read_scenario(f"[pack]\nenergy_kwh = 400\n[corridor]\n{road}"))
    assert sized.longest_gap_km < spaced
    assert 4 < len(sized.stops) < int(FACTS["Linfen-Qingdao/Rizhao", "stations"])
