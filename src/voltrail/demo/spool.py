"""
What has been told, kept outside memory until it is delivered.

Lives are told one after another, and each goes on for years; reports go out in
the order they arrive. Between the two stands a file of small compressed pieces,
each of one round, so that memory holds a round at a time, however many lives.
"""

from __future__ import annotations

import tempfile
import weakref
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from voltrail.demo.diary import ROUND, Told, moment

BEGINNING: Final = moment(2016)
_PIECE: Final = 64  # events
_IN_MEMORY_BYTES: Final = 16_000_000


class Kept(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An event as it is kept: whose, about what, and what it corrects, by the order of telling."""

    arrives: int
    order: int
    rank: int
    line: bytes
    about: tuple[str, ...]
    corrects: int | None
    corrected: bool


class Spool:
    """Takes events in the order they are told, and gives them back round by round, as often as asked."""

    def __init__(self) -> None:
        self.lines = 0
        self._open: dict[int, list[Kept]] = {}
        self._pieces: dict[int, list[tuple[int, int]]] = {}
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - until the world goes
        self._end = 0
        weakref.finalize(self, self._file.close)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[Kept]).decode

    def put(self, told: Told) -> None:
        """Keep one event."""
        corrects = told.corrects.order if told.corrects is not None else None
        kept = Kept(
            told.arrives,
            told.order,
            told.reporter.rank,
            msgspec.json.encode(told.members),
            (*told.codes, *told.lots),
            corrects,
            told.corrected,
        )
        self.lines += 1
        number = (kept.arrives - BEGINNING) // ROUND
        waiting = self._open.setdefault(number, [])
        waiting.append(kept)
        if len(waiting) == _PIECE:
            self._write(number, self._open.pop(number))

    def rounds(self) -> Iterator[tuple[int, list[Kept]]]:
        """Yield when each round ends, and what arrived in it, in order."""
        for number in sorted({*self._open, *self._pieces}):
            events = list(self._open.get(number, ()))
            for begin, size in self._pieces.get(number, ()):
                self._file.seek(begin)
                events += self._decode(zlib.decompress(self._file.read(size)))
            events.sort(key=lambda one: (one.arrives, one.order))
            yield BEGINNING + (number + 1) * ROUND, events

    def _write(self, number: int, events: list[Kept]) -> None:
        piece = zlib.compress(self._encode(events), 1)
        self._file.seek(self._end)
        self._file.write(piece)
        self._pieces.setdefault(number, []).append((self._end, len(piece)))
        self._end += len(piece)
