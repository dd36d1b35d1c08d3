"""/technology/life: years with their interval, what is not known, and input that is wrong."""

import csv
import io

import pytest

from tests.api.conftest import HTML

PAGE = "/technology/life"


def test_programs_get_the_life_with_its_law(client):
    """Years come with their interval, the rows of the law with their sources, cycle lives with their kind."""
    told = client.get(PAGE, params={"place": "guangzhou"}).json()
    first = told["life"]["first"]
    assert first["low"] < first["middle"] < first["high"]
    assert all(row["source"] and row["standing"] for row in told["law"])
    assert all(one["kind"] for one in told["claimed"])
    assert told["life"]["capacity"]["middle"][0] == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_answers_first(client, language):
    """The headline has the years and their interval, in both languages, and the page draws them."""
    answer = client.get(PAGE, params={"lang": language, "cell": "NMC", "duty": "taxi"}, headers=HTML)
    assert answer.status_code == 200
    head = answer.text.partition("<h1")[2].partition("</h1>")[0]
    assert "80" in head
    assert ("to" if language == "en" else "至") in head
    assert 'class="band c1"' in answer.text


def test_of_solid_cells_it_says_that_nothing_is_known(client):
    """No year is told of a solid cell, by page or program; what is claimed is shown as a claim."""
    asked = {"cell": "quantumscape-qse5"}
    assert client.get(PAGE, params=asked).json()["life"] is None
    page = client.get(PAGE, params=asked | {"lang": "en"}, headers=HTML)
    assert page.status_code == 200
    assert "is not known" in page.text.partition("</h1>")[0]
    assert "claimed by the maker" in page.text
    assert client.get(f"{PAGE}.csv", params=asked).status_code == 400


def test_a_file_has_the_years(client):
    """The file has what is left year by year, as the page draws it."""
    text = client.get(f"{PAGE}.csv", params={"lang": "en", "cell": "LTO"}).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    told = client.get(PAGE, params={"cell": "LTO"}).json()["life"]
    assert [float(row["Capacity, share"]) for row in rows] == pytest.approx(told["capacity"]["middle"])


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("cell", "<script>", "life.cell"),
        ("duty", "../../etc/passwd", "life.duty"),
        ("then", "rocket", "life.duty"),
        ("place", "moon", "life.place"),
        ("temperature_c", "nan", "life.number"),
        ("temperature_c", "1e400", "life.number"),
        ("km", "-1", "life.number"),
        ("km", "many", "life.number"),
        ("to", "20", "life.ends"),
        ("second_to", "90", "life.ends"),
    ],
)
def test_wrong_input_is_told_and_kept(client, name, value, rule):
    """What is wrong is refused by its rule, for programs and on a page that keeps what was typed."""
    answer = client.get(PAGE, params={name: value})
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, rule)
    page = client.get(PAGE, params={name: value}, headers=HTML)
    assert page.status_code == 400
    assert rule in page.text
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text or "<script>" not in value
