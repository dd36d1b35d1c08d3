"""Tiles, bundles and checkpoints of two other logs' programs; each file's source is in tlog/SOURCES.md."""

import json

import pytest

from voltrail.ledger import merkle, tiles
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.tile_check import check_tiles
from voltrail.ledger.tiles import ENTRIES, Tile

TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.fixture(scope="module")
def tessera(reference):
    return reference / "tlog/tlog-tiles/tessera"


@pytest.fixture(scope="module")
def mirror(reference):
    return reference / "tlog/tlog-tiles/sunlight-mirror"


def read(folder, tile):
    path = folder / tile.path
    return path.read_bytes() if path.exists() else None


def test_every_tessera_checkpoint_is_the_root_of_its_tiles(tessera):
    """All nine, checked by the checkpoint alone; the tiles of the last, of 15, are not among the vectors."""
    found = sorted(tessera.glob("checkpoint*"))
    assert len(found) == 9
    for path in found:
        note = path.read_text(encoding="utf-8")
        checkpoint = Checkpoint.parse(open_note(note, [Verifier(TESSERA)]).text)
        missed = [fault.path for fault in check_tiles(checkpoint, lambda tile: read(tessera, tile))]
        assert missed == (["tile/0/000.p/15", "tile/entries/000.p/15"] if checkpoint.size == 15 else [])


def test_every_tessera_file_is_named_and_holds_as_we_say(tessera):
    """Each file is at the path of its tile; what we make of its entries is the same, byte for byte."""
    paths = [path.relative_to(tessera).as_posix() for path in tessera.rglob("*") if path.is_file()]
    found = [Tile.parse(path) for path in paths if path.startswith("tile/")]
    assert len(found) == 14
    for tile in found:
        data = read(tessera, tile)
        if tile.level == ENTRIES:
            entries = tiles.entries_in(tile, data)
            assert tiles.encode_bundle(entries) == data
            leaves = read(tessera, Tile(0, tile.index, tile.width))
            assert b"".join(map(merkle.leaf_hash, entries)) == leaves
        else:
            assert len(tiles.hashes_in(tile, data)) == tile.width
    bundle = Tile(ENTRIES, 0, 2)
    assert tiles.entries_in(bundle, read(tessera, bundle)) == [b"one", b"two"]


def test_the_mirror_of_sunlight(mirror):
    """A log of 300: a full tile, a partial one, and the level above lead to the cosigned root."""
    (vkey,) = json.loads((mirror / "mirror.v0.json").read_text())["verifier_keys"]
    note = (mirror / "checkpoint").read_text(encoding="utf-8")
    checkpoint = Checkpoint.parse(open_note(note, [Verifier(vkey)]).text)
    wanted = [tile for tile in tiles.tiles_between(0, checkpoint.size) if tile.level != ENTRIES]
    files = {path.relative_to(mirror).as_posix() for path in (mirror / "tile").rglob("*") if path.is_file()}
    assert {tile.path for tile in wanted} == files
    hashes = {tile: tiles.hashes_in(tile, read(mirror, tile)) for tile in wanted}
    edge = tiles.edge_of(checkpoint.size)
    assert tiles.root_of_edge([hashes[tile] for tile in edge]) == checkpoint.root
    assert [merkle.root(hashes[Tile(0, 0)])] == hashes[Tile(1, 0, 1)]
    leaves = hashes[Tile(0, 0)] + hashes[Tile(0, 1, 44)]
    assert merkle.root(leaves) == checkpoint.root
    nodes, _ = merkle.extend(0, (), leaves)
    by_place = {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}
    assert all(tiles.cut(tile, by_place) == read(mirror, tile) for tile in wanted)
    # Its entries are not among the vectors, and nothing else is missed.
    missed = [fault.path for fault in check_tiles(checkpoint, lambda tile: read(mirror, tile))]
    assert missed == ["tile/entries/000", "tile/entries/001.p/44"]
