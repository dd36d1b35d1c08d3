"""Ageing under a duty: laws that hold whatever the numbers are, and that each number is its source's."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.technology.cell import CELLS
from voltrail.technology.duty import DUTIES, PLACES, duty_of, months_of
from voltrail.technology.life import (
    LAWS,
    LONGEST_YEARS,
    ageing,
    chemistry_of,
    claimed_cycles,
    law_of,
    life,
    remaining,
)

DRAWS = 40
CHEMISTRIES = st.sampled_from(list(LAWS))
NAMES = st.sampled_from(list(DUTIES))
WARM = st.floats(25, 55)


def lost(chemistry, duty, months_c, years):
    own = ageing(law_of(chemistry), duty, months_c, DRAWS)
    return sum(own.lost(np.full(DRAWS, years)))


@given(CHEMISTRIES, NAMES, st.sampled_from(list(PLACES)), st.floats(0, 50), st.floats(0, 50))
def test_nothing_comes_back(chemistry, name, place, one, other):
    """In every draw the loss grows with time, from nothing on."""
    sooner, later = sorted((one, other))
    duty, months_c = DUTIES[name], months_of(place)
    assert np.all(lost(chemistry, duty, months_c, 0.0) == 0)
    assert np.all(lost(chemistry, duty, months_c, sooner) <= lost(chemistry, duty, months_c, later) + 1e-12)


@given(CHEMISTRIES, st.floats(0, 200_000), st.floats(0, 200_000))
def test_more_kilometres_never_age_less(chemistry, one, other):
    """The loss grows with what goes through the battery."""
    less, more = sorted((one, other))
    few, many = (duty_of("private-car", km_a_year=km) for km in (less, more))
    months_c = months_of("shanghai")
    assert np.all(lost(chemistry, few, months_c, 8.0) <= lost(chemistry, many, months_c, 8.0) + 1e-12)


@given(CHEMISTRIES, NAMES, WARM, WARM)
def test_heat_above_the_optimum_never_spares(chemistry, name, one, other):
    """From 25 °C on, a hotter place ages more, at rest and in use."""
    cooler, hotter = sorted((one, other))
    duty = DUTIES[name]
    assert np.all(
        lost(chemistry, duty, months_of(cooler), 8.0) <= lost(chemistry, duty, months_of(hotter), 8.0) + 1e-12
    )


@given(CHEMISTRIES, st.floats(0.01, 1), st.floats(0.01, 1))
def test_deeper_cycles_never_age_less(chemistry, one, other):
    """With as many full cycles a year, deeper ones age at least as much."""
    shallow, deep = sorted((one, other))
    duties = (duty_of("private-car", depth=depth) for depth in (shallow, deep))
    first, second = (lost(chemistry, duty, months_of(25.0), 8.0) for duty in duties)
    assert np.all(first <= second + 1e-12)


@pytest.mark.parametrize("chemistry", LAWS)
def test_without_use_only_the_calendar_ages(chemistry):
    """A battery that does nothing loses what the calendar takes, and nothing by cycling."""
    own = ageing(law_of(chemistry), duty_of("private-car", km_a_year=0), months_of("beijing"), DRAWS)
    by_time, by_cycles = own.lost(np.full(DRAWS, 10.0))
    assert np.all(by_cycles == 0)
    assert np.all(by_time > 0)


@given(CHEMISTRIES, NAMES, st.floats(0.4, 0.93), st.floats(0.4, 0.93))
def test_less_left_takes_longer(chemistry, name, one, other):
    """The lower the end, the later it comes; and at the years that are told so much is left."""
    low, high = sorted((one, other))
    own = ageing(law_of(chemistry), DUTIES[name], months_of("guangzhou"), DRAWS)
    until = own.until(high)
    assert np.all(until <= own.until(low) + 1e-9)
    reached = until < LONGEST_YEARS
    left = 1 - sum(own.lost(until))
    assert np.allclose(left[reached], high, atol=1e-6)
    assert np.all(left[~reached] >= high)


@given(CHEMISTRIES, st.floats(0.5, 2))
def test_time_and_cycles_scale_alone(chemistry, factor):
    """With only cycling, twice the cycles reach the same loss in half the time."""
    months_c = months_of(25.0)
    own = ageing(law_of(chemistry), DUTIES["taxi"], months_c, DRAWS)
    faster = ageing(
        law_of(chemistry), duty_of("taxi", km_a_year=factor * DUTIES["taxi"].km_a_year), months_c, DRAWS
    )
    assert np.allclose(own.lost(np.full(DRAWS, 4.0))[1], faster.lost(np.full(DRAWS, 4.0 / factor))[1])
    assert np.allclose(own.lost(np.full(DRAWS, 4.0))[0], faster.lost(np.full(DRAWS, 4.0))[0])


@given(CHEMISTRIES, st.floats(0, 20), st.floats(0, 20))
def test_a_life_in_two_halves_is_one_life(chemistry, first, second):
    """Going on under the same duty gives what one life of both lengths gives."""
    own = ageing(law_of(chemistry), DUTIES["private-car"], months_of("harbin"), DRAWS)
    half = own.lost(np.full(DRAWS, first))
    assert np.allclose(
        own.lost(np.full(DRAWS, second), half), own.lost(np.full(DRAWS, first + second)), rtol=1e-6
    )


def test_a_measured_condition_gives_what_was_measured():
    """At the condition that a row is told of, the middle is that row: at rest and in cycling."""
    duty = msgspec.structs.replace(
        duty_of("storage", cycles_a_day=0), warmer_k=0.0, rest_soc=0.5, warm_low_c=25.0, warm_high_c=25.0
    )
    for chemistry, law in LAWS.items():
        own = ageing(law_of(chemistry), duty, months_of(25.0), DRAWS)
        years = law.value("calendar_years")
        assert own.lost(np.full(DRAWS, years))[0][0] == pytest.approx(law.value("calendar_loss"))
        full = msgspec.structs.replace(duty, depth=0.8, slow_c=0.5, cycles_a_day=1.0)
        own = ageing(law_of(chemistry), full, months_of(25.0), DRAWS)
        years = law.value("cycle_full") / full.full_a_year
        assert own.lost(np.full(DRAWS, years))[1][0] == pytest.approx(law.value("cycle_loss"))


GAS = 8.314


def test_the_numbers_of_lfp_are_those_of_its_papers():
    """What is derived for LFP follows from the formulas of Naumann et al. 2018 and 2020."""
    law = LAWS["LFP"]

    def at_soc(soc):
        return 2.8575 * (soc - 0.5) ** 3 + 0.60225

    def at_depth(depth):
        return 4.0253 * (depth - 0.6) ** 3 + 1.0923

    rest = 1.2571e-5 * at_soc(0.5) * np.sqrt(885 * 86400)
    assert law.value("calendar_loss") == pytest.approx(rest, rel=0.01)
    assert law.rows["calendar_activation_k"].low == pytest.approx(17126 / GAS, rel=0.01)
    assert law.value("resistance_activation_k") == pytest.approx(71827 / GAS, rel=0.01)
    for beginning, formula, at in (("calendar_at_soc_", at_soc, 0.5), ("cycle_at_depth_", at_depth, 0.8)):
        places, factors = law.anchors(beginning)
        assert factors == pytest.approx(formula(places) / formula(at), abs=0.002)
    use = (0.0630 * 0.5 + 0.0971) * at_depth(0.8) / 100 * np.sqrt(4000)
    assert law.value("cycle_loss") == pytest.approx(use, rel=0.01)


def test_the_numbers_of_nmc_are_those_of_its_paper():
    """What is derived for NMC alone from Schmalstieg et al. 2014 follows from its formulas."""
    law = LAWS["NMC"]
    _, factors = law.anchors("calendar_at_soc_")
    voltage = np.array([3.331, 3.62, 3.6875, 3.932, 4.162])
    assert factors == pytest.approx((7.543 * voltage - 23.75) / (7.543 * voltage[2] - 23.75), abs=0.002)
    rest = (5.270 * voltage[2] - 16.32) * 1e5 * np.exp(-5986 / 298.15) * 365.25**0.75
    assert law.value("resistance_calendar") == pytest.approx(rest, rel=0.01)
    use = (7.348e-3 * (3.7 - 3.667) ** 2 + 7.6e-4 + 4.081e-3 * 0.8) * np.sqrt(2 * 2.05 * 1000)
    assert law.rows["cycle_loss"].high == pytest.approx(use, rel=0.02)


def test_every_row_has_its_standing_and_source():
    """No number of a law or a duty stands without how sure it is, where it is from, and an ordered spread."""
    for law in LAWS.values():
        for row in law.rows.values():
            assert row.standing in {"derived", "recalled", "assumption"}
            assert row.source
            if row.low is not None:
                assert row.low <= row.value <= row.high


@pytest.mark.parametrize(
    "name", ["Li-metal", "Na-ion", "NMC-Si", "quantumscape-qse5", "nio-welion-150", "na-ion"]
)
def test_of_cells_without_a_law_nothing_is_said(name):
    """For solid, hybrid, silicon, metal and sodium cells it refuses in words, whatever cycles are claimed."""
    with pytest.raises(UsageError) as refused:
        chemistry_of(name)
    assert refused.value.rule == "life.unknown"


def test_cells_of_a_known_chemistry_age_by_it():
    """A liquid cell has the law of its chemistry; an NMC that is told more closely that of NMC."""
    liquid = {one.id: one.chemistry for one in CELLS.values() if one.electrolyte == "liquid"}
    assert chemistry_of("nmc-liquid") == liquid["nmc-liquid"] == "NMC"
    assert chemistry_of("NMC811") == "NMC"
    with pytest.raises(UsageError) as refused:
        chemistry_of("unobtainium")
    assert refused.value.rule == "life.cell"


def test_cycle_lives_that_are_claimed_stay_claims():
    """What the catalogue has of cycle life comes with its kind, as it stands there."""
    assert {one.kind for one in claimed_cycles()} <= {"claimed", "target", "reported", "measured_by_maker"}
    assert claimed_cycles()


def test_the_middle_lies_in_its_interval_and_the_seed_decides():
    """The same seed gives the same life; the middle is within nine of ten draws."""
    one, same = (life("NMC", DUTIES["taxi"], months_of("beijing"), draws=200) for _ in range(2))
    assert one.first == same.first
    assert one.first.low < one.first.middle < one.first.high
    assert np.all(one.capacity[1] <= one.capacity[0])
    assert np.all(one.capacity[0] <= one.capacity[2])
    assert one.resistance is not None
    assert life("NCA", DUTIES["taxi"], months_of("beijing"), draws=50).resistance is None


def test_what_goes_beyond_the_tests_is_said():
    """A life longer, a place colder and an end lower than was tested are named."""
    far = life("LFP", DUTIES["private-car"], months_of("harbin"), draws=50)
    assert set(far.beyond) == {"years", "capacity", "cold"}


def test_a_used_battery_has_fewer_years_the_less_is_left():
    """What is left decides how long it lasts still; a battery at its end has no year more."""
    first, then, months_c = DUTIES["private-car"], DUTIES["second-life"], months_of("shanghai")
    years = [
        remaining("LFP", first, then, months_c, soh=(soh, soh), end=0.6).middle for soh in (0.6, 0.7, 0.8)
    ]
    assert years[0] == pytest.approx(0, abs=1e-6)
    assert years == sorted(years)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"end_first": 0.5, "end_second": 0.6}, "life.ends"),
        ({"end_first": float("nan")}, "life.ends"),
        ({"draws": 10**9}, "life.draws"),
        ({"draws": 0}, "life.draws"),
    ],
)
def test_what_cannot_be_is_refused(given, rule):
    """Ends that are no ends and draws without bound are refused before anything is drawn."""
    with pytest.raises(UsageError) as refused:
        life("LFP", DUTIES["taxi"], months_of("beijing"), **given)
    assert refused.value.rule == rule


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e9])
def test_numbers_of_a_duty_have_bounds(value):
    """What is no number of kilometres or degrees is refused by name."""
    with pytest.raises(UsageError) as refused:
        duty_of("taxi", km_a_year=value)
    assert refused.value.rule == "life.number"
    if not -40 <= value <= 60:
        with pytest.raises(UsageError):
            months_of(value)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: duty_of("rocket"), "life.duty"),
        (lambda: months_of("moon"), "life.place"),
        (lambda: duty_of("storage", km_a_year=1.0), "life.number"),
    ],
)
def test_unknown_duties_and_places_are_refused(call, rule):
    """A duty or place that is not known, and kilometres of what does not drive, are refused."""
    with pytest.raises(UsageError) as refused:
        call()
    assert refused.value.rule == rule
