"""The command line reads frames of vehicles, and says which bytes are none."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from voltrail.cli import main
from voltrail.telematics.gbt32960.frame import check
from voltrail.telematics.gbt32960.writing import make_frame

VIN = "LTESTVIN000000001"
PLACE = {"position_status": 2, "longitude": 116_400_000, "latitude": 39_900_000}
CELLS = {
    "subsystem_no": 1,
    "voltage": 3812,
    "current": 10_015,
    "cell_count": 3,
    "frame_start_cell": 1,
    "cell_voltages": [3811, 3812, 65535],
}
TIME = {"time": datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC)}
FRAME = make_frame(2016, 2, VIN, TIME, [(5, PLACE), (8, {"subsystems": [CELLS]})])


def run(*arguments):
    return CliRunner().invoke(main, ["frames", "decode", *arguments])


def line(output, name):
    """Return a row of the table, in its words."""
    [found] = [row for row in output.splitlines() if f" {name} " in row]
    return found.split()


@pytest.mark.parametrize("spaced", ["", " ", ":"])
def test_a_frame_as_a_table(spaced):
    """Place, bytes, name, value, unit and status of each field, from the digits of one."""
    result = run(FRAME.hex(spaced) if spaced else FRAME.hex())
    assert result.exit_code == 0
    assert result.output.startswith(f"report of {VIN}, {len(FRAME)} bytes")
    assert line(result.output, "time") == [
        "24",
        *["1a", "0b", "1e", "09", "02", "03"],
        "time",
        "2026-11-30T09:02:03+08:00",
    ]
    assert line(result.output, "longitude")[-3:] == ["longitude", "116.4", "°"]
    assert line(result.output, "latitude")[-2:] == ["-39.9", "°"]
    assert line(result.output, "subsystems[0].current")[-2:] == ["1.5", "A"]
    assert line(result.output, "subsystems[0].cell_voltages[0]")[-2:] == ["3811", "mV"]
    assert line(result.output, "subsystems[0].cell_voltages[2]")[-2:] == [
        "subsystems[0].cell_voltages[2]",
        "invalid",
    ]


def test_every_byte_has_its_row():
    """From the start to the check, none left out and none twice."""
    [frame] = json.loads(run(FRAME.hex(), "--json").output)["frames"]
    assert bytes.fromhex("".join(row["bytes"] for row in frame["fields"])) == FRAME
    places = [row["offset"] for row in frame["fields"]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "written", [bytes, lambda data: data.hex().encode(), lambda data: data.hex(" ", 40).encode()]
)
def test_a_file_of_frames(tmp_path, written):
    """As bytes or as digits; what is broken is named, and the others are read all the same."""
    broken = FRAME[:-1] + bytes([check(FRAME) ^ 1])
    path = tmp_path / "frames"
    path.write_bytes(written(FRAME + broken + make_frame(2025, 7, VIN)))
    result = run(str(path), "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert [frame["name"] for frame in told["frames"]] == ["report", "heartbeat"]
    [refused] = told["refused"]
    assert (refused["rule"], refused["start"], refused["stop"]) == ("frame.bcc", len(FRAME), 2 * len(FRAME))
    told = run(str(path))
    assert told.exit_code == 1
    assert f"Bytes {len(FRAME)} to {2 * len(FRAME) - 1}: The check byte" in told.output


def test_what_nobody_can_read_is_told():
    """Items behind a number without a layout are shown as bytes, with the reason."""
    frame = bytearray(FRAME)
    frame[40] = 0x30
    frame[-1] = check(frame)
    result = run(frame.hex())
    assert result.exit_code == 0
    assert "has no layout for items numbered 0x30" in result.output


def test_neither_a_file_nor_digits():
    """A typing error is refused with what to give."""
    result = run("frames.bin", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["error"]["rule"] == "frame.digits"


def test_a_terminal_does_not_obey_what_vehicles_send():
    """Control characters in a VIN are shown, not sent on."""
    result = run(make_frame(2016, 7, "\x1b[2Jgone").hex())
    assert "\x1b" not in result.output
