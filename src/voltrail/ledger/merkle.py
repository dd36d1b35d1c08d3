"""
RFC 6962 Merkle trees, kept in post-order.

Every complete node of a tree stands at a place that never changes: leaf n is
followed at once by the nodes it completes. So a tree of any size is one
append-only run of 32-byte hashes, and a proof is a handful of reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from voltrail.errors import ProofError

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962, 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def position(level: int, index: int) -> int:
    """Return where the complete node `index` of `level` (0: leaves) stands in post-order."""
    last_leaf = ((index + 1) << level) - 1
    return 2 * last_leaf - last_leaf.bit_count() + level


def node_count(size: int) -> int:
    """Return how many complete nodes a tree of `size` leaves has."""
    return 2 * size - size.bit_count()


def extend(
    size: int, peaks: Sequence[bytes], leaf_hashes: Sequence[bytes]
) -> tuple[bytes, tuple[bytes, ...]]:
    """
    Append leaves to a tree of `size` leaves.

    `peaks` are the roots of its complete subtrees, left to right. Returns the
    new nodes in post-order, joined, and the new peaks.
    """
    stack, nodes = list(peaks), []
    for number, leaf in enumerate(leaf_hashes, size):
        node = leaf
        nodes.append(node)
        for _ in range((~number & number + 1).bit_length() - 1):
            node = sha256(b"\x01" + stack.pop() + node).digest()
            nodes.append(node)
        stack.append(node)
    return b"".join(nodes), tuple(stack)


def root_of(peaks: Sequence[bytes]) -> bytes:
    """Return the root of the tree with these peaks, left to right."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes (RFC 6962, 2.1)."""
    return root_of(extend(0, (), leaf_hashes)[1])


def range_nodes(first: int, end: int, size: int) -> list[list[int]]:
    """
    Return, for each hash of the proof that [first, end) stands in a tree of `size`, the positions to fold.

    Source: formats.md, "Range proof": from the root, a node wholly outside
    gives its hash, one wholly inside gives nothing, left to right.
    """
    if not 0 <= first < end <= size:
        raise ProofError("proof.range", f"Leaves {first} to {end} are not all in a tree of {size}.")
    found: list[list[int]] = []
    pending = [(0, size)]
    while pending:
        start, stop = pending.pop()
        if stop <= first or start >= end:
            found.append(_peaks(start, stop))
        elif start < first or stop > end:
            middle = start + (1 << (stop - start - 1).bit_length() - 1)
            pending += [(middle, stop), (start, middle)]
    return found


def range_proof(first: int, end: int, size: int, nodes: Mapping[int, bytes]) -> list[bytes]:
    """Return the range proof, given the nodes (by position) that `range_nodes` names."""
    return [root_of([nodes[place] for place in places]) for places in range_nodes(first, end, size)]


def verify_range(
    leaf_hashes: Sequence[bytes], first: int, size: int, proof: Sequence[bytes], expected: bytes
) -> None:
    """Raise ProofError unless these leaves stand from `first` on in the tree of this size and root."""
    end = first + len(leaf_hashes)
    if len(range_nodes(first, end, size)) != len(proof):
        raise ProofError("proof.length", "The range proof has too many hashes or too few.")
    given = iter(proof)

    def subtree(start: int, stop: int) -> bytes:
        if stop <= first or start >= end:
            return next(given)
        if first <= start and stop <= end:
            return root(leaf_hashes[start - first : stop - first])
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        return node_hash(subtree(start, middle), subtree(middle, stop))

    if subtree(0, size) != expected:
        raise ProofError("proof.range", "The leaves do not lead to the root.")


def _peaks(start: int, stop: int) -> list[int]:
    """Return the positions of the complete nodes that make up the subtree over [start, stop)."""
    places = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        places.append(position(level, start >> level))
        start += 1 << level
    return places
