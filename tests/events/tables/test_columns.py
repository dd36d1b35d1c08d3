"""Headers and the members they mean, the page printed from them, and the templates."""

import io
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.events.tables.sheets import csv_table, xlsx_table
from voltrail.errors import TableError
from voltrail.events import decode
from voltrail.events.structs import STRUCTS
from voltrail.events.tables import guess, lacking, open_table, read_row, read_rows, template
from voltrail.events.tables.columns import COLUMNS, _key, document, members_of
from voltrail.events.tables.mapping import WITHOUT_CODES
from voltrail.events.words import NAMES_ZH

NESTED = ("assays", "inputs", "outputs", "additions", "emissions", "recycled_kg", "results")
NESTED += ("conditions", "scrapped", "readings")
DOCUMENT = Path(__file__).parents[3] / "docs" / "columns.md"


def test_the_document_is_what_the_table_prints():
    """docs/columns.md is printed, never edited: write document() into it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_member_has_a_column():
    """Whatever an event may hold can come from a spreadsheet, but for what is no one cell."""
    members = {name for struct in STRUCTS.values() for name in struct.__struct_encode_fields__}
    assert members - set(COLUMNS) <= {"composition", "epcis", *NESTED}
    assert set(COLUMNS) - members == {"kind"}
    assert all(member in NAMES_ZH for member in COLUMNS)


def test_no_header_means_two_members():
    """A header that could be two things is worse than one that is not known."""
    found: dict[str, str] = {}
    for column in COLUMNS.values():
        for header in {column.member, column.en, column.zh, *column.also}:
            key = _key(header)[0]
            assert found.setdefault(key, column.member) == column.member, header


@pytest.mark.parametrize(
    ("header", "member"),
    [
        ("Battery code", "code"), ("BATTERY_CODE", "code"), ("battery-code*", "code"), ("电池编码", "code"),
        (" 电 池 编 码 ", "code"), ("动力电池编码（必填）", "code"), ("code", "code"),
        ("Mass [kg]", "mass_kg"),
        ("质量（千克）", "mass_kg"), ("mass_kg", "mass_kg"), ("Mass / kg", "mass_kg"), ("Weight", "mass_kg"),
        ("Mass (g)", None), ("能量（Wh）", None), ("能量(kWh)", "energy_kwh"),
        ("State of health (%)", "soh_fraction"), ("SOH", "soh_fraction"), ("VIN", "vin"), ("车架号", "vin"),
        ("Batery code", "code"), ("Odometre (km)", "odometer_km"), ("收货单位", "to"), ("Colour", None),
        ("", None), ("序号", None), ("电池编码列表", "codes"),
    ],
)  # fmt: skip
def test_headers_as_people_write_them(header, member):
    """Either language, any case, with units and stars, a letter wrong; another unit is another thing."""
    assert guess([header, "Occurred at"]).columns[0] == member


def test_the_same_column_twice():
    """The first is taken and the other left out, for whoever sends the file to see and choose."""
    assert guess(["电池编码", "Battery code", "发生时间"], "found").columns == ("code", None, "occurred_at")


def test_members_of_other_kinds_are_left_out():
    """With the kind known, a column that it has no member for is none of its columns."""
    assert guess(["Battery code", "Mass (kg)"], "found").columns == ("code", None)


def test_very_many_headers():
    """Hundreds of long headers that mean nothing keep nobody waiting."""
    assert set(guess([f"Batery cod {number} " * 10 for number in range(500)]).columns) == {None}


def test_what_a_mapping_lacks():
    """Told before the first row is read."""
    assert lacking(guess(["Battery code"], "shipped")) == ("occurred_at", "to")
    assert lacking(guess(["Colour"])) == ("kind", "occurred_at")
    assert guess(["发生时间", "换下电池", "换上电池", "VIN", "换电站"]).kind == "swapped"


@pytest.mark.parametrize("kind", STRUCTS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_templates_read_back(kind, language):
    """Each template is known again without a mapping, has no rows yet, and its example is an event."""
    for form in ("csv", "xlsx"):
        table = open_table(io.BytesIO(template(kind, language, form)), f"{kind}.{form}")
        mapping = guess(table.header)
        left_out = {"codes"} if kind in WITHOUT_CODES else set()
        assert set(mapping.columns) == {"kind", *members_of(kind)} - left_out
        assert lacking(mapping) == ()
        assert list(read_rows(table, mapping)) == []
    (example,) = (cells for _, cells in csv_table(template(kind, language, "csv")).rows())
    cells = [example[0].removeprefix("# "), *example[1:]]
    row = read_row(mapping, 2, cells)
    assert row.troubles == ()
    assert decode(row.line).kind == kind


def test_templates_open_in_a_spreadsheet():
    """Columns are formatted as text, so that no program makes numbers of codes; the second sheet explains."""
    book = load_workbook(io.BytesIO(template("enrolled", "zh", "xlsx")))
    assert book.sheetnames == ["数据", "说明"]
    assert book["数据"].column_dimensions["C"].number_format == "@" or book["数据"]["C1"].number_format == "@"
    rows = list(book["说明"].iter_rows(values_only=True))
    assert rows[0] == ("列", "必填", "示例", "可填的值")
    assert any("在库" in (row[3] or "") for row in rows)
    assert template("found", "en", "xlsx") == template("found", "en", "xlsx")


def test_a_template_of_no_kind():
    """A name from an address is checked."""
    with pytest.raises(TableError):
        template("lost_and_found", "en", "csv")


def test_the_workbook_template_filled_in_by_another_program():
    """A clerk fills it in, saves it, and it reads without a mapping."""
    book = load_workbook(io.BytesIO(template("found", "en", "xlsx")))
    sheet = book.active
    for at, value in enumerate(("found", "2026-04-21 09:30", "9ZZPB240000003G4C0221953"), 1):
        sheet.cell(2, at, value)
    written = io.BytesIO()
    book.save(written)
    table = xlsx_table(written.getvalue())
    (row,) = read_rows(table, guess(table.header))
    assert row.line is not None
