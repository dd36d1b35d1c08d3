"""A convoy on the wire: a connection for each vehicle, or one of a platform that passes on what all send."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from voltrail.demo.convoy import Convoy, Held
from voltrail.demo.frames import HEARTBEAT, LOGIN, LOGOUT, PLATFORM_LOGIN
from voltrail.telematics.gbt32960.layout import Edition, layout
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame

PLATFORM_LOGOUT: Final = 6
HEARTBEAT_S: Final = 30
_SLICES: Final = 20  # of a period, so that vehicles do not all send at once
_TOGETHER: Final = 100  # connections that are begun at once
_SUCCESS: Final = 1
_COME_AGAIN_S: Final = 5
_LATENCIES: Final = 100_000


class Tally(msgspec.Struct):
    """
    What was sent, and what came back.

    `answers` counts by command and answer, as `report: success`. `closed` are connections that the other side
    ended; `held_back` reports that were not sent since the other side did not read.
    """

    vehicles: int = 0
    connected: int = 0
    logged_in: int = 0
    frames: int = 0
    bytes: int = 0
    closed: int = 0
    unreachable: int = 0
    held_back: int = 0
    answers: Counter[str] = msgspec.field(default_factory=Counter)
    took_s: deque[float] = msgspec.field(default_factory=lambda: deque(maxlen=_LATENCIES))

    def summary(self) -> dict[str, Any]:
        """Return the counts, and how long answers took: median and 99th percentile."""
        told = sorted(self.took_s)
        counts = {
            name: getattr(self, name)
            for name in ("vehicles", "connected", "logged_in", "frames", "bytes", "closed", "unreachable")
        }
        return {
            **counts,
            "held_back": self.held_back,
            "answers": dict(sorted(self.answers.items())),
            "answer_ms": {
                name: round(1_000 * told[min(int(share * len(told)), len(told) - 1)], 2)
                for name, share in (("median", 0.5), ("p99", 0.99))
                if told
            },
        }


class _Link(asyncio.Protocol):
    """One connection: counts what it sends and is answered. Not in use while `transport` is None."""

    def __init__(self, tally: Tally, answered: Callable[[int, int, bytes], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.paused = self.leaving = False
        self._tally, self._answered = tally, answered
        self._rest = b""
        self._asked: dict[tuple[int, bytes], float] = {}  # when, by the command and the VIN

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._tally.connected += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        self._tally.closed += not self.leaving
        self._tally.connected -= 1
        self.transport = None

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def send(self, frames: Sequence[bytes], *, asking: bool = False) -> None:
        """Send frames together; `asking` says that each will be answered."""
        if self.transport is None or not frames:
            return
        data = b"".join(frames)
        self.transport.write(data)
        self._tally.frames += len(frames)
        self._tally.bytes += len(data)
        if asking:
            now = time.monotonic()
            self._asked.update({(frame[2], frame[4:21]): now for frame in frames})

    def trickle(self, data: bytes) -> None:
        """Send what is no frame yet."""
        if self.transport is not None:
            self.transport.write(data)
            self._tally.bytes += len(data)

    def data_received(self, data: bytes) -> None:
        held = self._rest + data
        found = split(held, final=False)
        self._rest = held[found.rest :]
        now = time.monotonic()
        if found.refused:
            self._tally.answers["no frame"] += len(found.refused)
        for start, stop in found.frames:
            command, ack, vin = held[start + 2], held[start + 3], held[start + 4 : start + 21]
            if (asked := self._asked.pop((command, vin), None)) is not None:
                self._tally.took_s.append(now - asked)
            self._tally.answers[_words(held[start:stop])] += 1
            self._answered(command, ack, vin)


def _words(answer: bytes) -> str:
    rules = layout(2016 if answer[:2] == b"##" else 2025)
    body = rules.commands.get(answer[2])
    return f"{body.name if body else answer[2]}: {rules.acks.get(answer[3], answer[3])}"


class Sender:
    """
    Sends what a convoy says, until it is told to stop.

    With a `platform`, its name and password, all goes over one connection and each report is answered. A
    connection that ends is begun again after some seconds, like that of a terminal.
    """

    def __init__(
        self,
        convoy: Convoy,
        host: str,
        port: int,
        *,
        period_s: float,
        platform: tuple[str, str] | None = None,
    ) -> None:
        self.tally = Tally(vehicles=len(convoy.members))
        self._convoy, self._host, self._port, self._period_s = convoy, host, port, period_s
        self._platform = platform
        self._stop = asyncio.Event()
        self._ready: set[int] = set()
        self._held: dict[int, Held] = {row: Held() for row in convoy.faults}
        self._slow: dict[int, bytes] = {}
        self._rows = {
            member.vehicle.vin.encode().ljust(17, b"\0"): row for row, member in enumerate(convoy.members)
        }
        self._links: list[_Link] = [
            _Link(self.tally, self._answered) for _ in range(1 if platform else len(convoy.members))
        ]
        self._again_at = [0.0] * len(self._links)
        self._beat_at = time.monotonic() + HEARTBEAT_S
        self._logins = 0

    def stop(self) -> None:
        """End at the next chance, with a logout."""
        self._stop.set()

    async def run(self, seconds: float | None) -> None:
        """Send for some seconds, or until `stop`."""
        begun, number = time.monotonic(), 0
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self.stop)
        try:
            while not self._stop.is_set():
                await self._connect()
                reports = self._convoy.reports(number * self._period_s, time.time())
                for part in range(_SLICES):
                    self._send(range(part, len(reports), _SLICES), reports, number)
                    due = begun + (number + (part + 1) / _SLICES) * self._period_s
                    if await self._waited(due - time.monotonic()):
                        break
                number += 1
                begun = max(begun, time.monotonic() - (number + 1) * self._period_s)  # do not catch up
        finally:
            self._leave()
            await asyncio.sleep(0.2)  # until what was said last has gone out and is answered

    async def _waited(self, seconds: float) -> bool:
        """Wait, and return whether it is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), max(seconds, 0))
        return self._stop.is_set()

    # ------------------------------------------------------------ beginnings

    async def _connect(self) -> None:
        """Begin the connections that are not there, some at a time."""
        now = time.monotonic()
        wanted = [
            n for n, link in enumerate(self._links) if link.transport is None and self._again_at[n] <= now
        ]
        for at in range(0, len(wanted), _TOGETHER):
            if self._stop.is_set():
                return
            await asyncio.gather(*(self._begin(number) for number in wanted[at : at + _TOGETHER]))

    async def _begin(self, number: int) -> None:
        self._again_at[number] = time.monotonic() + _COME_AGAIN_S
        link = self._links[number] = _Link(self.tally, self._answered)
        try:
            await asyncio.get_running_loop().create_connection(lambda: link, self._host, self._port)
        except OSError:
            self.tally.unreachable += 1
            return
        if self._platform is None:
            self._ready.discard(number)
            link.send([self._convoy.login(number, time.time())], asking=True)
        else:
            self._ready.clear()
            link.send([self._platform_login(*self._platform)], asking=True)

    def _platform_login(self, name: str, password: str) -> bytes:
        self._logins += 1
        about = {
            "time": datetime.now(UTC),
            "login_seq": self._logins,
            "username": name,
            "password": password,
            "encryption_rule": 1,
        }
        return make_frame(self._edition, PLATFORM_LOGIN, name, about)

    @property
    def _edition(self) -> Edition:
        """The edition in which a platform speaks of itself: that of its first vehicle."""
        return self._convoy.members[0].edition

    def _answered(self, command: int, ack: int, vin: bytes) -> None:
        """Let a vehicle report once its login was taken, and a platform tell of its vehicles."""
        if ack != _SUCCESS:
            return
        if command == LOGIN and (row := self._rows.get(vin)) is not None:
            self._ready.add(row)
            self.tally.logged_in = len(self._ready)
        elif command == PLATFORM_LOGIN:
            now = time.time()
            logins = [self._convoy.login(row, now) for row in range(len(self._convoy.members))]
            self._links[0].send(logins, asking=True)

    # --------------------------------------------------------------- reports

    def _send(self, rows: Sequence[int], reports: Sequence[bytes], number: int) -> None:
        """Send the reports of some vehicles, and heartbeats when it is time."""
        together: list[bytes] = []
        for row in rows:
            link = self._links[0 if self._platform else row]
            if row not in self._ready or link.transport is None:
                continue
            if link.paused:
                self.tally.held_back += 1
                continue
            fault = self._convoy.faults.get(row)
            if fault == "slow" and not self._platform:
                self._trickle(link, row, reports[row])
                continue
            sent = [reports[row]] if fault is None else self._held[row].sent(fault, reports[row], number)
            if self._platform:
                together += sent
            else:
                link.send(sent)
        if together:
            self._links[0].send(together, asking=True)
        self._beat()

    def _trickle(self, link: _Link, row: int, report: bytes) -> None:
        """Send one byte more of a report that never ends."""
        left = self._slow.get(row) or report
        link.trickle(left[:1])
        self._slow[row] = left[1:]

    def _beat(self) -> None:
        if time.monotonic() < self._beat_at:
            return
        self._beat_at = time.monotonic() + HEARTBEAT_S
        for number, link in enumerate(self._links):
            if link.transport is not None:
                link.send([self._said_alone(number, HEARTBEAT)], asking=True)

    def _said_alone(self, number: int, command: int, about: dict[str, Any] | None = None) -> bytes:
        """Return a frame of a connection's own: of its vehicle, or of its platform."""
        if self._platform is not None:
            return make_frame(self._edition, command, self._platform[0], about)
        vehicle, edition, _ = self._convoy.members[number]
        return make_frame(edition, command, vehicle.vin, about)

    def _leave(self) -> None:
        command = PLATFORM_LOGOUT if self._platform else LOGOUT
        about = {"time": datetime.now(UTC), "logout_seq": 1}
        for number, link in enumerate(self._links):
            if link.transport is not None:
                if self._platform or number in self._ready:
                    link.send([self._said_alone(number, command, about)], asking=True)
                link.leaving = True
                asyncio.get_running_loop().call_later(0.15, link.transport.close)
