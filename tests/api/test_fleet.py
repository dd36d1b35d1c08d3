"""The health of a fleet over HTTP: who has the batteries, made them or looks after all sees its own."""

import csv
import io
import json
import re

import pyarrow.parquet as pq
import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.gateway.fleets import keep_months
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app, description
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
CODES = [sample.pack(serial) for serial in range(1, 31)]
BROKEN, SOLD, VIN = CODES[3], CODES[4], "LSVAA4187E2184847"
LOGINS = {
    "maker": sample.MAKER,
    "cars": sample.CARMAKER,
    "recycler": sample.RECYCLER,
    "ministry": sample.AUTHORITY,
}
PAGES = ("/fleet", "/fleet/outliers", "/fleet/warranty")
FILES = ("/fleet.csv", "/fleet/curves.csv", "/fleet/outliers.csv", "/fleet/warranty.csv")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Thirty packs of a maker's model; its car maker has them, sold one in Guangdong, and one is broken."""
    data = tmp_path_factory.mktemp("fleet") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        model = sample.line(
            "model_registered", "2026-04-01T10:00:00+08:00", model_id="S-102", level="pack", chemistry="LFP"
        )
        lines = [model, *(line for code in CODES for line in sample.first_life(code))]
        assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))["refused"]
        lines = [sample.fitted(code)[0] for code in CODES]
        lines.append(sample.fitted(SOLD, VIN)[1])
        sold = {"vin": VIN, "codes": [SOLD], "buyer_region": "440300"}
        lines.append(sample.line("sold", "2026-04-22T10:00:00+08:00", **sold))
        lines = [line for line in lines if line]
        assert not json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), lines)))[
            "refused"
        ]
        keep_months(data, CODES, broken=[BROKEN])
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each of them."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in LOGINS.items():
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def browser(app):
    """Return a function that opens a browser or a program, signed in or not."""

    def opened(login=None, accept="application/json"):
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept": accept, "Accept-Language": "en"})
        if login:
            client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        return client

    return opened


@pytest.mark.parametrize("path", PAGES + FILES)
def test_nobody_looks_who_has_not_signed_in(browser, path):
    """A fleet is for organisations: the public is asked to sign in."""
    assert browser().get(path).status_code == 401
    for login in LOGINS:
        assert browser(login).get(path).status_code == 200
        assert browser(login, HTML["Accept"]).get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_answers_have_what_their_description_promises(browser, path):
    """The members that /docs/openapi.json names for a route are in its answer."""
    promised = set(description._MEMBERS[path].split()) - {"*"}
    assert promised == set(browser("ministry").get(path).json())


def test_the_record_says_which_batteries_they_are(registry):
    """Model, chemistry and maker by the model; made by the code; sold and where by the vehicle."""
    while registry.fleet.follow():
        pass
    everything = registry.fleet.batteries(Reader("authority_cn"))
    assert everything["code"].to_pylist() == sorted(CODES)
    sold = everything.filter(pq.filters_to_expression([("code", "==", SOLD)])).to_pylist()[0]
    assert {**sold, "made_on": str(sold["made_on"]), "sold_on": str(sold["sold_on"])} == {
        "code": SOLD, "model": "S-102", "chemistry": "LFP", "maker": sample.MAKER, "made_on": "2026-04-12",
        "sold_on": "2026-04-22", "province": "44", "climate": "hot_summer_warm_winter", "shown": True,
    }  # fmt: skip
    assert registry.fleet.batteries(Reader()).num_rows == 0
    assert registry.fleet.batteries(Reader("public", sample.RECYCLER)).num_rows == 0
    made = registry.fleet.batteries(Reader("public", sample.MAKER))
    assert made.num_rows == 30
    assert not any(made["shown"].to_pylist())


def test_each_sees_the_health_of_its_own(browser):
    """The authority and the car maker see thirty, a recycler none; the groups are of them."""
    for login, number in (("ministry", 30), ("cars", 29), ("recycler", 0)):
        told = browser(login).get("/fleet").json()
        assert told["batteries"] == number
        assert told["known"]["batteries"] == number
        assert sum(row["batteries"] for row in told["groups"]["model"]) == number
    told = browser("ministry").get("/fleet").json()
    assert told["months"] == ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
    (model,) = told["groups"]["model"]
    assert model["group"] == "S-102"
    assert 0.85 < model["low"] < model["middle"] < model["high"] < 1
    assert {"group": "44", "batteries": 1, "low": None, "middle": None, "high": None} in told["groups"][
        "province"
    ]


def test_the_broken_one_is_named_to_who_has_it(browser):
    """It stands out, with how far it is; who made it learns that one does, and not which."""
    for login in ("ministry", "cars"):
        (one,) = browser(login).get("/fleet/outliers").json()["outliers"]
        assert one["code"] == BROKEN
        assert one["z"] < -5
        page = browser(login, HTML["Accept"]).get("/fleet").text
        assert f"/b/{BROKEN}/health" in page
        assert "1 battery stands out from its peers" in page
    maker = browser("maker")
    assert maker.get("/fleet").json()["outliers"] == 1
    assert maker.get("/fleet").json()["known"]["batteries"] == 30
    page = browser("maker", HTML["Accept"]).get("/fleet").text
    assert "ask them for a grant" in page
    answers = [maker.get(path).text for path in (*PAGES, *FILES)]
    assert not any(code in answer for code in CODES for answer in (*answers, page))


def test_warranty_counts_and_lists_the_same(browser):
    """Each standing leads to as many batteries; who was not sold has no warranty that is known."""
    client = browser("ministry")
    counts = client.get("/fleet").json()["warranty"]
    assert counts == {"not_known": 29, "kept": 1}
    for standing, number in counts.items():
        found = client.get(f"/fleet/warranty?standing={standing}").json()["warranty"]
        assert [one["standing"] for one in found] == [standing] * number
    sold = next(one for one in client.get("/fleet/warranty").json()["warranty"] if one["code"] == SOLD)
    assert "2026-11" < sold["ends_on"] < "2034-04-30"  # its distance runs out before its years
    assert sold["at_end_low"] < sold["at_end"] < sold["at_end_high"]


def test_an_earlier_month_counts_up_to_there(browser):
    """As of May each battery has one month, so no trend; before the first month nothing is known."""
    client = browser("ministry")
    assert client.get("/fleet?month=2026-05").json()["warranty"] == {"not_known": 29, "too_few": 1}
    assert client.get("/fleet?month=2026-04").json()["known"]["batteries"] == 0


@pytest.mark.parametrize(
    ("query", "number"),
    [("model=S-102", 30), ("model=it%27s", 0), ("chemistry=LFP", 30), ("province=44", 1), ("province=-", 29),
     ("model=", 30), ("model=%25", 0), ("chemistry=-", 0)],
)  # fmt: skip
def test_filters_narrow(browser, query, number):
    """By model, chemistry and province, quotes and wildcards being letters like any."""
    assert browser("ministry").get(f"/fleet?{query}").json()["batteries"] == number


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/fleet?month=october", "health.month"),
        ("/fleet?month=2026-13", "health.month"),
        ("/fleet?model=%00", "usage.text"),
        ("/fleet.csv?chemistry=%00", "usage.text"),
        ("/fleet/warranty?standing=fine", "usage.choice"),
        ("/fleet/warranty?after=-1", "request.invalid"),
        ("/fleet/outliers?after=99999999999999", "request.invalid"),
        ("/fleet?province=440", "request.invalid"),
    ],
)
def test_what_cannot_be_asked_is_told(browser, path, rule):
    """Bad input is refused by its rule, and says what to do."""
    answer = browser("ministry").get(path)
    assert answer.status_code == 400
    assert answer.json()["error"]["rule"] == rule
    assert answer.json()["error"]["fix"]


def test_files_have_the_rows_of_the_page(browser):
    """CSV and Parquet carry what the lists have."""
    client = browser("ministry")
    text = client.get("/fleet.csv").text
    rows = [
        row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if row and not row[0].startswith("#")
    ]
    assert any(row[:3] == ["model", "S-102", "30"] for row in rows)
    table = pq.read_table(io.BytesIO(client.get("/fleet/warranty.parquet").content))
    assert sorted(table["code"].to_pylist()) == sorted(CODES)
    assert client.get("/fleet/outliers.xlsx").content[:2] == b"PK"


def test_numbers_open(browser):
    """The counts of the page lead to their lists, and a model narrows to itself."""
    page = browser("ministry", HTML["Accept"]).get("/fleet").text
    assert re.search(r'href="/fleet/warranty\?standing=not_known">', page)
    assert re.search(r'href="/fleet\?model=S-102">', page)
