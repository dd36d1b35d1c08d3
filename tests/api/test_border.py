"""/border, its gate at the door, and how a battery travels: as the public, its holder, an authority."""

# ruff: noqa: F811 - fixtures of another module are imported

import json
import re
from datetime import UTC, datetime

import pytest

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import accounts, browser, no_attempts, quick_hashes, rule  # noqa: F401
from tests.registry import sample
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.organisations.identifiers import credit_code

PLANT, BUYER = credit_code("91000000MA0000077"), sample.RECYCLER
LOT = f"{PLANT}/black-1"
WASTE, BURNT, CALLED = sample.pack(5101), sample.pack(5102), sample.pack(5103)
JSON = {"Accept": "application/json"}
GERMAN = {"country": "DE"}


def now():
    """Return this moment, as lines write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def plant(registry):
    """A plant in Germany with black mass, a waste pack, one that burnt, and one that is recalled."""
    named = json.loads(sample.registrations(PLANT, "utilisation_enterprise")[0]) | GERMAN
    people = [json.dumps(named, separators=(",", ":")).encode()]
    people += sample.registrations(PLANT, "utilisation_enterprise")[1:]
    people.append(
        sample.line("role_granted", "2020-01-01T00:00:00+08:00", organisation=PLANT, role="repair_enterprise")
    )
    assert not json.loads(registry.report(sample.report(sample.authority(), people)))["refused"]
    day = "2026-06-01T08:00:00+02:00"
    lines = [
        sample.line(
            "lot_created",
            day,
            lot=LOT,
            substance="black_mass",
            mass_kg=1000.0,
            origin="post_consumer",
            country="DE",
            assays=[{"element": "Ni", "fraction": 0.2}],
        ),
        *(
            sample.line("enrolled", day, code=one, place="in_stock", basis="label")
            for one in (WASTE, BURNT, CALLED)
        ),
        sample.line("retired", "2026-06-02T08:00:00+02:00", code=WASTE),
        sample.line("incident_reported", "2026-06-03T08:00:00+02:00", code=BURNT, incident="fire"),
        sample.line(
            "recalled", "2026-06-03T09:00:00+02:00", code=CALLED, campaign="R-77", risk="may catch fire"
        ),
    ]
    assert not json.loads(registry.report(sample.report(sample.signer(PLANT), lines)))["refused"]


def checked(client, **line):
    """Return what a signed question of the plant is answered."""
    lines = [sample.line(line.pop("kind"), now(), **line)]
    file = sample.report(sample.signer(PLANT), lines)
    (answer,) = client.post("/checks", content=file, headers={"Content-Type": MEDIA_TYPE}).json()["checks"]
    return answer


def asked(client, **params):
    """Return what a program is answered."""
    named = {"from_": "from"}
    return client.get("/border", params={named.get(k, k): v for k, v in params.items()}, headers=JSON).json()


# ------------------------------------------------------------------- the gate


def test_black_mass_is_refused_at_the_door_and_found_when_it_went(client, registry, plant):
    """Before: with the article. After: taken, with a breach that the public does not see."""
    move = {"kind": "lot_moved", "lot": LOT, "to": BUYER, "country": "CN"}
    told = checked(client, **move)
    assert (told["allowed"], told["rule"]) == (False, "breach.eu-ban")
    assert "Article 39" in told["source"]
    assert "/border" in told["fix"]
    lines = [sample.line("lot_moved", now(), lot=LOT, to=BUYER, country="CN", from_country="DE")]
    receipt = json.loads(registry.report(sample.report(sample.signer(PLANT), lines)))
    assert receipt["accepted"] == [0]
    assert [(one["kind"], one["rule"]) for one in receipt["findings"]] == [("breach", "breach.eu-ban")]


def test_what_needs_consent_warns_until_it_is_named(client, plant):
    """To Korea: allowed with a warning by the rule that only the press supports; with the number, without."""
    move = {"kind": "exported", "code": WASTE, "from_country": "DE", "country": "KR"}
    told = checked(client, **move)
    assert told["allowed"]
    assert {one["rule"] for one in told["warnings"]} == {"eu-consent", "basel-consent"}
    assert checked(client, **move, consent="DE 1350 / 170011")["warnings"] == []


def test_where_nothing_is_said_of_a_country_the_reporter_s_own_counts(client, plant):
    """A waste battery that a German plant exports to China leaves the Union, whether it says so or not."""
    told = checked(client, kind="exported", code=WASTE, country="CN")
    assert (told["allowed"], told["rule"]) == (False, "breach.eu-ban")
    assert checked(client, kind="exported", code=CALLED, country="CN")["rule"] is None


def test_the_public_learns_nothing_of_a_lot(client, plant):
    """Whether a lot is black mass is its holder's matter; that a battery is waste is public."""
    lines = [
        {
            "kind": "lot_moved",
            "occurred_at": now(),
            "lot": LOT,
            "to": BUYER,
            "country": "CN",
            "from_country": "DE",
        },
        {"kind": "exported", "occurred_at": now(), "code": WASTE, "country": "CN"},
    ]
    body = {"organisation": PLANT, "lines": lines}
    lot, battery = client.post("/checks", json=body).json()["checks"]
    assert (lot["allowed"], lot["warnings"]) == (True, [])
    assert (battery["allowed"], battery["rule"]) == (False, "breach.eu-ban")


def test_a_battery_that_burnt_does_not_go_like_any_other(client, registry, plant):
    """Refused without carrier and packing; with both it goes; a word of who looked ends it."""
    ship = {"kind": "shipped", "code": BURNT, "to": BUYER}
    told = checked(client, **ship)
    assert (told["allowed"], told["rule"], told["source"]) == (
        False,
        "breach.adr-critical",
        "ADR, special provision 376",
    )
    assert checked(client, **ship, carrier=BUYER, packing="P908")["rule"] == "breach.adr-critical"
    assert checked(client, **ship, packing="P911")["rule"] == "breach.adr-critical"
    assert checked(client, **ship, carrier=BUYER, packing="P 911")["allowed"]
    told = checked(client, kind="shipped", code=CALLED, to=BUYER)
    assert told["rule"] == "breach.adr-damaged"
    looked = sample.line("assessed", now(), code=CALLED, decision="reuse", transport="normal")
    registry.report(sample.report(sample.signer(PLANT), [looked]))
    assert checked(client, kind="shipped", code=CALLED, to=BUYER)["allowed"]


# ------------------------------------------------------------------- the page


def test_a_program_is_answered_with_each_side(client, plant):
    """Verdict, and each side with its rule, article, source, confidence, and what is not configured."""
    told = asked(client, what="black_mass", from_="DE", to="CN", on="2026-11-09")
    assert told["verdict"] == "forbidden"
    export, imported = told["sides"]
    assert (export["side"], export["country"], export["verdict"]) == ("export", "DE", "forbidden")
    assert export["rule"]["id"] == "eu-ban"
    assert export["rule"]["standing"] == "enforced"
    assert export["rule"]["gap"]
    assert (imported["verdict"], imported["rule"]["id"]) == ("unknown", "cn-black-mass")
    assert asked(client, what="black_mass", from_="DE", to="CN", on="2026-11-08")["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, "border.country"),
        ({"from": "DE", "to": "DE"}, "border.none"),
        ({"from": "EU", "to": "CN"}, "border.country"),
        ({"from": "DE", "to": "CN", "what": "gold"}, "border.what"),
        ({"from": "DE", "to": "CN", "waste": "perhaps"}, "border.waste"),
        ({"from": "DE", "to": "CN", "assays": "a lot"}, "border.assays"),
        ({"lot": LOT, "to": "CN"}, "lot.unknown"),
        ({"code": "9ZZP", "to": "CN"}, "identity.code"),
    ],
)
def test_what_cannot_be_asked_is_said_to_people_and_programs(client, plant, params, found):
    """In the one shape; on the page in place, with what was typed kept."""
    response = client.get("/border", params=params, headers=JSON)
    assert 400 <= response.status_code < 500
    assert rule(response).partition(".")[0] == found.partition(".")[0]
    if params:
        page = client.get("/border", params=params | {"waste_code": "<b>16 06"}, headers=HTML)
        assert page.status_code == response.status_code
        assert 'class="problem"' in page.text
        assert "&lt;b&gt;16 06" in page.text


def test_the_page_answers_in_both_languages_without_scripts(client, plant):
    """The verdict is the heading, each side says by which rule; the form keeps what was asked."""
    params = {"what": "black_mass", "from": "de", "to": "CN", "on": "2026-11-09", "assays": "Ni=0.03"}
    english = client.get("/border", params=params, headers=HTML).text
    assert re.search(r"<h1[^>]*>Forbidden</h1>", english)
    assert 'value="de"' in english
    assert "Regulation (EU) 2024/1157, Article 39" in english
    assert "<script" not in english.partition("</head>")[2]
    chinese = client.get("/border", params=params | {"lang": "zh"}, headers=HTML).text
    assert re.search(r"<h1[^>]*>禁止</h1>", chinese)
    assert "废锂电池和黑粉不得从欧盟出口至非经合组织国家" in chinese


def test_a_lot_fills_the_form_for_who_may_see_it(client, browser, registry, plant):
    """Its substance, country and assays; nobody else learns that there is one."""
    page = browser("ministry").get(f"/border?lot={LOT}&to=KR").text
    assert 'value="Ni=0.2"' in page
    assert re.search(r'name="from" value="[A-Z]{2}"', page)
    assert client.get(f"/border?lot={LOT}", headers=HTML).status_code == 404


def test_a_battery_fills_the_form_as_far_as_it_may_be_seen(client, browser, plant):
    """That it is waste is public; where its holder is, is not."""
    public = client.get(f"/border?code={WASTE}", headers=HTML).text
    assert '<option value="yes" selected>' in public
    assert 'name="from" value=""' in public
    assert 'name="from" value="DE"' in browser("ministry").get(f"/border?code={WASTE}").text


# ------------------------------------------------------------------ transport


def test_how_a_battery_travels_is_told_to_who_may_see_its_condition(client, browser, plant):
    """The public learns which goods it is, and no state; an authority the state and the packing."""
    public = client.get(f"/b/{BURNT}/transport", headers=JSON).json()
    assert (public["travels"], public["packing"], public["withheld"]) == (None, None, ["transport"])
    assert (public["goods"]["un"], public["goods"]["class"]) == ("UN 3480", "9")
    ministry = browser("ministry")
    told = ministry.json(f"/b/{BURNT}/transport")
    assert (told["travels"]["state"], told["travels"]["because"]) == ("critical", "incident")
    assert told["packing"]["instructions"] == ["P911", "LP906"]
    assert told["packing"]["rule"] == "adr-critical"
    assert ministry.json(f"/b/{BURNT}")["transport"] == "critical"
    assert "transport" in client.get(f"/b/{BURNT}", headers=JSON).json()["withheld"]
    assert ministry.json(f"/b/{PACK}")["transport"] == "normal"
    page = ministry.get(f"/b/{BURNT}").text
    assert "<dt>Travels as</dt><dd>critical</dd>" in page


def test_the_state_is_that_of_the_time_asked_for(browser, plant):
    """As of the day before the fire it travelled as any other."""
    before = browser("ministry").json(f"/b/{BURNT}?as_of=2026-06-02T12:00:00Z")
    assert before["transport"] == "normal"


def test_the_paper_is_for_who_may_see_the_state(client, browser, plant):
    """Filled in from the record and from the form; refused to the public."""
    path = f"/b/{BURNT}/transport/paper"
    refused = client.get(path, headers=JSON)
    assert (refused.status_code, rule(refused)) == (403, "access.transport")
    page = browser("ministry").get(f"{path}?to=%3Cb%3EReceiver&gross=700&packages=1+LP906&lang=zh").text
    assert "UN 3480 LITHIUM ION BATTERIES, 9" in page
    assert "特殊规定 376" in page
    assert "&lt;b&gt;Receiver" in page
    assert "1 LP906" in page
    assert PLANT in page
