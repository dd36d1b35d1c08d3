"""
Group commit: the frames of all connections of a process go to the disk together, then all are answered.

Frames are collected for as long as the last sync takes, at least `GATHER_S`; a thread appends and syncs them.
When the disk is full or fails nobody is answered: what was collected is kept in memory, a new segment is
begun each second until it takes it, and whoever sends is not read meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

from voltrail.gateway.segments import Record, Writer

GATHER_S: Final = 0.01
TRY_AGAIN_S: Final = 1.0
ROTATE_BYTES: Final = 64 << 20
ROTATE_S: Final = 60.0
MOST_WAITING_BYTES: Final = 16 << 20  # unsynced; beyond it nobody is read

_log = logging.getLogger(__name__)


class Answered(Protocol):
    """Who is told once what it sent is durable."""

    def answer(self, data: bytes, since: float) -> None:
        """Send answers; `since` is the loop's time at which the last byte had come."""


class Keeper:
    """Keeps frames in segments of `folder`; for one event loop. `process` names its segments."""

    def __init__(self, folder: Path, process: int, loop: asyncio.AbstractEventLoop) -> None:
        self._folder, self._process, self._loop = folder, process, loop
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._writer: Writer | None = None
        self._begun = 0.0
        self._frames: dict[int, list[bytes]] = {}
        self._answers: list[tuple[Answered, bytes, float]] = []
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self.waiting_bytes = 0
        self.frames = 0
        self.bytes = 0
        self.failing = False
        self.on_room: Callable[[], None] = lambda: None  # called when what was waiting has become durable
        self._drained: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether nothing more may be read for now."""
        return self.failing or self.waiting_bytes > MOST_WAITING_BYTES

    def keep(
        self, source: int, kept: list[bytes], frames: int, whom: Answered, answers: bytes, since: float
    ) -> None:
        """Have frames of a source kept, and then give answers."""
        if kept:
            held = self._frames.setdefault(source, [])
            held += kept
            self.waiting_bytes += sum(map(len, kept))
            self.frames += frames
        if answers:
            self._answers.append((whom, answers, since))
        if not self._busy:
            self._busy = True
            self._loop.call_later(GATHER_S, self._commit)

    def _commit(self) -> None:
        records = [Record(time.time_ns() // 1_000_000, *of) for of in self._joined()]
        answers, size = self._answers, self.waiting_bytes
        self._frames, self._answers = {}, []
        self._task = self._loop.create_task(self._make_durable(records, answers, size))
        self._task.add_done_callback(_must_go_on)

    def _joined(self) -> list[tuple[int, bytes]]:
        return [(source, b"".join(frames)) for source, frames in self._frames.items()]

    async def _make_durable(
        self, records: list[Record], answers: list[tuple[Answered, bytes, float]], size: int
    ) -> None:
        begun = self._loop.time()
        while records:
            try:
                await self._loop.run_in_executor(self._thread, self._append, records)
                break
            except OSError as error:
                if not self.failing:
                    _log.error("Nothing can be kept, and nobody is answered: %s. Trying again.", error)
                self.failing = True
                if self._ending:
                    break
                await asyncio.sleep(TRY_AGAIN_S)
        else:
            size = 0
        if self.failing and self._ending:
            answers = []
        elif self.failing:
            _log.error("Frames are kept again.")
            self.failing = False
        self.waiting_bytes -= size
        self.bytes += size
        for whom, data, since in answers:
            whom.answer(data, since)
        self.on_room()
        if self._frames or self._answers:
            wait = max(0.0, GATHER_S - (self._loop.time() - begun))
            self._loop.call_later(wait, self._commit)
            return
        self._busy = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _append(self, records: list[Record]) -> None:
        """Append records and sync them; begin another segment where this one is full, old, or failed."""
        writer = self._writer
        if writer is not None and (writer.size >= ROTATE_BYTES or time.monotonic() - self._begun >= ROTATE_S):
            self._leave()
            writer = None
        if writer is None:
            writer = self._writer = Writer(self._folder, self._process)
            self._begun = time.monotonic()
        try:
            writer.append(records)
        except OSError:
            self._leave()
            raise

    def _leave(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    async def rotate(self) -> None:
        """End a segment that is old though nothing more comes, so that it is archived."""
        if self._writer is not None and time.monotonic() - self._begun >= ROTATE_S:
            await self._loop.run_in_executor(self._thread, self._leave_old)

    def _leave_old(self) -> None:
        if time.monotonic() - self._begun >= ROTATE_S:
            self._leave()

    async def end(self) -> None:
        """Make durable what waits, answer, and end the segment."""
        self._ending = True
        if self._busy:
            self._drained = self._loop.create_future()
            await self._drained
        await self._loop.run_in_executor(self._thread, self._leave)
        self._thread.shutdown()


def _must_go_on(task: asyncio.Task[None]) -> None:
    """End the process where keeping fails by a defect of ours: another begins, and all is sent again."""
    if not task.cancelled() and task.exception() is not None:
        _log.critical("Frames cannot be kept; the process ends.", exc_info=task.exception())
        os._exit(1)
