"""From rows to lines: mappings, duplicates, remarks, and the short way that says what the long one says."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.events.tables.sheets import CODE, GOOD, HEADER, OTHER, THIRD, csv_of, csv_table, read
from voltrail.errors import TableError
from voltrail.events import decode, split
from voltrail.events.structs import STRUCTS
from voltrail.events.tables import Mapping, guess, lacking, read_row, read_rows
from voltrail.events.tables.columns import members_of
from voltrail.events.tables.mapping import required
from voltrail.events.tables.rows import Reader
from voltrail.events.tables.seen import Seen

# Cells as they come: right, nearly right, and wrong, for any column.
TEXTS = st.sampled_from([
    "", " ", CODE, CODE.lower(), OTHER, f"{CODE} {OTHER}", f"{OTHER},{THIRD}", "2026-04-21",
    "2026-04-21 09:30", "2026-04-21T09:30:15", "2026-02-30 09:30", "1980-01-01 09:30",
    "2026-04-21 24:00", "2026/4/21", "03/04/2026", "412.5", "0412", "1,5", "-1", "0.95", "95",
    "1E+23", "1E5", "12345678901234567", "812", "0", "true", "是", "在库", "in_stock", "label", "fire",
    "new", "CN", "cn", "LSVSAMP0000000001", "M-1", 'a"b', "a\\b", "a\nb", "备注", " edge ", "'=1",
    "=1", "#N/A", "# x", "x" * 300, "x" * 3000, "\x7f", "\u2028", "合计", "kind", "生产",
    "manufactured", "shipped", "发货",
])  # fmt: skip
CELLS = st.one_of(
    TEXTS,
    st.text(max_size=20).filter(lambda text: "\x00" not in text),
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False),
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2300, 1, 1)),  # noqa: DTZ001
    st.dates(min_value=date(1970, 1, 1), max_value=date(2300, 1, 1)),
)


@st.composite
def mapped_rows(draw):
    """Return a mapping and rows of it."""
    kind = draw(st.sampled_from(sorted(STRUCTS)))
    members = [None, *draw(st.permutations(members_of(kind)))[: draw(st.integers(0, 8))]]
    members += [name for name in required(kind) if name not in members and draw(st.integers(0, 9))]
    if draw(st.booleans()):
        members.append("kind")
    constants = {}
    for name in draw(st.lists(st.sampled_from(members_of(kind)), max_size=2)):
        constants[name] = draw(TEXTS)
    mapping = Mapping(draw(st.sampled_from([kind, kind, None])), tuple(members), "+08:00", constants)
    width = len(members)
    rows = draw(
        st.lists(st.lists(CELLS, min_size=max(0, width - 1), max_size=width + 1), min_size=1, max_size=4)
    )
    good = {
        "occurred_at": "2026-04-21 09:30", "code": CODE, "codes": f"{OTHER} {THIRD}", "kind": kind, "to": "X",
        "vin": "LSVSAMP0000000001", "mass_kg": "412.5", "cycles": "812", "batch": "B-1", "site": "S",
    }  # fmt: skip
    for row in rows:
        for at, member in enumerate(members[: len(row)]):
            if member in good and draw(st.integers(0, 3)):
                row[at] = good[member]
    return mapping, rows


@settings(max_examples=400, deadline=None)
@given(mapped_rows())
def test_the_short_way_says_what_the_long_way_says(case):
    """Each row gives the same line by both ways, and a line is an event in the strict form."""
    mapping, rows = case
    reader = Reader(mapping)
    for number, cells in enumerate(rows * 2, 2):
        row, long = reader.row(number, cells), reader.long_row(number, cells)
        assert (row.line, row.troubles) == (long.line, long.troubles)
        assert (row.line is None) == bool(row.troubles)
        if row.line is not None:
            split(row.line)
            decode(row.line)
        for trouble in row.troubles:
            assert trouble.rule
            assert trouble.message
            assert trouble.fix


def test_the_short_way_is_taken():
    """Rows as they should be never ask the long way: a file of a million depends on it."""
    mapping = Mapping("manufactured", ("occurred_at", "code", "model_id", "mass_kg", "energy_kwh", "note"))
    assert read_row(mapping, 2, GOOD).cells == ()
    assert read_row(mapping, 2, [datetime(2026, 4, 21, 9), CODE, "M", 412.5, 60, None]).cells == ()  # noqa: DTZ001


def test_the_order_of_columns_is_not_part_of_a_line():
    """The same table with its columns moved gives the same lines, so nothing is reported twice."""
    first = read(csv_table(csv_of(HEADER, GOOD)))[0].line
    assert read(csv_table(csv_of(HEADER[::-1], GOOD[::-1])))[0].line == first


def test_a_row_that_comes_twice():
    """The second is refused, and names the row of the first."""
    rows = read(csv_table(csv_of(HEADER, GOOD, (*GOOD[:1], OTHER, *GOOD[2:]), GOOD)))
    assert [row.line is None for row in rows] == [False, False, True]
    (trouble,) = rows[2].troubles
    assert (trouble.rule, "row 2" in trouble.message) == ("row.twice", True)
    assert rows[2].cells == GOOD


def test_rows_that_came_before_are_found_among_many():
    """The table of lines grows without losing one."""
    seen = Seen()
    lines = [f"line {number}".encode() for number in range(50_000)]
    assert all(seen.first(line, number) == number for number, line in enumerate(lines, 1))
    assert all(seen.first(line, 99_999) == number for number, line in enumerate(lines, 1))


def test_remarks_and_totals_are_told_once():
    """A total below the table is no event that lacks everything, but one thing to leave out."""
    text = csv_of(
        ("序号", *HEADER), ("1", *GOOD), ("合计", "", "", "", "412.5", "", ""), ("说明：四月", *[""] * 6)
    )
    rows = read(csv_table(text))
    assert rows[0].line is not None
    assert [[one.rule for one in row.troubles] for row in rows[1:]] == [["row.remark"], ["row.remark"]]


def test_rows_for_people_only():
    """A row that begins with `# ` is passed over; a number behind the sign is no remark."""
    rows = read(csv_table(csv_of(("No", *HEADER), ("# example", *GOOD), ("#1", *GOOD))))
    assert [row.number for row in rows] == [3]
    assert rows[0].line is not None


def test_more_cells_than_columns():
    """A comma within a text that was not quoted moves all that follows: that is told, not read."""
    text = csv_of(HEADER, GOOD).replace('"fine"', "fine, I think")
    (trouble,) = read(csv_table(text))[0].troubles
    assert (trouble.rule, trouble.column) == ("row.too_long", 6)


def test_rows_of_several_kinds():
    """A column may say of each row what it is, in either language."""
    text = csv_of(
        ("事件", "发生时间", "电池编码", "接收方"),
        ("生产", "2026-04-21", CODE, ""),
        ("Shipped", "2026-04-22", CODE, "91000000MA00000009"),
        ("shipped", "2026-04-22", OTHER, ""),
        ("生产", "2026-04-21", THIRD, "somebody"),
        ("借出", "2026-04-21", THIRD, ""),
    )
    table = csv_table(text)
    mapping = guess(table.header)
    assert (mapping.kind, lacking(mapping)) == (None, ())
    rows = list(read_rows(table, mapping))
    assert [json.loads(row.line)["kind"] for row in rows[:2]] == ["manufactured", "shipped"]
    assert [[one.rule for one in row.troubles] for row in rows[2:]] == [
        ["event.missing"], ["event.value"], ["event.unknown_kind"],
    ]  # fmt: skip
    (trouble,) = read(table, "manufactured")[1].troubles[:1]
    assert trouble.member == "kind"


def test_constants():
    """What is the same for all rows is said once; a cell that is filled in goes before it."""
    mapping = Mapping("shipped", ("code", "to"), constants={"occurred_at": "2026年4月21日", "to": "A"})
    assert lacking(mapping) == ()
    first, second = (read_row(mapping, 2, cells) for cells in ([CODE, ""], [CODE, "B"]))
    assert (json.loads(first.line)["to"], json.loads(second.line)["to"]) == ("A", "B")
    wrong = Mapping("shipped", ("code",), constants={"occurred_at": "soon", "to": "A"})
    (trouble,) = read_row(wrong, 2, [CODE]).troubles
    assert (trouble.column, trouble.member, trouble.value) == (None, "occurred_at", "soon")


def test_the_offset_of_times_without_one():
    """A factory in Germany says +02:00 once."""
    mapping = Mapping("found", ("occurred_at", "code"), "+02:00")
    assert b"T09:30:00+02:00" in read_row(mapping, 2, ["2026-04-21 09:30", CODE]).line
    when = datetime(2026, 4, 21, 9, 30, tzinfo=UTC)
    assert b"T09:30:00+00:00" in read_row(mapping, 2, [when, CODE]).line


@pytest.mark.parametrize(
    ("mapping", "rule"),
    [
        (Mapping("sold_out", ("code",)), "table.kind"),
        (Mapping("found", ("colour",)), "table.member"),
        (Mapping("found", (), constants={"colour": "red"}), "table.member"),
        (Mapping("found", ("code", "code")), "table.member_twice"),
        (Mapping("found", ("code",), "+25:00"), "table.offset"),
        (Mapping("found", ("code",), "Asia/Shanghai"), "table.offset"),
    ],
)
def test_mappings_that_cannot_be(mapping, rule):
    """A mapping from elsewhere is checked before the first row."""
    with pytest.raises(TableError) as error:
        read_row(mapping, 2, [CODE])
    assert error.value.rule == rule
    assert error.value.fix


def test_a_mended_row_reads_as_a_row_of_the_file():
    """What the page sends back, all text, gives the line that the file would have given."""
    table = csv_table(csv_of(HEADER, ("03/04/2026", *GOOD[1:])))
    mapping = guess(table.header, "manufactured")
    (row,) = read_rows(table, mapping)
    mended = read_row(mapping, row.number, ("2026-04-03", *row.cells[1:]))
    assert b'"occurred_at":"2026-04-03T00:00:00+08:00"' in mended.line


def test_memory_does_not_grow_with_the_file():
    """Two hundred thousand rows take little more memory than twenty thousand, duplicates found and all."""
    program = """
import io, resource, sys
from voltrail.events.tables import guess, open_table, read_rows

class Rows(io.RawIOBase):
    def __init__(self, count): self.count, self.at = count, 0
    def readable(self): return True
    def seekable(self): return True
    def seek(self, offset, whence=0):
        self.at = 0
        self.rest = b"Occurred at,Battery code,Note\\r\\n"
        return 0
    def read(self, size=-1):
        while len(self.rest) < size and self.at < self.count:
            self.rest += b"".join(
                b"2026-04-21 09:30,9ZZPB240000003G4C%07d,%060d\\r\\n" % (n + 1, n)
                for n in range(self.at, min(self.at + 1000, self.count)))
            self.at += 1000
        found, self.rest = self.rest[:size], self.rest[size:]
        return found
    def readinto(self, buffer):
        data = self.read(len(buffer)); buffer[:len(data)] = data; return len(data)

table = open_table(Rows(int(sys.argv[1])), "made.csv")
good = sum(row.line is not None for row in read_rows(table, guess(table.header, "manufactured")))
print(good, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    found = []
    for count in (20_000, 200_000):
        done = subprocess.run(
            [sys.executable, "-c", program, str(count)],
            capture_output=True,
            check=True,
            env=os.environ,
            text=True,
        )
        good, peak_kb = map(int, done.stdout.split())
        assert good == count
        found.append(peak_kb)
    assert found[1] - found[0] < 25_000  # the file itself has 20 MB, its lines 30
