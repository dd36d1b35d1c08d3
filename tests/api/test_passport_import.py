"""A passport made elsewhere, on the page: shown first, recorded when the clerk says so, and not before."""

# ruff: noqa: F811 - fixtures of another module are imported

import io
import json
import re
import zipfile

import pytest

from tests.api.conftest import PACK
from tests.api.test_accounts import (  # noqa: F401
    SMALL,
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample
from voltrail.passport import batterypass_ready

MODEL = "IMP-1"
VALUES = {
    "serial_number": PACK,
    "category": "ev",
    "rated_capacity_ah": 157.5,
    "chemistry": "LFP",
    "cycles": 12,
    "updated_at": "2026-05-01T08:00:00Z",
}


@pytest.fixture(scope="module", autouse=True)
def declared(registry, accounts):
    """A model of the organisation for which the host signs."""
    line = sample.line("model_registered", "2026-04-02T10:00:00+08:00", model_id=MODEL, level="pack")
    assert not json.loads(registry.report_lines(SMALL, [line], "all", b"\0" * 32))["refused"]


def content_of(**values):
    return json.dumps(batterypass_ready.written(VALUES | values)).encode()


def send(one, content=None, accept="text/html", name="ev.json", headers=None, **fields):
    files = [("file", (name, content, "application/json"))] if content is not None else None
    csrf = {} if headers else {"csrf": one.form()}
    return one.client.post(
        "/passports/import",
        files=files or [("nothing", ("", b""))],
        data=csrf | fields,
        headers={"Accept": accept} | (headers or {}),
    )


def test_the_page_shows_what_each_value_becomes(browser, registry):
    """Form, battery, points with their places and what the record has, lines; nothing is recorded."""
    before = registry.checkpoint()
    page = send(browser("small"), content_of(), model_id=MODEL).text
    assert "BatteryPass-Ready 1.0" in page
    assert f'href="/b/{PACK}"' in page
    assert "RatedCapacity/amperehourMiliamperehourValue" in page
    assert 'id="declared"' in page
    assert 'id="measured"' in page
    assert 'id="record"' in page
    assert re.search(r"Serial number</b>.*?agrees", page, re.DOTALL)
    assert "points_declared" in page
    assert 'value="report"' in page
    assert registry.checkpoint() == before


def test_programs_get_the_same(browser, accounts):
    """With a token that may report: forms, points, troubles, lines."""
    headers = bearer(token(accounts, "small", "read", "report"))
    told = send(
        browser(), content_of(category="ev"), "application/json", headers=headers, model_id=MODEL
    ).json()
    assert told["forms"] == [{"file": "ev.json", "form": "BatteryPass-Ready 1.0"}]
    assert (told["code"], told["model_id"]) == (PACK, MODEL)
    assert told["found"]["rated_capacity_ah"]["value"] == 157.5
    assert told["found"]["rated_capacity_ah"]["read"] == "157500 mAh"
    assert [json.loads(line)["kind"] for line in told["lines"]] == ["points_declared", "measured"]
    assert [one["agrees"] for one in told["compared"] if one["point"] == "serial_number"] == [True]


def test_what_the_clerk_says_is_recorded(browser, registry):
    """The lines as they were shown, signed by the host; then the record agrees with the passport."""
    one = browser("small")
    page = send(one, content_of(), model_id=MODEL).text
    shown = re.search(r'<textarea id="report-lines"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[1]
    lines = shown.replace("&#34;", '"').replace("\n", "\r\n").split("\r\n")
    answer = send(one, do="report", lines=lines[0])
    assert answer.status_code == 200
    assert "All 1 lines are on record" in answer.text
    assert registry.declared(MODEL).points["rated_capacity_ah"].value == 157.5


def test_lines_are_taken_as_a_file(browser):
    """For who signs with a key."""
    one = browser("maker")
    answer = send(one, do="lines", lines='{"kind":"measured"}\r\n{"kind":"retired"}')
    assert answer.headers["content-disposition"].endswith('"passport.jsonl"')
    assert answer.content == b'{"kind":"measured"}\n{"kind":"retired"}\n'


def test_what_the_host_may_not_sign_is_not_recorded(browser):
    """An organisation with keys of its own signs with them."""
    one = browser("maker")
    page = send(one, content_of(), model_id=MODEL).text
    assert 'value="report"' not in page
    line = sample.line("points_declared", "2026-05-01T08:00:00Z", model_id=MODEL, points={"category": "ev"})
    answer = send(one, accept="application/json", do="report", lines=line.decode())
    assert rule(answer) == "report.host_may_not"


def test_several_files_and_a_zip(browser):
    """Chosen together or packed, they are one passport."""
    parts = {
        "a.json": {"batteryMass": 450, "productIdentifier": PACK},
        "b.json": {"batteryCarbonFootprint": 65},
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, value in parts.items():
            archive.writestr(name, json.dumps(value))
    one = browser("small")
    packed = send(one, made.getvalue(), "application/json", "all.zip").json()
    files = [("file", (name, json.dumps(value), "application/json")) for name, value in parts.items()]
    together = one.client.post(
        "/passports/import", files=files, data={"csrf": one.form()}, headers={"Accept": "application/json"}
    ).json()
    assert packed["found"] == together["found"]
    assert packed["found"].keys() == {"serial_number", "mass_kg", "footprint_kg_per_kwh"}


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (None, {}, "report.none"),
        (b"{", {}, "import.json"),
        (b"{}", {}, "import.form"),
        (content_of(), {"code": "no code"}, "identity.code"),
        (None, {"do": "report"}, "report.empty"),
        (None, {"do": "report", "lines": "{"}, "line.json"),
    ],
)
def test_what_is_wrong_is_told_on_the_page_and_to_programs(browser, content, fields, said):
    """In the one shape; the page stays."""
    one = browser("small")
    assert rule(send(one, content, "application/json", **fields)) == said
    page = send(one, content, **fields)
    assert 400 <= page.status_code < 500
    assert said in page.text
    assert 'name="file"' in page.text


def test_a_form_that_is_not_ours_is_refused(browser, accounts):
    """Nobody, another session's token, and a token that may not report."""
    one, other = browser("small"), browser("maker")
    assert rule(send(one, content_of(), "application/json", csrf=other.form())) == "access.form"
    headers = bearer(token(accounts, "small", "read"))
    assert rule(send(browser(), content_of(), "application/json", headers=headers)) == "access.scope"
    assert rule(send(browser(), content_of(), headers={"Accept": "application/json"})) == "access.sign_in"
    assert browser().get("/passports/import").headers["location"] == "/sign-in"


def test_a_value_cannot_write_on_the_page(browser):
    """What a file says is text: names of files, places and values."""
    evil = "<script>alert(1)</script>"
    content = json.dumps(
        {"productIdentifier": evil, "batteryMass": 1, evil: evil, "batteryStatus": evil}
    ).encode()
    page = send(browser("small"), content, name=f"{evil}.json").text
    assert evil not in page
    assert "&lt;script&gt;" in page
