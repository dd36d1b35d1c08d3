"""Many lines into the record: in reports, one after another, and the same when it is done again."""

import json
from hashlib import sha256

import pytest

from tests.registry import sample
from voltrail.errors import LineError
from voltrail.ledger.reports import ReportFile, host_secret
from voltrail.registry.audit import audit
from voltrail.registry.intake import take_rows
from voltrail.registry.prepare import prepare

CLERK = sample.credit_code("91000000MA0000007")


@pytest.fixture
def clerk(registry):
    registry.report(sample.report(sample.authority(), sample.registrations(CLERK, "battery_maker")[:2]))
    return registry


def made(first, count):
    return [sample.first_life(sample.pack(serial))[0] for serial in range(first, first + count)]


def test_every_line_is_on_record_once_and_again_gives_the_same(clerk):
    """Whoever is stopped begins again with the same lines: the receipts are the same, and nothing is new."""
    lines = made(1, 25)
    first = list(take_rows(clerk, CLERK, lines, report_lines=10))
    assert [(taken.first, taken.lines) for taken in first] == [(0, 10), (10, 10), (20, 5)]
    assert [len(json.loads(taken.receipt)["accepted"]) for taken in first] == [10, 10, 5]
    entries = clerk.counts()["entries"]
    assert list(take_rows(clerk, CLERK, iter(lines), report_lines=10)) == first
    assert clerk.counts()["entries"] == entries
    assert not list(audit(clerk))


def test_rows_that_break_off_leave_what_was_yielded(clerk):
    """An error of whoever reads the file comes through, after the receipts of what is on record."""

    def rows():
        yield from made(1, 20)
        raise OSError("the disk is gone")

    taken, before = [], clerk.counts()["batteries"]
    with pytest.raises(OSError, match="disk"):
        taken.extend(one.first for one in take_rows(clerk, CLERK, rows(), report_lines=10))
    assert taken == [0, 10]
    assert clerk.counts()["batteries"] == before + 20


def test_whoever_stops_early_has_read_little_more(clerk):
    """A job that is ended has read at most three reports further, and nothing of them is on record."""
    read = []

    def rows():
        for line in made(1, 100):
            read.append(line)
            yield line

    coming = take_rows(clerk, CLERK, rows(), report_lines=10)
    before = clerk.counts()["batteries"]
    next(coming)
    coming.close()
    assert len(read) <= 40
    assert clerk.counts()["batteries"] == before + 10


def test_refused_lines_are_told_by_their_place(clerk):
    """What the record refuses is in the receipt of its report, beside what it takes."""
    lines = made(1, 3)
    lines[1] = sample.line("retired", "2099-04-12T10:00:00+08:00", code=sample.pack(9))
    (taken,) = take_rows(clerk, CLERK, lines)
    receipt = json.loads(taken.receipt)
    assert (receipt["accepted"], [one["line"] for one in receipt["refused"]]) == ([0, 2], [1])


def test_lines_that_cannot_be_committed_to_stop_it(clerk):
    """A line out of the strict form is named; nothing of its report is on record."""
    with pytest.raises(LineError) as error:
        list(take_rows(clerk, CLERK, [*made(1, 2), b'{"kind": "found"}']))
    assert error.value.line == 3


def test_the_digest_of_the_file_is_kept(clerk):
    """So that a report can be led back to the spreadsheet that it came from."""
    digest = sha256(b"the file").digest()
    list(take_rows(clerk, CLERK, made(1, 2), source_digest=digest))
    with clerk.database.connect() as connection:
        kept = connection.execute(
            "select source_digest from report where organisation = %s", (CLERK,)
        ).fetchall()
    assert [bytes(one) for (one,) in kept] == [digest]


def test_what_the_host_signs_at_once_is_what_it_signs_as_a_file(clerk):
    """The short way of a report that is signed here gives the note, tree and lines of the long one."""
    lines = made(1, 40)
    short = clerk.prepare_lines(CLERK, lines)
    file = ReportFile.parse(clerk.host_signed(CLERK, lines))
    long = prepare(file, clerk.origin, "valid")
    assert (short.note, short.digest, short.nodes, short.secret) == (
        long.note,
        long.digest,
        long.nodes,
        long.secret,
    )
    assert [line.commitment for line in short.lines] == [line.commitment for line in long.lines]
    assert short.secret == host_secret(clerk.keys.host_secret, CLERK, lines)
