"""The paper that goes with a battery: on one sheet, with its UN number, its state, and room to sign."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Watch
from tests.browser.test_print import sheets
from voltrail.ledger.keys import Verifier
from voltrail.registry import settings


@pytest.fixture(scope="module")
def authority(site):
    """The cookie of who sees in which state batteries are."""
    (vkey,) = settings.load(site.data).authorities
    return site.sign_in("transport-inspector", Verifier(vkey).holder)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_paper_is_made_of_the_form_and_prints_on_one_sheet(browser, site, authority, language):
    """From the page of a recalled pack: what was typed stands on it; menus and buttons do not."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    context.add_cookies([authority])
    watch, page = Watch(context), context.new_page()
    page.goto(f"/b/{site.places['recalled']}/transport?lang={language}")
    page.locator("#to").fill("示例回收 Example recycler, 1 Road")
    page.locator("#packages").fill("1 × LP904")
    page.locator("#paper button").click()
    page.wait_for_load_state("networkidle")
    page.emulate_media(media="print")
    slip = page.locator("main.slip")
    expect(slip).to_contain_text(site.places["recalled"])
    expect(slip).to_contain_text(re.compile(r"UN 3\d{3}"))
    expect(slip).to_contain_text("Example recycler, 1 Road")
    expect(slip).to_contain_text("1 × LP904")
    for hidden in ("header.top", "footer", "aside", "#print"):
        expect(page.locator(hidden)).to_be_hidden()
    assert sheets(page.pdf(format="A4")) == 1
    page.emulate_media(media="screen")
    expect(page.locator("#print")).to_be_visible()
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.scrollingElement.scrollWidth") == width
    assert not watch.troubles
    context.close()
