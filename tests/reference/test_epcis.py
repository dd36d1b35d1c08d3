"""EPCIS 2.0 and what others wrote in it: taken or refused as it should be, hashes equal, nothing lost."""

import json

import pytest

from voltrail.events import decode
from voltrail.events.epcis import event_hash, event_of, lines_of_document, read_document
from voltrail.events.epcis.context import read_context
from voltrail.events.epcis.source import read_json, write_json
from voltrail.organisations.identifiers import credit_code

REPORTER = credit_code("91000000MA000000A")
VALID = [
    "AssociationEvent-a.jsonld",
    "Example_9.6.4-TransformationEvent.jsonld",
    "ReferenceEventHashAlgorithm.jsonld",
]


@pytest.fixture
def folder(reference):
    return reference / "eu" / "epcis-2.0"


def ordered(value):
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return [ordered(one) for one in value] if isinstance(value, list) else value


def test_no_example_is_forgotten(folder):
    """What comes to the folder gets its test."""
    known = {*VALID, "openepcis-battery-state-of-health.jsonld", "EPCIS-JSON-Schema.json"}
    known |= {"invalid-ObjectEvent_with_invalid_eventTime_format.json", "ReferenceEventHashAlgorithm.hashes"}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.parametrize("name", VALID)
def test_valid_examples_are_valid_and_read_without_loss(folder, name):
    """All of what stands in them is read, numbers as they were written."""
    data = (folder / name).read_bytes()
    assert read_document(data).troubles == ()
    assert json.loads(write_json(read_json(data))) == json.loads(data)


def test_the_event_hash_is_that_of_the_reference_implementation(folder):
    """Byte for byte, for the event that it publishes."""
    (event,) = read_document((folder / "ReferenceEventHashAlgorithm.jsonld").read_bytes()).events
    published = (folder / "ReferenceEventHashAlgorithm.hashes").read_text().strip()
    assert event_hash(event.value, event.context) == published


def test_the_date_that_the_schema_lets_pass_is_refused(folder):
    """With its path, and how a time is written."""
    data = (folder / "invalid-ObjectEvent_with_invalid_eventTime_format.json").read_bytes()
    (trouble,) = read_document(data).troubles
    assert (trouble.path, trouble.rule) == ("$.epcisBody.eventList[0].eventTime", "epcis.time")
    assert "2026-07-22T10:30:00" in trouble.fix


def test_measured_values_as_text_are_refused_and_mended_they_are_a_measurement(folder):
    """
    The standard's schema wants numbers, so the published example is not valid as it stands.

    What is named is what has to be mended; then its state of health is on our record, and comes out again.
    """
    published = json.loads((folder / "openepcis-battery-state-of-health.jsonld").read_bytes())
    report = "$.epcisBody.eventList[0].sensorElementList[0].sensorReport"
    named = [trouble.path for trouble in read_document(json.dumps(published).encode()).troubles]
    assert named == ["$._comment_architecture", *(f"{report}[{at}].value" for at in (0, 1, 2, 3, 5, 6, 8))]
    del published["_comment_architecture"]
    event = published["epcisBody"]["eventList"][0]
    for one in event["sensorElementList"][0]["sensorReport"]:
        one["value"] = float(one["value"])
    event["epcList"] = ["https://id.gs1.org/01/09521234000013/21/BAT2024-001"]
    data = json.dumps(published).encode()
    assert read_document(data).troubles == ()
    (row,) = lines_of_document(data, REPORTER)
    measured = decode(row.line)
    assert (measured.kind, measured.code) == ("measured", f"NC-{REPORTER}-09521234000013-BAT2024-001")
    assert (measured.soh_fraction, measured.capacity_ah, measured.energy_kwh) == (0.942, 263.8, 13.5)
    assert (measured.cycles, measured.resistance_mohm) == (847, 2400)
    comes_back(data, row.line)


def comes_back(data, line):
    """Check that a line gives the only event of a document again: the same data, the same hash."""
    (event,) = read_document(data).events
    again = event_of(line, "registry.example")
    context = read_context(again.pop("@context"))
    assert ordered(json.loads(write_json(again))) == ordered(json.loads(write_json(event.value)))
    assert event_hash(again, context) == event_hash(event.value, event.context)


def test_a_transformation_of_batteries_needs_to_say_which_and_comes_back(folder):
    """It could be remanufactured or repurposed; once it says so, all of it is kept, classes and ilmd too."""
    document = json.loads((folder / "Example_9.6.4-TransformationEvent.jsonld").read_bytes())
    (row,) = lines_of_document(json.dumps(document).encode(), REPORTER)
    assert (row.line, row.troubles[0].rule) == (None, "epcis.kind")
    document["@context"].append({"voltrail": "urn:voltrail:epcis:"})
    document["epcisBody"]["eventList"][0]["voltrail:kind"] = "remanufactured"
    data = json.dumps(document).encode()
    (row,) = lines_of_document(data, REPORTER)
    event = decode(row.line)
    assert (event.kind, len(event.codes), len(event.into)) == ("remanufactured", 6, 4)
    comes_back(data, row.line)


@pytest.mark.parametrize(
    ("name", "words"),
    [("AssociationEvent-a.jsonld", "returnable asset"), ("ReferenceEventHashAlgorithm.jsonld", "NC- id")],
)
def test_what_is_about_no_battery_is_valid_and_not_for_our_record(folder, name, words):
    """Crates and pallets: the reason says what the identifier is, or what is lacking."""
    (row,) = lines_of_document((folder / name).read_bytes(), REPORTER)
    assert row.line is None
    assert words in row.troubles[0].message or row.troubles[0].rule == "epcis.kind"
