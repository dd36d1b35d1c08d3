"""State of health by month: its interval, what one wrong session does, what is refused and why."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.traces import DAY, NOVEMBER, OCTOBER, charging, driving, fleet, table
from voltrail.health.capacity import POLICY, REFUSALS, RULES, measuring
from voltrail.health.monthly import middles, reckon
from voltrail.health.sessions import Fitted, Sessions

MONTH = date(2026, 10, 1)
NUMBERS = measuring(MONTH)
CODE, OTHER = "9ZZPB240000003G4C0000001", "9ZZPB240000003G4C0000002"
LFP = Fitted(0, CODE, "S-102", "LFP", 157.0)


def reckoned(rows, *fitted, month=MONTH, start=OCTOBER, stop=NOVEMBER, cuts=()):
    """Return the health of a month, fed in one piece or cut at these rows."""
    seen = Sessions(lambda _: fitted or (LFP,), start, stop, NUMBERS)
    whole = rows if hasattr(rows, "num_rows") else table(rows)
    for begin, end in zip((0, *cuts), (*cuts, whole.num_rows), strict=True):
        seen.take(whole.slice(begin, end - begin))
    seen.end()
    return reckon(seen, month)


def one(rows, *fitted, **also):
    """Return the one month of a battery."""
    [row] = reckoned(rows, *fitted, **also).months.to_pylist()
    return row


def each(reports):
    """Return the state of health of each vehicle's battery, and its interval."""
    seen = Sessions(lambda vin: [LFP._replace(code=vin)], OCTOBER, NOVEMBER, NUMBERS)
    seen.take(reports)
    seen.end()
    months = reckon(seen, MONTH).months
    return [months[name].to_numpy() for name in ("soh_fraction", "soh_low", "soh_high")]


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Of 400 batteries whose capacity is known, 95 % or a little more lie within their interval of 95 %."""
    reports, truths = fleet(400, NUMBERS, seed=10)
    true = np.array([truth.capacity_ah / 157.0 for truth in truths])
    soh, low, high = each(reports)
    inside = np.mean((low <= true) & (true <= high))
    assert 0.92 <= inside <= 0.985, inside
    error = soh - true
    assert abs(error.mean()) < 0.004, "no bias"
    assert np.median(high - low) < 0.12


def test_one_session_that_is_wrong_moves_little():
    """A session that shows far too much capacity moves the month by less than a third of its interval."""
    for seed in range(5):
        soh, low, high = each(fleet(20, NUMBERS, seed)[0])
        moved = each(fleet(20, NUMBERS, seed, wrong=1)[0])[0] - soh
        assert np.all(np.abs(moved) < (high - low) / 3)


values = st.lists(st.floats(90, 110), min_size=5, max_size=40)


@given(values, st.floats(-1e6, 1e6), st.floats(0.5, 5))
def test_an_outlier_moves_the_middle_by_less_than_the_others_scatter(capacities, outlier, sd):
    """However far out one value is, the middle stays within what the others are."""
    mixed = np.array([*capacities, outlier])
    [middle], [spread], _ = middles(np.array([0, len(mixed)]), mixed, np.full(len(mixed), sd))
    slack = 2 * sd
    assert min(capacities) - slack <= middle <= max(capacities) + slack
    assert np.isfinite(spread)


@given(values, st.randoms())
def test_the_middle_knows_no_order_and_no_unit(capacities, random):
    """The same sessions in another order, or in another unit, give the same middle."""
    x = np.array(capacities)
    starts, sds = np.array([0, len(x)]), np.linspace(1, 3, len(x))
    order = np.array(random.sample(range(len(x)), len(x)))
    first = middles(starts, x, sds)
    shuffled = middles(starts, x[order], sds[order])
    scaled = middles(starts, 4 * x, 4 * sds)
    assert first[0] == pytest.approx(shuffled[0], rel=1e-6)
    assert 4 * first[0] == pytest.approx(scaled[0], rel=1e-6)
    assert 4 * first[1] == pytest.approx(scaled[1], rel=1e-6)


def test_more_sessions_narrow_the_random_part_and_not_the_systematic():
    """The interval falls with sessions towards what sensor and scale leave, and never below."""
    widths = []
    for sessions in (1, 4, 10):
        rows = [row for n in range(sessions) for row in charging(OCTOBER + n * 2 * DAY, 16_000, soc=15.0)]
        month = one(rows)
        assert month["used"] == sessions
        widths.append((month["soh_high"] - month["soh_low"]) / month["soh_fraction"] / 2 / 1.96)
    floor = np.hypot(NUMBERS.gain_sd, NUMBERS.scale_sd)
    assert widths[0] > widths[1] > widths[2] > floor


def test_a_wide_session_says_more_than_a_narrow_one():
    """The standard deviation of a capacity falls as the span of the state of charge grows."""
    sds = []
    for hours in (3, 4, 5):
        rows = charging(seconds=hours * 3600, soc=15.0)
        [session] = reckoned(rows).sessions.to_pylist()
        sds.append(session["capacity_sd_ah"])
        assert session["capacity_ah"] == pytest.approx(157.0, rel=0.01)
    assert sds[0] > sds[1] > sds[2]


REFUSED = {
    "health.battery": (charging(), [Fitted(0)]),
    "health.several_packs": (charging(), [Fitted(0, packs=2)]),
    "health.chemistry": (charging(), [LFP._replace(chemistry="LMB")]),
    "health.model_capacity": (charging(), [LFP._replace(capacity_ah=None)]),
    "health.current_sign": (charging(current_a=25.0), [LFP]),
    "health.soc_span": (charging(seconds=7_200), [LFP]),
    "health.soc_jump": (
        charging(seconds=7_200) + charging(OCTOBER + 7_230, 7_200, soc=60.0),
        [LFP],
    ),
    "health.gaps": (charging(step_s=500), [LFP]),
    "health.cold": (charging(probe_min_c=-5), [LFP]),
    "health.no_session": (driving(OCTOBER), [LFP]),
    "health.implausible": (charging(), [LFP._replace(capacity_ah=120.0)]),
}


@pytest.mark.parametrize("rule", RULES)
def test_what_shows_no_capacity_is_refused_by_name(rule):
    """Each way in which nothing follows has its rule, and then there is no figure at all."""
    rows, fitted = REFUSED[rule]
    month = one(rows, *fitted)
    assert month["refusal"] == rule
    assert [month[name] for name in ("soh_fraction", "soh_low", "soh_high", "capacity_ah")] == [None] * 4
    assert month["used"] == 0


def test_refusals_say_what_would_be_needed():
    """Each has what is wrong and what to do, as sentences."""
    for refusal in REFUSALS:
        assert refusal.message.endswith(".")
        assert refusal.fix.endswith(".")


def test_the_voltage_of_lfp_says_nothing_where_it_is_flat():
    """Cells between 20 and 90 % are not looked at in LFP; in NCM they are."""
    wild = {"cell_max_mv": 3900, "cell_min_mv": 3000, "cell_min_no": 7, "current_a": 0.0}
    for soc in (20, 55, 90):
        month = one(driving(OCTOBER, 50, soc=soc, **wild))
        assert (month["spread_mv"], month["weakest_cell"], month["weakest_share"]) == (None, None, None)
    ncm = LFP._replace(chemistry="NCM")
    assert one(driving(OCTOBER, 50, soc=55, **wild), ncm)["spread_mv"] > 200
    unknown = LFP._replace(chemistry=None)
    assert one(driving(OCTOBER, 50, soc=10, **wild), unknown)["spread_mv"] is None


def test_the_weakest_cell_is_the_lowest_near_the_end_of_discharge():
    """It is told with how often it was the lowest, and not from too few reports."""
    cells = {"cell_max_mv": 3010, "cell_min_mv": 2990, "current_a": 5.0, "soc_percent": 12}
    rows = driving(OCTOBER, 30, cell_min_no=44, **cells)
    rows += driving(OCTOBER + DAY, 10, cell_min_no=3, **cells)
    month = one(rows)
    assert (month["weakest_cell"], month["weakest_share"]) == (44, 0.75)
    assert month["spread_mv"] == pytest.approx(20, abs=1)
    assert one(rows[:9])["weakest_cell"] is None


def test_a_swapped_battery_keeps_its_own_sessions():
    """Sessions before the swap are the old battery's, those after it the new one's."""
    swap = OCTOBER + 10 * DAY
    rows = charging() + charging(OCTOBER + 20 * DAY, capacity_ah=140.0)
    found = reckoned(rows, LFP, LFP._replace(begins_s=swap, code=OTHER))
    months = {row["code"]: row for row in found.months.to_pylist()}
    assert months[CODE]["capacity_ah"] == pytest.approx(157.0, rel=0.02)
    assert months[OTHER]["capacity_ah"] == pytest.approx(140.0, rel=0.02)
    assert found.sessions["code"].to_pylist() == [CODE, OTHER]
    during = reckoned(charging(swap - 7_200), LFP, LFP._replace(begins_s=swap, code=OTHER))
    assert during.sessions["code"].to_pylist() == [CODE, OTHER], "a swap ends a session"


def test_a_battery_that_comes_back_has_one_month():
    """Out of a vehicle and in again, or in two vehicles, a battery has one row with all its sessions."""
    back = [
        LFP,
        LFP._replace(begins_s=OCTOBER + 5 * DAY, code=OTHER),
        LFP._replace(begins_s=OCTOBER + 9 * DAY),
    ]
    rows = [row for day in (0, 6, 12) for row in charging(OCTOBER + day * DAY)]
    months = {row["code"]: row["sessions"] for row in reckoned(rows, *back).months.to_pylist()}
    assert months == {CODE: 2, OTHER: 1}


def test_each_number_of_the_method_has_a_source_or_says_it_has_none():
    """No number is given as known whose source is not named."""
    for row in POLICY.rows:
        assert row.source or row.confidence == "assumption", row.name
        assert row.note, row.name


def test_what_a_hostile_vehicle_sends_does_no_harm():
    """Numbers at their limits, an odometer that leaps, cells beyond all: nothing breaks or is believed."""
    rows = charging(cell_min_no=65_535, cell_max_mv=65_535, cell_min_mv=1, packs=255, alarm_level=255)
    rows += driving(OCTOBER + 5 * DAY, cell_min_no=65_535, cell_max_mv=1, cell_min_mv=65_535, voltage_v=3e38)
    for number, row in enumerate(rows):
        row["odometer_km"] = 1_000.0 + 0.001 * number if number % 50 else 429_496_729.5
    month = one(rows)
    assert month["odometer_km"] < 1_001
    assert month["driven_km"] < 1
    assert month["weakest_cell"] is None
