"""
What vehicles measure, as frames of GB/T 32960.3 of both editions: many at once.

One frame is made by the codec; where its fields stand is read from it, and columns are written there. So the
layouts name every field, and nothing here knows a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np

from voltrail.demo.vehicles import PROBES, Array, Telemetry, Vehicle
from voltrail.errors import FrameError
from voltrail.telematics.gbt32960.frame import VIN_BYTES, read_frame
from voltrail.telematics.gbt32960.layout import Edition, Field, layout
from voltrail.telematics.gbt32960.writing import make_frame

LOGIN, REPORT, REISSUED, LOGOUT, PLATFORM_LOGIN, HEARTBEAT = 1, 2, 3, 4, 5, 7
CODE_LENGTH: Final = 24
_BEIJING_S: Final = 8 * 3_600
_STANDING: Final = {  # what stands in every frame, whatever is measured
    "operating_mode": 1,
    "dcdc_status": 1,
    "motor_seq": 1,
    "subsystem_no": 1,
    "pack_no": 1,
    "frame_start_cell": 1,
    "coordinate_system": 1,
    "max_voltage_subsystem_no": 1,
    "min_voltage_subsystem_no": 1,
    "max_temp_subsystem_no": 1,
    "min_temp_subsystem_no": 1,
}
_ITEMS: Final[Mapping[Edition, tuple[int, ...]]] = {2016: (1, 2, 5, 6, 7, 8, 9), 2025: (1, 2, 5, 6, 7, 8)}


class _Column(NamedTuple):
    """Where a field, or the first of a list of so many, stands in every frame."""

    field: Field
    offset: int
    size: int
    length: int


class Writer:
    """
    Writes reports of one edition of packs with a number of cells.

    Raises FrameError (`frame.field`) where more cells are asked for than one frame of 2016 holds.
    """

    def __init__(self, edition: Edition, cells: int) -> None:
        if edition == 2016 and cells > 200:
            raise FrameError(
                "frame.field", f"A frame of 2016 has no room for {cells} cells.", "Simulate at most 200."
            )
        self.edition = edition
        template = _template(edition, cells)
        self._bytes = np.frombuffer(template, np.uint8)
        self._columns: dict[str, _Column] = {}
        self._time = 0
        for path, reading in read_frame(template).readings():
            name = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
            known = self._columns.get(name)
            if name == "time":
                self._time = reading.offset
            elif known is not None:
                self._columns[name] = known._replace(length=known.length + 1)
            else:
                self._columns[name] = _Column(reading.field, reading.offset, reading.size, 1)

    def write(self, told: Telemetry, vins: Array, at_s: Array, command: int = REPORT) -> Array:
        """
        Return a frame for each row, as bytes in rows of one length.

        `vins` are those of the rows, 17 bytes each; `at_s` are the times that they carry, which may be others
        than those at which they were measured.
        """
        frames = np.tile(self._bytes, (len(at_s), 1))
        frames[:, 2] = command
        frames[:, 4 : 4 + VIN_BYTES] = vins
        frames[:, self._time : self._time + 6] = times(at_s)
        for name, values in _values(told).items():
            if (column := self._columns.get(name)) is not None:
                stop = column.offset + column.size * column.length
                frames[:, column.offset : stop] = _raw(column, values)
        frames[:, -1] = checks(frames)
        return frames


def checks(frames: Array) -> Array:
    """Return the check bytes of frames of one length, their last bytes left out."""
    told = frames[:, 2:-1]
    whole = told.shape[1] & ~7
    words = np.ascontiguousarray(told[:, :whole]).view(np.uint64)
    folded = np.bitwise_xor.reduce(words, axis=1)[:, None].view(np.uint8)
    rest = np.concatenate([folded, told[:, whole:]], axis=1)
    return np.asarray(np.bitwise_xor.reduce(rest, axis=1))


def times(at_s: Array) -> Array:
    """Return moments, seconds since 1970, as the six bytes that frames have for them."""
    whole = (np.asarray(at_s).astype(np.int64) + _BEIJING_S).astype("datetime64[s]")
    months, days = whole.astype("datetime64[M]"), whole.astype("datetime64[D]")
    month, second = months.astype(np.int64), (whole - days).astype(np.int64)
    parts = (
        month // 12 - 30,  # years since 2000
        month % 12 + 1,
        (days - months).astype(np.int64) + 1,
        second // 3_600,
        second // 60 % 60,
        second % 60,
    )
    return np.stack(parts, axis=1).astype(np.uint8)


def vins_of(vehicles: Iterable[Vehicle]) -> Array:
    """Return the VINs of vehicles as rows of bytes."""
    held = b"".join(one.vin.encode().ljust(VIN_BYTES, b"\0") for one in vehicles)
    return np.frombuffer(held, np.uint8).reshape(-1, VIN_BYTES)


def login(edition: Edition, vehicle: Vehicle, at_s: float, number: int = 1) -> bytes:
    """Return a vehicle's login with the codes of its packs."""
    about: dict[str, Any] = {
        "time": datetime.fromtimestamp(at_s, UTC),
        "login_seq": number,
        "iccid": f"8986{int.from_bytes(vehicle.vin.encode()[-6:], 'big') % 10**16:016d}",
    }
    if edition == 2016:
        about |= {"code_length": CODE_LENGTH if vehicle.codes else 0, "ress_codes": list(vehicle.codes)}
    else:
        packs = [1] * len(vehicle.codes)
        about |= {"bms_count": len(packs), "packs_per_bms": packs, "pack_codes": list(vehicle.codes)}
    return make_frame(edition, LOGIN, vehicle.vin, about)


def _template(edition: Edition, cells: int) -> bytes:
    """Return a report in which everything that is measured is nothing yet."""
    lengths = {"cell_voltages": cells, "unit_voltages": cells, "probe_temps": PROBES}
    standing = {**_STANDING, "cell_count": cells}

    def empty(fields: Sequence[Field]) -> dict[str, Any]:
        counts = {one.count for one in fields}
        return {one.name: value(one) for one in fields if one.name not in counts}

    def value(field: Field) -> Any:
        if field.fields:
            return [empty(field.fields)]
        return [0] * lengths.get(field.name, 0) if field.count else standing.get(field.name, 0)

    items = [(number, empty(layout(edition).items[number].fields)) for number in _ITEMS[edition]]
    return make_frame(edition, REPORT, "", {"time": datetime(2026, 1, 1, tzinfo=UTC)}, items)


def _values(told: Telemetry) -> dict[str, Array]:
    """Return what is measured by the names that the layouts have for it."""
    cells, probes = told.cell_mv, told.probe_c
    driven = told.current_a > 0
    motor = np.where(told.is_on, np.where(driven, 1, 2), 3)
    warm = probes.max(axis=1) + 12
    return {
        "vehicle_status": np.where(told.is_on, 1, 2),
        "charging_status": told.charging_status,
        "speed": told.speed_kmh,
        "odometer": told.odometer_km,
        "total_voltage": told.voltage_v,
        "total_current": told.current_a,
        "soc": np.floor(100 * told.soc + 0.5),
        "gear": np.where(told.is_on, 14 | 32, 15),
        "insulation_resistance": told.insulation_kohm,
        "accelerator_pedal": np.where(told.is_on & driven, 20, 0),
        "motor_status": motor,
        "controller_temp": warm,
        "motor_temp": warm + 8,
        "motor_speed": told.speed_kmh * 90,
        "motor_torque": np.where(told.is_on, told.current_a * 1.5, 0),
        "controller_input_voltage": told.voltage_v,
        "controller_dc_bus_current": np.where(told.is_on, told.current_a, 0),
        "longitude": told.longitude_deg,
        "latitude": told.latitude_deg,
        "max_voltage_cell_no": cells.argmax(axis=1) + 1,
        "max_cell_voltage": cells.max(axis=1),
        "min_voltage_cell_no": cells.argmin(axis=1) + 1,
        "min_cell_voltage": cells.min(axis=1),
        "max_temp_probe_no": probes.argmax(axis=1) + 1,
        "max_temp": probes.max(axis=1),
        "min_temp_probe_no": probes.argmin(axis=1) + 1,
        "min_temp": probes.min(axis=1),
        "max_alarm_level": told.alarm_level,
        "general_alarm_flags": told.alarm_flags,
        "voltage": told.voltage_v,
        "current": told.current_a,
        "cell_voltages": cells,
        "unit_voltages": cells,
        "probe_temps": probes,
    }


def _raw(column: _Column, values: Array) -> Array:
    """Return values as big-endian bytes of a column; what is beyond its range becomes its end."""
    field = column.field
    raw = values if field.divisor == 1 else np.rint(values * field.divisor)
    if field.raw_offset:
        raw = raw - field.raw_offset  # of any type: it may leave the one that it has
    if values.ndim == 1 or field.raw_offset:
        raw = np.clip(raw, field.min, field.top)
    return np.ascontiguousarray(raw.astype(f">u{column.size}")).view(np.uint8).reshape(len(values), -1)
