"""Charging sessions out of reports: what is one, what it charged, and the same however it is fed."""

import hashlib
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.test_monthly import CODE, LFP, MONTH, NUMBERS, reckoned
from tests.health.traces import DAY, NOVEMBER, OCTOBER, charging, driving, table
from voltrail.health.monthly import reckon
from voltrail.health.sessions import Sessions


def sessions(rows, **also):
    """Return the sessions of these reports."""
    return reckoned(rows, **also).sessions.to_pylist()


def test_a_session_is_what_flowed():
    """Charge and energy are the integrals of what was reported; both ends of SOC and the temperatures are."""
    [found] = sessions(charging(amps=30.0, seconds=14_400, soc=20.0))
    assert found["charge_ah"] == pytest.approx(120.0)
    assert found["energy_kwh"] == pytest.approx(48.0)
    assert (found["soc_from_percent"], found["soc_to_percent"]) == (20, 96)
    assert (found["probe_min_c"], found["probe_max_c"], found["rows"]) == (24, 30, 481)
    assert (found["ended_at"] - found["began_at"]).total_seconds() == 14_400


def test_what_flows_while_full_is_shown_is_left_out():
    """Charging that goes on at 100 % makes no battery larger."""
    [found] = sessions(charging(amps=30.0, seconds=6 * 3600, soc=20.0))
    assert found["soc_to_percent"] == 100
    assert found["charge_ah"] == pytest.approx(180.0)
    assert found["capacity_ah"] == pytest.approx(157.0, rel=0.01)


def test_a_session_ends_with_driving_another_status_or_silence():
    """Two halves with something between them are two sessions; a short silence is within one."""
    first, second = charging(seconds=3_600), charging(OCTOBER + 4_000, 3_600)
    assert len(sessions(first + second)) == 1, "400 s of silence"
    assert len(sessions(first + charging(OCTOBER + 4_300, 3_600))) == 2, "700 s of silence"
    assert len(sessions(first + driving(OCTOBER + 3_700, 1) + second)) == 2
    complete = {"speed_kmh": 0.0, "charging_status": 4}
    assert len(sessions(first + driving(OCTOBER + 3_700, 1, **complete) + second)) == 2
    assert len(sessions(driving(OCTOBER, charging_status=1))) == 0, "who moves does not charge"


def test_what_is_null_is_no_measurement():
    """Without a current a report does not count, without SOC it charges, without a voltage no energy is."""
    rows = charging(amps=30.0)
    silent = [row | ({"current_a": None} if 10 < n < 20 else {}) for n, row in enumerate(rows)]
    [found] = sessions(silent)
    assert found["rows"] == len(rows) - 9
    assert found["charge_ah"] == pytest.approx(120.0)
    [found] = sessions([row | ({"soc_percent": None} if n % 3 else {}) for n, row in enumerate(rows)])
    assert found["capacity_ah"] == pytest.approx(157.0, rel=0.02)
    [found] = sessions([row | ({"voltage_v": None} if n == 7 else {}) for n, row in enumerate(rows)])
    assert found["energy_kwh"] is None
    assert found["charge_ah"] == pytest.approx(120.0)
    [found] = sessions([row | ({"charging_status": None} if n % 2 else {}) for n, row in enumerate(rows)])
    assert found["charge_ah"] == pytest.approx(120.0), "who does not say ends nothing"


@given(st.lists(st.integers(0, 3_000), max_size=12), st.integers(0, 5))
def test_it_is_the_same_however_it_is_cut(places, seed):
    """Fed whole, by hours or cut anywhere in time, the same sessions, months and digests come out."""
    rows = [
        row | {"vin": f"LTESTVIN00000000{vin}", "cell_min_no": 5, "cell_max_mv": 3000, "cell_min_mv": 2990}
        for vin in range(3)
        for day in range(2)
        for row in charging(OCTOBER + day * DAY + vin * 777 + seed * 40_000, 13_000)
        + driving(OCTOBER + day * DAY + vin * 777 + seed * 40_000 + 14_000)
    ]
    rows.sort(key=lambda row: row["at"])

    def fed(pieces):
        seen = Sessions(lambda vin: [LFP._replace(code=vin)], OCTOBER, NOVEMBER, NUMBERS)
        for piece in pieces:
            seen.take(table(piece))
        seen.end()
        return [one.sort_by("vin").to_pylist() for one in reckon(seen, MONTH)]

    cuts = sorted({0, *(place for place in places if place < len(rows)), len(rows)})
    pieces = [rows[begin:end] for begin, end in pairwise(cuts)]
    assert fed([rows]) == fed(pieces)


anything = st.fixed_dictionaries(
    {
        "charging_status": st.sampled_from([None, 1, 1, 1, 2, 3, 4, 254]),
        "speed_kmh": st.sampled_from([None, 0.0, 220.0]),
        "current_a": st.none() | st.floats(-3_000, 3_553, width=32),
        "voltage_v": st.none() | st.floats(0, 2_000, width=32),
        "odometer_km": st.none() | st.floats(0, 1e6),
        "soc_percent": st.none() | st.integers(0, 255),
        "packs": st.none() | st.integers(0, 255),
        "cell_max_mv": st.none() | st.integers(0, 65_535),
        "cell_min_mv": st.none() | st.integers(0, 65_535),
        "cell_min_no": st.none() | st.integers(0, 65_535),
        "probe_max_c": st.none() | st.integers(-40, 210),
        "probe_min_c": st.none() | st.integers(-40, 210),
        "alarm_level": st.none() | st.integers(0, 255),
    }
)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2_000), anything), max_size=60), st.integers(1, 60)
)
def test_whatever_vehicles_say_what_is_told_holds_together(said, piece):
    """Counts add up, an interval holds its middle, and there is a figure or a reason, never both."""
    at, rows = NOVEMBER - 5_000, []
    for vin, later, row in said:
        at += max(later, 0)
        rows.append(row | {"vin": f"LTESTVIN00000000{vin}", "at": at})
    seen = Sessions(
        lambda vin: [LFP._replace(code=vin), LFP._replace(begins_s=NOVEMBER - 2_000)],
        OCTOBER,
        NOVEMBER,
        NUMBERS,
    )
    for begin in range(0, len(rows), piece):
        seen.take(table(rows[begin : begin + piece]))
    seen.end()
    months, found = (one.to_pylist() for one in reckon(seen, MONTH))
    assert sum(month["rows"] for month in months) == sum(row["at"] < NOVEMBER for row in rows)
    assert sum(month["used"] for month in months) <= len(found)
    for month in months:
        assert (month["soh_fraction"] is None) == (month["refusal"] is not None)
        if month["soh_fraction"] is not None:
            assert 0 <= month["soh_low"] <= month["soh_fraction"] <= month["soh_high"]
    for session in found:
        assert (session["capacity_ah"] is None) == (session["refusal"] is not None)
        assert session["began_at"] < session["ended_at"]


def test_a_session_over_midnight_is_of_the_month_in_which_it_ended():
    """Months reckoned each by itself, with a day before and an hour after, have it once and whole."""
    rows = charging(NOVEMBER - 7_200) + charging(NOVEMBER - 2 * DAY) + charging(NOVEMBER + DAY)
    october = sessions([row for row in rows if row["at"] < NOVEMBER + 3_600])
    november = sessions(
        [row for row in rows if row["at"] >= NOVEMBER - DAY], start=NOVEMBER, stop=NOVEMBER + 30 * DAY
    )
    assert [one["began_at"].timestamp() for one in october] == [NOVEMBER - 2 * DAY]
    assert [one["began_at"].timestamp() for one in november] == [NOVEMBER - 7_200, NOVEMBER + DAY]
    assert len({one["rows"] for one in october + november}) == 1


def test_a_month_counts_its_own_rows_alone():
    """Reports of the day before and the hour after are read, and are in no count of the month."""
    rows = driving(OCTOBER - 3_000) + driving(OCTOBER + 3_000) + driving(NOVEMBER)
    [month] = reckoned(rows).months.to_pylist()
    assert month["rows"] == 20


def test_the_digest_is_what_the_docstring_says():
    """It is reckoned here again from the rows, by hand; any change of what counts changes it."""
    rows = charging(seconds=10_000) + charging(OCTOBER + DAY, voltage_v=None, probe_min_c=None, packs=None)
    parts = [hashlib.sha256(), hashlib.sha256()]
    for row in rows:
        voltage = float("nan") if row["voltage_v"] is None else row["voltage_v"]
        cold = 32_767 if row["probe_min_c"] is None else row["probe_min_c"]
        packs = 255 if row["packs"] is None else row["packs"]
        parts[row["at"] >= OCTOBER + DAY].update(
            struct.pack("<qffhBB", row["at"], row["current_a"], voltage, cold, row["soc_percent"], packs)
        )
    found = reckoned(rows)
    assert found.sessions["trace_digest"].to_pylist() == [part.hexdigest() for part in parts]
    whole = hashlib.sha256(b"".join(part.digest() for part in parts)).hexdigest()
    assert found.months["trace_digest"].to_pylist() == [whole]
    for name, value in (("current_a", -25.5), ("voltage_v", 399.0), ("soc_percent", 77), ("probe_min_c", 2)):
        changed = [row | ({name: value} if number == 100 else {}) for number, row in enumerate(rows)]
        assert reckoned(changed).months["trace_digest"].to_pylist() != [whole], name


def test_a_vehicle_that_was_never_seen_before_gets_room():
    """Thousands of vehicles in one table, most of them new, each keep their own session."""
    rows = [
        row | {"vin": f"LTESTVIN{vin:09d}"} for vin in range(3_000) for row in charging(seconds=60, step_s=30)
    ]
    seen = Sessions(lambda vin: [LFP._replace(code=vin)], OCTOBER, NOVEMBER, NUMBERS)
    seen.take(table(rows[:300]))
    seen.take(table([row | {"at": row["at"] + 90} for row in rows]))
    seen.end()
    found = reckon(seen, MONTH).sessions
    assert found.num_rows == 3_000
    assert sum(found["rows"].to_pylist()) == 9_300
    assert CODE not in found["code"].to_pylist()
