"""The health of a fleet in a real browser, over a sample world whose vehicles reported for half a year."""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.gateway.fleets import keep_months
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.demo import World, populate
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
ALSO = {"ministry", "km", "github.com", "Sample"}
PAGES = (
    "/fleet",
    "/fleet?province=44&month=2026-08",
    "/fleet?model=none",
    "/fleet/outliers",
    "/fleet/warranty",
    "/fleet/warranty?standing=over",
)
each_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server over a sample world, the cookie of its authority, and its broken batteries."""
    world, data = World(1_500, 11), tmp_path_factory.mktemp("fleet") / "data"
    initialise(data, "sample.example/log", [world.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, world)
        while registry.fleet.follow(10_000):
            pass
        batteries = registry.fleet.batteries(Reader("authority_cn"))
        codes = batteries["code"].to_pylist()
        keep_months(data, codes, broken=codes[::100])
        app = create_app(registry)
        accounts = app.state.accounts
        password = accounts.add("ministry", world.organisations[0].identifier, "member", Actor())
        person = accounts.by_session(accounts.sign_in("ministry", password, "setup"))
        cookie = accounts.change_password(person, password, CHOSEN, "setup")
        told = set(filter(None, batteries["model"].to_pylist() + batteries["chemistry"].to_pylist()))
        with serving(app) as url:
            yield (
                url,
                cookie,
                {one.name for one in world.organisations} | told | set(codes),
                set(codes[::100]),
            )


@pytest.fixture(scope="module")
def opened(browser, site):
    """Return a function that opens a page in a look, watched; one context for each."""
    url, cookie = site[:2]
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
        assert watch.troubles == []
        return page

    return open_page


@each_page
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, site, path, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    page = opened(path, look)
    assert page.locator("h1").count() == 1
    assert page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk"):
        text = page.evaluate(WORDS)
        for name in sorted(site[2], key=len, reverse=True):
            text = text.replace(name, "")
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", text)
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - ALSO == set()


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


def test_who_stands_out_is_found_by_links(opened, site):
    """From the page to the list of those that stand out: they are of the broken ones, and no others."""
    page = opened("/fleet", Look("en", "desk"))
    page.get_by_role("link", name="All that stand out").click()
    page.wait_for_url("**/fleet/outliers*")
    named = page.locator("td.kept a").all_inner_texts()
    assert named
    assert set(named) <= site[3]


def test_a_count_opens_its_list(opened):
    """The number of a standing is that of its list, and a model narrows the page to itself."""
    page = opened("/fleet", Look("en", "desk"))
    row = page.locator("tr", has=page.locator("a[href*='standing=']")).first
    number = row.locator("td.r").inner_text()
    row.locator("a").click()
    expect(page.locator("main")).to_contain_text(f"{number} batter", use_inner_text=True)
    page.go_back()
    page.locator("a[href*='/fleet?model=']").first.click()
    expect(page.locator("#model")).not_to_have_value("")
