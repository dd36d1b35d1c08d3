"""The EU passport against what others published: data points of the Commission, BatteryPass-Ready 1.0."""

# ruff: noqa: F811 - fixtures of another module are imported

import copy
import json
import re

import jsonschema_rs
import pytest

from tests.passport.conftest import memory, passports  # noqa: F401
from tests.passport.telling import told_to
from voltrail.events.points import POINTS
from voltrail.passport import CATEGORIES, EU_GUIDANCE, FORMS, SPEC_99100, Known, batterypass_ready

SAID = {"notToBeFilled": "absent"}
TIERS = {
    "public": {"public"},
    "legitimateInterest": {"detail", "condition", "public"},
    "notifiedBodiesAndAuthorities": {"evidence"},
}


@pytest.fixture(scope="module")
def published(reference):
    return json.loads((reference / "eu/ec-guidance-1.0/ec-guidance-datapoints.json").read_bytes())[
        "dataPoints"
    ]


@pytest.fixture(scope="module")
def schema(reference):
    return json.loads((reference / "eu/batterypass-ready-1.0/EV.schema.json").read_bytes())


def test_all_71_points_stand_as_the_commission_has_them(published):
    """Each number, for each category, with the standing of the guidance; access no wider than its tier."""
    assert [one["nr"] for one in published] == [row.nr for row in EU_GUIDANCE.rows] == list(range(1, 72))
    for one, row in zip(published, EU_GUIDANCE.rows, strict=True):
        for category in CATEGORIES:
            status = one["applicability"][category]["status"]
            assert row.status(category) == SAID.get(status, status), (row.nr, category)
        assert {POINTS[name].audience for name in row.points} <= TIERS[one["accessTier"]], row.nr
        assert row.points or row.status("ev") == "absent", row.nr


def test_what_changes_is_what_annex_xiii_4_has(published):
    """The guidance's dynamic points change here, but for what follows from the model alone."""
    for one, row in zip(published, EU_GUIDANCE.rows, strict=True):
        dynamic = {name for name in row.points if POINTS[name].changes == "dynamic"}
        if one["lifecycle"] == "dynamic":
            assert dynamic == set(row.points) - {"life_cycles", "life_years"}, row.nr
        else:
            assert not dynamic, row.nr


def test_the_sample_world_s_passports_pass_the_published_schema(schema, passports):
    """As BatteryPass-Ready 1.0 for the operator; without any one required member they do not."""
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for one in passports.values():
        document = batterypass_ready.written(one.plain)
        assert [error.message for error in validator.iter_errors(document)] == []
    for member in batterypass_ready.MEMBERS:
        document = batterypass_ready.written(one.plain)
        *above, last = member.path.split("/")
        holder = document[batterypass_ready.NAME]
        for name in above:
            holder = holder[name]
        if holder.pop(last, None) is not None:
            assert validator.is_valid(document) is not member.required, member.path


def test_a_partial_document_passes_but_for_what_it_withholds(schema, passports):
    """For the public: what is there has the form of the schema, and nothing is required."""
    one = next(iter(passports.values()))
    seen = {name: value for name, value in one.plain.items() if POINTS[name].audience == "public"}
    document = batterypass_ready.written(seen, tuple(set(one.plain) - set(seen)))
    assert document["withheld"]
    assert not jsonschema_rs.is_valid(schema, document)
    assert jsonschema_rs.is_valid(without_required(schema), document)


def test_what_is_rounded_for_the_schema_stands_exact_beside_it(schema, passports):
    """A pack's resistance is some hundredths of an ohm, and the schema has whole ohms: no 0 stands alone."""
    document = batterypass_ready.written(
        {**next(iter(passports.values())).plain, "resistance_pack_ohm": 0.06}
    )
    group = document[batterypass_ready.NAME]["PerformanceAndDurability"]
    member = group["InitialInternalResistanceOfBatteryCellAndPackModuleRecommended"]
    assert member == {"ohmValue": 0, "ohm": "Ohm", "exactValue": 0.06}
    assert jsonschema_rs.is_valid(schema, document)


def for_category(schema, category):
    """Return the published schema with what the rule set requires of a category, and its name."""
    derived = copy.deepcopy(schema)
    derived["$defs"]["batteryCategoryCodes"]["enum"] = [batterypass_ready.CATEGORIES[category]]
    for group in batterypass_ready.SECTIONS:
        derived["$defs"][group].pop("required", None)
    for row, member in zip(batterypass_ready.RULES.rows, batterypass_ready.MEMBERS, strict=True):
        group, _, rest = member.path.partition("/")
        name = rest.partition("/")[0]
        if row.status(category) == "mandatory":
            required = derived["$defs"][group].setdefault("required", [])
            required += [name] if name not in required else []
        if row.status(category) == "absent":
            derived["$defs"][group]["properties"][name] = False
    return derived


@pytest.mark.parametrize("category", ["lmt", "industrial"])
def test_other_categories_have_documents_built_from_the_guidance(schema, passports, category):
    """They pass the schema derived for them, need what it requires, and have nothing that is barred."""
    validator = jsonschema_rs.Draft202012Validator(for_category(schema, category), validate_formats=True)
    one = next(iter(passports.values()))
    passport = one.__class__(one.code, {**one.values, "category": Known(category)}, one.series)

    def document():
        return FORMS["batterypass-ready"].write(told_to("operator", passport))

    assert [error.message for error in validator.iter_errors(document())] == []
    barred = 0
    for row, member in zip(batterypass_ready.RULES.rows, batterypass_ready.MEMBERS, strict=True):
        less, (*above, last) = document(), member.path.split("/")
        holder = less[batterypass_ready.NAME]
        for name in above:
            holder = holder[name]
        if row.status(category) == "absent":
            assert last not in holder, member.path
            assert set(member.points) <= passport.values.keys(), (
                "the record has it, the document leaves it out"
            )
            barred += 1
        elif holder.pop(last, None) is not None and len(above) == 1:
            assert validator.is_valid(less) is (row.status(category) != "mandatory"), member.path
    assert barred == 2


def without_required(value):
    if isinstance(value, dict):
        return {
            name: without_required(one)
            for name, one in value.items()
            if name != "required" or not isinstance(one, list)
        }
    return [without_required(one) for one in value] if isinstance(value, list) else value


def test_every_member_of_the_published_schema_is_in_the_table(schema):
    """But for two that say what a third party found, which no rule demands."""
    named = {member.path for member in batterypass_ready.MEMBERS}
    groups = [one["$ref"].rpartition("/")[2] for one in _master(schema)["properties"].values()]
    every = {f"{group}/{name}" for group in groups for name in schema["$defs"][group]["properties"]}
    lacking = {path for path in every if not any(one == path or one.startswith(path + "/") for one in named)}
    assert lacking == {
        "SupplyChainDueDiligence/ThirdPartyAssurancesOfRecognisedSchemes",
        "SupplyChainDueDiligence/SupplyChainIndices",
    }


def _master(schema):
    return schema["$defs"]["Battery_Passport_Master"]


def test_each_chapter_of_spec_99100_is_one_that_a_published_schema_names(reference):
    """Beside the points that stand at it; none is filled in from elsewhere."""
    named = set()
    for folder in ("batterypass-1.2", "idta-02035"):
        for path in (reference / "eu" / folder).glob("*schema.json"):
            content = path.read_bytes()
            text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
            for described in re.findall(r"99100 chapter reference[^\"]*|Spec chapter reference[^\"]*", text):
                named |= set(re.findall(r"6\.\d\.\d+(?:\.\d+)?", described))
    for row in SPEC_99100.rows:
        for chapter in re.findall(r"6\.\d\.\d+(?:\.\d+)?", row.source):
            ends = {"6.7.7.8", "6.7.6.4"}  # of ranges, which the schemas write as 5 - 8
            assert chapter in named | ends, row.source
