"""A spreadsheet as rows of cells, whatever its form: what it is, where its header stands, what follows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, Literal, TypeAlias

from voltrail.errors import TableError
from voltrail.events.tables.cells import Cell, is_empty, text_of
from voltrail.events.tables.columns import member_of

Form: TypeAlias = Literal["csv", "xlsx"]
Numbered: TypeAlias = tuple[int, tuple[Cell, ...]]

MAX_COLUMNS: Final = 500
_HEADER_WITHIN: Final = 50  # rows from the top
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Table:
    """
    A table, opened. `rows` may be called again; each call reads the stream from its beginning.

    `encoding` and `delimiter` are those of a CSV file, empty for a workbook. `header_row` counts from 1.
    """

    def __init__(
        self,
        form: Form,
        read: Callable[[], Iterator[Numbered]],
        *,
        encoding: str = "",
        delimiter: str = "",
        sheets: tuple[str, ...] = (),
        sheet: str | None = None,
    ) -> None:
        self.form: Form = form
        self.encoding, self.delimiter, self.sheets, self.sheet = encoding, delimiter, sheets, sheet
        self._read = read
        self.header_row, self.header = find_header(read())

    def rows(self) -> Iterator[Numbered]:
        """Yield number, as the spreadsheet shows it, and cells of each row below the header."""
        for number, cells in self._read():
            if number > self.header_row:
                yield number, cells


def find_header(rows: Iterable[Numbered]) -> tuple[int, tuple[str, ...]]:
    """
    Return number and cells of the header: of the first rows, the one with the most headers that are known.

    Where none is known it is the first with the most cells. Raises TableError for a table without rows.
    """
    best: tuple[int, int, Numbered] | None = None
    for number, cells in itertools.islice(rows, _HEADER_WITHIN):
        names = [text_of(cell) for cell in cells if not is_empty(cell)]
        if not names:
            continue
        known = len({member_of(name) for name in names} - {None})
        if best is None or (known, len(names) if not known else 0) > best[:2]:
            best = (known, len(names) if not known else 0, (number, cells))
    if best is None:
        raise TableError(
            "table.empty", "The table has no rows.", "Choose the sheet or file that holds the data."
        )
    number, cells = best[2]
    header = [text_of(cell).strip() for cell in cells]
    while header and not header[-1]:
        header.pop()
    return number, tuple(header)


def open_table(stream: BinaryIO, name: str, sheet: str | None = None) -> Table:
    """
    Return the table in a stream that can seek: a CSV file in whatever encoding, or a sheet of a workbook.

    `name` is that of the file, for messages; what it is is told by its bytes. Without `sheet` it is the first
    that is visible and not empty. Raises TableError for what is no table, or cannot be read for sure.
    """
    stream.seek(0)
    begin = stream.read(4096)
    stream.seek(0)
    if begin.startswith(_ZIP):
        from voltrail.events.tables import workbook

        return workbook.open_workbook(stream, sheet)
    _check_form(begin, stream, name)
    if sheet is not None:
        raise TableError("table.sheet", "A CSV file has no sheets.", "Leave the sheet out.")
    from voltrail.events.tables import text

    return text.open_text(stream)


def _check_form(begin: bytes, stream: BinaryIO, name: str) -> None:
    """Raise TableError for a file that is neither CSV nor a workbook, saying what it is."""
    save = "Open it in the spreadsheet program and save it as .xlsx, or as CSV UTF-8."
    if not begin:
        raise TableError("table.empty", f"{name[:80]} is empty.", "Send the file that holds the data.")
    if begin.startswith(_OLE):
        if _is_encrypted(begin, stream):
            message, fix = "The workbook is protected by a password.", "Save it without a password."
        else:
            message, fix = "This is a workbook in the old form (.xls).", save
        raise TableError("table.form", message, fix)
    if begin.startswith((b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00")):
        raise TableError("table.form", "This is a workbook in the old form (.xls).", save)
    head = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(
        (b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<body", b"<div", b"<style")
    ):
        raise TableError("table.form", "This is a web page, whatever its name says.", save)
    if head.startswith((b"<?xml", b"<workbook")):
        raise TableError("table.form", "This is an XML file, not a workbook.", save)
    if head.startswith((b"{", b'["', b"[{")):
        raise TableError("table.form", "This is JSON, no spreadsheet.", "Send it as JSON lines (.jsonl).")
    if head.startswith((b"%pdf", b"\x89png", b"rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"{\\rtf")):
        raise TableError("table.form", "This is no spreadsheet.", "Send a workbook (.xlsx) or a CSV file.")


def _is_encrypted(begin: bytes, stream: BinaryIO) -> bool:
    """Return whether a compound file holds an encrypted workbook, by its directory ([MS-CFB] 2.2, 2.6)."""
    sector = int.from_bytes(begin[48:52], "little")
    stream.seek(min(sector + 1, 1 << 20) * 512)
    return "EncryptedPackage".encode("utf-16-le") in stream.read(4096)
