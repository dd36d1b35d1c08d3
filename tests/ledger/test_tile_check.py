"""A published log is checked by its checkpoint alone: what is missing or wrong is named, and nothing else."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.ledger import merkle, tiles
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.tile_check import check_tiles
from voltrail.ledger.tiles import ENTRIES, Tile

SIZES = [1, 2, 255, 256, 257, 700, 1024, 65_536, 66_000]


@cache
def published(size):
    """Return a checkpoint and the files of a log of this size."""
    entries = [b"entry %d" % number for number in range(size)]
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    nodes, peaks = merkle.extend(0, (), leaves)
    by_place = {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}
    files = {
        tile: tiles.encode_bundle(entries[tile.start : tile.stop])
        if tile.level == ENTRIES
        else tiles.cut(tile, by_place)
        for tile in tiles.tiles_between(0, size)
    }
    return Checkpoint("log.example", size, merkle.root_of(peaks)), files


def faults(checkpoint, files):
    return {fault.path for fault in check_tiles(checkpoint, files.get)}


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_whole_log_has_no_fault(size):
    """Every file holds, and progress is told once for each."""
    checkpoint, files = published(size)
    told = []
    assert not list(check_tiles(checkpoint, files.get, lambda: told.append(1)))
    assert len(told) == len(files)


@settings(max_examples=60)
@given(st.sampled_from(SIZES), st.data())
def test_one_file_is_named(size, data):
    """Whichever file is deleted, cut short or changed in one bit: it is named, and no other is."""
    checkpoint, files = published(size)
    tile = data.draw(st.sampled_from([*files][-5:] + [*files][:300]))
    whole = files[tile]
    how = data.draw(st.sampled_from(["deleted", "short", "changed", "empty"]))
    changed = bytearray(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    broken = {"deleted": None, "short": whole[:-1], "changed": bytes(changed), "empty": b""}[how]
    assert faults(checkpoint, files | {tile: broken}) == {tile.path}


@pytest.mark.parametrize("size", [700, 66_000])
def test_many_files_are_all_named(size):
    """A bundle, and tiles that do not stand above it, each by its name."""
    checkpoint, files = published(size)
    gone = [Tile(ENTRIES, 0), Tile(0, 1), tiles.edge_of(size)[0]]
    assert faults(checkpoint, files | dict.fromkeys(gone)) == {tile.path for tile in gone}


def test_nothing_there():
    """An empty folder lacks every file."""
    checkpoint, files = published(700)
    assert faults(checkpoint, {}) == {tile.path for tile in files}


def test_another_checkpoint():
    """Files of another history do not lead to the root, and that is said."""
    _, files = published(700)
    other = Checkpoint("log.example", 700, bytes(32))
    assert "checkpoint" in faults(other, files)
