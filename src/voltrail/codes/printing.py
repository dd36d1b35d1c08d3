"""
Labels as files: SVG and PNG of one, PDF of as many as there are.

All of a symbol is one path, filled once, so that no viewer shows a seam between two of its modules. The fonts
are those that every PDF reader has; nothing is embedded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from voltrail.codes.carriers import Run, Symbol
from voltrail.codes.labels import CHARACTER, Label, Size, Words
from voltrail.errors import UsageError

PNG_DOTS_PER_INCH: Final = (203, 300, 600)
_MM_PER_INCH: Final = 25.4
_POINTS_PER_MM: Final = 72 / _MM_PER_INCH
_FONTS: Final = {False: "Courier", True: "Courier-Bold"}


def svg(label: Label) -> bytes:
    """Return a label as SVG, in millimetres."""
    modules = "".join(f"M{run.x} {run.y}h{run.width}v1h-{run.width}z" for run in label.symbol.runs)
    words = "".join(_svg_words(one) for one in label.words)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{label.width_mm:g}mm" height="{label.height_mm:g}mm" '
        f'viewBox="0 0 {label.width_mm:g} {label.height_mm:g}" role="img">'
        f"<title>{escape(label.code)}</title>"
        f'<path fill="#fff" d="M0 0h{label.width_mm:g}v{label.height_mm:g}H0z"/>'
        f'<path shape-rendering="crispEdges" transform="translate({label.x_mm:.4f} {label.y_mm:.4f})'
        f' scale({label.module_mm:.6f} {label.module_height_mm:.6f})" d="{modules}"/>{words}</svg>\n'
    ).encode()


def _svg_words(words: Words) -> str:
    weight = ' font-weight="bold"' if words.bold else ""
    return (
        f'<text x="{words.x_mm:.3f}" y="{words.y_mm:.3f}" font-size="{words.height_mm:.2f}"'
        f' font-family="Courier, monospace"{weight} xml:space="preserve" lengthAdjust="spacingAndGlyphs"'
        f' textLength="{words.width_mm:.3f}">{escape(words.text)}</text>'
    )


def png(label: Label, dots_per_inch: int) -> bytes:
    """
    Return a label as PNG, in black and white; its modules are whole pixels where it was made for these dots.

    Raises UsageError (`label.dots`).
    """
    check_dots(dots_per_inch)
    scale = dots_per_inch / _MM_PER_INCH
    image = Image.new("L", (round(label.width_mm * scale), round(label.height_mm * scale)), 255)
    left, top = round(label.x_mm * scale), round(label.y_mm * scale)
    module = max(round(label.module_mm * scale), 1)
    high = max(round(label.module_height_mm * scale), 1)
    draw = ImageDraw.Draw(image)
    for run in label.symbol.runs:
        x, y = left + run.x * module, top + run.y * high
        draw.rectangle((x, y, x + run.width * module - 1, y + high - 1), fill=0)
    for words in label.words:
        _draw_words(draw, words, scale)
    made = BytesIO()
    image.save(made, "PNG", dpi=(dots_per_inch, dots_per_inch))
    return made.getvalue()


def _draw_words(draw: ImageDraw.ImageDraw, words: Words, scale: float) -> None:
    """Draw a line, each character in the middle of its place, as a typewriter does."""
    font = _font(max(round(words.height_mm * scale * 0.85), 6))
    for place, character in enumerate(words.text):
        x = (words.x_mm + (place + 0.5) * CHARACTER * words.height_mm) * scale
        draw.text((x, words.y_mm * scale), character, fill=0, font=font, anchor="ms")


@lru_cache(32)
def _font(pixels: int) -> Any:
    return ImageFont.load_default(pixels)


def pdf(labels: Iterable[Label], size: Size, start: int = 0) -> bytes:
    """
    Return labels as PDF: on sheets, the first from place `start` on, counted from 0; or one a page.

    The same labels are the same bytes. Raises UsageError (`label.start`).
    """
    made = BytesIO()
    page = size.paper_width_mm * _POINTS_PER_MM, size.paper_height_mm * _POINTS_PER_MM
    make_canvas: Any = Canvas
    canvas = make_canvas(made, pagesize=page, pageCompression=1, invariant=1)
    for number, label in enumerate(labels, check_start(size, start)):
        place = number % size.per_sheet
        if place == 0 and number:
            canvas.showPage()
        x_mm, y_mm = size.corner_mm(place)
        canvas.addLiteral(_pdf_symbol(label, x_mm, size.paper_height_mm - y_mm))
        for words in label.words:
            canvas.setFont(_FONTS[words.bold], words.height_mm * _POINTS_PER_MM)
            canvas.drawString(
                (x_mm + words.x_mm) * _POINTS_PER_MM,
                (size.paper_height_mm - y_mm - words.y_mm) * _POINTS_PER_MM,
                words.text,
            )
    canvas.setTitle("Voltrail")
    canvas.save()
    return made.getvalue()


def check_dots(dots_per_inch: int) -> int:
    """Return a number of dots per inch that pictures have. Raises UsageError (`label.dots`)."""
    if dots_per_inch not in PNG_DOTS_PER_INCH:
        raise UsageError(
            "label.dots",
            f"There are no pictures of {dots_per_inch} dots per inch.",
            f"Use {', '.join(map(str, PNG_DOTS_PER_INCH))}.",
        )
    return dots_per_inch


def check_start(size: Size, start: int) -> int:
    """Return a place on a sheet. Raises UsageError (`label.start`) where the sheet has none."""
    if not 0 <= start < size.per_sheet:
        raise UsageError(
            "label.start",
            f"A sheet of {size.name} has no label {start + 1}.",
            f"Begin with one from 1 to {size.per_sheet}.",
        )
    return start


def _pdf_symbol(label: Label, x_mm: float, y_mm: float) -> str:
    """Return the drawing of a symbol; the label's upper left corner is there, from the page's lower left."""
    x, y = (x_mm + label.x_mm) * _POINTS_PER_MM, (y_mm - label.y_mm) * _POINTS_PER_MM
    across, down = label.module_mm * _POINTS_PER_MM, label.module_height_mm * _POINTS_PER_MM
    return f"q {across:.5f} 0 0 {-down:.5f} {x:.4f} {y:.4f} cm {_rectangles(label.symbol)}f Q"


def _rectangles(symbol: Symbol) -> str:
    return "".join(map(_rectangle, symbol.runs))


@lru_cache(65_536)
def _rectangle(run: Run) -> str:
    return f"{run.x} {run.y} {run.width} 1 re "
