"""A policy says which logs are believed, and how many witnesses must have seen a checkpoint."""

import pytest

from voltrail.errors import NoteError
from voltrail.ledger.keys import COSIGNATURE, Signer, Verifier, cosigned, encode64
from voltrail.ledger.notes import Checkpoint, Policy

LOG = Signer.from_seed("example.com/log", b"\x01" * 32)
WITNESSES = {n: Signer.from_seed(f"{n}.example", bytes([9 + i]) * 32) for i, n in enumerate("abcde")}
VKEYS = {n: Verifier.of(s.name, COSIGNATURE, s.verifier.public_key).vkey for n, s in WITNESSES.items()}
TEXT = Checkpoint("example.com/log", 7, bytes(32)).text

HEAD = f"log {LOG.vkey}\n" + "".join(f"witness {name} {vkey}\n" for name, vkey in VKEYS.items())
GROUPS = HEAD + "group left 2 a b c\ngroup right any d e\ngroup all-of all left right\nquorum all-of\n"


def cosignature(name, text=TEXT, time=1_775_000_000):
    signature = WITNESSES[name].sign_bytes(cosigned(time, text.encode()))
    key_id = Verifier(VKEYS[name]).key_id
    return f"\u2014 {WITNESSES[name].name} {encode64(key_id + time.to_bytes(8, 'big') + signature)}\n"


def note_by(names):
    return LOG.sign(TEXT) + "".join(cosignature(name) for name in names)


@pytest.mark.parametrize(
    ("names", "met"),
    [("abd", True), ("abcde", True), ("bce", True), ("ab", False), ("ad", False), ("de", False), ("", False)],
)
def test_a_quorum_of_groups(names, met):
    """Two of three on one side and any on the other: the quorum is met exactly then."""
    policy = Policy.parse(GROUPS)
    if met:
        assert policy.check(note_by(names)) == Checkpoint("example.com/log", 7, bytes(32))
        assert policy.open(note_by(names)).witnesses == tuple(sorted(names))
    else:
        with pytest.raises(NoteError, match="Not yet witnessed") as caught:
            policy.check(note_by(names))
        assert caught.value.rule == "note.quorum"


def test_one_witness_as_quorum():
    """The quorum may be a single witness, or none."""
    assert Policy.parse(HEAD + "quorum c\n").check(note_by("c"))
    assert Policy.parse(HEAD + "quorum none\n").open(note_by("")).witnesses == ()


def test_a_cosignature_counts_for_its_time_and_text():
    """A cosignature with another time in it, or over another checkpoint, refuses the note."""
    policy = Policy.parse(HEAD + "quorum none\n")
    other = Checkpoint("example.com/log", 8, bytes(32)).text
    line = cosignature("a")
    moved = encode64(Verifier(VKEYS["a"]).key_id + bytes(8) + bytes(64))
    for bad in (cosignature("a", other), f"{line.rpartition(' ')[0]} {moved}\n"):
        with pytest.raises(NoteError) as caught:
            policy.check(note_by("") + bad)
        assert caught.value.rule == "note.signature"


def test_a_log_signs_for_its_own_origin_only():
    """A known log's signature under another log's origin proves nothing."""
    with pytest.raises(NoteError) as caught:
        Policy.parse(HEAD + "quorum none\n").check(LOG.sign(TEXT.replace("/log", "/other")))
    assert caught.value.rule == "note.log"


def test_a_witness_alone_is_not_a_log():
    """A checkpoint with cosignatures and no log's signature is refused."""
    with pytest.raises(NoteError) as caught:
        Policy.parse(HEAD + "quorum a\n").check(TEXT + "\n" + cosignature("a"))
    assert caught.value.rule == "note.log"


def test_comments_spaces_and_addresses():
    """Comments, empty lines, tabs and the optional addresses are read over."""
    text = f"# ours\n\n \tlog\t{LOG.vkey}  https://log.example/\n  # theirs\nwitness a {VKEYS['a']} https://w/\nquorum\ta"
    assert Policy.parse(text).check(note_by("a"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (HEAD, "policy.quorum"),
        (HEAD + "quorum a\nquorum b\n", "policy.quorum"),
        (HEAD + "quorum x\n", "policy.name"),
        (HEAD + "group g 1 x\nquorum g\n", "policy.name"),
        (HEAD + "group g 1 none\nquorum g\n", "policy.name"),
        (HEAD + "group a 1 b\nquorum a\n", "policy.duplicate"),
        (HEAD + "group none 1 b\nquorum none\n", "policy.duplicate"),
        (HEAD + "group g 1 a a\nquorum g\n", "policy.duplicate"),
        (HEAD + "group g 1 a\ngroup h 1 a\nquorum g\n", "policy.duplicate"),
        (HEAD + "group g 3 a b\nquorum g\n", "policy.threshold"),
        (HEAD + "group g 0 a b\nquorum g\n", "policy.threshold"),
        (HEAD + "group g 01 a b\nquorum g\n", "policy.threshold"),
        (HEAD + "group g any\nquorum g\n", "policy.line"),
        (HEAD + "witness z\nquorum none\n", "policy.line"),
        (HEAD + "wittness z\nquorum none\n", "policy.line"),
        (HEAD + f"log {LOG.vkey}\nquorum none\n", "policy.duplicate"),
        (HEAD + f"witness z {VKEYS['a']}\nquorum none\n", "policy.duplicate"),
        (HEAD + f"witness z {LOG.vkey}\nquorum none\n", "policy.witness"),
        (f"log {VKEYS['a']}\nquorum none\n", "policy.log"),
        ("log x\nquorum none\n", "key.form"),
        (HEAD + "quorum\r none\n", "policy.characters"),
    ],
)
def test_policies_that_do_not_read(text, rule):
    """Each rule of the format is held, and the line that breaks it is named."""
    with pytest.raises(NoteError) as caught:
        Policy.parse(text)
    assert caught.value.rule == rule
