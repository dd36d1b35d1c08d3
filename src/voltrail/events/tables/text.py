"""CSV files as people have them: which encoding, which delimiter, row by row in constant memory."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final

from voltrail.errors import TableError
from voltrail.events.tables.columns import member_of
from voltrail.events.tables.table import MAX_COLUMNS, Numbered, Table

MAX_ROW_CHARS: Final = 1_048_576
_BLOCK: Final = 262_144
_DELIMITERS: Final = (",", ";", "\t", "，")
_SAVE: Final = "Save the file as CSV UTF-8 (in Excel: Save as, CSV UTF-8), or as .xlsx."


def open_text(stream: BinaryIO) -> Table:
    """Return the table in a CSV file. Raises TableError."""
    encoding = find_encoding(stream)
    delimiter = _find_delimiter(stream, encoding)
    return Table("csv", lambda: _rows(stream, encoding, delimiter), encoding=encoding, delimiter=delimiter)


# -------------------------------------------------------------------- encoding


def find_encoding(stream: BinaryIO) -> str:
    """
    Return the encoding of a file as Python calls it, once all of it was seen to be in it.

    Raises TableError where it cannot be told for sure.
    """
    stream.seek(0)
    begin = stream.read(_BLOCK)
    if begin.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise _unknown()
    marked = _marked(begin)
    for encoding in [marked] if marked is not None else ["utf-8", "gb18030"]:
        if encoding == "gb18030" and not _is_chinese(_beyond_ascii(stream)):
            break
        try:
            return _all_in(stream, encoding)
        except UnicodeDecodeError:
            continue
    raise _unknown()


def _marked(begin: bytes) -> str | None:
    """Return the encoding that the beginning of a file shows, by its mark or by its zeros."""
    if begin.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return _utf_16(begin) if b"\x00" in begin else None


def _all_in(stream: BinaryIO, encoding: str) -> str:
    """Return the encoding; raises when the file is not in it, or has NUL or a row longer than any may be."""
    decoder = codecs.getincrementaldecoder(encoding)()
    stream.seek(0)
    since = 0
    while block := stream.read(_BLOCK):
        text = decoder.decode(block)
        if "\x00" in text:
            raise TableError("table.binary", "The file holds bytes that no text has (NUL).", _SAVE)
        first = text.find("\n")
        since += len(text) if first < 0 else first
        if since > MAX_ROW_CHARS and "\r" not in text:
            raise _too_long()
        if first >= 0:
            since = len(text) - text.rfind("\n") - 1
        elif "\r" in text:
            since = 0
    decoder.decode(b"", final=True)
    return encoding


def _utf_16(begin: bytes) -> str | None:
    """Return which UTF-16 it is without a mark, told by where the zeros of delimiters and line ends stand."""
    for encoding, end in (("utf-16-le", b"\n\x00"), ("utf-16-be", b"\x00\n")):
        at = begin.find(end)
        while at >= 0 and at % 2:
            at = begin.find(end, at + 1)
        if at >= 0:
            return encoding
    return None


def _beyond_ascii(stream: BinaryIO, most: int = 65_536) -> bytes:
    """Return stretches of the file that hold more than ASCII, each with what stands around it."""
    stream.seek(0)
    found = bytearray()
    while len(found) < most and (block := stream.read(_BLOCK)):
        for line in block.splitlines()[:-1] if len(block) == _BLOCK else block.splitlines():
            if not line.isascii():
                found += line[:4096] + b"\n"
                if len(found) >= most:
                    break
    return bytes(found)


def _is_chinese(data: bytes) -> bool:
    """
    Return whether bytes are Chinese in GB 18030, beyond doubt.

    Nearly any bytes decode, so it asks whether what comes out is what people write: characters of everyday
    use (GB 2312, level 1), of which some are the commonest of all or words at the head of a spreadsheet.
    """
    text = data.decode("gb18030", "replace")
    wide = [character for character in text if ord(character) > 0x7F]
    if not wide:
        return False
    everyday = sum(1 for character in wide if _everyday(character))
    common = sum(1 for character in wide if character in _COMMON)
    return everyday >= 0.9 * len(wide) and common >= 0.25 * len(wide)


def _everyday(character: str) -> bool:
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and (0xA1 <= code[0] <= 0xA3 or 0xB0 <= code[0] <= 0xD7)


_COMMON: Final = frozenset(
    "的一是不了在有人我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么"
    "心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知样现分将"
    "外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被"
    "走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员"
    "九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解"
    "各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流"
    "每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空"
    "甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委"
    "电池包编码型号质量能容类别时间日期厂商企业单位车架备注批次序列组芯串并规格地址省市县镇街路号楼室姓名电话联系"
    "人数额定压流温度循环健康状态检测维修更换原因退役回收拆解利用梯再生产品公司限责任统社会信用代码证书磷酸铁锂三"
    "元锰钴镍，。：；（）、"
)


def _unknown() -> TableError:
    return TableError("table.encoding", "The encoding of this file cannot be told for sure.", _SAVE)


# ------------------------------------------------------------------------ rows


def _find_delimiter(stream: BinaryIO, encoding: str) -> str:
    """Return what parts the cells: that by which most headers are known, or most rows alike."""
    best: tuple[tuple[int, int, int], str] = ((0, 0, 0), ",")
    for delimiter in _DELIMITERS:
        try:
            rows = [
                cells for _, cells in itertools.islice(_rows(stream, encoding, delimiter), 30) if any(cells)
            ]
        except TableError:
            continue
        known = max((len({member_of(str(cell)) for cell in cells} - {None}) for cells in rows), default=0)
        widths = [len(cells) for cells in rows if len(cells) > 1]
        alike = max(map(widths.count, widths), default=0)
        score = (known, alike, max(widths, default=0))
        if score > best[0]:
            best = (score, delimiter)
    return best[1]


class _Budget:
    """How much of a row may still come, so that a quote never closed cannot swallow the file."""

    left = MAX_ROW_CHARS


def _rows(stream: BinaryIO, encoding: str, delimiter: str) -> Iterator[Numbered]:
    """Yield number and cells of each row, from the beginning of the file."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    budget, number = _Budget(), 0
    try:
        for cells in csv.reader(_bounded(text, budget), delimiter=delimiter, strict=True):
            number += 1
            budget.left = MAX_ROW_CHARS
            if len(cells) > MAX_COLUMNS:
                raise _too_wide(number)
            if number == 1 and len(cells) <= 2 and cells and cells[0].lower().startswith("sep="):
                continue
            yield number, tuple(cells)
    except csv.Error:
        raise TableError(
            "table.quote",
            "A quotation mark is not closed, or something stands behind the one that closes.",
            "Close it, and write a quotation mark within a cell twice; or save the file as .xlsx.",
            line=number + 1,
        ) from None
    except UnicodeDecodeError:
        raise _unknown() from None
    finally:
        with suppress(ValueError):  # the stream may have been closed meanwhile
            text.detach()


def _bounded(text: io.TextIOWrapper, budget: _Budget) -> Iterator[str]:
    for line in text:
        budget.left -= len(line)
        if budget.left < 0:
            raise _too_long()
        yield line


def _too_long() -> TableError:
    return TableError(
        "table.row_too_long",
        f"A row has more than {MAX_ROW_CHARS:,} characters.",
        "Check that the file is a table, and that each quotation mark is closed.",
    )


def _too_wide(number: int) -> TableError:
    return TableError(
        "table.too_wide",
        f"A row has more than {MAX_COLUMNS} columns.",
        "Take out the columns that hold nothing of the event.",
        line=number,
    )
