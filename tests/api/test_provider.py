"""Signing in through an identity provider: a browser, a served registry and a provider, over real sockets."""

import json
import re
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from argon2 import PasswordHasher

from tests.api.conftest import HTML, running
from tests.browser.serving import free_port
from tests.connections.provider import CLIENT, SECRET, Key, SmallProvider
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.attempts import PER_ADDRESS
from voltrail.accounts.trail import Actor
from voltrail.api import create_app

CHOSEN = "four words nobody guesses"


@pytest.fixture(scope="module", autouse=True)
def quick_hashes():
    """The same algorithm with less memory."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        yield


@pytest.fixture(scope="module")
def served():
    with SmallProvider() as one:
        yield one


@pytest.fixture(scope="module")
def site(registry, served):
    """The registry, with that provider in its folder, served."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    members = {"name": "Example", "issuer": served.issuer, "client_id": CLIENT, "client_secret": SECRET}
    path = registry.data / "oidc.json"
    path.write_text(json.dumps({**members, "address": url}))
    path.chmod(0o600)
    app = create_app(registry)
    with running(app, port):
        yield app, url


@pytest.fixture
def small(served, site):
    """An honest provider; nothing is linked, nothing counted."""
    served.reset()
    served.keys = [Key()]
    with site[0].state.accounts._database.pool.connection() as connection:
        connection.execute("delete from account_identity")
        connection.execute("delete from sign_in_attempt")
        connection.execute("delete from provider_sign_in")
    return served


@pytest.fixture
def accounts(site):
    """Two members, and what looks after them."""
    accounts = site[0].state.accounts
    with accounts._database.pool.connection() as connection:
        (there,) = connection.execute("select count(*) from account").fetchone()
    for login in () if there else ("wang", "zhao"):
        password = accounts.add(login, sample.MAKER, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
    return accounts


class Browser:
    """A browser of its own, with its own cookies."""

    def __init__(self, url, small):
        self.small, self.url = small, url
        self.client = httpx.Client(base_url=url, headers=HTML | {"Accept-Language": "en"})

    def get(self, path):
        return self.client.get(path)

    def form(self, path):
        return re.search(r'name="csrf" value="([^"]*)"', self.get(path).text)[1]

    def send(self, path, page, **fields):
        return self.client.post(path, data={"csrf": self.form(page)} | fields)

    def set_out(self):
        """Press the button; return where the provider sends this browser back to."""
        away = self.get("/sign-in/provider")
        assert away.status_code == 303, away.text
        return self.small.visit(away.headers["location"])

    def sign_in(self):
        return self.get(self.set_out())

    def link(self, login, password=CHOSEN):
        return self.send("/sign-in/link/confirm", "/sign-in/link", login=login, password=password)

    @property
    def login(self):
        """Return who is signed in."""
        found = re.search(r'class="who" href="[^"]*"><b>([^<]*)</b>', self.get("/").text)
        return found and found[1]


@pytest.fixture
def browser(site, small, accounts):
    """Return a function that opens a browser."""
    with ExitStack() as opened:

        def browser():
            one = Browser(site[1], small)
            opened.enter_context(one.client)
            return one

        yield browser


@pytest.fixture
def linked(browser):
    """A provider that signs in to the account wang."""
    one = browser()
    one.sign_in()
    assert one.link("wang").headers["location"] == "/workspace"
    return one


def rule(response):
    found = re.search(r'<span class="mono">((?:access|provider)[.]\w+)</span>|role="alert"', response.text)
    return found and found[1]


def said(response):
    return re.search(r'role="alert">(.*?)</div>', response.text, re.DOTALL)[1]


def deeds(accounts):
    return [(one.action, one.login) for one in accounts.trail()[0]]


# ------------------------------------------------------------------ as it should be


def test_first_time_and_every_time_after(browser, accounts, site):
    """The first time the account's password is asked for; from then on the provider is enough."""
    one = browser()
    assert "Sign in with Example" in one.get("/sign-in").text
    assert one.sign_in().headers["location"] == "/sign-in/link"
    page = one.get("/sign-in/link").text
    assert "wang@example" in page
    assert one.login is None
    assert one.link("wang").headers["location"] == "/workspace"
    assert one.login == "wang"
    assert "wang@example" in one.get("/account").text
    again = browser()
    assert again.sign_in().headers["location"] == "/workspace"
    assert again.login == "wang"
    assert deeds(accounts)[:3] == [
        ("sign_in.done", "wang"),
        ("identity.linked", "wang"),
        ("sign_in.done", "wang"),
    ]


def test_the_session_is_the_same(linked, browser):
    """The same cookie with the same flags, ended the same way; the one before in this browser ends."""
    one = browser()
    first = one.sign_in()
    [cookie] = [c for c in first.headers.get_list("set-cookie") if c.startswith("session=")]
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")[1:]}
    before = one.client.cookies["session"]
    one.sign_in()
    assert one.client.cookies["session"] != before
    other = browser()
    other.client.cookies.set("session", before)
    assert other.login is None
    assert one.send("/sign-out", "/account").status_code == 303
    assert one.login is None


def test_nobody_gets_an_account_from_a_provider(browser, accounts, small):
    """Nor one that is called alike: logins and addresses of the provider count for nothing."""
    small.person = {"sub": "stranger", "preferred_username": "wang", "email": "wang", "email_verified": True}
    one = browser()
    assert one.sign_in().headers["location"] == "/sign-in/link"
    assert one.get("/account").headers["location"] == "/sign-in"
    assert len(accounts.page()) == 2
    small.person = {"sub": "subject-1", "preferred_username": "wang@example"}


def test_the_link_ends(linked, browser, accounts):
    """By whoever it is of; then the provider is asked about anew."""
    page = linked.get("/account").text
    issuer = re.search(r'name="issuer" value="([^"]*)"', page)[1]
    assert linked.send("/account/identity/end", "/account", issuer=issuer).status_code == 303
    assert browser().sign_in().headers["location"] == "/sign-in/link"
    assert deeds(accounts)[0][0] == "identity.ended"


@pytest.mark.parametrize("act", ["disable", "reset"])
def test_an_administrator_shuts_it_too(linked, browser, accounts, act):
    """Who is disabled or reset is out at once, and the provider no longer opens the account."""
    accounts.add("other-boss", sample.MAKER, "administrator", Actor()) if len(accounts.page()) == 2 else None
    getattr(accounts, act)("wang", Actor())
    assert linked.login is None
    assert browser().sign_in().headers["location"] == "/sign-in/link"
    password = accounts.reset("wang", Actor())
    person = accounts.by_session(accounts.sign_in("wang", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")


def test_one_identity_one_account(linked, browser, small, accounts):
    """Neither is an identity linked twice, nor an account with two of one provider."""
    small.person = {"sub": "subject-2"}
    one = browser()
    one.sign_in()
    answer = one.link("wang")
    assert (answer.status_code, one.login) == (403, None)
    assert "already linked" in answer.text
    small.person = {"sub": "subject-1", "preferred_username": "wang@example"}


def test_a_new_account_is_led_to_its_password_first(browser, accounts, small):
    """Linked with a one-time password, it still has to be changed."""
    small.person = {"sub": "subject-3"}
    password = accounts.reset("zhao", Actor())
    one = browser()
    one.sign_in()
    assert one.link("zhao", password).status_code == 303
    assert one.get("/account").headers["location"] == "/account/password"
    again = browser()
    again.sign_in()
    assert again.get("/account").headers["location"] == "/account/password"
    small.person = {"sub": "subject-1", "preferred_username": "wang@example"}
    person = accounts.by_session(accounts.sign_in("zhao", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")


# ------------------------------------------------------------------------- attacked


def test_a_wrong_password_links_nothing(browser, accounts):
    """It is counted like at the sign-in."""
    one = browser()
    one.sign_in()
    for _ in range(10):
        assert one.link("wang", "wrong").status_code == 401
    assert one.link("wang").status_code == 429
    assert one.login is None


def test_a_form_of_another_browser_links_nothing(browser):
    """Nobody has his own identity linked to somebody else's account by sending them a form."""
    one, other = browser(), browser()
    one.sign_in()
    other.sign_in()
    foreign = other.form("/sign-in/link")
    for csrf in ("", foreign, "é"):
        fields = {"csrf": csrf, "login": "wang", "password": CHOSEN}
        assert one.client.post("/sign-in/link/confirm", data=fields).status_code == 403
    fields["csrf"] = one.form("/sign-in/link")
    crossed = {"Sec-Fetch-Site": "cross-site"}
    assert one.client.post("/sign-in/link/confirm", data=fields, headers=crossed).status_code == 403
    assert one.login is None


def test_an_answer_counts_once_and_in_its_own_browser(linked, browser):
    """Replayed, with another's state, without cookie, by somebody who saw the address: nothing."""
    one, thief = browser(), browser()
    back = one.set_out()
    cookie = one.client.cookies["errand"]
    for address in (back, re.sub(r"state=[^&]*", "state=x", back), re.sub(r"state=[^&]*&?", "", back)):
        assert rule(thief.get(address)) == "access.errand" or "not begun" in thief.get(address).text
    thief.set_out()
    assert thief.get(back).status_code == 403
    assert thief.login is None
    assert one.get(back).headers["location"] == "/workspace"
    replayed = browser()
    replayed.client.cookies.set("errand", cookie)
    answer = replayed.get(back)
    assert answer.status_code == 403
    assert "finished before" in answer.text
    assert replayed.login is None


def test_a_replay_is_refused_before_the_provider_is_asked(linked, browser, small):
    """Even by a provider that would take a code twice."""
    small.trusting = True
    one = browser()
    back = one.set_out()
    cookie = one.client.cookies["errand"]
    one.get(back)
    asked = len(small.asked)
    one.client.cookies.set("errand", cookie)
    assert one.get(back).status_code == 403
    assert len(small.asked) == asked


def test_a_stolen_code_in_another_browser(linked, browser, small):
    """Put into the thief's own sign-in, it has the wrong verifier and the wrong nonce."""
    for trusting in (False, True):
        small.trusting = trusting
        victim, thief = browser(), browser()
        stolen = parse_qs(urlsplit(victim.set_out()).query)["code"][0]
        own = re.sub(r"code=[^&]*", f"code={stolen}", thief.set_out())
        assert thief.get(own).status_code in {403, 502}
        assert thief.login is None


def test_nobody_is_signed_in_as_the_attacker(linked, browser):
    """A link with the attacker's own answer does nothing in the browser of whoever follows it."""
    attacker, victim = browser(), browser()
    address = attacker.set_out()
    assert victim.get(address).status_code == 403
    assert victim.login is None


def test_it_takes_ten_minutes_at_most(linked, browser, accounts):
    """Both ways: at the provider, and until it is said whose account it is."""

    def late():
        with accounts._database.pool.connection() as connection:
            connection.execute("update provider_sign_in set expires_at = now()")

    one = browser()
    back = one.set_out()
    late()
    assert one.get(back).status_code == 403
    with accounts._database.pool.connection() as connection:
        connection.execute("delete from account_identity")
    one.sign_in()
    late()
    assert one.get("/sign-in/link").status_code == 403
    fields = {"csrf": "x", "login": "wang", "password": CHOSEN}
    assert one.client.post("/sign-in/link/confirm", data=fields).status_code == 403


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"iss": "https://other.example"}, "Another provider"),
        ({"code": "x" * 5000}, "not begun"),
        ({"code": None}, "not begun"),
        ({"code": "wrong"}, "does not take"),
        ({"code": None, "error": "access_denied"}, "access_denied"),
        ({"error": "<script>alert(1)</script>"}, "an error"),
    ],
)
def test_odd_answers_are_said_and_nothing_else(linked, browser, change, word):
    """In words, on the page to sign in, without markup of others."""
    one = browser()
    address = urlsplit(one.set_out())
    query = {name: value[0] for name, value in parse_qs(address.query).items()} | change
    answer = one.client.get(address.path, params={n: v for n, v in query.items() if v is not None})
    assert answer.status_code in {403, 502}
    assert word in said(answer)
    assert "<script>" not in answer.text
    assert one.login is None
    assert one.get("/sign-in").status_code == 200


def test_a_parameter_that_stands_there_twice_is_none(linked, browser):
    """Neither the first nor the last is chosen."""
    one = browser()
    back = one.set_out()
    assert one.get(f"{back}&code=x").status_code == 403
    assert one.login is None


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"claims": {"aud": "other"}}, 502),
        ({"header": {"alg": "none"}, "sign": lambda key, data: b""}, 502),
        ({"claims": {"nonce": "x"}}, 502),
        ({"ahead_s": -7200}, 502),
        ({"answers": {"/token": (500, b"")}}, 502),
        ({"claims": {"iss": "https://other.example"}}, 502),
    ],
)
def test_lies_sign_nobody_in(linked, browser, small, wrong, status):
    """As tests/connections has them all: here, that the page says so and no session begins."""
    for name, value in wrong.items():
        setattr(small, name, value)
    one = browser()
    answer = one.sign_in()
    assert answer.status_code == status
    assert said(answer)
    assert one.login is None


def test_a_key_that_was_rotated_signs_in(linked, browser, small):
    """Without a restart."""
    small.keys = [Key(), Key("RS256")]
    one = browser()
    one.sign_in()
    assert one.login == "wang"


def test_a_provider_that_is_down_leaves_passwords(site, browser, small, monkeypatch):
    """The page says so, and the password still opens."""
    small.answers["/.well-known/openid-configuration"] = 500, b""
    site[0].state.provider._published = None
    one = browser()
    answer = one.get("/sign-in/provider")
    assert answer.status_code == 502
    assert "It answers 500" in answer.text
    assert one.send("/sign-in", "/sign-in", login="wang", password=CHOSEN).status_code == 303


def test_setting_out_is_counted(browser, accounts):
    """Nobody fills the database with sign-ins that never come back."""
    one = browser()
    for _ in range(PER_ADDRESS):
        one.get("/sign-in/provider")
    assert one.get("/sign-in/provider").status_code == 429
    with accounts._database.pool.connection() as connection:
        (there,) = connection.execute("select count(*) from provider_sign_in").fetchone()
    assert there == PER_ADDRESS


def test_nothing_secret_is_kept_or_told(linked, browser, accounts):
    """The database has hashes; the addresses have neither verifier nor cookie."""
    one = browser()
    away = one.get("/sign-in/provider").headers["location"]
    cookie = one.client.cookies["errand"]
    assert cookie not in away
    assert SECRET not in away
    with accounts._database.pool.connection() as connection:
        rows = connection.execute("select t::text from provider_sign_in t").fetchall()
    assert cookie not in str(rows)


def test_from_another_machine_without_tls_nobody_sets_out(site, browser):
    """The code would go over the network in the clear."""
    for path in ("/sign-in/provider", "/sign-in/provider/back"):
        answer = httpx.get(site[1] + path, headers=HTML | {"Host": "registry.example"})
        assert answer.status_code == 403
        assert "did not come over TLS" in answer.text
