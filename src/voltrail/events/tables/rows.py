"""From the rows of a table to event lines: all troubles of a row at once, each at its cell, with the fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from voltrail.errors import CellError, TableError, VoltrailError
from voltrail.events import kinds, lines, reading
from voltrail.events.checks import bad_year
from voltrail.events.structs import STRUCTS
from voltrail.events.tables.cells import Cell, Convert, converter, is_empty, kind_in, text_of
from voltrail.events.tables.columns import COLUMNS
from voltrail.events.tables.mapping import DERIVED, Mapping, required
from voltrail.events.tables.quick import Quick
from voltrail.events.tables.seen import Seen
from voltrail.events.tables.table import Table

_TOTAL: Final = re.compile(r"\s*(?:合计|总计|小计|共计|总数|(?:grand |sub)?total\b|sum\b)", re.IGNORECASE)
MAX_KINDS: Final = 1_000  # ways to write them
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
    reader, seen, header = Reader(mapping), Seen(), table.header
    for number, cells in table.rows():
        if is_remark(cells) or (cells[0] == header[0] and _is_header(cells, header)):
            continue
        row = reader.row(number, cells)
        if row.line is not None and (first := seen.first(row.line, number)) != number:
            row = _twice(row, cells, first)
        yield row


def read_row(mapping: Mapping, number: int, cells: Sequence[Cell]) -> Row:
    """Return one row, as when it was mended by hand. Raises TableError for a mapping that cannot be."""
    return Reader(mapping).row(number, cells)


def _is_header(cells: Sequence[Cell], header: tuple[str, ...]) -> bool:
    """Return whether a row is the header again, as programs print it on each page."""
    return tuple(text_of(cell).strip() for cell in cells[: len(header)]) == header


def is_remark(cells: Sequence[Cell]) -> bool:
    """Return whether a row says by `# ` at its beginning that it is for people only, or is empty."""
    if cells and type(cells[0]) is str and cells[0][:1].isalnum():
        return False  # as nearly all
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
        self._kinds: dict[str, str] = {}  # as cells have them

    def row(self, number: int, cells: Sequence[Cell]) -> Row:
        """Return a row as its line or its troubles."""
        kind = self._known_kind(cells)
        if kind is not None and (line := self._plan(kind).quick.line(cells)) is not None:
            return Row(number, (), line, ())
        return self.long_row(number, cells)

    def long_row(self, number: int, cells: Sequence[Cell]) -> Row:
        """Return the same by the way that can tell what is wrong."""
        texts = tuple(map(text_of, cells))
        kind, troubles = self._kind(cells)
        line = b""
        if kind is not None:
            line, more = self._plan(kind).line(cells)
            troubles += [*more, *self._beyond(cells)]
        if troubles and (remark := self._remark(cells)) is not None:
            troubles = [remark]
        return Row(number, texts, None if troubles else line, tuple(troubles))

    def _remark(self, cells: Sequence[Cell]) -> Trouble | None:
        """Return what is told of a row that holds nothing but a remark, or a total."""
        filled = [(at, cell) for at, cell in enumerate(cells) if not is_empty(cell)]
        if not filled:
            return None
        at, cell = filled[0]
        single = len(filled) == 1 and sum(member is not None for member in self._mapping.columns) > 1
        member = self._mapping.columns[at] if at < len(self._mapping.columns) else None
        if not _TOTAL.match(text_of(cell)) and not (single and member != "code"):
            return None
        message = f"The row is a remark or a total, not an event: {text_of(cell)[:40]!r}."
        told = CellError("row.remark", message, "Leave the row out; if it is an event, fill in its cells.")
        return _trouble(at, member, cell, told)

    def _beyond(self, cells: Sequence[Cell]) -> Iterator[Trouble]:
        """Yield a trouble for the first cell that stands behind the last column."""
        width = len(self._mapping.columns)
        for at, cell in enumerate(cells[width:], width):
            if not is_empty(cell):
                wrong = CellError(
                    "row.too_long",
                    "The row has more cells than the table has columns.",
                    "Put a cell that holds the delimiter in quotation marks, or give the column a header.",
                )
                yield _trouble(at, None, cell, wrong)
                return

    def _plan(self, kind: str) -> _Plan:
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = _Plan(kind, self._mapping)
        return plan

    def _known_kind(self, cells: Sequence[Cell]) -> str | None:
        """Return the kind of a row, where it says it as a row before."""
        column = self._kind_column
        if column is None:
            return self._mapping.kind
        cell = cells[column] if column < len(cells) else None
        if type(cell) is not str:
            return None
        kind = self._kinds.get(cell)
        if kind is None:
            kind, troubles = self._kind(cells)
            if troubles or kind is None or len(self._kinds) >= MAX_KINDS:
                return None
            self._kinds[cell] = kind
        return kind

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
        derived = ("codes",) if kind in DERIVED else ()
        self._names = tuple(
            name for name in fields if name in self._at or name in self._constants or name in derived
        )
        self._convert: dict[str, Convert] = {
            name: converter(kind, name, mapping.offset) for name in self._names
        }
        types = {name: fields[name].type for name in self._names}
        if derived and "codes" in types:
            types["codes"] = tuple[str, ...]  # how many there must be is asked of the whole line
        self._decoders = {name: msgspec.json.Decoder(type_) for name, type_ in types.items()}
        self._required = required(kind)
        self.quick = Quick(
            kind,
            self._names,
            self._at,
            self._constants,
            self._required,
            self._fragment,
            self._convert,
            [at for at, _ in self._strange],
            len(mapping.columns),
            mapping.offset,
        )

    def _fragment(self, name: str, cell: Cell) -> bytes:
        """Return the value of a member as it stands in a line; raises VoltrailError, ValidationError."""
        fragment = msgspec.json.encode(self._convert[name](cell))
        value = self._decoders[name].decode(fragment)
        if isinstance(value, datetime) and not 1990 <= value.year <= 2199:
            raise bad_year(name, value)
        return fragment

    def line(self, cells: Sequence[Cell]) -> tuple[bytes, list[Trouble]]:
        """Return the line of a row, and all that is wrong with it: the long way."""
        members: dict[str, bytes] = {}
        troubles: list[Trouble] = []
        for name in self._names:
            column = self._at.get(name)
            cell = cells[column] if column is not None and column < len(cells) else None
            if is_empty(cell):
                column, cell = (None, self._constants[name]) if name in self._constants else (column, None)
            if is_empty(cell):
                continue
            try:
                members[name] = self._fragment(name, cell)
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

    def _whole(self, members: dict[str, bytes]) -> tuple[bytes, list[Trouble]]:
        """Return the line, and what is wrong with its members together."""
        _derive(self.kind, members)
        line = b'{"kind":"%s"' % self.kind.encode()
        for name in self._names:
            if name in members:
                line += b',"%s":%s' % (name.encode(), members[name])
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


def _derive(kind: str, members: dict[str, bytes]) -> None:
    """Name the batteries among `codes` that other members name."""
    if kind not in DERIVED:
        return
    codes = _codes_in(members.get("codes"))
    apart = _codes_in(members.get("code"))
    for name in DERIVED[kind]:
        codes += [code for code in _codes_in(members.get(name)) if code not in (*codes, *apart)]
    if codes:
        members["codes"] = msgspec.json.encode(codes)


def _codes_in(fragment: bytes | None) -> list[str]:
    """Return the codes in a member, whether it is one or several."""
    if fragment is None:
        return []
    found = msgspec.json.decode(fragment, type=str | list[str])
    return [found] if isinstance(found, str) else found


def _trouble(column: int | None, member: str | None, cell: Cell, error: VoltrailError) -> Trouble:
    return Trouble(column, member, text_of(cell)[:_SHOWN], error.rule, error.message, error.fix)


def _twice(row: Row, cells: Sequence[Cell], first: int) -> Row:
    message = f"The row says the same as row {first:,}."
    told = CellError("row.twice", message, "Leave one of the two out.")
    return Row(row.number, tuple(map(text_of, cells)), None, (_trouble(None, None, None, told),))


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
