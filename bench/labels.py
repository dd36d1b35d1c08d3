"""
Measure how fast labels are made: ten thousand on sheets, as PDF, and what they weigh.

    python bench/labels.py --labels 10000

Beside it, for a tenth of them since it takes so long, the same sheets made as reportlab's own documents show:
its QR widget in a drawing; and each rectangle of our symbols by `Canvas.rect`. One process, one core.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

sys.path.insert(0, str(Path(__file__).parents[1]))

from voltrail.codes import issue, labels, printing, url
from voltrail.codes.labels import SIZES

HOST = "registry.example.org"
SHEET = SIZES["a4-3x8"]
KINDS = (("qr", "a4-3x8"), ("datamatrix", "a4-3x8"), ("code128", "a4-2x7"))


def codes(count: int) -> list[str]:
    """Return codes of a day's production."""
    made = issue(maker="9ZZ", count=count, level="pack", battery_type="B", production_date=date(2026, 4, 12))
    return list(made)


def ours(count: int, carrier: labels.Carrier, size: str) -> bytes:
    """Return the labels as `voltrail label` makes them: from codes to the bytes of the file."""
    chosen = SIZES[size]
    return printing.pdf((labels.make(code, carrier, chosen, HOST) for code in codes(count)), chosen)


def by_widget(count: int) -> bytes:
    """Return the same sheets with reportlab's own QR widget, error correction level Q as ours."""
    made = BytesIO()
    canvas = Canvas(made, pagesize=(SHEET.paper_width_mm * mm, SHEET.paper_height_mm * mm))
    for number, code in enumerate(codes(count)):
        x, y = _place(canvas, number)
        drawing = Drawing(28 * mm, 28 * mm)
        drawing.add(QrCodeWidget(url(code, HOST), barLevel="Q", barWidth=28 * mm, barHeight=28 * mm))
        renderPDF.draw(drawing, canvas, x, y)
        _words(canvas, x + 30 * mm, y + 20 * mm, code)
    canvas.save()
    return made.getvalue()


def by_rectangles(count: int) -> bytes:
    """Return the same sheets, each run of our modules drawn by Canvas.rect."""
    made = BytesIO()
    canvas = Canvas(made, pagesize=(SHEET.paper_width_mm * mm, SHEET.paper_height_mm * mm))
    for number, code in enumerate(codes(count)):
        x, y = _place(canvas, number)
        label = labels.make(code, "qr", SHEET, HOST)
        side = label.module_mm * mm
        for run in label.symbol.runs:
            canvas.rect(x + run.x * side, y - run.y * side, run.width * side, side, stroke=0, fill=1)
        _words(canvas, x + 30 * mm, y + 20 * mm, code)
    canvas.save()
    return made.getvalue()


def _place(canvas: Canvas, number: int) -> tuple[float, float]:
    """Return the lower left corner of a label; a full sheet is turned over."""
    place = number % SHEET.per_sheet
    if place == 0 and number:
        canvas.showPage()
    x_mm, y_mm = SHEET.corner_mm(place)
    return x_mm * mm, (SHEET.paper_height_mm - y_mm - SHEET.height_mm) * mm


def _words(canvas: Canvas, x: float, y: float, code: str) -> None:
    canvas.setFont("Courier-Bold", 12)
    for at in range(0, len(code), 12):
        canvas.drawString(x, y - at, code[at : at + 12])
    canvas.setFont("Courier", 6)
    for at in range(0, len(address := url(code, HOST)), 18):
        canvas.drawString(x, y - 30 - at / 3, address[at : at + 18])


def row(what: str, count: int, make: Callable[[], bytes]) -> None:
    """Print a row of the table."""
    begun, cpu = time.perf_counter(), time.process_time()
    size = len(make())
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    print(
        f"| {what} | {count:,} | {wall:.1f} | {used:.1f} | {count / wall:,.0f} | {size / 1e6:.2f} "
        f"| {size / count:,.0f} |",
        flush=True,
    )


def main() -> None:
    """Measure and print the table."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--labels", type=int, default=10_000)
    count = given.parse_args().labels
    print(f"{platform.processor() or platform.machine()}, load average {os.getloadavg()[0]:.1f}\n")
    print("| What | Labels | s | CPU s | Labels/s | MB | Bytes a label |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for carrier, size in KINDS:
        name = labels.carrier_of(carrier)
        row(f"{carrier}, {size}", count, lambda name=name, size=size: ours(count, name, size))
    tenth = max(count // 10, 1)
    row("the same QR by `Canvas.rect`", tenth, lambda: by_rectangles(tenth))
    row("peer: reportlab's QR widget", tenth, lambda: by_widget(tenth))


if __name__ == "__main__":
    main()
