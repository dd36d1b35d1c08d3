"""
A maker asks a supplier, in a real browser: the supplier opens the link, fills in, signs; the maker accepts.

A server of its own, since here things are reported.
"""

# ruff: noqa: F811 - fixtures of another module are imported

import json
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import expect

import voltrail
from tests.browser.test_organisations import (  # noqa: F401
    CHOSEN,
    address,
    bodies,
    choose,
    looked_at,
    opened,
    sign_in,
)
from tests.registry import sample
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.ledger.keys import Signer
from voltrail.organisations.identifiers import credit_code
from voltrail.registry.lookup import Lookup
from voltrail.registry.settings import initialise

MAKER = credit_code("91310115MA0000778")
MODELS = ("WEB-1", "WEB-2")
DUE = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with a maker for which the host signs, and two models of it."""
    data = tmp_path_factory.mktemp("suppliers") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = sample.registrations(MAKER, "battery_maker")[:2]
        lines += sample.registrations(sample.CARMAKER, "vehicle_maker")
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        lines += [
            sample.line("model_registered", "2026-05-01T10:00:00+08:00", model_id=one, name=f"Pack {one}")
            for one in MODELS
        ]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for the maker."""
    app = create_app(registry)
    accounts = app.state.accounts
    password = accounts.add("maker", MAKER, "member", Actor())
    person = accounts.by_session(accounts.sign_in("maker", password, "setup"))
    accounts.change_password(person, password, CHOSEN, "setup")
    return app


@pytest.fixture(scope="module", autouse=True)
def declared(registry, app):
    """The models are the maker's own: declared by it, with the host's signature."""
    for number, model in enumerate(("WEB-3", "WEB-4")):
        line = sample.line("model_registered", f"2026-05-02T10:0{number}:00+08:00", model_id=model)
        receipt = json.loads(registry.report_lines(MAKER, [line], "all", bytes([number]) * 32))
        assert not receipt["refused"]


def ask(page, model, part, points):
    """Ask for points of a part, and return the link that the page shows."""
    page.goto(f"/requests/new?model={model}")
    for point in points:
        page.check(f"input[name=point][value={point}]")
    for field, value in (
        ("part", part),
        ("supplier", "Kathode 示例"),
        ("contact", "a@b.example"),
        ("due", DUE),
    ):
        page.fill(f"#{field}", value)
    page.click("text=Make the request")
    page.wait_for_load_state()
    return page.locator(".secret").inner_text() if page.locator(".secret").count() else None


def test_the_story(opened, registry, bodies):
    """From what is missing to a signed value in the record; the private key is in nothing that was sent."""
    maker, supplier = opened(), opened()
    sign_in(maker, "maker", CHOSEN)
    maker.goto("/completeness")
    looked_at(maker)
    maker.goto("/completeness?model=WEB-3")
    looked_at(maker)
    maker.goto("/requests/new?model=WEB-3")
    looked_at(maker)
    link = ask(maker, "WEB-3", "cell", ["mass_kg", "cathode_material"])
    looked_at(maker)

    supplier.goto("/answers")
    looked_at(supplier)
    supplier.goto(link)  # the same page, with another fragment
    supplier.locator("#answer").wait_for()
    expect(supplier).not_to_have_url(re.compile("answer_"))
    supplier.fill("#value-mass_kg", "about 3")
    supplier.click("text=Check and sign")
    supplier.wait_for_load_state()
    expect(supplier.locator("#note-mass_kg")).to_contain_text("about 3", use_inner_text=True)
    looked_at(supplier)
    supplier.fill("#value-mass_kg", "3.25")
    supplier.fill("#value-cathode_material", "磷酸铁锂 LiFePO4")
    supplier.click("text=Check and sign")
    supplier.wait_for_url("**/answers/sign")
    looked_at(supplier)
    with supplier.expect_download() as download:
        supplier.click("text=Make a key, sign and send")
    supplier.wait_for_url("**/answers")
    looked_at(supplier)
    key = Signer.from_pem(Path(download.value.path()).read_text())

    maker.goto("/workspace")
    maker.click("text=1 answer of a supplier waits")
    looked_at(maker)
    maker.click("text=cell")
    looked_at(maker)
    maker.click("text=Return it with a reason")
    maker.fill("#reason", "In grams?")
    maker.click("button:has-text('Return it')")
    supplier.reload()
    expect(supplier.locator(".notice")).to_contain_text("In grams?", use_inner_text=True)
    supplier.click("text=Check and sign")
    supplier.wait_for_url("**/answers/sign")
    choose(supplier, "#key", key)  # the same hand
    supplier.click("text=Sign with this key and send")
    supplier.wait_for_url("**/answers")
    maker.reload()
    maker.click("text=Accept the answer")
    maker.wait_for_load_state()
    expect(maker.locator(".state")).to_contain_text("accepted", use_inner_text=True)
    looked_at(maker)

    with registry.database.pool.connection() as connection:
        chain = Lookup(connection, registry.authorities, None, None).chain("model:WEB-3")
    event = chain[-1].event
    assert event.points == {"cathode_material": "磷酸铁锂 LiFePO4", "mass_kg": 3.25}
    assert b64decode(event.public_key) == key.verifier.public_key
    public = Ed25519PublicKey.from_public_bytes(b64decode(event.public_key))
    public.verify(b64decode(event.signature), event.answer.encode())
    private = key.pem.split("-----")[2].strip().encode()
    assert not any(private in body for body in bodies)

    assert ask(maker, "WEB-4", "cell", ["mass_kg"]) is None  # another model with the part: taken over
    looked_at(maker)
    maker.click("#offered a")
    with maker.expect_navigation():
        maker.click("button:has-text('Take it over')")
    maker.goto("/completeness?model=WEB-4")
    expect(maker.locator("#there")).to_contain_text("3.25", use_inner_text=True)
