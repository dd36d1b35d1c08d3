"""The pages of material in a real browser, over a world with plants; and a clerk who reports a run."""

import re

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
from voltrail.registry.lots import Wanted
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
ALSO = {
    "ministry",
    "plant",
    "kg",
    "mg",
    "t",
    "fed",
    "added",
    "products",
    "unfinished",
    "carried",
    "Sample",
    "e",
}
PAGES = (
    "/recycling",
    "/recycling?element=Ni&since=2025-01-01",
    "/recycling/site?site={site}&organisation={plant}",
    "/lots",
    "/lots?substance=gas",
    "/lots/{lot}",
    "/b/{recycled}/materials",
    "/recycling/run?process=leach",
)
each_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server over a sample world, cookies of an authority and a plant, what to look at."""
    world, data = World(700, 20261, manner="offenders"), tmp_path_factory.mktemp("recycling") / "data"
    initialise(data, "sample.example/log", [world.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, world)
        while registry.follow(10_000):
            pass
        [*found], _ = registry.lots.page(Wanted(substance="black_mass"), 1)
        run = registry.lots.around(found[0].lot).runs[0]
        with registry.database.pool.connection() as connection:
            query = "select code from lot_battery where seq = %s limit 1"
            batteries = [connection.execute(query, (one.index,)).fetchone() for one in _ending(registry)]
        places = {
            "lot": found[0].lot,
            "site": run.event.site,
            "plant": run.reporter,
            "recycled": next(row[0] for row in batteries if row is not None),
        }
        app = create_app(registry)
        cookies = {}
        for login, organisation in (("ministry", world.organisations[0].identifier), ("plant", run.reporter)):
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            cookies[login] = accounts.change_password(person, password, CHOSEN, "setup")
        names = {one.name for one in world.organisations}
        with serving(app) as url:
            yield url, cookies, places, names


def _ending(registry):
    return [
        run for run in registry.lots.material().runs if run.event.kind == "recycled" and run.event.outputs
    ]


@pytest.fixture(scope="module")
def opened(browser, site):
    """Return a function that opens a page in a look as somebody, watched; one context for each."""
    url, cookies, places, _ = site
    contexts = {}

    def open_page(path, look, who="ministry"):
        if (look, who) not in contexts:
            context = browser.new_context(**look.context)
            context.add_cookies([{"name": "session", "value": cookies[who], "url": url}])
            contexts[look, who] = chromium.Watch(context), context.new_page()
        watch, page = contexts[look, who]
        page.set_viewport_size(look.context["viewport"])
        page.emulate_media(color_scheme="light")
        page.goto(url + path.format_map(places))
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
        for name in site[3]:
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


def test_a_rate_opens_the_numbers_behind_it(opened):
    """From the nation to a site to a rate to a lot, by links alone."""
    page = opened("/recycling", Look("en", "desk"))
    page.locator("td a.mono").first.click()
    page.wait_for_url("**/recycling/site**")
    rate = page.locator("details:has(table)").last
    rate.locator("summary").click()
    rate.locator("td a.mono").first.click()
    page.wait_for_url("**/lots/**")
    assert page.locator("h1").count() == 1


def test_a_clerk_sees_at_once_what_does_not_add_up(opened, site):
    """What is typed stays; the gap is told in kilograms before anything is reported."""
    page = opened("/recycling/run?process=leach", Look("en", "desk"), "plant")
    page.fill("#when", "2026-11-02T10:00")
    lot = page.locator("#in_lot_1 option").nth(1).get_attribute("value")
    page.select_option("#in_lot_1", lot)
    page.fill("#in_mass_1", "1.5")
    page.fill("#out_name_1", "new-1")
    page.select_option("#out_substance_1", "solution")
    page.fill("#out_mass_1", "1.2")
    page.click("button[value=check]")
    page.wait_for_selector("#balance")
    expect(page.locator("#balance")).to_contain_text("0.3 kg are not accounted for", use_inner_text=True)
    assert page.input_value("#out_name_1") == "new-1"
    page.select_option("#loss_substance_1", "wastewater")
    page.fill("#loss_mass_1", "0.3")
    page.click("button[value=check]")
    page.wait_for_selector("#balance")
    expect(page.locator("#balance")).to_contain_text("It balances", use_inner_text=True)
    expect(page.locator("#balance")).to_contain_text(
        "It can be put on record as it stands.", use_inner_text=True
    )
