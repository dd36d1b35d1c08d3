"""What may be divided by or added to what, and what users' figures are weighed against."""

import pytest

from voltrail.errors import UsageError
from voltrail.outlook.book import Row, book
from voltrail.outlook.checks import at_home, check, combine, quantity, share


def figure(series, segment, period, known_at="9999"):
    """A figure of the book with what it counts."""
    found = [one for one in book().of(series, segment, known_at=known_at) if one.period == period]
    return quantity(found[0])


SOLD = ("nev_sales", "all incl. exports", "2025")
HOME = ("nev_sales", "domestic (excl. exports)", "2025")
EVERY = ("vehicle_sales", "all incl. exports", "2025")


@pytest.mark.parametrize(
    ("part", "whole", "says"),
    [
        (HOME, EVERY, "exports are inside one"),
        (("ne_hdt_sales", "all", "2025"), ("hdt_sales", "wholesale incl. exports", "2025"), "exports are"),
        (("nev_registrations", "new", "2025"), HOME, "wholesale counts"),
        (("sne_usage", "CATL", "2025"), ("installed", "total", "2025"), "SNE counts"),
        (
            ("recycled", "MIIT comprehensive utilisation", "2022"),
            ("recycled", "GGII actual recycled", "2022"),
            "GGII counts",
        ),
        (
            ("recycled", "GGII actual recycled", "2022"),
            ("retired_cumulative", "Weber Consulting", "2022"),
            "what a model says",
        ),
        (("nev_sales", "all incl. exports", "2024"), EVERY, "one is of 2024"),
        (EVERY, SOLD, "larger than the whole"),
        (("iea_ev_sales", "cars BEV", "2024"), EVERY, "vehicles, the other in million"),
    ],
)
def test_what_does_not_count_the_same_is_not_divided(part, whole, says):
    """Each trap is refused with both definitions, why, and what to do instead."""
    one, other = figure(*part), figure(*whole)
    with pytest.raises(UsageError) as caught:
        share(one, other)
    assert caught.value.rule == "outlook.trap"
    assert says in caught.value.message
    assert one.name in caught.value.message
    assert other.name in caught.value.message
    assert caught.value.fix


def test_a_part_is_not_put_against_a_restated_whole():
    """CATL's share of 2023 is taken of the total published with it, not of the later one."""
    catl = figure("sne_usage", "CATL", "2023")
    with pytest.raises(UsageError, match="restated"):
        share(catl, figure("sne_usage", "TOTAL", "2023"))
    then = share(catl, figure("sne_usage", "TOTAL", "2023", known_at="2024-12"))
    assert then.value == pytest.approx(36.8, abs=0.05)  # as SNE published it
    assert then.unit == "%"


def test_a_sum_counts_nothing_twice():
    """Months add up; the same month twice, a whole with its part, or another unit do not."""
    months = [figure("ne_hdt_sales", "domestic registrations", f"2025-0{month}") for month in (1, 2, 3)]
    assert combine(months, "2025-Q1", "trucks").value == 7085 + 8171 + 15000
    with pytest.raises(UsageError, match="twice"):
        combine([*months, months[0]], "2025-Q1", "trucks")
    with pytest.raises(UsageError, match="a whole and its part"):
        combine([figure("sne_usage", name, "2025") for name in ("TOTAL", "CATL")], "2025", "makers")
    with pytest.raises(UsageError, match="GWh"):
        combine([months[0], figure("installed", "LFP", "2025")], "2025", "both")


def test_exports_come_off_what_has_them_inside():
    """Sales less exports are sales at home; registrations at home have none to take off."""
    exports = figure("nev_exports", "all", "2025")
    home = at_home(figure(*SOLD), exports)
    assert home.value == pytest.approx(13.875)
    assert (home.scope, home.status) == ("home", "derived")
    with pytest.raises(UsageError, match="exports are taken off"):
        at_home(figure("nev_registrations", "new", "2025"), exports)
    with pytest.raises(UsageError, match="periods"):
        at_home(figure("nev_sales", "all incl. exports", "2024"), exports)


def test_a_missing_figure_is_no_nought():
    """EVE's 2025 is not known, and is not counted as none."""
    with pytest.raises(UsageError, match="missing"):
        figure("sne_usage", "EVE", "2025")


def test_how_sure_a_sum_is():
    """As its least sure row: one figure from memory makes the whole so."""
    total = combine(
        [figure("installed", "LFP", "2023"), figure("installed", "NCM/NCA", "2023")], "2023", "cells"
    )
    assert total.status == "recalled_unverified"


def own(**changes):
    """A user's figure of 2026, as a line 2."""
    told = {
        "series": "nev_sales",
        "period": "2026",
        "segment": "all incl. exports",
        "value": 18.7,
        "unit": "million",
        "status": "verified",
        "vintage": "2027-01",
        "source": "a bulletin",
    }
    return [(2, Row(**(told | changes)))]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"series": "nev_sails"}, "no series 'nev_sails'"),
        ({"unit": "vehicles"}, "the unit 'vehicles'"),
        ({"value": -1.0}, "negative"),
        ({"series": "nev_share_all", "segment": "incl. exports", "unit": "%", "value": 479.0}, "the whole"),
        ({"vintage": "2026-06"}, "before the end of 2026"),
        ({"vintage": "2031-01"}, "has not come yet"),
        ({"period": "2025", "vintage": "2026-01", "value": 17.0}, "stands as 16.49"),
    ],
)
def test_a_wrong_figure_of_a_user_is_refused(changes, says):
    """With its line, and nothing else of the file is taken."""
    with pytest.raises(UsageError) as caught:
        check(own(**changes), book(), until="2030-01")
    assert says in caught.value.message
    assert caught.value.line == 2
    assert caught.value.fix


def test_the_same_figure_twice_in_a_file_is_refused():
    """Which of the two is meant, only its writer knows."""
    with pytest.raises(UsageError, match="twice"):
        check([*own(), *own(value=18.8)], book())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"period": "2025", "vintage": "2027-01", "value": 20.0}, "+21% beside 16.49"),
        ({"value": 18_700_000.0}, "is it in million?"),
        ({"segment": "all inc exports"}, "had no segment"),
        ({"period": "2025", "vintage": "2026-01", "value": 16.49}, "stands already"),
    ],
)
def test_an_odd_figure_is_taken_with_a_warning(changes, says):
    """It may be true; whoever adds it is told what to look at."""
    checked = check(own(**changes), book())
    assert any(says in one for one in checked.warnings), checked.warnings
    assert len(checked.rows) == (0 if says == "stands already" else 1)


def test_a_sound_figure_is_taken_without_a_word():
    """A restatement within a fifth, a new year, a forecast before its year has ended."""
    assert check(own(period="2025", vintage="2027-01", value=16.5), book()).warnings == []
    assert check(own(), book()).warnings == []
    ahead = own(series="caam_forecast", period="2028", segment="NEV sales", status="forecast")
    assert check(ahead, book()).warnings == []
