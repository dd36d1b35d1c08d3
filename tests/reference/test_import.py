"""Passports that others published are read, each with exactly the faults that are known of it."""

import json

import jsonschema_rs
import pytest

from voltrail.events.points import POINTS
from voltrail.passport.importing import FORMS, read_passport

BATTERYPASS = "batterypass-1.2"
FOLDER = f"eu/{BATTERYPASS}"


def value_of(content):
    return json.loads(content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"))


@pytest.fixture(scope="module")
def imported(reference):
    """Return what is read of a file, and what it holds."""

    def read(path):
        content = (reference / "eu" / path).read_bytes()
        name = path.rpartition("/")[2]
        found = read_passport([(name, content)])
        troubles = [(one.where.removeprefix(name), one.said.rule, one.taken) for one in found.troubles]
        return found, troubles

    return read


def test_batterypass_ready(imported):
    """Every member that holds points is read; one text does not say which material is where."""
    found, troubles = imported("batterypass-ready-1.0/ev.gefeg.json")
    assert found.forms == (("ev.gefeg.json", "BatteryPass-Ready 1.0"),)
    assert len(found.found) == 89
    where = "#/Battery_Passport/BatteryMaterialsAndComposition/MaterialsUsedInCathodeAnodeAndElectrolyte"
    assert troubles == [(where, "import.materials", False)]
    assert [one.where.rpartition("/")[2] for one in found.left] == [
        "ThirdPartyAssurancesOfRecognisedSchemes",
        "SupplyChainIndices",
    ]
    assert found.found["warranty_years"].value == 8
    assert found.code is None  # its serial number is no code of GB/T 34014


def test_general_product_information(imported):
    """A month without a year is no warranty, and telnet leads to no web page."""
    found, troubles = imported(f"{BATTERYPASS}/GeneralProductInformation-payload.json")
    assert len(found.found) == 15
    assert troubles == [
        ("#/warrentyPeriod", "import.period", False),
        ("#/manufacturerInformation/webAddress", "import.value", False),
    ]


def test_material_composition(imported, reference):
    """UTF-16 with a mark, noise, and a CAS number with a blank, for which its schema refuses it."""
    found, troubles = imported(f"{BATTERYPASS}/MaterialComposition-payload.json")
    assert troubles == [
        ("", "import.encoding", True),
        ("#/hazardousSubstances/0/hazardousSubstanceConcentration", "import.noise", False),
        ("#/batteryMaterials/0/batteryMaterialIdentifier", "import.blanks", True),
        ("#/batteryMaterials/0/batteryMaterialMass", "import.noise", False),
    ]
    assert found.found["anode_material"].value == "Lithium (CAS 7439-93-2)"
    folder = reference / FOLDER
    schema = value_of((folder / "MaterialComposition-schema.json").read_bytes())
    payload = value_of((folder / "MaterialComposition-payload.json").read_bytes())
    errors = list(jsonschema_rs.validator_for(schema).iter_errors(payload))
    assert ["/".join(map(str, one.instance_path)) for one in errors] == [
        "batteryMaterials/0/batteryMaterialIdentifier"
    ]


def test_carbon_footprint(imported):
    """All of its numbers are noise: none is taken."""
    found, troubles = imported(f"{BATTERYPASS}/CarbonFootprintForBatteries-payload.json")
    assert set(found.found) == {"footprint_class"}
    assert sorted(rule for _, rule, _ in troubles) == [
        "import.encoding", "import.noise", "import.noise", "import.noise", "import.value",
    ]  # fmt: skip


def test_catena_x(imported):
    """A battery for starting has no passport, and the calendar no month 75; grams and days are converted."""
    found, troubles = imported("catena-x/BatteryPass-6.1.0.json")
    assert found.forms == (("BatteryPass-6.1.0.json", "Catena-X battery pass 6.1"),)
    assert len(found.found) == 54
    assert troubles == [
        ("#/identification/category", "import.choice", False),
        ("#/operation/intoServiceDate", "import.day", False),
    ]
    assert found.found["mass_kg"].value == 0.02
    assert found.found["charge_percent"].at == "2023-12-07T10:39:13.576+01:00"


def test_all_of_batterypass_in_one_go(reference):
    """Three payloads of one battery: what they say stands together, each with its file."""
    names = ("GeneralProductInformation", "MaterialComposition", "CarbonFootprintForBatteries")
    given = [(name, (reference / FOLDER / f"{name}-payload.json").read_bytes()) for name in names]
    found = read_passport(given)
    assert [name for name, _ in found.forms] == list(names)
    assert {one.where.partition("#")[0] for one in found.found.values()} == set(names)


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ("batterypass-1.2/general", f"{FOLDER}/GeneralProductInformation-schema.json"),
        ("batterypass-1.2/carbon-footprint", f"{FOLDER}/CarbonFootprintForBatteries-schema.json"),
        ("batterypass-1.2/circularity", f"{FOLDER}/Circularity-schema.json"),
        ("batterypass-1.2/labels", f"{FOLDER}/Labeling-schema.json"),
        ("batterypass-1.2/materials", f"{FOLDER}/MaterialComposition-schema.json"),
        ("batterypass-1.2/performance", f"{FOLDER}/PerformanceAndDurability-schema.json"),
        ("batterypass-1.2/due-diligence", f"{FOLDER}/SupplyChainDueDiligence-schema.json"),
        ("idta-02035/product-condition", "eu/idta-02035/ProductConditionBattery-1.0.1-schema.json"),
        ("catena-x/battery-pass-6.1", "eu/catena-x/BatteryPass-6.1.0-schema.json"),
    ],
)
def test_each_path_is_one_of_the_published_schema(reference, form, path):
    """With the names as they are published there, misspelt or not."""
    schema = value_of((reference / path).read_bytes())
    rows = next(one for one in FORMS if one.id == form).rows
    for row in rows:
        here = [schema]
        for step in row.path.split("/"):
            name = step.partition("[")[0].split("|")[0]
            here = [inner for one in here for inner in within(one, name, schema)]
            assert here, (row.path, step)


def within(node, name, root):
    """Yield the schemas of a member, through references and arrays."""
    while "$ref" in node:
        target = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    for one in node.get("allOf", ()):
        yield from within(one, name, root)
    if "items" in node:
        yield from within(node["items"], name, root)
    if name in node.get("properties", {}):
        yield node["properties"][name]


def test_a_payload_of_idta_is_read_by_its_schema(reference):
    """Made by the schema's own names, since none is published: all that it holds is taken, with its times."""
    schema = json.loads((reference / "eu/idta-02035/ProductConditionBattery-1.0.1-schema.json").read_bytes())
    at = "2026-05-01T08:00:00Z"
    payload = {
        "NumberOfFullCycles": {"NumberOfFullCyclesValue": 812, "LastUpdate": at},
        "InformationOnAccidents": [],
        "TemperatureInformation": {
            "MeasuredTemp": 21.5,
            "TimeExtremeHighTemp": 1, "TimeExtremeLowTemp": 2, "TimeExtremeHighTempCharging": 0,
            "TimeExtremeLowTempCharging": 0, "LastUpdate": at,
        },
        "StateOfCharge": {"StateOfChargeValue": 55, "LastUpdate": at},
        "RemainingPowerCapability": {
            "RemainingPowerCapabilityValue": {"AtSoC": 80, "PowerCapabilityAt": 7000, "RPCLastUpdated": at},
            "LastUpdate": at,
        },
    }  # fmt: skip
    jsonschema_rs.validate(schema, payload)
    found = read_passport([("condition.json", json.dumps(payload).encode())])
    values = {name: (one.value, one.at) for name, one in found.found.items()}
    assert values == {
        "cycles": (812, at), "temperature_c": (21.5, at), "charge_percent": (55, at),
        "power_now_at_80_w": (7000, at),
    }  # fmt: skip
    assert found.troubles == ()
    assert {POINTS[name].by for name in values} == {"measured"}
