"""Telemetry as a car's pack would leave it behind: some months of health, charging sessions, cells."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from voltrail.gateway.archive import Archive
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_store import HealthStore
from voltrail.health.tables import MONTHS, SESSIONS
from voltrail.telematics.signals import CELLS

CELLS_OF_PACK, WEAKEST = 96, 57
MODEL_AH = 150.0
NO_FIGURE = dict.fromkeys(("capacity_ah", "soh_fraction", "soh_low", "soh_high")) | {"used": 0}
REFUSED = {2: "health.no_session"}  # the months without a figure, by their number, and why


def put(data, packs, first=date(2026, 5, 1), months=6, refused=()):
    """
    Keep some months of packs, given by code with their vehicle; cells of the last session of each.

    Those named in `refused` have no figure in any month.
    """
    folder = Folder.of(data)
    draw, store = np.random.default_rng(1), HealthStore(folder)
    for number in range(months):
        month = date(first.year + (first.month - 1 + number) // 12, (first.month - 1 + number) % 12 + 1, 1)
        sessions = {
            code: [_session(code, vin, month, number, day, draw) for day in range(2, 27, 3)]
            for code, vin in packs.items()
        }
        known = [
            _month(code, vin, month, number, sessions[code])
            | (NO_FIGURE | {"refusal": "health.chemistry"} if code in refused else {})
            for code, vin in packs.items()
        ]
        seen = [one for those in sessions.values() for one in those]
        store.put(month, _table(MONTHS, known), _table(SESSIONS, seen))
    for code, vin in packs.items():
        _cells(folder, vin, sessions[code][-1], draw)


def _session(code, vin, month, number, day, draw):
    low, high = int(draw.integers(8, 55)), int(draw.integers(80, 100))
    span, capacity = (high - low) / 100, MODEL_AH * (0.97 - 0.006 * number)
    began = datetime(month.year, month.month, day, 11, int(draw.integers(60)), tzinfo=UTC)
    given = span >= 0.4
    sd = 0.9 / span
    return {
        "vin": vin,
        "code": code,
        "model_id": "S-102",
        "chemistry": "NCM",
        "began_at": began,
        "ended_at": began + timedelta(minutes=int(span * 110)),
        "rows": int(span * 660),
        "soc_from_percent": low,
        "soc_to_percent": high,
        "charge_ah": capacity * span,
        "energy_kwh": capacity * span * 0.37,
        "capacity_ah": capacity + float(draw.normal(0, sd)) if given else None,
        "capacity_sd_ah": sd if given else None,
        "refusal": None if given else "health.soc_span",
        "probe_min_c": 22 + number,
        "probe_max_c": 30 + number,
        "odometer_km": 12_000.0 + 1_400 * number + 45 * day,
    }


def _month(code, vin, month, number, sessions):
    used, soh = [one for one in sessions if one["capacity_ah"]], 0.97 - 0.006 * number
    refusal = REFUSED.get(number)
    return {
        "vin": vin,
        "code": code,
        "model_id": "S-102",
        "chemistry": "NCM",
        "month": month,
        "rows": 84_000 + number,
        "sessions": len(sessions),
        "used": 0 if refusal else len(used),
        "capacity_ah": None if refusal else MODEL_AH * soh,
        "soh_fraction": None if refusal else soh,
        "soh_low": None if refusal else soh - 0.011,
        "soh_high": None if refusal else soh + 0.011,
        "refusal": refusal,
        "odometer_km": 13_400.0 + 1_400 * number,
        "driven_km": 1_400.0,
        "charged_kwh": 248.0 + number,
        "probe_mean_c": 21.4 + number,
        "probe_max_c": 38 + number,
        "spread_mv": 18.0 + number,
        "weakest_cell": WEAKEST,
        "weakest_share": 0.74,
        "alarms": 3 if number == 4 else 0,
        "method": "charge-over-soc",
        "method_version": "1",
        "trace_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }


def _cells(folder, vin, session, draw):
    """Cells that rise while charging, the weakest ever further below; of one some moments are lacking."""
    steps = int((session["ended_at"] - session["began_at"]).total_seconds()) // 10
    own = draw.normal(0, 2.5, CELLS_OF_PACK)
    own[WEAKEST - 1] = -9
    rows = []
    for step in range(steps):
        at = session["began_at"] + timedelta(seconds=10 * step)
        level = 3_450 + 620 * step / steps
        mv = np.rint(level + own * (0.6 + step / steps) + draw.normal(0, 0.7, CELLS_OF_PACK))
        cells = [
            None if steps // 3 < step < steps // 3 + 40 and number == 20 else int(one)
            for number, one in enumerate(mv)
        ]
        rows.append(
            {"vin": vin, "at": at, "received_ms": int(at.timestamp() * 1000), "source": 1, "edition": 2016}
            | {"pack_no": 1, "voltage_v": level * 0.096, "current_a": -95.0}
            | {"cell_mv": cells, "probe_c": [25, 26]}
        )
    Archive(folder.archive).put({"cells": _table(CELLS, rows)}, f"{session['began_at']:%Y%m%d}-{vin}")


def _table(schema, rows):
    return pa.Table.from_pylist(rows, schema=schema)
