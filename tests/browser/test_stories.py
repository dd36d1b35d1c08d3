"""What people come to do, from the first page to the last: in both languages, at a desk and by phone."""

import json
import re
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser.pages import CROSSWISE, PLACES, Place
from voltrail.demo.tour import read_tale
from voltrail.web import Page

crosswise = pytest.mark.parametrize("look", CROSSWISE, ids=str)

HOME = PLACES[0]
VIN = "LSVAA4187E2184847"


@pytest.fixture
def tab(watched, look):
    """The tab of the look."""
    return watched(look)


@pytest.fixture
def visit(tab):
    """Return a function that opens a place, and does not wait for what its scripts load: people do not."""
    return partial(tab.open, whole=False)


@pytest.fixture
def words(look):
    """What pages say in the language of the look: `say` a sentence, `event` a kind."""
    return Page(look.language)


@pytest.fixture(scope="module")
def stops(site):
    """The stops of the tour, each with the codes of its batteries."""
    return read_tale(site.data).stops


def follow(page, name, address):
    """Press the link of this name, and see that it leads to an address that matches."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.wait_for_url(re.compile(address))


def kinds(page):
    """Return the events that a battery's page tells of, the last first."""
    return page.locator("#life > li > .row > b").all_inner_texts()


# ------------------------------------------------------------------ the tour


def test_the_tour_follows_a_pack(visit, words, stops):
    """From the front page to a life that begins and ends, on to the second life, and back by the family."""
    first, second = stops["life"][:2]
    page = visit(HOME)
    follow(page, words.say("Follow this pack"), f"/b/{first}$")
    told = kinds(page)
    assert told[-1] == words.event("manufactured")
    assert words.event("retired") in told
    assert words.event("repurposed") in told
    expect(page.locator(".state").get_by_text(words.name("ended"), exact=True)).to_be_visible()
    page.get_by_role("link", name=second).first.click()
    page.wait_for_url(f"**/b/{second}")
    assert kinds(page)[-1] == words.event("repurposed")
    page.locator("aside").get_by_role("link", name=first).click()
    page.wait_for_url(f"**/b/{first}")
    page.goto(page.url.partition("/b/")[0])
    follow(page, words.say("Its second life"), f"/b/{second}$")


def test_the_tour_shows_a_pack_that_vanished(visit, words, stops):
    """The gap stands on its page in the reader's words; what it was found as leads to it."""
    code, found_as = stops["vanished"]
    page = visit(HOME)
    follow(page, words.say("A pack that vanished"), f"/b/{code}$")
    expect(page.locator(".state .chip.bad").first).to_be_visible()
    assert page.locator("#life li.doubt .warned").first.inner_text()
    assert words.event("vehicle_scrapped") in kinds(page)
    page.go_back()
    follow(page, words.say("As it was found"), f"/b/{found_as}$")
    page.get_by_role("link", name=code).first.click()
    page.wait_for_url(f"**/b/{code}")


def test_the_tour_ends_in_a_verification(visit, words, stops):
    """Green: every step ticked, each event marked, and the evidence there to take away."""
    [code] = stops["verify"]
    page = visit(HOME)
    follow(page, words.say("Verify this one"), f"/b/{code}$")
    page.wait_for_selector("#verification[data-state=verified]")
    expect(page.locator("#mark")).to_have_text(words.say("Verified in your browser"), use_inner_text=True)
    expect(page.locator("#verification [data-ok=true]")).to_have_count(7)
    expect(page.locator("#life > li.checked")).to_have_count(page.locator("#life > li").count())
    expect(page.locator("#refused")).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name=words.say("Take the evidence")).click()
    assert json.loads(download.value.path().read_bytes())["subject"] == f"battery:{code}"


# ------------------------------------------------------------------ the search


def search(page, text):
    """Type into the search box of a page and press Enter."""
    page.locator("#q, .find input").first.fill(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def codes(page):
    """Return the codes that were found."""
    return page.locator("table a.mono").all_inner_texts()


@crosswise
def test_a_whole_code_leads_to_its_battery(visit, site):
    """With spaces and in small letters too: nobody has to choose from a list of one."""
    code = site.places["code"]
    for typed in (code, f" {code[:4]} {code[4:12].lower()} {code[12:]} "):
        page = visit(HOME)
        search(page, typed)
        page.wait_for_url(f"**/b/{code}")


@crosswise
def test_what_was_typed_wrongly_is_offered(visit, words, site):
    """Part of a code; O for 0 and I for 1; two halves the wrong way round: each with what was made of it."""
    code = site.places["code"]
    page = visit(HOME)
    search(page, code[:20])
    assert code in codes(page)
    expect(page.locator(".notice")).to_have_count(0)
    search(page, code.replace("0", "O").replace("1", "I"))
    assert codes(page) == [code]
    expect(page.locator(".notice")).to_have_text(words.say(MISREAD), use_inner_text=True)
    search(page, code[14:] + code[:14])
    assert codes(page) == [code]
    expect(page.locator(".notice")).to_have_text(words.say(HALVES), use_inner_text=True)
    page.locator("table a.mono").click()
    page.wait_for_url(f"**/b/{code}")


MISREAD = (
    "No code begins as you typed it. These do, if some characters were misread: 0 and O, 1 and I, 8 and B"
    " look alike. Compare with the label."
)
HALVES = (
    "No code reads as you typed it. This one does, with its two halves the other way round. Compare with the"
    " label."
)


@crosswise
def test_an_organisation_is_found_by_its_name(visit, site):
    """By a part of it; the row leads to its page."""
    page = visit(Place("organisation", "/organisations/{identifier}"))
    name = page.locator("h1").inner_text()
    search(page, name[:4])
    page.get_by_role("link", name=site.places["identifier"]).click()
    page.wait_for_url("**/organisations/*")
    expect(page.locator("h1")).to_have_text(name, use_inner_text=True)


@crosswise
def test_a_vehicle_is_not_told(visit, words):
    """Whoever types a VIN is told that vehicles are not public, what to type instead, and nothing else."""
    page = visit(HOME)
    search(page, VIN)
    expect(page.get_by_text(words.say("This may be a vehicle's identification number (VIN)"))).to_be_visible()
    assert not codes(page)
    expect(page.locator("#q")).to_have_value(VIN)


@crosswise
def test_nothing_found_helps(visit, words, site):
    """What was typed stays in the box, the page says what to try, and the next try succeeds."""
    page = visit(HOME)
    search(page, "Q7 NONE")
    expect(page.locator("h1")).to_have_text(
        words.say("Nothing found for “{q}”", q="Q7 NONE"), use_inner_text=True
    )
    expect(page.locator("main .plain-list li")).to_have_count(3)
    expect(page.locator("#q")).to_have_value("Q7 NONE")
    search(page, site.places["code"])
    page.wait_for_url("**/b/*")


@crosswise
def test_the_search_needs_no_mouse(visit, site):
    """From the top of the front page to a battery, with Tab and Enter alone."""
    code = site.places["code"]
    page = visit(HOME)
    reach(page, "#q")
    page.keyboard.type(code[:22])
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?*")
    reach(page, f"table a[href*='{code}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/b/{code}**")


def reach(page, selector):
    """Press Tab until what the selector names has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not come to {selector}.")


# ------------------------------------------------------------------ every number opens


@crosswise
def test_every_number_on_the_front_page_opens(visit):
    """Batteries, entries and organisations lead to their lists; what was reported last to its battery."""
    for place in ("/batteries", "/log", "/organisations"):
        page = visit(HOME)
        page.locator(f".kpi a[href^='{place}']").click()
        page.wait_for_url(f"**{place}")
        assert page.locator("h1").inner_text()


@crosswise
def test_from_a_battery_and_back(visit, words, site):
    """To its model, to the model's maker, to what that has declared, and to a battery of it again."""
    code = site.places["code"]
    page = visit(Place("battery", "/b/{code}"))
    page.locator(".facts a[href^='/models/']").click()
    page.wait_for_url("**/models/*")
    model = page.url
    assert page.locator("h1").inner_text()
    page.locator("aside a[href^='/organisations/']").click()
    page.wait_for_url("**/organisations/*")
    assert page.locator("h1").inner_text()
    page.locator(f"main a[href$='{model.rpartition('/')[2]}']").click()
    page.wait_for_url(model)
    page.locator("main table a[href^='/b/']").first.click()
    page.wait_for_url("**/b/*")
    for _ in range(4):
        page.go_back()
    page.wait_for_url(f"**/b/{code}")
    event = page.locator("#life > li").last
    index = event.get_attribute("data-index")
    event.locator(".meta a").click()
    page.wait_for_url(f"**/events/{index}")
    follow(page, words.say("Back to the life"), f"/b/{code}#e{index}$")


@crosswise
def test_the_log_is_checked_without_us(visit, words, site):
    """The page has the checkpoint with its signatures, the policy as a file, and the growth as CSV."""
    page = visit(Place("log", "/log", charts=True))
    size = page.locator(".lead").inner_text()
    assert re.search(r"\d", size)
    for name, file in (("Take it as a file", "policy.txt"), ("Take them as CSV", "growth.csv")):
        with page.expect_download() as download:
            page.get_by_role("link", name=words.say(name)).click()
        assert download.value.suggested_filename == file
    page.get_by_text(words.say("The numbers"), exact=True).click()
    rows = page.locator("details[open] tbody tr")
    expect(rows.last).to_be_visible()
    assert rows.count() > 10
    page.get_by_role("link", name=words.say("With its signatures")).click()
    page.wait_for_url("**/log/checkpoint")
    assert page.locator("body").inner_text().startswith("demo.voltrail.example/log")


# ------------------------------------------------------------------ what is not there


@crosswise
def test_an_address_that_is_none_helps(tab, visit, words, site):
    """A page that says so, in the reader's language; its search finds what was looked for."""
    page = visit(Place("no-such-address", "/nothing", 404))
    expect(page.get_by_role("heading", name=words.say("What to do"))).to_be_visible()
    tab.watch.expected = 200
    search(page, site.places["code"])
    page.wait_for_url("**/b/*")


@crosswise
def test_a_code_that_is_none_helps(tab, visit, site):
    """What was typed stands in the box; the code that was probably meant is one press away."""
    code = site.places["code"]
    page = visit(Place("turned", f"/b/{code[14:]}{code[:14]}", 400))
    expect(page.locator("#q")).to_have_value(code[14:] + code[:14])
    tab.watch.expected = 200
    page.get_by_role("link", name=code).click()
    page.wait_for_url(f"**/b/{code}")


@crosswise
def test_the_language_switch_stays_on_the_page(visit, words, look):
    """With what was searched for; the other language goes along on every further link."""
    page = visit(Place("search", "/search?q=9Z0PB"))
    page.locator("a.lang").click()
    page.wait_for_url("**/search?q=9Z0PB&lang=*")
    other = "en" if look.language == "zh" else "zh"
    assert page.locator("html").get_attribute("lang").startswith(other)
    page.locator("table a.mono").first.click()
    page.wait_for_url(f"**/b/*lang={other}")
    assert page.locator("html").get_attribute("lang").startswith(other)


# ------------------------------------------------------------------ a chart that is asked


def test_a_chart_tells_the_value_at_a_time(visit, look):
    """By pointer and by keys, in the words of the table behind it."""
    page = visit(Place("log", "/log", charts=True))
    plot = page.locator(".plot")
    plot.locator("canvas").wait_for()
    page.locator("summary", has_text=re.compile("The numbers|数据表")).click()
    said = [" · ".join(row.locator("td").all_inner_texts()) for row in page.locator("#growth tbody tr").all()]
    expect(page.locator(".reading")).to_have_text(said[-1], use_inner_text=True)
    plot.focus()
    for key, at in (
        ("ArrowLeft", -2),
        ("PageDown", -12),
        ("ArrowRight", -11),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", -1),
    ):
        page.keyboard.press(key)
        expect(page.locator(".reading")).to_have_text(said[at], use_inner_text=True)
        expect(plot).to_have_attribute("aria-valuetext", said[at])
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator(".reading").inner_text() in said[1:-1]


@crosswise
def test_a_chart_is_fetched_by_who_sees_it(browser, site, look):
    """Not while it is below the screen; where it does not come, the drawing and the table stay."""
    context = browser.new_context(**look.context | {"viewport": {"width": 390, "height": 200}})
    page = context.new_page()
    page.route("**/echarts*", lambda route: route.abort())
    page.goto(f"{site.url}/log", wait_until="networkidle")
    with page.expect_request("**/echarts*"):
        page.locator("figure svg").scroll_into_view_if_needed()
    expect(page.locator("figure svg")).to_be_visible()
    expect(page.locator(".plot")).to_be_hidden()
    context.close()
