"""Scanning over HTTP: what a label leads to, who is offered what next, and what a report of it becomes."""

import json
import re
from datetime import UTC, datetime

import pytest

import voltrail
from tests.api.conftest import HTML
from tests.api.test_accounts import CHOSEN, Browser, quick_hashes  # noqa: F401 - fixtures
from tests.codes.test_scanned import bomb, photo
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.api.headers import CONTENT_SECURITY_POLICY
from voltrail.api.steps import ASKS
from voltrail.codes import url
from voltrail.codes.scanned import MAX_PHOTO_BYTES
from voltrail.events.kinds import STRUCTS
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

OUTLET = sample.credit_code("91000000MA0000007")
KEYED = sample.CARMAKER
COMING, MINE, WASTE, RECALLED, ENDED, OTHERS = (sample.pack(serial) for serial in range(1, 7))
NEVER_SEEN = sample.pack(99)
SITE = "RECYCLER-1"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A recycler and an outlet that report by their sign-in; packs in each state that a worker meets."""
    data = tmp_path_factory.mktemp("scan") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        roles = sample.ROLES | {OUTLET: "collection_outlet"}
        lines = [one for name, role in roles.items() for one in sample.registrations(name, role)]
        keyless = (sample.RECYCLER.encode(), OUTLET.encode())
        lines = [one for one in lines if b"key_added" not in one or not any(name in one for name in keyless)]
        since = "2020-01-02T00:00:00+08:00"
        lines.append(
            sample.line("site_registered", since, site=SITE, organisation=sample.RECYCLER, name="一号车间")
        )
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        every = (COMING, MINE, WASTE, RECALLED, ENDED, OTHERS)
        lines = [sample.first_life(code)[0] for code in every]
        day = "2026-04-{}T10:00:00+08:00"
        lines += [sample.line("retired", day.format(13), code=code) for code in (WASTE, ENDED)]
        gone = (COMING, MINE, RECALLED)
        lines += [sample.line("shipped", day.format(14), code=code, to=sample.RECYCLER) for code in gone]
        handed = (WASTE, ENDED)
        lines += [
            sample.line("handed_over", day.format(14), code=code, to=sample.RECYCLER) for code in handed
        ]
        lines.append(sample.line("recalled", day.format(15), code=RECALLED, campaign="R-1"))
        lines.append(sample.line("recalled", day.format(15), code=OTHERS, campaign="R-1"))
        taken = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))
        assert not taken["refused"]
        came = [sample.line("received", day.format(16), code=code) for code in (MINE, RECALLED)]
        came += [sample.line("collected", day.format(16), code=code) for code in (WASTE, ENDED)]
        came.append(sample.line("recycled", day.format(17), code=ENDED))
        assert not json.loads(registry.report_lines(sample.RECYCLER, came))["refused"]
        registry.enter_heads()
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each."""
    app = create_app(registry)
    accounts = app.state.accounts
    logins = {"recycler": sample.RECYCLER, "outlet": OUTLET, "carmaker": KEYED, "maker": sample.MAKER}
    for login, organisation in (logins | {"ministry": sample.AUTHORITY}).items():
        password = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
    return app


@pytest.fixture
def person(app):
    """Return a function that opens a browser, signed in or not."""
    with app.state.accounts._database.pool.connection() as connection:
        connection.execute("delete from sign_in_attempt")

    def opened(login=None):
        one = Browser(app)
        if login:
            assert one.sign_in(login).status_code == 303
        return one

    return opened


def offered(browser, code):
    """Return the kinds that the page of a scanned battery offers."""
    return re.findall(r'name="kind" value="(\w+)"', browser.get(f"/scan?text={code}").text)


def report(browser, code, kind, **fields):
    """Send the form of a kind as it stands on the page of a scanned battery, some fields filled in."""
    text = browser.get(f"/scan?text={code}").text
    form = next(
        one for one in re.findall(r"<form.*?</form>", text, re.DOTALL) if f'"kind" value="{kind}"' in one
    )
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    chosen = dict(re.findall(r'name="(\w+)".*?<option value="([^"]+)" selected', form))
    answer = browser.client.post("/scan/report", data=hidden | chosen | {"do": "send"} | fields)
    return browser.get(answer.headers["location"]) if answer.status_code == 303 else answer


def last_event(registry, code):
    """Return the last event of a battery, all of it."""
    return registry.history(code, Reader("auditor"), 1)["events"][0]


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    "text", [MINE, MINE.lower(), url(MINE, "sample.example"), f"(01)09521234543213(21){MINE}"]
)
def test_a_label_leads_to_its_battery(person, text):
    """Whatever form it has: the code, what it is, and for the public no more than the public sees."""
    page = person().client.get("/scan", params={"text": text})
    assert page.status_code == 200
    assert MINE in page.text
    assert "original" in page.text
    assert sample.RECYCLER not in page.text
    assert 'id="elsewhere"' not in page.text


def test_another_host_is_named(person):
    """A label of another registry is read, and the reader told whom it names; nothing leads there."""
    text = person().client.get("/scan", params={"text": url(MINE, "evil.example")}).text
    assert 'id="elsewhere"' in text
    assert "evil.example" in text
    assert not re.search(r'(href|src|action)="[^"]*evil', text)


def test_programs_are_told_the_same(person):
    """Always the same members; the host that the label names among them."""
    one = person("recycler")
    told = one.client.get("/scan", params={"text": url(WASTE, "a.example")}, headers={"Accept": "*/*"}).json()
    assert (told["code"], told["host"], told["battery"]["phase"]) == (WASTE, "a.example", "waste")
    assert "recycled" in {step["kind"] for step in told["next"]}
    assert set(one.json("/scan")) == set(told)


@pytest.mark.parametrize("text", ["hello", "https://example.org/x", "<script>alert(1)</script>", "x" * 900])
def test_other_texts_are_answered_kindly(person, text):
    """What was read, escaped; and the ways on stay on the page."""
    page = person().client.get("/scan", params={"text": text})
    assert page.status_code == 400
    assert "scan.no_code" in page.text
    assert "<script>alert" not in page.text
    assert 'name="part"' in page.text
    told = person().client.get("/scan", params={"text": text}, headers={"Accept": "application/json"})
    assert told.json()["error"]["rule"] == "scan.no_code"


@pytest.mark.parametrize("part", [MINE[-7:], MINE[:18], MINE[-7:].replace("0", "O"), MINE[14:] + MINE[:14]])
def test_a_cracked_label_is_typed(person, part):
    """By its beginning, its end, with characters misread, with its halves the wrong way round."""
    page = person().client.get("/scan", params={"part": part})
    assert f"text={MINE}" in page.text


def test_ones_own_are_found_by_any_part(person):
    """The middle too, among what is on record as one's own; for others that finds nothing."""
    part = MINE[10:20]
    assert f"text={MINE}" in person("recycler").client.get("/scan", params={"part": part}).text
    assert "text=" not in person().client.get("/scan", params={"part": part}).text


# ------------------------------------------------------------------ photographs


def test_a_photograph_is_read_by_the_server(person):
    """Where scripts are off: it leads to the battery; programs get the texts."""
    one = person()
    sent = one.client.post("/scan/photo", files={"photo": ("a.jpg", photo("JPEG"), "image/jpeg")})
    assert sent.status_code == 303
    assert "text=https%3A%2F%2Fregistry.example.org%2Fb%2F" in sent.headers["location"]
    files = {"photo": ("a.jpg", photo("JPEG"), "image/jpeg")}
    told = one.client.post("/scan/photo", files=files, headers={"Accept": "application/json"})
    assert told.json() == {"texts": ["https://registry.example.org/b/9ZZPB240000003G4C0221953"]}


@pytest.mark.parametrize(
    ("content", "status", "rule"),
    [
        (b"", 400, "scan.photo"),
        (b"%PDF", 400, "scan.photo"),
        (bomb(30_000, 30_000), 400, "scan.photo"),
        (b"x" * (MAX_PHOTO_BYTES + 1), 400, "scan.photo"),
        (b"x" * (MAX_PHOTO_BYTES + 100_000), 413, "request.too_large"),
    ],
    ids=["empty", "pdf", "bomb", "heavy", "heavier"],
)
def test_what_is_no_photograph(person, content, status, rule):
    """Refused with its rule, on the page with the other ways, or in the one shape."""
    for accept in (HTML["Accept"], "application/json"):
        answer = person().client.post(
            "/scan/photo", files={"photo": ("a.jpg", content, "image/jpeg")}, headers={"Accept": accept}
        )
        assert answer.status_code in {status, 422}
        assert rule in answer.text


# ------------------------------------------------------------------ what comes next


def test_each_is_offered_what_fits(person):
    """By the state, by the role, by whose it is; three at most; nothing after an end, nothing to nobody."""
    recycler, outlet = person("recycler"), person("outlet")
    assert offered(recycler, COMING)[0] == "received"
    assert offered(recycler, MINE) == ["retired", "shipped"]
    assert offered(recycler, WASTE) == ["assessed", "dismantled", "recycled"]
    assert offered(recycler, ENDED) == []
    assert offered(recycler, NEVER_SEEN) == ["enrolled"]
    assert offered(outlet, WASTE) == ["collected"]
    assert offered(person("ministry"), WASTE) == []
    assert offered(person(), WASTE) == []
    assert all(len(offered(recycler, code)) <= 3 for code in (COMING, MINE, WASTE))


def test_what_a_recall_asks_for_comes_first(person):
    """To who may do that work; the campaign is filled in."""
    page = person("maker").get(f"/scan?text={OTHERS}").text
    assert offered(person("maker"), OTHERS)[0] == "serviced"
    assert 'name="campaign" value="R-1"' in page


def test_of_others_batteries_nothing_is_told_by_what_is_offered(person):
    """Where a pack is or who has it decides nothing of what an outsider is offered: no trace, no answer."""
    outlet = person("outlet")
    assert offered(outlet, COMING) == offered(outlet, MINE) == offered(outlet, OTHERS)


def test_two_taps_and_it_is_on_record(person, registry):
    """The form as it stands: from whom, the only site, the moment of scanning; the receipt is on the page."""
    one = person("recycler")
    before = datetime.now(UTC)
    page = report(one, COMING, "received")
    assert page.status_code == 200
    assert "on record" in page.text
    assert "receipt.json" in page.text
    event = last_event(registry, COMING)
    assert event["kind"] == "received"
    assert event["reporter"] == sample.RECYCLER
    assert event["members"]["from"] == sample.MAKER
    assert event["members"]["site"] == SITE
    when = datetime.fromisoformat(event["occurred_at"])
    assert abs((when - before).total_seconds()) < 60
    assert not event["findings"]


def test_what_became_of_a_report_is_its_senders(person):
    """The page after a report can be loaded again, by its organisation alone; others see the battery."""
    one, other = person("recycler"), person("outlet")
    text = one.get(f"/scan?text={MINE}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)) | {
        "kind": "retired"
    }
    address = one.client.post("/scan/report", data=hidden).headers["location"]
    assert "receipt.json" in one.get(address).text
    assert "receipt.json" in one.get(address).text
    for stranger in (other, person()):
        answer = stranger.get(address)
        assert (answer.status_code, "receipt.json" in answer.text) == (200, False)
    for digest in ("x", "00" * 32):
        assert one.get(f"/scan?text={MINE}&report={digest}").status_code == 200


def test_sent_twice_it_is_reported_once(person, registry):
    """A second tap on the button, or the page sent again, gives the same line."""
    one = person("recycler")
    text = one.get(f"/scan?text={WASTE}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)) | {
        "kind": "assessed"
    }
    fields = hidden | {"decision": "recycle", "reasons": "单体衰减"}
    count = registry.history(WASTE)["count"]
    for _ in range(2):
        sent = one.client.post("/scan/report", data=fields)
        assert sent.status_code == 303
        assert "on record" in one.get(sent.headers["location"]).text
    assert registry.history(WASTE)["count"] == count + 1
    assert last_event(registry, WASTE)["members"]["reasons"] == ["单体衰减"]


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        ("assessed", {"decision": ""}, "scan.field"),
        ("assessed", {"decision": "eat"}, "scan.field"),
        ("key_added", {}, "scan.kind"),
        ("manufactured", {}, "scan.kind"),
        ("handed_over", {"to": ""}, "scan.field"),
        ("recycled", {"mass_kg": "many"}, "scan.field"),
        ("recycled", {"when": "yesterday"}, "request.time"),
        ("collected", {"when": "2096-01-01T00:00"}, "time.future"),
        ("measured", {"soh_fraction": "90"}, "role.may_not"),
    ],
)
def test_what_is_filled_in_wrongly_is_said(person, registry, kind, fields, rule):
    """Nothing is recorded; the page says what to do, and the form keeps what was typed."""
    one = person("recycler")
    count = registry.history(WASTE)["count"]
    text = one.get(f"/scan?text={WASTE}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', text)[1]
    page = one.client.post("/scan/report", data={"csrf": csrf, "code": WASTE, "kind": kind} | fields)
    assert rule in page.text
    assert "on record</h2>" not in page.text
    assert registry.history(WASTE)["count"] == count


def test_who_signs_with_a_key_takes_the_line(person, registry):
    """An organisation whose key does not let the host sign gets a file for it, and nothing is recorded."""
    one = person("carmaker")
    text = one.get(f"/scan?text={OTHERS}").text
    assert 'value="send"' not in text
    answer = report(one, OTHERS, "collected", do="file")
    assert answer.headers["content-type"].startswith("application/jsonl")
    line = json.loads(answer.content)
    assert (line["kind"], line["code"]) == ("collected", OTHERS)
    assert "host_may_not" in report(one, OTHERS, "collected").text


def test_signing_in_leads_back_to_the_battery(app, person):
    """Who scanned first and signs in then stands before the same battery; no other address is taken."""
    one = person()
    assert f"/sign-in?scanned={WASTE}" in one.get(f"/scan?text={WASTE}").text
    one.get(f"/sign-in?scanned={WASTE}")
    answer = one.sign_in("recycler")  # asks for the plain page first, which forgets it
    assert answer.headers["location"] == "/workspace"
    one = person()
    csrf = re.search(r'name="csrf" value="([^"]+)"', one.get(f"/sign-in?scanned={WASTE}").text)[1]
    answer = one.client.post("/sign-in", data={"csrf": csrf, "login": "recycler", "password": CHOSEN})
    assert answer.headers["location"] == f"/scan?text={WASTE}"
    for wrong in ("//evil.example", "https://evil.example", "x"):
        one = person()
        csrf = re.search(r'name="csrf" value="([^"]+)"', one.get(f"/sign-in?scanned={wrong}").text)[1]
        answer = one.client.post("/sign-in", data={"csrf": csrf, "login": "recycler", "password": CHOSEN})
        assert answer.headers["location"] == "/workspace"


# ------------------------------------------------------------------ the frame


def test_the_camera_is_for_one_page_alone(person):
    """And so is WebAssembly: every other answer keeps the strict policy; eval is nowhere."""
    one = person()
    scan = one.get("/scan").headers
    assert "camera=(self)" in scan["permissions-policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in scan["content-security-policy"]
    assert "'unsafe-eval'" not in scan["content-security-policy"]
    assert "unsafe-inline" not in scan["content-security-policy"]
    for path in ("/", "/labels", f"/b/{MINE}", "/scan/none", "/SCAN", f"/b/{MINE}/label.svg"):
        headers = one.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert "camera=()" in headers["permissions-policy"], path


def test_what_is_asked_are_members_of_the_kind():
    """So that no form makes a line that cannot be taken."""
    for kind, asks in ASKS.items():
        names = STRUCTS[kind].__struct_encode_fields__
        assert {ask.name for ask in asks} <= set(names), kind
