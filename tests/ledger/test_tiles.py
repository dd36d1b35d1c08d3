"""Tiles are cut, named and bundled as C2SP tlog-tiles says, and give back the tree they were cut from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import NotFound, ProofError
from voltrail.ledger import merkle, tiles
from voltrail.ledger.tiles import ENTRIES, WIDTH, Tile

MOST = 70_000
LEAVES = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(MOST)]
POST_ORDER = merkle.extend(0, (), LEAVES)[0]
NODES = {place: POST_ORDER[32 * place : 32 * place + 32] for place in range(merkle.node_count(MOST))}

sizes = st.one_of(st.integers(0, 1100), st.integers(65_000, MOST), st.sampled_from([256, 512, 65_536]))


def held(tile):
    """Return the hashes of a tile."""
    return tiles.hashes_in(tile, tiles.cut(tile, NODES))


def all_tiles(size):
    return list(tiles.tiles_between(0, size))


@given(sizes)
def test_the_root_comes_back(size):
    """The partial tiles of a tree of any size give its root."""
    edge = tiles.edge_of(size)
    assert set(edge) <= set(all_tiles(size))
    assert tiles.root_of_edge([held(tile) for tile in edge]) == merkle.root(LEAVES[:size])


@given(sizes, st.data())
def test_each_full_tile_is_one_hash_above(size, data):
    """The root of a full tile stands in the tile above, at its place; the leaves stand at the bottom."""
    wanted = [tile for tile in all_tiles(size) if tile.level != ENTRIES]
    if not wanted:
        return
    tile = data.draw(st.sampled_from(wanted))
    if tile.level == 0:
        assert held(tile) == LEAVES[tile.start : tile.stop]
    if tile.width == WIDTH:
        above = Tile(tile.level + 1, tile.index // WIDTH, tile.index % WIDTH + 1)
        assert tiles.is_in(above, size)
        assert merkle.root(held(tile)) == held(above)[-1]


def test_the_example_of_the_specification():
    """A tree of 70,000 has the tiles that C2SP counts, and one of 256 a full tile and one above."""
    found = [tile for tile in all_tiles(70_000) if tile.level != ENTRIES]
    count = {(level, full): 0 for level in range(3) for full in (True, False)}
    for tile in found:
        count[tile.level, tile.width == WIDTH] += 1
    assert list(count.values()) == [273, 1, 1, 1, 0, 1]
    assert [tile.width for tile in found if tile.width < WIDTH] == [112, 17, 1]
    assert [tile.path for tile in all_tiles(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]


@given(sizes, sizes)
def test_what_is_new_between_two_sizes(one, other):
    """Between two sizes stands all that the larger tree has and the smaller had not, each once."""
    old, size = sorted((one, other))
    found = list(tiles.tiles_between(old, size))
    assert len(found) == len(set(found))
    assert set(found) == set(all_tiles(size)) - set(all_tiles(old))
    assert all(tiles.is_in(tile, size) and not tiles.is_in(tile, old) for tile in found)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 7, 255), "tile/1/007.p/255"),
        (Tile(ENTRIES, 999), "tile/entries/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(63, 1_234_067), "tile/63/x001/x234/067"),
        (Tile(ENTRIES, 1_000_000, 1), "tile/entries/x001/x000/000.p/1"),
    ],
)
def test_paths(tile, path):
    """A tile is found under the path that C2SP gives it."""
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(st.integers(ENTRIES, 63), st.integers(0, 2**56), st.integers(1, 256))
def test_every_path_reads_back(level, index, width):
    """Path and tile say the same."""
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/entry/000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "tile/0/" + "x999/" * 7 + "000",
    ],
)
def test_no_other_path_names_a_tile(path):
    """Each tile has one path; what is not written so is refused in words."""
    with pytest.raises(NotFound) as caught:
        Tile.parse(path)
    assert caught.value.rule == "tile.path"


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=256))
def test_bundles_come_back(entries):
    """Entries of any length come out of a bundle as they went in; another width is refused."""
    data = tiles.encode_bundle(entries)
    bundle = Tile(ENTRIES, 3, len(entries))
    assert tiles.entries_in(bundle, data) == entries
    for wrong in (bundle.width - 1, bundle.width + 1):
        with pytest.raises(ProofError):
            tiles.entries_in(Tile(ENTRIES, 3, wrong), data)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\3ab", b"\0\1a\0", b"\0\1ab"])
def test_broken_bundles(data):
    """A bundle that ends early or goes on is refused."""
    with pytest.raises(ProofError) as caught:
        tiles.entries_in(Tile(ENTRIES, 0, 1), data)
    assert caught.value.rule == "tile.bundle"


def test_lengths():
    """A tile is exactly as long as its width says, and an entry fits its two bytes."""
    with pytest.raises(ProofError):
        tiles.hashes_in(Tile(0, 0, 2), bytes(63))
    with pytest.raises(ProofError):
        tiles.encode_bundle([bytes(65_536)])
    assert tiles.encode_bundle([bytes(65_535)])[:2] == b"\xff\xff"


@given(st.integers(1, 255))
def test_a_full_tile_serves_for_a_partial_one(width):
    """What a partial tile or bundle holds is the beginning of the full one."""
    entries = [bytes([number]) * (number % 5) for number in range(WIDTH)]
    bundle = Tile(ENTRIES, 0, width)
    assert tiles.narrowed(bundle, tiles.encode_bundle(entries)) == tiles.encode_bundle(entries[:width])
    tile = Tile(0, 2, width)
    assert tiles.narrowed(tile, tiles.cut(Tile(0, 2), NODES)) == tiles.cut(tile, NODES)
