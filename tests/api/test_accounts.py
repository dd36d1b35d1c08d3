"""Signing in, and what it opens: how it is attacked, and who sees what afterwards."""

import html
import json
import re
from base64 import b64decode

import httpx
import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

from tests.api.conftest import HTML, PACK, running
from tests.browser.serving import free_port
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.attempts import PER_LOGIN
from voltrail.accounts.trail import Actor
from voltrail.events.kinds import STRUCTS
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.organisations.access import ATTRIBUTES, BATTERY, Reader, Sight, Since, Standing, may_see
from voltrail.organisations.identifiers import credit_code

HOME, AWAY = "http://127.0.0.1", "https://registry.example"
SMALL = credit_code("91000000MA0000009")
CHOSEN = "four words nobody guesses"
LINES = {"Content-Type": "application/jsonl"}


@pytest.fixture(scope="module", autouse=True)
def quick_hashes():
    """The same algorithm with less memory: these tests hash hundreds of times."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        yield


@pytest.fixture(autouse=True)
def no_attempts(accounts):
    """Each test begins with no attempts counted: all of them come from one address."""
    with accounts._database.pool.connection() as connection:
        connection.execute("delete from sign_in_attempt")


@pytest.fixture(scope="module")
def accounts(app, registry):
    """An account of each kind, with a password of its own; one organisation has no key of its own."""
    accounts = app.state.accounts
    keyless = sample.registrations(SMALL, "battery_maker")[:2]
    assert not json.loads(registry.report(sample.report(sample.authority(), keyless)))["refused"]
    for login, organisation, role in (
        ("boss", f"{sample.ORIGIN}/host", "administrator"),
        ("maker", sample.MAKER, "member"),
        ("carmaker", sample.CARMAKER, "member"),
        ("recycler", sample.RECYCLER, "member"),
        ("small", SMALL, "member"),
        ("ministry", sample.AUTHORITY, "member"),
    ):
        password = accounts.add(login, organisation, role, Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
    return accounts


class Browser:
    """A browser of its own, with its own cookies."""

    def __init__(self, app, url=HOME):
        self.client = TestClient(app, base_url=url, raise_server_exceptions=False)
        self.client.follow_redirects = False
        self.client.headers.update(HTML | {"Accept-Language": "en"})

    def get(self, path, **headers):
        return self.client.get(path, headers=headers)

    def json(self, path):
        return self.client.get(path, headers={"Accept": "application/json"}).json()

    def form(self, path="/account"):
        """Return the token of the forms on a page."""
        return re.search(r'name="csrf" value="([^"]*)"', self.get(path).text)[1]

    def send(self, path, page="/account", **fields):
        return self.client.post(path, data={"csrf": self.form(page)} | fields)

    def sign_in(self, login, password=CHOSEN):
        return self.send("/sign-in", "/sign-in", login=login, password=password)

    @property
    def session(self):
        return next((one.value for one in self.client.cookies.jar if one.name.endswith("session")), None)


@pytest.fixture
def browser(app, accounts):
    """Return a function that opens a browser, signed in or not."""

    def opened(login=None, url=HOME):
        one = Browser(app, url)
        if login:
            assert one.sign_in(login).status_code == 303
        return one

    return opened


def token(accounts, login, *scopes):
    person = accounts.by_session(accounts.sign_in(login, CHOSEN, "setup"))
    return accounts.make_token(person, "test", scopes, 1, "setup")


def bearer(secret):
    return {"Authorization": f"Bearer {secret}", "Accept": "application/json"}


def rule(response):
    return response.json()["error"]["rule"]


# ------------------------------------------------------------------- signing in


def test_signing_in_and_out(browser):
    """The header says who is signed in and for whom; afterwards the old cookie opens nothing."""
    one = browser("maker")
    page = one.get(f"/b/{PACK}").text
    assert "<b>maker</b>" in page
    assert f"You are signed in for {sample.MAKER}." in page
    stolen = one.session
    assert one.send("/sign-out").headers["location"] == "/"
    assert one.session is None
    assert "<b>maker</b>" not in one.get("/").text
    one.client.cookies.set("session", stolen)
    assert one.get("/account").headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("login", "path"), [("maker", "/workspace"), ("boss", "/accounts"), ("ministry", "/authority")]
)
def test_signing_in_leads_to_what_there_is_to_do(browser, login, path):
    """Members come to their work, an authority to its page, who looks after the registry to its accounts."""
    one = browser()
    place = one.sign_in(login).headers["location"]
    while (answer := one.get(place)).status_code == 303:
        place = answer.headers["location"]
    assert (place, answer.status_code) == (path, 200)


@pytest.mark.parametrize(("url", "name"), [(HOME, "session"), (AWAY, "__Host-session")])
def test_the_cookie_is_for_this_host_alone(browser, url, name):
    """No script reads it, no other site sends it along, and with TLS it never goes without."""
    one = browser(url=url)
    cookies = one.sign_in("maker").headers.get_list("set-cookie")
    [cookie] = [value for value in cookies if value.startswith(f"{name}=")]
    flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert ("secure" in flags) is (url == AWAY)
    assert not any(flag.startswith(("domain", "expires", "max-age")) for flag in flags)
    assert one.get("/account").headers["cache-control"] == "no-store"


def test_the_theme_leaves_the_cookies_alone(browser):
    """A page that is asked for in another theme still keeps the form's cookie."""
    kept = browser().get("/sign-in?theme=dark").headers.get_list("set-cookie")
    assert [one.partition("=")[0] for one in kept] == ["form", "theme"]


def test_a_session_cannot_be_fixed(browser):
    """What an attacker put into the browser beforehand is no session afterwards, be it theirs or invented."""
    theirs = browser("recycler").session
    for planted in ("invented", theirs):
        one = browser()
        one.client.cookies.set("session", planted, domain="127.0.0.1")
        one.sign_in("maker")
        assert one.session != planted
        attacker = browser()
        attacker.client.cookies.set("session", planted, domain="127.0.0.1")
        assert attacker.get("/account").status_code == 303


def test_nobody_is_signed_in_by_somebody_else(browser):
    """A sign-in form without this browser's own token is refused: nobody works under another's login."""
    one, other = browser(), browser()
    foreign = other.form("/sign-in")
    one.form("/sign-in")
    for csrf in ("", foreign, "é"):
        fields = {"csrf": csrf, "login": "maker", "password": CHOSEN}
        assert one.client.post("/sign-in", data=fields).status_code == 403
    fields = {"csrf": one.form("/sign-in"), "login": "maker", "password": CHOSEN}
    sent = one.client.post("/sign-in", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    assert one.session is None


def test_without_tls_nothing_secret_is_taken(browser, accounts):
    """From another machine over plain HTTP: no form, no sign-in, no token, and a word on why."""
    one = browser(url="http://registry.example")
    page = one.get("/sign-in")
    assert "did not come over TLS" in page.text
    assert 'type="password"' not in page.text
    sent = one.client.post("/sign-in", data={"login": "maker", "password": CHOSEN})
    assert (sent.status_code, one.session) == (403, None)
    reading = bearer(token(accounts, "maker", "read"))
    assert rule(one.client.get(f"/b/{PACK}", headers=reading)) == "access.tls"


@pytest.mark.parametrize(
    "host", ["127.0.0.1.evil.example", "evil.example:8000", "[::1", "", "a@b@127.0.0.1.x"]
)
def test_a_host_header_does_not_make_a_page_private(browser, host):
    """Only the names of this machine do; what does not read does not."""
    page = browser().get("/sign-in", Host=host)
    assert 'type="password"' not in page.text


def test_brute_force_is_locked_out(browser, app):
    """Ten wrong ones, then the right one is refused too; headers that claim other addresses do not help."""
    app.state.accounts.add("victim", sample.MAKER, "member", Actor())
    right = app.state.accounts.reset("victim", Actor())
    one = browser()
    for number in range(PER_LOGIN):
        csrf = one.form("/sign-in")
        sent = one.client.post(
            "/sign-in",
            data={"csrf": csrf, "login": " VICTIM ", "password": f"guess {number}"},
            headers={"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"},
        )
        assert sent.status_code == 401
    locked = one.sign_in("victim", right)
    assert locked.status_code == 429
    assert "quarter of an hour" in locked.text
    nobody = [one.sign_in("no-such-login", "x") for _ in range(PER_LOGIN + 1)]
    assert [answer.status_code for answer in nobody] == PER_LOGIN * [401] + [429]


def test_unknown_wrong_and_shut_are_answered_alike(browser, app):
    """The same status, words and headers, so that logins cannot be collected."""
    app.state.accounts.add("shut", sample.MAKER, "member", Actor())
    right = app.state.accounts.reset("shut", Actor())
    app.state.accounts.disable("shut", Actor())
    told = set()
    for login, password in (("maker", "wrong"), ("nobody-here", "wrong"), ("shut", right)):
        answer = browser().sign_in(login, password)
        body = re.sub(r'value="[^"]*"', "", answer.text)
        told.add((answer.status_code, body, tuple(sorted(answer.headers.keys()))))
    assert len(told) == 1


@pytest.mark.parametrize("login", ["\0", "' or 1=1 --", "x" * 10_000, "王", "../../admin", "%00"])
def test_odd_logins_are_wrong_and_nothing_else(browser, login):
    """They break nothing and are no markup."""
    answer = browser().sign_in(login, "\0")
    assert answer.status_code in {401, 429}
    assert "Traceback" not in answer.text
    attack = browser().sign_in('"><script>alert(1)</script>', "x")
    assert "<script>alert" not in attack.text


def test_a_one_time_password_leads_to_its_change(browser, app):
    """Until it is changed the account sees what the public sees, and can do nothing."""
    accounts = app.state.accounts
    accounts.add("fresh", sample.MAKER, "administrator", Actor())
    one = browser()
    password = accounts.reset("fresh", Actor())
    one.sign_in("fresh", password)
    for path in ("/account", "/accounts", "/accounts/trail"):
        assert one.get(path).headers["location"] == "/account/password"
    assert one.json(f"/b/{PACK}/history") == browser().json(f"/b/{PACK}/history")
    csrf = one.form("/account/password")
    assert rule(
        one.client.post("/reports", content=b"{}\n", headers=LINES | {"Accept": "*/*", "X-CSRF-Token": csrf})
    )
    made = one.client.post("/account/tokens", data={"csrf": csrf, "name": "x", "scope": "read", "days": "1"})
    assert made.status_code == 403
    wrong = {"old": password, "new": CHOSEN, "again": "another one entirely"}
    assert one.send("/account/password", "/account/password", **wrong).status_code == 400
    before = one.session
    right = {"old": password, "new": CHOSEN, "again": CHOSEN}
    assert one.send("/account/password", "/account/password", **right).headers["location"] == "/workspace"
    assert one.session != before
    assert "fresh" in one.get("/accounts").text


# ------------------------------------------------------------------------ forms

FORMS = [
    ("/technology/tests/new/send", {"model": "MODEL-1", "stage": "laboratory", "do": "report"}),
    ("/technology/tests/grant/send", {"model": "MODEL-1", "stage": "laboratory", "do": "report"}),
    ("/recycling/run/report", {"process": "leach", "do": "check"}),
    ("/sign-out", {}),
    ("/account/password", {"old": CHOSEN, "new": "another good password", "again": "another good password"}),
    ("/account/tokens", {"name": "x", "scope": "read", "days": "1"}),
    ("/account/tokens/revoke", {"token": "1"}),
    ("/account/sessions/end", {}),
    ("/account/identity/end", {"issuer": "https://id.example"}),
    ("/accounts/add", {"login": "intruder", "organisation": sample.MAKER, "role": "administrator"}),
    ("/accounts/reset", {"login": "maker"}),
    ("/accounts/disable", {"login": "maker"}),
    ("/grants/give", {"organisation": sample.MAKER, "audience": "holder", "codes": PACK, "days": "1"}),
    ("/grants/end", {"grant": "1"}),
    ("/owner/tokens", {"vin": "LSVAA4187E2184847"}),
    ("/recalls/report", {"campaign": "R-INTRUDER"}),
    ("/recalls/acknowledge", {"campaign": "R-INTRUDER"}),
    ("/workspace/webhooks/add", {"url": "https://intruder.example", "type": "battery.event"}),
    ("/workspace/webhooks/test", {"webhook": "1"}),
    ("/workspace/webhooks/rotate", {"webhook": "1"}),
    ("/workspace/webhooks/pause", {"webhook": "1"}),
    ("/workspace/webhooks/resume", {"webhook": "1"}),
    ("/workspace/webhooks/retry", {"webhook": "1"}),
    ("/workspace/webhooks/delete", {"webhook": "1", "sure": "yes"}),
    ("/workspace/platform/on", {"adapter": "files"}),
    ("/workspace/platform/off", {}),
    ("/workspace/platform/rotate", {}),
    ("/workspace/incoming/receive", {"code": PACK}),
    ("/workspace/files/{number}/read", {"kind": "manufactured"}),
    ("/workspace/files/{number}/mend", {"cell.2.0": "x"}),
    ("/workspace/files/{number}/leave-out", {"all": "1"}),
    ("/workspace/files/{number}/remove", {}),
    ("/scan/report", {"code": PACK, "kind": "measured", "soh_fraction": "90"}),
    ("/authority/missing/terms/choose", {"kind": "late", "term_days": "1", "percent": "5", "why": "x"}),
    ("/requests/ask", {"model": "M", "part": "intruder", "point": "mass_kg"}),
    ("/followed/add", {"code": PACK}),
    ("/followed/end", {"code": PACK}),
    ("/followed/seen", {"upto": "1"}),
    ("/stations/plan/reserve", {"key": "intruder", "site": "S-1"}),
    ("/outlets/check", {"site": "S-1", "found": "yes"}),
    ("/outlets/refused", {"site": "S-1", "code": PACK, "said": "x"}),
    ("/outlets/refusals/take-up", {"refusal": "1"}),
    ("/rules/set", {"rule": "o73-06", "value": "30", "unit": "day", "source": "intruder"}),
    ("/rules/end", {"setting": "1"}),
    ("/outlook/series/take-back", {"file": "1"}),
]
# Forms of who has no session: they are tied to the browser, or to the token that it keeps.
WITHOUT_SESSION = {"/sign-in", "/owner/show", "/owner/pass-on", "/owner/leave"}


def test_every_form_is_on_the_list(app):
    """Whoever adds a form that changes something adds it to FORMS, or to the routes that need none."""
    posts = {path for route in app.routes if "POST" in route.methods for path in [route.path_format]}
    # Those are tried in test_applications.py, test_recalls.py and test_files.py.
    elsewhere = {"/register/apply", "/register/{reference}/account", "/applications/{number}/refuse"}
    elsewhere |= {
        "/recalls/open",
        "/rules/file",
        "/documents",
        "/passports/import",
        "/authority/missing/sightings/take",
        "/outlook/series/add",
    }  # in parts, as files come
    elsewhere |= {"/workspace/files", "/workspace/files/{number}/record"}  # in test_files.py: tokens may, too
    batches = ("make", "answer", "take-back", "again", "accept")  # in test_platform.py: tokens may, too
    elsewhere |= {f"/workspace/platform/{one}" for one in batches} | {"/workspace/eu-registry/again"}
    needing_none = WITHOUT_SESSION | {"/sign-in/link/confirm", "/reports", "/report", "/checks"}
    elsewhere |= {f"/requests/{{number}}/{one}" for one in ("accept", "return", "withdraw", "link")}
    # in test_suppliers.py: who has a supplier's link has no session
    needing_none |= {
        "/answers",
        *(f"/answers/{one}" for one in ("show", "leave", "save", "files", "workbook")),
    }
    elsewhere |= {"/stations/reservations/{number}/cancel"}  # in test_dispatch.py: tokens may, too
    elsewhere |= {"/b/{code}/decision/report"}  # in test_decisions.py
    # in test_technology_forms.py: two take files, and one shows without reporting
    elsewhere |= {"/technology/cycler/look", "/technology/tests/report/send"}
    # The header has a session's token: in test_dispatch.py and test_stations.py.
    needing_none |= {"/stations/plan", "/stations/reservations", "/stations/{site}/state"}
    needing_none |= {"/labels/make", "/scan/photo"}  # nothing is changed
    needing_none |= {"/epcis/capture", "/epcis/events"}  # as /reports: the header has a session's token
    needing_none |= {"/v1/dpps", "/v1/dppsByProductIds"}  # not offered; nothing is changed
    assert posts - {path for path, _ in FORMS} == needing_none | elsewhere


@pytest.mark.parametrize(("path", "fields"), FORMS)
def test_a_form_needs_its_token(browser, path, fields):
    """Without it, with another session's, twice, or from another site: refused, and nothing done."""
    one, other = browser("boss"), browser("boss")
    mine, foreign = one.form(), other.form()
    for csrf in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": [mine, mine]}, {"csrf": mine.upper()}):
        assert one.client.post(path, data=csrf | fields).status_code == 403, csrf
    for headers in (
        {"X-CSRF-Token": mine},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        data = fields if "X-CSRF-Token" in headers else fields | {"csrf": mine}
        assert one.client.post(path, data=data, headers=headers).status_code == 403
    assert one.get("/account").status_code == 200
    assert "intruder" not in one.get("/accounts").text


@pytest.mark.parametrize(("path", "fields"), FORMS)
def test_a_form_needs_a_session(browser, accounts, path, fields):
    """Nobody, and no token: tokens neither look after accounts nor make further tokens."""
    one = browser()
    assert one.client.post(path, data=fields, headers={"Accept": "*/*"}).status_code == 401
    headers = bearer(token(accounts, "boss", "read", "report"))
    assert one.client.post(path, data=fields, headers=headers).status_code == 401
    assert one.get(path).status_code in {303, 405}


@pytest.mark.parametrize("path", ["/accounts/add", "/accounts/reset", "/accounts/disable"])
def test_members_do_not_administer(browser, path):
    """Nor do they read who else may sign in, or the trail."""
    one = browser("maker")
    fields = {"login": "carmaker", "organisation": sample.MAKER, "role": "administrator"}
    assert one.send(path, **fields).status_code == 403
    for page in ("/accounts", "/accounts/trail", "/accounts?after=a"):
        assert one.get(page).status_code == 403
    browser("carmaker")


def test_administrators_make_reset_and_disable(browser, app):
    """The one-time password is shown once; who is disabled is out at once; all of it stands in the trail."""
    boss, worker = browser("boss"), browser()
    made = boss.send("/accounts/add", login="worker", organisation=sample.MAKER, role="member").text
    password = re.search(r'class="secret mono">([^<]*)<', made)[1]
    assert password not in boss.get("/accounts").text
    assert worker.sign_in("worker", password).status_code == 303
    assert worker.get("/account/password").status_code == 200
    assert boss.send("/accounts/disable", login="worker").status_code == 303
    assert worker.get("/account/password").headers["location"] == "/sign-in"
    assert worker.sign_in("worker", password).status_code == 401
    assert boss.send("/accounts/disable", login="nobody").status_code == 404
    assert boss.send("/accounts/add", login="worker", organisation="x", role="member").status_code == 422
    trail = boss.get("/accounts/trail").text
    for words in ("account made", "account disabled", "signed in", "sign-in failed"):
        assert words in trail
    assert password not in trail


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_whole(browser, language):
    """One heading, no script at all, no inline style, no address of another host; in both languages."""
    boss = browser("boss")
    token_page = boss.send("/account/tokens", name="<b>x", scope="read", days="1")
    assert "&lt;b&gt;x" in token_page.text
    for path in ("/account", "/account/password", "/accounts", "/accounts/trail", "/sign-in"):
        page = boss.get(f"{path}?lang={language}")
        assert (page.status_code, page.text.count("<h1")) == (200, 1)
        assert "<script" not in page.text
        assert " style=" not in page.text
        for address in re.findall(r'(?:href|src|action)="([^"]*)"', page.text):
            assert re.match(r"[/#](?!/)", address), address


# ----------------------------------------------------------------------- tokens


def test_tokens_read_and_report_as_they_may(browser, accounts, app):
    """One that reads does not report; one that reports sees what the public sees; none opens a page."""
    reading, reporting = (bearer(token(accounts, "small", one)) for one in ("read", "report"))
    client, path = browser().client, f"/b/{sample.pack(71)}/history"
    line = sample.first_life(sample.pack(71))[0] + b"\n"
    refused = client.post("/reports", content=line, headers=LINES | reading)
    assert (refused.status_code, rule(refused)) == (403, "access.scope")
    receipt = client.post("/reports", content=line, headers=LINES | reporting)
    assert receipt.json()["accepted"] == [0]
    assert client.post("/reports", content=line, headers=LINES | reporting).content == receipt.content
    public = browser().json(path)
    assert client.get(path, headers=reporting).json() == public
    assert client.get(path, headers=reading).json() != public
    assert client.get("/account", headers=reading).status_code == 401


def test_tokens_that_are_none(browser, accounts):
    """Stolen and revoked, expired, cut, doubled, or a session's secret: 401, on reading too."""
    maker = browser("maker")
    page = maker.send("/account/tokens", name="line", scope=["read", "report"], days="7").text
    secret = html.unescape(re.search(r'class="secret mono">([^<]*)<', page)[1])
    client, path = browser().client, f"/b/{PACK}"
    assert client.get(path, headers=bearer(secret)).status_code == 200
    assert secret not in maker.get("/account").text
    number = re.search(r'name="token" value="(\d+)"', maker.get("/account").text)[1]
    assert browser("carmaker").send("/account/tokens/revoke", token=number).status_code == 404
    assert client.get(path, headers=bearer(secret)).status_code == 200
    assert maker.send("/account/tokens/revoke", token=number).status_code == 303
    expired = token(accounts, "maker", "read")
    with accounts._database.pool.connection() as connection:
        connection.execute("update account_token set expires_at = now() where revoked_at is null")
    good = token(accounts, "maker", "read")
    for wrong in (secret, expired, good[:-1], good + "x", "", "x" * 9000, maker.session):
        for method, where in (("get", path), ("post", "/reports")):
            answer = client.request(method, where, headers=bearer(wrong) | LINES)
            assert (answer.status_code, rule(answer)) == (401, "access.token"), wrong
    twice = [("Authorization", f"Bearer {good}")] * 2 + [("Accept", "*/*")]
    assert client.get(path, headers=twice).status_code == 401
    # one that is wrong is not mended by a cookie
    assert maker.client.get(path, headers=bearer(secret)).status_code == 401


def test_no_route_tells_a_stolen_token_anything(browser):
    """Sessions in the place of tokens, tokens in the cookie, in the address: nothing."""
    one = browser()
    one.client.cookies.set("session", "voltrail_x", domain="127.0.0.1")
    assert one.json(f"/b/{PACK}?token=x&session=y&organisation={sample.MAKER}") == browser().json(
        f"/b/{PACK}"
    )
    for name in ("X-User", "X-Organisation", "X-Forwarded-User", "Remote-User", "X-Original-URL"):
        assert browser().get(f"/b/{PACK}/history", **{name: "boss"}).json() == browser().json(
            f"/b/{PACK}/history"
        )


@pytest.mark.parametrize(
    "path",
    [
        "//accounts",
        "/accounts/",
        "/accounts/.",
        "/Accounts",
        "/accounts/../accounts",
        "/%61ccounts",
        "/accounts;x",
    ],
)
def test_odd_paths_open_nothing(browser, path):
    """However the address of the administrators' page is written, nobody else reads it."""
    answer = browser("maker").get(HOME + path)
    assert answer.status_code in {303, 307, 308, 403, 404}
    assert "carmaker" not in answer.text


# -------------------------------------------------------------------- reporting


def test_plain_lines_are_signed_by_the_host(browser, registry, app):
    """From the page, as the organisation of who is signed in; checking records nothing."""
    small = browser("small")
    csrf = small.form("/report")
    lines = b"".join(one + b"\n" for one in sample.first_life(sample.pack(72)))
    before = registry.counts()["reports"]

    def sent(do, csrf=csrf, by=small):
        return by.client.post("/report", files={"file": ("day.jsonl", lines)}, data={"do": do, "csrf": csrf})

    assert "All 2 lines would be taken" in sent("check").text
    assert sent("send", "").status_code == sent("send", browser("small").form()).status_code == 403
    assert sent("send", csrf, browser()).status_code == 401
    assert registry.counts()["reports"] == before
    page = sent("send")
    assert "All 2 lines are on record" in page.text
    receipt = b64decode(re.search(r'receipt.json" href="data:[^;]+;base64,([^"]+)"', page.text)[1])
    assert json.loads(receipt)["accepted"] == [0, 1]
    assert {
        one["reporter"] for one in registry.history(sample.pack(72), reader=Reader("auditor"))["events"]
    } == {SMALL}
    assert "report.sent" in [one.action for one in app.state.accounts.trail()[0]]


def test_programs_with_a_cookie_need_the_forms_token(browser):
    """A cookie alone reports nothing, so that no other site can have a browser report."""
    small = browser("small")
    line = sample.first_life(sample.pack(73))[0] + b"\n"
    headers = LINES | {"Accept": "*/*"}
    assert rule(small.client.post("/reports", content=line, headers=headers)) == "access.form"
    assert rule(browser().client.post("/reports", content=line, headers=headers)) == "access.sign_in"
    headers["X-CSRF-Token"] = small.form()
    assert small.client.post("/reports", content=line, headers=headers).json()["accepted"] == [0]


@pytest.mark.parametrize(
    ("login", "line"),
    [
        ("maker", sample.registrations(sample.MAKER, "battery_maker")[2]),
        (
            "maker",
            sample.line("key_revoked", "2026-05-02T08:00:00Z", organisation=sample.MAKER, key_id="line-1"),
        ),
        ("ministry", sample.registrations(sample.RECYCLER, "authority")[1]),
        ("boss", sample.first_life(sample.pack(74))[0]),
    ],
)
def test_a_sign_in_says_nothing_about_who_is_who(browser, accounts, registry, login, line):
    """Keys and roles need a key; an authority and the host have no power by password, over no road."""
    before = registry.counts()
    headers = LINES | bearer(token(accounts, login, "report"))
    answer = browser().client.post("/reports", content=line + b"\n", headers=headers)
    assert (answer.status_code, rule(answer)) == (403, "access.key")
    one = browser(login)
    data = {"do": "send", "csrf": one.form()}
    assert one.client.post("/report", files={"file": ("a", line + b"\n")}, data=data).status_code == 403
    assert registry.counts() == before


def test_who_signs_alone_is_not_signed_for(browser, accounts):
    """A key that does not let the host sign stands: a stolen password reports nothing for its owner."""
    line = sample.first_life(sample.pack(76))[0] + b"\n"
    answer = browser().client.post(
        "/reports", content=line, headers=LINES | bearer(token(accounts, "maker", "report"))
    )
    assert (answer.status_code, rule(answer)) == (422, "report.host_may_not")


def test_a_correction_hides_no_key(browser, accounts):
    """Nor is a key added by correcting something else into it."""
    key = sample.registrations(SMALL, "battery_maker")[2].decode()
    line = sample.line("corrected", "2026-05-02T08:00:00Z", organisation=SMALL, corrects=1, line=key) + b"\n"
    answer = browser().client.post(
        "/reports", content=line, headers=LINES | bearer(token(accounts, "small", "report"))
    )
    assert answer.status_code == 403 or answer.json()["accepted"] == []


def test_checks_tell_a_sign_in_nothing_of_others(browser, accounts):
    """Where a battery is cannot be asked without a trace; only authorities are told in full."""
    line = sample.line("received", "2026-06-03T10:00:00+08:00", code=PACK).decode()

    def told(organisation, headers):
        asked = {"organisation": organisation, "lines": [line]}
        return browser().client.post("/checks", json=asked, headers=headers).json()

    public = told(sample.RECYCLER, {"Accept": "*/*"})
    assert public["scope"] == "public"
    for scopes in (["read"], ["report"], ["read", "report"]):
        assert told(sample.RECYCLER, bearer(token(accounts, "recycler", *scopes))) == public
    full = told(sample.RECYCLER, bearer(token(accounts, "ministry", "read")))
    assert full["scope"] == "authority_cn"
    assert "LSVAA4187E2184847" in json.dumps(full)
    one = browser("small")
    files, data = {"file": ("a", line.encode() + b"\n")}, {"do": "check", "csrf": one.form()}
    assert "LSVAA4187E2184847" not in one.client.post("/report", files=files, data=data).text


# ------------------------------------------------------------------ who sees what

READERS = {
    None: Reader(),
    "maker": Reader(organisation=sample.MAKER),
    "carmaker": Reader(organisation=sample.CARMAKER),
    "recycler": Reader(organisation=sample.RECYCLER),
    "boss": Reader(organisation=f"{sample.ORIGIN}/host"),
    "ministry": Reader("authority_cn"),
}


def eyes_for(reader, reporter):
    """Return the eyes of a reader who has nothing to do with the battery but what it reported itself."""
    return Sight(reader).event("installed", 0, 0, reporter)


def sight_of(reader, events):
    """Return a reader's sight of PACK: the car maker holds it, since it received it."""
    if reader.organisation != sample.CARMAKER:
        return Sight(reader)
    received = next(event for event in events if event["kind"] == "received")
    return Sight(reader, (Standing("holder", Since(received["index"], 2**60)),))


def test_readers_are_the_public_but_for_their_own():
    """Every member of every kind: one's own event is its reporter's, no other."""
    mine = Reader(organisation=sample.MAKER)
    for kind in STRUCTS:
        for member in STRUCTS[kind].__struct_fields__:
            assert eyes_for(mine, sample.MAKER).see(kind, member) == may_see("reporter", kind, member)
            assert eyes_for(mine, sample.CARMAKER).see(kind, member) == may_see("public", kind, member)


@pytest.mark.parametrize("login", READERS)
def test_each_output_shows_each_reader_what_the_table_says(browser, registry, login):
    """Member by member: history, event, evidence; attribute by attribute: battery, lists, family."""
    one, reader = browser(login), READERS[login]
    reporters = {
        event["index"]: event["reporter"]
        for event in registry.history(PACK, reader=Reader("auditor"))["events"]
    }
    history = one.json(f"/b/{PACK}/history")["events"]
    sight = sight_of(reader, history)
    eyes_at = {
        event["index"]: sight.event(event["kind"], event["index"], 0, reporters[event["index"]])
        for event in history
    }
    assert len(history) == len(reporters) >= 5
    for event in history:
        eyes = eyes_at[event["index"]]
        for member in event["members"]:
            assert eyes.see(event["kind"], member), (event["kind"], member)
        for member in set(event["withheld"]) - {"reporter"}:
            assert not eyes.see(event["kind"], member), (event["kind"], member)
        assert (event["reporter"] is not None) == eyes.see(BATTERY, "reporter")
    for given in json.loads(one.get(f"/b/{PACK}/evidence").content)["events"]:
        kind = next(event["kind"] for event in history if event["index"] == given["index"])
        told = one.json(f"/b/{PACK}/events/{given['index']}")["event"]
        assert told["members"] == given["members"]
        for member in given["members"]:
            if "member" in member:
                name = next(iter(json.loads("{" + member["member"] + "}")))
                assert eyes_at[given["index"]].see(kind, name)
        withheld = next(event["withheld"] for event in history if event["index"] == given["index"])
        assert sum("withheld" in m for m in given["members"]) == len(set(withheld) - {"reporter"})
    battery = one.json(f"/b/{PACK}")
    for attribute in set(ATTRIBUTES) - {"findings", "reporter"}:
        shown = sight.state().see(BATTERY, attribute)
        assert (attribute in battery, attribute in battery["withheld"]) == (shown, not shown)
    listed = one.client.get("/batteries?place=in_vehicle", headers={"Accept": "*/*"})
    assert listed.status_code == (200 if login == "ministry" else 403)
    for row in one.json("/batteries")["batteries"]:
        assert ("place" in row) == (login == "ministry")
    family = one.get(f"/b/{PACK}/genealogy", Accept="*/*").json()
    assert ("parent" in family) == may_see(reader.audience, BATTERY, "parent")


def test_somebody_elses_battery_stays_theirs(browser, registry):
    """A member sees no vehicle, no receiver and no note of what others reported, on no page."""
    secrets = {
        "carmaker": [],
        "maker": ["LSVAA4187E2184847", "秘密"],
        "recycler": ["LSVAA4187E2184847", "秘密"],
    }
    for login, hidden in secrets.items():
        one = browser(login)
        index = [event["index"] for event in one.json(f"/b/{PACK}/history")["events"]]
        pages = ["", "/history", "/genealogy", *(f"/events/{number}" for number in index)]
        text = "".join(one.get(f"/b/{PACK}{page}").text for page in pages)
        for word in hidden:
            assert word not in text, (login, word)
    assert "LSVAA4187E2184847" in browser("carmaker").get(f"/b/{PACK}").text


def test_nobody_sees_what_was_before_by_reporting_that_they_have_it(browser, registry):
    """Who claims to hold a battery, truly or not, sees from then on where it is, and nothing of before."""
    code = sample.pack(75)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(code)))
    registry.report(
        sample.report(sample.signer(sample.CARMAKER), sample.fitted(code, vin="LSVAA4187E2184999"))
    )
    claim = sample.line("received", "2026-06-01T10:00:00+08:00", code=code, site="S-1")
    receipt = registry.report(sample.report(sample.signer(sample.RECYCLER), [claim]))
    one = browser("recycler")
    told = one.json(f"/b/{code}/history")["events"]
    assert next(event["members"]["site"] for event in told if event["kind"] == "received") == "S-1"
    assert one.json(f"/b/{code}")["holder"] == sample.RECYCLER
    for path in (
        f"/b/{code}",
        f"/b/{code}/history",
        f"/b/{code}/evidence",
        f"/b/{code}?as_of=2026-05-01T00:00:00Z",
    ):
        for accept in (HTML["Accept"], "application/json"):
            assert "LSVAA4187E2184999" not in one.get(f"/b/{code}{path}", Accept=accept).text
    assert b"LSVAA4187E2184999" not in receipt
    assert sample.CARMAKER.encode() not in receipt


def test_answers_are_kept_by_no_cache(browser):
    """What one reader is shown is never given to another."""
    one = browser("ministry")
    for path in (f"/b/{PACK}", f"/b/{PACK}/history", f"/b/{PACK}/evidence", "/batteries", "/account"):
        assert one.get(path).headers["cache-control"] == "no-store"


# ------------------------------------------------------------------ a real server


def test_a_real_server_counts_guesses_over_sockets(app, accounts):
    """As served, with uvicorn between: forms and lock-out hold, whatever address a header claims."""
    accounts.add("socket", sample.MAKER, "member", Actor())
    right = accounts.reset("socket", Actor())
    port = free_port()
    with (
        running(app, port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HTML) as client,
    ):
        answers = []
        for number in range(PER_LOGIN + 1):
            csrf = re.search(r'name="csrf" value="([^"]*)"', client.get("/sign-in").text)[1]
            password = right if number == PER_LOGIN else "wrong"
            data = {"csrf": csrf, "login": "socket", "password": password}
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            answers.append(client.post("/sign-in", data=data, headers=headers).status_code)
        assert answers == PER_LOGIN * [401] + [429]
        report = client.post("/reports", content=b"x", headers={"Content-Type": MEDIA_TYPE, "Accept": "*/*"})
        assert report.status_code == 400
