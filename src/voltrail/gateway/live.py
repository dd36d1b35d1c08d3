"""What each process of the gateway says of itself, every second: a small file for each, for whoever looks."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from voltrail.gateway.folder import Folder

FRESH_FOR: Final = timedelta(seconds=10)
KEPT: Final = 300  # seconds of which a process says how many frames came in each


class Said(msgspec.Struct, frozen=True):
    """
    Counts since a process began, and what is so now.

    `rates` are the frames kept in each of the last seconds, the newest last. `refused` counts what was not
    taken, by rule; `answer_ms` are median and 99th percentile of the last minute, from the last byte of a
    frame to its answer.
    """

    process: int
    began_at: datetime
    at: datetime
    connections: int
    vehicles: int
    platforms: int
    frames: int
    bytes: int
    answers: int
    waiting_bytes: int
    rates: tuple[int, ...] = ()
    answer_ms: tuple[float, float] | None = None
    refused: dict[str, int] = {}
    editions: dict[str, int] = {}
    commands: dict[str, int] = {}


def tell(folder: Folder, said: Said) -> None:
    """Say it; nothing is synced, since it is of worth for a second only."""
    path = _path(folder, said.process)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(said))
    new.replace(path)


def leave(folder: Folder, process: int) -> None:
    """Say no more: the process ends."""
    _path(folder, process).unlink(missing_ok=True)


def clear(folder: Folder) -> None:
    """Forget what processes of an earlier gateway said: none of them runs any more."""
    for path in folder.live.glob("*.json"):
        path.unlink(missing_ok=True)


def told(folder: Folder, now: datetime) -> tuple[list[Said], list[Said]]:
    """Return what running processes say, and the last words of those that have fallen silent."""
    running: list[Said] = []
    silent: list[Said] = []
    for path in sorted(folder.live.glob("*.json")):
        with suppress(FileNotFoundError, msgspec.DecodeError):
            said = msgspec.json.decode(path.read_bytes(), type=Said)
            (running if now - said.at <= FRESH_FOR else silent).append(said)
    return running, silent


def _path(folder: Folder, process: int) -> Path:
    return folder.live / f"{process}.json"
