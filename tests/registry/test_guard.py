"""What one report does, whoever sent it, harms no other: keys, defects, floods and disorder."""

import json
import threading

import pytest

from tests.registry import sample
from voltrail.errors import LineError, ReportError, UnknownBattery
from voltrail.ledger.notes import Policy
from voltrail.ledger.verify import verify
from voltrail.registry import append, prepare
from voltrail.registry.audit import audit

MAKER = sample.signer(sample.MAKER)


def measured(code, day, minute=0):
    when = f"2026-05-{day:02}T10:{minute:02}:00+08:00"
    return sample.line("measured", when, code=code, soh_fraction=0.9, method="BMS")


def test_a_key_revoked_in_a_report_signs_no_further_line_of_it(registry):
    """After key_revoked of its own key, the rest of a report is refused: its evidence could never verify."""
    code = sample.pack(1)
    registry.report(sample.report(MAKER, sample.first_life(code)))
    revoked = sample.line(
        "key_revoked", "2026-05-01T10:00:00+08:00", organisation=sample.MAKER, key_id="line-1"
    )
    receipt = json.loads(registry.report(sample.report(MAKER, [revoked, measured(code, 2)])))
    assert receipt["accepted"] == [0]
    assert receipt["refused"][0]["rule"] == "report.key_unknown"
    verify(registry.evidence(code), Policy.parse(registry.policy), [sample.authority().vkey])
    assert list(audit(registry)) == []


def test_a_defect_stays_with_the_report_that_brought_it_out(registry, monkeypatch):
    """Whatever breaks while one report is taken, those that wait with it are taken all the same."""
    whole = append.Append.take

    def take(append, ticket):
        if ticket.prepared.note.size == 3:
            raise OverflowError
        whole(append, ticket)

    monkeypatch.setattr(append.Append, "take", take)
    bad = sample.report(MAKER, [measured(sample.pack(9), day) for day in (1, 2, 3)])
    files = [sample.report(MAKER, sample.first_life(sample.pack(n))) for n in range(1, 5)]
    found, failed = [], []

    def send(file):
        try:
            found.append(registry.report(file))
        except OverflowError:
            failed.append(file)

    with registry._writer._turn:  # so that all wait for the same turn
        threads = [threading.Thread(target=send, args=(file,)) for file in [*files[:2], bad, *files[2:]]]
        for thread in threads:
            thread.start()
        while len(registry._writer._waiting) < 5:
            pass
    for thread in threads:
        thread.join()
    assert (len(found), failed) == (4, [bad])
    assert list(audit(registry)) == []


def test_of_a_report_that_breaks_off_nothing_stands(registry, monkeypatch):
    """When judging fails between two lines of a report, neither of them is in the record; others are."""
    whole = append.judge

    def judge(event, *rest):
        if event.kind == "measured" and event.soh_fraction == 0.5:
            raise LineError("line.number", "A line of the record does not read any more.")
        return whole(event, *rest)

    monkeypatch.setattr(append, "judge", judge)
    when = "2026-05-02T10:00:00+08:00"
    bad = sample.line("measured", when, code=sample.pack(1), soh_fraction=0.5)
    tickets = []
    for lines in ([*sample.first_life(sample.pack(1)), bad], sample.first_life(sample.pack(2))):
        file = prepare.ReportFile.parse(sample.report(MAKER, lines))
        tickets.append(append.Ticket(prepare.prepare(file, registry.origin, "valid")))
    registry._writer._run(tickets)
    assert tickets[0].error.rule == "line.number"
    assert json.loads(tickets[1].receipt)["accepted"] == [0, 1]
    with pytest.raises(UnknownBattery):
        registry.battery(sample.pack(1))
    assert list(audit(registry)) == []


def test_a_long_report_without_a_key_is_not_even_hashed(registry, monkeypatch):
    """Who has no key in the record cannot make the registry work: the signature is looked at first."""
    stranger = sample.signer(sample.credit_code("91000000MA0000009"))
    file = sample.report(stranger, [measured(sample.pack(1), 1)] * 300)
    monkeypatch.setattr(prepare, "commit_all", None)
    with pytest.raises(ReportError) as refused:
        registry.report(file)
    assert refused.value.rule == "report.key_unknown"


def test_a_key_may_come_with_the_report_before(registry):
    """In one turn, a report by a key that the report before it adds is taken."""
    other = sample.signer(sample.credit_code("91000000MA0000009"))
    adds = sample.report(sample.authority(), sample.registrations(other.verifier.holder, "battery_maker"))
    uses = sample.report(other, sample.first_life(sample.pack(1)))
    tickets = []

    def prepared(file):
        parsed = prepare.ReportFile.parse(file)
        return append.Ticket(prepare.prepare(parsed, registry.origin, "valid"))

    tickets = [prepared(adds), prepared(uses)]
    registry._writer._run(tickets)
    assert [ticket.error for ticket in tickets] == [None, None]
    assert json.loads(tickets[1].receipt)["accepted"] == [0, 1]


def test_late_lines_are_all_taken(registry):
    """Hundreds of lines with the newest first, and some in between, end in the state the audit computes."""
    code = sample.pack(1)
    registry.report(sample.report(MAKER, sample.first_life(code)))
    lines = [measured(code, 20 - n // 60, 59 - n % 60) for n in range(300)]
    lines[100:100] = [measured(code, 21, n) for n in range(50)]
    lines += [lines[0], lines[300], sample.line("retired", "2026-05-18T10:00:30+08:00", code=code)]
    receipt = json.loads(registry.report(sample.report(MAKER, lines)))
    assert len(receipt["accepted"]) == 351
    assert [known["line"] for known in receipt["known"]] == [350, 351]
    assert list(audit(registry)) == []


def test_what_is_taken_back_leaves_no_life_behind(registry):
    """After a report of which nothing was taken (mode=all), late lines are folded as if it had not been."""
    code = sample.pack(1)
    registry.report(sample.report(MAKER, sample.first_life(code)))
    late = [measured(code, day) for day in (9, 8, 7)]
    bad = sample.line("measured", "2199-05-01T10:00:00+08:00", code=code, soh_fraction=0.5)
    tickets = []
    for lines, mode in (
        (late, "valid"),
        ([measured(code, 6), measured(code, 5), bad], "all"),
        (late[:2], "valid"),
    ):
        file = prepare.ReportFile.parse(sample.report(MAKER, [*lines, measured(code, 3 + len(tickets) // 2)]))
        tickets.append(append.Ticket(prepare.prepare(file, registry.origin, mode)))
    registry._writer._run(tickets)
    assert [ticket.error is None for ticket in tickets] == [True, False, True]
    receipt = json.loads(tickets[2].receipt)
    assert (receipt["accepted"], [known["line"] for known in receipt["known"]]) == ([2], [0, 1])
    assert list(audit(registry)) == []


def test_lines_that_fold_a_life_anew_have_a_bound(registry, monkeypatch):
    """When late lines and corrections cost too much, the sender is told to send the rest later, sorted."""
    monkeypatch.setattr(append, "MAX_TURNS", 20)
    code = sample.pack(1)
    registry.report(sample.report(MAKER, sample.first_life(code)))
    lines = [measured(code, 20, 59 - minute) for minute in range(20)]
    receipt = json.loads(registry.report(sample.report(MAKER, lines)))
    assert receipt["accepted"]
    assert {refused["rule"] for refused in receipt["refused"]} == {"report.order"}
    missing = [lines[refused["line"]] for refused in receipt["refused"]]
    again = json.loads(registry.report(sample.report(MAKER, sorted(missing))))
    assert again["accepted"]
    assert list(audit(registry)) == []


def test_subjects_of_a_report_have_a_bound(registry, monkeypatch):
    """A report that names more batteries than a transaction should hold is refused as a whole."""
    monkeypatch.setattr(prepare, "MAX_SUBJECTS", 3)
    with pytest.raises(ReportError) as refused:
        registry.report(sample.report(MAKER, [measured(sample.pack(n), 1) for n in range(1, 5)]))
    assert refused.value.rule == "report.too_many_subjects"


def test_the_host_corrects_in_no_organisations_chain(registry):
    """A correction that names an organisation is not signed by the host: it would stand among its keys."""
    clerk = sample.credit_code("91000000MA0000009")
    lines = sample.registrations(clerk, "battery_maker", host_may_sign=True)
    registry.report(sample.report(sample.authority(), lines))
    made, *_ = sample.first_life(sample.pack(1))
    index = json.loads(registry.report_lines(clerk, [made]))["first_index"]
    wrong = {"code": sample.pack(1), "corrects": index, "void": True}
    when = "2026-05-02T10:00:00+08:00"
    correction = sample.line("corrected", when, **wrong, organisation=sample.MAKER)
    refused = json.loads(registry.report_lines(clerk, [correction]))["refused"]
    assert [line["rule"] for line in refused] == ["role.host_signed"]
    assert json.loads(registry.report_lines(clerk, [sample.line("corrected", when, **wrong)]))[
        "accepted"
    ] == [0]
