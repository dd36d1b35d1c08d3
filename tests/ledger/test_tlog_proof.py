"""A proof of an entry is the text of C2SP tlog-proof, and holds for that entry under a policy only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger import world
from voltrail.errors import NoteError, ProofError
from voltrail.ledger.keys import Signer
from voltrail.ledger.notes import Policy
from voltrail.ledger.tlog_proof import TlogProof, tlog_proof, verify_tlog_proof

LOG = world.an_ordinary_log()
INDEX = 2
PATH = world.prove(LOG.leaf_hashes, INDEX)
TEXT = tlog_proof(INDEX, PATH, LOG.checkpoint(), LOG.entries[INDEX])


def test_it_holds():
    """With the policy alone; with the entry given beside it; without its line extra."""
    assert verify_tlog_proof(TEXT, world.POLICY).checkpoint.size == len(LOG.entries)
    bare = TlogProof(INDEX, tuple(PATH), LOG.checkpoint()).text
    assert "extra" not in bare
    assert verify_tlog_proof(bare, world.POLICY, LOG.entries[INDEX]).log.vkey == world.LOG_KEY.vkey
    with pytest.raises(ProofError, match="Give the entry"):
        verify_tlog_proof(bare, world.POLICY)


def test_its_form():
    """First line, extra, index, hashes, an empty line, the checkpoint as it was signed."""
    head, _, checkpoint = TEXT.partition("\n\n")
    first, extra, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    assert extra.startswith("extra ")
    assert index == f"index {INDEX}"
    assert len(hashes) == len(PATH)
    assert checkpoint == LOG.checkpoint()


@given(
    st.integers(0, 2**63),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(max_size=100),
)
def test_it_reads_back(index, hashes, extra):
    """What is written is read."""
    proof = TlogProof(index, tuple(hashes), LOG.checkpoint(), extra)
    assert TlogProof.parse(proof.text) == proof


def test_no_byte_of_it_may_change():
    """A text with any character changed does not hold."""
    for at, character in enumerate(TEXT):
        changed = TEXT[:at] + ("A" if character != "A" else "B") + TEXT[at + 1 :]
        with pytest.raises((ProofError, NoteError)):
            verify_tlog_proof(changed, world.POLICY)


def test_another_entry_or_policy():
    """Another entry, or a log that the policy does not name."""
    with pytest.raises(ProofError):
        verify_tlog_proof(TEXT, world.POLICY, LOG.entries[INDEX + 1])
    other = Policy.parse(f"log {Signer.generate('other.example').vkey}\nquorum none\n")
    with pytest.raises(NoteError):
        verify_tlog_proof(TEXT, other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 2", "index 02"),
        TEXT.replace("index 2", "index -2"),
        TEXT.replace("index 2\n", ""),
        TEXT.replace("index 2", "extra AA==\nindex 2"),
        TEXT.replace("\n\n", "\n", 1),
        TEXT.replace("\n\n", "\nAAAA\n\n", 1),
        TEXT.replace("\n", "\r\n"),
        "c2sp.org/tlog-proof@v1\n\n" + LOG.checkpoint(),
        "c2sp.org/tlog-proof@v1\nindex 1\n" + ("A" * 43 + "=\n") * 65 + "\n" + LOG.checkpoint(),
    ],
)
def test_broken_forms(text):
    """What is not in the one form is refused in words."""
    with pytest.raises(ProofError) as caught:
        TlogProof.parse(text)
    assert caught.value.rule == "proof.form"
