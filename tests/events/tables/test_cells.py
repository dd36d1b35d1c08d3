"""What a cell may hold: other ways to write the same are taken, what was lost is never guessed back."""

import json
from datetime import date, datetime

import pytest

from tests.events.tables.sheets import CODE, OTHER, THIRD, csv_of, csv_table, one, read
from voltrail.events.tables import Mapping, read_row

TIMES = {
    "2026-04-21": "2026-04-21T00:00:00+08:00",
    "2026/4/21": "2026-04-21T00:00:00+08:00",
    "2026.4.21": "2026-04-21T00:00:00+08:00",
    "20260421": "2026-04-21T00:00:00+08:00",
    "2026年4月21日": "2026-04-21T00:00:00+08:00",
    "2026年4月21日 9时30分": "2026-04-21T09:30:00+08:00",
    "２０２６－０４－２１ ０９：３０": "2026-04-21T09:30:00+08:00",
    "21.04.2026": "2026-04-21T00:00:00+08:00",
    "04/21/2026": "2026-04-21T00:00:00+08:00",
    "04/04/2026": "2026-04-04T00:00:00+08:00",
    "2026-04-21 9:30": "2026-04-21T09:30:00+08:00",
    "2026-04-21 09:30:15.5": "2026-04-21T09:30:15.5+08:00",
    "2026/4/21 9:30 PM": "2026-04-21T21:30:00+08:00",
    "2026/4/21 上午9:30": "2026-04-21T09:30:00+08:00",
    "2026/4/21 下午12:30": "2026-04-21T12:30:00+08:00",
    "2026-04-21T09:30:00Z": "2026-04-21T09:30:00Z",
    "2026-04-21T09:30:00+02:00": "2026-04-21T09:30:00+02:00",
    "2026-04-21 09:30 +0200": "2026-04-21T09:30:00+02:00",
}


@pytest.mark.parametrize(("cell", "time"), TIMES.items())
def test_times_in_the_ways_people_write_them(cell, time):
    """One moment, however it is written; the offset of the mapping is given only to one without."""
    assert json.loads(one(Occurred_at=cell).line)["occurred_at"] == time


@pytest.mark.parametrize(
    ("cell", "rule", "told"),
    [
        ("03/04/2026", "cell.ambiguous", "2026-04-03 or 2026-03-04"),
        ("03.04.2026", "cell.ambiguous", "2026-04-03 or 2026-03-04"),
        ("3-4-2026", "cell.ambiguous", "2026-04-03 or 2026-03-04"),
        ("21.04.26", "cell.ambiguous", "year"),
        ("46133", "cell.date_number", "2026-04-21"),
        ("46133.395833", "cell.date_number", "2026-04-21 09:30"),
        ("2026-02-30", "cell.time", "calendar"),
        ("2026-04-21 25:00", "cell.time", "clock"),
        ("2026-04-21 13:00 PM", "cell.time", "not a date"),
        ("21 April", "cell.time", "not a date"),
        ("1926-04-21", "event.value", "1926"),
        ("#N/A", "cell.error", "#N/A"),
        ("=TODAY()", "cell.formula", "formula"),
    ],
)
def test_times_that_may_be_two_or_none(cell, rule, told):
    """3 April or 4 March: only who wrote it knows."""
    (trouble,) = one(Occurred_at=cell).troubles
    assert (trouble.rule, trouble.member, trouble.column, trouble.value) == (rule, "occurred_at", 0, cell)
    assert told in trouble.message + trouble.fix
    assert trouble.fix


@pytest.mark.parametrize(
    "cell",
    [
        CODE.lower(),
        f"  {CODE} ",
        "9ZZPB 240000003 G4C0 221953",
        "9ZZPB-240000003-G4C0221953",
        "９ＺＺＰＢ２４０００００３Ｇ４Ｃ０２２１９５３"[:5] + CODE[5:],
        f"https://voltrail.example/b/{CODE}",
        f'="{CODE}"',
    ],
)
def test_codes_written_otherwise_are_taken(cell):
    """Small letters, spaces, full-width signs, a scanned address: it is the same code."""
    assert json.loads(one(Battery_code=cell).line)["code"] == CODE


@pytest.mark.parametrize(
    ("cell", "rule", "told"),
    [
        (CODE[:-7] + "O221953", "identity.code", CODE),
        (CODE[:-1], "identity.code", "24"),
        ("1.0E+23", "cell.digits_lost", "text"),
        ("1E+23", "cell.digits_lost", "text"),
        ("9,1E+23", "cell.digits_lost", "text"),
        ("nonsense", "identity.code", "24"),
    ],
)
def test_codes_that_are_wrong_are_told_and_never_mended(cell, rule, told):
    """What was lost cannot be guessed back; what was probably meant is proposed, not taken."""
    (trouble,) = one(Battery_code=cell).troubles
    assert (trouble.rule, trouble.member) == (rule, "code")
    assert told in trouble.message + trouble.fix


def test_a_number_or_date_in_place_of_an_identifier():
    """Excel makes numbers and dates of identifiers: 18 digits keep 15, and 1-2 becomes a day."""
    mapping = Mapping("shipped", ("occurred_at", "code", "to", "site"))
    when = datetime(2026, 4, 21, 9)  # noqa: DTZ001 - as a workbook has it
    row = read_row(mapping, 2, [when, 1e23, 911100001234567890.0, date(2026, 1, 2)])
    assert [(one.member, one.rule) for one in row.troubles] == [
        ("code", "cell.digits_lost"),
        ("to", "cell.digits_lost"),
        ("site", "cell.date_for_text"),
    ]
    assert row.cells == ("2026-04-21 09:00:00", "1E+23", "9.11100001234568E+17", "2026-01-02")


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("412.5", "412.5"),
        ("0412.50", "412.50"),
        ("+412.5", "412.5"),
        ("412,5", "412.5"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1 234,5", "1234.5"),
        ("1,234,567", "1234567"),
        ("1’234.5", "1234.5"),
        ("412.5 kg", "412.5"),
        ("412.5公斤", "412.5"),
        ("４１２．５", "412.5"),
        ("0,125", "0.125"),
        ("-0", "0"),
    ],
)
def test_numbers_in_the_ways_people_write_them(cell, number):
    """The digits stay those that were written."""
    assert f'"mass_kg":{number}}}'.encode() in one(**{"Mass_(kg)": cell, "Energy_(kWh)": ""}).line


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("1,234", "cell.ambiguous"),
        ("412.5 g", "cell.unit"),
        ("412.5 lb", "cell.unit"),
        ("about 400", "cell.number"),
        ("4e2", "cell.number"),
        ("1234567890.1234567", "cell.number"),
        ("-3", "event.value"),
        ("TRUE", "cell.number"),
    ],
)
def test_numbers_that_may_be_two_or_none(cell, rule):
    """1,234 is a thousand here and one and a bit there; grams are not kilograms."""
    (trouble,) = one(**{"Mass_(kg)": cell}).troubles
    assert (trouble.rule, trouble.member) == (rule, "mass_kg")


def test_a_float_is_what_the_spreadsheet_shows():
    """Excel keeps 15 digits: 0.1 + 0.2 is 0.3 there, and 2E-5 has no exponent here."""
    mapping = Mapping("measured", ("occurred_at", "code", "soh_fraction", "capacity_ah", "cycles"))
    row = read_row(mapping, 2, ["2026-04-21", CODE, 0.1 + 0.2, 0.00002, 812.0])
    assert b'"soh_fraction":0.3,"capacity_ah":0.00002,"cycles":812}' in row.line
    (trouble,) = read_row(mapping, 2, ["2026-04-21", CODE, None, None, 812.5]).troubles
    assert trouble.rule == "cell.number"


@pytest.mark.parametrize("cell", [float("inf"), float("nan"), 1e300, -1e300, 10**400])
def test_numbers_beyond_all_measure(cell):
    """Sent by a program, they are told at their cell."""
    (trouble,) = read_row(Mapping("found", ("occurred_at", "code", None)), 2, ["2026-04-21", cell]).troubles
    assert trouble.member == "code"
    mapping = Mapping("manufactured", ("occurred_at", "code", "mass_kg"))
    (trouble,) = read_row(mapping, 2, ["2026-04-21", CODE, cell]).troubles
    assert (trouble.rule, trouble.member) == ("cell.number", "mass_kg")


@pytest.mark.parametrize("inner", [" ", "1 ", "1,", "T", "上午", "(", "９"])
def test_very_long_cells(inner):
    """A cell of a hundred thousand characters is answered at once, whatever it is made of."""
    for text in (f"2026-04-21{inner * 60_000}x", f"1{inner * 60_000}x", f"y{inner * 60_000}x"):
        cells = {"Occurred at": text, "Battery code": text, "Mass (kg)": text, "Note": text}
        (row,) = read(csv_table(csv_of(list(cells), list(cells.values()))))
        assert {one.member for one in row.troubles} == {"occurred_at", "code", "mass_kg", "note"}


def test_percent():
    """95 % is 0.95 of health; 95 alone is refused by the event's own rule."""
    mapping = Mapping("measured", ("occurred_at", "code", "soh_fraction"))
    assert b'"soh_fraction":0.955}' in read_row(mapping, 2, ["2026-04-21", CODE, "95.5%"]).line
    assert read_row(mapping, 2, ["2026-04-21", CODE, 95]).troubles[0].rule == "event.value"


@pytest.mark.parametrize(
    ("kind", "member", "cell", "value"),
    [
        ("enrolled", "place", "在库", "in_stock"),
        ("enrolled", "place", "In stock", "in_stock"),
        ("enrolled", "phase", "梯次利用", "repurposed"),
        ("enrolled", "phase", "Re-used", "re_used"),
        ("incident_reported", "incident", "FIRE", "fire"),
        ("role_granted", "role", "电池生产企业", "battery_maker"),
        ("role_granted", "role", "Battery maker", "battery_maker"),
        ("assessed", "decision", "梯次利用", "repurpose"),
        ("lost", "how", "被盗", "stolen"),
        ("installed", "reason", "质保", "warranty"),
        ("key_added", "host_may_sign", "是", True),
        ("key_added", "host_may_sign", "no", False),
    ],
)
def test_values_of_lists_in_both_languages(kind, member, cell, value):
    """A clerk writes the word of the page, not the name in the record."""
    needed = {
        "occurred_at": "2026-04-21", "code": CODE, "place": "in_stock", "basis": "label", "organisation": "X",
        "role": "importer", "incident": "other", "decision": "recycle", "key_id": "k", "algorithm": "a",
        "public_key": "p", "vin": "LSVSAMP0000000001",
    } | {member: cell}  # fmt: skip
    from voltrail.events import member_names

    given_ = {name: text for name, text in needed.items() if name in member_names(kind)}
    row = read_row(Mapping(kind, tuple(given_)), 2, list(given_.values()))
    assert row.troubles == ()
    assert json.loads(row.line)[member] == value


def test_a_value_that_is_none_of_the_list():
    """The answer names them, in both languages."""
    mapping = Mapping("enrolled", ("occurred_at", "code", "place", "basis"))
    (trouble,) = read_row(mapping, 2, ["2026-04-21", CODE, "shed", "label"]).troubles
    assert trouble.rule == "cell.choice"
    assert "in_stock (在库)" in trouble.fix


@pytest.mark.parametrize("parted", [" ", ",", ";", "、", "，", "；", "\n", " ,  "])
def test_several_codes_in_one_cell(parted):
    """Parted by whatever people part them by."""
    mapping = Mapping("assembled", ("occurred_at", "code", "codes"))
    row = read_row(mapping, 2, ["2026-04-21", CODE, OTHER + parted + THIRD.lower()])
    assert json.loads(row.line)["codes"] == [OTHER, THIRD]


def test_batteries_need_not_be_named_twice():
    """What came out and went in are the batteries of a swap; the line names them as the record needs it."""
    columns = ("occurred_at", "taken_out", "put_in", "vin", "station")
    row = read_row(
        Mapping("swapped", columns), 2, ["2026-04-21", CODE, OTHER, "lsvsamp0000000001", "station-7"]
    )
    assert json.loads(row.line)["codes"] == [CODE, OTHER]
    row = read_row(Mapping("identified", ("occurred_at", "code", "right")), 2, ["2026-04-21", CODE, OTHER])
    assert json.loads(row.line)["codes"] == [OTHER]
    row = read_row(Mapping("repurposed", ("occurred_at", "codes", "into")), 2, ["2026-04-21", CODE, OTHER])
    assert json.loads(row.line)["codes"] == [CODE, OTHER]


def test_a_text_that_our_own_tables_kept_from_being_a_formula():
    """The apostrophe before it is ours and is taken off again."""
    assert json.loads(one(Note="'=1+1").line)["note"] == "=1+1"


def test_characters_that_no_text_has():
    """Sent by a program to a row that is mended, they are told at the cell."""
    mapping = Mapping("manufactured", ("occurred_at", "code", "note"))
    for text in ("a\x00b", "a\ud800b"):
        (trouble,) = read_row(mapping, 2, ["2026-04-21", CODE, text]).troubles
        assert (trouble.rule, trouble.member) == ("cell.character", "note")


def test_days_keep_no_time():
    """A time in a column of days would be lost without a word."""
    mapping = Mapping("vehicle_scrapped", ("occurred_at", "vin", "codes", "certificate_date"))
    cells = ["2026-04-21", "LSVSAMP0000000001", CODE]
    assert b'"certificate_date":"2026-04-20"' in read_row(mapping, 2, [*cells, "2026年4月20日"]).line
    assert b'"certificate_date":"2026-04-20"' in read_row(mapping, 2, [*cells, "2026-04-20 00:00"]).line
    (trouble,) = read_row(mapping, 2, [*cells, "2026-04-20 16:00"]).troubles
    assert trouble.rule == "cell.day"


def test_all_troubles_of_a_row_at_once():
    """Who mends a row sees everything that is wrong with it, each at its cell."""
    text = csv_of(
        ("电池编码", "发生时间", "质量 (kg)", "能量 (kWh)", "接收方"), ("1E+23", "03/04/2026", "x", "6O", "")
    )
    (row,) = read(csv_table(text))
    assert [(one.column, one.rule) for one in sorted(row.troubles, key=lambda one: one.column or 0)] == [
        (0, "cell.digits_lost"),
        (1, "cell.ambiguous"),
        (2, "cell.number"),
        (3, "cell.number"),
    ]
    assert row.cells == ("1E+23", "03/04/2026", "x", "6O", "")
    assert row.line is None


def test_data_points_in_one_cell():
    """Several, with semicolons or on lines of their own, half or full width; numbers as people write them."""
    mapping = Mapping("points_declared", ("occurred_at", "model_id", "points"))
    written = "rated_capacity_ah=157.5； chemistry＝LFP\nmass_kg = 1 250,5 "
    row = read_row(mapping, 2, ["2026-04-21", "9ZZ-60", written])
    assert json.loads(row.line)["points"] == {
        "rated_capacity_ah": 157.5,
        "chemistry": "LFP",
        "mass_kg": 1250.5,
    }


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("rated_capacity_ah", "cell.points"),
        ("rated_capacity_ah=", "cell.points"),
        ("weight=3", "cell.points"),
        ("mass_kg=3; mass_kg=4", "cell.points"),
        ("mass_kg=heavy", "cell.number"),
        ("mass_kg=1,250", "cell.ambiguous"),
        ("life_cycles=3.5", "cell.number"),
        ("mass_kg=-3", "event.value"),
        ("cycles=3", "event.value"),
    ],
)
def test_data_points_that_are_none(cell, rule):
    """No name, no value, twice, no number, one that may be two, out of bounds, or of a battery."""
    mapping = Mapping("points_declared", ("occurred_at", "model_id", "points"))
    (trouble,) = read_row(mapping, 2, ["2026-04-21", "9ZZ-60", cell]).troubles
    assert trouble.rule == rule
    assert trouble.fix
