"""
What some vehicles of the sample world sent until its end, and what follows from it.

It is written as the segments that a gateway would have left, and goes the way of all telemetry from there:
into the archive, held against the record, reckoned to health by month, the last of which is reported.

They all charge every fourth night, and there is telemetry of these days and nights alone, by the minute while
a vehicle drives or charges: an archive has a file for each hour, and a sample must be made in seconds.
What was broken off is taken up again: frames that are written twice count once, and lines that are on record
are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace as replaced

from voltrail.database.database import Database
from voltrail.demo.cast import Cast, secret
from voltrail.demo.cast import Member as CastMember
from voltrail.demo.convoy import Member, edition_of
from voltrail.demo.frames import Writer, login, vins_of
from voltrail.demo.market import DESIGNS, Design
from voltrail.demo.recorded import Recorded, recorded
from voltrail.demo.vehicles import DAY_S, DRIVE, Alarm, Fleet
from voltrail.events import split
from voltrail.gateway.archiver import Archiver
from voltrail.gateway.binding import Binder
from voltrail.gateway.folder import Folder
from voltrail.gateway.health_job import fittings, keep_month
from voltrail.gateway.health_lines import measured_lines
from voltrail.gateway.health_store import HealthStore
from voltrail.gateway.segments import Record
from voltrail.gateway.segments import Writer as Segment
from voltrail.ledger.reports import SECRET_BYTES, sign_report
from voltrail.registry.files import replace
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_alarms import AGAIN
from voltrail.telematics.gbt32960.layout import Edition

Progress = Callable[[int, int], None]

DONE_FILE: Final = "sample.json"
_ANY: Final = 1_000_000
VEHICLES: Final = 60
DAYS: Final = 93
PERIOD_S: Final = 60
_ALARM_S: Final = 40
_POOR_CONSISTENCY: Final = 1 << 10
_WEAK_BY: Final = 0.05
NIGHTS: Final = 4
_LEAST: Final = 3  # vehicles: each has a story
_ONCE_IN_DAYS: Final = 30  # a login
_INTO_S: Final = 600  # of a drive
_IN_ONE_DAYS: Final = 8  # of one segment: hours are looked for in all of it
_ROWS: Final = 1 << 12  # at once: what stays in the cache


class Chosen(NamedTuple):
    """Vehicles that send, and the packs with a story: a weak cell, another than on record, an alarm."""

    members: list[Member]
    stories: list[str]


def send(
    registry: Registry, cast: Cast, until: datetime, seed: int, progress: Progress | None = None
) -> list[str]:
    """
    Let vehicles of a sample world send, and report what follows; return the packs with a story.

    Returns none where the world has too few vehicles. The log's time stands still at the end of the world.
    """
    folder = Folder.of(registry.data)
    reporter = cast.one("vehicle_maker")
    binder = Binder(registry, folder, reporter.identifier)
    done = folder.root / DONE_FILE
    if not done.exists():
        # What its pack can hold follows from the record, which the last step changes: so it is done once.
        chosen = choose(registry.database, until)
        if chosen is None:
            return []
        write_segments(folder, chosen, until, seed)
        with Archiver(folder, [binder.see]) as archiver:
            archiver.step(until, progress)
        for month in _months(until):
            keep_month(folder, month, fittings(registry, month))
        replace(done, msgspec.json.encode(chosen.stories), 0o600)
    registry.keep_time(lambda: int(until.timestamp() * 1_000))
    try:
        _report(registry, binder, reporter, until, seed)
    finally:
        registry.keep_time(None)
    return msgspec.json.decode(done.read_bytes(), type=list[str])


def _report(registry: Registry, binder: Binder, reporter: CastMember, until: datetime, seed: int) -> None:
    """Report alarms and the health of the last month, signed by who reports."""

    def hand_in(name: str, lines: list[bytes]) -> None:
        key = secret(seed, "telemetry", name)[:SECRET_BYTES]
        members = [split(line) for line in lines]
        registry.report(sign_report(registry.origin, reporter.signer, key, lines, members).encode())

    binder.report_alarms(until)  # they have lines then, and wait for the signature
    alarms, _ = registry.vehicle_alarms.page()
    if lines := [one.lines.encode() for one in alarms if one.lines is not None and one.index is None]:
        hand_in("alarms", lines)
        binder.report_alarms(until + AGAIN)
    last = _months(until)[-1]
    if measured := list(measured_lines(HealthStore(Folder.of(registry.data)).month(last), last)):
        hand_in("health", measured)


def _months(until: datetime) -> list[date]:
    """Return the months of which there is telemetry, by their first days."""
    since = datetime.fromtimestamp(_since(until), UTC)
    months = range(12 * since.year + since.month - 1, 12 * until.year + until.month - 1)
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def choose(database: Database, until: datetime) -> Chosen | None:
    """Return vehicles with packs of all designs in turn, None where there are too few."""
    begin = datetime.fromtimestamp(_since(until), UTC)
    found = [one for one in recorded(database, begin, _ANY) if one.model_id is not None]
    turns = _in_turn(found)
    number = min(VEHICLES, len(turns) // 2)
    if number < _LEAST:
        return None
    beside, turns = turns[number], turns[:number]
    vehicles = [one.vehicle for one in turns]
    stories = [one.codes[0] for one in vehicles[:3]]
    vehicles[0] = replaced(vehicles[0], weak_cell=17, weak_by=_WEAK_BY)
    vehicles[1] = replaced(vehicles[1], codes=beside.vehicle.codes)  # so one pack is in two vehicles
    members = [
        Member(vehicle, edition_of("mixed", number), one.design)
        for number, (vehicle, one) in enumerate(zip(vehicles, turns, strict=True))
    ]
    return Chosen(members, stories)


def _in_turn(found: Sequence[Recorded]) -> list[Recorded]:
    """Return vehicles so that each design has its turn."""
    of: dict[Design, list[Recorded]] = {design: [] for design in DESIGNS}
    for one in found:
        of[one.design].append(one)
    order = [
        (turn, number, one) for number, those in enumerate(of.values()) for turn, one in enumerate(those)
    ]
    return [one for _, _, one in sorted(order, key=lambda each: each[:2])]


def write_segments(folder: Folder, chosen: Chosen, until: datetime, seed: int) -> int:
    """
    Write what vehicles sent until a day into segments; return how many frames.

    The one whose pack's story is an alarm had one of level 3 on the last drive that was told.
    """
    alarmed = chosen.members[2].vehicle.vin
    told: dict[int, list[tuple[int, bytes]]] = {}
    count = 0
    for fleet, edition in _fleets(chosen.members, alarmed, until, seed):
        who, at = fleet.moments(PERIOD_S, fleet.since_s, int(until.timestamp()))
        reported = fleet.day_of(at) % NIGHTS == NIGHTS - 1
        who, at = who[reported], at[reported]
        writer = Writer(edition, fleet.cells)
        vins = vins_of(fleet.vehicles)
        for first in range(0, len(at), _ROWS):
            rows = slice(first, first + _ROWS)
            frames = writer.write(fleet.at(who[rows], at[rows]), vins[who[rows]], at[rows])
            for moment, frame in zip(at[rows].tolist(), frames, strict=True):
                told.setdefault(moment // 60, []).append((moment, frame.tobytes()))
        count += len(at)
        for index, vehicle in enumerate(fleet.vehicles):
            mine = at[who == index]
            months = (mine - fleet.since_s) // (_ONCE_IN_DAYS * DAY_S)
            for number, month in enumerate(np.unique(months), 1):
                moment = int(mine[months == month][0]) - 1
                told.setdefault(moment // 60, []).append((moment, login(edition, vehicle, moment, number)))
                count += 1
    for part, minutes in groupby(sorted(told), key=lambda minute: minute // (_IN_ONE_DAYS * DAY_S // 60)):
        with Segment(folder.segments, 0, part * _IN_ONE_DAYS * DAY_S * 1_000) as segment:
            segment.append(
                Record((minute + 1) * 60_000, 0, b"".join(frame for _, frame in sorted(told[minute])))
                for minute in minutes
            )
    return count


def _fleets(
    members: Sequence[Member], alarmed: str, until: datetime, seed: int
) -> list[tuple[Fleet, Edition]]:
    """Return the fleets whose frames have one length each."""
    since, kinds = _since(until), dict.fromkeys((one.design, one.edition) for one in members)
    found = []
    for design, edition in kinds:
        vehicles = [one.vehicle for one in members if (one.design, one.edition) == (design, edition)]
        fleet = Fleet(design, vehicles, since, DAYS, seed, NIGHTS)
        for index, vehicle in enumerate(vehicles):
            if vehicle.vin == alarmed:
                drives = [begin for kind, begin, _ in fleet.spans(index) if kind == DRIVE]
                last = [at for at in drives if fleet.day_of(np.array(at)) % NIGHTS == NIGHTS - 1][-1]
                alarm = Alarm(last + _INTO_S, _ALARM_S, 3, _POOR_CONSISTENCY)
                vehicles[index] = replaced(vehicle, alarm=alarm)
                fleet = Fleet(design, vehicles, since, DAYS, seed, NIGHTS)
        found.append((fleet, edition))
    return found


def _since(until: datetime) -> int:
    return int(until.timestamp()) // DAY_S * DAY_S - DAYS * DAY_S
