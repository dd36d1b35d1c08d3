"""Balances over HTTP: one's own sites, all of them for authorities; each rate with the numbers behind it."""

import csv
import io

import pytest

from tests.api.test_lots import BLACK, PACKS, PLANT, app, ask, li, registry, say
from tests.registry import sample

__all__ = ["app", "ask", "registry"]  # the same world

BOASTED = f"{PLANT}/carbonate-2"


def test_an_organisation_sees_its_own_sites(ask):
    """The plant sees its site, the buyer its own; a stranger has none, and the public is asked to sign in."""
    assert {one["site"] for one in ask("plant", "/recycling").json()["balances"]} == {"S-1"}
    assert {one["organisation"] for one in ask("buyer", "/recycling").json()["balances"]} == {sample.MAKER}
    assert ask("stranger", "/recycling").json()["balances"] == []
    assert {one["organisation"] for one in ask("ministry", "/recycling").json()["balances"]} == {
        PLANT,
        sample.MAKER,
    }
    assert ask(None, "/recycling").status_code == 401


def test_a_site_has_the_numbers_behind_each_rate(ask):
    """
    20 kg of carbonate of 18 % hold 3.6 kg of lithium; 100 of 250 kg of black mass with 250 × 0.8 × 0.05 = 10
    brought 4.0: 90 % of what was leached.
    """
    told = ask("plant", "/recycling/site?site=S-1").json()
    (rate,) = [
        one
        for one in told["rates"]
        if (one["metric"], one["element"], one["stage"]) == ("recovery", "Li", "refining")
    ]
    assert rate["value"] == pytest.approx(0.9)
    assert {one["lot"] for one in rate["numbers"] if one["lot"]} == {BLACK, f"{PLANT}/carbonate-1"}
    page = ask("plant", "/recycling/site?site=S-1", page=True).text
    assert "products / (fed + added − unfinished)" in page
    assert ask("stranger", "/recycling/site?site=S-1").json()["error"]["rule"] == "recycling.site"


def test_the_list_is_a_file_and_narrows(ask):
    """By days, which are included; what cannot be asked is told."""
    text = ask("plant", "/recycling.csv").content.decode("utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(text)) if row and row[0] == "S-1"] == ["S-1"]
    assert ask("plant", "/recycling?since=2026-06-09").json()["balances"][0]["batches"] == 1
    assert ask("plant", "/recycling?until=2026-06-02").json()["balances"] == []
    assert ask("plant", "/recycling?element=Xx").json()["error"]["rule"] == "usage.choice"
    assert ask("plant", "/recycling?since=yesterday").status_code == 400
    backwards = ask("plant", "/recycling?since=2026-06-09&until=2026-06-01").json()
    assert backwards["error"]["rule"] == "usage.day"


def test_what_comes_out_beyond_what_went_in_is_named_at_once(ask, registry):
    """A new report is in the next answer, though balances are kept; the page says it on top."""
    assert ask("ministry", "/recycling").json()["claims_more_than_came_in"] == []
    line = sample.line(
        "lot_processed",
        "2026-06-20T10:00:00+08:00",
        process="leach",
        site="S-1",
        inputs=[{"lot": BLACK, "mass_kg": 100}],
        outputs=[{"lot": BOASTED, "substance": "lithium_carbonate", "mass_kg": 50, "assays": li(0.18)}],
        emissions=[{"substance": "wastewater", "mass_kg": 50}],
    )
    say(registry, sample.signer(PLANT), line)
    assert ask("ministry", "/recycling").json()["claims_more_than_came_in"] == ["S-1"]
    page = ask("ministry", "/recycling", page=True).text
    assert "One site says that more metal came out than came in" in page
    assert "without origin" in page
    site = ask("plant", f"/recycling/site?site=S-1&organisation={PLANT}", page=True).text
    assert "It says that more metal came out than came in" in site


def test_pages_are_there_before_the_first_run(ask):
    """An organisation without a plant is told what will stand there."""
    page = ask("stranger", "/recycling", page=True)
    assert page.status_code == 200
    assert "No run of a plant is on record yet" in page.text
    assert PACKS[0] not in page.text
