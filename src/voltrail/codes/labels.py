"""
One label: where its modules and its words stand, in millimetres from its upper left corner.

A label says nothing but the code: as a symbol, in its groups for eyes, and as the address. Its modules are a
whole number of dots, and as wide as two dots of a 203 dpi label printer at least: what is narrower comes out
as it likes. Where that does not fit the label is refused, and a larger one asked for.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Final, NamedTuple

from voltrail.codes.carriers import CARRIERS, QUIET_MODULES, Carrier, Symbol, content_of, encode
from voltrail.codes.code import Code
from voltrail.codes.parsing import parse, tidy
from voltrail.errors import CodeError, UsageError

SMALLEST_MODULE_MM: Final = 0.25
"""Two dots of a 203 dpi label printer, the coarsest in use: one dot too wide or narrow is half a module."""
MAX_HOST: Final = 64  # characters of a host; longer ones make a symbol that few labels hold
DOTS_PER_INCH: Final = (
    600  # modules are whole dots of the finest common printer, unless a picture has its own
)
CHARACTER: Final = 0.6  # the width of a character of a typewriter face, for a height of 1
LINE: Final = 1.25  # the distance of lines, for a height of 1
_MM_PER_INCH: Final = 25.4
_BETWEEN: Final = re.compile(r"[,;\t，；、]")
_LARGEST_MODULE_MM: Final = 1.5
_LARGEST_BAR_MM: Final = 0.5
_FEWEST_CHARACTERS: Final = 10  # of a line that a long text is broken into
_GAP_MM: Final = 1.5  # between symbol and words
_CODE_MM: Final = (4.5, 1.9)  # the height of a code's characters: at best, at least
_ADDRESS_MM: Final = (2.2, 1.4)
_BARS_MM: Final = (10.0, 30.0)  # the height of bars: at least (read by hand-held lasers), at most
_UNPRINTED_MM: Final = 4.3  # at the edge of paper, by laser printers
_MARGIN_MM: Final = 1.2


class Size(NamedTuple):
    """
    Labels as they are sold: the paper, how many stand on it, and where, in millimetres.

    `pitch` is from one label's upper left corner to the next one's.
    """

    name: str
    paper_width_mm: float
    paper_height_mm: float
    columns: int
    rows: int
    width_mm: float
    height_mm: float
    left_mm: float = 0
    top_mm: float = 0
    pitch_x_mm: float = 0
    pitch_y_mm: float = 0

    @property
    def per_sheet(self) -> int:
        """How many labels a sheet has."""
        return self.columns * self.rows

    @property
    def is_sheet(self) -> bool:
        """Whether several labels stand on one paper."""
        return self.per_sheet > 1

    @property
    def margins_mm(self) -> tuple[float, float]:
        """What stays empty at the sides, and above and below: what a printer of sheets cannot reach."""
        if not self.is_sheet:
            return _MARGIN_MM, _MARGIN_MM
        return max(_MARGIN_MM, _UNPRINTED_MM - self.left_mm), max(_MARGIN_MM, _UNPRINTED_MM - self.top_mm)

    def corner_mm(self, place: int) -> tuple[float, float]:
        """Return the upper left corner of the label at a place, counted along rows from 0."""
        row, column = divmod(place, self.columns)
        return self.left_mm + column * self.pitch_x_mm, self.top_mm + row * self.pitch_y_mm


def _single(width_mm: float, height_mm: float) -> Size:
    return Size(f"{width_mm}x{height_mm}", width_mm, height_mm, 1, 1, width_mm, height_mm)


SIZES: Final[dict[str, Size]] = {
    size.name: size
    for size in (
        Size("a4-3x8", 210, 297, 3, 8, 70, 37, 0, 0.5, 70, 37),
        Size("a4-3x7", 210, 297, 3, 7, 63.5, 38.1, 7.25, 15.15, 66, 38.1),
        Size("a4-2x7", 210, 297, 2, 7, 99.1, 38.1, 4.65, 15.15, 101.6, 38.1),
        Size("letter-3x10", 215.9, 279.4, 3, 10, 66.7, 25.4, 4.75, 12.7, 69.85, 25.4),
        _single(100, 150),
        _single(100, 50),
        _single(60, 40),
        _single(50, 30),
    )
}
"""By name. Sheets are those that many makers sell: 70 × 37, 63.5 × 38.1, 99.1 × 38.1 mm, 2⅝ × 1 inch."""
DEFAULT_SIZE: Final = "a4-3x7"


class Words(NamedTuple):
    """A line of words: its left end and its base line, the height of its characters, and what it says."""

    x_mm: float
    y_mm: float
    height_mm: float
    text: str
    bold: bool = False

    @property
    def width_mm(self) -> float:
        """How wide it is."""
        return len(self.text) * CHARACTER * self.height_mm


class Label(NamedTuple):
    """A label: the symbol from `x_mm`, `y_mm` on, its modules as wide as `module_mm`; and the words."""

    code: str
    width_mm: float
    height_mm: float
    symbol: Symbol
    x_mm: float
    y_mm: float
    module_mm: float
    module_height_mm: float
    words: tuple[Words, ...]


def size_of(name: str) -> Size:
    """Return the size of this name. Raises UsageError (`label.size`)."""
    if name not in SIZES:
        raise UsageError(
            "label.size", f"There is no label size {name[:40]!r}.", f"Use one of {', '.join(SIZES)}."
        )
    return SIZES[name]


def carrier_of(name: str) -> Carrier:
    """Return the carrier of this name. Raises UsageError (`label.carrier`)."""
    for carrier in CARRIERS:
        if carrier == name:
            return carrier
    raise UsageError(
        "label.carrier", f"There is no carrier {name[:40]!r}.", f"Use one of {', '.join(CARRIERS)}."
    )


def make(
    code: str,
    carrier: Carrier,
    size: Size,
    host: str,
    dots_per_inch: int = DOTS_PER_INCH,
    gtin: str | None = None,
) -> Label:
    """
    Return the label of a code; with the GTIN of its model its address is a GS1 Digital Link.

    Raises CodeError, UsageError (`usage.host`), and UsageError (`label.too_small`) where modules would be
    narrower than 0.25 mm, or words lower than eyes read.
    """
    if len(host) > MAX_HOST:
        raise UsageError("usage.host", f"The host has {len(host)} characters.", f"Use {MAX_HOST} at most.")
    parsed, address = parse(code), content_of("qr", code, host, gtin)
    symbol = encode(carrier, code if carrier == "code128" else address)
    shown = groups_of(parsed)
    plan = _plan(carrier, symbol.width, tuple(map(len, shown)), len(address), size, dots_per_inch)
    if plan is None:
        raise _too_small(symbol, size)
    texts = " ".join(shown), address
    words = tuple(
        Words(line.x_mm, line.y_mm, line.height_mm, texts[line.text][line.start : line.stop], line.text == 0)
        for line in plan.lines
    )
    return Label(
        parsed.text, size.width_mm, size.height_mm, symbol,
        plan.x_mm, plan.y_mm, plan.module_mm, plan.module_height_mm, words,
    )  # fmt: skip


def groups_of(code: Code) -> list[str]:
    """Return the parts of a code as labels show them; an NC- id, which has hyphens, in one."""
    return [code.text] if code.organisation is not None else [segment.text for segment in code.segments]


class _Line(NamedTuple):
    """A line of words before there are any: a part of the code (`text` 0) or of the address (1)."""

    x_mm: float
    y_mm: float
    height_mm: float
    text: int
    start: int
    stop: int

    @property
    def width_mm(self) -> float:
        return (self.stop - self.start) * CHARACTER * self.height_mm


class _Plan(NamedTuple):
    x_mm: float
    y_mm: float
    module_mm: float
    module_height_mm: float
    lines: list[_Line]


@lru_cache(1024)
def _plan(
    carrier: Carrier, modules: int, groups: tuple[int, ...], address: int, size: Size, dots_per_inch: int
) -> _Plan | None:
    """
    Return where everything stands, for all codes of one form; None where the label is too small.

    Modules are as wide as may be, and give way to words until both fit.
    """
    dot, (across, down), quiet = _MM_PER_INCH / dots_per_inch, size.margins_mm, QUIET_MODULES[carrier]
    smallest = math.ceil(SMALLEST_MODULE_MM / dot - 1e-9)
    # The light margin may lie on what a printer cannot reach, the symbol may not.
    room = [
        min((length - 2 * margin) / modules, length / (modules + 2 * quiet))
        for length, margin in ((size.width_mm, across), (size.height_mm, down))
    ]
    largest = min(room[0], _LARGEST_BAR_MM) if carrier == "code128" else min(*room, _LARGEST_MODULE_MM)
    for dots in range(math.floor(largest / dot + 1e-9), smallest - 1, -1):
        arrange = _beneath_bars if carrier == "code128" else _around_square
        plan = arrange(modules, dots * dot, quiet * dots * dot, groups, address, size)
        if plan is not None:
            return plan
    return None


def _around_square(
    modules: int, module: float, quiet: float, groups: tuple[int, ...], address: int, size: Size
) -> _Plan | None:
    """Return a label with its words beside the symbol where it is wider than high, else below."""
    (across, down), side, apart = size.margins_mm, modules * module, max(quiet, _GAP_MM)
    width, height = size.width_mm, size.height_mm
    if width > height * 1.2:
        left = max(across, quiet) + side + apart
        lines = _lines(groups, address, width - across - left, height - 2 * down)
        moved = [one._replace(x_mm=left, y_mm=one.y_mm + (height - _height(lines)) / 2) for one in lines]
        return _Plan(max(across, quiet), (height - side) / 2, module, module, moved) if lines else None
    top = max(down, quiet)
    lines = _lines(groups, address, width - 2 * across, height - down - top - side - apart)
    top = max(top, (height - side - apart - _height(lines)) / 2)
    return (
        _Plan((width - side) / 2, top, module, module, _centred(lines, width, top + side + apart))
        if lines
        else None
    )


def _beneath_bars(
    modules: int, module: float, _quiet: float, groups: tuple[int, ...], address: int, size: Size
) -> _Plan | None:
    """Return a label with bars above and its words below, all of it in the middle."""
    (across, down), width, height = size.margins_mm, size.width_mm, size.height_mm
    for share in (0.6, 0.5, 0.4):
        bars = min(share * (height - 2 * down), _BARS_MM[1])
        lines = _lines(groups, address, width - 2 * across, height - 2 * down - bars - _GAP_MM)
        if lines and bars >= _BARS_MM[0]:
            top = (height - bars - _GAP_MM - _height(lines)) / 2
            below = _centred(lines, width, top + bars + _GAP_MM)
            return _Plan((width - modules * module) / 2, top, module, bars, below)
    return None


def _lines(groups: tuple[int, ...], address: int, width: float, height: float) -> list[_Line]:
    """Return the code and the address in lines, as large as there is room; nothing where there is none."""
    for tenths in range(round(_CODE_MM[0] * 10), round(_CODE_MM[1] * 10) - 1, -1):
        high = tenths / 10
        small = max(min(_ADDRESS_MM[0], high * 0.6), _ADDRESS_MM[1])
        spans = [(0, high, *span) for span in _filled(groups, _characters(width, high))]
        addressed = [(1, small, *span) for span in _broken(address, _characters(width, small))]
        y = 0.0
        lines: list[_Line] = []
        for text, size, start, stop in [*spans, *addressed]:
            y += (0.5 * small if text and lines and not lines[-1].text else 0) + size
            lines.append(_Line(0, y, size, text, start, stop))
            y += (LINE - 1) * size
        if spans and addressed and y <= height:
            return lines
    return []


def _filled(groups: tuple[int, ...], most: int) -> list[tuple[int, int]]:
    """Return how groups, a space between them, stand in lines; nothing where one is longer than a line."""
    if len(groups) == 1:
        return _broken(groups[0], most)
    lines: list[tuple[int, int]] = []
    at = 0
    for length in groups:
        if lines and at + length - lines[-1][0] <= most:
            lines[-1] = (lines[-1][0], at + length)
        else:
            lines.append((at, at + length))
        at += length + 1
    return lines if max(groups) <= most else []


def _broken(length: int, most: int) -> list[tuple[int, int]]:
    """Return how a text stands in lines of about the same length; nothing where those would be too short."""
    if most < _FEWEST_CHARACTERS:
        return []
    each = math.ceil(length / math.ceil(length / most))
    return [(at, min(at + each, length)) for at in range(0, length, each)]


def _characters(width: float, height: float) -> int:
    return math.floor(width / (CHARACTER * height) + 1e-9)


def _height(lines: list[_Line]) -> float:
    """Return how high lines are, to the lower end of the last."""
    return lines[-1].y_mm + (LINE - 1) * lines[-1].height_mm if lines else 0


def _centred(lines: list[_Line], width: float, top: float) -> list[_Line]:
    return [one._replace(x_mm=(width - one.width_mm) / 2, y_mm=one.y_mm + top) for one in lines]


def _too_small(symbol: Symbol, size: Size) -> UsageError:
    needed = (symbol.width + 2 * symbol.quiet) * SMALLEST_MODULE_MM
    fix = "Choose a larger label."
    if symbol.carrier == "code128":
        fix = "Choose a wider label; or QR or Data Matrix, which take less room."
    return UsageError(
        "label.too_small",
        f"A label of {size.width_mm:g} × {size.height_mm:g} mm is too small: modules would be narrower than"
        f" {SMALLEST_MODULE_MM} mm, or words too low. The symbol alone has {symbol.width} modules and takes"
        f" {needed:.0f} mm with its light margin, within what a printer reaches.",
        fix,
        source="two dots of a 203 dpi label printer are 0.25 mm",
    )


def read_list(text: str, most: int) -> list[str]:
    """
    Return the codes of a list, each once, in their order: one a line, or between commas.

    Spaces within a code, small letters and whole addresses do no harm. Raises CodeError with the number of
    its line, UsageError (`label.none`, `label.too_many`).
    """
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for part in _BETWEEN.split(line):
            if not part.strip("\ufeff \"'"):
                continue
            try:
                found[parse(tidy(part.strip("\ufeff"))).text] = None
            except CodeError as error:
                error.line = number
                raise
            if len(found) > most:
                raise UsageError(
                    "label.too_many", f"More than {most:,} codes.", "Make them in several parts.", number
                )
    if not found:
        raise UsageError("label.none", "There is no code to make a label of.", "Give one code a line.")
    return list(found)
