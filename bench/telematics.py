"""
How many frames of GB/T 32960 one core reads into columns, beside plain Python and what memory gives.

    python bench/telematics.py [--megabytes 200] [--rounds 5] [--rtm-con PYTHON]

The traffic is mixed as on the road: reports with 144 cells and 72 probes, larger and smaller ones, the 2025
edition with its signatures, logins and heartbeats; markers and values out of range among the values; one
frame in a thousand is damaged. Each is checked, and every field, cell and probe gets its value and status.
`--rtm-con` names a Python that has rtm_con (GPL), which then reads the same frames in a process of its own.
"""

import argparse
import gc
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from voltrail.ledger.lanes import kernel
from voltrail.telematics.gbt32960.batch import BATCH_BYTES, Decoder
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.layout import Field, layout
from voltrail.telematics.gbt32960.memory import load_u64
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame

VARIANTS = 400  # of each shape, so that values and markers differ
SHARES = {"464": 42, "388": 18, "594": 15, "166": 10, "478": 5, "828 of 2025": 5, "login": 2, "heartbeat": 3}
DAMAGED = 0.001


def value_of(field: Field, dice: random.Random) -> int:
    """Return a raw value as vehicles send it: mostly in range, now and then a marker or nonsense."""
    drawn, width = dice.random(), int(field.size)
    if field.marked and drawn < 0.02:
        return 256**width - dice.choice((1, 2))
    return dice.randint(field.min, min(field.top, 256**width - 3)) if drawn < 0.999 else field.min


def values_of(fields, dice, lengths) -> dict:
    held = {}
    for field in fields:
        if field.fields:
            held[field.name] = [values_of(field.fields, dice, lengths)]
        elif field.count:
            held[field.name] = [value_of(field, dice) for _ in range(lengths.get(field.name, 0))]
        else:
            held[field.name] = value_of(field, dice)
    for field in fields:
        if field.count:
            held[field.count] = len(held[field.name])
    return held


def shape(name: str, dice: random.Random) -> bytes:
    """Return one frame of a shape."""
    vin = f"LTEST{dice.randrange(10**12):012}"
    moment = bytes([26, dice.randint(1, 12), dice.randint(1, 28), *(dice.randrange(n) for n in (24, 60, 60))])
    if name == "heartbeat":
        return make_frame(2016, 7, vin)
    if name == "login":
        codes = ["0" * 24]
        login = {"time": moment, "login_seq": 1, "iccid": "8986" + "0" * 16, "code_length": 24}
        return make_frame(2016, 1, vin, login | {"ress_codes": codes})
    edition, numbers, cells, probes = {
        "464": (2016, (1, 5, 6, 7, 9, 8), 144, 72),
        "478": (2016, (1, 2, 5, 6, 7, 9, 8), 144, 72),
        "388": (2016, (1, 2, 5, 6, 7, 8, 9), 120, 30),
        "594": (2016, (1, 2, 5, 6, 7, 8, 9), 200, 76),
        "166": (2016, (1, 2, 5, 6, 7, 8, 9), 20, 8),
        "828 of 2025": (2025, (1, 2, 5, 6, 7, 8), 180, 50),
    }[name]
    lengths = {"cell_voltages": cells, "unit_voltages": cells, "probe_temps": probes}
    rules = layout(edition)
    items = [(number, values_of(rules.items[number].fields, dice, lengths)) for number in numbers]
    if edition == 2025:
        items.append((0x83, {"data": dice.randbytes(35)}))
        items.append((0xFF, {"algorithm": 2, "r": dice.randbytes(256), "s": b""}))
    return make_frame(edition, 2, vin, {"time": moment}, items)


def traffic(megabytes: int, shares: dict[str, int], seed: int = 32960) -> bytes:
    """Return frames one after another, mixed by their shares."""
    dice = random.Random(seed)
    variants = {name: [shape(name, dice) for _ in range(VARIANTS)] for name in shares}
    names, weights = list(shares), list(shares.values())
    frames, size = [], 0
    while size < megabytes << 20:
        for name in dice.choices(names, weights, k=1000):
            frame = dice.choice(variants[name])
            if dice.random() < DAMAGED:
                broken = bytearray(frame)
                broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
                frame = bytes(broken)
            frames.append(frame)
            size += len(frame)
    return b"".join(frames)


def batches(data: bytes) -> list[bytes]:
    """Return the data in batches that end where frames do, as a gateway's segments would give them."""
    found, at = [], 0
    decoder = Decoder()
    while at < len(data):
        part = data[at : at + BATCH_BYTES]
        final = at + BATCH_BYTES >= len(data)
        rest = decoder.decode(part, final=final).rest
        found.append(part[:rest])
        at += rest
    return found


@kernel
def read_all(base, size):
    """Read every byte once, by exclusive or: what memory gives."""
    told = np.uint64(0)
    for word in range(size >> 3):
        told ^= load_u64(base, 8 * word)
    return told


def plainly(frame: bytes) -> list:
    """Read one frame as a careful person would in plain Python: check, header, fields by struct, statuses."""
    told = 0
    for byte in frame[2:-1]:
        told ^= byte
    if told != frame[-1]:
        return []
    edition = 2016 if frame[:2] == b"##" else 2025
    rows = [(edition, frame[2], frame[3], frame[4:21].decode("latin-1"), tuple(frame[24:30]))]
    at, end = 30, len(frame) - 1
    while frame[2] in (2, 3) and at < end:
        code = frame[at]
        body = PLAIN[edition].get(code)
        at += 1
        if body is None:
            at += 2 + int.from_bytes(frame[at : at + 2], "big")
            continue
        counted, parts = body
        records, at = (frame[at], at + 1) if counted else (1, at)
        for _ in range(records):
            row = []
            for form, fields, element in parts:
                raws = form.unpack_from(frame, at)
                at += form.size
                pairs = zip(raws, fields, strict=True)
                row += [(scaled(raw, field), status(raw, field)) for raw, field in pairs]
                if element is not None:
                    listed = struct.unpack_from(f">{raws[-1]}{LETTERS[element[0]]}", frame, at)
                    at += raws[-1] * element[0]
                    row.append([(scaled(raw, element), status(raw, element)) for raw in listed])
            rows.append(row)
    return rows


LETTERS = {1: "B", 2: "H", 4: "I"}


def scaled(raw, field):
    return (raw + field[1]) / field[2] if field[2] != 1 else raw + field[1]


def status(raw, field):
    if raw >= field[5]:
        return 1 if raw == field[5] else 2
    return 0 if field[3] <= raw <= field[4] else 3


def plain_layout(edition):
    """Return struct forms and numbers of each item."""
    found = {}
    for code, body in layout(edition).items.items():
        rows = next((field for field in body.fields if field.fields), None)
        parts, form, fields = [], ">", []
        for field in body.fields if rows is None else rows.fields:
            marker = 256**field.size - 2 if field.marked else 1 << 40
            numbers = (field.size, field.raw_offset, field.divisor, field.min, field.top, marker)
            if field.count:
                parts.append((struct.Struct(form), fields, numbers))
                form, fields = ">", []
            else:
                form += LETTERS[field.size]
                fields.append(numbers)
        if fields:
            parts.append((struct.Struct(form), fields, None))
        found[code] = (rows is not None, parts)
    return found


PLAIN = {edition: plain_layout(edition) for edition in (2016, 2025)}

RTM_CON = """
import sys, time, rtm_con
frames = [bytes.fromhex(line) for line in open(sys.argv[1])]
begun, read = time.perf_counter(), 0
for frame in frames:
    read += bool(rtm_con.msg.parse(frame))
print(read / (time.perf_counter() - begun))
"""


def timed(rounds, work, count):
    """Return the best and the median rate of `work`, and the median by the CPU time that it had."""
    rates, by_cpu = [], []
    for _ in range(rounds):
        gc.collect()
        begun, used = time.perf_counter(), time.process_time()
        work()
        rates.append(count / (time.perf_counter() - begun))
        by_cpu.append(count / (time.process_time() - used))
    return max(rates), statistics.median(rates), statistics.median(by_cpu)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--core", type=int, help="Stay on this core.")
    options.add_argument("--rtm-con", metavar="PYTHON", help="A Python that has rtm_con.")
    chosen = options.parse_args()
    if chosen.core is not None:
        os.sched_setaffinity(0, {chosen.core})
    print(f"load before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    for name, shares in (("mixed", SHARES), ("464 bytes", {"464": 1})):
        data = traffic(chosen.megabytes, shares)
        parts = batches(data)
        decoder = Decoder()
        frames = sum(len(decoder.decode(part)) for part in parts)
        print(f"{name}: {len(data) / 1e6:.0f} MB, {frames} frames, {len(data) / frames:.0f} bytes each")

        def columns(parts=parts, decoder=decoder):
            for part in parts:
                decoder.decode(part)

        tell("columns, batches of 1 MB", timed(chosen.rounds, columns, frames), len(data) / frames)

        def arrow(parts=parts, decoder=decoder):
            for part in parts:
                batch = decoder.decode(part)
                batch.frame_table()
                for kind in batch.kinds():
                    batch.table(kind.edition, kind.name)

        tell("the same, as Arrow tables", timed(chosen.rounds, arrow, frames), len(data) / frames)
        held = np.frombuffer(data, np.uint8)
        read_all(held.ctypes.data, 1 << 10)
        reading = timed(chosen.rounds, lambda held=held: read_all(held.ctypes.data, len(held)), frames)
        tell("memory read once (limit)", reading, len(data) / frames)
        some = [data[start:stop] for start, stop in split(data[: 2 << 20]).frames]
        tell("plain Python, struct", timed(3, lambda some=some: [plainly(one) for one in some], len(some)))
        few = some[:1000]
        tell("read_frame, one by one", timed(3, lambda few=few: [read_frame(one) for one in few], len(few)))
        if chosen.rtm_con:
            rtm_con(chosen.rtm_con, few)
    print(f"load after: {os.getloadavg()[0]:.2f}")


def rtm_con(python, frames):
    """Let rtm_con read the same frames in a process of its own; it checks them and keeps every field."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.txt"
        path.write_text("\n".join(frame.hex() for frame in frames))
        told = subprocess.run([python, "-c", RTM_CON, str(path)], capture_output=True, text=True, check=False)
    if told.returncode:
        print("  rtm_con failed:", told.stderr.strip().splitlines()[-1], file=sys.stdout)
    else:
        print(f"  {'rtm_con':28} once {float(told.stdout):>12,.0f} frames/s")


def tell(what, rates, size=None):
    best, median, by_cpu = rates
    wide = f", {best * size / 1e9:.1f} GB/s at best" if size else ""
    print(f"  {what:28} best {best:>12,.0f} frames/s, median {median:>12,.0f}, by CPU {by_cpu:>12,.0f}{wide}")


if __name__ == "__main__":
    main()
