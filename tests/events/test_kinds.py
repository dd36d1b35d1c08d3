"""From a line to a typed event, and what is said when there is none."""

import json

import pytest
from hypothesis import given

from tests.lifecycle.strategies import CODES, MODULES, PACKS, VINS, at, events
from voltrail.errors import EventError, VoltrailError
from voltrail.events import decode, encode, kinds, split, subjects

PACK, OTHER, THIRD = PACKS
WHEN = '"occurred_at":"2026-04-21T09:00:00+08:00"'


def line(kind, members):
    """Return a line of a kind."""
    return f'{{"kind":"{kind}",{WHEN},{members}}}'.encode()


def test_a_line_becomes_its_struct():
    """The kind picks the struct; `from`, a word of Python's, becomes from_."""
    event = decode(line("received", f'"code":"{PACK}","from":"91000000MA0000000X"'))

    assert isinstance(event, kinds.Received)
    assert (event.kind, event.from_) == ("received", "91000000MA0000000X")


def test_subjects_stand_in_the_order_of_the_formats():
    """code, then codes, then the vehicle."""
    event = decode(line("installed", f'"vin":"{VINS[0]}","codes":["{OTHER}"],"code":"{PACK}"'))

    assert subjects(event) == (f"battery:{PACK}", f"battery:{OTHER}", f"vehicle:{VINS[0]}")


@pytest.mark.parametrize(
    ("kind", "members", "about"),
    [
        ("organisation_registered", '"organisation":"O","name":"N"', ("organisation:O",)),
        ("role_granted", '"organisation":"O","role":"carrier"', ("organisation:O",)),
        ("site_registered", '"site":"S","organisation":"O"', ("site:S",)),
        ("model_registered", '"model_id":"M"', ("model:M",)),
        ("manufactured", f'"code":"{PACK}","model_id":"M","site":"S"', (f"battery:{PACK}",)),
    ],
)
def test_trust_events_are_about_what_they_name(kind, members, about):
    """An organisation, site or model is a subject only of the events about it."""
    assert subjects(decode(line(kind, members))) == about


@pytest.mark.parametrize(
    ("kind", "members", "rule", "words"),
    [
        ("instaled", '"code":"X"', "event.unknown_kind", "installed"),
        ("measured", f'"code":"{PACK}","soh_fracton":0.9', "event.unknown_field", "soh_fraction"),
        ("measured", '"note":"x"', "event.missing", "code"),
        ("measured", f'"code":"{PACK}","soh_fraction":"x"', "event.value", "soh_fraction"),
        ("measured", f'"code":"{PACK}","soh_fraction":9', "event.value", "1.5"),
        ("measured", f'"code":"{PACK}","note":"a\\u0000b"', "event.value", "u0000"),
        ("measured", '"code":"123"', "identity.code", "123"),
        ("installed", f'"code":"{PACK}","codes":["{PACK}"],"vin":"{VINS[0]}"', "event.value", "twice"),
        ("installed", f'"code":"{PACK}"', "event.value", "vin"),
        ("installed", f'"code":"{PACK}","vin":"{VINS[0]}","system":"E"', "event.value", "both"),
        ("installed", f'"code":"{PACK}","vin":"IOQ"', "identity.vin", "17 characters"),
        ("identified", f'"code":"{PACK}","codes":["{OTHER}"],"right":"{THIRD}"', "event.mention", THIRD),
        ("repurposed", f'"codes":["{PACK}","{OTHER}"],"into":["{THIRD}"]', "event.mention", THIRD),
        ("repurposed", f'"codes":["{PACK}","{OTHER}"],"into":["{PACK}","{OTHER}"]', "event.value", "old"),
        (
            "swapped",
            f'"codes":["{PACK}","{OTHER}"],"taken_out":"{PACK}","vin":"{VINS[0]}","station":"S"',
            "event.value",
            "put_in",
        ),
        ("enrolled", f'"code":"{PACK}","place":"in_vehicle","basis":"label"', "event.missing", "vin"),
        ("corrected", f'"code":"{PACK}","corrects":1', "event.value", "void"),
        ("corrected", f'"code":"{PACK}","corrects":1,"line":"{{}}"', "event.missing", "line of this"),
        ("corrected", f'"code":"{PACK}","corrects":1,"line":"{{ }}"', "line.whitespace", "line of this"),
    ],
)
def test_a_line_that_is_no_event_is_answered_with_what_to_do(kind, members, rule, words):
    """Rule, message and fix: near names, the member, what it may be."""
    with pytest.raises(EventError) as caught:
        decode(line(kind, members))

    assert caught.value.rule == rule
    assert words in f"{caught.value.message} {caught.value.fix}"


@pytest.mark.parametrize(
    "when",
    [
        "2026-04-21T09:00:00",
        "2026-02-31T09:00:00+08:00",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-08:00",
        "yesterday",
    ],
)
def test_impossible_times_are_refused(when):
    """No offset, no such day, no such year."""
    with pytest.raises(EventError) as caught:
        decode(f'{{"kind":"measured","occurred_at":"{when}","code":"{PACK}"}}'.encode())

    assert caught.value.rule == "event.value"
    assert "occurred_at" in caught.value.message


@pytest.mark.parametrize("data", [b"", b"[", b"[" * 10_000, b"{", b"\xff", b'{"kind":1}', b"null"])
def test_what_is_no_line_is_an_error_of_ours(data):
    """Nothing but our own errors comes out of decode: it never lets another library's error out."""
    with pytest.raises(VoltrailError):
        decode(data)


def test_a_correction_is_about_what_its_line_is_about():
    """The line's battery must be named by the correction; no correction of corrections inside."""
    inner = (
        f'{{\\"kind\\":\\"retired\\",\\"occurred_at\\":\\"2026-04-21T09:00:00Z\\",\\"code\\":\\"{OTHER}\\"}}'
    )
    good = decode(line("corrected", f'"code":"{PACK}","codes":["{OTHER}"],"corrects":1,"line":"{inner}"'))
    assert good.corrects == 1

    with pytest.raises(EventError) as caught:
        decode(line("corrected", f'"code":"{PACK}","corrects":1,"line":"{inner}"'))
    assert caught.value.rule == "event.mention"

    nested = inner.replace("retired", "corrected").replace("}", ',\\"corrects\\":1,\\"void\\":true}')
    with pytest.raises(EventError) as caught:
        decode(line("corrected", f'"code":"{OTHER}","corrects":1,"line":"{nested}"'))
    assert "itself a correction" in caught.value.message


def test_at_most_two_thousand_subjects():
    """Larger work is several events that share a batch."""
    codes = ",".join(f'"{PACK[:-4]}{n:04}"' for n in range(1, 2_001))

    assert len(subjects(decode(line("stocktaken", f'"site":"S","codes":[{codes}]')))) == 2_000
    with pytest.raises(EventError) as caught:
        decode(line("shipped", f'"code":"{PACK[:-4]}2001","to":"O","codes":[{codes}]'))
    assert caught.value.rule == "event.too_many"


@given(events(at(1)))
def test_what_is_encoded_decodes_to_the_same(event):
    """An event written as a line is in the strict form and reads as itself."""
    written = encode(event)

    assert split(written)
    assert decode(written) == event


def test_every_code_of_the_strategies_is_one():
    """The invented codes of the properties are codes."""
    assert all(kinds.is_code(code) for code in CODES)
    assert MODULES


@pytest.mark.parametrize(
    ("kind", "members", "word"),
    [
        (
            "enrolled",
            {"code": PACKS[0], "place": "in_stock", "basis": "label", "manufactured_on": "2026-02-31"},
            "calendar",
        ),
        (
            "key_revoked",
            {"organisation": "X", "key_id": "k", "compromised_since": "9999-12-31T23:59:59-12:00"},
            "9999",
        ),
        (
            "role_granted",
            {"organisation": "X", "role": "carrier", "until": "0001-01-02T00:00:00+14:00"},
            "year 1",
        ),
    ],
)
def test_every_time_is_one_of_the_calendar(kind, members, word):
    """Times and days besides occurred_at are checked too: an impossible one breaks no state later."""
    line = json.dumps({"kind": kind, "occurred_at": "2026-04-21T09:00:00+08:00", **members})
    with pytest.raises(EventError, match=word):
        decode(line.encode())
