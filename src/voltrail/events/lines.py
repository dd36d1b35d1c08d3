"""
The strict byte form of an event line, split into its members.

A commitment covers the exact bytes of each member, so there must be one way
only to cut a line: no white space between tokens, plain keys, none twice, no
number that two programs could read differently. The fast path is one regular
expression over the flat grammar; joining what it found must give the line
back, which proves that nothing was skipped. Lines that do not pass go to an
exact checker, which either accepts them (nested values) or says where the
form is broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from voltrail.errors import LineError

MAX_LINE_BYTES = 65_536
MAX_DEPTH = 16
MAX_DIGITS = 15

SOURCE = "formats.md, Event line"

_KEY = rb'"[A-Za-z0-9_]++"'
_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
# At most 16 characters with the point: never more than 15 digits. Longer ones may be right too: exact path.
_FAST_NUMBER = rb"(?!-?[\d.]{17})-?(?:0|[1-9]\d{0,14}+)(?:\.\d++)?+"
_STRINGS = rb"\[(?:" + _STRING + rb"(?:," + _STRING + rb")*+)?+\]"
_FLAT = rb"(?:" + _STRING + rb"|" + _FAST_NUMBER + rb"|" + _STRINGS + rb"|true|false|null)"

_find_members = re.compile(rb"((" + _KEY + rb"):" + _FLAT + rb")").findall
_match_key = re.compile(_KEY).match
_match_string = re.compile(_STRING).match
_match_number = re.compile(rb"-?(?:0|[1-9]\d*+)(?:\.\d++)?+").match
_match_numberish = re.compile(rb"[-+0-9.eE]+").match
_match_literal = re.compile(rb"true|false|null").match


def split(line: bytes) -> list[bytes]:
    """
    Return the members of a line: exact bytes from each key's opening quote to the end of its value.

    `b"{" + b",".join(split(line)) + b"}" == line` holds for every line that is
    taken. Raise `LineError` when the strict form is broken anywhere, nested
    values included. Whether the members make an event is `kinds.decode`'s matter.
    """
    if len(line) <= MAX_LINE_BYTES and b"\\u" not in line and (line.isascii() or _is_utf8(line)):
        key_of = dict(_find_members(line))
        if b"{" + b",".join(key_of) + b"}" == line and len(set(key_of.values())) == len(key_of):
            return list(key_of)
    return _split_exactly(line)


def _is_utf8(line: bytes) -> bool:
    """Return whether the bytes are valid UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_exactly(line: bytes) -> list[bytes]:
    """Return the members by the exact checker: slower, complete, and able to say what is wrong."""
    _check_whole(line)
    return _Checker(line).members()


def _check_whole(line: bytes) -> None:
    """Raise for what can be said of the line before reading it as JSON."""
    if not line:
        raise LineError("line.empty", "The line is empty.", "Leave empty lines out.", source=SOURCE)
    if len(line) > MAX_LINE_BYTES:
        message = f"The line has {len(line):,} bytes; at most {MAX_LINE_BYTES:,} may stand in one."
        raise LineError("line.too_long", message, "Make several events that share a `batch`.", source=SOURCE)
    if line.startswith(b"\xef\xbb\xbf"):
        raise LineError(
            "line.bom",
            "The line begins with a byte order mark.",
            "Save the file as UTF-8 without BOM.",
            source=SOURCE,
        )
    try:
        line.decode()
    except UnicodeDecodeError as error:
        message = f"Byte {error.start + 1} is not valid UTF-8."
        raise LineError("line.utf8", message, "Save the file as UTF-8.", source=SOURCE) from None


class _Checker:
    """
    Reads one line once, from left to right.

    Depth is bounded before recursion goes deeper, so no line can exhaust the stack.
    """

    def __init__(self, line: bytes) -> None:
        self.line = line

    def members(self) -> list[bytes]:
        """Return the members of the line, which must be one object and nothing after it."""
        if self.line[:1] != b"{":
            self._fail(0, "the line must be one JSON object and begin with {")
        ends = list(self._members(0, 1))
        end = ends[-1][1] + 1 if ends else 2
        if end != len(self.line):
            self._fail(end, "nothing may follow the closing }")
        return [self.line[start:stop] for start, stop in ends]

    def _members(self, at: int, depth: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of each member of the object that opens at `at`."""
        if self.line[at + 1 : at + 2] == b"}":
            return
        seen: set[bytes] = set()
        at += 1
        while True:
            start, value = at, self._key(at, seen)
            at = self._value(value, depth)
            yield start, at
            if self.line[at : at + 1] == b"}":
                return
            if self.line[at : at + 1] != b",":
                self._fail(at, "a comma or } must stand here")
            at += 1

    def _key(self, at: int, seen: set[bytes]) -> int:
        """Return where the value of the member at `at` begins."""
        match = _match_key(self.line, at)
        if match is None:
            if self.line[at : at + 1] == b'"':
                raise LineError(
                    "line.key",
                    f"At byte {at + 1} stands a key that is not a plain name.",
                    "Use only ASCII letters, digits and _ in keys, without escapes.",
                    source=SOURCE,
                )
            self._fail(at, "a key in double quotes must stand here")
        key = match[0]
        if key in seen:
            raise LineError(
                "line.key_twice",
                f"The key {key.decode()} at byte {at + 1} stands twice in one object.",
                "Keep one of the two.",
                source=SOURCE,
            )
        seen.add(key)
        if self.line[match.end() : match.end() + 1] != b":":
            self._fail(match.end(), "a colon must follow the key")
        return match.end() + 1

    def _value(self, at: int, depth: int) -> int:
        """Return where the value at `at` ends."""
        first = self.line[at : at + 1]
        if first == b'"':
            return self._string(at)
        if first in (b"{", b"["):
            return self._nested(at, first, depth + 1)
        literal = _match_literal(self.line, at)
        return literal.end() if literal is not None else self._number(at)

    def _nested(self, at: int, first: bytes, depth: int) -> int:
        """Return where the object or array at `at` ends."""
        if depth > MAX_DEPTH:
            raise LineError(
                "line.too_deep",
                f"At byte {at + 1} values are nested deeper than {MAX_DEPTH} levels.",
                "Events need at most three levels: check the program that wrote this line.",
                source=SOURCE,
            )
        if first == b"[":
            return self._array(at, depth)
        ends = [stop for _, stop in self._members(at, depth)]
        return (ends[-1] if ends else at + 1) + 1

    def _array(self, at: int, depth: int) -> int:
        """Return where the array at `at` ends."""
        at += 1
        if self.line[at : at + 1] == b"]":
            return at + 1
        while True:
            at = self._value(at, depth)
            if self.line[at : at + 1] == b"]":
                return at + 1
            if self.line[at : at + 1] != b",":
                self._fail(at, "a comma or ] must stand here")
            at += 1

    def _string(self, at: int) -> int:
        """Return where the string at `at` ends; half a surrogate pair is no character."""
        match = _match_string(self.line, at)
        if match is None:
            self._fail(at, "this string is not closed, or has a bad escape or control character")
        if b"\\u" in match[0] and not _pairs_complete(match[0]):
            self._fail(at, "this string has an escape that is half a surrogate pair")
        return match.end()

    def _number(self, at: int) -> int:
        """Return where the number at `at` ends."""
        rough, match = _match_numberish(self.line, at), _match_number(self.line, at)
        if rough is None:
            self._fail(at, "a string, number, true, false, null, [ or { must stand here")
        if match is None or match.end() != rough.end() or _digits(match[0]) > MAX_DIGITS:
            raise LineError(
                "line.number",
                f"At byte {at + 1} stands {rough[0][:40].decode()!r}, a number outside the strict form.",
                f"Write at most {MAX_DIGITS} significant digits, no exponent, plus sign or leading zeros.",
                source=SOURCE,
            )
        return match.end()

    def _fail(self, at: int, expected: str) -> NoReturn:
        """Raise for the byte at `at`: white space has its own rule, anything else is broken JSON."""
        found = self.line[at : at + 1]
        if found and found in b" \t\r\n\v\f":
            raise LineError(
                "line.whitespace",
                f"At byte {at + 1} stands white space ({found!r}) outside a string.",
                "Write the line without spaces, for instance with separators=(',', ':').",
                source=SOURCE,
            )
        what = f"stands {chr(found[0])!r}" if found else "the line ends"
        raise LineError(
            "line.json",
            f"At byte {at + 1} {what}: {expected}.",
            "Write one JSON object a line.",
            source=SOURCE,
        )


def _digits(number: bytes) -> int:
    """Return the significant digits of a number: all from the first that is not zero."""
    return len(number.lstrip(b"-").replace(b".", b"").lstrip(b"0"))


_unescape = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)").finditer


def _pairs_complete(string: bytes) -> bool:
    """Return whether every surrogate escape is followed, or led, by its other half."""
    high_ends = -1
    for match in _unescape(string):
        unit = int(match[1], 16) if match[1] else 0
        if high_ends >= 0 and (match.start() != high_ends or not 0xDC00 <= unit < 0xE000):
            return False
        if high_ends < 0 and 0xDC00 <= unit < 0xE000:
            return False
        high_ends = match.end() if 0xD800 <= unit < 0xDC00 else -1
    return high_ends < 0
