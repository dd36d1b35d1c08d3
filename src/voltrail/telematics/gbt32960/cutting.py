"""
Frames cut out of what a connection brought, and answers to many reports at once: compiled, one call a read.

`Cutter.cut` finds what `stream.split(data, final=False)` finds. A frame is `sound` where nothing more needs
to be looked at: a plain or encrypted report, whose time, if it can be read, is one of the calendar.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import int32, int64, uint8

from voltrail.ledger.lanes import kernel
from voltrail.telematics.gbt32960.frame import FRAME_BYTES, TIME_BYTES, VIN_BYTES
from voltrail.telematics.gbt32960.kernels import (
    INSIDE,
    after_damage,
    may_start,
    next_place,
    seconds_at,
    stop_at,
    unfinished_at,
    why_refused,
)
from voltrail.telematics.gbt32960.layout import COMMAND, EDITIONS, PLAIN
from voltrail.telematics.gbt32960.memory import load_i32, load_i64, load_u8, store_i32, store_i64, store_u8
from voltrail.telematics.gbt32960.stream import ACKS, ENCRYPTIONS, RULES, Refused

ANSWER_BYTES: Final = FRAME_BYTES + TIME_BYTES
_READ_BYTES: Final = 1 << 19  # more than one read and an unfinished frame; larger ones find room


class Cut(NamedTuple):
    """
    Where frames start and stop, in order, and whether all are sound; what was refused; where the rest begins.
    """

    frames: list[list[int]]
    sound: bool
    refused: list[Refused]
    rest: int


# The places of the addresses that a cutter hands over at once: an array of its own for each costs as much as
# the cut of a frame.
_PLACES, _REFUSED, _ANSWERS, _ACKS, _WAYS, _SEEN = range(6)


@kernel
def _is_sound(base: Any, at: Any, stop: Any) -> Any:
    report = 2 <= load_u8(base, at + 2) <= 3 and load_u8(base, at + 3) == COMMAND
    timed = stop - at >= ANSWER_BYTES and seconds_at(base, at + 24) >= 0
    return report and (timed or load_u8(base, at + 21) != PLAIN)


@kernel
def _cut(data: Any, given: Any) -> Any:
    held = np.frombuffer(data, np.uint8)
    base, size = held.ctypes.data, len(held)
    places, refused = load_i64(given, 8 * _PLACES), load_i64(given, 8 * _REFUSED)
    acks, ways, seen = load_i64(given, 8 * _ACKS), load_i64(given, 8 * _WAYS), load_i64(given, 8 * _SEEN)
    at, frames, damages, unsound = int64(0), 0, 0, 0
    while at < size:
        stop = stop_at(base, at, size)
        rule, following = -1, int64(-1)
        if stop < 0:
            if unfinished_at(base, at, size, acks, ways):
                break
            rule = why_refused(base, at, size)
            following = after_damage(base, at, size, False, acks, ways)
        elif not may_start(base, stop, size):
            following = next_place(base, at + 1, stop, size, acks, ways)
            rule = INSIDE
        if following >= 0:
            store_i32(refused, 3 * damages, int32(at))
            store_i32(refused, 3 * damages + 1, int32(following))
            store_i32(refused, 3 * damages + 2, int32(rule))
            damages += 1
            at = following
            continue
        if not _is_sound(base, at, stop):
            unsound += 1
        place = 256 * (int64(load_u8(base, at)) - 0x23) + int64(load_u8(base, at + 2))
        store_i64(seen, place, load_i64(seen, 8 * place) + 1)
        store_i32(places, 2 * frames, int32(at))
        store_i32(places, 2 * frames + 1, int32(stop))
        frames += 1
        at = stop
    return frames, damages, unsound, at


@kernel
def _count_sound(data: Any, given: Any, reads: Any, sizes: Any, vins: Any, counts: Any) -> Any:
    """Count the frames of each read, 0 where it is anything but whole, sound reports of its vehicle."""
    base, seen = np.frombuffer(data, np.uint8).ctypes.data, load_i64(given, 8 * _SEEN)
    at = int64(0)
    for read in range(reads):
        end = at + int64(load_i32(sizes, 4 * read))
        frames = 0
        while at < end:
            stop = stop_at(base, at, end)
            if stop < 0 or not _is_sound(base, at, stop):
                break
            same = True
            for place in range(VIN_BYTES):
                same &= load_u8(base, at + 4 + place) == load_u8(vins, VIN_BYTES * read + place)
            if not same:
                break
            frames += 1
            at = stop
        if at == end:
            at = end - int64(load_i32(sizes, 4 * read))
            for _ in range(frames):  # not before all of it is known to be sound
                place = 256 * (int64(load_u8(base, at)) - 0x23) + int64(load_u8(base, at + 2))
                store_i64(seen, place, load_i64(seen, 8 * place) + 1)
                at = stop_at(base, at, end)
        else:
            frames = 0
        store_i32(counts, read, int32(frames))
        at = end


@kernel
def _answer(data: Any, given: Any, frames: Any) -> Any:
    """Write answers to sound reports one after another; return how many bytes they are."""
    base = np.frombuffer(data, np.uint8).ctypes.data
    places, answers = load_i64(given, 8 * _PLACES), load_i64(given, 8 * _ANSWERS)
    end = int64(0)
    for frame in range(frames):
        at = int64(load_i32(places, 8 * frame))
        plain = load_u8(base, at + 21) == PLAIN  # of an encrypted unit not even the time can be read
        size = TIME_BYTES if plain else 0
        check = uint8(0)
        for place in range(24 + size):
            byte = load_u8(base, at + place)
            if place == 3:
                byte = uint8(1)
            elif place == 21:
                byte = uint8(PLAIN)
            elif place == 22:
                byte = uint8(0)
            elif place == 23:
                byte = uint8(size)
            if place >= 2:
                check ^= byte
            store_u8(answers, end + place, byte)
        store_u8(answers, end + 24 + size, check)
        end += FRAME_BYTES + size
    return end


class Cutter:
    """Cuts one read after another, in memory that it keeps; for one thread. `seen`: by start and command."""

    def __init__(self) -> None:
        self.seen = np.zeros((len(EDITIONS), 256), np.int64)
        self._acks, self._ways = (
            np.isin(np.arange(256), list(known)).astype(np.uint8) for known in (ACKS, ENCRYPTIONS)
        )
        self._make_room(_READ_BYTES)
        self.answers(b"", len(self.cut(b"").frames))  # compiled, or read from where that is kept, before use
        self.sound([b"\0"], [bytes(VIN_BYTES)])

    def _make_room(self, size: int) -> None:
        self._capacity = size
        self._places = np.empty((size // FRAME_BYTES + 1, 2), np.int32)
        self._refused = np.empty((size + 1, 3), np.int32)
        self._answers = np.empty((size // FRAME_BYTES + 1) * ANSWER_BYTES, np.uint8)
        held = (self._places, self._refused, self._answers, self._acks, self._ways, self.seen)
        self._addresses = np.array([one.ctypes.data for one in held])
        self._given = self._addresses.ctypes.data

    def cut(self, data: bytes) -> Cut:
        """Return the frames of these bytes; what may still become one begins at `rest`."""
        if len(data) > self._capacity:
            self._make_room(len(data))
        frames, damages, unsound, rest = _cut(data, self._given)
        refused = (
            [Refused(start, stop, RULES[rule]) for start, stop, rule in self._refused[:damages].tolist()]
            if damages
            else []
        )
        return Cut(self._places[:frames].tolist(), unsound == 0, refused, rest)

    def sound(self, reads: list[bytes], vins: list[bytes]) -> tuple[bytes, list[int]]:
        """
        Return the reads of several vehicles joined, and of each how many frames it is.

        0 says that a read is not whole, sound reports of its vehicle and nothing else: then it is to be cut.
        """
        data, count = b"".join(reads), len(reads)
        sizes, counts = np.array([len(read) for read in reads], np.int32), np.empty(count, np.int32)
        names = np.frombuffer(b"".join(vins), np.uint8)
        _count_sound(data, self._given, count, sizes.ctypes.data, names.ctypes.data, counts.ctypes.data)
        return data, counts.tolist()

    def answers(self, data: bytes, frames: int) -> bytes:
        """Return what says that the first `frames` frames of the last cut, all sound, have been taken."""
        size = _answer(data, self._given, frames)
        return self._answers[:size].tobytes()
