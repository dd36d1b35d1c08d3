"""
RFC 6962 Merkle trees, kept in post-order.

Every complete node of a tree stands at a place that never changes: leaf n is
followed at once by the nodes it completes. So a tree of any size is one
append-only run of 32-byte hashes, and a proof is a handful of reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

from voltrail.errors import ProofError

HASH_BYTES = 32
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
    stack = list(peaks)
    nodes: list[bytes] = []
    push, pop, keep = stack.append, stack.pop, nodes.append
    hashed = sha256
    for number, leaf in enumerate(leaf_hashes, size):
        keep(leaf)
        node, completed = leaf, number
        while completed & 1:
            node = hashed(b"\x01" + pop() + node).digest()
            keep(node)
            completed >>= 1
        push(node)
    return b"".join(nodes), tuple(stack)


def peaks_of(size: int) -> list[int]:
    """Return the positions of the peaks of a tree of `size` leaves, left to right."""
    return _peaks(0, size)


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


def inclusion_nodes(index: int, size: int) -> list[int]:
    """Return the positions that the proof of leaf `index` in a tree of `size` leaves is made from."""
    return [place for subtree in _path(index, size) for place in subtree]


def inclusion_proof(index: int, size: int, nodes: Mapping[int, bytes]) -> list[bytes]:
    """Return the audit path of a leaf, given the nodes `inclusion_nodes` names (RFC 6962, 2.1.1)."""
    return [
        nodes[subtree[0]] if len(subtree) == 1 else root_of([nodes[place] for place in subtree])
        for subtree in _path(index, size)
    ]


def verify_inclusion(hashed: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Raise ProofError unless this leaf hash stands at `index` under this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError("proof.index", f"There is no leaf {index} in a tree of {size}.")
    node, place, last = hashed, index, size - 1
    for sibling in proof:
        if not last:
            raise _wrong_length("inclusion")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise _wrong_length("inclusion")
    if node != expected:
        raise ProofError("proof.inclusion", f"Leaf {index} does not lead to the root of the tree of {size}.")


def consistency_nodes(old: int, size: int) -> list[int]:
    """Return the positions that the proof from `old` leaves to `size` leaves is made from."""
    return _places(_consistency(old, size))


def consistency_proof(old: int, size: int, nodes: Mapping[int, bytes]) -> list[bytes]:
    """Return the consistency proof, given the nodes `consistency_nodes` names (RFC 6962, 2.1.2)."""
    return [_folded(start, stop, nodes) for start, stop in _consistency(old, size)]


def verify_consistency(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless the tree of `size` leaves only adds to the one of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= size:
        raise ProofError("proof.index", f"A tree of {size} leaves does not follow one of {old}.")
    if old in {0, size}:
        start = new_root if old else EMPTY_ROOT
        if proof or old_root != start:
            raise ProofError("proof.consistency", "The older tree is not the one the newer began with.")
        return
    shift = (~old & old - 1).bit_length()
    place, last = old - 1 >> shift, size - 1 >> shift
    path = [*([] if old & old - 1 else [old_root]), *proof]
    if len(path) != 1 + len(_inclusion(place, last + 1)):
        raise _wrong_length("consistency")
    before = after = path[0]
    for sibling in path[1:]:
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    if (before, after) != (old_root, new_root):
        raise ProofError("proof.consistency", f"The tree of {size} leaves does not contain that of {old}.")


def range_nodes(first: int, end: int, size: int) -> list[int]:
    """Return the positions that the proof of the leaves [first, end) in a tree of `size` is made from."""
    return _places(_outside(first, end, size))


def range_proof(first: int, end: int, size: int, nodes: Mapping[int, bytes]) -> list[bytes]:
    """
    Return the range proof, given the nodes `range_nodes` names.

    Source: formats.md, "Range proof": from the root, a node wholly outside
    gives its hash, one wholly inside gives nothing, left to right.
    """
    return [_folded(start, stop, nodes) for start, stop in _outside(first, end, size)]


def verify_range(
    leaf_hashes: Sequence[bytes], first: int, size: int, proof: Sequence[bytes], expected: bytes
) -> None:
    """Raise ProofError unless these leaves stand from `first` on in the tree of this size and root."""
    end = first + len(leaf_hashes)
    if len(_outside(first, end, size)) != len(proof):
        raise _wrong_length("range")
    given = iter(proof)

    def subtree(start: int, stop: int) -> bytes:
        if stop <= first or start >= end:
            return next(given)
        if first <= start and stop <= end:
            return root(leaf_hashes[start - first : stop - first])
        middle = _middle(start, stop)
        return node_hash(subtree(start, middle), subtree(middle, stop))

    if subtree(0, size) != expected:
        raise ProofError("proof.range", "The leaves do not lead to the root.")


# A proof is a list of subtrees [start, stop), each given by its root.


def _inclusion(index: int, size: int) -> list[tuple[int, int]]:
    """Return the subtrees beside the way from the root down to a leaf, the leaf's own neighbour first."""
    if not 0 <= index < size:
        raise ProofError("proof.index", f"There is no leaf {index} in a tree of {size}.")
    beside = []
    start, stop = 0, size
    while stop - start > 1:
        middle = _middle(start, stop)
        beside.append((middle, stop) if index < middle else (start, middle))
        start, stop = (start, middle) if index < middle else (middle, stop)
    return beside[::-1]


@lru_cache(maxsize=1 << 14)
def _path(index: int, size: int) -> tuple[list[int], ...]:
    """Return the positions of each subtree of `_inclusion`; asked twice, to read nodes and to use them."""
    return tuple(_peaks(start, stop) for start, stop in _inclusion(index, size))


def _consistency(old: int, size: int) -> list[tuple[int, int]]:
    """Return the subtrees of the proof SUBPROOF(old, D[size], true) of RFC 6962, 2.1.2."""
    if not 0 <= old <= size:
        raise ProofError("proof.index", f"A tree of {size} leaves does not follow one of {old}.")
    if old in {0, size}:
        return []
    found = []
    start, stop = 0, size
    while stop != old:
        middle = _middle(start, stop)
        found.append((middle, stop) if old <= middle else (start, middle))
        start, stop = (start, middle) if old <= middle else (middle, stop)
    if start:
        found.append((start, stop))
    return found[::-1]


def _outside(first: int, end: int, size: int) -> list[tuple[int, int]]:
    """Return the largest subtrees wholly outside the range, left to right."""
    if not 0 <= first < end <= size:
        raise ProofError("proof.range", f"Leaves {first} to {end} are not all in a tree of {size}.")
    found = []
    pending = [(0, size)]
    while pending:
        start, stop = pending.pop()
        if stop <= first or start >= end:
            found.append((start, stop))
        elif start < first or stop > end:
            middle = _middle(start, stop)
            pending += [(middle, stop), (start, middle)]
    return found


def _middle(start: int, stop: int) -> int:
    """Return where a subtree of more than one leaf divides: its left half is the largest complete one."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _peaks(start: int, stop: int) -> list[int]:
    """Return the positions of the complete nodes that make up the subtree over [start, stop)."""
    count = stop - start
    if count & count - 1 == 0 and count:  # nearly always: a complete subtree
        level = count.bit_length() - 1
        return [position(level, start >> level)]
    places = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        places.append(position(level, start >> level))
        start += 1 << level
    return places


def _places(subtrees: Iterable[tuple[int, int]]) -> list[int]:
    return [place for start, stop in subtrees for place in _peaks(start, stop)]


def _folded(start: int, stop: int, nodes: Mapping[int, bytes]) -> bytes:
    """Return the root of a subtree from the complete nodes it is made of."""
    return root_of([nodes[place] for place in _peaks(start, stop)])


def _wrong_length(kind: str) -> ProofError:
    return ProofError("proof.length", f"The {kind} proof has too many hashes or too few.")
