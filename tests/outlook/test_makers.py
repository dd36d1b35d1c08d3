"""Makers: shares as published, what is missing, bounds that hold, forecasts that do not peek."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.outlook.book import Book, Row, book
from voltrail.outlook.makers import SERIES, hhi_bounds, look


def row(segment, period, value, vintage="2027-02"):
    return Row(
        series=SERIES, period=period, segment=segment, value=value, unit="GWh", status="verified",
        vintage=vintage, source="recalled", note="",
    )  # fmt: skip


def test_shares_are_those_published():
    """A share is a maker's figure over the total of its own vintage, in each year."""
    shares = {one.name: one.share for one in look(book()).makers}
    assert shares["CATL"] == pytest.approx(
        {
            2021: 99.5 / 301.5,
            2022: 191.6 / 517.9,
            2023: 259.7 / 705.5,
            2024: 342.4 / 901.4,
            2025: 464.7 / 1187,
        }
    )


def test_what_is_missing_stays_missing():
    """A maker told of without a figure has no share, is named as missing, and is not forecast."""
    found = look(book())
    eve = next(one for one in found.makers if one.name == "EVE")
    assert (2025 in eve.share, eve.missing, "EVE" in found.ahead) == (False, (2025,), False)
    assert found.top[-1].name == "EVE"
    last = found.years[-1]
    assert (last.told, last.complete, last.top[10], last.six_missing) == (9, False, None, ("EVE",))


def test_the_chinese_share_is_the_published_one():
    """Where all ten are told, the computed share of the six is SNE's to a rounding; else it is less."""
    for one in look(book()).years:
        if one.six_published is None or one.six_chinese is None:
            continue
        if one.six_missing:
            assert one.six_chinese < one.six_published
        else:
            assert one.six_chinese == pytest.approx(one.six_published, abs=0.001)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=30), st.data())
def test_the_bounds_hold_whatever_is_missing(sizes, data):
    """However the untold rest is made up of makers no larger than allowed, HHI lies within its bounds."""
    shares = sorted((size / sum(sizes) for size in sizes), reverse=True)
    told = data.draw(st.integers(1, len(shares)))
    low, high = hhi_bounds(shares[:told], shares[told - 1])
    assert low - 1e-6 <= sum(one * one for one in shares) <= high + 1e-6


def test_forecasts_do_not_look_ahead():
    """What was said at each earlier year is the same when what came later was another."""
    now = look(book())
    later = look(book().with_rows([row("CATL", "2025", 800.0), row("TOTAL", "2025", 1300.0)]))
    assert later.ahead["CATL"].now != now.ahead["CATL"].now
    assert later.ahead["CATL"].backtest.made == now.ahead["CATL"].backtest.made


def test_a_figure_without_its_total_has_no_share():
    """A later figure, or one larger than its total, makes no share with the total of another time."""
    alone = look(book().with_rows([row("CATL", "2025", 500.0)]))
    larger = look(book().with_rows([row("CATL", "2025", 2000.0), row("TOTAL", "2025", 1300.0)]))
    for found in (alone, larger):
        catl = next(one for one in found.makers if one.name == "CATL")
        assert 2025 not in catl.share
        assert 2024 in catl.share


def test_an_empty_book_has_no_makers():
    """Without figures there are no makers, and nothing fails."""
    found = look(Book([]))
    assert (found.makers, found.years, found.ahead, found.score) == ((), (), {}, None)
