"""Inclusion and consistency proofs are those of the RFC, and hold for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import ProofError
from voltrail.ledger import merkle
from voltrail.ledger.merkle import leaf_hash, node_hash

LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(400)]
NODES = merkle.extend(0, (), LEAVES)[0]


class Nodes(dict):
    """The nodes of the tree of all leaves, which holds those of every smaller one; counts what is asked."""

    def __missing__(self, place):
        self[place] = NODES[32 * place : 32 * place + 32]
        return self[place]


def half(count):
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def naive_root(leaves):
    """MTH of RFC 6962, 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    return node_hash(naive_root(leaves[: half(len(leaves))]), naive_root(leaves[half(len(leaves)) :]))


def naive_path(m, leaves):
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m, leaves, whole):
    """SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = half(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


sizes = st.integers(1, len(LEAVES))


@given(sizes, st.data())
def test_inclusion_is_that_of_the_rfc(size, data):
    """The proof of any leaf is PATH, and is made from the nodes named beforehand and no others."""
    index = data.draw(st.integers(0, size - 1))
    nodes = Nodes()
    proof = merkle.inclusion_proof(index, size, nodes)
    assert proof == naive_path(index, LEAVES[:size])
    assert set(nodes) == set(merkle.inclusion_nodes(index, size))
    merkle.verify_inclusion(LEAVES[index], index, size, proof, naive_root(LEAVES[:size]))


@given(sizes, st.data())
def test_inclusion_holds_for_nothing_else(size, data):
    """Another leaf, another index, a hash changed, one more or one fewer: each is refused."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, len(LEAVES) - 1).filter(lambda n: n != index))
    root = naive_root(LEAVES[:size])
    proof = naive_path(index, LEAVES[:size])
    wrong = [
        (LEAVES[other], index, proof),
        (LEAVES[index], other, proof),
        (LEAVES[index], index, [*proof, root]),
        (LEAVES[index], index, [root, *proof]),
        (LEAVES[index], -1, proof),
        (LEAVES[index], size, proof),
    ]
    wrong += (
        [(LEAVES[index], index, proof[:-1]), (LEAVES[index], index, [*proof[::-1], root])] if proof else []
    )
    for leaf, place, path in wrong:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaf, place, size, path, root)


@given(sizes, st.data())
def test_consistency_is_that_of_the_rfc(size, data):
    """The proof from any older size is PROOF, and is made from the nodes named beforehand."""
    old = data.draw(st.integers(1, size))
    nodes = Nodes()
    proof = merkle.consistency_proof(old, size, nodes)
    assert proof == naive_subproof(old, LEAVES[:size], True)
    assert set(nodes) == set(merkle.consistency_nodes(old, size))
    merkle.verify_consistency(old, naive_root(LEAVES[:old]), size, naive_root(LEAVES[:size]), proof)


@given(sizes, st.data())
def test_consistency_holds_for_nothing_else(size, data):
    """Another older root, another newer root, one hash more or fewer: each is refused."""
    old = data.draw(st.integers(1, size))
    old_root, root = naive_root(LEAVES[:old]), naive_root(LEAVES[:size])
    proof = naive_subproof(old, LEAVES[:size], True)
    bad = bytes(32)
    wrong = [(bad, root, proof), (old_root, bad, proof), (old_root, root, [*proof, bad])]
    wrong += [(old_root, root, proof[:-1]), (old_root, root, [bad, *proof[1:]])] if proof else []
    for before, after, path in wrong:
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, before, size, after, path)


def test_consistency_with_the_empty_tree():
    """Every tree follows the empty one, without a proof."""
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, naive_root(LEAVES[:3]), [])
    with pytest.raises(ProofError):
        merkle.verify_consistency(0, LEAVES[0], 3, naive_root(LEAVES[:3]), [])


@given(sizes, st.data())
def test_range_proof_asks_for_the_nodes_it_names(size, data):
    """A range proof is made from the nodes named beforehand, and no others."""
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    nodes = Nodes()
    merkle.range_proof(first, end, size, nodes)
    assert set(nodes) == set(merkle.range_nodes(first, end, size))


@given(sizes)
def test_peaks_stand_where_said(size):
    """The peaks of a tree are read back from their positions, and give its root."""
    peaks = merkle.extend(0, (), LEAVES[:size])[1]
    assert tuple(Nodes()[place] for place in merkle.peaks_of(size)) == peaks
    assert merkle.root_of(peaks) == naive_root(LEAVES[:size])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_a_proof_of_no_leaf_cannot_be_asked_for(index, size):
    """An index outside the tree raises, when proving as when verifying."""
    for ask in (merkle.inclusion_nodes, lambda i, n: merkle.inclusion_proof(i, n, {})):
        with pytest.raises(ProofError):
            ask(index, size)
    with pytest.raises(ProofError):
        merkle.consistency_nodes(size + 1, size)
