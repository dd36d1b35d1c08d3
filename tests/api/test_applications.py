"""Applying for an organisation, deciding on it, changing one's own: how it goes, and how it is attacked."""

import html
import json
import re
from hashlib import sha256

import pytest

from tests.api.test_accounts import CHOSEN, HOME, Browser, quick_hashes  # noqa: F401 - a fixture
from tests.registry import sample
from voltrail.accounts.applications import MAX_ROLES, PER_ADDRESS, Asked, RoleAsked
from voltrail.accounts.trail import Actor
from voltrail.errors import AccessError
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import MEDIA_TYPE
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.membership import sites_of, told_of

KEYLESS = credit_code("91310115MA0000009")
LINES = re.compile(r'data-lines="([^"]*)"')
QUANTUM = Signer.generate(f"{sample.MAKER}/pq", "ml-dsa-44")
HOSTILE = "</pre><script>alert(1)</script>'\"&"


@pytest.fixture(scope="module")
def accounts(app, registry):
    """Who signs in: the authority, a maker with a key, and an organisation that has none."""
    lines = sample.registrations(KEYLESS, "carrier")[:2]
    assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
    accounts = app.state.accounts
    for login, organisation, role in (
        ("ministry", sample.AUTHORITY, "member"),
        ("boss", f"{sample.ORIGIN}/host", "administrator"),
        ("maker", sample.MAKER, "member"),
        ("keyless", KEYLESS, "member"),
    ):
        password = accounts.add(login, organisation, role, Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        accounts.change_password(person, password, CHOSEN, "setup")
    return accounts


@pytest.fixture(autouse=True)
def room(accounts):
    """Each test begins with no attempts counted, and no application from this address within the hour."""
    with accounts._database.pool.connection() as connection:
        connection.execute("delete from sign_in_attempt")
        connection.execute("update application set made_at = made_at - interval '2 hours'")


@pytest.fixture
def browser(app, accounts):
    """Return a function that opens a browser, signed in or not."""

    def opened(login=None):
        one = Browser(app, HOME)
        if login:
            assert one.sign_in(login).status_code == 303
        return one

    return opened


numbers = iter(range(100, 1000))


@pytest.fixture
def organisation():
    """An organisation that nobody has heard of."""
    return credit_code(f"91310115MA0000{next(numbers)}")


def asked(organisation, /, **changes):
    """Return the fields of a good application."""
    return {
        "organisation": organisation,
        "name": "示例换电公司",
        "country": "CN",
        "login": f"user-{organisation[-4:].lower()}",
        "role-1": "swap_operator",
        "evidence-1": "Permit 310115-2026-7",
        "since-1": "2026-05-01",
    } | changes


def apply(browser, organisation, /, files=None, **changes):
    """Send an application; return the answer."""
    fields = {"csrf": browser.form("/register")} | asked(organisation, **changes)
    files = files or {"file-3": ("", b"")}
    return browser.client.post("/register/apply", data=fields, files=files)


def applied(browser, organisation, /, **changes):
    """Apply; return the address under which the state is seen."""
    answer = apply(browser, organisation, **changes)
    assert answer.status_code == 303, said(answer)
    return answer.headers["location"]


def said(answer):
    """Return what a page says is wrong."""
    found = re.search(r'id="wrong">(.*?)</div>', answer.text, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])) if found else answer.text


def make_account(browser, address, login):
    """Press the button under an application's address, whether the page shows it or not."""
    fields = {"csrf": browser.form("/register"), "login": login}
    return browser.client.post(f"{address}/account", data=fields)


def number_of(app, organisation):
    return app.state.applications.of(organisation)[0].id


def lines_shown(page):
    """Return the lines that a page gives to be signed, as bytes."""
    return [one.encode() for one in json.loads(html.unescape(LINES.search(page.text)[1]))]


def sign(registry, client, lines, key=None):
    """Sign lines as the browser does, and hand them in over HTTP."""
    file = sample.report(key or sample.authority(), lines)
    return client.post("/reports?mode=all", content=file, headers={"Content-Type": MEDIA_TYPE})


def approve(app, registry, client, browser, organisation):
    """Have the authority sign what it is shown."""
    ministry = browser("ministry")
    page = ministry.get(f"/applications/{number_of(app, organisation)}")
    answer = sign(registry, client, lines_shown(page))
    assert answer.status_code == 200, answer.text
    return ministry


# ------------------------------------------------------------------------ the way


def test_from_an_application_to_an_account(app, registry, client, browser, organisation):
    """Applied, seen by the authority, signed, on record with evidence and dates; then the first sign-in."""
    key = sample.signer(organisation)
    permit = b"a scanned permit"
    one = browser()
    address = applied(
        one, organisation, files={"file-1": ("permit.pdf", permit)}, key=key.vkey, **{"until-1": "2030-05-01"}
    )
    assert "has not decided yet" in one.get(address).text
    ministry = approve(app, registry, client, browser, organisation)
    assert organisation in ministry.get("/applications").text
    assert "Approved, and on record" in browser().get(address).text

    found = registry.organisation(organisation)
    assert found["name"] == "示例换电公司"
    assert found["roles"] == [
        {"role": "swap_operator", "from": "2026-05-01T00:00:00+08:00", "until": "2030-05-01T00:00:00+08:00"}
    ]
    assert [one["key_id"] for one in found["keys"]] == ["line-1"]
    [role] = [told.event for told in told_of(registry, organisation) if told.event.kind == "role_granted"]
    assert role.evidence == f"Permit 310115-2026-7 sha256:{sha256(permit).hexdigest()}"

    made = make_account(one, address, "swapper")
    password = re.search(r'class="secret mono">([^<]+)', made.text)[1]
    assert one.sign_in("swapper", password).status_code == 303
    assert one.get("/account/organisation").headers["location"] == "/account/password"
    changed = one.send("/account/password", "/account/password", old=password, new=CHOSEN, again=CHOSEN)
    assert changed.status_code == 303
    page = one.get("/account/organisation").text
    assert "Permit 310115-2026-7" in page
    assert "line-1" in page


def test_the_trail_has_all_of_it(app, registry, client, browser, organisation):
    """Who applied, by which entries it was approved, who refused, whose account was made."""
    one = browser()
    address = applied(one, organisation)
    approve(app, registry, client, browser, organisation)
    make_account(one, address, f"trail-{organisation[-4:].lower()}")
    other = credit_code("91310115MA0000044")
    applied(browser(), other)
    browser("ministry").send(f"/applications/{number_of(app, other)}/refuse", reasons="No permit.")
    deeds, _ = app.state.accounts.trail()
    told = [(deed.action, deed.organisation, deed.address) for deed in deeds if "sign_in" not in deed.action]
    assert told[:5] == [
        ("application.refused", sample.AUTHORITY, "testclient"),
        ("application.made", None, "testclient"),
        ("account.made", None, "testclient"),
        ("application.approved", sample.AUTHORITY, "record"),
        ("application.made", None, "testclient"),
    ]
    entries = ", ".join(str(one.entry) for one in told_of(registry, organisation))
    assert any(str(deed.detail).endswith(f"entries {entries}") for deed in deeds)
    page = browser("boss").get("/accounts/trail").text
    assert "a signed report of" in page
    assert "an applicant" in page


def test_a_refusal_says_why(app, browser, organisation):
    """The applicant reads the reasons under the address; nothing is on record, and no account is made."""
    one = browser()
    address = applied(one, organisation)
    ministry = browser("ministry")
    path = f"/applications/{number_of(app, organisation)}"
    assert "missing" in said(ministry.send(f"{path}/refuse", reasons="  "))
    assert ministry.send(f"{path}/refuse", reasons="The permit <b>ended</b>\nin 2025.").status_code == 303
    assert "The permit &lt;b&gt;ended&lt;/b&gt; in 2025." in one.get(address).text
    assert not LINES.search(ministry.get(path).text)
    assert "decided meanwhile" in said(ministry.send(f"{path}/refuse", reasons="Once more."))
    assert "no account to be made" in said(make_account(one, address, "refused"))


# --------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"organisation": "91310115MA00000010"}, "check character"),
        ({"organisation": "9131O115MA0000001X"}, "Was 0 meant?"),
        ({"organisation": "5493001KJTIIGC8Y1R13"}, "check digits of LEI"),
        ({"organisation": "sample.example/log/host"}, "not the host of a registry"),
        ({"name": " "}, "The name is missing"),
        ({"name": "x" * 201}, "longer than 200"),
        ({"name": "a\u202egpj.exe"}, "cannot be printed"),
        ({"country": "China"}, "country"),
        ({"role-1": ""}, "Nothing is applied for"),
        ({"role-1": "authority"}, "cannot be applied for"),
        ({"role-1": "emperor"}, "cannot be applied for"),
        ({"role-2": "swap_operator", "evidence-2": "again"}, "Each role once"),
        ({"evidence-1": ""}, "The evidence is missing"),
        ({"evidence-1": "x" * 501}, "longer than 500"),
        ({"since-1": "2026-02-30"}, "is no day"),
        ({"until-1": "2020-01-01"}, "ends after it begins"),
        ({"key": "nonsense"}, "not a public key"),
        ({"key": sample.signer(sample.MAKER).vkey}, "not one of"),
        ({"key": "-----BEGIN PRIVATE KEY-----"}, "key name"),
        ({"login": "A"}, "cannot be a login"),
    ],
)
def test_what_cannot_be_approved_is_told_at_once(browser, organisation, changes, words):
    """In place, in words, with what was typed kept; nothing is kept of it on the server."""
    answer = apply(browser(), organisation, **changes)
    assert answer.status_code in {400, 422}
    assert words in said(answer)
    assert 'value="Permit 310115-2026-7"' in answer.text or "evidence-1" in changes


def test_an_identifier_is_taken_as_people_copy_it(app, browser, organisation):
    """With spaces and small letters: there is one way to write it, and the page knows it."""
    applied(browser(), f" {organisation[:9]} {organisation[9:].lower()} ")
    assert len(app.state.applications.of(organisation)) == 1


def test_chinese_says_it_in_chinese_first(browser, organisation):
    """What a rule finds wrong is said in the reader's language, the particulars below."""
    one = browser()
    one.client.headers["Accept-Language"] = "zh"
    answer = apply(one, organisation, organisation="91310115MA00000010")
    assert re.match(r"\s*[一-鿿]", said(answer))
    assert "check character" in said(answer)


def test_hostile_text_stays_text(app, registry, client, browser, organisation):
    """Markup in names and evidence runs nowhere: neither before the authority nor on record."""
    one = browser()
    address = applied(one, organisation, name=HOSTILE, **{"evidence-1": HOSTILE})
    ministry = browser("ministry")
    path = f"/applications/{number_of(app, organisation)}"
    for page in (ministry.get("/applications"), ministry.get(path), one.get(address)):
        assert "<script>alert" not in page.text
    approve(app, registry, client, browser, organisation)
    assert registry.organisation(organisation)["name"] == HOSTILE
    assert "<script>alert" not in one.get(f"/organisations/{organisation}").text


def test_an_application_is_bounded(browser, organisation):
    """Neither a large body nor further roles get in."""
    one = browser()
    big = {"file-1": ("big.pdf", b"x" * (9 << 20))}
    assert apply(one, organisation, files=big).status_code == 413
    more = {f"role-{MAX_ROLES + 1}": "carrier", f"evidence-{MAX_ROLES + 1}": "x"}
    applied(one, organisation, **more)
    assert "Carrier" not in one.get(f"/register/{MAX_ROLES}").text


# ------------------------------------------------------------------------- attacks


def test_one_address_applies_a_few_times_an_hour(browser, organisation):
    """Then 429, whoever it is for, and with a word on when to come back."""
    one = browser()
    for _ in range(PER_ADDRESS):
        applied(one, organisation)
    answer = apply(one, credit_code("91310115MA0000055"))
    assert answer.status_code == 429
    assert "too many applications" in said(answer)


def test_a_network_of_addresses_applies_no_oftener_than_one(app, organisation):
    """Nor does it fill what waits: of IPv6, who has a /64 has one address."""
    role = RoleAsked("swap_operator", "a permit", "2026-05-03")
    wanted = Asked(organisation=organisation, registers=True, name="x", roles=(role,), login="network")
    for number in range(PER_ADDRESS):
        app.state.applications.apply(wanted, Actor(address=f"2001:db8:0:9::{number + 1:x}"))
    with pytest.raises(AccessError) as refused:
        app.state.applications.apply(wanted, Actor(address="2001:db8:0:9:1::"))
    assert refused.value.rule == "application.many"


def test_the_address_is_the_secret(app, browser, organisation):
    """Without it nothing is seen: not by its number, not by guessing, and the database does not have it."""
    address = applied(browser(), organisation)
    stranger = browser("maker")
    number = number_of(app, organisation)
    for guess in (str(number), address.rpartition("/")[2][:-1], "x" * 5_000, "%00", "%ed%a0%80", "é"):
        answer = stranger.get(f"/register/{guess}")
        assert answer.status_code in {404, 414}, guess
        assert organisation not in answer.text
    with app.state.accounts._database.pool.connection() as connection:
        kept = str(connection.execute("select * from application").fetchall())
    assert address.rpartition("/")[2] not in kept


@pytest.mark.parametrize("login", [None, "maker", "keyless", "boss"])
def test_only_an_authority_decides(app, browser, organisation, login):
    """Neither the public nor members nor the administrator see applications or refuse one."""
    applied(browser(), organisation)
    one = browser(login)
    path = f"/applications/{number_of(app, organisation)}"
    for page in ("/applications", path):
        answer = one.get(page)
        assert answer.status_code == (403 if login else 303)
        assert organisation not in answer.text
    assert one.get("/applications/99999999999999999999").status_code in {303, 400, 403}
    refused = one.client.post(f"{path}/refuse", data={"reasons": "no", "csrf": "x"})
    assert refused.status_code == (403 if login else 401)
    assert app.state.applications.by_id(number_of(app, organisation)).state == "waiting"


def test_forms_of_elsewhere_do_nothing(app, browser, organisation):
    """Without the token of the form, or sent from another site: no application, no refusal, no account."""
    one = browser()
    one.get("/register")
    nothing = {"file-3": ("", b"")}
    without = one.client.post("/register/apply", data=asked(organisation), files=nothing)
    assert without.status_code == 403
    fields = asked(organisation) | {"csrf": one.form("/register")}
    away = {"Sec-Fetch-Site": "cross-site"}
    assert one.client.post("/register/apply", data=fields, files=nothing, headers=away).status_code == 403
    assert app.state.applications.of(organisation) == []
    address = applied(one, organisation)
    path = f"/applications/{number_of(app, organisation)}/refuse"
    ministry, foreign = browser("ministry"), browser("ministry").form()
    for csrf in ({}, {"csrf": foreign}, {"csrf": [ministry.form()] * 2}):
        assert ministry.client.post(path, data=csrf | {"reasons": "no"}).status_code == 403
    own = {"csrf": ministry.form(), "reasons": "no"}
    assert ministry.client.post(path, data=own, headers=away).status_code == 403
    assert app.state.applications.by_id(number_of(app, organisation)).state == "waiting"
    assert browser().client.post(f"{address}/account", data={"login": "abc"}).status_code == 403


def test_nobody_approves_but_by_a_signature_of_the_authority(app, registry, client, browser, organisation):
    """The lines signed by the applicant, by a member, or said with a password come to nothing."""
    key = sample.signer(organisation)
    address = applied(browser(), organisation, key=key.vkey)
    ministry = browser("ministry")
    path = f"/applications/{number_of(app, organisation)}"
    lines = lines_shown(ministry.get(path))
    assert sign(registry, client, lines, key).status_code == 422
    assert sign(registry, client, lines, sample.signer(sample.MAKER)).status_code == 422
    plain = {"Content-Type": "application/jsonl", "X-CSRF-Token": ministry.form()}
    body = b"".join(line + b"\n" for line in lines)
    assert ministry.client.post("/reports", content=body, headers=plain).status_code == 403
    one = browser()
    assert "has not decided yet" in one.get(address).text
    assert "no account to be made" in said(make_account(one, address, "forged"))


def test_approved_is_what_the_record_has_whole(app, registry, client, browser, organisation):
    """A part of the lines is not enough: the page then gives the rest."""
    address = applied(browser(), organisation, key=sample.signer(organisation).vkey)
    ministry = browser("ministry")
    path = f"/applications/{number_of(app, organisation)}"
    lines = lines_shown(ministry.get(path))
    assert sign(registry, client, lines[:2]).status_code == 200
    assert "has not decided yet" in browser().get(address).text
    assert lines_shown(ministry.get(path)) == lines[2:]
    assert sign(registry, client, lines[2:]).status_code == 200
    assert "Approved, and on record" in browser().get(address).text


def test_approving_twice_is_approving_once(app, registry, client, browser, organisation):
    """Two clerks sign the same page: the record has each line once, the applicant one account."""
    one = browser()
    address = applied(one, organisation, key=sample.signer(organisation).vkey)
    page = browser("ministry").get(f"/applications/{number_of(app, organisation)}")
    for _ in range(2):
        assert sign(registry, client, lines_shown(page)).status_code == 200
    assert len(told_of(registry, organisation)) == 3
    login = f"twice-{organisation[-4:].lower()}"
    assert "One-time password" in make_account(one, address, login).text
    again = make_account(one, address, "second-one")
    assert "no account to be made" in said(again)
    assert "One-time password" not in one.get(address).text


def test_somebody_elses_approval_is_not_mine(app, registry, client, browser, organisation):
    """Two apply for one organisation: approving one gives the other neither account nor key."""
    honest, thief = browser(), browser()
    mine = applied(honest, organisation)
    applied_second = applied(thief, organisation)
    second, first = (one.id for one in app.state.applications.of(organisation))
    ministry = browser("ministry")
    assert f"Application {second}" in ministry.get(f"/applications/{first}").text
    assert sign(registry, client, lines_shown(ministry.get(f"/applications/{first}"))).status_code == 200
    assert "Approved, and on record" in honest.get(mine).text
    assert "has not decided yet" in thief.get(applied_second).text
    assert "no account" in said(make_account(thief, applied_second, "thief"))
    page = ministry.get(f"/applications/{second}")
    assert "came on record without this application" in page.text
    assert not LINES.search(page.text)


def test_an_organisation_on_record_is_not_applied_for(browser):
    """Whoever knows its number gets in nowhere: its people sign in first."""
    answer = apply(browser(), sample.MAKER)
    assert answer.status_code == 400
    assert "is on record already" in said(answer)


def test_a_login_that_is_taken_is_chosen_anew(app, registry, client, browser, organisation):
    """It is not told when applying, which would tell logins; only once the application is approved."""
    one = browser()
    address = applied(one, organisation, login="maker")
    approve(app, registry, client, browser, organisation)
    assert "There is an account maker" in said(make_account(one, address, "maker"))
    done = make_account(one, address, f"other-{organisation[-4:].lower()}")
    assert "One-time password" in done.text


def test_an_old_approval_makes_no_account(app, registry, client, browser, organisation):
    """After 90 days an address that was never used opens nothing any more."""
    one = browser()
    address = applied(one, organisation)
    approve(app, registry, client, browser, organisation)
    with app.state.accounts._database.pool.connection() as connection:
        connection.execute(
            "update application set made_at = now() - interval '91 days' where organisation = %s",
            (organisation,),
        )
    assert "Make the account" not in one.get(address).text
    assert "no account to be made" in said(make_account(one, address, "too-late"))


# ------------------------------------------------------------------- one's own organisation


def test_a_member_applies_for_more(app, registry, client, browser):
    """Signed in, for the own organisation whatever the form says: a role and a first key; no account."""
    key = sample.signer(KEYLESS)
    one = browser("keyless")
    changes = {"role-1": "supplier", "key": key.vkey, "name": "Ministry of Everything"}
    address = applied(one, sample.RECYCLER, **changes)
    assert app.state.applications.of(sample.RECYCLER) == []
    page = browser("ministry").get(f"/applications/{number_of(app, KEYLESS)}")
    assert "ask its people by another way" in page.text
    assert "Everything" not in page.text
    assert [json.loads(line)["kind"] for line in lines_shown(page)] == ["role_granted", "key_added"]
    assert sign(registry, client, lines_shown(page)).status_code == 200
    seen = one.get(address).text
    assert "Approved, and on record" in seen
    assert "Make the account" not in seen
    assert [one["key_id"] for one in registry.organisation(KEYLESS)["keys"]] == ["line-1"]


def change(one, **query):
    return one.client.get("/account/organisation/sign", params=query)


def test_keys_come_and_go_by_signatures(registry, client, browser):
    """Rotated in one report that the old key signs; what it signed before stays valid, and later ones not."""
    old, new = sample.signer(sample.RECYCLER), sample.signer(sample.RECYCLER, "line-2")
    app_accounts = browser("maker").client.app.state.accounts
    password = app_accounts.add("recycler", sample.RECYCLER, "member", Actor())
    app_accounts.change_password(
        app_accounts.by_session(app_accounts.sign_in("recycler", password, "setup")),
        password,
        CHOSEN,
        "setup",
    )
    one = browser("recycler")
    page = change(one, do="rotate", key=new.vkey, old="line-1")
    assert f'data-held="{html.escape(new.vkey)}"' in page.text
    lines = lines_shown(page)
    assert [json.loads(line)["kind"] for line in lines] == ["key_added", "key_revoked"]
    assert sign(registry, client, lines, sample.signer(sample.MAKER)).status_code == 422
    assert sign(registry, client, lines, old).status_code == 200
    first, second = registry.organisation(sample.RECYCLER)["keys"]
    assert first["revoked_at_index"] is not None
    assert second["key_id"] == "line-2"
    [gone] = lines_shown(change(one, do="revoke", old="line-2", since="2026-05-01"))
    assert json.loads(gone)["compromised_since"] == "2026-05-01T00:00:00+08:00"
    assert sign(registry, client, [gone], old).status_code == 422
    assert registry.organisation(sample.RECYCLER)["keys"][1]["revoked_at_index"] is None


def test_sites_come_on_record(registry, client, browser):
    """With their regions; a GLN is checked; another's identifier is refused by the record."""
    one = browser("maker")
    where = {"do": "site", "name": "Plant 1", "region": "310115", "site_type": "plant"}
    for site in ("6901234567892", "PLANT-1"):
        lines = lines_shown(change(one, site=site, **where))
        assert sign(registry, client, lines, sample.signer(sample.MAKER)).status_code == 200
    assert [(one.identifier, one.region) for one in sites_of(registry, sample.MAKER)] == [
        ("6901234567892", "310115"),
        ("PLANT-1", "310115"),
    ]
    assert sites_of(registry, sample.CARMAKER) == []
    assert "6901234567892" in one.get("/account/organisation").text
    assert "check digit of GLN" in said(change(one, site="6901234567893", **where))
    for region in ("31011", "990000", "310005", "3101150", "三一〇一一五"):
        assert "region" in said(change(one, site="PLANT-2", **where | {"region": region}))


def test_a_swap_station_says_what_it_handles(registry, client, browser):
    """Interfaces, bays, slots and chargers come on record; none of something is said as none of it."""
    one, where = (
        browser("maker"),
        {"do": "site", "site": "SWAP-1", "region": "310115", "site_type": "station"},
    )
    has = {
        "interfaces": "qiji t-imas-052-1",
        "bays": "2",
        "slots": "14",
        "chargers": "0",
        "charger_kw": "300.5",
    }
    lines = lines_shown(change(one, **where, **has))
    assert sign(registry, client, lines, sample.signer(sample.MAKER)).status_code == 200
    site = next(one for one in sites_of(registry, sample.MAKER) if one.identifier == "SWAP-1")
    assert site.interfaces == ("qiji", "t-imas-052-1")
    assert (site.bays, site.slots, site.chargers, site.charger_kw) == (2, 14, 0, 300.5)


_STATION = {"do": "site", "site": "A", "region": "310115", "site_type": "station"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (_STATION | {"bays": "two"}, "no whole number"),
        (_STATION | {"bays": "1e3"}, "no whole number"),
        (_STATION | {"slots": "99999"}, "slots"),
        (_STATION | {"charger_kw": "nan"}, "no power in kW"),
        (_STATION | {"charger_kw": "-300"}, "charger_kw"),
        (_STATION | {"interfaces": "qiji qiji"}, "interface twice"),
        ({"do": "add", "key": "x"}, "not a public key"),
        ({"do": "add", "key": sample.signer(sample.CARMAKER).vkey}, "not one of"),
        ({"do": "rotate", "key": QUANTUM.vkey, "old": "line-1"}, "do not sign"),
        ({"do": "revoke", "old": ""}, "key_id"),
        ({"do": "revoke", "old": "line-1", "since": "yesterday"}, "is no day"),
        ({"do": "site", "site": "A", "region": "310115", "site_type": "castle"}, "site_type"),
        ({"do": "everything"}, "no change"),
        ({"do": HOSTILE}, "no change"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_is_told(browser, query, words):
    """On the page it came from, and no line is shown to be signed."""
    answer = change(browser("maker"), **query)
    assert answer.status_code in {400, 422}
    assert words in said(answer)
    assert not LINES.search(answer.text)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", ["/account/organisation", "/account/organisation/sign?do=site"])
def test_ones_own_organisation_needs_a_sign_in(browser, path):
    """Nobody else's is ever shown: whose it is comes from the session alone."""
    assert browser().get(path).headers["location"] == "/sign-in"


def test_the_authority_and_the_host_have_pages_too(browser):
    """Nothing breaks for organisations that are there by the settings alone."""
    for login in ("ministry", "boss"):
        assert browser(login).get("/account/organisation").status_code == 200
        assert browser(login).get("/register").status_code == 200
