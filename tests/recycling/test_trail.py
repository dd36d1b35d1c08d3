"""Where one battery went, reckoned by hand: shares of mixed runs add up to what the battery held."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.lifecycle.strategies import PACKS
from voltrail.events.kinds import CreditSpent, LotProcessed, Recycled
from voltrail.events.structs import Assay, Stream, Taken, Yield
from voltrail.organisations.identifiers import credit_code
from voltrail.recycling.record import Composition, Material, Run, lots_made
from voltrail.recycling.trail import follow

PLANT = credit_code("91000000MA0000003")
START = datetime(2026, 6, 1, tzinfo=UTC)
BLACK, CARBONATE, SLAG = f"{PLANT}/black", f"{PLANT}/carbonate", f"{PLANT}/slag"


def run(index, event, **models):
    """Return a run of the plant."""
    return Run(index, PLANT, event, models)


def material(*runs):
    """Return the material of runs, with two models: A holds 6 kg of lithium, B holds 2 kg."""
    lots = {lot.lot: lot for one in runs for lot in lots_made(one)}
    models = {
        name: Composition(name, "LFP", 400.0, 60.0, {"Li": kg}) for name, kg in (("A", 6.0), ("B", 2.0))
    }
    return Material(runs, lots, models)


def li(fraction):
    """Return an assay of lithium."""
    return (Assay(element="Li", fraction=fraction),)


SHREDDED = run(
    10,
    Recycled(
        occurred_at=START,
        code=PACKS[0],
        codes=PACKS[1:],
        mass_kg=1000.0,
        outputs=(
            Yield(lot=BLACK, substance="black_mass", mass_kg=250.0, moisture_fraction=0.2, assays=li(0.045)),
        ),
        emissions=(Stream(substance="other", mass_kg=750.0),),
    ),
    A=1,
    B=2,
)
LEACHED = run(
    11,
    LotProcessed(
        occurred_at=START + timedelta(days=1),
        process="leach",
        inputs=(Taken(lot=BLACK, mass_kg=200.0),),
        outputs=(
            Yield(lot=CARBONATE, substance="lithium_carbonate", mass_kg=36.0, assays=li(0.18)),
            Yield(lot=SLAG, substance="slag", mass_kg=164.0, assays=li(0.002), waste=True),
        ),
    ),
)
SPENT = run(
    12,
    CreditSpent(occurred_at=START + timedelta(days=2), code=PACKS[0], lot=CARBONATE, mass_kg=9.0),
)


def test_a_share_follows_the_lithium_through_mixed_runs():
    """
    Model A brings 6 of the run's 6 + 2 × 2 = 10 kg of lithium: 60 %.

    The black mass holds 250 × 0.8 × 0.045 = 9.0 kg, of which 5.4 are A's; 200 of 250 kg are leached, with
    them 4.32 of A's 5.4, and 1.08 stay. The leach takes in 7.2 kg: the carbonate has 36 × 0.18 = 6.48 of
    them, the slag 164 × 0.002 = 0.328, of which A has 60 % each: 3.888 and 0.1968. A quarter of the carbonate
    goes into batteries: 0.972; 2.916 stay.
    Lost: 6 − 1.08 − 2.916 − 0.972 − 0.1968 = 0.8352.
    """
    trail = follow(material(SHREDDED, LEACHED, SPENT), 10, "A")
    made = {share.lot.lot: share.made_kg["Li"] for share in trail.shares}
    left = {share.lot.lot: share.left_kg["Li"] for share in trail.shares}
    assert made == pytest.approx({BLACK: 5.4, CARBONATE: 3.888, SLAG: 0.1968})
    assert left == pytest.approx({BLACK: 1.08, CARBONATE: 2.916, SLAG: 0.1968})
    assert trail.in_batteries_kg["Li"] == pytest.approx(0.972)
    assert trail.in_waste_kg["Li"] == pytest.approx(0.1968)
    assert trail.in_lots_kg["Li"] == pytest.approx(3.996)
    assert trail.lost_kg["Li"] == pytest.approx(0.8352)


def test_the_shares_of_all_batteries_of_a_run_are_the_whole():
    """One of A and two of B share what came of the run, and nobody gets more than there is."""
    one, other = (follow(material(SHREDDED, LEACHED, SPENT), 10, model) for model in "AB")
    for a, b in zip(one.shares, other.shares, strict=True):
        assert a.made_kg["Li"] + 2 * b.made_kg["Li"] == pytest.approx(
            a.lot.dry_mg / 1e6 * a.lot.assays[0].fraction
        )


def test_without_a_composition_all_batteries_of_a_run_count_alike():
    """What is not declared is not guessed: the share is one of three, and nothing is said to be lost."""
    trail = follow(material(SHREDDED), 10, None)
    assert trail.shares[0].made_kg["Li"] == pytest.approx(3.0)
    assert trail.composition is None
    assert trail.lost_kg == {}


def test_no_run_no_trail():
    """A battery that no run has ended went nowhere."""
    assert follow(material(LEACHED), 99, "A") is None
