"""/outlook, for programs and for whoever types nonsense: a scenario in an address, its bands, its files."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest

from tests.api.conftest import HTML
from voltrail.outlook import tables
from voltrail.outlook.classes import YEARS
from voltrail.outlook.parameters import parameters
from voltrail.outlook.run import run
from voltrail.outlook.scenario import names, read

PAGE = "/outlook"
WRONG = [
    ("car.battery_years", "99"),
    ("car.battery_years", "nan"),
    ("car.battery_years", "-inf"),
    ("car.battery_years", "1e999"),
    ("learning_percent", "<b>much</b>"),
    ("learning_percent", "9" * 5_000),
    ("known_at", "yesterday"),
    ("scenario", "../../etc/passwd"),
    ("scenario", "no_such"),
    ("with", "no_such"),
    ("with", "baseline,car.battery_years:99"),
    ("with", "baseline,,"),
    ("car.batery_years", "12"),
]


def result(told, what, part="", scenario=0):
    """Return the result of one quantity."""
    [found] = [
        one for one in told["scenarios"][scenario]["results"] if (one["what"], one["part"]) == (what, part)
    ]
    return found


def test_a_scenario_is_told_with_its_bands(client):
    """Each result has its middle between its low and its high for every year, as a run of the same says."""
    told = client.get(PAGE, params={"scenario": "trucks_twice", "lfp_percent": "70"}).json()
    assert told["years"] == YEARS.tolist()
    for one in told["scenarios"][0]["results"]:
        assert len(one["middle"]) == len(YEARS), one["what"]
        assert all(
            low <= middle <= high
            for low, middle, high in zip(one["low"], one["middle"], one["high"], strict=True)
        )
    outcome = run(
        read(client.get(f"{PAGE}.toml", params={"scenario": "trucks_twice", "lfp_percent": "70"}).text)
    )
    [whole, *_] = [one for one in tables.series(outcome, ["left"]) if not one.segment + one.chemistry]
    assert np.allclose(np.median(whole.draws, axis=0), result(told, "left")["middle"])


def test_what_is_given_is_what_is_played(client):
    """A number in the address has effect: batteries that last longer leave later."""
    short, long = (client.get(PAGE, params={"car.battery_years": years}).json() for years in ("9", "15"))
    at = YEARS.tolist().index(2030)
    assert result(short, "left")["middle"][at] > 1.1 * result(long, "left")["middle"][at]


def test_no_forecast_without_its_backtest(client):
    """Programs and people alike are told how such forecasts have done."""
    assert set(client.get(PAGE).json()["backtest"]) == {"car", "van", "bus", "truck"}
    assert 'id="backtest"' in client.get(PAGE, headers=HTML).text


def test_what_would_change_it_most_is_told_first_things_first(client):
    """The five come in the order of their effect."""
    effects = [abs(one["at_high"] - one["at_low"]) for one in client.get(PAGE).json()["matters"]]
    assert len(effects) == 5
    assert effects == sorted(effects, reverse=True)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_cannot_be_taken_is_refused(client, name, value):
    """Programs get 400 with a rule; a page shows what was typed, safely, and where it is wrong."""
    answer = client.get(PAGE, params={name: value})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["rule"].startswith(("outlook.", "request."))
    assert error["fix"]
    assert len(error["message"]) < 500
    page = client.get(PAGE, params={name: value}, headers=HTML)
    assert page.status_code == 400
    assert "<b>much" not in page.text
    for ending in ("toml", "csv", "xlsx"):
        assert client.get(f"{PAGE}.{ending}", params={name: value}).status_code == 400


def test_a_field_keeps_what_was_typed(client):
    """What is wrong stands in its field, marked, with what it may be; so does what is right beside it."""
    page = client.get(PAGE, params={"car.battery_years": "99", "lfp_percent": "66"}, headers=HTML).text
    assert 'value="99" aria-describedby="wrong-car.battery_years" aria-invalid="true"' in page
    assert "Give a number from 4 to 25." in page
    assert 'value="66"' in page


def test_scenarios_stand_side_by_side(client):
    """Their difference is that of what they set: the same scenario does not differ from itself."""
    told = client.get(PAGE, params={"with": ["baseline", "baseline,collection_2035_percent:100"]}).json()
    assert [one["name"] for one in told["scenarios"]] == [
        "baseline",
        "baseline",
        "baseline,collection_2035_percent:100",
    ]
    same = [one for one in told["differences"] if one["with"] == "baseline"]
    assert same
    assert all(set(one["by"].values()) == {0} and one["more"] == one["less"] == 0 for one in same)
    [more] = [
        one
        for one in told["differences"]
        if (one["with"], one["what"], one["year"])
        == ("baseline,collection_2035_percent:100", "metal_recovered", 2040)
        and one["part"] == "Li"
    ]
    assert more["more"] == 1.0
    page = client.get(PAGE, params={"with": ["baseline,collection_2035_percent:100"]}, headers=HTML).text
    assert "more in 100 of 100 draws" in page


def test_no_more_than_three_scenarios(client):
    """Each is a run: an address cannot ask for many."""
    many = ["baseline", "no_policy", "tax_free"]
    answer = client.get(PAGE, params={"with": many})
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "outlook.many")


def test_who_waits_too_long_is_told(client, monkeypatch):
    """When as many scenarios are played as may be, others hear it soon, and a page still has its form."""
    from voltrail.api import outlook

    monkeypatch.setattr(outlook, "_PATIENCE_S", 0.01)
    for _ in range(2):
        outlook._PLAYING.acquire()
    try:
        answer = client.get(PAGE, params={"lfp_percent": "33"})
        assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "outlook.busy")
        assert 'value="33"' in client.get(PAGE, params={"lfp_percent": "33"}, headers=HTML).text
    finally:
        for _ in range(2):
            outlook._PLAYING.release()


def test_files_hold_what_the_page_says(client):
    """The CSV has a row for each quantity, part and year, with the numbers of the JSON."""
    asked = {"lfp_percent": "70", "with": "no_policy"}
    rows = list(csv.reader(io.StringIO(client.get(f"{PAGE}.csv", params=asked).text.lstrip("\ufeff"))))
    told = client.get(PAGE, params=asked).json()
    left = [row for row in rows if "left" in row and "2030" in row and row[3:6] == ["", "", ""]]
    assert len(left) == 2
    at = YEARS.tolist().index(2030)
    for place, row in enumerate(left):
        assert float(row[7]) == pytest.approx(result(told, "left", scenario=place)["middle"][at], rel=1e-6)
    assert client.get(f"{PAGE}.xlsx", params=asked).content[:2] == b"PK"


@pytest.mark.parametrize("name", names())
def test_each_scenario_that_is_brought_along_has_its_page(client, name):
    """None is named in the form and then fails; the page says it is chosen."""
    page = client.get(PAGE, params={"scenario": name}, headers=HTML)
    assert page.status_code == 200
    assert f'<option value="{name}" selected>' in page.text


def test_every_parameter_can_be_moved(client):
    """The form has a field for each row of the table, with its own value and bounds."""
    page = client.get(PAGE, headers=HTML).text
    for one in parameters().values():
        assert f'name="{one.id}"' in page, one.id
        assert f'data-moves="{one.id}"' in page


def test_the_command_gives_the_same_numbers(client, tmp_path):
    """The page promises it: its scenario as TOML says on the command line what the page says."""
    asked = {"scenario": "cheap_cells", "car.battery_years": "10"}
    (tmp_path / "scenario.toml").write_text(client.get(f"{PAGE}.toml", params=asked).text)
    ran = subprocess.run(
        [sys.executable, "-m", "voltrail.cli", "outlook", "run", "scenario.toml", "--csv", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [table] = (tmp_path / "out").glob("*.csv")
    rows = csv.DictReader(io.StringIO(table.read_text()))
    left = [
        float(row["middle"])
        for row in rows
        if row["what"] == "left" and not row["segment"] + row["chemistry"]
    ]
    assert left == pytest.approx(result(client.get(PAGE, params=asked).json(), "left")["middle"], rel=1e-5)
