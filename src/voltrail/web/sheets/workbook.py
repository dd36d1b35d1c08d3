"""
The workbook that Excel and WPS open, run by run.

A workbook is a zip of some small files around one long one (ECMA-376, SpreadsheetML), so it is written here
as it streams; libraries put it together on the disk first.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, Final
from xml.sax.saxutils import escape

from voltrail.regimes.deadlines import CHINA
from voltrail.web.page import Page
from voltrail.web.sheets.about import About
from voltrail.web.sheets.pipe import Pipe
from voltrail.web.sheets.sheet import Form, Sheet, remembered
from voltrail.web.sheets.words import word_for

MAX_SHEET_ROWS: Final = 1_048_576  # of a sheet, its heading among them
MAX_TEXT: Final = 32_767  # characters that a cell holds
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DAY_ZERO: Final = datetime(1899, 12, 30, tzinfo=CHINA)
_MOST_EXACT: Final = 10**15  # Excel keeps fifteen digits of a number; longer ones are texts
_WIDTHS: Final[dict[Form, int]] = {"text": 26, "texts": 30, "names": 30, "time": 18, "day": 12}

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AROUND: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Voltrail" sheetId="1" r:id="r1"/>'
    '<sheet name="{about}" sheetId="2" r:id="r3"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    f'<Relationship Id="r3" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/></Relationships>',
    # style 0 as it comes, 1 for times, 2 for the heading, 3 for days, 4 for texts of several lines
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="5"><xf xfId="0"/><xf numFmtId="164" applyNumberFormat="1" xfId="0"/>'
    '<xf fontId="1" applyFont="1" xfId="0"/><xf numFmtId="165" applyNumberFormat="1" xfId="0"/>'
    '<xf xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_TOP: Final = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
)


def write_xlsx(sheet: Sheet, about: About | None, page: Page) -> Iterator[bytes]:
    """
    Yield a workbook, a piece for each run of rows; texts are texts, never formulas.

    Its second sheet says on what the first one stands, and how many rows it has.
    """
    target, forms = Pipe(), [_form(column.form, page) for column in sheet.columns]
    number = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, content in _AROUND.items():
            book.writestr(name, _HEAD + content.replace("{about}", escape(page.say("About this file"))))
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as target_sheet:
            target_sheet.write((_HEAD + _TOP + _columns(sheet) + "<sheetData>").encode())
            target_sheet.write(_row([_text(column.said(page), 2) for column in sheet.columns]).encode())
            for run in sheet.runs:
                number += len(run)
                target_sheet.write(_rows(run, forms).encode())
                yield target.taken()
            target_sheet.write(b"</sheetData></worksheet>")
        told = [*(about.told(page) if about is not None else ()), (page.say("Rows"), str(number))]
        book.writestr("xl/worksheets/sheet2.xml", _HEAD + _about(told))
    yield target.taken()


def _columns(sheet: Sheet) -> str:
    widths = [_WIDTHS.get(column.form, 16) for column in sheet.columns]
    told = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(widths, 1)
    )
    return f"<cols>{told}</cols>"


def _about(told: Sequence[tuple[str, str]]) -> str:
    cells = "".join(_row([_text(name, 2), _text(value, 4)]) for name, value in told)
    return (
        f'<worksheet xmlns="{_MAIN}"><cols><col min="1" max="1" width="24" customWidth="1"/>'
        f'<col min="2" max="2" width="90" customWidth="1"/></cols><sheetData>{cells}</sheetData></worksheet>'
    )


def _rows(run: Sequence[Sequence[Any]], forms: list[Callable[[Any], str]]) -> str:
    """Return a run of rows, written by columns: that is quicker than cell by cell."""
    if not run:
        return ""
    columns = [list(map(form, cells)) for form, cells in zip(forms, zip(*run, strict=True), strict=True)]
    return "".join(map(_row, zip(*columns, strict=True)))


def _row(cells: Sequence[str]) -> str:
    return f"<row>{''.join(cells)}</row>"


def _form(form: Form, page: Page) -> Callable[[Any], str]:
    """Return what writes the cells of a form; the few names of the record are written once each."""
    if form in {"name", "kind"}:
        word = page.event if form == "kind" else partial(word_for, page=page)
        return remembered(lambda name: _text(word(name)), "<c/>")
    if form == "names":
        return lambda names: _texts([word_for(name, page) for name in names]) if names else "<c/>"
    return _FORMS[form]


def _text(text: str | None, style: int = 0) -> str:
    if text is None:
        return "<c/>"
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    said = escape(_NO_XML.sub("", text))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>'


def _number(value: float | None) -> str:
    if value is None:
        return "<c/>"
    return _text(str(value)) if abs(value) >= _MOST_EXACT else f"<c><v>{value!r}</v></c>"


def _flag(value: bool | None) -> str:
    return "<c/>" if value is None else f'<c t="b"><v>{int(value)}</v></c>'


def _time(value: datetime | None) -> str:
    return (
        "<c/>" if value is None else f'<c s="1"><v>{(value - _DAY_ZERO).total_seconds() / 86_400:.8f}</v></c>'
    )


def _day(value: date | None) -> str:
    return "<c/>" if value is None else f'<c s="3"><v>{(value - _DAY_ZERO.date()).days}</v></c>'


def _texts(values: Sequence[str] | None) -> str:
    return _text("; ".join(values)) if values else "<c/>"


_FORMS: Final[dict[Form, Callable[[Any], str]]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "flag": _flag,
    "time": _time,
    "day": _day,
    "texts": _texts,
}
