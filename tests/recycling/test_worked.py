"""Plants whose balances were worked out by hand: the arithmetic stands beside each."""

from datetime import date

import pytest
from msgspec.structs import replace

from tests.recycling.plants import (
    NCM,
    assays,
    at,
    created,
    element,
    made,
    material,
    processed,
    rate,
    recycled,
    stream,
    taken,
)
from voltrail.events import kinds
from voltrail.recycling.balance import balance
from voltrail.recycling.record import Composition

BLACK = assays(0.02, Li=0.044, Ni=0.22, Co=0.073, Mn=0.073, Cu=0.01, Al=0.01, C=0.35)


def shredder():
    """Ten packs of 400 kg: black mass, copper, aluminium, and a residue that nobody assayed."""
    return recycled(
        0,
        4_000.0,
        (
            made("bm", "black_mass", 1_350.0, BLACK),
            made("cu", "copper", 240.0, assays(0.01, Cu=0.95)),
            made("al", "aluminium", 900.0, assays(0.01, Al=0.97)),
            made("fe", "steel", 300.0),
            made("rest", "residue", 1_200.0, waste=True),
        ),
        emissions=(stream("gas", 10.0),),
    )


def test_a_shredder():
    """Copper, aluminium and powder recovery of separation, and what of it is open."""
    [one] = balance(material((shredder(), {"NCM-60": 10})))
    # Mass: 4,000 kg in; 1,350 + 240 + 900 + 300 + 1,200 + 10 = 4,000 kg out.
    assert (one.mass.in_kg, one.mass.out_kg, one.mass.gap_kg) == (4_000.0, 4_000.0, 0.0)
    # Cu: in 10 × 24 = 240; out 240 × 0.95 = 228 as product and 1,350 × 0.01 = 13.5 in powder.
    cu = element(one, "Cu")
    assert cu.in_kg == pytest.approx(240)
    assert cu.out_kg == pytest.approx(241.5)
    assert cu.recovered_kg == pytest.approx(228)
    assert cu.unknown_out_kg == pytest.approx(1_210)
    # u²: model 3 % × 240 = 7.2; copper 228 × 1 % = 2.28 and weighing 228 × 0.2 % = 0.456; powder 13.5 × 2 % =
    # 0.27 and 13.5 × 0.2 % = 0.027. √(51.84 + 5.1984 + 0.2079 + 0.0729 + 0.0007) = √57.3199 = 7.5710
    assert cu.uncertainty_kg == pytest.approx(7.5710, abs=1e-3)
    # Recovery of copper at separation: 228 / 240 = 95 %, which misses 98 %; 95.0 % ± √(7.2² × 0.95² + 2.28² +
    # 0.456²) / 240 = √(46.7856 + 5.1984 + 0.2079) / 240 = 7.2244 / 240 = 3.01 %: too close to say.
    copper = rate(one, "recovery", "Cu", "separation")
    assert copper.value == pytest.approx(0.95)
    assert copper.uncertainty == pytest.approx(0.03010, abs=1e-5)
    [judged] = copper.targets
    assert (judged.target.id, judged.reaches, judged.verdict, judged.counts) == (
        "cn24-cu",
        False,
        "too_close",
        True,
    )
    # Al: 900 × 0.97 = 873 of 10 × 90 = 900: 97 %.
    assert rate(one, "recovery", "Al", "separation").value == pytest.approx(0.97)
    # Powder in the packs: Ni 300 × 1.6635 + Co 100 × 1.6608 + Mn 100 × 1.7088 + C 500 = 499.05 + 166.08 +
    # 170.88 + 500 = 1,336.01 kg; no P in NMC. Won: 1,350 less 1 % Cu and 1 % Al = 1,323 kg: 99.03 %.
    assert rate(one, "powder_recovery", None, "separation").value == pytest.approx(1_323 / 1_336.01)
    # Impurity of the powder: 1 % Cu, below 1.5 %: 1.5 − 1 = 0.5 is far beyond 2 × 0.02.
    impurity = rate(one, "powder_impurity", "Cu", "separation")
    assert impurity.value == pytest.approx(0.01)
    assert [j.verdict for j in impurity.targets] == ["met"]
    # Lithium is in the powder, 59.4 of 60 kg: whether it is won is decided elsewhere: between 0 and 99 %.
    whole = rate(one, "recovery", "Li", "whole")
    assert whole.value is None
    assert (whole.low, whole.high) == (0.0, pytest.approx(0.99))
    # Efficiency: 1,440 kg of metals of 4,000 for sure, with the powder 2,790: 36 to 69.75 %.
    efficiency = rate(one, "efficiency", None, "whole")
    assert (efficiency.low, efficiency.high) == (pytest.approx(0.36), pytest.approx(0.6975))
    assert [(j.target.id, j.verdict) for j in efficiency.targets] == [("eu25-efficiency", "open")]


def line():
    """The shredder's black mass through a hydromet line: two thirds leached, precipitated and refined."""
    return (
        (shredder(), {"NCM-60": 10}),
        processed(
            1,
            "leach",
            (taken("bm", 900.0),),
            (
                made("liquor", "solution", 8_500.0, assays(0.02, Li=0.0044, Ni=0.0229, Co=0.0076)),
                made("cake", "residue", 400.0, assays(0.05, Li=0.0008), waste=True),
            ),
            additions=(stream("reagent", 2_000.0), stream("water", 6_000.0)),
        ),
        processed(
            2,
            "precipitate",
            (taken("liquor", 8_500.0),),
            (
                made("li", "lithium_carbonate", 198.0, assays(0.01, Li=0.187)),
                made("ni", "nickel_sulfate", 872.5, assays(0.01, Ni=0.2225)),
                made("co", "cobalt_sulfate", 303.0, assays(0.01, Co=0.2095)),
                made("water", "wastewater", 7_326.5, waste=True),
            ),
            additions=(stream("reagent", 200.0),),
        ),
    )


def test_a_hydromet_line():
    """Lithium, nickel and cobalt at refining and over the whole way, where a third waits as powder."""
    [one] = balance(material(*line()))
    # Li fed to refining: 900 × 0.044 = 39.6; won 198 × 0.187 = 37.026: 93.5 %.
    li = rate(one, "recovery", "Li", "refining")
    assert li.value == pytest.approx(0.935)
    # u: products 37.026 × √(1 %² + 0.2 %²) = 0.37759; feed 37.026 × √(2 %² + 0.2 %²) = 0.74421; √ of
    # squares = 0.83452; / 39.6 = 2.107 %.
    assert li.uncertainty == pytest.approx(0.02107, abs=1e-5)
    assert [(j.target.id, j.verdict) for j in li.targets] == [("cn24-li", "too_close")]
    # Ni 872.5 × 0.2225 = 194.131 of 900 × 0.22 = 198: 98.05 %; Co 303 × 0.2095 = 63.4785 of 65.7: 96.62 %.
    assert rate(one, "recovery", "Ni", "refining").value == pytest.approx(0.980461, abs=1e-6)
    assert rate(one, "recovery", "Co", "refining").value == pytest.approx(0.966187, abs=1e-6)
    # Whole: of 60 kg Li 59.4 went on as powder (1,350 × 0.044), taken at 93.5 %: 55.539 / 60 = 92.565 %.
    whole = rate(one, "recovery", "Li", "whole")
    assert whole.value == pytest.approx(0.92565)
    # u: dW = [R2 dI1 + I1/D2 (dP2 − R2 dF2) − W dIn] / In. The lot bm enters I1 with 1,350 × 0.935 = 1,262.25
    # and F2 with −59.4/39.6 × 0.935 × 900 = −1,262.25: its assay and its weighing cancel. P2: 1.5 × 0.37759 =
    # 0.56639; packs: 0.92565 × 60 × 3 % = 1.66617. √(0.32080 + 2.77612) / 60 = 1.75981 / 60 = 2.933 %.
    assert whole.uncertainty == pytest.approx(0.02933, abs=1e-5)
    # In March 2026 no EU recovery target holds yet.
    assert whole.targets == ()
    # The site's balance of Li: in 60; out powder 450 × 0.044 = 19.8, carbonate 37.026, cake 0.32.
    balance_li = element(one, "Li")
    assert balance_li.in_kg == pytest.approx(60)
    assert balance_li.out_kg == pytest.approx(57.146)
    assert balance_li.left_kg == pytest.approx(57.146)
    # The liquor was made and used here: it counts on neither side, and nothing is left of it.
    assert "solution" not in one.mass.left_kg
    assert one.mass.left_kg["black_mass"] == 450.0
    # Efficiency: metals 1,440 + powder 1,350 × (37.026 + 194.131 + 63.4785) / 900 = 441.954; / 4,000 = 47 %.
    efficiency = rate(one, "efficiency", None, "whole")
    assert efficiency.value == pytest.approx(0.470488, abs=1e-6)
    assert [j.verdict for j in efficiency.targets] == ["missed"]
    assert not balance(material(*line())).claims


def test_each_number_behind_a_rate_has_its_place_in_the_record():
    """A page can lead from a rate to the entry of the lot, or to that of the model."""
    [one] = balance(material(*line()))
    numbers = {(n.role, n.lot or n.model): n for n in rate(one, "recovery", "Li", "refining").numbers}
    fed = numbers["fed", "91330000MA27U0001P/bm"]
    assert (fed.index, fed.units, fed.kg, fed.basis) == (100, 900.0, pytest.approx(39.6), "assay")
    won = numbers["product", "91330000MA27U0001P/li"]
    assert (won.index, won.kg) == (102, pytest.approx(37.026))
    whole = {(n.stage, n.role, n.lot or n.model): n for n in rate(one, "recovery", "Li", "whole").numbers}
    packs = whole["separation", "fed", "NCM-60"]
    assert (packs.index, packs.units, packs.kg, packs.basis) == (
        NCM.index,
        10,
        pytest.approx(60),
        "composition",
    )


def test_a_campaign_that_is_measured_in_part():
    """Packs of a model without composition, a powder without an assay: what is estimated and how much."""
    bare = Composition("OLD-50", "LFP", 500.0, 50.0, None, 4)
    [one] = balance(
        material(
            (
                recycled(
                    0,
                    2_000.0,
                    (
                        made("bm", "black_mass", 700.0),
                        made("cu", "copper", 100.0, assays(0.01, Cu=0.95)),
                        made("rest", "residue", 1_200.0, waste=True),
                    ),
                ),
                {"OLD-50": 4},
            ),
            models=(bare,),
        )
    )
    # By the table LFP holds 0.5655 kg Cu and 0.089 kg Li a kWh: 4 × 50 × 0.5655 = 113.1 and 17.8 kg, ± 20 %.
    cu, li = element(one, "Cu"), element(one, "Li")
    assert (cu.in_kg, li.in_kg) == (pytest.approx(113.1), pytest.approx(17.8))
    # What is in the powder: of Cu 113.1 − 95 = 18.1, of Li all. Estimated: 113.1 + 18.1, 17.8 + 17.8 kg.
    assert cu.estimated_kg == pytest.approx(131.2)
    assert li.estimated_kg == pytest.approx(35.6)
    # Recovery of Cu 95 / 113.1 = 84 %, of which 113.1 + 18.1 of 113.1 + 18.1 + 95 = 58 % are estimates.
    copper = rate(one, "recovery", "Cu", "separation")
    assert copper.value == pytest.approx(95 / 113.1)
    assert copper.estimated_fraction == pytest.approx(131.2 / 226.2)
    # u: 0.84 × √(20 %² + 1 %² + 0.2 %²) = 16.8 %, so that nothing can be said of 98 %.
    assert copper.uncertainty == pytest.approx(0.16820, abs=1e-4)
    assert [j.verdict for j in copper.targets] == ["too_close"]
    bases = {n.role: n.basis for n in copper.numbers}
    assert bases == {"fed": "table", "carried": "by_feed", "product": "assay"}


def test_a_battery_that_nobody_knows_leaves_rates_open():
    """Without a model nothing can be taken for it but others; without others nothing at all."""
    outputs = (made("cu", "copper", 90.0, assays(0.01, Cu=1.0)), made("rest", "residue", 910.0, waste=True))
    [one] = balance(material((recycled(0, 1_000.0, outputs), {None: 2})))
    assert element(one, "Cu").unknown_in_kg == 1_000.0
    assert not [r for r in one.rates if r.element == "Cu" and r.value is not None]
    # Beside 8 packs of 400 kg with 24 kg of Cu each, 6 % of their mass, 800 kg are taken for 48 kg, ± 50 %.
    outputs = (
        made("cu", "copper", 200.0, assays(0.01, Cu=1.0)),
        made("rest", "residue", 3_800.0, waste=True),
    )
    [one] = balance(material((recycled(0, 4_000.0, outputs), {None: 2, "NCM-60": 8})))
    cu = element(one, "Cu")
    assert cu.in_kg == pytest.approx(240)
    # √((192 × 3 %)² + (48 × 50 %)² + (200 × 1 %)² + (200 × 0.2 %)²) = √(33.1776 + 576 + 4 + 0.16) = 24.766
    assert cu.uncertainty_kg == pytest.approx(24.766, abs=1e-3)
    assert cu.estimated_kg == pytest.approx(48)


def test_a_composition_that_is_wrong_is_wrong_in_every_pack():
    """Two models' errors add in quadrature, those of one model's packs as they are."""
    twin = replace(NCM, model_id="NCM-61")
    outputs = (made("rest", "residue", 80_000.0, waste=True),)
    [one] = balance(material((recycled(0, 80_000.0, outputs), {"NCM-60": 200})))
    # 200 × 24 = 4,800 kg Cu, 3 % of it: 144, and not 24 × 3 % × √200 = 10.2.
    assert element(one, "Cu").uncertainty_kg == pytest.approx(144)
    [one] = balance(
        material((recycled(0, 80_000.0, outputs), {"NCM-60": 100, "NCM-61": 100}), models=(NCM, twin))
    )
    # √(72² + 72²) = 101.82
    assert element(one, "Cu").uncertainty_kg == pytest.approx(101.823, abs=1e-3)


def test_a_batch_of_two_reports_of_batteries_and_a_later_process():
    """What went in is told in two lines, what came out in a third of another day: together they balance."""
    told = (
        (recycled(0, 2_000.0, batch="B7"), {"NCM-60": 5}),
        (recycled(1, 2_000.0, batch="B7"), {"NCM-60": 5}),
        processed(
            40,
            "shred",
            (taken("scrap", 100.0),),
            (
                made("bm", "black_mass", 1_400.0, assays(0.02, Li=0.043)),
                made("cu", "copper", 260.0, assays(0.01, Cu=0.9)),
                made("rest", "residue", 2_400.0, waste=True),
            ),
            batch="B7",
            tolerance_fraction=0.01,
        ),
        created(0, "scrap", "electrodes", 100.0, assays(0.02, Li=0.01, Cu=0.2)),
    )
    [one] = balance(material(*told), by="batch")
    assert (one.name, one.batches, one.batteries, str(one.last)) == ("B7", 1, 10, "2026-04-11")
    # 2 × 2,000 + 100 = 4,100 in, 1,400 + 260 + 2,400 = 4,060 out: 40 kg are within 1 % (41 kg).
    assert one.mass.gap_kg == 40.0
    assert not [f for f in one.findings if f.rule == "recycling.mass_gap"]
    # Cu: 10 × 24 + 100 × 0.2 = 260 in, 260 × 0.9 = 234 won: 90 %, though one line took and another gave.
    assert rate(one, "recovery", "Cu", "separation").value == pytest.approx(0.9)
    # Li: 10 × 6 + 100 × 0.01 = 61 in, 1,400 × 0.043 = 60.2 in powder.
    assert (element(one, "Li").in_kg, element(one, "Li").out_kg) == (pytest.approx(61), pytest.approx(60.2))
    # It is of April, when its last event was, and not of March.
    assert not balance(material(*told), until=date(2026, 3, 31))
    assert len(balance(material(*told), since=date(2026, 4, 1))) == 1
    assert balance(material(*told), by="month")[0].name == "2026-04"
    # A tolerance of 0.5 % (20.5 kg) does not cover it.
    strict = (*told[:2], replace(told[2], tolerance_fraction=0.005), told[3])
    [finding] = balance(material(*strict), by="batch")[0].findings
    assert finding.rule == "recycling.mass_gap"
    assert "40.000 kg more went in" in finding.message


def test_modules_that_go_on_take_their_share_along():
    """A pack that is taken apart into modules gives the casing; what goes on is neither lost nor won."""
    told = (
        kinds.Dismantled(
            occurred_at=at(0),
            code="00CPB000000000G4C0000001",
            codes=("00CMB000000000G4C0000001",),
            site="HZ-1",
            mass_kg=400.0,
            parts_mass_kg=300.0,
            outputs=(made("case", "aluminium", 60.0, assays(0.01, Al=0.95)), made("rest", "plastics", 40.0)),
        ),
        {"NCM-60": 1},
    )
    [one] = balance(material(told))
    assert one.mass.gap_kg == 0.0
    # Al: 90 in; 57 in the casing, 33 go on. What was not kept is all won: 57 / (90 − 33) = 100 %.
    al = element(one, "Al")
    assert (al.in_kg, al.out_kg, al.gap_kg) == (
        pytest.approx(90),
        pytest.approx(90),
        pytest.approx(0, abs=1e-9),
    )
    assert rate(one, "recovery", "Al", "separation").value == pytest.approx(1)
    # Cu: all 24 kg go on, so there is no rate of it.
    assert not [r for r in one.rates if (r.metric, r.element) == ("recovery", "Cu")]


def test_salts_from_batteries_in_one_batch():
    """What both stages reach together, refining reaches at least: enough for the norm, or nothing is said."""
    # Li: 320 × 0.187 = 59.84 of 60: 99.7 %, ± 3.2 %: at least 93 %; 250 × 0.187 = 46.75: 77.9 %, so open.
    for kg, verdict in ((320.0, "met"), (250.0, "open")):
        out = (
            made("li", "lithium_carbonate", kg, assays(0.01, Li=0.187)),
            made("rest", "residue", 4_000.0 - kg, waste=True),
        )
        [one] = balance(material((recycled(0, 4_000.0, out), {"NCM-60": 10})))
        refined = rate(one, "recovery", "Li", "refining")
        assert (refined.value, refined.low, refined.high) == (None, pytest.approx(kg * 0.187 / 60), 1.0)
        assert [(j.target.id, j.verdict) for j in refined.targets] == [("cn24-li", verdict)]


def test_batteries_that_were_not_weighed_leave_the_efficiency_open():
    """Without any mass of the batteries, no share of it is won; their elements are known all the same."""
    light = replace(NCM, model_id="NCM-?", mass_kg=None)
    told = (
        (recycled(0, None, batch="B1"), {"NCM-?": 10}),
        processed(1, "shred", (), (made("cu", "copper", 235.0, assays(0.01, Cu=1.0)),), batch="B1"),
    )
    [one] = balance(material(*told, models=(light,)))
    assert rate(one, "recovery", "Cu", "separation").value == pytest.approx(235 / 240)
    assert not [r for r in one.rates if r.metric == "efficiency"]
    assert not [f for f in one.findings if f.rule == "recycling.mass_gap"]


def test_batteries_that_nobody_weighed_or_knows_are_no_proof_of_a_gain():
    """What is known neither by model nor by mass may hold any metal, so nobody is named."""
    told = (
        (recycled(0, None, batch="B1"), {None: 1}),
        processed(1, "shred", (), (made("cu", "copper", 235.0, assays(0.01, Cu=1.0)),), batch="B1"),
    )
    assert balance(material(*told)).claims == ()


def test_what_is_left_at_the_end_of_a_period():
    """A lot that was made in March and used in April lay there at the end of March, to the milligram."""
    told = line()
    made_then = balance(material(*told), until=date(2026, 3, 2))[0]
    assert made_then.mass.left_kg["black_mass"] == 1_350.0
    # 1,350 × 0.044 = 59.4 kg Li then; 450 kg of the powder and the products hold 57.146 kg in the end.
    assert element(made_then, "Li").left_kg == pytest.approx(59.4)
    later = balance(material(*told), since=date(2026, 3, 3))[0]
    # What the line took was not made in these days: 900 kg come in from stock, and none of it is left.
    assert later.mass.in_kg == pytest.approx(900 + 2_000 + 6_000 + 200)
    assert "black_mass" not in later.mass.left_kg
