"""
How many frames of GB/T 32960 one core turns from segments into the merged archive, and what they then take.

    python bench/archive.py [--vehicles 1000] [--minutes 60] [--core 0]

Vehicles report every ten seconds for so many minutes: four of five in the edition of 2016 (144 cells, 72
probes, 464 bytes), the others in that of 2025. Cells and probes change a little from one report to the next,
as they do. Beside it, in the same run: what writing the same tables with plain PyArrow takes, sorted already
and in one go, without sync; and reading the hour again.
"""

import argparse
import os
import random
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from telematics import values_of
from voltrail.gateway.archive import Archive
from voltrail.gateway.archiver import Archiver
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import Record, Writer
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.layout import layout
from voltrail.telematics.gbt32960.writing import make_frame
from voltrail.telematics.signals import TABLES

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
EVERY_SECONDS = 10
SEGMENT_FRAMES = 120_000


def fleet(edition: int, vehicles: int, first: int, dice: random.Random) -> tuple[np.ndarray, slice, slice]:
    """Return a frame of each vehicle as bytes, and where its cells and its probes stand."""
    rules = layout(edition)
    numbers, lengths = ((1, 5, 6, 7, 9, 8), {"cell_voltages": 144, "probe_temps": 72})
    if edition == 2025:
        numbers, lengths = (1, 2, 5, 6, 7, 8), {"unit_voltages": 180, "probe_temps": 50}
    frames = []
    for number in range(vehicles):
        items = {code: values_of(rules.items[code].fields, dice, lengths) for code in numbers}
        for record in items.values():
            for packs in (
                one for one in record.values() if isinstance(one, list) and one and isinstance(one[0], dict)
            ):
                packs[0] |= (
                    {"subsystem_no": 1}
                    if "subsystem_no" in packs[0]
                    else {"pack_no": 1}
                    if "pack_no" in packs[0]
                    else {}
                )
                packs[0] |= {"frame_start_cell": 1} if "frame_start_cell" in packs[0] else {}
        frame = make_frame(edition, 2, f"LTEST{first + number:012}", {"time": START}, list(items.items()))
        frames.append(np.frombuffer(frame, np.uint8))
    places = {}
    for path, reading in read_frame(frames[0].tobytes()).readings():
        for name in ("cell_voltages", "unit_voltages", "probe_temps"):
            if path.endswith(f"{name}[0]"):
                places[name[0] == "p"] = slice(reading.offset, reading.offset + reading.size * lengths[name])
    return np.array(frames), places[False], places[True]


def traffic(folder: Folder, vehicles: int, minutes: int) -> tuple[int, int]:
    """Write segments; return how many frames and bytes."""
    dice, noise = random.Random(32960), np.random.default_rng(32960)
    shares = [(2016, vehicles * 4 // 5), (2025, vehicles - vehicles * 4 // 5)]
    fleets = [fleet(edition, count, edition * 10_000, dice) for edition, count in shares if count]
    volts = [noise.integers(3200, 3900, (len(one[0]), 1)) for one in fleets]
    spread = [noise.integers(-12, 12, (len(one[0]), (one[1].stop - one[1].start) // 2)) for one in fleets]
    frames = size = held = 0
    writer = Writer(folder.segments, 1)
    for step in range(minutes * 60 // EVERY_SECONDS):
        at = START + timedelta(seconds=step * EVERY_SECONDS)
        beijing = at + timedelta(hours=8)
        moment = [
            beijing.year - 2000,
            beijing.month,
            beijing.day,
            beijing.hour,
            beijing.minute,
            beijing.second,
        ]
        records = []
        for number, (rows, cells, probes) in enumerate(fleets):
            volts[number] += noise.integers(-2, 3, volts[number].shape)
            values = volts[number] + spread[number] + noise.integers(-1, 2, spread[number].shape)
            rows[:, 24:30] = moment
            rows[:, cells] = values.astype(">u2").view(np.uint8)
            rows[:, probes] = 60 + noise.integers(0, 4, (len(rows), probes.stop - probes.start))
            rows[:, -1] = np.bitwise_xor.reduce(rows[:, 2:-1], axis=1)
            received = int(at.timestamp() * 1000) + 200
            parts = [rows[first : first + 50] for first in range(0, len(rows), 50)]
            records += [Record(received, number, part.tobytes()) for part in parts]
            frames, size, held = frames + len(rows), size + rows.size, held + len(rows)
        writer.append(records)
        if held > SEGMENT_FRAMES:
            writer.close()
            writer, held = Writer(folder.segments, 1), 0
    writer.close()
    return frames, size


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--vehicles", type=int, default=1000)
    options.add_argument("--minutes", type=int, default=60)
    options.add_argument("--core", type=int, help="Stay on this core.")
    chosen = options.parse_args()
    if chosen.core is not None:
        os.sched_setaffinity(0, {chosen.core})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    root = Path(tempfile.mkdtemp())
    try:
        print(f"load before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
        warm, folder = Folder(root / "warm"), Folder(root / "measured")
        for _ in range(2):  # so that all is compiled, merging too
            traffic(warm, 20, 5)
        with Archiver(warm) as archiver:
            archiver.step(START + timedelta(days=1))
        frames, size = traffic(folder, chosen.vehicles, chosen.minutes)
        print(f"{frames:,} frames, {size / 1e6:.0f} MB, {len(list(folder.segments.glob('*.seg')))} segments")
        with Archiver(folder) as archiver:
            tell("segments to files", frames, lambda: archiver.step(START))
            tell("merging", frames, lambda: archiver.step(START + timedelta(days=1)))
        taken = sum(path.stat().st_size for path in folder.archive.rglob("*.parquet"))
        print(f"  {taken / frames:.0f} bytes a frame in the archive, of {size / frames:.0f}")
        archive, stop = Archive(folder.archive), START + timedelta(days=1)
        tables = {name: archive.read(name, None, START, stop) for name in TABLES}
        tell(
            "plain PyArrow, sorted",
            frames,
            lambda: [write(root, name, table) for name, table in tables.items()],
        )
        tell(
            "reading all of it",
            frames,
            lambda: [list(archive.hours(name, None, START, stop)) for name in TABLES],
        )
        some = ["vin", "at", "current_a", "soc_percent"]
        tell("reading four columns", frames, lambda: list(archive.hours("reports", some, START, stop)))
        print(f"load after: {os.getloadavg()[0]:.2f}")
    finally:
        shutil.rmtree(root)


def write(root, name, table):
    pq.write_table(table, root / f"{name}.parquet", compression="zstd", use_dictionary=["vin"])


def tell(what, frames, work):
    begun, used = time.perf_counter(), time.process_time()
    work()
    rate, by_cpu = frames / (time.perf_counter() - begun), frames / (time.process_time() - used)
    print(f"  {what:24} {rate:>12,.0f} frames/s, by CPU {by_cpu:>12,.0f}")


if __name__ == "__main__":
    main()
