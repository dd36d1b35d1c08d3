"""
What vehicles say, tied to the record: their logins, and their alarms with the frames around them.

`Binder.see` is called with what a segment holds before it is put away, and again after a kill: what it keeps
is the same. `report_alarms` goes step by step, each durable before the next: the frames as a file, the lines
that tell of them, the report, its entry. Whatever is interrupted is done again with the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from voltrail.errors import FrameError, Refusal, RegistryError, VoltrailError
from voltrail.gateway import segments
from voltrail.gateway.folder import Folder
from voltrail.registry.files import replace
from voltrail.registry.registry import Registry
from voltrail.registry.vehicle_alarms import GAP, LEAST_LEVEL, LONGEST, Alarm, AlarmRow
from voltrail.registry.vehicle_packs import DISCREPANCIES, Login
from voltrail.telematics.gbt32960.frame import FRAME_BYTES, read_frame

AROUND: Final = timedelta(seconds=30)
LATEST: Final = timedelta(days=30)  # a clock that is further behind is wrong: nothing is sent again so late
MAX_TRACE_BYTES: Final = 32 << 20
DONE: Final = "done"  # in the folder of segments: those that are in the archive
SUFFIX: Final = ".gbt"


class Window(NamedTuple):
    """
    Frames that are looked for: of a vehicle, from a time until another.

    `came` are the spans of time in which they may have come: soon after, or with what came late.
    """

    vin: bytes
    begin: datetime
    end: datetime
    came: tuple[tuple[datetime, datetime], ...]

    def may_be_in(self, begun: datetime, ended: datetime) -> bool:
        """Whether what came between these times may hold such frames."""
        return any(begun <= until and since <= ended for since, until in self.came)


class Binder:
    """
    Ties telemetry to one registry.

    `organisation` reports for vehicles that are connected by themselves; without one, their alarms wait.
    """

    def __init__(self, registry: Registry, folder: Folder, organisation: str | None = None) -> None:
        self._registry, self._folder, self._organisation = registry, folder, organisation

    def see(self, tables: Mapping[str, pa.Table]) -> None:
        """Keep what the logins and the alarms of a segment say; the same again makes no difference."""
        if "logins" in tables:
            self._registry.vehicle_packs.take(_logins(tables["logins"]))
        if "reports" in tables:
            self._registry.vehicle_alarms.take(_alarms(tables["reports"]))

    def report_alarms(self, now: datetime) -> int:
        """
        Report alarms that are over, or go on for long; return how many are on record now that were not.

        Where something hinders it, the alarm says what. Raises RegistryClosed, RegistryError: then nothing
        was decided, and all is to be tried again.
        """
        alarms = self._registry.vehicle_alarms
        due = alarms.due(now)
        while due and self._registry.vehicle_packs.follow():
            pass
        self._keep_frames([one for one in due if (one.digest, one.tried_at, one.lines) == (None, None, None)])
        done = 0
        for alarm in alarms.due(now) if due else ():
            found = self._report(alarm)
            if isinstance(found, Refusal):
                alarms.refuse(alarm, found, now)
            elif found is not None:
                alarms.settle(found)
                done += 1
        return done

    def _keep_frames(self, due: Sequence[Alarm]) -> None:
        """Write the frames around alarms into files, synced before anything says that they are there."""
        windows = [_window(alarm) for alarm in due]
        for alarm, frames in zip(due, cut(self._folder, windows), strict=True):
            if frames:
                digest = hashlib.sha256(frames).hexdigest()
                replace(trace_path(self._folder, digest), frames, 0o600)
                self._registry.vehicle_alarms.keep_frames(alarm, digest)

    def _report(self, alarm: Alarm) -> Alarm | Refusal | None:
        """Return an alarm with its entry, what hinders it, or None where it has grown meanwhile."""
        prepared = alarm if alarm.lines is not None else self._prepare(alarm)
        if not isinstance(prepared, Alarm):
            return prepared
        organisation, lines = prepared.organisation or "", (prepared.lines or "").encode().splitlines()
        index = self._registry.index_of_line(organisation, lines[0])  # its organisation may have sent it
        if index is None:
            try:
                receipt = msgspec.json.decode(self._registry.report_lines(organisation, lines, "all"))
            except RegistryError:
                raise
            except VoltrailError as error:
                return _hindered(error, organisation)
            index = receipt["first_index"] if receipt["accepted"] else receipt["known"][0]["index"]
        return msgspec.structs.replace(prepared, index=index)

    def _prepare(self, alarm: Alarm) -> Alarm | Refusal | None:
        """Return an alarm with the lines that report it, which are kept; or as `_report` does."""
        codes, verdict = self._registry.vehicle_packs.bound(alarm.vin, alarm.began_at)
        if verdict == "none":
            return Refusal(
                "alarm.no_battery",
                f"Neither {alarm.vin} nor the record says which battery was in it.",
                "Have its maker report `installed`; the alarm is then reported of that battery.",
            )
        if verdict == "ambiguous":
            return Refusal(
                "alarm.ambiguous",
                f"{alarm.vin} says by turns that it has {', '.join(codes[:4])}, and the record says of none "
                "that it was in it then.",
                "Report the swaps (`swapped`); the alarm is then reported of the battery that was in it.",
            )
        if verdict in DISCREPANCIES:
            return Refusal(
                "alarm.discrepancy",
                f"{alarm.vin} says that it has {', '.join(codes[:4])}, which does not agree with the record.",
                "Mend the discrepancy first; `voltrail gateway vehicles --discrepancies` says what it is.",
            )
        organisation = self._reporter(alarm)
        if organisation is None:
            return Refusal(
                "alarm.no_reporter",
                f"Nobody reports for {alarm.vin}, which is connected by itself, or its platform is unknown.",
                "Name the organisation that does when the gateway is started.",
            )
        lines = _joined_lines(alarm, codes)
        if not self._registry.vehicle_alarms.prepare(alarm, organisation, codes, lines):
            return None
        return msgspec.structs.replace(alarm, organisation=organisation, codes=codes, lines=lines)

    def _reporter(self, alarm: Alarm) -> str | None:
        if alarm.source == 0:
            return self._organisation
        return self._registry.vehicle_alarms.reporter(alarm.source)


def trace_path(folder: Folder, digest: str) -> Path:
    """Return where the frames with a digest are kept, a SHA-256 in hex."""
    return folder.alarms / f"{digest}{SUFFIX}"


def believed(at: datetime, received: datetime) -> datetime:
    """
    Return when something was so: by the vehicle's clock, unless that cannot be.

    A clock that runs ahead, or is further behind than anything is sent again, is wrong: then it was when it
    came.
    """
    return at if received - LATEST <= at <= received else received


def cut(folder: Folder, windows: Sequence[Window]) -> list[bytes]:
    """
    Return for each window its frames, whole, in the order of their times; as they came where that is equal.

    They are looked for in the segments of the time in which they may have come, open, closed or archived.
    """
    found: list[list[tuple[datetime, bytes]]] = [[] for _ in windows]
    for record, wanted in _records(folder, windows):
        received = _time(record.received_ms)
        for number in wanted:
            if windows[number].vin in record.frames:
                found[number] += _within(record.frames, windows[number], received)
    return [_sorted(frames) for frames in found]


def _sorted(frames: list[tuple[datetime, bytes]]) -> bytes:
    data = bytearray()
    for _, frame in sorted(frames, key=lambda one: one[0]):
        if len(data) + len(frame) > MAX_TRACE_BYTES:
            break
        data += frame
    return bytes(data)


def _within(frames: bytes, window: Window, received: datetime) -> Iterator[tuple[datetime, bytes]]:
    """Yield the frames of a vehicle in a window, with their times; a record's frames stand whole."""
    at = 0
    while at < len(frames):
        stop = at + FRAME_BYTES + int.from_bytes(frames[at + 22 : at + 24], "big")
        if frames[at + 4 : at + 21].rstrip(b"\0 ") == window.vin:
            time = read_frame(frames[at:stop]).time
            if time is not None and window.begin <= believed(time, received) <= window.end:
                yield believed(time, received), frames[at:stop]
        at = stop


def _records(folder: Folder, windows: Sequence[Window]) -> Iterator[tuple[segments.Record, list[int]]]:
    """Yield the records of segments, by their names, with the windows whose frames may be in them."""
    done = folder.segments / DONE
    names = (
        {path.name for path in chain(folder.segments.glob("*.seg"), done.glob("*.seg"))} if windows else ()
    )
    for name in sorted(names):
        for path in (folder.segments / name, done / name):  # it may be put away meanwhile
            try:
                begun, ended = _time(int(name.partition("-")[0])), _time(int(path.stat().st_mtime * 1000))
                wanted = [n for n, window in enumerate(windows) if window.may_be_in(begun, ended)]
                for record in segments.read(path) if wanted else ():
                    yield record, wanted
            except FileNotFoundError:
                continue
            except (FrameError, ValueError):
                pass  # no segment of ours: the archiver says so
            break


def _window(alarm: Alarm) -> Window:
    begin, end = alarm.began_at - AROUND, min(alarm.ended_at, alarm.began_at + LONGEST) + AROUND
    late = alarm.received_from - GAP, alarm.received_until + GAP
    return Window(alarm.vin.encode("gb18030", "replace"), begin, end, ((begin, end + GAP), late))


def _joined_lines(alarm: Alarm, codes: Sequence[str]) -> str:
    """Return the lines that report an alarm, one for each battery: always the same bytes."""
    return "\n".join(msgspec.json.encode(_line(alarm, code)).decode() for code in codes)


def _line(alarm: Alarm, code: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": "incident_reported",
        "occurred_at": alarm.began_at.astimezone(UTC).isoformat(),
        "code": code,
        "incident": alarm.incident,
        "alarm_level": alarm.level,
    }
    if alarm.names:
        told["alarms"] = alarm.names
    if alarm.digest is not None:
        told["trace_digest"] = alarm.digest
    return told


def _hindered(error: VoltrailError, organisation: str) -> Refusal:
    """Return why an organisation's lines were not taken, with what to do."""
    if error.rule == "report.host_may_not":
        return Refusal(
            "alarm.own_key",
            f"{organisation} has a key of its own: it must sign the lines itself.",
            "Give it the lines that `voltrail gateway alarms --json` shows; it reports them as they are.",
        )
    return error.as_refusal()


def _logins(table: pa.Table) -> Iterator[Login]:
    columns = (table.column(name).to_pylist() for name in ("vin", "at", "received_ms", "source", "codes"))
    for vin, at, received_ms, source, codes in zip(*columns, strict=True):
        if codes:
            yield Login(vin, believed(at, _time(received_ms)), source, codes)


def _alarms(table: pa.Table) -> Iterator[AlarmRow]:
    names = ("vin", "at", "received_ms", "source", "edition", "alarm_level", "alarm_flags")
    wanted = table.select(names).filter(pc.greater_equal(table.column("alarm_level"), LEAST_LEVEL))
    columns = (wanted.column(name).to_pylist() for name in names)
    for vin, at, received_ms, source, edition, level, flags in zip(*columns, strict=True):
        received = _time(received_ms)
        yield AlarmRow(vin, believed(at, received), level, flags or 0, edition, source, received)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
