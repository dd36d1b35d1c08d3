"""Reports of vehicles whose batteries are known, for the tests of health: small, plain, seeded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from voltrail.health.sessions import COLUMNS
from voltrail.telematics.signals import REPORTS

DAY = 86_400
OCTOBER = 1_790_812_800  # 2026-10-01T00:00:00Z
NOVEMBER = OCTOBER + 31 * DAY
SCHEMA = pa.schema([REPORTS.field(name) for name in COLUMNS])


def table(rows):
    """Return reports as the archive gives them, out of dictionaries; what is left out is null."""
    rows = sorted(rows, key=lambda row: (row["vin"], row["at"]))
    return pa.Table.from_pylist([dict.fromkeys(COLUMNS) | row for row in rows], schema=SCHEMA)


def charging(begin=OCTOBER, seconds=14_400, amps=25.0, soc=20.0, capacity_ah=157.0, step_s=30, **also):
    """Return the rows of a charging session at a steady current, as an honest vehicle reports them."""
    times = range(begin, begin + seconds + 1, step_s)
    return [
        {
            "vin": "LTESTVIN000000001",
            "at": time,
            "charging_status": 1,
            "speed_kmh": 0.0,
            "voltage_v": 400.0,
            "current_a": -amps,
            "soc_percent": min(int(soc + amps * (time - begin) / 36 / capacity_ah), 100),
            "packs": 1,
            "probe_max_c": 30,
            "probe_min_c": 24,
        }
        | also
        for time in times
    ]


def driving(begin, rows=20, soc=15, step_s=30, **also):
    """Return rows of a drive near the end of discharge."""
    return [
        {
            "vin": "LTESTVIN000000001",
            "at": begin + step_s * number,
            "charging_status": 3,
            "speed_kmh": 60.0,
            "current_a": 40.0,
            "soc_percent": soc,
        }
        | also
        for number in range(rows)
    ]


class Truth(NamedTuple):
    """What a vehicle's battery holds, and what is wrong with what the vehicle measures."""

    capacity_ah: float
    gain: float
    offset_a: float
    scale: float


def vehicle(vin, truth, numbers, random, sessions=8, rated_ah=157.0, wrong=0):
    """
    Return a month of a vehicle's charging as columns, wrong in the ways that the method allows for.

    The last `wrong` sessions are of a state of charge that is not to be believed.
    """
    parts = []
    for number in range(sessions):
        low, high = random.uniform(0.08, 0.35), random.uniform(0.8, 0.97)
        amps = random.choice([20.0, 45.0, 110.0])
        span = high - low if number < sessions - wrong else (high - low) * 0.6
        seconds = np.arange(0, (high - low) * truth.capacity_ah / amps * 3600, 20)
        done = seconds * amps / truth.capacity_ah / 3600 / (high - low)
        errors = random.normal(0, numbers.soc_sd["LFP"] / 100, 2)
        soc = (low + span * done) * (1 + truth.scale) + errors[0] + (errors[1] - errors[0]) * done
        parts.append(
            {
                "at": OCTOBER + number * 3 * DAY + seconds.astype(np.int64),
                "soc_percent": np.clip(np.floor(soc * 100), 0, 100).astype(np.uint8),
                "current_a": -amps * (1 + truth.gain) + truth.offset_a + random.normal(0, 0.2, len(seconds)),
            }
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = len(columns["at"])
    columns |= {"vin": [vin] * rows, "charging_status": np.ones(rows, np.uint8)}
    columns |= {"voltage_v": np.full(rows, 390.0), "packs": np.ones(rows, np.uint8)}
    filled = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in SCHEMA
    ]
    return pa.table(filled, schema=SCHEMA)


def fleet(vehicles, numbers, seed, **also):
    """Return the months of many vehicles one after another, and the truth of each."""
    random = np.random.default_rng(seed)
    truths, tables = [], []
    for number in range(vehicles):
        truth = Truth(
            random.uniform(0.7, 1.0) * 157.0,
            random.normal(0, numbers.gain_sd),
            random.normal(0, numbers.offset_sd_a),
            random.normal(0, numbers.scale_sd),
        )
        truths.append(truth)
        tables.append(vehicle(f"LTESTVIN{number:09d}", truth, numbers, random, **also))
    return pa.concat_tables(tables), truths
