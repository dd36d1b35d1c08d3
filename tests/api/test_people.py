"""Pages of organisations and models: who is who and what is what, for people; JSON for programs as ever."""

import html
import re

import pytest

from tests.api.conftest import HTML, PACK
from tests.registry import sample

ATTACK = "<script>alert(1)</script>"


@pytest.fixture(scope="module", autouse=True)
def people(registry):
    """A model with a wicked name, an organisation that has lost role and key, and one with a wicked name."""
    model = sample.line(
        "model_registered",
        "2026-01-05T08:00:00+08:00",
        model_id="S-102",
        name=ATTACK,
        level="pack",
        chemistry="LFP",
        energy_kwh=60.5,
    )
    registry.report(sample.report(sample.signer(sample.MAKER), [model]))
    about = {"organisation": "529900T8BM49AURSDO55"}
    lines = [
        sample.line(
            "organisation_registered", "2026-01-05T08:00:00+08:00", **about, name=ATTACK, country="DE"
        ),
        sample.line(
            "key_revoked", "2026-05-02T08:00:00+08:00", organisation=sample.RECYCLER, key_id="line-1"
        ),
        sample.line(
            "role_revoked",
            "2026-05-02T08:00:00+08:00",
            organisation=sample.RECYCLER,
            role="utilisation_enterprise",
        ),
    ]
    registry.report(sample.report(sample.authority(), lines))


def page(client, path, language="en"):
    return client.get(path, headers=HTML | {"Accept-Language": language}).text


PAGES = [
    "/organisations",
    "/organisations?limit=2",
    "/organisations?after=zzzz",
    f"/organisations/{sample.MAKER}",
    f"/organisations/{sample.RECYCLER}",
    "/organisations/529900T8BM49AURSDO55",
    f"/organisations/{sample.ORIGIN}/host",
    "/models",
    f"/models?maker={sample.MAKER}",
    "/models?maker=nobody",
    "/models/S-102",
    "/models/S-102?after=zzzz",
    "/report",
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_in_both_languages(client, path, language):
    """One heading, no address of another host, scripts of this host only; names are no markup."""
    found = client.get(path, headers=HTML | {"Accept-Language": language})
    assert found.status_code == 200
    assert found.text.count("<h1") == 1
    assert ATTACK not in found.text
    assert " style=" not in found.text
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", found.text) == []
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', found.text):
        assert re.match(r"[/#](?!/)", address), address


def test_organisations_are_listed(client):
    """With names and roles, page by page, each a link to its own page."""
    first = page(client, "/organisations?limit=2")
    assert f'href="/organisations/{sample.AUTHORITY}"' not in first  # begun with, never registered
    assert 'href="/organisations?after=' in first
    whole = page(client, "/organisations", "zh")
    for organisation in sample.ROLES:
        assert f'<a href="/organisations/{organisation}">示例企业</a>' in whole
    assert "电池生产企业" in whole
    assert "There are no more." in page(client, "/organisations?after=zzzz")


def test_an_organisation_has_roles_and_keys_with_their_times(client):
    """Roles by date, keys by their place in the log; what has ended says when."""
    told = page(client, f"/organisations/{sample.MAKER}")
    assert "since 1 Jan 2020" in told
    assert ">valid</span>" in told
    assert re.search(r"Counts after</dt><dd>entry \d+ <span", told)
    assert "Batteries" in told
    ended = page(client, f"/organisations/{sample.RECYCLER}")
    assert "1 Jan 2020 to 2 May 2026" in ended
    assert ">revoked</span>" in ended
    assert "It has no role" in page(client, "/organisations/529900T8BM49AURSDO55")


def test_an_organisation_leads_to_its_models_and_back(client):
    """Maker to model, model to battery, battery to model, model to maker."""
    assert 'href="/models/S-102"' in page(client, f"/organisations/{sample.MAKER}")
    model = page(client, "/models/S-102")
    assert f'href="/b/{PACK}"' in model
    assert f'href="/organisations/{sample.MAKER}"' in model
    assert model.count('href="/models/S-102"') == 0
    assert page(client, f"/b/{PACK}").count('href="/models/S-102"') == 2


def test_a_model_says_what_it_is(client):
    """Level, chemistry and energy with its unit, in the reader's words, and how many there are."""
    assert ATTACK in html.unescape(page(client, "/models/S-102"))
    chinese = page(client, "/models/S-102", "zh")
    assert "磷酸铁锂" in chinese
    assert "60.5 kWh" in chinese
    assert "原始使用" in chinese


def test_programs_get_json(client):
    """The same addresses; a model's batteries by GET /batteries?model=."""
    assert client.get("/models").json()["models"][0]["model_id"] == "S-102"
    assert client.get("/models?limit=1").json()["next"] is None
    told = client.get("/models/S-102").json()
    assert (told["declared"], told["batteries"]["or_more"]) == (True, False)
    listed = client.get("/batteries?model=S-102").json()["batteries"]
    assert len(listed) == told["batteries"]["count"]
    assert "place" not in listed[0]
    assert client.get("/batteries?model=S-102", headers=HTML).headers["location"] == "/models/S-102"
    assert client.get("/models?maker=nobody").json() == {"models": [], "next": None}
    assert client.get("/models/nothing").json()["error"]["rule"] == "model.unknown"
    assert client.get("/models/%00").status_code == 400
    assert client.get("/organisations/%00").status_code == 400


def test_an_empty_record_says_how_to_fill_it(tmp_path):
    """Both lists, before anything was reported."""
    from litestar.testing import TestClient

    import voltrail
    from voltrail.api import create_app
    from voltrail.registry.settings import initialise

    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "data") as empty, TestClient(create_app(empty)) as client:
        assert "The authority brings the first one in" in page(client, "/organisations")
        assert "Makers declare their models" in page(client, "/models")
