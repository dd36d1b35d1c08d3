"""
A clerk of a laboratory, in a real browser: from a campaign to a test read from a file, and to a stage.

A server of its own, since here things are reported; its pages are held to what all pages are held to.
"""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.api.test_technology_forms import CHOSEN, CODE, FILE, registry
from tests.browser.test_pages import violations
from tests.browser.test_report import serving
from tests.registry import qualifying as q
from voltrail.accounts.trail import Actor
from voltrail.api import create_app

__all__ = ["registry"]


@pytest.fixture(scope="module")
def site(registry):
    """The address of a server over that registry, and the cookie of a clerk of the laboratory."""
    app = create_app(registry)
    accounts = app.state.accounts
    password = accounts.add("tester", q.LAB, "member", Actor())
    person = accounts.by_session(accounts.sign_in("tester", password, "setup"))
    cookie = accounts.change_password(person, password, CHOSEN, "setup")
    with serving(app) as url:
        yield url, cookie


@pytest.fixture
def page(browser, site):
    """A page of that clerk, at a desk."""
    url, cookie = site
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "session", "value": cookie, "url": url}])
    yield context.new_page()
    context.close()


def whole(page):
    """Hold a page to what all are held to: nothing shuts people out, nothing runs out to the side."""
    page.evaluate(AXE_SCRIPT)
    assert violations(page, {}) == []
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size(size)


def test_a_clerk_goes_from_a_campaign_to_a_stage(page, site):
    """Opens it, drops the file, sees checks and pictures, completes the rest, signs; it stands there."""
    url, _ = site
    page.goto(f"{url}/technology/tests/new?model={q.MODEL}")
    whole(page)
    page.fill("#campaign", "B-1")
    page.check("input[name='protocol.capacity_energy']")
    page.fill("#codes", "\n".join(q.CELLS[:3]))
    page.click("button[value=show]")
    expect(page.locator(".said-lines")).to_contain_text("B-1")
    whole(page)
    page.click("button[value=report]")
    expect(page).to_have_url(re.compile(f"/technology/tests/{q.MODEL}"))

    page.goto(f"{url}/technology/tests/report?model={q.MODEL}&campaign=B-1")
    whole(page)
    page.select_option("#sample", CODE)
    page.fill("#capacity_ah", "2")
    page.set_input_files("#file", {"name": "a.bdf.csv", "mimeType": "text/csv", "buffer": FILE})
    page.click("button[value=read]")
    expect(page.locator("#checks")).to_contain_text("Nothing speaks against this file")
    assert page.locator("#pictures svg.field").count() == 3
    assert float(page.input_value(f"[name='result.capacity_ah.{CODE}']")) == pytest.approx(2, rel=0.01)
    whole(page)
    page.select_option("#outcome", "measured")
    page.fill("#instrument", "Channel 7")
    page.fill("#signed_off_by", "A. Tester")
    page.click("button[value=show]")
    expect(page.locator(".said-lines")).to_contain_text(CODE)
    page.click("button[value=report]")
    expect(page).to_have_url(re.compile(f"/technology/tests/{q.MODEL}"))
    expect(page.locator("main")).to_contain_text("B-1")

    page.goto(f"{url}/technology/tests/grant?model={q.MODEL}&stage=laboratory")
    expect(page.locator("h1")).to_contain_text("The gate is open")
    whole(page)
    page.check("input[name='campaign.B-1']")
    page.click("button[value=show]")
    page.click("button[value=report]")
    expect(page).to_have_url(re.compile(f"/technology/tests/{q.MODEL}"))


def test_a_file_is_looked_at_in_both_languages(browser, site):
    """The page of a file says its checks in the reader's language, in the dark and on a phone as well."""
    url, cookie = site
    for language, said in (("en", "This file can be believed"), ("zh", "此文件可信")):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
        context.add_cookies([{"name": "session", "value": cookie, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/technology/cycler?lang={language}")
        whole(page)
        page.set_input_files("#file", {"name": "a.bdf.csv", "mimeType": "text/csv", "buffer": FILE})
        page.fill("#capacity_ah", "2")
        page.click("main form button")
        expect(page.locator("h1")).to_have_text(said)
        whole(page)
        context.close()
