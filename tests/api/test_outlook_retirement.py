"""/outlook/retirement: its numbers for programs, its table as files, and whoever types nonsense."""

import csv
import io

import pytest

from tests.api.conftest import HTML
from voltrail.outlook.book import book
from voltrail.outlook.classes import METALS, YEARS
from voltrail.outlook.provinces import by_population
from voltrail.outlook.retired import DEFINITIONS, UNITS

PATH = "/outlook/retirement"


def rows_of(answer):
    """The rows of a CSV file, without the lines that say what it stands on."""
    text = answer.text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def test_programs_are_told_each_meaning_in_each_unit(client):
    """With where nine of ten draws lie, for every year; published figures, metals and shares beside."""
    told = client.get(PATH).json()
    assert told["years"] == YEARS.tolist()
    for unit in UNITS:
        for one in DEFINITIONS:
            band = told["retired"][unit][one]
            assert len(band["middle"]) == len(YEARS)
            assert band["low"][19] < band["middle"][19] < band["high"][19]
    assert len(told["published"]) == 22
    assert set(told["metals"]["needed"]) == set(METALS)
    assert told["metals"]["worth"]["C"]["middle"] == [None] * len(YEARS)
    assert told["not_known"] == {"Al": ["NMC811"]}
    assert told["provinces"] == by_population(book())


def test_a_process_wins_back_what_it_says(client):
    """Pyrometallurgy burns lithium; what a leading plant does not claim is null and not nought."""
    burnt = client.get(PATH, params={"process": "pyrometallurgy"}).json()["metals"]["recovered"]
    assert burnt["Li"]["middle"][19] == 0 < burnt["Ni"]["middle"][19]
    claimed = client.get(PATH, params={"process": "leading_plant"}).json()["metals"]["recovered"]
    assert claimed["Cu"]["middle"][19] is None
    assert claimed["Li"]["middle"][19] > 0


def test_a_scenario_moves_it(client):
    """A parameter by its name, as /outlook takes it: batteries that last longer retire later."""
    short, long = (
        client.get(PATH, params={"car.battery_years": years}).json()["retired"]["kwh"]["left"]["middle"][19]
        for years in ("6", "20")
    )
    assert short > 1.2 * long


@pytest.mark.parametrize(
    "asked",
    [
        {"unit": "miles"},
        {"retired": "lost"},
        {"process": "magic"},
        {"where": "<script>alert(1)</script>"},
        {"year": "1999"},
        {"year": "soon"},
        {"scenario": "../baseline"},
        {"car.battery_years": "1e9"},
        {"plant_kt": "nan"},
        {"nothing": "1"},
    ],
)
def test_nonsense_is_refused_in_words(client, asked):
    """400 with a rule for programs, a page for people; nothing typed comes back as markup."""
    answer = client.get(PATH, params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"]
    page = client.get(PATH, params=asked, headers=HTML)
    assert page.status_code == 400
    assert "<script>alert" not in page.text


def test_a_small_record_does_not_say_where_batteries_are(client):
    """Shares of a handful of packs would tell of their holders, and nothing of the country."""
    answer = client.get(PATH, params={"where": "record"})
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"] == "outlook.record"


def test_the_page_answers_on_top(client):
    """One number in words, the three meanings, every published figure by its name, and what is assumed."""
    page = client.get(PATH, params={"year": "2030"}, headers=HTML).text
    assert "GWh of batteries leave their vehicles" in page
    for words in ("collected", "processed", "Weber Consulting", "CEESTA (2025), China", "Guangdong"):
        assert words in page
    assert "from memory, not checked" in page
    assert "not known" in page  # what graphite is worth


def test_all_of_it_is_a_file(client):
    """A row for each year, meaning, segment, chemistry and unit; by province it is more."""
    rows = rows_of(client.get(f"{PATH}.csv"))
    assert len(rows) == len(UNITS) * len(DEFINITIONS) * len(YEARS) * 36
    by_province = rows_of(client.get(f"{PATH}.csv", params={"by": "province"}))
    assert len(by_province) == len(UNITS) * len(DEFINITIONS) * len(YEARS) * 31
    whole = rows_of(client.get(f"{PATH}.csv", params={"by": ","}))
    key = next(one for one in whole[0] if "middle" in one.lower())
    told = client.get(PATH).json()["retired"]["kwh"]["left"]["middle"]
    assert [float(row[key]) for row in whole[: len(YEARS)]] == pytest.approx(told, rel=1e-5)
    assert client.get(f"{PATH}.csv", params={"by": "colour"}).status_code == 400


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_metals_are_a_file(client, ending):
    """In each form; what nobody knows is an empty cell."""
    answer = client.get(f"/outlook/metals.{ending}", params={"process": "norm"})
    assert answer.status_code == 200
    if ending == "csv":
        rows = rows_of(answer)
        assert len(rows) == 5 * len(YEARS) * len(METALS)
        assert {row["Middle"] for row in rows if (row["Metal"], row["Quantity"]) == ("C", "recovered")} == {
            ""
        }
