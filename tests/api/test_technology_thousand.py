"""/technology/thousand: the answer in its headline, controls, files, and what is refused."""

import csv
import io

import pytest

from tests.api.conftest import HTML
from voltrail.technology.cell import CELLS
from voltrail.technology.claims import all_checks
from voltrail.technology.thousand import TEMPERATURES_C

PATH = "/technology/thousand"


def rows(answer):
    """Return the rows of a CSV."""
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def headline(page):
    """Return the words of the first heading."""
    return page.text.partition("<h1")[2].partition(">")[2].partition("</h1>")[0]


@pytest.fixture(scope="module")
def told(client):
    """What programs get for a car at 23 °C."""
    return client.get(PATH).json()


def test_programs_get_every_cell_at_every_temperature(told):
    """Each cell has all temperatures with interval and probability, the pack it needs, its row of trucks."""
    found = told["standing"]
    assert [row[0]["cell"] for row in found["rows"]] == list(CELLS)
    for row in found["rows"]:
        assert [one["temperature_c"] for one in row] == list(TEMPERATURES_C)
        for one in row:
            low, middle, high = one["km"]
            assert low <= middle <= high
            assert 0 <= one["probability"] <= 1
    assert len(found["needed"]) == len(told["truck"]["rows"]) == len(CELLS)
    assert told["reconstructed"] is True
    assert len(told["checks"]) == len(all_checks())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_headline_answers_with_the_numbers_that_were_computed(client, told, language):
    """How many cells of how many reach 1,000 km stands in the first sentence, and is what programs get."""
    page = client.get(PATH, params={"lang": language}, headers=HTML)
    assert page.status_code == 200
    reaching = sum(row[0]["probability"] >= 0.5 for row in told["standing"]["rows"])
    assert str(reaching) in headline(page)
    assert str(len(CELLS)) in headline(page)
    assert "CLTC" in headline(page)


def test_a_heavier_pack_carries_more_cells(client):
    """The control that people move first moves the answer the way it should."""
    counts = []
    for kg in ("300", "500", "900"):
        found = client.get(PATH, params={"pack_mass": kg}).json()["standing"]["rows"]
        counts.append(sum(row[0]["probability"] >= 0.5 for row in found))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_truck_is_asked_as_a_truck(client):
    """A truck's cycle and pack are a truck's where nothing else is asked, and its payload is told."""
    found = client.get(PATH, params={"vehicle": "tractor-40t"}).json()["standing"]
    assert found["question"]["cycle"] == "truck-80"
    assert found["question"]["pack_kg"] > 1_000
    assert all(one["payload_kg"] for one in found["needed"] if one["pack_kg"])


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("vehicle", "moon", "thousand.vehicle"),
        ("vehicle", "../../etc/passwd", "thousand.vehicle"),
        ("cycle", "\x00", "thousand.cycle"),
        ("design", "magic", "thousand.design"),
        ("cell", "perpetuum", "thousand.cell"),
        ("temperature", "cold", "thousand.temperature"),
        ("temperature", "nan", "thousand.temperature"),
        ("temperature", "-1e308", "thousand.temperature"),
        ("pack_mass", "inf", "thousand.mass"),
        ("pack_mass", "7e2kg", "thousand.mass"),
        ("pack_mass", "0", "thousand.mass"),
    ],
)
def test_what_has_no_answer_is_told_with_what_there_is(client, name, value, rule):
    """Programs get the rule; people the same in place, with what they typed still in the form."""
    answer = client.get(PATH, params={name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"] == rule
    assert answer.json()["error"]["fix"]
    page = client.get(PATH, params={name: value}, headers=HTML)
    assert page.status_code == 400
    assert rule in page.text
    if name in {"temperature", "pack_mass"}:
        assert f'value="{value}"' in page.text


def test_what_is_left_empty_is_as_if_it_were_not_asked(client):
    """A form sends its empty fields too."""
    empty = dict.fromkeys(("vehicle", "cycle", "temperature", "pack_mass", "design", "cell"), " ")
    assert client.get(PATH, params=empty).json() == client.get(PATH).json()


@pytest.mark.parametrize("value", ["a" * 61, "1" * 10_000])
def test_what_is_too_long_is_refused(client, value):
    """Nothing is computed of it."""
    assert client.get(PATH, params={"temperature": value}).status_code == 400


def test_ranges_and_claims_are_taken_away(client, told):
    """A row for each cell and temperature as on the page; one for each claim with its arithmetic in words."""
    found = rows(client.get(f"{PATH}.csv"))
    assert len(found) == len(CELLS) * len(TEMPERATURES_C)
    first = told["standing"]["rows"][0][0]
    assert float(found[0]["Range (km)"]) == pytest.approx(first["km"][1], abs=0.1)
    checked = rows(client.get(f"{PATH}/claims.csv"))
    assert len(checked) == len(all_checks())
    assert all(one["Verdict"] and one["Arithmetic"] for one in checked)
    for ending in ("xlsx", "parquet"):
        assert client.get(f"{PATH}.{ending}").status_code == 200
        assert client.get(f"{PATH}/claims.{ending}").status_code == 200


def test_a_claim_stays_a_claim_on_the_page(client):
    """Each check names the kind of its figure, and the page says what adding up means."""
    page = client.get(PATH, headers=HTML).text
    assert page.count('class="checked"') == len(all_checks())
    assert "is not shown by that: it stays a claim." in page
    assert "does not add up" in page
