"""A clerk has a program told, in a real browser: adds it, tries it, changes its secret."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.serving import free_port
from tests.client.conftest import serving
from tests.registry import sample
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.client import verify_webhook
from voltrail.registry.settings import initialise

from tests.browser.test_report import serving as serving_app  # isort: skip

CHOSEN = "four words nobody guesses"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry whose car maker has an account."""
    data = tmp_path_factory.mktemp("webhooks") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        yield registry


def test_from_an_address_to_a_signed_message(registry, browser):
    """The secret shown once verifies what comes; the page shows the answer; in the end nothing is left."""
    accounts, came, secrets = Accounts(registry.database), [], []
    once = accounts.add("clerk", sample.CARMAKER, "member", Actor())
    person = accounts.by_session(accounts.sign_in("clerk", once, "setup"))
    cookie = accounts.change_password(person, once, CHOSEN, "setup")

    def take(handler):
        came.extend(verify_webhook(secrets[-1], dict(handler.headers), handler.body))
        handler.say(200, "收到，谢谢".encode())

    app = create_app(registry, ["127.0.0.0/8"])
    with serving(take, free_port()) as receiver, serving_app(app) as url:
        context = browser.new_context(**Look("en", "desk").context)
        context.add_cookies([{"name": "session", "value": cookie, "url": url}])
        watch, page = chromium.Watch(context), context.new_page()
        page.goto(f"{url}/workspace")
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address of your program").fill("https://u:p@x.example")
        page.get_by_role("button", name="Add it").click()
        expect(page.get_by_role("alert")).to_contain_text("without name, password", use_inner_text=True)
        expect(page.get_by_label("Address of your program")).to_have_value("https://u:p@x.example")
        page.get_by_label("Address of your program").fill(f"{receiver}/hook")
        page.get_by_label("your reports that were taken").uncheck()
        watch.troubles.clear()  # the browser notes the 400
        page.get_by_role("button", name="Add it").click()
        secrets.append(page.locator(".secret").inner_text())
        page.get_by_role("button", name="Try it").click()
        expect(page.locator("pre.said")).to_contain_text("收到，谢谢", use_inner_text=True)
        assert [one["type"] for one in came] == ["webhook.test"]
        assert secrets[0] not in page.content()
        registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))))
        until = time.monotonic() + 60
        while len(came) < 2 and time.monotonic() < until:
            registry.holdings.follow()
            time.sleep(0.1)
        assert [(one["type"], one["kind"]) for one in came[1:]] == [("battery.event", "shipped")]
        page.get_by_role("button", name="Change the secret").click()
        secrets.append(page.locator(".secret").inner_text())
        assert secrets[0] != secrets[1]
        page.get_by_role("button", name="Try it").click()
        assert [one["type"] for one in came[2:]] == ["webhook.test"]
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("paused").wait_for()
        page.get_by_role("button", name="Switch it on again").click()
        page.get_by_text("Delete it").click()
        page.get_by_label(re.compile("I am sure")).check()
        page.get_by_role("button", name="Delete this webhook").click()
        page.get_by_text("None of your programs").wait_for()
        assert watch.troubles == []
        context.close()
    deeds = {one.action for one in accounts.trail()[0]}
    assert {f"webhook.{one}" for one in ("added", "rotated", "paused", "resumed", "deleted")} <= deeds
