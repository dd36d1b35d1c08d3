"""
How fast does a spreadsheet become a record? Beside it in the same run: reading alone, and a bare table.

    python bench/intake.py --rows 1000000 --sheet-rows 100000
    python bench/intake.py --only workbook

`csv`: a CSV file of new batteries, at least 200 bytes a line, into a registry of its own (embedded PostgreSQL,
fsync on) by the way that the page's job goes: read, reports of 10,000 lines, signed by the host, each durable
before the next receipt. The peers: the csv module reading the same file and doing nothing; COPY of the same
lines into a bare table. `workbook`: the same from Excel; the peer is openpyxl reading it and doing nothing.
"""

from __future__ import annotations

import argparse
import csv
import io
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


def write_workbook(path: Path, count: int) -> None:
    """Write a workbook as Excel does, strings shared, numbers as numbers."""
    strings: dict[str, int] = {}

    def cell(at: int, number: int, text: str) -> str:
        name = f"{'ABCDEFGHI'[at]}{number}"
        if at in (4, 5) and number > 1:
            return f'<c r="{name}"><v>{float(text)!r}</v></c>'
        return f'<c r="{name}" t="s"><v>{strings.setdefault(text, len(strings))}</v></c>'

    from openpyxl import Workbook

    empty = io.BytesIO()
    Workbook().save(empty)
    with zipfile.ZipFile(empty) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        with target.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(
                b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            )
            for number, row in enumerate((HEADER, *made(count)), 1):
                cells = "".join(cell(at, number, text) for at, text in enumerate(row))
                sheet.write(f'<row r="{number}" spans="1:9">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
        target.writestr(
            "xl/sharedStrings.xml",
            '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + shared + "</sst>",
        )
        for name in source.namelist():
            if name not in target.namelist():
                data = source.read(name)
                if name == "[Content_Types].xml":
                    part = (
                        b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-'
                        b'officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
                    )
                    data = data if b"sharedStrings" in data else data.replace(b"</Types>", part)
                target.writestr(name, data)


class Watch:
    """Wall time, CPU and peak memory: of this process, of those it started, and of PostgreSQL."""

    def __init__(self) -> None:
        self.own = psutil.Process()
        self.peak = self.peak_postgres = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._cpu = self._cpus()
        self._started = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._stop.set()
        self._thread.join()
        now = self._cpus()
        self.cpu, self.cpu_postgres = now[0] - self._cpu[0], now[1] - self._cpu[1]

    def _postgres(self) -> list[psutil.Process]:
        return [
            one for one in psutil.process_iter(["name"]) if one.info["name"] == "postgres" and self._ours(one)
        ]

    def _ours(self, one: psutil.Process) -> bool:
        try:
            return (
                one.ppid() == self.own.pid
                or any(up.pid == self.own.pid for up in one.parents())
                or (tempfile.gettempdir() in " ".join(one.cmdline()) or self._ours_by_parent(one))
            )
        except psutil.Error:
            return False

    def _ours_by_parent(self, one: psutil.Process) -> bool:
        parent = one.parent()
        return parent is not None and "voltrail-bench-" in " ".join(parent.cmdline())

    def _cpus(self) -> tuple[float, float]:
        own = postgres = 0.0
        for one in (self.own, *self.own.children(recursive=True)):
            try:
                times = one.cpu_times()
                if one.name() != "postgres":
                    own += times.user + times.system
            except psutil.Error:
                continue
        for one in self._postgres():
            try:
                times = one.cpu_times()
                postgres += times.user + times.system
            except psutil.Error:
                continue
        return own, postgres

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            own = postgres = 0.0
            for one in (self.own, *self.own.children(recursive=True)):
                try:
                    if one.name() != "postgres":
                        own += one.memory_info().rss
                except psutil.Error:
                    continue
            for one in self._postgres():
                try:
                    postgres += getattr(one.memory_full_info(), "pss", 0)
                except psutil.Error:
                    continue
            self.peak = max(self.peak, own)
            self.peak_postgres = max(self.peak_postgres, postgres)

    def row(self, what: str, count: int, remark: str = "") -> str:
        return (
            f"| {what} | {count:,} | {self.seconds:.1f} | {count / self.seconds:,.0f} | {self.cpu:.1f} |"
            f" {self.cpu_postgres:.1f} | {self.peak / 1e6:,.0f} | {self.peak_postgres / 1e6:,.0f} | {remark} |"
        )


def into_record(path: Path, name: str, folder: Path, count: int) -> str:
    """Put a file into a registry of its own; return the row of the table."""
    ledger.begin(folder)
    warm()
    with voltrail.open(folder) as registry:
        organisation = begin_host_signed(registry)
        accepted = wrong = 0
        with Watch() as watch, path.open("rb") as stream:
            table = open_table(stream, path.name)
            mapping = guess(table.header)

            def lines() -> Iterator[bytes]:
                nonlocal wrong
                for row in read_rows(table, mapping):
                    if row.line is None:
                        wrong += 1
                    else:
                        yield row.line

            for taken in take_rows(registry, organisation, lines()):
                accepted += taken.lines
                if sys.stderr.isatty():
                    print(f"\r{accepted:,}", end="", file=sys.stderr)
        entries = registry.counts()["entries"]
    if wrong or accepted != count or entries < count:
        raise SystemExit(f"{accepted:,} taken, {wrong:,} wrong, {entries:,} on record of {count:,}")
    return watch.row(name, count, "all on record")


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
    table = [into_record(path, "CSV into the record", folder / "csv", options.rows)]
    with Watch() as watch, path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.reader(file):
            pass
    table.append(watch.row("peer: the csv module alone", options.rows, "nothing is made of it"))
    with Watch() as watch, path.open("rb") as stream:
        opened = open_table(stream, path.name)
        bytes_ = sum(len(row.line or b"") for row in read_rows(opened, guess(opened.header)))
    table.append(
        watch.row("reading into lines alone", options.rows, f"{bytes_ / options.rows:.0f} bytes a line")
    )
    table.append(bare_copy(path, folder / "csv", options.rows))
    return table


def bare_copy(path: Path, folder: Path, count: int) -> str:
    """COPY the same lines into a table of numbers and lines, in transactions of 10,000."""
    with path.open("rb") as stream:
        opened = open_table(stream, path.name)
        lines = [row.line or b"" for row in read_rows(opened, guess(opened.header))]
    with voltrail.open(folder) as registry, registry.database.connect() as connection:
        connection.execute("create table bare (number bigint, line bytea)")
        connection.commit()
        with Watch() as watch:
            for at in range(0, count, 10_000):
                some = [
                    copy.columns(2) + copy.bigint(number) + copy.blob(line)
                    for number, line in enumerate(lines[at : at + 10_000], at)
                ]
                record_rows.copy_in(connection, "bare", some)
                connection.commit()
    return watch.row("limit: COPY into a bare table", count, "the lines were made before")


def part_workbook(folder: Path, options: argparse.Namespace) -> list[str]:
    from openpyxl import load_workbook

    path = folder / "made.xlsx"
    write_workbook(path, options.sheet_rows)
    table = [into_record(path, "Excel into the record", folder / "xlsx", options.sheet_rows)]
    with Watch() as watch, path.open("rb") as stream:
        opened = open_table(stream, path.name)
        for _ in read_rows(opened, guess(opened.header)):
            pass
    table.append(watch.row("reading into lines alone", options.sheet_rows))
    with Watch() as watch:
        for _ in load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True):
            pass
    table.append(watch.row("peer: openpyxl alone, read only", options.sheet_rows, "nothing is made of it"))
    return table


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
    try:
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {platform.python_version()}"
        )
        print(f"load average {os.getloadavg()[0]:.1f}\n")
        print(
            "| What | Rows | Seconds | Rows/s | CPU, s | PostgreSQL's | Peak, MB | PostgreSQL's | Remark |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
        )
        for name, part in PARTS.items():
            if options.only in (None, name):
                for row in part(folder, options):
                    print(row, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
