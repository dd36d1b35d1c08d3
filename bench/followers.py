"""
Measure what it costs to bring up all that follows from the record, an entry, and where the time goes.

    python bench/followers.py --world 2000 --new 50000

Two records: a sample world with offenders, as lives are; and batteries that are made and nothing else, as a
maker's first reports are. Each is followed while it comes, some thousand entries at a time, by all tables at
once, as a server does. Then all are emptied and made again together, and each alone, as after a migration.
Beside it in the same run: putting those entries on record, and the limit, PostgreSQL giving lines, reporters
and states of the same entries. `--profile` prints the functions that take longest.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.demo import World, populate
from voltrail.registry.registry import Registry
from voltrail.registry.settings import initialise

AT_ONCE = 1_000
START = datetime(2026, 4, 2, 8, tzinfo=ledger.CHINA)
TABLES = {
    "holdings": "holding, holding_count",
    "duties": "duty, duty_count",
    "outlets": "outlet, sale",
    "flows": "flow, flow_count, flow_place_count, flow_age_count, flow_maker",
    "missing": "missing_case, missing_count",
    "issued": "passport",
}
LIMIT = """
select e.line, r.organisation, (select array_agg(s.state) from subject s where s.id = any(e.subjects))
from event e join report r on r.id = e.report order by e.seq
"""


class Clock:
    """How long following took, and how much of it was Python's."""

    def __init__(self, follow: Callable[[], int]) -> None:
        self._follow, self.took, self.cpu = follow, 0.0, 0.0

    def __call__(self) -> None:
        """Follow to the end."""
        cpu, started = time.process_time(), time.perf_counter()
        while self._follow():
            pass
        self.took += time.perf_counter() - started
        self.cpu += time.process_time() - cpu

    def row(self, what: str, entries: int) -> str:
        """Return a row of the table, in µs an entry."""
        return f"| {what} | {1e6 * self.took / entries:.1f} | {1e6 * self.cpu / entries:.1f} |"


def live(registry: Registry, packs: int, follow: Clock) -> int:
    """Put a sample world with offenders on record, followed; return how many entries that makes."""
    followed = 0

    def progress(done: int, _: int) -> None:
        nonlocal followed
        if done - followed >= AT_ONCE:
            followed = done
            follow()

    lines = populate(registry, World(packs, 20261, manner="offenders"), progress).lines
    follow()
    return lines


def make(registry: Registry, packs: int, follow: Clock) -> int:
    """Put new batteries on record, followed; return how many entries that makes."""
    rng = random.Random(1)
    for start in range(0, packs, AT_ONCE):
        lines = [
            ledger.line(
                "manufactured",
                START + timedelta(seconds=n),
                code=ledger.pack(n),
                model_id="S-102",
                mass_kg=612.5,
            )
            for n in range(start, min(packs, start + AT_ONCE))
        ]
        registry.report(ledger.file(lines, rng))
        follow()
    return packs


def empty(registry: Registry, name: str) -> None:
    """Empty the tables of one noun."""
    with registry.database.pool.connection() as connection, connection.transaction():
        connection.execute(f"truncate {TABLES[name]}")
        connection.execute(f"update {getattr(registry, name).upto} set upto = 0")


def limit(registry: Registry, entries: int) -> float:
    """Return how long PostgreSQL takes to give what following must read, in µs an entry."""
    started = time.perf_counter()
    with registry.database.connect() as connection, connection.cursor("limit", binary=True) as cursor:
        cursor.itersize = 2_000
        cursor.execute(LIMIT)
        for _ in cursor:
            pass
    return 1e6 * (time.perf_counter() - started) / entries


def report(
    registry: Registry,
    what: str,
    put: Callable[[Registry, int, Clock], int],
    packs: int,
    profile: cProfile.Profile | None,
) -> None:
    """Put a record there, follow it, and print what that took."""
    came, started = Clock(registry.follow), time.perf_counter()
    if profile is not None:
        profile.enable()
    entries = put(registry, packs, came)
    if profile is not None:
        profile.disable()
    appended = 1e6 * (time.perf_counter() - started - came.took) / entries
    print(f"\n| {what}: {entries:,} entries | Time, µs an entry | CPU of Python, µs |\n| --- | ---: | ---: |")
    print(came.row("all, as it came", entries))
    for name in TABLES:
        empty(registry, name)
    again = Clock(registry.follow)
    again()
    print(again.row("all, made again", entries))
    for name in TABLES:
        empty(registry, name)
        alone = Clock(getattr(registry, name).follow)
        alone()
        print(alone.row(f"{name} alone, made again", entries))
    print(f"| limit: PostgreSQL gives lines and states | {limit(registry, entries):.1f} | |")
    print(f"| for comparison: put on record, drawn and signed | {appended:.1f} | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--world", type=int, default=2_000, help="packs of the sample world")
    parser.add_argument("--new", type=int, default=50_000, help="new batteries")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    profile = cProfile.Profile() if options.profile else None
    try:
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}", end=", ")
        print(f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}")
        initialise(made / "world", "bench.example/log", [World(1, 20261).authority.vkey])
        with voltrail.open(made / "world") as registry:
            report(registry, "Sample world", live, options.world, profile)
        ledger.begin(made / "new")
        with voltrail.open(made / "new") as registry:
            report(registry, "New batteries", make, options.new, profile)
        print(f"\nLoad average at the end {os.getloadavg()[0]:.1f}.")
        if profile is not None:
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
