"""
What should become of a battery, in a real browser: read by its holder, put on record, and in either language.

A server of its own, since here things are reported; its pages are held to what all pages are held to.
"""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.api.test_decisions import BURNT, CHOSEN, DOUBTED, SOUND, UNSEEN, USED, registry
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app

__all__ = ["registry"]

SIGNING = f"/b/{SOUND}/decision/sign?decision=repurpose&reasons=a&soh_low=70&soh_high=80"
PAGES = (
    *(f"/b/{code}/decision" for code in (DOUBTED, SOUND, BURNT, UNSEEN, USED)),
    "/workspace/decisions",
    SIGNING,
)
each_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture(scope="module")
def site(registry):
    """The address of a server over that registry, and the cookie of who signs in for the recycler."""
    app = create_app(registry)
    accounts = app.state.accounts
    password = accounts.add("clerk", sample.RECYCLER, "member", Actor())
    person = accounts.by_session(accounts.sign_in("clerk", password, "setup"))
    cookie = accounts.change_password(person, password, CHOSEN, "setup")
    with serving(app) as url:
        yield url, cookie


@pytest.fixture(scope="module")
def opened(browser, site):
    """Return a function that opens a page in a look, watched."""
    url, cookie = site
    contexts = {}

    def open_page(path, look):
        if look not in contexts:
            context = browser.new_context(**look.context)
            context.add_cookies([{"name": "session", "value": cookie, "url": url}])
            contexts[look] = chromium.Watch(context), context.new_page()
        watch, page = contexts[look]
        page.set_viewport_size(look.context["viewport"])
        page.emulate_media(color_scheme="light")
        page.goto(url + path)
        page.evaluate("document.querySelectorAll('aside details').forEach(one => (one.open = true))")
        assert watch.troubles == []
        return page

    return open_page


@each_page
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, path, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    page = opened(path, look)
    assert page.locator("h1").count() == 1
    assert page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk"):
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - {"clerk"} == set()


@each_page
def test_nobody_is_shut_out(opened, path):
    """axe-core finds nothing, in both themes and with fingers; Tab comes to everything, in order."""
    page = opened(path, Look("en", "desk"))
    walk(page)
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look("en", "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


def test_a_clerk_decides(browser, site):
    """From the list to the battery, over the line to the record; then it waits no more."""
    url, cookie = site
    context = browser.new_context(**Look("en", "desk").context)
    context.add_cookies([{"name": "session", "value": cookie, "url": url}])
    watch, page = chromium.Watch(context), context.new_page()
    page.goto(f"{url}/workspace/decisions")
    expect(page.locator("h1")).to_have_text("4 retired batteries wait for a decision", use_inner_text=True)
    page.get_by_role("link", name=DOUBTED).click()
    expect(page.locator("h1")).to_have_text("First a capacity test", use_inner_text=True)
    page.get_by_label("Test", exact=True).select_option("capacity")
    page.get_by_label("Test ordered").select_option("")
    page.get_by_label("State of health, from (%)").fill("63")
    page.get_by_label("State of health, to (%)").fill("66")
    page.get_by_role("button", name="Show the line").click()
    expect(page.locator("main")).to_contain_text("It is decided: repurpose.", use_inner_text=True)
    page.get_by_role("button", name="Sign and put on record").click()
    page.get_by_text("Decided last").wait_for()
    expect(page.locator("h1")).to_have_text("Second life: another use", use_inner_text=True)
    page.goto(f"{url}/workspace/decisions")
    expect(page.locator("h1")).to_have_text("3 retired batteries wait for a decision", use_inner_text=True)
    assert watch.troubles == []
    context.close()
