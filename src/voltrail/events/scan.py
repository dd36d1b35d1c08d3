"""
Where the members of many lines begin and end: what `lines.split` finds, compiled, for a whole report at once.

It takes flat lines in the strict form only. Whatever else it meets it leaves to `lines.split`, which takes
the line after all or says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltrail.events.lines import MAX_DIGITS, MAX_LINE_BYTES
from voltrail.ledger.lanes import kernel

MAX_MEMBERS: Final = 64


class Members(NamedTuple):
    """
    Member m is `data[starts[m]:stops[m]]`; line n has those from `firsts[n]` to before `firsts[n + 1]`.

    A line that has none was not taken.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    firsts: NDArray[np.int64]

    def lines_without(self) -> list[int]:
        """The numbers of the lines that were not taken."""
        return [int(line) for line in np.flatnonzero(np.diff(self.firsts) == 0)]


def _kinds_of_byte() -> NDArray[np.uint8]:
    """Return what each byte may be: 1 in a key, 2 a digit, 4 in a string, 8 after a backslash."""
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        character = chr(byte)
        plain = byte < 128 and (character.isalnum() or character == "_")
        table[byte] = plain | ("0" <= character <= "9") << 1
        table[byte] |= (byte >= 0x20 and character not in '"\\') << 2 | (character in '"\\/bfnrt') << 3
    return table


_KINDS = _kinds_of_byte()
_KEY, _DIGIT, _IN_STRING, _ESCAPED = 1, 2, 4, 8
_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE, _FIRST, _LAST, _MINUS, _POINT, _ZERO = b'"\\,:[]{}-.0'
_LITERALS = np.frombuffer(b"true falsenull ", np.uint8).reshape(3, 5)
_LENGTHS = np.array([4, 5, 4])


@kernel
def _string(data: Any, at: Any, end: Any) -> Any:
    """Return where the string that opens at `at` ends, or -1; escapes by number are not taken."""
    at += 1
    while at < end:
        while at < end and _KINDS[data[at]] & _IN_STRING:
            at += 1
        if at >= end or (data[at] != _QUOTE and data[at] != _BACKSLASH):
            return -1
        if data[at] == _QUOTE:
            return at + 1
        if at + 1 >= end or not _KINDS[data[at + 1]] & _ESCAPED:
            return -1
        at += 2
    return -1


@kernel
def _digits(data: Any, at: Any, end: Any) -> Any:
    while at < end and _KINDS[data[at]] & _DIGIT:
        at += 1
    return at


@kernel
def _number(data: Any, at: Any, end: Any) -> Any:
    """Return where the number at `at` ends, or -1; one of 15 digits in all at most."""
    if at < end and data[at] == _MINUS:
        at += 1
    begin = at
    at = _digits(data, at, end)
    if at == begin or (data[begin] == _ZERO and at > begin + 1):
        return -1
    if at < end and data[at] == _POINT:
        point = at
        at = _digits(data, at + 1, end)
        if at == point + 1:
            return -1
        begin += 1
    return at if at - begin <= MAX_DIGITS else -1


@kernel
def _strings(data: Any, at: Any, end: Any) -> Any:
    """Return where the array of strings that opens at `at` ends, or -1."""
    if at + 1 < end and data[at + 1] == _CLOSE:
        return at + 2
    while at < end:
        if at + 1 >= end or data[at + 1] != _QUOTE:
            return -1
        at = _string(data, at + 1, end)
        if at < 0 or at >= end:
            return -1
        if data[at] == _CLOSE:
            return at + 1
        if data[at] != _COMMA:
            return -1
    return -1


@kernel
def _literal(data: Any, at: Any, end: Any) -> Any:
    """Return where true, false or null at `at` ends, or -1."""
    for word in range(3):
        length, same = _LENGTHS[word], True
        if at + length > end:
            continue
        for byte in range(length):
            same = same and data[at + byte] == _LITERALS[word, byte]
        if same:
            return at + length
    return -1


@kernel
def _value(data: Any, at: Any, end: Any) -> Any:
    if at >= end:
        return -1
    if data[at] == _QUOTE:
        return _string(data, at, end)
    if data[at] == _OPEN:
        return _strings(data, at, end)
    if _KINDS[data[at]] & _KEY and not _KINDS[data[at]] & _DIGIT:
        return _literal(data, at, end)
    return _number(data, at, end)


@kernel
def _member(data: Any, at: Any, end: Any) -> Any:
    """Return where the member at `at` ends, or -1."""
    if at >= end or data[at] != _QUOTE:
        return -1
    key = at + 1
    while key < end and _KINDS[data[key]] & _KEY:
        key += 1
    if key == at + 1 or key + 1 >= end or data[key] != _QUOTE or data[key + 1] != _COLON:
        return -1
    return _value(data, key + 2, end)


@kernel
def _same(data: Any, one: Any, other: Any) -> Any:
    """Return whether the same key stands at both places, each at its opening quote."""
    at = 1
    while data[one + at] == data[other + at]:
        if data[one + at] == _QUOTE:
            return True
        at += 1
    return False


@kernel
def _line(data: Any, begin: Any, end: Any, starts: Any, stops: Any, first: Any) -> Any:
    """Write down a line's members from place `first` on; return the next place, `first` if not taken."""
    if end - begin > MAX_LINE_BYTES or end - begin < 2 or data[begin] != _FIRST:
        return first
    at, place = begin + 1, first
    while place < first + MAX_MEMBERS:
        stop = _member(data, at, end)
        if stop < 0 or stop >= end or place >= len(starts):
            return first
        for before in range(first, place):
            if data[starts[before] + 1] == data[at + 1] and _same(data, starts[before], at):
                return first
        starts[place], stops[place] = at, stop
        place += 1
        if data[stop] == _LAST:
            return place if stop + 1 == end else first
        if data[stop] != _COMMA:
            return first
        at = stop + 1
    return first


@kernel
def _scan(data: Any, ends: Any, starts: Any, stops: Any, firsts: Any) -> None:
    begin = 0
    for line in range(len(ends)):
        firsts[line + 1] = _line(data, begin, ends[line], starts, stops, firsts[line])
        begin = ends[line] + 1


def ends_of(lines: Sequence[bytes]) -> NDArray[np.int64]:
    """Return where each of these lines ends when they are joined by LF."""
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    return np.cumsum(lengths + 1) - 1


def find_members(data: bytes, ends: NDArray[np.int64]) -> Members:
    """Return the members of lines that end before the bytes at `ends`; `data` must be valid UTF-8."""
    bound = data.count(b'":')
    starts, stops = np.empty(bound, np.int64), np.empty(bound, np.int64)
    firsts = np.zeros(len(ends) + 1, np.int64)
    _scan(np.frombuffer(data, np.uint8), ends, starts, stops, firsts)
    return Members(starts, stops, firsts)
