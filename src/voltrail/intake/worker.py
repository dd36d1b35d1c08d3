"""
While a server runs, files are opened, checked and put on record behind the scenes.

After every run of rows, what was done is in the database together with how far it came: so each file goes on
where it was. If the machine stops between a report and that note, the same report is handed in again, and
gives the same receipt.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from typing import Any, BinaryIO, Final

import msgspec
import psycopg

from voltrail.database.database import Connection
from voltrail.errors import RegistryError, VoltrailError
from voltrail.events.tables import Row, Trouble
from voltrail.intake.jobs import (
    MAX_CELL_BYTES,
    MAX_FOUND,
    MAX_ROWS,
    Batch,
    Failure,
    Job,
    Jobs,
    Ready,
    storable,
)
from voltrail.intake.shelf import Shelf
from voltrail.intake.sources import SAMPLE, Source, needs_a_look, open_source, without_remarks
from voltrail.registry.epcis import host_of, importing
from voltrail.registry.intake import REPORT_LINES, take_rows
from voltrail.registry.registry import Registry

RUN: Final = 5_000  # rows between two notes of how far it came
LOOK_S: Final = 2.0
AGAIN_S: Final = 10.0  # after a failure
CLOSE_S: Final = 5.0  # for the runs of rows that are being done
SWEEP_S: Final = 3_600.0
REPORT_BYTES: Final = 16 << 20
WORKERS: Final = 2  # files at a time, of different organisations
_LOCK: Final = 0x566F6C78  # with an organisation's hash: whose file is worked on

log = logging.getLogger("voltrail.files")


class _Refused(msgspec.Struct):
    line: int
    rule: str
    message: str
    fix: str = ""


class _Found(msgspec.Struct):
    line: int
    kind: str
    rule: str
    message: str


class _Receipt(msgspec.Struct):
    """As much of a receipt as says what became of each line."""

    report: str
    first_index: int | None
    accepted: list[int]
    known: list[msgspec.Raw]
    refused: list[_Refused]
    findings: list[_Found]


class Worker:
    """Works from `start` to `close`, by small steps; several servers share the files out by locks."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.shelf = Shelf(registry.data / "files")
        self.jobs = Jobs(registry.database, self.shelf)
        self._stop, self._work = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._swept = 0.0

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, name=f"files {number}", daemon=True)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop after the run of rows that is being done: the next start goes on from there."""
        self._stop.set()
        self._work.set()
        until = time.monotonic() + CLOSE_S
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))

    def wake(self) -> None:
        """Say that there is something to do."""
        self._work.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            wait_s = self.step()
            if wait_s and not self._stop.is_set():
                self._work.wait(wait_s)
                self._work.clear()

    def step(self) -> float:
        """Work on one file as far as it goes; return after how many seconds to look again."""
        try:
            self._sweep()
            return 0 if self._work_on_one() else LOOK_S
        except Exception as error:  # whatever it is, it is tried again
            log.warning("Files are not worked on: %s", str(error) or repr(error))
            log.debug("Files are not worked on.", exc_info=error)
            return AGAIN_S

    def _work_on_one(self) -> bool:
        """Do what the oldest file waits for whose organisation has no other in hand; False for none."""
        waiting = self.jobs.waiting()
        if not waiting:
            return False
        with self._registry.database.connect() as guard:
            guard.autocommit = True
            for organisation, number in waiting:
                with _alone(guard, organisation) as mine:
                    if mine and (job := self.jobs.at_work(number)) is not None:
                        self._do(job)
                        return True
        return False

    def _do(self, job: Job) -> None:
        try:
            {"opening": self._open, "checking": self._check, "recording": self._record}[job.state](job)
        except (psycopg.Error, RegistryError) as error:
            if getattr(error, "rule", "") == "file.lost":
                self._fail(job, error)
            else:
                raise  # for a while: it goes on where it was
        except VoltrailError as error:
            self._fail(job, error)
        except Exception:
            log.exception("The file %s of %s failed.", job.id, job.organisation)
            self._fail(
                job,
                VoltrailError(
                    "internal.defect",
                    "Something went wrong in Voltrail itself.",
                    "Try again; if it stays, tell the operator of this registry what you did and when.",
                ),
            )

    def _fail(self, job: Job, error: Any) -> None:
        failure = Failure(
            rule=error.rule, message=error.message, fix=error.fix, line=error.line, source=error.source
        )
        self.jobs.fail(job, failure)

    # ------------------------------------------------------------------ the three things it does

    def _source(self, stream: BinaryIO, job: Job) -> Source:
        asks = importing(self._registry, job.organisation, host_of(self._registry))
        return open_source(stream, job.form, job.name, job.wanted, asks)

    def _open(self, job: Job) -> None:
        """Find out what a file is: its header, its first rows, and whether its columns are clear."""
        with self.shelf.open(job.digest) as stream:
            source = self._source(stream, job)
            mapping, about = source.guessed, source.about
            asks = needs_a_look(source)
            said = job.wanted.columns is not None or bool(job.wanted.constants)
            known = self.jobs.remembered(job.organisation, without_remarks(about.header))
            if known is not None and not said and job.wanted.kind in {None, known.kind}:
                columns = (*known.columns, *([None] * len(about.header)))[: len(about.header)]
                mapping, asks = msgspec.structs.replace(known, columns=columns), False
            if said:
                asks = bool(source.lacking)
            first = [row.cells for row in islice(source.rows(mapping), SAMPLE)] if job.has_columns else []
        sample = tuple(tuple(storable(cell[:200]) for cell in cells) for cells in first)
        about = msgspec.structs.replace(about, sample=sample)
        self.jobs.opened(job, about, mapping, "mapping" if asks else "checking")

    def _check(self, job: Job) -> None:
        """Read all rows: those that are right go to the file of rows, the others to the database."""
        if job.mapping is None:
            raise RegistryError("file.lost", "How its columns are read is not known.", "Send it again.")
        self.shelf.check_room()
        kept = self.jobs.counts(job).refused
        with (
            self.shelf.open(job.digest) as stream,
            self.shelf.append_rows(job.id, job.ready_bytes) as ready,
        ):
            source = self._source(stream, job)
            rows = source.rows(job.mapping, job.checked_to)
            told = job
            while run := list(islice(rows, RUN)):
                right = [row for row in run if row.line is not None]
                wrong = [row for row in run if row.line is None]
                wrong_kept = [row for row in wrong if _size(row) <= MAX_CELL_BYTES][: MAX_ROWS - kept]
                kept += len(wrong_kept)
                ready.write(b"".join(map(_written, right)))
                ready.flush()
                told = msgspec.structs.replace(
                    told,
                    checked=told.checked + len(run),
                    checked_to=run[-1].number,
                    ready=told.ready + len(right),
                    ready_bytes=ready.tell(),
                    unkept=told.unkept + len(wrong) - len(wrong_kept),
                    share=_share(stream, job),
                )
                if not self.jobs.checked(told, wrong_kept) or self._stop.is_set():
                    return
            os.fsync(ready.fileno())
        if not told.checked:
            raise VoltrailError(
                "file.empty", "The file has no rows below its header.", "Write one event a row, then send it."
            )
        self.jobs.move(told, "checked")

    def _record(self, job: Job) -> None:
        """Hand what is right to the record, batch by batch, in the order of the file."""
        organisation, registry = job.organisation, self._registry
        if organisation in {*registry.authorities, registry.settings.host}:
            raise VoltrailError(
                "access.key",
                "An authority and the host report with their keys alone.",
                "Take the lines as a file, and sign them.",
            )
        waiting: deque[Ready] = deque()
        of = job.ready - job.sent + self.jobs.counts(job).mended

        def lines() -> Iterator[bytes]:
            for row in self._ready(job):
                if self._stop.is_set():
                    return
                waiting.append(row)
                yield row.line

        told, done = job, 0
        room = MAX_ROWS - self.jobs.counts(job).refused
        for taken in take_rows(
            registry, organisation, lines(), source_digest=job.digest, report_lines=_report_lines(job)
        ):
            rows = [waiting.popleft() for _ in range(taken.lines)]
            done += len(rows)
            receipt = msgspec.json.decode(taken.receipt, type=_Receipt)
            told = self._note(told, rows, receipt, done / of, room)
            room -= len(receipt.refused)
        if not self._stop.is_set():
            self._fill_cells(told)
            self.jobs.move(told, "recorded")

    def _note(self, job: Job, rows: list[Ready], taken: _Receipt, share: float, room: int) -> Job:
        """Note what became of a batch, keeping so many refused rows; return the file as it stands then."""
        ends = [row.end for row in rows if row.end is not None]
        # The very same report was there before this file's rows began to be put on record: none of it is new.
        was_there = taken.first_index is not None and taken.first_index < job.from_entry
        accepted = 0 if was_there else len(taken.accepted)
        known = len(taken.known) + len(taken.accepted) - accepted
        troubles: dict[int, list[Trouble]] = {}
        for refused in taken.refused:
            said = Trouble(None, None, "", refused.rule, refused.message, refused.fix)
            troubles.setdefault(refused.line, []).append(said)
        refused_at = set(troubles)
        for finding in taken.findings:
            said = Trouble(None, None, finding.kind, finding.rule, finding.message, "")
            troubles.setdefault(finding.line, []).append(said)
        found_at = [at for at in sorted(troubles) if at not in refused_at]
        kept = sorted(refused_at)[: max(0, room)]
        shown = [*kept, *found_at[: max(0, MAX_FOUND - job.found)]]
        to_keep = [
            ("refused" if at in refused_at else "found", _row_of(rows[at], troubles[at])) for at in shown
        ]
        told = msgspec.structs.replace(
            job,
            sent=job.sent + len(ends),
            sent_bytes=max(ends, default=job.sent_bytes),
            taken=job.taken + accepted,
            known=job.known + known,
            found=job.found + len(found_at),
            unkept=job.unkept + len(refused_at) - len(kept),
            share=share,
        )
        batch = Batch(
            bytes.fromhex(taken.report),
            rows[0].number,
            rows[-1].number,
            len(rows),
            accepted,
            known,
            len(refused_at),
            len(found_at),
        )
        mended = [row.number for row in rows if row.end is None]
        self.jobs.sent(told, batch, mended, to_keep)
        return told

    def _fill_cells(self, job: Job) -> None:
        """Read the cells of rows again that the record refused: for rows that are right they are not kept."""
        wanted = self.jobs.without_cells(job)
        if not wanted or job.form == "jsonl":
            return
        with self.shelf.open(job.digest) as stream:
            cells = self._source(stream, job).cells(wanted)
            while run := list(islice(cells, RUN)):
                self.jobs.fill_cells(job, run)

    def _ready(self, job: Job) -> Iterator[Ready]:
        """Yield what is right and not on record yet, mended rows among the others, by number."""
        return merge(self._written(job), self.jobs.mended(job))

    def _written(self, job: Job) -> Iterator[Ready]:
        if job.sent_bytes >= job.ready_bytes:
            return
        path = self.shelf.rows(job.id)
        if not path.exists() or path.stat().st_size < job.ready_bytes:
            raise RegistryError(
                "file.lost", "The file is no longer on this registry's disk.", "Send it again."
            )
        with path.open("rb", 1 << 20) as file:
            file.seek(job.sent_bytes)
            at = job.sent_bytes
            for raw in file:
                at += len(raw)
                number, cells, line = raw[:-1].split(b"\t", 2)
                yield Ready(int(number), line, cells, at)

    def lines(self, job: Job) -> Iterator[bytes]:
        """Yield the lines that are right and not on record yet, in the order of the file."""
        return (row.line for row in self._ready(job))

    def _sweep(self) -> None:
        """Remove now and then what was not touched for 30 days, and what came half."""
        if time.monotonic() - self._swept < SWEEP_S and self._swept:
            return
        self._swept = time.monotonic()
        self.shelf.sweep()
        for job in self.jobs.outdated():
            self.jobs.remove(job)


@contextmanager
def _alone(guard: Connection, organisation: str) -> Iterator[bool]:
    """Hold the lock of an organisation, if nobody has it; it falls with the connection."""
    named = (_LOCK, organisation)
    (mine,) = guard.execute("select pg_try_advisory_lock(%s, hashtext(%s))", named).fetchone() or (False,)
    try:
        yield mine
    finally:
        if mine:
            guard.execute("select pg_advisory_unlock(%s, hashtext(%s))", named)


def _written(row: Row) -> bytes:
    """Return a row as the file of rows has it. Tabs and line feeds in cells are escaped in JSON."""
    return b"%d\t%b\t%b\n" % (row.number, msgspec.json.encode(row.cells), row.line or b"")


def _row_of(ready: Ready, troubles: Iterable[Trouble]) -> Row:
    cells = msgspec.json.decode(ready.cells, type=tuple[str, ...])
    return Row(ready.number, cells, None, tuple(troubles))


def _report_lines(job: Job) -> int:
    """Return how many lines a report of this file has: so many that it is not too large."""
    return max(1, min(REPORT_LINES, REPORT_BYTES * job.ready // max(job.ready_bytes, 1) or REPORT_LINES))


def _size(row: Row) -> int:
    return sum(map(len, row.cells))


def _share(stream: BinaryIO, job: Job) -> float | None:
    """Return how much of a file has been read, where it is read from its beginning to its end."""
    return None if job.form == "xlsx" else os.lseek(stream.fileno(), 0, os.SEEK_CUR) / max(job.bytes, 1)
