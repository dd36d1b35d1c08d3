"""Published figures stand in common units, with what was published left as it was."""

import pytest

from voltrail.outlook.book import Book, Row, book
from voltrail.outlook.classes import UNTIL
from voltrail.outlook.published import published

EIGHT = dict.fromkeys(range(2000, UNTIL + 1), 8.0)


def figures():
    """All of ours, at 8 kg a kWh."""
    return published(book(), EIGHT)


def test_a_figure_keeps_what_its_source_says():
    """The published unit is never changed by a conversion; the other is its product with the mass."""
    rows = {(row.series, row.segment, row.period.removesuffix("+")): row for row in book().rows}
    for one in figures():
        row = rows[one.series, one.who, str(one.year)]
        assert (one.gwh if row.unit == "GWh" else one.kt) == row.value
        if one.converted is not None:
            assert one.kt == pytest.approx(one.gwh * 8)


def test_both_units_of_a_source_are_taken():
    """Where a note gives the second unit, it is not computed: each source has its own mass of a kWh."""
    both = {(one.who, one.year): (one.gwh, one.kt) for one in figures() if one.converted is None}
    assert both == {
        ("CCID (2022), China", 2025): (174.2, 2000),
        ("EOL repository, BS, China", 2025): (52.5, 754.7),
        ("EOL repository, BS, China", 2030): (512.3, 5929.8),
        ("CATARC", 2020): (25, 200),
        ("Weber Consulting", 2022): (24.4, 241),
    }


def test_meanings_are_kept_apart():
    """What was forecast, recycled, used up and retired in all are four quantities."""
    meanings = {}
    for one in figures():
        meanings.setdefault(one.meaning, set()).add(one.who)
    assert meanings["retired_until"] == {"CATARC", "Weber Consulting"}
    assert meanings["used_up"] == {"MIIT comprehensive utilisation"}
    assert meanings["recycled"] == {"GGII actual recycled"}
    assert [one.who for one in figures() if one.world] == ["IHS Markit (2021), world"] * 2


def test_forecasts_of_one_year_differ_by_a_factor_of_five():
    """Which is what the page is there to explain."""
    kt = [one.kt for one in figures() if one.meaning == "retired" and one.year == 2025]
    assert 5 < max(kt) / min(kt) < 6


def test_what_is_exceeded_is_said_to_be():
    """More than 4,000 kt from 2028 on is no figure of 2028."""
    assert {(one.who, one.year) for one in figures() if one.at_least} == {
        ("CEESTA (2025), China", 2028),
        ("MIIT press conference (2026-01), China", 2030),
        ("MIIT comprehensive utilisation", 2025),
        ("MIIT comprehensive utilisation", 2024),
    }


def test_a_missing_figure_is_no_mark():
    """A row without a value is left out, and not drawn at nought."""
    row = Row(
        series="recycled", period="2026", segment="x", value=None, unit="kt", status="missing",
        vintage="", source="computed",
    )  # fmt: skip
    assert published(Book([row]), EIGHT) == []
