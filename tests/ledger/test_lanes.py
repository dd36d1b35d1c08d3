"""What is hashed in lanes is what the plain functions say, wherever a lane, a chunk or a block ends."""

import subprocess
import sys
from hashlib import shake_256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.ledger import commitments, entries, lanes, merkle

SECRET = bytes(range(16))
FEW = (0, 1, 2, lanes.LANES - 1, lanes.LANES, lanes.LANES + 1, 3 * lanes.LANES)
MANY = (lanes.CHUNK_LINES - 1, lanes.CHUNK_LINES, lanes.CHUNK_LINES + 1, 2 * lanes.CHUNK_LINES + 33)

NO_PLACE = """
from numba.core import caching

def refuse(_):
    raise OSError("read-only")

for found in list(vars(caching).values()):
    if isinstance(found, type) and issubclass(found, caching._CacheLocator):
        found.ensure_cache_path = refuse
from voltrail.ledger import lanes
print(lanes.kernel(lambda: 1)())
"""

secrets = st.binary(min_size=16, max_size=16)
members = st.binary(max_size=300) | st.text(max_size=90).map(str.encode)
lines = st.lists(members, min_size=1, max_size=64)


def drawn(seed, length):
    """Return so many bytes that look random and are always the same."""
    return shake_256(seed.to_bytes(4, "big")).digest(length)


def made(seed, count):
    """Return `count` lines of 1 to 64 members of 0 to 300 bytes; most are short, as lines are."""
    sizes = np.random.default_rng(seed).integers
    return [
        [drawn(seed + 64 * line + place, int(sizes(0, 301))) for place in range(int(sizes(1, sizes(2, 66))))]
        for line in range(count)
    ]


def laid_out(lines, gap=b","):
    """Return lines as one piece of data, and where their members begin and end and each line's begin."""
    data, starts, stops, firsts = bytearray(), [], [], [0]
    for line in lines:
        data += b"{"
        for member in line:
            starts.append(len(data))
            data += member
            stops.append(len(data))
            data += gap
        firsts.append(len(starts))
    return bytes(data), *(np.array(places, np.int64) for places in (starts, stops, firsts))


def in_lanes(secret, lines):
    joined = lanes.commit_members(secret, *laid_out(lines))
    return [joined[at : at + 32] for at in range(0, len(joined), 32)]


in_lanes(SECRET, [[b"a"]])  # compiled now, so that no example seems slow
lanes.blind_subjects(SECRET, [("a",)])


@given(secrets, st.lists(lines, max_size=5))
def test_commitments_are_those_of_the_plain_function(secret, lines):
    """The commitment of any line is the same in lanes: it is what the reporter signed."""
    assert in_lanes(secret, lines) == commitments.commit_lines(secret, lines)


@pytest.mark.parametrize("count", FEW + MANY)
def test_commitments_hold_at_every_edge(count):
    """Where lanes and chunks are full, or one short of it, or one over, no line gets another's hash."""
    lines = made(count, count)
    assert in_lanes(SECRET, lines) == commitments.commit_lines(SECRET, lines)


@pytest.mark.parametrize("length", [*range(37, 50), *range(101, 114), 4_096, 65_400, 1_000_000])
def test_commitments_hold_where_a_block_ends(length):
    """Padding falls right for members that fill a block of SHA-256 or just do not, and for long ones."""
    lines = [[drawn(1, length)], [b"", drawn(2, length), b"x"], [b"y" * 3]]
    assert in_lanes(SECRET, lines) == commitments.commit_lines(SECRET, lines)


@pytest.mark.parametrize("count", range(1, 65))
def test_salts_hold_for_every_number_of_members(count):
    """However often the sponge is squeezed for one line, its neighbours draw no salt more or less."""
    lines = [[b"a"], [str(place).encode() for place in range(count)], [b"b", b"c"]]
    assert in_lanes(SECRET, lines) == commitments.commit_lines(SECRET, lines)


def test_a_line_without_members_does_not_disturb_the_others():
    """A line that was not split gets a hash that nobody uses; those around it are right."""
    lines = made(7, 80)
    holes = [[] if number % 3 == 0 else line for number, line in enumerate(lines)]
    right = commitments.commit_lines(SECRET, lines)
    found = in_lanes(SECRET, holes)
    assert [found[n] for n in range(80) if n % 3] == [right[n] for n in range(80) if n % 3]


subjects = st.lists(st.text(max_size=80).map(lambda name: "battery:" + name), max_size=6).map(tuple)


@given(secrets, st.lists(subjects, max_size=70))
def test_blinds_are_those_of_the_plain_function(secret, about):
    """Blinds of all subjects stand one after another, in any script, also where a line names nobody."""
    right = [
        blind for number, names in enumerate(about) for blind in entries.link_blinds(secret, number, names)
    ]
    assert lanes.blind_subjects(secret, about) == b"".join(right)


@pytest.mark.parametrize("count", [*FEW, *MANY, 2_000])
def test_blinds_hold_at_every_edge(count):
    """Many lines of one subject, and one line of many, get what they get one by one."""
    names = [f"battery:9ZZPB00000000{number:07}" for number in range(count)]
    apart = [(name,) for name in names]
    right = [entries.link_blinds(SECRET, number, about)[0] for number, about in enumerate(apart)]
    assert lanes.blind_subjects(SECRET, apart) == b"".join(right)
    together = [("organisation:电",), tuple(names)]
    right = [blind for n, about in enumerate(together) for blind in entries.link_blinds(SECRET, n, about)]
    assert lanes.blind_subjects(SECRET, together) == b"".join(right)


@pytest.mark.parametrize("length", [32, 49, 73, *range(54, 66), 119, 120, 200])
@pytest.mark.parametrize("count", FEW)
def test_leaves_hash_as_merkle_says(length, count):
    """A leaf's hash is the same for every length, whatever block it ends in."""
    leaves = [drawn(number, length) for number in range(count)]
    right = b"".join(map(merkle.leaf_hash, leaves))
    assert lanes.leaf_hashes(b"".join(leaves), length) == right


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_tree_grows_as_merkle_says(size, count):
    """From any size by any number of leaves, the same nodes at the same positions, and the same peaks."""
    first, then = (
        [drawn(number, 32) for number in range(start, stop)]
        for start, stop in ((0, size), (size, size + count))
    )
    _, peaks = merkle.extend(0, (), first)
    assert lanes.extend(size, peaks, b"".join(then)) == merkle.extend(size, peaks, then)


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**33 + 5, 2**45 - 3])
def test_a_large_tree_grows_as_merkle_says(size):
    """Positions hold in a log of any size: no number overflows."""
    peaks = tuple(drawn(number, 32) for number in range(size.bit_count()))
    leaves = [drawn(number, 32) for number in range(1_001)]
    assert lanes.extend(size, peaks, b"".join(leaves)) == merkle.extend(size, peaks, leaves)


def test_without_a_place_for_what_is_compiled_it_is_compiled_anew():
    """Where nothing can be written beside the code nor in a home, a server starts all the same."""
    ran = subprocess.run([sys.executable, "-c", NO_PLACE], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("1\n", 0), ran.stderr
