"""A model on its way from the laboratory: the lines of its maker and of a laboratory, for tests."""

from tests.registry import sample
from voltrail.organisations.identifiers import credit_code
from voltrail.technology.protocols import PROTOCOLS

MODEL = "SSB-1"
LAB = credit_code("91000000MA0000007")
CELLS = [sample.cell(serial) for serial in range(301, 315)]
GOOD = {"fire": 0, "explosion": 0, "observed_h": 2.5}
WITHIN = {"energy_j": 150, "fast_charge_cycles": 300, "depth_fraction": 1, "charge_fraction": 0.5}
WITHIN |= {
    "cold_10": -10,
    "cold_20": -20,
    "cold_30": -30,
    "cold_below": -40,
    "from_fraction": 0.1,
    "to_fraction": 0.8,
}
EARLY = ("capacity_energy", "rate", "cold_20", "cycle_life", "fast_charge", "cold_30", "calendar")
SAFETY = ("thermal_propagation", "bottom_impact")


def at(day, hour=8):
    """Return a time of October 2026, when all gates ask for what they ask for."""
    return f"2026-10-{day:02}T{hour:02}:00:00+08:00"


def declared(day=1):
    """Return the line by which the maker declares the model."""
    return sample.line("model_registered", at(day), model_id=MODEL, name="固态样品", level="cell")


def opened(campaign, protocols, codes=CELLS, day=2, stage="pilot_line"):
    """Return the line that opens a campaign."""
    about = {"campaign": campaign, "model_id": MODEL, "stage": stage}
    return sample.line("campaign_opened", at(day), **about, protocols=list(protocols), codes=list(codes))


def of_test(campaign, protocol, codes=CELLS, day=3, outcome="passed", hour=8, **given):
    """Return the line of a test that is whole by its protocol, with what is `given` in place of that."""
    asked = PROTOCOLS[protocol]
    members = {
        "campaign": campaign,
        "model_id": MODEL,
        "protocol": protocol,
        "codes": list(codes),
        "outcome": outcome,
        "results": [{"metric": one, "value": GOOD.get(one, 0.005)} for one in asked.metrics],
        "conditions": {one: WITHIN.get(one, WITHIN.get(protocol, 25)) for one in asked.conditions},
        "data": [f"{day:02}{hour:02}".ljust(64, "a")],
        "signed_off_by": "检测工程师",
    }
    return sample.line("test_reported", at(day, hour), **{**members, **given})


def granted(stage, campaigns, day=20):
    """Return the line that grants a stage."""
    return sample.line("stage_granted", at(day), model_id=MODEL, stage=stage, campaigns=list(campaigns))


def of_maker():
    """Return all that the maker has to report until the model is tried in vehicles."""
    protocols = (*EARLY, *SAFETY)
    tests = [of_test("maker", one, day=3 + place) for place, one in enumerate(protocols)]
    return [declared(), opened("maker", protocols), *tests]


def of_lab():
    """Return what a laboratory has to report for a small batch."""
    protocols = ("capacity_energy", "cold_20", *SAFETY, "short_after_fast_charge")
    tests = [of_test("lab", one, day=14, hour=8 + place) for place, one in enumerate(protocols)]
    return [opened("lab", protocols, day=13, stage="small_batch"), *tests]
