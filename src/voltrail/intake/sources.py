"""
From a file that is kept to its rows: each a line for the record, or what is wrong with it.

The seam for further forms: `form_of` names the form of a file by how it begins, `open_source` gives its
`Source`, `again_of` reads one of its rows again. Nothing behind them knows what a row was read from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, BinaryIO, Final, Protocol, cast

from voltrail.errors import EventError, VoltrailError
from voltrail.events import decode, split
from voltrail.events.epcis import Importing, lines_of_document, read_document
from voltrail.events.epcis.lines import Row as Imported
from voltrail.events.epcis.source import MAX_BYTES, read_json, write_json
from voltrail.events.tables import (
    Cell,
    Mapping,
    Row,
    Table,
    Trouble,
    guess,
    lacking,
    open_table,
    read_row,
    read_rows,
)
from voltrail.events.tables.cells import text_of
from voltrail.events.tables.columns import member_of
from voltrail.intake.jobs import About, Job, Wanted

Again = Callable[[int, Sequence[str]], Row]

SAMPLE: Final = 8  # rows that the mapping page shows
MAX_LINE_BYTES: Final = 65_536
LINE_HEADER: Final = ("line",)
EVENT_HEADER: Final = ("event",)
REMARKS: Final = frozenset({"What is wrong", "错误说明"})  # heads of the column that refused rows come with
_BOM: Final = b"\xef\xbb\xbf"


class Source(Protocol):
    """A file that can be read: its header, and its rows after a number, in order, without end of memory."""

    about: About
    guessed: Mapping
    lacking: tuple[str, ...]

    def rows(self, mapping: Mapping, after: int = 0) -> Iterator[Row]:
        """Yield the rows behind a number; raises VoltrailError where the file cannot be read on."""

    def cells(self, numbers: Collection[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the cells of these rows as texts."""


def form_of(name: str, begins: bytes) -> str:
    """Return the form of a file, csv, xlsx, jsonl or epcis, by its name and how it begins."""
    lower, text = name.lower(), begins.removeprefix(_BOM).lstrip()
    if lower.endswith((".jsonld", ".json")) and not text.startswith(b'{"kind"'):
        return "epcis"
    if text.startswith(b"{") and b'"@context"' in text:
        return "epcis"
    if begins.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or lower.endswith((".xlsx", ".xlsm", ".xls")):
        return "xlsx"
    if lower.endswith((".jsonl", ".ndjson")) or text.startswith(b'{"'):
        return "jsonl"
    return "csv"


def open_source(stream: BinaryIO, form: str, name: str, wanted: Wanted, importing: Importing) -> Source:
    """
    Return a file as what has rows; `importing` is who sends it, for EPCIS.

    Raises VoltrailError for one that cannot be read.
    """
    if form == "epcis":
        return _Document(stream, importing)
    return _Lines(stream) if form == "jsonl" else _Sheet(stream, name, wanted)


def again_of(job: Job, importing: Importing) -> Again:
    """Return the function that reads one row of a file again, from its mended cells."""
    mapping = job.mapping
    if job.form == "epcis":
        return lambda number, cells: read_event(number, cells[0], importing)
    if job.form == "jsonl" or mapping is None:
        return lambda number, cells: read_line(number, cells[0].encode(errors="replace"))

    def again(number: int, cells: Sequence[str]) -> Row:
        if not any(cell.strip() for cell in cells):
            error = EventError("row.empty", "The row is empty now.", "Leave it out, or fill it in.")
            empty = Trouble(None, None, "", error.rule, error.message, error.fix)
            return Row(number, tuple(cells), None, (empty,))
        return read_row(mapping, number, tuple(cells))

    return again


class _Sheet:
    """A CSV file or a sheet of a workbook."""

    def __init__(self, stream: BinaryIO, name: str, wanted: Wanted) -> None:
        self._table = table = open_table(stream, name, wanted.sheet)
        self.guessed = _guess(table, wanted)
        self.lacking = lacking(self.guessed)
        self.about = About(
            header=tuple(table.header),
            header_row=table.header_row,
            sheets=tuple(table.sheets),
            sheet=table.sheet,
            encoding=table.encoding or None,
            delimiter=table.delimiter or None,
        )

    def rows(self, mapping: Mapping, after: int = 0) -> Iterator[Row]:
        """Yield its rows; those before are passed over unread."""
        return read_rows(cast("Table", _After(self._table, after)) if after else self._table, mapping)

    def cells(self, numbers: Collection[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the cells of these rows."""
        return (
            (number, tuple(map(text_of, cells))) for number, cells in self._table.rows() if number in numbers
        )


class _After:
    """A table from behind a row on."""

    def __init__(self, table: Table, after: int) -> None:
        self._table, self._after = table, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def rows(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Yield what has a higher number."""
        return (row for row in self._table.rows() if row[0] > self._after)


class _Lines:
    """JSON lines; a byte order mark, carriage returns and empty lines are passed over."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.about = About(header=LINE_HEADER, header_row=0)
        self.guessed = Mapping(kind=None, columns=("line",))
        self.lacking: tuple[str, ...] = ()

    def rows(self, _mapping: Mapping, after: int = 0) -> Iterator[Row]:
        """Yield its lines."""
        number = 0
        while raw := self._stream.readline(MAX_LINE_BYTES + 2):
            number += 1
            if number == 1:
                raw = raw.removeprefix(_BOM)
            while len(raw) > MAX_LINE_BYTES + 1 and not raw.endswith(b"\n"):
                rest = self._stream.readline(1 << 20)  # passed over, so that the next line is one
                if not rest or rest.endswith(b"\n"):
                    break
            line = raw.rstrip(b"\r\n")
            if line.strip() and number > after:
                yield read_line(number, line)

    def cells(self, numbers: Collection[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield these lines, as rows of one cell."""
        return ((row.number, row.cells) for row in self.rows(self.guessed) if row.number in numbers)


class _Document:
    """An EPCIS document: a row for each event, whose one cell is the event with the context it stands in."""

    def __init__(self, stream: BinaryIO, importing: Importing) -> None:
        data = stream.read(MAX_BYTES + 1)
        context = read_json(data).get("@context") if data.lstrip().startswith(b"{") else None
        self._document, self._importing = read_document(data), importing
        self._context = {"@context": context} if context is not None else {}
        self.about = About(header=EVENT_HEADER, header_row=0)
        self.guessed = Mapping(kind=None, columns=EVENT_HEADER)
        self.lacking: tuple[str, ...] = ()

    def rows(self, _mapping: Mapping, after: int = 0) -> Iterator[Row]:
        """Yield its events, each as its line or with what is wrong."""
        read = lines_of_document(self._document, self._importing)
        for event, one in zip(self._document.events, read, strict=True):
            if one.number > after:
                cells = (write_json(self._context | event.value).decode(),)
                yield Row(one.number, cells, one.line, _troubles(one))

    def cells(self, numbers: Collection[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield these events, as rows of one cell."""
        return ((row.number, row.cells) for row in self.rows(self.guessed) if row.number in numbers)


def read_event(number: int, text: str, importing: Importing) -> Row:
    """Return a row of one event of EPCIS, read as a document by itself."""
    try:
        [one] = lines_of_document(text.encode(errors="replace"), importing)
    except VoltrailError as error:
        said = Trouble(0, None, text[:200], error.rule, error.message, error.fix)
        return Row(number, (text,), None, (said,))
    except ValueError:
        several = EventError(
            "epcis.one_event",
            "A row has one event, and these are several or none.",
            "Write one event, with its @context.",
        )
        said = Trouble(0, None, text[:200], several.rule, several.message, several.fix)
        return Row(number, (text,), None, (said,))
    return Row(number, (text,), one.line, _troubles(one))


def _troubles(one: Imported) -> tuple[Trouble, ...]:
    return tuple(
        Trouble(0, None, said.path[:200], said.rule, f"{said.path}: {said.message}", said.fix)
        for said in one.troubles
    )


def read_line(number: int, line: bytes) -> Row:
    """Return a row of one line as it stands, or what is wrong with it."""
    text = line.decode(errors="replace")
    try:
        split(line)
        decode(line)
    except VoltrailError as error:
        return Row(
            number, (text,), None, (Trouble(0, None, text[:200], error.rule, error.message, error.fix),)
        )
    return Row(number, (text,), line, ())


def needs_a_look(source: Source) -> bool:
    """Return whether a person should say how columns are read: something is lacking, left over, or unsure."""
    if source.lacking:
        return True
    named = [
        (name, member)
        for name, member in zip(source.about.header, source.guessed.columns, strict=False)
        if name.strip() and name.strip() not in REMARKS
    ]
    return source.about.header not in {LINE_HEADER, EVENT_HEADER} and any(
        member is None or member_of(name) != member for name, member in named
    )


def without_remarks(header: tuple[str, ...]) -> tuple[str, ...]:
    """Return a header without the column that says what is wrong, as it was first sent."""
    return header[:-1] if header and header[-1].strip() in REMARKS else header


def _guess(table: Table, wanted: Wanted) -> Mapping:
    """Return how the sender would have the columns read; what is not said is guessed."""
    header = tuple(table.header)
    guessed = guess(header, wanted.kind)
    columns = guessed.columns
    if wanted.columns is not None:
        columns = (*wanted.columns, *([None] * len(header)))[: len(header)]
    else:
        columns = tuple(
            None if name.strip() in REMARKS else member for name, member in zip(header, columns, strict=False)
        )
    kind = wanted.kind or (None if "kind" in columns else guessed.kind)
    return Mapping(kind, columns, wanted.offset or guessed.offset, dict(wanted.constants))
