"""/technology: figures by kind, filters, comparison and timeline, for people and for programs."""

import csv
import io

import pytest

from tests.api.conftest import HTML
from voltrail.technology.catalogue import KINDS, TECHNOLOGIES

FIGURES = [figure for one in TECHNOLOGIES.values() for figure in one.figures]
OTHERS = sum(one.kind == "measured_by_third_party" for one in FIGURES)


def rows(answer):
    """Return the rows of a CSV."""
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_programs_get_every_figure_with_its_kind(client):
    """Each figure has kind, source and what is not stated; kinds add up; nothing is verified by a claim."""
    told = client.get("/technology").json()
    figures = [figure for one in told["technologies"] for figure in one["figures"]]
    assert sum(told["kinds"].values()) == len(figures) == len(FIGURES)
    assert list(told["kinds"]) == list(KINDS)
    assert all(figure["source"] in told["sources"] for figure in figures)
    assert {one["verified"]["class"] for one in told["technologies"]} == {None}
    assert {one["id"]: one["applies"] for one in told["rules"]}["gbt-solid-state-draft"] is False


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_headline_says_how_much_was_measured_by_others(client, language):
    """The first sentence has both numbers, in both languages."""
    page = client.get("/technology", params={"lang": language}, headers=HTML)
    assert page.status_code == 200
    headline = page.text.partition("<h1")[2].partition("</h1>")[0]
    assert str(OTHERS) in headline
    assert str(len(FIGURES)) in headline


def test_filters_narrow_and_add_up(client):
    """Each filter splits the catalogue without loss, and together they narrow."""
    for name, values in (
        ("type", ("all_solid_state", "solid_state", "semi_solid", "liquid")),
        ("evidence", ("third_party", "maker", "words", "nothing")),
    ):
        found = [client.get("/technology", params={name: one}).json()["technologies"] for one in values]
        assert sum(map(len, found)) == len(TECHNOLOGIES)
        assert all(found)
    one = client.get("/technology", params={"organisation": "CATL", "stage": "prototype"}).json()
    assert [each["id"] for each in one["technologies"]] == ["catl-sulfide"]
    none = client.get("/technology", params={"type": "liquid", "evidence": "third_party"}, headers=HTML)
    assert none.status_code == 200
    assert "None of the catalogue is so" in none.text


@pytest.mark.parametrize("value", ["moon", "\x00", "a" * 41, "../stage"])
def test_a_wrong_filter_is_told(client, value):
    """What there is none of is an error that says what there is, never an empty list."""
    answer = client.get("/technology", params={"stage": value})
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"]


def test_a_cell_tells_what_nobody_states(client):
    """Its page has doubts, kinds, what is verified and what is missing; programs get the same."""
    page = client.get("/technology/cells/dongfeng-ssb-350?lang=en", headers=HTML).text
    assert "107 °C" in page
    assert "not verified" in page
    assert "What nobody states" in page
    told = client.get("/technology/cells/dongfeng-ssb-350").json()["technology"]
    assert told["declared_type"] == "solid_state"
    assert told["verified"] == {"class": None, "why": "no_measurement"}
    assert {one["standing"] for one in told["steps"]} == {"said", "reached", "announced"}
    assert all(one["unstated"] for one in told["figures"] if one["metric"] == "specific_energy")


@pytest.mark.parametrize("name", ["nothing", "%00", "..%2F..%2Fetc", "a" * 5000])
def test_no_such_cell(client, name):
    """A name that is not there is not found."""
    answer = client.get(f"/technology/cells/{name}")
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["rule"]


def test_side_by_side(client):
    """Each technology has its column, once; without any the page says how to choose."""
    asked = {"with": ["donutlab", "chery-assb", "donutlab", ""]}
    told = client.get("/technology/compare", params=asked).json()
    assert [one["id"] for one in told["technologies"]] == ["donutlab", "chery-assb"]
    page = client.get("/technology/compare", params=asked | {"lang": "en"}, headers=HTML).text
    assert "400 Wh/kg" in page
    assert "600 Wh/kg" in page
    empty = client.get("/technology/compare?lang=en", headers=HTML)
    assert "Choose two to four" in empty.text


@pytest.mark.parametrize(
    ("names", "status"), [(list(TECHNOLOGIES)[:5], 400), (["donutlab", "nothing"], 404), (["x"] * 30, 400)]
)
def test_too_many_or_unknown_to_compare(client, names, status):
    """Five are too many, and an unknown one is named; a person keeps the form."""
    assert client.get("/technology/compare", params={"with": names}).status_code == status
    page = client.get("/technology/compare", params={"with": names}, headers=HTML)
    assert page.status_code == status


def test_the_timeline_keeps_targets_hollow(client):
    """Of all steps, targets are announced and drawn hollow; the picture has every dated step."""
    steps = client.get("/technology/timeline").json()["steps"]
    assert {one["standing"] for one in steps if one["kind"] == "target"} == {"announced"}
    page = client.get("/technology/timeline?lang=en", headers=HTML).text
    lanes = page.partition("<figcaption")[0]
    for standing in ("reached", "said", "announced"):
        dated = [one for one in steps if one["standing"] == standing and one["on"]]
        assert lanes.count(f'<circle class="{standing}"') == len(dated)


def test_files_have_every_row(client):
    """Figures and steps to take away are those of the catalogue, narrowed as the list is."""
    assert len(rows(client.get("/technology.csv?lang=en"))) == len(FIGURES)
    [one] = rows(client.get("/technology.csv?lang=en&organisation=Samsung SDI"))
    assert (one["Quantity"], float(one["Value"]), one["Kind of figure"]) == ("energy_density", 900, "target")
    assert one["Source"].startswith("https://")
    steps = rows(client.get("/technology/timeline.csv?lang=en"))
    assert len(steps) == sum(len(one.steps) for one in TECHNOLOGIES.values())
    for ending in ("xlsx", "parquet"):
        assert client.get(f"/technology.{ending}").status_code == 200
        assert client.get(f"/technology/timeline.{ending}").status_code == 200
