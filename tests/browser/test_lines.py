"""A production line as whoever runs it sees it: the chart that drifts, and the way from a lot to a pack."""

import json

import pytest

from tests.browser.pages import Look
from tests.browser.test_pages import keeps_its_width, looking, nobody_shut_out, opens


@pytest.fixture(scope="module")
def places(site):
    """The addresses of the sample world's line, and the cookie of who runs it."""
    pack, lot = json.loads((site.data / "tour.json").read_text())["stops"]["line"]
    organisation = lot.partition("/")[0]
    here = f"{site.url}/technology/lines/{organisation}/Pilot%201"
    cookie = site.sign_in("line", organisation)
    return cookie, [here, f"{here}/trace?of={lot}", f"{here}/trace?of={pack}"]


@looking(("en", "desk"), ("zh", "desk"), ("en", "phone"))
def test_a_line_is_for_everybody(browser, places, look):
    """Its pages open in their language, run out to neither side, shut out nobody; steps have their names."""
    cookie, addresses = places
    context = browser.new_context(**look.context)
    context.add_cookies([cookie])
    page = context.new_page()
    for address in addresses:
        page.goto(address)
        opens(page, look, None)
        assert ("等静压" if look.language == "zh" else "Isostatic pressing") in page.locator(
            "main"
        ).inner_text()
        keeps_its_width(page, look)
        if look.screen == "desk":
            page.set_viewport_size(look.context["viewport"])
            nobody_shut_out(page, look)
    context.close()


def test_from_a_lot_one_comes_to_the_pack(browser, places):
    """Whoever types a lot into the field comes to the packs that hold it, and to a pack's page."""
    cookie, (here, by_lot, by_pack) = places
    context = browser.new_context(**Look("en", "desk").context)
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(here)
    page.get_by_label("A lot, or a battery’s code").fill(by_lot.partition("?of=")[2])
    page.get_by_role("button", name="Look").click()
    pack = by_pack.partition("?of=")[2]
    page.get_by_role("link", name=pack).click()
    assert page.url.endswith(f"/b/{pack}")
    context.close()
