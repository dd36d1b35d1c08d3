"""From the rows of a table to event lines: all troubles of a row at once, each at its cell, with the fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from voltrail.errors import TableError, VoltrailError
from voltrail.events import kinds, lines, reading
from voltrail.events.structs import STRUCTS
from voltrail.events.tables.cells import Cell, Convert, converter, is_empty, kind_in, text_of
from voltrail.events.tables.columns import COLUMNS
from voltrail.events.tables.mapping import DERIVED, Mapping, required
from voltrail.events.tables.table import Table

_SHOWN = 200


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong at one cell. `column` counts from 0; None for the whole row, or without a column."""

    column: int | None
    member: str | None
    value: str
    rule: str
    message: str
    fix: str


class Row(msgspec.Struct, frozen=True):
    """
    One row, as its line or as its troubles.

    `number` is the one the spreadsheet shows, `cells` are as text; a row that is right may come without them.
    """

    number: int
    cells: tuple[str, ...]
    line: bytes | None
    troubles: tuple[Trouble, ...]


def read_rows(table: Table, mapping: Mapping) -> Iterator[Row]:
    """
    Yield each row below the header, as its line or its troubles; empty rows and remarks are passed over.

    A row that gives the same line as one before it is refused, with that one's number. Raises TableError.
    """
    reader = Reader(mapping)
    seen: dict[bytes, int] = {}
    for number, cells in table.rows():
        if is_remark(cells):
            continue
        row = reader.row(number, cells)
        if row.line is not None:
            first = seen.setdefault(blake2b(row.line, digest_size=8).digest(), number)
            if first != number:
                row = _twice(row, cells, first)
        yield row


def read_row(mapping: Mapping, number: int, cells: Sequence[Cell]) -> Row:
    """Return one row, as when it was mended by hand. Raises TableError for a mapping that cannot be."""
    return Reader(mapping).row(number, cells)


def is_remark(cells: Sequence[Cell]) -> bool:
    """Return whether a row says by `# ` at its beginning that it is for people only, or is empty."""
    for cell in cells:
        if not is_empty(cell):
            return isinstance(cell, str) and cell.lstrip().startswith(("# ", "＃ "))
    return True


class Reader:
    """Reads rows by one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        _check(mapping)
        self._mapping = mapping
        self._kind_column = mapping.columns.index("kind") if "kind" in mapping.columns else None
        self._plans: dict[str, _Plan] = {}

    def row(self, number: int, cells: Sequence[Cell]) -> Row:
        """Return a row as its line or its troubles."""
        texts = tuple(map(text_of, cells))
        kind, troubles = self._kind(cells)
        if kind is None:
            return Row(number, texts, None, tuple(troubles))
        plan = self._plans.get(kind) or self._plans.setdefault(kind, _Plan(kind, self._mapping))
        line, more = plan.line(cells)
        troubles += more
        return Row(number, texts, None if troubles else line, tuple(troubles))

    def _kind(self, cells: Sequence[Cell]) -> tuple[str | None, list[Trouble]]:
        """Return the kind of a row, and what is wrong with how it says it."""
        column, kind = self._kind_column, self._mapping.kind
        constant = self._mapping.constants.get("kind")
        cell = cells[column] if column is not None and column < len(cells) else None
        if is_empty(cell):
            cell = constant
        if is_empty(cell):
            if kind is not None:
                return kind, []
            error = reading.missing("The row", "kind", "Name the kind of event in its cell.")
            return None, [_trouble(column, "kind", cell, error)]
        try:
            named = kind_in(cell)
        except VoltrailError as error:
            return kind, [_trouble(column, "kind", cell, error)]
        if kind is not None and named != kind:
            wrong = reading.value(
                f"The row is {named}, and the file is read as {kind}.",
                "Read the file as rows of several kinds, or take this row into another file.",
            )
            return kind, [_trouble(column, "kind", cell, wrong)]
        return named, []


class _Plan:
    """How a row becomes a line of one kind."""

    def __init__(self, kind: str, mapping: Mapping) -> None:
        self.kind = kind
        fields = {field.encode_name: field for field in msgspec.structs.fields(STRUCTS[kind])}
        self._at = {member: at for at, member in enumerate(mapping.columns) if member in fields}
        self._strange = [
            (at, member)
            for at, member in enumerate(mapping.columns)
            if member is not None and member != "kind" and member not in fields
        ]
        self._constants = {name: text for name, text in mapping.constants.items() if name in fields}
        self._names = tuple(name for name in fields if name in self._at or name in self._constants)
        self._convert: dict[str, Convert] = {
            name: converter(kind, name, mapping.offset) for name in self._names
        }
        self._decoders = {name: msgspec.json.Decoder(fields[name].type) for name in self._names}
        self._required = required(kind)
        self._order = tuple(fields)

    def line(self, cells: Sequence[Cell]) -> tuple[bytes, list[Trouble]]:
        """Return the line of a row, and all that is wrong with it."""
        members: dict[str, Any] = {}
        troubles: list[Trouble] = []
        for name in self._names:
            column = self._at.get(name)
            cell = cells[column] if column is not None and column < len(cells) else None
            if is_empty(cell):
                column, cell = (None, self._constants[name]) if name in self._constants else (column, None)
            if is_empty(cell):
                continue
            try:
                members[name] = self._convert[name](cell)
                self._decoders[name].decode(msgspec.json.encode(members[name]))
            except msgspec.ValidationError as wrong:
                troubles.append(_trouble(column, name, cell, reading.bad_member(name, str(wrong))))
            except VoltrailError as error:
                troubles.append(_trouble(column, name, cell, error))
        troubles += self._strangers(cells)
        told = {trouble.member for trouble in troubles}
        for name in self._required:
            if name not in members and name not in told:
                header = COLUMNS[name].en if name in COLUMNS else name
                lacks = reading.missing(self.kind, name, f"Fill in {header} ({name}).")
                troubles.append(_trouble(self._at.get(name), name, None, lacks))
        if troubles:
            return b"", troubles
        return self._whole(members)

    def _strangers(self, cells: Sequence[Cell]) -> Iterator[Trouble]:
        """Yield a trouble for each filled cell whose member the kind does not have."""
        for at, member in self._strange:
            cell = cells[at] if at < len(cells) else None
            if not is_empty(cell):
                error = reading.value(f"{self.kind} has no {member}.", "Leave this cell empty.")
                yield _trouble(at, member, cell, error)

    def _whole(self, members: dict[str, Any]) -> tuple[bytes, list[Trouble]]:
        """Return the line, and what is wrong with its members together."""
        _derive(self.kind, members)
        line = b'{"kind":"%s"' % self.kind.encode()
        for name in self._order:
            if name in members:
                line += b',"%s":%s' % (name.encode(), msgspec.json.encode(members[name]))
        line += b"}"
        try:
            lines.split(line)
            kinds.decode(line)
        except VoltrailError as error:
            return b"", [self._placed(error)]
        return line, []

    def _placed(self, error: VoltrailError) -> Trouble:
        """Return a trouble of the whole line at the cell that it names first."""
        words = re.findall(r"[a-z_]+", error.message)
        member = next((word for word in words if word in self._names), None)
        return _trouble(self._at.get(member or ""), member, None, error)


def _derive(kind: str, members: dict[str, Any]) -> None:
    """Name the batteries among `codes` that other members name."""
    codes = list(members.get("codes", ()))
    for name in DERIVED.get(kind, ()):
        named = members.get(name, [])
        for code in [named] if isinstance(named, str) else named:
            if code not in codes and code != members.get("code"):
                codes.append(code)
    if codes:
        members["codes"] = codes


def _trouble(column: int | None, member: str | None, cell: Cell, error: VoltrailError) -> Trouble:
    return Trouble(column, member, text_of(cell)[:_SHOWN], error.rule, error.message, error.fix)


def _twice(row: Row, cells: Sequence[Cell], first: int) -> Row:
    message = f"The row says the same as row {first:,}."
    trouble = Trouble(None, None, "", "row.twice", message, "Leave one of the two out.")
    return Row(row.number, tuple(map(text_of, cells)), None, (trouble,))


_OFFSETS: Final = re.compile(r"Z|[+-](?:0\d|1[0-4]):[0-5]\d")


def _check(mapping: Mapping) -> None:
    """Raise TableError for a mapping that cannot be."""
    if mapping.kind is not None and mapping.kind not in STRUCTS:
        raise TableError(
            "table.kind",
            f"There is no kind of event called {mapping.kind[:40]!r}.",
            "docs/events.md lists the kinds.",
        )
    given = [member for member in mapping.columns if member is not None]
    for member in (*given, *mapping.constants):
        if member not in COLUMNS:
            raise TableError(
                "table.member",
                f"There is no member called {member[:40]!r}.",
                "docs/columns.md lists the members.",
            )
    for member in given:
        if given.count(member) > 1:
            raise TableError(
                "table.member_twice",
                f"Two columns are both read as {member}.",
                "Choose one of them, and leave the other out.",
            )
    if _OFFSETS.fullmatch(mapping.offset) is None:
        raise TableError(
            "table.offset", f"{mapping.offset[:20]!r} is not an offset from UTC.", "Give it as in +08:00."
        )
