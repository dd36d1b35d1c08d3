"""Lots over HTTP: who made, has or used one sees it; owners see where their battery went; nobody else."""

import csv
import io
import json
import re

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
PLANT, BUYER, STRANGER = sample.RECYCLER, sample.MAKER, sample.CARMAKER
BLACK, CARBONATE, CATHODE = f"{PLANT}/black-1", f"{PLANT}/carbonate-1", f"{BUYER}/cathode-1"
PACKS = [sample.pack(number) for number in (1, 2, 3)]


def li(fraction):
    """Return an assay of lithium."""
    return [{"element": "Li", "fraction": fraction, "uncertainty": 0.001, "method": "ICP-OES"}]


RECYCLED = sample.line(
    "recycled",
    "2026-06-03T10:00:00+08:00",
    code=PACKS[0],
    codes=PACKS[1:2],
    mass_kg=1000,
    site="S-1",
    batch="B-7",
    outputs=[
        {
            "lot": BLACK,
            "substance": "black_mass",
            "mass_kg": 250,
            "moisture_fraction": 0.2,
            "assays": li(0.05),
        }
    ],
    emissions=[{"substance": "other", "mass_kg": 750}],
)
LEACHED = sample.line(
    "lot_processed",
    "2026-06-09T10:00:00+08:00",
    process="leach",
    site="S-1",
    inputs=[{"lot": BLACK, "mass_kg": 100}],
    outputs=[{"lot": CARBONATE, "substance": "lithium_carbonate", "mass_kg": 20, "assays": li(0.18)}],
    emissions=[{"substance": "wastewater", "mass_kg": 80}],
)
MOVED = sample.line("lot_moved", "2026-06-10T10:00:00+08:00", lot=CARBONATE, to=BUYER)
SYNTHESISED = sample.line(
    "lot_processed",
    "2026-06-12T10:00:00+08:00",
    process="synthesise",
    inputs=[{"lot": CARBONATE, "mass_kg": 20}],
    outputs=[{"lot": CATHODE, "substance": "cathode_material", "mass_kg": 20, "assays": li(0.044)}],
)
SPENT = sample.line("credit_spent", "2026-06-14T10:00:00+08:00", code=sample.pack(9), lot=CATHODE, mass_kg=5)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A plant that recycled two packs, and a maker that spent what it bought on a new one."""
    data = tmp_path_factory.mktemp("lots") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        say(registry, sample.authority(), *lines)
        model = sample.line(
            "model_registered", "2026-04-01T10:00:00+08:00", model_id="S-102", composition={"Li": 6}
        )
        made = [sample.first_life(code)[0] for code in (*PACKS, sample.pack(9))]
        say(registry, sample.signer(BUYER), model, *made)
        say(registry, sample.signer(PLANT), RECYCLED, LEACHED, MOVED)
        say(registry, sample.signer(BUYER), SYNTHESISED, SPENT)
        yield registry


def say(registry, key, *lines):
    """Report lines; all of them are taken."""
    receipt = json.loads(registry.report(sample.report(key, list(lines))))
    assert receipt["refused"] == []


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account of each kind."""
    app = create_app(registry)
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        for login, organisation in (
            ("plant", PLANT), ("buyer", BUYER), ("stranger", STRANGER), ("ministry", sample.AUTHORITY),
        ):  # fmt: skip
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture(scope="module")
def ask(app):
    """Return a function that asks as somebody, for JSON or a page."""
    accounts = app.state.accounts
    secrets = {
        login: accounts.sign_in(login, CHOSEN, "setup")
        for login in ("plant", "buyer", "stranger", "ministry")
    }
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        client.follow_redirects = False

        def asked(login, path, *, page=False, **headers):
            cookie = {"Cookie": f"session={secrets[login]}"} if login else {}
            kind = HTML if page else {"Accept": "application/json"}
            return client.get(path, headers=kind | {"Accept-Language": "en"} | cookie | headers)

        yield asked


def test_an_organisation_lists_what_it_has_and_what_it_made(ask):
    """The plant has the black mass and made the carbonate that it sold; the authority lists all."""
    assert [one["lot"] for one in ask("plant", "/lots").json()["lots"]] == [BLACK]
    assert [one["lot"] for one in ask("plant", "/lots?made=1").json()["lots"]] == [BLACK, CARBONATE]
    assert [one["lot"] for one in ask("buyer", "/lots?left=1").json()["lots"]] == [CATHODE]
    assert {one["lot"] for one in ask("ministry", "/lots").json()["lots"]} == {BLACK, CARBONATE, CATHODE}
    assert ask("plant", "/lots?substance=gold").json()["error"]["rule"] == "usage.choice"
    assert ask("stranger", "/lots").json()["lots"] == []
    assert ask(None, "/lots").status_code == 401


def test_the_list_is_a_file_too(ask):
    """The same rows, for a spreadsheet."""
    text = ask("plant", "/lots.csv?made=1").content.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text)) if row and row[0].startswith(PLANT)]
    assert [row[0] for row in rows] == [BLACK, CARBONATE]


def test_a_lot_says_what_made_it_and_what_it_went_into(ask):
    """With the masses to the gram, and what is left."""
    told = ask("plant", f"/lots/{BLACK}").json()
    assert (told["mass_kg"], told["left_kg"]) == (250.0, 150.0)
    assert told["made_by"]["kind"] == "recycled"
    assert told["made_by"]["batteries"] == 2
    assert [(one["process"], one["mass_kg"]) for one in told["went_into"]] == [("leach", 100.0)]
    page = ask("plant", f"/lots/{BLACK}", page=True).text
    assert re.search(r"<h1[^>]*>250 kg of black mass; 150 kg left</h1>", page)
    assert "Made of 2 batteries that ended there." in page


def test_who_has_to_do_with_a_lot_sees_it_and_nobody_else(ask):
    """Maker, buyer and authority; for all others it is as if it were not there."""
    path = f"/lots/{CARBONATE}"
    assert [ask(who, path).status_code for who in ("plant", "buyer", "ministry", "stranger", None)] == [
        200, 200, 200, 404, 404,
    ]  # fmt: skip
    assert ask("plant", f"/lots/{PLANT}/nothing").json()["error"]["rule"] == "lot.unknown"
    assert ask("stranger", path).json()["error"]["message"] == ask(None, path).json()["error"]["message"]


def test_a_nul_is_no_name_of_a_lot(ask):
    """PostgreSQL takes no U+0000: it is told in words, and is no defect."""
    assert ask("plant", "/lots?after=%00").json()["error"]["rule"] == "usage.after"
    assert ask("plant", "/lots/x/%00").json()["error"]["rule"] == "lot.unknown"


def test_where_a_battery_went_is_followed_into_new_batteries(ask):
    """
    Two packs of 6 kg of lithium each gave 250 × 0.8 × 0.05 = 10 kg in black mass, 5 kg for one pack; 40 % of
    it was leached: 2 of its kg of 4. The carbonate has 20 × 0.18 = 3.6, half of it the pack's: 1.8; the
    cathode material 20 × 0.044 = 0.88, of which it has 0.44; a quarter of that is in the new pack: 0.11.
    """
    told = ask("plant", f"/b/{PACKS[0]}/materials").json()
    assert told["whole"] is True
    shares = {one["lot"]: one["made_kg"]["Li"] for one in told["trail"]["lots"]}
    assert shares == pytest.approx({BLACK: 5.0, CARBONATE: 1.8, CATHODE: 0.44})
    assert told["trail"]["in_new_batteries_kg"]["Li"] == pytest.approx(0.11)
    page = ask("ministry", f"/b/{PACKS[0]}/materials", page=True).text
    assert "its materials are in 3 lots" in page


def test_where_a_battery_went_is_not_public(ask):
    """Nobody learns who processes what by scanning a code; a battery that was not recycled says so."""
    refused = ask(None, f"/b/{PACKS[0]}/materials")
    assert (refused.status_code, refused.json()["error"]["rule"]) == (403, "access.materials")
    assert ask("stranger", f"/b/{PACKS[0]}/materials").json()["error"]["rule"] == "access.materials"
    page = ask(None, f"/b/{PACKS[2]}/materials", page=True)
    assert "It has not been turned back into materials" in page.text
