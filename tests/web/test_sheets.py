"""Tables as files, read back by programs that others wrote: csv, openpyxl, pyarrow."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.registry.snapshot import Standing
from voltrail.web import Page
from voltrail.web.sheets import MEDIA_TYPES, About, Column, Sheet, write
from voltrail.web.sheets.events import event_columns, event_row

READ_AT = datetime(2026, 5, 1, 4, 30, tzinfo=UTC)
STANDING = Standing("sample.example/log", 0, 12, b"\x07" * 32, "sample.example/log\n12\nroot\n", READ_AT, 12)
COLUMNS = (
    Column("code", heading="Code"),
    Column("place", "name", "Place"),
    Column("kind", "kind"),
    Column("findings", "names"),
    Column("index", "integer"),
    Column("soh_fraction", "number"),
    Column("void", "flag"),
    Column("since", "time", "Since"),
    Column("made", "day", "Made since"),
    Column("reasons", "texts"),
)
FULL = (
    "9ZZPB240000003G4C0221953",
    "in_stock",
    "shipped",
    ["gap", "late"],
    7,
    0.987,
    True,
    READ_AT,
    date(2026, 4, 12),
    ["worn out", "=1+1"],
)
EMPTY = (None,) * len(COLUMNS)


def about(**given):
    return About("A table", "91000000MA0000001", {"q": "=1+1"}, STANDING, **given)


def made(ending, runs, columns=COLUMNS, language="en", **given):
    """Return the bytes of a file."""
    sheet = Sheet("table", "A table", columns, runs)
    return b"".join(write(ending, sheet, about(**given), Page(language)))


def rows_of(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def cells_of(data, number=0):
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [[cell.value for cell in row] for row in book.worksheets[number].rows]


def test_csv_has_words_and_says_on_what_it_stands_in_a_column_without_cells():
    """So it goes wherever the file goes, and neither a spreadsheet nor a program takes it for a row."""
    heading, full, empty = rows_of(made("csv", [[FULL, EMPTY]]))
    assert heading[:3] == ["Code", "Place", "kind"]
    assert "Since (UTC+8)" in heading
    for said in ("2026-05-01 12:30:00 (UTC+8)", "91000000MA0000001", "q==1+1", "sample.example/log", "12"):
        assert said in heading[-1]
    assert STANDING.root64 in heading[-1]
    assert full == [
        *("9ZZPB240000003G4C0221953", "in stock", "Shipped", "gap; late", "7", "0.987", "true"),
        *("2026-05-01T12:30:00+08:00", "2026-04-12", "worn out; '=1+1", ""),
    ]
    assert empty == [""] * (len(COLUMNS) + 1)


def test_a_workbook_has_real_types_and_says_on_what_it_stands_on_its_second_sheet():
    """Numbers are numbers, times times; the signed checkpoint is there, and how many rows there are."""
    data = made("xlsx", [[FULL], [EMPTY]], language="zh")
    heading, full, empty = cells_of(data)
    assert heading[:2] == ["电池编码", "位置"]
    assert full[1:3] == ["在库", "发货"]
    assert full[4:9] == [7, 0.987, True, datetime(2026, 5, 1, 12, 30), datetime(2026, 4, 12)]  # noqa: DTZ001
    assert full[9] == "worn out; =1+1"
    assert empty == [None] * len(COLUMNS)
    told = dict(cells_of(data, 1))
    assert told["根哈希"] == STANDING.root64
    assert told["已签名的检查点"] == STANDING.note
    assert told["行数"] == "2"


def test_parquet_has_the_names_of_the_record_in_any_language_and_types_of_its_own():
    """Dictionaries for names, times with their zone, lists; what it stands on under keys that stay."""
    data = made("parquet", [[FULL, EMPTY]], language="zh")
    table = pq.read_table(io.BytesIO(data))
    assert table.schema.field("place").type == pa.dictionary(pa.int32(), pa.string())
    assert table.schema.field("since").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("reasons").type == pa.list_(pa.string())
    full, empty = table.to_pylist()
    assert (full["place"], full["kind"], full["findings"]) == ("in_stock", "shipped", ["gap", "late"])
    assert (full["since"], full["made"], full["void"]) == (READ_AT, date(2026, 4, 12), True)
    assert set(empty.values()) == {None}
    told = {
        name.decode(): value.decode() for name, value in pq.read_metadata(io.BytesIO(data)).metadata.items()
    }
    assert (told["voltrail.size"], told["voltrail.root"]) == ("12", STANDING.root64)
    assert (told["voltrail.checkpoint"], told["voltrail.rows"]) == (STANDING.note, "2")
    assert (told["voltrail.reader"], told["voltrail.filter.q"]) == ("91000000MA0000001", "=1+1")
    assert told["voltrail.stands"] == "exactly"


@pytest.mark.parametrize("ending", MEDIA_TYPES)
@pytest.mark.parametrize(
    ("stands", "said"), [("exactly", "exactly"), ("at_least", "perhaps"), ("beside", "own books")]
)
def test_a_file_says_what_its_rows_are_to_the_checkpoint(ending, stands, said):
    """Nothing is said to be proved that stands beside the log, or was read later."""
    data = made(ending, [[FULL]], stands=stands)
    if ending == "csv":
        assert said in rows_of(data)[0][-1]
    elif ending == "xlsx":
        assert said in dict(cells_of(data, 1))["What that means"]
    else:
        assert pq.read_metadata(io.BytesIO(data)).metadata[b"voltrail.stands"] == stands.encode()


def test_a_list_that_is_behind_the_log_says_up_to_where_it_goes():
    """The lists of who has what are followed: where they were behind, the file says from which entry on."""
    behind = Standing("o/log", 100, 12, b"\x07" * 32, None, READ_AT, 105)
    told = About("t", None, {}, behind, "followed")
    assert "below index 105" in told.in_one_line(Page("en"))
    assert told.for_programs()["complete_to_index"] == "105"
    assert "exactly" in About("t", None, {}, STANDING, "followed").in_one_line(Page("en"))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a\t@cmd", "a\t'@cmd"),
        ("＝1+1", "'＝1+1"),
        ("\n=1", "'\n'=1"),
        ("S-102", "S-102"),
        ("a=b;c", "a=b;c"),
    ],
)
def test_no_part_of_a_cell_becomes_a_formula(said, written):
    """Neither where cells are parted by semicolons or tabs, nor by the wide signs of Chinese typing."""
    columns = (Column("code", heading="Code"), Column("place", "name", "Place"))
    assert rows_of(made("csv", [[(said, said)]], columns))[1][:2] == [written, written]


@given(st.lists(st.tuples(st.text(), st.text(), st.lists(st.text())), max_size=5))
def test_no_text_breaks_a_file_and_none_is_a_formula(rows):
    """Whatever a clerk or an attacker wrote: the files read, with all rows, and Parquet keeps every sign."""
    columns = (Column("a"), Column("b", "name"), Column("c", "texts"))
    read = rows_of(made("csv", [rows], columns))
    assert len(read) == len(rows) + 1
    assert not [
        cell for row in read for cell in row if cell[:1] in {"=", "+", "-", "@", "＝", "＋", "－", "＠"}
    ]
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", [rows], columns)))
    assert {cell.data_type for row in book.worksheets[0].rows for cell in row} <= {"s", "inlineStr", "n"}
    assert book.worksheets[0].max_row == len(rows) + 1
    table = pq.read_table(io.BytesIO(made("parquet", [rows], columns)))
    assert [tuple(row.values()) for row in table.to_pylist()] == [(a, b, list(c)) for a, b, c in rows]


@pytest.mark.parametrize("ending", MEDIA_TYPES)
def test_a_file_is_written_run_by_run(ending):
    """What is in memory is one run of rows, or one row group: the next is read when that was given out."""
    read = []

    def runs():
        for number in range(3):
            read.append(number)
            yield [(f"row {row}", number) for row in range(50_000)]

    pieces = write(
        ending, Sheet("t", "t", (Column("a"), Column("b", "integer")), runs()), about(), Page("en")
    )
    assert next(pieces)
    assert read == [0]
    rest = b"".join(pieces)
    assert read == [0, 1, 2]
    assert len(rest) > 1_000


def test_row_groups_are_bounded():
    """A reader of Parquet never has to hold more than one group."""
    runs = ([(number,) for number in range(30_000)] for _ in range(4))
    data = made("parquet", runs, (Column("a", "integer"),))
    read = pq.ParquetFile(io.BytesIO(data))
    assert [read.metadata.row_group(at).num_rows for at in range(read.num_row_groups)] == [
        50_000,
        50_000,
        20_000,
    ]


def test_what_no_cell_can_hold_is_cut_and_says_so():
    """Excel holds 32,767 characters in a cell and 15 digits of a number; a longer number stays as text."""
    [_, row] = cells_of(made("xlsx", [[("x" * 40_000, 2**60)]], (Column("a"), Column("b", "integer"))))
    assert (len(row[0]), row[0][-1], row[1]) == (32_767, "…", str(2**60))


def test_events_have_a_column_for_each_member_that_occurs():
    """By the names of their members, each of its type; what happened elsewhere stands in the same instant."""
    event = {
        "index": 7,
        "kind": "measured",
        "occurred_at": "2026-05-02T10:00:00+02:00",
        "received_at": "2026-05-02T08:00:01.000+00:00",
        "reporter": None,
        "members": {"occurred_at": "…", "code": "C", "soh_fraction": 0.9, "cycles": 12},
        "withheld": ["reporter"],
        "findings": [{"kind": "late"}],
        "corrected_by": 9,
    }
    columns = event_columns(["measured"])
    row = dict(zip([column.name for column in columns], event_row(columns, event), strict=True))
    assert [column.name for column in columns][:4] == ["index", "kind", "occurred_at", "code"]
    assert row["occurred_at"] == datetime(2026, 5, 2, 8, tzinfo=UTC)
    assert (row["soh_fraction"], row["cycles"], row["findings"], row["corrected_by"]) == (
        0.9,
        12,
        ["late"],
        9,
    )
    assert row["withheld"] == ["reporter"]
    assert "vin" not in row
    assert row["received_at"] - row["occurred_at"] == timedelta(seconds=1)
