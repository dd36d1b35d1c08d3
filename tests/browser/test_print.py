"""A passport on paper: one or two sheets that say whose it is, where it stands, and what is not on them."""

import re

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.browser.chromium import Watch
from voltrail.ledger.keys import Verifier
from voltrail.registry import settings

SHEETS = 2


@pytest.fixture
def printed(browser, site):
    """Return a function that opens the passport as it is printed, for the public or for an authority."""
    watches = []

    def page_of(language, cookie=None):
        context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
        if cookie is not None:
            context.add_cookies([cookie])
        watches.append(Watch(context))
        page = context.new_page()
        page.goto(f"/b/{site.places['code']}/passport?lang={language}")
        page.wait_for_load_state("networkidle")
        return page

    yield page_of
    assert not [one for watch in watches for one in watch.troubles]


@pytest.fixture(scope="module")
def authority(site):
    """The cookie of who sees every point."""
    (vkey,) = settings.load(site.data).authorities
    return site.sign_in("inspector", Verifier(vkey).holder)


def sheets(pdf):
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_passport_prints_on_two_sheets(printed, site, authority, language):
    """With its code and the log's size, without menus; for who sees everything too, in either language."""
    for cookie in (None, authority):
        page = printed(language, cookie)
        pdf = page.pdf(format="A4")
        assert 1 <= sheets(pdf) <= SHEETS
        page.emulate_media(media="print")
        head = page.locator("div.paper")
        expect(head).to_contain_text(site.places["code"])
        expect(head).to_contain_text(re.compile(r"\d{3}"))
        for hidden in ("header.top", "footer", "aside", "#print"):
            expect(page.locator(hidden)).to_be_hidden()
        assert page.locator("main .points tr").count() > 60
        withheld = page.locator("p.paper")
        assert withheld.is_visible() if cookie is None else withheld.count() == 0


def test_the_code_on_it_leads_to_the_battery(printed, site, tmp_path):
    """A phone reads the symbol from the paper."""
    page = printed("en")
    page.emulate_media(media="print")
    page.locator("div.paper svg").screenshot(path=tmp_path / "qr.png")
    (found,) = zxingcpp.read_barcodes(Image.open(tmp_path / "qr.png"))
    assert found.text.endswith(f"/b/{site.places['code']}")


def test_the_button_prints(printed):
    """On the screen nothing of the paper is seen, but a button that opens the browser's own window."""
    page = printed("en")
    assert page.locator(".paper").first.is_hidden()
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    page.get_by_role("button", name="Print").click()
    assert page.title() == "printed"
