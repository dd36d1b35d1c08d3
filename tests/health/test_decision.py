"""What becomes of a retired battery: worked by hand, and by the laws that any policy must keep."""

import math
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lifecycle.strategies import a_code
from voltrail.health.decision import decide
from voltrail.health.facts import Assessment, Facts
from voltrail.health.normal import Normal, add, multiply, within
from voltrail.health.policy import POLICY, read_rows
from voltrail.health.worth import value_of_knowing, worths_of
from voltrail.regimes import rules_at

DAY = date(2026, 11, 30)
RULES = rules_at(DAY)
CODE = a_code()

# A policy to be worked by hand: round numbers, nothing uncertain but what a test makes so.
ROUND = """\
name,value,low,high,unit
pack.LFP,100,,,USD/kWh
metal.Li,50,,,USD/kg
metal.Cu,10,,,USD/kg
recovery.Li,0.8,,,fraction
recovery.Cu,0.9,,,fraction
recycling.cost,1,,,USD/kg
reuse.value_fraction,0.8,,,fraction
repurpose.value_fraction,0.5,,,fraction
reuse.cost,5,,,USD/kWh
repurpose.cost,10,,,USD/kWh
reuse.soh_least,0.8,,,fraction
repurpose.soh_least,0.6,,,fraction
life.new,10,,,years
discount.rate,0.1,,,fraction/year
test.cost,60,,,USD
test.half_width,0.02,,,fraction
flip.most,0.1,,,probability
gate.age_most,15,,,years
"""


def policy(*rows):
    """Return the round policy, with further rows in the place of its own."""
    found = POLICY.replaced(read_rows(ROUND))
    return found.replaced(read_rows("name,value,low,high,unit\n" + "\n".join(rows))) if rows else found


def facts(**other):
    """Return a sound pack of 50 kWh and 400 kg, 5 kg of it lithium and 30 copper, at 70 % for 4 years."""
    known = {
        "code": CODE,
        "level": "pack",
        "has_code": True,
        "is_retired": True,
        "made_on": date(2020, 5, 1),
        "chemistry": "LFP",
        "energy_kwh": 50.0,
        "mass_kg": 400.0,
        "elements_kg": {"Li": 5.0, "Cu": 30.0, "C": 40.0},
        "soh": Assessment(0.7, 0.7, 7),
        "life": Assessment(4, 4, 7),
        "test": "electrical",
        "looked_at": True,
    }
    return Facts(**known | other)


def decided(battery=None, *rows, **other):
    """Return what becomes of a battery by the round policy."""
    return decide(battery or facts(**other), policy(*rows), RULES, DAY)


def option(decision, way):
    """Return one way of a decision."""
    return next(one for one in decision.options if one.way == way)


def test_worked_by_hand():
    """Sale, making ready, recycling now and later, and what is ahead, each as on paper."""
    found = decided()
    # recycling = 5 kg x 0.8 x 50 + 30 kg x 0.9 x 10 - 400 kg x 1 = 200 + 270 - 400 = 70; carbon has no price
    assert option(found, "recycle").worth.mean == pytest.approx(70)
    # sale = 0.7 x 4 / 10 years x 50 kWh x 100 x 0.5 = 700; ready = 50 x 10 = 500; later = 70 / 1.1^4 = 47.81
    repurpose = option(found, "repurpose")
    assert (repurpose.sale, repurpose.cost) == pytest.approx((700, 500))
    assert repurpose.later == pytest.approx(70 / 1.4641)
    assert repurpose.worth.mean == pytest.approx(700 - 500 + 47.81, abs=0.01)
    # ahead = 247.81 - 70 = 177.81; reuse is worth more (1120 - 250 + 47.81) but 70 % is below its 80 %
    assert found.ahead.mean == pytest.approx(177.81, abs=0.01)
    assert option(found, "reuse").worth.mean == pytest.approx(917.81, abs=0.01)
    assert (found.outcome, found.best, found.flip) == ("repurpose", "repurpose", 0)
    assert option(found, "reuse").standing == "worn"


def test_doubt_worked_by_hand():
    """What a used pack sells for is open by half: recycling is worth more with the chance of z < -1.02."""
    found = decided(None, "repurpose.value_fraction,0.5,0.255,0.745,fraction")
    # sd of the share = 0.49 / 2 / 1.96 = 0.125; of the sale = 1400 x 0.125 = 175; 177.81 / 175 = 1.016 sd
    assert found.ahead.high - found.ahead.mean == pytest.approx(1.96 * 175, rel=1e-3)
    # P(z < -1.016) = 0.1548
    assert found.flip == pytest.approx(0.1548, abs=5e-4)
    # above the allowed 10 %: a test comes first, though it tells nothing where nothing of wear is open
    assert (found.outcome, found.best, found.test.worth) == ("test", "repurpose", 0)
    assert not found.test.pays


def test_what_would_flip_it():
    """Each single value at which both ways are worth the same, worked back to that."""
    levers = {one.name: one for one in decided().levers}
    # what must be earned: 500 + 70 x (1 - 1 / 1.4641) = 522.19 of 700, so 0.746 of each factor
    assert levers["price_per_kwh"].then == pytest.approx(74.6, abs=0.01)
    assert levers["life_years"].then == pytest.approx(2.984, abs=1e-3)
    # of the state of health that would be 0.522: but from 0.6 on it is barred already
    assert levers["soh"].then == 0.6
    # recycling, which comes later by 4 years: (700 - 500) / (1 - 1 / 1.4641) = 630.9
    assert levers["recycling"].then == pytest.approx(630.9, abs=0.1)
    assert decided(None, "pack.LFP,74,,,USD/kWh").best == "recycle"
    assert decided(None, "pack.LFP,75,,,USD/kWh").best == "repurpose"


def test_an_interval_across_the_threshold_orders_a_test():
    """From 55 % to 67 % lies on both sides of 60 %: nobody decides that without a capacity test."""
    found = decided(soh=Assessment(0.55, 0.67, 7))
    assert (found.outcome, found.best, found.straddles) == ("test", "repurpose", ("repurpose",))
    # sd = 0.12 / 3.92 = 0.0306; (0.6 - 0.61) / 0.0306 = -0.3267: below it with 37.2 %
    assert option(found, "repurpose").below == pytest.approx(0.372, abs=1e-3)
    # whoever is wrong loses the 500 of making ready: the test is worth about 500 x 0.37, at 60
    assert found.test.worth == pytest.approx(500 * 0.366, rel=0.02)
    assert found.test.pays
    tested = decided(soh=Assessment(0.55, 0.67, 7), test="capacity")
    assert (tested.outcome, tested.test) == ("repurpose", None)


def test_what_is_not_known_is_named():
    """Without an interval, a life, a chemistry there is no decision, and no guess."""
    found = decided(soh=None, life=None)
    assert (found.outcome, found.missing) == ("undecided", ("soh", "life"))
    assert decided(chemistry=None, elements_kg=None).missing == ("chemistry",)
    assert decided(chemistry="NIB", elements_kg=None).missing == ("composition", "pack.NIB")
    assert decided(energy_kwh=None).missing == ("energy",)
    assert decided(looked_at=False).missing == ("damage.not_seen",)
    early = decide(facts(), POLICY, RULES, date(2020, 1, 1))
    assert early.outcome == "undecided"
    assert "pack.LFP" in early.missing  # a price of 2025 says nothing of 2020


def test_what_is_missing_and_changes_nothing_is_not_asked():
    """What every gate bars is recycled, whatever else is not known; so is what is worn out."""
    barred = decided(soh=None, life=None, incidents=(("fire", 3),))
    assert (barred.outcome, barred.missing, barred.flip) == ("recycle", (), None)
    worn = decided(soh=Assessment(0.3, 0.4, 7), life=None)
    assert worn.outcome == "recycle"
    assert worn.flip < 0.001


FAILING = [
    {"incidents": (("collision", 3),)},
    {"campaigns": ("R-1",)},
    {"travels": "critical"},
    {"made_on": date(2005, 1, 1)},
]


@given(
    st.sampled_from(FAILING),
    st.floats(0.3, 1.0),
    st.floats(0.0, 0.2),
    st.floats(0.5, 15),
    st.sampled_from(["1", "1000", "100000"]),
)
def test_a_failed_gate_always_wins(failing, soh, doubt, life, price):
    """No health, no life and no price buys a second life for what a gate bars."""
    worth = facts(soh=Assessment(soh, soh + doubt, 7), life=Assessment(life, life + 1, 7), **failing)
    found = decided(worth, f"pack.LFP,{price},,,USD/kWh")
    assert (found.outcome, found.best) == ("recycle", "recycle")
    assert {option(found, use).standing for use in ("reuse", "repurpose")} == {"barred"}


@pytest.mark.parametrize("code", [f"NC-{'9' * 18}-1", CODE])
def test_who_it_is_comes_first(code):
    """A battery whose place is disputed, or that is another one, is not decided: not even recycling."""
    disputed = decided(code=code, is_disputed=True, incidents=(("fire", 3),))
    assert (disputed.outcome, disputed.missing) == ("undecided", ("identity.disputed",))
    other = decided(code=code, right=a_code(serial=9))
    assert (other.outcome, other.missing) == ("undecided", ("identity.other_code",))
    assert decided(has_code=False).missing == ("identity.no_code",)


def test_the_use_is_held_against_the_law():
    """A second life in e-bikes is barred since April 2026; whether power tools are is not confirmed."""
    barred = decided(None, "use,Electric Bicycles,,,use")
    assert barred.best == "recycle"
    gate = next(one for one in barred.gates if one.name == "use")
    assert (gate.result, gate.source) == ("fail", "Order No. 73, article 22")
    doubted = decided(None, "use,power tool,,,use")
    assert (doubted.outcome, doubted.missing) == ("undecided", ("use.not_confirmed",))
    before = decide(facts(), policy("use,e-bike,,,use"), RULES, date(2026, 3, 31))
    assert before.best == "repurpose"
    # the old use is not touched by it
    assert decided(facts(soh=Assessment(0.9, 0.9, 7)), "use,e-bike,,,use").best == "reuse"


def test_gaps_count_as_the_policy_says():
    """An open gap leaves it undecided; a policy may let it pass, or bar by it."""
    assert decided(gaps=2).missing == ("history.gaps",)
    assert decided(facts(gaps=2), "gate.history_gap,pass,,,result").outcome == "repurpose"
    assert decided(facts(gaps=2), "gate.history_gap,fail,,,result").outcome == "recycle"
    assert decided(history_before="unknown").missing == ("history.before",)


def test_only_what_is_retired_is_decided():
    """A pack in use, and one that has ended, have nothing to decide."""
    assert decided(is_retired=False).outcome == "not_retired"
    assert decided(end="recycled").outcome == "ended"


DOUBTFUL = (
    "repurpose.value_fraction,0.5,0.3,0.7,fraction",
    "metal.Li,50,30,70,USD/kg",
    "recycling.cost,1,0.5,1.5,USD/kg",
)


@given(
    st.floats(0.4, 1.0),
    st.floats(0, 0.15),
    st.floats(0, 1),
    st.floats(1, 12),
    st.floats(0, 3),
    st.floats(0, 1),
)
def test_more_certain_is_never_more_likely_to_flip(soh, doubt, share, years, spread, other):
    """With the same means, a narrower interval of health or life never raises the chance that it flips."""

    def flip(doubt, spread):
        low, high = max(0.0, soh - doubt), min(1.5, soh + doubt)
        even = min(soh - low, high - soh)
        life = Assessment(max(0.0, years - spread), years + min(spread, years), 7)
        return decided(facts(soh=Assessment(soh - even, soh + even, 7), life=life), *DOUBTFUL).flip

    assert flip(doubt * share, spread * other) <= flip(doubt, spread) + 1e-9


@given(st.floats(1, 400), st.floats(1, 400), st.floats(0.6, 0.95), st.floats(0.5, 10))
def test_a_higher_price_never_speaks_against_using_it_again(one, other, soh, years):
    """The price of a new kWh raises every further use: what is used again is so at a higher price too."""
    cheap, dear = sorted((one, other))
    battery = facts(soh=Assessment(soh, soh, 7), life=Assessment(years, years, 7))
    low, high = (decided(battery, f"pack.LFP,{price:.6f},,,USD/kWh") for price in (cheap, dear))
    assert option(low, "repurpose").worth.mean <= option(high, "repurpose").worth.mean
    assert low.best == "recycle" or high.best != "recycle"


@given(st.floats(0.01, 0.2), st.floats(0.3, 1.0), st.floats(0.3, 1.0), st.booleans(), st.floats(0.001, 0.1))
def test_to_know_is_never_worth_less_than_nothing(sd, soh, least, chosen, error):
    """The value of a test is not negative, and grows with what it costs to be wrong."""
    battery = facts(soh=Assessment(soh - sd, soh + sd, 7))

    def worth(cost):
        worths, lacking = worths_of(
            battery, policy(f"repurpose.cost,{cost},,,USD/kWh").at(DAY), battery.life.normal
        )
        assert not lacking
        return value_of_knowing(worths, "repurpose", "recycle", least, Normal(0, error), chosen=chosen)

    assert worth(10) >= 0
    assert math.isfinite(worth(1e6))


def test_sums_and_products_are_exact():
    """Mean and standard deviation of what is multiplied and added agree with drawing them 200,000 times."""
    rng = random.Random(7)
    a, b, c = Normal(0.7, 0.05), Normal(4, 1), Normal(0.5, 0.1)
    drawn = [rng.gauss(*a) * rng.gauss(*b) * rng.gauss(*c) - rng.gauss(0.2, 0.1) for _ in range(200_000)]
    mean = sum(drawn) / len(drawn)
    sd = math.sqrt(sum((one - mean) ** 2 for one in drawn) / len(drawn))
    found = add(multiply(a, b, c), Normal(0.2, 0.1).times(-1))
    assert (found.mean, found.sd) == pytest.approx((mean, sd), rel=0.02)


@pytest.mark.parametrize(
    ("soh", "life"), [((0.62, 0.78), (2, 6)), ((0.55, 0.75), (3, 5)), ((0.75, 0.9), (4, 9))]
)
def test_the_bound_holds_against_drawing(soh, life):
    """The chance of another best way, found by drawing 20,000 times, is within two points of what is said."""
    rng = random.Random(11)
    battery = facts(soh=Assessment(*soh, 7), life=Assessment(*life, 7))
    found = decided(battery, *DOUBTFUL)
    worths, _ = worths_of(battery, policy(*DOUBTFUL).at(DAY), battery.life.normal)
    flips = 0
    for _ in range(20_000):
        health, years = rng.gauss(*within(*soh)), rng.gauss(*within(*life))
        recycling = rng.gauss(*worths.recycling)
        price = worths.price.mean / 10
        worth = {"recycle": recycling}
        for use, least in (("reuse", 0.8), ("repurpose", 0.6)):
            share, cost = rng.gauss(*worths.fractions[use]), rng.gauss(*worths.costs[use])
            if health >= least:
                worth[use] = health * years * price * share - cost + recycling * (1 - worths.delay)
        flips += max(worth, key=worth.get) != found.best
    assert flips / 20_000 <= found.flip + 0.02


def test_the_same_facts_give_the_same_decision():
    """Nothing of it is drawn by chance."""
    assert decided(soh=Assessment(0.6, 0.8, 7)) == decided(soh=Assessment(0.6, 0.8, 7))
