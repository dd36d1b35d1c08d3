"""What is said of the health of many is what a plain reckoning says, here and on another engine."""

import statistics
from collections import defaultdict
from datetime import date, timedelta

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.config import Config

from voltrail.health import fleet
from voltrail.health.policy import POLICY
from voltrail.health.tables import BATTERIES, MONTHS

TODAY = date(2026, 11, 30)
LIMITS = fleet.Limits.of(POLICY.at(TODAY))


@pytest.fixture(scope="module")
def duck():
    """A database that reads what it is given."""
    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


def month_of(number: int) -> date:
    """A month by its number from January 2020."""
    return date(2020 + number // 12, number % 12 + 1, 1)


def month(code, number, soh, *, half_width=0.02, km=None, refusal=None, vin="LTESTVIN000000001"):
    return dict.fromkeys(MONTHS.names) | {
        "vin": vin, "code": code, "month": month_of(number), "rows": 9, "sessions": 1, "used": 1,
        "soh_fraction": soh, "soh_low": soh and soh - half_width, "soh_high": soh and soh + half_width,
        "refusal": refusal, "odometer_km": km, "alarms": 0,
        "method": "m", "method_version": "1", "trace_digest": "0",
    }  # fmt: skip


def battery(
    code, model="M", made_on=date(2020, 1, 1), sold_on=date(2020, 1, 1), province="44", climate="mild"
):
    return {
        "code": code, "model": model, "chemistry": "LFP", "maker": "us", "made_on": made_on,
        "sold_on": sold_on, "province": province, "climate": climate, "shown": True,
    }  # fmt: skip


def tables(months, batteries):
    return (
        ibis.memtable(pa.Table.from_pylist(months, schema=MONTHS)),
        ibis.memtable(pa.Table.from_pylist(batteries, schema=BATTERIES)),
    )


FACTS = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.integers(0, 60),
        st.none() | st.floats(0.3, 1.1),
        st.none() | st.floats(0, 400_000),
        st.sampled_from(["44", "11", None]),
    ),
    max_size=60,
)


@settings(max_examples=15, deadline=None)
@given(FACTS)
def test_groups_are_as_reckoned_by_hand(duck, facts):
    """
    Whatever months there are, refused or not: each battery counts once, by its latest month that tells, in
    the group it belongs to, and the quantiles of enough of them are those of NumPy.
    """
    seen = {(code, number): (soh, km) for code, number, soh, km, _ in facts}
    provinces = {code: province for code, _, _, _, province in facts}
    months = [
        month(str(code), number, soh, km=km, refusal=None if soh else "health.no")
        for (code, number), (soh, km) in seen.items()
    ]
    batteries = [battery(str(code), province=provinces[code]) for code in provinces]
    known = fleet.told(*tables(months, batteries))
    last = {}
    for (code, number), (soh, km) in sorted(seen.items(), key=lambda one: one[0][1]):
        if soh is not None:
            last[code] = (number, soh, km)
    by_hand = defaultdict(lambda: defaultdict(list))
    for code, (number, soh, km) in last.items():
        days = (month_of(number) - date(2020, 1, 1)).days + 15
        by_hand["age"][int(days / 365.25 * 2)].append(soh)
        by_hand["mileage"][None if km is None else int(km // 20_000) * 20_000].append(soh)
        by_hand["province"][provinces[code]].append(soh)
        by_hand["model"]["M"].append(soh)
        by_hand["climate"]["mild"].append(soh)
    for by in fleet.BY:
        found = duck.to_pyarrow(fleet.grouped(fleet.latest(known), by, LIMITS)).to_pylist()
        assert {row["group"]: row["batteries"] for row in found} == {
            group: len(values) for group, values in by_hand[by].items()
        }
        for row in found:
            values = by_hand[by][row["group"]]
            told = [row["low"], row["middle"], row["high"]]
            if len(values) < LIMITS.group_least:
                assert told == [None] * 3
            else:
                assert told == pytest.approx(np.quantile(values, [0.1, 0.5, 0.9]).tolist())


@settings(max_examples=15, deadline=None)
@given(FACTS)
def test_a_battery_counts_once_in_each_band_of_a_curve(duck, facts):
    """A curve has in each half-year as many as went through it, by the mean of their months there."""
    seen = {(code, number): soh for code, number, soh, _, _ in facts if soh is not None}
    means = defaultdict(lambda: defaultdict(list))
    for (code, number), soh in seen.items():
        days = (month_of(number) - date(2020, 1, 1)).days + 15
        means[int(days / 365.25 * 2)][code].append(soh)
    months = [month(str(code), number, soh) for (code, number), soh in seen.items()]
    known = fleet.told(*tables(months, [battery(str(code)) for code in {code for code, _ in seen}]))
    found = duck.to_pyarrow(fleet.curve(known, "age", LIMITS)).to_pylist()
    assert [row["group"] for row in found] == sorted(means)
    for row in found:
        values = [statistics.fmean(one) for one in means[row["group"]].values()]
        assert row["batteries"] == len(values)
        if len(values) >= LIMITS.group_least:
            assert row["middle"] == pytest.approx(statistics.median(values))


def a_fleet(seed, number=400, spoil=()):
    """Batteries of two models that fade with age and distance, each at its own pace, seen over two years."""
    rng = np.random.default_rng(seed)
    months, batteries = [], []
    for one in range(number):
        code, model = f"C{one:05d}", "AB"[one % 2]
        sold = date(2022, 1, 1) + timedelta(days=int(rng.integers(0, 700)))
        fade, a_year_km = max(0.001, rng.normal(0.02, 0.004)), rng.uniform(10_000, 22_000)
        worse = 0.0
        if one in spoil:  # among many others
            sold, a_year_km, worse = date(2022, 12, 1), 16_000, 0.2
        for at in range(60, 82):
            years = (month_of(at) - sold).days / 365.25
            soh = 1 - fade * years - 2e-7 * a_year_km * years - worse + rng.normal(0, 0.01)
            months.append(month(code, at, soh, km=a_year_km * years))
        batteries.append(battery(code, model, sold, sold))
    return fleet.told(*tables(months, batteries))


@pytest.mark.parametrize("seed", range(5))
def test_nobody_stands_out_of_a_clean_fleet_and_the_planted_one_does(duck, seed):
    """In a fleet that only scatters no battery is accused; one that lost a fifth is named, and it alone."""
    assert duck.to_pyarrow(fleet.outliers(fleet.latest(a_fleet(seed)), LIMITS)).num_rows == 0
    known = fleet.latest(a_fleet(seed, spoil={7}))
    assert duck.to_pyarrow(fleet.judged(known, LIMITS).filter(ibis._.code == "C00007")).num_rows == 1
    found = duck.to_pyarrow(fleet.outliers(known, LIMITS)).to_pylist()
    assert [row["code"] for row in found] == ["C00007"]
    assert found[0]["z"] < -LIMITS.outlier_z
    assert found[0]["peers"] >= LIMITS.peers_least


def test_without_peers_nobody_is_judged(duck):
    """Of nineteen batteries of a kind, the one at half its capacity is not held against the others."""
    months = [month(str(one), 24, 0.5 if one == 0 else 0.9, km=30_000.0) for one in range(19)]
    known = fleet.told(*tables(months, [battery(str(one)) for one in range(19)]))
    assert duck.to_pyarrow(fleet.judged(fleet.latest(known), LIMITS)).num_rows == 0


def standings(duck, months, batteries):
    known = fleet.told(*tables(months, batteries))
    return {
        row["code"]: row
        for row in duck.to_pyarrow(fleet.warranty(known, fleet.latest(known), LIMITS)).to_pylist()
    }


def test_what_the_warranty_says_of_each(duck):
    """
    Below now, below at the end by its trend, perhaps so, not so; too few months, no sale on record, over by
    years or by distance.
    """
    ways = {"below": (0.72, 0.06), "will_be": (1.0, 0.06), "kept": (1.0, 0.01)}
    months, batteries = [], []
    for name, (first, fade) in ways.items():
        months += [
            month(name, at, first - fade * at / 12, half_width=0.01, km=1_000.0 * at) for at in range(36)
        ]
        batteries.append(battery(name, model=name))
    months += [month("too_few", at, 0.95, km=1_000.0) for at in range(3)]
    months += [month("may_be", at, 1 - 0.03 * at / 12, half_width=0.04, km=1_000.0 * at) for at in range(8)]
    months += [month("not_known", at, 0.9, km=1_000.0) for at in range(9)]
    months += [month("old", at, 0.9, km=1_000.0) for at in range(90, 99)]
    months += [month("far", at, 0.9, km=20_000.0 * at) for at in range(9)]
    batteries += [battery(name, model=name) for name in ("too_few", "may_be", "old", "far")]
    batteries.append(battery("not_known", model="not_known", sold_on=None))
    found = standings(duck, months, batteries)
    over = {"old": "over", "far": "over"}
    assert {code: row["standing"] for code, row in found.items()} == {
        one: over.get(one, one) for one in (*ways, "too_few", "may_be", "not_known", "old", "far")
    }
    kept = found["kept"]
    assert kept["at_end"] == pytest.approx(1 - 0.01 * 8, abs=0.005)
    assert kept["end_years"] == 8
    assert kept["at_end_low"] < kept["at_end"] < kept["at_end_high"]


def test_the_end_is_where_the_distance_runs_out(duck):
    """Who drives 40,000 km a year has a warranty of three years, whatever its years are."""
    months = [
        month("C", at, 0.95, km=40_000 * ((month_of(at) - date(2020, 1, 1)).days + 15) / 365.25)
        for at in range(12)
    ]
    assert standings(duck, months, [battery("C")])["C"]["end_years"] == pytest.approx(3)


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_at_the_end_holds_what_comes(duck, seed):
    """
    Of batteries that fade straight on, what they have at the end of their warranty lies in the interval that
    was told two years after their sale, for nineteen of twenty; and few are accused that will keep it.
    """
    rng = np.random.default_rng(seed)
    months, batteries, ends = [], [], {}
    for one in range(200):
        code, fade = f"C{one:05d}", rng.normal(0.03, 0.008)
        ends[code] = 1 - fade * 8
        for at in range(24):
            years = ((month_of(at) - date(2020, 1, 1)).days + 15) / 365.25
            soh = 1 - fade * years + rng.normal(0, 0.01)
            months.append(month(code, at, soh, half_width=0.02, km=1_000.0 * years))
        batteries.append(battery(code))
    found = standings(duck, months, batteries)
    held = sum(row["at_end_low"] <= ends[code] <= row["at_end_high"] for code, row in found.items())
    assert held >= 184
    accused = [code for code, row in found.items() if row["standing"] == "will_be"]
    assert sum(ends[code] > LIMITS.warranty_soh for code in accused) <= 2


def test_the_same_is_said_in_the_words_of_spark(duck):
    """Every expression compiles for PySpark as it does for DuckDB; nothing in it is of one engine."""

    class Options(Config):
        treat_nan_as_null: bool = False

    ibis.options.pyspark = Options()  # as it stands where PySpark is installed
    months = ibis.table(ibis.Schema.from_pyarrow(MONTHS), name="months")
    batteries = ibis.table(ibis.Schema.from_pyarrow(BATTERIES), name="batteries")
    known = fleet.told(months, batteries)
    last = fleet.latest(known)
    for one in (
        *(fleet.grouped(last, by, LIMITS) for by in fleet.BY),
        fleet.curve(known, "age", LIMITS),
        fleet.curve(known, "mileage", LIMITS),
        fleet.outliers(last, LIMITS),
        fleet.warranty(known, last, LIMITS),
    ):
        assert "SELECT" in ibis.to_sql(one, dialect="pyspark")
        assert "SELECT" in ibis.to_sql(one, dialect="duckdb")


def test_nan_and_nonsense_say_nothing(duck):
    """A state of health that is no number, less than nothing or above any battery does not count."""
    months = [
        month(code, 24, soh) for code, soh in (("a", float("nan")), ("b", -0.1), ("c", 7.0), ("d", 0.9))
    ]
    known = fleet.told(*tables(months, [battery(code) for code in "abcd"]))
    assert [row["code"] for row in duck.to_pyarrow(fleet.latest(known)).to_pylist()] == ["d"]
