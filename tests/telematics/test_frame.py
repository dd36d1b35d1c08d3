"""One frame, read and written: nothing is lost, and what cannot be written is refused by name."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.telematics.strategies import FRAMES, VIN, framed
from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.layout import EDITIONS, Field, Status, layout
from voltrail.telematics.gbt32960.writing import make_frame, raw_of, write_frame

MOMENT = datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC)
ENGINE = {"engine_status": 1, "crankshaft_speed": 3000, "fuel_consumption_rate": 65535}


@given(FRAMES)
@example(framed(b"$$", 0x0B, 1, 1, bytes(6)))  # an answer to a command whose own layout has no time
@settings(deadline=None, max_examples=300)
def test_what_is_read_is_written_the_same(frame):
    """encode(decode(x)) = x, whatever the command, and whatever is inside."""
    assert write_frame(read_frame(frame)) == frame


@given(FRAMES)
@settings(deadline=None)
def test_readings_cover_the_bytes(frame):
    """Fields stand one behind the other, none over another, and inside the data unit."""
    at = 24
    for _, reading in read_frame(frame).readings():
        assert reading.offset >= at
        at = reading.offset + reading.size
    assert at <= len(frame) - 1


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_other_bytes_are_refused_by_name(data):
    """Bytes of any kind give a frame or one of three refusals, each with what to do."""
    try:
        frame = read_frame(data)
    except FrameError as error:
        assert error.rule in {"frame.start", "frame.length", "frame.bcc"}
        assert error.message.endswith(".")
        assert error.fix.endswith(".")
    else:
        assert write_frame(frame) == data


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_command_is_written_and_read(edition):
    """Each command of the layout, from raw values by name."""
    for code, body in layout(edition).commands.items():
        record = {
            field.name: b"" if field.type == "bytes" else "A" if field.type == "text" else 1
            for field in body.fields
            if not field.count
        } | {field.name: ["B"] if field.type == "text" else [1] for field in body.fields if field.count}
        record |= {field.name: MOMENT for field in body.fields if field.type == "time"}
        record = {name: held for name, held in record.items() if name != "parameter_count"}
        if edition == 2016 and code == 1:
            record["code_length"] = 24
        record |= {
            field.size: 0 for field in body.fields if isinstance(field.size, str) and field.type == "bytes"
        }
        record.pop("rest", None)
        frame = read_frame(make_frame(edition, code, VIN, record))
        assert frame.troubles == () or body.signed, body.name
        if body.fields and body.fields[0].name == "time":
            assert frame.time == MOMENT


def test_times_are_beijings_and_plain_binary():
    """2026-11-30 09:02:03 in Beijing is 1a 0b 1e 09 02 03, neither BCD nor UTC."""
    data = make_frame(2016, 4, VIN, {"time": MOMENT, "logout_seq": 7})
    assert data[24:30] == bytes([26, 11, 30, 9, 2, 3])


@pytest.mark.parametrize("held", [bytes([26, 2, 29, 0, 0, 0]), b"\xff" * 6, bytes([26, 1, 1, 24, 0, 0])])
def test_a_time_that_the_calendar_does_not_have(held):
    """Is out of range, has no value, and loses nothing behind it."""
    frame = read_frame(make_frame(2016, 2, VIN, {"time": held}, [(4, ENGINE)]))
    assert (frame.time, frame.record["time"].status) == (None, Status.OUT_OF_RANGE)
    assert frame.items[0].record["crankshaft_speed"].value == 3000


def test_the_offset_of_a_current_is_its_editions():
    """Raw 10000 is 0 A in 2016 and -2000 A in 2025."""
    for edition, amperes in ((2016, 0), (2025, -2000)):
        field = next(one for one in layout(edition).items[1].fields if one.name == "total_current")
        assert field.scaled(10000) == amperes


def test_one_number_means_two_things():
    """Item 7 is the alarms in 2016 and the cells in 2025."""
    names = [layout(edition).items[7].name for edition in EDITIONS]
    assert names == ["alarm", "min_parallel_unit_voltage"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [(0, "OUT_OF_RANGE"), (1, "OK"), (3, "OK"), (4, "OUT_OF_RANGE"), (254, "ABNORMAL"), (255, "INVALID")],
)
def test_statuses(raw, status):
    """Of a value that stands for words: those of the standard, the two markers, and nothing else."""
    field = layout(2016).items[1].fields[0]
    assert field.status_of(raw).name == status


def test_south_and_west_are_below_zero():
    """The signs of a position come from its status."""
    place = {"position_status": 6, "longitude": 70_000_001, "latitude": 33_400_002}
    [item] = read_frame(make_frame(2016, 2, VIN, {"time": MOMENT}, [(5, place)])).items
    assert (item.record["longitude"].value, item.record["latitude"].value) == (-70.000001, -33.400002)
    assert item.record["position_status"].meaning == "south, west"


def test_a_bad_item_leaves_the_good_before_it():
    """An item that is cut, and one whose number nobody knows, are kept as a rest with the reason."""
    engine = b"\4\1\x0b\xb8\xff\xff"
    for tail, rule in ((b"\1\2\3", "frame.item_short"), (b"\x30\1\2", "frame.item_unknown")):
        frame = read_frame(framed(b"##", 2, 0xFE, 1, bytes([26, 1, 1, 1, 1, 1]) + engine + tail))
        assert [item.name for item in frame.items] == ["engine", "rest"]
        assert frame.items[1].record["data"].raw == tail
        assert [trouble.rule for trouble in frame.troubles] == [rule]


def test_a_signature_that_does_not_fit_is_kept_whole():
    """An activation whose signature says it is longer than it is loses none of its bytes."""
    unit = bytes([26, 1, 1, 1, 1, 1]) + b"CHIP000000000001" + b"\0\0" + b"LTESTVIN000000001" + b"\3\xff\xff12"
    data = framed(b"$$", 9, 0xFE, 1, unit)
    frame = read_frame(data)
    assert frame.items[-1].record["data"].raw == b"\3\xff\xff12"
    assert [trouble.rule for trouble in frame.troubles] == ["frame.item_short"]
    assert write_frame(frame) == data


def test_a_marked_number_has_no_list():
    """A count of cells that is invalid is followed by none, where the layout has markers."""
    packs = {"packs": [{"pack_no": 1, "voltage": 1, "current": 1, "unit_count": 65535, "unit_voltages": []}]}
    [item] = read_frame(make_frame(2025, 2, VIN, {"time": MOMENT}, [(7, packs)])).items
    assert raw_of(item.record)["packs"][0]["unit_voltages"] == []


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: make_frame(2016, 2, VIN, {"time": MOMENT}, [(4, {"engine_status": 1})]), "frame.field"),
        (
            lambda: make_frame(2016, 2, VIN, {"time": MOMENT}, [(4, ENGINE | {"crankshaft_speed": 70000})]),
            "frame.field",
        ),
        (lambda: make_frame(2016, 2, VIN, {"time": "now"}), "frame.field"),
        (lambda: make_frame(2016, 2, VIN, {"time": MOMENT}, [(0x30, {})]), "frame.item_unknown"),
        (lambda: make_frame(2016, 7, VIN + "0"), "frame.vin"),
        (
            lambda: make_frame(2016, 2, VIN, {"time": MOMENT}, [(0x80, {"data": bytes(65000)})] * 2),
            "frame.too_long",
        ),
    ],
    ids=["missing", "too large", "no time", "no layout", "vin", "too long"],
)
def test_what_cannot_be_written_is_refused(make, rule):
    """By name, before anything is sent."""
    with pytest.raises(FrameError) as refused:
        make()
    assert refused.value.rule == rule


def test_a_field_describes_itself():
    """Bits, words and markers of a field are read from the layout alone."""
    field = Field("x", 2, divisor=10, raw_offset=-5, marked=True, max=100)
    assert (field.scaled(15), field.top) == (1.0, 100)
    assert [field.marker(status) for status in (Status.ABNORMAL, Status.INVALID)] == [65534, 65535]
