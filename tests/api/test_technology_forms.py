"""Campaigns, tests and stages by form, a cycler's file looked at: what is typed becomes a line."""

import html
import json
import re
from hashlib import sha256

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import qualifying as q
from tests.registry import sample
from tests.technology import cycling
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.api import technology_forms as forms
from voltrail.errors import VoltrailError
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
CODE, OTHER = q.CELLS[:2]
FILE = cycling.bdf()
WHEN = {"filled_at": "2026-10-05T10:00:00+08:00"}
PLAN = WHEN | {
    "model": q.MODEL,
    "campaign": "P-1",
    "stage": "laboratory",
    "protocol.capacity_energy": "1",
    "protocol.rate": "1",
    "codes": f"{CODE}\n{OTHER}",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker that declared a model, and a laboratory for which the host signs."""
    data = tmp_path_factory.mktemp("forms") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines += [one for one in sample.registrations(q.LAB, "testing_lab") if b"key_added" not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        assert not json.loads(registry.report(sample.report(sample.signer(sample.MAKER), [q.declared()])))[
            "refused"
        ]
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with accounts of the laboratory, the maker, a recycler and the authority."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        people = (
            ("lab", q.LAB),
            ("maker", sample.MAKER),
            ("recycler", sample.RECYCLER),
            ("ministry", sample.AUTHORITY),
        )
        for login, organisation in people:
            accounts = app.state.accounts
            password = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, password, "setup"))
            accounts.change_password(person, password, CHOSEN, "setup")
        yield app


@pytest.fixture
def browser(app):
    """Return a function that opens a session, which reads pages, or JSON as a program."""

    def opened(login=None, accept=HTML["Accept"]):
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.follow_redirects = False
        client.headers.update({"Accept": accept, "Accept-Language": "en"})
        if login:
            secret = app.state.accounts.sign_in(login, CHOSEN, "test")
            client.cookies.set("session", secret)
            client.csrf = app.state.accounts.by_session(secret).csrf
        return client

    return opened


def fields(page):
    """Return what the form of a page would send again."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def send(client, path, typed, file=None):
    """Send a form as its page does."""
    data = typed | {"csrf": client.csrf}
    if path.endswith("cycler"):
        return client.post(f"{path}/look", data=data, files={"file": ("a.bdf.csv", file or b"")})
    files = {"file": ("a.bdf.csv", file or b"")} if path.endswith("report") else None
    return client.post(f"{path}/send", data=data, files=files)


def test_from_a_campaign_to_a_stage(browser):
    """A laboratory opens a campaign, reads a file, reports what it proposes and grants the stage."""
    lab = browser("lab")
    assert lab.get("/technology/tests/new").status_code == 200
    shown = send(lab, "/technology/tests/new", PLAN | {"do": "show"})
    assert (shown.status_code, "2 samples, 2 protocols" in shown.text) == (200, True)
    again = fields(shown) | {"do": "report"}
    for _ in range(2):  # sent twice it is reported once
        assert send(lab, "/technology/tests/new", again).headers["location"] == f"/technology/tests/{q.MODEL}"

    address = f"/technology/tests/report?model={q.MODEL}&campaign=P-1"
    page = lab.get(address)
    assert (page.status_code, CODE in page.text) == (200, True)
    typed = fields(page) | {"protocol": "capacity_energy", "sample": CODE, "capacity_ah": "2", "do": "read"}
    page = send(lab, "/technology/tests/report", typed, FILE)
    assert (page.status_code, sha256(FILE).hexdigest() in page.text) == (200, True)
    given = dict(re.findall(r'name="((?:result|condition)\.[^"]+)"[^>]*value="([^"]+)"', page.text))
    assert float(given[f"result.capacity_ah.{CODE}"]) == pytest.approx(2, rel=0.01)
    assert float(given["condition.c_rate"]) == pytest.approx(1 / 3, rel=0.01)
    typed |= given | {
        "data": sha256(FILE).hexdigest(),
        "outcome": "measured",
        "instrument": "通道 7",
        "calibrated_on": "2026-08-01",
        "signed_off_by": "检测工程师",
        "when": "2026-10-06T09:00",
    }
    shown = send(lab, "/technology/tests/report", typed | {"do": "show"})
    assert "1 samples of SSB-1 were tested in P-1" in shown.text
    assert send(lab, "/technology/tests/report", fields(shown) | {"do": "report"}).status_code == 303

    (campaign,) = browser("lab", "application/json").get(f"/technology/tests/{q.MODEL}").json()["campaigns"]
    (test,) = campaign["tests"]
    assert (test["data"], test["counts"], test["outcome"]) == ([sha256(FILE).hexdigest()], True, "measured")
    assert campaign["outstanding"] == ["rate"]

    page = lab.get(f"/technology/tests/grant?model={q.MODEL}&stage=prototype")
    assert (page.status_code, "cannot be granted yet" in page.text) == (200, True)
    typed = {"model": q.MODEL, "campaign.P-1": "1", "when": "2026-10-08T09:00"}
    refused = send(lab, "/technology/tests/grant", typed | {"stage": "prototype", "do": "show"})
    assert (refused.status_code, "lacks" in refused.text) == (422, True)
    shown = send(lab, "/technology/tests/grant", typed | {"stage": "laboratory", "do": "show"})
    assert "has reached the stage" in shown.text
    assert send(lab, "/technology/tests/grant", fields(shown) | {"do": "report"}).status_code == 303
    assert (
        browser(None, "application/json").get(f"/technology/tests/{q.MODEL}").json()["stage"] == "laboratory"
    )


def test_who_may_not_is_told(browser):
    """A recycler tests nothing, a maker grants nothing, and who is not signed in is led to sign in."""
    for path in ("new", f"report?model={q.MODEL}&campaign=P-1"):
        assert browser("recycler").get(f"/technology/tests/{path}").status_code == 403
    assert browser("maker").get(f"/technology/tests/grant?model={q.MODEL}").status_code == 403
    for path in ("/technology/tests/new", "/technology/cycler"):
        assert browser().get(path).status_code == 303
    assert browser("ministry").get(f"/technology/tests/grant?model={q.MODEL}").status_code == 200


def test_a_form_of_another_page_is_refused(browser):
    """Without the session's token nothing is read, shown or reported."""
    lab = browser("lab")
    lab.csrf = "another"
    for path in (
        "/technology/tests/new",
        "/technology/tests/report",
        "/technology/tests/grant",
        "/technology/cycler",
    ):
        assert send(lab, path, PLAN, FILE).status_code == 403


@pytest.mark.parametrize(
    "file", [b"", b"no table", b"time,voltage,current\n1,2,x\n1,2,3\n", b"PK\x03\x04", b"\x00" * 99]
)
def test_a_file_that_does_not_read_keeps_what_was_typed(browser, file):
    """The page says what is wrong with it, and what stood in the form stands there still."""
    lab = browser("lab")
    send(lab, "/technology/tests/new", PLAN | {"do": "report"})
    typed = {"model": q.MODEL, "campaign": "P-1", "protocol": "rate", "instrument": "通道 7", "do": "read"}
    page = send(lab, "/technology/tests/report", typed, file)
    assert 400 <= page.status_code < 500
    assert 'role="alert"' in page.text
    assert "通道 7" in page.text


def test_a_file_is_looked_at_and_not_kept(browser):
    """Checks, cycles and digest come back as a page or as JSON; on record is nothing of it."""
    before = browser(None, "application/json").get("/log").json()["checkpoint"]
    page = send(browser("recycler"), "/technology/cycler", {"capacity_ah": "2"}, FILE)
    assert (page.status_code, sha256(FILE).hexdigest() in page.text) == (200, True)
    told = send(
        browser("recycler", "application/json"), "/technology/cycler", {"capacity_ah": "2"}, FILE
    ).json()
    assert (told["sha256"], told["cycles_in_all"]) == (sha256(FILE).hexdigest(), 3)
    assert browser(None, "application/json").get("/log").json()["checkpoint"] == before


@pytest.mark.parametrize(
    "typed", [{"capacity_ah": "much"}, {"capacity_ah": "-1"}, {"chemistry": "tin"}, {"energy_wh": "nan"}]
)
def test_what_is_stated_must_be_a_statement(browser, typed):
    """Numbers that are none and chemistries that are none are told."""
    answer = send(browser("lab", "application/json"), "/technology/cycler", typed, FILE)
    assert answer.json()["error"]["rule"] == "cycler.stated"


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ({"codes": ""}, "test.form"),
        ({"protocol.capacity_energy": "", "protocol.rate": ""}, "test.form"),
        ({"stage": "moon"}, "test.form"),
        ({"campaign": " "}, "test.form"),
        ({"when": "soon"}, "request.time"),
        ({"codes": "not a code"}, None),
        ({"codes": "\n".join(f"A{one}" for one in range(501))}, "test.form"),
    ],
)
def test_a_plan_that_is_none_is_told(typed, rule):
    """Nothing that was typed is left out in silence."""
    with pytest.raises(VoltrailError) as raised:
        forms.campaign_line(PLAN | typed)
    assert rule is None or raised.value.rule == rule


@pytest.mark.parametrize(
    "typed",
    [
        {"tested." + CODE: ""},
        {"outcome": "good"},
        {"data": "abc"},
        {"calibrated_on": "lately"},
        {f"result.capacity_ah.{CODE}": "inf"},
        {"condition.c_rate": "fast"},
    ],
)
def test_a_test_that_is_none_is_told(typed):
    """A sample is needed, an outcome, digests that are digests, numbers that are numbers."""
    good = WHEN | {
        "model": q.MODEL,
        "campaign": "P-1",
        "protocol": "capacity_energy",
        "tested." + CODE: "1",
        "outcome": "passed",
    }
    assert json.loads(forms.test_line(good, (CODE,)))["codes"] == [CODE]
    with pytest.raises(VoltrailError) as raised:
        forms.test_line(good | typed, (CODE,))
    assert raised.value.rule == "test.form"


def test_codes_are_tidied_and_a_grant_rests_on_something():
    """Pasted codes are each there once; a stage without a campaign is none."""
    assert forms.codes_of(f" {CODE.lower()}，{CODE}\n{OTHER} ") == [CODE, OTHER]
    with pytest.raises(VoltrailError):
        forms.grant_line(WHEN | {"model": q.MODEL, "stage": "prototype"}, ["P-1"])
