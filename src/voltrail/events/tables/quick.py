"""
Rows that are as they should be, into lines without asking twice: the path of nearly every row of a long file.

It gives what the long way of `rows` gives, or None, and then that way is gone: it alone knows what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from voltrail.codes import is_code
from voltrail.errors import VoltrailError
from voltrail.events import kinds, reading
from voltrail.events.checks import CHECKS
from voltrail.events.lines import MAX_LINE_BYTES
from voltrail.events.structs import STRUCTS
from voltrail.events.tables.cells import Cell, Convert
from voltrail.events.tables.mapping import DERIVED

Fragment = Callable[[str], str | None]

_MAX_KNOWN: Final = 2_000  # texts of a column that are remembered
_MAX_CHARS: Final = 200

# What json would write unchanged, and no spreadsheet put there instead of something else.
_is_plain_text = re.compile(
    r"(?![+-]?[0-9]+(?:[.,][0-9]+)?[eE])[^\x00-\x20\x7f\"\\=#'\s\ud800-\udfff][^\x00-\x1f\x7f\"\\\ud800-\udfff]{0,200}(?<!\s)"
).fullmatch
_is_amount = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,5})?").fullmatch
_is_count = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_is_clock = re.compile(r"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?").fullmatch
_is_day = re.compile(r"(?:199|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}").fullmatch


class Quick:
    """The short way from cells to the line of one kind."""

    def __init__(
        self,
        kind: str,
        names: Iterable[str],
        columns: Mapping[str, int],
        constants: Mapping[str, str],
        required: Iterable[str],
        fragment_of: Callable[[str, Cell], bytes],
        converters: Mapping[str, Convert],
        strange: Sequence[int],
        width: int,
        offset: str,
    ) -> None:
        self._strange, self._width = strange, width
        self._head = f'{{"kind":"{kind}"'
        looked_at = {"codes", "points"}
        self._checked = STRUCTS[kind] in CHECKS or not looked_at.isdisjoint({*columns, *constants})
        self._takes = kind not in DERIVED and all(name in columns or name in constants for name in required)
        types = {field.encode_name: field.type for field in msgspec.structs.fields(STRUCTS[kind])}
        needed = {*required, *constants}  # an empty cell of these is the matter of the long way
        self._columns: list[tuple[int, bool, str, _Column]] = []
        for name in names:
            if name in columns:
                quick = _quick(name, types[name], offset, converters[name])
                column = _Column(name, quick, fragment_of)
                self._columns.append((columns[name], name in needed, "", column))
                continue
            column, constant = _Column(name, None, fragment_of), constants.get(name, "")
            fixed = column.of(constant) if constant.strip() else None
            self._takes = self._takes and fixed is not None
            self._columns.append((-1, True, fixed or "", column))

    def line(self, cells: Sequence[Cell]) -> bytes | None:
        """Return the line of a row, or None where the long way has to look."""
        if not self._takes:
            return None
        width, parts = len(cells), [self._head]
        if width > self._width:
            return None
        for at in self._strange:
            if at < width and cells[at] is not None and cells[at] != "":
                return None
        for at, needed, part, column in self._columns:
            if at >= 0:
                cell = cells[at] if at < width else None
                if cell is None or cell == "":
                    if needed:
                        return None
                    continue
                found = column.known.get(cell) if type(cell) is str else None
                if found is None and (found := column.of(cell)) is None:
                    return None
                parts.append(found)
            else:
                parts.append(part)
        parts.append("}")
        line = "".join(parts).encode()
        if len(line) > MAX_LINE_BYTES:
            return None
        if self._checked:
            try:
                kinds.decode(line)
            except VoltrailError:
                return None
        return line


class _Column:
    """One member: its quick way, the long one, and what that gave for texts that come again."""

    def __init__(self, name: str, quick: Fragment | None, fragment_of: Callable[[str, Cell], bytes]) -> None:
        self._name, self._quick, self._fragment_of = name, quick, fragment_of
        self._key = f',"{name}":'
        self.known: dict[str, str] = {}

    def of(self, cell: Cell) -> str | None:
        """Return the member of a cell that is not empty, or None where it is wrong or white space."""
        if type(cell) is str and self._quick is not None and (value := self._quick(cell)) is not None:
            part = self._key + value
            if len(self.known) < _MAX_KNOWN:
                self.known[cell] = part
            return part
        try:
            part = self._key + self._fragment_of(self._name, cell).decode()
        except (VoltrailError, msgspec.ValidationError):
            return None
        if type(cell) is str and len(cell) <= _MAX_CHARS:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            self.known[cell] = part
        return part


def _quick(name: str, type_: object, offset: str, convert: Convert) -> Fragment | None:
    """Return the quick way to a member, which gives None for what it does not know."""
    if name == "code":
        return _code
    if name == "vin":
        return lambda cell: f'"{cell}"' if reading.VIN.fullmatch(cell) else None
    if name == "occurred_at":
        return _Times(offset, convert).of
    info = msgspec.inspect.type_info(type_)
    found = info.types[0] if isinstance(info, msgspec.inspect.UnionType) else info
    if isinstance(found, msgspec.inspect.FloatType) and found.le is None:
        return lambda cell: cell if _is_amount(cell) else None
    if isinstance(found, msgspec.inspect.IntType):
        return lambda cell: cell if _is_count(cell) else None
    if isinstance(found, msgspec.inspect.StrType) and found.pattern is None:
        return lambda cell: f'"{cell}"' if _is_plain_text(cell) else None
    return None


def _code(cell: str) -> str | None:
    return f'"{cell}"' if is_code(cell) else None


class _Times:
    """Times as most are written; which days there are is learnt from the long way."""

    def __init__(self, offset: str, convert: Convert) -> None:
        self._offset, self._convert = offset, convert
        self._days: set[str] = set()

    def of(self, cell: str) -> str | None:
        day, clock = cell[:10], cell[10:]
        if not _is_clock(clock):
            return None
        if day not in self._days:
            if not _is_day(day):
                return None
            try:
                self._convert(day)
            except VoltrailError:
                return None
            if len(self._days) >= _MAX_KNOWN:
                self._days.clear()
            self._days.add(day)
        return f'"{day}T{clock[1:]}{"" if len(clock) == 9 else ":00"}{self._offset}"'
