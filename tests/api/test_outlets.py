"""/outlets: the register, who must take a battery back, places of sale, and what was not taken."""

# ruff: noqa: F811 - fixtures of another module are imported

import html
import json
import re
from itertools import count

import pytest

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import accounts, bearer, browser, no_attempts, quick_hashes, rule, token  # noqa: F401
from tests.registry import sample

VIN = "LSVAA4187E2185001"
SERIALS = count(2500)
SECRET = re.compile(r'class="secret mono">([^<]*)<')
JSON = {"Accept": "application/json"}


def site(identifier, organisation=sample.CARMAKER, **members):
    about = {"site": identifier, "organisation": organisation, "site_type": "outlet"} | members
    return sample.line("site_registered", "2026-05-01T08:00:00+08:00", **about)


@pytest.fixture(scope="module")
def outlets(registry):
    """Two outlets of the car maker, one of the battery maker; a car sold in a region without one."""
    mine = [
        site(
            "SH-1",
            region="310115",
            name="浦东 <b>网点</b>",
            phone="021 1234",
            latitude=31.22,
            longitude=121.54,
        ),
        site("NJ-1", region="320102", address="示例路 1 号", hours="09:00-17:00"),
        sample.line(
            "sold", "2026-05-02T08:00:00+08:00", vin=VIN, codes=[sample.pack(2400)], buyer_region="440300"
        ),
        sample.line("vehicle_certified", "2026-05-01T08:00:00+08:00", vin=VIN, codes=[sample.pack(2400)]),
    ]
    theirs = [
        sample.line("model_registered", "2026-04-01T08:00:00+08:00", model_id="S-102", name="S"),
        site("M-1", sample.MAKER, region="330100"),
    ]
    for organisation, lines in ((sample.CARMAKER, mine), (sample.MAKER, theirs)):
        assert not json.loads(registry.report(sample.report(sample.signer(organisation), lines)))["refused"]


@pytest.fixture
def sold(registry, outlets):
    """Return a function that makes a pack, fits it into a vehicle and sells that; it gives code and vin."""

    def sell():
        number = next(SERIALS)
        code, vin = sample.pack(number), f"LSVAA4187E2{number:05}0"
        registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(code)))
        lines = [
            *sample.fitted(code, vin),
            sample.line("sold", "2026-05-01T10:00:00+08:00", vin=vin, codes=[code], buyer_region="310115"),
        ]
        registry.report(sample.report(sample.signer(sample.CARMAKER), lines))
        return code, vin

    return sell


def found(answer):
    return [one["site"] for one in answer.json()["outlets"]]


def test_the_register_is_for_everybody(client, outlets):
    """By province, by words, by whom they take back for, page by page; and as a page for people."""
    assert found(client.get("/outlets", headers=JSON)) == ["M-1", "NJ-1", "SH-1"]
    assert found(client.get("/outlets?province=31", headers=JSON)) == ["SH-1"]
    assert found(client.get("/outlets?q=示例路", headers=JSON)) == ["NJ-1"]
    assert found(client.get(f"/outlets?organisation={sample.MAKER}", headers=JSON)) == ["M-1"]
    first = client.get("/outlets?limit=2", headers=JSON).json()
    assert first["next"] == "NJ-1"
    assert found(client.get("/outlets?limit=2&after=NJ-1", headers=JSON)) == ["SH-1"]
    page = client.get("/outlets?province=31", headers=HTML).text
    assert "浦东 &lt;b&gt;网点&lt;/b&gt;" in page
    assert "Shanghai" in page
    assert "上海市" in client.get("/outlets?lang=zh", headers=HTML).text
    assert client.get("/outlets?q=nothing-like-it", headers=HTML).status_code == 200


@pytest.mark.parametrize("query", ["province=99", "province=3101", "q=%00", "limit=0", "limit=201"])
def test_what_no_outlet_can_be_is_an_error(client, outlets, query):
    """In the one shape, with what to do."""
    answer = client.get(f"/outlets?{query}", headers=JSON)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["fix"]


def test_who_must_take_it_back_is_told_with_the_article(client, outlets):
    """The public is told of the model's maker, and of no vehicle; nearest first; the rule beside it."""
    answer = client.get(f"/outlets/near?code={PACK}&region=310000", headers=JSON).json()

    (taker,) = answer["takers"]
    assert (taker["organisation"], taker["role"]) == (sample.MAKER, "battery_maker")
    assert (taker["rule"], taker["standing"], taker["article"]) == (
        "o73-takeback-battery",
        "advisory",
        "Order No. 73",
    )
    assert [one["site"] for one in answer["must"]] == ["M-1"]
    assert [one["site"] for one in answer["others"]] == ["SH-1", "NJ-1"]
    page = client.get(f"/outlets/near?code={PACK}&region=31&lang=zh", headers=HTML).text
    assert "应由" in page
    assert "参考性规则" in page


def test_who_may_see_the_vehicle_is_told_of_its_seller(browser, accounts, outlets, sold):
    """An authority, and the owner with a token: the maker of the vehicle comes first."""
    code, vin = sold()
    headers = bearer(token(accounts, "ministry", "read"))
    told = browser().client.get(f"/outlets/near?code={code}", headers=headers).json()
    assert [(one["organisation"], one["must"]) for one in told["takers"]] == [
        (sample.CARMAKER, True),
        (sample.MAKER, False),
    ]
    assert [one["site"] for one in told["must"]] == ["NJ-1", "SH-1"]
    assert [one["site"] for one in told["others"]] == ["M-1"]

    owner, seller = browser(), browser("carmaker")
    secret = html.unescape(SECRET.search(seller.send("/owner/tokens", vin=vin).text)[1])
    shown = {"csrf": owner.form("/owner"), "token": secret}
    assert owner.client.post("/owner/show", data=shown).status_code == 303
    page = owner.get(f"/outlets/near?code={code}").text
    assert "Who sold the vehicle" in page
    assert f'href="/outlets/near?code={code}"' in owner.get("/owner").text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("region=99", "identity.region"),
        ("region=上海", "identity.region"),
        ("latitude=31", "usage.point"),
        ("latitude=x&longitude=1", "usage.point"),
        ("latitude=nan&longitude=1", "usage.point"),
        ("latitude=170&longitude=1", "usage.point"),
        ("code=nothing", "identity.code"),
        ("code=9ZZPB000000000G4C0009999", "battery.unknown"),
    ],
)
def test_a_place_or_code_that_is_none_is_said_on_the_page(client, outlets, query, named):
    """Programs get the error, people the page with what they typed."""
    told = client.get(f"/outlets/near?{query}", headers=JSON)
    assert told.status_code in {400, 404, 422}
    assert rule(told).startswith(named.partition(".")[0])
    page = client.get(f"/outlets/near?{query}", headers=HTML)
    assert page.status_code == told.status_code
    assert 'role="alert"' in page.text


def test_places_of_sale_are_for_the_seller_and_authorities(browser, accounts, client, outlets):
    """Nobody learns where another sells; an authority may ask of anyone."""

    def ask(login, whose=""):
        headers = bearer(token(accounts, login, "read"))
        return browser().client.get(f"/outlets/coverage{whose}", headers=headers)

    (mine,) = ask("carmaker").json()["coverage"]
    assert (mine["rule"], mine["missing"]) == ("o73-outlets-vehicle", 1)
    assert {"province": "44", "area": "4403", "sold": 1, "outlets": 0} in mine["regions"]
    other = f"?organisation={sample.CARMAKER}"
    assert ask("maker", other).status_code == 403
    assert ask("ministry", other).json()["coverage"][0]["missing"] == 1
    assert client.get("/outlets/coverage", headers=JSON).status_code == 401
    page = browser("carmaker").get("/outlets/coverage").text
    assert "It sells in 1 region without an outlet" in page
    assert "It needs no outlets" in browser("ministry").get("/outlets/coverage").text


def test_the_authority_notes_what_it_found(browser, client, outlets):
    """Everybody sees the mark, nobody else makes one, and nobody reads the note."""
    ministry = browser("ministry")
    assert browser("maker").send("/outlets/check", site="NJ-1", found="yes").status_code == 403
    assert ministry.send("/outlets/check", site="NJ-1", found="perhaps").status_code == 400
    assert ministry.send("/outlets/check", site="NOWHERE", found="yes").status_code == 404
    assert ministry.send("/outlets/check", site="NJ-1", found="no", note="门锁着").status_code == 303
    answer = client.get("/outlets/site?site=NJ-1", headers=JSON)
    assert answer.json()["found"] is False
    page = client.get("/outlets/site?site=NJ-1", headers=HTML).text
    assert "not found there" in page
    assert "门锁着" not in page + answer.text


def test_a_battery_that_was_not_taken_goes_to_the_authority_alone(browser, client, outlets):
    """From an organisation's sign-in to the authority's list, and off it; others read nothing of it."""
    said = "周三送去 <i>被拒</i>"
    maker, ministry = browser("maker"), browser("ministry")
    assert maker.send("/outlets/refused", site="SH-1", code="9ZZ", said=said).status_code == 400
    assert maker.send("/outlets/refused", site="SH-1", code=PACK, said=" ").status_code == 400
    page = maker.send("/outlets/refused", site="SH-1", code=PACK, said=said)
    assert "The authority has it now" in page.text
    assert maker.get("/outlets/refusals").status_code == 403
    assert "被拒" not in client.get("/outlets/site?site=SH-1", headers=HTML).text
    listed = ministry.get("/outlets/refusals").text
    assert "周三送去 &lt;i&gt;被拒&lt;/i&gt;" in listed
    number = re.search(r'name="refusal" value="(\d+)"', listed)[1]
    assert ministry.send("/outlets/refusals/take-up", refusal=number).status_code == 303
    assert "被拒" not in ministry.get("/outlets/refusals").text
    assert ministry.send("/outlets/refusals/take-up", refusal="x").status_code == 400


def test_an_owner_may_say_so_of_the_battery_in_the_car(browser, outlets, sold):
    """With the token and its form; of no other battery, and not from another site's form."""
    code, vin = sold()
    owner, seller = browser(), browser("carmaker")
    secret = html.unescape(SECRET.search(seller.send("/owner/tokens", vin=vin).text)[1])
    owner.client.post("/owner/show", data={"csrf": owner.form("/owner"), "token": secret})
    csrf = owner.form(f"/outlets/site?site=SH-1&code={code}")
    fields = {"site": "SH-1", "code": code, "said": "不收"}

    assert owner.client.post("/outlets/refused", data=fields | {"csrf": "x"}).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (
        owner.client.post("/outlets/refused", data=fields | {"csrf": csrf}, headers=foreign).status_code
        == 403
    )
    other = fields | {"csrf": csrf, "code": PACK}
    assert owner.client.post("/outlets/refused", data=other, headers=HTML).status_code == 400
    done = owner.client.post("/outlets/refused", data=fields | {"csrf": csrf}, headers=HTML)
    assert "The authority has it now" in done.text
    assert vin in browser("ministry").get("/outlets/refusals").text


def test_a_check_warns_with_the_article_and_refuses_with_it(client, registry, outlets):
    """POST /checks: what is enforced refuses with its article, what is advisory warns and forbids nothing."""

    def ask(**members):
        line = {"kind": "repurposed", "occurred_at": "2026-08-03T08:00:00+08:00"} | members
        body = {"organisation": sample.RECYCLER, "lines": [line]}
        (answer,) = client.post("/checks", json=body).json()["checks"]
        return answer

    old, new = sample.pack(3001), sample.pack(3002)
    about = {"codes": [old, new], "into": [new]}
    told = ask(**about, use="储能")
    assert told["allowed"]
    assert [(one["rule"], one["standing"], one["confidence"]) for one in told["warnings"]] == [
        ("o73-standard", "advisory", "press")
    ]
    barred = ask(**about, use="电动自行车", standard="GB/T 36276-2023")
    assert (barred["allowed"], barred["rule"], barred["warnings"]) == (False, "breach.o73-a22", [])
    assert barred["source"] == "Order No. 73, article 22"


def test_a_battery_s_page_leads_to_where_it_is_taken_back(client, outlets):
    """One step from the code to the outlet; not from a battery that has ended."""
    assert f'href="/outlets/near?code={PACK}"' in client.get(f"/b/{PACK}", headers=HTML).text


def test_the_page_for_reporting_shows_what_an_advisory_rule_says(browser, registry, outlets):
    """Would be taken, with the warning beside it in the reader's language; sent, it is found nowhere."""
    old, new = sample.pack(3101), sample.pack(3102)
    line = sample.line(
        "repurposed", "2026-08-03T08:00:00+08:00", codes=[old, new], into=[new], use="储能 storage"
    )
    signed = sample.report(sample.signer(sample.RECYCLER), [line])
    page = browser().client.post(
        "/report?lang=zh", files={"file": ("a.report", signed)}, data={"do": "check"}, headers=HTML
    )
    assert "未注明综合利用产品符合的用途标准。" in page.text
    assert "仅提示" in page.text
    receipt = json.loads(registry.report(signed))
    assert "breach" not in {one["kind"] for one in receipt["findings"]}
