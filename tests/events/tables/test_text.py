"""CSV files as people have them: encodings, delimiters, quotes, what stands around the table."""

import io

import pytest

from tests.events.tables.sheets import CODE, GOOD, HEADER, OTHER, csv_of, csv_table, read
from voltrail.errors import TableError
from voltrail.events.tables import guess, open_table, text

CHINESE = csv_of(
    ("发生时间", "电池编码", "型号", "备注"), ("2026年4月21日 9:30", CODE, "M-1", "出厂检验合格")
)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_the_encodings_of_clerks_are_told_apart(encoding, found):
    """Whatever Excel and WPS save, the same rows come out."""
    table = csv_table(CHINESE, encoding)
    (row,) = read(table)
    assert table.encoding == found
    assert row.line is not None
    assert "出厂检验合格".encode() in row.line


def test_utf_16_big_endian_with_its_mark():
    """The mark says the order of bytes, and is no part of the first header."""
    (row,) = read(csv_table(b"\xfe\xff" + CHINESE.encode("utf-16-be")))
    assert row.line is not None


@pytest.mark.parametrize(
    "data",
    [
        "Größe;Übergabe;Straße\r\nStück;für;früher\r\n".encode("cp1252"),
        "電池編碼,發生時間,備註\r\n九,二,出廠檢驗合格\r\n".encode("big5"),
        "배터리코드,발생시각,비고\r\n구,이,출하검사합격\r\n".encode("euc-kr"),
        "電池コード,発生日時,備考\r\n九,二,出荷検査に合格しました\r\n".encode("shift-jis"),
        "電池コード,発生日時,備考\r\n九,二,出荷検査に合格しました\r\n".encode("euc-jp"),
        "дата;код;примечание\r\nа;б;партия принята\r\n".encode("cp1251"),
        b"\xff\xfe\x00\x00" + "code".encode("utf-32-le"),
        b"code,note\r\n" + b"9,\xff\xff\xff\r\n",
        b"\xff\xfe" + "code,note\r\n".encode("utf-16-le") + b"\x00\xd8",
    ],
)
def test_an_encoding_that_cannot_be_told_is_not_guessed(data):
    """Other encodings decode as Chinese too, into nonsense: better to ask than to put that on record."""
    with pytest.raises(TableError) as error:
        csv_table(data)
    assert error.value.rule == "table.encoding"
    assert "UTF-8" in error.value.fix


def test_chinese_that_begins_late_is_found():
    """The first bytes say nothing when only a note far down is Chinese."""
    rows = [("2026-04-21 09:30", CODE, "M-1", str(number)) for number in range(20_000)]
    data = csv_of(("Occurred at", "Battery code", "Model", "Note"), *rows)
    data += csv_of(("2026-04-21 09:30", OTHER, "M-1", "检验合格，电池编号连续"))
    assert csv_table(data, "gb18030").encoding == "gb18030"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "，"])
def test_delimiters_are_told_apart(delimiter):
    """A file from a German or Chinese desk has other delimiters than one from an American one."""
    table = csv_table(csv_of(HEADER, GOOD, delimiter=delimiter))
    assert (table.delimiter, len(table.header)) == (delimiter, len(HEADER))
    assert read(table)[0].line is not None


def test_decimal_commas_beside_semicolons():
    """Where commas stand in numbers, the semicolons are the delimiters."""
    table = csv_table(f"Occurred at;Battery code;Mass (kg)\r\n2026-04-21;{CODE};412,5\r\n")
    assert b'"mass_kg":412.5' in read(table)[0].line


def test_the_delimiter_that_excel_names():
    """The line `sep=;`, which Excel reads and hides, is no header; rows count on."""
    table = csv_table(f"sep=;\r\nOccurred at;Battery code\r\n2026-04-21;{CODE}\r\n")
    (row,) = read(table)
    assert (table.header_row, row.number, row.line is not None) == (2, 3, True)


def test_quotes_and_line_breaks_within_cells():
    """A cell may hold the delimiter, quotes and lines; a row counts as the spreadsheet counts it."""
    table = csv_table(csv_of(HEADER, (*GOOD[:5], 'two\nlines, and "quotes"'), (*GOOD[:1], OTHER, *GOOD[2:])))
    first, second = read(table)
    assert rb"two\nlines, and \"quotes\"" in first.line
    assert (first.number, second.number) == (2, 3)


def test_a_quote_that_is_not_closed_swallows_nothing():
    """Rows within one cell would be lost without a word."""
    text_ = csv_of(HEADER, GOOD).rstrip('"\r\n') + "\r\n" + csv_of(*[GOOD] * 3)
    with pytest.raises(TableError) as error:
        read(csv_table(text_))
    assert (error.value.rule, error.value.line) == ("table.quote", 2)


def test_titles_above_and_empty_rows_and_columns_between():
    """A table that begins in the middle of a sheet is found, and its rows keep their numbers."""
    table = csv_table(
        f"四月出厂清单,,,\r\n,,,\r\n,发生时间,,电池编码\r\n,,,\r\n,2026-04-21,,{CODE}\r\n,,,\r\n,2026-04-22,,{OTHER}\r\n"
    )
    assert table.header_row == 3
    assert [row.number for row in read(table)] == [5, 7]
    assert all(row.line for row in read(table))


def test_a_header_that_comes_again_is_no_row():
    """Programs that print repeat the header on each page."""
    assert len(read(csv_table(csv_of(HEADER, GOOD, HEADER)))) == 1


def test_a_file_of_ours_comes_back():
    """What a file stands on is the heading of a column without cells; it makes no trouble."""
    about = (
        "Table: Batteries · Read at: 2026-11-30 09:00:00 (UTC+8) · Log: voltrail.example/log · " + "x" * 300
    )
    table = csv_table(csv_of((*HEADER, about), (*GOOD, "")))
    assert guess(table.header).columns[-1] is None
    assert read(table)[0].line is not None


def test_rows_can_be_read_again_from_the_beginning():
    """A page shows the first rows, and then the job reads all."""
    table = csv_table(csv_of(HEADER, *[GOOD] * 3))
    next(iter(table.rows()))
    assert len(list(table.rows())) == len(list(table.rows())) == 3


# --------------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "table.empty"),
        (b"\xef\xbb\xbf", "table.empty"),
        (b"\r\n\r\n,,,\r\n", "table.empty"),
        (b"code,note\r\n9,\x00\r\n", "table.binary"),
        (b"a," * 600 + b"\r\n", "table.too_wide"),
        (b'code,note\r\n"' + b"x" * 300_000, "table.quote"),
        (b"<html><table><tr><td>code</td></tr></table></html>", "table.form"),
        (b"<?xml version='1.0'?><Workbook/>", "table.form"),
        (b"%PDF-1.7 ...", "table.form"),
        (b'{"kind":"found"}\n', "table.form"),
        (b"\x09\x08\x10\x00\x00\x06", "table.form"),
    ],
)
def test_what_is_no_table_is_said_to_be_none(data, rule):
    """Whatever a name says, the bytes decide, and the answer says what to do."""
    with pytest.raises(TableError) as error:
        read(csv_table(data, name="stock.xls"))
    assert error.value.rule == rule
    assert error.value.fix


class _Endless(io.RawIOBase):
    """A stream of one byte over and over, which nobody has to hold."""

    def __init__(self, size: int) -> None:
        self._size, self._at, self.read_bytes = size, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset
        return self._at

    def read(self, count: int = -1) -> bytes:
        count = min(count, self._size - self._at)
        self._at += count
        self.read_bytes += count
        return b"x" * count


def test_a_gigabyte_in_one_line_is_refused_after_a_megabyte():
    """A line without end is neither held nor read to its end."""
    stream = _Endless(1 << 30)
    with pytest.raises(TableError) as error:
        open_table(stream, "stock.csv")
    assert error.value.rule == "table.row_too_long"
    assert stream.read_bytes < 1 << 23


def test_a_row_over_many_lines_is_bounded(monkeypatch):
    """Quoted cells of many lines could make one row of a whole file."""
    row = ",".join('"' + "x\n" * 50_000 + '"' for _ in range(20))
    with pytest.raises(TableError) as error:
        read(csv_table(f"code,note\r\n{row}\r\n"))
    assert error.value.rule == "table.row_too_long"
    assert text.MAX_ROW_CHARS == 1 << 20
