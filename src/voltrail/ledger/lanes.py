"""
The hashes of many lines at once: sixteen and more side by side, compiled, and without the interpreter's lock.

What is computed is said plainly in `commitments`, `entries` and `merkle`; here it is done for a whole report
in the vector registers of the processor, which costs a fifth. A lane is one message; a word of every lane
lies side by side in memory, and each inner loop does one step of the hash for all of them.
Sources: FIPS 180-4 (SHA-256), FIPS 202 (SHAKE-256).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numba import njit, uint8, uint32, uint64
from numpy.typing import NDArray

from voltrail.ledger import merkle

Places = NDArray[np.int64]
Rows = NDArray[np.uint8]

HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
LANES: Final = 32  # a multiple of what a vector register holds; more keeps its pipeline full
SPONGE_LANES: Final = 32
RATE_BYTES: Final = 136  # of SHAKE-256
CHUNK_LINES: Final = 512  # as many lines as keep their blocks in the cache

_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))]


def _root_bits(number: int, power: int) -> int:
    """Return the first 32 bits of the fraction of a square (2) or cube (3) root."""
    scaled, low, high = number << (32 * power), 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**power <= scaled else (low, middle)
    return low & 0xFFFFFFFF


_K = np.array([_root_bits(prime, 3) for prime in _PRIMES], np.uint32)
_START = np.array([_root_bits(prime, 2) for prime in _PRIMES[:8]], np.uint32)


def _round_constants() -> list[int]:
    """Return the constants of Keccak's step iota, from its shift register (FIPS 202, 3.2.5)."""
    found, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ ((register >> 7) * 0x171)
        found.append(constant)
    return found


def _rotations() -> tuple[list[int], list[int]]:
    """Return for each word of Keccak's state by how much rho turns it, and where pi puts it."""
    turns, places, x, y = [0] * 25, [0] * 25, 1, 0
    for step in range(24):
        turns[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    for x in range(5):
        for y in range(5):
            places[x + 5 * y] = y + 5 * ((2 * x + 3 * y) % 5)
    return turns, places


_IOTA = np.array(_round_constants(), np.uint64)
_TURNS, _PLACES = (np.array(table, np.int64) for table in _rotations())


def kernel(function: Any) -> Any:
    """Return a function compiled, without the interpreter's lock; kept on disk where that can be."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither beside the code nor in the user's cache: each process compiles anew
        return njit(nogil=True)(function)


@njit(inline="always")
def _turned(word: Any, bits: Any) -> Any:
    return uint32(uint32(word >> uint32(bits)) | uint32(word << uint32(32 - bits)))


@njit(inline="always")
def _swapped(word: Any) -> Any:
    """Return a word with its bytes in the other order."""
    return uint32(
        uint32(word << uint32(24))
        | uint32(uint32(word & uint32(0xFF00)) << uint32(8))
        | uint32(uint32(word >> uint32(8)) & uint32(0xFF00))
        | uint32(word >> uint32(24))
    )


@kernel
def _compress(state: Any, words: Any, work: Any) -> None:
    """Take one block of every lane into its state (FIPS 180-4, 6.2.2); `words` are the blocks."""
    for at in range(8 * LANES):
        work[at] = state[at]
    for turn in range(64):
        here = (turn & 15) * LANES
        if turn >= 16:
            second = ((turn + 1) & 15) * LANES
            tenth = ((turn + 9) & 15) * LANES
            last = ((turn + 14) & 15) * LANES
            for lane in range(LANES):
                x, y = words[second + lane], words[last + lane]
                s0 = uint32(_turned(x, 7) ^ _turned(x, 18) ^ uint32(x >> uint32(3)))
                s1 = uint32(_turned(y, 17) ^ _turned(y, 19) ^ uint32(y >> uint32(10)))
                words[here + lane] = uint32(
                    uint32(words[here + lane] + s0) + uint32(words[tenth + lane] + s1)
                )
        constant = _K[turn]
        for lane in range(LANES):
            a, b, c, d = work[lane], work[LANES + lane], work[2 * LANES + lane], work[3 * LANES + lane]
            e, f, g = work[4 * LANES + lane], work[5 * LANES + lane], work[6 * LANES + lane]
            h = uint32(work[7 * LANES + lane] + uint32(constant + words[here + lane]))
            s1 = uint32(_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25))
            one = uint32(uint32(h + s1) + uint32(g ^ (e & (f ^ g))))
            s0 = uint32(_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22))
            two = uint32(s0 + uint32((a & b) | (c & (a | b))))
            work[lane], work[LANES + lane] = uint32(one + two), a
            work[2 * LANES + lane], work[3 * LANES + lane] = b, c
            work[4 * LANES + lane], work[5 * LANES + lane] = uint32(d + one), e
            work[6 * LANES + lane], work[7 * LANES + lane] = f, g
    for at in range(8 * LANES):
        state[at] = uint32(state[at] + work[at])


@kernel
def _by_blocks(blocks: Any) -> Any:
    """Return the order of messages by how many blocks they have, so that lanes end together."""
    most = 0
    for number in blocks:
        most = max(most, number)
    starts = np.zeros(most + 2, np.int64)
    for number in blocks:
        starts[number + 1] += 1
    for number in range(most + 1):
        starts[number + 1] += starts[number]
    order = np.empty(len(blocks), np.int64)
    for message in range(len(blocks)):
        order[starts[blocks[message]]] = message
        starts[blocks[message]] += 1
    return order


@kernel
def _digest(padded: Any, firsts: Any, blocks: Any, digests: Any) -> None:
    """Hash messages: `blocks[n]` padded blocks of 16 words from word `firsts[n]` on, into `digests[n]`."""
    state, words, work = (
        np.empty(8 * LANES, np.uint32),
        np.empty(16 * LANES, np.uint32),
        np.empty(8 * LANES, np.uint32),
    )
    order = _by_blocks(blocks)
    for start in range(0, len(order), LANES):
        count = min(LANES, len(order) - start)
        for word in range(8):
            for lane in range(LANES):
                state[word * LANES + lane] = _START[word]
        for block in range(blocks[order[start + count - 1]]):
            for lane in range(LANES):
                message = order[start + min(lane, count - 1)]
                at = firsts[message] + 16 * min(block, blocks[message] - 1)
                for word in range(16):
                    words[word * LANES + lane] = _swapped(padded[at + word])
            _compress(state, words, work)
            for lane in range(count):
                if blocks[order[start + lane]] == block + 1:
                    for word in range(8):
                        digests[order[start + lane], word] = _swapped(state[word * LANES + lane])


@kernel
def _close(padded: Any, first: Any, length: Any) -> None:
    """Pad a message of so many bytes from byte `first` on (FIPS 180-4, 5.1.1)."""
    end = first + (length + 72) // 64 * 64
    padded[first + length] = uint8(0x80)
    for at in range(first + length + 1, end - 8):
        padded[at] = uint8(0)
    bits = 8 * length
    for byte in range(8):
        padded[end - 1 - byte] = uint8((bits >> (8 * byte)) & 0xFF)


@kernel
def _permute(state: Any, work: Any, columns: Any) -> None:
    """Keccak-f[1600] on every lane (FIPS 202, 3.3)."""
    for turn in range(24):
        for x in range(5):
            for lane in range(SPONGE_LANES):
                columns[x, lane] = (
                    state[x, lane]
                    ^ state[x + 5, lane]
                    ^ state[x + 10, lane]
                    ^ state[x + 15, lane]
                    ^ state[x + 20, lane]
                )
        for word in range(25):
            left, right, place = (word + 4) % 5, (word + 1) % 5, _PLACES[word]
            bits = uint64(_TURNS[word])
            back = uint64((64 - _TURNS[word]) & 63)
            for lane in range(SPONGE_LANES):
                one = columns[right, lane]
                one = uint64(uint64(one << uint64(1)) | uint64(one >> uint64(63)))
                mixed = state[word, lane] ^ columns[left, lane] ^ one
                work[place, lane] = uint64(uint64(mixed << bits) | uint64(mixed >> back))
        for y in range(0, 25, 5):
            for x in range(5):
                one, two = y + (x + 1) % 5, y + (x + 2) % 5
                for lane in range(SPONGE_LANES):
                    state[y + x, lane] = work[y + x, lane] ^ (~work[one, lane] & work[two, lane])
        for lane in range(SPONGE_LANES):
            state[0, lane] ^= _IOTA[turn]


@kernel
def _draw_salts(secret: Any, begin: Any, firsts: Any, salts: Any) -> None:
    """Draw the salts of the lines from line `begin` on, as `commitments.salts` does."""
    prefix = np.zeros(RATE_BYTES, np.uint8)
    prefix[: len(secret)] = secret
    prefix[len(secret) + 4] = 0x1F  # after the number of the line comes SHAKE's own padding
    prefix[RATE_BYTES - 1] = 0x80
    words = prefix.view(np.uint64)
    state = np.empty((25, SPONGE_LANES), np.uint64)
    work, columns = np.empty_like(state), np.empty((5, SPONGE_LANES), np.uint64)
    lines = len(firsts) - 1
    for start in range(0, lines, SPONGE_LANES):
        state[:] = uint64(0)
        members = 0
        for lane in range(min(SPONGE_LANES, lines - start)):
            line = begin + start + lane
            for byte in range(4):
                prefix[len(secret) + byte] = uint8((line >> (24 - 8 * byte)) & 0xFF)
            for word in range(RATE_BYTES // 8):
                state[word, lane] = words[word]
            members = max(members, firsts[start + lane + 1] - firsts[start + lane])
        for squeezed in range(0, 2 * members, RATE_BYTES // 8):
            _permute(state, work, columns)
            for lane in range(min(SPONGE_LANES, lines - start)):
                at = 2 * firsts[start + lane] + squeezed
                for word in range(min(RATE_BYTES // 8, 2 * firsts[start + lane + 1] - at)):
                    salts[(at + word) >> 1, (at + word) & 1] = state[word, lane]


@kernel
def _digest_salted(salts: Any, data: Any, starts: Any, stops: Any, digests: Any) -> None:
    """Hash 16 bytes of salt and `data[starts[n]:stops[n]]`, for each n."""
    count, size = len(starts), 0
    firsts, blocks = np.empty(count, np.int64), np.empty(count, np.int64)
    for n in range(count):
        firsts[n] = 16 * size
        blocks[n] = (SALT_BYTES + stops[n] - starts[n] + 72) // 64
        size += blocks[n]
    padded = np.empty(64 * size, np.uint8)
    for n in range(count):
        at, length = 4 * firsts[n], stops[n] - starts[n]
        for byte in range(SALT_BYTES):
            padded[at + byte] = salts[n, byte]
        for byte in range(length):
            padded[at + SALT_BYTES + byte] = data[starts[n] + byte]
        _close(padded, at, SALT_BYTES + length)
    _digest(padded.view(np.uint32), firsts, blocks, digests)


@kernel
def _digest_joined(prefix: Any, parts: Any, firsts: Any, digests: Any) -> None:
    """Hash a prefix and the rows of 32 bytes `parts[firsts[n]:firsts[n + 1]]`, for each n."""
    count, size = len(digests), 0
    begins, blocks = np.empty(count, np.int64), np.empty(count, np.int64)
    for n in range(count):
        begins[n] = 16 * size
        blocks[n] = (len(prefix) + HASH_BYTES * (firsts[n + 1] - firsts[n]) + 72) // 64
        size += blocks[n]
    padded = np.empty(64 * size, np.uint8)
    for n in range(count):
        at = 4 * begins[n]
        padded[at : at + len(prefix)] = prefix
        at += len(prefix)
        for part in range(firsts[n], firsts[n + 1]):
            for byte in range(HASH_BYTES):
                padded[at + byte] = parts[part, byte]
            at += HASH_BYTES
        _close(padded, 4 * begins[n], at - 4 * begins[n])
    _digest(padded.view(np.uint32), begins, blocks, digests)


@kernel
def _commit(
    data: Any, starts: Any, stops: Any, firsts: Any, line: Any, secret: Any, prefix: Any, commitments: Any
) -> None:
    for begin in range(0, len(firsts) - 1, CHUNK_LINES):
        ours = firsts[begin : begin + CHUNK_LINES + 1]
        low, high = ours[0], ours[-1]
        salts, digests = np.empty((high - low, 2), np.uint64), np.empty((high - low, 8), np.uint32)
        _draw_salts(secret, line + begin, ours - low, salts)
        _digest_salted(salts.view(np.uint8), data, starts[low:high], stops[low:high], digests)
        _digest_joined(prefix, digests.view(np.uint8), ours - low, commitments[begin : begin + len(ours) - 1])


@kernel
def _hash_rows(messages: Any, digests: Any) -> None:
    """Hash messages of one length, a row each."""
    count, length = messages.shape
    blocks = (length + 72) // 64
    padded = np.empty((count, 64 * blocks), np.uint8)
    flat = padded.reshape(-1)
    firsts = np.empty(count, np.int64)
    for row in range(count):
        for byte in range(length):
            padded[row, byte] = messages[row, byte]
        firsts[row] = 16 * blocks * row
        _close(flat, 64 * blocks * row, length)
    _digest(flat.view(np.uint32), firsts, np.full(count, blocks), digests)


def commit_members(
    secret: bytes, data: bytes, starts: Places, stops: Places, firsts: Places, line: int = 0
) -> bytes:
    """
    Return the commitments of lines from `line` on, 32 bytes each, as `commitments.commit_lines` gives them.

    Member m is `data[starts[m]:stops[m]]`; the n-th has those from `firsts[n]` to before `firsts[n + 1]`.
    """
    commitments = np.empty((len(firsts) - 1, 8), np.uint32)
    salted, named = _bytes(b"voltrail.salt" + secret), _bytes(b"voltrail.event")
    _commit(_bytes(data), starts, stops, firsts, line, salted, named, commitments)
    return commitments.tobytes()


def blind_subjects(secret: bytes, subjects: Sequence[Sequence[str]], line: int = 0) -> bytes:
    """Return SHA-256(t ‖ subject), 32 bytes each, of the subjects of lines from `line` on: `link_blinds`."""
    counts = np.fromiter(map(len, subjects), np.int64, len(subjects))
    names = [name.encode() for line in subjects for name in line]
    lines = np.repeat(np.arange(line, line + len(subjects)), counts)
    places = np.arange(len(names)) - np.repeat(np.cumsum(counts) - counts, counts)
    prefix = _bytes(b"voltrail.link" + secret)
    messages = np.empty((len(names), len(prefix) + 8), np.uint8)
    messages[:, : len(prefix)] = prefix
    messages[:, -8:-4] = lines.astype(">u4").view(np.uint8).reshape(-1, 4)
    messages[:, -4:] = places.astype(">u4").view(np.uint8).reshape(-1, 4)
    ends = np.cumsum(np.fromiter(map(len, names), np.int64, len(names)))
    blinds = np.empty((len(names), 8), np.uint32)
    _digest_salted(_hashed(messages), _bytes(b"".join(names)), ends - np.diff(ends, prepend=0), ends, blinds)
    return blinds.tobytes()


def leaf_hashes(data: bytes, length: int) -> bytes:
    """Return the leaf hashes, 32 bytes each, of leaves of one length that stand one after another."""
    leaves = _bytes(data).reshape(-1, length)
    messages = np.zeros((len(leaves), length + 1), np.uint8)
    messages[:, 1:] = leaves
    return _hashed(messages).tobytes()


def extend(size: int, peaks: tuple[bytes, ...], leaf_hashes: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Append leaves to a tree, given their hashes, 32 bytes each: `merkle.extend`, level by level."""
    count, level = len(leaf_hashes) // HASH_BYTES, 0
    start, left = size, list(peaks)
    base = merkle.node_count(size)
    nodes = np.empty((merkle.node_count(size + count) - base, HASH_BYTES), np.uint8)
    row = _bytes(leaf_hashes).reshape(-1, HASH_BYTES)
    kept: list[bytes] = []
    while len(row) or start:
        nodes[_positions(level, start, len(row)) - base] = row
        if start & 1:
            row = np.concatenate((_bytes(left.pop()).reshape(1, HASH_BYTES), row))
        if len(row) & 1:
            kept.append(row[-1].tobytes())
        pairs = row[: len(row) // 2 * 2].reshape(-1, 2 * HASH_BYTES)
        messages = np.ones((len(pairs), 2 * HASH_BYTES + 1), np.uint8)
        messages[:, 1:] = pairs
        row, start, level = _hashed(messages), start >> 1, level + 1
    return nodes.tobytes(), tuple(kept[::-1])


def _positions(level: int, first: int, count: int) -> Places:
    """Return where the nodes of a level from the first on stand in post-order: `merkle.position` of many."""
    last_leaves = (np.arange(first + 1, first + count + 1) << level) - 1
    ones = np.bitwise_count(last_leaves).astype(np.int64)
    positions: Places = 2 * last_leaves - ones + level
    return positions


def _hashed(messages: Rows) -> Rows:
    digests = np.empty((len(messages), 8), np.uint32)
    if len(messages):
        _hash_rows(messages, digests)
    return digests.view(np.uint8)


def _bytes(data: bytes) -> Rows:
    return np.frombuffer(data, np.uint8)
