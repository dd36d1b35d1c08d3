"""Tables to take away: what one is (`sheet`), and its files: CSV, a workbook, Parquet, EPCIS."""

from collections.abc import Iterator
from typing import Final

from voltrail.events.epcis import MEDIA_TYPE
from voltrail.web.page import Page
from voltrail.web.sheets.about import About
from voltrail.web.sheets.comma import write_csv
from voltrail.web.sheets.linked import write_epcis
from voltrail.web.sheets.parquet import write_parquet
from voltrail.web.sheets.sheet import Cell, Column, Form, InLog, Row, Sheet
from voltrail.web.sheets.workbook import MAX_SHEET_ROWS, write_xlsx

__all__ = [
    "EVENT_TYPES",
    "MAX_SHEET_ROWS",
    "MEDIA_TYPES",
    "About",
    "Cell",
    "Column",
    "Form",
    "InLog",
    "Row",
    "Sheet",
    "write",
    "write_csv",
    "write_parquet",
    "write_xlsx",
]

MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
EVENT_TYPES: Final = MEDIA_TYPES | {"jsonld": MEDIA_TYPE}  # of tables of events
_WRITERS: Final = {"csv": write_csv, "xlsx": write_xlsx, "parquet": write_parquet, "jsonld": write_epcis}


def write(ending: str, sheet: Sheet, about: About, page: Page) -> Iterator[bytes]:
    """Yield the file of a table, piece by piece as its rows are read, in the words of a page."""
    return _WRITERS[ending](sheet, about, page)
