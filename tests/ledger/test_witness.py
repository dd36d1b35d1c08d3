"""The rules of witnessing: every tree that only grows is cosigned, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import NoteError, WitnessError
from voltrail.ledger import merkle
from voltrail.ledger.keys import P256, Signer
from voltrail.ledger.notes import Checkpoint, Policy, open_note
from voltrail.ledger.witness import (
    MAX_REQUEST_BYTES,
    STATUS,
    Cosigner,
    Request,
    check_follows,
    known_logs,
    log_lines,
    open_request,
    read_answer,
)

LOG = Signer.from_seed("example.com/log", b"\x01" * 32)
OTHER = Signer.from_seed("example.com/log", b"\x02" * 32)
LOGS = known_logs([LOG.verifier])
WITNESS = Cosigner(Signer.from_seed("w.example", b"\x03" * 32))
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(70)]


def tree(size, leaves=LEAVES):
    return Checkpoint("example.com/log", size, merkle.root(leaves[:size]))


def proof(old, size, leaves=LEAVES):
    nodes, _ = merkle.extend(0, (), leaves[:size])
    places = {p: nodes[32 * p : 32 * p + 32] for p in merkle.consistency_nodes(old, size)}
    return tuple(merkle.consistency_proof(old, size, places))


def refused(call, *args):
    """Return the status with which a witness refuses."""
    with pytest.raises(WitnessError) as caught:
        call(*args)
    return STATUS[caught.value.rule]


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_that_grows_is_cosigned(old, more):
    """Every step from one size to a larger or equal one is taken with its proof, written and read again."""
    size = min(old + more, 70)
    sent = Request(old, proof(old, size), LOG.sign(tree(size).text))
    request = Request.parse(sent.body)
    assert request == sent
    assert open_request(request, LOGS).verified == (LOG.verifier,)
    check_follows(request, tree(size), tree(old))
    if not old:
        check_follows(request, tree(size), None)


@given(st.integers(1, 70), st.integers(0, 70), st.data())
def test_a_tree_that_changes_is_not(old, more, data):
    """A tree in which an old leaf is another is refused, with its own proof and with the true one."""
    size = min(old + more, 70)
    place = data.draw(st.integers(0, old - 1))
    forked = [*LEAVES[:place], merkle.leaf_hash(b"forked"), *LEAVES[place + 1 :]]
    for leaves in (LEAVES, forked):
        request = Request(old, proof(old, size, leaves), LOG.sign(tree(size, forked).text))
        assert refused(check_follows, request, tree(size, forked), tree(old)) == 422


@given(st.integers(0, 70), st.integers(0, 70), st.integers(0, 70))
def test_who_begins_elsewhere_is_told_the_size(old, known, size):
    """A proof from another size than the last cosigned one is a conflict, answered with that size."""
    if old > size:
        assert refused(check_follows, Request(old, (), ""), tree(size), tree(known)) == 400
    elif old != known:
        with pytest.raises(WitnessError) as caught:
            check_follows(Request(old, proof(old, size), ""), tree(size), tree(known))
        assert (caught.value.rule, caught.value.known_size) == ("witness.conflict", known)


def test_what_needs_no_proof_takes_none():
    """A proof from the empty tree, or from a tree to itself, is refused; so is an empty tree with a root."""
    for old, size in ((0, 5), (5, 5)):
        request = Request(old, (bytes(32),), "")
        assert refused(check_follows, request, tree(size), tree(old) if old else None) == 422
    empty = Checkpoint("example.com/log", 0, bytes(32))
    assert refused(check_follows, Request(0, (), ""), empty, None) == 422


NOTE = LOG.sign(tree(1).text)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "old 0\n",
        f"old 00\n\n{NOTE}",
        f"old -1\n\n{NOTE}",
        f"old  0\n\n{NOTE}",
        f"old 18446744073709551616\n\n{NOTE}",
        f"new 0\n\n{NOTE}",
        f"old 0\r\n\n{NOTE}",
        f"old 0\nAAAA\n\n{NOTE}",
        f"old 0\n{'A' * 43}\n\n{NOTE}",
        "old 1\n" + f"{'A' * 43}=\n" * 64 + f"\n{NOTE}",
        "old 0\n\nno note\n",
        "old 0\n\n" + NOTE.replace("\n1\n", "\n01\n"),
    ],
)
def test_requests_that_do_not_read(body):
    """Each malformation is a 400, and never more than a refusal."""
    assert refused(lambda: open_request(Request.parse(body.encode()), LOGS)) == 400


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(body):
    """Whatever is sent, a witness refuses it with a rule that has a status."""
    assert refused(Request.parse, b"\xff" + body) == 400
    assert refused(Request.parse, bytes(MAX_REQUEST_BYTES + 1)) == 413


def test_only_known_logs_by_their_own_keys():
    """Another log is unknown; another key, or a signature that does not hold, is forbidden."""
    elsewhere = Signer.from_seed("other.example/log", b"\x01" * 32)
    text = tree(1).text
    assert (
        refused(
            open_request, Request(0, (), elsewhere.sign(text.replace("example.com", "other.example"))), LOGS
        )
        == 404
    )
    assert refused(open_request, Request(0, (), OTHER.sign(text)), LOGS) == 403
    assert refused(open_request, Request(0, (), NOTE[:-1]), LOGS) == 403
    broken = (
        LOG.sign(tree(2).text)
        .replace("\n2\n", "\n1\n")
        .replace(tree(2).text.split("\n")[2], text.split("\n")[2])
    )
    assert refused(open_request, Request(0, (), broken), LOGS) == 403
    both = OTHER.sign(text) + LOG.sign(text).rpartition("\n\n")[2]
    assert log_lines(open_request(Request(0, (), both), LOGS)) == LOG.sign(text).rpartition("\n\n")[2]


def test_a_cosignature_holds_for_everyone():
    """What a witness signs opens with its key, counts under a policy, and reads back with its time."""
    text = tree(7).text
    line = WITNESS.cosign(text, 1_775_000_000)
    note = LOG.sign(text) + line
    assert WITNESS.verifier in open_note(note, [WITNESS.verifier]).verified
    policy = Policy.parse(f"log {LOG.vkey}\nwitness w {WITNESS.vkey} https://w.example/\nquorum w\n")
    assert policy.open(note).witnesses == ("w",)
    assert policy.urls == {"w": "https://w.example/"}
    read = read_answer((OTHER.sign(text).rpartition("\n\n")[2] + line).encode(), text, WITNESS.verifier)
    assert (read.line, read.time) == (line, 1_775_000_000)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("", "witness.answer"),
        ("ok\n", "witness.answer"),
        (WITNESS.cosign(tree(6).text, 1), "witness.cosignature"),
        (WITNESS.cosign(tree(7).text, 0), "witness.cosignature"),
        (Cosigner(OTHER).cosign(tree(7).text, 1), "witness.key"),
        (Cosigner(Signer.from_seed("w.example", b"\x04" * 32)).cosign(tree(7).text, 1), "witness.key"),
        ("more\n\n" + WITNESS.cosign(tree(7).text, 1), "witness.answer"),
    ],
)
def test_answers_that_are_no_cosignature(answer, rule):
    """Nothing but the named witness's signature over this very checkpoint, with a time, is taken for one."""
    with pytest.raises(WitnessError) as caught:
        read_answer(answer.encode(), tree(7).text, WITNESS.verifier)
    assert caught.value.rule == rule


def test_keys_are_of_their_kind():
    """A P-256 key cannot cosign, and a witness's key is no log's."""
    with pytest.raises(NoteError):
        Cosigner(Signer.generate("w.example", P256))
    with pytest.raises(NoteError):
        known_logs([WITNESS.verifier])
