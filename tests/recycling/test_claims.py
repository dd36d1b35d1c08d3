"""Who says that more came out than went in: named with numbers; honest plants are not, however unlucky."""

import random

import pytest

from tests.recycling.plants import (
    NCM,
    assays,
    created,
    made,
    material,
    processed,
    recycled,
    stream,
    taken,
)
from voltrail.recycling.balance import balance
from voltrail.recycling.claims import threshold
from voltrail.recycling.policy import POLICY

SITES = 6


def leached(day, name, won_kg, site="HZ-1", fed_kg=1_000.0, **more):
    """Return a leach run on black mass with 20 % Ni that sells so much nickel."""
    return processed(
        day,
        "leach",
        (taken(name, fed_kg),),
        (made(f"{name}-ni", "nickel_sulfate", round(won_kg / 0.22, 3), assays(0.01, Ni=0.22)),),
        site=site,
        **more,
    )


def black(name, found=None):
    """Return a tonne of black mass from elsewhere."""
    return created(0, name, "black_mass", 1_000.0, assays(0.02, Ni=0.2) if found is None else found)


def test_a_leach_run_whose_products_hold_more_than_its_feed():
    """It is named with what came in and out, how sure that is, and the entries that say so."""
    sheet = balance(material(black("bm"), leached(1, "bm", 240.0)))
    assert sheet.claiming_sites == ("HZ-1",)
    claim = sheet.claims[0]
    # In 200 ± √(4² + 0.4²) = 4.02; out 240 ± √(2.4² + 0.48²) = 2.4475: 40 more, ± √(16.16 + 5.99) = 4.7064:
    # 8.5 of them.
    assert (claim.in_kg, claim.out_kg) == (pytest.approx(200), pytest.approx(240, abs=1e-3))
    assert claim.uncertainty_kg == pytest.approx(4.7064, abs=1e-3)
    assert claim.sigmas == pytest.approx(8.499, abs=1e-2)
    assert {one.scope for one in sheet.claims} == {"site", "refining", "batch"}
    assert claim.entries == (100, 101)
    assert "240.000 kg of Ni came out of 200.000 kg: 40.000 kg more" in claim.message
    assert "recycling.more_than_came_in" in {one.rule for one in sheet[0].findings}


def test_a_gain_within_the_uncertainty_names_nobody():
    """Ten kilograms more are two standard uncertainties: chance, among so many tests."""
    assert balance(material(black("bm"), leached(1, "bm", 210.0))).claims == ()


def test_the_threshold_grows_with_the_tests():
    """As Bonferroni has it: the same gain among a hundred sites is less remarkable than at one."""
    assert threshold(0.05, 1) == pytest.approx(1.645, abs=1e-3)
    assert threshold(0.05, 100) == pytest.approx(3.291, abs=1e-3)


def test_what_nobody_knows_counts_for_the_plant():
    """A feed without an assay may be all nickel; a product without one claims nothing."""
    assert balance(material(black("bm", ()), leached(1, "bm", 240.0))).claims == ()
    bare = processed(1, "leach", (taken("bm", 1_000.0),), (made("mhp", "mixed_hydroxide", 900.0),))
    assert balance(material(black("bm"), bare)).claims == ()


def test_who_doubts_his_own_assays_is_believed_up_to_a_bound():
    """A plant that calls its product's assay uncertain by half is named as one that says a tenth."""
    named = []
    for doubt in (0.1, 0.5):
        sold = (made("ni", "nickel_sulfate", 2_000.0, assays(doubt, Ni=0.22)),)
        told = (black("bm"), processed(1, "leach", (taken("bm", 1_000.0),), sold))
        named.append([one.uncertainty_kg for one in balance(material(*told)).claims])
    # 440 kg of 200: √(44² + 0.88² + 4² + 0.4²) = 44.19 in both.
    assert named[0] == named[1]
    assert named[0][0] == pytest.approx(44.193, abs=1e-2)


def test_a_reagent_that_brings_metal_is_counted_when_it_says_so():
    """Manganese that was added with an assay came in."""
    fed = black("bm", assays(0.02, Mn=0.1))
    out = (made("mn", "manganese_sulfate", 500.0, assays(0.01, Mn=0.32)),)
    bare = processed(1, "leach", (taken("bm", 1_000.0),), out, additions=(stream("reagent", 200.0),))
    said = processed(
        1, "leach", (taken("bm", 1_000.0),), out, additions=(stream("reagent", 200.0, assays(0.01, Mn=0.32)),)
    )
    assert balance(material(fed, bare)).claiming_sites == ("HZ-1",)
    assert balance(material(fed, said)).claims == ()


def test_taking_a_lot_twice_brings_nothing_in():
    """What was taken beyond what there was is no feed, whoever said it first."""
    sold = (made("more", "nickel_sulfate", 864.0, assays(0.01, Ni=0.22)),)
    again = processed(2, "leach", (taken("bm", 1_000.0),), sold)
    # 2 × 190 kg of nickel of 200 kg.
    assert balance(material(black("bm"), leached(1, "bm", 190.0), again)).claiming_sites == ("HZ-1",)


def test_a_site_is_not_named_for_a_namesake_of_another_organisation():
    """Sites are those of who reports."""
    other = "91330000MA27U0002X"
    told = (
        black("bm"),
        leached(1, "bm", 190.0),
        (
            recycled(2, 400.0, (made("x", "nickel_sulfate", 400.0, assays(0.01, Ni=0.22), other),)),
            {"NCM-60": 1},
            other,
        ),
    )
    sheet = balance(material(*told))
    assert {(one.organisation, one.site) for one in sheet.claims} == {(other, "HZ-1")}
    named = ["recycling.more_than_came_in" in {found.rule for found in one.findings} for one in sheet]
    assert named == [False, True]


def world(seed, lying=()):
    """
    Return what plants tell in a year, with the errors that policy speaks of: models, laboratories, scales.

    Those that lie sell a fifth more nickel than they won. Some powders have no assay.
    """
    drawn = random.Random(seed)
    true = {name: kg * drawn.gauss(1, POLICY.composition_relative) for name, kg in NCM.elements_kg.items()}
    told = []
    for site in range(SITES):
        method = {name: drawn.gauss(1, 0.01) for name in ("black_mass", "nickel_sulfate")}
        for run in range(12):
            name, packs = f"{site}-{run}", drawn.randint(4, 40)
            nickel = true["Ni"] * packs * drawn.uniform(0.97, 0.995)
            mass = packs * 135.0
            share = nickel / mass * method["black_mass"] * drawn.gauss(1, 0.0173)
            found = assays(0.02, Ni=round(share, 6)) if drawn.random() < 0.8 else ()
            weighed = round(mass * drawn.gauss(1, POLICY.weighing_relative), 3)
            told.append(
                (
                    recycled(
                        run * 9, packs * 400.0, (made(name, "black_mass", weighed, found),), f"S-{site}"
                    ),
                    {"NCM-60": packs},
                )
            )
            won = nickel * drawn.uniform(0.95, 0.99) * (1.2 if site in lying else 1)
            found = assays(0.02, Ni=round(0.22 * method["nickel_sulfate"] * drawn.gauss(1, 0.0173), 6))
            sold = (made(f"{name}-ni", "nickel_sulfate", round(won / 0.22, 3), found),)
            told.append(processed(run * 9 + 1, "leach", (taken(name, weighed),), sold, f"S-{site}"))
    return material(*told)


@pytest.mark.parametrize("seed", range(8))
def test_those_that_claim_more_are_named_and_nobody_else(seed):
    """Over plants with true errors of models, laboratories and scales."""
    assert balance(world(seed)).claiming_sites == ()
    lying = random.Random(seed).sample(range(SITES), 2)
    assert balance(world(seed, lying)).claiming_sites == tuple(f"S-{one}" for one in sorted(lying))


def test_assays_that_find_what_the_model_does_not_declare():
    """Nickel in the powder of packs without nickel: the model's entry is named beside the batch."""
    from msgspec.structs import replace

    lfp = replace(NCM, model_id="LFP-60", elements_kg={**NCM.elements_kg, "Ni": 0.0}, index=7)
    out = (made("bm", "black_mass", 1_350.0, assays(0.02, Ni=0.2)), made("rest", "residue", 2_650.0))
    told = (recycled(0, 4_000.0, out), {"LFP-60": 10})
    rules = {one.rule: one for one in balance(material(told, models=(lfp,)), by="batch")[0].findings}
    found = rules["recycling.composition_disagrees"]
    assert "270.000 kg of Ni more than the composition of LFP-60 (entry 7) gives" in found.message
    # And less: 300 kg of nickel are declared; 4,000 kg of lots with assays hold none.
    none = (made("bm", "black_mass", 4_000.0, assays(0.02, Ni=0.01)),)
    [one] = balance(material((recycled(0, 4_000.0, none), {"NCM-60": 10})), by="batch")
    assert "less than the composition of NCM-60 (entry 3)" in next(
        found.message for found in one.findings if "of Ni" in found.message
    )
