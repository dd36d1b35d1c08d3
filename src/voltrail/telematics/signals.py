"""
What the two editions say alike, as Arrow tables: the columns of the archive.

    REPORTS   one row a vehicle and second: what a report says of the vehicle and of its packs together
    CELLS     one row a vehicle, second and pack: every cell and probe
    LOGINS    one row a login: which codes the vehicle says its batteries have

A value is null where its status is not OK; `marks` says why, two bits for each column of MEASURED in its
order, the first in the lowest bits (0 OK or not sent, 1 abnormal, 2 invalid, 3 out of range). Cells and
probes are numbered from 1, those of all packs one after another in the order of the packs.

An item that comes twice in a frame counts as it came last. Cells of a pack that come in parts (2016) stand
where each part says that it begins; of a cell that is told twice the last counts. `packs` and what follows
from cells is null where a report has no pack.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from voltrail.telematics.gbt32960.batch import Batch
from voltrail.telematics.gbt32960.frame import VIN_BYTES, Reading, read_frame, text_of
from voltrail.telematics.gbt32960.layout import COMMAND, EDITIONS, PLAIN, Status
from voltrail.telematics.packs import Packs, packs_of

_KEY: Final = (
    pa.field("vin", pa.string(), nullable=False),
    pa.field("at", pa.timestamp("s", "UTC"), nullable=False),  # by the vehicle's clock
    pa.field("received_ms", pa.int64(), nullable=False),  # when it came, milliseconds since 1970
    pa.field("source", pa.uint32(), nullable=False),  # who sent it: see `gateway.segments`
    pa.field("edition", pa.uint16(), nullable=False),  # 2016 or 2025
)

MEASURED: Final = (
    pa.field("vehicle_status", pa.uint8()),  # 1 started, 2 off, 3 other
    pa.field("charging_status", pa.uint8()),  # 1 parked charging, 2 while driving, 3 not charging, 4 complete
    pa.field("operating_mode", pa.uint8()),  # 1 electric, 2 hybrid, 3 fuel
    pa.field("speed_kmh", pa.float32()),
    pa.field("odometer_km", pa.float64()),
    pa.field("voltage_v", pa.float32()),
    pa.field("current_a", pa.float32()),  # positive while discharging
    pa.field("soc_percent", pa.uint8()),
    pa.field("insulation_kohm", pa.uint16()),
    pa.field("longitude_deg", pa.float64()),
    pa.field("latitude_deg", pa.float64()),
    pa.field("alarm_level", pa.uint8()),
    pa.field("alarm_flags", pa.uint32()),
)

REPORTS: Final = pa.schema(
    [
        *_KEY,
        pa.field("reissued", pa.bool_(), nullable=False),
        *MEASURED,
        pa.field("packs", pa.uint8()),  # how many sent their cells or probes
        pa.field("cells", pa.uint16()),  # how many cells gave a voltage that is OK
        pa.field("cell_max_mv", pa.uint16()),
        pa.field("cell_max_no", pa.uint16()),
        pa.field("cell_min_mv", pa.uint16()),
        pa.field("cell_min_no", pa.uint16()),
        pa.field("cell_mean_mv", pa.float32()),
        pa.field("probe_max_c", pa.int16()),
        pa.field("probe_min_c", pa.int16()),
        pa.field("marks", pa.uint64(), nullable=False),
    ]
)

CELLS: Final = pa.schema(
    [
        *_KEY,
        pa.field("pack_no", pa.uint8(), nullable=False),  # from 1, as the vehicle numbers them
        pa.field("voltage_v", pa.float32()),
        pa.field("current_a", pa.float32()),
        pa.field("cell_mv", pa.list_(pa.uint16())),  # null where it is not OK
        pa.field("probe_c", pa.list_(pa.int16())),
    ]
)

LOGINS: Final = pa.schema(
    [
        *_KEY,
        pa.field("login_seq", pa.uint16()),
        pa.field("iccid", pa.string()),
        pa.field("codes", pa.list_(pa.string()), nullable=False),  # in the order in which they were given
    ]
)

TABLES: Final = {"reports": REPORTS, "cells": CELLS, "logins": LOGINS}
"""The tables of the archive, by the name of their folder. Rows are one for each of their KEYS."""

KEYS: Final = {"reports": ("vin", "at"), "cells": ("vin", "at", "pack_no"), "logins": ("vin", "at")}

LOGIN: Final = 1
REPORT: Final = 2
REISSUED: Final = 3

_FROM: Final = {  # columns of MEASURED: the item that has them, and what it calls the value and its status
    "vehicle_status": ("vehicle", "vehicle_status", "vehicle_status_status"),
    "charging_status": ("vehicle", "charging_status", "charging_status_status"),
    "operating_mode": ("vehicle", "operating_mode", "operating_mode_status"),
    "speed_kmh": ("vehicle", "speed_kmh", "speed_status"),
    "odometer_km": ("vehicle", "odometer_km", "odometer_status"),
    "voltage_v": ("vehicle", "total_voltage_v", "total_voltage_status"),
    "current_a": ("vehicle", "total_current_a", "total_current_status"),
    "soc_percent": ("vehicle", "soc_percent", "soc_status"),
    "insulation_kohm": ("vehicle", "insulation_resistance_kohm", "insulation_resistance_status"),
    "longitude_deg": ("position", "longitude_deg", "longitude_status"),
    "latitude_deg": ("position", "latitude_deg", "latitude_status"),
    "alarm_level": ("alarm", "max_alarm_level", "max_alarm_level_status"),
    "alarm_flags": ("alarm", "general_alarm_flags", ""),
}
_NOT_SENT: Final = 4


class Signals(NamedTuple):
    """
    The tables of some frames, by name, in the order of VIN and time; what has both alike as it came.

    `left_out` counts what is in none of them: reports and logins that are `encrypted` or have `no_time`,
    and `cells` whose place is beyond what a pack can have.
    """

    tables: dict[str, pa.Table]
    left_out: dict[str, int]


def keys_of(vins: pa.Array, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each VIN and time in seconds since 1970, in the order of both; below 2 ** 55."""
    encoded = vins.dictionary_encode()
    ranks = np.empty(len(encoded.dictionary), np.int64)
    ranks[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(ranks))
    # A time of these frames is between 2000 and 2099: less than 2 ** 32 seconds.
    keys: NDArray[np.int64] = ranks[encoded.indices.to_numpy()] << 32 | seconds
    return keys


def signals_of(batch: Batch, received_ms: NDArray[np.int64], source: NDArray[np.uint32]) -> Signals:
    """
    Return what the reports and logins of a batch say.

    `received_ms` and `source` have a value for each frame: when it came, and from whom.
    """
    frames = batch.frames()
    command = frames["command"]
    asked = (frames["ack"] == COMMAND) & (command >= LOGIN) & (command <= REISSUED)
    plain = frames["encryption"] == PLAIN
    timed = frames["time_status"] == Status.OK
    taken = asked & plain & timed
    reports = np.flatnonzero(taken & (command != LOGIN))
    logins = np.flatnonzero(taken & (command == LOGIN))
    reports, logins = (_sorted(frames, chosen) for chosen in (reports, logins))
    keys = _keys(frames, received_ms, source, reports)
    row_of = np.full(len(batch), -1, np.int64)
    row_of[reports] = np.arange(len(reports))
    packs = packs_of(batch, row_of)
    columns = {**keys, "reissued": pa.array(command[reports] == REISSUED)}
    columns |= _measured(batch, row_of, len(reports)) | packs.told(len(reports))
    tables = {
        "reports": pa.table([columns[name] for name in REPORTS.names], schema=REPORTS),
        "cells": _cells(keys, packs),
        "logins": _logins(batch, _keys(frames, received_ms, source, logins), logins),
    }
    left_out = {
        "encrypted": int((asked & ~plain).sum()),
        "no_time": int((asked & plain & ~timed).sum()),
        "cells": packs.misplaced,
    }
    return Signals(tables, left_out)


def _sorted(frames: dict[str, NDArray[Any]], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    keys = keys_of(_vins(frames["vin"][chosen]), frames["time"][chosen])
    return chosen[np.argsort(keys, kind="stable")]


def _keys(
    frames: dict[str, NDArray[Any]],
    received_ms: NDArray[np.int64],
    source: NDArray[np.uint32],
    chosen: NDArray[np.int64],
) -> dict[str, pa.Array]:
    return {
        "vin": _vins(frames["vin"][chosen]),
        "at": pa.array(frames["time"][chosen].view("datetime64[s]"), pa.timestamp("s", "UTC")),
        "received_ms": pa.array(received_ms[chosen]),
        "source": pa.array(source[chosen]),
        "edition": pa.array(frames["edition"][chosen]),
    }


def _vins(vins: NDArray[Any]) -> pa.Array:
    """Return VINs as text; those that are not 17 signs of ASCII are read as `frame.Frame.vehicle` does."""
    held = vins.view(np.uint8)
    if held.size and (held.min() <= ord(" ") or held.max() > ord("~")):
        return pa.array([text_of(bytes(one)) for one in vins.tolist()], pa.string())
    offsets = np.arange(len(vins) + 1, dtype=np.int32) * VIN_BYTES
    return pa.Array.from_buffers(
        pa.string(), len(vins), [None, pa.py_buffer(offsets), pa.py_buffer(held if held.size else b"")]
    )


def _measured(batch: Batch, row_of: NDArray[np.int64], rows: int) -> dict[str, pa.Array]:
    """Return the columns of MEASURED, and the marks of those that are not OK."""
    sent = {
        (edition, item): batch.columns(edition, item)
        for edition in EDITIONS
        for item in ("vehicle", "position", "alarm")
    }
    places = {key: row_of[columns["frame"]] for key, columns in sent.items()}
    found: dict[str, pa.Array] = {}
    marks = np.zeros(rows, np.uint64)
    for number, field in enumerate(MEASURED):
        item, value, status = _FROM[field.name]
        values = np.zeros(rows, field.type.to_pandas_dtype())
        statuses = np.full(rows, _NOT_SENT, np.uint8)
        for edition in EDITIONS:
            columns, into = sent[edition, item], places[edition, item]
            known = into >= 0
            # Where a place comes twice, NumPy keeps what comes last.
            values[into[known]] = columns[value][known]
            statuses[into[known]] = columns[status][known] if status else Status.OK
        found[field.name] = pa.array(values, field.type, mask=statuses != Status.OK)
        marks |= (statuses & 3).astype(np.uint64) << np.uint64(2 * number)
    return found | {"marks": pa.array(marks)}


def _cells(keys: dict[str, pa.Array], packs: Packs) -> pa.Table:
    rows = pa.array(packs.rows)
    columns = {name: column.take(rows) for name, column in keys.items()} | packs.columns()
    return pa.table([columns[name] for name in CELLS.names], schema=CELLS)


def _logins(batch: Batch, keys: dict[str, pa.Array], logins: NDArray[np.int64]) -> pa.Table:
    """Return the logins; they are rare, so each is read by itself."""
    frames = batch.frames()
    told: dict[str, list[Any]] = {"login_seq": [], "iccid": [], "codes": []}
    for start, size in zip(frames["offset"][logins].tolist(), frames["size"][logins].tolist(), strict=True):
        record = read_frame(batch.data[start : start + size]).record
        number, iccid = record.get("login_seq"), record.get("iccid")
        held = record.get("ress_codes", record.get("pack_codes", ()))
        codes = held if isinstance(held, tuple) else ()
        told["login_seq"].append(number.raw if isinstance(number, Reading) and not number.status else None)
        told["iccid"].append(_text(iccid) if isinstance(iccid, Reading) else None)
        told["codes"].append([_text(one) for one in codes if isinstance(one, Reading)])
    columns = [pa.array(told[name], LOGINS.field(name).type) for name in told]
    return pa.table([*keys.values(), *columns], schema=LOGINS)


def _text(reading: Reading) -> str:
    return str(reading.value).strip("\0 ")
