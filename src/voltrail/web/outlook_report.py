"""
The report of the outlook as a page and as PDF, both of the same tree.

A chart of the PDF is that of the page: `web.outlook.chart`, drawn as vectors. Its fonts are those that PDF
readers have, for Chinese too; nothing is embedded, and without a time the same report is the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from io import BytesIO
from itertools import groupby
from typing import Any, Final

from voltrail.outlook import adoption
from voltrail.outlook.adoption import Told, look_ahead
from voltrail.outlook.book import book
from voltrail.outlook.report import (
    WEAK_MARK,
    Chart,
    Heading,
    Paragraph,
    Report,
    Table,
    report,
    written,
)
from voltrail.outlook.run import Outcome
from voltrail.web.outlook import Drawn, Line, chart
from voltrail.web.outlook_adoption import SERIES
from voltrail.web.outlook_scenario import Named
from voltrail.web.page import Page

_COLOURS: Final = ("#0a7457", "#0b5cad", "#8f4d00", "#7a3e9d", "#51626f")  # as the style sheet has them
_INK, _SOFT, _LINE, _WASH = "#13202a", "#4b5c69", "#dbe3e8", "#f4f7f8"
_MARGIN: Final = 54.0  # points, as are all lengths below
_CHART: Final = 96.0
_LABELS: Final = 84.0  # for the labels at the ends of lines
_AXIS: Final = 40.0  # for those of the scale
_LABEL: Final = 6.0  # so that a line of a label takes as much of the field as on a page
_CELL: Final = 7.5
_GAP: Final = 9.0
_ROOM: Final = 120.0  # under a heading, else it goes to the next page
_FONT, _BOLD, _WIDE = "Helvetica", "Helvetica-Bold", "STSong-Light"
_POINT: Final = re.compile(r"([ML])([\d.-]+) ([\d.-]+)|Z")


def drawn(one: Chart) -> Drawn | None:
    """Return the picture of a chart of a report."""
    lines = [Line(each.label, each.years, each.middle, each.low, each.high) for each in one.curves]
    return chart(lines, one.unit, since=one.since)


def report_of(page: Page, one: Named, outcome: Outcome) -> Report:
    """Return the report of a scenario's outcome, in the words of a page, with all that it stands on."""
    return report(
        page, one.word(page), outcome, [(page.say(SERIES[told.id].name), told) for told in _tested()]
    )


@cache
def _tested() -> tuple[Told, ...]:
    """Return the forecasts of shares with their backtests; the figures brought along do not change."""
    return tuple(look_ahead(book(), one) for one in adoption.SERIES)


def html(told: Report, page: Page) -> bytes:
    """Return a report as a page of its own, which needs nothing else."""
    return page.render("outlook_report_file", told=told, **values(told)).encode()


def values(told: Report) -> dict[str, Any]:
    """Return what the template shows of a report."""
    return {
        "parts": [(part, type(part).__name__) for part in told.parts],
        "drawn": drawn,
        "written": written,
        "weak": WEAK_MARK,
    }


def pdf(told: Report, page: Page) -> bytes:
    """Return a report as PDF, A4 upright."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    made = BytesIO()
    document = SimpleDocTemplate(
        made,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=told.title,
        author="Voltrail",
        lang=page.tag,
        invariant=1,
        pageCompression=1,
    )
    setter = _Setter(page, document.width)

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(_FONT, 8)
        canvas.setFillColor(_SOFT)
        setter.write(canvas, _MARGIN, _MARGIN / 2, told.title)
        setter.write(canvas, A4[0] - _MARGIN, _MARGIN / 2, str(canvas.getPageNumber()), 1)

    flow = [setter.words(told.title, "title")]
    for part in told.parts:
        flow += setter.set(part)
    document.build(flow, onFirstPage=foot, onLaterPages=foot)
    return made.getvalue()


class _Setter:
    """Sets the parts of a report in type, each as what reportlab lets flow over pages."""

    def __init__(self, page: Page, width: float) -> None:
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont

        self.page, self.width = page, width
        pdfmetrics.registerFont(UnicodeCIDFont(_WIDE))
        ink, soft = HexColor(_INK), HexColor(_SOFT)

        def style(size: float, **more: Any) -> Any:
            given = {
                "fontName": _FONT,
                "textColor": ink,
                "leading": 1.4 * size,
                "spaceAfter": 6,
                "allowWidows": 0,
                "allowOrphans": 0,
            }
            return ParagraphStyle("", fontSize=size, **(given | more))

        small = {"spaceAfter": 0, "leading": 9.5}
        self.styles = {
            "title": style(20, fontName=_BOLD, spaceAfter=12),
            "heading": style(13.5, fontName=_BOLD, spaceBefore=14),
            "caption": style(9.5, fontName=_BOLD, spaceBefore=6, spaceAfter=3),
            "lead": style(13, fontName=_BOLD, textColor=HexColor(_COLOURS[0])),
            "plain": style(10),
            "small": style(8.5, textColor=soft),
            "code": style(8, fontName="Courier", backColor=HexColor(_WASH)),
            "cell": style(_CELL, **small),
            "right": style(_CELL, **small, alignment=2),
            "head": style(_CELL, **small, fontName=_BOLD, textColor=soft),
            "head right": style(_CELL, **small, fontName=_BOLD, textColor=soft, alignment=2),
        }

    def words(self, text: str, style: str) -> Any:
        """Return a text as a paragraph, in each font what it has."""
        from reportlab.platypus import Paragraph as Words

        told = "".join(
            escape(run, quote=False)
            if font == _FONT
            else f'<font name="{font}">{escape(run, quote=False)}</font>'
            for font, run in _runs(text)
        )
        chosen = self.styles[style]
        if any(font == _WIDE for font, _ in _runs(text)):
            chosen = chosen.clone(style, wordWrap="CJK")
        return Words(told.replace("\n", "<br/>"), chosen)

    def write(self, canvas: Any, x: float, y: float, text: str, align: float = 0) -> None:
        """Write a line on a page; `align` is 0 where it begins at x, 1 where it ends there."""
        size = canvas._fontsize  # noqa: SLF001 - reportlab tells it nowhere else
        at = x - align * _wide(text, size)
        for font, run in _runs(text):
            canvas.setFont(font, size)
            canvas.drawString(at, y, run)
            at += _wide(run, size)

    def set(self, part: Heading | Paragraph | Chart | Table) -> list[Any]:
        """Return what flows."""
        from reportlab.platypus import CondPageBreak, KeepTogether

        match part:
            case Heading():
                return [CondPageBreak(_ROOM), self.words(part.text, "heading")]
            case Paragraph():
                return [self.words(part.text, part.kind)]
            case Table():
                return [CondPageBreak(_ROOM - 40), self.words(part.title, "caption"), self._table(part)]
            case Chart():
                picture = drawn(part)
                caption = self.words(f"{part.title} ({part.unit})", "caption")
                return [KeepTogether([caption, self._picture(picture)])] if picture else []

    def _table(self, part: Table) -> Any:
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import Table as Grid

        right = [any(not isinstance(row[at], str) for row in part.rows) for at in range(len(part.columns))]
        head = [
            self.words(each, "head right" if right[at] else "head") for at, each in enumerate(part.columns)
        ]
        rows = []
        for number, row in enumerate(part.rows):
            cells = [written(self.page, cell) for cell in row]
            if number in part.weak:
                cells[0] += f" {WEAK_MARK}"
            rows.append([self.words(text, "right" if right[at] else "cell") for at, text in enumerate(cells)])
        return Grid(
            [head, *rows],
            colWidths=self._widths(part),
            repeatRows=1,
            spaceAfter=8,
            hAlign="LEFT",
            style=[
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(_LINE)),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), _GAP - 2),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ],
        )

    def _widths(self, part: Table) -> list[float]:
        """
        Return the widths of columns: as wide as what they hold, where that fits.

        Else those that would be wider share what the others leave, by the roots of what they hold.
        """
        natural, least = [], []
        for at, heading in enumerate(part.columns):
            cells = [_wide(written(self.page, row[at]), _CELL) for row in part.rows]
            words = max(_wide(word, 1.1 * _CELL) for word in [*heading.split(), "–"])
            least.append(_GAP + words)
            natural.append(_GAP + max([*cells, words, _wide(heading, 1.1 * _CELL) / 2]))
        if sum(natural) <= self.width:
            return natural
        widths: dict[int, float] = {}
        while len(widths) < len(natural):
            open_ = [at for at in range(len(natural)) if at not in widths]
            each = (self.width - sum(widths.values())) / sum(natural[at] ** 0.5 for at in open_)
            wanted = {at: each * natural[at] ** 0.5 for at in open_}
            held = {at: min(max(wanted[at], least[at]), natural[at]) for at in open_}
            widths |= {at: held[at] for at in open_ if held[at] != wanted[at]} or wanted
        return [widths[at] for at in range(len(natural))]

    def _picture(self, picture: Drawn) -> Any:
        from reportlab.platypus import Flowable

        setter = self

        class Picture(Flowable):  # type: ignore[misc]
            def wrap(self, *_: float) -> tuple[float, float]:
                return setter.width, _CHART + 36

            def draw(self) -> None:
                setter.draw(self.canv, picture)

        return Picture()

    def draw(self, canvas: Any, picture: Drawn) -> None:
        """Draw a chart with its lower left corner at 0, 0."""
        from reportlab.lib.colors import HexColor

        left, foot = _AXIS, 22.0
        wide = self.width - _AXIS - _LABELS

        def x(per_cent: float) -> float:
            return left + wide * per_cent / 100

        def y(per_cent: float) -> float:
            return foot + _CHART * (1 - per_cent / 100)

        def path(text: str) -> Any:
            made = canvas.beginPath()
            for kind, across, down in _POINT.findall(text):
                if kind == "M":
                    made.moveTo(x(float(across)), y(float(down)))
                elif kind == "L":
                    made.lineTo(x(float(across)), y(float(down)))
                else:
                    made.close()
            return made

        canvas.saveState()
        canvas.setFont(_FONT, _CELL)
        canvas.setFillColor(HexColor(_SOFT))
        canvas.setStrokeColor(HexColor(_LINE))
        canvas.setLineWidth(0.5)
        for at, value in picture.down:
            canvas.line(x(0), y(at), x(100), y(at))
            self.write(canvas, x(0) - 5, y(at) - 2.5, self.page.number(value), 1)
        for at, year in picture.across:
            canvas.drawCentredString(x(at), foot - 12, str(year))
        if picture.since is not None:
            canvas.setDash(2, 2)
            canvas.line(x(picture.since), y(0), x(picture.since), y(100))
            canvas.setDash()
            self.write(canvas, x(picture.since), y(0) + 4, self.page.say("forecast from here"), 0.5)
        for line in picture.lines:
            canvas.setFillColor(HexColor(_COLOURS[line.colour - 1]))
            canvas.setFillAlpha(0.17)
            canvas.drawPath(path(line.band), stroke=0, fill=1)
        canvas.setFillAlpha(1)
        canvas.setLineWidth(1.6)
        for line in picture.lines:
            canvas.setStrokeColor(HexColor(_COLOURS[line.colour - 1]))
            canvas.drawPath(path(line.path), stroke=1, fill=0)
            canvas.setFont(_FONT, _LABEL)
            canvas.setFillColor(HexColor(_COLOURS[line.colour - 1]))
            for row, words in enumerate(line.label):
                down = 1.1 * _LABEL * (row - (len(line.label) - 1) / 2)
                self.write(canvas, x(100) + 5, y(line.label_y) - _LABEL / 3 - down, words)
        canvas.restoreState()


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text in pieces with the font that has their letters."""
    for wide, run in groupby(
        text.replace("\u2009", "\u00a0"), lambda one: not one.encode("cp1252", "ignore")
    ):
        yield (_WIDE if wide else _FONT), "".join(run)


def _wide(text: str, size: float) -> float:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return sum(float(stringWidth(run, font, size)) for font, run in _runs(text))
