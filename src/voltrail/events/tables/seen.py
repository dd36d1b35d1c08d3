"""Which lines of a file came before, in 32 to 64 bytes a line, whatever their length."""

from __future__ import annotations

from array import array
from typing import Final

_BEGIN: Final = 1 << 12


class Seen:
    """
    The lines of a file, each by 64 bits that Python hashes it to (SipHash, its key drawn by the process),
    with the number of its row: a hash table in two arrays, at most half full.

    Two lines are taken for one by mistake in one of 10^7 files of a million rows.
    """

    def __init__(self) -> None:
        self._count = 0
        self._make(_BEGIN)

    def _make(self, size: int) -> None:
        self._mask = size - 1
        self._keys = array("q", bytes(8 * size))
        self._numbers = array("Q", bytes(8 * size))  # 0: free

    def first(self, line: bytes, number: int) -> int:
        """Return the number of the first row with this line: this one's, when it is new."""
        key = hash(line)
        keys, numbers, mask = self._keys, self._numbers, self._mask
        at = key & mask
        while found := numbers[at]:
            if keys[at] == key:
                return found
            at = (at + 1) & mask
        keys[at], numbers[at] = key, number
        self._count += 1
        if self._count * 2 > mask:
            self._grow()
        return number

    def _grow(self) -> None:
        """Make the table twice as large."""
        old = zip(self._keys, self._numbers, strict=True)
        self._make(2 * (self._mask + 1))
        keys, numbers, mask = self._keys, self._numbers, self._mask
        for key, number in old:
            if number:
                at = key & mask
                while numbers[at]:
                    at = (at + 1) & mask
                keys[at], numbers[at] = key, number
