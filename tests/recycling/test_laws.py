"""What holds of any plant: nothing comes from nowhere, and who told what first makes no difference."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.recycling.plants import (
    NCM,
    assays,
    created,
    element,
    lot,
    made,
    material,
    processed,
    recycled,
    stream,
)
from voltrail.events.masses import kilograms
from voltrail.events.structs import Taken
from voltrail.recycling.balance import By, balance
from voltrail.recycling.policy import POLICY

SITES, WHO = ("HZ-1", "HZ-2"), ("91330000MA27U0001P", "91330000MA27U0002X")
GROUPS = By.__args__
INDEPENDENT = replace(POLICY, assay_common_share=0.0)
ALIKE = replace(POLICY, assay_common_share=1.0)


@st.composite
def plants(draw):
    """
    Return what plants tell: packs that are shredded, lots that go through processes, in whole milligrams;
    what is lost in each run is declared.
    """
    told, there = [], {}
    for number in range(draw(st.integers(1, 8))):
        who, day = draw(st.sampled_from(WHO)), draw(st.integers(0, 90))
        site = draw(st.sampled_from(SITES))
        batch = draw(st.sampled_from((None, None, "B1", "B2")))
        more = {"site": site, "batch": batch, "tolerance_fraction": draw(st.sampled_from((None, 0.1)))}
        usable = sorted(name for name, left in there.items() if left)
        inputs = []
        packs = draw(st.integers(1, 5)) if not usable or draw(st.booleans()) else 0
        if not packs:
            for name in draw(st.lists(st.sampled_from(usable), min_size=1, max_size=3, unique=True)):
                mg = draw(st.integers(1, there[name]))
                there[name] -= mg
                inputs.append(Taken(lot=name, mass_kg=kilograms(mg)))
        mg = packs * 400_000_000 + sum(round(one.mass_kg * 1e6) for one in inputs)
        outputs = []
        for part in range(draw(st.integers(0, 3))):
            out = draw(st.integers(0, mg))
            mg -= out
            substance = draw(
                st.sampled_from(("black_mass", "copper", "solution", "residue", "nickel_sulfate"))
            )
            found = draw(st.sampled_from(((), assays(0.02, Ni=0.2, Li=0.03), assays(None, Cu=0.5))))
            there[lot(f"{number}-{part}", who)] = out
            outputs.append(made(f"{number}-{part}", substance, kilograms(out), found, who))
        lost = (stream("other", kilograms(mg)),) if mg else ()
        if packs:
            event = recycled(day, packs * 400.0, tuple(outputs), emissions=lost, **more)
        else:
            process = draw(st.sampled_from(("shred", "leach", "blend", "synthesise")))
            event = processed(day, process, tuple(inputs), tuple(outputs), emissions=lost, **more)
        told.append((event, {"NCM-60": packs} if packs else {}, who))
    return told


@given(plants(), st.sampled_from(GROUPS))
def test_mass_in_is_mass_out_and_declared_loss(told, by):
    """To the milligram, of each batch, site, organisation, month and chemistry; and no gap is found."""
    for one in balance(material(*told), by=by):
        assert one.mass.gap_kg == 0
        assert not [found for found in one.findings if found.rule == "recycling.mass_gap"]
        for told_of in one.elements:
            assert told_of.uncertainty_kg >= 0
            assert math.isclose(told_of.gap_kg, told_of.in_kg - told_of.out_kg, abs_tol=1e-9)


def _plain(sheet):
    """Return all that balances say, without the entries, which are of the order of the reports."""
    found = []
    for one in sheet:
        numbers = [
            (rate.metric, rate.element, rate.stage, rate.low, rate.high, rate.uncertainty, rate.unknown_kg)
            for rate in one.rates
        ]
        elements = [tuple(getattr(e, name) for name in e.__struct_fields__) for e in one.elements]
        found.append((one.by, one.batches, one.mass, one.first, one.last, numbers, elements))
    claims = [(one.site, one.scope, one.element, one.excess_kg, one.sigmas) for one in sheet.claims]
    return found, claims


def _near(one, other):
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-6, nan_ok=True)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_near, one, other))
    return one == other


@given(st.data(), plants(), st.sampled_from(("site", "organisation", "month", "chemistry")))
@settings(deadline=None)
def test_the_order_of_reports_changes_nothing(data, told, by):
    """The same runs, told in another order, give the same balances, rates and claims."""
    again = data.draw(st.permutations(told))
    assert _near(_plain(balance(material(*told), by=by)), _plain(balance(material(*again), by=by)))


@given(st.lists(st.floats(1, 1_000).map(lambda kg: round(kg, 3)), min_size=1, max_size=6))
def test_independent_errors_add_in_quadrature_and_common_ones_as_they_are(masses):
    """Of lots that went in, each known to 2 %: of independent assays, and of one that is wrong in all."""
    told = [created(0, f"in-{n}", "black_mass", kg, assays(0.02, Ni=0.2)) for n, kg in enumerate(masses)]
    inputs = tuple(Taken(lot=lot(f"in-{n}"), mass_kg=kg) for n, kg in enumerate(masses))
    told.append(processed(1, "leach", inputs, (made("out", "residue", sum(masses), waste=True),)))
    for policy, alone in ((INDEPENDENT, True), (ALIKE, False)):
        [one] = balance(material(*told), policy=policy)
        each = [kg * 0.2 * 0.02 for kg in masses]
        weighing = sum((kg * 0.2 * policy.weighing_relative) ** 2 for kg in masses)
        assayed = sum(u**2 for u in each) if alone else sum(each) ** 2
        assert element(one, "Ni").uncertainty_kg == pytest.approx(math.sqrt(assayed + weighing))


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_declared_composition_is_one_error_for_all_packs(first, second):
    """Twice as many packs are twice as uncertain; a further model adds in quadrature."""
    other = replace(NCM, model_id="NCM-61")
    [one] = balance(
        material(
            (recycled(0, 400.0, (made("x", "residue", 400.0),)), {"NCM-60": first, "NCM-61": second}),
            models=(NCM, other),
        )
    )
    share = 30.0 * POLICY.composition_relative
    assert element(one, "Ni").uncertainty_kg == pytest.approx(math.hypot(first, second) * share)


@given(plants())
def test_what_is_made_and_used_at_one_place_cancels(told):
    """All runs at one site take from outside what the batteries brought, and nothing else."""
    moved = [
        (replace(event, site="HZ-1", batch=None), models, WHO[0])
        for event, models, who in told
        if who == WHO[0]
    ]
    packs = sum(models.get("NCM-60", 0) for _, models, _ in moved)
    names = {out.lot for event, _, _ in moved for out in event.outputs}
    foreign = [i for event, _, _ in moved for i in getattr(event, "inputs", ()) if i.lot not in names]
    for one in balance(material(*moved)):
        assert one.mass.in_kg == pytest.approx(packs * 400.0 + sum(i.mass_kg for i in foreign))
