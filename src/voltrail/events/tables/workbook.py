"""
Workbooks (.xlsx; ECMA-376, SpreadsheetML), row by row as the XML streams by.

Libraries build the whole grid in memory, up to its farthest cell, and show an error or a formula without
result as an empty cell. Here a row is held at a time, beside the shared strings, and the zip is looked at
before anything of it is unpacked: number, sizes and names of its parts; what it unpacks to is counted too.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO, Any, BinaryIO, Final
from xml.parsers import expat

from voltrail.errors import TableError
from voltrail.events.tables.cells import MERGED, Cell
from voltrail.events.tables.table import MAX_COLUMNS, Numbered, Table

MAX_PARTS: Final = 2_000
MAX_PART_BYTES: Final = 1_073_741_824  # of a sheet, unpacked
MAX_SMALL_BYTES: Final = 16_777_216  # of a part that is read as a whole
MAX_STRINGS_CHARS: Final = 67_108_864
MAX_STRINGS: Final = 3_000_000
MAX_CELL_CHARS: Final = 65_536
MAX_RATIO: Final = 200  # of sizes, from a megabyte on: sheets pack 5 to 30 times
MAX_ROWS: Final = 1_048_576
MAX_MERGES: Final = 100_000
_BLOCK: Final = 65_536

_SAVE: Final = (
    "Open it in the spreadsheet program, save it as .xlsx, and send it again; or save the sheet as CSV UTF-8."
)


def open_workbook(stream: BinaryIO, sheet: str | None) -> Table:
    """Return a sheet of a workbook as a table. Raises TableError."""
    try:
        return _Workbook(stream).table(sheet)
    except _BROKEN:
        raise _broken() from None


_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
)


class _Sheet:
    def __init__(self, name: str, part: str, *, hidden: bool) -> None:
        self.name, self.part, self.hidden = name, part, hidden
        self.merges: dict[int, list[tuple[int, int]]] | None = None


class _Workbook:
    """What the sheets of a workbook share."""

    def __init__(self, stream: BinaryIO) -> None:
        stream.seek(0)
        self._zip = zipfile.ZipFile(stream)
        _check_parts(self._zip)
        names = set(self._zip.namelist())
        if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
            raise _no_workbook(self._zip, names)
        if "xl/workbook.xml" not in names:
            raise _other_form() if "xl/workbook.bin" in names else _broken()
        self.sheets: list[_Sheet] = []
        self.from_1904 = False
        self._parts: dict[str, str] = {}  # by what they are to the workbook
        self._read_book(self._targets(names), names)
        if not self.sheets:
            raise TableError("table.empty", "The workbook has no sheets.", _SAVE)
        self._dates = self._read_styles()
        self._strings: list[str] | None = None

    def table(self, name: str | None) -> Table:
        """Return the sheet of that name, or the first visible one that is not empty."""
        names = tuple(one.name for one in self.sheets)
        if name is not None:
            chosen = next((one for one in self.sheets if one.name == name), None)
            if chosen is None:
                raise TableError(
                    "table.sheet",
                    f"There is no sheet called {name[:60]!r}.",
                    f"It has: {', '.join(names)[:300]}.",
                )
            return self._table(chosen, names)
        error: TableError | None = None
        for one in [one for one in self.sheets if not one.hidden]:
            try:
                return self._table(one, names)
            except TableError as empty:
                if empty.rule != "table.empty":
                    raise
                error = error or empty
        raise error or TableError(
            "table.empty",
            "All sheets of the workbook are hidden.",
            "Unhide the sheet that holds the data, and save.",
        )

    def _table(self, sheet: _Sheet, names: tuple[str, ...]) -> Table:
        return Table("xlsx", lambda: self._rows(sheet), sheets=names, sheet=sheet.name)

    def _rows(self, sheet: _Sheet) -> Iterator[Numbered]:
        try:
            if self._strings is None:
                self._strings = self._read_strings()
            if sheet.merges is None:
                with self._zip.open(sheet.part) as part:
                    sheet.merges = _find_merges(part)
            reader = _SheetReader(self._strings, self._dates, sheet.merges, from_1904=self.from_1904)
            with self._zip.open(sheet.part) as part:
                yield from reader.rows(part)
        except _BROKEN:
            raise _broken() from None

    # ------------------------------------------------------------- small parts

    def _targets(self, names: set[str]) -> dict[str, str]:
        """Return the parts that the workbook refers to, by the id of the reference."""
        found: dict[str, str] = {}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                what = attributes.get("Type", "").rpartition("/")[2]
                target = attributes.get("Target", "")
                path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                if path in names:
                    found[attributes.get("Id", "")] = self._parts[what] = path

        if "xl/_rels/workbook.xml.rels" in names:
            self._parse("xl/_rels/workbook.xml.rels", start)
        return found

    def _read_book(self, targets: dict[str, str], names: set[str]) -> None:
        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "workbookPr":
                self.from_1904 = attributes.get("date1904") in ("1", "true")
            elif name == "sheet":
                reference = next((attributes[key] for key in attributes if key.endswith(" id")), "")
                part = targets.get(reference, "")
                if part in names and "worksheets/" in part:
                    hidden = attributes.get("state", "visible") != "visible"
                    self.sheets.append(_Sheet(attributes.get("name", ""), part, hidden=hidden))

        self._parse("xl/workbook.xml", start)

    def _read_styles(self) -> tuple[bool, ...]:
        """Return for each cell style whether it shows a date."""
        if "styles" not in self._parts:
            return ()
        formats: dict[int, str] = {}
        styles: list[bool] = []
        within: list[str] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "numFmt":
                formats[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
            elif name == "xf" and within and within[-1] == "cellXfs":
                number = int(attributes.get("numFmtId", "0"))
                styles.append(_shows_date(number, formats.get(number)))
            within.append(name)

        def end(_name: str) -> None:
            within.pop()

        self._parse(self._parts["styles"], start, end)
        return tuple(styles)

    def _read_strings(self) -> list[str]:
        """Return the strings that cells share; what is read above Chinese characters is left out."""
        if "sharedStrings" not in self._parts:
            return []
        strings: list[str] = []
        parts: list[str] = []
        state = {"text": False, "reading": False, "chars": 0}

        def start(name: str, _attributes: dict[str, str]) -> None:
            if name == "si":
                parts.clear()
            elif name == "rPh":
                state["reading"] = True
            elif name == "t":
                state["text"] = not state["reading"]

        def end(name: str) -> None:
            if name == "si":
                strings.append(_plain("".join(parts)))
                if len(strings) > MAX_STRINGS:
                    raise _too_big()
            elif name == "rPh":
                state["reading"] = False
            elif name == "t":
                state["text"] = False

        def data(text: str) -> None:
            if state["text"]:
                state["chars"] += len(text)
                if state["chars"] > MAX_STRINGS_CHARS:
                    raise _too_big()
                parts.append(text)

        with self._zip.open(self._parts["sharedStrings"]) as part:
            parser = _parser(start, end, data)
            for block in _blocks(part, MAX_PART_BYTES):
                _feed(parser, block)
            _feed(parser, b"", final=True)
        return strings

    def _parse(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
    ) -> None:
        with self._zip.open(part) as opened:
            parser = _parser(start, end, None)
            for block in _blocks(opened, MAX_SMALL_BYTES):
                _feed(parser, block)
            _feed(parser, b"", final=True)


class _SheetReader:
    """Reads the XML of one sheet."""

    def __init__(
        self,
        strings: list[str],
        dates: tuple[bool, ...],
        merges: dict[int, list[tuple[int, int]]],
        *,
        from_1904: bool,
    ) -> None:
        self._strings, self._dates, self._merges, self._from_1904 = strings, dates, merges, from_1904
        self._ready: list[Numbered] = []
        self._cells: list[Cell] = []
        self._number = 0
        self._column = -1
        self._type, self._style = "n", 0
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._into: list[str] | None = None
        self._in_string = False
        self._reading = False

    def rows(self, part: IO[bytes]) -> Iterator[Numbered]:
        """Yield number and cells of each row."""
        parser = _parser(self._start, self._end, self._data)
        for block in _blocks(part, MAX_PART_BYTES):
            _feed(parser, block)
            if self._ready:
                yield from self._ready
                self._ready = []
        _feed(parser, b"", final=True)
        yield from self._ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._open_cell(attributes)
        elif name == "v":
            self._value = self._into = []
        elif name == "t":
            if self._in_string and not self._reading:
                if self._value is None:
                    self._value = []
                self._into = self._value
        elif name == "f":
            self._formula = self._into = []
        elif name == "is":
            self._in_string = True
        elif name == "rPh":
            self._reading = True
        elif name == "row":
            number = attributes.get("r")
            before = self._number
            self._number = int(number) if number is not None else before + 1
            if not before < self._number <= MAX_ROWS:
                raise _broken()
            self._cells, self._column = [], -1

    def _open_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        self._column = self._column + 1 if reference is None else _column(reference)
        self._type = attributes.get("t", "n")
        style = attributes.get("s")
        self._style = abs(int(style)) if style is not None else 0
        self._value = self._formula = None

    def _data(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)
            if len(self._into) > 1 and sum(map(len, self._into)) > MAX_CELL_CHARS:
                raise _too_big()

    def _end(self, name: str) -> None:
        if name == "c":
            value = self._cell()
            if value is not None:
                self._put(value)
        elif name in ("v", "t", "f"):
            self._into = None
        elif name == "is":
            self._in_string = False
        elif name == "rPh":
            self._reading = False
        elif name == "row":
            self._close_row()

    def _put(self, value: Cell) -> None:
        at = self._column
        if at >= MAX_COLUMNS:
            raise _too_wide(self._number)
        if at >= len(self._cells):
            self._cells += [None] * (at + 1 - len(self._cells))
        self._cells[at] = value

    def _close_row(self) -> None:
        for first, last in self._merges.get(self._number, ()):
            for at in range(first, last + 1):
                if at >= len(self._cells):
                    self._cells += [None] * (at + 1 - len(self._cells))
                if self._cells[at] is None:
                    self._cells[at] = MERGED
        self._ready.append((self._number, tuple(self._cells)))
        self._cells = []

    def _cell(self) -> Cell:
        """Return the value of the cell that has just been read."""
        text = "".join(self._value) if self._value is not None else ""
        kind = self._type
        if not text and kind != "str":
            return f"={''.join(self._formula)}" if self._formula is not None else None
        if kind == "s":
            number = int(text)
            if not 0 <= number < len(self._strings):
                raise _broken()
            return self._strings[number] or None
        if kind == "n":
            return self._number_cell(text)
        if kind == "b":
            return text.strip() == "1"
        if kind == "d":
            return _iso(text)
        return _plain(text) or None

    def _number_cell(self, text: str) -> Cell:
        value = float(text)
        if not math.isfinite(value):
            raise _broken()
        if self._style < len(self._dates) and self._dates[self._style] and 0 <= value < 2_958_466:
            return _date(value, from_1904=self._from_1904)
        return int(value) if value.is_integer() and abs(value) < 1e15 else value


# ------------------------------------------------------------------------ dates

_DATE_FORMATS: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_SHOWN: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


def _shows_date(number: int, code: str | None) -> bool:
    """Return whether a number format shows a date or time (ECMA-376 part 1, 18.8.30)."""
    if code is None:
        return number in _DATE_FORMATS
    shown = _NOT_SHOWN.sub("", code.partition(";")[0])
    return (
        re.search(r"[ymdhsYMDHS年月日]", shown) is not None and re.search(r"[0#?]\.?[0#?]*%?$", shown) is None
    )


def _date(days: float, *, from_1904: bool) -> Cell:
    """Return the time that a spreadsheet means by so many days; a bare number where it means none."""
    if from_1904:
        zero = datetime(1904, 1, 1)  # noqa: DTZ001 - a spreadsheet's days have no zone
    elif days >= 61:
        zero = datetime(1899, 12, 30)  # noqa: DTZ001 - after 29 February 1900, which never was
    else:
        return days
    milliseconds = round(days * 86_400_000)
    return zero + timedelta(
        milliseconds=round(milliseconds, -3) if milliseconds % 1000 in (1, 999) else milliseconds
    )


def _iso(text: str) -> Cell:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


# ------------------------------------------------------------------------- XML


def _parser(
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None,
    data: Callable[[str], None] | None,
) -> Any:
    """Return a parser that calls by local names, and takes no document type, so that no entity can grow."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    names: dict[str, str] = {}

    def local(name: str) -> str:
        short = names.get(name)
        if short is None:
            short = name.rpartition(" ")[2]
            if len(names) < 1_000:
                names[name] = short
        return short

    parser.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(local(name))
    if data is not None:
        parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise TableError("table.hostile", "The workbook holds XML that no spreadsheet program writes.", _SAVE)


def _feed(parser: Any, block: bytes, *, final: bool = False) -> None:
    try:
        parser.Parse(block, final)
    except (expat.ExpatError, ValueError, OverflowError):
        raise _broken() from None


_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _plain(text: str) -> str:
    """Return a string with the characters that are written as _x000D_ (ECMA-376 part 1, 22.4.2.4)."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(_unescaped, text).replace("\r\n", "\n").replace("\r", "\n")


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that an escape is for, or the escape where it is for none that a text has."""
    character = chr(int(found[1], 16))
    return found[0] if character == "\0" or "\ud800" <= character <= "\udfff" else character


_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_columns: dict[str, int] = {}


def _column(reference: str) -> int:
    """Return the column of a reference such as B7, counting from 0."""
    letters = reference.rstrip("0123456789")
    found = _columns.get(letters)
    if found is None:
        if _REFERENCE.fullmatch(reference) is None:
            raise _broken()
        found = 0
        for letter in letters:
            found = found * 26 + ord(letter) - 64
        found -= 1
        if len(_columns) < 20_000:
            _columns[letters] = found
    return found


_MERGE = re.compile(
    rb"<(?:\w+:)?mergeCell\b[^>]*?\bref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']"
)


def _find_merges(part: IO[bytes]) -> dict[int, list[tuple[int, int]]]:
    """Return by row the columns that are merged with a cell above."""
    found: dict[int, list[tuple[int, int]]] = {}
    tail, count = b"", 0
    for block in _blocks(part, MAX_PART_BYTES):
        data = tail + block
        if b"mergeCell" in data:
            end = 0
            for match in _MERGE.finditer(data):
                end = match.end()
                first, top, last, bottom = match.groups()
                left, right = _column(first.decode() + "1"), _column(last.decode() + "1")
                for row in range(int(top) + 1, int(bottom) + 1):
                    count += 1
                    if count > MAX_MERGES:
                        raise _too_many_merges()
                    found.setdefault(row, []).append((left, min(right, MAX_COLUMNS - 1)))
            tail = data[max(end, len(data) - 200) :]
        else:
            tail = data[-200:]
    return found


# ------------------------------------------------------------------------- zip


def _check_parts(archive: zipfile.ZipFile) -> None:
    """Raise for what no spreadsheet program packs."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise _too_big()
    if len({part.filename for part in parts}) != len(parts):
        raise _refused_zip("two of its parts have one name")
    for part in parts:
        if part.flag_bits & 1:
            raise TableError(
                "table.form", "The workbook is protected by a password.", "Save it without a password."
            )
        if part.filename.startswith(("/", "\\")) or ".." in part.filename.split("/"):
            raise _refused_zip("the name of a part leads out of it")
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused_zip("it is packed in a way that spreadsheet programs do not use")
        if part.file_size > MAX_PART_BYTES:
            raise _too_big()
        if part.file_size > 1_048_576 and part.file_size > MAX_RATIO * part.compress_size:
            raise _refused_zip("it unpacks to far more than any table would")


def _blocks(part: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield what a part unpacks to; zipfile gives no more than its directory says, and checks the sum."""
    total = 0
    try:
        while block := part.read(_BLOCK):
            total += len(block)
            if total > most:
                raise _too_big()
            yield block
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise _broken() from None


def _no_workbook(archive: zipfile.ZipFile, names: set[str]) -> TableError:
    """Return what a zip is that is no workbook of this form."""
    kind = b""
    if "mimetype" in names:
        with archive.open("mimetype") as part:
            kind = part.read(200)
    if b"opendocument" in kind:
        return TableError("table.form", "This is an OpenDocument file (.ods).", _SAVE)
    if any(name.endswith(".iwa") or name.startswith("Index/") or name == "Index.zip" for name in names):
        return TableError("table.form", "This is a Numbers file.", "In Numbers, export it as Excel or CSV.")
    return TableError("table.form", "This is a zip file, and no workbook.", "Send the spreadsheet itself.")


def _other_form() -> TableError:
    return TableError("table.form", "This is a binary workbook (.xlsb).", _SAVE)


def _broken() -> TableError:
    return TableError(
        "table.broken", "The workbook is damaged, or was not written by a spreadsheet program.", _SAVE
    )


def _refused_zip(why: str) -> TableError:
    return TableError("table.hostile", f"The workbook is not opened: {why}.", _SAVE)


def _too_big() -> TableError:
    return TableError(
        "table.too_big",
        "The workbook holds more than can be read.",
        "Save the sheet as CSV UTF-8 and send that.",
    )


def _too_many_merges() -> TableError:
    return TableError(
        "table.merged", "Very many cells are merged.", "Unmerge the cells of the table, and fill in each row."
    )


def _too_wide(number: int) -> TableError:
    return TableError(
        "table.too_wide",
        f"A row has more than {MAX_COLUMNS} columns.",
        "Take out the columns that hold nothing of the event.",
        line=number,
    )
