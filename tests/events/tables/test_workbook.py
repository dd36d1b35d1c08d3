"""Workbooks as Excel and WPS write them, and as an attacker would."""

import io
import zipfile
from datetime import date, datetime, time, timedelta

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from python_calamine import load_workbook as load_by_calamine

from tests.events.tables.sheets import CODE, GOOD, HEADER, OTHER, THIRD, read, saved, xlsx_of, xlsx_table
from voltrail.errors import TableError
from voltrail.events.tables import Mapping, read_rows, workbook

WHEN = datetime(2026, 4, 21, 9, 30)  # noqa: DTZ001 - a workbook's times have no zone
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def raw(
    sheet: str, *, replace: dict[str, bytes] | None = None, compress: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a workbook whose sheet has this XML, with further parts put in or replaced."""
    data = xlsx_of(HEADER)
    written = io.BytesIO()
    parts = {"xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>'.encode()}
    parts |= replace or {}
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(written, "w", compress) as target:
        for name in source.namelist():
            target.writestr(name, parts.pop(name, None) or source.read(name))
        for name, part in parts.items():
            target.writestr(name, part)
    return written.getvalue()


def cells(*texts: str, number: int = 1) -> str:
    inner = "".join(
        f'<c r="{"ABCDEFGHIJ"[at]}{number}" t="str"><v>{text}</v></c>' for at, text in enumerate(texts)
    )
    return f'<row r="{number}">{inner}</row>'


def test_dates_numbers_and_texts():
    """What the sheet holds as a date is one, whatever it looks like; numbers and texts stay."""
    table = xlsx_table(
        xlsx_of(
            HEADER, (WHEN, CODE, "M-1", 412.5, 60, "fine"), (WHEN.date(), OTHER, 7, "412,5 kg", None, None)
        )
    )
    first, second = read(table)
    assert b'"occurred_at":"2026-04-21T09:30:00+08:00"' in first.line
    assert b'"mass_kg":412.5,"energy_kwh":60}' in first.line
    assert b'"occurred_at":"2026-04-21T00:00:00+08:00"' in second.line
    assert b'"model_id":"7","mass_kg":412.5}' in second.line
    assert (table.form, table.sheets, table.header) == ("xlsx", ("Sheet",), HEADER)


def test_days_counted_from_1904():
    """Workbooks from old Macs count days from 1904; read as others they would be four years off."""
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(HEADER[:2])
    book.active.append((WHEN, CODE))
    data = saved(book)
    assert b"2026-04-21T09:30:00" in read(xlsx_table(data))[0].line
    assert load_workbook(io.BytesIO(data)).active["A2"].value == WHEN


def test_a_number_where_a_date_should_be():
    """A date that lost its format is told with the day that it probably is."""
    (trouble,) = read(xlsx_table(xlsx_of(HEADER[:2], (46133.5, CODE))))[0].troubles
    assert trouble.rule == "cell.date_number"
    assert "2026-04-21 12:00" in trouble.message


def test_a_code_that_became_a_number():
    """Its digits are lost; the fix says how to keep them next time."""
    (trouble,) = read(xlsx_table(xlsx_of(HEADER[:2], (WHEN, 1.0e23))))[0].troubles
    assert (trouble.rule, trouble.value) == ("cell.digits_lost", "1E+23")
    assert "text" in trouble.fix


def test_errors_and_formulas():
    """A formula counts with its stored result; one without, or with an error, is told at its cell."""
    sheet = (
        "<sheetData>"
        + cells(*HEADER[:4])
        + '<row r="2"><c r="A2" t="str"><f>TODAY()</f><v>2026-04-21</v></c>'
        + f'<c r="B2" t="str"><v>{CODE}</v></c><c r="D2"><f>SUM(A1:A2)</f><v>412.5</v></c></row>'
        + '<row r="3"><c r="A3"><f>TODAY()</f></c>'
        + '<c r="B3" t="e"><v>#N/A</v></c><c r="C3" t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>'
    )
    first, second = read(xlsx_table(raw(sheet)))
    assert b'"mass_kg":412.5}' in first.line
    assert [(one.column, one.rule) for one in second.troubles if one.column is not None] == [
        (0, "cell.formula"), (1, "cell.error"), (2, "cell.error"),
    ]  # fmt: skip


def test_merged_cells():
    """A merged cell holds for its first row; at the others it is said, and nothing is filled in."""
    book = Workbook()
    sheet = book.active
    for row in (
        ["Deliveries of April"],
        HEADER[:3],
        (WHEN, CODE, "M-1"),
        (None, OTHER, "M-1"),
        (WHEN, THIRD, "M-1"),
    ):
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("A3:A4")
    first, second, third = read(xlsx_table(saved(book)))
    assert first.line is not None
    assert third.line is not None
    (trouble,) = second.troubles
    assert (trouble.column, trouble.rule, trouble.member) == (0, "cell.merged", "occurred_at")


def test_sheets():
    """The first that is visible and not empty is read, another one where it is named; hidden ones only so."""
    book = Workbook()
    book.active.title = "封面"
    hidden = book.create_sheet("old")
    hidden.sheet_state = "hidden"
    for row in (HEADER, GOOD):
        hidden.append(row)
    data_sheet = book.create_sheet("数据")
    for row in (HEADER, GOOD, (*GOOD[:1], OTHER, *GOOD[2:])):
        data_sheet.append(row)
    data = saved(book)
    table = xlsx_table(data)
    assert table.sheets == ("封面", "old", "数据")
    assert (table.sheet, len(read(table))) == ("数据", 2)
    assert len(read(xlsx_table(data, "old"))) == 1
    with pytest.raises(TableError) as error:
        xlsx_table(data, "new")
    assert "数据" in error.value.fix
    with pytest.raises(TableError) as error:
        xlsx_table(data, "封面")
    assert error.value.rule == "table.empty"


def test_shared_and_inline_strings_in_parts():
    """Rich text is one text, without what is read above its characters; _x000D_ is a character."""
    rich = (
        f'<sst xmlns="{MAIN}"><si><t>Occurred at</t></si><si><r><t>Battery</t></r><r>'
        '<t xml:space="preserve"> code</t></r></si><si><t>备注</t>'
        f'<rPh sb="0" eb="2"><t>bei zhu</t></rPh></si><si><t>{CODE}</t></si></sst>'
    ).encode()
    sheet = (
        '<sheetData><row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row>'
        '<row r="5"><c t="d"><v>2026-04-21T09:30:00</v></c><c t="s"><v>3</v></c>'
        '<c t="inlineStr"><is><r><t>a_x000D_</t></r><r><t>_x0041_</t></r></is></c></row></sheetData>'
    )
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Type="http://x/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        b'<Relationship Id="rId9" Type="http://x/sharedStrings" Target="Strings.xml"/></Relationships>'
    )
    data = raw(sheet, replace={"xl/Strings.xml": rich, "xl/_rels/workbook.xml.rels": relations})
    table = xlsx_table(data)
    assert table.header == ("Occurred at", "Battery code", "备注")
    (row,) = read(table)
    assert row.number == 5
    assert b'"note":"a\\nA"' in row.line


def test_other_readers_find_the_same():
    """Two libraries that know nothing of ours read the same cells in a sheet of all kinds."""
    rows = [
        ("text", 1, 1.5, True, WHEN, "多"),
        (None, -2, 1e-7, False, date(2026, 4, 21), " edge "),
        ("=", 123456789012345, 0.1 + 0.2, None, None, "x" * 5000),
    ]
    data = xlsx_of(*rows)
    ours = [list(row) + [None] * (6 - len(row)) for _, row in xlsx_table(data)._read()]
    others = [list(row) for row in load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)]
    calamine = load_by_calamine(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert ours[:2] == others[:2]
    assert ours[2][1:] == others[2][1:]
    for mine, theirs in zip(ours[:2], calamine[:2], strict=True):
        assert [_plain(cell) for cell in mine] == [_plain(cell) for cell in theirs]


def _plain(cell: object) -> object:
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date()
    return None if cell == "" else cell


@pytest.mark.parametrize(
    ("code", "is_date"),
    [
        ("yyyy\\-mm\\-dd hh:mm", True), ("[$-804]yyyy年m月d日", True), ("0.00", False), ("General", False),
        ("@", False), ('0.0" days"', False), ("[Red]0.00", False), ("#,##0", False), ("mm:ss", True),
        ('"day "0', False), ("[h]:mm", True), ("0%", False), ("d/m/yyyy;@", True), ("0.00E+00", False),
    ],
)  # fmt: skip
def test_which_formats_show_dates(code, is_date):
    """A number is a date by its format alone."""
    assert workbook._shows_date(164, code) is is_date


def test_times_are_not_off_by_a_rounding():
    """Days are stored as floats: 09:30 must not become 09:29:59.999."""
    for minutes in range(0, 1440, 7):
        when = WHEN.replace(hour=0, minute=0) + timedelta(minutes=minutes, seconds=minutes % 60)
        days = (when - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
        assert workbook._date(days, from_1904=False) == when


# ------------------------------------------------------------------------ other forms


def _zip(**parts: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/"), part)
    return written.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (OLE.ljust(48, b"\0") + bytes(464) + "Workbook".encode("utf-16-le").ljust(512, b"\0"), ".xls"),
        (
            OLE.ljust(48, b"\0") + bytes(464) + "EncryptedPackage".encode("utf-16-le").ljust(512, b"\0"),
            "password",
        ),
        (_zip(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), ".ods"),
        (_zip(Index__Document=b""), "Numbers"),
        (_zip(some__file=b""), "zip"),
        (b"PK\x03\x04 and then nothing", "damaged"),
    ],
)
def test_other_forms_are_named(data, told):
    """Whoever sends a file in another form is told which it is and what to do."""
    with pytest.raises(TableError) as error:
        xlsx_table(data)
    assert told in error.value.message
    assert error.value.fix


# --------------------------------------------------------------------------- hostile


def refused(data: bytes) -> TableError:
    with pytest.raises(TableError) as error:
        read(xlsx_table(data))
    return error.value


def test_a_zip_bomb():
    """A sheet that unpacks to a thousand times its size is not unpacked."""
    assert refused(raw("<sheetData>" + " " * 20_000_000 + "</sheetData>")).rule == "table.hostile"


def test_sizes_that_lie():
    """A directory that says less than a part unpacks to gets a part that is cut off, and no more."""
    data = raw("<sheetData>" + cells(*HEADER) + " " * 500_000 + "</sheetData>")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    assert (
        refused(data.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))).rule == "table.broken"
    )


def test_very_many_parts():
    """Thousands of parts are none of a spreadsheet."""
    assert refused(raw("", replace={f"xl/x{n}": b"" for n in range(3000)})).rule == "table.too_big"


def test_names_that_lead_out_or_come_twice():
    """Nothing is unpacked to the disk, and still such a zip is nobody's workbook."""
    assert refused(raw("", replace={"../../etc/passwd": b"x"})).rule == "table.hostile"
    data = io.BytesIO(raw(""))
    with zipfile.ZipFile(data, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/workbook.xml", b"<x/>")
    assert refused(data.getvalue()).rule == "table.hostile"


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"])
def test_entities_never_grow(part):
    """A billion laughs are not laughed once: no document type is taken anywhere."""
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><worksheet>&c;</worksheet>'
    assert refused(raw("", replace={part: bomb})).rule == "table.hostile"


def test_a_sheet_that_claims_to_be_as_large_as_can_be():
    """Neither its dimension nor two cells in its far corners cost memory."""
    corners = (
        '<dimension ref="A1:XFD1048576"/><sheetData>' + cells(*HEADER[:2])
        + cells("2026-04-21", CODE, number=2)
        + cells("2026-04-22", OTHER, number=1048576) + "</sheetData>"
    )  # fmt: skip
    assert [row.number for row in read(xlsx_table(raw(corners)))] == [2, 1048576]


def test_cells_far_to_the_right():
    """100,000 columns do not fit a sheet, and 16,384 no table; those that only have a format are none."""
    wide = cells(*HEADER[:2]) + cells("2026-04-21", CODE, number=2)
    far = '<row r="3"><c r="XFD3" t="str"><v>x</v></c></row>'
    assert refused(raw(f"<sheetData>{wide}{far}</sheetData>")).rule == "table.too_wide"
    styled = '<row r="3"><c r="XFD3" s="0"/></row>'
    assert len(read(xlsx_table(raw(f"<sheetData>{wide}{styled}</sheetData>")))) == 1
    many = '<row r="3">' + '<c t="str"><v>x</v></c>' * 100_000 + "</row>"
    assert (
        refused(raw(f"<sheetData>{wide}{many}</sheetData>", compress=zipfile.ZIP_STORED)).rule
        == "table.too_wide"
    )


def test_merged_cells_without_end():
    """A merge of a whole sheet is not filled in."""
    sheet = (
        f'<sheetData>{cells(*HEADER)}</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    )
    assert refused(raw(sheet)).rule == "table.merged"


def test_very_long_texts(monkeypatch):
    """Shared strings are bounded in all, and a cell by itself."""
    monkeypatch.setattr(workbook, "MAX_STRINGS_CHARS", 100_000)
    many = "".join(f"<si><t>{n:0500}</t></si>" for n in range(300))
    shared = f'<sst xmlns="{MAIN}">{many}</sst>'.encode()
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="rId1" Type="http://x/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        b'<Relationship Id="rId9" Type="http://x/sharedStrings" Target="s.xml"/></Relationships>'
    )
    parts = {"xl/s.xml": shared, "xl/_rels/workbook.xml.rels": relations}
    assert refused(raw("<sheetData/>", replace=parts)).rule == "table.too_big"
    long = "".join(f"&#{65 + n % 26};{'y' * 500}" for n in range(300))
    assert refused(raw(f"<sheetData>{cells(long)}</sheetData>")).rule == "table.too_big"


@pytest.mark.parametrize(
    "sheet",
    [
        '<sheetData><row r="0"/></sheetData>',
        '<sheetData><row r="x"/></sheetData>',
        '<sheetData><row r="2000000"/></sheetData>',
        '<sheetData><row r="2"/><row r="1"/></sheetData>',
        '<sheetData><row><c r="1A"><v>1</v></c></row></sheetData>',
        '<sheetData><row><c t="s"><v>99</v></c></row></sheetData>',
        '<sheetData><row><c t="s"><v>-1</v></c></row></sheetData>',
        "<sheetData><row><c><v>many</v></c></row></sheetData>",
        "<sheetData><row><c><v>inf</v></c></row></sheetData>",
        '<sheetData><row><c s="x"><v>1</v></c></row></sheetData>',
        "<sheetData><row>",
        "\x01",
    ],
)
def test_xml_that_no_program_writes(sheet):
    """Whatever is wrong with it, the answer is the same, and no error of Python."""
    assert refused(raw(sheet)).rule == "table.broken"


def test_a_damaged_file_at_any_place():
    """Bytes lost or changed on the way give an answer, or rows; never anything else."""
    data = xlsx_of(HEADER, *[GOOD] * 3)
    for at in range(0, len(data), 37):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            try:
                list(read_rows(xlsx_table(broken), Mapping("found", (None,) * 6)))
            except TableError as error:
                assert error.fix
