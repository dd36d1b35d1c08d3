"""The outlook's own figures: each with its source, definition and vintage, and as known at a time."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import UsageError
from voltrail.outlook.book import (
    PERIOD,
    VINTAGE,
    Book,
    Row,
    book,
    defined,
    definitions,
    numbered,
    read_csv,
    sources,
    text_of,
    vintage_of,
    write_csv,
)

HEAD = "series,period,segment,value,unit,status,vintage,source,note\n"
GOOD = "nev_sales,2026,all incl. exports,18.7,million,verified,2027-01,CAAM bulletin,\n"


def row(**changes):
    """A figure."""
    told = Row(
        series="nev_sales",
        period="2025",
        segment="all incl. exports",
        value=16.5,
        unit="million",
        status="verified",
        vintage="2026-02",
        source="a bulletin",
    )
    return msgspec.structs.replace(told, **changes)


def test_every_figure_has_a_definition_a_source_and_its_unit():
    """What a figure counts and whence it is can be looked up, and it is in the unit of its definition."""
    for one in book().rows:
        meant = defined(one.series, one.segment)
        assert one.source in sources(), one
        assert one.unit in meant.unit.split(", ") or (one.series, one.unit) == ("policy", ""), one
        assert (one.value is None) <= (one.status == "missing" or one.series == "policy"), one


def test_every_definition_speaks_both_languages():
    """A series has a name and a definition in English and in Chinese, its basis and its scope."""
    for one in definitions().values():
        assert all(msgspec.structs.astuple(one)[i] for i in range(2, 10)), one.series
        assert not one.name_zh.isascii(), one.series
        assert not one.definition_zh.isascii(), one.series


def test_periods_and_vintages_are_such():
    """A vintage is a month or year, a period one of its forms; a restated figure has a vintage of its own."""
    seen = set()
    for one in book().rows:
        assert not one.vintage or VINTAGE.fullmatch(one.vintage), one
        by_time = defined(one.series, one.segment).frequency not in {"none", "range"}
        assert not by_time or PERIOD.fullmatch(one.period), one
        assert (*one.key, one.vintage) not in seen, one
        seen.add((*one.key, one.vintage))


def test_what_was_recalled_says_so():
    """A figure from memory is never shown as read on its source, and none with a source as from memory."""
    for one in book().rows:
        assert (one.status == "recalled_unverified") == one.source.endswith("recalled"), one


def test_a_restated_figure_stands_as_it_was_known():
    """SNE's 2023 is 705.5 until it is restated as 710; CAAM's 2024 is 12.866 and then 12.859."""
    figures = book()
    assert figures.yearly("sne_usage", "TOTAL", known_at="2024-12")[2023] == 705.5
    assert figures.yearly("sne_usage", "TOTAL", known_at="2025-12")[2023] == 710
    assert [one.value for one in figures.vintages("sne_usage", "2024", "TOTAL")] == [894.4, 899, 901.4]
    assert figures.yearly("nev_sales", "all incl. exports", known_at="2025-12")[2024] == 12.866
    assert figures.yearly("nev_sales", "all incl. exports")[2024] == 12.859


@given(st.integers(2011, 2026), st.integers(1, 12))
def test_nothing_is_known_before_it_has_ended(year, month):
    """Whatever the vintage, no count is known at a time before its period is over."""
    at = f"{year}-{month:02}"
    for name in ("nev_sales", "vehicle_sales", "installed", "passenger_bev_sales", "nev_parc"):
        for one in book().of(name, known_at=at):
            assert one.period[:7] <= at
            assert len(one.period) > 4 or int(one.period) < year or month == 12


def test_a_year_alone_is_its_end():
    """Asked as of a year, what was published in any of its months counts."""
    figures = Book([row(vintage="2025-06"), row(vintage="2026-01", value=17)])
    assert [one.value for one in figures.of("nev_sales", known_at="2025")] == [16.5]
    assert [one.value for one in figures.of("nev_sales", known_at="2026")] == [17]


def test_a_file_is_read_as_it_was_written():
    """CSV goes out and comes back the same, quotes and commas included; blank lines count for nothing."""
    rows = [row(note='as "told", twice'), row(period="2026", value=0.1)]
    assert read_csv(write_csv(rows)) == rows
    assert [line for line, _ in numbered("\ufeff" + HEAD + "\n\n" + GOOD)] == [4]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column"),
        ("series,period\nx,2025\n", "no column segment"),
        (HEAD, "no figure"),
        (HEAD + GOOD + GOOD.replace("18.7", "18,7"), "Line 3: 10 cells"),
        (HEAD + GOOD.replace("18.7", "lots"), "Line 2: value 'lots'"),
        (HEAD + GOOD.replace("18.7", "nan"), "Line 2: value 'nan'"),
        (HEAD + GOOD.replace("18.7", "1e999"), "Line 2: value"),
        (HEAD + GOOD.replace("18.7", "1_000"), "Line 2: value '1_000'"),
        (HEAD + GOOD.replace("18.7", "\uff11\uff12"), "Line 2: value"),
        (HEAD + GOOD.replace(",2026,", ",0000,"), "Line 2: period '0000'"),
        (HEAD + GOOD.replace("18.7", ""), "Line 2: value ''"),
        (HEAD + GOOD.replace("verified", "sure"), "Line 2: status 'sure'"),
        (HEAD + GOOD.replace(",2026,", ",2026-13,"), "Line 2: period '2026-13'"),
        (HEAD + GOOD.replace("2027-01", "soon"), "Line 2: vintage 'soon'"),
        (HEAD + GOOD.replace("2027-01", ""), "Line 2: vintage ''"),
        (HEAD + GOOD.replace("CAAM bulletin", " "), "Line 2: source is empty"),
        (HEAD + GOOD.replace("CAAM", "CA\0AM"), "Line 2"),
        (HEAD + GOOD.replace("CAAM", "A" * 600), "Line 2: source is too long"),
        (HEAD + GOOD.replace("CAAM", '"CA'), "Line 2"),
    ],
)
def test_a_bad_file_says_which_line_and_what_to_do(text, says):
    """Nothing is read from it, and whoever typed it finds the place."""
    with pytest.raises(UsageError) as caught:
        read_csv(text)
    assert says in str(caught.value)
    assert str(caught.value).count("Line ") == 1
    assert caught.value.fix
    assert caught.value.line is not None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    """Whatever is sent as a file is read or refused in our words."""
    try:
        read_csv(HEAD + text)
    except UsageError as error:
        assert error.fix


def test_what_is_no_text_is_refused():
    """Bytes that are no UTF-8, a month that is none."""
    with pytest.raises(UsageError, match="UTF-8"):
        text_of(b"\xff\xfe")
    with pytest.raises(UsageError, match="4 MB"):
        text_of(b" " * (5 << 20))
    for text in ("soon", "2026-13", "'; drop", ""):
        with pytest.raises(UsageError):
            vintage_of(text)
