"""The figures of the outlook over HTTP: read by anybody, added and taken back by an authority."""

import csv
import io
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
from voltrail.registry.settings import initialise

SERIES = "/outlook/series"
CHOSEN = "four words nobody guesses"
HEAD = "series,period,segment,value,unit,status,vintage,source,note\n"
SOLD = "nev_sales,2025,all incl. exports,16.6,million,verified,2026-06,<script>alert(1)</script>,\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The application, with an account for the authority, and one for a maker."""
    data = tmp_path_factory.mktemp("figures") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with voltrail.open(data) as registry, pytest.MonkeyPatch.context() as patched:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        registry.report(sample.report(sample.authority(), lines))
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


def csrf_of(client):
    """The token of a page's forms; of who has none on it, that of the account."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(SERIES).text)
    return found[1] if found else re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]


def send(client, text, token=None):
    """Send a file of figures."""
    files = {"file": ("june.csv", text.encode() if isinstance(text, str) else text, "text/csv")}
    return client.post(f"{SERIES}/add", files=files, data={"csrf": token or csrf_of(client)})


def sold(browser):
    """What counts as the sales of 2025."""
    rows = browser(accept="application/json").get(f"{SERIES}/nev_sales?known_at=2099").json()["figures"]
    return next(
        row["value"] for row in rows if (row["period"], row["segment"]) == ("2025", "all incl. exports")
    )


def test_anybody_reads_the_figures(browser):
    """Headlines, series, all vintages of one with their sources: as a page and for programs."""
    program = browser(accept="application/json")
    told = program.get(SERIES).json()
    assert {one["id"]: round(one["value"], 1) for one in told["headlines"]}["nev_share_home"] == 50.8
    assert set(told) == set(description._MEMBERS[SERIES].split()) - {"*"}
    one = program.get(f"{SERIES}/sne_usage?segment=TOTAL").json()
    assert set(one) == set(description._MEMBERS["/outlook/series/{name}"].split()) - {"*"}
    values = [row["value"] for row in one["figures"] if row["period"] == "2024"]
    assert values == [894.4, 899, 901.4]
    assert all(row["source"] in one["sources"] for row in one["figures"])
    html = browser().get(f"{SERIES}/sne_usage").text
    assert "894.4" in html
    assert "from memory, not checked" in html
    assert 'name="file"' not in browser().get(SERIES).text


def test_both_languages(browser):
    """The Chinese page says what a series counts in Chinese."""
    html = browser().get(f"{SERIES}/nev_sales?lang=zh").text
    assert "新能源汽车销量（含出口）" in html
    assert "新能源汽车批发销量减去出口量" in html
    assert "常用指标" in browser().get(f"{SERIES}?lang=zh").text


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_figures_are_taken_away(browser, ending):
    """One series or all of them, with the address of each source."""
    answer = browser().get(f"{SERIES}/figures.{ending}", params={"series": "installed"})
    assert answer.status_code == 200
    if ending == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert len(rows) == 29
        everything = browser().get(f"{SERIES}/figures.csv").text
        assert len(list(csv.reader(io.StringIO(everything)))) > 1100


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{SERIES}/nothing", 404),
        (f"{SERIES}/figures.csv?series=nothing", 404),
        (f"{SERIES}?known_at=soon", 400),
        (f"{SERIES}/nev_sales?known_at=2026-13", 400),
    ],
)
def test_what_is_not_there_is_said(browser, path, status):
    """In the one shape of errors, with what to do; an empty answer is no error."""
    answer = browser(accept="application/json").get(path)
    assert answer.status_code == status
    assert answer.json()["error"]["fix"]
    assert "Nothing of it was known" in browser().get(f"{SERIES}/nev_sales?segment=none").text
    assert "At that time" in browser().get(f"{SERIES}?known_at=2009").text


def test_an_authority_adds_figures_and_takes_them_back(browser):
    """They count at once and everywhere, what they carry is shown as text, and taken back they are gone."""
    ministry = browser("ministry")
    answer = send(ministry, HEAD + SOLD)
    assert answer.status_code == 200
    assert "june.csv: 1 figures count" in answer.text
    assert sold(browser) == 16.6
    assert "<script>alert" not in ministry.get(f"{SERIES}/nev_sales").text
    number = re.search(r'name="file" value="(\d+)"', ministry.get(SERIES).text)[1]
    form = {"file": number, "csrf": csrf_of(ministry)}
    assert ministry.post(f"{SERIES}/take-back", data=form).status_code == 303
    assert sold(browser) == 16.49
    again = ministry.post(f"{SERIES}/take-back", data=form)
    assert again.status_code == 404
    assert "taken back by ministry" in ministry.get(SERIES).text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + SOLD + SOLD.replace("2025", "2024").replace("16.6", "-1"), "the value -1"),
        ("nonsense", "no column"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("", "no column"),
    ],
)
def test_a_bad_file_adds_nothing(browser, text, says):
    """The page says which line and what to do, and nothing of the file counts."""
    answer = send(browser("ministry"), text)
    assert answer.status_code == 400
    assert says in answer.text
    assert ("Line 3" in answer.text) == ("-1" in says)
    assert sold(browser) == 16.49


def test_only_an_authority_changes_figures(browser):
    """Nobody, no organisation, and no form from elsewhere."""
    assert send(browser(accept="application/json"), HEAD + SOLD, "x").status_code == 401
    maker = browser("maker", "application/json")
    assert send(maker, HEAD + SOLD, "x").status_code == 403
    assert maker.post(f"{SERIES}/take-back", data={"file": "1", "csrf": "x"}).status_code == 403
    assert send(browser("ministry", "application/json"), HEAD + SOLD, "x").status_code == 403
    assert sold(browser) == 16.49
