"""
How long does it take to say who owes what? All duties of a record, computed from its chains into their table.

    python bench/duties.py --events 1000000

The record: packs made, fitted, their vehicles certified and, but for one in ten, sold. Beside it in the same
run: the rules alone, over the same events in memory, and the limit: PostgreSQL reading the same rows of the
log, nothing computed.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.events import decode
from voltrail.regimes import RULES, Step, duties

BUDGET_S = 20
REPORT_LINES = 10_000
START = datetime(2026, 4, 2, 8, tzinfo=ledger.CHINA)
TODAY = date(2026, 11, 30)


def vin(number: int) -> str:
    return f"LSVSAMP{number:010}"


def lives(events: int) -> Iterator[bytes]:
    """Yield the lines of vehicle after vehicle, with its pack."""
    told = 0
    for number in range(events):
        when = START + timedelta(seconds=20 * number)
        code, car = ledger.pack(number), vin(number)
        lines = [
            ledger.line("manufactured", when, code=code, model_id="S-102", mass_kg=612.5),
            ledger.line("installed", when + timedelta(days=1), code=code, vin=car, reason="new"),
            ledger.line("vehicle_certified", when + timedelta(days=2), vin=car, codes=[code]),
        ]
        if number % 10:
            lines.append(ledger.line("sold", when + timedelta(days=9), vin=car, codes=[code]))
        else:
            lines.append(
                ledger.line("removed", when + timedelta(days=9), code=code, vin=car, reason="warranty")
            )
            lines.append(ledger.line("retired", when + timedelta(days=10), code=code))
        for one in lines:
            if told == events:
                return
            told += 1
            yield one


def store(folder: Path, events: int) -> float:
    """Put the lives on record; return how long that took."""
    ledger.begin(folder)
    rng, run, started = random.Random(1), [], time.perf_counter()
    with voltrail.open(folder) as registry:
        for one in lives(events):
            run.append(one)
            if len(run) == REPORT_LINES:
                registry.report(ledger.file(run, rng))
                run = []
        if run:
            registry.report(ledger.file(run, rng))
        with registry.database.connect() as connection:
            connection.autocommit = True
            connection.execute("vacuum analyze")
    return time.perf_counter() - started


def in_memory(events: int) -> tuple[float, int]:
    """Return how long the rules alone take over events that are decoded already, and how much they find."""
    chains: dict[str, list[Step]] = {}
    for index, one in enumerate(lives(events)):
        event = decode(one)
        own = event.kind in {"vehicle_certified", "sold"}
        subject = f"vehicle:{event.vin}" if own else f"battery:{event.code}"
        received = int(event.occurred_at.timestamp() * 1000)
        chains.setdefault(subject, []).append(Step(index, event, ledger.MAKER, received, "original"))
    started = time.perf_counter()
    found = sum(len(duties(name, chain, lambda _: RULES, lambda *_: True)) for name, chain in chains.items())
    return time.perf_counter() - started, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    made = Path(tempfile.mkdtemp(prefix="voltrail-bench-"))
    try:
        alone, found = in_memory(options.events)
        stored = store(made / "data", options.events)
        with voltrail.open(made / "data") as registry:
            with registry.database.connect() as connection:
                started = time.perf_counter()
                connection.execute(
                    "select sum(length(line)) from event where subjects is not null"
                ).fetchone()
                limit = time.perf_counter() - started
            followed = registry.duties
            started = time.perf_counter()
            while followed.follow():
                pass
            took = time.perf_counter() - started
            started = time.perf_counter()
            counts = followed.counts(TODAY)
            followed.page(TODAY, which="overdue")
            asked = 1000 * (time.perf_counter() - started)
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}", end=", ")
        print(f"Python {platform.python_version()}")
        print(f"{options.events:,} events, load average {os.getloadavg()[0]:.1f}; budget {BUDGET_S} s\n")
        print("| What | Time, s |\n| --- | ---: |")
        print(f"| the rules alone, in memory: {found:,} duties | {alone:.1f} |")
        print(f"| the record followed, duties in their table | {took:.1f} |")
        print(f"| limit: PostgreSQL reads the lines of the log | {limit:.1f} |")
        print(f"| for comparison: the same events put on record | {stored:.0f} |")
        for one in counts:
            print(f"\n{one.rule}: {one.due:,} due, {one.overdue:,} overdue; both lists in {asked:.1f} ms")
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
