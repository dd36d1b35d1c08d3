"""The workspace over HTTP: each sees its own alone, lists and files are whole, nothing hostile passes."""

import csv
import html
import io
import json
import re

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.events import decode
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
MODELS = ("=1+1", "+SUM(A1)", "-2", "@cmd", "S-102", '<b>"x"</b>')
SENT = [sample.pack(serial) for serial in range(1, 61)]
KEPT = [sample.pack(serial) for serial in range(101, 131)]
PAGES = (
    "/workspace",
    "/workspace/batteries",
    "/workspace/incoming",
    "/workspace/reports",
    "/workspace/discrepancies",
    "/workspace/vehicles",
)
FILES = tuple(f"/workspace/batteries.{ending}" for ending in ("csv", "xlsx", "parquet"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker with ninety packs, sixty of them on the way to a recycler that has no key of its own."""
    data = tmp_path_factory.mktemp("work") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.RECYCLER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        made = "2026-04-12T10:00:00+08:00"
        lines = [
            sample.line("manufactured", made, code=code, model_id=MODELS[number % len(MODELS)])
            for number, code in enumerate([*SENT, *KEPT])
        ]
        shipped = "2026-04-13T10:00:00+08:00"
        lines += [sample.line("shipped", shipped, code=code, to=sample.RECYCLER) for code in SENT]
        lines.append(sample.line("retired", shipped, code=KEPT[0], reason="defect"))
        lines.append(sample.line("received", "2096-01-01T00:00:00+08:00", code=KEPT[1]))
        registry.report(sample.report(sample.signer(sample.MAKER), lines))
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
            ("carmaker", sample.CARMAKER),
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
    return lambda login: browser(login, "application/json")


def form(client, page, path, **fields):
    """Send a form of a page."""
    token = re.search(r'name="csrf" value="([^"]+)"', client.get(page).text)[1]
    return client.post(path, data={"csrf": token} | fields)


def codes_on(client, address):
    """Return the codes of a list, by all its pages."""
    codes = []
    while address:
        page = client.get(address)
        assert page.status_code == 200
        codes += re.findall(r'<td><a class="mono" href="/b/(\w+)"', page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = html.unescape(following[1]) if following else None
    return codes


def table(client, address="/workspace/batteries.csv"):
    """Return the rows of a CSV file, without its heading."""
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]


# ---------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("path", [*PAGES, *FILES, "/authority", "/workspace/reports/" + "0" * 64])
def test_who_is_not_signed_in_is_led_there(browser, program, path):
    """A person comes to the sign-in, a program gets 401; no page is shown to the public."""
    assert browser().get(path).headers["location"] == "/sign-in"
    answer = program(None).get(path)
    assert (answer.status_code, answer.json()["error"]["rule"]) == (401, "access.sign_in")


def test_nobody_sees_what_others_have_or_sent(program):
    """No list, no file and no report of one organisation names what is another's."""
    mine = program("maker").get("/workspace/reports").json()["reports"][0]["report"]
    other = program("carmaker")
    for path in PAGES:
        text = other.get(path).text
        assert not [code for code in (*SENT, *KEPT) if code in text]
    assert table(other) == []
    assert other.get(f"/workspace/reports/{mine}").status_code == 404
    assert program("maker").get(f"/workspace/reports/{mine}").json()["report"] == mine


def test_the_receiver_sees_what_is_on_the_way_to_it_and_no_more(program):
    """Code, phase, since when and from whom; it is not among its own yet, but among the sender's."""
    found = program("recycler").get("/workspace/incoming").json()["batteries"]
    assert [one["code"] for one in found] == SENT[:50]
    assert (found[0]["holder"], found[0]["place"]) == (sample.MAKER, "in_transit")
    assert found[0]["since"] == "2026-04-13T10:00:00+08:00"
    assert program("recycler").get("/workspace/batteries").json()["batteries"] == []
    assert (
        program("maker").get("/workspace/batteries?place=in_transit").json()["batteries"][0]["code"]
        == SENT[0]
    )


def test_a_token_reads_as_far_as_its_scope(app, program):
    """A program with `read` has the lists as JSON; one that may only report has not."""
    accounts = app.state.accounts
    person = accounts.by_session(accounts.sign_in("maker", CHOSEN, "test"))
    read = accounts.make_token(person, "reads", ["read"], 1, "test")
    report = accounts.make_token(person, "reports", ["report"], 1, "test")
    client = program(None)
    bearer = {"Authorization": f"Bearer {read}"}
    assert client.get("/workspace", headers=bearer).json()["todo"] == {
        "incoming": 0,
        "refused": 1,
        "found": 0,
        "recalled": 0,
        "answers": 0,
        "overdue": 0,
        "platform": 0,
    }
    assert len(table_of(client, bearer)) == 90
    refused = client.get("/workspace/batteries", headers={"Authorization": f"Bearer {report}"})
    assert (refused.status_code, refused.json()["error"]["rule"]) == (403, "access.scope")


def table_of(client, headers):
    return client.get("/workspace/batteries.csv", headers=headers).text.splitlines()[1:]


def test_a_one_time_password_opens_no_workspace(app, browser):
    """Who has not chosen a password of their own is led to do so first."""
    password = app.state.accounts.add("fresh", sample.MAKER, "member", Actor())
    client = browser()
    client.cookies.set("session", app.state.accounts.sign_in("fresh", password, "test"))
    for path in (*PAGES, *FILES):
        assert client.get(path).headers["location"] == "/account/password"


# ------------------------------------------------------------------------------ lists


def test_every_number_opens_its_list(browser):
    """On the overview each count by place and phase leads to a list of so many batteries."""
    client = browser("maker")
    cells = re.findall(r'<a href="(/workspace/batteries[^"]*)">(?:<b>)?(\d+)', client.get("/workspace").text)
    assert len(cells) >= 8
    for address, number in cells:
        assert len(codes_on(client, html.unescape(address))) == int(number), address


def test_a_list_goes_on_over_its_pages_with_its_filters(browser):
    """All are there once, in order; the filters go along, and the file has the same rows."""
    client = browser("maker")
    assert codes_on(client, "/workspace/batteries") == [*SENT, *KEPT]
    address = "/workspace/batteries?place=in_transit&phase=original&level=pack&q=9zz"
    assert codes_on(client, address) == SENT
    assert [row[0] for row in table(client, address.replace("batteries?", "batteries.csv?"))] == SENT
    assert codes_on(client, "/workspace/batteries?phase=waste") == KEPT[:1]
    assert sorted(codes_on(client, "/workspace/batteries?sort=last")) == [*SENT, *KEPT]
    assert codes_on(client, "/workspace/batteries?sort=last")[0] == KEPT[0]


@pytest.mark.parametrize(
    "query",
    [
        "place=nowhere", "phase=%00", "level=P", "sort=code%20desc", "sort=last&after=x", "after=%00",
        "place=in_stock'--", "findings=perhaps", "q=" + "x" * 101, "sort=last&after=99999999999999999999-x",
        "model=%00",
    ],
)  # fmt: skip
def test_a_hostile_filter_is_refused_with_words(program, query):
    """What no list can be asked for is answered with 400, in the one shape, on the list and its files."""
    for path in ("/workspace/batteries", *(FILES if "after" not in query else ())):
        answer = program("maker").get(f"{path}?{query}")
        assert answer.status_code == 400, (path, query)
        assert answer.json()["error"]["fix"]


@pytest.mark.parametrize(
    "query", ["q=%25", "q=_", "q='%20or%201=1", "model='%20or%201=1", "after=%F0%9F%98%80"]
)
def test_what_looks_like_a_pattern_is_only_text(program, query):
    """Neither LIKE's nor SQL's characters find what they do not stand in."""
    answer = program("maker").get(f"/workspace/batteries?{query}")
    assert answer.status_code == 200
    assert {one["code"] for one in answer.json()["batteries"]} <= {*SENT, *KEPT}
    if query.startswith("model"):
        assert answer.json()["batteries"] == []


# ------------------------------------------------------------------------------ files


def test_no_cell_of_a_csv_file_is_a_formula(browser):
    """Models whose names begin like formulas begin with an apostrophe; the rest stays as it is."""
    rows = table(browser("maker"))
    assert len(rows) == 90
    assert {row[2] for row in rows} == {"'=1+1", "'+SUM(A1)", "'-2", "'@cmd", "S-102", '<b>"x"</b>'}
    assert all(re.fullmatch(r"2026-04-1\dT10:00:00\+08:00", row[5]) for row in rows)


# ---------------------------------------------------------------------------- reports


def test_what_was_sent_opens_with_its_lines(browser):
    """The list says what became of the lines; the report shows them as the page for reporting does."""
    client = browser("maker")
    page = client.get("/workspace/reports").text
    [digest] = re.findall(r'href="/workspace/reports/([0-9a-f]{64})"', page)
    shown = client.get(f"/workspace/reports/{digest}").text
    assert "151 of 152 lines are on record" in shown
    assert "time.future" in shown or "future" in shown
    assert 'id="mend"' not in shown
    for broken in ("0" * 64, "x", digest[:-1], "%00"):
        assert client.get(f"/workspace/reports/{broken}").status_code == 404


def test_those_ticked_are_received_in_one_go(browser, program, registry):
    """Each becomes a line that the host signs; the outcome is shown, and they are in stock at once."""
    client = browser("recycler")
    lines = form(client, "/workspace/incoming", "/workspace/incoming/receive", code=SENT[:2], do="file")
    assert lines.headers["content-disposition"] == 'attachment; filename="received.jsonl"'
    events = [decode(line) for line in lines.content.splitlines()]
    assert [(event.kind, event.code, event.from_) for event in events] == [
        ("received", code, sample.MAKER) for code in SENT[:2]
    ]
    assert registry.holdings.count_incoming(sample.RECYCLER) == 60
    done = form(
        client, "/workspace/incoming", "/workspace/incoming/receive", code=SENT[:3], site="DOCK-1", do="send"
    )
    assert done.status_code == 200
    assert "All 3 lines are on record" in done.text
    assert "57 batteries are on the way to you" in done.text
    assert codes_on(client, "/workspace/batteries?place=in_stock") == SENT[:3]
    assert SENT[0] not in table_text(program("maker"))
    one = form(client, "/workspace/incoming", "/workspace/incoming/receive", code=SENT[3], do="send")
    assert "All 1 lines are on record" in one.text


def table_text(client):
    return client.get("/workspace/batteries.csv").text


def test_what_another_program_received_is_not_received_twice(browser, registry):
    """The page was made before; what came on record since then is looked at first."""
    client = browser("recycler")
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/workspace/incoming").text)[1]
    line = sample.line("received", "2026-04-14T10:00:00+08:00", code=SENT[59], from_=sample.MAKER)
    assert not json.loads(registry.report_lines(sample.RECYCLER, [line]))["refused"]
    answer = client.post("/workspace/incoming/receive", data={"csrf": token, "code": SENT[59], "do": "send"})
    assert "not on the way to you any more" in answer.text
    assert registry.history(SENT[59])["count"] == 3


@pytest.mark.parametrize(
    ("chosen", "rule"), [([], "report.nothing_chosen"), ([SENT[20], KEPT[0]], "report.not_incoming")]
)
def test_nothing_is_received_that_is_not_on_the_way(browser, registry, chosen, rule):
    """Not one of the lines is reported, and the page says why; the codes of others are not told apart."""
    before = registry.counts()["entries"]
    answer = form(
        browser("recycler"), "/workspace/incoming", "/workspace/incoming/receive", code=chosen, do="send"
    )
    assert answer.status_code in {400, 422}
    assert rule in answer.text
    assert registry.counts()["entries"] == before


def test_another_cannot_receive_what_is_on_its_way_to_somebody(browser, registry):
    """Neither with a forged list of codes nor without the form of the session."""
    before = registry.counts()["entries"]
    theirs = form(browser("carmaker"), "/account", "/workspace/incoming/receive", code=SENT[30], do="send")
    assert "report.not_incoming" in theirs.text
    forged = browser("recycler").post("/workspace/incoming/receive", data={"code": SENT[30], "do": "send"})
    assert (forged.status_code, "access.form" in forged.text) == (403, True)
    assert registry.counts()["entries"] == before


# --------------------------------------------------------------- authorities, following


def test_the_authoritys_page_is_for_authorities(browser, program):
    """A member of another organisation is refused; an authority is led from /workspace to its own page."""
    answer = program("maker").get("/authority")
    assert (answer.status_code, answer.json()["error"]["rule"]) == (403, "access.authority")
    assert browser("ministry").get("/workspace").headers["location"] == "/authority"
    page = browser("ministry").get("/authority").text
    assert 'action="/search"' in page
    assert "/applications" in page


def test_a_battery_that_is_followed_tells_its_news(browser, registry):
    """The button on its page; what happens then is told until it is marked as seen; each has its own."""
    client, code = browser("ministry"), KEPT[5]
    assert "/followed/add" not in browser().get(f"/b/{code}").text
    assert form(client, f"/b/{code}", "/followed/add", code=code).headers["location"] == f"/b/{code}"
    assert "/followed/end" in client.get(f"/b/{code}").text
    assert "Nothing has happened" in client.get("/authority").text
    line = sample.line("measured", "2026-06-01T10:00:00+08:00", code=code)
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))
    page = client.get("/authority").text
    assert "Measured" in page
    upto = re.search(r'name="upto" value="(\d+)"', page)[1]
    assert code not in browser("maker").get("/workspace").text
    seen = form(client, "/authority", "/followed/seen", upto=upto, to="authority")
    assert seen.headers["location"] == "/authority"
    assert "Measured" not in client.get("/authority").text
    form(client, f"/b/{code}", "/followed/end", code=code)
    assert code not in client.get("/authority").text


@pytest.mark.parametrize("path", ["/followed/add", "/followed/end", "/followed/seen"])
def test_following_needs_a_session_and_its_form(browser, path):
    """Nobody is made to follow by a form of somebody else."""
    assert browser().post(path, data={"code": KEPT[0]}).status_code == 401
    assert browser("maker").post(path, data={"code": KEPT[0], "upto": "1"}).status_code == 403


def test_nobody_follows_without_end_or_what_is_not_there(app, browser):
    """Fifty batteries at most, so that the page can tell the news of all; only what is on record."""
    client = browser("carmaker")
    missing = sample.pack(999)
    assert form(client, f"/b/{KEPT[0]}", "/followed/add", code=missing).status_code == 404
    assert form(client, f"/b/{KEPT[0]}", "/followed/add", code="x").status_code == 400
    person = app.state.accounts.by_session(client.cookies["session"])
    for code in SENT[:50]:
        app.state.followed.add(person.account, code, 0)
    full = form(client, f"/b/{KEPT[0]}", "/followed/add", code=KEPT[0])
    assert "followed.many" in full.text
    assert form(client, f"/b/{SENT[0]}", "/followed/add", code=SENT[0]).status_code == 303
