"""
What a scanner reads: a code as the modules of a QR code, a Data Matrix or a Code 128, made by zxing-cpp.

GB/T 34014-2017 refers to these three (GB/T 18284, ISO/IEC 16022, GB/T 18347). What its clause 5 says of size
and error correction we have no confirmed source for, so these are our choices, each with its reason:

- QR and Data Matrix carry the address `https://HOST/b/CODE`, so that any phone leads to the battery; Code 128
  carries the code alone, since an address would make it twice as long as a label.
- QR corrects errors at level Q (a quarter of the symbol, ISO/IEC 18004), for labels that live beside oil and
  tools: 37 modules across, where level M has 33. A Data Matrix has no choice (ECC 200). A Code 128
  has a check character and corrects nothing.
- The light margin around it is what each standard asks for, and one module more for Data Matrix, which is
  cut close most often.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import zxingcpp

from voltrail.codes.building import gs1_url, url
from voltrail.codes.parsing import parse

Carrier = Literal["qr", "datamatrix", "code128"]
CARRIERS: Final[tuple[Carrier, ...]] = ("qr", "datamatrix", "code128")

QUIET_MODULES: Final[dict[Carrier, int]] = {"qr": 4, "datamatrix": 2, "code128": 10}
"""How many modules stay light: around QR (ISO/IEC 18004) and Data Matrix, beside Code 128 (ISO/IEC 15417)."""

_FORMATS: Final = {
    "qr": zxingcpp.BarcodeFormat.QRCode,
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
    "code128": zxingcpp.BarcodeFormat.Code128,
}
_OPTIONS: Final[dict[Carrier, dict[str, str]]] = {"qr": {"ec_level": "Q"}, "datamatrix": {}, "code128": {}}


class Run(NamedTuple):
    """Dark modules side by side: `width` of them from column `x` of row `y`, counting from the top left."""

    x: int
    y: int
    width: int


class Symbol(NamedTuple):
    """
    A symbol without its light margin, in modules.

    Of a Code 128 there is one row, which is drawn as high as there is room: `height` is 1.
    """

    carrier: Carrier
    content: str
    width: int
    height: int
    runs: tuple[Run, ...]

    @property
    def quiet(self) -> int:
        """How many modules stay light around it."""
        return QUIET_MODULES[self.carrier]


def content_of(carrier: Carrier, code: str, host: str, gtin: str | None = None) -> str:
    """Return what a carrier says; with a GTIN the address is a Digital Link. Raises CodeError, UsageError."""
    if carrier == "code128":
        return parse(code).text
    return url(code, host) if gtin is None else gs1_url(code, gtin, host)


def encode(carrier: Carrier, content: str) -> Symbol:
    """Return the symbol that says this."""
    made = zxingcpp.create_barcode(content, _FORMATS[carrier], **_OPTIONS[carrier])
    image = _pixels(zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False))
    height, width = image.shape or (0, 0)
    pixels = image.tobytes()
    rows = 1 if carrier == "code128" else height
    runs = [run for y in range(rows) for run in _runs(pixels[y * width : (y + 1) * width], y)]
    return Symbol(carrier, content, width, rows, tuple(runs))


def _pixels(image: Any) -> memoryview:
    """Return a picture as bytes; that it is a buffer the types of zxing-cpp do not say."""
    return memoryview(image)


def _runs(row: bytes, y: int) -> list[Run]:
    """Return the dark runs of one row of pixels, 0 being dark."""
    return [Run(x, y, width) for x, width in _spans(row)]


@lru_cache(4096)
def _spans(row: bytes) -> tuple[tuple[int, int], ...]:
    found, at = [], row.find(0)
    while at >= 0:
        end = row.find(255, at)
        end = len(row) if end < 0 else end
        found.append((at, end - at))
        at = row.find(0, end)
    return tuple(found)
