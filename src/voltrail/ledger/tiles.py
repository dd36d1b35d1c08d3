"""
Tiles: the log's tree and its entries in files that never change, which anyone can fetch and keep.

A tile of level L holds up to 256 hashes, those of the tree's level 8 L; the
same number of entries stands in a bundle. The last of each level is partial
and has its width in its name, so that it does not change either.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import msgspec

from voltrail.errors import NotFound, ProofError
from voltrail.ledger import merkle

SOURCE = "C2SP tlog-tiles"
WIDTH = 256
HEIGHT = 8
HASH_BYTES = 32
MAX_LEVEL = 63
MAX_ENTRY_BYTES = (1 << 16) - 1
ENTRIES = -1
"""The level of a bundle: below the leaf hashes stand the entries themselves."""

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
).fullmatch
_MAX_GROUPS = 7  # an index below 2**64 has no more groups of three digits


class Tile(msgspec.Struct, frozen=True):
    """One tile or bundle (level ENTRIES), by its level, its place in it, and how much of it there is."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it stands under the log's prefix: `tile/0/x001/x234/067`, with `.p/W` when partial."""
        number = f"{self.index:03}"
        number = number.zfill(-(-len(number) // 3) * 3)
        groups = [number[at : at + 3] for at in range(0, len(number), 3)]
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return "/".join(["tile", level, *(f"x{group}" for group in groups[:-1]), groups[-1]]) + partial

    @classmethod
    def parse(cls, path: str) -> Self:
        """Return the tile that a path names; NotFound unless it is written in its one form."""
        found = _PATH(path)
        if found is None:
            raise _no_tile(path)
        level = ENTRIES if found[1] == "entries" else int(found[1])
        groups = [*found[2].replace("x", "").split("/")[:-1], found[3]]
        tile = cls(level, int("".join(groups)), WIDTH if found[4] is None else int(found[4]))
        if level > MAX_LEVEL or len(groups) > _MAX_GROUPS or tile.path != path:
            raise _no_tile(path)
        return tile

    @property
    def start(self) -> int:
        """The place, among the nodes of its level, of its first hash; for a bundle, of its first entry."""
        return self.index * WIDTH

    @property
    def stop(self) -> int:
        """One more than the place of its last."""
        return self.start + self.width

    def positions(self) -> list[int]:
        """Return where its hashes stand in the tree's post-order (`ledger.merkle`)."""
        return [merkle.position(HEIGHT * self.level, at) for at in range(self.start, self.stop)]


def count_at(level: int, size: int) -> int:
    """Return how many hashes (entries, for a bundle) the tiles of a level hold in a tree of `size`."""
    return size >> HEIGHT * max(level, 0)


def is_in(tile: Tile, size: int) -> bool:
    """Return whether a tree of `size` entries has all that this tile holds."""
    return tile.stop <= count_at(tile.level, size)


def tiles_between(old: int, size: int) -> Iterator[Tile]:
    """
    Yield the tiles that a tree of `size` entries has and one of `old` had not: bundles, then levels upwards.

    From 0, all that a tree has.
    """
    for level in range(ENTRIES, MAX_LEVEL + 1):
        before, count = count_at(level, old), count_at(level, size)
        if not count:
            return
        for index in range(before // WIDTH, -(-count // WIDTH)):
            tile = Tile(level, index, min(WIDTH, count - index * WIDTH))
            if tile.stop > before:
                yield tile


def edge_of(size: int) -> list[Tile]:
    """Return the partial tiles of a tree of `size` entries, the highest level first: they give its root."""
    levels = range(MAX_LEVEL, -1, -1)
    widths = [(level, count_at(level, size)) for level in levels]
    return [Tile(level, count // WIDTH, count % WIDTH) for level, count in widths if count % WIDTH]


def root_of_edge(hashes: Sequence[Sequence[bytes]]) -> bytes:
    """Return the root of a tree, given what the tiles of its `edge_of` hold."""
    return merkle.root_of([peak for tile in hashes for peak in merkle.extend(0, (), tile)[1]])


def hashes_in(tile: Tile, data: bytes) -> list[bytes]:
    """Return the hashes of a tile; ProofError when they are not as many as its width."""
    if len(data) != tile.width * HASH_BYTES:
        raise ProofError(
            "tile.length", f"{tile.path} has {len(data):,} bytes, not {tile.width} hashes.", source=SOURCE
        )
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def cut(tile: Tile, nodes: Mapping[int, bytes]) -> bytes:
    """Return the bytes of a tile, given the nodes that its `positions` name."""
    return b"".join([nodes[place] for place in tile.positions()])


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of these entries: each after its length, two bytes, big-endian."""
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ProofError("tile.entry", f"An entry has more than {MAX_ENTRY_BYTES:,} bytes.", source=SOURCE)
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def entries_in(tile: Tile, data: bytes) -> list[bytes]:
    """Return the entries of a bundle; ProofError when they are not as many as its width, to the last byte."""
    found: list[bytes] = []
    at = 0
    while at < len(data) and len(found) < tile.width:
        length = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(data) or len(found) != tile.width:
        raise ProofError("tile.bundle", f"{tile.path} does not hold {tile.width} entries.", source=SOURCE)
    return found


def narrowed(tile: Tile, data: bytes) -> bytes:
    """Return what a partial tile or bundle holds, given the full one: it may be served in its place."""
    if tile.level == ENTRIES:
        return encode_bundle(entries_in(Tile(ENTRIES, tile.index), data)[: tile.width])
    return data[: tile.width * HASH_BYTES]


def _no_tile(path: str) -> NotFound:
    return NotFound(
        "tile.path",
        f"{path[:120]!r} is not the path of a tile.",
        "Such as tile/0/000, tile/entries/x001/234 or, with 17 of 256, tile/0/000.p/17.",
        source=SOURCE,
    )
