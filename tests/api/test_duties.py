"""/duties and /rules: who sees what is due, the calendar, and terms that somebody set."""

# ruff: noqa: F811 - fixtures of another module are imported

import json
from datetime import date, datetime, timedelta

import icalendar
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
from voltrail.regimes.deadlines import CHINA

TODAY = datetime.now(CHINA).date()
VIN = "LSVAA4187E21849{:02}"
TERM = {
    "value": "30",
    "unit": "working_day",
    "valid_from": "2026-04-01",
    "source": "Notice 1 of the authority",
}


def certify(registry, number, day):
    """Report the certificate of a vehicle."""
    line = sample.line(
        "vehicle_certified",
        f"{day}T00:00:01+08:00",
        vin=VIN.format(number),
        codes=[sample.pack(800 + number)],
    )
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), [line])))
    assert not receipt["refused"]


@pytest.fixture(scope="module", autouse=True)
def certified(registry):
    """Two vehicles of which the sale was never told, and one that is certified today."""
    for number, day in ((1, "2026-05-01"), (2, "2026-05-01"), (3, TODAY)):
        certify(registry, number, day)


def test_an_organisation_sees_what_it_owes(browser):
    """Each with its term, trigger and confidence; an authority sees everybody's, others theirs alone."""
    mine = browser("carmaker").json("/duties")
    assert (mine["overdue"], mine["due"]) == (2, 1)
    first = mine["duties"][0]
    assert (first["due_on"], first["term"], first["unit"]) == ("2026-05-21", 20, "day")
    assert (first["confidence"], first["enforced"], first["standing"]) == ("press", False, "overdue")
    assert browser("maker").json("/duties")["duties"] == []
    assert browser("maker").get(f"/duties?organisation={sample.CARMAKER}").status_code == 400
    overseen = browser("ministry")
    assert overseen.json("/duties?standing=overdue")["overdue"] == 2
    assert overseen.json(f"/duties?organisation={sample.MAKER}")["duties"] == []
    assert browser().client.get("/duties", headers={"Accept": "application/json"}).status_code == 401


def test_the_page_answers_at_the_top(browser):
    """How many are overdue, and each leads to the entry that began it, and to its rule."""
    html = browser("carmaker").get("/duties").text
    assert "2 reports are overdue" in html
    assert 'href="/rules/o73-02-sale"' in html
    assert f"/b/{sample.pack(801)}/events/" in html
    assert "Nothing is due" in browser("maker").get("/duties").text


def test_the_calendar_is_one(browser):
    """A calendar program reads it: on the last day how many are due, with a reminder before."""
    answer = browser("carmaker").get("/duties.ics")
    [entry] = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert entry["dtstart"].dt == TODAY + timedelta(days=20)
    assert str(entry["summary"]).startswith("1 × ")
    assert entry.walk("VALARM")[0]["trigger"].dt == timedelta(days=-3)


def test_a_bad_question_is_told(browser):
    """A standing that is none, a place that is none, a rule and a day that are none."""
    one = browser("carmaker")
    for path, status in (
        ("/duties?standing=sometimes", 400),
        ("/duties?after=x", 400),
        ("/duties?after=2026-01-01/%00", 400),
        ("/rules?on=yesterday", 400),
        ("/rules/o74-99", 404),
    ):
        assert one.client.get(path, headers={"Accept": "application/json"}).status_code == status, path


def test_everybody_reads_the_rules(browser):
    """With source, standing and what is not known; those of a day alone where one is named."""
    one = browser()
    told = {each["id"]: each for each in one.json("/rules")["rules"]}
    assert told["o73-07"]["value"] is None
    assert told["o73-07"]["gap"]
    assert "2026" in one.json("/rules")["holidays"]["years"]
    before = {each["id"] for each in one.json("/rules?on=2026-03-31")["rules"]}
    after = {each["id"] for each in one.json("/rules?on=2026-04-01")["rules"]}
    assert "t18-11" in before - after
    assert "o73-04" in after - before
    assert "Sign in" in one.get("/rules/o73-06").text


def made(registry, number, occurred):
    """Report a pack as made; return the findings of the receipt."""
    line = sample.line("manufactured", f"{occurred}T10:00:00+08:00", code=sample.pack(number))
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), [line])))
    return [one["rule"] for one in receipt["findings"]]


def test_an_authority_sets_a_term_for_all(registry, browser):
    """Enforced, it makes findings from then on, under its source; taken back, it makes none."""
    one = browser("ministry")
    assert made(registry, 950, "2026-05-01") == []
    answer = one.send("/rules/set", rule="o73-06", **TERM, enforced="1", article="Notice 1")
    assert answer.status_code == 303
    assert made(registry, 951, "2026-05-01") == ["duty.o73-06"]
    [piece] = [each for each in one.json("/rules")["rules"] if each["id"] == "o73-06"]
    assert (piece["value"], piece["confidence"], piece["source"]) == (30, "configured", TERM["source"])
    [setting] = [each for each in one.json("/rules/o73-06")["settings"] if each["ended_at"] is None]
    assert browser("maker").send("/rules/end", setting=str(setting["id"])).status_code == 404
    assert one.send("/rules/end", setting=str(setting["id"])).status_code == 303
    assert made(registry, 952, "2026-05-01") == []
    actions = [each.action for each in registry_trail(browser)]
    assert "rule.set" in actions
    assert "rule.ended" in actions


def registry_trail(browser):
    return browser("boss").client.app.state.accounts.trail()[0]


def test_an_organisation_sets_a_term_for_itself(registry, browser):
    """It is on its own list when it was late, and accuses nobody; others read nothing of it."""
    one = browser("maker")
    assert one.send("/rules/set", rule="o73-06", **TERM).status_code == 303
    assert made(registry, 960, "2026-05-01") == []
    late = one.json("/duties?standing=late")["duties"]
    assert sample.pack(960) in {each["subject"].partition(":")[2] for each in late}
    assert {each["confidence"] for each in late} == {"configured"}
    [piece] = [each for each in browser("carmaker").json("/rules")["rules"] if each["id"] == "o73-06"]
    assert piece["value"] is None
    [setting] = [each for each in one.json("/rules/o73-06")["settings"] if each["ended_at"] is None]
    one.send("/rules/end", setting=str(setting["id"]))
    assert one.json("/duties?standing=late")["duties"] == []


@pytest.mark.parametrize(
    ("named", "changed", "said"),
    [
        ("o73-04", {}, "rule.confirmed"),
        ("o73-a19", {}, "rule.confirmed"),
        ("o73-a22-2", {"unit": "use"}, "rule.gate"),
        ("o73-06", {"unit": "use"}, "rule.term"),
        ("o73-06", {"value": "0"}, "rule.term"),
        ("o73-06", {"value": "many"}, "rule.form"),
        ("o73-06", {"value": "9" * 30}, "rule.term"),
        ("o73-06", {"unit": "fortnight"}, "rule.form"),
        ("o73-06", {"valid_from": "2026-02-30"}, "rule.form"),
        ("o73-06", {"valid_from": "2020-01-01"}, "rule.days"),
        ("o73-06", {"valid_to": "2026-03-01"}, "rule.days"),
        ("o73-06", {"source": " "}, "rule.form"),
        ("o73-06", {"source": "x" * 3000}, "rule.source"),
        ("o73-06", {"source": "Not\0ice"}, "rule.source"),
        ("o73-06", {"article": "1\0"}, "rule.source"),
        ("o73-06", {"enforced": "1"}, "rule.enforced"),
    ],
)
def test_a_term_that_cannot_be_is_refused(browser, named, changed, said):
    """With what to do, and what was filled in is kept."""
    one = browser("maker")
    fields = TERM | changed | {"rule": named}
    path = "/rules/set"
    page = one.client.post(path, data=fields | {"csrf": one.form()}, headers={"Accept": "text/html"})
    assert page.status_code == 400
    told = one.client.post(path, data=fields | {"csrf": one.form()}, headers={"Accept": "application/json"})
    assert rule(told) == said


GATE = {
    "rule": "o73-a22-2",
    "value": "Electric motorcycle， 电动摩托车",
    "unit": "use",
    "valid_from": "2026-06-01",
}
SCRAP = {"rule": "o73-scrap", "value": ["swap_model"], "unit": "exception", "valid_from": "2026-04-01"}


def checked(client, day="2026-08-03"):
    """Ask whether old batteries may go into a motorcycle; return the refusal's rule, and the warnings."""
    codes = [sample.pack(980), sample.pack(981)]
    line = {"kind": "repurposed", "occurred_at": f"{day}T08:00:00+08:00", "codes": codes, "into": codes[1:]}
    line |= {"use": "Electric_motorcycles", "standard": "GB/T 36276-2023"}
    body = {"organisation": sample.RECYCLER, "lines": [line]}
    (answer,) = client.post("/checks", json=body).json()["checks"]
    return answer.get("rule"), [one["rule"] for one in answer.get("warnings", [])]


def ended(one, rule):
    """Take back all that was set for a rule."""
    for setting in one.json(f"/rules/{rule}")["settings"]:
        if setting["ended_at"] is None:
            assert one.send("/rules/end", setting=str(setting["id"])).status_code == 303


def test_an_authority_sets_what_may_not_be_done(registry, browser):
    """It warns, or enforced refuses and finds what was done all the same; from its day on."""
    one, anyone = browser("ministry"), browser().client
    assert checked(anyone) == (None, [])
    assert one.send("/rules/set", **GATE, source="Notice 3").status_code == 303
    assert checked(anyone) == (None, ["o73-a22-2"])
    ended(one, "o73-a22-2")
    named = GATE | {"source": "Notice 3", "article": "Notice 3, 2"}
    assert one.send("/rules/set", **named, enforced="1").status_code == 303
    assert checked(anyone) == ("breach.o73-a22-2", [])
    assert checked(anyone, "2026-05-31") == (None, [])
    old, new = sample.pack(990), sample.pack(991)
    use = {"use": "电动摩托车", "standard": "GB/T 36276-2023"}
    line = sample.line("repurposed", "2026-06-02T10:00:00+08:00", codes=[old, new], into=[new], **use)
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.RECYCLER), [line])))
    assert [each["rule"] for each in receipt["findings"]].count("breach.o73-a22-2") == 1
    assert "电动摩托车" in one.get("/rules/o73-a22-2").text
    ended(one, "o73-a22-2")
    assert checked(anyone) == (None, [])


def test_the_words_of_a_gate_are_ticked(browser):
    """On its page, where the rule knows which there are; what stands now is ticked already."""
    one = browser("ministry")
    assert one.get("/rules/o73-scrap").text.count('name="value" value="swap_model" checked') == 1
    assert one.send("/rules/set", **SCRAP, source="Notice 4").status_code == 303
    [*_, piece] = [each for each in one.json("/rules")["rules"] if each["id"] == "o73-scrap"]
    assert (piece["value"], piece["confidence"], piece["enforced"]) == (["swap_model"], "configured", False)
    assert 'value="replacement">' in one.get("/rules/o73-scrap").text
    ended(one, "o73-scrap")
    assert 'action="/rules/set"' not in browser("maker").get("/rules/o73-scrap").text


@pytest.mark.parametrize(
    "changed",
    [
        {"value": ["swap_model", "on_sundays"]},
        {"value": []},
        {"value": "swap_model", "unit": "role"},
        {"rule": "o73-a22-3", "unit": "use", "value": [f"use {number}" for number in range(51)]},
        {"rule": "o73-a22-3", "unit": "use", "value": "x" * 65},
        {"rule": "o73-a22-3", "unit": "use", "value": "a\u202eb"},
    ],
)
def test_words_that_a_gate_cannot_have_are_refused(browser, changed):
    """Those it does not know, too many, none, or of another unit."""
    one = browser("ministry")
    fields = SCRAP | {"source": "Notice 4", "csrf": one.form()} | changed
    told = one.client.post("/rules/set", data=fields, headers={"Accept": "application/json"})
    assert rule(told) in {"rule.words", "rule.form"}


def send_file(one, content, csrf=None):
    files = {"file": ("terms.json", content, "application/json")}
    data, headers = {"csrf": csrf or one.form()}, {"Accept": "application/json"}
    return one.client.post("/rules/file", files=files, data=data, headers=headers)


def test_terms_come_from_a_file(registry, browser):
    """All of them or none; a year's working days by an authority alone."""
    one = browser("ministry")
    terms = [
        {"rule": "o73-07", "value": 10, "unit": "day", "valid_from": "2026-06-01", "source": "Notice 2"},
        {"year": 2027, "off": ["01-01"], "work": ["01-03"], "source": "State Council, notice of 2026"},
        GATE | {"value": ["electric motorcycle"], "source": "Notice 3"},
    ]
    bad = [*terms, {"rule": "o73-07", "value": 10}]
    assert rule(send_file(one, json.dumps(bad))) == "rule.file"
    assert registry.rulebook.years() == {}
    assert send_file(one, json.dumps(terms)).status_code == 303
    assert registry.rulebook.years() == {2027: "State Council, notice of 2026"}
    assert not registry.rulebook.rules().calendar.is_working(date(2027, 1, 1))
    pieces = [each for each in one.json("/rules")["rules"] if each["id"] == "o73-07"]
    assert [each["value"] for each in pieces] == [None, 10]
    ended(one, "o73-a22-2")
    assert rule(send_file(browser("maker"), json.dumps(terms[1:2]))) == "rule.year_authority"
    assert rule(send_file(one, b"\xff\xfe")) == "rule.file"
    assert rule(send_file(one, b"[" * 100_000)) == "rule.file"
    weekend = [{"year": 2027, "off": ["01-02"], "work": [], "source": "nobody"}]
    assert rule(send_file(one, json.dumps(weekend))) == "rule.year"
    assert send_file(one, json.dumps(terms), csrf="x").status_code == 403
    for setting in one.json("/rules/o73-07")["settings"]:
        one.send("/rules/end", setting=str(setting["id"]))


def test_a_token_reads_what_is_due(accounts, browser):
    """With the scope read; without, it does not."""
    client = browser().client
    for scopes, status in ((("read",), 200), (("report",), 403)):
        headers = bearer(token(accounts, "carmaker", *scopes)) | {"Accept": "application/json"}
        assert client.get("/duties", headers=headers).status_code == status


def test_what_was_reported_under_a_rule_is_a_file(browser):
    """What meets its duty, and nothing else; as CSV, and as JSON."""
    one = browser("carmaker")
    days = f"from=2026-01-01&until={TODAY}"
    told = one.get(f"/workspace/events.csv?{days}&rule=o73-02").text
    assert "vehicle certified" in told.lower()
    begun = one.get(f"/workspace/events.csv?{days}&rule=o73-02-sale").text  # by a certificate, met by no sale
    assert "vehicle certified" not in begun.lower()
    assert "installed" not in told.lower()
    assert "installed" in one.get(f"/workspace/events.csv?{days}").text.lower()
    document = one.get(f"/workspace/events.jsonld?{days}&rule=o73-02").json()
    assert document["epcisBody"]["eventList"]
    assert one.get(f"/workspace/events.csv?{days}&rule=o99").status_code == 404
    assert "reported under it" in one.get("/rules/o73-02-sale").text
