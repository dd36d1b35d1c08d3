"""Decisions on retired batteries over HTTP: who sees them, what they say, how one gets into the record."""

import csv
import io
import json
import re
from datetime import date

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
SOUND, DOUBTED, BURNT, UNSEEN, DECIDED, USED, MANY = (sample.pack(serial) for serial in (1, 2, 3, 4, 5, 6, 7))
RETIRED = (SOUND, DOUBTED, BURNT, UNSEEN, DECIDED)
FOUND = {
    "soh_low": 0.72,
    "soh_high": 0.76,
    "life_years_low": 6,
    "life_years_high": 9,
    "test": "visual",
    "transport": "normal",
}


def assessed(code, decision="repurpose", when="2026-06-05T10:00:00+08:00", **more):
    """Return the line of an assessment."""
    return sample.line("assessed", when, code=code, decision=decision, **more)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A recycler, for whom the host signs, with packs that are retired and known to be more or less sound."""
    data = tmp_path_factory.mktemp("decisions") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.RECYCLER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        day = "2026-04-{:02}T10:00:00+08:00".format
        made = [
            sample.line(
                "model_registered",
                day(1),
                model_id="S-102",
                level="pack",
                chemistry="NCM",
                energy_kwh=55.0,
                mass_kg=305.0,
            )
        ]
        for code in (*RETIRED, USED):
            made += [
                sample.line("manufactured", day(12), code=code, model_id="S-102"),
                sample.line("shipped", day(13), code=code, to=sample.RECYCLER),
            ]
        assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), made)))["refused"]
        lines = [sample.line("received", day(14), code=code, from_=sample.MAKER) for code in (*RETIRED, USED)]
        lines += [sample.line("retired", day(20), code=code) for code in RETIRED]
        lines += [
            assessed(SOUND, test_ordered="capacity", **FOUND),
            assessed(DOUBTED, test_ordered="capacity", **FOUND | {"soh_low": 0.5, "soh_high": 0.72}),
            assessed(DECIDED, **FOUND),
        ]
        receipt = json.loads(registry.report_lines(sample.RECYCLER, lines))
        assert not receipt["refused"], receipt
        burnt = [sample.line("incident_reported", day(21), code=BURNT, incident="fire")]
        registry.report(sample.report(sample.signer(sample.MAKER), burnt))
        registry.enter_heads()
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in (
            ("maker", sample.MAKER),
            ("recycler", sample.RECYCLER),
            ("ministry", sample.AUTHORITY),
        ):
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def browser(app):
    """Return a function that opens a browser, signed in or not; it reads pages, or JSON as a program."""

    def opened(login=None, accept=HTML["Accept"]):
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept": accept, "Accept-Language": "en"})
        if login:
            client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        return client

    return opened


@pytest.fixture
def program(browser):
    """Return a function that opens a session which is answered in JSON."""
    return lambda login=None: browser(login, "application/json")


def text_of(page):
    """Return what a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_it_is_told_to_who_may_see_the_wear(browser, program):
    """Its holder and the authority; nobody else, not even that there is a decision."""
    for login in ("recycler", "ministry"):
        answer = program(login).get(f"/b/{SOUND}/decision")
        assert (answer.status_code, answer.json()["outcome"]) == (200, "repurpose")
    for login in (None, "maker"):
        answer = program(login).get(f"/b/{SOUND}/decision")
        assert (answer.status_code, answer.json()["error"]["rule"]) == (403, "access.condition")
        assert "repurpose" not in browser(login).get(f"/b/{SOUND}/decision").text
    missing = program("recycler").get(f"/b/{sample.pack(99)}/decision")
    assert (missing.status_code, missing.json()["error"]["rule"]) == (404, "battery.unknown")
    assert program("recycler").get("/b/nonsense/decision").status_code == 400


def test_what_follows_from_what_is_known(program):
    """Sound, doubted, burnt, unseen, in use: each has its own outcome, and says why."""
    told = {code: program("ministry").get(f"/b/{code}/decision").json() for code in (*RETIRED, USED)}
    assert told[DOUBTED]["outcome"] == "test"
    assert told[DOUBTED]["straddles"] == ["repurpose"]
    assert told[DOUBTED]["test"]["worth"] > 0
    assert (told[BURNT]["outcome"], told[BURNT]["flip"]) == ("recycle", None)
    fire = next(one for one in told[BURNT]["gates"] if one["name"] == "incidents")
    assert (fire["result"], fire["why"]) == ("fail", "incidents.happened")
    assert told[UNSEEN]["outcome"] == "undecided"
    assert [one["name"] for one in told[UNSEEN]["missing"]] == ["damage.not_seen", "soh", "life"]
    assert told[USED]["outcome"] == "not_retired"
    assumed = [one for one in told[SOUND]["rows"] if one["confidence"] == "assumption"]
    assert {"repurpose.soh_least", "flip.most"} <= {one["name"] for one in assumed}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("code", [*RETIRED, USED])
def test_the_page_answers_first(browser, code, language):
    """One heading that is the answer, gates with their sources, doubt marked as such, in either language."""
    page = browser("recycler").get(f"/b/{code}/decision?lang={language}")
    assert page.status_code == 200
    assert page.text.count("<h1") == 1
    assert " style=" not in page.text
    said = text_of(page)
    if code == DOUBTED:
        assert ("First a capacity test" if language == "en" else "先做容量检测") in said
        assert ("Order No. 73, article 22") in said
    if code == UNSEEN:
        assert ("What is not known:" if language == "en" else "尚缺：") in said
    assert ("assumption" if language == "en" else "假设") in said or code == USED


def test_a_decision_gets_into_the_record(browser, registry, program):
    """From the form over the line that is shown to the record, once however often it is sent."""
    one = browser("recycler")
    page = one.get(f"/b/{BURNT}/decision")
    assert '<option value="recycle" selected>' in page.text
    shown = one.get(
        f"/b/{BURNT}/decision/sign",
        params={"decision": "recycle", "reasons": "fire\nwater", "transport": "critical", "test": "visual"},
    )
    assert shown.status_code == 200
    assert "It is decided: recycle." in text_of(shown)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    before = registry.history(BURNT)["count"]
    for _ in range(2):
        sent = one.post(f"/b/{BURNT}/decision/report", data=hidden)
        assert (sent.status_code, sent.headers["location"]) == (303, f"/b/{BURNT}/decision")
    assert registry.history(BURNT)["count"] == before + 1
    assert "Decided last" in one.get(f"/b/{BURNT}/decision").text
    assert "fire" in text_of(one.get(f"/b/{BURNT}/decision"))
    waiting = program("recycler").get("/workspace/decisions").json()["decisions"]
    assert BURNT not in {one["code"] for one in waiting}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"decision": ""}, "scan.field"),
        ({"decision": "test"}, "scan.field"),
        ({"decision": "recycle", "soh_low": "80"}, "event.value"),
        ({"decision": "recycle", "soh_low": "80", "soh_high": "70"}, "event.value"),
        ({"decision": "recycle", "soh_low": "eighty", "soh_high": "90"}, "scan.field"),
        ({"decision": "recycle", "when": "yesterday"}, "request.time"),
        ({"decision": "recycle", "when": "2096-01-01T00:00"}, "time.future"),
    ],
)
def test_what_is_filled_in_wrongly_is_said(browser, program, registry, fields, rule):
    """Nothing is recorded; the page says what to do, and the form keeps what was typed."""
    before = registry.history(UNSEEN)["count"]
    told = program("recycler").get(f"/b/{UNSEEN}/decision/sign", params=fields)
    assert told.json()["error"]["rule"] == rule
    page = browser("recycler").get(f"/b/{UNSEEN}/decision/sign", params=fields)
    assert page.status_code == told.status_code
    assert 'role="alert"' in page.text
    assert fields.get("soh_low", "") in page.text
    assert registry.history(UNSEEN)["count"] == before


def test_only_who_may_decide_is_asked(browser, program):
    """The authority sees the decision and no form; a form that is not ours records nothing."""
    assert 'id="decide"' in browser("recycler").get(f"/b/{SOUND}/decision").text
    assert 'id="decide"' not in browser("ministry").get(f"/b/{SOUND}/decision").text
    assert program().get(f"/b/{SOUND}/decision/sign?decision=reuse").status_code == 401
    refused = browser("maker").get(f"/b/{SOUND}/decision/sign?decision=reuse")
    assert refused.status_code in {403, 422}
    forged = browser("recycler").post(f"/b/{SOUND}/decision/report", data={"decision": "reuse", "csrf": "x"})
    assert forged.status_code == 403


def test_what_waits_is_listed(browser, program):
    """What is retired and not decided, or for which a test is awaited; as a page and as a file."""
    waiting = program("recycler").get("/workspace/decisions").json()
    codes = [one["code"] for one in waiting["decisions"]]
    assert codes == sorted(codes)
    assert {SOUND, DOUBTED, UNSEEN} <= set(codes)
    assert {DECIDED, USED}.isdisjoint(codes)
    page = browser("recycler").get("/workspace/decisions")
    assert re.findall(r'<td><a class="mono" href="/b/(\w+)/decision"', page.text) == codes
    file = browser("recycler").get("/workspace/decisions.csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row["Code"] for row in rows] == codes
    doubted = next(row for row in rows if row["Code"] == DOUBTED)
    assert float(doubted["Chance that it flips, at most"]) > 0.1
    assert program("maker").get("/workspace/decisions").json()["decisions"] == []
    assert program().get("/workspace/decisions").status_code == 401


def test_what_waits_comes_page_by_page(registry):
    """A page neither leaves out nor repeats any."""
    reader = Reader("public", sample.RECYCLER)
    whole, following = registry.decisions.waiting(reader, 50, date(2026, 11, 30))
    assert following is None
    codes, after = [], None
    while True:
        found, after = registry.decisions.waiting(reader, 1, date(2026, 11, 30), after)
        codes += [facts.code for facts, _ in found]
        if after is None:
            break
    assert codes == [facts.code for facts, _ in whole]


def test_who_decided_is_not_told_to_whom_a_battery_was_only_shown(registry, browser):
    """A legitimate interest sees wear and what was decided, but not by whom."""
    day = date(2026, 11, 30)
    whole, _ = registry.decisions.of(DECIDED, day, Reader("authority_cn"))
    shown, _ = registry.decisions.of(DECIDED, day, Reader("legitimate_interest"))
    assert whole.decided.reporter == sample.RECYCLER
    assert (shown.decided.decision, shown.decided.reporter) == ("repurpose", None)
    page = browser("recycler").get(f"/b/{DECIDED}/decision")
    assert sample.RECYCLER in page.text
