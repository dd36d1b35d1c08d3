"""
The workspace in a real browser: a clerk signs in, filters, takes the list away, receives what has come.

A server of its own, since here things are reported; its pages are held to what all pages are held to.
"""

import csv
import json
import re
from datetime import UTC, datetime

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import voltrail
from tests.browser import chromium
from tests.browser.pages import Look
from tests.browser.test_pages import COLOURS, KEPT, WEIGHT, WEIGHT_BYTES, WORDS, violations, walk
from tests.browser.test_report import serving
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.errors import Refusal
from voltrail.registry.outbox import TYPES
from voltrail.registry.settings import initialise
from voltrail.registry.vehicle_alarms import AlarmRow
from voltrail.registry.vehicle_packs import Login
from voltrail.registry.webhooks import Delivery

ALSO = {"Excel", "Parquet", "shipped", "received"}  # kinds are named as lines write them
CHOSEN = "four words nobody guesses"
COMING = [sample.pack(serial) for serial in range(1, 4)]
STOCK = [sample.pack(serial) for serial in range(11, 71)]
LOGINS = {"clerk": sample.RECYCLER, "maker": sample.MAKER, "ministry": sample.AUTHORITY}
PAGES = (
    ("maker", "/workspace"),
    ("maker", "/workspace/batteries?place=in_stock&q=000001"),
    ("maker", "/workspace/batteries?q=NONE"),
    ("clerk", "/workspace/incoming"),
    ("maker", "/workspace/incoming"),
    ("maker", "/workspace/reports"),
    ("maker", "/workspace/reports/{report}"),
    ("maker", "/workspace/discrepancies"),
    ("maker", "/workspace/vehicles"),
    ("maker", f"/b/{STOCK[0]}/alarms"),
    ("maker", "/workspace/webhooks"),
    ("maker", "/workspace/webhooks/1"),
    ("maker", "/workspace/webhooks/2"),
    ("clerk", "/workspace/webhooks"),
    ("ministry", "/authority"),
    ("clerk", f"/b/{STOCK[0]}"),
)
each_page = pytest.mark.parametrize(("login", "path"), PAGES, ids=[f"{who}{path}" for who, path in PAGES])


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker with sixty packs in all sorts of places, and three on the way to a recycler without a key."""
    data = tmp_path_factory.mktemp("work") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.RECYCLER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        lines = [sample.first_life(code)[0] for code in (*COMING, *STOCK)]
        shipped = "2026-04-13T10:00:00+08:00"
        lines += [sample.line("shipped", shipped, code=code, to=sample.RECYCLER) for code in COMING]
        lines += [sample.line("retired", shipped, code=code, reason="defect") for code in STOCK[:2]]
        lines.append(
            sample.line("received", "2026-04-14T10:00:00+08:00", code=STOCK[2], from_=sample.CARMAKER)
        )
        lines.append(sample.line("received", "2096-04-14T10:00:00+08:00", code=STOCK[3]))
        registry.report(sample.report(sample.signer(sample.MAKER), lines))
        registry.enter_heads()
        now = datetime.now(UTC)
        registry.vehicle_packs.take([Login("ZZZSAMPLE99999999", now, 0, STOCK[:2])])
        for edition, flags in ((2016, 1), (2025, 1 << 23)):
            registry.vehicle_alarms.take([AlarmRow("ZZZSAMPLE99999999", now, 4, flags, edition, 0, now)])
        for alarm in registry.vehicle_alarms.page()[0]:
            registry.vehicle_alarms.keep_frames(alarm, "ab" * 32)
            assert registry.vehicle_alarms.prepare(alarm, sample.MAKER, [STOCK[0]], "{}")
        registry.vehicle_alarms.refuse(
            alarm, Refusal("alarm.own_key", "It must sign.", "Give it the lines."), now
        )
        yield registry


def add_webhooks(registry):
    """Two of the maker: one that was switched off after days of failure, one with answers of all sorts."""
    webhooks = registry.webhooks
    for url in ("https://erp.example/hooks/voltrail", "https://line-7.example/" + "very-long-path/" * 9):
        number, _ = webhooks.add(sample.MAKER, url, TYPES, "maker")
    with registry.database.pool.connection() as connection:
        connection.execute(
            "update webhook set state = 'off', why = 'failing', off_index = 12, off_at = now(),"
            " attempts = 90, waiting = 31200, failing_since = now() - interval '3 days' where id = 1"
        )
    now = datetime(2026, 11, 30, 8, tzinfo=UTC)
    for attempt, (status, said) in enumerate(
        [(None, "It has not finished its answer within 10 s."), (500, "<h1>Oops</h1>" * 30), (200, "thanks")],
        1,
    ):
        webhooks.note_delivery(number, Delivery(now, "wh_2_17", 100, attempt, status, said, 10_031))


@pytest.fixture(scope="module")
def site(registry):
    """The address of a server over that registry, and the cookie of each who signs in there."""
    app = create_app(registry)
    accounts = app.state.accounts
    cookies = {}
    for login, organisation in LOGINS.items():
        password = accounts.add(login, organisation, "member", Actor())
        person = accounts.by_session(accounts.sign_in(login, password, "setup"))
        cookies[login] = accounts.change_password(person, password, CHOSEN, "setup")
        account = person.account
        app.state.followed.add(account, STOCK[1], 0)
        app.state.followed.add(account, STOCK[5], registry.counts()["entries"])
    add_webhooks(registry)
    with serving(app) as url:
        yield url, cookies


@pytest.fixture(scope="module")
def opened(browser, site, registry):
    """Return a function that opens a page of somebody in a look, watched; one context for each of both."""
    url, cookies = site
    contexts = {}
    with registry.database.pool.connection() as connection:
        (digest,) = connection.execute(
            "select digest from report where organisation = %s", (sample.MAKER,)
        ).fetchone()

    def open_page(login, path, look):
        if (login, look) not in contexts:
            context = browser.new_context(**look.context)
            context.add_cookies([{"name": "session", "value": cookies[login], "url": url}])
            contexts[login, look] = chromium.Watch(context), context.new_page()
        watch, page = contexts[login, look]
        page.set_viewport_size(look.context["viewport"])
        page.emulate_media(color_scheme="light")
        page.goto(url + path.format(report=bytes(digest).hex()))
        if page.locator("script[src]").count():
            page.wait_for_load_state("networkidle")
        assert watch.troubles == []
        return page

    return open_page


@each_page
@pytest.mark.parametrize("look", [Look("en", "desk"), Look("zh", "desk"), Look("zh", "phone")], ids=str)
def test_it_opens(opened, login, path, look):
    """One heading, light, nothing runs out to the side, at every width; in Chinese no English is left."""
    page = opened(login, path, look)
    assert page.locator("h1").count() == 1
    assert page.evaluate(WEIGHT) <= WEIGHT_BYTES
    for width in (390,) if look.screen == "phone" else (1440, 720, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.scrollingElement.scrollWidth]") == [width, width]
    if look == Look("zh", "desk"):
        words = re.findall(r"[A-Za-z0-9_.:/-]{2,}", page.evaluate(WORDS))
        left = {one for one in words if re.fullmatch("[A-Za-z_]*[a-z][A-Za-z_]*", one)}
        assert left - KEPT - set(LOGINS) - ALSO == set()


@each_page
def test_nobody_is_shut_out(opened, login, path):
    """axe-core finds nothing, in both themes and with fingers; Tab comes to everything, in order."""
    page = opened(login, path, Look("en", "desk"))
    walk(page)
    page.evaluate(AXE_SCRIPT)
    found = violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += violations(page, {"runOnly": COLOURS})
    page.set_viewport_size(Look("en", "phone").context["viewport"])
    rules = {rule: {"enabled": False} for rule in COLOURS} | {"target-size": {"enabled": True}}
    found += violations(page, {"rules": rules})
    assert not found


def test_a_clerks_morning(browser, site):
    """Sign in, see what is to do, receive what has come, find it, take the list away, read the receipt."""
    url, _ = site
    context = browser.new_context(**Look("en", "desk").context, accept_downloads=True)
    watch, page = chromium.Watch(context), context.new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("Login").fill("clerk")
    page.get_by_label("Password").fill(CHOSEN)
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("link", name="Work", exact=True).click()
    expect(page.locator("h1")).to_have_text("3 things need you", use_inner_text=True)

    page.get_by_role("link", name="3 shipped to you and not received").click()
    page.get_by_role("checkbox", name=COMING[2]).uncheck()
    page.get_by_role("button", name="Receive those ticked").click()
    page.get_by_text("All 2 lines are on record").wait_for()
    expect(page.locator("h1")).to_have_text("1 battery is on the way to you", use_inner_text=True)

    page.get_by_role("link", name="My batteries").click()
    page.get_by_label("Part of a code").fill(COMING[1][-5:].lower())
    page.get_by_label("Place").select_option("in stock")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("h1")).to_have_text("1 battery", use_inner_text=True)
    page.wait_for_url("**place=in_stock*")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["Code", COMING[1]]
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel").click()
    assert download.value.path().read_bytes()[:2] == b"PK"

    page.get_by_role("link", name="Sent").click()
    page.locator("tbody a").first.click()
    page.get_by_text("All 2 lines are on record").wait_for()
    expect(page.get_by_role("link", name="Keep the receipt")).to_be_visible()
    # what becomes a file ends as a page
    assert [one for one in watch.troubles if not re.search(r"batteries\.(csv|xlsx).*ERR_ABORTED", one)] == []
    context.close()
