"""
From what a scanner gives to a code: the address on a label of ours, a code alone, a GS1 Digital Link.

A label is a piece of paper that anyone can print, so the host that it names is handed back: who reads it is
told, and nobody is sent there.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final, NamedTuple

import zxingcpp
from PIL import Image, UnidentifiedImageError

from voltrail.codes.parsing import tidy
from voltrail.codes.pattern import is_code
from voltrail.errors import CodeError, UsageError

MAX_SCANNED: Final = 1_000  # characters
MAX_PHOTO_BYTES: Final = 20_000_000
MAX_PHOTO_PIXELS: Final = 64_000_000  # what telephones take at their best; each is one byte here
MAX_PLAIN_PIXELS: Final = 25_000_000  # of kinds that cannot be read smaller than they are
FORMATS: Final = ("JPEG", "PNG", "WEBP")
RULE: Final = "scan.no_code"
_ADDRESS: Final = re.compile(r"\s*https?://(?P<host>[^/?#\s]{1,300})(?P<rest>[^\s]*)\s*", re.IGNORECASE)
_ESCAPED: Final = re.compile("%([0-7][0-9A-Fa-f])")
_READ_AT: Final = 3_000  # pixels of the longer side: larger photographs are read smaller
_CARRIERS: Final = zxingcpp.BarcodeFormats(
    [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Code128]
)


class Scanned(NamedTuple):
    """A code, and the host that its label names; None where it names none."""

    code: str
    host: str | None = None


def read_label(text: str) -> Scanned:
    """
    Return the code that a scanned text carries.

    That is the whole text; or a part of an address or of GS1 elements such as (21), tidied up. Raises
    CodeError (`scan.no_code`) where there is none, or are several.
    """
    if len(text) > MAX_SCANNED:
        raise _none(text, "It is longer than any label of a battery.")
    address = _ADDRESS.fullmatch(text)
    host = address["host"].rpartition("@")[2].lower() if address else None
    parts = (
        re.split(r"[/?&=#]", address["rest"]) if address else [text, *re.split(r"\([0-9]{2,4}\)|\x1d", text)]
    )
    if address:
        parts.append(text)  # as a whole, since a Digital Link of ours has its code in two parts
    found = {code for part in parts if is_code(code := tidy(_ESCAPED.sub(_unescaped, part)))}
    if len(found) == 1:
        return Scanned(found.pop(), host)
    if found:
        raise _none(text, f"It carries {len(found)} codes.")
    raise _none(text, "It carries no code of a battery.")


def read_photo(content: bytes) -> list[str]:
    """
    Return what the symbols in a photograph say, each once; none where there are none, or they do not read.

    JPEG, PNG and WebP; pixels are counted before any is made. Raises UsageError (`scan.photo`).
    """
    if len(content) > MAX_PHOTO_BYTES:
        raise _unread(f"It has more than {MAX_PHOTO_BYTES // 1_000_000} MB.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as photo:
            pixels, most = photo.width * photo.height, MAX_PLAIN_PIXELS
            if photo.format == "JPEG":
                photo.draft(
                    "L", (_READ_AT, _READ_AT)
                )  # JPEG is read at a half, a quarter, an eighth of its size
                most = MAX_PHOTO_PIXELS
            if pixels > most:
                raise _unread(f"It has more than {most // 1_000_000} million pixels.")
            grey = photo.convert("L")
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise _unread("It is no JPEG, PNG or WebP picture, or a damaged one.") from error
    grey.thumbnail((_READ_AT, _READ_AT))
    found = zxingcpp.read_barcodes(grey, formats=_CARRIERS)
    return list(dict.fromkeys(one.text for one in found if one.text))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _none(text: str, why: str) -> CodeError:
    return CodeError(
        RULE,
        f"{text[:60]!r} was read. {why}",
        "Scan the label of the battery itself, or type a part of its code.",
    )


def _unread(why: str) -> UsageError:
    return UsageError(
        "scan.photo", f"This photograph cannot be read. {why}", "Take another one, closer and sharp."
    )
