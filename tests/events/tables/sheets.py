"""Spreadsheets as people send them, made for tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from voltrail.events.tables import Mapping, Row, Table, guess, open_table, read_rows

CODE = "9ZZPB240000003G4C0221953"
OTHER = "9ZZPB240000003G4C0221954"
THIRD = "9ZZPB240000003G4C0221955"
HEADER = ("Occurred at", "Battery code", "Model", "Mass (kg)", "Energy (kWh)", "Note")
GOOD = ("2026-04-21 09:30", CODE, "M-1", "412.5", "60.2", "fine")


def csv_table(text: str | bytes, encoding: str = "utf-8", name: str = "stock.csv") -> Table:
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return open_table(io.BytesIO(data), name)


def csv_of(*rows: Sequence[str], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    return written.getvalue()


def xlsx_of(*rows: Sequence[Any], **sheets: Sequence[Sequence[Any]]) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for name, more in sheets.items():
        other = book.create_sheet(name)
        for row in more:
            other.append(list(row))
    return saved(book)


def saved(book: Workbook) -> bytes:
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def xlsx_table(data: bytes, sheet: str | None = None, name: str = "stock.xlsx") -> Table:
    return open_table(io.BytesIO(data), name, sheet)


def read(table: Table, kind: str | None = "manufactured", mapping: Mapping | None = None) -> list[Row]:
    return list(read_rows(table, mapping or guess(table.header, kind)))


def one(**cells: str) -> Row:
    """Return the row of a `manufactured` whose other cells are as they should be."""
    given = dict(zip(HEADER, GOOD, strict=True)) | {
        name.replace("_", " "): cell for name, cell in cells.items()
    }
    (row,) = read(csv_table(csv_of(list(given), list(given.values()))))
    return row
