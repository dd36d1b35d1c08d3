"""
Measure what an event and a read cost as the record grows, and what the record weighs.

    python bench/growth.py --sizes 1000000 10000000 30000000

At each size: what an event of 30 everyday reports of 1,000 takes (bench/ledger.py); state, history and
evidence of batteries drawn at random; the memory of this process, PostgreSQL's aside; bytes on disk an event.
Between sizes the store is filled with reports of 10,000 events on new packs. With --audit N the whole record
is recomputed at each size up to N. With --keep DIR a registry that was grown there before is gone on with.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.ledger import merkle
from voltrail.registry.audit import audit
from voltrail.registry.registry import Registry

REPORTS = 30
READS = 200


def grow(registry: Registry, stored: int, size: int, rng: random.Random) -> int:
    """Report new packs until the log has `size` entries; return how many packs are stored."""
    while registry.counts()["entries"] < size:
        lines = [ledger.stock(n) for n in range(stored, stored + 10_000)]
        registry.report(ledger.file(lines, rng))
        stored += 10_000
        if sys.stderr.isatty():
            print(f"\r{registry.counts()['entries']:,} of {size:,}", end="", file=sys.stderr)
    with registry.database.connect() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return stored


def written(registry: Registry, stored: int, seed: int) -> tuple[float, int]:
    """Return the microseconds an event takes in everyday reports, and how many packs are stored then."""
    files = ledger.everyday(stored, REPORTS, seed)
    started = time.perf_counter()
    for one in files:
        registry.report(one)
    seconds = time.perf_counter() - started
    return 1e6 * seconds / (REPORTS * ledger.LINES), stored + REPORTS * ledger.LINES // 2


def read(call: Callable[[str], object], codes: list[str]) -> str:
    found = []
    for code in codes:
        merkle._path.cache_clear()  # noqa: SLF001 - as for the first who asks
        started = time.perf_counter()
        call(code)
        found.append(1000 * (time.perf_counter() - started))
    found.sort()
    return f"{statistics.median(found):.2f} / {found[int(len(found) * 0.99) - 1]:.2f}"


def disk_bytes(folder: Path) -> int:
    """Return what the tables weigh: not the write-ahead log, which PostgreSQL reuses."""
    base = folder / "pg" / "base"
    return sum(item.stat().st_size for item in base.rglob("*") if item.is_file())


def audited(registry: Registry) -> str:
    started = time.perf_counter()
    differences = sum(1 for _ in audit(registry))
    return f"{time.perf_counter() - started:.0f} s, {differences} differences"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000, 30_000_000])
    parser.add_argument("--audit", type=int, default=0, metavar="N", help="audit it at each size up to N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the registry there, or go on with it")
    options = parser.parse_args()
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    folder = options.keep or made / "data"
    rng, table = random.Random(1), []
    try:
        if not folder.exists():
            ledger.begin(folder)
        with voltrail.open(folder) as registry:
            stored = registry.counts()["batteries"]
            for number, size in enumerate(options.sizes):
                stored = grow(registry, stored, size, rng)
                us, stored = written(registry, stored, seed=10 + number)
                registry.enter_heads()
                codes = [ledger.pack(rng.randrange(stored)) for _ in range(READS)]
                entries = registry.counts()["entries"]
                table.append(
                    (
                        f"{entries:,}",
                        f"{us:.0f}",
                        read(registry.battery, codes),
                        read(registry.history, codes),
                        read(registry.evidence, codes),
                        f"{psutil.Process().memory_info().rss / 1e6:,.0f}",
                        f"{disk_bytes(folder) / entries:,.0f}",
                        audited(registry) if size <= options.audit else "not run",
                    )
                )
                print(f"{table[-1]}", file=sys.stderr)
        python = platform.python_version()
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, Python {python}")
        print(f"load average {os.getloadavg()[0]:.1f}; reads: median / p99 in ms, {READS} batteries\n")
        print(
            "| Entries | µs an event | State | History | Evidence | Process, MB | Bytes an event | Audit |\n"
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
        )
        for row in table:
            print(f"| {' | '.join(row)} |")
        if len(table) > 1:
            print(
                f"\nAn event costs {float(table[-1][1]) / float(table[0][1]):.2f} times as much at the end."
            )
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
