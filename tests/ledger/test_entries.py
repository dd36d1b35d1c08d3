"""Entries have the bytes of the formats, and the fast paths give what the definitions give."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import ProofError
from voltrail.ledger import entries, merkle

hashes = st.binary(min_size=32, max_size=32)
u64 = st.integers(0, 2**64 - 1)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 99_999), st.lists(st.text(), max_size=5))
def test_blinds_are_made_from_t(secret, line, subjects):
    """A subject's blind is SHA-256(t ‖ subject), with t as evidence shows it."""
    ts = entries.link_ts(secret, line, len(subjects))
    prefix = b"voltrail.link" + secret + line.to_bytes(4, "big")
    assert ts == [sha256(prefix + s.to_bytes(4, "big")).digest()[:16] for s in range(len(subjects))]
    blinds = [sha256(t + subject.encode()).digest() for t, subject in zip(ts, subjects, strict=True)]
    assert entries.link_blinds(secret, line, subjects) == blinds
    assert [entries.link_blind(*pair) for pair in zip(ts, subjects, strict=True)] == blinds


@given(st.lists(st.tuples(hashes, u64, hashes), min_size=1, max_size=6))
def test_links_make_a_tree(links):
    """L is the root over one leaf for each subject, one or many."""
    leaves = [merkle.leaf_hash(b + k.to_bytes(8, "big") + h) for b, k, h in links]
    assert entries.links_root(*zip(*links, strict=True)) == merkle.root(leaves)


@given(u64, hashes, hashes)
def test_event_entries_read_back(received_ms, commitment, links):
    """An event's entry has 73 bytes and reads back; anything else is refused."""
    entry = entries.event_entry(received_ms, commitment, links)
    assert entries.parse_event(entry) == entries.EventEntry(received_ms, commitment, links)
    for wrong in (entry[:-1], entry + b"\0", b"\x02" + entry[1:], b""):
        with pytest.raises(ProofError):
            entries.parse_event(wrong)


@given(u64, u64, hashes)
def test_heads_entries_read_back(size, count, root):
    """A heads entry has 49 bytes and reads back; anything else is refused."""
    entry = entries.heads_entry(size, count, root)
    assert entries.parse_heads(entry) == entries.HeadsEntry(size, count, root)
    for wrong in (entry[:-1], entry + b"\0", b"\x01" + entry[1:], b""):
        with pytest.raises(ProofError):
            entries.parse_heads(wrong)


def test_a_successor_names_the_last_checkpoint():
    """A successor log begins with the hash of the whole signed note before it."""
    assert entries.successor_entry("note\n") == b"\x03" + sha256(b"note\n").digest()
