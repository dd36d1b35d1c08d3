"""Vehicles that send together: who they are, what each says at a moment, what is wrong on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

import numpy as np

from voltrail.codes import issue
from voltrail.demo.frames import REISSUED, REPORT, Writer, login, vins_of
from voltrail.demo.market import LFP, LFP_CITY, NCM, NCM_LONG, SODIUM, TRUCK, Design
from voltrail.demo.vehicles import DAY_S, PROVINCES, Array, Fleet, Telemetry, Vehicle
from voltrail.telematics.gbt32960.layout import Edition

Editions = Literal["2016", "2025", "mixed"]

FAULTS: Final[Mapping[str, str]] = {
    "bcc": "every third report has a wrong check",
    "cut": "every third report lacks its end",
    "order": "of each two reports the later one comes first",
    "gap": "of eight reports three are held back, and re-issued",
    "other_pack": "the login names the pack of another vehicle",
    "two_vehicles": "two vehicles name the same pack",
    "clock": "the vehicle's clock is 400 days ahead",
    "alarm": "an alarm of level 3 stands in two of six reports",
    "thermal": "a pack runs hot, and one of its cells falls",
    "slow": "a report comes byte by byte",
    "flood": "each report is sent 500 times",
}
_ONE_IN: Final = 50  # vehicles has a fault, and at least one
_FLOOD: Final = 500
_LEFT_OFF: Final = 20  # bytes of a report that is cut
_AHEAD_S: Final = 400 * DAY_S
_DAYS: Final = 20  # of drives, after which a vehicle that sends without a pause begins again
_THERMAL_RUNS_S: Final = 300
_HIGH_TEMPERATURE, _POOR_CONSISTENCY, _THERMAL_EVENT = 1 << 1, 1 << 10, 1 << 23
_SERIALS_FROM: Final = 90_000_000  # of invented vehicles: none of the sample world has such
_SHARES: Final = ((LFP, 8), (LFP_CITY, 3), (NCM, 4), (NCM_LONG, 2), (SODIUM, 1), (TRUCK, 2))


class Member(NamedTuple):
    """A vehicle that sends, the edition it sends in, and the design of its pack."""

    vehicle: Vehicle
    edition: Edition
    design: Design


class _Part(NamedTuple):
    """Those whose frames have one length: `rows` are their numbers in the convoy."""

    rows: Array
    fleet: Fleet
    writer: Writer
    vins: Array


def invented(number: int, editions: Editions, seed: int) -> list[Member]:
    """Return vehicles that are nobody's, with packs that are on no record."""
    kinds = [design for design, share in _SHARES for _ in range(share)]
    dice = np.random.default_rng(seed)
    members = []
    for serial in range(number):
        design = kinds[serial % len(kinds)]
        (code,) = issue(
            maker="9Z0",
            count=1,
            level="pack",
            battery_type=design.letter,
            production_date=date(2024, 1, 1 + serial % 28),
            first_serial=serial // 28 % 9_000_000 + 1,
            specification="9Z",
            traceability="SAMPLE0",
        )
        vehicle = Vehicle(
            f"ZZZSAMPLE{_SERIALS_FROM + serial:08d}",
            (code,),
            PROVINCES[int(dice.integers(len(PROVINCES)))],
            soh=float(dice.uniform(0.8, 1.0)),
            odometer_km=float(dice.uniform(1_000, 120_000)),
        )
        members.append(Member(vehicle, edition_of(editions, serial), design))
    return members


def edition_of(editions: Editions, number: int) -> Edition:
    """Return the edition in which the vehicle of a number sends: three of ten in that of 2025 if mixed."""
    if editions == "mixed":
        return 2025 if number % 10 in {2, 5, 8} else 2016
    return 2025 if editions == "2025" else 2016


class Convoy:
    """
    Vehicles that drive or charge all the time, from the day on which `now_s` lies.

    `faults` are names of FAULTS; each befalls some vehicles of its own, the first ones.
    """

    def __init__(
        self, members: Sequence[Member], now_s: float, seed: int, faults: Iterable[str] = ()
    ) -> None:
        self.faults: dict[int, str] = {}
        share = max(1, len(members) // _ONE_IN)
        for number, fault in enumerate(faults):
            # Two of them name one pack: where there is one alone, nobody is beside it.
            for row in range(number * share, min((number + 1) * share, len(members))):
                self.faults[row] = fault
        self.members = [self._meant(row, members) for row in range(len(members))]
        since = int(now_s) // DAY_S * DAY_S
        kinds: dict[tuple[Edition, str], list[int]] = {}
        for row, member in enumerate(self.members):
            kinds.setdefault((member.edition, f"{member.design.name} {member.design.chemistry}"), []).append(
                row
            )
        self._parts = []
        for (edition, _), rows in kinds.items():
            vehicles = [self.members[row].vehicle for row in rows]
            fleet = Fleet(self.members[rows[0]].design, vehicles, since, _DAYS, seed)
            self._parts.append(_Part(np.array(rows), fleet, Writer(edition, fleet.cells), vins_of(vehicles)))

    def login(self, row: int, at_s: float) -> bytes:
        """Return the login of a vehicle."""
        vehicle, edition, _ = self.members[row]
        return login(edition, vehicle, at_s + (_AHEAD_S if self.faults.get(row) == "clock" else 0))

    def reports(self, after_s: float, at_s: float) -> list[bytes]:
        """Return what each vehicle reports so long after the convoy set out, with the time `at_s`."""
        found: list[bytes] = [b""] * len(self.members)
        for part in self._parts:
            everybody = np.arange(len(part.rows))
            told = part.fleet.at(everybody, part.fleet.underway(after_s))
            said_s = np.full(len(part.rows), int(at_s))
            for index, row in enumerate(part.rows):
                fault = self.faults.get(int(row))
                if fault == "clock":
                    said_s[index] += _AHEAD_S
                elif fault in {"alarm", "thermal"}:
                    _alarm(told, index, fault, after_s)
            frames = part.writer.write(told, part.vins, said_s)
            size, whole = frames.shape[1], frames.tobytes()
            for index, row in enumerate(part.rows):
                found[row] = whole[index * size : (index + 1) * size]
        return found

    def _meant(self, row: int, members: Sequence[Member]) -> Member:
        """Return a vehicle with the codes that it will name."""
        member, fault = members[row], self.faults.get(row)
        if fault not in {"other_pack", "two_vehicles"}:
            return member
        # Who names another's pack names that of somebody who does not send; of two, the one of a neighbour.
        codes = member.vehicle.codes
        if fault == "two_vehicles":
            codes = members[(row + 1) % len(members)].vehicle.codes
        else:
            codes = tuple(code[:-7] + f"{9_999_999 - row:07d}" for code in codes)
        vehicle = Vehicle(
            **{name: getattr(member.vehicle, name) for name in Vehicle.__struct_fields__ if name != "codes"},
            codes=codes,
        )
        return member._replace(vehicle=vehicle)


class Held:
    """What one vehicle has held back, so that it comes late."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []

    def sent(self, fault: str | None, report: bytes, number: int) -> list[bytes]:
        """Return what a vehicle sends instead of its report of a number, counted from 0."""
        match fault:
            case "bcc" if number % 3 == 1:
                return [report[:-1] + bytes([report[-1] ^ 0x55])]
            case "cut" if number % 3 == 1:
                return [report[:-_LEFT_OFF]]
            case "flood":
                return [report] * _FLOOD
            case "order":
                self._frames.append(report)
                return self._given_back() if len(self._frames) == 2 else []
            case "gap" if number % 8 in {4, 5, 6}:
                self._frames.append(reissued(report))
                return []
            case "gap" if self._frames:
                return [report, *self._given_back()[::-1]]
        return [report]

    def _given_back(self) -> list[bytes]:
        held, self._frames = self._frames[::-1], []
        return held


def reissued(report: bytes) -> bytes:
    """Return a report as it is sent again after a gap."""
    told = bytearray(report)
    told[2] = REISSUED
    told[-1] ^= REPORT ^ REISSUED
    return bytes(told)


def _alarm(told: Telemetry, index: int, fault: str, after_s: float) -> None:
    """Write an alarm over what a vehicle measures."""
    if fault == "alarm":
        if after_s // 10 % 6 in {2, 3}:
            told.alarm_level[index] = 3
            told.alarm_flags[index] |= _POOR_CONSISTENCY
        return
    share = min(after_s / _THERMAL_RUNS_S, 1.0)
    told.probe_c[index, 0] += round(70 * share)
    told.cell_mv[index, 0] = round(told.cell_mv[index, 0] * (1 - share))
    if share > 0.2:
        told.alarm_level[index] = 3
        told.alarm_flags[index] |= _HIGH_TEMPERATURE | _THERMAL_EVENT
