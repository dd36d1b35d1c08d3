"""Whatever goes wrong, wherever: one shape, the right status, and nothing told that should not be."""

import msgspec
import pytest

from tests.api.conftest import HTML, PACK
from tests.registry import sample
from voltrail.api import failures
from voltrail.errors import RegistryClosed, VoltrailError
from voltrail.ledger.reports import MEDIA_TYPE

FIELDS = {"rule", "message", "fix", "line", "source"}
VALUES = {"{code}": PACK, "{identifier}": sample.MAKER, "{digest}": "0", "{name}": "none.css"}


def paths(app):
    for route in app.routes:
        path = route.path_format
        for name, value in VALUES.items():
            path = path.replace(name, value)
        yield path, route


PROBLEM = {"type", "title", "status", "detail"}  # of RFC 7807, beside the one shape
RESULT = {"statusCode", "message"}  # of EN 18222


def shaped(response):
    error = response.json()
    problem = response.headers["content-type"].startswith("application/problem+json")
    assert problem or response.headers["content-type"].startswith("application/json"), response.text
    assert problem == response.request.url.path.startswith("/epcis")
    result = response.request.url.path.startswith("/v1/")
    assert set(error) == {"error"} | (PROBLEM if problem else set()) | (RESULT if result else set())
    assert set(error["error"]) == FIELDS
    assert error["error"]["rule"]
    assert error["error"]["message"]
    assert "Traceback" not in response.text
    return error["error"]


def test_every_route_answers_a_wrong_method_in_the_one_shape(app, client):
    """No route takes TRACE: 405, and Allow says what it takes."""
    for path, _route in paths(app):
        response = client.request("TRACE", path)
        assert response.status_code == 405, path
        assert shaped(response)["rule"] == "route.method"
        assert response.headers["allow"]


class Places(dict):
    """What stands in an address where a route is not content with any text."""

    def __missing__(self, name):
        return "{" + name + "}"


# Nobody is signed in, so these do not come as far as the registry.
NOT_ASKED = ("/static", "/docs", "/sign-", "/account", "/grants", "/owner", "/register", "/applications")
NOT_ASKED += (
    "/recalls/new",
    "/recalls/open",
    "/recalls/report",
    "/recalls/acknowledge",
    "/recalls/mine",
    "/workspace",
    "/authority",
    "/followed",
    "/duties",
    "/documents",
    "/passports",
    "/completeness",
    "/requests",
    "/answers",
    "/rules/file",
    "/rules/set",
    "/rules/end",
    "/outlets/coverage",
    "/outlets/check",
    "/outlets/refus",
    "/epcis",
    "/labels",
    "/fleet",
    "/lots",
    "/recycling",
    f"/b/{PACK}/decision/",
    "/scan",
    "/gateway",
    "/stations/{site}/state",
    "/stations/planning",
    *(f"/technology.{form}" for form in ("csv", "xlsx", "parquet")),
    *(
        f"/technology/{page}"
        for page in ("cells", "compare", "timeline", "range", "thousand", "life", "cycler")
    ),
    "/technology/certificate",
    "/technology/tests/new",
    "/technology/tests/report",
    "/technology/tests/grant",
    "/stations/replay",
    "/stations/standards",
    "/stations/statements",
    "/stations/plan",
    "/stations/reservations",
    "/outlook",
    "/outlook/report",
)
ASKED = {
    "/search": {"q": "9"},
    "/border": {"from": "DE", "to": "CN"},
    "/log/consistency": {"old": 1, "size": 2},
    "/outlets/site": {"site": "S-1"},
    **{f"/recalls/batteries.{ending}": {"campaign": "R-1"} for ending in ("csv", "xlsx", "parquet")},
    "/recalls/lines": {"campaign": "R-1"},
    "/v1/dppsByIdAndDate/{dpp_id}": {"date": "2026-05-03T08:00:00Z"},
}
SENT = {"/v1/dppsByProductIds": {"productIds": [PACK]}}
PLACES = Places(
    identifier="o73-04",
    tile="0/000.p/1",
    index=0,
    number=1,
    dpp_id=PACK,
    product_id=PACK,
    element_path="$.battery",
)


def test_every_route_answers_a_defect_in_the_one_shape(app, client, monkeypatch):
    """When the registry breaks under a route, 500 and nothing of the inside."""

    class Broken:
        def __getattr__(self, name):
            raise KeyError("/secret/folder")

    monkeypatch.setattr(app.state, "registry", Broken())
    monkeypatch.setattr(app.state.witnesses, "_registry", Broken())
    for path, route in paths(app):
        if path.startswith(NOT_ASKED) or path in {"/v1/dpps", "/technology"}:
            continue
        if "GET" in route.methods:
            asked = ASKED.get(path, {})
            response = client.get(path.format_map(PLACES), params=asked)
        else:
            response = client.post(
                path,
                content=b"x"
                if path == "/reports"
                else msgspec.json.encode(SENT.get(path, {"organisation": sample.MAKER, "lines": ["{}"]})),
                headers={"Content-Type": MEDIA_TYPE if path == "/reports" else "application/json"},
            )
        assert response.status_code == 500, path
        assert shaped(response)["rule"] == "internal.defect"
        assert "secret" not in response.text


@pytest.mark.parametrize(
    ("path", "status", "rule"),
    [
        ("/nothing/here", 404, "route.unknown"),
        ("/docs/nothing", 404, "route.unknown"),
        ("/b/" + sample.pack(999), 404, "battery.unknown"),
        ("/b/" + sample.pack(999) + "/history", 404, "battery.unknown"),
        ("/b/" + sample.pack(999) + "/genealogy", 404, "battery.unknown"),
        ("/b/" + sample.pack(999) + "/evidence", 404, "battery.unknown"),
        ("/b/" + sample.pack(999) + "/events/1", 404, "battery.unknown"),
        ("/b/" + PACK + "/events/0", 404, "event.unknown"),
        ("/organisations/nobody", 404, "organisation.unknown"),
        ("/b/" + PACK + "?as_of=yesterday", 400, "request.time"),
        ("/b/" + PACK + "?known_at=2026-05-03T08:00:00", 400, "request.time"),
        ("/b/" + PACK + "/history?limit=0", 400, "request.invalid"),
        ("/b/" + PACK + "/history?limit=many", 400, "request.invalid"),
        ("/b/" + PACK + "/history?before=99999999999999999999", 400, "request.invalid"),
        ("/batteries?level=car", 400, "usage.level"),
        ("/batteries?place=in_vehicle", 403, "access.place"),
        ("/static/0/voltrail.css", 404, "static.unknown"),
        ("/sign-in/provider", 404, "provider.none"),
        ("/sign-in/provider/back?code=x&state=y", 404, "provider.none"),
        ("/sign-in/link", 404, "provider.none"),
    ],
)
def test_errors_of_readers(client, path, status, rule):
    """Programs get JSON, people a page with the same words."""
    response = client.get(path)
    assert (response.status_code, shaped(response)["rule"]) == (status, rule)
    page = client.get(path, headers=HTML)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert rule in page.text


def test_a_wrong_code_teaches(client):
    """The error says what stands where."""
    response = client.get("/b/" + PACK[:-1] + "X")
    assert response.status_code == 400
    assert shaped(response)["rule"].startswith(("code", "identity"))


def report(client, body=b"", content_type=MEDIA_TYPE, query=""):
    headers = {"Content-Type": content_type} if content_type else {}
    return client.post(f"/reports{query}", content=body, headers=headers)


def test_plain_lines_need_a_sign_in(client):
    """401, and how to report without one."""
    response = report(client, b"{}\n", "application/jsonl")
    assert response.status_code == 401
    error = shaped(response)
    assert error["rule"] == "access.sign_in"
    assert "signed report file" in error["fix"]


@pytest.mark.parametrize("content_type", ["application/pdf", "", "application/x-www-form-urlencoded"])
def test_other_content_types_are_not_taken(client, content_type):
    """415 says which is."""
    response = report(client, b"a,b\n", content_type)
    assert response.status_code == 415
    assert MEDIA_TYPE in shaped(response)["fix"]


def test_a_mode_that_is_none(client):
    """400."""
    response = report(client, query="?mode=some")
    assert (response.status_code, shaped(response)["rule"]) == (400, "usage.mode")


def test_a_body_that_is_too_large(client):
    """413 for a file just above the bound by its own rule, and for what is far above."""
    assert shaped(report(client, b"x" * ((64 << 20) + 1)))["rule"] == "report.too_large"
    response = report(client, b"x" * (65 << 20))
    assert (response.status_code, shaped(response)["rule"]) == (413, "request.too_large")


@pytest.mark.parametrize("body", [b"", b"nothing", b"a\n\nb\n\nsecret x\n\n{}\n"])
def test_a_report_that_does_not_read(client, body):
    """400."""
    response = report(client, body)
    assert response.status_code == 400
    assert shaped(response)["rule"].startswith("report.")


def test_a_wrong_signature_is_refused(client):
    """422: read, and not taken."""
    wrong = sample.Signer.from_seed(f"{sample.MAKER}/line-1", b"w" * 32)
    response = report(client, sample.report(wrong, sample.first_life(sample.pack(50))))
    assert response.status_code == 422
    shaped(response)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"organisation":1,"lines":[]}',
        b'{"organisation":"x"}',
        b'{"organisation":"x","lines":[' + b'{"kind":' + b"[" * 10_000 + b"]" * 10_000 + b"}]}",
    ],
)
def test_checks_that_do_not_read(client, body):
    """400."""
    response = client.post("/checks", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    shaped(response)


def test_checks_for_no_organisation(client):
    """The identifier is checked first."""
    response = client.post("/checks", json={"organisation": "nobody", "lines": ["{}"]})
    assert (response.status_code, shaped(response)["rule"]) == (422, "identity.organisation")


def test_a_closed_registry_is_503():
    """So that load balancers and scripts come again."""
    assert failures.status_of(RegistryClosed("log.behind", "closed")) == 503
    assert failures.status_of(VoltrailError("any", "thing")) == 422


@pytest.mark.parametrize(
    "path",
    [
        "/search?q=a%00",
        "/batteries?q=%00",
        "/batteries?after=%00",
        "/organisations?after=%00",
        "/organisations/%00",
    ],
)
def test_a_null_character_is_not_a_defect(client, path):
    """U+0000, which no database column holds, is refused like any other wrong input."""
    response = client.get(path)
    assert response.status_code in {400, 404}
    shaped(response)
