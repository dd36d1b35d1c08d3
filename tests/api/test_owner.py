"""/owner: the owner of a sold vehicle shows a token, sees its batteries, and passes it on."""

# ruff: noqa: F811 - fixtures of another module are imported

import html
import re
from itertools import count

import pytest

from tests.api.conftest import HTML
from tests.api.test_accounts import accounts, browser, no_attempts, quick_hashes, rule  # noqa: F401
from tests.registry import sample
from voltrail.accounts.attempts import PER_LOGIN

VIN = "LSVAA4187E2184001"
SERIALS = count(500)
SECRET = re.compile(r'class="secret mono">([^<]*)<')


@pytest.fixture
def sold(registry):
    """Return a function that makes a pack, fits it into a vehicle and sells that; it returns the code."""

    def sell(vin=VIN, owner=None):
        code = sample.pack(next(SERIALS))
        lines = sample.first_life(code)
        if owner:
            lines.append(
                sample.line("ownership_transferred", "2026-04-14T10:00:00+08:00", code=code, to=owner)
            )
        registry.report(sample.report(sample.signer(sample.MAKER), lines))
        lines = [
            *sample.fitted(code, vin),
            sample.line("sold", "2026-05-01T10:00:00+08:00", vin=vin, codes=[code], buyer_region="330100"),
        ]
        registry.report(sample.report(sample.signer(sample.CARMAKER), lines))
        return code

    return sell


@pytest.fixture
def vin():
    """A vehicle of this test alone."""
    return f"LSVAA4187E2{next(SERIALS):05}0"


def make(seller, vin):
    """Return the token that a seller is shown for a vehicle."""
    return html.unescape(SECRET.search(seller.send("/owner/tokens", vin=vin).text)[1])


def show(one, token, **headers):
    fields = {"csrf": one.form("/owner"), "token": token}
    return one.client.post("/owner/show", data=fields, headers=headers)


def measure(registry, code, site="S-9", soh=0.875):
    """Report, in the maker's name, that a battery was measured, after it was sold."""
    from datetime import UTC, datetime

    line = sample.line("measured", datetime.now(UTC).isoformat(), code=code, soh_fraction=soh, method="bench")
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))


def test_the_owner_sees_health_and_place_and_the_public_does_not(browser, registry, sold, vin):
    """From the seller's token to the page: shown once, kept in a cookie; the battery's own page follows."""
    code = sold(vin)
    measure(registry, code)
    seller, owner, public = browser("carmaker"), browser(), browser()
    token = make(seller, vin)
    assert token not in seller.get("/owner").text
    assert show(owner, token).headers["location"] == "/owner"
    page = owner.get("/owner").text
    assert code in page
    assert "87.5 %" in page
    assert owner.json(f"/b/{code}")["vin"] == vin
    assert "what the owner of a vehicle may see" in owner.get(f"/b/{code}").text
    assert "vin" in public.json(f"/b/{code}")["withheld"]
    before = [event for event in owner.json(f"/b/{code}/history")["events"] if event["kind"] == "shipped"]
    assert before[0]["withheld"] == ["to", "reporter"]
    assert "vin" not in owner.json(f"/b/{sample.pack(1)}") or vin not in str(
        owner.json(f"/b/{sample.pack(1)}")
    )


def test_the_cookie_is_for_this_host_alone(browser, sold, vin):
    """No script reads it, and no other site sends it along."""
    sold(vin)
    sent = show(browser(), make(browser("carmaker"), vin)).headers.get_list("set-cookie")
    [cookie] = [one for one in sent if one.startswith("owner=")]
    assert {"httponly", "samesite=lax", "path=/"} <= {one.strip().lower() for one in cookie.split(";")}


def test_only_the_seller_makes_a_token(browser, sold, vin):
    """Another maker, somebody unsigned, and for a vehicle nobody sold: one answer, which tells nothing."""
    sold(vin)
    told = set()
    for login, asked in (
        ("maker", vin),
        ("recycler", vin),
        ("carmaker", "LSVAA4187E2999999"),
        ("maker", "\0"),
    ):
        answer = browser(login).send("/owner/tokens", vin=asked)
        assert answer.status_code == 403
        told.add(re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)[1])
    assert len(told) == 1


def test_passing_on_ends_the_token_before_at_once(browser, registry, sold, vin):
    """The old owner is the public again; the next one sees health, and no place of the time before."""
    code = sold(vin)
    first = make(browser("carmaker"), vin)
    owner, buyer = browser(), browser()
    show(owner, first)
    field = re.search(r'name="csrf" value="([^"]*)"', owner.get("/owner").text)[1]
    passed = owner.client.post("/owner/pass-on", data={"csrf": field})
    second = html.unescape(SECRET.search(passed.text)[1])
    assert second != first
    assert "vin" in owner.json(f"/b/{code}")["withheld"]
    again = browser()
    again.client.cookies.set("owner", first, domain="127.0.0.1")
    assert "vin" in again.json(f"/b/{code}")["withheld"]
    assert "This token is none, or has ended" in again.get("/owner").text
    assert show(browser(), first).status_code == 403
    assert show(buyer, second).status_code == 303
    assert buyer.json(f"/b/{code}")["vin"] == vin
    sale = next(event for event in buyer.json(f"/b/{code}/history")["events"] if event["kind"] == "sold")
    assert "vin" in sale["withheld"]


def test_the_sellers_next_token_ends_the_one_before(browser, sold, vin):
    """Lost or stolen: the seller makes another, and what was stolen opens nothing."""
    code = sold(vin)
    seller, thief = browser("carmaker"), browser()
    stolen = make(seller, vin)
    show(thief, stolen)
    assert thief.json(f"/b/{code}")["vin"] == vin
    make(seller, vin)
    assert "vin" in thief.json(f"/b/{code}")["withheld"]


def test_a_car_that_was_sold_again_leaves_its_token_behind(browser, registry, sold, vin):
    """Another sale on record ends what was given at the one before."""
    code = sold(vin)
    owner = browser()
    show(owner, make(browser("carmaker"), vin))
    line = sample.line("sold", "2026-05-09T10:00:00+08:00", vin=vin, codes=[code])
    registry.report(sample.report(sample.signer(sample.CARMAKER), [line]))
    assert "vin" in owner.json(f"/b/{code}")["withheld"]


def test_a_sale_that_was_corrected_away_opens_nothing(browser, registry, sold, vin):
    """A token is as good as the sale that it stands on."""
    code = sold(vin)
    owner = browser()
    show(owner, make(browser("carmaker"), vin))
    index = next(e["index"] for e in owner.json(f"/b/{code}/history")["events"] if e["kind"] == "sold")
    line = sample.line(
        "corrected", "2026-05-09T10:00:00+08:00", vin=vin, codes=[code], corrects=index, void=True
    )
    registry.report(sample.report(sample.signer(sample.CARMAKER), [line]))
    assert "vin" in owner.json(f"/b/{code}")["withheld"]
    assert browser("carmaker").send("/owner/tokens", vin=vin).status_code == 403


def test_a_battery_taken_out_or_hired_is_not_the_car_owners(browser, registry, sold, vin):
    """The record counts: with another owner or another place on it, the car's owner is the public."""
    hired = sold(vin, owner=sample.RECYCLER)
    owner = browser()
    show(owner, make(browser("carmaker"), vin))
    assert "holder" in owner.json(f"/b/{hired}")["withheld"]
    assert "names another owner" in owner.get("/owner").text
    own_vin = vin[:-1] + "1"
    code, owner = sold(own_vin), browser()
    show(owner, make(browser("carmaker"), own_vin))
    assert owner.json(f"/b/{code}")["vin"] == own_vin
    line = sample.line("removed", "2026-05-20T10:00:00+08:00", code=code, vin=own_vin, site="S-HIDDEN")
    registry.report(sample.report(sample.signer(sample.CARMAKER), [line]))
    assert "site" in owner.json(f"/b/{code}")["withheld"]


def test_tokens_that_are_none(browser, accounts, sold, vin):
    """Guessed, cut, expired, a session's: refused, and after ten of them nothing is looked at for a while."""
    sold(vin)
    good = make(browser("carmaker"), vin)
    one = browser()
    wrong = ["", "owner_x", good[:-1], good + "x", good.upper(), "王", "x" * 5000, browser("maker").session]
    for token in wrong:
        assert show(one, token).status_code == 403, token
    for _ in range(PER_LOGIN - len(wrong)):
        show(one, "owner_guess")
    assert show(one, good).status_code == 429
    with accounts._database.pool.connection() as connection:
        connection.execute("delete from sign_in_attempt")
        connection.execute("update owner_claim set expires_at = now() where vin = %s", (vin,))
    assert show(one, good).status_code == 403


def test_forms_need_their_own_browser(browser, sold, vin):
    """Nobody shows a token in another's browser, nor passes another's car on."""
    sold(vin)
    token = make(browser("carmaker"), vin)
    one, other = browser(), browser()
    foreign = other.form("/owner")
    one.form("/owner")
    for csrf in ("", foreign):
        sent = one.client.post("/owner/show", data={"csrf": csrf, "token": token})
        assert sent.status_code == 403
    assert show(one, token, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    show(one, token)
    own = re.search(r'name="csrf" value="([^"]*)"', one.get("/owner").text)[1]
    for path in ("/owner/pass-on", "/owner/leave"):
        for csrf, headers in (("", {}), (foreign, {}), (own, {"Sec-Fetch-Site": "cross-site"})):
            answer = one.client.post(path, data={"csrf": csrf}, headers=headers)
            assert answer.status_code == 403
        assert other.client.post(path, data={"csrf": own}).status_code == 403
    assert one.client.post("/owner/leave", data={"csrf": own}).status_code == 303
    assert "owner" not in {cookie.name for cookie in one.client.cookies.jar}


def test_without_tls_no_token_is_taken(browser, sold, vin):
    """From another machine over plain HTTP: no form, and a word on why."""
    sold(vin)
    token = make(browser("carmaker"), vin)
    one = browser(url="http://registry.example")
    assert 'id="token"' not in one.get("/owner").text
    assert one.client.post("/owner/show", data={"token": token}).status_code == 403


def test_what_was_done_stands_in_the_trail(browser, app, sold, vin):
    """Made, shown, failed, passed on: with the vehicle, and never with the token."""
    sold(vin)
    token = make(browser("carmaker"), vin)
    one = browser()
    show(one, "owner_wrong")
    show(one, token)
    one.client.post("/owner/pass-on", data={"csrf": one.form("/owner")})
    deeds = app.state.accounts.trail()[0]
    assert {"claim.made", "claim.shown", "claim.failed", "claim.passed_on"} <= {deed.action for deed in deeds}
    assert not any(token in (deed.detail or "") for deed in deeds)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_whole(browser, sold, vin, language):
    """One heading, no inline script or style; with a form, a token, and a car."""
    sold(vin)
    seller, owner = browser("carmaker"), browser()
    made = seller.client.post(f"/owner/tokens?lang={language}", data={"csrf": seller.form(), "vin": vin})
    show(owner, html.unescape(SECRET.search(made.text)[1]))
    for page in (made, seller.get(f"/owner?lang={language}"), owner.get(f"/owner?lang={language}")):
        assert (page.status_code, page.text.count("<h1")) == (200, 1)
        assert " style=" not in page.text
        assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", page.text) == []
        assert page.headers["cache-control"] == "no-store"
    assert owner.get("/owner", Accept=HTML["Accept"]).headers["vary"].count("Cookie") == 1


def test_the_owner_learns_where_the_battery_went(browser, registry, sold, vin):
    """Taken out, sent off and turned into metal: its share of the lots, for who shows the vehicle's token."""
    code, at = sold(vin), "2026-06-0{}T10:00:00+08:00".format
    owner = browser()
    show(owner, make(browser("carmaker"), vin))
    away = [
        sample.line("removed", at(1), code=code, vin=vin, reason="replacement"),
        sample.line("retired", at(2), code=code),
        sample.line("handed_over", at(3), code=code, to=sample.RECYCLER),
    ]
    registry.report(sample.report(sample.signer(sample.CARMAKER), away))
    black = {"lot": f"{sample.RECYCLER}/{code}", "substance": "black_mass", "mass_kg": 600}
    black["assays"] = [{"element": "Li", "fraction": 0.01}]
    gone = [
        sample.line("received", at(4), code=code),
        sample.line("recycled", at(5), code=code, mass_kg=600, outputs=[black]),
    ]
    registry.report(sample.report(sample.signer(sample.RECYCLER), gone))
    told = owner.json(f"/b/{code}/materials")
    assert [one["made_kg"] for one in told["trail"]["lots"]] == [{"Li": 6.0}]
    assert rule(browser().client.get(f"/b/{code}/materials", headers={"Accept": "application/json"})) == (
        "access.materials"
    )
    assert f"/b/{code}/materials" in owner.get(f"/b/{code}").text
