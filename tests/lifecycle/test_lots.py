"""Lots: they begin once, nothing is taken that is not there, and a process adds up or says what lacks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lifecycle.strategies import ORGANISATIONS, PACKS, START, at, recorded
from voltrail.errors import EventError
from voltrail.events import decode, encode, kinds, subjects
from voltrail.events.masses import is_exact, kilograms, milligrams
from voltrail.events.structs import Assay, Stream, Taken, Yield
from voltrail.lifecycle import fold
from voltrail.lifecycle.lots import findings, refusal

PLANT, BUYER = ORGANISATIONS[0], ORGANISATIONS[1]
BLACK, CARBONATE, RESIDUE = (f"{PLANT}/{name}" for name in ("black-1", "carbonate-1", "residue-1"))


class Record:
    """The states of some lots, as judging asks for them."""

    def __init__(self, *history):
        self.history = history

    def state(self, subject):
        """Return what folding the history gives."""
        return fold(subject, self.history)


def created(mass=1000.0, lot=BLACK, **more):
    """Return the event by which a lot begins."""
    return kinds.LotCreated(
        occurred_at=START, lot=lot, substance="black_mass", mass_kg=mass, origin="manufacturing_waste", **more
    )


def leached(taken=400.0, made=60.0, hours=5, **more):
    """Return a process that takes of the black mass and gives carbonate; the rest is lost to water."""
    return kinds.LotProcessed(
        occurred_at=at(hours),
        process="leach",
        inputs=(Taken(lot=BLACK, mass_kg=taken),),
        outputs=(Yield(lot=CARBONATE, substance="lithium_carbonate", mass_kg=made),),
        emissions=(Stream(substance="wastewater", mass_kg=taken - made),),
        **more,
    )


def test_a_lot_is_about_itself_and_a_process_about_all_its_lots():
    """Each lot has its own chain, so its history is complete or provably not."""
    assert subjects(created()) == (f"lot:{BLACK}",)
    assert subjects(leached()) == (f"lot:{BLACK}", f"lot:{CARBONATE}")
    recycled = kinds.Recycled(
        occurred_at=START,
        code=PACKS[0],
        mass_kg=400.0,
        outputs=(Yield(lot=BLACK, substance="black_mass", mass_kg=400.0),),
    )
    assert subjects(recycled) == (f"battery:{PACKS[0]}", f"lot:{BLACK}")


def test_what_is_left_is_what_was_made_less_what_was_taken():
    """To the milligram, whatever was taken in whatever order it was told."""
    history = [recorded(leached(0.1, 0.1), 2), recorded(created(0.3), 0), recorded(leached(0.2, 0.2, 9), 1)]
    lot = fold(f"lot:{BLACK}", history)
    assert lot.left_mg == 0
    assert lot.findings == ()
    assert [mass for _, mass, _ in lot.takes] == [100_000, 200_000]


@given(st.permutations(range(5)))
def test_the_order_of_reports_changes_nothing_of_a_lot(order):
    """What is left, who has it, and what does not add up are the same however the reports came in."""
    events = [
        created(1000.0),
        leached(400.0, 60.0, 5),
        kinds.LotMoved(occurred_at=at(6), lot=BLACK, to=BUYER),
        leached(500.0, 60.0, 7),
        kinds.CreditSpent(occurred_at=at(9), code=PACKS[0], lot=BLACK, mass_kg=300.0),
    ]
    lots = [
        fold(f"lot:{BLACK}", [recorded(events[n], place) for place, n in enumerate(way)])
        for way in (range(5), order)
    ]
    told = [(lot.left_mg, lot.holder, [(one.kind, one.rule) for one in lot.findings]) for lot in lots]
    assert told[0] == told[1]
    assert told[0][0] == -200_000_000
    assert ("conflict", "lot.overdrawn") in told[0][2]


def test_more_than_is_left_is_refused_and_what_is_left_is_taken():
    """Each kilogram is used once, to the milligram."""
    record = Record(recorded(created(1000.0), 0), recorded(leached(400.0), 1))
    over = refusal(leached(600.000001, 60.0, 8), PLANT, record)
    assert over.rule == "lot.overdrawn"
    again = kinds.LotProcessed(occurred_at=at(8), process="leach", inputs=(Taken(lot=BLACK, mass_kg=600.0),))
    assert refusal(again, PLANT, record) is None


def test_a_correction_does_not_stand_against_itself():
    """The line that replaces an event may take what that had taken, and make what it had made."""
    first = leached(900.0, 60.0)
    record = Record(recorded(created(1000.0), 0), recorded(first, 1))
    assert refusal(leached(950.0, 70.0), PLANT, record, first) is None
    assert refusal(leached(1001.0, 70.0), PLANT, record, first).rule == "lot.overdrawn"


def test_a_lot_begins_once_and_in_its_makers_name():
    """Nobody can take another's numbers, nor say twice what a lot is."""
    record = Record(recorded(created(), 0))
    assert refusal(created(), PLANT, record).rule == "lot.exists"
    assert refusal(created(), BUYER, Record()).rule == "lot.name"
    assert refusal(created(), PLANT, Record()) is None


def test_a_mass_that_was_used_before_it_was_told_of_has_to_suffice():
    """A process that was reported first is not made impossible by what its input turns out to be."""
    record = Record(recorded(leached(400.0), 0))
    assert refusal(created(399.0), PLANT, record).rule == "lot.overdrawn"
    assert refusal(created(400.0), PLANT, record) is None
    assert [one.rule for one in record.state(f"lot:{BLACK}").findings] == ["lot.not_made"]


def test_who_uses_a_lot_has_it():
    """A lot that another has is used with a gap, until its hand-over is told."""
    moved = kinds.LotMoved(occurred_at=at(2), lot=BLACK, to=BUYER)
    used = recorded(leached(hours=9), 2, BUYER)
    assert [f.rule for f in fold(f"lot:{BLACK}", [recorded(created(), 0), used]).findings] == [
        "lot.not_holder"
    ]
    assert fold(f"lot:{BLACK}", [recorded(created(), 0), recorded(moved, 1), used]).findings == ()


@pytest.mark.parametrize(
    ("loss", "tolerance", "found"), [(0, None, 0), (3, None, 1), (3, 0.01, 0), (30, 0.01, 1)]
)
def test_a_process_balances_within_its_tolerance(loss, tolerance, found):
    """In = out + what was declared lost; a gap beyond the declared tolerance is named with its kilograms."""
    event = kinds.LotProcessed(
        occurred_at=START,
        process="refine",
        inputs=(Taken(lot=BLACK, mass_kg=900.0),),
        additions=(Stream(substance="reagent", mass_kg=100.0),),
        outputs=(Yield(lot=CARBONATE, substance="lithium_carbonate", mass_kg=500.0),),
        emissions=(Stream(substance="gas", mass_kg=500.0 - loss),),
        tolerance_fraction=tolerance,
    )
    told = list(findings(event))
    assert len(told) == found
    assert all(f"{loss}" in one.message and one.rule == "lot.mass_gap" for one in told)


def test_what_shares_a_batch_balances_together():
    """Nothing is said of one report of a run that has several."""
    alone = kinds.LotProcessed(occurred_at=START, process="split", inputs=(Taken(lot=BLACK, mass_kg=1.0),))
    assert len(list(findings(alone))) == 1
    assert not list(findings(kinds.LotProcessed(**{**_fields(alone), "batch": "B1"})))


def _fields(event):
    return {name: getattr(event, name) for name in event.__struct_fields__}


@given(st.integers(0, 10**15 - 1))
def test_masses_are_exact_to_the_milligram(mg):
    """Whatever is written in whole milligrams below a million tonnes is read as that and written back."""
    assert milligrams(kilograms(mg)) == mg
    assert is_exact(kilograms(mg))
    line = encode(created(kilograms(mg)))
    assert milligrams(decode(line).mass_kg) == mg


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (created(0.0000001), "milligram"),
        (created(assays=(Assay(element="Li", fraction=0.7), Assay(element="Co", fraction=0.4))), "whole"),
        (created(assays=(Assay(element="Li", fraction=0.1), Assay(element="Li", fraction=0.1))), "twice"),
        (kinds.LotProcessed(occurred_at=START, process="leach"), "inputs"),
        (kinds.LotProcessed(occurred_at=START, process="leach", code=PACKS[0]), "ends"),
        (
            kinds.LotProcessed(
                occurred_at=START,
                process="blend",
                inputs=(Taken(lot=BLACK, mass_kg=1.0),),
                outputs=(Yield(lot=BLACK, substance="black_mass", mass_kg=1.0),),
            ),
            "twice",
        ),
        (
            kinds.LotProcessed(
                occurred_at=START,
                process="blend",
                inputs=(Taken(lot=BLACK, mass_kg=1.0),),
                outputs=(Yield(lot=CARBONATE, substance="black_mass", mass_kg=1.0, recycled_kg={"Li": 1.0}),),
            ),
            "mass balance",
        ),
        (
            kinds.Recycled(
                occurred_at=START,
                code=PACKS[0],
                outputs=(Yield(lot=RESIDUE, substance="residue", mass_kg=1.0),),
            ),
            "mass_kg",
        ),
    ],
)
def test_what_cannot_be_is_said_in_words(event, says):
    """A tired clerk's slip is told where it is and what to do."""
    with pytest.raises(EventError) as raised:
        decode(encode(event))
    assert says in f"{raised.value.message} {raised.value.fix}"


def test_times_of_lots_are_in_order_of_the_day_not_of_the_report():
    """A hand-over told late still came before the use."""
    moved = kinds.LotMoved(occurred_at=START + timedelta(hours=1), lot=BLACK, to=BUYER)
    history = [recorded(created(), 0), recorded(leached(), 1, BUYER), recorded(moved, 2)]
    assert fold(f"lot:{BLACK}", history).findings == ()
