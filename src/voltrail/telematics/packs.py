"""
The packs of many reports: their cells and probes put together, in columns.

A report tells of a pack in rows: its voltage with cells, which in the 2016 edition may come in parts that
each say at which cell they begin, and its probes. What belongs to one pack of one report becomes one row.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from voltrail.ledger.lanes import kernel
from voltrail.telematics.gbt32960.batch import Batch
from voltrail.telematics.gbt32960.layout import EDITIONS, Edition, Status

MAX_START: Final = 2000
"""The last cell at which a part may begin: no pack has more in series, and few bytes must not ask much."""

_ITEMS: Final[dict[Edition, tuple[str, str, str, str, str]]] = {
    2016: ("ress_voltage", "cell_voltages", "ress_temperature", "subsystem_no", "frame_start_cell"),
    2025: ("min_parallel_unit_voltage", "unit_voltages", "battery_temperature", "pack_no", ""),
}
_HIGHEST: Final = np.iinfo(np.int64).max


class _Rows(NamedTuple):
    """Rows of cells or probes: the report and pack each belongs to, where its list begins, and the lists."""

    keys: NDArray[np.int64]  # 256 x report + pack
    starts: NDArray[np.int64]  # from 0; -1 where nobody knows
    offsets: NDArray[np.int64]  # behind the last row's too
    values: NDArray[Any]
    statuses: NDArray[np.uint8]


class _Lists(NamedTuple):
    """Lists of values one after another, by row of the packs; `sent` says which rows have one."""

    firsts: NDArray[np.int64]
    values: NDArray[Any]
    ok: NDArray[np.uint8]
    sent: NDArray[np.bool_]

    def array(self) -> pa.Array:
        """Return them as Arrow; null where none was sent, and each value that is not OK."""
        child_type = pa.from_numpy_dtype(self.values.dtype)
        child = pa.Array.from_buffers(
            child_type, len(self.values), [_bits(self.ok), pa.py_buffer(self.values)]
        )
        offsets = pa.py_buffer(self.firsts.astype(np.int32))
        return pa.Array.from_buffers(
            pa.list_(child_type), len(self.sent), [_bits(self.sent), offsets], children=[child]
        )


class Packs(NamedTuple):
    """
    The packs of some reports, sorted by report and pack number.

    `rows` are the reports' numbers; `misplaced` counts cells that are left out since they begin too high.
    """

    rows: NDArray[np.int64]
    numbers: NDArray[np.uint8]
    voltage: tuple[NDArray[np.float32], NDArray[np.uint8]]  # each with its statuses
    current: tuple[NDArray[np.float32], NDArray[np.uint8]]
    cells: _Lists
    probes: _Lists
    misplaced: int

    def columns(self) -> dict[str, pa.Array]:
        """Return the columns of CELLS that are not keys of the report."""
        return {
            "pack_no": pa.array(self.numbers),
            "voltage_v": pa.array(self.voltage[0], mask=self.voltage[1] != Status.OK),
            "current_a": pa.array(self.current[0], mask=self.current[1] != Status.OK),
            "cell_mv": self.cells.array(),
            "probe_c": self.probes.array(),
        }

    def told(self, reports: int) -> dict[str, pa.Array]:
        """Return the columns of REPORTS that say what the packs of each report are together."""
        told = np.zeros((reports, _TOLD), np.int64)
        told[:, _MAX], told[:, _PROBE_MAX] = -_HIGHEST, -_HIGHEST
        told[:, _MIN], told[:, _PROBE_MIN] = _HIGHEST, _HIGHEST
        cells, probes = self.cells, self.probes
        _tell(self.rows, cells.firsts, cells.values, cells.ok, probes.firsts, probes.values, probes.ok, told)
        none = told[:, _PACKS] == 0
        no_cell, no_probe = told[:, _CELLS] == 0, told[:, _PROBE_MAX] == -_HIGHEST
        mean = told[:, _SUM] / np.maximum(told[:, _CELLS], 1)

        def column(place: int, of: Any, mask: NDArray[np.bool_]) -> pa.Array:
            return pa.array(np.where(mask, 0, told[:, place]).astype(of), mask=mask)

        far = np.iinfo(np.uint16).max
        return {
            "packs": pa.array(np.minimum(told[:, _PACKS], 255).astype(np.uint8), mask=none),
            "cells": column(_CELLS, np.uint16, none),
            "cell_max_mv": column(_MAX, np.uint16, no_cell),
            "cell_max_no": column(_MAX_NO, np.uint16, no_cell | (told[:, _MAX_NO] > far)),
            "cell_min_mv": column(_MIN, np.uint16, no_cell),
            "cell_min_no": column(_MIN_NO, np.uint16, no_cell | (told[:, _MIN_NO] > far)),
            "cell_mean_mv": pa.array(mean.astype(np.float32), mask=no_cell),
            "probe_max_c": column(_PROBE_MAX, np.int16, no_probe),
            "probe_min_c": column(_PROBE_MIN, np.int16, no_probe),
        }


def packs_of(batch: Batch, row_of: NDArray[np.int64]) -> Packs:
    """Return the packs of a batch; `row_of` gives the report of each frame, -1 for what is none."""
    voltages, temperatures, volts, amperes = [], [], [], []
    for edition in EDITIONS:
        voltage, cells, temperature, number, start = _ITEMS[edition]
        columns = batch.columns(edition, voltage)
        voltages.append(_rows(columns, row_of, number, start, cells, "mv"))
        volts.append((columns["voltage_v"], columns["voltage_status"]))
        amperes.append((columns["current_a"], columns["current_status"]))
        columns = batch.columns(edition, temperature)
        temperatures.append(_rows(columns, row_of, number, "", "probe_temps", "c"))
    keys = np.unique(np.concatenate([rows.keys for rows in (*voltages, *temperatures)]))
    keys = keys[np.searchsorted(keys, 0) :]
    cells_in = [np.where(rows.keys < 0, -1, np.searchsorted(keys, rows.keys)) for rows in voltages]
    probes_in = [np.where(rows.keys < 0, -1, np.searchsorted(keys, rows.keys)) for rows in temperatures]
    return Packs(
        keys >> 8,
        (keys & 255).astype(np.uint8),
        _last(volts, cells_in, len(keys)),
        _last(amperes, cells_in, len(keys)),
        _lists(voltages, cells_in, len(keys)),
        _lists(temperatures, probes_in, len(keys)),
        sum(_misplaced(rows) for rows in voltages),
    )


def _rows(
    columns: dict[str, NDArray[Any]], row_of: NDArray[np.int64], number: str, start: str, name: str, unit: str
) -> _Rows:
    report = row_of[columns["frame"]]
    keys = np.where(report < 0, -1, (report << 8) + columns[number])
    starts = np.zeros(len(keys), np.int64)
    if start:
        said = columns[start].astype(np.int64)
        # Some count from 0: there is no cell before the first.
        starts = np.where(said > MAX_START, -1, np.maximum(said - 1, 0))
    offsets = columns[f"{name}_offsets"].astype(np.int64)
    return _Rows(keys, starts, offsets, columns[f"{name}_{unit}"], columns[f"{name}_status"])


def _misplaced(rows: _Rows) -> int:
    lost = (rows.starts < 0) & (rows.keys >= 0)
    return int(np.diff(rows.offsets)[lost].sum())


def _last(
    parts: list[tuple[NDArray[np.float32], NDArray[np.uint8]]], into: list[NDArray[np.int64]], packs: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return a value of each pack: of those that it tells the last."""
    values, statuses = np.zeros(packs, np.float32), np.full(packs, Status.INVALID, np.uint8)
    for (said, status), pack in zip(parts, into, strict=True):
        known = pack >= 0
        values[pack[known]], statuses[pack[known]] = said[known], status[known]
    return values, statuses


def _lists(parts: list[_Rows], into: list[NDArray[np.int64]], packs: int) -> _Lists:
    sizes, sent = np.zeros(packs, np.int64), np.zeros(packs, np.bool_)
    for rows, pack in zip(parts, into, strict=True):
        sent[pack[pack >= 0]] = True
        _measure(pack, rows.starts, rows.offsets, sizes)
    firsts = np.zeros(packs + 1, np.int64)
    np.cumsum(sizes, out=firsts[1:])
    values = np.zeros(int(firsts[-1]), parts[0].values.dtype)
    ok = np.zeros(len(values), np.uint8)
    for rows, pack in zip(parts, into, strict=True):
        _place(pack, rows.starts, rows.offsets, rows.values, rows.statuses, firsts, values, ok)
    return _Lists(firsts, values, ok, sent)


def _bits(flags: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


@kernel
def _measure(pack: Any, starts: Any, offsets: Any, sizes: Any) -> None:
    """Find how long the list of each pack is."""
    for row in range(len(pack)):
        count = offsets[row + 1] - offsets[row]
        if pack[row] >= 0 and starts[row] >= 0 and count > 0:
            sizes[pack[row]] = max(sizes[pack[row]], starts[row] + count)


@kernel
def _place(
    pack: Any, starts: Any, offsets: Any, values: Any, statuses: Any, firsts: Any, into: Any, ok: Any
) -> None:
    """Put the values of each row where they belong."""
    for row in range(len(pack)):
        if pack[row] < 0 or starts[row] < 0:
            continue
        at, first = firsts[pack[row]] + starts[row], offsets[row]
        for number in range(offsets[row + 1] - first):
            good = statuses[first + number] == 0
            into[at + number] = values[first + number] if good else 0
            ok[at + number] = good


_PACKS, _CELLS, _SUM, _MAX, _MAX_NO, _MIN, _MIN_NO, _PROBE_MAX, _PROBE_MIN, _TOLD = range(10)


@kernel
def _tell(
    rows: Any,
    cell_firsts: Any,
    cells: Any,
    cell_ok: Any,
    probe_firsts: Any,
    probes: Any,
    probe_ok: Any,
    told: Any,
) -> None:
    """Tell of each report what its packs say together; of cells that are alike the first has its number."""
    before, report = 0, -1
    for pack in range(len(rows)):
        if rows[pack] != report:
            before, report = 0, rows[pack]
        one = told[report]
        one[_PACKS] += 1
        first, end = cell_firsts[pack], cell_firsts[pack + 1]
        for place in range(first, end):
            if not cell_ok[place]:
                continue
            value = np.int64(cells[place])
            one[_CELLS] += 1
            one[_SUM] += value
            if value > one[_MAX]:
                one[_MAX], one[_MAX_NO] = value, before + place - first + 1
            if value < one[_MIN]:
                one[_MIN], one[_MIN_NO] = value, before + place - first + 1
        before += end - first
        for place in range(probe_firsts[pack], probe_firsts[pack + 1]):
            if probe_ok[place]:
                one[_PROBE_MAX] = max(one[_PROBE_MAX], np.int64(probes[place]))
                one[_PROBE_MIN] = min(one[_PROBE_MIN], np.int64(probes[place]))
