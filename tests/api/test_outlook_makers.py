"""/outlook/makers: shares, forecasts and the record beside them, for people and for programs."""

import csv
import io

import pytest

from tests.api.conftest import HTML

PAGE = "/outlook/makers"


def test_programs_get_no_forecast_without_its_score(client):
    """Each forecast has its score, and the record stands beside the figures of the world."""
    told = client.get(PAGE).json()
    assert told["forecasts"]
    assert all(one["score"] for one in told["forecasts"].values())
    assert isinstance(told["record"], list)
    assert told["makers"][0]["share"]["2025"] == pytest.approx(464.7 / 1187)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_it_first(client, language):
    """The headline has the largest maker's share, in both languages."""
    answer = client.get(PAGE, params={"lang": language}, headers=HTML)
    assert answer.status_code == 200
    assert "39.1 %" in answer.text.partition("</h1>")[0]


def test_a_file_leaves_missing_figures_empty(client):
    """The file has every figure; where one is missing its cells are empty."""
    text = client.get(f"{PAGE}.csv?lang=en").content.decode("utf-8-sig")
    rows = {(one["Maker"], one["Year"]): one for one in csv.DictReader(io.StringIO(text))}
    assert rows["EVE", "2025"]["GWh"] == rows["EVE", "2025"]["Share"] == ""
    assert float(rows["CATL", "2025"]["GWh"]) == 464.7
    assert ("CATL", "2028") in rows
