"""A report becomes durable entries and a receipt; sent again, it is the same."""

import json
from hashlib import sha256

import pytest

import voltrail
from tests.registry import sample
from voltrail.errors import RegistryClosed, ReportError
from voltrail.events import decode, subjects
from voltrail.ledger.notes import Policy
from voltrail.ledger.receipts import verify_receipt
from voltrail.organisations.access import PUBLIC, Reader
from voltrail.registry.audit import audit
from voltrail.registry.writer import clock_ms

PACK = sample.pack(1)


def maker_report(*lines):
    return sample.report(sample.signer(sample.MAKER), list(lines))


def kinds(registry, code, audience="auditor"):
    return [event["kind"] for event in registry.history(code, Reader(audience))["events"]][::-1]


def test_a_report_gives_a_receipt_that_verifies(registry):
    """The receipt is signed by the log, and says where each line stands."""
    receipt = registry.report(maker_report(*sample.first_life(PACK)))
    read = verify_receipt(receipt, registry.keys.log.verifier)
    assert read.accepted == [0, 1]
    assert [(s.subject, s.k) for line in read.subjects for s in line] == [
        (f"battery:{PACK}", 1),
        (f"battery:{PACK}", 2),
    ]


def test_the_same_report_gives_the_same_receipt(registry):
    """Whoever lost the answer sends the file again and gets it, byte for byte; nothing is appended."""
    file = maker_report(*sample.first_life(PACK))
    receipt = registry.report(file)
    size = registry.counts()["entries"]
    registry.report(maker_report(*sample.first_life(sample.pack(2))))
    assert registry.report(file) == receipt
    assert registry.counts()["entries"] == size + 2


def test_a_known_line_is_answered_with_its_index(registry):
    """A line accepted before, in another report of the same organisation, is neither appended nor refused."""
    made, shipped = sample.first_life(PACK)
    first = json.loads(registry.report(maker_report(made)))
    again = json.loads(registry.report(maker_report(made, shipped)))
    assert again["known"] == [{"line": 0, "index": first["first_index"]}]
    assert again["accepted"] == [1]


def test_valid_takes_what_holds_and_all_takes_nothing(registry):
    """With mode=valid the good lines stand beside the refused; with mode=all nothing is done."""
    lines = [*sample.first_life(PACK), sample.line("recycled", "2026-05-01T10:00:00+08:00", code=PACK)]
    size = registry.counts()["entries"]
    with pytest.raises(ReportError) as refused:
        registry.report(maker_report(*lines), mode="all")
    assert (refused.value.rule, refused.value.line) == ("role.may_not", 3)
    assert registry.counts()["entries"] == size
    receipt = json.loads(registry.report(maker_report(*lines)))
    assert receipt["accepted"] == [0, 1]
    assert receipt["refused"][0]["rule"] == "role.may_not"


def test_a_refused_report_leaves_no_trace(registry):
    """After mode=all refused a report, the same batteries can be reported as if it had never come."""
    bad = sample.line("recycled", "2026-05-01T10:00:00+08:00", code=PACK)
    with pytest.raises(ReportError):
        registry.report(maker_report(*sample.first_life(PACK), bad), mode="all")
    receipt = json.loads(registry.report(maker_report(*sample.first_life(PACK))))
    assert [k["k"] for line in receipt["subjects"] for k in line] == [1, 2]


def test_late_events_find_their_place(registry):
    """An event that arrives out of order is folded where it belongs, and mends the gap it had left."""
    made, shipped = sample.first_life(PACK)
    registry.report(maker_report(made))
    fitted = sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK))
    assert json.loads(registry.report(fitted))["findings"][0]["kind"] == "gap"
    assert registry.battery(PACK, reader=Reader("auditor"))["findings"]
    registry.report(maker_report(shipped))
    battery = registry.battery(PACK, reader=Reader("auditor"))
    assert (battery["place"], battery["holder"], battery["findings"]) == ("in_vehicle", sample.CARMAKER, [])


def test_evidence_verifies_offline(registry):
    """A history taken away is proved by the policy and the authority's key alone."""
    registry.report(maker_report(*sample.first_life(PACK)))
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK)))
    registry.report(maker_report(*[one for n in range(2, 40) for one in sample.first_life(sample.pack(n))]))
    for audience in ("public", "auditor"):
        verified = voltrail.verify(
            registry.evidence(PACK, Reader(audience)),
            Policy.parse(registry.policy),
            [sample.authority().vkey],
            lambda line: subjects(decode(line)),
        )
        assert [event.k for event in verified.events] == [1, 2, 3, 4]
        assert {event.signature for event in verified.events} <= {
            "signed; key proved by the record",
            "signed; key in the record, a later revocation not ruled out",
        }


def test_the_public_is_not_told_where_a_battery_is(registry):
    """Neither state, history nor evidence give the public holder, vehicle or place."""
    registry.report(maker_report(*sample.first_life(PACK)))
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK)))
    told = json.dumps([registry.battery(PACK), registry.history(PACK)])
    assert "LSVAA4187E2184847" not in told
    assert sample.CARMAKER not in told
    assert "holder" in registry.battery(PACK)["withheld"]


def test_the_host_signs_for_those_who_sign_in(registry):
    """Plain lines are signed by the host, a retry is the same report; trust events are not taken that way."""
    with pytest.raises(ReportError, match="key of its own"):
        registry.report_lines(sample.MAKER, sample.first_life(PACK))
    clerk = sample.credit_code("91000000MA0000007")
    lines = sample.registrations(clerk, "battery_maker", host_may_sign=True)
    registry.report(sample.report(sample.authority(), lines))
    receipt = registry.report_lines(clerk, sample.first_life(PACK))
    assert json.loads(receipt)["accepted"] == [0, 1]
    assert registry.report_lines(clerk, sample.first_life(PACK)) == receipt
    revoked = sample.line("key_revoked", "2026-05-01T10:00:00+08:00", organisation=clerk, key_id="line-1")
    assert json.loads(registry.report_lines(clerk, [revoked]))["refused"][0]["rule"] == "role.host_signed"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda file: file.replace(b"manufactured", b"manufacturer"), "report.root"),
        (
            lambda file: file.replace(b"sample.example/log/report", b"other.example/log/report"),
            "report.origin",
        ),
        (lambda file: file.replace(b'"kind":', b'"kind": '), "line.whitespace"),
        (lambda file: file.replace(b"\n{", b"\n\xef\xbb\xbf{", 1), "line.bom"),
        (lambda file: file[:-1], "report.unfinished"),
        (lambda file: file.replace(b"\n", b"\r\n"), "report.layout"),
        (lambda file: b"", "report.layout"),
    ],
)
def test_a_damaged_report_is_refused_whole(registry, change, rule):
    """A file that is not what was signed is refused with the reason, and leaves nothing behind."""
    size = registry.counts()["entries"]
    with pytest.raises(voltrail.registry.registry.VoltrailError) as refused:
        registry.report(change(maker_report(*sample.first_life(PACK))))
    assert refused.value.rule == rule
    assert registry.counts()["entries"] == size


def test_a_stranger_is_told_what_to_do(registry):
    """A report signed with a key that the record does not know is refused, and says how to get one in."""
    stranger = sample.signer(sample.credit_code("91000000MA0000008"))
    with pytest.raises(ReportError, match="key_added"):
        registry.report(sample.report(stranger, sample.first_life(PACK)))


def test_a_forged_signature_is_refused(registry):
    """A note with the maker's key name but another key's signature does not get in."""
    forger = sample.Signer.from_seed(f"{sample.MAKER}/line-1", sha256(b"forger").digest())
    with pytest.raises(ReportError) as refused:
        registry.report(sample.report(forger, sample.first_life(PACK)))
    assert refused.value.rule == "report.signature"


def test_a_restored_database_is_not_written(registry, postgres):
    """A database behind its anchor closes the log and says why; what is there can still be audited."""
    registry.report(maker_report(*sample.first_life(PACK)))
    with voltrail.open(registry.data, postgres()) as other:
        assert other.closed is not None
        with pytest.raises(RegistryClosed, match="older copy"):
            other.report(maker_report(*sample.first_life(PACK)))
        with pytest.raises(RegistryClosed, match="older copy"):
            other.checkpoint()
        assert other.counts()["entries"] == 0
        assert [difference.what for difference in audit(other)] == ["anchor"]
    with registry.database.connect() as connection:
        connection.execute("update log set size = size - 1")
        connection.commit()
    with pytest.raises(RegistryClosed, match="older copy"):
        registry.report(maker_report(*sample.first_life(sample.pack(2))))


def test_a_missing_anchor_is_not_an_empty_log(registry):
    """Where entries stand and the anchor does not, nothing is promised, and the reason is told."""
    registry.anchor.path.unlink()
    with pytest.raises(RegistryClosed, match="anchor file is missing"):
        registry.checkpoint()


def test_a_corrected_life(registry):
    """A void correction takes an event out of the state, keeps it in the history, and marks it."""
    index = json.loads(registry.report(maker_report(*sample.first_life(PACK))))["first_index"]
    void = sample.line("corrected", "2026-04-20T10:00:00+08:00", code=PACK, corrects=index + 1, void=True)
    registry.report(maker_report(void))
    assert registry.battery(PACK, reader=Reader("auditor"))["place"] == "in_stock"
    assert kinds(registry, PACK) == ["manufactured", "shipped", "corrected"]
    assert registry.history(PACK)["events"][1]["corrected_by"] == index + 2


def test_as_of_and_known_at(registry):
    """The world at a time as known now, and what the record knew at a time, are two questions."""
    from datetime import UTC, datetime
    from time import sleep

    made, shipped = sample.first_life(PACK)
    registry.report(maker_report(made))
    sleep(0.01)
    between = datetime.now(UTC)
    sleep(0.01)
    registry.report(maker_report(shipped))
    asked = datetime.fromisoformat("2026-04-13T00:00:00+08:00")
    assert registry.battery(PACK, reader=Reader("auditor"))["place"] == "in_transit"
    assert registry.battery(PACK, as_of=asked, reader=Reader("auditor"))["place"] == "in_stock"
    assert registry.battery(PACK, known_at=between, reader=Reader("auditor"))["place"] == "in_stock"


def test_many_at_once(registry):
    """Reports that come at the same time all get receipts, and the log holds each of their events once."""
    from concurrent.futures import ThreadPoolExecutor

    files = [maker_report(*sample.first_life(sample.pack(n))) for n in range(1, 41)]
    size = registry.counts()["entries"]
    with ThreadPoolExecutor(8) as threads:
        receipts = [json.loads(r) for r in threads.map(registry.report, files + files[:5])]
    assert registry.counts()["entries"] == size + 80
    assert len({receipt["first_index"] for receipt in receipts}) == 40
    for receipt, file in zip(receipts, files, strict=False):
        assert json.loads(registry.report(file)) == receipt


def test_a_life_is_read_as_it_was_lived(registry):
    """Page by page the last that happened comes first, and what was reported after later events says so."""
    made, shipped = sample.first_life(PACK)
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK)))
    registry.report(maker_report(shipped, made))
    log = registry.history(PACK)["events"]
    assert [event["kind"] for event in log] == ["manufactured", "shipped", "installed", "received"]
    lived, before = [], None
    while True:
        page = registry.history(PACK, PUBLIC, 1, before, "life")
        lived += page["events"]
        before = page["next"]
        if before is None:
            break
    assert [event["kind"] for event in lived] == ["installed", "received", "shipped", "manufactured"]
    assert [event["reported_late"] for event in lived] == [False, False, True, True]


def test_lines_of_one_report_are_not_late_for_each_other(registry):
    """A report may give its lines in any order."""
    made, shipped = sample.first_life(PACK)
    registry.report(maker_report(shipped, made))
    assert not any(event["reported_late"] for event in registry.history(PACK)["events"])


def test_several_reports_go_in_as_one(registry):
    """Reports handed in together stand in their order under one checkpoint; again, they change nothing."""
    files = [
        sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))),
        sample.report(sample.signer(sample.CARMAKER), sample.fitted(sample.pack(1))),
    ]
    receipts = registry.report_all(files)
    first, second = map(json.loads, receipts)
    assert second["first_index"] == first["first_index"] + 2
    assert first["checkpoint"] == second["checkpoint"]
    assert not first["findings"]
    assert not second["findings"]
    assert registry.report_all(files) == receipts


def test_one_of_several_that_is_refused_takes_none_with_it(registry):
    """A report by a stranger is refused; the one after it is taken all the same."""
    stranger = sample.report(sample.signer(sample.AUTHORITY, "unknown"), sample.first_life(sample.pack(2)))
    mine = sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(2)))
    with pytest.raises(ReportError):
        registry.report_all([stranger, mine])
    assert registry.battery(sample.pack(2))["events"] == 2


def test_time_is_taken_from_elsewhere_until_it_is_given_back(registry):
    """A sample world sets the time of reception; it never goes back, and the clock counts again after it."""
    with registry.database.connect() as connection:
        before = connection.execute("select received_ms from log").fetchone()[0]
    registry.keep_time(lambda: before + 86_400_000)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(3))))
    registry.keep_time(lambda: 0)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(4))))
    times = {registry.history(sample.pack(n))["events"][0]["received_at"] for n in (3, 4)}
    assert len(times) == 1
    registry.keep_time(None)
    assert registry._writer.now_ms is clock_ms


def test_the_host_signs_for_whoever_lets_it(registry):
    """A file that the host has signed for an organisation without a key goes in like any other."""
    other = "91000000MA0000000N"
    registry.report(sample.report(sample.authority(), sample.registrations(other, "battery_maker")[:2]))
    file = registry.host_signed(other, sample.first_life(sample.pack(5)))
    assert not json.loads(registry.report(file))["refused"]
