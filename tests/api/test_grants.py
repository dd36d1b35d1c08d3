"""Grants: what one organisation lets another see, how it ends, and who sees that it was used."""

# ruff: noqa: F811 - fixtures of another module are imported

import re
from itertools import count

import pytest

from tests.api.test_accounts import (  # noqa: F401
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample

SERIALS = count(700)
VIN = "LSVAA4187E2184700"


@pytest.fixture
def fitted(registry):
    """Return the code of a pack that the car maker holds, in a vehicle, measured by its maker."""
    code = sample.pack(next(SERIALS))
    measured = sample.line("measured", "2026-04-12T11:00:00+08:00", code=code, soh_fraction=0.993)
    made, shipped = sample.first_life(code)
    registry.report(sample.report(sample.signer(sample.MAKER), [made, measured, shipped]))
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(code, VIN)))
    return code


def give(one, code, audience="holder", organisation=sample.RECYCLER, **fields):
    fields = {"purpose": "second life", "days": "30"} | fields
    sent = {"organisation": organisation, "audience": audience, "codes": code} | fields
    return one.send("/grants/give", **sent)


def seen(one, code):
    """Return what a reader sees of a battery: the vehicle, and the health."""
    battery = one.json(f"/b/{code}")
    return battery.get("vin"), battery.get("soh_fraction")


def test_a_grant_opens_what_the_giver_sees_until_it_ends(browser, fitted):
    """As holder: where it is, too. Ended, the other is the public again at once."""
    giver, other, third = browser("carmaker"), browser("recycler"), browser("small")
    assert seen(other, fitted) == (None, None)
    assert give(giver, fitted).status_code == 303
    assert seen(other, fitted) == (VIN, 0.993)
    assert seen(third, fitted) == (None, None)
    events = {event["kind"]: event for event in other.json(f"/b/{fitted}/history")["events"]}
    assert "to" in events["shipped"]["withheld"]  # before the giver had it
    number = re.search(r'name="grant" value="(\d+)"', giver.get("/grants").text)[1]
    assert other.send("/grants/end", grant=number).status_code == 404
    assert seen(other, fitted) == (VIN, 0.993)
    assert giver.send("/grants/end", grant=number).status_code == 303
    assert seen(other, fitted) == (None, None)


def test_legitimate_interest_is_condition_and_no_place(browser, fitted):
    """Over the whole life; on no page where it is."""
    give(browser("carmaker"), fitted, "legitimate_interest")
    other = browser("recycler")
    assert seen(other, fitted) == (None, 0.993)
    assert VIN not in other.get(f"/b/{fitted}").text


def test_nobody_gives_more_than_he_has(browser, fitted):
    """Not another's battery, no other audience than one's own, nothing to oneself; an answer says so."""
    maker, holder = browser("maker"), browser("carmaker")
    for one, audience, fields in (
        (maker, "legitimate_interest", {}),
        (maker, "holder", {}),
        (browser("boss"), "legitimate_interest", {}),
        (holder, "owner", {}),
        (holder, "auditor", {}),
        (holder, "operator", {}),
    ):
        answer = give(one, fitted, audience, **fields)
        assert (answer.status_code, "you would let others see it" in answer.text) == (403, True)
    for fields, status in (
        ({"organisation": sample.CARMAKER}, 400),
        ({"organisation": "nobody"}, 422),
        ({"organisation": "529900T8BM49AURSDO55"}, 404),
        ({"audience": "public"}, 400),
        ({"audience": "authority_cn"}, 400),
        ({"purpose": " "}, 400),
        ({"days": "0"}, 400),
        ({"days": "367"}, 400),
        ({"code": ""}, 400),
        ({"code": "9ZZP"}, 400),
        ({"code": " ".join(sample.pack(10_000 + n) for n in range(201))}, 400),
        ({"code": sample.pack(9_999)}, 403),
    ):
        assert give(holder, **{"code": fitted} | fields).status_code == status, fields
    assert seen(browser("recycler"), fitted) == (None, None)


def test_a_grant_ends_with_the_givers_right(browser, registry, fitted):
    """A holder of yesterday opens nothing, nor does what he granted; nor does the other pass it on."""
    holder, other = browser("carmaker"), browser("recycler")
    give(holder, fitted)
    assert seen(other, fitted) == (VIN, 0.993)
    assert give(other, fitted, organisation=sample.MAKER).status_code == 403
    lines = [
        sample.line("removed", "2026-05-20T10:00:00+08:00", code=fitted, vin=VIN),
        sample.line("shipped", "2026-05-21T10:00:00+08:00", code=fitted, to=sample.MAKER),
    ]
    registry.report(sample.report(sample.signer(sample.CARMAKER), lines))
    assert other.json(f"/b/{fitted}")["place"] == "in_transit"  # the sender holds it until it is received
    received = sample.line("received", "2026-05-22T10:00:00+08:00", code=fitted, site="S-NEW")
    registry.report(sample.report(sample.signer(sample.MAKER), [received]))
    for one in (holder, other):
        assert {"place", "holder", "site"} <= set(one.json(f"/b/{fitted}")["withheld"])
        assert "S-NEW" not in one.get(f"/b/{fitted}").text
    assert browser("maker").json(f"/b/{fitted}")["site"] == "S-NEW"


def test_an_expired_grant_opens_nothing(browser, registry, fitted):
    """Its day ends it."""
    give(browser("carmaker"), fitted)
    with registry.database.pool.connection() as connection:
        connection.execute("update access_grant set until = now()")
    assert seen(browser("recycler"), fitted) == (None, None)


def test_each_use_is_logged_and_the_giver_sees_it(browser, accounts, registry, fitted):
    """Who looked, at what, under which grant: once a day, on pages, in programs and for evidence alike."""
    giver, other = browser("carmaker"), browser("recycler")
    give(giver, fitted)
    assert (
        registry.grants.uses(sample.CARMAKER)[:1] == []
        or registry.grants.uses(sample.CARMAKER)[0].code != fitted
    )
    client, reading = browser().client, bearer(token(accounts, "recycler", "read"))
    for path in ("", "/history", "/evidence"):
        client.get(f"/b/{fitted}{path}", headers=reading)
        other.get(f"/b/{fitted}{path}")
    [use] = [use for use in registry.grants.uses(sample.CARMAKER) if use.code == fitted]
    assert (use.login, use.grantee) == ("recycler", sample.RECYCLER)
    assert fitted in giver.get("/grants").text
    assert "they see it" in other.get("/grants").text


def test_an_authority_grants_anything(browser, fitted):
    """As auditor: everything of the named batteries, and of no other."""
    give(browser("ministry"), fitted, "auditor")
    other = browser("recycler")
    events = other.json(f"/b/{fitted}/history")["events"]
    assert not any(event["withheld"] for event in events)
    assert other.json(f"/b/{sample.pack(1)}")["withheld"]


def test_a_token_that_only_reports_uses_no_grant(browser, accounts, fitted):
    """Reading needs the scope for it."""
    give(browser("carmaker"), fitted)
    reporting = bearer(token(accounts, "recycler", "report"))
    assert "vin" in browser().client.get(f"/b/{fitted}", headers=reporting).json()["withheld"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole(browser, fitted, language):
    """One heading, no script at all, no inline style; what was typed is no markup, and kept on an error."""
    giver = browser("carmaker")
    give(giver, fitted, purpose="<b>x")
    giver.json(f"/b/{fitted}")
    page = giver.get(f"/grants?lang={language}")
    assert (page.status_code, page.text.count("<h1")) == (200, 1)
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert "&lt;b&gt;x" in page.text
    assert "<b>x" not in page.text
    assert 'value="&lt;i&gt;' in give(giver, fitted, purpose="<i>", days="0").text
