"""
What is missing and where packs are, over HTTP: for authorities alone, each number with its list and file.
"""

import csv
import html
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
from voltrail.api import create_app, description
from voltrail.api.missing import read_sightings
from voltrail.errors import UsageError
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
VIN, OTHER = "LSVAA4187E2184847", "LSVAA4187E2184848"
SENT = [sample.pack(serial) for serial in range(1, 31)]
FITTED = sample.pack(101)
PAGES = (
    "/authority/missing",
    "/authority/missing/cases?kind=not_received",
    "/authority/missing/terms",
    "/authority/missing/sightings",
    "/authority/flows",
    "/authority/flows/batteries",
    "/authority/flows/retirement",
)
FILES = (
    "/authority/missing/cases.csv?kind=not_received",
    "/authority/flows.csv",
    "/authority/flows/batteries.csv",
    "/authority/flows/retirement.csv",
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Thirty packs on the way to two that never say they have them, and one in a car sold in Guangdong."""
    data = tmp_path_factory.mktemp("missing") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        lines = [line for code in (*SENT, FITTED) for line in sample.first_life(code)]
        to = sample.CARMAKER.encode(), sample.RECYCLER.encode()
        lines = [line.replace(*to) if number % 4 == 1 else line for number, line in enumerate(lines)]
        lines[-1] = sample.first_life(FITTED)[1]
        registry.report(sample.report(sample.signer(sample.MAKER), lines))
        lines = sample.fitted(FITTED, VIN)
        sold = {"vin": VIN, "codes": [FITTED], "buyer_region": "440300"}
        lines.append(sample.line("sold", "2026-04-22T10:00:00+08:00", **sold))
        assert not json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), lines)))[
            "refused"
        ]
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for the authority, and one for a maker."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in (("maker", sample.MAKER), ("ministry", sample.AUTHORITY)):
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def browser(app):
    """Return a function that opens a browser or a program, signed in or not."""

    def opened(login=None, accept=HTML["Accept"]):
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept": accept, "Accept-Language": "en"})
        if login:
            client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        return client

    return opened


def csrf_of(client, page):
    return re.search(r'name="csrf" value="([^"]+)"', client.get(page).text)[1]


@pytest.mark.parametrize("path", PAGES + FILES)
def test_only_an_authority_looks(browser, path):
    """Nobody, and no organisation: what is missing with others is not theirs to know."""
    assert browser(accept="application/json").get(path).status_code == 401
    assert browser("maker", "application/json").get(path).status_code == 403
    assert browser("ministry").get(path).status_code == 200
    assert browser("ministry", "application/json").get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_answers_have_what_their_description_promises(browser, path):
    """The members that /docs/openapi.json names for a route are in its answer."""
    promised = set(description._MEMBERS[path.partition("?")[0]].split()) - {"*"}
    assert promised == set(browser("ministry", "application/json").get(path).json())


def test_a_token_of_the_authority_reads(app, browser):
    """A program with a token reads the same; one of another organisation does not."""
    accounts = app.state.accounts
    client = browser(accept="application/json")
    for login, status in (("ministry", 200), ("maker", 403)):
        person = accounts.by_session(accounts.sign_in(login, CHOSEN, "test"))
        token = accounts.make_token(person, "reader", ("read",), 1, "setup")
        answer = client.get("/authority/missing", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_what_stands_open_is_listed_page_by_page(browser, registry):
    """All thirty, once each, with their file; the maker is under suspicion since two say nothing of them."""
    registry.missing.follow(10_000)
    registry.missing.weigh()
    client, program = browser("ministry"), browser("ministry", "application/json")
    told = program.get("/authority/missing").json()
    assert told["open"]["not_received"] == 30
    found = {(one["organisation"], one["side"], one["cases"]) for one in told["suspicions"]}
    assert found == {(sample.MAKER, "sender", 30)}
    codes, address = [], "/authority/missing/cases?kind=not_received"
    while address:
        page = client.get(address)
        codes += re.findall(r'<td class="kept"><a class="mono" href="/b/(\w+)"', page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = html.unescape(following[1]) if following else None
    assert sorted(codes) == sorted(SENT)
    rows = list(csv.reader(io.StringIO(client.get(FILES[0]).text.removeprefix("\ufeff"))))
    assert {row[0] for row in rows[1:]} == set(SENT)
    of_one = program.get(
        "/authority/missing/cases",
        params={"kind": "not_received", "organisation": sample.RECYCLER, "side": "receiver"},
    ).json()["cases"]
    assert {one["other"] for one in of_one} == {sample.RECYCLER}
    assert 0 < len(of_one) < 30


def test_every_number_opens_its_list(browser, registry):
    """Each link of the flows leads to as many packs as it says."""
    registry.flows.follow(10_000)
    client = browser("ministry")
    page = client.get("/authority/flows")
    links = re.findall(r'href="(/authority/flows/batteries\?[^"]+)">([\d,]+)</a>', page.text)
    assert len(links) >= 5
    for address, number in links:
        listed = client.get(html.unescape(address)).text
        assert len(re.findall(r'<td class="kept"><a class="mono" href="/b/', listed)) == int(
            number.replace(",", "")
        )
    guangdong = browser("ministry", "application/json").get("/authority/flows?province=44").json()["flows"]
    assert [(one["status"], one["packs"]) for one in guangdong] == [("in_vehicle", 1)]


def test_a_term_is_chosen_with_its_reason(browser):
    """It is used at once and shown with who chose it; without a reason the page says what to do."""
    client = browser("ministry")
    token = csrf_of(client, "/authority/missing/terms")
    fields = {"csrf": token, "kind": "scrapped_without", "term_days": "90", "percent": "12.5"}
    path = "/authority/missing/terms/choose"
    refused = client.post(path, data=fields | {"why": ""})
    assert refused.status_code == 400
    assert "needs its reason" in refused.text
    assert client.post(path, data=fields | {"why": "x", "term_days": "many"}).status_code == 400
    assert client.post(path, data=fields | {"why": "x", "percent": "nan"}).status_code == 400
    assert client.post(path, data=fields | {"why": "Notice 2026-7"}).status_code == 303
    shown = client.get("/authority/missing/terms").text
    assert "Notice 2026-7" in shown
    assert "12.5 %" in shown
    assert browser("maker").post(path, data=fields | {"why": "x"}).status_code == 403


def test_sightings_are_taken_whole_or_not_at_all(browser):
    """
    A row that cannot be read is named and nothing is kept; a file that reads is held against the record.
    """
    client = browser("ministry")
    path, head = "/authority/missing/sightings/take", "code,vin,seen_at,source\n"
    good = f"{FITTED},{OTHER},2026-06-01T08:00:00+08:00,telematics\n"
    token = csrf_of(client, "/authority/missing/sightings")

    def send(text, **more):
        file = {"file": ("seen.csv", text.encode(), "text/csv")}
        return client.post(path, data={"csrf": token} | more, files=file)

    bad = send(head + good + f"{FITTED},{OTHER},yesterday,telematics\n")
    assert bad.status_code == 400
    assert "Row 3" in bad.text
    assert send(head + good, csrf="none").status_code == 403
    assert "Rows read: 1; new: 1." in send(head + good).text
    listed = client.get("/authority/missing/cases?kind=seen_elsewhere").text
    assert FITTED in listed
    assert OTHER in listed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "code,vin\n",
        "code,vin,seen_at,source\nXX,LSVAA4187E2184847,2026-06-01T08:00:00+08:00,a\n",
        f"code,vin,seen_at,source\n{FITTED},SHORT,2026-06-01T08:00:00+08:00,a\n",
        f"code,vin,seen_at,source\n{FITTED},{VIN},2026-06-01T08:00:00,a\n",
        f"code,vin,seen_at,source\n{FITTED},{VIN},0001-01-01T00:00:00+14:00,a\n",
        f"code,vin,seen_at,source\n{FITTED},{VIN},2026-06-01T08:00:00+08:00,{'a' * 101}\n",
        f"code,vin,seen_at,source\n{FITTED}\n",
        'code,vin,seen_at,source\n"' + "x" * 200_000,
        "code,vin,seen_at,source\n" + f"{FITTED},{VIN},2026-06-01T08:00:00+08:00,a\n" * 5_001,
    ],
)
def test_no_file_of_a_clerk_or_an_attacker_breaks_the_reading(text):
    """Whatever stands in it, what is no sighting is said."""
    with pytest.raises(UsageError):
        read_sightings(text)


@pytest.mark.parametrize(
    "path",
    [
        "/authority/missing/cases?kind=nothing",
        "/authority/missing/cases?kind=late&side=top",
        "/authority/missing/cases?kind=late&after=x",
        "/authority/missing/cases?kind=late&organisation=%00",
        "/authority/missing/cases?kind=late&from=yesterday",
        "/authority/flows?status=nowhere",
        "/authority/flows?maker=%00",
        "/authority/flows/batteries?after=1/2",
    ],
)
def test_what_cannot_be_asked_is_said(browser, path):
    """Never a failure of ours."""
    assert browser("ministry", "application/json").get(path).status_code == 400
