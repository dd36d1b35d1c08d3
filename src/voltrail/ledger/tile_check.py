"""
Checking a log's tiles and bundles against its checkpoint alone.

From the top: the partial tiles at the edge give the root; each full tile has
its own root in the tile above; each entry has its hash in the tile of leaves.
Where a tile is missing or wrong, what stands below it takes its place, so that
each file is judged by itself. Only when a partial tile and one right below it are
both wrong, it cannot be told which; then the checkpoint is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import msgspec

from voltrail.errors import ProofError
from voltrail.ledger import merkle, tiles
from voltrail.ledger.notes import Checkpoint
from voltrail.ledger.tiles import ENTRIES, WIDTH, Tile

Read = Callable[[Tile], bytes | None]
Hashes = Sequence[bytes | None]

MISSING = "is missing"


class Fault(msgspec.Struct, frozen=True):
    """A file that is missing or wrong, by its path under the log's prefix."""

    path: str
    message: str


def check_tiles(
    checkpoint: Checkpoint, read: Read, progress: Callable[[], object] | None = None
) -> Iterator[Fault]:
    """
    Yield each tile and bundle that is missing or is not what the checkpoint says; none when all hold.

    `read` gives a file's bytes, or None when it is not there. `progress` is called once for each file.
    """
    yield from _Check(checkpoint, read, progress or (lambda: None)).run()


class _Check:
    def __init__(self, checkpoint: Checkpoint, read: Read, progress: Callable[[], object]) -> None:
        self._checkpoint, self._read, self._progress = checkpoint, read, progress
        self._size = checkpoint.size

    def run(self) -> Iterator[Fault]:
        edge, told = self._edge()
        yield from told
        above: Hashes = ()
        top = max((tile.level for tile in edge), default=-1)
        for level in range(top, -1, -1):
            here: list[bytes | None] = []
            for index in range(tiles.count_at(level, self._size) // WIDTH):
                tile = Tile(level, index)
                hashes, fault = self._judge(tile, above[index])
                if fault is not None:
                    yield fault
                if level:
                    here += hashes
                else:
                    yield from self._judge_bundle(tile, hashes)
                self._progress()
            for tile, hashes in edge.items():
                if tile.level == level:
                    here += hashes
                    if not level:
                        yield from self._judge_bundle(tile, hashes)
                    self._progress()
            above = here

    def _edge(self) -> tuple[dict[Tile, Hashes], list[Fault]]:
        """Return what the partial tiles hold, once they lead to the root, and those that are at fault."""
        places = tiles.edge_of(self._size)
        stated = [self._stated(tile) for tile in places]
        below = [self._below(tile) for tile in places]
        choices = [
            [one for one in pair if one is not None and None not in one]
            for pair in zip(stated, below, strict=True)
        ]
        for chosen in product(*choices):
            if tiles.root_of_edge(chosen) == self._checkpoint.root:  # type: ignore[arg-type]
                pairs = zip(places, stated, chosen, strict=True)
                faults = [self._fault(tile, what) for tile, what, right in pairs if what != right]
                return dict(zip(places, chosen, strict=True)), faults
        faults = [self._fault(tile, what) for tile, what in zip(places, stated, strict=True) if what is None]
        if not faults:
            faults = [Fault("checkpoint", "states a root to which the tiles do not lead")]
        held: list[Hashes] = [what or [None] * tile.width for tile, what in zip(places, stated, strict=True)]
        return dict(zip(places, held, strict=True)), faults

    def _judge(self, tile: Tile, expected: bytes | None) -> tuple[Hashes, Fault | None]:
        """Return what a full tile must hold, as far as that is known, and its fault if it does not."""
        stated = self._stated(tile)
        if stated is not None and merkle.root(stated) == expected:
            return stated, None
        below = self._below(tile)
        whole = [one for one in below if one is not None]
        proved = len(whole) == WIDTH and merkle.root(whole) == expected
        if (
            stated is not None
            and expected is None
            and all(b in {None, s} for s, b in zip(stated, below, strict=True))
        ):
            return stated, None  # nothing above says what it must be; what is below does not contradict it
        return (whole if proved else [None] * WIDTH), self._fault(tile, stated)

    def _judge_bundle(self, tile: Tile, hashes: Hashes) -> Iterator[Fault]:
        bundle = Tile(ENTRIES, tile.index, tile.width)
        found = self._below(tile)
        if all(here is None for here in found):
            data = self._read(bundle)
            yield Fault(bundle.path, MISSING if data is None else "does not hold its entries")
        else:
            wrong = [
                at
                for at, (here, must) in enumerate(zip(found, hashes, strict=True))
                if must not in {None, here}
            ]
            if wrong:
                yield Fault(bundle.path, f"holds another entry {bundle.start + wrong[0]:,} than the log")
        self._progress()

    def _stated(self, tile: Tile) -> list[bytes] | None:
        """Return the hashes of a tile, or None when it is missing or not as long as it must be."""
        data = self._read(tile)
        try:
            return None if data is None else tiles.hashes_in(tile, data)
        except ProofError:
            return None

    def _below(self, tile: Tile) -> Hashes:
        """Return what a tile should hold by what stands below it, None where that is missing."""
        if tile.level:
            children = (self._stated(Tile(tile.level - 1, at)) for at in range(tile.start, tile.stop))
            return [None if child is None else merkle.root(child) for child in children]
        bundle = Tile(ENTRIES, tile.index, tile.width)
        data = self._read(bundle)
        try:
            return (
                [None] * tile.width
                if data is None
                else [merkle.leaf_hash(entry) for entry in tiles.entries_in(bundle, data)]
            )
        except ProofError:
            return [None] * tile.width

    def _fault(self, tile: Tile, stated: object) -> Fault:
        if stated is None and self._read(tile) is None:
            return Fault(tile.path, MISSING)
        return Fault(tile.path, "does not hold the hashes of the log")
