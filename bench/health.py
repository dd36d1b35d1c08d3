"""
Measure health by month out of an archive: from reports on the disk to a state of health of each battery.

    python bench/health.py --rows 100000000 --keep /var/tmp/telemetry

The reports are made here: vehicles that charge every third day from 25 to 90 %, at 10 to 45 A, and drive an
hour twice a day, a report every 20 s; parked they are silent. They are written as the archive has them, by
hour, all columns of `signals.REPORTS`; cells and probes one by one (`signals.CELLS`) are not, and health by
month does not read them. Then, each after the other and from a warm page cache as far as memory goes:

    health     what `voltrail health month` does: archive to tables of months and sessions, not kept
    read       the same columns, only read
    count      one column only, to see what the files cost by themselves
    DuckDB     sessions and capacities by window functions, robust middle left out: a median instead
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from voltrail.gateway.archive import Archive
from voltrail.gateway.health_job import AFTER, BEFORE, bounds, reckon_month
from voltrail.health.monthly import Reckoned
from voltrail.health.sessions import COLUMNS, Fitted
from voltrail.telematics.signals import REPORTS

MONTH = date(2026, 10, 1)
CYCLE_S, STEP_S, DRIVES_H = 3 * 86_400, 20, np.array([14, 22, 38, 46, 62, 70])
LOW, HIGH, CAPACITY_AH = 25.0, 90.0, 157.0


class Vehicles:
    """Vehicles whose batteries have from 75 to 100 % of their capacity."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(7)
        self.random, self.count = random, count
        self.vin = np.array([f"LBENCH00X{number:08d}" for number in range(count)])
        self.offset = random.integers(0, CYCLE_S, count)
        self.capacity = random.uniform(0.75, 1.0, count) * CAPACITY_AH
        self.amps = random.uniform(10, 45, count)
        self.charging_s = (HIGH - LOW) * 36 * self.capacity / self.amps
        self.charging_s = np.minimum(self.charging_s, 13 * 3600)
        self.amps = (HIGH - LOW) * 36 * self.capacity / self.charging_s
        self.odometer = random.uniform(1e3, 1e5, count)

    def hour(self, begin: datetime) -> pa.Table:
        """Return the reports of an hour, sorted by vehicle and time."""
        start = int(begin.timestamp())
        at = start + np.arange(self.count)[:, None] % STEP_S + np.arange(0, 3600, STEP_S)[None, :]
        place = (at + self.offset[:, None]) % CYCLE_S
        charges = place < self.charging_s[:, None]
        driven = np.floor_divide(place, 3600)
        drives = np.isin(driven, DRIVES_H)
        vehicle, step = np.nonzero(charges | drives)
        at, place, charges = (one[vehicle, step] for one in (at, place, charges))
        rows = len(at)
        past = np.searchsorted(DRIVES_H * 3600, place, side="right")
        share = np.where(charges, 0, np.clip(past - 1 + (place % 3600) / 3600, 0, 6) / 6)
        soc = np.where(
            charges, LOW + (HIGH - LOW) * place / self.charging_s[vehicle], HIGH - (HIGH - LOW) * share
        )
        used = (HIGH - LOW) * 36 * self.capacity[vehicle] / (6 * 3600)
        noise = self.random.normal(0, 1, rows)
        amps = np.where(charges, -self.amps[vehicle], used * (1 + noise))
        lowest = np.round(3200 + soc * 1.5 + noise)
        made = {
            "vin": self.vin[vehicle],
            "at": at,
            "received_ms": at * 1000 + 400,
            "source": np.zeros(rows),
            "edition": np.full(rows, 2016),
            "reissued": np.zeros(rows, bool),
            "vehicle_status": np.where(charges, 2, 1),
            "charging_status": np.where(charges, 1, 3),
            "operating_mode": np.ones(rows),
            "speed_kmh": np.where(charges, 0, np.round(50 + 20 * noise, 1)).clip(0),
            "odometer_km": np.round(self.odometer[vehicle] + (at - 1_790_812_800) / 86_400 * 90, 1),
            "voltage_v": np.round(350 + soc * 0.4 + noise, 1),
            "current_a": np.round(amps + 0.1 * noise, 1),
            "soc_percent": np.floor(soc),
            "insulation_kohm": np.full(rows, 20_000),
            "longitude_deg": np.round(116 + vehicle % 100 * 0.01 + noise * 1e-3, 6),
            "latitude_deg": np.round(39 + vehicle % 77 * 0.01 + noise * 1e-3, 6),
            "alarm_level": np.zeros(rows),
            "alarm_flags": np.zeros(rows),
            "packs": np.ones(rows),
            "cells": np.full(rows, 120),
            "cell_max_mv": lowest + 12,
            "cell_max_no": vehicle * 7 % 120 + 1,
            "cell_min_mv": lowest,
            "cell_min_no": vehicle * 11 % 120 + 1,
            "cell_mean_mv": lowest + 6,
            "probe_max_c": np.round(28 + noise),
            "probe_min_c": np.round(25 + noise),
            "marks": np.zeros(rows),
        }
        return pa.table({field.name: pa.array(made[field.name]).cast(field.type) for field in REPORTS}).cast(
            REPORTS
        )


def month_hours() -> Iterator[datetime]:
    """Yield the hours of the month, and those around it that health reads."""
    start, stop = bounds(MONTH)
    hour = start - BEFORE
    while hour < stop + AFTER:
        yield hour
        hour += timedelta(hours=1)


def make(folder: Path, rows: int) -> int:
    """Write an archive of about so many reports; return how many they are."""
    sample = Vehicles(200)
    some = [hour for number, hour in enumerate(month_hours()) if number % 12 == 5]
    each = sum(sample.hour(hour).num_rows for hour in some) / len(some) / 200 * len(list(month_hours()))
    vehicles, archive, written = Vehicles(max(round(rows / each), 1)), Archive(folder), 0
    for hour in month_hours():
        table = vehicles.hour(hour)
        archive.put({"reports": table}, "BENCH-0000")
        written += table.num_rows
    print(f"{written:,} reports of {vehicles.count:,} vehicles, {size(folder) / 1e9:.1f} GB")
    return written


def size(folder: Path) -> int:
    """Return the bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def fitted(vin: str) -> list[Fitted]:
    """Return the battery that each vehicle has."""
    return [Fitted(0, f"battery of {vin}", "S-102", "LFP", CAPACITY_AH)]


def tables(folder: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Yield what health reads."""
    start, stop = bounds(MONTH)
    return Archive(folder).hours("reports", columns, start - BEFORE, stop + AFTER)


def health(folder: Path) -> Reckoned:
    """Reckon the month."""
    return reckon_month(MONTH, tables(folder, list(COLUMNS)), fitted)


def read(folder: Path) -> int:
    """Read the columns."""
    return sum(table.num_rows for table in tables(folder, list(COLUMNS)))


def count(folder: Path) -> int:
    """Read one column."""
    return sum(table.num_rows for table in tables(folder, ["at"]))


DUCK = """
with steps as (
    select vin, "at" as t, current_a, voltage_v, soc_percent,
        charging_status = 1 and coalesce(speed_kmh, 0) <= 1 as charges,
        lag("at") over w as t0, lag(current_a) over w as a0, lag(voltage_v) over w as v0,
        lag(charging_status) over w as s0
    from read_parquet('{folder}/reports/*/*/*.parquet', hive_partitioning = false)
    window w as (partition by vin order by "at")
), marked as (
    select *, coalesce(s0 = 1 and epoch(t - t0) <= 600, false) as follows, epoch(t - t0) as dt from steps
    where charges
), numbered as (
    select *, sum(case when follows then 0 else 1 end)
        over (partition by vin order by t rows unbounded preceding) as number
    from marked
), sessions as (
    select vin, number, max(soc_percent) - min(soc_percent) as span,
        sum(case when follows then -(current_a + a0) / 2 * dt else 0 end) / 3600 as ah,
        sum(case when follows then -(current_a * voltage_v + a0 * v0) / 2 * dt else 0 end) as joules
    from numbered group by all
)
select vin, median(ah / span * 100), sum(joules) from sessions where span >= 40 group by vin
"""


def duck(folder: Path) -> int:
    """Let DuckDB integrate."""
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {os.cpu_count()}")
        connection.execute(f"set temp_directory = '{folder}/duck'")
        return len(connection.execute(DUCK.format(folder=folder)).fetchall())


def timed(name: str, rows: int, work: Callable[[Path], Any], folder: Path) -> Any:
    """Print how long something took."""
    begun, used = time.perf_counter(), time.process_time()
    result = work(folder)
    took, cpu = time.perf_counter() - begun, time.process_time() - used
    print(f"{name:<8}{took:>8.1f} s  {rows / took / 1e6:>6.2f} M rows/s  {cpu:>7.1f} s of CPU")
    return result


def main() -> None:
    """Make the archive, measure, and take it away again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="make the archive here, and leave it for the next time")
    parser.add_argument("--no-peer", action="store_true", help="without DuckDB")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="voltrail-health-"))
    try:
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        if not (folder / "reports").exists():
            begun = time.perf_counter()
            make(folder, arguments.rows)
            print(f"made in {time.perf_counter() - begun:.0f} s")
        rows = count(folder)
        reckon_month(MONTH, [next(tables(folder, list(COLUMNS)))], fitted)  # compiles, or loads what was
        timed("count", rows, count, folder)
        timed("read", rows, read, folder)
        found = timed("health", rows, health, folder)
        soh = found.months["soh_fraction"]
        print(
            f"        {found.months.num_rows:,} batteries, {len(soh) - soh.null_count:,} with health,"
            f" {found.sessions.num_rows:,} sessions;"
            f" at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"
        )
        if not arguments.no_peer:
            timed("DuckDB", rows, duck, folder)
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
