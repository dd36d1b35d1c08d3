"""
A registry from its first administrator on, as all who use it live through it, in one real browser each.

Administrator, authority, a maker that gets in, a car maker, a workshop, an owner, a passer-by.
"""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

import voltrail
from tests.browser import serving
from tests.browser.chromium import Watch
from tests.registry import sample
from voltrail import verify
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Policy
from voltrail.organisations.identifiers import credit_code

NEWCOMER = credit_code("91310115MA0000777")
WORKSHOP = credit_code("91310115MA0000888")
CODE = sample.pack(1)
VIN = "LSVAA4187E2184847"
CHOSEN = "four words nobody guesses"
HIDDEN = dict.fromkeys(("Where it is", "Who has it", "State of health"), "not public")
BEGUN = datetime.now(UTC) - timedelta(days=3)


def ago(hours):
    """Return a time so many hours after the story begins, as lines have it."""
    return (BEGUN + timedelta(hours=hours)).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A registry begun by `voltrail init`, served; its one-time password as printed; where its data are."""
    folder = tmp_path_factory.mktemp("people") / "data"
    words = ["init", "--origin", sample.ORIGIN, "--authority", sample.authority().vkey, "--data", str(folder)]
    begun = subprocess.run(
        [sys.executable, "-m", "voltrail.cli", *words, "--json"], check=True, capture_output=True
    )
    with voltrail.open(folder) as registry:
        lines = (folder / "host-trust.jsonl").read_bytes().splitlines()
        for name, role in ((sample.CARMAKER, "vehicle_maker"), (WORKSHOP, "repair_enterprise")):
            lines += sample.registrations(name, role)
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
    with serving.served(folder) as url:
        yield url, json.loads(begun.stdout)["one_time_password"], folder


@pytest.fixture
def opened(browser, town):
    """Return a function that opens a browser of its own; nothing may go wrong in any."""
    watches = []

    def new_page():
        context = browser.new_context(locale="en-GB", base_url=town[0], accept_downloads=True)
        watches.append(Watch(context))
        return context.new_page()

    yield new_page
    assert not [one for watch in watches for one in watch.troubles]


def sign_in(page, login, password):
    """Sign in for the first time, and choose a password."""
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", password)
    page.locator("main").get_by_role("button", name="Sign in").click()
    for field, value in (("old", password), ("new", CHOSEN), ("again", CHOSEN)):
        page.fill(f"#{field}", value)
    page.locator("main button").first.click()
    page.wait_for_url(re.compile("/(workspace|authority|accounts)$"))


def sign(page, key):
    """Sign what a page shows."""
    page.set_input_files("#key", file("k.pem", key.pem.encode()))
    page.get_by_role("button", name="Sign and put on record").click()


def make_key(page, name):
    """Have the browser make a key; return it as it was saved."""
    page.fill("#key-name", name)
    with page.expect_download() as download:
        page.click("#make-key button")
    return Signer.from_pem(Path(download.value.path()).read_text())


def send(page, lines, key=None):
    """Report lines on the page, signed with a key there or by the host."""
    page.goto("/report")
    page.set_input_files("#file", file("day.jsonl", b"".join(one + b"\n" for one in lines)))
    if key:
        page.set_input_files("#key", file("k.pem", key.pem.encode()))
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#result")).to_contain_text("on record")


def file(name, data):
    """Return a file as a person chooses it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def facts(page):
    """Return what a battery's page says of where it is, who has it and how worn it is."""
    page.goto(f"/b/{CODE}")
    said = page.locator("dl.facts").first.inner_text().split("\n")
    names = ("Where it is", "Who has it", "State of health")
    return {name: said[said.index(name) + 1] for name in names if name in said}


@pytest.mark.timeout(240)
def test_the_whole_story(opened, town):
    """First administrator, a maker let in, reports, each audience, a key rotated, a recall, the trail."""
    _, first_password, folder = town
    boss, ministry, maker, carmaker, workshop, owner, passer_by = (opened() for _ in range(7))

    sign_in(boss, "admin", first_password)
    passwords = {}
    for login, organisation in (
        ("ministry", sample.AUTHORITY),
        ("cars", sample.CARMAKER),
        ("shop", WORKSHOP),
    ):
        boss.goto("/accounts")
        boss.fill("#login", login)
        boss.fill("#organisation", organisation)
        boss.get_by_role("button", name="Make it").click()
        passwords[login] = boss.locator(".secret").first.inner_text()

    maker.goto("/register")
    maker.fill("#organisation", NEWCOMER)
    maker.fill("#name", "示例电池新厂")
    maker.select_option("#role-1", "battery_maker")
    maker.fill("#evidence-1", "Permit 7")
    maker.fill("#since-1", "2026-01-01")
    first = make_key(maker, "desk-1")
    maker.fill("#login", "maker")
    maker.click("button.go")
    expect(maker.get_by_text("has not decided yet")).to_be_visible()

    sign_in(ministry, "ministry", passwords["ministry"])
    ministry.goto("/applications")
    ministry.get_by_text("示例电池新厂").click()
    sign(ministry, sample.authority())
    expect(ministry.get_by_role("heading", name="Approved, and on record")).to_be_visible()

    maker.reload()
    maker.get_by_role("button", name="Make the account").click()
    sign_in(maker, "maker", maker.locator("section .secret").first.inner_text())
    made = [
        sample.line("model_registered", ago(0), model_id="S-102"),
        sample.line("manufactured", ago(1), code=CODE, model_id="S-102", mass_kg=612.5),
        sample.line("shipped", ago(2), code=CODE, to=sample.CARMAKER),
    ]
    send(maker, made, first)
    assert facts(maker)["Who has it"] != "not public"

    sign_in(carmaker, "cars", passwords["cars"])
    taken = [
        sample.line("received", ago(3), code=CODE, from_=NEWCOMER),
        sample.line("installed", ago(4), code=CODE, vin=VIN, reason="new"),
        sample.line("measured", ago(5), code=CODE, soh_fraction=0.97, method="capacity"),
    ]
    send(carmaker, taken, sample.signer(sample.CARMAKER))

    each_audience(ministry, carmaker, maker, workshop, passer_by, passwords)
    recalled(maker, key_rotated(maker, folder, first), carmaker, workshop, passer_by)
    passed_on(carmaker, workshop, owner)

    boss.goto("/accounts/trail")
    trail = boss.locator("main").inner_text()
    for said in ("applied", "application approved", "grant given", "recall opened", "owner’s token made"):
        assert said in trail


def each_audience(ministry, carmaker, maker, workshop, passer_by, passwords):
    """See the battery as the authority, its holder, a former one, by a grant, and as anybody."""
    assert facts(passer_by) == HIDDEN
    assert facts(maker) == HIDDEN  # it has delivered it
    everything = facts(ministry)
    assert everything["Where it is"] == "in vehicle"
    assert everything["State of health"].startswith("97")
    assert facts(carmaker) == everything

    sign_in(workshop, "shop", passwords["shop"])
    assert facts(workshop) == HIDDEN
    carmaker.goto("/grants")
    carmaker.fill("#organisation", WORKSHOP)
    carmaker.select_option("#audience", "legitimate_interest")
    carmaker.fill("#purpose", "a repair")
    carmaker.fill("#codes", CODE)
    carmaker.get_by_role("button", name="Grant it").click()
    expect(carmaker.get_by_text("a repair")).to_be_visible()
    granted = facts(workshop)
    assert granted == HIDDEN | {"State of health": everything["State of health"]}
    carmaker.reload()
    expect(carmaker.locator("main")).to_contain_text("shop")  # who looked


def key_rotated(maker, folder, first):
    """Put a new key in the place of the first, and return it; what the first signed still verifies."""
    maker.goto("/account/organisation")
    second = make_key(maker, "desk-2")
    maker.get_by_role("button", name="Prepare the change").click()
    maker.set_input_files("#held", file("k.pem", second.pem.encode()))
    sign(maker, first)
    expect(maker.get_by_role("heading", name="Keys it signs with")).to_be_visible()
    assert re.findall("desk-[12] (?:valid|revoked)", maker.locator("#keys").inner_text()) == [
        "desk-1 revoked",
        "desk-2 valid",
    ]
    taken = maker.request.get(f"/b/{CODE}/evidence").body()
    policy = Policy.parse((folder / "policy.txt").read_text())
    assert len(verify(taken, policy, [sample.authority().vkey]).events) == 5
    send(maker, [sample.line("serviced", ago(7), code=CODE, work="a look")], second)
    return second


def recalled(maker, key, carmaker, workshop, passer_by):
    """Open a recall, report it, have its holder acknowledge and a workshop do the work."""
    maker.goto("/recalls")
    maker.get_by_role("link", name="Open a recall").click()
    maker.get_by_label("Models, one a line").fill("S-102")
    maker.get_by_role("button", name="Look which they are").click()
    maker.get_by_label("Id", exact=True).fill("R-1")
    maker.get_by_label("Title").fill("A seam may leak")
    maker.get_by_label("Risk: what may happen").fill("Coolant may reach the cells.")
    maker.get_by_label("What whoever has such a battery should do").fill("Do not charge; call a workshop.")
    maker.get_by_role("button", name="Open it for 1").click()
    recall = maker.url  # the maker's own key does not let the host sign: so it signs itself
    with maker.expect_download() as lines:
        maker.get_by_role("link", name="take the lines").click()
    send(maker, Path(lines.value.path()).read_bytes().splitlines(), key)
    maker.goto(recall)
    expect(maker.get_by_text("still need")).to_be_visible()
    passer_by.goto(f"/b/{CODE}")
    expect(passer_by.get_by_role("region", name="Open recall")).to_contain_text("Do not charge")

    carmaker.goto("/recalls")
    carmaker.get_by_role("link", name="What concerns my batteries").click()
    carmaker.get_by_role("button", name="Acknowledge A seam may leak").click()
    expect(carmaker.get_by_text("acknowledged on")).to_be_visible()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    send(
        workshop,
        [sample.line("serviced", now, code=CODE, work="seal", campaign="R-1")],
        sample.signer(WORKSHOP),
    )
    passer_by.reload()
    expect(passer_by.get_by_role("region", name="Open recall")).to_have_count(0)


def passed_on(carmaker, workshop, owner):
    """Sell the car: who had the battery sees it no more, nor by a grant of theirs; its owner does."""
    before = facts(carmaker)
    send(carmaker, [sample.line("sold", ago(8), codes=[CODE], vin=VIN)], sample.signer(sample.CARMAKER))
    assert facts(carmaker) == facts(workshop) == HIDDEN
    carmaker.goto("/owner")
    carmaker.fill("#vin", VIN)
    carmaker.get_by_role("button", name="Make the owner’s token").click()
    token = carmaker.locator(".secret").first.inner_text()
    owner.goto("/owner")
    owner.fill("#token", token)
    owner.get_by_role("button", name="Show my car’s battery").click()
    expect(owner.get_by_role("link", name=CODE)).to_be_visible()
    assert facts(owner)["State of health"] == before["State of health"]
