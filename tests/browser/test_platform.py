"""The outbox to the national platform in a real browser: as it stands, and from an event to its receipt."""

import json
import re
import threading
import time

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.accounts import Accounts
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.connections.platform_stand_in import StandIn
from voltrail.registry.batches import Answer
from voltrail.registry.platform import FILES
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
ALSO = {"maker", "carmaker", "recycler", "JSON"}
# Who looks: the maker has a gateway that fails and an event that was refused, the car maker uploads by hand,
# the recycler hands nothing over.
PAGES = (
    ("maker", "/workspace/platform"),
    ("maker", "/workspace/platform/items"),
    ("maker", "/workspace/platform/items?standing=refused&rule=o73-06"),
    ("maker", "/workspace/platform/items?standing=superseded"),
    ("maker", "/workspace/platform/batches/2"),
    ("maker", "/workspace"),
    ("carmaker", "/workspace/platform"),
    ("carmaker", "/workspace/platform/batches/{open}"),
    ("carmaker", "/workspace/platform/batches/{done}"),
    ("recycler", "/workspace/platform"),
)
each_page = pytest.mark.parametrize(("who", "path"), PAGES)


def begin(data):
    """Make a registry that knows a maker, a car maker, a recycler."""
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    registry = voltrail.open(data)
    lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
    return registry


def report(registry, organisation, *lines):
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"], receipt["refused"]
    return receipt["first_index"]


def made(number):
    return sample.first_life(sample.pack(number))[0]


def session_of(registry, login, organisation):
    accounts = Accounts(registry.database)
    once = accounts.add(login, organisation, "member", Actor())
    person = accounts.by_session(accounts.sign_in(login, once, "setup"))
    return accounts.change_password(person, once, CHOSEN, "setup")


def follow(registry):
    while registry.platform.follow():
        pass


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The address of a server over three outboxes, the cookies of who looks, and the numbers of batches."""
    with begin(tmp_path_factory.mktemp("outboxes") / "data") as registry:
        cookies = {
            login: session_of(registry, login, organisation)
            for login, organisation in zip(("maker", "carmaker", "recycler"), sample.ROLES, strict=True)
        }
        registry.platform.switch_on(sample.MAKER, "maker", "http", "https://gateway.example/batches")
        nameless = sample.line(
            "manufactured", "2026-05-01T10:00:00+08:00", code=f"NC-{sample.MAKER}-1", model_id="S-102"
        )
        first = report(registry, sample.MAKER, made(1), made(2), nameless)
        follow(registry)
        batch = registry.batches.claim(["http"])
        answers = [Answer(first, receipt="R-1"), Answer(first + 1, receipt="R-2")]
        registry.batches.note(batch, [*answers, Answer(first + 2, reason="电池编码不符合 GB/T 34014")], 0)
        void = sample.line(
            "corrected", "2026-05-02T10:00:00+08:00", code=sample.pack(1), corrects=first, void=True
        )
        report(registry, sample.MAKER, made(3), void)
        follow(registry)
        batch = registry.batches.claim(["http"])
        registry.batches.note(batch, [], 600, "It answered 503. 系统维护")
        registry.platform.switch_on(sample.CARMAKER, "carmaker", FILES)
        vehicles = [{"vin": f"LSVAA4187E218480{one}", "codes": [sample.pack(one)]} for one in range(1, 4)]
        when = "2026-05-{:02}T10:00:00+08:00"
        for vehicle in vehicles:
            report(
                registry,
                sample.CARMAKER,
                sample.line("vehicle_certified", when.format(1), **vehicle),
                sample.line("sold", when.format(4), **vehicle),
            )
        follow(registry)
        done = registry.batches.make(sample.CARMAKER, "o73-02")
        entries = registry.batches.open_of(sample.CARMAKER, done)
        said = [Answer(entries[0], reason="车辆识别代号重复"), Answer(entries[1], receipt="2026-0001")]
        registry.batches.answer(sample.CARMAKER, done, [*said, Answer(entries[2], receipt="2")], "carmaker")
        numbers = {"done": done, "open": registry.batches.make(sample.CARMAKER, "o73-02-sale")}
        with serving(create_app(registry)) as url:
            yield url, cookies, numbers


@pytest.fixture(scope="module")
def opened(browser, shown):
    """Return a function that opens a page as somebody sees it, watched; one context for each."""
    url, cookies, numbers = shown
    contexts = {}

    def open_page(who, path, look):
        if (who, look) not in contexts:
            context = browser.new_context(**look.context)
            context.add_cookies([{"name": "session", "value": cookies[who], "url": url}])
            contexts[who, look] = chromium.Watch(context), context.new_page()
        watch, page = contexts[who, look]
        page.set_viewport_size(look.context["viewport"])
        page.emulate_media(color_scheme="light")
        page.goto(url + path.format(**numbers))
        assert watch.troubles == []
        return page

    yield open_page
    for _, page in contexts.values():
        page.context.close()


@each_page
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, who, path, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    page = opened(who, path, look)
    assert page.locator("h1").count() == 1
    assert page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk"):
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - ALSO == set()


@each_page
def test_nobody_is_shut_out(opened, who, path):
    """axe-core finds nothing, in both themes and with fingers; Tab comes to everything, in order."""
    page = opened(who, path, Look("en", "desk"))
    walk(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look("en", "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


@pytest.fixture
def registry(tmp_path):
    """A registry whose maker has an account."""
    with begin(tmp_path / "data") as registry:
        yield registry


@pytest.fixture
def tab(browser, registry):
    """Return a function that opens a browser's page, signed in for the maker, on a server's address."""
    cookie, contexts = session_of(registry, "maker", sample.MAKER), []

    def open_tab(url):
        context = browser.new_context(**Look("en", "desk").context)
        context.add_cookies([{"name": "session", "value": cookie, "url": url}])
        contexts.append(context)
        return chromium.Watch(context), context.new_page()

    yield open_tab
    for context in contexts:
        context.close()


def wait_for(page, text):
    """Load a page again until it says something."""
    until = time.monotonic() + 60
    while text not in page.content() and time.monotonic() < until:
        time.sleep(0.2)
        page.reload()
    assert text in page.content()


def test_from_a_reported_event_to_the_platforms_receipt(registry, tab, tmp_path):
    """Switched on by the page, signed with the secret shown once; the receipt stands beside the event."""
    service = StandIn(tmp_path / "platform.sqlite")
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        with serving(create_app(registry, ["127.0.0.0/8"])) as url:
            watch, page = tab(url)
            page.goto(f"{url}/workspace")
            page.get_by_role("link", name="National platform").click()
            page.get_by_label("a gateway, by http").check()
            page.get_by_label("Address of your gateway").fill(service.url)
            page.get_by_role("button", name="Switch it on").click()
            service.secret = page.locator(".secret").inner_text()
            service.plan.extend(["busy", "lost"])
            report(registry, sample.MAKER, made(1))
            page.goto(f"{url}/workspace/platform")
            wait_for(page, "The platform has accepted everything")
            page.locator(".todo a", has_text="accepted").click()
            expect(page.get_by_text("STANDIN-00000001")).to_be_visible()
            page.locator("td a.mono").first.click()
            page.wait_for_url(f"**/b/{sample.pack(1)}/events/*")
            assert watch.troubles == []
        assert [one.event for one in service.store.held()] == [json.loads(made(1))]
    finally:
        service.close()
        thread.join()


def test_a_clerk_uploads_by_hand(registry, tab):
    """Files are made, taken and answered; what was refused is found from the workspace, and sent again."""
    with serving(create_app(registry)) as url:
        watch, page = tab(url)
        page.goto(f"{url}/workspace/platform")
        page.get_by_role("button", name="Switch it on").click()
        entry = report(registry, sample.MAKER, made(1), made(2))
        wait_for(page, "2 events are for you to upload")
        page.get_by_role("button", name="Make files of 2").click()
        with page.expect_download() as taken:
            page.get_by_role("link", name="JSON").click()
        document = json.loads(taken.value.path().read_text())
        assert [one["index"] for one in document["items"]] == [entry, entry + 1]
        page.get_by_label("Refused, one a line").fill("no number")
        page.get_by_role("button", name="Note it").click()
        expect(page.get_by_role("alert")).to_contain_text("does not read", use_inner_text=True)
        expect(page.get_by_label("Refused, one a line")).to_have_value("no number")
        watch.troubles.clear()  # the browser notes the 400
        page.get_by_label("Refused, one a line").fill(f"{entry}, 编码重复")
        page.get_by_label("Receipt number of all").fill("2026-17")
        page.get_by_role("button", name="Note it").click()
        page.get_by_role("heading", name="Answered: 1 refused").wait_for()
        page.get_by_role("link", name="Overview").click()
        page.get_by_role("link", name="The national platform refused 1 event").click()
        expect(page.get_by_text("编码重复")).to_be_visible()
        page.get_by_role("button", name="Send it again").click()
        page.get_by_role("heading", name="1 event is for you to upload").wait_for()
        assert watch.troubles == []
    deeds = {one.action for one in Accounts(registry.database).trail()[0]}
    assert {f"platform.{one}" for one in ("on", "made", "answered", "again")} <= deeds
