"""
A file on a reporter's machine as event lines: JSON lines, tables, documents, each by its ending.

A source is read twice: once for its lines, and once more for the rows that were not taken, to be mended.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

import msgspec

from voltrail.errors import Refusal, ReportError, TableError, UsageError, VoltrailError
from voltrail.events import split
from voltrail.events.epcis import Row as EventRow
from voltrail.events.epcis import lines_of_document
from voltrail.events.tables import Mapping, Row, Table, guess, lacking, open_table, read_rows
from voltrail.events.tables.cells import text_of
from voltrail.ledger.reports import MAX_FILE_BYTES, MAX_LINE_BYTES

LINES: Final = (".jsonl", ".ndjson")
TABLES: Final = (".csv", ".tsv", ".xlsx")
DOCUMENTS: Final = (".json", ".jsonld")
SIGNED: Final = ".report"
READ: Final = (*LINES, *TABLES, *DOCUMENTS, SIGNED)

Progress = Callable[[int], None]  # told how many bytes of the file are read


class Reason(msgspec.Struct, frozen=True):
    """Why a row was not taken: at which cell, if at one, and what to do."""

    row: int
    column: str
    value: str
    rule: str
    message: str
    fix: str

    @classmethod
    def of(cls, row: int, refusal: Refusal | VoltrailError) -> Reason:
        """Return why a whole row was not taken."""
        return cls(row, "", "", refusal.rule, refusal.message, refusal.fix)


class Read(msgspec.Struct, frozen=True):
    """One row or line of a file, counted as people count it: its event line, or why there is none."""

    row: int
    line: bytes | None
    reasons: tuple[Reason, ...] = ()


class Source(Protocol):
    """A file that was opened. `ending` is that of the file into which rows to be mended go."""

    ending: str

    def reads(self, told: Progress | None = None) -> Iterator[Read]:
        """Yield each row from the first on. Raises VoltrailError where the file as a whole cannot be read."""
        ...

    def copy_rows(self, rows: set[int], out: Path) -> None:
        """Write these rows as they came into another file, that can be mended and handed in again."""
        ...


class Asked(msgspec.Struct, frozen=True):
    """
    What is said of files beforehand.

    Of tables the kind of all their rows, or the mapping of their columns; of documents who reports them.
    """

    kind: str | None = None
    mapping: Mapping | None = None
    organisation: str | None = None


def open_source(path: Path, asked: Asked | None = None) -> Source:
    """Return a file as a source. Raises UsageError for an ending that is none of READ."""
    ending = path.suffix.lower()
    if ending in LINES:
        return _LineFile(path)
    if ending in TABLES:
        return _TableFile(path, asked or Asked())
    if ending in DOCUMENTS:
        return _DocumentFile(path, (asked or Asked()).organisation)
    raise UsageError(
        "usage.ending", f"{path.name[:80]} is not of a kind that is read.", f"Give it as {', '.join(READ)}."
    )


def read_columns(path: Path) -> Mapping:
    """Return the mapping of columns in a JSON file. Raises UsageError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mapping)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            "usage.columns",
            f"{path} does not read: {error}.",
            'Write {"kind": "shipped", "columns": ["code", "occurred_at", null, "to"]}: one for each column.',
        ) from error


def read_signed(path: Path) -> bytes:
    """Return the bytes of a signed report file, no more than one may have."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ReportError(
            "report.too_large", f"The file has more than {MAX_FILE_BYTES:,} bytes.", "Sign several reports."
        )
    return content


class _LineFile:
    """JSON lines. A line that is not in the strict form is told by itself: it was signed by nobody yet."""

    ending = ".jsonl"

    def __init__(self, path: Path) -> None:
        self._path = path

    def reads(self, told: Progress | None = None) -> Iterator[Read]:
        """Yield each line."""
        row = 0
        with self._path.open("rb") as file:
            for row, line in _numbered(file):
                yield _read_line(row, line)
                if told is not None and row % 1000 == 0:
                    told(file.tell())
        if not row:
            raise ReportError("report.empty", "There are no lines.", "Write one event a line, ended by LF.")

    def copy_rows(self, rows: set[int], out: Path) -> None:
        """Write these lines."""
        with self._path.open("rb") as file, out.open("wb") as copy:
            for row, line in _numbered(file):
                if row in rows:
                    copy.write(line.removesuffix(b"\n") + b"\n")


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file by their numbers, each cut behind what no line may have."""
    row = 0
    while line := file.readline(MAX_LINE_BYTES + 2):
        row += 1
        yield row, line
        while line and not line.endswith(b"\n"):  # the rest of one that is too long
            line = file.readline(MAX_LINE_BYTES + 2)


def _read_line(row: int, line: bytes) -> Read:
    if not line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES:
        why = Reason(
            row, "", "", "report.unfinished", "The last line does not end in LF; the file may have been cut.",
            "End it in LF if it is whole.",
        )  # fmt: skip
        return Read(row, None, (why,))
    plain = line.removesuffix(b"\n")
    try:
        split(plain)
    except VoltrailError as error:
        return Read(row, None, (Reason.of(row, error),))
    return Read(row, plain)


class _TableFile:
    """A table: CSV or a workbook."""

    ending = ".csv"

    def __init__(self, path: Path, asked: Asked) -> None:
        self._path, self._asked = path, asked

    def reads(self, told: Progress | None = None) -> Iterator[Read]:
        """Yield each row below the header."""
        with self._opened() as (file, table):
            mapping = self._mapping(table)
            for row in read_rows(table, mapping):
                yield _read_row(row, table.header)
                if told is not None and row.number % 1000 == 0:
                    told(file.tell())

    def copy_rows(self, rows: set[int], out: Path) -> None:
        """Write the header and these rows as CSV that spreadsheets open."""
        with self._opened() as (_, table), out.open("w", encoding="utf-8-sig", newline="") as copy:
            writer = csv.writer(copy)
            writer.writerow(table.header)
            for number, cells in table.rows():
                if number in rows:
                    writer.writerow([text_of(cell) for cell in cells])

    @contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], Table]]:
        with self._path.open("rb") as file:
            yield file, open_table(file, self._path.name)

    def _mapping(self, table: Table) -> Mapping:
        """Return how the columns are read. Raises TableError where members are lacking."""
        mapping = self._asked.mapping or guess(table.header, self._asked.kind)
        missing = lacking(mapping)
        if missing:
            raise TableError(
                "table.lacking",
                f"No column was found for {', '.join(missing)}.",
                "Name the columns as in the template (`voltrail template KIND --out FILE`), say"
                " `--kind KIND`, or give `--columns FILE.json`.",
            )
        return mapping


class _DocumentFile:
    """An EPCIS 2.0 document; its rows are its events. What is to be mended is the document as a whole."""

    ending = ".jsonl"

    def __init__(self, path: Path, organisation: str | None) -> None:
        self._path, self._organisation = path, organisation

    def reads(self, told: Progress | None = None) -> Iterator[Read]:
        """Yield each event of the document."""
        for row in self._rows():
            reasons = tuple(
                Reason(row.number, one.path, "", one.rule, one.message, one.fix) for one in row.troubles
            )
            yield Read(row.number, row.line, reasons)
            if told is not None and row.number % 1000 == 0:
                told(self._path.stat().st_size)

    def copy_rows(self, rows: set[int], out: Path) -> None:
        """Write the lines that these events became; those that became none are in the reasons alone."""
        with out.open("wb") as copy:
            for row in self._rows():
                if row.number in rows and row.line is not None:
                    copy.write(row.line + b"\n")

    def _rows(self) -> list[EventRow]:
        if self._organisation is None:
            raise UsageError(
                "usage.organisation",
                "It is not said who reports this document.",
                "Sign with a key: its name says it. With a token, hand the document in at /epcis/capture.",
            )
        with self._path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ReportError(
                "report.too_large", f"The file has more than {MAX_FILE_BYTES:,} bytes.", "Make several of it."
            )
        return lines_of_document(content, self._organisation)


def _read_row(row: Row, header: tuple[str, ...]) -> Read:
    reasons = tuple(
        Reason(
            row.number,
            "" if one.column is None or one.column >= len(header) else header[one.column],
            one.value,
            one.rule,
            one.message,
            one.fix,
        )
        for one in row.troubles
    )
    return Read(row.number, row.line, reasons)


class Reasons:
    """Why rows were not taken, written as they come, as CSV for spreadsheets; formulas are made text."""

    def __init__(self, path: Path) -> None:
        self.rule = self.message = ""
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["row", "column", "value", "rule", "message", "fix"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def add(self, why: Reason) -> None:
        """Write one; the first is also told in words."""
        if not self.message:
            self.rule, self.message = why.rule, f"Row {why.row}: {why.message} {why.fix}".rstrip()
        cells = (why.column, why.value, why.rule, why.message, why.fix)
        self._writer.writerow([why.row, *map(_harmless, cells)])


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
