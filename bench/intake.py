"""
How fast does a spreadsheet become a record? Beside it in the same run: reading alone, and a bare table.

    python bench/intake.py --rows 1000000 --sheet-rows 100000
    python bench/intake.py --only workbook

`csv`: a CSV file of new batteries, at least 200 bytes a line, into a registry of its own (with the embedded
PostgreSQL, fsync on) the way the page goes: all rows are checked first, then put on record in reports of
10,000 lines which the host signs, each durable before its receipt. The peers: the csv module reading the same
file and doing nothing; COPY of the same lines into a bare table. `workbook`: the same from Excel; the peer is
openpyxl reading it and doing nothing.
"""

from __future__ import annotations

import argparse
import atexit
import csv
import io
import itertools
import os
import platform
import random
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))


from bench import ledger

import voltrail
from voltrail.codes import build
from voltrail.database import copy
from voltrail.events.tables import guess, open_table, read_rows
from voltrail.organisations.identifiers import credit_code
from voltrail.registry import rows as record_rows
from voltrail.registry.intake import take_rows
from voltrail.registry.prepare import warm

HEADER = ("事件", "发生时间", "电池编码", "型号", "质量 (kg)", "能量 (kWh)", "场所", "批次", "备注")
NOTE = "出厂检验合格，编号连续，检验单随附。"


def made(count: int) -> Iterator[tuple[str, ...]]:
    """Yield rows of new batteries, as the export of a production line has them."""
    rng, first = random.Random(1), datetime(2026, 4, 1, 8)  # noqa: DTZ001 - written as a clerk would
    for number in range(count):
        day, serial = divmod(number, 9_999_999)
        when = first + timedelta(seconds=number % 2_000_000)
        code = build(
            maker="9ZZ",
            level="pack",
            battery_type="B",
            production_date=date(2026, 4, 1) + timedelta(days=day),
            serial=serial + 1,
        )
        mass, energy = rng.randrange(40_000, 42_000) / 100, rng.randrange(600, 640) / 10
        yield (
            "生产",
            f"{when:%Y-%m-%d %H:%M:%S}",
            code,
            "9ZZ-LFP-62",
            f"{mass:.2f}",
            f"{energy:.1f}",
            "PLANT-1",
            f"B-{when:%Y%m%d}-{number % 40:02}",
            NOTE,
        )


def write_csv(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(made(count))


_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_SHARED = {
    b"</Types>": f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_OFFICE}"/>'.encode(),
    b"</Relationships>": b'<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    b'relationships/sharedStrings" Target="sharedStrings.xml"/>',
}


def write_workbook(path: Path, count: int) -> None:
    """Write a workbook as Excel does, strings shared, numbers as numbers."""
    strings: dict[str, int] = {}

    def cell(at: int, number: int, text: str) -> str:
        name = f"{'ABCDEFGHI'[at]}{number}"
        if at in (4, 5) and number > 1:
            return f'<c r="{name}"><v>{float(text)!r}</v></c>'
        return f'<c r="{name}" t="s"><v>{strings.setdefault(text, len(strings))}</v></c>'

    from openpyxl import Workbook

    around = io.BytesIO()
    Workbook().save(around)
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    with zipfile.ZipFile(around) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        with target.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f"<worksheet {main}><sheetData>".encode())
            for number, row in enumerate((HEADER, *made(count)), 1):
                cells = "".join(cell(at, number, text) for at, text in enumerate(row))
                sheet.write(f'<row r="{number}" spans="1:9">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
        target.writestr("xl/sharedStrings.xml", f"<sst {main}>{shared}</sst>")
        for name in set(source.namelist()) - set(target.namelist()):
            data = source.read(name)
            for end, more in _SHARED.items():
                data = data.replace(end, more + end)
            target.writestr(name, data)


class Watch:
    """Wall time, CPU and peak memory: of this process, and of the PostgreSQL of a registry's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.own = psutil.Process()
        self.server = None
        if folder is not None:
            pid = (folder / "pg" / "postmaster.pid").read_text().split()[0]
            self.server = psutil.Process(int(pid))
        self.peak = self.peak_postgres = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._cpu, self._cpu_postgres = self._cpus()
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._stop.set()
        self._thread.join()
        cpu, cpu_postgres = self._cpus()
        self.cpu, self.cpu_postgres = cpu - self._cpu, cpu_postgres - self._cpu_postgres

    def _servers(self) -> list[psutil.Process]:
        return [] if self.server is None else [self.server, *self.server.children()]

    def _cpus(self) -> tuple[float, float]:
        """CPU until now; of sessions that ended too."""
        times = self.own.cpu_times()
        postgres = 0.0
        for one in self._servers():
            theirs = one.cpu_times()
            postgres += theirs.user + theirs.system + (theirs.children_user + theirs.children_system
                                                       if one == self.server else 0)  # fmt: skip
        return times.user + times.system, postgres

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self.peak = max(self.peak, self.own.memory_info().rss)
            try:
                shared = sum(one.memory_full_info().pss for one in self._servers())
            except psutil.Error:
                continue
            self.peak_postgres = max(self.peak_postgres, shared)

    def row(self, what: str, count: int, remark: str = "") -> str:
        return (
            f"| {what} | {count:,} | {self.seconds:.1f} | {count / self.seconds:,.0f} | {self.cpu:.1f} |"
            f" {self.cpu_postgres:.1f} | {self.peak / 1e6:,.0f} | {self.peak_postgres / 1e6:,.0f} |"
            f" {remark} |"
        )


def into_record(path: Path, name: str, folder: Path, count: int) -> list[str]:
    """Put a file into a registry of its own, checked first as the page does; return rows of the table."""
    ledger.begin(folder)
    warm()
    with voltrail.open(folder) as registry:
        organisation = begin_host_signed(registry)
        before, ready = registry.counts()["entries"], path.with_suffix(".lines")
        with Watch(folder) as checking, path.open("rb") as stream, ready.open("wb") as right:
            table = open_table(stream, path.name)
            for row in read_rows(table, guess(table.header)):
                if row.line is None:
                    raise SystemExit(f"row {row.number}: {row.troubles}")
                right.write(row.line + b"\n")
        taken = 0
        with Watch(folder) as recording, ready.open("rb") as lines:
            for report in take_rows(registry, organisation, (line[:-1] for line in lines)):
                taken += report.lines
                if sys.stderr.isatty():
                    print(f"\r{taken:,}", end="", file=sys.stderr)
        if not taken == count == registry.counts()["entries"] - before:
            raise SystemExit(f"{taken:,} taken, {registry.counts()['entries'] - before:,} on record")
        length = ready.stat().st_size / count - 1
    seconds = checking.seconds + recording.seconds
    return [
        checking.row(f"{name}: check all rows", count, f"{length:.0f} bytes a line"),
        recording.row(f"{name}: put them on record", count),
        f"| **{name}: both** | {count:,} | **{seconds:.1f}** | {count / seconds:,.0f} | | | | | |",
    ]


def begin_host_signed(registry: voltrail.Registry) -> str:
    """Put an organisation on record for which the host may sign; return its identifier."""
    organisation, since = credit_code("91000000MA0000002"), datetime(2020, 1, 1, tzinfo=ledger.CHINA)
    trust = (registry.data / "host-trust.jsonl").read_bytes().splitlines()
    lines = [
        *trust,
        ledger.line("organisation_registered", since, organisation=organisation, name="Sample maker"),
        ledger.line("role_granted", since, organisation=organisation, role="battery_maker"),
    ]
    registry.report(ledger.file(lines, random.Random(2), ledger.signer(ledger.AUTHORITY)))
    return organisation


def part_csv(folder: Path, options: argparse.Namespace) -> list[str]:
    path = folder / "made.csv"
    write_csv(path, options.rows)
    table = into_record(path, "CSV", folder / "csv", options.rows)
    with Watch() as watch, path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.reader(file):
            pass
    return [
        *table,
        watch.row("peer: the csv module alone", options.rows, "nothing is made of it"),
        bare_copy(path.with_suffix(".lines"), folder / "csv", options.rows),
    ]


def bare_copy(path: Path, folder: Path, count: int) -> str:
    """COPY the same lines into a table of numbers and lines, in transactions of 10,000."""
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        connection.execute("create table bare (number bigint, line bytea)")
        connection.commit()
        with Watch(folder) as watch, path.open("rb") as lines:
            numbered = enumerate(lines)
            while some := [
                copy.columns(2) + copy.bigint(number) + copy.blob(line[:-1])
                for number, line in itertools.islice(numbered, 10_000)
            ]:
                record_rows.copy_in(connection, "bare", some)
                connection.commit()
    return watch.row("limit: COPY into a bare table", count, "the lines were made before")


def part_workbook(folder: Path, options: argparse.Namespace) -> list[str]:
    from openpyxl import load_workbook

    path = folder / "made.xlsx"
    write_workbook(path, options.sheet_rows)
    table = into_record(path, "Excel", folder / "xlsx", options.sheet_rows)
    with Watch() as watch:
        for _ in load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True):
            pass
    return [*table, watch.row("peer: openpyxl alone, read only", options.sheet_rows, "nothing is made of it")]


PARTS: dict[str, Callable[[Path, argparse.Namespace], list[str]]] = {
    "csv": part_csv,
    "workbook": part_workbook,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sheet-rows", type=int, default=100_000)
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after PostgreSQL has ended
    python = platform.python_version()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {python}")
    print(f"load average {os.getloadavg()[0]:.1f}\n")
    print(
        "| What | Rows | Seconds | Rows/s | CPU, s | PostgreSQL's | Peak, MB | PostgreSQL's | Remark |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    )
    for name, part in PARTS.items():
        if options.only in (None, name):
            for row in part(folder, options):
                print(row, flush=True)


if __name__ == "__main__":
    main()
