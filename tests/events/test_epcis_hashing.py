"""The event hash of CBV 2.0: texts written down by hand, and what may change without changing it."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.epcis_strategies import CONTEXT, others_events
from voltrail.events.epcis.context import read_context
from voltrail.events.epcis.hashing import canonical_number, canonical_time, event_hash, pre_hash
from voltrail.events.epcis.source import read_json

BASE = read_context(CONTEXT)
WRITTEN = [
    (
        {
            "action": "ADD",
            "type": "ObjectEvent",
            "eventTime": "2026-05-03T08:00:00.1235+08:00",
            "eventTimeZoneOffset": "+08:00",
            "recordTime": "2026-05-04T08:00:00Z",
            "eventID": "urn:uuid:550e8400-e29b-41d4-a716-446655440003",
            "epcList": ["urn:epc:id:sgtin:4012345.011111.B", "https://maker.example/01/04012345111118/21/A"],
            "quantityList": [
                {"uom": "KGM", "quantity": 10.50, "epcClass": "urn:epc:class:lgtin:4012345.011111.4444"}
            ],
            "bizStep": "commissioning",
            "disposition": "https://ref.gs1.org/cbv/Disp-active",
            "readPoint": {"ex:door": " 7 ", "id": "urn:epc:id:sgln:4012345.00011.0"},
            "ilmd": {"ex:best": "2030-01-01"},
            "ex:note": {"ex:b": [2.0, 1], "ex:a": True},
        },
        (
            "eventType=ObjectEvent"
            "eventTime=2026-05-03T00:00:00.124Z"
            "eventTimeZoneOffset=+08:00"
            "epcListepc=https://id.gs1.org/01/04012345111118/21/Aepc=https://id.gs1.org/01/04012345111118/21/B"
            "quantityListquantityElementepcClass=https://id.gs1.org/01/04012345111118/10/4444quantity=10.5uom=KGM"
            "action=ADD"
            "bizStep=https://ref.gs1.org/cbv/BizStep-commissioning"
            "disposition=https://ref.gs1.org/cbv/Disp-active"
            "readPointid=https://id.gs1.org/414/4012345000115{https://ex.example/epcis/}door=7"
            "ilmd{https://ex.example/epcis/}best=2030-01-01"
            "{https://ex.example/epcis/}note{https://ex.example/epcis/}a=true"
            "{https://ex.example/epcis/}b=1{https://ex.example/epcis/}b=2"
        ),
    ),
    (
        {
            "type": "AssociationEvent",
            "eventTime": "2026-05-03T08:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            "parentID": "urn:epc:id:giai:4012345.1",
            "childEPCs": ["urn:epc:id:giai:4012345.3", "urn:epc:id:giai:4012345.2"],
            "action": "OBSERVE",
            "sourceList": [{"source": "urn:epc:id:pgln:4012345.00225", "type": "owning_party"}],
            "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00777"}],
            "bizTransactionList": [{"bizTransaction": "https://a.example/1"}],
            "sensorElementList": [
                {"sensorReport": [{"uom": "CEL", "value": 26.10, "type": "Temperature"}], "ex:x": "y"}
            ],
        },
        (
            "eventType=AssociationEvent"
            "eventTime=2026-05-03T08:00:00.000Z"
            "eventTimeZoneOffset=+00:00"
            "parentID=https://id.gs1.org/8004/40123451"
            "childEPCsepc=https://id.gs1.org/8004/40123452epc=https://id.gs1.org/8004/40123453"
            "action=OBSERVE"
            "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/Temperaturevalue=26.1uom=CEL"
            "{https://ex.example/epcis/}x=y"
            "bizTransactionListbizTransaction=https://a.example/1"
            "destinationListtype=https://ref.gs1.org/cbv/SDT-owning_partydestination=https://id.gs1.org/417/0614141007776"
            "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4012345002256"
        ),
    ),
]


@pytest.mark.parametrize(("event", "text"), WRITTEN)
def test_what_is_hashed_is_the_text_written_by_hand(event, text):
    """Members in the standard's order, each in its one spelling, extensions last and sorted."""
    event = read_json(json.dumps(event).encode())
    assert pre_hash(event, BASE) == text
    assert event_hash(event, BASE) == f"ni:///sha-256;{sha256(text.encode()).hexdigest()}?ver=CBV2.0"


def shuffled(value, data):
    """Return the same JSON with the members of each object in another order."""
    if isinstance(value, dict):
        names = data.draw(st.permutations(list(value)))
        return {name: shuffled(value[name], data) for name in names}
    return [shuffled(one, data) for one in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(others_events(), st.data())
def test_order_blanks_prefixes_and_spellings_do_not_change_it(event, data):
    """Members in another order, a list of objects in another order, another prefix, full words, a blank."""
    same = shuffled(event, data)
    for name in ("epcList", "childEPCs", "inputEPCList"):
        if name in same:
            same[name] = data.draw(st.permutations(same[name]))
    same["bizStep"] = "https://ref.gs1.org/cbv/BizStep-" + str(event["bizStep"]).rpartition("-")[2]
    text = json.dumps(
        same, indent=data.draw(st.sampled_from([None, 2])), ensure_ascii=data.draw(st.booleans())
    )
    text = text.replace('"ex:', '"zz:')
    other = read_context([CONTEXT[0], {"zz": "https://ex.example/epcis/"}])
    assert event_hash(read_json(text.encode()), other) == event_hash(
        read_json(json.dumps(event).encode()), BASE
    )


@settings(deadline=None)
@given(others_events())
def test_any_other_value_changes_it_but_not_what_names_or_corrects_the_event(event):
    """The time, an object, an extension count; eventID, recordTime and errorDeclaration do not."""
    before = event_hash(event, BASE)
    assert event_hash({**event, "eventTime": "1990-01-01T00:00:00Z"}, BASE) != before
    assert event_hash({**event, "ex:new": 1}, BASE) != before
    about = {"eventID": "urn:x:1", "recordTime": "2026-01-01T00:00:00Z", "errorDeclaration": {"x": 1}}
    assert event_hash({**event, **about}, BASE) == before


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1.0", "1"),
        ("0.3400", "0.34"),
        ("+7", "7"),
        ("007", "7"),
        ("1e3", "1000"),
        ("-0.0", "0"),
        ("1.2.3", "1.2.3"),
        ("1E-900", "1E-900"),
    ],
)
def test_numbers_have_one_spelling(text, canonical):
    """And what would be too long without an exponent keeps it."""
    assert canonical_number(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2023-01-18T11:04:03.1415Z", "2023-01-18T11:04:03.142Z"),
        ("2023-01-18T11:04:03.1414Z", "2023-01-18T11:04:03.141Z"),
        ("2023-12-31T23:59:59.9999Z", "2024-01-01T00:00:00.000Z"),
        ("2023-01-18T11:04:03+05:30", "2023-01-18T05:34:03.000Z"),
    ],
)
def test_times_are_in_utc_with_milliseconds_rounded_up_from_five(text, canonical):
    """As rule 9 of the standard's algorithm says."""
    assert canonical_time(text) == canonical
