"""The report of a scenario: its figures are the outcome's, its sources are all, its PDF says the same."""

import math
import re
import zlib
from base64 import a85decode

import numpy as np
import pytest

from voltrail.outlook import tables
from voltrail.outlook.book import book
from voltrail.outlook.classes import FIRST, YEARS
from voltrail.outlook.doubt import WEAK, ground
from voltrail.outlook.parameters import parameters
from voltrail.outlook.report import WEAK_MARK, Chart, Figure, Heading, Paragraph, Table, headline, written
from voltrail.outlook.run import run
from voltrail.outlook.scenario import scenario_of
from voltrail.web.outlook_report import html, pdf, report_of
from voltrail.web.outlook_scenario import Named
from voltrail.web.page import Page

SCENARIO = scenario_of(
    {"lfp_percent": 70, "car.battery_years": {"value": 13, "low": 11, "high": 15}},
    name="心 & <b>care</b> — ⚡",
    note="What if…",
    draws=40,
    seed=7,
)


@pytest.fixture(scope="module")
def outcome():
    """The scenario, played through."""
    return run(SCENARIO)


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request):
    """A page in each language."""
    return Page(request.param)


@pytest.fixture(scope="module")
def told(page, outcome):
    """The report in the language of the page."""
    return report_of(page, Named("", SCENARIO), outcome)


def tables_of(told):
    """Return the tables of a report by their first column and title."""
    return [one for one in told.parts if isinstance(one, Table)]


def text_of(made):
    """Return the text of a PDF that reportlab made, without spaces."""
    wide = set(re.findall(rb"(\d+) 0 obj\n<<\n/BaseFont /STSong-Light", made))
    fonts = {name: number in wide for name, number in re.findall(rb"(/F\d+) (\d+) 0 R", made)}
    said = ""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", made, re.DOTALL):
        content = zlib.decompress(a85decode(b"<~" + stream.strip(), adobe=True))
        font = b"/F1"
        for name, text in re.findall(rb"(/F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", content, re.DOTALL):
            font = name or font
            raw = re.sub(rb"\\([0-7]{3}|.)", plain, text, flags=re.DOTALL)
            said += raw.decode("utf-16-be" if fonts[font] else "cp1252")
    return re.sub(r"\s", "", said)


def plain(escaped):
    """Return the byte of an escape."""
    told = escaped[1]
    return (
        bytes([int(told, 8)]) if len(told) == 3 else {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(told, told)
    )


def test_every_number_is_that_of_the_outcome(told, outcome):
    """Of the table and of the charts, each quantity and year, with its band."""
    words = {}
    for one in tables.series(outcome):
        word = Page(told.language).say(one.quantity.word)
        words.setdefault(word, []).append(one)
    answer = next(one for one in tables_of(told) if "2050" in one.columns)
    years = [int(one) for one in answer.columns if one.isdigit()]
    assert len(answer.rows) == 16
    for name, _, *figures in answer.rows:
        found = words[name.split(" · ")[0]]
        for year, figure in zip(years, figures, strict=True):
            bands = {tuple(np.quantile(one.draws[:, year - FIRST], (0.5, 0.05, 0.95))) for one in found}
            assert any(np.allclose((figure.middle, figure.low, figure.high), one) for one in bands), name
    for chart in (one for one in told.parts if isinstance(one, Chart)):
        for curve in chart.curves:
            assert curve.years == YEARS.tolist()
            assert any(
                np.allclose(curve.middle, np.median(one.draws, axis=0))
                for every in words.values()
                for one in every
            ), chart.title


def test_the_headline_is_the_outcome_rounded(told, outcome, page):
    """The first paragraph says from where to where what leaves vehicles lies."""
    left = (outcome.flows.left.sum(axis=(2, 3)) / 1e6)[:, 2030 - FIRST]
    said = headline(outcome).gwh
    assert np.allclose(said, np.quantile(left, (0.5, 0.05, 0.95)), rtol=0.05)
    assert isinstance(told.parts[0], Paragraph)
    assert all(page.number(one) in told.parts[0].text for one in said[1:])


def test_what_was_asked_stands_beside_the_default(told, page):
    """Each parameter that the scenario sets, and no other."""
    asked = next(one for one in tables_of(told) if page.say("By default") in one.columns)
    table = parameters()
    assert {row[0]: row[2:] for row in asked.rows} == {
        page.say(table["lfp_percent"].word): [Figure(70), _default(table["lfp_percent"])],
        page.say(table["car.battery_years"].word): [Figure(13, 11, 15), _default(table["car.battery_years"])],
    }


def _default(one):
    return Figure(one.value, one.low, one.high)


def test_all_that_it_stands_on_is_listed(told, page):
    """Every series that history was made of, every parameter left open, and every source of either."""
    rows = ground(book()).rows
    listed = next(one for one in tables_of(told) if page.say("Periods") in one.columns)
    assert len(listed.rows) == len({(row.series, row.segment) for row in rows})
    assert sum(row[3].middle for row in listed.rows) == len(rows)
    weak = {(row.series, row.segment) for row in rows if row.status in WEAK}
    assert len(listed.weak) == len(weak) > 0
    open_ = next(one for one in tables_of(told) if one.columns[1] == page.say("Value"))
    assert len(open_.rows) == len(parameters()) - 1
    sources = {row[0] for row in tables_of(told)[-1].rows}
    assert sources >= {row.source for row in rows} | {one.source for one in parameters().values()}


def test_a_series_that_history_reads_cannot_be_left_out():
    """Of the figures that are listed alone, history is the same."""
    whole = ground(book())
    told = {(row.series, row.segment) for row in whole.rows}
    kept = type(book())(row for row in book().rows if (row.series, row.segment) in told)
    for one, other in zip(ground(kept).past, whole.past, strict=True):
        assert np.array_equal(one, other)


def test_losses_of_forecasts_are_told(told, page):
    """A share whose forecasts were farther off than no change says how often."""
    tested = next(one for one in tables_of(told) if page.say("Farther") in one.columns)
    assert any(isinstance(row[5], Figure) and row[5].middle > row[4].middle for row in tested.rows)


def test_the_pdf_says_what_the_tree_says(told, page):
    """Each heading, paragraph and cell stands in it, in order, with letters of either script."""
    made = pdf(told, page)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    text = text_of(made)
    for part in told.parts:
        match part:
            case Heading() | Paragraph():
                assert _shown(part.text) in text, part.text
            case Table():
                cells = {written(page, cell) for row in part.rows for cell in row}
                assert [one for one in cells if _shown(one) not in text] == []
    assert "心&<b>care</b>" in text
    assert WEAK_MARK in text


def _shown(text):
    return re.sub(r"\s", "", text.replace("\u2009", " "))


def test_the_same_scenario_gives_the_same_bytes(told, page, outcome):
    """Of PDF and HTML, made twice: nothing in it hangs on the time."""
    again = report_of(page, Named("", SCENARIO), run(SCENARIO))
    assert again == told
    assert pdf(again, page) == pdf(told, page)
    assert html(again, page) == html(told, page)


def test_the_page_escapes_what_somebody_wrote(told, page):
    """A scenario's name is text, in whatever form it is shown."""
    shown = html(told, page).decode()
    assert "<b>care</b>" not in shown
    assert "&lt;b&gt;care&lt;/b&gt;" in shown


def test_what_is_no_number_is_a_dash():
    """And a number has three digits that tell, with its band where it has one."""
    page = Page("en")
    assert written(page, Figure(math.nan)) == "–"
    assert written(page, Figure(1234.5, 0.012345, 98765)) == "1,230 (0.0123–98,800)"
    assert written(page, Figure(5, 5, 5)) == "5"
