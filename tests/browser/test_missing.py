"""
The authority's pages on what is missing and where packs are, in a real browser, over a world with
offenders.
"""

import re
from datetime import UTC, datetime

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.demo import World, populate
from voltrail.lifecycle.missing import Sighting
from voltrail.registry.settings import initialise
from voltrail.registry.vehicle_packs import Login

CHOSEN = "four words nobody guesses"
ALSO = {"ministry", "code", "vin", "seen_at", "source", "telematics", "github.com", "Sample"}
PAGES = (
    "/authority/missing",
    "/authority/missing/cases?kind=not_received",
    "/authority/missing/cases?kind=seen_elsewhere",
    "/authority/missing/cases?kind=counted_elsewhere&from=2000-01-01&until=2000-01-02",
    "/authority/missing/terms",
    "/authority/missing/sightings",
    "/authority/vehicles",
    "/authority/vehicles?verdict=agreed",
    "/authority/flows",
    "/authority/flows?year=2014&status=in_storage_system",
    "/authority/flows/batteries?status=waste",
    "/authority/flows/retirement",
    "/rules/o73-scrap",
    "/rules/o73-a22-2",
)
each_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server over a sample world, and the cookie of its authority."""
    world, data = World(400, 108, manner="offenders"), tmp_path_factory.mktemp("missing") / "data"
    initialise(data, "sample.example/log", [world.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, world)
        for one in (registry.missing, registry.flows):
            while one.follow(10_000):
                pass
        packs, _ = registry.flows.page(voltrail.registry.flows.Wanted(status="in_vehicle"), 1)
        seen = Sighting(packs[0].code, "ZZZSAMPLE99999999", datetime(2026, 9, 1, tzinfo=UTC), "telematics")
        registry.missing.take_sightings([seen], "ministry")
        registry.missing.weigh()
        when = datetime(2026, 9, 1, tzinfo=UTC)
        cars = [packs[0].code, "9ZZPB000000000G4C0099999", "MAKERS-OWN-1"]
        registry.vehicle_packs.take([Login("ZZZSAMPLE99999999", when, 0, cars)])
        app = create_app(registry)
        accounts = app.state.accounts
        password = accounts.add("ministry", world.organisations[0].identifier, "member", Actor())
        person = accounts.by_session(accounts.sign_in("ministry", password, "setup"))
        cookie = accounts.change_password(person, password, CHOSEN, "setup")
        names = {one.name for one in world.organisations}
        with serving(app) as url:
            yield url, cookie, names


@pytest.fixture(scope="module")
def opened(browser, site):
    """Return a function that opens a page in a look, watched; one context for each."""
    url, cookie, _ = site
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
        for name in site[2]:
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


def test_a_number_opens_the_packs_behind_it(opened):
    """From the picture's tables to the list to the battery, by links alone."""
    page = opened("/authority/flows", Look("en", "desk"))
    link = page.locator("a[href*='status=waste']").first
    number = link.inner_text()
    link.click()
    expect(page.locator("h1")).to_have_text(f"{number} packs", use_inner_text=True)
    page.locator("td a.mono").first.click()
    page.wait_for_url("**/b/*")
