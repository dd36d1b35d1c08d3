"""A real browser before a real server: one of each for all tests here."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import chromium, serving
from tests.browser.pages import LOOKS
from tests.kept import copy

expect.set_options(timeout=30_000)  # what is expected comes when it comes: no test fails for being slow


@pytest.fixture(scope="session")
def site(made_once, tmp_path_factory):
    """The sample world, made once in a run, served by a process of its own for each process of the tests."""
    folder = tmp_path_factory.mktemp("site") / "data"
    copy(made_once("sample-world", serving.make), folder)
    with serving.sample_site(folder) as site:
        yield site


@pytest.fixture(scope="package")
def browser():
    """Chromium."""
    chromium.needed()
    with sync_playwright() as playwright:  # ended with this folder: asyncio elsewhere bears no loop beside it
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(params=LOOKS, ids=str)
def look(request):
    """Each language on each screen; a test may narrow it by `parametrize`."""
    return request.param


class Tab:
    """A page that is opened at one place after the other, and watched."""

    def __init__(self, browser, site, **options):
        self.context = browser.new_context(**options)
        self._site, self._screen = site, options["viewport"]
        self._scripts = options.get("java_script_enabled", True)
        self.watch, self.page = chromium.Watch(self.context), self.context.new_page()

    def open(self, place, *, whole=True):
        """Open a place in daylight and give the page: when all it loads is there, or at once."""
        self.watch.expected = place.status
        self.context.clear_cookies()
        if place.signed_in:
            self.context.add_cookies([self._site.session])
        self.page.set_viewport_size(self._screen)
        self.page.emulate_media(color_scheme="light")
        self.page.goto(self._site.address(place.path))
        if whole and self.page.locator("script[src]").count():
            self.page.wait_for_load_state("networkidle")
            if self._scripts:
                chromium.settled(self.page)
        return self.page


@pytest.fixture(scope="package")
def tabs(browser, site):
    """Return a function that gives the tab of a look, opened when first asked for."""
    opened = {}

    def tab(look, **options):
        key = (look, repr(options))
        if key not in opened:
            opened[key] = Tab(browser, site, **look.context | options)
        return opened[key]

    return tab


@pytest.fixture
def watched(tabs):
    """Return what gives the tab of a look; when the test is over, nothing may have gone wrong in it."""
    used = []

    def tab(look, **options):
        used.append(tabs(look, **options))
        used[-1].watch.troubles.clear()
        return used[-1]

    yield tab
    assert not [one for tab in used for one in tab.watch.troubles]


@pytest.fixture
def visit(watched, look):
    """Return a function that opens a place with a look, and gives the page."""
    return watched(look).open
