"""Recycled content: by hand, and the laws that hold of any record."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.recycling.content_strategies import (
    FIRMS,
    created,
    made,
    material,
    materials,
    model,
    process,
    recycled,
    spent,
)
from voltrail.events.masses import milligrams
from voltrail.recycling.content import SOURCES, content, held_of, part
from voltrail.recycling.content_arrays import table

PLANT, CATHODE = FIRMS
A, B, C, D = (f"{PLANT}/{name}" for name in "abcd")
KG = 1_000_000


# -------------------------------------------------------------------- by hand


def test_a_lot_of_ended_batteries_is_recycled_as_a_whole():
    """
    Two packs with 40 kg of nickel each give black mass with 75 kg of it: all of that is recycled.

    500 kg × 15 % = 75 kg, less than the 2 × 40 kg = 80 kg that went in; 5 kg were lost.
    """
    runs = [(recycled([made(A, 500.0, Ni=0.15)], 2), PLANT, {"M": 2})]
    told = content(material(runs, [model(Ni=40.0)]))
    assert told.recycled[A] == {"Ni": (75 * KG, 0, 0)}


def test_more_than_the_batteries_were_made_of_is_not_recycled():
    """500 kg × 20 % = 100 kg of nickel, but two packs have 2 × 40 kg: 80 kg count, and no cobalt at all."""
    runs = [(recycled([made(A, 500.0, Ni=0.20, Co=0.05)], 2), PLANT, {"M": 2})]
    told = content(material(runs, [model(Ni=40.0)]))
    assert told.recycled[A] == {"Ni": (80 * KG, 0, 0)}


def test_what_was_added_is_not_recycled():
    """75 kg of nickel came out and 5 kg of them may be what was added: 70 kg are recycled."""
    from voltrail.events.structs import Assay, Stream

    nickel = Stream(substance="reagent", mass_kg=5.0, assays=(Assay(element="Ni", fraction=1.0),))
    runs = [(recycled([made(A, 500.0, Ni=0.15)], 2, additions=(nickel,)), PLANT)]
    assert content(material(runs)).recycled[A] == {"Ni": (70 * KG, 0, 0)}


def test_a_blend_passes_on_each_share_in_proportion():
    """
    A: 100 kg × 60 % Ni = 60 kg, recycled (declared). B: 300 kg × 60 % = 180 kg, primary. All of both blended.

    Into C, 250 kg × 60 % = 150 kg: 60 × 150/240 = 37.5 kg. Into D, 150 kg × 60 % = 90 kg: 22.5 kg.
    """
    runs = [
        (created(A, 100.0, Ni=0.6), PLANT),
        (created(B, 300.0, "primary", Ni=0.6), PLANT),
        (process([(A, 100.0), (B, 300.0)], [made(C, 250.0, Ni=0.6), made(D, 150.0, Ni=0.6)]), PLANT),
    ]
    told = content(material(runs))
    assert told.recycled[C]["Ni"] == (0, 37_500_000, 0)
    assert told.recycled[D]["Ni"] == (0, 22_500_000, 0)


def test_losses_take_their_part_with_them():
    """
    60 kg recycled and 60 kg primary nickel go in, 80 kg come out: 60 × 80/120 = 40 kg of them are recycled.

    Otherwise whoever loses much would seem to make a richer product.
    """
    runs = [
        (created(A, 100.0, Ni=0.6), PLANT),
        (created(B, 100.0, "primary", Ni=0.6), PLANT),
        (process([(A, 100.0), (B, 100.0)], [made(C, 80.0, Ni=1.0)]), PLANT),
    ]
    assert content(material(runs)).recycled[C]["Ni"] == (0, 40 * KG, 0)


def test_mass_balance_gives_where_it_is_declared_and_the_rest_to_the_others():
    """
    60 kg of 120 kg nickel are recycled; C and D get 60 kg of nickel each. C declares 50: D is left 10.

    Would C declare 90, it had the 60 that it holds, and D nothing.
    """
    for declared, counts, left in ((50.0, 50, 10), (90.0, 60, 0)):
        told = content(
            material(
                [
                    (created(A, 100.0, Ni=0.6), PLANT),
                    (created(B, 100.0, "primary", Ni=0.6), PLANT),
                    (
                        process(
                            [(A, 100.0), (B, 100.0)],
                            [made(C, 100.0, {"Ni": declared}, Ni=0.6), made(D, 100.0, Ni=0.6)],
                        ),
                        PLANT,
                    ),
                ]
            )
        )
        assert told.recycled[C]["Ni"] == (0, counts * KG, 0)
        assert told.recycled[D].get("Ni", (0, 0, 0)) == (0, left * KG, 0)
        assert told.cut == ({} if declared == 50 else {C: {"Ni": (90 * KG, 60 * KG)}})


def test_declared_beyond_what_came_is_cut_in_proportion():
    """60 kg came; C declares 60 and D 30, together 90: C has 60 × 60/90 = 40 kg, D 20 kg."""
    runs = [
        (created(A, 100.0, Ni=0.6), PLANT),
        (created(B, 100.0, "primary", Ni=0.6), PLANT),
        (
            process(
                [(A, 100.0), (B, 100.0)],
                [made(C, 100.0, {"Ni": 60.0}, Ni=0.6), made(D, 100.0, {"Ni": 30.0}, Ni=0.6)],
            ),
            PLANT,
        ),
    ]
    told = content(material(runs))
    assert (told.recycled[C]["Ni"][1], told.recycled[D]["Ni"][1]) == (40 * KG, 20 * KG)


def test_batteries_get_equal_parts_and_stock_keeps_the_rest():
    """30 of 100 kg with 60 kg of recycled nickel go into three packs: 18 kg in all, 6 kg each."""
    told = content(material([(created(A, 100.0, Ni=0.6), PLANT), (spent(A, 30.0, 3), CATHODE)]))
    credit = told.credits[1]
    assert credit.recycled["Ni"] == (0, 6 * KG, 0)
    assert credit.traced["Ni"] == 6 * KG


def test_too_much_taken_is_scaled_to_what_there_was():
    """Of 100 kg, 80 and 120 were taken, 200 in all: 60 × 80/200 = 24 kg and 60 × 120/200 = 36 kg count."""
    runs = [(created(A, 100.0, Ni=0.6), PLANT), (spent(A, 80.0), CATHODE), (spent(A, 120.0), CATHODE)]
    told = content(material(runs))
    assert [told.credits[n].recycled["Ni"][1] for n in (1, 2)] == [24 * KG, 36 * KG]


def test_by_mass_balance_a_pack_may_draw_on_stock_and_not_on_what_others_took():
    """
    A has 200 kg × 50 % = 100 kg of nickel, 50 of them recycled. 50 kg of it go into a pack that declares 20:
    it holds 25 kg of nickel, and nobody took the rest, so all 50 × 200/200 = 50 kg are its own and stock's.

    Once others took the 150 kg in stock without a word, 50 × 50/200 = 12.5 kg are its own; it has those.
    """
    base = [
        (created(B, 100.0, Ni=0.5), PLANT),
        (created(C, 100.0, "primary", Ni=0.5), PLANT),
        (process([(B, 100.0), (C, 100.0)], [made(A, 200.0, Ni=0.5)]), PLANT),
        (spent(A, 50.0, 1, {"Ni": 20.0}), CATHODE),
    ]
    told = content(material(base))
    assert told.credits[3].recycled["Ni"] == (0, 20 * KG, 0)
    told = content(material([*base, (spent(A, 150.0), CATHODE)]))
    assert told.credits[3].recycled["Ni"] == (0, 12_500_000, 0)
    assert told.credits[3].cut == {"Ni": (20 * KG, 12_500_000)}
    assert told.credits[4].recycled["Ni"] == (0, 37_500_000, 0)


def test_what_shares_a_batch_is_one_process():
    """Batteries are named by two reports, what came of them by the second: 2 × 40 kg of nickel went in."""
    runs = [
        (recycled([], batch="R7"), PLANT, {"M": 1}),
        (recycled([made(A, 500.0, Ni=0.15)], batch="R7"), PLANT, {"M": 1}),
    ]
    assert content(material(runs, [model(Ni=40.0)])).recycled[A]["Ni"] == (75 * KG, 0, 0)


def test_a_batch_that_runs_through_stages_is_no_circle():
    """Black mass is won and leached in one batch: each stage is a process, and nothing is lost of 75 kg."""
    runs = [
        (recycled([], batch="R7"), PLANT, {"M": 1}),
        (recycled([made(A, 500.0, Ni=0.15)], batch="R7"), PLANT, {"M": 1}),
        (process([(A, 500.0)], [made(B, 300.0, Ni=0.25)], batch="R7", process="leach"), PLANT),
    ]
    told = content(material(runs, [model(Ni=40.0)]))
    assert told.circular == frozenset()
    assert told.recycled[B]["Ni"] == (75 * KG, 0, 0)


def test_lots_that_feed_themselves_have_nothing():
    """A comes of B and B of A: neither is recycled, nor what is won from them, and both are named."""
    runs = [
        (process([(B, 10.0)], [made(A, 100.0, Ni=0.5)]), PLANT),
        (process([(A, 10.0)], [made(B, 100.0, Ni=0.5)]), PLANT),
        (process([(A, 50.0)], [made(C, 50.0, Ni=0.5)]), PLANT),
    ]
    told = content(material(runs))
    assert told.circular == {A, B}
    assert told.recycled == {A: {}, B: {}, C: {}}


# ---------------------------------------------------------------------- laws


def recovered(found, element):
    """Return how much of an element was brought in or won, by source."""
    sums, won, limits = [0, 0, 0], {}, {}
    for run in found.runs:
        made = [held_of(lot).get(element, 0) for lot in found.lots.values() if lot.index == run.index]
        if run.event.kind == "lot_created":
            origin = {"post_consumer": 1, "manufacturing_waste": 2}.get(run.event.origin)
            if origin is not None:
                sums[origin] += sum(made)
            continue
        won[run.batch] = won.get(run.batch, 0) + sum(made)
        if run.event.kind == "recycled":
            models = [found.models.get(name) for name in run.models]
            limits.setdefault(run.batch, []).extend(
                float("inf") if one is None else milligrams(one.elements_kg.get(element, 0)) * number
                for one, number in zip(models, run.models.values(), strict=True)
            )
    used = sum(min(won[batch], sum(limit)) for batch, limit in limits.items())
    return (used, *sums[1:])


@given(materials())
@settings(max_examples=300)
def test_credits_never_exceed_what_was_recovered(found):
    """Over all batteries, lots in stock and waste, for each source: never a milligram more than began."""
    told = content(found)
    taken = dict.fromkeys(found.lots, 0)
    for run in found.runs:
        for one in getattr(run.event, "inputs", ()):
            if one.lot in taken:
                taken[one.lot] += milligrams(one.mass_kg)
        if run.event.kind == "credit_spent" and run.event.lot in taken:
            taken[run.event.lot] += milligrams(run.event.mass_kg)
    for element in ("Li", "Ni", "Co"):
        for source in range(len(SOURCES)):
            spent_mg = sum(
                credit.recycled[element][source] * credit.batteries
                for credit in told.credits.values()
                if element in credit.recycled
            )
            in_stock = sum(
                part(
                    told.recycled[name].get(element, (0, 0, 0))[source],
                    lot.mass_mg - taken[name],
                    lot.mass_mg,
                )
                for name, lot in found.lots.items()
                if taken[name] < lot.mass_mg
            )
            assert spent_mg + in_stock <= recovered(found, element)[source]


@given(materials())
@settings(max_examples=300)
def test_nothing_has_more_recycled_than_it_holds(found):
    """Of no lot and no battery more than all of an element is recycled."""
    told = content(found)
    for lot, amounts in told.recycled.items():
        for element, amount in amounts.items():
            assert 0 <= min(amount) <= sum(amount) <= told.held[lot][element]
    for credit in told.credits.values():
        assert all(sum(amount) <= credit.traced[e] for e, amount in credit.recycled.items())


@given(materials(), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_the_order_of_reports_changes_no_figure(found, random):
    """However the same events come in, the same lots hold the same, and each credit is what it was."""
    places = list(range(len(found.runs)))
    random.shuffle(places)
    runs = [replace(found.runs[old], index=new) for new, old in enumerate(places)]
    new_of = {old: new for new, old in enumerate(places)}
    lots = {name: replace(lot, index=new_of[lot.index]) for name, lot in found.lots.items()}
    one, other = content(found), content(replace(found, runs=runs, lots=lots))
    assert (one.recycled, one.circular, one.cut) == (other.recycled, other.circular, other.cut)
    assert one.credits == {old: other.credits[new] for old, new in new_of.items() if new in other.credits}


@given(materials())
@settings(max_examples=500, deadline=None)
def test_the_fast_way_says_what_the_reference_says(found):
    """Arrays and the readable reference agree to the milligram, on any record."""
    told, fast = content(found), table(found)
    assert fast.circular == told.circular
    for name, row in fast.lots.items():
        amounts = {
            element: tuple(map(int, fast.recycled[row, column]))
            for column, element in enumerate(fast.elements)
            if fast.recycled[row, column].any()
        }
        assert amounts == {e: amount for e, amount in told.recycled[name].items() if any(amount)}
    assert list(fast.runs) == [run.index for run in found.runs if run.index in told.credits]
    for row, index in enumerate(fast.runs):
        credit = told.credits[index]
        for column, element in enumerate(fast.elements):
            assert tuple(map(int, fast.counted[row, column])) == credit.recycled.get(element, (0, 0, 0))
            assert fast.traced[row, column] == credit.traced.get(element, 0)
