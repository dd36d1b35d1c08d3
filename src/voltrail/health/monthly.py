"""
The state of health of batteries by month, out of all their charging sessions, with where it lies with 95 %.

The middle of the sessions' capacities is Huber's: each counts by its variance, and beyond 1.345 standard
deviations no further than that, so that one wrong session moves it little. Where sessions scatter more than
their own uncertainty says, what they scatter is taken. This random part falls with the number of sessions.
What is systematic of a vehicle, the gain and offset of its current sensor and the scale of its state of
charge, is the same in each session and does not: it is added at the end.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from voltrail.health.capacity import (
    METHOD,
    METHOD_VERSION,
    OK,
    PLACE,
    RULES,
    Capacities,
    Floats,
    Measuring,
    capacities,
)
from voltrail.health.normal import Z95
from voltrail.health.sessions import BIN_MV, NO_PROBE, Sessions, Shown
from voltrail.health.tables import MONTHS, SESSIONS
from voltrail.ledger.lanes import kernel

K: Final = 1.345
"""Where Huber's weights begin to fall: 95 % as good as the mean where all is normal (Huber 1964)."""
EFFICIENCY: Final = 0.95
MAD: Final = 1.4826
_ROUNDS: Final = 30


class Reckoned(NamedTuple):
    """
    A month: MONTHS and SESSIONS of `health.tables`.

    One row a battery, and one a vehicle for the time in which it is not known which it had.
    """

    months: pa.Table
    sessions: pa.Table


def reckon(seen: Sessions, month: date) -> Reckoned:
    """Return what sessions that have ended say of a month, by its first day."""
    sessions, digests = seen.sessions()
    shown = seen.shown()
    found = capacities(sessions, shown.whose[sessions["slot"]], seen.numbers)
    return Reckoned(
        _months(seen, shown, sessions, digests, found, month),
        _sessions(seen, sessions, digests, found),
    )


def middles(starts: npt.NDArray[np.int64], values: Floats, sds: Floats) -> tuple[Floats, Floats, Floats]:
    """
    Return the robust middle of each group, its standard deviation, and the weight of each value.

    Group i is `values[starts[i]:starts[i + 1]]`; of an empty one nothing is known (NaN).
    """
    groups = len(starts) - 1
    middle, sd, weights = np.full(groups, np.nan), np.full(groups, np.nan), np.zeros(len(values))
    _middles(starts, values, sds, middle, sd, weights)
    return middle, sd, weights


@kernel
def _middles(starts: Any, values: Any, sds: Any, middle: Any, sd: Any, weights: Any) -> None:
    for group in range(len(starts) - 1):
        begin, end = starts[group], starts[group + 1]
        if begin == end:
            continue
        x, s = values[begin:end], sds[begin:end]
        w = 1 / s**2
        order = np.argsort(x)
        half = np.cumsum(w[order])
        at = x[order[np.searchsorted(half, half[-1] / 2)]]
        scale = max(1.0, MAD * np.median(np.abs(x - at) / s))
        u = w
        for _ in range(_ROUNDS):
            far = np.maximum(np.abs(x - at) / s / (K * scale), 1.0)
            u = w / far
            nearer = np.sum(u * x) / np.sum(u)
            done = abs(nearer - at) <= 1e-9 * abs(at)
            at = nearer
            if done:
                break
        middle[group] = at
        sd[group] = scale / np.sqrt((1.0 if end - begin == 1 else EFFICIENCY) * np.sum(u))
        weights[begin:end] = u


class _Groups:
    """Which slots are of one battery, or of one vehicle whose battery is not known."""

    def __init__(self, seen: Sessions, shown: Shown) -> None:
        numbers: dict[tuple[str | None, str | None], int] = {}
        self.of_slot = np.zeros(len(seen.slots), np.int64)
        self.last: list[int] = []
        for slot, (vin, fitted) in enumerate(seen.slots):
            key = (fitted.code, None) if fitted.code is not None else (None, vin)
            number = self.of_slot[slot] = numbers.setdefault(key, len(numbers))
            if number == len(self.last):
                self.last.append(slot)
            elif shown.carried["last_at"][slot] >= shown.carried["last_at"][self.last[number]]:
                self.last[number] = slot
        self.count = len(self.last)

    def sum(self, of: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what slots have, added up by group."""
        total = np.zeros((self.count, *of.shape[1:]), np.int64 if of.dtype.kind in "iu" else np.float64)
        np.add.at(total, self.of_slot, of[: len(self.of_slot)])
        return total

    def most(self, of: npt.NDArray[Any]) -> Floats:
        """Return the highest of each group; NaN is none."""
        most = np.full(self.count, -np.inf)
        np.fmax.at(most, self.of_slot, of[: len(self.of_slot)].astype(np.float64))
        return most


def _months(
    seen: Sessions,
    shown: Shown,
    sessions: npt.NDArray[Any],
    digests: list[bytes],
    found: Capacities,
    month: date,
) -> pa.Table:
    groups, carried = _Groups(seen, shown), shown.carried
    of = groups.of_slot[sessions["slot"]]
    order = np.lexsort((sessions["ended"], of))
    used = order[found.refusal[order] == OK]
    starts = np.searchsorted(of[used], np.arange(groups.count + 1))
    middle, random_sd, weights = middles(starts, found.capacity_ah[used], found.sd_ah[used])
    systematic = _systematic(starts, found.offset_sd[used], weights, seen.numbers)
    declared = shown.whose["capacity_ah"][groups.last]
    soh, sd = middle / declared, np.hypot(random_sd, middle * systematic) / declared
    refusal = _refusals(groups.count, of, found, soh, seen.numbers)
    known = refusal == OK
    rows, probes = groups.sum(carried["rows"]), groups.sum(carried["probe_rows"])
    spread, weakest, share = _cells(groups, shown, seen.numbers)
    odometer = groups.most(carried["odometer"])
    probe_max = groups.most(carried["probe_max"])
    charged = np.bincount(of, np.maximum(np.nan_to_num(sessions["energy"]), 0), groups.count) / 3.6e6
    fitted = [seen.slots[slot] for slot in groups.last]
    with np.errstate(divide="ignore", invalid="ignore"):
        probe_mean = groups.sum(carried["probe_sum"]) / probes
    columns = {
        "vin": pa.array([vin for vin, _ in fitted]),
        **_whose([one for _, one in fitted]),
        "month": pa.array([month] * groups.count, pa.date32()),
        "rows": rows,
        "sessions": np.minimum(np.bincount(of, minlength=groups.count), 65_535),
        "used": np.where(known, np.minimum(np.diff(starts), 65_535), 0),
        "capacity_ah": _known(middle, known),
        "soh_fraction": _known(soh, known),
        "soh_low": _known(np.maximum(soh - Z95 * sd, 0), known),
        "soh_high": _known(soh + Z95 * sd, known),
        "refusal": _rules(refusal),
        "odometer_km": _known(odometer, np.isfinite(odometer)),
        "driven_km": _known(groups.sum(carried["driven"]), np.isfinite(odometer)),
        "charged_kwh": charged,
        "probe_mean_c": _known(probe_mean, probes > 0),
        "probe_max_c": _known(probe_max, probes > 0),
        "spread_mv": spread,
        "weakest_cell": weakest,
        "weakest_share": share,
        "alarms": groups.sum(carried["alarms"]),
        "method": pa.array([METHOD] * groups.count),
        "method_version": pa.array([METHOD_VERSION] * groups.count),
        "trace_digest": pa.array(_digests(groups.count, of, order, digests)),
    }
    told = (rows > 0) | (np.bincount(of, minlength=groups.count) > 0)
    return pa.table(columns).cast(MONTHS).filter(pa.array(told))


def _systematic(starts: npt.NDArray[np.int64], offset: Floats, weights: Floats, numbers: Measuring) -> Floats:
    """Return the systematic part of each group as a share: an offset weighs on all its sessions alike."""
    sums = [np.concatenate([[0.0], np.cumsum(one)]) for one in (weights * offset, weights)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.diff(sums[0][starts]) / np.diff(sums[1][starts])
    return np.sqrt(mean**2 + numbers.gain_sd**2 + numbers.scale_sd**2)


def _refusals(
    groups: int, of: npt.NDArray[Any], found: Capacities, soh: Floats, numbers: Measuring
) -> npt.NDArray[np.int64]:
    """Return why a group has no state of health: what its sessions were refused for most often."""
    refused = found.refusal != OK
    counts = np.zeros((groups, len(RULES)), np.int64)
    np.add.at(counts, (of[refused], found.refusal[refused]), 1)
    why = np.where(counts.any(axis=1), counts.argmax(axis=1), PLACE["health.no_session"])
    why[np.isfinite(soh)] = OK
    why[soh > numbers.soh_most] = PLACE["health.implausible"]
    return why


def _cells(groups: _Groups, shown: Shown, numbers: Measuring) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the median spread in mV, the cell that was most often the lowest, and in which share of rows."""
    spread, rows = groups.sum(shown.spread), groups.sum(shown.carried["spread_rows"])
    half = (np.cumsum(spread, axis=1) * 2 >= rows[:, None]).argmax(axis=1)
    median = half * BIN_MV + (BIN_MV - 1) / 2
    lowest, told = groups.sum(shown.weakest), groups.sum(shown.carried["weak_rows"])
    weakest = lowest.argmax(axis=1)
    share = lowest.max(axis=1) / np.maximum(told, 1)
    least = numbers.cell_rows_least
    return (
        _known(median, rows >= least),
        _known(weakest, told >= least),
        _known(share, told >= least),
    )


def _digests(groups: int, of: npt.NDArray[Any], order: npt.NDArray[Any], digests: list[bytes]) -> list[str]:
    sealed = [hashlib.sha256() for _ in range(groups)]
    for place, group in zip(order.tolist(), of[order].tolist(), strict=True):
        sealed[group].update(digests[place])
    return [one.hexdigest() for one in sealed]


def _sessions(
    seen: Sessions, sessions: npt.NDArray[Any], digests: list[bytes], found: Capacities
) -> pa.Table:
    fitted = [seen.slots[slot] for slot in sessions["slot"].tolist()]
    known, probed = found.refusal == OK, sessions["probe_min"] != NO_PROBE
    levels = sessions["soc_from"] <= 100
    columns = {
        "vin": pa.array([vin for vin, _ in fitted], pa.string()),
        **_whose([one for _, one in fitted]),
        "began_at": pa.array(sessions["began"], pa.timestamp("s", "UTC")),
        "ended_at": pa.array(sessions["ended"], pa.timestamp("s", "UTC")),
        "rows": sessions["rows"],
        "soc_from_percent": sessions["soc_from"],
        "soc_to_percent": sessions["soc_to"],
        "charge_ah": sessions["charge"] / 3600,
        "energy_kwh": _known(sessions["energy"] / 3.6e6, np.isfinite(sessions["energy"])),
        "capacity_ah": _known(found.capacity_ah, known),
        "capacity_sd_ah": _known(found.sd_ah, known),
        "refusal": _rules(found.refusal),
        "probe_min_c": _known(sessions["probe_min"], probed),
        "probe_max_c": _known(sessions["probe_max"], sessions["probe_max"] != -NO_PROBE),
        "odometer_km": _known(sessions["odometer"], np.isfinite(sessions["odometer"])),
        "trace_digest": pa.array([digest.hex() for digest in digests], pa.string()),
    }
    return pa.table(columns).cast(SESSIONS).filter(pa.array(levels))


def _whose(fitted: list[Any]) -> dict[str, pa.Array]:
    return {
        name: pa.array([getattr(one, name) for one in fitted], pa.string())
        for name in ("code", "model_id", "chemistry")
    }


def _known(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> pa.Array:
    """Return values, null where they are not known."""
    return pa.array(values, mask=~known)


def _rules(refusal: npt.NDArray[Any]) -> pa.Array:
    return pa.array(RULES).take(pa.array(refusal, pa.int64(), mask=refusal == OK))
