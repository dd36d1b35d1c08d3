"""A sample world in memory, and the passports of its packs."""

import pytest

from tests.demo.memory import Memory
from voltrail.codes import parse
from voltrail.demo import World
from voltrail.lifecycle import Battery, effective_events
from voltrail.passport import Sources, compose


@pytest.fixture(scope="module")
def memory():
    """A sample world, in memory."""
    memory = Memory(world := World(60, 7))
    for report in world.reports():
        memory.take(report)
    return memory


def passport_of(memory, battery):
    subject = "battery:" + battery.code
    model = memory.states.get(f"model:{battery.model_id}")
    return compose(
        Sources(
            battery,
            effective_events(memory.chains[subject], subject),
            model,
            memory.organisation,
            lambda site: memory.states.get("site:" + site),
            "demo.voltrail.example",
        )
    )


@pytest.fixture(scope="module")
def passports(memory):
    """Those of packs whose making is on the record, by code."""
    packs = [
        one
        for one in memory.states.values()
        if isinstance(one, Battery) and one.begun == "manufactured" and parse(one.code).level == "pack"
    ]
    return {one.code: passport_of(memory, one) for one in packs}
