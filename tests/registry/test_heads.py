"""Heads of all chains: from then on nothing can be left out, and what was never there can be shown."""

import json
import shutil
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry import sample
from voltrail.errors import (
    AccessError,
    CodeError,
    EventError,
    NotFound,
    UsageError,
    VerificationError,
    VoltrailError,
)
from voltrail.ledger.absence import verify_absence
from voltrail.ledger.heads import ROW_BYTES, extend, leaf_of
from voltrail.ledger.keys import Signer
from voltrail.ledger.leaves import check_leaves, note_over, open_heads_note
from voltrail.ledger.merkle import node_count, root_of
from voltrail.ledger.notes import Policy
from voltrail.ledger.verify import verify
from voltrail.organisations.access import Reader
from voltrail.registry import heads
from voltrail.registry.audit import audit

AUTHORITIES = [sample.authority().vkey]


def live(registry, serial):
    """Report the maker's part of a life; return the code."""
    code = sample.pack(serial)
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(code)))
    return code


def fit(registry, code):
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(code)))


def verified(registry, code):
    return verify(
        registry.evidence(code, reader=Reader("auditor")), Policy.parse(registry.policy), AUTHORITIES
    )


def file_of(registry):
    """Return the auditor's file: its first line, and the rows."""
    header, _, rows = b"".join(registry.heads_leaves("auditor")).partition(b"\n")
    return header, rows


def test_evidence_is_complete(registry):
    """After heads, evidence proves that its events are all there are; before, it does not say so."""
    code = live(registry, 1)
    assert not verified(registry, code).complete
    registry.enter_heads()
    found = verified(registry, code)
    assert found.complete
    assert "these 2 events and no others" in found.head


def test_what_comes_later_is_told(registry):
    """Events after the heads are shown as such, until the next heads take them in."""
    code = live(registry, 1)
    registry.enter_heads()
    fit(registry, code)
    found = verified(registry, code)
    assert [event.after_head for event in found.events] == [False, False, True, True]
    assert not found.complete
    registry.enter_heads()
    assert verified(registry, code).complete


def test_a_dropped_event_shows(registry):
    """Evidence from which the last event was taken does not fit the head."""
    code = live(registry, 1)
    registry.enter_heads()
    evidence = json.loads(registry.evidence(code))
    evidence["events"].pop()
    evidence["reports"] = {e["report"]: evidence["reports"][e["report"]] for e in evidence["events"]} | {
        e["report"]: evidence["reports"][e["report"]] for s in evidence["signers"] for e in s["events"]
    }
    with pytest.raises(VerificationError) as failed:
        verify(msgspec.json.encode(evidence), Policy.parse(registry.policy), AUTHORITIES)
    assert failed.value.rule == "evidence.head"


def test_signers_have_heads(registry):
    """Who signed is shown with a head of their own, so that a revoked key cannot hide."""
    code = live(registry, 1)
    registry.enter_heads()
    evidence = json.loads(registry.evidence(code))
    assert [signer["subject"] for signer in evidence["signers"]] == ["organisation:" + sample.MAKER]
    assert all(signer["head"] for signer in evidence["signers"])
    assert {event.signature for event in verified(registry, code).events} == {
        "signed; key proved by the record"
    }


def test_nothing_new_no_heads(registry):
    """Where nothing was reported since the last heads, no further ones are entered."""
    assert registry.enter_heads() is not None
    assert registry.enter_heads() is None
    live(registry, 1)
    assert registry.enter_heads() is not None


def test_incremental_is_as_from_nothing(registry):
    """A tree made from the one before and what changed holds the same rows as one made anew."""
    codes = [live(registry, number) for number in range(1, 6)]
    registry.enter_heads()
    for number, code in enumerate(codes[::2]):
        fit(registry, code)
        live(registry, 10 + number)
    index = registry.enter_heads()
    incremental = (registry.data / "heads" / str(index) / "rows").read_bytes()
    shutil.rmtree(registry.data / "heads")
    fit(registry, codes[1])
    index = registry.enter_heads()
    anew = (registry.data / "heads" / str(index) / "rows").read_bytes()
    assert len(anew) == len(incremental)
    changed = sum(
        anew[at : at + ROW_BYTES] != incremental[at : at + ROW_BYTES] for at in range(0, len(anew), ROW_BYTES)
    )
    assert changed == 2  # the pack that was fitted, and the vehicle that carries a fourth
    assert list(audit(registry)) == []


def test_two_trees_are_kept(registry):
    """The last two trees stand, older ones go; evidence uses the newest that its checkpoint covers."""
    entered = []
    for number in range(1, 5):
        code = live(registry, number)
        entered.append(registry.enter_heads())
    assert [tree.index for tree in registry.heads.trees()] == entered[:1:-1]
    assert registry.heads.newest(entered[-1]).index == entered[-2]
    assert verified(registry, code).complete


@pytest.mark.parametrize("committed", [False, True])
def test_stopped_while_building(registry, committed, monkeypatch):
    """Stopped before the entry is committed, a build begins anew; stopped after, its files are used."""
    live(registry, 1)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        *(heads.HeadsStore, "settle") if committed else (type(registry._writer), "append_mark"), stop
    )
    with pytest.raises(KeyboardInterrupt):
        registry.enter_heads()
    monkeypatch.undo()
    assert registry.heads.trees() == []
    size = registry.counts()["entries"]
    assert registry.enter_heads() == (None if committed else size)
    assert [tree.index for tree in registry.heads.trees()] == [size - 1 if committed else size]
    assert list(audit(registry)) == []


def test_absence(registry):
    """That a code was never reported is proved by its neighbours, to authorities; not where it was."""
    code = live(registry, 1)
    with pytest.raises(NotFound):
        registry.absence("battery:" + sample.pack(2), "authority_cn")
    registry.enter_heads()
    for number in range(2, 12):
        proof = registry.absence("battery:" + sample.pack(number), "authority_cn")
        found = verify_absence(proof, Policy.parse(registry.policy))
        assert found.subject == "battery:" + sample.pack(number)
        lie = proof.replace(sample.pack(number).encode(), code.encode())
        with pytest.raises(VoltrailError):
            verify_absence(lie, Policy.parse(registry.policy))
    with pytest.raises(UsageError):
        registry.absence("battery:" + code, "authority_cn")
    with pytest.raises(AccessError):
        registry.absence("battery:" + sample.pack(2), "public")


@pytest.mark.parametrize(
    "text", ["", "battery:", "nonsense", sample.pack(1), "battery:" + sample.pack(1).lower()]
)
def test_absence_of_what_is_no_name(registry, text):
    """A code without its kind, or written otherwise, would be absent though its battery is there: refused."""
    live(registry, 1)
    registry.enter_heads()
    with pytest.raises((CodeError, EventError)):
        registry.absence(text, "auditor")


def test_an_auditor_checks_and_signs(registry):
    """From rows alone an auditor sees that each subject stands once and continues; the note says so."""
    code = live(registry, 1)
    registry.enter_heads()
    _, before = file_of(registry)
    fit(registry, code)
    live(registry, 2)
    index = registry.enter_heads()
    header, rows = file_of(registry)
    policy = Policy.parse(registry.policy)
    found = check_leaves(header, [rows[:ROW_BYTES], rows[ROW_BYTES:]], policy, [before])
    assert (found.index, found.new, found.grown) == (index, 2, 1)  # a pack and a vehicle; a pack
    auditor = Signer.generate("AUDITOR/1")
    note = open_heads_note(note_over(found, auditor), [auditor.verifier])
    assert note.origin == f"{registry.origin}/heads/{index}"
    assert (note.size, note.root) == (found.stated.count, found.stated.root)
    with pytest.raises(AccessError):
        next(registry.heads_leaves("authority_cn"))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[ROW_BYTES:],
        lambda rows: rows + rows[-ROW_BYTES:],
        lambda rows: rows[ROW_BYTES : 2 * ROW_BYTES] + rows[:ROW_BYTES] + rows[2 * ROW_BYTES :],
        lambda rows: rows[:-1],
        lambda rows: rows[:-1] + bytes([rows[-1] ^ 1]),
    ],
    ids=["left out", "twice", "out of order", "cut", "changed"],
)
def test_wrong_rows_are_not_signed(registry, change):
    """Rows that are not those of the root, each subject once in order, do not pass."""
    registry.enter_heads()
    header, rows = file_of(registry)
    with pytest.raises(VerificationError):
        check_leaves(header, [change(rows)], Policy.parse(registry.policy))


def test_a_shorter_chain_is_seen(registry):
    """A tree in which a subject has vanished, has fewer events or another head than before does not pass."""
    live(registry, 1)
    registry.enter_heads()
    header, rows = file_of(registry)
    policy = Policy.parse(registry.policy)
    more = rows[:32] + (int.from_bytes(rows[32:40], "big") + 1).to_bytes(8, "big") + rows[40:]
    other = rows[:40] + bytes(32) + rows[72:]
    for before in (more, other, rows + b"\xff" * ROW_BYTES, b"\0" * ROW_BYTES + rows):
        with pytest.raises(VerificationError):
            check_leaves(header, [rows], policy, [before])


def test_changed_rows_are_named_by_the_audit(registry):
    """The audit finds a heads tree that is not that of the chains, or that does not lead to its root."""
    live(registry, 1)
    index = registry.enter_heads()
    path = registry.data / "heads" / str(index) / "rows"
    rows = bytearray(path.read_bytes())
    rows[-1] ^= 1
    path.write_bytes(rows)
    registry.heads._open.clear()
    assert {difference.what for difference in audit(registry)} == {"heads"}


# ---------------------------------------------------------------- the files


def changed_file(path, rows):
    """Write rows as the database's copy gives them."""
    copied = b"".join(
        b"\0\3\0\0\0\x20" + row[:32] + b"\0\0\0\x08" + row[32:40] + b"\0\0\0\x20" + row[40:] for row in rows
    )
    path.write_bytes(b"PGCOPY\n\xff\r\n\0" + bytes(8) + copied + b"\xff\xff")


PLACES = st.builds(
    lambda first, rest: bytes(7) + bytes([first]) + rest.to_bytes(24, "big"),
    st.integers(0, 3),
    st.integers(0, 5),
)
ROWS = st.dictionaries(PLACES, st.binary(min_size=40, max_size=40), min_size=1, max_size=30)


@given(old=ROWS, new=ROWS)
def test_merging_is_a_dictionary(tmp_path_factory, old, new):
    """Merged rows are those of the tree before with the changed ones in their places, ordered by all of a."""
    folder = tmp_path_factory.mktemp("merge")
    (folder / "old").write_bytes(b"".join(place + old[place] for place in sorted(old)))
    changed_file(folder / "changed", [place + kh for place, kh in new.items()])
    count = heads._merge(folder / "old", folder / "changed", folder / "rows")
    both = old | new
    assert (folder / "rows").read_bytes() == b"".join(place + both[place] for place in sorted(both))
    assert count == len(both)


def test_blocks_make_one_tree(tmp_path):
    """A tree hashed in blocks by several processes has the nodes of one hashed in a single run."""
    count = 2 * heads.BLOCK_ROWS + 777
    rows = b"".join(sha256(n.to_bytes(4, "big")).digest() + bytes(40) for n in range(count))
    (tmp_path / "rows").write_bytes(rows)
    secret = bytes(range(32))
    root = heads._hash(tmp_path, count, secret, None)
    nodes, peaks = extend(0, (), rows, secret)
    assert (tmp_path / "nodes").read_bytes() == nodes
    assert len(nodes) == node_count(count) * 32
    assert root == root_of(peaks)
    assert sha256(b"\0" + leaf_of(rows[:ROW_BYTES], secret)).digest() == nodes[:32]
