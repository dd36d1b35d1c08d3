"""Curves of adoption: found again where they are exact, growing, within their ceilings; and the series."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from voltrail.outlook import adoption
from voltrail.outlook.adoption import CURVES, MODELS, SERIES, Prior, fit, look_ahead, period, reference
from voltrail.outlook.backtest import Point, forecast
from voltrail.outlook.book import Book, Row, book
from voltrail.outlook.classes import GROUPS
from voltrail.web.outlook_adoption import SERIES as NAMES

TRUE = {"logistic": (1.0, -0.6, 3.0), "gompertz": (1.0, -1.3, 1.0), "bass": (0.8, -0.8, -5.0, 14.0)}
SINCE = np.arange(-14.0, 1.0)[None]


@pytest.mark.parametrize("name", CURVES)
def test_an_exact_curve_is_found_again(name):
    """Without noise and prior the parameters are those that made the curve, and so is what lies ahead."""
    curve, true = CURVES[name], np.array([TRUE[name]])
    free = curve._replace(prior=Prior(curve.prior.middle, (1e6,) * len(curve.prior.middle)))
    found = fit(free, SINCE, curve.share(true, SINCE))
    assert found[0, :3] == pytest.approx(true[0, :3], abs=0.02)
    ahead = np.arange(1.0, 11)[None]
    assert curve.share(found, ahead) == pytest.approx(curve.share(true, ahead), abs=2e-3)


@pytest.mark.parametrize("name", CURVES)
def test_the_best_fit_is_that_of_scipy(name):
    """The many fits at once end where a solver of others ends, one by one, from the same starts."""
    rng = np.random.default_rng(3)
    curve = CURVES[name]
    noisy = np.clip(curve.share(np.array([TRUE[name]]), SINCE) + rng.normal(0, 0.02, SINCE.shape), 0, 1)
    middle, spread = (np.array(one) for one in curve.prior)

    def off(at):
        curved = np.sqrt(curve.share(at[None], SINCE)[0] + 1e-12) - np.sqrt(noisy[0])
        return np.concatenate([curved / adoption._NOISE, (at - middle) / spread])

    theirs = min(least_squares(off, np.array(start)).cost for start in curve.starts)
    ours = (off(fit(curve, SINCE, noisy)[0]) ** 2).sum() / 2
    assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("name", CURVES)
def test_curves_grow_and_stay_below_their_ceiling(name):
    """Whatever was fitted, growth does not turn back and no share exceeds its ceiling."""
    rng = np.random.default_rng(5)
    curve = CURVES[name]
    found = fit(curve, np.repeat(SINCE, 30, axis=0), rng.uniform(0, 1, (30, SINCE.shape[1])))
    grown = curve.share(found, np.repeat(np.arange(-14.0, 40)[None], 30, axis=0))
    assert (np.diff(grown, axis=1) >= -1e-12).all()
    assert (grown <= 1 / (1 + np.exp(-found[:, :1])) + 1e-12).all()
    assert (grown >= 0).all()


def test_rows_do_not_hang_on_each_other():
    """A cut fitted alone has the parameters that it has among others: the order of work changes nothing."""
    rng = np.random.default_rng(9)
    shares = np.sort(rng.uniform(0, 0.7, (8, SINCE.shape[1])), axis=1)
    since = np.repeat(SINCE, 8, axis=0)
    together = fit(CURVES["logistic"], since, shares)
    for row in range(8):
        assert fit(CURVES["logistic"], since[:1], shares[row : row + 1])[0] == pytest.approx(together[row])


def test_a_policy_moves_a_share_only_once_it_is_in_force():
    """A step in the log odds is found by the model that knows its date, and not foreseen before."""
    at = np.arange(2010, 2026.0)
    odds = 0.4 * (at - 2022) + 1.0 * (at >= 2021)
    points = [Point(float(year), float(1 / (1 + np.exp(-one)))) for year, one in zip(at, odds, strict=True)]
    knows = forecast(points, [*MODELS, adoption.with_policies([2021.0], 1)])
    errors = knows.backtest.errors()
    made = {one.cut: one.others for one in knows.backtest.made}
    assert errors["policy"] < errors["logistic"]
    assert made[2020]["policy"] == pytest.approx(made[2020]["logistic"], abs=1e-6)


def test_every_group_has_a_forecast_beside_the_loop():
    """Each group of vehicles has what curves alone say of it, to 2040, with its backtest."""
    told = reference(book())
    assert set(told) == set(GROUPS)
    for one in told.values():
        assert one.now.at[-1] >= 2040
        assert one.backtest.score().trials > 0


def test_series_are_what_the_book_says():
    """A share is the figure of the book, or the quotient of two of one definition, as a fraction."""
    told = {one.id: dict(one.known(book())) for one in SERIES}
    assert told["car"][2024] == 0.48
    assert told["nev"][2025] == pytest.approx(16.49 / 34.4)
    assert told["passenger"][2025] == told["passenger_quarters"][2025]
    assert len(told["passenger_quarters"]) == 29
    assert told["heavy_truck_months"][2025] == pytest.approx(0.5389)
    assert told["heavy_truck"] == {2024: pytest.approx(0.136), 2025: pytest.approx(0.2889)}
    assert look_ahead(book(), adoption.series_of("heavy_truck")).refused.rule == "outlook.short"


def test_a_forecast_knows_first_publications_only():
    """What was restated in 2026 changes nothing that would have been said in earlier years."""
    of = adoption.series_of("nev")
    rows = [one for one in book().rows if not (one.series == "nev_sales" and one.vintage == "2026-01")]
    now, before = (look_ahead(found, of).forecast.backtest.made for found in (book(), Book(rows)))
    assert [one.middle for one in now] == [one.middle for one in before]


def test_a_users_vintage_counts_from_when_it_was_published():
    """A later figure that a user adds moves the forecasts that were made after it, and no earlier ones."""
    of = adoption.series_of("bus")
    added = Row(
        series="iea_ev_sales_share",
        period="2024",
        segment="buses",
        value=30.0,
        unit="%",
        status="verified",
        vintage="2026-05",
        source="mine",
    )
    now, before = (look_ahead(found, of).forecast for found in (book().with_rows([added]), book()))
    assert now.now.middle != before.now.middle
    assert [one.middle for one in now.backtest.made] == [one.middle for one in before.backtest.made]


def test_periods_are_named_as_series_name_them():
    """A time in years is the year, quarter or month that ends then."""
    assert period(2025, "year") == "2025"
    assert period(2024.75, "quarter") == "2025-Q3"
    assert period(2025, "quarter") == "2025-Q4"
    assert [period(month / 12 - 1, "month") for month in (2025 * 12 + 1, 2025 * 12 + 12)] == [
        "2025-01",
        "2025-12",
    ]


def test_the_guide_tells_what_is_computed():
    """The table of wins and losses in the guide is that of the figures as they are, no row left out."""
    text = (Path(__file__).parents[2] / "docs/guides/outlook.md").read_text(encoding="utf-8")
    for one in SERIES:
        if found := look_ahead(book(), one).forecast:
            score, errors = found.backtest.score(), found.backtest.errors()
            told = (score.error, score.no_change_error, errors["trend"])
            counted = f"{score.better} | {score.worse} | {score.same}"
            off = " | ".join(f"{100 * each:.1f}" for each in told)
            held = f"{score.held} of {score.intervals}"
            assert f"| {NAMES[one.id].name} | {counted} | {off} | {held} |" in text


def test_what_somebody_expects_is_no_history():
    """Forecasts and targets that stand in a series of counts are no points to fit curves to."""
    of = adoption.series_of("bus")
    expected = Row(
        series="iea_ev_sales_share",
        period="2026",
        segment="buses",
        value=80.0,
        unit="%",
        status="forecast",
        vintage="2025-05",
        source="mine",
    )
    assert of.known(book().with_rows([expected])) == of.known(book())
    assert of.known(book())[-1].at == 2024
