"""/outlook/adoption: no forecast without its backtest, for people and for programs."""

import csv
import io

import pytest

from tests.api.conftest import HTML
from voltrail.outlook.adoption import SERIES

PAGE = "/outlook/adoption"


def test_programs_get_each_share_with_its_score(client):
    """Each share has its figures, and either a forecast with score and interval or why there is none."""
    told = client.get(PAGE).json()
    assert [one["series"] for one in told["shares"]] == [one.id for one in SERIES]
    for one in told["shares"]:
        assert (one["forecast"] is None) == (one["refused"] is not None)
        assert (one["forecast"] is None) == (one["score"] is None)
    assert told["of"] == "nev"
    assert {one["cut"] for one in told["trials"]} == {str(year) for year in range(2019, 2025)}


@pytest.mark.parametrize("series", [one.id for one in SERIES])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_share_has_its_page(client, series, language):
    """In both languages a page with the figures, and with the backtest wherever there is a forecast."""
    answer = client.get(PAGE, params={"series": series, "lang": language}, headers=HTML)
    assert answer.status_code == 200
    assert ('id="backtest"' in answer.text) == ('class="spread"' in answer.text) == (series != "heavy_truck")


def test_losses_stand_on_the_page(client):
    """A share whose forecasts were worse than no change says so at the top, not below."""
    page = client.get(PAGE, params={"series": "passenger_quarters", "lang": "en"}, headers=HTML).text
    assert page.index("Forecasts did not beat no change") < page.index("<section")


def test_a_file_has_every_trial(client):
    """The file of one share has a row for each forecast that came due, that of all shares all of them."""
    rows = list(
        csv.DictReader(io.StringIO(client.get(f"{PAGE}.csv?series=nev&lang=en").content.decode("utf-8-sig")))
    )
    trials = client.get(PAGE).json()["trials"]
    assert [(one["Cut"], float(one["Error"])) for one in rows] == [
        (one["cut"], one["error"]) for one in trials
    ]
    every = client.get(f"{PAGE}.csv?lang=en").content.decode("utf-8-sig")
    assert {one["Share"] for one in csv.DictReader(io.StringIO(every))} == {
        one.id for one in SERIES if one.id != "heavy_truck"
    }


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}.csv"])
@pytest.mark.parametrize("series", ["ships", "nev'--", "<script>"])
def test_an_unknown_share_is_refused(client, path, series):
    """What is no share is refused by name, and never written into the page."""
    answer = client.get(path, params={"series": series})
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"] == "outlook.followed"
    assert "<script>" not in client.get(PAGE, params={"series": series}, headers=HTML).text
