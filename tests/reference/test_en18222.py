"""Answers of the EN 18222 interface against an implementer's contract of it, read where it is kept."""

# ruff: noqa: F811 - fixtures of another module are imported

import json
from urllib.parse import quote

import jsonschema_rs
import pytest
import yaml
from litestar.testing import TestClient

from tests.api.conftest import app, registry  # noqa: F401
from tests.api.test_accounts import HOME, accounts, quick_hashes, token  # noqa: F401
from tests.api.test_dpps import CODE, HOST, JSON, NOTHING, reported  # noqa: F401
from tests.passport.conftest import memory, passports  # noqa: F401
from voltrail.api.dpps import OPERATIONS
from voltrail.passport import en18223


@pytest.fixture(scope="module")
def contract(reference):
    return yaml.safe_load((reference / "eu/en18222/en18222-dpp-api.openapi.yaml").read_bytes())


@pytest.fixture(scope="module")
def valid(contract):
    """Return a function that says what is wrong with an answer, by a schema of the contract."""
    schemas = _told_apart(contract["components"]["schemas"])

    def wrong(answer, name):
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": f"#/components/schemas/{name}",
        }
        whole = schema | {"components": {"schemas": schemas}}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [error.message for error in validator.iter_errors(answer)]

    return wrong


def _told_apart(value):
    """
    Return schemas in which a shape is chosen by what its discriminator names, where that is said.

    By JSON Schema alone all five shapes of a data element overlap, so that none is ever the only one.
    """
    if isinstance(value, list):
        return [_told_apart(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _told_apart(one) for name, one in value.items()}
    if (by := plain.pop("discriminator", None)) is None:
        return plain
    del plain["oneOf"]
    name = by["propertyName"]
    chosen = [
        {"if": {"required": [name], "properties": {name: {"const": kind}}}, "then": {"$ref": at}}
        for kind, at in by["mapping"].items()
    ]
    known = {"properties": {name: {"enum": list(by["mapping"])}}}
    return plain | {"allOf": [{"$ref": "#/components/schemas/DataElementBase"}, known, *chosen]}


def test_the_table_has_the_contract_s_operations(contract):
    """Each path and method, with its clause and how much it is wanted; but for the registry's own."""
    ours = {}
    for one in OPERATIONS.values():
        path = one.path
        for name, theirs in {
            "dpp_id": "dppId",
            "product_id": "productId",
            "element_path": "elementIdPath",
        }.items():
            path = path.replace(name, theirs)
        ours[path, one.method.lower()] = one
    published = {
        (path, method): operation
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
    }
    assert set(published) - set(ours) == {("/v1/registerDPP", "post")}
    assert set(ours) <= set(published)
    for at, one in ours.items():
        said = published[at]
        assert said["summary"] == f"{one.name} (EN 18222 clause {one.clause})"
        told = " ".join(said["description"].split())
        assert f"Conformance: {one.conformance.split()[0]}" in told


def test_documents_of_the_sample_world_have_the_contract_s_shape(valid, passports):
    """Compressed and in full, for everybody who sees them."""
    for one in list(passports.values())[:10]:
        assert valid(en18223.written(one.plain), "DigitalProductPassportCompressed") == []
        assert valid(en18223.written(one.plain, full=True), "DigitalProductPassportFull") == []
        assert (
            valid(en18223.written(one.plain, tuple(one.plain)[:3], full=True), "DigitalProductPassportFull")
            == []
        )
        for place in en18223.PLACES:
            if place.point in one.plain:
                found = en18223.find(place.path)
                for full in (False, True):
                    assert valid(en18223.element(found, one.plain, full=full), "DataElement") == []


def test_the_check_would_find_what_is_wrong(valid, passports):
    """Without a member of the envelope, with a value of another shape, of a type that is none."""
    document = en18223.written(next(iter(passports.values())).plain, full=True)
    for name in ("digitalProductPassportId", "economicOperatorId", "dppStatus", "lastUpdated"):
        assert valid({k: v for k, v in document.items() if k != name}, "DigitalProductPassportFull")
    assert valid(document | {"granularity": "piece"}, "DigitalProductPassportFull")
    assert valid(document | {"lastUpdated": "yesterday"}, "DigitalProductPassportFull")
    for wrong in ({"value": [1]}, {"value": 1, "objectType": "Number"}, {"elements": [{}]}):
        element = {"elementId": "x", "objectType": "SingleValuedDataElement"} | wrong
        if "elements" in wrong:
            element["objectType"] = "DataElementCollection"
        assert valid(document | {"elements": [element]}, "DigitalProductPassportFull")


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app, base_url=HOME) as client:
        yield client


def test_every_answer_has_the_schema_of_its_status(contract, valid, client, accounts):
    """Each operation and each status that it may answer, asked of the application."""
    headers = {"Authorization": f"Bearer {token(accounts, 'small', 'read', 'report')}"}
    reader = {"Authorization": f"Bearer {token(accounts, 'recycler', 'read', 'report')}"}
    dpp = quote(f"https://{HOST}/b/{CODE}", safe="")
    at, by_id, by_product = f"dppsByIdAndDate/{dpp}", f"dpps/{dpp}", f"dppsByProductId/{dpp}"
    element, other = f"{by_id}/elements/", f"dpps/{NOTHING}"
    mass, voltage, hidden = (
        element + quote(path, safe="")
        for path in ("$.battery.mass", "$.performance.nominalVoltage", "$.composition.cathodeMaterial")
    )
    volts = {"elementId": "nominalVoltage", "value": 350, "unit": "V"}
    cycles = {"condition": {"fullCycles": 9}}
    wrong = {"Authorization": "Bearer x"}
    get, patch, post = "GET", "PATCH", "POST"
    asked = [
        ("readDPPById", get, by_id, None, None, 200),
        ("readDPPById", get, f"{by_id}?representation=full", None, None, 200),
        ("readDPPById", get, "dpps/x", None, None, 400),
        ("readDPPById", get, by_id, wrong, None, 401),
        ("readDPPById", get, other, None, None, 404),
        ("readDPPByProductId", get, by_product, None, None, 200),
        ("readDPPByProductId", get, f"dppsByProductId/{NOTHING}", None, None, 404),
        ("readDPPVersionByIdAndDate", get, f"{at}?date=2026-04-20T00:00:00Z", None, None, 200),
        ("readDPPVersionByIdAndDate", get, at, None, None, 400),
        ("readDPPVersionByIdAndDate", get, f"{at}?date=2020-01-01T00:00:00Z", None, None, 404),
        ("readDPPIdsByProductIds", post, "dppsByProductIds?limit=1", None, {"productIds": [CODE, "x"]}, 200),
        ("readDPPIdsByProductIds", post, "dppsByProductIds", None, {"productIds": []}, 400),
        ("readDataElement", get, mass, None, None, 200),
        ("readDataElement", get, f"{mass}.value?representation=full", None, None, 200),
        ("readDataElement", get, f"{element}$.battery?representation=full", None, None, 200),
        ("readDataElement", get, f"{element}$.*", None, None, 400),
        ("readDataElement", get, hidden, None, None, 401),
        ("readDataElement", get, hidden, reader, None, 403),
        ("readDataElement", get, f"{element}$.wheels", None, None, 404),
        ("updateDPPById", patch, by_id, headers, cycles, 200),
        ("updateDPPById", patch, by_id, headers, {"wheels": 4}, 400),
        ("updateDPPById", patch, by_id, None, cycles, 401),
        ("updateDPPById", patch, by_id, reader, {"condition": {"fullCycles": 10}}, 403),
        ("updateDPPById", patch, other, headers, cycles, 404),
        ("updateDPPById", patch, by_id, headers, {"condition": None}, 409),
        ("updateDataElement", patch, voltage, headers, volts, 200),
        ("updateDataElement", patch, f"{voltage}?representation=full", headers, volts, 200),
        ("updateDataElement", patch, voltage, headers, volts | {"unit": "mV"}, 400),
        ("updateDataElement", patch, voltage, None, volts, 401),
        ("updateDataElement", patch, voltage, reader, volts | {"value": 351}, 403),
        ("updateDataElement", patch, f"{element}$.wheels", headers, volts, 404),
        ("updateDataElement", patch, voltage, headers, volts | {"value": None}, 409),
        ("createDPP", post, "dpps", headers, {}, 501),
        ("deleteDPPById", "DELETE", by_id, headers, None, 501),
    ]  # fmt: skip
    operations = {
        one["operationId"]: one for methods in contract["paths"].values() for one in methods.values()
    }
    assert {one[0] for one in asked} == {name for name in operations if name != "registerProductDPP"}
    for name, method, path, given, body, status in asked:
        sent = {"Accept": "application/json"} | (JSON if method == "PATCH" else {}) | (given or {})
        if method == "POST":
            sent |= {"Content-Type": "application/json"}
        answer = client.request(
            method, f"/v1/{path}", headers=sent, content=None if body is None else json.dumps(body)
        )
        assert answer.status_code == status, (path, answer.text)
        said = operations[name]["responses"][str(status)]
        if "$ref" in said:
            said = contract["components"]["responses"][said["$ref"].rpartition("/")[2]]
        if status == 501:
            assert "content" not in said
            assert "statusCode" not in answer.json()
            continue
        schema = said["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        if schema == "DigitalProductPassport":
            schema += "Full" if "representation=full" in path else "Compressed"
        assert valid(answer.json(), schema) == [], (path, answer.text)
