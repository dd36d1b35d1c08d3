"""Report files read in one form only, and a report's note stands for its lines and its log alone."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger import world
from tests.ledger.world import MAKER, MAKER_KEY, ORIGIN
from voltrail.errors import ReportError
from voltrail.ledger import commitments, merkle, reports
from voltrail.ledger.notes import P256, Checkpoint, Signer
from voltrail.ledger.reports import ReportFile, parse_report_note, sign_report

SECRET = bytes(range(16))
EVENTS = [world.manufactured(model_id="S-102"), world.event("retired", code=world.CODE)]
LINES, MEMBERS = [world.line_of(e) for e in EVENTS], [world.members_of(e) for e in EVENTS]
FILE = sign_report(ORIGIN, MAKER_KEY, SECRET, LINES, MEMBERS)
DATA = FILE.encode()


def rule_of(call, *args):
    with pytest.raises(ReportError) as caught:
        call(*args)
    return caught.value.rule


def test_a_file_reads_back():
    """A report file is the note, the secret and the lines, with empty lines between."""
    assert b"%b\nsecret AAECAwQFBgcICQoLDA0ODw==\n\n%b\n%b\n" % (FILE.note.encode(), *LINES) == DATA
    assert ReportFile.parse(DATA) == FILE
    assert ReportFile.parse(DATA).encode() == DATA


@pytest.mark.parametrize("algorithm", ["ed25519", P256])
def test_a_note_stands_for_its_lines(algorithm):
    """The note names log, organisation and key; it holds for these commitments and this key only."""
    signer = Signer.generate(MAKER_KEY.name, algorithm)
    note = parse_report_note(sign_report(ORIGIN, signer, SECRET, LINES, MEMBERS).note, ORIGIN)
    committed = commitments.commit_lines(SECRET, MEMBERS)
    assert (note.organisation, note.holder, note.key_id, note.size) == (MAKER, MAKER, "line-1", 2)
    assert note.digest == sha256(note.text.encode()).hexdigest()
    note.verify(signer.verifier)
    note.check(committed)
    for wrong in (committed[::-1], committed[:1], commitments.commit_lines(bytes(16), MEMBERS)):
        assert rule_of(note.check, wrong) == "report.root"
    for other in (world.OTHER_KEY, Signer.generate(MAKER_KEY.name, algorithm)):
        assert rule_of(note.verify, other.verifier) == "report.signature"


def test_the_host_signs_in_another_name():
    """A host's report names the user's organisation, and its own key."""
    file = sign_report(ORIGIN, world.HOST_KEY, SECRET, LINES, MEMBERS, organisation=MAKER)
    note = parse_report_note(file.note, ORIGIN)
    assert (note.organisation, note.holder, note.key_id) == (MAKER, world.HOST, "host-1")


def test_a_retry_by_the_host_is_the_same_report():
    """The host's secret depends on its own, the organisation and the lines, and on nothing else."""
    secret = reports.host_secret(b"key", MAKER, LINES)
    assert len(secret) == 16
    assert secret == reports.host_secret(b"key", MAKER, list(LINES))
    others = [(b"yek", MAKER, LINES), (b"key", world.OTHER, LINES), (b"key", MAKER, LINES[::-1])]
    assert secret not in {reports.host_secret(*other) for other in others}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"secret ", b"Secret ", "report.layout"),
        (b"secret AAEC", b"secret A", "report.layout"),
        (b"AAECAwQFBgcICQoLDA0ODw==", b"AAEC", "report.secret"),
        (b"ODw==\n\n", b"ODw==\n", "report.layout"),
        (b"voltrail.example", b"\xff", "report.layout"),
        (b"}\n{", b"}\r\n{", "line.cr"),
        (b"}\n{", b"}\n\n{", "line.length"),
        (b'ODw==\n\n{"', b'ODw==\n\n\xef\xbb\xbf{"', "line.bom"),
        (b'"retired"', b'"%b"' % (b"x" * 65_536), "line.length"),
    ],
)
def test_files_that_do_not_read(old, new, rule):
    """Whatever departs from the layout is refused under its rule."""
    assert old in DATA
    assert rule_of(ReportFile.parse, DATA.replace(old, new)) == rule


def test_files_that_are_cut_or_too_large():
    """A file that ends within a line, has too many lines or bytes, or none, is refused."""
    assert rule_of(ReportFile.parse, DATA[:-1]) == "report.unfinished"
    assert rule_of(ReportFile.parse, DATA[: DATA.index(b"{")]) == "report.empty"
    assert rule_of(ReportFile.parse, DATA + b"{}\n" * 100_000) == "report.too_long"
    assert rule_of(ReportFile.parse, DATA + bytes(64 << 20)) == "report.too_large"


def take(data):
    """Do all that a report's taking needs of this room; the lines here have no comma within a member."""
    file = ReportFile.parse(data)
    note = parse_report_note(file.note, ORIGIN)
    note.verify(MAKER_KEY.verifier)
    members = [line.removeprefix(b"{").removesuffix(b"}").split(b",") for line in file.lines]
    note.check(commitments.commit_lines(file.secret, members))


@given(st.data())
def test_any_damage_is_noticed(data):
    """A file with one byte changed does not read, or its note no longer stands for its lines."""
    take(DATA)
    place = data.draw(st.integers(0, len(DATA) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != DATA[place]))
    changed = DATA[:place] + bytes([value]) + DATA[place + 1 :]
    with pytest.raises(ReportError):
        take(changed)


def test_notes_that_are_no_reports():
    """A note for another log, with extension lines, a second signature or no leaf is no report here."""
    assert rule_of(parse_report_note, FILE.note, "other.example/log") == "report.origin"
    assert rule_of(parse_report_note, FILE.note + FILE.note.split("\n\n")[1], ORIGIN) == "report.note"
    assert rule_of(parse_report_note, "x", ORIGIN) == "report.note"
    for stated, rule in (
        (Checkpoint(f"{ORIGIN}/report/{MAKER}", 0, merkle.EMPTY_ROOT), "report.note"),
        (Checkpoint(f"{ORIGIN}/report/{MAKER}", 1, bytes(32), ("more",)), "report.note"),
        (Checkpoint(f"{ORIGIN}/report/", 1, bytes(32)), "report.origin"),
        (Checkpoint(ORIGIN, 1, bytes(32)), "report.origin"),
    ):
        assert rule_of(parse_report_note, MAKER_KEY.sign(stated.text), ORIGIN) == rule


def test_members_must_be_those_of_the_lines():
    """Members that do not join to the line are refused before anything is signed."""
    assert rule_of(sign_report, ORIGIN, MAKER_KEY, SECRET, LINES, MEMBERS[::-1]) == "report.members"
    assert rule_of(sign_report, ORIGIN, MAKER_KEY, SECRET[:8], LINES, MEMBERS) == "report.secret"
    assert rule_of(sign_report, ORIGIN, MAKER_KEY, SECRET, [], []) == "report.secret"


@given(st.binary(min_size=16, max_size=16), st.lists(st.lists(st.binary(max_size=30)), max_size=20))
def test_many_lines_at_once_are_each_line(secret, lines):
    """The commitments of the hot path are those of the definition, line by line."""
    expected = [
        commitments.commit(map(commitments.member_digest, commitments.salts(secret, i, len(line)), line))
        for i, line in enumerate(lines)
    ]
    assert commitments.commit_lines(secret, lines) == expected
