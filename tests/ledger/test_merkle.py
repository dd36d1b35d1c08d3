"""Trees in post-order are RFC 6962 trees; a range proof holds for the leaves it was made for only."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import ProofError
from voltrail.ledger import merkle


def naive_root(leaves):
    """Return the root as the recursion of RFC 6962, 2.1 defines it."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return merkle.node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def some_leaves(count):
    return [merkle.leaf_hash(bytes([number % 256, number // 256])) for number in range(count)]


def by_position(leaves):
    nodes, _ = merkle.extend(0, (), leaves)
    return {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}


@given(st.integers(0, 600))
def test_root_is_that_of_the_rfc(size):
    """The root of a tree in post-order equals the recursive definition."""
    assert merkle.root(some_leaves(size)) == naive_root(some_leaves(size))


@given(st.lists(st.integers(0, 200), max_size=6))
def test_any_batches_make_the_same_tree(cuts):
    """Leaves appended in any batches give the nodes of one batch, each where position() says."""
    bounds = [0, *sorted(cuts), 200]
    leaves, peaks, nodes = some_leaves(200), (), b""
    for start, stop in pairwise(bounds):
        more, peaks = merkle.extend(start, peaks, leaves[start:stop])
        nodes += more
    assert nodes == merkle.extend(0, (), leaves)[0]
    assert len(nodes) == 32 * merkle.node_count(200)
    assert all(nodes[32 * merkle.position(0, n) :][:32] == leaf for n, leaf in enumerate(leaves))


@given(st.data())
def test_a_range_proof_holds_for_its_leaves_only(data):
    """Any run of leaves verifies under the root; with one leaf changed, moved or one hash more it fails."""
    size = data.draw(st.integers(1, 300))
    first = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(first + 1, size))
    leaves = some_leaves(size)
    proof = merkle.range_proof(first, end, size, by_position(leaves))
    merkle.verify_range(leaves[first:end], first, size, proof, naive_root(leaves))
    changed = [*leaves[first : end - 1], merkle.leaf_hash(b"another")]
    for run, given_proof in ((changed, proof), (leaves[first:end], [*proof, merkle.EMPTY_ROOT])):
        with pytest.raises(ProofError):
            merkle.verify_range(run, first, size, given_proof, naive_root(leaves))


@pytest.mark.parametrize(("first", "end", "size"), [(0, 0, 4), (3, 5, 4), (-1, 2, 4), (0, 1, 0)])
def test_a_range_outside_the_tree_is_refused(first, end, size):
    """A proof for leaves that are not there cannot be asked for."""
    with pytest.raises(ProofError):
        merkle.range_nodes(first, end, size)
