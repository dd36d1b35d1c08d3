"""A scenario played through: the same from the same seed, with bands, tables and differences that agree."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voltrail.errors import UsageError
from voltrail.outlook import doubt
from voltrail.outlook.book import Row, book
from voltrail.outlook.classes import CHEMISTRIES, FIRST, HISTORY, METALS, SEGMENTS, YEARS
from voltrail.outlook.retired import retired_in
from voltrail.outlook.run import band, run
from voltrail.outlook.scenario import Scenario, scenario_of
from voltrail.outlook.tables import QUANTITIES, as_csv, differences, lines, output_of, parts_of


@pytest.fixture(scope="module")
def outcome():
    return run(Scenario(draws=60, seed=4))


def test_the_same_seed_gives_the_same_and_another_another(outcome):
    """Every figure of a run comes again from its scenario, to the last bit."""
    again = run(Scenario(draws=60, seed=4))
    other = run(Scenario(draws=60, seed=5))
    for name in outcome.flows._fields:
        assert (getattr(outcome.flows, name) == getattr(again.flows, name)).all(), name
    assert (outcome.flows.left != other.flows.left).any()


def test_the_first_draw_is_the_middle_of_everything(outcome):
    """Draw 0 has each parameter at its own value and each figure as published, whatever the seed."""
    alone = run(Scenario(draws=1, seed=99))
    for name in outcome.flows._fields:
        one, other = getattr(alone.flows, name)[0], getattr(outcome.flows, name)[0]
        assert np.allclose(one, other, rtol=1e-12, atol=1e-6), name
    past = doubt.ground(book()).past
    assert np.allclose(alone.course.vehicles[0, :HISTORY], past.vehicles)


@given(
    arrays(
        float,
        st.tuples(st.integers(1, 40), st.integers(1, 3), st.integers(1, 3)),
        elements=st.floats(-1e9, 1e9),
    )
)
def test_bands_are_quantiles(values):
    """Middle, low and high are what NumPy says of the draws, of whatever shape."""
    told = band(values)
    for one, share in zip(told, (0.5, 0.05, 0.95), strict=True):
        assert np.allclose(one, np.quantile(values, share, axis=0), rtol=1e-9, atol=1e-6)


def test_what_is_not_known_has_no_band():
    """One draw that is no number makes the band none: nothing is passed over in silence."""
    told = band(np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 3.0]]))
    assert told.middle[0] == 2
    assert np.isnan([one[1] for one in told]).all()


def test_history_has_a_band_by_the_status_of_its_figures(outcome):
    """Sales of years that are over differ between draws, by some per cent and not more."""
    cars = outcome.course.vehicles[:, HISTORY - 2, SEGMENTS.index("car_bev")]
    assert 0.001 < cars.std() / cars.mean() < 0.2
    mix = outcome.course.mix.sum(axis=3)
    assert np.allclose(mix[outcome.course.mix.any(axis=3)], 1)


def test_every_status_has_a_spread():
    """The table of statuses holds each that a figure may have; unread ones are less sure than read ones."""
    known = doubt.percents()
    assert {row.status for row in book().rows} <= set(known)
    assert known["verified"] < known["derived"] < known["recalled_unverified"] < known["estimate"]


def test_a_vintage_takes_the_doubt_about_vintages_away():
    """A restated figure may be as far off as it was moved, unless it is said at which vintage it is known."""
    rows = [
        Row(
            series="x",
            period="2020",
            segment="",
            value=value,
            unit="",
            status="verified",
            vintage=vintage,
            source="",
        )
        for value, vintage in ((100, "2021-01"), (110, "2022-01"))
    ]
    assert doubt.spread_of("2020", rows, "") == pytest.approx(np.hypot(0.005, 10 / 110))
    assert doubt.spread_of("2020", rows, "2022-06") == doubt.spread_of("2020", rows, "2021-06") == 0.005


def test_nothing_was_known_too_early():
    """A vintage before all figures is refused with what to do."""
    with pytest.raises(UsageError) as error:
        run(scenario_of({}, draws=1, known_at="1990-01"))
    assert error.value.rule == "outlook.known_at"


def test_the_table_is_tidy(outcome):
    """Each quantity, part and year stands once, low to high in order, and wholes are sums of parts."""
    table = lines(outcome)
    keys = [line[:5] for line in table]
    assert len(set(keys)) == len(keys)
    assert {line.what for line in table} == set(QUANTITIES)
    for line in table:
        assert line.low <= line.middle <= line.high or np.isnan(line.middle), line
    one = lines(run(Scenario(draws=1)))
    by = {line[:5]: line.middle for line in one}
    for what in ("left", "stock"):
        whole = by[2030, what, "", "", ""]
        assert whole == pytest.approx(sum(by[2030, what, part, "", ""] for part in SEGMENTS))
        assert whole == pytest.approx(sum(by[2030, what, "", part, ""] for part in CHEMISTRIES))
    assert len({line.metal for line in table} - {""}) == len(METALS)


def test_the_table_as_csv_reads_as_the_table(outcome):
    """A program that reads the CSV has the same rows, figures to six digits."""
    table = lines(outcome, ["left", "metal_recovered"])
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert len(rows) == len(table)
    for row, line in zip(rows, table, strict=True):
        assert (int(row["year"]), row["what"], row["metal"]) == (line.year, line.what, line.metal)
        assert float(row["middle"] or "nan") == pytest.approx(line.middle, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("what", QUANTITIES)
def test_each_output_can_be_asked_for(outcome, what):
    """Every quantity and part has a name by which it can be asked for, and gives a value for each draw."""
    for part in parts_of(QUANTITIES[what]):
        asked = output_of(f"{what}.{part}_2035" if part else f"{what}_2035")
        assert asked.values(outcome).shape == (60,)
    if what == "left":
        left = outcome.flows.left[:, 2035 - FIRST].sum(axis=(1, 2)) / 1e6
        assert np.allclose(output_of("left_2035").values(outcome), left)


@pytest.mark.parametrize(
    "text",
    ["", "left", "left_2010", "left_2051", "left_²030", "lift_2030", "left.x_2030", "share_2030", "left.LFP"],
)
def test_other_outputs_are_refused_with_those_there_are(text):
    """A wrong name is answered with what may be written."""
    with pytest.raises(UsageError) as error:
        output_of(text)
    assert error.value.rule == "outlook.output"
    assert "Write" in error.value.fix


def test_differences_are_between_pairs(outcome):
    """Of a change that acts one way only, every pair says so, though the bands of both overlap."""
    longer = run(scenario_of({"commercial.battery_years": 12}, draws=60, seed=4))
    shorter = run(scenario_of({"commercial.battery_years": 5}, draws=60, seed=4))
    (one,) = differences(longer, shorter, ["left"], [2028])
    assert one.more == 1
    assert one.by.low > 0
    assert one.one.high > one.other.low
    (same,) = differences(outcome, outcome, ["left"], [2028])
    assert (same.more, same.less, same.by) == (0, 0, (0, 0, 0))
    (back,) = differences(shorter, longer, ["left"], [2028])
    assert (back.more, back.less) == (0, 1)
    with pytest.raises(UsageError):
        list(differences(outcome, run(Scenario(draws=30)), ["left"], [2030]))


def test_years_are_those_of_the_classes(outcome):
    """Every array of a run goes over the same forty years."""
    assert all(len(one[0]) == len(YEARS) for one in outcome.flows)


def test_errors_of_figures_move_output_with_what_is_fitted() -> None:
    """
    In each draw what China makes is what is fitted at home and what leaves, however wrong the figures are.
    """
    course = run(Scenario(draws=50)).course
    home = (course.vehicles * course.energy_kwh).sum(axis=2) / 1e6
    assert np.allclose(course.output_gwh, home + course.exported_gwh)


def test_the_law_of_lives_is_the_scenario_s() -> None:
    """Fewer die young by a log-normal law of the same mean: it reaches kWh and packs alike."""
    by_law = {law: run(scenario_of({}, draws=2, law=law)) for law in ("weibull", "lognormal")}
    year = YEARS.tolist().index(2028)
    for unit in ("kwh", "packs"):
        left = {law: retired_in(unit, one).left[0, year].sum() for law, one in by_law.items()}
        assert left["lognormal"] < 0.99 * left["weibull"]
