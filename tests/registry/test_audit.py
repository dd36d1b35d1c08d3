"""The audit finds no difference in a good record, and names any byte that was changed."""

import json

import pytest

from tests.registry import sample
from voltrail.organisations.access import Reader
from voltrail.registry.audit import audit
from voltrail.registry.prepare import warm

PACK = sample.pack(1)


@pytest.fixture
def lived(registry):
    """A registry with a life in it: in order, late, corrected."""
    made, shipped = sample.first_life(PACK)
    maker, carmaker = sample.signer(sample.MAKER), sample.signer(sample.CARMAKER)
    registry.report(sample.report(maker, [made]))
    registry.report(sample.report(carmaker, sample.fitted(PACK)))
    registry.report(sample.report(maker, [shipped]))
    void = sample.line(
        "corrected", "2026-05-01T10:00:00+08:00", code=PACK, corrects=shipped_index(registry), void=True
    )
    registry.report(sample.report(maker, [void]))
    return registry


def shipped_index(registry):
    events = registry.history(PACK, reader=Reader("auditor"))["events"]
    return next(event["index"] for event in events if event["kind"] == "shipped")


def change(registry, statement):
    with registry.database.connect() as connection:
        connection.execute(statement)
        connection.commit()


def test_a_good_record_has_no_difference(lived):
    """Late and corrected events included, everything is recomputed to what stands."""
    assert list(audit(lived)) == []


def test_reports_may_come_in_meanwhile(lived):
    """A server goes on while its record is audited, and no difference comes of it."""
    sent = []

    def send(*_):
        if not sent:
            sent.append(sample.line("measured", "2026-05-03T10:00:00+08:00", code=PACK, cycles=7))
            lived.report(sample.report(sample.signer(sample.CARMAKER), sent))
            lived.holdings.follow()

    assert list(audit(lived, send)) == []
    assert sent


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("update event set line = set_byte(line, 40, 65) where seq = 12", "line"),
        ("update event set c = set_byte(c, 0, (get_byte(c, 0) + 1) % 256) where seq = 12", "line"),
        (
            "update event set links = set_byte(links, 3, (get_byte(links, 3) + 1) % 256) where seq = 12",
            "chain",
        ),
        ("update event set h = set_byte(h, 5, (get_byte(h, 5) + 1) % 256) where seq = 13", "chain"),
        ("update event set k = array[9] where seq = 13", "chain"),
        ("update event set received_ms = received_ms + 1 where seq = 12", "tree"),
        ("update event set occurred_at = occurred_at + interval '1 second' where seq = 12", "event"),
        ("delete from event where seq = 12", "event"),
        (
            "update report set secret = set_byte(secret, 0, (get_byte(secret, 0) + 1) % 256) where id = 1",
            "line",
        ),
        (
            "update report set nodes = set_byte(nodes, 0, (get_byte(nodes, 0) + 1) % 256) where id = 1",
            "report",
        ),
        ("update report set note = replace(note, 'line-1', 'line-2') where id = 1", "signature"),
        ("update tree set nodes = set_byte(nodes, 64, (get_byte(nodes, 64) + 1) % 256)", "tree"),
        ("update checkpoint set note = replace(note, 'sample', 'simple') where upto = 12", "checkpoint"),
        ("update subject set state = set_byte(state, 30, 66) where id like 'battery:%'", "state"),
        ("update subject set k = k + 1 where id like 'battery:%'", "subject"),
        ("delete from subject where id like 'battery:%'", "subject"),
        ("update log set received_ms = received_ms + 1", "log"),
        ("update log set batteries = batteries + 1", "log"),
        ("update log set trust = trust + 1", "log"),
        ("update event set findings = null where findings is not null", "finding"),
        ("update event set findings = '[]' where findings is null", "finding"),
        ("update report set accepted = accepted + 1 where id = 1", "report"),
        ("update report set lines = lines + 1 where id = 1", "report"),
        ("update report set upto = (select max(upto) from checkpoint) where id = 1", "report"),
        ("update report set outcome = convert_to('{}', 'UTF8') where id = 2", "finding"),
        (
            (
                "with told as (update report set outcome = convert_to('{}', 'UTF8') where id = 2)"
                " update event set findings = null where report = 2"
            ),
            "report",
        ),
        (
            (
                "update report set signature = set_byte(signature, 0, (get_byte(signature, 0) + 1) % 256)"
                " where id = 1"
            ),
            "report",
        ),
        (
            (
                "insert into report select 99, organisation, note, secret, '\\x00', nodes, lines, first_seq,"
                " accepted, upto, outcome, signature from report where id = 1"
            ),
            "report",
        ),
    ],
)
def test_what_was_changed_is_named(lived, statement, what):
    """A change behind the registry's back is found, whichever table it is in."""
    change(lived, statement)
    assert what in {difference.what for difference in audit(lived)}


def test_a_key_counts_for_no_event_after_its_end(registry):
    """
    Within one report too: what stands behind the end of its own key is named, what stands before is not.

    The registry refuses such lines; here the log is made to hold one, as its owner could make it.
    """
    maker = sample.signer(sample.MAKER)
    made = [
        sample.line("measured", f"2026-05-0{day}T10:00:00+08:00", code=PACK, cycles=day) for day in (1, 2, 3)
    ]
    receipt = json.loads(registry.report(sample.report(maker, [sample.first_life(PACK)[0], *made])))
    first = receipt["first_index"]
    ended = sample.line(
        "key_revoked", "2026-05-02T10:00:00+08:00", organisation=sample.MAKER, key_id=maker.name.split("/")[1]
    )
    subject = f"organisation:{sample.MAKER}"
    change(
        registry,
        f"update event set line = convert_to('{ended.decode()}', 'UTF8'), kind = 'key_revoked',"
        f" subjects = array['{subject}'], before = array[(select seq from subject where id = '{subject}')]"
        f" where seq = {first + 2}",
    )
    change(registry, f"update subject set seq = {first + 2} where id = '{subject}'")
    named = [one.where for one in audit(registry) if one.what == "signature"]
    assert named == [f"event {first + 3}"]


@pytest.mark.parametrize("changed", ["convert_to('x', 'UTF8')", "set_byte(line, 40, 65)", "line || ' '"])
def test_one_line_among_many_is_named_alone(registry, changed):
    """In a long report, with lines refused between, a line that was changed is named, and no other."""
    warm()  # so that lines are read many at a time
    refused = sample.line("vanished", "2026-05-01T10:00:00+08:00", code=sample.pack(9_999))
    lines = [one for number in range(60) for one in sample.first_life(sample.pack(number + 100))]
    lines[50:50] = [refused]
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))
    assert len(receipt["accepted"]) == 120
    assert list(audit(registry)) == []
    seq = receipt["first_index"] + 77
    change(registry, f"update event set line = {changed} where seq = {seq}")
    found = [(one.what, one.where) for one in audit(registry)]
    assert ("line", f"event {seq}") in found
    assert {where for what, where in found if what in {"line", "event"}} == {f"event {seq}"}
