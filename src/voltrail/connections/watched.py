"""
A folder of a production line: files that come into it are reported, each once.

A file is taken when it no longer changes, by a rename into `sending/`, where it has a folder of its own with
all that is known of it: what was signed, the receipts, and in the end `done.json`, which says where all of it
goes. Each step leaves behind it what the next needs, so a process that is killed is followed by one that goes
on. The same lines are the same report: what was sent, and its receipt lost, is answered again.
Files are taken in the order of their times; while one waits, those behind it wait.
"""

from __future__ import annotations

import errno
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
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, Self

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
from voltrail.errors import (
    CodeError,
    EventError,
    LineError,
    ReportError,
    TableError,
    UsageError,
    VoltrailError,
)
from voltrail.ledger.reports import ReportFile
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
_NO_LINKS: Final = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
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
    """A file on its way out of sending/: from where, into which folder, under which name if it is free."""

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
        self._told, self._ends = tell, set[State]()
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
                "watch.folder",
                f"{folder} cannot be written to: {error}.",
                "Make it, and let this account write into it.",
            ) from error

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(
                "watch.folder",
                f"{self._folder} cannot be written to: {error}.",
                "Make it, and let this account write into it.",
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
            except (_Waits, OSError) as error:
                if isinstance(error, OSError):  # the folder itself
                    self._tell(
                        _told("", "waiting", rule="watch.disk", message=f"{error}. It is tried again.")
                    )
                most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 10))
                failures += 1
                self._stop.wait(random.uniform(most / 2, most))  # noqa: S311 - spreads load

    def run_once(self) -> bool:
        """Report what is there; return whether all of it was taken, and nothing waits or was refused."""
        self._ends.clear()
        with suppress(_Waits):
            self.step()
            time.sleep(STEADY_S + 0.1)
            self.step()
        return self._ends <= {"taken"}

    def step(self) -> None:
        """Report what was begun before, and then each file that no longer changes. Raises _Waits."""
        for claim in self._claims():
            self._go_on(claim)
        for name in self._ready():
            taken = self._claim(name)
            if taken is not None:
                self._go_on(taken)
            if self._stop.is_set():
                return

    def _tell(self, told: Told) -> None:
        self._ends.add(told.state)
        self._told(told)

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
        self._seen, self._unfinished = (
            seen,
            unfinished | (self._unfinished & {w[0][0] for w in seen.values()}),
        )
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
            sync(claim)
            sync(self._sending)
        except FileNotFoundError:
            claim.rmdir()
            return None
        except OSError as error:
            self._wait(name, error)
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
        try:
            if done is None and file is not None:
                own.mkdir(mode=0o700, exist_ok=True)
                done = self._report(file, own)
                replace(own / _DONE, msgspec.json.encode(done), 0o600)
            for move in done.moves if done is not None else ():
                _move(claim / move.source, self._folder / move.folder, move.name)
        except (VoltrailError, OSError) as error:
            self._wait(file.name if file is not None else claim.name, error)
        if done is not None:  # else it was stopped before the file came, or after all had gone
            self._tell(done.told)
            (own / _DONE).unlink()
        shutil.rmtree(claim)

    def _wait(self, name: str, error: VoltrailError | OSError) -> NoReturn:
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
                if not _is_for_the_file(file, error):
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
                    rows + sent.rows, taken + sent.taken, known + sent.known,
                    found + len({one.row for one in sent.findings}),
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
            file.name,
            state,
            rows=rows,
            taken=taken,
            known=known,
            found=found,
            refused=len(refused),
            rule=reasons.rule,
            message=reasons.message,
        )
        if state != "partly":
            return _end(told, file, None)
        mend = own / "mend"
        source.copy_rows(refused, mend) if source is not None else _copy_signed(file, refused, mend)
        sync(mend)
        return _end(told, file, source.ending if source is not None else ".jsonl")


_MAY_READ: Final = "Let the account that watches read it, and put it into the folder again."


def _is_for_the_file(file: Path, error: VoltrailError) -> bool:
    """Return whether an error says that a file cannot be taken, and not that all have to wait."""
    if file.suffix.lower() == SIGNED:
        return isinstance(error, ReportError) or error.rule == "usage.policy"  # it is for another log
    return is_for_the_lines(error) or isinstance(error, TableError | EventError | CodeError | LineError)


def _refuse_whole(file: Path, own: Path, why: Reason) -> _Done:
    """Return what becomes of a file of which nothing was taken, for a reason that is not one row's."""
    text = f"{file.name}\n\n{why.message} {why.fix}".rstrip() + f"\n\n{why.rule}\n"
    (own / "reasons").write_text(text)
    sync(own / "reasons")
    told = _told(file.name, "refused", rule=why.rule, message=f"{why.message} {why.fix}".rstrip())
    moves = [_Move(f"{_OWN}/reasons", REFUSED, ".reasons.txt"), _Move(file.name, REFUSED, "")]
    return _named(told, file, moves)


def _end(told: Told, file: Path, mend: str | None) -> _Done:
    """Return where a file and what was written of it go; `mend` is the ending of the rows to be mended."""
    reasons = _Move(f"{_OWN}/reasons", REFUSED, f"{mend or ''}.reasons.csv")
    if told.state == "refused":
        return _named(told, file, [reasons, _Move(file.name, REFUSED, "")])
    day = f"{TAKEN}/{datetime.now(UTC):%Y-%m-%d}"
    moves = [_Move(f"{_OWN}/receipts", day, ".receipts.jsonl"), _Move(file.name, day, "")]
    if mend is not None:
        moves = [_Move(f"{_OWN}/mend", REFUSED, mend), reasons, *moves]
    return _named(told, file, moves)


def _named(told: Told, file: Path, moves: list[_Move]) -> _Done:
    """Return the moves with names under which nothing stands yet: NAME.csv, or NAME-2.csv and so on."""
    root = file.parent.parent.parent
    stem, ending = _cut(file.stem), file.suffix
    for number in count(1):
        base = stem if number == 1 else f"{stem}-{number}"
        named = [
            _Move(one.source, one.folder, base + (one.name if _has_ending(one) else ending + one.name))
            for one in moves
        ]
        if not any(os.path.lexists(root / one.folder / one.name) for one in named):
            break
    return _Done(msgspec.structs.replace(told, to=f"{named[-1].folder}/{named[-1].name}"), named)


def _has_ending(move: _Move) -> bool:
    """Return whether a name brings the ending of the rows to be mended, in the place of the file's."""
    return move.name.startswith((".csv", ".jsonl"))


def _cut(stem: str) -> str:
    """Return a name that further endings can be put to, as file systems bound them."""
    return stem.encode(errors="surrogateescape")[:LONGEST_NAME_BYTES].decode(errors="ignore") or "file"


def _move(source: Path, folder: Path, name: str) -> None:
    """Move a file, never over another; done before, it is not done again."""
    if not os.path.lexists(source):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        to = folder / (name if number == 1 else f"{Path(name).stem}-{number}{Path(name).suffix}")
        try:
            os.link(source, to, follow_symlinks=False)
        except FileExistsError:
            if os.path.samestat(source.lstat(), to.lstat()):
                break  # stopped between the link and what follows
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if not os.path.lexists(to):  # nobody else writes here: the lock is ours
                source.rename(to)
                sync(folder)
                return
        else:
            break
    sync(folder)
    source.unlink()


def _copy_signed(file: Path, rows: set[int], out: Path) -> None:
    """Write the lines of a report file that were not taken: they can be mended, and signed again."""
    lines = ReportFile.parse(read_signed(file)).lines
    out.write_bytes(b"".join(line + b"\n" for row, line in enumerate(lines, 1) if row in rows))


def _read_done(path: Path) -> _Done | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Done)
    except FileNotFoundError:
        return None


def _told(
    file: str,
    state: State,
    *,
    rule: str = "",
    message: str = "",
    rows: int = 0,
    taken: int = 0,
    known: int = 0,
    found: int = 0,
    refused: int = 0,
) -> Told:
    plain = "".join(one if one.isprintable() else "\ufffd" for one in file)
    return Told(
        at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        file=plain,
        state=state,
        rows=rows,
        taken=taken,
        known=known,
        found=found,
        refused=refused,
        rule=rule,
        message=message,
    )
