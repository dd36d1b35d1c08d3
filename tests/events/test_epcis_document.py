"""Documents of EPCIS: each thing that must hold, broken one by one, is named by its path with what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.epcis_strategies import CONTEXT, document
from voltrail.errors import EventError
from voltrail.events.epcis import identifiers, read_document
from voltrail.events.epcis.source import MAX_DEPTH, read_json

EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2026-05-03T08:00:00.000+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "action": "OBSERVE",
    "bizStep": "shipping",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.987"},
}
GONE = object()
TRANSFORMATION = {
    "type": "TransformationEvent",
    "epcList": GONE,
    "action": GONE,
    "inputEPCList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "outputEPCList": ["urn:epc:id:sgtin:4012345.011111.9877"],
}
PARENT = {
    "epcList": GONE,
    "parentID": "urn:epc:id:giai:4012345.1",
    "childEPCs": ["urn:epc:id:giai:4012345.2"],
}
SENSED = {"sensorReport": [{"type": "Temperature", "value": 21.5, "uom": "CEL"}]}


def troubles(members, context=CONTEXT):
    """Return what is wrong with an event, by path within it."""
    event = {name: value for name, value in {**EVENT, **members}.items() if value is not GONE}
    found = read_document(json.dumps(document([event], context)).encode()).troubles
    assert all(trouble.fix and trouble.message.endswith((".", "…")) for trouble in found), found
    return {
        trouble.path.removeprefix("$.epcisBody.eventList[0]").lstrip("."): trouble.rule for trouble in found
    }


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"action": "ADD", "ilmd": {"ex:lot": 7}},
        {"bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"},
        {"bizStep": "ex:rolling", "disposition": "https://own.example/voc/rolled"},
        {"certificationInfo": ["https://a.example/1", "https://a.example/2"]},
        {
            "epcList": GONE,
            "quantityList": [{"epcClass": "urn:epc:idpat:sgtin:4012345.066666.*", "quantity": 220}],
        },
        {
            "epcList": GONE,
            "quantityList": [
                {"epcClass": "https://id.gs1.org/01/04012345111118", "quantity": 2.5, "uom": "KGM"}
            ],
        },
        {"epcList": GONE, "sensorElementList": [SENSED]},
        {"persistentDisposition": {"set": ["recalled"], "unset": ["completeness_inferred"]}},
        {"bizTransactionList": [{"bizTransaction": "urn:epcglobal:cbv:bt:4012345000115:A-1"}]},
        {"sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}]},
        {"eventID": "ni:///sha-256;" + "a0" * 32 + "?ver=CBV2.0"},
        {"errorDeclaration": {"declarationTime": "2026-05-04T08:00:00Z", "reason": "incorrect_data"}},
        {"readPoint": {"id": "geo:50.94,6.92"}, "ex:any": {"plain": 1, "ex:deep": [None, {"ex:x": "y"}]}},
        TRANSFORMATION,
        {
            **TRANSFORMATION,
            "outputEPCList": GONE,
            "transformationID": "urn:uuid:550e8400-e29b-41d4-a716-446655440003",
        },
        {"type": "AssociationEvent", **PARENT},
        {"type": "AggregationEvent", **PARENT, "action": "DELETE", "childEPCs": GONE},
        {"type": "AggregationEvent", **PARENT, "parentID": GONE},
        {
            "type": "TransactionEvent",
            "bizTransactionList": [{"type": "po", "bizTransaction": "https://a.example/po/1"}],
        },
        {"type": "ex:Inspection", "epcList": GONE, "action": GONE, "bizStep": GONE, "anything": 1},
    ],
)
def test_what_the_standard_allows_is_valid(members):
    """Every type of event, and what it may hold."""
    assert troubles(members) == {}


@pytest.mark.parametrize(
    ("members", "path", "rule"),
    [
        ({"type": GONE}, "type", "epcis.missing"),
        ({"type": "ObjectEvents"}, "type", "epcis.vocabulary"),
        ({"eventTime": GONE}, "eventTime", "epcis.missing"),
        ({"eventTime": "2026-02-30T08:00:00Z"}, "eventTime", "epcis.time"),
        ({"eventTime": "2026-05-03T08:00:00"}, "eventTime", "epcis.time"),
        ({"eventTime": "2026-05-03T24:30:00Z"}, "eventTime", "epcis.time"),
        ({"eventTime": 1746230400}, "eventTime", "epcis.time"),
        ({"recordTime": "yesterday"}, "recordTime", "epcis.time"),
        ({"eventTimeZoneOffset": GONE}, "eventTimeZoneOffset", "epcis.missing"),
        ({"eventTimeZoneOffset": "Z"}, "eventTimeZoneOffset", "epcis.time"),
        ({"eventTimeZoneOffset": "+14:30"}, "eventTimeZoneOffset", "epcis.time"),
        ({"action": GONE}, "action", "epcis.missing"),
        ({"action": "CREATE"}, "action", "epcis.vocabulary"),
        ({"bizStep": "transforming"}, "bizStep", "epcis.vocabulary"),
        ({"bizStep": "cbv:BizStep-transforming"}, "bizStep", "epcis.vocabulary"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}, "bizStep", "epcis.vocabulary"),
        ({"bizStep": "other-firm:rolling"}, "bizStep", "epcis.context"),
        ({"disposition": "in_transport"}, "disposition", "epcis.vocabulary"),
        ({"persistentDisposition": {}}, "persistentDisposition", "epcis.missing"),
        ({"persistentDisposition": {"set": ["gone"]}}, "persistentDisposition.set[0]", "epcis.vocabulary"),
        ({"epcList": []}, "", "epcis.missing"),
        ({"epcList": "urn:epc:id:sgtin:4012345.011111.9876"}, "epcList", "epcis.value"),
        ({"epcList": ["9876"]}, "epcList[0]", "epcis.identifier"),
        (
            {"epcList": ["urn:epc:id:sgtin:4012345.011111.1", "urn:epc:id:sgtin:4012345.011111.1"]},
            "epcList",
            "epcis.value",
        ),
        ({"epcList": ["urn:epc:id:sgtin:4012345.01111.1"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["urn:epc:id:sscc:4012345.00000003339"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["urn:epc:id:nothing:1.2"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["urn:epc:class:lgtin:4012345.012345.998877"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["https://id.gs1.org/01/04012345111119/21/9876"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["https://id.gs1.org/00/040123450000003339"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["https://id.gs1.org/01/04012345111118"]}, "epcList[0]", "epcis.identifier"),
        ({"epcList": ["https://own.example/01/04012345111118/21"]}, "epcList[0]", "epcis.identifier"),
        ({"readPoint": {"id": "https://id.gs1.org/414/4012345000116"}}, "readPoint.id", "epcis.identifier"),
        ({"readPoint": {"id": "urn:epc:id:sgtin:4012345.011111.1"}}, "readPoint.id", "epcis.identifier"),
        ({"readPoint": {}}, "readPoint.id", "epcis.missing"),
        ({"readPoint": "urn:epc:id:sgln:4012345.00011.987"}, "readPoint", "epcis.value"),
        (
            {"bizLocation": {"id": "urn:epc:id:sgln:4012345.00011.987", "x": 1}},
            "bizLocation.x",
            "epcis.member",
        ),
        ({"quantityList": [{"quantity": 2}]}, "quantityList[0].epcClass", "epcis.missing"),
        (
            {"quantityList": [{"epcClass": "urn:epc:id:sgtin:4012345.011111.1"}]},
            "quantityList[0].epcClass",
            "epcis.identifier",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:4012345.066666.*", "quantity": "2"}]},
            "quantityList[0].quantity",
            "epcis.value",
        ),
        (
            {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:4012345.066666.*", "quantity": 2.5}]},
            "quantityList[0].quantity",
            "epcis.value",
        ),
        (
            {
                "quantityList": [
                    {"epcClass": "urn:epc:idpat:sgtin:4012345.066666.*", "quantity": 2, "uom": "kg"}
                ]
            },
            "quantityList[0].uom",
            "epcis.vocabulary",
        ),
        (
            {"sourceList": [{"source": "urn:epc:id:pgln:4012345.00225"}]},
            "sourceList[0].type",
            "epcis.missing",
        ),
        (
            {"destinationList": [{"type": "place", "destination": "urn:epc:id:pgln:4012345.00225"}]},
            "destinationList[0].type",
            "epcis.vocabulary",
        ),
        (
            {"bizTransactionList": [{"type": "order", "bizTransaction": "https://a.example/1"}]},
            "bizTransactionList[0].type",
            "epcis.vocabulary",
        ),
        (
            {
                "bizTransactionList": [
                    {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000116:A"}
                ]
            },
            "bizTransactionList[0].bizTransaction",
            "epcis.identifier",
        ),
        ({"eventID": "7"}, "eventID", "epcis.identifier"),
        ({"eventID": "ni:///sha-256;abc?ver=CBV2.0"}, "eventID", "epcis.identifier"),
        ({"eventID": "urn:uuid:1"}, "eventID", "epcis.identifier"),
        ({"certificationInfo": {"a": 1}}, "certificationInfo", "epcis.identifier"),
        (
            {"errorDeclaration": {"reason": "did_not_occur"}},
            "errorDeclaration.declarationTime",
            "epcis.missing",
        ),
        (
            {"errorDeclaration": {"declarationTime": "2026-05-04T08:00:00Z", "reason": "typo"}},
            "errorDeclaration.reason",
            "epcis.vocabulary",
        ),
        ({"ilmd": {"ex:lot": 1}}, "ilmd", "epcis.ilmd"),
        ({"action": "ADD", "ilmd": {"lot": 1}}, "ilmd.lot", "epcis.member"),
        ({"parentID": "urn:epc:id:giai:4012345.1"}, "parentID", "epcis.member"),
        ({"shelf": 1}, "shelf", "epcis.member"),
        ({"own:shelf": 1}, "own:shelf", "epcis.context"),
        ({"ex:a": {"ex:b": {"own:c": 1}}}, "ex:a.ex:b.own:c", "epcis.context"),
        ({"sensorElementList": [{}]}, "sensorElementList[0].sensorReport", "epcis.missing"),
        (
            {"sensorElementList": [{"sensorReport": [{"type": "Warmth"}]}]},
            "sensorElementList[0].sensorReport[0].type",
            "epcis.vocabulary",
        ),
        (
            {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": "21"}]}]},
            "sensorElementList[0].sensorReport[0].value",
            "epcis.value",
        ),
        (
            {
                "sensorElementList": [
                    {
                        "sensorMetadata": {
                            "startTime": "2026-05-03T09:00:00Z",
                            "endTime": "2026-05-03T08:00:00Z",
                        },
                        **SENSED,
                    }
                ]
            },
            "sensorElementList[0].sensorMetadata.endTime",
            "epcis.time",
        ),
        (
            {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "hexBinaryValue": "f0f"}]}]},
            "sensorElementList[0].sensorReport[0].hexBinaryValue",
            "epcis.value",
        ),
        ({"type": "AssociationEvent", **PARENT, "parentID": GONE}, "parentID", "epcis.missing"),
        (
            {"type": "AggregationEvent", **PARENT, "action": "ADD", "parentID": GONE},
            "parentID",
            "epcis.missing",
        ),
        ({"type": "AggregationEvent", **PARENT, "childEPCs": []}, "childEPCs", "epcis.missing"),
        (
            {"type": "AssociationEvent", **PARENT, "childEPCs": ["urn:epc:id:giai:4012345.1"]},
            "childEPCs",
            "epcis.value",
        ),
        ({"type": "TransactionEvent"}, "bizTransactionList", "epcis.missing"),
        ({**TRANSFORMATION, "outputEPCList": GONE}, "", "epcis.missing"),
        ({**TRANSFORMATION, "action": "ADD"}, "action", "epcis.member"),
    ],
)
def test_what_the_standard_does_not_allow_is_named_by_its_path(members, path, rule):
    """One thing is wrong, and that thing is named."""
    assert troubles(members) == {path: rule}


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"@context": GONE}, "$.@context", "epcis.missing"),
        ({"@context": [{"ex": "https://ex.example/"}]}, "$.@context", "epcis.context"),
        ({"@context": [*CONTEXT, {"bad": "no-uri"}]}, "$.@context", "epcis.context"),
        ({"@context": [*CONTEXT, {"gs1": "https://other.example/"}]}, "$.@context", "epcis.context"),
        ({"schemaVersion": "1.2"}, "$.schemaVersion", "epcis.document"),
        ({"schemaVersion": GONE}, "$.schemaVersion", "epcis.missing"),
        ({"creationDate": "22-07-2026"}, "$.creationDate", "epcis.time"),
        ({"epcisBody": {}}, "$.epcisBody.eventList", "epcis.missing"),
        ({"comment": "x"}, "$.comment", "epcis.member"),
    ],
)
def test_what_is_wrong_around_the_events_is_of_the_whole_document(change, path, rule):
    """For it no event can be taken."""
    value = {name: one for name, one in {**document([EVENT]), **change}.items() if one is not GONE}
    found = read_document(json.dumps(value).encode())
    assert [(one.path, one.rule) for one in found.whole] == [(path, rule)]


@pytest.mark.parametrize(
    ("data", "rule", "words"),
    [
        (b"", "epcis.json", "line 1"),
        (b"\xff", "epcis.json", "UTF-8"),
        (b'{"type":1}', "epcis.document", "type"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "epcis.json", "deeper"),
        (b"[" * 200_000, "epcis.json", "deeper"),
        (b'{"type":"EPCISDocument","type":"ObjectEvent"}', "epcis.json", "twice"),
        (b'{"type":NaN}', "epcis.json", "NaN"),
        (b'{"type":' + b"9" * 5_000 + b"}", "epcis.json", "characters"),
        (b'{"type":"' + b"x" * 70_000 + b'"}', "epcis.json", "characters"),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_whole(data, rule, words):
    """Broken, twice said, too deep, too long: in words, never by a defect."""
    with pytest.raises(EventError, match=words) as caught:
        read_document(data)
    assert caught.value.rule == rule


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *EVENT,
                        "sensorElementList",
                        "quantityList",
                        "errorDeclaration",
                        "id",
                        "@context",
                        "ex:x",
                        "ilmd",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_answered_with_troubles_and_never_by_a_defect(value):
    """Whatever stands where an event should, or within one."""
    for event in (
        value,
        {**EVENT, "readPoint": value},
        {**EVENT, "sensorElementList": value},
        {**EVENT, **(value if isinstance(value, dict) else {})},
    ):
        text = (
            json.dumps(document([event]))
            .replace("NaN", "0")
            .replace("-Infinity", "0")
            .replace("Infinity", "0")
        )
        try:
            read_document(text.encode())
        except EventError as error:
            assert error.rule in {"epcis.json", "epcis.document"}


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("urn:epc:id:sgtin:4012345.011111.9876", "https://id.gs1.org/01/04012345111118/21/9876"),
        (
            "http://shop.example/some/gtin/4012345111118/lot/A/ser/9876?x=1",
            "https://id.gs1.org/01/04012345111118/21/9876",
        ),
        ("urn:epc:id:sgtin:0614141.112345.32a%2Fb", "https://id.gs1.org/01/10614141123459/21/32a%2Fb"),
        ("urn:epc:id:sscc:4012345.0000000333", "https://id.gs1.org/00/040123450000003338"),
        ("urn:epc:id:sgln:4012345.00011.0", "https://id.gs1.org/414/4012345000115"),
        ("https://id.gs1.org/414/4012345000115/254/0", "https://id.gs1.org/414/4012345000115"),
        ("urn:epc:id:pgln:999999999999.", "https://id.gs1.org/417/9999999999994"),
        ("urn:epc:id:grai:4012345.66666.87", "https://id.gs1.org/8003/0401234566666387"),
        ("urn:epc:id:giai:4012345.AAbb", "https://id.gs1.org/8004/4012345AAbb"),
        ("urn:epc:id:itip:4012345.012345.01.02.999", "https://id.gs1.org/8006/040123451234560102/21/999"),
        ("urn:epc:class:lgtin:4054739.099914.20160711", "https://id.gs1.org/01/04054739999148/10/20160711"),
        ("urn:epc:idpat:cpi:4012345.ABC.*", "https://id.gs1.org/8010/4012345ABC"),
        ("https://www.ncbi.nlm.nih.gov/taxonomy/1126011", "https://www.ncbi.nlm.nih.gov/taxonomy/1126011"),
        (
            "https://registry.example/b/9ZZPB240000003G4C0221953",
            "https://registry.example/b/9ZZPB240000003G4C0221953",
        ),
    ],
)
def test_identifiers_have_one_spelling(uri, canonical):
    """URNs, older words and addresses of others come to the canonical Digital Link; private ones stay."""
    assert identifiers.canonical(uri) == canonical


def test_a_string_that_does_not_end_takes_no_longer_than_another():
    """A million quotes within it are looked at once: as many times as there are, that took hours."""
    with pytest.raises(EventError) as caught:
        read_json(b'{"a":"' + b'\\"' * 1_000_000 + b"}")
    assert caught.value.rule == "epcis.json"
