"""Yield, scrap and drift of a line: laws that hold whatever was reported, and shifts that are found."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.technology.line import (
    BASELINE,
    MOST_POINTS,
    QUANTITIES,
    STEPS,
    Reading,
    Share,
    Worked,
    control,
    line_yield,
    measured,
    pareto,
    rolled,
    wilson,
)

REASONS = st.dictionaries(st.sampled_from(["leak", "crack", "short"]), st.floats(0, 100), max_size=3)


@st.composite
def reports(draw):
    """What a step may report: what came in is what is good, scrapped, and what is still in it."""
    scrapped = draw(st.none() | REASONS)
    good, left = draw(st.floats(0, 1e6)), draw(st.floats(0, 1e4))
    return Worked(
        at=draw(st.floats(0, 1e9)),
        step=draw(st.sampled_from(["mixing", "sealing", "grading", "something new"])),
        unit=draw(st.sampled_from(["pieces", "kg", "m"])),
        entered=good + left + sum((scrapped or {}).values()),
        good=good,
        scrapped=scrapped,
    )


def series(values, step="sealing", quantity="temperature_c"):
    return [
        (Worked(at=at, step=step, unit="pieces", entered=1, good=1, index=at), value)
        for at, value in enumerate(values)
    ]


def noise(seed, number):
    rng = random.Random(seed)
    return [rng.gauss(10, 1) for _ in range(number)]


@given(st.lists(reports(), max_size=30))
def test_yields_are_shares_within_their_intervals(told):
    """Each yield lies from 0 to 1 within its interval; the rolled one is their product, below each."""
    found = line_yield(told)
    shares = [one.fraction for one in found.steps if one.fraction is not None]
    for one in [*shares, *([found.rolled] if found.rolled else [])]:
        assert 0 <= one.middle <= 1
        if one.low is not None:
            assert 0 <= one.low <= one.middle + 1e-9
            assert one.middle - 1e-9 <= one.high <= 1
    if found.rolled is None:
        assert not shares
    else:
        assert found.rolled.middle == pytest.approx(math.prod(one.middle for one in shares))
        assert all(found.rolled.middle <= one.middle + 1e-9 for one in shares)


@given(st.lists(reports(), max_size=30))
def test_nothing_is_lost_from_the_books(told):
    """What entered a step is what is good, lost or still in it; the reasons add up to what was lost."""
    found = line_yield(told)
    for one in found.steps:
        assert one.entered == pytest.approx(one.good + one.lost + one.waiting, rel=1e-6, abs=1e-3)
    for unit, reasons in pareto(told).items():
        lost = sum(one.lost for one in found.steps if one.unit == unit)
        assert sum(one.amount for one in reasons) == pytest.approx(lost, rel=1e-6, abs=1e-3)
        assert [one.amount for one in reasons] == sorted((one.amount for one in reasons), reverse=True)
        assert reasons[-1].so_far == pytest.approx(1)


def test_the_interval_of_a_share_holds_what_it_says():
    """The interval of Wilson for 9 of 10 is that of the textbook, and it covers the truth nearly always."""
    found = wilson(9, 10)
    assert (found.low, found.high) == (pytest.approx(0.5958, abs=1e-3), pytest.approx(0.9821, abs=1e-3))
    rng = random.Random(7)
    held = 0
    for _ in range(600):
        one = wilson(sum(rng.random() < 0.93 for _ in range(60)), 60)
        held += one.low <= 0.93 <= one.high
    assert held / 600 >= 0.92


def test_the_interval_of_the_rolled_yield_holds_the_truth():
    """Five steps of known yields: the product lies within its interval about as often as it says."""
    rng, truth, held = random.Random(8), (0.98, 0.95, 0.9, 0.97, 0.99), 0
    for _ in range(400):
        one = rolled([wilson(sum(rng.random() < p for _ in range(150)), 150) for p in truth])
        held += one.low <= math.prod(truth) <= one.high
    assert held / 400 >= 0.92


def test_a_share_of_nothing_is_nothing():
    """A step through which nothing comes stops the line; without shares or bounds there is none."""
    assert rolled([]) is None
    assert rolled([wilson(0, 10), wilson(9, 10)]).middle == 0
    assert rolled([wilson(0, 10), wilson(9, 10)]).low == 0
    assert rolled([wilson(9, 10), Share(0.5, None, None)]).low is None


def test_steps_stand_in_the_order_of_a_line():
    """Usual steps in their order, one that no table knows after them; kilograms need five reports."""
    told = [
        Worked(at=0, step=step, unit=unit, entered=10, good=9, scrapped={})
        for step, unit in (("own step", "pieces"), ("grading", "pieces"), ("coating", "m"))
    ]
    found = line_yield(told)
    assert [one.step for one in found.steps] == ["coating", "grading", "own step"]
    assert found.steps[0].waiting == 1
    assert found.steps[0].fraction.low is None
    assert found.rolled.low is None


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_shift_is_found_soon(seed):
    """A shift of three sigmas is found within 12 points, and said to have begun near where it did."""
    values = noise(seed, 45)
    chart = control("sealing", "temperature_c", series(values[:35] + [value + 6 for value in values[35:]]))
    assert chart.drift is not None
    assert chart.drift.found <= 35 + 12
    assert chart.drift.by > 0
    assert chart.drift.since <= chart.drift.found


def test_shifts_are_found_within_the_stated_points():
    """Two sigmas within 15 points in 95 of 100 series, three within 6: what the documents say."""
    for shift, within in ((2, 15), (3, 6)):
        late = 0
        for seed in range(300):
            values = noise(seed, BASELINE + 50)
            values[35:] = [value + shift for value in values[35:]]
            chart = control("sealing", "temperature_c", series(values))
            late += not any(35 <= one.found < 35 + within for one in chart.drifts)
        assert late / 300 <= 0.06


def test_what_does_not_change_seldom_counts_as_drifting():
    """Of series in control at most 5 in 100 ever drift within 50 points, and few points break a rule."""
    charts = [
        control("sealing", "temperature_c", series(noise(1_000 + seed, BASELINE + 50))) for seed in range(600)
    ]
    assert sum(bool(one.drifts) for one in charts) / 600 <= 0.055
    assert sum(len(one.flagged) for one in charts) / (600 * 50) <= 0.05


def test_rules_are_those_of_the_handbook():
    """Each rule is broken by the pattern that it is about, and by no milder one; never in the baseline."""
    quiet = [9.0, 11.0] * 13  # sigma is 2 / 1.128
    sigma = 2 / 1.128379

    def last(*zones):
        values = [*quiet[:BASELINE], *(control_centre + zone * sigma for zone in zones)]
        return control("sealing", "temperature_c", series(values)).points[-1].rules

    control_centre = sum(quiet[:BASELINE]) / BASELINE
    assert last(3.1) == (1,)
    assert last(2.9) == ()
    assert last(2.1, 0, 2.1) == (2,)
    assert last(2.1, 0, -2.1) == ()
    assert last(1.1, 1.1, 0.5, 1.1, 1.1) == (3,)
    assert last(*[0.5] * 8) == (4,)
    assert last(*[0.5] * 7) == ()
    wild = control("sealing", "temperature_c", series([*quiet[:20], 99.0, *quiet[:10]]))
    assert not wild.points[20].rules


def test_a_drift_that_ended_is_told_as_such():
    """A reading that was off for a while and came back does not drift now; when it came back is told."""
    values = noise(3, 80)
    chart = control(
        "sealing", "temperature_c", series([v + (4 if 35 <= i < 50 else 0) for i, v in enumerate(values)])
    )
    assert chart.drift is None
    assert any(35 <= one.found < 50 and one.until is not None and one.until >= 50 for one in chart.drifts)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (noise(1, BASELINE), "line.points"),
        ([], "line.points"),
        ([1.0] * (MOST_POINTS + 1), "line.points"),
        ([5.0] * 30, "line.still"),
        ([1e308, -1e308] * 20, "line.still"),
    ],
)
def test_what_has_no_limits_is_refused(values, rule):
    """Too few points, too many, and a baseline that cannot be reckoned with: each says what to do."""
    with pytest.raises(UsageError) as caught:
        control("sealing", "temperature_c", series(values))
    assert caught.value.rule == rule
    assert caught.value.fix


def test_readings_stand_in_the_order_of_the_line_and_of_time():
    """Whatever the order of the reports, each reading is a series in time, the steps in their order."""
    told = [
        Worked(at=at, step=step, unit="pieces", entered=1, good=1, readings=[Reading("capacity_ah", at)])
        for step in ("grading", "mixing")
        for at in (3, 1, 2)
    ]
    found = measured(told)
    assert list(found) == [("mixing", "capacity_ah"), ("grading", "capacity_ah")]
    assert [value for _, value in found["mixing", "capacity_ah"]] == [1, 2, 3]


def test_the_tables_hold_together():
    """Every usual reading belongs to a step; each has names in both languages; orders differ."""
    assert {one.step for one in QUANTITIES.values()} <= STEPS.keys()
    assert len({one.order for one in STEPS.values()}) == len(STEPS)
    for one in (*STEPS.values(), *QUANTITIES.values()):
        assert one.en.isascii() or "µ" in one.en
        assert any(ord(letter) > 0x4E00 for letter in one.zh)
