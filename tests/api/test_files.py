"""A spreadsheet's way into the record over HTTP: nothing wrong passes, nothing right is lost, nothing twice."""

import csv
import io
import json
import re
import time
from datetime import UTC, datetime

import openpyxl
import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.ledger.receipts import verify_receipt
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
HEADS = ["Event", "Occurred at", "Battery code", "Mass (kg)", "Site"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker without a key of its own, and a car maker with one that does not let the host sign."""
    data = tmp_path_factory.mktemp("files") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.MAKER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        registry.enter_heads()
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in (("maker", sample.MAKER), ("carmaker", sample.CARMAKER)):
            accounts = app.state.accounts
            once = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, once, "setup"))
            accounts.change_password(person, once, CHOSEN, "setup")
        app.state.files.start()
        yield app
        app.state.files.close()


class Clerk:
    """Who is signed in, and sends files."""

    def __init__(self, app, login):
        self.client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        self.client.follow_redirects = False
        self.client.headers.update({"Accept-Language": "en"})
        self.client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        self.csrf = re.search(r'name="csrf" value="([^"]*)"', self.page("/workspace/files").text)[1]

    def page(self, path, **options):
        return self.client.get(path, headers=HTML, **options)

    def told(self, path):
        return self.client.get(path, headers={"Accept": "application/json"}).json()

    def post(self, path, **fields):
        return self.client.post(path, data={"csrf": self.csrf, **fields}, headers=HTML)

    def send(self, name, content):
        """Send a file from the page; return the address of its page."""
        answer = self.client.post(
            "/workspace/files", data={"csrf": self.csrf}, files={"file": (name, content)}, headers=HTML
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def wait(self, path, *states):
        """Wait until a file has come to one of some states; return it."""
        while (told := self.told(path))["state"] in {"opening", "checking", "recording"}:
            time.sleep(0.02)
        assert told["state"] in states, told
        return told


@pytest.fixture
def maker(app):
    """A clerk of the maker, for whom the host signs."""
    return Clerk(app, "maker")


def made(serial, **cells):
    """Return the cells of a row."""
    row = {
        "Event": "manufactured",
        "Occurred at": "2026-04-12 10:00",
        "Battery code": sample.pack(serial),
        "Mass (kg)": "612.5",
        "Site": "plant-1",
    }
    return [(row | {name.replace("_", " "): value for name, value in cells.items()})[head] for head in HEADS]


def as_csv(rows, heads=HEADS):
    target = io.StringIO()
    csv.writer(target).writerows([heads, *rows])
    return target.getvalue().encode()


def test_a_file_goes_the_whole_way(maker, registry):
    """Sent, checked, a wrong cell mended in place, put on record, receipts given: each row once."""
    rows = [made(1), made(2), [*made(3)[:2], "9ZZ-WRONG", *made(3)[3:]]]
    path = maker.send("april.csv", as_csv(rows))
    told = maker.wait(path, "checked")
    assert (told["rows"], told["ready"], told["refused"]) == (3, 2, 1)
    (refused,) = maker.told(path + "/refused")["rows"]
    assert refused["row"] == 4
    assert refused["troubles"][0]["column"] == 2
    page = maker.page(path).text
    assert "2 rows are right, 1 are to be mended" in page
    assert 'name="cell.4.2" value="9ZZ-WRONG"' in page
    before = registry.counts()["entries"]
    answer = maker.post(path + "/mend", **{"cell.4.2": sample.pack(3)})
    assert answer.headers["location"].endswith("?mended=1&still=0")
    assert "All 3 rows are right" in maker.page(path).text
    assert registry.counts()["entries"] == before
    assert maker.post(path + "/record").status_code == 303
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["ready"], told["refused"]) == (3, 0, 0)
    receipts = maker.client.get(path + "/receipts.jsonl").content.splitlines()
    assert sum(len(verify_receipt(one, registry.keys.log.verifier).accepted) for one in receipts) == 3
    assert registry.battery(sample.pack(3))["events"] == 1
    assert maker.page("/workspace/reports/" + told["reports"][0]["report"]).status_code == 200
