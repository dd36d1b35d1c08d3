"""Reading a cycler's file: BDF and other tables, in either language, and each way in which one fails."""

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.technology import cycling
from voltrail.errors import TableError, UsageError, VoltrailError
from voltrail.technology.cycler import column_of, from_columns, read

ROWS = "0,3.3,1\n10,3.4,1\n20,3.5,1\n"
PLAIN = b"Test Time / s,Voltage / V,Current / A\n" + ROWS.encode()


def test_a_bdf_file_is_read_as_it_is():
    """The preferred labels name time, voltage and current in SI units; the first row stands in line 2."""
    told = read(PLAIN)
    assert (told.form, told.rows, told.line) == ("bdf", 3, 2)
    assert told.current_a.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "header",
    [
        "test_time_second,voltage_volt,current_ampere",
        "Time (s),Voltage [V],Current(A)",
        "时间(s),电压(V),电流(A)",
        "时间（s）,电压（V）,电流/A",
        "time_s,voltage_v,current_a",
    ],
)
def test_headers_are_understood_in_both_languages(header):
    """Machine-readable names, units in brackets or after a stroke, or at the end of a name."""
    told = read(f"{header}\n{ROWS}".encode())
    assert told.voltage_v.tolist() == [3.3, 3.4, 3.5]
    assert all(one.stated for one in told.columns)


def test_units_are_converted_as_the_header_states_them():
    """Minutes, millivolts and milliamperes become s, V, A."""
    told = read(b"Time/min;Voltage/mV;Current/mA\n0;3300;-500\n1;3290;-500\n")
    assert told.time_s.tolist() == [0, 60]
    assert told.voltage_v == pytest.approx([3.3, 3.29])
    assert told.current_a == pytest.approx([-0.5, -0.5])


def test_what_is_not_stated_is_not_guessed_in_silence():
    """A header without a unit is taken as SI, and says that it did not state it."""
    assert [one.stated for one in read(b"Time,Volts,Amps\n0,3,1\n1,3,1\n").columns] == [False, False, False]


def test_lines_before_the_header_are_passed_over():
    """The export's own preamble is no table; lines are counted with it."""
    assert read(b"Cycler 7\nChannel,3\n\n" + PLAIN).line == 5


def test_decimal_commas_and_clock_times():
    """What a spreadsheet in Europe and a cycler in China write: 3,3 and 0:00:10."""
    told = read(b"Time;Voltage/V;Current/A\n0:00:00;3,3;1,5\n1:00:10;3,4;1,5\n")
    assert told.time_s.tolist() == [0, 3610]
    assert told.voltage_v.tolist() == [3.3, 3.4]


def test_the_plainest_name_counts_where_two_name_a_quantity():
    """The time since the test began, and not that of the step; the other column is told as left out."""
    told = read(b"Time(s),Total Time(s),Voltage(V),Current(A)\n0,100,3,1\n0,200,3,1\n")
    assert told.time_s.tolist() == [100, 200]
    assert told.left == ("Time(s)",)


def test_a_current_without_a_sign_takes_it_from_the_step():
    """As Maccor writes it: amperes are positive and a column says C or D; the file says so of itself."""
    told = read(
        b"TestTime\tCyc#\tAmps\tVolts\tState\n0d 00:00:00.5\t1\t1.5\t3.6\tC\n1d 00:00:00\t1\t1.5\t3.5\tD\n"
    )
    assert told.current_a.tolist() == [1.5, -1.5]
    assert (told.by_state, told.time_s.tolist()) == ("State", [0.5, 86400])


def test_gzip_parquet_gb18030_and_utf_16():
    """The same table in other clothes is the same table; its digest is that of the bytes that came."""
    plain, table = read(PLAIN), io.BytesIO()
    columns = {
        "test_time_second": [0.0, 10, 20],
        "voltage_volt": [3.3, 3.4, 3.5],
        "current_ampere": [1, 1, 1],
    }
    pq.write_table(pa.table(columns), table)
    chinese = f"时间(s),电压(V),电流(A)\n{ROWS}"
    for data in (
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(PLAIN[:40], mtime=0) + gzip.compress(PLAIN[40:], mtime=0),
        table.getvalue(),
        chinese.encode("gb18030"),
        b"\xef\xbb\xbf" + PLAIN,
        ("\ufeff" + chinese).encode("utf-16-le"),
    ):
        told = read(data)
        assert told.voltage_v.tolist() == plain.voltage_v.tolist()
        assert told.digest != plain.digest


@pytest.mark.parametrize(
    ("data", "rule", "line"),
    [
        (b"", "cycler.empty", None),
        (b"time,voltage,current\n", "cycler.empty", None),
        (b"a,b\n1,2\n", "cycler.columns", None),
        (b"time,voltage\n1,2\n", "cycler.columns", None),
        (b"time,voltage,current\n1,2,3\n1,2,x\n", "cycler.value", 3),
        (b"time,voltage,current\n1,2,3\n1,2\n", "cycler.width", 3),
        (b"time,voltage (foo),current\n1,2,3\n1,2,3\n", "cycler.unit", None),
        (b"time,voltage,current\n0:00:01,2,3\nsoon:,2,3\n", "cycler.value", None),
        (b"PK\x03\x04 a workbook", "cycler.form", None),
        (b"PAR1 and no more", "cycler.form", None),
        (gzip.compress(PLAIN, mtime=0)[:-12], "cycler.form", None),
        (b"\x1f\x8bno gzip", "cycler.form", None),
        (b"time,voltage,current\n1,2,\x003\n", "table.binary", None),
    ],
)
def test_each_malformation_has_its_words(data, rule, line):
    """What is wrong, in which line, and what to do; never a traceback."""
    with pytest.raises(TableError) as raised:
        read(data)
    assert (raised.value.rule, raised.value.line) == (rule, line)
    assert raised.value.fix


def test_what_unpacks_to_too_much_is_refused_early():
    """A bomb of zeros, packed by gzip or as a run of Parquet, is told and not unpacked."""
    table = io.BytesIO()
    column = pa.array(np.zeros(200_000))
    pq.write_table(pa.table({"time_s": column, "voltage_v": column, "current_a": column}), table)
    for data in (gzip.compress(b"0" * 3_000_000), table.getvalue(), PLAIN * 30_000):
        with pytest.raises(UsageError) as raised:
            read(data, most_bytes=1_000_000)
        assert raised.value.rule == "cycler.large"


def test_what_is_missing_infinite_or_absurd_is_no_number():
    """Such values stay visible as missing ones, and no sum can be of them."""
    told = read(b"time,voltage,current\n0,,1\n1,inf,1e300\n2,3,-\n")
    assert np.isnan(told.voltage_v).tolist() == [True, True, False]
    assert np.isnan(told.current_a).tolist() == [False, True, True]


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_break_the_reader(data):
    """Whatever comes, it is a table or an error of ours."""
    for one in (data, PLAIN + data, b"PAR1" + data, b"\x1f\x8b" + data):
        try:
            read(one)
        except VoltrailError:
            continue


@given(st.text(max_size=60))
def test_no_header_breaks_the_reader(text):
    """A header names a column, nothing, or a unit that is not known."""
    try:
        column_of(text)
    except TableError as error:
        assert error.rule == "cycler.unit"


def test_other_readers_hand_in_columns():
    """What is not there is told as it is of a file."""
    with pytest.raises(TableError) as raised:
        from_columns({"time": np.zeros(3), "voltage": np.zeros(3)}, "another", b"")
    assert raised.value.rule == "cycler.columns"
    assert read(cycling.bdf()).form == "bdf"
