"""Swap stations in a real browser: the map, a station, a plan while its numbers move, a day replayed."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from tests.registry.swapping import OTHER, STATION, SWAPPER, VINS, begin, send, station, swapped
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
PACKS = [sample.pack(serial) for serial in range(301, 309)]
DESK, PHONE = Look("en", "desk"), Look("en", "phone")
ALSO = {"Station", "swapper", "ST-1", "ST-2", "ST-3", "ST-4", "Plan", "journey"}
PAGES = ("/stations", "/stations/ST-1", "/stations/ST-2", "/stations/planning", "/stations/replay")
each_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server over a network of four stations, one of which speaks; the operator's cookie."""
    data = tmp_path_factory.mktemp("stations") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        begin(registry, PACKS)
        more = {"bays": 1, "slots": 8, "chargers": 4, "charger_kw": 300}
        send(registry, SWAPPER, station(**more), station("ST-3", latitude=23.5, longitude=112.6))
        send(registry, SWAPPER, station("ST-4", latitude=None, longitude=None))
        send(registry, SWAPPER, swapped(8, VINS[0], PACKS[0], PACKS[3]))
        while registry.stations.follow():
            pass
        say(registry, queue=2, charges=(1, 0.5, 0.25))
        app = create_app(registry)
        accounts = app.state.accounts
        password = accounts.add("swapper", SWAPPER, "member", Actor())
        person = accounts.by_session(accounts.sign_in("swapper", password, "setup"))
        with serving(app) as url:
            yield registry, url, accounts.change_password(person, password, CHOSEN, "setup")


def say(registry, queue, charges):
    """Let a station say how it stands: full packs are ready now, others in an hour."""
    now = datetime.now(UTC)
    packs = {
        pack.code: {
            "charge": charge,
            "ready_at": (now + timedelta(hours=charge < 1)).isoformat(),
            "slot": number,
        }
        for number, (pack, charge) in enumerate(
            zip(registry.stations.one(STATION).packs, charges, strict=False), 1
        )
    }
    word = json.dumps({"at": now.isoformat(), "queue": queue, "packs": packs})
    registry.stations.say(STATION, SWAPPER, "swapper", word.encode(), now)


@pytest.fixture(scope="module")
def opened(browser, site):
    """Return a function that opens a page in a look, watched; one context for each."""
    _, url, cookie = site
    contexts = {}

    def open_page(path, look=DESK, *, signed_in=True, **options):
        key = look, signed_in, repr(options)
        if key not in contexts:
            context = browser.new_context(**look.context | options)
            if signed_in:
                context.add_cookies([{"name": "session", "value": cookie, "url": url}])
            contexts[key] = chromium.Watch(context), context.new_page()
        watch, page = contexts[key]
        watch.troubles.clear()
        page.set_viewport_size(look.context["viewport"])
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        page.goto(url + path)
        if path.startswith("/stations/replay") and options.get("java_script_enabled", True):
            page.locator("#reading").wait_for()
        assert watch.troubles == []
        return page

    return open_page


@each_page
@pytest.mark.parametrize("look", [DESK, Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, path, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    page = opened(path, look)
    assert page.locator("h1").count() == 1
    assert path == "/stations/replay" or page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk"):
        text = re.sub(r"\bvoltrail( [a-z]+)+", "", page.evaluate(WORDS))
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", text)
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - ALSO == set()


@each_page
def test_nobody_is_shut_out(opened, path):
    """axe-core finds nothing, in both themes and with fingers; Tab comes to everything, in order."""
    page = opened(path)
    chromium.settled(page)
    walk(page)
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(PHONE.context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


def test_the_map_leads_to_a_station(opened):
    """Stations with a place are on the map, with what is ready and who waits; a click opens one."""
    page = opened("/stations")
    assert page.locator("circle.station").count() == 3
    assert page.locator("text.queue").all_text_contents() == ["2"]
    assert sorted(page.locator("text.ready").all_text_contents()) == ["1", "?", "?"]
    assert "Shenzhen" not in page.locator("h1").inner_text()
    page.locator("circle.station:not(.unknown)").click()
    page.wait_for_url("**/stations/ST-1")
    expect(page.locator("h1")).to_have_text("Station ST-1", use_inner_text=True)


def test_the_map_renews_itself(opened, site, browser):
    """What a station says is there within 15 seconds, without a hand."""
    registry, url, _ = site
    context = browser.new_context(**DESK.context)
    page = context.new_page()
    page.clock.install()
    page.goto(url + "/stations")
    page.wait_for_load_state("networkidle")
    say(registry, queue=7, charges=(1, 0.5, 0.25))
    try:
        page.clock.fast_forward(16_000)
        page.locator("text.queue", has_text="7").wait_for()
    finally:
        say(registry, queue=2, charges=(1, 0.5, 0.25))
        context.close()


def test_a_list_is_sorted_and_searched(opened):
    """Where most trucks wait comes first when asked for; words find a station, or nothing."""
    page = opened("/stations?order=queue")
    assert page.locator("tbody tr").first.inner_text().startswith("Station ST-1")
    page.locator("#q").fill("ST-3")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page = opened("/stations?q=nowhere")
    assert "No station is found" in page.locator("h1").inner_text()


def test_a_phone_has_the_list_first(opened):
    """On a phone the list stands above the map."""
    page = opened("/stations", PHONE)
    tops = [page.locator(one).bounding_box()["y"] for one in (".network-list", ".network-map")]
    assert tops == sorted(tops)


def test_packs_are_shown_to_whom_they_concern(opened):
    """The operator sees each pack in its slot, free slots and swaps; the public how many are ready."""
    page = opened(f"/stations/{STATION}")
    text = page.locator("main").inner_text()
    assert all(code in text for code in (PACKS[0], PACKS[4]))
    assert page.locator(".slots li.empty").count() == 8 - 3
    assert VINS[0] in text
    text = opened(f"/stations/{STATION}", signed_in=False).locator("main").inner_text()
    assert "One pack is ready" in text
    assert not any(code in text for code in (*PACKS, *VINS))
    assert "has not said" in opened(f"/stations/{OTHER}").locator("main").inner_text()


def test_a_slider_changes_the_answer(opened):
    """Moving a number changes wait, title and address at once, and the address gives the same page again."""
    page = opened("/stations/planning")
    before = page.locator("h1").inner_text()
    page.locator("[data-moves=swaps_per_day]").fill("250")
    page.locator("h1", has_not_text=before).wait_for()
    after = page.locator("h1").inner_text()
    page.wait_for_url("**swaps_per_day=250*")
    expect(page.locator("#swaps_per_day")).to_have_value("250")
    expect(page.locator("#told")).to_have_text(after, use_inner_text=True)
    page.goto(page.url)
    expect(page.locator("h1")).to_have_text(after, use_inner_text=True)


def test_the_cheapest_size_comes_by_itself_and_is_taken_over(opened):
    """Once nothing moves the cheapest size is there; taken over, it is the station, and within the target."""
    page = opened("/stations/planning?packs=40&chargers=20&swaps_per_day=60")
    page.get_by_role("link", name="Take it over").click()
    page.get_by_text("This is the cheapest size that meets the target.").wait_for()
    expect(page.locator("#packs")).not_to_have_value("40")
    expect(page.get_by_text("within the target", exact=True)).to_be_visible()


def test_a_wrong_number_is_told_in_place(opened):
    """The field is marked, what was typed stays, and a right number mends it."""
    page = opened("/stations/planning")
    page.locator("#packs").fill("9999")
    page.locator("#packs[aria-invalid]").wait_for()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("#packs").fill("30")
    page.locator("#packs:not([aria-invalid])").wait_for()
    page.get_by_role("alert").wait_for(state="detached")


def test_too_many_trucks_are_an_answer(opened):
    """A queue that would grow for ever is said so, with what is short."""
    page = opened("/stations/planning?swaps_per_day=900")
    assert "grow for ever" in page.locator("h1").inner_text()
    assert "serve" in page.get_by_role("alert").inner_text()


def test_a_plan_is_made_without_scripts(opened):
    """The form has a button that does the same."""
    page = opened("/stations/planning", java_script_enabled=False)
    before = page.locator("h1").inner_text()
    page.locator("#swaps_per_day").fill("250")
    page.get_by_role("button", name="Simulate").click()
    expect(page.locator("h1")).not_to_have_text(before, use_inner_text=True)
    page.get_by_role("link", name="Find the cheapest size").click()
    expect(page.locator("#cheapest svg")).to_be_visible()


def test_a_scenario_is_taken_away(opened):
    """The file holds the numbers of the page."""
    page = opened("/stations/planning?packs=17")
    with page.expect_download() as download:
        page.get_by_role("link", name="Scenario as TOML").click()
    assert "packs = 17" in download.value.path().read_text()


def clock_of(page):
    """Return the time of day that a replay shows, in minutes."""
    hours, minutes = page.locator("#reading").inner_text()[:5].split(":")
    return 60 * int(hours) + int(minutes)


def test_play_moves(opened):
    """The time goes on, the line and the station with it, until it is stopped."""
    page = opened("/stations/replay")
    page.locator("#speed").select_option("0.5")
    began, line = clock_of(page), page.locator("#playhead").get_attribute("transform")
    page.get_by_role("button", name="Play").click()
    deadline = time.monotonic() + 20
    while clock_of(page) < began + 60 and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Pause").click()
    stopped = clock_of(page)
    assert stopped >= began + 60
    assert page.locator("#playhead").get_attribute("transform") != line
    page.wait_for_timeout(200)
    assert clock_of(page) == stopped


def test_a_day_is_stepped_by_keys(opened):
    """Arrow keys go by minutes, page keys by hours; what is read out says the time."""
    page = opened("/stations/replay")
    page.locator("#at").focus()
    began = clock_of(page)
    page.keyboard.press("ArrowRight")
    assert clock_of(page) == began + 1
    page.keyboard.press("PageUp")
    assert clock_of(page) == began + 61
    assert page.locator("#at").get_attribute("aria-valuetext") == page.locator("#reading").inner_text()


def test_little_motion_is_respected(opened):
    """Who wants little motion gets steps of a quarter of an hour, not a moving line."""
    page = opened("/stations/replay")
    page.emulate_media(reduced_motion="reduce")
    seen = page.evaluate("""async () => {
        const at = document.getElementById("at"), seen = [Number(at.value)]
        document.getElementById("speed").value = "0.5"
        document.getElementById("play").click()
        while (seen.length < 4) {
            await new Promise(requestAnimationFrame)
            if (Number(at.value) !== seen.at(-1)) seen.push(Number(at.value))
        }
        document.getElementById("play").click()
        return seen
    }""")
    assert all(after - before >= 14.9 for before, after in pairwise(seen))


def test_policies_and_days_differ(opened):
    """Another policy and another seed are other days; the same address is the same."""
    texts = [
        opened(f"/stations/replay?{query}").locator(".lead").inner_text()
        for query in ("seed=3", "seed=3&policy=valley_only", "seed=4", "seed=3")
    ]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_a_day_is_a_picture_without_scripts(opened):
    """The lanes stand there as they are, with their numbers; nothing to play is shown."""
    page = opened("/stations/replay", java_script_enabled=False)
    assert page.locator(".day path.charge").count() >= 3
    assert page.locator("#play").is_hidden()
    assert page.locator("details table tbody tr").count() == 24
