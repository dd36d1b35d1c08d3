"""Figures that users add to the outlook: all of a file or nothing, once, and taken back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from voltrail.errors import NotFound, UsageError
from voltrail.outlook.book import book

HEAD = "series,period,segment,value,unit,status,vintage,source,note\n"
SOLD = "nev_sales,2025,all incl. exports,16.6,million,verified,2026-06,a bulletin,\n"
MADE = "nev_production,2025,all,16.7,million,verified,2026-06,a bulletin,\n"


def standing(registry):
    """What counts as 2025's sales."""
    return registry.outlook_figures.book().yearly("nev_sales", "all incl. exports")[2025]


def test_a_file_counts_until_it_is_taken_back(empty):
    """It is listed with who added it, and stays on the books when its figures count no longer."""
    figures = empty.outlook_figures
    assert figures.book() is book()
    added = figures.add(HEAD + SOLD + MADE, "june.csv", "ministry")
    assert (added.name, added.figures, added.warnings, added.added_by) == ("june.csv", 2, [], "ministry")
    assert standing(empty) == 16.6
    assert figures.book().yearly("nev_sales", "all incl. exports", known_at="2026-05")[2025] == 16.49
    gone = figures.take_back(added.id, "another")
    assert (gone.taken_back_by, gone.figures) == ("another", 2)
    assert standing(empty) == 16.49
    assert figures.files() == [gone]
    for number in (added.id, added.id + 1, 0):
        with pytest.raises(NotFound):
            figures.take_back(number, "another")
    assert figures.add(HEAD + SOLD + MADE, "june.csv", "ministry").id > added.id
    assert standing(empty) == 16.6


def test_a_file_with_one_bad_row_adds_nothing(empty):
    """The good rows of it do not count either, and the line at fault is named."""
    figures = empty.outlook_figures
    with pytest.raises(UsageError, match="Line 3"):
        figures.add(HEAD + SOLD + MADE.replace("16.7", "-16.7"), "june.csv", "ministry")
    assert figures.files() == []
    assert standing(empty) == 16.49


def test_the_same_file_again_is_the_same_addition(empty):
    """Sent twice by a clerk, or by two at once, it is there once."""
    figures = empty.outlook_figures
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: figures.add(HEAD + SOLD, "june.csv", "ministry").id, range(8)))
    assert len(set(numbers)) == len(figures.files()) == 1


def test_a_figure_that_stands_is_not_changed(empty):
    """Neither one that Voltrail brings along nor one that another user added, unless restated later."""
    figures = empty.outlook_figures
    figures.add(HEAD + SOLD, "june.csv", "ministry")
    with pytest.raises(UsageError, match=r"stands as 16\.6"):
        figures.add(HEAD + SOLD.replace("16.6", "16.7"), "again.csv", "ministry")
    figures.add(HEAD + SOLD.replace("16.6", "16.7").replace("-06", "-07"), "july.csv", "ministry")
    assert standing(empty) == 16.7


def test_what_is_odd_is_kept_with_its_file(empty):
    """Who looks later sees what was said when the file was added."""
    added = empty.outlook_figures.add(HEAD + SOLD.replace("16.6", "26.6"), "odd.csv", "ministry")
    assert "+61% beside 16.49" in added.warnings[0]
    assert empty.outlook_figures.files() == [added]
