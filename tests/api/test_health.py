"""A battery's health over HTTP: who sees it, what it says, what it says where nothing is known."""

import csv
import io
import json
import re
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.gateway import lifelike
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
VIN = "LTESTCAR000000001"
DRIVEN, STORED, NEVER, MOVED, UNKNOWN = (sample.pack(serial) for serial in (1, 2, 3, 4, 5))
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def lived():
    """Return the lines of a vehicle maker about a pack that is driven, measured, mended and recalled."""
    at = "2026-{}T10:00:00+08:00".format
    telemetry = {"method": "charge-over-soc", "method_version": "1", "sessions": 9, "trace_digest": DIGEST}
    return [
        sample.line("measured", at("05-20"), code=DRIVEN, soh_fraction=0.981, method="capacity test"),
        sample.line("serviced", at("06-11"), code=DRIVEN, work="Kühlmittel 更换"),
        sample.line("incident_reported", at("09-03"), code=DRIVEN, incident="other", alarm_level=3),
        sample.line("recalled", at("09-20"), code=DRIVEN, campaign="R-1", risk="fire"),
        sample.line("serviced", at("10-02"), code=DRIVEN, campaign="R-1"),
        sample.line(
            "measured",
            at("10-03"),
            code=DRIVEN,
            soh_fraction=0.946,
            soh_low=0.935,
            soh_high=0.957,
            **telemetry,
        ),
        *sample.fitted(NEVER, "LTESTCAR000000003"),
        *sample.fitted(MOVED, "LTESTCAR000000004"),
        *sample.fitted(UNKNOWN, "LTESTCAR000000005"),
        sample.line("removed", at("11-02"), code=MOVED, vin="LTESTCAR000000004"),
        sample.line("shipped", at("11-03"), code=MOVED, to=sample.RECYCLER),
    ]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A car maker has a pack that is driven and sends, one in stock, and one in a car that never sent."""
    data = tmp_path_factory.mktemp("health") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        registry.keep_time(lambda: int(datetime(2026, 4, 23, tzinfo=UTC).timestamp() * 1000))
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        made = [line for code in (DRIVEN, STORED, NEVER, MOVED, UNKNOWN) for line in sample.first_life(code)]
        assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), made)))["refused"]
        fitted = sample.report(sample.signer(sample.CARMAKER), sample.fitted(DRIVEN, VIN))
        assert not json.loads(registry.report(fitted))["refused"]
        registry.keep_time(None)
        trust = (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), trust)))["refused"]
        lines = [
            *lived(),
            sample.line("received", "2026-04-20T10:00:00+08:00", code=STORED, from_=sample.MAKER),
        ]
        receipt = json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), lines)))
        assert not receipt["refused"], receipt
        taken = [sample.line("received", "2026-11-05T10:00:00+08:00", code=MOVED, from_=sample.CARMAKER)]
        taken = sample.report(sample.signer(sample.RECYCLER), taken)
        assert not json.loads(registry.report(taken))["refused"]
        registry.enter_heads()
        packs = {DRIVEN: VIN, MOVED: "LTESTCAR000000004", UNKNOWN: "LTESTCAR000000005"}
        lifelike.put(data, packs, refused={UNKNOWN})
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in (
            ("maker", sample.MAKER),
            ("cars", sample.CARMAKER),
            ("recycler", sample.RECYCLER),
            ("ministry", sample.AUTHORITY),
        ):
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def browser(app):
    """Return a function that opens a browser, signed in or not; it reads pages, or JSON as a program."""

    def opened(login=None, accept=HTML["Accept"]):
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept": accept, "Accept-Language": "en"})
        if login:
            client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        return client

    return opened


@pytest.fixture
def program(browser):
    """Return a function that opens a session which is answered in JSON."""
    return lambda login=None: browser(login, "application/json")


def text_of(page):
    """Return what a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_it_is_told_to_who_may_see_the_wear(browser, program):
    """Its holder and the authority; nobody else learns a figure, a session or a cell, in no form."""
    for login in ("cars", "ministry"):
        answer = program(login).get(f"/b/{DRIVEN}/health")
        assert (answer.status_code, len(answer.json()["months"])) == (200, 6)
    for login in (None, "maker"):
        for path in ("health", "health?session=1", "health/months.csv", "health/sessions.xlsx"):
            answer = program(login).get(f"/b/{DRIVEN}/{path}")
            assert (answer.status_code, answer.json()["error"]["rule"]) == (403, "access.condition")
        assert "94" not in text_of(browser(login).get(f"/b/{DRIVEN}/health"))
        assert f"/b/{DRIVEN}/health" not in browser(login).get(f"/b/{DRIVEN}").text
    assert f"/b/{DRIVEN}/health" in browser("cars").get(f"/b/{DRIVEN}").text


def test_when_it_charged_is_told_to_who_had_it_then(program, browser):
    """A later holder sees what the sessions gave and on which day; neither hour nor vehicle."""
    told = program("cars").get(f"/b/{DRIVEN}/health").json()
    assert (told["sessions"][0]["vin"], told["sessions"][0]["began_at"][:10]) == (
        VIN,
        told["sessions"][0]["day"],
    )
    later = program("recycler").get(f"/b/{MOVED}/health")
    assert later.json()["sessions"][0]["capacity_ah"] > 100
    files = [program("recycler").get(f"/b/{MOVED}/health/{name}.csv").text for name in ("months", "sessions")]
    for text in (later.text, browser("recycler").get(f"/b/{MOVED}/health").text, *files):
        assert "LTESTCAR" not in text
        assert "T11:" not in text
        assert " 11:" not in text
    assert not {"vin", "odometer_km", "began_at"} & {name for one in later.json()["sessions"] for name in one}
    assert program("ministry").get(f"/b/{MOVED}/health").json()["months"][0]["vin"] == "LTESTCAR000000004"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_answers_first(browser, language):
    """The last month's figure with its interval, drawn with what is on record, in either language."""
    page = browser("cars").get(f"/b/{DRIVEN}/health?lang={language}")
    assert page.status_code == 200
    assert page.text.count("<h1") == 1
    assert " style=" not in page.text
    said = text_of(page)
    assert ("State of health 94 %" if language == "en" else "健康度 94 %") in said
    assert ("between 92.9 and 95.1 %" if language == "en" else "92.9") in said
    assert page.text.count('class="band"') == 2  # July has no figure
    assert page.text.count("dots on-record") == 2
    assert DIGEST in said
    assert ("Cell 57 is the weakest" if language == "en" else "57 号单体最弱") in said
    for entry in re.findall(rf"/b/{DRIVEN}/events/[0-9]+", page.text):
        assert browser("cars").get(entry).status_code == 200


def test_why_there_is_no_figure_is_said(program, browser):
    """A session that gave no capacity, and a month without a figure, each say why."""
    sessions = program("cars").get(f"/b/{DRIVEN}/health").json()["sessions"]
    refused = [one for one in sessions if one["capacity_ah"] is None]
    assert refused
    assert all(one["refusal"] for one in refused)
    assert all(one["refusal"] is None for one in sessions if one["capacity_ah"] is not None)


def test_sessions_come_page_by_page(program, browser):
    """Each once, the last first; what no page has is refused in words."""
    client, numbers, before = program("cars"), [], ""
    while True:
        told = client.get(f"/b/{DRIVEN}/health{before}").json()
        numbers += [one["number"] for one in told["sessions"]]
        if told["next"] is None:
            break
        before = f"?before={told['next']}"
    assert numbers == list(range(54, 0, -1))
    refused = client.get(f"/b/{DRIVEN}/health?session=55")
    assert (refused.status_code, refused.json()["error"]["rule"]) == (404, "health.session")
    assert browser("cars").get(f"/b/{DRIVEN}/health?session=55").status_code == 404
    for wrong in (
        "session=0",
        "session=x",
        "before=-1",
        "before=99999999999999999999",
        "session=1&session=a",
    ):
        assert client.get(f"/b/{DRIVEN}/health?{wrong}").status_code == 400
    assert client.get("/b/nonsense/health").status_code == 400
    assert client.get(f"/b/{sample.pack(99)}/health").status_code == 404


def test_a_session_whose_cells_are_not_there_says_so(browser):
    """An older session has none in the archive: the page says why that may be, and stands."""
    page = browser("cars").get(f"/b/{DRIVEN}/health?session=1")
    assert page.status_code == 200
    assert "The archive has no cells of the session" in text_of(page)


def test_where_nothing_has_come_the_page_says_what_to_do(browser):
    """A pack in stock, and one in a car that never sent: each in its own words, with what is on record."""
    stored, never = (text_of(browser("cars").get(f"/b/{code}/health")) for code in (STORED, NEVER))
    assert "Its state of health is not known yet" in stored
    assert "It is in no vehicle now" in stored
    assert "As soon as its vehicle sends" in never
    assert "Installed" in never


def test_where_no_month_has_a_figure_the_reason_stands_first(browser):
    """And what is needed; the months and their reasons are listed all the same."""
    said = text_of(browser("cars").get(f"/b/{UNKNOWN}/health"))
    assert "Its state of health is not known yet" in said
    assert "No month has given a figure. The chemistry of the model is not declared" in said
    assert "The maker registers the model with its chemistry" in said
    assert said.count("The chemistry of the model is not declared") == 7


def test_files_have_what_the_page_has(program):
    """Months and sessions as CSV, a workbook and Parquet; numbers as numbers."""
    client = program("cars")
    rows = list(
        csv.DictReader(io.StringIO(client.get(f"/b/{DRIVEN}/health/months.csv").text.lstrip("\ufeff")))
    )
    assert rows[0]["Month"] == "2026-05-01"
    assert float(rows[-1]["state of health"]) == pytest.approx(0.94)
    assert len(list(csv.reader(io.StringIO(client.get(f"/b/{DRIVEN}/health/sessions.csv").text)))) == 55
    for name in ("months", "sessions"):
        for ending in ("xlsx", "parquet"):
            assert client.get(f"/b/{DRIVEN}/health/{name}.{ending}").status_code == 200
