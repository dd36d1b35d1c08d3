"""
Measure what it costs to bring up all that follows from the record, an entry, and where the time goes.

    python bench/followers.py --world 2000 --new 50000

Two records: a sample world with offenders, as lives are; and batteries made and nothing else, as a maker's
first reports are. Each is followed by all tables at once, as a server does; then each table is emptied and made
again alone, as after a migration. Beside it in the same run: appending those entries, and the limit, PostgreSQL
giving lines, reporters and states of the same entries. `--profile` prints the functions that take longest.
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

REPORT_LINES = 10_000
START = datetime(2026, 4, 2, 8, tzinfo=ledger.CHINA)
TABLES = {
    "holdings": "holding, holding_count",
    "duties": "duty, duty_count",
    "outlets": "outlet, sale",
    "flows": "flow, flow_count, flow_place_count, flow_age_count, flow_maker",
    "missing": "missing_case, missing_count",
}
LIMIT = """
select e.line, r.organisation, (select array_agg(s.state) from subject s where s.id = any(e.subjects))
from event e join report r on r.id = e.report order by e.seq
"""


def live(registry: Registry, packs: int) -> int:
    """Put a sample world with offenders on record; return how many entries that makes."""
    return populate(registry, World(packs, 20261, manner="offenders")).lines


def make(registry: Registry, packs: int) -> int:
    """Put new batteries on record; return how many entries that makes."""
    rng = random.Random(1)
    for start in range(0, packs, REPORT_LINES):
        lines = [
            ledger.line(
                "manufactured", START + timedelta(seconds=n), code=ledger.pack(n), model_id="S-102", mass_kg=612.5
            )
            for n in range(start, min(packs, start + REPORT_LINES))
        ]
        registry.report(ledger.file(lines, rng))
    return packs


def measure(follow: Callable[[], int], entries: int) -> tuple[float, float]:
    """Return how long it took to follow to the end, and the processor time of Python, in µs an entry."""
    cpu, started = time.process_time(), time.perf_counter()
    while follow():
        pass
    took, used = time.perf_counter() - started, time.process_time() - cpu
    return 1e6 * took / entries, 1e6 * used / entries


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


def report(registry: Registry, what: str, put: Callable[[], int], profile: cProfile.Profile | None) -> None:
    """Put a record there, follow it, and print what that took."""
    started = time.perf_counter()
    entries = put()
    appended = 1e6 * (time.perf_counter() - started) / entries
    print(f"\n| {what}: {entries:,} entries | Time, µs an entry | CPU of Python, µs |\n| --- | ---: | ---: |")
    if profile is not None:
        profile.enable()
    print("| all at once | {:.1f} | {:.1f} |".format(*measure(registry.follow, entries)))
    if profile is not None:
        profile.disable()
    for name in TABLES:
        empty(registry, name)
        alone = measure(getattr(registry, name).follow, entries)
        print("| {} alone, made again | {:.1f} | {:.1f} |".format(name, *alone))
    print(f"| limit: PostgreSQL gives lines and states | {limit(registry, entries):.1f} | |")
    print(f"| for comparison: put on record, drawn and signed | {appended:.1f} | |")


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
            report(registry, "Sample world", lambda: live(registry, options.world), profile)
        ledger.begin(made / "new")
        with voltrail.open(made / "new") as registry:
            report(registry, "New batteries", lambda: make(registry, options.new), profile)
        print(f"\nLoad average at the end {os.getloadavg()[0]:.1f}.")
        if profile is not None:
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
