"""The archive reads the same however rows came into it, and says nothing twice."""

import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltrail.errors import RegistryError
from voltrail.gateway.archive import MANY_FILES, Archive
from voltrail.telematics.signals import KEYS, TABLES

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
LATER = START + timedelta(days=2)
VINS = ("LTESTVIN000000001", "LTESTVIN000000002", "not a VIN")


def report(vin, second, received_ms=0, **said):
    """Return a row of the reports, so many seconds after START."""
    row = dict.fromkeys(TABLES["reports"].names) | {"vin": vin, "at": START + timedelta(seconds=second)}
    row |= {"received_ms": received_ms, "source": 0, "edition": 2016, "reissued": False, "marks": 0}
    return row | said


def cells(vin, second, received_ms=0, pack_no=1, **said):
    """Return a row of the cells."""
    row = dict.fromkeys(TABLES["cells"].names) | {"vin": vin, "at": START + timedelta(seconds=second)}
    return row | {"received_ms": received_ms, "source": 0, "edition": 2016, "pack_no": pack_no} | said


def login(vin, second, received_ms=0, codes=(), **said):
    """Return a row of the logins."""
    row = dict.fromkeys(TABLES["logins"].names) | {"vin": vin, "at": START + timedelta(seconds=second)}
    return row | {"received_ms": received_ms, "source": 0, "edition": 2016, "codes": list(codes)} | said


def table(name, rows):
    return pa.Table.from_pylist(list(rows), schema=TABLES[name])


SECONDS = st.sampled_from([-3601, -1, 0, 1, 2, 3599, 3600, 90_000])
RECEIVED = st.integers(0, 2)
MV = st.none() | st.lists(st.none() | st.integers(3000, 3003), max_size=3)
ROWS = {
    "reports": st.builds(
        report,
        st.sampled_from(VINS),
        SECONDS,
        RECEIVED,
        reissued=st.booleans(),
        source=st.integers(0, 1),
        soc_percent=st.none() | st.integers(0, 2),
        speed_kmh=st.sampled_from([None, 0.0, -0.0, 1.5]),
    ),
    "cells": st.builds(
        cells, st.sampled_from(VINS), SECONDS, RECEIVED, pack_no=st.integers(0, 255), cell_mv=MV
    ),
    "logins": st.builds(
        login, st.sampled_from(VINS), SECONDS, RECEIVED, codes=st.lists(st.text(max_size=2), max_size=2)
    ),
}


def plainly(name, rows):
    """Return what counts of some rows where nothing but when they were received tells them apart."""
    kept = {}
    for row in sorted(rows, key=lambda row: (row["received_ms"], row.get("reissued", False), row["source"])):
        kept.setdefault(tuple(row[key] for key in KEYS[name]), row)
    return [kept[key] for key in sorted(kept, key=lambda key: (key[0].encode(), *key[1:]))]


def read(archive, name, columns=None, start=START - timedelta(days=1), stop=LATER, vins=None):
    return archive.read(name, columns, start, stop, vins).to_pylist()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(list(TABLES)))
def test_any_order_reads_the_same(tmp_path_factory, data, name):
    """However rows are split into files, repeated and merged in between, the archive reads the same."""
    rows = data.draw(st.lists(ROWS[name], max_size=12))
    whole = Archive(tmp_path_factory.mktemp("whole"))
    whole.put({name: table(name, rows)}, "whole")
    expected = read(whole, name)

    assert [[row[key] for key in KEYS[name]] for row in expected] == [
        [row[key] for key in KEYS[name]] for row in plainly(name, rows)
    ]
    told = ("received_ms", "source", *(["reissued"] if name == "reports" else []))
    assert [[row[key] for key in told] for row in expected] == [
        [row[key] for key in told] for row in plainly(name, rows)
    ]
    assert all(row in rows for row in expected)

    other = Archive(tmp_path_factory.mktemp("other"))
    shuffled = data.draw(
        st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=4)))
        if rows
        else st.just([])
    )
    while shuffled:
        count = data.draw(st.integers(1, len(shuffled)))
        part, shuffled = shuffled[:count], shuffled[count:]
        given = f"part{len(shuffled)}"
        for _ in range(data.draw(st.integers(1, 2))):
            other.put({name: table(name, part)}, given)
        if data.draw(st.booleans()):
            other.compact(data.draw(st.sampled_from([START, LATER])))
        if data.draw(st.booleans()):
            other = Archive(other._root)

    assert read(other, name) == expected
    other.compact(LATER)
    other.compact(LATER)
    assert all(len(list(hour.iterdir())) == 1 for hour in other._root.glob("*/*/*"))
    assert read(other, name) == expected


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.parquet"))


def test_hours_that_are_over_become_one_file(tmp_path):
    """What came in parts is one file once its hour is over, and late rows go into it again."""
    archive = Archive(tmp_path)
    archive.put({"reports": table("reports", [report(VINS[0], 1), report(VINS[0], 3600)])}, "a")
    archive.put({"reports": table("reports", [report(VINS[0], 2)])}, "b")

    assert archive.compact(START + timedelta(hours=1)) == 1
    assert archive.compact(START + timedelta(hours=1)) == 0
    [first, second] = files(tmp_path)
    assert first.startswith("reports/day=2026-11-30/hour=09/all-")
    assert second == "reports/day=2026-11-30/hour=10/a.parquet"

    archive.put({"reports": table("reports", [report(VINS[0], 0)])}, "late")
    assert archive.compact(LATER) == 0  # more of it may be on its way
    assert archive.compact(LATER) == 1
    assert len(files(tmp_path)) == 2
    assert [row["at"].second for row in read(archive, "reports", ["at"])] == [0, 1, 2, 0]


def test_many_files_become_one_before_the_hour_is_over(tmp_path):
    """A running hour is merged when it has many files, so that reading it stays quick."""
    archive = Archive(tmp_path)
    for number in range(MANY_FILES + 1):
        assert archive.compact(START) == 0
        archive.put({"reports": table("reports", [report(VINS[0], number)])}, f"{number}")
    assert archive.compact(START) == 1
    assert len(files(tmp_path)) == 1
    assert len(read(archive, "reports")) == MANY_FILES + 1


def test_reads_what_is_asked_for(tmp_path):
    """A time ends before its end; vehicles and columns are those named, sorted by vehicle and time."""
    archive = Archive(tmp_path)
    rows = [report(vin, second, soc_percent=second % 100) for second in (0, 1, 3599, 3600) for vin in VINS]
    archive.put({"reports": table("reports", rows)}, "a")
    archive.put({"reports": table("reports", [report(VINS[1], 5)])}, "b")

    found = archive.read("reports", ["soc_percent"], START, START + timedelta(seconds=1), [VINS[0], "nobody"])
    assert found.to_pydict() == {"soc_percent": [0]}
    found = archive.read(
        "reports",
        ["at", "vin"],
        START + timedelta(milliseconds=1),
        START + timedelta(hours=1, milliseconds=1),
    )
    assert found.column_names == ["at", "vin"]
    assert [(row["vin"], (row["at"] - START).seconds) for row in found.to_pylist()] == [
        (vin, second)
        for vin in sorted(VINS)
        for second in ((1, 5, 3599, 3600) if vin == VINS[1] else (1, 3599, 3600))
    ]
    hours = list(archive.hours("reports", ["vin"], START, START + timedelta(hours=2)))
    assert [len(hour) for hour in hours] == [10, 3]
    assert read(archive, "cells") == []


def test_large_hours_are_merged_by_parts(tmp_path, monkeypatch):
    """An hour that memory would not hold is merged vehicle by vehicle, and nothing is lost between them."""
    monkeypatch.setattr("voltrail.gateway.archive.MERGED_ROWS", 40)
    monkeypatch.setattr("voltrail.gateway.archive.GROUP_ROWS", 16)
    archive = Archive(tmp_path)
    vins = [f"LTESTVIN{number:09}" for number in range(50)]
    rows = [report(vin, second, second) for vin in vins for second in range(7)]
    for number in range(5):
        archive.put({"reports": table("reports", rows[number::3] + rows[:30])}, f"{number}")
    archive.compact(LATER)

    assert len(files(tmp_path)) == 1
    assert read(archive, "reports") == rows


def test_readers_and_merging_do_not_disturb_each_other(tmp_path):
    """Whoever reads while hours are merged finds every row once, each time."""
    archive = Archive(tmp_path)
    expected, wrong = [[]], []
    stop = threading.Event()

    def look():
        reader = Archive(tmp_path)
        while not stop.is_set():
            least = len(expected)
            found = [row["at"].second for row in read(reader, "reports", ["at"])]
            if found != list(range(len(found))) or len(found) < least - 1:
                wrong.append(found)

    watching = threading.Thread(target=look)
    watching.start()
    for number in range(40):
        archive.put({"reports": table("reports", [report(VINS[0], number)])}, f"{number}")
        expected.append([])
        archive.compact(LATER)
    stop.set()
    watching.join()
    assert wrong == []


def test_a_damaged_file_is_told_and_does_not_stop_other_hours(tmp_path):
    """Whoever reads an hour with a damaged file learns where it lies; the others are merged and read."""
    archive = Archive(tmp_path)
    for name in ("a", "b"):
        archive.put({"reports": table("reports", [report(VINS[0], 0), report(VINS[0], 3600)])}, name)
    (tmp_path / "reports/day=2026-11-30/hour=09/a.parquet").write_bytes(b"PAR1 damaged PAR1")

    assert archive.compact(LATER) == 1
    with pytest.raises(RegistryError, match="hour=09") as caught:
        read(archive, "reports")
    assert caught.value.rule == "archive.damaged"
    assert len(read(archive, "reports", start=START + timedelta(hours=1))) == 1


def test_duckdb_reads_the_folder(tmp_path):
    """Analysts read the folder as it is, with days and hours as columns."""
    archive = Archive(tmp_path)
    archive.put(
        {"reports": table("reports", [report(VINS[0], 0, soc_percent=50), report(VINS[0], 3600)])}, "a"
    )

    found = duckdb.sql(
        f"select day, hour, vin, soc_percent from read_parquet('{tmp_path}/reports/**/*.parquet',"
        " hive_partitioning = true) order by hour"
    ).fetchall()

    assert [(str(day), int(hour), vin, soc) for day, hour, vin, soc in found] == [
        ("2026-11-30", 9, VINS[0], 50),
        ("2026-11-30", 10, VINS[0], None),
    ]

    archive.put({"cells": table("cells", [cells(VINS[0], 0, cell_mv=[3300, None, 3301], probe_c=[-3])])}, "a")
    found = duckdb.sql(f"select cell_mv, probe_c from '{tmp_path}/cells/**/*.parquet'").fetchall()
    assert found == [([3300, None, 3301], [-3])]
