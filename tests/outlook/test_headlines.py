"""The figures that everybody quotes, computed from the rows."""

import pytest

from voltrail.outlook.book import book
from voltrail.outlook.headlines import headlines, six_makers


@pytest.fixture(scope="module")
def told():
    """The headlines by id."""
    return {one.id: one for one in headlines(book())}


@pytest.mark.parametrize(
    ("name", "value", "digits"),
    [
        ("production", 34.53, 2),
        ("sales", 34.40, 2),
        ("nev_sales", 16.49, 2),
        ("nev_share", 47.9, 1),
        ("nev_share_home", 50.8, 1),
        ("caam_forecast", 19.0, 1),
        ("trucks_Q1", 19.70, 2),
        ("trucks_Q2", 24.35, 2),
        ("trucks_Q3", 27.29, 2),
        ("trucks_Q4", 40.43, 2),
        ("six_makers_2022", 60.4, 1),
        ("six_makers_2023", 63.5, 1),
        ("six_makers_2024", 67.1, 1),
    ],
)
def test_the_headline_figures(told, name, value, digits):
    """Each comes out as it was published, with its definition and the rows it stands on."""
    one = told[name]
    assert round(one.value, digits) == value
    assert one.definition
    assert one.definition_zh
    assert one.rows
    assert one.published is None or one.value == pytest.approx(one.published, abs=0.05)


def test_what_the_rows_do_not_allow_is_said(told):
    """Of 2025 one maker's figure is missing: ours is the least it can be, beside the published 70.4 %."""
    one = told["six_makers_2025"]
    assert (one.published, one.least) == (70.4, True)
    assert 67 < one.value < one.published
    assert six_makers(book(), 2025)[1] == ["EVE"]
    assert one.value + 2.4 < one.published < one.value + 3.7  # what its source says of EVE


def test_how_sure_a_headline_is(told):
    """One figure read on its source is verified, a share of two is computed, a forecast stays one."""
    assert told["sales"].status == "verified"
    assert told["nev_share_home"].status == "derived"
    assert told["caam_forecast"].status == "forecast"


def test_only_what_was_known_is_told():
    """In 2025 nobody knew the year's sales; before anything was known there are no headlines."""
    then = {one.id for one in headlines(book(), "2025-10")}
    assert "nev_sales" not in then
    assert "six_makers_2023" in then
    assert headlines(book(), "2010") == []
