r"""
Spreadsheets: a CSV file or workbook as event lines, each wrong cell with what to do about it.

    >>> import io
    >>> file = io.BytesIO("发生时间,电池编码\n2026年4月21日,9ZZPB240000003G4C0221953\n".encode())
    >>> table = open_table(file, "stock.csv")
    >>> [row.line for row in read_rows(table, guess(table.header, "manufactured"))]
    [b'{"kind":"manufactured","occurred_at":"2026-04-21T00:00:00+08:00","code":"9ZZPB240000003G4C0221953"}']

`columns` holds the headers in two languages, `mapping` which column is which member, `cells` what a cell may
hold, `rows` the way to lines, `templates` the files to begin with.
"""

from voltrail.events.tables.cells import Cell
from voltrail.events.tables.mapping import Mapping, guess, lacking
from voltrail.events.tables.rows import Row, Trouble, read_row, read_rows
from voltrail.events.tables.table import Table, open_table
from voltrail.events.tables.templates import template

__all__ = [
    "Cell",
    "Mapping",
    "Row",
    "Table",
    "Trouble",
    "guess",
    "lacking",
    "open_table",
    "read_row",
    "read_rows",
    "template",
]
