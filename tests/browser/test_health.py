"""
A battery's health and the gateway, in a real browser: drawn and told, in either language, on either screen.

A server of its own, with telemetry in its folder; its pages are held to what all pages are held to.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.api.test_health import CHOSEN, DRIVEN, MOVED, NEVER, STORED, UNKNOWN, registry
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.gateway.folder import Folder
from voltrail.gateway.live import Said, tell

__all__ = ["registry"]

PAGES = (
    *(f"/b/{code}/health" for code in (DRIVEN, STORED, NEVER, UNKNOWN)),
    f"/b/{MOVED}/health?session=3",
    "/gateway",
)
each_page = pytest.mark.parametrize("path", PAGES)
LONG = timedelta(minutes=10)  # what a process says now stands for a whole test


@pytest.fixture(scope="module")
def site(registry):
    """The address of a server over that registry, and the cookie of who signs in for the authority."""
    said = {"connections": 2, "vehicles": 2, "platforms": 1, "frames": 90, "bytes": 9_000, "answers": 80}
    now = datetime.now(UTC)
    for process, at in ((1, now + LONG), (2, now - LONG)):
        tell(
            Folder.of(registry.data),
            Said(
                process,
                now - LONG,
                at,
                **said,
                waiting_bytes=0,
                rates=(3, 5, 4),
                refused={"frame.bcc": 1},
                editions={"2016": 90},
            ),
        )
    app = create_app(registry)
    accounts = app.state.accounts
    password = accounts.add("ministry", sample.AUTHORITY, "member", Actor())
    person = accounts.by_session(accounts.sign_in("ministry", password, "setup"))
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
        page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
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
    if look.language == "zh":
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - {"ministry", "mV", "ms", "kB"} == set()


@each_page
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk")], ids=str)
def test_nobody_is_shut_out(opened, path, look):
    """axe-core finds nothing in both themes; room for fingers; the keyboard reaches everything."""
    page = opened(path, look)
    walk(page)
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look(look.language, "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


def test_a_point_leads_to_its_entry(opened):
    """What is drawn of the record opens by a click: a dot to the event, and that to its bytes."""
    page = opened(f"/b/{DRIVEN}/health", Look("en", "desk"))
    page.locator(".lanes a").first.click(force=True)
    page.wait_for_url(f"**/b/{DRIVEN}/events/*")


def test_the_cells_of_a_session_are_one_click_away(opened):
    """From the list of sessions, by keyboard and by pointer alike."""
    page = opened(f"/b/{DRIVEN}/health", Look("en", "phone"))
    page.get_by_role("link", name="Cells in session 53").click()
    page.wait_for_url("**session=53*")
    expect(page.locator("#cells")).to_be_visible()


def test_the_gateway_is_renewed_by_itself(opened, registry):
    """Every two seconds, without being loaded again."""
    page = opened("/gateway", Look("en", "desk"))
    expect(page.locator("h1")).to_have_text("2 vehicles are connected", use_inner_text=True)
    now = datetime.now(UTC)
    tell(Folder.of(registry.data), Said(1, now, now + LONG, 7, 7, 0, 1, 1, 1, 0))
    page.get_by_role("heading", name="7 vehicles are connected").wait_for()
