"""
How an organisation gets in, in a real browser: applied, approved, first sign-in, keys made and changed.

A server of its own, since here things are reported.
"""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser.test_pages import violations
from tests.browser.test_report import in_browser, serving
from tests.registry import sample
from voltrail import verify
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Policy
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.settings import initialise

NEWCOMER = credit_code("91310115MA0000777")
CHOSEN = "four words nobody guesses"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry that knows nobody but its authority, and a car maker."""
    data = tmp_path_factory.mktemp("organisations") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = sample.registrations(sample.CARMAKER, "vehicle_maker")
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        yield registry


@pytest.fixture(scope="module")
def bodies():
    """All that came in to the server, piece by piece."""
    return []


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for the authority."""
    app = create_app(registry)
    accounts = app.state.accounts
    password = accounts.add("ministry", sample.AUTHORITY, "member", Actor())
    person = accounts.by_session(accounts.sign_in("ministry", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")
    return app


@pytest.fixture(scope="module")
def address(app, bodies):
    """Where the application is served, each body that comes in kept in `bodies`."""

    async def listening(scope, receive, send):
        async def heard():
            message = await receive()
            bodies.append(message.get("body", b""))
            return message

        await app(scope, heard, send)

    with serving(listening) as address:
        yield address


@pytest.fixture
def opened(browser, address):
    """Return a function that opens a browser of its own; what its scripts do wrong fails the test."""
    contexts, wrong = [], []

    def new_page(**options):
        context = browser.new_context(locale="en-GB", accept_downloads=True, base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda one: wrong.append(one.text) if "Security Policy" in one.text else None)
        return page

    yield new_page
    for context in contexts:
        context.close()
    assert not wrong


def looked_at(page):
    """Have axe-core look at a page in both themes, and see that nothing runs out to the side of a phone."""
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": ["color-contrast", "link-in-text-block"]})
    page.emulate_media(color_scheme="light")
    before = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") == 320
    page.set_viewport_size(before)
    assert not found


def make_key(page, name):
    """Make a key on a page; return it as it was saved."""
    page.fill("#key-name", name)
    with page.expect_download() as download:
        page.click("#make-key button")
    page.locator("#key-said:not([hidden])").wait_for()
    return Signer.from_pem(Path(download.value.path()).read_text())


def choose(page, selector, key):
    page.set_input_files(selector, {"name": "k.pem", "mimeType": "text/plain", "buffer": key.pem.encode()})


def sign(page, key):
    """Sign what a page shows, and wait until it is on record."""
    choose(page, "#key", key)
    page.click("text=Sign and put on record")


def sign_in(page, login, password):
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("main button")


def test_the_story(opened, registry, bodies):
    """Applied, approved, signed in, a key added, then changed: what was signed before still verifies."""
    applicant, ministry = opened(), opened()
    applicant.goto("/register")
    looked_at(applicant)
    applicant.fill("#organisation", NEWCOMER)
    applicant.fill("#name", "示例电池新厂")
    applicant.select_option("#role-1", "battery_maker")
    applicant.fill("#evidence-1", "Permit 7")
    applicant.fill("#since-1", "2026-01-01")
    applicant.set_input_files("#file-1", {"name": "p.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"})
    first = make_key(applicant, "desk-1")
    assert applicant.input_value("#vkey") == first.vkey
    applicant.fill("#login", "newcomer")
    applicant.click("button.go")
    applicant.get_by_text("has not decided yet").wait_for()
    mine = applicant.url
    looked_at(applicant)

    sign_in(ministry, "ministry", CHOSEN)
    ministry.goto("/applications")
    looked_at(ministry)
    ministry.click("text=示例电池新厂")
    expect(ministry.locator(".said-lines")).to_contain_text(
        "It may report as battery maker", use_inner_text=True
    )
    looked_at(ministry)
    sign(ministry, first)  # not the authority's
    ministry.get_by_text("This key is another organisation's").wait_for()
    sign(ministry, sample.authority())
    ministry.get_by_role("heading", name="Approved, and on record").wait_for()
    looked_at(ministry)

    applicant.goto(mine)
    applicant.click("text=Make the account")
    password = applicant.locator("section .secret").first.inner_text()
    looked_at(applicant)
    sign_in(applicant, "newcomer", password)
    for field, value in (("old", password), ("new", CHOSEN), ("again", CHOSEN)):
        applicant.fill(f"#{field}", value)
    applicant.click("main button >> nth=0")
    applicant.wait_for_url("**/workspace")
    applicant.click("text=Keys and sites")
    expect(applicant.locator("main")).to_contain_text("Permit 7", use_inner_text=True)
    looked_at(applicant)

    made = sample.report(first, sample.first_life(sample.pack(1))[:1])
    assert json.loads(registry.report(made))["accepted"] == [0]

    bodies.clear()
    second = make_key(applicant, "desk-2")
    applicant.click("text=Prepare the change")
    looked_at(applicant)
    choose(applicant, "#held", first)
    sign(applicant, first)
    applicant.get_by_text("not the file of the new key").wait_for()
    choose(applicant, "#held", second)
    sign(applicant, first)
    applicant.get_by_role("heading", name="Keys it signs with").wait_for()
    assert re.findall("desk-[12] (?:valid|revoked)", applicant.locator("#keys").inner_text()) == [
        "desk-1 revoked",
        "desk-2 valid",
    ]
    sent = b"".join(bodies)
    assert b"PRIVATE KEY" not in sent
    for key in (first, second):
        assert key.pem.split("-----")[2].strip().encode() not in sent

    fresh = sample.report(second, sample.first_life(sample.pack(2))[:1])
    assert json.loads(registry.report(fresh))["accepted"] == [0]
    for number in (1, 2):
        evidence = registry.evidence(sample.pack(number))
        assert verify(evidence, Policy.parse(registry.policy), [sample.authority().vkey]).events

    applicant.fill("#site", "6901234567892")
    applicant.fill("#region", "310115")
    applicant.click("#sites button")
    sign(applicant, first)
    applicant.locator("#sign-problem").get_by_text("no valid key").wait_for()
    sign(applicant, second)
    applicant.get_by_role("heading", name="Sites, outlets, stations").wait_for()
    expect(applicant.locator("#sites table")).to_contain_text("310115", use_inner_text=True)
    looked_at(applicant)


@pytest.mark.parametrize("algorithm", ["Ed25519", "P-256"])
def test_a_key_made_in_the_browser_is_one(opened, algorithm):
    """Its file reads on the command line, and its public part is the one that the page shows."""
    page = opened()
    page.goto("/register")
    made = """
        const known = { "Ed25519": { name: "Ed25519" }, "P-256": { name: "ECDSA", namedCurve: "P-256" } };
        const pem = await signing.newKey(given[0], [{ name: "Unheard-of" }, known[given[1]]]);
        return [pem, (await signing.readKey(pem)).vkey];
    """
    pem, vkey = in_browser(page, made, f"{NEWCOMER}/made", algorithm)
    key = Signer.from_pem(pem)
    assert key.vkey == vkey
    assert key.algorithm == {"Ed25519": "ed25519", "P-256": "ecdsa-p256-sha256"}[algorithm]


def test_applying_without_scripts(opened):
    """A pasted key does; there is no button to make one."""
    page = opened(java_script_enabled=False)
    page.goto("/register")
    expect(page.locator("#make-key")).to_be_hidden()
    other = credit_code("91310115MA0000778")
    for field, value in {"organisation": other, "name": "A", "evidence-1": "B", "login": "other"}.items():
        page.fill(f"#{field}", value)
    page.select_option("#role-1", "carrier")
    page.fill("#vkey", sample.signer(sample.MAKER).vkey)
    page.click("button.go")
    expect(page.locator("#wrong")).to_contain_text("not one of", use_inner_text=True)
    page.fill("#vkey", Signer.generate(f"{other}/k").vkey)
    page.click("button.go")
    page.get_by_text("has not decided yet").wait_for()
