"""How many batteries retire, as it is drawn: every published figure has its mark, and ours its meaning."""

import pytest

from voltrail.outlook.book import book
from voltrail.outlook.classes import CHEMISTRIES, FIRST, SEGMENTS, YEARS
from voltrail.outlook.provinces import by_population
from voltrail.outlook.published import published
from voltrail.outlook.retired import DEFINITIONS, summary
from voltrail.outlook.run import run
from voltrail.outlook.scenario import Scenario
from voltrail.web import Page
from voltrail.web.outlook_retirement import (
    SCALES,
    UNTIL,
    by_chemistry,
    by_segment,
    chart,
    compared,
    metals,
    places,
    tile_map,
)

PAGE = Page("en", "/outlook/retirement", [], "auto")


@pytest.fixture(scope="module")
def told():
    """The summary of a baseline of few draws."""
    outcome = run(Scenario(draws=20))
    return summary(outcome, outcome.metals)


@pytest.fixture(scope="module")
def figures(told):
    """What others published, at our mass of a kWh."""
    return published(book(), dict(zip(YEARS.tolist(), told.kg_per_kwh.tolist(), strict=True)))


@pytest.mark.parametrize("unit", ["gwh", "kt"])
def test_every_published_figure_of_a_year_is_marked(told, figures, unit):
    """Each once, though those close together share a label; sums over many years are in the table alone."""
    beside = compared(told, figures, unit)
    drawn = chart(told, unit, beside, PAGE)
    yearly = [one for one in beside if one.figure.meaning != "retired_until"]
    assert len(drawn.marks) == len(yearly) == 20
    letters = [letter for mark in drawn.named for letter in mark.label.split()]
    assert sorted(letters) == sorted(one.letter for one in yearly)
    assert len({one.letter for one in beside}) == len(beside) == 22
    assert all(0 <= mark.x <= 100 and 0 <= mark.y <= 100 for mark in drawn.marks)
    assert len(drawn.lines) == len(DEFINITIONS)
    assert drawn.rows[-1][0] == UNTIL


def test_packs_have_no_marks(told, figures):
    """Nobody publishes them, and a mark at nought would be a claim."""
    beside = compared(told, figures, "packs")
    assert chart(told, "packs", beside, PAGE).marks == []
    assert all(one.value is None and one.times is None for one in beside)


def test_ours_beside_theirs_is_of_the_same_meaning(told, figures):
    """What firms report stands beside what is collected, and a sum until a year beside our sum."""
    beside = {(one.figure.who, one.figure.year): one for one in compared(told, figures, "gwh")}
    whole = told.whole["kwh"]
    miit = beside["MIIT comprehensive utilisation", 2025]
    assert miit.ours == pytest.approx(whole["collected"].middle[2025 - FIRST] / 1e6)
    weber = beside["Weber Consulting", 2022]
    assert weber.ours == pytest.approx(whole["left"].middle[: 2022 - FIRST + 1].sum() / 1e6)
    assert weber.times == pytest.approx(24.4 / weber.ours)


@pytest.mark.parametrize("unit", SCALES)
def test_shares_are_of_the_whole(told, unit):
    """Those of segments and of chemistries add up to one, in the order of their tables."""
    for found, names in (
        (by_segment(told, unit, "left", 2030, PAGE), SEGMENTS),
        (by_chemistry(told, unit, "left", 2030), CHEMISTRIES),
    ):
        assert len(found) == len(names)
        assert sum(one.share for one in found) == pytest.approx(1)
        assert all(one.amount.low <= one.amount.middle <= one.amount.high for one in found)


def test_plants_are_whole_and_enough(told):
    """Rounded up for each province, so that no province has less than it needs, and not one more."""
    found = places(told, "gwh", 2035, by_population(book()))
    need = told.plants["processed"].middle[2035 - FIRST]
    assert all(0 <= one.plants_processed - need * one.share < 1 for one in found)
    assert all(one.plants_left >= one.plants_processed for one in found)
    assert [one.code for one in found][:2] == ["44", "37"]
    tiles = {one.province.code: one.number for one in tile_map(found)}
    assert sum(tiles.values()) == pytest.approx(1000, abs=16)  # tenths of per cent, each rounded
    assert tiles["71"] == tiles["81"] == tiles["82"] == 0


def test_what_is_not_known_is_no_number(told):
    """Graphite has no price here, and is told so."""
    graphite = metals(told, 2030, PAGE)[-1]
    assert graphite.word == "graphite"
    assert graphite.worth_musd is None
    assert graphite.recovered_kt is not None
