"""
A folder of a production line: files that come into it are reported, each once.

A file is taken when it no longer changes, by a rename into `sending/`, where it has a folder of its own with all
that is known of it: what was signed, the receipts, and in the end `done.json`, which says where everything goes.
Each step leaves behind it what the next needs, so a process that is killed is followed by one that goes on.
Lines are signed so that the same lines are the same report: what was sent, and its receipt lost, is answered again.
Files are taken in the order of their times; while one waits, those behind it wait.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec

from voltrail.connections.sending import Folder, Target, deliver, deliver_whole, is_for_the_lines, send_signed
from voltrail.connections.sources import (
    READ,
    SIGNED,
    Asked,
    Reason,
    Reasons,
    Source,
    open_source,
    read_signed,
)
from voltrail.errors import UsageError, VoltrailError
from voltrail.registry.files import replace, sync

LOOK_S: Final = 1.0
STEADY_S: Final = 2.0  # for so long a file does not change before it is taken
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
MAX_FILES: Final = 100_000  # looked at in the folder at once
LONGEST_NAME_BYTES: Final = 180  # so that endings can be added

SENDING, TAKEN, REFUSED = "sending", "taken", "refused"
_OWN: Final = ".voltrail"  # within a file's folder in sending/
_DONE: Final = "done.json"
_LOCK: Final = ".voltrail.lock"
_UNFINISHED: Final = (".part", ".tmp", ".crdownload", ".partial")

State = Literal["taken", "partly", "refused", "waiting", "left"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a file: what became of it, or why it waits or is left where it is."""

    at: str
    file: str
    state: State
    rows: int = 0
    taken: int = 0
    known: int = 0
    found: int = 0
    refused: int = 0
    to: str = ""
    rule: str = ""
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def __str__(self) -> str:
        """Return it as a line of a log."""
        counts = f"{self.taken:,} taken, {self.known:,} known before, {self.refused:,} refused"
        said = self.message if self.state in {"waiting", "left"} else f"{counts}. {self.message}".strip()
        return f"{self.at}  {self.state:<8} {self.file}  {said}"


class _Move(msgspec.Struct, frozen=True):
    """A file on its way out of sending/: from where, into which folder, and under which name if it is free."""

    source: str
    folder: str
    name: str


class _Done(msgspec.Struct, frozen=True):
    """What became of a file, noted before anything is moved."""

    told: Told
    moves: list[_Move]


class _Waits(Exception):
    """A file has to wait; why is in `error`."""

    def __init__(self, error: VoltrailError | OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Watch:
    """
    Watches a folder while it is open; a second one on the same folder is refused (UsageError).

    `tell` is called with one `Told` for each file, and again when one has to wait.
    """

    def __init__(
        self, folder: Path, target: Target, asked: Asked, mode: str, tell: Callable[[Told], None]
    ) -> None:
        self._folder, self._target, self._asked, self._mode = folder, target, asked, mode
        self._tell = tell
        self._sending = folder / SENDING
        self._seen: dict[str, tuple[tuple[int, int, int], float]] = {}  # name: what it was, since when
        self._unfinished: set[int] = set()  # inodes of files that were written under another name
        self._left: set[tuple[str, int]] = set()  # told of once
        self._stop = threading.Event()
        self._lock = self._take_lock()
        try:
            for name in (SENDING, TAKEN, REFUSED):
                (folder / name).mkdir(exist_ok=True)
        except OSError as error:
            os.close(self._lock)
            raise UsageError(
                "watch.folder", f"{folder} cannot be written to: {error}.", "Give this account the right to."
            ) from error

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(
                "watch.folder", f"{self._folder} cannot be written to: {error}.", "Give this account the right to."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise UsageError(
                "watch.locked",
                f"{self._folder} is watched already, by another process.",
                "Let that one go on, or end it first.",
            ) from None
        return lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)  # which lets go of it; so does the end of the process, however it comes

    def stop(self) -> None:
        """End `run` after the file that is under way."""
        self._stop.set()

    def run(self) -> None:
        """Report what is there and what comes, until `stop`."""
        failures = 0
        while not self._stop.is_set():
            try:
                self.step()
                failures = 0
                self._stop.wait(LOOK_S)
            except _Waits:
                most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 10))
                failures += 1
                self._stop.wait(random.uniform(most / 2, most))  # noqa: S311 - spreads load

    def run_once(self) -> bool:
        """Report what is there; return whether all of it was taken, and nothing waits or was refused."""
        ends: list[Told] = []
        tell, self._tell = self._tell, lambda told: (ends.append(told), self._tell_to(tell, told))[1]
        try:
            self.step()
            time.sleep(STEADY_S + 0.1)
            self.step()
        except _Waits:
            pass
        finally:
            self._tell = tell
        return all(told.state == "taken" for told in ends)

    @staticmethod
    def _tell_to(tell: Callable[[Told], None], told: Told) -> None:
        tell(told)

    def step(self) -> None:
        """Report what was begun before, and then each file that no longer changes. Raises _Waits."""
        for claim in self._claims():
            self._go_on(claim)
        for name in self._ready():
            claim = self._claim(name)
            if claim is not None:
                self._go_on(claim)
            if self._stop.is_set():
                return

    # ---------------------------------------------------------------- taking

    def _ready(self) -> list[str]:
        """Return the files that no longer change, in the order of their times."""
        now, ready, seen, unfinished = time.monotonic(), [], {}, set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "~$")) or entry.name in {SENDING, TAKEN, REFUSED}:
                    continue
                with suppress(FileNotFoundError):
                    about = entry.stat(follow_symlinks=False)
                    if entry.name.lower().endswith(_UNFINISHED):
                        unfinished.add(about.st_ino)
                        continue
                    if not self._is_ours(entry.name, about):
                        continue
                    what = (about.st_ino, about.st_size, about.st_mtime_ns)
                    before, since = self._seen.get(entry.name, (None, now))
                    seen[entry.name] = (what, since if what == before else now)
                    renamed = about.st_ino in self._unfinished
                    if renamed or now - seen[entry.name][1] >= STEADY_S:
                        ready.append((about.st_mtime_ns, entry.name))
                if len(seen) >= MAX_FILES:
                    break
        self._seen, self._unfinished = seen, unfinished | (self._unfinished & {w[0][0] for w in seen.values()})
        return [name for _, name in sorted(ready)]

    def _is_ours(self, name: str, about: os.stat_result) -> bool:
        """Return whether this is a file to be reported; what is not is left alone, and told of once."""
        if stat.S_ISREG(about.st_mode):
            if Path(name).suffix.lower() in READ:
                return True
            why = f"Only {', '.join(READ)} are read here."
        elif stat.S_ISLNK(about.st_mode):
            why = "It is a link: only files that are here themselves are taken."
        elif stat.S_ISDIR(about.st_mode):
            why = "It is a folder: files are taken from this one alone."
        else:
            why = "It is no file."
        if (name, about.st_ino) not in self._left and len(self._left) < MAX_FILES:
            self._left.add((name, about.st_ino))
            self._tell(_told(name, "left", message=why))
        return False

    def _claim(self, name: str) -> Path | None:
        """Take a file by renaming it into a folder of its own in sending/; None where it has gone."""
        numbers = [int(one.name) for one in self._claims()]
        claim = self._sending / f"{max(numbers, default=0) + 1:08}"
        try:
            claim.mkdir(mode=0o700)
            (self._folder / name).rename(claim / name)
        except FileNotFoundError:
            claim.rmdir()
            return None
        except OSError as error:
            self._wait(name, error)
        sync(claim)
        sync(self._sending)
        self._seen.pop(name, None)
        return claim

    def _claims(self) -> list[Path]:
        """Return the folders of the files that are under way, the first one first."""
        found = [one for one in self._sending.iterdir() if one.name.isdigit() and one.is_dir()]
        return sorted(found, key=lambda one: int(one.name))

    # ---------------------------------------------------------------- reporting

    def _go_on(self, claim: Path) -> None:
        """Bring a file that was taken to its end, from wherever it stands."""
        own = claim / _OWN
        done = _read_done(own / _DONE)
        file = next((one for one in claim.iterdir() if one.name != _OWN), None)
        if done is None and file is None:  # stopped before the file came, or after all had gone
            shutil.rmtree(claim)
            return
        try:
            if done is None:
                assert file is not None
                own.mkdir(mode=0o700, exist_ok=True)
                done = self._report(file, own)
                replace(own / _DONE, msgspec.json.encode(done), 0o600)
            for move in done.moves:
                _move(claim / move.source, self._folder / move.folder, move.name)
        except (VoltrailError, OSError) as error:
            self._wait(file.name if file is not None else claim.name, error)
        self._tell(done.told)
        (own / _DONE).unlink()
        shutil.rmtree(claim)

    def _wait(self, name: str, error: VoltrailError | OSError) -> None:
        """Say that a file waits, and why. Raises _Waits."""
        rule = error.rule if isinstance(error, VoltrailError) else "watch.disk"
        said = str(error) if isinstance(error, VoltrailError) else f"{error}. It is tried again."
        self._tell(_told(name, "waiting", rule=rule, message=said))
        raise _Waits(error) from error

    def _report(self, file: Path, own: Path) -> _Done:
        """Report the rows of a file; return what became of it. Raises what does not speak of the file."""
        while True:
            before = file.stat()
            try:
                done = self._report_once(file, own)
            except PermissionError as error:
                return _refuse_whole(file, own, Reason(0, "", "", "watch.unreadable", f"{error}.", _MAY_READ))
            except VoltrailError as error:
                if not (is_for_the_lines(error) or _is_for_the_file(error)):
                    raise
                return _refuse_whole(file, own, Reason.of(error.line or 0, error))
            after = file.stat()
            if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
                return done
            # Somebody went on writing through a file that was open: what is new is reported too.

    def _report_once(self, file: Path, own: Path) -> _Done:
        keeper = Folder(own)
        receipts, reasons = own / "receipts", Reasons(own / "reasons")
        rows = taken = known = found = 0
        refused: set[int] = set()
        source: Source | None = None
        with reasons, receipts.open("wb") as answered:
            if file.suffix.lower() == SIGNED:
                runs = iter([send_signed(self._target, read_signed(file), keeper, self._mode)])
            else:
                source = open_source(file, self._asked)
                if self._mode == "all":
                    runs = iter([deliver_whole(self._target, source.reads(), keeper)])
                else:
                    runs = deliver(self._target, source.reads(), keeper)
            for sent in runs:
                rows, taken, known, found = (
                    rows + sent.rows, taken + sent.taken, known + sent.known, found + sent.found,
                )  # fmt: skip
                for receipt in sent.receipts:
                    answered.write(receipt + b"\n")
                for why in sent.reasons:
                    reasons.add(why)
                    refused.add(why.row)
            answered.flush()
            os.fsync(answered.fileno())
        whole = not taken and not known
        state: State = "taken" if not refused else "refused" if whole else "partly"
        told = _told(
            file.name, state, rows=rows, taken=taken, known=known, found=found, refused=len(refused)
        )
        if whole and refused:
            return _done(told, file, own, reasons.message)
        if refused:
            mend = own / "mend"
            if source is None:
                _copy_signed(file, refused, mend)
            else:
                source.copy_rows(refused, mend)
            sync(mend)
        ending = source.ending if source is not None else ".jsonl"
        return _done(told, file, own, reasons.message, ending if refused else None)


_MAY_READ: Final = "Let the account that watches read it, and put it into the folder again."


def _is_for_the_file(error: VoltrailError) -> bool:
    """Return whether an error says that a file as a whole cannot be read."""
    return error.rule.startswith(("table.", "report.", "line.", "usage.ending", "note.")) and is_local(error)
