"""A recall from the maker's decision to the last workshop, as the people in it live through it."""

import json
from datetime import UTC, datetime

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import serving
from tests.browser.chromium import Watch
from tests.browser.test_pages import COLOURS, violations
from tests.registry import sample
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.settings import initialise

MAKER = credit_code("91000000MA0000011")
FLEET = credit_code("91000000MA0000012")
WORKSHOP = credit_code("91000000MA0000013")
ROLES = {MAKER: "battery_maker", FLEET: "swap_operator", WORKSHOP: "repair_enterprise"}
CODES = [sample.pack(serial) for serial in (1, 2, 3)]
CHOSEN = "four words nobody guesses"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A maker, a fleet that has one of three batteries, and a workshop, none of them with a key; served."""
    folder = tmp_path_factory.mktemp("town") / "data"
    initialise(folder, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(folder) as registry:
        lines = (folder / "host-trust.jsonl").read_bytes().splitlines()
        lines += [one for name, role in ROLES.items() for one in sample.registrations(name, role)[:2]]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        made = [sample.line("model_registered", "2026-01-05T08:00:00+08:00", model_id="S-102")]
        made += [sample.first_life(code)[0] for code in CODES]
        made.append(sample.line("shipped", "2026-04-13T10:00:00+08:00", code=CODES[0], to=FLEET))
        registry.report_lines(MAKER, made)
        there = sample.line("received", "2026-04-20T10:00:00+08:00", code=CODES[0], from_=MAKER)
        registry.report_lines(FLEET, [there])
        accounts = Accounts(registry.database)
        for login, organisation in (("maker", MAKER), ("fleet", FLEET), ("workshop", WORKSHOP)):
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
    with serving.served(folder) as url:
        yield url


@pytest.fixture
def people(browser, town):
    """Return a function that signs somebody in, in a browser of their own; nothing may go wrong in any."""
    watches = []

    def opened(login=None):
        context = browser.new_context(locale="en-GB", base_url=town)
        watches.append(Watch(context))
        page = context.new_page()
        if login:
            page.goto("/sign-in")
            page.get_by_label("Login").fill(login)
            page.get_by_label("Password", exact=True).fill(CHOSEN)
            page.locator("main").get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/workspace")
        return page

    yield opened
    assert not [one for watch in watches for one in watch.troubles]


def check(page):
    """Hold a page against axe-core in daylight and at night, and against a phone's width."""
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    assert found + violations(page, {"runOnly": COLOURS}) == []
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.scrollingElement.scrollWidth") == 320
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.emulate_media(color_scheme="light")


def test_a_recall_from_the_decision_to_the_work(people):
    """Opened, reported, shown at the battery, acknowledged by its holder, worked on: what remains falls."""
    maker = people("maker")
    maker.goto("/recalls")
    maker.get_by_role("link", name="Open a recall").click()
    maker.get_by_label("Models, one a line").fill("S-102")
    maker.get_by_role("button", name="Look which they are").click()
    expect(maker.get_by_role("heading", name="It would be 3 batteries")).to_be_visible()
    check(maker)
    maker.get_by_label("Id", exact=True).fill("R-2026-1")
    maker.get_by_label("Title").fill("A seam may leak")
    maker.get_by_label("Risk: what may happen").fill("Coolant may reach the cells.")
    maker.get_by_label("What whoever has such a battery should do").fill("Do not charge; call a workshop.")
    maker.get_by_role("button", name="Open it for 3 batteries").click()
    expect(maker.get_by_text("No battery is recalled under it yet.")).to_be_visible()
    check(maker)
    maker.get_by_role("button", name="Report them").click()
    expect(maker.get_by_text("3 of 3 batteries still need the work.")).to_be_visible()
    expect(maker.get_by_text("Nobody yet.")).to_be_visible()

    passer_by = people()
    passer_by.goto(f"/b/{CODES[0]}")
    expect(passer_by.get_by_role("region", name="Open recall")).to_contain_text("Do not charge")

    fleet = people("fleet")
    fleet.goto("/recalls")
    expect(fleet.get_by_text("Batteries that you hold or own are recalled: 1.")).to_be_visible()
    fleet.get_by_role("link", name="What concerns my batteries").click()
    expect(fleet.get_by_role("link", name=CODES[0])).to_be_visible()
    check(fleet)
    fleet.get_by_role("button", name="Acknowledge A seam may leak").click()
    expect(fleet.get_by_text("acknowledged on")).to_be_visible()
    maker.reload()
    expect(maker.locator(f"aside a[href$='{FLEET}']")).to_be_visible()
    check(maker)

    workshop = people("workshop")
    workshop.goto("/report")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    work = sample.line("serviced", now, code=CODES[0], work="seal", campaign="R-2026-1")
    workshop.locator("#file").set_input_files(
        {"name": "day.jsonl", "mimeType": "application/jsonl", "buffer": work + b"\n"}
    )
    workshop.get_by_role("button", name="Send").click()
    expect(workshop.locator("#result")).to_contain_text("on record")

    maker.reload()
    expect(maker.get_by_text("2 of 3 batteries still need the work.")).to_be_visible()
    passer_by.reload()
    expect(passer_by.get_by_role("region", name="Open recall")).to_have_count(0)
    fleet.reload()
    expect(fleet.get_by_text("No battery that you hold or own needs work for a recall.")).to_be_visible()
