"""Events of ours in EPCIS, and events of EPCIS in our record: what goes out comes back, nothing is lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.epcis_strategies import HOST, corrections, document, others_events, our_events
from tests.lifecycle.strategies import KINDS, ORGANISATIONS, PACKS, START, VINS, build_event
from voltrail.errors import EventError
from voltrail.events import decode, encode
from voltrail.events.epcis import (
    EventInLog,
    Importing,
    StandsOn,
    event_hash,
    event_of,
    line_of,
    lines_of_document,
    read_document,
    table,
    write_document,
    write_query_document,
    written_event,
)
from voltrail.events.epcis.context import read_context
from voltrail.events.epcis.mapping import OURS
from voltrail.events.epcis.source import read_json, write_json
from voltrail.events.kinds import STRUCTS, member_names
from voltrail.events.table import LOT_KINDS, TRUST_KINDS
from voltrail.organisations.identifiers import credit_code

REPORTER = ORGANISATIONS[0]
KINDS_OF_LIFE = [kind for kind in STRUCTS if kind not in TRUST_KINDS | LOT_KINDS]
STANDS = StandsOn("registry.example/log", 7, "cm9vdA==", datetime(2026, 7, 22, tzinfo=UTC))
EVENT = {
    "type": "ObjectEvent",
    "eventTime": "2026-05-03T08:00:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": [f"https://{HOST}/b/{PACKS[0]}"],
    "action": "OBSERVE",
}


def read(value):
    """Return a written document, read again; it must be a valid one."""
    found = read_document(value if isinstance(value, bytes) else json.dumps(value).encode())
    assert found.troubles == ()
    return found


def line(event, importing=REPORTER):
    """Return the row of the only event of a document."""
    (row,) = lines_of_document(json.dumps(document([event])).encode(), importing)
    return row


def said(event, **members):
    """Return what a line says that an event became."""
    row = line({**EVENT, **event})
    assert row.line is not None, row.troubles
    return decode(row.line)


@settings(deadline=None, max_examples=300)
@given(st.one_of(our_events(), corrections()))
def test_what_we_write_is_valid_and_comes_back_byte_for_byte(event):
    """Our event → EPCIS → our event is the same line, for every kind and all its members."""
    before = encode(event)
    written = b"".join(write_document([EventInLog(3, before, 1_789_000_000_123, REPORTER)], HOST, STANDS))
    (found,) = read(written).events
    assert line_of(found.value, found.context, Importing(REPORTER)) == before


@settings(deadline=None, max_examples=300)
@given(others_events())
def test_what_others_write_comes_back_as_data_and_with_its_hash(event):
    """EPCIS of others → our line → EPCIS is equal as data, extensions and numbers included."""
    (row,) = lines_of_document(json.dumps(document([event])).encode(), REPORTER)
    assert row.line is not None, row.troubles
    again = event_of(row.line, HOST)
    context = read_context(again.pop("@context", OURS.written()))
    given_context = read_document(json.dumps(document([event])).encode()).events[0].context
    assert write_json(_sorted(again)) == write_json(_sorted(read_json(json.dumps(event).encode())))
    assert event_hash(again, context) == event_hash(event, given_context)


@settings(deadline=None, max_examples=100)
@given(others_events())
def test_what_came_as_epcis_and_was_written_out_is_the_same_line_again(event):
    """An export that is sent again is known, not reported twice."""
    row = line(event)
    out = b"".join(write_document([EventInLog(3, row.line, 1_789_000_000_123, REPORTER)], HOST, STANDS))
    (found,) = read(out).events
    assert line_of(found.value, found.context, Importing(REPORTER)) == row.line


def _sorted(value):
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "rest",
    [
        b'{"occurred_at":"2026-05-03T08:00:00+08:00","kind":"serviced","code":CODE}',  # another order
        b'{"kind":"serviced","occurred_at":"2026-05-03T08:00:00Z","code":CODE,"work":"\\u7535"}',  # an escape
        b'{"kind":"measured","occurred_at":"2026-05-03T08:00:00Z","code":CODE,"soh_fraction":0.90}',  # a zero
        b'{"kind":"serviced","occurred_at":"2026-05-03t08:00:00.5z","code":CODE,"work":null}',  # letters
        b'{"kind":"serviced","occurred_at":"2026-05-03T08:00:00+15:00","code":CODE,"codes":[]}',  # its zone
    ],
)
def test_a_line_in_another_spelling_comes_back_in_that_spelling(rest):
    """The bytes that were signed, whatever their order, escapes and zeros."""
    before = rest.replace(b"CODE", f'"{PACKS[0]}"'.encode())
    written = b"".join(write_document([EventInLog(3, before, 1, REPORTER)], HOST, STANDS))
    (found,) = read(written).events
    assert line_of(found.value, found.context, Importing(REPORTER)) == before


def test_every_kind_about_batteries_and_vehicles_has_its_row():
    """The table has all kinds but those of trust, and only events and words that EPCIS has."""
    assert set(table.MAPPINGS) == set(KINDS_OF_LIFE)
    for kind in KINDS:
        struct = build_event(kind, PACKS[0], PACKS[1], REPORTER, VINS[0], START)
        read(b"".join(write_document([EventInLog(1, encode(struct), 1)], HOST, STANDS)))


def test_the_table_is_printed_into_the_docs():
    """docs/epcis.md ends with the table as it is."""
    text = (Path(__file__).parents[2] / "docs" / "epcis.md").read_text()
    assert text.endswith(table.document())


# ------------------------------------------------------------- what others' events become


def test_a_battery_is_known_by_its_code_in_any_address():
    """A page of any registry, our URN, a Digital Link whose asset ends in a code."""
    for uri in (
        f"https://elsewhere.example/b/{PACKS[0]}",
        f"urn:voltrail:battery:{PACKS[0]}",
        f"https://id.gs1.org/8004/401234{PACKS[0]}",
        f"urn:epc:id:giai:401234.{PACKS[0]}",
    ):
        assert said({"bizStep": "repairing", "epcList": [uri]}).code == PACKS[0]


def test_a_makers_own_identifier_becomes_an_nc_id_of_who_reports():
    """The serial number in it; what it came as stays in the line."""
    event = said({"bizStep": "repairing", "epcList": ["https://maker.example/01/04012345111118/21/BAT-7"]})
    assert event.code == f"NC-{REPORTER}-04012345111118-BAT-7"
    assert "maker.example" in event.epcis


@pytest.mark.parametrize(
    ("event", "kind", "members"),
    [
        ({"action": "ADD", "bizStep": "commissioning"}, "manufactured", {}),
        (
            {"bizStep": "receiving", "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0"}},
            "received",
            {"site": "4012345000115"},
        ),
        (
            {
                "bizStep": "shipping",
                "destinationList": [
                    {"type": "owning_party", "destination": f"urn:voltrail:organisation:{ORGANISATIONS[2]}"},
                    {
                        "type": "possessing_party",
                        "destination": f"urn:voltrail:organisation:{ORGANISATIONS[1]}",
                    },
                ],
            },
            "shipped",
            {"to": ORGANISATIONS[1]},
        ),
        (
            {
                "bizStep": "inspecting",
                "sensorElementList": [
                    {
                        "sensorReport": [
                            {"type": "ex:hasStateOfHealth", "value": 94.2, "uom": "P1"},
                            {"type": "ex:hasRemainingEnergy", "value": 13500, "uom": "WHR"},
                            {"type": "ex:hasInternalResistance", "value": 0.0024, "uom": "OHM"},
                            {"type": "ex:hasCycleCount", "value": 847},
                        ]
                    }
                ],
            },
            "measured",
            {"soh_fraction": 0.942, "energy_kwh": 13.5, "resistance_mohm": 2.4, "cycles": 847},
        ),
        (
            {"action": "DELETE", "bizStep": "destroying", "voltrail:reason": "fire"},
            "destroyed",
            {"reason": "fire"},
        ),
        (
            {"bizStep": "repairing", "voltrail:kind": "recalled", "voltrail:campaign": "R-1"},
            "recalled",
            {"campaign": "R-1"},
        ),
    ],
)
def test_events_of_others_are_read_by_type_action_and_step(event, kind, members):
    """And by `voltrail:kind` where that does not say it; measured values come in our units."""
    context = [*document([])["@context"], {"voltrail": "urn:voltrail:epcis:"}]
    (row,) = lines_of_document(json.dumps(document([{**EVENT, **event}], context)).encode(), REPORTER)
    assert row.line is not None, row.troubles
    found = decode(row.line)
    assert found.kind == kind
    assert {name: getattr(found, name) for name in members} == members


@pytest.mark.parametrize(
    ("event", "rule", "words"),
    [
        (
            {"bizStep": "repairing", "epcList": ["urn:epc:id:sscc:4012345.0000000333"]},
            "epcis.subject",
            "logistic unit",
        ),
        (
            {
                "bizStep": "repairing",
                "epcList": [],
                "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 2}],
            },
            "epcis.subject",
            "no single battery",
        ),
        (
            {"bizStep": "repairing", "epcList": ["urn:epc:id:sgtin:4012345.011111.abc"]},
            "epcis.subject",
            "NC- id",
        ),
        ({"bizStep": "loading"}, "epcis.kind", "loading"),
        ({}, "epcis.kind", "ObjectEvent, OBSERVE"),
        ({"bizStep": "shipping"}, "event.missing", "to"),
        (
            {
                "bizStep": "shipping",
                "destinationList": [
                    {"type": "possessing_party", "destination": "urn:epc:id:pgln:4012345.00011"}
                ],
            },
            "epcis.subject",
            "knows no organisation",
        ),
        ({"bizStep": "repairing", "ex:long": "x" * 16_000}, "epcis.too_large", "can be kept"),
        ({"bizStep": "stock_taking"}, "event.missing", "site"),
    ],
)
def test_what_is_not_for_our_record_is_refused_with_its_reason(event, rule, words):
    """Valid EPCIS, and yet about no battery, of no kind, or without what the kind needs."""
    row = line({**EVENT, **event})
    assert row.line is None
    assert row.troubles[0].rule == rule
    assert words in row.troubles[0].message
    assert row.troubles[0].fix


def test_a_party_by_its_gln_is_the_organisation_that_the_record_knows():
    """The record is asked once; who is not known as sender is left out, and kept as it came."""
    party = {"type": "possessing_party", "destination": "https://id.gs1.org/417/4012345000115"}
    knows = Importing(REPORTER, party=lambda gln, _member: {"4012345000115": ORGANISATIONS[1]}.get(gln))
    found = decode(line({**EVENT, "bizStep": "shipping", "destinationList": [party]}, knows).line)
    assert found.to == ORGANISATIONS[1]
    unknown = {"type": "possessing_party", "source": "https://id.gs1.org/417/4012345000115"}
    found = decode(line({**EVENT, "bizStep": "receiving", "sourceList": [unknown]}).line)
    assert found.from_ is None
    assert "417/4012345000115" in found.epcis


def test_an_error_declaration_makes_the_event_void():
    """The event is found by what the record knows; without it the declaration says what to do."""
    declared = {
        **EVENT,
        "bizStep": "repairing",
        "eventID": "urn:uuid:550e8400-e29b-41d4-a716-446655440003",
        "errorDeclaration": {"declarationTime": "2026-05-04T08:00:00Z", "reason": "did_not_occur"},
    }
    assert line(declared).troubles[0].rule == "epcis.unknown_event"
    row = line(
        declared,
        Importing(REPORTER, corrects=lambda event, _context, codes: 41 if codes == (PACKS[0],) else None),
    )
    found = decode(row.line)
    assert (found.kind, found.corrects, found.void, found.code) == ("corrected", 41, True, PACKS[0])
    again = event_of(row.line, HOST)
    assert again.pop("@context")
    assert again == declared


def test_a_correction_stands_as_a_declaration_on_the_whole_event():
    """Where the corrected event is at hand, all of it is said, under its own eventID."""
    made = EventInLog(
        5, encode(build_event("serviced", PACKS[0], PACKS[1], REPORTER, VINS[0], START)), 1, REPORTER
    )
    void = json.dumps(
        {
            "kind": "corrected",
            "occurred_at": "2026-05-04T08:00:00Z",
            "code": PACKS[0],
            "corrects": 5,
            "void": True,
        },
        separators=(",", ":"),
    ).encode()
    found = written_event(EventInLog(9, void, 2, REPORTER, corrected=made), HOST)
    whole = written_event(made, HOST, in_log=False)
    assert found["eventID"] == whole["eventID"] == f"urn:voltrail:event:{HOST}:5"
    assert found["errorDeclaration"]["reason"] == "did_not_occur"
    assert {name: found[name] for name in whole} == whole
    assert event_hash(found, OURS) != ""
    assert line_of(found, OURS, Importing(REPORTER)) == void


# ------------------------------------------------------------------- what is hidden


def keys_in(value):
    """Yield every key of what JSON may hold."""
    if isinstance(value, dict):
        yield from value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    ):
        yield from keys_in(one)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_hidden_member_is_nowhere_in_what_is_written(data):
    """Nor the event that it came from; what is left is valid, and cannot be reported again."""
    event = data.draw(our_events())
    before = encode(event)
    members = [name for name in member_names(event.kind) if json.loads(before).get(name) not in (None, [])]
    hidden = frozenset(
        data.draw(st.sets(st.sampled_from([one for one in members if one != "occurred_at"]), min_size=1))
    )
    out = b"".join(write_query_document([EventInLog(3, before, 1, REPORTER)], HOST, STANDS, lambda _: hidden))
    found = read(out).events
    for one in found:
        assert set(one.value["voltrail:withheld"]) == hidden
        text, keys = json.dumps(one.value, default=str), set(keys_in(one.value))
        for name in hidden - {
            "codes",
            "code",
            "into",
            "right",
            "taken_out",
            "put_in",
            "vin",
            "system",
            "phase",
        }:
            assert f"voltrail:{name}" not in keys
        shown = {name: value for name, value in json.loads(before).items() if name not in hidden}
        if "vin" in hidden and event.vin not in json.dumps(shown):  # a note may say it
            assert event.vin not in text
        with pytest.raises(EventError):
            line_of(one.value, one.context, Importing(REPORTER))


def test_what_came_as_epcis_is_not_told_to_who_may_not_see_it():
    """Its text may say anything, so its own event is written without it."""
    row = line({**EVENT, "bizStep": "repairing", "ex:secret": "price 12"})
    shown = event_of(row.line, HOST, frozenset({"epcis"}))
    assert "price" not in json.dumps(shown)
    assert shown["voltrail:withheld"] == ["epcis"]


def test_a_text_that_says_something_else_than_its_line_is_not_given_as_the_event():
    """Who writes lines by hand cannot have the record speak of another battery."""
    honest = decode(line({**EVENT, "bizStep": "repairing", "ex:a": "b"}).line)
    liar = json.dumps(
        {
            "kind": "serviced",
            "occurred_at": "2026-05-03T08:00:00+08:00",
            "code": PACKS[1],
            "epcis": honest.epcis,
        },
        separators=(",", ":"),
    ).encode()
    found = event_of(liar, HOST)
    assert found["epcList"] == [f"https://{HOST}/b/{PACKS[1]}"]
    assert line_of(found, OURS, Importing(REPORTER)) == liar


def test_exact_bytes_that_say_something_else_are_refused():
    """An event of ours that somebody changed is not taken for what it was."""
    out = event_of(
        b'{"occurred_at":"2026-05-03T08:00:00Z","kind":"serviced","code":"%s"}' % PACKS[0].encode(), HOST
    )
    with pytest.raises(EventError, match="something else"):
        line_of({**out, "eventTime": "2026-05-03T09:00:00Z"}, OURS, Importing(REPORTER))


def test_a_document_is_written_while_it_is_read():
    """Ten thousand events come one by one; none is asked for before the one before it went out."""
    asked = []

    def events():
        for index in range(10_000):
            asked.append(index)
            yield EventInLog(
                index, encode(build_event("retired", PACKS[0], PACKS[1], REPORTER, VINS[0], START)), 1
            )

    pieces = write_document(events(), HOST, STANDS)
    next(pieces)
    for count in range(1, 50):
        next(pieces)
        assert len(asked) == count
    assert len(read(b"".join(write_document(events(), HOST, STANDS))).events) == 10_000


def test_events_about_organisations_are_left_out():
    """EPCIS has no word for who is who."""
    trust = json.dumps(
        {
            "kind": "organisation_registered",
            "occurred_at": "2026-05-03T08:00:00Z",
            "organisation": credit_code("91000000MA000000D"),
            "name": "x",
        },
        separators=(",", ":"),
    ).encode()
    assert read(b"".join(write_document([EventInLog(1, trust, 1)], HOST, STANDS))).events == ()
