"""Recalls over HTTP: who may open one, who sees what of it, and what is told to whom."""

import json
import re
from urllib.parse import quote

import pytest

from tests.api.conftest import HTML
from tests.api.test_accounts import (  # noqa: F401 - fixtures
    SMALL,
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample
from voltrail.registry import recalls

HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"


@pytest.fixture(scope="module")
def small(registry, accounts):  # noqa: F811
    """A maker without keys, three of its batteries; the first is at the car maker."""
    lines = [sample.line("model_registered", "2026-01-05T08:00:00+08:00", model_id="S-SMALL")]
    for serial in (701, 702, 703):
        made = "2026-04-12T10:00:00+08:00"
        lines.append(sample.line("manufactured", made, code=sample.pack(serial), model_id="S-SMALL"))
    shipped = {"code": sample.pack(701), "to": sample.CARMAKER}
    lines.append(sample.line("shipped", "2026-04-13T10:00:00+08:00", **shipped))
    assert not json.loads(registry.report_lines(SMALL, lines))["refused"]
    there = sample.line("received", "2026-04-20T10:00:00+08:00", code=sample.pack(701), from_=SMALL)
    registry.report(sample.report(sample.signer(sample.CARMAKER), [there]))
    return registry


def fill(one, do="open", page="/account", **fields):
    """Send the form that opens a recall, as multipart, like a browser."""
    given = {"id": "R-1", "title": "A seam", "risk": "Fire.", "advice": "Do not charge."} | fields
    parts = {name: (None, value) for name, value in ({"csrf": one.form(page), "do": do} | given).items()}
    return one.client.post("/recalls/open", files=parts)


def put_on_record(one, campaign):
    return one.send("/recalls/report", campaign=campaign)


@pytest.fixture(scope="module")
def campaign(app, small):
    """A campaign over all models of the maker, opened and reported on the page."""
    from tests.api.test_accounts import Browser

    one = Browser(app)
    one.sign_in("small")
    assert fill(one, id="R-MAIN", models="S-SMALL").status_code == 303
    assert put_on_record(one, "R-MAIN").status_code == 303
    return "R-MAIN"


def test_looking_opens_nothing(small, browser):  # noqa: F811
    """The preview says how many and which; only `do=open` makes a campaign."""
    one = browser("small")
    assert "S-SMALL" in one.get("/recalls/new").text
    page = fill(one, do="look", id="R-LOOK", models="S-SMALL")
    assert page.status_code == 200
    assert "It would be 3 batteries" in page.text
    assert sample.pack(702) in page.text
    assert one.get("/recalls/R-LOOK").status_code == 404


def test_a_campaign_is_opened_reported_and_seen_by_all(campaign, client, browser):  # noqa: F811
    """Everybody sees what it is about, on its page, in the list, and at the top of each battery's page."""
    told = client.get(f"/recalls/{campaign}").json()
    assert (told["batteries"], told["remaining"], told["advice"]) == (3, 3, "Do not charge.")
    assert "list" not in told
    listed = client.get("/recalls").json()["campaigns"]
    assert campaign in [one["campaign"] for one in listed]
    (recall,) = client.get(f"/b/{sample.pack(702)}").json()["recalls"]
    assert (recall["campaign"], recall["risk"]) == (campaign, "Fire.")
    page = client.get(f"/b/{sample.pack(702)}", headers=HTML).text
    assert page.index("This battery is recalled.") < page.index("<h1")
    inside = browser("small").json(f"/recalls/{campaign}")
    assert [one["code"] for one in inside["list"]] == [sample.pack(serial) for serial in (701, 702, 703)]


@pytest.mark.parametrize("login", [None, "recycler"])
def test_others_may_not_open_one(small, browser, login):  # noqa: F811
    """Who is no maker or importer is told so, and nothing is opened; nobody is led to the sign-in."""
    one = browser(login)
    answer = one.client.get("/recalls/new", headers={"Accept": "application/json"})
    assert answer.status_code == (401 if login is None else 403)
    assert rule(answer) == ("access.sign_in" if login is None else "recall.role")
    if login:
        assert fill(one, id="R-NONE", models="S-SMALL").status_code == 403
    assert one.get("/recalls/R-NONE").status_code == 404


def test_batteries_of_others_are_not_recalled(small, browser):  # noqa: F811
    """Neither by their model nor by their codes; what was typed stays in the form."""
    one = browser("maker")
    wrong = fill(one, id="R-WRONG", models="S-SMALL")
    assert wrong.status_code == 403
    assert "recall" in wrong.text
    assert 'value="R-WRONG"' in wrong.text
    assert fill(one, id="R-WRONG", codes=sample.pack(702)).status_code == 403
    assert one.get("/recalls/R-WRONG").status_code == 404


def test_a_recall_is_opened_from_our_own_page_alone(small, accounts, browser):  # noqa: F811
    """CSRF: without the token, with another session's, from another site; or without a session."""
    one = browser("small")
    mine, foreign = one.form(), browser("small").form()

    def send(client, csrf, **headers):
        fields = {"csrf": csrf, "do": "open", "id": "R-FORGED", "models": "S-SMALL"}
        fields |= {"title": "t", "risk": "r", "advice": "a"}
        parts = {name: (None, value) for name, value in fields.items()}
        return client.post("/recalls/open", files=parts, headers=headers).status_code

    assert {send(one.client, csrf) for csrf in ("", foreign, mine.upper())} == {403}
    assert send(one.client, mine, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert send(browser().client, mine, Accept="*/*") == 401
    assert send(browser().client, mine, **bearer(token(accounts, "small", "read", "report"))) == 401
    assert one.get("/recalls/R-FORGED").status_code == 404
    assert send(one.client, mine) == 303


def test_the_batteries_of_a_campaign_are_its_own_matter(campaign, client, browser):  # noqa: F811
    """Only its organisation and the authority list them; only its organisation reports for it."""
    for one in (client, browser("maker").client, browser("carmaker").client):
        assert "list" not in one.get(f"/recalls/{campaign}", headers={"Accept": "application/json"}).json()
        for path in ("batteries.csv", "lines"):
            answer = one.get(f"/recalls/{path}?campaign={campaign}", headers={"Accept": "application/json"})
            assert (answer.status_code, rule(answer)) == (403, "recall.not_your_campaign")
    assert browser("maker").send("/recalls/report", campaign=campaign).status_code == 403


def test_a_campaign_does_not_tell_its_organisation_who_holds_what(campaign, browser):  # noqa: F811
    """Before the holder acknowledges, nothing names it; afterwards its word, and no battery with it."""
    maker, holder = browser("small"), browser("carmaker")
    assert sample.CARMAKER not in json.dumps(maker.json(f"/recalls/{campaign}"))
    assert sample.CARMAKER not in maker.get(f"/recalls/batteries.csv?campaign={campaign}").text
    notice = holder.get("/recalls?mine=1")
    assert sample.pack(701) in notice.text
    assert "Do not charge." in notice.text
    assert maker.json(f"/recalls/{campaign}")["told"] == 1
    assert sample.CARMAKER not in json.dumps(maker.json(f"/recalls/{campaign}"))
    assert "Batteries that you hold or own are recalled: 1." in holder.get("/recalls").text
    assert holder.send("/recalls/acknowledge", campaign=campaign).status_code == 303
    inside = maker.json(f"/recalls/{campaign}?show=told")
    assert [(one["organisation"], one["batteries"]) for one in inside["acknowledged"]] == [
        (sample.CARMAKER, 1)
    ]
    assert inside["holders"] is None
    assert inside["state"] == "remaining"
    assert all("holder" not in one for one in inside["list"])
    authority = browser("ministry").json(f"/recalls/{campaign}?show=told")
    assert [(one["code"], one["holder"]) for one in authority["list"]] == [
        (sample.pack(701), sample.CARMAKER)
    ]
    assert {one["organisation"]: one["batteries"] for one in authority["holders"]} == {
        SMALL: 2,
        sample.CARMAKER: 1,
    }
    table = browser("ministry").get(f"/recalls/batteries.csv?campaign={campaign}").text.splitlines()
    assert table[0].startswith("\ufeffCode,State,Work done at (UTC+8),Holder,Owner,Notice shown (UTC+8),")
    assert len(table) == 4


def test_a_program_reads_its_recalls_and_is_not_told_by_it(campaign, small, accounts, browser):  # noqa: F811
    """By a token with `read`; who is told is a person at a page."""
    program = browser().client
    asked = program.get("/recalls?mine=1", headers=bearer(token(accounts, "small", "read")))
    assert [one["yours"] for one in asked.json()["recalls"] if one["campaign"] == campaign] == [2]
    assert {one.shown_at for one in small.recalls.notices_for(SMALL)} == {None}
    mute = program.get("/recalls?mine=1", headers=bearer(token(accounts, "small", "report")))
    assert (mute.status_code, rule(mute)) == (401, "access.sign_in")


def test_the_trail_says_who_opened_and_acknowledged(campaign, browser, accounts):  # noqa: F811
    """An administrator reads who did it; each once."""
    browser("carmaker").send("/recalls/acknowledge", campaign=campaign)
    page = browser("boss").get("/accounts/trail").text
    assert "recall acknowledged" in page
    assert "recall opened" in page


def test_nobody_acknowledges_what_is_not_theirs(campaign, browser):  # noqa: F811
    """404, and no word of it anywhere."""
    answer = browser("recycler").send("/recalls/acknowledge", campaign=campaign)
    assert answer.status_code == 404


def test_hostile_words_are_words(small, client, browser):  # noqa: F811
    """What a maker types is shown as it was typed, and is never markup."""
    one = browser("small")
    words = {"title": HOSTILE, "risk": HOSTILE, "advice": HOSTILE}
    assert fill(one, id="R-HOSTILE", codes=sample.pack(703), **words).status_code == 303
    put_on_record(one, "R-HOSTILE")
    for path in ("/recalls", "/recalls/R-HOSTILE", "/recalls?mine=1", f"/b/{sample.pack(703)}"):
        text = one.get(path).text
        assert "&lt;script&gt;alert(1)" in text, path
        assert "<script>alert" not in text
    assert client.get("/recalls/R-HOSTILE").json()["title"] == HOSTILE


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"codes": "9ZZP"}, "code"),
        ({"codes": sample.pack(999)}, "recall.unknown_codes"),
        ({"models": "S-SMALL", "from": "tomorrow"}, "recall.dates"),
        ({"models": "S-SMALL", "id": "../x"}, "recall.id"),
        ({"models": "S-SMALL", "title": ""}, "recall.words"),
        ({"models": "S-\0"}, "usage.text"),
        ({}, "recall.scope"),
    ],
)
def test_a_form_that_is_wrong_says_what(small, browser, fields, said):  # noqa: F811
    """In place, with what was typed, and nothing is opened."""
    answer = fill(browser("small"), **{"id": "R-BAD"} | fields)
    assert 400 <= answer.status_code < 500, said
    assert 'role="alert"' in answer.text
    assert browser().get("/recalls/R-BAD").status_code == 404


def test_wrong_addresses(campaign, client):
    """400 for a state that is none, 404 for no campaign."""
    for path, status, said in (
        (f"/recalls/{campaign}?show=all", 400, "recall.state"),
        ("/recalls/nothing", 404, "recall.unknown"),
        ("/recalls/a/b", 404, "recall.unknown"),
        ("/recalls/lines?campaign=%00", 400, "usage.text"),
    ):
        answer = client.get(path)
        assert (answer.status_code, rule(answer)) == (status, said), path


def test_a_key_signs_where_the_host_may_not(small, browser, client):  # noqa: F811
    """Who has a key takes the lines and signs them: the page says why, and the record comes out the same."""
    made = sample.line("model_registered", "2026-01-05T08:00:00+08:00", model_id="S-102")
    small.report(sample.report(sample.signer(sample.MAKER), [made]))
    one = browser("maker")
    assert fill(one, id="R-KEY", models="S-102").status_code == 303
    refused = put_on_record(one, "R-KEY")
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    taken = one.get("/recalls/lines?campaign=R-KEY")
    receipt = small.report(sample.report(sample.signer(sample.MAKER), taken.content.splitlines()))
    assert json.loads(receipt)["accepted"]
    assert client.get("/recalls/R-KEY").json()["remaining"] == len(taken.content.splitlines())
    assert "Still to be put on record" not in one.get("/recalls/R-KEY").text


def test_ten_thousand_codes_pasted_and_a_stop_in_the_middle(small, browser, monkeypatch):  # noqa: F811
    """It goes on where it stood; each battery is recalled by one entry."""
    monkeypatch.setattr(recalls, "STEP_LINES", 6_000)
    codes = [sample.pack(serial) for serial in range(100_000, 110_000)]
    made = [
        sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=code, model_id="S-SMALL")
        for code in codes
    ]
    small.report_lines(SMALL, made)
    one = browser("small")
    assert fill(one, id="R-MANY", codes="\r\n".join(codes)).status_code == 303
    put_on_record(one, "R-MANY")
    assert one.json("/recalls/R-MANY")["batteries"] == 6_000
    assert "Go on" in one.get("/recalls/R-MANY").text
    size = small.counts()["entries"]
    put_on_record(one, "R-MANY")
    put_on_record(one, "R-MANY")
    assert small.counts()["entries"] == size + 4_000
    assert one.json("/recalls/R-MANY")["remaining"] == 10_000
    assert "Go on" not in one.get("/recalls/R-MANY").text
    table = one.get("/recalls/batteries.csv?campaign=R-MANY").text.splitlines()
    assert len(table) == 10_001


def test_an_id_from_the_record_becomes_no_header(small, client, browser):  # noqa: F811
    """Whoever recalls by lines may name a campaign as they like; its files can be taken all the same."""
    name = 'é"; filename="x.exe\r\nSet-Cookie: a=b'
    line = sample.line("recalled", "2026-05-06T08:00:00+08:00", code=sample.pack(703), campaign=name)
    assert not json.loads(small.report_lines(SMALL, [line]))["refused"]
    for path in ("/recalls/batteries.csv", "/recalls/lines"):
        answer = browser("ministry").client.get(path, params={"campaign": name})
        assert answer.status_code == 200
        said = answer.headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', said), said
    assert browser("ministry").client.get(f"/recalls/{quote(name, safe='')}").status_code == 200
    sent = browser("small").send("/recalls/report", campaign=name)
    assert (sent.status_code, sent.headers["location"].isprintable()) == (303, True)
    assert "\r" not in str(sent.headers.raw)
