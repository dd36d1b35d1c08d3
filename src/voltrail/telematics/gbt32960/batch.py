"""
Many frames at once, in columns: what `stream.split` and `frame.read_frame` find, millions of frames a second.

A batch has a table of its frames and one of each kind of row by edition, such as vehicle, motor, or pack with
cells; each row has the number of its frame. A column holds scaled values, and `..._status` beside it what the
raw value says of itself (`layout.Status`). Only what is OK is a measurement; beside another status stands
what the raw value would give, so that none is lost. A field that cannot be wrong has no status.
Makers' own items, signatures and what nobody can read are blocks of bytes. What is in no report (logins,
parameters) and what is encrypted has its row of the frames; `read_frame` reads the rest.

The columns of a batch are one block of memory. Arrow takes them without copying.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from voltrail.errors import FrameError
from voltrail.telematics.gbt32960 import kernels
from voltrail.telematics.gbt32960.frame import VIN_BYTES
from voltrail.telematics.gbt32960.layout import Edition
from voltrail.telematics.gbt32960.plan import FRAME_BUFFERS, Kind, Plan, plan
from voltrail.telematics.gbt32960.stream import ACKS, ENCRYPTIONS, RULES, Refused

BATCH_BYTES: Final = 1 << 20  # what the cache holds beside its columns; larger batches take twice as long
MAX_BYTES: Final = 1 << 30
ALIGNMENT: Final = 64


class Block(NamedTuple):
    """
    Bytes of a report that are no row: item number 0x80 to 0xfe of a maker, 0xff a signature, none for a rest.

    `offset` is where its number stands in the data, or the first byte of a rest.
    """

    frame: int
    code: int | None
    offset: int
    size: int


class Batch:
    """The frames of some bytes, in columns. `rest` is where the bytes begin that more may follow."""

    def __init__(
        self,
        data: bytes,
        rest: int,
        block: NDArray[np.uint8],
        counts: NDArray[np.int64],
        places: NDArray[np.int64],
        noted: NDArray[np.int32],
        refused: NDArray[np.int32],
    ) -> None:
        self.data = data
        self._block, self._counts, self._places = block, counts, places
        self._noted, self._refused = noted, refused
        self.rest = rest

    def __len__(self) -> int:
        return int(self._counts[0])

    @property
    def blocks(self) -> list[Block]:
        """The bytes of reports that are no rows, in the order of the data."""
        return [Block(f, None if c == kernels.REST else c, at, n) for f, c, at, n in self._noted.tolist()]

    @property
    def refused(self) -> list[Refused]:
        """What was no frame, each with the rule that says why."""
        return [Refused(start, stop, RULES[rule]) for start, stop, rule in self._refused.tolist()]

    def _view(self, number: int) -> NDArray[Any]:
        of = plan().buffers[number]
        start, count = int(self._places[number]), int(self._counts[of.per])
        return self._block[start : start + count * of.dtype.itemsize].view(of.dtype)

    def frames(self) -> dict[str, NDArray[Any]]:
        """Return the columns of the frames; a time is in seconds since 1970, INVALID where there is none."""
        return {one.name: self._view(number) for number, one in enumerate(FRAME_BUFFERS)}

    def kinds(self) -> list[Kind]:
        """Return the kinds of which there are rows."""
        return [kind for number, kind in enumerate(plan().kinds) if self._counts[1 + number]]

    def columns(self, edition: Edition, name: str) -> dict[str, NDArray[Any]]:
        """
        Return the columns of a kind by its name.

        A list's are its elements, and beside them `..._offsets`: where those of each row begin, and the end.
        """
        number = _number(edition, name)
        first, last = plan().firsts[number], plan().firsts[number + 1]
        return {plan().buffers[one].name: self._view(one) for one in range(first, last)}

    def frame_table(self) -> pa.RecordBatch:
        """Return the frames as Arrow: the VIN as 17 bytes, the time in UTC."""
        block = pa.py_buffer(self._block)
        arrays = [self._array(block, number) for number in range(len(FRAME_BUFFERS))]
        return pa.RecordBatch.from_arrays(arrays, [one.name for one in FRAME_BUFFERS])

    def table(self, edition: Edition, name: str) -> pa.RecordBatch:
        """Return the rows of a kind as Arrow; each list and its statuses share their offsets."""
        number, block = _number(edition, name), pa.py_buffer(self._block)
        rows, listed = (
            1 + number,
            1 + len(plan().kinds) + number,
        )  # what there is one of for each row, and one more
        arrays, names, offsets = [], [], None
        for one in range(plan().firsts[number], plan().firsts[number + 1]):
            of = plan().buffers[one]
            if of.per == listed:
                offsets = self._buffer(block, one)
                continue
            array = self._array(block, one)
            if of.per != rows:
                array = pa.Array.from_buffers(
                    pa.list_(array.type), int(self._counts[rows]), [None, offsets], children=[array]
                )
            arrays.append(array)
            names.append(of.name)
        return pa.RecordBatch.from_arrays(arrays, names)

    def _buffer(self, block: pa.Buffer, number: int) -> pa.Buffer:
        of = plan().buffers[number]
        return block.slice(int(self._places[number]), int(self._counts[of.per]) * of.dtype.itemsize)

    def _array(self, block: pa.Buffer, number: int) -> pa.Array:
        count = int(self._counts[plan().buffers[number].per])
        return pa.Array.from_buffers(_arrow_types()[number], count, [None, self._buffer(block, number)])


@cache
def _arrow_types() -> list[pa.DataType]:
    """Return what Arrow calls the values of each buffer."""
    special = {"vin": pa.binary(VIN_BYTES), "time": pa.timestamp("s", "UTC")}
    return [special.get(one.name) or pa.from_numpy_dtype(one.dtype) for one in plan().buffers]


def _number(edition: Edition, name: str) -> int:
    for number, kind in enumerate(plan().kinds):
        if (kind.edition, kind.name) == (edition, name):
            return number
    raise KeyError((edition, name))


class Decoder:
    """
    Reads batches one after another, in memory that it keeps.

    A batch's block is written over by the next only if nothing refers to it any more: no batch, no column of
    one, no Arrow table. One decoder is for one thread.
    """

    def __init__(self) -> None:
        self._plan: Plan = plan()
        self._capacity = 0
        self._given = np.zeros(kernels.ADDRESSES, np.int64)
        self._totals = np.zeros(kernels.TOTALS, np.int64)
        self._counts = np.zeros(1 + 2 * len(self._plan.kinds) + len(self._plan.stretch_table), np.int64)
        self._laid_out = np.zeros(len(self._plan.buffers), np.int64)
        self._block = np.empty(0, np.uint8)
        self._acks, self._ways = _known(ACKS), _known(ENCRYPTIONS)
        self._recipes = np.zeros((kernels.SLOTS, kernels.RECIPE_WIDTH), np.int32)
        self._scratch = np.empty(kernels.BLOCK_ROWS, np.uint32)
        self._make_room(BATCH_BYTES)

    def _make_room(self, size: int) -> None:
        """Make room for what `size` bytes can hold at most; memory that is not used is never touched."""
        tables = self._plan
        rows = [size // kind.least + 2 for kind in tables.kinds]
        per_stretch = np.array([rows[kind] for kind in tables.stretch_table[:, kernels.KIND]])
        self._bases = np.cumsum(per_stretch) - per_stretch
        self._found = np.empty((size // 25 + 1, 2), np.int32)
        self._rows = np.empty((2, int(per_stretch.sum())), np.int32)
        self._noted = np.empty((size // 3 + 2, 4), np.int32)
        self._refused = np.empty((size + 1, 3), np.int32)
        held = (
            tables.types,
            tables.timed,
            tables.kind_table,
            tables.stretch_table,
            tables.field_table,
            tables.divisors,
            tables.buffer_table,
            self._acks,
            self._ways,
            self._found,
            self._rows[0],
            self._rows[1],
            self._bases,
            self._noted,
            self._refused,
            self._counts,
            self._laid_out,
            self._acks,  # the data's place, which is another each time
            self._recipes,
            self._scratch,
        )
        self._given[: len(held)] = [array.ctypes.data for array in held]
        self._capacity = size
        self._recipes[:] = 0  # they name places in what was here before

    def decode(self, data: bytes, *, final: bool = True) -> Batch:
        """
        Return what is in these bytes, as `stream.split` finds its frames.

        Raises FrameError (`frame.batch`) for more than a gigabyte.
        """
        if len(data) > MAX_BYTES:
            raise FrameError(
                "frame.batch",
                f"A batch of {len(data)} bytes is too large.",
                "Give a part of it, and put what is left over before the next.",
            )
        if len(data) > self._capacity:
            self._make_room(len(data))
        tables, given, totals = self._plan, self._given, self._totals
        bytes_at = np.frombuffer(data, np.uint8) if data else self._acks
        base, where = bytes_at.ctypes.data, given.ctypes.data
        given[kernels.DATA] = base
        kinds, stretches = len(tables.kinds), len(tables.stretch_table)
        kernels.scan(base, len(data), final, where, kinds, stretches, len(tables.buffers), totals)
        place = self._room(int(totals[kernels.BYTES]))
        kernels.fill(base, len(data), where, stretches, kinds, self._block.ctypes.data + place)
        noted, refused = self._noted[: totals[kernels.N_BLOCKS]], self._refused[: totals[kernels.N_REFUSED]]
        rest = int(totals[kernels.UNREAD])
        return Batch(
            data, rest, self._block, self._counts.copy(), self._laid_out + place, noted.copy(), refused.copy()
        )

    def _room(self, size: int) -> int:
        """Have memory for the columns, the last batch's unless someone looks at it; return where in it."""
        held = sys.getrefcount(self._block) > 2  # by more than us and this call: a column's base is the block
        if held or self._block.size < size + ALIGNMENT:
            self._block = np.empty(size + size // 8 + ALIGNMENT, np.uint8)
        return -self._block.ctypes.data % ALIGNMENT


def _known(numbers: frozenset[int]) -> NDArray[np.uint8]:
    return np.isin(np.arange(256), list(numbers)).astype(np.uint8)


def decode(data: bytes, *, final: bool = True) -> Batch:
    """Return the frames of these bytes in columns; for many batches one after another, keep a `Decoder`."""
    return Decoder().decode(data, final=final)
