"""/technology/range: numbers for programs, a page that answers, files, and whoever types nonsense."""

import csv
import io

import pytest

from tests.api.conftest import HTML

PATH = "/technology/range"


def test_programs_are_told_the_range_its_parts_and_what_the_cycle_stands_on(client):
    """The interval holds the middle, the parts add up, and a reconstructed trace says so."""
    told = client.get(PATH, params={"temperature": "-20"}).json()
    assert told["km"]["low"] < told["km"]["middle"] < told["km"]["high"]
    parts = sum(told["parts_kwh_per_100km"].values())
    assert parts == pytest.approx(told["kwh_per_100km"]["middle"])
    assert told["cycle"]["reconstructed"] is True
    middles = [one["km"]["middle"] for one in told["by_temperature"]]
    assert middles[0] < middles[5] < middles[10]


def test_the_page_answers_in_its_headline_and_keeps_the_question_in_its_links(client):
    """Km with their interval stand on top; files and the link lead to the same question."""
    page = client.get(PATH, params={"temperature": "-20", "cell": "lfp-liquid"}, headers=HTML).text
    told = client.get(PATH, params={"temperature": "-20", "cell": "lfp-liquid"}).json()
    assert f"{told['km']['middle']:.0f} km at −20 °C" in page
    assert "is reconstructed" in page
    assert "/technology/range.csv?cell=lfp-liquid" in page
    assert (
        "reconstructed" not in client.get(PATH, params={"cycle": "WLTC"}, headers=HTML).text.split("<form")[0]
    )


def test_the_file_has_a_row_for_each_temperature_and_the_one_asked_for(client):
    """What is drawn can be taken away, with the point of the headline in it."""
    text = client.get(f"{PATH}.csv", params={"temperature": "-18"}).text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    at = [float(one["Temperature (°C)"]) for one in rows]
    assert at == sorted(at)
    assert -18.0 in at
    middle = client.get(PATH, params={"temperature": "-18"}).json()["km"]["middle"]
    here = next(one for one in rows if float(one["Temperature (°C)"]) == -18)
    assert float(here["Range (km)"]) == pytest.approx(middle, abs=0.1)


@pytest.mark.parametrize(
    ("asked", "status", "rule"),
    [
        ({"cell": "nothing"}, 404, "range.unknown"),
        ({"vehicle": "\0"}, 404, "range.unknown"),
        ({"cycle": "../../etc/passwd"}, 404, "range.unknown"),
        ({"temperature": "cold"}, 400, "range.number"),
        ({"temperature": "nan"}, 400, "range.number"),
        ({"temperature": "-300"}, 400, "range.temperature"),
        ({"energy_kwh": "0"}, 400, "pack.size"),
        ({"energy_kwh": "1e-9"}, 400, "range.pack"),
        ({"energy_kwh": "1e9"}, 400, "pack.size"),
        ({"mass": "-1"}, 400, "range.mass"),
        ({"cabin": "sauna"}, 400, "range.cabin"),
    ],
)
def test_nonsense_is_told_what_to_do_on_the_page_and_to_programs(client, asked, status, rule):
    """A wrong answer to the form is a 4xx with its rule; the page keeps its form."""
    told = client.get(PATH, params=asked)
    assert told.status_code == status
    assert told.json()["error"]["rule"] == rule
    page = client.get(PATH, params=asked, headers=HTML)
    assert page.status_code == status
    assert "<form" in page.text
    assert client.get(f"{PATH}.csv", params=asked).status_code == status
