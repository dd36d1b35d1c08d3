"""From packs to metals for one element, by hand: every gram is somewhere, and none is made up."""

from datetime import timedelta

import pytest

from tests.recycling.test_trail import (
    BLACK,
    CARBONATE,
    LEACHED,
    SHREDDED,
    SLAG,
    SPENT,
    START,
    li,
    material,
    run,
)
from voltrail.events.kinds import LotCreated, LotProcessed
from voltrail.events.structs import Taken, Yield
from voltrail.recycling.ways import ways


def test_each_gram_goes_its_way():
    """
    10 kg of lithium in LFP packs: 9.0 reach the black mass, 1.0 is lost. 1.8 kg stay in it (a fifth). Of the
    7.2 that are leached 6.48 are in carbonate, 0.328 in slag, 0.392 lost; a quarter of the carbonate, 1.62,
    is in batteries, 4.86 lie there.
    """
    found = ways(material(SHREDDED, LEACHED, SPENT), "Li")
    assert found == pytest.approx(
        {
            ("LFP", "lost", "lost"): 1.0,
            ("LFP", "black_mass", "black_mass"): 1.8,
            ("LFP", "black_mass", "lithium_carbonate"): 4.86,
            ("LFP", "black_mass", "in_batteries"): 1.62,
            ("LFP", "black_mass", "waste"): 0.328,
            ("LFP", "black_mass", "lost"): 0.392,
        }
    )
    assert sum(found.values()) == pytest.approx(10.0)


def test_what_nothing_explains_is_told():
    """A leach that gives 9.0 kg where 7.2 went in has 1.8 kg of no origin; the rest is the packs'."""
    boasting = run(
        11,
        LotProcessed(
            occurred_at=START + timedelta(days=1),
            process="leach",
            inputs=(Taken(lot=BLACK, mass_kg=200.0),),
            outputs=(Yield(lot=CARBONATE, substance="lithium_carbonate", mass_kg=50.0, assays=li(0.18)),),
        ),
    )
    found = ways(material(SHREDDED, boasting), "Li")
    assert found["LFP", "black_mass", "lithium_carbonate"] == pytest.approx(7.2)
    assert found["unexplained", "lithium_carbonate", "lithium_carbonate"] == pytest.approx(1.8)


def test_what_was_bought_comes_from_outside():
    """A lot that joined the record has the origin that was said of it."""
    bought = run(
        1,
        LotCreated(
            occurred_at=START,
            lot=SLAG,
            substance="lithium_carbonate",
            mass_kg=10.0,
            origin="primary",
            assays=li(0.2),
        ),
    )
    assert ways(material(bought), "Li") == {("primary", "lithium_carbonate", "lithium_carbonate"): 2.0}
