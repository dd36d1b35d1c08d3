"""Signing in as people do it: what the browser keeps and what the pages say, in each look."""

import pytest
from playwright.sync_api import expect

import voltrail
from tests.browser.pages import CROSSWISE, LOOKS, Place
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.web import Page

CHOSEN = "four words nobody guesses"
REFUSED = (
    "Login and password do not fit together, or the account is shut. Type both again; an administrator can"
    " give you a new one-time password."
)
MUST_CHANGE = (
    "You signed in with a one-time password. Choose one of your own; until then you see what the public sees."
)


@pytest.fixture(scope="module")
def once(site):
    """For each look the one-time password of a clerk's account."""
    with voltrail.open(site.data) as registry:
        accounts, organisation = Accounts(registry.database), site.places["identifier"]
        return {look: accounts.add(f"clerk-{look}", organisation, "member", Actor()) for look in LOOKS}


@pytest.fixture
def tab(watched, look):
    """A tab of its own: no other test's cookies are there."""
    return watched(look, color_scheme="light")


@pytest.fixture
def page(tab):
    """The page to sign in."""
    return tab.open(Place("sign-in", "/sign-in"))


def sign_in(page, login, password):
    page.locator("#login").fill(login)
    page.locator("#password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_clerk_s_first_day(tab, page, look, once, site):
    """
    A wrong password is refused in words; the right one leads to a password of one's own, then to the work.

    The language switch stays where one is, signed in; after signing out the account is shut again.
    """
    words, login = Page(look.language), f"clerk-{look}"
    tab.watch.expected = 401
    sign_in(page, login, "not this one")
    expect(page.get_by_role("alert")).to_have_text(words.say(REFUSED), use_inner_text=True)
    expect(page.locator("#login")).to_have_value(login)
    expect(page.locator("#password")).to_have_value("")
    tab.watch.expected = 200
    sign_in(page, login, once[look])
    page.wait_for_url("**/account/password")
    expect(page.locator(".notice")).to_have_text(words.say(MUST_CHANGE), use_inner_text=True)
    page.locator("#old").fill(once[look])
    for field, value in (("#new", CHOSEN), ("#again", CHOSEN)):
        page.locator(field).fill(value)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workspace")
    expect(page.locator("header .who b")).to_have_text(login, use_inner_text=True)
    page.locator("header .who").click()
    page.wait_for_url("**/account")
    expect(page.locator("h1")).to_have_text(words.say("My account"), use_inner_text=True)
    other = "en" if look.language == "zh" else "zh"
    page.locator("a.lang").click()
    page.wait_for_url(f"**/account?lang={other}")
    expect(page.locator("h1")).to_have_text(Page(other).say("My account"), use_inner_text=True)
    page.locator("a.lang").click()
    page.wait_for_url(f"**/account?lang={look.language}")
    page.get_by_role("button", name=words.say("Sign out"), exact=True).click()
    page.wait_for_url(f"{site.url}/**")
    expect(page.locator("header .who")).to_have_text(words.say("Sign in"), use_inner_text=True)
    page.goto(f"{site.url}/account")
    page.wait_for_url("**/sign-in")


@pytest.fixture
def signed_in(tab):
    """The account's page of somebody who is signed in."""
    return tab.open(Place("account", "/account", signed_in=True))


@pytest.mark.parametrize("look", CROSSWISE, ids=str)
def test_the_language_can_be_switched_after_a_form(tab, signed_in, look):
    """Also where the page answers a form: the switch leads to a page, not to where only forms are sent."""
    words = Page(look.language)
    signed_in.locator("#name").fill("a program")
    signed_in.locator("[name=scope]").first.check()
    with signed_in.expect_navigation():
        signed_in.get_by_role("button", name=words.say("Make it")).click()
    signed_in.locator("a.lang").click()
    signed_in.wait_for_url("**lang=*")
    other = Page("en" if look.language == "zh" else "zh")
    expect(signed_in.locator("h1")).to_have_text(other.say("My account"), use_inner_text=True)
