"""
What a station records while it has no line: reports signed at once, each a small file, sent in their order.

The folder is one that `watched` sends, takes and refuses from. Nothing is lost by a stop at any moment: a
report is there, whole and synced, before anybody is told so, and what was sent without an answer is sent
again, which gives the same receipt.
"""

from __future__ import annotations

import csv
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from voltrail.client.client import sign
from voltrail.connections.sources import SIGNED, read_signed
from voltrail.connections.watched import REFUSED, SENDING
from voltrail.errors import NoteError, UsageError, VoltrailError
from voltrail.events import decode
from voltrail.ledger.keys import Signer, check_name
from voltrail.ledger.reports import ReportFile
from voltrail.registry.files import replace, sync, write_private

_STATE: Final = ".voltrail.queue.json"
_LOCK: Final = ".voltrail.queue.lock"
_REASONS: Final = ".reasons.csv"
_WHOLE: Final = ".reasons.txt"


class Queued(msgspec.Struct, frozen=True):
    """A report of the queue: its file, and its lines; none where the file does not read."""

    file: str
    lines: tuple[str, ...]


class NotTaken(msgspec.Struct, frozen=True):
    """What was not taken: the report, which of its lines (0 for all of it), why, and what to do."""

    file: str
    line: int
    rule: str
    message: str
    fix: str


class _State(msgspec.Struct, frozen=True):
    """For which log the queue is, the number of its last report, and that report's time."""

    log: str
    number: int = 0
    at_ns: int = 0


class Queue:
    """
    The queue in a folder, which is made where there is none. Processes may share it.

    `log` is the origin of the log that the reports are for; it is kept, and need be said but once. Raises
    UsageError for another one, for none, and where the folder cannot be written to.
    """

    def __init__(self, folder: Path, log: str | None = None) -> None:
        self._folder = folder
        if log is not None:
            _check_log(log)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                state = self._state()
                if state is None and log is not None:
                    state = _State(log)
                    self._write(state)
        except OSError as error:
            raise _not_written(folder, error) from error
        if state is None:
            raise UsageError(
                "queue.log",
                f"It is not said for which log the reports of {folder} are.",
                "Name it once, --log ORIGIN: it stands at the head of policy.txt and on the page /log.",
            )
        if log not in {None, state.log}:
            raise UsageError(
                "queue.other_log",
                f"The reports of {folder} are for {state.log}, not for {log}.",
                "Keep a queue for each log.",
            )
        self.log = state.log

    def record(self, key: Signer, line: bytes) -> Path:
        """
        Sign one event and keep it until it is sent; return its file once it would outlive a power cut.

        Raises EventError and LineError for a line that no log takes, UsageError where it cannot be written:
        then it is not recorded.
        """
        decode(line)
        content = sign(self.log, key, [line])
        try:
            with self._locked():
                return self._add(content)
        except OSError as error:
            raise _not_written(self._folder, error) from error

    def waiting(self) -> list[Queued]:
        """Return the reports that are not answered yet, in the order in which they go."""
        under_way = (self._folder / SENDING).glob(f"*/*{SIGNED}")
        files = [*sorted(under_way), *sorted(self._folder.glob(f"*{SIGNED}"), key=_order)]
        return [Queued(file.name, tuple(_lines(file))) for file in files if not file.name.startswith(".")]

    def refused(self) -> list[NotTaken]:
        """Return what was not taken and still stands in refused/, in the order of the reports."""
        found: list[NotTaken] = []
        for file in sorted((self._folder / REFUSED).glob(f"*{SIGNED}*.reasons.*")):
            name = file.name.partition(SIGNED)[0] + SIGNED
            if file.name.endswith(_REASONS):
                with file.open(encoding="utf-8-sig", newline="") as rows:
                    found += [
                        NotTaken(name, int(row["row"]), row["rule"], row["message"], row["fix"])
                        for row in csv.DictReader(rows)
                    ]
            elif file.name.endswith(_WHOLE):
                said = [part for part in file.read_text().split("\n\n") if part.strip()]
                found.append(NotTaken(name, 0, said[-1].strip(), "\n".join(said[1:-1]), ""))
        return found

    def _add(self, content: bytes) -> Path:
        """
        Write a report under the next number, later than all before.

        Stopped before the rename, the number is never used; `watched` goes by times, which a clock that was
        set back must not turn round.
        """
        state = self._state() or _State(self.log)
        now = max(time.time_ns(), state.at_ns + 1_000_000)
        self._write(_State(state.log, state.number + 1, now))
        file = self._folder / f"{state.number + 1:08}{SIGNED}"
        hidden = file.with_name(f".{file.name}")
        write_private(hidden, content)
        os.utime(hidden, ns=(now, now))
        sync(hidden)
        hidden.rename(file)
        sync(self._folder)
        return file

    def _state(self) -> _State | None:
        try:
            return msgspec.json.decode((self._folder / _STATE).read_bytes(), type=_State)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise UsageError(
                "queue.state",
                f"{self._folder / _STATE} does not read: {error}.",
                "Send what waits, and begin a new queue.",
            ) from error

    def _write(self, state: _State) -> None:
        replace(self._folder / _STATE, msgspec.json.encode(state), 0o600)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _order(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name


def _lines(file: Path) -> list[str]:
    try:
        return [line.decode(errors="replace") for line in ReportFile.parse(read_signed(file)).lines]
    except (VoltrailError, OSError):
        return []


def _check_log(log: str) -> None:
    try:
        check_name(log)
    except NoteError:
        raise UsageError(
            "queue.log",
            f"{log[:40]!r} is the name of no log.",
            "Take that at the head of policy.txt, or on the page /log.",
        ) from None


def _not_written(folder: Path, error: Any) -> UsageError:
    return UsageError(
        "queue.folder",
        f"Nothing was recorded: {folder} cannot be written to: {error}.",
        "Make room, or let this account write there, and record it again.",
    )
