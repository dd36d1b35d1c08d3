"""Targets are dated: a past date is judged by those of that date, and what is not confirmed by nobody."""

from datetime import date

import pytest

from tests.recycling.plants import assays, made, material, rate, recycled
from voltrail.recycling.balance import balance
from voltrail.recycling.rates import judged
from voltrail.recycling.targets import TARGETS, targets_at


def named(day, regime="eu", metric="recovery"):
    """Return element, stage and value of the targets of a day."""
    return {
        (one.element, one.value)
        for one in targets_at(date.fromisoformat(day))
        if (one.regime, one.metric) == (regime, metric)
    }


@pytest.mark.parametrize(
    ("day", "regime", "metric", "values"),
    [
        ("2024-12-25", "cn", "recovery", set()),
        (
            "2024-12-26",
            "cn",
            "recovery",
            {("Cu", 98), ("Al", 98), ("Li", 90), ("Ni", 98), ("Co", 98), ("Mn", 98)},
        ),
        ("2024-12-26", "cn", "powder_impurity", {("Al", 1.5), ("Cu", 1.5)}),
        ("2027-12-31", "eu", "recovery", set()),
        ("2028-01-01", "eu", "recovery", {("Co", 90), ("Cu", 90), ("Pb", 90), ("Ni", 90), ("Li", 50)}),
        ("2031-12-31", "eu", "recovery", {("Co", 90), ("Cu", 90), ("Pb", 90), ("Ni", 90), ("Li", 50)}),
        ("2032-01-01", "eu", "recovery", {("Co", 95), ("Cu", 95), ("Pb", 95), ("Ni", 95), ("Li", 80)}),
        ("2025-12-31", "eu", "efficiency", set()),
        ("2026-01-01", "eu", "efficiency", {(None, 65)}),
        ("2031-01-01", "eu", "efficiency", {(None, 65), (None, 70)}),
        ("2031-08-17", "eu", "recycled_content", set()),
        ("2031-08-18", "eu", "recycled_content", {("Co", 16), ("Pb", 85), ("Li", 6), ("Ni", 6)}),
        ("2036-08-18", "eu", "recycled_content", {("Co", 26), ("Pb", 85), ("Li", 12), ("Ni", 15)}),
    ],
)
def test_each_day_has_its_targets(day, regime, metric, values):
    """What is to be reached by the end of a year is a target from the next day on, and ends with the next."""
    assert named(day, regime, metric) == values


def test_each_target_has_a_source_and_says_what_is_not_known():
    """Neither regime's formulas were read, which stands beside each rate that they are held against."""
    assert len({one.id for one in TARGETS}) == len(TARGETS)
    for one in TARGETS:
        assert one.source.startswith("http")
        assert one.article
        assert one.article_zh
        if one.metric != "recycled_content":
            assert "this registry's own" in one.gap
            assert one.gap_zh


def test_a_rate_is_judged_by_the_day_of_its_last_batch():
    """The same run, reported of two years, has other targets."""
    out = (made("cu", "copper", 100.0, assays(0.01, Cu=1.0)), made("rest", "residue", 300.0, waste=True))
    days = {}
    for year in (2024, 2029):
        day = (date(year, 6, 1) - date(2026, 3, 2)).days
        [one] = balance(material((recycled(day, 400.0, out), {"NCM-60": 4})))
        days[year] = [
            judged.target.id
            for stage in ("whole", "separation")
            for judged in rate(one, "recovery", "Cu", stage).targets
        ]
    assert days == {2024: [], 2029: ["eu27-cu", "cn24-cu"]}


@pytest.mark.parametrize(
    ("value", "low", "high", "is_open", "verdict", "reaches"),
    [
        (0.99, 0.99, 0.99, False, "met", True),
        (0.96, 0.96, 0.96, False, "missed", False),
        (0.985, 0.985, 0.985, False, "too_close", True),
        (0.975, 0.975, 0.975, False, "too_close", False),
        (1.02, 1.02, 1.02, False, "impossible", True),
        (0.99, 0.99, 0.99, True, "open", True),
        (None, 0.2, 0.9, False, "missed", None),
        (None, 0.2, 0.99, False, "open", None),
        (None, 0.995, 1.0, False, "met", None),
    ],
)
def test_a_verdict_is_beyond_the_margin_or_none(value, low, high, is_open, verdict, reaches):
    """Against 98 %, give or take one per cent."""
    [norm] = (one for one in TARGETS if one.id == "cn24-cu")
    found = judged(norm, value, low, high, 0.01, is_open=is_open)
    assert (found.verdict, found.reaches, found.counts) == (verdict, reaches, True)


def test_what_only_the_press_says_counts_against_nobody():
    """It is shown with a verdict, and says that it does not count."""
    [press] = (one for one in TARGETS if one.confidence == "press")
    assert not judged(press, 0.1, 0.1, 0.1, 0.01, is_open=False).counts


def test_an_impurity_has_to_be_below():
    """1.5 % itself is too much."""
    [norm] = (one for one in TARGETS if one.id == "cn24-cu-impurity")
    assert judged(norm, 0.01, 0.01, 0.01, 0.001, is_open=False).verdict == "met"
    assert judged(norm, 0.015, 0.015, 0.015, 0.0, is_open=False).verdict == "missed"
    assert judged(norm, 0.0149, 0.0149, 0.0149, 0.001, is_open=False).verdict == "too_close"
