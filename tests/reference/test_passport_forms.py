"""Passports in others' forms, against the schemas that these published."""

# ruff: noqa: F811 - fixtures of another module are imported

import json

import jsonschema_rs
import msgspec
import pytest

from tests.passport.conftest import memory, passports  # noqa: F401
from tests.passport.telling import AT, told_to
from tests.reference.test_passport import without_required
from voltrail.passport import Known, batterypass, idta

PAYLOADS = {
    "GeneralProductInformation",
    "CarbonFootprintForBatteries",
    "Circularity",
    "Labeling",
    "MaterialComposition",
    "PerformanceAndDurability",
    "SupplyChainDueDiligence",
}
WHOLE = {"CarbonFootprintForBatteries", "SupplyChainDueDiligence"}
"""Those of which our points give every required member."""


def read(path):
    raw = path.read_bytes()
    return json.loads(raw.decode("utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"))


@pytest.fixture(scope="module")
def batterypass_schemas(reference):
    folder = reference / "eu/batterypass-1.2"
    return {name: read(folder / f"{name}-schema.json") for name in PAYLOADS}


@pytest.fixture(scope="module")
def condition_schema(reference):
    return read(reference / "eu/idta-02035/ProductConditionBattery-1.0.1-schema.json")


def every_member(schema, root, path=""):
    """Yield the paths of all members that a schema knows."""
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("allOf", ()):
        yield from every_member(part, root, path)
    if "items" in schema:
        yield from every_member(schema["items"], root, path)
    for name, one in schema.get("properties", {}).items():
        yield f"{path}/{name}"
        yield from every_member(one, root, f"{path}/{name}")


def paths_of(value, path=""):
    if isinstance(value, dict):
        for name, one in value.items():
            yield f"{path}/{name}"
            yield from paths_of(one, f"{path}/{name}")
    if isinstance(value, list):
        for one in value:
            yield from paths_of(one, path)


def test_batterypass_payloads_pass_their_schemas(batterypass_schemas, passports):
    """Every value has the form of the schema, and every name stands in it, the misspelt ones too."""
    assert passports
    for one in passports.values():
        document = batterypass.written(told_to("operator", one))
        assert document.keys() == PAYLOADS
        for name, payload in document.items():
            schema = batterypass_schemas[name]
            loose = without_required(schema)
            found = [error.message for error in validator(loose).iter_errors(payload)]
            assert found == [], (name, found)
            assert set(paths_of(payload)) <= set(every_member(schema, schema)), name
            if name in WHOLE:
                assert validator(schema).is_valid(payload), name


def test_what_our_points_cannot_give_is_why_a_payload_is_not_whole(batterypass_schemas, passports):
    """What is missing against the schema is only what is required, never a wrong value."""
    document = batterypass.written(told_to("operator", next(iter(passports.values()))))
    for name in PAYLOADS - WHOLE:
        errors = list(validator(batterypass_schemas[name]).iter_errors(document[name]))
        assert errors
        assert all("is a required property" in error.message for error in errors), name


def validator(schema):
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True)


def values_of(elements):
    """Return an AAS submodel's elements by value only, as the schema of the payload has them."""
    return {one["idShort"]: value_of(one) for one in elements}


def value_of(element):
    kind, value = element["modelType"], element["value"]
    if kind == "SubmodelElementCollection":
        return values_of(value)
    if kind == "SubmodelElementList":
        return [value_of(one) for one in value]
    return float(value) if element["valueType"] == "xs:double" else value


def semantic_ids(elements):
    for one in elements:
        if "idShort" in one:
            yield one["idShort"], one["semanticId"]["keys"][0]["value"]
        if isinstance(one["value"], list):
            yield from semantic_ids(one["value"])


def test_the_condition_of_a_measured_battery_passes_the_schema_of_idta(condition_schema, passports):
    """The submodel by value only; for the operator it is whole where all of it was measured."""
    whole = 0
    for one in passports.values():
        (submodel,) = idta.written(told_to("operator", one))["submodels"]
        payload = values_of(submodel["submodelElements"])
        found = [e.message for e in validator(without_required(condition_schema)).iter_errors(payload)]
        assert found == []
        whole += validator(condition_schema).is_valid(payload)
    assert whole > 20


def test_no_semantic_id_is_made_up(condition_schema, passports):
    """Each stands in the published schema, at the member whose element it is."""
    published = set(every_id(condition_schema, condition_schema))
    ids = set()
    every = [told_to("operator", one) for one in passports.values()]
    measured = {**every[0].values, "self_discharge_percent_per_month": Known(2.5, at=AT)}
    for told in [*every, msgspec.structs.replace(every[0], values=measured)]:
        (submodel,) = idta.written(told)["submodels"]
        ids |= set(semantic_ids(submodel["submodelElements"]))
    ids.add((submodel["idShort"], submodel["semanticId"]["keys"][0]["value"]))
    published.add(("ProductCondition", condition_schema["x-samm-aspect-model-urn"]))
    assert ids <= published, ids - published
    assert {one.element for one in idta.ELEMENTS} <= {name for name, _ in ids}


def every_id(schema, root):
    """Yield name and id of every member of a schema."""
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("allOf", ()):
        yield from every_id(part, root)
    if "items" in schema:
        yield from every_id(schema["items"], root)
    for name, one in schema.get("properties", {}).items():
        yield name, one["x-samm-aspect-model-urn"]
        yield from every_id(one, root)
