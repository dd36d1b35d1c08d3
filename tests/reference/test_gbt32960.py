"""Frames that others published, many captured on the road, against the values they say stand in them."""

import json
import re
from datetime import UTC, datetime

import pytest

from tests.reference.conftest import FOLDER
from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.writing import raw_of, write_frame

PATH = FOLDER / "gbt32960" / "frames.json"
FRAMES = json.loads(PATH.read_text())["frames"] if PATH.is_file() else []


def named(condition=lambda frame: True):
    chosen = [frame for frame in FRAMES if condition(frame)]
    return pytest.mark.parametrize("frame", chosen, ids=[frame["id"] for frame in chosen])


def by_id(name):
    return read_frame(bytes.fromhex(next(frame["hex"] for frame in FRAMES if frame["id"] == name)))


def item_of(item):
    raw = raw_of(item.record)
    for name in ("r", "s"):
        if name in raw:
            raw[name] = raw[name].hex()
    if item.name == "custom":
        raw = {"data_hex": raw["data"].hex()}
    return {"type": item.code, **raw}


def numbers_of(told, ours):
    """Assert that every number and text the reference tells of stands under the same name with us."""
    for name, value in told.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            assert len(value) == len(ours[name])
            for one, other in zip(value, ours[name], strict=True):
                numbers_of(one, other)
        else:
            held = ours[name]
            if isinstance(held, list):
                held = [text(one) for one in held]
            assert value == text(held), name


def text(held):
    return held.decode("latin-1") if isinstance(held, bytes) else held


def test_the_reference_is_there(reference):
    """All 64 frames are read here."""
    assert PATH.is_file()
    assert len(FRAMES) == 64


@named(lambda frame: frame["bcc_valid"])
def test_written_again_it_is_the_same(frame):
    """Nothing of a frame is lost in reading it, what cannot be read included."""
    data = bytes.fromhex(frame["hex"])
    assert write_frame(read_frame(data)) == data


@named(lambda frame: frame["bcc_valid"] and "decoded_raw" in frame)
def test_raw_values(frame):
    """Every raw value of the reference decoder stands under its name, in its item."""
    told, ours = dict(frame["decoded_raw"]), read_frame(bytes.fromhex(frame["hex"]))
    assert (told.pop("version"), told.pop("command")) == (ours.edition, ours.command)
    assert (told.pop("ack"), told.pop("encryption")) == (ours.ack, ours.encryption)
    assert told.pop("vin") == ours.vin.decode("latin-1")
    assert told.pop("bcc_ok")
    for name in ("length", "frame_len", "bcc", "rest_hex"):
        told.pop(name, None)
    if "time" in told:
        assert datetime.fromisoformat(told.pop("time")) == ours.time
    items = [item_of(item) for item in ours.items]
    for one, other in zip(told.pop("items", []), items, strict="body_hex" not in told and bool(items)):
        numbers_of(one, other)
    told.pop("body_hex", None)
    numbers_of(told, raw_of(ours.record))
    assert ours.troubles == ()


@named(lambda frame: not frame["bcc_valid"])
def test_a_wrong_check_is_refused(frame):
    """The one frame that is broken is refused by name."""
    with pytest.raises(FrameError) as refused:
        read_frame(bytes.fromhex(frame["hex"]))
    assert refused.value.rule == "frame.bcc"


@named(lambda frame: not frame["structure_consumed"])
def test_what_fits_no_layout(frame):
    """A number without a layout, and a maker's item without its length, end the walk and are named."""
    ours = read_frame(bytes.fromhex(frame["hex"]))
    [trouble] = ours.troubles
    assert trouble.rule in {"frame.item_unknown", "frame.item_short"}
    if ours.edition == 2025:
        told = frame["expected_source"]["payload"]
        assert len(ours.items) == len(told["data_list"]) + 1  # what is not known, and the signature behind it
        assert ours.items[-1].record["r"].raw.hex() == told["sig"]["r_value"]


STATED = re.compile(r"(-?[\d.]+) (\S+)")
NAMES = {  # rtm_con's names of scaled values, by ours
    "vehicle_speed": "speed",
    "mileage_total": "odometer",
    "voltage_total": "total_voltage",
    "current_total": "total_current",
    "soc": "soc",
    "insulation_resistance": "insulation_resistance",
    "ctrl_temp": "controller_temp",
    "speed": "motor_speed",
    "torque": "motor_torque",
    "temp": "motor_temp",
}


def scaled(told, record):
    """Yield pairs of what rtm_con says in words and what we read, for the fields named alike."""
    for name, stated in told.items():
        if name in NAMES and NAMES[name] in record and (match := STATED.fullmatch(str(stated))):
            yield match, record[NAMES[name]]


@named(lambda frame: frame["id"].startswith("rtm_con") and "data_list" in str(frame["expected_source"]))
def test_scaled_values_and_statuses(frame):
    """Scaled values agree with rtm_con's, and what it calls invalid or abnormal is so with us."""
    ours = read_frame(bytes.fromhex(frame["hex"]))
    blocks = frame["expected_source"]["payload"]["data_list"]
    for told, item in zip(blocks, ours.items, strict=False):
        content = told["data_content"]
        pairs = []
        if told["data_type"] == "whole_vehicle":
            pairs = list(scaled(content, item.record))
        elif told["data_type"] == "emotor":
            pairs = [
                pair
                for one, row in zip(content, item.record["motors"], strict=True)
                for pair in scaled(one, row)
            ]
        for stated, reading in pairs:
            if stated[2] in {"invalid", "abnormal"}:
                assert reading.status.name.lower() == stated[2]
                assert reading.value is None
            else:
                assert reading.value == pytest.approx(float(stated[1]))


def test_a_minimal_frame(reference):
    """Physical values, a negative current among them, of a frame whose VIN is padded with zeros."""
    frame = by_id("go-golden-58B")
    [pack], [probes] = frame.items[0].record["subsystems"], frame.items[1].record["subsystems"]
    assert frame.vehicle == "OV20260001"
    assert frame.time == datetime.fromtimestamp(1789619400, UTC)
    assert (pack["voltage"].value, pack["current"].value) == (60.2, -5.1)
    assert [cell.value for cell in pack["cell_voltages"]][:2] == [3276, 3280]
    assert [probe.value for probe in probes["probe_temps"]] == [31, 35]


def test_activation(reference):
    """The key of a terminal, its chip and the signature of its activation stand apart."""
    frame = by_id("rtm_con-28")
    assert frame.record["chip_id"].value == "1234567812345678"
    assert frame.record["vin"].value == "HGLH3ACF1PA714408"
    assert (len(frame.record["public_key"].raw), len(frame.items[0].record["r"].raw)) == (259, 256)


def test_parameters(reference):
    """Values of parameters whose length other parameters tell."""
    frame = by_id("emqx-case13_param_query-0")
    values = [next(iter(item.record.values())).value for item in frame.items]
    assert values == [5000, 10, "google.com", 14, "www.google.com"]


def test_position_bit_zero_means_no_fix(reference):
    """A last known place is not a measurement: its bit 0 set means invalid, whatever others read into it."""
    for name in ("rtm_con-09", "rtm_con-35"):
        [position] = [item for item in by_id(name).items if item.name == "position"]
        assert position.record["longitude"].status.name == "INVALID"
    assert "no valid fix" in position.record["position_status"].meaning
