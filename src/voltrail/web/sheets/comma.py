"""
CSV, run by run.

What the file stands on is the heading of a last column, in which nothing stands. A block behind the
rows would be read as rows by pandas, and by us when the file comes back; lines with # before them are rows to
Excel; a second file (CSV on the Web) and a header of the answer are gone once the file is mailed on. A column
without cells goes wherever the file goes, and is in nobody's way.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from voltrail.regimes.deadlines import CHINA
from voltrail.web.page import Page
from voltrail.web.sheets.about import About
from voltrail.web.sheets.sheet import Form, Sheet, remembered
from voltrail.web.sheets.words import word_for

_BOM: Final = "\ufeff"  # by which Excel knows UTF-8
# At the beginning, and behind what some spreadsheets part cells by; Chinese ones know wide signs, too.
_FORMULA: Final = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\n＝＋－＠])")


def write_csv(sheet: Sheet, about: About | None, page: Page) -> Iterator[bytes]:
    """
    Yield a CSV file, a piece for each run of rows: UTF-8, CRLF (RFC 4180), times in China's zone.

    What a spreadsheet would take for a formula begins with an apostrophe. Several texts in a cell are parted
    by semicolons. Without `about` the rows are of no record, and stand on nothing.
    """
    target = io.StringIO()
    writer = csv.writer(target)
    target.write(_BOM)
    said = [column.said(page) for column in sheet.columns]
    stands = [about.in_one_line(page)] if about is not None else []
    writer.writerow([harmless(one) for one in (*said, *stands)])
    forms = [_form(column.form, page) for column in sheet.columns]
    for run in sheet.runs:
        if run:
            writer.writerows(_written(run, forms, stands))
        yield target.getvalue().encode(errors="replace")
        target.seek(0)
        target.truncate()
    if text := target.getvalue():
        yield text.encode(errors="replace")


def _written(
    run: Sequence[Sequence[Any]], forms: list[Callable[[Any], Any]], stands: list[str]
) -> Iterator[tuple[Any, ...]]:
    """Return the cells of a run as they are written, by columns: that is quicker than cell by cell."""
    columns = [list(map(form, cells)) for form, cells in zip(forms, zip(*run, strict=True), strict=True)]
    return zip(*columns, *([""] * len(run) for _ in stands), strict=True)


def harmless(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    if not text or text.isalnum():  # as most are: codes
        return text or ""
    return _FORMULA.sub(r"\1'", text)


def _form(form: Form, page: Page) -> Callable[[Any], Any]:
    if form in {"name", "kind"}:
        word = page.event if form == "kind" else partial(word_for, page=page)
        return remembered(lambda name: harmless(word(name)), "")
    if form == "names":
        return lambda names: _texts([word_for(name, page) for name in names]) if names else ""
    if form in {"integer", "number"}:
        return lambda value: "" if value is None else value
    return _FORMS[form]


def _flag(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"


def _time(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(CHINA).isoformat()


def _day(value: date | None) -> str:
    return "" if value is None else value.isoformat()


def _texts(values: Sequence[str] | None) -> str:
    return "; ".join(map(harmless, values)) if values else ""


_FORMS: Final[dict[Form, Callable[[Any], str]]] = {
    "text": harmless,
    "flag": _flag,
    "time": _time,
    "day": _day,
    "texts": _texts,
}
