"""Columns hold what frames read one by one hold, whatever comes, and nothing is lost to damage beside it."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.telematics.strategies import VIN, framed, moment, raw_values, reports, streams
from voltrail.errors import FrameError
from voltrail.telematics.gbt32960 import batch as module
from voltrail.telematics.gbt32960.batch import Decoder, decode
from voltrail.telematics.gbt32960.frame import Reading, read_frame
from voltrail.telematics.gbt32960.layout import EDITIONS, Status, layout
from voltrail.telematics.gbt32960.plan import column_name, has_status, plan, value_type
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame

DECODER = Decoder()  # one for all, so that what it keeps from batch to batch is tried too


def scaled(reading):
    """Return what a column holds of a reading: the scaled value whatever its status."""
    value = reading.field.scaled(reading.raw)
    if reading.field.negative_bit and reading.value is not None and reading.value < 0:
        value = reading.value
    return value_type(reading.field).type(value)


def rows_of(number, item, kind):
    """Yield the rows of an item as dictionaries of columns."""
    groups = [
        held
        for held in item.record.values()
        if isinstance(held, tuple) and held and isinstance(held[0], dict)
    ]
    records = groups[0] if groups else [item.record] if not kind.counted else []
    for record in records:
        row = {"frame": number}
        for held in record.values():
            several = isinstance(held, tuple)
            readings = held if several else (held,)
            if not readings:
                continue
            field = readings[0].field
            row[column_name(field)] = [scaled(one) for one in readings] if several else scaled(readings[0])
            if has_status(field):
                statuses = [int(one.status) for one in readings]
                row[f"{field.name}_status"] = statuses if several else statuses[0]
        yield row


def slowly(data, *, final=True):
    """Return what a batch should hold, read frame by frame in plain Python."""
    found = split(data, final=final)
    frames, rows, blocks = [], {}, []
    kinds = {(kind.edition, kind.code): kind for kind in plan().kinds}
    for number, (start, stop) in enumerate(found.frames):
        frame = read_frame(data[start:stop])
        time = frame.record.get("time")
        frames.append(
            {
                "offset": start,
                "size": stop - start,
                "edition": frame.edition,
                "command": frame.command,
                "ack": frame.ack,
                "encryption": frame.encryption,
                "vin": frame.vin,
                "time": frame.time,
                "time_status": int(time.status) if isinstance(time, Reading) else int(Status.INVALID),
            }
        )
        if frame.command not in (2, 3) or frame.ack != 0xFE or frame.encryption != 1:
            continue
        for item in frame.items:
            kind = kinds.get((frame.edition, item.code))
            if kind is None:
                blocks.append((number, item.code, start + item.offset, item.size))
            else:
                rows.setdefault((kind.edition, kind.name), []).extend(rows_of(number, item, kind))
    return found, frames, {kind: some for kind, some in rows.items() if some}, blocks


def assert_equal(data, batch, *, final=True):
    found, frames, rows, blocks = slowly(data, final=final)
    assert (batch.refused, batch.rest) == (found.refused, found.rest)
    assert [tuple(block) for block in batch.blocks] == blocks
    told = batch.frame_table().to_pylist()
    for one, other in zip(told, frames, strict=True):
        if other["time"] is None:
            one["time"] = None
        assert one == other
    assert {(kind.edition, kind.name) for kind in batch.kinds()} == set(rows)
    for (edition, name), some in rows.items():
        table = batch.table(edition, name)
        table.validate(full=True)
        for one, other in zip(table.to_pylist(), some, strict=True):
            empty = {column: [] for column, value in one.items() if value == []}
            assert one == empty | other, (edition, name)


@given(st.lists(streams(), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_columns_are_what_frames_are(several):
    """Both paths find the same frames, values, statuses, blocks and damage, batch after batch."""
    for data in several:
        assert_equal(data, DECODER.decode(data))


@given(streams())
@settings(max_examples=150, deadline=None)
def test_an_unfinished_end_is_left_for_later(data):
    """In a stream that goes on, both leave the same rest."""
    assert_equal(data, DECODER.decode(data, final=False), final=False)


@given(st.lists(reports(), min_size=1, max_size=6), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_bytes_may_come_in_any_parts(frames, seed):
    """However the network cuts the stream, the same frames come out, and each once."""
    data, dice, got, kept = b"".join(frames), random.Random(seed), [], b""
    while data:
        cut = dice.randint(1, len(data))
        kept, data = kept + data[:cut], data[cut:]
        batch = DECODER.decode(kept, final=False)
        columns = batch.frames()
        got += [kept[at : at + size] for at, size in zip(columns["offset"], columns["size"], strict=True)]
        kept = kept[batch.rest :]
    assert (got, kept) == (frames, b"")


@pytest.mark.parametrize("seed", range(5))
def test_good_frames_survive_damage_beside_them(seed):
    """Of frames some of which were changed, cut or joined by junk, all good ones come out, and no others."""
    dice = random.Random(seed)
    stream, good = b"", []
    for _ in range(600):
        kind = dice.choice(list(layout(2016).items))
        values = raw_values(layout(2016).items[kind].fields, dice)
        frame = bytearray(make_frame(2016, 2, VIN, {"time": moment(dice)}, [(kind, values)]))
        damage = dice.random()
        if damage < 0.01:
            frame[dice.randrange(len(frame))] ^= 1 << dice.randrange(8)
        elif damage < 0.02:
            del frame[dice.randrange(1, len(frame)) :]
        elif damage < 0.03:
            frame += dice.randbytes(dice.randrange(1, 50))
            good.append((len(stream), VIN.encode()))
        else:
            good.append((len(stream), VIN.encode()))
        stream += bytes(frame)
    batch = DECODER.decode(stream)
    columns = batch.frames()
    vins = [vin.tobytes() for vin in columns["vin"]]
    assert list(zip(columns["offset"].tolist(), vins, strict=True)) == good
    assert batch.refused


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_raw_value_of_every_field(edition):
    """All raw values of one and two bytes, in every field that has them: the product is the quotient."""
    rules, dice = layout(edition), random.Random(1)
    for code, body in rules.items.items():
        group = next((field for field in body.fields if field.fields), None)
        fields = group.fields if group else body.fields
        plain = [field for field in fields if not field.count]
        counts = {field.count for field in fields if field.count}
        most = max(256 ** min(field.size, 2) for field in plain)
        frames = []
        for raw in range(0, most, 1 if most == 256 else 7):
            record = {
                field.name: 0 if field.name in counts else min(raw, 256 ** min(field.size, 2) - 1)
                for field in plain
            } | {field.name: [] for field in fields if field.count}
            whole = {body.fields[0].name: 1, group.name: [record]} if group else record
            frames.append(make_frame(edition, 2, VIN, {"time": moment(dice)}, [(code, whole)]))
        batch = DECODER.decode(b"".join(frames))
        columns = batch.columns(edition, body.name)
        for field in plain:
            raws = np.minimum(np.arange(0, most, 1 if most == 256 else 7), 256 ** min(field.size, 2) - 1)
            if field.name in counts:
                raws[:] = 0
            if not field.negative_bit:
                expected = np.array([field.scaled(int(raw)) for raw in raws]).astype(value_type(field))
                assert np.array_equal(columns[column_name(field)], expected), field.name
            if has_status(field) and not field.invalid_bit:
                told = columns[f"{field.name}_status"]
                assert told.tolist() == [field.status_of(int(raw)) for raw in raws], field.name


def test_arrow_takes_columns_without_copying():
    """The memory of a table is the memory that the kernel filled."""
    batch = decode(framed(b"##", 2, 0xFE, 1, bytes(6) + b"\4\1\0\5\0\6"))
    column = batch.columns(2016, "engine")["crankshaft_speed_rpm"]
    taken = batch.table(2016, "engine").column("crankshaft_speed_rpm")
    assert taken.buffers()[1].address == column.ctypes.data
    assert taken.to_pylist() == [5]


def test_what_is_looked_at_is_not_written_over():
    """A table from one batch stands when the decoder has read another."""
    decoder = Decoder()
    one = make_frame(
        2016,
        2,
        VIN,
        {"time": bytes(6)},
        [(4, {"engine_status": 1, "crankshaft_speed": 7, "fuel_consumption_rate": 3})],
    )
    other = make_frame(
        2016,
        2,
        VIN,
        {"time": bytes(6)},
        [(4, {"engine_status": 2, "crankshaft_speed": 8, "fuel_consumption_rate": 4})],
    )
    table = decoder.decode(one * 50).table(2016, "engine")
    column = decoder.decode(one * 50).columns(2016, "engine")["crankshaft_speed_rpm"]
    decoder.decode(other * 50)
    decoder.decode(other * 50)
    assert set(table.column("crankshaft_speed_rpm").to_pylist()) == {7}
    assert set(column.tolist()) == {7}


def test_memory_that_nobody_looks_at_is_used_again():
    """Batch after batch in the same place: fresh memory would cost twice the time."""
    decoder = Decoder()
    frame = make_frame(2016, 7, VIN)
    places = {decoder.decode(frame * 900).frames()["offset"].ctypes.data for _ in range(9)}
    assert len(places) <= 2


def test_larger_batches_than_the_first():
    """A decoder makes room for what it is given, and forgets what it knew of smaller places."""
    decoder = Decoder()
    probes = {"subsystems": [{"subsystem_no": 1, "probe_temps": [60, 61, 254]}]}
    frame = make_frame(2016, 2, VIN, {"time": moment(random.Random(3))}, [(9, probes)])
    assert_equal(frame * 3, decoder.decode(frame * 3))
    many = frame * (module.BATCH_BYTES // len(frame) + 9)
    batch = decoder.decode(many)
    assert len(batch) == len(many) // len(frame)
    columns = batch.columns(2016, "ress_temperature")
    assert columns["frame"].tolist() == list(range(len(batch)))
    assert columns["probe_temps_c"].tolist() == [20, 21, 214] * len(batch)


def test_nothing_is_a_batch_too():
    """No bytes give no frames, and tables without rows."""
    batch = decode(b"")
    assert (len(batch), batch.refused, batch.blocks, batch.rest) == (0, [], [], 0)
    assert batch.frame_table().num_rows == batch.table(2016, "vehicle").num_rows == 0
    assert isinstance(batch.table(2025, "alarm"), pa.RecordBatch)


def test_a_batch_beyond_a_gigabyte_is_refused(monkeypatch):
    """Places are 32-bit numbers: what is beyond them is refused, not read wrongly."""
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(FrameError) as refused:
        decode(bytes(11))
    assert refused.value.rule == "frame.batch"


def test_headers_that_lie_do_not_take_forever():
    """A megabyte of starts that each claim 65 kB is read to its end."""
    lie = b"##\2\xfe" + VIN.encode() + b"\1\xff\xff"
    batch = decode(lie * (1_000_000 // len(lie)))
    assert len(batch) == 0
    assert batch.refused
