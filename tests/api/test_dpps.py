"""Passports as EN 18222 reads and updates them: over real HTTP, for whom they are, and nothing half done."""

# ruff: noqa: F811 - fixtures of another module are imported

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import HTML, PACK, running
from tests.api.test_accounts import (  # noqa: F401
    SMALL,
    accounts,
    bearer,
    browser,
    no_attempts,
    quick_hashes,
    token,
)
from tests.browser.serving import free_port
from tests.registry import sample
from voltrail.api import dpps
from voltrail.codes import build
from voltrail.passport import en18223

DOCUMENT = Path(__file__).parents[2] / "docs" / "en18222.md"
HOST = sample.ORIGIN.partition("/")[0]
MODEL = "DPP-1"
JSON = {"Content-Type": "application/merge-patch+json"}
DECLARED = {
    "category": "ev",
    "rated_capacity_ah": 157,
    "cathode_material": "LFP",
    "dismantling": "https://x.example/d",
}


def code_of(serial):
    made = datetime(2026, 4, 12, tzinfo=UTC).date()
    return build(maker="9ZZ", level="pack", battery_type="B", production_date=made, serial=serial)


CODE, OTHER, GONE = code_of(501), code_of(502), code_of(503)
NOTHING = code_of(599)


@pytest.fixture(scope="module", autouse=True)
def reported(registry, accounts):
    """A maker whose host may sign declared a model, made three packs of it, and one of them is destroyed."""
    at = "2026-04-13T10:00:00+08:00"
    lines = [
        sample.line("model_registered", "2026-04-01T10:00:00+08:00", model_id=MODEL, level="pack"),
        sample.line("points_declared", "2026-04-02T10:00:00+08:00", model_id=MODEL, points=DECLARED),
        *(
            sample.line("manufactured", at, code=code, model_id=MODEL, mass_kg=412.5)
            for code in (CODE, OTHER, GONE)
        ),
        sample.line(
            "measured", "2026-04-14T10:00:00+08:00", code=CODE, points={"cycles": 3, "charge_percent": 40}
        ),
        sample.line("destroyed", "2026-04-15T10:00:00+08:00", code=GONE, reason="fire"),
    ]
    receipt = json.loads(registry.report_lines(SMALL, lines))
    assert not receipt["refused"], receipt["refused"]


@pytest.fixture(scope="module")
def served(app):
    """The application on a real port."""
    with running(app, port := free_port()):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def keys(accounts):
    """What each of them brings."""
    return {who: bearer(token(accounts, who, "read", "report")) for who in ("small", "recycler", "ministry")}


@pytest.fixture
def ask(served, keys):
    """Return a function that asks as somebody, or as nobody."""
    with httpx.Client(base_url=served, headers={"Accept": "application/json"}) as client:

        def asked(method, path, who=None, **given):
            headers = keys.get(who, {}) | given.pop("headers", {})
            if "json" in given:
                headers = JSON | headers
                given["content"] = json.dumps(given.pop("json"))
            return client.request(method, path, headers=headers, **given)

        yield asked


def address(code):
    return quote(f"https://{HOST}/b/{code}", safe="")


def size(registry):
    return registry.counts()["events"] if "events" in registry.counts() else registry.counts()


def is_told(answer, status, rule):
    """Check that an error has both shapes: EN 18222's result, and ours."""
    told = answer.json()
    assert (answer.status_code, told["error"]["rule"]) == (status, rule), told
    (message,) = told["message"]
    assert message["code"] == rule
    assert message["messageType"] == "Error"
    assert told["error"]["message"] in message["text"]
    assert told["statusCode"] == {
        400: "ClientErrorBadRequest",
        401: "ClientNotAuthorized",
        403: "ClientForbidden",
        404: "ClientErrorResourceNotFound",
        405: "ClientMethodNotAllowed",
        409: "ClientResourceConflict",
    }.get(status, "ClientErrorBadRequest")


def test_the_document_is_what_the_table_prints():
    """docs/en18222.md is printed, never edited: write document() into it."""
    assert DOCUMENT.read_text(encoding="utf-8") == dpps.document()


def test_every_operation_of_the_table_is_a_route(app):
    """And nothing else is under /v1: paths stand in one place."""
    routes = {
        (method, route.path_format)
        for route in app.routes
        for method in getattr(route, "http_methods", route.methods)
        if route.path_format.startswith("/v1/") and method not in {"HEAD", "OPTIONS"}
    }
    assert routes == {(one.method, one.path) for one in dpps.OPERATIONS.values()}


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    "name",
    [
        CODE,
        f"{CODE}/1",
        f"https://{HOST}/b/{CODE}",
        f"http://elsewhere.example:8/b/{CODE}/",
        f"https://h/b/{CODE}/passport/1",
    ],
)
@pytest.mark.parametrize("path", ["dpps", "dppsByProductId"])
def test_a_passport_is_read_by_whatever_names_it(ask, path, name):
    """By its address on any host, with its number or without, or by the code alone; percent-encoded."""
    found = ask("GET", f"/v1/{path}/{quote(name, safe='')}")
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    told = found.json()
    assert told["uniqueProductIdentifier"] == f"https://{HOST}/b/{CODE}"
    assert told["battery"]["mass"] == {"value": 412.5, "unit": "kg"}


def test_it_is_read_compressed_and_in_full(ask):
    """With the same values; the public's withholds what is not public, and names it."""
    compressed = ask("GET", f"/v1/dpps/{address(CODE)}").json()
    full = ask("GET", f"/v1/dpps/{address(CODE)}?representation=full").json()
    assert en18223.read(compressed) == en18223.read(full)
    assert {one["elementId"] for one in full["elements"]} >= {"battery", "performance"}
    assert compressed["withheld"] == full["withheld"]
    assert "$.composition.cathodeMaterial" in compressed["withheld"]
    seen = ask("GET", f"/v1/dpps/{address(CODE)}", "ministry").json()
    assert seen["composition"]["cathodeMaterial"] == "LFP"
    assert "withheld" not in seen


def test_a_person_is_led_to_the_page(ask):
    """A browser gets the passport's page, of the time that was asked for."""
    found = ask("GET", f"/v1/dpps/{CODE}", headers=HTML)
    assert (found.status_code, found.headers["location"]) == (303, f"/b/{CODE}/passport")
    found = ask("GET", f"/v1/dppsByIdAndDate/{CODE}?date=2026-04-13T18:00:00%2B08:00", headers=HTML)
    assert found.headers["location"].startswith(f"/b/{CODE}/passport?as_of=2026-04-13T18%3A00%3A00%2B08%3A00")
    assert ask("GET", found.headers["location"], headers=HTML).status_code == 200
    assert ask("GET", f"/v1/dpps/{CODE}/elements/$.battery", headers=HTML).status_code == 303


@pytest.mark.parametrize(
    ("path", "status", "rule"),
    [
        (f"dpps/{NOTHING}", 404, "battery.unknown"),
        (f"dpps/{CODE}%2F2", 404, "passport.unknown"),
        ("dpps/nobody", 400, "identity.code"),
        (f"dpps/{CODE}%2F0", 400, "passport.identifier"),
        ("dpps/https%3A%2F%2Fid.gs1.org%2F01%2F09521002005004", 400, "passport.identifier"),
        (f"dpps/https:/{HOST}/b/{CODE}", 404, "route.unknown"),
        (f"dpps/{'x' * 600}", 400, "passport.identifier"),
        ("dpps/%FF%FE", 400, "identity.code"),
        (f"dpps/{CODE}?representation=short", 400, "request.representation"),
        (f"dppsByIdAndDate/{CODE}", 400, "request.time"),
        (f"dppsByIdAndDate/{CODE}?date=yesterday", 400, "request.time"),
        (f"dppsByIdAndDate/{CODE}?date=2026-04-13", 400, "request.time"),
        (f"dppsByIdAndDate/{CODE}?date=2020-01-01T00:00:00Z", 404, "battery.unknown"),
        (f"dpps/{CODE}/elements/battery", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$..mass", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.battery.*", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.battery%5B%3F%40.a%5D", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.battery%5B0:2%5D", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.battery%5B'a','b'%5D", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.{'a' * 600}", 400, "passport.path"),
        (f"dpps/{CODE}/elements/$.battery.wheels", 404, "passport.no_element"),
        (f"dpps/{CODE}/elements/$.battery%5B0%5D", 404, "passport.no_element"),
        (f"dpps/{CODE}/elements/$.performance.minimumVoltage", 404, "passport.no_value"),
        (f"dpps/{CODE}/elements/$.composition.cathodeMaterial", 401, "access.sign_in"),
        (f"dpps/{CODE}/elements/$.condition", 401, "access.sign_in"),
        ("", 404, "route.unknown"),
        ("registerDPP/x", 404, "route.unknown"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_status(ask, path, status, rule):
    """In the result of EN 18222 and in our own words."""
    is_told(ask("GET", f"/v1/{path}"), status, rule)


def test_a_form_that_is_not_given_is_told(ask):
    """And a method that no path takes."""
    is_told(ask("GET", f"/v1/dpps/{CODE}", headers={"Accept": "application/xml"}), 406, "request.accept")
    is_told(ask("PUT", f"/v1/dpps/{CODE}"), 405, "route.method")


def test_json_ld_is_given_to_who_likes_it_best(ask):
    """The registry's one form of it, of what the reader may see."""
    for accept, kind in (
        ("application/ld+json, application/json;q=0.5", "application/ld+json"),
        ("application/ld+json;q=0.5, application/json", "application/json"),
        ("application/xml, */*;q=0.1", "application/json"),
    ):
        found = ask("GET", f"/v1/dpps/{CODE}", headers={"Accept": accept})
        assert found.headers["content-type"] == kind
        assert ("@context" in found.json()) == (kind == "application/ld+json")
        assert "LFP" not in found.text


def test_one_element_is_read(ask):
    """A point, its value alone, one of the envelope, a section with what may be seen; in either form."""

    def element(path, who=None, representation="compressed"):
        return ask(
            "GET",
            f"/v1/dpps/{address(CODE)}/elements/{quote(path, safe='')}?representation={representation}",
            who,
        ).json()

    mass = {"elementId": "mass", "value": 412.5, "unit": "kg"}
    assert element("$.battery.mass") == element("$['battery'][\"mass\"]") == mass
    typed = {
        "objectType": "SingleValuedDataElement",
        "valueDataType": "xsd:decimal",
        "dictionaryReference": f"https://{HOST}/points#mass_kg",
    }
    assert element("$.battery.mass", representation="full") == mass | typed
    assert element("$.battery.mass.value") == {"elementId": "value", "value": 412.5}
    assert element("$.battery.mass.unit") == {"elementId": "unit", "value": "kg"}
    assert element("$.dppStatus") == {"elementId": "dppStatus", "value": "draft"}
    section = element("$.battery")
    assert section["elementId"] == "battery"
    assert mass in section["elements"]
    assert section["withheld"] == ["$.battery.status"]
    linked = element("$.circularity.dismantlingInformation", "ministry", "full")
    assert (linked["objectType"], linked["url"]) == ("RelatedResource", "https://x.example/d")


def test_an_element_that_one_may_not_see_is_forbidden(ask):
    """To who is known and may not; an owner or an authority may."""
    path = f"/v1/dpps/{CODE}/elements/$.condition.stateOfCharge"
    is_told(ask("GET", path, "recycler"), 403, "access.point")
    assert ask("GET", path, "ministry").json()["value"] == 40
    is_told(ask("GET", path, headers={"Authorization": "Bearer wrong"}), 401, "access.token")


def test_a_passport_that_ended_is_read_as_it_stood_and_takes_no_update(ask, registry):
    """Each by its number; without one the last counts."""
    code = code_of(504)
    given = {"code": code, "number": 1}
    lines = [
        sample.line("manufactured", "2026-04-13T10:00:00+08:00", code=code, model_id=MODEL, mass_kg=412.5),
        sample.line("passport_issued", "2026-04-14T10:00:00+08:00", **given),
        sample.line("measured", "2026-04-15T10:00:00+08:00", code=code, points={"charge_percent": 40}),
        sample.line("passport_ceased", "2026-04-16T10:00:00+08:00", **given, reason="withdrawn"),
        sample.line("passport_issued", "2026-04-17T10:00:00+08:00", **given | {"number": 2}),
    ]
    assert not json.loads(registry.report_lines(SMALL, lines))["refused"]
    charge = {"condition": {"stateOfCharge": {"value": 30, "unit": "%"}}}
    assert ask("PATCH", f"/v1/dpps/{address(code)}%2Fpassport%2F2", "small", json=charge).status_code == 200
    for number, state, said in ((1, "inactive", 40), (2, "active", 30)):
        told = ask("GET", f"/v1/dpps/{address(code)}%2Fpassport%2F{number}", "ministry").json()
        assert told["digitalProductPassportId"] == f"https://{HOST}/b/{code}/passport/{number}"
        assert (told["dppStatus"], told["condition"]["stateOfCharge"]["value"]) == (state, said)
    last = ask("GET", f"/v1/dppsByProductId/{address(code)}", "ministry").json()
    assert last["digitalProductPassportId"].endswith("/passport/2")
    is_told(ask("PATCH", f"/v1/dpps/{code}%2F1", "small", json=charge), 409, "passport.ended")
    is_told(ask("GET", f"/v1/dpps/{code}%2F3"), 404, "passport.unknown")
    assert ask("GET", f"/v1/dpps/{code}%2F1", headers=HTML).headers["location"] == f"/b/{code}/passport/1"


# ------------------------------------------------------------------ by products


def test_cursors_walk_everything_once(ask):
    """In pages of each size: every passport once, what is unknown named once, and then it ends."""
    products = [
        f"https://{HOST}/b/{CODE}",
        OTHER,
        GONE,
        NOTHING,
        PACK,
        "https://id.gs1.org/01/09521002005004",
        OTHER,
    ]
    for limit in (1, 2, 3, 7, 5_000):
        found, unknown, cursor, pages = [], [], None, 0
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            answer = ask(
                "POST",
                "/v1/dppsByProductIds",
                params=params,
                headers={"Content-Type": "application/json"},
                content=json.dumps({"productIds": products}),
            )
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert len(told["dppIds"]) <= limit
            found, unknown, pages = found + told["dppIds"], unknown + told["unknown"], pages + 1
            cursor = told.get("nextCursor")
            if cursor is None:
                break
        assert found == [f"https://{HOST}/b/{code}/passport/1" for code in (CODE, OTHER, GONE, PACK)]
        assert unknown == [NOTHING, products[5]]
        assert pages == -(-6 // min(limit, 6))


@pytest.mark.parametrize(
    ("params", "content", "status", "rule"),
    [
        ({}, "", 400, "request.body"),
        ({}, "{", 400, "request.body"),
        ({}, "[" * 100_000, 400, "request.body"),
        ({}, "{}", 400, "request.body"),
        ({}, '{"productIds": []}', 400, "request.body"),
        ({}, '{"productIds": [""]}', 400, "request.body"),
        ({}, '{"productIds": [1]}', 400, "request.body"),
        ({}, json.dumps({"productIds": ["x"] * 1_001}), 400, "request.body"),
        ({}, json.dumps({"productIds": ["x" * 501]}), 400, "request.body"),
        ({}, '{"productIds": ["\\ud800"]}', 400, "request.body"),
        ({}, json.dumps({"productIds": ["x" * 2_000_000]}), 413, "request.too_large"),
        ({"limit": 0}, '{"productIds": ["x"]}', 400, "request.invalid"),
        ({"limit": "many"}, '{"productIds": ["x"]}', 400, "request.invalid"),
        ({"cursor": ""}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
        ({"cursor": "!"}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
        ({"cursor": "é"}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
        ({"cursor": "MS4w"}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
        ({"cursor": dpps._cursor(1, ("x", "z"))}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
        ({"cursor": dpps._cursor(2, ("x", "y"))}, '{"productIds": ["x", "y"]}', 400, "request.cursor"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told(ask, params, content, status, rule):
    """Bounded in number and size; a cursor is of one question alone."""
    headers = {"Content-Type": "application/json"}
    is_told(
        ask("POST", "/v1/dppsByProductIds", params=params, content=content, headers=headers), status, rule
    )


def test_a_question_is_json(ask):
    """Whatever else is sent is not read."""
    answer = ask("POST", "/v1/dppsByProductIds", content="{}", headers={"Content-Type": "text/plain"})
    is_told(answer, 415, "request.content_type")


# ------------------------------------------------------------------ updating


def test_an_update_is_reported_and_earlier_versions_stay(ask, registry, accounts):
    """Declared points of the model, measured ones of the battery, in one report; and the trail names it."""
    before = datetime.now(UTC).isoformat()
    patch = {
        "performance": {"ratedCapacity": {"value": 160.5, "unit": "Ah"}},
        "condition": {"stateOfCharge": {"value": 55, "unit": "%"}, "fullCycles": 12},
    }
    told = ask("PATCH", f"/v1/dpps/{address(OTHER)}", "small", json=patch)
    assert told.status_code == 200, told.text
    assert told.json()["performance"]["ratedCapacity"]["value"] == 160.5
    seen = ask("GET", f"/v1/dpps/{OTHER}", "ministry").json()
    assert seen["condition"]["stateOfCharge"]["value"] == 55
    assert seen["condition"]["fullCycles"] == 12
    assert (
        ask("GET", f"/v1/dpps/{CODE}").json()["performance"]["ratedCapacity"]["value"] == 160.5
    )  # of its model
    then = ask("GET", f"/v1/dppsByIdAndDate/{OTHER}", "ministry", params={"date": before}).json()
    assert then["performance"]["ratedCapacity"]["value"] == 157
    assert "condition" not in then or "stateOfCharge" not in then["condition"]
    assert registry.history(OTHER, limit=1)["events"][0]["kind"] == "measured"
    deed = next(one for one in accounts.trail()[0] if one.action == "passport.updated")
    assert deed.login == "small"
    assert OTHER in deed.detail
    assert "rated_capacity_ah" in deed.detail


@pytest.mark.parametrize("representation", ["compressed", "full"])
def test_a_passport_sent_back_as_it_was_read_changes_nothing(ask, registry, representation):
    """What somebody may not see is neither said nor taken away."""
    count = size(registry)
    for who in ("small", "recycler"):
        read = ask("GET", f"/v1/dpps/{CODE}?representation={representation}", who).json()
        told = ask("PATCH", f"/v1/dpps/{CODE}?representation={representation}", who, json=read)
        assert (told.status_code, told.json()) == (200, read)
    assert size(registry) == count


def test_an_update_in_full_is_the_same(ask):
    """Elements that are sent are said; the others stay."""
    element = {
        "elementId": "nominalVoltage",
        "objectType": "SingleValuedDataElement",
        "value": 350.4,
        "unit": "V",
    }
    patch = {
        "elements": [
            {"elementId": "performance", "objectType": "DataElementCollection", "elements": [element]}
        ]
    }
    told = ask("PATCH", f"/v1/dpps/{CODE}?representation=full", "small", json=patch)
    assert told.status_code == 200, told.text
    told = ask("GET", f"/v1/dpps/{CODE}").json()["performance"]
    assert told["nominalVoltage"]["value"] == 350.4
    assert "ratedCapacity" in told


def test_one_element_is_updated(ask):
    """By a data element as it is read, or by the value of one."""
    path = f"/v1/dpps/{address(CODE)}/elements/{quote('$.performance.maximumVoltage', safe='')}"
    element = {"elementId": "maximumVoltage", "value": 400, "unit": "V"}
    told = ask("PATCH", path, "small", json=element)
    assert (told.status_code, told.json()) == (200, element), told.text
    told = ask("PATCH", path + ".value", "small", json={"elementId": "value", "value": 401.5})
    assert told.json() == {"elementId": "value", "value": 401.5}
    assert ask("GET", path).json()["value"] == 401.5
    related = {
        "elementId": "declarationOfConformity",
        "objectType": "RelatedResource",
        "url": "https://x.example/c",
    }
    path = f"/v1/dpps/{CODE}/elements/$.safetyAndLabels.declarationOfConformity?representation=full"
    assert ask("PATCH", path, "small", json=related).json()["url"] == related["url"]


AMPERE_HOURS = {"performance": {"ratedCapacity": {"value": 99, "unit": "Ah"}}}


@pytest.mark.parametrize(
    ("who", "code", "patch", "status", "rule"),
    [
        (None, CODE, AMPERE_HOURS, 401, "access.sign_in"),
        ("recycler", CODE, AMPERE_HOURS, 403, "report.host_may_not"),
        ("ministry", CODE, AMPERE_HOURS, 403, "access.key"),
        ("small", NOTHING, AMPERE_HOURS, 404, "battery.unknown"),
        ("small", GONE, {"condition": {"fullCycles": 5}}, 409, "lifecycle.ended"),
        ("small", PACK, AMPERE_HOURS, 409, "passport.no_model"),
        ("small", CODE, None, 400, "passport.element"),
        ("small", CODE, [], 400, "passport.element"),
        ("small", CODE, {"performance": None}, 409, "passport.removal"),
        ("small", CODE, {"performance": {"ratedCapacity": None}}, 409, "passport.removal"),
        (
            "small",
            CODE,
            {"performance": {"ratedCapacity": {"value": None, "unit": "Ah"}}},
            409,
            "passport.removal",
        ),
        ("small", CODE, {"performance": {"ratedCapacity": 99}}, 400, "passport.element"),
        (
            "small",
            CODE,
            {"performance": {"ratedCapacity": {"value": 99, "unit": "Wh"}}},
            400,
            "passport.element",
        ),
        ("small", CODE, {"performance": {"ratedCapacity": {"unit": "Ah"}}}, 400, "passport.element"),
        (
            "small",
            CODE,
            {"performance": {"ratedCapacity": {"value": [9], "unit": "Ah"}}},
            400,
            "passport.element",
        ),
        (
            "small",
            CODE,
            {"performance": {"ratedCapacity": {"value": True, "unit": "Ah"}}},
            400,
            "passport.element",
        ),
        ("small", CODE, {"performance": {"ratedCapacity": {"value": -9, "unit": "Ah"}}}, 400, "event.value"),
        ("small", CODE, {"performance": {"ratedCapacity": {"value": "9", "unit": "Ah"}}}, 400, "event.value"),
        (
            "small",
            CODE,
            {"performance": {"ratedCapacity": {"value": 10**400, "unit": "Ah"}}},
            400,
            "event.value",
        ),
        ("small", CODE, {"wheels": 4}, 400, "passport.element"),
        ("small", CODE, {"battery": {"wheels": 4}}, 400, "passport.element"),
        ("small", CODE, {"elements": {}}, 400, "passport.element"),
        ("small", CODE, {"elements": [{"elementId": "wheels"}]}, 400, "passport.element"),
        ("small", CODE, {"elements": [{"elementId": "battery"}]}, 400, "passport.element"),
        ("small", CODE, {"dppStatus": "inactive"}, 409, "passport.decided"),
        ("small", CODE, {"economicOperatorId": SMALL + "X"}, 409, "passport.decided"),
        ("small", CODE, {"battery": {"status": "waste"}}, 409, "passport.decided"),
        ("small", CODE, {"battery": {"mass": {"value": 400, "unit": "kg"}}}, 409, "passport.decided"),
        ("small", CODE, {"carbonFootprint": {"label": "https://x.example/l"}}, 409, "passport.barred"),
        ("small", CODE, {"circularity": {"instructions": "javascript:alert(1)"}}, 409, "passport.barred"),
        (
            "small",
            CODE,
            {"circularity": {"dismantlingInformation": "javascript:alert(1)"}},
            400,
            "event.value",
        ),
    ],
)
def test_an_update_that_cannot_be_is_told_and_nothing_is_done(ask, registry, who, code, patch, status, rule):
    """Nothing of it: what would have been taken alone stands beside it, and is not taken either."""
    count = size(registry)
    if isinstance(patch, dict):
        patch = {"condition": {"temperature": {"value": 21, "unit": "°C"}}} | patch
    is_told(ask("PATCH", f"/v1/dpps/{code}", who, json=patch), status, rule)
    assert size(registry) == count


@pytest.mark.parametrize(
    ("path", "given", "status", "rule"),
    [
        ("$.performance.ratedCapacity", 99, 400, "passport.element"),
        ("$.performance.ratedCapacity", {"elementId": "mass", "value": 99}, 400, "passport.element"),
        ("$.performance.ratedCapacity", {"elementId": "ratedCapacity"}, 400, "passport.element"),
        (
            "$.performance.ratedCapacity",
            {"elementId": "ratedCapacity", "value": None},
            409,
            "passport.removal",
        ),
        ("$.performance.ratedCapacity.unit", {"elementId": "unit", "value": "mAh"}, 400, "passport.element"),
        ("$.performance.*", {"value": 1}, 400, "passport.path"),
        ("$.performance.wheels", {"value": 1}, 404, "passport.no_element"),
        ("$.dppStatus", {"elementId": "dppStatus", "value": "archived"}, 409, "passport.decided"),
    ],
)
def test_an_element_that_cannot_be_is_told(ask, registry, path, given, status, rule):
    """And nothing is done."""
    count = size(registry)
    answer = ask("PATCH", f"/v1/dpps/{CODE}/elements/{quote(path, safe='')}", "small", json=given)
    is_told(answer, status, rule)
    assert size(registry) == count


def test_the_bytes_of_an_update_are_bounded_and_json(ask):
    """Too large, not JSON, nested without end, not UTF-8, of another type."""
    path = f"/v1/dpps/{CODE}"
    is_told(ask("PATCH", path, "small", content="x" * 300_000, headers=JSON), 413, "request.too_large")
    for content in ("", "{", "[" * 200_000, b"\xff\xfe", "NaN"):
        is_told(ask("PATCH", path, "small", content=content, headers=JSON), 400, "request.body")
    wrong = {"Content-Type": "application/json-patch+json"}
    is_told(ask("PATCH", path, "small", content="{}", headers=wrong), 415, "request.content_type")


def test_a_token_that_may_only_read_changes_nothing(ask, accounts):
    """Nor does a session without the token of its forms."""
    reading = bearer(token(accounts, "small", "read"))
    is_told(ask("PATCH", f"/v1/dpps/{CODE}", json=AMPERE_HOURS, headers=reading), 403, "access.scope")
    session = {"Cookie": f"session={accounts.sign_in('small', 'four words nobody guesses', 'x')}"}
    is_told(ask("PATCH", f"/v1/dpps/{CODE}", json=AMPERE_HOURS, headers=session), 403, "access.form")


def test_a_passport_is_neither_created_nor_deleted(ask):
    """501 without a result, as the contract has it; our own words say what to report instead."""
    for method, path in (("POST", "/v1/dpps"), ("DELETE", f"/v1/dpps/{CODE}")):
        answer = ask(method, path, "small", content="{}" if method == "POST" else None)
        assert answer.status_code == 501
        assert set(answer.json()) == {"error"}
        assert answer.json()["error"]["rule"] == "passport.follows"
