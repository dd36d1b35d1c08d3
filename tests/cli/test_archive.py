"""The command line turns segments into the archive, and prints what a vehicle reported."""

import csv
import json

import pytest
from click.testing import CliRunner

from tests.gateway.test_archiver import START, frame, segment
from tests.registry.conftest import empty, postgres  # noqa: F401 - fixtures
from voltrail.cli import main
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import Record
from voltrail.telematics.gbt32960.writing import make_frame

# ruff: noqa: F811 - fixtures of another module

VIN = "LTESTVIN000000001"
PERIOD = ("--from", "2026-11-30T09:00", "--to", "2026-11-30T10:00")


@pytest.fixture
def data(empty):
    """A registry whose gateway has kept three reports of two vehicles."""
    login = {"time": START, "login_seq": 1, "iccid": "8986", "code_length": 24, "ress_codes": ["C" * 24]}
    records = [Record(5, 0, frame(1) + frame(8) + frame(2)), Record(6, 0, make_frame(2016, 1, VIN, login))]
    segment(Folder.of(empty.data), records)
    return empty


def run(registry, *arguments):
    data = ("--data", str(registry.data))
    database = ("--database", registry.database.dsn) if arguments[0] == "archive" else ()
    return CliRunner().invoke(main, ["gateway", *arguments, *data, *database])


def test_segments_are_archived_and_printed(data):
    """One command archives, the other prints the reports of one vehicle, as a table, CSV and JSON."""
    result = run(data, "archive")
    assert result.exit_code == 0, result.output
    assert "1 segments are archived: 7 rows." in result.output
    assert json.loads(run(data, "archive", "--json").stdout)["segments"] == 0

    assert [row.vin for row in data.vehicle_packs.of_battery("C" * 24)] == [VIN]

    table = run(data, "rows", VIN, *PERIOD).stdout.splitlines()
    assert [line.split()[:4] for line in table[1:]] == [
        ["2026-11-30", "09:00:00", "0.0", "1"],
        ["2026-11-30", "09:00:37", "0.0", "8"],
    ]
    told = [json.loads(line) for line in run(data, "rows", VIN, *PERIOD, "--json").stdout.splitlines()]
    assert [row["at"] for row in told] == ["2026-11-30T09:00:00+00:00", "2026-11-30T09:00:37+00:00"]
    listed = list(csv.DictReader(run(data, "rows", VIN, *PERIOD, "--csv").stdout.splitlines()))
    assert [row["cell_max_mv"] for row in listed] == ["3302", "3304"]
    assert START.isoformat() == listed[0]["at"]


def test_a_damaged_segment_is_told(data):
    """Who archives by hand learns that a segment was put aside."""
    (Folder.of(data.data).segments / "0.seg").write_bytes(b"none")
    result = run(data, "archive")
    assert result.exit_code == 1
    assert "segments/damaged" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday"), "is no time"),
        (("--from", "2026-11-30", "--to", "2026-11-29"), "ends before it begins"),
    ],
)
def test_times_that_cannot_be(data, arguments, words):
    """A slip in a time is told in words."""
    result = run(data, "rows", VIN, *arguments)
    assert result.exit_code == 1
    assert words in result.output


def test_a_folder_without_telemetry(empty):
    """A registry without a gateway is told so, and no folder is made in it."""
    before = sorted(empty.data.iterdir())
    for command in (("archive",), ("rows", VIN)):
        result = run(empty, *command)
        assert result.exit_code == 1
        assert "holds no telemetry" in result.output
    assert sorted(empty.data.iterdir()) == before
