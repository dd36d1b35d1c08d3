"""A real browser before a real server: one of each for all tests here."""

import os

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium, serving
from tests.browser.pages import LOOKS


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """The sample world, served by a process of its own."""
    with serving.sample_site(tmp_path_factory.mktemp("site") / "data") as site:
        yield site


@pytest.fixture(scope="package")
def browser():
    """Chromium. Without one nothing here says anything: a failure in CI, elsewhere a loud skip."""
    if chromium.find() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    with sync_playwright() as playwright:  # ended with this folder: others' event loops bear none beside them
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(params=LOOKS, ids=str)
def look(request):
    """Each language on each screen, light and dark; a test may narrow it by `parametrize`."""
    return request.param


@pytest.fixture
def visit(browser, site, look):
    """
    Return a function that opens a place and gives the page: in a context of its own, so nothing is cached.

    When the test is over, nothing may have gone wrong on any page it opened.
    """
    opened = []

    def open_place(place, **options):
        context = browser.new_context(**look.context | options)
        watch = chromium.Watch(context, place.status)
        opened.append((context, watch))
        page = context.new_page()
        page.goto(site.address(place.path), wait_until="networkidle")
        page.watch = watch
        return page

    yield open_place
    troubles = [one for _, watch in opened for one in watch.troubles]
    for context, _ in opened:
        context.close()
    assert not troubles
