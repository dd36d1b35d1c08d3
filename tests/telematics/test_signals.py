"""The tables of the archive say what the frames say, read one by one."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telematics.strategies import FRAMES, VIN, framed
from voltrail.telematics.gbt32960.batch import decode
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame
from voltrail.telematics.packs import MAX_START
from voltrail.telematics.signals import MEASURED, TABLES, signals_of

SAID = {
    "vehicle_status": ("vehicle", "vehicle_status"),
    "charging_status": ("vehicle", "charging_status"),
    "operating_mode": ("vehicle", "operating_mode"),
    "speed_kmh": ("vehicle", "speed"),
    "odometer_km": ("vehicle", "odometer"),
    "voltage_v": ("vehicle", "total_voltage"),
    "current_a": ("vehicle", "total_current"),
    "soc_percent": ("vehicle", "soc"),
    "insulation_kohm": ("vehicle", "insulation_resistance"),
    "longitude_deg": ("position", "longitude"),
    "latitude_deg": ("position", "latitude"),
    "alarm_level": ("alarm", "max_alarm_level"),
    "alarm_flags": ("alarm", "general_alarm_flags"),
}
VOLTAGES = {
    "ress_voltage": ("subsystems", "cell_voltages"),
    "min_parallel_unit_voltage": ("packs", "unit_voltages"),
}
PROBES = {"ress_temperature": "subsystems", "battery_temperature": "packs"}
AT = datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC)


def single(value):
    return None if value is None else float(np.float32(value))


def ok(reading):
    return reading.value if reading.status == 0 else None


def plainly(frames):
    """Say the same as `signals_of`, slowly: frames with when they came and from whom."""
    tables, left_out = {name: [] for name in TABLES}, {"encrypted": 0, "no_time": 0, "cells": 0}
    for data, received, source in frames:
        frame = read_frame(data)
        if frame.command not in {1, 2, 3} or frame.ack != 0xFE:
            continue
        if frame.encryption != 1 or frame.time is None:
            left_out["no_time" if frame.encryption == 1 else "encrypted"] += 1
            continue
        key = {
            "vin": frame.vehicle if not frame.vin.isascii() or len(frame.vehicle) < 17 else frame.vin.decode()
        }
        key |= {"at": frame.time, "received_ms": received, "source": source, "edition": frame.edition}
        if frame.command == 1:
            record = frame.record
            codes = record.get("ress_codes", record.get("pack_codes", ()))
            seq, iccid = record.get("login_seq"), record.get("iccid")
            said = {"login_seq": seq and ok(seq), "iccid": iccid and iccid.value.strip(" \0")}
            tables["logins"].append(key | said | {"codes": [one.value.strip(" \0") for one in codes]})
            continue
        packs = packs_of(frame, left_out)
        tables["reports"].append(key | {"reissued": frame.command == 3} | report_of(frame, packs))
        tables["cells"] += [key | {"pack_no": number} | packs[number] for number in sorted(packs)]
    for rows in tables.values():
        rows.sort(key=lambda row: (row["vin"], row["at"]))
    return tables, left_out


def packs_of(frame, left_out):
    packs = {}
    nothing = {"voltage_v": None, "current_a": None, "cell_mv": None, "probe_c": None}
    for item in frame.items:
        for row in item.record.get(VOLTAGES.get(item.name, ("",))[0], ()) if item.name in VOLTAGES else ():
            pack = packs.setdefault(row.get("subsystem_no", row.get("pack_no")).raw, dict(nothing))
            pack["voltage_v"], pack["current_a"] = single(ok(row["voltage"])), single(ok(row["current"]))
            start = row["frame_start_cell"].raw if "frame_start_cell" in row else 1
            cells = [ok(cell) for cell in row[VOLTAGES[item.name][1]]]
            pack["cell_mv"] = pack["cell_mv"] or []
            if start > MAX_START:
                left_out["cells"] += len(cells)
            elif cells:
                put(pack["cell_mv"], max(start - 1, 0), cells)
        for row in item.record.get(PROBES[item.name], ()) if item.name in PROBES else ():
            pack = packs.setdefault(row.get("subsystem_no", row.get("pack_no")).raw, dict(nothing))
            pack["probe_c"] = pack["probe_c"] or []
            put(pack["probe_c"], 0, [ok(probe) for probe in row["probe_temps"]])
    return packs


def put(held, start, values):
    held += [None] * (start + len(values) - len(held))
    held[start : start + len(values)] = values


def report_of(frame, packs):
    items = {item.name: item.record for item in frame.items}
    row, marks = {}, 0
    for number, field in enumerate(MEASURED):
        item, name = SAID[field.name]
        reading = items[item][name] if item in items else None
        row[field.name] = None if reading is None else ok(reading)
        if pa.types.is_float32(field.type):
            row[field.name] = single(row[field.name])
        marks |= (reading.status if reading else 0) << (2 * number)
    cells = [cell for number in sorted(packs) for cell in packs[number]["cell_mv"] or ()]
    good = [cell for cell in cells if cell is not None]
    probes = [c for pack in packs.values() for c in pack["probe_c"] or () if c is not None]
    row |= {"packs": len(packs) or None, "cells": len(good) if packs else None, "marks": marks}
    for name, best in (("max", max), ("min", min)):
        row[f"cell_{name}_mv"] = best(good, default=None)
        row[f"cell_{name}_no"] = cells.index(best(good)) + 1 if good else None
        row[f"probe_{name}_c"] = best(probes, default=None)
    return row | {"cell_mean_mv": single(sum(good) / len(good)) if good else None}


@st.composite
def logins(draw):
    """Give a login of either edition, with codes of any bytes."""
    edition = draw(st.sampled_from([2016, 2025]))
    count, length = draw(st.integers(0, 4)), 24 if edition == 2025 else draw(st.integers(0, 30))
    counts = bytes([count, length]) if edition == 2016 else bytes([1, count])
    codes = draw(st.binary(min_size=count * length, max_size=count * length))
    unit = bytes([26, 11, 30, 9, 2, 3, *draw(st.binary(min_size=22, max_size=22)), *counts, *codes])
    cut = draw(st.sampled_from([len(unit), draw(st.integers(6, len(unit)))]))
    return framed(b"##" if edition == 2016 else b"$$", 1, 0xFE, 1, unit[:cut])


@st.composite
def cut_packs(draw):
    """Give a report of 2016 whose packs come in parts, several times, and in any order."""
    import random

    dice = random.Random(draw(st.integers(0, 2**32)))
    items = []
    for _ in range(dice.randint(1, 4)):
        packs = []
        for _ in range(dice.randint(0, 3)):
            cells = [
                dice.choice((3200, 3300, dice.randrange(65536), 65535)) for _ in range(dice.randint(0, 5))
            ]
            start = dice.choice((0, 1, 1, 3, 6, 2000, 2001, 65535))
            pack = {
                "subsystem_no": dice.choice((1, 2, 3, 255)),
                "voltage": dice.randrange(65536),
                "current": 1,
            }
            pack |= {"cell_count": 9, "frame_start_cell": start, "frame_cell_count": len(cells)}
            packs.append(pack | {"cell_voltages": cells})
        items.append((8, {"subsystem_count": len(packs), "subsystems": packs}))
    return make_frame(2016, dice.choice((2, 3)), VIN, {"time": AT}, items)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.one_of(FRAMES, logins(), cut_packs()), st.integers(0, 2**62), st.integers(0, 2**32 - 1)),
        max_size=6,
    )
)
def test_columns_say_what_each_frame_says(frames):
    """Whatever frames come together, the tables hold what a plain reader finds in each, sorted."""
    data = b"".join(frame for frame, _, _ in frames)
    whole = [data[start:stop] for start, stop in split(data).frames]
    if whole != [frame for frame, _, _ in frames]:
        return  # cut frames that hold by chance over others: `split` has its own tests
    told = signals_of(
        decode(data),
        np.array([one[1] for one in frames], np.int64),
        np.array([one[2] for one in frames], np.uint32),
    )

    tables, left_out = plainly(frames)

    assert told.left_out == left_out
    for name, rows in tables.items():
        told.tables[name].validate(full=True)
        assert told.tables[name].schema == TABLES[name]
        for one, other in zip(told.tables[name].to_pylist(), rows, strict=True):
            assert one == other
