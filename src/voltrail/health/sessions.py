"""
Charging sessions and what else a month shows, out of reports that are fed in the order of time.

Each table has the columns of COLUMNS (`telematics.signals.REPORTS`) in the order of (vin, at); a later table
holds later reports of a vehicle. What is carried from table to table is one row a vehicle and battery, so
memory grows with the fleet, about 2 KB each, and not with the time.

A session is made of reports that say *parked charging*, with a current, of a vehicle that does not move. It
ends with any other charging status, with movement, or where nothing is reported for too long. Charge is the
integral of the current by the trapezoidal rule, net of what flows back. What is null is no measurement: a
report without a current is as if it had not come, one without a state of charge only adds charge.

The rows a session rests on are sealed: SHA-256 over them in the order of time, each as TRACE, little-endian,
what is null as NaN or the largest number. Of a month it is SHA-256 over those of its sessions, as bytes, in
the order in which they ended: all that were seen, also those that show no capacity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from voltrail.health.capacity import Measuring
from voltrail.ledger.lanes import kernel

COLUMNS: Final = (
    "vin", "at", "charging_status", "speed_kmh", "odometer_km", "voltage_v", "current_a", "soc_percent",
    "alarm_level", "packs", "cell_max_mv", "cell_min_mv", "cell_min_no", "probe_max_c", "probe_min_c",
)  # fmt: skip
"""The columns that are read of reports."""

TRACE: Final = np.dtype(
    [
        ("at", "<i8"), ("current_a", "<f4"), ("voltage_v", "<f4"), ("probe_min_c", "<i2"),
        ("soc", "u1"), ("packs", "u1"),
    ]
)  # fmt: skip
"""A row of a session as it is sealed: seconds since 1970, A, V, °C, percent, how many packs sent cells."""

SESSION: Final = np.dtype(
    [
        ("slot", "i4"), ("rows", "i4"), ("began", "i8"), ("ended", "i8"),
        ("soc_from", "u1"), ("soc_to", "u1"), ("packs", "u1"), ("probe_min", "i2"), ("probe_max", "i2"),
        ("charge", "f8"), ("energy", "f8"), ("odometer", "f8"), ("jump", "f8"),
        ("edge_from", "f8"), ("edge_to", "f8"), ("edge_charge", "f8"), ("edge_s", "f8"),
        ("from_width", "f8"), ("to_width", "f8"), ("bridged", "f8"), ("bridged_square", "f8"),
    ]
)  # fmt: skip
"""
A session: charge in C, energy in J, NaN where a voltage lacks; SOC as reported, 255 where it never was.

`edge_*` is what lies between the first and the last step of SOC, `*_width` the charge that passed around
them, `bridged` what passed meanwhile where reports were too far apart, and the sum of its squares.
"""

_CARRIED: Final = np.dtype(
    [
        ("is_open", "u1"), ("is_edged", "u1"), ("soc", "u1"), ("at", "i8"),
        ("current", "f8"), ("voltage", "f8"), ("soc_charge", "f8"), ("soc_at", "i8"),
        ("bridged", "f8"), ("bridged_square", "f8"), ("charge_at_from", "f8"), ("at_from", "f8"),
        ("bridged_at_from", "f8"), ("square_at_from", "f8"),
        ("last_odometer", "f8"), ("last_at", "i8"), ("rows", "i8"), ("alarms", "i8"),
        ("odometer", "f8"), ("driven", "f8"), ("probe_sum", "f8"), ("probe_rows", "i8"), ("probe_max", "i2"),
        ("spread_rows", "i8"), ("weak_rows", "i8"),
    ],
    align=True,
)  # fmt: skip
"""What is carried of a slot: of the session that goes on, and of the month."""

WHOSE: Final = np.dtype(
    [
        ("until", "i8"), ("known", "?"), ("packs", "i4"), ("capacity_ah", "f8"), ("soc_sd", "f8"),
        ("rest_a", "f8"), ("below", "f8"), ("above", "f8"),
    ]
)  # fmt: skip
"""
Whose a slot is, a vehicle and a battery for some time: until when, whether the battery is known, how many
there are, its model's capacity and the error of its SOC (NaN where not known), and where voltage tells of
cells: at rest, which is below `rest_a`, and at states of charge below `below` or above `above`.
"""

BINS: Final = 128
BIN_MV: Final = 2
MOST_CELLS: Final = 1_000
_BYTE: Final = 255
NO_PROBE: Final = 32_767
_OPEN, _KEPT, _DROPPED = 0, 1, 2
_FOREVER: Final = 2**62
FASTEST_KMH: Final = 250.0
STANDING_KMH: Final = 1.0
PARKED_CHARGING: Final = 1


class Fitted(NamedTuple):
    """
    What is in a vehicle from a time on, seconds since 1970: a battery, or what is not known of it.

    `packs` is how many batteries the vehicle has then; of several none is named.
    """

    begins_s: int
    code: str | None = None
    model_id: str | None = None
    chemistry: str | None = None
    capacity_ah: float | None = None
    packs: int = 1


class Sessions:
    """
    Takes reports and gives sessions that ended from `start_s` to before `stop_s`, and what that time shows.

    `fitted` says what was in a vehicle, in the order of time and at least one; the first holds from ever.
    Earlier and later reports only tell when sessions began and ended: feed them from a day before, so that a
    session that had begun is known as one, until an hour after.
    """

    def __init__(
        self, fitted: Callable[[str], Sequence[Fitted]], start_s: int, stop_s: int, numbers: Measuring
    ) -> None:
        self._fitted, self._start, self._stop, self.numbers = fitted, start_s, stop_s, numbers
        self.slots: list[tuple[str, Fitted]] = []
        self._first: dict[str, int] = {}
        self._now = np.zeros(0, np.int32)  # for the first slot of a vehicle: the slot it is at
        self._whose, self._carried = np.zeros(0, WHOSE), np.zeros(0, _CARRIED)
        self._session = np.zeros(0, SESSION)
        self._spread, self._weakest = np.zeros((0, BINS), np.uint32), np.zeros((0, 1), np.uint32)
        self._hashes: dict[int, Any] = {}
        self._ended: list[npt.NDArray[Any]] = []
        self._digests: list[bytes] = []

    def take(self, table: pa.Table) -> None:
        """Take the reports of some time, in the order of (vin, at); all later than those taken before."""
        if not table.num_rows:
            return
        vins, starts = _runs(table["vin"])
        for vin in vins:
            if vin not in self._first:
                self._enter(vin)
        firsts = np.fromiter(map(self._first.__getitem__, vins), np.int32, len(vins))
        columns = {name: _column(table[name], name) for name in COLUMNS[1:]}
        lowest = columns["cell_min_no"]
        most = int(lowest.max(initial=0, where=lowest <= MOST_CELLS))
        if (more := most + 1 - self._weakest.shape[1]) > 0:
            self._weakest = np.pad(self._weakest, ((0, 0), (0, more)))
        used = np.empty(table.num_rows, np.int32)
        ended = np.empty(table.num_rows // 2 + len(self.slots) + 1, SESSION)
        pieces = np.empty((table.num_rows + 2 * len(self.slots) + 1, 4), np.int32)
        numbers = self.numbers
        counts = _walk(
            (starts, firsts),
            tuple(columns.values()),
            (self._now, self._whose, self._carried, self._session, self._spread, self._weakest),
            (used, ended, pieces),
            (self._start, self._stop, numbers.gap_most_s, numbers.known_s, numbers.discharged_soc),
        )
        self._seal(columns, used[: counts[0]], pieces[: counts[2]])
        self._ended.append(ended[: counts[1]].copy())

    def end(self) -> None:
        """End the sessions that still went on when the last report came."""
        last = np.flatnonzero(self._carried["is_open"])
        last = last[np.argsort(self._session["ended"][last], kind="stable")]
        session = self._session[last]
        kept = _is_kept(session["rows"], session["ended"], self._start, self._stop)
        self._digests += [self._hashes[slot].digest() for slot in last[kept].tolist()]
        self._ended.append(session[kept])
        self._carried["is_open"] = 0
        self._hashes.clear()

    def sessions(self) -> tuple[npt.NDArray[Any], list[bytes]]:
        """Return the sessions that ended, as SESSION, those of a slot in their order, and their digests."""
        return np.concatenate([*self._ended, np.empty(0, SESSION)]), self._digests

    def shown(self) -> Shown:
        """Return what the time shows of each slot."""
        return Shown(self._carried, self._whose, self._spread, self._weakest)

    def _enter(self, vin: str) -> None:
        """Make the slots of a vehicle that is seen for the first time."""
        first = self._first[vin] = len(self.slots)
        spans = self._fitted(vin)
        self.slots += ((vin, span) for span in spans)
        if len(self.slots) > len(self._carried):
            self._grow(max(1_024, 2 * len(self.slots)))
        self._now[first] = first
        for place, span in enumerate(spans):
            until = spans[place + 1].begins_s if place + 1 < len(spans) else _FOREVER
            self._whose[first + place] = self._of(span, until)

    def _grow(self, slots: int) -> None:
        """Make room, anew, so that nothing is carried twice."""
        more = slots - len(self._carried)
        self._now, self._whose = np.pad(self._now, (0, more)), _longer(self._whose, more)
        self._carried, self._session = _longer(self._carried, more), _longer(self._session, more)
        for name in ("odometer", "last_odometer"):
            self._carried[name][-more:] = np.nan
        self._carried["probe_max"][-more:] = -NO_PROBE
        self._spread, self._weakest = (
            np.pad(one, ((0, more), (0, 0))) for one in (self._spread, self._weakest)
        )

    def _of(self, span: Fitted, until: int) -> tuple[Any, ...]:
        numbers, chemistry = self.numbers, span.chemistry or ""
        capacity, soc_sd = span.capacity_ah or np.nan, numbers.soc_sd.get(chemistry, np.nan)
        blind = numbers.blind.get(chemistry, (np.inf, np.inf) if chemistry in numbers.soc_sd else (0, np.inf))
        rest_a = capacity * numbers.rest_c_rate
        return (until, span.code is not None, span.packs, capacity, soc_sd, rest_a, *blind)

    def _seal(self, columns: dict[str, Any], used: npt.NDArray[Any], pieces: npt.NDArray[Any]) -> None:
        """Carry the digests of sessions on by the rows that belong to them."""
        rows = np.empty(len(used), TRACE)
        for ours, name in zip(TRACE.names or (), _SEALED, strict=True):
            rows[ours] = columns[name][used]
        data, size = memoryview(rows.tobytes()), TRACE.itemsize
        for slot, begin, stop, how in pieces.tolist():
            sealed = self._hashes.pop(slot, None) or hashlib.sha256()
            sealed.update(data[begin * size : stop * size])
            if how == _OPEN:
                self._hashes[slot] = sealed
            elif how == _KEPT:
                self._digests.append(sealed.digest())


class Shown(NamedTuple):
    """
    What a time shows of each slot: carried numbers, whose it is, and of the reports that tell of cells how
    many had a spread of 0, 2, 4 ... mV and in how many each cell was the lowest, by its number.
    """

    carried: npt.NDArray[Any]
    whose: npt.NDArray[Any]
    spread: npt.NDArray[np.uint32]
    weakest: npt.NDArray[np.uint32]


_SEALED: Final = ("at", "current_a", "voltage_v", "probe_min_c", "soc_percent", "packs")
_NULLS: Final = {
    "charging_status": 0, "soc_percent": _BYTE, "alarm_level": 0, "packs": _BYTE,
    "cell_max_mv": 0, "cell_min_mv": 0, "cell_min_no": 0, "probe_max_c": NO_PROBE, "probe_min_c": NO_PROBE,
}  # fmt: skip


def _longer(array: npt.NDArray[Any], more: int) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros(more, array.dtype)])


def _runs(vins: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return each vehicle in its order, and where its rows begin, with the end of all."""
    coded = vins.combine_chunks() if pa.types.is_dictionary(vins.type) else vins.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    numbers = coded.indices.to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1])
    named = coded.dictionary.take(pa.array(numbers[starts])).to_pylist()
    return named, np.append(starts, len(numbers))


def _column(column: pa.ChunkedArray, name: str) -> npt.NDArray[Any]:
    """Return a column with what is null as NaN, or as the number that says so."""
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(_NULLS.get(name, np.nan), column.type))
    if name == "at":
        column = column.cast(pa.timestamp("s", "UTC")).cast(pa.int64())
    return np.ascontiguousarray(column.to_numpy())


@kernel
def _is_kept(rows: Any, ended: Any, start: Any, stop: Any) -> Any:
    """Whether a session is one: a single report has no duration, and others belong to other months."""
    return (rows > 1) & (ended >= start) & (ended < stop)


@kernel
def _begin(c: Any, s: Any, slot: Any, time: Any) -> None:
    """Begin a session."""
    s.slot, s.rows, s.began, s.packs = slot, 0, time, 0
    s.soc_from = s.soc_to = c.soc = _BYTE
    s.probe_min, s.probe_max = NO_PROBE, -NO_PROBE
    s.odometer = s.edge_from = s.edge_to = np.nan
    s.charge = s.energy = s.jump = s.edge_charge = s.edge_s = 0.0
    s.from_width = s.to_width = s.bridged = s.bridged_square = 0.0
    c.bridged = c.bridged_square = 0.0
    c.is_open, c.is_edged = 1, 0


@kernel
def _step(c: Any, s: Any, capacity_ah: Any, level: Any, time: Any) -> None:
    """Take a state of charge: note where it stepped, and where it leapt beyond what was charged."""
    if c.soc == _BYTE:
        s.soc_from = level
    else:
        step, passed = level - np.int64(c.soc), s.charge - c.soc_charge
        leapt = abs(step - passed / 36.0 / capacity_ah) - 1.0
        s.jump = max(s.jump, leapt)
        if step > 0:
            at, charge = (time + c.soc_at) / 2, (s.charge + c.soc_charge) / 2
            edge = np.int64(c.soc) + (step + 1) / 2  # of several steps the middle
            if not c.is_edged:
                s.edge_from, s.from_width = edge, passed
                c.at_from, c.charge_at_from = at, charge
                c.bridged_at_from, c.square_at_from = c.bridged, c.bridged_square
                c.is_edged = 1
            s.edge_to, s.to_width = edge, passed
            s.edge_s, s.edge_charge = at - c.at_from, charge - c.charge_at_from
            s.bridged = c.bridged - c.bridged_at_from
            s.bridged_square = c.bridged_square - c.square_at_from
    s.soc_to = c.soc = level
    c.soc_charge, c.soc_at = s.charge, time


@kernel
def _drive(c: Any, odometer: Any, time: Any) -> None:
    """Take an odometer: what two reports tell alike is believed, a single wrong one is not."""
    driven = odometer - c.last_odometer
    if 0 <= driven <= FASTEST_KMH / 3600 * (time - c.last_at) + 1:
        c.driven += driven
        if not odometer <= c.odometer:
            c.odometer = odometer
    if not np.isnan(odometer):
        c.last_odometer, c.last_at = odometer, time


@kernel
def _walk(runs: Any, reports: Any, carried_on: Any, into: Any, numbers: Any) -> Any:
    """
    Walk through the rows of each vehicle; return how many are of sessions, ended sessions, and pieces.

    A piece is (slot, from, to, how) of the rows in `used`: what a session got here, and what became of it.
    """
    starts, firsts = runs
    (
        at, charging, speed, odometer, voltage, current, soc,
        alarm, packs, cell_max, cell_min, cell_min_no, probe_max, probe_min,
    ) = reports  # fmt: skip
    now, whose, carried, session, spread, weakest = carried_on
    used, ended, pieces = into
    start, stop, gap_most, known, discharged = numbers
    uses = ends = parts = 0
    for run in range(len(firsts)):
        first = firsts[run]
        slot = now[first]
        begun = uses
        for row in range(starts[run], starts[run + 1]):
            time, state = at[row], charging[row]
            is_driven = speed[row] > STANDING_KMH
            goes_on = not is_driven and state in (PARKED_CHARGING, 0)
            c, s = carried[slot], session[slot]
            if c.is_open and (time >= whose[slot].until or time - c.at > gap_most or not goes_on):
                kept = _is_kept(s.rows, s.ended, start, stop)
                if kept:
                    ended[ends] = s
                    ends += 1
                pieces[parts, 0], pieces[parts, 1], pieces[parts, 2] = slot, begun, uses
                pieces[parts, 3] = _KEPT if kept else _DROPPED
                parts += 1
                begun = uses
                c.is_open = 0
            if time >= whose[slot].until:
                while time >= whose[slot].until:
                    slot += 1
                now[first] = slot
                c, s = carried[slot], session[slot]
            w = whose[slot]
            amps, volts = -np.float64(current[row]), np.float64(voltage[row])
            level = np.int64(soc[row])
            if (
                state == PARKED_CHARGING
                and goes_on
                and not np.isnan(amps)
                and not (c.is_open and time <= c.at)
            ):
                if not c.is_open:
                    _begin(c, s, slot, time)
                else:
                    lasted = time - c.at
                    passed = (c.current + amps) / 2 * lasted
                    s.charge += passed
                    s.energy += (c.current * c.voltage + amps * volts) / 2 * lasted
                    if lasted > known:
                        c.bridged += abs(passed)
                        c.bridged_square += passed**2
                if level <= 100:
                    _step(c, s, w.capacity_ah, level, time)
                s.rows += 1
                s.ended = c.at = time
                c.current, c.voltage = amps, volts
                if not np.isnan(odometer[row]):
                    s.odometer = odometer[row]
                if packs[row] != _BYTE:
                    s.packs = max(s.packs, packs[row])
                if probe_min[row] != NO_PROBE:
                    s.probe_min = min(s.probe_min, probe_min[row])
                if probe_max[row] != NO_PROBE:
                    s.probe_max = max(s.probe_max, probe_max[row])
                used[uses] = row
                uses += 1
            if start <= time < stop:
                c.rows += 1
                c.alarms += alarm[row] >= 2
                _drive(c, odometer[row], time)
                if probe_max[row] != NO_PROBE and probe_min[row] != NO_PROBE:
                    c.probe_sum += (probe_max[row] + probe_min[row]) / 2
                    c.probe_rows += 1
                    c.probe_max = max(c.probe_max, probe_max[row])
                if level <= 100 and (level < w.below or level > w.above):
                    lowest, highest = np.int64(cell_min[row]), np.int64(cell_max[row])
                    if abs(amps) <= w.rest_a and 0 < lowest <= highest:
                        spread[slot, min((highest - lowest) // BIN_MV, BINS - 1)] += 1
                        c.spread_rows += 1
                    is_low = level < discharged and level < w.below and state != PARKED_CHARGING
                    if is_low and amps <= 0 and 0 < cell_min_no[row] <= MOST_CELLS:
                        weakest[slot, cell_min_no[row]] += 1
                        c.weak_rows += 1
        if uses > begun:
            pieces[parts, 0], pieces[parts, 1], pieces[parts, 2] = slot, begun, uses
            pieces[parts, 3] = _OPEN
            parts += 1
    return uses, ends, parts
